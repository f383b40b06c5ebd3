/* Learning a calibration from out-of-fold predictions, and saying honestly what it brings. */
#ifndef SEGUE_STUDY_RECALIBRATE_H
#define SEGUE_STUDY_RECALIBRATE_H

#include "kernels/calibrate/reliability.h"
#include "out_of_fold.h"

static inline CalibrationRows calibration_rows(const Predicted *predicted) {
  return (CalibrationRows){.n = predicted->rows.table.rows.n,
                           .n_classes = predicted->width,
                           .probability = predicted->value,
                           .truth = predicted->rows.target};
}

/* Calibrate each fold's rows by what the other folds' rows teach, so that what is measured on them
 * is not flattered by the map.
 *
 * Collective.
 * like    method and scale
 * value   out: rows x width; the caller frees it, also after a failure
 * Fails with INVALID when the rows without a fold are of one class, MEMORY; agreed. */
CHECKED Status recalibrate_by_folds_all(const Comm *comm, const OutOfFold *known,
                                        const Calibration *like, double **value);

#endif
