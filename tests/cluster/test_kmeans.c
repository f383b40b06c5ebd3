/* k-means: bounds change nothing, the same however rows or starts are spread, and what is awkward.
 */
#include "kernels/cluster/kmeans.h"

#include "kernels/cluster/kmeans_parts.h"
#include "points.h"

static KmeansOptions options_of(int64_t k) {
  return (KmeansOptions){.k = k, .starts = 3, .max_iterations = 300, .tolerance = 1e-4, .seed = 7};
}

/* All of a result; labels are summed by row so that ranks' shares do not matter. */
static Hash hash_of(const Comm *comm, const Kmeans *kmeans, const int32_t *label, int64_t n) {
  void *all = NULL;
  Hash hash =
      hash_bytes(kmeans->centre, (size_t)(kmeans->k * kmeans->d) * sizeof(double), hash_zero());
  hash = hash_bytes(kmeans->size, (size_t)kmeans->k * sizeof(int64_t), hash);
  hash = hash_bytes(&kmeans->inertia, sizeof kmeans->inertia, hash);
  CHECK_OK(comm_concatenate_all(comm, label, (size_t)n * sizeof *label, &all, NULL));
  hash = hash_bytes(all, (size_t)kmeans->n * sizeof *label, hash);
  memory_free(&all);
  return hash;
}

typedef Status (*Fit)(const Comm *, const Matrix *, const KmeansOptions *, WorkSink *, Kmeans *,
                      int32_t *);

static Status reference(const Comm *comm, const Matrix *x, const KmeansOptions *o, WorkSink *sink,
                        Kmeans *out, int32_t *label) {
  (void)sink;
  return kmeans_ref_all(comm, x, o, out, label);
}

static Hash fit(const Comm *comm, const Matrix *x, const KmeansOptions *o, Fit how,
                double *inertia) {
  Kmeans kmeans = {0};
  int32_t *label = NULL;
  CHECK_OK(NEW(&label, x->rows.n));
  CHECK_OK(how(comm, x, o, NULL, &kmeans, label));
  Hash hash = hash_of(comm, &kmeans, label, x->rows.n);
  int64_t rows = 0;
  for (int64_t c = 0; c < kmeans.k; c++) {
    rows += kmeans.size[c];
    if (c > 0) CHECK(kmeans.size[c] <= kmeans.size[c - 1]);
  }
  CHECK_INTEGER(rows, kmeans.n);
  for (int64_t s = 0; s < kmeans.starts; s++) CHECK(kmeans.inertia <= kmeans.start_inertia[s]);
  if (inertia) *inertia = kmeans.inertia;
  memory_free(&label);
  kmeans_clear(&kmeans);
  return hash;
}

static void equal(Hash a, Hash b) { CHECK(hash_compare(&a, &b) == 0); }

/* Bounds, vectors, starts or rows, one rank or all: one result. */
static void test_ways(const Comm *comm, int64_t n, int64_t d, int64_t lumps, int64_t k,
                      int64_t repeat) {
  Matrix x, whole;
  Comm self = comm_self();
  KmeansOptions o = options_of(k);
  lumps_init(comm, 11, n, d, lumps, repeat, &x);
  lumps_init(&self, 11, n, d, lumps, repeat, &whole);
  Hash want = fit(&self, &whole, &o, reference, NULL);
  equal(fit(&self, &whole, &o, kmeans_fit_all, NULL), want);
  kmeans_wide_off = true;
  equal(fit(&self, &whole, &o, kmeans_fit_all, NULL), want);
  kmeans_wide_off = false;
  for (int spread = 0; spread < 3; spread++) {
    o.spread = (KmeansSpread)spread;
    equal(fit(comm, &x, &o, kmeans_fit_all, NULL), want);
  }
  matrix_clear(&x);
  matrix_clear(&whole);
}

/* The labels are those of the nearest centre by plain arithmetic, and more iterations do no harm.
 */
static void test_properties(const Comm *comm) {
  enum { N = 500, D = 5, K = 6 };
  Matrix x;
  Kmeans kmeans = {0};
  KmeansOptions o = options_of(K);
  int32_t *label = NULL;
  double before = INFINITY, inertia = 0;
  lumps_init(comm, 3, N, D, K, 1, &x);
  o.tolerance = 0;
  for (o.max_iterations = 1; o.max_iterations < 40; o.max_iterations += 3) {
    fit(comm, &x, &o, kmeans_fit_all, &inertia);
    CHECK(inertia <= before * (1 + 1e-12));
    before = inertia;
  }
  CHECK_OK(NEW(&label, x.rows.n));
  CHECK_OK(kmeans_fit_all(comm, &x, &o, NULL, &kmeans, label));
  CHECK(kmeans.converged);
  for (int64_t i = 0; i < x.rows.n; i++) {
    int64_t best = 0;
    double least = INFINITY;
    for (int64_t c = 0; c < K; c++) {
      double sum = 0;
      for (int64_t j = 0; j < D; j++)
        sum += pow(matrix_column(&x, j)[i] - kmeans.centre[c * D + j], 2);
      if (sum < least) least = sum, best = c;
    }
    CHECK_INTEGER(label[i], best);
  }
  memory_free(&label);
  kmeans_clear(&kmeans);
  matrix_clear(&x);
}

static void test_awkward(const Comm *comm) {
  Matrix x;
  Kmeans kmeans = {0};
  KmeansOptions o = options_of(5);
  lumps_init(comm, 5, 60, 3, 3, 20, &x); /* three distinct rows */
  CHECK_OK(kmeans_fit_all(comm, &x, &o, NULL, &kmeans, NULL));
  CHECK_REAL(kmeans.inertia, 0, 0);
  CHECK_INTEGER(kmeans.size[2], 20);
  CHECK_INTEGER(kmeans.size[3], 0);
  kmeans_clear(&kmeans);
  o.k = 61;
  CHECK_INTEGER(kmeans_fit_all(comm, &x, &o, NULL, &kmeans, NULL), INVALID);
  CHECK_MESSAGE("k is 61, and there are 60 rows");
  kmeans_clear(&kmeans);
  o.k = 1;
  CHECK_OK(kmeans_fit_all(comm, &x, &o, NULL, &kmeans, NULL));
  CHECK_INTEGER(kmeans.size[0], 60);
  kmeans_clear(&kmeans);
  o.k = 60; /* more clusters than distinct rows: as many as rows */
  CHECK_OK(kmeans_fit_all(comm, &x, &o, NULL, &kmeans, NULL));
  CHECK_REAL(kmeans.inertia, 0, 0);
  kmeans_clear(&kmeans);
  if (x.rows.n > 0 && x.rows.begin == 0) matrix_column(&x, 1)[3] = NAN;
  CHECK_INTEGER(kmeans_fit_all(comm, &x, &o, NULL, &kmeans, NULL), NUMERIC);
  CHECK_MESSAGE("kmeans: \"b\" is missing in row 3");
  kmeans_clear(&kmeans);
  matrix_clear(&x);
}

static Status once(const Comm *comm, void *context) {
  Kmeans kmeans = {0};
  KmeansOptions o = options_of(4);
  Status status = kmeans_fit_all(comm, context, &o, NULL, &kmeans, NULL);
  kmeans_clear(&kmeans);
  return status;
}

static void test_faults(const Comm *comm) {
  Matrix x;
  lumps_init(comm, 5, 80, 3, 3, 1, &x);
  allocations_fail(comm, once, &x);
  matrix_clear(&x);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  test_ways(&world, 700, 10, 5, 12, 1);
  test_ways(&world, 300, 3, 9, 40, 1); /* clusters that lose all rows */
  test_ways(&world, 400, 1, 4, 7, 5);
  test_ways(&world, 90, 6, 2, 2, 1);
  test_properties(&world);
  test_awkward(&world);
  test_faults(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("cluster/kmeans");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
