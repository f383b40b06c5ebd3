/* k-means: starts over ranks, the best one to its end; see kmeans.h.
 *
 * A start is a unit of work whose result is its centres. The best start goes on, on rows spread
 * over all ranks, until no row moves; then clusters are put in order and every row asks once more
 * for its nearest centre, so that training rows and rows to come are treated alike. */
#include "kmeans.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kmeans_parts.h"
#include "points.h"

const char *const kmeans_spread_words[] = {"auto", "starts", "rows", NULL};

enum { REPLICATE_MOST = 256 << 20 };

typedef struct Fit {
  const Comm *comm, *group; /* all ranks; those that make a start together */
  const Matrix *x;          /* the group's rows */
  double *rows;             /* the same, row by row */
  const KmeansOptions *options;
  WorkSink *sink;
  bool bounds;
  double *scale, inertia_scale, enough;
  Kmeans *out;
  int64_t *iterations; /* starts */
  double *centre;      /* starts x k x d */
  double *now;         /* k x d: of the start under way */
} Fit;

/* ---- starts as units ---- */

static Status unit_fields(Fit *f, double **centre, double *inertia, int64_t *iterations,
                          Fields *fields) {
  Status status = OK;
  int64_t shape[] = {f->out->k, f->out->d};
  TRY(fields_array(fields, "centre", FIELD_REAL, centre, 2, shape));
  TRY(fields_real(fields, "inertia", inertia));
  TRY(fields_integer(fields, "iterations", iterations));
done:
  return status;
}

static Status run_start(void *context, int64_t start, Fields *result) {
  Status status = OK;
  Fit *f = context;
  const KmeansOptions *o = f->options;
  Lloyd l = {0};
  size_t bytes = (size_t)(o->k * f->x->d) * sizeof(double);
  AGREE(f->group, lloyd_init(f->group, &f->x->rows, f->rows, f->x->d, o->k, f->scale,
                             f->inertia_scale, f->bounds, &l));
  TRY(kmeans_seed_all(f->group, f->x, o->k, o->seed, start, f->inertia_scale, l.centre));
  TRY(lloyd_run_all(&l, o->max_iterations, f->enough, f->sink));
  double inertia = lloyd_inertia_all(&l);
  memcpy(f->now, l.centre, bytes);
  AGREE(f->group, unit_fields(f, &f->now, &inertia, &l.iterations, result));
done:
  lloyd_clear(&l);
  return status;
}

static Status place_start(void *context, int64_t start, Fields *result) {
  Status status = OK;
  Fit *f = context;
  double *centre = NULL;
  TRY(unit_fields(f, &centre, &f->out->start_inertia[start], &f->iterations[start], result));
  int64_t count = f->out->k * f->out->d;
  memcpy(f->centre + start * count, centre, (size_t)count * sizeof *centre);
done:
  memory_free(&centre);
  return status;
}

/* ---- the best start's end ---- */

typedef struct Sized {
  int64_t size, cluster;
} Sized;

static int by_size(const void *a, const void *b) {
  const Sized *x = a, *y = b;
  if (x->size != y->size) return x->size > y->size ? -1 : 1;
  return (x->cluster > y->cluster) - (x->cluster < y->cluster);
}

/* Centres in the order of falling size. */
static Status order_centres(const Lloyd *l, Kmeans *out) {
  Status status = OK;
  Sized *order = NULL;
  TRY(NEW(&order, l->k));
  for (int64_t c = 0; c < l->k; c++) order[c] = (Sized){l->total[2 * l->k * l->d + c], c};
  qsort(order, (size_t)l->k, sizeof *order, by_size);
  for (int64_t c = 0; c < l->k; c++)
    memcpy(out->centre + c * l->d, l->centre + order[c].cluster * l->d,
           (size_t)l->d * sizeof *out->centre);
done:
  memory_free(&order);
  return status;
}

/* Labels, sizes and inertia of the centres as they are now. */
static Status settle_all(const Comm *comm, const Matrix *x, double inertia_scale, Kmeans *out,
                         int32_t *label) {
  Status status = OK;
  int32_t *own = NULL;
  double *squared = NULL;
  int64_t *total = NULL;
  Status local = NEW(&own, x->rows.n);
  if (local == OK) local = NEW(&squared, x->rows.n);
  if (local == OK) local = NEW(&total, out->k + 2);
  AGREE(comm, local);
  AGREE(comm, kmeans_assign(out, x, own, squared));
  Wide sum = {0, 0};
  for (int64_t i = 0; i < x->rows.n; i++) {
    wide_add(&sum, squared[i], inertia_scale);
    total[own[i]]++;
  }
  total[out->k] = sum.high;
  total[out->k + 1] = sum.low;
  comm_sum_all(comm, total, out->k + 2);
  memcpy(out->size, total, (size_t)out->k * sizeof *total);
  sum = (Wide){total[out->k], total[out->k + 1]};
  out->inertia = wide_value(&sum, inertia_scale);
  if (label && x->rows.n > 0) memcpy(label, own, (size_t)x->rows.n * sizeof *own);
done:
  memory_free(&own);
  memory_free(&squared);
  memory_free(&total);
  return status;
}

/* x: this rank's rows of all. */
static Status finish_all(Fit *f, const Matrix *x, const double *rows, int32_t *label) {
  Status status = OK;
  Kmeans *out = f->out;
  Lloyd l = {0};
  for (int64_t s = 1; s < out->starts; s++)
    if (out->start_inertia[s] < out->start_inertia[out->best]) out->best = s;
  AGREE(f->comm, lloyd_init(f->comm, &x->rows, rows, out->d, out->k, f->scale, f->inertia_scale,
                            f->bounds, &l));
  memcpy(l.centre, f->centre + out->best * out->k * out->d,
         (size_t)(out->k * out->d) * sizeof *l.centre);
  int64_t left = f->options->max_iterations - f->iterations[out->best];
  TRY(lloyd_run_all(&l, left > 1 ? left : 1, -1, f->sink));
  out->iterations = f->iterations[out->best] + l.iterations;
  out->converged = l.converged;
  AGREE(f->comm, order_centres(&l, out));
  TRY(settle_all(f->comm, x, f->inertia_scale, out, label));
done:
  lloyd_clear(&l);
  return status;
}

/* ---- the fit ---- */

static Status begin(const Matrix *x, const KmeansOptions *o, Fit *f) {
  Status status = OK;
  int64_t n = x->rows.n_global, count = o->k * x->d;
  if (x->d == 0) return status_fail(INVALID, "kmeans: there is no column to learn from");
  if (o->k > n)
    return status_fail(INVALID,
                       "kmeans: k is %lld, and there are %lld rows; k can be at most as many",
                       (long long)o->k, (long long)n);
  if (n > INT32_MAX) return status_fail(INVALID, "kmeans: at most 2^31 - 1 rows are possible");
  TRY(matrix_check_finite(x, NULL, "kmeans"));
  TRY(NEW(&f->scale, x->d));
  TRY(NEW(&f->centre, o->starts * count));
  TRY(NEW(&f->now, count));
  TRY(NEW(&f->iterations, o->starts));
  TRY(NEW(&f->out->centre, count));
  TRY(NEW(&f->out->size, o->k));
  TRY(NEW(&f->out->start_inertia, o->starts));
done:
  return status;
}

static bool by_starts(const Comm *comm, const Matrix *x, const KmeansOptions *o) {
  if (o->spread != KMEANS_AUTO) return o->spread == KMEANS_STARTS;
  return comm->size > 1 && o->starts >= comm->size && points_bytes(x) <= REPLICATE_MOST;
}

static Status run_starts_all(Fit *f, bool replicated, WorkSink *sink) {
  Work work = {.units = f->options->starts, .run = run_start, .place = place_start, .context = f};
  if (replicated) return work_run_all(f->comm, &work, sink);
  return work_run_groups_all(f->comm, f->comm, &work, sink);
}

static Status fit_all(const Comm *comm, const Matrix *x, const KmeansOptions *o, bool bounds,
                      WorkSink *sink, Kmeans *out, int32_t *label) {
  Status status = OK;
  double variance = 0;
  Points points = {0};
  Comm self = comm_self();
  bool replicated = by_starts(comm, x, o);
  *out = (Kmeans){.n = x->rows.n_global, .d = x->d, .k = o->k, .starts = o->starts};
  Fit f = {.comm = comm,
           .group = comm,
           .x = x,
           .options = o,
           .sink = sink,
           .bounds = bounds,
           .out = out};
  AGREE(comm, begin(x, o, &f));
  kmeans_scales_all(comm, x, f.scale, &f.inertia_scale, &variance);
  f.enough = o->tolerance * variance;
  if (replicated) {
    TRY(points_new_all(comm, x, &points));
    f.x = &points.x;
    f.group = &self;
  }
  AGREE(comm, kmeans_rows(f.x, &f.rows));
  TRY(run_starts_all(&f, replicated, sink));
  int64_t skip = replicated ? x->rows.begin * x->d : 0; /* rows of lower ranks */
  TRY(finish_all(&f, x, f.rows + skip, label));
done:
  points_clear_all(&points);
  memory_free(&f.rows);
  memory_free(&f.scale);
  memory_free(&f.centre);
  memory_free(&f.now);
  memory_free(&f.iterations);
  return status;
}

Status kmeans_fit_all(const Comm *comm, const Matrix *x, const KmeansOptions *options,
                      WorkSink *sink, Kmeans *out, int32_t *label) {
  return fit_all(comm, x, options, true, sink, out, label);
}

Status kmeans_ref_all(const Comm *comm, const Matrix *x, const KmeansOptions *options, Kmeans *out,
                      int32_t *label) {
  return fit_all(comm, x, options, false, NULL, out, label);
}
