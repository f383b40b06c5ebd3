/* Where given references stand; see neighbors.h.
 *
 * A batch of queries goes through the leaves within the reach of its furthest target once, for all
 * targets together. Estimates have two limits a target, as in radius.c: what is below the lower one
 * lies nearer for sure, and the few between are decided by their exact distances. A target is left
 * alone by leaves that lie beyond it. */
#include <float.h>
#include <math.h>

#include "batch.h"
#include "kernels/base/memory.h"
#include "sort_pairs.h"

enum { NO_QUERY = SCAN_BATCH, TAKES = SCAN_CHUNK + SCAN_BLOCK };

/* A reference whose place is wanted. */
typedef struct Target {
  double squared; /* its distance */
  int32_t row, place;
  float inside, outside; /* estimates up to it are nearer for sure; beyond it, further */
  float reach;           /* boxes beyond it hold nothing that is nearer */
  int64_t before;        /* references found so far that are nearer */
} Target;

typedef struct Ranking {
  Batch batch;
  int64_t k;
  int32_t n_rows;    /* row numbers end here */
  int32_t *position; /* by global row number; -1: no reference */
  Target *target;    /* SCAN_BATCH x k, the nearest first */
  Pair *pairs;       /* 2 x k */
  Taker taker[SCAN_BATCH + 1];
  float estimate[(SCAN_BATCH + 1) * TAKES];
  int32_t at[(SCAN_BATCH + 1) * TAKES];
  float most; /* reach of the furthest target of all */
} Ranking;

static Status find_positions(Ranking *r, const NeighborsTree *tree) {
  Status status = OK;
  int64_t places = tree->shape.n_blocks * SCAN_BLOCK;
  for (int64_t p = 0; p < places; p++)
    if (tree->row[p] >= r->n_rows) r->n_rows = tree->row[p] + 1;
  TRY(NEW_RAW(&r->position, r->n_rows));
  for (int32_t i = 0; i < r->n_rows; i++) r->position[i] = -1;
  for (int64_t p = 0; p < places; p++)
    if (tree->row[p] >= 0) r->position[tree->row[p]] = (int32_t)p;
done:
  return status;
}

static int32_t position_of(const Ranking *r, int64_t row) {
  return row >= 0 && row < r->n_rows ? r->position[row] : -1;
}

static Status ranking_init(Ranking *r, const Neighbors *index, const NeighborsQuery *query,
                           int64_t k) {
  Status status = OK;
  r->k = k;
  TRY(batch_init(&r->batch, index, query));
  TRY(find_positions(r, index->tree));
  TRY(NEW(&r->target, SCAN_BATCH * k));
  TRY(NEW(&r->pairs, 2 * k));
  for (int q = 0; q <= SCAN_BATCH; q++) {
    const float *x = r->batch.x + (q < SCAN_BATCH ? q : 0) * index->d;
    r->taker[q] = (Taker){x, -INFINITY, 0, r->estimate + q * TAKES, r->at + q * TAKES};
  }
done:
  return status;
}

static void ranking_clear(Ranking *r) {
  batch_clear(&r->batch);
  memory_free(&r->position);
  memory_free(&r->target);
  memory_free(&r->pairs);
}

/* Measure the targets of query q and put them in order. */
static Status set_targets(Ranking *r, int q, const int32_t *row) {
  Status status = OK;
  Target *target = r->target + q * r->k;
  for (int64_t j = 0; j < r->k; j++) {
    int32_t position = position_of(r, row[j]);
    if (position < 0)
      TRY(status_fail(INVALID, "the place of row %lld is asked for, which is no reference",
                      (long long)row[j]));
    r->pairs[j] = (Pair){batch_exact(&r->batch, q, position), row[j], (int32_t)j};
  }
  sort_pairs(r->pairs, r->k, r->pairs + r->k);
  for (int64_t j = 0; j < r->k; j++) {
    double squared = r->pairs[j].distance, bound = batch_scaled(&r->batch, squared);
    bool far = r->batch.far[q];
    target[j] = (Target){.squared = squared,
                         .row = r->pairs[j].row,
                         .place = r->pairs[j].place,
                         .inside = batch_inside(&r->batch, q, squared),
                         .outside = batch_limit(&r->batch, q, bound),
                         .reach = far ? FLT_MAX : batch_reach(r->batch.index, bound)};
  }
  const Target *furthest = &target[r->k - 1];
  r->taker[q].limit = furthest->outside;
  r->most = furthest->reach > r->most ? furthest->reach : r->most;
done:
  return status;
}

/* Count what query q has taken for the targets that a box so far away may matter to. */
static void count(Ranking *r, int q, float apart) {
  Taker *taker = &r->taker[q];
  const NeighborsTree *tree = r->batch.index->tree;
  Target *target = r->target + q * r->k;
  for (int64_t j = r->k - 1; taker->n > 0 && j >= 0 && target[j].reach >= apart; j--) {
    Target *t = &target[j];
    int32_t sure = tree->scan->count(taker->estimate, taker->n, t->inside);
    int32_t maybe = tree->scan->count(taker->estimate, taker->n, t->outside);
    t->before += sure;
    for (int32_t i = 0; maybe > sure && i < taker->n; i++) {
      if (taker->estimate[i] <= t->inside || taker->estimate[i] > t->outside) continue;
      double squared = batch_exact(&r->batch, q, taker->position[i]);
      t->before +=
          squared < t->squared || (squared == t->squared && tree->row[taker->position[i]] < t->row);
    }
  }
  taker->n = 0;
}

static void offer(Ranking *r, int32_t leaf, const uint8_t *near, int n) {
  const NeighborsTree *tree = r->batch.index->tree;
  const TreeLeaf *at = &tree->shape.leaves[leaf];
  const int64_t d = r->batch.index->d, blocks = (at->n + SCAN_BLOCK - 1) / SCAN_BLOCK;
  for (int64_t b = 0; b < blocks; b += SCAN_BLOCKS) {
    int64_t part = blocks - b < SCAN_BLOCKS ? blocks - b : SCAN_BLOCKS;
    int64_t block = at->block + b;
    for (int i = 0; i < n; i += SCAN_TOGETHER) {
      Taker *takers[SCAN_TOGETHER];
      for (int t = 0; t < SCAN_TOGETHER; t++)
        takers[t] = &r->taker[i + t < n ? near[i + t] : NO_QUERY];
      tree->scan->filter(tree->block + block * (d + 1) * SCAN_BLOCK, part, d,
                         (int32_t)block * SCAN_BLOCK, takers);
    }
    for (int i = 0; i < n; i++) count(r, near[i], r->batch.apart[near[i]]);
  }
}

static void search(Ranking *r) {
  uint8_t near[SCAN_BATCH + 1];
  int64_t n_leaves = batch_list(&r->batch, r->most, 0, -1);
  for (int64_t i = 0; i < n_leaves; i++) {
    int32_t leaf = r->batch.leaves[i];
    int n = 0;
    batch_apart(&r->batch, leaf);
    for (int q = 0; q < r->batch.n; q++) {
      near[n] = (uint8_t)q;
      n += r->batch.apart[q] <= r->target[q * r->k + r->k - 1].reach;
    }
    if (n > 0) offer(r, leaf, near, n);
  }
}

/* The query's own row, at distance 0, was counted with the others. */
static void give(const Ranking *r, int q, int32_t *rank) {
  const NeighborsQuery *query = r->batch.query;
  int64_t number = r->batch.number[q], local = query->at ? query->at[number] : number;
  int64_t self = query->x->rows.begin + local;
  bool counted = query->exclude_self && position_of(r, self) >= 0;
  for (int64_t j = 0; j < r->k; j++) {
    const Target *t = &r->target[q * r->k + j];
    bool before = counted && (t->squared > 0 || self < t->row);
    rank[number * r->k + t->place] = (int32_t)(t->before - before + 1);
  }
}

Status neighbors_ranks(const Neighbors *index, const NeighborsQuery *query, int64_t k,
                       const int32_t *row, int32_t *rank) {
  Status status = OK;
  QueryOrder order = {0};
  Ranking *r = NULL;
  if (query->n == 0 || k == 0) return OK;
  if (query->x->d != index->d)
    return status_fail(INVALID, "queries have %lld columns, the rows to find %lld",
                       (long long)query->x->d, (long long)index->d);
  TRY(NEW(&r, 1));
  TRY(query_order(index, query, &order));
  TRY(ranking_init(r, index, query, k));
  for (int64_t begin = 0; begin < query->n; begin += SCAN_BATCH) {
    int64_t left = query->n - begin;
    batch_take(&r->batch, &order, begin, (int)(left < SCAN_BATCH ? left : SCAN_BATCH));
    r->most = 0;
    for (int q = 0; q < r->batch.n; q++) TRY(set_targets(r, q, row + r->batch.number[q] * k));
    search(r);
    for (int q = 0; q < r->batch.n; q++) give(r, q, rank);
    TRY(batch_pause(&r->batch));
  }
done:
  if (r) ranking_clear(r);
  memory_free(&r);
  query_order_clear(&order);
  return status;
}
