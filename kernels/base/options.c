/* Release of parsed options; see options.h. */
#include "options.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "memory.h"

static void texts_clear(TextList *list) {
  for (int64_t i = 0; list->items && i < list->n; i++) memory_free(&list->items[i]);
  memory_free(&list->items);
  list->n = 0;
}

static void text_lists_clear(TextLists *lists) {
  for (int64_t i = 0; lists->items && i < lists->n; i++) texts_clear(&lists->items[i]);
  memory_free(&lists->items);
  lists->n = 0;
}

void variant_clear(Variant *variant) {
  if (variant->kind && variant->options) options_clear(variant->kind->options, variant->options);
  memory_free(&variant->options);
  variant->kind = NULL;
}

static void variants_clear(VariantList *list) {
  for (int64_t i = 0; list->items && i < list->n; i++) variant_clear(&list->items[i]);
  memory_free(&list->items);
  list->n = 0;
}

static void reals_clear(RealList *list) {
  memory_free(&list->items);
  list->n = 0;
}

static void map_clear(const Option *row, Map *map) {
  for (int64_t i = 0; i < map->n; i++) {
    if (map->names) memory_free(&map->names[i]);
    if (map->items) options_clear(row->rows, (char *)map->items + (size_t)i * row->item_size);
  }
  memory_free(&map->names);
  memory_free(&map->items);
  map->n = 0;
  map->word = 0;
}

static void spaces_clear(SpaceList *list) {
  for (int64_t i = 0; list->items && i < list->n; i++) {
    SpaceVariant *item = &list->items[i];
    variant_clear(&item->base);
    for (int64_t k = 0; item->ranges && k < item->n; k++) memory_free(&item->ranges[k].values);
    memory_free(&item->ranges);
  }
  memory_free(&list->items);
  list->n = 0;
}

static void value_clear(const Option *row, void *value) {
  switch (row->type) {
    case OPTION_TYPE_REAL:
    case OPTION_TYPE_INTEGER:
    case OPTION_TYPE_BOOLEAN:
    case OPTION_TYPE_WORD: break;
    case OPTION_TYPE_TEXT: memory_free((char **)value); break;
    case OPTION_TYPE_TEXTS: texts_clear(value); break;
    case OPTION_TYPE_REALS: reals_clear(value); break;
    case OPTION_TYPE_TEXT_LISTS: text_lists_clear(value); break;
    case OPTION_TYPE_VARIANT: variant_clear(value); break;
    case OPTION_TYPE_VARIANTS: variants_clear(value); break;
    case OPTION_TYPE_MAP: map_clear(row, value); break;
    case OPTION_TYPE_SPACES: spaces_clear(value); break;
  }
}

void options_clear(const Option *rows, void *options) {
  for (const Option *row = rows; row && row->name; row++)
    value_clear(row, (char *)options + row->offset);
}

bool option_is_scalar(const Option *row) {
  return row->type == OPTION_TYPE_REAL || row->type == OPTION_TYPE_INTEGER ||
         row->type == OPTION_TYPE_BOOLEAN || row->type == OPTION_TYPE_WORD;
}

double option_get(const Option *row, const void *options) {
  const void *at = (const char *)options + row->offset;
  switch (row->type) {
    case OPTION_TYPE_REAL: return *(const double *)at;
    case OPTION_TYPE_INTEGER: {
      int64_t value = *(const int64_t *)at;
      return value == OPTION_NONE_INTEGER ? NAN : (double)value;
    }
    case OPTION_TYPE_BOOLEAN: return *(const bool *)at;
    case OPTION_TYPE_WORD: return *(const int *)at;
    default: return NAN;
  }
}

void option_set(const Option *row, void *options, double value) {
  void *at = (char *)options + row->offset;
  switch (row->type) {
    case OPTION_TYPE_REAL: *(double *)at = value; break;
    case OPTION_TYPE_INTEGER:
      *(int64_t *)at = isnan(value) ? OPTION_NONE_INTEGER : (int64_t)value;
      break;
    case OPTION_TYPE_BOOLEAN: *(bool *)at = value != 0; break;
    case OPTION_TYPE_WORD: *(int *)at = (int)value; break;
    default: break;
  }
}
