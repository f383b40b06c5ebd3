/* Writing an artifact.
 *
 * Layout. A field is the data set of its path; its groups are made on the way. Small replicated
 * fields stand in their object headers (compact; covered by the header's checksum), all others in
 * chunks, shuffled, deflated, with Fletcher-32. Chunks are cut at multiples of a size that follows
 * from the global shape alone, so a file has the same bytes on any number of ranks. A distributed
 * data set carries the attribute "spread" ("rows" or "ragged"). The root carries
 * "segue_store_version", "n_global" and "block"; texts are fixed-length UTF-8 strings in the group
 * "texts". A field with an origin is an external link.
 *
 * Method. Rank 0 alone calls HDF5. Of a batch of fields, (1) the head of a rank's rows that
 * belongs to a chunk begun by a lower rank goes there; (2) every rank encodes the chunks that begin
 * in its rows, or its turn of a replicated field's; (3) the sizes are summed, rank 0 reserves the
 * places and broadcasts them; (4) every rank puts its chunks there with pwrite. Each step's failure
 * is agreed on before the next, and no rank ever waits inside HDF5 (see store_file.c). At the end
 * all sync, rank 0 closes and renames. */
#define _GNU_SOURCE
#include "store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "file.h"
#include "kernels/base/fault.h"
#include "kernels/base/memory.h"

/* Raw bytes of a batch per rank: bounds the memory that encoding needs. */
enum { BATCH_BYTES = 16 << 20 };

typedef enum PlanKind { PLAN_LINK, PLAN_SMALL, PLAN_CHUNKS } PlanKind;

typedef struct Plan {
  const Field *field;
  PlanKind kind;
  int64_t shape[FIELD_DIMENSIONS]; /* over all ranks */
  int64_t row_bytes;               /* of one item of the first extent */
  int64_t chunk, n_chunks;         /* items of the first extent in a chunk */
  int64_t base;                    /* the first chunk's number in the batch */
  const int64_t *at; /* distributed: size + 1 first items of the ranks; NULL: replicated */
} Plan;

/* An encoded chunk of this rank. */
typedef struct Piece {
  int64_t number; /* in the batch */
  int64_t at;     /* in Writer.packed */
} Piece;

typedef struct Writer {
  const Comm *comm;
  const char *path;
  char temporary[PATH_MAX];
  hid_t file;   /* rank 0 */
  int fd;       /* this rank's way to the chunks */
  bool created; /* rank 0: there is a temporary file to remove */
  int64_t n, n_distributed;
  Plan *plans;
  int64_t *at;     /* n_distributed x (size + 1) */
  int64_t *counts; /* scratch of size items */
  Codec codec;
  /* the batch plans[first .. last - 1] */
  int64_t first, last, n_chunks;
  int64_t *sizes;     /* n_chunks: bytes << 3 | mask; all ranks' after the sum */
  int64_t *addresses; /* n_chunks */
  int64_t *from;      /* (last - first) x size: where a rank's head stands in received */
  uint8_t *received, *gathered, *packed;
  int64_t gathered_capacity, packed_capacity;
  Piece *pieces;
  int64_t n_pieces, pieces_capacity;
} Writer;

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* ---- failures ---- */

static Status cannot_write(const Writer *writer, int reason) {
  return status_fail(IO, "%s: cannot be written: %s; what stood there before is untouched",
                     writer->path, reason ? strerror(reason) : "HDF5 refused");
}

/* The outcome of HDF5 calls: the system's reason if there was one, else `good`. */
static Status written(const Writer *writer, bool good) {
  int reason = store_file_error();
  return good && reason == 0 ? OK : cannot_write(writer, reason);
}

/* ---- checks ---- */

static bool name_fits(const char *name) {
  size_t texts = strlen(STORE_TEXTS);
  if (strlen(name) >= STORE_NAME_BYTES) return false;
  if (strncmp(name, STORE_TEXTS, texts) == 0 && (name[texts] == '/' || name[texts] == 0))
    return false;
  for (const char *part = name;; part++) {
    size_t n = strcspn(part, "/");
    if (n == 0 || (n == 1 && *part == '.')) return false;
    part += n;
    if (*part == 0) return true;
  }
}

static Status check_field(const Fields *fields, const Field *field, const Rows *rows) {
  if (!name_fits(field->name))
    return status_fail(INVALID,
                       "field \"%s\" cannot be stored: a name has at most %d bytes and no "
                       "empty part or \".\", and does not begin with \"" STORE_TEXTS "\"",
                       field->name, STORE_NAME_BYTES - 1);
  if (!field->distributed) return OK;
  if (!rows || field->dimensions < 1)
    return status_fail(INVALID, "field \"%s\" is spread over the ranks, but its rows are not given",
                       field->name);
  if (!field->ragged && field->shape[0] != rows->n)
    return status_fail(INVALID, "field \"%s\" has %lld items for %lld rows", field->name,
                       (long long)field->shape[0], (long long)rows->n);
  const Field *length = NULL;
  if (!field->ragged) return OK;
  Status status = store_find_length(fields, field->name, rows->n, INVALID, &length);
  if (status == OK && store_length_sum(length) != field->shape[0])
    return status_fail(INVALID, "field \"%s\" has %lld items, but its lengths sum to %lld",
                       field->name, (long long)field->shape[0],
                       (long long)store_length_sum(length));
  return status;
}

static Status check_fields(const Writer *writer, const Fields *fields, const Rows *rows) {
  Status status = OK;
  for (int64_t i = 0; i < fields->n; i++) TRY(check_field(fields, &fields->items[i], rows));
done:
  return status_prefix(status, "%s: ", writer->path);
}

/* ---- plans ---- */

/* A field that says it stands in this very file is written: its old bytes go with the old file. */
static bool is_link(const Writer *writer, const Field *field) {
  const char *colon = field->origin ? strchr(field->origin, ':') : NULL;
  if (!colon) return false;
  const char *base = store_base(writer->path);
  size_t n = (size_t)(colon - field->origin);
  return n != strlen(base) || strncmp(field->origin, base, n) != 0;
}

static void plan_field(const Writer *writer, Plan *plan, const Field *field, const int64_t *at) {
  *plan = (Plan){.field = field, .at = at, .kind = PLAN_SMALL};
  memcpy(plan->shape, field->shape, sizeof plan->shape);
  if (at) plan->shape[0] = at[writer->comm->size];
  int64_t extent = field->dimensions > 0 ? plan->shape[0] : 1;
  plan->row_bytes =
      store_inner(field->dimensions, plan->shape) * (int64_t)field_item_size(field->type);
  int64_t bytes = extent * plan->row_bytes;
  if (is_link(writer, field)) {
    plan->kind = PLAN_LINK;
  } else if (bytes > (at ? 0 : STORE_COMPACT_BYTES)) {
    plan->kind = PLAN_CHUNKS;
    plan->chunk = codec_chunk(extent, plan->row_bytes);
    plan->n_chunks = (extent + plan->chunk - 1) / plan->chunk;
  }
}

static Status make_room(Writer *writer, const Fields *fields, int64_t **mine, int64_t **all) {
  Status status = OK;
  int64_t size = writer->comm->size;
  writer->n = fields->n;
  for (int64_t i = 0; i < fields->n; i++) writer->n_distributed += fields->items[i].distributed;
  TRY(NEW(&writer->plans, writer->n));
  TRY(NEW(&writer->at, writer->n_distributed * (size + 1)));
  TRY(NEW(&writer->counts, 2 * size));
  TRY(NEW(mine, writer->n_distributed));
  TRY(NEW(all, writer->n_distributed * size));
done:
  return status;
}

static Status plan_all(Writer *writer, const Fields *fields) {
  Status status = OK;
  int64_t *mine = NULL, *all = NULL, k = 0, size = writer->comm->size;
  AGREE(writer->comm, make_room(writer, fields, &mine, &all));
  for (int64_t i = 0; i < fields->n; i++)
    if (fields->items[i].distributed) mine[k++] = fields->items[i].shape[0];
  comm_allgather_all(writer->comm, mine, (size_t)k * sizeof *mine, all);
  k = 0;
  for (int64_t i = 0; i < fields->n; i++) {
    int64_t *at = NULL;
    if (fields->items[i].distributed) {
      at = writer->at + k * (size + 1);
      for (int64_t r = 0; r < size; r++) at[r + 1] = at[r] + all[r * writer->n_distributed + k];
      k++;
    }
    plan_field(writer, &writer->plans[i], &fields->items[i], at);
  }
done:
  memory_free(&mine);
  memory_free(&all);
  return status;
}

/* ---- rank 0: the shape of the file ---- */

static Status refused(const Writer *writer, const char *name) {
  if (store_file_error() != 0) return cannot_write(writer, store_file_error());
  return status_fail(INVALID,
                     "%s: HDF5 cannot hold \"%s\" beside the other fields; is the name "
                     "used twice, or also the beginning of another field's?",
                     writer->path, name);
}

/* Everything but the chunks. */
static Status begin_file(Writer *writer, const StoreTexts *texts, const Rows *rows) {
  writer->file = store_file_create(writer->temporary);
  writer->created = writer->file >= 0 || store_file_error() == 0;
  bool good = writer->file >= 0 &&
              shape_number(writer->file, "segue_store_version", STORE_VERSION) &&
              shape_number(writer->file, "n_global", rows ? rows->n_global : -1) &&
              shape_number(writer->file, "block", rows ? rows->block : 0);
  if (!good) return written(writer, false);
  for (int64_t i = 0; texts && i < texts->n; i++)
    if (!shape_text(writer->file, &texts->items[i])) return refused(writer, texts->items[i].name);
  for (int64_t i = 0; i < writer->n; i++) {
    const Plan *plan = &writer->plans[i];
    bool done = plan->kind == PLAN_CHUNKS ||
                (plan->kind == PLAN_SMALL && shape_small(writer->file, plan->field, plan->shape)) ||
                (plan->kind == PLAN_LINK && shape_link(writer->file, plan->field));
    if (!done) return refused(writer, plan->field->name);
  }
  return written(writer, true);
}

static Status reserve_places(Writer *writer) {
  for (int64_t p = writer->first; p < writer->last; p++) {
    const Plan *plan = &writer->plans[p];
    if (plan->kind != PLAN_CHUNKS) continue;
    hid_t id = shape_dataset(writer->file, plan->field, plan->shape, plan->chunk);
    if (id < 0) return refused(writer, plan->field->name);
    bool good = true;
    for (int64_t c = 0; good && c < plan->n_chunks; c++) {
      hsize_t offset[FIELD_DIMENSIONS] = {(hsize_t)(c * plan->chunk)};
      int64_t size = writer->sizes[plan->base + c];
      int64_t address = store_file_reserve(id, offset, (uint32_t)(size & 7), size >> 3);
      writer->addresses[plan->base + c] = address;
      good = address >= 0;
    }
    if (H5Dclose(id) < 0 || !good) return written(writer, false);
  }
  return written(writer, true);
}

/* ---- heads: rows that belong to a chunk that begins on a lower rank ---- */

/* The rank that holds an item. */
static int owner_of(const Plan *plan, int size, int64_t item) {
  int low = 0, high = size;
  while (high - low > 1) {
    int middle = (low + high) / 2;
    if (plan->at[middle] <= item)
      low = middle;
    else
      high = middle;
  }
  return low;
}

/* Bytes at the start of a rank's share that belong to a chunk of rank *to. */
static int64_t head_bytes(const Plan *plan, int size, int rank, int *to) {
  if (plan->kind != PLAN_CHUNKS || !plan->at) return 0;
  int64_t begin = plan->at[rank], end = plan->at[rank + 1];
  int64_t start = begin / plan->chunk * plan->chunk;
  if (begin == end || start == begin) return 0;
  *to = owner_of(plan, size, start);
  return (smaller(end, start + plan->chunk) - begin) * plan->row_bytes;
}

/* Heads of the batch, grouped by destination; each destination's in order of fields. */
static Status pack_heads(Writer *writer, uint8_t **send) {
  Status status = OK;
  int size = writer->comm->size, rank = writer->comm->rank, to = 0;
  int64_t *counts = writer->counts, total = 0, *cursor = NULL;
  memset(counts, 0, (size_t)size * sizeof *counts);
  for (int64_t p = writer->first; p < writer->last; p++) {
    int64_t bytes = head_bytes(&writer->plans[p], size, rank, &to);
    counts[to] += bytes;
    total += bytes;
  }
  TRY(NEW(send, total));
  TRY(NEW(&cursor, size));
  for (int r = 1; r < size; r++) cursor[r] = cursor[r - 1] + counts[r - 1];
  for (int64_t p = writer->first; p < writer->last; p++) {
    int64_t bytes = head_bytes(&writer->plans[p], size, rank, &to);
    if (bytes == 0) continue;
    memcpy(*send + cursor[to], writer->plans[p].field->data, (size_t)bytes);
    cursor[to] += bytes;
  }
done:
  memory_free(&cursor);
  return status;
}

static Status exchange_heads_all(Writer *writer) {
  Status status = OK;
  const Comm *comm = writer->comm;
  uint8_t *send = NULL;
  void *received = NULL;
  int64_t at = 0;
  int to = 0;
  if (comm->size == 1) return OK;
  Status local = pack_heads(writer, &send);
  if (local == OK) local = NEW(&writer->from, (writer->last - writer->first) * comm->size);
  AGREE(comm, local);
  TRY(comm_exchange_all(comm, send, writer->counts, 1, &received, writer->counts + comm->size));
  writer->received = received;
  for (int r = 0; r < comm->size; r++) {
    for (int64_t p = writer->first; p < writer->last; p++) {
      int64_t bytes = head_bytes(&writer->plans[p], comm->size, r, &to);
      if (bytes == 0 || to != comm->rank) continue;
      writer->from[(p - writer->first) * comm->size + r] = at;
      at += bytes;
    }
  }
done:
  memory_free(&send);
  return status;
}

/* ---- chunks of this rank ---- */

/* This rank's chunks of a plan: *first, *first + *step ... below *last. */
static void own_chunks(const Plan *plan, const Comm *comm, int64_t *first, int64_t *last,
                       int64_t *step) {
  *first = comm->rank;
  *last = plan->n_chunks;
  *step = comm->size;
  if (!plan->at) return;
  *first = (plan->at[comm->rank] + plan->chunk - 1) / plan->chunk;
  *last = (plan->at[comm->rank + 1] + plan->chunk - 1) / plan->chunk;
  *step = 1;
}

/* The bytes of a chunk: in place when they are all here, else gathered and padded with zeros. */
static const uint8_t *chunk_bytes(Writer *writer, int64_t p, int64_t c) {
  const Plan *plan = &writer->plans[p];
  int rank = writer->comm->rank, size = writer->comm->size;
  int64_t start = c * plan->chunk, stop = smaller(start + plan->chunk, plan->shape[0]);
  int64_t begin = plan->at ? plan->at[rank] : 0;
  int64_t end = plan->at ? plan->at[rank + 1] : plan->shape[0];
  const uint8_t *data = (const uint8_t *)plan->field->data + (start - begin) * plan->row_bytes;
  if (stop <= end && stop - start == plan->chunk) return data;
  uint8_t *to = writer->gathered;
  memset(to, 0, (size_t)(plan->chunk * plan->row_bytes));
  memcpy(to, data, (size_t)((smaller(stop, end) - start) * plan->row_bytes));
  for (int r = rank + 1; plan->at && r < size && plan->at[r] < stop; r++) {
    int64_t bytes = (smaller(plan->at[r + 1], stop) - plan->at[r]) * plan->row_bytes;
    const uint8_t *head = writer->received + writer->from[(p - writer->first) * size + r];
    if (bytes > 0) memcpy(to + (plan->at[r] - start) * plan->row_bytes, head, (size_t)bytes);
  }
  return to;
}

static Status encode_plan(Writer *writer, int64_t p, int64_t *used) {
  Status status = OK;
  const Plan *plan = &writer->plans[p];
  int64_t first = 0, last = 0, step = 1, bytes = 0;
  uint32_t mask = 0;
  own_chunks(plan, writer->comm, &first, &last, &step);
  for (int64_t c = first; c < last; c += step) {
    TRY(codec_encode(&writer->codec, chunk_bytes(writer, p, c), plan->chunk * plan->row_bytes,
                     plan->field->type, writer->packed + *used, &bytes, &mask));
    writer->sizes[plan->base + c] = bytes << 3 | mask;
    writer->pieces[writer->n_pieces++] = (Piece){plan->base + c, *used};
    *used += bytes;
  }
done:
  return status;
}

/* Room for this rank's part of the batch. */
static Status make_batch_room(Writer *writer) {
  Status status = OK;
  int64_t largest = 0, bytes = 0, pieces = 0;
  writer->n_chunks = 0;
  for (int64_t p = writer->first; p < writer->last; p++) {
    Plan *plan = &writer->plans[p];
    if (plan->kind != PLAN_CHUNKS) continue;
    plan->base = writer->n_chunks;
    writer->n_chunks += plan->n_chunks;
    int64_t chunk = plan->chunk * plan->row_bytes, first = 0, last = 0, step = 1;
    own_chunks(plan, writer->comm, &first, &last, &step);
    int64_t own = last > first ? (last - first + step - 1) / step : 0;
    pieces += own;
    bytes += own * (chunk + 4); /* codec_encode wants 4 more than there is */
    largest = largest > chunk ? largest : chunk;
  }
  TRY(NEW(&writer->sizes, writer->n_chunks));
  TRY(NEW(&writer->addresses, writer->n_chunks));
  TRY(RESERVE(&writer->pieces, &writer->pieces_capacity, pieces));
  TRY(store_buffer(&writer->gathered, &writer->gathered_capacity, largest));
  TRY(store_buffer(&writer->packed, &writer->packed_capacity, bytes));
done:
  return status;
}

static Status encode_batch(Writer *writer) {
  Status status = OK;
  int64_t used = 0;
  writer->n_pieces = 0;
  for (int64_t p = writer->first; p < writer->last; p++)
    if (writer->plans[p].kind == PLAN_CHUNKS) TRY(encode_plan(writer, p, &used));
done:
  return status;
}

static Status put_pieces(Writer *writer) {
  for (int64_t i = 0; i < writer->n_pieces; i++) {
    const Piece *piece = &writer->pieces[i];
    if (!store_file_put(writer->fd, writer->packed + piece->at, writer->sizes[piece->number] >> 3,
                        writer->addresses[piece->number]))
      return cannot_write(writer, errno);
  }
  return OK;
}

static void clear_batch(Writer *writer) {
  memory_free(&writer->sizes);
  memory_free(&writer->addresses);
  memory_free(&writer->from);
  memory_free(&writer->received);
}

static Status write_batch_all(Writer *writer) {
  Status status = OK;
  const Comm *comm = writer->comm;
  AGREE(comm, make_batch_room(writer));
  if (writer->n_chunks == 0) goto done;
  TRY(exchange_heads_all(writer));
  AGREE(comm, encode_batch(writer));
  comm_sum_all(comm, writer->sizes, writer->n_chunks);
  AGREE(comm, comm->rank == 0 ? reserve_places(writer) : OK);
  comm_broadcast_all(comm, 0, writer->addresses,
                     (size_t)writer->n_chunks * sizeof *writer->addresses);
  AGREE(comm, put_pieces(writer));
done:
  clear_batch(writer);
  return status;
}

/* Fields in order, as many as fit into a batch, at least one. Same on all ranks. */
static Status write_chunks_all(Writer *writer) {
  Status status = OK;
  for (writer->first = 0; writer->first < writer->n; writer->first = writer->last) {
    int64_t bytes = 0;
    writer->last = writer->first;
    do {
      const Plan *plan = &writer->plans[writer->last++];
      bytes += plan->n_chunks * plan->chunk * plan->row_bytes;
    } while (writer->last < writer->n && bytes / writer->comm->size < BATCH_BYTES);
    TRY(write_batch_all(writer));
  }
done:
  return status;
}

/* ---- opening and closing ---- */

static Status open_chunks(Writer *writer) {
  errno = EIO;
  if (!fault_hit(FAULT_WRITE)) writer->fd = open(writer->temporary, O_WRONLY | O_CLOEXEC);
  return writer->fd >= 0 ? OK : cannot_write(writer, errno);
}

/* Rank 0 leaves the syncing to the driver, which closes last. */
static Status close_chunks(Writer *writer) {
  bool good = writer->comm->rank == 0 || store_file_sync(writer->fd);
  int reason = errno;
  bool closed = store_file_close(writer->fd);
  if (good) reason = errno;
  writer->fd = -1;
  return good && closed ? OK : cannot_write(writer, reason);
}

static Status finish_file(Writer *writer) {
  bool good = H5Fclose(writer->file) >= 0;
  writer->file = -1;
  if (written(writer, good) != OK) return IO;
  errno = EIO;
  if (fault_hit(FAULT_WRITE) || rename(writer->temporary, writer->path) != 0)
    return cannot_write(writer, errno);
  writer->created = false;
  file_sync_folder_of(writer->path);
  return OK;
}

static void clear_writer(Writer *writer) {
  if (writer->fd >= 0) close(writer->fd);
  if (writer->file >= 0) {
    store_file_abandon();
    H5Fclose(writer->file);
  }
  if (writer->created) unlink(writer->temporary);
  codec_clear(&writer->codec);
  memory_free(&writer->plans);
  memory_free(&writer->at);
  memory_free(&writer->counts);
  memory_free(&writer->gathered);
  memory_free(&writer->packed);
  memory_free(&writer->pieces);
}

Status store_write_all(const Comm *comm, const char *path, const StoreTexts *texts,
                       const Fields *fields, const Rows *rows) {
  Status status = OK;
  Writer writer = {.comm = comm, .path = path, .file = -1, .fd = -1};
  store_file_begin();
  snprintf(writer.temporary, sizeof writer.temporary, "%s.tmp", path);
  AGREE(comm, check_fields(&writer, fields, rows));
  TRY(plan_all(&writer, fields));
  AGREE(comm, comm->rank == 0 ? begin_file(&writer, texts, rows) : OK);
  AGREE(comm, open_chunks(&writer));
  TRY(write_chunks_all(&writer));
  AGREE(comm, close_chunks(&writer));
  AGREE(comm, comm->rank == 0 ? finish_file(&writer) : OK);
done:
  clear_writer(&writer);
  return status;
}
