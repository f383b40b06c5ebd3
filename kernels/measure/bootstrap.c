/* The Poisson bootstrap; see bootstrap.h.
 *
 * Method. Chamandy et al. (2012): instead of drawing n groups with replacement, each group counts
 * Poisson(1) times, independently of all others, so that ranks need not know of each other's
 * groups. One 64-bit number at (stream, group id, draw) serves four replicates, 16 bits each, by
 * the inverse of a distribution function in steps of 2^-16: weights 0 .. 7 with probabilities
 * 24109, 24109, 12055, 4018, 1005, 202, 33, 5 of 65536. They are the Poisson ones rounded, the tail
 * from 8 on (0.7 of 65536) moved so that the mean is exactly 1; the variance is 0.9997.
 *
 * Sums. Values come as whole numbers in doubles. Up to BLOCK rows are added in double lanes (a
 * vector multiply and add, where AVX2 has none for 64-bit integers), without rounding because
 * BLOCK * 7 * 2^VALUE_BITS <= 2^53, and then joined in 64-bit integers.
 *
 * Rejected: resampling rows (an interval by rows is too narrow when a recording has many), and
 * weights kept for all replicates at once (1 GB for 5 million groups). */
#include "bootstrap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/fixed.h"
#include "kernels/measure/order.h"

enum { PER_DRAW = 4, BLOCK = 512, VALUE_BITS = 40 };

/* Weight is the number of steps at or below a 16-bit number. */
static const uint16_t steps[WEIGHT_MAX] = {24109, 48218, 60273, 64291, 65296, 65498, 65531};

/* Dense group numbers in the order of ids; items are (id, row), sorted. */
static Status number_groups(Weights *weights, const Item *items) {
  Status status = OK;
  int64_t n_groups = 0;
  for (int64_t i = 0; i < weights->n; i++) n_groups += i == 0 || items[i].key != items[i - 1].key;
  TRY(NEW(&weights->id, n_groups));
  TRY(NEW(&weights->lane, n_groups * LANES));
  for (int64_t i = 0; i < weights->n; i++) {
    if (i == 0 || items[i].key != items[i - 1].key)
      weights->id[weights->n_groups++] = (int64_t)items[i].key;
    weights->index[items[i].tag] = weights->n_groups - 1;
  }
done:
  return status;
}

Status weights_init(Weights *weights, const int64_t *ids, int64_t n) {
  Status status = OK;
  Item *items = NULL;
  *weights = (Weights){.n = n};
  TRY(NEW(&weights->index, n));
  TRY(NEW(&items, n));
  for (int64_t i = 0; i < n; i++) items[i] = (Item){(uint64_t)ids[i], (uint64_t)i};
  TRY(order_sort(items, n));
  TRY(number_groups(weights, items));
done:
  memory_free(&items);
  return status;
}

void weights_clear(Weights *weights) {
  memory_free(&weights->index);
  memory_free(&weights->id);
  memory_free(&weights->lane);
  *weights = (Weights){0};
}

void weights_fill(Weights *weights, const Stream *stream, int64_t chunk) {
  uint32_t first = (uint32_t)(chunk * (LANES / PER_DRAW));
  for (int64_t g = 0; g < weights->n_groups; g++) {
    uint16_t number[LANES];
    uint16_t weight[LANES] = {0};
    for (uint32_t draw = 0; draw < LANES / PER_DRAW; draw++) {
      uint64_t bits = random_bits(stream, (uint64_t)weights->id[g], first + draw);
      for (int part = 0; part < PER_DRAW; part++)
        number[draw * PER_DRAW + (uint32_t)part] = (uint16_t)(bits >> 16 * part);
    }
    for (int k = 0; k < WEIGHT_MAX; k++)
      for (int l = 0; l < LANES; l++) weight[l] = (uint16_t)(weight[l] + (number[l] >= steps[k]));
    for (int l = 0; l < LANES; l++) weights->lane[g * LANES + l] = (uint8_t)weight[l];
  }
}

double bootstrap_scale(double max, int64_t n_global) {
  int room = 59 - fixed_bits(n_global);
  return fixed_scale(max, room < VALUE_BITS ? room : VALUE_BITS);
}

void bootstrap_sum(const Weights *weights, const double *values, int64_t m, int64_t *const *sums) {
  assert(m <= BOOTSTRAP_SUMS);
  for (int64_t begin = 0; begin < weights->n; begin += BLOCK) {
    int64_t end = begin + BLOCK < weights->n ? begin + BLOCK : weights->n;
    double part[BOOTSTRAP_SUMS][LANES] = {{0}};
    for (int64_t i = begin; i < end; i++) {
      if (i + AHEAD < weights->n) weights_ahead(weights, weights->index[i + AHEAD]);
      const uint8_t *weight = weights_row(weights, i);
      double real[LANES];
      for (int l = 0; l < LANES; l++) real[l] = weight[l];
      for (int64_t j = 0; j < m; j++) {
        double value = values[i * m + j];
        for (int l = 0; value != 0 && l < LANES; l++) part[j][l] += real[l] * value;
      }
    }
    for (int64_t j = 0; j < m; j++)
      for (int l = 0; l < LANES; l++) sums[j][l] += (int64_t)part[j][l];
  }
}

static int compare_reals(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static double percentile(const double *sorted, int64_t n, double q) {
  double at = q * (double)(n - 1);
  int64_t below = (int64_t)at;
  if (below >= n - 1) return sorted[n - 1];
  return sorted[below] + (at - (double)below) * (sorted[below + 1] - sorted[below]);
}

void bootstrap_interval(double *values, int64_t n, double confidence, Score *score) {
  int64_t valid = 0;
  score->low = score->high = NAN;
  for (int64_t i = 0; i < n; i++)
    if (!isnan(values[i])) values[valid++] = values[i];
  if (valid == 0 || 2 * valid < n) return;
  qsort(values, (size_t)valid, sizeof *values, compare_reals);
  score->low = percentile(values, valid, (1 - confidence) / 2);
  score->high = percentile(values, valid, (1 + confidence) / 2);
}
