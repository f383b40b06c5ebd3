/* Expected improvement, in logarithms so that it has a slope everywhere (Ament et al. 2023).
 *
 * Results of trials under way are not known: they are drawn from their joint posterior several
 * times (fantasies; Snoek, Larochelle and Adams 2012), and the improvement is averaged over these.
 */
#ifndef SEGUE_SEARCH_ACQUISITION_H
#define SEGUE_SEARCH_ACQUISITION_H

#include "gp.h"
#include "kernels/numeric/random.h"

/* log(phi(u) + u Phi(u)) for the standard normal density and distribution function, to full
 * precision for every u. ratio: out, Phi(u) over phi(u) + u Phi(u). Local. */
double acquisition_log_h(double u, double *ratio);

enum { ACQUISITION_FANTASIES = 8 };

typedef struct Acquisition {
  Gp gp; /* of what is known and what is pending */
  int64_t fantasies;
  double *alpha;   /* fantasies x n */
  double *best;    /* fantasies: least mean at the points so far */
  double *scratch; /* 4 n */
} Acquisition;

/* From a fitted process of what is known, and m pending points. fit is left as it is; stream
 * addresses the fantasies. Local. The caller clears out, also after a failure. Fails with MEMORY,
 * NUMERIC. */
CHECKED Status acquisition_init(Acquisition *acquisition, const Gp *fit, int64_t m,
                                const double *pending, const Stream *stream);
void acquisition_clear(Acquisition *acquisition);

/* The logarithm of the mean expected improvement (downwards) at x; slope: out, d, of categories 0;
 * NULL: not wanted. Local. */
double acquisition_value(Acquisition *acquisition, const double *x, double *slope);

#endif
