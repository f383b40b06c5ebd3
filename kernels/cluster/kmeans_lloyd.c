/* Lloyd's iterations with bounds; see kmeans.h and kmeans_parts.h.
 *
 * Hamerly's bounds (2010): a row keeps an upper bound of the distance to its centre and a lower
 * bound of that to all others. When centres move, bounds give way by as much; a row whose bounds
 * still do not meet keeps its centre without a distance. Bounds are rounded outwards by `margin`,
 * more than what a computed squared distance can be off, d / 4 + 8 roundings: where they are apart,
 * the computed distance to every other centre is the larger one, strictly, and looking could not
 * change anything.
 *
 * Sums of a cluster's rows are kept from one iteration to the next, as integers: a row that moves
 * is taken from one and given to another. Rejected: bounds for each centre (Elkan 2003), which save
 * distances that cost less here than the memory of the bounds. */
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/exact.h"
#include "kmeans_parts.h"

#define TINY 1e-150 /* distances below have squares that lose digits */

/* ---- scales ---- */

void kmeans_scales_all(const Comm *comm, const Matrix *x, double *scale, double *inertia_scale,
                       double *variance) {
  double farthest = 0;
  *variance = 0;
  for (int64_t j = 0; j < x->d; j++) {
    const double *column = matrix_column(x, j);
    int64_t count = 0;
    double most = 0, mean = 0, own = 0;
    for (int64_t i = 0; i < x->rows.n; i++) most = fmax(most, fabs(column[i]));
    comm_max_real_all(comm, &most, 1);
    exact_moments_all(comm, column, NULL, x->rows.n, &count, &mean, &own);
    scale[j] = fixed_scale(most, WIDE_BITS);
    farthest += 4 * most * most;
    *variance += own / (double)x->d;
  }
  *inertia_scale = fixed_scale(farthest, WIDE_BITS);
}

/* ---- state ---- */

Status lloyd_init(const Comm *comm, const Rows *part, const double *rows, int64_t d, int64_t k,
                  const double *scale, double inertia_scale, bool bounds, Lloyd *out) {
  Status status = OK;
  int64_t n = part->n;
  *out = (Lloyd){.comm = comm,
                 .part = *part,
                 .rows = rows,
                 .k = k,
                 .d = d,
                 .bounds = bounds,
                 .inertia_scale = inertia_scale};
  out->margin = 4 * ((double)d / 4 + 16) * 0x1p-53;
  TRY(NEW(&out->scale, d));
  memcpy(out->scale, scale, (size_t)d * sizeof *scale);
  TRY(NEW(&out->centre, k * d));
  TRY(NEW(&out->next, k * d));
  TRY(NEW(&out->moved, k));
  TRY(NEW(&out->apart, k));
  TRY(NEW(&out->label, n));
  TRY(NEW(&out->upper, n));
  TRY(NEW(&out->lower, n));
  TRY(NEW(&out->sum, k * d));
  TRY(NEW(&out->count, k));
  TRY(NEW(&out->total, 2 * k * d + k + 1));
  TRY(NEW(&out->buffer, d * KMEANS_CHUNK));
  TRY(NEW(&out->zero, d));
  for (int64_t i = 0; i < n; i++) out->label[i] = -1;
done:
  return status;
}

void lloyd_clear(Lloyd *l) {
  memory_free(&l->scale);
  memory_free(&l->centre);
  memory_free(&l->next);
  memory_free(&l->moved);
  memory_free(&l->apart);
  memory_free(&l->label);
  memory_free(&l->upper);
  memory_free(&l->lower);
  memory_free(&l->sum);
  memory_free(&l->count);
  memory_free(&l->total);
  memory_free(&l->buffer);
  memory_free(&l->zero);
}

/* Squared distances of a chunk's rows to their own centres. */
static void own_squared(const Lloyd *l, int64_t from, int64_t n, double *out) {
  int64_t d = l->d;
  for (int64_t i = 0; i < n; i++) {
    const double *row = l->rows + (from + i) * d, *centre = l->centre + l->label[from + i] * d;
    for (int64_t j = 0; j < d; j++) l->buffer[j * KMEANS_CHUNK + i] = row[j] - centre[j];
  }
  for (int64_t i = n; i % 8 != 0; i++)
    for (int64_t j = 0; j < d; j++) l->buffer[j * KMEANS_CHUNK + i] = 0;
  kmeans_squared(l->buffer, n, l->d, l->zero, out);
}

/* ---- assignment ---- */

/* Add row i to cluster c, or take it away (sign -1). */
static void move_row(Lloyd *l, int64_t i, int64_t c, int64_t sign) {
  Wide *sum = l->sum + c * l->d;
  for (int64_t j = 0; j < l->d; j++) {
    int64_t q = llrint(l->rows[i * l->d + j] * l->scale[j]);
    sum[j].high += sign * (q >> 32);
    sum[j].low += sign * (q & 0xffffffff);
  }
  l->count[c] += sign;
}

/* Look at all centres from rows at[0 .. n - 1]; the number that moved. */
static int64_t look(Lloyd *l, const int32_t *at, int64_t n) {
  int64_t found[KMEANS_CHUNK] __attribute__((aligned(64))), moves = 0;
  double best[KMEANS_CHUNK] __attribute__((aligned(64)));
  double second[KMEANS_CHUNK] __attribute__((aligned(64)));
  kmeans_gather_at(l->rows, l->d, at, n, l->buffer);
  kmeans_nearest(l->buffer, n, l->d, l->centre, l->k, found, best, second);
  for (int64_t p = 0; p < n; p++) {
    int64_t i = at[p];
    l->upper[i] = sqrt(best[p]) * (1 + l->margin) + TINY;
    l->lower[i] = sqrt(second[p]) * (1 - l->margin) - TINY;
    if (l->label[i] == found[p]) continue;
    if (l->label[i] >= 0) move_row(l, i, l->label[i], -1);
    move_row(l, i, found[p], 1);
    l->label[i] = (int32_t)found[p];
    moves++;
  }
  return moves;
}

/* Bounds of one chunk after the centres moved; at: out, rows whose bounds meet. */
static int64_t loosen(Lloyd *l, int64_t from, int64_t n, const double *retreat, int32_t *at) {
  int64_t met = 0;
  double keep = 1 - l->margin, give = 1 + l->margin;
  for (int64_t i = from; i < from + n; i++) {
    int32_t c = l->label[i];
    double upper = (l->upper[i] + l->moved[c]) * give, lower = (l->lower[i] - retreat[c]) * keep;
    l->upper[i] = upper;
    l->lower[i] = lower;
    double other = l->apart[c] - upper; /* the triangle inequality over the nearest centre */
    other = other > lower ? other : lower;
    at[met] = (int32_t)i;
    met += !(upper * give < other * keep);
  }
  return met;
}

/* Rows here and there of a table beyond the cache: ask for them before they are wanted. */
static void fetch(const Lloyd *l, const int32_t *at, int64_t n) {
  for (int64_t p = 0; p < n; p++) {
    const double *row = l->rows + at[p] * l->d;
    for (int64_t j = 0; j < l->d; j += 8) __builtin_prefetch(row + j);
    __builtin_prefetch(row + l->d - 1);
  }
}

/* Assign all rows; the number of this rank's rows that moved. retreat: k. */
static int64_t assign(Lloyd *l, bool first, const double *retreat) {
  int32_t at[2 * KMEANS_CHUNK];
  int64_t moves = 0, waiting = 0, n = l->part.n;
  for (int64_t from = 0; from < n; from += KMEANS_CHUNK) {
    int64_t rows = n - from < KMEANS_CHUNK ? n - from : KMEANS_CHUNK, met = rows;
    if (first || !l->bounds)
      for (int64_t i = 0; i < rows; i++) at[waiting + i] = (int32_t)(from + i);
    else
      met = loosen(l, from, rows, retreat, at + waiting);
    fetch(l, at + waiting, met);
    waiting += met;
    if (waiting < KMEANS_CHUNK) continue;
    moves += look(l, at, KMEANS_CHUNK);
    waiting -= KMEANS_CHUNK;
    memcpy(at, at + KMEANS_CHUNK, (size_t)waiting * sizeof *at);
  }
  return waiting > 0 ? moves + look(l, at, waiting) : moves;
}

/* ---- empty clusters ---- */

typedef struct Farthest {
  double squared;
  int64_t row; /* of this rank */
} Farthest;

/* This rank's row that is farthest from its centre, out of a cluster that has others. */
static Farthest find_farthest(Lloyd *l, const int64_t *sizes) {
  double squared[KMEANS_CHUNK] __attribute__((aligned(64)));
  Farthest most = {0, -1};
  int64_t n = l->part.n;
  for (int64_t from = 0; from < n; from += KMEANS_CHUNK) {
    int64_t rows = n - from < KMEANS_CHUNK ? n - from : KMEANS_CHUNK;
    own_squared(l, from, rows, squared);
    for (int64_t i = 0; i < rows; i++)
      if (squared[i] > most.squared && sizes[l->label[from + i]] > 1)
        most = (Farthest){squared[i], from + i};
  }
  return most;
}

/* Give empty cluster c a row; false when all rows lie on their centres. sizes: over ranks. */
static bool fill_all(Lloyd *l, int64_t c, int64_t *sizes) {
  Farthest mine = find_farthest(l, sizes);
  double most = mine.squared;
  comm_max_real_all(l->comm, &most, 1);
  if (llrint(most * l->inertia_scale) == 0) return false; /* the rounding of a mean */
  int64_t row = mine.squared == most ? l->part.begin + mine.row : INT64_MAX, old = -1;
  comm_min_all(l->comm, &row, 1);
  if (mine.squared == most && l->part.begin + mine.row == row) {
    old = l->label[mine.row];
    move_row(l, mine.row, old, -1);
    move_row(l, mine.row, c, 1);
    l->label[mine.row] = (int32_t)c;
    l->upper[mine.row] = INFINITY; /* it has to be looked at next time */
    l->lower[mine.row] = 0;
  }
  old = comm_max_one_all(l->comm, old);
  sizes[old]--;
  sizes[c]++;
  return true;
}

/* ---- centres ---- */

/* Sums over ranks into total: k x d pairs, k counts, rows that moved. */
static void join_all(Lloyd *l, int64_t moves) {
  int64_t pairs = l->k * l->d;
  memcpy(l->total, l->sum, (size_t)pairs * sizeof *l->sum);
  memcpy(l->total + 2 * pairs, l->count, (size_t)l->k * sizeof *l->count);
  l->total[2 * pairs + l->k] = moves;
  comm_sum_all(l->comm, l->total, 2 * pairs + l->k + 1);
}

/* Means of clusters into next; an empty one stays where it is. Fills those that can be filled. */
static void means_all(Lloyd *l, int64_t moves) {
  int64_t pairs = l->k * l->d, *sizes = l->total + 2 * pairs;
  bool filled = false;
  join_all(l, moves);
  for (int64_t c = 0; c < l->k; c++)
    if (sizes[c] == 0 && fill_all(l, c, sizes)) filled = true;
  if (filled) join_all(l, moves + 1);
  for (int64_t c = 0; c < l->k; c++) {
    for (int64_t j = 0; j < l->d; j++) {
      Wide sum = {l->total[2 * (c * l->d + j)], l->total[2 * (c * l->d + j) + 1]};
      l->next[c * l->d + j] =
          sizes[c] > 0 ? wide_value(&sum, l->scale[j]) / (double)sizes[c] : l->centre[c * l->d + j];
    }
  }
}

static double squared_between(const double *a, const double *b, int64_t d) {
  double sum = 0;
  for (int64_t j = 0; j < d; j++) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return sum;
}

/* Let next become centre. retreat[c]: how far the fastest of the other centres moved. Returns the
 * sum of squared moves. */
static double step(Lloyd *l, double *retreat) {
  double sum = 0, most = 0, second = 0;
  int64_t fastest = 0;
  for (int64_t c = 0; c < l->k; c++) {
    double squared = squared_between(l->centre + c * l->d, l->next + c * l->d, l->d);
    sum += squared;
    l->moved[c] = sqrt(squared) * (1 + 4 * l->margin) + TINY; /* summed in one chain: 4 times */
    if (l->moved[c] > most)
      second = most, most = l->moved[c], fastest = c;
    else if (l->moved[c] > second)
      second = l->moved[c];
  }
  double *old = l->centre;
  l->centre = l->next;
  l->next = old;
  for (int64_t c = 0; c < l->k; c++) {
    double nearest = INFINITY;
    retreat[c] = c == fastest ? second : most;
    for (int64_t o = 0; o < l->k; o++)
      if (o != c)
        nearest = fmin(nearest, squared_between(l->centre + c * l->d, l->centre + o * l->d, l->d));
    l->apart[c] = sqrt(nearest) * (1 - 4 * l->margin) - TINY;
  }
  return sum;
}

Status lloyd_run_all(Lloyd *l, int64_t max_iterations, double enough, WorkSink *sink) {
  Status status = OK;
  double *retreat = NULL;
  AGREE(l->comm, NEW(&retreat, l->k));
  l->converged = false;
  for (int64_t iteration = 0; iteration < max_iterations; iteration++) {
    bool first = l->part.n > 0 && l->label[0] < 0;
    means_all(l, assign(l, first, retreat));
    l->iterations++;
    l->converged = l->total[2 * l->k * l->d + l->k] == 0;
    double moved = step(l, retreat);
    if (l->converged || moved <= enough) break;
    if ((iteration & 7) == 7 && comm_any_all(l->comm, work_stopping(sink)))
      TRY(status_fail(STOPPED, "stopped"));
  }
done:
  memory_free(&retreat);
  return status;
}

double lloyd_inertia_all(const Lloyd *l) {
  double squared[KMEANS_CHUNK] __attribute__((aligned(64)));
  Wide sum = {0, 0};
  int64_t n = l->part.n;
  for (int64_t from = 0; from < n; from += KMEANS_CHUNK) {
    int64_t rows = n - from < KMEANS_CHUNK ? n - from : KMEANS_CHUNK;
    own_squared(l, from, rows, squared);
    for (int64_t i = 0; i < rows; i++) wide_add(&sum, squared[i], l->inertia_scale);
  }
  int64_t both[2] = {sum.high, sum.low};
  comm_sum_all(l->comm, both, 2);
  sum = (Wide){both[0], both[1]};
  return wide_value(&sum, l->inertia_scale);
}
