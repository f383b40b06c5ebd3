/* AUC and average precision over classes, one against the rest; see measure.h.
 *
 * Two classes are one ranking, by the probability of class 1. More are a ranking per class. Where
 * intervals are affordable (rows x classes <= 2^18) all are held, spread over the ranks by scores,
 * since a chunk of weights serves all. Otherwise whole classes go to ranks, a batch at a time: two
 * exchanges a batch instead of several for every class, which hundreds of classes would feel. */
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/measure/classification_parts.h"
#include "kernels/numeric/quantile.h"

enum { MOST_REPLICATED = 1 << 18, BATCH_BYTES = 64 << 20 };

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

/* ---- whole classes on ranks ---- */

/* Classes first .. first + n - 1; class first + k belongs to rank k % size. */
typedef struct Batch {
  int64_t first, n;
} Batch;

static int64_t classes_of(const Batch *batch, int rank, int size) {
  return batch->n / size + (rank < batch->n % size);
}

/* This rank's rows once for every class of the batch, by owner, then by class. */
static Status pack_batch(int size, const ClassPart *part, const Batch *batch, Item **items,
                         int64_t *counts) {
  Status status = NEW(items, part->n * batch->n);
  if (status != OK) return status;
  Item *at = *items;
  for (int r = 0; r < size; r++) {
    counts[r] = part->n * classes_of(batch, r, size);
    for (int64_t k = r; k < batch->n; k += size) {
      int64_t class = batch->first + k;
      for (int64_t i = 0; i < part->n; i++) {
        double score = part->probability[part->at[i] * part->n_classes + class];
        *at++ = (Item){~quantile_key(score), part->truth[i] == class};
      }
    }
  }
  return OK;
}

/* Measure this rank's classes of a batch. received: by sender, then by class. */
static Status measure_batch(const Comm *comm, const Batch *batch, const Item *received,
                            const int64_t *counts, ClassScore *scores) {
  Status status = OK;
  Comm self = comm_self();
  Ranking ranking = {0};
  int64_t own = classes_of(batch, comm->rank, comm->size), total = 0;
  for (int r = 0; r < comm->size && own > 0; r++) total += counts[r] / own;
  TRY(NEW(&ranking.items, total));
  ranking.n = ranking.n_global = total;
  for (int64_t c = 0; c < own; c++) {
    ClassScore *score = &scores[batch->first + comm->rank + c * comm->size];
    const Item *from = received;
    int64_t n = 0;
    for (int r = 0; r < comm->size; from += counts[r++]) {
      int64_t share = counts[r] / own;
      if (share > 0) memcpy(ranking.items + n, from + c * share, (size_t)share * sizeof *from);
      n += share;
    }
    TRY(order_sort(ranking.items, n));
    ranking.positives = 0;
    for (int64_t i = 0; i < n; i++) ranking.positives += (int64_t)ranking.items[i].tag;
    ranking.negatives = n - ranking.positives;
    ranking_measure_all(&self, &ranking, &score->auc, &score->average_precision);
  }
done:
  ranking_clear(&ranking);
  return status;
}

/* Every rank has the scores of its classes: give them to all. */
static Status share_scores_all(const Comm *comm, int64_t n, int64_t batch, ClassScore *scores) {
  Status status = OK;
  int64_t *bits = NULL;
  AGREE(comm, NEW(&bits, 2 * n));
  for (int64_t c = 0; c < n; c++) {
    if (c % batch % comm->size != comm->rank) continue;
    memcpy(&bits[2 * c], &scores[c].auc, sizeof *bits);
    memcpy(&bits[2 * c + 1], &scores[c].average_precision, sizeof *bits);
  }
  comm_sum_all(comm, bits, 2 * n);
  for (int64_t c = 0; c < n; c++) {
    memcpy(&scores[c].auc, &bits[2 * c], sizeof *bits);
    memcpy(&scores[c].average_precision, &bits[2 * c + 1], sizeof *bits);
  }
done:
  memory_free(&bits);
  return status;
}

static Status rank_whole_classes_all(const Comm *comm, const ClassPart *part, ClassScore *scores) {
  Status status = OK;
  Item *items = NULL, *received = NULL;
  int64_t *counts = NULL, *arrived = NULL;
  int64_t rows = comm_max_one_all(comm, part->n), n = part->n_classes;
  int64_t fit = BATCH_BYTES / ((int64_t)sizeof(Item) * (rows + 1));
  int64_t size = fit < comm->size ? comm->size : fit; /* classes in a batch */
  Status local = NEW(&counts, comm->size);
  if (local == OK) local = NEW(&arrived, comm->size);
  AGREE(comm, local);
  for (int64_t first = 0; first < n; first += size) {
    Batch batch = {.first = first, .n = n - first < size ? n - first : size};
    AGREE(comm, pack_batch(comm->size, part, &batch, &items, counts));
    TRY(comm_exchange_all(comm, items, counts, sizeof *items, (void **)&received, arrived));
    AGREE(comm, measure_batch(comm, &batch, received, arrived, scores));
    memory_free(&items);
    memory_free(&received);
  }
  TRY(share_scores_all(comm, n, size, scores));
done:
  memory_free(&items);
  memory_free(&received);
  memory_free(&counts);
  memory_free(&arrived);
  return status;
}

/* ---- all classes ---- */

/* One class after the other, its rows spread over the ranks by their scores. */
static Status rank_by_scores_all(const Comm *comm, const ClassPart *part, const Weights *weights,
                                 ClassRankings *held, ClassScore *scores) {
  Status status = OK;
  Ranking one = {0};
  int32_t first = part->n_classes == 2 ? 1 : 0;
  if (weights) AGREE(comm, NEW(&held->rankings, part->n_classes - first));
  for (int32_t c = first; c < part->n_classes; c++) {
    Ranking *ranking = weights ? &held->rankings[held->n++] : &one;
    TRY(rank_class_all(comm, part, c, weights, ranking));
    ranking_measure_all(comm, ranking, &scores[c].auc, &scores[c].average_precision);
    ranking_clear(&one);
  }
done:
  ranking_clear(&one);
  return status;
}

Status class_ranking_all(const Comm *comm, const ClassPart *part, const Weights *weights,
                         ClassRankings *held, ClassificationScores *out) {
  Status status = OK;
  Mean mean = {0};
  if (part->n_classes < 2) return OK;
  bool whole = !weights && part->n_classes > 2 && comm->size > 1;
  if (whole)
    TRY(rank_whole_classes_all(comm, part, out->classes));
  else
    TRY(rank_by_scores_all(comm, part, weights, held, out->classes));
  for (int64_t c = part->n_classes == 2 ? 1 : 0; c < part->n_classes; c++)
    mean_add(&mean, out->classes[c].auc, out->classes[c].average_precision);
  out->auc.value = mean_of(mean.auc, mean.n);
  out->average_precision.value = mean_of(mean.average_precision, mean.n);
done:
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
