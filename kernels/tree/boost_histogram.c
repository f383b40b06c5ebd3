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

/* Features side by side, one word. Up to 7 bytes behind the codes are read. */
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

/* The same, two words. */
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
static inline void add_row_chosen(const int32_t *feature, int64_t d, int words, const uint8_t *c,
                                  const void *from, uint64_t *histogram) {
  uint64_t w[2];
  memcpy(w, from, (size_t)words * sizeof *w);
  for (int64_t p = 0; p < d; p++) {
    uint64_t *h = histogram + (p * BINS_CODES + c[feature[p]]) * words;
    for (int k = 0; k < words; k++) h[k] += w[k];
  }
}

/* What a row adds, told to the compiler: d features from `first` on, or those in the list. */
typedef enum AddKind { ADD_NARROW, ADD_WIDE, ADD_CHOSEN } AddKind;
typedef struct Adding {
  AddKind kind;
  int words;
  int64_t first, d;
  const int32_t *feature;
} Adding;

static inline __attribute__((always_inline)) void add_any(AddKind kind, const Adding *a,
                                                          const uint8_t *c, const void *w,
                                                          uint64_t *histogram) {
  if (kind == ADD_NARROW) {
    uint64_t word;
    memcpy(&word, w, sizeof word);
    add_row(c + a->first, word, a->d, histogram);
  } else if (kind == ADD_WIDE) {
    add_row_wide(c + a->first, w, a->d, histogram);
  } else {
    add_row_chosen(a->feature, a->d, a->words, c, w, histogram);
  }
}

static Adding adding(const BoostRows *rows, const BoostSample *sample, int words, int64_t begin,
                     int64_t end) {
  bool all = sample->n_features == rows->bins->d;
  return (Adding){.kind = !all         ? ADD_CHOSEN
                          : words == 1 ? ADD_NARROW
                                       : ADD_WIDE,
                  .words = words,
                  .first = begin,
                  .d = end - begin,
                  .feature = sample->feature + begin};
}

static inline __attribute__((always_inline)) void add_records(AddKind kind, Adding a, int64_t size,
                                                              const uint8_t *record, int64_t n,
                                                              uint64_t *histogram) {
  const int64_t code = 8 * a.words;
  for (const uint8_t *end = record + n * size; record < end; record += size) {
    add_any(kind, &a, record + code, record, histogram);
  }
}

/* Rows of the table; where not all of them are in the sample the next ones are prefetched. */
static inline __attribute__((always_inline)) void add_table(AddKind kind, Adding a,
                                                            const BoostRows *rows,
                                                            const BoostSample *sample,
                                                            uint64_t *histogram) {
  const int64_t n = sample->n, stride = bins_stride(rows->bins->d);
  const int32_t *row = sample->row;
  for (int64_t i = 0; i < n && n == rows->n; i++) {
    add_any(kind, &a, rows->codes + i * stride, sample->packed + i * a.words, histogram);
  }
  for (int64_t i = 0; i < n && n < rows->n; i++) {
    int64_t next = row[i + AHEAD < n ? i + AHEAD : n - 1];
    __builtin_prefetch(rows->codes + next * stride);
    __builtin_prefetch(sample->packed + next * a.words);
    add_any(kind, &a, rows->codes + row[i] * stride, sample->packed + (int64_t)row[i] * a.words,
            histogram);
  }
}

void boost_histogram_root(const BoostRows *rows, const BoostSample *sample, int words,
                          uint64_t *histogram) {
  const Adding a = adding(rows, sample, words, 0, sample->n_features);
  memset(histogram, 0, (size_t)(a.d * BINS_CODES * words) * sizeof *histogram);
  switch (a.kind) {
    case ADD_NARROW: add_table(ADD_NARROW, a, rows, sample, histogram); break;
    case ADD_WIDE: add_table(ADD_WIDE, a, rows, sample, histogram); break;
    default: add_table(ADD_CHOSEN, a, rows, sample, histogram);
  }
}

void boost_histogram(const BoostRows *rows, const BoostSample *sample, int words, int64_t begin,
                     int64_t end, const uint8_t *record, int64_t n, uint64_t *histogram) {
  const Adding a = adding(rows, sample, words, begin, end);
  const int64_t size = boost_record_size(rows->bins->d, words);
  switch (a.kind) {
    case ADD_NARROW: add_records(ADD_NARROW, a, size, record, n, histogram); break;
    case ADD_WIDE: add_records(ADD_WIDE, a, size, record, n, histogram); break;
    default: add_records(ADD_CHOSEN, a, size, record, n, histogram);
  }
}
