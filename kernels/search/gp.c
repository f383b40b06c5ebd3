/* Gaussian process regression; see gp.h.
 *
 * Matrices are upper triangles, row by row, so that every inner loop runs along rows. All of it is
 * plain arithmetic in a fixed order: it is done by one rank, and any rank would find the same. */
#include "gp.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"
#include "minimise.h"

static const double LOG_2_PI = 1.8378770664093453, SQRT_5 = 2.23606797749979;

double gp_dot(const double *a, const double *b, int64_t n) {
  double part[8] = {0}, rest = 0;
  int64_t i = 0;
  for (; i + 8 <= n; i += 8)
    for (int k = 0; k < 8; k++) part[k] += a[i + k] * b[i + k];
  for (; i < n; i++) rest += a[i] * b[i];
  return ((part[0] + part[4]) + (part[1] + part[5])) + ((part[2] + part[6]) + (part[3] + part[7])) +
         rest;
}

static void add_multiple(double factor, const double *restrict x, int64_t n, double *restrict y) {
  for (int64_t i = 0; i < n; i++) y[i] += factor * x[i];
}

bool gp_factor(double *matrix, int64_t n) {
  for (int64_t k = 0; k < n; k++) {
    double *row = matrix + k * n;
    if (!(row[k] > 0)) return false;
    double root = sqrt(row[k]);
    for (int64_t j = k; j < n; j++) row[j] /= root;
    for (int64_t i = k + 1; i < n; i++) add_multiple(-row[i], row + i, n - i, matrix + i * n + i);
  }
  return true;
}

/* inverse = U^-1, row by row from the last. */
static void invert(const double *u, int64_t n, double *inverse) {
  for (int64_t i = n - 1; i >= 0; i--) {
    double *row = inverse + i * n, pivot = 1 / u[i * n + i];
    memset(row, 0, (size_t)n * sizeof *row);
    for (int64_t k = i + 1; k < n; k++)
      add_multiple(-u[i * n + k] * pivot, inverse + k * n + k, n - k, row + k);
    row[i] = pivot;
  }
}

/* z = U^-T k; k is overwritten. */
static void forward(const double *u, int64_t n, double *k, double *z) {
  for (int64_t i = 0; i < n; i++) {
    z[i] = k[i] / u[i * n + i];
    add_multiple(-z[i], u + i * n + i + 1, n - i - 1, k + i + 1);
  }
}

/* ---- the kernel ---- */

static double delta_square(const Gp *gp, int64_t j, double a, double b) {
  if (gp->category && gp->category[j]) return a == b ? 0 : 1;
  return (a - b) * (a - b);
}

/* The kernel over s2 at r^2, and decay: what its derivatives have in common. */
static double matern(double square, double *decay) {
  double a = SQRT_5 * sqrt(square), e = elementary_exp(-a);
  *decay = (1 + a) * e;
  return (1 + a + a * a / 3) * e;
}

static int64_t pair(const Gp *gp, int64_t i, int64_t j) {
  return i * (2 * gp->n - i - 1) / 2 + j - i - 1;
}

Status gp_init(Gp *gp, int64_t n, int64_t d, const bool *category, const double *x,
               const double *y) {
  Status status = OK;
  *gp = (Gp){.n = n, .d = d, .category = category};
  TRY(NEW(&gp->x, n * d));
  TRY(NEW(&gp->y, n));
  TRY(NEW(&gp->theta, gp_thetas(d)));
  TRY(NEW(&gp->squares, n * (n - 1) / 2 * d + 1));
  TRY(NEW(&gp->factor, n * n));
  TRY(NEW(&gp->inverse, n * n));
  TRY(NEW(&gp->alpha, n));
  TRY(NEW(&gp->weight, d));
  if (n > 0) memcpy(gp->x, x, (size_t)(n * d) * sizeof *x);
  if (n > 0) memcpy(gp->y, y, (size_t)n * sizeof *y);
  for (int64_t i = 0; i < n; i++)
    for (int64_t k = i + 1; k < n; k++)
      for (int64_t j = 0; j < d; j++)
        gp->squares[pair(gp, i, k) * d + j] = delta_square(gp, j, x[i * d + j], x[k * d + j]);
done:
  return status;
}

void gp_clear(Gp *gp) {
  memory_free(&gp->x);
  memory_free(&gp->y);
  memory_free(&gp->theta);
  memory_free(&gp->squares);
  memory_free(&gp->factor);
  memory_free(&gp->inverse);
  memory_free(&gp->alpha);
  memory_free(&gp->weight);
}

static double pair_square(const Gp *gp, int64_t i, int64_t k) {
  const double *squares = gp->squares + pair(gp, i, k) * gp->d;
  double sum = 0;
  for (int64_t j = 0; j < gp->d; j++) sum += squares[j] * gp->weight[j];
  return sum;
}

void gp_observe(Gp *gp, const double *y) {
  int64_t n = gp->n;
  double log_pivots = 0, square = 0;
  double *z = gp->inverse, *scratch = gp->alpha; /* the inverse is made anew below */
  if (y != gp->y) memcpy(gp->y, y, (size_t)n * sizeof *y);
  memcpy(scratch, gp->y, (size_t)n * sizeof *y);
  forward(gp->factor, n, scratch, z);
  for (int64_t i = 0; i < n; i++) {
    log_pivots += elementary_log(gp->factor[i * n + i]);
    square += z[i] * z[i];
  }
  for (int64_t i = n - 1; i >= 0; i--) {
    const double *row = gp->factor + i * n;
    gp->alpha[i] = (z[i] - gp_dot(row + i + 1, gp->alpha + i + 1, n - i - 1)) / row[i];
  }
  gp->likelihood = -0.5 * square - log_pivots - 0.5 * (double)n * LOG_2_PI;
  invert(gp->factor, n, gp->inverse);
}

bool gp_condition(Gp *gp, const double *theta) {
  int64_t n = gp->n, d = gp->d;
  double s2 = elementary_exp(theta[d]), noise = elementary_exp(theta[d + 1]), decay;
  gp->s2 = s2;
  if (theta != gp->theta) memcpy(gp->theta, theta, (size_t)gp_thetas(d) * sizeof *theta);
  for (int64_t j = 0; j < d; j++) gp->weight[j] = elementary_exp(-2 * theta[j]);
  for (int64_t i = 0; i < n; i++) {
    double *row = gp->factor + i * n;
    row[i] = s2 + noise;
    for (int64_t k = i + 1; k < n; k++) row[k] = s2 * matern(pair_square(gp, i, k), &decay);
  }
  if (!gp_factor(gp->factor, n)) return false;
  gp_observe(gp, gp->y);
  return isfinite(gp->likelihood);
}

/* Half the trace of (alpha alpha^T - (K + v I)^-1) dK / dtheta. Pairs stand twice in the trace. */
void gp_gradient(const Gp *gp, double *out) {
  int64_t n = gp->n, d = gp->d;
  double s2 = gp->s2, noise = elementary_exp(gp->theta[d + 1]);
  double diagonal = 0, covariance = 0;
  memset(out, 0, (size_t)gp_thetas(d) * sizeof *out);
  for (int64_t i = 0; i < n; i++) {
    const double *own = gp->inverse + i * n;
    diagonal += gp->alpha[i] * gp->alpha[i] - gp_dot(own + i, own + i, n - i);
    for (int64_t k = i + 1; k < n; k++) {
      double decay, value = matern(pair_square(gp, i, k), &decay);
      double q = gp->alpha[i] * gp->alpha[k] - gp_dot(own + k, gp->inverse + k * n + k, n - k);
      const double *squares = gp->squares + pair(gp, i, k) * d;
      covariance += q * value;
      double common = q * s2 * (5.0 / 3) * decay;
      for (int64_t j = 0; j < d; j++) out[j] += common * squares[j] * gp->weight[j];
    }
  }
  out[d] = s2 * (0.5 * diagonal + covariance);
  out[d + 1] = 0.5 * noise * diagonal;
}

/* ---- fitting ---- */

GpPrior gp_prior(int64_t d) {
  return (GpPrior){.length_mean = -1 + 0.5 * elementary_log(d > 0 ? (double)d : 1),
                   .length_deviation = 1,
                   .variance_mean = 0,
                   .variance_deviation = 1,
                   .noise_mean = -7,
                   .noise_deviation = 2.5};
}

static void prior_of(const GpPrior *prior, int64_t d, int64_t i, double *mean, double *deviation) {
  *mean = i < d ? prior->length_mean : i == d ? prior->variance_mean : prior->noise_mean;
  *deviation = i < d    ? prior->length_deviation
               : i == d ? prior->variance_deviation
                        : prior->noise_deviation;
}

typedef struct Fitting {
  Gp *gp;
  const GpPrior *prior;
} Fitting;

static double badness(void *context, const double *theta, double *gradient) {
  const Fitting *f = context;
  int64_t d = f->gp->d;
  if (!gp_condition(f->gp, theta)) return NAN;
  double value = -f->gp->likelihood;
  gp_gradient(f->gp, gradient);
  for (int64_t i = 0; i < gp_thetas(d); i++) {
    double mean, deviation;
    gradient[i] = -gradient[i];
    if (!f->prior) continue;
    prior_of(f->prior, d, i, &mean, &deviation);
    double off = (theta[i] - mean) / deviation;
    value += 0.5 * off * off;
    gradient[i] += off / deviation;
  }
  return value;
}

/* Within e^-7 to e^7 of length, e^-5 to e^5 of variance, 1e-8 to e of noise. */
static void bounds(int64_t d, double *low, double *high) {
  for (int64_t i = 0; i < gp_thetas(d); i++) {
    low[i] = i < d ? -7 : i == d ? -5 : -18.420680743952367;
    high[i] = i < d ? 7 : i == d ? 5 : 1;
  }
}

Status gp_fit(Gp *gp, const GpPrior *prior, int64_t n_starts, const double *starts,
              int64_t most_steps) {
  Status status = OK;
  int64_t t = gp_thetas(gp->d);
  double *best = NULL, *x = NULL, *low = NULL, least = INFINITY;
  Fitting fitting = {gp, prior};
  TRY(NEW(&best, t));
  TRY(NEW(&x, t));
  TRY(NEW(&low, 2 * t));
  bounds(gp->d, low, low + t);
  Minimise problem = {t, low, low + t, badness, &fitting, most_steps};
  for (int64_t s = 0; s < n_starts; s++) {
    double value;
    for (int64_t i = 0; i < t; i++) x[i] = fmin(fmax(starts[s * t + i], low[i]), low[t + i]);
    TRY(minimise(&problem, x, &value));
    if (!(value < least)) continue;
    least = value;
    memcpy(best, x, (size_t)t * sizeof *x);
  }
  if (!isfinite(least) || !gp_condition(gp, best))
    status = status_fail(NUMERIC, "the Gaussian process cannot be fitted to %lld results",
                         (long long)gp->n);
done:
  memory_free(&best);
  memory_free(&x);
  memory_free(&low);
  return status;
}

/* ---- prediction ---- */

static double kernel(const Gp *gp, const double *a, const double *b, double *decay) {
  double square = 0;
  for (int64_t j = 0; j < gp->d; j++) square += delta_square(gp, j, a[j], b[j]) * gp->weight[j];
  double value = gp->s2 * matern(square, decay);
  *decay *= gp->s2;
  return value;
}

void gp_covariances(const Gp *gp, const double *x, double *k, double *decays) {
  for (int64_t i = 0; i < gp->n; i++) {
    double decay;
    k[i] = kernel(gp, x, gp->x + i * gp->d, &decay);
    if (decays) decays[i] = decay;
  }
}

/* By rows of the inverse, whose row i begins at its diagonal. */
void gp_whiten(const Gp *gp, const double *k, double *z) {
  int64_t n = gp->n;
  memset(z, 0, (size_t)n * sizeof *z);
  for (int64_t i = 0; i < n; i++) add_multiple(k[i], gp->inverse + i * n + i, n - i, z + i);
}

void gp_unwhiten(const Gp *gp, const double *z, double *out) {
  int64_t n = gp->n;
  for (int64_t i = 0; i < n; i++) out[i] = gp_dot(gp->inverse + i * n + i, z + i, n - i);
}

double gp_variance(const Gp *gp, const double *z) {
  double left = gp->s2 - gp_dot(z, z, gp->n), least = 1e-12 * gp->s2;
  return left > least ? left : least;
}

/* d k / d x_j = -5/3 s2 decay delta / length^2. */
void gp_slope(const Gp *gp, const double *x, const double *decays, const double *coefficient,
              double *slope) {
  int64_t d = gp->d;
  memset(slope, 0, (size_t)d * sizeof *slope);
  for (int64_t i = 0; i < gp->n; i++) {
    double common = -5.0 / 3 * decays[i] * coefficient[i];
    for (int64_t j = 0; j < d; j++) {
      if (gp->category && gp->category[j]) continue;
      slope[j] += common * (x[j] - gp->x[i * d + j]) * gp->weight[j];
    }
  }
}

void gp_predict(const Gp *gp, const double *x, double *scratch, double *mean, double *variance) {
  gp_covariances(gp, x, scratch, NULL);
  *mean = gp_dot(scratch, gp->alpha, gp->n);
  gp_whiten(gp, scratch, scratch + gp->n);
  *variance = gp_variance(gp, scratch + gp->n);
}

void gp_joint(const Gp *gp, int64_t m, const double *x, double *scratch, double *mean,
              double *covariance) {
  int64_t n = gp->n, d = gp->d;
  double decay, variance;
  for (int64_t a = 0; a < m; a++)
    gp_predict(gp, x + a * d, scratch + 2 * n * a, &mean[a], &variance);
  for (int64_t a = 0; a < m; a++) {
    for (int64_t b = 0; b < m; b++) {
      const double *z_a = scratch + 2 * n * a + n, *z_b = scratch + 2 * n * b + n;
      covariance[a * m + b] = kernel(gp, x + a * d, x + b * d, &decay) - gp_dot(z_a, z_b, n);
    }
  }
}
