/* Logistic regression against NumPy and scikit-learn (the fixtures tests/oracle/logistic.csv and
 * logistic_results.csv, made by make_logistic.py); the same bits on any number of ranks; weights,
 * classes that can be told apart, bad input, what lasts. */
#include "kernels/linear/logistic.h"
#include "kernels/numeric/random.h"
#include "rows.h"

enum { N = 300, D = 4, WIDTH = 7, TWO = 4, THREE = 5, WEIGHT = 6, RESULTS = 13 };

/* l2, l1, max_iterations, tolerance, standardize. */
#define OPTIONS(a, b, c, e, f) \
  { .l2 = a, .l1 = b, .max_iterations = c, .tolerance = e, .standardize = f }

static double cell[2 * N * WIDTH], result[RESULTS * (D + 1)];
static char what[RESULTS][32];

static void sample_classes(const Comm *comm, const double *cells, int64_t n, int target,
                           bool weighted, Sample *s) {
  sample_init(comm, cells, n, WIDTH, D, target, weighted ? WEIGHT : -1, s);
  s->data.task = TASK_CLASSIFICATION;
  s->data.n_classes = target == TWO ? 2 : 3;
}

static Logistic *fit(const Comm *comm, const LogisticOptions *options, const TrainingData *data,
                     Summary *summary) {
  void *model = NULL;
  summary_init(summary, comm->rank == 0);
  CHECK_OK(logistic_model.fit_all(comm, data, options, NULL, &model, summary));
  return model;
}

/* Results of that name, one row for each output. With many classes only differences of intercepts
 * have a meaning. */
static void check_model(const Logistic *model, const char *name, double tolerance) {
  int64_t o = 0;
  double shift = 0;
  for (int i = 0; i < RESULTS; i++) {
    if (strcmp(what[i], name) != 0) continue;
    const double *want = result + i * (D + 1);
    CHECK(o < model->outputs);
    if (o >= model->outputs) return;
    if (model->outputs > 1 && o == 0) shift = want[0] - model->intercept[0];
    CHECK_REAL(model->intercept[o] + shift, want[0], tolerance * (1 + fabs(want[0])));
    for (int j = 0; j < D; j++) {
      CHECK_REAL(model->coefficient[o * D + j], want[1 + j], tolerance * (1 + fabs(want[1 + j])));
    }
    o++;
  }
  CHECK_INTEGER(o, model->outputs);
}

static void check_errors(const Summary *summary, const char *name) {
  for (int i = 0; summary->active && i < RESULTS; i++) {
    if (strcmp(what[i], name) != 0) continue;
    for (int j = 0; j < D; j++) {
      double want = result[i * (D + 1) + 1 + j];
      CHECK_REAL(summary->tables[0].cells[j * 7 + 2].real, want, 1e-7 * want);
    }
    return;
  }
  CHECK(!summary->active);
}

static void test_oracle(const Comm *comm) {
  static const struct {
    const char *name;
    int target;
    bool weighted;
    LogisticOptions options;
    double tolerance;
  } cases[] = {
      {"free", TWO, false, OPTIONS(0, 0, 100, 1e-14, true), 1e-8},
      {"weighted", TWO, true, OPTIONS(0, 0, 100, 1e-14, true), 1e-8},
      {"ridge", TWO, false, OPTIONS(5, 0, 100, 1e-14, true), 1e-6},
      {"raw ridge", TWO, false, OPTIONS(5, 0, 100, 1e-14, false), 1e-6},
      {"lasso", TWO, false, OPTIONS(0, 8, 10000, 1e-15, true), 1e-5},
      {"three", THREE, true, OPTIONS(2, 0, 10000, 1e-15, true), 1e-5},
      {"three lasso", THREE, false, OPTIONS(0, 6, 10000, 1e-15, true), 1e-5},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    Sample s;
    Summary summary;
    char name[40];
    sample_classes(comm, cell, N, cases[k].target, cases[k].weighted, &s);
    Logistic *model = fit(comm, &cases[k].options, &s.data, &summary);
    fprintf(stderr, "%s\n", cases[k].name);
    check_model(model, cases[k].name, cases[k].tolerance);
    snprintf(name, sizeof name, "%s error", cases[k].name);
    if (k < 2) check_errors(&summary, name);
    logistic_model.free((void **)&model);
    summary_clear(&summary);
    sample_clear(&s);
  }
}

static void test_ranks(const Comm *comm) {
  Comm self = comm_self();
  const LogisticOptions options[] = {OPTIONS(1, 0, 100, 1e-12, true),
                                     OPTIONS(0, 3, 100, 1e-12, true),
                                     OPTIONS(1, 1, 30, 1e-12, false)};
  const int targets[] = {TWO, TWO, THREE};
  for (int k = 0; k < 3; k++) {
    Sample spread, whole;
    Summary summary, other;
    sample_classes(comm, cell, N, targets[k], true, &spread);
    sample_classes(&self, cell, N, targets[k], true, &whole);
    Logistic *one = fit(comm, &options[k], &spread.data, &summary);
    Logistic *two = fit(&self, &options[k], &whole.data, &other);
    size_t bytes = (size_t)one->outputs * sizeof(double);
    CHECK(memcmp(one->intercept, two->intercept, bytes) == 0);
    CHECK(memcmp(one->coefficient, two->coefficient, D * bytes) == 0);
    logistic_model.free((void **)&one);
    logistic_model.free((void **)&two);
    summary_clear(&summary);
    summary_clear(&other);
    sample_clear(&spread);
    sample_clear(&whole);
  }
}

/* Rows of the second class of weight 3 are rows of weight 3. */
static void test_class_weight(const Comm *comm) {
  LogisticOptions plain = OPTIONS(1, 0, 100, 1e-12, true), positive = plain;
  Sample s;
  Summary summary, other;
  positive.positive_weight = 3;
  sample_classes(comm, cell, N, TWO, true, &s);
  Logistic *one = fit(comm, &positive, &s.data, &summary);
  for (int64_t i = 0; i < s.x.rows.n; i++) s.weight[i] *= s.target[i] == 1 ? 3 : 1;
  Logistic *two = fit(comm, &plain, &s.data, &other);
  CHECK_REAL(one->intercept[0], two->intercept[0], 0);
  CHECK(memcmp(one->coefficient, two->coefficient, D * sizeof(double)) == 0);
  logistic_model.free((void **)&one);
  logistic_model.free((void **)&two);
  summary_clear(&summary);
  summary_clear(&other);
  sample_clear(&s);
}

static bool has_note(const Summary *summary, const char *part) {
  for (int64_t i = 0; i < summary->n_notes; i++) {
    if (strstr(summary->notes[i].text, part)) return true;
  }
  return !summary->active;
}

/* Classes told apart by a threshold: no finite optimum without a penalty, and that is said. */
static void test_separated(const Comm *comm) {
  static double own[N * WIDTH];
  memcpy(own, cell, sizeof own);
  for (int i = 0; i < N; i++) own[i * WIDTH + TWO] = own[i * WIDTH] > 0.1;
  LogisticOptions free = OPTIONS(0, 0, 12, 1e-14, true), penalised = OPTIONS(1, 0, 100, 1e-9, true);
  Sample s;
  Summary summary, other;
  sample_classes(comm, own, N, TWO, false, &s);
  Logistic *model = fit(comm, &free, &s.data, &summary);
  Logistic *held = fit(comm, &penalised, &s.data, &other);
  CHECK(has_note(&summary, "Not converged"));
  CHECK(!other.active || !has_note(&other, "Not converged"));
  CHECK(isfinite(model->coefficient[0]) && held->coefficient[0] > 0);
  logistic_model.free((void **)&model);
  logistic_model.free((void **)&held);
  summary_clear(&summary);
  summary_clear(&other);
  sample_clear(&s);
}

static void test_errors(const Comm *comm) {
  static double own[N * WIDTH];
  LogisticOptions options = OPTIONS(1, 0, 100, 1e-9, true);
  Sample s;
  Summary summary;
  void *model = NULL;
  memcpy(own, cell, sizeof own);
  own[20 * WIDTH + TWO] = 2;
  own[7 * WIDTH + 3] = INFINITY;
  summary_init(&summary, comm->rank == 0);
  sample_classes(comm, own, N, TWO, false, &s);
  CHECK_INTEGER(logistic_model.fit_all(comm, &s.data, &options, NULL, &model, &summary), INVALID);
  CHECK_MESSAGE("row 20 has class 2");
  logistic_model.free(&model);
  sample_clear(&s);
  sample_classes(comm, own, N, THREE, false, &s);
  CHECK_INTEGER(logistic_model.fit_all(comm, &s.data, &options, NULL, &model, &summary), NUMERIC);
  CHECK_MESSAGE("logistic: feature \"d\" is infinite in row 7");
  logistic_model.free(&model);
  sample_clear(&s);
  summary_clear(&summary);
}

/* Probabilities: sums of 1, what the formula says, missing where a feature is; loaded the same. */
static void test_prediction(const Comm *comm, int target) {
  LogisticOptions options = OPTIONS(1, 0, 100, 1e-9, true);
  Sample s;
  Summary summary;
  Fields out, in;
  void *loaded = NULL;
  double *one = NULL, *two = NULL;
  sample_classes(comm, cell, N, target, false, &s);
  void *model = fit(comm, &options, &s.data, &summary);
  int64_t classes = s.data.n_classes, n = s.x.rows.n;
  CHECK_OK(NEW(&one, n * classes));
  CHECK_OK(NEW(&two, n * classes));
  fields_init(&out, FIELDS_OUT);
  CHECK_OK(logistic_model.fields(&model, &out));
  CHECK_OK(fields_copy(&out, &in));
  CHECK_OK(logistic_model.fields(&loaded, &in));
  if (n > 1) matrix_column(&s.x, 2)[1] = NAN;
  CHECK_OK(logistic_model.predict(model, &s.x, one));
  CHECK_OK(logistic_model.predict(loaded, &s.x, two));
  CHECK(n == 0 || memcmp(one, two, (size_t)(n * classes) * sizeof *one) == 0);
  const Logistic *m = model;
  for (int64_t i = 0; i < n; i++) {
    double z[3] = {0}, total = 0, sum = 0;
    for (int64_t o = 0; o < m->outputs; o++) {
      int64_t c = classes == 2 ? 1 : o;
      z[c] = m->intercept[o];
      for (int64_t j = 0; j < D; j++) z[c] += m->coefficient[o * D + j] * matrix_column(&s.x, j)[i];
    }
    for (int64_t c = 0; c < classes; c++) total += exp(z[c]);
    for (int64_t c = 0; c < classes; c++) {
      CHECK_REAL(one[i * classes + c], exp(z[c]) / total, 1e-13);
      sum += one[i * classes + c];
    }
    CHECK_REAL(sum, i == 1 ? NAN : 1, 1e-14);
  }
  fields_clear(&out);
  fields_clear(&in);
  memory_free(&one);
  memory_free(&two);
  logistic_model.free(&model);
  logistic_model.free(&loaded);
  summary_clear(&summary);
  sample_clear(&s);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  CHECK_INTEGER(read_cells("logistic.csv", WIDTH, N, cell, NULL), N);
  CHECK_INTEGER(read_cells("logistic_results.csv", D + 1, RESULTS, result, what), RESULTS);
  test_oracle(&world);
  test_ranks(&world);
  test_class_weight(&world);
  test_separated(&world);
  test_errors(&world);
  test_prediction(&world, TWO);
  test_prediction(&world, THREE);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("linear/logistic");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
