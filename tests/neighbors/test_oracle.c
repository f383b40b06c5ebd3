/* Neighbours as scikit-learn finds them (tests/oracle/make_neighbors.py). */
#include <stdlib.h>

#include "kernels/base/memory.h"
#include "kernels/neighbors/neighbors.h"
#include "tests/check.h"

enum { D = 4, K = 6, COLUMNS = D + 4 * K + 2, MOST = 400 };

static int64_t read_oracle(double (*cell)[COLUMNS]) {
  const char *source = getenv("SEGUE_SOURCE");
  char path[1024], line[4096];
  int64_t n = 0;
  snprintf(path, sizeof path, "%s/tests/oracle/neighbors.csv", source ? source : ".");
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  if (!file) return 0;
  CHECK(fgets(line, sizeof line, file) != NULL);
  for (; n < MOST && fgets(line, sizeof line, file); n++) {
    char *at = line;
    for (int c = 0; c < COLUMNS; c++, at += *at == ',') cell[n][c] = strtod(at, &at);
  }
  fclose(file);
  return n;
}

/* Distances to 1e-12 relative (cosine: 1e-15 more, which is what 1 - cosine leaves of digits); rows
 * wherever the gap to the distances beside is larger. */
static void test_metric(const Comm *comm, double (*cell)[COLUMNS], int64_t n,
                        NeighborsMetric metric) {
  Matrix x;
  Neighbors index;
  Rows rows = rows_share(comm, n, 16);
  int32_t *row = NULL;
  double *distance = NULL;
  CHECK_OK(matrix_init(&x, &rows, D));
  for (int64_t i = 0; i < rows.n; i++)
    for (int64_t j = 0; j < D; j++) matrix_column(&x, j)[i] = cell[rows.begin + i][j];
  CHECK_OK(NEW(&row, rows.n * K));
  CHECK_OK(NEW(&distance, rows.n * K));
  CHECK_OK(neighbors_new_all(comm, &x, NULL, metric, &index));
  CHECK_OK(neighbors_nearest(&index, &(NeighborsQuery){&x, NULL, rows.n, true}, K, row, distance));
  int64_t first = D + (metric == NEIGHBORS_COSINE ? 2 * K : 0), compared = 0;
  for (int64_t i = 0; i < rows.n; i++) {
    const double *want_row = cell[rows.begin + i] + first, *want = want_row + K;
    for (int k = 0; k < K; k++) {
      double allowed = 1e-12 * want[k] + (metric == NEIGHBORS_COSINE ? 1e-15 : 0);
      CHECK_REAL(distance[i * K + k], want[k], allowed);
      bool near = (k > 0 && want[k] - want[k - 1] <= 2 * allowed) ||
                  (k + 1 < K && want[k + 1] - want[k] <= 2 * allowed) || k + 1 == K;
      if (!near) CHECK_INTEGER(row[i * K + k], want_row[k]);
      compared += !near;
    }
  }
  if (rows.n > 0) CHECK(compared > rows.n * (K - 2));
  neighbors_clear_all(&index);
  matrix_clear(&x);
  memory_free(&row);
  memory_free(&distance);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  static double cell[MOST][COLUMNS];
  Comm world = comm_world();
  int64_t n = read_oracle(cell);
  CHECK_INTEGER(n, 240);
  test_metric(&world, cell, n, NEIGHBORS_EUCLIDEAN);
  test_metric(&world, cell, n, NEIGHBORS_COSINE);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = comm_any_all(&world, check_report("neighbors/oracle") != 0);
  MPI_Finalize();
  return failed;
}
