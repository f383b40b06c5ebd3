/* Gaussian process regression on encoded points of a space (Rasmussen and Williams 2006).
 *
 * Prior covariance s2 (1 + a + a^2 / 3) exp(-a) with a = sqrt(5) r, the Matern kernel of smoothness
 * 5/2, where r^2 is the sum over dimensions of (delta / length)^2: a length of its own for each
 * (automatic relevance determination), delta the difference of numbers, and 0 or 1 between
 * categories. Observations have independent noise of variance v. The mean is 0: the caller
 * standardises.
 *
 * theta, d + 2 numbers: natural logarithms of the lengths, of s2, and of v. */
#ifndef SEGUE_SEARCH_GP_H
#define SEGUE_SEARCH_GP_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/base/status.h"

typedef struct Gp {
  int64_t n, d;
  const bool *category; /* d, borrowed; NULL: all numbers */
  double *x;            /* n x d */
  double *y;            /* n */
  double *theta;        /* d + 2, as conditioned last */
  double *squares;      /* pairs i < j, times d: squared deltas */
  double *factor;       /* n x n: upper U with K + v I = U^T U */
  double *inverse;      /* n x n: of U, upper */
  double *alpha;        /* n: (K + v I)^-1 y */
  double *weight;       /* d: 1 / length^2 */
  double s2;
  double likelihood; /* the log marginal likelihood at theta */
} Gp;

static inline int64_t gp_thetas(int64_t d) { return d + 2; }

/* Copy the observations. Local. The caller clears out, also after a failure. MEMORY. */
CHECKED Status gp_init(Gp *gp, int64_t n, int64_t d, const bool *category, const double *x,
                       const double *y);
void gp_clear(Gp *gp);

/* Set theta. Local, of n^3 / 2 operations. False when the covariance is not positive definite to
 * rounding; nothing else may be asked then. */
bool gp_condition(Gp *gp, const double *theta);
/* The same for other y. */
void gp_observe(Gp *gp, const double *y);
/* The gradient of the log marginal likelihood by theta, after gp_condition. out: d + 2. Local. */
void gp_gradient(const Gp *gp, double *out);

/* What is thought of theta before there are data; independent normal distributions of its numbers.
 */
typedef struct GpPrior {
  double length_mean, length_deviation;
  double variance_mean, variance_deviation;
  double noise_mean, noise_deviation;
} GpPrior;
/* Numbers 0 to 1, standardised y. Lengths grow with the root of the dimensions (Hvarfner et al.
 * 2024). */
GpPrior gp_prior(int64_t d);

/* Condition on the theta with the greatest likelihood (prior NULL) or posterior density, found by
 * minimise from each of n_starts. starts: n_starts x (d + 2). Local. Fails with MEMORY, NUMERIC
 * when no start has a likelihood. */
CHECKED Status gp_fit(Gp *gp, const GpPrior *prior, int64_t n_starts, const double *starts,
                      int64_t most_steps);

/* Mean and variance of the process (without noise) at x. scratch: 2 n. Local. */
void gp_predict(const Gp *gp, const double *x, double *scratch, double *mean, double *variance);
/* The joint posterior at m points: means, and the m x m covariance of the process.
 * scratch: 2 n m. Local. */
void gp_joint(const Gp *gp, int64_t m, const double *x, double *scratch, double *mean,
              double *covariance);

/* What prediction consists of; arrays of n numbers. Local.
 * Covariances k of x with the observations; decays: out for gp_slope, NULL: not wanted. */
void gp_covariances(const Gp *gp, const double *x, double *k, double *decays);
/* z = U^-T k: the variance at x is s2 - z z. */
void gp_whiten(const Gp *gp, const double *k, double *z);
/* out = U^-1 z; of whitened y that is alpha. */
void gp_unwhiten(const Gp *gp, const double *z, double *out);
/* The gradient by x of sum of coefficient[i] k[i]; of categories 0. slope: out, d. */
void gp_slope(const Gp *gp, const double *x, const double *decays, const double *coefficient,
              double *slope);
/* s2 - z z, and never below what rounding may leave of it. */
double gp_variance(const Gp *gp, const double *z);

/* Helpers for small dense algebra, all local. The sum of products, in eight partial sums. */
double gp_dot(const double *a, const double *b, int64_t n);
/* Upper U of a symmetric matrix (its upper half is read), in place; false: not positive definite.
 */
bool gp_factor(double *matrix, int64_t n);

#endif
