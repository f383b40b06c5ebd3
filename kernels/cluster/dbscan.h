/* DBSCAN: clusters of any shape, and noise (Ester, Kriegel, Sander and Xu 1996).
 *
 * A row with at least min_samples rows within eps, itself among them, is a core row; cores within
 * eps of each other are in one cluster. Another row within eps of a core is a border row and joins
 * the cluster of the lowest such core (by row number), so that the result does not depend on any
 * order; the rest is noise. Exact, in O(n) memory: lists of neighbours are never kept. */
#ifndef SEGUE_CLUSTER_DBSCAN_H
#define SEGUE_CLUSTER_DBSCAN_H

#include "kernels/base/work.h"
#include "kernels/neighbors/neighbors.h"

typedef struct DbscanOptions {
  double eps; /* 0 or more; 0: only equal rows are neighbours */
  int64_t min_samples;
  NeighborsMetric metric;
} DbscanOptions;

typedef struct Dbscan {
  int32_t *label; /* this rank's rows: cluster 0, 1 ... in order of their lowest core; -1: noise */
  uint8_t *core;  /* this rank's rows */
  int64_t n_clusters; /* what follows is replicated */
  int64_t *size;      /* n_clusters: rows, borders among them */
  int64_t n_core, n_border, n_noise;
} Dbscan;

/* Cluster the rows of x.
 *
 * Collective.
 * x        this rank's rows
 * options  same on all ranks
 * sink     ticks and is asked to stop between the steps; NULL: nobody
 * out      the caller clears it, also after a failure
 * Fails with INVALID (min_samples below 1, eps negative, rows that cannot be measured), STOPPED,
 * MEMORY; agreed. Communicates the references once, and 4 bytes a row log2(ranks) times. */
CHECKED Status dbscan_all(const Comm *comm, const Matrix *x, const DbscanOptions *options,
                          WorkSink *sink, Dbscan *out);
void dbscan_clear(Dbscan *dbscan);

/* Distances of rows to their min_samples-th neighbour (themselves being the first), ascending: a
 * row is a core exactly when eps reaches its distance. */
enum { DBSCAN_CURVE = 513 };
typedef struct DbscanCurve {
  double distance[DBSCAN_CURVE]; /* quantiles i / (DBSCAN_CURVE - 1) over all rows */
  double eps;                    /* proposed: the knee */
} DbscanCurve;

/* Measure the curve and propose an eps: the knee between the 2nd and the 98th percentile, the point
 * that lies furthest below the chord (Satopaa et al. 2011), where distances begin to rise steeply.
 * Collective, out replicated. Fails as dbscan_all does, and with INVALID when there are not
 * min_samples rows. */
CHECKED Status dbscan_curve_all(const Comm *comm, const Matrix *x, const DbscanOptions *options,
                                DbscanCurve *out);

#endif
