/* Specs on folds, spread over ranks; see cross_validate.h.
 *
 * The ranks are cut into groups. With one group, its ranks use the table as it is spread. With
 * more, the columns in use are replicated once per node, and the ranks of a group take the shares
 * of its rows that they would have if there were no other ranks; so a fit sees blocks of the same
 * rows wherever it runs, and gives the same bits. Roles of folds travel as columns.
 *
 * Rejected: fitting all folds of a group's ranks at once on threads (one BLAS, one allocator), and
 * a copy of the table for every rank. */
#include "cross_validate.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "progress.h"
#include "shared_fold.h"

enum { ROLE_NAME = 32 };

/* The column in which a fold's roles travel; no file has such. */
static void role_name(int64_t fold, char name[ROLE_NAME]) {
  snprintf(name, ROLE_NAME, "\001role/%lld", (long long)fold);
}

void fold_result_clear(FoldResult *result) {
  memory_free(&result->value);
  memory_free(&result->row);
}

/* ---- preparing ---- */

static Status add_column(const Table *table, const char *name, Table *out) {
  Status status = OK;
  Column *column = NULL;
  if (!name || table_find(out, name)) return OK;
  TRY(table_require(table, name, &column));
  TRY(table_add(out, column_share(column)));
done:
  return status;
}

/* What a spec reads. */
static Status add_columns(const Table *table, const Spec *spec, Table *out) {
  Status status = OK;
  SpecNeeds needs;
  TRY(spec_needs(spec, table, NULL, &needs));
  for (int64_t j = 0; j < needs.measured.n; j++)
    TRY(add_column(table, needs.measured.columns[j].name, out));
  TRY(status_prefix(add_column(table, spec->group, out), "group: "));
  TRY(status_prefix(add_column(table, spec->weight, out), "weight: "));
done:
  spec_needs_clear(&needs);
  return status;
}

static Status add_role(const Folds *folds, int64_t fold, Table *out) {
  char name[ROLE_NAME];
  Column *column = NULL;
  role_name(fold, name);
  Status status = column_new(&column, name, COLUMN_BOOLEAN, folds->rows.n, 0);
  if (status != OK) return status;
  if (folds->rows.n > 0) memcpy(column->boolean, folds_role(folds, fold), (size_t)folds->rows.n);
  return table_add(out, column);
}

static Status collect_columns(const FoldInputs *in, int64_t n, const FoldTask *tasks, Table *out) {
  Status status = OK;
  const Table *table = in->table;
  TRY(table_init(out, &table->rows));
  if (table->rows.n > 0)
    memcpy(out->row_id, table->row_id, (size_t)table->rows.n * sizeof *out->row_id);
  for (int64_t t = 0; t < n; t++)
    if (t == 0 || tasks[t].spec != tasks[t - 1].spec) TRY(add_columns(table, tasks[t].spec, out));
  for (int64_t f = 0; f < in->folds->n_folds; f++) TRY(add_role(in->folds, f, out));
done:
  return status;
}

/* Over all ranks. */
static int64_t bytes_all(const Comm *comm, const Table *table) {
  int64_t bytes = table->rows.n * (int64_t)sizeof(int64_t);
  for (int64_t j = 0; j < table->n_columns; j++) {
    const Column *column = table->columns[j];
    int64_t items = column->offset ? column->offset[column->n] : column->n;
    bytes += items * (int64_t)column_item_size(column->type);
    if (column->offset) bytes += column->n * (int64_t)sizeof *column->offset;
  }
  return comm_sum_one_all(comm, bytes);
}

/* Training rows of every fold. */
static Status count_rows_all(const Comm *comm, const Folds *folds, int64_t **out) {
  Status status = OK;
  AGREE(comm, NEW(out, folds->n_folds));
  for (int64_t f = 0; f < folds->n_folds; f++)
    for (int64_t i = 0; i < folds->rows.n; i++) (*out)[f] += folds_role(folds, f)[i] == ROLE_TRAIN;
  comm_sum_all(comm, *out, folds->n_folds);
done:
  return status;
}

/* Numbers of tasks with the largest first, the lower number where equal; before: n + 1 sums of
 * costs of those that come earlier. */
static void order_tasks(const CrossValidation *cv, int64_t n, const FoldTask *tasks, int64_t *order,
                        int64_t *before) {
  for (int64_t t = 0; t < n; t++) {
    int64_t at = t, cost = cv->n_rows[tasks[t].fold];
    for (; at > 0 && cv->n_rows[tasks[order[at - 1]].fold] < cost; at--) order[at] = order[at - 1];
    order[at] = t;
  }
  before[0] = 0;
  for (int64_t t = 0; t < n; t++) before[t + 1] = before[t] + cv->n_rows[tasks[order[t]].fold];
}

static Status choose_groups(CrossValidation *cv, int64_t n, const FoldTask *tasks, int64_t bytes) {
  Status status = OK;
  int64_t *order = NULL, *costs = NULL;
  TRY(NEW(&order, n));
  TRY(NEW(&costs, n + 1));
  order_tasks(cv, n, tasks, order, costs);
  for (int64_t t = 0; t < n; t++) costs[t] = costs[t + 1] - costs[t];
  TRY(spread_groups(cv->in.spread, cv->comm.size, n, costs, bytes, &cv->n_groups));
done:
  memory_free(&order);
  memory_free(&costs);
  return status;
}

Status cross_validation_init_all(const Comm *comm, const FoldInputs *in, int64_t n,
                                 const FoldTask *tasks, CrossValidation *out) {
  Status status = OK;
  *out = (CrossValidation){.in = *in, .comm = *comm, .group = *comm, .n_groups = 1};
  AGREE(comm, collect_columns(in, n, tasks, &out->columns));
  TRY(count_rows_all(comm, in->folds, &out->n_rows));
  AGREE(comm, choose_groups(out, n, tasks, bytes_all(comm, &out->columns)));
  if (out->n_groups == 1) {
    AGREE(comm, table_share(&out->columns, &out->rows));
  } else {
    int group = spread_group(comm->rank, out->n_groups, comm->size);
    comm_split_all(comm, group, &out->group);
    TRY(replica_new_all(comm, &out->columns, &out->replica));
    AGREE(comm, replica_view(&out->replica, out->group.rank, out->group.size, &out->rows));
  }
done:
  return status;
}

const uint8_t *cross_validation_role(const CrossValidation *cv, int64_t fold) {
  char name[ROLE_NAME];
  role_name(fold, name);
  return table_find(&cv->rows, name)->boolean;
}

void cross_validation_clear_all(CrossValidation *cv) {
  table_clear(&cv->rows);
  replica_clear_all(&cv->replica);
  table_clear(&cv->columns);
  memory_free(&cv->n_rows);
  if (cv->group.mpi != cv->comm.mpi) comm_clear_all(&cv->group);
}

/* ---- a task ---- */

typedef struct Run {
  CrossValidation *cv;
  const FoldTask *tasks;
  int64_t *order; /* unit -> task */
  bool *shares;   /* by task: another one has the same fold and recipe */
  SharedFolds shared;
  Progress progress;
  FoldResult *results;
  /* of the task that this rank's group has just made, on its rank 0 */
  FoldScores scores;
  int64_t width;
  int64_t n;         /* validation rows */
  int64_t *position; /* n rows of the table */
  double *value;     /* n x width */
} Run;

/* The rows and values of all ranks of the group on its rank 0. */
static Status gather_predictions_all(Run *run, const uint8_t *role, const StudyRows *predicted,
                                     int64_t width, const double *value, const char *target) {
  Status status = OK;
  const Comm *group = &run->cv->group;
  const Table *rows = &run->cv->rows;
  int64_t *position = NULL, n = 0, values = predicted->table.rows.n * width;
  void *positions = NULL, *all = NULL;
  AGREE(group, NEW(&position, rows->rows.n));
  AGREE(group, study_positions(rows, role, ROLE_VALIDATE, target, position, &n));
  TRY(comm_gather_all(group, 0, position, (size_t)n * sizeof *position, &positions, NULL));
  run->position = positions;
  TRY(comm_gather_all(group, 0, value, (size_t)values * sizeof(double), &all, NULL));
  run->value = all;
  run->n = predicted->table.rows.n_global;
  run->width = width;
done:
  memory_free(&position);
  return status;
}

static Status fit_and_judge_all(Run *run, const Spec *spec, const uint8_t *role) {
  Status status = OK;
  const CrossValidation *cv = run->cv;
  const Comm *group = &cv->group;
  Bundle bundle;
  SpecNeeds needs;
  Summary unsaid;
  StudyRows training = {0};
  Predicted predicted = {0};
  bundle_init(&bundle, spec);
  summary_init(&unsaid, false);
  AGREE(group, spec_needs(spec, &cv->rows, NULL, &needs));
  TRY(study_fit_fold_all(group, &cv->rows, role, &needs, cv->in.seed, progress_task(&run->progress),
                         &training, &bundle, &unsaid));
  TRY(evaluate_predict_all(group, &cv->rows, role, ROLE_VALIDATE, &needs.measured, spec->group,
                           &bundle, &predicted));
  TRY(evaluate_scores_all(group, &predicted, &bundle, cv->in.measure, &run->scores));
  run->scores.n_training = training.table.rows.n_global;
  if (cv->in.keep_predictions)
    TRY(gather_predictions_all(run, role, &predicted.rows, predicted.width, predicted.value,
                               spec->target));
done:
  bundle_clear(&bundle);
  spec_needs_clear(&needs);
  study_rows_clear(&training);
  predicted_clear(&predicted);
  return status;
}

/* The same on what other tasks share with this one. */
static Status judge_shared_all(Run *run, const FoldTask *task, const uint8_t *role) {
  Status status = OK;
  const CrossValidation *cv = run->cv;
  const Comm *group = &cv->group;
  const Spec *spec = task->spec;
  SharedFold *fold = NULL;
  double *value = NULL;
  TRY(shared_folds_take_all(group, &run->shared, &cv->rows, role, task->fold, spec, cv->in.seed,
                            &fold));
  status = shared_fold_judge_all(group, fold, spec, cv->in.measure, cv->in.seed,
                                 progress_task(&run->progress), &run->scores, &value);
  if (status == OK && cv->in.keep_predictions)
    status = gather_predictions_all(run, role, &fold->validation, shared_fold_width(fold), value,
                                    spec->target);
  shared_folds_leave_all(group, &run->shared, fold);
done:
  memory_free(&value);
  return status;
}

/* What lasts of a task; the same list saves and loads it. */
static Status task_fields(Fields *fields, FoldScores *scores, int64_t *n, int64_t *width,
                          int64_t **position, double **value) {
  Status status = OK;
  int64_t task = scores->task, shape[2] = {*n, *width};
  double *values = scores->value;
  TRY(fields_integer(fields, "task", &task));
  if (task != TASK_REGRESSION && task != TASK_CLASSIFICATION)
    return status_fail(FORMAT, "field \"task\" holds %lld, which is no task", (long long)task);
  TRY(fields_integer(fields, "n_training", &scores->n_training));
  TRY(fields_integer(fields, "n_validation", &scores->n_validation));
  for (int64_t k = 0; k < evaluate_score_count((Task)task); k++)
    TRY(fields_real(fields, evaluate_score_kinds[task][k].name, &values[k]));
  scores->task = (Task)task;
  TRY(fields_integer(fields, "width", width));
  if (*width == 0) return OK; /* predictions are not kept */
  if (fields->mode == FIELDS_IN) shape[0] = -1, shape[1] = *width;
  TRY(fields_array(fields, "position", FIELD_INTEGER, position, 1, shape));
  TRY(fields_array(fields, "value", FIELD_REAL, value, 2, shape));
  *n = shape[0];
done:
  return status;
}

static Status run_task_all(void *context, int64_t unit, Fields *result) {
  Status status = OK;
  Run *run = context;
  const FoldTask *task = &run->tasks[run->order[unit]];
  const uint8_t *role = cross_validation_role(run->cv, task->fold);
  progress_begin(&run->progress, run->order[unit]);
  status = run->shares[run->order[unit]] ? judge_shared_all(run, task, role)
                                         : fit_and_judge_all(run, task->spec, role);
  if (status != OK && status != STOPPED)
    return status_prefix(status, "%s%sfold %lld of %lld: ", task->name ? task->name : "",
                         task->name ? ": " : "", (long long)task->fold + 1,
                         (long long)run->cv->in.folds->n_folds);
  TRY(status);
  if (run->cv->group.rank == 0)
    TRY(task_fields(result, &run->scores, &run->n, &run->width, &run->position, &run->value));
done:
  return status_agree_all(&run->cv->group, status);
}

static void release_task(void *context, int64_t unit) {
  (void)unit;
  Run *run = context;
  memory_free(&run->position);
  memory_free(&run->value);
  run->width = run->n = 0;
}

/* This rank's rows of the table. */
static Status scatter(const Rows *rows, int64_t n, const int64_t *position, const double *value,
                      FoldResult *out) {
  Status status = OK;
  TRY(NEW(&out->value, rows->n * out->width));
  for (int64_t i = 0; i < rows->n * out->width; i++) out->value[i] = NAN;
  for (int64_t k = 0; k < n; k++) {
    int64_t i = position[k] - rows->begin;
    if (i < 0 || i >= rows->n) continue;
    memcpy(out->value + i * out->width, value + k * out->width, (size_t)out->width * sizeof *value);
  }
done:
  return status;
}

/* The same for these rows alone. */
static Status scatter_packed(const Rows *rows, int64_t n, const int64_t *position,
                             const double *value, FoldResult *out) {
  Status status = OK;
  size_t item = (size_t)out->width * sizeof *value;
  int64_t mine = 0;
  for (int64_t k = 0; k < n; k++)
    mine += position[k] >= rows->begin && position[k] < rows->begin + rows->n;
  TRY(NEW(&out->value, mine * out->width));
  TRY(NEW(&out->row, mine));
  for (int64_t k = 0; k < n; k++) {
    int64_t i = position[k] - rows->begin;
    if (i < 0 || i >= rows->n) continue;
    memcpy(out->value + out->n * out->width, value + k * out->width, item);
    out->row[out->n++] = i;
  }
done:
  return status;
}

static Status place_task(void *context, int64_t unit, Fields *result) {
  Status status = OK;
  Run *run = context;
  FoldResult *out = &run->results[run->order[unit]];
  int64_t n = 0, *position = NULL;
  double *value = NULL;
  TRY(task_fields(result, &out->scores, &n, &out->width, &position, &value));
  const Rows *rows = &run->cv->in.table->rows;
  if (out->width > 0)
    TRY(run->cv->in.packed ? scatter_packed(rows, n, position, value, out)
                           : scatter(rows, n, position, value, out));
done:
  memory_free(&position);
  memory_free(&value);
  return status;
}

static void find_shared(int64_t n, const FoldTask *tasks, bool *shares) {
  for (int64_t a = 0; a < n; a++) {
    for (int64_t b = a + 1; b < n; b++) {
      if (shares[a] && shares[b]) continue;
      if (tasks[a].fold != tasks[b].fold || !shared_fold_fits(tasks[a].spec, tasks[b].spec))
        continue;
      shares[a] = shares[b] = true;
    }
  }
}

Status cross_validation_run_all(CrossValidation *cv, int64_t n, const FoldTask *tasks,
                                WorkSink *sink, FoldResult *results) {
  Status status = OK;
  Run run = {
      .cv = cv, .tasks = tasks, .shared = {.budget = SHARED_FOLDS_BYTES}, .results = results};
  int64_t *before = NULL;
  Status local = NEW(&run.order, n);
  if (local == OK) local = NEW(&before, n + 1);
  if (local == OK) local = NEW(&run.shares, n);
  AGREE(&cv->comm, local);
  order_tasks(cv, n, tasks, run.order, before);
  find_shared(n, tasks, run.shares);
  progress_init(&run.progress, sink, n, before, cv->n_groups);
  Work work = {.units = n,
               .run = run_task_all,
               .release = release_task,
               .place = place_task,
               .context = &run};
  TRY(work_run_groups_all(&cv->comm, &cv->group, &work, progress_whole(&run.progress)));
done:
  shared_folds_clear(&run.shared);
  memory_free(&run.order);
  memory_free(&run.shares);
  memory_free(&before);
  return status;
}

/* ---- one spec over all folds ---- */

void fold_results_mean(const FoldResult *results, int64_t n, int64_t k, double *mean, double *sd) {
  double sum = 0, squares = 0;
  int64_t defined = 0;
  for (int64_t f = 0; f < n; f++) {
    if (isnan(results[f].scores.value[k])) continue;
    sum += results[f].scores.value[k];
    defined++;
  }
  *mean = defined > 0 ? sum / (double)defined : NAN;
  for (int64_t f = 0; f < n; f++)
    if (!isnan(results[f].scores.value[k])) squares += pow(results[f].scores.value[k] - *mean, 2);
  *sd = defined > 1 ? sqrt(squares / (double)(defined - 1)) : NAN;
}

/* A fold without a positive row has no AUC: the mean is over the others, and that is said. */
static Status note_undefined(const FoldResult *results, int64_t n, const ScoreKind *kind, int64_t k,
                             Summary *summary) {
  int64_t undefined = 0;
  for (int64_t f = 0; f < n; f++) undefined += isnan(results[f].scores.value[k]);
  if (undefined == 0) return OK;
  return summary_note(summary, NOTE_WARNING,
                      "%s is not defined in %lld of %lld folds (a class, or all but one value, is "
                      "absent there); its mean is over the others.",
                      kind->name, (long long)undefined, (long long)n);
}

static Status tell_table(const FoldResult *results, int64_t n, const ScoreKind *kinds,
                         Summary *summary) {
  Status status = OK;
  const char *columns[EVALUATE_SCORES + 3] = {"fold", "training rows", "validation rows"};
  Cell cells[EVALUATE_SCORES + 3];
  int64_t handle = -1, scores = evaluate_score_count(results[0].scores.task);
  for (int64_t k = 0; k < scores; k++) columns[k + 3] = kinds[k].name;
  TRY(summary_table(summary, "fold_scores", "Scores by fold", scores + 3, columns, &handle));
  for (int64_t f = 0; f < n; f++) {
    const FoldScores *own = &results[f].scores;
    cells[0] = cell_integer(f + 1);
    cells[1] = cell_integer(own->n_training);
    cells[2] = cell_integer(own->n_validation);
    for (int64_t k = 0; k < scores; k++) cells[k + 3] = cell_real(own->value[k]);
    TRY(summary_row(summary, handle, cells));
  }
done:
  return status;
}

static Status tell(const FoldResult *results, int64_t n, Summary *summary) {
  Status status = OK;
  const ScoreKind *kinds = evaluate_score_kinds[results[0].scores.task];
  TRY(tell_table(results, n, kinds, summary));
  for (int64_t k = 0; k < evaluate_score_count(results[0].scores.task); k++) {
    double mean, sd;
    char name[64];
    fold_results_mean(results, n, k, &mean, &sd);
    if (kinds[k].headline) TRY(note_undefined(results, n, &kinds[k], k, summary));
    TRY(summary_metric(summary, "folds", kinds[k].name, mean, kinds[k].higher_better,
                       kinds[k].headline));
    snprintf(name, sizeof name, "%s_sd", kinds[k].name);
    TRY(summary_metric(summary, "folds", name, sd, false, false));
  }
done:
  return status;
}

Status fold_results_gather(const FoldInputs *in, const FoldResult *results, int64_t n,
                           int64_t width, double **out) {
  int64_t size = in->table->rows.n * width;
  Status status = NEW(out, size);
  if (status != OK) return status;
  for (int64_t j = 0; j < size; j++) (*out)[j] = NAN;
  for (int64_t f = 0; f < n; f++)
    for (int64_t k = 0; k < results[f].n; k++)
      memcpy(*out + results[f].row[k] * width, results[f].value + k * width,
             (size_t)width * sizeof **out);
  return OK;
}

Status cross_validate_all(const Comm *comm, const FoldInputs *in, const Spec *spec, WorkSink *sink,
                          double **value, int64_t *width, Summary *summary) {
  Status status = OK;
  int64_t n = in->folds->n_folds;
  FoldInputs own = *in;
  CrossValidation cv = {.comm = *comm, .group = *comm};
  FoldTask *tasks = NULL;
  FoldResult *results = NULL;
  AGREE(comm, NEW(&tasks, n));
  AGREE(comm, NEW(&results, n));
  for (int64_t f = 0; f < n; f++) tasks[f] = (FoldTask){.spec = spec, .fold = f};
  own.keep_predictions = own.packed = value != NULL;
  TRY(cross_validation_init_all(comm, &own, n, tasks, &cv));
  TRY(cross_validation_run_all(&cv, n, tasks, sink, results));
  AGREE(comm, tell(results, n, summary));
  if (value) {
    *width = results[0].width;
    AGREE(comm, fold_results_gather(in, results, n / in->folds->repeats, *width, value));
  }
done:
  for (int64_t f = 0; results && f < n; f++) fold_result_clear(&results[f]);
  cross_validation_clear_all(&cv);
  memory_free(&tasks);
  memory_free(&results);
  return status;
}
