/* A table as a list of arrays, for storing, hashing and reading back.
 *
 * Each column is a group of its own, columns/NAME, with its type, its position among the columns
 * and its arrays; so a reader may ask for a few columns, and an unchanged column of a changed table
 * can be stored as a link to where it stands. Column names are free text: '/' and '%' are written
 * as %2F and %25, the names "." and "" (which a path cannot hold) as %2E and %. Flags of missing
 * texts and lists are always written, so that every rank has the same list of fields. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "column_parts.h"
#include "kernels/base/memory.h"

static const FieldType field_types[COLUMN_TYPES] = {
    FIELD_REAL, FIELD_INTEGER, FIELD_BYTE, FIELD_CODE, FIELD_BYTE, FIELD_CODE, FIELD_CODE};

/* ---- names ---- */

static Status escape(const char *name, char **out) {
  if (!*name) return memory_text(out, "%");
  if (strcmp(name, ".") == 0) return memory_text(out, "%2E");
  if (NEW(out, 3 * (int64_t)strlen(name) + 1) != OK) return MEMORY;
  char *to = *out;
  for (; *name; name++) {
    if (*name == '/' || *name == '%')
      to += sprintf(to, "%%%02X", (unsigned)(unsigned char)*name);
    else
      *to++ = *name;
  }
  return OK;
}

static Status unescape(const char *part, char **out) {
  if (NEW(out, (int64_t)strlen(part) + 1) != OK) return MEMORY;
  char *to = *out;
  for (; *part; part++) {
    unsigned byte = 0;
    if (*part != '%') {
      *to++ = *part;
    } else if (sscanf(part + 1, "%2X", &byte) == 1) {
      *to++ = (char)byte;
      part += 2;
    }
  }
  return OK;
}

/* Enter columns/PART; fields_enter would cut a path that is too long. */
static Status enter(Fields *fields, const char *part) {
  size_t used = strlen(fields->prefix) + strlen("columns/") + strlen("dictionary/") + 2;
  if (used + strlen(part) >= sizeof fields->prefix)
    return status_fail(INVALID, "a column's name of %zu bytes is too long; at most %zu are allowed",
                       strlen(part), sizeof fields->prefix - used - 1);
  fields_enter(fields, "columns");
  fields_enter(fields, part);
  return OK;
}

static void leave(Fields *fields) {
  fields_leave(fields);
  fields_leave(fields);
}

/* ---- origins ---- */

/* Every array visited since `first` stands in the column's origin under the same leaf. Scalars are
 * left out: a link costs more than they do, and a column's position may have changed. */
static Status give_origins(Fields *fields, int64_t first, const char *origin) {
  size_t prefix = strlen(fields->prefix);
  for (int64_t i = first; i < fields->n; i++) {
    Field *field = &fields->items[i];
    const char *leaf = field->name + prefix;
    if (field->dimensions == 0) continue;
    if (NEW(&field->origin, (int64_t)(strlen(origin) + strlen(leaf) + 2)) != OK) return MEMORY;
    sprintf(field->origin, "%s/%s", origin, leaf);
  }
  return OK;
}

static Status take_origin(const Fields *fields, const char *leaf, Column *column) {
  char path[sizeof fields->prefix + 32];
  snprintf(path, sizeof path, "%s%s", fields->prefix, leaf);
  const Field *field = fields_find(fields, path);
  if (!field || !field->origin) return OK;
  size_t n = strlen(field->origin), tail = strlen(leaf) + 1;
  bool fits =
      n > tail && field->origin[n - tail] == '/' && strcmp(field->origin + n - tail + 1, leaf) == 0;
  return fits ? memory_text_n(&column->origin, field->origin, n - tail) : OK;
}

/* ---- one column ---- */

/* An array that exists for the list alone. */
static Status give_rows(Fields *fields, const char *name, FieldType type, void *array, int64_t n) {
  Status status = fields_rows(fields, name, type, &array, 1, &n);
  if (status == OK)
    fields->items[fields->n - 1].owned = true;
  else
    memory_release(array);
  return status;
}

static Status check_dictionary(Dictionary *dictionary, int64_t positions, int64_t bytes) {
  bool good = positions >= 1 && positions <= INT32_MAX && dictionary->offset[0] == 0 &&
              dictionary->offset[positions - 1] == bytes;
  for (int64_t w = 1; good && w < positions; w++)
    good = dictionary->offset[w - 1] <= dictionary->offset[w];
  if (!good) return status_fail(FORMAT, "its dictionary is damaged");
  dictionary->n = (int32_t)(positions - 1);
  return OK;
}

static Status visit_dictionary(Fields *fields, Dictionary *dictionary) {
  static int64_t no_words[1]; /* the positions of an empty dictionary; never written */
  Status status = OK;
  bool in = fields->mode == FIELDS_IN;
  int64_t *offset = dictionary->offset ? dictionary->offset : no_words;
  int64_t positions = in ? -1 : (int64_t)dictionary->n + 1;
  int64_t bytes = in ? -1 : offset[dictionary->n];
  fields_enter(fields, "dictionary");
  TRY(fields_array(fields, "offset", FIELD_INTEGER, &offset, 1, &positions));
  if (in) dictionary->offset = offset;
  TRY(fields_array(fields, "bytes", FIELD_BYTE, &dictionary->bytes, 1, &bytes));
  if (in) TRY(check_dictionary(dictionary, positions, bytes));
done:
  fields_leave(fields);
  return status;
}

static Status check_codes(const Column *column) {
  int64_t n = column->type == COLUMN_LIST ? column->offset[column->n] : column->n;
  int32_t lowest = column->type == COLUMN_LIST ? 0 : MISSING_CODE;
  for (int64_t i = 0; i < n; i++)
    if (column->code[i] < lowest || column->code[i] >= column->dictionary.n)
      return status_fail(FORMAT, "code %d of item %lld is not in its dictionary of %d words",
                         column->code[i], (long long)i, column->dictionary.n);
  return OK;
}

static Status ragged_out(Fields *fields, Column *column) {
  Status status = OK;
  int32_t *lengths = NULL;
  uint8_t *flags = NULL;
  int64_t items = column->offset[column->n];
  TRY(column_lengths(column, &lengths));
  status = give_rows(fields, "length", FIELD_CODE, lengths, column->n);
  lengths = NULL;
  if (status != OK) goto done;
  TRY(NEW(&flags, column->n));
  if (column->missing) memcpy(flags, column->missing, (size_t)column->n);
  TRY(give_rows(fields, "missing", FIELD_BYTE, flags, column->n));
  if (column->type == COLUMN_TEXT)
    TRY(fields_ragged(fields, "bytes", FIELD_BYTE, &column->bytes, &items));
  else
    TRY(fields_ragged(fields, "codes", FIELD_CODE, &column->code, &items));
done:
  memory_free(&lengths);
  return status;
}

static Status ragged_in(Fields *fields, Column *column) {
  Status status = OK;
  int32_t *lengths = NULL;
  uint8_t *flags = NULL;
  TRY(fields_rows(fields, "length", FIELD_CODE, &lengths, 1, &column->n));
  TRY(column_offsets(lengths, column->n, &column->offset));
  TRY(fields_rows(fields, "missing", FIELD_BYTE, &flags, 1, &column->n));
  column_adopt_missing(column, flags);
  int64_t items = column->offset[column->n];
  if (column->type == COLUMN_TEXT)
    TRY(fields_ragged(fields, "bytes", FIELD_BYTE, &column->bytes, &items));
  else
    TRY(fields_ragged(fields, "codes", FIELD_CODE, &column->code, &items));
done:
  memory_free(&lengths);
  return status;
}

/* The arrays of a column; its group is entered. column->n is known in both directions. */
static Status visit_arrays(Fields *fields, Column *column) {
  Status status = OK;
  bool in = fields->mode == FIELDS_IN, ragged = column_is_ragged(column);
  if (in) TRY(take_origin(fields, ragged ? "length" : "value", column));
  if (ragged)
    TRY(in ? ragged_in(fields, column) : ragged_out(fields, column));
  else
    TRY(fields_rows(fields, "value", field_types[column->type], &column->code, 1, &column->n));
  if (!column_has_words(column)) return OK;
  TRY(visit_dictionary(fields, &column->dictionary));
  if (in) TRY(check_codes(column));
done:
  return status;
}

/* ---- all columns ---- */

static Status column_out(Fields *fields, Column *column, int64_t position) {
  Status status = OK;
  char *part = NULL;
  int64_t type = column->type, first = fields->n;
  bool entered = false;
  TRY(escape(column->name, &part));
  TRY(enter(fields, part));
  entered = true;
  TRY(fields_integer(fields, "type", &type));
  TRY(fields_integer(fields, "position", &position));
  TRY(visit_arrays(fields, column));
  if (column->origin) TRY(give_origins(fields, first, column->origin));
done:
  if (entered) leave(fields);
  memory_free(&part);
  return status;
}

typedef struct Placed {
  int64_t position;
  Column *column;
} Placed;

static int compare_placed(const void *a, const void *b) {
  const Placed *x = a, *y = b;
  return (x->position > y->position) - (x->position < y->position);
}

/* part: the column's name in paths. */
static Status column_in(Fields *fields, const char *part, int64_t n, Placed *out) {
  Status status = OK;
  char *name = NULL;
  int64_t type = 0;
  bool entered = false;
  TRY(unescape(part, &name));
  TRY(enter(fields, part));
  entered = true;
  TRY(fields_integer(fields, "type", &type));
  TRY(fields_integer(fields, "position", &out->position));
  if (type < 0 || type >= COLUMN_TYPES)
    TRY(status_fail(FORMAT, "type %lld is none of 0 to %d", (long long)type, COLUMN_TYPES - 1));
  TRY(column_bare(&out->column, name, (ColumnType)type));
  out->column->n = n;
  TRY(visit_arrays(fields, out->column));
done:
  if (entered) leave(fields);
  if (name) status = status_prefix(status, "column \"%s\": ", name);
  memory_free(&name);
  return status;
}

/* The length of NAME when path is PREFIXcolumns/NAME/type, else 0. */
static size_t name_in_path(const char *path, const char *prefix, const char **name) {
  size_t skip = strlen(prefix);
  if (strncmp(path, prefix, skip) != 0 || strncmp(path + skip, "columns/", 8) != 0) return 0;
  *name = path + skip + 8;
  const char *slash = strchr(*name, '/');
  return slash && strcmp(slash, "/type") == 0 ? (size_t)(slash - *name) : 0;
}

/* Columns come in the order of their positions, whatever the order of the list. */
static Status columns_in(Fields *fields, Table *table) {
  Status status = OK;
  Placed *placed = NULL;
  char *part = NULL;
  const char *name = NULL;
  int64_t n = 0, capacity = 0;
  for (int64_t i = 0; i < fields->n; i++) {
    size_t length = name_in_path(fields->items[i].name, fields->prefix, &name);
    if (length == 0) continue;
    TRY(memory_text_n(&part, name, length));
    TRY(RESERVE(&placed, &capacity, n + 1));
    TRY(column_in(fields, part, table->rows.n, &placed[n++]));
    memory_free(&part);
  }
  if (n > 0) qsort(placed, (size_t)n, sizeof *placed, compare_placed);
  for (int64_t i = 0; i < n; i++) {
    Column *column = placed[i].column;
    placed[i].column = NULL; /* table_add takes it over, also on failure */
    TRY(table_add(table, column));
  }
done:
  for (int64_t i = 0; i < n; i++) column_release(&placed[i].column);
  memory_free(&placed);
  memory_free(&part);
  return status;
}

Status table_fields(Table *table, Fields *fields) {
  Status status = OK;
  bool in = fields->mode == FIELDS_IN;
  if (in) memory_free(&table->row_id);
  fields_enter(fields, "rows");
  status = fields_rows(fields, "id", FIELD_INTEGER, &table->row_id, 1, &table->rows.n);
  fields_leave(fields);
  if (status != OK) return status;
  if (in) return columns_in(fields, table);
  for (int64_t i = 0; i < table->n_columns; i++) TRY(column_out(fields, table->columns[i], i));
done:
  return status;
}

Status table_stored(Table *table, const char *file, const char *prefix) {
  Status status = OK;
  char *part = NULL;
  for (int64_t j = 0; j < table->n_columns; j++) {
    Column *column = table->columns[j];
    if (column->origin) continue;
    TRY(escape(column->name, &part));
    size_t n = strlen(file) + strlen(prefix) + strlen(part) + 16;
    TRY(NEW(&column->origin, (int64_t)n));
    snprintf(column->origin, n, "%s:%s/columns/%s", file, prefix, part);
    memory_free(&part);
  }
done:
  memory_free(&part);
  return status;
}
