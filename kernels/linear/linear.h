/* Least squares and ridge regression; see linear.c. */
#ifndef SEGUE_LINEAR_LINEAR_H
#define SEGUE_LINEAR_LINEAR_H

#include "kernels/model.h"

typedef struct LinearOptions {
  double l2;        /* 0: least squares */
  bool standardize; /* the penalty is on coefficients per deviation of the feature */
} LinearOptions;

extern const ModelKind linear_model;

#endif
