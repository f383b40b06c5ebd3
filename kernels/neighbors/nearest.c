/* The k nearest references; see neighbors.h.
 *
 * A batch of queries takes all of the leaves around its home first, which gives every query a
 * bound on its k-th distance; then it goes through the leaves whose boxes lie within the largest
 * bound, nearest first, and each query through those within its own. A query keeps what passes its
 * limit; when it has too much, the k-th smallest estimate (found by bisection, any number above it
 * will do) gives a lower limit. What is left in the end is decided by exact distances.
 *
 * Rejected: a heap a query (a branch that is missed and a distance in double precision for every
 * reference that passes; some hundred a query), descending the tree query by query (as much again
 * as the distances cost), a rule that leaves the tree away for many columns: going through boxes
 * that exclude nothing costs a few percent of the filter. */
#include <float.h>
#include <math.h>

#include "batch.h"
#include "kernels/base/memory.h"
#include "nearest.h"
#include "sort_pairs.h"

typedef struct Search {
  const Neighbors *index;
  const Scan *scan;
  int64_t k, keep;  /* keep: k, and the query itself */
  int32_t capacity; /* of a taker */
  Batch batch;
  Taker taker[BATCH_TAKERS];
  float *estimate; /* of all takers */
  int32_t *position;
  double bound[SCAN_BATCH]; /* on the keep-th distance, scaled and squared */
  float reach[SCAN_BATCH];  /* the same for boxes */
  int32_t first, last;      /* leaves around home that are done */
  int32_t *leaves, *sorted; /* what lies within reach of the batch */
  Pair *pairs;              /* capacity */
  Pair *scratch;
} Search;

static Status search_init(Search *s, const Neighbors *index, const NeighborsQuery *query,
                          int64_t k) {
  Status status = OK;
  int64_t keep = query->exclude_self ? k + 1 : k;
  int64_t capacity = (2 * keep + 3 * SCAN_CHUNK + SCAN_BLOCK - 1) / SCAN_BLOCK * SCAN_BLOCK;
  *s = (Search){.index = index,
                .scan = index->tree->scan,
                .k = k,
                .keep = keep,
                .capacity = (int32_t)capacity};
  TRY(batch_init(&s->batch, index, query));
  TRY(NEW_RAW(&s->estimate, BATCH_TAKERS * capacity));
  TRY(NEW_RAW(&s->position, BATCH_TAKERS * capacity));
  TRY(NEW_RAW(&s->pairs, capacity));
  TRY(NEW_RAW(&s->scratch, capacity));
  batch_takers(&s->batch, s->estimate, s->position, capacity, s->taker);
done:
  return status;
}

static void search_clear(Search *s) {
  batch_clear(&s->batch);
  memory_free(&s->estimate);
  memory_free(&s->position);
  memory_free(&s->pairs);
  memory_free(&s->scratch);
}

/* ---- bounds of a query ---- */

static void set_bound(Search *s, int q, double bound) {
  if (!(bound < s->bound[q])) return;
  s->bound[q] = bound;
  s->reach[q] = s->batch.far[q] ? FLT_MAX : batch_reach(s->index, bound);
  s->taker[q].limit = batch_limit(&s->batch, q, bound);
}

/* A number that at least `keep` estimates do not exceed, and not many more. */
static float enough(const Scan *scan, const Taker *taker, int32_t keep) {
  float low = taker->estimate[0], high = low;
  for (int32_t i = 1; i < taker->n; i++) {
    float here = taker->estimate[i];
    low = here < low ? here : low;
    high = here > high ? here : high;
  }
  for (int round = 0; round < 24; round++) {
    float middle = low / 2 + high / 2;
    if (!(middle > low && middle < high)) break;
    int32_t count = scan->count(taker->estimate, taker->n, middle);
    if (count < keep) {
      low = middle;
    } else {
      high = middle;
      if (count <= keep + keep / 32) break;
    }
  }
  return high;
}

/* Exact distances of all that q has taken into s->pairs, the best `keep` of them first, in order.
 * Returns how many. */
static int32_t rank_exactly(Search *s, int q) {
  Taker *taker = &s->taker[q];
  for (int32_t i = 0; i < taker->n; i++) {
    int32_t position = taker->position[i];
    s->pairs[i] = (Pair){batch_exact(&s->batch, q, position), s->index->tree->row[position], i};
  }
  sort_pairs(s->pairs, taker->n, s->scratch);
  return taker->n < s->keep ? taker->n : (int32_t)s->keep;
}

/* Keep the best only, where estimates cannot tell them from others. */
static void settle(Search *s, int q) {
  Taker *taker = &s->taker[q];
  double scale = s->index->tree->scale;
  int32_t n = rank_exactly(s, q);
  for (int32_t i = 0; i < n; i++) {
    int32_t at = s->pairs[i].place;
    s->scratch[i] = (Pair){(double)taker->estimate[at], 0, taker->position[at]};
  }
  for (int32_t i = 0; i < n; i++) {
    taker->estimate[i] = (float)s->scratch[i].distance;
    taker->position[i] = s->scratch[i].place;
  }
  taker->n = n;
  if (n == s->keep) set_bound(s, q, s->pairs[n - 1].distance * scale * scale);
}

static void tighten(Search *s, int q) {
  Taker *taker = &s->taker[q];
  if (taker->n < s->keep) return;
  if (!s->batch.far[q]) {
    float estimate = enough(s->scan, taker, (int32_t)s->keep);
    set_bound(s, q, batch_bound(&s->batch, q, estimate));
    s->scan->keep(taker, taker->limit);
  }
  if (taker->n > s->capacity - 2 * SCAN_CHUNK) settle(s, q);
}

/* ---- leaves ---- */

/* Offer a leaf to n queries. */
static void offer(Search *s, int32_t leaf, const uint8_t *queries, int n) {
  const TreeLeaf *at = &s->index->tree->shape.leaves[leaf];
  /* Of identical rows, the lowest `keep` are enough. */
  int64_t references = at->n > s->keep && at->n > TREE_LEAF ? s->keep : at->n;
  int64_t blocks = (references + SCAN_BLOCK - 1) / SCAN_BLOCK;
  for (int64_t b = 0; b < blocks; b += SCAN_BLOCKS) {
    batch_scan(&s->batch, at->block + b, blocks - b, s->taker, queries, n);
    for (int i = 0; i < n; i++)
      if (s->taker[queries[i]].n > s->capacity - SCAN_CHUNK - SCAN_BLOCK) tighten(s, queries[i]);
  }
}

static int64_t useful(const Search *s, int32_t leaf) {
  int64_t n = s->index->tree->shape.leaves[leaf].n;
  return n < s->keep ? n : s->keep;
}

/* Leaves around home until every query has enough. */
static void begin_at_home(Search *s) {
  uint8_t all[SCAN_BATCH];
  int32_t n_leaves = (int32_t)s->index->tree->shape.n_leaves;
  for (int q = 0; q < s->batch.n; q++) {
    all[q] = (uint8_t)q;
    s->taker[q].n = 0;
    s->taker[q].limit = FLT_MAX;
    s->bound[q] = INFINITY;
    s->reach[q] = FLT_MAX;
  }
  s->first = s->last = s->batch.home;
  int64_t taken = useful(s, s->batch.home);
  offer(s, s->batch.home, all, s->batch.n);
  for (bool up = true; taken < s->keep; up = !up) {
    bool can_go_up = s->last + 1 < n_leaves, can_go_down = s->first > 0;
    int32_t leaf = (up && can_go_up) || !can_go_down ? ++s->last : --s->first;
    taken += useful(s, leaf);
    offer(s, leaf, all, s->batch.n);
  }
  for (int q = 0; q < s->batch.n; q++) tighten(s, q);
}

static float reach_of_batch(const Search *s) {
  float most = 0;
  for (int q = 0; q < s->batch.n; q++) most = s->reach[q] > most ? s->reach[q] : most;
  return most;
}

static void search_leaves(Search *s) {
  uint8_t near[SCAN_BATCH + 1];
  int64_t n_leaves = batch_list(&s->batch, reach_of_batch(s), s->first, s->last);
  float most = FLT_MAX;
  for (int64_t i = 0; i < n_leaves; i++) {
    int32_t leaf = s->batch.leaves[i];
    int n = 0;
    if (i % SCAN_BLOCK == 0) most = reach_of_batch(s);
    if (s->batch.lower[leaf] > most) continue;
    batch_apart(&s->batch, leaf);
    for (int q = 0; q < s->batch.n; q++) {
      near[n] = (uint8_t)q;
      n += s->batch.apart[q] <= s->reach[q];
    }
    if (n > 0) offer(s, leaf, near, n);
  }
}

/* ---- results ---- */

static void give(Search *s, int q, int32_t *row, double *squared) {
  const NeighborsQuery *query = s->batch.query;
  int64_t number = s->batch.number[q], local = query->at ? query->at[number] : number;
  int64_t self = query->exclude_self ? query->x->rows.begin + local : -1, n = 0;
  tighten(s, q);
  int32_t found = rank_exactly(s, q);
  for (int32_t i = 0; i < found && n < s->k; i++) {
    const Pair *pair = &s->pairs[i];
    if (pair->row == self) continue;
    row[number * s->k + n] = pair->row;
    if (squared) squared[number * s->k + n] = pair->distance;
    n++;
  }
}

static Status check(const Neighbors *index, const NeighborsQuery *query, int64_t k) {
  int64_t most = index->n - query->exclude_self;
  if (query->x->d != index->d)
    return status_fail(INVALID, "queries have %lld columns, the rows to find %lld",
                       (long long)query->x->d, (long long)index->d);
  if (k < 1 || k > most)
    return status_fail(INVALID,
                       "%lld neighbours are asked for, but there are only %lld rows%s; "
                       "take a number from 1 to %lld",
                       (long long)k, (long long)index->n,
                       query->exclude_self ? " and a row is not its own neighbour" : "",
                       (long long)(most > 0 ? most : 0));
  return OK;
}

Status nearest_squared(const Neighbors *index, const NeighborsQuery *query, int64_t k, int32_t *row,
                       double *squared) {
  Status status = OK;
  Search s = {0};
  QueryOrder order = {0};
  if (query->n == 0) return OK;
  TRY(check(index, query, k));
  TRY(query_order(index, query, &order));
  TRY(search_init(&s, index, query, k));
  for (int64_t begin = 0; begin < query->n; begin += SCAN_BATCH) {
    int64_t left = query->n - begin;
    batch_take(&s.batch, &order, begin, (int)(left < SCAN_BATCH ? left : SCAN_BATCH));
    begin_at_home(&s);
    search_leaves(&s);
    for (int q = 0; q < s.batch.n; q++) give(&s, q, row, squared);
    TRY(batch_pause(&s.batch));
  }
done:
  search_clear(&s);
  query_order_clear(&order);
  return status;
}

void nearest_distances(NeighborsMetric metric, int64_t n, double *squared) {
  for (int64_t i = 0; i < n; i++)
    squared[i] = metric == NEIGHBORS_COSINE ? squared[i] / 2 : sqrt(squared[i]);
}

Status neighbors_nearest(const Neighbors *index, const NeighborsQuery *query, int64_t k,
                         int32_t *row, double *distance) {
  Status status = OK;
  TRY(nearest_squared(index, query, k, row, distance));
  if (distance) nearest_distances(index->metric, query->n * k, distance);
done:
  return status;
}
