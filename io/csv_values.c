/* Columns are made one at a time out of a batch that lies in the second-level cache: the loop over
 * one type has no branch on the type, and nothing is allocated per field. */
#include "csv_values.h"

#include <math.h>

#include "kernels/base/memory.h"
#include "real_four.h"
#include "real_parse.h"

enum { COPY = 32 /* bytes copied at once; texts are mostly shorter */ };

/* ---- single values ---- */

bool csv_is_missing(const TextList *missing_words, CsvField field) {
  if (field.n == 0) return true;
  for (int64_t i = 0; i < missing_words->n; i++) {
    const char *word = missing_words->items[i];
    if (strlen(word) == (size_t)field.n && memcmp(word, field.text, (size_t)field.n) == 0)
      return true;
  }
  return false;
}

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static CsvField trimmed(CsvField field) {
  while (field.n > 0 && is_blank(field.text[field.n - 1])) field.n--;
  while (field.n > 0 && is_blank(*field.text)) {
    field.text++;
    field.n--;
  }
  return field;
}

CsvReason csv_parse_real(CsvField field, double *value) {
  NumberParse verdict = real_parse(field.text, field.n, value);
  if (verdict == NUMBER_NONE) {
    field = trimmed(field);
    verdict = real_parse(field.text, field.n, value);
  }
  return verdict == NUMBER_OK ? CSV_GOOD : verdict == NUMBER_RANGE ? CSV_RANGE : CSV_NO_REAL;
}

/* Padding behind a batch makes eight bytes readable at every field. */
static inline CsvReason parse_real_padded(CsvField field, double *value) {
  return real_parse_short(field.text, field.n, value) ? CSV_GOOD : csv_parse_real(field, value);
}

CsvReason csv_parse_integer(CsvField field, int64_t *value) {
  NumberParse verdict = integer_parse(field.text, field.n, value);
  if (verdict == NUMBER_OK) return CSV_GOOD;
  field = trimmed(field);
  verdict = integer_parse(field.text, field.n, value);
  if (verdict != NUMBER_NONE) return verdict == NUMBER_OK ? CSV_GOOD : CSV_RANGE;
  double real = 0;
  NumberParse as_real = real_parse(field.text, field.n, &real);
  if (as_real == NUMBER_NONE || (as_real == NUMBER_OK && real != floor(real)))
    return CSV_NO_INTEGER;
  /* Beyond 2^53 a fraction may have been rounded away. */
  if (as_real == NUMBER_RANGE || fabs(real) > 9007199254740992.0) return CSV_RANGE;
  *value = (int64_t)real;
  return CSV_GOOD;
}

static inline CsvReason parse_integer_padded(CsvField field, int64_t *value) {
  return integer_parse_short(field.text, field.n, value) ? CSV_GOOD
                                                         : csv_parse_integer(field, value);
}

CsvReason csv_parse_boolean(CsvField field, uint8_t *value) {
  static const char *const words[] = {"False", "false", "FALSE", "0", "True", "true", "TRUE", "1"};
  field = trimmed(field);
  for (uint8_t i = 0; i < 8; i++) {
    if (strlen(words[i]) != (size_t)field.n || memcmp(words[i], field.text, (size_t)field.n) != 0)
      continue;
    *value = i >= 4;
    return CSV_GOOD;
  }
  return CSV_NO_BOOLEAN;
}

CsvReason csv_parse_date(CsvField field, int32_t *value) {
  field = trimmed(field);
  return date_parse(field.text, field.n, value) ? CSV_GOOD : CSV_NO_DATE;
}

/* ---- columns ---- */

Status csv_builder_init(CsvBuilder *builder, const CsvTarget *target, const TextList *missing_words,
                        int64_t rows) {
  *builder = (CsvBuilder){.target = *target, .missing_words = missing_words, .numbers_count = true};
  for (int64_t i = 0; i < missing_words->n; i++) {
    double real;
    const char *word = missing_words->items[i];
    if (real_parse(word, (int64_t)strlen(word), &real) == NUMBER_OK) builder->numbers_count = false;
  }
  Status status = column_new_raw(&builder->column, target->name, target->type, rows, 0);
  if (status != OK) builder->column = NULL;
  return status;
}

void csv_builder_clear(CsvBuilder *builder) {
  if (builder->column) column_release(&builder->column);
  csv_words_clear(&builder->words);
}

static inline __attribute__((always_inline)) bool fetch(const CsvBuilder *builder,
                                                        const CsvBatch *batch, int64_t k,
                                                        const uint8_t *reason, CsvField *field) {
  if (reason[k] != CSV_GOOD) return false;
  *field = csv_batch_field(batch, k, builder->target.field, builder->target.last);
  return field->n > 0 &&
         (builder->missing_words->n == 0 || !csv_is_missing(builder->missing_words, *field));
}

/* The value of one record: missing, or failed for a reason, or parsed. */
#define PARSE_ONE(values, MISSING, PARSE)                                       \
  do {                                                                          \
    CsvField field;                                                             \
    if (!fetch(builder, batch, k, reason, &field)) {                            \
      builder->missing += reason[k] == CSV_GOOD;                                \
      (values)[k] = MISSING;                                                    \
    } else if ((reason[k] = (uint8_t)PARSE(field, &(values)[k])) != CSV_GOOD) { \
      (values)[k] = MISSING;                                                    \
    }                                                                           \
  } while (0)

/* Those of all records: four at a time, and one by one what that leaves. */
#define PARSE_COLUMN(values, MISSING, PARSE, PARSE_FOUR)                      \
  for (int64_t k4 = 0; k4 < batch->n; k4 += 4) {                              \
    unsigned left = batch->n - k4 < 4 ? 15u >> (4 - (batch->n - k4)) : 15u;   \
    if (left == 15 && builder->numbers_count && four_are_good(reason + k4)) { \
      const uint32_t *ends[4];                                                \
      for (int i = 0; i < 4; i++)                                             \
        ends[i] = batch->ends + batch->first[k4 + i] + builder->target.field; \
      left = PARSE_FOUR(batch->bytes, ends, (values) + k4);                   \
    }                                                                         \
    for (; left; left &= left - 1) {                                          \
      int64_t k = k4 + __builtin_ctz(left);                                   \
      PARSE_ONE(values, MISSING, PARSE);                                      \
    }                                                                         \
  }

static inline bool four_are_good(const uint8_t *reason) {
  uint32_t all;
  memcpy(&all, reason, sizeof all);
  return all == 0; /* CSV_GOOD, four times */
}

static void add_reals(CsvBuilder *builder, const CsvBatch *batch, int64_t row, uint8_t *reason) {
  double *values = builder->column->real + row;
  PARSE_COLUMN(values, NAN, parse_real_padded, real_parse_four)
}

static void add_integers(CsvBuilder *builder, const CsvBatch *batch, int64_t row, uint8_t *reason) {
  int64_t *values = builder->column->integer + row;
  PARSE_COLUMN(values, MISSING_INTEGER, parse_integer_padded, integer_parse_four)
}

static void add_booleans(CsvBuilder *builder, const CsvBatch *batch, int64_t row, uint8_t *reason) {
  uint8_t *values = builder->column->boolean + row;
  for (int64_t k = 0; k < batch->n; k++) PARSE_ONE(values, MISSING_BOOLEAN, csv_parse_boolean);
}

static void add_dates(CsvBuilder *builder, const CsvBatch *batch, int64_t row, uint8_t *reason) {
  int32_t *values = builder->column->date + row;
  for (int64_t k = 0; k < batch->n; k++) PARSE_ONE(values, MISSING_DATE, csv_parse_date);
}

/* Rows of a genre often stand together: the last word is tried before the hash table. */
static Status add_categories(CsvBuilder *builder, const CsvBatch *batch, int64_t row,
                             const uint8_t *reason) {
  Status status = OK;
  int32_t last = MISSING_CODE;
  const CsvWords *words = &builder->words;
  for (int64_t k = 0; k < batch->n; k++) {
    CsvField field;
    int32_t *code = &builder->column->code[row + k];
    if (!fetch(builder, batch, k, reason, &field)) {
      builder->missing += reason[k] == CSV_GOOD;
      *code = MISSING_CODE;
      continue;
    }
    *code = last;
    bool same = last >= 0 && words->offset[last + 1] - words->offset[last] == field.n &&
                memcmp(words->bytes + words->offset[last], field.text, (size_t)field.n) == 0;
    if (!same) TRY(csv_words_code(&builder->words, field.text, field.n, code));
    last = *code;
  }
done:
  return status;
}

/* Like GROW, but what is new is not zeroed: pages that are never used are never touched. */
static Status grow_raw(void **items, int64_t n, int64_t capacity, size_t item) {
  void *larger = memory_get_raw(capacity, item);
  if (!larger) return MEMORY;
  if (n > 0) memcpy(larger, *items, (size_t)n * item);
  memory_free(items);
  *items = larger;
  return OK;
}

/* Room for `more` items beyond those used after `rows` of column->n rows: as much as the rows still
 * to come will need if they are like those so far. */
static Status reserve_items(CsvBuilder *builder, int64_t rows, int64_t more) {
  Column *column = builder->column;
  int64_t need = builder->items_n + more;
  if (need <= builder->items_capacity) return OK;
  Status status = OK;
  double growth = rows > 0 ? (double)column->n / (double)rows * 1.05 : 0;
  int64_t guess = (int64_t)((double)need * growth);
  if (guess < need + need / 4) guess = need + need / 4;
  bool text = column->type == COLUMN_TEXT;
  void *items = text ? (void *)column->bytes : column->code;
  TRY(grow_raw(&items, builder->items_n, guess + (text ? COPY : 0),
               column_item_size(column->type)));
  if (text)
    column->bytes = items;
  else
    column->code = items;
  builder->items_capacity = guess;
done:
  return status;
}

/* Before the first row: the room that all rows need if they are like those of the first batch. */
static Status reserve_first(CsvBuilder *builder, const CsvBatch *batch, const uint8_t *reason) {
  int64_t bytes = 0;
  for (int64_t k = 0; k < batch->n; k++)
    if (reason[k] == CSV_GOOD)
      bytes += csv_batch_field(batch, k, builder->target.field, builder->target.last).n;
  return reserve_items(builder, batch->n, bytes);
}

static Status mark_missing(CsvBuilder *builder, int64_t row, bool counted) {
  Status status = OK;
  if (!builder->column->missing) TRY(NEW(&builder->column->missing, builder->column->n));
  builder->column->missing[row] = 1;
  builder->missing += counted;
done:
  return status;
}

static Status add_texts(CsvBuilder *builder, const CsvBatch *batch, int64_t row,
                        const uint8_t *reason) {
  Status status = OK;
  Column *column = builder->column;
  const char *scratch = batch->scratch;
  if (row == 0) TRY(reserve_first(builder, batch, reason));
  for (int64_t k = 0; k < batch->n; k++) {
    CsvField field;
    if (!fetch(builder, batch, k, reason, &field)) {
      TRY(mark_missing(builder, row + k, reason[k] == CSV_GOOD));
      column->offset[row + k + 1] = builder->items_n;
      continue;
    }
    if (builder->items_n + field.n > builder->items_capacity)
      TRY(reserve_items(builder, row + k, field.n));
    /* Both sides are padded, so that a short text is one copy of fixed size. */
    char *to = column->bytes + builder->items_n;
    if (field.n <= COPY && field.text != scratch)
      memcpy(to, field.text, COPY);
    else
      memcpy(to, field.text, (size_t)field.n);
    builder->items_n += field.n;
    column->offset[row + k + 1] = builder->items_n;
  }
done:
  return status;
}

/* The place of the separator in text, or n. */
static int64_t find_separator(const CsvTarget *target, const char *text, int64_t n) {
  const char *found = text;
  int64_t length = target->separator_n;
  for (int64_t left = n; left >= length; left = n - (found - text)) {
    found = memchr(found, *target->separator, (size_t)(left - length + 1));
    if (!found) return n;
    if (length == 1 || memcmp(found, target->separator, (size_t)length) == 0) return found - text;
    found++;
  }
  return n;
}

/* Items whose codes are still to be found; those codes are the last of the column. */
typedef struct Pending {
  CsvWord words[CSV_WORDS_AT_ONCE];
  int64_t n;
} Pending;

static Status settle(CsvBuilder *builder, Pending *pending) {
  int32_t *codes = builder->column->code + builder->items_n - pending->n;
  int64_t n = pending->n;
  pending->n = 0;
  return csv_words_codes(&builder->words, pending->words, n, codes);
}

/* The items of one list; empty ones are dropped. */
static Status add_list(CsvBuilder *builder, CsvField field, int64_t row, Pending *pending) {
  Status status = OK;
  for (int64_t at = 0; at < field.n;) {
    int64_t length = find_separator(&builder->target, field.text + at, field.n - at);
    if (length > 0) {
      if (pending->n == CSV_WORDS_AT_ONCE) TRY(settle(builder, pending));
      if (builder->items_n == builder->items_capacity) TRY(reserve_items(builder, row, 1));
      pending->words[pending->n++] = (CsvWord){field.text + at, length};
      builder->items_n++;
    }
    at += length + builder->target.separator_n;
  }
done:
  return status;
}

static Status add_lists(CsvBuilder *builder, const CsvBatch *batch, int64_t row,
                        const uint8_t *reason) {
  Status status = OK;
  Pending pending = {.n = 0};
  for (int64_t k = 0; k < batch->n; k++) {
    CsvField field;
    if (fetch(builder, batch, k, reason, &field)) {
      TRY(add_list(builder, field, row + k, &pending));
      if (field.text == batch->scratch) TRY(settle(builder, &pending)); /* which is used again */
    } else {
      TRY(mark_missing(builder, row + k, reason[k] == CSV_GOOD));
    }
    builder->column->offset[row + k + 1] = builder->items_n;
  }
  TRY(settle(builder, &pending));
done:
  return status;
}

/* An optional column that the file lacks. */
static Status add_absent(CsvBuilder *builder, int64_t n, int64_t row, const uint8_t *reason) {
  Status status = OK;
  Column *column = builder->column;
  for (int64_t i = row; i < row + n; i++) {
    bool counted = reason[i - row] == CSV_GOOD;
    switch (column->type) {
      case COLUMN_REAL: column->real[i] = NAN; break;
      case COLUMN_INTEGER: column->integer[i] = MISSING_INTEGER; break;
      case COLUMN_BOOLEAN: column->boolean[i] = MISSING_BOOLEAN; break;
      case COLUMN_CATEGORY: column->code[i] = MISSING_CODE; break;
      case COLUMN_DATE: column->date[i] = MISSING_DATE; break;
      case COLUMN_TEXT:
      case COLUMN_LIST: TRY(mark_missing(builder, i, false)); break;
      case COLUMN_TYPES: break;
    }
    builder->missing += counted;
  }
done:
  return status;
}

Status csv_builder_add(CsvBuilder *builder, const CsvBatch *batch, int64_t row, uint8_t *reason) {
  if (builder->target.field < 0) return add_absent(builder, batch->n, row, reason);
  switch (builder->target.type) {
    case COLUMN_REAL: add_reals(builder, batch, row, reason); break;
    case COLUMN_INTEGER: add_integers(builder, batch, row, reason); break;
    case COLUMN_BOOLEAN: add_booleans(builder, batch, row, reason); break;
    case COLUMN_DATE: add_dates(builder, batch, row, reason); break;
    case COLUMN_CATEGORY: return add_categories(builder, batch, row, reason);
    case COLUMN_TEXT: return add_texts(builder, batch, row, reason);
    case COLUMN_LIST: return add_lists(builder, batch, row, reason);
    case COLUMN_TYPES: break;
  }
  return OK;
}

Status csv_builder_finish_all(const Comm *comm, CsvBuilder *builder) {
  Status status = OK;
  int32_t *codes = NULL;
  Column *column = builder->column;
  bool coded = column->type == COLUMN_CATEGORY || column->type == COLUMN_LIST;
  if (!coded) return OK;
  AGREE(comm, NEW(&codes, builder->words.n));
  TRY(csv_words_merge_all(comm, &builder->words, &column->dictionary, codes));
  int64_t n = column->type == COLUMN_LIST ? builder->items_n : column->n;
  for (int64_t i = 0; i < n; i++)
    if (column->code[i] != MISSING_CODE) column->code[i] = codes[column->code[i]];
done:
  memory_free(&codes);
  return status;
}
