/* The grower of boosted trees; see boost_grow.h.
 *
 * The histograms of nodes that may still be split are kept, each rank's features only; where memory
 * would be too much for that, they are made anew from rows, both children instead of one.
 *
 * Rejected for several ranks: one node after the other as the order of growth demands, with a few
 * reductions for each split; over a network the waiting takes longer than the work. */
#include <string.h>

#include "boost_parts.h"

static void release_slot(BoostGrower *g, Item *item) {
  if (item->slot >= 0) g->open_slot[g->n_open++] = item->slot;
  item->slot = -1;
}

/* ---- nodes ---- */

static double node_score(const BoostRules *rules, const BoostNode *node, BoostSums sum) {
  double g = (double)sum.g, h = (double)sum.h;
  if (rules->l1 == 0 && !rules->slope) return g * g / (h + rules->l2);
  return boost_score(g, h, boost_value(g, h, rules, node->low, node->high), rules);
}

double boost_net_gain(const BoostLayout *layout, const BoostRules *rules, const BoostNode *node,
                      const BoostSplit *split) {
  if (split->gain < 0) return -1;
  double net = split->gain - node_score(rules, node, boost_unpack(layout, node->sum));
  bool real = net > split->gain * 0x1p-40; /* below that it is rounding */
  return real && net > rules->least_gain ? net : -1;
}

void boost_children(const BoostLayout *layout, const BoostRules *rules, const BoostNode *node,
                    const BoostSplit *split, BoostNode *left, BoostNode *right) {
  *left = *right = *node;
  left->used = right->used = split->feature;
  if (rules->group) left->groups = right->groups = node->groups & rules->group[split->feature];
  for (int w = 0; w < layout->words; w++) {
    left->sum[w] = split->left[w];
    right->sum[w] = node->sum[w] - split->left[w];
  }
  int slope = rules->slope ? rules->slope[split->feature] : 0;
  if (slope == 0) return;
  BoostSums l = boost_unpack(layout, left->sum), r = boost_unpack(layout, right->sum);
  double middle = (boost_value((double)l.g, (double)l.h, rules, node->low, node->high) +
                   boost_value((double)r.g, (double)r.h, rules, node->low, node->high)) /
                  2;
  *(slope > 0 ? &left->high : &left->low) = middle;
  *(slope > 0 ? &right->low : &right->high) = middle;
}

/* ---- expanding ---- */

/* Can a node be worth a search? */
static bool is_open(const BoostGrower *g, const Item *item) {
  BoostSums sum = boost_unpack(&g->layout, item->node.sum);
  return item->depth < g->limits.max_depth && g->splits + 1 < g->max_splits &&
         (double)sum.h >= 2 * g->rules->least_h && (double)sum.n >= 2 * g->rules->least_n;
}

/* Records of a node below the root. Its children's are at the same place of the other buffer, and
 * theirs where its own were. */
static uint8_t *records_of(const BoostGrower *g, const Item *item) {
  return g->record[item->depth % 2] + item->begin * boost_record_size(g->d, g->layout.words);
}

/* Rows of the node into records of its children. Returns the number on the left. */
static int64_t split_rows(const BoostGrower *g, const Item *node, const Item *left) {
  const int words = g->layout.words;
  if (node->depth == 0) {
    return boost_partition_root(&g->rows, g->sample, words, &node->split, records_of(g, left));
  }
  return boost_partition(&g->rows, words, &node->split, records_of(g, node),
                         node->end - node->begin, records_of(g, left));
}

static void add_children(BoostGrower *g, Expansion *e) {
  Item *parent = &g->item[e->item];
  int32_t first = (int32_t)g->n_items;
  g->n_items += 2;
  Item *left = &g->item[first], *right = left + 1;
  *left = *right = (Item){.depth = parent->depth + 1,
                          .left = -1,
                          .slot = -1,
                          .begin = parent->begin,
                          .end = parent->end,
                          .turned = parent->turned,
                          .gain = -1};
  boost_children(&g->layout, g->rules, &parent->node, &parent->split, &left->node, &right->node);
  left->end = right->begin = parent->begin + split_rows(g, parent, left);
  right->turned = !parent->turned;
  parent->left = first;
}

/* Split the rows of the batch's nodes. Which child has fewer rows over all ranks is asked only
 * where the sums do not tell. Collective. */
static void expand_rows_all(BoostGrower *g) {
  for (int64_t b = 0; b < g->n_batch; b++) {
    add_children(g, &g->batch[b]);
    const Item *left = &g->item[g->item[g->batch[b].item].left];
    g->counts[b] = left->end - left->begin;
  }
  bool told = g->layout.words > 1 || g->layout.h_bits == 0;
  if (!told) comm_sum_all(g->comm, g->counts, g->n_batch);
  for (int64_t b = 0; b < g->n_batch; b++) {
    const Item *parent = &g->item[g->batch[b].item];
    Item *child = &g->item[parent->left];
    child[0].rows = told ? boost_unpack(&g->layout, child[0].node.sum).n : g->counts[b];
    child[1].rows = parent->rows - child[0].rows;
  }
}

/* Decide what is searched and built: where the parent's histogram is kept the child with fewer
 * rows (ties: left), else what is searched. */
static void plan_batch(BoostGrower *g) {
  g->n_built = 0;
  for (int64_t b = 0; b < g->n_batch; b++) {
    Expansion *e = &g->batch[b];
    Item *parent = &g->item[e->item], *child = &g->item[parent->left];
    bool any = false;
    for (int side = 0; side < 2; side++) any |= e->searched[side] = is_open(g, &child[side]);
    int small = child[1].rows < child[0].rows;
    bool kept = parent->slot >= 0;
    for (int side = 0; side < 2; side++) {
      bool build = kept ? any && side == small : e->searched[side];
      e->built[side] = build ? (int32_t)g->n_built++ : -1;
      e->direct[side] = g->comm->size == 1 || (g->nodes == 1 && child[side].rows <= g->few);
    }
  }
}

static void build_one(BoostGrower *g, const Expansion *e) {
  for (int side = 0; side < 2; side++) {
    if (e->built[side] < 0) continue;
    const Item *child = &g->item[g->item[e->item].left + side];
    const int64_t n = child->end - child->begin;
    if (e->direct[side]) {
      boost_join_put(g, e->built[side], records_of(g, child), n);
      continue;
    }
    uint64_t *histogram = boost_window_at(g, e->built[side]);
    memset(histogram, 0, (size_t)g->histogram_words * sizeof *histogram);
    boost_histogram(&g->rows, g->sample, g->layout.words, 0, g->sample->n_features,
                    records_of(g, child), n, histogram);
  }
}

static uint64_t *slot_at(const BoostGrower *g, int64_t slot, int64_t position) {
  return g->slots + slot * g->slot_words + position * BINS_CODES * g->layout.words;
}

static void subtract_feature(const BoostGrower *g, const uint64_t *small, int64_t n,
                             uint64_t *parent) {
  const int64_t missing = BINS_MISSING * g->layout.words;
  for (int64_t k = 0; k < n; k++) parent[k] -= small[k];
  for (int w = 0; w < g->layout.words; w++) parent[missing + w] -= small[missing + w];
}

/* Where the histograms of both children go: the parent's slot passes to the larger one. */
static void choose_slots(BoostGrower *g, const Expansion *e, int64_t slot[2]) {
  Item *parent = &g->item[e->item], *child = &g->item[parent->left];
  bool by_difference = parent->slot >= 0;
  for (int side = 0; side < 2; side++) {
    slot[side] = g->n_slots + side;
    if (by_difference && e->built[side] < 0) {
      slot[side] = child[side].slot = parent->slot;
      parent->slot = -1;
    } else if (e->searched[side] && g->n_open > 0) {
      slot[side] = child[side].slot = g->open_slot[--g->n_open];
    }
  }
}

/* Join, subtract and search this rank's features of both children. */
static void search_one(BoostGrower *g, const Expansion *e, BoostSplit found[2]) {
  const Item *child = &g->item[g->item[e->item].left];
  int64_t slot[2], begin = boost_share_begin(g), end = boost_share_end(g);
  int64_t best_position[2] = {0};
  bool by_difference = g->item[e->item].slot >= 0;
  if (!e->searched[0] && !e->searched[1]) return;
  choose_slots(g, e, slot);
  for (int side = 0; side < 2; side++) {
    if (e->built[side] < 0 || !e->direct[side]) continue;
    boost_join_rows(g, e->built[side], records_of(g, &child[side]),
                    child[side].end - child[side].begin, slot_at(g, slot[side], 0));
  }
  for (int64_t p = begin; p < end; p++) {
    int32_t feature = g->sample->feature[p], bins = bins_of(g->rows.bins, feature);
    int64_t n = (int64_t)bins * g->layout.words;
    uint64_t *sums[2] = {slot_at(g, slot[0], p - begin), slot_at(g, slot[1], p - begin)};
    for (int side = 0; side < 2; side++) {
      if (e->built[side] >= 0 && !e->direct[side])
        boost_join_feature(g, e->built[side], p, n, sums[side]);
    }
    if (by_difference) {
      int small = e->built[1] >= 0;
      subtract_feature(g, sums[small], n, sums[!small]);
    }
    for (int side = 0; side < 2; side++) {
      if (!e->searched[side]) continue;
      boost_split_feature(&g->layout, g->rules, &child[side].node, sums[side], bins, feature,
                          &found[side]);
      if (found[side].feature == feature) best_position[side] = p - begin;
    }
  }
  for (int side = 0; side < 2; side++) {
    if (found[side].gain < 0) continue;
    boost_split_settle(&g->layout, &child[side].node, slot_at(g, slot[side], best_position[side]),
                       bins_of(g->rows.bins, found[side].feature), &found[side]);
  }
}

static void install_split(BoostGrower *g, Item *item, const BoostSplit *split) {
  item->split = *split;
  item->gain = boost_net_gain(&g->layout, g->rules, &item->node, split);
  if (item->gain < 0) release_slot(g, item);
}

/* The best of all ranks' splits. Collective. */
static void agree_splits_all(BoostGrower *g) {
  int64_t n = 2 * g->n_batch;
  const BoostSplit *all = g->found;
  if (g->comm->size > 1) {
    comm_allgather_all(g->comm, g->found, (size_t)n * sizeof *g->found, g->all);
    all = g->all;
  }
  for (int64_t b = 0; b < g->n_batch; b++) {
    Item *parent = &g->item[g->batch[b].item];
    release_slot(g, parent);
    for (int side = 0; side < 2; side++) {
      BoostSplit best = all[2 * b + side];
      for (int rank = 1; rank < g->comm->size; rank++) {
        const BoostSplit *other = &all[rank * n + 2 * b + side];
        if (boost_split_better(other, &best)) best = *other;
      }
      install_split(g, &g->item[parent->left + side], &best);
    }
  }
}

static const BoostSplit no_split = {.gain = -1, .feature = -1};

/* Histograms of the batch that are built for expansions before b. */
static int64_t built_before(const BoostGrower *g, int64_t b) {
  int64_t n = 0;
  for (int64_t a = 0; a < b; a++) n += (g->batch[a].built[0] >= 0) + (g->batch[a].built[1] >= 0);
  return n;
}

/* Between nodes, what the first half of a batch needs is on its way while the other is built. */
static void build_and_search_all(BoostGrower *g) {
  int64_t middle = g->nodes > 1 ? g->n_batch / 2 : 0, built = built_before(g, middle);
  for (int64_t b = 0; b < middle; b++) build_one(g, &g->batch[b]);
  boost_join_begin_all(g, 0, 0, built);
  for (int64_t b = middle; b < g->n_batch; b++) {
    build_one(g, &g->batch[b]);
    boost_join_push(g, 0);
  }
  boost_join_begin_all(g, 1, built, g->n_built);
  boost_join_end_all(g, 0, 0, built);
  for (int64_t b = 0; b < middle; b++) {
    search_one(g, &g->batch[b], &g->found[2 * b]);
    boost_join_push(g, 1);
  }
  boost_join_end_all(g, 1, built, g->n_built);
  for (int64_t b = middle; b < g->n_batch; b++) search_one(g, &g->batch[b], &g->found[2 * b]);
}

static void expand_batch_all(BoostGrower *g) {
  expand_rows_all(g);
  plan_batch(g);
  for (int64_t i = 0; i < 2 * g->n_batch; i++) g->found[i] = no_split;
  if (g->comm->size > 1) {
    build_and_search_all(g);
  } else {
    for (int64_t b = 0; b < g->n_batch; b++) {
      build_one(g, &g->batch[b]);
      search_one(g, &g->batch[b], &g->found[2 * b]);
    }
  }
  agree_splits_all(g);
}

/* ---- the tree ---- */

/* The root: sums over all ranks, histogram and best split. */
static void begin_tree_all(BoostGrower *g) {
  int64_t sums[3] = {0};
  const BoostSample *s = g->sample;
  for (int64_t i = 0; i < s->n; i++) {
    const uint64_t *word = s->packed + (int64_t)s->row[i] * g->layout.words;
    for (int w = 0; w < g->layout.words; w++) sums[w] = (int64_t)((uint64_t)sums[w] + word[w]);
  }
  sums[2] = s->n;
  comm_sum_all(g->comm, sums, 3);
  g->n_items = 1;
  g->n_heap = g->splits = g->orders = g->n_open = 0;
  for (int64_t i = 0; i < g->n_slots; i++)
    g->open_slot[g->n_open++] = (int32_t)(g->n_slots - 1 - i);
  Item *root = &g->item[0];
  *root = (Item){.end = s->n, .rows = sums[2], .left = -1, .slot = -1, .gain = -1};
  root->node = boost_root();
  for (int w = 0; w < 2; w++) root->node.sum[w] = (uint64_t)sums[w];
}

static void search_root_all(BoostGrower *g) {
  Item *root = &g->item[0];
  BoostSplit best = no_split;
  int64_t begin = boost_share_begin(g), end = boost_share_end(g), at = 0;
  root->slot = g->open_slot[--g->n_open];
  const bool alone = g->comm->size == 1;
  boost_histogram_root(&g->rows, g->sample, g->layout.words,
                       alone ? slot_at(g, root->slot, 0) : boost_window_at(g, 0));
  boost_join_begin_all(g, 0, 0, 1);
  boost_join_end_all(g, 0, 0, 1);
  for (int64_t p = begin; p < end; p++) {
    int32_t feature = g->sample->feature[p], bins = bins_of(g->rows.bins, feature);
    uint64_t *sums = slot_at(g, root->slot, p - begin);
    if (!alone) boost_join_feature(g, 0, p, (int64_t)bins * g->layout.words, sums);
    boost_split_feature(&g->layout, g->rules, &root->node, sums, bins, feature, &best);
    if (best.feature == feature) at = p - begin;
  }
  if (best.gain >= 0) {
    boost_split_settle(&g->layout, &root->node, slot_at(g, root->slot, at),
                       bins_of(g->rows.bins, best.feature), &best);
  }
  comm_allgather_all(g->comm, &best, sizeof best, g->all);
  for (int rank = 0; rank < g->comm->size; rank++) {
    if (boost_split_better(&g->all[rank], &best)) best = g->all[rank];
  }
  install_split(g, root, &best);
  if (root->gain >= 0) boost_order_add(g, 0);
}

/* Rows of all leaves. A node that was split in vain has its rows in those that came of it. */
static void name_rows(BoostGrower *g) {
  for (int64_t i = 0; i < g->n_items; i++) {
    const Item *item = &g->item[i];
    int64_t n = item->end - item->begin;
    if (item->left >= 0 || n == 0) continue;
    if (item->depth == 0) {
      memcpy(g->row, g->sample->row, (size_t)n * sizeof *g->row);
    } else {
      boost_records_rows(&g->rows, g->layout.words, records_of(g, item), n, item->turned,
                         g->row + item->begin);
    }
  }
}

static void add_leaf(BoostGrower *g, const Item *item, BoostTree *out) {
  out->leaf[out->n_leaves++] = (BoostLeaf){.begin = item->begin,
                                           .end = item->end,
                                           .node = out->n_nodes,
                                           .sum = boost_unpack(&g->layout, item->node.sum),
                                           .low = item->node.low,
                                           .high = item->node.high};
  out->node[out->n_nodes++] = node_leaf(0);
}

static void write_split(const BoostSplit *split, BoostTree *out) {
  bool is_set = split->bin == BOOST_SET;
  out->node[out->n_nodes++] =
      is_set ? node_split_set(split->feature)
             : node_split(split->feature, split->bin, split->missing_left != 0);
  for (int w = 0; is_set && w < NODE_SET_WORDS; w++) out->node[out->n_nodes++] = split->set[w];
}

/* The kept splits in preorder. */
static void write_tree(BoostGrower *g, BoostTree *out) {
  *out = (BoostTree){.node = g->node, .leaf = g->leaf, .row = g->row, .gain = g->gain};
  memset(g->gain, 0, (size_t)g->d * sizeof *g->gain);
  int64_t height = 0;
  g->stack[height] = 0;
  g->stack_parent[height++] = -1;
  while (height > 0) {
    const Item *item = &g->item[g->stack[--height]];
    int64_t parent = g->stack_parent[height];
    if (parent >= 0) out->node[parent] += out->n_nodes - parent; /* a right child: its distance */
    if (!item->kept) {
      add_leaf(g, item, out);
      continue;
    }
    const BoostSplit *split = &item->split;
    g->gain[split->feature] += item->gain;
    g->stack[height] = item->left + 1;
    g->stack_parent[height++] = out->n_nodes;
    g->stack[height] = item->left;
    g->stack_parent[height++] = -1;
    write_split(split, out);
  }
}

void boost_grow_all(BoostGrower *g, const BoostSample *sample, const BoostRules *rules,
                    BoostTree *out) {
  g->sample = sample;
  g->rules = rules;
  boost_share_features(g);
  begin_tree_all(g);
  if (g->max_splits > 0) search_root_all(g);
  for (boost_order_choose(g); g->n_batch > 0; boost_order_choose(g)) expand_batch_all(g);
  name_rows(g);
  write_tree(g, out);
}
