/* Join: rows of a left table with the columns of the right row that has the same key.
 *
 * A hash join over ranks: both sides send (hash of the key, row) to the rank that the hash names,
 * which matches them; right rows are then fetched from their owners. Rows keep the left order, so
 * the result does not depend on ranks. Keys compare by 128-bit hashes (numeric/hash.h). */
#ifndef SEGUE_DATASET_JOIN_H
#define SEGUE_DATASET_JOIN_H

#include "kernels/base/options.h"
#include "kernels/table/table.h"

typedef enum JoinDuplicates { JOIN_FAIL, JOIN_FIRST, JOIN_LAST } JoinDuplicates;

typedef struct JoinPlan {
  TextList left_on, right_on; /* key columns, pairwise; borrowed */
  TextList columns;           /* columns to take from the right table; borrowed */
  bool inner;                 /* leave out left rows without a match; else their values are missing */
  JoinDuplicates duplicates;  /* several right rows of one key: refuse, or take the lowest or highest
                                 row */
} JoinPlan;

typedef struct JoinCounts {
  int64_t matched, unmatched; /* left rows */
  int64_t duplicates;         /* right rows that were not taken since another has their key */
  int64_t unused;             /* right keys that no left row has */
} JoinCounts;

/* Collective. Rows with a missing part in their key match nothing. out: the left rows (all, or the
 * matched ones) with the taken columns behind theirs; the caller clears it. counts replicated.
 * Fails with INVALID (a duplicate right key with JOIN_FAIL: names two of its rows), MEMORY. */
CHECKED Status join_all(const Comm *comm, const Table *left, const Table *right,
                        const JoinPlan *plan, Table *out, JoinCounts *counts);

#endif
