/* Walking many rows: on random trees of every shape all ways give the same leaves and sums as going
 * node by node, for any rows; one row or many. */
#include "kernels/base/memory.h"
#include "kernels/numeric/random.h"
#include "kernels/tree/bush.h"
#include "kernels/tree/node.h"
#include "kernels/tree/walk.h"
#include "tests/check.h"

static const uint64_t SEED = 31;

typedef enum Shape { LEAF_ALONE, SMALL, CHAIN, BUSHY, LARGE, SHAPES } Shape;

typedef struct Case {
  Ensemble ensemble;
  Stream stream;
  int64_t node_capacity, drawn, values;
  Matrix x;
} Case;

static int64_t draw(Case *c, int64_t bound) {
  return random_integer(&c->stream, (uint64_t)c->drawn++, 0, bound);
}

static int64_t append(Case *c, int64_t word) {
  Ensemble *e = &c->ensemble;
  int64_t at = e->node_offset[e->n_trees]++;
  CHECK_OK(RESERVE(&e->node, &c->node_capacity, at + 1));
  e->node[at] = word;
  return at;
}

/* Append a random subtree with so many leaves; a chain takes one off at a time. */
static void grow(Case *c, int64_t leaves, bool chain) {
  if (leaves == 1) {
    append(c, node_leaf((int32_t)(draw(c, INT64_C(1) << 32) - (INT64_C(1) << 31))));
    return;
  }
  Ensemble *e = &c->ensemble;
  int64_t feature = draw(c, e->bins.d), left = 1 + draw(c, leaves - 1), at = 0;
  if (chain) left = draw(c, 2) ? 1 : leaves - 1;
  if (bins_is_category(&e->bins, feature)) {
    at = append(c, node_split_set(feature));
    for (int w = 0; w < NODE_SET_WORDS; w++) {
      append(c, (int64_t)random_bits(&c->stream, (uint64_t)c->drawn++, 0));
    }
  } else {
    at = append(c, node_split(feature, draw(c, c->values), draw(c, 3) == 0));
  }
  int64_t start = e->node_offset[e->n_trees - 1];
  grow(c, left, chain);
  e->node[at] |= e->node_offset[e->n_trees] - at;
  CHECK(at >= start);
  grow(c, leaves - left, chain);
}

static int64_t leaves_of(Case *c, Shape shape) {
  switch (shape) {
    case LEAF_ALONE: return 1;
    case SMALL: return 2 + draw(c, 62);
    case CHAIN: return 2 + draw(c, 600);
    case BUSHY: return 65 + draw(c, 192);
    default: return 257 + draw(c, 5000);
  }
}

/* d features of up to `values` + 1 values; every third one a category when sets is true. */
static void case_make(Case *c, uint64_t number, int64_t d, int64_t trees, Shape shape, bool sets) {
  *c = (Case){.stream = random_stream(SEED, "test/walk", number)};
  Ensemble *e = &c->ensemble;
  c->values = number % 3 == 1 ? 254 : 2 + draw(c, 40);
  e->bins.d = d;
  CHECK_OK(NEW(&e->bins.offset, d + 1));
  CHECK_OK(NEW(&e->bins.edges, d * c->values));
  if (sets) CHECK_OK(NEW(&e->bins.category_offset, d + 1));
  for (int64_t j = 0; j < d; j++) {
    bool set = sets && j % 3 == 1;
    e->bins.offset[j + 1] = e->bins.offset[j] + (set ? 0 : c->values);
    if (sets) e->bins.category_offset[j + 1] = e->bins.category_offset[j] + set;
    for (int64_t b = 0; b < c->values && !set; b++) {
      e->bins.edges[e->bins.offset[j] + b] = (double)b + 0.5;
    }
  }
  CHECK_OK(NEW(&e->node_offset, trees + 1));
  for (int64_t t = 0; t < trees; t++) {
    e->n_trees = t + 1;
    e->node_offset[t + 1] = e->node_offset[t];
    Shape own = shape == SHAPES ? (Shape)draw(c, SHAPES) : shape;
    grow(c, leaves_of(c, own), own == CHAIN);
  }
}

static void case_clear(Case *c) {
  ensemble_clear(&c->ensemble);
  matrix_clear(&c->x);
}

/* A leaf, node by node. */
static int32_t leaf_ref(const Ensemble *e, int64_t tree, const uint8_t *codes) {
  const int64_t *node = e->node + e->node_offset[tree];
  while (!node_is_leaf(*node)) {
    bool left = node_at_goes_left(node, codes[node_feature(*node)]);
    node += left ? node_words(*node) : node_low(*node);
  }
  return node_low(*node);
}

static void fill_codes(Case *c, int64_t n, uint8_t *codes) {
  int64_t stride = bins_stride(c->ensemble.bins.d);
  for (int64_t i = 0; i < n * stride; i++) {
    bool in = i % stride < c->ensemble.bins.d;
    codes[i] = in ? (uint8_t)(draw(c, 9) ? draw(c, c->values + 1) : BINS_MISSING) : 0;
  }
}

/* All rows and a part of them, with and without a layout. */
static void check_leaves(Case *c, const Walk *walk, int64_t n) {
  const Ensemble *e = &c->ensemble;
  int64_t stride = bins_stride(e->bins.d), n_some = 0, wrong = 0;
  WalkBlock block;
  int32_t *value = NULL, *some = NULL;
  CHECK_OK(walk_block_init(e, walk, n, &block));
  CHECK_OK(NEW(&value, n));
  CHECK_OK(NEW(&some, n));
  fill_codes(c, n, block.codes);
  walk_block_set(&block, n);
  for (int64_t i = 0; i < n; i++) {
    some[n_some] = (int32_t)i;
    n_some += draw(c, 3) > 0;
  }
  for (int64_t t = 0; t < e->n_trees; t++) {
    walk_leaves(&block, t, NULL, n, value);
    for (int64_t i = 0; i < n; i++) {
      wrong += value[i] != leaf_ref(e, t, block.codes + i * stride);
      value[i] = 77;
    }
    walk_leaves(&block, t, some, n_some, value);
    for (int64_t i = 0, k = 0; i < n; i++) {
      bool in = k < n_some && some[k] == i;
      wrong += value[i] != (in ? leaf_ref(e, t, block.codes + i * stride) : 77);
      k += in;
    }
  }
  CHECK_INTEGER(wrong, 0);
  int32_t *row_value = NULL;
  CHECK_OK(NEW(&row_value, e->n_trees));
  ensemble_row_leaves(e, 0, e->n_trees, block.codes, row_value);
  for (int64_t t = 0; t < e->n_trees; t++) CHECK_INTEGER(row_value[t], leaf_ref(e, t, block.codes));
  memory_free(&row_value);
  memory_free(&value);
  memory_free(&some);
  walk_block_clear(&block);
}

static void leaves(void) {
  static const int64_t rows[] = {1, 31, 32, 64, 65, 200, 256, 257, 1000, 5000};
  static const int64_t features[] = {1, 5, 16, 64, 65, 300};
  for (uint64_t number = 0; number < 60; number++) {
    Case c;
    int64_t n = rows[number % 10], d = features[number % 6];
    case_make(&c, number, d, number % 7 == 0 ? 1 : 4, (Shape)(number % (SHAPES + 1)),
              number % 4 == 3);
    const Walk *walk = NULL;
    check_leaves(&c, NULL, n);
    CHECK_OK(walk_of(&c.ensemble, INT64_C(1) << 30, &walk));
    CHECK((walk != NULL) == bush_available());
    check_leaves(&c, walk, n);
    case_clear(&c);
  }
}

static void finish(const void *model, const int64_t *sums, double *out) {
  int64_t width = *(const int64_t *)model;
  for (int64_t k = 0; k < width; k++) out[k] = (double)sums[k];
}

/* Predictions are sums of what single rows reach: of output t % width, many rows or one. */
static void check_predictions(uint64_t number, int64_t n, int64_t d, int64_t trees, int64_t width,
                              Shape shape) {
  Case c;
  Comm self = comm_self();
  Rows rows = rows_share(&self, n, 16);
  double *out = NULL, *alone = NULL;
  uint8_t *codes = NULL;
  case_make(&c, number, d, trees, shape, false);
  CHECK_OK(matrix_init(&c.x, &rows, d));
  CHECK_OK(NEW(&out, n * width));
  CHECK_OK(NEW(&alone, width));
  CHECK_OK(NEW(&codes, n * bins_stride(d)));
  for (int64_t j = 0; j < d; j++) {
    for (int64_t i = 0; i < n; i++) {
      matrix_column(&c.x, j)[i] = draw(&c, 9) ? (double)draw(&c, c.values + 1) : NAN;
    }
  }
  WalkTask task = {
      .ensemble = &c.ensemble, .width = width, .outputs = width, .model = &width, .finish = finish};
  CHECK_OK(walk_predict(&task, &c.x, out));
  bins_encode(&c.ensemble.bins, &c.x, 0, n, codes);
  int64_t wrong = 0;
  for (int64_t i = 0; i < n; i++) {
    for (int64_t k = 0; k < width; k++) {
      double sum = 0;
      for (int64_t t = k; t < trees; t += width) {
        sum += leaf_ref(&c.ensemble, t, codes + i * bins_stride(d));
      }
      wrong += sum != out[i * width + k];
    }
  }
  CHECK_INTEGER(wrong, 0);
  Matrix one = c.x;
  one.rows.n = one.rows.n_global = 1;
  for (int64_t i = 0; i < n; i += 1 + n / 7) {
    one.data = c.x.data + i;
    CHECK_OK(walk_predict(&task, &one, alone));
    for (int64_t k = 0; k < width; k++) CHECK_REAL(alone[k], out[i * width + k], 0);
  }
  memory_free(&out);
  memory_free(&alone);
  memory_free(&codes);
  case_clear(&c);
}

static void predictions(void) {
  check_predictions(100, 1, 3, 1, 1, LEAF_ALONE);
  check_predictions(101, 15, 3, 5, 1, SMALL);
  check_predictions(102, 16, 9, 70, 3, BUSHY);
  check_predictions(103, 300, 7, 600, 1, SMALL); /* more trees than two bytes hold sums of */
  check_predictions(104, 1025, 16, 20, 2, SHAPES);
  check_predictions(105, 3000, 5, 9, 1, LARGE);
  check_predictions(106, 700, 80, 6, 1, LARGE); /* too wide to gather rows */
  check_predictions(107, 500, 4, 12, 1, CHAIN);
}

/* Rows beyond one block. */
static void blocks(void) { check_predictions(200, WALK_ROWS + 100, 2, 2, 1, SHAPES); }

/* The most features that there are. */
static void wide(void) {
  Case c;
  int64_t d = NODE_FEATURES_MAX + 1;
  const Walk *walk = NULL;
  case_make(&c, 300, d, 3, SMALL, false);
  CHECK_OK(walk_of(&c.ensemble, 1000, &walk));
  CHECK(walk == NULL);
  check_leaves(&c, NULL, 40);
  case_clear(&c);
  case_make(&c, 301, BUSH_FEATURES, 3, SMALL, false);
  CHECK_OK(walk_of(&c.ensemble, 1000, &walk));
  check_leaves(&c, walk, 70);
  case_clear(&c);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  printf("seed %llu; bushes: %s\n", (unsigned long long)SEED, bush_available() ? "yes" : "no");
  leaves();
  predictions();
  blocks();
  wide();
  CHECK_INTEGER(memory_balance(), 0);
  MPI_Finalize();
  return check_report("walk");
}
