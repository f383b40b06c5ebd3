/* Neighbours that a map keeps: against scikit-learn (tests/oracle/map.csv, made by make_map.py),
 * and what has to hold of any map. */
#include "kernels/neighbors/map_quality.h"
#include "points.h"
#include "tests/linear/rows.h"

static MapQuality quality_of(const Comm *comm, const Matrix *x, const Matrix *map, int64_t k) {
  MapQuality quality = {0};
  CHECK_OK(map_quality_all(comm, x, map, k, NULL, &quality));
  return quality;
}

static void test_oracle(const Comm *comm) {
  enum { N = 180, D = 4, WIDTH = 6, RESULTS = 4 };
  static double cell[(RESULTS + N) * WIDTH];
  Matrix x, map;
  Rows rows = rows_share(comm, N, 16);
  CHECK_INTEGER(read_cells("map.csv", WIDTH, RESULTS + N, cell, NULL), RESULTS + N);
  CHECK_OK(matrix_init(&x, &rows, D));
  CHECK_OK(matrix_init(&map, &rows, 2));
  for (int64_t i = 0; i < rows.n; i++) {
    const double *row = cell + (RESULTS + rows.begin + i) * WIDTH;
    for (int64_t j = 0; j < D; j++) matrix_column(&x, j)[i] = row[j];
    for (int64_t j = 0; j < 2; j++) matrix_column(&map, j)[i] = row[D + j];
  }
  for (int r = 0; r < RESULTS; r++) {
    const double *want = cell + r * WIDTH;
    MapQuality quality = quality_of(comm, &x, &map, (int64_t)want[0]);
    CHECK_INTEGER(quality.k, (int64_t)want[0]);
    CHECK_REAL(quality.recall, want[1], 1e-12);
    CHECK_REAL(quality.trustworthiness, want[2], 1e-12);
    CHECK_REAL(quality.continuity, want[3], 1e-12);
  }
  matrix_clear(&x);
  matrix_clear(&map);
}

/* The same neighbours, and no neighbours but by chance. */
static void test_extremes(const Comm *comm) {
  enum { N = 400 };
  Matrix x, same, other;
  points_init(comm, POINTS_NORMAL, 1, N, 3, &x);
  points_init(comm, POINTS_NORMAL, 1, N, 3, &same);
  points_init(comm, POINTS_NORMAL, 2, N, 2, &other);
  for (int64_t j = 0; j < 3; j++)
    for (int64_t i = 0; i < same.rows.n; i++) matrix_column(&same, j)[i] *= -2;
  MapQuality quality = quality_of(comm, &x, &same, 10);
  CHECK_REAL(quality.recall, 1, 0);
  CHECK_REAL(quality.trustworthiness, 1, 0);
  CHECK_REAL(quality.continuity, 1, 0);
  quality = quality_of(comm, &x, &other, 10); /* 10 / 399, and chance */
  CHECK(quality.recall > 0.01 && quality.recall < 0.05);
  CHECK(fabs(quality.trustworthiness - 0.5) < 0.03 && fabs(quality.continuity - 0.5) < 0.03);
  quality = quality_of(comm, &x, &other, N);
  CHECK_INTEGER(quality.k, (N - 1) / 2);
  matrix_clear(&x);
  matrix_clear(&same);
  matrix_clear(&other);
}

static void test_few(const Comm *comm) {
  for (int64_t n = 1; n <= 4; n++) {
    Matrix x, map;
    points_init(comm, POINTS_NORMAL, 1, n, 3, &x);
    points_init(comm, POINTS_EQUAL, 1, n, 2, &map);
    MapQuality quality = quality_of(comm, &x, &map, 5);
    CHECK_INTEGER(quality.k, 1);
    CHECK(quality.recall >= 0 && quality.recall <= 1);
    CHECK(quality.trustworthiness >= 0 && quality.trustworthiness <= 1);
    CHECK(n > 2 || quality.trustworthiness + quality.continuity + quality.recall == 3);
    matrix_clear(&x);
    matrix_clear(&map);
  }
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  test_oracle(&world);
  test_extremes(&world);
  test_few(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = comm_any_all(&world, check_report("neighbors/map_quality") != 0);
  MPI_Finalize();
  return failed;
}
