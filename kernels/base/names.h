/* Names: which known name did somebody mean? */
#ifndef SEGUE_BASE_NAMES_H
#define SEGUE_BASE_NAMES_H

#include <stdbool.h>
#include <stdint.h>

/* The known name nearest to given (Damerau-Levenshtein distance at most a third of its length, case
 * ignored), NULL when none is near. names: n texts, NULLs skipped. Local, borrowed. */
const char *names_nearest(const char *given, const char *const *names, int64_t n);
/* `; did you mean "NAME"?` for the nearest name, or "" when none is near: the tail of a message.
 * buffer: the caller's, 160 bytes; returned. */
const char *names_hint(const char *given, const char *const *names, int64_t n, char buffer[160]);

#endif
