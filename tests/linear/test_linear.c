/* Linear models: features that say nothing new, weights as repeated rows, missing values, what
 * lasts, the same bits on any number of ranks. */
#include "kernels/linear/elastic_net.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/linear_model.h"
#include "kernels/numeric/random.h"
#include "rows.h"

enum { N = 150, WIDTH = 7, TARGET = 5, WEIGHT = 6 };

/* a, b, c = 2 a - b + 1, d = 3, e; target, weight 1 or 2. Twins: every row of weight 2 once more.
 */
static int64_t make(uint64_t seed, bool twins, double *cell) {
  Stream stream = random_stream(seed, "test/linear", 0);
  int64_t n = 0;
  for (uint64_t i = 0; i < N; i++) {
    double a = random_normal(&stream, i, 0), b = 100 + 30 * random_normal(&stream, i, 1);
    double e = random_normal(&stream, i, 2), weight = random_integer(&stream, i, 3, 2) ? 2 : 1;
    double y = 5 - 2 * a + 0.1 * b + 0.5 * e + random_normal(&stream, i, 4);
    const double row[WIDTH] = {a, b, 2 * a - b + 1, 3, e, y, weight};
    for (int copy = 0; copy < (twins ? (int)weight : 1); copy++) {
      memcpy(cell + WIDTH * n++, row, sizeof row);
    }
  }
  return n;
}

static LinearModel *fit(const Comm *comm, const ModelKind *kind, const void *options,
                        const TrainingData *data, Summary *summary) {
  void *model = NULL;
  summary_init(summary, comm->rank == 0);
  CHECK_OK(kind->fit_all(comm, data, options, NULL, &model, summary));
  return model;
}

static bool has_note(const Summary *summary, const char *part) {
  for (int64_t i = 0; i < summary->n_notes; i++) {
    if (strstr(summary->notes[i].text, part)) return true;
  }
  return !summary->active;
}

static void test_alias(const Comm *comm, uint64_t seed) {
  static double cell[2 * N * WIDTH];
  int64_t n = make(seed, false, cell);
  LinearOptions options = {0, true};
  Sample all, two;
  Summary summary, other;
  sample_init(comm, cell, n, WIDTH, 5, TARGET, -1, &all);
  LinearModel *model = fit(comm, &linear_model, &options, &all.data, &summary);
  CHECK(has_note(&summary, "feature \"c\" is a linear combination of the features before it"));
  CHECK(has_note(&summary, "feature \"d\" is constant"));
  CHECK_REAL(model->coefficient[2], 0, 0);
  CHECK_REAL(model->coefficient[3], 0, 0);
  sample_init(comm, cell, n, WIDTH, 2, TARGET, -1, &two);
  LinearModel *less = fit(comm, &linear_model, &options, &two.data, &other);
  CHECK(fabs(model->coefficient[1] - less->coefficient[1]) > 0); /* e tells more */
  CHECK_REAL(model->coefficient[0], -2, 0.5);
  CHECK_REAL(model->coefficient[4], 0.5, 0.4);
  linear_model.free((void **)&model);
  linear_model.free((void **)&less);
  summary_clear(&summary);
  summary_clear(&other);
  sample_clear(&all);
  sample_clear(&two);
}

/* A row of weight 2 counts as the row twice; other bits, since other rows make other sums. */
static void test_weights(const Comm *comm, uint64_t seed) {
  static double cell[2 * N * WIDTH], twice[2 * N * WIDTH];
  int64_t n = make(seed, false, cell), m = make(seed, true, twice);
  LinearOptions linear = {0, true}, ridge = {7, true};
  ElasticOptions net = {0.2, 0.5, 100000, 1e-13, true};
  const ModelKind *kinds[] = {&linear_model, &linear_model, &elastic_net_model};
  const void *options[] = {&linear, &ridge, &net};
  Sample weighted, repeated;
  Summary summary, other;
  sample_init(comm, cell, n, WIDTH, 5, TARGET, WEIGHT, &weighted);
  sample_init(comm, twice, m, WIDTH, 5, TARGET, -1, &repeated);
  for (int k = 0; k < 3; k++) {
    LinearModel *one = fit(comm, kinds[k], options[k], &weighted.data, &summary);
    LinearModel *two = fit(comm, kinds[k], options[k], &repeated.data, &other);
    CHECK_REAL(one->intercept, two->intercept, 1e-6);
    for (int j = 0; j < 5; j++) CHECK_REAL(one->coefficient[j], two->coefficient[j], 1e-7);
    kinds[k]->free((void **)&one);
    kinds[k]->free((void **)&two);
    summary_clear(&summary);
    summary_clear(&other);
  }
  sample_clear(&weighted);
  sample_clear(&repeated);
}

static void test_ranks(const Comm *comm, uint64_t seed) {
  static double cell[2 * N * WIDTH];
  int64_t n = make(seed, false, cell);
  Comm self = comm_self();
  LinearOptions linear = {0, true};
  ElasticOptions net = {0.2, 0.5, 100000, 1e-13, false};
  const ModelKind *kinds[] = {&linear_model, &elastic_net_model};
  const void *options[] = {&linear, &net};
  Sample spread, whole;
  Summary summary, other;
  sample_init(comm, cell, n, WIDTH, 5, TARGET, WEIGHT, &spread);
  sample_init(&self, cell, n, WIDTH, 5, TARGET, WEIGHT, &whole);
  for (int k = 0; k < 2; k++) {
    LinearModel *one = fit(comm, kinds[k], options[k], &spread.data, &summary);
    LinearModel *two = fit(&self, kinds[k], options[k], &whole.data, &other);
    CHECK_REAL(one->intercept, two->intercept, 0);
    CHECK(memcmp(one->coefficient, two->coefficient, 5 * sizeof(double)) == 0);
    kinds[k]->free((void **)&one);
    kinds[k]->free((void **)&two);
    summary_clear(&summary);
    summary_clear(&other);
  }
  sample_clear(&spread);
  sample_clear(&whole);
}

static void test_errors(const Comm *comm) {
  static double cell[2 * N * WIDTH];
  int64_t n = make(1, false, cell);
  LinearOptions options = {0, true};
  void *model = NULL;
  Summary summary;
  Sample s;
  summary_init(&summary, comm->rank == 0);
  cell[37 * WIDTH + 1] = NAN;
  sample_init(comm, cell, n, WIDTH, 5, TARGET, -1, &s);
  CHECK_INTEGER(linear_model.fit_all(comm, &s.data, &options, NULL, &model, &summary), NUMERIC);
  CHECK_MESSAGE("linear: feature \"b\" is missing in row 37");
  linear_model.free(&model);
  sample_clear(&s);
  sample_init(comm, cell, 0, WIDTH, 5, TARGET, -1, &s);
  CHECK_INTEGER(linear_model.fit_all(comm, &s.data, &options, NULL, &model, &summary), INVALID);
  CHECK_MESSAGE("no row to learn from");
  linear_model.free(&model);
  sample_clear(&s);
  ElasticOptions none = {0, 0.5, 10, 1e-8, true};
  CHECK_INTEGER(elastic_net_model.kind.check(&none), INVALID);
  CHECK_MESSAGE("alpha: 0 leaves no L1 penalty");
  summary_clear(&summary);
}

/* More features than rows, one row, a constant target: a result, and a finite one. */
static void test_small(const Comm *comm) {
  static double cell[2 * N * WIDTH];
  make(2, false, cell);
  LinearOptions options = {0, true};
  for (int64_t n = 1; n <= 4; n++) {
    Summary summary;
    Sample s;
    sample_init(comm, cell, n, WIDTH, 5, n == 4 ? 3 : TARGET, -1, &s);
    LinearModel *model = fit(comm, &linear_model, &options, &s.data, &summary);
    double *out = NULL;
    CHECK_OK(NEW(&out, s.x.rows.n));
    CHECK_OK(linear_model.predict(model, &s.x, out));
    for (int64_t i = 0; i < s.x.rows.n; i++) CHECK_REAL(out[i], s.target[i], 1e-9);
    memory_free(&out);
    linear_model.free((void **)&model);
    summary_clear(&summary);
    sample_clear(&s);
  }
}

static void test_fields(const Comm *comm) {
  static double cell[2 * N * WIDTH];
  int64_t n = make(4, false, cell);
  LinearOptions options = {0, true};
  Summary summary;
  Sample s;
  Fields out, in;
  void *loaded = NULL;
  sample_init(comm, cell, n, WIDTH, 5, TARGET, -1, &s);
  void *model = fit(comm, &linear_model, &options, &s.data, &summary);
  fields_init(&out, FIELDS_OUT);
  CHECK_OK(linear_model.fields(&model, &out));
  CHECK_OK(fields_copy(&out, &in));
  CHECK_OK(linear_model.fields(&loaded, &in));
  CHECK_REAL(((LinearModel *)loaded)->intercept, ((LinearModel *)model)->intercept, 0);
  CHECK_REAL(((LinearModel *)loaded)->coefficient[4], ((LinearModel *)model)->coefficient[4], 0);
  fields_clear(&out);
  fields_clear(&in);
  linear_model.free(&model);
  linear_model.free(&loaded);
  summary_clear(&summary);
  sample_clear(&s);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  for (uint64_t seed = 1; seed <= 5; seed++) {
    printf("seed %d\n", (int)seed);
    test_alias(&world, seed);
    test_weights(&world, seed);
    test_ranks(&world, seed);
  }
  test_errors(&world);
  test_small(&world);
  test_fields(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("linear/linear");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
