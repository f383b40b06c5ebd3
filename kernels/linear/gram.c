/* Products of columns; see gram.h.
 *
 * Columns without many zeros are written as a block and multiplied by dsyrk. A cell of a sparse
 * column adds the row of that block to its own sums, and cells of one row are multiplied with each
 * other. A sum is kept in units of 2^-61 of the weight of all rows, which no sum of products
 * exceeds, as an integer.
 *
 * Rejected: centring sparse columns (it fills them), exact accumulators (576 bytes a product), a
 * tree of partial sums in doubles (blocks that a rank has to hand on). */
#include "gram.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/fixed.h"

enum { BITS = 61 };

typedef struct Gram {
  const GramTask *task;
  int64_t width, block;
  double scale; /* from products to integers */
  int64_t *sum; /* width x width, the upper triangle */
  int64_t m;    /* columns that are written: ones, features without many zeros, the target */
  int64_t *at;  /* m: their places */
  int64_t n_sparse;
  int64_t *sparse_at; /* n_sparse: the places of the others */
  int64_t *number;    /* d: a sparse feature's number among these; -1: it takes no part */
  double *root, *a;   /* block; block x m, column-major */
  double *row;        /* block x m, row by row */
  double *product;    /* m x m */
  double *cross;      /* n_sparse x m */
} Gram;

static Status gram_init(const GramTask *task, Gram *g) {
  Status status = OK;
  const Design *x = task->design;
  *g = (Gram){.task = task, .width = task->k + 2, .block = x->data->x->rows.block};
  g->scale = fixed_scale(x->weight, BITS);
  TRY(NEW(&g->sum, g->width * g->width));
  TRY(NEW(&g->at, g->width));
  TRY(NEW(&g->sparse_at, g->width));
  TRY(NEW(&g->number, x->d));
  for (int64_t j = 0; j < x->d; j++) g->number[j] = -1;
  g->at[g->m++] = 0;
  for (int64_t c = 0; c < task->k; c++) {
    int64_t j = task->active[c];
    if (x->sparse[j]) g->number[j] = g->n_sparse;
    if (x->sparse[j]) g->sparse_at[g->n_sparse++] = c + 1;
    if (!x->sparse[j]) g->at[g->m++] = c + 1;
  }
  g->at[g->m++] = g->width - 1;
  TRY(NEW(&g->root, g->block));
  TRY(NEW(&g->a, g->block * g->m));
  TRY(NEW(&g->row, g->n_sparse > 0 ? g->block * g->m : 0));
  TRY(NEW(&g->product, g->m * g->m));
  TRY(NEW(&g->cross, g->n_sparse * g->m));
done:
  return status;
}

static void gram_clear(Gram *g) {
  memory_free(&g->sum);
  memory_free(&g->at);
  memory_free(&g->sparse_at);
  memory_free(&g->number);
  memory_free(&g->root);
  memory_free(&g->a);
  memory_free(&g->row);
  memory_free(&g->product);
  memory_free(&g->cross);
}

static inline void add(Gram *g, int64_t i, int64_t j, double value) {
  int64_t low = i < j ? i : j, high = i < j ? j : i;
  g->sum[high * g->width + low] += (int64_t)(value * g->scale);
}

/* Rows past the end are zero, so that all products have one shape. */
static void write_block(Gram *g, int64_t b) {
  const GramTask *task = g->task;
  int64_t block = g->block, n = rows_in_block(&task->design->data->x->rows, b);
  double *target = g->a + (g->m - 1) * block;
  task->rows(task->context, b, g->root, target);
  memcpy(g->a, g->root, (size_t)n * sizeof *g->a);
  for (int64_t p = 1; p < g->m - 1; p++)
    design_column(task->design, b, task->active[g->at[p] - 1], g->root, g->a + p * block);
  for (int64_t p = 0; p < g->m; p++)
    memset(g->a + p * block + n, 0, (size_t)(block - n) * sizeof *g->a);
}

static void add_block(Gram *g) {
  int m = (int)g->m, block = (int)g->block;
  cblas_dsyrk(CblasColMajor, CblasUpper, CblasTrans, m, block, 1, g->a, block, 0, g->product, m);
  if (!g->task->square) g->product[g->m * g->m - 1] = 0;
  for (int64_t q = 0; q < g->m; q++) {
    for (int64_t p = 0; p <= q; p++) add(g, g->at[p], g->at[q], g->product[q * g->m + p]);
  }
}

/* Products of one row's cells with each other; *begin .. end - 1. */
static void add_pairs(Gram *g, int64_t begin, int64_t end, double root) {
  const Design *x = g->task->design;
  for (int64_t c = begin; c < end; c++) {
    int64_t own = g->number[x->feature[c]];
    if (own < 0) continue;
    double value = x->value[c] * root * root;
    for (int64_t e = begin; e <= c; e++) {
      int64_t other = g->number[x->feature[e]];
      if (other >= 0) add(g, g->sparse_at[other], g->sparse_at[own], x->value[e] * value);
    }
  }
}

static void add_cells(Gram *g, int64_t b) {
  const Design *x = g->task->design;
  int64_t m = g->m, block = g->block, first = b * block;
  int64_t n = rows_in_block(&x->data->x->rows, b);
  memset(g->cross, 0, (size_t)(g->n_sparse * m) * sizeof *g->cross);
  for (int64_t p = 0; p < m; p++) {
    for (int64_t i = 0; i < n; i++) g->row[i * m + p] = g->a[p * block + i];
  }
  for (int64_t i = 0; i < n; i++) {
    int64_t begin = x->begin[first + i], end = x->begin[first + i + 1];
    const double *row = g->row + i * m;
    for (int64_t c = begin; c < end; c++) {
      int64_t own = g->number[x->feature[c]];
      if (own < 0) continue;
      double value = x->value[c] * g->root[i], *cross = g->cross + own * m;
      for (int64_t p = 0; p < m; p++) cross[p] += value * row[p];
    }
    add_pairs(g, begin, end, g->root[i]);
  }
  for (int64_t s = 0; s < g->n_sparse; s++) {
    for (int64_t p = 0; p < m; p++) add(g, g->sparse_at[s], g->at[p], g->cross[s * m + p]);
  }
}

Status gram_all(const Comm *comm, const GramTask *task, double *gram) {
  Status status = OK;
  Gram g = {0};
  int64_t width = task->k + 2;
  AGREE(comm, gram_init(task, &g));
  for (int64_t b = 0; b < rows_blocks(&task->design->data->x->rows); b++) {
    write_block(&g, b);
    add_block(&g);
    if (g.n_sparse > 0) add_cells(&g, b);
  }
  comm_sum_all(comm, g.sum, width * width);
  for (int64_t i = 0; i < width * width; i++) gram[i] = (double)g.sum[i] / g.scale;
done:
  gram_clear(&g);
  return status;
}

/* ---- the factor ---- */

/* The columns that are not zero, each over its length: k of them, without the last column. */
static int64_t take_unit(const double *gram, int64_t width, int64_t *at, double *unit) {
  int64_t k = 0;
  for (int64_t j = 0; j + 1 < width; j++) {
    if (gram[j * width + j] > 0) at[k++] = j;
  }
  for (int64_t c = 0; c < k; c++) {
    for (int64_t e = 0; e <= c; e++) {
      double lengths = sqrt(gram[at[c] * width + at[c]]) * sqrt(gram[at[e] * width + at[e]]);
      unit[c * k + e] = e == c ? 1 : gram[at[c] * width + at[e]] / lengths;
    }
  }
  return k;
}

/* Cholesky's factor of the unit columns in place; is its condition good enough? */
static bool factorise(double *unit, int64_t k, double least, double *work, int *whole) {
  lapack_int n = (lapack_int)k;
  double norm = LAPACKE_dlansy_work(LAPACK_COL_MAJOR, '1', 'U', n, unit, n, work), condition = 0;
  if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', n, unit, n) != 0) return false;
  if (LAPACKE_dpocon_work(LAPACK_COL_MAJOR, 'U', n, unit, n, norm, &condition, work, whole) != 0)
    return false;
  return condition >= least;
}

/* The last column of R; what is left of it has to be `least` of its square where exact. */
static bool finish(const double *gram, int64_t width, const int64_t *at, const double *unit,
                   int64_t k, double least, bool exact, double *r) {
  const double *target = gram + (width - 1) * width;
  double *column = r + (width - 1) * width, *z = column;
  double square = target[width - 1], left = square;
  for (int64_t c = 0; c < k; c++) {
    double sum = target[at[c]] / sqrt(gram[at[c] * width + at[c]]);
    for (int64_t e = 0; e < c; e++) sum -= unit[c * k + e] * z[at[e]];
    z[at[c]] = sum / unit[c * k + c];
    left -= z[at[c]] * z[at[c]];
  }
  column[width - 1] = left > 0 ? sqrt(left) : 0;
  return !exact || square == 0 || left >= least * square;
}

Status gram_factor(const double *gram, int64_t width, double least, bool exact, double *r,
                   bool *ok) {
  Status status = OK;
  int64_t *at = NULL, k = 0;
  double *unit = NULL, *work = NULL;
  int *whole = NULL;
  *ok = false;
  TRY(NEW(&at, width));
  TRY(NEW(&unit, width * width));
  TRY(NEW(&work, 3 * width));
  TRY(NEW(&whole, width));
  memset(r, 0, (size_t)(width * width) * sizeof *r);
  k = take_unit(gram, width, at, unit);
  if (!factorise(unit, k, least, work, whole)) goto done;
  for (int64_t c = 0; c < k; c++) {
    double length = sqrt(gram[at[c] * width + at[c]]);
    for (int64_t e = 0; e <= c; e++) r[at[c] * width + at[e]] = unit[c * k + e] * length;
  }
  *ok = finish(gram, width, at, unit, k, least, exact, r);
done:
  memory_free(&at);
  memory_free(&unit);
  memory_free(&work);
  memory_free(&whole);
  return status;
}
