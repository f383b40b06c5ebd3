/* A linear predictor; see linear_model.h. */
#include "linear_model.h"

#include <math.h>

#include "kernels/base/memory.h"

enum {
  BARS = 30,    /* features drawn in the report */
  SWEEP = 1024, /* rows whose sums stay in the cache */
};

static Status model_new(int64_t d, LinearModel **out) {
  Status status = OK;
  TRY(NEW(out, 1));
  (*out)->d = d;
  TRY(NEW(&(*out)->coefficient, d));
done:
  return status;
}

Status linear_model_predict(const void *opaque, const Matrix *x, double *out) {
  const LinearModel *model = opaque;
  if (x->d != model->d) {
    return status_fail(INVALID, "rows have %lld features, the linear model has %lld",
                       (long long)x->d, (long long)model->d);
  }
  for (int64_t begin = 0; begin < x->rows.n; begin += SWEEP) {
    int64_t end = begin + SWEEP < x->rows.n ? begin + SWEEP : x->rows.n;
    for (int64_t i = begin; i < end; i++) out[i] = model->intercept;
    for (int64_t j = 0; j < x->d; j++) {
      const double *column = matrix_column(x, j), weight = model->coefficient[j];
      for (int64_t i = begin; i < end; i++) out[i] += weight * column[i];
    }
  }
  return OK;
}

Status linear_model_fields(void **out, Fields *fields) {
  Status status = OK;
  if (fields->mode == FIELDS_IN) {
    LinearModel *new = NULL;
    TRY(NEW(&new, 1));
    *out = new;
  }
  LinearModel *model = *out;
  int64_t d = fields->mode == FIELDS_OUT ? model->d : -1;
  TRY(fields_real(fields, "intercept", &model->intercept));
  TRY(fields_array(fields, "coefficient", FIELD_REAL, &model->coefficient, 1, &d));
  model->d = d;
done:
  return status;
}

void linear_model_free(void **out) {
  LinearModel *model = *out;
  if (!model) return;
  memory_free(&model->coefficient);
  memory_free(out);
}

Status linear_model_fit_all(const Comm *comm, const TrainingData *data, const char *who,
                            const void *options, LinearSolve solve, void **out, Summary *summary) {
  Status status = OK;
  Design design = {0};
  LinearSystem system = {0};
  LinearModel *model = NULL;
  status = model_new(data->x->d, &model);
  *out = model;
  AGREE(comm, status);
  TRY(design_init_all(comm, data, who, &design));
  TRY(linear_system_all(comm, &design, &system));
  AGREE(comm, comm->rank == 0 ? solve(&system, options, data->x->names, model, summary) : OK);
  comm_broadcast_all(comm, 0, &model->intercept, sizeof model->intercept);
  comm_broadcast_all(comm, 0, model->coefficient, (size_t)model->d * sizeof(double));
done:
  linear_system_clear(&system);
  design_clear(&design);
  return status;
}

/* Features by falling size, ties in their order. */
static void order_by_size(const double *effect, int64_t d, int64_t *order) {
  for (int64_t j = 0; j < d; j++) {
    int64_t at = j;
    for (; at > 0 && fabs(effect[order[at - 1]]) < fabs(effect[j]); at--) order[at] = order[at - 1];
    order[at] = j;
  }
}

Status linear_model_effects(const double *effect, const char *label, char **names, int64_t d,
                            Summary *summary) {
  Status status = OK;
  int64_t *order = NULL, n = d < BARS ? d : BARS;
  char **name = NULL;
  double *y = NULL;
  char series_name[] = "effects", title[] = "Standardised effects";
  if (!summary->active || !names) return OK;
  TRY(NEW(&order, d));
  TRY(NEW(&name, n));
  TRY(NEW(&y, n));
  order_by_size(effect, d, order);
  for (int64_t i = 0; i < n; i++) {
    name[i] = names[order[i]];
    y[i] = effect[order[i]];
  }
  Series bars = {.name = series_name,
                 .title = title,
                 .y_label = (char *)(uintptr_t)label,
                 .kind = SERIES_BARS,
                 .n_x = n,
                 .n_y = n,
                 .y = y,
                 .x_names = name};
  TRY(summary_series(summary, &bars));
done:
  memory_free(&order);
  memory_free(&name);
  memory_free(&y);
  return status;
}
