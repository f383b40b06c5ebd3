/* Designs: points spread evenly over a space, any number of them, each known by its number alone.
 *
 * A Halton sequence (1960) whose digits c become a c + b modulo the prime base, with a and b at
 * random, anew at each place and below each row of digits before (Owen 1995's nested scrambling
 * with Matousek 1998's linear permutations): every run of points is spread more evenly than random
 * ones, without the diagonals that plain Halton has in higher bases. */
#ifndef SEGUE_SEARCH_DESIGN_H
#define SEGUE_SEARCH_DESIGN_H

#include "kernels/numeric/random.h"
#include "space.h"

/* Number `index` of the sequence in d dimensions, each number in [0, 1). Local. */
void design_unit(const Stream *stream, int64_t index, int64_t d, double *u);
/* A point of the space; groups take turns. Local. */
void design_point(const Stream *stream, const Space *space, int64_t index, double *point);

#endif
