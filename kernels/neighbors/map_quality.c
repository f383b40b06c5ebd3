/* Neighbours kept; see map_quality.h.
 *
 * Only ranks of found neighbours are needed, which are counts of what lies nearer: for a good map
 * that is little, for a bad one all pairs. */
#include "map_quality.h"

#include "kernels/base/memory.h"

typedef struct Standing {
  int64_t kept;   /* neighbours that are among the k nearest of the other space, too */
  int64_t beyond; /* places beyond k of the others */
} Standing;

/* Find neighbours in one space and their places in the other. */
static Status compare(const Neighbors *near, const NeighborsQuery *here, const Neighbors *far,
                      const NeighborsQuery *there, int64_t k, Standing *out) {
  Status status = OK;
  int32_t *row = NULL, *rank = NULL;
  TRY(NEW_RAW(&row, here->n * k));
  TRY(NEW_RAW(&rank, here->n * k));
  TRY(neighbors_nearest(near, here, k, row, NULL));
  TRY(neighbors_ranks(far, there, k, row, rank));
  for (int64_t i = 0; i < here->n * k; i++) {
    out->kept += rank[i] <= k;
    out->beyond += rank[i] > k ? rank[i] - k : 0;
  }
done:
  memory_free(&row);
  memory_free(&rank);
  return status;
}

/* The largest that `beyond` can be, for k below n / 2. */
static double worst(double n, double k) { return n * k * (2 * n - 3 * k - 1) / 2; }

Status map_quality_all(const Comm *comm, const Matrix *x, const Matrix *map, int64_t k,
                       WorkSink *sink, MapQuality *out) {
  Status status = OK;
  Neighbors before = {0}, after = {0};
  Standing found = {0, 0}, lost = {0, 0};
  int64_t n = x->rows.n_global, most = (n - 1) / 2;
  k = k < most ? k : most;
  *out = (MapQuality){k > 1 ? k : 1, 1, 1, 1};
  if (n < 3) return OK;
  NeighborsQuery values = {x, NULL, x->rows.n, true};
  NeighborsQuery places = {map, NULL, x->rows.n, true};
  TRY(neighbors_new_all(comm, x, NULL, NEIGHBORS_EUCLIDEAN, &before));
  TRY(neighbors_new_all(comm, map, NULL, NEIGHBORS_EUCLIDEAN, &after));
  before.sink = after.sink = sink;
  AGREE(comm, compare(&after, &places, &before, &values, out->k, &found));
  AGREE(comm, compare(&before, &values, &after, &places, out->k, &lost));
  int64_t sums[3] = {found.kept, found.beyond, lost.beyond};
  comm_sum_all(comm, sums, 3);
  double all = worst((double)n, (double)out->k);
  out->recall = (double)sums[0] / ((double)n * (double)out->k);
  out->trustworthiness = 1 - (double)sums[1] / all;
  out->continuity = 1 - (double)sums[2] / all;
done:
  neighbors_clear_all(&before);
  neighbors_clear_all(&after);
  return status;
}
