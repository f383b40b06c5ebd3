/* From files to one resolved JSON text: comments, include, --set, variables. Rank 0's work.
 *
 * Merging: a file's object is laid over those that it includes, key by key and level by level; a
 * list replaces a list; an object with another "kind" (or "step") replaces the whole object, since
 * the options of one kind mean nothing to another. A later include wins over an earlier one. */
#ifndef SEGUE_PIPELINE_CONFIG_TEXT_H
#define SEGUE_PIPELINE_CONFIG_TEXT_H

#include "json.h"

/* Read a config with all that it includes, merged; "include" is gone then. Local.
 * Include paths are relative to the including file, and may hold variables.
 * Fails with IO (a file cannot be read), INVALID (syntax, duplicate keys, a circle), MEMORY. */
CHECKED Status config_text_read(const char *path, cJSON **tree);

/* Apply one "POINTER=VALUE": VALUE is JSON, or else a plain text. The last key of POINTER may be
 * new; "-" as the last part appends to a list. Local. Fails with INVALID, MEMORY. */
CHECKED Status config_text_set(cJSON *tree, const char *set);

/* Replace ${NAME} and ${NAME:-default} by the environment, and $$ by $, in all texts that are
 * values. The default holds when NAME is unset or empty, as in a shell. Local.
 * file  for messages. Fails with INVALID naming pointer and variable, MEMORY. */
CHECKED Status config_text_variables(cJSON *tree, const char *file);
/* The inverse for texts that would be replaced: "${" becomes "$${", "$$" becomes "$$$$". So a
 * resolved config is a config that means the same. Local. Fails with MEMORY. */
CHECKED Status config_text_escape(cJSON *tree);

/* All of it: read, sets in order, variables. Local.
 * text  out, compact JSON, freed with memory_free. Fails with INVALID, IO, MEMORY. */
CHECKED Status config_text_resolve(const char *path, const char *const *sets, int64_t n_sets,
                                   char **text);

#endif
