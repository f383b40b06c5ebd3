/* What clusters are like; see traits.h. */
#include "traits.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/exact.h"
#include "kernels/numeric/fixed.h"

#define NAMED 0.5 /* standard deviations from which on a trait makes part of a name */
enum { NAMED_MOST = 3 };

void traits_clear(Traits *t) {
  memory_free(&t->size);
  memory_free(&t->mean);
  memory_free(&t->deviation);
  memory_free(&t->profile);
  memory_free(&t->spread);
  memory_free(&t->typical);
  *t = (Traits){0};
}

static Status begin(const Matrix *x, int64_t k, int64_t m, Traits *out) {
  Status status = OK;
  *out = (Traits){.k = k, .d = x->d, .m = m};
  TRY(NEW(&out->size, k));
  TRY(NEW(&out->mean, x->d));
  TRY(NEW(&out->deviation, x->d));
  TRY(NEW(&out->profile, k * x->d));
  TRY(NEW(&out->spread, k));
  TRY(NEW(&out->typical, k * m));
done:
  return status;
}

/* A column's mean and deviation over rows with a label. */
static void moments_all(const Comm *comm, const Matrix *x, const uint8_t *where, Traits *t) {
  for (int64_t j = 0; j < x->d; j++) {
    const double *column = matrix_column(x, j);
    double variance = 0, most[2] = {-INFINITY, -INFINITY};
    exact_moments_all(comm, column, where, x->rows.n, &t->rows, &t->mean[j], &variance);
    for (int64_t i = 0; i < x->rows.n; i++) {
      if (!where[i]) continue;
      most[0] = fmax(most[0], -column[i]);
      most[1] = fmax(most[1], column[i]);
    }
    comm_max_real_all(comm, most, 2);
    t->deviation[j] = -most[0] < most[1] ? sqrt(variance) : 0; /* a constant's may be a rounding */
  }
}

/* Value of row i in standard deviations from the mean. */
static inline double standard(const Traits *t, const Matrix *x, int64_t i, int64_t j) {
  return t->deviation[j] > 0 ? (matrix_column(x, j)[i] - t->mean[j]) / t->deviation[j] : 0;
}

static Status profiles_all(const Comm *comm, const Matrix *x, const int32_t *label, Traits *t) {
  Status status = OK;
  int64_t *total = NULL, pairs = t->k * t->d;
  /* A value can be sqrt(n) deviations off, at most. */
  double scale = fixed_scale(sqrt((double)x->rows.n_global + 1), WIDE_BITS);
  AGREE(comm, NEW(&total, 2 * pairs + t->k));
  Wide *sum = (Wide *)total;
  for (int64_t i = 0; i < x->rows.n; i++) {
    if (label[i] < 0) continue;
    total[2 * pairs + label[i]]++;
    for (int64_t j = 0; j < t->d; j++)
      wide_add(&sum[label[i] * t->d + j], standard(t, x, i, j), scale);
  }
  comm_sum_all(comm, total, 2 * pairs + t->k);
  memcpy(t->size, total + 2 * pairs, (size_t)t->k * sizeof *total);
  for (int64_t c = 0; c < t->k; c++)
    for (int64_t j = 0; j < t->d && t->size[c] > 0; j++)
      t->profile[c * t->d + j] = wide_value(&sum[c * t->d + j], scale) / (double)t->size[c];
done:
  memory_free(&total);
  return status;
}

typedef struct Near {
  double squared;
  int64_t row;
} Near;

/* Keep the m nearest, in order; row numbers rise from call to call within a rank. */
static void keep_near(Near *list, int64_t m, Near one) {
  for (int64_t p = 0; p < m; p++) {
    if (list[p].row >= 0 && !(one.squared < list[p].squared ||
                              (one.squared == list[p].squared && one.row < list[p].row)))
      continue;
    Near next = list[p];
    list[p] = one;
    one = next;
    if (one.row < 0) return;
  }
}

static Status typical_all(const Comm *comm, const Matrix *x, const int32_t *label, Traits *t) {
  Status status = OK;
  int64_t places = t->k * t->m, *spread = NULL;
  Near *mine = NULL, *all = NULL;
  double scale = fixed_scale(2 * (double)t->d * ((double)x->rows.n_global + 1), WIDE_BITS);
  Status local = NEW(&mine, places);
  if (local == OK) local = NEW(&all, places * comm->size);
  if (local == OK) local = NEW(&spread, 2 * t->k);
  AGREE(comm, local);
  for (int64_t p = 0; p < places; p++) mine[p].row = -1;
  for (int64_t i = 0; i < x->rows.n; i++) {
    double sum = 0;
    int64_t c = label[i];
    if (c < 0) continue;
    for (int64_t j = 0; j < t->d; j++) {
      double off = standard(t, x, i, j) - t->profile[c * t->d + j];
      sum += off * off;
    }
    wide_add((Wide *)spread + c, sum, scale);
    keep_near(mine + c * t->m, t->m, (Near){sum, x->rows.begin + i});
  }
  comm_sum_all(comm, spread, 2 * t->k);
  comm_allgather_all(comm, mine, (size_t)places * sizeof *mine, all);
  for (int64_t p = 0; p < places; p++) mine[p].row = -1;
  for (int64_t p = 0; p < places * comm->size; p++)
    if (all[p].row >= 0) keep_near(mine + p % places / t->m * t->m, t->m, all[p]);
  for (int64_t p = 0; p < places; p++) t->typical[p] = mine[p].row;
  for (int64_t c = 0; c < t->k && t->d > 0; c++)
    if (t->size[c] > 0)
      t->spread[c] = sqrt(wide_value((Wide *)spread + c, scale) / (double)t->size[c]);
done:
  memory_free(&mine);
  memory_free(&all);
  memory_free(&spread);
  return status;
}

Status traits_all(const Comm *comm, const Matrix *x, const int32_t *label, int64_t k, int64_t m,
                  Traits *out) {
  Status status = OK;
  uint8_t *where = NULL;
  Status local = begin(x, k, m, out);
  if (local == OK) local = NEW(&where, x->rows.n);
  AGREE(comm, local);
  for (int64_t i = 0; i < x->rows.n; i++) where[i] = label[i] >= 0;
  moments_all(comm, x, where, out);
  TRY(profiles_all(comm, x, label, out));
  TRY(typical_all(comm, x, label, out));
done:
  memory_free(&where);
  return status;
}

void traits_name(const Traits *t, int64_t c, char *const *names, char text[TRAITS_NAME]) {
  const double *profile = t->profile + c * t->d;
  int64_t taken[NAMED_MOST];
  size_t used = 0;
  snprintf(text, TRAITS_NAME, "average");
  for (int n = 0; n < NAMED_MOST; n++) {
    int64_t best = -1;
    for (int64_t j = 0; j < t->d; j++) {
      bool seen = false;
      for (int p = 0; p < n; p++) seen |= taken[p] == j;
      if (!seen && (best < 0 || fabs(profile[j]) > fabs(profile[best]))) best = j;
    }
    if (best < 0 || fabs(profile[best]) < NAMED) return;
    taken[n] = best;
    int more = snprintf(text + used, TRAITS_NAME - used, "%s%s %.40s", n ? ", " : "",
                        profile[best] > 0 ? "high" : "low", names[best]);
    used += (size_t)more;
  }
}
