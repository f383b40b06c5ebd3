/* Blocks of 64 bytes of CSV text, for both passes; see csv_scan.c.
 *
 * What a loop over blocks needs of the machine are two functions, masks and positions. A loop is
 * written once, always inlined, and takes them as arguments: once with those of the build, and once
 * in a function that is compiled for AVX-512 and chosen when the program runs. */
#ifndef SEGUE_IO_CSV_BLOCK_H
#define SEGUE_IO_CSV_BLOCK_H

#ifdef __x86_64__
#include <immintrin.h>
#endif

#include "csv_scan.h"

extern bool csv_wide_off; /* for tests: as if there were no AVX-512 */

#define CSV_INLINE static inline __attribute__((always_inline))

enum {
  BLOCK = 64,
  AT_ONCE = 16, /* positions written at once */
  AHEAD = 2048, /* bytes: pages of a file lie anywhere, and the machine's own guess ends with one */
  HELD = 16 << 20 /* bytes of a mapped file that stay in memory behind what is read */
};

typedef struct Masks {
  uint64_t quote, delimiter, newline, carriage;
  uint64_t odd; /* not in 1 .. 127 */
} Masks;

#ifdef __AVX2__
static inline uint64_t equal(__m256i low, __m256i high, char c) {
  __m256i wanted = _mm256_set1_epi8(c);
  uint32_t a = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted));
  uint32_t b = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted));
  return (uint64_t)b << 32 | a;
}

static inline uint64_t above_zero(__m256i low, __m256i high) {
  const __m256i zero = _mm256_setzero_si256();
  uint32_t a = (uint32_t)_mm256_movemask_epi8(_mm256_cmpgt_epi8(low, zero));
  uint32_t b = (uint32_t)_mm256_movemask_epi8(_mm256_cmpgt_epi8(high, zero));
  return (uint64_t)b << 32 | a;
}

static inline Masks masks_of(const char *bytes, CsvDialect dialect) {
  __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)bytes);
  __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + 32));
  return (Masks){dialect.quote ? equal(low, high, dialect.quote) : 0,
                 equal(low, high, dialect.delimiter), equal(low, high, '\n'),
                 equal(low, high, '\r'), ~above_zero(low, high)};
}
#else
static inline Masks masks_of(const char *bytes, CsvDialect dialect) {
  Masks masks = {0};
  for (int i = 0; i < BLOCK; i++) {
    uint64_t bit = UINT64_C(1) << i;
    if (bytes[i] == dialect.delimiter) masks.delimiter |= bit;
    if (bytes[i] == '\n') masks.newline |= bit;
    if (bytes[i] == '\r') masks.carriage |= bit;
    if (dialect.quote && bytes[i] == dialect.quote) masks.quote |= bit;
    if (bytes[i] == 0 || (bytes[i] & 0x80)) masks.odd |= bit;
  }
  return masks;
}
#endif

typedef Masks MasksOf(const char *bytes, CsvDialect dialect);
typedef void Positions(uint64_t bits, uint32_t base, uint32_t *to);

/* Cut the masks of the last, incomplete block to its n bytes. */
static inline void masks_cut(Masks *m, int n) {
  uint64_t keep = n == BLOCK ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
  m->quote &= keep;
  m->delimiter &= keep;
  m->newline &= keep;
  m->carriage &= keep;
  m->odd &= keep;
}

typedef struct Ends {
  uint64_t ends, stray;
} Ends;

static inline uint64_t prefix_xor(uint64_t x) {
  x ^= x << 1;
  x ^= x << 2;
  x ^= x << 4;
  x ^= x << 8;
  x ^= x << 16;
  x ^= x << 32;
  return x;
}

static inline Ends block_by_steps(const char *bytes, int n, CsvDialect dialect, CsvState *state) {
  Ends out = {0};
  for (int i = 0; i < n; i++) {
    bool end, stray;
    *state = csv_step(dialect, *state, bytes[i], &end, &stray);
    out.ends |= (uint64_t)end << i;
    out.stray |= (uint64_t)stray << i;
  }
  return out;
}

/* The block with quotes, by masks; false when a quote stands where the masks cannot judge it. */
static inline bool block_by_masks(const Masks *m, CsvState *state, Ends *out) {
  uint64_t inside = prefix_xor(m->quote) ^ (*state == CSV_QUOTED ? ~UINT64_C(0) : 0);
  uint64_t opens = m->quote & inside, closes = m->quote & ~inside;
  uint64_t ends = (m->delimiter | m->newline) & ~inside;
  uint64_t at_begin = *state == CSV_AT_RECORD || *state == CSV_AT_FIELD;
  uint64_t after = closes << 1, after_return = (after & m->carriage) << 1;
  if (opens & ~((ends | closes) << 1 | at_begin)) return false;
  if (after & ~(ends | opens | m->carriage)) return false;
  if (after_return & ~m->newline) return false;
  out->ends = ends;
  const uint64_t last = UINT64_C(1) << 63;
  *state = closes & last                ? CSV_CLOSED
           : inside & last              ? CSV_QUOTED
           : after & m->carriage & last ? CSV_CLOSED_CR
           : ends & m->newline & last   ? CSV_AT_RECORD
           : ends & last                ? CSV_AT_FIELD
                                        : CSV_PLAIN;
  return true;
}

/* The state behind a byte that lies in no quotes and is none. */
static inline CsvState state_behind(char byte, CsvDialect dialect) {
  return byte == '\n' ? CSV_AT_RECORD : byte == dialect.delimiter ? CSV_AT_FIELD : CSV_PLAIN;
}

/* Fields that end in a block of n bytes; only the last block of a piece has fewer than BLOCK. */
static inline Ends scan_block(const char *bytes, const Masks *m, int n, CsvDialect dialect,
                              CsvState *state) {
  Ends out = {0};
  if (*state >= CSV_CLOSED || n < BLOCK) return block_by_steps(bytes, n, dialect, state);
  if (m->quote == 0) {
    if (*state == CSV_QUOTED) return out;
    out.ends = m->delimiter | m->newline;
    *state = m->newline >> 63 ? CSV_AT_RECORD : m->delimiter >> 63 ? CSV_AT_FIELD : CSV_PLAIN;
    return out;
  }
  if (block_by_masks(m, state, &out)) return out;
  return block_by_steps(bytes, BLOCK, dialect, state);
}

static inline uint32_t lowest(uint64_t bits) {
#ifdef __BMI__
  return (uint32_t)_tzcnt_u64(bits); /* defined for 0, too */
#else
  return (uint32_t)__builtin_ctzll(bits | UINT64_C(1) << 63);
#endif
}

/* The positions of the bits: how many there are is hard to predict, that they are at most AT_ONCE
 * is not. Up to AT_ONCE - 1 numbers behind the last one are overwritten. */
static inline void csv_positions(uint64_t bits, uint32_t base, uint32_t *to) {
  do {
    for (int j = 0; j < AT_ONCE; j++) {
      to[j] = base + lowest(bits);
      bits &= bits - 1;
    }
    to += AT_ONCE;
  } while (bits);
}

/* ---- the same with AVX-512 ---- */

#ifdef __x86_64__
/* Such a function runs only where csv_wide() is true. */
#define CSV_WIDE __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2")))

static inline bool csv_wide(void) {
  return !csv_wide_off && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vbmi2");
}

static inline CSV_WIDE Masks masks_wide(const char *bytes, CsvDialect dialect) {
  __m512i x = _mm512_loadu_si512(bytes);
  uint64_t quote = _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(dialect.quote));
  return (Masks){dialect.quote ? quote : 0,
                 _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8(dialect.delimiter)),
                 _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('\n')),
                 _mm512_cmpeq_epi8_mask(x, _mm512_set1_epi8('\r')),
                 _mm512_cmple_epi8_mask(x, _mm512_setzero_si512())};
}

static inline CSV_WIDE void positions_wide(uint64_t bits, uint32_t base, uint32_t *to) {
  static const uint8_t places[BLOCK] = {
      0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
      22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43,
      44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};
  __m512i left = _mm512_maskz_compress_epi8(bits, _mm512_loadu_si512(places));
  int n = __builtin_popcountll(bits);
  do {
    __m512i wide = _mm512_cvtepu8_epi32(_mm512_castsi512_si128(left));
    _mm512_storeu_si512(to, _mm512_add_epi32(wide, _mm512_set1_epi32((int)base)));
    left = _mm512_alignr_epi32(_mm512_setzero_si512(), left, AT_ONCE / 4);
    to += AT_ONCE;
  } while ((n -= AT_ONCE) > 0);
}
#else
#define CSV_WIDE
static inline bool csv_wide(void) { return false; }
#define masks_wide masks_of
#define positions_wide csv_positions
#endif

static inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* A range that was read up to `at` is let go in large pieces, the last of which stays: a second
 * pass over a range of that size finds it in place. */
static inline void drop_behind(const CsvSource *source, int64_t *dropped, int64_t at) {
  if (at - *dropped < HELD) return;
  csv_source_drop(source, *dropped, at);
  *dropped = at;
}

#endif
