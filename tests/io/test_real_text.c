/* Numbers as text: what printf writes with the fewest of 15, 16 and 17 digits that read back. */
#include "io/real_text.h"

#include <float.h>
#include <stdlib.h>

#include "kernels/numeric/hash.h"
#include "tests/check.h"

static const uint64_t SEED = 20261125;

static void check_real(double value) {
  char want[REAL_TEXT], got[REAL_TEXT];
  int length = 0;
  for (int digits = 15; digits <= 17; digits++) {
    length = snprintf(want, sizeof want, "%.*g", digits, value);
    if (strtod(want, NULL) == value) break;
  }
  int n = real_text(value, got);
  check_count++;
  if (n == length && memcmp(got, want, (size_t)n) == 0) return;
  check_failures++;
  fprintf(stderr, "%a: \"%.*s\", expected \"%s\"\n", value, n, got, want);
}

static void check_near(double value) {
  check_real(value);
  check_real(-value);
  check_real(nextafter(value, INFINITY));
  check_real(nextafter(value, 0));
}

static uint64_t draw(uint64_t i) { return hash_mix(hash_mix(SEED) + i); }
static double uniform(uint64_t i) { return (double)(draw(i) >> 11) * 0x1p-53; }

int main(void) {
  printf("seed %llu\n", (unsigned long long)SEED);
  const double edges[] = {0,       1,      0.5,    1e-4, 1.001e-4, 0.999e15,          1e15,
                          1e16,    9.5,    0.1,    1e22, 0.3,      2.0 / 3,           DBL_MAX,
                          DBL_MIN, 5e-324, 123456, 0.25, 1e-300,   4503599627370497.5};
  for (size_t i = 0; i < sizeof edges / sizeof *edges; i++) check_near(edges[i]);
  for (int p = -20; p <= 20; p++) check_near(pow(10, p));
  for (int p = -60; p <= 60; p++) check_near(ldexp(1, p));
  for (uint64_t i = 0; i < 100000; i++) {
    check_real((uniform(4 * i) - 0.3) * pow(10, (double)(draw(4 * i + 1) % 22) - 5));
    /* Few digits, and halfway between numbers of few digits. */
    double few = (double)(draw(4 * i + 2) % 1000000) / pow(10, (double)(draw(4 * i + 3) % 9));
    check_real(few);
    check_near((double)(draw(4 * i + 2) % 100000) + 0.5);
    check_near(ldexp((double)(draw(4 * i + 3) >> 12), -(int)(draw(4 * i + 1) % 60)));
  }
  const int64_t integers[] = {0, 7, -7, 10, 99, 100, INT64_MAX, INT64_MIN};
  for (int i = 0; i < 8; i++) {
    char want[INTEGER_TEXT], got[INTEGER_TEXT];
    int length = snprintf(want, sizeof want, "%lld", (long long)integers[i]);
    CHECK_INTEGER(integer_text(integers[i], got), length);
    CHECK(memcmp(got, want, (size_t)length) == 0);
  }
  return check_report("real_text");
}
