/* A dendrogram: merges of clusters in the order of their heights, as SciPy's linkage matrix has
 * them. */
#ifndef SEGUE_CLUSTER_DENDROGRAM_H
#define SEGUE_CLUSTER_DENDROGRAM_H

#include <stdint.h>

#include "kernels/base/status.h"

/* Two clusters become one, each named by any of its rows. */
typedef struct Merge {
  double height;
  int64_t a, b;
} Merge;

/* Row m of the matrix: clusters left < right become cluster n + m. Clusters 0 .. n - 1 are rows. */
typedef struct Dendrogram {
  int64_t n;
  int64_t *left, *right, *size; /* n - 1; size: rows of the new cluster */
  double *height;               /* n - 1, ascending */
} Dendrogram;

/* From n - 1 merges, those of parts before those of what they are parts of; heights may fall by a
 * rounding (then they are taken as equal). Equal heights stay in order. merges is sorted in place.
 * Local. Fails with MEMORY; the caller clears out also then. */
CHECKED Status dendrogram_of(Merge *merges, int64_t n, Dendrogram *out);
void dendrogram_clear(Dendrogram *dendrogram);

/* How many clusters are left when all merges up to a height are made. Local. */
int64_t dendrogram_clusters(const Dendrogram *dendrogram, double height);
/* Labels of the rows when k clusters are left: 0 the largest (of equal ones that of the lowest
 * row). label: n. 1 <= k <= n. Local. Fails with MEMORY. */
CHECKED Status dendrogram_cut(const Dendrogram *dendrogram, int64_t k, int32_t *label);

/* Rows in an order in which no branches cross (left parts first), and the heights at which each and
 * the next are joined (0 for the last one). order, gap: n. Local. Fails with MEMORY. */
CHECKED Status dendrogram_order(const Dendrogram *dendrogram, int64_t *order, double *gap);
/* The lowest cluster that has at least `need` >= 1 of some rows. seen: 2 n - 1, how often each row
 * is one of them, then zeros; then how many each cluster up to the result has. The last cluster
 * when there are not so many. Local. */
int64_t dendrogram_branch(const Dendrogram *dendrogram, int64_t need, int32_t *seen);

#endif
