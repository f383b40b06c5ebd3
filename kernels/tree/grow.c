/* Grow one tree on binned rows; see grow.h for the rules.
 *
 * A row of the sample is a record of 64-bit words: a payload (weight and weight x level packed, or
 * weight and class) and the row's codes. Records are moved when a node is split, so every pass over
 * a node reads memory in one sweep, without indices or prefetching. Order does not matter, since
 * all sums are integers; partitioning is in place.
 *
 * Regression, nodes of many rows: one histogram of packed sums for all features, the smaller
 * child's is built, the larger one's is the difference. How splits are found stands in split.c and
 * split_classes.c.
 *
 * Of two children the larger waits on a stack while the smaller is grown, so at most log2(n) wait,
 * with one histogram each. Nodes are numbered as they are made and put into preorder at the end.
 *
 * With a limit of leaves, nodes that can be split wait in a heap instead, the best split on top.
 * Many may wait, so none has a full histogram. */
#include "grow.h"

#include <string.h>

#include "grow_parts.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"

enum {
  HISTOGRAM_ROWS = 128, /* nodes of at least so many rows keep a full histogram */
  STACK = 72,           /* more than log2 of any number of rows, twice */
  FEW_CLASSES = 32,     /* so many classes of a leaf are sorted by insertion */
};

/* A node with its split. */
typedef struct Open {
  Item item;
  Split split;
  double decrease;
  int64_t set[NODE_SET_WORDS]; /* see Split.is_set */
} Open;

struct Grower {
  Splitter s;                   /* rows, options, records, scratch */
  bool full;                    /* full histograms pay */
  int32_t slots, n_free, *free; /* histograms in s.pool */
  double root_impurity;         /* times weight */
  double least_decrease;        /* of impurity times weight; 0: none */
  Open *heap;                   /* max_leaves; best first */
  int64_t n_heap;
  int64_t n_nodes;
  int64_t *made; /* per node in order of creation: word without distance */
  int64_t *set;  /* NODE_SET_WORDS a node; NULL: no feature is a category */
  int32_t *left; /* its left child, 0: leaf; the right one follows */
  int32_t *size, *place;
  int32_t *cover; /* weight of its rows */
  int64_t n_leaf; /* leaf table in order of creation */
  uint16_t *leaf_class;
  int32_t *leaf_share;
  GrownTree tree;
};

uint64_t grow_child_path(uint64_t path, bool right) {
  return hash_mix(path + (right ? 0xd1b54a32d192ed03u : 0x9e3779b97f4a7c15u));
}

/* ---- histograms ---- */

static void build_histogram(const Grower *g, int64_t begin, int64_t end, uint64_t *histogram) {
  int64_t d = g->s.d;
  memset(histogram, 0, (size_t)(d * BINS_CODES) * sizeof *histogram);
  for (int64_t i = begin; i < end; i++) {
    uint64_t payload = *record_at(&g->s, i);
    const uint8_t *codes = codes_at(&g->s, i);
    uint64_t *h = histogram;
    for (int64_t j = 0; j < d; j++, h += BINS_CODES) h[codes[j]] += payload;
  }
}

static void subtract_histogram(const Grower *g, uint64_t *restrict from,
                               const uint64_t *restrict part) {
  for (int64_t i = 0; i < g->s.d * BINS_CODES; i++) from[i] -= part[i];
}

/* Give children their histograms, or none; the parent's slot is used up. */
static void share_histogram(Grower *g, const Item *parent, Item *small, Item *large) {
  small->slot = large->slot = -1;
  if (parent->slot < 0) return;
  int64_t n = large->end - large->begin;
  if (n < HISTOGRAM_ROWS || large->depth >= g->s.options.max_depth) {
    g->free[g->n_free++] = parent->slot;
    return;
  }
  int32_t slot = g->free[--g->n_free];
  uint64_t *part = g->s.pool + slot * g->s.d * BINS_CODES;
  build_histogram(g, small->begin, small->end, part);
  subtract_histogram(g, g->s.pool + parent->slot * g->s.d * BINS_CODES, part);
  large->slot = parent->slot;
  if (small->end - small->begin >= HISTOGRAM_ROWS) {
    small->slot = slot;
  } else {
    g->free[g->n_free++] = slot;
  }
}

/* ---- rows ---- */

/* Move records that go left to the front; returns where the others begin. Every step swaps, so
 * there is no branch to mispredict. */
static inline int64_t partition_words(uint64_t *record, int64_t words, int64_t begin, int64_t end,
                                      int64_t node) {
  int64_t feature = node_feature(node);
  uint64_t *front = record + begin * words;
  int64_t middle = begin;
  for (int64_t i = begin; i < end; i++) {
    uint64_t *here = record + i * words;
    bool left = node_goes_left(node, ((const uint8_t *)(here + 1))[feature]);
    for (int64_t w = 0; w < words; w++) {
      uint64_t moved = here[w];
      here[w] = front[w];
      front[w] = moved;
    }
    front += left ? words : 0;
    middle += left;
  }
  return middle;
}

/* The same by a set. */
static int64_t partition_set(const Splitter *s, int64_t begin, int64_t end, int64_t feature,
                             const int64_t *set) {
  int64_t words = s->words, middle = begin;
  uint8_t left[BINS_CODES];
  node_set_table(set, left);
  for (int64_t i = begin; i < end; i++) {
    uint64_t *here = record_at(s, i), *front = record_at(s, middle);
    middle += left[codes_at(s, i)[feature]];
    for (int64_t w = 0; w < words; w++) {
      uint64_t moved = here[w];
      here[w] = front[w];
      front[w] = moved;
    }
  }
  return middle;
}

int64_t grow_partition(const Splitter *s, int64_t begin, int64_t end, int64_t node,
                       const int64_t *set) {
  if (node_is_set(node)) return partition_set(s, begin, end, node_feature(node), set);
  switch (s->words) {
    case 2: return partition_words(s->record, 2, begin, end, node);
    case 3: return partition_words(s->record, 3, begin, end, node);
    case 4: return partition_words(s->record, 4, begin, end, node);
    default: return partition_words(s->record, s->words, begin, end, node);
  }
}

int64_t grow_load(const Splitter *s, const int32_t *weight, GrowSums *out) {
  int64_t stride = (s->words - 1) * 8, n = 0;
  *out = (GrowSums){0};
  for (int64_t i = 0; i < s->rows.n; i++) {
    uint64_t *record = record_at(s, n);
    uint64_t w = (uint64_t)weight[i], target = s->rows.target[i];
    memcpy(record + 1, s->rows.codes + i * stride, (size_t)stride);
    record[0] = s->classes ? w << 32 | target : w << s->shift | w * target;
    n += w > 0;
    out->weight += (int64_t)w;
    if (s->classes) continue;
    out->sum += (int64_t)(w * target);
    out->squares += (__int128)(w * target) * target;
  }
  return n;
}

/* Have all rows of the node one target? */
static bool is_pure(const Grower *g, const Item *item) {
  uint64_t first = *record_at(&g->s, item->begin);
  for (int64_t i = item->begin + 1; i < item->end; i++) {
    uint64_t other = *record_at(&g->s, i);
    if (g->s.classes) {
      if (payload_class(first) != payload_class(other)) return false;
    } else if ((first & g->s.low) * (other >> g->s.shift) !=
               (other & g->s.low) * (first >> g->s.shift)) {
      return false; /* sums over weights differ */
    }
  }
  return true;
}

/* ---- leaves ---- */

static void append_share(Grower *g, int64_t class, int32_t share) {
  g->leaf_class[g->n_leaf] = (uint16_t) class;
  g->leaf_share[g->n_leaf++] = share;
}

/* Classes of the node, ascending, into g->s.sorted; counts are in g->s.count. Returns their number.
 */
static int64_t list_classes(const Grower *g, const Item *item) {
  uint32_t *list = g->s.sorted;
  int64_t n = 0;
  for (int64_t i = item->begin; i < item->end; i++) {
    uint32_t class = payload_class(*record_at(&g->s, i));
    if (g->s.count[class].left) continue;
    g->s.count[class].left = 1;
    list[n++] = class;
  }
  for (int64_t i = 0; i < n; i++) g->s.count[list[i]].left = 0;
  if (n > FEW_CLASSES) {
    n = 0;
    for (uint32_t class = 0; class < g->s.rows.n_classes; class ++) {
      if (g->s.count[class].total) list[n++] = class;
    }
    return n;
  }
  for (int64_t i = 1; i < n; i++) {
    uint32_t class = list[i];
    int64_t at = i;
    for (; at > 0 && list[at - 1] > class; at--) list[at] = list[at - 1];
    list[at] = class;
  }
  return n;
}

static int32_t class_leaf(Grower *g, const Item *item) {
  int64_t position = g->n_leaf;
  split_count_classes(&g->s, item);
  int64_t n = list_classes(g, item);
  int32_t value = -1 - (int32_t)g->s.sorted[0];
  if (n > 1) {
    value = (int32_t)position;
    append_share(g, n, 0);
    for (int64_t j = 0; j < n; j++) {
      int64_t count = g->s.count[g->s.sorted[j]].total;
      append_share(g, g->s.sorted[j], grow_leaf_share(count, item->weight));
    }
  }
  split_forget_classes(&g->s, item);
  return value;
}

static void make_leaf(Grower *g, const Item *item) {
  int32_t value = 0;
  if (g->s.classes) {
    value = class_leaf(g, item);
  } else {
    value = grow_leaf_level(item->sum, item->weight, g->s.rows.bits);
  }
  g->made[item->node] = node_leaf(value);
  g->cover[item->node] = (int32_t)item->weight;
  g->left[item->node] = 0;
  if (item->slot >= 0) g->free[g->n_free++] = item->slot;
}

/* ---- growth ---- */

static bool must_be_leaf(const Grower *g, const Item *item) {
  return grow_is_closed(&g->s.options, item->depth, item->weight) || item->end - item->begin < 2 ||
         is_pure(g, item);
}

/* Which side rows go that miss the feature, when none did here: the heavier one. */
static bool missing_side(const Grower *g, const Item *item, const Split *split) {
  if (split->missing_left) return true;
  if (split->bin == bins_of(g->s.rows.bins, split->feature) - 1) return false;
  for (int64_t i = item->begin; i < item->end; i++) {
    if (codes_at(&g->s, i)[split->feature] == BINS_MISSING) return false;
  }
  return 2 * split->weight_left >= item->weight;
}

/* Find the split of a node, or close it; returns whether it can be split. */
static bool open_node(Grower *g, const Item *item, const Stream *nodes, Open *out) {
  *out = (Open){.item = *item, .split = {.feature = -1}};
  if (!must_be_leaf(g, item)) out->split = split_find(&g->s, &out->item, nodes, &out->decrease);
  if (out->split.is_set) memcpy(out->set, g->s.set, sizeof out->set);
  if (out->split.feature >= 0 && grow_is_enough(out->decrease, g->least_decrease)) return true;
  make_leaf(g, item);
  return false;
}

/* Split a node. */
static void split_node(Grower *g, const Open *open, Item *out_left, Item *out_right) {
  const Item *item = &open->item;
  Split split = open->split;
  int64_t node = split.is_set ? node_split_set(split.feature)
                              : node_split(split.feature, split.bin, missing_side(g, item, &split));
  int64_t middle = grow_partition(&g->s, item->begin, item->end, node, open->set);
  g->made[item->node] = node;
  if (split.is_set) memcpy(g->set + item->node * NODE_SET_WORDS, open->set, sizeof open->set);
  g->cover[item->node] = (int32_t)item->weight;
  g->left[item->node] = (int32_t)g->n_nodes;
  g->tree.importance[split.feature] += grow_importance(open->decrease, g->root_impurity);
  *out_left = (Item){.begin = item->begin,
                     .end = middle,
                     .weight = split.weight_left,
                     .sum = split.sum_left,
                     .depth = item->depth + 1,
                     .path = grow_child_path(item->path, false),
                     .same = item->same,
                     .node = (int32_t)g->n_nodes,
                     .slot = -1};
  *out_right = (Item){.begin = middle,
                      .end = item->end,
                      .weight = item->weight - split.weight_left,
                      .sum = item->sum - split.sum_left,
                      .depth = item->depth + 1,
                      .path = grow_child_path(item->path, true),
                      .same = item->same,
                      .node = (int32_t)g->n_nodes + 1,
                      .slot = -1};
  g->n_nodes += 2;
}

/* Split or close one node; children go onto the stack, the smaller one on top. */
static int grow_node(Grower *g, const Item *item, const Stream *nodes, Item *stack, int top) {
  Open open;
  Item left, right;
  if (!open_node(g, item, nodes, &open)) return top;
  split_node(g, &open, &left, &right);
  bool left_small = left.end - left.begin <= right.end - right.begin;
  Item *small = left_small ? &left : &right, *large = left_small ? &right : &left;
  share_histogram(g, item, small, large);
  stack[top++] = *large;
  stack[top++] = *small;
  return top;
}

static void grow_depth_first(Grower *g, const Item *root, const Stream *nodes) {
  Item stack[STACK];
  int top = 0;
  stack[top++] = *root;
  while (top > 0) {
    Item item = stack[--top];
    top = grow_node(g, &item, nodes, stack, top);
  }
}

static bool is_better(const Open *a, const Open *b) {
  if (a->decrease != b->decrease) return a->decrease > b->decrease;
  return a->item.node < b->item.node;
}

static void heap_push(Grower *g, const Open *open) {
  int64_t at = g->n_heap++;
  for (; at > 0 && is_better(open, &g->heap[(at - 1) / 2]); at = (at - 1) / 2) {
    g->heap[at] = g->heap[(at - 1) / 2];
  }
  g->heap[at] = *open;
}

static Open heap_pop(Grower *g) {
  Open best = g->heap[0], last = g->heap[--g->n_heap];
  int64_t at = 0, child = 1;
  for (; child < g->n_heap; at = child, child = 2 * at + 1) {
    if (child + 1 < g->n_heap && is_better(&g->heap[child + 1], &g->heap[child])) child++;
    if (!is_better(&g->heap[child], &last)) break;
    g->heap[at] = g->heap[child];
  }
  g->heap[at] = last;
  return best;
}

static void grow_best_first(Grower *g, const Item *root, int64_t max_leaves, const Stream *nodes) {
  Open open;
  int64_t leaves = 1;
  g->n_heap = 0;
  if (open_node(g, root, nodes, &open)) heap_push(g, &open);
  for (; g->n_heap > 0 && leaves < max_leaves; leaves++) {
    Item child[2];
    open = heap_pop(g);
    g->tree.step[g->tree.n_steps++] = (GrowStep){open.decrease, open.item.node};
    split_node(g, &open, &child[0], &child[1]);
    for (int side = 0; side < 2; side++) {
      if (open_node(g, &child[side], nodes, &open)) heap_push(g, &open);
    }
  }
  for (int64_t i = 0; i < g->n_heap; i++) make_leaf(g, &g->heap[i].item);
}

/* Put the leaf table into the order of the nodes. */
static void write_leaves(Grower *g) {
  GrownTree *tree = &g->tree;
  tree->n_leaf = 0;
  for (int64_t i = 0; i < tree->n_nodes; i += node_words(tree->node[i])) {
    if (!node_is_leaf(tree->node[i]) || node_low(tree->node[i]) < 0) continue;
    int32_t from = node_low(tree->node[i]);
    int64_t n = 1 + g->leaf_class[from];
    tree->node[i] = node_leaf((int32_t)tree->n_leaf);
    for (int64_t j = 0; j < n; j++, tree->n_leaf++) {
      tree->leaf_class[tree->n_leaf] = g->leaf_class[from + j];
      tree->leaf_share[tree->n_leaf] = g->leaf_share[from + j];
    }
  }
}

/* Nodes in order of creation -> preorder with distances. */
static void write_nodes(Grower *g) {
  int64_t n = g->n_nodes;
  for (int64_t i = n - 1; i >= 0; i--) {
    int32_t left = g->left[i];
    int32_t own = (int32_t)node_words(g->made[i]);
    g->size[i] = left ? own + g->size[left] + g->size[left + 1] : 1;
  }
  g->place[0] = 0;
  for (int64_t i = 0; i < n; i++) {
    int32_t left = g->left[i], place = g->place[i];
    int64_t distance = 0, words = node_words(g->made[i]);
    if (left) {
      distance = words + g->size[left];
      g->place[left] = place + (int32_t)words;
      g->place[left + 1] = place + (int32_t)distance;
    }
    g->tree.node[place] = g->made[i] | distance;
    g->tree.cover[place] = g->cover[i];
    for (int64_t w = 1; w < words; w++) {
      g->tree.node[place + w] = g->set[i * NODE_SET_WORDS + w - 1];
      g->tree.cover[place + w] = 0;
    }
  }
  g->tree.n_nodes = g->size[0];
  if (g->s.classes) write_leaves(g);
}

uint64_t *grow_records(const Grower *g) { return g->s.record; }

void grow_subtree(Grower *g, const GrowRoot *from, const Stream *nodes, GrownTree *out) {
  Item root = {.end = from->n,
               .weight = from->weight,
               .sum = from->sum,
               .depth = from->depth,
               .path = from->path,
               .slot = -1};
  g->root_impurity = from->root_impurity;
  g->least_decrease = from->least_decrease;
  g->n_leaf = g->tree.n_leaf = g->tree.n_steps = 0;
  memset(g->tree.importance, 0, (size_t)g->s.d * sizeof *g->tree.importance);
  g->n_free = g->slots;
  for (int32_t slot = 0; slot < g->slots; slot++) g->free[slot] = slot;
  if (g->full && root.end >= HISTOGRAM_ROWS && root.depth < g->s.options.max_depth) {
    root.slot = g->free[--g->n_free];
    build_histogram(g, 0, root.end, g->s.pool + root.slot * g->s.d * BINS_CODES);
  }
  g->n_nodes = 1;
  if (from->max_leaves > 0) {
    grow_best_first(g, &root, from->max_leaves, nodes);
  } else {
    grow_depth_first(g, &root, nodes);
  }
  write_nodes(g);
  *out = g->tree;
}

void grow_tree(Grower *g, const int32_t *weight, const Stream *nodes, GrownTree *out) {
  GrowSums sums;
  int64_t n = grow_load(&g->s, weight, &sums);
  GrowRoot root = {.n = n,
                   .weight = sums.weight,
                   .sum = sums.sum,
                   .path = GROW_ROOT_PATH,
                   .least_decrease = g->s.options.min_decrease * (double)sums.weight,
                   .max_leaves = g->s.options.max_leaves};
  if (g->s.classes) {
    Item item = {.end = n, .weight = sums.weight};
    root.root_impurity = grow_class_impurity(split_count_classes(&g->s, &item), sums.weight);
    split_forget_classes(&g->s, &item);
  } else {
    root.root_impurity = grow_impurity(&sums);
  }
  grow_subtree(g, &root, nodes, out);
}

static int bit_length(int64_t x) { return x > 0 ? 64 - __builtin_clzll((uint64_t)x) : 0; }

static int64_t leaves_max(const GrowRows *rows, const GrowOptions *options) {
  int64_t limit = options->max_leaves;
  return limit > 0 && limit < rows->n ? limit : rows->n;
}

/* Most nodes that a tree can have: two a leaf less one, and no more than its depth allows. */
static int64_t nodes_max(const GrowRows *rows, const GrowOptions *options) {
  int64_t by_rows = 2 * leaves_max(rows, options) - 1;
  if (options->max_depth >= 40) return by_rows;
  int64_t by_depth = (INT64_C(2) << options->max_depth) - 1;
  return by_rows < by_depth ? by_rows : by_depth;
}

Status grow_new(const GrowRows *rows, const GrowOptions *options, Grower **out) {
  Status status = OK;
  Grower *g = NULL;
  TRY(NEW(out, 1));
  g = *out;
  int64_t d = rows->bins->d, n_max = nodes_max(rows, options);
  int64_t n_set = bins_any_category(rows->bins) ? n_max * NODE_SET_WORDS : 0;
  int64_t n_words = n_max + n_set / 2; /* about half of the nodes are leaves */
  bool classes = rows->n_classes > 2;
  TRY(splitter_init(&g->s, rows, options));
  bool limited = options->max_leaves > 0;
  g->full = !classes && !limited && 2 * options->features > d;
  g->slots = g->full ? bit_length(rows->n / HISTOGRAM_ROWS) + 2 : 0;
  TRY(NEW_RAW(&g->s.record, (rows->n + 1) * g->s.words));
  TRY(NEW_RAW(&g->s.pool, g->slots * d * BINS_CODES));
  TRY(NEW_RAW(&g->free, g->slots));
  TRY(NEW_RAW(&g->heap, limited ? leaves_max(rows, options) : 0));
  TRY(NEW_RAW(&g->made, n_max));
  TRY(NEW_RAW(&g->set, n_set));
  TRY(NEW_RAW(&g->left, n_max));
  TRY(NEW_RAW(&g->size, n_max));
  TRY(NEW_RAW(&g->place, n_max));
  TRY(NEW_RAW(&g->cover, n_max));
  TRY(NEW_RAW(&g->tree.cover, n_words));
  TRY(NEW_RAW(&g->leaf_class, classes ? 2 * rows->n : 0));
  TRY(NEW_RAW(&g->leaf_share, classes ? 2 * rows->n : 0));
  TRY(NEW_RAW(&g->tree.node, n_words));
  TRY(NEW_RAW(&g->tree.leaf_class, classes ? 2 * rows->n : 0));
  TRY(NEW_RAW(&g->tree.leaf_share, classes ? 2 * rows->n : 0));
  TRY(NEW(&g->tree.importance, d));
  TRY(NEW_RAW(&g->tree.step, limited ? leaves_max(rows, options) : 0));
done:
  return status;
}

void grow_free(Grower **grower) {
  Grower *g = *grower;
  if (!g) return;
  splitter_clear(&g->s);
  memory_free(&g->s.record);
  memory_free(&g->s.pool);
  memory_free(&g->free);
  memory_free(&g->heap);
  memory_free(&g->made);
  memory_free(&g->set);
  memory_free(&g->left);
  memory_free(&g->size);
  memory_free(&g->place);
  memory_free(&g->cover);
  memory_free(&g->tree.cover);
  memory_free(&g->leaf_class);
  memory_free(&g->leaf_share);
  memory_free(&g->tree.node);
  memory_free(&g->tree.leaf_class);
  memory_free(&g->tree.leaf_share);
  memory_free(&g->tree.importance);
  memory_free(&g->tree.step);
  memory_free(grower);
}
