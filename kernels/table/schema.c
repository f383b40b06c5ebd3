/* Schemas: names and types of the columns of a table that need not exist yet. */
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/base/names.h"
#include "table.h"

void schema_clear(Schema *schema) {
  for (int64_t i = 0; i < schema->n; i++) memory_free(&schema->columns[i].name);
  memory_free(&schema->columns);
  *schema = (Schema){0};
}

const SchemaColumn *schema_find(const Schema *schema, const char *name) {
  for (int64_t i = 0; i < schema->n; i++)
    if (strcmp(schema->columns[i].name, name) == 0) return &schema->columns[i];
  return NULL;
}

Status schema_add(Schema *schema, const char *name, ColumnType type) {
  Status status = OK;
  const SchemaColumn *old = schema_find(schema, name);
  if (old) {
    schema->columns[old - schema->columns].type = type;
    schema->columns[old - schema->columns].barred = NULL;
    return OK;
  }
  TRY(RESERVE(&schema->columns, &schema->capacity, schema->n + 1));
  TRY(memory_text(&schema->columns[schema->n].name, name));
  schema->columns[schema->n].barred = NULL;
  schema->columns[schema->n++].type = type;
done:
  return status;
}

void schema_bar(Schema *schema, const char *name, const char *reason) {
  const SchemaColumn *column = schema_find(schema, name);
  if (column) schema->columns[column - schema->columns].barred = reason;
}

/* The message of a column that is absent: the nearest name or, when none is near, a few. */
static Status absent(const Schema *schema, const char *name) {
  const char **names = NULL;
  char hint[160];
  if (NEW(&names, schema->n) != OK) return MEMORY;
  for (int64_t i = 0; i < schema->n; i++) names[i] = schema->columns[i].name;
  names_hint(name, names, schema->n, hint);
  memory_free(&names);
  if (hint[0] || schema->n == 0)
    return status_fail(INVALID, "column \"%s\" is not in the table%s", name,
                       hint[0] ? hint : ", which has no columns");
  char list[512];
  size_t used = 0;
  list[0] = 0;
  for (int64_t i = 0; i < schema->n; i++) {
    const char *known = schema->columns[i].name;
    size_t length = strlen(known) + 4;
    if (used + length + 8 > sizeof list) {
      memcpy(list + used, ", ...", 6);
      break;
    }
    used += (size_t)snprintf(list + used, sizeof list - used, "%s\"%s\"", i ? ", " : "", known);
  }
  return status_fail(INVALID, "column \"%s\" is not in the table; it has %s", name, list);
}

Status schema_require(const Schema *schema, const char *name, const SchemaColumn **out) {
  *out = schema_find(schema, name);
  return *out ? OK : absent(schema, name);
}

Status schema_copy(const Schema *schema, Schema *out) {
  Status status = OK;
  *out = (Schema){0};
  for (int64_t i = 0; i < schema->n; i++) {
    TRY(schema_add(out, schema->columns[i].name, schema->columns[i].type));
    out->columns[i].barred = schema->columns[i].barred;
  }
done:
  if (status != OK) schema_clear(out);
  return status;
}

Status schema_remove(Schema *schema, const char *name) {
  const SchemaColumn *column = NULL;
  Status status = schema_require(schema, name, &column);
  if (status != OK) return status;
  int64_t at = column - schema->columns;
  memory_free(&schema->columns[at].name);
  schema->n--;
  memmove(schema->columns + at, schema->columns + at + 1,
          (size_t)(schema->n - at) * sizeof *schema->columns);
  return OK;
}

Status schema_of(const Table *table, Schema *out) {
  Status status = OK;
  *out = (Schema){0};
  for (int64_t i = 0; i < table->n_columns; i++)
    TRY(schema_add(out, table->columns[i]->name, table->columns[i]->type));
done:
  if (status != OK) schema_clear(out);
  return status;
}
