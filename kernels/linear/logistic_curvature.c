/* Curvature of a softmax regression; see logistic_curvature.h.
 *
 * A block's products x_j x_l, l <= j, are a panel for each j; one product of the weights of all
 * classes with the panel gives row j of all classes' blocks. Blocks of rows are added as integers
 * (numeric/fixed), in units of 2^-61 of the weight of all rows. */
#include "logistic_curvature.h"

#include <cblas.h>
#include <lapacke.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/fixed.h"

enum {
  BITS = 61,
  EVERY = 4,             /* of this many rows one, where there are */
  ROWS_ENOUGH = 64,      /* rows a parameter */
  NUMBERS_MOST = 1 << 24 /* in all blocks */
};
static const double LEAST = 1e-9; /* of the mean weight of a class, added to the diagonal */

typedef struct Sums {
  LogisticProblem *problem;
  int64_t m, outputs, every, rows; /* rows: of a block, after leaving out */
  double scale;
  double *x, *w; /* rows x m, rows x outputs; column-major */
  double *panel; /* rows x m */
  double *out;   /* outputs x m */
  int64_t *sum;  /* for j: (j + 1) x outputs, one behind the other */
} Sums;

bool logistic_curvature_pays(const LogisticProblem *p) {
  int64_t m = p->k + 1;
  return p->outputs > 1 && p->options->l1 == 0 && p->outputs * m <= NUMBERS_MOST / m;
}

static Status sums_init(LogisticProblem *p, Sums *s) {
  Status status = OK;
  int64_t m = p->k + 1, block = p->data->x->rows.block;
  bool many = p->data->x->rows.n_global >= ROWS_ENOUGH * logistic_parameters(p);
  *s = (Sums){.problem = p, .m = m, .outputs = p->outputs, .every = many ? EVERY : 1};
  s->rows = (block + s->every - 1) / s->every;
  s->scale = fixed_scale(p->design->weight, BITS);
  TRY(NEW(&s->x, s->rows * m));
  TRY(NEW(&s->w, s->rows * s->outputs));
  TRY(NEW(&s->panel, s->rows * m));
  TRY(NEW(&s->out, s->outputs * m));
  TRY(NEW(&s->sum, s->outputs * m * (m + 1) / 2));
done:
  return status;
}

static void sums_clear(Sums *s) {
  memory_free(&s->x);
  memory_free(&s->w);
  memory_free(&s->panel);
  memory_free(&s->out);
  memory_free(&s->sum);
}

/* The block's rows that count, one in `every` of all rows, and their weights for every class. */
static void take_rows(Sums *s, int64_t b, const double *parameters) {
  LogisticProblem *p = s->problem;
  const Rows *rows = &p->data->x->rows;
  int64_t block = rows->block, n = rows_in_block(rows, b);
  int64_t passed = (rows->begin + b * block) % s->every, first = (s->every - passed) % s->every;
  const double *weight = p->data->weight ? p->data->weight + b * block : NULL;
  int64_t taken = n > first ? (n - first + s->every - 1) / s->every : 0;
  logistic_raw(p, b, parameters);
  logistic_softmax(p, n);
  for (int64_t c = 0; c < s->m; c++) {
    double *x = s->x + c * s->rows;
    memset(x, 0, (size_t)s->rows * sizeof *x);
    for (int64_t i = 0; i < taken; i++) x[i] = p->x[c * block + first + i * s->every];
  }
  for (int64_t o = 0; o < s->outputs; o++) {
    const double *e = p->z + o * block;
    double *w = s->w + o * s->rows;
    memset(w, 0, (size_t)s->rows * sizeof *w);
    for (int64_t i = 0; i < taken; i++) {
      int64_t row = first + i * s->every;
      double probability = e[row] / p->total[row];
      w[i] = (double)s->every * (weight ? weight[row] : 1) * (probability * (1 - probability));
    }
  }
}

static void add_block(Sums *s) {
  int rows = (int)s->rows, outputs = (int)s->outputs;
  int64_t *sum = s->sum;
  for (int64_t j = 0; j < s->m; j++) {
    const double *own = s->x + j * s->rows;
    for (int64_t l = 0; l <= j; l++) {
      const double *other = s->x + l * s->rows;
      double *product = s->panel + l * s->rows;
      for (int64_t i = 0; i < s->rows; i++) product[i] = own[i] * other[i];
    }
    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, outputs, (int)j + 1, rows, 1, s->w, rows,
                s->panel, rows, 0, s->out, outputs);
    for (int64_t i = 0; i < (j + 1) * s->outputs; i++) *sum++ += (int64_t)(s->out[i] * s->scale);
  }
}

/* Sums and the penalty into the blocks, and those into factors. Returns whether all have one. */
static bool factorise(const Sums *s, double *factor) {
  const LogisticProblem *p = s->problem;
  int64_t m = s->m;
  double least = LEAST * p->design->weight / (double)s->outputs;
  const int64_t *sum = s->sum;
  for (int64_t j = 0; j < m; j++) {
    double unit = j > 0 ? p->unit[j - 1] : 0, penalty = p->options->l2 * unit * unit + least;
    for (int64_t l = 0; l <= j; l++) {
      for (int64_t o = 0; o < s->outputs; o++)
        factor[(o * m + j) * m + l] = (double)*sum++ / s->scale + (l == j ? penalty : 0);
    }
  }
  for (int64_t o = 0; o < s->outputs; o++) {
    lapack_int n = (lapack_int)m;
    if (LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'U', n, factor + o * m * m, n) != 0) return false;
  }
  return true;
}

Status logistic_curvature_all(LogisticProblem *p, const double *b, LogisticCurvature *out) {
  Status status = OK;
  Sums s = {0};
  int64_t m = p->k + 1, n = p->outputs * m * m;
  out->outputs = p->outputs;
  out->m = m;
  Status local = sums_init(p, &s);
  if (local == OK && !out->factor) local = NEW(&out->factor, n);
  AGREE(p->comm, local);
  for (int64_t block = 0; block < rows_blocks(&p->data->x->rows); block++) {
    take_rows(&s, block, b);
    add_block(&s);
  }
  comm_sum_all(p->comm, s.sum, s.outputs * m * (m + 1) / 2);
  if (!factorise(&s, out->factor)) memory_free(&out->factor); /* the same on all ranks */
done:
  sums_clear(&s);
  return status;
}

void logistic_curvature_clear(LogisticCurvature *curvature) { memory_free(&curvature->factor); }

/* Take the mean over classes out of every parameter. */
static void take_mean(const LogisticCurvature *x, double *direction) {
  for (int64_t c = 0; c < x->m; c++) {
    double sum = 0;
    for (int64_t o = 0; o < x->outputs; o++) sum += direction[o * x->m + c];
    sum /= (double)x->outputs;
    for (int64_t o = 0; o < x->outputs; o++) direction[o * x->m + c] -= sum;
  }
}

void logistic_curvature_solve(const LogisticCurvature *x, double *direction) {
  int m = (int)x->m;
  take_mean(x, direction);
  for (int64_t o = 0; o < x->outputs; o++) {
    const double *factor = x->factor + o * m * m;
    double *own = direction + o * m;
    cblas_dtrsv(CblasColMajor, CblasUpper, CblasTrans, CblasNonUnit, m, factor, m, own, 1);
    cblas_dtrsv(CblasColMajor, CblasUpper, CblasNoTrans, CblasNonUnit, m, factor, m, own, 1);
  }
  take_mean(x, direction);
}
