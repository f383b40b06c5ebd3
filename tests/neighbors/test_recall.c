/* Neighbours that a map keeps. */
#include "kernels/neighbors/recall.h"
#include "points.h"

static double recall_of(const Comm *comm, const Matrix *x, const Matrix *map, int64_t k) {
  double recall = -1;
  CHECK_OK(neighbors_recall_all(comm, x, map, k, &recall));
  return recall;
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  enum { N = 400 };
  Matrix x, same, other;
  points_init(&world, POINTS_NORMAL, 1, N, 3, &x);
  points_init(&world, POINTS_NORMAL, 1, N, 3, &same);
  points_init(&world, POINTS_NORMAL, 2, N, 2, &other);
  for (int64_t j = 0; j < 3; j++)
    for (int64_t i = 0; i < same.rows.n; i++) matrix_column(&same, j)[i] *= -2;
  CHECK_REAL(recall_of(&world, &x, &same, 10), 1, 0);
  double chance = recall_of(&world, &x, &other, 10); /* 10 / 399, and chance */
  CHECK(chance > 0.01 && chance < 0.05);
  CHECK_REAL(recall_of(&world, &x, &other, N), 1, 0); /* all rows */
  matrix_clear(&x);
  matrix_clear(&same);
  matrix_clear(&other);
  points_init(&world, POINTS_NORMAL, 1, 1, 3, &x);
  CHECK_REAL(recall_of(&world, &x, &x, 5), 1, 0);
  matrix_clear(&x);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = comm_any_all(&world, check_report("neighbors/recall") != 0);
  MPI_Finalize();
  return failed;
}
