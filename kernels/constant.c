/* The baseline: it says the same of every row. Sums are exact, so it has the same bits on any
 * number of ranks. */
#include "constant.h"

#include "kernels/base/memory.h"
#include "kernels/numeric/exact.h"

typedef struct Constant {
  int64_t width; /* 1, or the number of classes */
  double *value; /* width: the mean, or shares that sum to 1 */
} Constant;

/* Exact sums over this rank's rows: the weight of all, then per output. */
static void add_rows(const TrainingData *data, Exact *sums) {
  for (int64_t i = 0; i < data->x->rows.n; i++) {
    double weight = data->weight ? data->weight[i] : 1, y = data->target[i];
    exact_add(&sums[0], weight);
    if (data->task == TASK_CLASSIFICATION) {
      exact_add(&sums[1 + (int64_t)y], weight);
    } else {
      exact_add_product(&sums[1], weight, y);
    }
  }
}

static Status constant_fit_all(const Comm *comm, const TrainingData *data, const void *options,
                               WorkSink *sink, void **model, Summary *summary) {
  Status status = OK;
  (void)options, (void)sink, (void)summary;
  Constant *constant = NULL;
  Exact *sums = NULL;
  int64_t width = data->task == TASK_CLASSIFICATION ? data->n_classes : 1;
  if (data->x->rows.n_global < 1) {
    *model = NULL;
    return status_fail(INVALID, "constant: there is no row to learn from");
  }
  Status local = NEW(&constant, 1);
  *model = constant;
  if (local == OK) local = NEW(&constant->value, width);
  if (local == OK) local = NEW(&sums, 1 + width);
  if (local == OK) local = training_check(data, TRAINING_WEIGHT_MOST);
  AGREE(comm, local);
  constant->width = width;
  for (int64_t c = 0; c <= width; c++) exact_init(&sums[c]);
  add_rows(data, sums);
  exact_join_all(comm, sums, 1 + width);
  double total = exact_round(&sums[0]);
  for (int64_t c = 0; c < width; c++) constant->value[c] = exact_round(&sums[1 + c]) / total;
done:
  memory_free(&sums);
  return status;
}

static Status constant_predict(const void *model, const Matrix *x, double *out) {
  const Constant *constant = model;
  for (int64_t i = 0; i < x->rows.n; i++) {
    for (int64_t c = 0; c < constant->width; c++) *out++ = constant->value[c];
  }
  return OK;
}

static Status constant_fields(void **model, Fields *fields) {
  Status status = OK;
  if (fields->mode == FIELDS_IN) {
    Constant *new = NULL;
    TRY(NEW(&new, 1));
    *model = new;
  }
  Constant *constant = *model;
  int64_t width = fields->mode == FIELDS_OUT ? constant->width : -1;
  TRY(fields_array(fields, "value", FIELD_REAL, &constant->value, 1, &width));
  constant->width = width;
done:
  return status;
}

static void constant_free(void **model) {
  Constant *constant = *model;
  if (!constant) return;
  memory_free(&constant->value);
  memory_free(model);
}

const ModelKind constant_model = {
    .kind = {.name = "constant",
             .help = "The baseline: the mean of the target, or the shares of the classes.",
             .version = 1},
    .regression = true,
    .classification = true,
    .fit_all = constant_fit_all,
    .predict = constant_predict,
    .fields = constant_fields,
    .free = constant_free,
};
