/* What stages that fit and judge specs have in common; see job.h. */
#include "job.h"

#include <math.h>

#include "kernels/base/memory.h"
#include "kernels/resample/resample.h"
#include "kernels/study/predictions.h"

_Static_assert(offsetof(JobOptions, target) == 0, "rows of JobOptions count from its beginning");

/* ---- planning ---- */

static Status plan_column_of(const char *option, const char *name, ColumnType type,
                             const Schema *schema) {
  const SchemaColumn *column = NULL;
  if (!name) return OK;
  Status status = schema_require(schema, name, &column);
  if (status == OK && column->type != type)
    status = status_fail(INVALID, "column \"%s\" is %s; it has to be %s", name,
                         column_type_phrase(column->type), column_type_phrase(type));
  return status_prefix(status, "%s: ", option);
}

Status job_plan(const JobOptions *o, const Schema *schema, Task *task) {
  Status status = OK;
  const SchemaColumn *target = NULL, *by = NULL, *weight = NULL;
  TRY(status_prefix(schema_require(schema, o->target, &target), "target: "));
  if (isnan(o->above))
    TRY(problem_task(o->target, target->type, task));
  else if (target->type == COLUMN_REAL || target->type == COLUMN_INTEGER)
    *task = TASK_CLASSIFICATION;
  else
    return status_fail(INVALID, "above: the target \"%s\" is %s; only a number can be above %g",
                       o->target, column_type_phrase(target->type), o->above);
  TRY(plan_column_of("group", o->group, COLUMN_INTEGER, schema));
  TRY(plan_column_of("split", o->split, COLUMN_CATEGORY, schema));
  if (o->weight) TRY(status_prefix(schema_require(schema, o->weight, &weight), "weight: "));
  if (weight) TRY(study_check_weight(o->weight, weight->type));
  if (o->by) TRY(status_prefix(schema_require(schema, o->by, &by), "by: "));
  if (by && by->type != COLUMN_CATEGORY && by->type != COLUMN_LIST)
    return status_fail(INVALID, "by: column \"%s\" is %s; a category or list is needed", o->by,
                       column_type_phrase(by->type));
done:
  return status;
}

Status job_check_model(const char *option, const Variant *model, Task task, const char *target) {
  const ModelKind *kind = (const ModelKind *)model->kind;
  bool regression = task == TASK_REGRESSION;
  if (regression ? !kind->regression : !kind->classification)
    return status_fail(INVALID, "%s: a %s cannot do a %s, which the target \"%s\" asks for", option,
                       kind->kind.name, regression ? "regression" : "classification", target);
  if (regression && study_weighs_classes(model))
    return status_fail(INVALID,
                       "%s: class_weight and positive_weight are for classes; the target \"%s\" "
                       "asks for a regression (set `above`, or weigh rows by `weight`)",
                       option, target);
  return OK;
}

/* Rows between others where a feature that is left is a category. */
static Status plan_numbers(const Spec *spec, const ResampleKind *rows, const Schema *schema) {
  if (recipe_plan(&spec->features, spec->steps, schema, false, spec->target, NULL) == OK) return OK;
  return status_prefix(INVALID,
                       "resample: %s puts rows between others, which no category can be; take "
                       "smote_nc, or encode it: ",
                       rows->kind.name);
}

Status job_plan_spec(const Spec *spec, Task task, const Schema *schema, Schema *needed) {
  const ModelKind *kind = (const ModelKind *)spec->model->kind;
  Status status = job_check_model("model", spec->model, task, spec->target);
  if (status != OK) return status;
  const Variant *resample = spec->resample;
  const ResampleKind *rows = (const ResampleKind *)(resample ? resample->kind : NULL);
  if (rows && (task == TASK_REGRESSION ? !rows->regression : !rows->classification))
    return status_fail(INVALID, "resample: %s is for a %s; the target \"%s\" asks for a %s",
                       rows->kind.name, rows->regression ? "regression" : "classification",
                       spec->target,
                       task == TASK_REGRESSION ? "regression (or set `above`)" : "classification");
  status =
      recipe_plan(&spec->features, spec->steps, schema, kind->categorical, spec->target, needed);
  if (status == OK && rows && rows->numbers && kind->categorical)
    status = plan_numbers(spec, rows, schema);
  return status;
}

const char *const job_refit_words[] = {"none", "all", NULL};

Status job_plan_output(const JobOptions *o, Planned *output) {
  output->target = o->target;
  output->asked = !isnan(o->above);
  output->refitted = o->refit == REFIT_ALL;
  if (output->refitted && !o->split)
    return status_fail(INVALID,
                       "refit: split is null, so that the model is fitted on all rows already; "
                       "leave refit out");
  return OK;
}

Status job_check_unseen(const char *option, bool refitted) {
  if (!refitted) return OK;
  return status_fail(INVALID,
                     "%s: it was fitted again on all rows, so that none is left to measure this "
                     "stage on; set its `refit` to \"none\"",
                     option);
}

Spec job_spec(const JobOptions *o, const Variant *model) {
  bool asked = !isnan(o->above);
  return (Spec){.target = o->target,
                .asked = asked,
                .above = asked ? o->above : 0,
                .group = o->group,
                .weight = o->weight,
                .features = o->features,
                .steps = &o->recipe,
                .resample = &o->resample,
                .model = model};
}

/* ---- the run ---- */

/* The input with a flag in the place of the target, so that the number is no feature either. */
static Status ask(Job *job) {
  Status status = OK;
  const JobOptions *o = job->options;
  Column *target = NULL, *flag = NULL;
  TRY(table_require(job->table, o->target, &target));
  TRY(table_share(job->table, &job->asked));
  TRY(column_new(&flag, o->target, COLUMN_BOOLEAN, target->n, 0));
  for (int64_t i = 0; i < target->n; i++)
    flag->boolean[i] = column_missing(target, i)           ? MISSING_BOOLEAN
                       : column_real(target, i) > o->above ? 1
                                                           : 0;
  status = table_add(&job->asked, flag);
  job->table = &job->asked;
done:
  return status;
}

static Status job_init(Job *job) {
  Status status = OK;
  const JobOptions *o = job->options;
  if (!isnan(o->above)) TRY(ask(job));
  job->measure = (MeasureOptions){.threshold = o->high,
                                  .top_k = o->top_k > 0 ? o->top_k : 1, /* 0: no option of it */
                                  .replicates = o->replicates,
                                  .confidence = o->confidence,
                                  .seed = job->context->seed,
                                  .details = true};
  TRY(NEW(&job->role, job->table->rows.n));
  TRY(folds_of_split(job->table, o->split, job->role));
done:
  return status;
}

Status job_init_all(const StageContext *context, const JobOptions *options, const Table *table,
                    Job *job) {
  Status status = OK;
  *job = (Job){.context = context, .options = options, .table = table};
  AGREE(context->comm, job_init(job));
  if (options->split)
    TRY(folds_check_straddling_all(context->comm, job->table, options->group, job->role, "split"));
done:
  return status;
}

void job_clear(Job *job) {
  memory_free(&job->role);
  table_clear(&job->asked);
}

Status job_folds_all(const Job *job, const Folds *folds, FoldInputs *out) {
  *out = (FoldInputs){.table = job->table,
                      .folds = folds,
                      .measure = &job->measure,
                      .seed = job->context->seed,
                      .spread = (Spread)job->options->spread};
  return folds_check_all(job->context->comm, folds, job->table, job->options->group, job->role);
}

Status job_tell_test_all(const Job *job, const StudyRows *training, const Predicted *predicted,
                         Artifact *output) {
  Status status = OK;
  const Comm *comm = job->context->comm;
  const JobOptions *o = job->options;
  TRY(evaluate_measure_all(comm, predicted, &output->bundle, o->by, &job->measure, "test",
                           &output->summary));
  if (o->baseline)
    TRY(evaluate_baseline_all(comm, training, predicted, &output->bundle, &job->measure,
                              "test_constant", &output->summary));
  AGREE(comm, predictions_table(predicted, &output->bundle, &output->predictions));
done:
  return status;
}

static Status test_all(const Job *job, const SpecNeeds *needs, const StudyRows *training,
                       Artifact *output) {
  Status status = OK;
  Predicted predicted = {0};
  TRY(evaluate_predict_all(job->context->comm, job->table, job->role, ROLE_VALIDATE,
                           &needs->measured, job->options->group, &output->bundle, &predicted));
  TRY(job_tell_test_all(job, training, &predicted, output));
done:
  predicted_clear(&predicted);
  return status;
}

Status job_no_predictions(const Job *job, Table *out) {
  Rows none = rows_of(0, job->table->rows.block, 0, 1);
  return table_init(out, &none);
}

Status job_note_rows(const StudyRows *training, Summary *summary) {
  if (training->dropped == 0) return OK;
  return summary_note(summary, NOTE_WARNING,
                      "%lld training rows have no value of the target and were left out.",
                      (long long)training->dropped);
}

static Status note_refit(const Bundle *bundle, Summary *summary) {
  return summary_note(
      summary, NOTE_INFO,
      "The model that is kept was fitted again on all %lld rows. Every score told here is of the "
      "model before, fitted on %lld rows; the one that is kept has seen the test part and can be "
      "measured on new rows alone.",
      (long long)bundle->refit_rows, (long long)bundle->judged_rows);
}

/* What serves, once everything is measured. judged: rows that the model so far has learned from. */
static Status refit_all(const Job *job, const SpecNeeds *needs, int64_t judged, Artifact *output) {
  Status status = OK;
  const Comm *comm = job->context->comm;
  StudyRows rows = {0};
  Summary unsaid;
  summary_init(&unsaid, false);
  work_phase(job->context->sink, "fit on all rows");
  AGREE(comm, bundle_renew(&output->bundle));
  TRY(study_fit_fold_all(comm, job->table, NULL, needs, job->context->seed, job->context->sink,
                         &rows, &output->bundle, &unsaid));
  output->bundle.refit_rows = rows.table.rows.n_global;
  output->bundle.judged_rows = judged;
  AGREE(comm, note_refit(&output->bundle, &output->summary));
done:
  study_rows_clear(&rows);
  return status;
}

Status job_finish_all(const Job *job, Artifact *output) {
  Status status = OK;
  const Comm *comm = job->context->comm;
  SpecNeeds needs = {0};
  StudyRows training = {0};
  AGREE(comm, spec_needs(&output->bundle.spec, job->table, job->options->by, &needs));
  TRY(study_fit_fold_all(comm, job->table, job->role, &needs, job->context->seed,
                         job->context->sink, &training, &output->bundle, &output->summary));
  AGREE(comm, job_note_rows(&training, &output->summary));
  if (job->options->split)
    TRY(test_all(job, &needs, &training, output));
  else
    AGREE(comm, job_no_predictions(job, &output->predictions));
  if (job->options->refit == REFIT_ALL)
    TRY(refit_all(job, &needs, training.table.rows.n_global, output));
done:
  study_rows_clear(&training);
  spec_needs_clear(&needs);
  return status;
}
