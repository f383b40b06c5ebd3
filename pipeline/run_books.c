/* The books of an attempt; see run_internal.h.
 *
 * attempt.json is written anew at every change of a stage's state. What is known of artifacts that
 * are there already stands in it from the beginning, so that a kill at any moment loses none of it:
 * their content and profile come from the files themselves, their times from the earlier manifests.
 */
#include <stdio.h>
#include <string.h>

#include "events.h"
#include "io/file.h"
#include "kernels/base/memory.h"
#include "owner.h"
#include "run_internal.h"

static Status books_save(Runner *runner) {
  Status status = OK;
  char path[PATH_MAX];
  TRY(owner_check(runner->owner));
  TRY(manifest_write(&runner->manifest, run_folder_path(&runner->folder, "attempt.json", path)));
done:
  return status;
}

Status books_state(Runner *runner, int64_t stage, const char *state) {
  if (!run_is_root(runner)) return OK;
  Status status = manifest_set(&runner->manifest.stages[stage].state, state);
  return status == OK ? books_save(runner) : status;
}

Status books_say(Runner *runner, const char *what, const char *stage) {
  return run_is_root(runner) ? event_append(runner->folder.path, event_new(what, stage)) : OK;
}

Status books_tell(Runner *runner, const char *what, const char *stage, const char *message,
                  double seconds) {
  if (!run_is_root(runner)) return OK;
  cJSON *event = event_new(what, stage);
  if (message) cJSON_AddStringToObject(event, "message", message);
  if (seconds >= 0) cJSON_AddNumberToObject(event, "seconds", seconds);
  return event_append(runner->folder.path, event);
}

/* Carry over what is known of an artifact that is there: what the file says of itself, and its
 * times where a manifest knows them. Rank 0. */
static Status carry_over(Runner *runner, int64_t stage) {
  Status status = OK;
  ManifestStage *entry = &runner->manifest.stages[stage];
  TRY(manifest_set(&entry->file, runner->stages[stage].file));
  TRY(manifest_set(&entry->content, runner->stages[stage].content));
  TRY(manifest_set(&entry->profile, runner->stages[stage].profile));
  for (int m = 0; m < 2 && entry->ranks == 0; m++) {
    const ManifestStage *old = manifest_find(&runner->earlier[m], entry->name);
    if (!old || !old->key || strcmp(old->key, entry->key) != 0 || old->ranks == 0) continue;
    TRY(NEW(&entry->busy_seconds, old->ranks));
    memcpy(entry->busy_seconds, old->busy_seconds, (size_t)old->ranks * sizeof(double));
    entry->ranks = old->ranks;
    entry->seconds = old->seconds;
    entry->store_seconds = old->store_seconds;
    entry->peak_bytes = old->peak_bytes;
  }
done:
  return status;
}

static Status name_stage(Runner *runner, int64_t i) {
  Status status = OK;
  char digits[33];
  ManifestStage *stage = &runner->manifest.stages[i];
  hash_text(&runner->graph.keys[i], digits);
  TRY(manifest_set(&stage->name, runner->config->stages[i].name));
  TRY(manifest_set(&stage->kind, runner->config->stages[i].kind->kind.name));
  TRY(manifest_set(&stage->state, "waiting"));
  TRY(manifest_set(&stage->key, digits));
  if (runner->stages[i].valid) TRY(carry_over(runner, i));
done:
  return status;
}

/* A manifest of the folder; a damaged one or none knows nothing. */
static void read_earlier(const Runner *runner, const char *name, Manifest *manifest) {
  char path[PATH_MAX];
  run_folder_path(&runner->folder, name, path);
  if (!file_exists(path) || manifest_read(path, manifest) != OK) *manifest = (Manifest){0};
}

Status books_begin(Runner *runner) {
  Status status = OK;
  char now[32];
  if (!run_is_root(runner)) return OK;
  read_earlier(runner, "attempt.json", &runner->earlier[0]);
  read_earlier(runner, "manifest.json", &runner->earlier[1]);
  TRY(manifest_init(&runner->manifest, runner->graph.n));
  event_time(now);
  TRY(manifest_set(&runner->manifest.name, runner->config->name));
  TRY(manifest_set(&runner->manifest.version, SEGUE_VERSION));
  TRY(manifest_set(&runner->manifest.state, "running"));
  TRY(manifest_set(&runner->manifest.started, now));
  for (int64_t i = 0; i < runner->graph.n; i++) TRY(name_stage(runner, i));
  TRY(books_save(runner));
done:
  return status;
}

void books_stage_ended(Runner *runner, int64_t stage, Status outcome) {
  char message[2048];
  snprintf(message, sizeof message, "%s", status_message());
  if (!run_is_root(runner)) return;
  const char *name = runner->config->stages[stage].name;
  bool stopped = outcome == STOPPED;
  if (books_state(runner, stage, stopped ? "stopped" : "failed") != OK ||
      books_tell(runner, stopped ? "stage_stopped" : "stage_failed", name, message, -1) != OK)
    status_fail(outcome, "%s", message);
}

Status books_close(Runner *runner, Status outcome) {
  if (!run_is_root(runner) || !runner->manifest.stages) return outcome;
  char text[32], message[2048];
  snprintf(message, sizeof message, "%s", status_message());
  Status status = owner_check(runner->owner);
  bool lost = status != OK;
  if (outcome == OK && status == OK)
    status = run_folder_complete(&runner->folder, runner->config, &runner->manifest);
  if (outcome == OK && status != OK) {
    outcome = status;
    snprintf(message, sizeof message, "%s", status_message());
  }
  if (lost) return status_fail(outcome, "%s", message);
  double seconds = terminal_clock() - runner->begun;
  if (outcome == OK) {
    status = books_tell(runner, "run_complete", NULL, NULL, seconds);
    if (status == OK)
      terminal_line(&runner->terminal, "%s: complete in %s", runner->folder.path,
                    terminal_seconds(seconds, text));
    return status;
  }
  bool stopped = outcome == STOPPED;
  status = manifest_set(&runner->manifest.state, stopped ? "stopped" : "failed");
  if (status == OK) status = books_save(runner);
  Status said = books_tell(runner, stopped ? "run_stopped" : "run_failed", NULL, message, seconds);
  (void)said; /* a full disk: the first failure is what people have to hear of */
  return status_fail(outcome, "%s", message);
}
