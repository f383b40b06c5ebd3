/* What writing, reading and hashing of artifacts have in common; see store.h. */
#include "store_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"

void store_texts_clear(StoreTexts *texts) {
  for (int64_t i = 0; i < texts->n; i++) {
    memory_free(&texts->items[i].name);
    memory_free(&texts->items[i].text);
  }
  memory_free(&texts->items);
  texts->n = 0;
}

const char *store_text(const StoreTexts *texts, const char *name) {
  for (int64_t i = 0; i < texts->n; i++)
    if (strcmp(texts->items[i].name, name) == 0) return texts->items[i].text;
  return NULL;
}

int64_t store_inner(int dimensions, const int64_t *shape) {
  int64_t inner = 1;
  for (int i = 1; i < dimensions; i++) inner *= shape[i];
  return inner;
}

int64_t store_length(const Field *field, int64_t i) {
  switch (field->type) {
    case FIELD_INTEGER: return ((const int64_t *)field->data)[i];
    case FIELD_CODE: return ((const int32_t *)field->data)[i];
    case FIELD_SHORT: return ((const uint16_t *)field->data)[i];
    default: return ((const uint8_t *)field->data)[i];
  }
}

int64_t store_length_sum(const Field *field) {
  int64_t sum = 0;
  for (int64_t i = 0; i < field->shape[0]; i++) {
    int64_t length = store_length(field, i);
    if (length < 0 || __builtin_add_overflow(sum, length, &sum)) return -1;
  }
  return sum;
}

Status store_find_length(const Fields *fields, const char *ragged, int64_t n, Status code,
                         const Field **out) {
  char path[STORE_NAME_BYTES + 8];
  const char *slash = strrchr(ragged, '/');
  snprintf(path, sizeof path, "%.*slength", slash ? (int)(slash + 1 - ragged) : 0, ragged);
  const Field *field = fields_find(fields, path);
  if (!field)
    return status_fail(code, "field \"%s\": its lengths \"%s\" are missing", ragged, path);
  bool fits = field->dimensions == 1 && field->distributed && !field->ragged &&
              field->type != FIELD_REAL && field->type != FIELD_FLOAT && field->shape[0] == n;
  if (!fits)
    return status_fail(code, "field \"%s\": \"%s\" is not one whole number for each row", ragged,
                       path);
  *out = field;
  return OK;
}

Status store_buffer(uint8_t **buffer, int64_t *capacity, int64_t need) {
  if (need <= *capacity) return OK;
  memory_free(buffer);
  *capacity = 0;
  Status status = NEW_RAW(buffer, need);
  if (status == OK) *capacity = need;
  return status;
}

const char *store_base(const char *path) {
  const char *slash = strrchr(path, '/');
  return slash ? slash + 1 : path;
}

Status store_damaged(const char *path, const char *format, ...) {
  char what[1024];
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(what, sizeof what, format, arguments);
  va_end(arguments);
  const char *base = store_base(path), *dot = strrchr(base, '.');
  return status_fail(FORMAT, "%s: %s; delete it or run with --force %.*s", path, what,
                     dot && dot > base ? (int)(dot - base) : (int)strlen(base), base);
}
