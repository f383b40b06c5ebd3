/* Loops over exp and log, which compilers turn into vector code; see elementary.h. */
#include "elementary.h"

void elementary_exp_array(const double *x, int64_t n, double *out) {
  for (int64_t i = 0; i < n; i++) out[i] = elementary_exp(x[i]);
}

void elementary_log_array(const double *x, int64_t n, double *out) {
  for (int64_t i = 0; i < n; i++) out[i] = elementary_log(x[i]);
}
