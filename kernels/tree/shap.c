/* TreeSHAP by quadrature; see shap.h for the method.
 *
 * A tree is swept once for ROWS rows. On the way down every row carries the product of its factors
 * at all points of the quadrature; an edge changes the factor of one feature, and which of three
 * changes a row gets depends on whether it passed all earlier splits on the feature and passes this
 * one, so the changes are computed once an edge for all rows:
 *
 *   failed before     the product times the branch's share; nothing is added to the feature
 *   fails here        factor q (1 - t) + t -> q' (1 - t)
 *   passes            factor q (1 - t) + t -> q' (1 - t) + t
 *
 * On the way up the leaves' values times products are summed, and an edge adds to its feature
 * (o' - q') / factor' - (o - q) / factor of the sum below it: the second term takes back what the
 * edges above add for leaves below this one, where the feature's factor is another.
 *
 * Rejected: one row at a time (divisions by factors at every edge), and tables of 2^D path patterns
 * (Yang 2021), which are too large for full trees. */
#include "shap.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "node.h"

enum {
  ROWS = 32, /* swept together */
  LANES = 4, /* points are padded to whole vectors */
};

struct Shap {
  ShapTrees trees;
  int64_t d;
  int64_t levels;         /* of the deepest tree */
  int64_t unlike;         /* features on a path at most */
  int64_t points;         /* of the quadrature, with padding */
  double *point, *weight; /* points; padding weighs 0 */
  int64_t *expected;      /* outputs: sums of the trees' expectations */
  double *product;        /* levels x ROWS x points: on the way down */
  double *below;          /* the same: sums on the way up */
  uint8_t *state;         /* levels x ROWS: 0, 1, 2 as above */
  double *share;          /* d: q of the features on the path */
  uint8_t *passed;        /* d x ROWS: o of the features on the path */
  double *tables;         /* levels x 6 x points: edges */
  double *phi;            /* d x ROWS */
  int32_t *leaf;          /* ROWS: what rows reach */
  /* The sweep under way. */
  int64_t tree, n;
  uint8_t *codes;       /* ROWS */
  int32_t class[ROWS];  /* the output that is explained */
  int64_t number[ROWS]; /* of the row as given */
};

/* What an edge does to rows, by state: factors of products, and of sums (with weights). */
typedef struct Edge {
  double *change, *gain; /* 3 x points each */
} Edge;

static int64_t leaf_value(const ShapTrees *trees, int64_t tree, int32_t low, int32_t class) {
  const Ensemble *e = trees->ensemble;
  if (!trees->shares) return low;
  if (low < 0) return -1 - low == class ? INT64_C(1) << GROW_SHARE_BITS : 0;
  const uint16_t *entry = e->leaf_class + e->leaf_offset[tree] + low;
  for (int64_t k = 1; k <= entry[0]; k++) {
    if (entry[k] == class) return e->leaf_share[e->leaf_offset[tree] + low + k];
  }
  return 0;
}

/* Does every tree add to one output, and to which? */
static bool takes_turns(const ShapTrees *trees) { return !trees->shares && trees->outputs > 1; }
static int32_t turn_of(const ShapTrees *trees, int64_t tree) {
  return (int32_t)(tree % trees->outputs);
}

/* ---- the sweep ---- */

/* share: q of the feature with and without this edge. */
static void fill_edge(const Shap *s, double before, double after, Edge *edge) {
  int64_t points = s->points;
  for (int64_t k = 0; k < points; k++) {
    double t = s->point[k], w = s->weight[k], left = 1 - t;
    double old = before * left + t, passes = after * left + t, fails = after * left;
    double had = (1 - before) / old;
    edge->change[k] = after / before;
    edge->change[points + k] = fails / old;
    edge->change[2 * points + k] = passes / old;
    edge->gain[k] = 0;
    edge->gain[points + k] = w * (-1 / left - had);
    edge->gain[2 * points + k] = w * ((1 - after) / passes - had);
  }
}

static inline double dot(const double *a, const double *b, int64_t points) {
  double lane[LANES] = {0};
  for (int64_t k = 0; k < points; k += LANES) {
    for (int64_t l = 0; l < LANES; l++) lane[l] += a[k + l] * b[k + l];
  }
  return (lane[0] + lane[1]) + (lane[2] + lane[3]);
}

static inline void multiply(const double *a, const double *b, int64_t points, double *out) {
  for (int64_t k = 0; k < points; k += LANES) {
    for (int64_t l = 0; l < LANES; l++) out[k + l] = a[k + l] * b[k + l];
  }
}

static inline void add(const double *a, int64_t points, double *to) {
  for (int64_t k = 0; k < points; k += LANES) {
    for (int64_t l = 0; l < LANES; l++) to[k + l] += a[k + l];
  }
}

/* Products of the child's level, and who passes. */
static void go_down(Shap *s, const int64_t *node, bool right, int64_t level, const Edge *edge) {
  int64_t points = s->points, feature = node_feature(*node), stride = bins_stride(s->d);
  const double *product = s->product + level * ROWS * points;
  double *child = s->product + (level + 1) * ROWS * points;
  uint8_t *state = s->state + level * ROWS, *passed = s->passed + feature * ROWS;
  for (int64_t r = 0; r < s->n; r++) {
    bool here = node_at_goes_left(node, s->codes[r * stride + feature]) != right;
    state[r] = passed[r] ? 1 + here : 0;
    passed[r] = state[r] == 2;
    const double *change = edge->change + state[r] * points;
    multiply(product + r * points, change, points, child + r * points);
  }
}

/* Add the child's sums to the feature and to the node's own. */
static void come_up(Shap *s, int64_t feature, int64_t level, const Edge *edge) {
  int64_t points = s->points;
  double *below = s->below + level * ROWS * points, *phi = s->phi + feature * ROWS;
  const double *child = s->below + (level + 1) * ROWS * points;
  const uint8_t *state = s->state + level * ROWS;
  uint8_t *passed = s->passed + feature * ROWS;
  for (int64_t r = 0; r < s->n; r++) {
    phi[r] += dot(edge->gain + state[r] * points, child + r * points, points);
    add(child + r * points, points, below + r * points);
    passed[r] = state[r] > 0;
  }
}

static void sweep(Shap *s, int64_t at, int64_t level) {
  const Ensemble *e = s->trees.ensemble;
  int64_t points = s->points, node = e->node[at];
  double *below = s->below + level * ROWS * points;
  if (node_is_leaf(node)) {
    const double *product = s->product + level * ROWS * points;
    for (int64_t r = 0; r < s->n; r++) {
      double value = (double)leaf_value(&s->trees, s->tree, node_low(node), s->class[r]);
      for (int64_t k = 0; k < points; k++) below[r * points + k] = value * product[r * points + k];
    }
    return;
  }
  double *tables = s->tables + level * 6 * points;
  Edge edge = {tables, tables + 3 * points};
  int64_t feature = node_feature(node);
  double before = s->share[feature];
  memset(below, 0, (size_t)(s->n * points) * sizeof *below);
  for (int side = 0; side < 2; side++) {
    int64_t child = at + (side ? node_low(node) : node_words(node));
    double after = before * ((double)s->trees.cover[child] / (double)s->trees.cover[at]);
    fill_edge(s, before, after, &edge);
    go_down(s, e->node + at, side == 1, level, &edge);
    s->share[feature] = after;
    sweep(s, child, level + 1);
    s->share[feature] = before;
    come_up(s, feature, level, &edge);
  }
}

/* ---- explaining ---- */

/* The row's sum over all trees, of the class's. */
static void add_leaves(Shap *s, int64_t tree, int64_t *sums) {
  ensemble_leaves(s->trees.ensemble, tree, s->codes, NULL, s->n, s->leaf);
  for (int64_t r = 0; r < s->n; r++) {
    sums[r] += leaf_value(&s->trees, tree, s->leaf[r], s->class[r]);
  }
}

/* Round, and make the numbers add up. */
static void write_row(const Shap *s, int64_t r, int64_t sum, int64_t *out) {
  int64_t d = s->d, most = 0;
  out[d] = s->expected[s->class[r]];
  int64_t left = sum - out[d];
  for (int64_t j = 0; j < d; j++) {
    out[j] = llrint(s->phi[j * ROWS + r]);
    left -= out[j];
    if (llabs(out[j]) > llabs(out[most])) most = j;
  }
  out[most] += left;
}

/* Explain the rows of the block; those of trees that take turns are of one class. */
static void explain_block(Shap *s, int64_t *out) {
  const Ensemble *e = s->trees.ensemble;
  int64_t sums[ROWS] = {0};
  if (s->n == 0) return;
  memset(s->phi, 0, (size_t)(s->d * ROWS) * sizeof *s->phi);
  for (s->tree = 0; s->tree < e->n_trees; s->tree++) {
    if (takes_turns(&s->trees) && turn_of(&s->trees, s->tree) != s->class[0]) continue;
    sweep(s, e->node_offset[s->tree], 0);
    add_leaves(s, s->tree, sums);
  }
  for (int64_t r = 0; r < s->n; r++) write_row(s, r, sums[r], out + s->number[r] * (s->d + 1));
  s->n = 0;
}

void shap_explain(Shap *s, const uint8_t *codes, const int32_t *class, int64_t n, int64_t *out) {
  int64_t stride = bins_stride(s->d);
  int32_t passes = takes_turns(&s->trees) ? (int32_t)s->trees.outputs : 1;
  s->n = 0;
  for (int32_t pass = 0; pass < passes; pass++) {
    for (int64_t i = 0; i < n; i++) {
      if (passes > 1 && class[i] != pass) continue;
      memcpy(s->codes + s->n * stride, codes + i * stride, (size_t)stride);
      s->class[s->n] = class ? class[i] : 0;
      s->number[s->n++] = i;
      if (s->n == ROWS) explain_block(s, out);
    }
    explain_block(s, out);
  }
}

/* ---- preparation ---- */

void shap_quadrature(int64_t n, double *point, double *weight) {
  static const double pi = 3.14159265358979323846;
  for (int64_t i = 0; i < n; i++) {
    /* Start near the root: cosine by Bhaskara's formula, good to 0.0016, and Newton's steps. */
    double angle = pi * ((double)i + 0.75) / ((double)n + 0.5);
    double a = angle > pi / 2 ? pi - angle : angle;
    double x = (pi * pi - 4 * a * a) / (pi * pi + a * a), slope = 0;
    for (int step = 0; step < 12; step++) {
      double before = 1, here = x; /* Legendre's polynomials of degree k - 1 and k */
      for (int64_t k = 1; k < n; k++) {
        double next = ((double)(2 * k + 1) * x * here - (double)k * before) / (double)(k + 1);
        before = here;
        here = next;
      }
      slope = (double)n * (x * here - before) / (x * x - 1);
      x -= here / slope;
    }
    point[i] = 0.5 + (angle > pi / 2 ? -x : x) / 2;
    weight[i] = 1 / ((1 - x * x) * slope * slope);
  }
}

/* Depth, and features on a path, of the subtree; share counts the splits on a feature above. */
static void measure(Shap *s, int64_t at, int64_t level, int64_t unlike) {
  const Ensemble *e = s->trees.ensemble;
  int64_t node = e->node[at];
  if (level + 1 > s->levels) s->levels = level + 1;
  if (unlike > s->unlike) s->unlike = unlike;
  if (node_is_leaf(node)) return;
  double *splits = &s->share[node_feature(node)];
  int64_t more = *splits == 0;
  *splits += 1;
  measure(s, at + node_words(node), level + 1, unlike + more);
  measure(s, at + node_low(node), level + 1, unlike + more);
  *splits -= 1;
}

/* Quotient rounded to the nearest; whole > 0. */
static int64_t nearest(__int128 sum, int64_t whole) {
  __int128 high = 2 * sum + whole, low = 2 * (__int128)whole, floored = high / low;
  return (int64_t)(floored - (high % low < 0));
}

/* Expectation of a tree for one class, rounded once. */
static int64_t expect(const Shap *s, int64_t tree, int32_t class) {
  const Ensemble *e = s->trees.ensemble;
  int64_t root = e->node_offset[tree];
  __int128 sum = 0;
  for (int64_t i = root; i < e->node_offset[tree + 1]; i += node_words(e->node[i])) {
    if (!node_is_leaf(e->node[i])) continue;
    int64_t value = leaf_value(&s->trees, tree, node_low(e->node[i]), class);
    sum += (__int128)s->trees.cover[i] * value;
  }
  return nearest(sum, s->trees.cover[root]);
}

static Status prepare(Shap *s) {
  Status status = OK;
  const Ensemble *e = s->trees.ensemble;
  TRY(NEW(&s->share, s->d));
  TRY(NEW(&s->expected, s->trees.outputs));
  TRY(NEW(&s->codes, ROWS * bins_stride(s->d)));
  for (int64_t tree = 0; tree < e->n_trees; tree++) {
    measure(s, e->node_offset[tree], 0, 0);
    for (int32_t c = 0; c < s->trees.outputs; c++) {
      if (takes_turns(&s->trees) && turn_of(&s->trees, tree) != c) continue;
      s->expected[c] += expect(s, tree, c);
    }
  }
  int64_t used = s->unlike > 1 ? (s->unlike + 1) / 2 : 1;
  s->points = (used + LANES - 1) / LANES * LANES;
  int64_t block = s->levels * ROWS * s->points;
  TRY(NEW(&s->point, s->points));
  TRY(NEW(&s->weight, s->points));
  TRY(NEW(&s->product, block));
  TRY(NEW(&s->below, block));
  TRY(NEW(&s->state, s->levels * ROWS));
  TRY(NEW(&s->passed, s->d * ROWS));
  TRY(NEW(&s->tables, s->levels * 6 * s->points));
  TRY(NEW(&s->phi, s->d * ROWS));
  TRY(NEW(&s->leaf, ROWS));
  shap_quadrature(used, s->point, s->weight);
  for (int64_t k = used; k < s->points; k++) s->point[k] = 0.5;
  for (int64_t j = 0; j < s->d; j++) s->share[j] = 1;
  memset(s->passed, 1, (size_t)(s->d * ROWS));
  for (int64_t i = 0; i < ROWS * s->points; i++) s->product[i] = 1;
done:
  return status;
}

Status shap_new(const ShapTrees *trees, Shap **out) {
  Status status = OK;
  TRY(NEW(out, 1));
  **out = (Shap){.trees = *trees, .d = trees->ensemble->bins.d};
  TRY(prepare(*out));
done:
  return status;
}

void shap_free(Shap **shap) {
  Shap *s = *shap;
  if (!s) return;
  memory_free(&s->point);
  memory_free(&s->weight);
  memory_free(&s->expected);
  memory_free(&s->product);
  memory_free(&s->below);
  memory_free(&s->state);
  memory_free(&s->share);
  memory_free(&s->passed);
  memory_free(&s->tables);
  memory_free(&s->phi);
  memory_free(&s->leaf);
  memory_free(&s->codes);
  memory_free(shap);
}
