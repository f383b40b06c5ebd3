/* The catalogue of an artifact: what rank 0 finds out for all ranks.
 *
 * HDF5's metadata is read once, by rank 0: names, types, shapes, the bytes of small fields, and of
 * every chunk its address and length. With that any rank can get its rows by pread, without HDF5.
 * Everything is distrusted: a type, layout or filter that store_write.c does not write, a chunk
 * that is missing or would reach beyond the end of its file, a shape whose bytes could not come
 * from such chunks, is a FORMAT failure before memory is taken for it. */
#define _GNU_SOURCE
#include "store_internal.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernels/base/memory.h"

enum { DEPTH = 32 };

typedef struct Reader {
  const char *path;
  hid_t file;
  Catalogue *out;
  StoreTexts *texts;
  int64_t texts_capacity;
  bool arrays;
  Status status;                 /* of a visit, as HDF5 only passes on "stop" */
  int depth;                     /* of groups */
  char prefix[STORE_NAME_BYTES]; /* path of the group being visited, with its last '/' */
  /* the linked file opened last */
  hid_t linked;
  char linked_path[PATH_MAX];
} Reader;

void catalogue_clear(Catalogue *catalogue) {
  memory_free(&catalogue->entries);
  memory_free(&catalogue->places);
  memory_free(&catalogue->pool);
  *catalogue = (Catalogue){0};
}

/* ---- failures ---- */

static Status cannot_read(const char *path) {
  return status_fail(IO, "%s: cannot be read: %s", path, strerror(store_file_error()));
}

/* HDF5 failed at a field: the system's reason if there was one, else damage. */
static Status damaged(const Reader *reader, const char *name, const char *what) {
  if (store_file_error() != 0) return cannot_read(reader->path);
  return store_damaged(reader->path, "\"%s\" %s", name, what);
}

/* ---- the pool ---- */

/* Zeroed room of n bytes. */
static Status pool_take(Catalogue *catalogue, int64_t n, int64_t *at) {
  int64_t start = (catalogue->n_pool + 7) / 8 * 8;
  Status status = RESERVE(&catalogue->pool, &catalogue->pool_capacity, start + n);
  if (status != OK) return status;
  *at = start;
  catalogue->n_pool = start + n;
  return OK;
}

static Status pool_text(Catalogue *catalogue, const char *text, int64_t *at) {
  int64_t n = (int64_t)strlen(text) + 1;
  Status status = pool_take(catalogue, n, at);
  if (status == OK) memcpy(catalogue->pool + *at, text, (size_t)n);
  return status;
}

/* ---- data sets ---- */

static bool type_of(hid_t dataset, FieldType *out) {
  hid_t type = H5Dget_type(dataset);
  bool found = false;
  for (int i = 0; !found && type >= 0 && i < FIELD_TYPES; i++) {
    found = H5Tequal(type, store_type((FieldType)i)) > 0;
    if (found) *out = (FieldType)i;
  }
  if (type >= 0) H5Tclose(type);
  return found;
}

/* Extents, and *bytes of the whole, which fits into 62 bits. */
static bool shape_of(hid_t dataset, Entry *entry, int64_t *bytes) {
  hsize_t shape[H5S_MAX_RANK];
  hid_t space = H5Dget_space(dataset);
  int n = space >= 0 ? H5Sget_simple_extent_ndims(space) : -1;
  H5S_class_t kind = space >= 0 ? H5Sget_simple_extent_type(space) : H5S_NO_CLASS;
  bool good = (kind == H5S_SCALAR || kind == H5S_SIMPLE) && n >= 0 && n <= FIELD_DIMENSIONS &&
              H5Sget_simple_extent_dims(space, shape, NULL) == n;
  if (space >= 0) H5Sclose(space);
  *bytes = (int64_t)field_item_size(entry->type);
  entry->dimensions = n;
  for (int i = 0; good && i < n; i++) {
    good = shape[i] <= (hsize_t)INT64_MAX / 2;
    entry->shape[i] = good ? (int64_t)shape[i] : 0;
    good =
        good && !__builtin_mul_overflow(*bytes, entry->shape[i] > 0 ? entry->shape[i] : 1, bytes);
  }
  good = good && *bytes <= INT64_MAX / 2;
  for (int i = 0; good && i < n; i++)
    if (entry->shape[i] == 0) *bytes = 0;
  return good;
}

/* What a data set's attribute "spread" says. */
static bool spread_of(hid_t dataset, StoreSpread *out) {
  char word[16] = "";
  *out = SPREAD_NONE;
  htri_t exists = H5Aexists(dataset, "spread");
  if (exists <= 0) return exists == 0;
  hid_t id = H5Aopen(dataset, "spread", H5P_DEFAULT);
  hid_t type = id >= 0 ? H5Aget_type(id) : -1;
  hid_t space = id >= 0 ? H5Aget_space(id) : -1;
  bool good = type >= 0 && space >= 0 && H5Tget_class(type) == H5T_STRING &&
              H5Tis_variable_str(type) == 0 && H5Tget_size(type) < sizeof word &&
              H5Sget_simple_extent_npoints(space) == 1 && H5Aread(id, type, word) >= 0;
  if (space >= 0) H5Sclose(space);
  if (type >= 0) H5Tclose(type);
  if (id >= 0) H5Aclose(id);
  if (strcmp(word, "rows") == 0)
    *out = SPREAD_ROWS;
  else if (strcmp(word, "ragged") == 0)
    *out = SPREAD_RAGGED;
  return good && *out != SPREAD_NONE;
}

static Status locate_chunks(Reader *reader, hid_t dataset, Entry *entry) {
  Catalogue *out = reader->out;
  const char *name = out->pool + entry->name;
  entry->first = out->n_places;
  entry->n_chunks = (entry->shape[0] - 1) / entry->chunk + 1;
  for (int64_t c = 0; c < entry->n_chunks; c++) {
    hsize_t offset[FIELD_DIMENSIONS] = {(hsize_t)(c * entry->chunk)};
    uint32_t mask = 0;
    Place place;
    if (!store_file_locate(dataset, offset, &place.address, &place.bytes, &mask))
      return damaged(reader, name, "lacks a part of its data");
    place.mask = mask;
    if (RESERVE(&out->places, &out->places_capacity, out->n_places + 1) != OK) return MEMORY;
    out->places[out->n_places++] = place;
  }
  return OK;
}

/* A field in chunks: those of store_write.c, whole in all dimensions but the first. */
static Status describe_chunks(Reader *reader, hid_t dataset, hid_t list, Entry *entry) {
  hsize_t chunk[H5S_MAX_RANK];
  const char *name = reader->out->pool + entry->name;
  bool good = entry->dimensions > 0 &&
              H5Pget_chunk(list, H5S_MAX_RANK, chunk) == entry->dimensions && chunk[0] >= 1 &&
              chunk[0] <= (hsize_t)entry->shape[0] && codec_filters_match(list, entry->type);
  for (int i = 1; good && i < entry->dimensions; i++) good = chunk[i] == (hsize_t)entry->shape[i];
  if (!good) return damaged(reader, name, "is not laid out as this program writes it");
  entry->data = -1;
  entry->chunk = (int64_t)chunk[0];
  return locate_chunks(reader, dataset, entry);
}

/* A small field: its bytes go into the pool. */
static Status take_small(Reader *reader, hid_t dataset, Entry *entry, int64_t bytes) {
  Catalogue *out = reader->out;
  if (bytes > 2 * STORE_COMPACT_BYTES || H5Dget_storage_size(dataset) != (hsize_t)bytes)
    return damaged(reader, out->pool + entry->name, "does not have the bytes of its shape");
  if (pool_take(out, bytes, &entry->data) != OK) return MEMORY;
  if (bytes > 0 && H5Dread(dataset, store_type(entry->type), H5S_ALL, H5S_ALL, H5P_DEFAULT,
                           out->pool + entry->data) < 0)
    return damaged(reader, out->pool + entry->name, "cannot be read");
  return OK;
}

static Status describe_dataset(Reader *reader, hid_t dataset, Entry *entry) {
  const char *name = reader->out->pool + entry->name;
  int64_t bytes = 0;
  if (!type_of(dataset, &entry->type)) return damaged(reader, name, "has no type of ours");
  if (!shape_of(dataset, entry, &bytes)) return damaged(reader, name, "has an impossible shape");
  if (!spread_of(dataset, &entry->spread) ||
      (entry->spread != SPREAD_NONE && entry->dimensions == 0))
    return damaged(reader, name, "has an unknown attribute \"spread\"");
  hid_t list = H5Dget_create_plist(dataset);
  H5D_layout_t layout = list >= 0 ? H5Pget_layout(list) : H5D_LAYOUT_ERROR;
  Status status = OK;
  if (bytes == 0)
    entry->data = entry->spread == SPREAD_NONE ? 0 : -1;
  else if (layout == H5D_CHUNKED)
    status = describe_chunks(reader, dataset, list, entry);
  else if (layout == H5D_COMPACT && entry->spread == SPREAD_NONE)
    status = take_small(reader, dataset, entry, bytes);
  else
    status = damaged(reader, name, "is not laid out as this program writes it");
  if (list >= 0) H5Pclose(list);
  return status;
}

/* ---- texts ---- */

static Status append_text(Reader *reader, const char *name, char *text) {
  StoreTexts *texts = reader->texts;
  StoreText item = {.text = text};
  if (RESERVE(&texts->items, &reader->texts_capacity, texts->n + 1) != OK ||
      memory_text(&item.name, name) != OK) {
    memory_free(&text);
    return MEMORY;
  }
  texts->items[texts->n++] = item;
  return OK;
}

static Status take_text(Reader *reader, hid_t dataset, const char *path, const char *name) {
  hid_t type = H5Dget_type(dataset), space = H5Dget_space(dataset);
  char *text = NULL;
  Status status = OK;
  bool good = type >= 0 && space >= 0 && H5Tget_class(type) == H5T_STRING &&
              H5Tis_variable_str(type) == 0 && H5Sget_simple_extent_npoints(space) == 1;
  int64_t n = good ? (int64_t)H5Tget_size(type) : 0;
  /* The stored bytes bound what the type may claim, see RATIO in store_chunk.c. */
  good = good && n >= 0 && n / 1032 <= (int64_t)H5Dget_storage_size(dataset);
  if (!good)
    status = damaged(reader, path, "is no text");
  else if (NEW(&text, n + 1) != OK)
    status = MEMORY;
  else if (H5Dread(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, text) < 0)
    status = damaged(reader, path, "cannot be read");
  else
    status = append_text(reader, name, text);
  if (status != OK && status != MEMORY) memory_free(&text);
  if (type >= 0) H5Tclose(type);
  if (space >= 0) H5Sclose(space);
  return status;
}

/* ---- the tree ---- */

static Status add_entry(Reader *reader, hid_t dataset, const char *path, const char *file,
                        const char *target) {
  Catalogue *out = reader->out;
  Entry entry = {.data = -1};
  if (pool_text(out, path, &entry.name) != OK || pool_text(out, file, &entry.file) != OK ||
      pool_text(out, target, &entry.target) != OK)
    return MEMORY;
  Status status = describe_dataset(reader, dataset, &entry);
  if (status != OK) return status;
  if (RESERVE(&out->entries, &out->capacity, out->n + 1) != OK) return MEMORY;
  out->entries[out->n++] = entry;
  return OK;
}

/* Open the file that a link names, which lies beside ours. */
static Status open_linked(Reader *reader, const char *path, const char *file) {
  char whole[PATH_MAX];
  int folder = (int)(store_base(reader->path) - reader->path);
  if (snprintf(whole, sizeof whole, "%.*s%s", folder, reader->path, file) >= (int)sizeof whole)
    return damaged(reader, path, "is a link to a file with an impossible name");
  if (reader->linked >= 0 && strcmp(whole, reader->linked_path) == 0) return OK;
  if (reader->linked >= 0) H5Fclose(reader->linked);
  memcpy(reader->linked_path, whole, sizeof whole);
  reader->linked = store_file_open(whole);
  if (reader->linked >= 0) return OK;
  if (store_file_error() != 0)
    return status_fail(IO, "%s: \"%s\" stands in %s, which cannot be read: %s", reader->path, path,
                       whole, strerror(store_file_error()));
  return store_damaged(whole, "is damaged or no HDF5 file, and %s needs it", reader->path);
}

/* A link of a link is not followed: store_write_all writes none. */
static Status take_link(Reader *reader, hid_t group, const char *path, const char *name,
                        size_t bytes) {
  char value[PATH_MAX + STORE_NAME_BYTES];
  const char *file = NULL, *target = NULL;
  unsigned flags = 0;
  H5L_info_t info;
  if (bytes > sizeof value || H5Lget_val(group, name, value, sizeof value, H5P_DEFAULT) < 0 ||
      H5Lunpack_elink_val(value, bytes, &flags, &file, &target) < 0 ||
      strlen(target) >= STORE_NAME_BYTES)
    return damaged(reader, path, "is a damaged link");
  Status status = open_linked(reader, path, file);
  if (status != OK) return status;
  bool hard =
      H5Lget_info(reader->linked, target, &info, H5P_DEFAULT) >= 0 && info.type == H5L_TYPE_HARD;
  hid_t dataset = hard ? H5Dopen2(reader->linked, target, H5P_DEFAULT) : -1;
  if (dataset < 0) return damaged(reader, path, "is a link to nothing");
  status = add_entry(reader, dataset, path, reader->linked_path, target);
  H5Dclose(dataset);
  return status;
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *info, void *context);

/* The members of a group, in order of name. */
static Status visit_group(Reader *reader, hid_t group, const char *name) {
  size_t used = strlen(reader->prefix), n = strlen(name);
  if (used + n + 2 > sizeof reader->prefix || reader->depth >= DEPTH)
    return damaged(reader, reader->prefix, "holds groups that are too deep");
  memcpy(reader->prefix + used, name, n + 1);
  if (n > 0) memcpy(reader->prefix + used + n, "/", 2);
  reader->depth++;
  herr_t result = H5Literate(group, H5_INDEX_NAME, H5_ITER_INC, NULL, visit_link, reader);
  reader->depth--;
  if (reader->status == OK && result < 0)
    reader->status = damaged(reader, reader->prefix, "cannot be read");
  reader->prefix[used] = 0;
  return reader->status;
}

/* A group, a text or a field of this file. */
static Status take_object(Reader *reader, hid_t group, const char *path, const char *name) {
  static const char texts[] = STORE_TEXTS "/";
  bool text = strncmp(path, texts, sizeof texts - 1) == 0;
  bool above = strcmp(path, STORE_TEXTS) == 0;
  if ((text || above) ? !reader->texts : !reader->arrays) return OK;
  hid_t object = H5Oopen(group, name, H5P_DEFAULT);
  H5I_type_t kind = object >= 0 ? H5Iget_type(object) : H5I_BADID;
  Status status = OK;
  if (kind == H5I_GROUP)
    status = visit_group(reader, object, name);
  else if (kind != H5I_DATASET)
    status = damaged(reader, path, "cannot be opened");
  else if (text)
    status = take_text(reader, object, path, path + sizeof texts - 1);
  else
    status = add_entry(reader, object, path, reader->path, path);
  if (object >= 0) H5Oclose(object);
  return status;
}

static herr_t visit_link(hid_t group, const char *name, const H5L_info_t *info, void *context) {
  Reader *reader = context;
  char path[STORE_NAME_BYTES];
  if (snprintf(path, sizeof path, "%s%s", reader->prefix, name) >= (int)sizeof path)
    reader->status = damaged(reader, reader->prefix, "holds a name that is too long");
  else if (info->type == H5L_TYPE_HARD)
    reader->status = take_object(reader, group, path, name);
  else if (info->type != H5L_TYPE_EXTERNAL)
    reader->status = damaged(reader, path, "is a link of a kind that this program does not write");
  else if (reader->arrays)
    reader->status = take_link(reader, group, path, name, info->u.val_size);
  return reader->status == OK ? 0 : -1;
}

/* ---- the root ---- */

static bool take_number(hid_t file, const char *name, int64_t *out) {
  hid_t id = H5Aexists(file, name) > 0 ? H5Aopen(file, name, H5P_DEFAULT) : -1;
  if (id < 0) return false;
  hid_t type = H5Aget_type(id), space = H5Aget_space(id);
  bool good = type >= 0 && space >= 0 && H5Tget_class(type) == H5T_INTEGER &&
              H5Sget_simple_extent_npoints(space) == 1 && H5Aread(id, H5T_NATIVE_INT64, out) >= 0;
  if (type >= 0) H5Tclose(type);
  if (space >= 0) H5Sclose(space);
  H5Aclose(id);
  return good;
}

static Status open_artifact(Reader *reader) {
  reader->file = store_file_open(reader->path);
  if (reader->file >= 0) return OK;
  if (store_file_error() != 0) return cannot_read(reader->path);
  return store_damaged(reader->path, "is no artifact: not an HDF5 file, cut off or damaged");
}

static Status check_root(Reader *reader) {
  Catalogue *out = reader->out;
  int64_t version = 0;
  if (!take_number(reader->file, "segue_store_version", &version)) {
    if (store_file_error() != 0) return cannot_read(reader->path);
    return store_damaged(reader->path, "is no artifact: an HDF5 file of something else");
  }
  if (version != STORE_VERSION)
    return store_damaged(reader->path, "is of store version %lld; this program reads version %d",
                         (long long)version, STORE_VERSION);
  bool good = take_number(reader->file, "n_global", &out->n_global) &&
              take_number(reader->file, "block", &out->block);
  int64_t n = out->n_global, block = out->block;
  if (good && n == -1) return OK;
  if (good && n >= 0 && n <= INT64_MAX / 4096 && block >= 1 && block <= 1 << 30) return OK;
  return damaged(reader, "n_global", "and \"block\" are no rows");
}

/* Fields by rows have as many as the artifact. */
static Status check_rows(const Reader *reader) {
  const Catalogue *out = reader->out;
  for (int64_t i = 0; i < out->n; i++) {
    const Entry *entry = &out->entries[i];
    if (entry->spread == SPREAD_NONE) continue;
    if (out->n_global < 0 || (entry->spread == SPREAD_ROWS && entry->shape[0] != out->n_global))
      return store_damaged(reader->path, "\"%s\" has %lld items for %lld rows",
                           out->pool + entry->name, (long long)entry->shape[0],
                           (long long)out->n_global);
  }
  return OK;
}

Status catalogue_read(const char *path, bool arrays, StoreTexts *texts, Catalogue *out) {
  Status status = OK;
  int64_t zero = 0;
  Reader reader = {
      .path = path, .file = -1, .linked = -1, .out = out, .texts = texts, .arrays = arrays};
  *out = (Catalogue){.n_global = -1};
  if (texts) *texts = (StoreTexts){0};
  store_file_begin();
  TRY(open_artifact(&reader));
  TRY(check_root(&reader));
  TRY(pool_take(out, 8, &zero)); /* what fields of no bytes point to */
  TRY(visit_group(&reader, reader.file, ""));
  TRY(check_rows(&reader));
  /* HDF5 passes over some failed reads, as "there is no such attribute". */
  if (store_file_error() != 0) status = cannot_read(path);
done:
  if (reader.linked >= 0) H5Fclose(reader.linked);
  if (reader.file >= 0) H5Fclose(reader.file);
  return status;
}
