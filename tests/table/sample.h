/* Tables whose every value is a function of (seed, row id, column), so that a test can say what
 * any moved row has to hold. */
#ifndef SEGUE_TESTS_TABLE_SAMPLE_H
#define SEGUE_TESTS_TABLE_SAMPLE_H

#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"
#include "kernels/table/table.h"
#include "tests/check.h"

enum { SAMPLE_WORDS = 5 };

static inline uint64_t sample_number(uint64_t seed, int64_t id, int what) {
  return hash_mix(hash_mix(seed + (uint64_t)what * 0x9e3779b97f4a7c15u) ^ (uint64_t)id);
}

static inline void sample_value(Column *column, int64_t i, uint64_t x) {
  bool missing = x % 7 == 0;
  x >>= 8;
  switch (column->type) {
    case COLUMN_REAL: column->real[i] = missing ? (double)NAN : (double)(x % 1000) / 8; break;
    case COLUMN_INTEGER: column->integer[i] = missing ? MISSING_INTEGER : (int64_t)x; break;
    case COLUMN_BOOLEAN: column->boolean[i] = missing ? MISSING_BOOLEAN : (uint8_t)(x % 2); break;
    case COLUMN_CATEGORY:
      column->code[i] = missing ? MISSING_CODE : (int32_t)(x % SAMPLE_WORDS);
      break;
    case COLUMN_DATE:
      column->date[i] = missing ? MISSING_DATE : 20000000 + (int32_t)(x % 12) * 100;
      break;
    default: break;
  }
}

/* Texts and lists; some are empty, and missing ones are. */
static inline Column *sample_ragged(const char *name, ColumnType type, uint64_t seed,
                                    const int64_t *ids, int64_t n, bool no_missing) {
  Column *column = NULL;
  int64_t total = 0;
  for (int64_t i = 0; i < n; i++) total += 19;
  CHECK_OK(column_new(&column, name, type, n, total));
  for (int64_t i = 0; i < n; i++) {
    uint64_t x = sample_number(seed, ids[i], (int)type);
    bool missing = x % 7 == 0 && !no_missing;
    int64_t at = column->offset[i], length = missing ? 0 : (int64_t)((x >> 8) % 20);
    if (missing && !column->missing) CHECK_OK(NEW(&column->missing, n));
    if (missing) column->missing[i] = 1;
    for (int64_t j = 0; j < length; j++) {
      uint64_t item = hash_mix(x + (uint64_t)j);
      if (type == COLUMN_TEXT)
        column->bytes[at + j] = (char)item;
      else
        column->code[at + j] = (int32_t)(item % SAMPLE_WORDS);
    }
    column->offset[i + 1] = at + length;
  }
  return column;
}

static inline void sample_dictionary(Column *column) {
  static const int64_t offset[SAMPLE_WORDS + 1] = {0, 0, 1, 4, 6, 7};
  CHECK_OK(dictionary_build("aabcbbz", offset, SAMPLE_WORDS, &column->dictionary, NULL));
}

/* One column of each type for the given rows, named by its type, in an order that is not that of
 * the alphabet. no_missing: texts and lists have none. */
static inline Table sample_table(const Rows *rows, const int64_t *ids, uint64_t seed,
                                 bool no_missing) {
  Table table;
  CHECK_OK(table_init(&table, rows));
  for (int64_t i = 0; i < rows->n; i++) table.row_id[i] = ids[i];
  for (int type = 0; type < COLUMN_TYPES; type++) {
    const char *name = column_type_words[type];
    Column *column = NULL;
    if (type == COLUMN_TEXT || type == COLUMN_LIST) {
      column = sample_ragged(name, (ColumnType)type, seed, ids, rows->n, no_missing);
    } else {
      CHECK_OK(column_new(&column, name, (ColumnType)type, rows->n, 0));
      for (int64_t i = 0; i < rows->n; i++)
        sample_value(column, i, sample_number(seed, ids[i], type));
    }
    if (type == COLUMN_CATEGORY || type == COLUMN_LIST) sample_dictionary(column);
    CHECK_OK(table_add(&table, column));
  }
  return table;
}

static inline bool sample_same_bytes(const void *a, const void *b, int64_t n, size_t item) {
  return n == 0 || memcmp(a, b, (size_t)n * item) == 0;
}

static inline bool sample_same_flags(const uint8_t *a, const uint8_t *b, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if ((a && a[i]) != (b && b[i])) return false;
  return (a != NULL) == (b != NULL);
}

/* Equal in every part, with the same presence of flags. */
static inline bool sample_same_column(const Column *a, const Column *b) {
  if (a->type != b->type || a->n != b->n || strcmp(a->name, b->name) != 0) return false;
  int64_t words = a->dictionary.n, items = a->offset ? a->offset[a->n] : a->n;
  if (words != b->dictionary.n) return false;
  if (words > 0 && !(sample_same_bytes(a->dictionary.offset, b->dictionary.offset, words + 1, 8) &&
                     sample_same_bytes(a->dictionary.bytes, b->dictionary.bytes,
                                       a->dictionary.offset[words], 1)))
    return false;
  if (a->offset && !sample_same_bytes(a->offset, b->offset, a->n + 1, 8)) return false;
  if (!sample_same_flags(a->missing, b->missing, a->n)) return false;
  if (a->type == COLUMN_TEXT) return sample_same_bytes(a->bytes, b->bytes, items, 1);
  return sample_same_bytes(a->code, b->code, items, column_item_size(a->type));
}

static inline bool sample_same(const Table *a, const Table *b) {
  if (a->n_columns != b->n_columns || a->rows.n != b->rows.n) return false;
  if (!sample_same_bytes(a->row_id, b->row_id, a->rows.n, 8)) return false;
  for (int64_t i = 0; i < a->n_columns; i++)
    if (!sample_same_column(a->columns[i], b->columns[i])) return false;
  return true;
}

#endif
