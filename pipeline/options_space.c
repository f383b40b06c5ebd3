/* Search spaces <-> JSON: kinds some of whose options are ranges or choices.
 *
 * The options of such a kind are parsed twice: first with the low ends and first choices in the
 * place of what is open, by the code that parses any kind; then what is open, whose every value
 * goes through the row's own parser, so that no trial can be what a user could not write. */
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "options_internal.h"

/* Is a value of this row left open? */
static bool is_open(const Option *row, const cJSON *item) {
  return option_is_scalar(row) && cJSON_IsObject(item);
}

static Status check_range_keys(const cJSON *item, const Place *place) {
  static const char *const names[] = {"low", "high", "log", "choices"};
  const cJSON *child = NULL;
  cJSON_ArrayForEach(child, item) {
    bool known = false;
    for (int i = 0; i < 4 && !known; i++) known = strcmp(names[i], child->string) == 0;
    Place at = place_key(place, child->string);
    if (!known)
      return options_unknown_name(&at, "unknown part of a range", child->string, names, 4);
  }
  return OK;
}

/* One value that the row might have, as a number. */
static Status parse_possible(const Kinds *kinds, const Option *row, const cJSON *item,
                             const Place *place, double *out) {
  union {
    double real;
    int64_t integer;
    bool boolean;
    int word;
  } value = {0};
  Option alone = *row;
  alone.offset = 0;
  Status status = options_parse_value(kinds, row, item, place, &value);
  if (status == OK) *out = option_get(&alone, &value);
  return status;
}

static Status parse_end(const Kinds *kinds, const Option *row, const cJSON *object,
                        const char *name, const Place *place, double *out) {
  const cJSON *item = json_find(object, name);
  Place at = place_key(place, name);
  if (!item)
    return place_fail(&at, "required, but not given; a range has low and high, else give choices");
  if (!cJSON_IsNumber(item)) {
    char value[80];
    json_show(item, value);
    return place_fail(&at, "%s is %s; an end of a range is a number", value, json_type_name(item));
  }
  return parse_possible(kinds, row, item, &at, out);
}

static Status parse_ends(const Kinds *kinds, const Option *row, const cJSON *item,
                         const Place *place, SpaceRange *range) {
  Status status = OK;
  const cJSON *log = json_find(item, "log");
  Place at = place_key(place, "log");
  if (row->type == OPTION_TYPE_BOOLEAN || row->type == OPTION_TYPE_WORD)
    return place_fail(place, "this option has no range; give its possible values as choices");
  TRY(parse_end(kinds, row, item, "low", place, &range->low));
  TRY(parse_end(kinds, row, item, "high", place, &range->high));
  if (log && !cJSON_IsBool(log)) TRY(place_fail(&at, "true or false is allowed"));
  range->log = cJSON_IsTrue(log);
  if (range->low > range->high)
    TRY(place_fail(place, "low is %g, above high, which is %g; exchange them", range->low,
                   range->high));
  if (range->low == range->high)
    TRY(place_fail(place,
                   "low and high are both %g: there is nothing to search for; give the value "
                   "itself",
                   range->low));
  if (range->log && range->low <= 0)
    TRY(place_fail(place,
                   "low is %g, and a logarithmic range begins above 0; raise low or leave "
                   "log out",
                   range->low));
done:
  return status;
}

static bool same(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static Status parse_choices(const Kinds *kinds, const Option *row, const cJSON *item,
                            const Place *place, SpaceRange *range) {
  Status status = OK;
  const cJSON *list = json_find(item, "choices"), *child = NULL;
  Place at = place_key(place, "choices");
  if (cJSON_GetArraySize(item) > 1)
    return place_fail(place, "choices stand alone; leave low, high and log out");
  if (!cJSON_IsArray(list)) return place_fail(&at, "a list of values is needed");
  int n = cJSON_GetArraySize(list);
  if (n == 0) return place_fail(&at, "there is no choice in the list");
  if (n == 1)
    return place_fail(&at, "one choice leaves nothing to search for; give the value itself");
  TRY(NEW(&range->values, n));
  cJSON_ArrayForEach(child, list) {
    Place here = place_index(&at, range->n);
    double value;
    TRY(parse_possible(kinds, row, child, &here, &value));
    for (int64_t i = 0; i < range->n; i++)
      if (same(range->values[i], value)) TRY(place_fail(&here, "this choice stands there twice"));
    range->values[range->n++] = value;
  }
done:
  return status;
}

static Status parse_range(const Kinds *kinds, const Option *row, const cJSON *item,
                          const Place *place, SpaceRange *range) {
  Status status = OK;
  *range = (SpaceRange){.row = row};
  TRY(check_range_keys(item, place));
  if (json_find(item, "choices"))
    TRY(parse_choices(kinds, row, item, place, range));
  else
    TRY(parse_ends(kinds, row, item, place, range));
done:
  return status;
}

static double first_of(const SpaceRange *range) {
  return range->values ? range->values[0] : range->low;
}

static double last_of(const SpaceRange *range) {
  return range->values ? range->values[range->n - 1] : range->high;
}

/* The kind's own check at both corners; those between are looked at when they are tried. */
static Status check_corners(const SpaceVariant *variant, const Place *place) {
  Status status = OK;
  const Kind *kind = variant->base.kind;
  for (int64_t k = 0; k < variant->n; k++)
    option_set(variant->ranges[k].row, variant->base.options, last_of(&variant->ranges[k]));
  TRY(options_check(kind, variant->base.options, place));
  for (int64_t k = 0; k < variant->n; k++)
    option_set(variant->ranges[k].row, variant->base.options, first_of(&variant->ranges[k]));
done:
  return status;
}

/* object: a copy of item, whose open values are replaced. */
static Status parse_ranges(const Kinds *kinds, const cJSON *item, const Place *place, cJSON *object,
                           SpaceVariant *variant) {
  Status status = OK;
  const Option *rows = variant->base.kind->options;
  int64_t n = 0;
  for (const Option *row = rows; row && row->name; row++) n++;
  TRY(NEW(&variant->ranges, n));
  for (const Option *row = rows; row && row->name; row++) {
    const cJSON *value = json_find(item, row->name);
    Place at = place_key(place, row->name);
    if (!value || !is_open(row, value)) continue;
    SpaceRange *range = &variant->ranges[variant->n++];
    TRY(parse_range(kinds, row, value, &at, range));
    TRY(json_put(object, row->name, options_scalar_json(row, first_of(range))));
  }
done:
  return status;
}

static Status parse_space(const Kinds *kinds, const Option *row, const cJSON *item,
                          const Place *place, SpaceVariant *variant) {
  Status status = OK;
  const char *key = kinds_key(kinds, row->kinds);
  const char *const others[] = {key, NULL};
  cJSON *object = cJSON_IsString(item) ? cJSON_CreateObject() : cJSON_Duplicate(item, true);
  if (!object) TRY(json_memory());
  if (cJSON_IsString(item)) {
    TRY(json_put(object, key, cJSON_CreateString(item->valuestring)));
  } else if (!cJSON_IsObject(item)) {
    char value[80];
    json_show(item, value);
    TRY(place_fail(place, "%s is %s; it is an object with a \"%s\"", value, json_type_name(item),
                   key));
  }
  TRY(options_kind(row->kinds, key, object, place, &variant->base.kind));
  TRY(parse_ranges(kinds, item, place, object, variant));
  TRY(options_parse(kinds, variant->base.kind, object, others, place, &variant->base.options));
  TRY(check_corners(variant, place));
done:
  cJSON_Delete(object);
  return status;
}

Status options_parse_spaces(const Kinds *kinds, const Option *row, const cJSON *item,
                            const Place *place, SpaceList *list) {
  Status status = OK;
  bool lone = !cJSON_IsArray(item);
  int n = lone ? 1 : cJSON_GetArraySize(item);
  const cJSON *child = lone ? item : item->child;
  int64_t open = 0;
  if (n == 0) return place_fail(place, "the list is empty: there is nothing to search among");
  TRY(NEW(&list->items, n));
  for (; child && list->n < n; child = child->next) {
    Place at = lone ? *place : place_index(place, list->n);
    SpaceVariant *variant = &list->items[list->n++];
    TRY(parse_space(kinds, row, child, &at, variant));
    open += variant->n;
    if (lone) break;
  }
  if (list->n == 1 && open == 0)
    status = place_fail(place,
                        "there is nothing to search for: no option has a range, as "
                        "{\"low\": 1, \"high\": 9}, or {\"choices\": [...]}, and there is "
                        "only one to choose from");
done:
  return status;
}

/* ---- back to JSON ---- */

cJSON *options_scalar_json(const Option *row, double value) {
  if (isnan(value)) return cJSON_CreateNull();
  if (row->type == OPTION_TYPE_BOOLEAN) return cJSON_CreateBool(value != 0);
  if (row->type == OPTION_TYPE_WORD) return cJSON_CreateString(row->words[(int)value]);
  if (row->type == OPTION_TYPE_REAL && row->words && value < 0)
    return cJSON_CreateString(row->words[(int)(-1.0 - value)]);
  return cJSON_CreateNumber(value);
}

cJSON *options_range_json(const SpaceRange *range) {
  Status status = OK;
  cJSON *object = cJSON_CreateObject(), *list = NULL;
  if (!object) return NULL;
  if (!range->values) {
    TRY(json_put(object, "low", cJSON_CreateNumber(range->low)));
    TRY(json_put(object, "high", cJSON_CreateNumber(range->high)));
    TRY(json_put(object, "log", cJSON_CreateBool(range->log)));
    return object;
  }
  list = cJSON_CreateArray();
  for (int64_t i = 0; list && i < range->n; i++)
    TRY(json_append(list, options_scalar_json(range->row, range->values[i])));
  status = json_put(object, "choices", list);
  list = NULL;
done:
  cJSON_Delete(list);
  if (status == OK) return object;
  cJSON_Delete(object);
  return NULL;
}
