/* Extremes within groups over ranks; see groups.h. */
#include "groups.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"

typedef struct Entry {
  int64_t group, low, high, place; /* place: the row on the sender, then where it came from */
} Entry;

static int owner_of(int64_t group, int size) {
  return (int)(hash_mix((uint64_t)group) % (uint64_t)size);
}

static int by_group(const void *a, const void *b) {
  const Entry *x = a, *y = b;
  if (x->group != y->group) return x->group < y->group ? -1 : 1;
  return x->place < y->place ? -1 : x->place > y->place;
}

static int by_place(const void *a, const void *b) {
  const Entry *x = a, *y = b;
  return x->place < y->place ? -1 : x->place > y->place;
}

/* Order this rank's entries by their owner; counts: size zeroed numbers. */
static Status pack(const Comm *comm, const int64_t *group, int64_t n, const int64_t *low,
                   const int64_t *high, Entry **entries, int64_t *counts) {
  Status status = OK;
  int64_t *at = NULL;
  TRY(NEW(entries, n));
  TRY(NEW(&at, comm->size + 1));
  for (int64_t i = 0; i < n; i++) counts[owner_of(group[i], comm->size)]++;
  for (int r = 0; r < comm->size; r++) at[r + 1] = at[r] + counts[r];
  for (int64_t i = 0; i < n; i++)
    (*entries)[at[owner_of(group[i], comm->size)]++] =
        (Entry){group[i], low[i], high ? high[i] : low[i], i};
done:
  memory_free(&at);
  return status;
}

/* Give every entry the extremes of its group; entries keep their order. */
static void reduce(Entry *entries, int64_t n, int64_t *senders_rows) {
  for (int64_t i = 0; i < n; i++) {
    senders_rows[i] = entries[i].place;
    entries[i].place = i;
  }
  qsort(entries, (size_t)n, sizeof *entries, by_group);
  for (int64_t i = 0, end; i < n; i = end) {
    int64_t low = entries[i].low, high = entries[i].high;
    for (end = i; end < n && entries[end].group == entries[i].group; end++) {
      if (entries[end].low < low) low = entries[end].low;
      if (entries[end].high > high) high = entries[end].high;
    }
    for (int64_t k = i; k < end; k++) entries[k].low = low, entries[k].high = high;
  }
  qsort(entries, (size_t)n, sizeof *entries, by_place);
  for (int64_t i = 0; i < n; i++) entries[i].place = senders_rows[i];
}

Status groups_extremes_all(const Comm *comm, const int64_t *group, int64_t n, int64_t *low,
                           int64_t *high) {
  Status status = OK;
  Entry *mine = NULL, *theirs = NULL, *back = NULL;
  int64_t *counts = NULL, *received = NULL, *rows = NULL, total = 0;
  Status local = NEW(&counts, comm->size);
  if (local == OK) local = NEW(&received, comm->size);
  if (local == OK) local = pack(comm, group, n, low, high, &mine, counts);
  AGREE(comm, local);
  TRY(comm_exchange_all(comm, mine, counts, sizeof *mine, (void **)&theirs, received));
  for (int r = 0; r < comm->size; r++) total += received[r];
  AGREE(comm, NEW(&rows, total));
  reduce(theirs, total, rows);
  TRY(comm_exchange_all(comm, theirs, received, sizeof *theirs, (void **)&back, counts));
  for (int64_t i = 0; i < n; i++) {
    low[back[i].place] = back[i].low;
    if (high) high[back[i].place] = back[i].high;
  }
done:
  memory_free(&mine);
  memory_free(&theirs);
  memory_free(&back);
  memory_free(&counts);
  memory_free(&received);
  memory_free(&rows);
  return status;
}
