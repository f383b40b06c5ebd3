/* t-SNE: a map of rows in two dimensions that keeps neighbours near (van der Maaten and Hinton
 * 2008), with repulsion interpolated on a grid where there are many (Linderman et al. 2019).
 *
 * Affinities are those of exact neighbours; gradient steps are spread over the ranks; the map has
 * the same bits on any number of ranks. It is begun at the first two principal components with a
 * little noise, so that equal rows can part. */
#ifndef SEGUE_EMBED_TSNE_H
#define SEGUE_EMBED_TSNE_H

#include "kernels/base/work.h"
#include "kernels/neighbors/neighbors.h"

typedef struct TsneOptions {
  double perplexity;        /* 1 or more; (n - 1) / 3 at most is taken */
  int64_t iterations;       /* all together */
  int64_t early_iterations; /* those with early exaggeration and a momentum of 0.5; then 0.8 */
  double early_exaggeration;
  double learning_rate; /* NaN: n / 12, at least 200 */
  uint64_t seed;
} TsneOptions;

typedef struct Tsne {
  double *x, *y;     /* places of this rank's rows; their mean is 0 */
  double perplexity; /* what was taken; what follows, too, is replicated */
  int64_t n_told;
  double *told; /* n_told iterations ... */
  double *
      divergence; /* ... and the Kullback-Leibler divergence after them (repulsion as it is used) */
} Tsne;

/* Make a map of the rows of x.
 *
 * Collective.
 * x     this rank's rows
 * sink  progress, "kl" as a number by iteration, saved states to go on from; NULL: nobody
 * out   the caller clears it, also after a failure
 * Fails with INVALID (rows that cannot be measured, perplexity below 1), NUMERIC (places run away:
 * the learning rate is too large), STOPPED, MEMORY; agreed. Each rank holds all places (24 bytes a
 * point) and its rows' affinities; an iteration exchanges the places and, between nodes, the grid's
 * charges. */
CHECKED Status tsne_all(const Comm *comm, const Matrix *x, const TsneOptions *options,
                        WorkSink *sink, Tsne *out);
void tsne_clear(Tsne *tsne);

/* The divergence of a finished map with all pairs summed, for comparing maps: quadratic in rows.
 * x, y: places of this rank's rows. Collective, the result replicated. Fails with MEMORY, agreed.
 */
CHECKED Status tsne_divergence_all(const Comm *comm, const Matrix *rows, double perplexity,
                                   const double *x, const double *y, double *divergence);

/* Put new rows into a finished map: at the mean of their nearest rows' places, weighted as
 * affinities of this perplexity are.
 * index       of the map's rows; x, y: all of their places, by global row number
 * query       rows to place; with exclude_self, rows of the map as if they were new
 * Local. Fails as neighbors_nearest does. */
CHECKED Status tsne_place(const Neighbors *index, const double *x, const double *y,
                          const NeighborsQuery *query, double perplexity, double *out_x,
                          double *out_y);

#endif
