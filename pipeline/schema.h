/* The JSON Schema of a config, for editors, from the same rows that the parser reads. */
#ifndef SEGUE_PIPELINE_SCHEMA_H
#define SEGUE_PIPELINE_SCHEMA_H

#include "options_json.h"

/* JSON Schema, draft 2020-12: completion, help and checks while a config is typed. A config that
 * includes others may leave out what they have; then only what stands in it is checked.
 * text  out, freed with memory_free. Local. Fails with MEMORY. */
CHECKED Status schema_json(const Kinds *kinds, char **text);

#endif
