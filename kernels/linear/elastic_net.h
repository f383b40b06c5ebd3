/* Linear regression with an L1 and an L2 penalty; see elastic_net.c. */
#ifndef SEGUE_LINEAR_ELASTIC_NET_H
#define SEGUE_LINEAR_ELASTIC_NET_H

#include "kernels/model.h"

typedef struct ElasticOptions {
  double alpha, l1_ratio;
  int64_t max_iterations; /* sweeps over the coefficients */
  double tolerance;       /* duality gap over the target's variance */
  bool standardize;       /* penalties are on coefficients per deviation of the feature */
} ElasticOptions;

extern const ModelKind elastic_net_model;

#endif
