/* How the loss of a softmax regression curves, class by class: what L-BFGS starts from.
 *
 * Of the Hessian only the blocks of a class with itself are kept, X' diag(w p (1 - p)) X and the
 * penalty. Directions that add the same to all classes change no probability, so they are taken out
 * before and after: without that the blocks, which know nothing of each other, would go far along
 * them. On 114 genres L-BFGS needs a tenth of the steps with it. */
#ifndef SEGUE_LINEAR_LOGISTIC_CURVATURE_H
#define SEGUE_LINEAR_LOGISTIC_CURVATURE_H

#include "logistic_problem.h"

typedef struct LogisticCurvature {
  int64_t outputs, m;
  double *factor; /* outputs x m x m: Cholesky's factors, upper, column-major; NULL: none */
} LogisticCurvature;

/* Is it worth while? For many classes without L1 penalty, whose blocks fit. Local. */
bool logistic_curvature_pays(const LogisticProblem *problem);
/* The blocks at b (outputs x m, m = k + 1). Where there are many rows, of every fourth.
 * Collective; same on all ranks; out may hold older ones. Fails with MEMORY, agreed. The caller
 * clears. One Allreduce of outputs x m (m + 1) / 2 integers. */
CHECKED Status logistic_curvature_all(LogisticProblem *problem, const double *b,
                                      LogisticCurvature *out);
void logistic_curvature_clear(LogisticCurvature *curvature);

/* direction: outputs x m, from a gradient to the step that the blocks ask for, in place. Local. */
void logistic_curvature_solve(const LogisticCurvature *curvature, double *direction);

#endif
