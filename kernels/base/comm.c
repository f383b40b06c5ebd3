/* Collective operations of any size; see comm.h. */
#include "comm.h"

#include <string.h>

#include "memory.h"

/* MPI counts are int: larger messages go in pieces of this many bytes or numbers. */
enum { PIECE = 1 << 30 };

static double waited;
static int pretended; /* ranks of a node in a test; 0: none */

Comm comm_world(void) {
  Comm comm = {.mpi = MPI_COMM_WORLD};
  MPI_Comm_rank(comm.mpi, &comm.rank);
  MPI_Comm_size(comm.mpi, &comm.size);
  return comm;
}

Comm comm_self(void) { return (Comm){.mpi = MPI_COMM_SELF, .rank = 0, .size = 1}; }

static void describe(Comm *comm) {
  MPI_Comm_rank(comm->mpi, &comm->rank);
  MPI_Comm_size(comm->mpi, &comm->size);
}

void comm_split_all(const Comm *comm, int colour, Comm *out) {
  MPI_Comm_split(comm->mpi, colour, comm->rank, &out->mpi);
  describe(out);
}

void comm_pretend_nodes(int ranks) { pretended = ranks; }

void comm_split_node_all(const Comm *comm, Comm *out) {
  if (pretended > 0) {
    comm_split_all(comm, comm->rank / pretended, out);
    return;
  }
  MPI_Comm_split_type(comm->mpi, MPI_COMM_TYPE_SHARED, comm->rank, MPI_INFO_NULL, &out->mpi);
  describe(out);
}

void comm_clear_all(Comm *comm) {
  if (comm->mpi != MPI_COMM_NULL && comm->mpi != MPI_COMM_WORLD && comm->mpi != MPI_COMM_SELF)
    MPI_Comm_free(&comm->mpi);
  comm->mpi = MPI_COMM_NULL;
}

void comm_barrier_all(const Comm *comm) {
  double start = MPI_Wtime();
  MPI_Barrier(comm->mpi);
  waited += MPI_Wtime() - start;
}

static void reduce_all(const Comm *comm, void *values, int64_t n, MPI_Datatype type, size_t item,
                       MPI_Op op) {
  if (comm->size == 1) return;
  double start = MPI_Wtime();
  char *at = values;
  for (int64_t left = n; left > 0; left -= PIECE / 8, at += (PIECE / 8) * item) {
    int count = (int)(left < PIECE / 8 ? left : PIECE / 8);
    MPI_Allreduce(MPI_IN_PLACE, at, count, type, op, comm->mpi);
  }
  waited += MPI_Wtime() - start;
}

void comm_sum_all(const Comm *comm, int64_t *values, int64_t n) {
  reduce_all(comm, values, n, MPI_INT64_T, sizeof *values, MPI_SUM);
}

void comm_min_all(const Comm *comm, int64_t *values, int64_t n) {
  reduce_all(comm, values, n, MPI_INT64_T, sizeof *values, MPI_MIN);
}

void comm_max_all(const Comm *comm, int64_t *values, int64_t n) {
  reduce_all(comm, values, n, MPI_INT64_T, sizeof *values, MPI_MAX);
}

void comm_max_real_all(const Comm *comm, double *values, int64_t n) {
  reduce_all(comm, values, n, MPI_DOUBLE, sizeof *values, MPI_MAX);
}

int64_t comm_sum_one_all(const Comm *comm, int64_t value) {
  comm_sum_all(comm, &value, 1);
  return value;
}

int64_t comm_max_one_all(const Comm *comm, int64_t value) {
  comm_max_all(comm, &value, 1);
  return value;
}

bool comm_any_all(const Comm *comm, bool value) { return comm_max_one_all(comm, value) != 0; }

Status comm_sum_scatter_all(const Comm *comm, int64_t *values, const int64_t *offsets) {
  Status status = OK;
  int *counts = NULL, size = comm->size;
  int64_t *own = NULL;
  if (size == 1) return OK;
  if (offsets[size] > PIECE / 8) {
    comm_sum_all(comm, values + offsets[0], offsets[size] - offsets[0]);
    return OK;
  }
  int64_t n = offsets[comm->rank + 1] - offsets[comm->rank];
  Status local = NEW(&counts, size);
  if (local == OK) local = NEW(&own, n);
  AGREE(comm, local);
  for (int r = 0; r < size; r++) counts[r] = (int)(offsets[r + 1] - offsets[r]);
  double start = MPI_Wtime();
  MPI_Reduce_scatter(values + offsets[0], own, counts, MPI_INT64_T, MPI_SUM, comm->mpi);
  waited += MPI_Wtime() - start;
  if (n > 0) memcpy(values + offsets[comm->rank], own, (size_t)n * sizeof *own);
done:
  memory_free(&counts);
  memory_free(&own);
  return status;
}

Status comm_sum_scatter_init_all(const Comm *comm, int64_t part_max, SumScatter *out) {
  Status status = OK;
  *out = (SumScatter){.comm = comm, .part_max = part_max};
  Status local = NEW(&out->received, comm->size > 1 ? comm->size * part_max : 0);
  if (local == OK) local = NEW(&out->requests, 2 * comm->size);
  AGREE(comm, local);
done:
  return status;
}

void comm_sum_scatter_clear(SumScatter *sum) {
  memory_free(&sum->received);
  memory_free(&sum->requests);
}

/* `items` runs of `part` numbers, `stride` apart. */
static MPI_Datatype strided_new(int64_t items, int64_t part, int64_t stride) {
  MPI_Datatype type;
  MPI_Type_create_hvector((int)items, (int)part, (MPI_Aint)stride * 8, MPI_INT64_T, &type);
  MPI_Type_commit(&type);
  return type;
}

void comm_sum_scatter_begin_all(SumScatter *sum, int64_t *values, const int64_t *offsets,
                                int64_t items, int64_t stride) {
  enum { TAG = 2 };
  const int size = sum->comm->size, rank = sum->comm->rank;
  double start = MPI_Wtime();
  sum->values = values;
  sum->begin = offsets[rank];
  sum->part = offsets[rank + 1] - offsets[rank];
  sum->items = items;
  sum->stride = stride;
  for (int r = 0; r < 2 * size; r++) sum->requests[r] = MPI_REQUEST_NULL;
  for (int step = 1; step < size; step++) {
    int from = (rank - step + size) % size;
    int64_t n = items * sum->part;
    if (n == 0) break;
    MPI_Irecv(sum->received + from * sum->part_max, (int)n, MPI_INT64_T, from, TAG, sum->comm->mpi,
              &sum->requests[from]);
  }
  for (int step = 1; step < size; step++) {
    int to = (rank + step) % size;
    int64_t part = offsets[to + 1] - offsets[to];
    if (items * part == 0) continue;
    MPI_Datatype type = strided_new(items, part, stride);
    MPI_Isend(values + offsets[to], 1, type, to, TAG, sum->comm->mpi, &sum->requests[size + to]);
    MPI_Type_free(&type);
  }
  waited += MPI_Wtime() - start;
}

void comm_sum_scatter_push(SumScatter *sum) {
  int flag = 0;
  if (!sum->values || sum->comm->size == 1) return;
  MPI_Testall(2 * sum->comm->size, sum->requests, &flag, MPI_STATUSES_IGNORE);
}

void comm_sum_scatter_end_all(SumScatter *sum) {
  double start = MPI_Wtime();
  MPI_Waitall(2 * sum->comm->size, sum->requests, MPI_STATUSES_IGNORE);
  waited += MPI_Wtime() - start;
  for (int r = 0; r < sum->comm->size; r++) {
    const int64_t *other = sum->received + r * sum->part_max;
    for (int64_t i = 0; r != sum->comm->rank && i < sum->items; i++, other += sum->part) {
      int64_t *own = sum->values + i * sum->stride + sum->begin;
      for (int64_t k = 0; k < sum->part; k++) {
        own[k] = (int64_t)((uint64_t)own[k] + (uint64_t)other[k]);
      }
    }
  }
  sum->values = NULL;
}

int64_t comm_exscan_all(const Comm *comm, int64_t value) {
  double start = MPI_Wtime();
  int64_t sum = 0;
  MPI_Exscan(&value, &sum, 1, MPI_INT64_T, MPI_SUM, comm->mpi);
  waited += MPI_Wtime() - start;
  return comm->rank == 0 ? 0 : sum;
}

void comm_broadcast_all(const Comm *comm, int root, void *data, size_t bytes) {
  if (comm->size == 1) return;
  double start = MPI_Wtime();
  for (size_t at = 0; at < bytes; at += PIECE) {
    size_t piece = bytes - at < PIECE ? bytes - at : PIECE;
    MPI_Bcast((char *)data + at, (int)piece, MPI_BYTE, root, comm->mpi);
  }
  waited += MPI_Wtime() - start;
}

void comm_allgather_all(const Comm *comm, const void *item, size_t bytes, void *all) {
  double start = MPI_Wtime();
  MPI_Allgather(item, (int)bytes, MPI_BYTE, all, (int)bytes, MPI_BYTE, comm->mpi);
  waited += MPI_Wtime() - start;
}

static Status byte_offsets_all(const Comm *comm, size_t bytes, size_t **out) {
  Status status = OK;
  size_t *offsets = NULL;
  AGREE(comm, NEW(&offsets, comm->size + 1));
  uint64_t mine = bytes;
  comm_allgather_all(comm, &mine, sizeof mine, offsets + 1);
  for (int r = 0; r < comm->size; r++) offsets[r + 1] += offsets[r];
  *out = offsets;
done:
  if (status != OK) memory_free(&offsets);
  return status;
}

/* all holds this rank's bytes at its place; fill in those of the others. */
static Status concatenate_pieces_all(const Comm *comm, char *all, const size_t *at) {
  Status status = OK;
  int *counts = NULL;
  int size = comm->size;
  AGREE(comm, NEW(&counts, 2 * size));
  if (at[size] > PIECE) {
    for (int r = 0; r < size; r++) comm_broadcast_all(comm, r, all + at[r], at[r + 1] - at[r]);
  } else {
    for (int r = 0; r < size; r++) {
      counts[r] = (int)(at[r + 1] - at[r]);
      counts[size + r] = (int)at[r];
    }
    double start = MPI_Wtime();
    MPI_Allgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, all, counts, counts + size, MPI_BYTE,
                   comm->mpi);
    waited += MPI_Wtime() - start;
  }
done:
  memory_free(&counts);
  return status;
}

Status comm_concatenate_all(const Comm *comm, const void *mine, size_t bytes, void **out,
                            size_t *offsets) {
  Status status = OK;
  size_t *at = NULL;
  char *all = NULL;
  *out = NULL;
  TRY(byte_offsets_all(comm, bytes, &at));
  AGREE(comm, NEW_RAW(&all, (int64_t)at[comm->size]));
  if (bytes > 0) memcpy(all + at[comm->rank], mine, bytes);
  TRY(concatenate_pieces_all(comm, all, at));
  if (offsets) memcpy(offsets, at, (size_t)(comm->size + 1) * sizeof *at);
  *out = all;
done:
  if (status != OK) memory_free(&all);
  memory_free(&at);
  return status;
}

static void send_pieces(const Comm *comm, const char *data, size_t bytes, int to) {
  for (size_t at = 0; at < bytes; at += PIECE) {
    size_t piece = bytes - at < PIECE ? bytes - at : PIECE;
    MPI_Send(data + at, (int)piece, MPI_BYTE, to, 0, comm->mpi);
  }
}

static void receive_pieces(const Comm *comm, char *data, size_t bytes, int from) {
  for (size_t at = 0; at < bytes; at += PIECE) {
    size_t piece = bytes - at < PIECE ? bytes - at : PIECE;
    MPI_Recv(data + at, (int)piece, MPI_BYTE, from, 0, comm->mpi, MPI_STATUS_IGNORE);
  }
}

Status comm_gather_all(const Comm *comm, int root, const void *mine, size_t bytes, void **out,
                       size_t *offsets) {
  Status status = OK;
  size_t *at = NULL;
  char *all = NULL;
  *out = NULL;
  TRY(byte_offsets_all(comm, bytes, &at));
  AGREE(comm, comm->rank == root ? NEW_RAW(&all, (int64_t)at[comm->size]) : OK);
  double start = MPI_Wtime();
  if (comm->rank != root) send_pieces(comm, mine, bytes, root);
  for (int r = 0; comm->rank == root && r < comm->size; r++) {
    size_t length = at[r + 1] - at[r];
    if (r != root)
      receive_pieces(comm, all + at[r], length, r);
    else if (length > 0)
      memcpy(all + at[r], mine, length);
  }
  waited += MPI_Wtime() - start;
  if (offsets && comm->rank == root) memcpy(offsets, at, (size_t)(comm->size + 1) * sizeof *at);
  *out = all;
done:
  memory_free(&at);
  return status;
}

static void swap_pieces(const Comm *comm, const char *send, size_t send_bytes, int to,
                        char *receive, size_t receive_bytes, int from) {
  for (size_t at = 0; at < send_bytes || at < receive_bytes; at += PIECE) {
    MPI_Request requests[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
    size_t out = at < send_bytes ? send_bytes - at : 0;
    size_t in = at < receive_bytes ? receive_bytes - at : 0;
    if (out > PIECE) out = PIECE;
    if (in > PIECE) in = PIECE;
    if (in > 0) MPI_Irecv(receive + at, (int)in, MPI_BYTE, from, 1, comm->mpi, &requests[0]);
    if (out > 0) MPI_Isend(send + at, (int)out, MPI_BYTE, to, 1, comm->mpi, &requests[1]);
    MPI_Waitall(2, requests, MPI_STATUSES_IGNORE);
  }
}

Status comm_exchange_all(const Comm *comm, const void *send, const int64_t *send_counts,
                         size_t item, void **out, int64_t *out_counts) {
  Status status = OK;
  size_t *send_at = NULL, *out_at = NULL;
  char *received = NULL;
  int size = comm->size, rank = comm->rank;
  *out = NULL;
  Status local = NEW(&send_at, size + 1);
  if (local == OK) local = NEW(&out_at, size + 1);
  AGREE(comm, local);
  double start = MPI_Wtime();
  MPI_Alltoall(send_counts, 1, MPI_INT64_T, out_counts, 1, MPI_INT64_T, comm->mpi);
  waited += MPI_Wtime() - start;
  for (int r = 0; r < size; r++) {
    send_at[r + 1] = send_at[r] + (size_t)send_counts[r] * item;
    out_at[r + 1] = out_at[r] + (size_t)out_counts[r] * item;
  }
  AGREE(comm, NEW_RAW(&received, (int64_t)out_at[size]));
  start = MPI_Wtime();
  for (int step = 0; step < size; step++) {
    int to = (rank + step) % size, from = (rank - step + size) % size;
    size_t bytes = send_at[to + 1] - send_at[to], in = out_at[from + 1] - out_at[from];
    const char *source = (const char *)send + send_at[to];
    if (step == 0 && bytes > 0) memcpy(received + out_at[rank], source, bytes);
    if (step > 0) swap_pieces(comm, source, bytes, to, received + out_at[from], in, from);
  }
  waited += MPI_Wtime() - start;
  *out = received;
done:
  if (status != OK) memory_free(&received);
  memory_free(&send_at);
  memory_free(&out_at);
  return status;
}

Status comm_shared_new_all(const Comm *comm, size_t bytes, SharedMemory *out) {
  Status status = OK;
  *out = (SharedMemory){.bytes = bytes, .win = MPI_WIN_NULL};
  comm_split_node_all(comm, &out->node);
  bool failed = false;
  if (out->node.size > 1) {
    void *base = NULL;
    MPI_Aint size = out->node.rank == 0 ? (MPI_Aint)(bytes + 64) : 0;
    MPI_Comm_set_errhandler(out->node.mpi, MPI_ERRORS_RETURN);
    failed = MPI_Win_allocate_shared(size, 1, MPI_INFO_NULL, out->node.mpi, &base, &out->win) !=
             MPI_SUCCESS;
    MPI_Comm_set_errhandler(out->node.mpi, MPI_ERRORS_ARE_FATAL);
    failed = comm_any_all(&out->node, failed);
    if (!failed) {
      int unit = 0;
      MPI_Win_shared_query(out->win, 0, &size, &unit, &base);
      out->data = (void *)(((uintptr_t)base + 63) / 64 * 64);
      out->window = true;
      out->owner = out->node.rank == 0;
      MPI_Win_lock_all(MPI_MODE_NOCHECK, out->win);
    }
  }
  if (!out->window) {
    char *copy = NULL;
    out->owner = true;
    status = NEW(&copy, (int64_t)bytes);
    out->data = copy;
  }
  AGREE(comm, status);
done:
  if (status != OK) comm_shared_clear_all(out);
  return status;
}

void comm_shared_publish_all(const Comm *comm, SharedMemory *shared) {
  if (shared->window) MPI_Win_sync(shared->win);
  comm_barrier_all(comm);
  if (shared->window) MPI_Win_sync(shared->win);
}

void comm_shared_clear_all(SharedMemory *shared) {
  if (shared->window) {
    MPI_Win_unlock_all(shared->win);
    MPI_Win_free(&shared->win);
    shared->data = NULL;
  } else {
    memory_free(&shared->data);
  }
  if (shared->node.size > 0) comm_clear_all(&shared->node);
  *shared = (SharedMemory){.win = MPI_WIN_NULL};
}

double comm_waited(void) { return waited; }
