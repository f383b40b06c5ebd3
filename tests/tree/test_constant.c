/* The baseline: exact means and shares, weights, fields, bad targets. */
#include "kernels/base/memory.h"
#include "kernels/constant.h"
#include "tests/check.h"

static void fit(const TrainingData *data, void **model) {
  Comm world = comm_world();
  Summary summary;
  summary_init(&summary, world.rank == 0);
  CHECK_OK(constant_model.fit_all(&world, data, NULL, NULL, model, &summary));
  summary_clear(&summary);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  Rows rows = rows_share(&world, 10, 4);
  Matrix x;
  void *model = NULL, *loaded = NULL;
  double *target = NULL, *weight = NULL, out[2 * 12];
  CHECK_OK(matrix_init(&x, &rows, 1));
  CHECK_OK(NEW(&target, rows.n));
  CHECK_OK(NEW(&weight, rows.n));
  for (int64_t i = 0; i < rows.n; i++) {
    int64_t row = rows.begin + i;
    target[i] = row == 0 ? 1e17 : row == 9 ? -1e17 : (double)row;
    weight[i] = row == 8 ? 3 : 1;
  }
  TrainingData data = {.task = TASK_REGRESSION, .x = &x, .target = target};
  fit(&data, &model);
  CHECK_OK(constant_model.predict(model, &x, out));
  for (int64_t i = 0; i < rows.n; i++) CHECK_REAL(out[i], 3.6, 0);
  constant_model.free(&model);
  for (int64_t i = 0; i < rows.n; i++) target[i] = rows.begin + i == 8;
  data = (TrainingData){
      .task = TASK_CLASSIFICATION, .n_classes = 2, .x = &x, .target = target, .weight = weight};
  fit(&data, &model);
  Fields fields, in;
  fields_init(&fields, FIELDS_OUT);
  CHECK_OK(constant_model.fields(&model, &fields));
  CHECK_OK(fields_copy(&fields, &in));
  CHECK_OK(constant_model.fields(&loaded, &in));
  CHECK_OK(constant_model.predict(loaded, &x, out));
  for (int64_t i = 0; i < rows.n; i++) {
    CHECK_REAL(out[2 * i], 0.75, 0);
    CHECK_REAL(out[2 * i + 1], 0.25, 0);
  }
  fields_clear(&fields);
  fields_clear(&in);
  constant_model.free(&model);
  constant_model.free(&loaded);
  Summary summary;
  summary_init(&summary, world.rank == 0);
  if (rows.begin == 0 && rows.n > 0) target[0] = NAN;
  data.task = TASK_REGRESSION;
  CHECK_INTEGER(constant_model.fit_all(&world, &data, NULL, NULL, &model, &summary), NUMERIC);
  CHECK_MESSAGE("row 0 is nan");
  constant_model.free(&model);
  summary_clear(&summary);
  matrix_clear(&x);
  memory_free(&target);
  memory_free(&weight);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("tree/constant");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
