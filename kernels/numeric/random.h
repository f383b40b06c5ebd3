/* Random numbers are addressed, not drawn in sequence.
 *
 * Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): a number is a
 * function of (seed, purpose, unit, index, draw). Which rank asks does not matter, nor the order.
 * The purpose is a text such as "forest/bootstrap"; its hash keys the stream, so that two uses
 * never share numbers. */
#ifndef SEGUE_NUMERIC_RANDOM_H
#define SEGUE_NUMERIC_RANDOM_H

#include <stdint.h>

/* 96 bits of a hash of seed, purpose and unit (tree, fold, trial, column ...). */
typedef struct Stream {
  uint32_t key[2];
  uint32_t salt; /* a word of the counter; rejected integers try again under the next salts */
} Stream;

/* Local, all of them. */
Stream random_stream(uint64_t seed, const char *purpose, uint64_t unit);

/* Philox4x32-10: replaces a counter by four random words. Inline, so that loops over rows run
 * several of these side by side. */
static inline void random_philox(uint32_t counter[4], const uint32_t key[2]) {
  uint32_t a = counter[0], b = counter[1], c = counter[2], d = counter[3];
  uint32_t k0 = key[0], k1 = key[1];
  for (int round = 0; round < 10; round++) {
    uint64_t p = (uint64_t)a * 0xd2511f53u, q = (uint64_t)c * 0xcd9e8d57u;
    a = (uint32_t)(q >> 32) ^ b ^ k0;
    c = (uint32_t)(p >> 32) ^ d ^ k1;
    b = (uint32_t)q;
    d = (uint32_t)p;
    k0 += 0x9e3779b9u;
    k1 += 0xbb67ae85u;
  }
  counter[0] = a;
  counter[1] = b;
  counter[2] = c;
  counter[3] = d;
}

/* 64 random bits at (index, draw); index is a row id, a node path, a step ... */
static inline uint64_t random_bits(const Stream *stream, uint64_t index, uint32_t draw) {
  uint32_t word[4] = {draw >> 1, stream->salt, (uint32_t)index, (uint32_t)(index >> 32)};
  random_philox(word, stream->key);
  uint64_t even = (uint64_t)word[1] << 32 | word[0], odd = (uint64_t)word[3] << 32 | word[2];
  return draw & 1 ? odd : even;
}
/* Uniform in [0, 1): 53 bits. */
static inline double random_uniform(const Stream *stream, uint64_t index, uint32_t draw) {
  return (double)(random_bits(stream, index, draw) >> 11) * 0x1p-53;
}
/* Standard normal: inverse of the normal distribution function of one uniform (Wichura 1988,
 * AS 241), so that one address gives one number. */
double random_normal(const Stream *stream, uint64_t index, uint32_t draw);
/* Integer in 0 .. bound - 1, without bias (Lemire 2019: a multiplication, rarely a rejection, which
 * uses up no other draw); bound >= 1. */
int64_t random_integer(const Stream *stream, uint64_t index, uint32_t draw, int64_t bound);

/* A permutation of 0 .. n - 1 (Fisher-Yates with addressed swaps). out n items, caller's;
 * n < 2^32. */
void random_permutation(const Stream *stream, uint64_t index, int64_t n, int64_t *out);
/* The element that position i has in a pseudo-random permutation of 0 .. n - 1, without storing
 * it (a Feistel network over the next power of four, at least 256, with cycle walking); for rows
 * over ranks. n <= 2^62. */
int64_t random_permuted(const Stream *stream, int64_t i, int64_t n);
/* Bootstrap counts: n draws with replacement from n; counts[i] times i was drawn. counts n items,
 * overwritten. Same on any rank that asks. */
void random_bootstrap(const Stream *stream, int64_t n, int32_t *counts);
/* Draws begin .. begin + n - 1 of the n_items that random_bootstrap makes: drawn, n items, which
 * was drawn. For samples that ranks make together. n_items < 2^31. */
void random_bootstrap_draws(const Stream *stream, int64_t n_items, int64_t begin, int64_t n,
                            int32_t *drawn);
/* A subset of k of 0 .. n - 1, ascending, every subset equally likely (Floyd 1987). out k items.
 * Few are found by k draws (Floyd), many by n draws (Knuth's algorithm S). k <= n < 2^31. */
void random_subset(const Stream *stream, uint64_t index, int64_t n, int64_t k, int32_t *out);

#endif
