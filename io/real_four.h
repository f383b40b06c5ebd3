/* Four short numbers at once, with AVX2.
 *
 * A column of numbers in a CSV file is one short text after another, each by itself a chain of some
 * ninety instructions (real_parse_short); here four stand side by side in the 64-bit lanes of a
 * register and share them. What the lanes cannot judge is told by a bit and left to the caller, so
 * that values and verdicts are those of real_parse. Without AVX2 that is everything. Eight lanes
 * with AVX-512 would save little more: half of the time goes into fetching the texts. */
#ifndef SEGUE_IO_REAL_FOUR_H
#define SEGUE_IO_REAL_FOUR_H

#include <stdint.h>

#ifdef __AVX2__
#include <immintrin.h>
#endif

/* Text i is bytes[ends[i][-1] + 1 .. ends[i][0] - 1], in 32-bit arithmetic; eight bytes must be
 * readable from its beginning. Each function sets values[i] where the text has at most eight
 * characters, [-] digits [. digits] (integer_parse_four: without the point), and returns the bits
 * of the others, whose values are then undefined. Local.
 * Method: the texts' bytes are moved to the right end of their lanes, the point is squeezed out,
 * and multiplications of neighbours make numbers of 2, 4 and 8 digits; one division by a power of
 * ten rounds correctly, since both are exact (Clinger 1990). */

#ifdef __AVX2__

/* Digits of four texts as numbers of up to eight digits, and what else the texts held. */
typedef struct DigitsFour {
  __m256i number;   /* four integers below 10^8 */
  __m256i negative; /* all ones where a minus stood in front */
  __m256i point_at; /* byte of the lane in which the point stood; 8: none */
  unsigned other;   /* bits of the texts of another form */
} DigitsFour;

static inline __m256i four_load(const char *bytes, const uint32_t *const ends[4]) {
  long long lane[4];
  for (int i = 0; i < 4; i++) __builtin_memcpy(&lane[i], bytes + (ends[i][-1] + 1), 8);
  return _mm256_set_epi64x(lane[3], lane[2], lane[1], lane[0]);
}

static inline __m256i four_lengths(const uint32_t *const ends[4]) {
  long long lane[4];
  for (int i = 0; i < 4; i++) __builtin_memcpy(&lane[i], ends[i] - 1, 8);
  __m256i pair = _mm256_set_epi64x(lane[3], lane[2], lane[1], lane[0]);
  __m256i begin = _mm256_add_epi32(pair, _mm256_set1_epi64x(1)); /* wraps in front of the first */
  __m256i length = _mm256_sub_epi32(_mm256_srli_epi64(pair, 32), begin);
  return _mm256_and_si256(length, _mm256_set1_epi64x(UINT32_MAX));
}

static inline unsigned four_mask(__m256i lanes) {
  return (unsigned)_mm256_movemask_pd(_mm256_castsi256_pd(lanes));
}

static inline DigitsFour digits_four(const char *bytes, const uint32_t *const ends[4]) {
  const __m256i zero = _mm256_setzero_si256(), one = _mm256_set1_epi64x(1);
  const __m256i eight = _mm256_set1_epi64x(8);
  __m256i n = four_lengths(ends), text = four_load(bytes, ends);
  __m256i first = _mm256_and_si256(text, _mm256_set1_epi64x(0xff));
  __m256i negative = _mm256_cmpeq_epi64(first, _mm256_set1_epi64x('-'));
  /* The minus becomes a leading zero; so does what is shifted in. */
  __m256i digit = _mm256_xor_si256(text, _mm256_set1_epi8('0'));
  digit = _mm256_andnot_si256(_mm256_and_si256(negative, _mm256_set1_epi64x(0xff)), digit);
  digit = _mm256_sllv_epi64(digit, _mm256_slli_epi64(_mm256_sub_epi64(eight, n), 3));
  /* The first point: below it all bits are set in `below`; all bits, if there is none. */
  __m256i points = _mm256_cmpeq_epi8(digit, _mm256_set1_epi8('.' ^ '0'));
  __m256i none = _mm256_cmpeq_epi64(points, zero);
  __m256i bit = _mm256_and_si256(points, _mm256_sub_epi64(zero, points));
  __m256i below = _mm256_sub_epi64(bit, one);
  __m256i upto = _mm256_sub_epi64(_mm256_slli_epi64(bit, 8), one);
  __m256i moved = _mm256_or_si256(_mm256_andnot_si256(upto, digit),
                                  _mm256_slli_epi64(_mm256_and_si256(digit, below), 8));
  digit = _mm256_blendv_epi8(moved, digit, none);
  /* Good: 1 to 8 characters, digits only, and at least one of them. */
  __m256i large = _mm256_subs_epu8(digit, _mm256_set1_epi8(9));
  __m256i count = _mm256_add_epi64(_mm256_add_epi64(n, negative), _mm256_sub_epi64(zero, one));
  count = _mm256_sub_epi64(count, none); /* characters less the minus and less the point */
  __m256i good = _mm256_and_si256(
      _mm256_cmpeq_epi64(large, zero),
      _mm256_andnot_si256(_mm256_cmpgt_epi64(n, eight), _mm256_cmpgt_epi64(count, zero)));
  __m256i pairs = _mm256_maddubs_epi16(digit, _mm256_set1_epi16(0x010a));
  __m256i quads = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00010064));
  __m256i high = _mm256_mul_epu32(quads, _mm256_set1_epi64x(10000));
  return (DigitsFour){
      .number = _mm256_add_epi64(high, _mm256_srli_epi64(quads, 32)),
      .negative = negative,
      .point_at = _mm256_sad_epu8(_mm256_and_si256(below, _mm256_set1_epi8(1)), zero),
      .other = four_mask(good) ^ 15};
}

static inline unsigned real_parse_four(const char *bytes, const uint32_t *const ends[4],
                                       double values[4]) {
  DigitsFour four = digits_four(bytes, ends);
  /* Upper halves of the doubles 10^(7 - point_at), whose lower halves are zero; the first is for
   * no point at all (8, of which the lookup sees 0). */
  const __m256i tens = _mm256_setr_epi32(0x3ff00000, 0x412e8480, 0x40f86a00, 0x40c38800, 0x408f4000,
                                         0x40590000, 0x40240000, 0x3ff00000);
  __m256i divisor = _mm256_slli_epi64(_mm256_permutevar8x32_epi32(tens, four.point_at), 32);
  unsigned leading = four_mask(_mm256_cmpeq_epi64(four.point_at, _mm256_setzero_si256()));
  const __m256i magic = _mm256_set1_epi64x(0x4330000000000000); /* 2^52 */
  __m256d number = _mm256_sub_pd(_mm256_castsi256_pd(_mm256_or_si256(four.number, magic)),
                                 _mm256_castsi256_pd(magic));
  number = _mm256_div_pd(number, _mm256_castsi256_pd(divisor));
  __m256d sign = _mm256_and_pd(_mm256_castsi256_pd(four.negative), _mm256_set1_pd(-0.0));
  _mm256_storeu_pd(values, _mm256_or_pd(number, sign));
  return four.other | leading;
}

static inline unsigned integer_parse_four(const char *bytes, const uint32_t *const ends[4],
                                          int64_t values[4]) {
  DigitsFour four = digits_four(bytes, ends);
  __m256i flipped = _mm256_xor_si256(four.number, four.negative);
  _mm256_storeu_si256((__m256i *)(void *)values, _mm256_sub_epi64(flipped, four.negative));
  unsigned whole = four_mask(_mm256_cmpeq_epi64(four.point_at, _mm256_set1_epi64x(8)));
  return four.other | (whole ^ 15);
}

#else

static inline unsigned real_parse_four(const char *bytes, const uint32_t *const ends[4],
                                       double values[4]) {
  (void)bytes, (void)ends, (void)values;
  return 15;
}

static inline unsigned integer_parse_four(const char *bytes, const uint32_t *const ends[4],
                                          int64_t values[4]) {
  (void)bytes, (void)ends, (void)values;
  return 15;
}

#endif

#endif
