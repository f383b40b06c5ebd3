/* Choosing k: three lumps far apart are found by every measure, on any number of ranks alike. */
#include "kernels/cluster/kmeans_choose.h"

#include "points.h"

static void lumps_apart(const Comm *comm, Matrix *x) {
  Rows rows = rows_share(comm, 600, 16);
  Stream noise = random_stream(9, "test/noise", 0);
  CHECK_OK(matrix_init(x, &rows, 2));
  for (int64_t i = 0; i < rows.n; i++) {
    int64_t row = rows.begin + i;
    for (int j = 0; j < 2; j++)
      matrix_column(x, j)[i] =
          (double)(row % 3 == j + 1) * 50 + random_normal(&noise, (uint64_t)row, (uint32_t)j);
  }
}

static Status choose(const Comm *comm, const Matrix *x, int64_t high, KmeansChoice *out) {
  KmeansOptions o = {.starts = 2, .max_iterations = 100, .tolerance = 1e-4, .seed = 3};
  return kmeans_choose_all(comm, x, &o, 2, high, NULL, out);
}

static void test_lumps(const Comm *comm) {
  Comm self = comm_self();
  Matrix x, whole;
  KmeansChoice choice = {0}, alone = {0};
  lumps_apart(comm, &x);
  lumps_apart(&self, &whole);
  CHECK_OK(choose(comm, &x, 7, &choice));
  CHECK_OK(choose(&self, &whole, 7, &alone));
  for (int by = 0; by < 3; by++) CHECK_INTEGER(choice.best[by], 3);
  CHECK_REAL(choice.stability[1], 1, 0);
  for (int p = 0; p < 6; p++) {
    CHECK_REAL(choice.inertia[p], alone.inertia[p], 0);
    CHECK_REAL(choice.silhouette[p], alone.silhouette[p], 0);
    CHECK_REAL(choice.stability[p], alone.stability[p], 0);
  }
  kmeans_choice_clear(&choice);
  CHECK_INTEGER(choose(comm, &x, 151, &choice), INVALID);
  CHECK_MESSAGE("600 rows are too few to choose among up to 151 clusters");
  kmeans_choice_clear(&choice);
  kmeans_choice_clear(&alone);
  matrix_clear(&x);
  matrix_clear(&whole);
}

static Status once(const Comm *comm, void *context) {
  KmeansChoice choice = {0};
  Status status = choose(comm, context, 2, &choice);
  kmeans_choice_clear(&choice);
  return status;
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  Matrix x;
  test_lumps(&world);
  lumps_init(&world, 4, 60, 2, 3, 1, &x);
  allocations_fail(&world, once, &x);
  matrix_clear(&x);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("cluster/choose");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
