/* Reading an artifact onto any number of ranks.
 *
 * Rank 0 reads the catalogue (store_catalogue.c) and broadcasts it; then every rank gets the
 * chunks that overlap its rows with pread and decodes them, and all of a replicated field's. The
 * share of a ragged field follows from the lengths of its rows, so those are read first. No step
 * is collective inside HDF5; each ends in an agreement.
 * Rejected: every rank opening the file with HDF5: the same metadata read once per rank. */
#define _GNU_SOURCE
#include "store_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernels/base/fault.h"
#include "kernels/base/memory.h"

/* This rank's way to the chunks of a file. */
typedef struct Source {
  const char *path; /* in the catalogue's pool; equal texts may stand at several places */
  int fd;
  int64_t bytes;
} Source;

typedef struct Loader {
  const Comm *comm;
  const char *path;
  const Catalogue *catalogue;
  Rows rows;
  Source source; /* the one used last */
  Codec codec;
  uint8_t *packed, *raw;
  int64_t packed_capacity, raw_capacity;
} Loader;

static const char *name_of(const Loader *loader, const Entry *entry) {
  return loader->catalogue->pool + entry->name;
}

/* ---- broadcasting ---- */

static Status make_arrays(Catalogue *catalogue) {
  Status status = OK;
  TRY(NEW(&catalogue->entries, catalogue->n));
  TRY(NEW(&catalogue->places, catalogue->n_places));
  TRY(NEW(&catalogue->pool, catalogue->n_pool));
done:
  return status;
}

static Status broadcast_catalogue_all(const Comm *comm, Catalogue *catalogue) {
  Status status = OK;
  Catalogue head = *catalogue;
  comm_broadcast_all(comm, 0, &head, sizeof head);
  if (comm->rank != 0)
    *catalogue = (Catalogue){.n_global = head.n_global,
                             .block = head.block,
                             .n = head.n,
                             .n_places = head.n_places,
                             .n_pool = head.n_pool};
  AGREE(comm, comm->rank != 0 ? make_arrays(catalogue) : OK);
  comm_broadcast_all(comm, 0, catalogue->entries, (size_t)head.n * sizeof *catalogue->entries);
  comm_broadcast_all(comm, 0, catalogue->places, (size_t)head.n_places * sizeof *catalogue->places);
  comm_broadcast_all(comm, 0, catalogue->pool, (size_t)head.n_pool);
done:
  return status;
}

/* Names and texts one after the other, each with its NUL. */
static Status join_texts(const StoreTexts *texts, char **out, int64_t *bytes) {
  *bytes = 0;
  for (int64_t i = 0; i < texts->n; i++)
    *bytes += (int64_t)(strlen(texts->items[i].name) + strlen(texts->items[i].text)) + 2;
  if (NEW(out, *bytes) != OK) return MEMORY;
  char *at = *out;
  for (int64_t i = 0; i < texts->n; i++) {
    at = stpcpy(at, texts->items[i].name) + 1;
    at = stpcpy(at, texts->items[i].text) + 1;
  }
  return OK;
}

static Status split_texts(const char *joined, int64_t n, StoreTexts *texts) {
  Status status = OK;
  *texts = (StoreTexts){0};
  TRY(NEW(&texts->items, n));
  for (; texts->n < n; texts->n++) {
    StoreText *item = &texts->items[texts->n];
    TRY(memory_text(&item->name, joined));
    joined += strlen(joined) + 1;
    if ((status = memory_text(&item->text, joined)) != OK) {
      memory_free(&item->name);
      goto done;
    }
    joined += strlen(joined) + 1;
  }
done:
  return status;
}

static Status broadcast_texts_all(const Comm *comm, StoreTexts *texts) {
  Status status = OK;
  int64_t head[2] = {texts->n, 0};
  char *joined = NULL;
  AGREE(comm, comm->rank == 0 ? join_texts(texts, &joined, &head[1]) : OK);
  comm_broadcast_all(comm, 0, head, sizeof head);
  AGREE(comm, comm->rank != 0 ? NEW(&joined, head[1]) : OK);
  comm_broadcast_all(comm, 0, joined, (size_t)head[1]);
  AGREE(comm, comm->rank != 0 ? split_texts(joined, head[0], texts) : OK);
done:
  memory_free(&joined);
  return status;
}

/* ---- chunks ---- */

static Status cannot_read(const char *path) {
  if (errno == 0) return store_damaged(path, "is cut off");
  return status_fail(IO, "%s: cannot be read: %s", path, strerror(errno));
}

static Status open_source(Loader *loader, const char *path) {
  Source *source = &loader->source;
  struct stat info;
  if (source->fd >= 0 && strcmp(source->path, path) == 0) return OK;
  if (source->fd >= 0) close(source->fd);
  *source = (Source){.path = path, .fd = -1};
  errno = EIO;
  if (!fault_hit(FAULT_READ)) source->fd = open(path, O_RDONLY | O_CLOEXEC);
  if (source->fd < 0 || fstat(source->fd, &info) != 0) return cannot_read(path);
  source->bytes = info.st_size;
  return OK;
}

/* Can so many bytes come from this chunk? Distrust before memory is taken; see RATIO. */
static bool place_fits(const Loader *loader, const Place *place, int64_t raw) {
  return place->address >= 0 && place->bytes >= 0 && place->bytes <= loader->source.bytes &&
         place->address <= loader->source.bytes - place->bytes && raw / 1032 <= place->bytes;
}

/* Decode chunk c of an entry to raw, which has room for the whole chunk. */
static Status read_chunk(Loader *loader, const Entry *entry, int64_t c, uint8_t *raw,
                         int64_t bytes) {
  Status status = OK;
  const Place *place = &loader->catalogue->places[entry->first + c];
  const char *file = loader->source.path;
  bool sound = false;
  TRY(store_buffer(&loader->packed, &loader->packed_capacity, place->bytes));
  if (!store_file_get(loader->source.fd, loader->packed, place->bytes, place->address))
    return cannot_read(file);
  TRY(codec_decode(&loader->codec, loader->packed, place->bytes, (uint32_t)place->mask, entry->type,
                   raw, bytes, &sound));
  if (!sound)
    status =
        store_damaged(file, "field \"%s\" is damaged", loader->catalogue->pool + entry->target);
done:
  return status;
}

static Status check_places(Loader *loader, const Entry *entry, int64_t chunk_bytes) {
  for (int64_t c = 0; c < entry->n_chunks; c++) {
    if (place_fits(loader, &loader->catalogue->places[entry->first + c], chunk_bytes)) continue;
    return store_damaged(loader->source.path, "is cut off: field \"%s\" reaches beyond its end",
                         loader->catalogue->pool + entry->target);
  }
  return OK;
}

/* Items begin .. begin + n - 1 of an entry in chunks. */
static Status read_range(Loader *loader, const Entry *entry, int64_t begin, int64_t n,
                         int64_t row_bytes, uint8_t *data) {
  Status status = OK;
  int64_t chunk = entry->chunk, bytes = chunk * row_bytes, end = begin + n;
  for (int64_t start = begin / chunk * chunk; start < end; start += chunk) {
    bool whole = start >= begin && start + chunk <= end;
    uint8_t *to = data + (start - begin) * row_bytes;
    if (!whole) {
      TRY(store_buffer(&loader->raw, &loader->raw_capacity, bytes));
      to = loader->raw;
    }
    TRY(read_chunk(loader, entry, start / chunk, to, bytes));
    if (whole) continue;
    int64_t from = start > begin ? start : begin, stop = start + chunk < end ? start + chunk : end;
    memcpy(data + (from - begin) * row_bytes, to + (from - start) * row_bytes,
           (size_t)((stop - from) * row_bytes));
  }
done:
  return status;
}

/* ---- fields ---- */

/* "FILE:PATH" of where the bytes stand; none when FILE could not be told from PATH. */
static Status give_origin(const Loader *loader, const Entry *entry, Field *field) {
  const char *file = store_base(loader->catalogue->pool + entry->file);
  const char *target = loader->catalogue->pool + entry->target;
  if (strchr(file, ':')) return OK;
  if (NEW(&field->origin, (int64_t)(strlen(file) + strlen(target)) + 2) != OK) return MEMORY;
  stpcpy(stpcpy(stpcpy(field->origin, file), ":"), target);
  return OK;
}

/* Items begin .. begin + n - 1 of the first extent become a field of out. */
static Status read_field(Loader *loader, const Entry *entry, int64_t begin, int64_t n,
                         Fields *out) {
  Status status = OK;
  uint8_t *data = NULL;
  int64_t shape[FIELD_DIMENSIONS];
  memcpy(shape, entry->shape, sizeof shape);
  int64_t row_bytes = store_inner(entry->dimensions, shape) * (int64_t)field_item_size(entry->type);
  if (entry->dimensions > 0) shape[0] = n;
  if (entry->n_chunks > 0) {
    TRY(open_source(loader, loader->catalogue->pool + entry->file));
    TRY(check_places(loader, entry, entry->chunk * row_bytes));
  }
  TRY(NEW(&data, n * row_bytes));
  if (entry->n_chunks > 0)
    TRY(read_range(loader, entry, begin, n, row_bytes, data));
  else if (entry->data >= 0 && n * row_bytes > 0)
    memcpy(data, loader->catalogue->pool + entry->data, (size_t)(n * row_bytes));
  status = fields_append(out, name_of(loader, entry), entry->type, entry->dimensions, shape, data);
  data = NULL; /* taken over, also on failure */
  if (status != OK) goto done;
  out->items[out->n - 1].distributed = entry->spread != SPREAD_NONE;
  out->items[out->n - 1].ragged = entry->spread == SPREAD_RAGGED;
  TRY(give_origin(loader, entry, &out->items[out->n - 1]));
done:
  memory_free(&data);
  return status;
}

/* All but the ragged ones. */
static Status read_plain(Loader *loader, Fields *out) {
  Status status = OK;
  for (int64_t i = 0; i < loader->catalogue->n; i++) {
    const Entry *entry = &loader->catalogue->entries[i];
    if (entry->spread == SPREAD_RAGGED) continue;
    bool rows = entry->spread == SPREAD_ROWS;
    int64_t n = entry->dimensions > 0 ? entry->shape[0] : 1;
    TRY(read_field(loader, entry, rows ? loader->rows.begin : 0, rows ? loader->rows.n : n, out));
  }
done:
  return status;
}

/* This rank's items of each ragged entry, -1 when its lengths are none. */
static Status count_ragged(const Loader *loader, const Fields *out, int64_t *counts) {
  Status status = OK;
  const Field *length = NULL;
  for (int64_t i = 0, k = 0; i < loader->catalogue->n; i++) {
    const Entry *entry = &loader->catalogue->entries[i];
    if (entry->spread != SPREAD_RAGGED) continue;
    TRY(store_find_length(out, name_of(loader, entry), loader->rows.n, FORMAT, &length));
    counts[k] = store_length_sum(length);
    if (counts[k] < 0 || counts[k] > entry->shape[0])
      TRY(status_fail(FORMAT, "the lengths of \"%s\" do not fit", name_of(loader, entry)));
    k++;
  }
done:
  return status == FORMAT ? store_damaged(loader->path, "%s", status_message()) : status;
}

/* counts: size x k of all ranks. */
static Status read_ragged(Loader *loader, const int64_t *counts, int64_t k, Fields *out) {
  Status status = OK;
  int rank = loader->comm->rank;
  for (int64_t i = 0, j = 0; i < loader->catalogue->n; i++) {
    const Entry *entry = &loader->catalogue->entries[i];
    if (entry->spread != SPREAD_RAGGED) continue;
    int64_t begin = 0, total = 0;
    for (int r = 0; r < loader->comm->size; r++) {
      if (r == rank) begin = total;
      if (__builtin_add_overflow(total, counts[r * k + j], &total)) total = INT64_MIN;
    }
    if (total != entry->shape[0])
      return store_damaged(loader->path, "\"%s\" has %lld items, but its lengths sum to %lld",
                           name_of(loader, entry), (long long)entry->shape[0], (long long)total);
    TRY(read_field(loader, entry, begin, counts[rank * k + j], out));
    j++;
  }
done:
  return status;
}

static Status read_fields_all(Loader *loader, Fields *out) {
  Status status = OK;
  const Comm *comm = loader->comm;
  int64_t *mine = NULL, *counts = NULL, k = 0;
  for (int64_t i = 0; i < loader->catalogue->n; i++)
    k += loader->catalogue->entries[i].spread == SPREAD_RAGGED;
  AGREE(comm, read_plain(loader, out));
  if (k == 0) goto done;
  Status local = NEW(&mine, k);
  if (local == OK) local = NEW(&counts, k * comm->size);
  if (local == OK) local = count_ragged(loader, out, mine);
  AGREE(comm, local);
  comm_allgather_all(comm, mine, (size_t)k * sizeof *mine, counts);
  AGREE(comm, read_ragged(loader, counts, k, out));
done:
  memory_free(&mine);
  memory_free(&counts);
  return status;
}

Status store_read_all(const Comm *comm, const char *path, StoreTexts *texts, Fields *out,
                      Rows *rows) {
  Status status = OK;
  Catalogue catalogue = {0};
  Loader loader = {.comm = comm, .path = path, .catalogue = &catalogue, .source = {.fd = -1}};
  *texts = (StoreTexts){0};
  fields_init(out, FIELDS_IN);
  *rows = (Rows){.n_global = -1};
  AGREE(comm, comm->rank == 0 ? catalogue_read(path, true, texts, &catalogue) : OK);
  TRY(broadcast_catalogue_all(comm, &catalogue));
  TRY(broadcast_texts_all(comm, texts));
  if (catalogue.n_global >= 0) *rows = rows_share(comm, catalogue.n_global, catalogue.block);
  loader.rows = *rows;
  TRY(read_fields_all(&loader, out));
done:
  if (loader.source.fd >= 0) close(loader.source.fd);
  codec_clear(&loader.codec);
  memory_free(&loader.packed);
  memory_free(&loader.raw);
  catalogue_clear(&catalogue);
  return status;
}

Status store_read_texts_all(const Comm *comm, const char *path, StoreTexts *texts) {
  Status status = OK;
  Catalogue catalogue = {0};
  *texts = (StoreTexts){0};
  AGREE(comm, comm->rank == 0 ? catalogue_read(path, false, texts, &catalogue) : OK);
  TRY(broadcast_texts_all(comm, texts));
done:
  catalogue_clear(&catalogue);
  return status;
}
