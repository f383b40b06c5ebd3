/* Tables replicated once per node; see replica.h.
 *
 * One window holds all arrays one after the other. Every rank writes its own rows where they
 * belong in its node's window; between nodes, each rank's slice of an array is then broadcast from
 * the rank that owns its node's window to those that own the others'. */
#include "replica.h"

#include <string.h>

#include "column_parts.h"
#include "kernels/base/memory.h"

/* An array of the memory and this rank's slice of it, in items. */
typedef struct Slice {
  size_t at, item;
  int64_t begin, n;
} Slice;

enum { SLICES = 3 };

/* Items of a column before this rank's, and over all ranks. */
typedef struct Extent {
  int64_t begin, n, total;
} Extent;

static int64_t items_of(const Column *column) {
  return column_is_ragged(column) ? column->offset[column->n] : column->n;
}

static const void *values_of(const Column *column) {
  return column->type == COLUMN_TEXT ? (const void *)column->bytes : (const void *)column->code;
}

static char *memory_at(const Replica *replica, size_t at) {
  return (char *)replica->memory.data + at;
}

/* ---- layout ---- */

static size_t place(size_t *used, int64_t n, size_t item) {
  size_t at = *used;
  *used = (at + (size_t)n * item + 63) / 64 * 64;
  return at;
}

/* Returns the bytes of all arrays. */
static size_t lay_out_all(const Comm *comm, Replica *out, Extent *extents) {
  const Table *table = out->source;
  int64_t n = table->rows.n_global;
  size_t used = 0;
  out->row_id = place(&used, n, sizeof(int64_t));
  for (int64_t j = 0; j < table->n_columns; j++) {
    const Column *column = table->columns[j];
    ReplicaColumn *to = &out->columns[j];
    int64_t items = items_of(column);
    extents[j] = (Extent){comm_exscan_all(comm, items), items, comm_sum_one_all(comm, items)};
    to->value = place(&used, extents[j].total, column_item_size(column->type));
    if (!column_is_ragged(column)) continue;
    to->offset = place(&used, n + 1, sizeof(int64_t));
    to->has_missing = comm_any_all(comm, column->missing != NULL);
    to->missing = place(&used, to->has_missing ? n : 0, 1);
  }
  return used;
}

/* The arrays of a column, and what is this rank's of them. */
static int slices_of(const Replica *replica, int64_t j, const Extent *extent, Slice *slices) {
  const Rows *rows = &replica->source->rows;
  const Column *column = replica->source->columns[j];
  const ReplicaColumn *to = &replica->columns[j];
  int n = 0;
  slices[n++] = (Slice){to->value, column_item_size(column->type), extent->begin, extent->n};
  if (column_is_ragged(column))
    slices[n++] = (Slice){to->offset, sizeof(int64_t), rows->begin, rows->n};
  if (to->has_missing) slices[n++] = (Slice){to->missing, 1, rows->begin, rows->n};
  return n;
}

/* ---- filling ---- */

static void write_slice(const Replica *replica, const Slice *slice, const void *data) {
  if (slice->n == 0) return;
  memcpy(memory_at(replica, slice->at + (size_t)slice->begin * slice->item), data,
         (size_t)slice->n * slice->item);
}

static void write_column(const Replica *replica, int64_t j, const Extent *extent) {
  Slice slices[SLICES];
  const Table *table = replica->source;
  const Column *column = table->columns[j];
  const ReplicaColumn *to = &replica->columns[j];
  slices_of(replica, j, extent, slices);
  write_slice(replica, &slices[0], values_of(column));
  if (!column_is_ragged(column)) return;
  int64_t *offset = (int64_t *)(void *)memory_at(replica, to->offset) + table->rows.begin;
  for (int64_t i = 0; i < table->rows.n; i++) offset[i] = extent->begin + column->offset[i];
  if (!to->has_missing || table->rows.n == 0) return;
  if (column->missing)
    write_slice(replica, &slices[2], column->missing);
  else
    memset(memory_at(replica, to->missing) + table->rows.begin, 0, (size_t)table->rows.n);
}

/* ---- between nodes ---- */

/* The ranks that own a window, and for every rank of comm the one that owns its node's. */
typedef struct Owners {
  Comm comm; /* of the owners; on the others, of those */
  int64_t n;
  int64_t *of;  /* comm->size ranks in comm */
  int64_t *all; /* scratch: 2 * comm->size */
} Owners;

static Status owners_init_all(const Comm *comm, const Replica *replica, Owners *out) {
  Status status = OK;
  const SharedMemory *memory = &replica->memory;
  int64_t mine[2] = {memory->owner, comm->rank};
  out->n = comm_sum_one_all(comm, memory->owner);
  if (out->n == 1) return OK;
  AGREE(comm, NEW(&out->all, 2 * comm->size));
  AGREE(comm, NEW(&out->of, comm->size));
  comm_split_all(comm, memory->owner, &out->comm);
  if (memory->owner) mine[1] = out->comm.rank;
  if (memory->window) comm_broadcast_all(&memory->node, 0, &mine[1], sizeof mine[1]);
  comm_allgather_all(comm, mine, sizeof mine, out->all);
  for (int r = 0; r < comm->size; r++) out->of[r] = out->all[2 * r + 1];
done:
  return status;
}

static void owners_clear_all(Owners *owners) {
  if (owners->comm.size > 0) comm_clear_all(&owners->comm);
  memory_free(&owners->of);
  memory_free(&owners->all);
}

/* Every rank's slice to all nodes. */
static void carry_slice_all(const Comm *comm, const Replica *replica, const Slice *slice,
                            Owners *owners) {
  int64_t mine[2] = {slice->begin, slice->n};
  comm_allgather_all(comm, mine, sizeof mine, owners->all);
  if (!replica->memory.owner) return;
  for (int r = 0; r < comm->size; r++) {
    size_t begin = (size_t)owners->all[2 * r] * slice->item;
    size_t bytes = (size_t)owners->all[2 * r + 1] * slice->item;
    comm_broadcast_all(&owners->comm, (int)owners->of[r], memory_at(replica, slice->at + begin),
                       bytes);
  }
}

static Status carry_all(const Comm *comm, const Replica *replica, const Extent *extents) {
  Status status = OK;
  Owners owners = {0};
  Slice slices[SLICES];
  const Table *table = replica->source;
  TRY(owners_init_all(comm, replica, &owners));
  if (owners.n == 1) goto done;
  Slice ids = {replica->row_id, sizeof(int64_t), table->rows.begin, table->rows.n};
  carry_slice_all(comm, replica, &ids, &owners);
  for (int64_t j = 0; j < table->n_columns; j++) {
    int n = slices_of(replica, j, &extents[j], slices);
    for (int s = 0; s < n; s++) carry_slice_all(comm, replica, &slices[s], &owners);
  }
done:
  owners_clear_all(&owners);
  return status;
}

/* ---- the replica ---- */

Status replica_new_all(const Comm *comm, const Table *table, Replica *out) {
  Status status = OK;
  Extent *extents = NULL;
  *out = (Replica){.source = table, .memory = {.win = MPI_WIN_NULL}};
  AGREE(comm, NEW(&out->columns, table->n_columns));
  AGREE(comm, NEW(&extents, table->n_columns));
  size_t bytes = lay_out_all(comm, out, extents);
  TRY(comm_shared_new_all(comm, bytes, &out->memory));
  Slice ids = {out->row_id, sizeof(int64_t), table->rows.begin, table->rows.n};
  write_slice(out, &ids, table->row_id);
  for (int64_t j = 0; j < table->n_columns; j++) {
    write_column(out, j, &extents[j]);
    if (out->memory.owner && column_is_ragged(table->columns[j]))
      memcpy(memory_at(out, out->columns[j].offset) + (size_t)table->rows.n_global * 8,
             &extents[j].total, sizeof extents[j].total);
  }
  comm_shared_publish_all(comm, &out->memory);
  TRY(carry_all(comm, out, extents));
  comm_shared_publish_all(comm, &out->memory);
done:
  memory_free(&extents);
  return status;
}

static Status view_column(const Replica *replica, int64_t j, const Rows *rows, Column **out) {
  Status status = OK;
  const Column *source = replica->source->columns[j];
  const ReplicaColumn *from = &replica->columns[j];
  Column *column = NULL;
  size_t item = column_item_size(source->type);
  int64_t first = rows->begin;
  TRY(column_bare(&column, source->name, source->type));
  column->borrowed = true;
  column->n = rows->n;
  TRY(dictionary_copy(&source->dictionary, &column->dictionary));
  if (column_is_ragged(source)) {
    const int64_t *offset = (int64_t *)(void *)memory_at(replica, from->offset) + rows->begin;
    first = offset[0];
    TRY(NEW(&column->offset, rows->n + 1));
    for (int64_t i = 0; i <= rows->n; i++) column->offset[i] = offset[i] - first;
    if (from->has_missing)
      column->missing = (uint8_t *)memory_at(replica, from->missing) + rows->begin;
  }
  char *values = memory_at(replica, from->value) + (size_t)first * item;
  if (source->type == COLUMN_TEXT)
    column->bytes = values;
  else
    column->code = (int32_t *)(void *)values;
done:
  if (status != OK) column_release(&column);
  *out = column;
  return status;
}

Status replica_view(const Replica *replica, int rank, int size, Table *out) {
  Status status = OK;
  const Rows *all = &replica->source->rows;
  Rows rows = rows_of(all->n_global, all->block, rank, size);
  TRY(table_init(out, &rows));
  const char *ids = memory_at(replica, replica->row_id);
  if (rows.n > 0)
    memcpy(out->row_id, ids + (size_t)rows.begin * sizeof(int64_t),
           (size_t)rows.n * sizeof(int64_t));
  for (int64_t j = 0; j < replica->source->n_columns; j++) {
    Column *column = NULL;
    TRY(view_column(replica, j, &rows, &column));
    TRY(table_add(out, column));
  }
done:
  if (status != OK) table_clear(out);
  return status;
}

void replica_clear_all(Replica *replica) {
  if (replica->memory.data) comm_shared_clear_all(&replica->memory);
  memory_free(&replica->columns);
}
