/* Parsing a resolved config with any lists of kinds, for config.c and for tests with kinds of their
 * own; what help and schema need to know of ports. */
#ifndef SEGUE_PIPELINE_CONFIG_INTERNAL_H
#define SEGUE_PIPELINE_CONFIG_INTERNAL_H

#include "config.h"
#include "options_json.h"

/* Parse resolved JSON text (no comments, include or variables are left). Local.
 * file    for messages
 * config  out; cleared again on a failure
 * Fails with INVALID: `FILE: /pointer: ...`; MEMORY. */
CHECKED Status config_parse_text(const char *text, const char *file, const Kinds *kinds,
                                 Config *config);

/* Number of ports of a stage kind. Local. */
int64_t stage_ports(const StageKind *kind);
/* "a table", "folds", "a bundle": a port's type inside a sentence. Local. */
const char *stage_port_phrase(PortType type);

#endif
