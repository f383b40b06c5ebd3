/* drop: takes features away, such as those that only served to make others. */
#include "columns.h"

typedef struct DropOptions {
  TextList columns;
} DropOptions;

static const Option rows[] = {OPTION_TEXTS(DropOptions, columns, NULL,
                                           "features to take away; the raw columns stay readable "
                                           "for later steps"),
                              {0}};

static Status plan(const void *options, FrameSchema *schema) {
  const DropOptions *o = options;
  if (o->columns.n == 0) return status_fail(INVALID, "columns: name at least one feature");
  Status status = OK;
  for (int64_t j = 0; j < o->columns.n && status == OK; j++) {
    const char *name = o->columns.items[j];
    if (!schema_find(&schema->features, name) && schema_find(schema->raw, name))
      return status_fail(INVALID,
                         "columns: column \"%s\" is no feature (any more): there is "
                         "nothing to drop",
                         name);
    status = schema_remove(&schema->features, name);
  }
  return status_prefix(status, "columns: ");
}

static Status apply(const void *options, const void *state, Frame *frame) {
  const DropOptions *o = options;
  (void)state;
  for (int64_t j = 0; j < o->columns.n; j++) table_remove(&frame->features, o->columns.items[j]);
  return OK;
}

extern const StepKind drop_step;
const StepKind drop_step = {.kind = {.name = "drop",
                                     .help = "Takes features away.",
                                     .version = 1,
                                     .options_size = sizeof(DropOptions),
                                     .options = rows},
                            .plan = plan,
                            .apply = apply};
