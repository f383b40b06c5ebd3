/* What clusters are like: how far their rows are from the average row, in standard deviations, and
 * which rows are typical. */
#ifndef SEGUE_CLUSTER_TRAITS_H
#define SEGUE_CLUSTER_TRAITS_H

#include "kernels/numeric/matrix.h"

enum { TRAITS_NAME = 160 };

typedef struct Traits {
  int64_t k, d, rows, m;
  int64_t *size;     /* k */
  double *mean;      /* d, of all rows that have a label */
  double *deviation; /* d, of those rows; 0: constant */
  double *profile;   /* k x d: (mean of the cluster - mean) / deviation; 0 for a constant column */
  double *spread;    /* k: root mean square distance of rows to their cluster's mean, in standard
                        deviations */
  int64_t *typical;  /* k x m: global numbers of the rows nearest to the cluster's mean, in standard
                        deviations, the nearest first (of equally near ones the first); -1: none */
} Traits;

/* Collective.
 * x      this rank's rows, finite; borrowed
 * label  x->rows.n: 0 .. k - 1; -1: in no cluster
 * m      typical rows of a cluster that are wanted
 * out    replicated; the caller clears it, also after a failure
 * Sums are integers, so the same bits on any number of ranks. Fails with MEMORY, agreed. */
CHECKED Status traits_all(const Comm *comm, const Matrix *x, const int32_t *label, int64_t k,
                          int64_t m, Traits *out);
void traits_clear(Traits *traits);
/* A name made of a cluster's strongest traits, at most three that are half a standard deviation
 * off: "high energy, low acousticness"; "average" when there is none. names: d. Local. */
void traits_name(const Traits *traits, int64_t c, char *const *names, char text[TRAITS_NAME]);

#endif
