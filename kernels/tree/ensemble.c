/* The ensemble; see ensemble.h.
 *
 * A walk down a tree is a chain of loads, each waiting for the one before, so LANES rows walk side
 * by side; a row that has reached its leaf stays there. Where no feature is a category, steps know
 * nothing of sets. */
#include "ensemble.h"

#include "kernels/base/memory.h"
#include "node.h"
#include "walk.h"

enum { LANES = 8 };

void ensemble_clear(Ensemble *ensemble) {
  walk_free(&ensemble->walk);
  bins_clear(&ensemble->bins);
  memory_free(&ensemble->node_offset);
  memory_free(&ensemble->node);
  memory_free(&ensemble->leaf_offset);
  memory_free(&ensemble->leaf_class);
  memory_free(&ensemble->leaf_share);
  *ensemble = (Ensemble){0};
}

/* Is what a leaf points to in range? */
static bool is_sound_leaf(const Ensemble *e, int64_t tree, int64_t low, int64_t n_classes) {
  int64_t n_leaf = e->leaf_offset[tree + 1] - e->leaf_offset[tree];
  const uint16_t *leaf_class = e->leaf_class + e->leaf_offset[tree];
  if (n_classes <= 2) return true;
  if (low < 0) return -1 - low < n_classes;
  if (low >= n_leaf || low + leaf_class[low] >= n_leaf) return false;
  for (int64_t j = 1; j <= leaf_class[low]; j++) {
    if (leaf_class[low + j] >= n_classes) return false;
  }
  return true;
}

/* Is the tree's preorder sound: does every right child begin where the left one ends, and are
 * features and leaf positions in range? right: scratch of half the tree's words. */
static bool is_sound(const Ensemble *e, int64_t tree, int64_t n_classes, int64_t *right) {
  const int64_t *node = e->node + e->node_offset[tree];
  int64_t n = e->node_offset[tree + 1] - e->node_offset[tree], open = 0;
  for (int64_t i = 0; i < n; i += node_words(node[i])) {
    int64_t low = node_low(node[i]), feature = node_feature(node[i]);
    if (node_is_leaf(node[i])) {
      int64_t next = open > 0 ? right[--open] : n;
      if (node_is_set(node[i]) || next != i + 1) return false;
      if (!is_sound_leaf(e, tree, low, n_classes)) return false;
      continue;
    }
    bool inside = low > node_words(node[i]) && i + low < n && open < n / 2;
    if (!inside || feature >= e->bins.d) return false;
    if (node_is_set(node[i]) != bins_is_category(&e->bins, feature)) return false;
    right[open++] = i + low;
  }
  return n > 0 && open == 0;
}

static Status check_trees(const Ensemble *e, int64_t n_classes) {
  Status status = OK;
  int64_t longest = 0, *right = NULL;
  for (int64_t tree = 0; tree < e->n_trees; tree++) {
    int64_t n = e->node_offset[tree + 1] - e->node_offset[tree];
    longest = n > longest ? n : longest;
  }
  TRY(NEW(&right, longest / 2));
  for (int64_t tree = 0; tree < e->n_trees; tree++) {
    if (is_sound(e, tree, n_classes, right)) continue;
    status = status_fail(FORMAT, "forest: tree %lld is not a tree", (long long)tree);
    break;
  }
done:
  memory_free(&right);
  return status;
}

static Status check_offsets(const int64_t *offset, int64_t n, const char *what) {
  bool sound = offset[0] == 0;
  for (int64_t i = 0; i < n; i++) sound = sound && offset[i] <= offset[i + 1];
  return sound ? OK : status_fail(FORMAT, "forest: %s are not ascending from 0", what);
}

Status ensemble_fields(Ensemble *e, int64_t n_classes, Fields *fields) {
  Status status = OK;
  TRY(fields_integer(fields, "trees", &e->n_trees));
  TRY(bins_fields(&e->bins, fields));
  int64_t n_offset = e->n_trees + 1;
  TRY(fields_array(fields, "node_offset", FIELD_INTEGER, &e->node_offset, 1, &n_offset));
  TRY(check_offsets(e->node_offset, e->n_trees, "node offsets"));
  int64_t n_nodes = e->node_offset[e->n_trees];
  TRY(fields_array(fields, "node", FIELD_INTEGER, &e->node, 1, &n_nodes));
  TRY(fields_array(fields, "leaf_offset", FIELD_INTEGER, &e->leaf_offset, 1, &n_offset));
  TRY(check_offsets(e->leaf_offset, e->n_trees, "leaf offsets"));
  int64_t n_leaf = e->leaf_offset[e->n_trees];
  TRY(fields_array(fields, "leaf_class", FIELD_SHORT, &e->leaf_class, 1, &n_leaf));
  TRY(fields_array(fields, "leaf_share", FIELD_CODE, &e->leaf_share, 1, &n_leaf));
  if (fields->mode == FIELDS_IN) TRY(check_trees(e, n_classes));
done:
  return status;
}

/* Walk up to LANES rows from nodes to leaves; sets: some nodes may be followed by one. */
static inline __attribute__((always_inline)) void walk(const int64_t *at[LANES],
                                                       const uint8_t *const row[LANES],
                                                       int64_t lanes, bool sets) {
  bool moving = true;
  while (moving) {
    moving = false;
    for (int64_t l = 0; l < lanes; l++) {
      int64_t word = *at[l];
      uint32_t feature = node_feature(word);
      bool leaf = feature == NODE_LEAF;
      uint8_t code = row[l][leaf ? 0 : feature];
      int64_t left = sets ? node_words(word) : 1;
      bool goes_left = sets && !leaf ? node_at_goes_left(at[l], code) : node_goes_left(word, code);
      int64_t step = goes_left ? left : node_low(word);
      at[l] += leaf ? 0 : step;
      moving |= !leaf;
    }
  }
}

/* What is walked: many rows of one tree, or one row of many trees. */
typedef struct Course {
  const Ensemble *ensemble;
  int64_t tree;
  const uint8_t *codes;
  const int32_t *row, *place; /* NULL: all rows; the root */
  bool trees;                 /* tree, tree + 1 ... instead of rows */
} Course;

static inline __attribute__((always_inline)) void walk_all(const Course *course, int64_t n,
                                                           bool sets, int32_t *value) {
  const Ensemble *e = course->ensemble;
  int64_t stride = bins_stride(e->bins.d);
  for (int64_t i = 0; i < n; i += LANES) {
    const int64_t *at[LANES];
    const uint8_t *row[LANES];
    int64_t lanes = n - i < LANES ? n - i : LANES;
    for (int64_t l = 0; l < lanes; l++) {
      int64_t k = i + l, own = course->row ? course->row[k] : course->trees ? 0 : k;
      row[l] = course->codes + own * stride;
      at[l] = e->node + e->node_offset[course->tree + (course->trees ? k : 0)] +
              (course->place ? course->place[k] : 0);
    }
    if (lanes == LANES) {
      walk(at, row, LANES, sets);
    } else {
      walk(at, row, lanes, sets);
    }
    for (int64_t l = 0; l < lanes; l++) value[i + l] = node_low(*at[l]);
  }
}

static void walk_course(const Course *course, int64_t n, int32_t *value) {
  if (bins_any_category(&course->ensemble->bins)) {
    walk_all(course, n, true, value);
  } else {
    walk_all(course, n, false, value);
  }
}

void ensemble_leaves(const Ensemble *e, int64_t tree, const uint8_t *codes, const int32_t *row,
                     int64_t n, int32_t *value) {
  Course course = {.ensemble = e, .tree = tree, .codes = codes, .row = row};
  walk_course(&course, n, value);
}

void ensemble_leaves_from(const Ensemble *e, int64_t tree, const uint8_t *codes, const int32_t *row,
                          const int32_t *place, int64_t n, int32_t *value) {
  Course course = {.ensemble = e, .tree = tree, .codes = codes, .row = row, .place = place};
  walk_course(&course, n, value);
}

void ensemble_row_leaves(const Ensemble *e, int64_t first, int64_t n, const uint8_t *codes,
                         int32_t *value) {
  Course course = {.ensemble = e, .tree = first, .codes = codes, .trees = true};
  walk_course(&course, n, value);
}

int64_t ensemble_n_leaves(const Ensemble *e) {
  int64_t leaves = 0;
  for (int64_t i = 0; i < e->node_offset[e->n_trees]; i += node_words(e->node[i])) {
    leaves += node_is_leaf(e->node[i]);
  }
  return leaves;
}

void ensemble_add_shares(const Ensemble *e, int64_t tree, int32_t value, int64_t *sums) {
  if (value < 0) {
    sums[-1 - value] += INT64_C(1) << GROW_SHARE_BITS;
    return;
  }
  const uint16_t *class = e->leaf_class + e->leaf_offset[tree] + value;
  const int32_t *share = e->leaf_share + e->leaf_offset[tree] + value;
  int64_t n = class[0];
  for (int64_t j = 1; j <= n; j++) sums[class[j]] += share[j];
}
