/* Neighbours kept; see recall.h. */
#include "recall.h"

#include "kernels/base/memory.h"

enum { PART = 4096 };

static int64_t common(const int32_t *a, const int32_t *b, int64_t k) {
  int64_t n = 0;
  for (int64_t i = 0; i < k; i++)
    for (int64_t j = 0; j < k; j++) n += a[i] == b[j];
  return n;
}

static Status count(const Neighbors *first, const Matrix *x, const Neighbors *second,
                    const Matrix *map, int64_t k, int64_t *kept) {
  Status status = OK;
  int64_t *at = NULL;
  int32_t *a = NULL, *b = NULL;
  TRY(NEW(&at, PART));
  TRY(NEW(&a, PART * k));
  TRY(NEW(&b, PART * k));
  for (int64_t begin = 0; begin < x->rows.n; begin += PART) {
    int64_t n = x->rows.n - begin < PART ? x->rows.n - begin : PART;
    for (int64_t i = 0; i < n; i++) at[i] = begin + i;
    TRY(neighbors_nearest(first, &(NeighborsQuery){x, at, n, true}, k, a, NULL));
    TRY(neighbors_nearest(second, &(NeighborsQuery){map, at, n, true}, k, b, NULL));
    for (int64_t i = 0; i < n; i++) *kept += common(a + i * k, b + i * k, k);
  }
done:
  memory_free(&at);
  memory_free(&a);
  memory_free(&b);
  return status;
}

Status neighbors_recall_all(const Comm *comm, const Matrix *x, const Matrix *map, int64_t k,
                            double *recall) {
  Status status = OK;
  Neighbors first = {0}, second = {0};
  int64_t kept = 0, n = x->rows.n_global;
  k = k < n - 1 ? k : n - 1;
  *recall = 1;
  if (k < 1) return OK;
  TRY(neighbors_new_all(comm, x, NULL, NEIGHBORS_EUCLIDEAN, &first));
  TRY(neighbors_new_all(comm, map, NULL, NEIGHBORS_EUCLIDEAN, &second));
  AGREE(comm, count(&first, x, &second, map, k, &kept));
  *recall = (double)comm_sum_one_all(comm, kept) / (double)(n * k);
done:
  neighbors_clear_all(&first);
  neighbors_clear_all(&second);
  return status;
}
