/* log: the natural logarithm, for counts and durations with a long tail. */
#include <math.h>

#include "columns.h"

typedef struct LogOptions {
  TextList columns;
  double offset;
} LogOptions;

static const Option rows[] = {
    OPTION_TEXTS(LogOptions, columns, NULL, "number columns that are replaced by log(x + offset)"),
    OPTION_REAL(LogOptions, offset, "1", -HUGE_VAL, HUGE_VAL,
                "added before the logarithm; values with x + offset <= 0 become missing"),
    {0}};

static Status plan(const void *options, FrameSchema *schema) {
  Status status = OK;
  const LogOptions *o = options;
  TRY(plan_listed(schema, &o->columns, TAKES_NUMBERS, "log"));
  for (int64_t j = 0; j < o->columns.n; j++)
    TRY(schema_add(&schema->features, o->columns.items[j], COLUMN_REAL));
done:
  return status;
}

static Status apply(const void *options, const void *state, Frame *frame) {
  Status status = OK;
  const LogOptions *o = options;
  Column *out = NULL;
  (void)state;
  for (int64_t j = 0; j < o->columns.n; j++) {
    Column *column = NULL;
    TRY(frame_typed(frame, o->columns.items[j], TAKES_NUMBERS, "log", &column));
    TRY(frame_reals(frame, column, &out));
    for (int64_t i = 0; i < out->n; i++) {
      double x = out->real[i] + o->offset;
      out->real[i] = x > 0 ? log(x) : NAN;
    }
    TRY(frame_put(frame, &out));
  }
done:
  column_release(&out);
  return status;
}

extern const StepKind log_step;
const StepKind log_step = {.kind = {.name = "log",
                                    .help = "Replaces numbers by their natural logarithm.",
                                    .version = 1,
                                    .options_size = sizeof(LogOptions),
                                    .options = rows},
                           .plan = plan,
                           .apply = apply};
