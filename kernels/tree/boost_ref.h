/* The plain grower of boosted trees: the rules of boost_grow.h by loops over rows, for tests. */
#ifndef SEGUE_TREE_BOOST_REF_H
#define SEGUE_TREE_BOOST_REF_H

#include "boost_grow.h"

/* Grow a tree on one rank as boost_grow_all does; leaves are 0. Local.
 * node: out, room for 2 x max_leaves - 1 nodes and a set for every second of them. Fails with
 * MEMORY. */
CHECKED Status boost_grow_ref(const BoostRows *rows, const BoostSample *sample,
                              const BoostLayout *layout, const BoostLimits *limits,
                              const BoostRules *rules, int64_t *node, int64_t *n_nodes);

#endif
