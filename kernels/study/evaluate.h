/* Evaluation: predict rows that were not trained on, and measure. */
#ifndef SEGUE_STUDY_EVALUATE_H
#define SEGUE_STUDY_EVALUATE_H

#include "kernels/measure/measure.h"
#include "study.h"

/* Predictions for rows, with their truth. */
typedef struct Predicted {
  StudyRows rows; /* every row once */
  int64_t width;  /* values per row */
  double *value;  /* rows x width: predicted value, or class probabilities */
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

/* The headline numbers of one fold, for tables over folds: names and values, at most
 * EVALUATE_SCORES; the same names in the same order for a task. Collective. */
enum { EVALUATE_SCORES = 8 };
typedef struct FoldScores {
  int64_t n;
  const char *name[EVALUATE_SCORES];
  double value[EVALUATE_SCORES];
  bool higher_better[EVALUATE_SCORES];
  int64_t n_training, n_validation;
} FoldScores;
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
