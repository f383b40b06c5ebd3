/* Validation at the speed of memory for ASCII, character by character for the rest; see
 * csv_utf8.h. A vectorised validator would pay for texts that are mostly non-ASCII; here a tenth
 * of the blocks hold any. */
#include "csv_utf8.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif
#include <stdbool.h>

enum { BLOCK = 32 };

/* Are these BLOCK bytes all in 1 .. 127? As signed bytes that is: all above 0. */
#ifdef __AVX2__
static inline bool plain(const char *bytes) {
  __m256i x = _mm256_loadu_si256((const __m256i *)(const void *)bytes);
  return _mm256_movemask_epi8(_mm256_cmpgt_epi8(x, _mm256_setzero_si256())) == -1;
}
#else
static inline bool plain(const char *bytes) {
  unsigned char bad = 0;
  for (int i = 0; i < BLOCK; i++) bad |= (unsigned char)(bytes[i] & 0x80) | (bytes[i] == 0);
  return bad == 0;
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
    if (i + BLOCK <= n && plain(bytes + i)) {
      i += BLOCK;
      continue;
    }
    int64_t stop = i + BLOCK < n ? i + BLOCK : n;
    while (i < stop) {
      int64_t length = character((const uint8_t *)bytes + i, n - i);
      if (length == 0) return i;
      i += length;
    }
  }
  return n;
}
