/* Histograms of packed sums; see boost_histogram.h.
 *
 * Eight features at a time, with the distances between their histograms known to the compiler: the
 * loads and stores of the sums are what the processor is short of.
 *
 * Rejected: histograms column by column (each column gathers gradients anew); histograms packed
 * tightly (one more load for every update); rows that stay where they are, with lists of their
 * numbers for each node (from a million rows on, finding them takes longer than adding them). */
#include "boost_histogram.h"

#include <string.h>

enum { AHEAD = 24 };

typedef uint64_t Pair __attribute__((vector_size(16)));

/* Feature j of those that x holds the codes of, one a byte. */
#define ADD(j) h[(j)*BINS_CODES + (uint8_t)(x >> 8 * (j))] += w

/* All features, one word. Up to 7 bytes behind the codes are read. */
static inline __attribute__((always_inline)) void add_row(const uint8_t *c, uint64_t w, int64_t d,
                                                          uint64_t *h) {
  uint64_t x;
  int64_t left = d;
  for (; left >= 8; left -= 8, c += 8, h += 8 * BINS_CODES) {
    memcpy(&x, c, sizeof x);
    ADD(0), ADD(1), ADD(2), ADD(3), ADD(4), ADD(5), ADD(6), ADD(7);
  }
  if (left == 0) return;
  memcpy(&x, c, sizeof x);
  switch (left) {
    case 7: ADD(6); /* fall through */
    case 6: ADD(5); /* fall through */
    case 5: ADD(4); /* fall through */
    case 4: ADD(3); /* fall through */
    case 3: ADD(2); /* fall through */
    case 2: ADD(1); /* fall through */
    default: ADD(0);
  }
}

#undef ADD
#define ADD(j) h[(j)*BINS_CODES + c[j]] += w

/* All features, two words. */
static inline void add_row_wide(const uint8_t *c, const void *words, int64_t d,
                                uint64_t *histogram) {
  Pair w, *h = (Pair *)(void *)histogram;
  memcpy(&w, words, sizeof w);
  int64_t left = d;
  for (; left >= 4; left -= 4, c += 4, h += 4 * BINS_CODES) ADD(0), ADD(1), ADD(2), ADD(3);
  for (; left > 0; left--, c++, h += BINS_CODES) ADD(0);
}

#undef ADD

/* Some features, any number of words. */
static inline void add_row_chosen(const BoostSample *sample, int words, const uint8_t *c,
                                  const void *from, uint64_t *histogram) {
  uint64_t w[2];
  memcpy(w, from, (size_t)words * sizeof *w);
  for (int64_t p = 0; p < sample->n_features; p++) {
    uint64_t *h = histogram + (p * BINS_CODES + c[sample->feature[p]]) * words;
    for (int k = 0; k < words; k++) h[k] += w[k];
  }
}

/* How a row is added, told to the compiler. */
typedef enum AddKind { ADD_NARROW, ADD_WIDE, ADD_CHOSEN } AddKind;

static AddKind add_kind(const BoostRows *rows, const BoostSample *sample, int words) {
  if (sample->n_features < rows->bins->d) return ADD_CHOSEN;
  return words == 1 ? ADD_NARROW : ADD_WIDE;
}

static inline __attribute__((always_inline)) void add_any(AddKind kind, const BoostSample *sample,
                                                          int words, int64_t d, const uint8_t *c,
                                                          const void *w, uint64_t *histogram) {
  if (kind == ADD_NARROW) {
    uint64_t word;
    memcpy(&word, w, sizeof word);
    add_row(c, word, d, histogram);
  } else if (kind == ADD_WIDE) {
    add_row_wide(c, w, d, histogram);
  } else {
    add_row_chosen(sample, words, c, w, histogram);
  }
}

static inline __attribute__((always_inline)) void add_records(AddKind kind,
                                                              const BoostSample *sample, int words,
                                                              int64_t d, const uint8_t *record,
                                                              int64_t n, uint64_t *histogram) {
  const int64_t size = boost_record_size(d, words);
  for (const uint8_t *end = record + n * size; record < end; record += size) {
    add_any(kind, sample, words, d, record + 8 * words, record, histogram);
  }
}

/* Rows of the table; where not all of them are in the sample the next ones are prefetched. */
static inline __attribute__((always_inline)) void add_table(AddKind kind, const BoostRows *rows,
                                                            const BoostSample *sample, int words,
                                                            uint64_t *histogram) {
  const int64_t n = sample->n, d = rows->bins->d, stride = bins_stride(d);
  const int32_t *row = sample->row;
  for (int64_t i = 0; i < n && n == rows->n; i++) {
    add_any(kind, sample, words, d, rows->codes + i * stride, sample->packed + i * words,
            histogram);
  }
  for (int64_t i = 0; i < n && n < rows->n; i++) {
    int64_t next = row[i + AHEAD < n ? i + AHEAD : n - 1];
    __builtin_prefetch(rows->codes + next * stride);
    __builtin_prefetch(sample->packed + next * words);
    add_any(kind, sample, words, d, rows->codes + row[i] * stride,
            sample->packed + (int64_t)row[i] * words, histogram);
  }
}

static void make_empty(const BoostSample *sample, int words, uint64_t *histogram) {
  memset(histogram, 0, (size_t)(sample->n_features * BINS_CODES * words) * sizeof *histogram);
}

void boost_histogram_root(const BoostRows *rows, const BoostSample *sample, int words,
                          uint64_t *histogram) {
  make_empty(sample, words, histogram);
  switch (add_kind(rows, sample, words)) {
    case ADD_NARROW: add_table(ADD_NARROW, rows, sample, 1, histogram); break;
    case ADD_WIDE: add_table(ADD_WIDE, rows, sample, 2, histogram); break;
    default: add_table(ADD_CHOSEN, rows, sample, words, histogram);
  }
}

void boost_histogram(const BoostRows *rows, const BoostSample *sample, int words,
                     const uint8_t *record, int64_t n, uint64_t *histogram) {
  const int64_t d = rows->bins->d;
  make_empty(sample, words, histogram);
  switch (add_kind(rows, sample, words)) {
    case ADD_NARROW: add_records(ADD_NARROW, sample, 1, d, record, n, histogram); break;
    case ADD_WIDE: add_records(ADD_WIDE, sample, 2, d, record, n, histogram); break;
    default: add_records(ADD_CHOSEN, sample, words, d, record, n, histogram);
  }
}
