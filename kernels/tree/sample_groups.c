/* Recordings over ranks; see sample_groups.h. */
#include "sample_groups.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"

enum { BUCKET_BITS = 12 };

/* ---- numbering ---- */

static int compare_integers(const void *a, const void *b) {
  int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
  return (x > y) - (x < y);
}

/* How many values each rank numbers: it takes a run of buckets of their range, about equally full.
 * Collective. */
static Status deal_values_all(const Comm *comm, const int64_t *value, int64_t n, int64_t *counts) {
  Status status = OK;
  int64_t ends[2] = {INT64_MIN, INT64_MIN}, *full = NULL, total = 0; /* ends: ~low, high */
  if (n > 0) {
    ends[0] = ~value[0];
    ends[1] = value[n - 1];
  }
  comm_max_all(comm, ends, 2);
  uint64_t low = (uint64_t)~ends[0], range = (uint64_t)ends[1] - low;
  int shift = 0;
  while (range >> shift >> BUCKET_BITS > 0) shift++;
  AGREE(comm, NEW(&full, INT64_C(1) << BUCKET_BITS));
  for (int64_t i = 0; i < n; i++) full[((uint64_t)value[i] - low) >> shift]++;
  comm_sum_all(comm, full, INT64_C(1) << BUCKET_BITS);
  for (int64_t b = 0; b < INT64_C(1) << BUCKET_BITS; b++) total += full[b];
  for (int64_t b = 0, before = 0; b < INT64_C(1) << BUCKET_BITS; b++) {
    int64_t own = full[b];
    full[b] = total > 0 ? (int64_t)((__int128)before * comm->size / total) : 0; /* a rank */
    before += own;
  }
  memset(counts, 0, (size_t)comm->size * sizeof *counts);
  for (int64_t i = 0; i < n; i++) counts[full[((uint64_t)value[i] - low) >> shift]]++;
done:
  memory_free(&full);
  return status;
}

/* Replace values by their numbers among themselves; returns how many there are. */
static Status number_values(int64_t *value, int64_t n, int64_t *n_distinct) {
  Status status = OK;
  int64_t *sorted = NULL, count = 0;
  bool ascending = true;
  for (int64_t i = 1; i < n; i++) ascending = ascending && value[i] > value[i - 1];
  *n_distinct = n;
  if (ascending) {
    for (int64_t i = 0; i < n; i++) value[i] = i;
    return OK;
  }
  TRY(NEW_RAW(&sorted, n));
  memcpy(sorted, value, (size_t)n * sizeof *value);
  qsort(sorted, (size_t)n, sizeof *sorted, compare_integers);
  for (int64_t i = 0; i < n; i++) {
    if (count == 0 || sorted[i] != sorted[count - 1]) sorted[count++] = sorted[i];
  }
  for (int64_t i = 0; i < n; i++) {
    int64_t *at = bsearch(&value[i], sorted, (size_t)count, sizeof *sorted, compare_integers);
    value[i] = at - sorted;
  }
  *n_distinct = count;
done:
  memory_free(&sorted);
  return status;
}

/* Numbers of this rank's values over all ranks. Collective. */
static Status number_all(const Comm *comm, const int64_t *value, SampleGroups *g) {
  Status status = OK;
  int64_t *counts = NULL, *received = NULL, *got = NULL, distinct = 0, sum = 0;
  Status local = NEW(&counts, comm->size);
  if (local == OK) local = NEW(&got, comm->size);
  AGREE(comm, local);
  TRY(deal_values_all(comm, value, g->n, counts));
  TRY(comm_exchange_all(comm, value, counts, sizeof *value, (void **)&received, got));
  for (int r = 0; r < comm->size; r++) sum += got[r];
  AGREE(comm, number_values(received, sum, &distinct));
  int64_t before = comm_exscan_all(comm, distinct);
  for (int64_t i = 0; i < sum; i++) received[i] += before;
  g->n_global = comm_sum_one_all(comm, distinct);
  TRY(comm_exchange_all(comm, received, got, sizeof *received, (void **)&g->number, counts));
  if (g->n_global > INT32_MAX) {
    return status_fail(INVALID, "%lld recordings are too many for a bootstrap sample",
                       (long long)g->n_global);
  }
done:
  memory_free(&counts);
  memory_free(&received);
  memory_free(&got);
  return status;
}

/* ---- who counts what ---- */

/* The rank that counts a recording. */
static inline int counter_of(const SampleGroups *g, int size, double per_number, int64_t number) {
  int r = (int)((double)number * per_number);
  if (r >= size) r = size - 1;
  while (number < g->first[r]) r--;
  while (number >= g->first[r + 1]) r++;
  return r;
}

static double ranks_per_number(const Comm *comm, const SampleGroups *g) {
  return g->n_global > 0 ? (double)comm->size / (double)g->n_global : 0;
}

static Status ask_all(const Comm *comm, SampleGroups *g) {
  Status status = OK;
  int32_t *asking = NULL;
  int64_t eights = (g->n_global + 7) / 8, size = comm->size;
  Status local = NEW(&g->first, size + 1);
  if (local == OK) local = NEW(&g->asked, size);
  if (local == OK) local = NEW(&g->serving, size);
  if (local == OK) local = NEW(&asking, g->n);
  AGREE(comm, local);
  for (int64_t r = 0; r <= size; r++) g->first[r] = 8 * (eights * r / size);
  g->first[size] = g->n_global;
  double per_number = ranks_per_number(comm, g);
  for (int64_t i = 0; i < g->n; i++) {
    int r = counter_of(g, comm->size, per_number, g->number[i]);
    asking[i] = (int32_t)(g->number[i] - g->first[r]);
    g->asked[r]++;
  }
  TRY(comm_exchange_all(comm, asking, g->asked, sizeof *asking, (void **)&g->served, g->serving));
  AGREE(comm, NEW(&g->counted, g->first[comm->rank + 1] - g->first[comm->rank]));
done:
  memory_free(&asking);
  return status;
}

Status sample_groups_init_all(const Comm *comm, const int64_t *value, int64_t n,
                              SampleGroups *out) {
  Status status = OK;
  *out = (SampleGroups){.n = n};
  TRY(number_all(comm, value, out));
  TRY(ask_all(comm, out));
done:
  return status;
}

void sample_groups_clear(SampleGroups *g) {
  memory_free(&g->number);
  memory_free(&g->first);
  memory_free(&g->asked);
  memory_free(&g->serving);
  memory_free(&g->served);
  memory_free(&g->counted);
}

/* ---- samples ---- */

/* This rank's share of the draws, by the rank that counts them, less what that counts first. */
static Status make_draws(const Comm *comm, const SampleGroups *g, const Stream *stream,
                         int64_t *counts, int32_t **out) {
  Status status = OK;
  int64_t begin = g->n_global * comm->rank / comm->size;
  int64_t n = g->n_global * (comm->rank + 1) / comm->size - begin;
  int32_t *drawn = NULL;
  int64_t *at = NULL;
  double per_number = ranks_per_number(comm, g);
  TRY(NEW_RAW(&drawn, n));
  TRY(NEW_RAW(out, n));
  TRY(NEW(&at, comm->size));
  random_bootstrap_draws(stream, g->n_global, begin, n, drawn);
  memset(counts, 0, (size_t)comm->size * sizeof *counts);
  for (int64_t i = 0; i < n; i++) counts[counter_of(g, comm->size, per_number, drawn[i])]++;
  for (int r = 1; r < comm->size; r++) at[r] = at[r - 1] + counts[r - 1];
  for (int64_t i = 0; i < n; i++) {
    int r = counter_of(g, comm->size, per_number, drawn[i]);
    (*out)[at[r]++] = (int32_t)(drawn[i] - g->first[r]);
  }
done:
  memory_free(&drawn);
  memory_free(&at);
  return status;
}

static Status answer_counts(const Comm *comm, const SampleGroups *g, int32_t **out) {
  Status status = OK;
  int64_t n = 0;
  for (int r = 0; r < comm->size; r++) n += g->serving[r];
  TRY(NEW_RAW(out, n));
  for (int64_t i = 0; i < n; i++) (*out)[i] = g->counted[g->served[i]];
done:
  return status;
}

Status sample_groups_draw_all(const Comm *comm, SampleGroups *g, const Stream *stream,
                              int32_t *counts) {
  Status status = OK;
  int32_t *draws = NULL, *answers = NULL, *received = NULL;
  int64_t *sent = NULL, *got = NULL, sum = 0;
  Status local = NEW(&sent, comm->size);
  if (local == OK) local = NEW(&got, comm->size);
  if (local == OK) local = make_draws(comm, g, stream, sent, &draws);
  AGREE(comm, local);
  TRY(comm_exchange_all(comm, draws, sent, sizeof *draws, (void **)&received, got));
  int64_t n_own = g->first[comm->rank + 1] - g->first[comm->rank];
  if (n_own > 0) memset(g->counted, 0, (size_t)n_own * sizeof *g->counted);
  for (int r = 0; r < comm->size; r++) sum += got[r];
  for (int64_t i = 0; i < sum; i++) g->counted[received[i]]++;
  memory_free(&received);
  AGREE(comm, answer_counts(comm, g, &answers));
  TRY(comm_exchange_all(comm, answers, g->serving, sizeof *answers, (void **)&received, got));
  if (g->n > 0) memcpy(counts, received, (size_t)g->n * sizeof *counts);
done:
  memory_free(&draws);
  memory_free(&answers);
  memory_free(&received);
  memory_free(&sent);
  memory_free(&got);
  return status;
}

Status sample_groups_bag_all(const Comm *comm, const SampleGroups *g, uint8_t **out) {
  Status status = OK;
  uint8_t *bits = NULL;
  int64_t n = g->first[comm->rank + 1] - g->first[comm->rank];
  *out = NULL;
  AGREE(comm, NEW(&bits, (n + 7) / 8));
  for (int64_t i = 0; i < n; i++) bits[i / 8] |= (uint8_t)((g->counted[i] > 0) << (i % 8));
  TRY(comm_gather_all(comm, 0, bits, (size_t)((n + 7) / 8), (void **)out, NULL));
done:
  memory_free(&bits);
  return status;
}
