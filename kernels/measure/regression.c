/* Metrics of predicted values; see measure.h.
 *
 * Point values come from exact sums (numeric/exact.h): errors, squared errors and absolute errors
 * in one pass, squared deviations from the agreed mean in a second, so that R2 does not suffer from
 * the cancellation of sum(y^2) - sum(y)^2 / n. Replicates use whole-number sums (bootstrap.h) of
 * deviations from the same mean, where that cancellation is harmless. */
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/measure/bootstrap.h"
#include "kernels/measure/regression_parts.h"
#include "kernels/numeric/exact.h"

/* Squares of larger numbers overflow. */
static const double largest = 1e150;

static bool usable(double value) { return fabs(value) < largest; }

static Status check_rows(const RegressionRows *rows, const Place *place) {
  static const char allowed[] = "a finite number below 1e150";
  for (int64_t i = 0; i < rows->n; i++) {
    if (rows->where && !rows->where[i]) continue;
    if (!usable(rows->prediction[i]))
      return chosen_refuse(place, i, "the prediction", rows->prediction[i], allowed);
    if (!usable(rows->truth[i]))
      return chosen_refuse(place, i, "the true value", rows->truth[i],
                           "a finite number below 1e150 (leave rows without one out)");
  }
  return OK;
}

static Status copy_rows(const RegressionRows *rows, RegressionPart *part) {
  Status status = OK;
  TRY(chosen_rows(rows->where, rows->n, &part->at, &part->n));
  TRY(NEW(&part->truth, part->n));
  TRY(NEW(&part->prediction, part->n));
  if (rows->group) TRY(NEW(&part->group, part->n));
  for (int64_t i = 0; i < part->n; i++) {
    part->truth[i] = rows->truth[part->at[i]];
    part->prediction[i] = rows->prediction[part->at[i]];
    if (rows->group) part->group[i] = rows->group[part->at[i]];
  }
done:
  return status;
}

static Status take_rows(const RegressionRows *rows, const MeasureOptions *options,
                        const Place *place, RegressionPart *part) {
  Status status = OK;
  TRY(chosen_options(options));
  TRY(check_rows(rows, place));
  TRY(copy_rows(rows, part));
done:
  return status;
}

Status regression_part_all(const Comm *comm, const RegressionRows *rows,
                           const MeasureOptions *options, const char *name, RegressionPart *part) {
  Status status = OK;
  *part = (RegressionPart){.threshold = options->threshold};
  Place place = {.part = name, .begin = comm_exscan_all(comm, rows->n)};
  AGREE(comm, take_rows(rows, options, &place, part));
  /* A recording number has to be there on all ranks or on none. */
  part->grouped = !comm_any_all(comm, rows->n > 0 && !rows->group);
  part->n_global = comm_sum_one_all(comm, part->n);
  for (int64_t i = 0; i < part->n; i++) {
    double error = fabs(part->prediction[i] - part->truth[i]);
    if (error > part->max_error) part->max_error = error;
  }
  comm_max_real_all(comm, &part->max_error, 1);
done:
  return status;
}

void regression_part_clear(RegressionPart *part) {
  memory_free(&part->at);
  memory_free(&part->truth);
  memory_free(&part->prediction);
  memory_free(&part->group);
}

static void count_high_all(const Comm *comm, const RegressionPart *part, RegressionScores *out) {
  int64_t counts[3] = {0};
  for (int64_t i = 0; i < part->n; i++) {
    bool truly = part->truth[i] > part->threshold;
    bool predicted = part->prediction[i] > part->threshold;
    counts[0] += truly;
    counts[1] += predicted;
    counts[2] += truly && predicted;
  }
  comm_sum_all(comm, counts, 3);
  out->n_high = counts[0];
  out->n_high_predicted = counts[1];
  out->n_high_hit = counts[2];
}

/* 1 - residual / total, NaN for a constant truth; a residual of 0 there is not worth a 1. */
static double r2_of(double residual, double total) {
  return total > 0 ? 1 - residual / total : NAN;
}

static double share_of(double part, double whole) { return whole > 0 ? part / whole : NAN; }

/* The scores without intervals; *mean gets the mean of the truth. */
static void point_scores_all(const Comm *comm, const RegressionPart *part, RegressionScores *out,
                             double *mean) {
  enum { TRUTH, ERROR, ABSOLUTE, SQUARE, DEVIATION, SUMS };
  Exact sums[SUMS];
  for (int s = 0; s < SUMS; s++) exact_init(&sums[s]);
  for (int64_t i = 0; i < part->n; i++) {
    double error = part->prediction[i] - part->truth[i];
    exact_add(&sums[TRUTH], part->truth[i]);
    exact_add(&sums[ERROR], error);
    exact_add(&sums[ABSOLUTE], fabs(error));
    exact_add_product(&sums[SQUARE], error, error);
  }
  exact_join_all(comm, sums, DEVIATION);
  double n = (double)out->n;
  *mean = exact_round(&sums[TRUTH]) / n;
  for (int64_t i = 0; i < part->n; i++) {
    double deviation = part->truth[i] - *mean;
    exact_add_product(&sums[DEVIATION], deviation, deviation);
  }
  exact_join_all(comm, &sums[DEVIATION], 1);
  double residual = exact_round(&sums[SQUARE]), total = exact_round(&sums[DEVIATION]);
  out->rmse.value = sqrt(residual / n);
  out->mae.value = exact_round(&sums[ABSOLUTE]) / n;
  out->bias.value = exact_round(&sums[ERROR]) / n;
  out->r2.value = part->constant ? NAN : r2_of(residual, total);
  out->high_recall.value = share_of((double)out->n_high_hit, (double)out->n_high);
  out->high_precision.value = share_of((double)out->n_high_hit, (double)out->n_high_predicted);
}

/* Is the truth the same in all rows? Asked of the values themselves: their mean is rounded. */
static bool constant_all(const Comm *comm, const RegressionPart *part) {
  double ends[2] = {-INFINITY, -INFINITY}; /* largest, and minus the smallest */
  for (int64_t i = 0; i < part->n; i++) {
    ends[0] = fmax(ends[0], part->truth[i]);
    ends[1] = fmax(ends[1], -part->truth[i]);
  }
  comm_max_real_all(comm, ends, 2);
  return ends[0] == -ends[1];
}

/* What a replicate is made of. */
enum {
  WEIGHT,
  ERROR,
  ABSOLUTE,
  SQUARE,
  DEVIATION,
  DEVIATION_SQUARE,
  HIGH,
  HIGH_PREDICTED,
  HIGH_HIT,
  N_SUMS
};

/* Scales of the real values and the values themselves, n x N_SUMS whole numbers. */
static Status replicate_values_all(const Comm *comm, const RegressionPart *part, double mean,
                                   double scale[N_SUMS], double **values) {
  Status status = OK;
  double max_deviation = 0;
  AGREE(comm, NEW(values, part->n * N_SUMS));
  for (int64_t i = 0; i < part->n; i++)
    max_deviation = fmax(max_deviation, fabs(part->truth[i] - mean));
  comm_max_real_all(comm, &max_deviation, 1);
  for (int s = 0; s < N_SUMS; s++) scale[s] = 1;
  scale[ERROR] = scale[ABSOLUTE] = bootstrap_scale(part->max_error, part->n_global);
  scale[SQUARE] = bootstrap_scale(part->max_error * part->max_error, part->n_global);
  scale[DEVIATION] = bootstrap_scale(max_deviation, part->n_global);
  scale[DEVIATION_SQUARE] = bootstrap_scale(max_deviation * max_deviation, part->n_global);
  for (int64_t i = 0; i < part->n; i++) {
    double error = part->prediction[i] - part->truth[i], deviation = part->truth[i] - mean;
    double *row = *values + i * N_SUMS;
    bool high = part->truth[i] > part->threshold;
    bool predicted = part->prediction[i] > part->threshold;
    row[WEIGHT] = 1;
    row[ERROR] = rint(error * scale[ERROR]);
    row[ABSOLUTE] = fabs(row[ERROR]);
    row[SQUARE] = rint(error * error * scale[SQUARE]);
    row[DEVIATION] = rint(deviation * scale[DEVIATION]);
    row[DEVIATION_SQUARE] = rint(deviation * deviation * scale[DEVIATION_SQUARE]);
    row[HIGH] = high;
    row[HIGH_PREDICTED] = predicted;
    row[HIGH_HIT] = high && predicted;
  }
done:
  return status;
}

/* Sums of all replicates, N_SUMS x (chunks x LANES), joined over ranks. */
static Status replicate_sums_all(const Comm *comm, const RegressionPart *part,
                                 const MeasureOptions *options, const double *values,
                                 int64_t **out) {
  Status status = OK;
  Weights weights = {0};
  int64_t chunks = chunks_of(options->replicates), stride = chunks * LANES;
  Stream stream = random_stream(options->seed, "measure/bootstrap", 0);
  AGREE(comm, weights_init(&weights, part->group, part->n));
  AGREE(comm, NEW(out, N_SUMS * stride));
  for (int64_t c = 0; c < chunks; c++) {
    int64_t *sums[N_SUMS];
    for (int s = 0; s < N_SUMS; s++) sums[s] = *out + s * stride + c * LANES;
    weights_fill(&weights, &stream, c);
    bootstrap_sum(&weights, values, N_SUMS, sums);
  }
  comm_sum_all(comm, *out, N_SUMS * stride);
done:
  weights_clear(&weights);
  return status;
}

enum { RMSE, MAE, R2, BIAS, RECALL, PRECISION, N_INTERVALS };

/* Values of one replicate from its sums. */
static void replicate_scores(const double sum[N_SUMS], double value[N_INTERVALS]) {
  double n = sum[WEIGHT];
  double total = sum[DEVIATION_SQUARE] - sum[DEVIATION] * sum[DEVIATION] / n;
  value[RMSE] = n > 0 ? sqrt(sum[SQUARE] / n) : NAN;
  value[MAE] = share_of(sum[ABSOLUTE], n);
  value[R2] = n > 0 ? r2_of(sum[SQUARE], total) : NAN;
  value[BIAS] = n > 0 ? sum[ERROR] / n : NAN;
  value[RECALL] = share_of(sum[HIGH_HIT], sum[HIGH]);
  value[PRECISION] = share_of(sum[HIGH_HIT], sum[HIGH_PREDICTED]);
}

static Status set_intervals(const MeasureOptions *options, const int64_t *sums,
                            const double scale[N_SUMS], RegressionScores *out) {
  Status status = OK;
  double *values = NULL;
  Score *scores[N_INTERVALS] = {&out->rmse, &out->mae,         &out->r2,
                                &out->bias, &out->high_recall, &out->high_precision};
  int64_t n = options->replicates, stride = chunks_of(n) * LANES;
  TRY(NEW(&values, n * N_INTERVALS));
  for (int64_t r = 0; r < n; r++) {
    double sum[N_SUMS], value[N_INTERVALS];
    for (int s = 0; s < N_SUMS; s++) sum[s] = (double)sums[s * stride + r] / scale[s];
    replicate_scores(sum, value);
    for (int s = 0; s < N_INTERVALS; s++) values[s * n + r] = value[s];
  }
  for (int s = 0; s < N_INTERVALS; s++)
    if (!isnan(scores[s]->value))
      bootstrap_interval(values + s * n, n, options->confidence, scores[s]);
done:
  memory_free(&values);
  return status;
}

static Status intervals_all(const Comm *comm, const RegressionPart *part,
                            const MeasureOptions *options, double mean, RegressionScores *out) {
  Status status = OK;
  double *values = NULL, scale[N_SUMS];
  int64_t *sums = NULL;
  TRY(replicate_values_all(comm, part, mean, scale, &values));
  TRY(replicate_sums_all(comm, part, options, values, &sums));
  AGREE(comm, set_intervals(options, sums, scale, out));
done:
  memory_free(&values);
  memory_free(&sums);
  return status;
}

Status regression_scores_all(const Comm *comm, RegressionPart *part, const MeasureOptions *options,
                             RegressionScores *out) {
  Status status = OK;
  const Score none = {NAN, NAN, NAN};
  double mean = NAN;
  *out = (RegressionScores){.n = part->n_global,
                            .rmse = none,
                            .mae = none,
                            .r2 = none,
                            .bias = none,
                            .high_recall = none,
                            .high_precision = none};
  if (out->n == 0) return OK;
  part->constant = constant_all(comm, part);
  count_high_all(comm, part, out);
  point_scores_all(comm, part, out, &mean);
  if (part->grouped && options->replicates > 0) TRY(intervals_all(comm, part, options, mean, out));
done:
  return status;
}

Status measure_regression_scores_all(const Comm *comm, const RegressionRows *rows,
                                     const MeasureOptions *options, const char *part,
                                     RegressionScores *out) {
  Status status = OK;
  RegressionPart chosen = {0};
  TRY(regression_part_all(comm, rows, options, part, &chosen));
  TRY(regression_scores_all(comm, &chosen, options, out));
done:
  regression_part_clear(&chosen);
  return status;
}
