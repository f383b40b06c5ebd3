/* Checks of rows; see measure_row.h. */
#include "measure_row.h"

#include <math.h>

/* Squares of larger differences would overflow. */
static const double LARGEST = 1e150;

static Status refuse_value(const Matrix *x, int64_t i, int64_t j) {
  const char *name = x->names && x->names[j] ? x->names[j] : "";
  double value = matrix_column(x, j)[i];
  if (isfinite(value))
    return status_fail(INVALID,
                       "column %lld%s%s%s is %g in row %lld: distances take values up to "
                       "%g; scale it",
                       (long long)j, name[0] ? " \"" : "", name, name[0] ? "\"" : "", value,
                       (long long)(x->rows.begin + i), LARGEST);
  return status_fail(INVALID,
                     "column %lld%s%s%s is %s in row %lld: distances need every value; "
                     "impute it or leave the row out",
                     (long long)j, name[0] ? " \"" : "", name, name[0] ? "\"" : "",
                     isnan(value) ? "missing" : "infinite", (long long)(x->rows.begin + i));
}

Status row_check(const Matrix *x, int64_t i, NeighborsMetric metric, double *length) {
  double largest = 0, sum = 0;
  *length = 1;
  for (int64_t j = 0; j < x->d; j++) {
    double value = fabs(matrix_column(x, j)[i]);
    if (!(value <= LARGEST)) return refuse_value(x, i, j);
    largest = value > largest ? value : largest;
  }
  if (metric != NEIGHBORS_COSINE) return OK;
  if (largest == 0)
    return status_fail(INVALID,
                       "row %lld is all zeros, which has no direction: cosine distances "
                       "are not defined; use euclidean, or leave the row out",
                       (long long)(x->rows.begin + i));
  for (int64_t j = 0; j < x->d; j++) {
    double part = matrix_column(x, j)[i] / largest;
    sum += part * part;
  }
  *length = largest * sqrt(sum);
  return OK;
}
