/* Placed trees -> the few arrays of the ensemble, as they come, so that no tree stands in memory
 * twice for long. Most come in order; one that was found before others were grown waits. */
#include <string.h>

#include "forest_fit.h"
#include "kernels/base/memory.h"

/* All trees are about as large as the first ones. */
static int64_t guess_all(const ForestFit *fit, int64_t used, int64_t done) {
  return used / done * fit->options->trees / 16 * 17;
}

/* Room for `need` items, and at once for as many as are guessed in the end: what is not used is not
 * touched and costs nothing. */
#define MAKE_ROOM(array, used, need, guess, capacity) \
  ((need) <= (capacity)                               \
       ? OK                                           \
       : RESERVE_RAW(&(array), &(capacity), used, (need) > (guess) ? (need) : (guess)))

static void free_tree(PlacedTree *p) {
  memory_free(&p->node);
  memory_free(&p->cover);
  memory_free(&p->leaf_class);
  memory_free(&p->leaf_share);
}

/* Append the tree of the next number. */
static Status append_tree(ForestFit *fit, PlacedTree *p) {
  Status status = OK;
  Ensemble *e = &fit->forest->ensemble;
  int64_t t = e->n_trees, node = e->node_offset[t], leaf = e->leaf_offset[t];
  int64_t nodes = node + p->n_nodes, leaves = leaf + p->n_leaf;
  int64_t all = guess_all(fit, nodes, t + 1), all_leaves = guess_all(fit, leaves, t + 1);
  int64_t leaf_capacity = fit->leaf_capacity;
  TRY(MAKE_ROOM(e->node, node, nodes, all, fit->node_capacity));
  if (p->cover) TRY(MAKE_ROOM(fit->cover, node, nodes, all, fit->cover_capacity));
  TRY(MAKE_ROOM(e->leaf_class, leaf, leaves, all_leaves, leaf_capacity));
  TRY(MAKE_ROOM(e->leaf_share, leaf, leaves, all_leaves, fit->leaf_capacity));
  memcpy(e->node + node, p->node, (size_t)p->n_nodes * sizeof *p->node);
  if (p->cover) memcpy(fit->cover + node, p->cover, (size_t)p->n_nodes * sizeof *p->cover);
  if (p->n_leaf > 0) {
    memcpy(e->leaf_class + leaf, p->leaf_class, (size_t)p->n_leaf * sizeof *p->leaf_class);
    memcpy(e->leaf_share + leaf, p->leaf_share, (size_t)p->n_leaf * sizeof *p->leaf_share);
  }
  e->node_offset[t + 1] = nodes;
  e->leaf_offset[t + 1] = leaves;
  e->n_trees = t + 1;
  free_tree(p);
done:
  return status;
}

Status forest_join_trees(ForestFit *fit) {
  Status status = OK;
  const Ensemble *e = &fit->forest->ensemble;
  while (e->n_trees < fit->options->trees && fit->trees[e->n_trees].node) {
    TRY(append_tree(fit, &fit->trees[e->n_trees]));
  }
done:
  return status;
}

void forest_free_trees(ForestFit *fit) {
  for (int64_t t = 0; fit->trees && t < fit->options->trees; t++) free_tree(&fit->trees[t]);
  memory_free(&fit->trees);
}
