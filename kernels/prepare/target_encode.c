/* target_encode: a word becomes how far the mean target of the training rows that have it is from
 * the mean of all, smoothed.
 *
 * A training row's own target must not be in its features, so training rows get encodings learned
 * on other folds only; rows of a recording share a fold, and folds do not look at the target. So no
 * change to a row's target changes its own encoding. Other rows get encodings learned on all
 * training rows.
 *
 * Encodings are distances from the mean of the rows that they were learned on. The means themselves
 * would carry that of the other folds, which is low where a row's own fold is high: on a target
 * that is noise they point away from it (the expected covariance is -variance / rows), and with few
 * rows to a word a model learns that. Each distance is a sum of targets whose weights add up to
 * nothing, so that its expected covariance with such a target is 0.
 *
 * Rejected: leave-one-out (a tree reads the target back from the difference), ordered encodings
 * (they depend on an order of rows that means nothing), and folds balanced by the target. */
#include <math.h>
#include <stdio.h>

#include "columns.h"
#include "encoding_folds.h"
#include "kernels/base/memory.h"
#include "target_sums.h"

typedef struct TargetEncodeOptions {
  TextList columns;
  int64_t folds;
  double smoothing;
  bool keep;
} TargetEncodeOptions;

typedef struct TargetEncode {
  int64_t n, outputs;
  WordTable *tables; /* n: encodings of the words of all training rows */
  double *prior;     /* outputs: of other words. 0; bundles of version 2 hold means, and theirs */
} TargetEncode;

static const Option rows[] = {
    OPTION_TEXTS(
        TargetEncodeOptions, columns, NULL,
        "category and list columns; each is replaced by COLUMN_target, how far the mean "
        "target of its word is above that of all rows (two classes: the share of class 1; more: "
        "COLUMN_target_K for each class K, up to 20). A list gets the mean over its words; a word "
        "that no training row has, a missing value and an empty list get 0"),
    OPTION_INTEGER(TargetEncodeOptions, folds, "5", 2, 100,
                   "training rows are encoded by the rows of the other folds; a recording is in "
                   "one fold"),
    OPTION_REAL(TargetEncodeOptions, smoothing, "20", 0, 1e15,
                "rows' worth of the overall mean that each word's mean is blended with: "
                "(sum - n mean) / (n + smoothing)"),
    OPTION_BOOLEAN(TargetEncodeOptions, keep, "false", "the source feature stays too"),
    {0}};

static Status plan(const void *options, FrameSchema *schema) {
  Status status = OK;
  const TargetEncodeOptions *o = options;
  TRY(plan_listed(schema, &o->columns, TAKES_WORDS, "target_encode"));
  for (int64_t j = 0; j < o->columns.n; j++)
    TRY(plan_replaced(schema, o->columns.items[j], "_target", o->keep));
done:
  return status;
}

static void target_encode_free(void **state) {
  TargetEncode *e = *state;
  if (!e) return;
  for (int64_t j = 0; e->tables && j < e->n; j++) word_table_clear(&e->tables[j]);
  memory_free(&e->tables);
  memory_free(&e->prior);
  memory_free(state);
}

/* ---- columns of encodings ---- */

typedef struct Encoded {
  int64_t n;
  Column *columns[TARGET_CLASSES];
} Encoded;

static void encoded_clear(Encoded *encoded) {
  for (int64_t k = 0; k < encoded->n; k++) column_release(&encoded->columns[k]);
}

static Status encoded_init(Encoded *encoded, const Frame *frame, const char *name,
                           int64_t outputs) {
  Status status = OK;
  char suffix[32] = "_target";
  *encoded = (Encoded){.n = outputs};
  for (int64_t k = 0; k < outputs; k++) {
    if (outputs > 1) snprintf(suffix, sizeof suffix, "_target_%lld", (long long)k);
    TRY(frame_new(frame, name, suffix, COLUMN_REAL, &encoded->columns[k]));
  }
done:
  return status;
}

/* A row's sums over n words become means; a row without words gets prior; NULL: 0. */
static void encoded_put(Encoded *encoded, int64_t i, const double *sum, int64_t n,
                        const double *prior) {
  for (int64_t k = 0; k < encoded->n; k++)
    encoded->columns[k]->real[i] = n > 0 ? sum[k] / (double)n : prior ? prior[k] : 0;
}

static Status encoded_finish(Encoded *encoded, Frame *frame, const char *name, bool keep) {
  Status status = OK;
  if (!keep) table_remove(&frame->features, name);
  for (int64_t k = 0; k < encoded->n; k++) TRY(frame_put(frame, &encoded->columns[k]));
done:
  return status;
}

/* ---- training rows: out of fold ---- */

static Status encode_training(const TargetSums *sums, const WordRows *words, const int32_t *fold,
                              double smoothing, Encoded *encoded) {
  double *priors = NULL;
  Status status = NEW(&priors, sums->folds * sums->outputs);
  if (status != OK) return status;
  for (int64_t f = 0; f < sums->folds; f++) target_prior(sums, f, priors + f * sums->outputs);
  for (int64_t i = 0; i < words->n; i++) {
    const double *prior = priors + fold[i] * sums->outputs;
    double sum[TARGET_CLASSES] = {0};
    for (int64_t at = words->offset[i]; at < words->offset[i + 1]; at++)
      target_add_word(sums, words->code[at], fold[i], smoothing, prior, sum);
    encoded_put(encoded, i, sum, words->offset[i + 1] - words->offset[i], NULL);
  }
  memory_free(&priors);
  return OK;
}

/* What other rows will be given. */
static Status keep_encodings(const TargetSums *sums, const Dictionary *words, double smoothing,
                             WordTable *table) {
  Status status = OK;
  double prior[TARGET_CLASSES];
  int64_t *count = NULL;
  int32_t *place = NULL;
  target_prior(sums, ALL_FOLDS, prior);
  TRY(NEW(&count, words->n));
  TRY(NEW(&place, words->n));
  for (int64_t w = 0; w < words->n; w++)
    for (int64_t f = 0; f < sums->folds; f++)
      count[w] += sums->cells[(w * sums->folds + f) * sums->width];
  TRY(word_table_init(table, words, count, sums->outputs, place));
  for (int64_t w = 0; w < words->n; w++)
    if (place[w] != MISSING_CODE)
      target_add_word(sums, w, ALL_FOLDS, smoothing, prior,
                      table->values + place[w] * sums->outputs);
done:
  memory_free(&count);
  memory_free(&place);
  return status;
}

static Status fit_column_all(const StepFit *fit, const TargetEncodeOptions *o, int64_t j,
                             const int32_t *fold, Frame *frame, TargetEncode *e) {
  Status status = OK;
  const char *name = o->columns.items[j];
  Column *column = NULL;
  WordRows words = {0};
  TargetSums sums = {0};
  Encoded encoded = {0};
  Status local = frame_typed(frame, name, TAKES_WORDS, "target_encode", &column);
  if (local == OK) local = word_rows_init(&words, column);
  AGREE(fit->comm, local);
  TRY(target_sums_init_all(&sums, fit->comm, &words, fit->target, fit->n_classes, fold, o->folds));
  local = keep_encodings(&sums, words.dictionary, o->smoothing, &e->tables[j]);
  if (local == OK) local = encoded_init(&encoded, frame, name, e->outputs);
  if (local == OK) local = encode_training(&sums, &words, fold, o->smoothing, &encoded);
  if (local == OK) local = encoded_finish(&encoded, frame, name, o->keep);
  AGREE(fit->comm, local);
done:
  word_rows_clear(&words);
  target_sums_clear(&sums);
  encoded_clear(&encoded);
  return status;
}

static Status state_new(int64_t n, int64_t outputs, void **state) {
  Status status = OK;
  TargetEncode *e = NULL;
  TRY(NEW(&e, 1));
  *state = e;
  e->outputs = outputs;
  TRY(NEW(&e->tables, n));
  e->n = n;
  TRY(NEW(&e->prior, outputs));
done:
  return status;
}

static Status fit_all(const StepFit *fit, const void *options, Frame *frame, void **state) {
  Status status = OK;
  const TargetEncodeOptions *o = options;
  int64_t n = frame->features.rows.n;
  int32_t *fold = NULL;
  if (fit->n_classes > TARGET_CLASSES)
    return status_fail(INVALID,
                       "columns: the target has %lld classes; target_encode makes a "
                       "feature for each and takes up to %d: use frequency_encode or one_hot",
                       (long long)fit->n_classes, TARGET_CLASSES);
  Status local = state_new(o->columns.n, fit->n_classes > 2 ? fit->n_classes : 1, state);
  if (local == OK) local = NEW(&fold, n);
  AGREE(fit->comm, local);
  TRY(encoding_folds_all(fit, frame->features.row_id, n, o->folds, fold));
  for (int64_t j = 0; j < o->columns.n; j++) TRY(fit_column_all(fit, o, j, fold, frame, *state));
done:
  memory_free(&fold);
  return status;
}

/* ---- other rows ---- */

static void encode_others(const TargetEncode *e, const WordTable *table, const WordRows *words,
                          const int32_t *map, Encoded *encoded) {
  for (int64_t i = 0; i < words->n; i++) {
    double sum[TARGET_CLASSES] = {0};
    for (int64_t at = words->offset[i]; at < words->offset[i + 1]; at++) {
      int32_t word = map[words->code[at]];
      const double *values = word == MISSING_CODE ? e->prior : table->values + word * e->outputs;
      for (int64_t k = 0; k < e->outputs; k++) sum[k] += values[k];
    }
    encoded_put(encoded, i, sum, words->offset[i + 1] - words->offset[i], e->prior);
  }
}

static Status apply_column(const TargetEncodeOptions *o, const TargetEncode *e, int64_t j,
                           Frame *frame) {
  Status status = OK;
  const char *name = o->columns.items[j];
  Column *column = NULL;
  WordRows words = {0};
  int32_t *map = NULL;
  Encoded encoded = {0};
  TRY(frame_typed(frame, name, TAKES_WORDS, "target_encode", &column));
  TRY(word_rows_init(&words, column));
  TRY(dictionary_map(words.dictionary, &e->tables[j].words, &map));
  TRY(encoded_init(&encoded, frame, name, e->outputs));
  encode_others(e, &e->tables[j], &words, map, &encoded);
  TRY(encoded_finish(&encoded, frame, name, o->keep));
done:
  memory_free(&map);
  word_rows_clear(&words);
  encoded_clear(&encoded);
  return status;
}

static Status apply(const void *options, const void *state, Frame *frame) {
  const TargetEncodeOptions *o = options;
  Status status = OK;
  for (int64_t j = 0; j < o->columns.n && status == OK; j++)
    status = apply_column(o, state, j, frame);
  return status;
}

static Status check_state(const TargetEncode *e) {
  bool whole = e->outputs >= 1 && e->outputs <= TARGET_CLASSES;
  for (int64_t j = 0; j < e->n; j++) whole = whole && e->tables[j].k == e->outputs;
  return whole ? OK : status_fail(FORMAT, "the fields hold no target_encode");
}

static Status fields(void **state, Fields *fields) {
  Status status = OK;
  TargetEncode *e = *state;
  int64_t n = e ? e->n : 0, outputs = e ? e->outputs : 0;
  TRY(fields_integer(fields, "columns", &n));
  TRY(fields_integer(fields, "outputs", &outputs));
  if (fields->mode == FIELDS_IN) {
    TRY(state_new(n, outputs, state));
    e = *state;
    memory_free(&e->prior);
  }
  TRY(fields_array(fields, "prior", FIELD_REAL, &e->prior, 1, &outputs));
  for (int64_t j = 0; j < n; j++) {
    char part[32];
    snprintf(part, sizeof part, "column_%lld", (long long)j);
    TRY(word_table_fields(&e->tables[j], part, fields));
  }
  if (fields->mode == FIELDS_IN) TRY(check_state(e));
done:
  return status;
}

extern const StepKind target_encode_step;
const StepKind target_encode_step = {
    .kind =
        {.name = "target_encode",
         .help =
             "Replaces words by how far their rows' mean target is from all rows', out of fold.",
         .version = 3,
         .options_size = sizeof(TargetEncodeOptions),
         .options = rows},
    .needs_target = true,
    .plan = plan,
    .fit_all = fit_all,
    .apply = apply,
    .fields = fields,
    .free = target_encode_free};
