/* The random forest: regression and classification (Breiman 2001).
 *
 * Trees are units of work. They are spread over the ranks in one of two ways, with the same bits:
 * each on one rank, on binned rows that stand once in each node's memory; or each on all ranks, of
 * which every one keeps its own rows (grow_rows.h). Where `spread` does not say it, trees are grown
 * by rows when the rows and nodes of one tree would take more than FOREST_RANK_BYTES of a rank, or
 * when there are at least FOREST_ROWS rows and fewer than two trees for a rank. A tree is a
 * function of (seed, number of the tree, data): its sample of recordings and the features that a
 * node looks at are addressed, not drawn in sequence. Predictions are sums of whole numbers, so
 * they have the same bits for one row or many, on any number of ranks. */
#ifndef SEGUE_TREE_FOREST_H
#define SEGUE_TREE_FOREST_H

#include "ensemble.h"
#include "kernels/model.h"

typedef enum ForestSpread { FOREST_SPREAD_AUTO, FOREST_SPREAD_TREES, FOREST_SPREAD_ROWS } ForestSpread;

enum {
  FOREST_RANK_BYTES = INT32_MAX, /* of a replicated forest */
  FOREST_NODE_BYTES = 96,        /* that a row's nodes take while a tree is grown */
  FOREST_ROWS = 100000
};

typedef struct ForestOptions {
  int64_t trees;
  int64_t max_depth; /* OPTION_NONE_INTEGER: unlimited */
  int64_t min_samples_leaf, min_samples_split;
  double min_impurity_decrease;
  int64_t max_leaf_nodes; /* OPTION_NONE_INTEGER: unlimited */
  double max_features;    /* a share, or -(1 + a word's number) */
  Map class_weight;       /* of ClassWeight; see kernels/class_weight.h */
  double positive_weight;
  bool extremely_randomised;
  bool bootstrap;
  int64_t bins;
  bool oob;
  double interval;      /* share of the targets within prediction intervals; NaN or 0: none */
  int64_t shap_rows;    /* explained for the report; 0: none */
  int64_t permutations; /* per feature; 0: no permutation importance */
  int spread;           /* ForestSpread */
} ForestOptions;

/* Errors by group of predictions; see forest_interval.h. n 0: no intervals. */
typedef struct ForestInterval {
  double share; /* of targets to be within */
  int64_t n;
  double *border;     /* n: least prediction of each group; the first one takes all below, too */
  double *low, *high; /* n: quantiles of target - prediction */
} ForestInterval;

typedef struct Forest {
  Task task;
  int64_t n_classes;
  double base, unit; /* target = base + unit x level */
  int64_t bits;
  Ensemble ensemble;
  ForestInterval interval;
} Forest;

extern const ModelKind forest_model;

/* Is each tree grown on all ranks? Local. */
bool forest_by_rows(const ForestOptions *options, int64_t rows, int64_t d, int ranks);

/* Features looked at in a node, 1 .. d. Local. */
int64_t forest_features(double max_features, Task task, int64_t d);

/* What row sums mean. Local.
 * sums  regression: one sum of leaf values; classification: see forest_width sums
 * out   1 value, or n_classes probabilities */
void forest_finish(const Forest *forest, const int64_t *sums, int64_t n_trees, double *out);
/* Sums that a row needs: 1 (regression, up to two classes) or n_classes. Local. */
static inline int64_t forest_width(const Forest *forest) {
  return forest->task == TASK_CLASSIFICATION && forest->n_classes > 2 ? forest->n_classes : 1;
}
/* Values that a row gets: 1 or n_classes. Local. */
static inline int64_t forest_outputs(const Forest *forest) {
  return forest->task == TASK_CLASSIFICATION ? forest->n_classes : 1;
}
/* Add one tree's leaf value to a row's sums. Local. */
static inline void forest_add(const Forest *forest, int64_t tree, int32_t value, int64_t *sums) {
  if (forest_width(forest) == 1) {
    sums[0] += value;
  } else {
    ensemble_add_shares(&forest->ensemble, tree, value, sums);
  }
}

#endif
