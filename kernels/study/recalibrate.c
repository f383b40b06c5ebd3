/* Calibration across folds; see recalibrate.h. */
#include "recalibrate.h"

#include <string.h>

#include "kernels/base/memory.h"

static Status begin(const OutOfFold *known, uint8_t **where, double **value) {
  Status status = OK;
  const Predicted *predicted = &known->predicted;
  int64_t n = predicted->rows.table.rows.n, size = n * predicted->width;
  TRY(NEW(where, n));
  TRY(NEW(value, size));
  if (size > 0) memcpy(*value, predicted->value, (size_t)size * sizeof **value);
done:
  return status;
}

/* Any rows of the fold, on any rank? */
static bool has_rows_all(const Comm *comm, const OutOfFold *known, int64_t fold) {
  bool any = false;
  for (int64_t i = 0; i < known->predicted.rows.table.rows.n; i++) any |= known->fold[i] == fold;
  return comm_any_all(comm, any);
}

Status recalibrate_by_folds_all(const Comm *comm, const OutOfFold *known, const Calibration *like,
                                double **value) {
  Status status = OK;
  uint8_t *where = NULL;
  const Predicted *predicted = &known->predicted;
  int64_t n = predicted->rows.table.rows.n, width = predicted->width;
  Calibration map = {0};
  AGREE(comm, begin(known, &where, value));
  for (int64_t f = 0; f < known->n_folds; f++) {
    if (!has_rows_all(comm, known, f)) continue;
    CalibrationRows rows = calibration_rows(predicted);
    map = (Calibration){.method = like->method, .scale = like->scale};
    for (int64_t i = 0; i < n; i++) where[i] = known->fold[i] != f;
    rows.where = where;
    status = calibration_fit_all(comm, &rows, &map);
    TRY(status_prefix(status, "without fold %lld of %lld: ", (long long)f + 1,
                      (long long)known->n_folds));
    for (int64_t i = 0; i < n; i++)
      if (!where[i]) calibration_apply(&map, 1, width, *value + i * width);
    calibration_clear(&map);
  }
done:
  calibration_clear(&map);
  memory_free(&where);
  return status;
}
