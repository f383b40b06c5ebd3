/* What a logistic regression says about itself; see logistic_report.h. */
#include "logistic_report.h"

#include <lapacke.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/distribution.h"
#include "linear_model.h"

enum {
  ROWS_MOST = 400, /* rows of a table of all classes; with more, only */
  STRONGEST = 3,   /* so many features of each */
};

/* Standard errors of scaled parameters, from the triangular factor of the Hessian: lengths of the
 * rows of its inverse. errors: d, NaN: none. */
static Status find_errors(const LogisticProblem *p, const double *factor, double *errors) {
  Status status = OK;
  int64_t m = p->k + 1;
  double *inverse = NULL;
  TRY(NEW(&inverse, m * m));
  memcpy(inverse, factor, (size_t)(m * m) * sizeof *inverse);
  LAPACKE_dtrtri_work(LAPACK_COL_MAJOR, 'U', 'N', (lapack_int)m, inverse, (lapack_int)m);
  for (int64_t c = 0; c < p->k; c++) {
    double square = 0;
    for (int64_t e = c + 1; e < m; e++) square += inverse[e * m + c + 1] * inverse[e * m + c + 1];
    errors[p->active[c]] = sqrt(square);
  }
done:
  memory_free(&inverse);
  return status;
}

static Status report_two(const LogisticProblem *p, const Logistic *model, const double *factor,
                         char **names, Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"feature", "coefficient", "standard error",          "z",
                                        "p",       "odds ratio",  "odds ratio per deviation"};
  int64_t table = -1, d = model->d;
  double *errors = NULL, *effect = NULL;
  TRY(NEW(&errors, d));
  TRY(NEW(&effect, d));
  for (int64_t j = 0; j < d; j++) errors[j] = NAN;
  if (factor) TRY(find_errors(p, factor, errors));
  TRY(summary_table(summary, "coefficients", "Coefficients (log odds)", 7, columns, &table));
  for (int64_t j = 0; j < d; j++) {
    double own = model->coefficient[j], error = errors[j] / p->system->scale[j];
    effect[j] = own * linear_system_deviation(p->system, j);
    Cell cells[] = {cell_text(names ? names[j] : "?"),
                    cell_real(own),
                    cell_real(error),
                    cell_real(own / error),
                    cell_real(distribution_normal_two_sided(own / error)),
                    cell_real(exp(own)),
                    cell_real(exp(effect[j]))};
    TRY(summary_row(summary, table, cells));
  }
  TRY(linear_model_effects(effect, "log odds per deviation of the feature", names, d, summary));
done:
  memory_free(&errors);
  memory_free(&effect);
  return status;
}

/* Is feature j among the strongest of class c? Ties to the lower feature. */
static bool is_strong(const LogisticProblem *p, const double *coefficient, int64_t d, int64_t j) {
  double own = fabs(coefficient[j]) * linear_system_deviation(p->system, j);
  int64_t stronger = 0;
  for (int64_t e = 0; e < d; e++) {
    double other = fabs(coefficient[e]) * linear_system_deviation(p->system, e);
    stronger += other > own || (other == own && e < j);
  }
  return stronger < STRONGEST;
}

/* The name of class c, or its number. Into out. */
static void name_class(const TrainingData *data, int64_t c, char out[64]) {
  int64_t n = 0;
  const char *word = data->classes ? dictionary_word(data->classes, (int32_t)c, &n) : NULL;
  if (word) snprintf(out, 64, "%.*s", (int)(n < 63 ? n : 63), word);
  if (!word) snprintf(out, 64, "class %lld", (long long)c);
}

static Status report_many(const LogisticProblem *p, const Logistic *model, char **names,
                          Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"class", "feature", "coefficient",
                                        "odds ratio per deviation"};
  int64_t table = -1, d = model->d;
  bool all = model->outputs * d <= ROWS_MOST;
  TRY(summary_table(summary, "coefficients",
                    all ? "Coefficients (log odds)" : "Strongest coefficients (log odds)", 4,
                    columns, &table));
  for (int64_t c = 0; c < model->outputs; c++) {
    const double *coefficient = model->coefficient + c * d;
    char name[64];
    name_class(p->data, c, name);
    for (int64_t j = 0; j < d; j++) {
      if (!all && !is_strong(p, coefficient, d, j)) continue;
      double effect = coefficient[j] * linear_system_deviation(p->system, j);
      Cell cells[] = {cell_text(name), cell_text(names ? names[j] : "?"), cell_real(coefficient[j]),
                      cell_real(exp(effect))};
      TRY(summary_row(summary, table, cells));
    }
  }
done:
  return status;
}

Status logistic_report(const LogisticProblem *p, const Logistic *model, const double *factor,
                       const LogisticEnd *end, char **names, Summary *summary) {
  Status status = OK;
  if (!summary->active) return OK;
  TRY(linear_system_report_rest(p->system, p->active, p->k, names, summary));
  TRY(summary_note(summary, NOTE_INFO, "Loss %.9g after %lld steps over %lld rows", end->loss,
                   (long long)end->iterations, (long long)p->system->n));
  if (!end->converged) {
    TRY(summary_note(summary, NOTE_WARNING,
                     "Not converged after %lld steps: features may tell the classes apart "
                     "completely (set l2 above 0), or max_iterations is too low",
                     (long long)end->iterations));
  }
  if (p->outputs == 1) {
    TRY(report_two(p, model, factor, names, summary));
  } else {
    TRY(report_many(p, model, names, summary));
  }
done:
  return status;
}
