/* Bins: every feature as one byte; see bins.h.
 *
 * Features are handled a few at a time, so that sorted copies of a wide matrix never stand in
 * memory all at once, and memory of the first ones serves the next. For a chunk: sort this rank's
 * values; gather each rank's distinct values when they are few; ask for OVERSAMPLE x max_bins order
 * statistics where they are many; choose the last value of every bin, the same choice on all ranks;
 * find the next value that occurs anywhere (a minimum over ranks) and put the edge midway.
 *
 * Rejected: plain quantiles without the greedy rule. A third of the tracks have instrumentalness 0,
 * which would burn a third of the bins on one value. */
#include "bins.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/quantile.h"

enum {
  CHUNK = 16,            /* features at most */
  CHUNK_BYTES = 1 << 25, /* of a rank's sorted copies, about */
  OVERSAMPLE = 4,
};

/* One chunk of features. Arrays of per-feature rows are d x something. */
typedef struct Cut {
  int64_t d, max_bins, n_wanted;
  double *sorted;              /* d x n: this rank's ascending values */
  const double **columns;      /* d pointers into sorted */
  int64_t *n;                  /* d: values of this rank */
  double *distinct, *gathered; /* d x (1 + max_bins): count, values; the same of all ranks */
  int64_t *wanted;             /* d x n_wanted positions */
  double *found;               /* d x n_wanted order statistics */
  double *last;                /* d x max_bins: last values of bins */
  int64_t *n_last;             /* d */
  int64_t *next;               /* d x max_bins: keys of the values that follow */
} Cut;

static void cut_clear(Cut *cut) {
  memory_free(&cut->sorted);
  memory_free(&cut->columns);
  memory_free(&cut->n);
  memory_free(&cut->distinct);
  memory_free(&cut->gathered);
  memory_free(&cut->wanted);
  memory_free(&cut->found);
  memory_free(&cut->last);
  memory_free(&cut->n_last);
  memory_free(&cut->next);
}

static Status cut_init(Cut *cut, int64_t n, int ranks) {
  Status status = OK;
  int64_t d = cut->d, bins = cut->max_bins;
  TRY(NEW_RAW(&cut->sorted, d * n));
  TRY(NEW(&cut->columns, d));
  TRY(NEW(&cut->n, d));
  TRY(NEW(&cut->distinct, d * (1 + bins)));
  TRY(NEW(&cut->gathered, d * (1 + bins) * ranks));
  TRY(NEW(&cut->wanted, d * cut->n_wanted));
  TRY(NEW(&cut->found, d * cut->n_wanted));
  TRY(NEW(&cut->last, d * bins));
  TRY(NEW(&cut->n_last, d));
  TRY(NEW(&cut->next, d * bins));
done:
  return status;
}

/* Columns that are categories count as empty here. */
static Status sort_columns(Cut *cut, const Matrix *x, int64_t first) {
  Status status = OK;
  for (int64_t j = 0; j < cut->d; j++) {
    double *column = cut->sorted + j * x->rows.n;
    cut->columns[j] = column;
    if (matrix_categories(x, first + j) > 0) continue;
    if (x->rows.n > 0) {
      memcpy(column, matrix_column(x, first + j), (size_t)x->rows.n * sizeof *column);
    }
    TRY(quantile_sort(column, x->rows.n, &cut->n[j]));
  }
done:
  return status;
}

/* Distinct values of ascending ones into out; returns their number, limit + 1 when more. */
static int64_t collect_distinct(const double *sorted, int64_t n, int64_t limit, double *out) {
  int64_t count = 0;
  for (int64_t i = 0; i < n; i++) {
    if (count > 0 && sorted[i] == out[count - 1]) continue;
    if (count == limit) return limit + 1;
    out[count++] = sorted[i];
  }
  return count;
}

static int compare_reals(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The last values of bins when all ranks together have at most max_bins distinct values: all of
 * them. Sets n_last to -1 when there are more. scratch: ranks x max_bins. */
static void choose_distinct(Cut *cut, int64_t j, int ranks, double *scratch) {
  int64_t item = 1 + cut->max_bins, total = 0;
  cut->n_last[j] = -1;
  for (int rank = 0; rank < ranks; rank++) {
    const double *list = cut->gathered + (rank * cut->d + j) * item;
    int64_t count = (int64_t)list[0];
    if (count > cut->max_bins) return;
    memcpy(scratch + total, list + 1, (size_t)count * sizeof *scratch);
    total += count;
  }
  qsort(scratch, (size_t)total, sizeof *scratch, compare_reals);
  double *last = cut->last + j * cut->max_bins;
  int64_t count = collect_distinct(scratch, total, cut->max_bins, last);
  if (count <= cut->max_bins) cut->n_last[j] = count;
}

/* The last values of bins from order statistics: a value that has a bin's share alone is closed
 * off from its neighbours, the others are filled up to the mean of what is left. */
static void choose_quantiles(Cut *cut, int64_t j) {
  double *value = cut->found + j * cut->n_wanted, *last = cut->last + j * cut->max_bins;
  int64_t *weight = cut->wanted + j * cut->n_wanted; /* positions are used up: room for weights */
  int64_t m = 0, bins = cut->max_bins, total = cut->n_wanted;
  for (int64_t i = 0; i < total; i++) {
    if (m > 0 && value[i] == value[m - 1]) {
      weight[m - 1]++;
    } else {
      value[m] = value[i];
      weight[m++] = 1;
    }
  }
  int64_t rest = total, rest_bins = bins;
  for (int64_t i = 0; i < m; i++) {
    if (weight[i] * bins < total) continue;
    rest -= weight[i];
    rest_bins--;
  }
  int64_t count = 0, filled = 0, goal = rest, goal_bins = rest_bins > 0 ? rest_bins : 1;
  for (int64_t i = 0; i < m && count < bins - 1; i++) {
    bool heavy = weight[i] * bins >= total;
    bool heavy_next = i + 1 < m && weight[i + 1] * bins >= total;
    filled += weight[i];
    if (!heavy) rest -= weight[i];
    if (!heavy && filled * goal_bins < goal && !(heavy_next && 2 * filled * goal_bins >= goal)) {
      continue;
    }
    last[count++] = value[i];
    filled = 0;
    if (heavy) continue;
    if (rest_bins > 1) rest_bins--;
    goal = rest;
    goal_bins = rest_bins;
  }
  cut->n_last[j] = count;
}

/* The key of this rank's first value above `value`, as a signed number; INT64_MAX: none. */
static int64_t key_above(const double *sorted, int64_t n, double value) {
  int64_t low = 0, high = n;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (sorted[middle] <= value) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  if (low == n) return INT64_MAX;
  return (int64_t)(quantile_key(sorted[low]) ^ (UINT64_C(1) << 63));
}

/* Midway between a < b, such that a <= edge < b also where doubles are dense or infinite. */
static double edge_between(double a, double b) {
  double edge = a / 2 + b / 2;
  return edge >= a && edge < b ? edge : a;
}

/* Append the chunk's edges to out; of categories as many as stand for their bins. */
static Status append_edges(const Cut *cut, int64_t first, const int32_t *n_bins, Bins *out,
                           int64_t *capacity) {
  Status status = OK;
  int64_t bins = cut->max_bins;
  for (int64_t j = 0; j < cut->d; j++) {
    int64_t n = out->offset[first + j];
    TRY(RESERVE(&out->edges, capacity, n + bins));
    if (bins_is_category(out, first + j)) {
      for (int32_t b = 1; b < n_bins[first + j]; b++) out->edges[n++] = b - 0.5;
      out->offset[first + j + 1] = n;
      continue;
    }
    for (int64_t b = 0; b < cut->n_last[j]; b++) {
      int64_t key = cut->next[j * bins + b];
      if (key == INT64_MAX) continue;
      double above = quantile_value((uint64_t)key ^ (UINT64_C(1) << 63));
      out->edges[n++] = edge_between(cut->last[j * bins + b], above);
    }
    out->offset[first + j + 1] = n;
  }
done:
  return status;
}

/* Ask for the order statistics of columns with many values and choose their bins. */
static Status cut_quantiles_all(const Comm *comm, Cut *cut) {
  Status status = OK;
  int64_t total[CHUNK];
  bool any = false;
  memcpy(total, cut->n, (size_t)cut->d * sizeof *total);
  comm_sum_all(comm, total, cut->d);
  for (int64_t j = 0; j < cut->d; j++) {
    bool many = cut->n_last[j] < 0;
    any |= many;
    for (int64_t i = 0; i < cut->n_wanted; i++) {
      __int128 twice = (__int128)(2 * i + 1) * total[j];
      cut->wanted[j * cut->n_wanted + i] = many ? (int64_t)(twice / (2 * cut->n_wanted)) : -1;
    }
  }
  if (!any) return OK;
  TRY(quantile_order_statistics_all(comm, cut->columns, cut->n, cut->d, cut->n_wanted, cut->wanted,
                                    cut->found));
  for (int64_t j = 0; j < cut->d; j++) {
    if (cut->n_last[j] < 0) choose_quantiles(cut, j);
  }
done:
  return status;
}

static Status cut_chunk_all(const Comm *comm, const Matrix *x, int64_t first, Cut *cut,
                            const int32_t *n_bins, Bins *out, int64_t *capacity) {
  Status status = OK;
  double *scratch = NULL;
  int64_t bins = cut->max_bins, item = 1 + bins;
  Status local = cut_init(cut, x->rows.n, comm->size);
  if (local == OK) local = NEW(&scratch, comm->size * bins);
  if (local == OK) local = sort_columns(cut, x, first);
  AGREE(comm, local);
  for (int64_t j = 0; j < cut->d; j++) {
    double *list = cut->distinct + j * item;
    list[0] = (double)collect_distinct(cut->columns[j], cut->n[j], bins, list + 1);
  }
  comm_allgather_all(comm, cut->distinct, (size_t)(cut->d * item) * sizeof(double), cut->gathered);
  for (int64_t j = 0; j < cut->d; j++) choose_distinct(cut, j, comm->size, scratch);
  TRY(cut_quantiles_all(comm, cut));
  for (int64_t j = 0; j < cut->d; j++) {
    for (int64_t b = 0; b < bins; b++) {
      cut->next[j * bins + b] = b < cut->n_last[j]
                                    ? key_above(cut->columns[j], cut->n[j], cut->last[j * bins + b])
                                    : INT64_MAX;
    }
  }
  comm_min_all(comm, cut->next, cut->d * bins);
  AGREE(comm, append_edges(cut, first, n_bins, out, capacity));
done:
  memory_free(&scratch);
  return status;
}

Status bins_fit_all(const Comm *comm, const Matrix *x, int64_t max_bins, Bins *out) {
  Status status = OK;
  int64_t capacity = 0;
  int32_t *n_bins = NULL;
  Cut cut = {0};
  *out = (Bins){.d = x->d};
  status = NEW(&out->offset, x->d + 1);
  if (status == OK) status = NEW(&n_bins, x->d);
  AGREE(comm, status);
  if (x->categories) TRY(bins_count_categories_all(comm, x, max_bins, out, n_bins));
  int64_t share = x->rows.n_global / comm->size * (int64_t)sizeof(double) + 1;
  int64_t chunk = CHUNK_BYTES / share;
  chunk = chunk < 1 ? 1 : chunk > CHUNK ? CHUNK : chunk;
  for (int64_t first = 0; first < x->d; first += chunk) {
    int64_t d = x->d - first < chunk ? x->d - first : chunk;
    cut = (Cut){.d = d, .max_bins = max_bins, .n_wanted = OVERSAMPLE * max_bins};
    TRY(cut_chunk_all(comm, x, first, &cut, n_bins, out, &capacity));
    cut_clear(&cut);
  }
done:
  cut_clear(&cut);
  memory_free(&n_bins);
  return status;
}

void bins_clear(Bins *bins) {
  memory_free(&bins->offset);
  memory_free(&bins->edges);
  memory_free(&bins->category_offset);
  memory_free(&bins->category);
  *bins = (Bins){0};
}

static Status copy_numbers(const void *from, int64_t count, size_t item, void *out) {
  void *made = memory_get_raw(count, item);
  if (made && count > 0) memcpy(made, from, (size_t)count * item);
  memcpy(out, &made, sizeof made);
  return memory_status(made);
}

Status bins_copy(const Bins *bins, Bins *out) {
  Status status = OK;
  int64_t d = bins->d;
  *out = (Bins){.d = d};
  TRY(copy_numbers(bins->offset, d + 1, sizeof *bins->offset, &out->offset));
  TRY(copy_numbers(bins->edges, bins->offset[d], sizeof *bins->edges, &out->edges));
  if (!bins->category_offset) return OK;
  TRY(copy_numbers(bins->category_offset, d + 1, sizeof *bins->category_offset,
                   &out->category_offset));
  TRY(copy_numbers(bins->category, bins->category_offset[d], sizeof *bins->category,
                   &out->category));
done:
  return status;
}

Status bins_fields(Bins *bins, Fields *fields) {
  Status status = OK;
  int64_t n_offset = fields->mode == FIELDS_OUT ? bins->d + 1 : -1;
  TRY(fields_integer(fields, "features", &bins->d));
  TRY(fields_array(fields, "edge_offset", FIELD_INTEGER, &bins->offset, 1, &n_offset));
  if (n_offset != bins->d + 1) {
    return status_fail(FORMAT, "forest: %lld edge offsets for %lld features", (long long)n_offset,
                       (long long)bins->d);
  }
  for (int64_t j = 0; j < bins->d; j++) {
    int64_t edges = bins->offset[j + 1] - bins->offset[j];
    if (bins->offset[0] == 0 && edges >= 0 && edges < BINS_MAX) continue;
    return status_fail(FORMAT, "forest: feature %lld has %lld edges, at most %d are allowed",
                       (long long)j, (long long)edges, BINS_MAX - 1);
  }
  int64_t n_edges = bins->offset[bins->d];
  TRY(fields_array(fields, "edges", FIELD_REAL, &bins->edges, 1, &n_edges));
  TRY(bins_category_fields(bins, fields));
done:
  return status;
}
