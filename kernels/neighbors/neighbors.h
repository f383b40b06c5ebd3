/* Exact neighbours: the k nearest rows, and all rows within a radius.
 *
 * An index is built once over reference rows and lies once in the memory of each node; after that
 * any rank asks for any rows by itself. Distances are decided by numeric/pair_distance alone, ties
 * go to the lower row number, so results are the same bits on any number of ranks and on any CPU;
 * trees and single precision only leave out what provably cannot matter (scan.h). */
#ifndef SEGUE_NEIGHBORS_NEIGHBORS_H
#define SEGUE_NEIGHBORS_NEIGHBORS_H

#include "kernels/base/work.h"
#include "kernels/numeric/matrix.h"

typedef enum NeighborsMetric {
  NEIGHBORS_EUCLIDEAN,
  NEIGHBORS_COSINE, /* 1 - cosine of the angle, as half the squared distance of unit rows */
} NeighborsMetric;

typedef struct NeighborsTree NeighborsTree;

typedef struct Neighbors {
  int64_t n;     /* references */
  int64_t d;     /* columns */
  int64_t width; /* d padded to whole lanes of pair_distance */
  NeighborsMetric metric;
  NeighborsTree *tree; /* what rows lie where; the inside of this folder */
  WorkSink *sink; /* asked whether to stop after some queries; the caller's to set; NULL: nobody */
} Neighbors;

/* Index rows of x.
 *
 * Collective.
 * x      this rank's rows; only read during the call
 * where  x->rows.n bytes: rows with 0 are no references; NULL: all rows are
 * Fails with INVALID when a row of the references holds NaN, infinity or more than 1e150, has no
 * direction (cosine, all zeros), or when there are 2^31 rows or more; MEMORY; agreed. The caller
 * clears out also then. Every node gets a copy of the references (about 20 bytes a cell). */
CHECKED Status neighbors_new_all(const Comm *comm, const Matrix *x, const uint8_t *where,
                                 NeighborsMetric metric, Neighbors *out);
/* Collective over the communicator that made it. */
void neighbors_clear_all(Neighbors *index);

/* What is asked: rows of a matrix of this rank, which may be the references' own. */
typedef struct NeighborsQuery {
  const Matrix *x;   /* with the index's columns */
  const int64_t *at; /* n local row numbers of x; NULL: its first n rows */
  int64_t n;
  bool exclude_self; /* the reference that has the query's own global row number is left out */
} NeighborsQuery;

/* The k nearest references of each query, nearest first, ties to the lower row.
 *
 * Local.
 * row       out, n x k: global row numbers of the matrix that was indexed
 * distance  out, n x k; NULL: not wanted
 * Fails with INVALID when there are fewer than k references to choose from or a query holds NaN or
 * infinity (or has no direction), STOPPED, MEMORY. */
CHECKED Status neighbors_nearest(const Neighbors *index, const NeighborsQuery *query, int64_t k,
                                 int32_t *row, double *distance);

/* Where given references stand among all of them, as each query sees it: 1 is the nearest one, ties
 * to the lower row, so that the j-th of neighbors_nearest stands at j. With exclude_self the
 * query's own row counts nowhere.
 *
 * Local.
 * row   n x k: global row numbers of references, none of them a query's own that is excluded
 * rank  out, n x k
 * Fails as neighbors_nearest does. Exact: for each query those references are counted that lie
 * nearer, so time grows with what lies within the furthest one asked for. */
CHECKED Status neighbors_ranks(const Neighbors *index, const NeighborsQuery *query, int64_t k,
                               const int32_t *row, int32_t *rank);

/* Who is told of references within a radius, a part of a leaf at a time. */
typedef struct NeighborsVisitor {
  /* Is this leaf of interest to the query? NULL: every leaf is. */
  bool (*wanted)(void *context, int64_t query, int32_t leaf);
  /* n references of a leaf that lie within the radius, by global row number; the query's own row
   * too, unless exclude_self. Returns whether the query wants to hear of more. */
  bool (*found)(void *context, int64_t query, int32_t leaf, const int32_t *row, int64_t n);
  void *context;
} NeighborsVisitor;

/* Visit all references within the radius of each query (distance <= radius: the squared distance
 * is at most radius x radius). Lists are never kept; leaves come roughly from near to far, queries
 * in no particular order.
 * Local. Fails with INVALID as above, or when the radius is negative or NaN; STOPPED, MEMORY. */
CHECKED Status neighbors_visit(const Neighbors *index, const NeighborsQuery *query, double radius,
                               const NeighborsVisitor *visitor);

/* How many references lie within the radius, counting up to `limit` (more may be told), into count,
 * n numbers. Local. Fails as neighbors_visit does. */
CHECKED Status neighbors_count(const Neighbors *index, const NeighborsQuery *query, double radius,
                               int64_t limit, int64_t *count);

/* Leaves of the index, and what lies in one: global row numbers, ascending, and the rows' values as
 * they are measured, `width` doubles apart. Every reference is in one leaf; a leaf of more than
 * NEIGHBORS_LEAF holds equal rows alone. Local. */
enum { NEIGHBORS_LEAF = 64 };
int64_t neighbors_leaves(const Neighbors *index);
int64_t neighbors_leaf(const Neighbors *index, int64_t leaf, const int32_t **row,
                       const double **point);

#endif
