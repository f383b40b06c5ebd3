/* The grower on rows of all ranks against that of one rank: same trees, bit for bit, however rows
 * are dealt out and wherever the top of the tree ends. Started under mpirun on any number of ranks.
 */
#include <stdlib.h>

#include "grow_case.h"
#include "kernels/tree/grow_rows.h"
#include "tests/allocations.h"

/* How rows come to ranks. */
typedef enum Deal {
  DEAL_RUNS,   /* in contiguous runs */
  DEAL_SORTED, /* the same after sorting by target: ranks may have one class only */
  DEAL_LAST,   /* the last rank has all, others none */
  DEAL_TURNS,
  DEALS
} Deal;

typedef struct Key {
  uint32_t target;
  int64_t row;
} Key;

static int compare_keys(const void *a, const void *b) {
  const Key *x = a, *y = b;
  if (x->target != y->target) return x->target < y->target ? -1 : 1;
  return (x->row > y->row) - (x->row < y->row);
}

/* This rank's rows of p. */
static void deal_rows(const Comm *comm, const Problem *p, Deal deal, Problem *out) {
  int64_t n = p->rows.n, stride = bins_stride(p->bins.d), own = 0;
  Key *order = NULL;
  *out = (Problem){.rows = p->rows};
  CHECK_OK(NEW(&order, n));
  CHECK_OK(NEW(&out->codes, n * stride));
  CHECK_OK(NEW(&out->target, n));
  CHECK_OK(NEW(&out->weight, n));
  for (int64_t i = 0; i < n; i++) order[i] = (Key){deal == DEAL_SORTED ? p->target[i] : 0, i};
  qsort(order, (size_t)n, sizeof *order, compare_keys);
  for (int64_t i = 0; i < n; i++) {
    int64_t rank = i * comm->size / n, row = order[i].row;
    if (deal == DEAL_LAST) rank = comm->size - 1;
    if (deal == DEAL_TURNS) rank = i % comm->size;
    if (rank != comm->rank) continue;
    memcpy(out->codes + own * stride, p->codes + row * stride, (size_t)stride);
    out->target[own] = p->target[row];
    out->weight[own++] = p->weight[row];
  }
  out->rows.n = own;
  out->rows.codes = out->codes;
  out->rows.target = out->target;
  memory_free(&order);
}

typedef struct Shape {
  int64_t n, d, n_classes;
  int bits;
  uint64_t categories; /* a bit for each feature that is one */
} Shape;

static void compare(uint64_t seed, const Shape *shape, const GrowOptions *options,
                    const RowsLimits *limits, Deal deal) {
  Comm world = comm_world();
  Problem all, own;
  Stream s = random_stream(seed, "test/grow_rows", (uint64_t)shape->n);
  Stream nodes = random_stream(seed, "test/nodes", 0);
  Grower *alone = NULL;
  RowsGrower *together = NULL;
  GrownTree got, want;
  int before = check_failures;
  problem_make(&all, &s, shape->n, shape->d, shape->n_classes, shape->bits);
  if (shape->categories) make_categories(&all, shape->categories);
  deal_rows(&world, &all, deal, &own);
  CHECK_OK(grow_new(&all.rows, options, &alone));
  CHECK_OK(grow_rows_new_all(&world, &own.rows, options, limits, &together));
  grow_tree(alone, all.weight, &nodes, &want);
  for (int again = 0; again < 2; again++) {
    CHECK_OK(grow_rows_tree_all(together, own.weight, &nodes, true, &got));
    check_same(&got, &want, shape->d);
  }
  if (check_failures > before) {
    fprintf(stderr, "seed %llu n %lld d %lld classes %lld bits %d few %lld deal %d leaves %lld\n",
            (unsigned long long)seed, (long long)shape->n, (long long)shape->d,
            (long long)shape->n_classes, shape->bits, (long long)limits->few, (int)deal,
            (long long)options->max_leaves);
  }
  grow_free(&alone);
  grow_rows_free_all(&together);
  problem_clear(&all);
  problem_clear(&own);
}

static void random_problems(uint64_t seed, uint64_t rounds) {
  static const int64_t classes[] = {0, 0, 3, 7, 60}, few[] = {1, 1, 5, 40, 0};
  static const int bits[] = {1, 7, 16};
  for (uint64_t round = 0; round < rounds; round++) {
    Stream s = random_stream(seed, "test/round", round);
    uint32_t draw = 0;
    Shape shape = {.n = 1 + pick(&s, &draw, round % 8 == 0 ? 400 : 60),
                   .d = 1 + pick(&s, &draw, 11)};
    GrowOptions options = {.max_depth = INT64_MAX, .min_samples_leaf = 1, .min_samples_split = 2};
    options.features = pick(&s, &draw, 2) ? shape.d : 1 + pick(&s, &draw, shape.d);
    if (pick(&s, &draw, 3) == 0) options.min_samples_leaf = 1 + pick(&s, &draw, 6);
    if (pick(&s, &draw, 3) == 0) options.min_samples_split = 2 + pick(&s, &draw, 12);
    if (pick(&s, &draw, 3) == 0) options.max_depth = pick(&s, &draw, 6);
    if (pick(&s, &draw, 3) == 0) options.max_leaves = 2 + pick(&s, &draw, 30);
    options.random = round % 3 == 2;
    if (round % 5 == 4) options.min_decrease = random_uniform(&s, 1, 0) * 0.02;
    shape.n_classes = classes[pick(&s, &draw, 5)];
    shape.bits = bits[pick(&s, &draw, 3)];
    shape.categories = round % 3 == 1 ? random_bits(&s, 2, 0) : 0;
    RowsLimits limits = {.few = few[pick(&s, &draw, 5)], .wide = pick(&s, &draw, 3) == 0};
    if (pick(&s, &draw, 2)) limits.bytes = 8192; /* a few pairs at a time */
    compare(seed + round, &shape, &options, &limits, (Deal)(round % DEALS));
  }
}

/* Nodes of several levels, by the rule itself. */
static void by_the_rule(uint64_t seed) {
  Shape shape = {.n = 4000, .d = 5, .bits = 10};
  GrowOptions options = {
      .max_depth = INT64_MAX, .min_samples_leaf = 1, .min_samples_split = 2, .features = 5};
  RowsLimits limits = {0};
  compare(seed, &shape, &options, &limits, DEAL_SORTED);
  options.features = 2;
  compare(seed + 1, &shape, &options, &limits, DEAL_TURNS);
  shape.categories = 5;
  compare(seed + 3, &shape, &options, &limits, DEAL_TURNS);
  shape.n_classes = 12;
  compare(seed + 2, &shape, &options, &limits, DEAL_SORTED);
}

/* Sums beyond 64-bit products: rows of the largest weights, whose tree does not change when all
 * weights are a thousandth. */
static void heavy(uint64_t seed) {
  enum { ROWS = 900, TIMES = 60000 };
  Comm world = comm_world();
  Problem all, own;
  Stream s = random_stream(seed, "test/heavy", 0), nodes = random_stream(seed, "test/nodes", 0);
  GrowOptions options = {
      .max_depth = 9, .min_samples_leaf = 1, .min_samples_split = 2, .features = 3};
  RowsLimits limits = {.few = 50};
  Grower *alone = NULL;
  RowsGrower *together = NULL;
  GrownTree got, want;
  problem_make(&all, &s, ROWS, 4, 0, 20);
  for (int64_t i = 0; i < ROWS; i++) all.weight[i] = 1;
  all.rows.weight_max = ROWS;
  CHECK_OK(grow_new(&all.rows, &options, &alone));
  grow_tree(alone, all.weight, &nodes, &want);
  deal_rows(&world, &all, DEAL_RUNS, &own);
  for (int64_t i = 0; i < own.rows.n; i++) own.weight[i] = TIMES;
  own.rows.weight_max = (int64_t)ROWS * TIMES;
  CHECK_OK(grow_rows_new_all(&world, &own.rows, &options, &limits, &together));
  CHECK_OK(grow_rows_tree_all(together, own.weight, &nodes, true, &got));
  CHECK_INTEGER(got.n_nodes, want.n_nodes);
  for (int64_t i = 0; i < want.n_nodes && got.n_nodes == want.n_nodes; i++) {
    CHECK_INTEGER(got.node[i], want.node[i]);
    CHECK_INTEGER(got.cover[i], TIMES * (int64_t)want.cover[i]);
  }
  grow_free(&alone);
  grow_rows_free_all(&together);
  problem_clear(&all);
  problem_clear(&own);
}

typedef struct Growing {
  const GrowRows *rows;
  const int32_t *weight;
  const GrowOptions *options;
  const RowsLimits *limits;
  const Stream *nodes;
} Growing;

static Status grow_once(const Comm *comm, void *context) {
  const Growing *g = context;
  RowsGrower *grower = NULL;
  GrownTree tree;
  Status status = grow_rows_new_all(comm, g->rows, g->options, g->limits, &grower);
  if (status == OK) status = grow_rows_tree_all(grower, g->weight, g->nodes, true, &tree);
  grow_rows_free_all(&grower);
  return status;
}

static void faults(uint64_t seed, int64_t n_classes, int64_t max_leaves) {
  Comm world = comm_world();
  Problem all, own;
  Stream s = random_stream(seed, "test/faults", 0), nodes = random_stream(seed, "test/nodes", 0);
  GrowOptions options = {.max_depth = INT64_MAX,
                         .min_samples_leaf = 1,
                         .min_samples_split = 2,
                         .features = 2,
                         .max_leaves = max_leaves};
  RowsLimits limits = {.few = 12};
  problem_make(&all, &s, 50, 3, n_classes, 6);
  deal_rows(&world, &all, DEAL_RUNS, &own);
  Growing growing = {&own.rows, own.weight, &options, &limits, &nodes};
  CHECK(allocations_fail(&world, grow_once, &growing) > 50);
  problem_clear(&all);
  problem_clear(&own);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  uint64_t seed = 20250301;
  random_problems(seed, 120);
  by_the_rule(seed);
  heavy(seed);
  faults(seed, 0, 0);
  faults(seed, 5, 0);
  faults(seed, 5, 12);
  comm_pretend_nodes(1); /* records are sent instead of read */
  random_problems(seed + 1000, 16);
  by_the_rule(seed + 1000);
  faults(seed, 5, 12);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("tree/grow_rows");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
