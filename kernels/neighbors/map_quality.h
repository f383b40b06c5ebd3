/* How well a map keeps neighbours: whether what is near on it was near before, and the other way
 * round (Venna and Kaski 2001). Exact, over all rows. */
#ifndef SEGUE_NEIGHBORS_MAP_QUALITY_H
#define SEGUE_NEIGHBORS_MAP_QUALITY_H

#include "neighbors.h"

typedef struct MapQuality {
  int64_t k;     /* neighbours that were looked at */
  double recall; /* share of the rows' k nearest in x that are among their k nearest on the map */
  /* 1 less what strangers among neighbours on the map (trustworthiness), or neighbours that the map
   * lost (continuity), amount to, by how far beyond k they stand in the other space; 1 is perfect,
   * 0 as bad as can be. */
  double trustworthiness, continuity;
} MapQuality;

/* Collective.
 * x, map  the same rows of this rank: values, places
 * k       neighbours; (n - 1) / 2 at most, and 1 at least, are taken
 * sink    asked now and then whether to stop; may be NULL
 * out     replicated; 1 throughout for fewer than three rows
 * Fails as neighbors_new_all does, STOPPED; agreed. 8 k bytes a row. */
CHECKED Status map_quality_all(const Comm *comm, const Matrix *x, const Matrix *map, int64_t k,
                               WorkSink *sink, MapQuality *out);

#endif
