/* Neighbours in parts; see partitioned.h.
 *
 * Rejected: a ring, in which every rank indexes what it passes on: the ranks of a node would each
 * hold a part of their own, and cut its tree alone. */
#include "partitioned.h"

#include <string.h>
#include <unistd.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/pair_distance.h"
#include "nearest.h"

enum { SHARE = 4 };

int64_t neighbors_parts_all(const Comm *comm, const Matrix *x) {
  /* A cell: padded and as it came in double precision, a block in single; an order and a scratch.
   */
  int64_t row =
      2 * pair_padded(x->d) * (int64_t)sizeof(double) + (x->d + 1) * (int64_t)sizeof(float) + 24;
  int64_t memory = (int64_t)sysconf(_SC_PHYS_PAGES) * (int64_t)sysconf(_SC_PAGESIZE);
  comm_min_all(comm, &memory, 1);
  int64_t most = memory / SHARE / row, n = x->rows.n_global;
  most = most > 1 ? most : 1;
  return n > most ? (n + most - 1) / most : 1;
}

/* ---- parts ---- */

typedef struct Parts {
  const Comm *comm;
  const NeighborsAmong *among;
  int64_t n, references; /* parts; references in all of them */
  uint8_t *where;        /* this rank's rows of the part at hand */
  Neighbors index;
} Parts;

static Status parts_init_all(const Comm *comm, const NeighborsAmong *among, Parts *out) {
  Status status = OK;
  const Rows *rows = &among->x->rows;
  int64_t references = 0;
  *out = (Parts){.comm = comm, .among = among};
  out->n = among->parts > 0 ? among->parts : neighbors_parts_all(comm, among->x);
  AGREE(comm, NEW(&out->where, rows->n));
  for (int64_t i = 0; i < rows->n; i++) references += !among->where || among->where[i];
  out->references = comm_sum_one_all(comm, references);
done:
  return status;
}

static void parts_clear_all(Parts *parts) {
  neighbors_clear_all(&parts->index);
  memory_free(&parts->where);
}

/* Give up the part before and index this one. */
static Status parts_take_all(Parts *parts, int64_t part) {
  const NeighborsAmong *among = parts->among;
  const Rows *rows = &among->x->rows;
  int64_t begin = rows->n_global / parts->n * part + rows->n_global % parts->n * part / parts->n;
  int64_t next = part + 1;
  int64_t end = rows->n_global / parts->n * next + rows->n_global % parts->n * next / parts->n;
  neighbors_clear_all(&parts->index);
  for (int64_t i = 0; i < rows->n; i++) {
    int64_t row = rows->begin + i;
    parts->where[i] = row >= begin && row < end && (!among->where || among->where[i]);
  }
  Status status =
      neighbors_new_all(parts->comm, among->x, parts->where, among->metric, &parts->index);
  parts->index.sink = among->sink;
  return status;
}

static Status parts_tick_all(const Parts *parts, int64_t part) {
  bool stop = work_tick(parts->among->sink, part, part + 1, parts->n, NULL);
  if (comm_any_all(parts->comm, stop)) return status_fail(STOPPED, "stopped on request");
  return OK;
}

/* ---- the nearest ---- */

/* The best of each query so far, ascending by (squared, row). */
typedef struct Best {
  int64_t k, ask;       /* ask: found in a part */
  int64_t *n;           /* by query */
  int32_t *row, *found; /* queries x k; queries x (k + 1) */
  double *squared, *near;
  int32_t *row_next; /* k: scratch */
  double *squared_next;
} Best;

static Status best_init(Best *b, int64_t n, int64_t k, int32_t *row) {
  Status status = OK;
  *b = (Best){.k = k, .row = row};
  TRY(NEW(&b->n, n));
  TRY(NEW_RAW(&b->squared, n * k));
  TRY(NEW_RAW(&b->found, n * (k + 1)));
  TRY(NEW_RAW(&b->near, n * (k + 1)));
  TRY(NEW(&b->row_next, k));
  TRY(NEW(&b->squared_next, k));
done:
  return status;
}

static void best_clear(Best *b) {
  memory_free(&b->n);
  memory_free(&b->squared);
  memory_free(&b->found);
  memory_free(&b->near);
  memory_free(&b->row_next);
  memory_free(&b->squared_next);
}

/* Join what a part has for query i. self: the row that does not count; -1: all do. */
static void best_join(Best *b, int64_t i, int64_t self) {
  int32_t *row = b->row + i * b->k;
  double *squared = b->squared + i * b->k;
  const int32_t *found = b->found + i * b->ask;
  const double *near = b->near + i * b->ask;
  int64_t n = 0, old = 0, fresh = 0;
  while (n < b->k && (old < b->n[i] || fresh < b->ask)) {
    if (fresh < b->ask && found[fresh] == self) {
      fresh++;
      continue;
    }
    bool take_old = old < b->n[i] && (fresh == b->ask || squared[old] < near[fresh] ||
                                      (squared[old] == near[fresh] && row[old] < found[fresh]));
    b->row_next[n] = take_old ? row[old] : found[fresh];
    b->squared_next[n++] = take_old ? squared[old++] : near[fresh++];
  }
  b->n[i] = n;
  memcpy(row, b->row_next, (size_t)n * sizeof *row);
  memcpy(squared, b->squared_next, (size_t)n * sizeof *squared);
}

static Status search_part(const Parts *parts, const NeighborsQuery *query, Best *best) {
  Status status = OK;
  NeighborsQuery all = *query;
  int64_t most = best->k + query->exclude_self;
  best->ask = most < parts->index.n ? most : parts->index.n;
  all.exclude_self = false;
  if (best->ask == 0) return OK;
  TRY(nearest_squared(&parts->index, &all, best->ask, best->found, best->near));
  for (int64_t i = 0; i < query->n; i++) {
    int64_t local = query->at ? query->at[i] : i;
    best_join(best, i, query->exclude_self ? query->x->rows.begin + local : -1);
  }
done:
  return status;
}

static Status check(const Parts *parts, const NeighborsQuery *query, int64_t k) {
  int64_t most = parts->references - query->exclude_self;
  if (query->n == 0 || (k >= 1 && k <= most)) return OK;
  return status_fail(INVALID,
                     "%lld neighbours are asked for, but there are only %lld rows%s; take a number "
                     "from 1 to %lld",
                     (long long)k, (long long)parts->references,
                     query->exclude_self ? " and a row is not its own neighbour" : "",
                     (long long)(most > 0 ? most : 0));
}

Status neighbors_nearest_all(const Comm *comm, const NeighborsAmong *among,
                             const NeighborsQuery *query, int64_t k, int32_t *row,
                             double *distance) {
  Status status = OK;
  Parts parts = {0};
  Best best = {0};
  TRY(parts_init_all(comm, among, &parts));
  AGREE(comm, check(&parts, query, k));
  AGREE(comm, best_init(&best, query->n, k, row));
  for (int64_t part = 0; part < parts.n; part++) {
    TRY(parts_take_all(&parts, part));
    AGREE(comm, search_part(&parts, query, &best));
    TRY(parts_tick_all(&parts, part));
  }
  if (!distance || query->n == 0) goto done;
  nearest_distances(among->metric, query->n * k, best.squared);
  memcpy(distance, best.squared, (size_t)(query->n * k) * sizeof *distance);
done:
  best_clear(&best);
  parts_clear_all(&parts);
  return status;
}

/* ---- within a radius ---- */

/* Queries below the limit: their rows, their numbers, and what a part has for them. */
typedef struct Open {
  int64_t *at, *number, *count;
} Open;

static Status count_part(const Parts *parts, const NeighborsQuery *query, double radius,
                         int64_t limit, Open *open, int64_t *count) {
  Status status = OK;
  NeighborsQuery left = {query->x, open->at, 0, query->exclude_self};
  for (int64_t i = 0; i < query->n; i++) {
    if (count[i] >= limit) continue;
    open->at[left.n] = query->at ? query->at[i] : i;
    open->number[left.n++] = i;
  }
  TRY(neighbors_count(&parts->index, &left, radius, limit, open->count));
  for (int64_t i = 0; i < left.n; i++) count[open->number[i]] += open->count[i];
done:
  return status;
}

Status neighbors_count_all(const Comm *comm, const NeighborsAmong *among,
                           const NeighborsQuery *query, double radius, int64_t limit,
                           int64_t *count) {
  Status status = OK;
  Parts parts = {0};
  Open open = {0};
  TRY(parts_init_all(comm, among, &parts));
  Status local = NEW(&open.at, query->n);
  if (local == OK) local = NEW(&open.number, query->n);
  if (local == OK) local = NEW(&open.count, query->n);
  AGREE(comm, local);
  for (int64_t i = 0; i < query->n; i++) count[i] = 0;
  for (int64_t part = 0; part < parts.n; part++) {
    TRY(parts_take_all(&parts, part));
    AGREE(comm, count_part(&parts, query, radius, limit, &open, count));
    TRY(parts_tick_all(&parts, part));
  }
done:
  memory_free(&open.at);
  memory_free(&open.number);
  memory_free(&open.count);
  parts_clear_all(&parts);
  return status;
}
