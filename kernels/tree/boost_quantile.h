/* Exact weighted quantiles of many groups at once, over all ranks: the leaves of trees that
 * minimise absolute or quantile losses. */
#ifndef SEGUE_TREE_BOOST_QUANTILE_H
#define SEGUE_TREE_BOOST_QUANTILE_H

#include "kernels/base/comm.h"

/* This rank's items of all groups, group by group. The arrays are used up. */
typedef struct BoostItems {
  int64_t groups;
  const int64_t *begin; /* groups + 1 */
  uint64_t *key;        /* quantile_key of values */
  int64_t *weight;      /* positive; the sum over all ranks is below 2^53 */
} BoostItems;

/* The least value at which the weights of a group's values up to it reach alpha of the whole.
 *
 * Collective. alpha from 0 to 1; out: groups values, replicated; 0 for a group without items.
 * Fails with MEMORY, agreed. Quickselect with agreed pivots: about log2 of the largest group's
 * items rounds, each with two Allreduces of groups x 2 numbers. */
CHECKED Status boost_quantiles_all(const Comm *comm, const BoostItems *items, double alpha,
                                   double *out);

#endif
