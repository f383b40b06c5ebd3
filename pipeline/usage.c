/* What a stage used; see usage.h. */
#include "usage.h"

#include <stdio.h>
#include <string.h>

#include "io/terminal.h"
#include "kernels/base/memory.h"

/* Linux keeps the high-water mark of the resident set and lets a process reset its own. */
static void reset_peak(void) {
  FILE *file = fopen("/proc/self/clear_refs", "w");
  if (!file) return;
  fputs("5", file);
  fclose(file);
}

static int64_t peak_bytes(void) {
  char line[256];
  long long kib = 0;
  FILE *file = fopen("/proc/self/status", "r");
  while (file && fgets(line, sizeof line, file))
    if (sscanf(line, "VmHWM: %lld kB", &kib) == 1) break;
  if (file) fclose(file);
  return kib > 0 ? (int64_t)kib * 1024 : memory_peak();
}

Usage usage_begin(void) {
  reset_peak();
  return (Usage){.begun = terminal_clock(), .waited = comm_waited()};
}

double usage_end_all(const Comm *comm, const Usage *usage, double *busy, int64_t *peak) {
  double seconds = terminal_clock() - usage->begun;
  double mine = seconds - (comm_waited() - usage->waited);
  comm_allgather_all(comm, &mine, sizeof mine, busy);
  *peak = comm_max_one_all(comm, peak_bytes());
  return seconds;
}
