/* Attraction between neighbours in a map. */
#ifndef SEGUE_EMBED_ATTRACTION_H
#define SEGUE_EMBED_ATTRACTION_H

#include "affinity.h"

/* Pull this rank's points: pull = sum_j weight_ij q_ij (y_j - y_i), q as in repulsion.h, weights
 * not divided by 2 n.
 * place  all points' places in single precision, x and y in turn, replicated
 * begin  global number of this rank's first point
 * Local. In 16 lanes of single precision that are added in a fixed order: the same bits on every
 * CPU. */
void attraction_pull(const Affinity *affinity, const float *place, int64_t begin, double *pull_x,
                     double *pull_y);

/* The part of the Kullback-Leibler divergence that changes with the map but not with Z:
 * apart = sum_j w log(1 / q), a row each. x, y: all points' places. Local. */
void attraction_apart(const Affinity *affinity, const double *x, const double *y, int64_t begin,
                      double *apart);

#endif
