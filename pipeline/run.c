/* The run: stages in order, reused, resumed or made; see run.h. */
#include "run.h"

#include <cJSON.h>
#include <stdio.h>
#include <string.h>

#include "artifact.h"
#include "events.h"
#include "io/file.h"
#include "io/summary_json.h"
#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "launch.h"
#include "owner.h"
#include "results.h"
#include "run_folder.h"
#include "sink.h"
#include "stop.h"
#include "usage.h"

typedef struct StageRun {
  char file[512];    /* of its artifact, relative to the run folder */
  bool valid;        /* the file is there and has the key */
  bool finished;     /* this run is done with it */
  bool reused;
  bool loaded;       /* artifact is in memory */
  Artifact artifact;
  Summary summary;   /* kept for the report when the artifact is released */
} StageRun;

typedef struct Runner {
  const Comm *comm;
  const Config *config;
  Graph graph;
  RunFolder folder;
  Owner *owner;
  Terminal terminal;
  char profile[160];
  StageRun *stages;
  Manifest manifest; /* of this attempt; rank 0 */
  Manifest earlier;  /* what is known of reused artifacts; rank 0 */
  double begun;
} Runner;

static bool is_root(const Runner *runner) { return runner->comm->rank == 0; }

/* ---- the manifest and events of the attempt; rank 0 ---- */

static Status save_manifest(Runner *runner) {
  char path[PATH_MAX];
  return manifest_write(&runner->manifest, run_folder_path(&runner->folder, "attempt.json", path));
}

static Status set_state(Runner *runner, int64_t stage, const char *state) {
  if (!is_root(runner)) return OK;
  Status status = manifest_set(&runner->manifest.stages[stage].state, state);
  return status == OK ? save_manifest(runner) : status;
}

static Status say(Runner *runner, const char *what, const char *stage) {
  return is_root(runner) ? event_append(runner->folder.path, event_new(what, stage)) : OK;
}

static Status begin_manifest(Runner *runner) {
  Status status = OK;
  char now[32], digits[33];
  if (!is_root(runner)) return OK;
  if (run_folder_manifest(&runner->folder, &runner->earlier) != OK)
    manifest_clear(&runner->earlier);
  TRY(manifest_init(&runner->manifest, runner->graph.n));
  event_time(now);
  TRY(manifest_set(&runner->manifest.name, runner->config->name));
  TRY(manifest_set(&runner->manifest.version, SEGUE_VERSION));
  TRY(manifest_set(&runner->manifest.state, "running"));
  TRY(manifest_set(&runner->manifest.started, now));
  for (int64_t i = 0; i < runner->graph.n; i++) {
    ManifestStage *stage = &runner->manifest.stages[i];
    hash_text(&runner->graph.keys[i], digits);
    TRY(manifest_set(&stage->name, runner->config->stages[i].name));
    TRY(manifest_set(&stage->kind, runner->config->stages[i].kind->kind.name));
    TRY(manifest_set(&stage->state, "waiting"));
    TRY(manifest_set(&stage->key, digits));
  }
  TRY(save_manifest(runner));
done:
  return status;
}

/* ---- which artifacts are there already ---- */

static bool forced(const Runner *runner, const RunOptions *options, int64_t stage) {
  for (int64_t f = 0; f < options->n_force; f++)
    for (int64_t i = 0; i < runner->graph.n; i++)
      if (strcmp(runner->config->stages[i].name, options->force[f]) == 0 &&
          (i == stage || graph_reaches(&runner->graph, stage, i)))
        return true;
  return false;
}

/* Does the file of a stage hold this key? Collective. */
static bool find_artifact_all(Runner *runner, int64_t stage) {
  char path[PATH_MAX], digits[33];
  StoreTexts texts = {0};
  StageRun *run = &runner->stages[stage];
  run_folder_path(&runner->folder, run->file, path);
  if (!comm_any_all(runner->comm, is_root(runner) && file_exists(path))) return false;
  hash_text(&runner->graph.keys[stage], digits);
  bool valid = store_read_texts_all(runner->comm, path, &texts) == OK;
  const char *key = valid ? store_text(&texts, "key") : NULL;
  const char *summary = valid ? store_text(&texts, "summary") : NULL;
  valid = key && summary && strcmp(key, digits) == 0 &&
          summary_from_json(summary, &run->summary) == OK;
  store_texts_clear(&texts);
  if (!valid) summary_clear(&run->summary);
  return !comm_any_all(runner->comm, !valid);
}

static void find_artifacts_all(Runner *runner, const RunOptions *options) {
  for (int64_t i = 0; i < runner->graph.n; i++) {
    StageRun *run = &runner->stages[i];
    run_folder_artifact(runner->config->stages[i].name, &runner->graph.keys[i], run->file);
    summary_init(&run->summary, is_root(runner));
    bool stored = runner->config->stages[i].kind->output != PORT_NOTHING;
    run->valid = stored && !forced(runner, options, i) && find_artifact_all(runner, i);
  }
}

/* ---- making one stage ---- */

static int64_t input_of(const Runner *runner, int64_t stage, int64_t port) {
  const StageConfig *config = &runner->config->stages[stage];
  return config->kind->inputs && config->kind->inputs[port].name ? config->inputs[port] : -2;
}

/* Kinds and options of a stage and of all that it comes from, inputs first, as JSON: what a bundle
 * needs for reading and treating new rows as its training rows were. */
static Status lineage_json(const Runner *runner, int64_t stage, char **text) {
  cJSON *array = cJSON_CreateArray();
  for (int64_t i = 0; i < runner->graph.n; i++) {
    int64_t s = runner->graph.order[i];
    if (s != stage && !graph_reaches(&runner->graph, stage, s)) continue;
    const StageConfig *config = &runner->config->stages[s];
    cJSON *object = cJSON_CreateObject();
    cJSON_AddStringToObject(object, "name", config->name);
    cJSON_AddStringToObject(object, "kind", config->kind->kind.name);
    cJSON_AddItemToObject(object, "options", cJSON_CreateRaw(config->json));
    cJSON_AddItemToArray(array, object);
  }
  char *printed = cJSON_PrintUnformatted(array);
  cJSON_Delete(array);
  Status status = printed ? memory_text(text, printed) : status_fail(MEMORY, "out of memory");
  cJSON_free(printed);
  return status;
}

/* Summaries live on rank 0, texts have to be the same on all ranks. */
static Status summary_text_all(const Comm *comm, const Summary *summary, char **text) {
  Status status = OK;
  int64_t n = 0;
  AGREE(comm, comm->rank == 0 ? summary_to_json(summary, text) : OK);
  if (comm->rank == 0) n = (int64_t)strlen(*text) + 1;
  comm_broadcast_all(comm, 0, &n, sizeof n);
  AGREE(comm, comm->rank == 0 ? OK : NEW(text, n));
  comm_broadcast_all(comm, 0, *text, (size_t)n);
done:
  return status;
}

static Status write_artifact_all(Runner *runner, int64_t stage) {
  Status status = OK;
  const StageConfig *config = &runner->config->stages[stage];
  StageRun *run = &runner->stages[stage];
  char path[PATH_MAX], digits[33], content_digits[33], *summary = NULL, *lineage = NULL;
  char version[16];
  Hash content;
  double begun = terminal_clock();
  hash_text(&runner->graph.keys[stage], digits);
  snprintf(version, sizeof version, "%d", config->kind->kind.version);
  TRY(summary_text_all(runner->comm, &run->artifact.summary, &summary));
  AGREE(runner->comm, lineage_json(runner, stage, &lineage));
  StoreText items[] = {{"key", digits},
                       {"stage", config->name},
                       {"kind", (char *)(uintptr_t)config->kind->kind.name},
                       {"kind_version", version},
                       {"segue_version", (char *)(uintptr_t)SEGUE_VERSION},
                       {"options", config->json},
                       {"lineage", lineage},
                       {"profile", runner->profile},
                       {"summary", summary}};
  StoreTexts texts = {.n = (int64_t)(sizeof items / sizeof *items), .items = items};
  AGREE(runner->comm, owner_check(runner->owner));
  run_folder_path(&runner->folder, run->file, path);
  TRY(artifact_write_all(runner->comm, path, &texts, &run->artifact, &content));
  if (is_root(runner)) {
    ManifestStage *entry = &runner->manifest.stages[stage];
    entry->store_seconds = terminal_clock() - begun;
    hash_text(&content, content_digits);
    status = manifest_set(&entry->content, content_digits);
    if (status == OK) status = manifest_set(&entry->file, run->file);
    if (status == OK) status = manifest_set(&entry->profile, runner->profile);
  }
  AGREE(runner->comm, status);
done:
  memory_free(&summary);
  memory_free(&lineage);
  return status;
}

/* What the report sees: the finished stages in order. Rank 0; elsewhere *n is 0. */
static Status gather_reports(const Runner *runner, ReportStage **reports, int64_t *n) {
  *n = 0;
  if (!is_root(runner)) return OK;
  Status status = NEW(reports, runner->graph.n);
  for (int64_t i = 0; status == OK && i < runner->graph.n; i++) {
    int64_t s = runner->graph.order[i];
    const StageRun *run = &runner->stages[s];
    const ManifestStage *entry = &runner->manifest.stages[s];
    if (!run->finished) continue;
    double busy = 0;
    for (int64_t r = 0; r < entry->ranks; r++) busy += entry->busy_seconds[r];
    (*reports)[(*n)++] = (ReportStage){
        .name = entry->name, .kind = entry->kind, .summary = &run->summary,
        .seconds = entry->seconds, .busy_seconds = busy, .peak_bytes = entry->peak_bytes,
        .reused = run->reused};
  }
  return status;
}

static Status call_stage_all(Runner *runner, int64_t stage, RunSink *sink) {
  Status status = OK;
  const StageConfig *config = &runner->config->stages[stage];
  StageRun *run = &runner->stages[stage];
  const Artifact **inputs = NULL;
  ReportStage *reports = NULL;
  StageContext context = {.comm = runner->comm, .run_name = runner->config->name,
                          .run_dir = runner->folder.path, .config_json = runner->config->json,
                          .profile = runner->profile, .seed = runner->config->seed,
                          .block = runner->config->block, .sink = &sink->sink};
  int64_t ports = 0;
  while (input_of(runner, stage, ports) != -2) ports++;
  AGREE(runner->comm, NEW(&inputs, ports));
  for (int64_t p = 0; p < ports; p++) {
    int64_t input = input_of(runner, stage, p);
    inputs[p] = input >= 0 ? &runner->stages[input].artifact : NULL;
  }
  if (config->kind->takes_summaries)
    AGREE(runner->comm, gather_reports(runner, &reports, &context.n_reports));
  context.reports = reports;
  artifact_init(&run->artifact, config->kind, config->options, is_root(runner));
  run->loaded = true;
  TRY(config->kind->run_all(&context, config->options, inputs, &run->artifact));
done:
  memory_free(&inputs);
  memory_free(&reports);
  return status;
}

/* Close the books of a stage that was made. */
static Status record_all(Runner *runner, int64_t stage, const Usage *usage, const RunSink *sink) {
  Status status = OK;
  double *busy = NULL;
  int64_t peak = 0;
  char text[32], outcome[2200], folder[512], path[PATH_MAX];
  AGREE(runner->comm, NEW(&busy, runner->comm->size));
  double seconds = usage_end_all(runner->comm, usage, busy, &peak);
  ManifestStage *entry = is_root(runner) ? &runner->manifest.stages[stage] : NULL;
  if (entry) {
    entry->seconds = seconds;
    entry->ranks = runner->comm->size;
    memory_free(&entry->busy_seconds);
    entry->busy_seconds = busy;
    entry->peak_bytes = peak;
    busy = NULL;
    snprintf(outcome, sizeof outcome, "done in %s", terminal_seconds(seconds, text));
    terminal_done(&runner->terminal, outcome);
    status = set_state(runner, stage, "done");
    if (status == OK) status = say(runner, "stage_done", entry->name);
  }
  bool unsaved = comm_any_all(runner->comm, sink->failed != OK);
  if (unsaved)
    terminal_line(&runner->terminal, "warning: finished units could not be saved: %s",
                  sink->failed != OK ? sink->message : "see the other ranks' messages");
  AGREE(runner->comm, status);
  run_folder_units(runner->config->stages[stage].name, &runner->graph.keys[stage], folder);
  if (is_root(runner)) file_remove_tree(run_folder_path(&runner->folder, folder, path));
done:
  memory_free(&busy);
  return status;
}

/* Write down how a stage ended. The disk may be full, but the first failure is what people have to
 * hear of. */
static void note_end(Runner *runner, int64_t stage, Status outcome) {
  char message[2048];
  snprintf(message, sizeof message, "%s", status_message());
  if (set_state(runner, stage, outcome == STOPPED ? "stopped" : "failed") != OK)
    status_fail(outcome, "%s", message);
}

static Status make_stage_all(Runner *runner, int64_t stage, int64_t number) {
  Status status = OK;
  StageRun *run = &runner->stages[stage];
  const StageConfig *config = &runner->config->stages[stage];
  char folder[512], path[PATH_MAX];
  RunSink sink;
  run_folder_units(config->name, &runner->graph.keys[stage], folder);
  sink_init(&sink, &runner->terminal, run_folder_path(&runner->folder, folder, path),
            runner->comm->size);
  terminal_stage(&runner->terminal, number, runner->graph.n, config->name);
  status = set_state(runner, stage, "running");
  if (status == OK) status = say(runner, "stage_begun", config->name);
  AGREE(runner->comm, status);
  Usage usage = usage_begin();
  status = call_stage_all(runner, stage, &sink);
  if (status == OK && config->kind->output != PORT_NOTHING)
    status = write_artifact_all(runner, stage);
  if (status != OK) {
    terminal_done(&runner->terminal, status == STOPPED ? "stopped" : "failed");
    status_prefix(status, "stage \"%s\": ", config->name);
    note_end(runner, stage, status);
    goto done;
  }
  fault_hit(FAULT_KILL);
  TRY(record_all(runner, stage, &usage, &sink));
  summary_clear(&run->summary);
  run->summary = run->artifact.summary;
  summary_init(&run->artifact.summary, is_root(runner));
  run->valid = config->kind->output != PORT_NOTHING;
done:
  return status;
}

/* ---- order of execution ---- */

static void release(Runner *runner, int64_t stage) {
  StageRun *run = &runner->stages[stage];
  if (run->loaded) artifact_clear(&run->artifact);
  run->loaded = false;
}

/* Free artifacts that no stage which is still to be made takes. */
static void release_unneeded(Runner *runner) {
  for (int64_t i = 0; i < runner->graph.n; i++) {
    bool needed = false;
    for (int64_t s = 0; s < runner->graph.n; s++) {
      if (runner->stages[s].finished || runner->stages[s].valid) continue;
      for (int64_t p = 0; input_of(runner, s, p) != -2; p++) needed |= input_of(runner, s, p) == i;
    }
    if (!needed) release(runner, i);
  }
}

static Status load_all(Runner *runner, int64_t stage) {
  StageRun *run = &runner->stages[stage];
  const StageConfig *config = &runner->config->stages[stage];
  char path[PATH_MAX];
  StoreTexts texts = {0};
  artifact_init(&run->artifact, config->kind, config->options, is_root(runner));
  run->loaded = true;
  Status status = artifact_read_all(runner->comm, run_folder_path(&runner->folder, run->file, path),
                                    &run->artifact, &texts);
  store_texts_clear(&texts);
  if (status != OK) release(runner, stage);
  return status;
}

static int64_t number_of(const Runner *runner, int64_t stage) {
  int64_t i = 0;
  while (runner->graph.order[i] != stage) i++;
  return i + 1;
}

/* Get a stage's artifact into memory: loaded when it is there, else made from its inputs. */
static Status materialise_all(Runner *runner, int64_t stage) {
  Status status = OK;
  StageRun *run = &runner->stages[stage];
  if (run->loaded) return OK;
  if (run->valid) {
    status = load_all(runner, stage);
    if (status == OK || (status != FORMAT && status != IO)) return status;
    terminal_line(&runner->terminal, "warning: %s; stage \"%s\" is made again", status_message(),
                  runner->config->stages[stage].name);
    run->valid = false;
    run->reused = false;
    status = OK;
  }
  for (int64_t p = 0; input_of(runner, stage, p) != -2; p++)
    if (input_of(runner, stage, p) >= 0) TRY(materialise_all(runner, input_of(runner, stage, p)));
  TRY(make_stage_all(runner, stage, number_of(runner, stage)));
done:
  return status;
}

/* Carry over what an earlier manifest knows of an artifact that is used again. */
static Status reuse(Runner *runner, int64_t stage) {
  Status status = OK;
  if (!is_root(runner)) return OK;
  ManifestStage *entry = &runner->manifest.stages[stage];
  const ManifestStage *old = manifest_find(&runner->earlier, entry->name);
  terminal_stage(&runner->terminal, number_of(runner, stage), runner->graph.n, entry->name);
  terminal_done(&runner->terminal, "reused");
  TRY(manifest_set(&entry->file, runner->stages[stage].file));
  if (old && old->key && strcmp(old->key, entry->key) == 0) {
    TRY(manifest_set(&entry->content, old->content));
    TRY(manifest_set(&entry->profile, old->profile));
    TRY(NEW(&entry->busy_seconds, old->ranks));
    for (int64_t r = 0; r < old->ranks; r++) entry->busy_seconds[r] = old->busy_seconds[r];
    entry->ranks = old->ranks;
    entry->seconds = old->seconds;
    entry->store_seconds = old->store_seconds;
    entry->peak_bytes = old->peak_bytes;
  }
  TRY(set_state(runner, stage, "reused"));
  TRY(say(runner, "stage_reused", entry->name));
done:
  return status;
}

static Status stopped_all(const Runner *runner) {
  if (!comm_any_all(runner->comm, stop_requested())) return OK;
  return status_fail(STOPPED, "stopped on request between stages; run again to go on");
}

static Status execute_all(Runner *runner) {
  Status status = OK;
  for (int64_t i = 0; i < runner->graph.n; i++) {
    int64_t stage = runner->graph.order[i];
    StageRun *run = &runner->stages[stage];
    TRY(stopped_all(runner));
    if (run->valid && !run->loaded) {
      run->reused = true;
      AGREE(runner->comm, reuse(runner, stage));
    } else if (!run->loaded) {
      TRY(materialise_all(runner, stage));
    }
    run->finished = true;
    release_unneeded(runner);
  }
done:
  return status;
}

/* Say how the attempt ended; a failure to say so does not hide the first one. */
static Status close_attempt(Runner *runner, Status outcome) {
  if (!is_root(runner) || !runner->manifest.stages) return outcome;
  char text[32], message[2048];
  snprintf(message, sizeof message, "%s", status_message());
  const char *word = outcome == OK ? "complete" : outcome == STOPPED ? "stopped" : "failed";
  Status status = outcome;
  if (outcome == OK) {
    status = owner_check(runner->owner);
    if (status == OK)
      status = run_folder_complete(&runner->folder, runner->config, &runner->manifest);
  } else {
    status = manifest_set(&runner->manifest.state, word);
    if (status == OK) status = save_manifest(runner);
  }
  cJSON *event = event_new(outcome == OK ? "run_complete" : "run_ended", NULL);
  cJSON_AddStringToObject(event, "state", word);
  Status said = event_append(runner->folder.path, event);
  if (outcome != OK) return status_fail(outcome, "%s", message);
  if (status == OK) status = said;
  if (status == OK)
    terminal_line(&runner->terminal, "%s: complete in %s", runner->folder.path,
                  terminal_seconds(terminal_clock() - runner->begun, text));
  return status;
}

static Status prepare_all(Runner *runner, const RunOptions *options) {
  Status status = OK;
  char path[PATH_MAX];
  for (int64_t f = 0; f < options->n_force; f++) {
    bool known = false;
    for (int64_t i = 0; i < runner->graph.n; i++)
      known |= strcmp(runner->config->stages[i].name, options->force[f]) == 0;
    if (!known) {
      status = status_fail(INVALID, "--force %s: there is no such stage", options->force[f]);
      goto done;
    }
  }
  AGREE(runner->comm, NEW(&runner->stages, runner->graph.n));
  TRY(launch_check_profile_all(runner->comm));
  TRY(graph_keys_all(runner->comm, &runner->graph));
  run_folder_init(&runner->folder, options->run_dir, runner->config->name);
  TRY(owner_take_all(runner->comm, runner->folder.path, &runner->owner));
  AGREE(runner->comm,
        is_root(runner) ? file_make_folder(run_folder_path(&runner->folder, "stages", path)) : OK);
  AGREE(runner->comm, begin_manifest(runner));
  AGREE(runner->comm, say(runner, "run_begun", NULL));
  find_artifacts_all(runner, options);
done:
  return status;
}

Status run_pipeline_all(const Comm *comm, Graph *graph, const RunOptions *options) {
  Status status = OK;
  Runner runner = {.comm = comm, .config = graph->config, .graph = *graph,
                   .begun = terminal_clock()};
  terminal_init(&runner.terminal, comm->rank == 0 && !options->quiet);
  launch_profile(runner.profile, sizeof runner.profile);
  TRY(prepare_all(&runner, options));
  TRY(execute_all(&runner));
  if (is_root(&runner)) {
    ReportStage *reports = NULL;
    int64_t n = 0;
    status = gather_reports(&runner, &reports, &n);
    if (status == OK) results_print(&runner.terminal, reports, n);
    memory_free(&reports);
  }
done:
  status = status_agree_all(comm, close_attempt(&runner, status));
  owner_release(&runner.owner);
  for (int64_t i = 0; runner.stages && i < runner.graph.n; i++) {
    release(&runner, i);
    summary_clear(&runner.stages[i].summary);
  }
  memory_free(&runner.stages);
  manifest_clear(&runner.manifest);
  manifest_clear(&runner.earlier);
  return status;
}
