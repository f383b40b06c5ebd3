/* Grouped folds that balance the target; see encoding_folds.h.
 *
 * The same idea as kernels/dataset/division.c, which stands above this folder. Rejected: dealing
 * a random number times folds (folds of random size, random means of the target), and dealing
 * sorted groups in turn (a global sort). */
#include "encoding_folds.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"
#include "kernels/numeric/quantile.h"
#include "kernels/numeric/random.h"

enum { TENTHS = 10 };

typedef struct Member {
  int64_t group, stratum;
} Member;

/* ---- strata ---- */

static Status strata_of_values_all(const StepFit *fit, int64_t n, int64_t *stratum) {
  double q[TENTHS - 1], cuts[TENTHS - 1];
  for (int c = 0; c < TENTHS - 1; c++) q[c] = (c + 1.0) / TENTHS;
  Status status = quantile_all(fit->comm, fit->target, NULL, n, q, TENTHS - 1, cuts);
  if (status != OK) return status;
  for (int64_t i = 0; i < n; i++)
    for (int c = 0; c < TENTHS - 1; c++) stratum[i] += fit->target[i] > cuts[c];
  return OK;
}

/* Give every member the least stratum of its group: open addressing over member numbers. */
static Status least_of_groups(Member *members, int64_t n) {
  int64_t size = 16, *slots = NULL;
  while (size < 2 * n) size *= 2;
  if (NEW(&slots, size) != OK) return MEMORY;
  for (int pass = 0; pass < 2; pass++) { /* first find the least, then hand it to the others */
    for (int64_t m = 0; m < n; m++) {
      uint64_t at = hash_mix((uint64_t)members[m].group) & (uint64_t)(size - 1);
      while (slots[at] && members[slots[at] - 1].group != members[m].group)
        at = (at + 1) & (uint64_t)(size - 1);
      if (!slots[at]) slots[at] = m + 1;
      int64_t *first = &members[slots[at] - 1].stratum;
      if (members[m].stratum < *first) *first = members[m].stratum;
      if (pass == 1) members[m].stratum = *first;
    }
  }
  memory_free(&slots);
  return OK;
}

/* The rank that looks after a group: other bits than those that pick a slot. */
static int owner_of(int64_t group, int size) {
  return (int)((hash_mix((uint64_t)group) >> 32) % (uint64_t)size);
}

/* Members by owner; position[i] = where row i stands among them; counts by owner, zeroed before. */
static void sort_by_owner(const Comm *comm, const int64_t *group, const int64_t *stratum, int64_t n,
                          int64_t *counts, int64_t *at, Member *members, int64_t *position) {
  for (int64_t i = 0; i < n; i++) counts[owner_of(group[i], comm->size)]++;
  for (int r = 1; r < comm->size; r++) at[r] = at[r - 1] + counts[r - 1];
  for (int64_t i = 0; i < n; i++) {
    position[i] = at[owner_of(group[i], comm->size)]++;
    members[position[i]] = (Member){group[i], stratum[i]};
  }
}

/* Rows of a group may lie on several ranks: their strata meet at the group's owner. */
static Status join_groups_all(const StepFit *fit, int64_t n, int64_t *stratum) {
  Status status = OK;
  const Comm *comm = fit->comm;
  Member *mine = NULL;
  int64_t *counts = NULL, *received = NULL, *at = NULL, *position = NULL;
  void *there = NULL, *back = NULL;
  Status local = NEW(&mine, n);
  if (local == OK) local = NEW(&counts, comm->size);
  if (local == OK) local = NEW(&received, comm->size);
  if (local == OK) local = NEW(&at, comm->size);
  if (local == OK) local = NEW(&position, n);
  AGREE(comm, local);
  sort_by_owner(comm, fit->group, stratum, n, counts, at, mine, position);
  TRY(comm_exchange_all(comm, mine, counts, sizeof *mine, &there, received));
  int64_t total = 0;
  for (int r = 0; r < comm->size; r++) total += received[r];
  AGREE(comm, least_of_groups(there, total));
  TRY(comm_exchange_all(comm, there, received, sizeof *mine, &back, counts));
  const Member *answers = back;
  for (int64_t i = 0; i < n; i++) stratum[i] = answers[position[i]].stratum;
done:
  memory_free(&mine);
  memory_free(&counts);
  memory_free(&received);
  memory_free(&at);
  memory_free(&position);
  memory_free(&there);
  memory_free(&back);
  return status;
}

/* ---- cuts ---- */

/* Keys by stratum, ascending within each; begin has strata + 1 places, zeroed before. */
static Status sort_by_stratum(const double *key, const int64_t *stratum, int64_t n, int64_t strata,
                              double *sorted, int64_t *begin) {
  Status status = OK;
  int64_t *at = NULL, valid = 0;
  TRY(NEW(&at, strata));
  for (int64_t i = 0; i < n; i++) begin[stratum[i] + 1]++;
  for (int64_t s = 0; s < strata; s++) begin[s + 1] += begin[s];
  memcpy(at, begin, (size_t)strata * sizeof *at);
  for (int64_t i = 0; i < n; i++) sorted[at[stratum[i]]++] = key[i];
  for (int64_t s = 0; s < strata; s++)
    TRY(quantile_sort(sorted + begin[s], begin[s + 1] - begin[s], &valid));
done:
  memory_free(&at);
  return status;
}

/* For each stratum the folds - 1 keys at which the next fold begins; NaN: past the end. */
static Status cuts_all(const Comm *comm, const double *key, const int64_t *stratum, int64_t n,
                       int64_t strata, int64_t folds, double *cuts) {
  Status status = OK;
  double *sorted = NULL;
  const double **parts = NULL;
  int64_t *begin = NULL, *sizes = NULL, *totals = NULL, *wanted = NULL;
  Status local = NEW(&sorted, n);
  if (local == OK) local = NEW(&parts, strata);
  if (local == OK) local = NEW(&begin, strata + 1);
  if (local == OK) local = NEW(&sizes, strata);
  if (local == OK) local = NEW(&totals, strata);
  if (local == OK) local = NEW(&wanted, strata * (folds - 1));
  if (local == OK) local = sort_by_stratum(key, stratum, n, strata, sorted, begin);
  AGREE(comm, local);
  for (int64_t s = 0; s < strata; s++) {
    parts[s] = sorted + begin[s];
    sizes[s] = totals[s] = begin[s + 1] - begin[s];
  }
  comm_sum_all(comm, totals, strata);
  for (int64_t s = 0; s < strata; s++)
    for (int64_t c = 0; c < folds - 1; c++)
      wanted[s * (folds - 1) + c] = (totals[s] * (c + 1) + folds / 2) / folds;
  TRY(quantile_order_statistics_all(comm, parts, sizes, strata, folds - 1, wanted, cuts));
done:
  memory_free(&sorted);
  memory_free(&parts);
  memory_free(&begin);
  memory_free(&sizes);
  memory_free(&totals);
  memory_free(&wanted);
  return status;
}

static void random_keys(const StepFit *fit, const int64_t *row_id, int64_t n, double *key) {
  Stream stream = random_stream(fit->seed, "prepare/encoding_folds", (uint64_t)fit->position);
  for (int64_t i = 0; i < n; i++) {
    int64_t address = fit->group ? fit->group[i] : row_id[i];
    key[i] = random_uniform(&stream, (uint64_t)address, 0);
  }
}

Status encoding_folds_all(const StepFit *fit, const int64_t *row_id, int64_t n, int64_t folds,
                          int32_t *fold) {
  Status status = OK;
  double *key = NULL, *cuts = NULL;
  int64_t *stratum = NULL, strata = fit->n_classes > 0 ? fit->n_classes : TENTHS;
  Status local = NEW(&key, n);
  if (local == OK) local = NEW(&stratum, n);
  if (local == OK) local = NEW(&cuts, strata * (folds - 1));
  AGREE(fit->comm, local);
  if (fit->n_classes > 0) {
    for (int64_t i = 0; i < n; i++)
      stratum[i] = isnan(fit->target[i]) ? 0 : (int64_t)fit->target[i];
  } else {
    TRY(strata_of_values_all(fit, n, stratum));
  }
  if (fit->group) TRY(join_groups_all(fit, n, stratum));
  random_keys(fit, row_id, n, key);
  TRY(cuts_all(fit->comm, key, stratum, n, strata, folds, cuts));
  for (int64_t i = 0; i < n; i++) {
    const double *own = cuts + stratum[i] * (folds - 1);
    int64_t passed = 0;
    for (int64_t c = 0; c < folds - 1; c++) passed += key[i] >= own[c];
    /* Turned by the stratum: the few rows of small strata would all go to the middle fold. */
    fold[i] = (int32_t)((passed + stratum[i]) % folds);
  }
done:
  memory_free(&key);
  memory_free(&stratum);
  memory_free(&cuts);
  return status;
}
