/* Merging runs without branches on what is compared; see sort_pairs.h. */
#include "sort_pairs.h"

#include <stdbool.h>
#include <string.h>

enum { RUN = 8 };

static inline bool before(const Pair *a, const Pair *b) {
  return (a->distance < b->distance) | ((a->distance == b->distance) & (a->row < b->row));
}

static void insert_run(Pair *pairs, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    Pair pair = pairs[i];
    int64_t j = i;
    for (; j > 0 && before(&pair, &pairs[j - 1]); j--) pairs[j] = pairs[j - 1];
    pairs[j] = pair;
  }
}

static void merge(const Pair *a, int64_t n_a, const Pair *b, int64_t n_b, Pair *out) {
  const Pair *end_a = a + n_a, *end_b = b + n_b;
  while (a < end_a && b < end_b) {
    bool second = before(b, a);
    *out++ = second ? *b : *a;
    a += !second;
    b += second;
  }
  memcpy(out, a, (size_t)(end_a - a) * sizeof *a);
  memcpy(out + (end_a - a), b, (size_t)(end_b - b) * sizeof *b);
}

void sort_pairs(Pair *pairs, int64_t n, Pair *scratch) {
  Pair *from = pairs, *to = scratch;
  for (int64_t i = 0; i < n; i += RUN) insert_run(pairs + i, n - i < RUN ? n - i : RUN);
  for (int64_t run = RUN; run < n; run *= 2) {
    for (int64_t i = 0; i < n; i += 2 * run) {
      int64_t n_a = n - i < run ? n - i : run, rest = n - i - n_a;
      merge(from + i, n_a, from + i + n_a, rest < run ? rest : run, to + i);
    }
    Pair *other = from;
    from = to;
    to = other;
  }
  if (from != pairs) memcpy(pairs, from, (size_t)n * sizeof *pairs);
}
