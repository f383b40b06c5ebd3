/* threshold: choose from what probability on a model of two classes says yes.
 *
 * The threshold is chosen on out-of-fold predictions of the model's spec and put behind the model,
 * whose bundle then decides by it, in the table of predictions, in `segue predict` and in every
 * metric that counts predicted classes. Metrics of rankings do not change. */
#include <math.h>
#include <stdio.h>

#include "adjust.h"
#include "kernels/base/memory.h"
#include "kernels/calibrate/threshold.h"

typedef struct ThresholdStageOptions {
  AdjustOptions adjust;
  int goal;
  double precision, cost_false_positive, cost_false_negative;
} ThresholdStageOptions;

static const Option rows[] = {
    OPTION_WORD(ThresholdStageOptions, goal, "\"f1\"", threshold_goal_words,
                "f1: the highest F1; recall: the highest recall at the precision given; cost: the "
                "lowest cost; each of the positive class, which is the second one in byte order, "
                "true for a boolean; ties go to the lower threshold"),
    OPTION_REAL(ThresholdStageOptions, precision, "0.8", 0, 1,
                "recall: the precision that has to be reached"),
    OPTION_REAL(ThresholdStageOptions, cost_false_positive, "1", 0, 1e12,
                "cost: of a row that is called positive and is not"),
    OPTION_REAL(ThresholdStageOptions, cost_false_negative, "1", 0, 1e12,
                "cost: of a positive row that is not called so"),
    ADJUST_HOW,
    {0}};

static Status check(const void *options) {
  const ThresholdStageOptions *o = options;
  if (o->goal == GOAL_COST && o->cost_false_positive == 0 && o->cost_false_negative == 0)
    return status_fail(INVALID,
                       "cost_false_positive: both costs are 0, so any threshold is as "
                       "good; give at least one");
  return OK;
}

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  return adjust_plan(options, true, inputs, output);
}

static ThresholdOptions options_of(const ThresholdStageOptions *o) {
  return (ThresholdOptions){.goal = (ThresholdGoal)o->goal,
                            .precision = o->precision,
                            .false_positive = o->cost_false_positive,
                            .false_negative = o->cost_false_negative};
}

/* ---- telling ---- */

/* What a threshold does to a class of people: metrics under a split. */
static Status tell_point(const ThresholdChoice *choice, const ThresholdOptions *options,
                         const ThresholdPoint *point, const char *split, bool headline,
                         Summary *summary) {
  Status status = OK;
  bool cost = options->goal == GOAL_COST;
  TRY(summary_metric(summary, split, "threshold", point->threshold, true, false));
  TRY(summary_metric(summary, split, "precision", threshold_precision(point), true, headline));
  TRY(summary_metric(summary, split, "recall", threshold_recall(choice, point), true, headline));
  TRY(summary_metric(summary, split, "f1", threshold_f1(choice, point), true, headline));
  if (cost)
    TRY(summary_metric(summary, split, "cost", threshold_cost(choice, options, point), false,
                       headline));
done:
  return status;
}

/* One number of all points of the curve. */
static double value_of(const ThresholdChoice *choice, const ThresholdOptions *options, int which,
                       const ThresholdPoint *point) {
  switch (which) {
    case 0: return threshold_precision(point);
    case 1: return threshold_recall(choice, point);
    case 2: return threshold_f1(choice, point);
    default: return threshold_cost(choice, options, point);
  }
}

static Status tell_line(const ThresholdChoice *choice, const ThresholdOptions *options, int which,
                        Summary *summary) {
  Status status = OK;
  static const char *const names[] = {"precision", "recall", "f1", "cost"};
  char name[48], title[96];
  int64_t n = choice->n_curve;
  double *x = NULL, *y = NULL;
  TRY(NEW(&x, n));
  TRY(NEW(&y, n));
  for (int64_t k = 0; k < n; k++) { /* thresholds rise from left to right */
    const ThresholdPoint *point = &choice->curve[n - 1 - k];
    x[k] = point->threshold;
    y[k] = value_of(choice, options, which, point);
  }
  snprintf(name, sizeof name, "%s_by_threshold", names[which]);
  snprintf(title, sizeof title, "%s by threshold (held-out folds)", names[which]);
  Series line = {.name = name,
                 .title = title,
                 .x_label = (char *)(uintptr_t) "decision threshold",
                 .y_label = (char *)(uintptr_t)names[which],
                 .kind = SERIES_LINE,
                 .n_x = n,
                 .n_y = n,
                 .x = x,
                 .y = y};
  TRY(summary_series(summary, &line));
done:
  memory_free(&x);
  memory_free(&y);
  return status;
}

static Status tell_table(const ThresholdChoice *choice, const ThresholdOptions *options,
                         Summary *summary) {
  Status status = OK;
  int64_t handle = -1;
  const char *const columns[] = {
      "threshold", "called positive", "of these truly", "precision", "recall", "f1", "cost"};
  TRY(summary_table(summary, "thresholds", "What thresholds do on held-out folds",
                    options->goal == GOAL_COST ? 7 : 6, columns, &handle));
  for (int64_t k = 0; k < choice->n_curve; k++) {
    const ThresholdPoint *point = &choice->curve[k];
    const Cell cells[] = {cell_real(point->threshold),
                          cell_integer(point->called),
                          cell_integer(point->hits),
                          cell_real(threshold_precision(point)),
                          cell_real(threshold_recall(choice, point)),
                          cell_real(threshold_f1(choice, point)),
                          cell_real(threshold_cost(choice, options, point))};
    TRY(summary_row(summary, handle, cells));
  }
done:
  return status;
}

static Status tell_choice(const ThresholdChoice *choice, const ThresholdOptions *options,
                          const char *positive, Summary *summary) {
  const ThresholdPoint *best = &choice->best;
  if (!choice->reached)
    return summary_note(summary, NOTE_WARNING,
                        "No threshold reaches a precision of %g for \"%s\" on held-out folds: the "
                        "highest is %.4g, at %.4g, which was chosen (recall %.4g).",
                        options->precision, positive, threshold_precision(best), best->threshold,
                        threshold_recall(choice, best));
  return summary_note(summary, NOTE_INFO,
                      "\"%s\" is said from a probability of %.4g on: on %lld rows of held-out "
                      "folds, %lld of which are so, precision %.4g, recall %.4g, F1 %.4g.",
                      positive, best->threshold, (long long)choice->n, (long long)choice->positives,
                      threshold_precision(best), threshold_recall(choice, best),
                      threshold_f1(choice, best));
}

static Status tell(const ThresholdChoice *choice, const ThresholdOptions *options,
                   const ThresholdPoint *half, const Dictionary *classes, Summary *summary) {
  Status status = OK;
  char positive[256];
  int64_t n = 0;
  const char *word = dictionary_word(classes, 1, &n);
  snprintf(positive, sizeof positive, "%.*s", (int)n, word);
  TRY(tell_choice(choice, options, positive, summary));
  TRY(tell_point(choice, options, &choice->best, "folds", true, summary));
  TRY(tell_point(choice, options, half, "folds_at_half", false, summary));
  for (int which = 0; which < (options->goal == GOAL_COST ? 4 : 3); which++)
    TRY(tell_line(choice, options, which, summary));
  TRY(tell_table(choice, options, summary));
done:
  return status;
}

/* ---- the run ---- */

/* Scores of the positive class, in own arrays. */
static Status binary_rows(const Predicted *known, double **score, uint8_t **positive,
                          BinaryRows *out) {
  Status status = OK;
  int64_t n = known->rows.table.rows.n;
  TRY(NEW(score, n));
  TRY(NEW(positive, n));
  for (int64_t i = 0; i < n; i++) {
    (*score)[i] = known->value[2 * i + 1];
    (*positive)[i] = known->rows.target[i] == 1;
  }
  *out = (BinaryRows){.n = n, .score = *score, .positive = *positive};
done:
  return status;
}

static Status choose_all(const Adjusting *a, const ThresholdStageOptions *o, Artifact *output) {
  Status status = OK;
  const Comm *comm = a->job.context->comm;
  ThresholdOptions options = options_of(o);
  ThresholdChoice choice = {0};
  ThresholdPoint half;
  BinaryRows binary = {0};
  double *score = NULL;
  uint8_t *positive = NULL;
  AGREE(comm, binary_rows(&a->known.predicted, &score, &positive, &binary));
  TRY(threshold_choose_all(comm, &binary, &options, &choice));
  threshold_at_all(comm, &binary, 0.5, &half);
  output->bundle.decision = (Decision){.given = true, .threshold = choice.best.threshold};
  AGREE(comm, tell(&choice, &options, &half, &output->bundle.classes, &output->summary));
done:
  threshold_clear(&choice);
  memory_free(&score);
  memory_free(&positive);
  return status;
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const ThresholdStageOptions *o = options;
  Adjusting a = {0};
  Predicted predicted = {0};
  TRY(adjust_begin_all(context, &o->adjust, true, inputs, output, &a));
  TRY(choose_all(&a, o, output));
  TRY(adjust_test_all(&a, &inputs[ADJUST_MODEL]->bundle, "test_before", output, &predicted));
done:
  predicted_clear(&predicted);
  adjust_clear(&a);
  return status;
}

extern const StageKind threshold_stage;
const StageKind threshold_stage = {
    .kind = {.name = "threshold",
             .help = "Chooses a model's decision threshold on out-of-fold predictions.",
             .version = 1,
             .options_size = sizeof(ThresholdStageOptions),
             .options = rows,
             .check = check},
    .inputs = adjust_ports,
    .output = PORT_BUNDLE,
    .plan = plan,
    .run_all = run_all,
    .adjusts = ADJUST_PORT};
