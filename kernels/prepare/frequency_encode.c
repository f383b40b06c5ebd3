/* frequency_encode: a word becomes the share of training rows that have it. */
#include <stdio.h>

#include "columns.h"
#include "kernels/base/memory.h"
#include "words.h"

typedef struct FrequencyEncodeOptions {
  TextList columns;
  bool keep;
} FrequencyEncodeOptions;

typedef struct FrequencyEncode {
  int64_t n;
  WordTable *tables; /* n: the share of each word */
} FrequencyEncode;

static const Option rows[] = {
    OPTION_TEXTS(FrequencyEncodeOptions, columns, NULL,
                 "category and list columns; each is replaced by COLUMN_frequency, the share of "
                 "training rows that have the word. A list gets the mean over its words; a word "
                 "that no training row has, a missing value and an empty list get 0"),
    OPTION_BOOLEAN(FrequencyEncodeOptions, keep, "false", "the source feature stays too"),
    {0}};

static Status plan(const void *options, FrameSchema *schema) {
  Status status = OK;
  const FrequencyEncodeOptions *o = options;
  TRY(plan_listed(schema, &o->columns, TAKES_WORDS, "frequency_encode"));
  for (int64_t j = 0; j < o->columns.n; j++)
    TRY(plan_replaced(schema, o->columns.items[j], "_frequency", o->keep));
done:
  return status;
}

static void frequency_encode_free(void **state) {
  FrequencyEncode *e = *state;
  if (!e) return;
  for (int64_t j = 0; e->tables && j < e->n; j++) word_table_clear(&e->tables[j]);
  memory_free(&e->tables);
  memory_free(state);
}

static Status state_new(int64_t n, void **state) {
  Status status = OK;
  FrequencyEncode *e = NULL;
  TRY(NEW(&e, 1));
  *state = e;
  TRY(NEW(&e->tables, n));
  e->n = n;
done:
  return status;
}

static Status apply_column(const char *name, const WordTable *table, bool keep, Frame *frame) {
  Status status = OK;
  Column *column = NULL, *out = NULL;
  WordRows words = {0};
  int32_t *map = NULL;
  TRY(frame_typed(frame, name, TAKES_WORDS, "frequency_encode", &column));
  TRY(word_rows_init(&words, column));
  TRY(dictionary_map(words.dictionary, &table->words, &map));
  TRY(frame_new(frame, name, "_frequency", COLUMN_REAL, &out));
  for (int64_t i = 0; i < words.n; i++) {
    int64_t n = words.offset[i + 1] - words.offset[i];
    double sum = 0;
    for (int64_t at = words.offset[i]; at < words.offset[i + 1]; at++) {
      int32_t word = map[words.code[at]];
      sum += word == MISSING_CODE ? 0 : table->values[word];
    }
    out->real[i] = n > 0 ? sum / (double)n : 0;
  }
  if (!keep) table_remove(&frame->features, name);
  TRY(frame_put(frame, &out));
done:
  memory_free(&map);
  word_rows_clear(&words);
  column_release(&out);
  return status;
}

static Status apply(const void *options, const void *state, Frame *frame) {
  const FrequencyEncodeOptions *o = options;
  const FrequencyEncode *e = state;
  Status status = OK;
  for (int64_t j = 0; j < o->columns.n && status == OK; j++)
    status = apply_column(o->columns.items[j], &e->tables[j], o->keep, frame);
  return status;
}

static Status fit_column_all(const StepFit *fit, const Column *column, int64_t n_global,
                             WordTable *table) {
  Status status = OK;
  WordRows words = {0};
  int64_t *count = NULL;
  int32_t *place = NULL;
  Status local = word_rows_init(&words, column);
  if (local == OK) local = NEW(&count, column->dictionary.n);
  if (local == OK) local = NEW(&place, column->dictionary.n);
  AGREE(fit->comm, local);
  word_rows_count_all(fit->comm, &words, count);
  AGREE(fit->comm, word_table_init(table, words.dictionary, count, 1, place));
  for (int32_t w = 0; w < words.dictionary->n; w++)
    if (place[w] != MISSING_CODE) table->values[place[w]] = (double)count[w] / (double)n_global;
done:
  word_rows_clear(&words);
  memory_free(&count);
  memory_free(&place);
  return status;
}

static Status fit_all(const StepFit *fit, const void *options, Frame *frame, void **state) {
  Status status = OK;
  const FrequencyEncodeOptions *o = options;
  AGREE(fit->comm, state_new(o->columns.n, state));
  FrequencyEncode *e = *state;
  for (int64_t j = 0; j < o->columns.n; j++) {
    Column *column = NULL;
    AGREE(fit->comm,
          frame_typed(frame, o->columns.items[j], TAKES_WORDS, "frequency_encode", &column));
    TRY(fit_column_all(fit, column, frame->features.rows.n_global, &e->tables[j]));
  }
  AGREE(fit->comm, apply(o, e, frame));
done:
  return status;
}

static Status fields(void **state, Fields *fields) {
  Status status = OK;
  FrequencyEncode *e = *state;
  int64_t n = e ? e->n : 0;
  TRY(fields_integer(fields, "columns", &n));
  if (fields->mode == FIELDS_IN) {
    TRY(state_new(n, state));
    e = *state;
  }
  for (int64_t j = 0; j < n; j++) {
    char part[32];
    snprintf(part, sizeof part, "column_%lld", (long long)j);
    TRY(word_table_fields(&e->tables[j], part, fields));
    if (e->tables[j].k != 1) {
      status = status_fail(FORMAT, "the fields hold no frequency_encode");
      goto done;
    }
  }
done:
  return status;
}

extern const StepKind frequency_encode_step;
const StepKind frequency_encode_step = {
    .kind = {.name = "frequency_encode",
             .help = "Replaces words by the share of training rows that have them.",
             .version = 1,
             .options_size = sizeof(FrequencyEncodeOptions),
             .options = rows},
    .plan = plan,
    .fit_all = fit_all,
    .apply = apply,
    .fields = fields,
    .free = frequency_encode_free};
