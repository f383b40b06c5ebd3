/* Fixed-point sums of real numbers: integers, so that sums are exact in any order and over ranks.
 *
 * Values are scaled by a power of two, the same on all ranks (from the largest magnitude and the
 * number of rows), and rounded once. For tables of many groups and for bootstrap replicates, where
 * one accumulator of numeric/exact.h (576 bytes) per number would be too much. */
#ifndef SEGUE_NUMERIC_FIXED_H
#define SEGUE_NUMERIC_FIXED_H

#include <math.h>
#include <stdint.h>

/* The number of bits of n: the least b with n < 2^b. */
static inline int fixed_bits(int64_t n) {
  int bits = 0;
  while (bits < 63 && n >> bits > 0) bits++;
  return bits;
}

/* A power of two that takes magnitudes up to max below 2^bits; 1 when max is 0. */
static inline double fixed_scale(double max, int bits) {
  int exponent = 0;
  if (max > 0) frexp(max, &exponent);
  int shift = max > 0 ? bits - exponent : 0;
  return ldexp(1, shift < 1000 ? shift : 1000);
}

/* A sum of up to 2^31 values of magnitude below 2^WIDE_BITS, in two halves that an integer
 * Allreduce joins: 2^-61 of the largest value is the resolution, finer than doubles need. */
enum { WIDE_BITS = 61 };
typedef struct Wide {
  int64_t high, low;
} Wide;

static inline void wide_add(Wide *sum, double value, double scale) {
  int64_t q = llrint(value * scale);
  sum->high += q >> 32;
  sum->low += q & 0xffffffff;
}

static inline double wide_value(const Wide *sum, double scale) {
  __int128 whole = (__int128)sum->high * ((int64_t)1 << 32) + sum->low;
  return (double)whole / scale;
}

#endif
