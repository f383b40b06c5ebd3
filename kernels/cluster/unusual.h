/* What makes a row unusual: the columns in which it is furthest from the mean. */
#ifndef SEGUE_CLUSTER_UNUSUAL_H
#define SEGUE_CLUSTER_UNUSUAL_H

#include "kernels/numeric/matrix.h"

typedef struct Unusual {
  int64_t d;
  double *mean, *deviation; /* d, over all rows; a deviation of 0: a constant column */
} Unusual;

/* Collective; out is replicated, the caller clears it. Fails with MEMORY, agreed. */
CHECKED Status unusual_init_all(const Comm *comm, const Matrix *x, Unusual *out);
void unusual_clear(Unusual *unusual);

/* Standard deviations that local row i lies above the mean of column j; 0 where it is constant. */
double unusual_of(const Unusual *unusual, const Matrix *x, int64_t i, int64_t j);

/* The n columns in which row i is most extreme, the most extreme first, ties to the lower column;
 * columns: out, n numbers, -1 when there are fewer columns. Local. */
void unusual_columns(const Unusual *unusual, const Matrix *x, int64_t i, int64_t n,
                     int64_t *columns);

#endif
