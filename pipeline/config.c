/* Reading a config on all ranks; see config.h.
 *
 * Only rank 0 touches files and the environment, which may differ from node to node. The resolved
 * text is what the others get, and every rank parses it: no struct with pointers is ever sent. */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "config_internal.h"
#include "config_text.h"
#include "kernels/base/memory.h"
#include "registry.h"

static const Kinds registered = {
    .stages = stage_kinds, .models = model_kinds, .steps = step_kinds, .resamples = resample_kinds};

static Status resolve_on_root(const Comm *comm, const char *path, const char *const *sets,
                              int64_t n_sets, char **text) {
  return comm->rank == 0 ? config_text_resolve(path, sets, n_sets, text) : OK;
}

Status config_read_all(const Comm *comm, const char *path, const char *const *sets, int64_t n_sets,
                       Config *config) {
  Status status = OK;
  char *text = NULL;
  *config = (Config){0};
  AGREE(comm, resolve_on_root(comm, path, sets, n_sets, &text));
  int64_t bytes = text ? (int64_t)strlen(text) + 1 : 0;
  comm_broadcast_all(comm, 0, &bytes, sizeof bytes);
  AGREE(comm, comm->rank == 0 ? OK : NEW(&text, bytes));
  comm_broadcast_all(comm, 0, text, (size_t)bytes);
  /* A message is that of the lowest failing rank, which is 0 and knows the path. */
  AGREE(comm, config_parse_text(text, path ? path : "config", &registered, config));
done:
  memory_free(&text);
  if (status != OK) config_clear(config);
  return status;
}

Status config_parse_options(const Kind *kind, const char *json, const char *pointer,
                            void **options) {
  Status status = OK;
  cJSON *object = NULL;
  Place place = {.key = pointer};
  *options = NULL;
  TRY(json_parse(pointer, json, (int64_t)strlen(json), &object));
  if (!cJSON_IsObject(object))
    TRY(place_fail(&place, "an object is needed, not %s", json_type_name(object)));
  TRY(options_parse(&registered, kind, object, NULL, &place, options));
done:
  cJSON_Delete(object);
  return status;
}

Status config_options_json(const Kind *kind, const void *options, char **json) {
  Status status = OK;
  Draft draft = {0};
  cJSON *object = cJSON_CreateObject();
  *json = NULL;
  TRY(options_write(&registered, kind, options, true, object));
  json_write(object, false, &draft);
  status = draft_take(&draft, json);
done:
  cJSON_Delete(object);
  return status;
}
