/* Artifacts between memory and store; see artifact.h. */
#include "artifact.h"

#include <stdio.h>
#include <string.h>

#include "io/summary_json.h"
#include "kernels/base/memory.h"

const char *const port_type_words[] = {"table", "folds", "bundle", "nothing"};

void artifact_init(Artifact *artifact, const StageKind *kind, const StageKind *maker,
                   const void *options, bool root) {
  *artifact = (Artifact){.type = kind->output};
  summary_init(&artifact->summary, root);
  if (kind->output == PORT_BUNDLE && maker->choose) {
    bundle_init_open(&artifact->bundle, maker->choose, options);
  } else if (kind->output == PORT_BUNDLE) {
    Spec spec = {0};
    maker->spec(options, &spec);
    bundle_init(&artifact->bundle, &spec);
  }
}

void artifact_clear(Artifact *artifact) {
  table_clear(&artifact->table);
  table_clear(&artifact->predictions);
  held_values_clear(&artifact->held);
  folds_clear(&artifact->folds);
  if (artifact->type == PORT_BUNDLE) bundle_clear(&artifact->bundle);
  summary_clear(&artifact->summary);
  *artifact = (Artifact){.type = artifact->type};
}

/* The rows that the distributed fields of an artifact share; NULL: it has none. */
static Rows *artifact_rows(Artifact *artifact) {
  switch (artifact->type) {
    case PORT_TABLE: return &artifact->table.rows;
    case PORT_FOLDS: return &artifact->folds.rows;
    case PORT_BUNDLE: return &artifact->predictions.rows;
    case PORT_NOTHING: break;
  }
  return NULL;
}

static Status visit_part(Fields *fields, const char *part, Table *table) {
  fields_enter(fields, part);
  Status status = table_fields(table, fields);
  fields_leave(fields);
  return status;
}

/* summary: as JSON, the result of a stage that gives nothing else, so that its hash covers what it
 * found; OUT alone. */
static Status artifact_fields(Artifact *artifact, const char *summary, Fields *fields) {
  Status status = OK;
  char *told = (char *)(uintptr_t)summary; /* OUT changes nothing */
  switch (artifact->type) {
    case PORT_TABLE: TRY(visit_part(fields, "table", &artifact->table)); break;
    case PORT_FOLDS:
      fields_enter(fields, "folds");
      status = folds_fields(&artifact->folds, fields);
      fields_leave(fields);
      break;
    case PORT_BUNDLE:
      fields_enter(fields, "bundle");
      status = bundle_fields(&artifact->bundle, fields);
      fields_leave(fields);
      if (status == OK) status = visit_part(fields, "predictions", &artifact->predictions);
      TRY(status);
      fields_enter(fields, "out_of_fold");
      status = held_values_fields(&artifact->held, fields);
      fields_leave(fields);
      break;
    case PORT_NOTHING:
      if (fields->mode == FIELDS_OUT) status = fields_text(fields, "summary", &told);
      break;
  }
done:
  return status;
}

/* The files that fields link to, as " clean-KEY.h5 tracks-KEY.h5 ". */
static Status linked_files(const Fields *fields, char **text) {
  Status status = OK;
  int64_t n = 1, capacity = 0;
  TRY(RESERVE(text, &capacity, 2));
  memcpy(*text, " ", 2);
  for (int64_t i = 0; i < fields->n; i++) {
    char file[512];
    const char *origin = fields->items[i].origin, *colon = origin ? strchr(origin, ':') : NULL;
    if (!colon) continue;
    int length = snprintf(file, sizeof file, " %.*s ", (int)(colon - origin), origin);
    if (strstr(*text, file)) continue;
    TRY(RESERVE(text, &capacity, n + length + 1));
    memcpy(*text + n - 1, file, (size_t)length + 1); /* shares the blank */
    n += length - 1;
  }
done:
  return status;
}

static Status with_own_texts(const StoreTexts *texts, const Hash *content, const Fields *fields,
                             char digits[33], char **links, StoreTexts *out) {
  Status status = OK;
  hash_text(content, digits);
  TRY(linked_files(fields, links));
  TRY(NEW(&out->items, texts->n + 2));
  memcpy(out->items, texts->items, (size_t)texts->n * sizeof *texts->items);
  out->items[texts->n] = (StoreText){"content", digits};
  out->items[texts->n + 1] = (StoreText){"links", *links};
  out->n = texts->n + 2;
done:
  return status;
}

Status artifact_write_all(const Comm *comm, const char *path, const StoreTexts *texts,
                          Artifact *artifact, Hash *content) {
  Status status = OK;
  Fields fields;
  StoreTexts all = {0};
  char digits[33], *links = NULL;
  fields_init(&fields, FIELDS_OUT);
  Rows *rows = artifact_rows(artifact);
  AGREE(comm, artifact_fields(artifact, store_text(texts, "summary"), &fields));
  TRY(store_hash_all(comm, &fields, rows, content));
  AGREE(comm, with_own_texts(texts, content, &fields, digits, &links, &all));
  TRY(store_write_all(comm, path, &all, &fields, rows));
  const char *slash = strrchr(path, '/');
  if (artifact->type == PORT_TABLE)
    AGREE(comm, table_stored(&artifact->table, slash ? slash + 1 : path, "table"));
done:
  fields_clear(&fields);
  memory_free(&all.items);
  memory_free(&links);
  return status;
}

Status artifact_take(Artifact *artifact, Fields *fields, const Rows *rows,
                     const StoreTexts *texts) {
  Status status = OK;
  const char *summary = store_text(texts, "summary");
  Rows *own = artifact_rows(artifact);
  if (own) *own = *rows;
  TRY(artifact_fields(artifact, NULL, fields));
  if (summary) TRY(summary_from_json(summary, &artifact->summary));
done:
  return status;
}

Status artifact_read_all(const Comm *comm, const char *path, Artifact *artifact,
                         StoreTexts *texts) {
  Status status = OK;
  Fields fields;
  Rows rows;
  fields_init(&fields, FIELDS_IN);
  TRY(store_read_all(comm, path, texts, &fields, &rows));
  AGREE(comm, artifact_take(artifact, &fields, &rows, texts));
done:
  fields_clear(&fields);
  return status;
}
