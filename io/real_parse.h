/* Numbers as people write them: correctly rounded doubles and exact 64-bit integers.
 *
 * A double is the one nearest to the decimal text, ties to even, whatever the locale. The grammar
 * is
 * [+-] digits [. digits] [e [+-] digits], with a digit on at least one side of the point: no
 * blanks, no hexadecimal, no "inf", no "nan". */
#ifndef SEGUE_IO_REAL_PARSE_H
#define SEGUE_IO_REAL_PARSE_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

typedef enum NumberParse {
  NUMBER_OK,
  NUMBER_NONE,  /* not a number as a whole */
  NUMBER_RANGE, /* a number that the type cannot hold */
} NumberParse;

/* Parse text[0 .. n - 1]; *value is set only with NUMBER_OK. A number too small for a double is
 * zero, one too large is NUMBER_RANGE. Local.
 * Methods: Clinger 1990 (exact small cases); a 192-bit product in the manner of Lemire 2021,
 * accepted only when both ends of its error interval round alike; else strtod in the C locale. */
NumberParse real_parse(const char *text, int64_t n, double *value);

/* Eight digits at once (Lemire 2018): n of them, 1 to 8, with '0' in front. */
static inline uint64_t digits_load(const char *text, int64_t n) {
  const uint64_t zeros = UINT64_C(0x0101010101010101) * '0';
  uint64_t v;
  memcpy(&v, text, 8);
  int blank = (int)(8 - n) * 8;
  return v << blank | (zeros & ((UINT64_C(1) << blank) - 1));
}
static inline bool digits_only(uint64_t v) {
  const uint64_t ones = UINT64_C(0x0101010101010101);
  return ((v & ones * 0xf0) | ((v + ones * 6) & ones * 0xf0) >> 4) == ones * 0x33;
}
static inline uint64_t digits_value(uint64_t v) {
  v = (v & UINT64_C(0x0f0f0f0f0f0f0f0f)) * 2561 >> 8;
  v = (v & UINT64_C(0x00ff00ff00ff00ff)) * 6553601 >> 16;
  return (v & UINT64_C(0x0000ffff0000ffff)) * UINT64_C(42949672960001) >> 32;
}

/* w / 10^fraction, perhaps behind a minus. */
typedef struct ShortDecimal {
  uint64_t w;
  int fraction;
  bool negative;
} ShortDecimal;

/* Take apart the commonest form, at most eight characters of [-] digits [. digits]; false when the
 * text is not of that form (it may still be a number). Eight bytes must be readable at text + 1,
 * whatever n is. Local. All eight digits at once, by three multiplications (Lemire 2018). */
static inline bool decimal_parse_short(const char *text, int64_t n, ShortDecimal *out) {
  const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
  *out = (ShortDecimal){.negative = n > 0 && *text == '-'};
  text += out->negative;
  n -= out->negative;
  if (n < 1 || n > 8) return false;
  uint64_t v = digits_load(text, n), x = v ^ ones * '.', dot = (x - ones) & ~x & high;
  if (dot) {
    if (n == 1) return false;
    int at = __builtin_ctzll(dot) & ~7; /* the bit at which the point's byte begins */
    out->fraction = 7 - at / 8;
    uint64_t before = v & ((UINT64_C(1) << at) - 1);
    v = (v >> at >> 8) << at << 8 | before << 8 | '0';
  }
  out->w = digits_value(v);
  return digits_only(v);
}

/* The same as real_parse for such a text; false for others. The division is exact but for one
 * rounding (Clinger 1990). */
static inline bool real_parse_short(const char *text, int64_t n, double *value) {
  static const double tens[8] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7};
  ShortDecimal decimal;
  if (!decimal_parse_short(text, n, &decimal)) return false;
  double magnitude = (double)decimal.w / tens[decimal.fraction];
  *value = decimal.negative ? -magnitude : magnitude;
  return true;
}

/* The same for such a text with e-00 to e-15 behind it. */
static inline bool real_parse_tiny(const char *text, int64_t n, double *value) {
  static const double tens[23] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  ShortDecimal decimal;
  if (n <= 4 || text[n - 4] != 'e' || text[n - 3] != '-') return false;
  unsigned first = (unsigned char)text[n - 2] - '0', second = (unsigned char)text[n - 1] - '0';
  if (first > 1 || second > (first ? 5 : 9)) return false;
  if (!decimal_parse_short(text, n - 4, &decimal)) return false;
  double magnitude = (double)decimal.w / tens[10 * first + second + (unsigned)decimal.fraction];
  *value = decimal.negative ? -magnitude : magnitude;
  return true;
}

/* The same for integers: at most eight digits, perhaps behind a minus. */
static inline bool integer_parse_short(const char *text, int64_t n, int64_t *value) {
  bool negative = n > 0 && *text == '-';
  text += negative;
  n -= negative;
  if (n < 1 || n > 8) return false;
  uint64_t v = digits_load(text, n);
  if (!digits_only(v)) return false;
  int64_t magnitude = (int64_t)digits_value(v);
  *value = negative ? -magnitude : magnitude;
  return true;
}

/* The same as real_parse for [+-] digits. INT64_MIN counts as out of range: it marks a missing
 * value. Local. */
NumberParse integer_parse(const char *text, int64_t n, int64_t *value);

#endif
