/* The rows that a linear model learns from, checked, with a centre and a scale for every column.
 *
 * Where centres and scales lie exactly does not matter: they are there for the sake of digits. A
 * column that is nearly everywhere zero, as those of one-hot categories are, keeps its zeros: it is
 * not centred, its scale is a power of two, and its cells are kept row by row, so that products
 * cost what the cells cost and not what the matrix would. */
#ifndef SEGUE_LINEAR_DESIGN_H
#define SEGUE_LINEAR_DESIGN_H

#include "kernels/model.h"

typedef struct Design {
  const TrainingData *data; /* borrowed */
  int64_t d;                /* features */
  double weight;            /* of all rows */
  /* d + 1, the last for the target: (x - centre) / scale is what products are made of; its
   * weighted sum of squares is at most `weight`, but for rounding. */
  double *centre, *scale;
  /* Features with few cells that are not 0, and those cells, of this rank's rows. */
  int64_t n_sparse;
  uint8_t *sparse;  /* d flags; same on all ranks */
  int64_t *begin;   /* rows + 1: where a row's cells begin */
  int32_t *feature; /* of a cell, ascending in a row */
  double *value;    /* of a cell, over its scale */
} Design;

/* Collective. who begins messages ("linear"). data must outlive the design, which the caller
 * clears, also after a failure. Two Allreduces.
 * Fails with NUMERIC (a missing or infinite value; the message names the feature and the fix),
 * INVALID (no feature or row), MEMORY; agreed. */
CHECKED Status design_init_all(const Comm *comm, const TrainingData *data, const char *who,
                               Design *out);
void design_clear(Design *design);

/* Rows of a block: feature j (d: the target), centred and scaled, times root (NULL: 1). out: as
 * many numbers as the block has rows. Local. */
void design_column(const Design *design, int64_t block, int64_t j, const double *root, double *out);

#endif
