/* Building an index; see neighbors.h, tree.h.
 *
 * The references travel once, as columns of a replica (table/replica): in one node nothing is sent
 * at all. Every rank then cuts the same tree, which takes as long as if one rank did and the others
 * waited, and fills its share of the leaves in memory that the node shares. Rejected: passing
 * blocks of references around in a ring, which would save memory that ten million tracks do not
 * need, and would take the order of leaves, on which pruning lives, from each query. */
#include "neighbors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/table/replica.h"
#include "measure_row.h"
#include "tree.h"

/* ---- references as a replica ---- */

static Status add_columns(const Matrix *x, const int64_t *at, Table *out) {
  Status status = OK;
  char name[32];
  for (int64_t j = 0; j < x->d; j++) {
    Column *column = NULL;
    snprintf(name, sizeof name, "%lld", (long long)j);
    TRY(column_new_raw(&column, name, COLUMN_REAL, out->rows.n, 0));
    const double *from = matrix_column(x, j);
    for (int64_t i = 0; i < out->rows.n; i++) column->real[i] = from[at[i]];
    TRY(table_add(out, column));
  }
done:
  return status;
}

/* Unit rows in place. */
static void normalise(Table *table, const double *length) {
  for (int64_t j = 0; j < table->n_columns; j++) {
    double *value = table->columns[j]->real;
    for (int64_t i = 0; i < table->rows.n; i++) value[i] /= length[i];
  }
}

static Status take_rows(const Matrix *x, const int64_t *at, NeighborsMetric metric,
                        const Rows *rows, Table *out) {
  Status status = OK;
  double *length = NULL;
  TRY(table_init(out, rows));
  for (int64_t i = 0; i < rows->n; i++) out->row_id[i] = x->rows.begin + at[i];
  TRY(add_columns(x, at, out));
  TRY(NEW_RAW(&length, rows->n));
  for (int64_t i = 0; i < rows->n; i++) TRY(row_check(x, at[i], metric, &length[i]));
  if (metric == NEIGHBORS_COSINE) normalise(out, length);
done:
  memory_free(&length);
  return status;
}

static Status choose_rows(const Matrix *x, const uint8_t *where, int64_t **at, int64_t *n) {
  Status status = OK;
  TRY(NEW_RAW(at, x->rows.n));
  for (int64_t i = 0; i < x->rows.n; i++)
    if (!where || where[i]) (*at)[(*n)++] = i;
  if (x->rows.n_global > INT32_MAX)
    status = status_fail(INVALID, "neighbours of %lld rows: 2147483647 at most; take a sample",
                         (long long)x->rows.n_global);
done:
  return status;
}

static Status gather_all(const Comm *comm, const Matrix *x, const uint8_t *where,
                         NeighborsMetric metric, Table *mine, Replica *out) {
  Status status = OK;
  int64_t *at = NULL, n = 0;
  AGREE(comm, choose_rows(x, where, &at, &n));
  int64_t begin = comm_exscan_all(comm, n), n_global = comm_sum_one_all(comm, n);
  Rows rows = {.n_global = n_global, .begin = begin, .n = n, .block = x->rows.block};
  AGREE(comm, take_rows(x, at, metric, &rows, mine));
  TRY(replica_new_all(comm, mine, out));
done:
  memory_free(&at);
  return status;
}

/* ---- filling ---- */

typedef struct Source {
  Table table; /* all references */
  const double **column;
} Source;

/* Estimates are as good as rows lie near the centre: that is their mean, since the middle of the
 * range is far from nearly all rows where a few lie far out. */
static void find_centre(const Source *source, NeighborsTree *tree) {
  const Table *table = &source->table;
  double most = 0;
  int exponent = 0;
  for (int64_t j = 0; j < table->n_columns; j++) {
    double low = INFINITY, high = -INFINITY, mean = 0;
    const double *value = source->column[j];
    for (int64_t i = 0; i < table->rows.n; i++) {
      low = value[i] < low ? value[i] : low;
      high = value[i] > high ? value[i] : high;
      mean += value[i] / (double)table->rows.n;
    }
    if (table->rows.n == 0) low = high = 0;
    mean = mean < low ? low : mean > high ? high : mean;
    tree->centre[j] = mean;
    double reach = high - mean > mean - low ? high - mean : mean - low;
    most = reach > most ? reach : most;
  }
  /* At most 2^400, so that what squares of tiny differences lose stays below SCAN_TINY. */
  if (most > 0) frexp(most, &exponent);
  tree->scale = ldexp(1, exponent < -400 ? 400 : -exponent - 1);
}

static float outwards(double value, float direction) {
  float rounded = (float)value;
  bool inside = direction < 0 ? (double)rounded > value : (double)rounded < value;
  return inside ? nextafterf(rounded, direction) : rounded;
}

static void fill_leaf(const Neighbors *index, const Source *source, int64_t number,
                      const int32_t *order) {
  NeighborsTree *tree = index->tree;
  const TreeLeaf *leaf = &tree->shape.leaves[number];
  const int64_t d = index->d, places = (leaf->n + SCAN_BLOCK - 1) / SCAN_BLOCK * SCAN_BLOCK;
  float *low = tree->box + number / SCAN_BLOCK * 2 * d * SCAN_BLOCK + number % SCAN_BLOCK;
  float *high = low + d * SCAN_BLOCK;
  for (int64_t j = 0; j < d; j++) {
    low[j * SCAN_BLOCK] = INFINITY;
    high[j * SCAN_BLOCK] = -INFINITY;
  }
  for (int64_t i = 0; i < places; i++) {
    int64_t position = leaf->block * (int64_t)SCAN_BLOCK + i;
    float *block = tree->block + position / SCAN_BLOCK * (d + 1) * SCAN_BLOCK + i % SCAN_BLOCK;
    double *point = tree->point + position * index->width, norm = 0;
    memset(point, 0, (size_t)index->width * sizeof *point);
    tree->row[position] = i < leaf->n ? (int32_t)source->table.row_id[order[i]] : -1;
    for (int64_t j = 0; j < d; j++) {
      double value = i < leaf->n ? source->column[j][order[i]] : 0;
      double near = i < leaf->n ? (value - tree->centre[j]) * tree->scale : 0;
      point[j] = value;
      norm += near * near;
      block[(j + 1) * SCAN_BLOCK] = (float)(-2 * near);
      if (i >= leaf->n) continue;
      float below = outwards(near, -INFINITY), above = outwards(near, INFINITY);
      if (below < low[j * SCAN_BLOCK]) low[j * SCAN_BLOCK] = below;
      if (above > high[j * SCAN_BLOCK]) high[j * SCAN_BLOCK] = above;
    }
    block[0] = i < leaf->n ? (float)(norm * (1 - tree->margin)) : INFINITY;
  }
}

/* Boxes that stand for no leaf are far from everything. */
static void fill_rest(const Neighbors *index) {
  NeighborsTree *tree = index->tree;
  for (int64_t l = tree->shape.n_leaves; l < tree_groups(tree) * SCAN_BLOCK; l++) {
    float *low = tree->box + l / SCAN_BLOCK * 2 * index->d * SCAN_BLOCK + l % SCAN_BLOCK;
    for (int64_t j = 0; j < 2 * index->d; j++) low[j * SCAN_BLOCK] = INFINITY;
  }
}

static int64_t place(int64_t *used, int64_t bytes) {
  int64_t at = *used;
  *used = (at + bytes + 63) / 64 * 64;
  return at;
}

static Status share_all(const Comm *comm, const Neighbors *index) {
  Status status = OK;
  NeighborsTree *tree = index->tree;
  int64_t used = 0, places = tree->shape.n_blocks * SCAN_BLOCK;
  int64_t point = place(&used, places * index->width * (int64_t)sizeof(double));
  int64_t row = place(&used, places * (int64_t)sizeof(int32_t));
  int64_t block = place(&used, places * (index->d + 1) * (int64_t)sizeof(float));
  int64_t box =
      place(&used, tree_groups(tree) * 2 * index->d * SCAN_BLOCK * (int64_t)sizeof(float));
  TRY(comm_shared_new_all(comm, (size_t)used, &tree->memory));
  char *base = tree->memory.data;
  tree->point = (double *)(void *)(base + point);
  tree->row = (int32_t *)(void *)(base + row);
  tree->block = (float *)(void *)(base + block);
  tree->box = (float *)(void *)(base + box);
done:
  return status;
}

/* This rank's share of the leaves; all of them where the memory is its own. */
static void fill(const Neighbors *index, const Source *source) {
  NeighborsTree *tree = index->tree;
  const SharedMemory *memory = &tree->memory;
  int64_t ranks = memory->window ? memory->node.size : 1, n = tree->shape.n_leaves;
  int64_t rank = memory->window ? memory->node.rank : 0;
  const int32_t *order = tree->shape.order;
  for (int64_t l = 0; l < n; order += tree->shape.leaves[l].n, l++) {
    if (l >= n * rank / ranks && l < n * (rank + 1) / ranks) fill_leaf(index, source, l, order);
  }
  if (rank == ranks - 1) fill_rest(index);
}

static Status plan(Neighbors *out, const Replica *replica, Source *source) {
  Status status = OK;
  NeighborsTree *tree = out->tree;
  TRY(replica_view(replica, 0, 1, &source->table));
  TRY(NEW(&source->column, out->d));
  for (int64_t j = 0; j < out->d; j++) source->column[j] = source->table.columns[j]->real;
  TRY(NEW(&tree->centre, out->d));
  find_centre(source, tree);
  tree->margin = scan_margin(out->d);
  tree->scan = scan_best();
  TRY(tree_shape(source->column, out->n, out->d, &tree->shape));
  if (tree->shape.n_blocks > INT32_MAX / SCAN_BLOCK)
    status = status_fail(INVALID, "neighbours of %lld rows are too many; take a sample",
                         (long long)out->n);
done:
  return status;
}

Status neighbors_new_all(const Comm *comm, const Matrix *x, const uint8_t *where,
                         NeighborsMetric metric, Neighbors *out) {
  Status status = OK;
  Table mine = {0};
  Replica replica = {.memory = {.win = MPI_WIN_NULL}};
  Source source = {0};
  *out = (Neighbors){.d = x->d, .width = pair_padded(x->d), .metric = metric};
  AGREE(comm, NEW(&out->tree, 1));
  out->tree->memory.win = MPI_WIN_NULL;
  TRY(gather_all(comm, x, where, metric, &mine, &replica));
  out->n = mine.rows.n_global;
  AGREE(comm, plan(out, &replica, &source));
  TRY(share_all(comm, out));
  fill(out, &source);
  comm_shared_publish_all(comm, &out->tree->memory);
  memory_free(&out->tree->shape.order);
done:
  table_clear(&source.table);
  memory_free(&source.column);
  replica_clear_all(&replica);
  table_clear(&mine);
  return status;
}

void neighbors_clear_all(Neighbors *index) {
  NeighborsTree *tree = index->tree;
  if (tree) {
    if (tree->memory.data) comm_shared_clear_all(&tree->memory);
    tree_shape_clear(&tree->shape);
    memory_free(&tree->centre);
  }
  memory_free(&index->tree);
  *index = (Neighbors){0};
}
