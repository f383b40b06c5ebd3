/* The job's own resampling before the split: copies of a row, and rows between neighbours, stand on
 * both sides then. */
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/random.h"
#include "kernels/resample/resample.h"
#include "parts.h"

bool audit_resamples(const Audit *audit) {
  const Variant *resample = audit->options->spec->resample;
  return resample && resample->kind;
}

/* Columns by number, and the target under its own name. */
static void number_name(int64_t j, char name[32]) {
  snprintf(name, 32, "\001x/%lld", (long long)j);
}

static Status add_reals(Table *table, const char *name, const double *values) {
  Status status = OK;
  Column *column = NULL;
  TRY(column_new(&column, name, COLUMN_REAL, table->rows.n, 0));
  if (column->n > 0) memcpy(column->real, values, (size_t)column->n * sizeof *values);
  status = table_add(table, column);
done:
  return status;
}

static Status as_table(const Resampled *rows, const char *target, Table *out) {
  Status status = OK;
  char name[32];
  TRY(table_init(out, &rows->x.rows));
  if (out->rows.n > 0) memcpy(out->row_id, rows->row_id, (size_t)out->rows.n * sizeof *out->row_id);
  for (int64_t j = 0; j < rows->x.d; j++) {
    number_name(j, name);
    TRY(add_reals(out, name, matrix_column(&rows->x, j)));
  }
  TRY(add_reals(out, target, rows->target));
done:
  return status;
}

/* names, categories: of the columns. */
static Status as_matrix(const Table *table, const Matrix *like, Matrix *out) {
  Status status = OK;
  char name[32];
  TRY(matrix_init(out, &table->rows, like->d));
  if (like->categories) TRY(NEW(&out->categories, like->d));
  for (int64_t j = 0; j < like->d; j++) {
    Column *column = NULL;
    number_name(j, name);
    TRY(table_require(table, name, &column));
    if (column->n > 0)
      memcpy(matrix_column(out, j), column->real, (size_t)column->n * sizeof(double));
    if (like->categories) out->categories[j] = like->categories[j];
    TRY(memory_text(&out->names[j], like->names[j]));
  }
done:
  return status;
}

/* One part of the resampled rows. */
typedef struct Part {
  Table table;
  Matrix x;
  const Column *target;
} Part;

static void part_clear(Part *part) {
  table_clear(&part->table);
  matrix_clear(&part->x);
}

static Status part_all(const Audit *audit, const Table *all, const Matrix *like, bool test,
                       Part *out) {
  Status status = OK;
  uint8_t *keep = NULL;
  Stream stream = random_stream(audit->options->seed, "audit/resampled", 0);
  AGREE(audit->comm, NEW(&keep, all->rows.n));
  for (int64_t i = 0; i < all->rows.n; i++)
    keep[i] = test == (random_uniform(&stream, (uint64_t)all->row_id[i], 0) < audit->options->test);
  TRY(table_filter_all(audit->comm, all, keep, &out->table));
  AGREE(audit->comm, as_matrix(&out->table, like, &out->x));
  out->target = table_find(&out->table, audit->options->spec->target);
done:
  memory_free(&keep);
  return status;
}

static Status fit_all(const Audit *audit, const Part *part, Bundle *bundle) {
  Status status = OK;
  const Problem *problem = &audit->needs.problem;
  const ModelKind *kind = (const ModelKind *)bundle->spec.model->kind;
  Summary unsaid;
  summary_init(&unsaid, false);
  bundle->task = problem->task;
  AGREE(audit->comm, dictionary_copy(&problem->classes, &bundle->classes));
  if (part->table.rows.n_global == 0) return status_fail(INVALID, "no row is left to train on");
  TrainingData data = {.task = problem->task,
                       .n_classes = problem->classes.n,
                       .classes = &problem->classes,
                       .x = &part->x,
                       .target = part->target->real,
                       .row_id = part->table.row_id,
                       .seed = audit->options->seed};
  TRY(kind->fit_all(audit->comm, &data, bundle->spec.model->options, audit->sink, &bundle->model,
                    &unsaid));
done:
  return status;
}

static Status judge_all(const Audit *audit, const Part *part, const Bundle *bundle,
                        FoldScores *scores) {
  Status status = OK;
  const ModelKind *kind = (const ModelKind *)bundle->spec.model->kind;
  /* Borrows the part's rows. */
  Predicted predicted = {.rows = {.table = part->table, .target = part->target->real},
                         .width = bundle_width(bundle)};
  Status local = NEW(&predicted.value, part->table.rows.n * predicted.width);
  if (local == OK) local = kind->predict(bundle->model, &part->x, predicted.value);
  AGREE(audit->comm, local);
  TRY(evaluate_scores_all(audit->comm, &predicted, bundle, audit->options->measure, scores));
done:
  memory_free(&predicted.value);
  return status;
}

Status resampled_before_all(const Audit *audit, const StudyRows *rows, const Matrix *x,
                            FoldScores *scores) {
  Status status = OK;
  const Spec *spec = &audit->protocols[BY_ROW].spec;
  const ResampleKind *kind = (const ResampleKind *)spec->resample->kind;
  const Problem *problem = &audit->needs.problem;
  Resampled resampled = {0};
  Table all = {0};
  Part training = {0}, test = {0};
  Bundle bundle;
  Summary unsaid;
  TrainingData data = {.task = problem->task,
                       .n_classes = problem->classes.n,
                       .classes = &problem->classes,
                       .x = x,
                       .target = rows->target,
                       .row_id = rows->table.row_id,
                       .seed = audit->options->seed};
  bundle_init(&bundle, spec);
  summary_init(&unsaid, false);
  TRY(kind->run_all(audit->comm, &data, spec->resample->options, &resampled, &unsaid));
  AGREE(audit->comm, as_table(&resampled, spec->target, &all));
  TRY(part_all(audit, &all, x, false, &training));
  TRY(part_all(audit, &all, x, true, &test));
  TRY(fit_all(audit, &training, &bundle));
  TRY(judge_all(audit, &test, &bundle, scores));
done:
  bundle_clear(&bundle);
  resampled_clear(&resampled);
  table_clear(&all);
  part_clear(&training);
  part_clear(&test);
  return status;
}
