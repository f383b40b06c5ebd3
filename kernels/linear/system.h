/* The least squares problem of a linear model, reduced to a small triangle.
 *
 * Columns are centred and scaled (for the sake of digits), a column of ones stands in front, rows
 * are multiplied by the root of their weight, and tall.h takes the triangular factor R of
 * [1 X y]. All that a linear model needs is in R: it is as if the data had d + 2 rows. */
#ifndef SEGUE_LINEAR_SYSTEM_H
#define SEGUE_LINEAR_SYSTEM_H

#include "kernels/model.h"

typedef struct LinearSystem {
  int64_t d, n;  /* features, rows over all ranks */
  double weight; /* of all rows */
  /* d + 1, the last for the target: the columns of R are (x - centre) / scale. */
  double *centre, *scale;
  /* (d + 1) x (d + 1), column-major, upper triangular: R without its first row and column, which
   * is the factor of columns centred at their weighted means. Column d is the target. */
  double *factor;
  double *offset; /* d + 1: the weighted means of the scaled columns */
  double *norm;   /* d + 1: lengths of the factor's columns; 0: a constant column */
} LinearSystem;

/* Reduce the training rows.
 *
 * Collective. who begins messages ("linear"). Replicated. The caller clears out, also after a
 * failure. Fails with NUMERIC (a missing or infinite value; the message names the feature and the
 * fix), INVALID (no feature or row), MEMORY; agreed. */
CHECKED Status linear_system_all(const Comm *comm, const TrainingData *data, const char *who,
                                 LinearSystem *out);
void linear_system_clear(LinearSystem *system);

/* The features that neither the intercept nor features before them already tell: out of a linear
 * combination the last one is left out.
 * active  out: d numbers, ascending, of which the first k are set
 * Local. Fails with MEMORY. */
CHECKED Status linear_system_independent(const LinearSystem *system, int64_t *active, int64_t *k);
/* A note on each feature that is not among the k active ones, and why. Local; fails with MEMORY. */
CHECKED Status linear_system_report_rest(const LinearSystem *system, const int64_t *active,
                                         int64_t k, char **names, Summary *summary);

/* From coefficients of scaled columns (d) to those of the features as they are, and the intercept.
 * Local; coefficients may be the same array as scaled. */
void linear_system_unscale(const LinearSystem *system, const double *scaled, double *coefficients,
                           double *intercept);
/* Standard deviation of feature j (d: of the target) over the weighted rows. Local. */
double linear_system_deviation(const LinearSystem *system, int64_t j);

#endif
