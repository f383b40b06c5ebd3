/* Where given references stand; see neighbors.h.
 *
 * A batch of queries goes through the leaves within the reach of its furthest target once, for all
 * targets together. Estimates have two limits a target, as in radius.c: what is below the lower one
 * lies nearer for sure, and the few between are decided by their exact distances. Leaves that lie
 * beyond a target are left out, and those that lie nearer as a whole are counted unread: what is
 * read are the leaves that its distance cuts. */
#include <float.h>
#include <math.h>

#include "batch.h"
#include "kernels/base/memory.h"
#include "sort_pairs.h"

/* A reference whose place is wanted. */
typedef struct Target {
  double squared; /* its distance */
  int32_t row, place;
} Target;

typedef struct Ranking {
  Batch batch;
  int64_t k;
  int32_t n_rows;    /* row numbers end here */
  int32_t *position; /* by global row number; -1: no reference */
  Target *target;    /* SCAN_BATCH x k, the nearest first */
  float *reach;      /* the same: boxes beyond it hold nothing that is nearer */
  float *within;     /* boxes that end before it hold nothing else */
  int64_t *nearer;   /* references of leaves that were read which are nearer */
  int64_t
      *whole; /* SCAN_BATCH x (k + 1): of leaves nearer than this target but not the one before */
  /* SCAN_BATCH x k x 2: estimates up to the first are nearer than a target for sure, beyond the
   * second further. */
  float *limit;
  int32_t *found; /* 2 k: scratch */
  Pair *pairs;    /* 2 x k */
  Taker taker[BATCH_TAKERS];
  float estimate[BATCH_TAKERS * BATCH_TAKES];
  int32_t at[BATCH_TAKERS * BATCH_TAKES];
  float most;                                  /* reach of the furthest target of all */
  float end[SCAN_BATCH];                       /* of the leaf last asked: its furthest corner */
  int32_t first[SCAN_BATCH], last[SCAN_BATCH]; /* targets that it may cut */
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
  TRY(NEW(&r->reach, SCAN_BATCH * k));
  TRY(NEW(&r->within, SCAN_BATCH * k));
  TRY(NEW(&r->nearer, SCAN_BATCH * k));
  TRY(NEW(&r->whole, SCAN_BATCH * (k + 1)));
  TRY(NEW(&r->limit, SCAN_BATCH * 2 * k));
  TRY(NEW(&r->found, 2 * k));
  TRY(NEW(&r->pairs, 2 * k));
  batch_takers(&r->batch, r->estimate, r->at, BATCH_TAKES, r->taker);
done:
  return status;
}

static void ranking_clear(Ranking *r) {
  batch_clear(&r->batch);
  memory_free(&r->position);
  memory_free(&r->target);
  memory_free(&r->reach);
  memory_free(&r->within);
  memory_free(&r->nearer);
  memory_free(&r->whole);
  memory_free(&r->limit);
  memory_free(&r->found);
  memory_free(&r->pairs);
}

static float downwards(double value) {
  float rounded = (float)value;
  return (double)rounded > value ? nextafterf(rounded, -INFINITY) : rounded;
}

static void set_target(Ranking *r, int q, int64_t j, const Pair *pair) {
  int64_t at = q * r->k + j;
  double bound = batch_scaled(&r->batch, pair->distance);
  double rounding = (double)(r->batch.index->d + 4) * 0x1p-22;
  bool far = r->batch.far[q];
  r->target[at] = (Target){pair->distance, pair->row, pair->place};
  r->reach[at] = far ? FLT_MAX : batch_reach(r->batch.index, bound);
  r->within[at] = far ? -1 : downwards(bound * (1 - 0x1p-38) * (1 - rounding) - SCAN_TINY);
  r->limit[2 * at] = batch_inside(&r->batch, q, pair->distance);
  r->limit[2 * at + 1] = batch_limit(&r->batch, q, bound);
  r->nearer[at] = 0;
}

/* Measure the targets of query q and put them in order. */
static Status set_targets(Ranking *r, int q, const int32_t *row) {
  Status status = OK;
  for (int64_t j = 0; j < r->k; j++) {
    int32_t position = position_of(r, row[j]);
    if (position < 0)
      TRY(status_fail(INVALID, "the place of row %lld is asked for, which is no reference",
                      (long long)row[j]));
    r->pairs[j] = (Pair){batch_exact(&r->batch, q, position), row[j], (int32_t)j};
  }
  sort_pairs(r->pairs, r->k, r->pairs + r->k);
  for (int64_t j = 0; j < r->k; j++) set_target(r, q, j, &r->pairs[j]);
  for (int64_t j = 0; j <= r->k; j++) r->whole[q * (r->k + 1) + j] = 0;
  float reach = r->reach[q * r->k + r->k - 1];
  r->most = reach > r->most ? reach : r->most;
done:
  return status;
}

/* Decide by exact distances what lies between the limits of target j of query q. */
static void decide(Ranking *r, int q, int64_t j) {
  const Taker *taker = &r->taker[q];
  const NeighborsTree *tree = r->batch.index->tree;
  const Target *t = &r->target[q * r->k + j];
  const float *limit = r->limit + (q * r->k + j) * 2;
  for (int32_t i = 0; i < taker->n; i++) {
    if (taker->estimate[i] <= limit[0] || taker->estimate[i] > limit[1]) continue;
    double squared = batch_exact(&r->batch, q, taker->position[i]);
    r->nearer[q * r->k + j] +=
        squared < t->squared || (squared == t->squared && tree->row[taker->position[i]] < t->row);
  }
}

/* Count what query q has taken for the targets that the leaf may cut. */
static void count(Ranking *r, int q) {
  Taker *taker = &r->taker[q];
  const int32_t first = r->first[q], n = r->last[q] - first;
  int64_t *nearer = r->nearer + q * r->k + first;
  int32_t open = 0;
  if (taker->n == 0) return;
  r->batch.index->tree->scan->counts(taker->estimate, taker->n, r->limit + (q * r->k + first) * 2,
                                     2 * n, r->found);
  for (int32_t j = 0; j < n; j++) {
    nearer[j] += r->found[2 * j];
    open += r->found[2 * j + 1] - r->found[2 * j];
  }
  for (int32_t j = 0; open > 0 && j < n; j++)
    if (r->found[2 * j + 1] > r->found[2 * j]) decide(r, q, first + j);
  taker->n = 0;
}

static void offer(Ranking *r, int32_t leaf, const uint8_t *near, int n) {
  const TreeLeaf *at = &r->batch.index->tree->shape.leaves[leaf];
  const int64_t blocks = (at->n + SCAN_BLOCK - 1) / SCAN_BLOCK;
  for (int64_t b = 0; b < blocks; b += SCAN_BLOCKS) {
    batch_scan(&r->batch, at->block + b, blocks - b, r->taker, near, n);
    for (int i = 0; i < n; i++) count(r, near[i]);
  }
}

/* Squared distances of the queries from the furthest corner of a leaf's box, a little too large. */
static void measure_ends(Ranking *r, int32_t leaf) {
  const NeighborsTree *tree = r->batch.index->tree;
  const int64_t d = r->batch.index->d;
  const float *low = tree->box + leaf / SCAN_BLOCK * 2 * d * SCAN_BLOCK + leaf % SCAN_BLOCK;
  const float *high = low + d * SCAN_BLOCK, *x = r->batch.lanes;
  float sum[SCAN_BATCH] = {0};
  for (int64_t j = 0; j < d; j++, x += SCAN_BATCH) {
    float from = low[j * SCAN_BLOCK] - r->batch.slack, to = high[j * SCAN_BLOCK] + r->batch.slack;
    for (int q = 0; q < SCAN_BATCH; q++) {
      float below = x[q] - from, above = to - x[q], gap = below > above ? below : above;
      sum[q] += gap * gap;
    }
  }
  for (int q = 0; q < SCAN_BATCH; q++) r->end[q] = sum[q];
}

/* Which targets of query q does a leaf of n references cut? It is counted for those beyond it. */
static bool is_cut(Ranking *r, int q, int64_t n) {
  const float *reach = r->reach + q * r->k, *within = r->within + q * r->k;
  const float apart = r->batch.apart[q], end = r->end[q];
  int32_t first = 0, last = 0, k = (int32_t)r->k;
  for (int32_t j = 0; j < k; j++) {
    first += reach[j] < apart;
    last += within[j] < end;
  }
  last = last > first ? last : first;
  r->whole[q * (r->k + 1) + last] += n;
  r->first[q] = first;
  r->last[q] = last;
  if (last > first) r->taker[q].limit = r->limit[(q * r->k + last - 1) * 2 + 1];
  return last > first;
}

static void search(Ranking *r) {
  uint8_t near[SCAN_BATCH + 1];
  int64_t n_leaves = batch_list(&r->batch, r->most, 0, -1);
  for (int64_t i = 0; i < n_leaves; i++) {
    int32_t leaf = r->batch.leaves[i];
    int n = 0;
    batch_apart(&r->batch, leaf);
    measure_ends(r, leaf);
    for (int q = 0; q < r->batch.n; q++) {
      near[n] = (uint8_t)q;
      n += is_cut(r, q, r->batch.index->tree->shape.leaves[leaf].n);
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
  int64_t whole = 0;
  for (int64_t j = 0; j < r->k; j++) {
    const Target *t = &r->target[q * r->k + j];
    bool before = counted && (t->squared > 0 || self < t->row);
    whole += r->whole[q * (r->k + 1) + j];
    rank[number * r->k + t->place] = (int32_t)(whole + r->nearer[q * r->k + j] - before + 1);
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
