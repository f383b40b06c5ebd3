/* The JSON Schema of a config; see schema.h.
 *
 * Every list of kinds is one definition (`model`, `step`), a oneOf over definitions of its kinds
 * (`model.forest`), each told by its constant "kind": the form in which editors know which options
 * to offer. Options that hold kinds refer to the definition, so that nesting needs no depth. */
#include "schema.h"

#include <stdio.h>
#include <string.h>

#include "config_internal.h"
#include "kernels/base/memory.h"

enum { MOST_LISTS = 16 };

/* The lists of kinds met so far: models and steps, then whatever else rows refer to. A list whose
 * options may be left open is another one. */
typedef struct Lists {
  const Kinds *kinds;
  int n;
  const Kind *const *items[MOST_LISTS];
  bool open[MOST_LISTS];
} Lists;

static void list_name(const Lists *lists, int number, char buffer[32]) {
  if (lists->items[number] == lists->kinds->stages)
    snprintf(buffer, 32, "stage");
  else if (lists->items[number] == lists->kinds->models)
    snprintf(buffer, 32, "model");
  else if (lists->items[number] == lists->kinds->steps)
    snprintf(buffer, 32, "step");
  else if (lists->items[number] == lists->kinds->resamples)
    snprintf(buffer, 32, "resample");
  else
    snprintf(buffer, 32, "list%d", number);
  if (lists->open[number]) snprintf(buffer + strlen(buffer), 8, "_space");
}

static int list_number(Lists *lists, const Kind *const *list, bool open) {
  int i = 0;
  while (i < lists->n && (lists->items[i] != list || lists->open[i] != open)) i++;
  if (i == lists->n && i < MOST_LISTS) {
    lists->items[lists->n] = list;
    lists->open[lists->n++] = open;
  }
  return i < MOST_LISTS ? i : 0;
}

/* Parse a piece of schema that needs no escapes; NULL when memory is short. */
static cJSON *piece(const char *text) { return cJSON_Parse(text); }

static cJSON *reference(const char *name) {
  char text[160];
  snprintf(text, sizeof text, "{\"$ref\":\"#/$defs/%s\"}", name);
  return piece(text);
}

static cJSON *list_reference(Lists *lists, const Kind *const *list, bool open) {
  char name[32];
  list_name(lists, list_number(lists, list, open), name);
  return reference(name);
}

static cJSON *words_schema(const char *const *words) {
  cJSON *schema = piece("{\"enum\":[]}");
  for (int i = 0; schema && words[i]; i++) {
    if (json_append(json_find(schema, "enum"), cJSON_CreateString(words[i])) == OK) continue;
    cJSON_Delete(schema);
    return NULL;
  }
  return schema;
}

static cJSON *number_schema(const Option *row) {
  bool integer = row->type == OPTION_TYPE_INTEGER;
  cJSON *schema = piece(integer ? "{\"type\":\"integer\"}" : "{\"type\":\"number\"}");
  Status status = OK;
  if (options_has_low(row)) TRY(json_put(schema, "minimum", cJSON_CreateNumber(row->low)));
  if (options_has_high(row)) TRY(json_put(schema, "maximum", cJSON_CreateNumber(row->high)));
done:
  if (status == OK) return schema;
  cJSON_Delete(schema);
  return NULL;
}

/* {"anyOf": [a, b]}; takes both over. */
static cJSON *either(cJSON *a, cJSON *b) {
  cJSON *schema = piece("{\"anyOf\":[]}"), *list = schema ? json_find(schema, "anyOf") : NULL;
  Status first = json_append(list, a), second = json_append(list, b);
  if (first == OK && second == OK) return schema;
  cJSON_Delete(schema);
  return NULL;
}

/* {"type": "array", "items": item}; takes item over. */
static cJSON *list_of(cJSON *item) {
  cJSON *schema = piece("{\"type\":\"array\"}");
  if (json_put(schema, "items", item) == OK) return schema;
  cJSON_Delete(schema);
  return NULL;
}

static cJSON *row_schema(Lists *lists, const Option *row); /* declared ahead: maps hold rows */

static cJSON *open_schema(Lists *lists, const Option *row);

/* open: scalars may be ranges or choices, too. */
static Status put_rows(Lists *lists, const Option *rows, bool open, cJSON *schema) {
  Status status = OK;
  cJSON *properties = json_find(schema, "properties"), *required = json_find(schema, "required");
  for (const Option *row = rows; row && row->name; row++) {
    bool scalar = open && option_is_scalar(row);
    cJSON *item = scalar ? open_schema(lists, row) : row_schema(lists, row);
    TRY(json_put(properties, row->name, item));
    if (!row->fallback) TRY(json_append(required, cJSON_CreateString(row->name)));
  }
done:
  return status;
}

static cJSON *map_schema(Lists *lists, const Option *row) {
  Status status = OK;
  cJSON *schema = piece("{\"type\":\"object\"}"), *item = NULL;
  cJSON *object = piece(
      "{\"type\":\"object\",\"properties\":{},\"required\":[],"
      "\"additionalProperties\":false}");
  if (!object) TRY(json_memory());
  TRY(put_rows(lists, row->rows, false, object));
  item = either(row_schema(lists, row->rows), object);
  object = NULL;
  status = json_put(schema, "additionalProperties", item);
done:
  cJSON_Delete(object);
  if (status == OK) return schema;
  cJSON_Delete(schema);
  return NULL;
}

static cJSON *type_schema(Lists *lists, const Option *row) {
  static const char text[] = "{\"type\":\"string\"}";
  switch (row->type) {
    case OPTION_TYPE_REAL:
      return row->words ? either(number_schema(row), words_schema(row->words)) : number_schema(row);
    case OPTION_TYPE_INTEGER: return number_schema(row);
    case OPTION_TYPE_BOOLEAN: return piece("{\"type\":\"boolean\"}");
    case OPTION_TYPE_WORD: return words_schema(row->words);
    case OPTION_TYPE_TEXT: return piece(text);
    case OPTION_TYPE_TEXTS: return either(piece(text), list_of(piece(text)));
    case OPTION_TYPE_REALS: return either(number_schema(row), list_of(number_schema(row)));
    case OPTION_TYPE_TEXT_LISTS: return list_of(either(piece(text), list_of(piece(text))));
    case OPTION_TYPE_VARIANT: return list_reference(lists, row->kinds, false);
    case OPTION_TYPE_VARIANTS: return list_of(list_reference(lists, row->kinds, false));
    case OPTION_TYPE_SPACES:
      return either(list_reference(lists, row->kinds, true),
                    list_of(list_reference(lists, row->kinds, true)));
    case OPTION_TYPE_MAP:
      return row->words ? either(map_schema(lists, row), words_schema(row->words))
                        : map_schema(lists, row);
  }
  return NULL;
}

static cJSON *row_schema(Lists *lists, const Option *row) {
  Status status = OK;
  Draft help = {0};
  cJSON *schema = type_schema(lists, row);
  if (options_allows_null(row)) schema = either(schema, piece("{\"type\":\"null\"}"));
  options_sentence(row->help, &help);
  TRY(help.status);
  TRY(json_put(schema, "description", cJSON_CreateString(draft_text(&help))));
  if (row->fallback) status = json_put(schema, "default", cJSON_Parse(row->fallback));
done:
  draft_clear(&help);
  if (status == OK) return schema;
  cJSON_Delete(schema);
  return NULL;
}

static Status put_ports(const StageKind *kind, cJSON *schema) {
  Status status = OK;
  char help[512];
  for (int64_t p = 0; p < stage_ports(kind); p++) {
    const Port *port = &kind->inputs[p];
    cJSON *item = piece(port->required == PORT_MANY
                            ? "{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"minItems\":1}"
                        : port->required ? "{\"type\":\"string\"}"
                                         : "{\"type\":[\"string\",\"null\"]}");
    snprintf(help, sizeof help, "The stage%s %s. %s",
             port->required == PORT_MANY ? "s that give" : " that gives",
             stage_port_phrase(port->type), port->help);
    TRY(json_put(json_find(schema, "properties"), port->name, item));
    TRY(json_put(item, "description", cJSON_CreateString(help)));
    if (port->required)
      TRY(json_append(json_find(schema, "required"), cJSON_CreateString(port->name)));
  }
done:
  return status;
}

/* A range of numbers, or of choices. */
static cJSON *range_schema(Lists *lists, const Option *row) {
  Status status = OK;
  bool number = row->type == OPTION_TYPE_REAL || row->type == OPTION_TYPE_INTEGER;
  cJSON *ends = piece(
      "{\"type\":\"object\",\"properties\":{\"log\":{\"type\":\"boolean\"}},"
      "\"required\":[\"low\",\"high\"],\"additionalProperties\":false}");
  cJSON *choices = piece(
      "{\"type\":\"object\",\"properties\":{\"choices\":{\"type\":\"array\",\"minItems\":2}},"
      "\"required\":[\"choices\"],\"additionalProperties\":false}");
  if (!ends || !choices) TRY(json_memory());
  TRY(json_put(json_find(ends, "properties"), "low", number_schema(row)));
  TRY(json_put(json_find(ends, "properties"), "high", number_schema(row)));
  cJSON *value = type_schema(lists, row);
  if (options_allows_null(row)) value = either(value, piece("{\"type\":\"null\"}"));
  TRY(json_put(json_find(json_find(choices, "properties"), "choices"), "items", value));
  if (number) return either(ends, choices);
  cJSON_Delete(ends);
  return choices;
done:
  cJSON_Delete(ends);
  cJSON_Delete(choices);
  return status == OK ? choices : NULL;
}

/* The row's own schema, or a range of it: what tells of it stays outside. */
static cJSON *open_schema(Lists *lists, const Option *row) {
  Status status = OK;
  cJSON *own = row_schema(lists, row), *schema = NULL;
  cJSON *description = own ? cJSON_DetachItemFromObject(own, "description") : NULL;
  cJSON *fallback = own ? cJSON_DetachItemFromObject(own, "default") : NULL;
  schema = either(own, range_schema(lists, row));
  if (!schema) TRY(json_memory());
  status = json_put(schema, "description", description);
  description = NULL;
  if (status == OK && fallback) {
    status = json_put(schema, "default", fallback);
    fallback = NULL;
  }
done:
  cJSON_Delete(description);
  cJSON_Delete(fallback);
  if (status == OK) return schema;
  cJSON_Delete(schema);
  return NULL;
}

static cJSON *kind_schema(Lists *lists, int number, const Kind *kind) {
  Status status = OK;
  const Kind *const *list = lists->items[number];
  const char *key = kinds_key(lists->kinds, list);
  cJSON *schema = piece(
      "{\"type\":\"object\",\"description\":\"\",\"properties\":{},"
      "\"required\":[],\"additionalProperties\":false}");
  cJSON *told = piece("{}");
  if (!schema) TRY(json_memory());
  TRY(json_put(schema, "description", cJSON_CreateString(kind->help)));
  TRY(json_put(told, "const", cJSON_CreateString(kind->name)));
  TRY(json_put(told, "description", cJSON_CreateString(kind->help)));
  status = json_put(json_find(schema, "properties"), key, told);
  told = NULL;
  if (status != OK) goto done;
  TRY(json_append(json_find(schema, "required"), cJSON_CreateString(key)));
  if (list == lists->kinds->stages) TRY(put_ports((const StageKind *)kind, schema));
  TRY(put_rows(lists, kind->options, lists->open[number], schema));
done:
  cJSON_Delete(told);
  if (status == OK) return schema;
  cJSON_Delete(schema);
  return NULL;
}

static bool has_required(const Kind *kind) {
  for (const Option *row = kind->options; row && row->name; row++)
    if (!row->fallback) return true;
  return false;
}

/* The definition of a list and of all its kinds. */
static Status put_list(Lists *lists, int number, cJSON *definitions) {
  Status status = OK;
  char name[32], full[128];
  const Kind *const *list = lists->items[number];
  bool stages = list == lists->kinds->stages;
  cJSON *any = piece("{\"oneOf\":[]}"), *bare = piece("{\"enum\":[]}");
  if (!any || !bare) TRY(json_memory());
  list_name(lists, number, name);
  for (int64_t i = 0; list[i]; i++) {
    snprintf(full, sizeof full, "%s.%s", name, list[i]->name);
    TRY(json_append(json_find(any, "oneOf"), reference(full)));
    TRY(json_put(definitions, full, kind_schema(lists, number, list[i])));
    if (stages || has_required(list[i])) continue;
    TRY(json_append(json_find(bare, "enum"), cJSON_CreateString(list[i]->name)));
  }
  if (json_find(bare, "enum")->child) {
    status = json_append(json_find(any, "oneOf"), bare);
    bare = NULL;
    if (status != OK) goto done;
  }
  status = json_put(definitions, name, any);
  any = NULL;
done:
  cJSON_Delete(any);
  cJSON_Delete(bare);
  return status;
}

static const char root_text[] =
    "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
    "\"title\":\"A Segue pipeline\",\"type\":\"object\",\"properties\":{"
    "\"$schema\":{\"type\":\"string\",\"description\":\"For editors; not looked at.\"},"
    "\"name\":{\"type\":\"string\",\"pattern\":\"^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$\","
    "\"description\":\"Name of the run and of its folder.\"},"
    "\"seed\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":9007199254740992,\"default\":7,"
    "\"description\":\"Key of all random numbers.\"},"
    "\"block\":{\"enum\":[4,8,16,32,64,128,256,512,1024,2048,4096,8192,16384,32768,65536,131072,"
    "262144,524288,1048576],\"default\":1024,"
    "\"description\":\"Rows in a block; results depend on it, and not on the number of ranks.\"},"
    "\"include\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"array\","
    "\"items\":{\"type\":\"string\"}}],"
    "\"description\":\"Files whose contents lie below this one, relative to it; later ones win.\"},"
    "\"stages\":{\"type\":\"object\",\"minProperties\":1,"
    "\"propertyNames\":{\"pattern\":\"^[A-Za-z0-9_][A-Za-z0-9._-]{0,63}$\"},"
    "\"description\":\"The stages by name.\"}},"
    "\"additionalProperties\":false,"
    "\"if\":{\"required\":[\"include\"]},"
    "\"then\":{\"properties\":{\"stages\":{\"additionalProperties\":{\"anyOf\":["
    "{\"$ref\":\"#/$defs/stage\"},{\"type\":\"object\",\"not\":{\"required\":[\"kind\"]}}]}}}},"
    "\"else\":{\"required\":[\"name\",\"stages\"],\"properties\":{\"stages\":"
    "{\"additionalProperties\":{\"$ref\":\"#/$defs/stage\"}}}},"
    "\"$defs\":{}}";

Status schema_json(const Kinds *kinds, char **text) {
  Status status = OK;
  Draft draft = {0};
  Lists lists = {.kinds = kinds, .n = 1, .items = {kinds->stages}};
  cJSON *root = piece(root_text);
  *text = NULL;
  if (!root) TRY(json_memory());
  for (int i = 0; i < lists.n; i++) TRY(put_list(&lists, i, json_find(root, "$defs")));
  json_write(root, true, &draft);
  draft_add(&draft, "\n");
  status = draft_take(&draft, text);
done:
  cJSON_Delete(root);
  return status;
}
