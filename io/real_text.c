/* Numbers as text; see real_text.h.
 *
 * A number m x 2^-s of everyday size, scaled by a power of ten, fits into 128 bits as a fraction
 * over 2^s, so its digits are an exact division by a shift, and so is the question whether they
 * read back: is their distance from the number within half of what its last bit stands for? All
 * others go through printf and strtod. */
#include "real_text.h"

#include <float.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS_FIRST = 15, DIGITS_LAST = 17 };

/* The range in which printf writes no exponent, and everything fits. */
static const double SMALLEST = 1.001e-4, LARGEST = 0.999e15;

static const uint64_t power_of_ten[] = {
    UINT64_C(1),
    UINT64_C(10),
    UINT64_C(100),
    UINT64_C(1000),
    UINT64_C(10000),
    UINT64_C(100000),
    UINT64_C(1000000),
    UINT64_C(10000000),
    UINT64_C(100000000),
    UINT64_C(1000000000),
    UINT64_C(10000000000),
    UINT64_C(100000000000),
    UINT64_C(1000000000000),
    UINT64_C(10000000000000),
    UINT64_C(100000000000000),
    UINT64_C(1000000000000000),
    UINT64_C(10000000000000000),
    UINT64_C(100000000000000000),
    UINT64_C(1000000000000000000),
    UINT64_C(10000000000000000000),
};

static unsigned __int128 ten_to(int k) {
  return k < 20 ? power_of_ten[k] : (unsigned __int128)power_of_ten[k - 19] * power_of_ten[19];
}

/* m x 10^k / 2^s to the nearest whole number, ties to even; does it read back as m / 2^s? */
static uint64_t round_scaled(uint64_t m, int k, int s, bool *reads_back) {
  unsigned __int128 unit = ten_to(k), scaled = m * unit;
  unsigned __int128 rest = scaled & (((unsigned __int128)1 << s) - 1);
  unsigned __int128 half = (unsigned __int128)1 << (s - 1);
  uint64_t digits = (uint64_t)(scaled >> s);
  bool up = rest > half || (rest == half && digits % 2 == 1);
  unsigned __int128 apart = 2 * (up ? 2 * half - rest : rest);
  *reads_back = apart < unit || (apart == unit && m % 2 == 0);
  return digits + up;
}

/* Digits, of which `decimals` are behind the point, without zeros at the end. */
static int write_fixed(uint64_t digits, int decimals, char *out) {
  char text[INTEGER_TEXT];
  int n = integer_text((int64_t)digits, text), at = 0;
  int whole = n - decimals; /* digits before the point; less than one: zeros behind it */
  if (whole <= 0) {
    out[at++] = '0';
  } else {
    memcpy(out, text, (size_t)whole);
    at = whole;
  }
  while (decimals > 0 && text[n - 1] == '0') n--, decimals--;
  if (decimals == 0) return at;
  out[at++] = '.';
  for (int zeros = whole; zeros < 0; zeros++) out[at++] = '0';
  int from = whole > 0 ? whole : 0;
  memcpy(out + at, text + from, (size_t)(n - from));
  return at + n - from;
}

/* Of everyday size, and not a power of two, whose lower neighbour is nearer. */
static int write_everyday(double value, char *out) {
  int two = 0;
  uint64_t m = (uint64_t)ldexp(frexp(value, &two), DBL_MANT_DIG);
  int s = DBL_MANT_DIG - two, ten = 0; /* 10^ten <= value < 10^(ten + 1) */
  if (value >= 1) {
    while (value >= (double)power_of_ten[ten + 1]) ten++;
  } else {
    bool within;
    uint64_t parts = round_scaled(m, 19, s, &within); /* of 10^-19; exact enough: 15 digits */
    while (ten > -4 && parts < power_of_ten[19 + ten]) ten--;
  }
  for (int digits = DIGITS_FIRST;; digits++) {
    bool reads_back;
    int decimals = digits - 1 - ten;
    uint64_t rounded = round_scaled(m, decimals, s, &reads_back);
    if (reads_back || digits == DIGITS_LAST) return write_fixed(rounded, decimals, out);
  }
}

int real_text(double value, char out[REAL_TEXT]) {
  double size = fabs(value);
  int two = 0, n = 0;
  if (size > SMALLEST && size < LARGEST && frexp(size, &two) != 0.5) {
    if (value < 0) *out++ = '-';
    return write_everyday(size, out) + (value < 0);
  }
  for (int digits = DIGITS_FIRST; digits <= DIGITS_LAST; digits++) {
    n = snprintf(out, REAL_TEXT, "%.*g", digits, value);
    if (strtod(out, NULL) == value) break;
  }
  return n;
}

int integer_text(int64_t value, char out[INTEGER_TEXT]) {
  char reversed[INTEGER_TEXT];
  uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
  int n = 0, at = 0;
  do {
    reversed[n++] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (value < 0) out[at++] = '-';
  while (n > 0) out[at++] = reversed[--n];
  return at;
}
