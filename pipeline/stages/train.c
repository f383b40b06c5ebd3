/* train: fit a recipe and a model on the training rows, and say how good it is.
 *
 * With a `folds` port it is first cross-validated on the folds; then it is fitted on the training
 * part of the split and measured on the test part, beside the constant that knows no features. With
 * refit what is kept is fitted again on all rows after that.
 * Recipe and model are fitted inside every fold anew, on its training rows alone. */
#include "job.h"
#include "kernels/base/memory.h"

typedef struct TrainOptions {
  JobOptions job;
  Variant model;
} TrainOptions;

static const Option rows[] = {JOB_WHAT,
                              OPTION_VARIANT(TrainOptions, model, NULL, model_kinds, "the model"),
                              JOB_HOW,
                              JOB_REFIT,
                              {0}};

enum { INPUT, FOLDS };
static const Port ports[] = {
    [INPUT] = {"input", PORT_TABLE, true, "rows with a split column"},
    [FOLDS] = {"folds", PORT_FOLDS, false, "folds for cross-validation, over the same rows"},
    {0}};

static void spec_of(const void *options, Spec *spec) {
  const TrainOptions *o = options;
  *spec = job_spec(&o->job, &o->model);
}

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  const TrainOptions *o = options;
  const Schema *schema = &inputs[INPUT]->schema;
  Task task;
  Spec spec = job_spec(&o->job, &o->model);
  TRY(job_plan(&o->job, schema, &task));
  TRY(job_plan_output(&o->job, output));
  TRY(job_plan_spec(&spec, task, schema, &output->schema));
done:
  return status;
}

static Status validate_all(const Job *job, const Folds *folds, Artifact *output) {
  Status status = OK;
  const Comm *comm = job->context->comm;
  FoldInputs in;
  double *value = NULL;
  int64_t width = 0;
  Column *target = NULL;
  TRY(job_folds_all(job, folds, &in));
  AGREE(comm, table_require(job->table, job->options->target, &target));
  /* For what may come behind the model, a calibration or a threshold. */
  bool kept = target->type == COLUMN_BOOLEAN || target->type == COLUMN_CATEGORY;
  work_phase(job->context->sink, "folds, percent");
  TRY(cross_validate_all(comm, &in, &output->bundle.spec, job->context->sink, kept ? &value : NULL,
                         &width, &output->summary));
  if (kept) TRY(held_values_keep_all(comm, &in, job->role, value, width, &output->held));
done:
  memory_free(&value);
  return status;
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const TrainOptions *o = options;
  Job job = {0};
  TRY(job_init_all(context, &o->job, &inputs[INPUT]->table, &job));
  if (inputs[FOLDS]) TRY(validate_all(&job, &inputs[FOLDS]->folds, output));
  work_phase(context->sink, inputs[FOLDS] ? "final fit" : "fit");
  TRY(job_finish_all(&job, output));
done:
  job_clear(&job);
  return status;
}

extern const StageKind train_stage;
const StageKind train_stage = {
    .kind = {.name = "train",
             .help = "Fits a recipe and a model, cross-validates and tests them.",
             .version = 3,
             .options_size = sizeof(TrainOptions),
             .options = rows},
    .inputs = ports,
    .output = PORT_BUNDLE,
    .plan = plan,
    .run_all = run_all,
    .spec = spec_of};
