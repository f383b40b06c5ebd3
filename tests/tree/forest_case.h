/* What tests of the forest share: options, and what both models of trees have to stand. */
#ifndef SEGUE_TESTS_TREE_FOREST_CASE_H
#define SEGUE_TESTS_TREE_FOREST_CASE_H

#include "kernels/class_weight.h"
#include "kernels/tree/forest.h"
#include "tests/tree/fit_case.h"

static inline ForestOptions forest_defaults(void) {
  return (ForestOptions){.trees = 6,
                         .max_depth = OPTION_NONE_INTEGER,
                         .min_samples_leaf = 1,
                         .min_samples_split = 2,
                         .max_features = -1,
                         .max_leaf_nodes = OPTION_NONE_INTEGER,
                         .bootstrap = true,
                         .bins = 255,
                         .oob = true};
}

#endif
