/* impute: missing values are filled with what is usual, over all rows or within a group.
 *
 * What is usual is learned on the training rows. Within a group such as a genre it is learned for
 * each word of `by`; a word without values, or unseen, has the value of all rows. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "columns.h"
#include "group_values.h"
#include "kernels/base/memory.h"

static const char *const methods[] = {"mean", "median", "most_frequent", NULL};
enum { MEAN, MEDIAN, MOST_FREQUENT };

typedef struct ImputeOptions {
  TextList columns;
  int method;
  char *by;
  bool indicator;
} ImputeOptions;

typedef struct Impute {
  int64_t n;         /* columns */
  WordTable groups;  /* words of `by` in training rows, n numbers each; no words without `by` */
  double *whole;     /* n: over all rows */
  Dictionary *fills; /* n: the words that a category is filled with; numbers are places in it */
} Impute;

static const Option rows[] = {
    OPTION_TEXTS(ImputeOptions, columns, NULL,
                 "number columns, or with most_frequent categories too, whose missing values are "
                 "filled"),
    OPTION_WORD(ImputeOptions, method, "\"median\"", methods,
                "what is filled in; most_frequent takes the least of equally frequent values"),
    OPTION_TEXT(ImputeOptions, by, "null",
                "category or list column: fill with what is usual among rows of the same word. A "
                "row with several words gets the mean of theirs (most_frequent: that of its first "
                "word); a word that no training row with a value has counts as all rows do, and so "
                "does a row without words"),
    OPTION_BOOLEAN(ImputeOptions, indicator, "false",
                   "add a feature COLUMN_missing: 1 where a value was filled in"),
    {0}};

static int types_of(const ImputeOptions *o) {
  return o->method == MOST_FREQUENT ? TAKES_NUMBERS | TAKES_CATEGORIES : TAKES_NUMBERS;
}

static Status plan(const void *options, FrameSchema *schema) {
  Status status = OK;
  const ImputeOptions *o = options;
  if (o->by) TRY(plan_typed(schema, "by", o->by, TAKES_WORDS, "by", NULL));
  TRY(plan_listed(schema, &o->columns, types_of(o), "impute"));
  for (int64_t j = 0; j < o->columns.n; j++) {
    const char *name = o->columns.items[j];
    ColumnType type = COLUMN_REAL;
    TRY(plan_column(schema, name, &type));
    TRY(schema_add(&schema->features, name,
                   type == COLUMN_CATEGORY ? COLUMN_CATEGORY : COLUMN_REAL));
    if (o->indicator) TRY(plan_replaced(schema, name, "_missing", true));
  }
done:
  return status;
}

/* ---- state ---- */

static void impute_free(void **state) {
  Impute *s = *state;
  if (!s) return;
  for (int64_t j = 0; s->fills && j < s->n; j++) dictionary_clear(&s->fills[j]);
  memory_free(&s->fills);
  memory_free(&s->whole);
  word_table_clear(&s->groups);
  memory_free(state);
}

static Status state_new(int64_t n, void **state) {
  Status status = OK;
  Impute *s = NULL;
  TRY(NEW(&s, 1));
  *state = s;
  TRY(NEW(&s->fills, n));
  s->n = n;
  TRY(NEW(&s->whole, n));
done:
  return status;
}

/* Places have to be places in the list of fillings. */
static bool fillings_exist(const Impute *s) {
  if (s->groups.k != s->n) return false;
  for (int64_t j = 0; j < s->n; j++) {
    int64_t fills = s->fills[j].n;
    if (fills == 0) continue;
    if (!(s->whole[j] >= 0 && s->whole[j] < (double)fills)) return false;
    for (int64_t w = 0; w < s->groups.words.n; w++) {
      double value = s->groups.values[w * s->n + j];
      if (value < 0 || value >= (double)fills) return false;
    }
  }
  return true;
}

static Status fields(void **state, Fields *fields) {
  Status status = OK;
  Impute *s = *state;
  int64_t n = s ? s->n : 0;
  TRY(fields_integer(fields, "columns", &n));
  if (fields->mode == FIELDS_IN) {
    TRY(state_new(n, state));
    s = *state;
    memory_free(&s->whole);
  }
  TRY(fields_array(fields, "whole", FIELD_REAL, &s->whole, 1, &n));
  TRY(word_table_fields(&s->groups, "groups", fields));
  for (int64_t j = 0; j < n; j++) {
    char part[32];
    snprintf(part, sizeof part, "fill_%lld", (long long)j);
    TRY(dictionary_fields(&s->fills[j], part, fields));
  }
  if (!fillings_exist(s)) status = status_fail(FORMAT, "the fields hold no impute");
done:
  return status;
}

/* ---- applying ---- */

/* The words of the rows' groups as places in the fitted table. */
typedef struct Groups {
  WordRows rows; /* n is 0 without `by` */
  int32_t *map;
} Groups;

static void groups_clear(Groups *groups) {
  word_rows_clear(&groups->rows);
  memory_free(&groups->map);
}

static Status groups_init(Groups *groups, const ImputeOptions *o, const Impute *s,
                          const Frame *frame) {
  Status status = OK;
  Column *by = NULL;
  if (!o->by) return OK;
  TRY(frame_typed(frame, o->by, TAKES_WORDS, "by", &by));
  TRY(word_rows_init(&groups->rows, by));
  TRY(dictionary_map(&by->dictionary, &s->groups.words, &groups->map));
done:
  return status;
}

static double value_of_word(const Impute *s, int64_t j, int32_t word) {
  double value = word == MISSING_CODE ? NAN : s->groups.values[word * s->n + j];
  return isnan(value) ? s->whole[j] : value;
}

/* What fills column j in row i. */
static double filling(const ImputeOptions *o, const Impute *s, const Groups *groups, int64_t j,
                      int64_t i) {
  int64_t begin = groups->map ? groups->rows.offset[i] : 0;
  int64_t end = groups->map ? groups->rows.offset[i + 1] : 0;
  if (begin == end) return s->whole[j];
  if (o->method == MOST_FREQUENT) end = begin + 1;
  double sum = 0;
  for (int64_t at = begin; at < end; at++)
    sum += value_of_word(s, j, groups->map[groups->rows.code[at]]);
  return sum / (double)(end - begin);
}

static Status fill_numbers(const ImputeOptions *o, const Impute *s, const Groups *groups, int64_t j,
                           const Column *column, Frame *frame, Column **out) {
  Status status = frame_reals(frame, column, out);
  for (int64_t i = 0; status == OK && i < (*out)->n; i++)
    if (isnan((*out)->real[i])) (*out)->real[i] = filling(o, s, groups, j, i);
  return status;
}

/* The union of two dictionaries, and where each one's words are in it. */
static Status unite(const Dictionary *a, const Dictionary *b, Dictionary *out, int32_t **codes) {
  Status status = OK;
  int64_t a_bytes = a->n > 0 ? a->offset[a->n] : 0, b_bytes = b->n > 0 ? b->offset[b->n] : 0;
  int64_t *offset = NULL, n = (int64_t)a->n + b->n;
  char *bytes = NULL;
  TRY(NEW(&offset, n + 1));
  TRY(NEW(&bytes, a_bytes + b_bytes));
  TRY(NEW(codes, n));
  if (a_bytes > 0) memcpy(bytes, a->bytes, (size_t)a_bytes);
  if (b_bytes > 0) memcpy(bytes + a_bytes, b->bytes, (size_t)b_bytes);
  for (int32_t w = 0; w < a->n; w++) offset[w + 1] = a->offset[w + 1];
  for (int32_t w = 0; w < b->n; w++) offset[a->n + w + 1] = a_bytes + b->offset[w + 1];
  TRY(dictionary_build(bytes, offset, n, out, *codes));
done:
  memory_free(&offset);
  memory_free(&bytes);
  return status;
}

/* The new column's words are those of the old one and of the fillings, needed or not: every rank
 * has to come to the same dictionary. */
static Status fill_category(const ImputeOptions *o, const Impute *s, const Groups *groups,
                            int64_t j, const Column *column, Frame *frame, Column **out) {
  Status status = OK;
  int32_t *codes = NULL;
  TRY(frame_new(frame, column->name, "", COLUMN_CATEGORY, out));
  TRY(unite(&column->dictionary, &s->fills[j], &(*out)->dictionary, &codes));
  if (s->fills[j].n == 0) {
    status = status_fail(INVALID, "column \"%s\" is a category here; impute learned a number",
                         column->name);
    goto done;
  }
  const int32_t *fill_codes = codes + column->dictionary.n;
  for (int64_t i = 0; i < column->n; i++)
    (*out)->code[i] = column->code[i] != MISSING_CODE
                          ? codes[column->code[i]]
                          : fill_codes[(int32_t)filling(o, s, groups, j, i)];
done:
  memory_free(&codes);
  return status;
}

static Status put_indicator(const Column *column, Frame *frame) {
  Status status = OK;
  Column *out = NULL;
  TRY(frame_new(frame, column->name, "_missing", COLUMN_REAL, &out));
  for (int64_t i = 0; i < out->n; i++) out->real[i] = column_missing(column, i);
  TRY(frame_put(frame, &out));
done:
  column_release(&out);
  return status;
}

static Status apply_column(const ImputeOptions *o, const Impute *s, const Groups *groups, int64_t j,
                           Frame *frame) {
  Status status = OK;
  Column *column = NULL, *out = NULL;
  TRY(frame_typed(frame, o->columns.items[j], types_of(o), "impute", &column));
  if (column->type == COLUMN_CATEGORY)
    TRY(fill_category(o, s, groups, j, column, frame, &out));
  else
    TRY(fill_numbers(o, s, groups, j, column, frame, &out));
  if (o->indicator) TRY(put_indicator(column, frame));
  TRY(frame_put(frame, &out));
done:
  column_release(&out);
  return status;
}

static Status apply(const void *options, const void *state, Frame *frame) {
  Status status = OK;
  const ImputeOptions *o = options;
  Groups groups = {0};
  TRY(groups_init(&groups, o, state, frame));
  for (int64_t j = 0; j < o->columns.n; j++) TRY(apply_column(o, state, &groups, j, frame));
done:
  groups_clear(&groups);
  return status;
}

/* ---- fitting ---- */

typedef Status GroupValues(const Comm *comm, const WordRows *by, const double *values, int64_t n,
                           double *out);
static GroupValues *const group_values[] = {group_means_all, group_medians_all, group_modes_all};

/* Keep the words of a category that fill something; numbers become places among them. */
static Status keep_fillings(const Dictionary *words, double *values, int64_t n, Dictionary *fills) {
  Status status = OK;
  int64_t *count = NULL;
  int32_t *place = NULL;
  TRY(NEW(&count, words->n));
  TRY(NEW(&place, words->n));
  for (int64_t g = 0; g < n; g++)
    if (!isnan(values[g])) count[(int64_t)values[g]]++;
  TRY(dictionary_select(words, count, fills, place));
  for (int64_t g = 0; g < n; g++)
    if (!isnan(values[g])) values[g] = place[(int64_t)values[g]];
done:
  memory_free(&count);
  memory_free(&place);
  return status;
}

/* values: one number per word of by, then one over all rows, as group_values gives them. */
static Status learn_column_all(const StepFit *fit, const ImputeOptions *o, int64_t j,
                               const WordRows *by, const Frame *frame, Impute *s, double *values) {
  Status status = OK;
  const char *name = o->columns.items[j];
  int64_t words = by ? by->dictionary->n : 0;
  Column *column = NULL, *reals = NULL;
  Status local = frame_typed(frame, name, types_of(o), "impute", &column);
  if (local == OK) local = frame_reals(frame, column, &reals);
  AGREE(fit->comm, local);
  status = group_values[o->method](fit->comm, by, reals->real, reals->n, values);
  if (status == OK && isnan(values[words]))
    status = status_fail(NUMERIC,
                         "no training row has a value to learn from: leave the column "
                         "out, or use a step that needs none");
  if (status != OK) {
    status_prefix(status, "column \"%s\": ", name);
    goto done;
  }
  if (column->type == COLUMN_CATEGORY)
    AGREE(fit->comm, keep_fillings(&column->dictionary, values, words + 1, &s->fills[j]));
  s->whole[j] = values[words];
done:
  column_release(&reals);
  return status;
}

/* The words of `by`, its fitted table, and the place of each word there. */
static Status learn_groups_all(const StepFit *fit, const ImputeOptions *o, const Frame *frame,
                               WordRows *by, Impute *s, int32_t **place) {
  Status status = OK;
  Column *column = NULL;
  int64_t *count = NULL;
  Status local = OK;
  if (o->by) local = frame_typed(frame, o->by, TAKES_WORDS, "by", &column);
  if (local == OK && o->by) local = word_rows_init(by, column);
  int64_t words = local == OK && o->by ? column->dictionary.n : 0;
  if (local == OK) local = NEW(&count, words);
  if (local == OK) local = NEW(place, words);
  AGREE(fit->comm, local);
  if (o->by) word_rows_count_all(fit->comm, by, count);
  AGREE(fit->comm, word_table_init(&s->groups, o->by ? by->dictionary : &(Dictionary){0}, count,
                                   o->columns.n, *place));
done:
  memory_free(&count);
  return status;
}

static Status fit_all(const StepFit *fit, const void *options, Frame *frame, void **state) {
  Status status = OK;
  const ImputeOptions *o = options;
  WordRows by = {0};
  int32_t *place = NULL;
  double *values = NULL;
  AGREE(fit->comm, state_new(o->columns.n, state));
  Impute *s = *state;
  TRY(learn_groups_all(fit, o, frame, &by, s, &place));
  int64_t words = o->by ? by.dictionary->n : 0;
  AGREE(fit->comm, NEW(&values, words + 1));
  for (int64_t j = 0; j < o->columns.n; j++) {
    TRY(learn_column_all(fit, o, j, o->by ? &by : NULL, frame, s, values));
    for (int64_t w = 0; w < words; w++)
      if (place[w] != MISSING_CODE) s->groups.values[place[w] * s->n + j] = values[w];
  }
  AGREE(fit->comm, apply(o, s, frame));
done:
  memory_free(&values);
  memory_free(&place);
  word_rows_clear(&by);
  return status;
}

extern const StepKind impute_step;
const StepKind impute_step = {.kind = {.name = "impute",
                                       .help = "Fills missing values with what is usual.",
                                       .version = 1,
                                       .options_size = sizeof(ImputeOptions),
                                       .options = rows},
                              .plan = plan,
                              .fit_all = fit_all,
                              .apply = apply,
                              .fields = fields,
                              .free = impute_free};
