/* Where rows stand, against counting over all pairs, for every kind of CPU code. */
#include "kernels/neighbors/tree.h"
#include "kernels/numeric/pair_distance.h"
#include "points.h"

enum { K = 9 };

typedef struct Case {
  PointKind kind;
  int64_t n, d;
  bool exclude, subset;
} Case;

static bool chosen(const Case *c, int64_t row) { return !c->subset || row % 3 != 1; }

static double squared_of(const Matrix *all, int64_t a, int64_t b) {
  return pair_distance_squared(all->data + a, all->stride, all->data + b, all->stride, all->d);
}

static int64_t rank_of(const Case *c, const Matrix *all, int64_t self, int64_t row) {
  double squared = squared_of(all, self, row);
  int64_t before = 0;
  for (int64_t r = 0; r < c->n; r++) {
    if (!chosen(c, r) || (c->exclude && r == self)) continue;
    double here = squared_of(all, self, r);
    before += here < squared || (here == squared && r < row);
  }
  return before + 1;
}

/* Targets near, far, the same one twice, from all over the references. */
static void choose_targets(const Case *c, int64_t self, int32_t *row) {
  for (int64_t j = 0; j < K; j++) {
    int64_t r = (self * 7 + j * j * 31 + (j % 3 == 0 ? 1 : 0)) % c->n;
    while (!chosen(c, r) || (c->exclude && r == self)) r = (r + 1) % c->n;
    row[j] = (int32_t)r;
  }
  row[K - 1] = row[0];
}

static void test_case(const Comm *comm, const Case *c, const Scan *scan) {
  Matrix mine, all;
  Comm self = comm_self();
  Neighbors index;
  uint64_t seed = (uint64_t)(c->n * 131 + c->d);
  points_init(comm, c->kind, seed, c->n, c->d, &mine);
  points_init(&self, c->kind, seed, c->n, c->d, &all);
  uint8_t *where = NULL;
  int32_t *row = NULL, *rank = NULL;
  CHECK_OK(NEW(&where, mine.rows.n));
  CHECK_OK(NEW(&row, mine.rows.n * K));
  CHECK_OK(NEW(&rank, mine.rows.n * K));
  for (int64_t i = 0; i < mine.rows.n; i++) {
    where[i] = chosen(c, mine.rows.begin + i);
    choose_targets(c, mine.rows.begin + i, row + i * K);
  }
  CHECK_OK(neighbors_new_all(comm, &mine, c->subset ? where : NULL, NEIGHBORS_EUCLIDEAN, &index));
  index.tree->scan = scan;
  NeighborsQuery query = {.x = &mine, .n = mine.rows.n, .exclude_self = c->exclude};
  CHECK_OK(neighbors_ranks(&index, &query, K, row, rank));
  int64_t wrong = 0;
  for (int64_t i = 0; i < mine.rows.n; i += 1 + mine.rows.n / 29)
    for (int64_t j = 0; j < K; j++)
      wrong += rank[i * K + j] != rank_of(c, &all, mine.rows.begin + i, row[i * K + j]);
  if (wrong > 0)
    fprintf(stderr, "kind %d, n %d, d %d, seed %d\n", (int)c->kind, (int)c->n, (int)c->d,
            (int)seed);
  CHECK_INTEGER(wrong, 0);
  neighbors_clear_all(&index);
  memory_free(&where);
  memory_free(&row);
  memory_free(&rank);
  matrix_clear(&mine);
  matrix_clear(&all);
}

/* The nearest stand first; what is no reference stands nowhere. */
static void test_order(const Comm *comm) {
  enum { N = 700, FOUND = 40 };
  Matrix x;
  Neighbors index;
  int32_t *row = NULL, *rank = NULL;
  uint8_t *where = NULL;
  points_init(comm, POINTS_LATTICE, 3, N, 4, &x);
  CHECK_OK(NEW(&row, x.rows.n * FOUND));
  CHECK_OK(NEW(&rank, x.rows.n * FOUND));
  CHECK_OK(NEW(&where, x.rows.n));
  CHECK_OK(neighbors_new_all(comm, &x, NULL, NEIGHBORS_EUCLIDEAN, &index));
  NeighborsQuery query = {.x = &x, .n = x.rows.n, .exclude_self = true};
  CHECK_OK(neighbors_nearest(&index, &query, FOUND, row, NULL));
  CHECK_OK(neighbors_ranks(&index, &query, FOUND, row, rank));
  int64_t wrong = 0;
  for (int64_t i = 0; i < x.rows.n * FOUND; i++) wrong += rank[i] != i % FOUND + 1;
  CHECK_INTEGER(wrong, 0);
  neighbors_clear_all(&index);
  for (int64_t i = 0; i < x.rows.n; i++) where[i] = x.rows.begin + i != 5;
  CHECK_OK(neighbors_new_all(comm, &x, where, NEIGHBORS_EUCLIDEAN, &index));
  query.n = x.rows.n > 0;
  if (query.n > 0) {
    row[0] = 5;
    CHECK_INTEGER(neighbors_ranks(&index, &query, 1, row, rank), INVALID);
    CHECK_MESSAGE("the place of row 5 is asked for, which is no reference");
  }
  neighbors_clear_all(&index);
  memory_free(&row);
  memory_free(&rank);
  memory_free(&where);
  matrix_clear(&x);
}

/* ---- requests to stop ---- */

typedef struct Impatient {
  WorkSink sink;
  int64_t asked, patience;
} Impatient;

static bool is_stopping(WorkSink *sink) {
  Impatient *impatient = (Impatient *)(void *)sink;
  return ++impatient->asked > impatient->patience;
}

static bool hear_none(void *context, int64_t query, int32_t leaf, const int32_t *row, int64_t n) {
  (void)context, (void)query, (void)leaf, (void)row, (void)n;
  return true;
}

/* Every search hears of it after some rows. */
static void test_stop(void) {
  enum { N = 3000 };
  Comm self = comm_self();
  Matrix x;
  Neighbors index;
  int32_t *row = NULL;
  points_init(&self, POINTS_NORMAL, 3, N, 4, &x);
  CHECK_OK(NEW(&row, 2 * N));
  CHECK_OK(neighbors_new_all(&self, &x, NULL, NEIGHBORS_EUCLIDEAN, &index));
  Impatient impatient = {.sink = {.stopping = is_stopping}, .patience = 3};
  NeighborsQuery query = {.x = &x, .n = N};
  index.sink = &impatient.sink;
  CHECK_INTEGER(neighbors_nearest(&index, &query, 1, row, NULL), STOPPED);
  CHECK_INTEGER(impatient.asked, 4);
  CHECK_INTEGER(neighbors_ranks(&index, &query, 1, row, row + N), STOPPED);
  CHECK_INTEGER(neighbors_visit(&index, &query, 1, &(NeighborsVisitor){.found = hear_none}),
                STOPPED);
  CHECK_INTEGER(impatient.asked, 6);
  neighbors_clear_all(&index);
  memory_free(&row);
  matrix_clear(&x);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  int n = 0;
  const Scan *const *all = scan_all(&n);
  const int64_t sizes[] = {12, 65, 800}, columns[] = {1, 2, 10, 17};
  for (int s = 0; s < n; s++)
    for (int kind = 0; kind < POINT_KINDS; kind++)
      for (int a = 0; a < 3; a++)
        for (int b = 0; b < 4; b++)
          test_case(&world,
                    &(Case){(PointKind)kind, sizes[a], columns[b], (a + b) % 3 != 0, b == 1},
                    all[s]);
  test_order(&world);
  test_stop();
  CHECK_INTEGER(memory_balance(), 0);
  int failed = comm_any_all(&world, check_report("neighbors/ranks") != 0);
  MPI_Finalize();
  return failed;
}
