/* Ward's tree: heights against SciPy (tests/oracle/clusters_results.csv, made by make_clusters.py),
 * merges against the plainest method, and rows that are awkward. */
#include "kernels/cluster/ward.h"

#include "points.h"
#include "tests/linear/rows.h"

enum { N = 240, D = 3, WIDTH = 5, RESULTS = 321, HEIGHTS = 82 };

static double cell[N * WIDTH], result[RESULTS * 3];
static char what[RESULTS][32];

static void test_oracle(const Comm *comm) {
  Sample s;
  Dendrogram tree = {0};
  sample_init(comm, cell, N, WIDTH, D, D, -1, &s);
  CHECK_OK(ward_all(comm, &s.x, NULL, &tree, NULL));
  CHECK_TEXT(what[HEIGHTS], "height");
  for (int m = 0; m < N - 1; m++) {
    double want = result[(HEIGHTS + m) * 3];
    CHECK_REAL(tree.height[m], want, 1e-9 * want);
  }
  dendrogram_clear(&tree);
  sample_clear(&s);
}

/* What has to hold of any linkage matrix. */
static void check_tree(const Dendrogram *tree, int64_t n) {
  int64_t *seen = NULL;
  CHECK_INTEGER(tree->n, n);
  CHECK_OK(NEW(&seen, 2 * n));
  for (int64_t m = 0; m < n - 1; m++) {
    int64_t a = tree->left[m], b = tree->right[m];
    CHECK(0 <= a && a < b && b < n + m);
    CHECK_INTEGER(seen[a]++ + seen[b]++, 0);
    int64_t size = (a < n ? 1 : tree->size[a - n]) + (b < n ? 1 : tree->size[b - n]);
    CHECK_INTEGER(tree->size[m], size);
    CHECK(m == 0 || tree->height[m] >= tree->height[m - 1]);
  }
  memory_free(&seen);
}

/* The same tree as by looking for the nearest pair again and again, on any number of ranks. */
static void test_plain(const Comm *comm, uint64_t seed, int64_t n, int64_t d, int64_t repeat) {
  Comm self = comm_self();
  Matrix x, whole;
  Dendrogram tree = {0}, want = {0};
  lumps_init(comm, seed, n, d, 6, repeat, &x);
  lumps_init(&self, seed, n, d, 6, repeat, &whole);
  CHECK_OK(ward_all(comm, &x, NULL, &tree, NULL));
  CHECK_OK(ward_ref(&whole, &want));
  check_tree(&tree, n);
  check_tree(&want, n);
  for (int64_t m = 0; m < n - 1; m++) {
    CHECK_REAL(tree.height[m], want.height[m], 1e-12 * want.height[m] + 1e-12);
    if (repeat == 1) CHECK(tree.left[m] == want.left[m] && tree.right[m] == want.right[m]);
  }
  dendrogram_clear(&tree);
  dendrogram_clear(&want);
  matrix_clear(&x);
  matrix_clear(&whole);
}

/* A grid: every distance is tied with many; the result has to be the same on any number of ranks.
 */
static void test_ties(const Comm *comm) {
  enum { SIDE = 20 };
  Comm self = comm_self();
  Dendrogram tree[2] = {{0}, {0}};
  for (int k = 0; k < 2; k++) {
    Matrix x;
    Rows rows = rows_share(k ? comm : &self, SIDE * SIDE, 16);
    CHECK_OK(matrix_init(&x, &rows, 2));
    for (int64_t i = 0; i < rows.n; i++) {
      matrix_column(&x, 0)[i] = (double)((rows.begin + i) % SIDE);
      matrix_column(&x, 1)[i] = (double)((rows.begin + i) / SIDE);
    }
    CHECK_OK(ward_all(k ? comm : &self, &x, NULL, &tree[k], NULL));
    check_tree(&tree[k], SIDE * SIDE);
    matrix_clear(&x);
  }
  size_t bytes = (SIDE * SIDE - 1) * sizeof(int64_t);
  CHECK(memcmp(tree[0].left, tree[1].left, bytes) == 0);
  CHECK(memcmp(tree[0].height, tree[1].height, bytes) == 0);
  CHECK_REAL(tree[0].height[0], 1, 0);
  dendrogram_clear(&tree[0]);
  dendrogram_clear(&tree[1]);
}

static void test_cut(const Comm *comm) {
  enum { ROWS = 90, LUMPS = 3 };
  Matrix x;
  Dendrogram tree = {0};
  WardCounts counts;
  int32_t label[ROWS];
  lumps_init(comm, 4, ROWS, 4, LUMPS, 2, &x); /* every row twice */
  CHECK_OK(ward_all(comm, &x, NULL, &tree, &counts));
  CHECK_INTEGER(counts.distinct, ROWS / 2);
  CHECK_REAL(tree.height[ROWS / 2 - 1], 0, 0);
  CHECK(tree.height[ROWS / 2] > 0);
  CHECK_INTEGER(dendrogram_clusters(&tree, 0), ROWS / 2);
  CHECK_INTEGER(dendrogram_clusters(&tree, 1e9), 1);
  CHECK_OK(dendrogram_cut(&tree, LUMPS, label));
  for (int i = 0; i < ROWS; i++) {
    CHECK_INTEGER(label[i], label[i / 2 % LUMPS * 2]); /* lumps far apart */
    CHECK(label[i] >= 0 && label[i] < LUMPS);
  }
  CHECK_OK(dendrogram_cut(&tree, 1, label));
  CHECK_INTEGER(label[ROWS - 1], 0);
  CHECK_OK(dendrogram_cut(&tree, ROWS, label));
  for (int i = 0; i < ROWS; i++) CHECK_INTEGER(label[i], i);
  dendrogram_clear(&tree);
  matrix_clear(&x);
}

/* No branches cross, and half of a lump's rows are in a branch of their own. */
static void test_drawing(const Comm *comm) {
  enum { ROWS = 60, LUMPS = 3 };
  Matrix x;
  Dendrogram tree = {0};
  int64_t order[ROWS], place[ROWS];
  double gap[ROWS];
  int32_t seen[2 * ROWS - 1] = {0};
  lumps_init(comm, 4, ROWS, 4, LUMPS, 1, &x);
  CHECK_OK(ward_all(comm, &x, NULL, &tree, NULL));
  CHECK_OK(dendrogram_order(&tree, order, gap));
  CHECK_REAL(gap[ROWS - 1], 0, 0);
  for (int64_t i = 0; i < ROWS; i++) place[order[i]] = i;
  for (int64_t i = 0; i + 1 < ROWS; i++) { /* neighbours are joined by the merge of that height */
    int64_t a = order[i], b = order[i + 1], m = 0;
    for (; a != b; m++) {
      if (tree.left[m] == a || tree.right[m] == a) a = ROWS + m;
      if (tree.left[m] == b || tree.right[m] == b) b = ROWS + m;
    }
    CHECK_REAL(gap[i], tree.height[m - 1], 0);
  }
  for (int64_t m = 0; m + 1 < ROWS; m++) /* two rows lie beside each other */
    if (tree.size[m] == 2) CHECK_INTEGER(place[tree.right[m]], place[tree.left[m]] + 1);
  for (int64_t i = 0; i < ROWS; i += LUMPS) seen[i] = 1;
  int64_t branch = dendrogram_branch(&tree, ROWS / LUMPS, seen);
  CHECK_INTEGER(tree.size[branch - ROWS], ROWS / LUMPS);
  memset(seen, 0, sizeof seen);
  seen[7] = 2;
  CHECK_INTEGER(dendrogram_branch(&tree, 2, seen), 7);
  CHECK_INTEGER(dendrogram_branch(&tree, 3, seen), 2 * ROWS - 2);
  dendrogram_clear(&tree);
  matrix_clear(&x);
}

static void test_awkward(const Comm *comm) {
  Matrix x;
  Dendrogram tree = {0};
  lumps_init(comm, 4, 1, 2, 1, 1, &x);
  CHECK_OK(ward_all(comm, &x, NULL, &tree, NULL));
  CHECK_INTEGER(tree.n, 1);
  dendrogram_clear(&tree);
  matrix_clear(&x);
  lumps_init(comm, 4, 3000, 2, 1, 3000, &x); /* one row three thousand times */
  CHECK_OK(ward_all(comm, &x, NULL, &tree, NULL));
  check_tree(&tree, 3000);
  CHECK_REAL(tree.height[2998], 0, 0);
  dendrogram_clear(&tree);
  if (comm->rank == 0) matrix_column(&x, 1)[2] = INFINITY;
  CHECK_INTEGER(ward_all(comm, &x, NULL, &tree, NULL), NUMERIC);
  CHECK_MESSAGE("ward: \"b\" is infinite in row 2");
  dendrogram_clear(&tree);
  matrix_clear(&x);
}

static Status once(const Comm *comm, void *context) {
  Dendrogram tree = {0};
  Status status = ward_all(comm, context, NULL, &tree, NULL);
  dendrogram_clear(&tree);
  return status;
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  Matrix x;
  CHECK_INTEGER(read_cells("clusters.csv", WIDTH, N, cell, NULL), N);
  CHECK_INTEGER(read_cells("clusters_results.csv", 3, RESULTS, result, what), RESULTS);
  test_oracle(&world);
  test_plain(&world, 1, 700, 10, 1);
  test_plain(&world, 2, 500, 2, 1);
  test_plain(&world, 3, 301, 5, 1);
  test_plain(&world, 4, 300, 3, 4);
  test_ties(&world);
  test_cut(&world);
  test_drawing(&world);
  test_awkward(&world);
  lumps_init(&world, 4, 300, 2, 3, 1, &x);
  allocations_fail(&world, once, &x);
  matrix_clear(&x);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("cluster/ward");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
