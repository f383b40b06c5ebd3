/* Neighbours in parts are those of one index of all rows, to the bit. */
#include "kernels/neighbors/partitioned.h"
#include "points.h"

typedef struct Case {
  PointKind kind;
  NeighborsMetric metric;
  int64_t n, k, parts;
  bool exclude, subset;
} Case;

/* Every third row is no reference and asks nothing (subset), or all are and do. */
typedef struct Asked {
  Matrix x;
  uint8_t *where;
  int64_t *at, n;
} Asked;

static void asked_init(const Comm *comm, const Case *c, Asked *out) {
  *out = (Asked){.n = 0};
  points_init(comm, c->kind, 5, c->n, 3, &out->x);
  CHECK_OK(NEW(&out->where, out->x.rows.n));
  CHECK_OK(NEW(&out->at, out->x.rows.n));
  for (int64_t i = 0; i < out->x.rows.n; i++) {
    out->where[i] = !c->subset || (out->x.rows.begin + i) % 3 != 1;
    if (out->where[i]) out->at[out->n++] = i;
  }
}

static void asked_clear(Asked *asked) {
  matrix_clear(&asked->x);
  memory_free(&asked->where);
  memory_free(&asked->at);
}

static void test_case(const Comm *comm, const Case *c) {
  Asked asked;
  Neighbors index;
  int32_t *row = NULL, *want_row = NULL;
  double *distance = NULL, *want = NULL, radius = 0.5;
  int64_t *count = NULL, *want_count = NULL, wrong = 0, limit = 20;
  asked_init(comm, c, &asked);
  NeighborsAmong among = {&asked.x, asked.where, c->metric, c->parts, NULL};
  NeighborsQuery query = {&asked.x, asked.at, asked.n, c->exclude};
  CHECK_OK(NEW(&row, asked.n * c->k));
  CHECK_OK(NEW(&want_row, asked.n * c->k));
  CHECK_OK(NEW(&distance, asked.n * c->k));
  CHECK_OK(NEW(&want, asked.n * c->k));
  CHECK_OK(NEW(&count, asked.n));
  CHECK_OK(NEW(&want_count, asked.n));
  CHECK_OK(neighbors_new_all(comm, &asked.x, asked.where, c->metric, &index));
  CHECK_OK(neighbors_nearest(&index, &query, c->k, want_row, want));
  CHECK_OK(neighbors_count(&index, &query, radius, INT64_MAX, want_count));
  CHECK_OK(neighbors_nearest_all(comm, &among, &query, c->k, row, distance));
  for (int64_t i = 0; i < asked.n * c->k; i++)
    wrong += row[i] != want_row[i] || distance[i] != want[i];
  CHECK_INTEGER(wrong, 0);
  CHECK_OK(neighbors_count_all(comm, &among, &query, radius, INT64_MAX, count));
  for (int64_t i = 0; i < asked.n; i++) wrong += count[i] != want_count[i];
  CHECK_OK(neighbors_count_all(comm, &among, &query, radius, limit, count));
  for (int64_t i = 0; i < asked.n; i++)
    wrong +=
        (count[i] < limit ? count[i] : limit) != (want_count[i] < limit ? want_count[i] : limit);
  CHECK_INTEGER(wrong, 0);
  if (wrong > 0) fprintf(stderr, "kind %d, parts %d\n", (int)c->kind, (int)c->parts);
  neighbors_clear_all(&index);
  memory_free(&row);
  memory_free(&want_row);
  memory_free(&distance);
  memory_free(&want);
  memory_free(&count);
  memory_free(&want_count);
  asked_clear(&asked);
}

static void test_refusals(const Comm *comm) {
  Matrix x;
  int32_t row[64];
  points_init(comm, POINTS_NORMAL, 1, 20, 3, &x);
  NeighborsAmong among = {&x, NULL, NEIGHBORS_EUCLIDEAN, 3, NULL};
  NeighborsQuery query = {&x, NULL, x.rows.n > 0, true};
  CHECK_INTEGER(neighbors_nearest_all(comm, &among, &query, 20, row, NULL), INVALID);
  CHECK_MESSAGE("20 neighbours are asked for");
  CHECK_MESSAGE("from 1 to 19");
  if (comm->rank == comm->size - 1 && x.rows.n > 0) matrix_column(&x, 2)[0] = NAN;
  if (comm->size == 1) {
    CHECK_INTEGER(neighbors_nearest_all(comm, &among, &query, 2, row, NULL), INVALID);
    CHECK_MESSAGE("missing");
  }
  CHECK_INTEGER(neighbors_parts_all(comm, &x), 1);
  Matrix large = {.rows = {.n_global = INT64_C(1) << 40}, .d = 64};
  CHECK(neighbors_parts_all(comm, &large) > 100);
  matrix_clear(&x);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  const int64_t parts[] = {0, 1, 2, 3, 7, 40};
  for (int kind = 0; kind < POINT_KINDS; kind++) {
    for (int p = 0; p < 6; p++) {
      Case c = {(PointKind)kind, NEIGHBORS_EUCLIDEAN, 300, 12, parts[p], p % 2 == 0, p == 3};
      test_case(&world, &c);
    }
  }
  test_case(&world, &(Case){POINTS_NORMAL, NEIGHBORS_COSINE, 300, 9, 4, true, false});
  test_case(&world, &(Case){POINTS_NORMAL, NEIGHBORS_EUCLIDEAN, 20, 19, 5, true, false});
  test_case(&world, &(Case){POINTS_NORMAL, NEIGHBORS_EUCLIDEAN, 5, 2, 9, true, false});
  comm_pretend_nodes(1);
  test_case(&world, &(Case){POINTS_LATTICE, NEIGHBORS_EUCLIDEAN, 200, 9, 3, true, true});
  comm_pretend_nodes(0);
  test_refusals(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = comm_any_all(&world, check_report("neighbors/partitioned") != 0);
  MPI_Finalize();
  return failed;
}
