/* Sorting pairs of a 64-bit key and a tag, on one rank and over all ranks. */
#ifndef SEGUE_MEASURE_ORDER_H
#define SEGUE_MEASURE_ORDER_H

#include "kernels/base/comm.h"

typedef struct Item {
  uint64_t key, tag;
} Item;

/* Sort in place by key, ascending and stable (LSD radix, digits that all items share are skipped;
 * insertion for few). Local. Fails with MEMORY. */
CHECKED Status order_sort(Item *items, int64_t n);

/* Sort over ranks: rank 0 gets the lowest keys, equal keys come to one rank, shares are near equal
 * unless keys are (sorting by regular sampling, Shi and Schaeffer 1992). Which rank gets what
 * depends on the layout: only take from it what does not.
 * items, n  in and out: this rank's items; the array is replaced, the caller frees it
 * Collective. Fails with MEMORY, agreed. Each item travels once. */
CHECKED Status order_share_all(const Comm *comm, Item **items, int64_t *n);

#endif
