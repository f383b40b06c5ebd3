/* Affinities of rows for a map: how much each row wants each of its neighbours near (van der Maaten
 * and Hinton 2008, equations 1 and 2), on exact neighbours. */
#ifndef SEGUE_EMBED_AFFINITY_H
#define SEGUE_EMBED_AFFINITY_H

#include "kernels/neighbors/neighbors.h"

enum { AFFINITY_LANES = 16 };

/* Symmetric affinities of this rank's rows, in lists that are padded with the row itself at weight
 * 0 to whole lanes. p_ij = weight / (2 n); they sum to 1 over all ranks. */
typedef struct Affinity {
  int64_t n;       /* rows of this rank */
  int64_t *offset; /* n + 1, multiples of AFFINITY_LANES */
  int32_t *column; /* global row numbers, ascending in a row but for the padding */
  float *weight;
  /* Sums over all ranks of w log w, and of w; replicated. */
  double entropy, total;
} Affinity;

/* Neighbours that a perplexity asks for: three times as many, at most all. Local. */
int64_t affinity_neighbors(double perplexity, int64_t n);

/* Weights of k neighbours at squared distances (ascending): exp(-b d), b such that they have the
 * perplexity, summing to 1. Where even equal weights have less (k below the perplexity, or more
 * rows at the same distance than it asks for), as near as can be. squared: k, ascending; weight:
 * out, k. Local. */
void affinity_calibrate(const double *squared, int64_t k, double perplexity, double *weight);

/* Collective. index: of all rows of x. The caller clears out. perplexity >= 1. The index's sink
 * is told of rows that are done. Fails with STOPPED, MEMORY; agreed. Communicates 12 bytes for each
 * row and neighbour. */
CHECKED Status affinity_init_all(const Comm *comm, const Neighbors *index, const Matrix *x,
                                 double perplexity, Affinity *out);
void affinity_clear(Affinity *affinity);

#endif
