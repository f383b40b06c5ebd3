/* Columns in parts; see column_parts.h. */
#include "column_parts.h"

#include "kernels/base/memory.h"

Status column_bare(Column **out, const char *name, ColumnType type) {
  Status status = OK;
  Column *column = NULL;
  TRY(NEW(&column, 1));
  column->references = 1;
  column->type = type;
  TRY(memory_text(&column->name, name));
done:
  if (status != OK) column_release(&column);
  *out = column;
  return status;
}

Status column_lengths(const Column *column, int32_t **lengths) {
  if (NEW(lengths, column->n) != OK) return MEMORY;
  for (int64_t i = 0; i < column->n; i++) {
    int64_t length = column->offset[i + 1] - column->offset[i];
    if (length > INT32_MAX)
      return status_fail(INVALID,
                         "column \"%s\": a value has %lld items; at most %d are allowed in one row",
                         column->name, (long long)length, INT32_MAX);
    (*lengths)[i] = (int32_t)length;
  }
  return OK;
}

Status column_offsets(const int32_t *lengths, int64_t n, int64_t **offset) {
  if (NEW(offset, n + 1) != OK) return MEMORY;
  for (int64_t i = 0; i < n; i++) {
    if (lengths[i] < 0)
      return status_fail(FORMAT, "the length %d of a text or list is negative", lengths[i]);
    (*offset)[i + 1] = (*offset)[i] + lengths[i];
  }
  return OK;
}

void column_adopt_missing(Column *column, uint8_t *flags) {
  bool any = false;
  for (int64_t i = 0; i < column->n; i++) any |= flags[i] != 0;
  if (any)
    column->missing = flags;
  else
    memory_free(&flags);
}
