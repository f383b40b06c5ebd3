/* Principal components: against scikit-learn (tests/oracle/pca_results.csv, made by make_pca.py),
 * and what has to hold on any rows. */
#include "kernels/embed/pca.h"
#include "kernels/numeric/random.h"
#include "tests/linear/rows.h"

enum { N = 300, D = 5, RESULTS = 8 };

static void test_oracle(const Comm *comm) {
  static double cell[N * D], result[RESULTS * D], first[D];
  static char what[RESULTS][32];
  Sample s;
  Pca pca = {0};
  CHECK_INTEGER(read_cells("pca.csv", D, N, cell, NULL), N);
  CHECK_INTEGER(read_cells("pca_results.csv", D, RESULTS, result, what), RESULTS);
  sample_init(comm, cell, N, D, D, 0, -1, &s);
  CHECK_OK(pca_fit_all(comm, &s.x, D, 1, &pca));
  CHECK_INTEGER(pca.k, D);
  for (int j = 0; j < D; j++) {
    CHECK_REAL(pca.mean[j], result[j], 1e-10 * fabs(result[j]));
    CHECK_REAL(pca.variance[j], result[D + j], 1e-10 * fabs(result[D + j]));
    for (int c = 0; c < D; c++)
      CHECK_REAL(pca.components[c * D + j], result[(2 + c) * D + j], 1e-10);
  }
  double *out[D];
  for (int c = 0; c < D; c++) CHECK_OK(NEW(&out[c], s.x.rows.n));
  pca_transform(&pca, &s.x, out);
  for (int c = 0; c < D; c++) {
    first[c] = comm->rank == 0 ? out[c][0] : 0;
    if (comm->rank == 0) CHECK_REAL(first[c], result[7 * D + c], 1e-9);
    memory_free(&out[c]);
  }
  pca_clear(&pca);
  sample_clear(&s);
}

/* Components are orthonormal, variances fall and add up to those of the columns, and the
 * coordinates have those variances. */
static void test_properties(const Comm *comm) {
  enum { ROWS = 137, COLUMNS = 6, SEED = 4 };
  static double cell[ROWS * COLUMNS];
  Stream stream = random_stream(SEED, "test/pca", 0);
  Sample s;
  Pca pca = {0};
  printf("seed %d\n", SEED);
  for (int i = 0; i < ROWS * COLUMNS; i++)
    cell[i] = random_normal(&stream, (uint64_t)i, 0) * (1 + i % COLUMNS);
  for (int i = 0; i < ROWS; i++) cell[i * COLUMNS + 3] = 0.1; /* constant */
  sample_init(comm, cell, ROWS, COLUMNS, COLUMNS, 0, -1, &s);
  CHECK_OK(pca_fit_all(comm, &s.x, 100, 1, &pca));
  CHECK_INTEGER(pca.k, COLUMNS);
  double sum = 0;
  for (int a = 0; a < COLUMNS; a++) {
    sum += pca.variance[a];
    if (a > 0) CHECK(pca.variance[a] <= pca.variance[a - 1]);
    for (int b = 0; b < COLUMNS; b++) {
      double dot = 0;
      for (int j = 0; j < COLUMNS; j++)
        dot += pca.components[a * COLUMNS + j] * pca.components[b * COLUMNS + j];
      CHECK_REAL(dot, a == b, 1e-14);
    }
  }
  CHECK_REAL(sum, pca.total, 1e-12 * sum);
  CHECK_REAL(pca.variance[COLUMNS - 1], 0, 1e-14);
  pca_clear(&pca);
  CHECK_OK(pca_fit_all(comm, &s.x, COLUMNS, 0.5, &pca));
  double before = 0;
  for (int64_t c = 0; c + 1 < pca.k; c++) before += pca.variance[c];
  CHECK(before < 0.5 * pca.total && before + pca.variance[pca.k - 1] >= 0.5 * pca.total);
  pca_clear(&pca);
  sample_clear(&s);
}

static void test_refusals(const Comm *comm) {
  static double cell[16] = {1, 2, 3, 4, 5, 6, NAN, 8};
  Sample s;
  Pca pca = {0};
  sample_init(comm, cell, 4, 2, 2, 0, -1, &s);
  CHECK_INTEGER(pca_fit_all(comm, &s.x, 2, 1, &pca), NUMERIC);
  CHECK_MESSAGE("pca: \"a\" is missing in row 3");
  pca_clear(&pca);
  sample_clear(&s);
  sample_init(comm, cell, 0, 2, 2, 0, -1, &s);
  CHECK_INTEGER(pca_fit_all(comm, &s.x, 2, 1, &pca), INVALID);
  CHECK_MESSAGE("pca: there is no row");
  pca_clear(&pca);
  sample_clear(&s);
  sample_init(comm, cell, 1, 2, 2, 0, -1, &s);
  CHECK_OK(pca_fit_all(comm, &s.x, 2, 1, &pca));
  CHECK_REAL(pca.total, 0, 0);
  pca_clear(&pca);
  sample_clear(&s);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  test_oracle(&world);
  test_properties(&world);
  test_refusals(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("embed/pca");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
