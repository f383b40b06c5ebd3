/* The rows of this rank as boosting uses them: binned, those that are trained on first. */
#ifndef SEGUE_TREE_BOOST_ROWS_H
#define SEGUE_TREE_BOOST_ROWS_H

#include "bins.h"
#include "kernels/base/comm.h"
#include "kernels/model.h"

typedef struct BoostTable {
  int64_t n, n_train; /* the first n_train rows are trained on, the others held back */
  uint8_t *codes;     /* n x bins_stride(d) */
  double *target;     /* n */
  double *weight;     /* n; NULL: all 1 */
  int64_t *row_id;    /* n */
  SharedMemory whole; /* holds the arrays once all ranks have all rows */
  bool is_whole;
  int64_t rows; /* over all ranks: bound of the sum of weights that are trained on */
  int64_t n_train_global, n_global;
} BoostTable;

/* Bin the rows, and hold back a share of the recordings, chosen by (seed, recording).
 * Collective. bins: cut for data->x. The caller clears out, also after a failure.
 * Fails with NUMERIC (a target or weight that no sum can hold), INVALID (a class that is none,
 * nothing left on one side), MEMORY; agreed. */
CHECKED Status boost_table_all(const Comm *comm, const TrainingData *data, const Bins *bins,
                               double held_back, BoostTable *out);
/* Give all ranks all rows, in the order of ranks, those that are trained on first; once per node.
 * Collective. Fails with MEMORY, agreed; the table is to be cleared then, too. */
CHECKED Status boost_table_join_all(const Comm *comm, int64_t d, BoostTable *table);
/* Collective where rows were joined, else local. */
void boost_table_clear_all(BoostTable *table);

#endif
