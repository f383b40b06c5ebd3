/* Logistic regression: two classes or many (softmax).
 *
 * Minimises sum of w x log loss + l2 / 2 x sum of b^2 + l1 x sum of |b|, where b is per deviation
 * of the feature when `standardize` is on; intercepts are free. (scikit-learn's C is 1 / l2.) Two
 * classes without an L1 penalty by Newton's method, else by OWL-QN. */
#ifndef SEGUE_LINEAR_LOGISTIC_H
#define SEGUE_LINEAR_LOGISTIC_H

#include "kernels/class_weight.h"

typedef struct LogisticOptions {
  double l2, l1;
  int64_t max_iterations;
  double tolerance; /* of the loss, relative */
  bool standardize;
  Map class_weight;       /* of ClassWeight */
  double positive_weight; /* 0 counts as 1 */
} LogisticOptions;

typedef struct Logistic {
  int64_t n_classes, d, outputs; /* outputs: 1 (up to two classes: of class 1), or n_classes */
  double *intercept;             /* outputs */
  double *coefficient;           /* outputs x d: of the log odds, per unit of the feature */
} Logistic;

extern const ModelKind logistic_model;

#endif
