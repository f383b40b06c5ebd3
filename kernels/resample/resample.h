/* What a resampling kind is: other training rows for a model, made of those of one training fold.
 *
 * It runs after the recipe and before the model, inside the training part of a fold, and gives
 * ordinary TrainingData. Rows that it adds are flagged, have an address of their own for random
 * numbers and belong to the recording of the row they come from. Since it sees training rows and
 * nothing else and what it gives goes to one fit, no added row can reach a validation or test part.
 * A new kind is one file with one of these and one row in the registry. */
#ifndef SEGUE_RESAMPLE_RESAMPLE_H
#define SEGUE_RESAMPLE_RESAMPLE_H

#include "kernels/model.h"

/* Training rows after resampling, spread over ranks in blocks of the old size. */
typedef struct Resampled {
  Matrix x;
  double *target;
  double *weight; /* NULL: all 1. An added row weighs what the row it comes from weighs */
  int64_t *group; /* that of the row it comes from; NULL: nothing was added, every row is its own */
  int64_t *row_id;    /* an added row: another number than any row of a file has */
  uint8_t *synthetic; /* 1: the row was added, made or repeated */
} Resampled;

typedef struct ResampleKind {
  Kind kind;
  bool regression, classification; /* the tasks that it can do */
  bool numbers;                    /* puts rows between others: no column may be a category */
  /* Rows out of rows. Each row that stays is followed by those that come from it, so the order does
   * not depend on ranks. Tells the rows before and after in summary.
   * Collective; options same on all ranks; out is cleared by the caller, also after a failure.
   * Fails with INVALID (one class only ...), NUMERIC (a missing value that a distance needs),
   * MEMORY; agreed. */
  Status (*run_all)(const Comm *comm, const TrainingData *data, const void *options, Resampled *out,
                    Summary *summary);
} ResampleKind;

void resampled_clear(Resampled *rows);
/* The training data of which `rows` were made, with these instead. Borrows. Local. */
TrainingData resampled_data(const TrainingData *data, const Resampled *rows);

#endif
