/* What a grown forest says about itself: out-of-bag score, and importance of features by impurity
 * and by permutation. */
#include <math.h>
#include <stdio.h>

#include "forest_fit.h"
#include "forest_interval.h"
#include "kernels/base/memory.h"
#include "oob.h"

enum { BARS = 30 }; /* features drawn in the report */

/* The number that permutation importance is the fall of: R2 or accuracy. */
static double score_of(const ForestFit *fit, const OobScore *score) {
  if (fit->data->task == TASK_REGRESSION) {
    return score->spread > 0 ? 1 - score->error / score->spread : NAN;
  }
  return (double)score->hits / (double)score->rows;
}

static Status report_oob(const ForestFit *fit, const OobScore *score, Summary *summary) {
  Status status = OK;
  int64_t unseen = fit->samples.n_global - score->rows;
  if (unseen > 0) {
    TRY(summary_note(summary, NOTE_INFO,
                     "%lld of %lld rows are in the sample of every tree and have no out-of-bag "
                     "prediction",
                     (long long)unseen, (long long)fit->samples.n_global));
  }
  if (score->rows == 0) goto done;
  if (fit->data->task == TASK_REGRESSION) {
    double rmse = sqrt(score->error / (double)score->rows);
    TRY(summary_metric(summary, "oob", "rmse", rmse, false, false));
    TRY(summary_metric(summary, "oob", "r2", score_of(fit, score), true, false));
  } else {
    TRY(summary_metric(summary, "oob", "accuracy", score_of(fit, score), true, false));
  }
done:
  return status;
}

static Status report_size(const Ensemble *e, Summary *summary) {
  return summary_note(summary, NOTE_INFO, "%lld trees, %lld leaves each on average",
                      (long long)e->n_trees, (long long)(ensemble_n_leaves(e) / e->n_trees));
}

/* Mean fall of the score when a feature's values are permuted; collective. */
static Status permute_all(const ForestFit *fit, const Oob *oob, const OobScore *whole,
                          double *fall) {
  Status status = OK;
  int64_t repetitions = fit->options->permutations;
  for (int64_t j = 0; j < fit->samples.rows.bins->d; j++) {
    double sum = 0; /* the same on all ranks: scores are agreed */
    for (int64_t r = 0; r < repetitions; r++) {
      OobScore permuted;
      TRY(oob_score_all(fit->comm, oob, j, r, &permuted));
      sum += score_of(fit, whole) - score_of(fit, &permuted);
      if (comm_any_all(fit->comm, work_stopping(fit->sink))) {
        return status_fail(STOPPED,
                           "stopped on request while permuting features; the trees are "
                           "saved, run again to go on");
      }
    }
    fall[j] = sum / (double)repetitions;
  }
done:
  return status;
}

/* Intervals from the out-of-bag predictions of this rank's rows. Collective. */
static Status fit_intervals_all(const ForestFit *fit, const double *prediction, Summary *summary) {
  Status status = OK;
  ForestInterval *interval = &fit->forest->interval;
  TRY(forest_interval_all(fit->comm, fit->options->interval, fit->data->x->rows.n, prediction,
                          fit->data->target, interval));
  if (interval->n > 0) {
    AGREE(fit->comm,
          summary_note(summary, NOTE_INFO,
                       "Prediction intervals are for %g %% of the targets, from the out-of-bag "
                       "errors of rows of like predictions, in %lld groups",
                       100 * interval->share, (long long)interval->n));
  } else {
    AGREE(fit->comm, summary_note(summary, NOTE_WARNING,
                                  "There are no prediction intervals: no row is out of bag"));
  }
done:
  return status;
}

static Status score_all(const ForestFit *fit, double *fall, Summary *summary) {
  Status status = OK;
  OobScore score;
  double *prediction = NULL;
  int64_t n = fit->options->interval > 0 ? fit->data->x->rows.n : 0;
  Oob oob = {.forest = fit->forest,
             .samples = &fit->samples,
             .data = fit->data,
             .in_bag = fit->in_bag,
             .bag_bytes = fit->bag_bytes};
  AGREE(fit->comm, NEW(&prediction, n));
  for (int64_t i = 0; i < n; i++) prediction[i] = NAN;
  if (fit->options->interval > 0) oob.prediction = prediction;
  TRY(oob_score_all(fit->comm, &oob, -1, 0, &score));
  oob.prediction = NULL;
  AGREE(fit->comm, report_oob(fit, &score, summary));
  if (fit->options->interval > 0) TRY(fit_intervals_all(fit, prediction, summary));
  if (fit->options->permutations > 0 && score.rows > 0) {
    TRY(permute_all(fit, &oob, &score, fall));
  }
done:
  memory_free(&prediction);
  return status;
}

/* Features by falling importance, ties in their order. */
static void order_features(const int64_t *importance, int64_t d, int32_t *order) {
  for (int32_t j = 0; j < d; j++) {
    int32_t at = j;
    for (; at > 0 && importance[order[at - 1]] < importance[j]; at--) order[at] = order[at - 1];
    order[at] = j;
  }
}

/* The table and the bars; fall: d permutation importances or NULL. */
static Status write_importance(const ForestFit *fit, const double *fall, const int32_t *order,
                               char **names, double *shares, Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"feature", "impurity", "permutation"};
  int64_t d = fit->samples.rows.bins->d, total = 0, table = -1;
  for (int64_t j = 0; j < d; j++) total += fit->importance[j];
  TRY(summary_table(summary, "importance", "Importance of the features", fall ? 3 : 2, columns,
                    &table));
  for (int64_t i = 0; i < d; i++) {
    int32_t j = order[i];
    shares[i] = total > 0 ? (double)fit->importance[j] / (double)total : 0;
    Cell cells[3] = {cell_text(names[i]), cell_real(shares[i]), cell_real(fall ? fall[j] : NAN)};
    TRY(summary_row(summary, table, cells));
  }
  char title[] = "Importance of the features", label[] = "share of the impurity taken away";
  char name[] = "importance";
  Series bars = {.name = name,
                 .title = title,
                 .y_label = label,
                 .kind = SERIES_BARS,
                 .n_x = d < BARS ? d : BARS,
                 .n_y = d < BARS ? d : BARS,
                 .y = shares,
                 .x_names = names};
  TRY(summary_series(summary, &bars));
done:
  return status;
}

static Status report_importance(const ForestFit *fit, const double *fall, Summary *summary) {
  Status status = OK;
  int64_t d = fit->samples.rows.bins->d;
  int32_t *order = NULL;
  char **names = NULL;
  double *shares = NULL;
  if (!summary->active) return OK;
  TRY(NEW(&order, d));
  TRY(NEW(&names, d));
  TRY(NEW(&shares, d));
  order_features(fit->importance, d, order);
  for (int64_t i = 0; i < d; i++) {
    char number[40];
    snprintf(number, sizeof number, "feature %d", (int)order[i]);
    char **given = fit->data->x->names;
    TRY(memory_text(&names[i], given && given[order[i]] ? given[order[i]] : number));
  }
  TRY(write_importance(fit, fall, order, names, shares, summary));
done:
  for (int64_t i = 0; names && i < d; i++) memory_free(&names[i]);
  memory_free(&order);
  memory_free(&names);
  memory_free(&shares);
  return status;
}

Status forest_report_all(const ForestFit *fit, Summary *summary) {
  Status status = OK;
  double *fall = NULL;
  bool permuted = fit->options->permutations > 0 && fit->options->bootstrap;
  AGREE(fit->comm, report_size(&fit->forest->ensemble, summary));
  AGREE(fit->comm, NEW(&fall, fit->data->x->d));
  if (fit->bag_bytes > 0) TRY(score_all(fit, fall, summary));
  AGREE(fit->comm, report_importance(fit, permuted ? fall : NULL, summary));
done:
  memory_free(&fall);
  return status;
}
