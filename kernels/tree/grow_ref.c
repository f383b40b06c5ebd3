/* The plain grower: for every node, feature and bin it counts all rows of the node anew. It shares
 * with the fast one only what grow.h calls shared: gains, paths, and the shuffle of features. */
#include "grow_ref.h"

#include <string.h>

#include "kernels/base/memory.h"
#include "node.h"

typedef struct Plain {
  const GrowRows *rows;
  const GrowOptions *options;
  const int32_t *weight;
  const Stream *nodes;
  GrowShuffle shuffle;
  int64_t d, stride;
  int64_t *left;   /* n_classes weights of what was measured last */
  int64_t *whole;  /* n_classes weights of the node whose split is being chosen */
  uint8_t *looked; /* d: features looked at in a node */
  double root_impurity, least_decrease;
  GrownTree tree;
} Plain;

/* Sums of one side. */
typedef struct Side {
  int64_t weight, sum, squares;
} Side;

/* A split: its node in words, without distance. */
typedef struct Best {
  double gain;
  int32_t feature;
  int64_t node[1 + NODE_SET_WORDS];
} Best;

static uint8_t code(const Plain *p, int64_t i, int64_t feature) {
  return p->rows->codes[i * p->stride + feature];
}

/* Sums of the rows in `member` on one side of a node; NULL: all rows, left. */
static Side measure(const Plain *p, const uint8_t *member, const int64_t *node, bool left) {
  Side side = {0};
  for (int64_t c = 0; c < p->rows->n_classes; c++) p->left[c] = 0;
  for (int64_t i = 0; i < p->rows->n; i++) {
    if (!member[i]) continue;
    if (node && node_at_goes_left(node, code(p, i, node_feature(*node))) != left) continue;
    side.weight += p->weight[i];
    side.sum += (int64_t)p->weight[i] * p->rows->target[i];
    if (p->rows->n_classes > 2) p->left[p->rows->target[i]] += p->weight[i];
  }
  for (int64_t c = 0; c < p->rows->n_classes; c++) side.squares += p->left[c] * p->left[c];
  return side;
}

static bool occupied(const Plain *p, const uint8_t *member, int64_t feature, int32_t bin) {
  for (int64_t i = 0; i < p->rows->n; i++) {
    if (member[i] && code(p, i, feature) == bin) return true;
  }
  return false;
}

static void consider_node(Plain *p, const uint8_t *member, const int64_t *node, Best *best) {
  Side left = measure(p, member, node, true), right = measure(p, member, node, false);
  if (left.weight < p->options->min_samples_leaf) return;
  if (right.weight < p->options->min_samples_leaf) return;
  double gain =
      p->rows->n_classes > 2
          ? grow_purity(left.squares, left.weight, right.squares, right.weight)
          : grow_gain(left.sum, left.weight, left.sum + right.sum, left.weight + right.weight);
  if (gain <= best->gain) return;
  *best = (Best){.gain = gain, .feature = (int32_t)node_feature(*node)};
  memcpy(best->node, node, (size_t)node_words(*node) * sizeof *node);
}

static void consider(Plain *p, const uint8_t *member, int32_t feature, int32_t bin,
                     bool missing_left, Best *best) {
  int64_t node = node_split(feature, bin, missing_left);
  consider_node(p, member, &node, best);
}

static void put(int64_t *set, int32_t code) {
  set[code / 64] = (int64_t)((uint64_t)set[code / 64] | UINT64_C(1) << (code % 64));
}

/* What a category is ordered by: levels, or the weight of the node's heaviest class. */
static Side measure_category(const Plain *p, const uint8_t *member, int32_t feature, int32_t code) {
  int64_t node[1 + NODE_SET_WORDS] = {node_split_set(feature)}, class = 0;
  put(node + 1, code);
  Side side = measure(p, member, node, true);
  for (int64_t c = 1; c < p->rows->n_classes; c++) {
    if (p->whole[c] > p->whole[class]) class = c;
  }
  if (p->rows->n_classes > 2) side.sum = p->left[class];
  return side;
}

/* The occupied category with the lowest mean that is not in the set; -1: none. */
static int32_t next_category(const Plain *p, const uint8_t *member, int32_t feature,
                             const int64_t *set) {
  int32_t best = -1;
  Side first = {0};
  for (int32_t code = 0; code < BINS_CODES; code++) {
    if (!occupied(p, member, feature, code) || node_set_has(set, (uint8_t)code)) continue;
    Side own = measure_category(p, member, feature, code);
    if (best >= 0 && own.sum * first.weight >= first.sum * own.weight) continue;
    best = code;
    first = own;
  }
  return best;
}

static void consider_category(Plain *p, const uint8_t *member, int32_t feature, uint64_t path,
                              Best *best) {
  int64_t node[1 + NODE_SET_WORDS] = {node_split_set(feature)}, all[NODE_SET_WORDS] = {0};
  int32_t n = 0;
  for (int32_t code = 0; code < BINS_CODES; code++) {
    if (!occupied(p, member, feature, code)) continue;
    put(all, code);
    n++;
  }
  if (n > 1 && p->options->random) {
    grow_subset(p->nodes, path, feature, all, node + 1);
    consider_node(p, member, node, best);
    return;
  }
  for (int32_t k = 1; k < n; k++) {
    put(node + 1, next_category(p, member, feature, node + 1));
    consider_node(p, member, node, best);
  }
}

/* The drawn threshold of a feature; false when it has not two occupied bins. */
static bool consider_random(Plain *p, const uint8_t *member, int32_t feature, uint64_t path,
                            bool missing, Best *best) {
  int32_t low = 0, high = bins_of(p->rows->bins, feature) - 1;
  while (low < high && !occupied(p, member, feature, low)) low++;
  while (low < high && !occupied(p, member, feature, high)) high--;
  if (low == high) return false;
  GrowThreshold t = grow_threshold(p->nodes, path, feature, low, high);
  consider(p, member, feature, t.bin, missing && t.missing_left, best);
  return true;
}

static void consider_feature(Plain *p, const uint8_t *member, int32_t feature, uint64_t path,
                             Best *best) {
  int32_t bins = bins_of(p->rows->bins, feature), before = -1;
  bool missing = occupied(p, member, feature, BINS_MISSING);
  if (bins_is_category(p->rows->bins, feature)) {
    consider_category(p, member, feature, path, best);
    return;
  }
  if (p->options->random && consider_random(p, member, feature, path, missing, best)) return;
  for (int32_t bin = 0; bin < bins; bin++) {
    if (!occupied(p, member, feature, bin)) continue;
    if (before >= 0) {
      int32_t middle = (before + bin - 1) / 2;
      consider(p, member, feature, middle, false, best);
      if (missing) consider(p, member, feature, middle, true, best);
    }
    before = bin;
  }
  if (missing && before >= 0) consider(p, member, feature, bins - 1, false, best);
}

static Best choose(Plain *p, const uint8_t *member, uint64_t path) {
  Best best = {.gain = -1, .feature = -1};
  int64_t k = p->options->features;
  bool all = k == p->d;
  grow_shuffle_begin(&p->shuffle, p->nodes, path);
  for (int64_t j = 0; j < p->d; j++) p->looked[j] = all;
  for (int64_t j = 0; j < k && !all; j++) p->looked[grow_shuffle_next(&p->shuffle)] = 1;
  for (int32_t j = 0; j < p->d; j++) {
    if (p->looked[j]) consider_feature(p, member, j, path, &best);
  }
  while (!all && best.feature < 0 && p->shuffle.step < p->d) {
    consider_feature(p, member, grow_shuffle_next(&p->shuffle), path, &best);
  }
  grow_shuffle_undo(&p->shuffle);
  return best;
}

static bool pure(const Plain *p, const uint8_t *member) {
  int64_t first = -1;
  for (int64_t i = 0; i < p->rows->n; i++) {
    if (!member[i]) continue;
    if (first >= 0 && p->rows->target[i] != p->rows->target[first]) return false;
    first = i;
  }
  return true;
}

static int32_t leaf_value(Plain *p, const Side *all) {
  GrownTree *t = &p->tree;
  if (p->rows->n_classes <= 2) {
    int64_t scaled = all->sum * (INT64_C(1) << (GROW_SHARE_BITS - p->rows->bits));
    return (int32_t)((scaled + all->weight / 2) / all->weight);
  }
  int64_t position = t->n_leaf, n = 0, last = 0;
  for (int64_t c = 0; c < p->rows->n_classes; c++) {
    if (!p->left[c]) continue;
    n++;
    last = c;
  }
  if (n == 1) return (int32_t)(-1 - last);
  t->leaf_class[t->n_leaf] = (uint16_t)n;
  t->leaf_share[t->n_leaf++] = 0;
  for (int64_t c = 0; c < p->rows->n_classes; c++) {
    if (!p->left[c]) continue;
    int64_t share = (p->left[c] << GROW_SHARE_BITS) + all->weight / 2;
    t->leaf_class[t->n_leaf] = (uint16_t)c;
    t->leaf_share[t->n_leaf++] = (int32_t)(share / all->weight);
  }
  return (int32_t)position;
}

/* Send what no row of the node has to the heavier side. */
static void settle(Plain *p, const uint8_t *member, const Side *all, Best *best) {
  int64_t *node = best->node;
  if (2 * measure(p, member, node, true).weight < all->weight) return;
  if (!node_is_set(*node)) {
    if (occupied(p, member, best->feature, BINS_MISSING)) return;
    *node = node_split(best->feature, node_bin(*node), true);
    return;
  }
  for (int32_t code = 0; code < BINS_CODES; code++) {
    if (!occupied(p, member, best->feature, code)) put(node + 1, code);
  }
}

/* Grow the subtree of the member rows; nodes are appended in preorder. */
static Status grow(Plain *p, const uint8_t *member, int64_t depth, uint64_t path) {
  Status status = OK;
  uint8_t *child = NULL;
  const GrowOptions *o = p->options;
  int64_t at = p->tree.n_nodes++;
  Side all = measure(p, member, NULL, true);
  for (int64_t c = 0; c < p->rows->n_classes; c++) p->whole[c] = p->left[c];
  Best best = {.feature = -1};
  bool leaf = depth >= o->max_depth || all.weight < o->min_samples_split || pure(p, member);
  if (!leaf) best = choose(p, member, path);
  all = measure(p, member, NULL, true);
  double weight = (double)all.weight;
  p->tree.cover[at] = (int32_t)all.weight;
  double decrease =
      p->rows->n_classes > 2 ? best.gain - (double)all.squares / weight : best.gain / weight;
  if (best.feature < 0 || (p->least_decrease > 0 && decrease < p->least_decrease)) {
    p->tree.node[at] = node_leaf(leaf_value(p, &all));
    return OK;
  }
  double share = p->root_impurity > 0 && decrease > 0 ? decrease / p->root_impurity : 0;
  p->tree.importance[best.feature] +=
      (int64_t)(share * (double)(INT64_C(1) << GROW_IMPORTANCE_BITS) + 0.5);
  settle(p, member, &all, &best);
  int64_t words = node_words(*best.node);
  memcpy(p->tree.node + at, best.node, (size_t)words * sizeof *best.node);
  p->tree.n_nodes = at + words;
  TRY(NEW(&child, p->rows->n));
  for (int side = 0; side < 2; side++) {
    for (int64_t i = 0; i < p->rows->n; i++) {
      bool left = node_at_goes_left(best.node, code(p, i, best.feature));
      child[i] = member[i] && left == (side == 0);
    }
    if (side == 1) p->tree.node[at] |= p->tree.n_nodes - at;
    TRY(grow(p, child, depth + 1, grow_child_path(path, side == 1)));
  }
done:
  memory_free(&child);
  return status;
}

/* Impurity of all rows times their weight, from exact integers. */
static double impurity(Plain *p, const uint8_t *member) {
  Side all = measure(p, member, NULL, true);
  double weight = (double)all.weight;
  if (p->rows->n_classes > 2) return weight - (double)all.squares / weight;
  __int128 squares = 0;
  for (int64_t i = 0; i < p->rows->n; i++) {
    squares += (__int128)p->weight[i] * p->rows->target[i] * p->rows->target[i];
  }
  return (double)(squares * all.weight - (__int128)all.sum * all.sum) / weight;
}

Status grow_tree_ref(const GrowRows *rows, const GrowOptions *options, const int32_t *weight,
                     const Stream *nodes, GrownTree *out) {
  Status status = OK;
  uint8_t *member = NULL;
  int64_t d = rows->bins->d, n_classes = rows->n_classes;
  Plain p = {.rows = rows,
             .options = options,
             .weight = weight,
             .nodes = nodes,
             .d = d,
             .stride = bins_stride(d)};
  TRY(NEW(&member, rows->n));
  TRY(NEW(&p.shuffle.order, d));
  TRY(NEW(&p.shuffle.picked, d));
  TRY(NEW(&p.left, n_classes));
  TRY(NEW(&p.whole, n_classes));
  TRY(NEW(&p.looked, d));
  TRY(NEW(&p.tree.node, (2 + NODE_SET_WORDS) * rows->n));
  TRY(NEW(&p.tree.cover, (2 + NODE_SET_WORDS) * rows->n));
  TRY(NEW(&p.tree.leaf_class, 2 * rows->n));
  TRY(NEW(&p.tree.leaf_share, 2 * rows->n));
  TRY(NEW(&p.tree.importance, d));
  p.shuffle.d = d;
  for (int32_t j = 0; j < d; j++) p.shuffle.order[j] = j;
  for (int64_t i = 0; i < rows->n; i++) member[i] = weight[i] > 0;
  p.root_impurity = impurity(&p, member);
  p.least_decrease = options->min_decrease * (double)measure(&p, member, NULL, true).weight;
  status = grow(&p, member, 0, GROW_ROOT_PATH);
done:
  memory_free(&member);
  memory_free(&p.shuffle.order);
  memory_free(&p.shuffle.picked);
  memory_free(&p.left);
  memory_free(&p.whole);
  memory_free(&p.looked);
  *out = p.tree;
  return status;
}

void grow_tree_ref_clear(GrownTree *tree) {
  memory_free(&tree->node);
  memory_free(&tree->cover);
  memory_free(&tree->leaf_class);
  memory_free(&tree->leaf_share);
  memory_free(&tree->importance);
  *tree = (GrownTree){0};
}
