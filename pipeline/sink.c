/* The sink of a run; see sink.h. */
#include "sink.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "events.h"
#include "io/file.h"
#include "io/store.h"
#include "stop.h"

static void unit_path(const RunSink *sink, int64_t unit, char *path, size_t bytes) {
  snprintf(path, bytes, "%s/%s-%06lld.unit", sink->folder, sink->phase, (long long)unit);
}

/* A unit that cannot be saved (a full disk) costs the resume, not the result: the stage goes on
 * and the failure is a warning of the run. */
static void note_failure(RunSink *sink, Status status) {
  if (status == OK) return;
  sink->failed = status;
  snprintf(sink->message, sizeof sink->message, "%s", status_message());
}

static void save(RunSink *sink, int64_t unit, const Fields *fields) {
  char path[PATH_MAX + 128];
  if (sink->failed != OK) return;
  unit_path(sink, unit, path, sizeof path);
  Status status = file_make_folder(sink->folder);
  if (status == OK) status = store_write_unit(path, fields);
  note_failure(sink, status);
}

static void record(WorkSink *base, int64_t number, const Fields *fields) {
  RunSink *sink = (RunSink *)base;
  if (sink->failed == OK) note_failure(sink, journal_append(&sink->journal, number, fields));
}

static bool find_record(WorkSink *base, int64_t number, Fields *out) {
  return journal_find(&((RunSink *)base)->journal, number, out);
}

static bool tick(WorkSink *base, int64_t unit, int64_t done, int64_t total, const Fields *fields) {
  RunSink *sink = (RunSink *)base;
  if (fields) save(sink, unit, fields);
  terminal_progress(sink->terminal, done, total);
  return stop_requested();
}

static bool stopping(WorkSink *base) { return (void)base, stop_requested(); }

static void phase(WorkSink *base, const char *name) {
  RunSink *sink = (RunSink *)base;
  snprintf(sink->phase, sizeof sink->phase, "%.60s", name);
  for (char *at = sink->phase; *at; at++)
    if (!isalnum((unsigned char)*at)) *at = '-';
  terminal_phase(sink->terminal, name);
}

static bool find(WorkSink *base, int64_t unit, Fields *out) {
  RunSink *sink = (RunSink *)base;
  char path[PATH_MAX + 128];
  unit_path(sink, unit, path, sizeof path);
  if (!file_exists(path)) return false;
  if (store_read_unit(path, out) == OK) return true;
  fields_clear(out); /* damaged: made again */
  return false;
}

/* A log that cannot be written to costs the watching, not the result. */
static void tell(WorkSink *base, int64_t done, const WorkNumber *numbers, int64_t n) {
  RunSink *sink = (RunSink *)base;
  cJSON *event = event_new("progress", sink->stage);
  cJSON_AddStringToObject(event, "phase", sink->phase);
  cJSON_AddNumberToObject(event, "done", (double)done);
  for (int64_t k = 0; k < n; k++) {
    if (isnan(numbers[k].value)) continue;
    cJSON_AddNumberToObject(event, numbers[k].name, numbers[k].value);
  }
  if (event_append(sink->run_dir, event) != OK) base->tell = NULL;
}

void sink_events(RunSink *sink, const char *run_dir, const char *stage) {
  sink->run_dir = run_dir;
  sink->stage = stage;
  sink->sink.tell = tell;
}

void sink_journal(RunSink *sink, const char *folder, int rank) {
  journal_init(&sink->journal, folder, rank);
  sink->sink.record = record;
  sink->sink.find_record = find_record;
}

void sink_clear(RunSink *sink) { journal_clear(&sink->journal); }

void sink_init(RunSink *sink, Terminal *terminal, const char *folder) {
  *sink = (RunSink){.sink = {.tick = tick, .stopping = stopping, .phase = phase, .find = find},
                    .terminal = terminal,
                    .journal = {.file = -1}};
  snprintf(sink->folder, sizeof sink->folder, "%s", folder);
  snprintf(sink->phase, sizeof sink->phase, "all");
}
