/* Inside the forest: a fit under way, and what it has to say about itself. */
#ifndef SEGUE_TREE_FOREST_FIT_H
#define SEGUE_TREE_FOREST_FIT_H

#include "forest.h"
#include "samples.h"
#include "shap_report.h"

/* One tree as it was made or found. */
typedef struct PlacedTree {
  int64_t n_nodes, n_leaf;
  int64_t *node;
  int32_t *cover; /* NULL unless rows are explained */
  uint16_t *leaf_class;
  int32_t *leaf_share;
} PlacedTree;

typedef struct ForestFit {
  const Comm *comm;
  const TrainingData *data;
  const ForestOptions *options;
  WorkSink *sink;
  Forest *forest;
  Samples samples;
  Grower *grower;
  int32_t *counts;   /* n_groups: times a recording is in the sample */
  int32_t *weight;   /* rows.n: times in the sample x row weight */
  uint8_t *bag;      /* bag_bytes: the sample being made */
  int64_t bag_bytes; /* 0: no out-of-bag score */
  PlacedTree *trees;
  uint8_t *in_bag;     /* trees x bag_bytes */
  int32_t *cover;      /* per node of the ensemble: weight of its rows; NULL unless for SHAP. Not
                          kept in the model, which would be half as large again. */
  int64_t *importance; /* d sums over trees, units of 2^-44 / trees */
} ForestFit;

/* Fit a forest; a ModelKind's fit_all. */
CHECKED Status forest_fit_all(const Comm *comm, const TrainingData *data, const void *options,
                              WorkSink *sink, void **model, Summary *summary);

/* Size, out-of-bag score and importance of the grown forest, into summary.
 * Collective. Fails with MEMORY, STOPPED, agreed. */
CHECKED Status forest_report_all(const ForestFit *fit, Summary *summary);
/* The forest's trees for shap.h: outputs are the value, the probability of the second class, or
 * those of all classes; with more than two classes they add up to a prediction within 2^-29, since
 * shares are rounded. Local; borrows both. */
ShapTrees forest_shap_trees(const Forest *forest, const int32_t *cover);
/* Means of magnitudes of SHAP values over options->shap_rows rows, into summary.
 * Collective. Fails with MEMORY, STOPPED, agreed. One Allreduce of d sums. */
CHECKED Status forest_shap_all(const ForestFit *fit, Summary *summary);

#endif
