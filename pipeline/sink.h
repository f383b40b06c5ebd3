/* The sink of a run: what becomes of a finished unit of work.
 *
 * It shows progress, saves the unit as a small file of its own under units/STAGE-KEY/, tells of a
 * stop, and finds the units of an earlier attempt. */
#ifndef SEGUE_PIPELINE_SINK_H
#define SEGUE_PIPELINE_SINK_H

#include <limits.h>

#include "io/terminal.h"
#include "journal.h"
#include "kernels/base/work.h"

typedef struct RunSink {
  WorkSink sink; /* first: the kernels see this */
  Terminal *terminal;
  char folder[PATH_MAX];       /* of this stage's units */
  const char *run_dir, *stage; /* for events; NULL: none are written */
  char phase[64];
  Journal journal; /* of a study */
  Status failed;   /* a unit could not be saved; told at the stage's end */
  char message[2048];
} RunSink;

void sink_init(RunSink *sink, Terminal *terminal, const char *folder);
/* Write the numbers that work tells as events "progress" of this stage. Both are borrowed. Rank 0
 * alone calls this. */
void sink_events(RunSink *sink, const char *run_dir, const char *stage);

/* Keep what a study finds in a journal in this folder. The sink is to be cleared then. */
void sink_journal(RunSink *sink, const char *folder, int rank);
void sink_clear(RunSink *sink);

#endif
