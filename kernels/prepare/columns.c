/* Columns by name and type; see columns.h. */
#include "columns.h"

#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"

static const char *types_text(int types) {
  switch (types) {
    case TAKES_NUMBERS: return "numbers and booleans";
    case TAKES_NUMBERS | TAKES_CATEGORIES: return "numbers, booleans and categories";
    case TAKES_WORDS: return "categories and lists";
    case TAKES_DATES: return "dates";
    default: return "other types";
  }
}

static Status check_type(const char *name, ColumnType type, int types, const char *step) {
  if (types & 1 << type) return OK;
  return status_fail(INVALID, "column \"%s\" is %s; %s takes %s", name, column_type_phrase(type),
                     step, types_text(types));
}

Status plan_typed(FrameSchema *schema, const char *option, const char *name, int types,
                  const char *step, ColumnType *type) {
  ColumnType found = COLUMN_REAL;
  Status status = plan_column(schema, name, &found);
  if (status == OK) status = check_type(name, found, types, step);
  if (status == OK && type) *type = found;
  return status_prefix(status, "%s: ", option);
}

Status plan_listed(FrameSchema *schema, const TextList *columns, int types, const char *step) {
  if (columns->n == 0) return status_fail(INVALID, "columns: name at least one column");
  Status status = OK;
  for (int64_t j = 0; j < columns->n && status == OK; j++)
    status = plan_typed(schema, "columns", columns->items[j], types, step, NULL);
  return status;
}

Status plan_made(FrameSchema *schema, const char *option, const char *name) {
  if (name[0] == 0) return status_fail(INVALID, "%s: a feature needs a name", option);
  if (schema_find(&schema->features, name))
    return status_fail(INVALID, "%s: there is a feature \"%s\" already", option, name);
  return schema_add(&schema->features, name, COLUMN_REAL);
}

static Status join_name(const char *name, const char *suffix, char **out) {
  size_t length = strlen(name) + strlen(suffix) + 1;
  Status status = NEW(out, (int64_t)length);
  if (status == OK) snprintf(*out, length, "%s%s", name, suffix);
  return status;
}

Status plan_replaced(FrameSchema *schema, const char *from, const char *suffix, bool keep) {
  Status status = OK;
  char *name = NULL;
  if (!keep && schema_find(&schema->features, from)) TRY(schema_remove(&schema->features, from));
  TRY(join_name(from, suffix, &name));
  TRY(plan_made(schema, "columns", name));
done:
  memory_free(&name);
  return status;
}

Status frame_typed(const Frame *frame, const char *name, int types, const char *step,
                   Column **out) {
  Status status = frame_column(frame, name, out);
  return status == OK ? check_type(name, (*out)->type, types, step) : status;
}

Status frame_new(const Frame *frame, const char *name, const char *suffix, ColumnType type,
                 Column **out) {
  Status status = OK;
  char *full = NULL;
  TRY(join_name(name, suffix, &full));
  TRY(column_new(out, full, type, frame->features.rows.n, 0));
done:
  memory_free(&full);
  return status;
}

Status frame_reals(const Frame *frame, const Column *column, Column **out) {
  Status status = frame_new(frame, column->name, "", COLUMN_REAL, out);
  if (status != OK) return status;
  for (int64_t i = 0; i < column->n; i++) (*out)->real[i] = column_real(column, i);
  return OK;
}

Status frame_put(Frame *frame, Column **column) {
  Column *given = *column;
  *column = NULL;
  return table_add(&frame->features, given);
}
