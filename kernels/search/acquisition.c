/* Expected improvement over fantasies; see acquisition.h. */
#include "acquisition.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"

static const double HALF_LOG_2_PI = 0.9189385332046727, ROOT_HALF = 0.7071067811865476;

/* c of Mills' ratio 1 / (t + c), c = 1 / (t + 2 / (t + 3 / (t + ...))) (Laplace 1805), t >= 2. */
static double mills_rest(double t) {
  int terms = 12 + (int)(600 / (t * t));
  double c = t;
  for (int k = terms; k >= 2; k--) c = t + k / c;
  return 1 / c;
}

/* With t = -u, phi - t Phi(-t) = phi c / (t + c): nothing cancels. */
double acquisition_log_h(double u, double *ratio) {
  if (u < -2) {
    double t = -u, c = mills_rest(t);
    *ratio = 1 / c;
    return -0.5 * t * t - HALF_LOG_2_PI + elementary_log(c / (t + c));
  }
  double density = elementary_exp(-0.5 * u * u - HALF_LOG_2_PI);
  double share = 0.5 * erfc(-u * ROOT_HALF), h = density + u * share;
  *ratio = share / h;
  return elementary_log(h);
}

/* ---- fantasies ---- */

/* Draws from the joint posterior of the pending points, each with its noise. out: fantasies x m. */
static Status draw(const Gp *fit, int64_t m, const double *pending, const Stream *stream,
                   int64_t fantasies, double *out) {
  Status status = OK;
  double *mean = NULL, *covariance = NULL, *scratch = NULL;
  double noise = elementary_exp(fit->theta[fit->d + 1]);
  TRY(NEW(&mean, m));
  TRY(NEW(&covariance, m * m));
  TRY(NEW(&scratch, 2 * fit->n * m));
  gp_joint(fit, m, pending, scratch, mean, covariance);
  for (int64_t a = 0; a < m; a++) covariance[a * m + a] += noise + 1e-10 * fit->s2;
  if (!gp_factor(covariance, m)) { /* points on top of each other: as if they were apart */
    memset(covariance, 0, (size_t)(m * m) * sizeof *covariance);
    for (int64_t a = 0; a < m; a++) covariance[a * m + a] = sqrt(noise);
  }
  for (int64_t f = 0; f < fantasies; f++) {
    for (int64_t a = 0; a < m; a++) {
      double y = mean[a];
      for (int64_t b = 0; b <= a; b++)
        y += covariance[b * m + a] * random_normal(stream, (uint64_t)f, (uint32_t)b);
      out[f * m + a] = y;
    }
  }
done:
  memory_free(&mean);
  memory_free(&covariance);
  memory_free(&scratch);
  return status;
}

/* The process of both, whose y are those of the first fantasy. */
static Status join(Acquisition *a, const Gp *fit, int64_t m, const double *pending) {
  Status status = OK;
  int64_t n = fit->n, d = fit->d;
  double *x = NULL, *y = NULL;
  TRY(NEW(&x, (n + m) * d));
  TRY(NEW(&y, n + m));
  memcpy(x, fit->x, (size_t)(n * d) * sizeof *x);
  if (m > 0) memcpy(x + n * d, pending, (size_t)(m * d) * sizeof *x);
  memcpy(y, fit->y, (size_t)n * sizeof *y);
  TRY(gp_init(&a->gp, n + m, d, fit->category, x, y));
  if (!gp_condition(&a->gp, fit->theta))
    status = status_fail(NUMERIC, "pending points make the covariance singular");
done:
  memory_free(&x);
  memory_free(&y);
  return status;
}

/* (K + v I) alpha = y, so the mean at the observations is y - v alpha. */
static void solve(Acquisition *a, int64_t known, const double *drawn) {
  int64_t n = a->gp.n, m = n - known;
  double noise = elementary_exp(a->gp.theta[a->gp.d + 1]), *y = a->scratch, *z = a->scratch + n;
  memcpy(y, a->gp.y, (size_t)n * sizeof *y);
  for (int64_t f = 0; f < a->fantasies; f++) {
    double *alpha = a->alpha + f * n;
    for (int64_t i = 0; i < m; i++) y[known + i] = drawn[f * m + i];
    gp_whiten(&a->gp, y, z);
    gp_unwhiten(&a->gp, z, alpha);
    a->best[f] = INFINITY;
    for (int64_t i = 0; i < n; i++) a->best[f] = fmin(a->best[f], y[i] - noise * alpha[i]);
  }
}

Status acquisition_init(Acquisition *a, const Gp *fit, int64_t m, const double *pending,
                        const Stream *stream) {
  Status status = OK;
  double *drawn = NULL;
  int64_t n = fit->n + m;
  *a = (Acquisition){.fantasies = m > 0 ? ACQUISITION_FANTASIES : 1};
  TRY(NEW(&a->alpha, a->fantasies * n));
  TRY(NEW(&a->best, a->fantasies));
  TRY(NEW(&a->scratch, 4 * n));
  TRY(NEW(&drawn, a->fantasies * m));
  if (m > 0) TRY(draw(fit, m, pending, stream, a->fantasies, drawn));
  TRY(join(a, fit, m, pending));
  solve(a, fit->n, drawn);
done:
  memory_free(&drawn);
  return status;
}

void acquisition_clear(Acquisition *a) {
  gp_clear(&a->gp);
  memory_free(&a->alpha);
  memory_free(&a->best);
  memory_free(&a->scratch);
}

/* ---- the value ---- */

double acquisition_value(Acquisition *a, const double *x, double *slope) {
  const Gp *gp = &a->gp;
  int64_t n = gp->n;
  double *k = a->scratch, *z = k + n, *decays = z + n, *part = decays + n;
  double logs[ACQUISITION_FANTASIES], ratio[ACQUISITION_FANTASIES], u[ACQUISITION_FANTASIES];
  double most = -INFINITY, sum = 0, of_deviation = 0;
  gp_covariances(gp, x, k, slope ? decays : NULL);
  gp_whiten(gp, k, z);
  double deviation = sqrt(gp_variance(gp, z));
  for (int64_t f = 0; f < a->fantasies; f++) {
    u[f] = (a->best[f] - gp_dot(k, a->alpha + f * n, n)) / deviation;
    logs[f] = acquisition_log_h(u[f], &ratio[f]);
    most = fmax(most, logs[f]);
  }
  for (int64_t f = 0; f < a->fantasies; f++) sum += elementary_exp(logs[f] - most);
  double value = elementary_log(deviation) + most + elementary_log(sum / (double)a->fantasies);
  if (!slope) return value;
  /* By the mean: -ratio / deviation; by the deviation: (1 - u ratio) / deviation. That of the
   * deviation by x is -(K + v I)^-1 k dk / deviation. */
  gp_unwhiten(gp, z, part);
  for (int64_t f = 0; f < a->fantasies; f++) {
    double share = elementary_exp(logs[f] - most) / sum;
    of_deviation += share * (1 - u[f] * ratio[f]) / deviation;
  }
  for (int64_t i = 0; i < n; i++) part[i] *= -of_deviation / deviation;
  for (int64_t f = 0; f < a->fantasies; f++) {
    double share = elementary_exp(logs[f] - most) / sum * -ratio[f] / deviation;
    for (int64_t i = 0; i < n; i++) part[i] += share * a->alpha[f * n + i];
  }
  gp_slope(gp, x, decays, part, slope);
  return value;
}
