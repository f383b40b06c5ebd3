/* Scores of clusterings: how compact and apart clusters are, and how far two labellings agree. */
#ifndef SEGUE_CLUSTER_SCORES_H
#define SEGUE_CLUSTER_SCORES_H

#include "kernels/numeric/matrix.h"

typedef struct ClusterScores {
  int64_t k, rows;          /* clusters that have rows; rows in clusters */
  double davies_bouldin;    /* Davies and Bouldin 1979; lower is better */
  double calinski_harabasz; /* Calinski and Harabasz 1974; higher is better */
  double within;            /* sum of squared distances to the clusters' means */
} ClusterScores;

/* Collective. x: this rank's rows, finite; label: x->rows.n, 0 .. n_labels - 1, -1: left out. out:
 * replicated; both scores are NaN for fewer than two clusters (Calinski-Harabasz also where every
 * row is a cluster). Fixed-point sums. Fails with MEMORY, agreed. */
CHECKED Status cluster_scores_all(const Comm *comm, const Matrix *x, const int32_t *label,
                                  int64_t n_labels, ClusterScores *out);

/* How far two labellings of the same items agree. */
typedef struct Agreement {
  int64_t items;
  double adjusted_rand; /* Hubert and Arabie 1985: 1 equal, about 0 by chance */
  double normalised_mi; /* mutual information over the mean of both entropies: 0 .. 1 */
} Agreement;

/* From how many items have label a in the first and b in the second labelling.
 * table  n_a x n_b counts over all ranks
 * Local. Fails with MEMORY. NaN when there are no items. */
CHECKED Status agreement_of(const int64_t *table, int64_t n_a, int64_t n_b, Agreement *out);

#endif
