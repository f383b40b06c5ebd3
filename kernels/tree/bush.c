/* Laying bushes out; see bush.h and bush_parts.h. */
#include "bush.h"

#include <string.h>

#include "bush_parts.h"
#include "kernels/base/memory.h"
#include "node.h"

/* A level while it is planned. */
typedef struct Plan {
  const int64_t *tree;
  int64_t n_open;
  uint8_t open[BUSH_EXITS]; /* exits that are split, ascending */
  int64_t width;            /* exits before */
  int64_t n_columns;
  uint16_t columns[BUSH_EXITS];
} Plan;

static bool is_split(const int64_t *tree, const BushExits *exits, int64_t exit, int32_t least) {
  return exits->words[exit] > least && !node_is_leaf(tree[exits->node[exit]]);
}

/* Split exit: it becomes the left child, exits->n the right one. */
static void split_exit(const int64_t *tree, int64_t exit, BushExits *exits) {
  int64_t node = tree[exits->node[exit]];
  int32_t own = (int32_t)node_words(node), low = node_low(node), all = exits->words[exit];
  int64_t right = exits->n++;
  exits->node[right] = exits->node[exit] + low;
  exits->words[right] = all - low;
  exits->node[exit] += own;
  exits->words[exit] = low - own;
}

/* Split whatever has more words than `least`; false when that gives too many exits. A subtree is
 * larger than its children, so what is split hangs together. */
static bool split_all(const int64_t *tree, int32_t root, int32_t words, int32_t least,
                      BushExits *exits) {
  exits->n = 1;
  exits->node[0] = root;
  exits->words[0] = words;
  for (int64_t i = 0; i < exits->n; i++) {
    while (is_split(tree, exits, i, least)) {
      if (exits->n == BUSH_EXITS) return false;
      split_exit(tree, i, exits);
    }
  }
  return true;
}

/* Subtrees with more words than this are inside: all, or so that at least half of the exits that
 * are allowed come about, where the tree's shape lets them. exits: scratch. */
static int32_t choose_least(const int64_t *tree, int32_t root, int32_t words, BushExits *exits) {
  if (words < 2 * BUSH_EXITS) return 1;
  int32_t low = 0, high = words - 1, least = 1 + words / 180; /* low is too little, high enough */
  bool found = false;
  while (high - low > 1) {
    bool fits = split_all(tree, root, words, least, exits);
    if (fits && exits->n >= BUSH_EXITS / 2) return least;
    found |= fits;
    *(fits ? &high : &low) = least;
    least = found ? low + (high - low) / 2 : low + low / 4 + 1;
    if (least >= high) least = low + (high - low) / 2;
  }
  return high;
}

static int64_t column_of(int64_t node) { return 2 * node_feature(node) + node_missing_left(node); }

/* Are tables quicker than a split at a time? Counted in instructions for 64 rows. */
static bool wants_tables(const Plan *plan, const BushLevel *level) {
  int64_t look_up = bush_registers(plan->width) < 4 ? 1 : 3;
  return 2 + 3 * look_up + 2 * plan->n_columns < 3 * level->plain + 4 * level->flipped;
}

static void find_columns(const BushExits *exits, uint8_t *number, Plan *plan, BushLevel *level) {
  plan->n_columns = 0;
  for (int64_t i = 0; i < plan->n_open; i++) {
    int64_t node = plan->tree[exits->node[plan->open[i]]];
    if (node_is_set(node)) {
      level->sets++;
      continue;
    }
    bool flipped = node_missing_left(node);
    level->flipped = (uint16_t)(level->flipped + flipped);
    level->plain = (uint16_t)(level->plain + !flipped);
    int64_t column = column_of(node);
    if (number[column]) continue;
    plan->columns[plan->n_columns++] = (uint16_t)column;
    number[column] = (uint8_t)plan->n_columns;
  }
}

static uint8_t limit_of(int64_t node) {
  return (uint8_t)(node_bin(node) + node_missing_left(node));
}

static uint8_t *append(BushStore *store, const void *bytes, size_t n) {
  uint8_t *to = store->bytes + store->n;
  if (bytes) memcpy(to, bytes, n);
  store->n += (int64_t)n;
  return to;
}

static void write_tables(const Plan *plan, const BushExits *exits, const uint8_t *number,
                         BushStore *store, const BushLevel *level) {
  size_t size = (size_t)level->registers * 64;
  append(store, plan->columns, (size_t)plan->n_columns * sizeof *plan->columns);
  uint8_t *column = append(store, NULL, size), *limit = append(store, NULL, size);
  uint8_t *right = append(store, NULL, size);
  memset(column, BUSH_NO_COLUMN, size);
  memset(limit, UINT8_MAX, size);
  memset(right, 0, size);
  for (int64_t i = 0; i < plan->n_open; i++) {
    int64_t exit = plan->open[i], node = plan->tree[exits->node[exit]];
    if (node_is_set(node)) continue;
    column[exit] = (uint8_t)(number[column_of(node)] - 1);
    limit[exit] = limit_of(node);
    right[exit] = (uint8_t)(plan->width + i);
  }
}

static void write_splits(const Plan *plan, const BushExits *exits, bool flipped, BushStore *store) {
  for (int64_t i = 0; i < plan->n_open; i++) {
    int64_t node = plan->tree[exits->node[plan->open[i]]];
    if (node_is_set(node) || node_missing_left(node) != flipped) continue;
    BushSplit split = {.feature = (uint16_t)node_feature(node),
                       .exit = plan->open[i],
                       .limit = limit_of(node),
                       .right = (uint8_t)(plan->width + i)};
    append(store, &split, sizeof split);
  }
}

static void write_sets(const Plan *plan, const BushExits *exits, BushStore *store) {
  for (int64_t i = 0; i < plan->n_open; i++) {
    const int64_t *node = plan->tree + exits->node[plan->open[i]];
    if (!node_is_set(*node)) continue;
    BushSet set = {.feature = (uint16_t)node_feature(*node),
                   .exit = plan->open[i],
                   .right = (uint8_t)(plan->width + i)};
    for (int code = 0; code < 256; code++) {
      set.left[code / 8] |= (uint8_t)(node_set_has(node + 1, (uint8_t)code) << code % 8);
    }
    append(store, &set, sizeof set);
  }
}

static Status write_level(Plan *plan, const BushExits *exits, uint8_t *number, BushStore *store) {
  Status status = OK;
  BushLevel level = {0};
  find_columns(exits, number, plan, &level);
  int64_t most = (int64_t)sizeof level + BUSH_EXITS * 5 + plan->n_open * (int64_t)sizeof(BushSet);
  TRY(RESERVE(&store->bytes, &store->capacity, store->n + most));
  bool tables = plan->n_columns < BUSH_NO_COLUMN && wants_tables(plan, &level);
  if (tables) {
    level.plain = level.flipped = 0;
    level.registers = (uint8_t)bush_registers(plan->width);
    level.columns = (uint8_t)plan->n_columns;
  }
  append(store, &level, sizeof level);
  if (tables) write_tables(plan, exits, number, store, &level);
  if (level.plain > 0) write_splits(plan, exits, false, store);
  if (level.flipped > 0) write_splits(plan, exits, true, store);
  if (level.sets > 0) write_sets(plan, exits, store);
done:
  for (int64_t c = 0; c < plan->n_columns; c++) number[plan->columns[c]] = 0;
  return status;
}

Status bush_add(const int64_t *tree, int32_t root, int32_t words, uint8_t *number, BushStore *store,
                BushExits *exits) {
  Status status = OK;
  int32_t least = choose_least(tree, root, words, exits);
  Plan plan = {.tree = tree, .n_open = 1};
  exits->n = 1;
  exits->node[0] = root;
  exits->words[0] = words;
  plan.n_open = is_split(tree, exits, 0, least);
  while (plan.n_open > 0) {
    int64_t split = plan.n_open, before = exits->n;
    plan.width = before;
    TRY(write_level(&plan, exits, number, store));
    for (int64_t i = 0; i < split; i++) split_exit(tree, plan.open[i], exits);
    plan.n_open = 0;
    for (int64_t i = 0; i < split; i++) {
      uint8_t left = plan.open[i];
      if (is_split(tree, exits, left, least)) plan.open[plan.n_open++] = left;
    }
    for (int64_t exit = before; exit < exits->n; exit++) {
      if (is_split(tree, exits, exit, least)) plan.open[plan.n_open++] = (uint8_t)exit;
    }
  }
  TRY(RESERVE(&store->bytes, &store->capacity, store->n + (int64_t)sizeof(BushLevel)));
  append(store, &(BushLevel){0}, sizeof(BushLevel));
done:
  return status;
}

Status bush_add_planes(const int32_t *value, int64_t n, BushStore *store) {
  Status status = OK;
  int64_t size = bush_registers(n) * 64;
  TRY(RESERVE(&store->bytes, &store->capacity, store->n + 4 * size));
  uint8_t *plane = append(store, NULL, (size_t)(4 * size));
  memset(plane, 0, (size_t)(4 * size));
  for (int64_t i = 0; i < n; i++) {
    uint32_t bits = (uint32_t)value[i] + (UINT32_C(1) << 31); /* planes have no sign */
    for (int p = 0; p < 4; p++) plane[p * size + i] = (uint8_t)(bits >> 8 * p);
  }
done:
  return status;
}
