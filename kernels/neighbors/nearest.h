/* The nearest references by the squares that decide, before roots are taken, which may make two of
 * them equal. */
#ifndef SEGUE_NEIGHBORS_NEAREST_H
#define SEGUE_NEIGHBORS_NEAREST_H

#include "neighbors.h"

/* As neighbors_nearest, with the squares of pair_distance (of unit rows for cosine). squared may be
 * NULL. */
CHECKED Status nearest_squared(const Neighbors *index, const NeighborsQuery *query, int64_t k,
                               int32_t *row, double *squared);
/* Distances of the metric from n squares, in place. Local. */
void nearest_distances(NeighborsMetric metric, int64_t n, double *squared);

#endif
