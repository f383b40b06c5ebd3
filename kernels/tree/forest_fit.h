/* Inside the forest: a fit under way, and what it has to say about itself. */
#ifndef SEGUE_TREE_FOREST_FIT_H
#define SEGUE_TREE_FOREST_FIT_H

#include "forest.h"
#include "grow_rows.h"
#include "samples.h"
#include "shap_report.h"

enum { FOREST_SAMPLE_ATTEMPTS = 64 }; /* samples that weigh too much are drawn anew */

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
  bool by_rows;             /* each tree on the rows of all ranks */
  Grower *grower;           /* trees on this rank */
  RowsGrower *rows_grower;  /* by_rows */
  int32_t *counts;          /* n_groups: times a recording is in the sample */
  int32_t *weight;          /* rows.n: times in the sample x row weight */
  uint8_t *bag;             /* bag_bytes: the sample being made */
  int64_t bag_bytes;        /* 0: no out-of-bag score */
  int64_t bag_bytes_global; /* of the recordings of all ranks, as units have them */
  PlacedTree *trees;
  int64_t node_capacity, cover_capacity, leaf_capacity; /* of the ensemble, while it is filled */
  uint8_t *in_bag;                                      /* trees x bag_bytes */
  int32_t *cover;      /* per node of the ensemble: weight of its rows; NULL unless for SHAP. Not
                          kept in the model, which would be half as large again. */
  int64_t *importance; /* d sums over trees, units of 2^-44 / trees */
} ForestFit;

/* What both ways of spreading share. All local.
 *
 * Streams: of a sample of recordings, and of what nodes look at. */
Stream forest_sample_stream(uint64_t seed, int64_t tree, int64_t attempt);
Stream forest_node_stream(uint64_t seed, int64_t tree);
/* The bitmap of a sample. */
void forest_fill_bag(const int32_t *counts, int64_t n_groups, int64_t bag_bytes, uint8_t *bag);
/* The failure after so many attempts. */
Status forest_sample_failed(int64_t tree, int64_t total, int64_t rows);
/* A unit's result, OUT; and in again, but for in_bag. */
CHECKED Status forest_tree_fields(const ForestFit *fit, GrownTree *tree, uint8_t *bag,
                                  int64_t bag_bytes, Fields *result);
CHECKED Status forest_place_tree(ForestFit *fit, int64_t unit, Fields *result);
void forest_add_importance(ForestFit *fit, const int64_t *importance);
/* Move placed trees into the ensemble, as far as all before them are there; their own arrays are
 * freed. Fails with MEMORY. */
CHECKED Status forest_join_trees(ForestFit *fit);
void forest_free_trees(ForestFit *fit);

/* Grow all trees one after the other, each on the rows of all ranks; fills trees, in_bag and
 * importance. Collective. Fails with MEMORY, NUMERIC, STOPPED, agreed. */
CHECKED Status forest_grow_rows_all(ForestFit *fit);

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
