/* Tails of distributions; see distribution.h. */
#include "distribution.h"

#include <math.h>

enum { STEPS_MAX = 20000 };
static const double TINY = 1e-300, ENOUGH = 1e-16;

static double away_from_zero(double x) { return fabs(x) < TINY ? TINY : x; }

/* The continued fraction of the incomplete beta function; quick where x < (a + 1) / (a + b + 2). */
static double beta_fraction(double x, double a, double b) {
  double c = 1, d = 1 / away_from_zero(1 - (a + b) * x / (a + 1)), h = d;
  for (int m = 1; m <= STEPS_MAX; m++) {
    double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    h *= d * c;
    double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    h *= d * c;
    if (fabs(d * c - 1) < ENOUGH) break;
  }
  return h;
}

/* I_x(a, b), where y = 1 - x is given too, so that neither end loses digits. */
static double beta_both(double x, double y, double a, double b) {
  if (x == 0) return 0;
  if (y == 0) return 1;
  double log_front = lgamma(a + b) - lgamma(a) - lgamma(b) + a * (y < 0.5 ? log1p(-y) : log(x)) +
                     b * (x < 0.5 ? log1p(-x) : log(y));
  double front = exp(log_front);
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(x, a, b) / a;
  return 1 - front * beta_fraction(y, b, a) / b;
}

double distribution_beta(double x, double a, double b) {
  if (!(x >= 0 && x <= 1 && a > 0 && b > 0)) return NAN;
  return beta_both(x, 1 - x, a, b);
}

double distribution_student_two_sided(double t, double df) {
  if (isnan(t) || !(df > 0)) return NAN;
  double square = t * t;
  return beta_both(df / (df + square), square / (df + square), df / 2, 0.5);
}

double distribution_fisher_tail(double f, double df_1, double df_2) {
  if (isnan(f) || !(df_1 > 0 && df_2 > 0)) return NAN;
  if (f <= 0) return 1;
  double sum = df_2 + df_1 * f;
  return beta_both(df_2 / sum, df_1 * f / sum, df_2 / 2, df_1 / 2);
}

double distribution_normal_two_sided(double z) { return erfc(fabs(z) / sqrt(2)); }
