/* train: fit a recipe and a model on the training rows, and say how good it is.
 *
 * With a `folds` port it is first cross-validated on the folds; then it is fitted on the training
 * part of the split and measured on the test part, beside the constant that knows no features.
 * Recipe and model are fitted inside every fold anew, on its training rows alone. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/dataset/division.h"
#include "kernels/study/evaluate.h"
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
} TrainOptions;

static const Option rows[] = {
    OPTION_TEXT(TrainOptions, target, NULL,
                "column to predict: a number gives a regression; a boolean, category or list a "
                "classification (a list: any of its words)"),
    OPTION_TEXTS(TrainOptions, features, NULL,
                 "raw columns that enter the recipe; nothing else is learned from"),
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
    {0}};

enum { INPUT, FOLDS };
static const Port ports[] = {
    [INPUT] = {"input", PORT_TABLE, true, "rows with a split column"},
    [FOLDS] = {"folds", PORT_FOLDS, false, "folds for cross-validation, over the same rows"},
    {0}};

static void spec_of(const void *options, Spec *spec) {
  const TrainOptions *o = options;
  *spec =
      (Spec){.target = o->target, .features = o->features, .steps = &o->recipe, .model = &o->model};
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

/* ---- the parts of a run ---- */

typedef struct Training {
  const StageContext *context;
  const TrainOptions *options;
  const Table *table;
  uint8_t *role; /* of the split */
  bool has_test;
  Problem problem;
  Schema needed;   /* raw columns of the recipe */
  Schema measured; /* those and the target and `by` */
  MeasureOptions measure;
} Training;

static Status find_roles(Training *t) {
  Status status = OK;
  Column *split = NULL;
  int64_t n = t->table->rows.n;
  TRY(NEW(&t->role, n));
  if (!t->options->split) {
    if (n > 0) memset(t->role, ROLE_TRAIN, (size_t)n);
    return OK;
  }
  TRY(table_require(t->table, t->options->split, &split));
  int32_t train = dictionary_find(&split->dictionary, "train", 5);
  int32_t test = dictionary_find(&split->dictionary, "test", 4);
  if (train == MISSING_CODE) {
    status = status_fail(INVALID, "split: column \"%s\" has no part \"train\"", t->options->split);
    goto done;
  }
  for (int64_t i = 0; i < n; i++) {
    int32_t code = split->code[i];
    t->role[i] = code == train                          ? ROLE_TRAIN
                 : code == test && test != MISSING_CODE ? ROLE_VALIDATE
                                                        : ROLE_NONE;
  }
  t->has_test = true;
done:
  return status;
}

static Status prepare(Training *t) {
  Status status = OK;
  const TrainOptions *o = t->options;
  const ModelKind *kind = (const ModelKind *)o->model.kind;
  Schema schema = {0};
  Column *target = NULL, *by = NULL;
  TRY(schema_of(t->table, &schema));
  TRY(recipe_plan(&o->features, &o->recipe, &schema, kind->categorical, o->target, &t->needed));
  TRY(schema_copy(&t->needed, &t->measured));
  TRY(table_require(t->table, o->target, &target));
  TRY(schema_add(&t->measured, o->target, target->type));
  if (o->by) TRY(table_require(t->table, o->by, &by));
  if (by) TRY(schema_add(&t->measured, o->by, by->type));
  TRY(problem_of(target, &t->problem));
  TRY(find_roles(t));
  t->measure = (MeasureOptions){.threshold = o->high,
                                .top_k = o->top_k,
                                .replicates = o->replicates,
                                .confidence = o->confidence,
                                .seed = t->context->seed,
                                .details = true};
done:
  schema_clear(&schema);
  return status;
}

/* Fit on the training rows of a fold. */
static Status fit_all(const Training *t, const uint8_t *role, StudyRows *training, Bundle *bundle,
                      Summary *summary) {
  Status status = OK;
  const Comm *comm = t->context->comm;
  StudyColumns columns = {.columns = &t->needed,
                          .target = t->options->target,
                          .group = t->options->group,
                          .weight = t->options->weight,
                          .each_word = true};
  TRY(study_rows_all(comm, t->table, role, ROLE_TRAIN, &columns, training));
  TRY(study_fit_all(comm, training, &t->problem, &t->needed, t->context->seed, t->context->sink,
                    bundle, summary));
done:
  return status;
}

static Status predict_all(const Training *t, const uint8_t *role, const Bundle *bundle,
                          Predicted *out) {
  return evaluate_predict_all(t->context->comm, t->table, role, ROLE_VALIDATE, &t->measured,
                              t->options->group, bundle, out);
}

/* ---- what must not be on both sides ---- */

/* No recording is trained on and measured too. what: the division, for the message. */
static Status refuse_straddling_all(const Training *t, const uint8_t *role, const char *what) {
  Status status = OK;
  const TrainOptions *o = t->options;
  Column *group = NULL;
  int64_t found = 0;
  if (!o->group) return OK;
  AGREE(t->context->comm, table_require(t->table, o->group, &group));
  TRY(division_straddling_all(t->context->comm, group->integer, role, t->table->rows.n, &found));
  if (found > 0)
    status = status_fail(INVALID,
                         "%s: %lld training rows are of a recording (column \"%s\") that is "
                         "measured on too, so scores would leak; divide with \"group\": \"%s\", or "
                         "set this stage's group to null if rows are not related",
                         what, (long long)found, o->group, o->group);
done:
  return status;
}

/* No test row takes part in the folds. */
static Status refuse_test_rows_all(const Training *t, const Folds *folds) {
  int64_t found = 0;
  for (int64_t i = 0; i < t->table->rows.n; i++) {
    bool used = false;
    for (int64_t f = 0; f < folds->n_folds; f++) used |= folds_role(folds, f)[i] != ROLE_NONE;
    found += used && t->role[i] == ROLE_VALIDATE;
  }
  found = comm_sum_one_all(t->context->comm, found);
  if (found == 0) return OK;
  return status_fail(INVALID,
                     "folds: %lld rows of the test part are in folds; make the folds of the "
                     "split's output, and name its column in their `split`",
                     (long long)found);
}

/* ---- cross-validation ---- */

static Status fold_all(const Training *t, const uint8_t *role, FoldScores *scores) {
  Status status = OK;
  Bundle bundle;
  StudyRows training = {0};
  Predicted predicted = {0};
  Summary unsaid;
  Spec spec;
  spec_of(t->options, &spec);
  bundle_init(&bundle, &spec);
  summary_init(&unsaid, false);
  TRY(fit_all(t, role, &training, &bundle, &unsaid));
  TRY(predict_all(t, role, &bundle, &predicted));
  TRY(evaluate_scores_all(t->context->comm, &predicted, &bundle, &t->measure, scores));
  scores->n_training = training.table.rows.n_global;
done:
  bundle_clear(&bundle);
  study_rows_clear(&training);
  predicted_clear(&predicted);
  return status;
}

static void mean_and_sd(const FoldScores *scores, int64_t n, int64_t k, double *mean, double *sd) {
  double sum = 0, squares = 0;
  for (int64_t f = 0; f < n; f++) sum += scores[f].value[k];
  *mean = sum / (double)n;
  for (int64_t f = 0; f < n; f++) squares += pow(scores[f].value[k] - *mean, 2);
  *sd = n > 1 ? sqrt(squares / (double)(n - 1)) : NAN;
}

static Status tell_folds(const FoldScores *scores, int64_t n, Summary *summary) {
  Status status = OK;
  const char *columns[EVALUATE_SCORES + 3] = {"fold", "training rows", "validation rows"};
  Cell cells[EVALUATE_SCORES + 3];
  int64_t handle = -1, k_n = scores[0].n;
  for (int64_t k = 0; k < k_n; k++) columns[k + 3] = scores[0].name[k];
  TRY(summary_table(summary, "fold_scores", "Scores by fold", k_n + 3, columns, &handle));
  for (int64_t f = 0; f < n; f++) {
    cells[0] = cell_integer(f + 1);
    cells[1] = cell_integer(scores[f].n_training);
    cells[2] = cell_integer(scores[f].n_validation);
    for (int64_t k = 0; k < k_n; k++) cells[k + 3] = cell_real(scores[f].value[k]);
    TRY(summary_row(summary, handle, cells));
  }
  for (int64_t k = 0; k < k_n; k++) {
    double mean, sd;
    char name[64];
    mean_and_sd(scores, n, k, &mean, &sd);
    TRY(summary_metric(summary, "folds", scores[0].name[k], mean, scores[0].higher_better[k],
                       k == 0 || k == 2));
    snprintf(name, sizeof name, "%s_sd", scores[0].name[k]);
    TRY(summary_metric(summary, "folds", name, sd, false, false));
  }
done:
  return status;
}

static Status cross_validate_all(const Training *t, const Folds *folds, Summary *summary) {
  Status status = OK;
  FoldScores *scores = NULL;
  AGREE(t->context->comm, NEW(&scores, folds->n_folds));
  if (folds->rows.n_global != t->table->rows.n_global) {
    status = status_fail(INVALID,
                         "folds: they divide %lld rows, but the input has %lld; both have "
                         "to come from the same stage",
                         (long long)folds->rows.n_global, (long long)t->table->rows.n_global);
    goto done;
  }
  TRY(refuse_test_rows_all(t, folds));
  for (int64_t f = 0; f < folds->n_folds; f++)
    TRY(refuse_straddling_all(t, folds_role(folds, f), "folds"));
  for (int64_t f = 0; f < folds->n_folds; f++) {
    char phase[64];
    snprintf(phase, sizeof phase, "fold %lld of %lld", (long long)f + 1, (long long)folds->n_folds);
    work_phase(t->context->sink, phase);
    TRY(fold_all(t, folds_role(folds, f), &scores[f]));
  }
  AGREE(t->context->comm, tell_folds(scores, folds->n_folds, summary));
done:
  memory_free(&scores);
  return status;
}

/* ---- the final fit ---- */

/* Predicted classes and the probability of each, as columns. */
static Status add_classes(const Predicted *predicted, const Bundle *bundle, Table *out) {
  Status status = OK;
  int64_t n = predicted->rows.table.rows.n, width = predicted->width;
  Column *class = NULL, *probability = NULL;
  TRY(column_new(&class, "prediction", COLUMN_CATEGORY, n, 0));
  TRY(column_new(&probability, "probability", COLUMN_REAL, n, 0));
  TRY(dictionary_copy(&bundle->classes, &class->dictionary));
  for (int64_t i = 0; i < n; i++) {
    const double *p = predicted->value + i * width;
    int32_t best = 0;
    for (int32_t c = 1; c < width; c++)
      if (p[c] > p[best]) best = c;
    class->code[i] = best;
    probability->real[i] = p[best];
  }
  status = table_add(out, class);
  class = NULL;
  TRY(status);
  status = table_add(out, probability);
  probability = NULL;
done:
  column_release(&class);
  column_release(&probability);
  return status;
}

/* The predictions table: original row ids, truth, prediction. */
static Status keep_predictions(const Predicted *predicted, const Bundle *bundle, Table *out) {
  Status status = OK;
  const Table *source = &predicted->rows.table;
  int64_t n = source->rows.n;
  Column *column = NULL;
  TRY(table_init(out, &source->rows));
  if (n > 0) memcpy(out->row_id, source->row_id, (size_t)n * sizeof *out->row_id);
  TRY(table_require(source, bundle->spec.target, &column));
  column = column_share(column);
  status = table_add(out, column);
  column = NULL;
  TRY(status);
  if (bundle->task == TASK_CLASSIFICATION) {
    TRY(add_classes(predicted, bundle, out));
  } else {
    TRY(column_new(&column, "prediction", COLUMN_REAL, n, 0));
    if (n > 0) memcpy(column->real, predicted->value, (size_t)n * sizeof(double));
    status = table_add(out, column);
    column = NULL;
  }
done:
  column_release(&column);
  return status;
}

static Status test_all(const Training *t, const StudyRows *training, Artifact *output) {
  Status status = OK;
  const Comm *comm = t->context->comm;
  Predicted predicted = {0};
  TRY(predict_all(t, t->role, &output->bundle, &predicted));
  TRY(evaluate_measure_all(comm, &predicted, &output->bundle, t->options->by, &t->measure, "test",
                           &output->summary));
  if (t->options->baseline)
    TRY(evaluate_baseline_all(comm, training, &predicted, &output->bundle, &t->measure,
                              "test_constant", &output->summary));
  AGREE(comm, keep_predictions(&predicted, &output->bundle, &output->predictions));
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
  AGREE(comm, prepare(&t));
  if (t.has_test) TRY(refuse_straddling_all(&t, t.role, "split"));
  if (inputs[FOLDS]) TRY(cross_validate_all(&t, &inputs[FOLDS]->folds, &output->summary));
  work_phase(context->sink, inputs[FOLDS] ? "final fit" : "fit");
  TRY(fit_all(&t, t.role, &training, &output->bundle, &output->summary));
  AGREE(comm, note_rows(&training, &output->summary));
  if (t.has_test)
    TRY(test_all(&t, &training, output));
  else
    AGREE(comm, no_predictions(&t, &output->predictions));
done:
  study_rows_clear(&training);
  problem_clear(&t.problem);
  schema_clear(&t.needed);
  schema_clear(&t.measured);
  memory_free(&t.role);
  return status;
}

extern const StageKind train_stage;
const StageKind train_stage = {
    .kind = {.name = "train",
             .help = "Fits a recipe and a model, cross-validates and tests them.",
             .version = 1,
             .options_size = sizeof(TrainOptions),
             .options = rows},
    .inputs = ports,
    .output = PORT_BUNDLE,
    .plan = plan,
    .run_all = run_all,
    .spec = spec_of};
