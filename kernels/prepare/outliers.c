/* outliers: values that lie far from the rest, found by fences that are learned on training rows;
 * counted, drawn in to the fence, or their training rows removed.
 *
 * Rows to predict are never removed: a model that was trained without outliers still has to answer
 * for one. Missing values are no outliers. A column whose quartiles are equal (more than half of
 * its rows share a value) has no interquartile range to measure by and gets no fences; the table
 * says so. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "columns.h"
#include "kernels/base/memory.h"
#include "kernels/base/summary.h"
#include "kernels/numeric/exact.h"
#include "kernels/numeric/quantile.h"

static const char *const methods[] = {"iqr", "quantiles", "z_score", NULL};
enum { IQR, QUANTILES, Z_SCORE };
static const char *const actions[] = {"keep", "cap", "remove", NULL};
enum { KEEP, CAP, REMOVE };

typedef struct OutliersOptions {
  TextList columns;
  int method, action;
  double factor, low, high, z;
} OutliersOptions;

typedef struct Outliers {
  int64_t n;
  char **names; /* n columns */
  double *low;  /* n fences: a value below, or above `high`, is an outlier */
  double *high; /* infinite: none */
} Outliers;

static const Option rows[] = {
    OPTION_TEXTS(OutliersOptions, columns, "[]",
                 "number columns to look at; none: all features that are real or whole numbers by "
                 "then"),
    OPTION_WORD(OutliersOptions, method, "\"iqr\"", methods,
                "iqr: fences lie `factor` interquartile ranges beyond the quartiles; quantiles: at "
                "the quantiles `low` and `high`; z_score: `z` standard deviations from the mean"),
    OPTION_WORD(OutliersOptions, action, "\"cap\"", actions,
                "keep: only count; cap: values beyond a fence become the fence, in rows to predict "
                "too; remove: training rows with an outlier in any of the columns are left out of "
                "what follows, in training alone"),
    OPTION_REAL(OutliersOptions, factor, "1.5", 0, 1e6, "for iqr"),
    OPTION_REAL(OutliersOptions, low, "0.01", 0, 1, "for quantiles"),
    OPTION_REAL(OutliersOptions, high, "0.99", 0, 1, "for quantiles"),
    OPTION_REAL(OutliersOptions, z, "3", 0, 1e6, "for z_score"),
    {0}};

static Status check(const void *options) {
  const OutliersOptions *o = options;
  if (o->low < o->high) return OK;
  return status_fail(INVALID, "low: %g is not below high, which is %g", o->low, o->high);
}

static bool is_measured(ColumnType type) { return type == COLUMN_REAL || type == COLUMN_INTEGER; }

static Status plan(const void *options, FrameSchema *schema) {
  Status status = OK;
  const OutliersOptions *o = options;
  if (o->columns.n > 0) TRY(plan_listed(schema, &o->columns, TAKES_NUMBERS, "outliers"));
  if (o->action != CAP) return OK;
  for (int64_t j = 0; j < o->columns.n; j++)
    TRY(schema_add(&schema->features, o->columns.items[j], COLUMN_REAL));
  for (int64_t j = 0; o->columns.n == 0 && j < schema->features.n; j++)
    if (is_measured(schema->features.columns[j].type))
      schema->features.columns[j].type = COLUMN_REAL;
done:
  return status;
}

/* ---- state ---- */

static void outliers_free(void **state) {
  Outliers *s = *state;
  if (!s) return;
  for (int64_t j = 0; s->names && j < s->n; j++) memory_free(&s->names[j]);
  memory_free(&s->names);
  memory_free(&s->low);
  memory_free(&s->high);
  memory_free(state);
}

static Status fields(void **state, Fields *fields) {
  Status status = OK;
  Outliers *s = *state;
  if (fields->mode == FIELDS_IN) {
    TRY(NEW(&s, 1));
    *state = s;
  }
  TRY(fields_texts(fields, "columns", &s->n, &s->names));
  TRY(fields_array(fields, "low", FIELD_REAL, &s->low, 1, &s->n));
  TRY(fields_array(fields, "high", FIELD_REAL, &s->high, 1, &s->n));
  for (int64_t j = 0; j < s->n && status == OK; j++)
    if (!s->names[j]) status = status_fail(FORMAT, "the fields hold no fences");
done:
  return status;
}

/* The columns of the option, or all features that are real or whole numbers. */
static Status state_new(const OutliersOptions *o, const Frame *frame, void **state) {
  Status status = OK;
  Outliers *s = NULL;
  const Table *features = &frame->features;
  int64_t most = o->columns.n > 0 ? o->columns.n : features->n_columns;
  TRY(NEW(&s, 1));
  *state = s;
  TRY(NEW(&s->names, most));
  TRY(NEW(&s->low, most));
  TRY(NEW(&s->high, most));
  for (int64_t j = 0; j < most; j++) {
    if (o->columns.n == 0 && !is_measured(features->columns[j]->type)) continue;
    TRY(memory_text(&s->names[s->n],
                    o->columns.n > 0 ? o->columns.items[j] : features->columns[j]->name));
    s->n++;
  }
done:
  return status;
}

/* ---- fitting ---- */

static Status learn_all(const StepFit *fit, const OutliersOptions *o, const Column *reals,
                        double *low, double *high) {
  Status status = OK;
  int64_t count = 0;
  double mean = 0, variance = 0, at[2];
  const double quartiles[2] = {0.25, 0.75}, quantiles[2] = {o->low, o->high};
  *low = -INFINITY;
  *high = INFINITY;
  if (o->method == Z_SCORE) {
    exact_moments_all(fit->comm, reals->real, NULL, reals->n, &count, &mean, &variance);
    if (!isfinite(variance) || variance <= 0) return OK;
    *low = mean - o->z * sqrt(variance);
    *high = mean + o->z * sqrt(variance);
    return OK;
  }
  TRY(quantile_all(fit->comm, reals->real, NULL, reals->n, o->method == IQR ? quartiles : quantiles,
                   2, at));
  double range = o->method == IQR ? o->factor * (at[1] - at[0]) : 0;
  if (o->method == IQR && !(at[1] > at[0])) return OK;
  if (!isfinite(at[0] - range) || !isfinite(at[1] + range)) return OK;
  *low = at[0] - range;
  *high = at[1] + range;
done:
  return status;
}

/* Values beyond the fences over all ranks: counts[0] below, [1] above. Their rows are marked in
 * out, of n bytes. */
static void count_all(const StepFit *fit, const Column *reals, double low, double high,
                      uint8_t *out, int64_t counts[2]) {
  counts[0] = counts[1] = 0;
  for (int64_t i = 0; i < reals->n; i++) {
    bool below = reals->real[i]<low, above = reals->real[i]> high;
    counts[0] += below;
    counts[1] += above;
    out[i] |= below || above;
  }
  comm_sum_all(fit->comm, counts, 2);
}

static Status begin_table(const StepFit *fit, int64_t *handle) {
  char name[64], title[96];
  const char *columns[] = {"column", "lower fence", "upper fence", "below", "above"};
  *handle = -1;
  if (!fit->summary) return OK;
  snprintf(name, sizeof name, "outliers_%lld", (long long)fit->position);
  snprintf(title, sizeof title, "Outliers among the training rows (step %lld of the recipe)",
           (long long)fit->position + 1);
  return summary_table(fit->summary, name, title, 5, columns, handle);
}

static Status tell_column(const StepFit *fit, int64_t handle, const Outliers *s, int64_t j,
                          const int64_t counts[2]) {
  Cell cells[] = {cell_text(s->names[j]), cell_real(isfinite(s->low[j]) ? s->low[j] : NAN),
                  cell_real(isfinite(s->high[j]) ? s->high[j] : NAN), cell_integer(counts[0]),
                  cell_integer(counts[1])};
  if (!fit->summary) return OK;
  return summary_row(fit->summary, handle, cells);
}

static Status tell_rows(const StepFit *fit, int action, int64_t rows_out, int64_t n) {
  static const char *const done[] = {"they stay as they are", "their values were capped",
                                     "they were left out of training"};
  if (!fit->summary) return OK;
  return summary_note(fit->summary, NOTE_INFO,
                      "outliers: %lld of %lld training rows (%.3g%%) hold one; %s.",
                      (long long)rows_out, (long long)n,
                      n > 0 ? 100 * (double)rows_out / (double)n : 0, done[action]);
}

/* Say which classes lose all their rows. count: by class, rows before and rows left. */
static Status tell_classes(const StepFit *fit, const int64_t *count) {
  Status status = OK;
  for (int64_t c = 0; fit->summary && c < fit->n_classes; c++) {
    int64_t length = 0;
    if (count[2 * c] == 0 || count[2 * c + 1] > 0) continue;
    const char *word = fit->classes ? dictionary_word(fit->classes, (int32_t)c, &length) : "";
    TRY(summary_note(
        fit->summary, NOTE_WARNING,
        "outliers: all %lld training rows of class %lld%s%.*s%s were removed; the model "
        "cannot learn it.",
        (long long)count[2 * c], (long long)c, fit->classes ? ", \"" : "", (int)length, word,
        fit->classes ? "\"," : ""));
  }
done:
  return status;
}

static Status remove_all(const StepFit *fit, const uint8_t *out, int64_t n) {
  Status status = OK;
  int64_t *count = NULL;
  if (!fit->left)
    TRY(status_fail(INVALID,
                    "action: every row has to stay here, so none can be removed; cap, or "
                    "keep"));
  AGREE(fit->comm, NEW(&count, 2 * fit->n_classes));
  for (int64_t i = 0; i < n; i++) {
    fit->keep[i] = !out[i];
    if (fit->n_classes == 0) continue;
    int64_t class = (int64_t)fit->target[i];
    count[2 * class]++;
    count[2 * class + 1] += !out[i];
  }
  comm_sum_all(fit->comm, count, 2 * fit->n_classes);
  AGREE(fit->comm, tell_classes(fit, count));
done:
  memory_free(&count);
  return status;
}

/* Draw values in to the fences; what is not capped is left as it is, of whatever type. */
static Status apply(const void *options, const void *state, Frame *frame) {
  Status status = OK;
  const OutliersOptions *o = options;
  const Outliers *s = state;
  Column *out = NULL;
  for (int64_t j = 0; o->action == CAP && j < s->n; j++) {
    Column *column = NULL;
    TRY(frame_typed(frame, s->names[j], TAKES_NUMBERS, "outliers", &column));
    TRY(frame_reals(frame, column, &out));
    for (int64_t i = 0; i < out->n; i++) {
      if (out->real[i] < s->low[j]) out->real[i] = s->low[j];
      if (out->real[i] > s->high[j]) out->real[i] = s->high[j];
    }
    TRY(frame_put(frame, &out));
  }
done:
  column_release(&out);
  return status;
}

static Status fit_all(const StepFit *fit, const void *options, Frame *frame, void **state) {
  Status status = OK;
  const OutliersOptions *o = options;
  Column *reals = NULL;
  uint8_t *out = NULL;
  int64_t handle = -1, n = frame->raw->rows.n, rows_out = 0;
  Status local = state_new(o, frame, state);
  if (local == OK) local = NEW(&out, n);
  if (local == OK) local = begin_table(fit, &handle);
  AGREE(fit->comm, local);
  Outliers *s = *state;
  for (int64_t j = 0; j < s->n; j++) {
    Column *column = NULL;
    int64_t counts[2];
    local = frame_typed(frame, s->names[j], TAKES_NUMBERS, "outliers", &column);
    if (local == OK) local = frame_reals(frame, column, &reals);
    AGREE(fit->comm, local);
    TRY(learn_all(fit, o, reals, &s->low[j], &s->high[j]));
    count_all(fit, reals, s->low[j], s->high[j], out, counts);
    AGREE(fit->comm, tell_column(fit, handle, s, j, counts));
    column_release(&reals);
  }
  for (int64_t i = 0; i < n; i++) rows_out += out[i];
  rows_out = comm_sum_one_all(fit->comm, rows_out);
  AGREE(fit->comm, tell_rows(fit, o->action, rows_out, frame->raw->rows.n_global));
  if (o->action == REMOVE)
    TRY(remove_all(fit, out, n));
  else
    AGREE(fit->comm, apply(o, s, frame));
done:
  column_release(&reals);
  memory_free(&out);
  return status;
}

extern const StepKind outliers_step;
const StepKind outliers_step = {
    .kind = {.name = "outliers",
             .help = "Counts, caps or removes values far from the rest.",
             .version = 1,
             .options_size = sizeof(OutliersOptions),
             .options = rows,
             .check = check},
    .removes = true,
    .plan = plan,
    .fit_all = fit_all,
    .apply = apply,
    .fields = fields,
    .free = outliers_free};
