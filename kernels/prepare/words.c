/* Rows as sets of words, numbers by word; see words.h. */
#include "words.h"

#include <string.h>

#include "kernels/base/memory.h"

/* ---- rows ---- */

/* Keep each word of row i once. seen[code] = the last row that had it, plus one. */
static int64_t put_distinct(const Column *column, int64_t i, int64_t *seen, int32_t *out) {
  int64_t n = 0;
  for (int64_t at = column->offset[i]; at < column->offset[i + 1]; at++) {
    int32_t code = column->code[at];
    if (seen[code] == i + 1) continue;
    seen[code] = i + 1;
    out[n++] = code;
  }
  return n;
}

Status word_rows_init(WordRows *rows, const Column *column) {
  Status status = OK;
  int64_t n = column->n, *seen = NULL;
  bool list = column->type == COLUMN_LIST;
  *rows = (WordRows){.n = n, .dictionary = &column->dictionary};
  TRY(NEW(&rows->offset, n + 1));
  TRY(NEW(&rows->code, list ? column->offset[n] : n));
  if (list) TRY(NEW(&seen, column->dictionary.n));
  for (int64_t i = 0; i < n; i++) {
    int64_t at = rows->offset[i], found = 0;
    if (list) {
      found = put_distinct(column, i, seen, rows->code + at);
    } else if (column->code[i] != MISSING_CODE) {
      rows->code[at] = column->code[i];
      found = 1;
    }
    rows->offset[i + 1] = at + found;
  }
done:
  memory_free(&seen);
  return status;
}

void word_rows_clear(WordRows *rows) {
  memory_free(&rows->offset);
  memory_free(&rows->code);
}

void word_rows_count_all(const Comm *comm, const WordRows *rows, int64_t *out) {
  int64_t words = rows->dictionary->n, items = rows->offset[rows->n];
  if (words > 0) memset(out, 0, (size_t)words * sizeof *out);
  for (int64_t at = 0; at < items; at++) out[rows->code[at]]++;
  comm_sum_all(comm, out, words);
}

/* ---- dictionaries ---- */

Status dictionary_select(const Dictionary *all, const int64_t *count, Dictionary *out,
                         int32_t *place) {
  Status status = OK;
  int64_t bytes = 0, words = 0;
  *out = (Dictionary){0};
  for (int32_t w = 0; w < all->n; w++) {
    if (count[w] <= 0) continue;
    bytes += all->offset[w + 1] - all->offset[w];
    words++;
  }
  TRY(NEW(&out->offset, words + 1));
  TRY(NEW(&out->bytes, bytes));
  for (int32_t w = 0; w < all->n; w++) {
    if (place) place[w] = count[w] > 0 ? out->n : MISSING_CODE;
    if (count[w] <= 0) continue;
    int64_t length = 0, at = out->offset[out->n];
    const char *word = dictionary_word(all, w, &length);
    if (length > 0) memcpy(out->bytes + at, word, (size_t)length);
    out->offset[++out->n] = at + length;
  }
done:
  if (status != OK) dictionary_clear(out);
  return status;
}

static int compare_words(const Dictionary *a, int32_t i, const Dictionary *b, int32_t j) {
  int64_t a_n = 0, b_n = 0;
  const char *x = dictionary_word(a, i, &a_n), *y = dictionary_word(b, j, &b_n);
  int64_t n = a_n < b_n ? a_n : b_n;
  int order = n > 0 ? memcmp(x, y, (size_t)n) : 0;
  return order != 0 ? order : (a_n > b_n) - (a_n < b_n);
}

/* Both are sorted: walk them side by side, unless `from` is so short that searching is less. */
Status dictionary_map(const Dictionary *from, const Dictionary *to, int32_t **map) {
  enum { WALK_FROM = 16 };
  if (NEW(map, from->n) != OK) return MEMORY;
  bool walk = (int64_t)from->n * WALK_FROM > to->n;
  for (int32_t i = 0, j = 0; i < from->n; i++) {
    int order = -1;
    if (walk) {
      while (j < to->n && (order = compare_words(to, j, from, i)) < 0) j++;
      (*map)[i] = j < to->n && order == 0 ? j : MISSING_CODE;
    } else {
      int64_t length = 0;
      const char *word = dictionary_word(from, i, &length);
      (*map)[i] = dictionary_find(to, word, length);
    }
  }
  return OK;
}

Status dictionary_fields(Dictionary *dictionary, const char *name, Fields *fields) {
  Status status = OK;
  bool in = fields->mode == FIELDS_IN;
  int64_t n = dictionary->n, offsets = n + 1, bytes = n > 0 ? dictionary->offset[n] : 0;
  fields_enter(fields, name);
  TRY(fields_integer(fields, "count", &n));
  if (n < 0 || n >= INT32_MAX) {
    status = status_fail(FORMAT, "field \"%s\": %lld words", fields->prefix, (long long)n);
    goto done;
  }
  if (n == 0) goto done;
  if (in) offsets = n + 1, bytes = -1;
  TRY(fields_array(fields, "offset", FIELD_INTEGER, &dictionary->offset, 1, &offsets));
  TRY(fields_array(fields, "bytes", FIELD_BYTE, &dictionary->bytes, 1, &bytes));
  for (int64_t w = 0; in && w < n; w++)
    if (dictionary->offset[0] != 0 || dictionary->offset[w + 1] < dictionary->offset[w] ||
        dictionary->offset[n] != bytes) {
      status = status_fail(FORMAT, "field \"%s\" holds no dictionary", fields->prefix);
      goto done;
    }
  dictionary->n = (int32_t)n;
done:
  fields_leave(fields);
  return status;
}

/* ---- tables ---- */

Status word_table_init(WordTable *table, const Dictionary *all, const int64_t *count, int64_t k,
                       int32_t *place) {
  Status status = OK;
  *table = (WordTable){.k = k};
  TRY(dictionary_select(all, count, &table->words, place));
  TRY(NEW(&table->values, table->words.n * k));
done:
  return status;
}

void word_table_clear(WordTable *table) {
  dictionary_clear(&table->words);
  memory_free(&table->values);
}

Status word_table_fields(WordTable *table, const char *name, Fields *fields) {
  Status status = OK;
  fields_enter(fields, name);
  TRY(dictionary_fields(&table->words, "words", fields));
  int64_t shape[2] = {table->words.n, table->k};
  if (fields->mode == FIELDS_IN) shape[1] = -1;
  TRY(fields_array(fields, "values", FIELD_REAL, &table->values, 2, shape));
  table->k = shape[1];
done:
  fields_leave(fields);
  return status;
}
