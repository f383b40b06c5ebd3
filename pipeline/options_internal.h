/* What the files that parse options share. */
#ifndef SEGUE_PIPELINE_OPTIONS_INTERNAL_H
#define SEGUE_PIPELINE_OPTIONS_INTERNAL_H

#include "options_json.h"

/* Fail at an unknown name: the nearest one, and all of them when they are few. Local. */
Status options_unknown_name(const Place *place, const char *what, const char *given,
                            const char *const *names, int64_t n);
/* One row's value; null included. value: where it goes, zeroed. Local. Fails with INVALID, MEMORY.
 */
CHECKED Status options_parse_value(const Kinds *kinds, const Option *row, const cJSON *item,
                                   const Place *place, void *value);
/* The kind's own check of filled options, with the place in its message. Local. */
CHECKED Status options_check(const Kind *kind, const void *options, const Place *place);

/* A SPACES row, in options_space.c. Local. Fails with INVALID, MEMORY. */
CHECKED Status options_parse_spaces(const Kinds *kinds, const Option *row, const cJSON *item,
                                    const Place *place, SpaceList *list);
/* {"low": ...} or {"choices": ...}; NULL when memory is short. Local. */
cJSON *options_range_json(const SpaceRange *range);
/* A scalar of options as JSON; NULL when memory is short. Local. */
cJSON *options_scalar_json(const Option *row, double value);

#endif
