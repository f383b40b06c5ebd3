/* Products of columns: what they are, with and without zeros; the same bits however rows are
 * spread; where they are refused, and digits then. */
#include "kernels/linear/gram.h"

#include "kernels/linear/linear.h"
#include "kernels/linear/linear_model.h"
#include "kernels/linear/system.h"
#include "kernels/linear/tall.h"
#include "kernels/numeric/random.h"
#include "rows.h"

enum { N = 700, D = 7, WIDTH = 9, TARGET = 7, WEIGHT = 8, R = D + 2 };

/* Two columns of numbers, one-hot words of which one is seldom, a sparse column of numbers beside
 * them in the same rows, a constant column. */
static void make(uint64_t seed, double nearly, double *cell) {
  Stream stream = random_stream(seed, "test/gram", 0);
  for (uint64_t i = 0; i < N; i++) {
    double *row = cell + WIDTH * i, a = random_normal(&stream, i, 0);
    int64_t word = random_integer(&stream, i, 1, 40);
    row[0] = a;
    row[1] = nearly > 0 ? a + nearly * random_normal(&stream, i, 2)
                        : 1000 + 3 * random_normal(&stream, i, 2);
    row[2] = word == 0;
    row[3] = word == 1;
    row[4] = word < 2 ? random_normal(&stream, i, 3) : 0;
    row[5] = random_uniform(&stream, i, 4) * a;
    row[6] = 7;
    row[TARGET] = row[0] - 0.5 * row[1] + 2 * row[2] + row[4] + random_normal(&stream, i, 5);
    row[WEIGHT] = 0.1 + 5 * random_uniform(&stream, i, 6);
  }
}

static void write_rows(void *context, int64_t b, double *root, double *target) {
  const Design *x = context;
  int64_t first = b * x->data->x->rows.block;
  for (int64_t i = 0; i < rows_in_block(&x->data->x->rows, b); i++)
    root[i] = x->data->weight ? sqrt(x->data->weight[first + i]) : 1;
  design_column(x, b, x->d, root, target);
}

static void write_block(const void *context, int64_t b, int64_t stride, double *out) {
  const Design *x = context;
  write_rows((void *)(uintptr_t)context, b, out, out + (x->d + 1) * stride);
  for (int64_t j = 0; j < x->d; j++) design_column(x, b, j, out, out + (j + 1) * stride);
}

/* out: (k + 2) squared, of the features in active. */
static void gram(const Comm *comm, const double *cell, int64_t n, bool weighted,
                 const int64_t *active, int64_t k, double *out, double *factor) {
  Sample s;
  Design x;
  sample_init(comm, cell, n, WIDTH, D, TARGET, weighted ? WEIGHT : -1, &s);
  CHECK_OK(design_init_all(comm, &s.data, "test", &x));
  CHECK_INTEGER(x.n_sparse, n == N ? 3 : x.n_sparse);
  GramTask task = {&x, active, k, write_rows, &x, true};
  CHECK_OK(gram_all(comm, &task, out));
  if (factor) CHECK_OK(tall_factor_all(comm, &s.x.rows, D + 2, write_block, &x, factor));
  design_clear(&x);
  sample_clear(&s);
}

/* R'R = G, where R is of the rows themselves. */
static void test_products(const Comm *comm, uint64_t seed, int64_t n, bool weighted) {
  static double cell[N * WIDTH];
  const int64_t all[D] = {0, 1, 2, 3, 4, 5, 6}, some[3] = {1, 3, 4};
  double g[R * R], alone[R * R], r[R * R], part[25];
  Comm self = comm_self();
  make(seed, 0, cell);
  gram(comm, cell, n, weighted, all, D, g, r);
  for (int64_t i = 0; i < R; i++) {
    for (int64_t j = 0; j <= i; j++) {
      double want = 0;
      for (int64_t k = 0; k <= j; k++) want += r[i * R + k] * r[j * R + k];
      CHECK_REAL(g[i * R + j], want, 1e-11 * (double)n);
    }
  }
  gram(&self, cell, n, weighted, all, D, alone, NULL);
  CHECK(memcmp(g, alone, sizeof g) == 0);
  gram(comm, cell, n, weighted, some, 3, part, NULL);
  const int64_t place[5] = {0, 2, 4, 5, 8};
  for (int64_t i = 0; i < 5; i++) {
    for (int64_t j = 0; j <= i; j++)
      CHECK_REAL(part[i * 5 + j], g[place[i] * R + place[j]], 1e-13 * (double)n);
  }
}

static void test_factor(void) {
  /* A column of length 0 is not divided by it. */
  const double g[16] = {4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1e-200, 0, 2, 0, 0, 5};
  double r[16];
  bool ok = false;
  CHECK_OK(gram_factor(g, 4, 1e-5, true, r, &ok));
  CHECK(ok);
  const double want[16] = {2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1e-100, 0, 1, 0, 0, 2};
  for (int i = 0; i < 16; i++) CHECK_REAL(r[i], want[i], 1e-15 * want[i]);
  /* The last column is told by the first but for 1e-7 of its square. */
  const double told[4] = {1, 0, 1, 1 + 1e-7};
  CHECK_OK(gram_factor(told, 2, 1e-5, true, r, &ok));
  CHECK(!ok);
  CHECK_OK(gram_factor(told, 2, 1e-5, false, r, &ok));
  CHECK(ok);
  const double near[9] = {1, 0, 0, 1, 1 + 1e-7, 0, 0, 0, 1};
  CHECK_OK(gram_factor(near, 3, 1e-5, true, r, &ok));
  CHECK(!ok);
}

/* Products are used where columns are far from each other, and there alone; either way the
 * coefficients have their digits. */
static void test_rule(const Comm *comm, uint64_t seed) {
  static double cell[N * WIDTH];
  const double nearly[] = {0, 1, 1e-4, 1e-7};
  const bool reflected[] = {false, false, true, true};
  for (int c = 0; c < 4; c++) {
    Sample s;
    Design x;
    LinearSystem system;
    make(seed, nearly[c], cell);
    sample_init(comm, cell, N, WIDTH, D, TARGET, -1, &s);
    CHECK_OK(design_init_all(comm, &s.data, "test", &x));
    CHECK_OK(linear_system_all(comm, &x, &system));
    CHECK(system.reflected == reflected[c]);
    linear_system_clear(&system);
    design_clear(&x);
    sample_clear(&s);
  }
}

/* Longley 1967, with the values that NIST certifies (Statistical Reference Datasets). */
static void test_longley(const Comm *comm) {
  static const double cell[] = {
      83.0,   234289, 2356,   1590,   107608, 1947,   60323,  88.5,   259426, 2325,   1456,
      108632, 1948,   61122,  88.2,   258054, 3682,   1616,   109773, 1949,   60171,  89.5,
      284599, 3351,   1650,   110929, 1950,   61187,  96.2,   328975, 2099,   3099,   112075,
      1951,   63221,  98.1,   346999, 1932,   3594,   113270, 1952,   63639,  99.0,   365385,
      1870,   3547,   115094, 1953,   64989,  100.0,  363112, 3578,   3350,   116219, 1954,
      63761,  101.2,  397469, 2904,   3048,   117388, 1955,   66019,  104.6,  419180, 2822,
      2857,   118734, 1956,   67857,  108.4,  442769, 2936,   2798,   120445, 1957,   68169,
      110.8,  444546, 4681,   2637,   121950, 1958,   66513,  112.6,  482704, 3813,   2552,
      123366, 1959,   68655,  114.2,  502601, 3931,   2514,   125368, 1960,   69564,  115.7,
      518173, 4806,   2572,   127852, 1961,   69331,  116.9,  554894, 4007,   2827,   130081,
      1962,   70551,
  };
  static const double want[6] = {15.0618722713733,  -0.358191792925910e-01, -2.02022980381683,
                                 -1.03322686717359, -0.511041056535807e-01, 1829.15146461355};
  LinearOptions options = {0, true};
  Summary summary;
  Sample s;
  void *opaque = NULL;
  summary_init(&summary, comm->rank == 0);
  sample_init(comm, cell, 16, 7, 6, 6, -1, &s);
  CHECK_OK(linear_model.fit_all(comm, &s.data, &options, NULL, &opaque, &summary));
  const LinearModel *model = opaque;
  for (int j = 0; j < 6; j++) CHECK_REAL(model->coefficient[j], want[j], 1e-10 * fabs(want[j]));
  CHECK_REAL(model->intercept, -3482258.63459582, 1e-10 * 3482258.63459582);
  linear_model.free(&opaque);
  summary_clear(&summary);
  sample_clear(&s);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  const int64_t sizes[] = {1, 2, 15, 16, 17, 80, 333, N};
  for (uint64_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    printf("seed %d\n", (int)i);
    test_products(&world, i, sizes[i], i % 2 == 0);
    test_products(&world, i, sizes[i], i % 2 != 0);
    test_rule(&world, i);
  }
  test_factor();
  test_longley(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("linear/gram");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
