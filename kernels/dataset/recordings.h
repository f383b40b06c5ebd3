/* Recordings: which rows are the same piece of music.
 *
 * Rows that share any of several keys belong together, and so do rows that are linked through
 * others: recordings are the connected components of "has an equal key". The same on any number of
 * ranks: a component is named by its first row. */
#ifndef SEGUE_DATASET_RECORDINGS_H
#define SEGUE_DATASET_RECORDINGS_H

#include "kernels/base/options.h"
#include "kernels/table/table.h"

typedef struct RecordingCounts {
  int64_t recordings;
  int64_t together; /* rows whose recording has other rows too */
  int64_t largest;  /* rows of the recording that has most */
  int64_t keyless;  /* rows where every key lacks a part: linked to nothing */
} RecordingCounts;

/* Collective. table: in blocks (numeric/rows.h).
 * keys    lists of columns, same on all ranks; a key of which a part is missing links nothing;
 *         lists count as sets (keys.h)
 * first   out, rows.n: global number of the first row of the row's recording
 * counts  out, replicated
 * Fails with INVALID when a column is absent, MEMORY; agreed.
 * Per key one exchange of 24 bytes a row; then O(log n) rounds that exchange only roots that are
 * still linked. At most about 100 bytes a row at a time. */
CHECKED Status recordings_find_all(const Comm *comm, const Table *table, const TextLists *keys,
                                   int64_t *first, RecordingCounts *counts);

/* The original row number (row_id) of the first row of each row's recording, which names it for
 * people and for later stages. number: out, rows.n; may be first itself. Collective. Fails with
 * MEMORY, agreed. */
CHECKED Status recordings_number_all(const Comm *comm, const Table *table, const int64_t *first,
                                     int64_t *number);

#endif
