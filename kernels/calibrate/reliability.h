/* Reliability: do events that are predicted with probability p happen in a share p of the cases?
 *
 * Two classes: of class 1. More: of the predicted class, whose probability is to be the share of
 * hits. Bins are of equal width over [0, 1], open below and closed
 * above (but for 0), as scikit-learn's. */
#ifndef SEGUE_CALIBRATE_RELIABILITY_H
#define SEGUE_CALIBRATE_RELIABILITY_H

#include "calibration.h"

enum { RELIABILITY_MOST_BINS = 100 };

typedef struct Reliability {
  int64_t n;                                 /* rows over all ranks */
  int64_t bins, rows[RELIABILITY_MOST_BINS]; /* rows of each bin */
  double predicted[RELIABILITY_MOST_BINS];   /* mean probability; NaN: no row */
  double observed[RELIABILITY_MOST_BINS];    /* share of rows in which it came true */
  /* Mean over rows of the squared error: of the probability of class 1 for two classes, summed over
   * classes for more (Brier 1950; scikit-learn's brier_score_loss with its default scaling). */
  double brier;
  double calibration_error; /* expected: mean over rows of |predicted - observed| of their bin */
} Reliability;

/* Collective. bins 2 to RELIABILITY_MOST_BINS. out: replicated; NaN without rows. */
void reliability_all(const Comm *comm, const CalibrationRows *rows, int64_t bins, Reliability *out);

#endif
