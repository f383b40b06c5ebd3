/* Newton's method for two classes; see logistic_problem.h.
 *
 * A step solves min |A s - r|^2, where A's rows are those of the data times the root of p (1 - p),
 * and r is the residual over that root: A'A is the Hessian, A'r the gradient. The penalty adds k
 * rows. A curvature below a floor is raised to it, which leaves the gradient as it is. */
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"
#include "logistic_problem.h"
#include "tall.h"

enum { HALVINGS = 40 };
static const double CURVATURE_LEAST = 1e-12;

typedef struct Newton {
  LogisticProblem *problem;
  const double *b;
} Newton;

/* Rows of the block: A, then r. */
static void write_block(const void *context, int64_t block, int64_t stride, double *out) {
  const Newton *newton = context;
  LogisticProblem *p = newton->problem;
  const TrainingData *data = p->data;
  int64_t size = data->x->rows.block, first = block * size;
  int64_t n = rows_in_block(&data->x->rows, block);
  logistic_raw(p, block, newton->b);
  double *residual = out + (p->k + 1) * stride;
  for (int64_t i = 0; i < n; i++) {
    double z = p->z[i], weight = data->weight ? data->weight[first + i] : 1;
    double e = elementary_exp(z < 0 ? z : -z), own = 1 / (1 + e);
    double probability = z < 0 ? e * own : own;
    double curvature = e * own * own;
    double root = sqrt(weight * (curvature > CURVATURE_LEAST ? curvature : CURVATURE_LEAST));
    residual[i] = weight * ((data->target[first + i] == 1 ? 1 : 0) - probability) / root;
    p->z[i] = root;
  }
  for (int64_t c = 0; c <= p->k; c++) {
    for (int64_t i = 0; i < n; i++) out[c * stride + i] = p->z[i] * p->x[c * size + i];
  }
}

/* The step from the factor of [A r] (k + 2 wide) and the penalty at b; returns the decrement:
 * twice what the loss can still fall, to second order. */
static double find_step(const LogisticProblem *p, const double *r, const double *b, double *a,
                        double *scratch, double *step) {
  int64_t width = p->k + 2, rows = width + p->k, m = p->k + 1;
  memset(a, 0, (size_t)(rows * width) * sizeof *a);
  for (int64_t c = 0; c < width; c++) {
    memcpy(a + c * rows, r + c * width, (size_t)(c + 1) * sizeof *a);
  }
  for (int64_t c = 0; c < p->k; c++) {
    double root = sqrt(p->options->l2) * p->unit[c];
    a[(c + 1) * rows + width + c] = root;
    a[m * rows + width + c] = -root * b[c + 1];
  }
  tall_reduce(a, rows, width, scratch);
  double decrement = 0;
  for (int64_t i = m - 1; i >= 0; i--) {
    double left = a[m * rows + i];
    decrement += left * left;
    for (int64_t c = i + 1; c < m; c++) left -= a[c * rows + i] * step[c];
    step[i] = a[i * rows + i] > 0 ? left / a[i * rows + i] : 0;
  }
  return decrement;
}

/* Go along the step, half as far each time that the loss does not fall. Returns whether it fell. */
static bool go_all(LogisticProblem *p, const double *step, double *next, double *b, double *loss) {
  int64_t m = p->k + 1;
  double share = 1;
  for (int h = 0; h < HALVINGS; h++, share /= 2) {
    for (int64_t i = 0; i < m; i++) next[i] = b[i] + share * step[i];
    double there = logistic_loss_all(p, next, NULL);
    if (!(there < *loss)) continue;
    memcpy(b, next, (size_t)m * sizeof *b);
    *loss = there;
    return true;
  }
  return false;
}

typedef struct Buffers {
  double *r, *a, *scratch, *step, *next;
} Buffers;

static Status buffers_init(int64_t k, Buffers *out) {
  Status status = OK;
  int64_t width = k + 2;
  TRY(NEW(&out->r, width * width));
  TRY(NEW(&out->a, (width + k) * width));
  TRY(NEW(&out->scratch, tall_scratch(width)));
  TRY(NEW(&out->step, width));
  TRY(NEW(&out->next, width));
done:
  return status;
}

static void buffers_clear(Buffers *buffers) {
  memory_free(&buffers->r);
  memory_free(&buffers->a);
  memory_free(&buffers->scratch);
  memory_free(&buffers->step);
  memory_free(&buffers->next);
}

Status logistic_newton_all(LogisticProblem *p, double *b, double *factor, LogisticEnd *end) {
  Status status = OK;
  int64_t m = p->k + 1, width = m + 1;
  Buffers own = {0};
  Newton newton = {p, b};
  AGREE(p->comm, buffers_init(p->k, &own));
  *end = (LogisticEnd){.loss = logistic_loss_all(p, b, NULL)};
  for (bool moving = true; moving; end->iterations++) {
    TRY(tall_factor_all(p->comm, &p->data->x->rows, width, write_block, &newton, own.r));
    double decrement[1] = {0};
    if (p->comm->rank == 0) {
      decrement[0] = find_step(p, own.r, b, own.a, own.scratch, own.step);
    }
    comm_broadcast_all(p->comm, 0, decrement, sizeof decrement);
    comm_broadcast_all(p->comm, 0, own.step, (size_t)m * sizeof *own.step);
    end->converged = decrement[0] <= p->options->tolerance * end->loss;
    moving = !end->converged && end->iterations < p->options->max_iterations &&
             go_all(p, own.step, own.next, b, &end->loss);
    TRY(logistic_tick_all(p, end->iterations));
  }
  for (int64_t c = 0; c < m; c++) {
    memcpy(factor + c * m, own.r + c * width, (size_t)m * sizeof *factor);
  }
done:
  buffers_clear(&own);
  return status;
}
