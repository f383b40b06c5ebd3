/* The model kind forest: its options, prediction, what lasts; see forest.h. Fitting is in
 * forest_fit.c. Rows are binned once in blocks, and walk tree by tree. */
#include "forest.h"

#include <math.h>
#include <string.h>

#include "kernels/class_weight.h"
#include "forest_fit.h"
#include "forest_interval.h"
#include "kernels/base/memory.h"
#include "samples.h"
#include "walk.h"

static const char *const feature_words[] = {"auto", "all", "sqrt", "log2", "third", NULL};

static const char *const spread_words[] = {"auto", "trees", "rows", NULL};

bool forest_by_rows(const ForestOptions *options, int64_t rows, int64_t d, int ranks) {
  if (options->spread != FOREST_SPREAD_AUTO) return options->spread == FOREST_SPREAD_ROWS;
  if (ranks == 1) return false;
  int64_t row_bytes = 8 + bins_stride(d) + FOREST_NODE_BYTES;
  return rows > FOREST_RANK_BYTES / row_bytes ||
         (rows >= FOREST_ROWS && options->trees < 2 * (int64_t)ranks);
}

int64_t forest_features(double max_features, Task task, int64_t d) {
  double k = 0, all = (double)d;
  int word = max_features < 0 ? (int)(-max_features) - 1 : -1;
  if (word == 0) word = task == TASK_REGRESSION ? 1 : 2;
  switch (word) {
    case 1: k = all; break;
    case 2: k = floor(sqrt(all)); break;
    case 3: k = d > 1 ? (double)(63 - __builtin_clzll((uint64_t)d)) : 1; break;
    case 4: k = floor(all / 3); break;
    default: k = floor(max_features * all); break;
  }
  return k < 1 ? 1 : k > all ? d : (int64_t)k;
}

void forest_finish(const Forest *forest, const int64_t *sums, int64_t n_trees, double *out) {
  if (forest_width(forest) > 1) {
    int64_t total = 0;
    for (int64_t c = 0; c < forest->n_classes; c++) total += sums[c];
    for (int64_t c = 0; c < forest->n_classes; c++) out[c] = (double)sums[c] / (double)total;
    return;
  }
  double one = (double)(INT64_C(1) << (GROW_SHARE_BITS - forest->bits));
  double level = (double)sums[0] / (one * (double)n_trees);
  if (forest->task == TASK_REGRESSION) {
    out[0] = forest->base + forest->unit * level;
    return;
  }
  out[0] = 1 - level;
  if (forest->n_classes == 2) out[1] = level;
}

static void finish_row(const void *model, const int64_t *sums, double *out) {
  const Forest *forest = model;
  forest_finish(forest, sums, forest->ensemble.n_trees, out);
}

static Status forest_predict(const void *model, const Matrix *x, double *out) {
  const Forest *forest = model;
  if (x->d != forest->ensemble.bins.d) {
    return status_fail(INVALID, "forest: rows have %lld features, the model has %lld",
                       (long long)x->d, (long long)forest->ensemble.bins.d);
  }
  WalkTask task = {.ensemble = &forest->ensemble,
                   .width = forest_width(forest),
                   .shares = forest_width(forest) > 1,
                   .outputs = forest_outputs(forest),
                   .model = forest,
                   .finish = finish_row};
  return walk_predict(&task, x, out);
}

static double forest_interval(const void *model) {
  const Forest *forest = model;
  return forest->interval.n > 0 ? forest->interval.share : 0;
}

static Status forest_predict_interval(const void *model, const Matrix *x, const double *prediction,
                                      double *out) {
  const Forest *forest = model;
  for (int64_t i = 0; i < x->rows.n; i++) {
    forest_interval_of(&forest->interval, prediction[i], &out[2 * i], &out[2 * i + 1]);
  }
  return OK;
}

static Status forest_fields(void **model, Fields *fields) {
  Status status = OK;
  if (fields->mode == FIELDS_IN) {
    Forest *new = NULL;
    TRY(NEW(&new, 1));
    *model = new;
  }
  Forest *forest = *model;
  int64_t task = forest->task;
  TRY(fields_integer(fields, "task", &task));
  forest->task = task == TASK_CLASSIFICATION ? TASK_CLASSIFICATION : TASK_REGRESSION;
  TRY(fields_integer(fields, "classes", &forest->n_classes));
  TRY(fields_real(fields, "base", &forest->base));
  TRY(fields_real(fields, "unit", &forest->unit));
  TRY(fields_integer(fields, "bits", &forest->bits));
  if (forest->bits < 1 || forest->bits > SAMPLES_BITS_MAX || forest->n_classes < 0) {
    return status_fail(FORMAT, "forest: %lld bits, %lld classes", (long long)forest->bits,
                       (long long)forest->n_classes);
  }
  TRY(ensemble_fields(&forest->ensemble, forest->n_classes, fields));
  TRY(forest_interval_fields(&forest->interval, fields));
done:
  return status;
}

static void forest_free(void **model) {
  Forest *forest = *model;
  if (!forest) return;
  ensemble_clear(&forest->ensemble);
  forest_interval_clear(&forest->interval);
  memory_free(model);
}

static Status forest_check(const void *options) {
  const ForestOptions *o = options;
  if (o->max_features == 0) {
    return status_fail(INVALID, "max_features: 0 is not allowed; give a share above 0 up to 1");
  }
  if (o->permutations > 0 && !o->bootstrap) {
    return status_fail(INVALID, "permutations: %lld needs out-of-bag rows; set bootstrap to true",
                       (long long)o->permutations);
  }
  if (o->interval > 0 && !o->bootstrap) {
    return status_fail(INVALID, "interval: %g needs out-of-bag rows; set bootstrap to true",
                       o->interval);
  }
  ClassWeights classes = {&o->class_weight, o->positive_weight};
  return class_weights_check(&classes);
}

static const Option rows[] = {
    OPTION_INTEGER(ForestOptions, trees, "100", 1, 100000, "Number of trees."),
    OPTION_INTEGER(ForestOptions, max_depth, "null", 0, 1000000,
                   "Splits from the root to a leaf at most; null: no limit."),
    OPTION_INTEGER(
        ForestOptions, min_samples_leaf, "1", 1, 1000000000,
        "Rows of the sample that a leaf holds at least; a row drawn twice counts twice, and a row "
        "of weight 2 as two; 1: no limit."),
    OPTION_INTEGER(ForestOptions, min_samples_split, "2", 2, 1000000000,
                   "Rows of the sample that a node needs to be split, counted by weight; 2: no "
                   "limit."),
    OPTION_REAL(ForestOptions, min_impurity_decrease, "0", 0, 1e300,
                "Impurity (variance of the target, or Gini's) that a split takes away at least, "
                "times the share of the rows that are in its node."),
    OPTION_INTEGER(ForestOptions, max_leaf_nodes, "null", 2, 1000000000,
                   "Leaves of a tree at most; the split that takes the most impurity away is made "
                   "first. null: no limit."),
    OPTION_REAL_OR_WORD(ForestOptions, max_features, "\"auto\"", 0, 1, feature_words,
                        "Features that a node looks at: a share, or all, sqrt, log2, third (of "
                        "their number); auto: all for regression, sqrt for classification."),
    OPTION_BOOLEAN(ForestOptions, extremely_randomised, "false",
                   "Look at one drawn threshold of a feature instead of the best one (uniform over "
                   "bins, which are quantiles); usually with bootstrap false."),
    CLASS_WEIGHT_ROWS(ForestOptions),
    OPTION_BOOLEAN(ForestOptions, bootstrap, "true",
                   "Grow each tree on recordings drawn with replacement; false: on all rows."),
    OPTION_INTEGER(ForestOptions, bins, "255", 2, BINS_MAX,
                   "Bins that a feature is cut into at most."),
    OPTION_BOOLEAN(ForestOptions, oob, "true",
                   "Score rows by the trees that did not see their recording (needs bootstrap)."),
    OPTION_REAL(ForestOptions, interval, "null", 0.1, 0.999,
                "Regression: predictions get an interval that holds so many of the targets, from "
                "out-of-bag errors of rows of like predictions; on average over such rows, not for "
                "every kind of row. null: none."),
    OPTION_INTEGER(ForestOptions, permutations, "0", 0, 1000,
                   "Repetitions of permutation importance on out-of-bag rows; 0: none. Each costs "
                   "as much as predicting all rows, for every feature."),
    OPTION_INTEGER(ForestOptions, shap_rows, "0", 0, 10000,
                   "Training rows, drawn once, over which the report shows how much each feature "
                   "adds to predictions (SHAP); 0: none. 1000 are plenty; each costs a pass over "
                   "all nodes."),
    OPTION_WORD(
        ForestOptions, spread, "\"auto\"", spread_words,
        "How trees are spread over the ranks, with the same result: trees, each on one rank "
        "on rows that every node holds; rows, each on all ranks, which hold their own rows "
        "only; auto: rows when a tree would take 2 GiB of a rank, or when there are 100,000 "
        "rows and fewer than two trees for a rank."),
    {.name = NULL},
};

const ModelKind forest_model = {
    .kind = {.name = "forest",
             .help = "Random forest on one-byte bins: regression and classification.",
             .version = 1,
             .options_size = sizeof(ForestOptions),
             .options = rows,
             .check = forest_check},
    .regression = true,
    .classification = true,
    .categorical = true,
    .fit_all = forest_fit_all,
    .predict = forest_predict,
    .interval = forest_interval,
    .predict_interval = forest_predict_interval,
    .fields = forest_fields,
    .free = forest_free,
};
