/* The Poisson bootstrap by recording: weights, weighted sums, percentile intervals.
 *
 * Replicates are worked on LANES at a time (a chunk): one byte of weight per group and lane. */
#ifndef SEGUE_MEASURE_BOOTSTRAP_H
#define SEGUE_MEASURE_BOOTSTRAP_H

#include "kernels/measure/measure.h"
#include "kernels/numeric/random.h"

enum { LANES = 32, WEIGHT_MAX = 7 };

static inline int64_t chunks_of(int64_t replicates) { return (replicates + LANES - 1) / LANES; }

/* The groups of this rank's rows and their weights in one chunk of replicates. */
typedef struct Weights {
  int64_t n;      /* rows */
  int64_t *index; /* n: row -> group 0 .. n_groups - 1 */
  int64_t n_groups;
  int64_t *id;   /* n_groups ids, ascending */
  uint8_t *lane; /* n_groups x LANES, of the chunk last filled */
} Weights;

/* All local. ids n group ids, not negative. The caller clears, also after a failure. MEMORY. */
CHECKED Status weights_init(Weights *weights, const int64_t *ids, int64_t n);
void weights_clear(Weights *weights);
void weights_fill(Weights *weights, const Stream *stream, int64_t chunk);
static inline const uint8_t *weights_row(const Weights *weights, int64_t i) {
  return weights->lane + weights->index[i] * LANES;
}

/* Ask for the weights of a row that comes soon: groups lie anywhere in a table larger than caches.
 */
enum { AHEAD = 24 };
static inline void weights_ahead(const Weights *weights, int64_t group) {
  __builtin_prefetch(weights->lane + group * LANES);
}

/* Scale for bootstrap_sum: keeps magnitudes up to max within what its sums hold. n_global rows. */
double bootstrap_scale(double max, int64_t n_global);

/* Sums over rows of weight x value in one chunk.
 * values  n x m whole numbers, from rint(v * bootstrap_scale(...)), row by row; m <= BOOTSTRAP_SUMS
 * sums    m pointers; LANES numbers are added to each
 * Local. Exact. */
enum { BOOTSTRAP_SUMS = 9 };
void bootstrap_sum(const Weights *weights, const double *values, int64_t m, int64_t *const *sums);

/* Set low and high to the percentiles (1 -+ confidence) / 2 of values that are not NaN, with linear
 * interpolation (Hyndman and Fan type 7); to NaN when fewer than half of the values are numbers.
 * values  n replicates, sorted in place. Local. */
void bootstrap_interval(double *values, int64_t n, double confidence, Score *score);

#endif
