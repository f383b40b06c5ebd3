/* Help about kinds and their options, from the same rows that the parser reads. */
#ifndef SEGUE_PIPELINE_HELP_H
#define SEGUE_PIPELINE_HELP_H

#include "options_json.h"

typedef enum HelpForm {
  HELP_TEXT,    /* for a terminal, at most 100 columns */
  HELP_MARKDOWN /* tables, for the README */
} HelpForm;

/* All kinds with what they take, give and do. Local. *text is freed with memory_free.
 * Fails with MEMORY. */
CHECKED Status help_kinds(const Kinds *kinds, HelpForm form, char **text);

/* One kind, or all of that name: ports, and options with type, range, default and meaning. Local.
 * Fails with INVALID when there is none, with the nearest name; MEMORY. */
CHECKED Status help_kind(const Kinds *kinds, const char *name, HelpForm form, char **text);

#endif
