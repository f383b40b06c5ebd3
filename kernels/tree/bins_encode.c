/* Codes of values: how many edges of its feature lie below each; see bins.h.
 *
 * Everywhere: binary searches without branches that run side by side. With AVX-512: edges in 16
 * blocks of 16; the block is searched for in a table of 16 registers' lanes, eight values at once,
 * and the place in it by comparing a value with all 16 edges. The codes are the same. */
#include <math.h>
#include <string.h>

#include "bins.h"

enum {
  LANES = 8,
  SWEEP = 4096,     /* rows whose codes stay in the cache */
  BLOCK = 16,       /* edges that are compared at once */
  PADDED_LEAST = 64 /* rows that are worth padding the edges for */
};

/* Codes of LANES values. edge: n_edges. */
static inline void find_codes(const double *edge, int32_t n_edges, const double *value,
                              uint8_t *codes, int64_t stride) {
  int32_t at[LANES] = {0};
  for (int32_t n = n_edges, half = n / 2; n > 1; n -= half, half = n / 2) {
    for (int l = 0; l < LANES; l++) at[l] += edge[at[l] + half - 1] < value[l] ? half : 0;
  }
  for (int l = 0; l < LANES; l++) {
    int32_t code = at[l] + (n_edges > 0 && edge[at[l]] < value[l]);
    codes[l * stride] = (uint8_t)(isnan(value[l]) ? BINS_MISSING : code);
  }
}

static void encode_column(const double *edge, int32_t n_edges, const double *column, int64_t n,
                          uint8_t *codes, int64_t stride) {
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    find_codes(edge, n_edges, column + i, codes + i * stride, stride);
  }
  double value[LANES] = {0};
  uint8_t last[LANES];
  if (i == n) return;
  for (int64_t l = 0; l < n - i; l++) value[l] = column[i + l];
  find_codes(edge, n_edges, value, last, 1);
  for (int64_t l = 0; l < n - i; l++) codes[(i + l) * stride] = last[l];
}

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

#define TARGET __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,popcnt")))

static bool has_vectors(void) {
  return __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl");
}

/* Numbers of the 16 ascending edges of a table that lie below each value. */
static inline TARGET __attribute__((always_inline)) __m512i search(__m512d low, __m512d high,
                                                                   __m512d value) {
  __m512i at = _mm512_setzero_si512();
  for (int step = BLOCK / 2; step > 0; step /= 2) {
    __m512i next = _mm512_add_epi64(at, _mm512_set1_epi64(step - 1));
    __m512d edge = _mm512_permutex2var_pd(low, next, high);
    __mmask8 above = _mm512_cmp_pd_mask(edge, value, _CMP_LT_OQ);
    at = _mm512_mask_add_epi64(at, above, at, _mm512_set1_epi64(step));
  }
  return at;
}

/* n: a multiple of LANES. edge: padded with infinity. */
static TARGET void encode_vectors(const double edge[BINS_CODES], int64_t n_edges,
                                  const double *column, int64_t n, uint8_t *codes, int64_t stride) {
  double coarse[BLOCK];
  bool fine = n_edges >= BLOCK;
  for (int b = 0; b < BLOCK; b++) coarse[b] = fine ? edge[b * BLOCK + BLOCK - 1] : edge[b];
  __m512d low = _mm512_loadu_pd(coarse), high = _mm512_loadu_pd(coarse + LANES);
  for (int64_t i = 0; i < n; i += LANES) {
    uint8_t block[LANES];
    __m512d values = _mm512_loadu_pd(column + i);
    __mmask8 missing = _mm512_cmp_pd_mask(values, values, _CMP_UNORD_Q);
    _mm_storel_epi64((void *)block, _mm512_cvtepi64_epi8(search(low, high, values)));
    for (int64_t l = 0; l < LANES; l++) {
      uint32_t code = block[l];
      if (fine) {
        __m512d value = _mm512_set1_pd(column[i + l]);
        const double *own = edge + code * BLOCK;
        uint32_t below = _mm512_cmp_pd_mask(_mm512_loadu_pd(own), value, _CMP_LT_OQ);
        below |= (uint32_t)_mm512_cmp_pd_mask(_mm512_loadu_pd(own + LANES), value, _CMP_LT_OQ) << 8;
        code = code * BLOCK + (uint32_t)__builtin_popcount(below);
      }
      codes[(i + l) * stride] = (uint8_t)code;
    }
    for (int64_t l = 0; missing && l < LANES; l++) {
      if (missing >> l & 1) codes[(i + l) * stride] = BINS_MISSING;
    }
  }
}

#else

static bool has_vectors(void) { return false; }
static void encode_vectors(const double edge[BINS_CODES], int64_t n_edges, const double *column,
                           int64_t n, uint8_t *codes, int64_t stride) {
  (void)edge, (void)n_edges, (void)column, (void)n, (void)codes, (void)stride;
}

#endif

static void encode_numbers(const Bins *bins, int64_t j, const double *column, int64_t n,
                           uint8_t *codes, int64_t stride) {
  const double *own = bins->edges + bins->offset[j];
  int64_t n_edges = bins->offset[j + 1] - bins->offset[j], done = 0;
  if (n >= PADDED_LEAST && has_vectors()) {
    double edge[BINS_CODES];
    for (int64_t b = 0; b < BINS_CODES; b++) edge[b] = b < n_edges ? own[b] : INFINITY;
    done = n / LANES * LANES;
    encode_vectors(edge, n_edges, column, done, codes, stride);
  }
  encode_column(own, (int32_t)n_edges, column + done, n - done, codes + done * stride, stride);
}

void bins_encode(const Bins *bins, const Matrix *x, int64_t begin, int64_t n, uint8_t *codes) {
  int64_t stride = bins_stride(bins->d);
  memset(codes, 0, (size_t)(n * stride));
  for (int64_t from = 0; from < n; from += SWEEP) {
    int64_t here = n - from < SWEEP ? n - from : SWEEP;
    for (int64_t j = 0; j < bins->d; j++) {
      const double *column = matrix_column(x, j) + begin + from;
      uint8_t *own = codes + from * stride + j;
      if (bins_is_category(bins, j)) {
        bins_encode_categories(bins, j, column, here, own);
      } else {
        encode_numbers(bins, j, column, here, own, stride);
      }
    }
  }
}
