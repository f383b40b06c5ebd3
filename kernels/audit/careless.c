/* Careless ways, rebuilt: what a job would be reported at if it leaked.
 *
 * No config can express them, since a fit is handed training rows and no others; so they are put
 * together here from the same parts. A way that a table does not allow (one class left, a number
 * that overflows) is not made, which is no failure of the audit. */
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/dataset/division.h"
#include "kernels/numeric/groups.h"
#include "kernels/numeric/hash.h"
#include "kernels/numeric/quantile.h"
#include "parts.h"

static const char FREQUENCY[] = "target_frequency";

static const ModelKind *model_kind(const Audit *audit) {
  return (const ModelKind *)audit->options->spec->model->kind;
}

/* Judge a bundle on the rows that a role validates on. */
static Status judge_all(const Audit *audit, const Table *table, const uint8_t *role,
                        const SpecNeeds *needs, const Bundle *bundle, FoldScores *scores) {
  Status status = OK;
  Predicted predicted = {0};
  TRY(evaluate_predict_all(audit->comm, table, role, ROLE_VALIDATE, &needs->measured,
                           bundle->spec.group, bundle, &predicted));
  TRY(evaluate_scores_all(audit->comm, &predicted, bundle, audit->options->measure, scores));
done:
  predicted_clear(&predicted);
  return status;
}

/* Fit a spec on the training rows of a role, judge it on judged's test rows (NULL: role's). */
static Status fit_and_judge_all(const Audit *audit, const Table *table, const Spec *spec,
                                const uint8_t *role, const uint8_t *judged, FoldScores *scores) {
  Status status = OK;
  Bundle bundle;
  SpecNeeds needs;
  Summary unsaid;
  StudyRows training = {0};
  bundle_init(&bundle, spec);
  summary_init(&unsaid, false);
  AGREE(audit->comm, spec_needs(spec, table, NULL, &needs));
  TRY(study_fit_fold_all(audit->comm, table, role, &needs, audit->options->seed, audit->sink,
                         &training, &bundle, &unsaid));
  TRY(judge_all(audit, table, judged ? judged : role, &needs, &bundle, scores));
done:
  bundle_clear(&bundle);
  spec_needs_clear(&needs);
  study_rows_clear(&training);
  return status;
}

/* ---- the target among the features ---- */

/* How often the row's own target stands in the table: the encoding that public notebooks made of
 * a column and its target alike. */
static Status add_frequency_all(const Audit *audit, Table *table) {
  Status status = OK;
  Column *column = NULL;
  int64_t n = table->rows.n, *group = NULL, *size = NULL;
  const Column *target = table_find(table, audit->options->spec->target);
  Status local = column_new(&column, FREQUENCY, COLUMN_REAL, n, 0);
  if (local == OK) local = NEW(&group, n);
  if (local == OK) local = NEW(&size, n);
  AGREE(audit->comm, local);
  for (int64_t i = 0; i < n; i++)
    group[i] = column_missing(target, i) ? -1 : (int64_t)quantile_key(column_real(target, i));
  TRY(groups_sizes_all(audit->comm, group, n, size));
  for (int64_t i = 0; i < n; i++) column->real[i] = (double)size[i] / (double)table->rows.n_global;
  local = table_add(table, column);
  column = NULL;
  AGREE(audit->comm, local);
done:
  column_release(&column);
  memory_free(&group);
  memory_free(&size);
  return status;
}

static Status with_frequency(const Spec *spec, Spec *out) {
  Status status = OK;
  *out = *spec;
  out->features = (TextList){0};
  TRY(NEW(&out->features.items, spec->features.n + 1));
  for (int64_t j = 0; j < spec->features.n; j++) out->features.items[j] = spec->features.items[j];
  out->features.items[spec->features.n] = (char *)(uintptr_t)FREQUENCY;
  out->features.n = spec->features.n + 1;
done:
  return status;
}

static Status target_as_feature_all(Audit *audit, FoldScores *scores) {
  Status status = OK;
  Spec spec = {0};
  if (table_find(&audit->table, FREQUENCY))
    return status_fail(INVALID, "the table has a column \"%s\"", FREQUENCY);
  AGREE(audit->comm, with_frequency(&audit->protocols[BY_ROW].spec, &spec));
  TRY(add_frequency_all(audit, &audit->table));
  TRY(home_tells_all(audit, audit_role(audit, BY_ROW), FREQUENCY, 255, &audit->target_frequency));
  TRY(fit_and_judge_all(audit, &audit->table, &spec, audit_role(audit, BY_ROW), NULL, scores));
done:
  table_remove(&audit->table, FREQUENCY);
  memory_free(&spec.features.items);
  return status;
}

/* ---- recipes and models that have seen the test rows ---- */

static bool recipe_learns(const Audit *audit) {
  const VariantList *steps = audit->options->spec->steps;
  for (int64_t i = 0; i < steps->n; i++)
    if (((const StepKind *)steps->items[i].kind)->fit_all) return true;
  return false;
}

/* The model on training rows, after a recipe that was fitted elsewhere and is applied to them as to
 * new rows: a word's encoding then holds the row's own target. */
static Status fit_encoded_all(const Audit *audit, const StudyRows *training, const Recipe *recipe,
                              Bundle *bundle) {
  Status status = OK;
  Matrix x = {0};
  Summary unsaid;
  const Problem *problem = &audit->needs.problem;
  summary_init(&unsaid, false);
  AGREE(audit->comm, recipe_apply(recipe, &training->table, &x));
  bundle->task = problem->task;
  Status local = dictionary_copy(&problem->classes, &bundle->classes);
  if (local == OK) local = schema_copy(&audit->needs.needed, &bundle->needed);
  AGREE(audit->comm, local);
  TRY(study_model_all(audit->comm, training, problem, &x, NULL, audit->options->seed, audit->sink,
                      bundle, &unsaid));
done:
  matrix_clear(&x);
  return status;
}

static Status encoded_all(const Audit *audit, ProtocolKind kind, const Recipe *recipe,
                          FoldScores *scores) {
  Status status = OK;
  const Spec *spec = &audit->protocols[kind].spec;
  const uint8_t *role = audit_role(audit, kind);
  StudyRows training = {0};
  StudyColumns columns = {.columns = &audit->needs.needed,
                          .target = spec->target,
                          .group = spec->group,
                          .weight = spec->weight,
                          .each_word = true};
  Bundle bundle;
  bundle_init(&bundle, spec);
  bundle.recipe = *recipe; /* lent */
  TRY(study_rows_all(audit->comm, &audit->table, role, ROLE_TRAIN, &columns, &training));
  TRY(fit_encoded_all(audit, &training, recipe, &bundle));
  TRY(judge_all(audit, &audit->table, role, &audit->needs, &bundle, scores));
done:
  bundle.recipe = (Recipe){0};
  bundle_clear(&bundle);
  study_rows_clear(&training);
  return status;
}

/* ---- resampling before the split ---- */

/* The class of a row, -1: its target is missing. */
static int class_of(const Column *target, int64_t i) {
  return column_missing(target, i) ? -1 : (int)column_real(target, i);
}

/* Of the rows in where, all of the rarer class and as many of the other, drawn by row id.
 * Fails with INVALID where there is nothing to balance. */
static Status balance_all(const Audit *audit, uint8_t *where) {
  Status status = OK;
  const double alike = 0.67; /* shares that nobody would balance */
  const Column *target = table_find(&audit->table, audit->options->spec->target);
  int64_t n = audit->table.rows.n, counts[2] = {0};
  uint8_t *larger = NULL, *role = NULL;
  DivisionCounts unsaid;
  Status local = NEW(&larger, n);
  if (local == OK) local = NEW(&role, n);
  AGREE(audit->comm, local);
  for (int64_t i = 0; i < n; i++)
    if (where[i] && class_of(target, i) >= 0) counts[class_of(target, i)]++;
  comm_sum_all(audit->comm, counts, 2);
  int large = counts[1] > counts[0];
  if (counts[!large] == 0 || (double)counts[!large] > alike * (double)counts[large]) {
    status = status_fail(INVALID, "the classes have %lld and %lld rows", (long long)counts[0],
                         (long long)counts[1]);
    goto done;
  }
  for (int64_t i = 0; i < n; i++) larger[i] = where[i] && class_of(target, i) == large;
  /* Other numbers than those that divide: rows with small ones would all be test rows. */
  Division division = {.where = larger, .seed = hash_mix(audit->options->seed + WAYS)};
  TRY(division_split_all(audit->comm, &audit->table, &division,
                         (double)counts[!large] / (double)counts[large], 0, role, &unsaid));
  for (int64_t i = 0; i < n; i++)
    where[i] = where[i] && (class_of(target, i) == !large || role[i] == ROLE_VALIDATE);
done:
  memory_free(&larger);
  memory_free(&role);
  return status;
}

/* Balanced as a whole, then divided by row. */
static Status balanced_before_all(const Audit *audit, FoldScores *scores) {
  Status status = OK;
  int64_t n = audit->table.rows.n;
  uint8_t *where = NULL, *role = NULL;
  DivisionCounts unsaid;
  Status local = NEW(&where, n);
  if (local == OK) local = NEW(&role, n);
  AGREE(audit->comm, local);
  if (n > 0) memset(where, 1, (size_t)n);
  TRY(balance_all(audit, where));
  Division division = {.where = where, .seed = audit->options->seed};
  TRY(division_split_all(audit->comm, &audit->table, &division, audit->options->test, 0, role,
                         &unsaid));
  TRY(fit_and_judge_all(audit, &audit->table, &audit->protocols[BY_ROW].spec, role, NULL, scores));
done:
  memory_free(&where);
  memory_free(&role);
  return status;
}

/* Training rows balanced, test rows as they come. */
static Status balanced_training_all(const Audit *audit, FoldScores *scores) {
  Status status = OK;
  int64_t n = audit->table.rows.n;
  const uint8_t *home = audit_role(audit, audit->home);
  uint8_t *role = NULL;
  AGREE(audit->comm, NEW(&role, n));
  for (int64_t i = 0; i < n; i++) role[i] = home[i] == ROLE_TRAIN;
  TRY(balance_all(audit, role)); /* ROLE_TRAIN is 1 */
  TRY(fit_and_judge_all(audit, &audit->table, &audit->protocols[audit->home].spec, role, home,
                        scores));
done:
  memory_free(&role);
  return status;
}

/* ---- another order of columns ---- */

static Status predict_reversed(const Audit *audit, double *out) {
  Status status = OK;
  Matrix x = {0};
  const Matrix *from = &audit->x_test;
  TRY(matrix_init(&x, &from->rows, from->d));
  for (int64_t j = 0; j < from->d; j++)
    memcpy(matrix_column(&x, j), matrix_column(from, from->d - 1 - j),
           (size_t)from->stride * sizeof *x.data);
  TRY(model_kind(audit)->predict(audit->bundle.model, &x, out));
done:
  matrix_clear(&x);
  return status;
}

static Status columns_reversed_all(const Audit *audit, FoldScores *scores) {
  Status status = OK;
  Predicted predicted = audit->predicted; /* shares the rows */
  predicted.value = predicted.interval = NULL;
  if (audit->x_test.d < 2 || audit->x_test.categories)
    return status_fail(INVALID, "the columns cannot be exchanged");
  Status local = NEW(&predicted.value, predicted.rows.table.rows.n * predicted.width);
  if (local == OK) local = predict_reversed(audit, predicted.value);
  AGREE(audit->comm, local);
  TRY(evaluate_scores_all(audit->comm, &predicted, &audit->bundle, audit->options->measure,
                          scores));
done:
  memory_free(&predicted.value);
  return status;
}

/* ---- all ways ---- */

/* What a way came to. */
static Status take(Audit *audit, Way way, ProtocolKind honest, const FoldScores *scores,
                   Status status) {
  if (status == INVALID || status == NUMERIC) return OK;
  if (status != OK) return status;
  audit->ways[way] = (WayScores){.made = true,
                                 .careless = *scores,
                                 .honest = audit->protocols[honest].first,
                                 .honest_name = protocol_words[honest]};
  return OK;
}

/* A recipe and a model that have seen all rows: they serve some ways. */
typedef struct Seen {
  Bundle bundle;
  StudyRows rows;
  Matrix x;
} Seen;

static void seen_clear(Seen *seen) {
  bundle_clear(&seen->bundle);
  study_rows_clear(&seen->rows);
  matrix_clear(&seen->x);
}

static Status see_all(const Audit *audit, Seen *seen) {
  Status status = OK;
  const Spec *spec = &seen->bundle.spec;
  const SpecNeeds *needs = &audit->needs;
  uint64_t seed = audit->options->seed;
  StudyColumns columns = {.columns = &needs->needed,
                          .target = spec->target,
                          .group = spec->group,
                          .weight = spec->weight,
                          .each_word = true};
  Summary unsaid;
  summary_init(&unsaid, false);
  TRY(study_rows_all(audit->comm, &audit->table, NULL, ROLE_TRAIN, &columns, &seen->rows));
  TRY(study_recipe_all(audit->comm, &seen->rows, &needs->problem, &needs->needed, seed,
                       &seen->bundle, &seen->x, NULL));
  TRY(study_model_all(audit->comm, &seen->rows, &needs->problem, &seen->x, NULL, seed, audit->sink,
                      &seen->bundle, &unsaid));
done:
  return status;
}

static Status seen_ways_all(Audit *audit) {
  Status status = OK;
  FoldScores scores = {0};
  Seen seen = {0};
  const uint8_t *role = audit_role(audit, audit->home);
  bundle_init(&seen.bundle, &audit->protocols[audit->home].spec);
  work_phase(audit->sink, "fitted on test rows too");
  TRY(see_all(audit, &seen));
  status = judge_all(audit, &audit->table, role, &audit->needs, &seen.bundle, &scores);
  TRY(take(audit, REFITTED, audit->home, &scores, status));
  if (audit_resamples(audit)) {
    work_phase(audit->sink, "resampled before the split");
    status = resampled_before_all(audit, &seen.rows, &seen.x, &scores);
    TRY(take(audit, RESAMPLED_BEFORE, audit->home, &scores, status));
  }
  if (!recipe_learns(audit)) goto done;
  work_phase(audit->sink, "encoded on all rows, by row");
  status = encoded_all(audit, BY_ROW, &seen.bundle.recipe, &scores);
  TRY(take(audit, ENCODED_BY_ROW, BY_ROW, &scores, status));
  work_phase(audit->sink, "encoded on all rows, honest split");
  status = audit->home == BY_ROW ? INVALID
                                 : encoded_all(audit, audit->home, &seen.bundle.recipe, &scores);
  TRY(take(audit, ENCODED_AT_HOME, audit->home, &scores, status));
done:
  seen_clear(&seen);
  return status;
}

/* Two classes that the job leaves as unlike as they are. */
static bool may_be_balanced(const Audit *audit) {
  const Column *target = table_find(&audit->table, audit->options->spec->target);
  return audit->needs.problem.classes.n == 2 && target->type != COLUMN_LIST &&
         !audit_resamples(audit);
}

Status careless_all(Audit *audit) {
  Status status = OK;
  FoldScores scores = {0};
  const Column *target = table_find(&audit->table, audit->options->spec->target);
  audit->target_frequency = NAN;
  if (target->type != COLUMN_LIST) {
    work_phase(audit->sink, "the target among the features");
    status = target_as_feature_all(audit, &scores);
    TRY(take(audit, TARGET_AS_FEATURE, BY_ROW, &scores, status));
  }
  TRY(seen_ways_all(audit));
  if (may_be_balanced(audit)) {
    work_phase(audit->sink, "balanced before the split");
    status = balanced_before_all(audit, &scores);
    TRY(take(audit, BALANCED_BEFORE, audit->home, &scores, status));
    work_phase(audit->sink, "balanced training rows");
    status = balanced_training_all(audit, &scores);
    TRY(take(audit, BALANCED_TRAINING, audit->home, &scores, status));
  }
  status = columns_reversed_all(audit, &scores);
  TRY(take(audit, COLUMNS_REVERSED, audit->home, &scores, status));
done:
  return status;
}
