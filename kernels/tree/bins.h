/* Bins: every feature as one byte, cut at exact global quantiles.
 *
 * A feature with at most max_bins distinct values gets one bin for each of them. One with more is
 * cut at order statistics: a value that fills a bin alone gets a bin alone, the rest is cut evenly
 * (the greedy rule of LightGBM, Ke et al. 2017, on exact order statistics instead of a sample).
 * Edges are doubles midway between the neighbouring values that really occur, so a raw value goes
 * left of edge b (x <= edges[b]) exactly when its code is at most b. The code of a missing value is
 * BINS_MISSING whatever the number of bins.
 *
 * A column that is a category has a bin for each word that rows have, most rows first (ties: the
 * lower code). Where there are more words than max_bins, the first max_bins - 1 have bins of their
 * own and all others share the last one, as words do that no row of the fit has: of words that are
 * as rare the model has learned there. Where every word has a bin, a new one counts as missing. */
#ifndef SEGUE_TREE_BINS_H
#define SEGUE_TREE_BINS_H

#include "kernels/base/fields.h"
#include "kernels/numeric/matrix.h"

enum {
  BINS_MAX = 255,     /* value codes are 0 .. 254 */
  BINS_MISSING = 255, /* the code of NaN */
  BINS_CODES = 256,
};

typedef struct Bins {
  int64_t d;
  int64_t *offset; /* d + 1 positions into edges */
  /* Feature j: offset[j + 1] - offset[j] ascending edges, one less than its bins; of a category
   * they only tell how many bins there are. */
  double *edges;
  /* Features that are categories: bins of the codes 0 .. k - 1 that the matrix holds, and of new
   * words. */
  int64_t *category_offset; /* d + 1 positions into category, empty for numbers; NULL: all are */
  uint8_t *category;
} Bins;

/* Cut the columns of x into bins.
 *
 * Collective. x: this rank's rows; max_bins 2 .. BINS_MAX, same on all ranks. out is replicated;
 * the caller clears it, also after a failure. Infinities are ordinary values.
 * Fails with MEMORY, agreed. An allgather of d x max_bins numbers and an exact quantile search. */
CHECKED Status bins_fit_all(const Comm *comm, const Matrix *x, int64_t max_bins, Bins *out);
void bins_clear(Bins *bins);
/* out: the caller clears it, also after a failure. Local. Fails with MEMORY. */
CHECKED Status bins_copy(const Bins *bins, Bins *out);

/* Bins of a feature, missing values not counted: 1 .. BINS_MAX. Local. */
static inline int32_t bins_of(const Bins *bins, int64_t j) {
  return (int32_t)(bins->offset[j + 1] - bins->offset[j] + 1);
}

/* Is a feature a category; is any? Local. */
static inline bool bins_is_category(const Bins *bins, int64_t j) {
  return bins->category_offset && bins->category_offset[j + 1] > bins->category_offset[j];
}
static inline bool bins_any_category(const Bins *bins) { return bins->category_offset != NULL; }

/* Bytes from a row's codes to the next row's: d rounded up to a multiple of 8. Local. */
static inline int64_t bins_stride(int64_t d) { return (d + 7) / 8 * 8; }

/* Codes of rows begin .. begin + n - 1 of x, row by row, padding zeroed. Local.
 * codes  out, n x bins_stride(d) */
void bins_encode(const Bins *bins, const Matrix *x, int64_t begin, int64_t n, uint8_t *codes);

/* Visit what lasts; IN allocates. Local. Bins of numbers alone have no fields of categories. */
CHECKED Status bins_fields(Bins *bins, Fields *fields);

/* The parts for categories, in bins_categories.c.
 *
 * Make out->category_offset and out->category. n_bins: out, d numbers of bins, 1 for features that
 * are numbers. Collective. Fails with MEMORY, agreed. One exact sum. */
CHECKED Status bins_count_categories_all(const Comm *comm, const Matrix *x, int64_t max_bins,
                                         Bins *out, int32_t *n_bins);
/* Codes of n values of feature j, bins_stride(d) apart. Local. */
void bins_encode_categories(const Bins *bins, int64_t j, const double *column, int64_t n,
                            uint8_t *codes);
CHECKED Status bins_category_fields(Bins *bins, Fields *fields);

#endif
