/* Extreme columns of rows; see unusual.h. */
#include "unusual.h"

#include <math.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/exact.h"

Status unusual_init_all(const Comm *comm, const Matrix *x, Unusual *out) {
  Status status = OK;
  *out = (Unusual){.d = x->d};
  AGREE(comm, NEW(&out->mean, x->d));
  AGREE(comm, NEW(&out->deviation, x->d));
  for (int64_t j = 0; j < x->d; j++) {
    int64_t count = 0;
    double variance = 0;
    exact_moments_all(comm, matrix_column(x, j), NULL, x->rows.n, &count, &out->mean[j], &variance);
    out->deviation[j] = sqrt(variance);
  }
done:
  return status;
}

void unusual_clear(Unusual *unusual) {
  memory_free(&unusual->mean);
  memory_free(&unusual->deviation);
}

double unusual_of(const Unusual *unusual, const Matrix *x, int64_t i, int64_t j) {
  if (!(unusual->deviation[j] > 0)) return 0;
  return (matrix_column(x, j)[i] - unusual->mean[j]) / unusual->deviation[j];
}

void unusual_columns(const Unusual *unusual, const Matrix *x, int64_t i, int64_t n,
                     int64_t *columns) {
  int64_t found = 0;
  for (int64_t j = 0; j < x->d; j++) {
    double here = fabs(unusual_of(unusual, x, i, j));
    int64_t place = found < n ? found : n;
    while (place > 0 && fabs(unusual_of(unusual, x, i, columns[place - 1])) < here) {
      if (place < n) columns[place] = columns[place - 1];
      place--;
    }
    if (place < n) columns[place] = j;
    found += found < n;
  }
  for (; found < n; found++) columns[found] = -1;
}
