/* The nearest of many weighted means; see ward_search.h.
 *
 * A balanced k-d tree whose nodes have eight children (three cuts at medians), so that the boxes of
 * all children are looked at in the lanes of vectors; leaves lie in vectors of eight, too. A cut is
 * across the widest column, or across sizes where they differ much: a child's bound is the distance
 * to its box times a b / (a + b) of its least size b. Rounding is allowed for by MARGIN, which is
 * more than the d + 8 roundings of either side. What the tree no longer holds is moved to infinity.
 */
#include "ward_search.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/pair_vector.h"

typedef PairReals Reals;
typedef int64_t Integers __attribute__((vector_size(64)));
enum { LANES = PAIR_ROWS, LEAF = 64, STACK = 128, CUTS = 3 };
#define MARGIN (1 - 1e-11)
#define UNLIKE 4.0 /* sizes that are as many times others are cut apart */

struct WardTree {
  int64_t d, inner, leaves,
      vectors;    /* node i has children 8 i + 1 .. 8 i + 8; inner ones come first */
  double *box;    /* inner x 2 x d x LANES: low and high of children */
  double *least;  /* inner x LANES: least sizes of children */
  int32_t *begin; /* leaves + 1: vectors */
  double *data;   /* vectors x d x LANES */
  double *size;   /* vectors x LANES */
  int32_t *slot;  /* vectors x LANES; -1: none */
  int32_t *place; /* slots: where in slot; -1: not here */
  bool wide;
};

double ward_distance(const WardClusters *c, int64_t a, int64_t b) {
  double squared = pair_distance_squared(c->mean + a * c->d, 1, c->mean + b * c->d, 1, c->d);
  return squared * (c->size[a] * c->size[b] / (c->size[a] + c->size[b]));
}

/* ---- building ---- */

void ward_tree_free(WardTree **tree) {
  WardTree *t = *tree;
  if (!t) return;
  memory_free(&t->box);
  memory_free(&t->least);
  memory_free(&t->begin);
  memory_free(&t->data);
  memory_free(&t->size);
  memory_free(&t->slot);
  memory_free(&t->place);
  memory_free(tree);
}

/* A cluster's value in a column; column d is its size. */
static inline double value_of(const WardClusters *c, int32_t slot, int64_t j) {
  return j < c->d ? c->mean[slot * c->d + j] : c->size[slot];
}

/* Put the k-th smallest by a column at its place, smaller ones before it (Hoare's find). */
static void select_at(const WardClusters *c, int64_t j, int32_t *at, int64_t n, int64_t k) {
  int64_t low = 0, high = n - 1;
  while (low < high) {
    double pivot = value_of(c, at[(low + high) / 2], j);
    int64_t a = low, b = high;
    while (a <= b) {
      while (value_of(c, at[a], j) < pivot) a++;
      while (value_of(c, at[b], j) > pivot) b--;
      if (a > b) break;
      int32_t swap = at[a];
      at[a++] = at[b];
      at[b--] = swap;
    }
    if (k <= b)
      high = b;
    else if (k >= a)
      low = a;
    else
      return;
  }
}

/* The box and the sizes of some clusters; high[d] and low[d] are the greatest and least size. */
static void measure(const WardClusters *c, const int32_t *at, int64_t n, double *low,
                    double *high) {
  for (int64_t j = 0; j <= c->d; j++) low[j] = INFINITY, high[j] = -INFINITY;
  for (int64_t p = 0; p < n; p++) {
    for (int64_t j = 0; j <= c->d; j++) {
      double value = value_of(c, at[p], j);
      low[j] = value < low[j] ? value : low[j];
      high[j] = value > high[j] ? value : high[j];
    }
  }
}

typedef struct Builder {
  WardTree *tree;
  const WardClusters *clusters;
  double *low, *high; /* d + 1 */
} Builder;

static void fill_leaf(Builder *b, int64_t leaf, const int32_t *at, int64_t n) {
  WardTree *t = b->tree;
  const WardClusters *c = b->clusters;
  t->begin[leaf] = (int32_t)t->vectors;
  for (int64_t p = 0; p < (n + LANES - 1) / LANES * LANES; p++) {
    int64_t place = t->vectors * LANES + p, vector = place / LANES, lane = place % LANES;
    bool filled = p < n;
    for (int64_t j = 0; j < t->d; j++)
      t->data[(vector * t->d + j) * LANES + lane] = filled ? c->mean[at[p] * t->d + j] : INFINITY;
    t->size[place] = filled ? c->size[at[p]] : 1;
    t->slot[place] = filled ? at[p] : -1;
    if (filled) t->place[at[p]] = (int32_t)place;
  }
  t->vectors += (n + LANES - 1) / LANES;
  t->begin[leaf + 1] = (int32_t)t->vectors;
}

static void build(Builder *b, int64_t node, int32_t *at, int64_t n);

/* Cut n clusters in halves `cuts` times and build the parts as children. */
static void cut(Builder *b, int64_t node, int64_t child, int cuts, int32_t *at, int64_t n) {
  WardTree *t = b->tree;
  int64_t d = t->d, column = 0;
  measure(b->clusters, at, n, b->low, b->high);
  if (cuts == 0) {
    double *box = t->box + node * 2 * d * LANES + child;
    for (int64_t j = 0; j < d; j++) {
      box[j * LANES] = b->low[j];
      box[(d + j) * LANES] = b->high[j];
    }
    t->least[node * LANES + child] = b->low[d];
    build(b, LANES * node + 1 + child, at, n);
    return;
  }
  for (int64_t j = 1; j < d; j++)
    if (b->high[j] - b->low[j] > b->high[column] - b->low[column]) column = j;
  if (b->high[d] >= UNLIKE * b->low[d]) column = d;
  select_at(b->clusters, column, at, n, n / 2);
  cut(b, node, 2 * child, cuts - 1, at, n / 2);
  cut(b, node, 2 * child + 1, cuts - 1, at + n / 2, n - n / 2);
}

static void build(Builder *b, int64_t node, int32_t *at, int64_t n) {
  if (node >= b->tree->inner)
    fill_leaf(b, node - b->tree->inner, at, n);
  else
    cut(b, node, 0, CUTS, at, n);
}

Status ward_tree_new(const WardClusters *c, const int32_t *at, int64_t n, WardTree **out) {
  Status status = OK;
  WardTree *t = NULL;
  int32_t *order = NULL;
  Builder b = {.clusters = c};
  int64_t leaves = 1, inner = 0;
  for (; n > leaves * LEAF; leaves *= LANES) inner += leaves;
  int64_t vectors = leaves * ((n / leaves + 1 + LANES - 1) / LANES);
  TRY(NEW(&t, 1));
  *out = b.tree = t;
  *t = (WardTree){.d = c->d, .inner = inner, .leaves = leaves};
  t->wide = pair_has_wide();
  TRY(NEW(&t->box, inner * 2 * t->d * LANES));
  TRY(NEW(&t->least, inner * LANES));
  TRY(NEW(&t->begin, leaves + 1));
  TRY(NEW(&t->data, vectors * t->d * LANES));
  TRY(NEW(&t->size, vectors * LANES));
  TRY(NEW(&t->slot, vectors * LANES));
  TRY(NEW(&t->place, c->slots));
  TRY(NEW(&order, n));
  TRY(NEW(&b.low, c->d + 1));
  TRY(NEW(&b.high, c->d + 1));
  memset(t->place, -1, (size_t)c->slots * sizeof *t->place);
  memcpy(order, at, (size_t)n * sizeof *at);
  build(&b, 0, order, n);
done:
  memory_free(&order);
  memory_free(&b.low);
  memory_free(&b.high);
  return status;
}

void ward_tree_remove(WardTree *t, int64_t slot) {
  int64_t place = t->place[slot];
  if (place < 0) return;
  for (int64_t j = 0; j < t->d; j++)
    t->data[(place / LANES * t->d + j) * LANES + place % LANES] = INFINITY;
  t->slot[place] = -1;
  t->place[slot] = -1;
}

/* ---- searching ---- */

typedef struct Query {
  const double *mean;
  double size, best; /* best distance so far */
  int64_t slot, found;
} Query;

static inline void offer(Query *q, int64_t slot, double distance) {
  if (slot == q->slot || slot < 0 || distance > q->best) return;
  if (distance < q->best || slot < q->found || q->found < 0) q->best = distance, q->found = slot;
}

PAIR_INLINE void scan_body(const WardTree *t, int64_t begin, int64_t end, Query *q) {
  for (int64_t v = begin; v < end; v++) {
    double distance[LANES] __attribute__((aligned(64)));
    Reals size = *(const Reals *)(t->size + v * LANES), squared;
    pair_vector_squared(t->data + v * t->d * LANES, LANES, q->mean, t->d, &squared);
    *(Reals *)distance = squared * (size * q->size / (size + q->size));
    for (int l = 0; l < LANES; l++)
      if (distance[l] <= q->best) offer(q, t->slot[v * LANES + l], distance[l]);
  }
}

PAIR_WIDE static void scan_wide(const WardTree *t, int64_t begin, int64_t end, Query *q) {
  scan_body(t, begin, end, q);
}

static void scan(const WardTree *t, int64_t begin, int64_t end, Query *q) {
  if (t->wide)
    scan_wide(t, begin, end, q);
  else
    scan_body(t, begin, end, q);
}

/* At least the distances to anything in each child. */
PAIR_INLINE void bounds_body(const WardTree *t, int64_t node, const Query *q, double *out) {
  const Reals *low = (const Reals *)(t->box + node * 2 * t->d * LANES), *high = low + t->d;
  Reals sum = {0}, size = *(const Reals *)(t->least + node * LANES);
  for (int64_t j = 0; j < t->d; j++) {
    Reals below = low[j] - q->mean[j], above = q->mean[j] - high[j], off, none = {0};
    Integers first = below > above;
    off = (Reals)((first & (Integers)below) | (~first & (Integers)above));
    off = (Reals)((off > none) & (Integers)off);
    sum += off * off;
  }
  *(Reals *)out = sum * (size * q->size / (size + q->size)) * MARGIN;
}

PAIR_WIDE static void bounds_wide(const WardTree *t, int64_t node, const Query *q, double *out) {
  bounds_body(t, node, q, out);
}

static void bounds_of(const WardTree *t, int64_t node, const Query *q, double *out) {
  if (t->wide)
    bounds_wide(t, node, q, out);
  else
    bounds_body(t, node, q, out);
}

typedef struct Waiting {
  int64_t node;
  double bound;
} Waiting;

/* Put children that may hold something onto the stack, the nearest on top. */
static int push_children(const WardTree *t, int64_t node, const Query *q, Waiting *stack) {
  double bound[LANES] __attribute__((aligned(64)));
  int n = 0;
  bounds_of(t, node, q, bound);
  for (int l = 0; l < LANES; l++) {
    int at = n;
    if (bound[l] > q->best) continue;
    for (; at > 0 && stack[at - 1].bound < bound[l]; at--) stack[at] = stack[at - 1];
    stack[at] = (Waiting){LANES * node + 1 + l, bound[l]};
    n++;
  }
  return n;
}

static void descend(const WardTree *t, Query *q) {
  Waiting stack[STACK];
  int n = 0;
  stack[n++] = (Waiting){0, 0};
  while (n > 0) {
    Waiting top = stack[--n];
    if (top.bound > q->best) continue;
    if (top.node < t->inner) {
      n += push_children(t, top.node, q, stack + n);
    } else {
      int64_t leaf = top.node - t->inner;
      scan(t, t->begin[leaf], t->begin[leaf + 1], q);
    }
  }
}

int64_t ward_nearest(const WardTree *tree, const WardClusters *c, const int32_t *others,
                     int64_t n_others, int64_t slot, double *distance) {
  Query q = {c->mean + slot * c->d, c->size[slot], INFINITY, slot, -1};
  if (tree && tree->place[slot] >= 0) { /* neighbours in memory first */
    int64_t vector = tree->place[slot] / LANES;
    scan(tree, vector, vector + 1, &q);
  }
  for (int64_t p = 0; p < n_others; p++)
    if (c->size[others[p]] > 0) offer(&q, others[p], ward_distance(c, slot, others[p]));
  if (tree) descend(tree, &q);
  *distance = q.best;
  return q.found;
}
