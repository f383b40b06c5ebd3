/* Splitting rows of a node; see boost_histogram.h.
 *
 * A node of many rows reads codes from a copy column by column, where 64 rows share a cache line;
 * one of few, whose rows lie together, reads them where its histogram is going to (or did): what
 * touches fewer lines. Both sides are written for every row, and one of them is overwritten by the
 * next, which leaves no branch to guess. With AVX-512 sixteen rows at once: the codes gathered,
 * each side packed together in a register (Zen 4 is slow at packing into memory). */
#include <string.h>

#include "boost_histogram.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

enum { AHEAD = 24, LANES = 16, LINE = 64 };

/* Where the codes of a feature are: base[step x number], or base[id[number]]. */
typedef struct Lookup {
  const uint8_t *base;
  int64_t step;
  const int32_t *id;
  int64_t safe; /* of numbers (or of ids) below, the 3 bytes behind a code may be read, too */
} Lookup;

/* What is left and right so far; rows before `done` are split. */
typedef struct Sides {
  int64_t done, left, right;
} Sides;

static Lookup choose_lookup(const BoostRows *rows, const BoostSource *source, int32_t feature,
                            int64_t n) {
  int64_t stride = bins_stride(rows->bins->d), lines = source->n * stride / LINE;
  if ((lines < n ? lines : n) <= rows->n / LINE) {
    return (Lookup){source->codes + feature, stride, NULL, source->n - 1};
  }
  return (Lookup){rows->columns + feature * rows->n, 1, source->id, rows->n - 3};
}

static inline const uint8_t *find_code(const Lookup *l, int32_t number) {
  return l->base + l->step * (l->id ? l->id[number] : number);
}

/* By a table of codes: 1 goes left. */
static void partition_by_table(const Lookup *l, const uint8_t *table, int32_t *row, int64_t n,
                               int32_t *scratch, Sides *s) {
  int64_t left = s->left, right = s->right;
  for (int64_t i = s->done; i < n; i++) {
    __builtin_prefetch(find_code(l, row[i + AHEAD < n ? i + AHEAD : n - 1]));
    int32_t r = row[i];
    uint8_t goes_left = table[*find_code(l, r)];
    row[left] = r;
    scratch[right] = r;
    left += goes_left;
    right += !goes_left;
  }
  *s = (Sides){n, left, right};
}

/* By a limit. */
static void partition_by_limit(const Lookup *l, uint8_t flip, uint8_t limit, int32_t *row,
                               int64_t n, int32_t *scratch, Sides *s) {
  int64_t left = s->left, right = s->right;
  for (int64_t i = s->done; i < n; i++) {
    __builtin_prefetch(find_code(l, row[i + AHEAD < n ? i + AHEAD : n - 1]));
    int32_t r = row[i];
    bool goes_left = (uint8_t)(*find_code(l, r) + flip) <= limit;
    row[left] = r;
    scratch[right] = r;
    left += goes_left;
    right += !goes_left;
  }
  *s = (Sides){n, left, right};
}

#if defined(__x86_64__)
/* As many rows as vectors can take. Steps are 1, or multiples of 8. */
__attribute__((target("avx512f"))) static void partition_vector(const Lookup *l, uint8_t flip,
                                                                uint8_t limit, int32_t *row,
                                                                int64_t n, int32_t *scratch,
                                                                Sides *out) {
  const __m512i one = _mm512_set1_epi32(flip), byte = _mm512_set1_epi32(0xff);
  const __m512i last = _mm512_set1_epi32(limit), eighths = _mm512_set1_epi32((int)(l->step / 8));
  const int32_t *id = l->id;
  int64_t i = 0, left = 0, right = 0;
  for (; i + LANES <= n; i += LANES) {
    int32_t most = row[i + LANES - 1];
    if ((id ? id[most] : most) >= l->safe) break;
    __m512i r = _mm512_loadu_si512(row + i), at = id ? _mm512_i32gather_epi32(r, id, 4) : r;
    __m512i code = l->step == 1
                       ? _mm512_i32gather_epi32(at, l->base, 1)
                       : _mm512_i32gather_epi32(_mm512_mullo_epi32(at, eighths), l->base, 8);
    code = _mm512_and_si512(_mm512_add_epi32(code, one), byte);
    __mmask16 goes_left = _mm512_cmple_epu32_mask(code, last);
    _mm512_storeu_si512(row + left, _mm512_maskz_compress_epi32(goes_left, r));
    _mm512_storeu_si512(scratch + right, _mm512_maskz_compress_epi32((__mmask16)~goes_left, r));
    int count = __builtin_popcount(goes_left);
    left += count;
    right += LANES - count;
  }
  *out = (Sides){i, left, right};
}

static bool has_vectors(const Lookup *l) {
  return l->step / 8 * l->safe < INT32_MAX && __builtin_cpu_supports("avx512f");
}
#endif

int64_t boost_partition(const BoostRows *rows, const BoostSource *source, const BoostSplit *split,
                        int32_t *row, int64_t n, int32_t *scratch) {
  const Lookup l = choose_lookup(rows, source, split->feature, n);
  Sides s = {0};
  if (split->bin == BOOST_SET) {
    uint8_t table[BINS_CODES];
    node_set_table(split->set, table);
    partition_by_table(&l, table, row, n, scratch, &s);
  } else {
    const uint8_t flip = (uint8_t)split->missing_left, limit = (uint8_t)(split->bin + flip);
#if defined(__x86_64__)
    if (has_vectors(&l)) partition_vector(&l, flip, limit, row, n, scratch, &s);
#endif
    partition_by_limit(&l, flip, limit, row, n, scratch, &s);
  }
  if (s.right > 0) memcpy(row + s.left, scratch, (size_t)s.right * sizeof *row);
  return s.left;
}
