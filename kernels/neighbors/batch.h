/* Queries that lie near each other, ready to go through the tree together. */
#ifndef SEGUE_NEIGHBORS_BATCH_H
#define SEGUE_NEIGHBORS_BATCH_H

#include "kernels/numeric/pair_distance.h"
#include "tree.h"

/* Queries in the order of the leaves they belong to. */
typedef struct QueryOrder {
  int64_t *query; /* n numbers of queries */
  int32_t *leaf;  /* n: by number of query */
} QueryOrder;

/* Local. Fails with INVALID when a query cannot be measured, MEMORY; the caller clears. */
CHECKED Status query_order(const Neighbors *index, const NeighborsQuery *query, QueryOrder *out);
void query_order_clear(QueryOrder *order);

typedef struct Batch {
  const Neighbors *index;
  const NeighborsQuery *query;
  int n;                      /* queries, at most SCAN_BATCH */
  int64_t number[SCAN_BATCH]; /* of each */
  int32_t home;               /* the leaf of the middle one */
  double *exact;              /* SCAN_BATCH x width, as pair_distance takes them */
  float *x;                   /* SCAN_BATCH x d, centred and scaled */
  float *lanes;               /* d x SCAN_BATCH, the same */
  double norm[SCAN_BATCH];    /* squared, in double precision */
  bool far[SCAN_BATCH];       /* so far from all references that single precision tells nothing */
  float slack;                /* for Scan.points */
  float *low, *high;          /* d, box around them, widened by the slack */
  float *lower;               /* by leaf: squared distance from this box, rounded */
  float apart[SCAN_BATCH];    /* from the leaf last asked */
  int32_t *listed, *leaves;   /* leaves within reach; sorted into `leaves` */
} Batch;

/* Local. Fails with MEMORY; the caller clears. index and query must outlive it. */
CHECKED Status batch_init(Batch *batch, const Neighbors *index, const NeighborsQuery *query);
/* Take n queries order->query[begin ...] and measure all leaves' distances. Local. */
void batch_take(Batch *batch, const QueryOrder *order, int64_t begin, int n);
/* The leaves at most `reach` away, into `leaves`, without first .. last: near ones first, sorted
 * into buckets of distance. Returns how many. Local. */
int64_t batch_list(Batch *batch, float reach, int32_t first, int32_t last);
/* Distances of the queries from a leaf's box, into apart. Local. */
void batch_apart(Batch *batch, int32_t leaf);
void batch_clear(Batch *batch);

/* Takers of all queries, and one that takes nothing. */
enum { BATCH_TAKERS = SCAN_BATCH + 1, BATCH_TAKES = SCAN_CHUNK + SCAN_BLOCK };
/* Set them up; estimate, position: BATCH_TAKERS x capacity (BATCH_TAKES at least, where a taker is
 * emptied after each scan). Local. */
void batch_takers(const Batch *batch, float *estimate, int32_t *position, int64_t capacity,
                  Taker taker[BATCH_TAKERS]);
/* Offer references of n queries' interest: SCAN_BLOCKS of `left` blocks from `block` on, or as many
 * as there are. Local. */
void batch_scan(const Batch *batch, int64_t block, int64_t left, Taker taker[BATCH_TAKERS],
                const uint8_t *query, int n);
/* Does somebody want to stop? To be asked after each batch. Local. Fails with STOPPED. */
CHECKED Status batch_pause(const Batch *batch);

/* A box distance as Scan rounds it is not above this when the true one is not above bound. */
float batch_reach(const Neighbors *index, double bound);
/* The limit for estimates of query q: whatever lies within bound (scaled, squared) passes. */
float batch_limit(const Batch *batch, int q, double bound);
/* What has an estimate up to this lies nearer than a squared distance (not scaled) for sure. */
float batch_inside(const Batch *batch, int q, double squared);
/* A squared distance in a batch's units, and a little more than rounding may take off. */
double batch_scaled(const Batch *batch, double squared);
/* A bound (scaled, squared) on the distance of what has this estimate. */
double batch_bound(const Batch *batch, int q, float estimate);
/* The exact squared distance of query q and a position. */
static inline double batch_exact(const Batch *batch, int q, int32_t position) {
  int64_t width = batch->index->width;
  return pair_distance_padded(batch->exact + q * width,
                              batch->index->tree->point + position * width, width);
}

#endif
