/* Several number columns at once; see numbers.h. */
#include "numbers.h"

#include "kernels/base/memory.h"

static bool is_number(ColumnType type) { return TAKES_NUMBERS & 1 << type; }

Status numbers_plan(FrameSchema *schema, const TextList *columns, bool keep, const char *step) {
  Status status = OK;
  Schema *features = &schema->features;
  if (columns->n > 0) TRY(plan_listed(schema, columns, TAKES_NUMBERS, step));
  if (keep) goto done;
  for (int64_t j = 0; j < columns->n; j++)
    if (schema_find(features, columns->items[j])) TRY(schema_remove(features, columns->items[j]));
  for (int64_t j = features->n - 1; columns->n == 0 && j >= 0; j--)
    if (is_number(features->columns[j].type))
      TRY(schema_remove(features, features->columns[j].name));
done:
  return status;
}

Status numbers_begin(const TextList *columns, const Frame *frame, Numbers *out) {
  Status status = OK;
  const Table *features = &frame->features;
  int64_t most = columns->n > 0 ? columns->n : features->n_columns;
  TRY(NEW(&out->names, most));
  for (int64_t j = 0; j < most; j++) {
    if (columns->n == 0 && !is_number(features->columns[j]->type)) continue;
    TRY(memory_text(&out->names[out->n],
                    columns->n > 0 ? columns->items[j] : features->columns[j]->name));
    out->n++;
  }
  if (out->n == 0) status = status_fail(INVALID, "columns: no feature is a number by then");
done:
  return status;
}

void numbers_clear(Numbers *numbers) {
  for (int64_t j = 0; numbers->names && j < numbers->n; j++) memory_free(&numbers->names[j]);
  memory_free(&numbers->names);
  numbers->n = 0;
}

Status numbers_fields(Numbers *numbers, Fields *fields) {
  Status status = OK;
  TRY(fields_texts(fields, "columns", &numbers->n, &numbers->names));
  for (int64_t j = 0; j < numbers->n && status == OK; j++)
    if (!numbers->names[j]) status = status_fail(FORMAT, "the fields hold no columns");
done:
  return status;
}

Status numbers_matrix(const Numbers *numbers, const Frame *frame, const char *step, Matrix *out) {
  Status status = OK;
  TRY(matrix_init(out, &frame->features.rows, numbers->n));
  for (int64_t j = 0; j < numbers->n; j++) {
    Column *column = NULL;
    double *values = matrix_column(out, j);
    TRY(frame_typed(frame, numbers->names[j], TAKES_NUMBERS, step, &column));
    TRY(memory_text(&out->names[j], numbers->names[j]));
    for (int64_t i = 0; i < column->n; i++) values[i] = column_real(column, i);
  }
done:
  return status;
}

void numbers_remove(const Numbers *numbers, Frame *frame) {
  for (int64_t j = 0; j < numbers->n; j++)
    if (table_find(&frame->features, numbers->names[j]))
      table_remove(&frame->features, numbers->names[j]);
}

Status numbers_put(Frame *frame, Column **column, const char *option) {
  if (!table_find(&frame->features, (*column)->name)) return frame_put(frame, column);
  Status status =
      status_fail(INVALID, "%s: there is a feature \"%s\" already", option, (*column)->name);
  column_release(column);
  return status;
}
