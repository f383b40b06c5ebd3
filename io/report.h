/* The report: report.json, every number; report.html, one file that opens anywhere.
 *
 * Drawn from summaries alone: it knows no stage by name. */
#ifndef SEGUE_IO_REPORT_H
#define SEGUE_IO_REPORT_H

#include "kernels/base/summary.h"

typedef struct ReportStage {
  const char *name, *kind;
  const Summary *summary;
  double seconds, busy_seconds;
  int64_t peak_bytes;
  bool reused;
} ReportStage;

typedef struct ReportInput {
  const char *run_name;
  const char *title;       /* for people; NULL: the run's name */
  const char *config_json; /* the resolved config */
  const char *version, *profile;
  int ranks;
  uint64_t seed;
  int64_t n_stages;
  const ReportStage *stages;
} ReportInput;

/* The two texts, to be written by the caller. Local; rank 0. Freed with memory_free. Fails with
 * MEMORY. */
CHECKED Status report_json(const ReportInput *input, char **text);
CHECKED Status report_html(const ReportInput *input, char **text);

#endif
