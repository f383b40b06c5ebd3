/* Rows on their way down a tree, and histograms of their packed sums; the hot loops of boosting.
 *
 * Below the root a node's rows are records that lie one after the other, whatever the order of the
 * table: packed sums, then the row's codes, and at the end its number. Splitting a node copies its
 * records to the two ends of the same range of another buffer, so that everything is read from
 * front to back, from the whole table down to nodes that fit into the cache. */
#ifndef SEGUE_TREE_BOOST_HISTOGRAM_H
#define SEGUE_TREE_BOOST_HISTOGRAM_H

#include "boost_grow.h"

enum { RECORD_SLACK = 8 };

/* Bytes of a record. Local. */
static inline int64_t boost_record_size(int64_t d, int words) {
  return (8 * words + d + (int64_t)sizeof(int32_t) + 7) / 8 * 8;
}

/* Sums by code of all rows of the sample: histogram n_features x BINS_CODES x words, zeroed here.
 * Local. */
void boost_histogram_root(const BoostRows *rows, const BoostSample *sample, int words,
                          uint64_t *histogram);
/* Add n records to the sums of the sample's features begin .. end - 1: histogram (end - begin) x
 * BINS_CODES x words. RECORD_SLACK bytes behind the last record may be read. */
void boost_histogram(const BoostRows *rows, const BoostSample *sample, int words, int64_t begin,
                     int64_t end, const uint8_t *record, int64_t n, uint64_t *histogram);

/* Split the rows of the sample: their records into `out`, room for sample->n of them, those that go
 * left first and in their order, the others behind in the opposite one. Returns the number on the
 * left. Local. */
int64_t boost_partition_root(const BoostRows *rows, const BoostSample *sample, int words,
                             const BoostSplit *split, uint8_t *out);
/* The same of n records. */
int64_t boost_partition(const BoostRows *rows, int words, const BoostSplit *split,
                        const uint8_t *record, int64_t n, uint8_t *out);

/* Numbers of the rows of n records, the last one first when turned. Local. */
void boost_records_rows(const BoostRows *rows, int words, const uint8_t *record, int64_t n,
                        bool turned, int32_t *row);

#endif
