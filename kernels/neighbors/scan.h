/* The loops over blocks of references that the CPU at hand does best.
 *
 * A filter works in single precision on rows x and y that were centred and scaled so that
 * references lie within [-1, 1]. With N(v) the squared norm, a reference's block holds -2 y and
 * N(y) (1 - e), so that one fused multiply-add a column gives
 *   estimate = N(y) (1 - e) - 2 x.y,   and   estimate + N(x) (1 - e) <= D <= the same + 2 e (N(x) +
 * N(y)), D the squared distance that pair_distance gives, in these units. Proof that e = 3 (d + 4)
 * u, u = 2^-24, is enough: rounding x and y changes the products by at most 2u (N(x) + N(y)) in
 * all, since 2|x.y| <= N(x) + N(y); the d sums round partial results of at most N(x) + 2 N(y), d u
 * of that; rounding N(y) once costs u N(y); the double-precision roundings of centring, norms and D
 * are below u (N(x) + N(y)). Together at most (2d + 5) u (N(x) + N(y)), to first order. What
 * underflows is less than SCAN_TINY, which is added wherever a bound is made of this. */
#ifndef SEGUE_NEIGHBORS_SCAN_H
#define SEGUE_NEIGHBORS_SCAN_H

#include <stdint.h>

enum {
  SCAN_BLOCK = 16, /* references in a block */
  SCAN_BLOCKS = 4, /* blocks in a call of filter at most */
  SCAN_CHUNK = SCAN_BLOCK * SCAN_BLOCKS,
  SCAN_TOGETHER = 4, /* queries in a call of filter */
  SCAN_BATCH = 32,   /* queries that go through the tree together */
};
#define SCAN_TINY 0x1p-120

static inline double scan_margin(int64_t d) { return 3 * (double)(d + 4) * 0x1p-24; }

/* A query and what it took. */
typedef struct Taker {
  const float *x; /* d coordinates */
  float limit;    /* estimates up to it are taken */
  int32_t n;      /* taken so far */
  /* Estimates and positions; SCAN_CHUNK + SCAN_BLOCK places have to be free behind n. */
  float *estimate;
  int32_t *position;
} Taker;

typedef struct Scan {
  /* Offer n_blocks <= SCAN_BLOCKS blocks, (d + 1) x SCAN_BLOCK floats each, the first reference of
   * which has position `first`, to SCAN_TOGETHER takers. Taken in the order of positions. */
  void (*filter)(const float *blocks, int64_t n_blocks, int64_t d, int32_t first,
                 Taker *const *takers);
  /* Squared distances between a box of queries (low, high: d) and `groups` groups of SCAN_BLOCK
   * boxes (2 x d x SCAN_BLOCK floats each, lower corners first), rounded as they come. */
  void (*boxes)(const float *boxes, int64_t groups, int64_t d, const float *low, const float *high,
                float *out);
  /* Squared distances between SCAN_BATCH queries (x: d x SCAN_BATCH) and a box; corners of a group
   * of boxes, SCAN_BLOCK apart; slack is taken off every gap. */
  void (*points)(const float *x, int64_t d, const float *low, const float *high, float slack,
                 float *out);
  /* How many of n values are at most limit. */
  int32_t (*count)(const float *values, int32_t n, float limit);
  /* The same of n <= SCAN_CHUNK values for each of m limits. */
  void (*counts)(const float *values, int32_t n, const float *limits, int32_t m, int32_t *out);
  /* Keep the estimates up to limit, in order. */
  void (*keep)(Taker *taker, float limit);
} Scan;

/* The best for this CPU. Local. */
const Scan *scan_best(void);
/* All that this CPU can run, plain C first; for tests. n: out. Local. */
const Scan *const *scan_all(int *n);

#endif
