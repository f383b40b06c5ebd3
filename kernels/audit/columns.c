/* Rules about single columns of the matrix that the model sees: what one tells by itself, their
 * scales, codes that are used as numbers, divisors near zero. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "determined.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/exact.h"
#include "kernels/numeric/quantile.h"
#include "parts.h"

static const char *column_name(const Audit *audit, int64_t j) { return audit->x_training.names[j]; }

/* Append to a text that may be full. */
static void append(char *text, size_t size, const char *format, const char *name, double value) {
  size_t used = strlen(text);
  if (used + 1 < size) snprintf(text + used, size - used, format, used ? ", " : "", name, value);
}

/* ---- options of kinds, by name ---- */

static const void *option_find(const Variant *variant, const char *name, OptionType type) {
  for (const Option *row = variant->kind->options; row && row->name; row++)
    if (strcmp(row->name, name) == 0 && row->type == type)
      return (const char *)variant->options + row->offset;
  return NULL;
}

static double option_number(const Variant *variant, const char *name) {
  const double *value = option_find(variant, name, OPTION_TYPE_REAL);
  return value ? *value : 0;
}

static bool option_flag(const Variant *variant, const char *name) {
  const bool *value = option_find(variant, name, OPTION_TYPE_BOOLEAN);
  return value && *value;
}

static const char *option_text(const Variant *variant, const char *name) {
  char *const *value = option_find(variant, name, OPTION_TYPE_TEXT);
  return value ? *value : NULL;
}

/* ---- what a model does with its columns ---- */

typedef enum Use { SPLITS, ADDS, MEASURES } Use;

/* Trees cut columns one by one; these add them up, or measure distances. */
static Use use_of(const Variant *model) {
  static const char *const measure[] = {"knn", "nearest", "neighbors", NULL};
  static const char *const add[] = {"linear",  "elastic_net", "logistic", "net",
                                    "network", "mlp",         NULL};
  for (int k = 0; measure[k]; k++)
    if (strcmp(model->kind->name, measure[k]) == 0) return MEASURES;
  for (int k = 0; add[k]; k++)
    if (strcmp(model->kind->name, add[k]) == 0) return ADDS;
  return SPLITS;
}

/* Does a resampling measure distances between rows as they are? */
static bool resampling_needs_scale(const Variant *resample) {
  static const char *const measure[] = {"smote", "smote_nc", "adasyn", NULL};
  for (int k = 0; resample && resample->kind && measure[k]; k++)
    if (strcmp(resample->kind->name, measure[k]) == 0) return !option_flag(resample, "standardise");
  return false;
}

/* Does the scale of a column change what is learned? */
static bool needs_scale(const Variant *model) {
  Use use = use_of(model);
  if (use == SPLITS || option_flag(model, "standardize") || option_flag(model, "scale"))
    return false;
  return use == MEASURES || option_number(model, "l2") > 0 || option_number(model, "l1") > 0 ||
         option_number(model, "alpha") > 0;
}

/* ---- a feature determined by the target ---- */

static void judge_determined(Audit *audit, const double *told) {
  const double most = 0.95;
  const WayScores *way = &audit->ways[TARGET_AS_FEATURE];
  char names[600] = "", scores[160], careless[400] = "";
  int64_t best = -1;
  for (int64_t j = 0; j < audit->x_training.d; j++) {
    if (isnan(told[j])) continue;
    if (best < 0 || told[j] > told[best]) best = j;
    if (told[j] > most)
      append(names, sizeof names, "%s\"%s\" (%.3f)", column_name(audit, j), told[j]);
  }
  if (way->made)
    snprintf(careless, sizeof careless,
             " Segue encodes no target: with the frequency of the row's own target as a feature "
             "(%.3f by itself) it would be %s.",
             audit->target_frequency, scores_text(audit, &way->careless, &way->honest, scores));
  if (names[0])
    audit_find(audit, RULE_DETERMINED, FOUND,
               "%s: nearly all of the target by itself, on rows not learned from; leave it out of "
               "features if it is not known before the target is.%s",
               names, careless);
  else
    audit_find(audit, RULE_DETERMINED, way->made ? AVOIDED : CLEAR,
               "The strongest column by itself is \"%s\": %.3f of the target.%s",
               best < 0 ? "none" : column_name(audit, best), best < 0 ? 0 : told[best], careless);
}

static Status determined_rule_all(Audit *audit) {
  enum { BINS = 255 };
  Status status = OK;
  double *told = NULL;
  AGREE(audit->comm, NEW(&told, audit->x_training.d));
  TRY(determined_all(audit->comm, &(DeterminedRows){&audit->x_training, audit->training.target},
                     &(DeterminedRows){&audit->x_test, audit->predicted.rows.target},
                     audit->needs.problem.classes.n, BINS, told));
  judge_determined(audit, told);
done:
  memory_free(&told);
  return status;
}

/* ---- unscaled columns ---- */

static void scale_rule_all(Audit *audit) {
  const double most = 100;
  const Matrix *x = &audit->x_training;
  const Variant *model = audit->options->spec->model;
  int64_t widest = -1, narrowest = -1;
  double wide = 0, narrow = INFINITY;
  for (int64_t j = 0; j < x->d; j++) {
    int64_t count = 0;
    double mean = 0, variance = 0;
    if (matrix_categories(x, j) > 0) continue;
    exact_moments_all(audit->comm, matrix_column(x, j), NULL, x->rows.n, &count, &mean, &variance);
    double deviation = sqrt(variance);
    if (!(deviation > 0)) continue;
    if (deviation > wide) wide = deviation, widest = j;
    if (deviation < narrow) narrow = deviation, narrowest = j;
  }
  if (widest < 0) {
    audit_find(audit, RULE_SCALE, NOT_APPLICABLE, "No column of numbers varies.");
    return;
  }
  bool sensitive = needs_scale(model) || resampling_needs_scale(audit->options->spec->resample);
  const char *why = sensitive ? "; scale them by a step of the recipe"
                    : use_of(model) == SPLITS
                        ? ": trees split columns one by one, so that scales do not matter"
                        : ": columns are standardised, or nothing depends on their scales";
  bool fires = wide / narrow > most && sensitive;
  audit_find(audit, RULE_SCALE, fires ? FOUND : CLEAR,
             "Standard deviations differ by a factor of %.3g (\"%s\" %.3g, \"%s\" %.3g)%s.",
             wide / narrow, column_name(audit, widest), wide, column_name(audit, narrowest), narrow,
             wide / narrow > most ? why : "");
}

/* ---- nominal codes ---- */

enum { FEW = 24 };

/* Add a value to the n different ones, FEW + 1 at most. */
static int64_t add_distinct(int64_t *values, int64_t n, int64_t value) {
  int64_t k = 0;
  while (k < n && values[k] != value) k++;
  if (k == n && n <= FEW) values[n++] = value;
  return n;
}

/* Different values of a column over all ranks, up to FEW + 1. */
static Status distinct_all(const Comm *comm, const Column *column, int64_t *out) {
  Status status = OK;
  int64_t mine[FEW + 1], n = 0, *counts = NULL;
  void *bytes = NULL;
  AGREE(comm, NEW(&counts, comm->size));
  for (int64_t i = 0; i < column->n; i++)
    if (column->integer[i] != MISSING_INTEGER) n = add_distinct(mine, n, column->integer[i]);
  comm_allgather_all(comm, &n, sizeof n, counts);
  TRY(comm_concatenate_all(comm, mine, (size_t)n * sizeof *mine, &bytes, NULL));
  const int64_t *all = bytes;
  n = 0;
  for (int r = 0; r < comm->size; r++)
    for (int64_t k = 0; k < counts[r]; k++) n = add_distinct(mine, n, *all++);
  *out = n;
done:
  memory_free(&counts);
  memory_free(&bytes);
  return status;
}

static bool is_raw_feature(const Audit *audit, const char *name) {
  const TextList *features = &audit->options->spec->features;
  for (int64_t j = 0; j < features->n; j++)
    if (strcmp(features->items[j], name) == 0) return true;
  return false;
}

static Status code_rule_all(Audit *audit) {
  Status status = OK;
  const Variant *model = audit->options->spec->model;
  char names[600] = "";
  for (int64_t j = 0; j < audit->x_training.d; j++) {
    int64_t distinct = 0;
    const Column *raw = table_find(&audit->table, column_name(audit, j));
    if (!raw || raw->type != COLUMN_INTEGER || !is_raw_feature(audit, raw->name)) continue;
    TRY(distinct_all(audit->comm, raw, &distinct));
    if (distinct > 2 && distinct <= FEW)
      append(names, sizeof names, "%s\"%s\" (%.0f values)", raw->name, (double)distinct);
  }
  if (!names[0])
    audit_find(audit, RULE_CODE, CLEAR,
               "No whole-number column of few values is used as one number.");
  else if (use_of(model) == SPLITS)
    audit_find(audit, RULE_CODE, CLEAR,
               "%s: whole numbers of few values; trees split them by their order, which does no "
               "harm.",
               names);
  else
    audit_find(audit, RULE_CODE, FOUND,
               "%s: whole numbers of few values that the model %s. If they are codes, read "
               "them as categories and encode them (one_hot).",
               names, use_of(model) == ADDS ? "adds up" : "measures distances by");
done:
  return status;
}

/* ---- divisors near zero ---- */

/* A ratio step on the training rows. */
typedef struct Ratio {
  const char *name;
  double floor, guarded, bare; /* the largest absolute values, with the floor and without */
  int64_t held;                /* rows whose divisor is below the floor */
} Ratio;

static bool ratio_all(const Audit *audit, const Variant *step, Ratio *out) {
  const char *above = option_text(step, "numerator"), *below = option_text(step, "denominator");
  const Column *a = above ? table_find(&audit->training.table, above) : NULL;
  const Column *b = below ? table_find(&audit->training.table, below) : NULL;
  if (strcmp(step->kind->name, "ratio") != 0 || !a || !b) return false;
  *out = (Ratio){.name = option_text(step, "name"), .floor = option_number(step, "floor")};
  double most[2] = {0, 0};
  for (int64_t i = 0; i < a->n; i++) {
    double x = column_real(a, i), y = column_real(b, i);
    if (isnan(x) || isnan(y) || y <= 0) continue;
    out->held += y < out->floor;
    most[0] = fmax(most[0], fabs(x / fmax(y, out->floor)));
    most[1] = fmax(most[1], fabs(x / y));
  }
  comm_max_real_all(audit->comm, most, 2);
  out->held = comm_sum_one_all(audit->comm, out->held);
  out->guarded = most[0];
  out->bare = most[1];
  return true;
}

/* How far the farther end lies from the median, in interquartile ranges. */
static Status tail_all(const Audit *audit, int64_t j, double *out) {
  Status status = OK;
  const double q[5] = {0, 0.25, 0.5, 0.75, 1};
  double at[5];
  const Matrix *x = &audit->x_training;
  TRY(quantile_all(audit->comm, matrix_column(x, j), NULL, x->rows.n, q, 5, at));
  double range = at[3] - at[1];
  *out = range > 0 ? fmax(at[4] - at[2], at[2] - at[0]) / range : 0;
done:
  return status;
}

static Status divisor_rule_all(Audit *audit) {
  const double extreme = 1e4;
  Status status = OK;
  const VariantList *steps = audit->options->spec->steps;
  char names[600] = "", held[600] = "";
  bool derived = false;
  for (int64_t j = 0; j < audit->x_training.d; j++) {
    double tail = 0;
    if (is_raw_feature(audit, column_name(audit, j)) || matrix_categories(&audit->x_training, j))
      continue;
    derived = true;
    TRY(tail_all(audit, j, &tail));
    if (tail > extreme)
      append(names, sizeof names, "%s\"%s\" (%.2g interquartile ranges from the median)",
             column_name(audit, j), tail);
  }
  for (int64_t i = 0; i < steps->n; i++) {
    Ratio ratio;
    size_t used = strlen(held);
    if (!ratio_all(audit, &steps->items[i], &ratio) || ratio.held == 0) continue;
    snprintf(held + used, sizeof held - used,
             "%sthe floor %g of \"%s\" holds %lld rows; without it the largest would be %.3g, not "
             "%.3g",
             used ? "; " : "", ratio.floor, ratio.name, (long long)ratio.held, ratio.bare,
             ratio.guarded);
  }
  if (names[0])
    audit_find(audit, RULE_DIVISOR, FOUND, "%s: give the ratio a floor.%s%s", names,
               held[0] ? " Elsewhere " : "", held);
  else if (held[0])
    audit_find(audit, RULE_DIVISOR, AVOIDED, "No made column has an extreme tail: %s.", held);
  else
    audit_find(audit, RULE_DIVISOR, derived ? CLEAR : NOT_APPLICABLE,
               derived ? "No made column has an extreme tail." : "No column is made of others.");
done:
  return status;
}

Status columns_all(Audit *audit) {
  Status status = OK;
  TRY(determined_rule_all(audit));
  scale_rule_all(audit);
  TRY(code_rule_all(audit));
  TRY(divisor_rule_all(audit));
done:
  return status;
}
