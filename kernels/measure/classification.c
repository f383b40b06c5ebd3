/* Metrics of predicted class probabilities; see measure.h.
 *
 * Counts of truth, prediction and hits per class give all but the loss (an exact sum) and the
 * rankings (class_ranking.c). A chunk of replicates is one sweep over the rows for sums, one for
 * class counts, one per ranking, all with the same weights. */
#include <float.h>
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/measure/classification_parts.h"
#include "kernels/numeric/exact.h"

void classification_scores_clear(ClassificationScores *scores) { memory_free(&scores->classes); }

/* Class counts, COUNTS x n_classes, joined over ranks. */
static void count_classes_all(const Comm *comm, const ClassPart *part, int64_t *counts) {
  int64_t k = part->n_classes;
  for (int64_t i = 0; i < part->n; i++) {
    int32_t truth = part->truth[i], predicted = part->predicted[i];
    counts[COUNT_TRUTH * k + truth]++;
    counts[COUNT_PREDICTED * k + predicted]++;
    counts[COUNT_HIT * k + truth] += truth == predicted;
  }
  comm_sum_all(comm, counts, COUNTS * k);
}

static void set_means(const ClassMeans *means, ClassificationScores *out) {
  out->balanced_accuracy.value = means->balanced_accuracy;
  out->f1_macro.value = means->f1_macro;
  out->f1_weighted = means->f1_weighted;
  out->precision_macro = means->precision_macro;
  out->precision_weighted = means->precision_weighted;
  out->recall_macro = means->recall_macro;
  out->recall_weighted = means->recall_weighted;
}

/* All scores but those of rankings, without intervals. */
static Status point_scores_all(const Comm *comm, const ClassPart *part, ClassificationScores *out) {
  Status status = OK;
  int64_t *counts = NULL, shares[2] = {0}, hits = 0, most = 0;
  ClassMeans means;
  double n = (double)part->n_global;
  AGREE(comm, NEW(&counts, COUNTS * part->n_classes));
  count_classes_all(comm, part, counts);
  class_means(counts, 1, part->n_classes, out->classes, &means);
  for (int64_t c = 0; c < part->n_classes; c++) {
    hits += out->classes[c].n_hit;
    if (out->classes[c].n > most) most = out->classes[c].n;
  }
  for (int64_t i = 0; i < part->n; i++) {
    shares[0] += part->in_top[i];
    shares[1] += part->with_listed && part->listed[i];
  }
  comm_sum_all(comm, shares, 2);
  out->accuracy.value = (double)hits / n;
  out->majority_share = (double)most / n;
  out->top_k_accuracy.value = (double)shares[0] / n;
  if (part->with_listed) out->any_listed_accuracy.value = (double)shares[1] / n;
  out->log_loss.value = exact_sum_all(comm, part->loss, part->n) / n;
  set_means(&means, out);
done:
  memory_free(&counts);
  return status;
}

/* What a replicate sums over rows. */
enum { WEIGHT, HIT, IN_TOP, LISTED, LOSS, N_SUMS };

/* Replicates while they are made. */
typedef struct Replicates {
  const ClassPart *part;
  int64_t n, stride; /* replicates; those rounded up to whole chunks */
  Stream stream;
  Weights weights;
  double loss_scale;
  double *values;   /* n x N_SUMS whole numbers */
  int64_t *sums;    /* N_SUMS x stride */
  int64_t *counts;  /* COUNTS x n_classes x LANES, of one chunk */
  double *means[2]; /* balanced accuracy, macro F1: n */
  bool ranked;
  ClassRankings rankings;
  RankingSums *ranking_sums; /* chunks x rankings.n */
} Replicates;

static void fill_values(Replicates *replicates) {
  const ClassPart *part = replicates->part;
  replicates->loss_scale = bootstrap_scale(-log(DBL_EPSILON), part->n_global);
  for (int64_t i = 0; i < part->n; i++) {
    double *row = replicates->values + i * N_SUMS;
    row[WEIGHT] = 1;
    row[HIT] = part->truth[i] == part->predicted[i];
    row[IN_TOP] = part->in_top[i];
    row[LISTED] = part->with_listed && part->listed[i];
    row[LOSS] = rint(part->loss[i] * replicates->loss_scale);
  }
}

static Status replicates_new(Replicates *replicates, const ClassPart *part,
                             const MeasureOptions *options) {
  Status status = OK;
  int64_t n = options->replicates;
  *replicates = (Replicates){.part = part,
                             .n = n,
                             .stride = chunks_of(n) * LANES,
                             .ranked = class_ranking_affordable(part)};
  replicates->stream = random_stream(options->seed, "measure/bootstrap", 0);
  TRY(weights_init(&replicates->weights, part->group, part->n));
  TRY(NEW(&replicates->values, part->n * N_SUMS));
  TRY(NEW(&replicates->sums, N_SUMS * replicates->stride));
  TRY(NEW(&replicates->counts, COUNTS * part->n_classes * LANES));
  for (int m = 0; m < 2; m++) TRY(NEW(&replicates->means[m], replicates->stride));
  int64_t n_rankings = part->n_classes == 2 ? 1 : part->n_classes;
  if (replicates->ranked) TRY(NEW(&replicates->ranking_sums, chunks_of(n) * n_rankings));
  fill_values(replicates);
done:
  return status;
}

static void replicates_clear(Replicates *replicates) {
  class_rankings_clear(&replicates->rankings);
  weights_clear(&replicates->weights);
  memory_free(&replicates->values);
  memory_free(&replicates->sums);
  memory_free(&replicates->counts);
  for (int m = 0; m < 2; m++) memory_free(&replicates->means[m]);
  memory_free(&replicates->ranking_sums);
}

/* Weighted class counts of the chunk, and the means they make. */
static void count_chunk_all(const Comm *comm, Replicates *replicates, int64_t chunk) {
  const ClassPart *part = replicates->part;
  int64_t k = part->n_classes, *counts = replicates->counts;
  memset(counts, 0, (size_t)(COUNTS * k * LANES) * sizeof *counts);
  for (int64_t i = 0; i < part->n; i++) {
    const Weights *weights = &replicates->weights;
    if (i + AHEAD < weights->n) weights_ahead(weights, weights->index[i + AHEAD]);
    const uint8_t *weight = weights_row(weights, i);
    int64_t *truth = counts + (COUNT_TRUTH * k + part->truth[i]) * LANES;
    int64_t *predicted = counts + (COUNT_PREDICTED * k + part->predicted[i]) * LANES;
    int64_t *hit = counts + (COUNT_HIT * k + part->truth[i]) * LANES;
    for (int l = 0; l < LANES; l++) {
      truth[l] += weight[l];
      predicted[l] += weight[l];
    }
    for (int l = 0; part->truth[i] == part->predicted[i] && l < LANES; l++) hit[l] += weight[l];
  }
  comm_sum_all(comm, counts, COUNTS * k * LANES);
  for (int l = 0; l < LANES; l++) {
    ClassMeans means;
    class_means(counts + l, LANES, k, NULL, &means);
    replicates->means[0][chunk * LANES + l] = means.balanced_accuracy;
    replicates->means[1][chunk * LANES + l] = means.f1_macro;
  }
}

static Status run_chunks_all(const Comm *comm, Replicates *replicates) {
  Status status = OK;
  ClassRankings *held = &replicates->rankings;
  int64_t chunks = chunks_of(replicates->n), stride = replicates->stride;
  for (int64_t c = 0; c < chunks; c++) {
    int64_t *sums[N_SUMS];
    for (int s = 0; s < N_SUMS; s++) sums[s] = replicates->sums + s * stride + c * LANES;
    weights_fill(&replicates->weights, &replicates->stream, c);
    bootstrap_sum(&replicates->weights, replicates->values, N_SUMS, sums);
    count_chunk_all(comm, replicates, c);
    if (replicates->ranked)
      TRY(ranking_replicate_all(comm, held->rankings, held->n, &replicates->stream, c,
                                replicates->ranking_sums + c * held->n));
  }
  comm_sum_all(comm, replicates->sums, N_SUMS * stride);
  if (replicates->ranked)
    comm_sum_all(comm, (int64_t *)replicates->ranking_sums,
                 chunks * held->n * RANKING_SUMS * LANES);
done:
  return status;
}

/* Interval of sum / weight / scale. */
static void share_interval(const Replicates *replicates, int which, double scale, double *values,
                           double confidence, Score *score) {
  const int64_t *weight = replicates->sums + WEIGHT * replicates->stride;
  const int64_t *sum = replicates->sums + which * replicates->stride;
  for (int64_t r = 0; r < replicates->n; r++)
    values[r] = weight[r] > 0 ? (double)sum[r] / (double)weight[r] / scale : NAN;
  if (!isnan(score->value)) bootstrap_interval(values, replicates->n, confidence, score);
}

static Status set_intervals(Replicates *replicates, const MeasureOptions *options,
                            ClassificationScores *out) {
  Status status = OK;
  double *values = NULL, confidence = options->confidence;
  TRY(NEW(&values, replicates->n));
  share_interval(replicates, HIT, 1, values, confidence, &out->accuracy);
  share_interval(replicates, IN_TOP, 1, values, confidence, &out->top_k_accuracy);
  share_interval(replicates, LISTED, 1, values, confidence, &out->any_listed_accuracy);
  share_interval(replicates, LOSS, replicates->loss_scale, values, confidence, &out->log_loss);
  bootstrap_interval(replicates->means[0], replicates->n, confidence, &out->balanced_accuracy);
  bootstrap_interval(replicates->means[1], replicates->n, confidence, &out->f1_macro);
  if (replicates->ranked)
    TRY(class_ranking_intervals(options, &replicates->rankings, replicates->ranking_sums, out));
done:
  memory_free(&values);
  return status;
}

/* Rankings and all intervals. */
static Status replicates_all(const Comm *comm, const ClassPart *part, const MeasureOptions *options,
                             ClassificationScores *out) {
  Status status = OK;
  Replicates replicates = {0};
  AGREE(comm, replicates_new(&replicates, part, options));
  const Weights *weights = replicates.ranked ? &replicates.weights : NULL;
  TRY(class_ranking_all(comm, part, weights, &replicates.rankings, out));
  TRY(run_chunks_all(comm, &replicates));
  AGREE(comm, set_intervals(&replicates, options, out));
done:
  replicates_clear(&replicates);
  return status;
}

Status class_scores_all(const Comm *comm, const ClassPart *part, const MeasureOptions *options,
                        ClassificationScores *out) {
  Status status = OK;
  const Score none = {NAN, NAN, NAN};
  ClassRankings nothing = {0};
  *out = (ClassificationScores){.n = part->n_global,
                                .n_classes = part->n_classes,
                                .accuracy = none,
                                .top_k_accuracy = none,
                                .any_listed_accuracy = none,
                                .log_loss = none,
                                .balanced_accuracy = none,
                                .f1_macro = none,
                                .precision_macro = NAN,
                                .recall_macro = NAN,
                                .precision_weighted = NAN,
                                .recall_weighted = NAN,
                                .f1_weighted = NAN,
                                .auc = none,
                                .average_precision = none,
                                .majority_share = NAN};
  AGREE(comm, NEW(&out->classes, part->n_classes));
  if (out->n == 0) goto done;
  TRY(point_scores_all(comm, part, out));
  if (part->grouped && options->replicates > 0)
    TRY(replicates_all(comm, part, options, out));
  else
    TRY(class_ranking_all(comm, part, NULL, &nothing, out));
done:
  return status;
}

Status measure_classification_scores_all(const Comm *comm, const ClassificationRows *rows,
                                         const MeasureOptions *options, const char *part,
                                         ClassificationScores *out) {
  Status status = OK;
  ClassPart chosen = {0};
  *out = (ClassificationScores){0};
  TRY(class_part_all(comm, rows, options, part, &chosen));
  TRY(class_scores_all(comm, &chosen, options, out));
done:
  class_part_clear(&chosen);
  return status;
}
