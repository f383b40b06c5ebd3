/* Squared distances of chunks of rows to centres; see kmeans_parts.h.
 *
 * Rows lie in the lanes of vectors (numeric/pair_vector.h), so a chunk costs the same for any
 * number of columns and centres and needs no padding. */
#include <math.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/pair_vector.h"
#include "kmeans_parts.h"

bool kmeans_wide_off;

typedef int64_t Integers __attribute__((vector_size(64)));
enum { LANES = PAIR_ROWS };

static bool has_wide(void) { return !kmeans_wide_off && pair_has_wide(); }

void kmeans_gather(const Matrix *x, int64_t from, int64_t n, double *buffer) {
  for (int64_t j = 0; j < x->d; j++) {
    const double *column = matrix_column(x, j) + from;
    double *out = buffer + j * KMEANS_CHUNK;
    for (int64_t i = 0; i < n; i++) out[i] = column[i];
    for (int64_t i = n; i % LANES != 0; i++) out[i] = out[n - 1];
  }
}

void kmeans_gather_at(const double *rows, int64_t d, const int32_t *at, int64_t n, double *buffer) {
  for (int64_t i = 0; i < n; i++) {
    const double *row = rows + at[i] * d;
    for (int64_t j = 0; j < d; j++) buffer[j * KMEANS_CHUNK + i] = row[j];
  }
  for (int64_t i = n; i % LANES != 0; i++)
    for (int64_t j = 0; j < d; j++) buffer[j * KMEANS_CHUNK + i] = buffer[j * KMEANS_CHUNK + n - 1];
}

Status kmeans_rows(const Matrix *x, double **out) {
  Status status = NEW_RAW(out, x->rows.n * x->d);
  for (int64_t from = 0; status == OK && from < x->rows.n; from += KMEANS_CHUNK) {
    int64_t to = from + KMEANS_CHUNK < x->rows.n ? from + KMEANS_CHUNK : x->rows.n;
    for (int64_t j = 0; j < x->d; j++)
      for (int64_t i = from; i < to; i++) (*out)[i * x->d + j] = matrix_column(x, j)[i];
  }
  return status;
}

/* a where the mask is set, else b. */
#define CHOOSE(Type, mask, a, b) ((Type)(((mask) & (Integers)(a)) | (~(mask) & (Integers)(b))))

PAIR_INLINE void nearest_body(const double *buffer, int64_t n, int64_t d, const double *centre,
                              int64_t k, int64_t *label, double *best, double *second) {
  for (int64_t i = 0; i < n; i += LANES) {
    PairReals first, rest, now;
    Integers at = {0};
    pair_vector_squared(buffer + i, KMEANS_CHUNK, centre, d, &first);
    rest = (PairReals){0} + (double)INFINITY;
    for (int64_t c = 1; c < k; c++) {
      pair_vector_squared(buffer + i, KMEANS_CHUNK, centre + c * d, d, &now);
      Integers nearer = now < first, before = now < rest;
      rest = CHOOSE(PairReals, before, now, rest);
      rest = CHOOSE(PairReals, nearer, first, rest);
      first = CHOOSE(PairReals, nearer, now, first);
      at = CHOOSE(Integers, nearer, (Integers){0} + c, at);
    }
    *(PairReals *)(best + i) = first;
    *(PairReals *)(second + i) = rest;
    *(Integers *)(label + i) = at;
  }
}

PAIR_WIDE static void nearest_wide(const double *buffer, int64_t n, int64_t d, const double *centre,
                                   int64_t k, int64_t *label, double *best, double *second) {
  nearest_body(buffer, n, d, centre, k, label, best, second);
}

void kmeans_nearest(const double *buffer, int64_t n, int64_t d, const double *centre, int64_t k,
                    int64_t *label, double *best, double *second) {
  if (has_wide())
    nearest_wide(buffer, n, d, centre, k, label, best, second);
  else
    nearest_body(buffer, n, d, centre, k, label, best, second);
}

PAIR_INLINE void squared_body(const double *buffer, int64_t n, int64_t d, const double *point,
                              double *out) {
  for (int64_t i = 0; i < n; i += LANES)
    pair_vector_squared(buffer + i, KMEANS_CHUNK, point, d, (PairReals *)(out + i));
}

PAIR_WIDE static void squared_wide(const double *buffer, int64_t n, int64_t d, const double *point,
                                   double *out) {
  squared_body(buffer, n, d, point, out);
}

void kmeans_squared(const double *buffer, int64_t n, int64_t d, const double *point, double *out) {
  if (has_wide())
    squared_wide(buffer, n, d, point, out);
  else
    squared_body(buffer, n, d, point, out);
}
