/* Squared distances of chunks of rows to centres; see kmeans_parts.h.
 *
 * Rows lie in the lanes of vectors, so a chunk costs the same for any number of columns and centres
 * and needs no padding. Every distance is the one that numeric/pair_distance.h defines: columns in
 * four sums, column j in sum j mod 4, joined as (0 + 2) + (1 + 3), without contraction. Vectors of
 * eight are two of four where the CPU has no wide ones, with the same bits. */
#include <math.h>

#include "kernels/base/memory.h"
#include "kmeans_parts.h"

bool kmeans_wide_off;

typedef double Reals __attribute__((vector_size(64)));
typedef int64_t Integers __attribute__((vector_size(64)));
enum { LANES = 8 };

#define WIDE __attribute__((target("avx512f,avx512dq,avx512vl")))
#define INLINE static inline __attribute__((always_inline))

static bool has_wide(void) {
  return !kmeans_wide_off && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
}

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

/* The lanes' squared distances to a point. rows: the first lane of column 0. */
#define SQUARED(rows, d, point, out)                                                              \
  do {                                                                                            \
    Reals s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, t;                                              \
    const double *x_ = (rows);                                                                    \
    int64_t j_ = 0;                                                                               \
    for (; j_ + 4 <= (d); j_ += 4, x_ += 4 * KMEANS_CHUNK) {                                      \
      t = *(const Reals *)x_ - (point)[j_];                                                       \
      s0 += t * t;                                                                                \
      t = *(const Reals *)(x_ + KMEANS_CHUNK) - (point)[j_ + 1];                                  \
      s1 += t * t;                                                                                \
      t = *(const Reals *)(x_ + 2 * KMEANS_CHUNK) - (point)[j_ + 2];                              \
      s2 += t * t;                                                                                \
      t = *(const Reals *)(x_ + 3 * KMEANS_CHUNK) - (point)[j_ + 3];                              \
      s3 += t * t;                                                                                \
    }                                                                                             \
    if (j_ < (d)) t = *(const Reals *)x_ - (point)[j_], s0 += t * t;                              \
    if (j_ + 1 < (d)) t = *(const Reals *)(x_ + KMEANS_CHUNK) - (point)[j_ + 1], s1 += t * t;     \
    if (j_ + 2 < (d)) t = *(const Reals *)(x_ + 2 * KMEANS_CHUNK) - (point)[j_ + 2], s2 += t * t; \
    (out) = (s0 + s2) + (s1 + s3);                                                                \
  } while (0)

/* a where the mask is set, else b. */
#define CHOOSE(Type, mask, a, b) ((Type)(((mask) & (Integers)(a)) | (~(mask) & (Integers)(b))))

INLINE void nearest_body(const double *buffer, int64_t n, int64_t d, const double *centre,
                         int64_t k, int64_t *label, double *best, double *second) {
  for (int64_t i = 0; i < n; i += LANES) {
    Reals first, rest, now;
    Integers at = {0};
    SQUARED(buffer + i, d, centre, first);
    rest = (Reals){0} + (double)INFINITY;
    for (int64_t c = 1; c < k; c++) {
      SQUARED(buffer + i, d, centre + c * d, now);
      Integers nearer = now < first, before = now < rest;
      rest = CHOOSE(Reals, before, now, rest);
      rest = CHOOSE(Reals, nearer, first, rest);
      first = CHOOSE(Reals, nearer, now, first);
      at = CHOOSE(Integers, nearer, (Integers){0} + c, at);
    }
    *(Reals *)(best + i) = first;
    *(Reals *)(second + i) = rest;
    *(Integers *)(label + i) = at;
  }
}

WIDE static void nearest_wide(const double *buffer, int64_t n, int64_t d, const double *centre,
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

INLINE void squared_body(const double *buffer, int64_t n, int64_t d, const double *point,
                         double *out) {
  for (int64_t i = 0; i < n; i += LANES) SQUARED(buffer + i, d, point, *(Reals *)(out + i));
}

WIDE static void squared_wide(const double *buffer, int64_t n, int64_t d, const double *point,
                              double *out) {
  squared_body(buffer, n, d, point, out);
}

void kmeans_squared(const double *buffer, int64_t n, int64_t d, const double *point, double *out) {
  if (has_wide())
    squared_wide(buffer, n, d, point, out);
  else
    squared_body(buffer, n, d, point, out);
}
