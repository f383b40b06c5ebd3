/* Running clean by itself: options from JSON text, a table in, an artifact out. */
#ifndef SEGUE_TESTS_PIPELINE_CLEAN_CASE_H
#define SEGUE_TESTS_PIPELINE_CLEAN_CASE_H

#include "kernels/base/memory.h"
#include "pipeline/artifact.h"
#include "pipeline/options_json.h"
#include "tests/check.h"

extern const StageKind clean_stage;

static inline Status clean_parse(const char *json, void **options) {
  static const Kind *const none[] = {NULL};
  const Kinds kinds = {none, none, none, none};
  cJSON *object = NULL;
  Place place = {.key = "/clean"};
  *options = NULL;
  Status status = json_parse("text", json, (int64_t)strlen(json), &object);
  if (status == OK)
    status = options_parse(&kinds, &clean_stage.kind, object, NULL, &place, options);
  cJSON_Delete(object);
  return status;
}

static inline Status clean_plan(const char *json, const Schema *schema, Schema *out) {
  void *options = NULL;
  Planned input = {.type = PORT_TABLE, .schema = *schema}, output = {.type = PORT_TABLE};
  const Planned *inputs[] = {&input};
  Status status = clean_parse(json, &options);
  if (status == OK) status = clean_stage.plan(options, inputs, &output);
  options_free(&clean_stage.kind, &options);
  *out = output.schema;
  return status;
}

/* Run it, and hold the columns of its table against the plan. The caller clears out. */
static inline Status clean_run_all(const Comm *comm, const char *json, const Table *table,
                                   Artifact *out) {
  void *options = NULL;
  Schema schema = {0}, planned = {0};
  StageContext context = {.comm = comm, .block = table->rows.block};
  Artifact input = {.type = PORT_TABLE, .table = *table};
  const Artifact *inputs[] = {&input};
  *out = (Artifact){.type = PORT_TABLE};
  summary_init(&out->summary, comm->rank == 0);
  CHECK_OK(schema_of(table, &schema));
  Status status = clean_plan(json, &schema, &planned);
  if (status == OK) status = clean_parse(json, &options);
  if (status == OK) status = clean_stage.run_all(&context, options, inputs, out);
  if (status == OK) CHECK_INTEGER(out->table.n_columns, planned.n);
  for (int64_t j = 0; status == OK && j < planned.n; j++) {
    CHECK_TEXT(out->table.columns[j]->name, planned.columns[j].name);
    CHECK_INTEGER(out->table.columns[j]->type, planned.columns[j].type);
  }
  options_free(&clean_stage.kind, &options);
  schema_clear(&schema);
  schema_clear(&planned);
  return status;
}

static inline void clean_clear(Artifact *artifact) {
  table_clear(&artifact->table);
  summary_clear(&artifact->summary);
}

/* The count of a decision; -1 when it was not told. Rank 0. */
static inline int64_t clean_decision(const Summary *summary, const char *what, const char *column) {
  for (int64_t t = 0; t < summary->n_tables; t++) {
    const SummaryTable *table = &summary->tables[t];
    for (int64_t i = 0; strcmp(table->name, "decisions") == 0 && i < table->n_rows; i++) {
      const Cell *cells = table->cells + i * table->n_columns;
      if (strcmp(cells[0].text, what) == 0 && strcmp(cells[1].text, column) == 0)
        return cells[2].integer;
    }
  }
  return -1;
}

#endif
