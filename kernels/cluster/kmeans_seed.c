/* Seeds by greedy k-means++; see kmeans.h.
 *
 * A row is drawn in proportion to its squared distance to the nearest seed so far: these are
 * rounded to integers, whose running sum over rows is the same wherever ranks' shares begin. Of
 * several rows drawn at a step the one that leaves the least sum becomes a seed. */
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/random.h"
#include "kmeans_parts.h"

enum { MOST_TRIALS = 32 };

typedef struct Seeding {
  const Comm *comm;
  const Matrix *x;
  double scale;   /* of squared distances */
  int64_t *left;  /* n: squared distance to the nearest seed, fixed point */
  int64_t sum;    /* of left */
  double *buffer; /* d x KMEANS_CHUNK */
  double *point;  /* MOST_TRIALS x d */
  int64_t *bits;  /* MOST_TRIALS x d: rows on their way to all ranks */
} Seeding;

/* Give all ranks the rows whose numbers on this rank are at[t], -1: another rank's. */
static void share_rows_all(const Seeding *s, const int64_t *at, int64_t n) {
  int64_t d = s->x->d;
  memset(s->bits, 0, (size_t)(n * d) * sizeof *s->bits);
  for (int64_t t = 0; t < n; t++)
    for (int64_t j = 0; at[t] >= 0 && j < d; j++)
      memcpy(&s->bits[t * d + j], matrix_column(s->x, j) + at[t], sizeof(double));
  comm_sum_all(s->comm, s->bits, n * d);
  memcpy(s->point, s->bits, (size_t)(n * d) * sizeof *s->bits);
}

/* The sum of min(left, squared distance to point) over this rank's rows; keep: it becomes left. */
static int64_t sum_with(const Seeding *s, const double *point, bool keep) {
  double squared[KMEANS_CHUNK] __attribute__((aligned(64)));
  int64_t sum = 0, n = s->x->rows.n;
  for (int64_t from = 0; from < n; from += KMEANS_CHUNK) {
    int64_t rows = n - from < KMEANS_CHUNK ? n - from : KMEANS_CHUNK;
    kmeans_gather(s->x, from, rows, s->buffer);
    kmeans_squared(s->buffer, rows, s->x->d, point, squared);
    for (int64_t i = 0; i < rows; i++) {
      int64_t q = llrint(squared[i] * s->scale), *left = &s->left[from + i];
      int64_t least = q < *left ? q : *left;
      sum += least;
      if (keep) *left = least;
    }
  }
  return sum;
}

/* Where running sums over all rows pass `target`: this rank's row, or -1. before: the sum of lower
 * ranks' rows. */
static int64_t row_at(const Seeding *s, int64_t before, int64_t target) {
  if (target < before) return -1;
  for (int64_t i = 0; i < s->x->rows.n; i++) {
    before += s->left[i];
    if (target < before) return i;
  }
  return -1;
}

/* Add a seed to `next`. */
static void step_all(Seeding *s, const Stream *stream, int64_t step, int64_t trials, double *next) {
  int64_t at[MOST_TRIALS], sums[MOST_TRIALS], d = s->x->d, best = 0;
  int64_t before = comm_exscan_all(s->comm, s->sum), total = comm_sum_one_all(s->comm, s->sum);
  for (int64_t t = 0; t < trials; t++) {
    uint64_t index = (uint64_t)step;
    if (total > 0) {
      at[t] = row_at(s, before, random_integer(stream, index, (uint32_t)t, total));
    } else { /* every row is a seed already */
      at[t] = random_integer(stream, index, (uint32_t)t, s->x->rows.n_global) - s->x->rows.begin;
      if (at[t] >= s->x->rows.n) at[t] = -1;
    }
    if (at[t] < 0) at[t] = -1;
  }
  share_rows_all(s, at, trials);
  for (int64_t t = 0; t < trials; t++)
    sums[t] = trials > 1 ? sum_with(s, s->point + t * d, false) : 0;
  comm_sum_all(s->comm, sums, trials);
  for (int64_t t = 1; t < trials; t++)
    if (sums[t] < sums[best]) best = t;
  memcpy(next, s->point + best * d, (size_t)d * sizeof *next);
  s->sum = sum_with(s, next, true);
}

static Status begin(Seeding *s) {
  Status status = OK;
  TRY(NEW(&s->left, s->x->rows.n));
  TRY(NEW(&s->buffer, s->x->d * KMEANS_CHUNK));
  TRY(NEW(&s->point, s->x->d * MOST_TRIALS));
  TRY(NEW(&s->bits, s->x->d * MOST_TRIALS));
  for (int64_t i = 0; i < s->x->rows.n; i++) s->left[i] = INT64_MAX;
done:
  return status;
}

Status kmeans_seed_all(const Comm *comm, const Matrix *x, int64_t k, uint64_t seed, int64_t start,
                       double inertia_scale, double *centre) {
  Status status = OK;
  Stream stream = random_stream(seed, "kmeans/seed", (uint64_t)start);
  /* A running sum has to stay below 2^63: inertia_scale leaves a single value 61 bits. */
  Seeding s = {.comm = comm, .x = x, .scale = ldexp(inertia_scale, -fixed_bits(x->rows.n_global))};
  int64_t trials = 2 + (int64_t)log((double)k);
  AGREE(comm, begin(&s));
  int64_t first = random_integer(&stream, 0, 0, x->rows.n_global) - x->rows.begin;
  if (first < 0 || first >= x->rows.n) first = -1;
  share_rows_all(&s, &first, 1);
  memcpy(centre, s.point, (size_t)x->d * sizeof *centre);
  s.sum = sum_with(&s, centre, true);
  for (int64_t c = 1; c < k; c++)
    step_all(&s, &stream, c, trials < MOST_TRIALS ? trials : MOST_TRIALS, centre + c * x->d);
done:
  memory_free(&s.left);
  memory_free(&s.buffer);
  memory_free(&s.point);
  memory_free(&s.bits);
  return status;
}
