/* Out-of-fold predictions; see out_of_fold.h. */
#include "out_of_fold.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "stack.h"

void out_of_fold_clear(OutOfFold *out) {
  predicted_clear(&out->predicted);
  memory_free(&out->fold);
}

/* One recipe and model. value: out, rows.n x width of the table. */
static Status plain_all(const Comm *comm, const FoldInputs *in, int64_t n, const Bundle *bundle,
                        WorkSink *sink, double **value) {
  Status status = OK;
  FoldInputs kept = *in;
  CrossValidation cv = {.comm = *comm, .group = *comm};
  FoldTask *tasks = NULL;
  FoldResult *results = NULL;
  kept.keep_predictions = kept.packed = true;
  AGREE(comm, NEW(&tasks, n));
  AGREE(comm, NEW(&results, n));
  for (int64_t f = 0; f < n; f++) tasks[f] = (FoldTask){.spec = &bundle->spec, .fold = f};
  work_phase(sink, "folds, percent");
  TRY(cross_validation_init_all(comm, &kept, n, tasks, &cv));
  TRY(cross_validation_run_all(&cv, n, tasks, sink, results));
  AGREE(comm, fold_results_gather(in, results, n, bundle_width(bundle), value));
done:
  for (int64_t f = 0; results && f < n; f++) fold_result_clear(&results[f]);
  cross_validation_clear_all(&cv);
  memory_free(&tasks);
  memory_free(&results);
  return status;
}

static Status stack_all(const Comm *comm, const FoldInputs *in, const uint8_t *role,
                        const Bundle *bundle, WorkSink *sink, double **value) {
  Status status = OK;
  StackJob job = {.in = in, .role = role, .guard = true};
  HeldOut held = {0};
  Bundle shape; /* parts' specs; nothing is fitted into it */
  Summary unsaid;
  summary_init(&unsaid, false);
  bundle_init(&shape, &bundle->spec);
  TRY(stack_fit_all(comm, &job, sink, &shape, &held, &unsaid));
  *value = held.stack;
  held.stack = NULL;
done:
  held_out_clear(&held);
  bundle_clear(&shape);
  return status;
}

/* The fold of every predicted row: they stand in the order of the table. */
static Status number_rows(const FoldInputs *in, const double *value, const Bundle *bundle,
                          OutOfFold *out) {
  Status status = OK;
  int64_t n = 0, width = bundle_width(bundle);
  TRY(NEW(&out->fold, out->predicted.rows.table.rows.n));
  for (int64_t i = 0; i < in->table->rows.n; i++) {
    if (isnan(value[i * width])) continue;
    for (int64_t f = out->n_folds - 1; f >= 0; f--)
      if (folds_role(in->folds, f)[i] == ROLE_VALIDATE) out->fold[n] = f;
    n++;
  }
done:
  return status;
}

Status out_of_fold_all(const Comm *comm, const FoldInputs *in, const uint8_t *role,
                       const Bundle *bundle, const HeldValues *held, WorkSink *sink,
                       OutOfFold *out) {
  Status status = OK;
  double *value = NULL;
  *out = (OutOfFold){.n_folds = in->folds->n_folds / in->folds->repeats};
  TRY(held_values_find_all(comm, in, role, held, &value));
  out->found = value != NULL;
  if (!value)
    TRY(bundle->spec.stack ? stack_all(comm, in, role, bundle, sink, &value)
                           : plain_all(comm, in, out->n_folds, bundle, sink, &value));
  TRY(held_out_predicted_all(comm, in, bundle, value, &out->predicted));
  if (out->predicted.rows.table.rows.n_global == 0) {
    int64_t levels = bundle->spec.stack ? nest_levels(bundle->spec.stack) : 0;
    status = status_fail(INVALID,
                         "folds: no row is predicted by a model that was fitted without it; use "
                         "more folds: at least %lld here, in time more",
                         (long long)levels + 2);
    goto done;
  }
  AGREE(comm, number_rows(in, value, bundle, out));
  calibration_apply(&bundle->calibration, out->predicted.rows.table.rows.n, bundle->classes.n,
                    out->predicted.value);
done:
  memory_free(&value);
  return status;
}
