/* calibrate: make a model's probabilities come true.
 *
 * A map is learned from out-of-fold predictions of the model's spec and put behind the model, whose
 * bundle then gives calibrated probabilities. What the map brings is measured across folds: each
 * fold's rows are mapped by what the others teach. */
#include <math.h>
#include <stdio.h>

#include "adjust.h"
#include "kernels/base/memory.h"
#include "kernels/study/recalibrate.h"

typedef struct CalibrateOptions {
  AdjustOptions adjust;
  int method, scale;
  int64_t bins;
} CalibrateOptions;

static const Option rows[] = {
    OPTION_WORD(
        CalibrateOptions, method, "\"platt\"", calibration_method_words,
        "platt: a sigmoid, two numbers a class, good for few rows; isotonic: steps that "
        "never fall, for thousands of rows; of more than two classes each against the rest"),
    OPTION_WORD(CalibrateOptions, scale, "\"log_odds\"", calibration_scale_words,
                "platt: what the sigmoid takes; the log odds of the probability leave one that is "
                "right as it is, the probability itself is what scikit-learn takes"),
    OPTION_INTEGER(CalibrateOptions, bins, "10", 2, RELIABILITY_MOST_BINS,
                   "of the reliability curve and the calibration error, equally wide"),
    ADJUST_HOW,
    {0}};

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  return adjust_plan(options, false, inputs, output);
}

/* ---- telling ---- */

/* Brier score and calibration error under a split. */
static Status tell_reliability(const Reliability *found, const char *split, bool headline,
                               Summary *summary) {
  Status status = OK;
  TRY(summary_metric(summary, split, "brier", found->brier, false, headline));
  TRY(summary_metric(summary, split, "calibration_error", found->calibration_error, false,
                     headline));
done:
  return status;
}

static Status tell_curve(const Reliability *found, const char *name, const char *title,
                         Summary *summary) {
  double x[RELIABILITY_MOST_BINS], y[RELIABILITY_MOST_BINS];
  int64_t n = 0;
  for (int64_t b = 0; b < found->bins; b++) {
    if (found->rows[b] == 0) continue;
    x[n] = found->predicted[b];
    y[n++] = found->observed[b];
  }
  Series line = {.name = (char *)(uintptr_t)name,
                 .title = (char *)(uintptr_t)title,
                 .x_label = (char *)(uintptr_t) "predicted probability",
                 .y_label = (char *)(uintptr_t) "share that came true",
                 .kind = SERIES_LINE,
                 .n_x = n,
                 .n_y = n,
                 .x = x,
                 .y = y};
  return n > 0 ? summary_series(summary, &line) : OK;
}

static Status tell_table(const Reliability *before, const Reliability *after, Summary *summary) {
  Status status = OK;
  int64_t handle = -1;
  const char *const columns[] = {"from",
                                 "to",
                                 "rows before",
                                 "predicted before",
                                 "came true before",
                                 "rows after",
                                 "predicted after",
                                 "came true after"};
  TRY(summary_table(summary, "reliability",
                    "Reliability on held-out folds, before and after calibration", 8, columns,
                    &handle));
  for (int64_t b = 0; b < before->bins; b++) {
    double width = 1 / (double)before->bins;
    const Cell cells[] = {cell_real((double)b * width),   cell_real((double)(b + 1) * width),
                          cell_integer(before->rows[b]),  cell_real(before->predicted[b]),
                          cell_real(before->observed[b]), cell_integer(after->rows[b]),
                          cell_real(after->predicted[b]), cell_real(after->observed[b])};
    TRY(summary_row(summary, handle, cells));
  }
done:
  return status;
}

static Status tell_verdict(const Reliability *before, const Reliability *after,
                           const OutOfFold *known, Summary *summary) {
  bool better = after->brier < before->brier;
  return summary_note(summary, better ? NOTE_INFO : NOTE_WARNING,
                      "On %lld rows of %lld held-out folds the Brier score is %.4g before and "
                      "%.4g after calibration, the expected calibration error %.4g and %.4g.%s",
                      (long long)before->n, (long long)known->n_folds, before->brier, after->brier,
                      before->calibration_error, after->calibration_error,
                      better ? "" : " Calibration does not help here: use the model as it was.");
}

static Status tell(const Reliability *before, const Reliability *after, const OutOfFold *known,
                   Summary *summary) {
  Status status = OK;
  TRY(tell_verdict(before, after, known, summary));
  TRY(tell_reliability(after, "folds", true, summary));
  TRY(tell_reliability(before, "folds_uncalibrated", false, summary));
  TRY(tell_curve(before, "reliability_before", "Reliability before calibration (held-out folds)",
                 summary));
  TRY(tell_curve(after, "reliability_after", "Reliability after calibration (held-out folds)",
                 summary));
  TRY(tell_table(before, after, summary));
done:
  return status;
}

/* ---- the run ---- */

/* Metrics of out-of-fold probabilities beside reliability. */
static Status measure_all(const Adjusting *a, const Bundle *bundle, double *value,
                          const char *split, Summary *summary) {
  MeasureOptions plain = a->job.measure;
  Predicted one = a->known.predicted; /* borrowed */
  plain.details = false;
  one.value = value;
  return evaluate_measure_all(a->job.context->comm, &one, bundle, NULL, &plain, split, summary);
}

static Status learn_all(const Adjusting *a, const CalibrateOptions *o, Artifact *output) {
  Status status = OK;
  const Comm *comm = a->job.context->comm;
  const Predicted *known = &a->known.predicted;
  Calibration *map = &output->bundle.calibration;
  CalibrationRows given = calibration_rows(known), mapped = given;
  Reliability before, after;
  double *value = NULL;
  map->method = (CalibrationMethod)o->method;
  map->scale = (CalibrationScale)o->scale;
  TRY(measure_all(a, &output->bundle, known->value, "folds_uncalibrated", &output->summary));
  TRY(calibration_fit_all(comm, &given, map));
  TRY(recalibrate_by_folds_all(comm, &a->known, map, &value));
  mapped.probability = value;
  TRY(measure_all(a, &output->bundle, value, "folds", &output->summary));
  reliability_all(comm, &given, o->bins, &before);
  reliability_all(comm, &mapped, o->bins, &after);
  AGREE(comm, tell(&before, &after, &a->known, &output->summary));
done:
  memory_free(&value);
  return status;
}

/* Reliability of the test part. */
static Status test_all(const Adjusting *a, const CalibrateOptions *o, const Bundle *model,
                       Artifact *output) {
  Status status = OK;
  const Comm *comm = a->job.context->comm;
  Predicted predicted = {0};
  Reliability found;
  TRY(adjust_test_all(a, model, "test_uncalibrated", output, &predicted));
  if (!o->adjust.split) goto done;
  CalibrationRows tested = calibration_rows(&predicted);
  reliability_all(comm, &tested, o->bins, &found);
  AGREE(comm, tell_reliability(&found, "test", true, &output->summary));
  AGREE(comm, bundle_predict(model, &predicted.rows.table, predicted.value));
  reliability_all(comm, &tested, o->bins, &found);
  AGREE(comm, tell_reliability(&found, "test_uncalibrated", false, &output->summary));
done:
  predicted_clear(&predicted);
  return status;
}

static Status check_model(const Bundle *model) {
  if (model->calibration.n_maps > 0)
    return status_fail(INVALID, "model: it is calibrated already; name the model before that");
  if (model->decision.given)
    return status_fail(INVALID,
                       "model: its decision threshold is one of probabilities that are not "
                       "calibrated; calibrate first, then choose the threshold");
  return OK;
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const CalibrateOptions *o = options;
  const Bundle *model = &inputs[ADJUST_MODEL]->bundle;
  Adjusting a = {0};
  AGREE(context->comm, check_model(model));
  TRY(adjust_begin_all(context, &o->adjust, false, inputs, output, &a));
  TRY(learn_all(&a, o, output));
  TRY(test_all(&a, o, model, output));
done:
  adjust_clear(&a);
  return status;
}

extern const StageKind calibrate_stage;
const StageKind calibrate_stage = {
    .kind = {.name = "calibrate",
             .help = "Calibrates a model's class probabilities on out-of-fold predictions.",
             .version = 1,
             .options_size = sizeof(CalibrateOptions),
             .options = rows},
    .inputs = adjust_ports,
    .output = PORT_BUNDLE,
    .plan = plan,
    .run_all = run_all,
    .adjusts = ADJUST_PORT};
