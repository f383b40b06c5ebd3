/* How well one set of columns keeps the neighbours of another, as a map those of its rows. */
#ifndef SEGUE_NEIGHBORS_RECALL_H
#define SEGUE_NEIGHBORS_RECALL_H

#include "neighbors.h"

/* The share of each row's k nearest rows in x that are among its k nearest in map, over all rows;
 * min(k, n - 1) neighbours are taken; 1 for a single row.
 * Collective; x and map hold the same rows. recall: out, replicated. Fails as neighbors_new_all
 * does. */
CHECKED Status neighbors_recall_all(const Comm *comm, const Matrix *x, const Matrix *map, int64_t k,
                                    double *recall);

#endif
