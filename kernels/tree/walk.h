/* Many rows down all trees of an ensemble: how forests and boosted trees predict.
 *
 * Rows are binned and walked in blocks. Where the processor can (bush.h), trees are laid out for it
 * when the first prediction is large enough to pay for that, and the layout stays with the
 * ensemble, outside what lasts; otherwise rows walk the trees as they stand. Sums are whole
 * numbers: the same bits whatever way a row took, alone or among others. */
#ifndef SEGUE_TREE_WALK_H
#define SEGUE_TREE_WALK_H

#include "ensemble.h"

enum { WALK_ROWS = 65536 }; /* of a block at most */

typedef struct Walk Walk;

/* The layout of the ensemble for predicting n rows, made now if it is worth it; NULL if not.
 *
 * Local; two threads may not ask for the same ensemble at once. What is made belongs to the
 * ensemble (walk_free in ensemble_clear) and holds until its trees change. Fails with MEMORY. */
CHECKED Status walk_of(const Ensemble *ensemble, int64_t n, const Walk **out);
void walk_free(Walk **walk);

/* A block of binned rows, and what walking them needs. */
typedef struct WalkBlock {
  const Ensemble *ensemble; /* borrowed */
  const Walk *walk;
  int64_t n;
  uint8_t *codes; /* most rows of bins_stride(d), to be filled */
  /* The rest only with a layout. */
  uint8_t *columns;      /* codes by BUSH_ROWS rows, as columns */
  uint8_t *own;          /* columns of rows that go on together */
  uint8_t *exit;         /* rows' exits of a root */
  uint16_t *order;       /* rows by exit */
  int32_t *late, *place; /* rows that walk on from a node */
  int32_t *leaf;
} WalkBlock;

/* Local. most: rows at most, up to WALK_ROWS; walk may be NULL. The caller clears it, also after a
 * failure. Fails with MEMORY. */
CHECKED Status walk_block_init(const Ensemble *ensemble, const Walk *walk, int64_t most,
                               WalkBlock *out);
void walk_block_clear(WalkBlock *block);
/* Call when codes of n rows stand in the block. Local. */
void walk_block_set(WalkBlock *block, int64_t n);

/* Leaf values that rows of the block reach in one tree. Local.
 * row    n numbers of rows; NULL: all of the block, and n is their number
 * value  out, by number of the row; others stay as they are */
void walk_leaves(WalkBlock *block, int64_t tree, const int32_t *row, int64_t n, int32_t *value);

/* What is predicted from sums over trees. */
typedef struct WalkTask {
  const Ensemble *ensemble;
  int64_t width;   /* sums of a row */
  bool shares;     /* leaves hold shares of classes (leaf tables); otherwise tree t adds to sum
                      t % width */
  int64_t outputs; /* of a row */
  const void *model;
  /* Sums of one row to its outputs. */
  void (*finish)(const void *model, const int64_t *sums, double *out);
} WalkTask;

/* Predict all rows of x: out gets rows.n x outputs. Local. Fails with MEMORY. */
CHECKED Status walk_predict(const WalkTask *task, const Matrix *x, double *out);

#endif
