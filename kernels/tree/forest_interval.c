/* Prediction intervals; see forest_interval.h. */
#include "forest_interval.h"

#include <math.h>

#include "boost_quantile.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/quantile.h"

enum { GROUPS_MOST = 20, GROUP_ROWS = 200 };

/* The last group that begins at or below the prediction. */
static int64_t group_of(const ForestInterval *interval, double prediction) {
  int64_t group = 0;
  while (group + 1 < interval->n && prediction >= interval->border[group + 1]) group++;
  return group;
}

static Status allocate(ForestInterval *out) {
  Status status = OK;
  TRY(NEW(&out->border, out->n));
  TRY(NEW(&out->low, out->n));
  TRY(NEW(&out->high, out->n));
done:
  return status;
}

/* Cut predictions into groups of equal numbers of rows. Collective. */
static Status find_borders_all(const Comm *comm, int64_t n, const double *prediction,
                               const uint8_t *known, ForestInterval *out) {
  Status status = OK;
  double q[GROUPS_MOST];
  for (int64_t k = 0; k < out->n; k++) q[k] = (double)k / (double)out->n;
  TRY(quantile_all(comm, prediction, known, n, q, out->n, out->border));
done:
  return status;
}

/* This rank's errors, group by group. */
typedef struct Errors {
  int64_t *begin, *weight;
  uint64_t *key;
} Errors;

static void errors_clear(Errors *e) {
  memory_free(&e->begin);
  memory_free(&e->weight);
  memory_free(&e->key);
}

static Status sort_errors(const ForestInterval *interval, int64_t n, const double *prediction,
                          const double *target, Errors *e) {
  Status status = OK;
  int64_t *next = NULL, groups = interval->n;
  TRY(NEW(&e->begin, groups + 1));
  TRY(NEW(&e->weight, n));
  TRY(NEW(&e->key, n));
  TRY(NEW(&next, groups));
  for (int64_t i = 0; i < n; i++) {
    if (!isnan(prediction[i])) e->begin[group_of(interval, prediction[i]) + 1]++;
  }
  for (int64_t g = 0; g < groups; g++) {
    e->begin[g + 1] += e->begin[g];
    next[g] = e->begin[g];
  }
  for (int64_t i = 0; i < n; i++) {
    if (isnan(prediction[i])) continue;
    int64_t at = next[group_of(interval, prediction[i])]++;
    e->key[at] = quantile_key(target[i] - prediction[i]);
    e->weight[at] = 1;
  }
done:
  memory_free(&next);
  return status;
}

Status forest_interval_all(const Comm *comm, double share, int64_t n, const double *prediction,
                           const double *target, ForestInterval *out) {
  Status status = OK;
  uint8_t *known = NULL;
  Errors errors = {0};
  int64_t rows = 0;
  AGREE(comm, NEW(&known, n));
  for (int64_t i = 0; i < n; i++) {
    known[i] = (uint8_t)!isnan(prediction[i]);
    rows += known[i];
  }
  rows = comm_sum_one_all(comm, rows);
  if (rows == 0) goto done;
  out->share = share;
  out->n = rows / GROUP_ROWS < 1 ? 1 : rows / GROUP_ROWS;
  if (out->n > GROUPS_MOST) out->n = GROUPS_MOST;
  AGREE(comm, allocate(out));
  TRY(find_borders_all(comm, n, prediction, known, out));
  double group = (double)(rows / out->n), above = fmin(1, (1 + share) / 2 * (1 + 1 / group));
  for (int side = 0; side < 2; side++) {
    AGREE(comm, sort_errors(out, n, prediction, target, &errors));
    BoostItems items = {out->n, errors.begin, errors.key, errors.weight};
    TRY(boost_quantiles_all(comm, &items, side ? above : 1 - above, side ? out->high : out->low));
    errors_clear(&errors);
  }
done:
  errors_clear(&errors);
  memory_free(&known);
  return status;
}

void forest_interval_of(const ForestInterval *interval, double prediction, double *low,
                        double *high) {
  int64_t group = group_of(interval, prediction);
  *low = prediction + interval->low[group];
  *high = prediction + interval->high[group];
}

Status forest_interval_fields(ForestInterval *interval, Fields *fields) {
  Status status = OK;
  if (!fields_has(fields, "interval/groups", interval->n > 0)) return OK;
  TRY(fields_integer(fields, "interval/groups", &interval->n));
  TRY(fields_real(fields, "interval/share", &interval->share));
  if (interval->n < 1 || interval->n > GROUPS_MOST) {
    return status_fail(FORMAT, "forest: intervals of %lld groups", (long long)interval->n);
  }
  TRY(fields_array(fields, "interval/border", FIELD_REAL, &interval->border, 1, &interval->n));
  TRY(fields_array(fields, "interval/low", FIELD_REAL, &interval->low, 1, &interval->n));
  TRY(fields_array(fields, "interval/high", FIELD_REAL, &interval->high, 1, &interval->n));
done:
  return status;
}

void forest_interval_clear(ForestInterval *interval) {
  memory_free(&interval->border);
  memory_free(&interval->low);
  memory_free(&interval->high);
}
