/* Paired comparison of two predictions of the same rows: is one better, and how sure is that?
 *
 * Both are measured in the same replicates of the Poisson bootstrap by recording (measure.h), so
 * that what makes rows hard, which hits both alike, drops out of the difference. */
#ifndef SEGUE_MEASURE_COMPARE_H
#define SEGUE_MEASURE_COMPARE_H

#include "kernels/measure/measure.h"

/* F1, AUC and average precision: of class 1 where there are two classes; of more the mean over
 * classes, as in measure.h. */
typedef enum CompareScore {
  COMPARE_RMSE,
  COMPARE_MAE,
  COMPARE_LOG_LOSS,
  COMPARE_ACCURACY,
  COMPARE_F1,
  COMPARE_AUC,
  COMPARE_AVERAGE_PRECISION,
  COMPARE_SCORES
} CompareScore;

/* "rmse", "mae", "log_loss", "accuracy", "f1", "auc", "average_precision", NULL. */
extern const char *const compare_score_words[];
static inline bool compare_higher_better(CompareScore score) { return score >= COMPARE_ACCURACY; }
static inline bool compare_of_values(CompareScore score) { return score <= COMPARE_MAE; }

/* This rank's rows; everything is borrowed. */
typedef struct CompareRows {
  int64_t n, n_classes;        /* n_classes 0: values are predicted */
  const double *truth;         /* n values or class numbers */
  const double *prediction[2]; /* n values, or n x n_classes probabilities */
  const int64_t *group;        /* as in RegressionRows; NULL: no interval */
  const uint8_t *where;        /* as in RegressionRows */
  Decision decision[2];        /* of two classes: how each predicts a class */
} CompareRows;

typedef struct Comparison {
  int64_t n;        /* rows over all ranks */
  double value[2];  /* of each; NaN: not defined */
  Score difference; /* first - second, with its interval */
  /* Replicates in which the first is better, of those where both are defined, equal ones counted
   * half; NaN: none. */
  double better;
} Comparison;

/* Compare.
 *
 * Collective. score, options same on all ranks (replicates, confidence, seed are used).
 * part  name of the rows for messages
 * out   replicated
 * Fails with INVALID when the score is not one of these predictions, and as
 * measure_*_scores_all; agreed. The means over more than two classes of AUC and average precision
 * have an interval only while rows x classes <= 2^18. */
CHECKED Status measure_compare_all(const Comm *comm, const CompareRows *rows, CompareScore score,
                                   const MeasureOptions *options, const char *part,
                                   Comparison *out);

#endif
