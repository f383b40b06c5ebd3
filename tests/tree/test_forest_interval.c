/* Prediction intervals of forests: they hold their share of new targets, are wide where errors are
 * large, and have the same bits on any number of ranks. */
#include "kernels/tree/forest_interval.h"
#include "tests/tree/forest_case.h"

enum { D = 4 };

/* Noise grows with the first feature, from nothing. */
static void make(Data *data, const Comm *comm, int64_t n) {
  data_make(data, comm, n, D, 0, PLAIN);
  Stream s = random_stream(SEED, "test/noise", (uint64_t)n);
  const double *x = matrix_column(&data->x, 0);
  for (int64_t i = 0; i < data->x.rows.n; i++) {
    double u = random_uniform(&s, (uint64_t)(data->x.rows.begin + i), 0) - 0.5;
    data->target[i] = 20 * x[i] + 40 * u * x[i];
  }
}

static ForestOptions forest_options(double interval) {
  ForestOptions options = forest_defaults();
  options.trees = 40;
  options.min_samples_leaf = 5;
  options.max_features = 1;
  options.oob = false;
  options.interval = interval;
  return options;
}

static Status fit(const Comm *comm, int64_t n, const ForestOptions *options, void **model) {
  Data data;
  Summary summary;
  make(&data, comm, n);
  summary_init(&summary, comm->rank == 0);
  Status status = forest_model.fit_all(comm, &data.training, options, NULL, model, &summary);
  summary_clear(&summary);
  data_clear(&data);
  return status;
}

static void coverage(double share) {
  enum { N = 4000, NEW_ROWS = 3001 };
  Comm world = comm_world(), self = comm_self();
  ForestOptions options = forest_options(share);
  Data fresh;
  void *model = NULL;
  double *prediction = NULL, *ends = NULL, width[2] = {0};
  int64_t within = 0, rows[2] = {0};
  CHECK_OK(fit(&world, N, &options, &model));
  CHECK_REAL(forest_model.interval(model), share, 0);
  make(&fresh, &self, NEW_ROWS);
  CHECK_OK(NEW(&prediction, NEW_ROWS));
  CHECK_OK(NEW(&ends, 2 * NEW_ROWS));
  CHECK_OK(forest_model.predict(model, &fresh.x, prediction));
  CHECK_OK(forest_model.predict_interval(model, &fresh.x, prediction, ends));
  for (int64_t i = 0; i < NEW_ROWS; i++) {
    bool upper = matrix_column(&fresh.x, 0)[i] > 0.5;
    within += ends[2 * i] <= fresh.target[i] && fresh.target[i] <= ends[2 * i + 1];
    width[upper] += ends[2 * i + 1] - ends[2 * i];
    rows[upper]++;
  }
  CHECK_REAL((double)within / NEW_ROWS, share, 0.025);
  CHECK(width[1] / (double)rows[1] > 2 * width[0] / (double)rows[0]);
  memory_free(&prediction);
  memory_free(&ends);
  forest_model.free(&model);
  data_clear(&fresh);
}

static void same_on_ranks(int64_t n) {
  Comm world = comm_world(), self = comm_self();
  ForestOptions options = forest_options(0.9);
  void *together = NULL, *alone = NULL;
  options.trees = 5;
  CHECK_OK(fit(&world, n, &options, &together));
  CHECK_OK(fit(&self, n, &options, &alone));
  const ForestInterval *a = &((Forest *)together)->interval, *b = &((Forest *)alone)->interval;
  CHECK_INTEGER(a->n, b->n);
  for (int64_t k = 0; k < a->n && a->n == b->n; k++) {
    CHECK_REAL(a->border[k], b->border[k], 0);
    CHECK_REAL(a->low[k], b->low[k], 0);
    CHECK_REAL(a->high[k], b->high[k], 0);
  }
  forest_model.free(&together);
  forest_model.free(&alone);
}

static void refused(void) {
  Comm world = comm_world();
  ForestOptions options = forest_options(0.9);
  Data data;
  data_make(&data, &world, 60, D, 3, PLAIN);
  expect_failure(&forest_model, &world, &data, &options, INVALID,
                 "interval: this needs a number as target");
  data_clear(&data);
  options.bootstrap = false;
  CHECK_INTEGER(forest_model.kind.check(&options), INVALID);
  CHECK_MESSAGE("interval: 0.9 needs out-of-bag rows");
}

static Status find_interval(const Comm *comm, void *context) {
  double prediction[] = {1, 2, NAN, 4}, target[] = {1, 3, 5, 2};
  ForestInterval interval = {0};
  (void)context;
  Status status = forest_interval_all(comm, 0.8, 4, prediction, target, &interval);
  if (status == OK) CHECK_REAL(interval.low[0], -2, 0);
  if (status == OK) CHECK_REAL(interval.high[0], 1, 0);
  forest_interval_clear(&interval);
  return status;
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  coverage(0.9);
  coverage(0.5);
  same_on_ranks(1000);
  same_on_ranks(3);
  refused();
  allocations_fail(&world, find_interval, NULL);
  CHECK_INTEGER(memory_balance(), 0);
  if (check_failures > 0) fprintf(stderr, "seed %llu\n", (unsigned long long)SEED);
  int failed = check_report("forest_interval");
  MPI_Finalize();
  return failed;
}
