/* Boosted trees as a model kind: fit, predict, save, load, stop and resume; the same bits on any
 * number of ranks. Started under mpirun it compares the whole communicator with every rank alone.
 */
#include "kernels/tree/node.h"
#include "tests/tree/gbdt_case.h"

static void compare(Case c, const GbdtOptions *options) {
  enum { AUTO, ROWS, TREES };
  for (int spread = c.n_classes > 2 ? ROWS : AUTO; spread <= (c.n_classes > 2 ? TREES : AUTO);
       spread++) {
    GbdtOptions own = *options;
    own.spread = spread;
    compare_layouts(&gbdt_model, &c, &own, options);
  }
}

static void layouts(void) {
  GbdtOptions o = defaults();
  compare((Case){.n = 900, .d = 5}, &o);
  compare((Case){.n = 900, .d = 5, .n_classes = 2}, &o);
  compare((Case){.n = 900, .d = 9, .n_classes = 5}, &o);
  compare((Case){.n = 900, .d = 5, .order = SORTED}, &o);
  compare((Case){.n = 600, .d = 5, .n_classes = 7, .order = SORTED}, &o);
  compare((Case){.n = 900, .d = 5, .weighted = true}, &o);
  compare((Case){.n = 900, .d = 5, .n_classes = 3, .weighted = true}, &o);
  compare((Case){.n = 1, .d = 2}, &o);
  compare((Case){.n = 33, .d = 1, .n_classes = 3}, &o);
  compare((Case){.n = 40, .d = 18, .n_classes = 40}, &o);
  compare((Case){.n = 400, .d = 4, .n_classes = 1}, &o);
  o.growth = 1;
  o.max_leaves = OPTION_NONE_INTEGER;
  o.max_depth = 6;
  o.row_share = 0.6;
  o.feature_share = 0.5;
  compare((Case){.n = 900, .d = 5}, &o);
  compare((Case){.n = 900, .d = 5, .n_classes = 2}, &o);
  o.early_stopping = 2;
  o.trees = 30;
  o.min_samples_leaf = 1;
  compare((Case){.n = 900, .d = 5, .n_classes = 2}, &o);
  compare((Case){.n = 900, .d = 5, .n_classes = 4, .order = SORTED}, &o);
  o.permutations = 2;
  o.shap_rows = 100;
  compare((Case){.n = 900, .d = 5, .n_classes = 4, .order = SORTED}, &o);
  o.refit = true;
  compare((Case){.n = 900, .d = 5, .weighted = true}, &o);
  compare((Case){.n = 900, .d = 5, .n_classes = 3, .weighted = true}, &o);
  o.objective = 1 + BOOST_POISSON;
  compare((Case){.n = 900, .d = 5}, &o);
  o.objective = 1 + BOOST_ABSOLUTE;
  compare((Case){.n = 900, .d = 5}, &o);
  o.objective = 1 + BOOST_QUANTILE;
  o.alpha = 0.8;
  compare((Case){.n = 900, .d = 5, .order = SORTED}, &o);
  compare((Case){.n = 900, .d = 5, .weighted = true}, &o);
}

/* Single rows, batches and a loaded model agree; training gets better and better. */
static void predictions(int64_t n_classes, int objective) {
  Comm self = comm_self();
  GbdtOptions options = defaults();
  options.trees = 40;
  options.objective = objective;
  Data data;
  Summary summary;
  void *model = NULL;
  int64_t n = 500, d = 5, outputs = n_classes ? n_classes : 1;
  double *all = NULL;
  CHECK_OK(NEW(&all, n * outputs));
  data_make(&data, &self, n, d, n_classes, PLAIN);
  summary_init(&summary, true);
  CHECK_OK(gbdt_model.fit_all(&self, &data.training, &options, NULL, &model, &summary));
  CHECK_OK(gbdt_model.predict(model, &data.x, all));
  check_predictions(&gbdt_model, &model, &data.x, outputs, all);
  double error = 0, hits = 0;
  for (int64_t i = 0; i < n; i++) {
    const double *one = all + i * outputs;
    error += (one[0] - data.target[i]) * (one[0] - data.target[i]);
    double sum = 0, most = 0;
    for (int64_t k = 0; k < outputs; k++) sum += one[k], most = fmax(most, one[k]);
    if (n_classes) CHECK_REAL(sum, 1, 1e-12);
    if (n_classes) hits += one[(int64_t)data.target[i]] == most;
  }
  CHECK_INTEGER(summary.n_series, 2); /* the training loss and the importance */
  const Series *curve = &summary.series[0];
  for (int64_t i = 1; i < curve->n_y; i++) CHECK(curve->y[i] < curve->y[i - 1]);
  double rmse = sqrt(error / (double)n);
  if (objective == 0 && !n_classes) CHECK_REAL(rmse, curve->y[curve->n_y - 1], 1e-9 * rmse);
  if (!n_classes) CHECK(rmse < 1);
  if (n_classes) CHECK(hits / (double)n > 0.9);
  gbdt_model.free(&model);
  summary_clear(&summary);
  data_clear(&data);
  memory_free(&all);
}

/* A quantile's model has its share of the training rows below it. */
static void quantiles(void) {
  Comm self = comm_self();
  GbdtOptions options = defaults();
  options.objective = 1 + BOOST_QUANTILE;
  options.trees = 40;
  options.min_samples_leaf = 20;
  for (int k = 1; k < 10; k += 4) {
    Data data;
    Summary summary;
    void *model = NULL;
    double *out = NULL, below = 0;
    options.alpha = k / 10.0;
    data_make(&data, &self, 900, 5, 0, PLAIN);
    summary_init(&summary, false);
    CHECK_OK(NEW(&out, data.x.rows.n));
    CHECK_OK(gbdt_model.fit_all(&self, &data.training, &options, NULL, &model, &summary));
    CHECK_OK(gbdt_model.predict(model, &data.x, out));
    for (int64_t i = 0; i < data.x.rows.n; i++) below += data.target[i] <= out[i];
    CHECK_REAL(below / (double)data.x.rows.n, options.alpha, 0.05);
    gbdt_model.free(&model);
    memory_free(&out);
    summary_clear(&summary);
    data_clear(&data);
  }
}

static void bad_input(void) {
  Comm world = comm_world();
  GbdtOptions options = defaults();
  Data data;
  data_make(&data, &world, 50, 2, 0, PLAIN);
  bool first = data.x.rows.begin == 0 && data.x.rows.n > 0;
  if (first) data.target[1] = NAN;
  expect_failure(&gbdt_model, &world, &data, &options, NUMERIC, "row 7 is nan");
  if (first) data.target[1] = -1;
  options.objective = 1 + BOOST_POISSON;
  expect_failure(&gbdt_model, &world, &data, &options, INVALID, "poisson needs counts");
  options.objective = 1 + BOOST_LOGISTIC;
  expect_failure(&gbdt_model, &world, &data, &options, INVALID, "two classes");
  options = defaults();
  data.training.weight = data.weight;
  if (first) data.weight[2] = 0;
  expect_failure(&gbdt_model, &world, &data, &options, NUMERIC, "row 14 weighs 0");
  data_clear(&data);
  data_make(&data, &world, 50, 2, 3, PLAIN);
  if (first) data.target[0] = 3;
  expect_failure(&gbdt_model, &world, &data, &options, INVALID,
                 "row 0 has class 3, classes are 0 to 2");
  data_clear(&data);
  data_make(&data, &world, 50, 0, 0, PLAIN);
  expect_failure(&gbdt_model, &world, &data, &options, INVALID, "no feature");
  data_clear(&data);
  data_make(&data, &world, 0, 2, 0, PLAIN);
  expect_failure(&gbdt_model, &world, &data, &options, INVALID, "no row");
  data_clear(&data);
  data_make(&data, &world, 3, 2, 0, PLAIN);
  options.early_stopping = 1;
  expect_failure(&gbdt_model, &world, &data, &options, INVALID, "validation_share: 0.2");
  data_clear(&data);
}

/* Predictions never move against a slope, whatever the other features are. */
static void slopes(int64_t n_classes) {
  Comm self = comm_self();
  enum { N = 600, D = 4, PROBES = 200, STEPS = 41 };
  GbdtOptions options = defaults();
  options.trees = 30;
  GbdtSlope slope[2] = {{1}, {-1}};
  char up[] = "up", down[] = "down", a[] = "a", b[] = "b";
  char *names[2] = {up, down}, *columns[D] = {a, up, down, b};
  options.monotone = (Map){.n = 2, .names = names, .items = slope};
  Data data;
  Summary summary;
  void *model = NULL;
  summary_init(&summary, false);
  data_make(&data, &self, N, D, n_classes, PLAIN);
  char **kept = data.x.names;
  data.x.names = columns;
  CHECK_OK(gbdt_model.fit_all(&self, &data.training, &options, NULL, &model, &summary));
  Matrix probe;
  Rows rows = rows_share(&self, STEPS, 16);
  double out[2 * STEPS];
  int64_t wrong = 0, moves = 0, width = n_classes ? n_classes : 1;
  CHECK_OK(matrix_init(&probe, &rows, D));
  Stream s = random_stream(SEED, "test/probe", 0);
  for (int64_t p = 0; p < PROBES; p++) {
    int64_t moving = 1 + p % 2;
    for (int64_t i = 0; i < STEPS; i++) {
      for (int64_t j = 0; j < D; j++) {
        double u = random_uniform(&s, (uint64_t)p, (uint32_t)j) * (j == 1 ? 5 : 1);
        matrix_column(&probe, j)[i] = j == moving ? (double)i / STEPS * 6 - 0.5 : u;
      }
    }
    CHECK_OK(gbdt_model.predict(model, &probe, out));
    for (int64_t i = 1; i < STEPS; i++) {
      double step = out[i * width + width - 1] - out[(i - 1) * width + width - 1];
      wrong += moving == 1 ? step < 0 : step > 0;
      moves += step != 0;
    }
  }
  CHECK_INTEGER(wrong, 0);
  CHECK(moves > PROBES / 2);
  data.x.names = kept;
  gbdt_model.free(&model);
  char other[] = "elsewhere";
  names[0] = other;
  expect_failure(&gbdt_model, &self, &data, &options, INVALID, "no feature \"elsewhere\"");
  matrix_clear(&probe);
  data_clear(&data);
  summary_clear(&summary);
}

/* Features of different groups never meet on a path. */
static void groups(void) {
  Comm self = comm_self();
  GbdtOptions options = defaults();
  char a[] = "a", b[] = "b", c[] = "c", d[] = "d";
  char *first[2] = {a, b}, *second[2] = {b, c}, *columns[4] = {a, b, c, d};
  TextList lists[2] = {{2, first}, {2, second}};
  const uint32_t mask[4] = {1, 3, 2, 16};
  options.interactions = (TextLists){2, lists};
  Data data;
  Summary summary;
  void *fitted = NULL;
  summary_init(&summary, false);
  data_make(&data, &self, 900, 4, 0, PLAIN);
  char **kept = data.x.names;
  data.x.names = columns;
  CHECK_OK(gbdt_model.fit_all(&self, &data.training, &options, NULL, &fitted, &summary));
  const Ensemble *e = &((const Gbdt *)fitted)->ensemble;
  int64_t meetings = 0;
  for (int64_t t = 0; t < e->n_trees; t++) {
    const int64_t *node = e->node + e->node_offset[t];
    int64_t n = e->node_offset[t + 1] - e->node_offset[t], above[64];
    uint32_t allowed[64];
    CHECK(n < 64);
    above[0] = -1;
    for (int64_t i = 0; i < n; i++) {
      if (node_is_leaf(node[i])) continue;
      uint32_t feature = node_feature(node[i]);
      above[i + 1] = above[i + node_low(node[i])] = i;
      allowed[i] = mask[feature];
      if (above[i] < 0) continue;
      allowed[i] &= allowed[above[i]];
      meetings += feature != node_feature(node[above[i]]);
      CHECK(allowed[i] != 0);
    }
  }
  CHECK(meetings > 10);
  data.x.names = kept;
  gbdt_model.free(&fitted);
  data_clear(&data);
  summary_clear(&summary);
}

static void faults(int64_t n_classes, int objective) {
  GbdtOptions options = defaults();
  options.trees = 2;
  options.objective = objective;
  fit_faults(&gbdt_model, n_classes, false, &options);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  layouts();
  predictions(0, 0);
  predictions(0, 1 + BOOST_POISSON);
  predictions(0, 1 + BOOST_ABSOLUTE);
  predictions(2, 0);
  predictions(5, 0);
  quantiles();
  bad_input();
  GbdtOptions options = defaults();
  odd_data(&gbdt_model, &options, 0.95);
  slopes(0);
  slopes(2);
  groups();
  faults(0, 0);
  faults(0, 1 + BOOST_ABSOLUTE);
  faults(3, 0);
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("tree/gbdt");
  MPI_Finalize();
  return result;
}
