/* What growing on one rank (grow.c) and over the rows of all ranks (grow_rows.c) share. All local.
 */
#ifndef SEGUE_TREE_GROW_PARTS_H
#define SEGUE_TREE_GROW_PARTS_H

#include "split.h"

/* Sums over a sample. */
typedef struct GrowSums {
  int64_t weight;
  int64_t sum;      /* of weights x levels; 0 with more than two classes */
  __int128 squares; /* of weights x levels squared; the same */
} GrowSums;

/* Collect the rows of positive weight into s->record; returns their number. */
int64_t grow_load(const Splitter *s, const int32_t *weight, GrowSums *out);

/* Impurity times weight: of levels; of classes, from the sum of their squared weights. */
static inline double grow_impurity(const GrowSums *sums) {
  __int128 spread = sums->squares * sums->weight - (__int128)sums->sum * sums->sum;
  return (double)spread / (double)sums->weight;
}
static inline double grow_class_impurity(int64_t squares, int64_t weight) {
  return (double)weight - (double)squares / (double)weight;
}

/* Move the records that go left to the front of begin .. end - 1; returns where the others begin.
 * set: of a node that splits categories. */
int64_t grow_partition(const Splitter *s, int64_t begin, int64_t end, int64_t node,
                       const int64_t *set);

/* May no split of such a node be looked for, whatever its rows? */
static inline bool grow_is_closed(const GrowOptions *o, int64_t depth, int64_t weight) {
  return depth >= o->max_depth || weight < o->min_samples_split || weight < 2 * o->min_samples_leaf;
}
/* Rounding may take a decrease of nothing below zero. */
static inline bool grow_is_enough(double decrease, double least) {
  return least <= 0 || decrease >= least;
}
/* A split's part of GrownTree.importance. */
static inline int64_t grow_importance(double decrease, double root_impurity) {
  double share = root_impurity > 0 && decrease > 0 ? decrease / root_impurity : 0;
  return (int64_t)(share * (double)(INT64_C(1) << GROW_IMPORTANCE_BITS) + 0.5);
}
/* Value of a leaf of levels; share of a class of this weight. */
static inline int32_t grow_leaf_level(int64_t sum, int64_t weight, int bits) {
  return (int32_t)(((sum << (GROW_SHARE_BITS - bits)) + weight / 2) / weight);
}
static inline int32_t grow_leaf_share(int64_t weight, int64_t all) {
  return (int32_t)(((weight << GROW_SHARE_BITS) + all / 2) / all);
}

/* A node whose rows are all here. */
typedef struct GrowRoot {
  int64_t n, weight, sum, depth;
  uint64_t path;
  double root_impurity, least_decrease; /* of the whole tree */
  int64_t max_leaves;                   /* as GrowOptions; 0 and only 0 where that is 0 */
} GrowRoot;

/* Grow what is below. The rows' records have been written to grow_records (as grow_load does it,
 * with the shift that follows from the grower's weight_max), at most as many as it has rows. */
uint64_t *grow_records(const Grower *grower);
void grow_subtree(Grower *grower, const GrowRoot *root, const Stream *nodes, GrownTree *out);

#endif
