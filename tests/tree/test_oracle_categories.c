/* Categories in boosted trees against LightGBM: the fixture tests/oracle/gbdt_categories.csv, made
 * by make_gbdt_categories.py. Trees have to divide the rows alike; where LightGBM's leaf values are
 * made as ours, values have to be the same up to its single precision. */
#include "tests/fixture.h"
#include "tests/tree/gbdt_case.h"

enum { N = 4000, D = 3, COLUMNS = 8, TARGET = 3, CLASS, LEAF, CLASS_LEAF, VALUE, LEAVES = 16 };

static double cell[N][COLUMNS];

/* Raw values of all rows, on every rank. */
static void fit(const GbdtOptions *options, int target, double *raw) {
  Comm world = comm_world(), self = comm_self();
  Matrix x, all;
  double *y = NULL, *out = NULL;
  void *model = NULL;
  Summary summary;
  Rows rows = rows_share(&world, N, 16), every = rows_share(&self, N, 16);
  const int32_t categories[D] = {3, 24, 0};
  int64_t classes = target == CLASS ? 2 : 0;
  CHECK_OK(matrix_init(&x, &rows, D));
  CHECK_OK(matrix_init(&all, &every, D));
  CHECK_OK(NEW(&x.categories, D));
  CHECK_OK(NEW(&y, rows.n));
  CHECK_OK(NEW(&out, 2 * N));
  memcpy(x.categories, categories, sizeof categories);
  for (int64_t j = 0; j < D; j++) {
    for (int64_t i = 0; i < rows.n; i++) matrix_column(&x, j)[i] = cell[rows.begin + i][j];
    for (int64_t i = 0; i < N; i++) matrix_column(&all, j)[i] = cell[i][j];
  }
  for (int64_t i = 0; i < rows.n; i++) y[i] = cell[rows.begin + i][target];
  TrainingData data = {.task = classes ? TASK_CLASSIFICATION : TASK_REGRESSION,
                       .n_classes = classes,
                       .x = &x,
                       .target = y};
  summary_init(&summary, false);
  CHECK_OK(gbdt_model.fit_all(&world, &data, options, NULL, &model, &summary));
  CHECK_OK(gbdt_model.predict(model, &all, out));
  for (int64_t i = 0; i < N; i++) raw[i] = classes ? out[2 * i + 1] : out[i];
  gbdt_model.free(&model);
  summary_clear(&summary);
  matrix_clear(&x);
  matrix_clear(&all);
  memory_free(&y);
  memory_free(&out);
}

/* Rows have one value exactly where they are in one leaf of the peer's tree. */
static void compare_leaves(const GbdtOptions *options, int target, int leaf) {
  static double raw[N];
  double value[LEAVES];
  int64_t leaves = 0, off = 0;
  fit(options, target, raw);
  for (int l = 0; l < LEAVES; l++) value[l] = NAN;
  for (int64_t i = 0; i < N; i++) {
    double *own = &value[(int)cell[i][leaf]];
    if (isnan(*own)) {
      *own = raw[i];
      for (int l = 0; l < LEAVES; l++) off += &value[l] != own && value[l] == raw[i];
      leaves++;
    }
    off += *own != raw[i];
  }
  CHECK_INTEGER(off, 0);
  CHECK_INTEGER(leaves, options->max_leaves);
}

static void compare_values(const GbdtOptions *options) {
  static double raw[N];
  int64_t off = 0;
  fit(options, TARGET, raw);
  for (int64_t i = 0; i < N; i++) off += fabs(raw[i] - cell[i][VALUE]) > 2e-5;
  CHECK_INTEGER(off, 0);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  GbdtOptions options = defaults();
  options.trees = 1;
  options.max_leaves = 12;
  options.min_samples_leaf = 10;
  options.cat_smooth = options.cat_l2 = 10;
  options.max_cat_threshold = 32;
  options.max_cat_to_onehot = 4;
  options.min_data_per_group = 100;
  CHECK_INTEGER(fixture_read("gbdt_categories.csv", COLUMNS, N, &cell[0][0]), N);
  compare_leaves(&options, TARGET, LEAF);
  compare_leaves(&options, CLASS, CLASS_LEAF);
  options.trees = 4;
  options.cat_l2 = 0;
  options.cat_smooth = 1;
  options.min_data_per_group = 1;
  compare_values(&options);
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("tree/oracle_categories");
  MPI_Finalize();
  return result;
}
