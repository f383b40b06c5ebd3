/* The short table of results; see results.h. */
#include "results.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LINE_BYTES = 512 };

/* The metrics of one split of a stage, as "rmse 17.31 (17.20 .. 17.43)   r2 0.391". */
static int64_t line_of(const Summary *summary, const char *split, char *line) {
  int64_t count = 0;
  size_t used = 0;
  line[0] = 0;
  for (int64_t i = 0; i < summary->n_metrics && used < LINE_BYTES - 100; i++) {
    const Metric *m = &summary->metrics[i];
    if (!m->headline || strcmp(m->split, split) != 0) continue;
    used += (size_t)snprintf(line + used, LINE_BYTES - used, "  %.40s %.4g", m->name, m->value);
    if (!isnan(m->low))
      used += (size_t)snprintf(line + used, LINE_BYTES - used, " (%.4g to %.4g)", m->low, m->high);
    count++;
  }
  return count;
}

static bool first_of_split(const Summary *summary, int64_t i) {
  for (int64_t k = 0; k < i; k++)
    if (strcmp(summary->metrics[k].split, summary->metrics[i].split) == 0) return false;
  return true;
}

void results_print(Terminal *terminal, const ReportStage *stages, int64_t n) {
  bool begun = false;
  for (int64_t s = 0; s < n; s++) {
    const Summary *summary = stages[s].summary;
    for (int64_t i = 0; i < summary->n_metrics; i++) {
      char line[LINE_BYTES];
      const char *split = summary->metrics[i].split;
      if (!first_of_split(summary, i) || line_of(summary, split, line) == 0) continue;
      if (!begun) terminal_line(terminal, "\n%-20s %-14s results", "stage", "rows");
      begun = true;
      terminal_line(terminal, "%-20s %-14s%s", stages[s].name, split, line);
    }
  }
  if (begun) terminal_line(terminal, "%s", "");
}
