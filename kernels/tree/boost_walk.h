/* Many rows down many trees: the ensemble laid out for walking. */
#ifndef SEGUE_TREE_BOOST_WALK_H
#define SEGUE_TREE_BOOST_WALK_H

#include "ensemble.h"

enum {
  BOOST_WALK_ROWS = 256,      /* rows that walk together */
  BOOST_WALK_FEATURES = 32768 /* at most */
};

/* A row goes to child + (limit < code in the column). A leaf is its own child and its limit is the
 * largest code: who is there stays there. */
typedef struct BoostStep {
  uint32_t child;  /* left; the right one follows it */
  uint16_t column; /* 2 x feature, or one more: codes moved up by one (node.h: flip) */
  uint8_t limit, unused;
} BoostStep;

typedef struct BoostWalk {
  const Ensemble *ensemble; /* borrowed */
  BoostStep *node;          /* as many as the ensemble's, tree by tree */
  int32_t *value;           /* of leaves */
} BoostWalk;

/* Lay out all trees; none of their features may be a category. Local. The caller clears out, also
 * after a failure. Fails with MEMORY. */
CHECKED Status boost_walk_init(const Ensemble *ensemble, BoostWalk *out);
void boost_walk_clear(BoostWalk *walk);

/* Rows of codes as columns. Local.
 * codes    n x bins_stride(d), n at most BOOST_WALK_ROWS
 * columns  out, 2 d x BOOST_WALK_ROWS, each feature and moved up by one; zero after the n-th row */
void boost_walk_columns(const uint8_t *codes, int64_t n, int64_t d, uint8_t *columns);
/* Add the leaf values that n rows reach in one tree to sum. Local. */
void boost_walk_tree(const BoostWalk *walk, int64_t tree, const uint8_t *columns, int64_t n,
                     double *sum);

#endif
