/* AUC and average precision over classes, one against the rest; see measure.h.
 *
 * Two classes are one ranking, by the probability of class 1. More are a ranking per class, made
 * and measured one after the other so that only one copy of the rows is held; where intervals are
 * affordable (rows x classes <= 2^18) all are held, since a chunk of weights serves all. */
#include <math.h>

#include "kernels/base/memory.h"
#include "kernels/measure/classification_parts.h"

enum { MOST_REPLICATED = 1 << 18 };

bool class_ranking_affordable(const ClassPart *part) {
  if (part->n_classes < 2 || !ranking_fits(part->n_global)) return false;
  return part->n_classes == 2 || part->n_global <= MOST_REPLICATED / part->n_classes;
}

/* The ranking of a class. */
static Status rank_class_all(const Comm *comm, const ClassPart *part, int32_t class,
                             const Weights *weights, Ranking *ranking) {
  RankingRows rows = {.n = part->n,
                      .score = part->probability + class,
                      .at = part->at,
                      .stride = part->n_classes,
                      .class = part->truth,
                      .positive = class,
                      .group = part->group,
                      .weights = weights};
  return ranking_init_all(comm, &rows, ranking);
}

typedef struct Mean {
  double auc, average_precision;
  int64_t n;
} Mean;

/* A class without rows, or without a rest, is left out. */
static void mean_add(Mean *mean, double auc, double average_precision) {
  if (isnan(auc) || isnan(average_precision)) return;
  mean->auc += auc;
  mean->average_precision += average_precision;
  mean->n++;
}

static double mean_of(double sum, int64_t n) { return n > 0 ? sum / (double)n : NAN; }

Status class_ranking_all(const Comm *comm, const ClassPart *part, const Weights *weights,
                         ClassRankings *held, ClassificationScores *out) {
  Status status = OK;
  Ranking one = {0};
  Mean mean = {0};
  if (part->n_classes < 2) return OK;
  int32_t first = part->n_classes == 2 ? 1 : 0;
  if (weights) AGREE(comm, NEW(&held->rankings, part->n_classes - first));
  for (int32_t c = first; c < part->n_classes; c++) {
    Ranking *ranking = weights ? &held->rankings[held->n++] : &one;
    ClassScore *score = &out->classes[c];
    TRY(rank_class_all(comm, part, c, weights, ranking));
    ranking_measure_all(comm, ranking, &score->auc, &score->average_precision);
    mean_add(&mean, score->auc, score->average_precision);
    ranking_clear(&one);
  }
  out->auc.value = mean_of(mean.auc, mean.n);
  out->average_precision.value = mean_of(mean.average_precision, mean.n);
done:
  ranking_clear(&one);
  return status;
}

void class_rankings_clear(ClassRankings *held) {
  for (int64_t p = 0; p < held->n; p++) ranking_clear(&held->rankings[p]);
  memory_free(&held->rankings);
  held->n = 0;
}

Status class_ranking_intervals(const MeasureOptions *options, const ClassRankings *held,
                               const RankingSums *sums, ClassificationScores *out) {
  Status status = OK;
  double *auc = NULL, *precision = NULL;
  TRY(NEW(&auc, options->replicates));
  TRY(NEW(&precision, options->replicates));
  for (int64_t r = 0; r < options->replicates; r++) {
    Mean mean = {0};
    for (int64_t p = 0; p < held->n; p++) {
      double area, average;
      const RankingSums *of = sums + r / LANES * held->n + p;
      ranking_value(&held->rankings[p], of, (int)(r % LANES), &area, &average);
      mean_add(&mean, area, average);
    }
    auc[r] = mean_of(mean.auc, mean.n);
    precision[r] = mean_of(mean.average_precision, mean.n);
  }
  bootstrap_interval(auc, options->replicates, options->confidence, &out->auc);
  bootstrap_interval(precision, options->replicates, options->confidence, &out->average_precision);
done:
  memory_free(&auc);
  memory_free(&precision);
  return status;
}
