/* Bins: edges, codes, and the same on any number of ranks (also under mpirun). */
#include "kernels/base/memory.h"
#include "kernels/numeric/random.h"
#include "kernels/tree/bins.h"
#include "tests/check.h"

static double value_of(const Stream *s, int64_t row, int64_t j) {
  double u = random_uniform(s, (uint64_t)row, (uint32_t)j);
  switch (j) {
    case 0: return floor(u * 12);   /* few values */
    case 1: return u;               /* many */
    case 2: return u < 0.4 ? 0 : u; /* one heavy value */
    case 3: return NAN;
    case 4: return row % 3 ? 7 : NAN;
    case 5: return row % 2 ? 1e308 : -1e308;
    case 6: return u < 0.1 ? -INFINITY : u > 0.9 ? INFINITY : floor(u * 900);
    default: return u < 0.3 ? NAN : exp(20 * u);
  }
}

static void make(Matrix *x, const Comm *comm, int64_t n) {
  Rows rows = rows_share(comm, n, 8);
  Stream s = random_stream(5, "test/bins", 0);
  CHECK_OK(matrix_init(x, &rows, 8));
  for (int64_t j = 0; j < x->d; j++) {
    for (int64_t i = 0; i < rows.n; i++) matrix_column(x, j)[i] = value_of(&s, rows.begin + i, j);
  }
}

/* A code is at most b exactly when the value is at most edge b; every bin below max is used. */
static void check_codes(const Bins *bins, const Matrix *x) {
  uint8_t *codes = NULL;
  CHECK_OK(NEW(&codes, x->rows.n * bins_stride(x->d)));
  bins_encode(bins, x, 0, x->rows.n, codes);
  for (int64_t j = 0; j < x->d; j++) {
    const double *edge = bins->edges + bins->offset[j];
    bool right = true;
    for (int64_t i = 0; i < x->rows.n; i++) {
      double v = matrix_column(x, j)[i];
      int64_t code = codes[i * bins_stride(x->d) + j];
      if (v != v) {
        right = right && code == BINS_MISSING;
        continue;
      }
      for (int64_t b = 0; b < bins_of(bins, j) - 1; b++) {
        right = right && (v <= edge[b]) == (code <= b);
      }
    }
    CHECK(right);
  }
  memory_free(&codes);
}

static void check_shape(const Bins *bins, int64_t max_bins) {
  for (int64_t j = 0; j < bins->d; j++) CHECK(bins_of(bins, j) <= max_bins);
  if (max_bins < 255) return;
  CHECK_INTEGER(bins_of(bins, 0), 12);
  for (int64_t b = 0; b < 11; b++) CHECK_REAL(bins->edges[b], (double)b + 0.5, 0);
  CHECK(bins_of(bins, 1) > 250);
  CHECK(bins_of(bins, 2) > 200); /* the heavy value takes one bin, not 40 % of them */
  CHECK(bins->edges[bins->offset[2]] > 0);
  CHECK_INTEGER(bins_of(bins, 3), 1);
  CHECK_INTEGER(bins_of(bins, 4), 1);
  CHECK_INTEGER(bins_of(bins, 5), 2);
  CHECK_REAL(bins->edges[bins->offset[5]], 0, 0);
}

/* Rows in even bins: none holds much more than its share. */
static void check_even(const Bins *bins, const Matrix *x) {
  int64_t count[BINS_CODES] = {0};
  uint8_t *codes = NULL;
  CHECK_OK(NEW(&codes, x->rows.n * bins_stride(x->d)));
  bins_encode(bins, x, 0, x->rows.n, codes);
  for (int64_t i = 0; i < x->rows.n; i++) count[codes[i * bins_stride(x->d) + 1]]++;
  for (int64_t b = 0; b < bins_of(bins, 1); b++) CHECK(count[b] * 255 < 2 * x->rows.n);
  memory_free(&codes);
}

static void compare(int64_t n, int64_t max_bins) {
  Comm world = comm_world(), self = comm_self();
  Matrix mine, whole;
  Bins together, alone;
  make(&mine, &world, n);
  make(&whole, &self, n);
  CHECK_OK(bins_fit_all(&world, &mine, max_bins, &together));
  CHECK_OK(bins_fit_all(&self, &whole, max_bins, &alone));
  CHECK(memcmp(together.offset, alone.offset, 9 * sizeof *alone.offset) == 0);
  size_t edges = (size_t)alone.offset[8];
  CHECK(edges == 0 || memcmp(together.edges, alone.edges, edges * sizeof *alone.edges) == 0);
  check_codes(&together, &mine);
  if (n >= 5000) {
    check_shape(&alone, max_bins);
    if (max_bins == 255) check_even(&alone, &whole);
  }
  bins_clear(&together);
  bins_clear(&alone);
  matrix_clear(&mine);
  matrix_clear(&whole);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  compare(5000, 255);
  compare(5000, 17);
  compare(5000, 16);
  compare(5000, 33);
  compare(5000, 2);
  compare(300, 255);
  compare(2, 255);
  compare(0, 255);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("tree/bins");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
