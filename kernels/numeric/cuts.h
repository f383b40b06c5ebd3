/* Cuts: where rows in order of a key, within strata, are divided into parts of wanted sizes. */
#ifndef SEGUE_NUMERIC_CUTS_H
#define SEGUE_NUMERIC_CUTS_H

#include <stdbool.h>

#include "kernels/base/comm.h"

/* What rows are ordered by. */
typedef struct CutKeys {
  int64_t begin;    /* global number of this rank's first row */
  int64_t n;        /* rows on this rank */
  double *key;      /* finite, or NaN: takes no part */
  int64_t *stratum; /* 0 .. n_strata - 1 */
  int64_t n_strata;
  const int64_t *group; /* borrowed from a column; NULL: none. The keys of a group are equal */
  bool ties;            /* rows may share a key and then stay together */
} CutKeys;

/* Two parts, the first with a share of the rows; or n equal parts. */
typedef struct CutParts {
  int64_t n;
  double first; /* NaN: equal parts */
} CutParts;

/* The first key behind each cut, in every stratum.
 * cuts    n_strata x (parts - 1) keys, ascending in a stratum, +inf behind the last row; replicated
 * filled  out: every part has a row
 * units   out: rows that take part; where parts of rows left one empty, the different keys, which
 *         parts then share equally
 * Collective. Fails with MEMORY, agreed. A few rounds of quantile.h's search. */
CHECKED Status cuts_find_all(const Comm *comm, const CutKeys *keys, const CutParts *parts,
                             double *cuts, bool *filled, int64_t *units);

#endif
