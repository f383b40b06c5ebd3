/* Matrix: features as 64-byte aligned columns of this rank's rows.
 *
 * Column-major, so that a step of a recipe writes a column in one sweep and a tree reads one; a
 * block of rows is a column-major view with the same stride, which BLAS takes as it is. The
 * stride is the rows rounded up to whole blocks and a cache line; rows past the end are zero. */
#ifndef SEGUE_NUMERIC_MATRIX_H
#define SEGUE_NUMERIC_MATRIX_H

#include "rows.h"

typedef struct Matrix {
  Rows rows;
  int64_t d;      /* columns */
  int64_t stride; /* doubles from a column to the next, a multiple of 8 */
  double *data;   /* d x stride; missing values are NaN */
  char **names;   /* d column names, owned; NULL in a view */
  /* d, owned: how many categories a column has, whose values are then their codes 0 .. k - 1, k for
   * a word that no training row has, or NaN; 0: the column is a number. NULL: all are numbers. */
  int32_t *categories;
} Matrix;

/* Local. The caller clears it. Fails with MEMORY. */
CHECKED Status matrix_init(Matrix *matrix, const Rows *rows, int64_t d);
void matrix_clear(Matrix *matrix);
static inline double *matrix_column(const Matrix *matrix, int64_t j) {
  return matrix->data + j * matrix->stride;
}
/* Is every value of this rank's rows finite? Local. Fails with NUMERIC: who, the column, the row (by
 * row_id, or by its number where that is NULL), the fix. */
CHECKED Status matrix_check_finite(const Matrix *matrix, const int64_t *row_id, const char *who);
/* Categories of a column; 0: it is a number. Local. */
static inline int32_t matrix_categories(const Matrix *matrix, int64_t j) {
  return matrix->categories ? matrix->categories[j] : 0;
}
/* A borrowed view of this rank's b-th block: rows.n = rows of the block, rows.begin global. */
Matrix matrix_view_block(const Matrix *matrix, int64_t b);

#endif
