/* Cross-validation: specs fitted on the training rows of folds and judged on their validation rows,
 * as tasks spread over ranks or groups of ranks (study/spread.h).
 *
 * `train` runs one spec over all folds; a search, a matrix of remedies or a stack is a longer list
 * of tasks. A task is one unit of work: its scores (and predictions) are saved when it is done, and
 * the fit inside saves its own units, so that a stopped run goes on where it was, on any number of
 * ranks. The same bits whatever the ranks, the groups and the order in which tasks end. */
#ifndef SEGUE_STUDY_CROSS_VALIDATE_H
#define SEGUE_STUDY_CROSS_VALIDATE_H

#include "evaluate.h"
#include "kernels/table/replica.h"
#include "spread.h"

/* One spec on one fold. */
typedef struct FoldTask {
  const Spec *spec;
  int64_t fold;
  const char *name; /* of the spec, for messages; NULL: there is but one */
} FoldTask;

/* What a cross-validation works on. Borrowed, must outlive it; the same on all ranks. */
typedef struct FoldInputs {
  const Table *table;
  const Folds *folds; /* over table's rows; folds_check_all has passed */
  const MeasureOptions *measure;
  uint64_t seed;
  Spread spread;
  bool keep_predictions;
  bool packed; /* those of validation rows alone: for many tasks of many classes */
} FoldInputs;

/* What became of a task; replicated but for the predictions. */
typedef struct FoldResult {
  FoldScores scores;
  /* With keep_predictions: out-of-fold predictions of this rank's rows of the table, rows.n x
   * width (value, or class probabilities); NaN in rows that the fold does not validate on or that
   * have no target. */
  int64_t width;
  double *value;
  /* Packed: value is n x width, of this rank's rows row[0 .. n - 1] of the table. */
  int64_t n;
  int64_t *row;
} FoldResult;
void fold_result_clear(FoldResult *result);

/* Mean and standard deviation of score k over the folds where it is defined; NaN where there are
 * none, or (sd) fewer than two. Local. */
void fold_results_mean(const FoldResult *results, int64_t n, int64_t k, double *mean, double *sd);

typedef struct CrossValidation {
  FoldInputs in;
  Comm comm;
  Comm group; /* the ranks that share a task */
  int n_groups;
  Table columns; /* what the specs read, and the roles of folds; shared with in.table */
  Replica replica;
  Table rows;      /* this rank's rows of a task */
  int64_t *n_rows; /* training rows by fold, over all ranks */
} CrossValidation;

/* Choose the groups for these tasks, and replicate the columns that their specs read. Collective.
 * Other tasks of the same specs, or of specs that read no further columns, can be run then.
 * Fails with INVALID (an absent column ...), MEMORY; agreed; the caller clears out also then. */
CHECKED Status cross_validation_init_all(const Comm *comm, const FoldInputs *in, int64_t n,
                                         const FoldTask *tasks, CrossValidation *out);

/* Run tasks; those with most training rows begin first. Units go through sink (may be NULL) in the
 * phase that the caller has begun; progress is told in percent.
 * results  out, n zeroed places; the caller clears them, also after a failure
 * Collective. Fails with the status of a failing task, the first in order of beginning, agreed;
 * its message begins with the name and "fold 2 of 5: "; STOPPED; MEMORY. */
CHECKED Status cross_validation_run_all(CrossValidation *cv, int64_t n, const FoldTask *tasks,
                                        WorkSink *sink, FoldResult *results);

/* Roles of this rank's rows of a task on a fold. Local, borrowed. */
const uint8_t *cross_validation_role(const CrossValidation *cv, int64_t fold);

/* Collective. */
void cross_validation_clear_all(CrossValidation *cv);

/* Out-of-fold predictions of packed results, one for each of n folds (of repeated ones those of the
 * first repeat): out, rows.n x width of the table, NaN in rows without. Local. Fails with MEMORY.
 */
CHECKED Status fold_results_gather(const FoldInputs *in, const FoldResult *results, int64_t n,
                                   int64_t width, double **out);

/* One spec over all folds, told in summary: the table fold_scores, and the mean and standard
 * deviation of each score under split "folds".
 * value  out: what fold_results_gather gives, width values per row; NULL: not wanted
 * Collective. Fails as above. */
CHECKED Status cross_validate_all(const Comm *comm, const FoldInputs *in, const Spec *spec,
                                  WorkSink *sink, double **value, int64_t *width, Summary *summary);

#endif
