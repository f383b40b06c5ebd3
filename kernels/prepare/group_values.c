/* Means, medians and modes by group; see group_values.h.
 *
 * Groups are numbered as the words of a dictionary; the last number is "all rows". Every method
 * first makes a list of (group, value) items, then differs in how the ranks' items meet: sums add
 * up, order statistics are bisected, counts of equal values travel to the rank that owns the pair.
 */
#include "group_values.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/fixed.h"
#include "kernels/numeric/hash.h"
#include "kernels/numeric/quantile.h"

/* This rank's values by group: those of group g stand at begin[g] .. begin[g + 1]. */
typedef struct Grouped {
  int64_t groups;
  int64_t *begin; /* groups + 1 */
  double *values; /* begin[groups] */
} Grouped;

static void grouped_clear(Grouped *grouped) {
  memory_free(&grouped->begin);
  memory_free(&grouped->values);
}

static int64_t group_count(const WordRows *by) { return by ? by->dictionary->n + 1 : 1; }

/* Counting sort by group; the values of a group keep the order of rows. */
static Status grouped_init(Grouped *grouped, const WordRows *by, const double *values, int64_t n) {
  Status status = OK;
  int64_t groups = group_count(by), *at = NULL;
  *grouped = (Grouped){.groups = groups};
  TRY(NEW(&grouped->begin, groups + 1));
  TRY(NEW(&at, groups));
  for (int64_t i = 0; i < n; i++) {
    if (isnan(values[i])) continue;
    grouped->begin[groups]++;
    for (int64_t w = by ? by->offset[i] : 0; by && w < by->offset[i + 1]; w++)
      grouped->begin[by->code[w] + 1]++;
  }
  for (int64_t g = 0; g < groups; g++) grouped->begin[g + 1] += grouped->begin[g];
  memcpy(at, grouped->begin, (size_t)groups * sizeof *at);
  TRY(NEW(&grouped->values, grouped->begin[groups]));
  for (int64_t i = 0; i < n; i++) {
    if (isnan(values[i])) continue;
    grouped->values[at[groups - 1]++] = values[i];
    for (int64_t w = by ? by->offset[i] : 0; by && w < by->offset[i + 1]; w++)
      grouped->values[at[by->code[w]]++] = values[i];
  }
done:
  memory_free(&at);
  return status;
}

/* ---- means ---- */

Status group_means_all(const Comm *comm, const WordRows *by, const double *values, int64_t n,
                       double *out) {
  enum { COUNT, HIGH, LOW, CELL };
  Status status = OK;
  Grouped grouped = {0};
  int64_t *cells = NULL;
  double most = 0;
  Status local = grouped_init(&grouped, by, values, n);
  if (local == OK) local = NEW(&cells, grouped.groups * CELL);
  AGREE(comm, local);
  for (int64_t i = 0; i < n; i++)
    if (fabs(values[i]) > most) most = fabs(values[i]);
  comm_max_real_all(comm, &most, 1);
  if (isinf(most)) {
    status = status_fail(NUMERIC, "a value is infinite: there is no mean");
    goto done;
  }
  double scale = fixed_scale(most, WIDE_BITS);
  for (int64_t g = 0; g < grouped.groups; g++) {
    Wide sum = {0, 0};
    for (int64_t i = grouped.begin[g]; i < grouped.begin[g + 1]; i++)
      wide_add(&sum, grouped.values[i], scale);
    cells[g * CELL + COUNT] = grouped.begin[g + 1] - grouped.begin[g];
    cells[g * CELL + HIGH] = sum.high;
    cells[g * CELL + LOW] = sum.low;
  }
  comm_sum_all(comm, cells, grouped.groups * CELL);
  for (int64_t g = 0; g < grouped.groups; g++) {
    const int64_t *cell = cells + g * CELL;
    double sum = wide_value(&(Wide){cell[HIGH], cell[LOW]}, scale);
    out[g] = cell[COUNT] > 0 ? sum / (double)cell[COUNT] : NAN;
  }
done:
  memory_free(&cells);
  grouped_clear(&grouped);
  return status;
}

/* ---- medians ---- */

static Status sort_groups(Grouped *grouped, const double **parts, int64_t *sizes) {
  Status status = OK;
  for (int64_t g = 0; g < grouped->groups; g++) {
    int64_t valid = 0, begin = grouped->begin[g];
    parts[g] = grouped->values + begin;
    sizes[g] = grouped->begin[g + 1] - begin;
    TRY(quantile_sort(grouped->values + begin, sizes[g], &valid));
  }
done:
  return status;
}

Status group_medians_all(const Comm *comm, const WordRows *by, const double *values, int64_t n,
                         double *out) {
  Status status = OK;
  Grouped grouped = {0};
  const double **parts = NULL;
  double *middle = NULL;
  int64_t *sizes = NULL, *totals = NULL, *wanted = NULL, groups = group_count(by);
  Status local = grouped_init(&grouped, by, values, n);
  if (local == OK) local = NEW(&parts, groups);
  if (local == OK) local = NEW(&sizes, groups);
  if (local == OK) local = NEW(&totals, groups);
  if (local == OK) local = NEW(&wanted, 2 * groups);
  if (local == OK) local = NEW(&middle, 2 * groups);
  if (local == OK) local = sort_groups(&grouped, parts, sizes);
  AGREE(comm, local);
  memcpy(totals, sizes, (size_t)groups * sizeof *totals);
  comm_sum_all(comm, totals, groups);
  for (int64_t g = 0; g < groups; g++) {
    wanted[2 * g] = totals[g] > 0 ? (totals[g] - 1) / 2 : -1;
    wanted[2 * g + 1] = totals[g] > 0 ? totals[g] / 2 : -1;
  }
  TRY(quantile_order_statistics_all(comm, parts, sizes, groups, 2, wanted, middle));
  for (int64_t g = 0; g < groups; g++) {
    double low = middle[2 * g], high = middle[2 * g + 1];
    out[g] = low == high ? low : 0.5 * low + 0.5 * high;
  }
done:
  memory_free(&parts);
  memory_free(&sizes);
  memory_free(&totals);
  memory_free(&wanted);
  memory_free(&middle);
  grouped_clear(&grouped);
  return status;
}

/* ---- modes ---- */

/* How often a group has a value; key orders as the value does. */
typedef struct Tally {
  int64_t group, key, count;
} Tally;

static const uint64_t SIGN = UINT64_C(1) << 63; /* unsigned order <-> signed order */

static int compare_tallies(const void *a, const void *b) {
  const Tally *x = a, *y = b;
  if (x->group != y->group) return x->group < y->group ? -1 : 1;
  return (x->key > y->key) - (x->key < y->key);
}

/* Sort and join equal ones; returns how many are left. */
static int64_t join_tallies(Tally *tallies, int64_t n) {
  int64_t kept = 0;
  if (n > 0) qsort(tallies, (size_t)n, sizeof *tallies, compare_tallies);
  for (int64_t t = 0; t < n; t++) {
    if (kept > 0 && compare_tallies(&tallies[kept - 1], &tallies[t]) == 0)
      tallies[kept - 1].count += tallies[t].count;
    else
      tallies[kept++] = tallies[t];
  }
  return kept;
}

static int tally_owner(const Tally *tally, int size) {
  uint64_t hash = hash_mix((uint64_t)tally->group ^ hash_mix((uint64_t)tally->key));
  return (int)(hash % (uint64_t)size);
}

/* This rank's tallies by owner; counts size numbers. */
static Status make_tallies(const Grouped *grouped, int size, Tally **out, int64_t *counts) {
  Status status = OK;
  int64_t total = grouped->begin[grouped->groups], t = 0, *at = NULL;
  Tally *tallies = NULL;
  TRY(NEW(&tallies, total));
  TRY(NEW(out, total));
  TRY(NEW(&at, size));
  for (int64_t g = 0; g < grouped->groups; g++)
    for (; t < grouped->begin[g + 1]; t++)
      tallies[t] = (Tally){g, (int64_t)(quantile_key(grouped->values[t]) ^ SIGN), 1};
  int64_t n = join_tallies(tallies, total);
  for (t = 0; t < n; t++) counts[tally_owner(&tallies[t], size)]++;
  for (int r = 1; r < size; r++) at[r] = at[r - 1] + counts[r - 1];
  for (t = 0; t < n; t++) (*out)[at[tally_owner(&tallies[t], size)]++] = tallies[t];
done:
  memory_free(&tallies);
  memory_free(&at);
  return status;
}

/* The greatest count of each group over ranks, and the least key that has it. */
static void best_tallies_all(const Comm *comm, const Tally *tallies, int64_t n, int64_t groups,
                             int64_t *best, int64_t *key) {
  for (int64_t t = 0; t < n; t++)
    if (tallies[t].count > best[tallies[t].group]) best[tallies[t].group] = tallies[t].count;
  comm_max_all(comm, best, groups);
  for (int64_t g = 0; g < groups; g++) key[g] = INT64_MAX;
  for (int64_t t = 0; t < n; t++) {
    const Tally *tally = &tallies[t];
    if (tally->count == best[tally->group] && tally->key < key[tally->group])
      key[tally->group] = tally->key;
  }
  comm_min_all(comm, key, groups);
}

Status group_modes_all(const Comm *comm, const WordRows *by, const double *values, int64_t n,
                       double *out) {
  Status status = OK;
  Grouped grouped = {0};
  Tally *mine = NULL;
  void *received = NULL;
  int64_t *counts = NULL, *arrived = NULL, *best = NULL, *key = NULL, total = 0;
  int64_t groups = group_count(by);
  Status local = grouped_init(&grouped, by, values, n);
  if (local == OK) local = NEW(&counts, comm->size);
  if (local == OK) local = NEW(&arrived, comm->size);
  if (local == OK) local = NEW(&best, groups);
  if (local == OK) local = NEW(&key, groups);
  if (local == OK) local = make_tallies(&grouped, comm->size, &mine, counts);
  AGREE(comm, local);
  TRY(comm_exchange_all(comm, mine, counts, sizeof *mine, &received, arrived));
  for (int r = 0; r < comm->size; r++) total += arrived[r];
  total = join_tallies(received, total);
  best_tallies_all(comm, received, total, groups, best, key);
  for (int64_t g = 0; g < groups; g++)
    out[g] = best[g] > 0 ? quantile_value((uint64_t)key[g] ^ SIGN) : NAN;
done:
  memory_free(&mine);
  memory_free(&received);
  memory_free(&counts);
  memory_free(&arrived);
  memory_free(&best);
  memory_free(&key);
  grouped_clear(&grouped);
  return status;
}
