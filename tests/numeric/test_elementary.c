/* exp and log: close to the C library's, and the same bits alone and in a loop. */
#include "kernels/base/comm.h"
#include "kernels/numeric/elementary.h"
#include "kernels/numeric/random.h"
#include "tests/check.h"

enum { N = 4099, ROUNDS = 50 };
static const uint64_t SEED = 5;

static double ulps(double got, double want) {
  double next = nextafter(fabs(want), INFINITY) - fabs(want);
  return fabs(got - want) / next;
}

static void compare(double low, double high, bool logarithm) {
  Stream s = random_stream(SEED, "test/elementary", logarithm);
  double x[N], out[N], worst = 0;
  int unequal = 0;
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < N; i++) {
      double u = random_uniform(&s, (uint64_t)(round * N + i), 0);
      x[i] = low + (high - low) * u;
      if (logarithm && round % 2) x[i] = ldexp(1 + u, (int)(2000 * u) - 1000);
      if (round % 5 == 4) x[i] = logarithm ? 1 + (u - 0.5) / 64 : x[i] / 512;
    }
    if (logarithm) {
      elementary_log_array(x, N, out);
    } else {
      elementary_exp_array(x, N, out);
    }
    for (int i = 0; i < N; i++) {
      double lone = logarithm ? elementary_log(x[i]) : elementary_exp(x[i]);
      double want = logarithm ? log(x[i]) : exp(x[i]);
      unequal += memcmp(&lone, &out[i], sizeof lone) != 0;
      double off = ulps(lone, want);
      worst = off > worst ? off : worst;
    }
  }
  CHECK_INTEGER(unequal, 0);
  if (worst > 2) printf("%s: seed %d: %g ulp\n", logarithm ? "log" : "exp", (int)SEED, worst);
  CHECK(worst <= 2);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  compare(-700, 700, false);
  compare(-2, 2, false);
  compare(1e-300, 1e300, true);
  compare(0.5, 2, true);
  CHECK_REAL(elementary_exp(0), 1, 0);
  CHECK_REAL(elementary_log(1), 0, 0);
  CHECK(elementary_exp(-1e9) > 0 && elementary_exp(-1e9) < 1e-300);
  CHECK(elementary_exp(1e9) < INFINITY && elementary_exp(1e9) > 1e300);
  CHECK_REAL(elementary_round(2.5), 2, 0);
  CHECK_REAL(elementary_round(-3.5), -4, 0);
  int result = check_report("numeric/elementary");
  MPI_Finalize();
  return result;
}
