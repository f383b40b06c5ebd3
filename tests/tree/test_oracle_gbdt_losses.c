/* Objectives and the L1 penalty of boosted trees beside LightGBM's, on the rows of gbdt.csv: losses
 * after 60 rounds are as low, and raw values with L1 are the same. See
 * tests/oracle/make_gbdt_losses.py. */
#include "tests/fixture.h"
#include "tests/tree/gbdt_case.h"

enum { N = 1500, D = 5, COLUMNS = 6, TARGET = 5, RAW = 200 };

static double cell[N][COLUMNS];

/* Absolute, quantile, Poisson; raw values. */
static double peer_loss[3], peer_raw[RAW];

static void read_oracles(void) {
  char line[512];
  int64_t raw = 0, losses = 0;
  CHECK_INTEGER(fixture_read("gbdt.csv", COLUMNS, N, &cell[0][0]), N);
  FILE *file = fixture_open("gbdt_losses.csv");
  while (file && fgets(line, sizeof line, file)) {
    double value = strtod(strchr(line, ',') + 1, NULL);
    if (line[0] == 's' && raw < RAW)
      peer_raw[raw++] = value;
    else if (losses < 3)
      peer_loss[losses++] = value;
  }
  if (file) fclose(file);
  CHECK_INTEGER(raw, RAW);
  CHECK_INTEGER(losses, 3);
}

static GbdtOptions options_of(int objective, int64_t trees) {
  GbdtOptions options = defaults();
  options.objective = 1 + objective;
  options.trees = trees;
  options.learning_rate = 0.1;
  options.alpha = 0.8;
  options.min_samples_leaf = 10;
  return options;
}

/* Predictions of all rows by a fit to them. */
static void fit(const double *y, const GbdtOptions *options, double *out) {
  Comm self = comm_self();
  Rows rows = rows_share(&self, N, 16);
  Matrix x;
  void *model = NULL;
  Summary summary;
  CHECK_OK(matrix_init(&x, &rows, D));
  for (int64_t i = 0; i < N; i++) {
    for (int64_t j = 0; j < D; j++) matrix_column(&x, j)[i] = cell[i][j];
  }
  TrainingData data = {.task = TASK_REGRESSION, .x = &x, .target = y};
  summary_init(&summary, false);
  CHECK_OK(gbdt_model.fit_all(&self, &data, options, NULL, &model, &summary));
  CHECK_OK(gbdt_model.predict(model, &x, out));
  gbdt_model.free(&model);
  summary_clear(&summary);
  matrix_clear(&x);
}

static double loss_of(int objective, double y, double mean) {
  double error = y - mean;
  if (objective == BOOST_ABSOLUTE) return fabs(error);
  if (objective == BOOST_QUANTILE) return fmax(0.8 * error, -0.2 * error);
  return 2 * ((y > 0 ? y * log(y / mean) : 0) - y + mean);
}

static void losses(void) {
  static const int objectives[] = {BOOST_ABSOLUTE, BOOST_QUANTILE, BOOST_POISSON};
  static double y[N], out[N];
  for (int k = 0; k < 3; k++) {
    double sum = 0;
    GbdtOptions options = options_of(objectives[k], 60);
    for (int64_t i = 0; i < N; i++) {
      y[i] = cell[i][TARGET];
      if (objectives[k] == BOOST_POISSON) y[i] = floor(3 * fmax(y[i], 0));
    }
    fit(y, &options, out);
    for (int64_t i = 0; i < N; i++) sum += loss_of(objectives[k], y[i], out[i]);
    CHECK(sum / N <= 1.02 * peer_loss[k]);
    CHECK(sum / N >= 0.5 * peer_loss[k]); /* Poisson's steps are longer here */
    if (check_failures > 0) fprintf(stderr, "objective %d: %g %g\n", k, sum / N, peer_loss[k]);
  }
}

static void penalty(void) {
  static double y[N], out[N];
  GbdtOptions options = options_of(BOOST_SQUARED, 5);
  int64_t off = 0, free = 0;
  for (int64_t i = 0; i < N; i++) y[i] = cell[i][TARGET];
  options.learning_rate = 0.3;
  options.l1 = 4;
  fit(y, &options, out);
  for (int64_t i = 0; i < RAW; i++) off += fabs(out[i] - peer_raw[i]) > 5e-5;
  options.l1 = 0;
  fit(y, &options, out);
  for (int64_t i = 0; i < RAW; i++) free += fabs(out[i] - peer_raw[i]) > 5e-5;
  CHECK_INTEGER(off, 0);
  CHECK(free > RAW / 2); /* the penalty does something */
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  read_oracles();
  losses();
  penalty();
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("tree/oracle_gbdt_losses");
  MPI_Finalize();
  return result;
}
