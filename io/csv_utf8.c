/* Validation at the speed of memory for ASCII, and by table for the rest; see csv_utf8.h.
 *
 * With AVX2 every byte is judged by what it and the byte before it are: three lookups of 16 entries
 * each give the errors that a half of these bytes leaves possible, and what all three leave is one
 * (Keiser and Lemire 2021, "Validating UTF-8 in less than one instruction per byte"). That finds
 * the block; which character it is, and everything without AVX2, is told character by character. */
#include "csv_utf8.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif
#include <string.h>

enum {
  BLOCK = 32,
  LONGEST = 4, /* bytes of a character */
  ODD = 64     /* bytes of a block of utf8_blocks_good */
};

static bool follows(const uint8_t *p) { return (*p & 0xc0) == 0x80; }

/* Bytes of the character at p, of which `left` may be read; 0: none. */
static int64_t character(const uint8_t *p, int64_t left) {
  uint8_t a = p[0];
  if (a < 0x80) return a != 0;
  if (a < 0xc2 || left < 2 || !follows(p + 1)) return 0;
  if (a < 0xe0) return 2;
  if (left < 3 || !follows(p + 2)) return 0;
  if (a == 0xe0 && p[1] < 0xa0) return 0;
  if (a == 0xed && p[1] > 0x9f) return 0;
  if (a < 0xf0) return 3;
  if (a > 0xf4 || left < 4 || !follows(p + 3)) return 0;
  if (a == 0xf0 && p[1] < 0x90) return 0;
  if (a == 0xf4 && p[1] > 0x8f) return 0;
  return 4;
}

/* Are eight bytes in 1 .. 127? A zero borrows from the bit above it. */
static inline bool eight_plain(const uint8_t *p) {
  const uint64_t ones = UINT64_C(0x0101010101010101);
  uint64_t x;
  memcpy(&x, p, sizeof x);
  return (((x - ones) | x) & ones << 7) == 0;
}

/* From a character's first byte to the first bad one, or to a character's first byte at `stop` or
 * behind it. */
static int64_t find_slowly(const uint8_t *bytes, int64_t from, int64_t stop, int64_t n, bool *bad) {
  int64_t i = from;
  while (i < stop) {
    if (i + 8 <= stop && eight_plain(bytes + i)) {
      i += 8;
      continue;
    }
    int64_t length = character(bytes + i, n - i);
    *bad = length == 0;
    if (*bad) break;
    i += length;
  }
  return i;
}

#ifdef __AVX2__
/* What can be wrong about two neighbouring bytes, a bit each. */
enum {
  SHORT = 1,         /* a character's later byte is wanted, and there is none */
  LONG = 2,          /* a later byte behind an ASCII one */
  OVER_3 = 4,        /* three bytes where two would do: e0, then below a0 */
  LARGE = 8,         /* above U+10FFFF: f4, then above 8f; f5 and more */
  SURROGATE = 16,    /* ed, then above 9f */
  OVER_2 = 32,       /* c0, c1 */
  OVER_4_LARGE = 64, /* f0, then below 90; f5 and more, then below 90 */
  TWO = 128,         /* two later bytes, one behind the other: right only in 3 and 4 byte ones */
  CARRY = SHORT | LONG | TWO
};

static inline __m256i load(const uint8_t *p) {
  return _mm256_loadu_si256((const __m256i *)(const void *)p);
}

static inline __m256i look_up(const int8_t table[16], __m256i at) {
  __m128i half = _mm_loadu_si128((const __m128i *)(const void *)table);
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(half), at);
}

/* What is wrong about a block; zeros: nothing. Three bytes before it can be read; a character that
 * it cuts off at its end is judged with the next block. */
static inline __m256i wrongs(const uint8_t *p) {
#define EACH(a, b, c, d) (int8_t)(a), (int8_t)(b), (int8_t)(c), (int8_t)(d)
  static const int8_t first_high[16] = {
      EACH(LONG, LONG, LONG, LONG), EACH(LONG, LONG, LONG, LONG), EACH(TWO, TWO, TWO, TWO),
      EACH(SHORT | OVER_2, SHORT, SHORT | OVER_3 | SURROGATE, SHORT | LARGE | OVER_4_LARGE)};
  enum { BEYOND = CARRY | LARGE | OVER_4_LARGE };
  static const int8_t first_low[16] = {
      EACH(CARRY | OVER_3 | OVER_2 | OVER_4_LARGE, CARRY | OVER_2, CARRY, CARRY),
      EACH(CARRY | LARGE, BEYOND, BEYOND, BEYOND), EACH(BEYOND, BEYOND, BEYOND, BEYOND),
      EACH(BEYOND, BEYOND | SURROGATE, BEYOND, BEYOND)};
  enum { LATER = LONG | OVER_2 | TWO };
  static const int8_t second_high[16] = {EACH(SHORT, SHORT, SHORT, SHORT),
                                         EACH(SHORT, SHORT, SHORT, SHORT),
                                         EACH(LATER | OVER_3 | OVER_4_LARGE, LATER | OVER_3 | LARGE,
                                              LATER | SURROGATE | LARGE, LATER | SURROGATE | LARGE),
                                         EACH(SHORT, SHORT, SHORT, SHORT)};
#undef EACH
  const __m256i nibble = _mm256_set1_epi8(15);
  __m256i now = load(p), before = load(p - 1);
  __m256i high = _mm256_and_si256(_mm256_srli_epi16(before, 4), nibble);
  __m256i errors =
      _mm256_and_si256(_mm256_and_si256(look_up(first_high, high),
                                        look_up(first_low, _mm256_and_si256(before, nibble))),
                       look_up(second_high, _mm256_and_si256(_mm256_srli_epi16(now, 4), nibble)));
  /* Third and fourth bytes: there two later ones in a row are right, and wanted. */
  __m256i third = _mm256_subs_epu8(load(p - 2), _mm256_set1_epi8((char)(0xe0 - 0x80)));
  __m256i fourth = _mm256_subs_epu8(load(p - 3), _mm256_set1_epi8((char)(0xf0 - 0x80)));
  __m256i wanted = _mm256_and_si256(_mm256_or_si256(third, fourth), _mm256_set1_epi8((char)TWO));
  __m256i zero = _mm256_cmpeq_epi8(now, _mm256_setzero_si256());
  return _mm256_or_si256(_mm256_xor_si256(errors, wanted), zero);
}

static inline bool wrong(const uint8_t *p) {
  __m256i all = wrongs(p);
  return !_mm256_testz_si256(all, all);
}

/* Are all bytes of two blocks in 1 .. 127? As signed bytes those are above 0. */
static inline bool both_plain(const uint8_t *p) {
  __m256i least = _mm256_min_epi8(load(p), load(p + BLOCK));
  return _mm256_movemask_epi8(_mm256_cmpgt_epi8(least, _mm256_setzero_si256())) == -1;
}

/* The block that is wrong, or the first byte that no whole block holds. At least LONGEST - 1 bytes
 * before `from` can be read. */
static int64_t find_block(const uint8_t *bytes, int64_t from, int64_t n) {
  int64_t i = from;
  bool open = false; /* the block before may have cut a character off */
  while (i + 2 * BLOCK <= n) {
    bool plain = both_plain(bytes + i);
    if (!plain || open) {
      if (wrong(bytes + i)) return i;
      if (wrong(bytes + i + BLOCK)) return i + BLOCK;
    }
    open = !plain;
    i += 2 * BLOCK;
  }
  return i;
}

/* A block at an end of the text, of which n bytes are there, between blanks. */
static __m256i wrongs_at_end(const uint8_t *p, int64_t before, int64_t n) {
  uint8_t copy[LONGEST - 1 + ODD];
  memset(copy, ' ', sizeof copy);
  memcpy(copy + LONGEST - 1 - before, p - before, (size_t)(before + n));
  return _mm256_or_si256(wrongs(copy + LONGEST - 1), wrongs(copy + LONGEST - 1 + BLOCK));
}

bool utf8_blocks_good(const char *bytes, int64_t n, const uint32_t *odd, int64_t n_odd) {
  __m256i all = _mm256_setzero_si256();
  for (int64_t k = 0; k < n_odd && odd[k] < n; k++) {
    const uint8_t *p = (const uint8_t *)bytes + odd[k];
    int64_t here = n - odd[k] < ODD ? n - odd[k] : ODD, before = odd[k] > 0 ? LONGEST - 1 : 0;
    if (before > 0 && here == ODD)
      all = _mm256_or_si256(all, _mm256_or_si256(wrongs(p), wrongs(p + BLOCK)));
    else
      all = _mm256_or_si256(all, wrongs_at_end(p, before, here));
  }
  return _mm256_testz_si256(all, all);
}
#else
bool utf8_blocks_good(const char *bytes, int64_t n, const uint32_t *odd, int64_t n_odd) {
  (void)odd;
  return n_odd == 0 || utf8_find_bad(bytes, 0, n) == n;
}

static int64_t find_block(const uint8_t *bytes, int64_t from, int64_t n) {
  (void)bytes, (void)n;
  return from;
}
#endif

/* Where the character begins that byte i belongs to or cuts. */
static int64_t begin_of(const uint8_t *bytes, int64_t i) {
  for (int64_t back = 1; back < LONGEST; back++) {
    if (bytes[i - back] >= 0xc0) return i - back;
    if (bytes[i - back] < 0x80) break;
  }
  return i;
}

int64_t utf8_find_bad(const char *text, int64_t from, int64_t n) {
  const uint8_t *bytes = (const uint8_t *)text;
  bool bad = false;
  int64_t ahead = n - from < LONGEST ? n : from + LONGEST;
  int64_t i = find_slowly(bytes, from, ahead, n, &bad);
  if (bad || i >= n) return i;
  return find_slowly(bytes, begin_of(bytes, find_block(bytes, i, n)), n, n, &bad);
}
