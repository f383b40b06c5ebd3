/* Out-of-fold predictions of a bundle's spec: what it predicts for rows that it was not fitted on,
 * as calibration and decision thresholds learn from. */
#ifndef SEGUE_STUDY_OUT_OF_FOLD_H
#define SEGUE_STUDY_OUT_OF_FOLD_H

#include "held_values.h"

typedef struct OutOfFold {
  Predicted predicted; /* the rows that a fold validates on and whose target is known, on the rank
                          that has them in the table; calibrated as the bundle is */
  int64_t *fold;       /* predicted.rows: the fold that validates the row */
  int64_t n_folds;
  bool found; /* they were kept beside the bundle: nothing was fitted */
} OutOfFold;
void out_of_fold_clear(OutOfFold *out);

/* Fit the spec on the training rows of every fold and predict its validation rows, where these
 * predictions were not kept; a stack as stack.h says. Of repeated folds the first repeat is used.
 *
 * Collective.
 * in      keep_predictions and packed are not looked at
 * role    of the split, by row of the table
 * bundle  fitted, as it will be served
 * held    what was kept beside it; may be empty
 * out     the caller clears it, also after a failure
 * Units go through sink in phases of their own.
 * Fails with INVALID, NUMERIC, MEMORY, STOPPED; agreed. */
CHECKED Status out_of_fold_all(const Comm *comm, const FoldInputs *in, const uint8_t *role,
                               const Bundle *bundle, const HeldValues *held, WorkSink *sink,
                               OutOfFold *out);

#endif
