/* A linear predictor: what lasts of the regressions that end in an intercept and coefficients. */
#ifndef SEGUE_LINEAR_LINEAR_MODEL_H
#define SEGUE_LINEAR_LINEAR_MODEL_H

#include "system.h"

typedef struct LinearModel {
  int64_t d;
  double intercept;
  double *coefficient; /* d, in units of the target per unit of the feature */
} LinearModel;

/* The model's part of a ModelKind; see model.h. A missing value gives a missing prediction. */
CHECKED Status linear_model_predict(const void *model, const Matrix *x, double *out);
CHECKED Status linear_model_fields(void **model, Fields *fields);
void linear_model_free(void **model);

/* From the reduced problem to intercept and coefficients, and what there is to say about them.
 * On rank 0 alone. names: d features. */
typedef Status (*LinearSolve)(const LinearSystem *system, const void *options, char **names,
                              LinearModel *model, Summary *summary);
/* Reduce the rows, solve on rank 0, give the model to all: a ModelKind's fit_all but for the
 * solver. who begins messages. Collective. Fails as design_init_all and solve do; agreed. */
CHECKED Status linear_model_fit_all(const Comm *comm, const TrainingData *data, const char *who,
                                    const void *options, LinearSolve solve, void **out,
                                    Summary *summary);

/* The unit of coefficient x deviation of the feature / deviation of the target. */
#define LINEAR_EFFECT "deviations of the target per deviation of the feature"
/* Bars of standardised effects, the largest first, into summary. Local. Fails with MEMORY.
 * effect  d, in units that label tells */
CHECKED Status linear_model_effects(const double *effect, const char *label, char **names,
                                    int64_t d, Summary *summary);

#endif
