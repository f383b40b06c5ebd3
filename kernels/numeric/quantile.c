/* Radix sort and exact order statistics over ranks; see quantile.h.
 *
 * A wanted order statistic lies between two keys that are known on all ranks. A round counts the
 * values up to a few dozen keys in between, keeps the part that holds the wanted position, and
 * shrinks it to the values that really lie there, so that the number of rounds follows the values
 * (six or so for millions of distinct ones, one or two for a handful) and not the 64 bits.
 *
 * Rejected: gathering the column on one rank (memory), sampling sorts (moves every row), sketches
 * such as t-digest (not exact, and their merge depends on the order of ranks). */
#include "quantile.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"

enum { FEW = 64, DIGIT = 9, BUCKETS = 1 << DIGIT, DIGITS = 8 };

static const uint64_t SIGN = UINT64_C(1) << 63;

uint64_t quantile_key(double value) {
  uint64_t bits;
  value += 0.0; /* -0 becomes +0 */
  memcpy(&bits, &value, sizeof bits);
  return bits & SIGN ? ~bits : bits | SIGN;
}

double quantile_value(uint64_t key) {
  uint64_t bits = key & SIGN ? key ^ SIGN : ~key;
  double value;
  memcpy(&value, &bits, sizeof value);
  return value;
}

/* Move NaN to the end, keeping the order of the rest, and make -0 +0. */
static int64_t set_nan_aside(double *values, int64_t n) {
  int64_t valid = 0;
  for (int64_t i = 0; i < n; i++)
    if (!isnan(values[i])) values[valid++] = values[i] + 0.0;
  for (int64_t i = valid; i < n; i++) values[i] = NAN;
  return valid;
}

static void insertion_sort(double *values, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    double value = values[i];
    int64_t at = i;
    for (; at > 0 && values[at - 1] > value; at--) values[at] = values[at - 1];
    values[at] = value;
  }
}

/* Keys live as bits in the arrays of doubles, so that the values' own memory is one of the two
 * that the passes alternate between. */
static inline uint64_t key_at(const double *array, int64_t i) {
  uint64_t key;
  memcpy(&key, array + i, sizeof key);
  return key;
}

static inline void key_put(double *array, int64_t i, uint64_t key) {
  memcpy(array + i, &key, sizeof key);
}

static bool is_ascending(const double *values, int64_t n) {
  int64_t i = 1;
  while (i < n && values[i - 1] <= values[i]) i++;
  return i >= n;
}

/* One stable pass by the digit at shift; starts: where each bucket begins in to. */
static void radix_pass(const double *from, double *to, int64_t n, int shift, int64_t *starts) {
  for (int64_t i = 0; i < n; i++) {
    uint64_t key = key_at(from, i);
    key_put(to, starts[key >> shift & (BUCKETS - 1)]++, key);
  }
}

/* Values to keys; returns the bits in which they are not all alike. */
static uint64_t make_keys(double *values, int64_t n) {
  uint64_t first = quantile_key(values[0]), unlike = 0;
  for (int64_t i = 0; i < n; i++) {
    uint64_t key = quantile_key(values[i]);
    unlike |= key ^ first;
    key_put(values, i, key);
  }
  return unlike;
}

/* By digits of the bits that are unlike: values that were single precision, or whole, have few. */
static void radix_sort(double *values, double *other, int64_t n) {
  int64_t counts[DIGITS][BUCKETS] = {{0}};
  double *from = values, *to = other;
  uint64_t unlike = make_keys(values, n);
  int shift = unlike ? __builtin_ctzll(unlike) : 0;
  int digits = unlike ? (64 - __builtin_clzll(unlike) - shift + DIGIT - 1) / DIGIT : 0;
  for (int64_t i = 0; i < n; i++) {
    uint64_t key = key_at(values, i) >> shift;
    for (int b = 0; b < digits; b++) counts[b][key >> DIGIT * b & (BUCKETS - 1)]++;
  }
  uint64_t any = key_at(values, 0) >> shift;
  for (int b = 0; b < digits; b++) {
    if (counts[b][any >> DIGIT * b & (BUCKETS - 1)] == n) continue; /* the same digit everywhere */
    int64_t begin = 0;
    for (int bucket = 0; bucket < BUCKETS; bucket++) {
      int64_t count = counts[b][bucket];
      counts[b][bucket] = begin;
      begin += count;
    }
    radix_pass(from, to, n, shift + DIGIT * b, counts[b]);
    double *swap = from;
    from = to;
    to = swap;
  }
  for (int64_t i = 0; i < n; i++) values[i] = quantile_value(key_at(from, i));
}

Status quantile_sort(double *values, int64_t n, int64_t *n_valid) {
  Status status = OK;
  double *other = NULL;
  int64_t valid = *n_valid = set_nan_aside(values, n);
  if (valid <= FEW) {
    insertion_sort(values, valid);
  } else if (!is_ascending(values, valid)) {
    TRY(NEW_RAW(&other, valid));
    radix_sort(values, other, valid);
  }
done:
  memory_free(&other);
  return status;
}

/* One wanted order statistic that is not found yet. */
typedef struct Search {
  int64_t column;       /* same on all ranks; empty columns may lie at one address */
  const double *sorted; /* this rank's values of it */
  int64_t begin, end;   /* this rank's values with keys low .. high */
  uint64_t low, high;   /* the key lies here; same on all ranks */
  int64_t left;         /* how many values from low on come before it; same on all ranks */
  double *out;
} Search;

/* Values of sorted[begin .. end - 1] whose keys are at most key. */
static int64_t count_up_to(const Search *search, uint64_t key) {
  int64_t low = search->begin, high = search->end;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (quantile_key(search->sorted[middle]) <= key)
      low = middle + 1;
    else
      high = middle;
  }
  return low - search->begin;
}

/* The p-th of n pivots that cut low .. high into n + 1 parts; p = n gives high. */
static uint64_t pivot(const Search *search, int64_t p, int64_t n) {
  uint64_t parts = (uint64_t)n + 1, width = search->high - search->low;
  if (p == n) return search->high;
  uint64_t step = (uint64_t)p + 1;
  return search->low + width / parts * step + width % parts * step / parts;
}

/* Integers that order like keys, for the minima of MPI's signed numbers. */
static int64_t as_signed(uint64_t key) { return (int64_t)(key ^ SIGN); }

static uint64_t as_key(int64_t number) { return (uint64_t)number ^ SIGN; }

/* Shrink each search to the least and greatest key that any rank has in it. */
static void tighten_all(const Comm *comm, Search *searches, int64_t n, int64_t *ends) {
  for (int64_t s = 0; s < n; s++) {
    const Search *search = &searches[s];
    bool some = search->begin < search->end;
    ends[2 * s] = some ? as_signed(quantile_key(search->sorted[search->begin])) : INT64_MAX;
    /* The maximum as a minimum of complements, so that one reduction finds both. */
    ends[2 * s + 1] = some ? ~as_signed(quantile_key(search->sorted[search->end - 1])) : INT64_MAX;
  }
  comm_min_all(comm, ends, 2 * n);
  for (int64_t s = 0; s < n; s++) {
    searches[s].low = as_key(ends[2 * s]);
    searches[s].high = as_key(~ends[2 * s + 1]);
  }
}

/* Do two searches of a round ask for the same counts? Neighbours do in the first rounds. */
static bool is_alike(const Search *a, const Search *b) {
  return a->column == b->column && a->low == b->low && a->high == b->high;
}

/* Keep the part of each search that holds its position. */
static void narrow_all(const Comm *comm, Search *searches, int64_t n, int64_t pivots,
                       int64_t *local, int64_t *global) {
  int64_t unlike = 0;
  for (int64_t s = 0; s < n; s++) {
    if (s > 0 && is_alike(&searches[s - 1], &searches[s])) continue;
    for (int64_t p = 0; p < pivots; p++)
      local[unlike * pivots + p] = count_up_to(&searches[s], pivot(&searches[s], p, pivots));
    unlike++;
  }
  memcpy(global, local, (size_t)(unlike * pivots) * sizeof *local);
  comm_sum_all(comm, global, unlike * pivots);
  Search before = {0};
  int64_t at = -1;
  for (int64_t s = 0; s < n; s++) {
    Search *search = &searches[s];
    if (s == 0 || !is_alike(&before, search)) at++;
    before = *search;
    const int64_t *mine = local + at * pivots, *all = global + at * pivots;
    int64_t p = 0;
    while (p < pivots && all[p] <= search->left) p++;
    uint64_t high = pivot(search, p, pivots);
    int64_t end = p < pivots ? search->begin + mine[p] : search->end;
    if (p > 0) {
      search->low = pivot(search, p - 1, pivots) + 1;
      search->begin += mine[p - 1];
      search->left -= all[p - 1];
    }
    search->high = high;
    search->end = end;
  }
}

/* Write out and drop the searches that are down to one key. */
static int64_t drop_found(Search *searches, int64_t n) {
  int64_t kept = 0;
  for (int64_t s = 0; s < n; s++) {
    if (searches[s].low == searches[s].high)
      *searches[s].out = quantile_value(searches[s].low);
    else
      searches[kept++] = searches[s];
  }
  return kept;
}

static int64_t begin_searches(Search *searches, const double *const *sorted, const int64_t *n,
                              const int64_t *n_global, int64_t d, int64_t n_wanted,
                              const int64_t *wanted, double *out) {
  int64_t count = 0;
  for (int64_t i = 0; i < d * n_wanted; i++) {
    int64_t j = i / n_wanted;
    out[i] = NAN;
    if (wanted[i] < 0 || wanted[i] >= n_global[j]) continue;
    searches[count++] =
        (Search){.column = j, .sorted = sorted[j], .end = n[j], .left = wanted[i], .out = &out[i]};
  }
  return count;
}

/* With all values here nothing is to be searched for. */
static int64_t take_own(const Search *searches, int64_t n) {
  for (int64_t s = 0; s < n; s++) *searches[s].out = searches[s].sorted[searches[s].left] + 0.0;
  return 0;
}

Status quantile_order_statistics_all(const Comm *comm, const double *const *sorted,
                                     const int64_t *n, int64_t d, int64_t n_wanted,
                                     const int64_t *wanted, double *out) {
  Status status = OK;
  Search *searches = NULL;
  int64_t *n_global = NULL, *local = NULL, *global = NULL;
  /* 16 or 64 parts a round: at most 16 or 11 rounds of two reductions. */
  int64_t total = d * n_wanted, pivots = total > 1024 ? 15 : 63;
  Status mine = NEW(&searches, total);
  if (mine == OK) mine = NEW(&n_global, d);
  if (mine == OK) mine = NEW(&local, total * pivots);
  if (mine == OK) mine = NEW(&global, total * pivots);
  AGREE(comm, mine);
  if (d > 0) memcpy(n_global, n, (size_t)d * sizeof *n);
  comm_sum_all(comm, n_global, d);
  int64_t left = begin_searches(searches, sorted, n, n_global, d, n_wanted, wanted, out);
  if (comm->size == 1) left = take_own(searches, left);
  while (left > 0) {
    tighten_all(comm, searches, left, global);
    left = drop_found(searches, left);
    narrow_all(comm, searches, left, pivots, local, global);
  }
done:
  memory_free(&searches);
  memory_free(&n_global);
  memory_free(&local);
  memory_free(&global);
  return status;
}

/* Position q (n - 1) split into the order statistic below and the fraction above it. */
static int64_t position_of(double q, int64_t n, double *fraction) {
  double position = q * (double)(n - 1), below = floor(position);
  *fraction = position - below;
  return (int64_t)below;
}

/* From the nearer end, as NumPy does; where b - a is no number or too large, from both. */
static double interpolate(double a, double b, double t) {
  if (a == b || t == 0) return a;
  if (!isfinite(b - a)) return a * (1 - t) + b * t;
  return t < 0.5 ? a + (b - a) * t : b - (b - a) * (1 - t);
}

static Status sorted_copy(const double *values, const uint8_t *where, int64_t n, double **copy,
                          int64_t *count) {
  Status status = OK;
  int64_t kept = 0;
  TRY(NEW(copy, n));
  for (int64_t i = 0; i < n; i++)
    if (!where || where[i]) (*copy)[kept++] = values[i];
  TRY(quantile_sort(*copy, kept, count));
done:
  return status;
}

Status quantile_all(const Comm *comm, const double *values, const uint8_t *where, int64_t n,
                    const double *q, int64_t n_q, double *out) {
  Status status = OK;
  double *copy = NULL, *ends = NULL, fraction = 0;
  int64_t *wanted = NULL, count = 0;
  Status mine = sorted_copy(values, where, n, &copy, &count);
  if (mine == OK) mine = NEW(&wanted, 2 * n_q);
  if (mine == OK) mine = NEW(&ends, 2 * n_q);
  AGREE(comm, mine);
  int64_t n_global = comm_sum_one_all(comm, count);
  for (int64_t i = 0; i < n_q; i++) {
    wanted[2 * i] = n_global > 0 ? position_of(q[i], n_global, &fraction) : -1;
    wanted[2 * i + 1] = wanted[2 * i] + 1 < n_global ? wanted[2 * i] + 1 : wanted[2 * i];
  }
  TRY(quantile_order_statistics_all(comm, (const double *const[]){copy}, &count, 1, 2 * n_q, wanted,
                                    ends));
  for (int64_t i = 0; i < n_q; i++) {
    if (n_global > 0) position_of(q[i], n_global, &fraction);
    out[i] = interpolate(ends[2 * i], ends[2 * i + 1], fraction);
  }
done:
  memory_free(&copy);
  memory_free(&ends);
  memory_free(&wanted);
  return status;
}
