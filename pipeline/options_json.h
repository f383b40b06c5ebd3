/* Option rows <-> JSON: the parser that fills an options struct, and the text of a filled one. */
#ifndef SEGUE_PIPELINE_OPTIONS_JSON_H
#define SEGUE_PIPELINE_OPTIONS_JSON_H

#include "json.h"
#include "kernels/base/options.h"

/* The lists of kinds that there are, each NULL-terminated; the registry's, or a test's own. */
typedef struct Kinds {
  const Kind *const *stages, *const *models, *const *steps, *const *resamples;
} Kinds;

/* The key that names a variant's kind: "step" where kinds are recipe steps, else "kind". */
const char *kinds_key(const Kinds *kinds, const Kind *const *list);

/* Find the kind that object[key] names. Local.
 * Fails with INVALID: no such key, no text, unknown (with the nearest name, or all of them). */
CHECKED Status options_kind(const Kind *const *list, const char *key, const cJSON *object,
                            const Place *place, const Kind **kind);

/* Fill a kind's options from a JSON object: defaults, types, ranges, unknown keys, kind->check.
 * others   keys of object that mean something to the caller alone, NULL-terminated
 * place    of object, for messages
 * *options out, allocated, freed with options_free; NULL when the kind has none, or on a failure
 * Local. Fails with INVALID naming pointer, value and what is allowed; MEMORY. */
CHECKED Status options_parse(const Kinds *kinds, const Kind *kind, const cJSON *object,
                             const char *const *others, const Place *place, void **options);
void options_free(const Kind *kind, void **options);

/* Add all options, defaults written out, to object: in the order of the rows, or by name when
 * canonical (a kind's own key stands before its options; maps keep the order of the config, since
 * a kind may give it a meaning). Local. Fails with MEMORY. */
CHECKED Status options_write(const Kinds *kinds, const Kind *kind, const void *options,
                             bool canonical, cJSON *object);

/* Append `NAME VERSION;` for every kind inside the options, in order: cached results have to
 * follow the versions of nested kinds too. Local. */
void options_versions(const Kind *kind, const void *options, Draft *draft);

/* What a row may hold, for messages and help: `an integer, 1 to 100000`, `"mean" or "median"`.
 * The range alone: `1 to 100000`, `at least 0`, "" when there is none. Local. */
void options_allowed(const Option *row, Draft *draft);
void options_range(const Option *row, Draft *draft);

/* A row's help as a sentence: its first letter large, a full stop behind. Local. */
void options_sentence(const char *help, Draft *draft);

/* May its value be null? Local. */
bool options_allows_null(const Option *row);
/* A bound as JSON sees it: false when the row has none on that side. Local. */
bool options_has_low(const Option *row);
bool options_has_high(const Option *row);

#endif
