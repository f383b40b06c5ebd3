/* JSON as configs need it, around cJSON: strict syntax with line and column, comments, duplicate
 * keys, JSON pointers in messages, numbers whose text never changes.
 *
 * cJSON alone accepts 01, cuts texts at \u0000, keeps both of two equal keys and cannot tell lack
 * of memory from bad syntax; so the syntax is checked here before cJSON builds the tree. */
#ifndef SEGUE_PIPELINE_JSON_H
#define SEGUE_PIPELINE_JSON_H

#include <cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "draft.h"

/* Blank // comments, outside of texts, with spaces: lines and columns stay as they are. Local. */
void json_blank_comments(char *text, int64_t n);

/* Check that n bytes are one JSON value (RFC 8259, at most 100 levels deep, valid UTF-8, no NUL).
 * A byte order mark at the beginning is skipped. Local.
 * Fails with INVALID: `FILE:LINE:COLUMN: what was expected and found`; columns count characters. */
CHECKED Status json_check(const char *file, const char *text, int64_t n);

/* Check, parse, and refuse keys that stand twice in an object. Local.
 * file  for messages: the file's name, or where the text comes from
 * out   freed with cJSON_Delete; NULL after a failure
 * Fails with INVALID, MEMORY. */
CHECKED Status json_parse(const char *file, const char *text, int64_t n, cJSON **out);

/* Set object[key] to item, in the place of an older one. Takes item over, also when it fails.
 * Local. Fails with MEMORY, also when item is NULL: `json_put(o, "x", cJSON_CreateTrue())`. */
CHECKED Status json_put(cJSON *object, const char *key, cJSON *item);
CHECKED Status json_append(cJSON *list, cJSON *item);
/* Message of an allocation that cJSON was refused. Local. */
Status json_memory(void);

/* The member of that exact name, NULL when there is none. Local, borrowed. */
cJSON *json_find(const cJSON *object, const char *key);

/* The shortest decimal text that reads back as value; whole numbers up to 2^53 without a point or
 * an exponent. It goes into cache keys, so it never changes. value is finite. Local. */
void json_number(double value, char buffer[32]);

/* Append item as text: compact without any space, or indented by two spaces with what fits into
 * 100 columns on one line. Local. */
void json_write(const cJSON *item, bool indented, Draft *draft);

/* For messages: the value as JSON, cut to 60 bytes; what type it has: "a text", "an object". */
void json_show(const cJSON *item, char buffer[80]);
const char *json_type_name(const cJSON *item);

bool json_utf8_valid(const char *text);

/* Where a value stands: frames on the stack, from the value up to the root. */
typedef struct Place {
  const struct Place *parent;
  const char *key; /* the name in an object; NULL: an index; root: text before the pointer, such as
                      "configs/x.json: " or "/stages/forest" */
  int64_t index;
} Place;

static inline Place place_key(const Place *parent, const char *key) {
  return (Place){.parent = parent, .key = key};
}
static inline Place place_index(const Place *parent, int64_t index) {
  return (Place){.parent = parent, .index = index};
}

/* Append the root's text and the JSON pointer (RFC 6901 escapes). Local. */
void place_write(const Place *place, Draft *draft);
/* Fail with INVALID and `FILE: /pointer: message`. Local. */
Status place_fail(const Place *place, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
