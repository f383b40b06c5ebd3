/* Ranking metrics of one class against the rest: area under the ROC curve, average precision. */
#ifndef SEGUE_MEASURE_RANKING_H
#define SEGUE_MEASURE_RANKING_H

#include "kernels/measure/bootstrap.h"
#include "kernels/measure/order.h"

/* Rows by descending score, spread over ranks in ranges of scores. */
typedef struct Ranking {
  int64_t n;   /* rows on this rank */
  Item *items; /* key falls as the score rises; tag = group index * 2 + (row is positive) */
  int64_t n_global, positives, negatives; /* over all ranks */
  Weights own;                            /* of the rows that came here, on more than one rank */
  const Weights *weights; /* own, or those of the rows as they were (one rank); NULL: no groups */
} Ranking;

/* Rows as the caller has them. */
typedef struct RankingRows {
  int64_t n;
  const double *score; /* score of row i at score[at[i] * stride] */
  const int64_t *at;   /* n */
  int64_t stride;
  const int32_t *class; /* n; positive when equal to `positive` */
  int32_t positive;
  const int64_t *group;   /* n; used when there are weights */
  const Weights *weights; /* of these rows; NULL on all ranks: no replicates wanted */
} RankingRows;

/* Order rows by score. Collective. The caller clears, also after a failure; rows->weights must
 * outlive it. Fails with MEMORY, agreed. */
CHECKED Status ranking_init_all(const Comm *comm, const RankingRows *rows, Ranking *ranking);
void ranking_clear(Ranking *ranking);

/* AUC with tied scores counted half (the Mann-Whitney statistic), and average precision, the sum
 * over distinct scores of (gain in recall) x precision; NaN without positives or negatives (auc),
 * without positives (average precision). Collective. */
void ranking_measure_all(const Comm *comm, const Ranking *ranking, double *auc,
                         double *average_precision);

/* Weighted sums of one chunk of replicates, whole numbers: a row of LANES for each. */
enum { RANKING_POSITIVES, RANKING_NEGATIVES, RANKING_WINS, RANKING_PRECISION, RANKING_SUMS };
typedef struct RankingSums {
  int64_t of[RANKING_SUMS][LANES];
} RankingSums;

/* The chunk that `weights` was last filled with, of each of n rankings; own weights are filled
 * here. sums  n items, overwritten: this rank's part, to be added over ranks as an array of
 * numbers. Collective: one Allgather. Fails with MEMORY, agreed. */
CHECKED Status ranking_replicate_all(const Comm *comm, Ranking *rankings, int64_t n,
                                     const Stream *stream, int64_t chunk, RankingSums *sums);
/* AUC and average precision of a lane from joined sums. Local. */
void ranking_value(const Ranking *ranking, const RankingSums *sums, int lane, double *auc,
                   double *average_precision);
/* Whether replicates of n_global rows fit the 32-bit counts of a lane. Local. */
static inline bool ranking_fits(int64_t n_global) { return n_global < (int64_t)1 << 28; }

#endif
