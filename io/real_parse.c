/* Correctly rounded doubles without the cost of strtod; see real_parse.h.
 *
 * A number is w * 10^q with w of at most 19 digits. (1) w below 2^53 and |q| <= 22: both factors
 * are doubles, one operation rounds once. (2) |q| <= 55: 5^q is kept with 128 bits, exact for q >=
 * 0 and cut off for q < 0; the product w * 5^q then lies in an interval that is 2^-127 wide, and
 * when its two ends round to the same double, that is the answer. (3) Everything else, a handful in
 * millions, goes to strtod. The usual table of 651 powers would widen (2) to all exponents; the 111
 * here are computed in microseconds at the first use and cover what is found in data. */
#define _GNU_SOURCE /* strtod_l */
#include "real_parse.h"

#include <locale.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__extension__ typedef unsigned __int128 Wide;

enum {
  POWERS = 55,       /* 5^55 is the last power below 2^128 */
  DIGITS_EXACT = 19, /* decimal digits that always fit 64 bits */
  DIGITS_KEPT = 780, /* more than the 767 that can decide how a double rounds */
  EXPONENT_LIMIT = 99999
};

/* 5^q = factor * 2^exponent, factor in [2^127, 2^128), cut off when q < 0. */
typedef struct Power {
  Wide factor;
  int exponent;
} Power;

static Power powers[2 * POWERS + 1];

static int leading_zeros(Wide x) {
  uint64_t high = (uint64_t)(x >> 64);
  return high ? __builtin_clzll(high) : 64 + __builtin_clzll((uint64_t)x);
}

/* floor(2^bits / divisor) by long division, for a quotient below 2^128. */
static Wide reciprocal(Wide divisor, int bits) {
  Wide rest = 1, quotient = 0;
  for (int i = 0; i < bits; i++) {
    bool carry = rest >> 127;
    rest <<= 1;
    quotient <<= 1;
    if (carry || rest >= divisor) {
      rest -= divisor;
      quotient |= 1;
    }
  }
  return quotient;
}

static void powers_init(void) {
  Wide five = 1;
  for (int q = 0; q <= POWERS; q++) {
    int zeros = leading_zeros(five);
    powers[POWERS + q] = (Power){five << zeros, -zeros};
    int bits = 127 + 128 - zeros;
    if (q > 0) powers[POWERS - q] = (Power){reciprocal(five, bits), -bits};
    if (q < POWERS) five *= 5;
  }
}

/* A 192-bit number, most significant word first. */
typedef struct Product {
  uint64_t word[3];
} Product;

static Product multiply(uint64_t w, Wide factor) {
  Wide low = (Wide)w * (uint64_t)factor, high = (Wide)w * (uint64_t)(factor >> 64);
  high += low >> 64;
  return (Product){{(uint64_t)(high >> 64), (uint64_t)high, (uint64_t)low}};
}

static Product add(Product p, uint64_t w) {
  p.word[2] += w;
  uint64_t carry = p.word[2] < w;
  p.word[1] += carry;
  carry = carry && p.word[1] == 0;
  p.word[0] += carry;
  return p;
}

/* Round to 53 bits, ties to even. `shift` is 0 or 1: the leading zeros of the product. */
static uint64_t rounded(Product p, int shift, bool *tie) {
  uint64_t high = p.word[0], below = p.word[1] | p.word[2];
  if (shift) {
    high = high << 1 | p.word[1] >> 63;
    below = p.word[1] << 1 | p.word[2];
  }
  uint64_t mantissa = high >> 11, rest = high & 0x7ff;
  *tie = rest == 0x400 && below == 0;
  bool up = *tie ? (mantissa & 1) : rest >= 0x400;
  return mantissa + up;
}

static double assemble(uint64_t mantissa, int exponent) {
  if (mantissa >> 53) {
    mantissa >>= 1;
    exponent++;
  }
  uint64_t bits = (uint64_t)(exponent + 52 + 1023) << 52 | (mantissa & ((UINT64_C(1) << 52) - 1));
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* w * 10^q for w > 0; false when the interval does not decide. */
static bool scale(uint64_t w, int q, double *value) {
  if (q < -POWERS || q > POWERS) return false;
  if (powers[POWERS].factor == 0) powers_init();
  Power power = powers[POWERS + q];
  int zeros = __builtin_clzll(w);
  w <<= zeros;
  Product low = multiply(w, power.factor);
  int shift = !(low.word[0] >> 63);
  bool tie, other;
  uint64_t mantissa = rounded(low, shift, &tie);
  if (q < 0) {
    Product high = add(low, w);
    bool same_width = shift == !(high.word[0] >> 63);
    if (tie || !same_width || rounded(high, shift, &other) != mantissa) return false;
  }
  *value = assemble(mantissa, 11 + 128 - shift + power.exponent + q - zeros);
  return true;
}

/* The text, already known to be a number without sign, its digits cut to what can matter. */
static NumberParse parse_slowly(const char *digits, const char *end, int64_t exponent,
                                double *value) {
  static locale_t plain;
  if (!plain) plain = newlocale(LC_ALL_MASK, "C", NULL);
  char text[DIGITS_KEPT + 32];
  int kept = 0;
  bool point = false, dropped = false;
  for (const char *p = digits; p < end; p++) {
    if (*p == '.') {
      point = true;
      continue;
    }
    if (point) exponent--;
    if (kept == 0 && *p == '0') continue;
    if (kept < DIGITS_KEPT) {
      text[kept++] = *p;
    } else {
      exponent++;
      dropped = dropped || *p != '0';
    }
  }
  if (kept == 0) text[kept++] = '0';
  if (dropped) { /* stands for all that follows: it only breaks ties */
    text[kept++] = '1';
    exponent--;
  }
  if (exponent > EXPONENT_LIMIT) exponent = EXPONENT_LIMIT;
  if (exponent < -EXPONENT_LIMIT) exponent = -EXPONENT_LIMIT;
  snprintf(text + kept, 16, "e%d", (int)exponent);
  *value = strtod_l(text, NULL, plain);
  return isinf(*value) ? NUMBER_RANGE : NUMBER_OK;
}

static bool is_digit(char c) { return (unsigned char)(c - '0') <= 9; }

/* [+-] digits after an e; false when there is no digit. */
static bool parse_exponent(const char **at, const char *end, int64_t *exponent) {
  const char *p = *at;
  bool negative = p < end && *p == '-';
  if (p < end && (*p == '-' || *p == '+')) p++;
  if (p == end || !is_digit(*p)) return false;
  int64_t e = 0;
  for (; p < end && is_digit(*p); p++) e = e > INT32_MAX ? e : e * 10 + (*p - '0');
  *exponent = negative ? -e : e;
  *at = p;
  return true;
}

NumberParse real_parse(const char *text, int64_t n, double *value) {
  static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  const char *p = text, *end = text + n;
  bool negative = n > 0 && *p == '-';
  if (n > 0 && (*p == '-' || *p == '+')) p++;
  const char *digits = p;
  uint64_t w = 0;
  for (; p < end && is_digit(*p); p++) w = w * 10 + (uint64_t)(*p - '0');
  int64_t count = p - digits, exponent = 0, fraction = 0;
  if (p < end && *p == '.') {
    const char *start = ++p;
    for (; p < end && is_digit(*p); p++) w = w * 10 + (uint64_t)(*p - '0');
    fraction = p - start;
    count += fraction;
  }
  const char *digits_end = p;
  if (count == 0) return NUMBER_NONE;
  if (p < end && (*p == 'e' || *p == 'E')) {
    p++;
    if (!parse_exponent(&p, end, &exponent)) return NUMBER_NONE;
  }
  if (p != end) return NUMBER_NONE;
  double x = 0;
  int64_t q = exponent - fraction;
  bool whole = count <= DIGITS_EXACT;
  if (whole && w >> 53 == 0 && q >= -22 && q <= 22) {
    x = q < 0 ? (double)w / tens[-q] : (double)w * tens[q];
  } else if (!whole || (w > 0 && (q < -POWERS || q > POWERS || !scale(w, (int)q, &x)))) {
    NumberParse verdict = parse_slowly(digits, digits_end, exponent, &x);
    if (verdict != NUMBER_OK) return verdict;
  }
  *value = negative ? -x : x;
  return NUMBER_OK;
}

NumberParse integer_parse(const char *text, int64_t n, int64_t *value) {
  const char *p = text, *end = text + n;
  bool negative = n > 0 && *p == '-', large = false;
  if (n > 0 && (*p == '-' || *p == '+')) p++;
  if (p == end) return NUMBER_NONE;
  uint64_t w = 0;
  for (; p < end; p++) {
    if (!is_digit(*p)) return NUMBER_NONE;
    large = large || w > (UINT64_MAX - 9) / 10;
    w = w * 10 + (uint64_t)(*p - '0');
  }
  if (large || w > (uint64_t)INT64_MAX) return NUMBER_RANGE;
  *value = negative ? -(int64_t)w : (int64_t)w;
  return NUMBER_OK;
}
