/* Sorting found references by distance, ties by row. */
#ifndef SEGUE_NEIGHBORS_SORT_PAIRS_H
#define SEGUE_NEIGHBORS_SORT_PAIRS_H

#include <stdint.h>

typedef struct Pair {
  double distance; /* not negative, no NaN */
  int32_t row, place;
} Pair;

/* Ascending by (distance, row). scratch: n. Local. */
void sort_pairs(Pair *pairs, int64_t n, Pair *scratch);

#endif
