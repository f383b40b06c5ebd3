/* The nearest of many weighted means by Ward's distance; see ward.h. */
#ifndef SEGUE_CLUSTER_WARD_SEARCH_H
#define SEGUE_CLUSTER_WARD_SEARCH_H

#include "kernels/base/status.h"

#include <stdbool.h>
#include <stdint.h>

/* Active clusters, by slot. */
typedef struct WardClusters {
  int64_t d, slots;
  double *mean; /* slots x d */
  double *size; /* slots; 0: merged into another slot */
} WardClusters;

typedef struct WardTree WardTree;

/* A tree of the active clusters at[0 .. n - 1]. Local. Fails with MEMORY. */
CHECKED Status ward_tree_new(const WardClusters *clusters, const int32_t *at, int64_t n,
                             WardTree **out);
void ward_tree_free(WardTree **tree);
/* The cluster in a slot is no longer what the tree holds. Local. */
void ward_tree_remove(WardTree *tree, int64_t slot);

/* Half of the squared Ward distance: |A| |B| / (|A| + |B|) times the squared distance of the means.
 * Symmetric, bit by bit. */
double ward_distance(const WardClusters *clusters, int64_t a, int64_t b);

/* The nearest cluster to the one in `slot`, of equally near ones the lowest slot, among the tree's
 * and `others` (n_others slots that the tree does not hold). distance: out, as ward_distance.
 * Returns -1 when there is no other. Local. */
int64_t ward_nearest(const WardTree *tree, const WardClusters *clusters, const int32_t *others,
                     int64_t n_others, int64_t slot, double *distance);

#endif
