/* Columns: typed storage with a reference count, single values, and copies of chosen rows.
 *
 * A column never changes once a table holds it, so tables share it and a stage that adds a column
 * copies nothing. Flat types keep one item a row; texts and lists keep offset[n + 1] positions
 * into one run of items, so that a row's items lie together and a block of rows is one slice. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "column_parts.h"
#include "kernels/base/memory.h"

const char *const column_type_words[] = {"real", "integer", "boolean", "category",
                                         "text", "list",    "date",    NULL};

const char *column_type_phrase(ColumnType type) {
  static const char *const phrases[] = {"a real", "an integer", "a boolean", "a category",
                                        "a text", "a list",     "a date"};
  return phrases[type];
}

static const size_t item_sizes[COLUMN_TYPES] = {8, 8, 1, 4, 1, 4, 4};

size_t column_item_size(ColumnType type) { return item_sizes[type]; }

static Status column_make(Column **out, const char *name, ColumnType type, int64_t n,
                          int64_t bytes_n, bool zeroed) {
  Status status = OK;
  Column *column = NULL;
  TRY(column_bare(&column, name, type));
  bool ragged = column_is_ragged(column);
  column->n = n;
  if (ragged) TRY(zeroed ? NEW(&column->offset, n + 1) : NEW_RAW(&column->offset, n + 1));
  if (ragged) column->offset[0] = 0;
  int64_t count = ragged ? bytes_n : n;
  void *items =
      zeroed ? memory_get(count, item_sizes[type]) : memory_get_raw(count, item_sizes[type]);
  TRY(memory_status(items));
  if (type == COLUMN_TEXT)
    column->bytes = items;
  else
    column->code = items;
done:
  if (status != OK) column_release(&column);
  *out = column;
  return status;
}

Status column_new(Column **out, const char *name, ColumnType type, int64_t n, int64_t bytes_n) {
  return column_make(out, name, type, n, bytes_n, true);
}

Status column_new_raw(Column **out, const char *name, ColumnType type, int64_t n, int64_t bytes_n) {
  return column_make(out, name, type, n, bytes_n, false);
}

Column *column_share(Column *column) {
  column->references++;
  return column;
}

void column_release(Column **column) {
  Column *c = *column;
  *column = NULL;
  if (!c || --c->references > 0) return;
  memory_free(&c->name);
  if (!c->borrowed) memory_free(&c->code);
  if (!c->borrowed) memory_free(&c->bytes);
  if (!c->borrowed) memory_free(&c->missing);
  memory_free(&c->offset);
  memory_free(&c->origin);
  dictionary_clear(&c->dictionary);
  memory_free(&c);
}

bool column_missing(const Column *column, int64_t i) {
  switch (column->type) {
    case COLUMN_REAL: return isnan(column->real[i]);
    case COLUMN_INTEGER: return column->integer[i] == MISSING_INTEGER;
    case COLUMN_BOOLEAN: return column->boolean[i] == MISSING_BOOLEAN;
    case COLUMN_CATEGORY: return column->code[i] == MISSING_CODE;
    case COLUMN_DATE: return column->date[i] == MISSING_DATE;
    default: return column->missing && column->missing[i];
  }
}

double column_real(const Column *column, int64_t i) {
  if (column->type == COLUMN_REAL) return column->real[i];
  if (column_missing(column, i)) return NAN;
  switch (column->type) {
    case COLUMN_INTEGER: return (double)column->integer[i];
    case COLUMN_BOOLEAN: return column->boolean[i];
    case COLUMN_CATEGORY: return column->code[i];
    case COLUMN_DATE: return (double)date_days(column->date[i]);
    default: return NAN;
  }
}

const char *column_text(const Column *column, int64_t i, int64_t *length) {
  if (column->type == COLUMN_TEXT) {
    *length = column->offset[i + 1] - column->offset[i];
    return column->bytes + column->offset[i];
  }
  *length = 0;
  if (column->type != COLUMN_CATEGORY || column->code[i] == MISSING_CODE) return "";
  return dictionary_word(&column->dictionary, column->code[i], length);
}

/* ---- taking rows ---- */

static void take_flat(const Column *column, const int64_t *at, int64_t n, Column *out) {
  switch (column->type) {
    case COLUMN_REAL:
      for (int64_t i = 0; i < n; i++) out->real[i] = at[i] < 0 ? (double)NAN : column->real[at[i]];
      break;
    case COLUMN_INTEGER:
      for (int64_t i = 0; i < n; i++)
        out->integer[i] = at[i] < 0 ? MISSING_INTEGER : column->integer[at[i]];
      break;
    case COLUMN_BOOLEAN:
      for (int64_t i = 0; i < n; i++)
        out->boolean[i] = at[i] < 0 ? MISSING_BOOLEAN : column->boolean[at[i]];
      break;
    case COLUMN_CATEGORY:
      for (int64_t i = 0; i < n; i++) out->code[i] = at[i] < 0 ? MISSING_CODE : column->code[at[i]];
      break;
    default:
      for (int64_t i = 0; i < n; i++) out->date[i] = at[i] < 0 ? MISSING_DATE : column->date[at[i]];
  }
}

static Status take_missing(const Column *column, const int64_t *at, int64_t n, Column *out) {
  int64_t found = 0;
  for (int64_t i = 0; i < n; i++) found += at[i] < 0 || (column->missing && column->missing[at[i]]);
  if (found == 0) return OK;
  if (NEW(&out->missing, n) != OK) return MEMORY;
  for (int64_t i = 0; i < n; i++)
    out->missing[i] = at[i] < 0 || (column->missing && column->missing[at[i]]);
  return OK;
}

static void take_items(const Column *column, const int64_t *at, int64_t n, Column *out) {
  const char *from = column->type == COLUMN_TEXT ? column->bytes : (const char *)column->code;
  char *to = column->type == COLUMN_TEXT ? out->bytes : (char *)out->code;
  size_t item = item_sizes[column->type];
  int64_t used = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t begin = at[i] < 0 ? 0 : column->offset[at[i]];
    int64_t end = at[i] < 0 ? 0 : column->offset[at[i] + 1];
    memcpy(to + (size_t)used * item, from + (size_t)begin * item, (size_t)(end - begin) * item);
    used += end - begin;
    out->offset[i + 1] = used;
  }
}

static int64_t items_of(const Column *column, const int64_t *at, int64_t n) {
  int64_t items = 0;
  if (!column->offset) return 0;
  for (int64_t i = 0; i < n; i++)
    if (at[i] >= 0) items += column->offset[at[i] + 1] - column->offset[at[i]];
  return items;
}

Status column_take(const Column *column, const int64_t *at, int64_t n, Column **out) {
  Status status = OK;
  Column *taken = NULL;
  TRY(column_new(&taken, column->name, column->type, n, items_of(column, at, n)));
  TRY(dictionary_copy(&column->dictionary, &taken->dictionary));
  if (column->offset) {
    TRY(take_missing(column, at, n, taken));
    take_items(column, at, n, taken);
  } else {
    take_flat(column, at, n, taken);
  }
done:
  if (status != OK) column_release(&taken);
  *out = taken;
  return status;
}

/* ---- keys ----
 *
 * A key is a tag byte and what follows from it, with lengths in front of bytes, so that the keys
 * of several columns one after the other are a key again. Words stand for codes: a category
 * equals a text, whatever the dictionaries. Whole numbers have one form in all numeric types. */

enum { KEY_MISSING, KEY_WHOLE, KEY_REAL, KEY_WORD, KEY_LIST, KEY_DATE };

typedef struct Key {
  uint8_t **buffer;
  int64_t *n, *capacity;
} Key;

static Status put(Key *key, const void *bytes, int64_t length) {
  if (RESERVE(key->buffer, key->capacity, *key->n + length) != OK) return MEMORY;
  if (length > 0) memcpy(*key->buffer + *key->n, bytes, (size_t)length);
  *key->n += length;
  return OK;
}

static Status put_number(Key *key, uint8_t tag, int64_t number) {
  uint8_t bytes[9] = {tag};
  memcpy(bytes + 1, &number, sizeof number);
  return put(key, bytes, sizeof bytes);
}

static Status put_real(Key *key, double value) {
  const double limit = 9007199254740992.0; /* 2^53: beyond it not every integer is a double */
  if (fabs(value) <= limit && value == trunc(value))
    return put_number(key, KEY_WHOLE, (int64_t)value);
  int64_t bits = 0;
  memcpy(&bits, &value, sizeof bits);
  return put_number(key, KEY_REAL, bits);
}

static Status put_word(Key *key, const char *bytes, int64_t length) {
  Status status = put_number(key, KEY_WORD, length);
  return status == OK ? put(key, bytes, length) : status;
}

static int compare_codes(const void *a, const void *b) {
  int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

static bool ascending(const int32_t *codes, int64_t n) {
  for (int64_t i = 1; i < n; i++)
    if (codes[i] <= codes[i - 1]) return false;
  return true;
}

static Status put_list(Key *key, const Column *column, int64_t i, bool as_set) {
  Status status = OK;
  int32_t *sorted = NULL;
  const int32_t *codes = column->code + column->offset[i];
  int64_t n = column->offset[i + 1] - column->offset[i];
  if (as_set && !ascending(codes, n)) {
    TRY(NEW(&sorted, n));
    memcpy(sorted, codes, (size_t)n * sizeof *codes);
    qsort(sorted, (size_t)n, sizeof *sorted, compare_codes);
    int64_t kept = 1;
    for (int64_t j = 1; j < n; j++)
      if (sorted[j] != sorted[j - 1]) sorted[kept++] = sorted[j];
    codes = sorted;
    n = kept;
  }
  TRY(put_number(key, KEY_LIST, n));
  for (int64_t j = 0; j < n; j++) {
    int64_t length = 0;
    const char *word = dictionary_word(&column->dictionary, codes[j], &length);
    TRY(put_word(key, word, length));
  }
done:
  memory_free(&sorted);
  return status;
}

Status column_key(const Column *column, int64_t i, bool as_set, uint8_t **buffer, int64_t *n,
                  int64_t *capacity) {
  Key key = {.buffer = buffer, .n = n, .capacity = capacity};
  int64_t length = 0;
  if (column_missing(column, i)) return put(&key, &(uint8_t){KEY_MISSING}, 1);
  switch (column->type) {
    case COLUMN_REAL: return put_real(&key, column->real[i]);
    case COLUMN_INTEGER: return put_number(&key, KEY_WHOLE, column->integer[i]);
    case COLUMN_BOOLEAN: return put_number(&key, KEY_WHOLE, column->boolean[i]);
    case COLUMN_DATE: return put_number(&key, KEY_DATE, column->date[i]);
    case COLUMN_LIST: return put_list(&key, column, i, as_set);
    default: break;
  }
  const char *word = column_text(column, i, &length);
  return put_word(&key, word, length);
}
