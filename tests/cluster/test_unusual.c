/* What makes a row unusual: the furthest columns first, whoever holds the row. */
#include "kernels/base/memory.h"
#include "kernels/cluster/unusual.h"
#include "tests/check.h"

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  Matrix x;
  Unusual unusual;
  Rows rows = rows_share(&world, 64, 4);
  CHECK_OK(matrix_init(&x, &rows, 4));
  for (int64_t i = 0; i < rows.n; i++) {
    int64_t row = rows.begin + i;
    matrix_column(&x, 0)[i] = row % 2 ? 1 : -1; /* deviation 1 */
    matrix_column(&x, 1)[i] = 7;                /* constant */
    matrix_column(&x, 2)[i] = row % 2 ? 30 : 10;
    matrix_column(&x, 3)[i] = row == 63 ? -64 : 0;
  }
  CHECK_OK(unusual_init_all(&world, &x, &unusual));
  CHECK_REAL(unusual.mean[2], 20, 0);
  CHECK_REAL(unusual.deviation[2], 10, 0);
  for (int64_t i = 0; i < rows.n; i++) {
    int64_t columns[6], row = rows.begin + i;
    CHECK_REAL(unusual_of(&unusual, &x, i, 2), row % 2 ? 1 : -1, 0);
    CHECK_REAL(unusual_of(&unusual, &x, i, 1), 0, 0);
    unusual_columns(&unusual, &x, i, 6, columns);
    const int64_t last[] = {3, 0, 2, 1, -1, -1}, other[] = {0, 2, 3, 1, -1, -1};
    for (int c = 0; c < 6; c++) CHECK_INTEGER(columns[c], row == 63 ? last[c] : other[c]);
    unusual_columns(&unusual, &x, i, 1, columns);
    CHECK_INTEGER(columns[0], row == 63 ? 3 : 0);
  }
  unusual_clear(&unusual);
  matrix_clear(&x);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = comm_any_all(&world, check_report("cluster/unusual") != 0);
  MPI_Finalize();
  return failed;
}
