/* Bundles in a bundle; see nest.h. */
#include "nest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"

static const VariantList no_steps;

int64_t nest_levels(const StackOptions *stack) {
  int64_t levels = 0;
  for (int64_t m = 0; m < stack->members.n; m++)
    if (nest_member(stack, m)->level > levels) levels = nest_member(stack, m)->level;
  return levels;
}

static int64_t level_of(const Bundle *bundle, int64_t m) {
  return nest_member(bundle->spec.stack, m)->level;
}

/* Columns that a member's predictions take. */
static int64_t n_columns(const Bundle *bundle) {
  return bundle->task == TASK_REGRESSION ? 1 : bundle->classes.n - 1;
}

static Status column_name(const Bundle *bundle, int64_t m, int64_t column, char **out) {
  Status status = OK;
  const char *name = bundle->spec.stack->members.names[m], *word = "";
  int64_t before = (int64_t)strlen(name), after = 0;
  if (bundle->task == TASK_REGRESSION) return memory_text(out, name);
  word = dictionary_word(&bundle->classes, (int32_t)column + 1, &after);
  TRY(NEW(out, before + after + 2));
  memcpy(*out, name, (size_t)before);
  (*out)[before] = ':';
  memcpy(*out + before + 1, word, (size_t)after);
done:
  return status;
}

/* ---- specs of the parts ---- */

static Status add_predictions(const Bundle *bundle, int64_t level, TextList *inputs) {
  Status status = OK;
  for (int64_t m = 0; m < bundle->n_members; m++) {
    if (level_of(bundle, m) != level) continue;
    for (int64_t c = 0; c < n_columns(bundle); c++)
      TRY(column_name(bundle, m, c, &inputs->items[inputs->n++]));
  }
done:
  return status;
}

static Status add_names(const TextList *names, TextList *inputs) {
  Status status = OK;
  for (int64_t j = 0; j < names->n; j++)
    TRY(memory_text(&inputs->items[inputs->n++], names->items[j]));
done:
  return status;
}

/* The spec of a part above the level `below`, 0: of a member that learns from raw columns.
 * own  its options; NULL: meta */
static Status begin_part(const Bundle *bundle, const MemberOptions *own, int64_t below,
                         Bundle *out) {
  Status status = OK;
  const Spec *whole = &bundle->spec;
  const StackOptions *stack = whole->stack;
  bool raw = below == 0 || stack->passthrough;
  TextList inputs = {0};
  const TextList *features = own && own->features.items ? &own->features
                             : raw                      ? &whole->features
                                                        : NULL;
  const VariantList *steps = own && own->recipe.items ? &own->recipe
                             : raw                    ? whole->steps
                                                      : &no_steps;
  int64_t most = (features ? features->n : 0) + bundle->n_members * n_columns(bundle);
  status = NEW(&inputs.items, most);
  if (status == OK && features) status = add_names(features, &inputs);
  if (status == OK) status = add_predictions(bundle, below, &inputs);
  Spec spec = *whole;
  spec.stack = NULL;
  spec.features = inputs;
  spec.steps = steps;
  spec.model = own ? &own->model : &stack->meta;
  if (!own) spec.resample = NULL; /* meta learns how often classes come from rows as they are */
  bundle_init(out, &spec);
  out->inputs = inputs;
  out->task = bundle->task;
  return status;
}

Status nest_begin(Bundle *bundle) {
  Status status = OK;
  const StackOptions *stack = bundle->spec.stack;
  int64_t n = stack->members.n;
  TRY(NEW(&bundle->members, n));
  bundle->n_members = n;
  for (int64_t m = 0; m < n; m++)
    TRY(begin_part(bundle, nest_member(stack, m), level_of(bundle, m) - 1, &bundle->members[m]));
  TRY(NEW(&bundle->meta, 1));
  TRY(begin_part(bundle, NULL, nest_levels(stack), bundle->meta));
done:
  return status;
}

void nest_clear(Bundle *bundle) {
  for (int64_t m = 0; bundle->members && m < bundle->n_members; m++)
    if (bundle->members[m].spec.model) bundle_clear(&bundle->members[m]);
  if (bundle->meta && bundle->meta->spec.model) bundle_clear(bundle->meta);
  memory_free(&bundle->members);
  memory_free(&bundle->meta);
  bundle->n_members = 0;
  for (int64_t j = 0; bundle->inputs.items && j < bundle->inputs.n; j++)
    memory_free(&bundle->inputs.items[j]);
  memory_free(&bundle->inputs.items);
  bundle->inputs.n = 0;
}

/* ---- planning ---- */

/* Plan one part; raw columns that it reads are added to needed. */
static Status plan_part(const Bundle *part, const Schema *raw, const Schema *frame,
                        Schema *needed) {
  Status status = OK;
  Schema read = {0};
  const ModelKind *kind = (const ModelKind *)part->spec.model->kind;
  TRY(recipe_plan(&part->spec.features, part->spec.steps, frame, kind->categorical,
                  part->spec.target, &read));
  for (int64_t j = 0; j < read.n; j++)
    if (schema_find(raw, read.columns[j].name))
      TRY(schema_add(needed, read.columns[j].name, read.columns[j].type));
done:
  schema_clear(&read);
  return status;
}

static Status plan_level(const Bundle *bundle, int64_t level, const Schema *raw, Schema *frame,
                         Schema *needed) {
  Status status = OK;
  char *name = NULL;
  for (int64_t m = 0; m < bundle->n_members; m++) {
    if (level_of(bundle, m) != level) continue;
    status = plan_part(&bundle->members[m], raw, frame, needed);
    TRY(status_prefix(status, "members/%s/", bundle->spec.stack->members.names[m]));
  }
  for (int64_t m = 0; m < bundle->n_members; m++) {
    for (int64_t c = 0; level_of(bundle, m) == level && c < n_columns(bundle); c++) {
      memory_free(&name);
      TRY(column_name(bundle, m, c, &name));
      if (schema_find(raw, name)) {
        status = status_fail(INVALID,
                             "members/%s: its predictions would be called \"%s\", as a column of "
                             "the input is; name it otherwise",
                             bundle->spec.stack->members.names[m], name);
        goto done;
      }
      TRY(schema_add(frame, name, COLUMN_REAL));
    }
  }
done:
  memory_free(&name);
  return status;
}

Status nest_plan(const Bundle *bundle, const Schema *raw, Schema *needed) {
  Status status = OK;
  Schema frame = {0};
  int64_t levels = nest_levels(bundle->spec.stack);
  TRY(schema_copy(raw, &frame));
  for (int64_t level = 1; level <= levels; level++)
    TRY(plan_level(bundle, level, raw, &frame, needed));
  TRY(status_prefix(plan_part(bundle->meta, raw, &frame, needed), "meta/"));
done:
  schema_clear(&frame);
  return status;
}

/* ---- predicting ---- */

Status nest_frame(const Table *rows, Table *frame) { return table_share(rows, frame); }

static const double CUT = 1e-4;

/* What the level above sees of a predicted value. */
static double seen(const Bundle *bundle, double value) {
  if (bundle->task == TASK_REGRESSION || bundle->spec.stack->scale == SCALE_PROBABILITY)
    return value;
  if (isnan(value)) return value;
  double p = fmin(fmax(value, CUT), 1 - CUT);
  return elementary_log(p / (1 - p));
}

Status nest_add(const Bundle *bundle, int64_t member, const double *value, Table *frame) {
  Status status = OK;
  int64_t n = frame->rows.n, width = bundle_width(bundle), first = width - n_columns(bundle);
  char *name = NULL;
  Column *column = NULL;
  for (int64_t c = 0; c < n_columns(bundle); c++) {
    memory_free(&name);
    TRY(column_name(bundle, member, c, &name));
    TRY(column_new_raw(&column, name, COLUMN_REAL, n, 0));
    for (int64_t i = 0; i < n; i++) column->real[i] = seen(bundle, value[i * width + first + c]);
    TRY(table_add(frame, column));
  }
done:
  memory_free(&name);
  return status;
}

/* A level's members see the levels below only. values: n_members arrays, those of the level are
 * filled. */
static Status predict_level(const Bundle *bundle, int64_t level, double *const *values,
                            Table *frame) {
  Status status = OK;
  for (int64_t m = 0; m < bundle->n_members; m++)
    if (level_of(bundle, m) == level) TRY(bundle_predict(&bundle->members[m], frame, values[m]));
  for (int64_t m = 0; m < bundle->n_members; m++)
    if (level_of(bundle, m) == level) TRY(nest_add(bundle, m, values[m], frame));
done:
  return status;
}

Status nest_predict(const Bundle *bundle, const Table *rows, double *const *members, double *out) {
  Status status = OK;
  Table frame = {0};
  double **own = NULL;
  int64_t n = bundle->n_members, size = rows->rows.n * bundle_width(bundle);
  int64_t levels = nest_levels(bundle->spec.stack);
  if (!members) TRY(NEW(&own, n));
  for (int64_t m = 0; own && m < n; m++) TRY(NEW(&own[m], size));
  TRY(nest_frame(rows, &frame));
  for (int64_t level = 1; level <= levels; level++)
    TRY(predict_level(bundle, level, members ? members : own, &frame));
  TRY(bundle_predict(bundle->meta, &frame, out));
done:
  table_clear(&frame);
  for (int64_t m = 0; own && m < n; m++) memory_free(&own[m]);
  memory_free(&own);
  return status;
}

/* ---- storing ---- */

static Status part_fields(Bundle *part, const char *path, Fields *fields) {
  fields_enter(fields, path);
  Status status = bundle_fields(part, fields);
  fields_leave(fields);
  return status;
}

Status nest_fields(Bundle *bundle, Fields *fields) {
  Status status = OK;
  if (fields->mode == FIELDS_IN) TRY(nest_begin(bundle));
  for (int64_t m = 0; m < bundle->n_members; m++) {
    char path[32];
    snprintf(path, sizeof path, "member_%lld", (long long)m);
    TRY(part_fields(&bundle->members[m], path, fields));
  }
  TRY(part_fields(bundle->meta, "meta", fields));
done:
  return status;
}
