/* A fitted k-means: labels and distances of any rows; what lasts; see kmeans.h. */
#include <math.h>

#include "kernels/base/memory.h"
#include "kmeans_parts.h"

Status kmeans_assign(const Kmeans *kmeans, const Matrix *x, int32_t *label, double *squared) {
  int64_t found[KMEANS_CHUNK] __attribute__((aligned(64))), n = x->rows.n;
  double best[KMEANS_CHUNK] __attribute__((aligned(64)));
  double second[KMEANS_CHUNK] __attribute__((aligned(64)));
  double *buffer = NULL;
  Status status = NEW(&buffer, kmeans->d * KMEANS_CHUNK);
  for (int64_t from = 0; status == OK && from < n; from += KMEANS_CHUNK) {
    int64_t rows = n - from < KMEANS_CHUNK ? n - from : KMEANS_CHUNK;
    kmeans_gather(x, from, rows, buffer);
    kmeans_nearest(buffer, rows, kmeans->d, kmeans->centre, kmeans->k, found, best, second);
    for (int64_t i = 0; i < rows; i++) {
      label[from + i] = isnan(best[i]) ? -1 : (int32_t)found[i];
      if (squared) squared[from + i] = best[i];
    }
  }
  memory_free(&buffer);
  return status;
}

Status kmeans_distances(const Kmeans *kmeans, const Matrix *x, double *const *out) {
  double squared[KMEANS_CHUNK] __attribute__((aligned(64)));
  double *buffer = NULL;
  int64_t n = x->rows.n;
  Status status = NEW(&buffer, kmeans->d * KMEANS_CHUNK);
  for (int64_t from = 0; status == OK && from < n; from += KMEANS_CHUNK) {
    int64_t rows = n - from < KMEANS_CHUNK ? n - from : KMEANS_CHUNK;
    kmeans_gather(x, from, rows, buffer);
    for (int64_t c = 0; c < kmeans->k; c++) {
      kmeans_squared(buffer, rows, kmeans->d, kmeans->centre + c * kmeans->d, squared);
      for (int64_t i = 0; i < rows; i++) out[c][from + i] = sqrt(squared[i]);
    }
  }
  memory_free(&buffer);
  return status;
}

/* ---- what lasts ---- */

Status kmeans_fields(Kmeans *kmeans, Fields *fields) {
  Status status = OK;
  TRY(fields_integer(fields, "rows", &kmeans->n));
  if (fields->mode == FIELDS_IN) kmeans->k = kmeans->d = -1;
  int64_t shape[] = {kmeans->k, kmeans->d};
  TRY(fields_array(fields, "centre", FIELD_REAL, &kmeans->centre, 2, shape));
  kmeans->k = shape[0];
  kmeans->d = shape[1];
  TRY(fields_array(fields, "size", FIELD_INTEGER, &kmeans->size, 1, &kmeans->k));
  TRY(fields_real(fields, "inertia", &kmeans->inertia));
done:
  return status;
}

void kmeans_clear(Kmeans *kmeans) {
  memory_free(&kmeans->centre);
  memory_free(&kmeans->size);
  memory_free(&kmeans->start_inertia);
  *kmeans = (Kmeans){0};
}
