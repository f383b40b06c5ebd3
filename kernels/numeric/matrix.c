/* A column-major matrix of this rank's rows; see matrix.h. */
#include "matrix.h"

#include <math.h>

#include "kernels/base/memory.h"

/* Whole blocks and one cache line: columns that lie a power of two apart would fall into the same
 * few sets of the first-level cache when a row is read across columns. */
static int64_t stride_of(const Rows *rows) {
  int64_t whole = rows_blocks(rows) * rows->block;
  return (whole + 7) / 8 * 8 + 8;
}

Status matrix_init(Matrix *matrix, const Rows *rows, int64_t d) {
  Status status = OK;
  *matrix = (Matrix){.rows = *rows, .d = d, .stride = stride_of(rows)};
  int64_t count = 0;
  if (__builtin_mul_overflow(matrix->stride, d, &count)) count = INT64_MAX;
  TRY(NEW(&matrix->data, count));
  TRY(NEW(&matrix->names, d));
done:
  return status;
}

void matrix_clear(Matrix *matrix) {
  for (int64_t j = 0; matrix->names && j < matrix->d; j++) memory_free(&matrix->names[j]);
  memory_free(&matrix->names);
  memory_free(&matrix->categories);
  memory_free(&matrix->data);
  *matrix = (Matrix){.d = 0};
}

Status matrix_check_finite(const Matrix *matrix, const int64_t *row_id, const char *who) {
  for (int64_t j = 0; j < matrix->d; j++) {
    const double *column = matrix_column(matrix, j);
    for (int64_t i = 0; i < matrix->rows.n; i++) {
      if (isfinite(column[i])) continue;
      return status_fail(NUMERIC,
                         "%s: \"%s\" is %s in row %lld; numbers are needed everywhere (add an "
                         "impute step to the recipe)",
                         who, matrix->names ? matrix->names[j] : "a column",
                         isnan(column[i]) ? "missing" : "infinite",
                         (long long)(row_id ? row_id[i] : matrix->rows.begin + i));
    }
  }
  return OK;
}

Matrix matrix_view_block(const Matrix *matrix, int64_t b) {
  Matrix view = *matrix;
  view.rows.begin += b * matrix->rows.block;
  view.rows.n = rows_in_block(&matrix->rows, b);
  view.data += b * matrix->rows.block;
  view.names = NULL;
  return view;
}
