/* What the two files about regression share: the rows that are measured. */
#ifndef SEGUE_MEASURE_REGRESSION_PARTS_H
#define SEGUE_MEASURE_REGRESSION_PARTS_H

#include "kernels/measure/chosen.h"

typedef struct RegressionPart {
  int64_t n, n_global;
  int64_t *at; /* n: number of the row where it came from */
  double *truth, *prediction;
  int64_t *group;
  bool grouped;  /* group is there on all ranks that have rows */
  bool constant; /* one true value in all rows */
  double threshold;
  double max_error; /* largest |prediction - truth| over all ranks */
} RegressionPart;

/* Choose and check. Collective. The caller clears, also after a failure. */
CHECKED Status regression_part_all(const Comm *comm, const RegressionRows *rows,
                                   const MeasureOptions *options, const char *name,
                                   RegressionPart *part);
void regression_part_clear(RegressionPart *part);
/* Collective. Sets part->constant too. Fails with MEMORY, agreed. */
CHECKED Status regression_scores_all(const Comm *comm, RegressionPart *part,
                                     const MeasureOptions *options, RegressionScores *out);

#endif
