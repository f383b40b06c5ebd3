/* All rows of a matrix on every rank; see points.h. */
#include "points.h"

#include <string.h>

#include "kernels/base/memory.h"

static int64_t stride_of(const Matrix *x) { return (x->rows.n_global + 15) / 8 * 8; }

int64_t points_bytes(const Matrix *x) { return stride_of(x) * x->d * (int64_t)sizeof(double); }

Status points_new_all(const Comm *comm, const Matrix *x, Points *out) {
  Status status = OK;
  void *all = NULL;
  *out = (Points){.x = *x};
  out->x.names = NULL;
  out->x.categories = NULL;
  out->x.rows = rows_of(x->rows.n_global, x->rows.block, 0, 1);
  out->x.stride = stride_of(x);
  TRY(comm_shared_new_all(comm, (size_t)points_bytes(x), &out->memory));
  out->x.data = out->memory.data;
  for (int64_t j = 0; j < x->d; j++) {
    TRY(comm_concatenate_all(comm, matrix_column(x, j), (size_t)x->rows.n * sizeof(double), &all,
                             NULL));
    if (out->memory.owner && x->rows.n_global > 0)
      memcpy(matrix_column(&out->x, j), all, (size_t)x->rows.n_global * sizeof(double));
    memory_free(&all);
  }
  comm_shared_publish_all(comm, &out->memory);
done:
  memory_free(&all);
  return status;
}

void points_clear_all(Points *points) {
  comm_shared_clear_all(&points->memory);
  *points = (Points){.x = {.d = 0}};
}
