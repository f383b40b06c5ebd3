/* Logistic regressions stopped and begun again end with the same bits; the curvature of classes,
 * and what directions come of it. */
#include "kernels/linear/logistic.h"
#include "kernels/linear/logistic_curvature.h"
#include "kernels/numeric/elementary.h"
#include "kernels/numeric/random.h"
#include "rows.h"

enum { N = 2000, FEW = 1500, D = 4, CLASSES = 6, WIDTH = 6, TARGET = 4, TWO = 5, UNITS = 200 };

static double cell[N * WIDTH];

static void make(uint64_t seed) {
  Stream stream = random_stream(seed, "test/resume", 0);
  for (uint64_t i = 0; i < N; i++) {
    double *row = cell + WIDTH * i;
    int64_t class = random_integer(&stream, i, 0, CLASSES);
    for (uint32_t j = 0; j < D; j++)
      row[j] = random_normal(&stream, i, 1 + j) + (double)(class * (j + 1) % CLASSES) / 2;
    row[3] = random_integer(&stream, i, 9, 30) == 0; /* mostly zero */
    row[TARGET] = (double)class;
    row[TWO] = class > 2;
  }
}

static void sample_classes(const Comm *comm, int64_t n, int target, Sample *s) {
  sample_init(comm, cell, n, WIDTH, D, target, -1, s);
  s->data.task = TASK_CLASSIFICATION;
  s->data.n_classes = target == TWO ? 2 : CLASSES;
}

/* Keeps states, as a run folder does, and asks for a stop at a step. */
typedef struct Keeper {
  WorkSink sink;
  Fields kept[UNITS];
  bool has[UNITS];
  int64_t stop_at, first, last; /* steps told */
} Keeper;

static bool keep(WorkSink *sink, int64_t unit, int64_t done, int64_t total, const Fields *fields) {
  Keeper *keeper = (Keeper *)sink;
  (void)total;
  CHECK(unit >= 0 && unit < UNITS);
  if (fields) {
    CHECK(!keeper->has[unit]);
    CHECK_OK(fields_copy(fields, &keeper->kept[unit]));
    keeper->has[unit] = true;
  }
  if (keeper->first < 0) keeper->first = done;
  keeper->last = done;
  return done >= keeper->stop_at;
}

static bool fetch(WorkSink *sink, int64_t unit, Fields *out) {
  Keeper *keeper = (Keeper *)sink;
  if (unit >= UNITS || !keeper->has[unit]) return false;
  CHECK_OK(fields_copy(&keeper->kept[unit], out));
  return true;
}

static void check_same(const Logistic *a, const Logistic *b) {
  CHECK(memcmp(a->intercept, b->intercept, (size_t)a->outputs * sizeof(double)) == 0);
  CHECK(memcmp(a->coefficient, b->coefficient, (size_t)(a->outputs * D) * sizeof(double)) == 0);
}

/* Stopped every `stride` steps; every rank finds what rank 0 saved, so one rank here. */
static void test_resume(int target, double l1, int64_t stride) {
  Comm self = comm_self();
  LogisticOptions options = {.l2 = 1, .l1 = l1, .max_iterations = 1000, .tolerance = 1e-14};
  Keeper keeper = {.sink = {.tick = keep, .find = fetch}, .stop_at = stride, .first = -1};
  Summary summary;
  Sample s;
  void *whole = NULL, *resumed = NULL;
  Status status = STOPPED;
  summary_init(&summary, true);
  sample_classes(&self, N, target, &s);
  CHECK_OK(logistic_model.fit_all(&self, &s.data, &options, NULL, &whole, &summary));
  for (int attempt = 0; status == STOPPED && attempt < UNITS; attempt++) {
    logistic_model.free(&resumed);
    keeper.first = -1;
    status = logistic_model.fit_all(&self, &s.data, &options, &keeper.sink, &resumed, &summary);
    if (status == STOPPED) CHECK_MESSAGE("run again to go on");
    if (attempt > 0) CHECK_INTEGER(keeper.first, keeper.stop_at - stride);
    keeper.stop_at += stride;
  }
  CHECK_INTEGER(status, OK);
  CHECK(keeper.has[0] && keeper.has[1] && keeper.last >= 2 * stride);
  check_same(whole, resumed);
  for (int u = 0; u < UNITS; u++)
    if (keeper.has[u]) fields_clear(&keeper.kept[u]);
  logistic_model.free(&whole);
  logistic_model.free(&resumed);
  summary_clear(&summary);
  sample_clear(&s);
}

/* p (1 - p) x x' summed row by row, and its squares, for class o; x: a one, then scaled features.
 */
static void curvature_ref(const LogisticProblem *p, const double *b, int64_t o, double *out,
                          double *squares) {
  int64_t m = p->k + 1;
  memset(out, 0, (size_t)(m * m) * sizeof *out);
  memset(squares, 0, (size_t)(m * m) * sizeof *squares);
  for (int64_t i = 0; i < p->data->x->rows.n; i++) {
    double x[D + 1] = {1}, e[CLASSES], total = 0;
    for (int64_t c = 1; c < m; c++) {
      int64_t j = p->active[c - 1];
      x[c] = (matrix_column(p->data->x, j)[i] - p->design->centre[j]) / p->design->scale[j];
    }
    for (int64_t q = 0; q < CLASSES; q++) {
      double z = 0;
      for (int64_t c = 0; c < m; c++) z += b[q * m + c] * x[c];
      e[q] = elementary_exp(z);
      total += e[q];
    }
    double weight = e[o] / total * (1 - e[o] / total);
    for (int64_t a = 0; a < m; a++)
      for (int64_t c = 0; c < m; c++) {
        double product = weight * x[a] * x[c];
        out[a * m + c] += product;
        squares[a * m + c] += product * product;
      }
  }
}

/* Of FEW rows all count, of N one in four, whose sums, times four, have a variance of about three
 * times that of all squares: (1 - 1/4) / (1/4), Horvitz and Thompson. */
static void test_curvature(const Comm *comm, int64_t n, uint64_t seed) {
  enum { M = D + 1 };
  Comm self = comm_self();
  LogisticOptions options = {.l2 = 0.5, .max_iterations = 10, .tolerance = 1e-8};
  Stream stream = random_stream(seed, "test/curvature", 0);
  double b[CLASSES * M], v[CLASSES * M], want[M * M], squares[M * M];
  LogisticCurvature found[2] = {{0}};
  for (uint64_t i = 0; i < CLASSES * M; i++) b[i] = 0.3 * random_normal(&stream, i, 0);
  for (int alone = 1; alone >= 0; alone--) {
    const Comm *own = alone ? &self : comm;
    Sample s;
    Design x;
    LinearSystem system;
    LogisticProblem p;
    sample_classes(own, n, TARGET, &s);
    CHECK_OK(design_init_all(own, &s.data, "test", &x));
    CHECK_INTEGER(x.n_sparse, 1);
    CHECK_OK(linear_system_all(own, &x, &system));
    CHECK_OK(logistic_problem_all(own, &x, &options, &system, NULL, &p));
    CHECK(logistic_curvature_pays(&p));
    CHECK_OK(logistic_curvature_all(&p, b, &found[alone]));
    for (int64_t o = 0; alone && o < CLASSES; o++) {
      const double *factor = found[1].factor + o * M * M;
      curvature_ref(&p, b, o, want, squares);
      for (int64_t j = 0; j < M; j++) {
        for (int64_t l = 0; l <= j; l++) {
          double got = 0, unit = j > 0 ? p.unit[j - 1] : 0;
          for (int64_t k = 0; k <= l; k++) got += factor[j * M + k] * factor[l * M + k];
          if (j == l) got -= options.l2 * unit * unit;
          CHECK_REAL(got, want[j * M + l], n == FEW ? 1e-6 : 5 * sqrt(3 * squares[j * M + l]));
        }
      }
    }
    logistic_problem_clear(&p);
    linear_system_clear(&system);
    design_clear(&x);
    sample_clear(&s);
  }
  size_t bytes = CLASSES * M * M * sizeof(double);
  CHECK(memcmp(found[0].factor, found[1].factor, bytes) == 0);
  for (uint64_t i = 0; i < CLASSES * M; i++) v[i] = random_normal(&stream, i, 1);
  double before[CLASSES * M], along = 0;
  memcpy(before, v, sizeof v);
  logistic_curvature_solve(&found[0], v);
  for (int64_t c = 0; c < M; c++) {
    double sum = 0;
    for (int64_t o = 0; o < CLASSES; o++) sum += v[o * M + c];
    CHECK_REAL(sum, 0, 1e-12);
  }
  for (int64_t i = 0; i < CLASSES * M; i++) along += before[i] * v[i];
  CHECK(along > 0); /* downhill stays downhill */
  logistic_curvature_clear(&found[0]);
  logistic_curvature_clear(&found[1]);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  for (uint64_t seed = 1; seed <= 3; seed++) {
    printf("seed %d\n", (int)seed);
    make(seed);
    test_curvature(&world, FEW, seed);
    test_curvature(&world, N, seed);
    test_resume(TWO, 0, 1);
    test_resume(TARGET, 0, seed == 1 ? 1 : 7);
    test_resume(TARGET, 2, 7);
  }
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("linear/resume");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
