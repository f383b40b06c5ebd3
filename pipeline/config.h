/* The config: JSON text -> a validated description of the pipeline, errors with a JSON pointer.
 *
 * Reading happens on rank 0: comments (//, to the end of the line) are blanked, `include` is
 * merged, --set is applied, ${NAME:-default} is replaced inside texts; config_text.h has the rules.
 * The resolved text goes to all ranks, which parse it alike. A message names file, line and column
 * for broken JSON, and the JSON pointer, the value, what is allowed, and the nearest known name for
 * the rest. */
#ifndef SEGUE_PIPELINE_CONFIG_H
#define SEGUE_PIPELINE_CONFIG_H

#include "kernels/base/comm.h"
#include "stage.h"

typedef struct StageConfig {
  char *name;
  const StageKind *kind;
  void *options;    /* kind->kind.options_size bytes, parsed, every default filled in */
  int64_t n_inputs; /* one per port of the kind; a port of many: one per stage that it names */
  int64_t *inputs;  /* number of the stage it comes from, -1: not given */
  char *json;       /* canonical text of the effective options (sorted keys, defaults written out,
                       without kind and ports): for the cache key and the artifact */
  char *versions; /* "forest 3;impute 1;": versions of the kinds inside the options, in order; part
                     of the cache key as the stage kind's own version is. "" when there are none */
} StageConfig;

typedef struct Config {
  char *name; /* [A-Za-z0-9._-]+ */
  uint64_t seed;
  int64_t block; /* rows in a block */
  int64_t n_stages;
  StageConfig *stages; /* in the order of the file */
  char *json;          /* the resolved config, indented, every default written out */
} Config;

/* Read, resolve and parse. Collective. path and sets (texts "/stages/forest/model/trees=200", the
 * value being JSON or else a plain text) matter on rank 0 alone.
 * Fails with INVALID (a config that is wrong), IO (it cannot be read), MEMORY; agreed. */
CHECKED Status config_read_all(const Comm *comm, const char *path, const char *const *sets,
                               int64_t n_sets, Config *config);
void config_clear(Config *config);
/* The port that an input of a stage belongs to. Local. */
const Port *stage_port(const StageKind *kind, int64_t input);

/* Parse one kind's options from JSON text, such as an artifact's "options". Local.
 * pointer  where the text stands, for messages: "/stages/forest"
 * *options is allocated (kind->options_size) and filled; freed by variant_clear or
 * options_clear + memory_free. Fails with INVALID, MEMORY. */
CHECKED Status config_parse_options(const Kind *kind, const char *json, const char *pointer,
                                    void **options);
/* The canonical JSON text of parsed options (see StageConfig.json). Local. Fails with MEMORY. */
CHECKED Status config_options_json(const Kind *kind, const void *options, char **json);

#endif
