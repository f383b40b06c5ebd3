/* The squared Euclidean distance of two rows: the one function that decides.
 *
 * Columns are summed in four lanes (column j in lane j mod 4), each in order, then lanes as
 * (0 + 2) + (1 + 3). No fused multiply-add, so that scalar and vector code, on any CPU, give the
 * same bits; and so does a row that is padded with zeros in both. It is symmetric, and zero for
 * equal rows. Faster distances (single precision, products) may only say what need not be asked. */
#ifndef SEGUE_NUMERIC_PAIR_DISTANCE_H
#define SEGUE_NUMERIC_PAIR_DISTANCE_H

#include <stdint.h>
#include <string.h>

enum { PAIR_LANES = 4 };

/* d columns rounded up to whole lanes. */
static inline int64_t pair_padded(int64_t d) {
  return (d + PAIR_LANES - 1) / PAIR_LANES * PAIR_LANES;
}

/* Of rows padded with zeros to a multiple of PAIR_LANES columns. Local. */
static inline double pair_distance_padded(const double *a, const double *b, int64_t width) {
  typedef double Lanes __attribute__((vector_size(PAIR_LANES * sizeof(double))));
  Lanes sum = {0, 0, 0, 0}, x, y;
  for (int64_t j = 0; j < width; j += PAIR_LANES) {
    memcpy(&x, a + j, sizeof x);
    memcpy(&y, b + j, sizeof y);
    x -= y;
    sum += x * x;
  }
  return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

/* Of any two rows; step_a and step_b doubles lie between a row's columns (1: contiguous; the stride
 * of a Matrix: a row of it). Local. */
double pair_distance_squared(const double *a, int64_t step_a, const double *b, int64_t step_b,
                             int64_t d);

#endif
