/* Random numbers are addressed, not drawn in sequence.
 *
 * Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): a number is a
 * function of (seed, purpose, unit, index, draw). Which rank asks does not matter, nor the order.
 * The purpose is a text such as "forest/bootstrap"; its hash keys the stream, so that two uses
 * never share numbers. */
#ifndef SEGUE_NUMERIC_RANDOM_H
#define SEGUE_NUMERIC_RANDOM_H

#include "kernels/base/comm.h"

typedef struct Stream {
  uint32_t key[2];  /* from seed and purpose */
  uint32_t unit[2]; /* tree, fold, trial, column ... */
} Stream;

/* Local, all of them. */
Stream random_stream(uint64_t seed, const char *purpose, uint64_t unit);

/* 64 random bits at (index, draw); index is a row id, a node path, a step ... draw < 2^31. */
uint64_t random_bits(const Stream *stream, uint64_t index, uint32_t draw);
/* Uniform in [0, 1): 53 bits. */
double random_uniform(const Stream *stream, uint64_t index, uint32_t draw);
/* Standard normal: inverse of the normal distribution function of one uniform (Wichura 1988,
 * AS 241), so that one address gives one number. */
double random_normal(const Stream *stream, uint64_t index, uint32_t draw);
/* Integer in 0 .. bound - 1, without bias (rejection over further draws); bound >= 1. */
int64_t random_integer(const Stream *stream, uint64_t index, uint32_t draw, int64_t bound);

/* A permutation of 0 .. n - 1 (Fisher-Yates with addressed swaps). out n items, caller's. */
void random_permutation(const Stream *stream, uint64_t index, int64_t n, int64_t *out);
/* The element that position i has in a pseudo-random permutation of 0 .. n - 1, without storing
 * it (a Feistel network over the next power of four with cycle walking); for rows over ranks. */
int64_t random_permuted(const Stream *stream, int64_t i, int64_t n);
/* Bootstrap counts: n draws with replacement from n; counts[i] times i was drawn. counts n items,
 * overwritten. Same on any rank that asks. */
void random_bootstrap(const Stream *stream, int64_t n, int32_t *counts);
/* A subset of k of 0 .. n - 1, ascending, every subset equally likely (Floyd 1987). out k items.
 * draws index-addressed: cheap for small k. k <= n <= 2^31. */
void random_subset(const Stream *stream, uint64_t index, int64_t n, int64_t k, int32_t *out);

#endif
