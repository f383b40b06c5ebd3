/* How much of what a study's scores depend on is owed to each parameter alone. */
#ifndef SEGUE_SEARCH_IMPORTANCE_H
#define SEGUE_SEARCH_IMPORTANCE_H

#include "sampler.h"

/* Shares of variance: of the mean of a Gaussian process that is fitted to the trials' scores, over
 * the points of the space where a parameter is active, the part that remains when all others are
 * averaged out (the main effects of a functional analysis of variance, as in Hutter, Hoos and
 * Leyton-Brown 2014, on another model). Interactions are nobody's, so that shares sum to less
 * than 1. share: out, space_width numbers, 0 for the group when there is one alone; 0 .. 1; NaN
 * when the scores are all the same. Local. Fails with MEMORY, NUMERIC. */
CHECKED Status importance_of(const Space *space, uint64_t seed, const TrialList *trials,
                             double *share);

#endif
