/* Prediction and measurement of rows that were not trained on; see evaluate.h. */
#include "evaluate.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/constant.h"
#include "kernels/numeric/exact.h"

void predicted_clear(Predicted *predicted) {
  study_rows_clear(&predicted->rows);
  memory_free(&predicted->value);
  memory_free(&predicted->interval);
}

Status evaluate_predict_all(const Comm *comm, const Table *table, const uint8_t *role, Role wanted,
                            const Schema *columns, const char *group, const Bundle *bundle,
                            Predicted *out) {
  Status status = OK;
  *out = (Predicted){.width = bundle_width(bundle)};
  StudyColumns taken = {.columns = columns, .target = bundle->spec.target, .group = group};
  TRY(study_rows_all(comm, table, role, wanted, &taken, &out->rows));
  Status local = NEW(&out->value, out->rows.table.rows.n * out->width);
  bool intervals = bundle_interval(bundle) > 0;
  if (local == OK && intervals) local = NEW(&out->interval, 2 * out->rows.table.rows.n);
  AGREE(comm, local);
  AGREE(comm, bundle_predict_interval(bundle, &out->rows.table, out->value, out->interval));
done:
  return status;
}

/* Recordings, or row ids where there is no group: the unit of the bootstrap. */
static const int64_t *units(const StudyRows *rows) {
  return rows->group ? rows->group : rows->table.row_id;
}

/* ---- lists as truths: a row for each word ---- */

typedef struct Exploded {
  int64_t n;
  double *truth, *probability;
  int64_t *group;
} Exploded;

static void exploded_clear(Exploded *e) {
  memory_free(&e->truth);
  memory_free(&e->probability);
  memory_free(&e->group);
}

static Status explode(const Predicted *predicted, const Column *list, Exploded *out) {
  Status status = OK;
  int64_t rows = predicted->rows.table.rows.n, width = predicted->width, at = 0;
  out->n = list->offset[rows];
  TRY(NEW(&out->truth, out->n));
  TRY(NEW(&out->group, out->n));
  TRY(NEW(&out->probability, out->n * width));
  for (int64_t i = 0; i < rows; i++) {
    for (int64_t k = list->offset[i]; k < list->offset[i + 1]; k++, at++) {
      out->truth[at] = (double)list->code[k];
      out->group[at] = units(&predicted->rows)[i];
      memcpy(out->probability + at * width, predicted->value + i * width,
             (size_t)width * sizeof(double));
    }
  }
done:
  return status;
}

/* Share of rows whose predicted class is any of their words; rows count once. Collective. */
static double any_listed_all(const Comm *comm, const Predicted *predicted, const Bundle *bundle,
                             const Column *list) {
  int64_t counts[2] = {predicted->rows.table.rows.n, 0};
  for (int64_t i = 0; i < predicted->rows.table.rows.n; i++) {
    int64_t best = bundle_class(bundle, predicted->value + i * predicted->width);
    bool hit = false;
    for (int64_t k = list->offset[i]; k < list->offset[i + 1]; k++) hit |= list->code[k] == best;
    counts[1] += hit;
  }
  comm_sum_all(comm, counts, 2);
  return counts[0] > 0 ? (double)counts[1] / (double)counts[0] : NAN;
}

/* The rows as the metrics want them; e holds what had to be made for that. */
static Status classification_rows(const Predicted *predicted, const Column *target, Exploded *e,
                                  ClassificationRows *rows) {
  *rows = (ClassificationRows){.n = predicted->rows.table.rows.n,
                               .n_classes = predicted->width,
                               .truth = predicted->rows.target,
                               .probability = predicted->value,
                               .group = units(&predicted->rows)};
  if (target->type != COLUMN_LIST) return OK;
  Status status = explode(predicted, target, e);
  rows->n = e->n;
  rows->truth = e->truth;
  rows->probability = e->probability;
  rows->group = e->group;
  return status;
}

static Status measure_classes_all(const Comm *comm, const Predicted *predicted,
                                  const Bundle *bundle, const MeasureOptions *options,
                                  const char *part, Summary *summary) {
  Status status = OK;
  Exploded e = {0};
  Column *target = NULL;
  ClassificationRows rows;
  MeasureOptions own = *options;
  own.decision = bundle->decision;
  AGREE(comm, table_require(&predicted->rows.table, bundle->spec.target, &target));
  AGREE(comm, classification_rows(predicted, target, &e, &rows));
  TRY(measure_classification_all(comm, &rows, &bundle->classes, &own, part, summary, NULL));
  if (target->type == COLUMN_LIST) {
    double share = any_listed_all(comm, predicted, bundle, target);
    AGREE(comm, summary_metric(summary, part, "any_listed_accuracy", share, true, true));
  }
done:
  exploded_clear(&e);
  return status;
}

/* How many targets are within their intervals, and how wide these are. Collective. */
static Status measure_intervals_all(const Comm *comm, const Predicted *predicted, const char *part,
                                    Summary *summary) {
  Status status = OK;
  int64_t counts[2] = {predicted->rows.table.rows.n, 0};
  Exact width;
  exact_init(&width);
  for (int64_t i = 0; i < counts[0]; i++) {
    double low = predicted->interval[2 * i], high = predicted->interval[2 * i + 1];
    double target = predicted->rows.target[i];
    exact_add(&width, high - low);
    counts[1] += low <= target && target <= high;
  }
  exact_join_all(comm, &width, 1);
  comm_sum_all(comm, counts, 2);
  if (counts[0] == 0) return OK;
  double rows = (double)counts[0];
  AGREE(comm,
        summary_metric(summary, part, "interval_coverage", (double)counts[1] / rows, true, false));
  AGREE(comm,
        summary_metric(summary, part, "interval_width", exact_round(&width) / rows, false, false));
done:
  return status;
}

Status evaluate_measure_all(const Comm *comm, const Predicted *predicted, const Bundle *bundle,
                            const char *by, const MeasureOptions *options, const char *part,
                            Summary *summary) {
  Status status = OK;
  Column *column = NULL;
  if (bundle->task == TASK_CLASSIFICATION)
    return measure_classes_all(comm, predicted, bundle, options, part, summary);
  AGREE(comm, by ? table_require(&predicted->rows.table, by, &column) : OK);
  RegressionRows rows = {.n = predicted->rows.table.rows.n,
                         .truth = predicted->rows.target,
                         .prediction = predicted->value,
                         .group = units(&predicted->rows),
                         .by = column};
  TRY(measure_regression_all(comm, &rows, options, part, summary, NULL));
  if (predicted->interval) TRY(measure_intervals_all(comm, predicted, part, summary));
done:
  return status;
}

Status evaluate_compare_all(const Comm *comm, const Predicted *predicted, const double *other,
                            const Bundle *bundle, CompareScore score, const MeasureOptions *options,
                            const char *part, Comparison *out) {
  Status status = OK;
  Exploded first = {0}, second = {0};
  Column *target = NULL;
  ClassificationRows a = {0}, b = {0};
  Predicted against = *predicted; /* borrowed */
  CompareRows rows = {.n = predicted->rows.table.rows.n,
                      .truth = predicted->rows.target,
                      .prediction = {predicted->value, other},
                      .group = units(&predicted->rows),
                      .decision = {bundle->decision, bundle->decision}};
  against.value = (double *)(uintptr_t)other;
  if (bundle->task == TASK_CLASSIFICATION) {
    AGREE(comm, table_require(&predicted->rows.table, bundle->spec.target, &target));
    AGREE(comm, classification_rows(predicted, target, &first, &a));
    AGREE(comm, classification_rows(&against, target, &second, &b));
    rows.n = a.n;
    rows.n_classes = a.n_classes;
    rows.truth = a.truth;
    rows.group = a.group;
    rows.prediction[0] = a.probability;
    rows.prediction[1] = b.probability;
  }
  TRY(measure_compare_all(comm, &rows, score, options, part, out));
done:
  exploded_clear(&first);
  exploded_clear(&second);
  return status;
}

const ScoreKind evaluate_score_kinds[][EVALUATE_SCORES] = {
    [TASK_REGRESSION] = {{"rmse", false, true},
                         {"mae", false, false},
                         {"r2", true, true},
                         {"bias", false, false},
                         {"high_recall", true, false},
                         {"high_precision", true, false}},
    [TASK_CLASSIFICATION] = {{"accuracy", true, true},
                             {"balanced_accuracy", true, false},
                             {"precision", true, false},
                             {"recall", true, false},
                             {"f1", true, false},
                             {"f1_macro", true, false},
                             {"auc", true, true},
                             {"average_precision", true, false},
                             {"log_loss", false, false},
                             {"top_k_accuracy", true, false}}};

int64_t evaluate_score_count(Task task) {
  int64_t n = 0;
  while (n < EVALUATE_SCORES && evaluate_score_kinds[task][n].name) n++;
  return n;
}

int64_t evaluate_score_find(Task task, const char *name) {
  for (int64_t k = 0; k < evaluate_score_count(task); k++)
    if (strcmp(evaluate_score_kinds[task][k].name, name) == 0) return k;
  return -1;
}

static void regression_values(const RegressionScores *r, double *value) {
  const double values[] = {r->rmse.value, r->mae.value,         r->r2.value,
                           r->bias.value, r->high_recall.value, r->high_precision.value};
  memcpy(value, values, sizeof values);
}

/* The first k of k classes or fewer hold the true one always: that is no score. */
static void classification_values(const ClassificationScores *c, int64_t top_k, double *value) {
  const ClassScore *second = c->n_classes == 2 ? &c->classes[1] : NULL;
  const double values[] = {c->accuracy.value,
                           c->balanced_accuracy.value,
                           second ? second->precision : c->precision_macro,
                           second ? second->recall : c->recall_macro,
                           second ? second->f1 : c->f1_macro.value,
                           c->f1_macro.value,
                           c->auc.value,
                           c->average_precision.value,
                           c->log_loss.value,
                           top_k < c->n_classes ? c->top_k_accuracy.value : NAN};
  memcpy(value, values, sizeof values);
}

Status evaluate_scores_all(const Comm *comm, const Predicted *predicted, const Bundle *bundle,
                           const MeasureOptions *options, FoldScores *out) {
  Status status = OK;
  Exploded e = {0};
  Column *target = NULL;
  MeasureOptions plain = *options;
  ClassificationRows classes;
  ClassificationScores c = {0};
  plain.replicates = 0;
  plain.decision = bundle->decision;
  *out = (FoldScores){.task = bundle->task, .n_validation = predicted->rows.table.rows.n_global};
  if (bundle->task == TASK_REGRESSION) {
    RegressionScores r;
    RegressionRows rows = {.n = predicted->rows.table.rows.n,
                           .truth = predicted->rows.target,
                           .prediction = predicted->value};
    TRY(measure_regression_scores_all(comm, &rows, &plain, "validation", &r));
    regression_values(&r, out->value);
  } else {
    AGREE(comm, table_require(&predicted->rows.table, bundle->spec.target, &target));
    AGREE(comm, classification_rows(predicted, target, &e, &classes));
    TRY(measure_classification_scores_all(comm, &classes, &plain, "validation", &c));
    classification_values(&c, plain.top_k, out->value);
  }
done:
  exploded_clear(&e);
  classification_scores_clear(&c);
  return status;
}

Status evaluate_baseline_all(const Comm *comm, const StudyRows *training,
                             const Predicted *predicted, const Bundle *bundle,
                             const MeasureOptions *options, const char *part, Summary *summary) {
  Status status = OK;
  Matrix empty = {0}, rows = {0};
  void *model = NULL;
  Summary unsaid;
  MeasureOptions plain = *options;
  Bundle undecided = *bundle;      /* borrowed; the constant has no threshold */
  Predicted constant = *predicted; /* all but the values is borrowed */
  undecided.decision = (Decision){0};
  constant.value = constant.interval = NULL;
  plain.details = false;
  plain.replicates = 0;
  summary_init(&unsaid, false);
  Status local = matrix_init(&empty, &training->table.rows, 0);
  if (local == OK) local = matrix_init(&rows, &predicted->rows.table.rows, 0);
  if (local == OK) local = NEW(&constant.value, rows.rows.n * predicted->width);
  AGREE(comm, local);
  TrainingData data = {.task = bundle->task,
                       .n_classes = bundle->classes.n,
                       .x = &empty,
                       .target = training->target,
                       .weight = training->weight,
                       .row_id = training->table.row_id};
  TRY(constant_model.fit_all(comm, &data, NULL, NULL, &model, &unsaid));
  AGREE(comm, constant_model.predict(model, &rows, constant.value));
  TRY(evaluate_measure_all(comm, &constant, &undecided, NULL, &plain, part, summary));
done:
  constant_model.free(&model);
  memory_free(&constant.value);
  matrix_clear(&empty);
  matrix_clear(&rows);
  return status;
}
