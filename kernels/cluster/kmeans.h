/* k-means: k centres that make the sum of squared distances to the nearest one small.
 *
 * Lloyd's iterations (1982) from seeds by greedy k-means++ (Arthur and Vassilvitskii 2007, with as
 * many candidates a step as scikit-learn tries), from several starts, the best of which goes on
 * until no row moves. Bounds by the triangle inequality (Hamerly 2010) say which rows need not be
 * looked at; what is decided is decided by the squared distance that numeric/pair_distance.h
 * defines, so the result is Lloyd's own, bit by bit (kmeans_ref_all).
 *
 * Sums of centres and of inertia are integers, so ranks may share the starts or the rows. */
#ifndef SEGUE_CLUSTER_KMEANS_H
#define SEGUE_CLUSTER_KMEANS_H

#include "kernels/base/fields.h"
#include "kernels/base/work.h"
#include "kernels/numeric/matrix.h"

/* STARTS: ranks take starts of their own, on rows that are replicated once per node. ROWS: all
 * ranks share the rows of one start after the other. AUTO: by starts where there are as many as
 * ranks and the rows take up to 256 MiB. */
typedef enum KmeansSpread { KMEANS_AUTO, KMEANS_STARTS, KMEANS_ROWS } KmeansSpread;
extern const char *const kmeans_spread_words[]; /* "auto", "starts", "rows", NULL */

typedef struct KmeansOptions {
  int64_t k, starts;
  int64_t max_iterations; /* of a start */
  double tolerance; /* a start ends when its centres' squared moves add up to this share of the mean
                       variance of the columns; the best one goes on until no row moves */
  KmeansSpread spread;
  uint64_t seed;
} KmeansOptions;

typedef struct Kmeans {
  int64_t n, d, k;
  double *centre; /* k x d, in the order of falling size */
  int64_t *size;  /* k; 0 where there are fewer distinct rows than clusters */
  double inertia; /* sum of squared distances of rows to their centres */
  int64_t starts, best;
  double *start_inertia; /* starts; at their tolerance */
  int64_t iterations;    /* of the best start, from its seeds to the end */
  bool converged;        /* no row moved in the last iteration */
} Kmeans;

/* Fit.
 *
 * Collective; options same on all ranks.
 * x      this rank's rows, finite; borrowed
 * sink   units are starts, whose centres are saved; may be NULL
 * out    replicated; the caller clears it, also after a failure
 * label  out, x->rows.n: number of the nearest centre (of equally near ones the first); NULL: not
 *        wanted
 * A cluster that loses all rows takes the row that lies farthest from its own centre (of several
 * the first) out of a cluster that has others; where all lie on their centres it stays empty. Fails
 * with INVALID (k above the number of rows, no column), NUMERIC, MEMORY, STOPPED; agreed. */
CHECKED Status kmeans_fit_all(const Comm *comm, const Matrix *x, const KmeansOptions *options,
                              WorkSink *sink, Kmeans *out, int32_t *label);

/* The same by plain Lloyd iterations that look at every distance; for tests. */
CHECKED Status kmeans_ref_all(const Comm *comm, const Matrix *x, const KmeansOptions *options,
                              Kmeans *out, int32_t *label);

/* The nearest centre of each row (-1: the row misses a value), and the squared distance to it
 * (NULL: not wanted). Local; a row's result does not depend on the others. Fails with MEMORY. */
CHECKED Status kmeans_assign(const Kmeans *kmeans, const Matrix *x, int32_t *label,
                             double *squared);
/* Distances to all centres: centre c's at out[c], x->rows.n values. Missing values give NaN.
 * Local. Fails with MEMORY. */
CHECKED Status kmeans_distances(const Kmeans *kmeans, const Matrix *x, double *const *out);

/* Visit what lasts; IN allocates. Local. */
CHECKED Status kmeans_fields(Kmeans *kmeans, Fields *fields);
void kmeans_clear(Kmeans *kmeans);

#endif
