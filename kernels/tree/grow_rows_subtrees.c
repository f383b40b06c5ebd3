/* The bottom of a tree: nodes of few rows go to one rank each, which grows what is below; see
 * grow_rows.h. */
#include <stdlib.h>
#include <string.h>

#include "grow_rows_parts.h"
#include "kernels/base/memory.h"

/* ---- records ---- */

static bool on_one_node_all(const Comm *comm) {
  Comm node;
  comm_split_node_all(comm, &node);
  bool apart = node.size < comm->size;
  comm_clear_all(&node);
  return !comm_any_all(comm, apart);
}

/* Records of all ranks side by side, if there is room for that. */
static Status share_records_all(RowsGrower *g, int64_t words) {
  Status status = OK;
  int64_t total = 0, line = 8; /* words */
  AGREE(g->comm, NEW(&g->first, g->comm->size));
  words = (words + line - 1) / line * line;
  comm_allgather_all(g->comm, &words, sizeof words, g->first);
  for (int r = 0; r < g->comm->size; r++) {
    int64_t own = g->first[r];
    g->first[r] = total;
    total += own;
  }
  TRY(comm_shared_new_all(g->comm, (size_t)total * sizeof(uint64_t), &g->shared));
  if (comm_any_all(g->comm, !g->shared.window)) {
    comm_shared_clear_all(&g->shared);
    memory_free(&g->first);
  } else {
    g->s.record = (uint64_t *)g->shared.data + g->first[g->comm->rank];
  }
done:
  return status;
}

Status rows_records_init_all(RowsGrower *g) {
  Status status = OK;
  int64_t words = (g->s.rows.n + 1) * g->s.words;
  if (g->comm->size > 1 && on_one_node_all(g->comm)) TRY(share_records_all(g, words));
  AGREE(g->comm, g->first ? OK : NEW_RAW(&g->s.record, words));
done:
  return status;
}

void rows_records_clear_all(RowsGrower *g) {
  if (g->shared.data) {
    comm_shared_clear_all(&g->shared);
    g->s.record = NULL;
  }
  memory_free(&g->s.record);
  memory_free(&g->first);
}

static const uint64_t *records_of(const RowsGrower *g, int rank) {
  return g->first ? (const uint64_t *)g->shared.data + g->first[rank] : g->s.record;
}

void received_clear(Received *received) {
  memory_free(&received->span);
  memory_free(&received->records);
  memory_free(&received->counts);
  memory_free(&received->at);
}

void grown_clear(Grown *grown) {
  memory_free(&grown->node);
  memory_free(&grown->cover);
  memory_free(&grown->leaf_class);
  memory_free(&grown->leaf_share);
  memory_free(&grown->step);
  *grown = (Grown){0};
}

/* ---- who grows what ---- */

typedef struct Load {
  int64_t rows;
  int32_t number;
} Load;

static int more_rows(const void *a, const void *b) {
  const Load *x = a, *y = b;
  if (x->rows != y->rows) return x->rows > y->rows ? -1 : 1;
  return (x->number > y->number) - (x->number < y->number);
}

static bool less_loaded(const Load *a, const Load *b) {
  return a->rows < b->rows || (a->rows == b->rows && a->number < b->number);
}

/* Put the first of a heap of n ranks where it belongs after its load has grown. */
static void sift_down(Load *heap, int64_t n) {
  Load own = heap[0];
  int64_t at = 0, child = 1;
  for (; child < n; at = child, child = 2 * at + 1) {
    if (child + 1 < n && less_loaded(&heap[child + 1], &heap[child])) child++;
    if (!less_loaded(&heap[child], &own)) break;
    heap[at] = heap[child];
  }
  heap[at] = own;
}

/* The largest first, to the rank that has least so far; ties to the lower one. */
static Status deal_subtrees(RowsGrower *g) {
  Status status = OK;
  Load *order = NULL, *heap = NULL;
  int64_t size = g->comm->size;
  TRY(NEW(&order, g->n_subtrees));
  TRY(NEW(&heap, size));
  for (int32_t r = 0; r < size; r++) heap[r].number = r;
  for (int32_t k = 0; k < g->n_subtrees; k++) {
    order[k] = (Load){g->top[g->subtree[k].node].rows, k};
  }
  if (g->n_subtrees > 0) qsort(order, (size_t)g->n_subtrees, sizeof *order, more_rows);
  for (int64_t k = 0; k < g->n_subtrees; k++) {
    g->subtree[order[k].number].owner = heap[0].number;
    heap[0].rows += order[k].rows;
    sift_down(heap, size);
  }
done:
  memory_free(&order);
  memory_free(&heap);
  return status;
}

/* ---- sending ---- */

/* This rank's records of subtrees, by owner and number: how many, and of each owner all. */
typedef struct Sending {
  int64_t *of_subtree, *subtrees_of, *records_of;
  uint64_t *records;
} Sending;

static void sending_clear(Sending *send) {
  memory_free(&send->of_subtree);
  memory_free(&send->subtrees_of);
  memory_free(&send->records_of);
  memory_free(&send->records);
}

static Status pack_records(const RowsGrower *g, Sending *send) {
  Status status = OK;
  int64_t size = g->comm->size, total = 0, *at = NULL, *number = NULL;
  TRY(NEW(&at, size));
  TRY(NEW(&number, size));
  TRY(NEW(&send->of_subtree, g->n_subtrees));
  TRY(NEW(&send->subtrees_of, size));
  TRY(NEW(&send->records_of, size));
  for (int64_t k = 0; k < g->n_subtrees; k++) {
    const Item *item = &g->top[g->subtree[k].node].item;
    send->subtrees_of[g->subtree[k].owner]++;
    send->records_of[g->subtree[k].owner] += item->end - item->begin;
    total += item->end - item->begin;
  }
  for (int64_t r = 1; r < size; r++) {
    at[r] = at[r - 1] + send->records_of[r - 1];
    number[r] = number[r - 1] + send->subtrees_of[r - 1];
  }
  TRY(NEW_RAW(&send->records, total * g->s.words));
  for (int64_t k = 0; k < g->n_subtrees; k++) {
    const Item *item = &g->top[g->subtree[k].node].item;
    int owner = g->subtree[k].owner;
    int64_t n = item->end - item->begin;
    send->of_subtree[number[owner]++] = n;
    if (n > 0) {
      memcpy(send->records + at[owner] * g->s.words, record_at(&g->s, item->begin),
             (size_t)(n * g->s.words) * sizeof(uint64_t));
    }
    at[owner] += n;
  }
done:
  memory_free(&at);
  memory_free(&number);
  return status;
}

/* Tell where this rank's records of subtrees are. */
static Status tell_spans_all(RowsGrower *g, Received *received) {
  Status status = OK;
  int64_t n = g->n_subtrees, *own = NULL;
  Status local = NEW(&own, 2 * n);
  if (local == OK) local = NEW(&received->span, 2 * n * g->comm->size);
  AGREE(g->comm, local);
  for (int64_t k = 0; k < n; k++) {
    const Item *item = &g->top[g->subtree[k].node].item;
    own[2 * k] = item->begin;
    own[2 * k + 1] = item->end - item->begin;
  }
  comm_allgather_all(g->comm, own, (size_t)(2 * n) * sizeof *own, received->span);
  if (g->first) comm_shared_publish_all(g->comm, &g->shared);
done:
  memory_free(&own);
  return status;
}

Status rows_send_all(RowsGrower *g, Received *received) {
  Status status = OK;
  Sending send = {0};
  int64_t *got = NULL, size = g->comm->size;
  AGREE(g->comm, deal_subtrees(g));
  if (size == 1 || g->first) {
    TRY(tell_spans_all(g, received));
    goto done;
  }
  Status local = pack_records(g, &send);
  if (local == OK) local = NEW(&got, size);
  if (local == OK) local = NEW(&received->at, size);
  AGREE(g->comm, local);
  TRY(comm_exchange_all(g->comm, send.of_subtree, send.subtrees_of, sizeof *send.of_subtree,
                        (void **)&received->counts, got));
  TRY(comm_exchange_all(g->comm, send.records, send.records_of,
                        (size_t)g->s.words * sizeof(uint64_t), (void **)&received->records, got));
  for (int64_t r = 1; r < size; r++) received->at[r] = received->at[r - 1] + got[r - 1];
done:
  sending_clear(&send);
  memory_free(&got);
  return status;
}

/* ---- growing ---- */

/* A grower for so many rows. */
static Status reserve_grower(RowsGrower *g, int64_t n) {
  Status status = OK;
  if (g->grower && g->grower_rows >= n) return OK;
  grow_free(&g->grower);
  GrowRows rows = g->s.rows;
  rows.n = g->grower_rows = n + n / 4;
  TRY(grow_new(&rows, &g->s.options, &g->grower));
done:
  return status;
}

static Status append_tree(Grown *out, const GrownTree *tree, bool cover) {
  Status status = OK;
  int64_t nodes = out->n_nodes + tree->n_nodes, leaves = out->n_leaf + tree->n_leaf;
  TRY(RESERVE(&out->node, &out->node_capacity, nodes));
  if (cover) TRY(RESERVE(&out->cover, &out->cover_capacity, nodes));
  TRY(RESERVE(&out->leaf_class, &out->class_capacity, leaves));
  TRY(RESERVE(&out->leaf_share, &out->share_capacity, leaves));
  TRY(RESERVE(&out->step, &out->step_capacity, out->n_steps + tree->n_steps));
  size_t n = (size_t)tree->n_nodes, n_leaf = (size_t)tree->n_leaf, n_steps = (size_t)tree->n_steps;
  memcpy(out->node + out->n_nodes, tree->node, n * sizeof *tree->node);
  if (cover) memcpy(out->cover + out->n_nodes, tree->cover, n * sizeof *tree->cover);
  if (n_leaf > 0) {
    memcpy(out->leaf_class + out->n_leaf, tree->leaf_class, n_leaf * sizeof *tree->leaf_class);
    memcpy(out->leaf_share + out->n_leaf, tree->leaf_share, n_leaf * sizeof *tree->leaf_share);
  }
  if (n_steps > 0) memcpy(out->step + out->n_steps, tree->step, n_steps * sizeof *tree->step);
  out->n_nodes = nodes;
  out->n_leaf = leaves;
  out->n_steps += tree->n_steps;
done:
  return status;
}

/* Bring the records of subtree k, this rank's m-th of n_own, together; returns their number.
 * at: next records of each sender */
static int64_t gather_records(const RowsGrower *g, const Received *received, int64_t k, int64_t m,
                              int64_t n_own, int64_t *at, uint64_t *records) {
  int64_t n = 0, words = g->s.words;
  for (int r = 0; r < g->comm->size; r++) {
    const int64_t *span = received->span ? received->span + 2 * (r * g->n_subtrees + k) : NULL;
    const uint64_t *from =
        span ? records_of(g, r) + span[0] * words : received->records + at[r] * words;
    int64_t here = span ? span[1] : received->counts[r * n_own + m];
    if (here > 0 && records) {
      memcpy(records + n * words, from, (size_t)(here * words) * sizeof *records);
    }
    n += here;
    at[r] += here;
  }
  return n;
}

static int64_t count_own(const RowsGrower *g) {
  int64_t n = 0;
  for (int64_t k = 0; k < g->n_subtrees; k++) n += g->subtree[k].owner == g->comm->rank;
  return n;
}

/* Grow this rank's subtrees. */
static Status grow_own(RowsGrower *g, const Received *received, const Stream *nodes, bool cover,
                       Grown *own) {
  Status status = OK;
  int64_t n_own = count_own(g), m = 0, most = 0, size = g->comm->size, *at = NULL;
  GrownTree tree;
  TRY(NEW(&at, size));
  if (received->at) memcpy(at, received->at, (size_t)size * sizeof *at);
  for (int64_t k = 0; k < g->n_subtrees; k++) {
    int64_t rows = g->top[g->subtree[k].node].rows;
    if (g->subtree[k].owner == g->comm->rank && rows > most) most = rows;
  }
  if (n_own > 0) TRY(reserve_grower(g, most));
  memset(g->importance, 0, (size_t)g->s.d * sizeof *g->importance);
  for (int64_t k = 0; k < g->n_subtrees; k++) {
    Subtree *subtree = &g->subtree[k];
    const TopNode *node = &g->top[subtree->node];
    subtree->n_nodes = subtree->n_leaf = subtree->n_steps = 0;
    if (subtree->owner != g->comm->rank) continue;
    bool wanted = g->s.options.max_leaves == 0 || subtree->max_leaves > 0;
    int64_t n =
        gather_records(g, received, k, m++, n_own, at, wanted ? grow_records(g->grower) : NULL);
    if (!wanted) continue;
    GrowRoot root = {.n = n,
                     .weight = node->item.weight,
                     .sum = node->item.sum,
                     .depth = node->item.depth,
                     .path = node->item.path,
                     .root_impurity = g->root_impurity,
                     .least_decrease = g->least_decrease,
                     .max_leaves = subtree->max_leaves};
    grow_subtree(g->grower, &root, nodes, &tree);
    TRY(append_tree(own, &tree, cover));
    subtree->n_nodes = tree.n_nodes;
    subtree->n_leaf = tree.n_leaf;
    subtree->n_steps = tree.n_steps;
    for (int64_t j = 0; j < g->s.d; j++) g->importance[j] += tree.importance[j];
  }
done:
  memory_free(&at);
  return status;
}

/* Sizes of all subtrees, and where they stand. Collective. */
static Status place_subtrees_all(RowsGrower *g) {
  Status status = OK;
  int64_t n = g->n_subtrees, *sizes = NULL;
  int64_t at[3] = {0};
  AGREE(g->comm, NEW(&sizes, 3 * n));
  for (int64_t k = 0; k < n; k++) {
    sizes[3 * k] = g->subtree[k].n_nodes;
    sizes[3 * k + 1] = g->subtree[k].n_leaf;
    sizes[3 * k + 2] = g->subtree[k].n_steps;
  }
  comm_sum_all(g->comm, sizes, 3 * n);
  for (int r = 0; r < g->comm->size; r++) {
    for (int64_t k = 0; k < n; k++) {
      Subtree *subtree = &g->subtree[k];
      if (subtree->owner != r) continue;
      subtree->node_at = at[0];
      subtree->leaf_at = at[1];
      subtree->step_at = at[2];
      at[0] += subtree->n_nodes = sizes[3 * k];
      at[1] += subtree->n_leaf = sizes[3 * k + 1];
      at[2] += subtree->n_steps = sizes[3 * k + 2];
    }
  }
done:
  memory_free(&sizes);
  return status;
}

static Status concatenate_all(const Comm *comm, void *mine, int64_t n, size_t item, void *out) {
  return comm_concatenate_all(comm, mine, (size_t)n * item, (void **)out, NULL);
}

Status rows_grow_all(RowsGrower *g, const Received *received, const Stream *nodes, bool cover,
                     Grown *all) {
  Status status = OK;
  const Comm *comm = g->comm;
  Grown own = {0};
  AGREE(comm, grow_own(g, received, nodes, cover, &own));
  TRY(place_subtrees_all(g));
  if (comm->size == 1) {
    *all = own;
    own = (Grown){0};
    goto done;
  }
  TRY(concatenate_all(comm, own.node, own.n_nodes, sizeof *own.node, &all->node));
  if (cover) TRY(concatenate_all(comm, own.cover, own.n_nodes, sizeof *own.cover, &all->cover));
  if (g->s.classes) {
    TRY(concatenate_all(comm, own.leaf_class, own.n_leaf, sizeof *own.leaf_class,
                        &all->leaf_class));
    TRY(concatenate_all(comm, own.leaf_share, own.n_leaf, sizeof *own.leaf_share,
                        &all->leaf_share));
  }
  if (g->s.options.max_leaves > 0) {
    TRY(concatenate_all(comm, own.step, own.n_steps, sizeof *own.step, &all->step));
  }
done:
  grown_clear(&own);
  return status;
}
