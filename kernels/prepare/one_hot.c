/* one_hot: a feature of zeros and ones for each word; several ones where a list has several words.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "columns.h"
#include "kernels/base/memory.h"
#include "words.h"

typedef struct OneHotOptions {
  TextList columns;
  int64_t max_categories;
} OneHotOptions;

typedef struct OneHot {
  int64_t n;
  Dictionary *words; /* n: the words that have a feature */
} OneHot;

static const Option rows[] = {
    OPTION_TEXTS(OneHotOptions, columns, NULL,
                 "category and list columns; each is replaced by features \"COLUMN=word\", 1 where "
                 "the row has the word and 0 elsewhere. Words that no training row has, missing "
                 "values and empty lists give zeros everywhere"),
    OPTION_INTEGER(OneHotOptions, max_categories, "100", 1, 100000,
                   "words of a column that get a feature: the most frequent ones among training "
                   "rows (of equally frequent ones those first in byte order); the others are "
                   "treated as unseen"),
    {0}};

/* The names of the new features depend on data: they are not planned. */
static Status plan(const void *options, FrameSchema *schema) {
  Status status = OK;
  const OneHotOptions *o = options;
  TRY(plan_listed(schema, &o->columns, TAKES_WORDS, "one_hot"));
  for (int64_t j = 0; j < o->columns.n; j++)
    if (schema_find(&schema->features, o->columns.items[j]))
      TRY(schema_remove(&schema->features, o->columns.items[j]));
done:
  return status;
}

static void one_hot_free(void **state) {
  OneHot *s = *state;
  if (!s) return;
  for (int64_t j = 0; s->words && j < s->n; j++) dictionary_clear(&s->words[j]);
  memory_free(&s->words);
  memory_free(state);
}

static Status state_new(int64_t n, void **state) {
  Status status = OK;
  OneHot *s = NULL;
  TRY(NEW(&s, 1));
  *state = s;
  TRY(NEW(&s->words, n));
  s->n = n;
done:
  return status;
}

static Status fields(void **state, Fields *fields) {
  Status status = OK;
  OneHot *s = *state;
  int64_t n = s ? s->n : 0;
  TRY(fields_integer(fields, "columns", &n));
  if (fields->mode == FIELDS_IN) {
    TRY(state_new(n, state));
    s = *state;
  }
  for (int64_t j = 0; j < n; j++) {
    char part[32];
    snprintf(part, sizeof part, "column_%lld", (long long)j);
    TRY(dictionary_fields(&s->words[j], part, fields));
  }
done:
  return status;
}

/* ---- applying ---- */

/* New columns of zeros, one for each word. */
static Status make_columns(const char *name, const Dictionary *words, const Frame *frame,
                           Column **columns) {
  Status status = OK;
  char *suffix = NULL;
  for (int32_t w = 0; w < words->n; w++) {
    int64_t length = 0;
    const char *word = dictionary_word(words, w, &length);
    TRY(NEW(&suffix, length + 2));
    suffix[0] = '=';
    if (length > 0) memcpy(suffix + 1, word, (size_t)length);
    TRY(frame_new(frame, name, suffix, COLUMN_BOOLEAN, &columns[w]));
    memory_free(&suffix);
  }
done:
  memory_free(&suffix);
  return status;
}

static Status apply_column(const char *name, const Dictionary *kept, Frame *frame) {
  Status status = OK;
  Column *column = NULL, **columns = NULL;
  WordRows words = {0};
  int32_t *map = NULL;
  TRY(NEW(&columns, kept->n));
  TRY(frame_typed(frame, name, TAKES_WORDS, "one_hot", &column));
  TRY(word_rows_init(&words, column));
  TRY(dictionary_map(words.dictionary, kept, &map));
  TRY(make_columns(name, kept, frame, columns));
  for (int64_t i = 0; i < words.n; i++)
    for (int64_t at = words.offset[i]; at < words.offset[i + 1]; at++)
      if (map[words.code[at]] != MISSING_CODE) columns[map[words.code[at]]]->boolean[i] = 1;
  table_remove(&frame->features, name);
  for (int32_t w = 0; w < kept->n; w++) TRY(frame_put(frame, &columns[w]));
done:
  for (int32_t w = 0; columns && w < kept->n; w++) column_release(&columns[w]);
  memory_free(&columns);
  word_rows_clear(&words);
  memory_free(&map);
  return status;
}

static Status apply(const void *options, const void *state, Frame *frame) {
  const OneHotOptions *o = options;
  const OneHot *s = state;
  Status status = OK;
  for (int64_t j = 0; j < o->columns.n && status == OK; j++)
    status = apply_column(o->columns.items[j], &s->words[j], frame);
  return status;
}

/* ---- fitting ---- */

typedef struct Frequent {
  int64_t count, word;
} Frequent;

static int compare_frequent(const void *a, const void *b) {
  const Frequent *x = a, *y = b;
  if (x->count != y->count) return x->count > y->count ? -1 : 1;
  return (x->word > y->word) - (x->word < y->word);
}

/* Set the counts of all but the most frequent words to zero. */
static Status keep_frequent(int64_t *count, int64_t n, int64_t most) {
  Frequent *order = NULL;
  if (n <= most) return OK;
  if (NEW(&order, n) != OK) return MEMORY;
  for (int64_t w = 0; w < n; w++) order[w] = (Frequent){count[w], w};
  qsort(order, (size_t)n, sizeof *order, compare_frequent);
  for (int64_t k = most; k < n; k++) count[order[k].word] = 0;
  memory_free(&order);
  return OK;
}

static Status fit_column_all(const StepFit *fit, const Column *column, int64_t most,
                             Dictionary *out) {
  Status status = OK;
  WordRows words = {0};
  int64_t *count = NULL;
  Status local = word_rows_init(&words, column);
  if (local == OK) local = NEW(&count, column->dictionary.n);
  AGREE(fit->comm, local);
  word_rows_count_all(fit->comm, &words, count);
  local = keep_frequent(count, column->dictionary.n, most);
  if (local == OK) local = dictionary_select(&column->dictionary, count, out, NULL);
  AGREE(fit->comm, local);
done:
  memory_free(&count);
  word_rows_clear(&words);
  return status;
}

static Status fit_all(const StepFit *fit, const void *options, Frame *frame, void **state) {
  Status status = OK;
  const OneHotOptions *o = options;
  AGREE(fit->comm, state_new(o->columns.n, state));
  OneHot *s = *state;
  for (int64_t j = 0; j < o->columns.n; j++) {
    Column *column = NULL;
    AGREE(fit->comm, frame_typed(frame, o->columns.items[j], TAKES_WORDS, "one_hot", &column));
    TRY(fit_column_all(fit, column, o->max_categories, &s->words[j]));
  }
  AGREE(fit->comm, apply(o, s, frame));
done:
  return status;
}

extern const StepKind one_hot_step;
const StepKind one_hot_step = {.kind = {.name = "one_hot",
                                        .help = "Makes a feature of zeros and ones for each word.",
                                        .version = 1,
                                        .options_size = sizeof(OneHotOptions),
                                        .options = rows},
                               .plan = plan,
                               .fit_all = fit_all,
                               .apply = apply,
                               .fields = fields,
                               .free = one_hot_free};
