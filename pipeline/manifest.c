/* The manifest of a run folder; see manifest.h. */
#include "manifest.h"

#include <cJSON.h>
#include <string.h>

#include "io/file.h"
#include "kernels/base/memory.h"

Status manifest_init(Manifest *manifest, int64_t n_stages) {
  *manifest = (Manifest){0};
  Status status = NEW(&manifest->stages, n_stages);
  if (status == OK) manifest->n_stages = n_stages;
  return status;
}

void manifest_clear(Manifest *manifest) {
  for (int64_t i = 0; i < manifest->n_stages; i++) {
    ManifestStage *stage = &manifest->stages[i];
    char **texts[] = {&stage->name, &stage->kind,    &stage->state,  &stage->key,
                      &stage->file, &stage->content, &stage->profile};
    for (size_t t = 0; t < sizeof texts / sizeof *texts; t++) memory_free(texts[t]);
    memory_free(&stage->busy_seconds);
  }
  memory_free(&manifest->stages);
  memory_free(&manifest->name);
  memory_free(&manifest->version);
  memory_free(&manifest->state);
  memory_free(&manifest->started);
  memory_free(&manifest->ended);
  *manifest = (Manifest){0};
}

const ManifestStage *manifest_find(const Manifest *manifest, const char *stage) {
  for (int64_t i = 0; i < manifest->n_stages; i++)
    if (manifest->stages[i].name && strcmp(manifest->stages[i].name, stage) == 0)
      return &manifest->stages[i];
  return NULL;
}

Status manifest_set(char **member, const char *text) {
  char *copy = NULL;
  Status status = text ? memory_text(&copy, text) : OK;
  if (status != OK) return status;
  memory_free(member);
  *member = copy;
  return OK;
}

static void add_text(cJSON *object, const char *name, const char *text) {
  if (text)
    cJSON_AddStringToObject(object, name, text);
  else
    cJSON_AddNullToObject(object, name);
}

static cJSON *stage_to_json(const ManifestStage *stage) {
  cJSON *object = cJSON_CreateObject();
  add_text(object, "kind", stage->kind);
  add_text(object, "state", stage->state);
  add_text(object, "key", stage->key);
  add_text(object, "file", stage->file);
  add_text(object, "content", stage->content);
  add_text(object, "profile", stage->profile);
  cJSON_AddNumberToObject(object, "seconds", stage->seconds);
  cJSON_AddNumberToObject(object, "store_seconds", stage->store_seconds);
  cJSON *busy = cJSON_AddArrayToObject(object, "busy_seconds");
  for (int64_t r = 0; r < stage->ranks; r++)
    cJSON_AddItemToArray(busy, cJSON_CreateNumber(stage->busy_seconds[r]));
  cJSON_AddNumberToObject(object, "peak_bytes", (double)stage->peak_bytes);
  return object;
}

Status manifest_write(const Manifest *manifest, const char *path) {
  cJSON *root = cJSON_CreateObject();
  add_text(root, "name", manifest->name);
  add_text(root, "version", manifest->version);
  add_text(root, "state", manifest->state);
  add_text(root, "started", manifest->started);
  add_text(root, "ended", manifest->ended);
  cJSON *stages = cJSON_AddObjectToObject(root, "stages");
  for (int64_t i = 0; i < manifest->n_stages && manifest->stages[i].name; i++)
    cJSON_AddItemToObject(stages, manifest->stages[i].name, stage_to_json(&manifest->stages[i]));
  char *text = cJSON_Print(root);
  cJSON_Delete(root);
  if (!text) return status_fail(MEMORY, "out of memory");
  Status status = file_write(path, text, (int64_t)strlen(text));
  cJSON_free(text);
  return status;
}

static Status take_text(const cJSON *object, const char *name, char **member) {
  return manifest_set(member, cJSON_GetStringValue(cJSON_GetObjectItem(object, name)));
}

static double take_number(const cJSON *object, const char *name) {
  const cJSON *item = cJSON_GetObjectItem(object, name);
  return cJSON_IsNumber(item) ? item->valuedouble : 0;
}

/* A count that an int64_t holds; 0 for anything else. */
static int64_t take_count(const cJSON *object, const char *name) {
  double value = take_number(object, name);
  return value >= 0 && value < 9e18 ? (int64_t)value : 0;
}

static Status stage_from_json(const cJSON *object, ManifestStage *stage) {
  Status status = OK;
  TRY(memory_text(&stage->name, object->string));
  TRY(take_text(object, "kind", &stage->kind));
  TRY(take_text(object, "state", &stage->state));
  TRY(take_text(object, "key", &stage->key));
  TRY(take_text(object, "file", &stage->file));
  TRY(take_text(object, "content", &stage->content));
  TRY(take_text(object, "profile", &stage->profile));
  stage->seconds = take_number(object, "seconds");
  stage->store_seconds = take_number(object, "store_seconds");
  stage->peak_bytes = take_count(object, "peak_bytes");
  const cJSON *busy = cJSON_GetObjectItem(object, "busy_seconds"), *item = NULL;
  TRY(NEW(&stage->busy_seconds, cJSON_GetArraySize(busy)));
  cJSON_ArrayForEach(item, busy) stage->busy_seconds[stage->ranks++] = item->valuedouble;
done:
  return status;
}

Status manifest_read(const char *path, Manifest *manifest) {
  Status status = OK;
  char *text = NULL;
  int64_t n = 0, i = 0;
  cJSON *root = NULL, *item = NULL;
  *manifest = (Manifest){0};
  TRY(file_read(path, &text, &n));
  root = cJSON_Parse(text);
  const cJSON *stages = cJSON_GetObjectItem(root, "stages");
  if (!cJSON_IsObject(stages)) {
    status = status_fail(FORMAT, "%s: not a manifest of segue", path);
    goto done;
  }
  TRY(manifest_init(manifest, cJSON_GetArraySize(stages)));
  TRY(take_text(root, "name", &manifest->name));
  TRY(take_text(root, "version", &manifest->version));
  TRY(take_text(root, "state", &manifest->state));
  TRY(take_text(root, "started", &manifest->started));
  TRY(take_text(root, "ended", &manifest->ended));
  cJSON_ArrayForEach(item, stages) TRY(stage_from_json(item, &manifest->stages[i++]));
done:
  if (status != OK) manifest_clear(manifest);
  cJSON_Delete(root);
  memory_free(&text);
  return status;
}
