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
    status = status_fail(INVALID, "column \"%s\" is a %s; it has to be a %s", name,
                         column_type_words[column->type], column_type_words[type]);
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
    return status_fail(INVALID, "above: the target \"%s\" is a %s; only a number can be above %g",
                       o->target, column_type_words[target->type], o->above);
  TRY(plan_column_of("group", o->group, COLUMN_INTEGER, schema));
  TRY(plan_column_of("split", o->split, COLUMN_CATEGORY, schema));
  if (o->weight) TRY(status_prefix(schema_require(schema, o->weight, &weight), "weight: "));
  if (weight) TRY(study_check_weight(o->weight, weight->type));
  if (o->by) TRY(status_prefix(schema_require(schema, o->by, &by), "by: "));
  if (by && by->type != COLUMN_CATEGORY && by->type != COLUMN_LIST)
    return status_fail(INVALID, "by: column \"%s\" is a %s; a category or list is needed", o->by,
                       column_type_words[by->type]);
done:
  return status;
}

Status job_plan_spec(const Spec *spec, Task task, const Schema *schema, Schema *needed) {
  const ModelKind *kind = (const ModelKind *)spec->model->kind;
  if (task == TASK_REGRESSION ? !kind->regression : !kind->classification)
    return status_fail(INVALID, "model: a %s cannot do a %s, which the target \"%s\" asks for",
                       kind->kind.name, task == TASK_REGRESSION ? "regression" : "classification",
                       spec->target);
  const Variant *resample = spec->resample;
  const ResampleKind *rows = (const ResampleKind *)(resample ? resample->kind : NULL);
  if (rows && (task == TASK_REGRESSION ? !rows->regression : !rows->classification))
    return status_fail(INVALID, "resample: %s is for a %s; the target \"%s\" asks for a %s",
                       rows->kind.name, rows->regression ? "regression" : "classification",
                       spec->target,
                       task == TASK_REGRESSION ? "regression (or set `above`)" : "classification");
  return recipe_plan(&spec->features, spec->steps, schema, kind->categorical, spec->target, needed);
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
done:
  study_rows_clear(&training);
  spec_needs_clear(&needs);
  return status;
}
