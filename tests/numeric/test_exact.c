/* Exact sums against a big integer of 4,608 bits, on wild exponents, in any order, on any ranks. */
#include "kernels/numeric/exact.h"

#include <float.h>
#include <stdlib.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/random.h"
#include "tests/check.h"

/* Two's complement integer in units of 2^-2176, bit by bit: slow and plain. */
enum { BIG_WORDS = 144, BIG_ORIGIN = 2176 };

typedef struct Big {
  uint32_t word[BIG_WORDS];
} Big;

static void big_negate(Big *big) {
  uint64_t carry = 1;
  for (int i = 0; i < BIG_WORDS; i++) {
    carry += (uint32_t)~big->word[i];
    big->word[i] = (uint32_t)carry;
    carry >>= 32;
  }
}

/* big += m * 2^exponent */
static void big_add(Big *big, unsigned __int128 m, int exponent, bool negative) {
  Big term = {{0}};
  for (int b = 0; b < 128; b++) {
    int at = exponent + BIG_ORIGIN + b;
    if (m >> b & 1) term.word[at / 32] |= UINT32_C(1) << at % 32;
  }
  if (negative) big_negate(&term);
  uint64_t carry = 0;
  for (int i = 0; i < BIG_WORDS; i++) {
    carry += (uint64_t)big->word[i] + term.word[i];
    big->word[i] = (uint32_t)carry;
    carry >>= 32;
  }
}

/* |value| = m 2^exponent. */
static uint64_t split(double value, int *exponent) {
  uint64_t m = (uint64_t)ldexp(frexp(fabs(value), exponent), 53);
  *exponent -= 53;
  return m;
}

static void big_add_double(Big *big, double value) {
  int exponent;
  uint64_t m = split(value, &exponent);
  if (m) big_add(big, m, exponent, value < 0);
}

static void big_add_product(Big *big, double a, double b) {
  int first, second;
  unsigned __int128 m = (unsigned __int128)split(a, &first) * split(b, &second);
  if (m) big_add(big, m, first + second, (a < 0) != (b < 0));
}

static int big_bit(const Big *big, int at) { return big->word[at / 32] >> at % 32 & 1; }

/* Round to nearest even by looking at every bit. */
static double big_round(const Big *sum) {
  Big big = *sum;
  bool negative = big.word[BIG_WORDS - 1] >> 31;
  if (negative) big_negate(&big);
  int top = BIG_WORDS * 32 - 1;
  while (top >= 0 && !big_bit(&big, top)) top--;
  if (top < 0) return 0;
  int low = top - 52 > BIG_ORIGIN - 1074 ? top - 52 : BIG_ORIGIN - 1074;
  uint64_t kept = 0;
  for (int at = top; at >= low; at--) kept = kept << 1 | (uint64_t)big_bit(&big, at);
  bool sticky = false;
  for (int at = 0; at < low - 1; at++) sticky = sticky || big_bit(&big, at);
  if (big_bit(&big, low - 1) && (sticky || kept & 1)) kept++;
  double value = ldexp((double)kept, low - BIG_ORIGIN);
  return negative ? -value : value;
}

static bool same_bits(double a, double b) { return memcmp(&a, &b, sizeof a) == 0; }

static Stream stream;

/* A double whose exponent is spread over a range around middle; subnormals included. */
static double wild(uint64_t i, int middle, int spread) {
  double m = 1 + random_uniform(&stream, i, 0);
  int exponent = middle + (int)random_integer(&stream, i, 2, 2 * spread + 1) - spread;
  if (exponent > 1022) exponent = 1022;
  double value = ldexp(m, exponent);
  return random_bits(&stream, i, 4) & 1 ? -value : value;
}

static void check_case(uint64_t trial, int64_t n, int middle, int spread) {
  double *values = NULL;
  CHECK_OK(NEW(&values, 2 * n + 1));
  int64_t *order = NULL;
  CHECK_OK(NEW(&order, 2 * n + 1));
  Big big = {{0}};
  Exact forward, permuted, part;
  exact_init(&forward);
  exact_init(&permuted);
  exact_init(&part);
  int64_t m = n;
  for (int64_t i = 0; i < n; i++) values[i] = wild(trial << 32 | (uint64_t)i, middle, spread);
  if (trial % 3 == 1) { /* all but the last cancel */
    for (int64_t i = 0; i + 1 < n; i++) values[m++] = -values[i];
  }
  for (int64_t i = 0; i < m; i++) {
    big_add_double(&big, values[i]);
    exact_add(&forward, values[i]);
  }
  random_permutation(&stream, trial, m, order);
  for (int64_t i = 0; i < m; i++) {
    exact_add(&part, values[order[i]]);
    if (i % 37 == 0 || i + 1 == m) {
      exact_join(&permuted, &part);
      exact_init(&part);
    }
  }
  double expected = big_round(&big);
  if (!same_bits(exact_round(&forward), expected))
    fprintf(stderr, "trial %d: n %d, middle %d, spread %d\n", (int)trial, (int)n, middle, spread);
  CHECK(same_bits(exact_round(&forward), expected));
  CHECK(same_bits(exact_round(&permuted), expected));
  memory_free(&values);
  memory_free(&order);
}

static void test_random(void) {
  const int middles[] = {0, 0, 1000, -1060, -1022, 300}, spreads[] = {3, 60, 30, 20, 60, 1000};
  for (uint64_t trial = 0; trial < 300; trial++) {
    int64_t n = 1 + random_integer(&stream, trial, 8, trial % 5 == 0 ? 3000 : 40);
    check_case(trial, n, middles[trial % 6], spreads[trial % 6]);
  }
}

static double sum_of(const double *values, int n) {
  Exact sum;
  exact_init(&sum);
  for (int i = 0; i < n; i++) exact_add(&sum, values[i]);
  return exact_round(&sum);
}

#define SUM(...) \
  sum_of((double[]){__VA_ARGS__}, (int)(sizeof(double[]){__VA_ARGS__} / sizeof(double)))

static void test_edges(void) {
  CHECK(same_bits(sum_of(NULL, 0), 0.0));
  CHECK(same_bits(SUM(1.5, -1.5), 0.0));
  CHECK(same_bits(SUM(-0.0, -0.0), 0.0));
  CHECK(same_bits(SUM(0x1p-1074), 0x1p-1074));
  CHECK(same_bits(SUM(-0x1p-1074, -0x1p-1074), -0x1p-1073));
  CHECK(same_bits(SUM(0x1p-1022, -0x1p-1074), 0x0.fffffffffffffp-1022));
  CHECK(same_bits(SUM(1, 0x1p-53), 1.0));
  CHECK(same_bits(SUM(1, 0x1p-53, 0x1p-1074), 1 + 0x1p-52));
  CHECK(same_bits(SUM(1, 0x1p-53, -0x1p-1074), 1.0));
  CHECK(same_bits(SUM(1 + 0x1p-52, 0x1p-53), 1 + 0x1p-51));
  CHECK(same_bits(SUM(-1, -0x1p-53, -0x1p-200), -1 - 0x1p-52));
  CHECK(same_bits(SUM(1e308, 1e-300, -1e308), 1e-300));
  CHECK(same_bits(SUM(DBL_MAX, DBL_MAX), INFINITY));
  CHECK(same_bits(SUM(-DBL_MAX, -DBL_MAX), -INFINITY));
  CHECK(same_bits(SUM(DBL_MAX, DBL_MAX, -DBL_MAX), DBL_MAX));
  CHECK(same_bits(SUM(DBL_MAX, 0x1p969), DBL_MAX));
  CHECK(same_bits(SUM(DBL_MAX, 0x1p970), INFINITY));
  CHECK(same_bits(SUM(INFINITY, -1), INFINITY));
  CHECK(same_bits(SUM(-INFINITY, DBL_MAX), -INFINITY));
  CHECK(isnan(SUM(INFINITY, -INFINITY)));
  CHECK(isnan(SUM(NAN, 1)));
}

/* The largest values many times, of one sign: the limbs must not overflow between carries. */
static void test_limbs_hold(void) {
  for (int position = 0; position < 40; position++) {
    double value = nextafter(ldexp(1, position + 1), 0);
    Exact sum, whole;
    exact_init(&sum);
    for (int i = 0; i < 100000; i++) exact_add(&sum, -value);
    whole = sum;
    for (int i = 0; i < 9; i++) exact_join(&whole, &sum);
    unsigned __int128 m = (unsigned __int128)(uint64_t)ldexp(value, 52 - position) * 1000000;
    Big big = {{0}};
    big_add(&big, m, position - 52, true);
    CHECK(same_bits(exact_round(&whole), big_round(&big)));
  }
}

static void test_products(void) {
  for (uint64_t trial = 0; trial < 200; trial++) {
    Exact sum;
    Big big = {{0}};
    exact_init(&sum);
    for (uint64_t i = 0; i < 20; i++) {
      double a = wild(trial << 32 | (2 * i + 1000), 0, 400);
      double b = wild(trial << 32 | (2 * i + 1001), -100, 90);
      exact_add_product(&sum, a, b);
      big_add_product(&big, a, b);
    }
    CHECK(same_bits(exact_round(&sum), big_round(&big)));
  }
  Exact sum;
  exact_init(&sum);
  exact_add_product(&sum, 1e200, 1e200);
  CHECK(same_bits(exact_round(&sum), INFINITY));
  exact_init(&sum);
  exact_add_product(&sum, 0x1p-1074, 0.75);
  CHECK(fabs(exact_round(&sum)) <= 0x1p-1074);
}

/* The same bits whoever holds which values. */
static void test_ranks(const Comm *comm) {
  enum { N = 5000 };
  double *values = NULL;
  uint8_t *where = NULL;
  CHECK_OK(NEW(&values, N));
  CHECK_OK(NEW(&where, N));
  Big big = {{0}};
  for (int i = 0; i < N; i++) {
    values[i] = wild((uint64_t)i, 0, 200);
    big_add_double(&big, values[i]);
  }
  int64_t begin = N * comm->rank / comm->size, end = N * (comm->rank + 1) / comm->size;
  double sum = exact_sum_all(comm, values + begin, end - begin);
  CHECK(same_bits(sum, big_round(&big)));
  int64_t count = 0;
  double mean = 0, variance = 0;
  for (int i = 0; i < N; i++) {
    values[i] = i % 10 == 9 ? NAN : 1e6 + i % 3;
    where[i] = i % 10 != 8;
  }
  exact_moments_all(comm, values + begin, where + begin, end - begin, &count, &mean, &variance);
  CHECK_INTEGER(count, 4000);
  CHECK_REAL(mean, 1000001, 0);
  CHECK_REAL(variance, 2.0 / 3, 1e-3);
  double same_mean = 0, same_variance = 0;
  Comm self = comm_self();
  exact_moments_all(&self, values, where, N, &count, &same_mean, &same_variance);
  CHECK(same_bits(mean, same_mean));
  CHECK(same_bits(variance, same_variance));
  exact_moments_all(comm, values, where, 0, &count, &mean, &variance);
  CHECK_INTEGER(count, 0);
  CHECK(isnan(mean) && isnan(variance));
  memory_free(&values);
  memory_free(&where);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  stream = random_stream(argc > 1 ? strtoull(argv[1], NULL, 10) : 1, "test/exact", 0);
  Comm comm = comm_world();
  test_random();
  test_edges();
  test_limbs_hold();
  test_products();
  test_ranks(&comm);
  CHECK_INTEGER(memory_balance(), 0);
  MPI_Finalize();
  return check_report("numeric_exact");
}
