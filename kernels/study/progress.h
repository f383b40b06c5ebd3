/* Progress of tasks that have units of their own: two sinks in front of the run's.
 *
 * `whole` is for who hands out tasks, `task` for the fit of one: its units are saved beside the
 * tasks' under numbers of their own, so that a task that was stopped goes on where it was, on
 * whatever rank. People see one percentage of all. */
#ifndef SEGUE_STUDY_PROGRESS_H
#define SEGUE_STUDY_PROGRESS_H

#include "kernels/base/work.h"

typedef struct Progress {
  WorkSink whole, task;
  WorkSink *sink; /* the run's */
  int64_t n;
  const int64_t *before; /* n + 1: cost of the units before, in order of handing out */
  int groups;            /* that work side by side */
  int64_t finished;      /* units that are finished for certain */
  int64_t number;        /* of the task under way, from 0 */
  int64_t phase;         /* of its fit */
  int64_t percent;       /* shown last */
} Progress;

/* sink (may be NULL) and before are borrowed. Local. */
void progress_init(Progress *progress, WorkSink *sink, int64_t n, const int64_t *before,
                   int groups);
/* A task begins on this rank. Local. */
void progress_begin(Progress *progress, int64_t number);
/* The sinks to hand on; NULL when there is none. */
WorkSink *progress_whole(Progress *progress);
WorkSink *progress_task(Progress *progress);

#endif
