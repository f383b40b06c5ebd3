/* Agglomerative clustering of all rows by Ward's criterion (1963), exact, in memory that grows with
 * the rows alone.
 *
 * Rounds of reciprocal nearest neighbours: clusters that are each other's nearest are merged, all
 * such pairs at once, which Ward's criterion allows in any order (reducibility; Bruynooghe 1978,
 * Murtagh 1983; in parallel: Yu et al., VLDB 2022, "ParChain"). A cluster is its mean and its size.
 * Nearest clusters are found in a k-d tree of means with boxes and least sizes. */
#ifndef SEGUE_CLUSTER_WARD_H
#define SEGUE_CLUSTER_WARD_H

#include "dendrogram.h"
#include "kernels/base/work.h"
#include "kernels/numeric/matrix.h"

typedef struct WardCounts {
  int64_t distinct; /* rows that differ from all rows before */
  int64_t rounds, searches;
} WardCounts;

/* The whole tree.
 *
 * Collective.
 * x       this rank's rows, finite; borrowed. Every rank comes to hold all rows
 * sink    asked for a stop now and then; may be NULL
 * counts  out; may be NULL
 * out     replicated; height: square root of twice the growth of the sum of squares, as SciPy's;
 * equal rows are merged at height 0 first. The caller clears it, also after a failure Ranks share
 * the searches of a round; what they find depends on nothing but the rows, ties to the cluster of
 * the lowest row. Fails with INVALID (no row, no column), NUMERIC, MEMORY, STOPPED; agreed. */
CHECKED Status ward_all(const Comm *comm, const Matrix *x, WorkSink *sink, Dendrogram *out,
                        WardCounts *counts);

/* The same by looking for the nearest pair again and again; of a world of one rank, for tests. */
CHECKED Status ward_ref(const Matrix *x, Dendrogram *out);

#endif
