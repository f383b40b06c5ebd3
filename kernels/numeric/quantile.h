/* Exact quantiles of rows spread over ranks.
 *
 * Doubles are mapped to integers of the same order; wanted order statistics are found by cutting
 * ranges of those integers, counting with a binary search in each rank's sorted values and an
 * integer Allreduce, all wanted ranks of all columns in the same rounds. No sampling, no sketch. */
#ifndef SEGUE_NUMERIC_QUANTILE_H
#define SEGUE_NUMERIC_QUANTILE_H

#include "kernels/base/comm.h"

/* Order-preserving map of doubles that are not NaN to unsigned integers, and back; -0 = +0.
 * Local. */
uint64_t quantile_key(double value);
double quantile_value(uint64_t key);

/* Sort values in place, ascending, NaN last; -0 becomes +0 (LSD radix for many, insertion for few).
 * Local. n_valid: the count of values that are not NaN. Fails with MEMORY. */
CHECKED Status quantile_sort(double *values, int64_t n, int64_t *n_valid);

/* Order statistics of several columns at once.
 * sorted    d pointers to this rank's ascending values without NaN
 * n         d lengths on this rank
 * n_wanted  number of wanted positions per column, same on all ranks
 * wanted    d x n_wanted global positions, 0-based, same on all ranks; < 0: skipped
 * out       d x n_wanted values, NaN where skipped or beyond the column's length; replicated
 * Collective. Fails with MEMORY, agreed. At most 64 Allreduces of d x n_wanted numbers. */
CHECKED Status quantile_order_statistics_all(const Comm *comm, const double *const *sorted,
                                             const int64_t *n, int64_t d, int64_t n_wanted,
                                             const int64_t *wanted, double *out);

/* Quantiles of one column by linear interpolation between order statistics (Hyndman and Fan type
 * 7, as NumPy's default): position q (n - 1).
 * values  n on this rank, any order, NaN left out; where as in exact.h, NULL: all rows
 * out     n_q values, replicated; NaN when no value is left
 * Collective. Fails with MEMORY, agreed. */
CHECKED Status quantile_all(const Comm *comm, const double *values, const uint8_t *where, int64_t n,
                            const double *q, int64_t n_q, double *out);

#endif
