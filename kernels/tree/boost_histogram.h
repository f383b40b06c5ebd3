/* Histograms of packed sums over rows; the hot loop of boosting. */
#ifndef SEGUE_TREE_BOOST_HISTOGRAM_H
#define SEGUE_TREE_BOOST_HISTOGRAM_H

#include "boost_grow.h"

/* Sums by code of the given rows: histogram n_features x BINS_CODES x words, zeroed here. Local. */
void boost_histogram(const BoostRows *rows, const BoostSample *sample, int words,
                     const int32_t *row, int64_t n, uint64_t *histogram);

/* Split rows in place, those that go left first, both sides in their order. Returns the number on
 * the left. scratch: n numbers. Local. */
int64_t boost_partition(const BoostRows *rows, const BoostSplit *split, int32_t *row, int64_t n,
                        int32_t *scratch);

#endif
