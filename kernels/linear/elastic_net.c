/* elastic_net: linear regression with an L1 and an L2 penalty (Zou and Hastie 2005).
 *
 * Minimises, over n rows of weight W,
 *
 *   1 / (2 W) sum of w (y - x b)^2 + alpha (l1_ratio |b|_1 + (1 - l1_ratio) / 2 |b|_2^2),
 *
 * which is scikit-learn's objective, where b is per deviation of the feature when `standardize` is
 * on. Coordinate descent on the covariances (Friedman, Hastie and Tibshirani 2010), which come from
 * the triangular factor of the data: a sweep costs d^2 whatever the number of rows. Coordinates go
 * in order; sweeps over the features that are not zero in between, and a full one to make sure. It
 * ends when the duality gap is below tolerance x the target's variance, so that what is reported as
 * converged is within that of the optimum. */
#include "elastic_net.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "linear_model.h"

/* The problem on rank 0, in units in which the penalties act: column j of the data is what stands
 * in R, over unit[j], and the target is in scaled units. */
typedef struct Descent {
  const LinearSystem *system;
  int64_t d;
  double l1, l2;      /* penalties in these units */
  double *unit;       /* d; 0: a constant feature, which stays out */
  double *covariance; /* d x d */
  double *with;       /* d: covariance with the target */
  double *slope;      /* d: with - covariance x b, kept up to date */
  double *b;          /* d */
  double variance;    /* of the target */
  int64_t sweeps;
  double gap; /* how far from the optimum at most, over the variance */
} Descent;

static void descent_clear(Descent *p) {
  memory_free(&p->unit);
  memory_free(&p->covariance);
  memory_free(&p->with);
  memory_free(&p->slope);
  memory_free(&p->b);
}

static double column_product(const LinearSystem *s, int64_t i, int64_t j) {
  const double *a = s->factor + i * (s->d + 1), *b = s->factor + j * (s->d + 1);
  double sum = 0;
  for (int64_t r = 0; r <= (i < j ? i : j); r++) sum += a[r] * b[r];
  return sum;
}

static Status descent_init(const LinearSystem *s, const ElasticOptions *o, Descent *p) {
  Status status = OK;
  int64_t d = s->d;
  *p = (Descent){.system = s, .d = d};
  TRY(NEW(&p->unit, d));
  TRY(NEW(&p->covariance, d * d));
  TRY(NEW(&p->with, d));
  TRY(NEW(&p->slope, d));
  TRY(NEW(&p->b, d));
  p->l1 = o->alpha * o->l1_ratio / s->scale[d];
  p->l2 = o->alpha * (1 - o->l1_ratio);
  p->variance = s->norm[d] * s->norm[d] / s->weight;
  for (int64_t j = 0; j < d; j++) {
    if (s->norm[j] > 0) {
      p->unit[j] = o->standardize ? s->norm[j] / sqrt(s->weight) : 1 / s->scale[j];
    }
  }
  for (int64_t j = 0; j < d; j++) {
    if (p->unit[j] == 0) continue;
    p->with[j] = p->slope[j] = column_product(s, j, d) / (p->unit[j] * s->weight);
    for (int64_t i = 0; i < d; i++) {
      if (p->unit[i] == 0) continue;
      p->covariance[j * d + i] = column_product(s, i, j) / (p->unit[i] * p->unit[j] * s->weight);
    }
  }
done:
  return status;
}

static double shrink(double x, double by) {
  double size = fabs(x) - by;
  return size <= 0 ? 0 : x < 0 ? -size : size;
}

/* One sweep; only_open: over coefficients that are not zero. Returns the largest change, weighed
 * by the feature's deviation. */
static double sweep(Descent *p, bool only_open) {
  double largest = 0;
  for (int64_t j = 0; j < p->d; j++) {
    double own = p->covariance[j * p->d + j];
    if (own == 0 || (only_open && p->b[j] == 0)) continue;
    double next = shrink(p->slope[j] + own * p->b[j], p->l1) / (own + p->l2);
    double change = next - p->b[j];
    if (change == 0) continue;
    const double *row = p->covariance + j * p->d;
    for (int64_t i = 0; i < p->d; i++) p->slope[i] -= change * row[i];
    p->b[j] = next;
    largest = fmax(largest, fabs(change) * sqrt(own));
  }
  p->sweeps++;
  return largest;
}

/* The duality gap (Kim et al. 2007, with the L2 part as extra rows of data) over the variance. */
static double duality_gap(const Descent *p) {
  double square = p->variance, l1_norm = 0, l2_norm = 0, steepest = 0, with = 0;
  for (int64_t j = 0; j < p->d; j++) {
    square -= p->b[j] * (p->with[j] + p->slope[j]);
    with += p->b[j] * p->with[j];
    l1_norm += fabs(p->b[j]);
    l2_norm += p->b[j] * p->b[j];
    steepest = fmax(steepest, fabs(p->slope[j] - p->l2 * p->b[j]));
  }
  square = fmax(square, 0);
  double scale = steepest > p->l1 ? p->l1 / steepest : 1;
  double rest = square + p->l2 * l2_norm; /* of the data with its extra rows */
  double gap =
      0.5 * rest + p->l1 * l1_norm + 0.5 * scale * scale * rest - scale * (p->variance - with);
  return p->variance > 0 ? fmax(gap, 0) / p->variance : 0;
}

static void descend(Descent *p, const ElasticOptions *o) {
  double enough = sqrt(p->variance) * o->tolerance;
  do {
    sweep(p, false);
    while (p->sweeps < o->max_iterations && sweep(p, true) > enough) continue;
    p->gap = duality_gap(p);
  } while (p->gap > o->tolerance && p->sweeps < o->max_iterations);
}

/* ---- what the model says ---- */

static Status report(const Descent *p, const ElasticOptions *o, const LinearModel *model,
                     char **names, Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"feature", "coefficient", "standardised effect"};
  const LinearSystem *s = p->system;
  double *effect = NULL, target = linear_system_deviation(s, s->d);
  int64_t table = -1, open = 0;
  TRY(NEW(&effect, p->d));
  TRY(summary_table(summary, "coefficients", "Coefficients", 3, columns, &table));
  for (int64_t j = 0; j < p->d; j++) {
    open += p->b[j] != 0;
    effect[j] = target > 0 ? model->coefficient[j] * linear_system_deviation(s, j) / target : 0;
    Cell cells[] = {cell_text(names ? names[j] : "?"), cell_real(model->coefficient[j]),
                    cell_real(effect[j])};
    TRY(summary_row(summary, table, cells));
  }
  TRY(summary_note(summary, NOTE_INFO,
                   "Intercept %.6g; %lld of %lld coefficients are not zero, after %lld sweeps",
                   model->intercept, (long long)open, (long long)p->d, (long long)p->sweeps));
  if (p->gap > o->tolerance) {
    TRY(summary_note(summary, NOTE_WARNING,
                     "Not converged in %lld sweeps: the loss may be %.3g of the target's variance "
                     "above its least; raise max_iterations or alpha",
                     (long long)p->sweeps, p->gap));
  }
  TRY(linear_model_effects(effect, LINEAR_EFFECT, names, p->d, summary));
done:
  memory_free(&effect);
  return status;
}

/* ---- fitting ---- */

static Status solve_small(const LinearSystem *system, const void *given, char **names,
                          LinearModel *model, Summary *summary) {
  Status status = OK;
  const ElasticOptions *options = given;
  Descent p;
  TRY(descent_init(system, options, &p));
  descend(&p, options);
  for (int64_t j = 0; j < p.d; j++) {
    model->coefficient[j] = p.unit[j] > 0 ? p.b[j] / p.unit[j] : 0;
  }
  linear_system_unscale(system, model->coefficient, model->coefficient, &model->intercept);
  TRY(report(&p, options, model, names, summary));
done:
  descent_clear(&p);
  return status;
}

static Status elastic_fit_all(const Comm *comm, const TrainingData *data, const void *options,
                              WorkSink *sink, void **out, Summary *summary) {
  (void)sink;
  return linear_model_fit_all(comm, data, "elastic_net", options, solve_small, out, summary);
}

static Status elastic_check(const void *options) {
  const ElasticOptions *o = options;
  if (o->alpha > 0 && o->l1_ratio > 0) return OK;
  return status_fail(INVALID,
                     "%s: 0 leaves no L1 penalty; use the model linear (with l2), which needs no "
                     "iterations",
                     o->alpha > 0 ? "l1_ratio" : "alpha");
}

static const Option rows[] = {
    OPTION_REAL(ElasticOptions, alpha, "1", 0, 1e300, "Weight of both penalties."),
    OPTION_REAL(ElasticOptions, l1_ratio, "0.5", 0, 1,
                "Share of the L1 penalty, which makes coefficients zero; 1: the lasso."),
    OPTION_INTEGER(ElasticOptions, max_iterations, "10000", 1, 1000000000,
                   "Sweeps over the coefficients at most."),
    OPTION_REAL(ElasticOptions, tolerance, "1e-8", 1e-15, 1,
                "Distance from the least loss at which to end, over the target's variance."),
    OPTION_BOOLEAN(ElasticOptions, standardize, "true",
                   "The penalties are on coefficients per standard deviation of the feature, so "
                   "that units do not matter; false: on the coefficients as they are."),
    {.name = NULL},
};

const ModelKind elastic_net_model = {
    .kind = {.name = "elastic_net",
             .help = "Linear regression with L1 and L2 penalties, by coordinate descent.",
             .version = 2,
             .options_size = sizeof(ElasticOptions),
             .options = rows,
             .check = elastic_check},
    .regression = true,
    .fit_all = elastic_fit_all,
    .predict = linear_model_predict,
    .fields = linear_model_fields,
    .free = linear_model_free,
};
