/* Grouped folds that balance the target; see encoding_folds.h.
 *
 * Rejected: dealing a random number times folds (folds of random size, random means of the target),
 * and dealing sorted groups in turn (a global sort). */
#include "encoding_folds.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/cuts.h"
#include "kernels/numeric/groups.h"
#include "kernels/numeric/quantile.h"
#include "kernels/numeric/random.h"

enum { TENTHS = 10 };

static Status strata_of_values_all(const StepFit *fit, int64_t n, int64_t *stratum) {
  double q[TENTHS - 1], cuts[TENTHS - 1];
  for (int c = 0; c < TENTHS - 1; c++) q[c] = (c + 1.0) / TENTHS;
  Status status = quantile_all(fit->comm, fit->target, NULL, n, q, TENTHS - 1, cuts);
  if (status != OK) return status;
  for (int64_t i = 0; i < n; i++)
    for (int c = 0; c < TENTHS - 1; c++) stratum[i] += fit->target[i] > cuts[c];
  return OK;
}

static void random_keys(const StepFit *fit, const int64_t *row_id, int64_t n, double *key) {
  Stream stream = random_stream(fit->seed, "prepare/encoding_folds", (uint64_t)fit->position);
  for (int64_t i = 0; i < n; i++) {
    int64_t address = fit->group ? fit->group[i] : row_id[i];
    key[i] = random_uniform(&stream, (uint64_t)address, 0);
  }
}

Status encoding_folds_all(const StepFit *fit, const int64_t *row_id, int64_t n, int64_t folds,
                          int32_t *fold) {
  Status status = OK;
  double *key = NULL, *cuts = NULL;
  int64_t *stratum = NULL, strata = fit->n_classes > 0 ? fit->n_classes : TENTHS, units = 0;
  bool filled = true; /* a fold may be empty */
  Status local = NEW(&key, n);
  if (local == OK) local = NEW(&stratum, n);
  if (local == OK) local = NEW(&cuts, strata * (folds - 1));
  AGREE(fit->comm, local);
  if (fit->n_classes > 0) {
    for (int64_t i = 0; i < n; i++)
      stratum[i] = isnan(fit->target[i]) ? 0 : (int64_t)fit->target[i];
  } else {
    TRY(strata_of_values_all(fit, n, stratum));
  }
  if (fit->group) TRY(groups_extremes_all(fit->comm, fit->group, n, stratum, NULL));
  random_keys(fit, row_id, n, key);
  CutKeys keys = {.begin = comm_exscan_all(fit->comm, n),
                  .n = n,
                  .key = key,
                  .stratum = stratum,
                  .n_strata = strata,
                  .group = fit->group,
                  .ties = fit->group != NULL};
  CutParts parts = {.n = folds, .first = NAN};
  TRY(cuts_find_all(fit->comm, &keys, &parts, cuts, &filled, &units));
  for (int64_t i = 0; i < n; i++) {
    const double *own = cuts + stratum[i] * (folds - 1);
    int64_t passed = 0;
    for (int64_t c = 0; c < folds - 1; c++) passed += key[i] >= own[c];
    fold[i] = (int32_t)passed;
  }
done:
  memory_free(&key);
  memory_free(&stratum);
  memory_free(&cuts);
  return status;
}
