/* The grower's inside, shared by its files: boost_grow.c (the work), boost_order.c (which node is
 * next), boost_memory.c. */
#ifndef SEGUE_TREE_BOOST_PARTS_H
#define SEGUE_TREE_BOOST_PARTS_H

#include "boost_histogram.h"

enum { SCRATCH_SLOTS = 2 }; /* histograms that are not kept; the last ones */

/* A node of the tree as far as it was looked at. */
typedef struct Item {
  BoostNode node;
  BoostSplit split;
  double gain; /* net; negative: stays a leaf */
  int64_t begin, end, rows;
  int64_t order; /* number by which ties are broken */
  int32_t depth;
  int32_t left; /* first child, the second follows; -1: not looked at */
  int32_t slot; /* kept histogram; -1: none */
  bool turned;  /* its records are in the opposite order of rows */
  bool kept;    /* split in the tree that results */
} Item;

/* A node being expanded: what is built and what is searched, left and right. */
typedef struct Expansion {
  int32_t item;
  int32_t built[2]; /* number among this batch's histograms; -1: not built */
  bool direct[2];   /* of few rows, which are shared instead of histograms */
  bool searched[2];
} Expansion;

struct BoostGrower {
  const Comm *comm;
  BoostRows rows;
  BoostLayout layout;
  BoostLimits limits;
  int64_t d, max_splits, capacity; /* splits of the tree; expansions with those in vain */
  int64_t histogram_words;         /* of all features */
  int64_t slot_words, n_slots;     /* of this rank's share; the same on all ranks */
  Item *item;
  int64_t n_items;
  int32_t *heap, *trial; /* nodes that can be split, the next one first; and a copy to look ahead */
  int64_t n_heap, n_trial;
  int64_t splits, orders;
  uint64_t *slots; /* the last SCRATCH_SLOTS are never kept */
  int32_t *open_slot;
  int64_t n_open;
  Expansion *batch;
  int64_t n_batch, n_built, batch_max;
  int64_t *counts;             /* 2 x batch_max */
  BoostSplit *found, *all;     /* 2 x batch_max; times ranks */
  SharedMemory shared;         /* of the ranks of a node: batch_max histograms each */
  uint64_t *window;            /* this rank's of them; NULL: a rank without others */
  int64_t few;                 /* rows whose records take no more room than a histogram */
  Comm host, across;           /* the ranks of this node; those of this lane, one of every node */
  int64_t nodes, places, lane; /* place: a rank that searches; lane -1: this one does not */
  SumScatter sum[2];           /* one for each half of a batch */
  int64_t *place_at;           /* places + 1: where the features of each begin */
  int64_t *part;               /* nodes + 1: where the parts of a lane's ranks begin */
  int32_t *row;
  uint8_t *record[2]; /* of nodes at even and at odd depths; rows.n each */
  int64_t *node;
  BoostLeaf *leaf;
  int32_t *stack;
  int64_t *stack_parent;
  double *gain;
  /* of the tree being grown */
  const BoostSample *sample;
  const BoostRules *rules;
};

static inline int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t most(int64_t a, int64_t b) { return a > b ? a : b; }

/* Words of a feature in a histogram. */
static inline int64_t slot_feature_words(const BoostGrower *g) {
  return BINS_CODES * g->layout.words;
}

/* Part the features of g->sample among the ranks, so that their searches take as long. Local, the
 * same on all ranks. */
void boost_share_features(BoostGrower *g);
/* Features in g->sample that this rank searches: positions from begin to end. Local. */
int64_t boost_share_begin(const BoostGrower *g);
int64_t boost_share_end(const BoostGrower *g);
/* Where this rank builds a histogram of the batch. Local. */
uint64_t *boost_window_at(const BoostGrower *g, int64_t built);
/* Give the histograms begin .. end - 1 of the batch, which are built, to the ranks that search in
 * them; half 0 or 1, each begun and ended once, in this order. Built ones are left alone until the
 * end. Collective. */
void boost_join_begin_all(BoostGrower *g, int half, int64_t begin, int64_t end);
void boost_join_end_all(BoostGrower *g, int half, int64_t begin, int64_t end);
/* Let messages of a half that was begun move on. Local. */
void boost_join_push(BoostGrower *g, int half);
/* Give the records of a node of few rows to all ranks, in the place of its histogram. Local. */
void boost_join_put(const BoostGrower *g, int64_t built, const uint8_t *record, int64_t n);
/* Sums of this rank's features over the records of all ranks that were put. Local.
 * own, n: this rank's */
void boost_join_rows(const BoostGrower *g, int64_t built, const uint8_t *own, int64_t n,
                     uint64_t *histogram);
/* One feature of a joined histogram: n words of its bins, and those of missing values. Local. */
void boost_join_feature(const BoostGrower *g, int64_t built, int64_t position, int64_t n,
                        uint64_t *out);

/* Put a node that can be split in the order. Local. */
void boost_order_add(BoostGrower *g, int32_t item);
/* Make the splits that are known to be next, then choose the nodes to expand (g->batch): the next
 * one, and those that come among the next ones if nothing new gets in between; none when the tree
 * is done. Local, the same on all ranks. */
void boost_order_choose(BoostGrower *g);

#endif
