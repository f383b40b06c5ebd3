/* A small superaccumulator; see exact.h.
 *
 * A double is m 2^(p - 1088) with an integer |m| < 2^53 and a bit position p = 13 .. 2059. Its bits
 * from position p on are cut at the next multiple of 32: the lower part goes to limb p / 32, the
 * upper part, less than 2^52, to the limb above. So 2^10 additions fit before carries have to be
 * passed on, which costs next to nothing.
 *
 * Rejected: pairwise or compensated sums (the bits depend on where ranks cut the rows), three
 * 32-bit digits a value (a third of the time more), a large superaccumulator of one limb an
 * exponent (32 kB a sum, slow to join). */
#include "exact.h"

#include <math.h>
#include <string.h>

enum { PENDING = 1 << 10, LOWEST = 1088, TOP = EXACT_LIMBS - 1 };

static const uint64_t FRACTION = (UINT64_C(1) << 52) - 1;

_Static_assert(sizeof(Exact) == EXACT_WORDS * sizeof(int64_t), "Exact is an array of integers");

void exact_init(Exact *sum) { *sum = (Exact){.pending = 0}; }

/* Make every limb but the last a digit 0 .. 2^32 - 1: a form that only the value decides. */
static void carry(Exact *sum) {
  for (int i = 0; i < TOP; i++) {
    int64_t over = sum->limb[i] >> 32;
    sum->limb[i] &= UINT32_MAX;
    sum->limb[i + 1] += over;
  }
  sum->pending = 0;
}

static void add_special(Exact *sum, double value) {
  if (isnan(value))
    sum->nan++;
  else if (value > 0)
    sum->plus_infinity++;
  else
    sum->minus_infinity++;
}

static inline void add(Exact *sum, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  unsigned exponent = bits >> 52 & 0x7ff;
  if (__builtin_expect(exponent == 0x7ff, 0)) {
    add_special(sum, value);
    return;
  }
  if (__builtin_expect(sum->pending >= PENDING, 0)) carry(sum);
  sum->pending++;
  uint64_t normal = exponent > 0;
  uint64_t m = (bits & FRACTION) | normal << 52;
  unsigned position = exponent + 14 - (unsigned)normal, shift = position % 32;
  int64_t sign = (int64_t)bits >> 63;
  int64_t low = (int64_t)(m << shift & UINT32_MAX), high = (int64_t)(m >> (32 - shift));
  int64_t *limb = sum->limb + position / 32;
  limb[0] += (low ^ sign) - sign;
  limb[1] += (high ^ sign) - sign;
}

void exact_add(Exact *sum, double value) { add(sum, value); }

void exact_add_product(Exact *sum, double a, double b) {
  double product = a * b;
  add(sum, product);
  if (isfinite(product)) add(sum, fma(a, b, -product));
}

/* A sum right after carries counts as one addition: its digits are below 2^32. */
void exact_join(Exact *sum, const Exact *other) {
  if (sum->pending + other->pending >= PENDING) carry(sum);
  for (int i = 0; i < EXACT_LIMBS; i++) sum->limb[i] += other->limb[i];
  sum->pending += other->pending + 1;
  sum->nan += other->nan;
  sum->plus_infinity += other->plus_infinity;
  sum->minus_infinity += other->minus_infinity;
}

/* Digits of the magnitude; returns whether the sum is negative. */
static bool magnitude(Exact *sum) {
  carry(sum);
  if (sum->limb[TOP] >= 0) return false;
  for (int i = 0; i < EXACT_LIMBS; i++) sum->limb[i] = -sum->limb[i];
  carry(sum);
  return true;
}

/* The double nearest to a magnitude whose highest digit that is not 0 is limb[top]: the three
 * digits from there down hold all bits that a double keeps and the first that it does not. */
static double round_digits(const int64_t *limb, int top) {
  unsigned __int128 window = 0;
  bool below = false;
  for (int i = top; i > top - 3; i--) window = window << 32 | (uint64_t)(i >= 0 ? limb[i] : 0);
  for (int i = 0; i < top - 2; i++) below = below || limb[i] != 0;
  int highest = 32 * top + 31 - __builtin_clz((unsigned)limb[top]);
  int lowest = highest - 52 > 14 ? highest - 52 : 14; /* 2^-1074 is bit 14 */
  int drop = lowest - 32 * (top - 2);
  unsigned __int128 half = (unsigned __int128)1 << (drop - 1);
  unsigned __int128 rest = window & (2 * half - 1);
  uint64_t kept = (uint64_t)(window >> drop);
  if (rest > half || (rest == half && (below || kept & 1))) kept++;
  return ldexp((double)kept, lowest - LOWEST);
}

double exact_round(const Exact *sum) {
  if (sum->nan > 0 || (sum->plus_infinity > 0 && sum->minus_infinity > 0)) return NAN;
  if (sum->plus_infinity > 0) return INFINITY;
  if (sum->minus_infinity > 0) return -INFINITY;
  Exact copy = *sum;
  bool negative = magnitude(&copy);
  int top = TOP;
  while (top >= 0 && copy.limb[top] == 0) top--;
  if (top < 0) return 0.0;
  /* Limb 66 counts units of 2^1024. */
  double rounded = top >= 66 ? INFINITY : round_digits(copy.limb, top);
  return negative ? -rounded : rounded;
}

void exact_join_all(const Comm *comm, Exact *sums, int64_t count) {
  for (int64_t i = 0; i < count; i++) carry(&sums[i]);
  comm_sum_all(comm, (int64_t *)(void *)sums, count * EXACT_WORDS);
  /* Digits of up to 2^20 ranks are below 2^52, as after one addition. */
  for (int64_t i = 0; i < count; i++) sums[i].pending = 1;
}

double exact_sum_all(const Comm *comm, const double *values, int64_t n) {
  Exact sum;
  exact_init(&sum);
  for (int64_t i = 0; i < n; i++) add(&sum, values[i]);
  exact_join_all(comm, &sum, 1);
  return exact_round(&sum);
}

static inline bool counts(const double *values, const uint8_t *where, int64_t i) {
  return (!where || where[i]) && !isnan(values[i]);
}

void exact_moments_all(const Comm *comm, const double *values, const uint8_t *where, int64_t n,
                       int64_t *count, double *mean, double *variance) {
  Exact sum, squares;
  exact_init(&sum);
  exact_init(&squares);
  *count = 0;
  for (int64_t i = 0; i < n; i++) {
    if (!counts(values, where, i)) continue;
    add(&sum, values[i]);
    ++*count;
  }
  comm_sum_all(comm, count, 1);
  exact_join_all(comm, &sum, 1);
  *mean = exact_round(&sum) / (double)*count;
  for (int64_t i = 0; i < n; i++) {
    double difference = counts(values, where, i) ? values[i] - *mean : 0;
    add(&squares, difference * difference);
  }
  exact_join_all(comm, &squares, 1);
  *variance = exact_round(&squares) / (double)*count;
}
