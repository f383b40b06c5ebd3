/* The mean, the median or the most frequent value of a column, by group and over all rows. */
#ifndef SEGUE_PREPARE_GROUP_VALUES_H
#define SEGUE_PREPARE_GROUP_VALUES_H

#include "words.h"

/* For each of the functions:
 * by      words of this rank's rows: a row counts under each of its words; NULL: no groups
 * values  n on this rank; NaN are left out
 * out     one number per word of by->dictionary, then one over all rows; NaN where there is no
 *         value; replicated; the caller's storage
 * Collective, same bits on any number of ranks. Fail with MEMORY, agreed. */

/* Exact sums in fixed point, divided once. Fails with NUMERIC when a value is infinite. */
CHECKED Status group_means_all(const Comm *comm, const WordRows *by, const double *values,
                               int64_t n, double *out);
/* The middle value, or the mean of the two middle ones. */
CHECKED Status group_medians_all(const Comm *comm, const WordRows *by, const double *values,
                                 int64_t n, double *out);
/* Of equally frequent values the least. */
CHECKED Status group_modes_all(const Comm *comm, const WordRows *by, const double *values,
                               int64_t n, double *out);

#endif
