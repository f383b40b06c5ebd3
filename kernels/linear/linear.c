/* linear: least squares and ridge regression, with what the coefficients are worth.
 *
 * The normal equations are never formed: tall.h gives the triangular factor of the data, and the
 * small rest is done on rank 0. A feature that is a linear combination of those before it, or
 * constant, is left out (coefficient 0) and named. Without a penalty every coefficient has its
 * standard error, t and p value (Student, n - k - 1 degrees of freedom), and its variance inflation
 * factor, which tells how much of the error is due to the other features (Marquardt 1970).
 *
 * Ridge (Hoerl and Kennard 1970) minimises sum of w (y - x b)^2 + l2 x sum of b^2, where b is per
 * deviation of the feature when `standardize` is on. Penalised coefficients are biased, so no
 * standard errors are claimed for them. Row weights are precisions: n counts rows. */
#include "linear.h"

#include <lapacke.h>
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/distribution.h"
#include "linear_model.h"
#include "tall.h"

/* The problem on rank 0. All arrays by active feature have room for d. */
typedef struct Solution {
  const LinearSystem *system;
  const LinearOptions *options;
  int64_t k;         /* active features */
  int64_t *active;   /* their numbers */
  int64_t rows;      /* of a: d + 1, and k more with a penalty */
  double *a;         /* rows x (k + 1), column-major: reduced, the target last */
  double *inverse;   /* k x k, of the triangle */
  double *scratch;   /* for tall_reduce */
  double *scaled;    /* d coefficients of scaled columns, 0: left out */
  double *error;     /* d standard errors of those, NaN: none */
  double *inflation; /* d, NaN: none */
  double square_sum; /* of residuals, in scaled units; without the penalty */
} Solution;

static void solution_clear(Solution *s) {
  memory_free(&s->active);
  memory_free(&s->a);
  memory_free(&s->inverse);
  memory_free(&s->scratch);
  memory_free(&s->scaled);
  memory_free(&s->error);
  memory_free(&s->inflation);
}

static Status solution_allocate(Solution *s) {
  Status status = OK;
  int64_t d = s->system->d;
  TRY(NEW(&s->active, d));
  TRY(NEW(&s->a, (2 * d + 1) * (d + 1)));
  TRY(NEW(&s->inverse, d * d));
  TRY(NEW(&s->scratch, tall_scratch(d + 1)));
  TRY(NEW(&s->scaled, d));
  TRY(NEW(&s->error, d));
  TRY(NEW(&s->inflation, d));
  for (int64_t j = 0; j < d; j++) s->error[j] = s->inflation[j] = NAN;
done:
  return status;
}

/* The factor's columns of active features and of the target, the penalty below; reduced. */
static void reduce(Solution *s) {
  const LinearSystem *system = s->system;
  int64_t d = system->d;
  bool ridge = s->options->l2 > 0;
  s->rows = d + 1 + (ridge ? s->k : 0);
  memset(s->a, 0, (size_t)(s->rows * (s->k + 1)) * sizeof *s->a);
  for (int64_t c = 0; c <= s->k; c++) {
    int64_t j = c < s->k ? s->active[c] : d;
    memcpy(s->a + c * s->rows, system->factor + j * (d + 1), (size_t)(d + 1) * sizeof *s->a);
    if (!ridge || c == s->k) continue;
    double unit =
        s->options->standardize ? system->norm[j] / sqrt(system->weight) : 1 / system->scale[j];
    s->a[c * s->rows + d + 1 + c] = sqrt(s->options->l2) * unit;
  }
  tall_reduce(s->a, s->rows, s->k + 1, s->scratch);
}

/* With a penalty only constant features are left out. */
static Status choose_features(Solution *s) {
  const LinearSystem *system = s->system;
  if (s->options->l2 == 0) return linear_system_independent(system, s->active, &s->k);
  for (int64_t j = 0; j < system->d; j++) {
    if (system->norm[j] > 0) s->active[s->k++] = j;
  }
  return OK;
}

/* Back substitution, and the inverse of the triangle. */
static void solve(Solution *s) {
  int64_t k = s->k, rows = s->rows;
  const double *target = s->a + k * rows;
  for (int64_t c = 0; c < k; c++) {
    memcpy(s->inverse + c * k, s->a + c * rows, (size_t)k * sizeof *s->inverse);
  }
  if (k > 0) {
    LAPACKE_dtrtri_work(LAPACK_COL_MAJOR, 'U', 'N', (lapack_int)k, s->inverse, (lapack_int)k);
  }
  for (int64_t i = 0; i < k; i++) {
    double sum = 0;
    for (int64_t c = i; c < k; c++) sum += s->inverse[c * k + i] * target[c];
    s->scaled[s->active[i]] = sum;
  }
}

/* Residuals are measured on the data alone, also where there is a penalty. */
static void measure(Solution *s) {
  const LinearSystem *system = s->system;
  int64_t d = system->d;
  s->square_sum = 0;
  for (int64_t i = 0; i <= d; i++) {
    double left = system->factor[d * (d + 1) + i];
    for (int64_t j = i; j < d; j++) left -= system->factor[j * (d + 1) + i] * s->scaled[j];
    s->square_sum += left * left;
  }
}

/* Standard errors and inflation: row i of the inverse has the length of the error over sigma. */
static void judge(Solution *s) {
  int64_t k = s->k, left = s->system->n - k - 1;
  double sigma = left > 0 ? sqrt(s->square_sum / (double)left) : NAN;
  for (int64_t i = 0; i < k; i++) {
    double square = 0, length = s->system->norm[s->active[i]];
    for (int64_t c = i; c < k; c++) square += s->inverse[c * k + i] * s->inverse[c * k + i];
    s->error[s->active[i]] = sigma * sqrt(square);
    s->inflation[s->active[i]] = length * length * square;
  }
}

/* ---- what the model says ---- */

/* The feature's numbers in its own units. */
static Status report_feature(const Solution *s, const LinearModel *model, int64_t j, char **names,
                             int64_t table, Summary *summary) {
  const LinearSystem *system = s->system;
  double own = model->coefficient[j], target = linear_system_deviation(system, system->d);
  double error = s->error[j] * (system->scale[system->d] / system->scale[j]), t = own / error;
  double left = (double)(system->n - s->k - 1);
  double effect = target > 0 ? own * linear_system_deviation(system, j) / target : 0;
  Cell cells[] = {cell_text(names ? names[j] : "?"),
                  cell_real(own),
                  cell_real(error),
                  cell_real(t),
                  cell_real(distribution_student_two_sided(t, left)),
                  cell_real(effect),
                  cell_real(s->inflation[j])};
  return summary_row(summary, table, cells);
}

static Status report_coefficients(const Solution *s, const LinearModel *model, char **names,
                                  Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {
      "feature", "coefficient", "standard error", "t", "p", "standardised effect", "VIF"};
  const LinearSystem *system = s->system;
  double *effect = NULL, target = linear_system_deviation(system, system->d);
  int64_t table = -1;
  TRY(NEW(&effect, system->d));
  TRY(summary_table(summary, "coefficients", "Coefficients", 7, columns, &table));
  for (int64_t j = 0; j < system->d; j++) {
    effect[j] = model->coefficient[j] * linear_system_deviation(system, j);
    effect[j] = target > 0 ? effect[j] / target : 0;
    TRY(report_feature(s, model, j, names, table, summary));
  }
  TRY(linear_model_effects(effect, LINEAR_EFFECT, names, system->d, summary));
done:
  memory_free(&effect);
  return status;
}

static Status report_fit(const Solution *s, const LinearModel *model, Summary *summary) {
  Status status = OK;
  const LinearSystem *system = s->system;
  double total = system->norm[system->d] * system->norm[system->d];
  double left = (double)(system->n - s->k - 1), k = (double)s->k;
  double r2 = total > 0 ? 1 - s->square_sum / total : NAN;
  TRY(summary_metric(summary, "train", "r2", r2, true, false));
  TRY(summary_note(summary, NOTE_INFO, "Intercept %.6g, %lld coefficients, %lld rows",
                   model->intercept, (long long)s->k, (long long)system->n));
  if (s->options->l2 > 0 || left <= 0 || k < 1 || !(s->square_sum > 0)) return OK;
  double f = (total - s->square_sum) / k / (s->square_sum / left);
  TRY(summary_note(summary, NOTE_INFO,
                   "Residual standard error %.6g on %.0f degrees of freedom; F %.6g, p %.3g",
                   system->scale[system->d] * sqrt(s->square_sum / left), left, f,
                   distribution_fisher_tail(f, k, left)));
done:
  return status;
}

/* ---- fitting ---- */

static Status solve_small(const LinearSystem *system, const void *given, char **names,
                          LinearModel *model, Summary *summary) {
  Status status = OK;
  const LinearOptions *options = given;
  Solution s = {.system = system, .options = options};
  TRY(solution_allocate(&s));
  TRY(choose_features(&s));
  reduce(&s);
  solve(&s);
  measure(&s);
  if (options->l2 == 0) judge(&s);
  linear_system_unscale(system, s.scaled, model->coefficient, &model->intercept);
  TRY(linear_system_report_rest(system, s.active, s.k, names, summary));
  TRY(report_fit(&s, model, summary));
  TRY(report_coefficients(&s, model, names, summary));
done:
  solution_clear(&s);
  return status;
}

static Status linear_fit_all(const Comm *comm, const TrainingData *data, const void *options,
                             WorkSink *sink, void **out, Summary *summary) {
  (void)sink;
  return linear_model_fit_all(comm, data, "linear", options, solve_small, out, summary);
}

static const Option rows[] = {
    OPTION_REAL(LinearOptions, l2, "0", 0, 1e300,
                "Ridge penalty on the sum of squared coefficients; 0: least squares, with standard "
                "errors."),
    OPTION_BOOLEAN(LinearOptions, standardize, "true",
                   "The penalty is on coefficients per standard deviation of the feature, so that "
                   "units do not matter; false: on the coefficients as they are."),
    {.name = NULL},
};

const ModelKind linear_model = {
    .kind = {.name = "linear",
             .help = "Least squares or ridge regression, with standard errors and p values.",
             .version = 2,
             .options_size = sizeof(LinearOptions),
             .options = rows},
    .regression = true,
    .fit_all = linear_fit_all,
    .predict = linear_model_predict,
    .fields = linear_model_fields,
    .free = linear_model_free,
};
