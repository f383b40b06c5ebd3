/* Packed gradient sums and the best split of a feature; the inner part of boosting (boost_grow.h).
 *
 * A row's gradient and hessian are whole numbers, in units that are powers of two and hold for one
 * tree on all ranks. Both are packed into one 64-bit word (narrow), so that one addition updates a
 * bin, or into two (wide). The widths follow from the number of rows over all ranks: no sum over
 * any rows, joined in any order, can leave its part of the word.
 *
 *   narrow  g << shift | h                     n counts as h: exact when every hessian is 1, else
 *                                              only empty or not
 *   wide    g, then h << shift | n
 *
 * h is at least 1 for every row, so that a bin is empty exactly when its word is 0. */
#ifndef SEGUE_TREE_BOOST_SPLIT_H
#define SEGUE_TREE_BOOST_SPLIT_H

#include <math.h>

#include "bins.h"
#include "kernels/numeric/elementary.h"
#include "node.h"

enum {
  BOOST_G_BITS_MAX = 30,    /* of a row's gradient, without sign */
  BOOST_H_BITS_MAX = 24,    /* of a row's hessian */
  BOOST_G_BITS_NARROW = 14, /* a narrow word holds at least so many, or words are wide */
  BOOST_H_BITS_NARROW = 12,
  BOOST_SUM_BITS = 50, /* sums stay below 2^50: exact as doubles, and quick to convert */
  BOOST_SET = -1,
};

typedef struct BoostLayout {
  int words; /* 1: narrow, 2: wide */
  int shift;
  int g_bits, h_bits; /* magnitudes of a row's numbers are at most 2^bits; h_bits 0: h is 1 */
} BoostLayout;

typedef struct BoostSums {
  int64_t g, h, n;
} BoostSums;

/* The layout for sums over `rows` rows (rounded-up sum of weights, where there are such).
 * constant: every hessian is 1. counted: rows of a leaf have to be known. Local. Fails with
 * INVALID when rows are too many for any layout. */
CHECKED Status boost_layout(int64_t rows, bool constant, bool counted, BoostLayout *out);

static inline void boost_pack(const BoostLayout *layout, int64_t g, int64_t h, int64_t n,
                              uint64_t *word) {
  if (layout->words == 1) {
    word[0] = ((uint64_t)g << layout->shift) + (uint64_t)h;
  } else {
    word[0] = (uint64_t)g;
    word[1] = ((uint64_t)h << layout->shift) + (uint64_t)n;
  }
}
static inline BoostSums boost_unpack(const BoostLayout *layout, const uint64_t *word) {
  const uint64_t mask = (UINT64_C(1) << layout->shift) - 1;
  if (layout->words == 1) {
    int64_t h = (int64_t)(word[0] & mask);
    return (BoostSums){(int64_t)word[0] >> layout->shift, h, h};
  }
  return (BoostSums){(int64_t)word[0], (int64_t)(word[1] >> layout->shift),
                     (int64_t)(word[1] & mask)};
}

/* How features that are categories are split, as LightGBM does it (Ke et al. 2017). */
typedef struct BoostCategoryRules {
  const Bins *bins;  /* says which features are categories; NULL: none */
  double smooth;     /* added to h where categories are ordered by g / h, in units of h */
  double least_rows; /* a category with fewer rows in the node does not go left */
  double l2;         /* more of l2 for sets of categories */
  double group_rows; /* by so many rows at least does a set differ from the last one */
  int64_t max_left;  /* categories that go left at most */
  int64_t max_apart; /* features of at most so many bins: one category against the rest */
} BoostCategoryRules;

/* What a split has to obey, in the units of a tree. */
typedef struct BoostRules {
  double l1, l2;     /* l1 in units of g, l2 in units of h */
  double least_h;    /* of a side, at least 1 */
  double least_n;    /* rows of a side, at least 1 */
  double least_gain; /* a split has to gain more */
  double value_unit; /* value of a leaf = -value_unit x g / (h + l2) */
  double gain_unit;  /* of gains, in those of the loss */
  /* d: bit k: the feature is in group k, and only features of one group may follow each other on a
   * path; a feature of no group stays alone. NULL: all may. */
  const uint64_t *group;
  const int8_t *slope; /* d: -1, 0 or 1, the direction a prediction may move in; NULL: free */
  BoostCategoryRules categories;
} BoostRules;

/* A possible split; the same bits on all ranks. */
typedef struct BoostSplit {
  double gain; /* what it takes away from the loss (twice), in units of g^2 / h; negative: none */
  int32_t feature, bin; /* the last bin that goes left; BOOST_SET: of a category */
  int64_t missing_left;
  uint64_t left[2];            /* packed sums of the left side */
  int64_t set[NODE_SET_WORDS]; /* of a category: the codes that go left */
} BoostSplit;

/* A node as its split sees it. low, high: bounds of its rows' raw values (-+INFINITY: none). */
typedef struct BoostNode {
  uint64_t sum[2];
  double low, high;
  int32_t used;    /* feature of the split above; -1: the root */
  uint64_t groups; /* that hold all features used above */
} BoostNode;

/* The root; its sums are to be filled in. */
static inline BoostNode boost_root(void) {
  return (BoostNode){.low = -INFINITY, .high = INFINITY, .used = -1, .groups = UINT64_MAX};
}
/* May a node be split on a feature? */
static inline bool boost_may_split(const BoostRules *rules, const BoostNode *node,
                                   int32_t feature) {
  return !rules->group || node->used < 0 || node->used == feature ||
         (rules->group[feature] & node->groups) != 0;
}

/* g with the l1 penalty taken off. */
static inline double boost_shrink(double g, double l1) {
  double size = (g < 0 ? -g : g) - l1;
  if (size <= 0) return 0;
  return g < 0 ? -size : size;
}
/* The best raw value of rows with these sums, in units of value_unit; inside the bounds. */
static inline double boost_value(double g, double h, const BoostRules *rules, double low,
                                 double high) {
  double value = -boost_shrink(g, rules->l1) / (h + rules->l2);
  return value < low ? low : value > high ? high : value;
}
/* Twice what a leaf with this value takes away from the loss; at its best g^2 / (h + l2). */
static inline double boost_score(double g, double h, double value, const BoostRules *rules) {
  double size = value < 0 ? -value : value;
  return -(2 * (g * value) + (h + rules->l2) * (value * value) + 2 * (rules->l1 * size));
}

/* The best split of one feature, if it is better than *best: a larger gain, or an equal one of a
 * lower feature, a lower bin, missing right.
 *
 * Candidates are the cuts between bins that rows of the node occupy, missing values right or left;
 * where no value bin is on one side, missing against not missing (missing right) is the one
 * candidate.
 *
 * Of a category the candidates are sets of codes, a missing value being one more, that go left.
 * With few bins (max_apart): each code alone. Else the codes with enough rows (least_rows) are
 * ordered by g / (h + smooth), rounded, ties to the lower code; candidates are the first of them,
 * and then the last of them, up to max_left and to half of them (rounded up), each with group_rows
 * more rows than the one before, and as many on the right; gains are with the larger l2. Ties: as
 * listed. Codes that no row of the node has go where more hessian goes, ties left. Local. histogram
 * BINS_CODES x words sums by code bins       value bins of the feature */
void boost_split_feature(const BoostLayout *layout, const BoostRules *rules, const BoostNode *node,
                         const uint64_t *histogram, int32_t bins, int32_t feature,
                         BoostSplit *best);
/* The part for categories; see boost_categories.c. */
void boost_split_categories(const BoostLayout *layout, const BoostRules *rules,
                            const BoostNode *node, const uint64_t *histogram, int32_t bins,
                            int32_t feature, BoostSplit *best);
/* Fix where the chosen split leaves freedom: the limit in the middle of empty bins (rounded down),
 * and the way of missing values where the node has none (the side with more hessian, ties left).
 * histogram: of the split's feature. Local. */
void boost_split_settle(const BoostLayout *layout, const BoostNode *node, const uint64_t *histogram,
                        int32_t bins, BoostSplit *split);
/* Is a better than b? */
static inline bool boost_split_better(const BoostSplit *a, const BoostSplit *b) {
  return a->gain > b->gain || (a->gain == b->gain && a->gain >= 0 && a->feature < b->feature);
}

/* Gain of two sides without l1 and bounds, both divisions in one. */
static inline double boost_gain(double g_left, double h_left, double g_right, double h_right) {
  return (g_left * g_left * h_right + g_right * g_right * h_left) / (h_left * h_right);
}
/* Gain of two sides of a feature that has no slope. */
static inline double boost_sides(const BoostRules *rules, const BoostNode *node, BoostSums left,
                                 BoostSums right) {
  double g_left = (double)left.g, h_left = (double)left.h;
  double g_right = (double)right.g, h_right = (double)right.h;
  if (rules->l1 == 0 && !rules->slope) {
    return boost_gain(g_left, h_left + rules->l2, g_right, h_right + rules->l2);
  }
  double a = boost_value(g_left, h_left, rules, node->low, node->high);
  double b = boost_value(g_right, h_right, rules, node->low, node->high);
  double gain = boost_score(g_left, h_left, a, rules) + boost_score(g_right, h_right, b, rules);
  return gain > 0 ? gain : 0;
}

#endif
