/* Categories in trees: the node with a set, and walking and reading trees that have such nodes. */
#include "kernels/base/memory.h"
#include "kernels/numeric/random.h"
#include "kernels/tree/ensemble.h"
#include "kernels/tree/node.h"
#include "tests/check.h"

static void words(void) {
  int64_t tree[1 + NODE_SET_WORDS] = {node_split_set(77) | 5};
  const int codes[] = {0, 5, 63, 64, 191, 254, 255};
  for (int k = 0; k < 7; k++) {
    tree[1 + codes[k] / 64] |= (int64_t)(UINT64_C(1) << (codes[k] % 64));
  }
  CHECK(node_is_set(tree[0]) && !node_is_leaf(tree[0]));
  CHECK_INTEGER(node_feature(tree[0]), 77);
  CHECK_INTEGER(node_low(tree[0]), 5);
  CHECK_INTEGER(node_words(tree[0]), 5);
  int left = 0;
  uint8_t table[256];
  node_set_table(tree + 1, table);
  for (int code = 0; code < 256; code++) {
    left += node_at_goes_left(tree, (uint8_t)code);
    CHECK_INTEGER(table[code], node_at_goes_left(tree, (uint8_t)code));
  }
  CHECK_INTEGER(left, 7);
  for (int k = 0; k < 7; k++) CHECK(node_at_goes_left(tree, (uint8_t)codes[k]));
  for (int bin = 0; bin < 255; bin++) {
    for (int side = 0; side < 2; side++) {
      int64_t number = node_split(NODE_FEATURES_MAX, bin, side) | INT32_MAX;
      CHECK(!node_is_set(number) && node_words(number) == 1);
      CHECK(node_at_goes_left(&number, 255) == (side == 1));
      CHECK(node_at_goes_left(&number, (uint8_t)bin));
      if (bin < 254) CHECK(!node_at_goes_left(&number, (uint8_t)(bin + 1)));
    }
  }
  CHECK(!node_is_set(node_leaf(INT32_MIN)) && !node_is_set(node_leaf(INT32_MAX)));
  CHECK_INTEGER(node_words(node_leaf(-1)), 1);
}

enum { NODES = 4096, FEATURES = 5, ROWS = 61 };

typedef struct Made {
  Ensemble ensemble;
  Stream stream;
  uint8_t codes[ROWS * 8];
} Made;

/* Append a random subtree. */
static void grow_made(Made *m, int64_t depth) {
  Ensemble *e = &m->ensemble;
  int64_t at = e->node_offset[e->n_trees + 1]++;
  uint64_t r = random_bits(&m->stream, (uint64_t)at, 0);
  if (depth == 0 || r % 5 == 0) {
    e->node[at] = node_leaf((int32_t)(r >> 20));
    return;
  }
  int64_t feature = (int64_t)(r >> 8) & 0xff;
  feature %= FEATURES;
  int64_t node = node_split(feature, (int64_t)(r >> 16 & 15), (r >> 40 & 1) != 0);
  if (bins_is_category(&e->bins, feature)) node = node_split_set(feature);
  for (int64_t w = 1; w < node_words(node); w++) {
    int64_t set = (int64_t)random_bits(&m->stream, (uint64_t)at, (uint32_t)w);
    e->node[e->node_offset[e->n_trees + 1]++] = set;
  }
  grow_made(m, depth - 1);
  e->node[at] = node | (e->node_offset[e->n_trees + 1] - at);
  grow_made(m, depth - 1);
}

static void made_init(Made *m, uint64_t seed) {
  enum { TREES = 4 };
  Ensemble *e = &m->ensemble;
  *m = (Made){.stream = random_stream(seed, "test/categories", 0)};
  e->bins.d = FEATURES;
  CHECK_OK(NEW(&e->bins.offset, FEATURES + 1));
  CHECK_OK(NEW(&e->bins.edges, 0));
  CHECK_OK(NEW(&e->bins.category_offset, FEATURES + 1));
  CHECK_OK(NEW(&e->bins.category, FEATURES));
  for (int64_t j = 0; j < FEATURES; j++) {
    e->bins.category_offset[j + 1] = e->bins.category_offset[j] + j % 2;
  }
  CHECK_OK(NEW(&e->node_offset, TREES + 1));
  CHECK_OK(NEW(&e->leaf_offset, TREES + 1));
  CHECK_OK(NEW(&e->node, NODES));
  for (int tree = 0; tree < TREES; tree++) {
    e->node_offset[tree + 1] = e->node_offset[tree];
    grow_made(m, tree == 2 ? 0 : 5);
    e->n_trees++;
  }
  CHECK(e->node_offset[TREES] < NODES);
  for (int64_t i = 0; i < ROWS * 8; i++) {
    uint64_t r = random_bits(&m->stream, (uint64_t)(100000 + i), 0);
    m->codes[i] = (uint8_t)(i % 2 ? r : r % 7 == 0 ? 255 : r >> 8 & 15);
  }
}

static void walks(void) {
  Made m;
  made_init(&m, 3);
  int32_t value[ROWS];
  int64_t leaves = 0;
  for (int64_t tree = 0; tree < m.ensemble.n_trees; tree++) {
    const int64_t *node = m.ensemble.node + m.ensemble.node_offset[tree];
    ensemble_leaves(&m.ensemble, tree, m.codes, NULL, ROWS, value);
    for (int64_t i = 0; i < ROWS; i++) {
      int64_t at = 0;
      while (!node_is_leaf(node[at])) {
        uint8_t code = m.codes[i * 8 + node_feature(node[at])];
        bool left = node_at_goes_left(node + at, code);
        at += left ? node_words(node[at]) : node_low(node[at]);
      }
      CHECK_INTEGER(value[i], node_low(node[at]));
    }
    int64_t n = m.ensemble.node_offset[tree + 1] - m.ensemble.node_offset[tree];
    for (int64_t i = 0; i < n; i += node_words(node[i])) leaves += node_is_leaf(node[i]);
  }
  CHECK_INTEGER(ensemble_n_leaves(&m.ensemble), leaves);
  ensemble_clear(&m.ensemble);
}

/* ---- bins ---- */

/* A number, a category of `k` codes of which code c has about 1 / (1 + c % 7) of the rows of code
 * 0, a category without values, a number. Code 5 stands in no row. */
static void bin_matrix(const Comm *comm, int64_t n, int32_t k, Matrix *x) {
  Rows rows = rows_share(comm, n, 8);
  Stream s = random_stream(9, "test/bins", (uint64_t)k);
  CHECK_OK(matrix_init(x, &rows, 4));
  CHECK_OK(NEW(&x->categories, 4));
  x->categories[1] = k;
  x->categories[2] = 3;
  for (int64_t i = 0; i < rows.n; i++) {
    uint64_t row = (uint64_t)(rows.begin + i);
    int64_t code = (int64_t)(random_uniform(&s, row, 0) * k);
    bool kept = random_uniform(&s, row, 1) * (double)(1 + code % 7) < 1 && code != 5;
    matrix_column(x, 0)[i] = random_uniform(&s, row, 2);
    matrix_column(x, 1)[i] = kept ? (double)code : (double)NAN;
    matrix_column(x, 2)[i] = NAN;
    matrix_column(x, 3)[i] = (double)(row % 3);
  }
}

/* Which bin a code must have, by counting: how many codes come before it. */
static int want_bin(const int64_t *rows, int32_t k, int64_t max_bins, int32_t code) {
  int64_t before = 0, occupied = 0;
  for (int32_t c = 0; c < k; c++) {
    occupied += rows[c] > 0;
    if (code == k) continue;
    before += rows[c] > rows[code] || (rows[c] == rows[code] && c < code);
  }
  if (code == k || rows[code] == 0) return occupied > max_bins ? (int)max_bins - 1 : BINS_MISSING;
  if (occupied <= max_bins || before < max_bins - 1) return (int)before;
  return (int)max_bins - 1;
}

static void check_bins(const Bins *bins, int64_t n, int32_t k, int64_t max_bins) {
  Comm self = comm_self();
  Matrix x;
  int64_t *rows = NULL, occupied = 0;
  uint8_t *codes = NULL;
  bin_matrix(&self, n, k, &x);
  CHECK_OK(NEW(&rows, k));
  CHECK_OK(NEW(&codes, n * 8));
  for (int64_t i = 0; i < n; i++) {
    double code = matrix_column(&x, 1)[i];
    if (!isnan(code)) rows[(int64_t)code]++;
  }
  for (int32_t c = 0; c < k; c++) occupied += rows[c] > 0;
  CHECK_INTEGER(bins_of(bins, 1), occupied < max_bins ? occupied : max_bins);
  CHECK_INTEGER(bins_of(bins, 2), 1);
  CHECK_INTEGER(bins_of(bins, 3), 3 < max_bins ? 3 : max_bins);
  CHECK(!bins_is_category(bins, 0) && bins_is_category(bins, 1) && bins_is_category(bins, 2));
  bins_encode(bins, &x, 0, n, codes);
  for (int64_t i = 0; i < n; i++) {
    double code = matrix_column(&x, 1)[i];
    CHECK_INTEGER(codes[i * 8 + 2], BINS_MISSING);
    CHECK_INTEGER(codes[i * 8 + 1],
                  isnan(code) ? BINS_MISSING : want_bin(rows, k, max_bins, (int32_t)code));
  }
  const double odd[] = {5, (double)k, 1e300, -1, -INFINITY, NAN}; /* no row has 5 */
  for (int i = 0; i < 6; i++) {
    uint8_t code = 0;
    bins_encode_categories(bins, 1, &odd[i], 1, &code);
    CHECK_INTEGER(code, i < 3 ? want_bin(rows, k, max_bins, k) : BINS_MISSING);
  }
  matrix_clear(&x);
  memory_free(&rows);
  memory_free(&codes);
}

static void bins(int64_t n, int32_t k, int64_t max_bins) {
  Comm world = comm_world();
  Matrix x;
  Bins made = {0}, read = {0};
  Fields fields, copy;
  bin_matrix(&world, n, k, &x);
  CHECK_OK(bins_fit_all(&world, &x, max_bins, &made));
  check_bins(&made, n, k, max_bins);
  fields_init(&fields, FIELDS_OUT);
  CHECK_OK(bins_fields(&made, &fields));
  CHECK_OK(fields_copy(&fields, &copy));
  CHECK_OK(bins_fields(&read, &copy));
  check_bins(&read, n, k, max_bins);
  fields_clear(&fields);
  fields_clear(&copy);
  bins_clear(&read);
  made.category[0] = 254; /* a bin that there is not */
  fields_init(&fields, FIELDS_OUT);
  CHECK(bins_fields(&made, &fields) == FORMAT || bins_of(&made, 1) == BINS_MAX);
  fields_clear(&fields);
  bins_clear(&made);
  memory_free(&x.categories); /* the same as numbers: what files have always held */
  CHECK_OK(bins_fit_all(&world, &x, max_bins, &made));
  CHECK(!bins_any_category(&made));
  fields_init(&fields, FIELDS_OUT);
  CHECK_OK(bins_fields(&made, &fields));
  CHECK_INTEGER(fields.n, 3);
  fields_clear(&fields);
  bins_clear(&made);
  matrix_clear(&x);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  words();
  walks();
  bins(300, 9, 255);
  bins(300, 9, 4);
  bins(300, 9, 2);
  bins(5000, 700, 255);
  bins(3, 6, 255);
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("tree/categories");
  MPI_Finalize();
  return result;
}
