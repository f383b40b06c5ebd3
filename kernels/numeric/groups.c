/* Extremes within groups over ranks; see groups.h.
 *
 * A group's owner meets its rows in an open-addressed table of entry numbers. Answers stand where
 * the questions stood, so a row finds its answer by the same walk over owners that packed it, and
 * no place travels. Rejected: sorting the entries by group and back (four times the time). */
#include "groups.h"

#include "kernels/base/memory.h"
#include "hash.h"

typedef struct Entry {
  int64_t group, low, high;
} Entry;

/* Other bits than those that pick a slot. */
static int owner_of(int64_t group, int size) {
  return (int)((hash_mix((uint64_t)group) >> 32) % (uint64_t)size);
}

/* Where each owner's entries begin: at, size places. */
static void find_begins(const int64_t *counts, int size, int64_t *at) {
  at[0] = 0;
  for (int r = 1; r < size; r++) at[r] = at[r - 1] + counts[r - 1];
}

/* Order this rank's entries by their owner; counts: size zeroed numbers. */
static Status pack(const Comm *comm, const int64_t *group, int64_t n, const int64_t *low,
                   const int64_t *high, Entry **entries, int64_t *counts, int64_t *at) {
  Status status = OK;
  TRY(NEW(entries, n));
  for (int64_t i = 0; i < n; i++) counts[owner_of(group[i], comm->size)]++;
  find_begins(counts, comm->size, at);
  for (int64_t i = 0; i < n; i++)
    (*entries)[at[owner_of(group[i], comm->size)]++] =
        (Entry){group[i], low[i], high ? high[i] : low[i]};
done:
  return status;
}

/* Give every entry the extremes of its group, or the sum of its low numbers. */
static Status reduce(Entry *entries, int64_t n, bool sum) {
  int64_t size = 16, *slots = NULL; /* 1 + number of the group's first entry; 0: free */
  while (size < n + n / 2) size *= 2;
  if (NEW(&slots, size) != OK) return MEMORY;
  for (int pass = 0; pass < 2; pass++) { /* first find them, then hand them out */
    for (int64_t m = 0; m < n; m++) {
      uint64_t at = hash_mix((uint64_t)entries[m].group) & (uint64_t)(size - 1);
      while (slots[at] && entries[slots[at] - 1].group != entries[m].group)
        at = (at + 1) & (uint64_t)(size - 1);
      if (!slots[at]) slots[at] = m + 1;
      Entry *first = &entries[slots[at] - 1];
      if (sum && pass == 0 && first != &entries[m]) first->low += entries[m].low;
      if (!sum && entries[m].low < first->low) first->low = entries[m].low;
      if (entries[m].high > first->high) first->high = entries[m].high;
      if (pass == 1) entries[m] = *first;
    }
  }
  memory_free(&slots);
  return OK;
}

static Status reduce_all(const Comm *comm, const int64_t *group, int64_t n, bool sum, int64_t *low,
                         int64_t *high) {
  Status status = OK;
  Entry *mine = NULL, *theirs = NULL, *back = NULL;
  int64_t *counts = NULL, *received = NULL, *at = NULL, total = 0;
  Status local = NEW(&counts, comm->size);
  if (local == OK) local = NEW(&received, comm->size);
  if (local == OK) local = NEW(&at, comm->size);
  if (local == OK) local = pack(comm, group, n, low, high, &mine, counts, at);
  AGREE(comm, local);
  TRY(comm_exchange_all(comm, mine, counts, sizeof *mine, (void **)&theirs, received));
  memory_free(&mine);
  for (int r = 0; r < comm->size; r++) total += received[r];
  AGREE(comm, reduce(theirs, total, sum));
  TRY(comm_exchange_all(comm, theirs, received, sizeof *theirs, (void **)&back, counts));
  find_begins(counts, comm->size, at);
  for (int64_t i = 0; i < n; i++) {
    const Entry *answer = &back[at[owner_of(group[i], comm->size)]++];
    low[i] = answer->low;
    if (high) high[i] = answer->high;
  }
done:
  memory_free(&mine);
  memory_free(&theirs);
  memory_free(&back);
  memory_free(&counts);
  memory_free(&received);
  memory_free(&at);
  return status;
}

Status groups_extremes_all(const Comm *comm, const int64_t *group, int64_t n, int64_t *low,
                           int64_t *high) {
  return reduce_all(comm, group, n, false, low, high);
}

Status groups_sizes_all(const Comm *comm, const int64_t *group, int64_t n, int64_t *size) {
  for (int64_t i = 0; i < n; i++) size[i] = 1;
  return reduce_all(comm, group, n, true, size, NULL);
}
