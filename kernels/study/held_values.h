/* Out-of-fold predictions that are kept beside a bundle: what adjusts it (a calibration, a decision
 * threshold) on the same folds has no need to fit anything again. */
#ifndef SEGUE_STUDY_HELD_VALUES_H
#define SEGUE_STUDY_HELD_VALUES_H

#include "cross_validate.h"

/* More than this is not kept: every rank holds all of it. */
#define HELD_VALUES_BYTES (INT64_C(1) << 26)
enum { HELD_VALUES_KEY = 3 };

typedef struct HeldValues {
  int64_t key[HELD_VALUES_KEY]; /* of rows, split, folds and seed */
  int64_t n, width;             /* n 0: nothing is kept */
  int64_t *row;                 /* n rows of the table by their global numbers, ascending */
  double *value;                /* n x width, before any calibration; replicated */
} HeldValues;
void held_values_clear(HeldValues *held);

/* Keep what was found on folds.
 * role   of the split, by row of in->table
 * value  rows.n x width of the table; NaN in the first column: not known
 * Collective. out is empty when there is too much to keep. The caller clears it, also after a
 * failure. Fails with MEMORY, agreed. */
CHECKED Status held_values_keep_all(const Comm *comm, const FoldInputs *in, const uint8_t *role,
                                    const double *value, int64_t width, HeldValues *out);
/* The same array of this rank's rows again, when it was found on the same rows, split, folds and
 * seed; otherwise *value is NULL. Collective. Fails with MEMORY, agreed. */
CHECKED Status held_values_find_all(const Comm *comm, const FoldInputs *in, const uint8_t *role,
                                    const HeldValues *held, double **value);
/* Visit. Local. Nothing kept: no fields. */
CHECKED Status held_values_fields(HeldValues *held, Fields *fields);
/* Local. Fails with MEMORY. */
CHECKED Status held_values_copy(const HeldValues *from, HeldValues *out);

#endif
