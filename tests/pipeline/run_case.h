/* Running whole pipelines in this process: a folder that goes away, configs from text, what became
 * of each stage. */
#ifndef SEGUE_TESTS_PIPELINE_RUN_CASE_H
#define SEGUE_TESTS_PIPELINE_RUN_CASE_H

#include <stdlib.h>
#include <unistd.h>

#include "io/file.h"
#include "kernels/base/memory.h"
#include "pipeline/graph.h"
#include "pipeline/manifest.h"
#include "pipeline/run.h"
#include "tests/check.h"

static char case_folder[64];

static inline void case_begin(void) {
  snprintf(case_folder, sizeof case_folder, "/tmp/segue-test-XXXXXX");
  CHECK(mkdtemp(case_folder) != NULL);
}

static inline void case_end(void) { file_remove_tree(case_folder); }

/* A path below the folder; of the last few calls. */
static inline const char *case_path(const char *name) {
  static char texts[8][512];
  static int next;
  char *text = texts[next++ % 8];
  snprintf(text, 512, "%s/%s", case_folder, name);
  return text;
}

static inline void case_write(const char *name, const char *text) {
  CHECK_OK(file_write(case_path(name), text, (int64_t)strlen(text)));
}

/* Parse and plan; the caller clears both. */
static inline Status case_plan(const char *json, Config *config, Graph *graph) {
  Comm self = comm_self();
  *config = (Config){0};
  *graph = (Graph){0};
  case_write("config.json", json);
  Status status = config_read_all(&self, case_path("config.json"), NULL, 0, config);
  return status == OK ? graph_plan(config, graph) : status;
}

/* Run json in the folder's "run". force: a stage or NULL. */
static inline Status case_run(const char *json, const char *force) {
  Config config;
  Graph graph;
  Comm self = comm_self();
  const char *const forced[] = {force};
  RunOptions options = {
      .run_dir = case_path("run"), .quiet = true, .force = forced, .n_force = force ? 1 : 0};
  Status status = case_plan(json, &config, &graph);
  if (status == OK) status = run_check(&graph, &options);
  if (status == OK) status = run_pipeline_all(&self, &graph, &options);
  graph_clear(&graph);
  config_clear(&config);
  return status;
}

static inline Status case_manifest(const char *file, Manifest *manifest) {
  char path[512];
  snprintf(path, sizeof path, "%s/run/%s", case_folder, file);
  return manifest_read(path, manifest);
}

/* The states of the last complete run: "rows done, split reused". */
static inline const char *case_states(void) {
  static char text[1024];
  Manifest manifest = {0};
  CHECK_OK(case_manifest("manifest.json", &manifest));
  text[0] = 0;
  for (int64_t i = 0; i < manifest.n_stages; i++) {
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, "%s%s %s", i ? ", " : "", manifest.stages[i].name,
             manifest.stages[i].state);
  }
  manifest_clear(&manifest);
  return text;
}

/* Path of a stage's artifact in the last complete run. */
static inline const char *case_artifact(const char *stage) {
  static char path[1024];
  Manifest manifest = {0};
  CHECK_OK(case_manifest("manifest.json", &manifest));
  const ManifestStage *found = manifest_find(&manifest, stage);
  CHECK(found && found->file);
  snprintf(path, sizeof path, "%s/run/%s", case_folder, found && found->file ? found->file : "?");
  manifest_clear(&manifest);
  return path;
}

#endif
