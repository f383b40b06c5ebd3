/* ratio: one number column divided by another, as energy by danceability. */
#include <math.h>

#include "columns.h"

typedef struct RatioOptions {
  char *name, *numerator, *denominator;
  double floor;
} RatioOptions;

static const Option rows[] = {
    OPTION_TEXT(RatioOptions, name, NULL, "name of the new feature"),
    OPTION_TEXT(RatioOptions, numerator, NULL, "number column that is divided"),
    OPTION_TEXT(RatioOptions, denominator, NULL,
                "number column to divide by; 0 counts as missing, and where either is missing the "
                "ratio is"),
    OPTION_REAL(RatioOptions, floor, "0.05", 0, HUGE_VAL,
                "least divisor: the numerator is divided by max(denominator, floor)"),
    {0}};

static Status plan(const void *options, FrameSchema *schema) {
  Status status = OK;
  const RatioOptions *o = options;
  TRY(plan_typed(schema, "numerator", o->numerator, TAKES_NUMBERS, "ratio", NULL));
  TRY(plan_typed(schema, "denominator", o->denominator, TAKES_NUMBERS, "ratio", NULL));
  TRY(plan_made(schema, "name", o->name));
done:
  return status;
}

static double divide(double above, double below, double floor) {
  if (below == 0 || isnan(below) || (below < 0 && floor == 0)) return NAN;
  return above / (below > floor ? below : floor);
}

static Status apply(const void *options, const void *state, Frame *frame) {
  Status status = OK;
  const RatioOptions *o = options;
  Column *above = NULL, *below = NULL, *out = NULL;
  (void)state;
  TRY(frame_typed(frame, o->numerator, TAKES_NUMBERS, "ratio", &above));
  TRY(frame_typed(frame, o->denominator, TAKES_NUMBERS, "ratio", &below));
  TRY(frame_new(frame, o->name, "", COLUMN_REAL, &out));
  for (int64_t i = 0; i < out->n; i++)
    out->real[i] = divide(column_real(above, i), column_real(below, i), o->floor);
  TRY(frame_put(frame, &out));
done:
  column_release(&out);
  return status;
}

extern const StepKind ratio_step;
const StepKind ratio_step = {.kind = {.name = "ratio",
                                      .help = "Adds the ratio of two number columns as a feature.",
                                      .version = 1,
                                      .options_size = sizeof(RatioOptions),
                                      .options = rows},
                             .plan = plan,
                             .apply = apply};
