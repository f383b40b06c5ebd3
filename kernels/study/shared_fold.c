/* Fits that share a fold; see shared_fold.h. */
#include "shared_fold.h"

#include "kernels/base/memory.h"

Status shared_fold_init_all(const Comm *comm, const Table *table, const uint8_t *role,
                            const Spec *spec, uint64_t seed, SharedFold *out) {
  Status status = OK;
  *out = (SharedFold){0};
  bundle_init(&out->prepared, spec);
  AGREE(comm, spec_needs(spec, table, NULL, &out->needs));
  StudyColumns training = {.columns = &out->needs.needed,
                           .target = spec->target,
                           .group = spec->group,
                           .weight = spec->weight,
                           .each_word = true};
  StudyColumns validation = {
      .columns = &out->needs.measured, .target = spec->target, .group = spec->group};
  TRY(study_rows_all(comm, table, role, ROLE_TRAIN, &training, &out->training));
  TRY(study_recipe_all(comm, &out->training, &out->needs.problem, &out->needs.needed, seed,
                       &out->prepared, &out->x, NULL));
  TRY(study_rows_all(comm, table, role, ROLE_VALIDATE, &validation, &out->validation));
  AGREE(comm, recipe_apply(&out->prepared.recipe, &out->validation.table, &out->validation_x));
done:
  return status;
}

void shared_fold_clear(SharedFold *fold) {
  spec_needs_clear(&fold->needs);
  if (fold->prepared.spec.model) bundle_clear(&fold->prepared);
  study_rows_clear(&fold->training);
  study_rows_clear(&fold->validation);
  matrix_clear(&fold->x);
  matrix_clear(&fold->validation_x);
  *fold = (SharedFold){0};
}

int64_t shared_fold_bytes(const SharedFold *fold) {
  const Matrix *x[] = {&fold->x, &fold->validation_x};
  int64_t bytes = 0;
  for (int i = 0; i < 2; i++)
    bytes += x[i]->stride * x[i]->d * (int64_t)sizeof(double) +
             x[i]->rows.n * 4 * (int64_t)sizeof(double);
  return bytes;
}

Status shared_fold_judge_all(const Comm *comm, const SharedFold *fold, const Spec *spec,
                             const MeasureOptions *measure, uint64_t seed, WorkSink *sink,
                             FoldScores *out) {
  Status status = OK;
  const ModelKind *kind = (const ModelKind *)spec->model->kind;
  Bundle bundle;
  Summary unsaid;
  Predicted predicted = {.rows = fold->validation}; /* borrowed but for the values */
  bundle_init(&bundle, spec);
  summary_init(&unsaid, false);
  bundle.task = fold->needs.problem.task;
  AGREE(comm, dictionary_copy(&fold->needs.problem.classes, &bundle.classes));
  predicted.width = bundle_width(&bundle);
  TRY(study_model_all(comm, &fold->training, &fold->needs.problem, &fold->x, seed, sink, &bundle,
                      &unsaid));
  Status local = NEW(&predicted.value, predicted.rows.table.rows.n * predicted.width);
  if (local == OK) local = kind->predict(bundle.model, &fold->validation_x, predicted.value);
  AGREE(comm, local);
  TRY(evaluate_scores_all(comm, &predicted, &bundle, measure, out));
  out->n_training = fold->training.table.rows.n_global;
done:
  memory_free(&predicted.value);
  bundle_clear(&bundle);
  return status;
}
