/* Metrics of predictions, exact and global: the same bits on any number of ranks.
 *
 * Two layers. `measure_*_scores_all` give numbers (for the folds of a cross-validation);
 * `measure_*_all` add them to a Summary with tables, series and notes for people. Both take this
 * rank's rows, in any split over ranks, possibly none.
 *
 * Intervals come from the Poisson bootstrap by recording (Chamandy, Muralidharan, Najmi and Naidu
 * 2012, "Estimating uncertainty for massive data streams"): in replicate r a whole group counts
 * Poisson(1) times, a number addressed by (seed, r, group id); the interval lies between
 * percentiles of the replicates. Definitions are those of scikit-learn 1.9 unless said otherwise.
 * A value that is not defined (R2 of a constant truth, recall without a positive row) is NaN. */
#ifndef SEGUE_MEASURE_MEASURE_H
#define SEGUE_MEASURE_MEASURE_H

#include "kernels/base/summary.h"
#include "kernels/table/table.h"

/* How a class is predicted of two: the second when its probability is at least the threshold. All
 * zero: the class of the largest probability, ties to the lower one. */
typedef struct Decision {
  bool given;
  double threshold;
} Decision;

typedef struct MeasureOptions {
  double threshold;  /* REGRESSION: a row is high when its value is above; NaN: no high_* metrics */
  int64_t top_k;     /* CLASSIFICATION: k of top-k accuracy, at least 1 */
  Decision decision; /* CLASSIFICATION into two classes; scores of rankings do not change */
  int64_t replicates; /* of the bootstrap; 0: no intervals */
  double confidence;  /* of the intervals, between 0 and 1 */
  uint64_t seed;
  bool details; /* tables and series too, not only metrics and notes */
} MeasureOptions;

static inline MeasureOptions measure_options_default(uint64_t seed) {
  return (MeasureOptions){.threshold = 71,
                          .top_k = 3,
                          .replicates = 200,
                          .confidence = 0.95,
                          .seed = seed,
                          .details = true};
}

/* A value with its interval; low and high are NaN when there is none. */
typedef struct Score {
  double value, low, high;
} Score;

/* ---- regression ---- */

/* This rank's rows; everything is borrowed. */
typedef struct RegressionRows {
  int64_t n;
  const double *truth, *prediction; /* n each; finite, magnitude below 1e150 */
  const int64_t *group; /* n recording numbers (or row ids), 0 .. 2^62 - 1; NULL: no intervals */
  const uint8_t *where; /* n flags, rows with 0 are left out unread; NULL: all rows */
  const Column *by;     /* CATEGORY or LIST with n rows: errors also per value; NULL on all ranks:
                           not */
} RegressionRows;

typedef struct RegressionScores {
  int64_t n;                                    /* rows over all ranks; 0: all scores are NaN */
  int64_t n_high, n_high_predicted, n_high_hit; /* truth, prediction, both above the threshold */
  Score rmse, mae;
  Score r2;             /* NaN when the truth is constant (scikit-learn: 0 or 1) */
  Score bias;           /* mean of prediction - truth */
  Score high_recall;    /* n_high_hit / n_high */
  Score high_precision; /* n_high_hit / n_high_predicted */
} RegressionScores;

/* Measure predicted values.
 *
 * Collective.
 * part     name of the rows for messages, such as "test"
 * options  same on all ranks
 * out      replicated
 * Fails with NUMERIC when a truth or a prediction is not usable (names the row, counted over all
 * ranks), INVALID for options out of range, MEMORY; agreed.
 * Three exact Allreduces; one integer Allreduce of 9 x replicates more for intervals. */
CHECKED Status measure_regression_scores_all(const Comm *comm, const RegressionRows *rows,
                                             const MeasureOptions *options, const char *part,
                                             RegressionScores *out);

/* Measure, and tell in summary under split `part`: metrics rmse, mae, r2, bias, high_recall,
 * high_precision; with details the table error_by_COLUMN (rows->by; a row with a list counts under
 * each of its values), the series predicted_against_true, residuals and error_by_COLUMN.
 * An empty part gives a note and no metrics.
 *
 * Collective. scores  out, may be NULL. Fails as measure_regression_scores_all, and with INVALID
 * when `by` is neither a category nor a list. */
CHECKED Status measure_regression_all(const Comm *comm, const RegressionRows *rows,
                                      const MeasureOptions *options, const char *part,
                                      Summary *summary, RegressionScores *scores);

/* ---- classification ---- */

/* This rank's rows; everything is borrowed. */
typedef struct ClassificationRows {
  int64_t n, n_classes;
  const double *truth;         /* n class numbers, 0 .. n_classes - 1 */
  const double *probability;   /* n x n_classes, row by row; finite */
  const int64_t *group;        /* as in RegressionRows */
  const uint8_t *where;        /* as in RegressionRows */
  const Column *listed;        /* LIST with n rows: classes that count as a hit beside the truth;
                                  NULL: no any-listed accuracy */
  const int32_t *listed_class; /* listed->dictionary.n class numbers, -1: none; see below */
} ClassificationRows;

/* Of one class against the rest. */
typedef struct ClassScore {
  int64_t n, n_predicted, n_hit;
  double precision, recall, f1;  /* 0 where 0 / 0, as zero_division=0 */
  double auc, average_precision; /* NaN when rows of the class, or of the rest, are missing */
} ClassScore;

typedef struct ClassificationScores {
  int64_t n, n_classes;
  Score accuracy, top_k_accuracy, any_listed_accuracy, log_loss;
  Score balanced_accuracy; /* mean recall of the classes that the truth has */
  Score f1_macro;          /* means over classes that the truth or the predictions have */
  double precision_macro, recall_macro;
  double precision_weighted, recall_weighted, f1_weighted; /* by rows of the truth */
  Score auc, average_precision; /* 2 classes: of class 1. More: mean over classes that have both
                                   rows of their own and of the rest */
  double majority_share;        /* of the most frequent class: accuracy of the best constant */
  ClassScore *classes;          /* n_classes; with 2 classes auc of class 1 only */
} ClassificationScores;

void classification_scores_clear(ClassificationScores *scores);

/* The predicted class. Local. probability: n_classes */
static inline int32_t measure_class(const Decision *decision, const double *probability,
                                    int64_t n_classes) {
  int32_t best = 0;
  if (decision->given && n_classes == 2) return probability[1] >= decision->threshold;
  for (int32_t c = 1; c < n_classes; c++)
    if (probability[c] > probability[best]) best = c;
  return best;
}

/* Measure predicted class probabilities.
 *
 * Collective. The predicted class is that of the largest probability, ties to the lower class, in
 * top-k as well, unless options have a decision. AUC counts tied scores half, average precision
 * steps at distinct scores. Log loss clips to [eps, 1 - eps], eps = 2^-52. Intervals of auc and
 * average_precision for more than two classes only while rows x classes <= 2^18. part     name of
 * the rows for messages options  same on all ranks out      replicated; the caller clears it, also
 * after a failure Fails with NUMERIC when a probability is not finite or a truth is no class,
 * INVALID for options out of range, MEMORY; agreed. Communicates integer and exact sums of classes
 * x replicates, and per class one exchange of (score, group, label), 16 bytes a row, to key ranges.
 */
CHECKED Status measure_classification_scores_all(const Comm *comm, const ClassificationRows *rows,
                                                 const MeasureOptions *options, const char *part,
                                                 ClassificationScores *out);

/* Measure, and tell in summary under split `part`: metrics accuracy, balanced_accuracy, f1_macro,
 * f1_weighted, precision_macro, recall_macro, precision, recall and f1 (2 classes: of class 1),
 * auc, average_precision, log_loss, majority_share, top_K_accuracy (more classes than K only),
 * any_listed_accuracy (with rows->listed only); with details the table by_class, and the series
 * confusion (at most 30 classes) or the table most_confused (25 pairs, at most 2,048 classes). An
 * empty part gives a note and no metrics.
 *
 * Collective. classes  names of the n_classes classes. scores  out, may be NULL; else the caller
 * clears it. Fails as measure_classification_scores_all. */
CHECKED Status measure_classification_all(const Comm *comm, const ClassificationRows *rows,
                                          const Dictionary *classes, const MeasureOptions *options,
                                          const char *part, Summary *summary,
                                          ClassificationScores *scores);

/* Class number of each word of `listed`, -1 for a word that names no class: what
 * ClassificationRows.listed_class takes. out  listed->n items; the caller frees it. Local. Fails
 * with MEMORY. */
CHECKED Status measure_listed_classes(const Dictionary *classes, const Dictionary *listed,
                                      int32_t **out);

#endif
