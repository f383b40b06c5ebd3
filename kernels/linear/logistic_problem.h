/* The loss of logistic regression over the rows of all ranks, and its gradient.
 *
 * Parameters are those of scaled features: for each output an intercept and k coefficients. Blocks
 * of rows are scaled, multiplied and differentiated whole, and blocks are added exactly, so loss
 * and gradient have the same bits on any number of ranks. */
#ifndef SEGUE_LINEAR_LOGISTIC_PROBLEM_H
#define SEGUE_LINEAR_LOGISTIC_PROBLEM_H

#include "kernels/numeric/exact.h"
#include "logistic.h"
#include "system.h"

typedef struct LogisticProblem {
  const Comm *comm;
  const Design *design;
  const TrainingData *data; /* the design's */
  const LogisticOptions *options;
  const LinearSystem *system;
  WorkSink *sink;   /* hears of steps, keeps states, may ask for a stop; may be NULL */
  int64_t units;    /* states saved so far */
  double save_time; /* when the last one was, or the search began */
  int64_t outputs;
  int64_t k;       /* features that take part */
  int64_t *active; /* d: their numbers, the first k */
  double *unit;    /* k: the penalty is on parameter x unit */
  /* Buffers of a block. */
  double *x;                  /* (k + 1) x block, column-major: ones, then scaled features */
  double *z;                  /* outputs x block: raw values, then their derivatives */
  double *most, *total, *own; /* block: of a row's raw values */
  double *partial;            /* outputs x (k + 1) */
  Exact *sum;                 /* 1 + outputs x (k + 1) */
} LogisticProblem;

/* Parameters of the problem: outputs x (k + 1). Local. */
static inline int64_t logistic_parameters(const LogisticProblem *p) {
  return p->outputs * (p->k + 1);
}

/* Collective; system: of this design, borrowed as the rest is. The caller clears out, also after
 * a failure. Fails with MEMORY, agreed. */
CHECKED Status logistic_problem_all(const Comm *comm, const Design *design,
                                    const LogisticOptions *options, const LinearSystem *system,
                                    WorkSink *sink, LogisticProblem *out);
void logistic_problem_clear(LogisticProblem *problem);

/* Loss with the L2 penalty, without the L1 penalty, and its gradient.
 * b         outputs x (k + 1) parameters, row by row, the intercept first; same on all ranks
 * gradient  out, the same shape; NULL: not wanted
 * Collective. One Allreduce. */
double logistic_loss_all(LogisticProblem *problem, const double *b, double *gradient);
/* The L1 penalty of b. Local. */
double logistic_l1(const LogisticProblem *problem, const double *b);

/* Raw values of a block at b into problem->z, and its rows into problem->x. Local. */
void logistic_raw(LogisticProblem *problem, int64_t block, const double *b);

/* Of the raw values of a block's first n rows: e^(raw value - the row's largest) into problem->z,
 * their sums over classes into problem->total. Local, after logistic_raw; for many classes. */
void logistic_softmax(LogisticProblem *problem, int64_t n);

/* After a step: progress; every half minute, and when any rank was asked to stop, the solver's
 * state is saved as the next unit, so that a search that was stopped goes on where it was.
 * state  n numbers; same on all ranks
 * Collective. Fails with STOPPED, agreed. */
CHECKED Status logistic_pause_all(LogisticProblem *problem, int64_t steps, double *state,
                                  int64_t n);
/* The last state that was saved, if there is one. Collective; the same on all ranks. */
bool logistic_resume_all(LogisticProblem *problem, double *state, int64_t n);

/* How the solvers end. */
typedef struct LogisticEnd {
  int64_t iterations;
  bool converged;
  double loss; /* with both penalties */
} LogisticEnd;

/* Two classes, l1 = 0: Newton's method with step halving; the step is a least squares problem
 * (iteratively reweighted, Holland and Welsch 1977) that gram.h or tall.h reduces.
 * b       in: 0, out: the parameters; replicated
 * factor  out, (k + 1) x (k + 1): the triangular factor of the Hessian at b; replicated.
 * Collective. Fails with MEMORY, STOPPED, agreed. */
CHECKED Status logistic_newton_all(LogisticProblem *problem, double *b, double *factor,
                                   LogisticEnd *end);
/* Any problem: limited-memory quasi-Newton (Liu and Nocedal 1989), orthant-wise where l1 > 0
 * (Andrew and Gao 2007, "Scalable training of L1-regularized log-linear models").
 * b as above. Collective. Fails with MEMORY, STOPPED, agreed. */
CHECKED Status logistic_owlqn_all(LogisticProblem *problem, double *b, LogisticEnd *end);

#endif
