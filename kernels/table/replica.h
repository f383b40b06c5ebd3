/* A replica: all rows of a table for every rank, once per node, in memory that its ranks share.
 *
 * For work that goes to ranks as whole tasks (a fold, a trial): a rank, or a group of ranks, sees
 * the whole table through views that copy nothing but row numbers and offsets. Where shared memory
 * is too small every rank holds a copy of its own (base/comm). */
#ifndef SEGUE_TABLE_REPLICA_H
#define SEGUE_TABLE_REPLICA_H

#include "table.h"

/* Where a column's arrays lie, in bytes from the beginning of the memory. */
typedef struct ReplicaColumn {
  size_t value;   /* n_global values; TEXT, LIST: the items of all rows */
  size_t offset;  /* TEXT, LIST: n_global + 1 positions */
  size_t missing; /* TEXT, LIST: n_global flags, where has_missing */
  bool has_missing;
} ReplicaColumn;

typedef struct Replica {
  const Table *source; /* names, types and dictionaries */
  SharedMemory memory;
  size_t row_id;
  ReplicaColumn *columns; /* one for each of the source's */
} Replica;

/* Collective. table, rows spread in blocks, must outlive the replica. Fails with MEMORY, agreed;
 * the caller clears out also then. Communicates only where the ranks are on several nodes: each
 * rank's rows are broadcast to the nodes. */
CHECKED Status replica_new_all(const Comm *comm, const Table *table, Replica *out);
/* The share that `rank` of `size` has of all rows (rows_of); 0 of 1: all. The view must not outlive
 * the replica, nor may a table that shares its columns. Local. Fails with MEMORY. */
CHECKED Status replica_view(const Replica *replica, int rank, int size, Table *out);
/* Collective over the communicator that made it. */
void replica_clear_all(Replica *replica);

#endif
