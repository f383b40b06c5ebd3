/* The distance of numeric/pair_distance.h for eight rows at once, with the same bits.
 *
 * Rows lie in the lanes of a vector, so any number of columns needs no padding. Vectors of eight
 * are two of four, or four of two, where the CPU has no wide ones. For inlining into functions of
 * any target: a kernel compiles its loop twice, as PAIR_WIDE and plainly, and asks pair_has_wide
 * which to run. */
#ifndef SEGUE_NUMERIC_PAIR_VECTOR_H
#define SEGUE_NUMERIC_PAIR_VECTOR_H

#include <stdbool.h>

#include "pair_distance.h"

enum { PAIR_ROWS = 8 };
typedef double PairReals __attribute__((vector_size(PAIR_ROWS * sizeof(double))));

#define PAIR_WIDE __attribute__((target("avx512f,avx512dq,avx512vl")))
#define PAIR_INLINE static inline __attribute__((always_inline))

static inline bool pair_has_wide(void) {
  return __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

/* Squared distances of PAIR_ROWS rows to a point.
 * rows   the rows' values of column 0, 64-byte aligned; column j lies j * step doubles further,
 * step a multiple of PAIR_ROWS; borrowed point  d values. Local. */
PAIR_INLINE void pair_vector_squared(const double *rows, int64_t step, const double *point,
                                     int64_t d, PairReals *out) {
  PairReals s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, t;
  const PairReals *x = (const PairReals *)rows;
  int64_t j = 0, to = step / PAIR_ROWS;
  for (; j + 4 <= d; j += 4, x += 4 * to) {
    t = x[0] - point[j], s0 += t * t;
    t = x[to] - point[j + 1], s1 += t * t;
    t = x[2 * to] - point[j + 2], s2 += t * t;
    t = x[3 * to] - point[j + 3], s3 += t * t;
  }
  if (j < d) t = x[0] - point[j], s0 += t * t;
  if (j + 1 < d) t = x[to] - point[j + 1], s1 += t * t;
  if (j + 2 < d) t = x[2 * to] - point[j + 2], s2 += t * t;
  *out = (s0 + s2) + (s1 + s3);
}

#endif
