/* Errors per value of a column: the table and the series error_by_COLUMN. */
#ifndef SEGUE_MEASURE_BY_VALUE_H
#define SEGUE_MEASURE_BY_VALUE_H

#include "kernels/measure/regression_parts.h"

/* Rows with a list count under each distinct value of it; missing ones (and empty lists) under
 * "(missing)". Values by falling RMSE; of more than 500 values those with most rows.
 * by  rows as the caller of measure had them: part->at counts in it
 * Collective. Fails with INVALID when `by` is of another type, MEMORY; agreed. */
CHECKED Status by_value_all(const Comm *comm, const RegressionPart *part, const Column *by,
                            const char *name, Summary *summary);

#endif
