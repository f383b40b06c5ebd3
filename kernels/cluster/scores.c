/* Scores of clusterings; see scores.h. */
#include "scores.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"
#include "kernels/numeric/fixed.h"

/* ---- compact and apart ---- */

typedef struct Sums {
  int64_t k, d;
  int64_t *total;   /* 2 k d sums and k counts */
  double *mean;     /* k x d */
  double *distance; /* k: mean distance of a cluster's rows to its mean */
  double within;
} Sums;

static double squared_to(const Matrix *x, int64_t i, const double *mean) {
  double sum = 0;
  for (int64_t j = 0; j < x->d; j++) {
    double off = matrix_column(x, j)[i] - mean[j];
    sum += off * off;
  }
  return sum;
}

static void means_all(const Comm *comm, const Matrix *x, const int32_t *label, const double *scale,
                      Sums *s) {
  int64_t pairs = s->k * s->d;
  Wide *sum = (Wide *)s->total;
  for (int64_t i = 0; i < x->rows.n; i++) {
    if (label[i] < 0) continue;
    s->total[2 * pairs + label[i]]++;
    for (int64_t j = 0; j < s->d; j++)
      wide_add(&sum[label[i] * s->d + j], matrix_column(x, j)[i], scale[j]);
  }
  comm_sum_all(comm, s->total, 2 * pairs + s->k);
  for (int64_t c = 0; c < s->k; c++)
    for (int64_t j = 0; j < s->d && s->total[2 * pairs + c] > 0; j++)
      s->mean[c * s->d + j] =
          wide_value(&sum[c * s->d + j], scale[j]) / (double)s->total[2 * pairs + c];
}

/* Distances of rows to their means; farthest: squares are below it. */
static Status distances_all(const Comm *comm, const Matrix *x, const int32_t *label,
                            double farthest, Sums *s) {
  Status status = OK;
  int64_t *total = NULL;
  double root = fixed_scale(sqrt(farthest), WIDE_BITS), square = fixed_scale(farthest, WIDE_BITS);
  AGREE(comm, NEW(&total, 2 * s->k + 2));
  for (int64_t i = 0; i < x->rows.n; i++) {
    if (label[i] < 0) continue;
    double squared = squared_to(x, i, s->mean + label[i] * s->d);
    wide_add((Wide *)total + label[i], sqrt(squared), root);
    wide_add((Wide *)total + s->k, squared, square);
  }
  comm_sum_all(comm, total, 2 * s->k + 2);
  for (int64_t c = 0; c < s->k; c++) {
    int64_t size = s->total[2 * s->k * s->d + c];
    if (size > 0) s->distance[c] = wide_value((Wide *)total + c, root) / (double)size;
  }
  s->within = wide_value((Wide *)total + s->k, square);
done:
  memory_free(&total);
  return status;
}

static double between(const double *a, const double *b, int64_t d) {
  double sum = 0;
  for (int64_t j = 0; j < d; j++) sum += (a[j] - b[j]) * (a[j] - b[j]);
  return sum;
}

static double davies_bouldin(const Sums *s, const int64_t *size, int64_t k) {
  double sum = 0;
  for (int64_t c = 0; c < s->k; c++) {
    double worst = 0;
    for (int64_t o = 0; o < s->k; o++) {
      if (o == c || size[o] == 0) continue;
      double apart = sqrt(between(s->mean + c * s->d, s->mean + o * s->d, s->d));
      double ratio = (s->distance[c] + s->distance[o]) / apart;
      if (apart > 0 && ratio > worst) worst = ratio;
    }
    if (size[c] > 0) sum += worst;
  }
  return sum / (double)k;
}

static double calinski_harabasz(const Sums *s, const int64_t *size, int64_t k, int64_t rows,
                                const double *centre) {
  double sum = 0;
  for (int64_t c = 0; c < s->k; c++)
    sum += (double)size[c] * between(s->mean + c * s->d, centre, s->d);
  if (rows <= k) return NAN;
  return s->within > 0 ? sum / s->within * (double)(rows - k) / (double)(k - 1) : 1;
}

static Status begin(const Matrix *x, int64_t k, double **scale, double **centre, Sums *s) {
  Status status = OK;
  *s = (Sums){.k = k, .d = x->d};
  TRY(NEW(scale, x->d));
  TRY(NEW(centre, x->d));
  TRY(NEW(&s->total, 2 * k * x->d + k));
  TRY(NEW(&s->mean, k * x->d));
  TRY(NEW(&s->distance, k));
done:
  return status;
}

Status cluster_scores_all(const Comm *comm, const Matrix *x, const int32_t *label, int64_t n_labels,
                          ClusterScores *out) {
  Status status = OK;
  Sums s = {0};
  double *scale = NULL, *centre = NULL, farthest = 0;
  *out = (ClusterScores){.davies_bouldin = NAN, .calinski_harabasz = NAN};
  AGREE(comm, begin(x, n_labels, &scale, &centre, &s));
  for (int64_t j = 0; j < x->d; j++) {
    double most = 0;
    for (int64_t i = 0; i < x->rows.n; i++) most = fmax(most, fabs(matrix_column(x, j)[i]));
    comm_max_real_all(comm, &most, 1);
    scale[j] = fixed_scale(most, WIDE_BITS);
    farthest += 4 * most * most;
  }
  means_all(comm, x, label, scale, &s);
  TRY(distances_all(comm, x, label, farthest, &s));
  const int64_t *size = s.total + 2 * n_labels * x->d;
  for (int64_t c = 0; c < n_labels; c++) {
    out->k += size[c] > 0;
    out->rows += size[c];
  }
  out->within = s.within;
  if (out->k < 2) goto done;
  for (int64_t j = 0; j < x->d; j++) { /* the mean of all rows in clusters */
    Wide sum = {0, 0};
    for (int64_t c = 0; c < n_labels; c++) {
      sum.high += ((Wide *)s.total)[c * x->d + j].high;
      sum.low += ((Wide *)s.total)[c * x->d + j].low;
    }
    centre[j] = wide_value(&sum, scale[j]) / (double)out->rows;
  }
  out->davies_bouldin = davies_bouldin(&s, size, out->k);
  out->calinski_harabasz = calinski_harabasz(&s, size, out->k, out->rows, centre);
done:
  memory_free(&scale);
  memory_free(&centre);
  memory_free(&s.total);
  memory_free(&s.mean);
  memory_free(&s.distance);
  return status;
}

/* ---- agreement ---- */

static double entropy(const int64_t *count, int64_t n, double items) {
  double sum = 0;
  for (int64_t a = 0; a < n; a++)
    if (count[a] > 0) sum -= (double)count[a] / items * elementary_log((double)count[a] / items);
  return sum;
}

static double mutual(const int64_t *table, const int64_t *row, const int64_t *column, int64_t n_a,
                     int64_t n_b, double items) {
  double sum = 0;
  for (int64_t a = 0; a < n_a; a++) {
    for (int64_t b = 0; b < n_b; b++) {
      double both = (double)table[a * n_b + b];
      if (both > 0)
        sum += both / items * elementary_log(both / (double)row[a] * (items / (double)column[b]));
    }
  }
  return sum > 0 ? sum : 0;
}

/* Pairs of items that are together: sum of n^2, exact. */
static double adjusted_rand(const int64_t *table, const int64_t *row, const int64_t *column,
                            int64_t n_a, int64_t n_b, int64_t items) {
  __int128 both = 0, in_a = 0, in_b = 0, all = (__int128)items * items;
  for (int64_t p = 0; p < n_a * n_b; p++) both += (__int128)table[p] * table[p];
  for (int64_t a = 0; a < n_a; a++) in_a += (__int128)row[a] * row[a];
  for (int64_t b = 0; b < n_b; b++) in_b += (__int128)column[b] * column[b];
  double tp = (double)(both - items), fp = (double)(in_b - both), fn = (double)(in_a - both);
  double tn = (double)(all - in_a - in_b + both);
  if (fp == 0 && fn == 0) return 1;
  return 2 * (tp * tn - fn * fp) / ((tp + fn) * (fn + tn) + (tp + fp) * (fp + tn));
}

Status agreement_of(const int64_t *table, int64_t n_a, int64_t n_b, Agreement *out) {
  Status status = OK;
  int64_t *row = NULL, *column = NULL;
  *out = (Agreement){0, NAN, NAN};
  TRY(NEW(&row, n_a));
  TRY(NEW(&column, n_b));
  for (int64_t a = 0; a < n_a; a++) {
    for (int64_t b = 0; b < n_b; b++) {
      row[a] += table[a * n_b + b];
      column[b] += table[a * n_b + b];
      out->items += table[a * n_b + b];
    }
  }
  if (out->items == 0) goto done;
  double items = (double)out->items;
  double h_a = entropy(row, n_a, items), h_b = entropy(column, n_b, items);
  out->adjusted_rand = adjusted_rand(table, row, column, n_a, n_b, out->items);
  out->normalised_mi =
      h_a + h_b > 0 ? 2 * mutual(table, row, column, n_a, n_b, items) / (h_a + h_b) : 1;
done:
  memory_free(&row);
  memory_free(&column);
  return status;
}
