/* Batches of queries; see batch.h, and scan.h for what the margins are. */
#include "batch.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "measure_row.h"

enum { BUCKETS = 64 };

/* Scaled coordinates beyond this make estimates of which nothing is left. */
static const double FAR = 0x1p30;

static int64_t row_of(const NeighborsQuery *query, int64_t number) {
  return query->at ? query->at[number] : number;
}

/* A query's row as it is measured. Local. */
static Status read_row(const Neighbors *index, const NeighborsQuery *query, int64_t number,
                       double *out) {
  double length = 1;
  int64_t i = row_of(query, number);
  Status status = row_check(query->x, i, index->metric, &length);
  for (int64_t j = 0; j < index->d; j++) out[j] = matrix_column(query->x, j)[i];
  if (index->metric == NEIGHBORS_COSINE)
    for (int64_t j = 0; j < index->d; j++) out[j] /= length;
  return status;
}

/* ---- order ---- */

Status query_order(const Neighbors *index, const NeighborsQuery *query, QueryOrder *out) {
  Status status = OK;
  const TreeShape *shape = &index->tree->shape;
  int64_t *begin = NULL;
  double *row = NULL;
  *out = (QueryOrder){0};
  TRY(NEW_RAW(&out->query, query->n));
  TRY(NEW_RAW(&out->leaf, query->n));
  TRY(NEW(&begin, shape->n_leaves + 1));
  TRY(NEW(&row, index->width));
  for (int64_t i = 0; i < query->n; i++) {
    TRY(read_row(index, query, i, row));
    out->leaf[i] = tree_descend(shape, row);
    begin[out->leaf[i] + 1]++;
  }
  for (int64_t l = 0; l < shape->n_leaves; l++) begin[l + 1] += begin[l];
  for (int64_t i = 0; i < query->n; i++) out->query[begin[out->leaf[i]]++] = i;
done:
  memory_free(&begin);
  memory_free(&row);
  return status;
}

void query_order_clear(QueryOrder *order) {
  memory_free(&order->query);
  memory_free(&order->leaf);
}

/* ---- batches ---- */

Status batch_init(Batch *batch, const Neighbors *index, const NeighborsQuery *query) {
  Status status = OK;
  *batch = (Batch){.index = index, .query = query};
  TRY(NEW(&batch->exact, SCAN_BATCH * index->width));
  TRY(NEW(&batch->x, SCAN_BATCH * index->d));
  TRY(NEW(&batch->lanes, SCAN_BATCH * index->d));
  TRY(NEW(&batch->low, index->d));
  TRY(NEW(&batch->high, index->d));
  TRY(NEW(&batch->lower, tree_groups(index->tree) * SCAN_BLOCK));
  TRY(NEW_RAW(&batch->listed, index->tree->shape.n_leaves));
  TRY(NEW_RAW(&batch->leaves, index->tree->shape.n_leaves));
done:
  return status;
}

void batch_clear(Batch *batch) {
  memory_free(&batch->exact);
  memory_free(&batch->x);
  memory_free(&batch->lanes);
  memory_free(&batch->low);
  memory_free(&batch->high);
  memory_free(&batch->lower);
  memory_free(&batch->listed);
  memory_free(&batch->leaves);
}

/* Scale row q. Returns its largest coordinate. */
static double place_row(Batch *batch, int q) {
  const Neighbors *index = batch->index;
  const NeighborsTree *tree = index->tree;
  const int64_t d = index->d;
  const double *exact = batch->exact + q * index->width;
  float *x = batch->x + q * d;
  double most = 0;
  batch->norm[q] = 0;
  for (int64_t j = 0; j < d; j++) {
    double near = (exact[j] - tree->centre[j]) * tree->scale;
    most = fabs(near) > most ? fabs(near) : most;
    batch->norm[q] += near * near;
    x[j] = (float)near;
  }
  batch->far[q] = most > FAR;
  if (!batch->far[q]) return most;
  memset(x, 0, (size_t)d * sizeof *x);
  batch->norm[q] = 0;
  return 0;
}

static void place_lanes(Batch *batch) {
  const int64_t d = batch->index->d;
  for (int64_t j = 0; j < d; j++) {
    float low = INFINITY, high = -INFINITY;
    for (int q = 0; q < SCAN_BATCH; q++) {
      float x = batch->x[(q < batch->n ? q : 0) * d + j];
      batch->lanes[j * SCAN_BATCH + q] = x;
      low = x < low ? x : low;
      high = x > high ? x : high;
    }
    batch->low[j] = low - batch->slack;
    batch->high[j] = high + batch->slack;
  }
}

void batch_take(Batch *batch, const QueryOrder *order, int64_t begin, int n) {
  const NeighborsTree *tree = batch->index->tree;
  double most = 1;
  batch->n = n;
  batch->home = order->leaf[order->query[begin + n / 2]];
  for (int q = 0; q < n; q++) {
    batch->number[q] = order->query[begin + q];
    /* The rows were read before without a complaint. */
    Status status = read_row(batch->index, batch->query, batch->number[q],
                             batch->exact + q * batch->index->width);
    double here = status == OK ? place_row(batch, q) : 0;
    most = here > most ? here : most;
  }
  /* Rounding a coordinate and moving a border by the slack: two roundings of what is below most. */
  batch->slack = (float)(most * 0x1p-22);
  place_lanes(batch);
  tree->scan->boxes(tree->box, tree_groups(tree), batch->index->d, batch->low, batch->high,
                    batch->lower);
}

int64_t batch_list(Batch *batch, float reach, int32_t first, int32_t last) {
  const float *lower = batch->lower;
  const double unit = reach > 0 ? (BUCKETS - 1) / (double)reach : 0;
  int64_t n = 0, begin[BUCKETS + 1] = {0};
  for (int32_t l = 0; l < (int32_t)batch->index->tree->shape.n_leaves; l++) {
    batch->listed[n] = l;
    n += lower[l] <= reach && (l < first || l > last);
  }
  for (int64_t i = 0; i < n; i++) begin[(int)(lower[batch->listed[i]] * unit) + 1]++;
  for (int b = 0; b < BUCKETS; b++) begin[b + 1] += begin[b];
  for (int64_t i = 0; i < n; i++)
    batch->leaves[begin[(int)(lower[batch->listed[i]] * unit)]++] = batch->listed[i];
  return n;
}

void batch_apart(Batch *batch, int32_t leaf) {
  const NeighborsTree *tree = batch->index->tree;
  const int64_t d = batch->index->d;
  const float *low = tree->box + leaf / SCAN_BLOCK * 2 * d * SCAN_BLOCK + leaf % SCAN_BLOCK;
  tree->scan->points(batch->lanes, d, low, low + d * SCAN_BLOCK, batch->slack, batch->apart);
}

Status batch_pause(const Batch *batch) {
  if (work_stopping(batch->index->sink)) return status_fail(STOPPED, "stopped on request");
  return OK;
}

/* ---- takers ---- */

void batch_takers(const Batch *batch, float *estimate, int32_t *position, int64_t capacity,
                  Taker taker[BATCH_TAKERS]) {
  for (int q = 0; q < BATCH_TAKERS; q++) {
    const float *x = batch->x + (q < SCAN_BATCH ? q : 0) * batch->index->d;
    taker[q] = (Taker){x, -INFINITY, 0, estimate + q * capacity, position + q * capacity};
  }
}

void batch_scan(const Batch *batch, int64_t block, int64_t left, Taker taker[BATCH_TAKERS],
                const uint8_t *query, int n) {
  const NeighborsTree *tree = batch->index->tree;
  const int64_t d = batch->index->d, blocks = left < SCAN_BLOCKS ? left : SCAN_BLOCKS;
  for (int i = 0; i < n; i += SCAN_TOGETHER) {
    Taker *takers[SCAN_TOGETHER];
    for (int t = 0; t < SCAN_TOGETHER; t++)
      takers[t] = &taker[i + t < n ? query[i + t] : SCAN_BATCH];
    tree->scan->filter(tree->block + block * (d + 1) * SCAN_BLOCK, blocks, d,
                       (int32_t)block * SCAN_BLOCK, takers);
  }
}

/* ---- bounds ---- */

static float upwards(double value) {
  if (value >= (double)FLT_MAX) return FLT_MAX;
  float rounded = (float)value;
  return (double)rounded < value ? nextafterf(rounded, INFINITY) : rounded;
}

static float downwards(double value) {
  if (!(value > -(double)FLT_MAX)) return -INFINITY;
  float rounded = (float)value;
  return (double)rounded > value ? nextafterf(rounded, -INFINITY) : rounded;
}

double batch_scaled(const Batch *batch, double squared) {
  double scale = batch->index->tree->scale;
  return squared * scale * scale * (1 + 0x1p-40);
}

/* D (1 - 4 e) <= L + 6 e N(x), as in batch_bound: which L makes D small enough? */
float batch_inside(const Batch *batch, int q, double squared) {
  const double e = batch->index->tree->margin, norm = batch->norm[q];
  if (batch->far[q] || !(squared > 0)) return -INFINITY;
  double most = batch_scaled(batch, squared) * (1 - 0x1p-38);
  return downwards(most * (1 - 4 * e) - 6 * e * norm - norm * (1 - e) - SCAN_TINY);
}

float batch_reach(const Neighbors *index, double bound) {
  return upwards(bound * (1 + (double)(index->d + 4) * 0x1p-22) + SCAN_TINY);
}

float batch_limit(const Batch *batch, int q, double bound) {
  if (batch->far[q]) return FLT_MAX;
  return upwards(bound - batch->norm[q] * (1 - batch->index->tree->margin) + SCAN_TINY);
}

/* N(y) <= (|x| + sqrt D)^2 <= 2 N(x) + 2 D turns D <= L + 2 e (N(x) + N(y)), L the lower bound,
 * into D (1 - 4 e) <= L + 6 e N(x). */
double batch_bound(const Batch *batch, int q, float estimate) {
  const double e = batch->index->tree->margin;
  double lower = (double)estimate + batch->norm[q] * (1 - e);
  lower = lower > 0 ? lower : 0;
  return (lower + 6 * e * batch->norm[q] + SCAN_TINY) / (1 - 4 * e);
}
