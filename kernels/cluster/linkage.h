/* Agglomerative clustering by one of three linkages.
 *
 * Ward's needs memory that grows with the rows alone (ward.h). Complete linkage (the largest
 * distance between two clusters' rows) and average linkage (UPGMA: the mean of those distances)
 * have no such form for Euclidean distances: they keep the distances of all pairs of distinct rows,
 * spread over ranks, 4 bytes times the square of the rows in all: 3.6 GB for the 30,000 that are
 * possible. Rejected: the mean of squared distances, which has a centroid form; it is another tree
 * than the one that people know by the name of average linkage. */
#ifndef SEGUE_CLUSTER_LINKAGE_H
#define SEGUE_CLUSTER_LINKAGE_H

#include "dendrogram.h"
#include "kernels/base/work.h"
#include "kernels/numeric/matrix.h"

typedef enum Linkage { LINKAGE_WARD, LINKAGE_COMPLETE, LINKAGE_AVERAGE } Linkage;
extern const char *const linkage_words[]; /* "ward", "complete", "average", NULL */

enum { LINKAGE_MOST = 30000 }; /* distinct rows, but for Ward's */

typedef struct LinkageCounts {
  int64_t distinct; /* rows that differ from all rows before */
  int64_t bytes;    /* of distances, on all ranks together; 0 for Ward's */
} LinkageCounts;

/* The whole tree.
 *
 * Collective.
 * x       this rank's rows, finite; borrowed. Every rank comes to hold all rows
 * sink    asked for a stop now and then; may be NULL
 * counts  out, replicated; may be NULL
 * out     replicated; height: Euclidean distance of the clusters by that linkage, Ward's as
 * SciPy's. Equal rows are merged at height 0 first. The caller clears it, also after a failure
 * Complete and average: nearest-neighbour chains (Murtagh 1983) with Lance and Williams' updates,
 * each begun at the lowest cluster; of equally near clusters the chain's last one, then the lowest,
 * a merged cluster having the higher number of its two: the order of SciPy, so also tied rows that
 * differ give its tree. Fails with INVALID (no row, no column, more than LINKAGE_MOST distinct
 * rows), NUMERIC, MEMORY, STOPPED; agreed. A search communicates 32 bytes a rank, a merge a row of
 * distances. */
CHECKED Status linkage_all(const Comm *comm, const Matrix *x, Linkage linkage, WorkSink *sink,
                           Dendrogram *out, LinkageCounts *counts);

/* Complete and average linkage from all pairs of rows, again and again; of a world of one rank, for
 * tests. */
CHECKED Status linkage_ref(const Matrix *x, Linkage linkage, Dendrogram *out);

#endif
