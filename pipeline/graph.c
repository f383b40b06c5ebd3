/* Order, port types, plans and keys of a pipeline; see graph.h. */
#include "graph.h"

#include <stdio.h>
#include <string.h>

#include "config_internal.h"
#include "kernels/base/memory.h"

enum { UNSEEN, OPEN, CLOSED };

typedef struct Ordering {
  const Config *config;
  uint8_t *state;
  int64_t *path, depth; /* stages on the way down, for naming a circle */
  int64_t *order, n;
} Ordering;

static Status circle(const Ordering *o, int64_t stage) {
  char text[1024] = "";
  size_t used = 0;
  int64_t from = 0;
  while (o->path[from] != stage) from++;
  for (int64_t i = from; i < o->depth && used < sizeof text; i++)
    used += (size_t)snprintf(text + used, sizeof text - used, "\"%s\" takes from ",
                             o->config->stages[o->path[i]].name);
  return status_fail(INVALID, "/stages/%s: stages run in a circle: %s\"%s\"",
                     o->config->stages[stage].name, text, o->config->stages[stage].name);
}

static Status visit(Ordering *o, int64_t stage) {
  Status status = OK;
  if (o->state[stage] == CLOSED) return OK;
  if (o->state[stage] == OPEN) return circle(o, stage);
  const StageConfig *config = &o->config->stages[stage];
  o->state[stage] = OPEN;
  o->path[o->depth++] = stage;
  for (int64_t p = 0; p < config->n_inputs; p++)
    if (config->inputs[p] >= 0) TRY(visit(o, config->inputs[p]));
  o->depth--;
  o->state[stage] = CLOSED;
  o->order[o->n++] = stage;
done:
  return status;
}

static Status order_stages(const Config *config, int64_t *order) {
  Status status = OK;
  Ordering o = {.config = config, .order = order};
  TRY(NEW(&o.state, config->n_stages));
  TRY(NEW(&o.path, config->n_stages + 1));
  for (int pass = 0; pass < 2; pass++)
    for (int64_t i = 0; i < config->n_stages; i++)
      if (config->stages[i].kind->takes_summaries == (pass == 1)) TRY(visit(&o, i));
done:
  memory_free(&o.state);
  memory_free(&o.path);
  return status;
}

/* What a stage uses is its inputs and what those use. */
static void note_uses(Graph *graph, int64_t stage) {
  const StageConfig *config = &graph->config->stages[stage];
  uint8_t *own = graph->uses + stage * graph->n;
  for (int64_t p = 0; p < config->n_inputs; p++) {
    int64_t input = config->inputs[p];
    if (input < 0) continue;
    own[input] = 1;
    for (int64_t j = 0; j < graph->n; j++) own[j] |= graph->uses[input * graph->n + j];
  }
}

static Status plan_stage(Graph *graph, int64_t stage) {
  Status status = OK;
  const StageConfig *config = &graph->config->stages[stage];
  const StageKind *kind = config->kind;
  const Planned **inputs = NULL;
  TRY(NEW(&inputs, config->n_inputs + 1));
  for (int64_t p = 0; p < config->n_inputs; p++) {
    const Port *port = stage_port(kind, p);
    if (config->inputs[p] < 0) continue;
    inputs[p] = &graph->plans[config->inputs[p]];
    if (inputs[p]->type == port->type) continue;
    status = status_fail(INVALID, "/stages/%s/%s: stage \"%s\" gives %s, but %s is needed here",
                         config->name, port->name, graph->config->stages[config->inputs[p]].name,
                         stage_port_phrase(inputs[p]->type), stage_port_phrase(port->type));
    goto done;
  }
  graph->plans[stage].type = kind->output;
  if (kind->plan) status = kind->plan(config->options, inputs, &graph->plans[stage]);
  if (status == INVALID) status_prefix(status, "/stages/%s/", config->name);
done:
  memory_free(&inputs);
  return status;
}

Status graph_plan(const Config *config, Graph *graph) {
  Status status = OK;
  *graph = (Graph){.config = config, .n = config->n_stages};
  TRY(NEW(&graph->order, graph->n));
  TRY(NEW(&graph->plans, graph->n));
  TRY(NEW(&graph->keys, graph->n));
  TRY(NEW(&graph->stamps, graph->n));
  TRY(order_stages(config, graph->order));
  TRY(NEW(&graph->uses, graph->n * graph->n));
  for (int64_t i = 0; i < graph->n; i++) {
    note_uses(graph, graph->order[i]);
    TRY(plan_stage(graph, graph->order[i]));
  }
done:
  return status;
}

void graph_clear(Graph *graph) {
  for (int64_t i = 0; graph->plans && i < graph->n; i++) schema_clear(&graph->plans[i].schema);
  for (int64_t i = 0; graph->stamps && i < graph->n; i++) memory_free(&graph->stamps[i]);
  memory_free(&graph->stamps);
  memory_free(&graph->order);
  memory_free(&graph->plans);
  memory_free(&graph->keys);
  memory_free(&graph->uses);
  *graph = (Graph){0};
}

static Hash add_text(Hash key, const char *text) { return hash_bytes(text, strlen(text), key); }

/* Key of a stage from what is known without its files. json: its options. */
static Hash stage_key(const Graph *graph, int64_t stage, const char *json) {
  const Config *config = graph->config;
  const StageConfig *own = &config->stages[stage];
  Hash key = add_text(hash_zero(), own->kind->kind.name);
  int64_t numbers[3] = {own->kind->kind.version, (int64_t)config->seed, config->block};
  key = hash_bytes(numbers, sizeof numbers, key);
  key = add_text(key, own->versions); /* of the kinds inside the options */
  key = add_text(key, json);
  for (int64_t p = 0; p < own->n_inputs; p++) {
    Hash input = own->inputs[p] >= 0 ? graph->keys[own->inputs[p]] : hash_zero();
    key = hash_bytes(&input, sizeof input, key);
  }
  return key;
}

Status graph_study_key(const Graph *graph, int64_t stage, Hash *key) {
  Status status = OK;
  const StageConfig *own = &graph->config->stages[stage];
  cJSON *options = NULL;
  Draft text = {0};
  TRY(json_parse("options", own->json, (int64_t)strlen(own->json), &options));
  cJSON_DeleteItemFromObjectCaseSensitive(options, own->kind->grows);
  json_write(options, false, &text);
  TRY(text.status);
  *key = stage_key(graph, stage, draft_text(&text));
done:
  cJSON_Delete(options);
  draft_clear(&text);
  return status;
}

static Status list_files(const StageConfig *stage, TextList *paths) {
  Status status = OK;
  if (stage->kind->files) status = stage->kind->files(stage->options, paths);
  return status_prefix(status, "/stages/%s: ", stage->name);
}

/* The stage's files, and their stamps before anything of them is read. */
static Status begin_files(Graph *graph, int64_t stage, TextList *paths) {
  Status status = OK;
  TRY(list_files(&graph->config->stages[stage], paths));
  memory_free(&graph->stamps[stage]); /* of an earlier keying */
  TRY(NEW(&graph->stamps[stage], paths->n));
  for (int64_t i = 0; i < paths->n; i++) graph->stamps[stage][i] = file_stamp(paths->items[i]);
done:
  return status;
}

static Status key_stage_all(const Comm *comm, Graph *graph, int64_t stage) {
  Status status = OK;
  TextList paths = {0};
  Hash key = stage_key(graph, stage, graph->config->stages[stage].json);
  AGREE(comm, begin_files(graph, stage, &paths));
  for (int64_t i = 0; i < paths.n; i++) {
    Hash content;
    TRY(file_hash_all(comm, paths.items[i], &content));
    key = hash_bytes(&content, sizeof content, key);
  }
  graph->keys[stage] = key;
done:
  memory_free(&paths.items);
  return status;
}

Status graph_keys_all(const Comm *comm, Graph *graph) {
  Status status = OK;
  for (int64_t i = 0; i < graph->n; i++) TRY(key_stage_all(comm, graph, graph->order[i]));
done:
  return status;
}

static Status files_check(const Graph *graph, int64_t stage) {
  Status status = OK;
  TextList paths = {0};
  TRY(list_files(&graph->config->stages[stage], &paths));
  for (int64_t i = 0; i < paths.n; i++) {
    FileStamp now = file_stamp(paths.items[i]), then = graph->stamps[stage][i];
    if (now.bytes == then.bytes && now.changed == then.changed) continue;
    status = status_fail(IO, "%s: changed since this run began; run again when it is complete",
                         paths.items[i]);
    break;
  }
done:
  memory_free(&paths.items);
  return status;
}

Status graph_files_check_all(const Comm *comm, const Graph *graph, int64_t stage) {
  return status_agree_all(comm, files_check(graph, stage));
}

bool graph_reaches(const Graph *graph, int64_t later, int64_t earlier) {
  return graph->uses[later * graph->n + earlier];
}
