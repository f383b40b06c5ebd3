/* Grow one boosted tree over the rows of all ranks: histograms of whole numbers, joined, so that
 * the tree has the same bits on any number of ranks.
 *
 * Leaf by leaf, the one with the most to gain first (Shi 2007; LightGBM, Ke et al. 2017), or level
 * by level. A node's best split does not depend on the other nodes, so nodes that will probably be
 * split are looked at in one batch: all ranks build the histograms of the smaller children from
 * their own rows, each joins those of its share of the features, takes them from the parents' to
 * get the siblings', and searches; then the best splits are agreed on. A replay of the one-by-one
 * order decides which splits the tree has; the few that were looked at in vain are dropped.
 *
 * The rules that fix the tree, whatever the order of work: candidates and ties of a node as in
 * boost_split.h; the next node to split is the one with the largest gain (level by level: of the
 * upper level), ties to the one that came to be first, left before right. */
#ifndef SEGUE_TREE_BOOST_GROW_H
#define SEGUE_TREE_BOOST_GROW_H

#include "boost_split.h"

typedef struct BoostLimits {
  int64_t max_leaves; /* at least 1 */
  int64_t max_depth;  /* INT64_MAX: unlimited */
  bool depth_wise;
  int64_t apart;           /* so many ranks in a row count as a node; 0: as they are; for tests */
  int64_t histogram_bytes; /* memory for kept histograms, of a rank (but for three of them) */
} BoostLimits;

enum {
  BOOST_HISTOGRAM_BYTES = 1 << 29,
};

/* This rank's rows. Borrowed: have to outlive the grower. */
typedef struct BoostRows {
  int64_t n;            /* less than 2^31 */
  const Bins *bins;     /* the same on all ranks */
  const uint8_t *codes; /* n x bins_stride(d) */
} BoostRows;

typedef struct BoostLeaf {
  int64_t begin, end; /* this rank's rows, in BoostTree.row */
  int64_t node;       /* position in the tree */
  BoostSums sum;      /* over all ranks */
  double low, high;   /* bounds of the value in units of value_unit */
} BoostLeaf;

/* A grown tree; arrays belong to the grower and hold until it grows the next one. All but row,
 * begin and end are the same on all ranks. */
typedef struct BoostTree {
  int64_t n_nodes, n_leaves; /* words of node; leaves */
  int64_t *node;             /* see node.h; leaves are to be filled in */
  BoostLeaf *leaf;
  const int32_t *row;
  double *gain; /* d: gain by the splits on each feature, in the rules' units */
} BoostTree;

typedef struct BoostGrower BoostGrower;

/* All memory that a tree can need is taken here.
 * Collective; limits and layout same on all ranks. Fails with MEMORY, agreed. */
CHECKED Status boost_grower_new_all(const Comm *comm, const BoostRows *rows,
                                    const BoostLayout *layout, const BoostLimits *limits,
                                    BoostGrower **out);
/* Collective. Accepts a pointer to NULL (on all ranks). */
void boost_grower_free_all(BoostGrower **grower);

/* Leaves of a tree at most. Local. */
int64_t boost_grower_leaves(const BoostGrower *grower);

/* What one tree is grown on. Borrowed. */
typedef struct BoostSample {
  int64_t n; /* this rank's rows in the sample, and their numbers, ascending */
  const int32_t *row;
  const uint64_t *packed; /* rows.n x words */
  int64_t n_features;     /* looked at, and their numbers, ascending; same on all ranks */
  const int32_t *feature;
} BoostSample;

/* Collective. rules same on all ranks. For each batch of nodes: a sum of numbers of rows, where
 * hessians do not tell them; a reduce-scatter of the histograms, between nodes in two halves; a
 * gather of the best splits. */
void boost_grow_all(BoostGrower *grower, const BoostSample *sample, const BoostRules *rules,
                    BoostTree *out);

/* What the grower and the plain one of boost_ref.h share: gain of a split over its node, negative
 * when it is not worth it. Local. */
double boost_net_gain(const BoostLayout *layout, const BoostRules *rules, const BoostNode *node,
                      const BoostSplit *split);
/* Children of a split node: sums and bounds. Local. */
void boost_children(const BoostLayout *layout, const BoostRules *rules, const BoostNode *node,
                    const BoostSplit *split, BoostNode *left, BoostNode *right);

#endif
