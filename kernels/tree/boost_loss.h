/* Losses of boosting: where it begins, gradients, what raw values mean.
 *
 * A row's raw values are base + unit x a whole number for each output, unit a power of two. */
#ifndef SEGUE_TREE_BOOST_LOSS_H
#define SEGUE_TREE_BOOST_LOSS_H

#include "kernels/model.h"

typedef enum BoostObjective {
  BOOST_SQUARED,  /* (f - y)^2 / 2 */
  BOOST_LOGISTIC, /* two classes: log loss of 1 / (1 + e^-f) */
  BOOST_SOFTMAX,  /* more classes: log loss of the softmax, one tree a class and round */
  BOOST_POISSON,  /* counts: e^f - y f */
  BOOST_ABSOLUTE, /* |f - y|; leaves are medians of what is left to explain */
  BOOST_QUANTILE, /* alpha (y - f) where f < y, (1 - alpha) (f - y) above; leaves are quantiles */
} BoostObjective;

typedef struct BoostLoss {
  BoostObjective objective;
  int64_t outputs; /* raw values of a row: 1, softmax: the number of classes */
  double *base;    /* outputs raw values to begin with */
  double unit;     /* of raw values */
  double alpha;    /* of the quantile; 0.5 for absolute */
  double range;    /* regression: largest distance of a target from the base; else 1 */
} BoostLoss;

/* This rank's rows as boosting holds them. Borrowed. Order is boosting's own. */
typedef struct BoostTargets {
  int64_t n;
  const double *target; /* value or class */
  const double *weight; /* NULL: all 1 */
} BoostTargets;

/* Choose base and unit from the training rows.
 * Collective. objective, outputs and alpha are set. Fails with NUMERIC, INVALID, MEMORY; agreed. */
CHECKED Status boost_loss_begin_all(const Comm *comm, const BoostTargets *rows, BoostLoss *loss);
void boost_loss_clear(BoostLoss *loss);

static inline bool boost_loss_constant(const BoostLoss *loss) {
  return loss->objective != BOOST_LOGISTIC && loss->objective != BOOST_SOFTMAX &&
         loss->objective != BOOST_POISSON;
}
/* Are leaves quantiles instead of steps along the gradient? */
static inline bool boost_loss_renews(const BoostLoss *loss) {
  return loss->objective == BOOST_ABSOLUTE || loss->objective == BOOST_QUANTILE;
}
/* Weights as whole numbers for boost_quantiles_all, each at least 1. Local.
 * most: the largest weight over all ranks */
int64_t boost_loss_weight(double weight, double most);

/* Softmax: log of the sum of e^raw of n rows into log_sum; other losses need none. Local.
 * level  outputs x stride whole numbers */
void boost_loss_log_sums(const BoostLoss *loss, const double *level, int64_t stride, int64_t n,
                         double *log_sum);
/* First and second derivative of the loss by raw value k, of n rows, without weights. h may be NULL
 * where it is constant (1). Local. */
void boost_loss_gradients(const BoostLoss *loss, const double *target, const double *level,
                          int64_t stride, const double *log_sum, int64_t n, int64_t k, double *g,
                          double *h);
/* Mean loss of rows as people know it: RMSE, log loss, mean Poisson deviance,
 * MAE, mean quantile loss. NaN without rows.
 * Collective; rows: this rank's, any part of them; level as above for these rows. Exact, the same
 * on all ranks. */
double boost_loss_mean_all(const Comm *comm, const BoostLoss *loss, const BoostTargets *rows,
                           const double *level, int64_t stride);
const char *boost_loss_name(const BoostLoss *loss);

/* Raw values (in place) to what a model predicts: a value, or probabilities of n_classes. Local. */
void boost_loss_finish(const BoostLoss *loss, const double *raw, double *out);

#endif
