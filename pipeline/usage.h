/* What a stage used: seconds, busy seconds of each rank, peak memory. */
#ifndef SEGUE_PIPELINE_USAGE_H
#define SEGUE_PIPELINE_USAGE_H

#include "kernels/base/comm.h"

typedef struct Usage {
  double begun, waited; /* clock and comm_waited at the beginning */
} Usage;

/* Local; also resets the process's peak where the system allows it. */
Usage usage_begin(void);
/* Seconds since usage_begin; busy out: one number per rank, time in which a rank did not wait for
 * others, caller's storage of comm->size; peak: the largest resident set of a rank, bytes.
 * Collective. */
double usage_end_all(const Comm *comm, const Usage *usage, double *busy, int64_t *peak);

#endif
