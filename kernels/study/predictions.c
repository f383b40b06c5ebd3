/* Predictions as a table; see predictions.h. */
#include "predictions.h"

#include <string.h>

#include "kernels/base/memory.h"

/* Predicted classes and the probability of each, as columns. */
static Status add_classes(const Predicted *predicted, const Bundle *bundle, Table *out) {
  Status status = OK;
  int64_t n = predicted->rows.table.rows.n, width = predicted->width;
  Column *class = NULL, *probability = NULL;
  TRY(column_new(&class, "prediction", COLUMN_CATEGORY, n, 0));
  TRY(column_new(&probability, "probability", COLUMN_REAL, n, 0));
  TRY(dictionary_copy(&bundle->classes, &class->dictionary));
  for (int64_t i = 0; i < n; i++) {
    const double *p = predicted->value + i * width;
    int32_t best = bundle_class(bundle, p);
    class->code[i] = best;
    probability->real[i] = p[best];
  }
  status = table_add(out, class);
  class = NULL;
  TRY(status);
  status = table_add(out, probability);
  probability = NULL;
done:
  column_release(&class);
  column_release(&probability);
  return status;
}

/* Ends of prediction intervals, as columns. */
static Status add_intervals(const Predicted *predicted, Table *out) {
  Status status = OK;
  static const char *const names[] = {"low", "high"};
  int64_t n = predicted->rows.table.rows.n;
  Column *column = NULL;
  for (int side = 0; side < 2; side++) {
    TRY(column_new(&column, names[side], COLUMN_REAL, n, 0));
    for (int64_t i = 0; i < n; i++) column->real[i] = predicted->interval[2 * i + side];
    status = table_add(out, column);
    column = NULL;
    TRY(status);
  }
done:
  column_release(&column);
  return status;
}

Status predictions_table(const Predicted *predicted, const Bundle *bundle, Table *out) {
  Status status = OK;
  const Table *source = &predicted->rows.table;
  int64_t n = source->rows.n;
  Column *column = NULL;
  TRY(table_init(out, &source->rows));
  if (n > 0) memcpy(out->row_id, source->row_id, (size_t)n * sizeof *out->row_id);
  TRY(table_require(source, bundle->spec.target, &column));
  column = column_share(column);
  status = table_add(out, column);
  column = NULL;
  TRY(status);
  if (bundle->task == TASK_CLASSIFICATION) {
    TRY(add_classes(predicted, bundle, out));
  } else {
    TRY(column_new(&column, "prediction", COLUMN_REAL, n, 0));
    if (n > 0) memcpy(column->real, predicted->value, (size_t)n * sizeof(double));
    status = table_add(out, column);
    column = NULL;
    TRY(status);
    if (predicted->interval) TRY(add_intervals(predicted, out));
  }
done:
  column_release(&column);
  return status;
}
