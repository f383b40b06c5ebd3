/* Splitting the rows of a node; see boost_histogram.h.
 *
 * Every record is read once and written once, to the front of the range or to its back: both places
 * are known before the side is, so that there is no branch to guess. A size known to the compiler
 * makes copying a record a few vector moves.
 *
 * Rejected: a table of codes column by column besides, and lists of row numbers that are split by
 * it. It moves a quarter of the bytes, but to no order, and each histogram has to gather. */
#include <string.h>

#include "boost_histogram.h"

enum { SIZE_MOST = 64 }; /* of records whose size the compiler is told */

/* By code: 1 goes left. */
static void sides_of(const BoostSplit *split, uint8_t table[BINS_CODES]) {
  if (split->bin == BOOST_SET) {
    node_set_table(split->set, table);
    return;
  }
  memset(table, 0, BINS_CODES);
  memset(table, 1, (size_t)split->bin + 1);
  table[BINS_MISSING] = split->missing_left != 0;
}

/* 32 bytes at a time: left to itself the compiler takes 16. */
typedef uint64_t Four __attribute__((vector_size(32)));

static inline __attribute__((always_inline)) void copy_bytes(uint8_t *to, const uint8_t *from,
                                                             int64_t size) {
  Four four;
  int64_t k = 0;
  for (; k + (int64_t)sizeof four <= size; k += (int64_t)sizeof four) {
    memcpy(&four, from + k, sizeof four);
    memcpy(to + k, &four, sizeof four);
  }
  memcpy(to + k, from + k, (size_t)(size - k));
}

/* Where the next record goes: `left`, or `gap` bytes behind it, at the back. Masks, since the
 * compiler makes branches of conditions. */
typedef struct Places {
  uint8_t *left;
  int64_t gap;
} Places;

static inline __attribute__((always_inline)) uint8_t *place_of(Places *p, uint8_t goes_left,
                                                               int64_t size) {
  const int64_t mask = -(int64_t)goes_left;
  uint8_t *to = p->left + (p->gap & ~mask);
  p->left += size & mask;
  p->gap -= size;
  return to;
}

static inline __attribute__((always_inline)) int64_t move_records(const uint8_t *table,
                                                                  const uint8_t *record, int64_t n,
                                                                  int64_t size, int64_t code,
                                                                  uint8_t *out) {
  Places places = {out, (n - 1) * size};
  for (const uint8_t *end = record + n * size; record < end; record += size) {
    copy_bytes(place_of(&places, table[record[code]], size), record, size);
  }
  return (places.left - out) / size;
}

int64_t boost_partition(const BoostRows *rows, int words, const BoostSplit *split,
                        const uint8_t *record, int64_t n, uint8_t *out) {
  const int64_t size = boost_record_size(rows->bins->d, words), code = 8 * words + split->feature;
  uint8_t table[BINS_CODES];
  sides_of(split, table);
  switch (size) {
    case 16: return move_records(table, record, n, 16, code, out);
    case 24: return move_records(table, record, n, 24, code, out);
    case 32: return move_records(table, record, n, 32, code, out);
    case 40: return move_records(table, record, n, 40, code, out);
    case 48: return move_records(table, record, n, 48, code, out);
    case 56: return move_records(table, record, n, 56, code, out);
    case SIZE_MOST: return move_records(table, record, n, SIZE_MOST, code, out);
    default: return move_records(table, record, n, size, code, out);
  }
}

/* Records of rows of the table; codes are copied `stride` bytes at a time, the number comes last.
 */
static inline __attribute__((always_inline)) int64_t make_records(const uint8_t *table,
                                                                  const BoostRows *rows,
                                                                  const BoostSample *sample,
                                                                  int words, int64_t stride,
                                                                  int64_t code, uint8_t *out) {
  const int64_t size = boost_record_size(rows->bins->d, words);
  Places places = {out, (sample->n - 1) * size};
  for (int64_t i = 0; i < sample->n; i++) {
    const int32_t row = sample->row[i];
    const uint8_t *c = rows->codes + row * stride;
    uint8_t *to = place_of(&places, table[c[code]], size);
    memcpy(to, sample->packed + (int64_t)row * words, (size_t)words * sizeof *sample->packed);
    memcpy(to + 8 * words, c, (size_t)stride);
    memcpy(to + size - sizeof row, &row, sizeof row);
  }
  return (places.left - out) / size;
}

int64_t boost_partition_root(const BoostRows *rows, const BoostSample *sample, int words,
                             const BoostSplit *split, uint8_t *out) {
  const int64_t stride = bins_stride(rows->bins->d), code = split->feature;
  uint8_t table[BINS_CODES];
  sides_of(split, table);
  switch (words == 1 ? stride : 0) {
    case 8: return make_records(table, rows, sample, 1, 8, code, out);
    case 16: return make_records(table, rows, sample, 1, 16, code, out);
    case 24: return make_records(table, rows, sample, 1, 24, code, out);
    case 32: return make_records(table, rows, sample, 1, 32, code, out);
    default: return make_records(table, rows, sample, words, stride, code, out);
  }
}

void boost_records_rows(const BoostRows *rows, int words, const uint8_t *record, int64_t n,
                        bool turned, int32_t *row) {
  const int64_t size = boost_record_size(rows->bins->d, words);
  const uint8_t *from = record + size - (int64_t)sizeof *row;
  for (int64_t i = 0; i < n; i++, from += size) {
    memcpy(row + (turned ? n - 1 - i : i), from, sizeof *row);
  }
}
