/* What the files of k-means share. */
#ifndef SEGUE_CLUSTER_KMEANS_PARTS_H
#define SEGUE_CLUSTER_KMEANS_PARTS_H

#include "kernels/numeric/fixed.h"
#include "kmeans.h"

/* Rows are looked at in chunks of this many: a column-major buffer that stays in the first-level
 * cache. A multiple of 8. */
enum { KMEANS_CHUNK = 64 };

/* Gather n <= KMEANS_CHUNK rows from `from` on into buffer, d x KMEANS_CHUNK; the places of a
 * vector that are left repeat the last one. Local. */
void kmeans_gather(const Matrix *x, int64_t from, int64_t n, double *buffer);
/* The same of rows at[0 .. n - 1] that lie row by row (kmeans_rows): rows here and there would
 * touch a cache line for every column otherwise. Local. */
void kmeans_gather_at(const double *rows, int64_t d, const int32_t *at, int64_t n, double *buffer);
/* This rank's rows, row by row; the caller frees them. Local. Fails with MEMORY. */
CHECKED Status kmeans_rows(const Matrix *x, double **out);
/* Of each of n gathered rows the nearest centre, its squared distance, and that of the second one
 * (infinity for k = 1). All outputs have KMEANS_CHUNK places, 64-byte aligned. Local. */
void kmeans_nearest(const double *buffer, int64_t n, int64_t d, const double *centre, int64_t k,
                    int64_t *label, double *best, double *second);
/* Squared distances of n gathered rows to one point. out: KMEANS_CHUNK places. Local. */
void kmeans_squared(const double *buffer, int64_t n, int64_t d, const double *point, double *out);
/* For tests: use the plain vectors also where the CPU has wide ones. */
extern bool kmeans_wide_off;

/* One run of Lloyd's iterations on this rank's rows. */
typedef struct Lloyd {
  const Comm *comm;
  Rows part;          /* this rank's rows */
  const double *rows; /* n x d, row by row */
  int64_t k, d;
  bool bounds;   /* false: look at every distance */
  double margin; /* relative error of a computed distance, generously */
  double *scale; /* d: columns in fixed point */
  double inertia_scale;
  double *centre, *next; /* k x d */
  double *moved, *apart; /* k: how far a centre moved, at most; how far the nearest other one is, at
                            least */
  int32_t *label;        /* n; -1: none yet */
  double *upper, *lower; /* n: at most the distance to the row's centre; at least that to others */
  Wide *sum;             /* k x d: of this rank's rows */
  int64_t *count;        /* k: of this rank's rows */
  int64_t *total;        /* sums and counts over ranks, and rows that moved */
  double *buffer, *zero; /* d x KMEANS_CHUNK; d zeros */
  int64_t iterations;
  bool converged;
} Lloyd;

/* rows: kmeans_rows, borrowed; scale, inertia_scale: from kmeans_scales_all. Local. Fails with
 * MEMORY; the caller clears out. */
CHECKED Status lloyd_init(const Comm *comm, const Rows *part, const double *rows, int64_t d,
                          int64_t k, const double *scale, double inertia_scale, bool bounds,
                          Lloyd *out);
void lloyd_clear(Lloyd *l);
/* Iterate from l->centre until no row moves, the squared moves add up to `enough` at most, or
 * max_iterations. Collective over l->comm. Fails with STOPPED, agreed. */
CHECKED Status lloyd_run_all(Lloyd *l, int64_t max_iterations, double enough, WorkSink *sink);
/* The sum of squared distances to the rows' centres (their labels). Collective. */
double lloyd_inertia_all(const Lloyd *l);

/* Fixed-point scales of d columns and of a sum of squared distances, and the mean variance.
 * Collective. */
void kmeans_scales_all(const Comm *comm, const Matrix *x, double *scale, double *inertia_scale,
                       double *variance);

/* Greedy k-means++ seeds of a start: k x d. Collective. Fails with MEMORY, agreed. */
CHECKED Status kmeans_seed_all(const Comm *comm, const Matrix *x, int64_t k, uint64_t seed,
                               int64_t start, double inertia_scale, double *centre);

#endif
