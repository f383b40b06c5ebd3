/* How many groups of ranks; see spread.h. */
#include "spread.h"

#include <stddef.h>

#include "kernels/base/memory.h"

const char *const spread_words[] = {"auto", "folds", "rows", NULL};

static const int64_t REPLICATED_BYTES = INT64_C(1) << 28;
static const double SERIAL = 0.125; /* share of a fit that further ranks do not shorten */

static int ranks_of(int group, int groups, int size) {
  int n = 0;
  for (int rank = 0; rank < size; rank++) n += spread_group(rank, groups, size) == group;
  return n;
}

/* When the last task is done. free_at: scratch, one time per group; speed: one per group. */
static double finish(int64_t n, const int64_t *costs, int groups, const double *speed,
                     double *free_at) {
  double last = 0;
  for (int g = 0; g < groups; g++) free_at[g] = 0;
  for (int64_t t = 0; t < n; t++) {
    int first = 0;
    for (int g = 1; g < groups; g++)
      if (free_at[g] < free_at[first]) first = g;
    free_at[first] += (double)costs[t] / speed[first];
    if (free_at[first] > last) last = free_at[first];
  }
  return last;
}

Status spread_groups(Spread spread, int size, int64_t n, const int64_t *costs, int64_t bytes,
                     int *groups) {
  Status status = OK;
  double *speed = NULL, *free_at = NULL, best = 0;
  int most = n < size ? (int)n : size;
  *groups = most > 1 ? most : 1;
  if (spread == SPREAD_FOLDS || *groups == 1) return OK;
  *groups = 1;
  if (spread == SPREAD_ROWS || bytes > REPLICATED_BYTES) return OK;
  TRY(NEW(&speed, most));
  TRY(NEW(&free_at, most));
  /* Only whole shares of the most: other numbers leave ranks of a group little to share. */
  for (int parts = 1; parts <= most; parts++) {
    int g = most / parts;
    if (parts > 1 && g == most / (parts - 1)) continue;
    for (int i = 0; i < g; i++) speed[i] = 1 / (SERIAL + (1 - SERIAL) / ranks_of(i, g, size));
    double seconds = finish(n, costs, g, speed, free_at);
    if (parts > 1 && seconds >= best) continue;
    best = seconds;
    *groups = g;
  }
done:
  memory_free(&speed);
  memory_free(&free_at);
  return status;
}
