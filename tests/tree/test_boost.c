/* The grower of boosted trees against the plain one, on small random inputs: the same trees.
 * Started under mpirun the rows are spread over the ranks for the one and stand on each for the
 * other. */
#include "kernels/base/memory.h"
#include "kernels/numeric/quantile.h"
#include "kernels/numeric/random.h"
#include "kernels/tree/boost_loss.h"
#include "kernels/tree/boost_quantile.h"
#include "kernels/tree/boost_ref.h"
#include "kernels/tree/node.h"
#include "tests/check.h"

static const uint64_t SEED = 20;

typedef struct Problem {
  int64_t n, d;
  Matrix x;
  Bins bins;
  uint8_t *codes;
  uint64_t *packed;
  int32_t *row, *feature;
  int8_t *slope;
  uint64_t *group;
  int64_t n_sample, n_features;
  BoostLayout layout;
  BoostRules rules;
  BoostLimits limits;
} Problem;

static int64_t draw(const Stream *s, uint32_t what, int64_t bound) {
  return random_integer(s, 0, what, bound);
}

/* Everything random but a function of the case: rows, gradients, rules. */
static void problem_make(Problem *p, uint64_t number) {
  *p = (Problem){0};
  Comm self = comm_self();
  Stream s = random_stream(SEED, "test/boost", number), v = random_stream(SEED, "test/row", number);
  p->n = 1 + draw(&s, 0, 120);
  p->d = 1 + draw(&s, 1, 11);
  Rows rows = rows_share(&self, p->n, 16);
  CHECK_OK(matrix_init(&p->x, &rows, p->d));
  int64_t values = 2 + draw(&s, 2, 30), holes = draw(&s, 3, 3);
  for (int64_t j = 0; j < p->d; j++) {
    for (int64_t i = 0; i < p->n; i++) {
      bool hole = random_integer(&v, (uint64_t)i, (uint32_t)(4 * j + 1), 4) < holes * (j % 2);
      double value = (double)random_integer(&v, (uint64_t)i, (uint32_t)(4 * j), values);
      matrix_column(&p->x, j)[i] = hole || (j == 4 && number % 3 == 0) ? NAN : value;
    }
  }
  bool categories = number % 5 >= 3; /* every other feature is one */
  if (categories) CHECK_OK(NEW(&p->x.categories, p->d));
  for (int64_t j = number % 2; categories && j < p->d; j += 2) {
    p->x.categories[j] = (int32_t)values;
  }
  CHECK_OK(bins_fit_all(&self, &p->x, 2 + draw(&s, 4, 254), &p->bins));
  bool constant = number % 2 == 0, counted = number % 5 == 0 || number % 10 == 4;
  int64_t believed = number % 7 == 3 ? INT64_C(1) << 24 : p->n; /* many rows: wide words */
  CHECK_OK(boost_layout(believed, constant, counted, &p->layout));
  CHECK_OK(NEW(&p->codes, p->n * bins_stride(p->d)));
  CHECK_OK(NEW(&p->packed, p->n * p->layout.words));
  CHECK_OK(NEW(&p->row, p->n));
  CHECK_OK(NEW(&p->feature, p->d));
  CHECK_OK(NEW(&p->slope, p->d));
  CHECK_OK(NEW(&p->group, p->d));
  bins_encode(&p->bins, &p->x, 0, p->n, p->codes);
  for (int64_t i = 0; i < p->n; i++) {
    int64_t g = random_integer(&v, (uint64_t)i, 1000, 2001) - 1000;
    g = number % 3 == 1 ? g / 400 * (INT64_C(1) << (p->layout.g_bits - 3))
                        : g; /* ties; and large ones */
    int64_t h = constant ? 1 : 1 + random_integer(&v, (uint64_t)i, 1001, 500);
    boost_pack(&p->layout, g, h, 1, p->packed + i * p->layout.words);
    bool in = random_integer(&v, (uint64_t)i, 1002, 8) > 0 || number % 4 != 1;
    p->row[p->n_sample] = (int32_t)i;
    p->n_sample += in;
  }
  p->n_features = number % 6 == 2 ? 1 + draw(&s, 5, p->d) : p->d;
  random_subset(&s, 1, p->d, p->n_features, p->feature);
  for (int64_t j = 0; j < p->d; j++) {
    bool category = bins_is_category(&p->bins, j);
    p->slope[j] = category ? 0 : (int8_t)(draw(&s, (uint32_t)(100 + j), 3) - 1);
  }
  bool sloped = number % 8 == 5;
  for (int64_t j = 0; j < p->d; j++) p->group[j] = (uint64_t)draw(&s, (uint32_t)(200 + j), 8);
  p->rules = (BoostRules){.l1 = number % 8 == 6 ? 100 : 0,
                          .l2 = number % 3 ? 1 : 0,
                          .least_h = 1 + (double)draw(&s, 6, constant ? 5 : 900),
                          .least_n = counted ? 1 + (double)draw(&s, 7, 8) : 1,
                          .least_gain = number % 9 == 4 ? 1000 : 0,
                          .value_unit = 1,
                          .gain_unit = 1,
                          .group = number % 10 == 7 ? p->group : NULL,
                          .slope = sloped ? p->slope : NULL,
                          .categories = {.bins = &p->bins,
                                         .smooth = (double)draw(&s, 10, 3) * 2.5,
                                         .least_rows = (double)draw(&s, 11, 4),
                                         .l2 = (double)draw(&s, 12, 3),
                                         .group_rows = (double)draw(&s, 13, 10),
                                         .max_left = 1 + draw(&s, 14, 20),
                                         .max_apart = draw(&s, 15, 8)}};
  p->limits = (BoostLimits){.max_leaves = 1 + draw(&s, 8, 40),
                            .max_depth = number % 4 == 3 ? 1 + draw(&s, 9, 5) : INT64_MAX,
                            .depth_wise = number % 2 == 1,
                            .apart = (int64_t)(number % 3),
                            .histogram_bytes = number % 3 == 2 ? 20000 : BOOST_HISTOGRAM_BYTES};
}

static void problem_clear(Problem *p) {
  matrix_clear(&p->x);
  bins_clear(&p->bins);
  memory_free(&p->codes);
  memory_free(&p->packed);
  memory_free(&p->row);
  memory_free(&p->feature);
  memory_free(&p->slope);
  memory_free(&p->group);
}

static BoostSample sample_of(const Problem *p) {
  return (BoostSample){.n = p->n_sample,
                       .row = p->row,
                       .packed = p->packed,
                       .n_features = p->n_features,
                       .feature = p->feature};
}

/* Every node's rows add up: leaves hold each row of the sample once, where the tree sends it. */
static void check_leaves(const Problem *p, const BoostTree *tree, const BoostRows *rows,
                         int64_t n_sample) {
  int64_t seen = 0;
  for (int64_t l = 0; l < tree->n_leaves; l++) {
    const BoostLeaf *leaf = &tree->leaf[l];
    for (int64_t i = leaf->begin; i < leaf->end; i++, seen++) {
      const uint8_t *codes = rows->codes + tree->row[i] * bins_stride(p->d);
      int64_t at = 0;
      while (!node_is_leaf(tree->node[at])) {
        uint32_t feature = node_feature(tree->node[at]);
        bool left = node_at_goes_left(tree->node + at, codes[feature]);
        at += left ? node_words(tree->node[at]) : node_low(tree->node[at]);
      }
      CHECK_INTEGER(at, leaf->node);
    }
  }
  CHECK_INTEGER(seen, n_sample);
}

/* The tree grown by all ranks of comm, rows dealt out in runs (rank 1 of several has none). */
static void grow(const Problem *p, const Comm *comm, int64_t **node, int64_t *n_nodes) {
  int64_t holders = comm->size > 1 ? comm->size - 1 : 1, turn = comm->rank - (comm->rank > 1);
  bool holds = comm->size == 1 || comm->rank != 1;
  int64_t begin = holds ? p->n * turn / holders : 0, end = holds ? p->n * (turn + 1) / holders : 0;
  BoostRows rows = {
      .n = end - begin, .bins = &p->bins, .codes = p->codes + begin * bins_stride(p->d)};
  BoostGrower *grower = NULL;
  BoostTree tree;
  int32_t *own = NULL;
  CHECK_OK(NEW(&own, p->n));
  BoostSample sample = sample_of(p);
  sample.n = 0;
  sample.row = own;
  sample.packed += begin * p->layout.words;
  for (int64_t i = 0; i < p->n_sample; i++) {
    if (p->row[i] >= begin && p->row[i] < end) own[sample.n++] = (int32_t)(p->row[i] - begin);
  }
  CHECK_OK(boost_grower_new_all(comm, &rows, &p->layout, &p->limits, &grower));
  for (int again = 0; again < 2; again++) boost_grow_all(grower, &sample, &p->rules, &tree);
  check_leaves(p, &tree, &rows, sample.n);
  CHECK_OK(NEW(node, tree.n_nodes));
  memcpy(*node, tree.node, (size_t)tree.n_nodes * sizeof **node);
  *n_nodes = tree.n_nodes;
  boost_grower_free_all(&grower);
  memory_free(&own);
}

/* splits: counts splits of numbers and of categories. */
static void compare(uint64_t number, int64_t splits[2]) {
  Problem p;
  Comm world = comm_world();
  int64_t *want = NULL, *got = NULL, n_want = 0, n_got = 0;
  int before = check_failures;
  problem_make(&p, number);
  BoostRows rows = {.n = p.n, .bins = &p.bins, .codes = p.codes};
  BoostSample sample = sample_of(&p);
  CHECK_OK(NEW(&want, (2 + NODE_SET_WORDS) * p.limits.max_leaves));
  CHECK_OK(boost_grow_ref(&rows, &sample, &p.layout, &p.limits, &p.rules, want, &n_want));
  grow(&p, &world, &got, &n_got);
  CHECK_INTEGER(n_got, n_want);
  int64_t differing = 0;
  for (int64_t i = 0; i < n_want && i < n_got; i++) differing += got[i] != want[i];
  CHECK_INTEGER(differing, 0);
  if (check_failures > before) printf("seed %d, case %d\n", (int)SEED, (int)number);
  for (int64_t i = 0; i < n_got; i += node_words(got[i]))
    splits[node_is_set(got[i])] += !node_is_leaf(got[i]);
  memory_free(&want);
  memory_free(&got);
  problem_clear(&p);
}

/* No sum of packed words leaves its part, whatever the layout. */
static void layouts(void) {
  for (int bits = 1; bits <= 28; bits++) {
    for (int kind = 0; kind < 4; kind++) {
      BoostLayout l;
      int64_t n = (INT64_C(1) << bits) - 1;
      CHECK_OK(boost_layout(n, kind & 1, kind & 2, &l));
      int64_t g = INT64_C(1) << l.g_bits, h = INT64_C(1) << l.h_bits;
      CHECK(l.g_bits >= 14 && (l.h_bits >= 8 || kind & 1));
      uint64_t word[2] = {0}, sum[2] = {0};
      for (int sign = -1; sign <= 1; sign += 2) {
        boost_pack(&l, sign * g, h, 1, word);
        for (int w = 0; w < l.words; w++) sum[w] = word[w] * (uint64_t)n;
        BoostSums s = boost_unpack(&l, sum);
        CHECK_INTEGER(s.g, sign * g * n);
        CHECK_INTEGER(s.h, h * n);
        CHECK(s.n == n || l.words == 1);
        CHECK(g * n <= INT64_C(1) << BOOST_SUM_BITS && h * n <= INT64_C(1) << BOOST_SUM_BITS);
      }
    }
  }
  BoostLayout l;
  CHECK_INTEGER(boost_layout(INT64_C(1) << 29, true, false, &l), INVALID);
}

/* Gradients are the differences of the loss, hessians those of the gradients. */
static void gradients(BoostObjective objective, int64_t outputs) {
  enum { N = 40 };
  double target[N], level[5 * N], log_sum[N], g[N], h[N], up[N], down[N], none[N], base[5];
  Stream s = random_stream(SEED, "test/gradients", (uint64_t)objective);
  Comm self = comm_self();
  BoostLoss loss = {
      .objective = objective, .outputs = outputs, .base = base, .unit = 0x1p-24, .range = 1};
  for (int64_t k = 0; k < outputs; k++) base[k] = 0.3 * (double)k - 0.2;
  for (int64_t i = 0; i < N; i++) {
    int64_t classes = outputs > 1 ? outputs : 2;
    target[i] = (double)random_integer(&s, (uint64_t)i, 0, classes);
    for (int64_t k = 0; k < outputs; k++) {
      level[k * N + i] =
          rint(0x1p24 * 4 * (random_uniform(&s, (uint64_t)i, (uint32_t)k + 1) - 0.5));
    }
  }
  const double step = 0x1p24 / 4096;
  for (int64_t k = 0; k < outputs; k++) {
    boost_loss_log_sums(&loss, level, N, N, log_sum);
    boost_loss_gradients(&loss, target, level, N, log_sum, N, k, g, h);
    double mean[2];
    for (int side = 0; side < 2; side++) {
      for (int64_t i = 0; i < N; i++) level[k * N + i] += side ? -2 * step : step;
      boost_loss_log_sums(&loss, level, N, N, log_sum);
      boost_loss_gradients(&loss, target, level, N, log_sum, N, k, side ? down : up, none);
      BoostTargets rows = {.n = N, .target = target};
      mean[side] = boost_loss_mean_all(&self, &loss, &rows, level, N);
      if (objective == BOOST_SQUARED) mean[side] *= mean[side] / 2;
      if (objective == BOOST_POISSON) mean[side] /= 2;
    }
    for (int64_t i = 0; i < N; i++) level[k * N + i] += step;
    double sum = 0;
    for (int64_t i = 0; i < N; i++) {
      sum += g[i];
      CHECK_REAL((up[i] - down[i]) * 2048, h[i], 1e-5 * (1 + fabs(h[i])));
    }
    CHECK_REAL((mean[0] - mean[1]) * 2048, sum / N, 1e-5);
  }
}

/* Quantiles of groups spread over ranks, against counting; with ties, weights, empty groups. */
static void quantiles(void) {
  enum { GROUPS = 12, N = 600 };
  Comm world = comm_world();
  Stream s = random_stream(SEED, "test/quantiles", 0);
  double value[N], out[GROUPS];
  int64_t group[N], weight[N], begin[GROUPS + 1], own_weight[N], n = 0;
  uint64_t key[N];
  for (int64_t i = 0; i < N; i++) {
    group[i] = random_integer(&s, (uint64_t)i, 0, GROUPS - 1);
    double u = random_normal(&s, (uint64_t)i, 1);
    value[i] = group[i] % 3 == 0   ? rint(u)
               : group[i] % 3 == 1 ? u * 1e-300
                                   : ldexp(u, (int)i % 900);
    weight[i] = group[i] % 2 ? 1 : 1 + random_integer(&s, (uint64_t)i, 2, 5);
  }
  for (int64_t tenth = 0; tenth <= 10; tenth++) {
    double alpha = (double)tenth / 10;
    n = 0;
    for (int64_t r = 0; r < GROUPS; r++) {
      begin[r] = n;
      for (int64_t i = 0; i < N; i++) {
        if (group[i] != r || i % world.size != world.rank) continue;
        key[n] = quantile_key(value[i]);
        own_weight[n++] = weight[i];
      }
    }
    begin[GROUPS] = n;
    BoostItems items = {GROUPS, begin, key, own_weight};
    CHECK_OK(boost_quantiles_all(&world, &items, alpha, out));
    for (int64_t r = 0; r < GROUPS; r++) {
      double whole = 0, below = 0, up_to = 0;
      for (int64_t i = 0; i < N; i++) {
        if (group[i] != r) continue;
        whole += (double)weight[i];
        below += value[i] < out[r] ? (double)weight[i] : 0;
        up_to += value[i] <= out[r] ? (double)weight[i] : 0;
      }
      CHECK(whole == 0 ? out[r] == 0 : up_to >= alpha * whole && up_to > below);
      CHECK(below < fmax(alpha * whole, 1));
    }
  }
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  int64_t splits[2] = {0};
  for (uint64_t number = 0; number < 600; number++) compare(number, splits);
  CHECK(splits[0] > 2000 && splits[1] > 500);
  layouts();
  quantiles();
  gradients(BOOST_SQUARED, 1);
  gradients(BOOST_LOGISTIC, 1);
  gradients(BOOST_SOFTMAX, 5);
  gradients(BOOST_POISSON, 1);
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("tree/boost");
  MPI_Finalize();
  return result;
}
