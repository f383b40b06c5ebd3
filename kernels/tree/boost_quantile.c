/* Weighted quantiles by quickselect; see boost_quantile.h.
 *
 * Every group keeps a run of its items that holds the wanted one. A round finds the least and the
 * largest value of the run over all ranks, halves the distance between them, and keeps the side in
 * which the wanted weight is reached. Nothing is sorted, and the items are touched about twice. */
#include "boost_quantile.h"

#include <math.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/quantile.h"

static const uint64_t SIGN = UINT64_C(1) << 63;

typedef struct Run {
  int64_t begin, end; /* this rank's items that are left */
  int64_t middle;     /* after dividing: the first one above the pivot */
  int64_t wanted;     /* weight up to the wanted value, of what is left on all ranks */
  uint64_t least, most, pivot;
} Run;

/* Least and largest key of every run that is not decided. Collective. */
static void find_ends_all(const Comm *comm, const BoostItems *items, Run *run, int64_t *ends) {
  for (int64_t r = 0; r < items->groups; r++) {
    uint64_t least = UINT64_MAX, most = 0;
    for (int64_t i = run[r].begin; i < run[r].end; i++) {
      least = items->key[i] < least ? items->key[i] : least;
      most = items->key[i] > most ? items->key[i] : most;
    }
    ends[2 * r] = (int64_t)(~least ^ SIGN); /* as signed numbers of the same order */
    ends[2 * r + 1] = (int64_t)(most ^ SIGN);
  }
  comm_max_all(comm, ends, 2 * items->groups);
  for (int64_t r = 0; r < items->groups; r++) {
    run[r].least = ~((uint64_t)ends[2 * r] ^ SIGN);
    run[r].most = (uint64_t)ends[2 * r + 1] ^ SIGN;
  }
}

/* A value halfway, at least `least` and below `most`. */
static uint64_t halfway(uint64_t least, uint64_t most) {
  double a = quantile_value(least), b = quantile_value(most);
  uint64_t pivot = quantile_key(a / 2 + b / 2);
  return pivot >= least && pivot < most ? pivot : least + (most - least) / 2;
}

/* Items up to the pivot first; returns their weight. */
static int64_t divide(const BoostItems *items, Run *run) {
  int64_t at = run->begin, sum = 0;
  for (int64_t i = run->begin; i < run->end; i++) {
    uint64_t key = items->key[i];
    int64_t weight = items->weight[i];
    if (key > run->pivot) continue;
    items->key[i] = items->key[at];
    items->weight[i] = items->weight[at];
    items->key[at] = key;
    items->weight[at++] = weight;
    sum += weight;
  }
  run->middle = at;
  return sum;
}

static void begin_runs_all(const Comm *comm, const BoostItems *items, double alpha, Run *run,
                           int64_t *sums) {
  for (int64_t r = 0; r < items->groups; r++) {
    run[r] = (Run){.begin = items->begin[r], .end = items->begin[r + 1]};
    sums[r] = 0;
    for (int64_t i = run[r].begin; i < run[r].end; i++) sums[r] += items->weight[i];
  }
  comm_sum_all(comm, sums, items->groups);
  for (int64_t r = 0; r < items->groups; r++) {
    run[r].wanted = (int64_t)fmax(1, ceil(alpha * (double)sums[r]));
  }
}

Status boost_quantiles_all(const Comm *comm, const BoostItems *items, double alpha, double *out) {
  Status status = OK;
  Run *run = NULL;
  int64_t *words = NULL;
  Status local = NEW(&run, items->groups);
  if (local == OK) local = NEW(&words, 2 * items->groups);
  AGREE(comm, local);
  begin_runs_all(comm, items, alpha, run, words);
  for (bool open = true; open;) {
    find_ends_all(comm, items, run, words);
    open = false;
    for (int64_t r = 0; r < items->groups; r++) {
      bool decided = run[r].least >= run[r].most; /* above it: a group without items */
      run[r].pivot = decided ? run[r].most : halfway(run[r].least, run[r].most);
      words[r] = decided ? 0 : divide(items, &run[r]);
      open |= !decided;
    }
    if (!open) break;
    comm_sum_all(comm, words, items->groups);
    for (int64_t r = 0; r < items->groups; r++) {
      if (run[r].least >= run[r].most) continue;
      if (words[r] >= run[r].wanted) {
        run[r].end = run[r].middle;
      } else {
        run[r].begin = run[r].middle;
        run[r].wanted -= words[r];
      }
    }
  }
  for (int64_t r = 0; r < items->groups; r++) {
    out[r] = run[r].least > run[r].most ? 0 : quantile_value(run[r].least);
  }
done:
  memory_free(&run);
  memory_free(&words);
  return status;
}
