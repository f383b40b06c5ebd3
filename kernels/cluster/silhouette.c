/* Exact silhouettes; see silhouette.h.
 *
 * Rows are put in the order of clusters, each cluster's rows in the lanes of vectors of eight. A
 * few rows at a time look at a chunk of a cluster that stays in the first-level cache; the sums of
 * a row over a cluster are in eight lanes, each in order. Distances are those of
 * numeric/pair_distance.h and their correctly rounded roots, so wide and plain vectors give the
 * same bits. The floor is the roots: n^2 of them. Rejected: every pair once for both of its rows,
 * which saves half of the roots and makes the sums a traffic between ranks. */
#include "silhouette.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/fixed.h"
#include "kernels/numeric/pair_vector.h"

bool silhouette_wide_off;

/* Rows of a vector; vectors of a chunk; rows that look at it. */
enum { LANES = PAIR_ROWS, CHUNK = 32, TOGETHER = 32 };

typedef struct Sorted {
  int64_t d, k, vectors;
  int64_t *size;  /* k: rows of each cluster */
  int64_t *first; /* k + 1: vectors before each cluster */
  double *data;   /* vectors x d x LANES; the places past a cluster's end are zero */
} Sorted;

static bool has_wide(void) { return !silhouette_wide_off && pair_has_wide(); }

/* ---- the order of clusters ---- */

static void sorted_clear(Sorted *s) {
  memory_free(&s->size);
  memory_free(&s->first);
  memory_free(&s->data);
}

static Status count_all(const Comm *comm, const Matrix *x, const int32_t *label, Sorted *s) {
  Status status = OK;
  Status local = NEW(&s->size, s->k);
  if (local == OK) local = NEW(&s->first, s->k + 1);
  AGREE(comm, local);
  for (int64_t i = 0; i < x->rows.n; i++)
    if (label[i] >= 0) s->size[label[i]]++;
  comm_sum_all(comm, s->size, s->k);
  for (int64_t c = 0; c < s->k; c++)
    s->first[c + 1] = s->first[c] + (s->size[c] + LANES - 1) / LANES;
  s->vectors = s->first[s->k];
done:
  return status;
}

/* All rows on every rank, a column at a time. */
static Status sort_all(const Comm *comm, const Matrix *x, const int32_t *label, Sorted *s) {
  Status status = OK;
  int32_t *labels = NULL;
  double *column = NULL;
  int64_t *next = NULL, n = x->rows.n_global;
  TRY(count_all(comm, x, label, s));
  Status local = NEW(&s->data, s->vectors * LANES * s->d);
  if (local == OK) local = NEW(&next, s->k);
  AGREE(comm, local);
  size_t mine = (size_t)x->rows.n;
  TRY(comm_concatenate_all(comm, label, mine * sizeof *label, (void **)&labels, NULL));
  for (int64_t j = 0; j < s->d; j++) {
    TRY(comm_concatenate_all(comm, matrix_column(x, j), mine * sizeof(double), (void **)&column,
                             NULL));
    for (int64_t c = 0; c < s->k; c++) next[c] = s->first[c] * LANES;
    for (int64_t i = 0; i < n; i++) {
      if (labels[i] < 0) continue;
      int64_t at = next[labels[i]]++;
      s->data[(at / LANES * s->d + j) * LANES + at % LANES] = column[i];
    }
    memory_free(&column);
  }
done:
  memory_free(&labels);
  memory_free(&column);
  memory_free(&next);
  return status;
}

/* ---- sums of distances ---- */

/* Add a point's distances to vectors begin .. end - 1 to sum, lane by lane. */
PAIR_INLINE void add_body(const double *data, int64_t d, int64_t begin, int64_t end,
                          const double *point, double *sum) {
  PairReals total = *(const PairReals *)sum;
  for (int64_t v = begin; v < end; v++) {
    double root[LANES] __attribute__((aligned(64)));
    pair_vector_squared(data + v * d * LANES, LANES, point, d, (PairReals *)root);
    for (int l = 0; l < LANES; l++) root[l] = sqrt(root[l]);
    total += *(const PairReals *)root;
  }
  *(PairReals *)sum = total;
}

PAIR_WIDE __attribute__((optimize("O3"))) static void add_wide(const double *data, int64_t d,
                                                               int64_t begin, int64_t end,
                                                               const double *point, double *sum) {
  add_body(data, d, begin, end, point, sum);
}

__attribute__((optimize("O3"))) static void add_plain(const double *data, int64_t d, int64_t begin,
                                                      int64_t end, const double *point,
                                                      double *sum) {
  add_body(data, d, begin, end, point, sum);
}

/* Distances of a point to the zeros past a cluster's end, to be taken away again: the lanes from
 * `used` on are not summed. */
static double join_lanes(const double *sum, const double *last, int64_t used) {
  double total = 0;
  for (int64_t l = 0; l < LANES; l++) total += l < used || used == 0 ? sum[l] + last[l] : sum[l];
  return total;
}

/* Sums of distances of n points to a cluster's rows: out[p x k]. points: n x d. */
static void sums_of(const Sorted *s, int64_t c, const double *points, int64_t n, bool wide,
                    double *out) {
  double sum[TOGETHER][LANES] __attribute__((aligned(64)));
  int64_t d = s->d, begin = s->first[c], end = s->first[c + 1], used = s->size[c] % LANES;
  memset(sum, 0, sizeof sum);
  for (int64_t v = begin; v < end - 1; v += CHUNK) { /* the last vector may be a part */
    int64_t to = v + CHUNK < end - 1 ? v + CHUNK : end - 1;
    for (int64_t p = 0; p < n; p++)
      (wide ? add_wide : add_plain)(s->data, d, v, to, points + p * d, sum[p]);
  }
  for (int64_t p = 0; p < n; p++) {
    double last[LANES] __attribute__((aligned(64))) = {0};
    if (end > begin) (wide ? add_wide : add_plain)(s->data, d, end - 1, end, points + p * d, last);
    out[p * s->k + c] = join_lanes(sum[p], last, used);
  }
}

/* ---- values ---- */

static double value_of(const Sorted *s, const double *sum, int64_t own) {
  double b = INFINITY;
  if (s->size[own] == 1) return 0;
  for (int64_t c = 0; c < s->k; c++) {
    double mean = sum[c] / (double)s->size[c];
    if (c != own && s->size[c] > 0 && mean < b) b = mean;
  }
  double a = sum[own] / (double)(s->size[own] - 1), most = a > b ? a : b;
  return most > 0 ? (b - a) / most : 0;
}

/* Values of rows at[0 .. n - 1]. points: TOGETHER x d; sums: TOGETHER x k. */
static void look(const Sorted *s, const Matrix *x, const int32_t *label, const int64_t *at,
                 int64_t n, double *points, double *sums, double *value) {
  bool wide = has_wide();
  for (int64_t p = 0; p < n; p++)
    for (int64_t j = 0; j < s->d; j++) points[p * s->d + j] = matrix_column(x, j)[at[p]];
  for (int64_t c = 0; c < s->k; c++) sums_of(s, c, points, n, wide, sums);
  for (int64_t p = 0; p < n; p++) value[at[p]] = value_of(s, sums + p * s->k, label[at[p]]);
}

static Status values_of(const Sorted *s, const Matrix *x, const int32_t *label, WorkSink *sink,
                        double *value) {
  Status status = OK;
  double *points = NULL, *sums = NULL;
  int64_t at[TOGETHER], n = 0;
  TRY(NEW(&points, TOGETHER * s->d));
  TRY(NEW(&sums, TOGETHER * s->k));
  for (int64_t i = 0; i < x->rows.n; i++) {
    if (label[i] >= 0) at[n++] = i;
    if (n < TOGETHER && i + 1 < x->rows.n) continue;
    look(s, x, label, at, n, points, sums, value);
    n = 0;
    if (work_stopping(sink)) TRY(status_fail(STOPPED, "stopped"));
  }
done:
  memory_free(&points);
  memory_free(&sums);
  return status;
}

/* ---- means ---- */

static Status means_all(const Comm *comm, const Sorted *s, const int32_t *label, int64_t n,
                        const double *value, Silhouette *out) {
  Status status = OK;
  int64_t *total = NULL;
  double scale = fixed_scale(1, WIDE_BITS);
  AGREE(comm, NEW(&total, 2 * s->k + 1));
  for (int64_t i = 0; i < n; i++) {
    if (label[i] < 0) continue;
    wide_add((Wide *)total + label[i], value[i], scale);
    total[2 * s->k] += value[i] < 0;
  }
  comm_sum_all(comm, total, 2 * s->k + 1);
  Wide all = {0, 0};
  for (int64_t c = 0; c < s->k; c++) {
    Wide one = ((Wide *)total)[c];
    all.high += one.high;
    all.low += one.low;
    out->cluster[c] = s->size[c] > 0 ? wide_value(&one, scale) / (double)s->size[c] : NAN;
  }
  out->mean = wide_value(&all, scale) / (double)out->rows;
  out->negative = total[2 * s->k];
done:
  memory_free(&total);
  return status;
}

Status silhouette_all(const Comm *comm, const Matrix *x, const int32_t *label, int64_t n_labels,
                      WorkSink *sink, double *value, Silhouette *out) {
  Status status = OK;
  Sorted s = {.d = x->d, .k = n_labels};
  *out = (Silhouette){.n_labels = n_labels, .mean = NAN};
  for (int64_t i = 0; i < x->rows.n; i++) value[i] = NAN;
  AGREE(comm, NEW(&out->cluster, n_labels));
  for (int64_t c = 0; c < n_labels; c++) out->cluster[c] = NAN;
  TRY(sort_all(comm, x, label, &s));
  for (int64_t c = 0; c < n_labels; c++) {
    out->rows += s.size[c];
    out->k += s.size[c] > 0;
  }
  if (out->k < 2) goto done;
  AGREE(comm, values_of(&s, x, label, sink, value));
  TRY(means_all(comm, &s, label, x->rows.n, value, out));
done:
  sorted_clear(&s);
  return status;
}

void silhouette_clear(Silhouette *silhouette) { memory_free(&silhouette->cluster); }

Status silhouette_ref(const Matrix *x, const int32_t *label, int64_t n_labels, double *value) {
  Status status = OK;
  double *sum = NULL, *size = NULL;
  TRY(NEW(&sum, n_labels));
  TRY(NEW(&size, n_labels));
  for (int64_t i = 0; i < x->rows.n; i++)
    if (label[i] >= 0) size[label[i]]++;
  for (int64_t i = 0; i < x->rows.n; i++) {
    double b = INFINITY;
    value[i] = NAN;
    if (label[i] < 0) continue;
    for (int64_t c = 0; c < n_labels; c++) sum[c] = 0;
    for (int64_t o = 0; o < x->rows.n; o++) {
      double squared = 0;
      for (int64_t j = 0; j < x->d; j++) {
        double off = matrix_column(x, j)[i] - matrix_column(x, j)[o];
        squared += off * off;
      }
      if (label[o] >= 0) sum[label[o]] += sqrt(squared);
    }
    for (int64_t c = 0; c < n_labels; c++)
      if (c != label[i] && size[c] > 0) b = fmin(b, sum[c] / size[c]);
    double a = sum[label[i]] / (size[label[i]] - 1);
    value[i] = size[label[i]] == 1 || fmax(a, b) == 0 ? 0 : (b - a) / fmax(a, b);
  }
done:
  memory_free(&sum);
  memory_free(&size);
  return status;
}
