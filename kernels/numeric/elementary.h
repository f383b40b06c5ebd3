/* exp and log with the same bits everywhere.
 *
 * The C library's differ between versions and CPUs, and compilers put vector variants of other
 * roundings in their place. These are plain arithmetic without branches, so that a loop over them
 * becomes vector code by itself, and a lone call and a vector lane give the same bits (no
 * contraction, see CMakeLists.txt).
 *
 * exp: x = k ln 2 + r with |r| <= ln 2 / 2, Taylor's polynomial of degree 13 (remainder below
 * 2^-57), scaled by 2^k. log: x = 2^e m with m from sqrt(1/2) to sqrt(2), the series of
 * 2 artanh((m - 1) / (m + 1)). Both are off by at most 2 units in the last place. */
#ifndef SEGUE_NUMERIC_ELEMENTARY_H
#define SEGUE_NUMERIC_ELEMENTARY_H

#include <stdint.h>
#include <string.h>

/* All local. */

static inline double elementary_from_bits(uint64_t bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
static inline uint64_t elementary_bits(double x) {
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  return bits;
}

/* The nearest whole number, ties to even, |x| < 2^51. */
static inline double elementary_round(double x) { return (x + 0x1.8p52) - 0x1.8p52; }

/* e^x; x below -708 counts as -708 (about 3e-308), above 709 as 709; NaN has no defined result. */
static inline double elementary_exp(double x) {
  /* Clamped as integers: comparisons of numbers may trap, which keeps loops from being vectors. */
  uint64_t raw = elementary_bits(x);
  raw = raw > UINT64_C(0xc086200000000000) ? UINT64_C(0xc086200000000000) : raw; /* -708 */
  raw = (int64_t)raw > INT64_C(0x4086280000000000) ? UINT64_C(0x4086280000000000) : raw; /* 709 */
  x = elementary_from_bits(raw);
  double shifted = x * 0x1.71547652b82fep+0 + 0x1.8p52; /* 1 / ln 2; the whole part is in the low
                                                           bits */
  double k = shifted - 0x1.8p52;
  double r =
      x - k * 0x1.62e42fefa0000p-1; /* ln 2 in two parts, the first short: k times it exact */
  r = r - k * 0x1.cf79abc9e3b39p-40;
  double p = 0x1.6124613a86d09p-33; /* 1 / 13! */
  p = p * r + 0x1.1eed8eff8d898p-29;
  p = p * r + 0x1.ae64567f544e4p-26;
  p = p * r + 0x1.27e4fb7789f5cp-22;
  p = p * r + 0x1.71de3a556c734p-19;
  p = p * r + 0x1.a01a01a01a01ap-16;
  p = p * r + 0x1.a01a01a01a01ap-13;
  p = p * r + 0x1.6c16c16c16c17p-10;
  p = p * r + 0x1.1111111111111p-7;
  p = p * r + 0x1.5555555555555p-5;
  p = p * r + 0x1.5555555555555p-3;
  p = p * r + 0.5;
  p = p * (r * r) + r;
  p = p + 1;
  return elementary_from_bits(elementary_bits(p) + (elementary_bits(shifted) << 52));
}

/* The natural logarithm of a positive, normal, finite x; others have no defined result. */
static inline double elementary_log(double x) {
  /* Subtracting the bits of sqrt(1/2) makes the exponent that of m in [sqrt(1/2), sqrt(2)). */
  uint64_t bits = elementary_bits(x);
  uint64_t above = bits - UINT64_C(0x3fe6a09e667f3bcd);
  uint64_t whole = (above + (UINT64_C(2048) << 52)) >> 52; /* e + 2048 in 12 bits, modulo 4096 */
  double e = elementary_from_bits(whole | UINT64_C(0x4330000000000000)) - (0x1p52 + 2048);
  double m = elementary_from_bits(bits - ((whole - 2048) << 52));
  double f = m - 1;
  double s = f / (m + 1), z = s * s;
  double p = 1.0 / 23;
  p = p * z + 1.0 / 21;
  p = p * z + 1.0 / 19;
  p = p * z + 1.0 / 17;
  p = p * z + 1.0 / 15;
  p = p * z + 1.0 / 13;
  p = p * z + 1.0 / 11;
  p = p * z + 1.0 / 9;
  p = p * z + 1.0 / 7;
  p = p * z + 1.0 / 5;
  p = p * z + 1.0 / 3;
  /* 2 s (1 + z p) = f - s (f - 2 z p): s (m + 1) = f, so the large part f is exact. */
  double small = s * (f - 2 * (z * p));
  return (e * 0x1.62e42fefa0000p-1 + f) - (small - e * 0x1.cf79abc9e3b39p-40);
}

/* out[i] = e^x[i]; out may be x. */
void elementary_exp_array(const double *x, int64_t n, double *out);
/* out[i] = log x[i]; out may be x. */
void elementary_log_array(const double *x, int64_t n, double *out);

#endif
