/* TreeSHAP against Shapley's sum over all subsets on small trees, against polynomials leaf by leaf
 * on deep ones with many features, against the shap package, and sums in whole numbers. */
#include "kernels/base/memory.h"
#include "kernels/tree/node.h"
#include "kernels/tree/forest_fit.h"
#include "tests/fixture.h"

enum { LEVELS_BITS = 12, FEATURES_MAX = 48 };

/* A forest of made-up trees; every third feature is a category. */
typedef struct Made {
  Forest forest;
  int32_t *cover;
  uint8_t *codes;
  int64_t n;
} Made;

static uint64_t bits_at(const Stream *s, uint64_t row, int64_t j) {
  return random_bits(s, row, (uint32_t)j);
}

/* Append a random subtree; returns its weight. chain: one child is always a leaf. */
static int64_t grow_made(Made *m, const Stream *s, int64_t tree, int64_t depth, bool chain) {
  Ensemble *e = &m->forest.ensemble;
  int64_t at = e->node_offset[tree + 1]++;
  uint64_t r = bits_at(s, (uint64_t)at, 0);
  if (depth == 0 || (!chain && r % 7 == 0)) {
    int32_t value = (int32_t)(bits_at(s, (uint64_t)at, 1) % (UINT64_C(1) << 30));
    if (m->forest.n_classes > 2) {
      int64_t n_classes = m->forest.n_classes, here = e->leaf_offset[tree + 1];
      value = -1 - (int32_t)(r / 7 % (uint64_t)n_classes);
      if (r % 3 == 0) { /* the classes share alike */
        int32_t share = (1 << 30) / (int32_t)n_classes;
        value = (int32_t)(here - e->leaf_offset[tree]);
        e->leaf_class[here++] = (uint16_t)n_classes;
        for (int64_t c = 0; c < n_classes; c++, here++) {
          e->leaf_class[here] = (uint16_t)c;
          e->leaf_share[here] = share + (int32_t)c * 1000;
        }
        e->leaf_offset[tree + 1] = here;
      }
    }
    e->node[at] = node_leaf(value);
    m->cover[at] = 1 + (int32_t)(r >> 32 & 31);
    return m->cover[at];
  }
  int64_t feature = (int64_t)(r >> 8 & 0xffff) % e->bins.d, bin = (int64_t)(r >> 24 & 7);
  bool category = bins_is_category(&e->bins, feature);
  int64_t node = category ? node_split_set(feature) : node_split(feature, bin, (r >> 31 & 1) != 0);
  for (int64_t w = 1; w < node_words(node); w++) {
    e->node[e->node_offset[tree + 1]++] = (int64_t)bits_at(s, (uint64_t)at, 1 + w);
  }
  int64_t left = grow_made(m, s, tree, chain && (r >> 30 & 1) ? 0 : depth - 1, chain);
  int64_t distance = e->node_offset[tree + 1] - at;
  bool stop = chain && !(r >> 30 & 1);
  int64_t right = grow_made(m, s, tree, stop ? 0 : depth - 1, chain);
  e->node[at] = node | distance;
  m->cover[at] = (int32_t)(left + right);
  return left + right;
}

static void made_init(Made *m, const Stream *s, int64_t d, int64_t n_classes, int64_t depth,
                      bool chain) {
  enum { TREES = 3, NODES = 8192, ROWS = 37 };
  *m = (Made){.n = ROWS};
  m->forest.n_classes = n_classes;
  m->forest.task = n_classes ? TASK_CLASSIFICATION : TASK_REGRESSION;
  m->forest.bits = n_classes ? 1 : LEVELS_BITS;
  m->forest.unit = 1;
  Ensemble *e = &m->forest.ensemble;
  e->n_trees = TREES;
  e->bins.d = d;
  CHECK_OK(NEW(&e->bins.offset, d + 1));
  CHECK_OK(NEW(&e->bins.category_offset, d + 1));
  for (int64_t j = 0; j < d; j++) {
    e->bins.category_offset[j + 1] = e->bins.category_offset[j] + (j % 3 == 2);
  }
  CHECK_OK(NEW(&e->node_offset, TREES + 1));
  CHECK_OK(NEW(&e->leaf_offset, TREES + 1));
  CHECK_OK(NEW(&e->node, NODES));
  CHECK_OK(NEW(&e->leaf_class, 8 * NODES));
  CHECK_OK(NEW(&e->leaf_share, 8 * NODES));
  CHECK_OK(NEW(&m->cover, NODES));
  for (int64_t tree = 0; tree < TREES; tree++) {
    e->node_offset[tree + 1] = e->node_offset[tree];
    e->leaf_offset[tree + 1] = e->leaf_offset[tree];
    grow_made(m, s, tree, tree == 2 ? 0 : depth, chain); /* one tree is a leaf */
  }
  CHECK(e->node_offset[TREES] <= NODES);
  CHECK_OK(NEW(&m->codes, ROWS * bins_stride(d)));
  for (int64_t i = 0; i < ROWS; i++) {
    for (int64_t j = 0; j < d; j++) {
      uint64_t r = bits_at(s, (uint64_t)(100000 + i), j);
      m->codes[i * bins_stride(d) + j] = r % 9 == 0 ? BINS_MISSING : (uint8_t)(r >> 8 & 15);
    }
  }
}

static void made_clear(Made *m) {
  ensemble_clear(&m->forest.ensemble);
  memory_free(&m->cover);
  memory_free(&m->codes);
}

static double value_of(const Forest *forest, int64_t tree, int32_t low, int64_t class) {
  const Ensemble *e = &forest->ensemble;
  int64_t sums[8] = {0};
  if (forest->n_classes <= 2) return low;
  ensemble_add_shares(e, tree, low, sums);
  return (double)sums[class];
}

/* Expectation of a subtree when the row's values of some features are known. */
static double conditional(const Made *m, int64_t tree, int64_t at, const uint8_t *row,
                          uint32_t known, int64_t class) {
  const Ensemble *e = &m->forest.ensemble;
  int64_t node = e->node[at], right = at + node_low(node);
  if (node_is_leaf(node)) return value_of(&m->forest, tree, node_low(node), class);
  uint32_t feature = node_feature(node);
  if (known >> feature & 1) {
    bool left = node_at_goes_left(&e->node[at], row[feature]);
    return conditional(m, tree, left ? at + node_words(node) : right, row, known, class);
  }
  double weight = (double)m->cover[at + node_words(node)] / (double)m->cover[at];
  return weight * conditional(m, tree, at + node_words(node), row, known, class) +
         (1 - weight) * conditional(m, tree, right, row, known, class);
}

static double factorial(int64_t n) { return n < 2 ? 1 : (double)n * factorial(n - 1); }

/* Shapley's sum over subsets. */
static void by_subsets(const Made *m, const uint8_t *row, int64_t class, double *phi) {
  const Ensemble *e = &m->forest.ensemble;
  int64_t d = e->bins.d;
  for (int64_t j = 0; j <= d; j++) phi[j] = 0;
  for (uint32_t set = 0; set < UINT32_C(1) << d; set++) {
    double value = 0;
    for (int64_t tree = 0; tree < e->n_trees; tree++) {
      value += conditional(m, tree, e->node_offset[tree], row, set, class);
    }
    int64_t size = __builtin_popcount(set);
    if (set == 0) phi[d] = value;
    for (int64_t j = 0; j < d; j++) {
      bool in = set >> j & 1;
      int64_t others = size - in;
      double weight = factorial(others) * factorial(d - 1 - others) / factorial(d);
      phi[j] += in ? weight * value : -weight * value;
    }
  }
}

/* A path: shares and whether the row passes, by feature. */
typedef struct Path {
  double share[FEATURES_MAX];
  bool passed[FEATURES_MAX], on[FEATURES_MAX];
} Path;

/* Coefficients of the polynomial in z of all features on the path but j, and Shapley's weights. */
static double leaf_part(const Path *path, int64_t d, int64_t j) {
  double c[FEATURES_MAX + 1] = {1}, sum = 0;
  int64_t degree = 0;
  for (int64_t i = 0; i < d; i++) {
    if (i == j || !path->on[i]) continue;
    degree++;
    for (int64_t k = degree; k > 0; k--) {
      c[k] = c[k] * path->share[i] + (path->passed[i] ? c[k - 1] : 0);
    }
    c[0] *= path->share[i];
  }
  for (int64_t k = 0; k <= degree; k++) {
    sum += c[k] * factorial(k) * factorial(degree - k) / factorial(degree + 1);
  }
  return sum * ((path->passed[j] ? 1 : 0) - path->share[j]);
}

static void by_leaves(const Made *m, int64_t tree, int64_t at, const uint8_t *row, int64_t class,
                      Path path, double *phi) {
  const Ensemble *e = &m->forest.ensemble;
  int64_t node = e->node[at], d = e->bins.d;
  if (node_is_leaf(node)) {
    double value = value_of(&m->forest, tree, node_low(node), class);
    for (int64_t j = 0; j < d; j++) {
      if (path.on[j]) phi[j] += value * leaf_part(&path, d, j);
    }
    return;
  }
  uint32_t f = node_feature(node);
  for (int side = 0; side < 2; side++) {
    Path next = path;
    int64_t child = at + (side ? node_low(node) : node_words(node));
    if (!next.on[f]) next.share[f] = next.passed[f] = next.on[f] = true;
    next.share[f] *= (double)m->cover[child] / (double)m->cover[at];
    bool left = node_at_goes_left(&e->node[at], row[f]);
    next.passed[f] = next.passed[f] && left == (side == 0);
    by_leaves(m, tree, child, row, class, next, phi);
  }
}

static int64_t forest_sum(const Made *m, const uint8_t *row, int64_t class) {
  int64_t sum = 0;
  for (int64_t tree = 0; tree < m->forest.ensemble.n_trees; tree++) {
    int32_t value;
    ensemble_leaves(&m->forest.ensemble, tree, row, NULL, 1, &value);
    sum += (int64_t)value_of(&m->forest, tree, value, class);
  }
  return sum;
}

static void compare(uint64_t seed, int64_t d, int64_t n_classes, int64_t depth, bool chain,
                    bool subsets) {
  Stream s = random_stream(seed, "test/shap", (uint64_t)(100 * d + depth));
  Made m;
  Shap *shap = NULL;
  int64_t *out = NULL, *again = NULL, width = d + 1;
  int32_t *class = NULL;
  int before = check_failures;
  made_init(&m, &s, d, n_classes, depth, chain);
  CHECK_OK(NEW(&out, m.n * width));
  CHECK_OK(NEW(&again, width));
  CHECK_OK(NEW(&class, m.n));
  for (int64_t i = 0; n_classes > 2 && i < m.n; i++) class[i] = (int32_t)(i % n_classes);
  const int32_t *given = n_classes > 2 ? class : NULL;
  ShapTrees trees = forest_shap_trees(&m.forest, m.cover);
  CHECK_OK(shap_new(&trees, &shap));
  shap_explain(shap, m.codes, given, m.n, out);
  for (int64_t i = 0; i < m.n; i++) {
    const uint8_t *row = m.codes + i * bins_stride(d);
    double phi[FEATURES_MAX + 1] = {0};
    int64_t sum = 0;
    if (subsets) {
      by_subsets(&m, row, class[i], phi);
      CHECK_REAL((double)out[i * width + d], phi[d], 2); /* a unit is 2^-30 of the largest value */
    } else {
      const Ensemble *e = &m.forest.ensemble;
      for (int64_t tree = 0; tree < e->n_trees; tree++) {
        by_leaves(
            &m, tree, e->node_offset[tree], row, class [i], (Path) { 0 }, phi);
      }
    }
    for (int64_t j = 0; j < d; j++)
      CHECK_REAL((double)out[i * width + j], phi[j], 3 + (double)d / 2);
    for (int64_t j = 0; j <= d; j++) sum += out[i * width + j];
    CHECK_INTEGER(sum, forest_sum(&m, row, class[i]));
    shap_explain(shap, row, given ? given + i : NULL, 1, again); /* alone as among others */
    CHECK(memcmp(again, out + i * width, (size_t)width * sizeof *again) == 0);
  }
  if (check_failures > before) {
    fprintf(stderr, "seed %llu d %lld classes %lld depth %lld\n", (unsigned long long)seed,
            (long long)d, (long long)n_classes, (long long)depth);
  }
  shap_free(&shap);
  made_clear(&m);
  memory_free(&out);
  memory_free(&again);
  memory_free(&class);
}

/* What the shap package says of a small forest of scikit-learn's; see make_shap.py. */
static void oracle(void) {
  enum { FEATURES = 8, TREES = 3, NODES = 2048 };
  char line[1024];
  FILE *file = fixture_open("shap.csv");
  if (!file) return;
  int64_t node[NODES], offset[TREES + 1] = {0}, edges[FEATURES + 1] = {0}, rows = 0;
  int32_t cover[NODES];
  Forest forest = {.bits = 1, .unit = 0.5}; /* a level of one bit, so 2^29 units, is half of 2^30 */
  forest.ensemble = (Ensemble){.n_trees = TREES, .node_offset = offset, .node = node};
  forest.ensemble.bins = (Bins){.d = FEATURES, .offset = edges};
  Shap *shap = NULL;
  ShapTrees trees = forest_shap_trees(&forest, cover);
  while (fgets(line, sizeof line, file)) {
    char *next = line + 5; /* "node,", "row," */
    if (line[0] == 'n') {
      int64_t tree = strtoll(next, &next, 10), feature = strtoll(next + 1, &next, 10);
      int64_t bin = strtoll(next + 1, &next, 10), distance = strtoll(next + 1, &next, 10);
      int64_t value = strtoll(next + 1, &next, 10), at = offset[tree + 1]++;
      for (int64_t later = tree + 1; later < TREES; later++) offset[later + 1] = offset[tree + 1];
      cover[at] = (int32_t)strtoll(next + 1, &next, 10);
      node[at] = feature < 0 ? node_leaf((int32_t)value) : node_split(feature, bin, 0) | distance;
      continue;
    }
    if (!shap) CHECK_OK(shap_new(&trees, &shap));
    uint8_t codes[FEATURES];
    int64_t out[FEATURES + 1];
    next = line + 3;
    for (int64_t j = 0; j < FEATURES; j++) codes[j] = (uint8_t)strtoll(next + 1, &next, 10);
    shap_explain(shap, codes, NULL, 1, out);
    for (int64_t j = 0; j <= FEATURES; j++) {
      CHECK_REAL((double)out[j] * trees.unit, strtod(next + 1, &next), 1e-8);
    }
    rows++;
  }
  fclose(file);
  CHECK_INTEGER(rows, 25);
  shap_free(&shap);
}

/* Powers of t up to 2n - 1 are integrated exactly. */
static void quadrature(void) {
  for (int64_t n = 1; n <= 40; n++) {
    double point[40], weight[40];
    shap_quadrature(n, point, weight);
    for (int64_t power = 0; power < 2 * n; power++) {
      double sum = 0;
      for (int64_t i = 0; i < n; i++) sum += weight[i] * pow(point[i], (double)power);
      CHECK_REAL(sum, 1 / (double)(power + 1), 1e-14);
    }
  }
}

int main(void) {
  uint64_t seed = 20260711;
  quadrature();
  oracle();
  for (uint64_t round = 0; round < 4; round++) {
    compare(seed + round, 1, 0, 4, false, true);
    compare(seed + round, 3, 0, 7, false, true);
    compare(seed + round, 7, 2, 6, false, true);
    compare(seed + round, 5, 4, 5, false, true);
    compare(seed + round, 9, 0, 8, false, false);
    compare(seed + round, 20, 5, 8, false, false);
    compare(seed + round, FEATURES_MAX, 0, 60, true, false); /* more than thirty on a path */
  }
  CHECK_INTEGER(memory_balance(), 0);
  return check_report("tree/shap");
}
