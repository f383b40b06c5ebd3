/* What many fits on one fold share: its training rows, the fitted recipe and its features, and the
 * validation rows with theirs. For lists of specs that differ in the model alone. */
#ifndef SEGUE_STUDY_SHARED_FOLD_H
#define SEGUE_STUDY_SHARED_FOLD_H

#include "evaluate.h"

typedef struct SharedFold {
  SpecNeeds needs;
  Bundle prepared; /* with a fitted recipe, and no model */
  StudyRows training;
  Matrix x;
  StudyRows validation;
  Matrix validation_x;
} SharedFold;

/* Take the rows of a fold and fit the recipe of spec, whose model only tells whether it takes
 * categories. spec has to outlive out. Collective. The caller clears out, also after a failure.
 * Fails as study_fit_fold_all. */
CHECKED Status shared_fold_init_all(const Comm *comm, const Table *table, const uint8_t *role,
                                    const Spec *spec, uint64_t seed, SharedFold *out);
void shared_fold_clear(SharedFold *fold);
/* Bytes that it takes on this rank. Local. */
int64_t shared_fold_bytes(const SharedFold *fold);

/* Fit a model of a spec that has the same recipe on it, and judge it on the validation rows.
 * Collective. Fails as the model's fit. */
CHECKED Status shared_fold_judge_all(const Comm *comm, const SharedFold *fold, const Spec *spec,
                                     const MeasureOptions *measure, uint64_t seed, WorkSink *sink,
                                     FoldScores *out);

#endif
