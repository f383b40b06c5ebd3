/* All references within a radius; see neighbors.h.
 *
 * Estimates have two limits: what is above the upper one lies outside, what is below the lower one
 * inside, and the few between are decided by their exact distances. */
#include <float.h>
#include <math.h>

#include "batch.h"
#include "kernels/base/memory.h"

typedef struct Circle {
  Batch batch;
  const NeighborsVisitor *visitor;
  double squared; /* the radius, in units of pair_distance */
  Taker taker[BATCH_TAKERS];
  float estimate[BATCH_TAKERS * BATCH_TAKES];
  int32_t position[BATCH_TAKERS * BATCH_TAKES];
  float inside[SCAN_BATCH]; /* estimates up to it are within the radius for sure */
  float reach[SCAN_BATCH];
  bool done[SCAN_BATCH];
} Circle;

static void set_limits(Circle *c) {
  double bound = batch_scaled(&c->batch, c->squared);
  for (int q = 0; q < c->batch.n; q++) {
    c->done[q] = false;
    c->taker[q].limit = batch_limit(&c->batch, q, bound);
    c->reach[q] = c->batch.far[q] ? FLT_MAX : batch_reach(c->batch.index, bound);
    c->inside[q] = batch_inside(&c->batch, q, c->squared);
  }
}

/* Decide what a query has taken and tell of it. */
static void tell(Circle *c, int q, int32_t leaf) {
  Taker *taker = &c->taker[q];
  const NeighborsQuery *query = c->batch.query;
  int64_t number = c->batch.number[q], local = query->at ? query->at[number] : number;
  int64_t self = query->exclude_self ? query->x->rows.begin + local : -1;
  int32_t row[BATCH_TAKES];
  int64_t n = 0;
  for (int32_t i = 0; i < taker->n; i++) {
    int32_t position = taker->position[i];
    bool within =
        taker->estimate[i] <= c->inside[q] || batch_exact(&c->batch, q, position) <= c->squared;
    row[n] = c->batch.index->tree->row[position];
    n += within && row[n] != self;
  }
  taker->n = 0;
  if (n > 0 && !c->visitor->found(c->visitor->context, number, leaf, row, n)) c->done[q] = true;
}

static void offer(Circle *c, int32_t leaf, const uint8_t *near, int n) {
  const TreeLeaf *at = &c->batch.index->tree->shape.leaves[leaf];
  const int64_t blocks = (at->n + SCAN_BLOCK - 1) / SCAN_BLOCK;
  for (int64_t b = 0; b < blocks; b += SCAN_BLOCKS) {
    batch_scan(&c->batch, at->block + b, blocks - b, c->taker, near, n);
    for (int i = 0; i < n; i++) {
      if (!c->done[near[i]]) tell(c, near[i], leaf);
      c->taker[near[i]].n = 0;
    }
  }
}

static void search(Circle *c) {
  const NeighborsVisitor *visitor = c->visitor;
  uint8_t near[SCAN_BATCH + 1];
  float most = 0;
  for (int q = 0; q < c->batch.n; q++) most = c->reach[q] > most ? c->reach[q] : most;
  int64_t n_leaves = batch_list(&c->batch, most, 0, -1);
  for (int64_t i = 0; i < n_leaves; i++) {
    int32_t leaf = c->batch.leaves[i];
    int n = 0;
    batch_apart(&c->batch, leaf);
    for (int q = 0; q < c->batch.n; q++) {
      near[n] = (uint8_t)q;
      n += c->batch.apart[q] <= c->reach[q] && !c->done[q] &&
           (!visitor->wanted || visitor->wanted(visitor->context, c->batch.number[q], leaf));
    }
    if (n > 0) offer(c, leaf, near, n);
  }
}

static Status check(const Neighbors *index, const NeighborsQuery *query, double radius) {
  if (query->x->d != index->d)
    return status_fail(INVALID, "queries have %lld columns, the rows to find %lld",
                       (long long)query->x->d, (long long)index->d);
  if (!(radius >= 0)) return status_fail(INVALID, "a radius of %g: 0 or more is needed", radius);
  return OK;
}

Status neighbors_visit(const Neighbors *index, const NeighborsQuery *query, double radius,
                       const NeighborsVisitor *visitor) {
  Status status = OK;
  QueryOrder order = {0};
  Circle *c = NULL;
  if (query->n == 0 || index->n == 0) return OK;
  TRY(check(index, query, radius));
  TRY(NEW(&c, 1));
  TRY(query_order(index, query, &order));
  TRY(batch_init(&c->batch, index, query));
  c->visitor = visitor;
  c->squared = index->metric == NEIGHBORS_COSINE ? 2 * radius : radius * radius;
  batch_takers(&c->batch, c->estimate, c->position, BATCH_TAKES, c->taker);
  for (int64_t begin = 0; begin < query->n; begin += SCAN_BATCH) {
    int64_t left = query->n - begin;
    batch_take(&c->batch, &order, begin, (int)(left < SCAN_BATCH ? left : SCAN_BATCH));
    set_limits(c);
    search(c);
    TRY(batch_pause(&c->batch));
  }
done:
  if (c) batch_clear(&c->batch);
  memory_free(&c);
  query_order_clear(&order);
  return status;
}

/* ---- counting ---- */

typedef struct Counting {
  int64_t limit, *count;
} Counting;

static bool add(void *context, int64_t query, int32_t leaf, const int32_t *row, int64_t n) {
  Counting *counting = context;
  (void)leaf, (void)row;
  return (counting->count[query] += n) < counting->limit;
}

Status neighbors_count(const Neighbors *index, const NeighborsQuery *query, double radius,
                       int64_t limit, int64_t *count) {
  Counting counting = {limit, count};
  for (int64_t i = 0; i < query->n; i++) count[i] = 0;
  return neighbors_visit(index, query, radius,
                         &(NeighborsVisitor){.found = add, .context = &counting});
}

/* ---- leaves ---- */

int64_t neighbors_leaves(const Neighbors *index) { return index->tree->shape.n_leaves; }

int64_t neighbors_leaf(const Neighbors *index, int64_t leaf, const int32_t **row,
                       const double **point) {
  const NeighborsTree *tree = index->tree;
  int64_t position = tree->shape.leaves[leaf].block * (int64_t)SCAN_BLOCK;
  *row = tree->row + position;
  *point = tree->point + position * index->width;
  return tree->shape.leaves[leaf].n;
}
