/* Many rows down all trees; see walk.h.
 *
 * The root of a tree is a bush. Where it is not all of the tree, the rows of a block are sorted by
 * the exits that they reach, and the rows of an exit go on together down a bush of its own (below
 * it is less than a 256th of the tree: what they load is small and theirs), if they are enough to
 * pay for gathering their codes. The few that are left walk the nodes as they stand. */
#include "walk.h"

#include <string.h>

#include "bush.h"
#include "kernels/base/memory.h"
#include "node.h"

enum {
  WALK_LEAST = 16,        /* rows that are worth a bush */
  WALK_STRIDE_MOST = 64,  /* bytes of a row that is gathered */
  BLOCK_BYTES = 1 << 22,  /* codes of a block */
  BLOCK_VALUES = 1 << 22, /* leaf values of a block, where all trees' are kept */
  SHARE_VALUES = 1 << 17, /* sums of rows that get their shares together */
  FEW = 16,               /* rows that are not worth a block */
  TREES = 64,             /* that such a row walks together */
};

/* An exit of a bush that is not whole. */
typedef struct Exit {
  int32_t bush;  /* its bush in the rows' next step; or one of the two below */
  int32_t place; /* of its node; or the leaf's value */
} Exit;
enum { EXIT_LEAF = -1, EXIT_NODE = -2 };

typedef struct Part {
  int64_t levels, planes; /* places in the store; planes only of whole roots */
  int64_t first;          /* of its exits, in value or exit */
  int32_t exits;
  bool whole;
} Part;

struct Walk {
  BushStore store;
  Part *part; /* roots of trees, then the parts below them */
  int32_t *value;
  Exit *exit;
  int64_t n_parts, n_values, n_exits, part_capacity, value_capacity, exit_capacity;
};

/* ---- laying out ---- */

/* Lay out a subtree. out: a place in part. */
static Status add_part(const int64_t *tree, int32_t root, int32_t words, int64_t out,
                       uint8_t *number, Walk *walk, BushExits *exits) {
  Status status = OK;
  Part part = {.levels = walk->store.n, .planes = -1};
  TRY(bush_add(tree, root, words, number, &walk->store, exits));
  part.exits = (int32_t)exits->n;
  part.whole = true;
  for (int64_t i = 0; i < exits->n; i++) part.whole &= node_is_leaf(tree[exits->node[i]]);
  if (part.whole) {
    part.first = walk->n_values;
    TRY(RESERVE(&walk->value, &walk->value_capacity, walk->n_values + exits->n));
    for (int64_t i = 0; i < exits->n; i++) {
      walk->value[walk->n_values++] = node_low(tree[exits->node[i]]);
    }
  } else {
    part.first = walk->n_exits;
    TRY(RESERVE(&walk->exit, &walk->exit_capacity, walk->n_exits + exits->n));
    for (int64_t i = 0; i < exits->n; i++) {
      int64_t node = tree[exits->node[i]];
      bool leaf = node_is_leaf(node);
      walk->exit[walk->n_exits++] =
          (Exit){leaf ? EXIT_LEAF : EXIT_NODE, leaf ? node_low(node) : exits->node[i]};
    }
  }
  walk->part[out] = part;
done:
  return status;
}

static Status add_tree(const Ensemble *e, int64_t t, uint8_t *number, Walk *walk,
                       BushExits exits[2]) {
  Status status = OK;
  const int64_t *tree = e->node + e->node_offset[t];
  int32_t words = (int32_t)(e->node_offset[t + 1] - e->node_offset[t]);
  bool below = bins_stride(e->bins.d) <= WALK_STRIDE_MOST;
  TRY(add_part(tree, 0, words, t, number, walk, &exits[0]));
  Part *root = &walk->part[t];
  if (root->whole) {
    root->planes = walk->store.n;
    TRY(bush_add_planes(walk->value + root->first, root->exits, &walk->store));
    return OK;
  }
  int64_t first = root->first;
  for (int64_t i = 0; below && i < exits[0].n; i++) {
    if (walk->exit[first + i].bush == EXIT_LEAF) continue;
    int64_t part = walk->n_parts++;
    TRY(RESERVE(&walk->part, &walk->part_capacity, walk->n_parts));
    TRY(add_part(tree, exits[0].node[i], exits[0].words[i], part, number, walk, &exits[1]));
    walk->exit[first + i].bush = (int32_t)part;
  }
done:
  return status;
}

static Status walk_new(const Ensemble *e, Walk **out) {
  Status status = OK;
  uint8_t *number = NULL;
  BushExits *exits = NULL;
  TRY(NEW(out, 1));
  Walk *walk = *out;
  TRY(NEW(&number, 2 * e->bins.d));
  TRY(NEW(&exits, 2));
  int64_t words = e->node_offset[e->n_trees];
  TRY(RESERVE(&walk->part, &walk->part_capacity, e->n_trees));
  TRY(RESERVE(&walk->value, &walk->value_capacity, words / 2 + e->n_trees));
  TRY(RESERVE(&walk->store.bytes, &walk->store.capacity, 4 * words));
  walk->n_parts = e->n_trees;
  for (int64_t t = 0; t < e->n_trees; t++) TRY(add_tree(e, t, number, walk, exits));
done:
  memory_free(&number);
  memory_free(&exits);
  return status;
}

void walk_free(Walk **walk) {
  if (!*walk) return;
  memory_free(&(*walk)->store.bytes);
  memory_free(&(*walk)->part);
  memory_free(&(*walk)->value);
  memory_free(&(*walk)->exit);
  memory_free(walk);
}

/* Laying a node out costs about as much as a quarter of a row's way down its tree. */
Status walk_of(const Ensemble *ensemble, int64_t n, const Walk **out) {
  Status status = OK;
  Ensemble *owner = (Ensemble *)(uintptr_t)ensemble; /* the layout is no part of its value */
  *out = NULL;
  if (n < WALK_LEAST || ensemble->bins.d > BUSH_FEATURES || !bush_available()) return OK;
  bool worth = 4 * n >= ensemble->node_offset[ensemble->n_trees] / ensemble->n_trees;
  if (!owner->walk && worth) {
    status = walk_new(ensemble, &owner->walk);
    if (status != OK) walk_free(&owner->walk);
  }
  *out = owner->walk;
  return status;
}

/* ---- a block of rows ---- */

Status walk_block_init(const Ensemble *ensemble, const Walk *walk, int64_t most, WalkBlock *out) {
  Status status = OK;
  int64_t stride = bins_stride(ensemble->bins.d);
  int64_t padded = (most + BUSH_ROWS - 1) / BUSH_ROWS * BUSH_ROWS;
  *out = (WalkBlock){.ensemble = ensemble, .walk = walk};
  TRY(NEW(&out->codes, most * stride));
  TRY(NEW(&out->leaf, most));
  if (!walk) return OK;
  TRY(NEW(&out->columns, padded * stride));
  TRY(NEW(&out->own, BUSH_ROWS * stride));
  TRY(NEW(&out->exit, padded));
  TRY(NEW(&out->order, most));
  TRY(NEW(&out->late, most));
  TRY(NEW(&out->place, most));
done:
  return status;
}

void walk_block_clear(WalkBlock *block) {
  memory_free(&block->codes);
  memory_free(&block->columns);
  memory_free(&block->own);
  memory_free(&block->exit);
  memory_free(&block->order);
  memory_free(&block->late);
  memory_free(&block->place);
  memory_free(&block->leaf);
}

static const uint8_t *columns_of(const WalkBlock *block, int64_t first) {
  return block->columns + first * bins_stride(block->ensemble->bins.d);
}

void walk_block_set(WalkBlock *block, int64_t n) {
  int64_t stride = bins_stride(block->ensemble->bins.d);
  block->n = n;
  for (int64_t first = 0; block->walk && first < n; first += BUSH_ROWS) {
    int64_t here = n - first < BUSH_ROWS ? n - first : BUSH_ROWS;
    bush_columns(block->codes + first * stride, stride, NULL, here,
                 block->columns + first * stride);
  }
}

/* ---- one tree ---- */

/* Rows of one exit down the exit's own bush; those that reach a node are added to the late ones. */
static int64_t walk_below(WalkBlock *block, const Part *part, const uint16_t *row, int64_t n,
                          int64_t n_late, int32_t *value) {
  const Walk *walk = block->walk;
  int64_t stride = bins_stride(block->ensemble->bins.d);
  uint8_t exit[BUSH_ROWS];
  for (int64_t first = 0; first < n; first += BUSH_ROWS) {
    int64_t here = n - first < BUSH_ROWS ? n - first : BUSH_ROWS;
    const uint16_t *own = row + first;
    bush_columns(block->codes, stride, own, here, block->own);
    bush_walk(walk->store.bytes + part->levels, block->own, here, exit);
    if (part->whole) {
      const int32_t *leaf = walk->value + part->first;
      for (int64_t i = 0; i < here; i++) value[own[i]] = leaf[exit[i]];
      continue;
    }
    for (int64_t i = 0; i < here; i++) {
      Exit end = walk->exit[part->first + exit[i]];
      block->late[n_late] = own[i];
      block->place[n_late] = end.place;
      value[own[i]] = end.place;
      n_late += end.bush != EXIT_LEAF;
    }
  }
  return n_late;
}

/* Rows by exit; begin: out, of exits. */
static void sort_rows(const WalkBlock *block, const int32_t *row, int64_t n,
                      uint32_t begin[BUSH_EXITS + 1]) {
  uint32_t next[BUSH_EXITS] = {0}, at = 0;
  const uint8_t *exit = block->exit;
  for (int64_t i = 0; i < n; i++) next[exit[row ? row[i] : i]]++;
  for (int64_t k = 0; k < BUSH_EXITS; k++) {
    begin[k] = at;
    at += next[k];
    next[k] = begin[k];
  }
  begin[BUSH_EXITS] = at;
  for (int64_t i = 0; i < n; i++) {
    int64_t own = row ? row[i] : i;
    block->order[next[exit[own]]++] = (uint16_t)own;
  }
}

static void walk_parts(WalkBlock *block, int64_t tree, const int32_t *row, int64_t n,
                       int32_t *value) {
  const Walk *walk = block->walk;
  const Part *root = &walk->part[tree];
  uint32_t begin[BUSH_EXITS + 1];
  int64_t late = 0;
  sort_rows(block, row, n, begin);
  for (int64_t k = 0; k < root->exits; k++) {
    Exit exit = walk->exit[root->first + k];
    const uint16_t *own = block->order + begin[k];
    int64_t here = begin[k + 1] - begin[k];
    if (exit.bush == EXIT_LEAF) {
      for (int64_t i = 0; i < here; i++) value[own[i]] = exit.place;
    } else if (exit.bush >= 0 && here >= WALK_LEAST) {
      late = walk_below(block, &walk->part[exit.bush], own, here, late, value);
    } else {
      for (int64_t i = 0; i < here; i++, late++) {
        block->late[late] = own[i];
        block->place[late] = exit.place;
      }
    }
  }
  ensemble_leaves_from(block->ensemble, tree, block->codes, block->late, block->place, late,
                       block->leaf);
  for (int64_t i = 0; i < late; i++) value[block->late[i]] = block->leaf[i];
}

void walk_leaves(WalkBlock *block, int64_t tree, const int32_t *row, int64_t n, int32_t *value) {
  const Walk *walk = block->walk;
  if (!walk || block->n < WALK_LEAST) {
    ensemble_leaves(block->ensemble, tree, block->codes, row, n, row ? block->leaf : value);
    for (int64_t i = 0; row && i < n; i++) value[row[i]] = block->leaf[i];
    return;
  }
  const Part *root = &walk->part[tree];
  for (int64_t first = 0; first < block->n; first += BUSH_ROWS) {
    int64_t here = block->n - first < BUSH_ROWS ? block->n - first : BUSH_ROWS;
    bush_walk(walk->store.bytes + root->levels, columns_of(block, first), here,
              block->exit + first);
  }
  if (!root->whole) {
    walk_parts(block, tree, row, n, value);
    return;
  }
  const int32_t *leaf = walk->value + root->first;
  for (int64_t i = 0; i < n; i++) {
    int64_t own = row ? row[i] : i;
    value[own] = leaf[block->exit[own]];
  }
}

/* ---- prediction ---- */

/* Buffers of a block. */
typedef struct Predictor {
  const WalkTask *task;
  WalkBlock block;
  int64_t most;
  uint16_t *sums; /* of bushes */
  int32_t *value; /* most; all trees' where leaves hold shares */
  int64_t *sum;   /* rows x width */
} Predictor;

static void predictor_clear(Predictor *p) {
  walk_block_clear(&p->block);
  memory_free(&p->sums);
  memory_free(&p->value);
  memory_free(&p->sum);
}

static int64_t least_of(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t most_of(int64_t a, int64_t b) { return a > b ? a : b; }

static Status predictor_init(Predictor *p, const Walk *walk, int64_t n) {
  Status status = OK;
  const WalkTask *task = p->task;
  const Ensemble *e = task->ensemble;
  int64_t most = least_of(WALK_ROWS, BLOCK_BYTES / bins_stride(e->bins.d));
  if (task->shares) most = least_of(most, BLOCK_VALUES / e->n_trees);
  if (!task->shares) most = least_of(most, BLOCK_VALUES / task->width);
  most = most_of(most / BUSH_ROWS * BUSH_ROWS, BUSH_ROWS);
  p->most = least_of(most, n);
  int64_t summed = task->shares ? most_of(SHARE_VALUES / task->width, 1) : p->most;
  TRY(walk_block_init(e, walk, p->most, &p->block));
  TRY(NEW(&p->sums, BUSH_SUMS));
  TRY(NEW(&p->value, p->most * (task->shares ? e->n_trees : 1)));
  TRY(NEW(&p->sum, least_of(summed, p->most) * task->width));
done:
  return status;
}

/* Sums of the rows of one bush over output k's trees that are whole bushes. */
static void sum_bushes(const Predictor *p, int64_t k, int64_t first, int64_t n) {
  const WalkTask *task = p->task;
  const Walk *walk = p->block.walk;
  const uint8_t *columns = columns_of(&p->block, first);
  int64_t trees = 0, *sum = p->sum + first * task->width + k;
  for (int64_t t = k; t < task->ensemble->n_trees; t += task->width) {
    const Part *root = &walk->part[t];
    if (!root->whole) continue;
    bush_sum(walk->store.bytes + root->levels, walk->store.bytes + root->planes, root->exits,
             columns, n, p->sums);
    if (++trees < BUSH_SUM_TREES) continue;
    bush_take_sums(p->sums, trees, n, task->width, sum);
    trees = 0;
  }
  if (trees > 0) bush_take_sums(p->sums, trees, n, task->width, sum);
}

/* Leaves that hold whole numbers. */
static void predict_sums(Predictor *p, int64_t n, double *out) {
  const WalkTask *task = p->task;
  const Walk *walk = p->block.walk;
  int64_t width = task->width;
  memset(p->sum, 0, (size_t)(n * width) * sizeof *p->sum);
  for (int64_t first = 0; walk && first < n; first += BUSH_ROWS) {
    for (int64_t k = 0; k < width; k++) sum_bushes(p, k, first, least_of(n - first, BUSH_ROWS));
  }
  for (int64_t t = 0; t < task->ensemble->n_trees; t++) {
    if (walk && walk->part[t].whole) continue;
    walk_leaves(&p->block, t, NULL, n, p->value);
    int64_t *sum = p->sum + t % width;
    for (int64_t i = 0; i < n; i++) sum[i * width] += p->value[i];
  }
  for (int64_t i = 0; i < n; i++) {
    task->finish(task->model, p->sum + i * width, out + i * task->outputs);
  }
}

/* Leaves that hold shares of classes: they are added up for so many rows at a time that their sums
 * stay in the cache. */
static void predict_shares(Predictor *p, int64_t n, double *out) {
  const WalkTask *task = p->task;
  int64_t width = task->width, trees = task->ensemble->n_trees;
  int64_t rows = most_of(SHARE_VALUES / width, 1);
  for (int64_t t = 0; t < trees; t++) walk_leaves(&p->block, t, NULL, n, p->value + t * n);
  for (int64_t first = 0; first < n; first += rows) {
    int64_t here = least_of(n - first, rows);
    memset(p->sum, 0, (size_t)(here * width) * sizeof *p->sum);
    for (int64_t t = 0; t < trees; t++) {
      const int32_t *value = p->value + t * n + first;
      for (int64_t i = 0; i < here; i++) {
        ensemble_add_shares(task->ensemble, t, value[i], p->sum + i * width);
      }
    }
    for (int64_t i = 0; i < here; i++) {
      task->finish(task->model, p->sum + i * width, out + (first + i) * task->outputs);
    }
  }
}

/* Rows one by one, down several trees side by side. */
static Status predict_few(const WalkTask *task, const Matrix *x, double *out) {
  Status status = OK;
  const Ensemble *e = task->ensemble;
  uint8_t *codes = NULL;
  int64_t *sum = NULL, stride = bins_stride(e->bins.d);
  TRY(NEW(&codes, x->rows.n * stride));
  TRY(NEW(&sum, task->width));
  bins_encode(&e->bins, x, 0, x->rows.n, codes);
  for (int64_t i = 0; i < x->rows.n; i++) {
    int32_t value[TREES];
    memset(sum, 0, (size_t)task->width * sizeof *sum);
    for (int64_t first = 0; first < e->n_trees; first += TREES) {
      int64_t here = least_of(e->n_trees - first, TREES);
      ensemble_row_leaves(e, first, here, codes + i * stride, value);
      for (int64_t t = 0; t < here; t++) {
        if (task->shares) {
          ensemble_add_shares(e, first + t, value[t], sum);
        } else {
          sum[(first + t) % task->width] += value[t];
        }
      }
    }
    task->finish(task->model, sum, out + i * task->outputs);
  }
done:
  memory_free(&codes);
  memory_free(&sum);
  return status;
}

Status walk_predict(const WalkTask *task, const Matrix *x, double *out) {
  Status status = OK;
  const Walk *walk = NULL;
  Predictor p = {.task = task};
  if (x->rows.n < FEW) return predict_few(task, x, out);
  TRY(walk_of(task->ensemble, x->rows.n, &walk));
  TRY(predictor_init(&p, walk, x->rows.n));
  for (int64_t first = 0; first < x->rows.n; first += p.most) {
    int64_t n = least_of(x->rows.n - first, p.most);
    bins_encode(&task->ensemble->bins, x, first, n, p.block.codes);
    walk_block_set(&p.block, n);
    if (task->shares) {
      predict_shares(&p, n, out + first * task->outputs);
    } else {
      predict_sums(&p, n, out + first * task->outputs);
    }
  }
done:
  predictor_clear(&p);
  return status;
}
