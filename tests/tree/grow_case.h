/* Random problems for the tests of growers. */
#ifndef SEGUE_TESTS_GROW_CASE_H
#define SEGUE_TESTS_GROW_CASE_H

#include "kernels/base/memory.h"
#include "kernels/tree/grow.h"
#include "tests/check.h"

/* One random problem. */
typedef struct Problem {
  GrowRows rows;
  Bins bins;
  uint8_t *codes;
  uint32_t *target;
  int32_t *weight;
} Problem;

static inline int64_t pick(const Stream *s, uint32_t *draw, int64_t bound) {
  *draw += 64; /* room for rejections */
  return random_integer(s, 0, *draw, bound);
}

static inline void problem_make(Problem *p, const Stream *s, int64_t n, int64_t d,
                                int64_t n_classes, int bits) {
  uint32_t draw = 0;
  int64_t stride = bins_stride(d);
  *p = (Problem){0};
  CHECK_OK(NEW(&p->codes, n * stride));
  CHECK_OK(NEW(&p->target, n));
  CHECK_OK(NEW(&p->weight, n));
  p->bins.d = d;
  CHECK_OK(NEW(&p->bins.offset, d + 1));
  for (int64_t j = 0; j < d; j++) {
    static const int64_t choices[] = {1, 2, 3, 12, 100, 255};
    int64_t bins = choices[pick(s, &draw, 6)];
    bool missing = pick(s, &draw, 3) == 0;
    p->bins.offset[j + 1] = p->bins.offset[j] + bins - 1;
    for (int64_t i = 0; i < n; i++) {
      bool gone = missing && pick(s, &draw, 4) == 0;
      p->codes[i * stride + j] = gone ? BINS_MISSING : (uint8_t)pick(s, &draw, bins);
    }
  }
  int64_t weight = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t levels = n_classes > 2 ? n_classes : INT64_C(1) << bits;
    int64_t target = pick(s, &draw, levels);
    if (i % 3 == 0) target = p->codes[i * stride] % levels;
    p->target[i] = (uint32_t)target;
    p->weight[i] = (int32_t)pick(s, &draw, 4);
    weight += p->weight[i];
  }
  p->weight[0]++;
  p->rows = (GrowRows){.n = n,
                       .bins = &p->bins,
                       .codes = p->codes,
                       .target = p->target,
                       .bits = bits,
                       .n_classes = n_classes,
                       .weight_max = 2 * (weight + 1)};
}

/* Make some features categories: those with a bit in the mask. */
static inline void make_categories(Problem *p, uint64_t mask) {
  int64_t d = p->bins.d;
  CHECK_OK(NEW(&p->bins.category_offset, d + 1));
  for (int64_t j = 0; j < d; j++) {
    p->bins.category_offset[j + 1] = p->bins.category_offset[j] + (int64_t)(mask >> j & 1);
  }
}

static inline void problem_clear(Problem *p) {
  bins_clear(&p->bins);
  memory_free(&p->codes);
  memory_free(&p->target);
  memory_free(&p->weight);
}

static inline void check_same(const GrownTree *got, const GrownTree *want, int64_t d) {
  CHECK_INTEGER(got->n_nodes, want->n_nodes);
  CHECK_INTEGER(got->n_leaf, want->n_leaf);
  if (got->n_nodes != want->n_nodes || got->n_leaf != want->n_leaf) return;
  size_t n = (size_t)got->n_nodes, n_leaf = (size_t)got->n_leaf;
  CHECK(memcmp(got->node, want->node, n * sizeof *got->node) == 0);
  CHECK(memcmp(got->cover, want->cover, n * sizeof *got->cover) == 0);
  CHECK(memcmp(got->importance, want->importance, (size_t)d * sizeof *got->importance) == 0);
  if (n_leaf == 0) return;
  CHECK(memcmp(got->leaf_class, want->leaf_class, n_leaf * sizeof *got->leaf_class) == 0);
  CHECK(memcmp(got->leaf_share, want->leaf_share, n_leaf * sizeof *got->leaf_share) == 0);
}

#endif
