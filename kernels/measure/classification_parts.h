/* What the files about classification share: the rows that are measured. */
#ifndef SEGUE_MEASURE_CLASSIFICATION_PARTS_H
#define SEGUE_MEASURE_CLASSIFICATION_PARTS_H

#include "kernels/measure/chosen.h"
#include "kernels/measure/ranking.h"

typedef struct ClassPart {
  int64_t n, n_global, n_classes;
  int64_t *at; /* n: number of the row where it came from */
  int32_t *truth, *predicted;
  uint8_t *in_top, *listed; /* n flags: truth among the top k; predicted class is listed */
  double *loss;             /* n: -log(probability of the truth) */
  int64_t *group;           /* NULL: none */
  bool grouped;             /* group is there on all ranks that have rows */
  bool with_listed;
  const double *probability; /* borrowed: row i's are at at[i] * n_classes */
} ClassPart;

/* Choose and check. Collective. The caller clears, also after a failure. */
CHECKED Status class_part_all(const Comm *comm, const ClassificationRows *rows,
                              const MeasureOptions *options, const char *name, ClassPart *part);
void class_part_clear(ClassPart *part);
/* Collective. Fails with MEMORY, agreed. The caller clears out, also after a failure. */
CHECKED Status class_scores_all(const Comm *comm, const ClassPart *part,
                                const MeasureOptions *options, ClassificationScores *out);

/* Counts of class c: at [c], [n_classes + c], [2 n_classes + c] times stride. */
enum { COUNT_TRUTH, COUNT_PREDICTED, COUNT_HIT, COUNTS };
/* Mean over the classes; NaN where none counts. */
typedef struct ClassMeans {
  double balanced_accuracy, precision_macro, recall_macro, f1_macro;
  double precision_weighted, recall_weighted, f1_weighted;
} ClassMeans;
/* classes  n_classes, NULL: only the means. Local. */
void class_means(const int64_t *counts, int64_t stride, int64_t n_classes, ClassScore *classes,
                 ClassMeans *means);

/* Rankings held for replicates: one, of class 1, when there are two classes; else one per class. */
typedef struct ClassRankings {
  int64_t n;
  Ranking *rankings;
} ClassRankings;

/* AUC and average precision into out and out->classes.
 * weights  of the rows, must outlive held; NULL on all ranks: no replicates, nothing is held
 * Collective. Fails with MEMORY, agreed; the caller clears held, also then. */
CHECKED Status class_ranking_all(const Comm *comm, const ClassPart *part, const Weights *weights,
                                 ClassRankings *held, ClassificationScores *out);
void class_rankings_clear(ClassRankings *held);
/* Whether replicates are worth their time and memory. Local, same on all ranks. */
bool class_ranking_affordable(const ClassPart *part);
/* Intervals from sums, chunks x held->n items joined over ranks. Local. Fails with MEMORY. */
CHECKED Status class_ranking_intervals(const MeasureOptions *options, const ClassRankings *held,
                                       const RankingSums *sums, ClassificationScores *out);

#endif
