/* What many fits on one fold share: its training rows, the fitted recipe and its features, what
 * models derive from these (bins), and the validation rows with theirs.
 *
 * For lists of specs of few recipes: trials of a search, a matrix of remedies, members of a stack.
 * A set of shared folds keeps what fits into a budget. Rejected: one copy for the ranks of a node.
 * Every rank would wait for the one that makes it, while making it anew on another rank costs each
 * rank about a third of one fit per fold, once. */
#ifndef SEGUE_STUDY_SHARED_FOLD_H
#define SEGUE_STUDY_SHARED_FOLD_H

#include "evaluate.h"

typedef struct SharedFold {
  SpecNeeds needs;
  Bundle prepared; /* with a fitted recipe, and no model */
  /* Rows without the columns that only the recipe reads. */
  StudyRows training, validation;
  Matrix x, validation_x;
  FeatureCache cache; /* of x */
} SharedFold;

/* Take the rows of a fold and fit the recipe of spec, whose model only tells whether it takes
 * categories. spec has to outlive out, which must not move. Collective. The caller clears out, also
 * after a failure. Fails as study_fit_fold_all. */
CHECKED Status shared_fold_init_all(const Comm *comm, const Table *table, const uint8_t *role,
                                    const Spec *spec, uint64_t seed, SharedFold *out);
void shared_fold_clear(SharedFold *fold);
/* Values per row that a model predicts. Local. */
static inline int64_t shared_fold_width(const SharedFold *fold) {
  const Problem *problem = &fold->needs.problem;
  return problem->task == TASK_REGRESSION ? 1 : problem->classes.n;
}
/* Bytes that it takes on this rank. Local. */
int64_t shared_fold_bytes(const SharedFold *fold);

/* Fit a model of a spec that has the same recipe on it, and judge it on the validation rows.
 * value  out: predictions of the validation rows, rows x width; the caller frees it. NULL: not
 *        wanted
 * Collective. Fails as the model's fit. */
CHECKED Status shared_fold_judge_all(const Comm *comm, SharedFold *fold, const Spec *spec,
                                     const MeasureOptions *measure, uint64_t seed, WorkSink *sink,
                                     FoldScores *out, double **value);

/* Would the recipes of both, fitted on the same rows, be the same, for models that both take
 * categories, or both do not? Their steps are told by where their options stand. Local. */
bool shared_fold_fits(const Spec *a, const Spec *b);

/* Beyond this on a rank, shared folds are made again for each fit. */
#define SHARED_FOLDS_BYTES (INT64_C(1) << 29)

typedef struct SharedFoldSlot {
  int64_t fold;
  const Spec *spec;
  int64_t bytes; /* most of any rank of the group */
  SharedFold *shared;
} SharedFoldSlot;

typedef struct SharedFolds {
  int64_t budget; /* bytes; as SHARED_FOLDS_BYTES */
  int64_t n, capacity, bytes;
  SharedFoldSlot *slots;
} SharedFolds;

/* The shared fold of this number for spec's recipe, made when it is not there. spec has to outlive
 * the set. Collective; arguments as shared_fold_init_all. Fails as that. */
CHECKED Status shared_folds_take_all(const Comm *comm, SharedFolds *set, const Table *table,
                                     const uint8_t *role, int64_t fold, const Spec *spec,
                                     uint64_t seed, SharedFold **out);
/* After use: it stays unless the set is beyond its budget. (The one just used goes, since it comes
 * again last.) Collective. */
void shared_folds_leave_all(const Comm *comm, SharedFolds *set, const SharedFold *fold);
void shared_folds_clear(SharedFolds *set);

#endif
