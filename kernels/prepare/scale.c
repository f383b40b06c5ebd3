/* scale: numbers on one scale, (x - centre) / spread, learned on the training rows.
 *
 * A column is constant when its least and greatest value are one: the rounding of a mean would give
 * a constant like 0.1 a tiny variance, and the quotient of two roundings is noise. */
#include <math.h>
#include <stdio.h>

#include "columns.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/exact.h"
#include "kernels/numeric/quantile.h"

static const char *const methods[] = {"standard", "min_max", "robust", NULL};
enum { STANDARD, MIN_MAX, ROBUST };

typedef struct ScaleOptions {
  TextList columns;
  int method;
} ScaleOptions;

typedef struct Scale {
  int64_t n;
  char **names;   /* n columns */
  double *centre; /* n */
  double *spread; /* n; 0: constant */
} Scale;

static const Option rows[] = {
    OPTION_TEXTS(ScaleOptions, columns, "[]",
                 "number columns to scale; none: all features that are numbers by then"),
    OPTION_WORD(ScaleOptions, method, "\"standard\"", methods,
                "standard: mean 0 and standard deviation 1; min_max: training rows lie in 0 .. 1 "
                "(others may lie outside); robust: median 0 and interquartile range 1 (unscaled "
                "where that range is 0). A column "
                "that is constant in the training rows becomes 0; missing values stay missing"),
    {0}};

static Status plan(const void *options, FrameSchema *schema) {
  Status status = OK;
  const ScaleOptions *o = options;
  if (o->columns.n > 0) TRY(plan_listed(schema, &o->columns, TAKES_NUMBERS, "scale"));
  for (int64_t j = 0; j < o->columns.n; j++)
    TRY(schema_add(&schema->features, o->columns.items[j], COLUMN_REAL));
  for (int64_t j = 0; o->columns.n == 0 && j < schema->features.n; j++)
    if (TAKES_NUMBERS & 1 << schema->features.columns[j].type)
      schema->features.columns[j].type = COLUMN_REAL;
done:
  return status;
}

/* ---- state ---- */

static void scale_free(void **state) {
  Scale *s = *state;
  if (!s) return;
  for (int64_t j = 0; s->names && j < s->n; j++) memory_free(&s->names[j]);
  memory_free(&s->names);
  memory_free(&s->centre);
  memory_free(&s->spread);
  memory_free(state);
}

static Status fields(void **state, Fields *fields) {
  Status status = OK;
  Scale *s = *state;
  if (fields->mode == FIELDS_IN) {
    TRY(NEW(&s, 1));
    *state = s;
  }
  TRY(fields_texts(fields, "columns", &s->n, &s->names));
  TRY(fields_array(fields, "centre", FIELD_REAL, &s->centre, 1, &s->n));
  TRY(fields_array(fields, "spread", FIELD_REAL, &s->spread, 1, &s->n));
  for (int64_t j = 0; j < s->n && status == OK; j++)
    if (!s->names[j]) status = status_fail(FORMAT, "the fields hold no scale");
done:
  return status;
}

/* The names of the option, or of all features that are numbers. */
static Status state_new(const ScaleOptions *o, const Frame *frame, void **state) {
  Status status = OK;
  Scale *s = NULL;
  const Table *features = &frame->features;
  int64_t most = o->columns.n > 0 ? o->columns.n : features->n_columns;
  TRY(NEW(&s, 1));
  *state = s;
  TRY(NEW(&s->names, most));
  TRY(NEW(&s->centre, most));
  TRY(NEW(&s->spread, most));
  for (int64_t j = 0; j < most; j++) {
    if (o->columns.n == 0 && !(TAKES_NUMBERS & 1 << features->columns[j]->type)) continue;
    TRY(memory_text(&s->names[s->n],
                    o->columns.n > 0 ? o->columns.items[j] : features->columns[j]->name));
    s->n++;
  }
done:
  return status;
}

/* ---- fitting ---- */

/* Least and greatest over ranks, NaN left out; -inf for both of no value. */
static void limits_all(const Comm *comm, const Column *reals, double *low, double *high) {
  double most[2] = {-INFINITY, -INFINITY}; /* of -x and of x */
  for (int64_t i = 0; i < reals->n; i++) {
    if (isnan(reals->real[i])) continue;
    most[0] = fmax(most[0], -reals->real[i]);
    most[1] = fmax(most[1], reals->real[i]);
  }
  comm_max_real_all(comm, most, 2);
  *low = -most[0];
  *high = most[1];
}

static Status learn_all(const StepFit *fit, int method, const Column *reals, double *centre,
                        double *spread) {
  Status status = OK;
  double low = 0, high = 0;
  *centre = *spread = 0;
  limits_all(fit->comm, reals, &low, &high);
  if (!(low < high)) return OK; /* constant, or without a value */
  if (isinf(low) || isinf(high))
    return status_fail(NUMERIC, "column \"%s\": a value is infinite and has no scale", reals->name);
  if (method == STANDARD) {
    int64_t count = 0;
    double variance = 0;
    exact_moments_all(fit->comm, reals->real, NULL, reals->n, &count, centre, &variance);
    *spread = sqrt(variance);
  } else if (method == MIN_MAX) {
    *centre = low;
    *spread = high - low;
  } else {
    const double q[3] = {0.25, 0.5, 0.75};
    double at[3];
    TRY(quantile_all(fit->comm, reals->real, NULL, reals->n, q, 3, at));
    *centre = at[1];
    *spread = at[2] > at[0] ? at[2] - at[0] : 1; /* half of the rows share one value */
  }
done:
  return status;
}

static Status apply(const void *options, const void *state, Frame *frame) {
  Status status = OK;
  const Scale *s = state;
  Column *out = NULL;
  (void)options;
  for (int64_t j = 0; j < s->n; j++) {
    Column *column = NULL;
    TRY(frame_typed(frame, s->names[j], TAKES_NUMBERS, "scale", &column));
    TRY(frame_reals(frame, column, &out));
    for (int64_t i = 0; i < out->n; i++) {
      double x = out->real[i];
      out->real[i] = s->spread[j] > 0 ? (x - s->centre[j]) / s->spread[j] : isnan(x) ? x : 0;
    }
    TRY(frame_put(frame, &out));
  }
done:
  column_release(&out);
  return status;
}

static Status fit_all(const StepFit *fit, const void *options, Frame *frame, void **state) {
  Status status = OK;
  const ScaleOptions *o = options;
  Column *reals = NULL;
  AGREE(fit->comm, state_new(o, frame, state));
  Scale *s = *state;
  for (int64_t j = 0; j < s->n; j++) {
    Column *column = NULL;
    Status local = frame_typed(frame, s->names[j], TAKES_NUMBERS, "scale", &column);
    if (local == OK) local = frame_reals(frame, column, &reals);
    AGREE(fit->comm, local);
    TRY(learn_all(fit, o->method, reals, &s->centre[j], &s->spread[j]));
    column_release(&reals);
  }
  AGREE(fit->comm, apply(o, s, frame));
done:
  column_release(&reals);
  return status;
}

extern const StepKind scale_step;
const StepKind scale_step = {.kind = {.name = "scale",
                                      .help = "Puts number features on one scale.",
                                      .version = 1,
                                      .options_size = sizeof(ScaleOptions),
                                      .options = rows},
                             .plan = plan,
                             .fit_all = fit_all,
                             .apply = apply,
                             .fields = fields,
                             .free = scale_free};
