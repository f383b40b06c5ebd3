/* Neighbours where a copy of all rows is too much for a node: rows stay on their ranks, and
 * references come in parts, one after the other, to every node.
 *
 * A part is a run of global row numbers; it is indexed as neighbors_new_all does it (its rows are
 * broadcast by their ranks to the nodes), searched, and given up before the next one comes. What
 * was found in it is joined with what was found before by (distance, row), so that the results are
 * those of one index of all rows, the same bits whatever the number of parts and of ranks. */
#ifndef SEGUE_NEIGHBORS_PARTITIONED_H
#define SEGUE_NEIGHBORS_PARTITIONED_H

#include "neighbors.h"

/* Among what to look. */
typedef struct NeighborsAmong {
  const Matrix *x;      /* this rank's rows */
  const uint8_t *where; /* as in neighbors_new_all */
  NeighborsMetric metric;
  int64_t parts;  /* 0: neighbors_parts_all chooses; 1: one index of all */
  WorkSink *sink; /* told of parts that are done, asked whether to stop; may be NULL */
} NeighborsAmong;

/* The rule: as many parts as keep an index, with what its making takes, within a quarter of the
 * memory of the smallest node. Collective. */
int64_t neighbors_parts_all(const Comm *comm, const Matrix *x);

/* As neighbors_nearest, but collective: each rank with queries of its own (query->x may be
 * among->x). row, distance: out, query->n x k, distance may be NULL; 24 k bytes a query beside
 * them. Fails with INVALID, STOPPED, MEMORY; agreed. */
CHECKED Status neighbors_nearest_all(const Comm *comm, const NeighborsAmong *among,
                                     const NeighborsQuery *query, int64_t k, int32_t *row,
                                     double *distance);

/* As neighbors_count, but collective. Fails with INVALID, STOPPED, MEMORY; agreed. */
CHECKED Status neighbors_count_all(const Comm *comm, const NeighborsAmong *among,
                                   const NeighborsQuery *query, double radius, int64_t limit,
                                   int64_t *count);

#endif
