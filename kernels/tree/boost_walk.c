/* Walking many rows down many trees; see boost_walk.h.
 *
 * A step is the same arithmetic in an inner node and in a leaf, without a branch; LANES rows walk
 * side by side, since each step waits for two loads. Whether all have arrived is asked every few
 * steps. Codes stand in columns of BOOST_WALK_ROWS: a row's code is at a fixed distance from its
 * neighbour's.
 *
 * Rejected: vector gathers (slower than the loads they stand for); one bit a leaf (QuickScorer,
 * Lucchese et al. 2015: for trees of up to 64 leaves). */
#include "boost_walk.h"

#include <string.h>

#include "kernels/base/memory.h"
#include "node.h"

enum { LANES = 8, STEPS = 4 };

/* One tree; position: scratch of as many numbers as nodes. */
static void lay_out(const int64_t *from, int64_t n, uint32_t *position, BoostStep *node,
                    int32_t *value) {
  uint32_t next = 1;
  position[0] = 0;
  for (int64_t i = 0; i < n; i++) {
    uint32_t at = position[i];
    value[at] = 0;
    if (node_is_leaf(from[i])) {
      node[at] = (BoostStep){.child = at, .limit = UINT8_MAX};
      value[at] = node_low(from[i]);
      continue;
    }
    bool flip = node_missing_left(from[i]);
    node[at] = (BoostStep){.child = next,
                           .column = (uint16_t)(2 * node_feature(from[i]) + flip),
                           .limit = (uint8_t)(node_bin(from[i]) + flip)};
    position[i + 1] = next++;
    position[i + node_low(from[i])] = next++;
  }
}

Status boost_walk_init(const Ensemble *ensemble, BoostWalk *out) {
  Status status = OK;
  const int64_t *offset = ensemble->node_offset;
  uint32_t *position = NULL;
  int64_t largest = 0;
  *out = (BoostWalk){.ensemble = ensemble};
  for (int64_t t = 0; t < ensemble->n_trees; t++) {
    largest = offset[t + 1] - offset[t] > largest ? offset[t + 1] - offset[t] : largest;
  }
  TRY(NEW(&position, largest));
  TRY(NEW(&out->node, offset[ensemble->n_trees]));
  TRY(NEW(&out->value, offset[ensemble->n_trees]));
  for (int64_t t = 0; t < ensemble->n_trees; t++) {
    lay_out(ensemble->node + offset[t], offset[t + 1] - offset[t], position, out->node + offset[t],
            out->value + offset[t]);
  }
done:
  memory_free(&position);
  return status;
}

void boost_walk_clear(BoostWalk *walk) {
  memory_free(&walk->node);
  memory_free(&walk->value);
}

void boost_walk_columns(const uint8_t *codes, int64_t n, int64_t d, uint8_t *columns) {
  int64_t stride = bins_stride(d);
  for (int64_t j = 0; j < d; j++) {
    uint8_t *column = columns + 2 * j * BOOST_WALK_ROWS, *moved = column + BOOST_WALK_ROWS;
    memset(column, 0, 2 * BOOST_WALK_ROWS);
    for (int64_t i = 0; i < n; i++) {
      column[i] = codes[i * stride + j];
      moved[i] = (uint8_t)(column[i] + 1);
    }
  }
}

static inline uint32_t step(const BoostStep *node, uint32_t at, const uint8_t *row) {
  const BoostStep *own = &node[at];
  return own->child + (own->limit < row[(size_t)own->column * BOOST_WALK_ROWS]);
}

void boost_walk_tree(const BoostWalk *walk, int64_t tree, const uint8_t *columns, int64_t n,
                     double *sum) {
  const BoostStep *node = walk->node + walk->ensemble->node_offset[tree];
  const int32_t *value = walk->value + walk->ensemble->node_offset[tree];
  for (int64_t i = 0; i < n; i += LANES) {
    const uint8_t *row = columns + i;
    uint32_t at[LANES] = {0}, moved = 1;
    while (moved) {
      for (int s = 1; s < STEPS; s++) {
        for (int l = 0; l < LANES; l++) at[l] = step(node, at[l], row + l);
      }
      moved = 0;
      for (int l = 0; l < LANES; l++) {
        uint32_t next = step(node, at[l], row + l);
        moved |= next ^ at[l];
        at[l] = next;
      }
    }
    int64_t here = n - i < LANES ? n - i : LANES;
    for (int64_t l = 0; l < here; l++) sum[i + l] += value[at[l]];
  }
}
