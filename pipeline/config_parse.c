/* A resolved config text -> Config; see config_internal.h.
 *
 * Stages may name each other in any order, so their names come first, then kinds, ports and
 * options. Whether ports fit and whether stages run in a circle is the graph's work. */
#include "config_internal.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "config_text.h"
#include "kernels/base/memory.h"
#include "kernels/base/names.h"

enum { LONGEST_NAME = 64, MOST_PORTS = 30 };

static const int64_t default_seed = 7, default_block = 1024;
static const int64_t smallest_block = 4, largest_block = 1048576;

int64_t stage_ports(const StageKind *kind) {
  int64_t n = 0;
  while (kind->inputs && kind->inputs[n].name) n++;
  return n;
}

const Port *stage_port(const StageKind *kind, int64_t input) {
  int64_t last = stage_ports(kind) - 1;
  return &kind->inputs[input < last ? input : last];
}

const char *stage_port_phrase(PortType type) {
  switch (type) {
    case PORT_TABLE: return "a table";
    case PORT_FOLDS: return "folds";
    case PORT_BUNDLE: return "a bundle";
    case PORT_NOTHING: break;
  }
  return "nothing";
}

/* Names become file and folder names, and keys of the report. */
static Status check_name(const char *name, const Place *place) {
  size_t n = strlen(name);
  bool good = n > 0 && n <= LONGEST_NAME && name[0] != '.' && name[0] != '-';
  for (size_t i = 0; i < n; i++)
    good = good && (isalnum((unsigned char)name[i]) || strchr("._-", name[i]));
  if (good) return OK;
  return place_fail(place,
                    "\"%.80s\" cannot be a name; allowed: 1 to %d of the characters A-Z a-z "
                    "0-9 . _ -, not beginning with . or -",
                    name, LONGEST_NAME);
}

/* The name of the run, and of every stage. */
static Status parse_name(const cJSON *root, const Place *place, char **name) {
  const cJSON *item = json_find(root, "name");
  Place at = place_key(place, "name");
  if (!item) return place_fail(&at, "required, but not given; it names the run and its folder");
  if (!cJSON_IsString(item))
    return place_fail(&at, "a text is needed, not %s", json_type_name(item));
  Status status = check_name(item->valuestring, &at);
  return status == OK ? memory_text(name, item->valuestring) : status;
}

static Status parse_number(const cJSON *root, const Place *place, const char *key, int64_t low,
                           int64_t high, int64_t *value) {
  const cJSON *item = json_find(root, key);
  char shown[80];
  Place at = place_key(place, key);
  if (!item) return OK;
  double number = cJSON_IsNumber(item) ? item->valuedouble : NAN;
  bool good = number >= (double)low && number <= (double)high && number == rint(number);
  if (!good) {
    json_show(item, shown);
    return place_fail(&at, "%s cannot be used; allowed: an integer, %lld to %lld", shown,
                      (long long)low, (long long)high);
  }
  *value = (int64_t)number;
  return OK;
}

static Status parse_top(const cJSON *root, const Place *place, Config *config) {
  static const char *const names[] = {"name", "seed", "block", "stages", "include", "$schema"};
  Status status = OK;
  const cJSON *child = NULL;
  char hint[160];
  int64_t seed = default_seed;
  if (!cJSON_IsObject(root))
    return place_fail(place, "a config is an object, {...}; this is %s", json_type_name(root));
  cJSON_ArrayForEach(child, root) {
    bool known = false;
    for (int i = 0; i < 6; i++) known = known || strcmp(names[i], child->string) == 0;
    Place at = place_key(place, child->string);
    names_hint(child->string, names, 6, hint);
    if (!known)
      TRY(place_fail(&at, "unknown key%s%s name, seed, block, include, stages", hint,
                     hint[0] ? " Allowed:" : "; allowed:"));
  }
  TRY(parse_name(root, place, &config->name));
  TRY(parse_number(root, place, "seed", 0, (int64_t)1 << 53, &seed));
  config->seed = (uint64_t)seed;
  config->block = default_block;
  TRY(parse_number(root, place, "block", smallest_block, largest_block, &config->block));
  Place at = place_key(place, "block");
  if ((config->block & (config->block - 1)) != 0)
    TRY(place_fail(&at, "%lld is no power of two; allowed: 4, 8, 16 ... 1048576",
                   (long long)config->block));
done:
  return status;
}

static Status name_stages(const cJSON *stages, const Place *place, Config *config) {
  Status status = OK;
  const cJSON *child = NULL;
  if (!stages) return place_fail(place, "required, but not given; it holds the stages to run");
  if (!cJSON_IsObject(stages))
    return place_fail(place, "an object is needed, {\"NAME\": {\"kind\": ...}, ...}, not %s",
                      json_type_name(stages));
  if (!stages->child) return place_fail(place, "there is no stage; at least one is needed");
  TRY(NEW(&config->stages, cJSON_GetArraySize(stages)));
  cJSON_ArrayForEach(child, stages) {
    Place at = place_key(place, child->string);
    TRY(check_name(child->string, &at));
    if (!cJSON_IsObject(child))
      TRY(place_fail(&at, "a stage is an object, {\"kind\": ...}; this is %s",
                     json_type_name(child)));
    StageConfig *stage = &config->stages[config->n_stages++];
    TRY(memory_text(&stage->name, child->string));
  }
done:
  return status;
}

static Status unknown_stage(const Config *config, const char *given, const Place *place) {
  Status status = OK;
  char hint[160];
  const char **names = NULL;
  TRY(NEW(&names, config->n_stages));
  for (int64_t i = 0; i < config->n_stages; i++) names[i] = config->stages[i].name;
  status = place_fail(place, "there is no stage \"%.80s\"%s", given,
                      names_hint(given, names, config->n_stages, hint));
done:
  memory_free(&names);
  return status;
}

/* The number of the stage that a text names. */
static Status parse_source(const Config *config, int64_t own, const cJSON *item, const Place *at,
                           int64_t *input) {
  if (!cJSON_IsString(item))
    return place_fail(at, "the name of a stage is needed, not %s", json_type_name(item));
  for (int64_t i = 0; i < config->n_stages; i++)
    if (strcmp(config->stages[i].name, item->valuestring) == 0) *input = i;
  if (*input < 0) return unknown_stage(config, item->valuestring, at);
  if (*input == own)
    return place_fail(at, "the stage \"%s\" cannot take from itself", item->valuestring);
  return OK;
}

/* The stages of a port of many; each once. */
static Status parse_sources(const Config *config, const cJSON *list, const Place *place,
                            StageConfig *stage) {
  Status status = OK;
  const cJSON *item = NULL;
  int64_t first = stage_ports(stage->kind) - 1, k = 0;
  cJSON_ArrayForEach(item, list) {
    Place at = place_index(place, k);
    int64_t *input = &stage->inputs[first + k];
    *input = -1;
    TRY(parse_source(config, stage - config->stages, item, &at, input));
    for (int64_t j = 0; j < k; j++)
      if (stage->inputs[first + j] == *input)
        return place_fail(&at, "the stage \"%s\" is named twice", item->valuestring);
    k++;
  }
done:
  return status;
}

/* Resolve one port to stage numbers; -1 when an optional one is not given. */
static Status parse_port(const Config *config, StageConfig *stage, int64_t p, const cJSON *item,
                         const Place *place) {
  const Port *port = &stage->kind->inputs[p];
  Place at = place_key(place, port->name);
  stage->inputs[p] = -1;
  if (!item || (cJSON_IsNull(item) && !port->required)) {
    if (!port->required) return OK;
    return place_fail(&at, "required, but not given; it names the stage that gives %s: %s",
                      stage_port_phrase(port->type), port->help);
  }
  if (port->required == PORT_MANY && !cJSON_IsArray(item))
    return place_fail(&at, "a list of names of stages is needed, not %s", json_type_name(item));
  if (port->required == PORT_MANY) return parse_sources(config, item, &at, stage);
  return parse_source(config, stage - config->stages, item, &at, &stage->inputs[p]);
}

/* Places for the inputs of all ports. */
static Status new_inputs(const cJSON *object, StageConfig *stage) {
  int64_t ports = stage_ports(stage->kind);
  const Port *last = ports > 0 ? &stage->kind->inputs[ports - 1] : NULL;
  int many =
      last && last->required == PORT_MANY ? cJSON_GetArraySize(json_find(object, last->name)) : 0;
  stage->n_inputs = many > 0 ? ports - 1 + many : ports;
  return NEW(&stage->inputs, stage->n_inputs);
}

static Status canonical_text(const Kinds *kinds, const Kind *kind, const void *options,
                             char **text) {
  Status status = OK;
  Draft draft = {0};
  cJSON *object = cJSON_CreateObject();
  TRY(options_write(kinds, kind, options, true, object));
  json_write(object, false, &draft);
  status = draft_take(&draft, text);
done:
  cJSON_Delete(object);
  return status;
}

static Status parse_stage(const Kinds *kinds, const Config *config, const cJSON *object,
                          const Place *place, StageConfig *stage) {
  Status status = OK;
  const Kind *kind = NULL;
  const char *others[MOST_PORTS + 2] = {"kind"};
  Draft versions = {0};
  TRY(options_kind(kinds->stages, "kind", object, place, &kind));
  stage->kind = (const StageKind *)kind; /* it begins with its Kind */
  const Port *ports = stage->kind->inputs;
  int64_t n_ports = stage_ports(stage->kind);
  for (int64_t p = 0; p < n_ports && p < MOST_PORTS; p++) others[p + 1] = ports[p].name;
  TRY(options_parse(kinds, kind, object, others, place, &stage->options));
  TRY(new_inputs(object, stage));
  for (int64_t p = 0; p < n_ports; p++)
    TRY(parse_port(config, stage, p, json_find(object, ports[p].name), place));
  TRY(canonical_text(kinds, kind, stage->options, &stage->json));
  options_versions(kind, stage->options, &versions);
  status = draft_take(&versions, &stage->versions);
done:
  return status;
}

static Status stage_json(const Kinds *kinds, const Config *config, const StageConfig *stage,
                         cJSON *stages) {
  Status status = OK;
  cJSON *object = cJSON_CreateObject();
  TRY(json_put(object, "kind", cJSON_CreateString(stage->kind->kind.name)));
  for (int64_t p = 0; p < stage->n_inputs; p++) {
    const Port *port = stage_port(stage->kind, p);
    if (stage->inputs[p] < 0) continue;
    cJSON *from = cJSON_CreateString(config->stages[stage->inputs[p]].name);
    if (port->required == PORT_MANY && !json_find(object, port->name))
      TRY(json_put(object, port->name, cJSON_CreateArray()));
    TRY(port->required == PORT_MANY ? json_append(json_find(object, port->name), from)
                                    : json_put(object, port->name, from));
  }
  TRY(options_write(kinds, &stage->kind->kind, stage->options, false, object));
  status = json_put(stages, stage->name, object);
  object = NULL;
done:
  cJSON_Delete(object);
  return status;
}

/* The resolved config as it is kept with the run. */
static Status resolved_text(const Kinds *kinds, const Config *config, char **text) {
  Status status = OK;
  Draft draft = {0};
  cJSON *root = cJSON_CreateObject();
  TRY(json_put(root, "name", cJSON_CreateString(config->name)));
  TRY(json_put(root, "seed", cJSON_CreateNumber((double)config->seed)));
  TRY(json_put(root, "block", cJSON_CreateNumber((double)config->block)));
  TRY(json_put(root, "stages", cJSON_CreateObject()));
  for (int64_t i = 0; i < config->n_stages; i++)
    TRY(stage_json(kinds, config, &config->stages[i], json_find(root, "stages")));
  TRY(config_text_escape(root));
  json_write(root, true, &draft);
  draft_add(&draft, "\n");
  status = draft_take(&draft, text);
done:
  cJSON_Delete(root);
  return status;
}

void config_clear(Config *config) {
  for (int64_t i = 0; config->stages && i < config->n_stages; i++) {
    StageConfig *stage = &config->stages[i];
    if (stage->kind) options_free(&stage->kind->kind, &stage->options);
    memory_free(&stage->name);
    memory_free(&stage->inputs);
    memory_free(&stage->json);
    memory_free(&stage->versions);
  }
  memory_free(&config->stages);
  memory_free(&config->name);
  memory_free(&config->json);
  *config = (Config){0};
}

Status config_parse_text(const char *text, const char *file, const Kinds *kinds, Config *config) {
  Status status = OK;
  cJSON *root = NULL;
  char prefix[1024];
  snprintf(prefix, sizeof prefix, "%s: ", file);
  Place place = {.key = prefix};
  *config = (Config){0};
  TRY(json_parse(file, text, (int64_t)strlen(text), &root));
  TRY(parse_top(root, &place, config));
  const cJSON *stages = json_find(root, "stages"), *child = NULL;
  Place at = place_key(&place, "stages");
  TRY(name_stages(stages, &at, config));
  int64_t i = 0;
  cJSON_ArrayForEach(child, stages) {
    Place stage = place_key(&at, child->string);
    TRY(parse_stage(kinds, config, child, &stage, &config->stages[i++]));
  }
  TRY(resolved_text(kinds, config, &config->json));
done:
  cJSON_Delete(root);
  if (status != OK) config_clear(config);
  return status;
}
