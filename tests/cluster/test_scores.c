/* Scores of clusterings against scikit-learn (tests/oracle/clusters_results.csv, made by
 * make_clusters.py), and silhouettes against plain loops. */
#include "kernels/cluster/scores.h"

#include "kernels/cluster/silhouette.h"
#include "points.h"
#include "tests/linear/rows.h"

enum { N = 240, D = 3, WIDTH = 5, RESULTS = 321, LABELS = 5 };

static double cell[N * WIDTH], result[RESULTS * 3];
static char what[RESULTS][32];

static void test_oracle(const Comm *comm) {
  Sample s;
  Silhouette silhouette = {0};
  ClusterScores scores;
  double *value = NULL;
  int32_t *label = NULL;
  sample_init(comm, cell, N, WIDTH, D, D, -1, &s);
  CHECK_OK(NEW(&value, s.x.rows.n));
  CHECK_OK(NEW(&label, s.x.rows.n));
  for (int64_t i = 0; i < s.x.rows.n; i++) label[i] = (int32_t)s.target[i];
  CHECK_OK(silhouette_all(comm, &s.x, label, LABELS, NULL, value, &silhouette));
  CHECK_OK(cluster_scores_all(comm, &s.x, label, LABELS, &scores));
  CHECK_REAL(silhouette.mean, result[0], 1e-12);
  CHECK_REAL(scores.davies_bouldin, result[1], 1e-12);
  CHECK_REAL(scores.calinski_harabasz, result[2], 1e-10);
  for (int64_t i = 0; i < s.x.rows.n; i++)
    CHECK_REAL(value[i], result[6 + s.x.rows.begin + i], 1e-12);
  silhouette_clear(&silhouette);
  memory_free(&value);
  memory_free(&label);
  sample_clear(&s);
}

static void test_agreement(void) {
  int64_t table[LABELS * LABELS] = {0};
  Agreement agreement;
  for (int i = 0; i < N; i++) table[(int)cell[i * WIDTH + 3] * LABELS + (int)cell[i * WIDTH + 4]]++;
  CHECK_OK(agreement_of(table, LABELS, LABELS, &agreement));
  CHECK_INTEGER(agreement.items, N);
  CHECK_REAL(agreement.adjusted_rand, result[3], 1e-14);
  CHECK_REAL(agreement.normalised_mi, result[4], 1e-14);
  int64_t equal[] = {0, 7, 0, 5, 0, 0}, one[] = {7}, none[] = {0};
  CHECK_OK(agreement_of(equal, 2, 3, &agreement));
  CHECK_REAL(agreement.adjusted_rand, 1, 0);
  CHECK_REAL(agreement.normalised_mi, 1, 1e-15);
  CHECK_OK(agreement_of(one, 1, 1, &agreement));
  CHECK_REAL(agreement.adjusted_rand, 1, 0);
  CHECK_REAL(agreement.normalised_mi, 1, 0);
  CHECK_OK(agreement_of(none, 1, 1, &agreement));
  CHECK_REAL(agreement.adjusted_rand, NAN, 0);
}

/* Rows without a label, clusters of one row and of none, sizes around whole vectors. */
static void label_rows(const Matrix *x, int32_t *label) {
  for (int64_t i = 0; i < x->rows.n; i++) {
    int64_t row = x->rows.begin + i;
    label[i] = row < 1 ? 0 : row < 9 ? 1 : row < 20 ? -1 : row < 36 ? 3 : (int32_t)(4 + row % 3);
  }
}

static void test_plain(const Comm *comm, int64_t n, int64_t d, int64_t repeat) {
  Comm self = comm_self();
  Matrix x, whole;
  Silhouette out = {0}, plain = {0};
  double *value = NULL, *want = NULL, *plain_value = NULL;
  int32_t *label = NULL, *all = NULL;
  lumps_init(comm, 21, n, d, 4, repeat, &x);
  lumps_init(&self, 21, n, d, 4, repeat, &whole);
  CHECK_OK(NEW(&value, n));
  CHECK_OK(NEW(&plain_value, n));
  CHECK_OK(NEW(&want, n));
  CHECK_OK(NEW(&label, n));
  CHECK_OK(NEW(&all, n));
  label_rows(&x, label);
  label_rows(&whole, all);
  CHECK_OK(silhouette_ref(&whole, all, 7, want));
  CHECK_OK(silhouette_all(comm, &x, label, 7, NULL, value, &out));
  for (int64_t i = 0; i < x.rows.n; i++) CHECK_REAL(value[i], want[x.rows.begin + i], 1e-12);
  silhouette_wide_off = true;
  CHECK_OK(silhouette_all(&self, &whole, all, 7, NULL, plain_value, &plain));
  silhouette_wide_off = false;
  CHECK_REAL(plain.mean, out.mean, 0);
  for (int64_t i = 0; i < x.rows.n; i++) CHECK_REAL(value[i], plain_value[x.rows.begin + i], 0);
  CHECK_REAL(out.cluster[0], 0, 0);
  CHECK_REAL(out.cluster[2], NAN, 0);
  CHECK_INTEGER(out.k, 6);
  CHECK_INTEGER(out.rows, n - 11);
  silhouette_clear(&out);
  silhouette_clear(&plain);
  memory_free(&value);
  memory_free(&plain_value);
  memory_free(&want);
  memory_free(&label);
  memory_free(&all);
  matrix_clear(&x);
  matrix_clear(&whole);
}

static void test_one_cluster(const Comm *comm) {
  Matrix x;
  Silhouette out = {0};
  ClusterScores scores;
  static int32_t label[50];
  double value[50];
  lumps_init(comm, 2, 50, 2, 3, 1, &x);
  CHECK_OK(silhouette_all(comm, &x, label, 3, NULL, value, &out));
  CHECK_REAL(out.mean, NAN, 0);
  CHECK_OK(cluster_scores_all(comm, &x, label, 3, &scores));
  CHECK_REAL(scores.davies_bouldin, NAN, 0);
  CHECK_REAL(scores.calinski_harabasz, NAN, 0);
  CHECK_INTEGER(scores.k, 1);
  silhouette_clear(&out);
  matrix_clear(&x);
}

static Status once(const Comm *comm, void *context) {
  Silhouette out = {0};
  ClusterScores scores;
  static int32_t label[50];
  double value[50];
  label[0] = 1;
  Status status = silhouette_all(comm, context, label, 2, NULL, value, &out);
  silhouette_clear(&out);
  return status == OK ? cluster_scores_all(comm, context, label, 2, &scores) : status;
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  Matrix x;
  CHECK_INTEGER(read_cells("clusters.csv", WIDTH, N, cell, NULL), N);
  CHECK_INTEGER(read_cells("clusters_results.csv", 3, RESULTS, result, what), RESULTS);
  test_oracle(&world);
  test_agreement();
  test_plain(&world, 300, 10, 1);
  test_plain(&world, 111, 3, 4);
  test_plain(&world, 64, 6, 1);
  test_one_cluster(&world);
  lumps_init(&world, 2, 50, 2, 3, 1, &x);
  allocations_fail(&world, once, &x);
  matrix_clear(&x);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("cluster/scores");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
