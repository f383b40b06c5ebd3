/* The k nearest rows against comparing all pairs: the same rows and the same bits of distances, for
 * every kind of CPU code, on any number of ranks. */
#include <stdlib.h>

#include "kernels/neighbors/neighbors.h"
#include "kernels/neighbors/tree.h"
#include "kernels/numeric/pair_distance.h"
#include "points.h"

typedef struct Found {
  double distance;
  int32_t row;
} Found;

static int by_distance(const void *a, const void *b) {
  const Found *x = a, *y = b;
  if (x->distance != y->distance) return x->distance < y->distance ? -1 : 1;
  return x->row < y->row ? -1 : x->row > y->row;
}

/* Squared distances between local row i of x and all rows of all, nearest first. */
static int64_t compare_all(const Matrix *x, int64_t i, const Matrix *all, const uint8_t *where,
                           int64_t self, Found *out) {
  int64_t n = 0;
  for (int64_t r = 0; r < all->rows.n; r++) {
    if (r == self || (where && !where[r])) continue;
    double squared =
        pair_distance_squared(x->data + i, x->stride, all->data + r, all->stride, x->d);
    out[n++] = (Found){squared, (int32_t)r};
  }
  qsort(out, (size_t)n, sizeof *out, by_distance);
  return n;
}

typedef struct Case {
  PointKind kind;
  int64_t n, d, k;
  bool exclude, subset;
} Case;

static bool chosen(const Case *c, int64_t row) { return !c->subset || row % 3 != 1; }

/* Queries that are references, every third row asked (subset) or all. */
static void test_case(const Comm *comm, const Case *c, const Scan *scan) {
  Matrix mine, all;
  Comm self = comm_self();
  Neighbors index;
  uint64_t seed = (uint64_t)(c->n * 131 + c->d);
  points_init(comm, c->kind, seed, c->n, c->d, &mine);
  points_init(&self, c->kind, seed, c->n, c->d, &all);
  uint8_t *where = NULL, *where_all = NULL;
  int64_t *at = NULL, asked = 0;
  CHECK_OK(NEW(&where, mine.rows.n));
  CHECK_OK(NEW(&where_all, c->n));
  CHECK_OK(NEW(&at, mine.rows.n));
  for (int64_t i = 0; i < c->n; i++) where_all[i] = chosen(c, i);
  for (int64_t i = 0; i < mine.rows.n; i++) {
    where[i] = chosen(c, mine.rows.begin + i);
    if (where[i]) at[asked++] = i;
  }
  CHECK_OK(neighbors_new_all(comm, &mine, c->subset ? where : NULL, NEIGHBORS_EUCLIDEAN, &index));
  index.tree->scan = scan;
  NeighborsQuery query = {&mine, c->subset ? at : NULL, asked, c->exclude};
  int32_t *row = NULL;
  double *distance = NULL;
  Found *found = NULL;
  CHECK_OK(NEW(&row, asked * c->k));
  CHECK_OK(NEW(&distance, asked * c->k));
  CHECK_OK(NEW(&found, c->n));
  CHECK_OK(neighbors_nearest(&index, &query, c->k, row, distance));
  int64_t wrong = 0;
  for (int64_t i = 0; i < asked; i += 1 + asked / 23) {
    int64_t local = c->subset ? at[i] : i;
    compare_all(&mine, local, &all, c->subset ? where_all : NULL,
                c->exclude ? mine.rows.begin + local : -1, found);
    for (int64_t j = 0; j < c->k; j++)
      wrong +=
          row[i * c->k + j] != found[j].row || distance[i * c->k + j] != sqrt(found[j].distance);
  }
  if (wrong > 0)
    fprintf(stderr, "kind %d, n %d, d %d, k %d, seed %d\n", (int)c->kind, (int)c->n, (int)c->d,
            (int)c->k, (int)seed);
  CHECK_INTEGER(wrong, 0);
  memory_free(&row);
  memory_free(&distance);
  memory_free(&found);
  memory_free(&where);
  memory_free(&where_all);
  memory_free(&at);
  neighbors_clear_all(&index);
  matrix_clear(&mine);
  matrix_clear(&all);
}

static void test_cases(const Comm *comm, const Scan *scan) {
  const int64_t sizes[] = {2, 17, 65, 600, 1600}, columns[] = {1, 2, 10, 17, 64};
  for (int kind = 0; kind < POINT_KINDS; kind++) {
    for (int s = 0; s < 5; s++) {
      for (int c = 0; c < 5; c++) {
        if (SANITIZED && sizes[s] > 600 && columns[c] > 2) continue;
        int64_t most = sizes[s] - 1, k = most < 7 ? most : (s + c) % 2 ? 7 : most < 90 ? most : 90;
        Case one = {(PointKind)kind, sizes[s], columns[c], k, (s + c) % 3 != 0, false};
        test_case(comm, &one, scan);
      }
    }
    test_case(comm, &(Case){(PointKind)kind, 600, 5, 599, true, false}, scan);
    test_case(comm, &(Case){(PointKind)kind, 900, 6, 5, true, true}, scan);
  }
}

/* Queries that are no references: near, far, and so far that estimates say nothing. */
static void test_strangers(const Comm *comm) {
  enum { N = 500, D = 4, K = 6 };
  Matrix mine, all, asked;
  Comm self = comm_self();
  Neighbors index;
  Found found[N];
  int32_t row[9 * K];
  double distance[9 * K];
  points_init(comm, POINTS_NORMAL, 3, N, D, &mine);
  points_init(&self, POINTS_NORMAL, 3, N, D, &all);
  points_init(&self, POINTS_NORMAL, 4, 9, D, &asked);
  for (int64_t i = 0; i < 9; i++)
    for (int64_t j = 0; j < D; j++) matrix_column(&asked, j)[i] *= pow(10, 5 * (double)(i % 5));
  CHECK_OK(neighbors_new_all(comm, &mine, NULL, NEIGHBORS_EUCLIDEAN, &index));
  CHECK_OK(neighbors_nearest(&index, &(NeighborsQuery){&asked, NULL, 9, false}, K, row, distance));
  for (int64_t i = 0; i < 9; i++) {
    compare_all(&asked, i, &all, NULL, -1, found);
    for (int64_t j = 0; j < K; j++) {
      CHECK_INTEGER(row[i * K + j], found[j].row);
      CHECK_REAL(distance[i * K + j], sqrt(found[j].distance), 0);
    }
  }
  neighbors_clear_all(&index);
  matrix_clear(&mine);
  matrix_clear(&all);
  matrix_clear(&asked);
}

/* Cosine distances: those of 1 - a.b / |a||b|, and rows that are multiples are at none. */
static void test_cosine(const Comm *comm) {
  enum { N = 300, D = 5, K = 12 };
  Matrix mine, all;
  Comm self = comm_self();
  Neighbors index;
  points_init(comm, POINTS_NORMAL, 8, N, D, &mine);
  points_init(&self, POINTS_NORMAL, 8, N, D, &all);
  int32_t *row = NULL;
  double *distance = NULL;
  CHECK_OK(NEW(&row, mine.rows.n * K));
  CHECK_OK(NEW(&distance, mine.rows.n * K));
  CHECK_OK(neighbors_new_all(comm, &mine, NULL, NEIGHBORS_COSINE, &index));
  NeighborsQuery query = {&mine, NULL, mine.rows.n, true};
  CHECK_OK(neighbors_nearest(&index, &query, K, row, distance));
  for (int64_t i = 0; i < mine.rows.n; i++) {
    double last = 0, kth = distance[i * K + K - 1];
    int64_t nearer = 0;
    for (int64_t r = 0; r < N; r++) {
      double dot = 0, a = 0, b = 0;
      for (int64_t j = 0; j < D; j++) {
        double x = matrix_column(&mine, j)[i], y = matrix_column(&all, j)[r];
        dot += x * y, a += x * x, b += y * y;
      }
      double cosine = 1 - dot / sqrt(a * b);
      nearer += r != mine.rows.begin + i && cosine < kth - 1e-12;
      for (int64_t j = 0; j < K; j++)
        if (row[i * K + j] == r) CHECK_REAL(distance[i * K + j], cosine, 1e-14);
    }
    CHECK_INTEGER(nearer, K - 1);
    for (int64_t j = 0; j < K; j++) {
      CHECK(distance[i * K + j] >= last);
      last = distance[i * K + j];
    }
  }
  neighbors_clear_all(&index);
  memory_free(&row);
  memory_free(&distance);
  matrix_clear(&mine);
  matrix_clear(&all);
}

static void test_refusals(const Comm *comm) {
  Matrix x;
  Neighbors index;
  int32_t row[64];
  points_init(comm, POINTS_NORMAL, 1, 40, 3, &x);
  CHECK_OK(neighbors_new_all(comm, &x, NULL, NEIGHBORS_EUCLIDEAN, &index));
  if (x.rows.n > 0) {
    NeighborsQuery query = {&x, NULL, 1, true};
    CHECK_INTEGER(neighbors_nearest(&index, &query, 40, row, NULL), INVALID);
    CHECK_MESSAGE("40 neighbours are asked for");
    CHECK_MESSAGE("from 1 to 39");
    CHECK_INTEGER(neighbors_nearest(&index, &query, 0, row, NULL), INVALID);
    matrix_column(&x, 1)[0] = NAN;
    CHECK_INTEGER(neighbors_nearest(&index, &query, 3, row, NULL), INVALID);
    CHECK_MESSAGE("missing");
    matrix_column(&x, 1)[0] = 0;
  }
  neighbors_clear_all(&index);
  if (comm->rank == comm->size - 1) matrix_column(&x, 2)[0] = INFINITY;
  CHECK_INTEGER(neighbors_new_all(comm, &x, NULL, NEIGHBORS_EUCLIDEAN, &index), INVALID);
  CHECK_MESSAGE("column 2 is infinite");
  neighbors_clear_all(&index);
  for (int64_t j = 0; j < 3 && comm->rank == 0; j++) matrix_column(&x, j)[0] = 0;
  if (comm->rank == comm->size - 1) matrix_column(&x, 2)[0] = comm->size == 1 ? 0 : 1;
  CHECK_INTEGER(neighbors_new_all(comm, &x, NULL, NEIGHBORS_COSINE, &index), INVALID);
  CHECK_MESSAGE("row 0 is all zeros");
  neighbors_clear_all(&index);
  matrix_clear(&x);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  int n = 0;
  const Scan *const *all = scan_all(&n);
  for (int i = 0; i < n; i++) test_cases(&world, all[i]);
  test_strangers(&world);
  test_cosine(&world);
  test_refusals(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("neighbors/nearest");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
