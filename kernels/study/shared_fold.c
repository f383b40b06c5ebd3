/* Fits that share a fold; see shared_fold.h. */
#include "shared_fold.h"

#include <string.h>

#include "kernels/base/memory.h"

/* Once the recipe is applied, scores ask for the target alone. */
static void drop_raw(StudyRows *rows, const char *target) {
  for (int64_t j = rows->table.n_columns - 1; j >= 0; j--) {
    const char *name = rows->table.columns[j]->name;
    if (strcmp(name, target) != 0) table_remove(&rows->table, name);
  }
}

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
  drop_raw(&out->training, spec->target);
  out->cache.x = &out->x;
  TRY(study_rows_all(comm, table, role, ROLE_VALIDATE, &validation, &out->validation));
  AGREE(comm, recipe_apply(&out->prepared.recipe, &out->validation.table, &out->validation_x));
  drop_raw(&out->validation, spec->target);
done:
  return status;
}

void shared_fold_clear(SharedFold *fold) {
  spec_needs_clear(&fold->needs);
  if (fold->prepared.spec.model) bundle_clear(&fold->prepared);
  study_rows_clear(&fold->training);
  study_rows_clear(&fold->validation);
  feature_cache_clear(&fold->cache);
  matrix_clear(&fold->x);
  matrix_clear(&fold->validation_x);
  *fold = (SharedFold){0};
}

int64_t shared_fold_bytes(const SharedFold *fold) {
  const Matrix *x[] = {&fold->x, &fold->validation_x};
  int64_t bytes = feature_cache_bytes(&fold->cache);
  for (int i = 0; i < 2; i++)
    bytes += x[i]->stride * x[i]->d * (int64_t)sizeof(double) +
             x[i]->rows.n * 5 * (int64_t)sizeof(double);
  return bytes;
}

Status shared_fold_judge_all(const Comm *comm, SharedFold *fold, const Spec *spec,
                             const MeasureOptions *measure, uint64_t seed, WorkSink *sink,
                             FoldScores *out, double **value) {
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
  TRY(study_model_all(comm, &fold->training, &fold->needs.problem, &fold->x, &fold->cache, seed,
                      sink, &bundle, &unsaid));
  Status local = NEW(&predicted.value, predicted.rows.table.rows.n * predicted.width);
  if (local == OK) local = kind->predict(bundle.model, &fold->validation_x, predicted.value);
  AGREE(comm, local);
  TRY(evaluate_scores_all(comm, &predicted, &bundle, measure, out));
  out->n_training = fold->training.table.rows.n_global;
  if (value) {
    *value = predicted.value;
    predicted.value = NULL;
  }
done:
  memory_free(&predicted.value);
  bundle_clear(&bundle);
  return status;
}

static bool same_text(const char *a, const char *b) {
  return a == b || (a && b && strcmp(a, b) == 0);
}

static bool same_steps(const VariantList *a, const VariantList *b) {
  if (a->n != b->n) return false;
  for (int64_t i = 0; i < a->n; i++) {
    if (a->items[i].kind != b->items[i].kind) return false;
    if (a->items[i].options != b->items[i].options) return false;
  }
  return true;
}

bool shared_fold_fits(const Spec *a, const Spec *b) {
  bool categorical = ((const ModelKind *)a->model->kind)->categorical;
  if (a->stack || b->stack) return false;
  if (categorical != ((const ModelKind *)b->model->kind)->categorical) return false;
  if (!same_text(a->target, b->target) || !same_text(a->group, b->group)) return false;
  if (!same_text(a->weight, b->weight) || a->features.n != b->features.n) return false;
  for (int64_t j = 0; j < a->features.n; j++)
    if (strcmp(a->features.items[j], b->features.items[j]) != 0) return false;
  return same_steps(a->steps, b->steps);
}

/* ---- a set of them ---- */

static void slot_clear(SharedFolds *set, int64_t at) {
  SharedFoldSlot *slot = &set->slots[at];
  set->bytes -= slot->bytes;
  if (slot->shared) shared_fold_clear(slot->shared);
  memory_free(&slot->shared);
  *slot = set->slots[--set->n];
}

static Status slot_new(SharedFolds *set, int64_t fold, const Spec *spec) {
  Status status = RESERVE(&set->slots, &set->capacity, set->n + 1);
  if (status != OK) return status;
  set->slots[set->n++] = (SharedFoldSlot){.fold = fold, .spec = spec};
  return NEW(&set->slots[set->n - 1].shared, 1);
}

Status shared_folds_take_all(const Comm *comm, SharedFolds *set, const Table *table,
                             const uint8_t *role, int64_t fold, const Spec *spec, uint64_t seed,
                             SharedFold **out) {
  Status status = OK;
  int64_t before = set->n;
  for (int64_t i = 0; i < set->n; i++) {
    *out = set->slots[i].shared;
    if (set->slots[i].fold == fold && shared_fold_fits(set->slots[i].spec, spec)) return OK;
  }
  AGREE(comm, slot_new(set, fold, spec));
  *out = set->slots[before].shared;
  TRY(shared_fold_init_all(comm, table, role, spec, seed, *out));
done:
  if (status != OK && set->n > before) slot_clear(set, before);
  return status;
}

void shared_folds_leave_all(const Comm *comm, SharedFolds *set, const SharedFold *fold) {
  int64_t at = 0;
  while (set->slots[at].shared != fold) at++;
  SharedFoldSlot *slot = &set->slots[at];
  int64_t bytes = comm_max_one_all(comm, shared_fold_bytes(fold));
  set->bytes += bytes - slot->bytes;
  slot->bytes = bytes;
  if (set->bytes > set->budget) slot_clear(set, at);
}

void shared_folds_clear(SharedFolds *set) {
  while (set->n > 0) slot_clear(set, set->n - 1);
  memory_free(&set->slots);
}
