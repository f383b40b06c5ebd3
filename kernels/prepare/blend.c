/* blend: a weighted sum of number columns, as the acoustic-electronic spectrum of a track.
 *
 * Terms are added in the order of the config, so the rounding is the config's own. */
#include <math.h>

#include "columns.h"

typedef struct BlendWeight {
  double weight;
} BlendWeight;

typedef struct BlendOptions {
  char *name;
  Map weights; /* BlendWeight */
  double constant;
} BlendOptions;

static const Option weight_rows[] = {
    OPTION_REAL(BlendWeight, weight, NULL, -HUGE_VAL, HUGE_VAL, "factor of the column"), {0}};

static const Option rows[] = {
    OPTION_TEXT(BlendOptions, name, NULL, "name of the new feature"),
    OPTION_MAP(BlendOptions, weights, NULL, weight_rows, BlendWeight,
               "number column -> its factor, as {\"energy\": 0.4}; a row that misses one of them "
               "misses the blend"),
    OPTION_REAL(BlendOptions, constant, "0", -HUGE_VAL, HUGE_VAL, "added to the sum"),
    {0}};

static Status plan(const void *options, FrameSchema *schema) {
  Status status = OK;
  const BlendOptions *o = options;
  if (o->weights.n == 0) return status_fail(INVALID, "weights: name at least one column");
  for (int64_t j = 0; j < o->weights.n; j++)
    TRY(plan_typed(schema, "weights", o->weights.names[j], TAKES_NUMBERS, "blend", NULL));
  TRY(plan_made(schema, "name", o->name));
done:
  return status;
}

static Status apply(const void *options, const void *state, Frame *frame) {
  Status status = OK;
  const BlendOptions *o = options;
  const BlendWeight *weights = o->weights.items;
  Column *out = NULL;
  (void)state;
  TRY(frame_new(frame, o->name, "", COLUMN_REAL, &out));
  for (int64_t i = 0; i < out->n; i++) out->real[i] = o->constant;
  for (int64_t j = 0; j < o->weights.n; j++) {
    Column *column = NULL;
    TRY(frame_typed(frame, o->weights.names[j], TAKES_NUMBERS, "blend", &column));
    for (int64_t i = 0; i < out->n; i++) out->real[i] += weights[j].weight * column_real(column, i);
  }
  TRY(frame_put(frame, &out));
done:
  column_release(&out);
  return status;
}

extern const StepKind blend_step;
const StepKind blend_step = {.kind = {.name = "blend",
                                      .help = "Adds a weighted sum of number columns as a feature.",
                                      .version = 1,
                                      .options_size = sizeof(BlendOptions),
                                      .options = rows},
                             .plan = plan,
                             .apply = apply};
