/* Complete and average linkage: heights against SciPy (tests/oracle/clusters_results.csv, made by
 * make_clusters.py), merges against the plainest method and, of tied rows, SciPy's own
 * (linkage_ties.csv), and rows that are too many. */
#include "kernels/cluster/linkage.h"

#include "points.h"
#include "tests/linear/rows.h"

enum { N = 240, D = 3, WIDTH = 5, RESULTS = 321, HEIGHTS = 82, SIDE = 9, TIED = SIDE * SIDE };

static double cell[N * WIDTH], result[RESULTS * 3], tied[2 * (TIED - 1) * 4];
static char what[RESULTS][32];

static void test_oracle(const Comm *comm, Linkage linkage) {
  Sample s;
  Dendrogram tree = {0};
  LinkageCounts counts;
  sample_init(comm, cell, N, WIDTH, D, D, -1, &s);
  CHECK_OK(linkage_all(comm, &s.x, linkage, NULL, &tree, &counts));
  CHECK_INTEGER(counts.distinct, N);
  CHECK_INTEGER(counts.bytes, linkage == LINKAGE_WARD ? 0 : N * (N - 1) / 2 * 8);
  CHECK_TEXT(what[HEIGHTS], "height");
  static const int column[] = {0, 2, 1};
  for (int m = 0; m < N - 1; m++) {
    double want = result[(HEIGHTS + m) * 3 + column[linkage]];
    CHECK_REAL(tree.height[m], want, 1e-12 * want);
  }
  dendrogram_clear(&tree);
  sample_clear(&s);
}

/* The same tree as from all pairs again and again, on any number of ranks. */
static void test_plain(const Comm *comm, Linkage linkage, uint64_t seed, int64_t n, int64_t d,
                       int64_t repeat) {
  Comm self = comm_self();
  Matrix x, whole;
  Dendrogram tree = {0}, want = {0};
  lumps_init(comm, seed, n, d, 6, repeat, &x);
  lumps_init(&self, seed, n, d, 6, repeat, &whole);
  CHECK_OK(linkage_all(comm, &x, linkage, NULL, &tree, NULL));
  CHECK_OK(linkage_ref(&whole, linkage, &want));
  CHECK_INTEGER(tree.n, n);
  for (int64_t m = 0; m < n - 1; m++) {
    CHECK_REAL(tree.height[m], want.height[m], 1e-12 * want.height[m]);
    if (repeat > 1) continue;
    CHECK(tree.left[m] == want.left[m] && tree.right[m] == want.right[m]);
    CHECK_INTEGER(tree.size[m], want.size[m]);
  }
  dendrogram_clear(&tree);
  dendrogram_clear(&want);
  matrix_clear(&x);
  matrix_clear(&whole);
}

/* A grid: every distance is tied with many, and SciPy's order decides. */
static void test_ties(const Comm *comm, Linkage linkage) {
  Dendrogram tree = {0};
  Matrix x;
  Rows rows = rows_share(comm, TIED, 8);
  const double *want = tied + (linkage == LINKAGE_AVERAGE ? 0 : (TIED - 1) * 4);
  CHECK_OK(matrix_init(&x, &rows, 2));
  for (int64_t i = 0; i < rows.n; i++) {
    matrix_column(&x, 0)[i] = (double)((rows.begin + i) % SIDE);
    matrix_column(&x, 1)[i] = (double)((rows.begin + i) / SIDE);
  }
  CHECK_OK(linkage_all(comm, &x, linkage, NULL, &tree, NULL));
  for (int64_t m = 0; m < TIED - 1; m++, want += 4) {
    CHECK_INTEGER(tree.left[m], want[0]);
    CHECK_INTEGER(tree.right[m], want[1]);
    CHECK_REAL(tree.height[m], want[2], 1e-12 * want[2]);
    CHECK_INTEGER(tree.size[m], want[3]);
  }
  dendrogram_clear(&tree);
  matrix_clear(&x);
}

static bool asked(WorkSink *sink) {
  (void)sink;
  return true;
}

static void test_awkward(const Comm *comm, Linkage linkage) {
  Matrix x;
  Dendrogram tree = {0};
  WorkSink sink = {.stopping = asked};
  lumps_init(comm, 4, 1, 2, 1, 1, &x);
  CHECK_OK(linkage_all(comm, &x, linkage, NULL, &tree, NULL));
  CHECK_INTEGER(tree.n, 1);
  dendrogram_clear(&tree);
  matrix_clear(&x);
  lumps_init(comm, 4, 3000, 2, 1, 1500, &x); /* two rows, each many times */
  CHECK_OK(linkage_all(comm, &x, linkage, NULL, &tree, NULL));
  CHECK_REAL(tree.height[2997], 0, 0);
  CHECK(tree.height[2998] > 0);
  dendrogram_clear(&tree);
  if (comm->rank == 0) matrix_column(&x, 1)[2] = NAN;
  CHECK_INTEGER(linkage_all(comm, &x, linkage, NULL, &tree, NULL), NUMERIC);
  CHECK_MESSAGE("\"b\" is missing in row 2");
  matrix_clear(&x);
  lumps_init(comm, 4, 400, 2, 3, 1, &x);
  CHECK_INTEGER(linkage_all(comm, &x, linkage, &sink, &tree, NULL), STOPPED);
  matrix_clear(&x);
}

static void test_too_many(const Comm *comm) {
  Matrix x;
  Dendrogram tree = {0};
  lumps_init(comm, 4, LINKAGE_MOST + 1, 1, 1, 1, &x);
  CHECK_INTEGER(linkage_all(comm, &x, LINKAGE_COMPLETE, NULL, &tree, NULL), INVALID);
  CHECK_MESSAGE("30001 rows differ, and 30000 are possible. Use \"ward\"");
  dendrogram_clear(&tree);
  matrix_clear(&x);
}

static Status once(const Comm *comm, void *context) {
  Dendrogram tree = {0};
  Status status = linkage_all(comm, context, LINKAGE_AVERAGE, NULL, &tree, NULL);
  dendrogram_clear(&tree);
  return status;
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  Matrix x;
  CHECK_INTEGER(read_cells("clusters.csv", WIDTH, N, cell, NULL), N);
  CHECK_INTEGER(read_cells("clusters_results.csv", 3, RESULTS, result, what), RESULTS);
  CHECK_INTEGER(read_cells("linkage_ties.csv", 4, 2 * (TIED - 1), tied, NULL), 2 * (TIED - 1));
  test_oracle(&world, LINKAGE_WARD);
  for (Linkage linkage = LINKAGE_COMPLETE; linkage <= LINKAGE_AVERAGE; linkage++) {
    test_oracle(&world, linkage);
    test_plain(&world, linkage, 1, 300, 10, 1);
    test_plain(&world, linkage, 2, 200, 2, 1);
    test_plain(&world, linkage, 3, 150, 3, 3);
    test_plain(&world, linkage, 4, 2, 3, 1);
    test_ties(&world, linkage);
    test_awkward(&world, linkage);
  }
  test_too_many(&world);
  lumps_init(&world, 4, 90, 2, 3, 1, &x);
  allocations_fail(&world, once, &x);
  matrix_clear(&x);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("cluster/linkage");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
