/* The grower against the plain one: same trees, bit for bit, on small random inputs. */
#include "grow_case.h"
#include "kernels/tree/grow_ref.h"
#include "kernels/tree/node.h"

static void compare(uint64_t seed, int64_t n, int64_t d, int64_t n_classes, int bits,
                    uint64_t categories, const GrowOptions *options) {
  Problem p;
  Stream s = random_stream(seed, "test/grow", (uint64_t)n);
  Stream nodes = random_stream(seed, "test/nodes", 0);
  problem_make(&p, &s, n, d, n_classes, bits);
  if (categories) make_categories(&p, categories);
  Grower *grower = NULL;
  GrownTree got, want;
  CHECK_OK(grow_new(&p.rows, options, &grower));
  CHECK_OK(grow_tree_ref(&p.rows, options, p.weight, &nodes, &want));
  int before = check_failures;
  for (int again = 0; again < 2; again++) { /* nothing is left behind by the first tree */
    grow_tree(grower, p.weight, &nodes, &got);
    check_same(&got, &want, d);
  }
  if (check_failures > before) {
    fprintf(stderr, "seed %llu n %lld d %lld classes %lld bits %d features %lld leaf %lld set %d\n",
            (unsigned long long)seed, (long long)n, (long long)d, (long long)n_classes, bits,
            (long long)options->features, (long long)options->min_samples_leaf,
            (int)(categories & 0x7ff));
  }
  grow_tree_ref_clear(&want);
  grow_free(&grower);
  problem_clear(&p);
}

/* What the rows of a node of the full tree are, and whether the best-first tree splits it. */
typedef struct Grown {
  int64_t weight, sum, created;
  double decrease;
  bool open, expanded;
} Grown;

static bool leaf_of(const GrownTree *t, int64_t i) { return node_is_leaf(t->node[i]); }
static int64_t right_of(const GrownTree *t, int64_t i) { return i + node_low(t->node[i]); }

/* Drop all rows through the full tree. */
static void fill_grown(const Problem *p, const GrownTree *t, Grown *grown) {
  int64_t stride = bins_stride(p->bins.d);
  for (int64_t i = 0; i < p->rows.n; i++) {
    for (int64_t at = 0;;) {
      grown[at].weight += p->weight[i];
      grown[at].sum += (int64_t)p->weight[i] * p->target[i];
      if (leaf_of(t, at)) break;
      uint8_t code = p->codes[i * stride + node_feature(t->node[at])];
      at = node_goes_left(t->node[at], code) ? at + 1 : right_of(t, at);
    }
  }
  for (int64_t at = 0; at < t->n_nodes; at++) {
    if (leaf_of(t, at)) continue;
    const Grown *left = &grown[at + 1], *all = &grown[at];
    double gain = grow_gain(left->sum, left->weight, all->sum, all->weight);
    grown[at].decrease = gain / (double)all->weight;
  }
}

/* The best-first tree from node at of the full one, against the tree that was grown. */
static void check_pruned(const GrownTree *full, const Grown *grown, int64_t at,
                         const GrownTree *got, int64_t *next, int bits) {
  int64_t here = (*next)++;
  if (here >= got->n_nodes) return;
  if (!grown[at].expanded) {
    int64_t scaled = grown[at].sum << (GROW_SHARE_BITS - bits);
    CHECK(leaf_of(got, here));
    CHECK_INTEGER(node_low(got->node[here]), (scaled + grown[at].weight / 2) / grown[at].weight);
    return;
  }
  CHECK_INTEGER(got->node[here] >> 32, full->node[at] >> 32);
  check_pruned(full, grown, at + 1, got, next, bits);
  if (!leaf_of(got, here)) CHECK_INTEGER(right_of(got, here), *next);
  check_pruned(full, grown, right_of(full, at), got, next, bits);
}

/* Split the best open node of the full tree until there are so many leaves. */
static int64_t expand(const GrownTree *full, Grown *grown, int64_t max_leaves) {
  int64_t leaves = 1, created = 1;
  for (grown[0].open = true; leaves < max_leaves; leaves++) {
    int64_t best = -1;
    for (int64_t i = 0; i < full->n_nodes; i++) {
      if (!grown[i].open || leaf_of(full, i)) continue;
      bool better = best < 0 || grown[i].decrease > grown[best].decrease;
      bool tie = best >= 0 && grown[i].decrease == grown[best].decrease;
      if (better || (tie && grown[i].created < grown[best].created)) best = i;
    }
    if (best < 0) break;
    grown[best].open = false;
    grown[best].expanded = true;
    for (int side = 0; side < 2; side++) {
      Grown *child = &grown[side ? right_of(full, best) : best + 1];
      child->open = true;
      child->created = created++;
    }
  }
  return leaves;
}

/* With a limit of leaves the tree is the full one, expanded greedily; without need, all of it. */
static void best_first(uint64_t seed) {
  for (uint64_t round = 0; round < 60; round++) {
    Stream s = random_stream(seed, "test/best", round),
           nodes = random_stream(seed, "test/nodes", 1);
    uint32_t draw = 0;
    int before = check_failures, bits = round % 2 ? 1 : 10;
    Problem p;
    GrowOptions options = {
        .max_depth = INT64_MAX, .min_samples_leaf = 1, .min_samples_split = 2, .features = 2};
    problem_make(&p, &s, 200, 4, 0, bits);
    Grower *grower = NULL;
    Grown *grown = NULL;
    GrownTree full, got;
    CHECK_OK(grow_tree_ref(&p.rows, &options, p.weight, &nodes, &full));
    CHECK_OK(NEW(&grown, full.n_nodes));
    fill_grown(&p, &full, grown);
    options.max_leaves = 2 + pick(&s, &draw, round % 3 ? 40 : 300);
    int64_t leaves = expand(&full, grown, options.max_leaves), next = 0;
    CHECK_OK(grow_new(&p.rows, &options, &grower));
    grow_tree(grower, p.weight, &nodes, &got);
    CHECK_INTEGER(got.n_nodes, 2 * leaves - 1);
    check_pruned(&full, grown, 0, &got, &next, bits);
    CHECK_INTEGER(next, got.n_nodes);
    if (check_failures > before) {
      fprintf(stderr, "seed %llu round %llu\n", (unsigned long long)seed,
              (unsigned long long)round);
    }
    memory_free(&grown);
    grow_tree_ref_clear(&full);
    grow_free(&grower);
    problem_clear(&p);
  }
}

/* A limit that is not reached changes nothing, with classes too. */
static void ample_leaves(uint64_t seed, int64_t n_classes) {
  Stream s = random_stream(seed, "test/ample", 0), nodes = random_stream(seed, "test/nodes", 2);
  Problem p;
  GrowOptions options = {
      .max_depth = 9, .min_samples_leaf = 2, .min_samples_split = 2, .features = 3};
  problem_make(&p, &s, 400, 5, n_classes, 5);
  Grower *grower = NULL;
  GrownTree want, got;
  CHECK_OK(grow_tree_ref(&p.rows, &options, p.weight, &nodes, &want));
  options.max_leaves = 1000;
  CHECK_OK(grow_new(&p.rows, &options, &grower));
  grow_tree(grower, p.weight, &nodes, &got);
  check_same(&got, &want, 5);
  grow_tree_ref_clear(&want);
  grow_free(&grower);
  problem_clear(&p);
}

static void random_problems(uint64_t seed) {
  static const int64_t classes[] = {0, 0, 3, 7, 60};
  static const int bits[] = {1, 7, 16};
  for (uint64_t round = 0; round < 240; round++) {
    Stream s = random_stream(seed, "test/round", round);
    uint32_t draw = 0;
    int64_t n = 1 + pick(&s, &draw, round % 8 == 0 ? 700 : 60), d = 1 + pick(&s, &draw, 11);
    GrowOptions options = {.max_depth = INT64_MAX, .min_samples_leaf = 1, .min_samples_split = 2};
    options.features = pick(&s, &draw, 2) ? d : 1 + pick(&s, &draw, d);
    if (pick(&s, &draw, 3) == 0) options.min_samples_leaf = 1 + pick(&s, &draw, 6);
    if (pick(&s, &draw, 3) == 0) options.min_samples_split = 2 + pick(&s, &draw, 12);
    if (pick(&s, &draw, 3) == 0) options.max_depth = pick(&s, &draw, 6);
    options.random = round % 3 == 2;
    if (round % 5 == 4) options.min_decrease = random_uniform(&s, 1, 0) * 0.02;
    int64_t n_classes = classes[pick(&s, &draw, 5)];
    int level_bits = bits[pick(&s, &draw, 3)];
    uint64_t categories = round % 4 == 3 ? random_bits(&s, 2, 0) : 0;
    compare(seed + round, n, d, n_classes, level_bits, categories, &options);
  }
}

/* Large enough for histograms by subtraction. */
static void histograms(uint64_t seed) {
  GrowOptions options = {
      .max_depth = 7, .min_samples_leaf = 1, .min_samples_split = 2, .features = 3};
  compare(seed, 3000, 3, 0, 12, 0, &options);
  options.features = 2;
  compare(seed, 3000, 3, 0, 12, 0, &options);
  options.features = 1;
  compare(seed, 2000, 3, 0, 7, 0, &options);
  compare(seed, 2000, 3, 20, 7, 0, &options);
  options = (GrowOptions){
      .max_depth = 8, .min_samples_leaf = 2, .min_samples_split = 2, .features = 3, .random = true};
  compare(seed, 2000, 3, 0, 12, 0, &options);
  compare(seed, 2000, 3, 20, 7, 0, &options);
  compare(seed, 600, 3, 0, 12, 5, &options);
  compare(seed, 600, 3, 20, 7, 7, &options);
  options.random = false;
  options.max_depth = 4;
  compare(seed, 600, 3, 0, 12, 7, &options);
  compare(seed, 600, 3, 0, 12, 2, &options);
  compare(seed, 600, 3, 20, 7, 5, &options);
}

static void small_cases(void) {
  int64_t offset[] = {0, 3};
  Bins bins = {.d = 1, .offset = offset};
  uint8_t codes[] = {0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0};
  uint32_t target[] = {10, 20};
  int32_t weight[] = {1, 3};
  GrowRows rows = {
      .n = 2, .bins = &bins, .codes = codes, .target = target, .bits = 7, .weight_max = 8};
  GrowOptions options = {
      .max_depth = INT64_MAX, .min_samples_leaf = 1, .min_samples_split = 2, .features = 1};
  Stream nodes = random_stream(1, "test/nodes", 0);
  Grower *grower = NULL;
  GrownTree tree;
  CHECK_OK(grow_new(&rows, &options, &grower));
  grow_tree(grower, weight, &nodes, &tree);
  CHECK_INTEGER(tree.n_nodes, 3);
  CHECK_INTEGER(node_feature(tree.node[0]), 0);
  CHECK_INTEGER(node_bin(tree.node[0]), 1);          /* the middle of bins 0 and 3, rounded down */
  CHECK_INTEGER(node_missing_left(tree.node[0]), 0); /* right is heavier */
  CHECK_INTEGER(node_low(tree.node[0]), 2);
  CHECK_INTEGER(node_low(tree.node[1]), 10 << 23);
  CHECK_INTEGER(node_low(tree.node[2]), 20 << 23);
  CHECK_INTEGER(tree.importance[0], INT64_C(1) << GROW_IMPORTANCE_BITS);
  weight[0] = 0;
  grow_tree(grower, weight, &nodes, &tree);
  CHECK_INTEGER(tree.n_nodes, 1);
  CHECK_INTEGER(node_low(tree.node[0]), 20 << 23);
  grow_free(&grower);
}

/* Thresholds: in range, about equally often, and apart for other paths and features. */
static void thresholds(uint64_t seed) {
  Stream nodes = random_stream(seed, "test/nodes", 3);
  int count[5] = {0}, left = 0, same = 0;
  enum { DRAWS = 5000 };
  for (uint64_t path = 0; path < DRAWS; path++) {
    GrowThreshold t = grow_threshold(&nodes, path, 4, 10, 15);
    CHECK(t.bin >= 10 && t.bin < 15);
    if (t.bin >= 10 && t.bin < 15) count[t.bin - 10]++;
    left += t.missing_left;
    same += grow_threshold(&nodes, path, 5, 10, 15).bin == t.bin;
  }
  for (int k = 0; k < 5; k++) CHECK_REAL(count[k], DRAWS / 5, 150); /* five deviations */
  CHECK_REAL(same, DRAWS / 5, 150);
  CHECK_REAL(left, DRAWS / 2, 180);
}

int main(void) {
  uint64_t seed = 20240817;
  small_cases();
  random_problems(seed);
  histograms(seed);
  thresholds(seed);
  best_first(seed);
  ample_leaves(seed, 0);
  ample_leaves(seed, 6);
  CHECK_INTEGER(memory_balance(), 0);
  return check_report("tree/grow");
}
