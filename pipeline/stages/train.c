/* train: fit a recipe and a model on the training rows, and say how good it is.
 *
 * With a `folds` port it is first cross-validated on the folds; then it is fitted on the training
 * part of the split and measured on the test part, beside the constant that knows no features.
 * Recipe and model are fitted inside every fold anew, on its training rows alone. */
#include "kernels/base/memory.h"
#include "kernels/study/cross_validate.h"
#include "kernels/study/predictions.h"
#include "pipeline/registry.h"
#include "pipeline/stage.h"

typedef struct TrainOptions {
  char *target, *group, *split, *by, *weight;
  TextList features;
  VariantList recipe;
  Variant model;
  double high;
  int64_t top_k, replicates;
  double confidence;
  bool baseline;
  int spread;
} TrainOptions;

static const Option rows[] = {
    OPTION_TEXT(TrainOptions, target, NULL,
                "column to predict: a number gives a regression; a boolean, category or list a "
                "classification (a list: any of its words)"),
    OPTION_TEXTS(TrainOptions, features, NULL,
                 "raw columns that enter the recipe; nothing else is learned from. At its end each "
                 "is a number, or a category for forest and gbdt, which split those by sets of "
                 "words"),
    OPTION_VARIANTS(TrainOptions, recipe, "[]", step_kinds,
                    "steps in order, each fitted on training rows alone"),
    OPTION_VARIANT(TrainOptions, model, NULL, model_kinds, "the model"),
    OPTION_TEXT_OR_NULL(
        TrainOptions, group, "\"recording\"",
        "integer column that numbers recordings: never on both sides of an encoding fold or "
        "a bootstrap; null: every row is its own"),
    OPTION_TEXT_OR_NULL(
        TrainOptions, split, "\"split\"",
        "category column with the parts \"train\" and \"test\"; null: train on all rows and "
        "measure by folds or out of bag only"),
    OPTION_TEXT(TrainOptions, weight, "null",
                "real or integer column: how much a training row counts for the model, as if it "
                "stood there so often (above 0, in every row; a list target gives every word its "
                "row's); steps of the recipe and the metrics count every row once, and it is a "
                "feature only if features names it; null: all the same"),
    OPTION_TEXT(TrainOptions, by, "null",
                "category or list column: errors are also told for each of its values"),
    OPTION_REAL(TrainOptions, high, "71", -1e300, 1e300,
                "regression: values above it count as high in high_recall and high_precision"),
    OPTION_INTEGER(TrainOptions, top_k, "3", 1, 1000, "classification: k of top-k accuracy"),
    OPTION_INTEGER(TrainOptions, replicates, "200", 0, 10000,
                   "bootstrap replicates of the confidence intervals; 0: none"),
    OPTION_REAL(TrainOptions, confidence, "0.95", 0.5, 0.999, "of the confidence intervals"),
    OPTION_BOOLEAN(TrainOptions, baseline, "true",
                   "measure the constant baseline beside the model"),
    OPTION_WORD(TrainOptions, spread, "\"auto\"", spread_words,
                "how folds go over ranks: folds: each rank, or group of ranks, fits folds of "
                "its own, on a copy of the columns that is shared on a node; rows: all ranks "
                "fit one fold after the other; auto: rows when these columns take more than 256 "
                "MiB, otherwise the number of groups that is estimated to finish first; the "
                "results are the same"),
    {0}};

enum { INPUT, FOLDS };
static const Port ports[] = {
    [INPUT] = {"input", PORT_TABLE, true, "rows with a split column"},
    [FOLDS] = {"folds", PORT_FOLDS, false, "folds for cross-validation, over the same rows"},
    {0}};

static void spec_of(const void *options, Spec *spec) {
  const TrainOptions *o = options;
  *spec = (Spec){.target = o->target,
                 .group = o->group,
                 .weight = o->weight,
                 .features = o->features,
                 .steps = &o->recipe,
                 .model = &o->model};
}

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

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  const TrainOptions *o = options;
  const Schema *schema = &inputs[INPUT]->schema;
  const ModelKind *kind = (const ModelKind *)o->model.kind;
  const SchemaColumn *target = NULL, *by = NULL, *weight = NULL;
  Task task;
  TRY(status_prefix(schema_require(schema, o->target, &target), "target: "));
  TRY(problem_task(o->target, target->type, &task));
  if (task == TASK_REGRESSION ? !kind->regression : !kind->classification)
    return status_fail(INVALID, "model: a %s cannot do a %s, which the target \"%s\" (%s) asks for",
                       kind->kind.name, task == TASK_REGRESSION ? "regression" : "classification",
                       o->target, column_type_words[target->type]);
  TRY(plan_column_of("group", o->group, COLUMN_INTEGER, schema));
  TRY(plan_column_of("split", o->split, COLUMN_CATEGORY, schema));
  if (o->weight) TRY(status_prefix(schema_require(schema, o->weight, &weight), "weight: "));
  if (weight) TRY(study_check_weight(o->weight, weight->type));
  if (o->by) TRY(status_prefix(schema_require(schema, o->by, &by), "by: "));
  if (by && by->type != COLUMN_CATEGORY && by->type != COLUMN_LIST)
    return status_fail(INVALID, "by: column \"%s\" is a %s; a category or list is needed", o->by,
                       column_type_words[by->type]);
  TRY(recipe_plan(&o->features, &o->recipe, schema, kind->categorical, o->target, &output->schema));
done:
  return status;
}

/* ---- the run ---- */

typedef struct Training {
  const StageContext *context;
  const TrainOptions *options;
  const Table *table;
  uint8_t *role; /* of the split */
  Spec spec;
  SpecNeeds needs;
  MeasureOptions measure;
} Training;

static Status prepare(Training *t) {
  Status status = OK;
  const TrainOptions *o = t->options;
  spec_of(o, &t->spec);
  t->measure = (MeasureOptions){.threshold = o->high,
                                .top_k = o->top_k,
                                .replicates = o->replicates,
                                .confidence = o->confidence,
                                .seed = t->context->seed,
                                .details = true};
  TRY(spec_needs(&t->spec, t->table, o->by, &t->needs));
  TRY(NEW(&t->role, t->table->rows.n));
  TRY(folds_of_split(t->table, o->split, t->role));
done:
  return status;
}

static Status validate_all(const Training *t, const Folds *folds, Summary *summary) {
  Status status = OK;
  const Comm *comm = t->context->comm;
  FoldInputs in = {.table = t->table,
                   .folds = folds,
                   .measure = &t->measure,
                   .seed = t->context->seed,
                   .spread = (Spread)t->options->spread};
  TRY(folds_check_all(comm, folds, t->table, t->options->group, t->role));
  work_phase(t->context->sink, "folds, percent");
  TRY(cross_validate_all(comm, &in, &t->spec, t->context->sink, summary));
done:
  return status;
}

static Status test_all(const Training *t, const StudyRows *training, Artifact *output) {
  Status status = OK;
  const Comm *comm = t->context->comm;
  Predicted predicted = {0};
  TRY(evaluate_predict_all(comm, t->table, t->role, ROLE_VALIDATE, &t->needs.measured,
                           t->options->group, &output->bundle, &predicted));
  TRY(evaluate_measure_all(comm, &predicted, &output->bundle, t->options->by, &t->measure, "test",
                           &output->summary));
  if (t->options->baseline)
    TRY(evaluate_baseline_all(comm, training, &predicted, &output->bundle, &t->measure,
                              "test_constant", &output->summary));
  AGREE(comm, predictions_table(&predicted, &output->bundle, &output->predictions));
done:
  predicted_clear(&predicted);
  return status;
}

static Status no_predictions(const Training *t, Table *out) {
  Rows none = rows_of(0, t->table->rows.block, 0, 1);
  return table_init(out, &none);
}

static Status note_rows(const StudyRows *training, Summary *summary) {
  if (training->dropped == 0) return OK;
  return summary_note(summary, NOTE_WARNING,
                      "%lld training rows have no value of the target and were left out.",
                      (long long)training->dropped);
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const Comm *comm = context->comm;
  StudyRows training = {0};
  Training t = {.context = context, .options = options, .table = &inputs[INPUT]->table};
  bool has_test = t.options->split != NULL;
  AGREE(comm, prepare(&t));
  if (has_test) TRY(folds_check_straddling_all(comm, t.table, t.options->group, t.role, "split"));
  if (inputs[FOLDS]) TRY(validate_all(&t, &inputs[FOLDS]->folds, &output->summary));
  work_phase(context->sink, inputs[FOLDS] ? "final fit" : "fit");
  TRY(study_fit_fold_all(comm, t.table, t.role, &t.needs, context->seed, context->sink, &training,
                         &output->bundle, &output->summary));
  AGREE(comm, note_rows(&training, &output->summary));
  if (has_test)
    TRY(test_all(&t, &training, output));
  else
    AGREE(comm, no_predictions(&t, &output->predictions));
done:
  study_rows_clear(&training);
  spec_needs_clear(&t.needs);
  memory_free(&t.role);
  return status;
}

extern const StageKind train_stage;
const StageKind train_stage = {
    .kind = {.name = "train",
             .help = "Fits a recipe and a model, cross-validates and tests them.",
             .version = 2,
             .options_size = sizeof(TrainOptions),
             .options = rows},
    .inputs = ports,
    .output = PORT_BUNDLE,
    .plan = plan,
    .run_all = run_all,
    .spec = spec_of};
