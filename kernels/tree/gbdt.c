/* The model kind gbdt; see gbdt.h. Training is in boost_fit.c, what the model says in
 * gbdt_report.c; here are the options, what lasts, and prediction: rows are binned once in blocks,
 * and walk tree by tree. */
#include "gbdt.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "binned.h"
#include "boost_fit.h"
#include "gbdt_report.h"
#include "kernels/class_weight.h"
#include "kernels/base/memory.h"
#include "node.h"
#include "walk.h"

enum {
  LEAVES_MOST = 65536,
  GROUPS_MOST = 64,
  DEPTH_MOST = 16, /* without a limit of leaves */
};

/* ---- fitting ---- */

static Status check_data(const TrainingData *data, const GbdtOptions *o) {
  bool classes = data->task == TASK_CLASSIFICATION;
  if (data->x->d < 1) {
    return status_fail(INVALID, "gbdt: there is no feature; name columns in features");
  }
  if (data->x->d > NODE_FEATURES_MAX) {
    return status_fail(INVALID, "gbdt: %lld features are too many, at most %d are allowed",
                       (long long)data->x->d, NODE_FEATURES_MAX);
  }
  if (data->x->rows.n_global < 1) {
    return status_fail(INVALID, "gbdt: there is no row to learn from");
  }
  if (classes && (data->n_classes < 1 || data->n_classes > 65535)) {
    return status_fail(INVALID, "gbdt: %lld classes; 1 to 65535 are allowed",
                       (long long)data->n_classes);
  }
  int64_t objective = o->objective - 1;
  if (objective == BOOST_LOGISTIC && (!classes || data->n_classes > 2)) {
    return status_fail(INVALID, "objective: logistic needs a target of two classes; use auto");
  }
  if (objective == BOOST_SOFTMAX && !classes) {
    return status_fail(INVALID, "objective: softmax needs a target of classes; use auto");
  }
  if (objective >= 0 && classes && objective != BOOST_LOGISTIC && objective != BOOST_SOFTMAX) {
    return status_fail(INVALID, "objective: this one needs a number as target; use auto");
  }
  return OK;
}

static void choose_loss(const TrainingData *data, const GbdtOptions *o, Gbdt *model) {
  bool classes = data->task == TASK_CLASSIFICATION;
  model->task = data->task;
  model->n_classes = classes ? data->n_classes : 0;
  int automatic = !classes ? BOOST_SQUARED : data->n_classes > 2 ? BOOST_SOFTMAX : BOOST_LOGISTIC;
  model->loss.objective = (BoostObjective)(o->objective > 0 ? o->objective - 1 : automatic);
  model->loss.alpha = model->loss.objective == BOOST_QUANTILE ? o->alpha : 0.5;
  model->loss.outputs = model->loss.objective == BOOST_SOFTMAX ? data->n_classes : 1;
}

static bool has_name(const Matrix *x, int64_t j, const char *name) {
  return x->names && x->names[j] && strcmp(x->names[j], name) == 0;
}

/* The number of a feature that an option names. */
static Status find_feature(const Matrix *x, const char *option, const char *name, int64_t *j) {
  for (*j = 0; *j < x->d; ++*j) {
    if (has_name(x, *j, name)) return OK;
  }
  return status_fail(INVALID, "%s: there is no feature \"%s\" after the recipe", option, name);
}

/* Directions by feature number from those by name; NULL when there are none. */
static Status find_slopes(const TrainingData *data, const GbdtOptions *o, int8_t **out) {
  Status status = OK;
  const GbdtSlope *given = o->monotone.items;
  if (o->monotone.n == 0) return OK;
  TRY(NEW(out, data->x->d));
  for (int64_t i = 0; i < o->monotone.n; i++) {
    int64_t j = 0;
    TRY(find_feature(data->x, "monotone", o->monotone.names[i], &j));
    if (matrix_categories(data->x, j) > 0) {
      status = status_fail(INVALID,
                           "monotone: \"%s\" is a category, which does not rise or fall; leave it "
                           "out, or make a number of it with a step of the recipe",
                           o->monotone.names[i]);
      goto done;
    }
    (*out)[j] = (int8_t)given[i].direction;
  }
done:
  return status;
}

/* Masks of groups by feature number; NULL when there are none. */
static Status find_groups(const TrainingData *data, const GbdtOptions *o, uint64_t **out) {
  Status status = OK;
  if (o->interactions.n == 0) return OK;
  TRY(NEW(out, data->x->d));
  for (int64_t k = 0; k < o->interactions.n; k++) {
    for (int64_t i = 0; i < o->interactions.items[k].n; i++) {
      int64_t j = 0;
      TRY(find_feature(data->x, "interactions", o->interactions.items[k].items[i], &j));
      (*out)[j] |= UINT64_C(1) << k;
    }
  }
done:
  return status;
}

static Status gbdt_fit_all(const Comm *comm, const TrainingData *data, const void *options,
                           WorkSink *sink, void **out, Summary *summary) {
  Status status = OK;
  const GbdtOptions *o = options;
  Gbdt *model = NULL;
  BoostConstraints constraints = {0};
  BoostHistory history = {0};
  TrainingData weighted = *data;
  double *weight = NULL;
  ClassWeights classes = {&o->class_weight, o->positive_weight};
  *out = NULL;
  TRY(check_data(data, o));
  status = NEW(&model, 1);
  *out = model;
  AGREE(comm, status);
  AGREE(comm, find_slopes(data, o, &constraints.slope));
  AGREE(comm, find_groups(data, o, &constraints.group));
  choose_loss(data, o, model);
  TRY(binned_fit_all(comm, data, o->bins, &model->ensemble.bins));
  TRY(class_weights_all(comm, data, &classes, &weight));
  if (weight) weighted.weight = weight;
  TRY(boost_fit_all(comm, &weighted, o, &constraints, sink, model, &history));
  TRY(gbdt_report_all(comm, &weighted, o, model, &history, sink, summary));
done:
  memory_free(&constraints.slope);
  memory_free(&constraints.group);
  memory_free(&weight);
  boost_history_clear(&history);
  return status;
}

/* ---- prediction ---- */

static void finish_row(const void *opaque, const int64_t *sums, double *out) {
  const Gbdt *model = opaque;
  const BoostLoss *loss = &model->loss;
  double one = 0, pair[2];
  double *raw = loss->outputs > 1 ? out : &one; /* softmax finishes in place */
  bool classes = model->task == TASK_CLASSIFICATION;
  int64_t width = classes ? model->n_classes : 1;
  for (int64_t k = 0; k < loss->outputs; k++) {
    raw[k] = loss->base[k] + loss->unit * (double)sums[k];
  }
  boost_loss_finish(loss, raw, width == 1 ? pair : out);
  if (width == 1) out[0] = classes ? 1 : pair[0];
}

static Status gbdt_predict(const void *opaque, const Matrix *x, double *out) {
  const Gbdt *model = opaque;
  if (x->d != model->ensemble.bins.d) {
    return status_fail(INVALID, "gbdt: rows have %lld features, the model has %lld",
                       (long long)x->d, (long long)model->ensemble.bins.d);
  }
  WalkTask task = {.ensemble = &model->ensemble,
                   .width = model->loss.outputs,
                   .outputs = model->task == TASK_CLASSIFICATION ? model->n_classes : 1,
                   .model = model,
                   .finish = finish_row};
  return walk_predict(&task, x, out);
}

/* ---- what lasts ---- */

static Status gbdt_fields(void **out, Fields *fields) {
  Status status = OK;
  if (fields->mode == FIELDS_IN) {
    Gbdt *new = NULL;
    TRY(NEW(&new, 1));
    *out = new;
  }
  Gbdt *model = *out;
  BoostLoss *loss = &model->loss;
  int64_t task = model->task, objective = loss->objective;
  TRY(fields_integer(fields, "task", &task));
  TRY(fields_integer(fields, "classes", &model->n_classes));
  TRY(fields_integer(fields, "objective", &objective));
  TRY(fields_integer(fields, "outputs", &loss->outputs));
  TRY(fields_real(fields, "unit", &loss->unit));
  TRY(fields_array(fields, "base", FIELD_REAL, &loss->base, 1, &loss->outputs));
  model->task = task == TASK_CLASSIFICATION ? TASK_CLASSIFICATION : TASK_REGRESSION;
  loss->objective = (BoostObjective)objective;
  bool classes = model->task == TASK_CLASSIFICATION;
  int64_t outputs = objective == BOOST_SOFTMAX ? model->n_classes : 1;
  bool known = classes ? objective == BOOST_LOGISTIC || objective == BOOST_SOFTMAX
                       : objective == BOOST_SQUARED ||
                             (objective >= BOOST_POISSON && objective <= BOOST_QUANTILE);
  if (!known || loss->outputs != outputs || model->n_classes < classes ||
      (objective == BOOST_LOGISTIC && model->n_classes > 2)) {
    return status_fail(FORMAT, "gbdt: objective %lld with %lld outputs and %lld classes",
                       (long long)objective, (long long)loss->outputs, (long long)model->n_classes);
  }
  TRY(ensemble_fields(&model->ensemble, 0, fields));
done:
  return status;
}

static void gbdt_free(void **out) {
  Gbdt *model = *out;
  if (!model) return;
  boost_loss_clear(&model->loss);
  ensemble_clear(&model->ensemble);
  memory_free(out);
}

/* ---- options ---- */

static Status gbdt_check(const void *options) {
  const GbdtOptions *o = options;
  if (o->max_leaves == OPTION_NONE_INTEGER &&
      (o->max_depth == OPTION_NONE_INTEGER || o->max_depth > DEPTH_MOST)) {
    return status_fail(INVALID, "max_leaves: null needs a max_depth of at most %d", DEPTH_MOST);
  }
  if (o->row_share == 0) {
    return status_fail(INVALID, "row_share: 0 is not allowed; give a share above 0 up to 1");
  }
  if (o->learning_rate == 0) {
    return status_fail(INVALID, "learning_rate: 0 is not allowed; give a number above 0 up to 1");
  }
  if (o->monotone.n > 0 && o->objective > BOOST_POISSON + 1) {
    return status_fail(INVALID,
                       "monotone: leaves that are quantiles obey no direction; use the "
                       "objective squared_error or leave monotone out");
  }
  if (o->refit && o->early_stopping == OPTION_NONE_INTEGER) {
    return status_fail(INVALID,
                       "refit: true needs early_stopping, which finds how many rounds are best");
  }
  if (o->interactions.n > GROUPS_MOST) {
    return status_fail(INVALID, "interactions: %lld groups; at most %d are allowed",
                       (long long)o->interactions.n, GROUPS_MOST);
  }
  if (o->early_stopping != OPTION_NONE_INTEGER && o->validation_share == 0) {
    return status_fail(INVALID, "validation_share: 0 leaves no row for early_stopping");
  }
  ClassWeights classes = {&o->class_weight, o->positive_weight};
  return class_weights_check(&classes);
}

static const char *const growth_words[] = {"leaf_wise", "depth_wise", NULL};
static const char *const spread_words[] = {"auto", "rows", "trees", NULL};
static const char *const objective_words[] = {"auto",    "squared_error",  "logistic", "softmax",
                                              "poisson", "absolute_error", "quantile", NULL};

static const Option slope_rows[] = {
    OPTION_INTEGER(GbdtSlope, direction, "0", -1, 1,
                   "1: predictions never fall as the feature rises; -1: never rise; 0: free."),
    {.name = NULL},
};

static const Option rows[] = {
    OPTION_WORD(GbdtOptions, objective, "\"auto\"", objective_words,
                "Loss to minimise; auto: squared_error for numbers, logistic for two classes, "
                "softmax for more."),
    OPTION_REAL(GbdtOptions, alpha, "0.5", 0, 1, "Share of the targets below a quantile's model."),
    OPTION_INTEGER(GbdtOptions, trees, "300", 1, 100000,
                   "Rounds of boosting; softmax grows one tree for every class in each."),
    OPTION_REAL(GbdtOptions, learning_rate, "0.1", 0, 1, "Share of a tree's values that is taken."),
    OPTION_WORD(GbdtOptions, growth, "\"leaf_wise\"", growth_words,
                "Next node to split: the one with the most to gain, or level by level."),
    {.name = "max_leaves",
     .type = OPTION_TYPE_INTEGER,
     .offset = OPTION_OF(GbdtOptions, max_leaves, int64_t),
     .fallback = "31",
     .or_null = 1,
     .low = 1,
     .high = LEAVES_MOST,
     .help = "Leaves of a tree at most; null: as max_depth allows."},
    OPTION_INTEGER(GbdtOptions, max_depth, "null", 0, 1000,
                   "Splits from the root to a leaf at most; null: no limit."),
    OPTION_REAL(GbdtOptions, l1, "0", 0, 1e12, "Penalty on the size of leaf values."),
    OPTION_REAL(GbdtOptions, l2, "1", 0, 1e12, "Penalty on the squares of leaf values."),
    OPTION_REAL(GbdtOptions, min_child_weight, "0.001", 0, 1e12,
                "Second derivatives of the loss that a leaf's rows sum up to at least; for "
                "squared_error the number of rows."),
    OPTION_INTEGER(GbdtOptions, min_samples_leaf, "20", 1, 1000000000, "Rows of a leaf at least."),
    OPTION_REAL(GbdtOptions, min_split_gain, "0", 0, 1e300,
                "A split takes away more than this of twice the loss."),
    OPTION_REAL(GbdtOptions, row_share, "1", 0, 1, "Share of the rows that a round is grown on."),
    OPTION_REAL(GbdtOptions, feature_share, "1", 0, 1,
                "Share of the features that a round looks at (rounded down, at least one)."),
    OPTION_INTEGER(GbdtOptions, bins, "255", 2, BINS_MAX,
                   "Bins that a feature is cut into at most."),
    OPTION_INTEGER(
        GbdtOptions, early_stopping, "null", 1, 100000,
        "Stop when so many rounds brought nothing better on rows held back, and keep the "
        "best round; null: never."),
    OPTION_REAL(GbdtOptions, validation_share, "0.1", 0, 0.9,
                "Share of the recordings that is held back for early_stopping."),
    OPTION_BOOLEAN(GbdtOptions, refit, "false",
                   "After early stopping, fit again on all training rows, those held back too, for "
                   "the best number of rounds; it costs so many rounds more."),
    CLASS_WEIGHT_ROWS(GbdtOptions),
    OPTION_REAL(
        GbdtOptions, cat_smooth, "10", 0, 1e12,
        "Of features that are categories: second derivatives added to a category's own when "
        "categories are put in order; those with fewer rows in a node do not go left."),
    OPTION_REAL(GbdtOptions, cat_l2, "10", 0, 1e12,
                "More of l2 where a set of categories is split off."),
    OPTION_INTEGER(GbdtOptions, max_cat_threshold, "32", 1, 256,
                   "Categories in the set that is split off at most."),
    OPTION_INTEGER(GbdtOptions, max_cat_to_onehot, "4", 1, 256,
                   "Features of at most so many categories are split one against the rest."),
    OPTION_INTEGER(GbdtOptions, min_data_per_group, "100", 1, 1000000000,
                   "Rows that a set of categories, and the rest, hold at least, and by which it "
                   "differs from the next set tried."),
    OPTION_WORD(
        GbdtOptions, spread, "\"auto\"", spread_words,
        "How ranks share the work; the model is the same. rows: all grow every tree "
        "together, each on its rows; trees: the trees of a round (softmax: one a class) by "
        "different ranks, on a table that every node holds; where a round has one tree as "
        "rows. auto: trees where each rank gets two or more and rows are at most 4 million."),
    OPTION_MAP(GbdtOptions, monotone, "{}", slope_rows, GbdtSlope,
               "Feature: 1 or -1, the only direction in which predictions may move with it."),
    OPTION_TEXT_LISTS(
        GbdtOptions, interactions, "[]",
        "Groups of features: on a path from the root only features of one group meet; "
        "a feature of no group meets none."),
    OPTION_INTEGER(
        GbdtOptions, permutations, "0", 0, 1000,
        "Repetitions of permutation importance: how much the loss rises, on the rows "
        "held back or, without any or after a refit, on the training rows; 0: none. Each "
        "costs as much as predicting these rows, for every feature."),
    OPTION_INTEGER(
        GbdtOptions, shap_rows, "0", 0, 10000,
        "Training rows, drawn once, over which the report shows how much each feature "
        "adds to raw predictions (SHAP); 0: none. 1000 are plenty; with large trees they "
        "can cost as much as training."),
    {.name = NULL},
};

const ModelKind gbdt_model = {
    .kind = {.name = "gbdt",
             .help = "Gradient boosted trees on one-byte bins: regression and classification.",
             .version = 1,
             .options_size = sizeof(GbdtOptions),
             .options = rows,
             .check = gbdt_check},
    .regression = true,
    .classification = true,
    .categorical = true,
    .fit_all = gbdt_fit_all,
    .predict = gbdt_predict,
    .fields = gbdt_fields,
    .free = gbdt_free,
};
