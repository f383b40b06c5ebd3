/* Columns are made one at a time out of a batch that lies in the second-level cache: the loop over
 * one type has no branch on the type, and nothing is allocated per field. */
#include "csv_values.h"

#include <math.h>
#ifdef __AVX2__
#include <immintrin.h>
#endif

#include "kernels/base/memory.h"
#include "real_four.h"
#include "real_parse.h"

enum {
  COPY = 64, /* bytes copied at once; texts are mostly shorter */
  SHORT = 32 /* bytes of a list that is looked at at once */
};

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
  bool made =
      real_parse_short(field.text, field.n, value) || real_parse_tiny(field.text, field.n, value);
  return made ? CSV_GOOD : csv_parse_real(field, value);
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

/* Words of truth are told by their first eight bytes, what is behind them being zero. */
#define EIGHT(a, b, c, d, e)                                                        \
  ((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 | \
   (uint64_t)(e) << 32)
static inline bool boolean_of(uint64_t word, uint8_t *value) {
  switch (word) {
    case EIGHT('F', 'a', 'l', 's', 'e'):
    case EIGHT('f', 'a', 'l', 's', 'e'):
    case EIGHT('F', 'A', 'L', 'S', 'E'):
    case EIGHT('0', 0, 0, 0, 0): *value = 0; return true;
    case EIGHT('T', 'r', 'u', 'e', 0):
    case EIGHT('t', 'r', 'u', 'e', 0):
    case EIGHT('T', 'R', 'U', 'E', 0):
    case EIGHT('1', 0, 0, 0, 0): *value = 1; return true;
    default: return false;
  }
}

CsvReason csv_parse_boolean(CsvField field, uint8_t *value) {
  uint64_t word = 0;
  field = trimmed(field);
  for (int64_t i = 0; i < field.n && i < 8; i++)
    word |= (uint64_t)(unsigned char)field.text[i] << 8 * i;
  return field.n <= 5 && boolean_of(word, value) ? CSV_GOOD : CSV_NO_BOOLEAN;
}

static inline CsvReason parse_boolean_padded(CsvField field, uint8_t *value) {
  uint64_t word;
  memcpy(&word, field.text, sizeof word);
  bool told = field.n <= 5 && boolean_of(word & ~(~UINT64_C(0) << 8 * field.n), value);
  return told ? CSV_GOOD : csv_parse_boolean(field, value);
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

/* What a loop over a batch needs of it, in variables that no store into a column can change. */
typedef struct View {
  const CsvBatch *batch;
  const char *bytes;
  const uint32_t *ends, *first;  /* ends[first[k]] is that of the column's field in record k */
  const TextList *missing_words; /* NULL: none */
  char quote;
  bool last;
} View;

static inline View view_of(const CsvBuilder *builder, const CsvBatch *batch) {
  return (View){.batch = batch,
                .bytes = batch->bytes,
                .ends = batch->ends + builder->target.field,
                .first = batch->first,
                .missing_words = builder->missing_words->n > 0 ? builder->missing_words : NULL,
                .quote = batch->dialect.quote,
                .last = builder->target.last};
}

/* The field of record k, as csv_batch_field gives it; false when it is missing or the record bad.
 */
static inline __attribute__((always_inline)) bool fetch(const View *view, int64_t k,
                                                        const uint8_t *reason, CsvField *field) {
  if (reason[k] != CSV_GOOD) return false;
  const uint32_t *end = view->ends + view->first[k];
  const char *text = view->bytes + (uint32_t)(end[-1] + 1);
  int64_t n = view->bytes + *end - text;
  if (view->last) n -= n > 0 && text[n - 1] == '\r';
  *field = n > 0 && *text == view->quote ? csv_unquote(view->batch, text, n) : (CsvField){text, n};
  return field->n > 0 && (!view->missing_words || !csv_is_missing(view->missing_words, *field));
}

/* The value of one record: missing, or failed for a reason, or parsed. */
#define PARSE_ONE(values, MISSING, PARSE)                                       \
  do {                                                                          \
    CsvField field;                                                             \
    if (!fetch(&view, k, reason, &field)) {                                     \
      builder->missing += reason[k] == CSV_GOOD;                                \
      (values)[k] = MISSING;                                                    \
    } else if ((reason[k] = (uint8_t)PARSE(field, &(values)[k])) != CSV_GOOD) { \
      (values)[k] = MISSING;                                                    \
    }                                                                           \
  } while (0)

/* Those of the records that csv_numbers has left. */
#define PARSE_LEFT(values, MISSING, PARSE)                                               \
  for (int64_t k8 = 0; k8 < batch->n && builder->any_left; k8 += 8)                      \
    for (uint64_t left = left_of_eight(builder, batch->n, k8); left; left &= left - 1) { \
      int64_t k = k8 + __builtin_ctzll(left) / 8;                                        \
      PARSE_ONE(values, MISSING, PARSE);                                                 \
    }

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

/* One bit in each byte whose record, from k on, is left. */
static inline uint64_t left_of_eight(const CsvBuilder *builder, int64_t n, int64_t k) {
  uint64_t eight = 0;
  memcpy(&eight, builder->left + k, (size_t)(n - k < 8 ? n - k : 8));
  return eight & builder->lane * UINT64_C(0x0101010101010101);
}

static inline bool four_are_good(const uint8_t *reason) {
  uint32_t all;
  memcpy(&all, reason, sizeof all);
  return all == 0; /* CSV_GOOD, four times */
}

static void add_reals(CsvBuilder *builder, const CsvBatch *batch, int64_t row, uint8_t *reason) {
  const View view = view_of(builder, batch);
  double *values = builder->column->real + row;
  if (builder->left)
    PARSE_LEFT(values, NAN, parse_real_padded)
  else
    PARSE_COLUMN(values, NAN, parse_real_padded, real_parse_four)
}

static void add_integers(CsvBuilder *builder, const CsvBatch *batch, int64_t row, uint8_t *reason) {
  const View view = view_of(builder, batch);
  int64_t *values = builder->column->integer + row;
  if (builder->left)
    PARSE_LEFT(values, MISSING_INTEGER, parse_integer_padded)
  else
    PARSE_COLUMN(values, MISSING_INTEGER, parse_integer_padded, integer_parse_four)
}

static void add_booleans(CsvBuilder *builder, const CsvBatch *batch, int64_t row, uint8_t *reason) {
  const View view = view_of(builder, batch);
  uint8_t *values = builder->column->boolean + row;
  for (int64_t k = 0; k < batch->n; k++) PARSE_ONE(values, MISSING_BOOLEAN, parse_boolean_padded);
}

static void add_dates(CsvBuilder *builder, const CsvBatch *batch, int64_t row, uint8_t *reason) {
  const View view = view_of(builder, batch);
  int32_t *values = builder->column->date + row;
  for (int64_t k = 0; k < batch->n; k++) PARSE_ONE(values, MISSING_DATE, csv_parse_date);
}

/* Rows of a genre often stand together: the last word is tried before the hash table. */
static Status add_categories(CsvBuilder *builder, const CsvBatch *batch, int64_t row,
                             const uint8_t *reason) {
  Status status = OK;
  int32_t last = MISSING_CODE;
  const CsvWords *words = &builder->words;
  const View view = view_of(builder, batch);
  for (int64_t k = 0; k < batch->n; k++) {
    CsvField field;
    int32_t *code = &builder->column->code[row + k];
    if (!fetch(&view, k, reason, &field)) {
      builder->missing += reason[k] == CSV_GOOD;
      *code = MISSING_CODE;
      continue;
    }
    *code = last;
    bool same = last >= 0 && csv_word_is(words, &words->known[last], field.text, field.n,
                                         csv_word_first(field.text, field.n),
                                         csv_word_last(field.text, field.n));
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

/* Room for the texts of a batch: for all rows, if they are like those up to there. */
static Status reserve_texts(CsvBuilder *builder, const CsvBatch *batch, int64_t row,
                            const uint8_t *reason) {
  int64_t bytes = 0;
  if (builder->items_n + batch->bytes_n <= builder->items_capacity) return OK;
  for (int64_t k = 0; k < batch->n; k++)
    if (reason[k] == CSV_GOOD)
      bytes += csv_batch_field(batch, k, builder->target.field, builder->target.last).n;
  return reserve_items(builder, row + batch->n, bytes);
}

static Status mark_missing(CsvBuilder *builder, int64_t row, bool counted) {
  Status status = OK;
  if (!builder->column->missing) TRY(NEW(&builder->column->missing, builder->column->n));
  builder->column->missing[row] = 1;
  builder->missing += counted;
done:
  return status;
}

static inline void copy_short(char *to, const char *from) {
#ifdef __AVX2__ /* the compiler takes registers of half that width */
  __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)from);
  __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(from + COPY / 2));
  _mm256_storeu_si256((__m256i *)(void *)to, low);
  _mm256_storeu_si256((__m256i *)(void *)(to + COPY / 2), high);
#else
  memcpy(to, from, COPY);
#endif
}

/* Both sides are padded, so that a short text is one copy of fixed size. */
static Status add_texts(CsvBuilder *builder, const CsvBatch *batch, int64_t row,
                        const uint8_t *reason) {
  Status status = OK;
  TRY(reserve_texts(builder, batch, row, reason));
  const View view = view_of(builder, batch);
  char *bytes = builder->column->bytes;
  int64_t *offset = builder->column->offset + row + 1, used = builder->items_n;
  for (int64_t k = 0; k < batch->n; k++) {
    CsvField field;
    if (!fetch(&view, k, reason, &field)) {
      TRY(mark_missing(builder, row + k, reason[k] == CSV_GOOD));
    } else {
      if (field.n <= COPY)
        copy_short(bytes + used, field.text);
      else
        memcpy(bytes + used, field.text, (size_t)field.n);
      used += field.n;
    }
    offset[k] = used;
  }
  builder->items_n = used;
done:
  return status;
}

/* Items whose codes are still to be found. */
typedef struct Pending {
  CsvWord words[CSV_WORDS_AT_ONCE];
  int64_t n;
} Pending;

static Status settle(CsvBuilder *builder, int64_t rows, Pending *pending) {
  Status status = OK;
  if (builder->items_n + pending->n > builder->items_capacity)
    TRY(reserve_items(builder, rows, pending->n));
  int32_t *codes = builder->column->code + builder->items_n;
  TRY(csv_words_codes(&builder->words, pending->words, pending->n, codes));
  builder->items_n += pending->n;
  pending->n = 0;
done:
  return status;
}

/* An item of row `row`; empty ones are dropped. */
static inline Status add_item(CsvBuilder *builder, const char *text, int64_t n, int64_t row,
                              Pending *pending) {
  if (n == 0) return OK;
  pending->words[pending->n++] = (CsvWord){text, n};
  return pending->n < CSV_WORDS_AT_ONCE ? OK : settle(builder, row, pending);
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

static Status add_long_list(CsvBuilder *builder, CsvField field, int64_t row, Pending *pending) {
  Status status = OK;
  for (int64_t at = 0; at < field.n;) {
    int64_t length = find_separator(&builder->target, field.text + at, field.n - at);
    TRY(add_item(builder, field.text + at, length, row, pending));
    at += length + builder->target.separator_n;
  }
done:
  return status;
}

#ifdef __AVX2__
/* Items of a text that end at the bits of `places`. One or two they are mostly, which is hard to
 * predict: two are written in any case. */
static inline void write_items(CsvWord *to, const char *text, uint64_t places) {
  int64_t at = 0;
  for (int i = 0; i < 2; i++, to++) {
    int64_t end = (int64_t)_tzcnt_u64(places);
    *to = (CsvWord){text + at, end - at};
    at = end + 1;
    places &= places - 1;
  }
  for (; places; places &= places - 1, to++) {
    int64_t end = __builtin_ctzll(places);
    *to = (CsvWord){text + at, end - at};
    at = end + 1;
  }
}
#endif

/* Most lists are short, and their separator is one byte: all its places at once. */
static inline Status add_list(CsvBuilder *builder, CsvField field, int64_t row, Pending *pending) {
  Status status = OK;
#ifdef __AVX2__
  if (field.n <= SHORT && builder->target.separator_n == 1) {
    __m256i text = _mm256_loadu_si256((const __m256i *)(const void *)field.text);
    __m256i same = _mm256_cmpeq_epi8(text, _mm256_set1_epi8(*builder->target.separator));
    uint64_t places = (uint32_t)_mm256_movemask_epi8(same), end = UINT64_C(1) << field.n;
    places = (places & (end - 1)) | end;
    int n = __builtin_popcountll(places);
    bool empty = (places & (places << 1 | 1)) != 0;
    if (!empty) {
      if (pending->n + n >= CSV_WORDS_AT_ONCE) TRY(settle(builder, row, pending));
      write_items(pending->words + pending->n, field.text, places);
      pending->n += n;
      return OK;
    }
  }
#endif
  TRY(add_long_list(builder, field, row, pending));
done:
  return status;
}

static Status add_lists(CsvBuilder *builder, const CsvBatch *batch, int64_t row,
                        const uint8_t *reason) {
  Status status = OK;
  Pending pending = {.n = 0};
  const View view = view_of(builder, batch);
  for (int64_t k = 0; k < batch->n; k++) {
    CsvField field;
    if (fetch(&view, k, reason, &field)) {
      TRY(add_list(builder, field, row + k, &pending));
      /* The scratch is used again. */
      if (field.text == batch->scratch) TRY(settle(builder, row + k, &pending));
    } else {
      TRY(mark_missing(builder, row + k, reason[k] == CSV_GOOD));
    }
    builder->column->offset[row + k + 1] = builder->items_n + pending.n;
  }
  TRY(settle(builder, row + batch->n, &pending));
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
