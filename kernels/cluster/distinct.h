/* All rows of a matrix that differ from those before, on every rank: what agglomerative clustering
 * begins with. Equal rows are merged at height 0 before anything else. */
#ifndef SEGUE_CLUSTER_DISTINCT_H
#define SEGUE_CLUSTER_DISTINCT_H

#include "dendrogram.h"
#include "kernels/numeric/matrix.h"

typedef struct Distinct {
  int64_t n, d;
  double *point;  /* n x d, in the order of rows; -0 is 0 */
  double *size;   /* n: rows that are equal to it, itself among them */
  int32_t *row;   /* n: the first of them, by its number among all rows */
  Merge *merges;  /* a place for each row; the first `merged` are those of equal rows */
  int64_t merged; /* n_global - n */
} Distinct;

/* Collective. out: replicated; the caller clears it, also after a failure. Fails with INVALID (no
 * row, no column, 2^31 rows), NUMERIC (a value is not finite), MEMORY; agreed. who begins messages.
 */
CHECKED Status distinct_all(const Comm *comm, const Matrix *x, const char *who, Distinct *out);
void distinct_clear(Distinct *distinct);

#endif
