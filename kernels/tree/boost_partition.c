/* Splitting rows of a node; see boost_histogram.h.
 *
 * Codes are read from a copy column by column: one byte of a row is wanted, and 64 rows share a
 * cache line. Both sides are written for every row, and one of them is overwritten by the next,
 * which leaves no branch to guess. With AVX-512 sixteen rows at once: the codes gathered, each side
 * packed together in a register. */
#include <string.h>

#include "boost_histogram.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { AHEAD = 24 };

/* What is left and right so far; rows before `done` are split. */
typedef struct Sides {
  int64_t done, left, right;
} Sides;

/* By a set. */
static int64_t partition_set(const uint8_t *codes, const BoostSplit *split, int32_t *row, int64_t n,
                             int32_t *scratch) {
  int64_t left = 0, right = 0;
  uint8_t table[BINS_CODES];
  node_set_table(split->set, table);
  for (int64_t i = 0; i < n; i++) {
    __builtin_prefetch(codes + row[i + AHEAD < n ? i + AHEAD : n - 1]);
    int32_t r = row[i];
    bool goes_left = table[codes[r]];
    row[left] = r;
    scratch[right] = r;
    left += goes_left;
    right += !goes_left;
  }
  if (right > 0) memcpy(row + left, scratch, (size_t)right * sizeof *row);
  return left;
}

#if defined(__x86_64__)
/* The rows that vectors can take; a gather reads 3 bytes behind a code, which has to be inside of
 * the column. Zen 4 packs slowly into memory, therefore in a register. */
__attribute__((target("avx512f"))) static void partition_vector(const uint8_t *codes, int64_t rows,
                                                                uint8_t flip, uint8_t limit,
                                                                int32_t *row, int64_t n,
                                                                int32_t *scratch, Sides *out) {
  const __m512i one = _mm512_set1_epi32(flip), byte = _mm512_set1_epi32(0xff);
  const __m512i last = _mm512_set1_epi32(limit);
  int64_t i = 0, left = 0, right = 0;
  for (; i + 16 <= n && row[i + 15] + 4 <= rows; i += 16) {
    __m512i r = _mm512_loadu_si512(row + i);
    __m512i code = _mm512_add_epi32(_mm512_i32gather_epi32(r, codes, 1), one);
    __mmask16 goes_left = _mm512_cmple_epu32_mask(_mm512_and_si512(code, byte), last);
    _mm512_storeu_si512(row + left, _mm512_maskz_compress_epi32(goes_left, r));
    _mm512_storeu_si512(scratch + right, _mm512_maskz_compress_epi32((__mmask16)~goes_left, r));
    int count = __builtin_popcount(goes_left);
    left += count;
    right += 16 - count;
  }
  *out = (Sides){i, left, right};
}
#endif

int64_t boost_partition(const BoostRows *rows, const BoostSplit *split, int32_t *row, int64_t n,
                        int32_t *scratch) {
  const uint8_t *codes = rows->columns + split->feature * rows->n;
  if (split->bin == BOOST_SET) return partition_set(codes, split, row, n, scratch);
  const uint8_t flip = (uint8_t)split->missing_left, limit = (uint8_t)(split->bin + flip);
  Sides s = {0};
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) {
    partition_vector(codes, rows->n, flip, limit, row, n, scratch, &s);
  }
#endif
  int64_t left = s.left, right = s.right;
  for (int64_t i = s.done; i < n; i++) {
    __builtin_prefetch(codes + row[i + AHEAD < n ? i + AHEAD : n - 1]);
    int32_t r = row[i];
    bool goes_left = (uint8_t)(codes[r] + flip) <= limit;
    row[left] = r;
    scratch[right] = r;
    left += goes_left;
    right += !goes_left;
  }
  if (right > 0) memcpy(row + left, scratch, (size_t)right * sizeof *row);
  return left;
}
