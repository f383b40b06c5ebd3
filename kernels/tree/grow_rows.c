/* Growing over the rows of all ranks: the order of things, and the top of the tree; see
 * grow_rows.h. */
#include "grow_rows.h"

#include <assert.h>
#include <string.h>

#include "grow_rows_parts.h"
#include "kernels/base/memory.h"

/* ---- the sample ---- */

/* The largest weight of a node for which one word holds weight and sum, and 64 bits the products
 * of gains. */
static int64_t packed_weight_max(int bits) { return (INT64_C(1) << (62 - bits) / 2) - 1; }

/* Sum this rank's sums over all ranks. Squares go in pieces of 40 bits. */
static void sum_sample_all(RowsGrower *g, int64_t n, const GrowSums *own) {
  const int64_t mask = (INT64_C(1) << 40) - 1;
  int64_t words[5] = {n, own->weight, own->sum, (int64_t)(own->squares & mask),
                      (int64_t)(own->squares >> 40)};
  comm_sum_all(g->comm, words, 5);
  g->n_rows = words[0];
  g->all = (GrowSums){words[1], words[2], ((__int128)words[4] << 40) + words[3]};
}

/* Sum of squared weights of the classes of the sample. Collective. */
static Status class_squares_all(RowsGrower *g, int64_t n, int64_t *squares) {
  Status status = OK;
  int64_t *count = NULL;
  AGREE(g->comm, NEW(&count, g->s.rows.n_classes));
  for (int64_t i = 0; i < n; i++) {
    uint64_t payload = *record_at(&g->s, i);
    count[payload_class(payload)] += payload_count(payload);
  }
  comm_sum_all(g->comm, count, g->s.rows.n_classes);
  *squares = 0;
  for (int64_t c = 0; c < g->s.rows.n_classes; c++) *squares += count[c] * count[c];
done:
  memory_free(&count);
  return status;
}

/* The least and the largest target of records; INT64_MAX, INT64_MIN without any. */
static void find_targets(const RowsGrower *g, TopNode *node) {
  const Splitter *s = &g->s;
  node->low = INT64_MAX;
  node->high = INT64_MIN;
  for (int64_t i = node->item.begin; i < node->item.end; i++) {
    uint64_t payload = *record_at(s, i);
    int64_t target = s->classes ? (int64_t)payload_class(payload)
                                : (int64_t)((payload & s->low) / (payload >> s->shift));
    node->low = target < node->low ? target : node->low;
    node->high = target > node->high ? target : node->high;
    if (node->low < node->high) return; /* that is all there is to know */
  }
}

/* Facts of new nodes over all ranks. Collective. */
static Status sum_nodes_all(RowsGrower *g, int64_t begin, int64_t end) {
  Status status = OK;
  int64_t n = end - begin, *rows = NULL, *target = NULL;
  Status local = NEW(&rows, n);
  if (local == OK) local = NEW(&target, 2 * n);
  AGREE(g->comm, local);
  for (int64_t k = 0; k < n; k++) {
    TopNode *node = &g->top[begin + k];
    find_targets(g, node);
    rows[k] = node->item.end - node->item.begin;
    target[2 * k] = node->low == INT64_MAX ? INT64_MIN : -node->low;
    target[2 * k + 1] = node->high;
  }
  comm_sum_all(g->comm, rows, n);
  comm_max_all(g->comm, target, 2 * n);
  for (int64_t k = 0; k < n; k++) {
    TopNode *node = &g->top[begin + k];
    node->rows = rows[k];
    node->low = -target[2 * k];
    node->high = target[2 * k + 1];
  }
done:
  memory_free(&rows);
  memory_free(&target);
  return status;
}

/* ---- the top ---- */

/* Look at a node's numbers over all ranks: leaf, subtree or to be searched. */
static Status close_node(RowsGrower *g, int64_t i) {
  Status status = OK;
  TopNode *node = &g->top[i];
  const GrowOptions *o = &g->s.options;
  /* With max_leaves a node so deep is never split: those above it use the leaves up. */
  bool too_deep = o->max_leaves > 0 && node->item.depth >= o->max_leaves - 1;
  if (grow_is_closed(o, node->item.depth, node->item.weight) || node->rows < 2 ||
      node->low == node->high || too_deep) {
    node->kind = TOP_LEAF;
  } else if (node->rows <= g->few && node->item.weight <= packed_weight_max(g->s.rows.bits)) {
    TRY(RESERVE(&g->subtree, &g->subtree_capacity, g->n_subtrees + 1));
    g->subtree[g->n_subtrees] = (Subtree){.node = (int32_t)i, .max_leaves = o->max_leaves};
    node->kind = TOP_SUBTREE;
    node->left = (int32_t)g->n_subtrees++;
  }
done:
  return status;
}

/* Which side rows go that miss the feature, as in grow.c. */
static bool missing_side(const RowsGrower *g, const TopNode *node) {
  const Split *split = &node->split;
  if (split->missing_left) return true;
  if (node->missing || split->bin == bins_of(g->s.rows.bins, split->feature) - 1) return false;
  return 2 * split->weight_left >= node->item.weight;
}

/* Split this rank's records of a node whose split is known, and append its children. */
static void split_top(RowsGrower *g, int64_t i) {
  TopNode *node = &g->top[i];
  const Split *split = &node->split;
  const Item *item = &node->item;
  node->kind = TOP_INNER;
  node->left = (int32_t)g->n_top;
  node->word = split->is_set ? node_split_set(split->feature)
                             : node_split(split->feature, split->bin, missing_side(g, node));
  int64_t middle = grow_partition(&g->s, item->begin, item->end, node->word, node->set);
  for (int side = 0; side < 2; side++) {
    TopNode *child = &g->top[g->n_top++];
    *child = (TopNode){.split = {.gain = -1, .feature = -1}};
    child->item = (Item){.begin = side ? middle : item->begin,
                         .end = side ? item->end : middle,
                         .weight = side ? item->weight - split->weight_left : split->weight_left,
                         .sum = side ? item->sum - split->sum_left : split->sum_left,
                         .depth = item->depth + 1,
                         .path = grow_child_path(item->path, side > 0),
                         .slot = -1};
  }
}

/* Nodes begin .. end - 1, a level, to what they are; appends the next level. Collective. */
static Status grow_level_all(RowsGrower *g, const Stream *nodes, int64_t begin, int64_t end) {
  Status status = OK, local = OK;
  for (int64_t i = begin; i < end && local == OK; i++) local = close_node(g, i);
  AGREE(g->comm, local);
  TRY(rows_search_all(g, nodes, begin, end));
  AGREE(g->comm, RESERVE(&g->top, &g->top_capacity, g->n_top + 2 * (end - begin)));
  for (int64_t i = begin; i < end; i++) {
    TopNode *node = &g->top[i];
    if (node->kind != TOP_OPEN) continue;
    bool found = node->split.feature >= 0 && grow_is_enough(node->decrease, g->least_decrease);
    node->kind = TOP_LEAF;
    if (found) split_top(g, i);
  }
  TRY(sum_nodes_all(g, end, g->n_top));
done:
  return status;
}

static Status grow_top_all(RowsGrower *g, const Stream *nodes, int64_t n) {
  Status status = OK;
  AGREE(g->comm, RESERVE(&g->top, &g->top_capacity, 1));
  g->n_top = 1;
  g->n_subtrees = 0;
  g->top[0] = (TopNode){.split = {.gain = -1, .feature = -1}};
  g->top[0].item = (Item){
      .end = n, .weight = g->all.weight, .sum = g->all.sum, .path = GROW_ROOT_PATH, .slot = -1};
  TRY(sum_nodes_all(g, 0, 1));
  for (int64_t begin = 0; begin < g->n_top;) {
    int64_t end = g->n_top;
    TRY(grow_level_all(g, nodes, begin, end));
    begin = end;
  }
done:
  return status;
}

/* ---- the tree ---- */

static void choose_few(RowsGrower *g) {
  int64_t share = g->n_rows / (8 * (int64_t)g->comm->size);
  g->few = share > GROW_ROWS_FEW ? share : GROW_ROWS_FEW;
  if (g->comm->size == 1) g->few = INT64_MAX; /* nobody to share with */
  if (g->limits.few > 0) g->few = g->limits.few;
}

static void add_top_importance(RowsGrower *g) {
  for (int64_t i = 0; i < g->n_top; i++) {
    const TopNode *node = &g->top[i];
    if (node->kind != TOP_INNER) continue;
    g->tree.importance[node->split.feature] += grow_importance(node->decrease, g->root_impurity);
  }
}

Status grow_rows_tree_all(RowsGrower *g, const int32_t *weight, const Stream *nodes, bool cover,
                          GrownTree *out) {
  Status status = OK;
  Received received = {0};
  Grown all = {0};
  GrowSums own;
  int64_t n = grow_load(&g->s, weight, &own), d = g->s.d;
  sum_sample_all(g, n, &own);
  g->root_impurity = grow_impurity(&g->all);
  if (g->s.classes) {
    int64_t squares = 0;
    TRY(class_squares_all(g, n, &squares));
    g->root_impurity = grow_class_impurity(squares, g->all.weight);
  }
  g->least_decrease = g->s.options.min_decrease * (double)g->all.weight;
  choose_few(g);
  TRY(grow_top_all(g, nodes, n));
  TRY(rows_send_all(g, &received));
  TRY(rows_grow_all(g, &received, nodes, cover, &all));
  if (g->s.options.max_leaves > 0) {
    AGREE(g->comm, rows_replay(g, &all));
    grown_clear(&all);
    TRY(rows_grow_all(g, &received, nodes, cover, &all));
  }
  received_clear(&received);
  memcpy(g->tree.importance, g->importance, (size_t)d * sizeof *g->importance);
  comm_sum_all(g->comm, g->tree.importance, d);
  add_top_importance(g);
  TRY(rows_join_all(g, &all, cover));
  *out = g->tree;
done:
  received_clear(&received);
  grown_clear(&all);
  return status;
}

Status grow_rows_new_all(const Comm *comm, const GrowRows *rows, const GrowOptions *options,
                         const RowsLimits *limits, RowsGrower **out) {
  Status status = OK;
  RowsGrower *g = NULL;
  AGREE(comm, NEW(out, 1));
  g = *out;
  g->comm = comm;
  g->shared.win = MPI_WIN_NULL;
  g->limits = *limits;
  g->weight_max = rows->weight_max;
  GrowRows own = *rows;
  int64_t most = packed_weight_max(rows->bits);
  g->wide = rows->n_classes <= 2 && (limits->wide || rows->weight_max > most);
  if (own.weight_max > most) own.weight_max = most;
  assert(most > UINT16_MAX); /* a row of any weight goes into a packed word */
  Status local = splitter_init(&g->s, &own, options);
  if (local == OK) local = NEW(&g->importance, rows->bins->d);
  if (local == OK) local = NEW(&g->tree.importance, rows->bins->d);
  AGREE(comm, local);
  TRY(rows_records_init_all(g));
  TRY(rows_search_init_all(g));
done:
  return status;
}

void grow_rows_free_all(RowsGrower **grower) {
  RowsGrower *g = *grower;
  if (!g) return;
  rows_search_clear(g);
  splitter_clear(&g->s);
  grow_free(&g->grower);
  rows_records_clear_all(g);
  memory_free(&g->top);
  memory_free(&g->subtree);
  memory_free(&g->importance);
  memory_free(&g->tree.importance);
  memory_free(&g->tree.node);
  memory_free(&g->tree.cover);
  memory_free(&g->tree.leaf_class);
  memory_free(&g->tree.leaf_share);
  memory_free(grower);
}
