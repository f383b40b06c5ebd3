/* The run: stages in order, reused, resumed or made; see run.h. */
#include "run.h"

#include <cJSON.h>
#include <stdio.h>
#include <string.h>

#include "events.h"
#include "io/file.h"
#include "io/summary_json.h"
#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "kernels/base/names.h"
#include "launch.h"
#include "results.h"
#include "run_internal.h"
#include "sink.h"
#include "stop.h"
#include "usage.h"

/* ---- which artifacts are there already ---- */

static bool forced(const Runner *runner, const RunOptions *options, int64_t stage) {
  for (int64_t f = 0; f < options->n_force; f++)
    for (int64_t i = 0; i < runner->graph.n; i++)
      if (strcmp(runner->config->stages[i].name, options->force[f]) == 0 &&
          (i == stage || graph_reaches(&runner->graph, stage, i)))
        return true;
  return false;
}

/* Do the files that an artifact links to belong to this run? A stage that was renamed since makes a
 * file of another name, and the old one goes away when the run is complete. */
static bool links_stand(const Runner *runner, const char *links) {
  for (const char *at = links; at && at[0] && at[1];) {
    const char *end = strchr(at + 1, ' ');
    bool found = false;
    if (!end) return false;
    for (int64_t i = 0; i < runner->graph.n; i++) {
      const char *file = runner->stages[i].file + strlen("stages/");
      found |= strlen(file) == (size_t)(end - at - 1) && strncmp(file, at + 1, strlen(file)) == 0;
    }
    if (!found) return false;
    at = end;
  }
  return true;
}

/* Are these the texts of the artifact with this key? Takes what the run needs of them. */
static bool texts_fit(const Runner *runner, const StoreTexts *texts, const char *digits,
                      StageRun *run) {
  const char *key = store_text(texts, "key"), *summary = store_text(texts, "summary");
  const char *content = store_text(texts, "content"), *profile = store_text(texts, "profile");
  return key && summary && content && profile && strcmp(key, digits) == 0 &&
         links_stand(runner, store_text(texts, "links")) &&
         summary_from_json(summary, &run->summary) == OK &&
         (!run_is_root(runner) || (manifest_set(&run->content, content) == OK &&
                                   manifest_set(&run->profile, profile) == OK));
}

/* Does the file of a stage hold this key? Collective. */
static bool find_artifact_all(Runner *runner, int64_t stage) {
  char path[PATH_MAX], digits[33];
  StoreTexts texts = {0};
  StageRun *run = &runner->stages[stage];
  run_folder_path(&runner->folder, run->file, path);
  if (!comm_any_all(runner->comm, run_is_root(runner) && file_exists(path))) return false;
  hash_text(&runner->graph.keys[stage], digits);
  bool valid = store_read_texts_all(runner->comm, path, &texts) == OK &&
               texts_fit(runner, &texts, digits, run);
  store_texts_clear(&texts);
  valid = !comm_any_all(runner->comm, !valid);
  if (!valid) summary_clear(&run->summary);
  return valid;
}

static void find_artifacts_all(Runner *runner, const RunOptions *options) {
  for (int64_t i = 0; i < runner->graph.n; i++) {
    StageRun *run = &runner->stages[i];
    run_folder_artifact(runner->config->stages[i].name, &runner->graph.keys[i], run->file);
    summary_init(&run->summary, run_is_root(runner));
  }
  for (int64_t i = 0; i < runner->graph.n; i++) {
    bool stored = !runner->config->stages[i].kind->takes_summaries;
    runner->stages[i].valid = stored && !forced(runner, options, i) && find_artifact_all(runner, i);
  }
}

/* ---- making one stage ---- */

/* The stage whose bundle a stage adjusts; -1: none. */
static int64_t adjusted_by(const Runner *runner, int64_t stage) {
  const StageConfig *config = &runner->config->stages[stage];
  const StageKind *kind = config->kind;
  for (int64_t p = 0; kind->adjusts && kind->inputs[p].name; p++)
    if (strcmp(kind->inputs[p].name, kind->adjusts) == 0) return config->inputs[p];
  return -1;
}

static void begin_artifact(Runner *runner, int64_t stage) {
  int64_t maker = stage;
  while (adjusted_by(runner, maker) >= 0) maker = adjusted_by(runner, maker);
  const StageConfig *own = &runner->config->stages[stage], *of = &runner->config->stages[maker];
  artifact_init(&runner->stages[stage].artifact, own->kind, of->kind, of->options,
                run_is_root(runner));
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
    int64_t adjusted = adjusted_by(runner, s);
    if (adjusted >= 0)
      cJSON_AddStringToObject(object, "adjusts", runner->config->stages[adjusted].name);
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
  if (run_is_root(runner)) {
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
  if (!run_is_root(runner)) return OK;
  Status status = NEW(reports, runner->graph.n);
  for (int64_t i = 0; status == OK && i < runner->graph.n; i++) {
    int64_t s = runner->graph.order[i];
    const StageRun *run = &runner->stages[s];
    const ManifestStage *entry = &runner->manifest.stages[s];
    if (!run->finished) continue;
    double busy = 0;
    for (int64_t r = 0; r < entry->ranks; r++) busy += entry->busy_seconds[r];
    (*reports)[(*n)++] = (ReportStage){.name = entry->name,
                                       .kind = entry->kind,
                                       .summary = &run->summary,
                                       .seconds = entry->seconds,
                                       .busy_seconds = busy,
                                       .peak_bytes = entry->peak_bytes,
                                       .reused = run->reused};
  }
  return status;
}

static Status call_stage_all(Runner *runner, int64_t stage, RunSink *sink) {
  Status status = OK;
  const StageConfig *config = &runner->config->stages[stage];
  StageRun *run = &runner->stages[stage];
  const Artifact **inputs = NULL;
  const char **names = NULL;
  ReportStage *reports = NULL;
  StageContext context = {.comm = runner->comm,
                          .run_name = runner->config->name,
                          .run_dir = runner->folder.path,
                          .config_json = runner->config->json,
                          .profile = runner->profile,
                          .seed = runner->config->seed,
                          .block = runner->config->block,
                          .sink = &sink->sink};
  AGREE(runner->comm, NEW(&inputs, config->n_inputs + 1));
  AGREE(runner->comm, NEW(&names, config->n_inputs + 1));
  for (int64_t p = 0; p < config->n_inputs; p++) {
    int64_t input = config->inputs[p];
    inputs[p] = input >= 0 ? &runner->stages[input].artifact : NULL;
    names[p] = input >= 0 ? runner->config->stages[input].name : NULL;
  }
  if (config->kind->takes_summaries)
    AGREE(runner->comm, gather_reports(runner, &reports, &context.n_reports));
  context.reports = reports;
  context.input_names = names;
  AGREE(runner->comm, owner_check(runner->owner)); /* a report replaces its files by itself */
  begin_artifact(runner, stage);
  run->loaded = true;
  TRY(config->kind->run_all(&context, config->options, inputs, &run->artifact));
done:
  memory_free(&inputs);
  memory_free(&names);
  memory_free(&reports);
  return status;
}

/* Close the books of a stage that was made. */
static Status record_all(Runner *runner, int64_t stage, const Usage *usage) {
  Status status = OK;
  double *busy = NULL;
  int64_t peak = 0;
  char text[32], outcome[2200], folder[512], path[PATH_MAX];
  AGREE(runner->comm, NEW(&busy, runner->comm->size));
  double seconds = usage_end_all(runner->comm, usage, busy, &peak);
  ManifestStage *entry = run_is_root(runner) ? &runner->manifest.stages[stage] : NULL;
  if (entry) {
    entry->seconds = seconds;
    entry->ranks = runner->comm->size;
    memory_free(&entry->busy_seconds);
    entry->busy_seconds = busy;
    entry->peak_bytes = peak;
    busy = NULL;
    snprintf(outcome, sizeof outcome, "done in %s", terminal_seconds(seconds, text));
    terminal_done(&runner->terminal, outcome);
    status = books_state(runner, stage, "done");
    if (status == OK) status = books_tell(runner, "stage_done", entry->name, NULL, seconds);
  }
  AGREE(runner->comm, status);
  run_folder_units(runner->config->stages[stage].name, &runner->graph.keys[stage], folder);
  if (run_is_root(runner)) file_remove_tree(run_folder_path(&runner->folder, folder, path));
done:
  memory_free(&busy);
  return status;
}

/* Warn when a rank could not save units: a stop would lose them. The outcome of the stage and its
 * message stay. */
static void warn_of_units_all(Runner *runner, const RunSink *sink) {
  char kept[2048];
  snprintf(kept, sizeof kept, "%s", status_message());
  if (sink->failed != OK) status_fail(sink->failed, "%s", sink->message);
  if (status_agree_all(runner->comm, sink->failed) != OK)
    terminal_line(&runner->terminal, "warning: finished units could not be saved: %s",
                  status_message());
  status_fail(OK, "%s", kept);
}

/* A stage that may grow keeps what it finds where a longer one of it looks. */
static Status begin_journal(const Runner *runner, int64_t stage, RunSink *sink) {
  Status status = OK;
  const StageConfig *config = &runner->config->stages[stage];
  char folder[512], path[PATH_MAX];
  Hash key;
  if (!config->kind->grows) return OK;
  TRY(graph_study_key(&runner->graph, stage, &key));
  run_folder_study(config->name, &key, folder);
  sink_journal(sink, run_folder_path(&runner->folder, folder, path), runner->comm->rank);
done:
  return status;
}

static Status make_stage_all(Runner *runner, int64_t stage, int64_t number) {
  Status status = OK;
  StageRun *run = &runner->stages[stage];
  const StageConfig *config = &runner->config->stages[stage];
  char folder[512], path[PATH_MAX];
  RunSink sink;
  run_folder_units(config->name, &runner->graph.keys[stage], folder);
  sink_init(&sink, &runner->terminal, run_folder_path(&runner->folder, folder, path));
  if (run_is_root(runner)) sink_events(&sink, runner->folder.path, config->name);
  terminal_stage(&runner->terminal, number, runner->graph.n, config->name);
  status = books_state(runner, stage, "running");
  if (status == OK) status = books_say(runner, "stage_begun", config->name);
  if (status == OK) status = begin_journal(runner, stage, &sink);
  AGREE(runner->comm, status);
  Usage usage = usage_begin();
  status = call_stage_all(runner, stage, &sink);
  /* Else the key would name contents that were never read. */
  if (status == OK && config->kind->files)
    status = graph_files_check_all(runner->comm, &runner->graph, stage);
  if (status == OK && !config->kind->takes_summaries) status = write_artifact_all(runner, stage);
  warn_of_units_all(runner, &sink);
  if (status != OK) {
    terminal_done(&runner->terminal, status == STOPPED ? "stopped" : "failed");
    status_prefix(status, "stage \"%s\": ", config->name);
    books_stage_ended(runner, stage, status);
    goto done;
  }
  fault_hit(FAULT_KILL);
  TRY(record_all(runner, stage, &usage));
  summary_clear(&run->summary);
  run->summary = run->artifact.summary;
  summary_init(&run->artifact.summary, run_is_root(runner));
  run->valid = !config->kind->takes_summaries;
done:
  sink_clear(&sink);
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
      const StageConfig *later = &runner->config->stages[s];
      if (runner->stages[s].finished || runner->stages[s].valid) continue;
      for (int64_t p = 0; p < later->n_inputs; p++) needed |= later->inputs[p] == i;
    }
    if (!needed) release(runner, i);
  }
}

static Status load_all(Runner *runner, int64_t stage) {
  StageRun *run = &runner->stages[stage];
  char path[PATH_MAX];
  StoreTexts texts = {0};
  begin_artifact(runner, stage);
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
  const StageConfig *config = &runner->config->stages[stage];
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
  for (int64_t p = 0; p < config->n_inputs; p++)
    if (config->inputs[p] >= 0) TRY(materialise_all(runner, config->inputs[p]));
  TRY(make_stage_all(runner, stage, number_of(runner, stage)));
done:
  return status;
}

static Status reuse(Runner *runner, int64_t stage) {
  Status status = OK;
  if (!run_is_root(runner)) return OK;
  const char *name = runner->config->stages[stage].name;
  terminal_stage(&runner->terminal, number_of(runner, stage), runner->graph.n, name);
  terminal_done(&runner->terminal, "reused");
  TRY(books_state(runner, stage, "reused"));
  TRY(books_say(runner, "stage_reused", name));
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

static Status check_force(const Graph *graph, const char *name) {
  const Config *config = graph->config;
  const char **names = NULL;
  char hint[160];
  for (int64_t i = 0; i < config->n_stages; i++)
    if (strcmp(config->stages[i].name, name) == 0) return OK;
  Status status = NEW(&names, config->n_stages);
  if (status != OK) return status;
  for (int64_t i = 0; i < config->n_stages; i++) names[i] = config->stages[i].name;
  names_hint(name, names, config->n_stages, hint);
  memory_free(&names);
  return status_fail(INVALID, "--force %s: there is no such stage%s", name, hint);
}

Status run_check(const Graph *graph, const RunOptions *options) {
  Status status = OK;
  RunFolder folder;
  for (int64_t f = 0; f < options->n_force; f++) TRY(check_force(graph, options->force[f]));
  TRY(run_folder_init(&folder, options->run_dir, graph->config->name));
  TRY(run_folder_check(&folder));
done:
  return status;
}

/* The link of one stage (NAME.h5) must not stand in place of another's artifact (NAME-KEY.h5). */
static Status check_names(const Runner *runner) {
  char link[512];
  for (int64_t i = 0; i < runner->graph.n; i++) {
    const char *name = runner->config->stages[i].name;
    snprintf(link, sizeof link, "stages/%.200s.h5", name);
    for (int64_t k = 0; k < runner->graph.n; k++)
      if (strcmp(link, runner->stages[k].file) == 0)
        return status_fail(INVALID,
                           "/stages/%s: this name is that of the artifact of stage \"%s\"; "
                           "use another",
                           name, runner->config->stages[k].name);
  }
  return OK;
}

static Status prepare_all(Runner *runner, const RunOptions *options) {
  Status status = OK;
  char path[PATH_MAX];
  AGREE(runner->comm, NEW(&runner->stages, runner->graph.n));
  TRY(run_folder_init(&runner->folder, options->run_dir, runner->config->name));
  TRY(graph_keys_all(runner->comm, &runner->graph));
  TRY(stopped_all(runner));
  TRY(owner_take_all(runner->comm, runner->folder.path, &runner->owner));
  AGREE(runner->comm, run_is_root(runner)
                          ? file_make_folder(run_folder_path(&runner->folder, "stages", path))
                          : OK);
  find_artifacts_all(runner, options);
  TRY(check_names(runner));
  AGREE(runner->comm, books_begin(runner));
  if (run_is_root(runner)) event_repair(runner->folder.path);
  AGREE(runner->comm, books_say(runner, "run_begun", NULL));
done:
  return status;
}

Status run_pipeline_all(const Comm *comm, Graph *graph, const RunOptions *options) {
  Status status = OK;
  Runner runner = {
      .comm = comm, .config = graph->config, .graph = *graph, .begun = terminal_clock()};
  terminal_init(&runner.terminal, comm->rank == 0 && !options->quiet);
  launch_profile(runner.profile, sizeof runner.profile);
  TRY(prepare_all(&runner, options));
  TRY(execute_all(&runner));
  if (run_is_root(&runner)) {
    ReportStage *reports = NULL;
    int64_t n = 0;
    status = gather_reports(&runner, &reports, &n);
    if (status == OK) results_print(&runner.terminal, reports, n);
    memory_free(&reports);
  }
done:
  status = status_agree_all(comm, books_close(&runner, status));
  owner_release(&runner.owner);
  for (int64_t i = 0; runner.stages && i < runner.graph.n; i++) {
    release(&runner, i);
    summary_clear(&runner.stages[i].summary);
    memory_free(&runner.stages[i].content);
    memory_free(&runner.stages[i].profile);
  }
  memory_free(&runner.stages);
  manifest_clear(&runner.manifest);
  for (int m = 0; m < 2; m++) manifest_clear(&runner.earlier[m]);
  return status;
}
