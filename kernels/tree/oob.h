/* Out-of-bag scores: every row is predicted by the trees whose sample lacks its recording. */
#ifndef SEGUE_TREE_OOB_H
#define SEGUE_TREE_OOB_H

#include "forest.h"
#include "samples.h"

/* Borrowed. */
typedef struct Oob {
  const Forest *forest;
  const Samples *samples;
  const TrainingData *data;
  const uint8_t *in_bag; /* trees x bag_bytes: bit g of a tree: recording g is in its sample */
  int64_t bag_bytes;
  double *prediction; /* out, this rank's rows: their out-of-bag prediction, untouched where there
                         is none; regression; NULL: not asked for */
} Oob;

typedef struct OobScore {
  int64_t rows;  /* scored over all ranks; others were in every sample */
  double error;  /* regression: sum of squared errors, rounded once */
  double spread; /* regression: sum of squared deviations of the scored targets */
  int64_t hits;  /* classification: rows whose likeliest class (ties to the lower) is theirs */
} OobScore;

/* Score all rows.
 *
 * Collective; every rank predicts its own rows. feature -1: as they are; else the codes of this
 * feature come from another row each, addressed by (seed, feature, repetition, row).
 * Fails with MEMORY, agreed. */
CHECKED Status oob_score_all(const Comm *comm, const Oob *oob, int64_t feature, int64_t repetition,
                             OobScore *out);

#endif
