/* Validation at the speed of memory for ASCII, character by character for the rest; see
 * csv_utf8.h. A vectorised validator would pay for texts that are mostly non-ASCII; here a tenth
 * of the blocks hold any. */
#include "csv_utf8.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif
#include <stdbool.h>

enum { BLOCK = 32 };

/* Which of these BLOCK bytes are not in 1 .. 127? As signed bytes those are not above 0. */
#ifdef __AVX2__
static inline uint32_t special(const char *bytes) {
  __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)bytes);
  return ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpgt_epi8(x, _mm256_setzero_si256()));
}
#else
static inline uint32_t special(const char *bytes) {
  uint32_t bits = 0;
  for (int i = 0; i < BLOCK; i++) bits |= (uint32_t)((signed char)bytes[i] <= 0) << i;
  return bits;
}
#endif

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

int64_t utf8_find_bad(const char *bytes, int64_t from, int64_t n) {
  int64_t i = from;
  while (i < n) {
    if (i + BLOCK <= n) {
      uint32_t bits = special(bytes + i);
      i += bits ? __builtin_ctz(bits) : BLOCK;
      if (!bits) continue;
    }
    do {
      int64_t length = character((const uint8_t *)bytes + i, n - i);
      if (length == 0) return i;
      i += length;
    } while (i < n && (signed char)bytes[i] <= 0);
  }
  return n;
}
