/* Calibration: maps from the probabilities that a model gives to those that come true.
 *
 * Learned from out-of-fold predictions, one map for each class against the rest (two classes: one
 * map, of class 1); the mapped probabilities are divided by their sum (Zadrozny and Elkan 2002).
 *
 *   platt     p = 1 / (1 + exp(a s + b)), by maximum likelihood with the targets
 *             (n+ + 1) / (n+ + 2) and 1 / (n- + 2) (Platt 1999; Newton's method with backtracking
 *             as in Lin, Lin and Weng 2007); s: the log odds of the probability, which is cut to
 *             [1e-6, 1 - 1e-6] for that, or the probability itself
 *   isotonic  the non-decreasing step function with the least squared error (pool adjacent
 *             violators; Barlow et al. 1972), linear between steps and constant beyond the ends.
 *             Rows of one probability are one point of their mean. */
#ifndef SEGUE_CALIBRATE_CALIBRATION_H
#define SEGUE_CALIBRATE_CALIBRATION_H

#include "kernels/base/comm.h"
#include "kernels/base/fields.h"

typedef enum CalibrationMethod {
  CALIBRATION_PLATT,
  CALIBRATION_ISOTONIC,
} CalibrationMethod;
extern const char *const calibration_method_words[]; /* "platt", "isotonic", NULL */

/* What Platt's map takes. */
typedef enum CalibrationScale { SCALE_LOG_ODDS, SCALE_PROBABILITY } CalibrationScale;
extern const char *const calibration_scale_words[]; /* "log_odds", "probability", NULL */

/* Of one class against the rest. */
typedef struct CalibrationMap {
  double a, b;   /* PLATT */
  int64_t n;     /* ISOTONIC: points, x ascending */
  double *x, *y; /* n */
} CalibrationMap;

typedef struct Calibration {
  CalibrationMethod method;
  CalibrationScale scale;
  int64_t n_maps; /* 1 for two classes, else one for each class; 0: no calibration */
  CalibrationMap *maps;
} Calibration;

/* Out-of-fold predictions of this rank's rows; borrowed. */
typedef struct CalibrationRows {
  int64_t n, n_classes;
  const double *probability; /* n x n_classes, finite */
  const double *truth;       /* n class numbers */
  const uint8_t *where;      /* n flags: rows with 0 are left out unread; NULL: all */
} CalibrationRows;

/* Learn. method and scale of out are set by the caller, the rest is zero.
 *
 * Collective. out: replicated; the caller clears it, also after a failure.
 * Fails with INVALID when the rows are of one class alone, MEMORY; agreed.
 * PLATT: an exact Allreduce an iteration. ISOTONIC: each row travels once. */
CHECKED Status calibration_fit_all(const Comm *comm, const CalibrationRows *rows, Calibration *out);
/* Map probabilities in place: n x n_classes. Probabilities that all map to 0 become equal. Local.
 */
void calibration_apply(const Calibration *calibration, int64_t n, int64_t n_classes,
                       double *probability);
/* Visit; IN allocates. Local. */
CHECKED Status calibration_fields(Calibration *calibration, Fields *fields);
void calibration_clear(Calibration *calibration);

/* ---- the maps of one class ---- */

/* Rows of one class against the rest: score s, and whether the row is of the class. */
typedef struct BinaryRows {
  int64_t n;
  const double *score;
  const uint8_t *positive;
} BinaryRows;

/* Collective. No failure: what does not converge in 50 iterations stays where it is. */
void platt_fit_all(const Comm *comm, const BinaryRows *rows, double *a, double *b);
double platt_value(double a, double b, double score);
/* Collective. Fails with MEMORY; agreed. */
CHECKED Status isotonic_fit_all(const Comm *comm, const BinaryRows *rows, CalibrationMap *out);
double isotonic_value(const CalibrationMap *map, double score);

#endif
