/* Grow one tree on binned rows: a pure function of rows, weights, options and a random stream.
 *
 * Classification and regression trees (Breiman et al. 1984) on histograms of integers. A split
 * maximises the decrease of the sum of squares (regression and two classes; for two classes that is
 * Gini's impurity) or of Gini's impurity (more classes).
 *
 * Rules that fix the tree, whatever the order of rows or of work:
 * - Sums are integers. Gains are computed from them by one function each (grow_gain, grow_purity).
 * - Candidates of a node: for every feature looked at, every pair of neighbouring bins that rows of
 *   the node occupy; missing values right or left. When no value bin is left of a candidate's edge
 *   or right of it, missing against not missing (missing right) is the one candidate.
 * - Ties go to the lower feature, then to the lower bin, then to missing right.
 * - The limit stands in the middle of the empty bins between the two, rounded down. Where no row of
 *   the node misses the feature, missing values follow the heavier child, ties to the left.
 * - Extremely randomised (Geurts et al. 2006): of a feature one candidate is looked at, a bin drawn
 *   from the lowest occupied one to the one below the highest, which stays the limit; missing
 * values go to a drawn side. Thresholds are so uniform over bins, which are quantiles, not over
 * values. Which feature is taken, and everything else, is as without.
 * - Of a feature that is a category the candidates are sets of codes, missing being a code like any
 *   other. The codes that rows of the node have are ordered by the mean of their rows' levels,
 * which for sums of squares brings the best set among the prefixes (Fisher 1958; Breiman et al.
 * 1984); with more than two classes by the share of the class that weighs most in the node (ties:
 * the lower one), one against the rest. Ties in the order go to the lower code. Candidates are the
 *   prefixes, which go left; ties to the shorter one, after the lower feature. A code that no row
 * of the node has follows the heavier child, ties to the left. Extremely randomised: one set is
 *   looked at, drawn from the codes that rows have.
 * - Features of a node: the first `features` of a permutation addressed by the node's path; when
 *   none of them can split, the next ones one by one until one can (as scikit-learn does).
 * - A node is a leaf when it is at max_depth, lighter than min_samples_split, has one value or
 * class only, or no candidate leaves min_samples_leaf on both sides. Weights count as rows: a row
 * drawn twice counts twice. A split without any gain is allowed (it may open the way to one),
 * unless it takes less than min_decrease x weight of the root away (levels squared, or Gini).
 * - With max_leaves the open node is split next whose split takes the most impurity x weight away,
 *   ties to the one that was made first (its left child before its right one), until there are so
 *   many leaves; otherwise the order of nodes changes nothing. */
#ifndef SEGUE_TREE_GROW_H
#define SEGUE_TREE_GROW_H

#include "bins.h"
#include "kernels/numeric/random.h"
#include "node.h"

/* Binned training rows, replicated. Borrowed: has to outlive the grower. */
typedef struct GrowRows {
  int64_t n;
  const Bins *bins;       /* d features */
  const uint8_t *codes;   /* n x bins_stride(d) */
  const uint32_t *target; /* n: a level 0 .. 2^bits - 1, or a class */
  int bits;               /* of levels; 1 for two classes. weight_max^2 2^bits <= 2^62 */
  int64_t n_classes;      /* more than two classes: their number (at most 65535); else 0 */
  int64_t weight_max;     /* bound of the sum of weights */
} GrowRows;

typedef struct GrowOptions {
  int64_t max_depth; /* INT64_MAX: unlimited */
  int64_t min_samples_leaf, min_samples_split;
  int64_t features;    /* looked at in a node, 1 .. d */
  int64_t max_leaves;  /* 2 or more; 0: unlimited */
  double min_decrease; /* of impurity, as a part of what the root's rows weigh; 0: none */
  bool random;         /* one drawn threshold a feature instead of all candidates */
} GrowOptions;

/* With max_leaves: a split that was made, by the number of its node. The root is 0, the children of
 * step k's node are 2 k + 1 and 2 k + 2. */
typedef struct GrowStep {
  double decrease; /* of impurity x weight */
  int64_t node;
} GrowStep;

/* A grown tree; arrays belong to the grower and hold until it grows the next one. */
typedef struct GrownTree {
  int64_t n_nodes; /* words of node */
  int64_t *node; /* see node.h. Value of a leaf: mean level in units of 2^-(30 - bits), rounded; or
                  -1 - c for class c alone; or a position in the leaf table */
  /* Leaf table: at the position of a leaf the number of its classes (as leaf_class, share 0), then
   * each class, ascending, with its share in units of 2^-30. */
  int64_t n_leaf;
  uint16_t *leaf_class;
  int32_t *leaf_share;
  int32_t *cover;      /* n_nodes: weight of the node's rows; of no use in a set's words */
  int64_t *importance; /* d: impurity taken away, as share of the root's, units of 2^-44 */
  int64_t n_steps;     /* with max_leaves: its splits in the order in which they were made */
  GrowStep *step;
} GrownTree;

enum { GROW_SHARE_BITS = 30, GROW_IMPORTANCE_BITS = 44 };

typedef struct Grower Grower;

/* Local. All memory that a tree can need is taken here. Fails with MEMORY. */
CHECKED Status grow_new(const GrowRows *rows, const GrowOptions *options, Grower **out);
void grow_free(Grower **grower);

/* Grow a tree on the rows of positive weight, at least one.
 *
 * Local. weight: n counts, at most 65535 each, their sum at most weight_max. nodes: the stream that
 * chooses features, addressed by path. */
void grow_tree(Grower *grower, const int32_t *weight, const Stream *nodes, GrownTree *out);

/* What this grower and the plain one of grow_ref.h share. All local. */

/* Decrease of the sum of squares, times the weight of the node: (S_L n - S n_L)^2 / (n_L n_R). The
 * difference is exact, in 64 bits or else in 128, and rounded once, so nothing cancels, and
 * swapping sides changes nothing. Sums are not negative. */
static inline double grow_gain(int64_t sum_left, int64_t n_left, int64_t sum, int64_t n) {
  int64_t own = 0, all = 0;
  double t = 0;
  if (__builtin_mul_overflow(sum_left, n, &own) || __builtin_mul_overflow(sum, n_left, &all)) {
    t = (double)((__int128)sum_left * n - (__int128)sum * n_left);
  } else {
    t = (double)(own - all);
  }
  return t * t / ((double)n_left * (double)(n - n_left));
}
/* Gini: sum of squared class weights over weight, left plus right; larger is purer. */
static inline double grow_purity(int64_t squares_left, int64_t n_left, int64_t squares_right,
                                 int64_t n_right) {
  return (double)squares_left / (double)n_left + (double)squares_right / (double)n_right;
}
/* Paths: the root's, and that of a child. */
enum { GROW_ROOT_PATH = 1 };
uint64_t grow_child_path(uint64_t path, bool right);

/* A threshold drawn for bins low .. high - 1, low < high; addressed by tree (stream), path and
 * feature. */
typedef struct GrowThreshold {
  int32_t bin;
  bool missing_left;
} GrowThreshold;
GrowThreshold grow_threshold(const Stream *nodes, uint64_t path, int32_t feature, int32_t low,
                             int32_t high);

/* A set drawn from the occupied codes, at least two, of a category: each code by a coin; where all
 * fell alike, the lowest changes sides. Addressed in the same way. */
void grow_subset(const Stream *nodes, uint64_t path, int32_t feature,
                 const int64_t occupied[NODE_SET_WORDS], int64_t set[NODE_SET_WORDS]);

/* The permutation of features of a node, made step by step; order is the identity before the first
 * step and again after grow_shuffle_undo. */
typedef struct GrowShuffle {
  uint64_t key;
  int64_t d, step;
  int32_t *order, *picked; /* d items each */
} GrowShuffle;
/* Begin for a node, and the next feature. */
void grow_shuffle_begin(GrowShuffle *shuffle, const Stream *nodes, uint64_t path);
int32_t grow_shuffle_next(GrowShuffle *shuffle);
void grow_shuffle_undo(GrowShuffle *shuffle);

#endif
