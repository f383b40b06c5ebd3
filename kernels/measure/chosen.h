/* The rows that are measured: chosen, checked, in arrays of their own. */
#ifndef SEGUE_MEASURE_CHOSEN_H
#define SEGUE_MEASURE_CHOSEN_H

#include "kernels/measure/measure.h"

/* Numbers of the rows with where != 0 (NULL: all). Local. The caller frees at. Fails with MEMORY.
 */
CHECKED Status chosen_rows(const uint8_t *where, int64_t n, int64_t **at, int64_t *n_at);

/* Options within their ranges. Local. Fails with INVALID. */
CHECKED Status chosen_options(const MeasureOptions *options);

/* A row's place for messages: its number over all ranks, when rank-local row 0 has number begin. */
typedef struct Place {
  const char *part;
  int64_t begin;
} Place;

/* A value that no metric can go on from: NUMERIC naming the row. Local. */
CHECKED Status chosen_refuse(const Place *place, int64_t i, const char *what, double value,
                             const char *allowed);

#endif
