/* Draws: which rows come of which, and making them. */
#ifndef SEGUE_RESAMPLE_DRAWS_H
#define SEGUE_RESAMPLE_DRAWS_H

#include "resample.h"

/* An added row lies between the row it comes from and another: x + gap (other - x). */
typedef struct Draw {
  int64_t other; /* row of `others`; -1: the row is repeated */
  double gap;    /* 0 .. 1 */
} Draw;

typedef struct Draws {
  int64_t n;       /* rows on this rank */
  int32_t *copies; /* n: how often a row stands from now on; 0: not at all */
  /* n + 1 sums of what rows add, copies - 1 where they stand at all; draws_count makes them. */
  int64_t *begin;
  Draw *made; /* begin[n], in the order of the rows they come from; NULL: all repeat */
  /* Values that rows of any rank are met at; d columns. Borrowed; NULL: all repeat. */
  const double *const *others;
  /* Columns that are not numbers: the same value in all rows that come of one. NULL: none. */
  const uint8_t *fixed; /* d flags; borrowed */
  double **value;       /* d columns of n values, where fixed; borrowed */
} Draws;

/* All rows stand once. Local. Fails with MEMORY. */
CHECKED Status draws_init(Draws *draws, int64_t n);
/* Fill begin from copies. Local. */
void draws_count(Draws *draws);
/* Room for made; all repeat as yet. Local, after draws_count. Fails with MEMORY. */
CHECKED Status draws_make(Draws *draws);
void draws_clear(Draws *draws);

/* Make the rows and spread them in whole blocks. Collective. Every rank sends what belongs to
 * others; rows that stay are written where they belong at once. Fails with INVALID when no row is
 * left, MEMORY; agreed. */
CHECKED Status draws_rows_all(const Comm *comm, const TrainingData *data, const Draws *draws,
                              Resampled *out);

#endif
