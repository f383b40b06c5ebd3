/* The rows of a classification: predicted class, hits and loss of each row, and class means. */
#include <float.h>
#include <math.h>

#include "kernels/base/memory.h"
#include "kernels/measure/classification_parts.h"

static Status check_row(const ClassificationRows *rows, const Place *place, int64_t i) {
  double truth = rows->truth[i];
  if (!(truth >= 0 && truth < (double)rows->n_classes && truth == floor(truth)))
    return chosen_refuse(place, i, "the true class", truth,
                         "a class number (leave rows without one out)");
  for (int64_t c = 0; c < rows->n_classes; c++) {
    double probability = rows->probability[i * rows->n_classes + c];
    if (!isfinite(probability))
      return chosen_refuse(place, i, "a predicted probability", probability, "a finite number");
  }
  return OK;
}

/* Fewer than k classes come before the true one. */
static bool among_top(const double *probability, int64_t n_classes, int32_t truth, int64_t k) {
  int64_t before = 0;
  for (int32_t c = 0; c < n_classes; c++)
    before +=
        probability[c] > probability[truth] || (probability[c] == probability[truth] && c < truth);
  return before < k;
}

static bool is_listed(const ClassificationRows *rows, int64_t i, int32_t class) {
  const Column *listed = rows->listed;
  if (column_missing(listed, i)) return false;
  for (int64_t at = listed->offset[i]; at < listed->offset[i + 1]; at++)
    if (rows->listed_class[listed->code[at]] == class) return true;
  return false;
}

static double loss_of(double probability) {
  return -log(fmin(fmax(probability, DBL_EPSILON), 1 - DBL_EPSILON));
}

static Status part_new(const ClassificationRows *rows, ClassPart *part) {
  Status status = OK;
  TRY(chosen_rows(rows->where, rows->n, &part->at, &part->n));
  TRY(NEW(&part->truth, part->n));
  TRY(NEW(&part->predicted, part->n));
  TRY(NEW(&part->in_top, part->n));
  TRY(NEW(&part->loss, part->n));
  if (rows->listed) TRY(NEW(&part->listed, part->n));
  if (rows->group) TRY(NEW(&part->group, part->n));
done:
  return status;
}

static Status take_rows(const ClassificationRows *rows, const MeasureOptions *options,
                        const Place *place, ClassPart *part) {
  Status status = OK;
  TRY(chosen_options(options));
  if (rows->n_classes < 1 || rows->n_classes > INT32_MAX)
    return status_fail(INVALID, "%lld classes; there have to be some", (long long)rows->n_classes);
  TRY(part_new(rows, part));
  for (int64_t i = 0; i < part->n; i++) {
    int64_t at = part->at[i];
    TRY(check_row(rows, place, at));
    const double *probability = rows->probability + at * rows->n_classes;
    int32_t truth = (int32_t)rows->truth[at];
    part->truth[i] = truth;
    part->predicted[i] = measure_class(&options->decision, probability, rows->n_classes);
    part->in_top[i] = among_top(probability, rows->n_classes, truth, options->top_k);
    part->loss[i] = loss_of(probability[truth]);
    if (rows->group) part->group[i] = rows->group[at];
    if (rows->listed)
      part->listed[i] = part->predicted[i] == truth || is_listed(rows, at, part->predicted[i]);
  }
done:
  return status;
}

Status class_part_all(const Comm *comm, const ClassificationRows *rows,
                      const MeasureOptions *options, const char *name, ClassPart *part) {
  Status status = OK;
  *part = (ClassPart){.n_classes = rows->n_classes, .probability = rows->probability};
  Place place = {.part = name, .begin = comm_exscan_all(comm, rows->n)};
  AGREE(comm, take_rows(rows, options, &place, part));
  part->grouped = !comm_any_all(comm, rows->n > 0 && !rows->group);
  part->with_listed = !comm_any_all(comm, rows->n > 0 && !rows->listed);
  part->n_global = comm_sum_one_all(comm, part->n);
done:
  return status;
}

void class_part_clear(ClassPart *part) {
  memory_free(&part->at);
  memory_free(&part->truth);
  memory_free(&part->predicted);
  memory_free(&part->in_top);
  memory_free(&part->listed);
  memory_free(&part->loss);
  memory_free(&part->group);
}

static double over(int64_t part, int64_t whole) {
  return whole > 0 ? (double)part / (double)whole : 0;
}

static ClassScore class_score(int64_t truth, int64_t predicted, int64_t hit) {
  return (ClassScore){.n = truth,
                      .n_predicted = predicted,
                      .n_hit = hit,
                      .precision = over(hit, predicted),
                      .recall = over(hit, truth),
                      .f1 = over(2 * hit, truth + predicted),
                      .auc = NAN,
                      .average_precision = NAN};
}

void class_means(const int64_t *counts, int64_t stride, int64_t n_classes, ClassScore *classes,
                 ClassMeans *means) {
  int64_t n_present = 0, n_true = 0, n = 0;
  double recall_sum = 0;
  *means = (ClassMeans){0};
  for (int64_t c = 0; c < n_classes; c++) {
    const int64_t *at = counts + c * stride;
    int64_t part = n_classes * stride;
    ClassScore score =
        class_score(at[COUNT_TRUTH * part], at[COUNT_PREDICTED * part], at[COUNT_HIT * part]);
    if (classes) classes[c] = score;
    n += score.n;
    n_true += score.n > 0;
    n_present += score.n > 0 || score.n_predicted > 0;
    if (score.n > 0) recall_sum += score.recall;
    means->precision_macro += score.precision;
    means->recall_macro += score.recall;
    means->f1_macro += score.f1;
    means->precision_weighted += score.precision * (double)score.n;
    means->recall_weighted += score.recall * (double)score.n;
    means->f1_weighted += score.f1 * (double)score.n;
  }
  double present = n_present > 0 ? (double)n_present : NAN, rows = n > 0 ? (double)n : NAN;
  means->balanced_accuracy = n_true > 0 ? recall_sum / (double)n_true : NAN;
  means->precision_macro /= present;
  means->recall_macro /= present;
  means->f1_macro /= present;
  means->precision_weighted /= rows;
  means->recall_weighted /= rows;
  means->f1_weighted /= rows;
}
