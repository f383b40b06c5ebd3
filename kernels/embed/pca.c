/* Principal components; see pca.h.
 *
 * Two passes: exact means, then the products of centred columns. Inside a block of rows the
 * products are one BLAS call, whose shape depends on the block alone; blocks are joined exactly.
 * Rejected: one pass over X'X - n m m', which loses the digits of columns far from 0; the
 * triangular factor of the rows (kernels/linear/tall.h), which keeps more digits of components that
 * explain less than 1e-12 of the variance, and nobody looks at those. */
#include "pca.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/exact.h"

static Status means_all(const Comm *comm, const Matrix *x, double *mean) {
  Status status = OK;
  Exact *sums = NULL;
  AGREE(comm, NEW(&sums, x->d));
  for (int64_t j = 0; j < x->d; j++) {
    const double *column = matrix_column(x, j);
    exact_init(&sums[j]);
    for (int64_t i = 0; i < x->rows.n; i++) exact_add(&sums[j], column[i]);
  }
  exact_join_all(comm, sums, x->d);
  for (int64_t j = 0; j < x->d; j++) mean[j] = exact_round(&sums[j]) / (double)x->rows.n_global;
done:
  memory_free(&sums);
  return status;
}

/* Add a block's products of centred columns. centred: block x d; product: d x d. */
static void add_block(const Matrix *x, int64_t b, const double *mean, double *centred,
                      double *product, Exact *sums) {
  Matrix part = matrix_view_block(x, b);
  int64_t n = part.rows.n, d = x->d;
  for (int64_t j = 0; j < d; j++) {
    const double *column = matrix_column(&part, j);
    for (int64_t i = 0; i < n; i++) centred[j * n + i] = column[i] - mean[j];
  }
  cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, (blasint)d, (blasint)n, 1, centred, (blasint)n,
              0, product, (blasint)d);
  for (int64_t j = 0; j < d; j++) {
    for (int64_t l = 0; l <= j; l++) exact_add(sums++, product[j * d + l]);
  }
}

/* covariance: d x d, both triangles. */
static Status covariance_all(const Comm *comm, const Matrix *x, const double *mean,
                             double *covariance) {
  Status status = OK;
  int64_t d = x->d, pairs = d * (d + 1) / 2;
  Exact *sums = NULL;
  double *centred = NULL;
  Status local = NEW(&sums, pairs);
  if (local == OK) local = NEW(&centred, x->rows.block * d);
  AGREE(comm, local);
  for (int64_t p = 0; p < pairs; p++) exact_init(&sums[p]);
  for (int64_t b = 0; b < rows_blocks(&x->rows); b++)
    add_block(x, b, mean, centred, covariance, sums);
  exact_join_all(comm, sums, pairs);
  const Exact *at = sums;
  double divisor = x->rows.n_global > 1 ? (double)(x->rows.n_global - 1) : 1;
  for (int64_t j = 0; j < d; j++) {
    for (int64_t l = 0; l <= j; l++) {
      covariance[j * d + l] = covariance[l * d + j] = exact_round(at++) / divisor;
    }
  }
done:
  memory_free(&sums);
  memory_free(&centred);
  return status;
}

/* The sign of an eigenvector is arbitrary: make the largest loading positive. */
static void orient(double *component, int64_t d) {
  int64_t largest = 0;
  for (int64_t j = 1; j < d; j++)
    if (fabs(component[j]) > fabs(component[largest])) largest = j;
  if (!(component[largest] < 0)) return;
  for (int64_t j = 0; j < d; j++) component[j] = -component[j];
}

/* Eigenvectors in the order of falling variance; covariance is overwritten. Rank 0. */
static Status decompose(double *covariance, int64_t d, Pca *out) {
  Status status = OK;
  double *values = NULL;
  TRY(NEW(&values, d));
  if (LAPACKE_dsyevd(LAPACK_COL_MAJOR, 'V', 'U', (lapack_int)d, covariance, (lapack_int)d,
                     values) != 0)
    TRY(status_fail(NUMERIC, "pca: the covariance could not be decomposed"));
  for (int64_t c = 0; c < d; c++) {
    out->variance[c] = fmax(values[d - 1 - c], 0); /* rounding may go below 0 */
    memcpy(out->components + c * d, covariance + (d - 1 - c) * d, (size_t)d * sizeof(double));
    orient(out->components + c * d, d);
  }
done:
  memory_free(&values);
  return status;
}

/* How many components explain the share, at most k. */
static int64_t enough(const Pca *pca, int64_t k, double share) {
  double sum = 0;
  if (share >= 1) return k;
  for (int64_t c = 0; c < k; c++) {
    sum += pca->variance[c];
    if (sum >= share * pca->total) return c + 1;
  }
  return k;
}

static Status begin(const Matrix *x, Pca *out, double **covariance) {
  Status status = OK;
  int64_t d = x->d;
  if (d == 0) return status_fail(INVALID, "pca: there is no column to learn from");
  if (x->rows.n_global == 0) return status_fail(INVALID, "pca: there is no row to learn from");
  TRY(matrix_check_finite(x, NULL, "pca"));
  TRY(NEW(&out->mean, d));
  TRY(NEW(&out->components, d * d));
  TRY(NEW(&out->variance, d));
  TRY(NEW(covariance, d * d));
done:
  return status;
}

Status pca_fit_all(const Comm *comm, const Matrix *x, int64_t k, double share, Pca *out) {
  Status status = OK;
  double *covariance = NULL;
  int64_t d = x->d;
  *out = (Pca){.n = x->rows.n_global, .d = d};
  AGREE(comm, begin(x, out, &covariance));
  TRY(means_all(comm, x, out->mean));
  TRY(covariance_all(comm, x, out->mean, covariance));
  for (int64_t j = 0; j < d; j++) out->total += covariance[j * d + j];
  AGREE(comm, comm->rank == 0 ? decompose(covariance, d, out) : OK);
  comm_broadcast_all(comm, 0, out->variance, (size_t)d * sizeof(double));
  comm_broadcast_all(comm, 0, out->components, (size_t)(d * d) * sizeof(double));
  out->k = enough(out, k < d ? k : d, share);
done:
  memory_free(&covariance);
  return status;
}

void pca_transform(const Pca *pca, const Matrix *x, double *const *out) {
  enum { CHUNK = 512 }; /* rows whose sums stay in the first-level cache */
  for (int64_t from = 0; from < x->rows.n; from += CHUNK) {
    int64_t to = from + CHUNK < x->rows.n ? from + CHUNK : x->rows.n;
    for (int64_t c = 0; c < pca->k; c++) {
      double *sum = out[c];
      for (int64_t i = from; i < to; i++) sum[i] = 0;
      for (int64_t j = 0; j < pca->d; j++) {
        const double *column = matrix_column(x, j);
        double loading = pca->components[c * pca->d + j], mean = pca->mean[j];
        for (int64_t i = from; i < to; i++) sum[i] += (column[i] - mean) * loading;
      }
    }
  }
}

Status pca_fields(Pca *pca, Fields *fields) {
  Status status = OK;
  TRY(fields_integer(fields, "rows", &pca->n));
  TRY(fields_real(fields, "total_variance", &pca->total));
  if (fields->mode == FIELDS_IN) pca->d = pca->k = -1;
  TRY(fields_array(fields, "mean", FIELD_REAL, &pca->mean, 1, &pca->d));
  int64_t shape[] = {pca->k, pca->d};
  TRY(fields_array(fields, "components", FIELD_REAL, &pca->components, 2, shape));
  pca->k = shape[0];
  TRY(fields_array(fields, "variance", FIELD_REAL, &pca->variance, 1, &pca->k));
done:
  return status;
}

void pca_clear(Pca *pca) {
  memory_free(&pca->mean);
  memory_free(&pca->components);
  memory_free(&pca->variance);
  *pca = (Pca){0};
}
