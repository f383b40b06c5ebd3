/* The JSON of filled options, and the versions of the kinds inside; see options_json.h. */
#include <math.h>
#include <string.h>

#include "options_internal.h"

/* The row after `last` by name (NULL: the first one); NULL at the end. Rows are few. */
static const Option *next_by_name(const Option *rows, const Option *last) {
  const Option *next = NULL;
  for (const Option *row = rows; row->name; row++) {
    bool later = !last || strcmp(row->name, last->name) > 0;
    if (later && (!next || strcmp(row->name, next->name) < 0)) next = row;
  }
  return next;
}

static const Option *next_row(const Option *rows, const Option *last, bool by_name) {
  if (!rows) return NULL;
  if (by_name) return next_by_name(rows, last);
  const Option *next = last ? last + 1 : rows;
  return next->name ? next : NULL;
}

static cJSON *texts_json(const TextList *list) {
  cJSON *json = cJSON_CreateArray();
  for (int64_t i = 0; json && i < list->n; i++) {
    if (json_append(json, cJSON_CreateString(list->items[i])) == OK) continue;
    cJSON_Delete(json);
    return NULL;
  }
  return json;
}

static cJSON *reals_json(const RealList *list) {
  cJSON *json = cJSON_CreateArray();
  for (int64_t i = 0; json && i < list->n; i++) {
    if (json_append(json, cJSON_CreateNumber(list->items[i])) == OK) continue;
    cJSON_Delete(json);
    return NULL;
  }
  return json;
}

static cJSON *text_lists_json(const TextLists *lists) {
  cJSON *json = cJSON_CreateArray();
  for (int64_t i = 0; json && i < lists->n; i++) {
    if (json_append(json, texts_json(&lists->items[i])) == OK) continue;
    cJSON_Delete(json);
    return NULL;
  }
  return json;
}

/* Was the value of this row null? */
static bool is_null(const Option *row, const void *value) {
  switch (row->type) {
    case OPTION_TYPE_REAL: return isnan(*(const double *)value);
    case OPTION_TYPE_INTEGER: return *(const int64_t *)value == OPTION_NONE_INTEGER;
    case OPTION_TYPE_BOOLEAN:
    case OPTION_TYPE_WORD: return false;
    case OPTION_TYPE_TEXT: return !*(char *const *)value;
    case OPTION_TYPE_TEXTS: return !((const TextList *)value)->items;
    case OPTION_TYPE_REALS: return !((const RealList *)value)->items;
    case OPTION_TYPE_TEXT_LISTS: return !((const TextLists *)value)->items;
    case OPTION_TYPE_VARIANT: return !((const Variant *)value)->kind;
    case OPTION_TYPE_VARIANTS: return !((const VariantList *)value)->items;
    case OPTION_TYPE_MAP: return !((const Map *)value)->items && !((const Map *)value)->word;
    case OPTION_TYPE_SPACES: return !((const SpaceList *)value)->items;
  }
  return false;
}

typedef struct Writing {
  const Kinds *kinds;
  bool canonical;
} Writing;

/* Declared ahead: options nest. NULL: out of memory. */
static Status write_rows(const Writing *how, const Option *rows, const void *options,
                         cJSON *object);

static cJSON *variant_json(const Writing *how, const Option *row, const Variant *variant) {
  cJSON *json = cJSON_CreateObject();
  const char *key = kinds_key(how->kinds, row->kinds);
  Status status = json_put(json, key, cJSON_CreateString(variant->kind->name));
  if (status == OK) status = write_rows(how, variant->kind->options, variant->options, json);
  if (status == OK) return json;
  cJSON_Delete(json);
  return NULL;
}

static cJSON *variants_json(const Writing *how, const Option *row, const VariantList *list) {
  cJSON *json = cJSON_CreateArray();
  for (int64_t i = 0; json && i < list->n; i++) {
    if (json_append(json, variant_json(how, row, &list->items[i])) == OK) continue;
    cJSON_Delete(json);
    return NULL;
  }
  return json;
}

/* As the base, with what is open in its place. */
static cJSON *space_json(const Writing *how, const Option *row, const SpaceVariant *space) {
  cJSON *json = variant_json(how, row, &space->base);
  for (int64_t k = 0; json && k < space->n; k++) {
    const SpaceRange *range = &space->ranges[k];
    if (json_put(json, range->row->name, options_range_json(range)) == OK) continue;
    cJSON_Delete(json);
    return NULL;
  }
  return json;
}

static cJSON *spaces_json(const Writing *how, const Option *row, const SpaceList *list) {
  cJSON *json = cJSON_CreateArray();
  for (int64_t i = 0; json && i < list->n; i++) {
    if (json_append(json, space_json(how, row, &list->items[i])) == OK) continue;
    cJSON_Delete(json);
    return NULL;
  }
  return json;
}

static cJSON *map_json(const Writing *how, const Option *row, const Map *map) {
  if (map->word > 0) return cJSON_CreateString(row->words[map->word - 1]);
  cJSON *json = cJSON_CreateObject();
  for (int64_t i = 0; json && i < map->n; i++) {
    const void *options = (const char *)map->items + (size_t)i * row->item_size;
    cJSON *item = cJSON_CreateObject();
    bool done = write_rows(how, row->rows, options, item) == OK;
    if (!done) cJSON_Delete(item);
    if (done && json_put(json, map->names[i], item) == OK) continue;
    cJSON_Delete(json);
    return NULL;
  }
  return json;
}

static cJSON *value_json(const Writing *how, const Option *row, const void *value) {
  if (is_null(row, value)) return cJSON_CreateNull();
  switch (row->type) {
    case OPTION_TYPE_REAL:
    case OPTION_TYPE_INTEGER:
    case OPTION_TYPE_BOOLEAN:
    case OPTION_TYPE_WORD:
      return options_scalar_json(row, option_get(row, (const char *)value - row->offset));
    case OPTION_TYPE_TEXT: return cJSON_CreateString(*(char *const *)value);
    case OPTION_TYPE_TEXTS: return texts_json(value);
    case OPTION_TYPE_REALS: return reals_json(value);
    case OPTION_TYPE_TEXT_LISTS: return text_lists_json(value);
    case OPTION_TYPE_VARIANT: return variant_json(how, row, value);
    case OPTION_TYPE_VARIANTS: return variants_json(how, row, value);
    case OPTION_TYPE_MAP: return map_json(how, row, value);
    case OPTION_TYPE_SPACES: return spaces_json(how, row, value);
  }
  return NULL;
}

static Status write_rows(const Writing *how, const Option *rows, const void *options,
                         cJSON *object) {
  Status status = object ? OK : json_memory();
  const Option *row = NULL;
  while (status == OK && (row = next_row(rows, row, how->canonical)))
    status = json_put(object, row->name, value_json(how, row, (const char *)options + row->offset));
  return status;
}

Status options_write(const Kinds *kinds, const Kind *kind, const void *options, bool canonical,
                     cJSON *object) {
  Writing how = {.kinds = kinds, .canonical = canonical};
  return write_rows(&how, kind->options, options, object);
}

static void variant_versions(const Variant *variant, Draft *draft) {
  if (!variant->kind) return;
  draft_format(draft, "%s %d;", variant->kind->name, variant->kind->version);
  options_versions(variant->kind, variant->options, draft);
}

static void row_versions(const Option *rows, const void *options, Draft *draft) {
  for (const Option *row = rows; row && row->name; row++) {
    const void *value = (const char *)options + row->offset;
    if (row->type == OPTION_TYPE_VARIANT) variant_versions(value, draft);
    if (row->type == OPTION_TYPE_VARIANTS) {
      const VariantList *list = value;
      for (int64_t i = 0; i < list->n; i++) variant_versions(&list->items[i], draft);
    }
    if (row->type == OPTION_TYPE_SPACES) {
      const SpaceList *list = value;
      for (int64_t i = 0; i < list->n; i++) variant_versions(&list->items[i].base, draft);
    }
    if (row->type == OPTION_TYPE_MAP) {
      const Map *map = value;
      for (int64_t i = 0; i < map->n; i++)
        row_versions(row->rows, (const char *)map->items + (size_t)i * row->item_size, draft);
    }
  }
}

void options_versions(const Kind *kind, const void *options, Draft *draft) {
  row_versions(kind->options, options, draft);
}
