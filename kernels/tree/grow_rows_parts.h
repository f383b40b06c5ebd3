/* Inside growing over the rows of all ranks: the files grow_rows*.c. See grow_rows.h. */
#ifndef SEGUE_TREE_GROW_ROWS_PARTS_H
#define SEGUE_TREE_GROW_ROWS_PARTS_H

#include "grow_parts.h"
#include "grow_rows.h"

typedef enum TopKind {
  TOP_OPEN, /* to be looked at */
  TOP_LEAF,
  TOP_INNER,
  TOP_SUBTREE /* sent to one rank */
} TopKind;

/* A node of the top. All but begin and end in item is the same on all ranks. */
typedef struct TopNode {
  Item item;         /* begin, end: this rank's records; weight and sum are over all ranks */
  int64_t rows;      /* records over all ranks */
  int64_t low, high; /* targets of its rows */
  TopKind kind;
  int32_t left; /* INNER: its left child; the right one follows. SUBTREE: its number */
  Split split;  /* INNER */
  bool missing; /* some row misses the feature */
  double decrease;
  int64_t word, set[NODE_SET_WORDS];
} TopNode;

/* A node that is sent to one rank. The first three are the same on all ranks. */
typedef struct Subtree {
  int32_t node; /* in the top */
  int owner;
  int64_t n_nodes, n_leaf;           /* as it was grown */
  int64_t max_leaves, n_steps;       /* with max_leaves */
  int64_t node_at, leaf_at, step_at; /* where it stands in what all ranks have grown */
} Subtree;

/* Subtrees one after the other, by owner and number: this rank's, then those of all. */
typedef struct Grown {
  int64_t n_nodes, n_leaf, n_steps, node_capacity, cover_capacity, class_capacity, share_capacity,
      step_capacity;
  int64_t *node;
  int32_t *cover;
  uint16_t *leaf_class;
  int32_t *leaf_share;
  GrowStep *step;
} Grown;

/* Records of this rank's subtrees: sent here, or read where they are. */
typedef struct Received {
  int64_t *span; /* read: of each rank, for each subtree: the first record there, and how many */
  uint64_t *records; /* sent */
  int64_t *counts;   /* by sending rank and subtree of this rank */
  int64_t *at;       /* size: where a rank's next records stand */
} Received;

struct RowsGrower {
  const Comm *comm;
  RowsLimits limits;
  Splitter s;          /* record: this rank's sample; searches summed histograms */
  SharedMemory shared; /* holds s.record of all ranks, where they are on one node */
  int64_t *first;      /* size: words before a rank's records there; NULL: records are apart */
  Splitter made_up;    /* more than two classes: searches; one word a record */
  bool wide;           /* sums are in two words */
  int64_t weight_max;  /* over all ranks */
  int64_t few;
  int64_t pair_words; /* int64 words of a summed histogram */
  int64_t pairs;      /* summed at a time at most */
  int64_t *histogram[2];
  SumScatter sum;
  GrowSums all; /* of the whole sample */
  int64_t n_rows;
  double root_impurity, least_decrease;
  TopNode *top;
  int64_t n_top, top_capacity;
  Subtree *subtree;
  int64_t n_subtrees, subtree_capacity;
  Grower *grower;
  int64_t grower_rows;
  int64_t *importance; /* d */
  GrownTree tree;
  int64_t node_capacity, cover_capacity, class_capacity, share_capacity;
};

/* Find splits of top nodes begin .. end - 1 that are OPEN; their split.feature stays -1 where there
 * is none. Collective. Fails with MEMORY, agreed. */
CHECKED Status rows_search_all(RowsGrower *g, const Stream *nodes, int64_t begin, int64_t end);
CHECKED Status rows_search_init_all(RowsGrower *g);
void rows_search_clear(RowsGrower *g);

/* Take memory for g->s.record. Collective. Fails with MEMORY, agreed; rows_records_clear_all is
 * called after a failure, too. */
CHECKED Status rows_records_init_all(RowsGrower *g);
void rows_records_clear_all(RowsGrower *g);

/* Send the SUBTREE nodes to their owners, or tell where they are; grow those of this rank.
 * Collective, Collective. Fail with MEMORY, agreed. received is cleared by the caller, and records
 * stay as they are until all ranks have grown theirs. */
CHECKED Status rows_send_all(RowsGrower *g, Received *received);
void received_clear(Received *received);
CHECKED Status rows_grow_all(RowsGrower *g, const Received *received, const Stream *nodes,
                             bool cover, Grown *all);
void grown_clear(Grown *grown);

/* How many leaves subtrees and which splits the top has with max_leaves, from all subtrees' steps:
 * sets max_leaves, and makes leaves of top nodes. Local. Fails with MEMORY. */
CHECKED Status rows_replay(RowsGrower *g, const Grown *all);

/* Put top and subtrees together into g->tree. Collective. Fails with MEMORY, agreed. */
CHECKED Status rows_join_all(RowsGrower *g, const Grown *all, bool cover);

#endif
