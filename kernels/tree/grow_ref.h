/* The plain grower: the rules of grow.h by loops over all rows, features and bins, for tests. */
#ifndef SEGUE_TREE_GROW_REF_H
#define SEGUE_TREE_GROW_REF_H

#include "grow.h"

/* Grow a tree as grow_tree does. Local. The caller frees the arrays of out with
 * grow_tree_ref_clear, also after a failure. Fails with MEMORY. */
CHECKED Status grow_tree_ref(const GrowRows *rows, const GrowOptions *options,
                             const int32_t *weight, const Stream *nodes, GrownTree *out);
void grow_tree_ref_clear(GrownTree *tree);

#endif
