/* Spreading tasks (a fold, a trial on a fold) over ranks: how many groups of ranks work side by
 * side.
 *
 * One group of all ranks fits task after task, each on rows spread over all ranks (data-parallel);
 * as many groups as ranks give each rank tasks of its own, on a table replicated once per node; in
 * between, the ranks of a group share the rows of the group's task. Results are the same bits
 * whatever the number of groups. */
#ifndef SEGUE_STUDY_SPREAD_H
#define SEGUE_STUDY_SPREAD_H

#include <stdint.h>

#include "kernels/base/status.h"

/* FOLDS: as many groups as there are tasks, at most one per rank.
 * ROWS: one group.
 * AUTO: one group when the replicated columns take more than 256 MiB, since every rank then holds
 * training rows of its own too. Otherwise the number of groups that is estimated to finish first,
 * the larger one when equal: a task takes time by its training rows, an eighth of which does not
 * spread over the ranks of a group (Amdahl 1967), and tasks go, the longest first, to the group that
 * is free first. */
typedef enum Spread { SPREAD_AUTO, SPREAD_FOLDS, SPREAD_ROWS } Spread;

extern const char *const spread_words[]; /* "auto", "folds", "rows", NULL: indexed by Spread */

/* The number of groups, 1 to size.
 * costs  of the n tasks, the largest first
 * bytes  of the columns that would be replicated, over all ranks
 * Local; arguments same on all ranks. Fails with MEMORY. */
CHECKED Status spread_groups(Spread spread, int size, int64_t n, const int64_t *costs,
                             int64_t bytes, int *groups);

/* The group of a rank: floor(rank * groups / size); sizes differ by one at most. Local. */
static inline int spread_group(int rank, int groups, int size) {
  return (int)((int64_t)rank * groups / size);
}

#endif
