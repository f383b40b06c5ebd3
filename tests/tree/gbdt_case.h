/* What tests of boosted trees share: options, and what both models of trees have to stand. */
#ifndef SEGUE_TESTS_TREE_GBDT_CASE_H
#define SEGUE_TESTS_TREE_GBDT_CASE_H

#include "kernels/tree/gbdt.h"
#include "tests/tree/fit_case.h"

static inline GbdtOptions defaults(void) {
  return (GbdtOptions){.trees = 8,
                       .learning_rate = 0.3,
                       .max_leaves = 15,
                       .max_depth = OPTION_NONE_INTEGER,
                       .l2 = 1,
                       .min_child_weight = 0.001,
                       .min_samples_leaf = 2,
                       .row_share = 1,
                       .feature_share = 1,
                       .bins = 255,
                       .early_stopping = OPTION_NONE_INTEGER,
                       .validation_share = 0.2};
}

#endif
