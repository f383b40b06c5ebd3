/* What is drawn from addressed random bits; see random.h.
 *
 * Everything here goes through random_bits, so that a number can be asked for again, alone, on any
 * rank. A generator with a state (Mersenne twister, PCG, xoshiro) was rejected: its numbers depend
 * on who asked before. */
#include "random.h"

#include <assert.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "hash.h"

Stream random_stream(uint64_t seed, const char *purpose, uint64_t unit) {
  Hash hash = hash_bytes(purpose, strlen(purpose), (Hash){{seed, unit}});
  return (Stream){.key = {(uint32_t)hash.word[0], (uint32_t)(hash.word[0] >> 32)},
                  .salt = (uint32_t)hash.word[1]};
}

static double polynomial(const double c[8], double x) {
  double sum = c[7];
  for (int i = 6; i >= 0; i--) sum = sum * x + c[i];
  return sum;
}

/* Quantile of the standard normal distribution for 0 < p < 1: PPND16 of AS 241 (Wichura 1988),
 * relative error about 1e-16. */
static double normal_quantile(double p) {
  static const double a[8] = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                              1.9715909503065514427e+3, 1.3731693765509461125e+4,
                              4.5921953931549871457e+4, 6.7265770927008700853e+4,
                              3.3430575583588128105e+4, 2.5090809287301226727e+3};
  static const double b[8] = {1.0,
                              4.2313330701600911252e+1,
                              6.8718700749205790830e+2,
                              5.3941960214247511077e+3,
                              2.1213794301586595867e+4,
                              3.9307895800092710610e+4,
                              2.8729085735721942674e+4,
                              5.2264952788528545610e+3};
  static const double c[8] = {1.42343711074968357734e0,  4.63033784615654529590e0,
                              5.76949722146069140550e0,  3.64784832476320460504e0,
                              1.27045825245236838258e0,  2.41780725177450611770e-1,
                              2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static const double d[8] = {1.0,
                              2.05319162663775882187e0,
                              1.67638483018380384940e0,
                              6.89767334985100004550e-1,
                              1.48103976427480074590e-1,
                              1.51986665636164571966e-2,
                              5.47593808499534494600e-4,
                              1.05075007164441684324e-9};
  static const double e[8] = {6.65790464350110377720e0,  5.46378491116411436990e0,
                              1.78482653991729133580e0,  2.96560571828504891230e-1,
                              2.65321895265761230930e-2, 1.24266094738807843860e-3,
                              2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static const double f[8] = {1.0,
                              5.99832206555887937690e-1,
                              1.36929880922735805310e-1,
                              1.48753612908506148525e-2,
                              7.86869131145613259100e-4,
                              1.84631831751005468180e-5,
                              1.42151175831644588870e-7,
                              2.04426310338993978564e-15};
  double q = p - 0.5;
  if (fabs(q) <= 0.425) {
    double r = 0.180625 - q * q;
    return q * polynomial(a, r) / polynomial(b, r);
  }
  double r = sqrt(-log(q < 0 ? p : 1 - p));
  double x = r <= 5 ? polynomial(c, r - 1.6) / polynomial(d, r - 1.6)
                    : polynomial(e, r - 5) / polynomial(f, r - 5);
  return q < 0 ? -x : x;
}

double random_normal(const Stream *stream, uint64_t index, uint32_t draw) {
  /* 52 bits and a half: never 0 or 1, symmetric, and 1 - p has no rounding. */
  double p = ((double)(random_bits(stream, index, draw) >> 12) + 0.5) * 0x1p-52;
  return normal_quantile(p);
}

/* The high word of bits * bound is the integer; the low word tells whether it is one of the few
 * that would be drawn once too often. */
static inline int64_t scale_bits(uint64_t bits, uint64_t bound, bool *fair) {
  unsigned __int128 product = (unsigned __int128)bits * bound;
  uint64_t low = (uint64_t)product;
  *fair = low >= bound || low >= -bound % bound;
  return (int64_t)(product >> 64);
}

int64_t random_integer(const Stream *stream, uint64_t index, uint32_t draw, int64_t bound) {
  assert(bound >= 1);
  Stream attempt = *stream;
  bool fair = false;
  int64_t value = 0;
  for (; !fair; attempt.salt++)
    value = scale_bits(random_bits(&attempt, index, draw), (uint64_t)bound, &fair);
  return value;
}

void random_permutation(const Stream *stream, uint64_t index, int64_t n, int64_t *out) {
  for (int64_t i = 0; i < n; i++) out[i] = i;
  for (int64_t i = n - 1; i > 0; i--) {
    int64_t j = random_integer(stream, index, (uint32_t)i, i + 1);
    int64_t swapped = out[i];
    out[i] = out[j];
    out[j] = swapped;
  }
}

/* Eight rounds over two halves of `half` bits. */
static uint64_t feistel(const Stream *stream, uint64_t x, int half) {
  uint64_t key = (uint64_t)stream->key[1] << 32 | stream->key[0];
  uint64_t mask = (UINT64_C(1) << half) - 1, left = x >> half, right = x & mask;
  for (uint64_t round = 1; round <= 8; round++) {
    uint64_t tweak = key + round * 0x9e3779b97f4a7c15u;
    uint64_t next = left ^ (hash_mix(hash_mix(tweak ^ stream->salt) ^ right) & mask);
    left = right;
    right = next;
  }
  return left << half | right;
}

int64_t random_permuted(const Stream *stream, int64_t i, int64_t n) {
  assert(i >= 0 && i < n);
  int half = 4; /* in smaller domains eight rounds reach too few permutations */
  while (half < 31 && INT64_C(1) << (2 * half) < n) half++;
  uint64_t x = (uint64_t)i;
  do x = feistel(stream, x, half);
  while (x >= (uint64_t)n);
  return (int64_t)x;
}

enum { LANES = 8 };

/* Draws 0 and 1 of LANES successive indices; a loop over lanes inside each round, so that the
 * compiler turns it into vector code. */
static void bits_of_lanes(const Stream *stream, uint64_t index, uint64_t out[2 * LANES]) {
  uint64_t a[LANES], b[LANES], c[LANES], d[LANES];
  uint32_t k0 = stream->key[0], k1 = stream->key[1];
  for (unsigned l = 0; l < LANES; l++) {
    a[l] = 0;
    b[l] = stream->salt;
    c[l] = (uint32_t)(index + l);
    d[l] = (index + l) >> 32;
  }
  for (int round = 0; round < 10; round++) {
    for (unsigned l = 0; l < LANES; l++) {
      uint64_t p = a[l] * 0xd2511f53u, q = c[l] * 0xcd9e8d57u;
      a[l] = q >> 32 ^ b[l] ^ k0;
      c[l] = p >> 32 ^ d[l] ^ k1;
      b[l] = q & UINT32_MAX;
      d[l] = p & UINT32_MAX;
    }
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  for (unsigned l = 0; l < LANES; l++) {
    out[2 * l] = b[l] << 32 | a[l];
    out[2 * l + 1] = d[l] << 32 | c[l];
  }
}

/* Draw i is random_integer(stream, i / 2, i % 2, n). */
void random_bootstrap(const Stream *stream, int64_t n, int32_t *counts) {
  uint64_t bits[2 * LANES];
  if (n > 0) memset(counts, 0, (size_t)n * sizeof *counts);
  for (int64_t begin = 0; begin < n; begin += 2 * LANES) {
    bits_of_lanes(stream, (uint64_t)begin / 2, bits);
    int64_t count = n - begin < 2 * LANES ? n - begin : 2 * LANES;
    for (int64_t i = 0; i < count; i++) {
      bool fair = false;
      int64_t drawn = scale_bits(bits[i], (uint64_t)n, &fair);
      if (!fair) drawn = random_integer(stream, (uint64_t)(begin + i) / 2, (uint32_t)i % 2, n);
      counts[drawn]++;
    }
  }
}

void random_bootstrap_draws(const Stream *stream, int64_t n_items, int64_t begin, int64_t n,
                            int32_t *drawn) {
  uint64_t bits[2 * LANES];
  for (int64_t at = begin / (2 * LANES) * (2 * LANES); at < begin + n; at += 2 * LANES) {
    bits_of_lanes(stream, (uint64_t)at / 2, bits);
    for (int64_t i = 0; i < 2 * LANES; i++) {
      if (at + i < begin || at + i >= begin + n) continue;
      bool fair = false;
      int64_t item = scale_bits(bits[i], (uint64_t)n_items, &fair);
      if (!fair) item = random_integer(stream, (uint64_t)(at + i) / 2, (uint32_t)i % 2, n_items);
      drawn[at + i - begin] = (int32_t)item;
    }
  }
}

/* Floyd: step j adds a draw from 0 .. j or, when that is in already, j itself. */
static void subset_of_few(const Stream *stream, uint64_t index, int64_t n, int64_t k,
                          int32_t *out) {
  for (int64_t m = 0; m < k; m++) {
    int64_t j = n - k + m;
    int32_t drawn = (int32_t)random_integer(stream, index, (uint32_t)m, j + 1);
    int64_t low = 0, high = m;
    while (low < high) {
      int64_t middle = (low + high) / 2;
      if (out[middle] < drawn)
        low = middle + 1;
      else
        high = middle;
    }
    if (low < m && out[low] == drawn) {
      out[m] = (int32_t)j; /* larger than all before */
      continue;
    }
    memmove(out + low + 1, out + low, (size_t)(m - low) * sizeof *out);
    out[low] = drawn;
  }
}

void random_subset(const Stream *stream, uint64_t index, int64_t n, int64_t k, int32_t *out) {
  assert(k >= 0 && k <= n && n <= INT32_MAX);
  if (k * k <= 64 * n || k <= 256) { /* else moving what is drawn would cost more than drawing */
    subset_of_few(stream, index, n, k, out);
    return;
  }
  int64_t chosen = 0;
  for (int64_t i = 0; chosen < k; i++)
    if (random_integer(stream, index, (uint32_t)i, n - i) < k - chosen) out[chosen++] = (int32_t)i;
}
