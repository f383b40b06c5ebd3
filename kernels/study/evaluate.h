/* Evaluation: predict rows that were not trained on, and measure. */
#ifndef SEGUE_STUDY_EVALUATE_H
#define SEGUE_STUDY_EVALUATE_H

#include "kernels/measure/compare.h"
#include "study.h"

/* Predictions for rows, with their truth. */
typedef struct Predicted {
  StudyRows rows;   /* every row once */
  int64_t width;    /* values per row */
  double *value;    /* rows x width: predicted value, or class probabilities */
  double *interval; /* rows x 2: low and high; NULL: the model has none */
} Predicted;
void predicted_clear(Predicted *predicted);

/* Predict the rows of one role. columns: as study_rows_all, with what the bundle needs and what
 * measuring needs (the target, a `by` column). Collective. Fails with INVALID, MEMORY; agreed. */
CHECKED Status evaluate_predict_all(const Comm *comm, const Table *table, const uint8_t *role,
                                    Role wanted, const Schema *columns, const char *group,
                                    const Bundle *bundle, Predicted *out);

/* Measure predictions and tell them in summary under split `part`.
 * by  column of the rows for errors per value; NULL: none
 * A list target counts a row under each of its words (accuracy, AUC ...); any_listed_accuracy
 * counts a row once, a hit being any of its words.
 * Collective. Fails with NUMERIC, MEMORY; agreed. */
CHECKED Status evaluate_measure_all(const Comm *comm, const Predicted *predicted,
                                    const Bundle *bundle, const char *by,
                                    const MeasureOptions *options, const char *part,
                                    Summary *summary);

/* Compare predictions with others of the same rows and bundle: `other`, rows x width.
 * Collective. Fails as measure_compare_all. */
CHECKED Status evaluate_compare_all(const Comm *comm, const Predicted *predicted,
                                    const double *other, const Bundle *bundle, CompareScore score,
                                    const MeasureOptions *options, const char *part,
                                    Comparison *out);

/* The numbers of one fold, for tables over folds and for comparing specs. */
typedef struct ScoreKind {
  const char *name; /* as measure_*_all names it */
  bool higher_better, headline;
} ScoreKind;

enum { EVALUATE_SCORES = 10 }; /* at most, of either task */
/* By Task; kinds without a name are behind the last. precision, recall and f1 are those of the
 * second class when there are two, means over classes otherwise. */
extern const ScoreKind evaluate_score_kinds[][EVALUATE_SCORES];
/* The place of a score among its task's kinds, -1: there is none of that name. Local. */
int64_t evaluate_score_find(Task task, const char *name);
int64_t evaluate_score_count(Task task);

typedef struct FoldScores {
  Task task;
  double value[EVALUATE_SCORES]; /* in the order of the task's kinds; NaN: not defined */
  int64_t n_training, n_validation;
} FoldScores;

/* n_training stays 0. Collective. Fails with NUMERIC, MEMORY; agreed. */
CHECKED Status evaluate_scores_all(const Comm *comm, const Predicted *predicted,
                                   const Bundle *bundle, const MeasureOptions *options,
                                   FoldScores *out);

/* What the constant baseline would reach on the same rows: fitted on training, measured under split
 * `part`, metrics and no details. Collective. */
CHECKED Status evaluate_baseline_all(const Comm *comm, const StudyRows *training,
                                     const Predicted *predicted, const Bundle *bundle,
                                     const MeasureOptions *options, const char *part,
                                     Summary *summary);

#endif
