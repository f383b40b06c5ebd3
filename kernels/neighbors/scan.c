/* Loops over blocks of references; see scan.h. What a loop leaves out depends on the CPU's way of
 * rounding, what the caller decides does not. Loops without intrinsics are left to the compiler,
 * once for every kind of CPU. */
#include "scan.h"

#include <stdbool.h>

#define BODY static inline __attribute__((always_inline))

BODY void boxes_body(const float *boxes, int64_t groups, int64_t d, const float *low,
                     const float *high, float *out) {
  for (int64_t g = 0; g < groups; g++, out += SCAN_BLOCK, boxes += 2 * d * SCAN_BLOCK) {
    float sum[SCAN_BLOCK] = {0};
    for (int64_t j = 0; j < d; j++) {
      const float *from = boxes + j * SCAN_BLOCK, *to = from + d * SCAN_BLOCK;
      for (int i = 0; i < SCAN_BLOCK; i++) {
        float below = from[i] - high[j], above = low[j] - to[i];
        float gap = below > above ? below : above;
        gap = gap > 0 ? gap : 0;
        sum[i] += gap * gap;
      }
    }
    for (int i = 0; i < SCAN_BLOCK; i++) out[i] = sum[i];
  }
}

BODY void points_body(const float *x, int64_t d, const float *low, const float *high, float slack,
                      float *out) {
  float sum[SCAN_BATCH] = {0};
  for (int64_t j = 0; j < d; j++, x += SCAN_BATCH) {
    float from = low[j * SCAN_BLOCK] - slack, to = high[j * SCAN_BLOCK] + slack;
    for (int i = 0; i < SCAN_BATCH; i++) {
      float below = from - x[i], above = x[i] - to;
      float gap = below > above ? below : above;
      gap = gap > 0 ? gap : 0;
      sum[i] += gap * gap;
    }
  }
  for (int i = 0; i < SCAN_BATCH; i++) out[i] = sum[i];
}

BODY int32_t count_body(const float *values, int32_t n, float limit) {
  int32_t count = 0;
  for (int32_t i = 0; i < n; i++) count += values[i] <= limit;
  return count;
}

BODY void counts_body(const float *values, int32_t n, const float *limits, int32_t m,
                      int32_t *out) {
  for (int32_t j = 0; j < m; j++) out[j] = count_body(values, n, limits[j]);
}

/* ---- plain C ---- */

static void filter_plain(const float *blocks, int64_t n_blocks, int64_t d, int32_t first,
                         Taker *const *takers) {
  for (int64_t b = 0; b < n_blocks; b++, blocks += (d + 1) * SCAN_BLOCK, first += SCAN_BLOCK) {
    for (int q = 0; q < SCAN_TOGETHER; q++) {
      Taker *taker = takers[q];
      float sum[SCAN_BLOCK];
      for (int i = 0; i < SCAN_BLOCK; i++) sum[i] = blocks[i];
      for (int64_t j = 0; j < d; j++) {
        for (int i = 0; i < SCAN_BLOCK; i++)
          sum[i] += taker->x[j] * blocks[(j + 1) * SCAN_BLOCK + i];
      }
      for (int i = 0; i < SCAN_BLOCK; i++) {
        taker->estimate[taker->n] = sum[i];
        taker->position[taker->n] = first + i;
        taker->n += sum[i] <= taker->limit;
      }
    }
  }
}

static void boxes_plain(const float *boxes, int64_t groups, int64_t d, const float *low,
                        const float *high, float *out) {
  boxes_body(boxes, groups, d, low, high, out);
}

static void points_plain(const float *x, int64_t d, const float *low, const float *high,
                         float slack, float *out) {
  points_body(x, d, low, high, slack, out);
}

static int32_t count_plain(const float *values, int32_t n, float limit) {
  return count_body(values, n, limit);
}

static void counts_plain(const float *values, int32_t n, const float *limits, int32_t m,
                         int32_t *out) {
  counts_body(values, n, limits, m, out);
}

static void keep_plain(Taker *taker, float limit) {
  int32_t n = 0;
  for (int32_t i = 0; i < taker->n; i++) {
    float estimate = taker->estimate[i];
    taker->position[n] = taker->position[i];
    taker->estimate[n] = estimate;
    n += estimate <= limit;
  }
  taker->n = n;
}

static const Scan plain = {filter_plain, boxes_plain,  points_plain,
                           count_plain,  counts_plain, keep_plain};

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

/* ---- AVX2 ---- */

#define TARGET2 __attribute__((target("avx2,fma")))

TARGET2 static void filter_2(const float *blocks, int64_t n_blocks, int64_t d, int32_t first,
                             Taker *const *takers) {
  for (int64_t b = 0; b < n_blocks; b++, blocks += (d + 1) * SCAN_BLOCK, first += SCAN_BLOCK) {
    __m256 sum[SCAN_TOGETHER][2];
    for (int q = 0; q < SCAN_TOGETHER; q++) {
      for (int h = 0; h < 2; h++) sum[q][h] = _mm256_loadu_ps(blocks + 8 * h);
    }
    for (int64_t j = 0; j < d; j++) {
      const float *y = blocks + (j + 1) * SCAN_BLOCK;
      __m256 y0 = _mm256_loadu_ps(y), y1 = _mm256_loadu_ps(y + 8);
      for (int q = 0; q < SCAN_TOGETHER; q++) {
        __m256 x = _mm256_broadcast_ss(takers[q]->x + j);
        sum[q][0] = _mm256_fmadd_ps(x, y0, sum[q][0]);
        sum[q][1] = _mm256_fmadd_ps(x, y1, sum[q][1]);
      }
    }
    for (int q = 0; q < SCAN_TOGETHER; q++) {
      Taker *taker = takers[q];
      __m256 limit = _mm256_set1_ps(taker->limit);
      float estimate[SCAN_BLOCK];
      unsigned low = (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(sum[q][0], limit, _CMP_LE_OQ));
      unsigned high = (unsigned)_mm256_movemask_ps(_mm256_cmp_ps(sum[q][1], limit, _CMP_LE_OQ));
      unsigned bits = low | high << 8;
      if (bits == 0) continue;
      _mm256_storeu_ps(estimate, sum[q][0]);
      _mm256_storeu_ps(estimate + 8, sum[q][1]);
      for (; bits; bits &= bits - 1, taker->n++) {
        int i = __builtin_ctz(bits);
        taker->estimate[taker->n] = estimate[i];
        taker->position[taker->n] = first + i;
      }
    }
  }
}

TARGET2 static void boxes_2(const float *boxes, int64_t groups, int64_t d, const float *low,
                            const float *high, float *out) {
  boxes_body(boxes, groups, d, low, high, out);
}

TARGET2 static void points_2(const float *x, int64_t d, const float *low, const float *high,
                             float slack, float *out) {
  points_body(x, d, low, high, slack, out);
}

TARGET2 static int32_t count_2(const float *values, int32_t n, float limit) {
  return count_body(values, n, limit);
}

TARGET2 static void counts_2(const float *values, int32_t n, const float *limits, int32_t m,
                             int32_t *out) {
  counts_body(values, n, limits, m, out);
}

static const Scan avx2 = {filter_2, boxes_2, points_2, count_2, counts_2, keep_plain};

/* ---- AVX-512 ---- */

#define TARGET5 \
  __attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,popcnt,prefer-vector-width=512")))
#define PART5 static inline TARGET5 __attribute__((always_inline))

PART5 void take_5(Taker *taker, __m512 sum, int32_t first) {
  __mmask16 mask = _mm512_cmp_ps_mask(sum, _mm512_set1_ps(taker->limit), _CMP_LE_OQ);
  if (mask == 0) return;
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  __m512i position = _mm512_add_epi32(lanes, _mm512_set1_epi32(first));
  /* Compressed in a register: compressing stores are slow on some CPUs. */
  _mm512_storeu_ps(taker->estimate + taker->n, _mm512_maskz_compress_ps(mask, sum));
  _mm512_storeu_si512(taker->position + taker->n, _mm512_maskz_compress_epi32(mask, position));
  taker->n += __builtin_popcount(mask);
}

PART5 void filter_some(const float *blocks, int n, int64_t d, int32_t first, Taker *const *takers) {
  __m512 sum[SCAN_TOGETHER][2];
  const float *x[SCAN_TOGETHER];
  for (int q = 0; q < SCAN_TOGETHER; q++) {
    x[q] = takers[q]->x;
    for (int b = 0; b < n; b++) sum[q][b] = _mm512_loadu_ps(blocks + b * (d + 1) * SCAN_BLOCK);
  }
  for (int64_t j = 0; j < d; j++) {
    __m512 y[2];
    for (int b = 0; b < n; b++) y[b] = _mm512_loadu_ps(blocks + (b * (d + 1) + j + 1) * SCAN_BLOCK);
    for (int q = 0; q < SCAN_TOGETHER; q++) {
      __m512 here = _mm512_set1_ps(x[q][j]);
      for (int b = 0; b < n; b++) sum[q][b] = _mm512_fmadd_ps(here, y[b], sum[q][b]);
    }
  }
  for (int q = 0; q < SCAN_TOGETHER; q++) {
    for (int b = 0; b < n; b++) take_5(takers[q], sum[q][b], first + b * SCAN_BLOCK);
  }
}

TARGET5 static void filter_5(const float *blocks, int64_t n_blocks, int64_t d, int32_t first,
                             Taker *const *takers) {
  int64_t b = 0;
  for (; b + 2 <= n_blocks; b += 2)
    filter_some(blocks + b * (d + 1) * SCAN_BLOCK, 2, d, first + (int32_t)b * SCAN_BLOCK, takers);
  if (b < n_blocks)
    filter_some(blocks + b * (d + 1) * SCAN_BLOCK, 1, d, first + (int32_t)b * SCAN_BLOCK, takers);
}

TARGET5 static void boxes_5(const float *boxes, int64_t groups, int64_t d, const float *low,
                            const float *high, float *out) {
  boxes_body(boxes, groups, d, low, high, out);
}

TARGET5 static void points_5(const float *x, int64_t d, const float *low, const float *high,
                             float slack, float *out) {
  points_body(x, d, low, high, slack, out);
}

TARGET5 static int32_t count_5(const float *values, int32_t n, float limit) {
  int32_t count = 0;
  __m512 most = _mm512_set1_ps(limit);
  for (int32_t i = 0; i < n; i += SCAN_BLOCK) {
    __mmask16 there = n - i >= SCAN_BLOCK ? 0xffff : (__mmask16)((1u << (n - i)) - 1);
    __m512 value = _mm512_maskz_loadu_ps(there, values + i);
    count += __builtin_popcount(_mm512_mask_cmp_ps_mask(there, value, most, _CMP_LE_OQ));
  }
  return count;
}

/* What is past the end is NaN, which is at most nothing. */
PART5 void counts_some(const __m512 *value, int vectors, const float *limits, int32_t m,
                       int32_t *out) {
  for (int32_t j = 0; j < m; j++) {
    const __m512 most = _mm512_set1_ps(limits[j]);
    int32_t count = 0;
    for (int v = 0; v < vectors; v++)
      count += __builtin_popcount(_mm512_cmp_ps_mask(value[v], most, _CMP_LE_OQ));
    out[j] = count;
  }
}

TARGET5 static void counts_5(const float *values, int32_t n, const float *limits, int32_t m,
                             int32_t *out) {
  __m512 value[SCAN_BLOCKS];
  for (int v = 0; v < SCAN_BLOCKS; v++) {
    int32_t left = n - v * SCAN_BLOCK;
    __mmask16 there = left >= SCAN_BLOCK ? 0xffff : left > 0 ? (__mmask16)((1u << left) - 1) : 0;
    value[v] = _mm512_mask_loadu_ps(_mm512_set1_ps(__builtin_nanf("")), there,
                                    values + (left > 0 ? v * SCAN_BLOCK : 0));
  }
  switch ((n + SCAN_BLOCK - 1) / SCAN_BLOCK) {
    case 1: counts_some(value, 1, limits, m, out); break;
    case 2: counts_some(value, 2, limits, m, out); break;
    case 3: counts_some(value, 3, limits, m, out); break;
    default: counts_some(value, SCAN_BLOCKS, limits, m, out); break;
  }
}

TARGET5 static void keep_5(Taker *taker, float limit) {
  int32_t n = 0;
  __m512 most = _mm512_set1_ps(limit);
  for (int32_t i = 0; i < taker->n; i += SCAN_BLOCK) {
    int32_t left = taker->n - i;
    __mmask16 there = left >= SCAN_BLOCK ? 0xffff : (__mmask16)((1u << left) - 1);
    __m512 estimate = _mm512_maskz_loadu_ps(there, taker->estimate + i);
    __m512i position = _mm512_maskz_loadu_epi32(there, taker->position + i);
    __mmask16 mask = _mm512_mask_cmp_ps_mask(there, estimate, most, _CMP_LE_OQ);
    _mm512_storeu_ps(taker->estimate + n, _mm512_maskz_compress_ps(mask, estimate));
    _mm512_storeu_si512(taker->position + n, _mm512_maskz_compress_epi32(mask, position));
    n += __builtin_popcount(mask);
  }
  taker->n = n;
}

static const Scan avx512 = {filter_5, boxes_5, points_5, count_5, counts_5, keep_5};

const Scan *const *scan_all(int *n) {
  static const Scan *const all[] = {&plain, &avx2, &avx512};
  bool has2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  bool has5 = has2 && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw") &&
              __builtin_cpu_supports("avx512vl");
  *n = has5 ? 3 : has2 ? 2 : 1;
  return all;
}

#else

const Scan *const *scan_all(int *n) {
  static const Scan *const all[] = {&plain};
  *n = 1;
  return all;
}

#endif

const Scan *scan_best(void) {
  int n = 0;
  const Scan *const *all = scan_all(&n);
  return all[n - 1];
}
