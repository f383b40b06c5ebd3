/* What stages that adjust a model have in common; see adjust.h. */
#include "adjust.h"

#include <math.h>

#include "kernels/base/memory.h"

const Port adjust_ports[] = {
    [ADJUST_INPUT] = {"input", PORT_TABLE, true, "the rows that the model was trained on"},
    [ADJUST_MODEL] = {ADJUST_PORT, PORT_BUNDLE, true, "the trained model"},
    [ADJUST_FOLDS] = {"folds", PORT_FOLDS, true,
                      "folds over the same rows: the model's spec is fitted on each one's training "
                      "rows, and what it predicts for the others is learned from"},
    {0}};

/* ---- planning ---- */

static Status check_type(const char *target, ColumnType type, bool asked, bool two) {
  if (type == COLUMN_BOOLEAN || type == COLUMN_CATEGORY || asked) return OK;
  return status_fail(
      INVALID, "model: it predicts \"%s\", %s; %s can be had of a boolean or a category", target,
      column_type_phrase(type), two ? "a decision threshold" : "calibrated probabilities");
}

Status adjust_plan(const AdjustOptions *o, bool two, const Planned *const *inputs,
                   Planned *output) {
  Status status = OK;
  const Schema *rows = &inputs[ADJUST_INPUT]->schema;
  const Planned *model = inputs[ADJUST_MODEL];
  const SchemaColumn *target = NULL, *column = NULL;
  for (int64_t j = 0; j < model->schema.n; j++)
    TRY(status_prefix(schema_require(rows, model->schema.columns[j].name, &column), "input: "));
  if (model->target) TRY(status_prefix(schema_require(rows, model->target, &target), "input: "));
  if (target) TRY(check_type(model->target, target->type, model->asked, two));
  if (o->split) TRY(status_prefix(schema_require(rows, o->split, &column), "split: "));
  if (o->split && column->type != COLUMN_CATEGORY)
    return status_fail(INVALID, "split: column \"%s\" is %s; it has to be a category", o->split,
                       column_type_phrase(column->type));
  TRY(job_check_unseen("model", model->refitted));
  output->target = model->target;
  output->asked = model->asked;
  TRY(schema_copy(&model->schema, &output->schema));
done:
  return status;
}

/* ---- the run ---- */

static JobOptions job_options(const AdjustOptions *o, const Spec *spec) {
  return (JobOptions){.target = (char *)(uintptr_t)spec->target,
                      .group = (char *)(uintptr_t)spec->group,
                      .weight = (char *)(uintptr_t)spec->weight,
                      .split = o->split,
                      .above = spec->asked ? spec->above : NAN,
                      .high = NAN,
                      .top_k = o->top_k,
                      .replicates = o->replicates,
                      .confidence = o->confidence,
                      .spread = o->spread};
}

static Status check_model(const Bundle *model, const Table *table, bool two) {
  Status status = OK;
  Column *target = NULL;
  TRY(job_check_unseen("model", model->refit_rows > 0));
  TRY(table_require(table, model->spec.target, &target));
  TRY(check_type(target->name, target->type, model->spec.asked, two));
  if (two && model->classes.n != 2)
    status = status_fail(INVALID,
                         "model: its target \"%s\" has %d classes; a decision threshold is for two",
                         target->name, model->classes.n);
done:
  return status;
}

Status adjust_begin_all(const StageContext *context, const AdjustOptions *o, bool two,
                        const Artifact *const *inputs, Artifact *output, Adjusting *out) {
  Status status = OK;
  FoldInputs in;
  const Bundle *model = &inputs[ADJUST_MODEL]->bundle;
  const Table *table = &inputs[ADJUST_INPUT]->table;
  *out = (Adjusting){.options = job_options(o, &model->spec)};
  AGREE(context->comm, check_model(model, table, two));
  AGREE(context->comm, bundle_copy(model, &output->bundle));
  TRY(job_init_all(context, &out->options, table, &out->job));
  TRY(job_folds_all(&out->job, &inputs[ADJUST_FOLDS]->folds, &in));
  AGREE(context->comm, held_values_copy(&inputs[ADJUST_MODEL]->held, &output->held));
  TRY(out_of_fold_all(context->comm, &in, out->job.role, model, &output->held, context->sink,
                      &out->known));
done:
  return status;
}

void adjust_clear(Adjusting *adjusting) {
  out_of_fold_clear(&adjusting->known);
  job_clear(&adjusting->job);
}

/* The same predictions by the model as it was: metrics alone. */
static Status test_before_all(const Job *job, const Predicted *predicted, const Bundle *model,
                              const char *before, Summary *summary) {
  Status status = OK;
  const Comm *comm = job->context->comm;
  MeasureOptions plain = job->measure;
  Predicted was = *predicted; /* the rows are borrowed */
  plain.details = false;
  was.value = NULL;
  AGREE(comm, NEW(&was.value, was.rows.table.rows.n * was.width));
  AGREE(comm, bundle_predict(model, &was.rows.table, was.value));
  TRY(evaluate_measure_all(comm, &was, model, NULL, &plain, before, summary));
done:
  memory_free(&was.value);
  return status;
}

Status adjust_test_all(const Adjusting *adjusting, const Bundle *model, const char *before,
                       Artifact *output, Predicted *predicted) {
  Status status = OK;
  const Job *job = &adjusting->job;
  const Comm *comm = job->context->comm;
  const StudyRows none = {0};
  SpecNeeds needs = {0};
  *predicted = (Predicted){0};
  if (!job->options->split) {
    AGREE(comm, job_no_predictions(job, &output->predictions));
    return OK;
  }
  AGREE(comm, spec_needs(&output->bundle.spec, job->table, NULL, &needs));
  TRY(evaluate_predict_all(comm, job->table, job->role, ROLE_VALIDATE, &needs.measured,
                           job->options->group, &output->bundle, predicted));
  TRY(job_tell_test_all(job, &none, predicted, output));
  TRY(test_before_all(job, predicted, model, before, &output->summary));
done:
  spec_needs_clear(&needs);
  return status;
}
