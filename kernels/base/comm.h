/* The communicator: the few collective operations that Segue needs, safe for any size.
 *
 * MPI's own errors abort the job (MPI_ERRORS_ARE_FATAL), so nothing here returns a status except
 * where memory is allocated. Time spent in these calls is waiting, not work: comm_waited tells. */
#ifndef SEGUE_BASE_COMM_H
#define SEGUE_BASE_COMM_H

#include <mpi.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

struct Comm {
  MPI_Comm mpi;
  int rank;
  int size;
};

/* Borrowed views of MPI's own communicators; never cleared. Local, after MPI_Init. */
Comm comm_world(void);
Comm comm_self(void);

/* Split into groups by colour, ranks in the old order. Collective. The caller clears out. */
void comm_split_all(const Comm *comm, int colour, Comm *out);
/* The ranks that share this node's memory. Collective. The caller clears out. */
void comm_split_node_all(const Comm *comm, Comm *out);
/* For tests: from now on every `ranks` ranks of a communicator pass for a node; 0: as it is. Local;
 * the same on all ranks. */
void comm_pretend_nodes(int ranks);
void comm_clear_all(Comm *comm);

void comm_barrier_all(const Comm *comm);

/* In-place reductions over ranks of n numbers. Collective; n same on all ranks.
 * Integer sums, minima and maxima do not depend on the order of ranks. */
void comm_sum_all(const Comm *comm, int64_t *values, int64_t n);
void comm_min_all(const Comm *comm, int64_t *values, int64_t n);
void comm_max_all(const Comm *comm, int64_t *values, int64_t n);
void comm_max_real_all(const Comm *comm, double *values, int64_t n); /* no NaN */
int64_t comm_sum_one_all(const Comm *comm, int64_t value);
int64_t comm_max_one_all(const Comm *comm, int64_t value);
bool comm_any_all(const Comm *comm, bool value);

/* Sums over ranks of which every rank keeps a part (a reduce-scatter), in place: afterwards
 * values[offsets[rank]] .. values[offsets[rank + 1] - 1] hold the sums; the other numbers are as
 * before or sums, too.
 * offsets  size + 1 ascending positions; same on all ranks; parts may be empty
 * Collective. Any size. Fails with MEMORY, agreed. */
CHECKED Status comm_sum_scatter_all(const Comm *comm, int64_t *values, const int64_t *offsets);

/* The same for some arrays at once and in two steps, with other work in between: each pair of ranks
 * exchanges parts without a copy on the way (the pairwise algorithm; Thakur et al. 2005). */
typedef struct SumScatter {
  const Comm *comm;
  int64_t part_max;
  int64_t *received;     /* size x part_max */
  MPI_Request *requests; /* 2 x size */
  int64_t *values;       /* of the sum under way; NULL: none */
  int64_t begin, part, items, stride;
} SumScatter;

/* part_max: numbers of a rank's part at most, of all arrays together; same on all ranks.
 * Collective; comm has to outlive out. Clear after a failure, too. Fails with MEMORY, agreed. */
CHECKED Status comm_sum_scatter_init_all(const Comm *comm, int64_t part_max, SumScatter *out);
/* Begin to sum `items` arrays, values + i x stride. values is left alone until the end.
 * Collective; all but values same on all ranks. Every begin has its end before the next one; sums
 * of two SumScatters of a communicator may be under way together, ended in the same order. */
void comm_sum_scatter_begin_all(SumScatter *sum, int64_t *values, const int64_t *offsets,
                                int64_t items, int64_t stride);
/* Let messages move on. Local. */
void comm_sum_scatter_push(SumScatter *sum);
/* Wait; then this rank's part of each array holds the sums, the rest is as before. Collective. */
void comm_sum_scatter_end_all(SumScatter *sum);
void comm_sum_scatter_clear(SumScatter *sum);

/* Sum of value over all lower ranks; 0 on rank 0. Collective. */
int64_t comm_exscan_all(const Comm *comm, int64_t value);

/* Copy bytes of root to all. Collective; bytes same on all ranks, any size. */
void comm_broadcast_all(const Comm *comm, int root, void *data, size_t bytes);

/* Gather one fixed-size item of each rank to all, in rank order. Collective. */
void comm_allgather_all(const Comm *comm, const void *item, size_t bytes, void *all);

/* Concatenate each rank's bytes (different lengths, possibly 0), in rank order, on all ranks.
 * out       array of the sum of bytes; the caller frees it with memory_free
 * offsets   out, size + 1 byte positions, caller's storage; may be NULL
 * Collective. Fails with MEMORY, agreed. */
CHECKED Status comm_concatenate_all(const Comm *comm, const void *mine, size_t bytes, void **out,
                                    size_t *offsets);

/* Like concatenate, but only root receives; elsewhere *out is NULL and offsets untouched. */
CHECKED Status comm_gather_all(const Comm *comm, int root, const void *mine, size_t bytes,
                               void **out, size_t *offsets);

/* Send items to ranks and receive theirs, ordered by sending rank (a personalised all-to-all).
 * send         items grouped by destination rank; borrowed
 * send_counts  size numbers of items
 * item         bytes of an item, same on all ranks
 * out          received items; the caller frees it with memory_free
 * out_counts   out, size numbers of items, caller's storage
 * Collective. Fails with MEMORY, agreed. Any number of bytes. */
CHECKED Status comm_exchange_all(const Comm *comm, const void *send, const int64_t *send_counts,
                                 size_t item, void **out, int64_t *out_counts);

/* Memory that the ranks of one node share, filled once and then read by all.
 * Where /dev/shm is too small every rank gets a copy of its own, and `owner` is true on all. */
typedef struct SharedMemory {
  void *data;   /* 64-byte aligned */
  size_t bytes;
  bool owner;   /* this rank fills data */
  bool window;  /* false: a private copy */
  MPI_Win win;
  Comm node;
} SharedMemory;

/* Collective over comm. bytes same on all ranks. Fails with MEMORY, agreed. */
CHECKED Status comm_shared_new_all(const Comm *comm, size_t bytes, SharedMemory *out);
/* Make what owners wrote visible to the others. Collective over the same comm. */
void comm_shared_publish_all(const Comm *comm, SharedMemory *shared);
void comm_shared_clear_all(SharedMemory *shared);

/* Seconds this process has spent in the calls above. Local. */
double comm_waited(void);

#endif
