/* Splits of categories: the order, the best of all subsets, drawn subsets. That both growers follow
 * their rules is held by test_grow.c and test_boost.c. */
#include "kernels/base/memory.h"
#include "kernels/tree/category_order.h"
#include "kernels/tree/grow.h"
#include "tests/check.h"

/* The same total order from any beginning. */
static void orders(uint64_t seed) {
  enum { MOST = 256 };
  for (uint64_t round = 0; round < 60; round++) {
    Stream s = random_stream(seed, "test/order", round);
    Category list[MOST], other[MOST];
    int64_t n = random_integer(&s, 0, 0, MOST + 1);
    int64_t range =
        round % 2 ? 5 : INT64_C(1) << 30; /* many ties, or means that differ by little */
    for (int64_t i = 0; i < n; i++) {
      int64_t weight = 1 + random_integer(&s, (uint64_t)i, 1, range);
      int64_t sum = round % 3 ? random_integer(&s, (uint64_t)i, 2, range) : weight / 2;
      list[i] = category_of((int32_t)i, sum, weight);
      other[(i * 101 + 7) % n] = list[i];
    }
    if (n % 101 == 0 && n > 0) continue; /* no permutation */
    category_order(list, n);
    category_order(other, n);
    for (int64_t i = 0; i < n; i++) CHECK_INTEGER(other[i].code, list[i].code);
    for (int64_t i = 0; i + 1 < n; i++) {
      __int128 a = (__int128)list[i].sum * list[i + 1].weight;
      __int128 b = (__int128)list[i + 1].sum * list[i].weight;
      CHECK(a < b || (a == b && list[i].code < list[i + 1].code));
    }
  }
}

enum { CODES = 8, ROWS = 40 };

/* The best gain over all sets of codes that leave enough rows on both sides; -1: none. */
static double best_of_all(const GrowRows *rows, const int32_t *weight, int64_t least) {
  double best = -1;
  for (int set = 0; set < 1 << CODES; set++) {
    int64_t sum[2] = {0}, n[2] = {0};
    for (int64_t i = 0; i < rows->n; i++) {
      int code = rows->codes[i * 8] == BINS_MISSING ? CODES - 1 : rows->codes[i * 8];
      bool left = set >> code & 1;
      n[left] += weight[i];
      sum[left] += (int64_t)weight[i] * rows->target[i];
    }
    if (n[0] < least || n[1] < least) continue;
    best = fmax(best, grow_gain(sum[1], n[1], sum[0] + sum[1], n[0] + n[1]));
  }
  return best;
}

/* What the tree's one split takes away. */
static double gain_of(const GrowRows *rows, const int32_t *weight, const int64_t *node) {
  int64_t sum = 0, n = 0, sum_left = 0, n_left = 0;
  for (int64_t i = 0; i < rows->n; i++) {
    bool left = node_at_goes_left(node, rows->codes[i * 8]);
    n += weight[i];
    sum += (int64_t)weight[i] * rows->target[i];
    n_left += left ? weight[i] : 0;
    sum_left += left ? (int64_t)weight[i] * rows->target[i] : 0;
  }
  return grow_gain(sum_left, n_left, sum, n);
}

/* Of sums of squares the best of all 2^k sets is found, missing among the codes. */
static void subsets(uint64_t seed) {
  int64_t offset[] = {0, CODES - 2}, categories[] = {0, CODES - 1};
  double edges[CODES] = {0};
  Bins bins = {.d = 1, .offset = offset, .edges = edges, .category_offset = categories};
  for (uint64_t round = 0; round < 200; round++) {
    Stream s = random_stream(seed, "test/subsets", round), nodes = s;
    uint8_t codes[ROWS * 8] = {0};
    uint32_t target[ROWS];
    int32_t weight[ROWS];
    int bits = round % 3 ? 16 : 1;
    for (int64_t i = 0; i < ROWS; i++) {
      int64_t code = random_integer(&s, (uint64_t)i, 0, CODES);
      codes[i * 8] = code == CODES - 1 ? BINS_MISSING : (uint8_t)code;
      target[i] = (uint32_t)random_integer(&s, (uint64_t)i, 1, INT64_C(1) << bits);
      weight[i] = 1 + (int32_t)random_integer(&s, (uint64_t)i, 2, 3);
    }
    GrowRows rows = {.n = ROWS - (int64_t)(round % 2) * 30,
                     .bins = &bins,
                     .codes = codes,
                     .target = target,
                     .bits = bits,
                     .weight_max = 4 * ROWS};
    GrowOptions options = {
        .max_depth = 1, .min_samples_leaf = 1, .min_samples_split = 2, .features = 1};
    if (round % 5 == 4) options.min_samples_leaf = 1 + (int64_t)(round % 7);
    Grower *grower = NULL;
    GrownTree tree;
    CHECK_OK(grow_new(&rows, &options, &grower));
    grow_tree(grower, weight, &nodes, &tree);
    double best = best_of_all(&rows, weight, options.min_samples_leaf);
    bool split = !node_is_leaf(tree.node[0]);
    double gain = split ? gain_of(&rows, weight, tree.node) : 0;
    /* A limit of rows a leaf may forbid all prefixes but not all sets. */
    if (options.min_samples_leaf == 1) CHECK_REAL(gain, fmax(best, 0), 1e-12 * fmax(best, 1));
    CHECK(gain <= fmax(best, 0) * (1 + 1e-12));
    grow_free(&grower);
  }
}

/* Both sides of a drawn subset have codes; each code is left about half of the time, and codes
 * fall apart about half of the time. */
static void drawn(uint64_t seed) {
  enum { DRAWS = 4000 };
  Stream nodes = random_stream(seed, "test/drawn", 0);
  const int codes[] = {0, 63, 64, 200, 255};
  int64_t occupied[NODE_SET_WORDS] = {0}, two[NODE_SET_WORDS] = {0}, set[NODE_SET_WORDS];
  int left[5] = {0}, apart = 0, first = 0;
  for (int k = 0; k < 5; k++) category_add(codes[k], occupied);
  category_add(63, two);
  category_add(255, two);
  for (uint64_t path = 0; path < DRAWS; path++) {
    int n = 0;
    grow_subset(&nodes, path, 3, occupied, set);
    for (int code = 0; code < 256; code++) n += node_set_has(set, (uint8_t)code);
    for (int k = 0; k < 5; k++) {
      bool here = node_set_has(set, (uint8_t)codes[k]);
      left[k] += here;
      n -= here;
      apart += here != node_set_has(set, (uint8_t)codes[(k + 1) % 5]);
    }
    CHECK_INTEGER(n, 0); /* none but occupied ones */
    grow_subset(&nodes, path, 4, two, set);
    CHECK(node_set_has(set, 63) != node_set_has(set, 255));
    first += node_set_has(set, 63);
  }
  for (int k = 0; k < 5; k++) CHECK_REAL(left[k], DRAWS / 2, 160); /* five deviations */
  CHECK_REAL(apart, 5 * DRAWS / 2 * 32 / 30, 500);
  CHECK_REAL(first, DRAWS / 2, 160);
}

int main(void) {
  uint64_t seed = 20241125;
  orders(seed);
  subsets(seed);
  drawn(seed);
  CHECK_INTEGER(memory_balance(), 0);
  return check_report("tree/category_splits");
}
