/* Groups whose rows lie on different ranks: the extremes of a value within each,
 * and how many they are. */
#ifndef SEGUE_NUMERIC_GROUPS_H
#define SEGUE_NUMERIC_GROUPS_H

#include "kernels/base/comm.h"

/* Replace low[i] by the least and high[i] by the greatest value in the group of row i.
 * group  n group numbers on this rank; any numbers
 * low, high  n values, in and out; high may be NULL
 * Collective. Rows travel to the rank that hash(group) names and back: two exchanges.
 * Fails with MEMORY, agreed. */
CHECKED Status groups_extremes_all(const Comm *comm, const int64_t *group, int64_t n, int64_t *low,
                                   int64_t *high);

/* How many rows the group of row i has: size, n numbers, out. Collective, as above. */
CHECKED Status groups_sizes_all(const Comm *comm, const int64_t *group, int64_t n, int64_t *size);

#endif
