/* Tables: a rank's rows as a list of shared columns, and the operations that stay on one rank. */
#include "table.h"

#include <string.h>

#include "kernels/base/memory.h"

Status table_init(Table *table, const Rows *rows) {
  *table = (Table){.rows = *rows};
  if (NEW(&table->row_id, rows->n) != OK) return MEMORY;
  for (int64_t i = 0; i < rows->n; i++) table->row_id[i] = rows->begin + i;
  return OK;
}

void table_clear(Table *table) {
  for (int64_t i = 0; i < table->n_columns; i++) column_release(&table->columns[i]);
  memory_free(&table->columns);
  memory_free(&table->row_id);
  *table = (Table){0};
}

static int64_t position(const Table *table, const char *name) {
  for (int64_t i = 0; i < table->n_columns; i++)
    if (strcmp(table->columns[i]->name, name) == 0) return i;
  return -1;
}

Status table_add(Table *table, Column *column) {
  Status status = OK;
  int64_t at = position(table, column->name);
  if (column->n != table->rows.n) {
    status = status_fail(INVALID, "column \"%s\" has %lld rows, the table %lld", column->name,
                         (long long)column->n, (long long)table->rows.n);
    goto done;
  }
  if (at < 0) {
    TRY(RESERVE(&table->columns, &table->capacity, table->n_columns + 1));
    at = table->n_columns++;
  }
  column_release(&table->columns[at]);
  table->columns[at] = column;
  column = NULL;
done:
  column_release(&column);
  return status;
}

Column *table_find(const Table *table, const char *name) {
  int64_t at = position(table, name);
  return at < 0 ? NULL : table->columns[at];
}

Status table_require(const Table *table, const char *name, Column **out) {
  *out = table_find(table, name);
  if (*out) return OK;
  Schema schema = {0};
  const SchemaColumn *none = NULL;
  Status status = schema_of(table, &schema);
  if (status == OK) status = schema_require(&schema, name, &none);
  schema_clear(&schema);
  return status;
}

void table_remove(Table *table, const char *name) {
  int64_t at = position(table, name);
  if (at < 0) return;
  column_release(&table->columns[at]);
  table->n_columns--;
  memmove(table->columns + at, table->columns + at + 1,
          (size_t)(table->n_columns - at) * sizeof(Column *));
  table->columns[table->n_columns] = NULL; /* a later column takes this place */
}

Status table_share(const Table *table, Table *out) {
  Status status = OK;
  TRY(table_init(out, &table->rows));
  if (table->rows.n > 0)
    memcpy(out->row_id, table->row_id, (size_t)table->rows.n * sizeof *out->row_id);
  for (int64_t i = 0; i < table->n_columns; i++)
    TRY(table_add(out, column_share(table->columns[i])));
done:
  if (status != OK) table_clear(out);
  return status;
}

Status table_take(const Table *table, const int64_t *at, int64_t n, Table *out) {
  Status status = OK;
  Rows rows = rows_of(n, table->rows.block, 0, 1);
  TRY(table_init(out, &rows));
  for (int64_t i = 0; i < n; i++) out->row_id[i] = at[i] < 0 ? -1 : table->row_id[at[i]];
  for (int64_t i = 0; i < table->n_columns; i++) {
    Column *column = NULL;
    TRY(column_take(table->columns[i], at, n, &column));
    TRY(table_add(out, column));
  }
done:
  if (status != OK) table_clear(out);
  return status;
}
