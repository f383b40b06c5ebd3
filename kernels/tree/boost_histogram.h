/* Histograms of packed sums over rows; the hot loop of boosting. */
#ifndef SEGUE_TREE_BOOST_HISTOGRAM_H
#define SEGUE_TREE_BOOST_HISTOGRAM_H

#include "boost_grow.h"

/* What a node's rows are numbers in: all rows of this rank, or a copy of some. */
typedef struct BoostSource {
  const uint8_t *codes;   /* number x bins_stride(d) */
  const uint64_t *packed; /* number x words */
  const int32_t *id;      /* which of this rank's rows it is, ascending; NULL: that of its number */
  int64_t n;
} BoostSource;

/* The same, to be filled. */
typedef struct BoostCopy {
  uint8_t *codes;
  uint64_t *packed;
  int32_t *id;
} BoostCopy;

/* Sums by code of the given rows: histogram n_features x BINS_CODES x words, zeroed here.
 * copy: room for n rows, which are put there, one after the other, and numbered anew in `row`;
 * NULL: they stay where they are. Local. */
void boost_histogram(const BoostRows *rows, const BoostSample *sample, int words,
                     const BoostSource *source, int32_t *row, int64_t n, const BoostCopy *copy,
                     uint64_t *histogram);

/* Split rows in place, those that go left first, both sides in their order. Returns the number on
 * the left. scratch: n numbers. Local. */
int64_t boost_partition(const BoostRows *rows, const BoostSource *source, const BoostSplit *split,
                        int32_t *row, int64_t n, int32_t *scratch);

#endif
