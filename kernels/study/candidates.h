/* Candidates: several specs judged on the same folds, in order of a score.
 *
 * What a matrix of remedies is: all specs on all folds are one list of tasks, spread over ranks
 * (cross_validate.h), then a leaderboard, then the best one beside each of the others by a paired
 * bootstrap over recordings of their out-of-fold predictions. */
#ifndef SEGUE_STUDY_CANDIDATES_H
#define SEGUE_STUDY_CANDIDATES_H

#include "cross_validate.h"

/* Borrowed; the same on all ranks. */
typedef struct Candidates {
  int64_t n;
  const Spec *const *specs; /* n; all of one target and group */
  int64_t n_labels;         /* how many words name a candidate, one for each axis */
  const char *const *axes;  /* n_labels names of the axes, such as "model" */
  const char *const *label; /* n x n_labels words */
  const char *score;        /* what decides, of evaluate_score_kinds; NULL: rmse, average_precision
                               (two classes) or accuracy */
} Candidates;

/* Who stands where. Replicated. */
typedef struct Standing {
  int64_t n;
  int64_t score;  /* what decided, of evaluate_score_kinds */
  int64_t *order; /* n candidates, the best first; ties: the lower number; NaN last */
  double *mean;   /* n x EVALUATE_SCORES, over the folds where the score is defined */
  double *sd;     /* the same; NaN: fewer than two such folds */
} Standing;
void standing_clear(Standing *standing);

/* Out-of-fold predictions are kept for the comparisons unless they would take more than this over
 * all ranks, which a note then says. */
#define CANDIDATES_BYTES (INT64_C(1) << 31)

/* Judge all candidates, and tell in summary: the table leaderboard with every score, and a bar for
 * each candidate. in->keep_predictions is ignored. Units go through sink (may be NULL) in the phase
 * that the caller has begun.
 * Collective. Fails with INVALID (an unknown score), and as cross_validation_run_all does, with the
 * candidate's labels in front; agreed; the caller clears out also then. */
CHECKED Status candidates_judge_all(const Comm *comm, const FoldInputs *in,
                                    const Candidates *candidates, WorkSink *sink, Standing *out,
                                    Summary *summary);

#endif
