/* Option rows <-> JSON; see options_json.h.
 *
 * The parser walks the rows, not the object, so that every row is looked at once, given or not; a
 * default is JSON text and goes through the same code as a given value, so a default can never be
 * what a user could not write. The rows' type decides the C type behind the offset: the macros of
 * base/options.h hold the two together. */
#include "options_json.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/base/names.h"
#include "options_internal.h"

enum { MOST_NAMES = 128, SHORT_LIST = 12 };

const char *kinds_key(const Kinds *kinds, const Kind *const *list) {
  return list == kinds->steps ? "step" : "kind";
}

Status options_unknown_name(const Place *place, const char *what, const char *given,
                            const char *const *names, int64_t n) {
  Draft list = {0};
  char hint[160];
  names_hint(given, names, n, hint);
  for (int64_t i = 0; n <= SHORT_LIST && i < n; i++)
    draft_format(&list, "%s%s", i > 0 ? ", " : "", names[i]);
  const char *sign = list.n == 0 ? "" : hint[0] ? " Allowed: " : "; allowed: ";
  Status status = place_fail(place, "%s%s%s%s", what, hint, sign, draft_text(&list));
  draft_clear(&list);
  return status;
}

/* Fail at a value: `VALUE is WHAT; allowed: ...`. */
static Status bad_value(const Option *row, const cJSON *item, const Place *place,
                        const char *what) {
  Draft allowed = {0};
  char value[80];
  json_show(item, value);
  options_allowed(row, &allowed);
  Status status = place_fail(place, "%s is %s; allowed: %s", value, what, draft_text(&allowed));
  draft_clear(&allowed);
  return status;
}

static Status wrong_type(const Option *row, const cJSON *item, const Place *place) {
  if (cJSON_IsNull(item)) return bad_value(row, item, place, "not allowed");
  return bad_value(row, item, place, json_type_name(item));
}

static Status check_range(const Option *row, const cJSON *item, const Place *place) {
  double value = item->valuedouble;
  if (!isfinite(value)) return place_fail(place, "too large; numbers end at 1.8e308");
  if (!(value < row->low) && !(value > row->high)) return OK;
  Draft range = {0};
  char number[32];
  json_number(value, number);
  options_range(row, &range);
  if (range.n == 0) draft_format(&range, "%g to %g", row->low, row->high);
  if (row->type == OPTION_TYPE_REAL && row->words) {
    draft_add(&range, ", or ");
    for (int i = 0; row->words[i]; i++)
      draft_format(&range, "%s\"%s\"", i > 0 ? ", " : "", row->words[i]);
  }
  Status status = place_fail(place, "%s is out of range; allowed: %s", number, draft_text(&range));
  draft_clear(&range);
  return status;
}

/* The number of the word that item is, -1 when it is none. */
static int find_word(const char *const *words, const cJSON *item) {
  for (int i = 0; words && words[i] && cJSON_IsString(item); i++)
    if (strcmp(words[i], item->valuestring) == 0) return i;
  return -1;
}

static Status unknown_word(const Option *row, const cJSON *item, const Place *place) {
  Draft what = {0};
  char hint[160], value[80];
  int64_t n = 0;
  if (!cJSON_IsString(item)) return wrong_type(row, item, place);
  while (row->words[n]) n++;
  json_show(item, value);
  names_hint(item->valuestring, row->words, n, hint);
  draft_format(&what, "%s is unknown%s%s", value, hint, hint[0] ? " Allowed: " : "; allowed: ");
  options_allowed(row, &what);
  Status status = place_fail(place, "%s", draft_text(&what));
  draft_clear(&what);
  return status;
}

static Status parse_real(const Option *row, const cJSON *item, const Place *place, double *value) {
  int word = find_word(row->words, item);
  if (word >= 0) {
    *value = -1.0 - word;
    return OK;
  }
  if (cJSON_IsString(item) && row->words) return unknown_word(row, item, place);
  if (!cJSON_IsNumber(item)) return wrong_type(row, item, place);
  *value = item->valuedouble;
  return check_range(row, item, place);
}

static Status parse_integer(const Option *row, const cJSON *item, const Place *place,
                            int64_t *value) {
  if (!cJSON_IsNumber(item)) return wrong_type(row, item, place);
  double number = item->valuedouble;
  if (number != rint(number)) return bad_value(row, item, place, "no integer");
  if (!(fabs(number) <= 0x1p53)) return bad_value(row, item, place, "beyond 2^53");
  *value = (int64_t)number;
  return check_range(row, item, place);
}

static Status parse_texts(const Option *row, const cJSON *item, const Place *place,
                          TextList *list) {
  Status status = OK;
  bool lone = cJSON_IsString(item);
  if (!lone && !cJSON_IsArray(item)) return wrong_type(row, item, place);
  int n = lone ? 1 : cJSON_GetArraySize(item);
  const cJSON *child = lone ? item : item->child;
  TRY(NEW(&list->items, n));
  for (; list->n < n; child = child->next) {
    Place at = lone ? *place : place_index(place, list->n);
    if (!cJSON_IsString(child)) TRY(wrong_type(row, child, &at));
    TRY(memory_text(&list->items[list->n], child->valuestring));
    list->n++;
  }
done:
  return status;
}

static Status parse_reals(const Option *row, const cJSON *item, const Place *place,
                          RealList *list) {
  Status status = OK;
  bool lone = cJSON_IsNumber(item);
  if (!lone && !cJSON_IsArray(item)) return wrong_type(row, item, place);
  int n = lone ? 1 : cJSON_GetArraySize(item);
  const cJSON *child = lone ? item : item->child;
  TRY(NEW(&list->items, n));
  for (; list->n < n; child = child->next) {
    Place at = lone ? *place : place_index(place, list->n);
    if (!cJSON_IsNumber(child)) TRY(wrong_type(row, child, &at));
    TRY(check_range(row, child, &at));
    list->items[list->n++] = child->valuedouble;
  }
done:
  return status;
}

static Status parse_text_lists(const Option *row, const cJSON *item, const Place *place,
                               TextLists *lists) {
  Status status = OK;
  const cJSON *child = NULL;
  if (!cJSON_IsArray(item)) return wrong_type(row, item, place);
  TRY(NEW(&lists->items, cJSON_GetArraySize(item)));
  cJSON_ArrayForEach(child, item) {
    Place at = place_index(place, lists->n);
    TRY(parse_texts(row, child, &at, &lists->items[lists->n++]));
  }
done:
  return status;
}

Status options_kind(const Kind *const *list, const char *key, const cJSON *object,
                    const Place *place, const Kind **kind) {
  const char *names[MOST_NAMES];
  char value[80], what[160];
  int64_t n = 0;
  Place at = place_key(place, key);
  const cJSON *item = json_find(object, key);
  const char *given = cJSON_IsString(item) ? item->valuestring : NULL;
  *kind = NULL;
  for (; list[n] && n < MOST_NAMES; n++) {
    names[n] = list[n]->name;
    if (given && strcmp(names[n], given) == 0) *kind = list[n];
  }
  if (*kind) return OK;
  if (!item) return options_unknown_name(&at, "required, but not given", "", names, n);
  json_show(item, value);
  snprintf(what, sizeof what, "%s is %s", value, given ? "an unknown kind" : json_type_name(item));
  return options_unknown_name(&at, what, given ? given : "", names, n);
}

/* A bare text is an object with that kind and nothing else. */
static Status parse_variant(const Kinds *kinds, const Option *row, const cJSON *item,
                            const Place *place, Variant *variant) {
  Status status = OK;
  cJSON *lone = NULL;
  const char *key = kinds_key(kinds, row->kinds);
  if (cJSON_IsString(item)) {
    lone = cJSON_CreateObject();
    TRY(json_put(lone, key, cJSON_CreateString(item->valuestring)));
    item = lone;
  }
  if (!cJSON_IsObject(item)) TRY(wrong_type(row, item, place));
  TRY(options_kind(row->kinds, key, item, place, &variant->kind));
  const char *const others[] = {key, NULL};
  TRY(options_parse(kinds, variant->kind, item, others, place, &variant->options));
done:
  cJSON_Delete(lone);
  return status;
}

static Status parse_variants(const Kinds *kinds, const Option *row, const cJSON *item,
                             const Place *place, VariantList *list) {
  Status status = OK;
  const cJSON *child = NULL;
  if (!cJSON_IsArray(item)) return wrong_type(row, item, place);
  TRY(NEW(&list->items, cJSON_GetArraySize(item)));
  cJSON_ArrayForEach(child, item) {
    Place at = place_index(place, list->n);
    TRY(parse_variant(kinds, row, child, &at, &list->items[list->n++]));
  }
done:
  return status;
}

static Status parse_null(const Option *row, const cJSON *item, const Place *place, void *value) {
  double none = NAN;
  int64_t none_integer = OPTION_NONE_INTEGER;
  bool no_value = row->type == OPTION_TYPE_BOOLEAN || row->type == OPTION_TYPE_WORD;
  if (no_value || !options_allows_null(row)) return wrong_type(row, item, place);
  if (row->type == OPTION_TYPE_REAL) memcpy(value, &none, sizeof none);
  if (row->type == OPTION_TYPE_INTEGER) memcpy(value, &none_integer, sizeof none_integer);
  return OK; /* the rest is zeroed: no text, no list, no kind */
}

/* Declared ahead: maps hold rows, whose values are parsed by the same code. */
static Status parse_rows(const Kinds *kinds, const Option *rows, const cJSON *object,
                         const Place *place, void *options);
static Status check_keys(const Option *rows, const char *const *others, const cJSON *object,
                         const Place *place) {
  const char *names[MOST_NAMES];
  int64_t n = 0;
  const cJSON *child = NULL;
  for (int i = 0; others && others[i] && n < MOST_NAMES; i++) names[n++] = others[i];
  for (const Option *row = rows; row && row->name && n < MOST_NAMES; row++) names[n++] = row->name;
  cJSON_ArrayForEach(child, object) {
    bool known = false;
    for (int64_t i = 0; i < n && !known; i++) known = strcmp(names[i], child->string) == 0;
    Place at = place_key(place, child->string);
    if (!known) return options_unknown_name(&at, "unknown option", child->string, names, n);
  }
  return OK;
}

/* One item of a map: an object with the map's rows, or the value of the first row alone. */
static Status parse_map_item(const Kinds *kinds, const Option *map_row, const cJSON *item,
                             const Place *place, void *target) {
  Status status = OK;
  const Option *rows = map_row->rows;
  if (cJSON_IsObject(item)) {
    TRY(check_keys(rows, NULL, item, place));
    TRY(parse_rows(kinds, rows, item, place, target));
  } else {
    TRY(options_parse_value(kinds, rows, item, place, (char *)target + rows->offset));
    TRY(parse_rows(kinds, rows + 1, NULL, place, target));
  }
done:
  return status;
}

static Status parse_map(const Kinds *kinds, const Option *row, const cJSON *item,
                        const Place *place, Map *map) {
  Status status = OK;
  const cJSON *child = NULL;
  map->word = 1 + find_word(row->words, item);
  if (map->word > 0) return OK;
  if (cJSON_IsString(item) && row->words) return unknown_word(row, item, place);
  if (!cJSON_IsObject(item)) return wrong_type(row, item, place);
  int n = cJSON_GetArraySize(item);
  TRY(NEW(&map->names, n));
  TRY(memory_status(map->items = memory_get(n, row->item_size)));
  cJSON_ArrayForEach(child, item) {
    Place at = place_key(place, child->string);
    if (!*child->string) TRY(place_fail(&at, "a name cannot be empty"));
    int64_t i = map->n++;
    TRY(memory_text(&map->names[i], child->string));
    TRY(parse_map_item(kinds, row, child, &at, (char *)map->items + (size_t)i * row->item_size));
  }
done:
  return status;
}

Status options_parse_value(const Kinds *kinds, const Option *row, const cJSON *item,
                           const Place *place, void *value) {
  if (cJSON_IsNull(item)) return parse_null(row, item, place, value);
  switch (row->type) {
    case OPTION_TYPE_REAL: return parse_real(row, item, place, value);
    case OPTION_TYPE_INTEGER: return parse_integer(row, item, place, value);
    case OPTION_TYPE_BOOLEAN:
      *(bool *)value = cJSON_IsTrue(item);
      return cJSON_IsBool(item) ? OK : wrong_type(row, item, place);
    case OPTION_TYPE_WORD:
      *(int *)value = find_word(row->words, item);
      return *(int *)value >= 0 ? OK : unknown_word(row, item, place);
    case OPTION_TYPE_TEXT:
      if (!cJSON_IsString(item)) return wrong_type(row, item, place);
      return memory_text(value, item->valuestring);
    case OPTION_TYPE_TEXTS: return parse_texts(row, item, place, value);
    case OPTION_TYPE_REALS: return parse_reals(row, item, place, value);
    case OPTION_TYPE_TEXT_LISTS: return parse_text_lists(row, item, place, value);
    case OPTION_TYPE_VARIANT: return parse_variant(kinds, row, item, place, value);
    case OPTION_TYPE_VARIANTS: return parse_variants(kinds, row, item, place, value);
    case OPTION_TYPE_MAP: return parse_map(kinds, row, item, place, value);
    case OPTION_TYPE_SPACES: return options_parse_spaces(kinds, row, item, place, value);
  }
  return OK;
}

static Status missing(const Option *row, const Place *place) {
  Draft allowed = {0};
  options_allowed(row, &allowed);
  Status status = place_fail(place, "required, but not given; it is %s: %s", draft_text(&allowed),
                             row->help ? row->help : "");
  draft_clear(&allowed);
  return status;
}

static Status parse_fallback(const Kinds *kinds, const Option *row, const Place *place,
                             void *value) {
  Status status = OK;
  cJSON *item = NULL;
  TRY(json_parse("a kind's default", row->fallback, (int64_t)strlen(row->fallback), &item));
  TRY(options_parse_value(kinds, row, item, place, value));
done:
  cJSON_Delete(item);
  return status;
}

static Status parse_rows(const Kinds *kinds, const Option *rows, const cJSON *object,
                         const Place *place, void *options) {
  Status status = OK;
  for (const Option *row = rows; row && row->name; row++) {
    Place at = place_key(place, row->name);
    void *value = (char *)options + row->offset;
    const cJSON *item = object ? json_find(object, row->name) : NULL;
    if (item)
      TRY(options_parse_value(kinds, row, item, &at, value));
    else if (row->fallback)
      TRY(parse_fallback(kinds, row, &at, value));
    else
      TRY(missing(row, &at));
  }
done:
  return status;
}

Status options_check(const Kind *kind, const void *options, const Place *place) {
  Draft where = {0};
  Status status = kind->check ? kind->check(options) : OK;
  if (status != INVALID) return status;
  place_write(place, &where);
  status_prefix(status, "%s/", draft_text(&where));
  draft_clear(&where);
  return status;
}

Status options_parse(const Kinds *kinds, const Kind *kind, const cJSON *object,
                     const char *const *others, const Place *place, void **options) {
  Status status = OK;
  *options = NULL;
  TRY(check_keys(kind->options, others, object, place));
  if (kind->options_size > 0) {
    TRY(memory_status(*options = memory_get(1, kind->options_size)));
    TRY(parse_rows(kinds, kind->options, object, place, *options));
  }
  TRY(options_check(kind, *options, place));
done:
  if (status != OK) options_free(kind, options);
  return status;
}

void options_free(const Kind *kind, void **options) {
  if (*options && kind) options_clear(kind->options, *options);
  memory_free(options);
}
