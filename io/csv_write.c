/* CSV text; see csv_write.h. */
#include "csv_write.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "real_text.h"

static void append(CsvText *text, const char *bytes, int64_t n) {
  if (text->status != OK) return;
  text->status = RESERVE(&text->bytes, &text->capacity, text->n + n);
  if (text->status != OK) return;
  if (n > 0) memcpy(text->bytes + text->n, bytes, (size_t)n);
  text->n += n;
}

static bool needs_quotes(const char *bytes, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    if (bytes[i] == ',' || bytes[i] == '"' || bytes[i] == '\r' || bytes[i] == '\n' || bytes[i] == 0)
      return true;
  return false;
}

void csv_text_add(CsvText *text, const char *bytes, int64_t n) {
  if (n < 0) n = (int64_t)strlen(bytes);
  if (text->open) append(text, ",", 1);
  text->only_empty = !text->open && n == 0;
  text->open = true;
  if (!needs_quotes(bytes, n)) {
    append(text, bytes, n);
    return;
  }
  append(text, "\"", 1);
  for (int64_t i = 0; i < n; i++) {
    if (bytes[i] == '"') append(text, "\"", 1);
    append(text, bytes + i, 1);
  }
  append(text, "\"", 1);
}

void csv_text_integer(CsvText *text, int64_t value) {
  char digits[INTEGER_TEXT];
  csv_text_add(text, digits, integer_text(value, digits));
}

void csv_text_real(CsvText *text, double value) {
  char digits[REAL_TEXT];
  csv_text_add(text, digits, isnan(value) ? 0 : real_text(value, digits));
}

static void add_list(CsvText *text, const Column *column, int64_t i) {
  CsvText joined = {0};
  for (int64_t k = column->offset[i]; k < column->offset[i + 1]; k++) {
    int64_t n = 0;
    const char *word = dictionary_word(&column->dictionary, column->code[k], &n);
    if (k > column->offset[i]) append(&joined, ";", 1);
    append(&joined, word, n);
  }
  if (joined.status != OK) text->status = joined.status;
  csv_text_add(text, joined.bytes, joined.n);
  csv_text_clear(&joined);
}

void csv_text_column(CsvText *text, const Column *column, int64_t i) {
  char date[16];
  int64_t n = 0;
  if (column_missing(column, i)) {
    csv_text_add(text, "", 0);
    return;
  }
  switch (column->type) {
    case COLUMN_REAL: csv_text_real(text, column->real[i]); break;
    case COLUMN_INTEGER: csv_text_integer(text, column->integer[i]); break;
    case COLUMN_BOOLEAN: csv_text_add(text, column->boolean[i] ? "true" : "false", -1); break;
    case COLUMN_DATE:
      date_text(column->date[i], date);
      csv_text_add(text, date, -1);
      break;
    case COLUMN_LIST: add_list(text, column, i); break;
    case COLUMN_CATEGORY:
    case COLUMN_TEXT: {
      const char *bytes = column_text(column, i, &n);
      csv_text_add(text, bytes, n);
      break;
    }
    default: csv_text_add(text, "", 0); break;
  }
}

void csv_text_end(CsvText *text) {
  if (text->only_empty) append(text, "\"\"", 2); /* a blank line would be no row */
  text->only_empty = false;
  append(text, "\n", 1);
  text->open = false;
}

void csv_text_clear(CsvText *text) {
  memory_free(&text->bytes);
  *text = (CsvText){0};
}
