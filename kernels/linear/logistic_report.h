/* What a logistic regression says about itself. */
#ifndef SEGUE_LINEAR_LOGISTIC_REPORT_H
#define SEGUE_LINEAR_LOGISTIC_REPORT_H

#include "logistic_problem.h"

/* Coefficients, odds ratios, and with a Hessian's factor standard errors, z and p values; notes on
 * features left out and on the end of the search. Into summary.
 * factor  (k + 1) x (k + 1) of a problem of two classes; NULL: no standard errors
 * names   d features
 * Local (does nothing where summary is not active). Fails with MEMORY. */
CHECKED Status logistic_report(const LogisticProblem *problem, const Logistic *model,
                               const double *factor, const LogisticEnd *end, char **names,
                               Summary *summary);

#endif
