/* stack: members, and a model that learns from what they predict out of fold.
 *
 * The method, and why none of its numbers is flattered, is told in kernels/study/stack.h. The
 * result is one bundle that holds the members and the model on top. On held-out folds it is
 * compared with its best member; on the test part it is measured beside every member and the
 * constant. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "job.h"
#include "kernels/base/memory.h"
#include "kernels/study/stack.h"

typedef struct StackStageOptions {
  JobOptions job;
  StackOptions stack;
  bool guard;
  int score; /* 0: by the task; else 1 + CompareScore */
} StackStageOptions;

static const char *const score_words[] = {
    "auto", "rmse", "mae", "log_loss", "accuracy", "f1", "auc", "average_precision", NULL};

static const Option member_rows[] = {
    OPTION_VARIANT(MemberOptions, model, NULL, model_kinds, "the member's model"),
    OPTION_TEXTS(
        MemberOptions, features, "null",
        "raw columns that enter the member's recipe; null: the stage's features, on levels "
        "above 1 none unless passthrough is on"),
    OPTION_VARIANTS(MemberOptions, recipe, "null", step_kinds,
                    "the member's recipe; null: the stage's, on levels above 1 none unless "
                    "passthrough is on. There its columns are the predictions of the level below, "
                    "named NAME, or NAME:CLASS for every class but the first, and the features"),
    OPTION_INTEGER(MemberOptions, level, "1", 1, 4,
                   "1: learns from raw columns; 2 and more: from the predictions of the level "
                   "below"),
    {0}};

static const Option rows[] = {
    JOB_WHAT,
    {.name = "members",
     .type = OPTION_TYPE_MAP,
     .offset = OPTION_OF(StackStageOptions, stack.members, Map),
     .rows = member_rows,
     .item_size = sizeof(MemberOptions),
     .help = "the models that are stacked, by names of your choice"},
    {.name = "meta",
     .type = OPTION_TYPE_VARIANT,
     .offset = OPTION_OF(StackStageOptions, stack.meta, Variant),
     .kinds = model_kinds,
     .help = "the model that learns from the predictions of the last level: linear for numbers and "
             "logistic for classes do well"},
    {.name = "passthrough",
     .type = OPTION_TYPE_BOOLEAN,
     .offset = OPTION_OF(StackStageOptions, stack.passthrough, bool),
     .fallback = "false",
     .help = "the stage's features, through its recipe, go to meta (and to members above level 1) "
             "beside the predictions"},
    {.name = "predictions",
     .type = OPTION_TYPE_WORD,
     .offset = OPTION_OF(StackStageOptions, stack.scale, int),
     .fallback = "\"log_odds\"",
     .words = calibration_scale_words,
     .help = "classes: how what members predict goes to meta and to upper levels: as the log odds "
             "of each class but the first, cut at those of 1e-4 and 1 - 1e-4, or as its "
             "probability"},
    OPTION_BOOLEAN(StackStageOptions, guard, "true",
                   "compare the stack with its best member on held-out folds, which takes members "
                   "fitted without two folds each: k (k - 1) / 2 fits of every member more"),
    OPTION_WORD(StackStageOptions, score, "\"auto\"", score_words,
                "what the comparison goes by; auto: rmse, or log_loss for classes"),
    JOB_HOW,
    {0}};

enum { INPUT, FOLDS };
static const Port ports[] = {
    [INPUT] = {"input", PORT_TABLE, true, "rows with a split column"},
    [FOLDS] = {"folds", PORT_FOLDS, true,
               "folds over the same rows; members are fitted on sets of them"},
    {0}};

static void spec_of(const void *options, Spec *spec) {
  const StackStageOptions *o = options;
  *spec = job_spec(&o->job, &o->stack.meta);
  spec->stack = &o->stack;
}

static CompareScore score_of(const StackStageOptions *o, Task task) {
  if (o->score > 0) return (CompareScore)(o->score - 1);
  return task == TASK_REGRESSION ? COMPARE_RMSE : COMPARE_LOG_LOSS;
}

/* ---- checks ---- */

static Status check(const void *options) {
  const StackStageOptions *o = options;
  const StackOptions *stack = &o->stack;
  if (stack->members.n == 0)
    return status_fail(INVALID, "members: there are none; name at least one model");
  for (int64_t m = 0; m < stack->members.n; m++) {
    int64_t level = nest_member(stack, m)->level;
    bool below = level == 1;
    for (int64_t other = 0; other < stack->members.n; other++)
      below |= nest_member(stack, other)->level == level - 1;
    if (!below)
      return status_fail(INVALID,
                         "members/%s/level: %lld, but no member is of level %lld, whose "
                         "predictions it would learn from",
                         stack->members.names[m], (long long)level, (long long)level - 1);
  }
  return OK;
}

static Status plan_models(const StackStageOptions *o, Task task) {
  Status status = OK;
  const Map *members = &o->stack.members;
  for (int64_t m = 0; m < members->n; m++) {
    char option[256];
    snprintf(option, sizeof option, "members/%s/model", members->names[m]);
    TRY(job_check_model(option, &nest_member(&o->stack, m)->model, task, o->job.target));
  }
  TRY(job_check_model("meta", &o->stack.meta, task, o->job.target));
done:
  return status;
}

/* What the classes of a category will be is not known before data is read: two that no file has
 * stand for them, so that recipes of upper levels can be planned unless they name one. */
static Status classes_for_plan(ColumnType type, Dictionary *classes) {
  const int64_t offset[] = {0, 2, 4};
  if (type == COLUMN_REAL || type == COLUMN_INTEGER) return OK;
  if (type == COLUMN_BOOLEAN) {
    const int64_t words[] = {0, 5, 9};
    return dictionary_build("falsetrue", words, 2, classes, NULL);
  }
  return dictionary_build("\0011\0012", offset, 2, classes, NULL);
}

static bool may_name_classes(const StackStageOptions *o, ColumnType type) {
  bool open = type == COLUMN_CATEGORY || type == COLUMN_LIST, named = false;
  for (int64_t m = 0; m < o->stack.members.n; m++) {
    const MemberOptions *member = nest_member(&o->stack, m);
    named |= member->level > 1 && (member->features.items || member->recipe.items);
  }
  return open && named;
}

static ColumnType target_type(const StackStageOptions *o, const Schema *schema) {
  if (!isnan(o->job.above)) return COLUMN_BOOLEAN;
  return schema_find(schema, o->job.target)->type;
}

static Status plan_parts(const StackStageOptions *o, Task task, const Schema *schema,
                         Schema *needed) {
  Status status = OK;
  Spec spec;
  Bundle bundle;
  ColumnType type = target_type(o, schema);
  spec_of(o, &spec);
  bundle_init(&bundle, &spec);
  bundle.task = task;
  TRY(classes_for_plan(type, &bundle.classes));
  TRY(nest_begin(&bundle));
  status = nest_plan(&bundle, schema, needed);
  if (status == INVALID && may_name_classes(o, type)) status = OK; /* the run will tell */
done:
  bundle_clear(&bundle);
  return status;
}

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  const StackStageOptions *o = options;
  const Schema *schema = &inputs[INPUT]->schema;
  Task task;
  TRY(job_plan(&o->job, schema, &task));
  output->target = o->job.target;
  output->asked = !isnan(o->job.above);
  TRY(plan_models(o, task));
  CompareScore score = score_of(o, task);
  if (compare_of_values(score) != (task == TASK_REGRESSION))
    return status_fail(INVALID, "score: %s cannot be had of a %s", compare_score_words[score],
                       task == TASK_REGRESSION ? "regression" : "classification");
  TRY(plan_parts(o, task, schema, &output->schema));
done:
  return status;
}

/* ---- the run ---- */

static Status stack_all(const Job *job, const Folds *folds, Artifact *output) {
  Status status = OK;
  const Comm *comm = job->context->comm;
  const StackStageOptions *o = (const StackStageOptions *)(const void *)job->options;
  FoldInputs in;
  HeldOut held = {0};
  TRY(job_folds_all(job, folds, &in));
  StackJob stack = {.in = &in, .role = job->role, .guard = o->guard, .final = true};
  TRY(stack_fit_all(comm, &stack, job->context->sink, &output->bundle, &held, &output->summary));
  if (folds->repeats > 1)
    AGREE(comm, summary_note(&output->summary, NOTE_INFO,
                             "Of the %lld repeats of the folds the first was used.",
                             (long long)folds->repeats));
  if (o->guard)
    TRY(stack_guard_all(comm, &in, &output->bundle, &held, score_of(o, output->bundle.task),
                        &output->summary));
  if (o->guard && output->bundle.task == TASK_CLASSIFICATION)
    TRY(held_values_keep_all(comm, &in, job->role, held.stack, held.width, &output->held));
done:
  held_out_clear(&held);
  return status;
}

/* Members beside the stack on the test part: metrics alone. */
static Status tell_members_all(const Job *job, const Predicted *predicted, double *const *members,
                               Artifact *output) {
  Status status = OK;
  const Bundle *bundle = &output->bundle;
  MeasureOptions plain = job->measure;
  Predicted one = *predicted; /* borrowed */
  plain.details = false;
  for (int64_t m = 0; m < bundle->n_members; m++) {
    char split[256];
    snprintf(split, sizeof split, "test_%s", bundle->spec.stack->members.names[m]);
    one.value = members[m];
    TRY(evaluate_measure_all(job->context->comm, &one, bundle, NULL, &plain, split,
                             &output->summary));
  }
done:
  return status;
}

static Status test_all(const Job *job, const StudyRows *training, Artifact *output) {
  Status status = OK;
  const Comm *comm = job->context->comm;
  int64_t n = output->bundle.n_members;
  SpecNeeds needs = {0};
  Predicted predicted = {0};
  double **members = NULL;
  AGREE(comm, NEW(&members, n));
  AGREE(comm, spec_needs(&output->bundle.spec, job->table, job->options->by, &needs));
  TRY(stack_predict_all(comm, job->table, job->role, ROLE_VALIDATE, &needs.measured,
                        &output->bundle, &predicted, members));
  TRY(job_tell_test_all(job, training, &predicted, output));
  TRY(tell_members_all(job, &predicted, members, output));
done:
  for (int64_t m = 0; members && m < n; m++) memory_free(&members[m]);
  memory_free(&members);
  predicted_clear(&predicted);
  spec_needs_clear(&needs);
  return status;
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const StackStageOptions *o = options;
  const Comm *comm = context->comm;
  Job job = {0};
  Schema none = {0};
  StudyRows training = {0};
  StudyColumns columns = {.columns = &none,
                          .target = o->job.target,
                          .group = o->job.group,
                          .weight = o->job.weight,
                          .each_word = true};
  TRY(job_init_all(context, &o->job, &inputs[INPUT]->table, &job));
  TRY(stack_all(&job, &inputs[FOLDS]->folds, output));
  TRY(study_rows_all(comm, job.table, job.role, ROLE_TRAIN, &columns, &training));
  AGREE(comm, job_note_rows(&training, &output->summary));
  if (o->job.split)
    TRY(test_all(&job, &training, output));
  else
    AGREE(comm, job_no_predictions(&job, &output->predictions));
done:
  study_rows_clear(&training);
  job_clear(&job);
  return status;
}

extern const StageKind stack_stage;
const StageKind stack_stage = {
    .kind = {.name = "stack",
             .help = "Stacks models on out-of-fold predictions and compares with the best of them.",
             .version = 1,
             .options_size = sizeof(StackStageOptions),
             .options = rows,
             .check = check},
    .inputs = ports,
    .output = PORT_BUNDLE,
    .plan = plan,
    .run_all = run_all,
    .spec = spec_of};
