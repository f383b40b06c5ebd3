/* Silhouettes (Rousseeuw 1987): how much nearer a row is to its own cluster than to the next one.
 * Exact, over all pairs of rows. */
#ifndef SEGUE_CLUSTER_SILHOUETTE_H
#define SEGUE_CLUSTER_SILHOUETTE_H

#include "kernels/base/work.h"
#include "kernels/numeric/matrix.h"

typedef struct Silhouette {
  int64_t k, rows; /* clusters that have rows; rows in clusters */
  double mean;     /* of rows in clusters; NaN for fewer than two clusters */
  int64_t n_labels;
  double *cluster;  /* n_labels means; NaN where a cluster is empty */
  int64_t negative; /* rows below 0: nearer to another cluster */
} Silhouette;

/* Collective.
 * x      this rank's rows, finite; borrowed
 * label  x->rows.n: 0 .. n_labels - 1; -1: in no cluster, and no row's neighbour either
 * value  out, x->rows.n: (b - a) / max(a, b), a the mean distance to the other rows of its cluster,
 * b the least mean distance to those of another one; 0 in a cluster of one row or where both are 0,
 * NaN for rows in no cluster and where there are fewer than two clusters out    replicated; the
 * caller clears it, also after a failure sink   asked for a stop now and then; may be NULL A row's
 * sums run over all others in one order, so the same bits on any number of ranks. Every rank holds
 * all rows: 8 d bytes a row. Fails with MEMORY, STOPPED; agreed. */
CHECKED Status silhouette_all(const Comm *comm, const Matrix *x, const int32_t *label,
                              int64_t n_labels, WorkSink *sink, double *value, Silhouette *out);
void silhouette_clear(Silhouette *silhouette);

/* The values by plain loops, of a world of one rank; for tests. Local. Fails with MEMORY. */
CHECKED Status silhouette_ref(const Matrix *x, const int32_t *label, int64_t n_labels,
                              double *value);
/* For tests: use the plain vectors also where the CPU has wide ones. */
extern bool silhouette_wide_off;

#endif
