/* Fitting a spec on the training rows of a fold; see study.h. */
#include "study.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/resample/resample.h"
#include "nest.h"

/* Group numbers are 0 .. 2^62 - 1 from here on, as measuring wants them; others (negative ones) are
 * mapped there, which at worst makes one group of two. */
static const int64_t GROUP_BITS = (INT64_C(1) << 62) - 1;

int64_t study_group_number(int64_t group) { return group & GROUP_BITS; }

/* Names of the columns in which target, group and weight travel with their rows; no file has such.
 */
static const char TARGET[] = "\001target", GROUP[] = "\001group", WEIGHT[] = "\001weight";

Status problem_task(const char *target, ColumnType type, Task *task) {
  switch (type) {
    case COLUMN_REAL:
    case COLUMN_INTEGER: *task = TASK_REGRESSION; return OK;
    case COLUMN_BOOLEAN:
    case COLUMN_CATEGORY:
    case COLUMN_LIST: *task = TASK_CLASSIFICATION; return OK;
    default: break;
  }
  return status_fail(INVALID,
                     "target: column \"%s\" is %s; a target is a real, integer, boolean, "
                     "category or list column",
                     target, column_type_phrase(type));
}

Status problem_of(const Column *target, Problem *problem) {
  Status status = OK;
  *problem = (Problem){0};
  TRY(problem_task(target->name, target->type, &problem->task));
  if (target->type == COLUMN_BOOLEAN) {
    const int64_t offset[] = {0, 5, 9};
    TRY(dictionary_build("falsetrue", offset, 2, &problem->classes, NULL));
  } else if (problem->task == TASK_CLASSIFICATION) {
    TRY(dictionary_copy(&target->dictionary, &problem->classes));
  }
done:
  return status;
}

void problem_clear(Problem *problem) { dictionary_clear(&problem->classes); }

/* Which rows to take, how often, and each one's target and group. */
typedef struct Taking {
  int64_t n, capacity;
  int64_t *at;
  int64_t target_capacity;
  double *target;
  const int64_t *group; /* by row of the table; NULL: every row is its own */
  const Column *weight; /* NULL: all 1 */
  int64_t dropped;
  bool each_word;
} Taking;

static Status take(Taking *taking, int64_t row, double target) {
  Status status = OK;
  TRY(RESERVE(&taking->at, &taking->capacity, taking->n + 1));
  TRY(RESERVE(&taking->target, &taking->target_capacity, taking->n + 1));
  taking->at[taking->n] = row;
  taking->target[taking->n++] = target;
done:
  return status;
}

static Status take_row(Taking *taking, const Column *target, int64_t i) {
  Status status = OK;
  if (column_missing(target, i)) {
    taking->dropped++;
  } else if (target->type == COLUMN_LIST) {
    int64_t begin = target->offset[i], end = target->offset[i + 1];
    taking->dropped += begin == end;
    if (!taking->each_word && end > begin) end = begin + 1;
    for (int64_t k = begin; k < end; k++) TRY(take(taking, i, (double)target->code[k]));
  } else {
    TRY(take(taking, i, column_real(target, i)));
  }
done:
  return status;
}

static Status take_rows(const Table *table, const uint8_t *role, Role wanted, const Column *target,
                        Taking *taking) {
  Status status = OK;
  for (int64_t i = 0; i < table->rows.n; i++)
    if (!role || role[i] == wanted) TRY(take_row(taking, target, i));
done:
  return status;
}

/* The numbers of groups. Rows made of one row's words stay together even without a group: they are
 * then grouped by their row, or its twin could be in a bootstrap's or an encoding's other part. */
static Status find_groups(const Table *table, const Column *target, const char *name,
                          Taking *taking) {
  Status status = OK;
  Column *column = NULL;
  if (!name) {
    if (target->type == COLUMN_LIST && taking->each_word) taking->group = table->row_id;
    return OK;
  }
  TRY(table_require(table, name, &column));
  if (column->type != COLUMN_INTEGER)
    return status_fail(INVALID,
                       "group: column \"%s\" is %s; recordings are numbered by an integer "
                       "column, such as `clean` makes",
                       name, column_type_phrase(column->type));
  taking->group = column->integer;
done:
  return status;
}

static Status check_groups(const Table *table, const Taking *taking) {
  for (int64_t k = 0; taking->group && k < taking->n; k++)
    if (taking->group[taking->at[k]] == MISSING_INTEGER)
      return status_fail(INVALID,
                         "group: row %lld has no number; every row needs one, such as "
                         "`clean` gives it",
                         (long long)table->row_id[taking->at[k]]);
  return OK;
}

Status study_check_weight(const char *name, ColumnType type) {
  if (type == COLUMN_REAL || type == COLUMN_INTEGER) return OK;
  return status_fail(INVALID, "weight: column \"%s\" is %s; weights are a real or integer column",
                     name, column_type_phrase(type));
}

static Status find_weights(const Table *table, const char *name, Taking *taking) {
  Status status = OK;
  Column *column = NULL;
  if (!name) return OK;
  TRY(status_prefix(table_require(table, name, &column), "weight: "));
  TRY(study_check_weight(name, column->type));
  taking->weight = column;
done:
  return status;
}

static Status check_weights(const Table *table, const Taking *taking) {
  for (int64_t k = 0; taking->weight && k < taking->n; k++) {
    int64_t at = taking->at[k];
    long long row = table->row_id[at];
    if (column_missing(taking->weight, at))
      return status_fail(INVALID,
                         "weight: row %lld has no weight (column \"%s\"); give it one, or "
                         "drop such rows: name the column in `require` of clean",
                         row, taking->weight->name);
    double weight = column_real(taking->weight, at);
    if (!(weight > 0 && isfinite(weight)))
      return status_fail(INVALID,
                         "weight: row %lld weighs %g (column \"%s\"); weights are finite and above "
                         "0; rows that are to count for nothing can be dropped by clean "
                         "(`impossible` and `require`)",
                         row, weight, taking->weight->name);
  }
  return OK;
}

/* Append what is taken as a column of an own name. */
static Status add_target(const Taking *taking, Table *out) {
  Column *column = NULL;
  Status status = column_new(&column, TARGET, COLUMN_REAL, taking->n, 0);
  if (status != OK) return status;
  if (taking->n > 0) memcpy(column->real, taking->target, (size_t)taking->n * sizeof(double));
  return table_add(out, column);
}

static Status add_groups(const Taking *taking, Table *out) {
  Column *column = NULL;
  Status status = column_new(&column, GROUP, COLUMN_INTEGER, taking->n, 0);
  if (status != OK) return status;
  for (int64_t k = 0; k < taking->n; k++)
    column->integer[k] = study_group_number(taking->group[taking->at[k]]);
  return table_add(out, column);
}

static Status add_weights(const Taking *taking, Table *out) {
  Column *column = NULL;
  Status status = column_new(&column, WEIGHT, COLUMN_REAL, taking->n, 0);
  if (status != OK) return status;
  for (int64_t k = 0; k < taking->n; k++)
    column->real[k] = column_real(taking->weight, taking->at[k]);
  return table_add(out, column);
}

/* The wanted columns of the rows that are taken, with targets, groups and weights as columns. */
static Status narrow(const Table *table, const Schema *columns, const Taking *taking, Table *out) {
  Status status = OK;
  Table view = {0};
  Column *column = NULL;
  TRY(table_init(&view, &table->rows));
  if (table->rows.n > 0)
    memcpy(view.row_id, table->row_id, (size_t)table->rows.n * sizeof *table->row_id);
  for (int64_t j = 0; j < columns->n; j++) {
    TRY(table_require(table, columns->columns[j].name, &column));
    TRY(table_add(&view, column_share(column)));
  }
  TRY(table_take(&view, taking->at, taking->n, out));
  TRY(add_target(taking, out));
  if (taking->group) TRY(add_groups(taking, out));
  if (taking->weight) TRY(add_weights(taking, out));
done:
  table_clear(&view);
  return status;
}

/* Take a column of reals or integers out into an own array. */
static Status take_out(Table *table, const char *name, double **real, int64_t **integer) {
  Status status = OK;
  Column *column = NULL;
  int64_t n = table->rows.n;
  TRY(table_require(table, name, &column));
  if (real) {
    TRY(NEW(real, n));
    if (n > 0) memcpy(*real, column->real, (size_t)n * sizeof **real);
  } else {
    TRY(NEW(integer, n));
    if (n > 0) memcpy(*integer, column->integer, (size_t)n * sizeof **integer);
  }
  table_remove(table, name);
done:
  return status;
}

static Status unpack(StudyRows *out, const Taking *taking) {
  Status status = OK;
  TRY(take_out(&out->table, TARGET, &out->target, NULL));
  if (taking->group) TRY(take_out(&out->table, GROUP, NULL, &out->group));
  if (taking->weight) TRY(take_out(&out->table, WEIGHT, &out->weight, NULL));
done:
  return status;
}

Status study_rows_all(const Comm *comm, const Table *table, const uint8_t *role, Role wanted,
                      const StudyColumns *columns, StudyRows *out) {
  Status status = OK;
  Taking taking = {.each_word = columns->each_word};
  Table taken = {0};
  Column *target = NULL;
  *out = (StudyRows){0};
  AGREE(comm, table_require(table, columns->target, &target));
  AGREE(comm, find_groups(table, target, columns->group, &taking));
  AGREE(comm, find_weights(table, columns->weight, &taking));
  AGREE(comm, take_rows(table, role, wanted, target, &taking));
  AGREE(comm, check_groups(table, &taking));
  AGREE(comm, check_weights(table, &taking));
  AGREE(comm, narrow(table, columns->columns, &taking, &taken));
  taken.rows.n_global = comm_sum_one_all(comm, taking.n);
  taken.rows.begin = comm_exscan_all(comm, taking.n);
  out->dropped = comm_sum_one_all(comm, taking.dropped);
  TRY(table_rebalance_all(comm, &taken, table->rows.block, &out->table));
  AGREE(comm, unpack(out, &taking));
done:
  table_clear(&taken);
  memory_free(&taking.at);
  memory_free(&taking.target);
  return status;
}

Status study_positions(const Table *table, const uint8_t *role, Role wanted, const char *target,
                       int64_t *position, int64_t *n) {
  Status status = OK;
  Taking taking = {0};
  Column *column = NULL;
  TRY(table_require(table, target, &column));
  TRY(take_rows(table, role, wanted, column, &taking));
  for (int64_t k = 0; k < taking.n; k++) position[k] = table->rows.begin + taking.at[k];
  *n = taking.n;
done:
  memory_free(&taking.at);
  memory_free(&taking.target);
  return status;
}

void study_rows_clear(StudyRows *rows) {
  table_clear(&rows->table);
  memory_free(&rows->target);
  memory_free(&rows->group);
  memory_free(&rows->weight);
}

/* A regression target that no sum can hold, or no training rows. */
static Status check_training(const StudyRows *training) {
  if (training->table.rows.n_global == 0)
    return status_fail(INVALID,
                       "no training rows: the split or fold leaves none whose target is "
                       "known");
  for (int64_t i = 0; i < training->table.rows.n; i++)
    if (!isfinite(training->target[i]))
      return status_fail(NUMERIC, "the target of row %lld is not finite; clean it first",
                         (long long)training->table.row_id[i]);
  return OK;
}

/* Training rows as steps left them. */
static void take_left(StudyRows *training, RowsLeft *left) {
  int64_t dropped = training->dropped;
  if (left->removed == 0) return;
  study_rows_clear(training);
  *training = (StudyRows){.table = left->table,
                          .target = left->target,
                          .group = left->group,
                          .weight = left->weight,
                          .dropped = dropped,
                          .removed = left->removed};
  *left = (RowsLeft){0};
}

Status study_recipe_all(const Comm *comm, StudyRows *training, const Problem *problem,
                        const Schema *needed, uint64_t seed, Bundle *bundle, Matrix *x,
                        Summary *summary) {
  Status status = OK;
  RowsLeft left = {0};
  StepFit fit = {.comm = comm,
                 .target = training->target,
                 .n_classes = problem->classes.n,
                 .classes = problem->classes.n > 0 ? &problem->classes : NULL,
                 .group = training->group,
                 .weight = training->weight,
                 .seed = seed,
                 .summary = summary,
                 .left = &left};
  AGREE(comm, check_training(training));
  bundle->task = problem->task;
  Status local = dictionary_copy(&problem->classes, &bundle->classes);
  if (local == OK) local = schema_copy(needed, &bundle->needed);
  AGREE(comm, local);
  TRY(recipe_fit_all(&bundle->recipe, &training->table, &fit, x));
  take_left(training, &left);
done:
  rows_left_clear(&left);
  return status;
}

bool study_weighs_classes(const Variant *model) {
  const char *base = model->options;
  bool weighs = false;
  for (const Option *row = model->kind->options; row && row->name; row++) {
    if (strcmp(row->name, "class_weight") == 0 && row->type == OPTION_TYPE_MAP) {
      const Map *map = (const void *)(base + row->offset);
      weighs |= map->n > 0 || map->word > 1; /* the first word is "none" */
    }
    if (strcmp(row->name, "positive_weight") == 0 && row->type == OPTION_TYPE_REAL) {
      double positive = option_get(row, model->options);
      weighs |= positive != 0 && positive != 1; /* as class_weight.h */
    }
  }
  return weighs;
}

/* Other rows for the model alone. resampled: out, cleared by the caller. */
static Status resample_all(const Comm *comm, const Spec *spec, TrainingData *data,
                           Resampled *resampled, Summary *summary) {
  Status status = OK;
  const Variant *resample = spec->resample;
  if (!resample || !resample->kind) return OK;
  const ResampleKind *kind = (const ResampleKind *)resample->kind;
  status = kind->run_all(comm, data, resample->options, resampled, summary);
  TRY(status_prefix(status, "resample (%s): ", kind->kind.name));
  if (study_weighs_classes(spec->model))
    AGREE(comm, summary_note(summary, NOTE_WARNING,
                             "Classes are resampled and weighed, too: class_weight counts rows "
                             "after resampling, so a remedy may be taken twice."));
  *data = resampled_data(data, resampled);
done:
  return status;
}

/* One class alone is learned as it stands, but says nothing; the model should not surprise. */
static Status note_one_class_all(const Comm *comm, const StudyRows *training,
                                 const Problem *problem, Summary *summary) {
  int64_t least = INT64_MAX, negated = INT64_MAX; /* of -class: both least at once */
  if (!summary || problem->classes.n < 2) return OK;
  for (int64_t i = 0; i < training->table.rows.n; i++) {
    int64_t class = (int64_t)training->target[i];
    if (class < least) least = class;
    if (-class < negated) negated = -class;
  }
  int64_t both[] = {least, negated}, length = 0;
  comm_min_all(comm, both, 2);
  if (both[0] != -both[1]) return OK;
  const char *word = dictionary_word(&problem->classes, (int32_t)both[0], &length);
  return status_agree_all(
      comm, summary_note(summary, NOTE_WARNING,
                         "All training rows are of one class, \"%.*s\": the model can say nothing "
                         "else. Look at the target, and at the split or fold.",
                         (int)word_fit(word, length, 80), word));
}

Status study_model_all(const Comm *comm, const StudyRows *training, const Problem *problem,
                       const Matrix *x, FeatureCache *cache, uint64_t seed, WorkSink *sink,
                       Bundle *bundle, Summary *summary) {
  Status status = OK;
  Resampled resampled = {0};
  const ModelKind *kind = (const ModelKind *)bundle->spec.model->kind;
  TrainingData data = {.task = problem->task,
                       .n_classes = problem->classes.n,
                       .classes = &problem->classes,
                       .x = x,
                       .target = training->target,
                       .weight = training->weight,
                       .group = training->group,
                       .row_id = training->table.row_id,
                       .cache = cache,
                       .seed = seed};
  TRY(note_one_class_all(comm, training, problem, summary));
  TRY(resample_all(comm, &bundle->spec, &data, &resampled, summary));
  TRY(kind->fit_all(comm, &data, bundle->spec.model->options, sink, &bundle->model, summary));
done:
  resampled_clear(&resampled);
  return status;
}

Status study_fit_all(const Comm *comm, StudyRows *training, const Problem *problem,
                     const Schema *needed, uint64_t seed, WorkSink *sink, Bundle *bundle,
                     Summary *summary) {
  Status status = OK;
  Matrix x = {0};
  TRY(study_recipe_all(comm, training, problem, needed, seed, bundle, &x, summary));
  TRY(study_model_all(comm, training, problem, &x, NULL, seed, sink, bundle, summary));
done:
  matrix_clear(&x);
  return status;
}

/* Raw columns of a stack's parts; their number depends on the classes. */
static Status stack_needs(const Spec *spec, const Problem *problem, const Schema *schema,
                          Schema *needed) {
  Status status = OK;
  Bundle bundle;
  bundle_init(&bundle, spec);
  bundle.task = problem->task;
  TRY(dictionary_copy(&problem->classes, &bundle.classes));
  TRY(nest_begin(&bundle));
  TRY(nest_plan(&bundle, schema, needed));
done:
  bundle_clear(&bundle);
  return status;
}

Status spec_needs(const Spec *spec, const Table *table, const char *by, SpecNeeds *out) {
  Status status = OK;
  Schema schema = {0};
  const ModelKind *kind = (const ModelKind *)spec->model->kind;
  Column *target = NULL, *told = NULL;
  *out = (SpecNeeds){0};
  TRY(schema_of(table, &schema));
  TRY(table_require(table, spec->target, &target));
  TRY(problem_of(target, &out->problem));
  if (spec->stack)
    TRY(stack_needs(spec, &out->problem, &schema, &out->needed));
  else
    TRY(recipe_plan(&spec->features, spec->steps, &schema, kind->categorical, spec->target,
                    &out->needed));
  TRY(schema_copy(&out->needed, &out->measured));
  TRY(schema_add(&out->measured, spec->target, target->type));
  if (by) TRY(table_require(table, by, &told));
  if (by) TRY(schema_add(&out->measured, by, told->type));
done:
  schema_clear(&schema);
  return status;
}

void spec_needs_clear(SpecNeeds *needs) {
  problem_clear(&needs->problem);
  schema_clear(&needs->needed);
  schema_clear(&needs->measured);
}

Status study_fit_fold_all(const Comm *comm, const Table *table, const uint8_t *role,
                          const SpecNeeds *needs, uint64_t seed, WorkSink *sink,
                          StudyRows *training, Bundle *bundle, Summary *summary) {
  Status status = OK;
  const Spec *spec = &bundle->spec;
  StudyColumns columns = {.columns = &needs->needed,
                          .target = spec->target,
                          .group = spec->group,
                          .weight = spec->weight,
                          .each_word = true};
  TRY(study_rows_all(comm, table, role, ROLE_TRAIN, &columns, training));
  TRY(study_fit_all(comm, training, &needs->problem, &needs->needed, seed, sink, bundle, summary));
done:
  return status;
}
