/* The job under its honest protocol: the bundle that rules are proved on, and its matrices. */
#include <math.h>
#include <string.h>

#include "determined.h"
#include "kernels/base/memory.h"
#include "parts.h"

/* ---- what one column tells ---- */

/* A column of training or test rows as a matrix. */
static Status one_column(const StudyRows *rows, const char *name, Matrix *x) {
  Status status = OK;
  Column *column = NULL;
  TRY(table_require(&rows->table, name, &column));
  TRY(matrix_init(x, &rows->table.rows, 1));
  for (int64_t i = 0; i < column->n; i++) matrix_column(x, 0)[i] = column_real(column, i);
done:
  return status;
}

static Status part_all(const Audit *audit, const uint8_t *role, Role part, const char *name,
                       StudyRows *rows, Matrix *x) {
  Status status = OK;
  Schema wanted = {0};
  StudyColumns columns = {
      .columns = &wanted, .target = audit->options->spec->target, .each_word = true};
  AGREE(audit->comm, schema_add(&wanted, name, COLUMN_REAL));
  TRY(study_rows_all(audit->comm, &audit->table, role, part, &columns, rows));
  AGREE(audit->comm, one_column(rows, name, x));
done:
  schema_clear(&wanted);
  return status;
}

Status home_tells_all(const Audit *audit, const uint8_t *role, const char *column, int64_t bins,
                      double *out) {
  Status status = OK;
  StudyRows training = {0}, test = {0};
  Matrix x = {0}, x_test = {0};
  TRY(part_all(audit, role, ROLE_TRAIN, column, &training, &x));
  TRY(part_all(audit, role, ROLE_VALIDATE, column, &test, &x_test));
  TRY(determined_all(audit->comm, &(DeterminedRows){&x, training.target},
                     &(DeterminedRows){&x_test, test.target}, audit->needs.problem.classes.n, bins,
                     out));
done:
  study_rows_clear(&training);
  study_rows_clear(&test);
  matrix_clear(&x);
  matrix_clear(&x_test);
  return status;
}

/* ---- the job ---- */

/* The error of the score that stands for all, from its bootstrap interval; on rank 0, which alone
 * tells it. */
static double standard_error(const Audit *audit, const Summary *told) {
  const double intervals = 2 * 1.959963984540054; /* of 95 %, in standard errors */
  int64_t numbers[PRIMARY];
  primary_scores(audit, numbers);
  const char *name = evaluate_score_kinds[audit->needs.problem.task][numbers[0]].name;
  for (int64_t k = 0; k < told->n_metrics; k++)
    if (strcmp(told->metrics[k].name, name) == 0)
      return (told->metrics[k].high - told->metrics[k].low) / intervals;
  return NAN;
}

static Status measure_all(Audit *audit, FoldScores *scores) {
  Status status = OK;
  MeasureOptions options = *audit->options->measure;
  Summary told;
  summary_init(&told, audit->summary->active);
  options.details = false;
  options.confidence = 0.95;
  TRY(evaluate_scores_all(audit->comm, &audit->predicted, &audit->bundle, &options, scores));
  scores->n_training = audit->training.table.rows.n_global;
  TRY(evaluate_measure_all(audit->comm, &audit->predicted, &audit->bundle, NULL, &options, "home",
                           &told));
  audit->home_error = standard_error(audit, &told);
  audit->constant = summary_find(&told, "home", "majority_share");
done:
  summary_clear(&told);
  return status;
}

/* The two halves of a fit, since the features of the training rows, encodings out of fold, are
 * looked at later. */
static Status fit_all(Audit *audit, const uint8_t *role) {
  Status status = OK;
  const Spec *spec = &audit->bundle.spec;
  const SpecNeeds *needs = &audit->needs;
  uint64_t seed = audit->options->seed;
  StudyColumns columns = {.columns = &needs->needed,
                          .target = spec->target,
                          .group = spec->group,
                          .weight = spec->weight,
                          .each_word = true};
  Summary unsaid;
  summary_init(&unsaid, false);
  TRY(study_rows_all(audit->comm, &audit->table, role, ROLE_TRAIN, &columns, &audit->training));
  TRY(study_recipe_all(audit->comm, &audit->training, &needs->problem, &needs->needed, seed,
                       &audit->bundle, &audit->x_training, NULL));
  TRY(study_model_all(audit->comm, &audit->training, &needs->problem, &audit->x_training, NULL,
                      seed, audit->sink, &audit->bundle, &unsaid));
done:
  return status;
}

Status home_all(Audit *audit, FoldScores *scores) {
  Status status = OK;
  const Protocol *home = &audit->protocols[audit->home];
  const uint8_t *role = audit_role(audit, audit->home);
  bundle_init(&audit->bundle, &home->spec);
  work_phase(audit->sink, "the honest fit");
  TRY(fit_all(audit, role));
  TRY(evaluate_predict_all(audit->comm, &audit->table, role, ROLE_VALIDATE, &audit->needs.measured,
                           home->group, &audit->bundle, &audit->predicted));
  TRY(measure_all(audit, scores));
  AGREE(audit->comm,
        recipe_apply(&audit->bundle.recipe, &audit->predicted.rows.table, &audit->x_test));
done:
  return status;
}
