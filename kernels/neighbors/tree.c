/* Cutting references into leaves; see tree.h.
 *
 * A node is cut in the column with the largest variance, near its median, estimated from a sample
 * where there are many. Equal values always go to the same side, so identical rows end up in one
 * leaf, however many there are; small nodes are cut at multiples of a block, so that leaves are
 * full. Partitions are stable: in a leaf, references ascend. */
#include "tree.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"

enum { SAMPLE = 1024 };

typedef struct Builder {
  const double *const *column;
  int64_t d;
  TreeShape *shape;
  int32_t *right; /* n: scratch of partition */
  double sample[SAMPLE];
} Builder;

/* References order[begin .. end) of a node that is still to be cut. */
typedef struct Part {
  int64_t node, begin, end;
} Part;

/* Times n; 0 when all are equal, which rounding a mean would hide. */
static double variance_of(const double *values, int64_t n) {
  double mean = 0, sum = 0;
  for (int64_t i = 0; i < n; i++) mean += (values[i] - values[0]) / (double)n;
  for (int64_t i = 0; i < n; i++) {
    double off = values[i] - values[0] - mean;
    sum += off * off;
  }
  return sum;
}

/* Up to SAMPLE values of a column, evenly spread over the part. */
static int64_t sample_column(const Builder *b, const Part *part, int64_t j, double *out) {
  int64_t n = part->end - part->begin, m = n < SAMPLE ? n : SAMPLE;
  for (int64_t i = 0; i < m; i++) out[i] = b->column[j][b->shape->order[part->begin + i * n / m]];
  return m;
}

static bool is_constant(const Builder *b, const Part *part, int64_t j) {
  const double *column = b->column[j];
  const int32_t *order = b->shape->order;
  for (int64_t i = part->begin + 1; i < part->end; i++)
    if (column[order[i]] != column[order[part->begin]]) return false;
  return true;
}

/* The column to cut in; -1: all are constant. */
static int64_t choose_column(Builder *b, const Part *part) {
  int64_t best = -1;
  double most = 0;
  for (int64_t j = 0; j < b->d; j++) {
    double variance = variance_of(b->sample, sample_column(b, part, j, b->sample));
    if (variance > most) {
      most = variance;
      best = j;
    }
  }
  for (int64_t j = 0; best < 0 && j < b->d; j++)
    if (!is_constant(b, part, j)) best = j;
  return best;
}

/* The value at place t of n when sorted (Hoare's selection, three parts). */
static double select_value(double *v, int64_t n, int64_t t) {
  int64_t low = 0, high = n;
  for (;;) {
    double a = v[low], m = v[low + (high - low) / 2], c = v[high - 1];
    double pivot = a < m ? (m < c ? m : a < c ? c : a) : (a < c ? a : m < c ? c : m);
    int64_t below = low, i = low, above = high;
    while (i < above) {
      double here = v[i];
      if (here < pivot) {
        v[i++] = v[below];
        v[below++] = here;
      } else if (here > pivot) {
        v[i] = v[--above];
        v[above] = here;
      } else {
        i++;
      }
    }
    if (t < below) {
      high = below;
    } else if (t >= above) {
      low = above;
    } else {
      return pivot;
    }
  }
}

/* Counts of values below and equal to v, and the least value above it (infinity: none). */
typedef struct Around {
  int64_t below, equal;
  double next;
} Around;

static Around look_around(const Builder *b, const Part *part, int64_t j, double v) {
  Around around = {0, 0, INFINITY};
  for (int64_t i = part->begin; i < part->end; i++) {
    double x = b->column[j][b->shape->order[i]];
    around.below += x < v;
    around.equal += x == v;
    if (x > v && x < around.next) around.next = x;
  }
  return around;
}

/* The value below which rows go left: near the median, neither side empty. The column is not
 * constant in the part. */
static double choose_value(Builder *b, const Part *part, int64_t j) {
  int64_t n = part->end - part->begin, m = sample_column(b, part, j, b->sample);
  int64_t unit = n > 2 * TREE_LEAF ? TREE_LEAF : SCAN_BLOCK;
  int64_t half = m < n ? m / 2 : (n / 2 + unit / 2) / unit * unit;
  if (half < 1 || half >= m) half = m / 2;
  double v = select_value(b->sample, m, half);
  Around around = look_around(b, part, j, v);
  if (around.below == 0) return around.next;
  if (around.below + around.equal == n) return v;
  int64_t target = m < n ? n / 2 : half;
  int64_t with = around.below + around.equal - target, without = target - around.below;
  return with < without ? around.next : v;
}

static int64_t partition(const Builder *b, const Part *part, int64_t j, double value) {
  int32_t *order = b->shape->order;
  int64_t left = part->begin, right = 0;
  for (int64_t i = part->begin; i < part->end; i++) {
    int32_t reference = order[i];
    bool below = b->column[j][reference] < value;
    order[left] = reference;
    b->right[right] = reference;
    left += below;
    right += !below;
  }
  memcpy(order + left, b->right, (size_t)right * sizeof *order);
  return left;
}

static Status add_leaf(TreeShape *shape, int64_t node, int64_t n) {
  Status status = OK;
  TRY(RESERVE(&shape->leaves, &shape->leaves_capacity, shape->n_leaves + 1));
  shape->leaves[shape->n_leaves] = (TreeLeaf){(int32_t)shape->n_blocks, (int32_t)n};
  shape->nodes[node] = (TreeNode){0, -1, (int32_t)shape->n_leaves++};
  shape->n_blocks += (n + SCAN_BLOCK - 1) / SCAN_BLOCK;
done:
  return status;
}

/* Depth first, left first, so that leaves come in the order of `order`. */
static Status grow(Builder *b, int64_t n) {
  Status status = OK;
  TreeShape *shape = b->shape;
  Part *stack = NULL;
  int64_t depth = 0, capacity = 0;
  TRY(RESERVE(&stack, &capacity, 1));
  stack[depth++] = (Part){0, 0, n};
  while (depth > 0) {
    Part part = stack[--depth];
    int64_t size = part.end - part.begin;
    int64_t column = size <= TREE_LEAF ? -1 : choose_column(b, &part);
    if (column < 0) {
      TRY(add_leaf(shape, part.node, size));
      continue;
    }
    double value = choose_value(b, &part, column);
    int64_t middle = partition(b, &part, column, value), next = shape->n_nodes;
    TRY(RESERVE(&shape->nodes, &shape->nodes_capacity, next + 2));
    TRY(RESERVE(&stack, &capacity, depth + 2));
    shape->n_nodes += 2;
    shape->nodes[part.node] = (TreeNode){value, (int32_t)column, (int32_t)next};
    stack[depth++] = (Part){next + 1, middle, part.end};
    stack[depth++] = (Part){next, part.begin, middle};
  }
done:
  memory_free(&stack);
  return status;
}

Status tree_shape(const double *const *column, int64_t n, int64_t d, TreeShape *out) {
  Status status = OK;
  Builder b = {.column = column, .d = d, .shape = out};
  *out = (TreeShape){0};
  TRY(NEW_RAW(&out->order, n));
  TRY(NEW_RAW(&b.right, n));
  TRY(RESERVE(&out->nodes, &out->nodes_capacity, 1));
  out->n_nodes = 1;
  for (int64_t i = 0; i < n; i++) out->order[i] = (int32_t)i;
  TRY(grow(&b, n));
done:
  memory_free(&b.right);
  return status;
}

void tree_shape_clear(TreeShape *shape) {
  memory_free(&shape->nodes);
  memory_free(&shape->leaves);
  memory_free(&shape->order);
  *shape = (TreeShape){0};
}
