/* The pool: rows between which new ones are made, and the nearest of each.
 *
 * Rows of the classes that are to grow (or of all) stand on every rank, once a node; pool rows are
 * numbered over ranks in the order of the training rows. Distances are Euclidean over the number
 * columns, each divided by its standard deviation over all training rows where asked, and a
 * category that differs adds a fixed amount to the squared distance (SMOTE-NC).
 *
 * Rows of one recording are never each other's neighbours: between twins nothing new can be made,
 * and a list target has a row for each of its words. */
#ifndef SEGUE_RESAMPLE_POOL_H
#define SEGUE_RESAMPLE_POOL_H

#include "kernels/neighbors/neighbors.h"
#include "kernels/table/replica.h"
#include "strata.h"

typedef struct Pool {
  int64_t n;       /* of this rank's rows */
  int64_t *at;     /* n: which training rows */
  Matrix scaled;   /* n rows: what distances are taken of */
  double *unit;    /* d: what a raw value is multiplied by for a distance */
  Table mine, all; /* the same raw rows, this rank's and all */
  Replica replica;
  int64_t d, n_global;
  const double **column; /* d columns of n_global raw values */
  const uint8_t *fixed;  /* d flags: categories; NULL: none. Borrowed */
  const double *stratum; /* n_global */
  const int64_t *group;  /* n_global; NULL: every row is its own */
} Pool;

/* take: by stratum, whose rows belong to the pool. fixed as above, must outlive the pool.
 * Collective. Fails with NUMERIC when a number of a training row is missing or infinite, MEMORY;
 * agreed; the caller clears out also then. */
CHECKED Status pool_init_all(const Comm *comm, const TrainingData *data, const Strata *strata,
                             const uint8_t *take, const uint8_t *fixed, bool standardise,
                             Pool *out);
void pool_clear_all(Pool *pool);

/* Neighbours of some of this rank's pool rows. */
typedef struct Nearest {
  int64_t n, k;
  int32_t *row;   /* n x k pool rows, nearest first, ties to the lower */
  int32_t *count; /* n: how many there are, fewer than k where there are no more to choose from */
} Nearest;

/* asked: n of this rank's pool rows. stratum: whose rows are neighbours; -1: all.
 * Collective. Fails with MEMORY, agreed; the caller clears out also then. */
CHECKED Status pool_nearest_all(const Comm *comm, const Pool *pool, int64_t stratum,
                                const int64_t *asked, int64_t n, int64_t k, Nearest *out);
void nearest_clear(Nearest *nearest);

#endif
