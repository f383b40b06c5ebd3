/* Top and subtrees to one tree; see grow_rows.h. */
#include <string.h>

#include "grow_rows_parts.h"
#include "kernels/base/memory.h"

/* ---- the order of splits with max_leaves ---- */

/* A split that could be made next: of a top node, or the next one of a subtree. */
typedef struct Candidate {
  double decrease;
  int64_t created; /* number of its node in the whole tree */
  int32_t top;     /* the node, or that of the subtree */
} Candidate;

typedef struct Replay {
  RowsGrower *g;
  const Grown *all;
  Candidate *heap;
  int64_t n_heap, capacity, n_created;
  int64_t *created; /* per step of all subtrees: its left child's number */
  int64_t *done;    /* per subtree: steps made */
  int64_t *root;    /* per subtree: its root's number */
  bool *split;      /* per top node */
} Replay;

static void replay_clear(Replay *r) {
  memory_free(&r->heap);
  memory_free(&r->created);
  memory_free(&r->done);
  memory_free(&r->root);
  memory_free(&r->split);
}

static bool is_better(const Candidate *a, const Candidate *b) {
  if (a->decrease != b->decrease) return a->decrease > b->decrease;
  return a->created < b->created;
}

static Status push(Replay *r, Candidate own) {
  Status status = OK;
  TRY(RESERVE(&r->heap, &r->capacity, r->n_heap + 1));
  int64_t at = r->n_heap++;
  for (; at > 0 && is_better(&own, &r->heap[(at - 1) / 2]); at = (at - 1) / 2) {
    r->heap[at] = r->heap[(at - 1) / 2];
  }
  r->heap[at] = own;
done:
  return status;
}

static Candidate pop(Replay *r) {
  Candidate best = r->heap[0], last = r->heap[--r->n_heap];
  int64_t at = 0, child = 1;
  for (; child < r->n_heap; at = child, child = 2 * at + 1) {
    if (child + 1 < r->n_heap && is_better(&r->heap[child + 1], &r->heap[child])) child++;
    if (!is_better(&r->heap[child], &last)) break;
    r->heap[at] = r->heap[child];
  }
  r->heap[at] = last;
  return best;
}

/* The next split of a subtree, if it has one. */
static Status push_step(Replay *r, int32_t top) {
  int32_t k = r->g->top[top].left;
  const Subtree *subtree = &r->g->subtree[k];
  if (r->done[k] >= subtree->n_steps) return OK;
  const GrowStep *step = &r->all->step[subtree->step_at + r->done[k]];
  int64_t created = r->root[k];
  if (step->node > 0) {
    created = r->created[subtree->step_at + (step->node - 1) / 2] + (step->node - 1) % 2;
  }
  return push(r, (Candidate){step->decrease, created, top});
}

/* A node of the top has come to be. */
static Status push_node(Replay *r, int32_t top, int64_t created) {
  const TopNode *node = &r->g->top[top];
  if (node->kind == TOP_INNER) return push(r, (Candidate){node->decrease, created, top});
  if (node->kind != TOP_SUBTREE) return OK;
  r->root[node->left] = created;
  r->g->subtree[node->left].max_leaves = 1;
  return push_step(r, top);
}

static Status make_split(Replay *r, const Candidate *own) {
  Status status = OK;
  const TopNode *node = &r->g->top[own->top];
  int64_t left = r->n_created;
  r->n_created += 2;
  if (node->kind == TOP_INNER) {
    r->split[own->top] = true;
    TRY(push_node(r, node->left, left));
    TRY(push_node(r, node->left + 1, left + 1));
  } else {
    Subtree *subtree = &r->g->subtree[node->left];
    r->created[subtree->step_at + r->done[node->left]++] = left;
    subtree->max_leaves++;
    TRY(push_step(r, own->top));
  }
done:
  return status;
}

Status rows_replay(RowsGrower *g, const Grown *all) {
  Status status = OK;
  Replay r = {.g = g, .all = all, .n_created = 1};
  int64_t steps = 0;
  for (int64_t k = 0; k < g->n_subtrees; k++) {
    steps += g->subtree[k].n_steps;
    g->subtree[k].max_leaves = 0;
  }
  TRY(NEW(&r.created, steps));
  TRY(NEW(&r.done, g->n_subtrees));
  TRY(NEW(&r.root, g->n_subtrees));
  TRY(NEW(&r.split, g->n_top));
  TRY(push_node(&r, 0, 0));
  for (int64_t leaves = 1; r.n_heap > 0 && leaves < g->s.options.max_leaves; leaves++) {
    Candidate best = pop(&r);
    TRY(make_split(&r, &best));
  }
  for (int64_t i = 0; i < g->n_top; i++) {
    if (g->top[i].kind == TOP_INNER && !r.split[i]) g->top[i].kind = TOP_LEAF;
  }
done:
  replay_clear(&r);
  return status;
}

/* ---- leaves of the top ---- */

static Status append_share(RowsGrower *g, int64_t class, int32_t share) {
  Status status = OK;
  int64_t at = g->tree.n_leaf;
  TRY(RESERVE(&g->tree.leaf_class, &g->class_capacity, at + 1));
  TRY(RESERVE(&g->tree.leaf_share, &g->share_capacity, at + 1));
  g->tree.leaf_class[at] = (uint16_t) class;
  g->tree.leaf_share[at] = share;
  g->tree.n_leaf++;
done:
  return status;
}

/* Word of a leaf whose rows have several classes, and its part of the leaf table. Collective. */
static Status class_leaf_all(RowsGrower *g, const TopNode *node, int64_t *count, int64_t *word) {
  Status status = OK;
  int64_t n_classes = g->s.rows.n_classes, present = 0;
  memset(count, 0, (size_t)n_classes * sizeof *count);
  for (int64_t i = node->item.begin; i < node->item.end; i++) {
    uint64_t payload = *record_at(&g->s, i);
    count[payload_class(payload)] += payload_count(payload);
  }
  comm_sum_all(g->comm, count, n_classes);
  for (int64_t c = 0; c < n_classes; c++) present += count[c] > 0;
  *word = node_leaf((int32_t)g->tree.n_leaf);
  Status local = append_share(g, present, 0);
  for (int64_t c = 0; c < n_classes && local == OK; c++) {
    if (count[c] > 0) local = append_share(g, c, grow_leaf_share(count[c], node->item.weight));
  }
  AGREE(g->comm, local);
done:
  return status;
}

static Status leaf_word_all(RowsGrower *g, const TopNode *node, int64_t *count, int64_t *word) {
  const Item *item = &node->item;
  if (!g->s.classes) {
    *word = node_leaf(grow_leaf_level(item->sum, item->weight, g->s.rows.bits));
    return OK;
  }
  if (node->low < node->high) return class_leaf_all(g, node, count, word);
  *word = node_leaf(-1 - (int32_t)node->low);
  return OK;
}

/* ---- preorder ---- */

/* Words that top nodes take with all that is below. */
static Status measure(const RowsGrower *g, int64_t **out) {
  Status status = OK;
  int64_t *size = NULL;
  TRY(NEW(out, g->n_top));
  size = *out;
  for (int64_t i = g->n_top - 1; i >= 0; i--) {
    const TopNode *node = &g->top[i];
    size[i] = 1;
    if (node->kind == TOP_SUBTREE) size[i] = g->subtree[node->left].n_nodes;
    if (node->kind == TOP_INNER) {
      size[i] = node_words(node->word) + size[node->left] + size[node->left + 1];
    }
  }
done:
  return status;
}

static void append_word(RowsGrower *g, int64_t word, int64_t weight, bool cover) {
  g->tree.node[g->tree.n_nodes] = word;
  if (cover) g->tree.cover[g->tree.n_nodes] = (int32_t)weight;
  g->tree.n_nodes++;
}

/* Copy a subtree; its leaf table moves to where the tree's ends. */
static Status append_subtree(RowsGrower *g, const Subtree *subtree, const Grown *all, bool cover) {
  Status status = OK;
  GrownTree *t = &g->tree;
  int64_t n = subtree->n_nodes, n_leaf = subtree->n_leaf, table = t->n_leaf + n_leaf;
  int64_t *node = t->node + t->n_nodes;
  memcpy(node, all->node + subtree->node_at, (size_t)n * sizeof *node);
  if (cover) {
    memcpy(t->cover + t->n_nodes, all->cover + subtree->node_at, (size_t)n * sizeof *t->cover);
  }
  t->n_nodes += n;
  if (n_leaf == 0) return OK;
  TRY(RESERVE(&t->leaf_class, &g->class_capacity, table));
  TRY(RESERVE(&t->leaf_share, &g->share_capacity, table));
  memcpy(t->leaf_class + t->n_leaf, all->leaf_class + subtree->leaf_at,
         (size_t)n_leaf * sizeof *t->leaf_class);
  memcpy(t->leaf_share + t->n_leaf, all->leaf_share + subtree->leaf_at,
         (size_t)n_leaf * sizeof *t->leaf_share);
  for (int64_t i = 0; i < n; i += node_words(node[i])) {
    if (!node_is_leaf(node[i]) || node_low(node[i]) < 0) continue;
    node[i] = node_leaf((int32_t)(node_low(node[i]) + t->n_leaf));
  }
  t->n_leaf = table;
done:
  return status;
}

/* Append all nodes; waiting has room for n_top numbers. Collective. */
static Status append_nodes_all(RowsGrower *g, const Grown *all, bool cover, const int64_t *size,
                               int32_t *waiting, int64_t *count) {
  Status status = OK;
  Status local = OK;
  int64_t n_waiting = 0;
  waiting[n_waiting++] = 0;
  while (n_waiting > 0) {
    const TopNode *node = &g->top[waiting[--n_waiting]];
    if (node->kind == TOP_SUBTREE) {
      if (local == OK) local = append_subtree(g, &g->subtree[node->left], all, cover);
    } else if (node->kind == TOP_LEAF) {
      int64_t word = 0;
      TRY(leaf_word_all(g, node, count, &word));
      append_word(g, word, node->item.weight, cover);
    } else {
      int64_t words = node_words(node->word);
      append_word(g, node->word | (words + size[node->left]), node->item.weight, cover);
      for (int64_t w = 1; w < words; w++) append_word(g, node->set[w - 1], 0, cover);
      waiting[n_waiting++] = node->left + 1;
      waiting[n_waiting++] = node->left;
    }
  }
  AGREE(g->comm, local);
done:
  return status;
}

Status rows_join_all(RowsGrower *g, const Grown *all, bool cover) {
  Status status = OK;
  int64_t *size = NULL, *count = NULL;
  int32_t *waiting = NULL;
  g->tree.n_nodes = g->tree.n_leaf = 0;
  Status local = measure(g, &size);
  if (local == OK) local = NEW(&waiting, g->n_top + 1);
  if (local == OK) local = NEW(&count, g->s.classes ? g->s.rows.n_classes : 0);
  if (local == OK) local = RESERVE(&g->tree.node, &g->node_capacity, size[0]);
  if (local == OK && cover) local = RESERVE(&g->tree.cover, &g->cover_capacity, size[0]);
  AGREE(g->comm, local);
  TRY(append_nodes_all(g, all, cover, size, waiting, count));
done:
  memory_free(&size);
  memory_free(&waiting);
  memory_free(&count);
  return status;
}
