/* Projected BFGS; see minimise.h. */
#include "minimise.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "kernels/base/memory.h"

enum { HALVINGS = 25 };
static const double ARMIJO = 1e-4, GAIN_LEAST = 1e-9;

typedef struct Descent {
  const Minimise *p;
  double *x, value;
  double *gradient, *next, *next_gradient, *step, *change; /* n each */
  double *inverse;                                         /* n x n, of the Hessian */
  uint8_t *held;                                           /* n */
} Descent;

static Status descent_init(Descent *d) {
  Status status = OK;
  int64_t n = d->p->n;
  TRY(NEW(&d->gradient, n));
  TRY(NEW(&d->next, n));
  TRY(NEW(&d->next_gradient, n));
  TRY(NEW(&d->step, n));
  TRY(NEW(&d->change, n));
  TRY(NEW(&d->inverse, n * n));
  TRY(NEW(&d->held, n));
done:
  return status;
}

static void descent_clear(Descent *d) {
  memory_free(&d->gradient);
  memory_free(&d->next);
  memory_free(&d->next_gradient);
  memory_free(&d->step);
  memory_free(&d->change);
  memory_free(&d->inverse);
  memory_free(&d->held);
}

static void forget(Descent *d) {
  int64_t n = d->p->n;
  memset(d->inverse, 0, (size_t)(n * n) * sizeof *d->inverse);
  for (int64_t i = 0; i < n; i++) d->inverse[i * n + i] = 1;
}

/* Variables at a bound that the gradient pushes against stay there. */
static void hold(Descent *d) {
  const Minimise *p = d->p;
  for (int64_t i = 0; i < p->n; i++)
    d->held[i] = (d->x[i] <= p->low[i] && d->gradient[i] > 0) ||
                 (d->x[i] >= p->high[i] && d->gradient[i] < 0);
}

/* The direction in which to go; returns its slope. */
static double aim(Descent *d) {
  int64_t n = d->p->n;
  double slope = 0;
  for (int64_t i = 0; i < n; i++) {
    d->step[i] = 0;
    for (int64_t j = 0; j < n && !d->held[i]; j++)
      if (!d->held[j]) d->step[i] -= d->inverse[i * n + j] * d->gradient[j];
    slope += d->step[i] * d->gradient[i];
  }
  return slope;
}

/* Along the direction, bent at the bounds, until the value falls enough; false: it does not. */
static bool go(Descent *d, double *value) {
  const Minimise *p = d->p;
  double length = 1;
  for (int k = 0; k < HALVINGS; k++, length *= 0.5) {
    double fall = 0;
    for (int64_t i = 0; i < p->n; i++) {
      double x = d->x[i] + length * d->step[i];
      d->next[i] = x < p->low[i] ? p->low[i] : x > p->high[i] ? p->high[i] : x;
      fall += d->gradient[i] * (d->next[i] - d->x[i]);
    }
    if (!(fall < 0)) return false;
    *value = p->function(p->context, d->next, d->next_gradient);
    if (isfinite(*value) && *value <= d->value + ARMIJO * fall) return true;
  }
  return false;
}

/* What the last step tells about the curvature (Broyden, Fletcher, Goldfarb and Shanno 1970). */
static void learn(Descent *d) {
  int64_t n = d->p->n;
  double along = 0, *y = d->change, *s = d->step, *h = d->inverse, quadratic = 0;
  for (int64_t i = 0; i < n; i++) {
    s[i] = d->next[i] - d->x[i];
    y[i] = d->next_gradient[i] - d->gradient[i];
    along += s[i] * y[i];
  }
  double *hy = d->gradient; /* no longer needed */
  for (int64_t i = 0; i < n; i++) {
    hy[i] = 0;
    for (int64_t j = 0; j < n; j++) hy[i] += h[i * n + j] * y[j];
    quadratic += y[i] * hy[i];
  }
  if (!(along > 1e-12 * sqrt(quadratic > 0 ? quadratic : 0))) return;
  for (int64_t i = 0; i < n; i++)
    for (int64_t j = 0; j < n; j++)
      h[i * n + j] +=
          (1 + quadratic / along) * s[i] * s[j] / along - (hy[i] * s[j] + s[i] * hy[j]) / along;
}

static void descend(Descent *d) {
  int64_t n = d->p->n;
  bool fresh = true;
  for (int64_t step = 0; step < d->p->most_steps; step++) {
    double value;
    hold(d);
    if (!(aim(d) < 0) || !go(d, &value)) {
      if (fresh) return;
      forget(d);
      fresh = true;
      continue;
    }
    double gain = d->value - value;
    learn(d);
    fresh = false;
    memcpy(d->x, d->next, (size_t)n * sizeof *d->x);
    memcpy(d->gradient, d->next_gradient, (size_t)n * sizeof *d->gradient);
    d->value = value;
    if (gain <= GAIN_LEAST * (1 + fabs(value))) return;
  }
}

Status minimise(const Minimise *problem, double *x, double *value) {
  Status status = OK;
  Descent d = {.p = problem, .x = x};
  TRY(descent_init(&d));
  d.value = problem->function(problem->context, x, d.gradient);
  forget(&d);
  if (isfinite(d.value)) descend(&d);
  *value = d.value;
done:
  descent_clear(&d);
  return status;
}
