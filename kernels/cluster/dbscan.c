/* DBSCAN; see dbscan.h.
 *
 * 1. Rows count their neighbours, near leaves first, and stop at min_samples.
 * 2. An index of the cores alone. Cores of a leaf are joined pair by pair; most leaves end up with
 *    one cluster. Then cores visit each other across leaves, and a leaf that is known to be in the
 *    query's cluster already is passed over: nearly all of the pairs within eps are never looked
 * at.
 * 3. Each rank has joined what its own rows saw. Forests are merged pairwise over ranks. A root is
 *    the lowest row of its tree, so the order of joining leaves no trace.
 * 4. Rows that are no cores look for their lowest core.
 *
 * Rejected: a grid of cells of side eps / sqrt(d) (Gan and Tao 2015), which in ten dimensions has
 * almost as many cells as rows. */
#include "dbscan.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/pair_distance.h"
#include "kernels/numeric/quantile.h"

enum { STEPS = 4 };

/* ---- a forest of rows ---- */

static int32_t find(int32_t *parent, int32_t i) {
  while (parent[i] != i) {
    parent[i] = parent[parent[i]];
    i = parent[i];
  }
  return i;
}

/* The lower root becomes the root of both. */
static void join(int32_t *parent, int32_t a, int32_t b) {
  a = find(parent, a);
  b = find(parent, b);
  if (a < b) {
    parent[b] = a;
  } else {
    parent[a] = b;
  }
}

/* Hand a forest on from the higher to the lower rank of each pair; finally rank 0's to all. */
static Status merge_forests_all(const Comm *comm, int32_t *parent, int64_t n) {
  Status status = OK;
  int64_t *counts = NULL, *received = NULL;
  int32_t *other = NULL;
  AGREE(comm, NEW(&counts, 2 * comm->size));
  received = counts + comm->size;
  for (int step = 1; step < comm->size; step *= 2) {
    bool gives = comm->rank % (2 * step) == step;
    memset(counts, 0, (size_t)comm->size * sizeof *counts);
    if (gives) counts[comm->rank - step] = n;
    TRY(comm_exchange_all(comm, parent, counts, sizeof *parent, (void **)&other, received));
    bool takes = comm->rank % (2 * step) == 0 && comm->rank + step < comm->size;
    for (int64_t i = 0; takes && i < n; i++)
      if (other[i] != i) join(parent, (int32_t)i, other[i]);
    memory_free(&other);
  }
  comm_broadcast_all(comm, 0, parent, (size_t)n * sizeof *parent);
done:
  memory_free(&counts);
  memory_free(&other);
  return status;
}

/* ---- joining cores ---- */

typedef struct Joining {
  const Neighbors *cores;
  const int64_t *at;   /* of queries: local rows */
  int64_t begin;       /* global number of this rank's first row */
  int32_t *parent;     /* by global row number */
  uint8_t *uniform;    /* by leaf: all its cores are known to be of one cluster */
  const int32_t **row; /* by leaf: its rows */
} Joining;

/* Join the cores of a leaf that are within reach of each other. */
static void join_leaf(Joining *j, int64_t leaf, double squared) {
  const int32_t *row = NULL;
  const double *point = NULL;
  const int64_t width = j->cores->width, n = neighbors_leaf(j->cores, leaf, &row, &point);
  j->row[leaf] = row;
  j->uniform[leaf] = 1;
  for (int64_t a = 0; a < n; a++) {
    /* Of equal rows, each joins the one before. */
    for (int64_t b = n > NEIGHBORS_LEAF && a > 0 ? a - 1 : 0; b < a; b++) {
      if (find(j->parent, row[a]) == find(j->parent, row[b])) continue;
      if (pair_distance_padded(point + a * width, point + b * width, width) <= squared)
        join(j->parent, row[a], row[b]);
    }
  }
  for (int64_t a = 1; a < n; a++)
    if (find(j->parent, row[a]) != find(j->parent, row[0])) j->uniform[leaf] = 0;
}

static int32_t core_of(const Joining *j, int64_t query) {
  return (int32_t)(j->begin + j->at[query]);
}

static bool is_apart(void *context, int64_t query, int32_t leaf) {
  Joining *j = context;
  return !j->uniform[leaf] ||
         find(j->parent, core_of(j, query)) != find(j->parent, j->row[leaf][0]);
}

static bool join_found(void *context, int64_t query, int32_t leaf, const int32_t *row, int64_t n) {
  Joining *j = context;
  (void)leaf;
  for (int64_t i = 0; i < n; i++) join(j->parent, core_of(j, query), row[i]);
  return true;
}

static Status join_cores(Joining *j, const Matrix *x, const DbscanOptions *o, int64_t n_own) {
  Status status = OK;
  const int64_t n_leaves = neighbors_leaves(j->cores);
  double squared = o->metric == NEIGHBORS_COSINE ? 2 * o->eps : o->eps * o->eps;
  TRY(NEW(&j->uniform, n_leaves));
  TRY(NEW(&j->row, n_leaves));
  for (int64_t i = 0; i < x->rows.n_global; i++) j->parent[i] = (int32_t)i;
  for (int64_t l = 0; l < n_leaves; l++) join_leaf(j, l, squared);
  NeighborsQuery query = {x, j->at, n_own, false};
  TRY(neighbors_visit(j->cores, &query, o->eps,
                      &(NeighborsVisitor){.wanted = is_apart, .found = join_found, .context = j}));
done:
  memory_free(&j->uniform);
  memory_free(&j->row);
  return status;
}

/* ---- borders ---- */

typedef struct Borders {
  int32_t *lowest; /* by query: the lowest core within eps; INT32_MAX: none */
} Borders;

static bool is_lower(void *context, int64_t query, int32_t leaf, const int32_t *row, int64_t n) {
  Borders *b = context;
  (void)leaf, (void)n;
  if (row[0] < b->lowest[query]) b->lowest[query] = row[0]; /* rows of a leaf ascend */
  return true;
}

/* ---- steps ---- */

typedef struct Rowwise {
  int64_t n_core, n_other;
  int64_t *core, *other; /* local rows */
  int32_t *lowest;       /* of others */
  int32_t *parent;       /* of all rows of all ranks */
  int64_t *number;       /* of all rows: a root's cluster */
} Rowwise;

static Status find_cores(const Neighbors *index, const Matrix *x, const DbscanOptions *o,
                         Rowwise *r, Dbscan *out) {
  Status status = OK;
  int64_t *count = NULL;
  TRY(NEW(&count, x->rows.n));
  TRY(NEW(&r->core, x->rows.n));
  TRY(NEW(&r->other, x->rows.n));
  NeighborsQuery query = {x, NULL, x->rows.n, false};
  TRY(neighbors_count(index, &query, o->eps, o->min_samples, count));
  for (int64_t i = 0; i < x->rows.n; i++) {
    out->core[i] = count[i] >= o->min_samples;
    if (out->core[i]) {
      r->core[r->n_core++] = i;
    } else {
      r->other[r->n_other++] = i;
    }
  }
done:
  memory_free(&count);
  return status;
}

static Status find_borders(const Neighbors *cores, const Matrix *x, const DbscanOptions *o,
                           Rowwise *r) {
  Status status = OK;
  TRY(NEW_RAW(&r->lowest, r->n_other));
  for (int64_t i = 0; i < r->n_other; i++) r->lowest[i] = INT32_MAX;
  Borders borders = {r->lowest};
  NeighborsQuery query = {x, r->other, r->n_other, false};
  NeighborsVisitor visitor = {.found = is_lower, .context = &borders};
  TRY(neighbors_visit(cores, &query, o->eps, &visitor));
done:
  return status;
}

/* Clusters in the order of their roots. Roots of cores this rank owns are counted here. */
static Status number_clusters_all(const Comm *comm, const Matrix *x, Rowwise *r, Dbscan *out) {
  Status status = OK;
  int64_t mine = 0;
  int64_t *own = NULL;
  void *all = NULL;
  AGREE(comm, NEW(&own, r->n_core));
  for (int64_t i = 0; i < r->n_core; i++) {
    int64_t row = x->rows.begin + r->core[i];
    if (r->parent[row] == row) own[mine++] = row;
  }
  TRY(comm_concatenate_all(comm, own, (size_t)mine * sizeof *own, &all, NULL));
  out->n_clusters = comm_sum_one_all(comm, mine);
  AGREE(comm, NEW(&r->number, x->rows.n_global));
  for (int64_t c = 0; c < out->n_clusters; c++) r->number[((int64_t *)all)[c]] = c;
done:
  memory_free(&own);
  memory_free(&all);
  return status;
}

static void label_rows(const Matrix *x, Rowwise *r, Dbscan *out) {
  for (int64_t i = 0; i < r->n_core; i++) {
    int32_t root = find(r->parent, (int32_t)(x->rows.begin + r->core[i]));
    out->label[r->core[i]] = (int32_t)r->number[root];
  }
  for (int64_t i = 0; i < r->n_other; i++) {
    bool border = r->lowest[i] != INT32_MAX;
    out->label[r->other[i]] = border ? (int32_t)r->number[find(r->parent, r->lowest[i])] : -1;
    out->n_border += border;
  }
}

static Status count_all(const Comm *comm, const Matrix *x, const Rowwise *r, Dbscan *out) {
  Status status = OK;
  AGREE(comm, NEW(&out->size, out->n_clusters));
  for (int64_t i = 0; i < x->rows.n; i++)
    if (out->label[i] >= 0) out->size[out->label[i]]++;
  comm_sum_all(comm, out->size, out->n_clusters);
  out->n_core = comm_sum_one_all(comm, r->n_core);
  out->n_border = comm_sum_one_all(comm, out->n_border);
  out->n_noise = x->rows.n_global - out->n_core - out->n_border;
done:
  return status;
}

static Status check(const DbscanOptions *o) {
  if (o->min_samples < 1)
    return status_fail(INVALID, "min_samples is %lld; 1 or more is needed",
                       (long long)o->min_samples);
  if (!(o->eps >= 0)) return status_fail(INVALID, "eps is %g; 0 or more is needed", o->eps);
  return OK;
}

static Status allocate(const Matrix *x, Rowwise *r, Dbscan *out) {
  Status status = OK;
  TRY(NEW(&out->label, x->rows.n));
  TRY(NEW(&out->core, x->rows.n));
  TRY(NEW(&r->parent, x->rows.n_global));
done:
  return status;
}

static void rowwise_clear(Rowwise *r) {
  memory_free(&r->core);
  memory_free(&r->other);
  memory_free(&r->lowest);
  memory_free(&r->parent);
  memory_free(&r->number);
}

/* A step is done: say so, and stop when any rank was asked to. */
static Status step_all(const Comm *comm, WorkSink *sink, int64_t step) {
  bool stop = work_tick(sink, step, step + 1, STEPS, NULL);
  if (comm_any_all(comm, stop && step + 1 < STEPS))
    return status_fail(STOPPED, "stopped as asked; the clustering begins anew when run again");
  return OK;
}

Status dbscan_all(const Comm *comm, const Matrix *x, const DbscanOptions *o, WorkSink *sink,
                  Dbscan *out) {
  Status status = OK;
  Neighbors index = {0};
  Rowwise r = {0};
  *out = (Dbscan){0};
  TRY(check(o));
  AGREE(comm, allocate(x, &r, out));
  TRY(neighbors_new_all(comm, x, NULL, o->metric, &index));
  index.sink = sink;
  AGREE(comm, find_cores(&index, x, o, &r, out));
  neighbors_clear_all(&index);
  TRY(step_all(comm, sink, 0));
  TRY(neighbors_new_all(comm, x, out->core, o->metric, &index));
  index.sink = sink;
  Joining joining = {&index, r.core, x->rows.begin, r.parent, NULL, NULL};
  AGREE(comm, join_cores(&joining, x, o, r.n_core));
  TRY(step_all(comm, sink, 1));
  TRY(merge_forests_all(comm, r.parent, x->rows.n_global));
  TRY(step_all(comm, sink, 2));
  AGREE(comm, find_borders(&index, x, o, &r));
  TRY(number_clusters_all(comm, x, &r, out));
  label_rows(x, &r, out);
  TRY(count_all(comm, x, &r, out));
  TRY(step_all(comm, sink, 3));
done:
  neighbors_clear_all(&index);
  rowwise_clear(&r);
  return status;
}

void dbscan_clear(Dbscan *dbscan) {
  memory_free(&dbscan->label);
  memory_free(&dbscan->core);
  memory_free(&dbscan->size);
  *dbscan = (Dbscan){0};
}

/* ---- the curve ---- */

static double knee(const double *distance) {
  enum { FIRST = (DBSCAN_CURVE - 1) / 50, LAST = DBSCAN_CURVE - 1 - FIRST };
  double low = distance[FIRST], range = distance[LAST] - low, most = -1;
  int best = LAST;
  for (int i = FIRST; i <= LAST && range > 0; i++) {
    double below = (double)(i - FIRST) / (LAST - FIRST) - (distance[i] - low) / range;
    if (below > most) {
      most = below;
      best = i;
    }
  }
  return distance[best];
}

/* Distances of this rank's rows to the min_samples-th row, themselves the first. */
static Status measure(const Neighbors *index, const Matrix *x, int64_t min_samples, double *out) {
  enum { PART = 4096 };
  Status status = OK;
  int64_t k = min_samples - 1;
  int64_t *at = NULL;
  int32_t *row = NULL;
  double *distance = NULL;
  TRY(NEW(&at, PART));
  TRY(NEW(&row, PART * k));
  TRY(NEW(&distance, PART * k));
  for (int64_t begin = 0; begin < x->rows.n && k > 0; begin += PART) {
    int64_t n = x->rows.n - begin < PART ? x->rows.n - begin : PART;
    for (int64_t i = 0; i < n; i++) at[i] = begin + i;
    NeighborsQuery query = {x, at, n, true};
    TRY(neighbors_nearest(index, &query, k, row, distance));
    for (int64_t i = 0; i < n; i++) out[begin + i] = distance[i * k + k - 1];
  }
done:
  memory_free(&at);
  memory_free(&row);
  memory_free(&distance);
  return status;
}

Status dbscan_curve_all(const Comm *comm, const Matrix *x, const DbscanOptions *o,
                        DbscanCurve *out) {
  Status status = OK;
  Neighbors index = {0};
  double *distance = NULL, q[DBSCAN_CURVE];
  if (o->min_samples < 1 || o->min_samples > x->rows.n_global)
    TRY(status_fail(INVALID,
                    "min_samples is %lld and there are %lld rows; take a number from 1 to "
                    "that",
                    (long long)o->min_samples, (long long)x->rows.n_global));
  AGREE(comm, NEW(&distance, x->rows.n));
  TRY(neighbors_new_all(comm, x, NULL, o->metric, &index));
  AGREE(comm, measure(&index, x, o->min_samples, distance));
  for (int i = 0; i < DBSCAN_CURVE; i++) q[i] = (double)i / (DBSCAN_CURVE - 1);
  TRY(quantile_all(comm, distance, NULL, x->rows.n, q, DBSCAN_CURVE, out->distance));
  out->eps = knee(out->distance);
done:
  neighbors_clear_all(&index);
  memory_free(&distance);
  return status;
}
