/* Sorting over ranks by sampled splitters; see order.h.
 *
 * Each rank sorts its items, offers evenly spaced samples, all agree on size - 1 splitting keys,
 * items travel to the rank of their key range and are sorted there. Rejected: gathering everything
 * on one rank (its memory), and a bisection for exactly equal shares (more rounds, and nothing
 * needs equal shares). Equal keys stay together because a range is cut by keys alone. */
#include "order.h"

#include <string.h>

#include "kernels/base/memory.h"

enum { DIGIT = 8, BUCKETS = 1 << DIGIT, DIGITS = 64 / DIGIT, FEW = 48, SAMPLES = 64 };

static void sort_few(Item *items, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    Item item = items[i];
    int64_t at = i;
    for (; at > 0 && items[at - 1].key > item.key; at--) items[at] = items[at - 1];
    items[at] = item;
  }
}

/* One stable pass by one digit; counts are those of the digit's values. */
static void scatter(const Item *from, Item *to, int64_t n, int shift, const int64_t *counts) {
  int64_t next[BUCKETS], sum = 0;
  for (int b = 0; b < BUCKETS; b++) {
    next[b] = sum;
    sum += counts[b];
  }
  for (int64_t i = 0; i < n; i++) to[next[from[i].key >> shift & (BUCKETS - 1)]++] = from[i];
}

Status order_sort(Item *items, int64_t n) {
  Status status = OK;
  Item *spare = NULL;
  int64_t counts[DIGITS][BUCKETS] = {{0}};
  if (n <= FEW) {
    sort_few(items, n);
    return OK;
  }
  TRY(NEW(&spare, n));
  for (int64_t i = 0; i < n; i++)
    for (int digit = 0; digit < DIGITS; digit++)
      counts[digit][items[i].key >> digit * DIGIT & (BUCKETS - 1)]++;
  Item *from = items, *to = spare;
  for (int digit = 0; digit < DIGITS; digit++) {
    if (counts[digit][items[0].key >> digit * DIGIT & (BUCKETS - 1)] == n) continue;
    scatter(from, to, n, digit * DIGIT, counts[digit]);
    Item *swap = from;
    from = to;
    to = swap;
  }
  if (from != items) memcpy(items, from, (size_t)n * sizeof *items);
done:
  memory_free(&spare);
  return status;
}

/* size - 1 ascending splitting keys from all ranks' samples; rank r gets keys from splitter r - 1,
 * inclusive, up to splitter r, exclusive. A sample stands for a 64th of its rank's items: shares
 * are fair when ranks hold about equally many, which blocks of rows provide. */
static Status choose_splitters_all(const Comm *comm, const Item *sorted, int64_t n,
                                   uint64_t *splitters) {
  Status status = OK;
  Item mine[SAMPLES], *all = NULL;
  void *gathered = NULL;
  int64_t n_mine = n < SAMPLES ? n : SAMPLES;
  size_t bytes = 0;
  size_t *offsets = NULL;
  for (int64_t s = 0; s < n_mine; s++) mine[s] = sorted[s * n / n_mine];
  AGREE(comm, NEW(&offsets, comm->size + 1));
  TRY(comm_concatenate_all(comm, mine, (size_t)n_mine * sizeof *mine, &gathered, offsets));
  all = gathered;
  bytes = offsets[comm->size];
  int64_t n_all = (int64_t)(bytes / sizeof *all);
  AGREE(comm, order_sort(all, n_all));
  for (int r = 1; r < comm->size; r++)
    splitters[r - 1] = n_all > 0 ? all[r * n_all / comm->size].key : 0;
done:
  memory_free(&offsets);
  memory_free(&gathered);
  return status;
}

/* How many of the sorted items each rank gets. */
static void count_shares(const Item *sorted, int64_t n, const uint64_t *splitters, int size,
                         int64_t *counts) {
  int64_t i = 0;
  for (int r = 0; r < size; r++) {
    int64_t begin = i;
    while (i < n && (r == size - 1 || sorted[i].key < splitters[r])) i++;
    counts[r] = i - begin;
  }
}

Status order_share_all(const Comm *comm, Item **items, int64_t *n) {
  Status status = OK;
  int64_t *counts = NULL;
  uint64_t *splitters = NULL;
  void *received = NULL;
  AGREE(comm, order_sort(*items, *n));
  if (comm->size == 1) return OK;
  Status local = NEW(&counts, 2 * comm->size);
  if (local == OK) local = NEW(&splitters, comm->size);
  AGREE(comm, local);
  TRY(choose_splitters_all(comm, *items, *n, splitters));
  count_shares(*items, *n, splitters, comm->size, counts);
  int64_t *arrived = counts + comm->size;
  TRY(comm_exchange_all(comm, *items, counts, sizeof **items, &received, arrived));
  memory_free(items);
  *items = received;
  *n = 0;
  for (int r = 0; r < comm->size; r++) *n += arrived[r];
  AGREE(comm, order_sort(*items, *n));
done:
  memory_free(&counts);
  memory_free(&splitters);
  return status;
}
