/* The list of named arrays that saves, loads and hashes; see fields.h. */
#include "fields.h"

#include <stdio.h>
#include <string.h>

#include "memory.h"

static const size_t item_sizes[FIELD_TYPES] = {8, 4, 8, 4, 2, 1};

size_t field_item_size(FieldType type) { return item_sizes[type]; }

int64_t field_count(const Field *field) {
  int64_t count = 1;
  for (int i = 0; i < field->dimensions; i++) count *= field->shape[i];
  return count;
}

void fields_init(Fields *fields, FieldsMode mode) { *fields = (Fields){.mode = mode}; }

void fields_clear(Fields *fields) {
  for (int64_t i = 0; i < fields->n; i++) {
    Field *field = &fields->items[i];
    memory_free(&field->name);
    memory_free(&field->origin);
    if (field->owned) memory_release((void *)(uintptr_t)field->data);
  }
  memory_free(&fields->items);
  fields_init(fields, fields->mode);
}

/* A part that does not fit is counted in depth only; too_long tells. */
void fields_enter(Fields *fields, const char *part) {
  size_t used = strlen(fields->prefix);
  int depth = fields->depth++;
  if (depth >= FIELD_DEPTH) return;
  bool fits = used + strlen(part) + 2 <= sizeof fields->prefix;
  fields->begins[depth] = fits ? (int)used : -1;
  if (fits) snprintf(fields->prefix + used, sizeof fields->prefix - used, "%s/", part);
}

void fields_leave(Fields *fields) {
  int depth = --fields->depth;
  if (depth < FIELD_DEPTH && fields->begins[depth] >= 0) fields->prefix[fields->begins[depth]] = 0;
}

static bool too_long(const Fields *fields) {
  bool cut = fields->depth > FIELD_DEPTH;
  for (int i = 0; i < fields->depth && i < FIELD_DEPTH; i++) cut = cut || fields->begins[i] < 0;
  return cut;
}

const Field *fields_find(const Fields *fields, const char *path) {
  for (int64_t i = 0; i < fields->n; i++)
    if (strcmp(fields->items[i].name, path) == 0) return &fields->items[i];
  return NULL;
}

enum { PATH_BYTES = 640 };

static Status path_of(const Fields *fields, const char *name, char path[PATH_BYTES]) {
  int used = snprintf(path, PATH_BYTES, "%s%s", fields->prefix, name);
  if (used < PATH_BYTES && !too_long(fields)) return OK;
  return status_fail(INVALID, "the path of field \"%s\" is too long: \"%s\" ...", name,
                     fields->prefix);
}

/* Fields are mostly read in the order in which they were written. */
static Field *find_next(Fields *fields, const char *path) {
  for (int64_t i = 0; i < fields->n; i++) {
    int64_t at = (fields->next + i) % fields->n;
    if (strcmp(fields->items[at].name, path) != 0) continue;
    fields->next = at + 1;
    return &fields->items[at];
  }
  return NULL;
}

bool fields_has(const Fields *fields, const char *name, bool present) {
  char path[PATH_BYTES];
  if (fields->mode == FIELDS_IN && path_of(fields, name, path) != OK) return false;
  return fields->mode == FIELDS_OUT ? present : fields_find(fields, path) != NULL;
}

Status fields_append(Fields *fields, const char *path, FieldType type, int dimensions,
                     const int64_t *shape, void *data) {
  Status status = OK;
  Field field = {.type = type, .dimensions = dimensions, .data = data, .owned = true};
  for (int i = 0; i < dimensions; i++) field.shape[i] = shape[i];
  TRY(RESERVE(&fields->items, &fields->capacity, fields->n + 1));
  TRY(memory_text(&field.name, path));
  fields->items[fields->n++] = field;
done:
  if (status != OK) memory_release(data);
  return status;
}

/* Where a field's first extent lies. */
typedef enum Spread { REPLICATED, BY_ROWS, RAGGED } Spread;

static Status take_in(Fields *fields, const char *path, FieldType type, Spread spread, void *array,
                      int dimensions, int64_t *shape) {
  Field *field = find_next(fields, path);
  if (!field) return status_fail(FORMAT, "field \"%s\" is missing", path);
  bool same = field->type == type && field->dimensions == dimensions && field->data &&
              field->distributed == (spread != REPLICATED) && field->ragged == (spread == RAGGED);
  for (int i = 0; same && i < dimensions; i++) same = shape[i] < 0 || shape[i] == field->shape[i];
  if (!same) return status_fail(FORMAT, "field \"%s\" has an unexpected type or shape", path);
  memcpy(array, &field->data, sizeof field->data);
  field->data = NULL;
  for (int i = 0; i < dimensions; i++) shape[i] = field->shape[i];
  return OK;
}

static Status visit(Fields *fields, const char *name, FieldType type, Spread spread, void *array,
                    int dimensions, int64_t *shape) {
  char path[PATH_BYTES];
  Status status = path_of(fields, name, path);
  if (status != OK) return status;
  if (fields->mode == FIELDS_IN)
    return take_in(fields, path, type, spread, array, dimensions, shape);
  void *data = NULL;
  memcpy(&data, array, sizeof data);
  status = fields_append(fields, path, type, dimensions, shape, NULL);
  if (status != OK) return status;
  Field *field = &fields->items[fields->n - 1];
  field->data = data;
  field->owned = false;
  field->distributed = spread != REPLICATED;
  field->ragged = spread == RAGGED;
  return OK;
}

Status fields_array(Fields *fields, const char *name, FieldType type, void *array, int dimensions,
                    int64_t *shape) {
  return visit(fields, name, type, REPLICATED, array, dimensions, shape);
}

Status fields_rows(Fields *fields, const char *name, FieldType type, void *array, int dimensions,
                   int64_t *shape) {
  return visit(fields, name, type, BY_ROWS, array, dimensions, shape);
}

Status fields_ragged(Fields *fields, const char *name, FieldType type, void *array, int64_t *n) {
  return visit(fields, name, type, RAGGED, array, 1, n);
}

/* Append an array that the list itself owns; takes ownership also on failure. */
static Status append_owned(Fields *fields, const char *name, FieldType type, int dimensions,
                           const int64_t *shape, void *data) {
  char path[PATH_BYTES];
  Status status = path_of(fields, name, path);
  if (status == OK) return fields_append(fields, path, type, dimensions, shape, data);
  memory_release(data);
  return status;
}

/* Scalars are copied on the way out, so that locals can be visited. */
static Status visit_scalar(Fields *fields, const char *name, FieldType type, void *value) {
  void *copy = NULL;
  size_t bytes = item_sizes[type];
  if (fields->mode == FIELDS_IN) {
    Status status = visit(fields, name, type, REPLICATED, &copy, 0, NULL);
    if (status == OK) memcpy(value, copy, bytes);
    memory_free(&copy);
    return status;
  }
  copy = memory_get(1, bytes);
  if (!copy) return MEMORY;
  memcpy(copy, value, bytes);
  return append_owned(fields, name, type, 0, NULL, copy);
}

Status fields_integer(Fields *fields, const char *name, int64_t *value) {
  return visit_scalar(fields, name, FIELD_INTEGER, value);
}

Status fields_real(Fields *fields, const char *name, double *value) {
  return visit_scalar(fields, name, FIELD_REAL, value);
}

Status fields_flag(Fields *fields, const char *name, bool *value) {
  uint8_t byte = *value;
  Status status = visit_scalar(fields, name, FIELD_BYTE, &byte);
  *value = byte != 0;
  return status;
}

Status fields_text(Fields *fields, const char *name, char **value) {
  if (!fields_has(fields, name, *value != NULL)) {
    *value = NULL;
    return OK;
  }
  int64_t length = fields->mode == FIELDS_OUT ? (int64_t)strlen(*value) : -1;
  char *bytes = *value;
  Status status = fields_array(fields, name, FIELD_BYTE, &bytes, 1, &length);
  if (status != OK || fields->mode == FIELDS_OUT) return status;
  status = memory_text_n(value, bytes, (size_t)length);
  memory_free(&bytes);
  return status;
}

/* Two arrays rather than a field a text: lists of names can be long. */
static Status texts_out(Fields *fields, int64_t n, char *const *items) {
  Status status = OK;
  int64_t *lengths = NULL, total = 0;
  char *bytes = NULL;
  TRY(NEW(&lengths, n));
  for (int64_t i = 0; i < n; i++) {
    lengths[i] = items[i] ? (int64_t)strlen(items[i]) : -1;
    if (lengths[i] > 0) total += lengths[i];
  }
  TRY(NEW(&bytes, total));
  char *at = bytes;
  for (int64_t i = 0; i < n; i++) {
    if (lengths[i] <= 0) continue;
    memcpy(at, items[i], (size_t)lengths[i]);
    at += lengths[i];
  }
  int64_t *given = lengths;
  lengths = NULL;
  TRY(append_owned(fields, "length", FIELD_INTEGER, 1, &n, given));
  char *text = bytes;
  bytes = NULL;
  TRY(append_owned(fields, "bytes", FIELD_BYTE, 1, &total, text));
done:
  memory_free(&lengths);
  memory_free(&bytes);
  return status;
}

static Status texts_in(Fields *fields, int64_t *n, char ***items) {
  Status status = OK;
  int64_t *lengths = NULL, count = -1, total = -1, used = 0;
  char *bytes = NULL, **list = NULL;
  TRY(fields_array(fields, "length", FIELD_INTEGER, &lengths, 1, &count));
  TRY(fields_array(fields, "bytes", FIELD_BYTE, &bytes, 1, &total));
  TRY(NEW(&list, count));
  for (int64_t i = 0; i < count; i++) {
    if (lengths[i] < 0) continue;
    if (lengths[i] > total - used) {
      status = status_fail(FORMAT, "the texts of \"%s\" are cut off", fields->prefix);
      goto done;
    }
    TRY(memory_text_n(&list[i], bytes + used, (size_t)lengths[i]));
    used += lengths[i];
  }
  *n = count;
  *items = list;
done:
  for (int64_t i = 0; status != OK && list && i < count; i++) memory_free(&list[i]);
  if (status != OK) memory_free(&list);
  memory_free(&lengths);
  memory_free(&bytes);
  return status;
}

Status fields_texts(Fields *fields, const char *name, int64_t *n, char ***items) {
  fields_enter(fields, name);
  Status status =
      fields->mode == FIELDS_OUT ? texts_out(fields, *n, *items) : texts_in(fields, n, items);
  fields_leave(fields);
  return status;
}

Status fields_copy(const Fields *fields, Fields *out) {
  Status status = OK;
  fields_init(out, FIELDS_IN);
  for (int64_t i = 0; i < fields->n; i++) {
    const Field *field = &fields->items[i];
    void *copy = memory_get_raw(field_count(field), item_sizes[field->type]);
    if (!copy) return MEMORY;
    size_t bytes = (size_t)field_count(field) * item_sizes[field->type];
    if (bytes > 0) memcpy(copy, field->data, bytes);
    TRY(fields_append(out, field->name, field->type, field->dimensions, field->shape, copy));
    out->items[out->n - 1].distributed = field->distributed;
    out->items[out->n - 1].ragged = field->ragged;
  }
done:
  return status;
}

/* Packed form: count, then for each field a head, the name, the data; native byte order, as it
 * never leaves a running job. */
typedef struct PackedHead {
  int64_t type, dimensions, shape[FIELD_DIMENSIONS], name_bytes;
} PackedHead;

Status fields_pack(const Fields *fields, uint8_t **bytes, int64_t *n) {
  size_t total = sizeof(int64_t);
  for (int64_t i = 0; i < fields->n; i++) {
    const Field *field = &fields->items[i];
    total += sizeof(PackedHead) + strlen(field->name) +
             (size_t)field_count(field) * item_sizes[field->type];
  }
  uint8_t *at = memory_get_raw((int64_t)total, 1);
  *bytes = at;
  *n = (int64_t)total;
  if (!at) return MEMORY;
  memcpy(at, &fields->n, sizeof fields->n);
  at += sizeof fields->n;
  for (int64_t i = 0; i < fields->n; i++) {
    const Field *field = &fields->items[i];
    PackedHead head = {.type = field->type,
                       .dimensions = field->dimensions,
                       .name_bytes = (int64_t)strlen(field->name)};
    memcpy(head.shape, field->shape, sizeof head.shape);
    size_t size = (size_t)field_count(field) * item_sizes[field->type];
    memcpy(at, &head, sizeof head);
    memcpy(at + sizeof head, field->name, (size_t)head.name_bytes);
    at += sizeof head + (size_t)head.name_bytes;
    if (size > 0) memcpy(at, field->data, size);
    at += size;
  }
  return OK;
}

/* Read one field at *at; moves *at behind it. */
static Status unpack_one(const uint8_t **at, const uint8_t *end, Fields *out) {
  PackedHead head;
  char name[PATH_BYTES] = "";
  if ((size_t)(end - *at) < sizeof head) return status_fail(FORMAT, "a packed unit is cut off");
  memcpy(&head, *at, sizeof head);
  *at += sizeof head;
  bool sane = head.type >= 0 && head.type < FIELD_TYPES && head.dimensions >= 0 &&
              head.dimensions <= FIELD_DIMENSIONS && head.name_bytes >= 0 &&
              head.name_bytes < (int64_t)sizeof name && head.name_bytes <= end - *at;
  if (!sane) return status_fail(FORMAT, "a packed unit is damaged");
  memcpy(name, *at, (size_t)head.name_bytes);
  *at += head.name_bytes;
  int64_t count = 1, item = (int64_t)item_sizes[head.type];
  for (int64_t i = 0; i < head.dimensions; i++)
    if (head.shape[i] < 0 || __builtin_mul_overflow(count, head.shape[i], &count)) count = -1;
  if (count < 0 || count > (end - *at) / item)
    return status_fail(FORMAT, "a packed unit is cut off");
  void *data = memory_get_raw(count, (size_t)item);
  if (!data) return MEMORY;
  if (count > 0) memcpy(data, *at, (size_t)(count * item));
  *at += count * item;
  return fields_append(out, name, (FieldType)head.type, (int)head.dimensions, head.shape, data);
}

Status fields_unpack(const uint8_t *bytes, int64_t n, Fields *out) {
  Status status = OK;
  fields_init(out, FIELDS_IN);
  int64_t count = 0;
  if (n < (int64_t)sizeof count) return status_fail(FORMAT, "a packed unit is cut off");
  memcpy(&count, bytes, sizeof count);
  const uint8_t *at = bytes + sizeof count;
  for (int64_t i = 0; i < count; i++) TRY(unpack_one(&at, bytes + n, out));
  if (at != bytes + n) status = status_fail(FORMAT, "a packed unit is too long");
done:
  return status;
}
