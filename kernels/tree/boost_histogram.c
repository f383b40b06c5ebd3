/* Histograms of packed sums; see boost_histogram.h.
 *
 * Codes lie row by row, so that a row is one or two cache lines whatever the order of rows; eight
 * features at a time, with the distances between their histograms known to the compiler. Where
 * rows no longer fit into the cache the next ones are prefetched. A node's rows lie apart from each
 * other, the further the smaller it is; so they are copied together on the way, and what is built
 * below finds them in the cache.
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

/* Put a row into a copy. */
static inline void copy_row(const uint8_t *c, int64_t stride, uint8_t *out) {
  for (int64_t j = 0; j < stride; j += 8) memcpy(out + j, c + j, 8);
}

static void add_narrow(const BoostSource *source, int64_t stride, const int32_t *row, int64_t n,
                       int64_t d, uint64_t *histogram) {
  for (int64_t i = 0; i < n; i++) {
    int64_t next = row[i + AHEAD < n ? i + AHEAD : n - 1];
    __builtin_prefetch(source->codes + next * stride);
    __builtin_prefetch(source->packed + next);
    add_row(source->codes + row[i] * stride, source->packed[row[i]], d, histogram);
  }
}

static void add_narrow_copy(const BoostSource *source, int64_t stride, const int32_t *row,
                            int64_t n, int64_t d, const BoostCopy *copy, uint64_t *histogram) {
  for (int64_t i = 0; i < n; i++) {
    int64_t next = row[i + AHEAD < n ? i + AHEAD : n - 1];
    __builtin_prefetch(source->codes + next * stride);
    __builtin_prefetch(source->packed + next);
    const uint8_t *c = source->codes + row[i] * stride;
    copy->packed[i] = source->packed[row[i]];
    copy_row(c, stride, copy->codes + i * stride);
    add_row(c, source->packed[row[i]], d, histogram);
  }
}

/* The rows from 0 on: nothing to look up, and the processor sees what comes next. */
static void add_run(const BoostSource *source, int64_t stride, int64_t n, int64_t d,
                    uint64_t *histogram) {
  for (int64_t i = 0; i < n; i++) {
    add_row(source->codes + i * stride, source->packed[i], d, histogram);
  }
}

#define ADD(j) h[(j)*BINS_CODES + c[j]] += w

/* All features, two words. */
static void add_wide(const BoostSource *source, int64_t stride, const int32_t *row, int64_t n,
                     int64_t d, uint64_t *histogram) {
  for (int64_t i = 0; i < n; i++) {
    int64_t next = row[i + AHEAD < n ? i + AHEAD : n - 1];
    __builtin_prefetch(source->codes + next * stride);
    __builtin_prefetch(source->packed + 2 * next);
    const uint8_t *c = source->codes + row[i] * stride;
    Pair w;
    memcpy(&w, source->packed + 2 * (int64_t)row[i], sizeof w);
    Pair *h = (Pair *)(void *)histogram;
    int64_t left = d;
    for (; left >= 4; left -= 4, c += 4, h += 4 * BINS_CODES) ADD(0), ADD(1), ADD(2), ADD(3);
    for (; left > 0; left--, c++, h += BINS_CODES) ADD(0);
  }
}

#undef ADD

/* Some features, any number of words. */
static void add_chosen(const BoostSource *source, int64_t stride, const BoostSample *sample,
                       int words, const int32_t *row, int64_t n, uint64_t *histogram) {
  for (int64_t i = 0; i < n; i++) {
    const uint8_t *c = source->codes + row[i] * stride;
    const uint64_t *w = source->packed + (int64_t)row[i] * words;
    for (int64_t p = 0; p < sample->n_features; p++) {
      uint64_t *h = histogram + (p * BINS_CODES + c[sample->feature[p]]) * words;
      for (int k = 0; k < words; k++) h[k] += w[k];
    }
  }
}

static void copy_rows(const BoostSource *source, int64_t stride, int words, const int32_t *row,
                      int64_t n, const BoostCopy *copy) {
  for (int64_t i = 0; i < n; i++) {
    copy_row(source->codes + row[i] * stride, stride, copy->codes + i * stride);
    for (int w = 0; w < words; w++) {
      copy->packed[i * words + w] = source->packed[(int64_t)row[i] * words + w];
    }
  }
}

static void renumber(const BoostSource *source, int32_t *row, int64_t n, int32_t *id) {
  for (int64_t i = 0; i < n; i++) id[i] = source->id ? source->id[row[i]] : row[i];
  for (int64_t i = 0; i < n; i++) row[i] = (int32_t)i;
}

void boost_histogram(const BoostRows *rows, const BoostSample *sample, int words,
                     const BoostSource *source, int32_t *row, int64_t n, const BoostCopy *copy,
                     uint64_t *histogram) {
  const int64_t d = sample->n_features, stride = bins_stride(rows->bins->d);
  const BoostSource copied = copy ? (BoostSource){copy->codes, copy->packed, copy->id, n} : *source;
  const bool narrow = d == rows->bins->d && words == 1;
  memset(histogram, 0, (size_t)(d * BINS_CODES * words) * sizeof *histogram);
  if (copy && narrow) {
    add_narrow_copy(source, stride, row, n, d, copy, histogram);
    renumber(source, row, n, copy->id);
    return;
  }
  if (copy) {
    copy_rows(source, stride, words, row, n, copy);
    renumber(source, row, n, copy->id);
    source = &copied;
  }
  if (d < rows->bins->d) {
    add_chosen(source, stride, sample, words, row, n, histogram);
  } else if (narrow && n == rows->n) {
    add_run(source, stride, n, d, histogram);
  } else if (narrow) {
    add_narrow(source, stride, row, n, d, histogram);
  } else {
    add_wide(source, stride, row, n, d, histogram);
  }
}
