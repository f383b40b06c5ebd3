/* Principal components: the directions in which rows differ most (Pearson 1901, Hotelling 1933).
 *
 * The covariance is summed exactly over blocks of rows, so it has the same bits on any number of
 * ranks; rank 0 takes it apart and hands the result on. */
#ifndef SEGUE_EMBED_PCA_H
#define SEGUE_EMBED_PCA_H

#include "kernels/base/fields.h"
#include "kernels/numeric/matrix.h"

typedef struct Pca {
  int64_t n;          /* rows that it was learned from */
  int64_t d, k;       /* columns, components; k <= d */
  double total;       /* variance of all columns together, also along components left out */
  double *mean;       /* d */
  double *components; /* k x d: unit vectors, the one of the largest variance first; the loading of
                         the largest magnitude (of equal ones the first) is positive */
  double *variance;   /* k, divisor n - 1; of one row all 0 */
} Pca;

/* Learn the first components.
 *
 * Collective.
 * x      this rank's rows; borrowed
 * k      components to keep, at most; above d means d; same on all ranks
 * share  keep as few as explain this share of the variance, at most k; 1: k
 * out    replicated; the caller clears it, also after a failure
 * Fails with INVALID (no row, no column), NUMERIC (a missing or infinite value),
 * MEMORY; agreed. Two exact Allreduces, of d and of d (d + 1) / 2 sums. */
CHECKED Status pca_fit_all(const Comm *comm, const Matrix *x, int64_t k, double share, Pca *out);

/* Coordinates of rows along the components: out is k columns of x->rows.n values, column c at
 * out[c]. Local; a row's result does not depend on the other rows; missing values give NaN. */
void pca_transform(const Pca *pca, const Matrix *x, double *const *out);

/* Visit what lasts; IN allocates. Local. */
CHECKED Status pca_fields(Pca *pca, Fields *fields);
void pca_clear(Pca *pca);

#endif
