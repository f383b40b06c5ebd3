/* Exact sums: a superaccumulator in integers, associative, so the same bits in any order.
 *
 * After Kulisch (1981) and Neal (2015, "Fast exact summation using small and large
 * superaccumulators"): the bits of a double are cut at a multiple of 32 and added to two 64-bit
 * limbs of 32-bit digits, which cover the whole range of doubles; an integer Allreduce joins
 * ranks. The sum is rounded once, to nearest even. Infinities and NaN are counted apart and give
 * what IEEE addition would. */
#ifndef SEGUE_NUMERIC_EXACT_H
#define SEGUE_NUMERIC_EXACT_H

#include "rows.h"

enum { EXACT_LIMBS = 68, EXACT_WORDS = EXACT_LIMBS + 4 };

typedef struct Exact {
  int64_t limb[EXACT_LIMBS]; /* limb i counts units of 2^(32 i - 1088) */
  int64_t pending;           /* additions since the last carry; at most 2^10 */
  int64_t nan, plus_infinity, minus_infinity;
} Exact;

void exact_init(Exact *sum);
/* Local. */
void exact_add(Exact *sum, double value);
/* Add the exact product (by fused multiply-add). A product beyond the range of doubles counts as
 * infinity; of one below 2^-969, what lies under 2^-1074 is rounded away. */
void exact_add_product(Exact *sum, double a, double b);
void exact_join(Exact *sum, const Exact *other);
/* The double nearest to the sum, ties to even; an empty or cancelled sum is +0. */
double exact_round(const Exact *sum);
/* Join count accumulators over ranks, in place. Collective; count same on all ranks. */
void exact_join_all(const Comm *comm, Exact *sums, int64_t count);

/* Sum of this rank's n values over all ranks, each added exactly. Collective; all ranks get it. */
double exact_sum_all(const Comm *comm, const double *values, int64_t n);
/* Mean and population variance of values that are not NaN (missing values are left out), in two
 * exact passes: count, mean = sum / count, variance = sum (v - mean)^2 / count. NaN when count 0.
 * where  n bytes, rows with 0 are left out; NULL: all rows. Collective. */
void exact_moments_all(const Comm *comm, const double *values, const uint8_t *where, int64_t n,
                       int64_t *count, double *mean, double *variance);

#endif
