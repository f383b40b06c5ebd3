/* Grouped folds of equal size; see encoding_folds.h.
 *
 * Rejected: dealing a random number times folds (folds of random size; few groups all in one), and
 * strata of the target, which balance folds that encodings do not need balanced: they are distances
 * from the mean of the fold's own complement. */
#include "encoding_folds.h"

#include <math.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/cuts.h"
#include "kernels/numeric/random.h"

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
  int64_t *stratum = NULL, units = 0;
  bool filled = true; /* a fold may be empty */
  Status local = NEW(&key, n);
  if (local == OK) local = NEW(&stratum, n);
  if (local == OK) local = NEW(&cuts, folds - 1);
  AGREE(fit->comm, local);
  random_keys(fit, row_id, n, key);
  CutKeys keys = {.begin = comm_exscan_all(fit->comm, n),
                  .n = n,
                  .key = key,
                  .stratum = stratum,
                  .n_strata = 1,
                  .group = fit->group,
                  .ties = fit->group != NULL};
  CutParts parts = {.n = folds, .first = NAN};
  TRY(cuts_find_all(fit->comm, &keys, &parts, cuts, &filled, &units));
  for (int64_t i = 0; i < n; i++) {
    fold[i] = 0;
    for (int64_t c = 0; c < folds - 1; c++) fold[i] += key[i] >= cuts[c];
  }
done:
  memory_free(&key);
  memory_free(&stratum);
  memory_free(&cuts);
  return status;
}
