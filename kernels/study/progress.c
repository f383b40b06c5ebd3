/* Progress of tasks with units of their own; see progress.h. */
#include "progress.h"

#include <stddef.h>

/* A task's own units are numbered from here on; a phase within its fit, a part of them. */
static const int64_t TASK_UNITS = INT64_C(1000000000), PHASE_UNITS = INT64_C(10000000);

static Progress *of_task(WorkSink *task) {
  return (Progress *)(void *)((char *)task - offsetof(Progress, task));
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* The other groups are taken to be as far with their tasks as this one. */
static int64_t percent_of(Progress *p, double share) {
  int64_t begin = p->before[p->finished];
  int64_t end = p->before[smaller(p->finished + p->groups, p->n)];
  double all = (double)p->before[p->n];
  if (all <= 0) return p->percent;
  double percent = 100 * ((double)begin + share * (double)(end - begin)) / all;
  if ((int64_t)percent > p->percent) p->percent = smaller((int64_t)percent, 100);
  return p->percent;
}

static bool whole_tick(WorkSink *base, int64_t unit, int64_t done, int64_t total,
                       const Fields *fields) {
  Progress *p = (Progress *)(void *)base;
  (void)total;
  p->finished = done;
  return work_tick(p->sink, unit, percent_of(p, 0), 100, fields);
}

static bool whole_stopping(WorkSink *base) {
  return work_stopping(((Progress *)(void *)base)->sink);
}

static bool whole_find(WorkSink *base, int64_t unit, Fields *out) {
  WorkSink *sink = ((Progress *)(void *)base)->sink;
  return sink->find && sink->find(sink, unit, out);
}

static int64_t number_of(const Progress *p, int64_t unit) {
  return (p->number + 1) * TASK_UNITS + p->phase * PHASE_UNITS + unit;
}

static bool task_tick(WorkSink *base, int64_t unit, int64_t done, int64_t total,
                      const Fields *fields) {
  Progress *p = of_task(base);
  double share = total > 0 ? (double)done / (double)total : 0;
  return work_tick(p->sink, number_of(p, unit), percent_of(p, share), 100, fields);
}

static void task_phase(WorkSink *base, const char *name) {
  (void)name;
  of_task(base)->phase++;
}

static bool task_stopping(WorkSink *base) { return work_stopping(of_task(base)->sink); }

static bool task_find(WorkSink *base, int64_t unit, Fields *out) {
  Progress *p = of_task(base);
  return p->sink->find && p->sink->find(p->sink, number_of(p, unit), out);
}

void progress_init(Progress *progress, WorkSink *sink, int64_t n, const int64_t *before,
                   int groups) {
  *progress =
      (Progress){.whole = {.tick = whole_tick, .stopping = whole_stopping, .find = whole_find},
                 .task = {.tick = task_tick,
                          .phase = task_phase,
                          .stopping = task_stopping,
                          .find = task_find},
                 .sink = sink,
                 .n = n,
                 .before = before,
                 .groups = groups};
}

void progress_begin(Progress *progress, int64_t number) {
  progress->number = number;
  progress->phase = 0;
}

WorkSink *progress_whole(Progress *progress) { return progress->sink ? &progress->whole : NULL; }

WorkSink *progress_task(Progress *progress) { return progress->sink ? &progress->task : NULL; }
