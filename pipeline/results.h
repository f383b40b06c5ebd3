/* The short table of results that ends a run on the terminal. */
#ifndef SEGUE_PIPELINE_RESULTS_H
#define SEGUE_PIPELINE_RESULTS_H

#include "io/report.h"
#include "io/terminal.h"

/* Headline metrics: a line per stage and split, beside the baseline's. Local; rank 0. */
void results_print(Terminal *terminal, const ReportStage *stages, int64_t n);

#endif
