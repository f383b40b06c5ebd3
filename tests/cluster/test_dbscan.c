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

/* As scikit-learn has it (tests/oracle/make_neighbors.py): the same cores, the same clusters of
 * cores in the same order, the same noise, and borders in a cluster that a core within eps is of.
 */
static void test_oracle(const Comm *comm) {
  enum { N = 240, D = 4, COLUMNS = 30 };
  static double cell[N][COLUMNS];
  const char *source = getenv("SEGUE_SOURCE");
  char path[1024], line[4096];
  Matrix mine, all;
  Comm self = comm_self();
  Dbscan got;
  snprintf(path, sizeof path, "%s/tests/oracle/neighbors.csv", source ? source : ".");
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  if (!file) return;
  CHECK(fgets(line, sizeof line, file) != NULL);
  for (int64_t i = 0; i < N && fgets(line, sizeof line, file); i++) {
    char *at = line;
    for (int c = 0; c < COLUMNS; c++, at += *at == ',') cell[i][c] = strtod(at, &at);
  }
  fclose(file);
  Rows rows = rows_share(comm, N, 16), whole = rows_share(&self, N, 16);
  CHECK_OK(matrix_init(&mine, &rows, D));
  CHECK_OK(matrix_init(&all, &whole, D));
  for (int64_t j = 0; j < D; j++) {
    for (int64_t i = 0; i < N; i++) matrix_column(&all, j)[i] = cell[i][j];
    for (int64_t i = 0; i < rows.n; i++) matrix_column(&mine, j)[i] = cell[rows.begin + i][j];
  }
  CHECK_OK(dbscan_all(comm, &mine, &(DbscanOptions){0.5, 5, NEIGHBORS_EUCLIDEAN}, NULL, &got));
  CHECK(got.n_border > 5 && got.n_noise > 5 && got.n_clusters > 1);
  for (int64_t i = 0; i < rows.n; i++) {
    const double *want = cell[rows.begin + i] + COLUMNS - 2;
    bool valid = false;
    CHECK_INTEGER(got.core[i], want[0]);
    if (want[0] == 1 || want[1] < 0) CHECK_INTEGER(got.label[i], want[1]);
    for (int64_t r = 0; r < N && got.label[i] >= 0; r++)
      valid |= cell[r][COLUMNS - 2] == 1 && cell[r][COLUMNS - 1] == got.label[i] &&
               within(&all, rows.begin + i, r, 0.5);
    CHECK(valid || got.label[i] < 0);
  }
  dbscan_clear(&got);
  matrix_clear(&mine);
  matrix_clear(&all);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  test_cases(&world);
  test_curve(&world);
  test_oracle(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("cluster/dbscan");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
