/* The ensemble; see ensemble.h.
 *
 * A walk down a tree is a chain of loads, each waiting for the one before, so LANES rows walk side
 * by side; a row that has reached its leaf stays there. */
#include "ensemble.h"

#include "kernels/base/memory.h"
#include "node.h"

enum { LANES = 8 };

void ensemble_clear(Ensemble *ensemble) {
  bins_clear(&ensemble->bins);
  memory_free(&ensemble->node_offset);
  memory_free(&ensemble->node);
  memory_free(&ensemble->leaf_offset);
  memory_free(&ensemble->leaf_class);
  memory_free(&ensemble->leaf_share);
  *ensemble = (Ensemble){0};
}

/* Is the tree's preorder sound: children inside the tree, features and leaf positions in range? */
static bool is_sound(const Ensemble *e, int64_t tree, int64_t n_classes) {
  const int64_t *node = e->node + e->node_offset[tree];
  int64_t n = e->node_offset[tree + 1] - e->node_offset[tree];
  int64_t n_leaf = e->leaf_offset[tree + 1] - e->leaf_offset[tree];
  const uint16_t *leaf_class = e->leaf_class + e->leaf_offset[tree];
  if (n < 1 || n_leaf < 0) return false;
  for (int64_t i = 0; i < n; i++) {
    int64_t low = node_low(node[i]);
    if (!node_is_leaf(node[i])) {
      if (node_feature(node[i]) >= e->bins.d || low < 2 || i + low >= n) return false;
    } else if (n_classes > 2 && low < 0) {
      if (-1 - low >= n_classes) return false;
    } else if (n_classes > 2) {
      if (low >= n_leaf || low + leaf_class[low] >= n_leaf) return false;
      for (int64_t j = 1; j <= leaf_class[low]; j++) {
        if (leaf_class[low + j] >= n_classes) return false;
      }
    }
  }
  return true;
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
  for (int64_t tree = 0; fields->mode == FIELDS_IN && tree < e->n_trees; tree++) {
    if (!is_sound(e, tree, n_classes)) {
      return status_fail(FORMAT, "forest: tree %lld is not a tree", (long long)tree);
    }
  }
done:
  return status;
}

/* Up to LANES rows. */
static inline void walk(const int64_t *node, const uint8_t *const row[LANES], int64_t lanes,
                        int32_t value[LANES]) {
  int64_t at[LANES] = {0};
  bool moving = true;
  while (moving) {
    moving = false;
    for (int64_t l = 0; l < lanes; l++) {
      int64_t word = node[at[l]];
      uint32_t feature = node_feature(word);
      bool leaf = feature == NODE_LEAF;
      int64_t step = node_goes_left(word, row[l][leaf ? 0 : feature]) ? 1 : node_low(word);
      at[l] += leaf ? 0 : step;
      moving |= !leaf;
    }
  }
  for (int64_t l = 0; l < lanes; l++) value[l] = node_low(node[at[l]]);
}

void ensemble_leaves(const Ensemble *e, int64_t tree, const uint8_t *codes, const int32_t *row,
                     int64_t n, int32_t *value) {
  const int64_t *node = e->node + e->node_offset[tree];
  int64_t stride = bins_stride(e->bins.d);
  const uint8_t *lane[LANES];
  int64_t i = 0;
  for (; i + LANES <= n; i += LANES) {
    for (int64_t l = 0; l < LANES; l++) lane[l] = codes + (row ? row[i + l] : i + l) * stride;
    walk(node, lane, LANES, value + i);
  }
  for (int64_t l = 0; l < n - i; l++) lane[l] = codes + (row ? row[i + l] : i + l) * stride;
  if (i < n) walk(node, lane, n - i, value + i);
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
