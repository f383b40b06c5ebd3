/* What a classification has to say to people; see measure.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kernels/base/memory.h"
#include "kernels/measure/classification_parts.h"

enum { MOST_CELLS = 30, MOST_PAIRS = 25, MOST_MATRIX = 2048 };

Status measure_listed_classes(const Dictionary *classes, const Dictionary *listed, int32_t **out) {
  Status status = OK;
  TRY(NEW(out, listed->n));
  for (int32_t code = 0; code < listed->n; code++) {
    int64_t length = 0;
    const char *word = dictionary_word(listed, code, &length);
    (*out)[code] = dictionary_find(classes, word, length);
  }
done:
  return status;
}

static void names_free(char ***names, int64_t n) {
  for (int64_t c = 0; *names && c < n; c++) memory_free(&(*names)[c]);
  memory_free(names);
}

/* Class names with terminators. */
static Status names_new(const Dictionary *classes, int64_t n, char ***names) {
  Status status = OK;
  TRY(NEW(names, n));
  for (int32_t c = 0; c < n; c++) {
    int64_t length = 0;
    const char *word = dictionary_word(classes, c, &length);
    TRY(memory_text_n(&(*names)[c], word, (size_t)length));
  }
done:
  return status;
}

/* What is written, and where. */
typedef struct Writing {
  const ClassificationScores *scores;
  const MeasureOptions *options;
  const char *split;
  char **names;
  bool with_listed;
  Summary *summary;
} Writing;

static Status add_score(const Writing *writing, const char *name, const Score *score,
                        bool higher_better, bool headline) {
  return summary_metric_interval(writing->summary, writing->split, name, score->value, score->low,
                                 score->high, higher_better, headline);
}

static Status add_number(const Writing *writing, const char *name, double value) {
  return summary_metric(writing->summary, writing->split, name, value, true, false);
}

static Status write_notes(const Writing *writing) {
  Status status = OK;
  const ClassificationScores *scores = writing->scores;
  int64_t absent = 0;
  for (int64_t c = 0; c < scores->n_classes; c++) absent += scores->classes[c].n == 0;
  if (absent > 0)
    TRY(summary_note(writing->summary, NOTE_WARNING,
                     "%s: %lld of %lld classes have no row here; means over classes leave them out "
                     "of recall, auc and average_precision",
                     writing->split, (long long)absent, (long long)scores->n_classes));
  if (scores->n_classes > 1 && isnan(scores->auc.value))
    TRY(summary_note(writing->summary, NOTE_WARNING,
                     "%s: all rows are of one class, so auc is not defined", writing->split));
done:
  return status;
}

/* Of two classes people mean the second when they say precision. */
static Status write_second(const Writing *writing) {
  Status status = OK;
  if (writing->scores->n_classes != 2) return OK;
  TRY(add_number(writing, "precision", writing->scores->classes[1].precision));
  TRY(add_number(writing, "recall", writing->scores->classes[1].recall));
  TRY(add_number(writing, "f1", writing->scores->classes[1].f1));
done:
  return status;
}

static Status write_metrics(const Writing *writing) {
  Status status = OK;
  const ClassificationScores *scores = writing->scores;
  int64_t k = writing->options->top_k;
  bool two = scores->n_classes == 2;
  char top[64];
  snprintf(top, sizeof top, "top_%lld_accuracy", (long long)k);
  /* What comes first ranks. Where one class is rare, saying "no" to all has a high accuracy. */
  if (two) TRY(add_score(writing, "average_precision", &scores->average_precision, true, true));
  TRY(add_score(writing, "accuracy", &scores->accuracy, true, true));
  TRY(add_score(writing, "balanced_accuracy", &scores->balanced_accuracy, true, false));
  TRY(add_score(writing, "f1_macro", &scores->f1_macro, true, true));
  TRY(add_number(writing, "f1_weighted", scores->f1_weighted));
  TRY(add_number(writing, "precision_macro", scores->precision_macro));
  TRY(add_number(writing, "recall_macro", scores->recall_macro));
  TRY(write_second(writing));
  TRY(add_score(writing, "auc", &scores->auc, true, true));
  if (!two) TRY(add_score(writing, "average_precision", &scores->average_precision, true, false));
  TRY(add_score(writing, "log_loss", &scores->log_loss, false, false));
  if (scores->n_classes > k) TRY(add_score(writing, top, &scores->top_k_accuracy, true, false));
  if (writing->with_listed)
    TRY(add_score(writing, "any_listed_accuracy", &scores->any_listed_accuracy, true, true));
  TRY(add_number(writing, "majority_share", scores->majority_share));
  TRY(write_notes(writing));
done:
  return status;
}

static Status write_classes(const Writing *writing) {
  Status status = OK;
  int64_t table = -1;
  char title[160];
  const char *const columns[] = {"class",  "n",  "n_predicted", "precision",
                                 "recall", "f1", "auc",         "average_precision"};
  snprintf(title, sizeof title, "By class (%s)", writing->split);
  TRY(summary_table(writing->summary, "by_class", title, 8, columns, &table));
  for (int64_t c = 0; c < writing->scores->n_classes; c++) {
    const ClassScore *score = &writing->scores->classes[c];
    const Cell cells[] = {cell_text(writing->names[c]),
                          cell_integer(score->n),
                          cell_integer(score->n_predicted),
                          cell_real(score->precision),
                          cell_real(score->recall),
                          cell_real(score->f1),
                          cell_real(score->auc),
                          cell_real(score->average_precision)};
    TRY(summary_row(writing->summary, table, cells));
  }
done:
  return status;
}

static Status write_matrix(const Writing *writing, const int64_t *matrix) {
  Status status = OK;
  double *z = NULL;
  int64_t k = writing->scores->n_classes;
  char title[160];
  snprintf(title, sizeof title, "Confusion matrix (%s)", writing->split);
  TRY(NEW(&z, k * k));
  for (int64_t i = 0; i < k * k; i++) z[i] = (double)matrix[i];
  Series series = {.name = "confusion",
                   .title = title,
                   .x_label = "predicted class",
                   .y_label = "true class",
                   .kind = SERIES_HEATMAP,
                   .n_x = k,
                   .n_y = k,
                   .z = z,
                   .x_names = writing->names,
                   .y_names = writing->names};
  TRY(summary_series(writing->summary, &series));
done:
  memory_free(&z);
  return status;
}

typedef struct Pair {
  int64_t n, place; /* place in the matrix: truth x classes + predicted */
} Pair;

/* The most frequent of the pairs off the diagonal, ties in the order of the matrix. */
static int64_t find_pairs(const int64_t *matrix, int64_t k, Pair pairs[MOST_PAIRS]) {
  int64_t n = 0;
  for (int64_t place = 0; place < k * k; place++) {
    if (place / k == place % k || matrix[place] == 0) continue;
    if (n == MOST_PAIRS && matrix[place] <= pairs[n - 1].n) continue;
    int64_t at = n < MOST_PAIRS ? n++ : n - 1;
    for (; at > 0 && pairs[at - 1].n < matrix[place]; at--) pairs[at] = pairs[at - 1];
    pairs[at] = (Pair){.n = matrix[place], .place = place};
  }
  return n;
}

static Status write_pairs(const Writing *writing, const int64_t *matrix) {
  Status status = OK;
  Pair pairs[MOST_PAIRS];
  int64_t table = -1, k = writing->scores->n_classes, n = find_pairs(matrix, k, pairs);
  char title[160];
  const char *const columns[] = {"true_class", "predicted_class", "n", "share_of_true_class"};
  snprintf(title, sizeof title, "Most confused classes (%s)", writing->split);
  TRY(summary_table(writing->summary, "most_confused", title, 4, columns, &table));
  for (int64_t p = 0; p < n; p++) {
    int64_t truth = pairs[p].place / k, predicted = pairs[p].place % k;
    double share = (double)pairs[p].n / (double)writing->scores->classes[truth].n;
    const Cell cells[] = {cell_text(writing->names[truth]), cell_text(writing->names[predicted]),
                          cell_integer(pairs[p].n), cell_real(share)};
    TRY(summary_row(writing->summary, table, cells));
  }
done:
  return status;
}

static Status write_confusion_all(const Comm *comm, const ClassPart *part, const Writing *writing) {
  Status status = OK;
  int64_t *matrix = NULL, k = part->n_classes;
  if (k > MOST_MATRIX) {
    AGREE(comm, summary_note(writing->summary, NOTE_INFO,
                             "%s: %lld classes are too many for a confusion matrix", writing->split,
                             (long long)k));
    return OK;
  }
  AGREE(comm, NEW(&matrix, k * k));
  for (int64_t i = 0; i < part->n; i++) matrix[part->truth[i] * k + part->predicted[i]]++;
  comm_sum_all(comm, matrix, k * k);
  AGREE(comm, k <= MOST_CELLS ? write_matrix(writing, matrix) : write_pairs(writing, matrix));
done:
  memory_free(&matrix);
  return status;
}

static Status check_names(const ClassificationRows *rows, const Dictionary *classes) {
  if (classes->n == rows->n_classes) return OK;
  return status_fail(INVALID, "%lld classes, but %d names of classes", (long long)rows->n_classes,
                     classes->n);
}

static Status write_all(const Comm *comm, const ClassPart *part, Writing *writing) {
  Status status = OK;
  AGREE(comm, write_metrics(writing));
  if (!writing->options->details) goto done;
  AGREE(comm, write_classes(writing));
  TRY(write_confusion_all(comm, part, writing));
done:
  return status;
}

Status measure_classification_all(const Comm *comm, const ClassificationRows *rows,
                                  const Dictionary *classes, const MeasureOptions *options,
                                  const char *part, Summary *summary,
                                  ClassificationScores *scores) {
  Status status = OK;
  ClassPart chosen = {0};
  ClassificationScores own = {0};
  Writing writing = {.scores = &own, .options = options, .split = part, .summary = summary};
  if (scores) *scores = own;
  AGREE(comm, check_names(rows, classes));
  TRY(class_part_all(comm, rows, options, part, &chosen));
  TRY(class_scores_all(comm, &chosen, options, &own));
  AGREE(comm, names_new(classes, own.n_classes, &writing.names));
  writing.with_listed = chosen.with_listed;
  if (own.n > 0)
    TRY(write_all(comm, &chosen, &writing));
  else
    AGREE(comm, summary_note(summary, NOTE_WARNING, "%s: no rows, nothing was measured", part));
done:
  names_free(&writing.names, rows->n_classes);
  class_part_clear(&chosen);
  if (scores && status == OK)
    *scores = own;
  else
    classification_scores_clear(&own);
  return status;
}
