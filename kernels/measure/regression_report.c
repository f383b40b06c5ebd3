/* What a regression has to say to people; see measure.h. */
#include <math.h>
#include <stdio.h>

#include "kernels/base/memory.h"
#include "kernels/measure/by_value.h"

/* Bins whose edges are multiples of a round step. */
typedef struct Bins {
  double first, step; /* the lowest edge is first * step */
  int64_t n;
} Bins;

enum { MAP_BINS = 40, RESIDUAL_BINS = 60 };

/* At most about n bins of 1, 2 or 5 times a power of ten over low .. high. */
static Bins bins_of(double low, double high, int n) {
  if (!(high > low)) return (Bins){.first = floor(low), .step = 1, .n = 1};
  double raw = (high - low) / n, power = pow(10, floor(log10(raw)));
  double step = power;
  if (raw > power) step = 2 * power;
  if (raw > 2 * power) step = 5 * power;
  if (raw > 5 * power) step = 10 * power;
  double first = floor(low / step);
  return (Bins){.first = first, .step = step, .n = (int64_t)(floor(high / step) - first) + 1};
}

static int64_t bin_of(const Bins *bins, double value) {
  double bin = floor(value / bins->step) - bins->first;
  if (!(bin > 0)) return 0;
  return bin < (double)bins->n ? (int64_t)bin : bins->n - 1;
}

static Status bins_edges(const Bins *bins, double **out) {
  Status status = OK;
  TRY(NEW(out, bins->n + 1));
  for (int64_t b = 0; b <= bins->n; b++) (*out)[b] = (bins->first + (double)b) * bins->step;
done:
  return status;
}

/* Smallest and largest of the truths and predictions, and of the residuals, over all ranks. */
static void ranges_all(const Comm *comm, const RegressionPart *part, double values[2],
                       double residuals[2]) {
  double ends[4] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY};
  for (int64_t i = 0; i < part->n; i++) {
    double truth = part->truth[i], prediction = part->prediction[i];
    ends[0] = fmax(ends[0], -fmin(truth, prediction));
    ends[1] = fmax(ends[1], fmax(truth, prediction));
    ends[2] = fmax(ends[2], truth - prediction);
    ends[3] = fmax(ends[3], prediction - truth);
  }
  comm_max_real_all(comm, ends, 4);
  values[0] = -ends[0];
  values[1] = ends[1];
  residuals[0] = -ends[2];
  residuals[1] = ends[3];
}

static Status reals_of(const int64_t *counts, int64_t n, double **out) {
  Status status = OK;
  TRY(NEW(out, n));
  for (int64_t i = 0; i < n; i++) (*out)[i] = (double)counts[i];
done:
  return status;
}

static Status write_map(const Bins *bins, const int64_t *counts, const char *split,
                        Summary *summary) {
  Status status = OK;
  double *edges = NULL, *z = NULL;
  char title[160];
  snprintf(title, sizeof title, "Predicted against true (%s)", split);
  TRY(bins_edges(bins, &edges));
  TRY(reals_of(counts, bins->n * bins->n, &z));
  Series series = {.name = "predicted_against_true",
                   .title = title,
                   .x_label = "true value",
                   .y_label = "predicted value",
                   .kind = SERIES_HEATMAP,
                   .n_x = bins->n,
                   .n_y = bins->n,
                   .x = edges,
                   .y = edges,
                   .z = z};
  TRY(summary_series(summary, &series));
done:
  memory_free(&edges);
  memory_free(&z);
  return status;
}

static Status write_residuals(const Bins *bins, const int64_t *counts, const char *split,
                              Summary *summary) {
  Status status = OK;
  double *edges = NULL, *heights = NULL;
  char title[160];
  snprintf(title, sizeof title, "Residuals (%s)", split);
  TRY(bins_edges(bins, &edges));
  TRY(reals_of(counts, bins->n, &heights));
  Series series = {.name = "residuals",
                   .title = title,
                   .x_label = "predicted - true",
                   .y_label = "rows",
                   .kind = SERIES_HISTOGRAM,
                   .n_x = bins->n,
                   .n_y = bins->n,
                   .x = edges,
                   .y = heights};
  TRY(summary_series(summary, &series));
done:
  memory_free(&edges);
  memory_free(&heights);
  return status;
}

static Status histograms_all(const Comm *comm, const RegressionPart *part, const char *split,
                             Summary *summary) {
  Status status = OK;
  int64_t *map = NULL, *bars = NULL;
  double values[2], residuals[2];
  ranges_all(comm, part, values, residuals);
  Bins map_bins = bins_of(values[0], values[1], MAP_BINS);
  Bins bar_bins = bins_of(residuals[0], residuals[1], RESIDUAL_BINS);
  AGREE(comm, NEW(&map, map_bins.n * map_bins.n));
  AGREE(comm, NEW(&bars, bar_bins.n));
  for (int64_t i = 0; i < part->n; i++) {
    int64_t x = bin_of(&map_bins, part->truth[i]), y = bin_of(&map_bins, part->prediction[i]);
    map[y * map_bins.n + x]++;
    bars[bin_of(&bar_bins, part->prediction[i] - part->truth[i])]++;
  }
  comm_sum_all(comm, map, map_bins.n * map_bins.n);
  comm_sum_all(comm, bars, bar_bins.n);
  AGREE(comm, write_map(&map_bins, map, split, summary));
  AGREE(comm, write_residuals(&bar_bins, bars, split, summary));
done:
  memory_free(&map);
  memory_free(&bars);
  return status;
}

static Status add_metric(Summary *summary, const char *split, const char *name, const Score *score,
                         bool higher_better, bool headline) {
  return summary_metric_interval(summary, split, name, score->value, score->low, score->high,
                                 higher_better, headline);
}

static Status write_high(const RegressionScores *scores, double threshold, const char *split,
                         Summary *summary) {
  Status status = OK;
  if (isnan(threshold)) return OK;
  TRY(add_metric(summary, split, "high_recall", &scores->high_recall, true, true));
  TRY(add_metric(summary, split, "high_precision", &scores->high_precision, true, false));
  if (scores->n_high == 0)
    TRY(summary_note(summary, NOTE_WARNING,
                     "%s: no row has a true value above %g, so high_recall is not defined", split,
                     threshold));
  if (scores->n_high_predicted == 0)
    TRY(summary_note(summary, NOTE_INFO,
                     "%s: no row is predicted above %g, so high_precision is not defined", split,
                     threshold));
done:
  return status;
}

static Status write_metrics(const RegressionScores *scores, double threshold, const char *split,
                            Summary *summary) {
  Status status = OK;
  TRY(add_metric(summary, split, "rmse", &scores->rmse, false, true));
  TRY(add_metric(summary, split, "mae", &scores->mae, false, false));
  TRY(add_metric(summary, split, "r2", &scores->r2, true, true));
  TRY(add_metric(summary, split, "bias", &scores->bias, false, false));
  if (isnan(scores->r2.value))
    TRY(summary_note(summary, NOTE_WARNING,
                     "%s: the true value is the same in all rows, so r2 is not defined", split));
  TRY(write_high(scores, threshold, split, summary));
done:
  return status;
}

Status measure_regression_all(const Comm *comm, const RegressionRows *rows,
                              const MeasureOptions *options, const char *part, Summary *summary,
                              RegressionScores *scores) {
  Status status = OK;
  RegressionPart chosen = {0};
  RegressionScores own;
  TRY(regression_part_all(comm, rows, options, part, &chosen));
  TRY(regression_scores_all(comm, &chosen, options, &own));
  if (scores) *scores = own;
  if (own.n == 0) {
    AGREE(comm, summary_note(summary, NOTE_WARNING, "%s: no rows, nothing was measured", part));
    goto done;
  }
  AGREE(comm, write_metrics(&own, options->threshold, part, summary));
  if (!options->details) goto done;
  TRY(histograms_all(comm, &chosen, part, summary));
  if (rows->by) TRY(by_value_all(comm, &chosen, rows->by, part, summary));
done:
  regression_part_clear(&chosen);
  return status;
}
