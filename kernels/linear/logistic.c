/* The model kind logistic; see logistic.h. The loss and its solvers are in logistic_*.c; here are
 * the options, what the model says, what lasts, and prediction. */
#include "logistic.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"
#include "logistic_problem.h"
#include "logistic_report.h"

enum { SWEEP = 256 }; /* rows that are predicted together */

/* ---- fitting ---- */

static Status model_new(const TrainingData *data, Logistic **out) {
  Status status = OK;
  Logistic *model = NULL;
  TRY(NEW(out, 1));
  model = *out;
  model->n_classes = data->n_classes;
  model->d = data->x->d;
  model->outputs = data->n_classes > 2 ? data->n_classes : 1;
  TRY(NEW(&model->intercept, model->outputs));
  TRY(NEW(&model->coefficient, model->outputs * model->d));
done:
  return status;
}

/* Parameters of scaled features -> the model's. */
static void unscale(const LogisticProblem *p, const double *b, Logistic *model) {
  for (int64_t o = 0; o < p->outputs; o++) {
    const double *own = b + o * (p->k + 1);
    double level = own[0], *coefficient = model->coefficient + o * model->d;
    for (int64_t c = 0; c < p->k; c++) {
      int64_t j = p->active[c];
      coefficient[j] = own[c + 1] / p->system->scale[j];
      level -= coefficient[j] * p->system->centre[j];
    }
    model->intercept[o] = level;
  }
}

static Status solve_all(LogisticProblem *p, Logistic *model, char **names, Summary *summary) {
  Status status = OK;
  int64_t m = p->k + 1;
  double *b = NULL, *factor = NULL;
  LogisticEnd end;
  Status local = NEW(&b, logistic_parameters(p));
  if (local == OK) local = NEW(&factor, m * m);
  AGREE(p->comm, local);
  bool newton = p->outputs == 1 && p->options->l1 == 0;
  if (newton) TRY(logistic_newton_all(p, b, factor, &end));
  if (!newton) TRY(logistic_owlqn_all(p, b, &end));
  unscale(p, b, model);
  bool errors = newton && p->options->l2 == 0;
  AGREE(p->comm, logistic_report(p, model, errors ? factor : NULL, &end, names, summary));
done:
  memory_free(&b);
  memory_free(&factor);
  return status;
}

static Status logistic_fit_all(const Comm *comm, const TrainingData *given, const void *options,
                               WorkSink *sink, void **out, Summary *summary) {
  Status status = OK;
  const LogisticOptions *o = options;
  ClassWeights classes = {&o->class_weight, o->positive_weight};
  TrainingData weighted = *given;
  const TrainingData *data = &weighted;
  double *weight = NULL;
  Design design = {0};
  LinearSystem system = {0};
  LogisticProblem problem = {0};
  Logistic *model = NULL;
  status = model_new(data, &model);
  *out = model;
  AGREE(comm, status);
  AGREE(comm, training_check(data, TRAINING_WEIGHT_MOST));
  TRY(class_weights_all(comm, given, &classes, &weight));
  if (weight) weighted.weight = weight;
  TRY(design_init_all(comm, data, "logistic", &design));
  TRY(linear_system_all(comm, &design, &system));
  if (data->n_classes > 1) {
    TRY(logistic_problem_all(comm, &design, options, &system, sink, &problem));
    TRY(solve_all(&problem, model, data->x->names, summary));
  }
done:
  logistic_problem_clear(&problem);
  linear_system_clear(&system);
  design_clear(&design);
  memory_free(&weight);
  return status;
}

/* ---- prediction ---- */

/* Raw values of n rows from `first`, output by output. */
static void raw_values(const Logistic *model, const Matrix *x, int64_t first, int64_t n,
                       double *z) {
  for (int64_t o = 0; o < model->outputs; o++) {
    double *own = z + o * SWEEP;
    for (int64_t i = 0; i < n; i++) own[i] = model->intercept[o];
    for (int64_t j = 0; j < model->d; j++) {
      const double *column = matrix_column(x, j) + first;
      double weight = model->coefficient[o * model->d + j];
      for (int64_t i = 0; i < n; i++) own[i] += weight * column[i];
    }
  }
}

static void probabilities(const Logistic *model, const double *z, double *out) {
  if (model->n_classes == 1) out[0] = 1;
  if (model->n_classes == 2) {
    double e = elementary_exp(*z < 0 ? *z : -*z), small = e / (1 + e), large = 1 / (1 + e);
    out[0] = *z < 0 ? large : small;
    out[1] = *z < 0 ? small : large;
  }
  if (model->n_classes < 3) return;
  double most = -INFINITY, total = 0;
  for (int64_t c = 0; c < model->outputs; c++) most = fmax(most, z[c * SWEEP]);
  for (int64_t c = 0; c < model->outputs; c++) {
    out[c] = elementary_exp(z[c * SWEEP] - most);
    total += out[c];
  }
  for (int64_t c = 0; c < model->outputs; c++) out[c] /= total;
}

/* A row with a missing value has missing probabilities. */
static bool is_missing(const Logistic *model, const double *z) {
  for (int64_t o = 0; o < model->outputs; o++) {
    if (isnan(z[o * SWEEP])) return true;
  }
  return false;
}

static Status logistic_predict(const void *opaque, const Matrix *x, double *out) {
  Status status = OK;
  const Logistic *model = opaque;
  double *z = NULL;
  if (x->d != model->d) {
    return status_fail(INVALID, "rows have %lld features, the logistic model has %lld",
                       (long long)x->d, (long long)model->d);
  }
  TRY(NEW(&z, model->outputs * SWEEP));
  for (int64_t first = 0; first < x->rows.n; first += SWEEP) {
    int64_t n = x->rows.n - first < SWEEP ? x->rows.n - first : SWEEP;
    raw_values(model, x, first, n, z);
    for (int64_t i = 0; i < n; i++) {
      double *own = out + (first + i) * model->n_classes;
      probabilities(model, z + i, own);
      bool missing = is_missing(model, z + i);
      for (int64_t c = 0; missing && c < model->n_classes; c++) own[c] = NAN;
    }
  }
done:
  memory_free(&z);
  return status;
}

/* ---- what lasts ---- */

static Status logistic_fields(void **out, Fields *fields) {
  Status status = OK;
  if (fields->mode == FIELDS_IN) {
    Logistic *new = NULL;
    TRY(NEW(&new, 1));
    *out = new;
  }
  Logistic *model = *out;
  TRY(fields_integer(fields, "classes", &model->n_classes));
  TRY(fields_integer(fields, "features", &model->d));
  model->outputs = model->n_classes > 2 ? model->n_classes : 1;
  int64_t shape[2] = {model->outputs, model->d};
  if (model->n_classes < 1 || model->d < 1) {
    return status_fail(FORMAT, "logistic: %lld classes and %lld features",
                       (long long)model->n_classes, (long long)model->d);
  }
  TRY(fields_array(fields, "intercept", FIELD_REAL, &model->intercept, 1, shape));
  TRY(fields_array(fields, "coefficient", FIELD_REAL, &model->coefficient, 2, shape));
done:
  return status;
}

static void logistic_free(void **out) {
  Logistic *model = *out;
  if (!model) return;
  memory_free(&model->intercept);
  memory_free(&model->coefficient);
  memory_free(out);
}

static const Option rows[] = {
    OPTION_REAL(LogisticOptions, l2, "1", 0, 1e300,
                "Penalty on half the sum of squared coefficients (scikit-learn's 1 / C); 0 and l1 "
                "0: none, which with two classes gives standard errors."),
    OPTION_REAL(LogisticOptions, l1, "0", 0, 1e300,
                "Penalty on the sum of sizes of coefficients; makes some of them zero."),
    OPTION_INTEGER(LogisticOptions, max_iterations, "1000", 1, 1000000000, "Steps at most."),
    OPTION_REAL(LogisticOptions, tolerance, "1e-8", 1e-15, 1,
                "Relative fall of the loss that is no longer worth a step."),
    OPTION_BOOLEAN(LogisticOptions, standardize, "true",
                   "The penalties are on coefficients per standard deviation of the feature, so "
                   "that units do not matter; false: on the coefficients as they are."),
    CLASS_WEIGHT_ROWS(LogisticOptions),
    {.name = NULL},
};

static Status logistic_check(const void *options) {
  const LogisticOptions *o = options;
  ClassWeights classes = {&o->class_weight, o->positive_weight};
  return class_weights_check(&classes);
}

const ModelKind logistic_model = {
    .kind = {.name = "logistic",
             .help = "Logistic regression for two classes or many, with odds ratios.",
             .version = 2,
             .options_size = sizeof(LogisticOptions),
             .options = rows,
             .check = logistic_check},
    .classification = true,
    .fit_all = logistic_fit_all,
    .predict = logistic_predict,
    .fields = logistic_fields,
    .free = logistic_free,
};
