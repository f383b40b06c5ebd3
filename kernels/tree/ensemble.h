/* The ensemble: trees in a few plain arrays, and what rows get from them.
 *
 * Leaf values are whole numbers (grow.h), so that a sum over trees is exact in any order. */
#ifndef SEGUE_TREE_ENSEMBLE_H
#define SEGUE_TREE_ENSEMBLE_H

#include "grow.h"

struct Walk;

typedef struct Ensemble {
  int64_t n_trees;
  Bins bins;
  int64_t *node_offset; /* n_trees + 1 */
  int64_t *node;        /* see node.h: words; distances are within the tree */
  int64_t *leaf_offset; /* n_trees + 1 */
  uint16_t *leaf_class; /* leaf tables; positions are within the tree's table */
  int32_t *leaf_share;
  struct Walk *walk; /* see walk.h; NULL: none made yet. No part of what lasts. */
} Ensemble;

void ensemble_clear(Ensemble *ensemble);
/* Visit what lasts; IN allocates and checks that no walk can leave a tree. Local.
 * n_classes: more than two when leaves are distributions. Fails with FORMAT, MEMORY. */
CHECKED Status ensemble_fields(Ensemble *ensemble, int64_t n_classes, Fields *fields);

/* Leaf values that rows reach in one tree. Local.
 * codes   rows of bins_stride(d) bytes
 * row     n numbers of rows in codes; NULL: rows 0 .. n - 1
 * value   out, n leaf values */
void ensemble_leaves(const Ensemble *ensemble, int64_t tree, const uint8_t *codes,
                     const int32_t *row, int64_t n, int32_t *value);

/* Leaves of all trees. Local. */
int64_t ensemble_n_leaves(const Ensemble *ensemble);

/* The same from given nodes on. place: n words of the tree; value: by position in row. Local. */
void ensemble_leaves_from(const Ensemble *ensemble, int64_t tree, const uint8_t *codes,
                          const int32_t *row, const int32_t *place, int64_t n, int32_t *value);
/* Leaf values of one row in trees first .. first + n - 1, which it walks side by side. Local. */
void ensemble_row_leaves(const Ensemble *ensemble, int64_t first, int64_t n, const uint8_t *codes,
                         int32_t *value);

/* Add a leaf's shares to n_classes sums, units of 2^-30. Local. */
void ensemble_add_shares(const Ensemble *ensemble, int64_t tree, int32_t value, int64_t *sums);

#endif
