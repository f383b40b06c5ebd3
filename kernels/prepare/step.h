/* What a recipe step is: a new one is one file with one of these and one row in the registry.
 *
 * A step sees training rows alone when it is fitted: the caller hands it a table that holds no
 * others, so it cannot leak. Steps work on a frame: the features as they are so far, and the raw
 * columns to look things up in (`by` a genre that is itself no feature). */
#ifndef SEGUE_PREPARE_STEP_H
#define SEGUE_PREPARE_STEP_H

#include "kernels/base/options.h"
#include "kernels/table/table.h"

typedef struct Summary Summary; /* base/summary.h */

typedef struct Frame {
  const Table *raw; /* the rows' raw columns; borrowed */
  Table features;   /* columns that are features so far; steps add, replace and remove */
} Frame;

/* The planned shape of a frame, before data is read. */
typedef struct FrameSchema {
  const Schema *raw;
  Schema features;
  /* Raw columns that the recipe reads: what a file for prediction has to have. */
  Schema needed;
} FrameSchema;

/* What is left of the training rows when steps have taken some away, spread in blocks as they are.
 */
typedef struct RowsLeft {
  int64_t removed;         /* over all ranks; 0: none, and nothing is set below */
  Table table;             /* raw columns */
  double *target, *weight; /* weight, group: NULL where the fit has none */
  int64_t *group;
} RowsLeft;

/* What a fit may look at besides the frame; all of it about training rows. */
typedef struct StepFit {
  const Comm *comm;
  const double *target;      /* n: value, or class number */
  int64_t n_classes;         /* 0: regression */
  const Dictionary *classes; /* their names; NULL: none */
  const int64_t *group; /* n recording numbers: a recording is never on both sides of an encoding
                           fold; NULL: every row is its own */
  const double
      *weight; /* n; steps count every row once, but it goes where its row goes; NULL: none */
  uint64_t seed;
  int64_t position; /* of the step in the recipe: the unit of its random stream */
  Summary *summary; /* for steps that have something to say; NULL: nobody listens */
  RowsLeft *left;   /* out, the caller clears it; NULL: every row has to stay, and a step that would
                       remove some fails */
  uint8_t *keep;    /* n ones, where a step that `removes` puts zeros */
} StepFit;

typedef struct StepKind {
  Kind kind;
  bool needs_target; /* learns from the target: only where there is one */
  bool removes;      /* may take training rows away: fit_all marks them in fit->keep, and steps that
                        follow      and the model do not see them. Rows to predict always stay */
  /* Check the columns that the options name and tell what becomes of the features. Columns whose
   * names depend on data (one_hot) are not added. Local. Fails with INVALID. */
  Status (*plan)(const void *options, FrameSchema *schema);
  /* Learn from the training rows in frame and transform them as training rows (out of fold where
   * the target is looked at). Collective. *state is freed by `free`, also after a failure. NULL for
   * steps that learn nothing: apply serves training rows too. */
  Status (*fit_all)(const StepFit *fit, const void *options, Frame *frame, void **state);
  /* Transform other rows with what was learned. Local; a row's result does not depend on others. */
  Status (*apply)(const void *options, const void *state, Frame *frame);
  /* Visit the state; IN allocates it. NULL for steps that learn nothing. Local. */
  Status (*fields)(void **state, Fields *fields);
  void (*free)(void **state); /* NULL with fields */
} StepKind;

/* Find a column among the features, else among the raw columns. Local. Fails with INVALID naming
 * the nearest name. plan_column also notes a raw column as needed. */
CHECKED Status frame_column(const Frame *frame, const char *name, Column **out);
CHECKED Status plan_column(FrameSchema *schema, const char *name, ColumnType *type);

#endif
