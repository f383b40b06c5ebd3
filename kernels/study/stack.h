/* Stacked generalisation (Wolpert 1992): a model that learns from what other models predict.
 *
 * What it learns from are out-of-fold predictions, and so are the numbers that say whether it is
 * better than its best member. For that, members are fitted for sets of folds: a model for the set
 * S has learned from rows that are training rows of every fold in S, and predicts, for each f in S,
 * validation rows of f that are training rows of all others in S. With g(i) the fold that validates
 * row i, and P(S, i) the prediction of a model for S,
 *   - a model of level l for S learns from row i by the features P(S + g(i), i) of level l - 1;
 *   - where g(i) is in S, these features are what it predicts row i by.
 * So the meta model that is judged on fold f has seen neither a row of f nor a prediction of a
 * model that has. With k folds and one level this takes k (k - 1) / 2 + k + 1 fits of a member, the
 * last on all training rows: that one serves. Sets with the same training rows share a fit; sets
 * without training or validation rows (as with folds in time) are left out. Of repeated folds the
 * first repeat is used. */
#ifndef SEGUE_STUDY_STACK_H
#define SEGUE_STUDY_STACK_H

#include "cross_validate.h"
#include "nest.h"

enum { STACK_MOST_FOLDS = 62 };

/* What members, and the stack, predict for this rank's rows of the table when the row's fold is
 * held out: rows.n x width; NaN in rows without. */
typedef struct HeldOut {
  int64_t width;
  int64_t n_members;
  double **member; /* n_members arrays */
  double *stack;   /* NULL: not asked for */
} HeldOut;
void held_out_clear(HeldOut *held);

/* What there is to do. */
typedef struct StackJob {
  const FoldInputs *in; /* keep_predictions and packed are not looked at */
  const uint8_t *role;  /* of the split, by row of the table */
  bool guard;           /* the stack's own held-out predictions, too */
  bool final;           /* fit the bundle's members and meta model on all training rows */
} StackJob;

/* Stack.
 *
 * bundle   begun with the spec; final: gets what was fitted. In either case its task, classes,
 *          needed columns and the specs of its parts are set
 * held     out; the caller clears it, also after a failure
 * summary  what the meta model has to say, and a note about fits
 * Units go through sink in phases of their own.
 * Collective. Fails with INVALID (fewer than two folds, a recipe ...), NUMERIC, MEMORY, STOPPED;
 * agreed. */
CHECKED Status stack_fit_all(const Comm *comm, const StackJob *job, WorkSink *sink, Bundle *bundle,
                             HeldOut *held, Summary *summary);

/* Compare the stack's held-out predictions with its best member's, the one of the best score on the
 * same rows, and tell: the stack's scores and the difference under split held_out, the scores of
 * all in the table held_out, and a note about which to use. Collective. Fails with NUMERIC, MEMORY;
 * agreed. */
CHECKED Status stack_guard_all(const Comm *comm, const FoldInputs *in, const Bundle *bundle,
                               const HeldOut *held, CompareScore score, Summary *summary);

/* Predict the rows of one role by the stack and by its members, each prediction made once.
 * columns  as evaluate_predict_all
 * members  out: n_members arrays of rows x width, that of the predicted rows; the caller frees
 *          them, also after a failure
 * Collective. Fails with INVALID, MEMORY; agreed. */
CHECKED Status stack_predict_all(const Comm *comm, const Table *table, const uint8_t *role,
                                 Role wanted, const Schema *columns, const Bundle *bundle,
                                 Predicted *out, double **members);

/* The rows of a table whose prediction is known, as measuring wants them.
 * value  rows.n x width of the table, NaN in the first column: not known
 * out    the caller clears it, also after a failure
 * Collective. Fails with INVALID, MEMORY; agreed. */
CHECKED Status held_out_predicted_all(const Comm *comm, const FoldInputs *in, const Bundle *bundle,
                                      const double *value, Predicted *out);

#endif
