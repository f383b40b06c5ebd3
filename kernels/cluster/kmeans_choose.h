/* How many clusters? k-means for every k of a range, judged three ways. */
#ifndef SEGUE_CLUSTER_KMEANS_CHOOSE_H
#define SEGUE_CLUSTER_KMEANS_CHOOSE_H

#include "kmeans.h"

typedef enum ChooseBy { CHOOSE_SILHOUETTE, CHOOSE_ELBOW, CHOOSE_STABILITY } ChooseBy;
extern const char *const choose_by_words[]; /* "silhouette", "elbow", "stability", NULL */

typedef struct KmeansChoice {
  int64_t low, n;     /* k = low .. low + n - 1 */
  double *inertia;    /* n, of all rows */
  double *silhouette; /* n, exact among some thousand rows drawn at random */
  double *stability;  /* n: adjusted Rand index of two fits on halves of the rows, over all rows */
  int64_t best[3];    /* k by ChooseBy; ties to the smaller one */
} KmeansChoice;

/* Collective. options->k is ignored; 2 <= low <= high. The elbow is the k whose inertia lies
 * farthest below the line between the first and the last one (Satopaa et al. 2011). Stability:
 * Ben-Hur et al. 2002. Rows are drawn by their numbers, so the same on any number of ranks. sink:
 * units are numbers of clusters, what is known of each is saved; may be NULL. out: replicated; the
 * caller clears it, also after a failure. Fails as kmeans_fit_all does (high above a quarter of the
 * rows: INVALID). */
CHECKED Status kmeans_choose_all(const Comm *comm, const Matrix *x, const KmeansOptions *options,
                                 int64_t low, int64_t high, WorkSink *sink, KmeansChoice *out);
void kmeans_choice_clear(KmeansChoice *choice);

#endif
