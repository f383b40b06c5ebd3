/* Attraction between neighbours; see attraction.h. Lists are padded to whole lanes with the row
 * itself at weight 0, which pulls nothing. */
#include "attraction.h"

#include "kernels/numeric/elementary.h"

enum { LANES = AFFINITY_LANES };

/* Lanes in pairs, then pairs of pairs: the same in scalar and vector code. */
static double sum_lanes(const float *lane) {
  double sum[LANES];
  for (int k = 0; k < LANES; k++) sum[k] = (double)lane[k];
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int k = 0; k < half; k++) sum[k] += sum[k + half];
  return sum[0];
}

static void pull_plain(const Affinity *a, const float *place, int64_t begin, double *pull_x,
                       double *pull_y) {
  for (int64_t i = 0; i < a->n; i++) {
    float fx[LANES] = {0}, fy[LANES] = {0};
    const float *here = place + 2 * (begin + i);
    for (int64_t e = a->offset[i]; e < a->offset[i + 1]; e += LANES) {
      for (int k = 0; k < LANES; k++) {
        const float *there = place + 2 * (int64_t)a->column[e + k];
        float dx = there[0] - here[0], dy = there[1] - here[1];
        float pull = a->weight[e + k] / (1 + (dx * dx + dy * dy));
        fx[k] += pull * dx;
        fy[k] += pull * dy;
      }
    }
    pull_x[i] = sum_lanes(fx);
    pull_y[i] = sum_lanes(fy);
  }
}

#if defined(__x86_64__) && defined(__GNUC__)

#include <immintrin.h>

/* A gather fetches x and y at once, as a double would be. */
__attribute__((target("avx512f,avx512dq"))) static void pull_5(const Affinity *a,
                                                               const float *place, int64_t begin,
                                                               double *pull_x, double *pull_y) {
  const __m512 one = _mm512_set1_ps(1);
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  for (int64_t i = 0; i < a->n; i++) {
    float lane[2][LANES];
    __m512 fx = _mm512_setzero_ps(), fy = fx;
    __m512 x = _mm512_set1_ps(place[2 * (begin + i)]);
    __m512 y = _mm512_set1_ps(place[2 * (begin + i) + 1]);
    for (int64_t e = a->offset[i]; e < a->offset[i + 1]; e += LANES) {
      __m512i j = _mm512_loadu_si512(a->column + e);
      __m256i low = _mm512_castsi512_si256(j), high = _mm512_extracti64x4_epi64(j, 1);
      __m512 first = _mm512_castpd_ps(_mm512_i32gather_pd(low, place, 8));
      __m512 last = _mm512_castpd_ps(_mm512_i32gather_pd(high, place, 8));
      __m512 dx = _mm512_sub_ps(_mm512_permutex2var_ps(first, even, last), x);
      __m512 dy = _mm512_sub_ps(_mm512_permutex2var_ps(first, odd, last), y);
      __m512 squared = _mm512_add_ps(_mm512_mul_ps(dx, dx), _mm512_mul_ps(dy, dy));
      __m512 pull = _mm512_div_ps(_mm512_loadu_ps(a->weight + e), _mm512_add_ps(one, squared));
      fx = _mm512_add_ps(fx, _mm512_mul_ps(pull, dx));
      fy = _mm512_add_ps(fy, _mm512_mul_ps(pull, dy));
    }
    _mm512_storeu_ps(lane[0], fx);
    _mm512_storeu_ps(lane[1], fy);
    pull_x[i] = sum_lanes(lane[0]);
    pull_y[i] = sum_lanes(lane[1]);
  }
}

static bool is_wide(void) { return __builtin_cpu_supports("avx512dq"); }

#else

static void pull_5(const Affinity *a, const float *place, int64_t begin, double *pull_x,
                   double *pull_y) {
  pull_plain(a, place, begin, pull_x, pull_y);
}
static bool is_wide(void) { return false; }

#endif

void attraction_pull(const Affinity *a, const float *place, int64_t begin, double *pull_x,
                     double *pull_y) {
  if (is_wide()) {
    pull_5(a, place, begin, pull_x, pull_y);
  } else {
    pull_plain(a, place, begin, pull_x, pull_y);
  }
}

void attraction_apart(const Affinity *a, const double *x, const double *y, int64_t begin,
                      double *apart) {
  for (int64_t i = 0; i < a->n; i++) {
    double sum[LANES] = {0}, squared[LANES];
    for (int64_t e = a->offset[i]; e < a->offset[i + 1]; e += LANES) {
      for (int k = 0; k < LANES; k++) {
        int32_t j = a->column[e + k];
        double dx = x[j] - x[begin + i], dy = y[j] - y[begin + i];
        squared[k] = 1 + (dx * dx + dy * dy);
      }
      for (int k = 0; k < LANES; k++) squared[k] = elementary_log(squared[k]);
      for (int k = 0; k < LANES; k++) sum[k] += (double)a->weight[e + k] * squared[k];
    }
    apart[i] = 0;
    for (int k = 0; k < LANES; k++) apart[i] += sum[k];
  }
}
