/* Boosted trees against LightGBM: the fixture tests/oracle/gbdt.csv, made by make_gbdt.py. Values
 * are bins of their own there and here, so that the same splits and leaves are asked for;
 * LightGBM's gradients are in single precision, ours whole numbers. */
#include <stdlib.h>

#include "kernels/base/memory.h"
#include "kernels/tree/gbdt.h"
#include "tests/check.h"

enum { N = 1500, D = 5, COLUMNS = 10, TARGET = 5, CLASS = 6, LEAF_WISE, DEPTH_WISE, LOGISTIC };

static double cell[N][COLUMNS];

static int64_t read_cells(void) {
  const char *source = getenv("SEGUE_SOURCE");
  char path[1024], line[512];
  int64_t n = 0;
  snprintf(path, sizeof path, "%s/tests/oracle/gbdt.csv", source ? source : ".");
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  if (!file) return 0;
  CHECK(fgets(line, sizeof line, file) != NULL);
  while (n < N && fgets(line, sizeof line, file)) {
    char *at = line;
    for (int c = 0; c < COLUMNS; c++) {
      char *end = at;
      double value = strtod(at, &end);
      cell[n][c] = end == at ? NAN : value;
      at = end + 1;
    }
    n++;
  }
  fclose(file);
  return n;
}

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

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  CHECK_INTEGER(read_cells(), N);
  GbdtOptions options = {.trees = 5,
                         .learning_rate = 0.3,
                         .max_leaves = 15,
                         .max_depth = OPTION_NONE_INTEGER,
                         .l2 = 1,
                         .min_child_weight = 0.001,
                         .min_samples_leaf = 10,
                         .row_share = 1,
                         .feature_share = 1,
                         .bins = 255,
                         .early_stopping = OPTION_NONE_INTEGER};
  compare(&world, &options, TARGET, LEAF_WISE);
  compare(&world, &options, CLASS, LOGISTIC);
  options.max_leaves = 16;
  options.max_depth = 4;
  compare(&world, &options, TARGET, DEPTH_WISE);
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("tree/oracle_gbdt");
  MPI_Finalize();
  return result;
}
