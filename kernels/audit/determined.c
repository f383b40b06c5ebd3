/* Bins of a column against the target; see determined.h. Counts are integers and sums exact, so the
 * number of ranks cannot be seen. */
#include "determined.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"
#include "kernels/numeric/exact.h"
#include "kernels/numeric/quantile.h"

typedef struct Bins {
  int64_t n;    /* bins of values; bin n holds missing ones */
  double *cuts; /* n - 1, ascending */
} Bins;

/* The number of cuts at or below a value. */
static int64_t bin_of(const Bins *bins, double value) {
  int64_t low = 0, high = bins->n - 1;
  if (isnan(value)) return bins->n;
  while (low < high) {
    int64_t middle = (low + high) / 2;
    if (bins->cuts[middle] <= value)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

static int64_t drop_equal(double *cuts, int64_t n) {
  int64_t kept = 0;
  for (int64_t k = 0; k < n; k++)
    if (!isnan(cuts[k]) && (kept == 0 || cuts[k] > cuts[kept - 1])) cuts[kept++] = cuts[k];
  return kept;
}

/* cuts: room for most - 1. */
static Status find_cuts_all(const Comm *comm, const double *values, int64_t n, int64_t most,
                            double *cuts, Bins *bins) {
  Status status = OK;
  double *sorted = NULL;
  int64_t *wanted = NULL, valid = 0;
  Status local = NEW(&sorted, n);
  if (local == OK) local = NEW(&wanted, most);
  if (local == OK && n > 0) memcpy(sorted, values, (size_t)n * sizeof *sorted);
  if (local == OK) local = quantile_sort(sorted, n, &valid);
  AGREE(comm, local);
  int64_t n_global = comm_sum_one_all(comm, valid);
  for (int64_t k = 1; k < most; k++) wanted[k - 1] = n_global * k / most;
  TRY(quantile_order_statistics_all(comm, (const double *const[]){sorted}, &valid, 1, most - 1,
                                    wanted, cuts));
  *bins = (Bins){.n = drop_equal(cuts, most - 1) + 1, .cuts = cuts};
done:
  memory_free(&sorted);
  memory_free(&wanted);
  return status;
}

/* ---- values ---- */

/* Of a bin: learned sum, judged sum, judged sum of squares. */
enum { LEARNED_SUM, JUDGED_SUM, JUDGED_SQUARES, SUMS };

typedef struct ValueBins {
  Exact *sums;    /* bins x SUMS */
  int64_t *count; /* bins x 2: learned, judged */
} ValueBins;

static void add_values(const DeterminedRows *rows, int64_t j, const Bins *bins, bool judged,
                       ValueBins *out) {
  const double *values = matrix_column(rows->x, j);
  for (int64_t i = 0; i < rows->x->rows.n; i++) {
    int64_t b = bin_of(bins, values[i]);
    double y = rows->target[i];
    exact_add(&out->sums[b * SUMS + (judged ? JUDGED_SUM : LEARNED_SUM)], y);
    if (judged) exact_add_product(&out->sums[b * SUMS + JUDGED_SQUARES], y, y);
    out->count[2 * b + judged]++;
  }
}

/* 1 - squared errors of the bins' means over those of the mean of all judged rows. */
static double explained_variance(const ValueBins *v, int64_t bins) {
  double learned = 0, judged = 0, sum = 0, judged_sum = 0, squares = 0, errors = 0;
  for (int64_t b = 0; b < bins; b++) {
    learned += (double)v->count[2 * b];
    judged += (double)v->count[2 * b + 1];
    sum += exact_round(&v->sums[b * SUMS + LEARNED_SUM]);
    judged_sum += exact_round(&v->sums[b * SUMS + JUDGED_SUM]);
    squares += exact_round(&v->sums[b * SUMS + JUDGED_SQUARES]);
  }
  if (judged == 0 || learned == 0) return NAN;
  for (int64_t b = 0; b < bins; b++) {
    double n = (double)v->count[2 * b], own = exact_round(&v->sums[b * SUMS + LEARNED_SUM]);
    double mean = n > 0 ? own / n : sum / learned;
    errors += exact_round(&v->sums[b * SUMS + JUDGED_SQUARES]) -
              2 * mean * exact_round(&v->sums[b * SUMS + JUDGED_SUM]) +
              mean * mean * (double)v->count[2 * b + 1];
  }
  double total = squares - judged_sum * judged_sum / judged;
  return total > 1e-12 * squares ? 1 - errors / total : NAN;
}

static Status value_column_all(const Comm *comm, const DeterminedRows *learned,
                               const DeterminedRows *judged, int64_t j, const Bins *bins,
                               double *out) {
  Status status = OK;
  ValueBins v = {0};
  int64_t n = bins->n + 1;
  Status local = NEW(&v.sums, n * SUMS);
  if (local == OK) local = NEW(&v.count, 2 * n);
  AGREE(comm, local);
  for (int64_t k = 0; k < n * SUMS; k++) exact_init(&v.sums[k]);
  add_values(learned, j, bins, false, &v);
  add_values(judged, j, bins, true, &v);
  exact_join_all(comm, v.sums, n * SUMS);
  comm_sum_all(comm, v.count, 2 * n);
  *out = explained_variance(&v, n);
done:
  memory_free(&v.sums);
  memory_free(&v.count);
  return status;
}

/* ---- classes ---- */

static void add_classes(const DeterminedRows *rows, int64_t j, const Bins *bins, int64_t classes,
                        int64_t *count) {
  const double *values = matrix_column(rows->x, j);
  for (int64_t i = 0; i < rows->x->rows.n; i++)
    count[bin_of(bins, values[i]) * classes + (int64_t)rows->target[i]]++;
}

/* count: bins x classes, of the learned rows and then of the judged ones; prior: classes. */
static double explained_information(const int64_t *count, int64_t bins, int64_t classes,
                                    double *prior) {
  const double half = 0.5;
  const int64_t *judged = count + bins * classes;
  double entropy = 0, cross = 0, rows = 0;
  for (int64_t c = 0; c < classes; c++) {
    prior[c] = 1.0 / (double)classes;
    for (int64_t b = 0; b < bins; b++) prior[c] += (double)count[b * classes + c];
    rows += prior[c];
  }
  for (int64_t c = 0; c < classes; c++) prior[c] /= rows;
  for (int64_t b = 0; b < bins; b++) {
    double own = half;
    for (int64_t c = 0; c < classes; c++) own += (double)count[b * classes + c];
    for (int64_t c = 0; c < classes; c++) {
      double n = (double)judged[b * classes + c];
      if (n == 0) continue;
      entropy -= n * elementary_log(prior[c]);
      cross -= n * elementary_log(((double)count[b * classes + c] + half * prior[c]) / own);
    }
  }
  return entropy > 0 ? 1 - cross / entropy : NAN;
}

static Status class_column_all(const Comm *comm, const DeterminedRows *learned,
                               const DeterminedRows *judged, int64_t j, const Bins *bins,
                               int64_t classes, double *out) {
  Status status = OK;
  int64_t n = (bins->n + 1) * classes, *count = NULL;
  double *prior = NULL;
  Status local = NEW(&count, 2 * n);
  if (local == OK) local = NEW(&prior, classes);
  AGREE(comm, local);
  add_classes(learned, j, bins, classes, count);
  add_classes(judged, j, bins, classes, count + n);
  comm_sum_all(comm, count, 2 * n);
  *out = explained_information(count, bins->n + 1, classes, prior);
done:
  memory_free(&count);
  memory_free(&prior);
  return status;
}

Status determined_all(const Comm *comm, const DeterminedRows *learned, const DeterminedRows *judged,
                      int64_t n_classes, int64_t bins, double *out) {
  enum { ROWS_A_BIN = 5, CLASS_ROWS_A_BIN = 20 };
  Status status = OK;
  double *cuts = NULL;
  int64_t most = learned->x->rows.n_global / (n_classes > 0 ? CLASS_ROWS_A_BIN : ROWS_A_BIN);
  if (most > bins) most = bins;
  if (most < 2) most = 2;
  AGREE(comm, NEW(&cuts, most));
  for (int64_t j = 0; j < learned->x->d; j++) {
    Bins own;
    TRY(find_cuts_all(comm, matrix_column(learned->x, j), learned->x->rows.n, most, cuts, &own));
    if (n_classes > 0)
      TRY(class_column_all(comm, learned, judged, j, &own, n_classes, &out[j]));
    else
      TRY(value_column_all(comm, learned, judged, j, &own, &out[j]));
  }
done:
  memory_free(&cuts);
  return status;
}
