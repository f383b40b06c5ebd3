/* DBSCAN against its definition, taken word for word over all pairs of rows. */
#include <stdlib.h>

#include "kernels/cluster/dbscan.h"
#include "kernels/numeric/pair_distance.h"
#include "tests/neighbors/points.h"

typedef struct Naive {
  int32_t *label;
  uint8_t *core;
  int64_t n_clusters;
} Naive;

static bool within(const Matrix *x, int64_t a, int64_t b, double eps) {
  return pair_distance_squared(x->data + a, x->stride, x->data + b, x->stride, x->d) <= eps * eps;
}

/* Clusters grow from their lowest core, borders look for their lowest core. */
static void cluster_naively(const Matrix *x, double eps, int64_t min_samples, Naive *out) {
  int64_t n = x->rows.n, *stack = NULL;
  CHECK_OK(NEW(&stack, n));
  out->n_clusters = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t count = 0;
    for (int64_t r = 0; r < n; r++) count += within(x, i, r, eps);
    out->core[i] = count >= min_samples;
    out->label[i] = -1;
  }
  for (int64_t i = 0; i < n; i++) {
    int64_t depth = 0;
    if (!out->core[i] || out->label[i] >= 0) continue;
    out->label[i] = (int32_t)out->n_clusters;
    stack[depth++] = i;
    while (depth > 0) {
      int64_t here = stack[--depth];
      for (int64_t r = 0; r < n; r++) {
        if (!out->core[r] || out->label[r] >= 0 || !within(x, here, r, eps)) continue;
        out->label[r] = (int32_t)out->n_clusters;
        stack[depth++] = r;
      }
    }
    out->n_clusters++;
  }
  for (int64_t i = 0; i < n; i++)
    for (int64_t r = 0; r < n && out->label[i] < 0; r++)
      if (out->core[r] && within(x, i, r, eps)) out->label[i] = out->label[r];
  memory_free(&stack);
}

static void test_case(const Comm *comm, PointKind kind, int64_t n, int64_t d, double eps,
                      int64_t min_samples) {
  Matrix mine, all;
  Comm self = comm_self();
  Dbscan got;
  Naive want;
  uint64_t seed = (uint64_t)(n + d);
  points_init(comm, kind, seed, n, d, &mine);
  points_init(&self, kind, seed, n, d, &all);
  CHECK_OK(NEW(&want.label, n));
  CHECK_OK(NEW(&want.core, n));
  cluster_naively(&all, eps, min_samples, &want);
  DbscanOptions options = {eps, min_samples, NEIGHBORS_EUCLIDEAN};
  CHECK_OK(dbscan_all(comm, &mine, &options, NULL, &got));
  int64_t wrong = 0, noise = 0;
  for (int64_t i = 0; i < mine.rows.n; i++) {
    int64_t r = mine.rows.begin + i;
    wrong += got.label[i] != want.label[r] || got.core[i] != want.core[r];
  }
  for (int64_t i = 0; i < n; i++) noise += want.label[i] < 0;
  if (wrong > 0)
    fprintf(stderr, "kind %d, n %d, d %d, eps %g, min_samples %d\n", (int)kind, (int)n, (int)d, eps,
            (int)min_samples);
  CHECK_INTEGER(wrong, 0);
  CHECK_INTEGER(got.n_clusters, want.n_clusters);
  CHECK_INTEGER(got.n_noise, noise);
  CHECK_INTEGER(got.n_core + got.n_border + got.n_noise, n);
  int64_t together = 0;
  for (int64_t c = 0; c < got.n_clusters; c++) together += got.size[c];
  CHECK_INTEGER(together, n - noise);
  dbscan_clear(&got);
  memory_free(&want.label);
  memory_free(&want.core);
  matrix_clear(&mine);
  matrix_clear(&all);
}

static void test_cases(const Comm *comm) {
  for (int64_t n = 1; n <= 1100; n = n * 3 + 7) {
    for (int64_t min_samples = 1; min_samples <= 9; min_samples += 4) {
      test_case(comm, POINTS_NORMAL, n, 2, 0.12, min_samples);
      test_case(comm, POINTS_NORMAL, n, 5, 0.9, min_samples);
      test_case(comm, POINTS_CLUSTERED, n, 3, 0.02, min_samples);
      test_case(comm, POINTS_LATTICE, n, 4, 1, min_samples);
      test_case(comm, POINTS_LATTICE, n, 4, 0, min_samples); /* eps 0: equal rows alone */
      test_case(comm, POINTS_EQUAL, n, 3, 0, min_samples);
      test_case(comm, POINTS_OFFSET, n, 2, 1e-6, min_samples);
      test_case(comm, POINTS_NORMAL, n, 3, 1e200, min_samples); /* all in one */
    }
  }
}

/* The proposed eps makes clusters of clusters, and cores are those whose distance it reaches. */
static void test_curve(const Comm *comm) {
  Matrix x;
  DbscanCurve curve;
  Dbscan got;
  DbscanOptions options = {0, 5, NEIGHBORS_EUCLIDEAN};
  points_init(comm, POINTS_CLUSTERED, 5, 1000, 3, &x);
  CHECK_OK(dbscan_curve_all(comm, &x, &options, &curve));
  for (int i = 1; i < DBSCAN_CURVE; i++) CHECK(curve.distance[i] >= curve.distance[i - 1]);
  CHECK(curve.eps > 0.001 && curve.eps < 0.1);
  options.eps = curve.eps;
  CHECK_OK(dbscan_all(comm, &x, &options, NULL, &got));
  CHECK(got.n_clusters >= 5 && got.n_clusters < 40);
  CHECK(got.n_noise < 200);
  dbscan_clear(&got);
  options.eps = curve.distance[DBSCAN_CURVE - 1];
  CHECK_OK(dbscan_all(comm, &x, &options, NULL, &got));
  CHECK_INTEGER(got.n_core, 1000);
  dbscan_clear(&got);
  options.min_samples = 1001;
  CHECK_INTEGER(dbscan_curve_all(comm, &x, &options, &curve), INVALID);
  CHECK_MESSAGE("there are 1000 rows");
  options.eps = -1;
  CHECK_INTEGER(dbscan_all(comm, &x, &options, NULL, &got), INVALID);
  CHECK_MESSAGE("eps is -1");
  dbscan_clear(&got);
  matrix_clear(&x);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  test_cases(&world);
  test_curve(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("cluster/dbscan");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
