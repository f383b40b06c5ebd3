/* Structure, characters and messages; see csv_rows.h. Which value of a bad record is the bad one is
 * found again when the message is made: that is rare, and keeping it for every row would not be. */
#include "csv_rows.h"

#include <stdio.h>

#include "csv_utf8.h"

enum { SHOWN = 40 /* bytes of a value in a message */ };

const char *const csv_reason_words[] = {
    "good",           "too few fields", "too many fields", "text after a closing quote",
    "NUL byte",       "not UTF-8",      "line too long",   "not a number",
    "not an integer", "not a boolean",  "not a date",      "number out of range"};

/* The byte behind record k. */
static int64_t record_stop(const CsvBatch *batch, int64_t k) {
  return batch->ends[batch->first[k] + batch->count[k] - 1];
}

/* The record that byte `at` belongs to; one behind it when it belongs to a blank line. */
static int64_t record_of(const CsvBatch *batch, int64_t at) {
  int64_t low = 0, high = batch->n;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (record_stop(batch, middle) < at)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

void csv_rows_check(const CsvRules *rules, const CsvBatch *batch, uint8_t *reason) {
  for (int64_t k = 0; k < batch->n; k++) {
    int64_t n = batch->count[k];
    reason[k] = n == rules->fields ? CSV_GOOD : n < rules->fields ? CSV_FEW : CSV_MANY;
  }
  bool good = utf8_blocks_good(batch->bytes, batch->bytes_n, batch->odd, batch->n_odd);
  int64_t bad = good ? batch->bytes_n : 0;
  while ((bad = utf8_find_bad(batch->bytes, bad, batch->bytes_n)) < batch->bytes_n) {
    int64_t k = record_of(batch, bad);
    if (k == batch->n) break;
    reason[k] = batch->bytes[bad] == 0 ? CSV_NUL : CSV_ENCODING;
    bad = record_stop(batch, k);
  }
  for (int64_t i = 0; i < batch->n_stray; i++) {
    int64_t k = record_of(batch, batch->stray[i]);
    if (k < batch->n) reason[k] = CSV_STRAY;
  }
  if (batch->bytes_n <= rules->line_limit) return;
  for (int64_t k = 0; k < batch->n; k++)
    if (record_stop(batch, k) - csv_batch_begin(batch, k, 0) > rules->line_limit)
      reason[k] = CSV_LONG;
}

/* A value for people: cut at a whole character, with control characters as "?". */
static void show(CsvField field, char shown[SHOWN + 8]) {
  int64_t n = field.n;
  if (n > SHOWN) {
    n = SHOWN;
    while (n > 0 && (field.text[n] & 0xc0) == 0x80) n--;
  }
  for (int64_t i = 0; i < n; i++)
    shown[i] = (unsigned char)field.text[i] < ' ' || field.text[i] == 0x7f ? '?' : field.text[i];
  snprintf(shown + n, 8, "%s", n < field.n ? "..." : "");
}

/* The first target in order of fields whose value is at fault in record k. */
static const CsvTarget *guilty(const CsvRules *rules, const CsvBatch *batch, int64_t k) {
  const CsvTarget *first = NULL;
  for (int64_t i = 0; i < rules->n_targets; i++) {
    const CsvTarget *target = &rules->targets[i];
    if (target->field < 0 || (first && first->field <= target->field)) continue;
    CsvField field = csv_batch_field(batch, k, target->field, target->last);
    if (csv_is_missing(&rules->options->missing, field)) continue;
    double real;
    int64_t integer;
    uint8_t boolean;
    int32_t date;
    bool bad = (target->type == COLUMN_REAL && csv_parse_real(field, &real)) ||
               (target->type == COLUMN_INTEGER && csv_parse_integer(field, &integer)) ||
               (target->type == COLUMN_BOOLEAN && csv_parse_boolean(field, &boolean)) ||
               (target->type == COLUMN_DATE && csv_parse_date(field, &date));
    if (bad) first = target;
  }
  return first;
}

static int value_message(const CsvRules *rules, const CsvBatch *batch, int64_t k, CsvReason reason,
                         char *text, size_t room) {
  static const char *const rest[CSV_REASONS] = {
      [CSV_NO_REAL] = "is not a number; correct it or add it to \"missing\"",
      [CSV_NO_INTEGER] =
          "is not an integer; correct it, add it to \"missing\", or read the "
          "column as \"real\"",
      [CSV_NO_BOOLEAN] =
          "is not a boolean (True, False, true, false, TRUE, FALSE, 1, 0); correct "
          "it or add it to \"missing\"",
      [CSV_NO_DATE] =
          "is not a date (YYYY, YYYY-MM or YYYY-MM-DD); correct it or add it to "
          "\"missing\"",
      [CSV_RANGE] = "is out of range; correct it or read the column as another type"};
  const CsvTarget *target = guilty(rules, batch, k);
  if (!target) return 0;
  CsvField field = csv_batch_field(batch, k, target->field, target->last);
  int64_t at = csv_batch_begin(batch, k, target->field);
  char shown[SHOWN + 8];
  show(field, shown);
  return snprintf(text, room, "%.200s:%lld: column \"%.60s\": \"%s\" %s", rules->options->path,
                  (long long)csv_batch_line(batch, at), target->name, shown, rest[reason]);
}

/* The first offending byte of record k, for reasons that have one; else where the record begins. */
static int64_t offence(const CsvBatch *batch, int64_t k, CsvReason reason) {
  int64_t begin = csv_batch_begin(batch, k, 0);
  for (int64_t i = 0; reason == CSV_STRAY && i < batch->n_stray; i++)
    if (batch->stray[i] >= begin) return batch->stray[i];
  bool character = reason == CSV_NUL || reason == CSV_ENCODING;
  return character ? utf8_find_bad(batch->bytes, begin, batch->bytes_n) : begin;
}

void csv_rows_message(const CsvRules *rules, const CsvBatch *batch, int64_t k, CsvReason reason,
                      char text[CSV_MESSAGE]) {
  const CsvOptions *options = rules->options;
  int64_t at = offence(batch, k, reason);
  int n = snprintf(text, CSV_MESSAGE, "%.200s:%lld: ", options->path,
                   (long long)csv_batch_line(batch, at));
  char *rest = text + n;
  size_t room = CSV_MESSAGE - (size_t)n;
  const char *standard = options->header ? "the header" : "the first line";
  switch (reason) {
    case CSV_FEW:
    case CSV_MANY:
      snprintf(
          rest, room, "%lld fields where %s has %lld; %s", (long long)batch->count[k], standard,
          (long long)rules->fields,
          reason == CSV_FEW ? "add what is missing" : "quote the field that holds the delimiter");
      break;
    case CSV_STRAY:
      snprintf(rest, room, "text after a closing quote; double the quotes inside a quoted field");
      break;
    case CSV_NUL: snprintf(rest, room, "a NUL byte; the file is damaged or not text"); break;
    case CSV_ENCODING:
      snprintf(rest, room, "byte 0x%02x is not UTF-8; save the file as UTF-8",
               (unsigned)(unsigned char)batch->bytes[at]);
      break;
    case CSV_LONG:
      snprintf(rest, room, "the record that begins here is longer than %lld bytes",
               (long long)rules->line_limit);
      break;
    case CSV_NO_REAL:
    case CSV_NO_INTEGER:
    case CSV_NO_BOOLEAN:
    case CSV_NO_DATE:
    case CSV_RANGE: value_message(rules, batch, k, reason, text, CSV_MESSAGE); break;
    case CSV_GOOD:
    case CSV_REASONS: break;
  }
}
