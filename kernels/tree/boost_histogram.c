/* Histograms of packed sums; see boost_histogram.h.
 *
 * Codes lie row by row, so that a row is one or two cache lines whatever the order of rows; eight
 * features at a time, with the distances between their histograms known to the compiler. Where
 * rows no longer fit into the cache the next ones are prefetched.
 *
 * Rejected: histograms column by column (each column gathers gradients anew); histograms packed
 * tightly (one more load for every update). */
#include "boost_histogram.h"

#include <string.h>

enum { AHEAD = 24 };

typedef uint64_t Pair __attribute__((vector_size(16)));

/* Feature j of those that x holds the codes of, one a byte. */
#define ADD(j) h[(j)*BINS_CODES + (uint8_t)(x >> 8 * (j))] += w

/* All features, one word. Codes are loaded eight at a time: the loads and stores of the sums are
 * what the processor is short of. */
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

static void add_narrow(const uint8_t *codes, int64_t stride, const uint64_t *packed,
                       const int32_t *row, int64_t n, int64_t d, uint64_t *histogram) {
  for (int64_t i = 0; i < n; i++) {
    int64_t next = row[i + AHEAD < n ? i + AHEAD : n - 1];
    __builtin_prefetch(codes + next * stride);
    __builtin_prefetch(packed + next);
    add_row(codes + row[i] * stride, packed[row[i]], d, histogram);
  }
}

/* The rows from 0 on: nothing to look up, and the processor sees what comes next. */
static void add_run(const uint8_t *codes, int64_t stride, const uint64_t *packed, int64_t n,
                    int64_t d, uint64_t *histogram) {
  for (int64_t i = 0; i < n; i++) add_row(codes + i * stride, packed[i], d, histogram);
}

#define ADD(j) h[(j)*BINS_CODES + c[j]] += w

/* All features, two words. */
static void add_wide(const uint8_t *codes, int64_t stride, const uint64_t *packed,
                     const int32_t *row, int64_t n, int64_t d, uint64_t *histogram) {
  for (int64_t i = 0; i < n; i++) {
    int64_t next = row[i + AHEAD < n ? i + AHEAD : n - 1];
    __builtin_prefetch(codes + next * stride);
    __builtin_prefetch(packed + 2 * next);
    const uint8_t *c = codes + row[i] * stride;
    Pair w;
    memcpy(&w, packed + 2 * (int64_t)row[i], sizeof w);
    Pair *h = (Pair *)(void *)histogram;
    int64_t left = d;
    for (; left >= 4; left -= 4, c += 4, h += 4 * BINS_CODES) ADD(0), ADD(1), ADD(2), ADD(3);
    for (; left > 0; left--, c++, h += BINS_CODES) ADD(0);
  }
}

#undef ADD

/* Some features, any number of words. */
static void add_chosen(const uint8_t *codes, int64_t stride, const BoostSample *sample, int words,
                       const int32_t *row, int64_t n, uint64_t *histogram) {
  for (int64_t i = 0; i < n; i++) {
    const uint8_t *c = codes + row[i] * stride;
    const uint64_t *w = sample->packed + (int64_t)row[i] * words;
    for (int64_t p = 0; p < sample->n_features; p++) {
      uint64_t *h = histogram + (p * BINS_CODES + c[sample->feature[p]]) * words;
      for (int k = 0; k < words; k++) h[k] += w[k];
    }
  }
}

void boost_histogram(const BoostRows *rows, const BoostSample *sample, int words,
                     const int32_t *row, int64_t n, uint64_t *histogram) {
  int64_t d = sample->n_features, stride = bins_stride(rows->bins->d);
  memset(histogram, 0, (size_t)(d * BINS_CODES * words) * sizeof *histogram);
  if (d < rows->bins->d) {
    add_chosen(rows->codes, stride, sample, words, row, n, histogram);
  } else if (words == 1 && n == rows->n) {
    add_run(rows->codes, stride, sample->packed, n, d, histogram);
  } else if (words == 1) {
    add_narrow(rows->codes, stride, sample->packed, row, n, d, histogram);
  } else {
    add_wide(rows->codes, stride, sample->packed, row, n, d, histogram);
  }
}
