/* What tests of studies share: specs with a target encoding and any model, options filled by the
 * rows' names, and a table of recordings with twins. */
#ifndef SEGUE_TESTS_STUDY_CASE_H
#define SEGUE_TESTS_STUDY_CASE_H

#include <stdlib.h>

#include "kernels/study/evaluate.h"
#include "kernels/tree/forest.h"
#include "tests/dataset/rows.h"

extern const StepKind target_encode_step;

static inline void *case_option(const Kind *kind, void *options, const char *name) {
  for (const Option *row = kind->options; row->name; row++)
    if (strcmp(row->name, name) == 0) return (char *)options + row->offset;
  CHECK(false);
  return NULL;
}

/* A recipe of one target_encode step over one column, or of no step. */
typedef struct CaseRecipe {
  VariantList steps;
  Variant step;
  void *options;
  char *column;
} CaseRecipe;

static inline void case_recipe_init(CaseRecipe *recipe, char *encoded, double smoothing) {
  const Kind *kind = &target_encode_step.kind;
  *recipe = (CaseRecipe){.column = encoded};
  if (!encoded) return;
  CHECK_OK(memory_status(recipe->options = memory_get(1, kind->options_size)));
  *(TextList *)case_option(kind, recipe->options, "columns") = (TextList){1, &recipe->column};
  *(int64_t *)case_option(kind, recipe->options, "folds") = 4;
  *(double *)case_option(kind, recipe->options, "smoothing") = smoothing;
  recipe->step = (Variant){.kind = kind, .options = recipe->options};
  recipe->steps = (VariantList){1, &recipe->step};
}

static inline void case_recipe_clear(CaseRecipe *recipe) { memory_free(&recipe->options); }

static inline ForestOptions case_forest(int64_t trees) {
  return (ForestOptions){.trees = trees,
                         .max_depth = OPTION_NONE_INTEGER,
                         .min_samples_leaf = 1,
                         .min_samples_split = 2,
                         .max_leaf_nodes = OPTION_NONE_INTEGER,
                         .max_features = 1,
                         .bootstrap = true,
                         .bins = 255,
                         .oob = true};
}

/* What a spec reads of a table: its needed columns. */
static inline Schema case_needed(const Spec *spec, const Table *table) {
  Schema schema = {0}, needed = {0};
  CHECK_OK(schema_of(table, &schema));
  const ModelKind *kind = (const ModelKind *)spec->model->kind;
  CHECK_OK(
      recipe_plan(&spec->features, spec->steps, &schema, kind->categorical, spec->target, &needed));
  schema_clear(&schema);
  return needed;
}

/* Fit a spec on the training rows of a role. needed, measured: out, the caller clears them. */
static inline Status case_fit_all(const Comm *comm, const Table *table, const uint8_t *role,
                                  const Spec *spec, const char *group, Bundle *bundle,
                                  Schema *measured, Summary *summary) {
  Status status = OK;
  StudyRows training = {0};
  Problem problem = {0};
  Column *target = table_find(table, spec->target);
  Schema needed = case_needed(spec, table);
  CHECK_OK(schema_copy(&needed, measured));
  CHECK_OK(schema_add(measured, spec->target, target->type));
  TRY(problem_of(target, &problem));
  StudyColumns columns = {
      .columns = &needed, .target = spec->target, .group = group, .each_word = true};
  TRY(study_rows_all(comm, table, role, ROLE_TRAIN, &columns, &training));
  TRY(study_fit_all(comm, &training, &problem, &needed, 3, NULL, bundle, summary));
done:
  study_rows_clear(&training);
  problem_clear(&problem);
  schema_clear(&needed);
  return status;
}

static inline double case_score(const FoldScores *scores, const char *name) {
  int64_t k = evaluate_score_find(scores->task, name);
  CHECK(k >= 0);
  return k >= 0 ? scores->value[k] : NAN;
}

#endif
