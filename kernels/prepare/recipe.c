/* The recipe: steps in order, then a matrix; see recipe.h. */
#include "recipe.h"

#include <stdio.h>
#include <string.h>

#include "categories.h"
#include "kernels/base/memory.h"
#include "kernels/base/names.h"

static const StepKind *step_kind(const Recipe *recipe, int64_t i) {
  return (const StepKind *)recipe->steps->items[i].kind;
}

/* Can a column of the matrix be made of it? */
static bool is_feature(ColumnType type, bool categorical) {
  return type == COLUMN_REAL || type == COLUMN_INTEGER || type == COLUMN_BOOLEAN ||
         (categorical && type == COLUMN_CATEGORY);
}

/* ---- finding columns ---- */

/* The message about a column that is neither a feature nor raw, with the nearest of all names. */
static Status refuse_unknown(const Schema *features, const Schema *raw, const char *name) {
  Status status = OK;
  Schema known = {0};
  const SchemaColumn *none = NULL;
  TRY(schema_copy(features, &known));
  for (int64_t j = 0; j < raw->n; j++)
    TRY(schema_add(&known, raw->columns[j].name, raw->columns[j].type));
  TRY(schema_require(&known, name, &none));
done:
  schema_clear(&known);
  return status;
}

Status frame_column(const Frame *frame, const char *name, Column **out) {
  *out = table_find(&frame->features, name);
  if (!*out) *out = table_find(frame->raw, name);
  if (*out) return OK;
  Schema features = {0}, raw = {0};
  Status status = schema_of(&frame->features, &features);
  if (status == OK) status = schema_of(frame->raw, &raw);
  if (status == OK) status = refuse_unknown(&features, &raw, name);
  schema_clear(&features);
  schema_clear(&raw);
  return status;
}

Status plan_column(FrameSchema *schema, const char *name, ColumnType *type) {
  const SchemaColumn *column = schema_find(&schema->features, name);
  if (column) {
    *type = column->type;
    return OK;
  }
  column = schema_find(schema->raw, name);
  if (!column) return refuse_unknown(&schema->features, schema->raw, name);
  if (column->barred)
    return status_fail(INVALID, "column \"%s\" can be no feature: %s", name, column->barred);
  *type = column->type;
  return schema_add(&schema->needed, name, column->type);
}

/* ---- planning ---- */

static Status refuse_unencoded(const char *name, ColumnType type) {
  return status_fail(INVALID,
                     "features: column \"%s\" is %s, not a number: encode it with a step "
                     "of the recipe (target_encode, frequency_encode, one_hot; date_part for "
                     "dates), or leave it out",
                     name, column_type_phrase(type));
}

static Status plan_inputs(const TextList *inputs, const char *exclude, FrameSchema *schema) {
  Status status = OK;
  for (int64_t j = 0; j < inputs->n; j++) {
    ColumnType type = COLUMN_REAL;
    if (exclude && strcmp(inputs->items[j], exclude) == 0) {
      status = status_fail(INVALID, "features: \"%s\" is the target; it cannot be a feature too",
                           exclude);
      goto done;
    }
    status = plan_column(schema, inputs->items[j], &type);
    if (status == INVALID) status_prefix(status, "features: ");
    TRY(status);
    TRY(schema_add(&schema->features, inputs->items[j], type));
  }
done:
  return status;
}

static Status plan_steps(const VariantList *steps, FrameSchema *schema) {
  Status status = OK;
  for (int64_t i = 0; i < steps->n; i++) {
    const StepKind *kind = (const StepKind *)steps->items[i].kind;
    status = kind->plan(steps->items[i].options, schema);
    if (status == INVALID) status_prefix(status, "recipe/%lld/", (long long)i);
    TRY(status);
  }
done:
  return status;
}

Status recipe_plan(const TextList *inputs, const VariantList *steps, const Schema *schema,
                   bool categorical, const char *exclude, Schema *needed) {
  Status status = OK;
  Schema raw = {0};
  FrameSchema frame = {.raw = &raw};
  TRY(schema_copy(schema, &raw));
  TRY(plan_inputs(inputs, exclude, &frame));
  if (exclude) TRY(schema_remove(&raw, exclude)); /* no step can name the target */
  TRY(plan_steps(steps, &frame));
  for (int64_t j = 0; j < frame.features.n; j++)
    if (!is_feature(frame.features.columns[j].type, categorical))
      TRY(refuse_unencoded(frame.features.columns[j].name, frame.features.columns[j].type));
  if (needed) TRY(schema_copy(&frame.needed, needed));
done:
  schema_clear(&raw);
  schema_clear(&frame.features);
  schema_clear(&frame.needed);
  return status;
}

/* ---- fitting and applying ---- */

void recipe_init(Recipe *recipe, const TextList *inputs, const VariantList *steps) {
  *recipe = (Recipe){.inputs = *inputs, .steps = steps};
}

void recipe_clear(Recipe *recipe) {
  for (int64_t i = 0; recipe->states && i < recipe->steps->n; i++)
    if (recipe->states[i] && step_kind(recipe, i)->free)
      step_kind(recipe, i)->free(&recipe->states[i]);
  for (int64_t j = 0; recipe->features && j < recipe->n_features; j++)
    memory_free(&recipe->features[j]);
  for (int64_t j = 0; recipe->words && j < recipe->n_features; j++)
    dictionary_clear(&recipe->words[j]);
  memory_free(&recipe->states);
  memory_free(&recipe->features);
  memory_free(&recipe->words);
  recipe->n_features = 0;
}

/* The frame at the beginning: the input columns, shared. */
static Status frame_begin(const Recipe *recipe, const Table *raw, Frame *frame) {
  Status status = OK;
  *frame = (Frame){.raw = raw};
  TRY(table_init(&frame->features, &raw->rows));
  memcpy(frame->features.row_id, raw->row_id, (size_t)raw->rows.n * sizeof *raw->row_id);
  for (int64_t j = 0; j < recipe->inputs.n; j++) {
    Column *column = NULL;
    TRY(table_require(raw, recipe->inputs.items[j], &column));
    TRY(table_add(&frame->features, column_share(column)));
  }
done:
  return status;
}

static bool any_category(const Recipe *recipe) {
  bool any = false;
  for (int64_t j = 0; j < recipe->n_features; j++) any |= recipe->words[j].n > 0;
  return any;
}

/* Features in the recipe's order as a matrix. */
static Status frame_end(const Recipe *recipe, const Frame *frame, Matrix *x) {
  Status status = OK;
  TRY(matrix_init(x, &frame->raw->rows, recipe->n_features));
  if (any_category(recipe)) TRY(NEW(&x->categories, x->d));
  for (int64_t j = 0; j < recipe->n_features; j++) {
    Column *column = NULL;
    TRY(table_require(&frame->features, recipe->features[j], &column));
    if (!is_feature(column->type, recipe->categorical))
      TRY(refuse_unencoded(column->name, column->type));
    double *values = matrix_column(x, j);
    if (column->type == COLUMN_CATEGORY) {
      TRY(categories_encode(column, &recipe->words[j], values));
    } else {
      for (int64_t i = 0; i < x->rows.n; i++) values[i] = column_real(column, i);
    }
    if (x->categories) x->categories[j] = recipe->words[j].n;
    TRY(memory_text(&x->names[j], recipe->features[j]));
  }
done:
  return status;
}

static Status name_features(Recipe *recipe, const Frame *frame) {
  Status status = OK;
  int64_t n = frame->features.n_columns;
  if (n == 0) return status_fail(INVALID, "features: no column is left at the recipe's end");
  TRY(NEW(&recipe->features, n));
  recipe->n_features = n;
  TRY(NEW(&recipe->words, n));
  for (int64_t j = 0; j < n; j++)
    TRY(memory_text(&recipe->features[j], frame->features.columns[j]->name));
done:
  return status;
}

static Status learn_words_all(Recipe *recipe, const Comm *comm, const Frame *frame) {
  Status status = OK;
  for (int64_t j = 0; recipe->categorical && j < recipe->n_features; j++) {
    const Column *column = frame->features.columns[j];
    if (column->type == COLUMN_CATEGORY) TRY(categories_fit_all(comm, column, &recipe->words[j]));
  }
done:
  return status;
}

static Status fit_step_all(const StepKind *kind, const StepFit *fit, const void *options,
                           Frame *frame, void **state) {
  if (kind->fit_all) return kind->fit_all(fit, options, frame, state);
  return status_agree_all(fit->comm, kind->apply(options, NULL, frame));
}

/* ---- rows that a step took away ---- */

void rows_left_clear(RowsLeft *left) {
  memory_free(&left->target);
  memory_free(&left->weight);
  memory_free(&left->group);
  table_clear(&left->table);
  left->removed = 0;
}

/* Names of the columns in which targets, weights and groups travel; no file has such. */
static const char TARGET[] = "\001target", WEIGHT[] = "\001weight", GROUP[] = "\001group";

static Status add_copy(Table *table, const char *name, const double *real, const int64_t *integer) {
  Column *column = NULL;
  const void *from = real ? (const void *)real : integer;
  if (!from) return OK;
  Status status =
      column_new_raw(&column, name, real ? COLUMN_REAL : COLUMN_INTEGER, table->rows.n, 0);
  if (status != OK) return status;
  if (table->rows.n > 0) memcpy(column->real, from, (size_t)table->rows.n * sizeof(double));
  return table_add(table, column);
}

static Status take_out(Table *table, const char *name, double **real, int64_t **integer) {
  Status status = OK;
  Column *column = table_find(table, name);
  int64_t n = table->rows.n;
  if (!column) return OK;
  if (real)
    TRY(NEW_RAW(real, n));
  else
    TRY(NEW_RAW(integer, n));
  if (n > 0) memcpy(real ? (void *)*real : *integer, column->real, (size_t)n * sizeof(double));
  table_remove(table, name);
done:
  return status;
}

static Status pack_rows(const StepFit *fit, const Frame *frame, Table *out) {
  Status status = OK;
  TRY(table_share(frame->raw, out));
  TRY(add_copy(out, TARGET, fit->target, NULL));
  TRY(add_copy(out, WEIGHT, fit->weight, NULL));
  TRY(add_copy(out, GROUP, NULL, fit->group));
done:
  return status;
}

/* The table is taken over, also after a failure. */
static Status unpack_rows(Table *rows, RowsLeft *left) {
  Status status = OK;
  Table *raw = &left->table;
  rows_left_clear(left);
  left->table = *rows;
  *rows = (Table){0};
  TRY(take_out(raw, TARGET, &left->target, NULL));
  TRY(take_out(raw, WEIGHT, &left->weight, NULL));
  TRY(take_out(raw, GROUP, NULL, &left->group));
done:
  return status;
}

/* Go on with the rows that are marked in fit->keep. */
static Status remove_rows_all(StepFit *fit, Frame *frame) {
  Status status = OK;
  Table packed = {0}, rest = {0}, features = {0};
  int64_t before = frame->raw->rows.n_global, removed = 0;
  for (int64_t i = 0; i < frame->raw->rows.n; i++) removed += !fit->keep[i];
  removed = comm_sum_one_all(fit->comm, removed);
  if (removed == 0) return OK;
  if (removed == before)
    TRY(status_fail(INVALID,
                    "removes all %lld training rows; widen its fences or name fewer columns",
                    (long long)before));
  AGREE(fit->comm, pack_rows(fit, frame, &packed));
  TRY(table_filter_all(fit->comm, &packed, fit->keep, &rest));
  TRY(table_filter_all(fit->comm, &frame->features, fit->keep, &features));
  removed += fit->left->removed;
  AGREE(fit->comm, unpack_rows(&rest, fit->left));
  fit->left->removed = removed;
  fit->target = fit->left->target;
  fit->weight = fit->left->weight;
  fit->group = fit->left->group;
  frame->raw = &fit->left->table;
  table_clear(&frame->features);
  frame->features = features;
  features = (Table){0};
done:
  table_clear(&packed);
  table_clear(&rest);
  table_clear(&features);
  return status;
}

static Status fit_and_remove_all(const StepKind *kind, StepFit *fit, const void *options,
                                 Frame *frame, void **state) {
  Status status = OK;
  int64_t n = frame->raw->rows.n;
  if (kind->removes) AGREE(fit->comm, NEW_RAW(&fit->keep, n));
  if (fit->keep) memset(fit->keep, 1, (size_t)n);
  TRY(fit_step_all(kind, fit, options, frame, state));
  if (kind->removes && fit->left) TRY(remove_rows_all(fit, frame));
done:
  memory_free(&fit->keep);
  return status;
}

Status recipe_fit_all(Recipe *recipe, const Table *training, const StepFit *fit, Matrix *x) {
  Status status = OK;
  Frame frame = {0};
  StepFit own = *fit;
  own.keep = NULL;
  AGREE(fit->comm, NEW(&recipe->states, recipe->steps->n));
  AGREE(fit->comm, frame_begin(recipe, training, &frame));
  for (int64_t i = 0; i < recipe->steps->n; i++) {
    own.position = i;
    status = fit_and_remove_all(step_kind(recipe, i), &own, recipe->steps->items[i].options, &frame,
                                &recipe->states[i]);
    if (status != OK) {
      status_prefix(status, "recipe/%lld (%s): ", (long long)i, step_kind(recipe, i)->kind.name);
      goto done;
    }
  }
  AGREE(fit->comm, name_features(recipe, &frame));
  TRY(learn_words_all(recipe, fit->comm, &frame));
  AGREE(fit->comm, frame_end(recipe, &frame, x));
done:
  table_clear(&frame.features);
  return status;
}

Status recipe_apply(const Recipe *recipe, const Table *rows, Matrix *x) {
  Status status = OK;
  Frame frame = {0};
  TRY(frame_begin(recipe, rows, &frame));
  for (int64_t i = 0; i < recipe->steps->n; i++)
    TRY(step_kind(recipe, i)->apply(recipe->steps->items[i].options, recipe->states[i], &frame));
  TRY(frame_end(recipe, &frame, x));
done:
  table_clear(&frame.features);
  return status;
}

/* The words of features that are categories; a recipe of numbers has no such field. */
static Status words_fields(Recipe *recipe, Fields *fields) {
  Status status = OK;
  if (fields->mode == FIELDS_IN) TRY(NEW(&recipe->words, recipe->n_features));
  for (int64_t j = 0; j < recipe->n_features; j++) {
    char part[64], count[80];
    snprintf(part, sizeof part, "words_%lld", (long long)j);
    snprintf(count, sizeof count, "%s/count", part);
    if (!fields_has(fields, count, recipe->words[j].n > 0)) continue;
    TRY(dictionary_fields(&recipe->words[j], part, fields));
  }
done:
  return status;
}

Status recipe_fields(Recipe *recipe, Fields *fields) {
  Status status = OK;
  if (fields->mode == FIELDS_IN) TRY(NEW(&recipe->states, recipe->steps->n));
  TRY(fields_texts(fields, "features", &recipe->n_features, &recipe->features));
  TRY(words_fields(recipe, fields));
  for (int64_t i = 0; i < recipe->steps->n; i++) {
    const StepKind *kind = step_kind(recipe, i);
    char part[64];
    if (!kind->fields) continue;
    snprintf(part, sizeof part, "step_%lld_%s", (long long)i, kind->kind.name);
    fields_enter(fields, part);
    status = kind->fields(&recipe->states[i], fields);
    fields_leave(fields);
    TRY(status);
  }
done:
  return status;
}
