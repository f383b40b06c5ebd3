/* Least value of a smooth function of few variables within bounds. */
#ifndef SEGUE_SEARCH_MINIMISE_H
#define SEGUE_SEARCH_MINIMISE_H

#include <stdint.h>

#include "kernels/base/status.h"

/* The value at x; gradient out, n numbers. NaN or infinity: no value there, a step is shortened. */
typedef double Smooth(void *context, const double *x, double *gradient);

typedef struct Minimise {
  int64_t n;
  const double *low, *high; /* n each, inclusive */
  Smooth *function;
  void *context;
  int64_t most_steps;
} Minimise;

/* Go downhill from x, in place: BFGS on the variables that are not held at a bound (Bertsekas
 * 1982's projected quasi-Newton), steps halved until Armijo's condition holds. It ends after
 * most_steps, or when a step gains less than 1e-9 of the value. x begins within the bounds. value:
 * out. Local, and the same bits wherever it runs. Fails with MEMORY. */
CHECKED Status minimise(const Minimise *problem, double *x, double *value);

#endif
