/* Gradient boosted trees (Friedman 2001), with second-order gains (Chen and Guestrin 2016):
 * regression and classification.
 *
 * Data-parallel: every rank keeps its own rows, histograms are whole numbers joined over the ranks
 * (boost_grow.h), leaf values and raw values of rows are whole numbers of a unit that is a power of
 * two. The model is a function of (options, data, seed), whatever the number of ranks.
 *
 * Early stopping holds a share of the recordings back, measures the loss on them after every round,
 * and ends when `early_stopping` rounds brought nothing better; the model is cut back to the best
 * round (ties: the earlier). As in the well-known libraries that is the model: what was held back
 * stays unseen. With `refit` another one is fitted from nothing on all training rows, for exactly
 * the best number of rounds (not more in proportion to the rows).
 *
 * SHAP values (shap.h) are of the raw value: the target's for regressions, a logarithm for Poisson,
 * log-odds of the second of two classes, the score of a row's likeliest class with more. A node's
 * cover is the number of training rows of the round's sample that came there, each once, as in
 * LightGBM and scikit-learn (XGBoost sums second derivatives, which is the same for squared_error).
 */
#ifndef SEGUE_TREE_GBDT_H
#define SEGUE_TREE_GBDT_H

#include "boost_loss.h"
#include "ensemble.h"

typedef struct GbdtSlope {
  int64_t direction; /* -1, 0, 1 */
} GbdtSlope;

typedef struct GbdtOptions {
  int objective; /* 0: by the task; else 1 + BoostObjective */
  int64_t trees; /* rounds; softmax grows one tree for every class in each */
  double learning_rate;
  double alpha;                  /* of quantile */
  int growth;                    /* 0: leaf_wise, 1: depth_wise */
  int64_t max_leaves, max_depth; /* OPTION_NONE_INTEGER: unlimited */
  double l1, l2, min_child_weight, min_split_gain;
  int64_t min_samples_leaf;
  double row_share, feature_share;
  Map class_weight; /* of ClassWeight; see kernels/class_weight.h */
  double positive_weight;
  int64_t bins;
  int spread;             /* 0: auto, 1: rows, 2: trees */
  int64_t early_stopping; /* OPTION_NONE_INTEGER: never */
  double validation_share;
  bool refit;
  double cat_smooth, cat_l2; /* of features that are categories; see boost_split.h */
  int64_t max_cat_threshold, max_cat_to_onehot, min_data_per_group;
  Map monotone; /* of GbdtSlope, by feature */
  TextLists interactions;
  int64_t shap_rows;    /* explained for the report; 0: none */
  int64_t permutations; /* per feature; 0: no permutation importance */
} GbdtOptions;

typedef struct Gbdt {
  Task task;
  int64_t n_classes; /* classification */
  BoostLoss loss;
  Ensemble ensemble; /* tree t belongs to output t % loss.outputs */
} Gbdt;

extern const ModelKind gbdt_model;

#endif
