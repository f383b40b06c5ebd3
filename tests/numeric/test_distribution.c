/* Tails of distributions against SciPy: the fixture tests/oracle/distribution.csv. */
#include <stdlib.h>

#include "kernels/numeric/distribution.h"
#include "tests/check.h"

static double ours(const char *what, double x, double a, double b) {
  if (strcmp(what, "student") == 0) return distribution_student_two_sided(x, a);
  if (strcmp(what, "fisher") == 0) return distribution_fisher_tail(x, a, b);
  if (strcmp(what, "beta") == 0) return distribution_beta(x, a, b);
  if (strcmp(what, "normal") == 0) return distribution_normal_two_sided(x);
  return NAN;
}

static void test_fixture(void) {
  const char *source = getenv("SEGUE_SOURCE");
  char path[1024], line[256], what[16];
  double x, a, b, want;
  int rows = 0;
  snprintf(path, sizeof path, "%s/tests/oracle/distribution.csv", source ? source : ".");
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  if (!file) return;
  CHECK(fgets(line, sizeof line, file) != NULL);
  while (fgets(line, sizeof line, file)) {
    CHECK(sscanf(line, "%15[a-z],%lf,%lf,%lf,%lf", what, &x, &a, &b, &want) == 5);
    /* lgamma of large arguments loses digits to cancellation, in SciPy as here. */
    double tolerance = 1e-14 + want * 1e-13 * (1 + (a > 1000 || b > 1000 ? 300 : 10));
    double got = ours(what, x, a, b);
    if (!(fabs(got - want) <= tolerance)) fprintf(stderr, "%s: ", line);
    CHECK_REAL(got, want, tolerance);
    if (want > 0 && want < 1e-20) CHECK_REAL(got / want, 1, 1e-9);
    rows++;
  }
  fclose(file);
  CHECK_INTEGER(rows, 65);
}

int main(void) {
  test_fixture();
  CHECK(isnan(distribution_beta(1.5, 1, 1)));
  CHECK(isnan(distribution_student_two_sided(1, 0)));
  CHECK(isnan(distribution_student_two_sided(NAN, 5)));
  return check_report("numeric/distribution");
}
