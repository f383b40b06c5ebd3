/* The order in which nodes are split; see boost_grow.h.
 *
 * A heap of the nodes that can be split, and a copy of it to look ahead in: nodes that were
 * expanded before their turn give way to their children there. */
#include <string.h>

#include "boost_parts.h"

enum { REACH_MIN = 4 };

static bool comes_before(const BoostGrower *g, int32_t a, int32_t b) {
  const Item *x = &g->item[a], *y = &g->item[b];
  if (g->limits.depth_wise && x->depth != y->depth) return x->depth < y->depth;
  if (x->gain != y->gain) return x->gain > y->gain;
  return x->order < y->order;
}

static void heap_push(const BoostGrower *g, int32_t *heap, int64_t *n, int32_t item) {
  int64_t at = (*n)++;
  for (; at > 0 && comes_before(g, item, heap[(at - 1) / 2]); at = (at - 1) / 2) {
    heap[at] = heap[(at - 1) / 2];
  }
  heap[at] = item;
}

static int32_t heap_pop(const BoostGrower *g, int32_t *heap, int64_t *n) {
  int32_t first = heap[0], last = heap[--*n];
  int64_t at = 0;
  for (int64_t child = 1; child < *n; child = 2 * at + 1) {
    if (child + 1 < *n && comes_before(g, heap[child + 1], heap[child])) child++;
    if (!comes_before(g, heap[child], last)) break;
    heap[at] = heap[child];
    at = child;
  }
  heap[at] = last;
  return first;
}

/* Take the first node off and put its children, which are known, in. */
static int32_t heap_step(BoostGrower *g, int32_t *heap, int64_t *n, int64_t *orders) {
  int32_t at = heap_pop(g, heap, n);
  for (int32_t side = 0; side < 2 && g->item[at].left >= 0; side++) {
    int32_t child = g->item[at].left + side;
    g->item[child].order = (*orders)++;
    if (g->item[child].gain >= 0) heap_push(g, heap, n, child);
  }
  return at;
}

/* How many of the next splits are looked at together. Level by level nothing new can get in
 * between. Leaf by leaf it can, and then a node was expanded in vain: alone nothing is risked,
 * within a computer (where a meeting takes microseconds) an eighth of what is left of the tree,
 * over a network half. */
static int64_t look_ahead(const BoostGrower *g, int64_t left) {
  if (g->limits.depth_wise) return left;
  if (g->comm->size == 1) return 1;
  int64_t reach = g->nodes == 1 ? left / 8 : left / 2;
  return least(left, most(reach, REACH_MIN));
}

void boost_order_add(BoostGrower *g, int32_t item) { heap_push(g, g->heap, &g->n_heap, item); }

void boost_order_choose(BoostGrower *g) {
  g->n_batch = 0;
  while (g->n_heap > 0 && g->splits < g->max_splits && g->item[g->heap[0]].left >= 0) {
    g->item[heap_step(g, g->heap, &g->n_heap, &g->orders)].kept = true;
    g->splits++;
  }
  if (g->n_heap == 0 || g->splits == g->max_splits) return;
  int64_t left = g->max_splits - g->splits, reach = look_ahead(g, left);
  int64_t room = g->batch_max / 2, orders = g->orders;
  int64_t spare = g->capacity - (g->n_items - 1) / 2 - left; /* for what may be in vain */
  if (!g->limits.depth_wise && room > spare) room = most(spare, 1);
  memcpy(g->trial, g->heap, (size_t)g->n_heap * sizeof *g->heap);
  g->n_trial = g->n_heap;
  for (int64_t i = 0; i < reach && g->n_trial > 0 && g->n_batch < room; i++) {
    int32_t at = heap_step(g, g->trial, &g->n_trial, &orders);
    if (g->item[at].left < 0) g->batch[g->n_batch++] = (Expansion){.item = at};
  }
}
