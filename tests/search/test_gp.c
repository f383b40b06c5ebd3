/* Gaussian processes against scikit-learn's (tests/oracle/make_gp.py), their gradients against
 * finite differences, and the logarithm of expected improvement against a formula of 60 digits. */
#include <stdlib.h>

#include "kernels/base/comm.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"
#include "kernels/search/acquisition.h"
#include "tests/check.h"

enum { MOST_N = 40, MOST_D = 6 };
static const uint64_t SEED = 2718;

static FILE *open_oracle(const char *name) {
  char path[4096];
  snprintf(path, sizeof path, "%s/tests/oracle/%s", getenv("SEGUE_SOURCE"), name);
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  return file;
}

static double number(FILE *file) {
  double x = NAN;
  CHECK_INTEGER(fscanf(file, "%lf", &x), 1);
  return x;
}

static void numbers(FILE *file, int64_t n, double *out) {
  for (int64_t i = 0; i < n; i++) out[i] = number(file);
}

/* Cases of: n d m, theta, x, y, likelihood, its gradient, m points with mean and variance. */
static void test_oracle(void) {
  FILE *file = open_oracle("gp.txt");
  int64_t cases = file ? (int64_t)number(file) : 0;
  CHECK(cases >= 4);
  for (int64_t c = 0; c < cases; c++) {
    double theta[MOST_D + 2], x[MOST_N * MOST_D], y[MOST_N], want[MOST_D + 2], got[MOST_D + 2];
    double at[MOST_D], scratch[2 * MOST_N], mean, variance;
    int64_t n = (int64_t)number(file), d = (int64_t)number(file), m = (int64_t)number(file);
    Gp gp;
    numbers(file, d + 2, theta);
    numbers(file, n * d, x);
    numbers(file, n, y);
    CHECK_OK(gp_init(&gp, n, d, NULL, x, y));
    CHECK(gp_condition(&gp, theta));
    double likelihood = number(file);
    CHECK_REAL(gp.likelihood, likelihood, 1e-8 * (1 + fabs(likelihood)));
    numbers(file, d + 2, want);
    gp_gradient(&gp, got);
    for (int64_t i = 0; i < d + 2; i++) CHECK_REAL(got[i], want[i], 1e-7 * (1 + fabs(want[i])));
    for (int64_t k = 0; k < m; k++) {
      numbers(file, d, at);
      gp_predict(&gp, at, scratch, &mean, &variance);
      CHECK_REAL(mean, number(file), 1e-8);
      CHECK_REAL(variance, number(file), 1e-8);
    }
    gp_clear(&gp);
  }
  if (file) fclose(file);
}

/* u and log h. */
static void test_log_h(void) {
  FILE *file = open_oracle("log_h.txt");
  int64_t n = file ? (int64_t)number(file) : 0;
  CHECK(n > 100);
  for (int64_t i = 0; i < n; i++) {
    double u = number(file), want = number(file), slope = number(file), ratio;
    CHECK_REAL(acquisition_log_h(u, &ratio), want, 4e-15 * (1 + fabs(want)));
    CHECK_REAL(ratio, slope, 4e-14 * slope);
  }
  if (file) fclose(file);
}

typedef struct Case {
  int64_t n, d;
  bool category[MOST_D];
  double x[MOST_N * MOST_D], y[MOST_N], theta[MOST_D + 2];
} Case;

static Case make_case(uint64_t unit, int64_t n, int64_t d) {
  Stream stream = random_stream(SEED, "gp", unit);
  Case c = {.n = n, .d = d};
  for (int64_t j = 0; j < d; j++) c.category[j] = j == 1;
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < d; j++) {
      double u = random_uniform(&stream, (uint64_t)i, (uint32_t)j);
      c.x[i * d + j] = c.category[j] ? floor(3 * u) : u;
    }
    c.y[i] = sin(6 * c.x[i * d]) + 0.3 * random_normal(&stream, (uint64_t)i, 99);
  }
  for (int64_t j = 0; j < d; j++) c.theta[j] = -1 + 0.3 * (double)j;
  c.theta[d] = 0.2;
  c.theta[d + 1] = -3;
  return c;
}

static void test_gradient(void) {
  for (uint64_t unit = 0; unit < 3; unit++) {
    Case c = make_case(unit, 15 + 8 * (int64_t)unit, 3);
    Gp gp;
    double got[MOST_D + 2];
    CHECK_OK(gp_init(&gp, c.n, c.d, c.category, c.x, c.y));
    CHECK(gp_condition(&gp, c.theta));
    gp_gradient(&gp, got);
    for (int64_t i = 0; i < c.d + 2; i++) {
      double theta[MOST_D + 2], step = 1e-5;
      memcpy(theta, c.theta, sizeof theta);
      theta[i] += step;
      CHECK(gp_condition(&gp, theta));
      double above = gp.likelihood;
      theta[i] -= 2 * step;
      CHECK(gp_condition(&gp, theta));
      CHECK_REAL(got[i], (above - gp.likelihood) / (2 * step), 1e-6);
    }
    gp_clear(&gp);
  }
}

/* A fit never ends below any of its starts. */
static void test_fit(void) {
  Case c = make_case(7, 30, 4);
  Gp gp;
  double starts[3 * (MOST_D + 2)], best = -INFINITY;
  CHECK_OK(gp_init(&gp, c.n, c.d, c.category, c.x, c.y));
  for (int64_t s = 0; s < 3; s++) {
    for (int64_t i = 0; i < c.d + 2; i++)
      starts[s * (c.d + 2) + i] = i <= c.d ? (double)s - 1 : -4 + (double)s;
    CHECK(gp_condition(&gp, starts + s * (c.d + 2)));
    best = fmax(best, gp.likelihood);
  }
  CHECK_OK(gp_fit(&gp, NULL, 3, starts, 60));
  CHECK(gp.likelihood > best);
  double slope[MOST_D + 2];
  gp_gradient(&gp, slope);
  for (int64_t i = 0; i < c.d + 2; i++) /* at the top, or at a bound */
    CHECK(fabs(slope[i]) < 0.02 || fabs(gp.theta[i]) > 4.9);
  gp_clear(&gp);
}

/* The slope of the acquisition, with and without fantasies. */
static void test_acquisition(void) {
  Case c = make_case(9, 20, 3);
  Stream stream = random_stream(SEED, "fantasies", 0);
  Gp gp;
  CHECK_OK(gp_init(&gp, c.n, c.d, c.category, c.x, c.y));
  CHECK(gp_condition(&gp, c.theta));
  double pending[2 * 3] = {0.1, 2, 0.7, 0.5, 0, 0.2};
  for (int64_t m = 0; m <= 2; m++) {
    Acquisition a;
    CHECK_OK(acquisition_init(&a, &gp, m, pending, &stream));
    for (int64_t k = 0; k < 10; k++) {
      double x[3], slope[3], none[3];
      for (int64_t j = 0; j < 3; j++)
        x[j] = random_uniform(&stream, 100 + (uint64_t)k, (uint32_t)j);
      x[1] = floor(3 * x[1]);
      CHECK_REAL(acquisition_value(&a, x, slope), acquisition_value(&a, x, NULL), 0);
      CHECK_REAL(slope[1], 0, 0);
      for (int64_t j = 0; j < 3; j += 2) {
        double step = 1e-6, old = x[j];
        x[j] = old + step;
        double above = acquisition_value(&a, x, none);
        x[j] = old - step;
        double below = acquisition_value(&a, x, none);
        x[j] = old;
        CHECK_REAL(slope[j], (above - below) / (2 * step), 1e-4 * (1 + fabs(slope[j])));
      }
    }
    if (m == 2) { /* beside a pending point there is less to gain */
      double near[3] = {0.1, 2, 0.7};
      double with = acquisition_value(&a, near, NULL);
      acquisition_clear(&a);
      CHECK_OK(acquisition_init(&a, &gp, 0, NULL, &stream));
      CHECK(with < acquisition_value(&a, near, NULL));
    }
    acquisition_clear(&a);
  }
  gp_clear(&gp);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  test_oracle();
  test_log_h();
  test_gradient();
  test_fit();
  test_acquisition();
  CHECK_INTEGER(memory_balance(), 0);
  if (check_failures > 0) fprintf(stderr, "seed %llu\n", (unsigned long long)SEED);
  int failed = check_report("gp");
  MPI_Finalize();
  return failed;
}
