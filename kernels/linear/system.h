/* The least squares problem of a linear model, reduced to a small triangle.
 *
 * Columns are centred and scaled (design.h), a column of ones stands in front, rows are multiplied
 * by the root of their weight, and R is the triangular factor of [1 X y]. All that a linear model
 * needs is in R: it is as if the data had d + 2 rows.
 *
 * R comes from the products of columns (gram.h) where their reciprocal condition number is at least
 * 1e-5 and the features leave at least that share of the target's square; else, as where features
 * tell each other or the target, from reflections of the rows themselves (tall.h). The rule looks
 * at agreed numbers alone. */
#ifndef SEGUE_LINEAR_SYSTEM_H
#define SEGUE_LINEAR_SYSTEM_H

#include "design.h"

typedef struct LinearSystem {
  int64_t d, n;   /* features, rows over all ranks */
  double weight;  /* of all rows */
  bool reflected; /* R came from the rows, not from products */
  /* d + 1, the last for the target: the columns of R are (x - centre) / scale. */
  double *centre, *scale;
  /* (d + 1) x (d + 1), column-major, upper triangular: R without its first row and column, which
   * is the factor of columns centred at their weighted means. Column d is the target. */
  double *factor;
  double *offset; /* d + 1: the weighted means of the scaled columns */
  double *norm;   /* d + 1: lengths of the factor's columns; 0: a constant column */
} LinearSystem;

/* Reduce the rows of a design.
 *
 * Collective. Replicated. The caller clears out, also after a failure. Fails with MEMORY; agreed.
 */
CHECKED Status linear_system_all(const Comm *comm, const Design *design, LinearSystem *out);
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
