/* Fields: the one list in which a lasting thing names its arrays.
 *
 * A type that lasts (a table, a model, a recipe, a checkpoint) has one function
 * `thing_fields(thing, fields)` that visits its members in a fixed order. The same function saves
 * (FIELDS_OUT: fields collects borrowed views) and loads (FIELDS_IN: fields hands over what was
 * read, each array once), so the two cannot drift apart; storing, checkpointing and hashing use
 * the list alone. Names are paths: fields_enter("model") makes the next "trees" into
 * "model/trees". */
#ifndef SEGUE_BASE_FIELDS_H
#define SEGUE_BASE_FIELDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "status.h"

typedef enum FieldType {
  FIELD_REAL,    /* double */
  FIELD_FLOAT,   /* float */
  FIELD_INTEGER, /* int64_t */
  FIELD_CODE,    /* int32_t */
  FIELD_SHORT,   /* uint16_t */
  FIELD_BYTE,    /* uint8_t; also booleans and UTF-8 bytes */
  FIELD_TYPES
} FieldType;

enum { FIELD_DIMENSIONS = 3, FIELD_DEPTH = 64 };

typedef struct Field {
  char *name; /* path from the root, parts joined by '/' */
  FieldType type;
  int dimensions; /* 0: a scalar */
  int64_t shape[FIELD_DIMENSIONS]; /* this rank's extent; C order */
  /* true: the first extent is this rank's share of rows; ranks hold the shares in rank order.
   * false: every rank holds the same data. */
  bool distributed;
  /* true (with distributed): the first extent is the sum of this rank's items in the sibling
   * field "length" (per-row lengths of texts and lists) rather than its rows. */
  bool ragged;
  const void *data;
  bool owned; /* data is freed with the list */
  /* Set by a store that knows that these very bytes already stand in an older artifact:
   * "FILE:PATH"; NULL otherwise. Owned by the list. */
  char *origin;
} Field;

typedef enum FieldsMode { FIELDS_OUT, FIELDS_IN } FieldsMode;

typedef struct Fields {
  FieldsMode mode;
  int64_t n, capacity;
  Field *items;
  char prefix[512];
  int depth;                  /* parts entered */
  int begins[FIELD_DEPTH];    /* where each part begins in prefix */
  int64_t next;               /* where the next field read in is looked for first */
} Fields;

void fields_init(Fields *fields, FieldsMode mode);
/* Frees names and owned data. Local. */
void fields_clear(Fields *fields);

size_t field_item_size(FieldType type);
int64_t field_count(const Field *field); /* items on this rank */

/* Enter and leave a part of the path (which may hold '/'). Local. Where the path is longer than
 * prefix or deeper than FIELD_DEPTH, what is visited inside fails with INVALID. */
void fields_enter(Fields *fields, const char *part);
void fields_leave(Fields *fields);

/* Visit a scalar: OUT appends a copy of *value, IN sets *value. Local.
 * Fails with FORMAT when a field read in is absent or of another type or shape, MEMORY, INVALID
 * when the path is too long. */
CHECKED Status fields_integer(Fields *fields, const char *name, int64_t *value);
CHECKED Status fields_real(Fields *fields, const char *name, double *value);
CHECKED Status fields_flag(Fields *fields, const char *name, bool *value);
/* Visit a text; IN allocates it (memory_free), NULL is kept as NULL. Local. */
CHECKED Status fields_text(Fields *fields, const char *name, char **value);
/* Visit a list of texts, NULL among them; two fields, NAME/length (-1: NULL) and NAME/bytes. IN
 * allocates items and list; *n and *items stay as they are on failure. Local. */
CHECKED Status fields_texts(Fields *fields, const char *name, int64_t *n, char ***items);

/* Visit an array of the given type. Local.
 * array       address of the typed pointer; OUT borrows it (it must outlive fields), IN allocates
 * dimensions  1 to 3
 * shape       OUT in; IN out, but an extent that is not negative on entry has to match
 * Fails with FORMAT as above, MEMORY. Empty arrays are ordinary. */
CHECKED Status fields_array(Fields *fields, const char *name, FieldType type, void *array,
                            int dimensions, int64_t *shape);
/* The same for an array whose first extent is spread over the ranks. */
CHECKED Status fields_rows(Fields *fields, const char *name, FieldType type, void *array,
                           int dimensions, int64_t *shape);
/* The same for the items of texts or lists: n on this rank, the sum of the sibling field "length",
 * which has to be visited before. */
CHECKED Status fields_ragged(Fields *fields, const char *name, FieldType type, void *array,
                             int64_t *n);
/* IN: is there a field of this name under the current prefix? OUT: returns present. Lets a thing
 * have optional arrays: if (fields_has(f, "weight", t->weight != NULL)) TRY(fields_array(...)). */
bool fields_has(const Fields *fields, const char *name, bool present);

/* Find by full path, NULL when absent. Local. */
const Field *fields_find(const Fields *fields, const char *path);
/* Append a read field, not distributed until its flags are set on items[n - 1]; takes ownership of
 * data (also on failure). For stores. Local. */
CHECKED Status fields_append(Fields *fields, const char *path, FieldType type, int dimensions,
                             const int64_t *shape, void *data);

/* Turn an OUT list into an IN list that owns copies; for tests and for passing units between
 * ranks. Local. Fails with MEMORY. */
CHECKED Status fields_copy(const Fields *fields, Fields *out);
/* One block of bytes from replicated fields, and back. Local. *bytes is freed with memory_free.
 * unpack fails with FORMAT when the bytes are not such a block. */
CHECKED Status fields_pack(const Fields *fields, uint8_t **bytes, int64_t *n);
CHECKED Status fields_unpack(const uint8_t *bytes, int64_t n, Fields *out);

#endif
