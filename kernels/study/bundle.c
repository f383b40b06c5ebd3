/* A fitted recipe and model that predict from raw columns; see bundle.h. */
#include "bundle.h"

#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "nest.h"

static const ModelKind *model_kind(const Bundle *bundle) {
  return (const ModelKind *)bundle->spec.model->kind;
}

static void begin_recipe(Bundle *bundle) {
  recipe_init(&bundle->recipe, &bundle->spec.features, bundle->spec.steps);
  bundle->recipe.categorical = model_kind(bundle)->categorical;
}

void bundle_init(Bundle *bundle, const Spec *spec) {
  *bundle = (Bundle){.spec = *spec};
  begin_recipe(bundle);
}

void bundle_init_open(Bundle *bundle, SpecMaker *maker, const void *options) {
  *bundle = (Bundle){.maker = maker, .options = options};
}

Status bundle_choose(Bundle *bundle, const RealList *choice) {
  Status status = OK;
  TRY(NEW(&bundle->choice.items, choice->n));
  bundle->choice.n = choice->n;
  if (choice->n > 0)
    memcpy(bundle->choice.items, choice->items, (size_t)choice->n * sizeof *choice->items);
  TRY(bundle->maker(bundle->options, &bundle->choice, &bundle->spec, &bundle->memory));
  begin_recipe(bundle);
done:
  return status;
}

void bundle_clear(Bundle *bundle) {
  if (bundle->recipe.steps) recipe_clear(&bundle->recipe);
  if (bundle->model) model_kind(bundle)->free(&bundle->model);
  dictionary_clear(&bundle->classes);
  schema_clear(&bundle->needed);
  memory_free(&bundle->choice.items);
  bundle->choice.n = 0;
  memory_free(&bundle->memory);
  nest_clear(bundle);
  calibration_clear(&bundle->calibration);
}

Status bundle_renew(Bundle *bundle) {
  const Bundle was = *bundle;
  RealList choice = was.choice;
  bundle->choice = (RealList){0};
  bundle_clear(bundle);
  if (!was.maker) {
    bundle_init(bundle, &was.spec);
    return OK;
  }
  bundle_init_open(bundle, was.maker, was.options);
  Status status = bundle_choose(bundle, &choice);
  memory_free(&choice.items);
  return status;
}

static Status check_columns(const Bundle *bundle, const Table *rows) {
  for (int64_t j = 0; j < bundle->needed.n; j++) {
    const SchemaColumn *want = &bundle->needed.columns[j];
    Column *column = NULL;
    Status status = table_require(rows, want->name, &column);
    if (status != OK) return status;
    if (column->type != want->type)
      return status_fail(INVALID, "column \"%s\" is %s here; the model was trained on %s",
                         want->name, column_type_phrase(column->type),
                         column_type_phrase(want->type));
  }
  return OK;
}

double bundle_interval(const Bundle *bundle) {
  const ModelKind *kind = model_kind(bundle);
  if (bundle->spec.stack) return 0;
  return kind->interval ? kind->interval(bundle->model) : 0;
}

Status bundle_predict(const Bundle *bundle, const Table *rows, double *out) {
  return bundle_predict_interval(bundle, rows, out, NULL);
}

Status bundle_predict_interval(const Bundle *bundle, const Table *rows, double *out,
                               double *interval) {
  Status status = OK;
  Matrix x = {0};
  TRY(check_columns(bundle, rows));
  if (bundle->spec.stack) {
    TRY(nest_predict(bundle, rows, NULL, out));
  } else {
    TRY(recipe_apply(&bundle->recipe, rows, &x));
    TRY(model_kind(bundle)->predict(bundle->model, &x, out));
  }
  calibration_apply(&bundle->calibration, rows->rows.n, bundle->classes.n, out);
  if (interval) TRY(model_kind(bundle)->predict_interval(bundle->model, &x, out, interval));
done:
  matrix_clear(&x);
  return status;
}

/* The needed columns as scalars and texts, which the list copies: they are few. */
static Status needed_fields(Schema *needed, Fields *fields) {
  Status status = OK;
  int64_t n = needed->n;
  TRY(fields_integer(fields, "needed/count", &n));
  for (int64_t j = 0; j < n; j++) {
    char path[64], *name = NULL;
    int64_t type = 0;
    if (fields->mode == FIELDS_OUT) {
      name = needed->columns[j].name;
      type = (int64_t)needed->columns[j].type;
    }
    snprintf(path, sizeof path, "needed/%lld/name", (long long)j);
    TRY(fields_text(fields, path, &name));
    snprintf(path, sizeof path, "needed/%lld/type", (long long)j);
    status = fields_integer(fields, path, &type);
    if (fields->mode == FIELDS_IN && status == OK && (type < 0 || type >= COLUMN_TYPES || !name))
      status = status_fail(FORMAT, "field \"%s\" holds no column type", path);
    if (fields->mode == FIELDS_IN && status == OK)
      status = schema_add(needed, name, (ColumnType)type);
    if (fields->mode == FIELDS_IN) memory_free(&name);
    TRY(status);
  }
done:
  return status;
}

static Status classes_fields(Dictionary *classes, Fields *fields) {
  Status status = OK;
  int64_t n = classes->n, offsets = n + 1, bytes = classes->n > 0 ? classes->offset[n] : 0;
  TRY(fields_integer(fields, "classes/count", &n));
  if (n == 0) return OK;
  if (fields->mode == FIELDS_IN) offsets = n + 1, bytes = -1;
  TRY(fields_array(fields, "classes/offset", FIELD_INTEGER, &classes->offset, 1, &offsets));
  TRY(fields_array(fields, "classes/bytes", FIELD_BYTE, &classes->bytes, 1, &bytes));
  classes->n = (int32_t)n;
done:
  return status;
}

/* The choice comes before all that depends on it. */
static Status choice_fields(Bundle *bundle, Fields *fields) {
  Status status = OK;
  RealList read = {.n = -1};
  if (!bundle->maker) return OK;
  if (fields->mode == FIELDS_OUT)
    return fields_array(fields, "choice", FIELD_REAL, &bundle->choice.items, 1, &bundle->choice.n);
  TRY(fields_array(fields, "choice", FIELD_REAL, &read.items, 1, &read.n));
  TRY(bundle_choose(bundle, &read));
done:
  memory_free(&read.items);
  return status;
}

Status bundle_check_format(int64_t format) {
  if (format >= 1 && format <= BUNDLE_FORMAT) return OK;
  return status_fail(FORMAT,
                     "the model is of format %lld, this segue reads formats 1 to %d: use a newer "
                     "segue, or train the model again with this one",
                     (long long)format, BUNDLE_FORMAT);
}

/* What comes after the model; a bundle without has no such fields. */
static Status adjustment_fields(Bundle *bundle, Fields *fields) {
  Status status = OK;
  if (fields_has(fields, "calibration/method", bundle->calibration.n_maps > 0)) {
    fields_enter(fields, "calibration");
    status = calibration_fields(&bundle->calibration, fields);
    fields_leave(fields);
    TRY(status);
  }
  if (fields_has(fields, "threshold", bundle->decision.given)) {
    bundle->decision.given = true;
    TRY(fields_real(fields, "threshold", &bundle->decision.threshold));
  }
done:
  return status;
}

/* What it was fitted on, where that is not what it was judged by. */
static Status refit_fields(Bundle *bundle, Fields *fields) {
  Status status = OK;
  if (!fields_has(fields, "refit/rows", bundle->refit_rows > 0)) return OK;
  TRY(fields_integer(fields, "refit/rows", &bundle->refit_rows));
  TRY(fields_integer(fields, "refit/judged_rows", &bundle->judged_rows));
done:
  return status;
}

static Status model_fields(Bundle *bundle, Fields *fields) {
  Status status = OK;
  fields_enter(fields, "recipe");
  status = recipe_fields(&bundle->recipe, fields);
  fields_leave(fields);
  TRY(status);
  fields_enter(fields, "model");
  status = model_kind(bundle)->fields(&bundle->model, fields);
  fields_leave(fields);
done:
  return status;
}

Status bundle_fields(Bundle *bundle, Fields *fields) {
  Status status = OK;
  int64_t task = bundle->task, format = BUNDLE_FORMAT;
  TRY(fields_integer(fields, "format", &format));
  TRY(bundle_check_format(format));
  TRY(choice_fields(bundle, fields));
  TRY(fields_integer(fields, "task", &task));
  bundle->task = (Task)task;
  TRY(classes_fields(&bundle->classes, fields));
  TRY(needed_fields(&bundle->needed, fields));
  TRY(bundle->spec.stack ? nest_fields(bundle, fields) : model_fields(bundle, fields));
  TRY(adjustment_fields(bundle, fields));
  TRY(refit_fields(bundle, fields));
done:
  return status;
}

Status bundle_copy(const Bundle *from, Bundle *out) {
  Status status = OK;
  Fields given, taken;
  fields_init(&given, FIELDS_OUT);
  fields_init(&taken, FIELDS_IN);
  Bundle source = *from; /* an OUT list changes nothing */
  TRY(bundle_fields(&source, &given));
  TRY(fields_copy(&given, &taken));
  TRY(bundle_fields(out, &taken));
done:
  fields_clear(&given);
  fields_clear(&taken);
  return status;
}
