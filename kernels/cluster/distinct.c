/* Distinct rows, found by their hashes; see distinct.h. */
#include "distinct.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"

static Status gather_all(const Comm *comm, const Matrix *x, double **rows) {
  Status status = OK;
  int64_t n = x->rows.n_global, d = x->d;
  double *column = NULL;
  AGREE(comm, NEW_RAW(rows, n * d));
  for (int64_t j = 0; j < d; j++) {
    TRY(comm_concatenate_all(comm, matrix_column(x, j), (size_t)x->rows.n * sizeof(double),
                             (void **)&column, NULL));
    for (int64_t i = 0; i < n; i++) (*rows)[i * d + j] = column[i] + 0.0; /* -0 is 0 */
    memory_free(&column);
  }
done:
  memory_free(&column);
  return status;
}

typedef struct Hashed {
  Hash hash;
  int64_t row;
} Hashed;

static int by_hash(const void *a, const void *b) {
  const Hashed *x = a, *y = b;
  int order = hash_compare(&x->hash, &y->hash);
  return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* first[i]: the first row that is equal to row i. */
static Status find_equal(const double *rows, int64_t n, int64_t d, int32_t *first) {
  Status status = OK;
  Hashed *order = NULL;
  size_t bytes = (size_t)d * sizeof(double);
  TRY(NEW(&order, n));
  for (int64_t i = 0; i < n; i++)
    order[i] = (Hashed){hash_bytes(rows + i * d, bytes, hash_zero()), i};
  qsort(order, (size_t)n, sizeof *order, by_hash);
  for (int64_t p = 0, start = 0; p < n; p++) {
    if (hash_compare(&order[start].hash, &order[p].hash) != 0) start = p;
    first[order[p].row] = (int32_t)order[start].row;
  }
done:
  memory_free(&order);
  return status;
}

static Status collapse(const double *rows, int64_t n, Distinct *out) {
  Status status = OK;
  int32_t *place = NULL, *first = NULL;
  int64_t d = out->d, at = 0;
  TRY(NEW(&place, n));
  TRY(NEW(&first, n));
  TRY(NEW(&out->merges, n));
  TRY(find_equal(rows, n, d, first));
  for (int64_t i = 0; i < n; i++) out->n += first[i] == i;
  TRY(NEW(&out->point, out->n * d));
  TRY(NEW(&out->size, out->n));
  TRY(NEW(&out->row, out->n));
  for (int64_t i = 0; i < n; i++) {
    if (first[i] == i) {
      memcpy(out->point + at * d, rows + i * d, (size_t)d * sizeof(double));
      out->row[at] = (int32_t)i;
      place[i] = (int32_t)at++;
    } else {
      out->merges[out->merged++] = (Merge){0, first[i], i};
    }
    out->size[place[first[i]]]++;
  }
done:
  memory_free(&place);
  memory_free(&first);
  return status;
}

static Status check(const Matrix *x, const char *who) {
  if (x->rows.n_global == 0) return status_fail(INVALID, "%s: there is no row to cluster", who);
  if (x->d == 0) return status_fail(INVALID, "%s: there is no column to cluster by", who);
  if (x->rows.n_global > INT32_MAX)
    return status_fail(INVALID, "%s: at most 2^31 - 1 rows are possible", who);
  return matrix_check_finite(x, NULL, who);
}

Status distinct_all(const Comm *comm, const Matrix *x, const char *who, Distinct *out) {
  Status status = OK;
  double *rows = NULL;
  *out = (Distinct){.d = x->d};
  AGREE(comm, check(x, who));
  TRY(gather_all(comm, x, &rows));
  AGREE(comm, collapse(rows, x->rows.n_global, out));
done:
  memory_free(&rows);
  return status;
}

void distinct_clear(Distinct *distinct) {
  memory_free(&distinct->point);
  memory_free(&distinct->size);
  memory_free(&distinct->row);
  memory_free(&distinct->merges);
}
