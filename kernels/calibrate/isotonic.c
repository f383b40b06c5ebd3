/* Isotonic regression of 0 and 1 by pooling adjacent violators; see calibration.h.
 *
 * Rows come into the order of their scores, each rank a range of scores. A rank pools its range,
 * the blocks that are left are pooled again in order: the solution is unique, so it does not
 * matter where the ranges were cut. Means of 0 and 1 are fractions of whole numbers and are
 * compared as such, without rounding. */

#include "calibration.h"
#include "kernels/base/memory.h"
#include "kernels/measure/order.h"
#include "kernels/numeric/quantile.h"

/* Neighbouring points of one mean. */
typedef struct Block {
  double low, high;       /* the scores of its first and last point */
  int64_t positive, rows; /* mean: positive / rows */
} Block;

typedef struct Blocks {
  int64_t n, capacity;
  Block *items;
} Blocks;

/* Is a's mean at least b's? */
static bool not_below(const Block *a, const Block *b) {
  return (__int128)a->positive * b->rows >= (__int128)b->positive * a->rows;
}

/* Add the next block and pool as long as the order is violated. */
static Status pool(Blocks *blocks, Block next) {
  Status status = OK;
  while (blocks->n > 0 && not_below(&blocks->items[blocks->n - 1], &next)) {
    const Block *last = &blocks->items[--blocks->n];
    next.low = last->low;
    next.positive += last->positive;
    next.rows += last->rows;
  }
  TRY(RESERVE(&blocks->items, &blocks->capacity, blocks->n + 1));
  blocks->items[blocks->n++] = next;
done:
  return status;
}

static Status pool_items(const Item *items, int64_t n, Blocks *blocks) {
  Status status = OK;
  for (int64_t i = 0; i < n;) {
    double score = quantile_value(items[i].key);
    Block point = {.low = score, .high = score};
    for (uint64_t key = items[i].key; i < n && items[i].key == key; i++) {
      point.positive += (int64_t)items[i].tag;
      point.rows++;
    }
    TRY(pool(blocks, point));
  }
done:
  return status;
}

static Status pool_again(const Block *parts, int64_t n, Blocks *blocks) {
  Status status = OK;
  blocks->n = 0;
  for (int64_t k = 0; k < n; k++) TRY(pool(blocks, parts[k]));
done:
  return status;
}

/* The ends of the blocks. */
static Status points_of(const Blocks *blocks, CalibrationMap *out) {
  Status status = OK;
  TRY(NEW(&out->x, 2 * blocks->n));
  TRY(NEW(&out->y, 2 * blocks->n));
  for (int64_t k = 0; k < blocks->n; k++) {
    const Block *block = &blocks->items[k];
    double mean = (double)block->positive / (double)block->rows;
    out->x[out->n] = block->low;
    out->y[out->n++] = mean;
    if (block->high == block->low) continue;
    out->x[out->n] = block->high;
    out->y[out->n++] = mean;
  }
done:
  return status;
}

static Status items_of(const BinaryRows *rows, Item **items) {
  Status status = NEW(items, rows->n);
  for (int64_t i = 0; status == OK && i < rows->n; i++)
    (*items)[i] = (Item){quantile_key(rows->score[i]), rows->positive[i] != 0};
  return status;
}

Status isotonic_fit_all(const Comm *comm, const BinaryRows *rows, CalibrationMap *out) {
  Status status = OK;
  Item *items = NULL;
  int64_t n = rows->n;
  Blocks blocks = {0};
  void *parts = NULL;
  size_t *offsets = NULL;
  AGREE(comm, items_of(rows, &items));
  AGREE(comm, NEW(&offsets, comm->size + 1));
  TRY(order_share_all(comm, &items, &n));
  AGREE(comm, pool_items(items, n, &blocks));
  TRY(comm_concatenate_all(comm, blocks.items, (size_t)blocks.n * sizeof(Block), &parts, offsets));
  AGREE(comm, pool_again(parts, (int64_t)(offsets[comm->size] / sizeof(Block)), &blocks));
  AGREE(comm, points_of(&blocks, out));
done:
  memory_free(&items);
  memory_free(&offsets);
  memory_free(&parts);
  memory_free(&blocks.items);
  return status;
}

double isotonic_value(const CalibrationMap *map, double score) {
  int64_t low = 0, high = map->n - 1;
  if (score <= map->x[0]) return map->y[0];
  if (score >= map->x[high]) return map->y[high];
  while (high - low > 1) {
    int64_t middle = low + (high - low) / 2;
    if (map->x[middle] <= score)
      low = middle;
    else
      high = middle;
  }
  double slope = (map->y[high] - map->y[low]) / (map->x[high] - map->x[low]);
  return slope * (score - map->x[low]) + map->y[low];
}
