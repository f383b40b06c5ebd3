/* What is asked of a row before it is measured. */
#ifndef SEGUE_NEIGHBORS_MEASURE_ROW_H
#define SEGUE_NEIGHBORS_MEASURE_ROW_H

#include "kernels/numeric/pair_distance.h"
#include "neighbors.h"

/* Every value is finite; the row's length (COSINE: not 0; otherwise 1) into length. Local. Fails
 * with INVALID naming column and row. */
CHECKED Status row_check(const Matrix *x, int64_t i, NeighborsMetric metric, double *length);

#endif
