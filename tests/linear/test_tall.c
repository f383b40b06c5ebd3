/* The triangular factor of a tall matrix: R'R = A'A, the same bits however rows are spread, and
 * digits where the normal equations have none left. */
#include <stdlib.h>

#include "kernels/base/memory.h"
#include "kernels/linear/tall.h"
#include "kernels/numeric/random.h"
#include "tests/check.h"

enum { WIDTH = 5 };

typedef struct Source {
  Rows rows;
  uint64_t seed;
  double nearly; /* column 4 is column 0 plus so much noise */
} Source;

static double cell(const Source *s, int64_t row, int64_t j) {
  Stream stream = random_stream(s->seed, "test/tall", (uint64_t)j);
  if (j < WIDTH - 1) return random_normal(&stream, (uint64_t)row, 0);
  return cell(s, row, 0) + s->nearly * random_normal(&stream, (uint64_t)row, 0);
}

static void write_block(const void *context, int64_t b, int64_t stride, double *out) {
  const Source *s = context;
  for (int64_t j = 0; j < WIDTH; j++) {
    for (int64_t i = 0; i < rows_in_block(&s->rows, b); i++) {
      out[j * stride + i] = cell(s, s->rows.begin + b * s->rows.block + i, j);
    }
  }
}

static void factor_all(const Comm *comm, Source *s, int64_t n, int64_t block, double *out) {
  s->rows = rows_share(comm, n, block);
  CHECK_OK(tall_factor_all(comm, &s->rows, WIDTH, write_block, s, out));
}

static void test_products(const Comm *comm, uint64_t seed, int64_t n, int64_t block) {
  Source s = {.seed = seed, .nearly = 1};
  double r[WIDTH * WIDTH], alone[WIDTH * WIDTH];
  Comm self = comm_self();
  factor_all(comm, &s, n, block, r);
  for (int64_t i = 0; i < WIDTH; i++) {
    CHECK(r[i * WIDTH + i] >= 0);
    for (int64_t j = 0; j <= i; j++) {
      double got = 0, want = 0;
      for (int64_t k = 0; k < WIDTH; k++) got += r[i * WIDTH + k] * r[j * WIDTH + k];
      for (int64_t row = 0; row < n; row++) want += cell(&s, row, i) * cell(&s, row, j);
      CHECK_REAL(got, want, 1e-11 * (double)(n + 1));
      if (i != j) CHECK_REAL(r[j * WIDTH + i], 0, 0);
    }
  }
  factor_all(&self, &s, n, block, alone);
  CHECK(memcmp(r, alone, sizeof r) == 0);
}

/* What is left of the last column after the first is 1e-9 of it: squared, it would be lost. */
static void test_digits(const Comm *comm) {
  Source s = {.seed = 5, .nearly = 1e-9};
  double r[WIDTH * WIDTH], noise = 0;
  int64_t n = 4000;
  factor_all(comm, &s, n, 64, r);
  Stream stream = random_stream(5, "test/tall", WIDTH - 1);
  for (int64_t row = 0; row < n; row++) {
    double x = random_normal(&stream, (uint64_t)row, 0);
    noise += x * x;
  }
  double left = r[(WIDTH - 1) * WIDTH + WIDTH - 1] / 1e-9;
  CHECK_REAL(left, sqrt(noise), 0.01 * sqrt(noise));
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  const int64_t sizes[] = {0, 1, 3, 16, 17, 63, 64, 65, 80, 81, 200, 1023};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    printf("seed %d\n", (int)i);
    test_products(&world, i, sizes[i], 16);
    test_products(&world, i, sizes[i], 4); /* blocks lower than the matrix is wide */
  }
  test_digits(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("linear/tall");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
