/* Newton's method for two classes; see logistic_problem.h.
 *
 * A step solves min |A s - r|^2, where A's rows are those of the data times the root of p (1 - p),
 * and r is the residual over that root: A'A is the Hessian, A'r the gradient. The penalty adds k
 * rows. A curvature below a floor is raised to it, which leaves the gradient as it is.
 *
 * The triangular factor of A comes from the products of its columns (gram.h) where those are well
 * conditioned, else from its rows (tall.h). */
#include <math.h>
#include <string.h>

#include "gram.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"
#include "logistic_problem.h"
#include "tall.h"

enum { HALVINGS = 40 };
static const double CURVATURE_LEAST = 1e-12;
/* Reciprocal condition numbers from which on products of columns are enough: standard errors are
 * told of the factor where there is no penalty, else it only has to point downhill. */
static const double ERRORS_LEAST = 1e-5, STEP_LEAST = 1e-10;

typedef struct Newton {
  LogisticProblem *problem;
  const double *b;
} Newton;

/* Roots and residuals of a block, from its raw values. */
static void write_rows(void *context, int64_t block, double *root, double *residual) {
  const Newton *newton = context;
  LogisticProblem *p = newton->problem;
  const TrainingData *data = p->data;
  int64_t first = block * data->x->rows.block, n = rows_in_block(&data->x->rows, block);
  logistic_raw(p, block, newton->b);
  for (int64_t i = 0; i < n; i++) {
    double z = p->z[i], weight = data->weight ? data->weight[first + i] : 1;
    double e = elementary_exp(z < 0 ? z : -z), own = 1 / (1 + e);
    double probability = z < 0 ? e * own : own;
    double curvature = e * own * own;
    root[i] = sqrt(weight * (curvature > CURVATURE_LEAST ? curvature : CURVATURE_LEAST));
    residual[i] = weight * ((data->target[first + i] == 1 ? 1 : 0) - probability) / root[i];
  }
}

/* Rows of the block: A, then r. */
static void write_block(const void *context, int64_t block, int64_t stride, double *out) {
  const Newton *newton = context;
  const LogisticProblem *p = newton->problem;
  write_rows((void *)(uintptr_t)context, block, out, out + (p->k + 1) * stride);
  for (int64_t c = 0; c < p->k; c++)
    design_column(p->design, block, p->active[c], out, out + (c + 1) * stride);
}

/* The penalty's rows, as products of columns. */
static void add_penalty(const LogisticProblem *p, const double *b, double *gram) {
  int64_t width = p->k + 2, m = p->k + 1;
  for (int64_t c = 0; c < p->k; c++) {
    double square = p->options->l2 * p->unit[c] * p->unit[c];
    gram[(c + 1) * width + c + 1] += square;
    gram[m * width + c + 1] -= square * b[c + 1];
  }
}

/* The factor of [A r] (k + 2 wide) and the penalty's rows at b, into the same. */
static void reduce_penalty(const LogisticProblem *p, const double *b, double *r, double *a,
                           double *scratch) {
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
  for (int64_t c = 0; c < width; c++)
    memcpy(r + c * width, a + c * rows, (size_t)width * sizeof *r);
}

/* The step from a factor with the penalty in it; returns the decrement: twice what the loss can
 * still fall, to second order. */
static double find_step(const double *r, int64_t m, double *step) {
  int64_t width = m + 1;
  double decrement = 0;
  for (int64_t i = m - 1; i >= 0; i--) {
    double left = r[m * width + i];
    decrement += left * left;
    for (int64_t c = i + 1; c < m; c++) left -= r[c * width + i] * step[c];
    step[i] = r[i * width + i] > 0 ? left / r[i * width + i] : 0;
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
  double *gram, *r, *a, *scratch, *step, *next;
} Buffers;

static Status buffers_init(int64_t k, Buffers *out) {
  Status status = OK;
  int64_t width = k + 2;
  TRY(NEW(&out->gram, width * width));
  TRY(NEW(&out->r, width * width));
  TRY(NEW(&out->a, (width + k) * width));
  TRY(NEW(&out->scratch, tall_scratch(width)));
  TRY(NEW(&out->step, width));
  TRY(NEW(&out->next, width));
done:
  return status;
}

static void buffers_clear(Buffers *buffers) {
  memory_free(&buffers->gram);
  memory_free(&buffers->r);
  memory_free(&buffers->a);
  memory_free(&buffers->scratch);
  memory_free(&buffers->step);
  memory_free(&buffers->next);
}

/* The factor at b with the penalty in it, into own->r on rank 0. */
static Status factor_all(Newton *newton, Buffers *own) {
  Status status = OK;
  LogisticProblem *p = newton->problem;
  const Comm *comm = p->comm;
  const Rows *rows = &p->data->x->rows;
  bool penalty = p->options->l2 > 0, ok = false;
  double least = penalty ? STEP_LEAST : ERRORS_LEAST;
  GramTask task = {p->design, p->active, p->k, write_rows, newton, false};
  TRY(gram_all(comm, &task, own->gram));
  if (penalty) add_penalty(p, newton->b, own->gram);
  AGREE(comm, comm->rank == 0 ? gram_factor(own->gram, p->k + 2, least, false, own->r, &ok) : OK);
  comm_broadcast_all(comm, 0, &ok, sizeof ok);
  if (ok) return OK;
  TRY(tall_factor_all(comm, rows, p->k + 2, write_block, newton, own->r));
  if (penalty) reduce_penalty(p, newton->b, own->r, own->a, own->scratch);
done:
  return status;
}

/* What a search is at: steps, loss, parameters. */
enum { STEPS, LOSS, HEAD };

Status logistic_newton_all(LogisticProblem *p, double *b, double *factor, LogisticEnd *end) {
  Status status = OK;
  int64_t m = p->k + 1, width = m + 1;
  Buffers own = {0};
  double *state = NULL;
  Status local = buffers_init(p->k, &own);
  if (local == OK) local = NEW(&state, HEAD + m);
  AGREE(p->comm, local);
  double *at = state + HEAD;
  Newton newton = {p, at};
  if (!logistic_resume_all(p, state, HEAD + m)) state[LOSS] = logistic_loss_all(p, at, NULL);
  for (bool moving = true; moving; state[STEPS]++) {
    TRY(logistic_pause_all(p, (int64_t)state[STEPS], state, HEAD + m));
    TRY(factor_all(&newton, &own));
    double decrement[1] = {0};
    if (p->comm->rank == 0) decrement[0] = find_step(own.r, m, own.step);
    comm_broadcast_all(p->comm, 0, decrement, sizeof decrement);
    comm_broadcast_all(p->comm, 0, own.step, (size_t)m * sizeof *own.step);
    end->converged = decrement[0] <= p->options->tolerance * state[LOSS];
    moving = !end->converged && state[STEPS] < (double)p->options->max_iterations &&
             go_all(p, own.step, own.next, at, &state[LOSS]);
  }
  end->iterations = (int64_t)state[STEPS];
  end->loss = state[LOSS];
  memcpy(b, at, (size_t)m * sizeof *b);
  for (int64_t c = 0; c < m; c++) {
    memcpy(factor + c * m, own.r + c * width, (size_t)m * sizeof *factor);
  }
  comm_broadcast_all(p->comm, 0, factor, (size_t)(m * m) * sizeof *factor);
done:
  memory_free(&state);
  buffers_clear(&own);
  return status;
}
