/* matrix: every combination of what is done about outliers, what is done about imbalance, and a
 * model, on the same folds; one leaderboard.
 *
 * The combinations are one list of fits spread over ranks. The best one by the folds is then fitted
 * on the training part and measured on the test part, as `train` does. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "job.h"
#include "kernels/base/memory.h"
#include "kernels/study/candidates.h"

typedef struct Outliers {
  VariantList steps;
} Outliers;

typedef struct Remedy {
  bool class_weights;
  Variant resample;
} Remedy;

typedef struct Model {
  Variant model;
  VariantList recipe;
} Model;

typedef struct MatrixOptions {
  JobOptions job;
  Map outliers, remedies, models;
  char *score;
} MatrixOptions;

static const Option outlier_rows[] = {
    OPTION_VARIANTS(Outliers, steps, "[]", step_kinds, "steps before those of `recipe`"), {0}};

static const Option remedy_rows[] = {
    OPTION_BOOLEAN(Remedy, class_weights, "false",
                   "set the model's class_weight to \"balanced\": every class weighs the same"),
    OPTION_VARIANT(Remedy, resample, "null", resample_kinds,
                   "other rows for the model, made of the training rows after the recipe; null: "
                   "as the stage's own `resample`"),
    {0}};

static const Option model_rows[] = {
    OPTION_VARIANT(Model, model, NULL, model_kinds, "the model"),
    OPTION_VARIANTS(Model, recipe, "[]", step_kinds, "steps after those of `recipe`"),
    {0}};

static const Option rows[] = {
    JOB_WHAT,
    OPTION_MAP(MatrixOptions, outliers, "{\"raw\": {}}", outlier_rows, Outliers,
               "what is done about outliers: name -> steps"),
    OPTION_MAP(MatrixOptions, remedies, "{\"none\": {}}", remedy_rows, Remedy,
               "what is done about imbalance, in training rows alone: name -> remedy"),
    OPTION_MAP(MatrixOptions, models, NULL, model_rows, Model, "name -> model"),
    OPTION_TEXT(MatrixOptions, score, "null",
                "what decides, as the leaderboard names it; null: rmse, average_precision (two "
                "classes) or accuracy"),
    JOB_HOW,
    JOB_REFIT,
    {0}};

enum { INPUT, FOLDS };
static const Port ports[] = {
    [INPUT] = {"input", PORT_TABLE, true, "rows with a split column"},
    [FOLDS] = {"folds", PORT_FOLDS, true, "folds that decide, over the same rows"},
    {0}};

/* ---- combinations ---- */

enum { OUTLIERS, REMEDY, MODEL, AXES };

static int64_t count(const MatrixOptions *o) { return o->outliers.n * o->remedies.n * o->models.n; }

/* The places on the axes of a combination; the last axis changes fastest. */
static void places(const MatrixOptions *o, int64_t combination, int64_t place[AXES]) {
  place[MODEL] = combination % o->models.n;
  place[REMEDY] = combination / o->models.n % o->remedies.n;
  place[OUTLIERS] = combination / o->models.n / o->remedies.n;
}

/* A spec of parts of the options; one block of memory. */
typedef struct Made {
  VariantList steps;
  Variant model;
  max_align_t more[]; /* the model's options, then the steps */
} Made;

static Status set_class_weights(const Variant *model) {
  const Option *row = model->kind->options;
  while (row && row->name && strcmp(row->name, "class_weight") != 0) row++;
  if (!row || !row->name || row->type != OPTION_TYPE_MAP || !row->words)
    return status_fail(INVALID,
                       "class_weights: a %s has no class_weight; leave this remedy out, "
                       "or take a model that has",
                       model->kind->name);
  for (int w = 0; row->words[w]; w++)
    if (strcmp(row->words[w], "balanced") == 0)
      *(Map *)(void *)((char *)model->options + row->offset) = (Map){.word = 1 + w};
  return OK;
}

static Status make(const void *options, const RealList *choice, Spec *spec, void **memory) {
  Status status = OK;
  const MatrixOptions *o = options;
  int64_t place[AXES], n = 0;
  if (choice->n != 1 || !(choice->items[0] >= 0 && choice->items[0] < (double)count(o)))
    return status_fail(FORMAT, "the combination that was chosen is none of the config's");
  places(o, (int64_t)choice->items[0], place);
  const VariantList *before = &((const Outliers *)o->outliers.items)[place[OUTLIERS]].steps;
  const Remedy *remedy = &((const Remedy *)o->remedies.items)[place[REMEDY]];
  const Model *model = &((const Model *)o->models.items)[place[MODEL]];
  const VariantList *lists[] = {before, &o->job.recipe, &model->recipe};
  size_t bytes = model->model.options ? model->model.kind->options_size : 0;
  size_t units = (bytes + sizeof(max_align_t) - 1) / sizeof(max_align_t);
  int64_t steps = before->n + o->job.recipe.n + model->recipe.n;
  uint8_t *block = NULL;
  TRY(NEW(&block, (int64_t)(sizeof(Made) + units * sizeof(max_align_t)) +
                      steps * (int64_t)sizeof(Variant)));
  *memory = block;
  Made *made = *memory;
  made->model = (Variant){.kind = model->model.kind, .options = bytes > 0 ? made->more : NULL};
  if (bytes > 0) memcpy(made->more, model->model.options, bytes);
  made->steps = (VariantList){.n = steps, .items = (Variant *)(void *)(made->more + units)};
  for (int l = 0; l < 3; l++)
    for (int64_t i = 0; i < lists[l]->n; i++) made->steps.items[n++] = lists[l]->items[i];
  if (remedy->class_weights) TRY(set_class_weights(&made->model));
  *spec = job_spec(&o->job, &made->model);
  if (remedy->resample.kind) spec->resample = &remedy->resample;
  spec->steps = &made->steps;
done:
  return status;
}

static Status make_one(const MatrixOptions *o, int64_t combination, Spec *spec, void **memory) {
  double number = (double)combination;
  RealList choice = {.n = 1, .items = &number};
  return make(o, &choice, spec, memory);
}

/* ---- planning ---- */

static Status plan_one(const MatrixOptions *o, int64_t combination, Task task, const Schema *schema,
                       Schema *needed) {
  Status status = OK;
  Spec spec;
  void *memory = NULL;
  int64_t place[AXES];
  TRY(make_one(o, combination, &spec, &memory));
  TRY(job_plan_spec(&spec, task, schema, needed));
done:
  memory_free(&memory);
  places(o, combination, place);
  return status_prefix(status, "models: %s with %s and %s: ", o->models.names[place[MODEL]],
                       o->outliers.names[place[OUTLIERS]], o->remedies.names[place[REMEDY]]);
}

static Status check(const void *options) {
  const MatrixOptions *o = options;
  const Map *maps[] = {&o->outliers, &o->remedies, &o->models};
  static const char *const names[] = {"outliers", "remedies", "models"};
  for (int a = 0; a < AXES; a++)
    if (maps[a]->n == 0) return status_fail(INVALID, "%s: is empty; name at least one", names[a]);
  return OK;
}

/* Columns that any of the combinations needs: which one it will be is not known yet. */
static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  const MatrixOptions *o = options;
  const Schema *schema = &inputs[INPUT]->schema;
  Schema needed = {0};
  Task task;
  TRY(job_plan(&o->job, schema, &task));
  TRY(job_plan_output(&o->job, output));
  for (int64_t c = 0; c < count(o); c++) {
    TRY(plan_one(o, c, task, schema, &needed));
    for (int64_t j = 0; j < needed.n; j++)
      TRY(schema_add(&output->schema, needed.columns[j].name, needed.columns[j].type));
    schema_clear(&needed);
  }
done:
  schema_clear(&needed);
  return status;
}

/* ---- the run ---- */

typedef struct Grid {
  int64_t n;
  Spec *spec;
  const Spec **specs;
  void **memory;
  int64_t n_axes; /* that have more than one word: only those name a combination */
  const char *axes[AXES];
  const char **label; /* n x n_axes */
} Grid;

static void grid_clear(Grid *grid) {
  for (int64_t c = 0; grid->memory && c < grid->n; c++) memory_free(&grid->memory[c]);
  memory_free(&grid->memory);
  memory_free(&grid->spec);
  memory_free(&grid->specs);
  memory_free(&grid->label);
}

static Status grid_init(const MatrixOptions *o, Grid *grid) {
  Status status = OK;
  static const char *const names[AXES] = {"outliers", "remedy", "model"};
  const Map *maps[AXES] = {&o->outliers, &o->remedies, &o->models}, *used[AXES];
  int64_t place[AXES], axis[AXES];
  grid->n = count(o);
  for (int a = 0; a < AXES; a++) {
    if (maps[a]->n == 1 && a != MODEL) continue;
    grid->axes[grid->n_axes] = names[a];
    used[grid->n_axes] = maps[a];
    axis[grid->n_axes++] = a;
  }
  TRY(NEW(&grid->memory, grid->n));
  TRY(NEW(&grid->spec, grid->n));
  TRY(NEW(&grid->specs, grid->n));
  TRY(NEW(&grid->label, grid->n * AXES));
  for (int64_t c = 0; c < grid->n; c++) {
    TRY(make_one(o, c, &grid->spec[c], &grid->memory[c]));
    grid->specs[c] = &grid->spec[c];
    places(o, c, place);
    for (int64_t a = 0; a < grid->n_axes; a++)
      grid->label[c * grid->n_axes + a] = used[a]->names[place[axis[a]]];
  }
done:
  return status;
}

static Status judge_all(const Job *job, const MatrixOptions *o, const Folds *folds,
                        Artifact *output) {
  Status status = OK;
  const Comm *comm = job->context->comm;
  Grid grid = {0};
  Standing standing = {0};
  FoldInputs in;
  AGREE(comm, grid_init(o, &grid));
  TRY(job_folds_all(job, folds, &in));
  Candidates candidates = {.n = grid.n,
                           .specs = grid.specs,
                           .n_labels = grid.n_axes,
                           .axes = grid.axes,
                           .label = grid.label,
                           .score = o->score};
  work_phase(job->context->sink, "combinations, percent");
  TRY(candidates_judge_all(comm, &in, &candidates, job->context->sink, &standing,
                           &output->summary));
  double best = (double)standing.order[0];
  AGREE(comm, bundle_choose(&output->bundle, &(RealList){.n = 1, .items = &best}));
done:
  standing_clear(&standing);
  grid_clear(&grid);
  return status;
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const MatrixOptions *o = options;
  Job job = {0};
  TRY(job_init_all(context, &o->job, &inputs[INPUT]->table, &job));
  TRY(judge_all(&job, o, &inputs[FOLDS]->folds, output));
  work_phase(context->sink, "final fit");
  TRY(job_finish_all(&job, output));
done:
  job_clear(&job);
  return status;
}

extern const StageKind matrix_stage;
const StageKind matrix_stage = {
    .kind = {.name = "matrix",
             .help =
                 "Judges every combination of outlier handling, remedy for imbalance and model.",
             .version = 1,
             .options_size = sizeof(MatrixOptions),
             .options = rows,
             .check = check},
    .inputs = ports,
    .output = PORT_BUNDLE,
    .plan = plan,
    .run_all = run_all,
    .choose = make};
