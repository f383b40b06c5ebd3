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

void fields_enter(Fields *fields, const char *part) {
  size_t used = strlen(fields->prefix);
  snprintf(fields->prefix + used, sizeof fields->prefix - used, "%s/", part);
}

void fields_leave(Fields *fields) {
  size_t used = strlen(fields->prefix);
  if (used > 0) fields->prefix[--used] = 0;
  while (used > 0 && fields->prefix[used - 1] != '/') fields->prefix[--used] = 0;
}

const Field *fields_find(const Fields *fields, const char *path) {
  for (int64_t i = 0; i < fields->n; i++)
    if (strcmp(fields->items[i].name, path) == 0) return &fields->items[i];
  return NULL;
}

static void path_of(const Fields *fields, const char *name, char *path, size_t bytes) {
  snprintf(path, bytes, "%s%s", fields->prefix, name);
}

bool fields_has(const Fields *fields, const char *name, bool present) {
  char path[640];
  path_of(fields, name, path, sizeof path);
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
  Field *field = (Field *)(uintptr_t)fields_find(fields, path);
  if (!field) return status_fail(FORMAT, "field \"%s\" is missing", path);
  bool same = field->type == type && field->dimensions == dimensions && field->data &&
              field->distributed == (spread != REPLICATED) && field->ragged == (spread == RAGGED);
  for (int i = 0; same && i < dimensions; i++)
    same = shape[i] < 0 || shape[i] == field->shape[i];
  if (!same) return status_fail(FORMAT, "field \"%s\" has an unexpected type or shape", path);
  memcpy(array, &field->data, sizeof field->data);
  field->data = NULL;
  for (int i = 0; i < dimensions; i++) shape[i] = field->shape[i];
  return OK;
}

static Status visit(Fields *fields, const char *name, FieldType type, Spread spread, void *array,
                    int dimensions, int64_t *shape) {
  char path[640];
  path_of(fields, name, path, sizeof path);
  if (fields->mode == FIELDS_IN)
    return take_in(fields, path, type, spread, array, dimensions, shape);
  void *data = NULL;
  memcpy(&data, array, sizeof data);
  Status status = fields_append(fields, path, type, dimensions, shape, NULL);
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

/* Scalars are copied on the way out, so that locals can be visited. */
static Status visit_scalar(Fields *fields, const char *name, FieldType type, void *value) {
  Status status = OK;
  void *copy = NULL;
  size_t bytes = item_sizes[type];
  if (fields->mode == FIELDS_IN) {
    TRY(visit(fields, name, type, REPLICATED, &copy, 0, NULL));
    memcpy(value, copy, bytes);
    memory_free(&copy);
  } else {
    char path[640];
    path_of(fields, name, path, sizeof path);
    copy = memory_get(1, bytes);
    if (!copy) return MEMORY;
    memcpy(copy, value, bytes);
    TRY(fields_append(fields, path, type, 0, NULL, copy));
  }
done:
  return status;
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

Status fields_texts(Fields *fields, const char *name, int64_t *n, char ***items) {
  Status status = OK;
  fields_enter(fields, name);
  TRY(fields_integer(fields, "count", n));
  if (fields->mode == FIELDS_IN) TRY(NEW(items, *n));
  for (int64_t i = 0; i < *n; i++) {
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)i);
    TRY(fields_text(fields, number, &(*items)[i]));
  }
done:
  fields_leave(fields);
  return status;
}

Status fields_copy(const Fields *fields, Fields *out) {
  Status status = OK;
  fields_init(out, FIELDS_IN);
  for (int64_t i = 0; i < fields->n; i++) {
    const Field *field = &fields->items[i];
    void *copy = memory_get(field_count(field), item_sizes[field->type]);
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
  uint8_t *at = memory_get((int64_t)total, 1);
  *bytes = at;
  *n = (int64_t)total;
  if (!at) return MEMORY;
  memcpy(at, &fields->n, sizeof fields->n);
  at += sizeof fields->n;
  for (int64_t i = 0; i < fields->n; i++) {
    const Field *field = &fields->items[i];
    PackedHead head = {.type = field->type, .dimensions = field->dimensions,
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
  char name[640] = "";
  if ((size_t)(end - *at) < sizeof head) return status_fail(FORMAT, "a packed unit is cut off");
  memcpy(&head, *at, sizeof head);
  *at += sizeof head;
  bool sane = head.type >= 0 && head.type < FIELD_TYPES && head.dimensions >= 0 &&
              head.dimensions <= FIELD_DIMENSIONS && head.name_bytes >= 0 &&
              head.name_bytes < (int64_t)sizeof name && head.name_bytes <= end - *at;
  if (!sane) return status_fail(FORMAT, "a packed unit is damaged");
  memcpy(name, *at, (size_t)head.name_bytes);
  *at += head.name_bytes;
  Field probe = {.type = (FieldType)head.type, .dimensions = (int)head.dimensions};
  memcpy(probe.shape, head.shape, sizeof probe.shape);
  int64_t count = field_count(&probe), item = (int64_t)item_sizes[head.type];
  if (count < 0 || count > (end - *at) / item)
    return status_fail(FORMAT, "a packed unit is cut off");
  void *data = memory_get(count, (size_t)item);
  if (!data) return MEMORY;
  if (count > 0) memcpy(data, *at, (size_t)(count * item));
  *at += count * item;
  return fields_append(out, name, probe.type, probe.dimensions, probe.shape, data);
}

Status fields_unpack(const uint8_t *bytes, int64_t n, Fields *out) {
  Status status = OK;
  fields_init(out, FIELDS_IN);
  int64_t count = 0;
  if (n < (int64_t)sizeof count) return status_fail(FORMAT, "a packed unit is cut off");
  memcpy(&count, bytes, sizeof count);
  const uint8_t *at = bytes + sizeof count;
  for (int64_t i = 0; i < count; i++) TRY(unpack_one(&at, bytes + n, out));
done:
  return status;
}
