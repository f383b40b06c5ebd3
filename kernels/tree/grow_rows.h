/* Grow one tree on rows that are spread over the ranks: the tree of grow.h, bit for bit.
 *
 * Top of the tree: level by level, every rank fills histograms of its own rows for the features
 * that the nodes look at. They are summed so that each rank gets a share of the (node, feature)
 * pairs, which it searches with the candidates of split.h; then the best splits are agreed on, and
 * every rank splits its own rows.
 *
 * Bottom: a node whose rows are few is sent to one rank, which grows all that is below it as if the
 * rows had always been there (a subtree is a function of its rows and its path). Nodes are dealt
 * out by their rows, the largest first, each to the rank that has least so far. Few is what
 * GROW_ROWS_FEW or an eighth of a rank's share of the sample holds, whichever is more (and what one
 * packed word can sum up). The tree does not depend on that; time does.
 *
 * With max_leaves each subtree is grown to so many leaves, which is as far as the whole tree can
 * reach into it. A replay of the one-by-one order over all subtrees tells how many splits each has
 * in the whole tree, and it is grown once more to that size.
 *
 * On one node records lie in shared memory, and whoever grows a subtree reads them there.
 *
 * A rank holds its records, as many again while nodes are sent, and the tree. Histograms take
 * GROW_ROWS_BYTES, or two (node, feature) pairs where that is more. */
#ifndef SEGUE_TREE_GROW_ROWS_H
#define SEGUE_TREE_GROW_ROWS_H

#include "grow.h"
#include "kernels/base/comm.h"

enum { GROW_ROWS_FEW = 1024, GROW_ROWS_BYTES = 1 << 22 };

typedef struct RowsLimits {
  int64_t few;   /* rows of the sample in a node that is sent to one rank; 0: by the rule above */
  int64_t bytes; /* of histograms that are summed at a time; 0: GROW_ROWS_BYTES */
  bool wide;     /* two words for a sum even where one would do; for tests */
} RowsLimits;

typedef struct RowsGrower RowsGrower;

/* Collective. rows: this rank's; bits, n_classes, weight_max (over all ranks, below 2^31) and
 * options same on all ranks; weight_max may be larger than GrowRows says. comm and rows have to
 * outlive the grower. Fails with MEMORY, agreed. */
CHECKED Status grow_rows_new_all(const Comm *comm, const GrowRows *rows, const GrowOptions *options,
                                 const RowsLimits *limits, RowsGrower **out);
/* Collective. Accepts a pointer to NULL (on all ranks). */
void grow_rows_free_all(RowsGrower **grower);

/* Grow a tree on the rows of positive weight, of which some rank has one. weight: as for grow_tree,
 * this rank's rows. The tree is the same on all ranks; cover is filled when asked for, on all or
 * none. step is not.
 * Collective. Fails with MEMORY, agreed. */
CHECKED Status grow_rows_tree_all(RowsGrower *grower, const int32_t *weight, const Stream *nodes,
                                  bool cover, GrownTree *out);

#endif
