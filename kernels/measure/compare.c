/* Paired comparison of two predictions; see compare.h.
 *
 * RMSE, MAE, log loss and accuracy are means over rows of a value for each: three weighted sums a
 * replicate (rows, first, second). F1 needs counts by class, AUC and average precision the order
 * of each prediction. Weights are addressed by replicate and recording, so both see the same ones,
 * though their rows lie in different orders.
 *
 * Rejected: the difference of two separate intervals (several times too wide, since errors of two
 * models on the same rows are alike), and a t-test over folds (their training parts overlap). */
#include "compare.h"

#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/measure/classification_parts.h"
#include "kernels/measure/regression_parts.h"
#include "kernels/numeric/exact.h"

const char *const compare_score_words[] = {"rmse", "mae", "log_loss",          "accuracy",
                                           "f1",   "auc", "average_precision", NULL};

/* The rows that are compared, and the values of both in every replicate. */
typedef struct Pair {
  CompareScore score;
  const MeasureOptions *options;
  RegressionPart value[2];
  ClassPart class[2];
  int64_t n, n_global;
  const int64_t *group; /* n */
  bool grouped;
  Stream stream;
  Weights weights;
  double *replicate[2]; /* replicates rounded up to whole chunks */
} Pair;

static bool replicated(const Pair *pair) { return pair->grouped && pair->options->replicates > 0; }

static void pair_clear(Pair *pair) {
  for (int p = 0; p < 2; p++) {
    regression_part_clear(&pair->value[p]);
    class_part_clear(&pair->class[p]);
    memory_free(&pair->replicate[p]);
  }
  weights_clear(&pair->weights);
}

static Status check_score(const CompareRows *rows, CompareScore score) {
  if (compare_of_values(score) == (rows->n_classes == 0)) return OK;
  return status_fail(INVALID, "score: %s cannot be had of predicted %s; %s",
                     compare_score_words[score], rows->n_classes == 0 ? "values" : "classes",
                     rows->n_classes == 0
                         ? "rmse and mae can"
                         : "log_loss, accuracy, f1, auc and average_precision can");
}

static Status take_values_all(const Comm *comm, const CompareRows *rows, const char *part,
                              Pair *pair) {
  Status status = OK;
  for (int p = 0; p < 2; p++) {
    RegressionRows one = {.n = rows->n,
                          .truth = rows->truth,
                          .prediction = rows->prediction[p],
                          .group = rows->group,
                          .where = rows->where};
    TRY(regression_part_all(comm, &one, pair->options, part, &pair->value[p]));
  }
  pair->n = pair->value[0].n;
  pair->n_global = pair->value[0].n_global;
  pair->group = pair->value[0].group;
  pair->grouped = pair->value[0].grouped;
done:
  return status;
}

static Status take_classes_all(const Comm *comm, const CompareRows *rows, const char *part,
                               Pair *pair) {
  Status status = OK;
  for (int p = 0; p < 2; p++) {
    MeasureOptions options = *pair->options;
    ClassificationRows one = {.n = rows->n,
                              .n_classes = rows->n_classes,
                              .truth = rows->truth,
                              .probability = rows->prediction[p],
                              .group = rows->group,
                              .where = rows->where};
    options.decision = rows->decision[p];
    TRY(class_part_all(comm, &one, &options, part, &pair->class[p]));
  }
  pair->n = pair->class[0].n;
  pair->n_global = pair->class[0].n_global;
  pair->group = pair->class[0].group;
  pair->grouped = pair->class[0].grouped;
done:
  return status;
}

static Status begin_replicates(Pair *pair) {
  Status status = OK;
  pair->stream = random_stream(pair->options->seed, "measure/bootstrap", 0);
  TRY(weights_init(&pair->weights, pair->group, pair->n));
  for (int p = 0; p < 2; p++)
    TRY(NEW(&pair->replicate[p], chunks_of(pair->options->replicates) * LANES));
done:
  return status;
}

/* ---- means over rows ---- */

/* What is averaged. */
static double row_value(const Pair *pair, int p, int64_t i) {
  double error;
  switch (pair->score) {
    case COMPARE_RMSE:
      error = pair->value[p].prediction[i] - pair->value[p].truth[i];
      return error * error;
    case COMPARE_MAE: return fabs(pair->value[p].prediction[i] - pair->value[p].truth[i]);
    case COMPARE_LOG_LOSS: return pair->class[p].loss[i];
    default: return pair->class[p].truth[i] == pair->class[p].predicted[i];
  }
}

static double score_of(CompareScore score, double sum, double n) {
  if (!(n > 0)) return NAN;
  return score == COMPARE_RMSE ? sqrt(sum / n) : sum / n;
}

static void mean_points_all(const Comm *comm, const Pair *pair, Comparison *out) {
  Exact sums[2];
  for (int p = 0; p < 2; p++) {
    exact_init(&sums[p]);
    for (int64_t i = 0; i < pair->n; i++) exact_add(&sums[p], row_value(pair, p, i));
  }
  exact_join_all(comm, sums, 2);
  for (int p = 0; p < 2; p++)
    out->value[p] = score_of(pair->score, exact_round(&sums[p]), (double)pair->n_global);
}

enum { WEIGHT, FIRST, SUMS = 3 };

/* n x SUMS whole numbers; scale: of both values, the same. */
static Status mean_values_all(const Comm *comm, const Pair *pair, double *scale, double **values) {
  Status status = OK;
  double largest = 0;
  AGREE(comm, NEW(values, pair->n * SUMS));
  for (int64_t i = 0; i < pair->n; i++)
    for (int p = 0; p < 2; p++) largest = fmax(largest, row_value(pair, p, i));
  comm_max_real_all(comm, &largest, 1);
  *scale = bootstrap_scale(largest, pair->n_global);
  for (int64_t i = 0; i < pair->n; i++) {
    (*values)[i * SUMS + WEIGHT] = 1;
    for (int p = 0; p < 2; p++)
      (*values)[i * SUMS + FIRST + p] = rint(row_value(pair, p, i) * *scale);
  }
done:
  return status;
}

static Status mean_replicates_all(const Comm *comm, Pair *pair) {
  Status status = OK;
  double scale = 1, *values = NULL;
  int64_t *sums = NULL, chunks = chunks_of(pair->options->replicates), stride = chunks * LANES;
  TRY(mean_values_all(comm, pair, &scale, &values));
  AGREE(comm, NEW(&sums, SUMS * stride));
  for (int64_t c = 0; c < chunks; c++) {
    int64_t *of[SUMS];
    for (int s = 0; s < SUMS; s++) of[s] = sums + s * stride + c * LANES;
    weights_fill(&pair->weights, &pair->stream, c);
    bootstrap_sum(&pair->weights, values, SUMS, of);
  }
  comm_sum_all(comm, sums, SUMS * stride);
  for (int64_t r = 0; r < pair->options->replicates; r++)
    for (int p = 0; p < 2; p++)
      pair->replicate[p][r] = score_of(pair->score, (double)sums[(FIRST + p) * stride + r] / scale,
                                       (double)sums[WEIGHT * stride + r]);
done:
  memory_free(&values);
  memory_free(&sums);
  return status;
}

/* ---- F1 ---- */

/* Of class 1 of two; of more the mean over classes. counts as class_means takes them. */
static double f1_of(const int64_t *counts, int64_t stride, int64_t k) {
  ClassMeans means;
  if (k == 2) {
    int64_t whole =
        counts[(COUNT_TRUTH * k + 1) * stride] + counts[(COUNT_PREDICTED * k + 1) * stride];
    return whole > 0 ? 2 * (double)counts[(COUNT_HIT * k + 1) * stride] / (double)whole : 0;
  }
  class_means(counts, stride, k, NULL, &means);
  return means.f1_macro;
}

static void count_row(int64_t *counts, int64_t stride, const ClassPart *part, int64_t i,
                      const uint8_t *weight) {
  int64_t k = part->n_classes, lanes = stride;
  int32_t truth = part->truth[i], predicted = part->predicted[i];
  for (int64_t l = 0; l < lanes; l++) {
    counts[(COUNT_TRUTH * k + truth) * stride + l] += weight[l];
    counts[(COUNT_PREDICTED * k + predicted) * stride + l] += weight[l];
    if (truth == predicted) counts[(COUNT_HIT * k + truth) * stride + l] += weight[l];
  }
}

static Status f1_all(const Comm *comm, Pair *pair, Comparison *out) {
  Status status = OK;
  const uint8_t one = 1;
  int64_t *counts = NULL, k = pair->class[0].n_classes, size = COUNTS * k * LANES;
  int64_t chunks = replicated(pair) ? chunks_of(pair->options->replicates) : 0;
  AGREE(comm, NEW(&counts, 2 * size));
  for (int p = 0; p < 2; p++) {
    for (int64_t i = 0; i < pair->n; i++) count_row(counts + p * size, 1, &pair->class[p], i, &one);
  }
  comm_sum_all(comm, counts, 2 * size);
  for (int p = 0; p < 2; p++) out->value[p] = f1_of(counts + p * size, 1, k);
  for (int64_t c = 0; c < chunks; c++) {
    memset(counts, 0, (size_t)(2 * size) * sizeof *counts);
    weights_fill(&pair->weights, &pair->stream, c);
    for (int p = 0; p < 2; p++)
      for (int64_t i = 0; i < pair->n; i++)
        count_row(counts + p * size, LANES, &pair->class[p], i, weights_row(&pair->weights, i));
    comm_sum_all(comm, counts, 2 * size);
    for (int p = 0; p < 2; p++)
      for (int l = 0; l < LANES; l++)
        pair->replicate[p][c * LANES + l] = f1_of(counts + p * size + l, LANES, k);
  }
done:
  memory_free(&counts);
  return status;
}

/* ---- AUC and average precision ---- */

static double mean_ranking(const Pair *pair, const ClassRankings *held, const RankingSums *sums,
                           int lane) {
  double sum = 0;
  int64_t n = 0;
  for (int64_t k = 0; k < held->n; k++) {
    double auc, average;
    ranking_value(&held->rankings[k], &sums[k], lane, &auc, &average);
    if (isnan(auc) || isnan(average)) continue;
    sum += pair->score == COMPARE_AUC ? auc : average;
    n++;
  }
  return n > 0 ? sum / (double)n : NAN;
}

static Status ranking_replicates_all(const Comm *comm, Pair *pair, int p, ClassRankings *held) {
  Status status = OK;
  RankingSums *sums = NULL;
  int64_t chunks = chunks_of(pair->options->replicates);
  AGREE(comm, NEW(&sums, held->n));
  for (int64_t c = 0; c < chunks; c++) {
    weights_fill(&pair->weights, &pair->stream, c);
    TRY(ranking_replicate_all(comm, held->rankings, held->n, &pair->stream, c, sums));
    comm_sum_all(comm, (int64_t *)sums, held->n * RANKING_SUMS * LANES);
    for (int l = 0; l < LANES; l++)
      pair->replicate[p][c * LANES + l] = mean_ranking(pair, held, sums, l);
  }
done:
  memory_free(&sums);
  return status;
}

static Status ranking_all(const Comm *comm, Pair *pair, int p, Comparison *out) {
  Status status = OK;
  ClassRankings held = {0};
  const Score none = {NAN, NAN, NAN};
  ClassificationScores scores = {.auc = none, .average_precision = none};
  bool replicates = replicated(pair) && class_ranking_affordable(&pair->class[p]);
  AGREE(comm, NEW(&scores.classes, pair->class[p].n_classes));
  TRY(class_ranking_all(comm, &pair->class[p], replicates ? &pair->weights : NULL, &held, &scores));
  out->value[p] = pair->score == COMPARE_AUC ? scores.auc.value : scores.average_precision.value;
  for (int64_t r = 0; replicated(pair) && r < pair->options->replicates; r++)
    pair->replicate[p][r] = NAN;
  if (replicates) TRY(ranking_replicates_all(comm, pair, p, &held));
done:
  class_rankings_clear(&held);
  classification_scores_clear(&scores);
  return status;
}

/* ---- both together ---- */

static Status judge(const Pair *pair, Comparison *out) {
  Status status = OK;
  double *difference = NULL, better = 0;
  int64_t n = pair->options->replicates, valid = 0;
  TRY(NEW(&difference, n));
  for (int64_t r = 0; r < n; r++) {
    difference[r] = pair->replicate[0][r] - pair->replicate[1][r];
    if (isnan(difference[r])) continue;
    double gain = compare_higher_better(pair->score) ? difference[r] : -difference[r];
    better += gain > 0 ? 1 : gain == 0 ? 0.5 : 0;
    valid++;
  }
  if (valid > 0) out->better = better / (double)valid;
  bootstrap_interval(difference, n, pair->options->confidence, &out->difference);
done:
  memory_free(&difference);
  return status;
}

static Status measure_both_all(const Comm *comm, Pair *pair, Comparison *out) {
  Status status = OK;
  switch (pair->score) {
    case COMPARE_F1: return f1_all(comm, pair, out);
    case COMPARE_AUC:
    case COMPARE_AVERAGE_PRECISION:
      for (int p = 0; p < 2; p++) TRY(ranking_all(comm, pair, p, out));
      break;
    default:
      mean_points_all(comm, pair, out);
      if (replicated(pair)) TRY(mean_replicates_all(comm, pair));
  }
done:
  return status;
}

Status measure_compare_all(const Comm *comm, const CompareRows *rows, CompareScore score,
                           const MeasureOptions *options, const char *part, Comparison *out) {
  Status status = OK;
  Pair pair = {.score = score, .options = options};
  *out = (Comparison){.value = {NAN, NAN}, .difference = {NAN, NAN, NAN}, .better = NAN};
  AGREE(comm, check_score(rows, score));
  if (compare_of_values(score))
    TRY(take_values_all(comm, rows, part, &pair));
  else
    TRY(take_classes_all(comm, rows, part, &pair));
  out->n = pair.n_global;
  if (out->n == 0) goto done;
  if (replicated(&pair)) AGREE(comm, begin_replicates(&pair));
  TRY(measure_both_all(comm, &pair, out));
  out->difference.value = out->value[0] - out->value[1];
  if (replicated(&pair) && !isnan(out->difference.value)) AGREE(comm, judge(&pair, out));
done:
  pair_clear(&pair);
  return status;
}
