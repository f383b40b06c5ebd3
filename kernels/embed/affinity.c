/* Affinities of rows; see affinity.h.
 *
 * Every rank calibrates its own rows. For symmetry, the weight that i gives j also travels to the
 * owner of j, who adds it to what j gives i: a sum of two numbers, the same in any order. */
#include "affinity.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"
#include "kernels/numeric/exact.h"

enum { ROUNDS = 100, PART = 4096 };

int64_t affinity_neighbors(double perplexity, int64_t n) {
  double wanted = floor(3 * perplexity);
  return wanted < (double)(n - 1) ? (int64_t)(wanted < 1 ? 1 : wanted) : n - 1;
}

/* ---- one row ---- */

enum { LANES = 8 };

/* Sums over weights at a precision. */
typedef struct Weighing {
  double sum, mean, square; /* of weights; of distances and of their squares, by weight */
} Weighing;

/* In lanes that are added in a fixed order; distances count from the nearest. */
static Weighing weigh(const double *squared, int64_t k, double b, double *weight) {
  double lane[3][LANES] = {{0}};
  for (int64_t j = 0; j < k; j++) weight[j] = elementary_exp(-b * (squared[j] - squared[0]));
  for (int64_t j = 0; j < k; j += LANES) {
    int64_t n = k - j < LANES ? k - j : LANES;
    for (int64_t l = 0; l < n; l++) {
      double d = squared[j + l] - squared[0], w = weight[j + l];
      lane[0][l] += w;
      lane[1][l] += w * d;
      lane[2][l] += w * d * d;
    }
  }
  for (int half = LANES / 2; half > 0; half /= 2)
    for (int s = 0; s < 3; s++)
      for (int l = 0; l < half; l++) lane[s][l] += lane[s][l + half];
  return (Weighing){lane[0][0], lane[1][0] / lane[0][0], lane[2][0] / lane[0][0]};
}

/* Newton's steps for log b, kept between what is known to be too low and too high: the entropy
 * log sum + b mean falls by b^2 variance as log b rises. */
void affinity_calibrate(const double *squared, int64_t k, double perplexity, double *weight) {
  double low = 0, high = 1e250, range = squared[k - 1] - squared[0];
  double target = elementary_log(perplexity), b = range > 0 ? 1 / range : 0;
  Weighing w = weigh(squared, k, b, weight);
  for (int round = 0; round < ROUNDS && range > 0; round++) {
    double over = elementary_log(w.sum) + b * w.mean - target;
    double fall = b * b * (w.square - w.mean * w.mean), next;
    if (fabs(over) < 1e-10) break;
    if (over > 0) {
      low = b;
    } else {
      high = b;
    }
    double step = fall > 0 ? over / fall : INFINITY;
    next = fabs(step) < 2 ? b * elementary_exp(step) : over > 0 ? 8 * b : b / 8;
    if (!(next > low && next < high)) next = low / 2 + high / 2;
    if (!(next > low && next < high)) break;
    b = next;
    w = weigh(squared, k, b, weight);
  }
  for (int64_t j = 0; j < k; j++) weight[j] /= w.sum;
}

/* ---- all rows ---- */

/* What row `from` gives row `to`. */
typedef struct Given {
  int32_t from, to;
  float weight;
} Given;

/* Weights of this rank's rows, k each. Distances pass through in parts. */
static Status calibrate_rows(const Neighbors *index, const Matrix *x, int64_t k, double perplexity,
                             Given *out) {
  Status status = OK;
  int64_t *at = NULL;
  int32_t *row = NULL;
  double *distance = NULL, *weight = NULL;
  TRY(NEW(&at, PART));
  TRY(NEW(&row, PART * k));
  TRY(NEW(&distance, PART * k));
  TRY(NEW(&weight, k));
  for (int64_t begin = 0; begin < x->rows.n; begin += PART) {
    int64_t n = x->rows.n - begin < PART ? x->rows.n - begin : PART;
    for (int64_t i = 0; i < n; i++) at[i] = begin + i;
    TRY(neighbors_nearest(index, &(NeighborsQuery){x, at, n, true}, k, row, distance));
    for (int64_t i = 0; i < n; i++) {
      double *squared = distance + i * k;
      for (int64_t j = 0; j < k; j++) squared[j] *= squared[j];
      affinity_calibrate(squared, k, perplexity, weight);
      for (int64_t j = 0; j < k; j++)
        out[(begin + i) * k + j] =
            (Given){(int32_t)(x->rows.begin + begin + i), row[i * k + j], (float)weight[j]};
    }
    if (work_tick(index->sink, begin / PART, begin + n, x->rows.n, NULL))
      TRY(status_fail(STOPPED, "stopped on request; run again to go on"));
  }
done:
  memory_free(&at);
  memory_free(&row);
  memory_free(&distance);
  memory_free(&weight);
  return status;
}

/* Copies of what is given, grouped by the rank that owns the taker. */
static Status group_by_owner(const Comm *comm, const Rows *rows, const Given *given, int64_t n,
                             Given *out, int64_t *counts) {
  Status status = OK;
  int64_t *place = NULL;
  TRY(NEW(&place, comm->size + 1));
  memset(counts, 0, (size_t)comm->size * sizeof *counts);
  for (int64_t i = 0; i < n; i++)
    counts[rows_owner(given[i].to, rows->n_global, rows->block, comm->size)]++;
  for (int r = 0; r < comm->size; r++) place[r + 1] = place[r] + counts[r];
  for (int64_t i = 0; i < n; i++)
    out[place[rows_owner(given[i].to, rows->n_global, rows->block, comm->size)]++] = given[i];
done:
  memory_free(&place);
  return status;
}

/* An entry of a row's list: column above, bits of the weight below. */
static uint64_t entry_of(int32_t column, float weight) {
  uint32_t bits;
  memcpy(&bits, &weight, sizeof bits);
  return (uint64_t)(uint32_t)column << 32 | bits;
}

static float weight_of(uint64_t entry) {
  uint32_t bits = (uint32_t)entry;
  float weight;
  memcpy(&weight, &bits, sizeof weight);
  return weight;
}

static int by_column(const void *a, const void *b) {
  const uint64_t *x = a, *y = b;
  return *x < *y ? -1 : *x > *y;
}

/* Sort a row's entries and add up those of one column. Returns how many are left. */
static int64_t merge_row(uint64_t *entry, int64_t n) {
  int64_t left = 0;
  qsort(entry, (size_t)n, sizeof *entry, by_column);
  for (int64_t i = 0; i < n; i++) {
    if (left > 0 && entry[left - 1] >> 32 == entry[i] >> 32) {
      entry[left - 1] =
          entry_of((int32_t)(entry[i] >> 32), weight_of(entry[left - 1]) + weight_of(entry[i]));
    } else {
      entry[left++] = entry[i];
    }
  }
  return left;
}

static int64_t padded(int64_t n) {
  return (n + AFFINITY_LANES - 1) / AFFINITY_LANES * AFFINITY_LANES;
}

/* Lists from what rows give (k each) and are given. */
static Status build(const Rows *rows, const Given *given, int64_t k, const Given *taken,
                    int64_t n_taken, Affinity *out) {
  Status status = OK;
  int64_t *begin = NULL, *end = NULL;
  uint64_t *entry = NULL;
  const int64_t n = rows->n;
  out->n = n;
  TRY(NEW(&begin, n + 1));
  TRY(NEW(&end, n));
  TRY(NEW(&out->offset, n + 1));
  TRY(NEW_RAW(&entry, n * k + n_taken));
  for (int64_t i = 0; i < n_taken; i++) begin[taken[i].to - rows->begin + 1]++;
  for (int64_t i = 0; i < n; i++) {
    begin[i + 1] += begin[i] + k;
    end[i] = begin[i];
  }
  for (int64_t i = 0; i < n * k; i++) entry[end[i / k]++] = entry_of(given[i].to, given[i].weight);
  for (int64_t i = 0; i < n_taken; i++)
    entry[end[taken[i].to - rows->begin]++] = entry_of(taken[i].from, taken[i].weight);
  for (int64_t i = 0; i < n; i++) {
    end[i] = merge_row(entry + begin[i], begin[i + 1] - begin[i]);
    out->offset[i + 1] = out->offset[i] + padded(end[i]);
  }
  TRY(NEW_RAW(&out->column, out->offset[n]));
  TRY(NEW_RAW(&out->weight, out->offset[n]));
  for (int64_t i = 0; i < n; i++) {
    int64_t to = out->offset[i];
    for (int64_t e = 0; e < out->offset[i + 1] - to; e++) {
      uint64_t here = e < end[i] ? entry[begin[i] + e] : entry_of((int32_t)(rows->begin + i), 0);
      out->column[to + e] = (int32_t)(here >> 32);
      out->weight[to + e] = weight_of(here);
    }
  }
done:
  memory_free(&begin);
  memory_free(&end);
  memory_free(&entry);
  return status;
}

/* Sums over rows, exact over ranks, of what each row's list adds up to. */
static Status sum_weights_all(const Comm *comm, Affinity *a) {
  Status status = OK;
  double *entropy = NULL, *total = NULL;
  Status local = NEW(&entropy, a->n);
  if (local == OK) local = NEW(&total, a->n);
  AGREE(comm, local);
  for (int64_t i = 0; i < a->n; i++) {
    for (int64_t e = a->offset[i]; e < a->offset[i + 1]; e++) {
      double w = (double)a->weight[e];
      entropy[i] += w * elementary_log(w > 1e-300 ? w : 1); /* 0 counts nothing */
      total[i] += w;
    }
  }
  a->entropy = exact_sum_all(comm, entropy, a->n);
  a->total = exact_sum_all(comm, total, a->n);
done:
  memory_free(&entropy);
  memory_free(&total);
  return status;
}

Status affinity_init_all(const Comm *comm, const Neighbors *index, const Matrix *x,
                         double perplexity, Affinity *out) {
  Status status = OK;
  int64_t k = affinity_neighbors(perplexity, index->n), *counts = NULL;
  Given *given = NULL, *sorted = NULL, *taken = NULL;
  *out = (Affinity){0};
  Status local = NEW_RAW(&given, x->rows.n * k);
  if (local == OK) local = NEW_RAW(&sorted, x->rows.n * k);
  if (local == OK) local = NEW(&counts, 2 * comm->size);
  if (local == OK) local = calibrate_rows(index, x, k, perplexity, given);
  if (local == OK) local = group_by_owner(comm, &x->rows, given, x->rows.n * k, sorted, counts);
  AGREE(comm, local);
  TRY(comm_exchange_all(comm, sorted, counts, sizeof *sorted, (void **)&taken,
                        counts + comm->size));
  memory_free(&sorted);
  int64_t n_taken = 0;
  for (int r = 0; r < comm->size; r++) n_taken += counts[comm->size + r];
  AGREE(comm, build(&x->rows, given, k, taken, n_taken, out));
  TRY(sum_weights_all(comm, out));
done:
  memory_free(&given);
  memory_free(&sorted);
  memory_free(&taken);
  memory_free(&counts);
  return status;
}

void affinity_clear(Affinity *affinity) {
  memory_free(&affinity->offset);
  memory_free(&affinity->column);
  memory_free(&affinity->weight);
  *affinity = (Affinity){0};
}
