/* Prediction intervals of a regression forest from its out-of-bag errors.
 *
 * Method: what a row's target is beyond its out-of-bag prediction is an honest error; the interval
 * of a new prediction is the prediction plus the (1 - share) / 2 and 1 - (1 - share) / 2 quantiles
 * of such errors (Zhang, Zimmerman, Nettleton and Nordman 2020), with one more row counted than
 * there are, as conformal prediction does. Errors are taken from rows of like predictions, in up to
 * 20 groups of at least 200 rows (Mondrian intervals, Bostrom and Johansson 2020), so an interval
 * is wide where the forest errs much.
 *
 * What it does not promise: coverage for every kind of row (a genre, an artist), only on average
 * over rows of like predictions that come as the training rows did; nothing for rows from
 * elsewhere. Out-of-bag predictions have fewer trees than the forest's, so intervals are a little
 * wide when trees are few. The quantiles are those of single rows: rows of a recording that stand
 * together count as often as they stand. */
#ifndef SEGUE_TREE_FOREST_INTERVAL_H
#define SEGUE_TREE_FOREST_INTERVAL_H

#include "forest.h"

/* Learn from out-of-bag predictions.
 * share       of targets to be within, between 0 and 1
 * prediction  n, this rank's rows; NaN where there is none; target n, finite
 * out         zeroed; cleared by the caller, also after a failure. out->n 0: no row is out of bag.
 * Collective. Exact, the same on all ranks. Fails with MEMORY, agreed. */
CHECKED Status forest_interval_all(const Comm *comm, double share, int64_t n,
                                   const double *prediction, const double *target,
                                   ForestInterval *out);

/* Ends of the interval of a prediction. Local. */
void forest_interval_of(const ForestInterval *interval, double prediction, double *low,
                        double *high);
/* Visit what there is; a model without intervals has no such fields. Local. Fails with FORMAT,
 * MEMORY. */
CHECKED Status forest_interval_fields(ForestInterval *interval, Fields *fields);
void forest_interval_clear(ForestInterval *interval);

#endif
