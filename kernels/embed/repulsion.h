/* Repulsion between all points of a map, by interpolation on a grid (FIt-SNE: Linderman, Rachh,
 * Hoskins, Steinerberger and Kluger 2019) or pair by pair.
 *
 * With q_ij = 1 / (1 + |y_i - y_j|^2), a point is pushed by sum_j q_ij^2 (y_i - y_j) / Z, where Z
 * is the sum of q over all pairs. Both come from sums of q^2 with the charges 1, x, y and |y|^2. */
#ifndef SEGUE_EMBED_REPULSION_H
#define SEGUE_EMBED_REPULSION_H

#include "fft.h"
#include "kernels/base/comm.h"

/* Points up to which pairs are summed one by one, exactly, and not by Barnes and Hut's tree: a step
 * takes 2.4 ms by pairs and 3.1 ms on the grid at 1,024 points of a usual map, 9.8 and 7.3 ms at
 * 2,048, 51 and 23 ms at 4,096 (one core, AVX-512), so that the grid takes over before a tree, at a
 * hundred or more nodes a point, would be faster than either. */
enum { REPULSION_PAIRS = 2048 };

typedef struct Repulsion {
  const Comm *comm;
  int64_t n; /* points over all ranks */
  bool by_pairs;
  int64_t length; /* of the transforms; nodes = length / 2 a side */
  double spacing; /* of the nodes that the spectrum was made for; 0: none yet */
  Fft fft;
  SharedMemory memory; /* of the node: charges of each rank, the grid, the spectrum */
  bool one_node;       /* all ranks share it */
  int64_t parts, part; /* ranks that share the work on the grid; this rank's number */
  double *panel;       /* 4 x length x FFT_LANES */
} Repulsion;

/* Collective; comm must outlive it, the caller clears it also after a failure. n same on all ranks.
 * Fails with MEMORY, agreed. */
CHECKED Status repulsion_init_all(const Comm *comm, int64_t n, bool by_pairs, Repulsion *out);
void repulsion_clear_all(Repulsion *repulsion);

/* Push this rank's points begin .. begin + n_own - 1.
 * x, y           all points' places, replicated, finite
 * push_x, push_y out, n_own: sum_j q_ij^2 (y_i - y_j), not divided by Z
 * share          out, n_own: sum_j q_ij over others j; Z is their sum over all points
 * Collective. Fails with MEMORY, agreed. */
CHECKED Status repulsion_push_all(Repulsion *r, const double *x, const double *y, int64_t begin,
                                  int64_t n_own, double *push_x, double *push_y, double *share);

#endif
