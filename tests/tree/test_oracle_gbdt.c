/* Boosted trees against LightGBM and XGBoost. Values are bins of their own there and here, so that
 * the same splits and leaves are asked for; the peers' gradients are in single precision, ours
 * whole numbers.
 *
 * What five rounds predict: the fixture tests/oracle/gbdt.csv, made by make_gbdt.py. Single larger
 * trees split by split, on data that is made here anew: gbdt_splits.csv, by make_gbdt_splits.py. A
 * split has to divide the node's rows as the peer's does wherever the peer's gain leads by LEAD;
 * nearer to a tie rounding may decide, and what is below another division is not compared. */
#include "kernels/tree/node.h"
#include "tests/fixture.h"
#include "tests/tree/gbdt_case.h"

enum { N = 1500, D = 5, COLUMNS = 10, TARGET = 5, CLASS = 6, LEAF_WISE, DEPTH_WISE, LOGISTIC };

static double cell[N][COLUMNS];

/* Fit this rank's rows; count rows whose raw value is not the peer's. */
static void compare(const Comm *comm, const GbdtOptions *options, int target, int want) {
  Matrix x;
  double *y = NULL, *out = NULL;
  void *model = NULL;
  Summary summary;
  Rows rows = rows_share(comm, N, 16);
  int64_t classes = target == CLASS ? 2 : 0, width = classes ? 2 : 1, off = 0;
  CHECK_OK(matrix_init(&x, &rows, D));
  CHECK_OK(NEW(&y, rows.n));
  CHECK_OK(NEW(&out, rows.n * width));
  for (int64_t i = 0; i < rows.n; i++) {
    for (int64_t j = 0; j < D; j++) matrix_column(&x, j)[i] = cell[rows.begin + i][j];
    y[i] = cell[rows.begin + i][target];
  }
  TrainingData data = {.task = classes ? TASK_CLASSIFICATION : TASK_REGRESSION,
                       .n_classes = classes,
                       .x = &x,
                       .target = y};
  summary_init(&summary, false);
  CHECK_OK(gbdt_model.fit_all(comm, &data, options, NULL, &model, &summary));
  CHECK_OK(gbdt_model.predict(model, &x, out));
  for (int64_t i = 0; i < rows.n; i++) {
    double raw = classes ? log(out[2 * i + 1] / out[2 * i]) : out[i];
    double peer = cell[rows.begin + i][want];
    off += fabs(raw - peer) > 2e-5 * (1 + fabs(peer));
  }
  CHECK_INTEGER(off, 0);
  gbdt_model.free(&model);
  summary_clear(&summary);
  matrix_clear(&x);
  memory_free(&y);
  memory_free(&out);
}

/* ---- single trees ---- */

enum { ROWS = 20000, FEATURES = 6, PEER_NODES = 512 };
static const double LEAD = 1e-4;

typedef struct PeerNode {
  int feature, limit, missing_left; /* feature -1: a leaf */
  double lead;
} PeerNode;

typedef struct Splits {
  Matrix x;              /* all rows, on every rank */
  double *y, *label, *w; /* ROWS */
  PeerNode peer[PEER_NODES];
  int64_t n_peer;
  /* of a comparison */
  const int64_t *tree;
  const uint8_t *codes;
  int32_t *row; /* ROWS, ordered by node */
  int64_t compared, ties, strays;
} Splits;

/* splitmix64 of row * 16 + stream, the upper 31 bits. */
static int64_t mixed(int64_t row, uint64_t stream) {
  uint64_t z = ((uint64_t)row * 16 + stream + 1) * UINT64_C(0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
  return (int64_t)((z ^ (z >> 31)) >> 33);
}

/* As in make_gbdt_splits.py. */
static void make_row(Splits *s, int64_t i) {
  static const int64_t values[FEATURES] = {97, 60, 83, 100, 31, 7};
  int64_t x[FEATURES], y;
  bool missing = mixed(i, 8) % 8 == 0;
  for (int64_t j = 0; j < FEATURES; j++) {
    x[j] = mixed(i, (uint64_t)j) % values[j];
    matrix_column(&s->x, j)[i] = j == 3 && missing ? NAN : (double)x[j];
  }
  y = 3 * (x[0] < 40 ? x[0] : 40) + (x[1] > 30 ? 2 * x[2] : 110 - x[2]);
  y += (missing ? 35 : llabs(x[3] - 50)) + x[4] * x[5] / 2 + mixed(i, 9) % 90;
  s->y[i] = (double)y;
  s->label[i] = y + mixed(i, 10) % 60 > 250;
  s->w[i] = (double)(1 + mixed(i, 11) % 3);
}

static void read_peer(Splits *s, const char *tree) {
  char line[256], name[64];
  FILE *file = fixture_open("gbdt_splits.csv");
  s->n_peer = 0;
  while (file && fgets(line, sizeof line, file) && s->n_peer < PEER_NODES) {
    PeerNode *p = &s->peer[s->n_peer];
    int found = sscanf(line, "%63[^,],%d,%d,%d,%lf", name, &p->feature, &p->limit, &p->missing_left,
                       &p->lead);
    s->n_peer += found == 5 && strcmp(name, tree) == 0;
  }
  if (file) fclose(file);
}

/* The position behind the peer's subtree. */
static int64_t peer_end(const Splits *s, int64_t p) {
  if (s->peer[p].feature < 0) return p + 1;
  return peer_end(s, peer_end(s, p + 1));
}

static bool peer_goes_left(const Splits *s, const PeerNode *node, int32_t row) {
  double value = matrix_column(&s->x, node->feature)[row];
  return isnan(value) ? node->missing_left : value <= node->limit;
}

static bool goes_left(const Splits *s, int64_t node, int32_t row) {
  return node_goes_left(node, s->codes[row * bins_stride(FEATURES) + node_feature(node)]);
}

/* Rows begin .. end - 1 stand in our node `at` and in the peer's p. */
static void walk(Splits *s, int64_t at, int64_t p, int64_t begin, int64_t end) {
  const PeerNode *peer = &s->peer[p];
  int64_t node = s->tree[at], middle = begin, differ = 0;
  if (node_is_leaf(node) || peer->feature < 0) {
    s->strays += node_is_leaf(node) != (peer->feature < 0);
    return;
  }
  for (int64_t i = begin; i < end; i++)
    differ += goes_left(s, node, s->row[i]) != peer_goes_left(s, peer, s->row[i]);
  s->ties += peer->lead <= LEAD;
  if (differ > 0) {
    s->strays += peer->lead > LEAD;
    return;
  }
  s->compared++;
  for (int64_t i = begin; i < end; i++) {
    int32_t row = s->row[i];
    if (!goes_left(s, node, row)) continue;
    s->row[i] = s->row[middle];
    s->row[middle++] = row;
  }
  walk(s, at + 1, p + 1, begin, middle);
  walk(s, at + node_low(node), peer_end(s, p + 1), middle, end);
}

/* Fit one tree on this rank's rows and compare it on all of them. */
static void compare_splits(const Comm *comm, Splits *s, const GbdtOptions *options, bool classes,
                           const char *tree) {
  Matrix x;
  void *model = NULL;
  Summary summary;
  uint8_t *codes = NULL;
  Rows rows = rows_share(comm, ROWS, 16);
  CHECK_OK(matrix_init(&x, &rows, FEATURES));
  for (int64_t j = 0; j < FEATURES; j++)
    for (int64_t i = 0; i < rows.n; i++)
      matrix_column(&x, j)[i] = matrix_column(&s->x, j)[rows.begin + i];
  TrainingData data = {.task = classes ? TASK_CLASSIFICATION : TASK_REGRESSION,
                       .n_classes = classes ? 2 : 0,
                       .x = &x,
                       .target = (classes ? s->label : s->y) + rows.begin,
                       .weight = s->w + rows.begin};
  summary_init(&summary, false);
  CHECK_OK(gbdt_model.fit_all(comm, &data, options, NULL, &model, &summary));
  const Ensemble *e = &((const Gbdt *)model)->ensemble;
  read_peer(s, tree);
  CHECK_OK(NEW(&codes, ROWS * bins_stride(FEATURES)));
  bins_encode(&e->bins, &s->x, 0, ROWS, codes);
  for (int32_t i = 0; i < ROWS; i++) s->row[i] = i;
  s->tree = e->node;
  s->codes = codes;
  s->compared = s->ties = s->strays = 0;
  walk(s, 0, 0, 0, ROWS);
  CHECK_INTEGER(s->strays, 0);
  CHECK(s->compared > 80 && s->n_peer > 2 * 80); /* of at least 95 leaves */
  if (s->ties == 0) CHECK_INTEGER(2 * s->compared + 1, s->n_peer);
  gbdt_model.free(&model);
  summary_clear(&summary);
  matrix_clear(&x);
  memory_free(&codes);
}

static void test_splits(const Comm *comm) {
  Splits *s = NULL;
  Rows all = rows_of(ROWS, 16, 0, 1);
  CHECK_OK(NEW(&s, 1));
  CHECK_OK(matrix_init(&s->x, &all, FEATURES));
  CHECK_OK(NEW(&s->y, ROWS));
  CHECK_OK(NEW(&s->label, ROWS));
  CHECK_OK(NEW(&s->w, ROWS));
  CHECK_OK(NEW(&s->row, ROWS));
  for (int64_t i = 0; i < ROWS; i++) make_row(s, i);
  GbdtOptions options = defaults();
  options.trees = 1;
  options.learning_rate = 0.5;
  options.min_samples_leaf = 1;
  for (int classes = 0; classes < 2; classes++) {
    options.l2 = classes ? 0.01 : 1;
    options.min_child_weight = classes ? 8.03 : 40.5;
    options.growth = 0;
    options.max_leaves = 95;
    options.max_depth = OPTION_NONE_INTEGER;
    compare_splits(comm, s, &options, classes, classes ? "logistic_leaf" : "squared_leaf");
    options.growth = 1;
    options.max_leaves = OPTION_NONE_INTEGER;
    options.max_depth = 7;
    compare_splits(comm, s, &options, classes, classes ? "logistic_depth" : "squared_depth");
  }
  matrix_clear(&s->x);
  memory_free(&s->y);
  memory_free(&s->label);
  memory_free(&s->w);
  memory_free(&s->row);
  memory_free(&s);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  CHECK_INTEGER(fixture_read("gbdt.csv", COLUMNS, N, &cell[0][0]), N);
  GbdtOptions options = defaults();
  options.trees = 5;
  options.min_samples_leaf = 10;
  compare(&world, &options, TARGET, LEAF_WISE);
  compare(&world, &options, CLASS, LOGISTIC);
  options.max_leaves = 16;
  options.max_depth = 4;
  compare(&world, &options, TARGET, DEPTH_WISE);
  test_splits(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("tree/oracle_gbdt");
  MPI_Finalize();
  return result;
}
