/* Choosing the decision threshold of two classes from out-of-fold probabilities.
 *
 * A row counts as positive when its score is at least the threshold; candidates are the scores
 * that rows have. All decisions are taken from whole counts, so they do not depend on the ranks. */
#ifndef SEGUE_CALIBRATE_THRESHOLD_H
#define SEGUE_CALIBRATE_THRESHOLD_H

#include "calibration.h"

/* F1         the highest F1; ties to the lower threshold
 * RECALL     the highest recall among thresholds whose precision is at least the one given; of
 *            those with the same recall the most precise. When none is that precise: the highest
 *            precision, ties to the lower threshold
 * COST       the lowest cost of false positives and false negatives; ties to the lower threshold;
 *            calling nothing positive is a candidate too */
typedef enum ThresholdGoal { GOAL_F1, GOAL_RECALL, GOAL_COST } ThresholdGoal;
extern const char *const threshold_goal_words[]; /* "f1", "recall", "cost", NULL */

typedef struct ThresholdOptions {
  ThresholdGoal goal;
  double precision;                      /* RECALL */
  double false_positive, false_negative; /* COST: of one such row */
} ThresholdOptions;

/* What a threshold does. */
typedef struct ThresholdPoint {
  double threshold;
  int64_t hits;   /* positive rows at or above it */
  int64_t called; /* rows at or above it */
} ThresholdPoint;

typedef struct ThresholdChoice {
  int64_t positives, n; /* rows over all ranks */
  ThresholdPoint best;
  bool reached;    /* RECALL: the precision is */
  int64_t n_curve; /* up to 201, at even steps of called and of positive rows, highest first */
  ThresholdPoint *curve; /* n_curve */
} ThresholdChoice;

/* Choose.
 *
 * Collective. options same on all ranks. out: replicated; the caller clears it, also after a
 * failure. Fails with INVALID when all rows are of one class, MEMORY; agreed.
 * Each row travels once. */
CHECKED Status threshold_choose_all(const Comm *comm, const BinaryRows *rows,
                                    const ThresholdOptions *options, ThresholdChoice *out);
void threshold_clear(ThresholdChoice *choice);

/* Scores of a point; precision without a called row, and F1 without either, are 0. Local. */
double threshold_precision(const ThresholdPoint *point);
double threshold_recall(const ThresholdChoice *choice, const ThresholdPoint *point);
double threshold_f1(const ThresholdChoice *choice, const ThresholdPoint *point);
double threshold_cost(const ThresholdChoice *choice, const ThresholdOptions *options,
                      const ThresholdPoint *point);
/* What a given threshold does. Collective. */
void threshold_at_all(const Comm *comm, const BinaryRows *rows, double threshold,
                      ThresholdPoint *out);

#endif
