/* The inside of an index: references in leaves of a k-d tree, boxes around leaves. */
#ifndef SEGUE_NEIGHBORS_TREE_H
#define SEGUE_NEIGHBORS_TREE_H

#include "neighbors.h"
#include "scan.h"

enum { TREE_LEAF = NEIGHBORS_LEAF };

/* A row goes to node `next` when its value in the column is below `value`, else to next + 1. */
typedef struct TreeNode {
  double value;
  int32_t column; /* -1: a leaf, whose number is next */
  int32_t next;
} TreeNode;

typedef struct TreeLeaf {
  int32_t block; /* its first; position = block x SCAN_BLOCK + place in the block */
  int32_t n;     /* references, ascending by row number; more than TREE_LEAF: identical ones */
} TreeLeaf;

/* The shape alone: which of n references come to which leaf. */
typedef struct TreeShape {
  int64_t n_nodes, nodes_capacity, n_leaves, leaves_capacity;
  TreeNode *nodes;
  TreeLeaf *leaves;
  int64_t n_blocks;
  int32_t *order; /* n reference numbers, leaf by leaf, ascending in a leaf */
} TreeShape;

struct NeighborsTree {
  TreeShape shape; /* order is freed after the build */
  double *centre;  /* d */
  double scale;    /* a power of two: (x - centre) x scale is within [-1, 1] */
  double margin;   /* scan_margin */
  const Scan *scan;
  SharedMemory memory; /* holds what follows, once a node */
  double *point;       /* by position: width doubles, padded with zeros */
  int32_t *row;        /* by position: global row number; -1: no reference */
  float *block;        /* n_blocks x (d + 1) x SCAN_BLOCK, see scan.h */
  float *box;          /* groups of SCAN_BLOCK leaves x 2 x d x SCAN_BLOCK, rounded outwards */
};

/* Cut n references into leaves. Local, a function of the values alone.
 * column  d pointers to n values without NaN */
CHECKED Status tree_shape(const double *const *column, int64_t n, int64_t d, TreeShape *out);
void tree_shape_clear(TreeShape *shape);

/* The leaf that a row (d values) belongs to. Local. */
static inline int32_t tree_descend(const TreeShape *shape, const double *x) {
  const TreeNode *node = shape->nodes;
  while (node->column >= 0) node = &shape->nodes[node->next + (x[node->column] >= node->value)];
  return node->next;
}

static inline int64_t tree_groups(const NeighborsTree *tree) {
  return (tree->shape.n_leaves + SCAN_BLOCK - 1) / SCAN_BLOCK;
}

#endif
