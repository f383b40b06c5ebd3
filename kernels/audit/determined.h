/* How much of a target a single column tells: a column that tells nearly all of it is no finding
 * but a leak. */
#ifndef SEGUE_AUDIT_DETERMINED_H
#define SEGUE_AUDIT_DETERMINED_H

#include "kernels/numeric/matrix.h"

/* Rows with their targets: this rank's. Borrowed. */
typedef struct DeterminedRows {
  const Matrix *x;      /* NaN: a bin of its own */
  const double *target; /* x->rows.n: values, or class numbers; finite */
} DeterminedRows;

/* For each column: it is cut into bins of equal numbers of the rows `learned`; a bin predicts the
 * mean target, or the shares of classes (half a row of all rows' shares added), of its learned
 * rows; out is the share of what there is to know that this explains of the rows `judged`: R2, or
 * for classes the fall of the cross-entropy over the entropy (McFadden 1974). The rows differ so
 * that many bins of few rows do not seem to know what they have only remembered; below 0 they
 * mislead. n_classes  0: values bins       at most; fewer when learned has less than 5 rows for
 * each (classes: 20) out        x->d numbers, replicated; NaN when the judged target is constant
 * Collective; the same columns in both. Fails with MEMORY, agreed. Per column the rounds of
 * quantile.h and one exact Allreduce of the bins. */
CHECKED Status determined_all(const Comm *comm, const DeterminedRows *learned,
                              const DeterminedRows *judged, int64_t n_classes, int64_t bins,
                              double *out);

#endif
