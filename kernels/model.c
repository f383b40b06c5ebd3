/* What all models ask of their training rows; see model.h. */
#include "model.h"

#include <math.h>

Status training_check(const TrainingData *data, double weight_most) {
  for (int64_t i = 0; i < data->x->rows.n; i++) {
    double y = data->target[i], weight = data->weight ? data->weight[i] : 1;
    long long row = data->row_id ? data->row_id[i] : data->x->rows.begin + i;
    if (!(weight > 0 && weight <= weight_most)) {
      return status_fail(NUMERIC, "weight: row %lld weighs %g; above 0 and up to %g is allowed",
                         row, weight, weight_most);
    }
    if (data->task == TASK_CLASSIFICATION) {
      if (y >= 0 && y < (double)data->n_classes && y == floor(y)) continue;
      return status_fail(INVALID, "target: row %lld has class %g, classes are 0 to %lld", row, y,
                         (long long)data->n_classes - 1);
    }
    if (isfinite(y)) continue;
    return status_fail(NUMERIC,
                       "target: row %lld is %g; finite targets are needed (drop the row or "
                       "impute it)",
                       row, y);
  }
  return OK;
}
