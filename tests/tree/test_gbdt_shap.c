/* SHAP values of boosted trees: they add up to raw predictions, are Shapley's sums over subsets,
 * covers count training rows, and they are what the shap package says of LightGBM's trees. */
#include "kernels/tree/gbdt_report.h"
#include "kernels/tree/node.h"
#include "tests/fixture.h"
#include "tests/tree/gbdt_case.h"

enum { N = 500, D = 5, OUTPUTS = 4 };

typedef struct Fitted {
  Data data;
  Gbdt model;
  BoostHistory history;
} Fitted;

static void fit(Fitted *f, const GbdtOptions *options, int64_t n_classes) {
  Comm self = comm_self();
  BoostConstraints none = {0};
  *f = (Fitted){0};
  data_make(&f->data, &self, N, D, n_classes, PLAIN);
  f->model.task = f->data.training.task;
  f->model.n_classes = n_classes;
  f->model.loss = (BoostLoss){.alpha = 0.5, .outputs = n_classes > 2 ? n_classes : 1};
  f->model.loss.objective = !n_classes       ? BOOST_SQUARED
                            : n_classes == 2 ? BOOST_LOGISTIC
                                             : BOOST_SOFTMAX;
  CHECK_OK(bins_fit_all(&self, f->data.training.x, 255, &f->model.ensemble.bins));
  CHECK_OK(boost_fit_all(&self, &f->data.training, options, &none, NULL, &f->model, &f->history));
}

static void fitted_clear(Fitted *f) {
  boost_history_clear(&f->history);
  boost_loss_clear(&f->model.loss);
  ensemble_clear(&f->model.ensemble);
  data_clear(&f->data);
}

/* Every row is counted once in every node that it comes to. */
static void check_covers(const Fitted *f, const uint8_t *codes) {
  const Ensemble *e = &f->model.ensemble;
  int64_t nodes = e->node_offset[e->n_trees], wrong = 0;
  int32_t *count = NULL;
  CHECK_OK(NEW(&count, nodes));
  for (int64_t tree = 0; tree < e->n_trees; tree++) {
    for (int64_t i = 0; i < N; i++) {
      const uint8_t *row = codes + i * bins_stride(D);
      int64_t at = e->node_offset[tree];
      for (count[at]++; !node_is_leaf(e->node[at]); count[at]++) {
        bool left = node_at_goes_left(&e->node[at], row[node_feature(e->node[at])]);
        at += left ? node_words(e->node[at]) : node_low(e->node[at]);
      }
    }
  }
  for (int64_t i = 0; i < nodes; i++) wrong += count[i] != f->history.cover[i];
  CHECK_INTEGER(wrong, 0);
  memory_free(&count);
}

/* Expectation of a tree for a row of which some features are known. */
static double conditional(const Fitted *f, int64_t at, const uint8_t *row, uint32_t known) {
  const Ensemble *e = &f->model.ensemble;
  const int32_t *cover = f->history.cover;
  int64_t node = e->node[at];
  if (node_is_leaf(node)) return node_low(node);
  int64_t left = at + node_words(node), right = at + node_low(node);
  if (known >> node_feature(node) & 1) {
    bool goes = node_at_goes_left(&e->node[at], row[node_feature(node)]);
    return conditional(f, goes ? left : right, row, known);
  }
  return ((double)cover[left] * conditional(f, left, row, known) +
          (double)cover[right] * conditional(f, right, row, known)) /
         (double)cover[at];
}

static void by_subsets(const Fitted *f, const uint8_t *row, int64_t output, double phi[D]) {
  static const double factorial[] = {1, 1, 2, 6, 24, 120};
  const Ensemble *e = &f->model.ensemble;
  memset(phi, 0, D * sizeof *phi);
  for (uint32_t set = 0; set < 1u << D; set++) {
    double value = 0;
    for (int64_t tree = output; tree < e->n_trees; tree += f->model.loss.outputs)
      value += conditional(f, e->node_offset[tree], row, set);
    for (int64_t j = 0; j < D; j++) {
      bool in = set >> j & 1;
      int others = __builtin_popcount(set) - in;
      double weight = factorial[others] * factorial[D - 1 - others] / factorial[D];
      phi[j] += in ? weight * value : -weight * value;
    }
  }
}

static void compare(int64_t n_classes) {
  GbdtOptions options = defaults();
  Fitted f;
  Shap *shap = NULL;
  uint8_t *codes = NULL;
  int32_t *class = NULL, *leaf = NULL;
  int64_t *out = NULL, stride = bins_stride(D);
  options.shap_rows = 1;
  fit(&f, &options, n_classes);
  const Ensemble *e = &f.model.ensemble;
  ShapTrees trees = gbdt_shap_trees(&f.model, f.history.cover);
  CHECK_OK(NEW(&codes, N * stride));
  CHECK_OK(NEW(&class, N));
  CHECK_OK(NEW(&leaf, N));
  CHECK_OK(NEW(&out, N * (D + 1)));
  bins_encode(&e->bins, &f.data.x, 0, N, codes);
  check_covers(&f, codes);
  for (int64_t i = 0; i < N; i++) class[i] = (int32_t)(i % trees.outputs);
  CHECK_OK(shap_new(&trees, &shap));
  shap_explain(shap, codes, trees.outputs > 1 ? class : NULL, N, out);
  for (int64_t i = 0; i < N; i++) {
    int64_t sum = 0, level = 0;
    double phi[D];
    for (int64_t tree = class[i]; tree < e->n_trees; tree += trees.outputs) {
      ensemble_leaves(e, tree, codes + i * stride, NULL, 1, leaf);
      level += leaf[0];
    }
    for (int64_t j = 0; j <= D; j++) sum += out[i * (D + 1) + j];
    CHECK_INTEGER(sum, level);
    if (i % 17) continue;
    by_subsets(&f, codes + i * stride, class[i], phi);
    for (int64_t j = 0; j < D; j++) CHECK_REAL((double)out[i * (D + 1) + j], phi[j], 8);
  }
  shap_free(&shap);
  memory_free(&codes);
  memory_free(&class);
  memory_free(&leaf);
  memory_free(&out);
  fitted_clear(&f);
}

/* Trees of LightGBM's and what the shap package says of them; see make_shap_gbdt.py. */
static void oracle(int64_t outputs) {
  enum { FEATURES = 6, TREES = 64, NODES = 4096 };
  char line[1024];
  FILE *file = fixture_open("shap_gbdt.csv");
  if (!file) return;
  static int64_t node[NODES], offset[TREES + 1];
  static int32_t cover[NODES];
  int64_t edges[FEATURES + 1] = {0}, rows = 0;
  double low[OUTPUTS] = {0}, high[OUTPUTS] = {0}, furthest = 0;
  Gbdt model = {.loss = {.outputs = outputs, .unit = 0x1p-24}};
  model.ensemble = (Ensemble){.node_offset = offset, .node = node};
  model.ensemble.bins = (Bins){.d = FEATURES, .offset = edges};
  Shap *shap = NULL;
  offset[0] = 0;
  while (fgets(line, sizeof line, file)) {
    char *next = strchr(line, ',');
    if (strtoll(next + 1, &next, 10) != outputs) continue;
    if (line[0] == 'n') {
      int64_t tree = strtoll(next + 1, &next, 10), feature = strtoll(next + 1, &next, 10);
      int64_t bin = strtoll(next + 1, &next, 10), distance = strtoll(next + 1, &next, 10);
      int64_t value = strtoll(next + 1, &next, 10);
      if (tree == model.ensemble.n_trees) offset[++model.ensemble.n_trees] = offset[tree];
      int64_t at = offset[tree + 1]++;
      cover[at] = (int32_t)strtoll(next + 1, &next, 10);
      node[at] = feature < 0 ? node_leaf((int32_t)value) : node_split(feature, bin, 0) | distance;
      continue;
    }
    ShapTrees trees = gbdt_shap_trees(&model, cover);
    if (!shap) CHECK_OK(shap_new(&trees, &shap));
    uint8_t codes[8]; /* bins_stride */
    int64_t out[FEATURES + 1];
    double sum = 0;
    int32_t class = (int32_t)strtoll(next + 1, &next, 10);
    for (int64_t j = 0; j < FEATURES; j++) codes[j] = (uint8_t)strtoll(next + 1, &next, 10);
    shap_explain(shap, codes, outputs > 1 ? &class : NULL, 1, out);
    for (int64_t j = 0; j <= FEATURES; j++) {
      double want = strtod(next + 1, &next);
      furthest = fmax(furthest, fabs((double)out[j] * trees.unit - want));
      sum += want;
    }
    low[class] = fmin(low[class], sum);
    high[class] = fmax(high[class], sum);
    rows++;
  }
  fclose(file);
  CHECK(rows > 20);
  CHECK(furthest <= 1e-6 * (high[0] - low[0]));
  shap_free(&shap);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  compare(0);
  compare(2);
  compare(3);
  oracle(1);
  oracle(3);
  CHECK_INTEGER(memory_balance(), 0);
  if (check_failures > 0) fprintf(stderr, "seed %llu\n", (unsigned long long)SEED);
  int failed = check_report("gbdt_shap");
  MPI_Finalize();
  return failed;
}
