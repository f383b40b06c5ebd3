/* The random forest; see forest.h.
 *
 * Fit: cut bins, replicate binned rows, let base/work hand out trees, join them into a few arrays,
 * score rows out of bag, sum up importances. A tree's result carries its sample of recordings as a
 * bitmap, so that nobody has to draw it again to know who is out of bag.
 *
 * Rejected: predicting out-of-bag rows inside the unit that grows the tree. The result would be as
 * large as the data, for every tree; after the trees are placed each rank predicts its own rows. */
#include "forest.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "oob.h"
#include "samples.h"

enum {
  SAMPLE_ATTEMPTS = 64,    /* samples that weigh too much are drawn anew so many times */
  PREDICT_VALUES = 131072, /* sums of a block of rows in prediction */
  PREDICT_ROWS = 16384,    /* rows of a block at most */
  BARS = 30,               /* features drawn in the report */
};

/* One tree as it was made or found. */
typedef struct PlacedTree {
  int64_t n_nodes, n_leaf;
  int64_t *node;
  uint16_t *leaf_class;
  int32_t *leaf_share;
} PlacedTree;

typedef struct Fit {
  const Comm *comm;
  const TrainingData *data;
  const ForestOptions *options;
  WorkSink *sink;
  Forest *forest;
  Samples samples;
  Grower *grower;
  int32_t *counts;   /* n_groups: times a recording is in the sample */
  int32_t *weight;   /* rows.n */
  uint8_t *bag;      /* bag_bytes: the sample being made */
  int64_t bag_bytes; /* 0: no out-of-bag score */
  PlacedTree *trees;
  uint8_t *in_bag;     /* trees x bag_bytes */
  int64_t *importance; /* d sums over trees, units of 2^-44 / trees */
} Fit;

static const char *const feature_words[] = {"auto", "all", "sqrt", "log2", "third", NULL};

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

/* ---- a tree as a unit of work ---- */

/* Draw the sample of a tree: weights of rows, and the bitmap of recordings. */
static Status draw_sample(Fit *fit, int64_t tree) {
  int64_t n = fit->samples.rows.n, total = 0;
  if (!fit->options->bootstrap) {
    for (int64_t i = 0; i < n; i++) fit->weight[i] = 1;
    return OK;
  }
  for (int64_t attempt = 0; attempt < SAMPLE_ATTEMPTS; attempt++) {
    uint64_t unit = (uint64_t)tree | (uint64_t)attempt << 40;
    Stream stream = random_stream(fit->data->seed, "forest/bootstrap", unit);
    random_bootstrap(&stream, fit->samples.n_groups, fit->counts);
    total = 0;
    int32_t most = 0;
    for (int64_t i = 0; i < n; i++) {
      int32_t count = fit->counts[fit->samples.group[i]];
      fit->weight[i] = count;
      total += count;
      most = count > most ? count : most;
    }
    if (total > fit->samples.rows.weight_max || most > UINT16_MAX) continue;
    memset(fit->bag, 0, (size_t)fit->bag_bytes);
    for (int64_t g = 0; fit->bag_bytes > 0 && g < fit->samples.n_groups; g++) {
      fit->bag[g / 8] |= (uint8_t)((fit->counts[g] > 0) << (g % 8));
    }
    return OK;
  }
  return status_fail(NUMERIC,
                     "tree %lld: a sample of recordings holds %lld of %lld rows; one "
                     "recording dominates (set bootstrap to false)",
                     (long long)tree, (long long)total, (long long)n);
}

static Status run_tree(void *context, int64_t unit, Fields *result) {
  Status status = OK;
  Fit *fit = context;
  GrownTree tree;
  TRY(draw_sample(fit, unit));
  Stream nodes = random_stream(fit->data->seed, "forest/features", (uint64_t)unit);
  grow_tree(fit->grower, fit->weight, &nodes, &tree);
  int64_t d = fit->samples.rows.bins->d;
  TRY(fields_array(result, "node", FIELD_INTEGER, &tree.node, 1, &tree.n_nodes));
  TRY(fields_array(result, "leaf_class", FIELD_SHORT, &tree.leaf_class, 1, &tree.n_leaf));
  TRY(fields_array(result, "leaf_share", FIELD_CODE, &tree.leaf_share, 1, &tree.n_leaf));
  TRY(fields_array(result, "importance", FIELD_INTEGER, &tree.importance, 1, &d));
  TRY(fields_array(result, "in_bag", FIELD_BYTE, &fit->bag, 1, &fit->bag_bytes));
done:
  return status;
}

static Status place_tree(void *context, int64_t unit, Fields *result) {
  Status status = OK;
  Fit *fit = context;
  PlacedTree *tree = &fit->trees[unit];
  int64_t d = fit->samples.rows.bins->d, *importance = NULL;
  uint8_t *bag = NULL;
  tree->n_nodes = tree->n_leaf = -1;
  TRY(fields_array(result, "node", FIELD_INTEGER, &tree->node, 1, &tree->n_nodes));
  TRY(fields_array(result, "leaf_class", FIELD_SHORT, &tree->leaf_class, 1, &tree->n_leaf));
  TRY(fields_array(result, "leaf_share", FIELD_CODE, &tree->leaf_share, 1, &tree->n_leaf));
  TRY(fields_array(result, "importance", FIELD_INTEGER, &importance, 1, &d));
  TRY(fields_array(result, "in_bag", FIELD_BYTE, &bag, 1, &fit->bag_bytes));
  /* A share is at most 2^44 and trees at most 100,000: divided first, the sum cannot overflow. */
  for (int64_t j = 0; j < d; j++) fit->importance[j] += importance[j] / fit->options->trees;
  if (fit->bag_bytes > 0) {
    memcpy(fit->in_bag + unit * fit->bag_bytes, bag, (size_t)fit->bag_bytes);
  }
done:
  memory_free(&importance);
  memory_free(&bag);
  return status;
}

static void free_trees(Fit *fit) {
  for (int64_t tree = 0; fit->trees && tree < fit->options->trees; tree++) {
    memory_free(&fit->trees[tree].node);
    memory_free(&fit->trees[tree].leaf_class);
    memory_free(&fit->trees[tree].leaf_share);
  }
  memory_free(&fit->trees);
}

/* Placed trees -> the arrays of the ensemble. */
static Status join_trees(Fit *fit) {
  Status status = OK;
  Ensemble *e = &fit->forest->ensemble;
  int64_t n = fit->options->trees;
  TRY(NEW(&e->node_offset, n + 1));
  TRY(NEW(&e->leaf_offset, n + 1));
  for (int64_t tree = 0; tree < n; tree++) {
    e->node_offset[tree + 1] = e->node_offset[tree] + fit->trees[tree].n_nodes;
    e->leaf_offset[tree + 1] = e->leaf_offset[tree] + fit->trees[tree].n_leaf;
  }
  TRY(NEW(&e->node, e->node_offset[n]));
  TRY(NEW(&e->leaf_class, e->leaf_offset[n]));
  TRY(NEW(&e->leaf_share, e->leaf_offset[n]));
  for (int64_t tree = 0; tree < n; tree++) {
    PlacedTree *p = &fit->trees[tree];
    size_t nodes = (size_t)p->n_nodes, leaves = (size_t)p->n_leaf;
    memcpy(e->node + e->node_offset[tree], p->node, nodes * sizeof *p->node);
    if (leaves > 0) {
      int64_t at = e->leaf_offset[tree];
      memcpy(e->leaf_class + at, p->leaf_class, leaves * sizeof *p->leaf_class);
      memcpy(e->leaf_share + at, p->leaf_share, leaves * sizeof *p->leaf_share);
    }
    memory_free(&p->node);
    memory_free(&p->leaf_class);
    memory_free(&p->leaf_share);
  }
  e->n_trees = n;
done:
  return status;
}

static Status fit_new(Fit *fit) {
  Status status = OK;
  const ForestOptions *o = fit->options;
  const Samples *s = &fit->samples;
  int64_t d = s->rows.bins->d;
  GrowOptions grow = {.max_depth = o->max_depth == OPTION_NONE_INTEGER ? INT64_MAX : o->max_depth,
                      .min_samples_leaf = o->min_samples_leaf,
                      .min_samples_split = o->min_samples_split,
                      .features = forest_features(o->max_features, fit->data->task, d)};
  fit->bag_bytes = o->bootstrap && (o->oob || o->permutations > 0) ? (s->n_groups + 7) / 8 : 0;
  TRY(grow_new(&s->rows, &grow, &fit->grower));
  TRY(NEW(&fit->counts, o->bootstrap ? s->n_groups : 0));
  TRY(NEW(&fit->weight, s->rows.n));
  TRY(NEW(&fit->bag, fit->bag_bytes));
  TRY(NEW(&fit->trees, o->trees));
  TRY(NEW(&fit->in_bag, o->trees * fit->bag_bytes));
  TRY(NEW(&fit->importance, d));
done:
  return status;
}

/* What only growing needs; frees the larger part of the memory before rows are scored. */
static void fit_free_grower(Fit *fit) {
  grow_free(&fit->grower);
  memory_free(&fit->counts);
  memory_free(&fit->weight);
  memory_free(&fit->bag);
}

/* ---- what the forest says ---- */

/* The number that permutation importance is the fall of: R2 or accuracy. */
static double score_of(const Fit *fit, const OobScore *score) {
  if (fit->data->task == TASK_REGRESSION) {
    return score->spread > 0 ? 1 - score->error / score->spread : NAN;
  }
  return (double)score->hits / (double)score->rows;
}

static Status report_oob(const Fit *fit, const OobScore *score, Summary *summary) {
  Status status = OK;
  int64_t unseen = fit->samples.rows.n - score->rows;
  if (unseen > 0) {
    TRY(summary_note(summary, NOTE_INFO,
                     "%lld of %lld rows are in the sample of every tree and have no out-of-bag "
                     "prediction",
                     (long long)unseen, (long long)fit->samples.rows.n));
  }
  if (score->rows == 0) goto done;
  if (fit->data->task == TASK_REGRESSION) {
    double rmse = sqrt(score->error / (double)score->rows);
    TRY(summary_metric(summary, "oob", "rmse", rmse, false, false));
    TRY(summary_metric(summary, "oob", "r2", score_of(fit, score), true, false));
  } else {
    TRY(summary_metric(summary, "oob", "accuracy", score_of(fit, score), true, false));
  }
done:
  return status;
}

static Status report_size(const Ensemble *e, Summary *summary) {
  int64_t nodes = e->node_offset[e->n_trees];
  return summary_note(summary, NOTE_INFO, "%lld trees, %lld leaves each on average",
                      (long long)e->n_trees, (long long)((nodes / e->n_trees + 1) / 2));
}

/* Mean fall of the score when a feature's values are permuted; collective. */
static Status permute_all(const Fit *fit, const Oob *oob, const OobScore *whole, double *fall) {
  Status status = OK;
  int64_t repetitions = fit->options->permutations;
  for (int64_t j = 0; j < fit->samples.rows.bins->d; j++) {
    double sum = 0; /* the same on all ranks: scores are agreed */
    for (int64_t r = 0; r < repetitions; r++) {
      OobScore permuted;
      TRY(oob_score_all(fit->comm, oob, j, r, &permuted));
      sum += score_of(fit, whole) - score_of(fit, &permuted);
      if (comm_any_all(fit->comm, work_stopping(fit->sink))) {
        return status_fail(STOPPED,
                           "stopped on request while permuting features; the trees are "
                           "saved, run again to go on");
      }
    }
    fall[j] = sum / (double)repetitions;
  }
done:
  return status;
}

static Status score_all(const Fit *fit, double *fall, Summary *summary) {
  Status status = OK;
  OobScore score;
  Oob oob = {.forest = fit->forest,
             .samples = &fit->samples,
             .data = fit->data,
             .in_bag = fit->in_bag,
             .bag_bytes = fit->bag_bytes};
  TRY(oob_score_all(fit->comm, &oob, -1, 0, &score));
  AGREE(fit->comm, report_oob(fit, &score, summary));
  if (fit->options->permutations > 0 && score.rows > 0) {
    TRY(permute_all(fit, &oob, &score, fall));
  }
done:
  return status;
}

/* Features by falling importance, ties in their order. */
static void order_features(const int64_t *importance, int64_t d, int32_t *order) {
  for (int32_t j = 0; j < d; j++) {
    int32_t at = j;
    for (; at > 0 && importance[order[at - 1]] < importance[j]; at--) order[at] = order[at - 1];
    order[at] = j;
  }
}

/* The table and the bars; fall: d permutation importances or NULL. */
static Status write_importance(const Fit *fit, const double *fall, const int32_t *order,
                               char **names, double *shares, Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"feature", "impurity", "permutation"};
  int64_t d = fit->samples.rows.bins->d, total = 0, table = -1;
  for (int64_t j = 0; j < d; j++) total += fit->importance[j];
  TRY(summary_table(summary, "importance", "Importance of the features", fall ? 3 : 2, columns,
                    &table));
  for (int64_t i = 0; i < d; i++) {
    int32_t j = order[i];
    shares[i] = total > 0 ? (double)fit->importance[j] / (double)total : 0;
    Cell cells[3] = {cell_text(names[i]), cell_real(shares[i]), cell_real(fall ? fall[j] : NAN)};
    TRY(summary_row(summary, table, cells));
  }
  char title[] = "Importance of the features", label[] = "share of the impurity taken away";
  char name[] = "importance";
  Series bars = {.name = name,
                 .title = title,
                 .y_label = label,
                 .kind = SERIES_BARS,
                 .n_x = d < BARS ? d : BARS,
                 .n_y = d < BARS ? d : BARS,
                 .y = shares,
                 .x_names = names};
  TRY(summary_series(summary, &bars));
done:
  return status;
}

static Status report_importance(const Fit *fit, const double *fall, Summary *summary) {
  Status status = OK;
  int64_t d = fit->samples.rows.bins->d;
  int32_t *order = NULL;
  char **names = NULL;
  double *shares = NULL;
  if (!summary->active) return OK;
  TRY(NEW(&order, d));
  TRY(NEW(&names, d));
  TRY(NEW(&shares, d));
  order_features(fit->importance, d, order);
  for (int64_t i = 0; i < d; i++) {
    char number[40];
    snprintf(number, sizeof number, "feature %d", (int)order[i]);
    char **given = fit->data->x->names;
    TRY(memory_text(&names[i], given && given[order[i]] ? given[order[i]] : number));
  }
  TRY(write_importance(fit, fall, order, names, shares, summary));
done:
  for (int64_t i = 0; names && i < d; i++) memory_free(&names[i]);
  memory_free(&order);
  memory_free(&names);
  memory_free(&shares);
  return status;
}

/* ---- the model kind ---- */

static Status check_data(const TrainingData *data, bool weighted) {
  if (data->x->d < 1) {
    return status_fail(INVALID, "forest: there is no feature; name columns in features");
  }
  if (data->x->d > 65534) {
    return status_fail(INVALID, "forest: %lld features are too many, at most 65534 are allowed",
                       (long long)data->x->d);
  }
  if (data->x->rows.n_global < 1) {
    return status_fail(INVALID, "forest: there is no row to learn from");
  }
  if (data->task == TASK_CLASSIFICATION && (data->n_classes < 1 || data->n_classes > 65535)) {
    return status_fail(INVALID, "forest: %lld classes; 1 to 65535 are allowed",
                       (long long)data->n_classes);
  }
  if (weighted) {
    return status_fail(INVALID, "forest: row weights are not supported; remove the weight");
  }
  return OK;
}

static Status grow_all(Fit *fit) {
  Status status = OK;
  Work work = {.units = fit->options->trees, .run = run_tree, .place = place_tree, .context = fit};
  AGREE(fit->comm, fit_new(fit));
  TRY(work_run_all(fit->comm, &work, fit->sink));
  fit_free_grower(fit);
  AGREE(fit->comm, join_trees(fit));
done:
  return status;
}

static Status forest_fit_all(const Comm *comm, const TrainingData *data, const void *options,
                             WorkSink *sink, void **model, Summary *summary) {
  Status status = OK;
  double *fall = NULL;
  Fit fit = {.comm = comm,
             .data = data,
             .options = options,
             .sink = sink,
             .samples = {.shared = {.win = MPI_WIN_NULL}}};
  *model = NULL;
  TRY(check_data(data, comm_any_all(comm, data->weight != NULL)));
  status = NEW(&fit.forest, 1);
  *model = fit.forest;
  AGREE(comm, status);
  Forest *forest = fit.forest;
  TRY(bins_fit_all(comm, data->x, fit.options->bins, &forest->ensemble.bins));
  TRY(samples_init_all(comm, data, &forest->ensemble.bins, true, &fit.samples));
  forest->task = data->task;
  forest->n_classes = data->task == TASK_CLASSIFICATION ? data->n_classes : 0;
  forest->base = fit.samples.base;
  forest->unit = fit.samples.unit;
  forest->bits = fit.samples.rows.bits;
  TRY(grow_all(&fit));
  AGREE(comm, report_size(&forest->ensemble, summary));
  bool permuted = fit.options->permutations > 0 && fit.options->bootstrap;
  AGREE(comm, NEW(&fall, data->x->d));
  if (fit.bag_bytes > 0) TRY(score_all(&fit, fall, summary));
  AGREE(comm, report_importance(&fit, permuted ? fall : NULL, summary));
done:
  fit_free_grower(&fit);
  free_trees(&fit);
  memory_free(&fit.in_bag);
  memory_free(&fit.importance);
  memory_free(&fall);
  samples_clear_all(&fit.samples);
  return status;
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

/* Predict n rows from local row `first`, with buffers of a block. */
static void predict_block(const Forest *forest, const Matrix *x, int64_t first, int64_t n,
                          uint8_t *codes, int32_t *value, int64_t *sums, double *out) {
  const Ensemble *e = &forest->ensemble;
  int64_t width = forest_width(forest), outputs = forest_outputs(forest);
  memset(sums, 0, (size_t)(n * width) * sizeof *sums);
  bins_encode(&e->bins, x, first, n, codes);
  for (int64_t tree = 0; tree < e->n_trees; tree++) {
    ensemble_leaves(e, tree, codes, NULL, n, value);
    for (int64_t i = 0; i < n; i++) forest_add(forest, tree, value[i], sums + i * width);
  }
  for (int64_t i = 0; i < n; i++) {
    forest_finish(forest, sums + i * width, e->n_trees, out + (first + i) * outputs);
  }
}

static Status forest_predict(const void *model, const Matrix *x, double *out) {
  Status status = OK;
  const Forest *forest = model;
  int64_t width = forest_width(forest), n = x->rows.n;
  int64_t block = PREDICT_VALUES / width > 256 ? PREDICT_VALUES / width : 256;
  if (block > PREDICT_ROWS) block = PREDICT_ROWS;
  if (block > n) block = n;
  uint8_t *codes = NULL;
  int32_t *value = NULL;
  int64_t *sums = NULL;
  if (x->d != forest->ensemble.bins.d) {
    return status_fail(INVALID, "forest: rows have %lld features, the model has %lld",
                       (long long)x->d, (long long)forest->ensemble.bins.d);
  }
  TRY(NEW(&codes, block * bins_stride(x->d)));
  TRY(NEW(&value, block));
  TRY(NEW(&sums, block * width));
  for (int64_t first = 0; first < n; first += block) {
    int64_t here = n - first < block ? n - first : block;
    predict_block(forest, x, first, here, codes, value, sums, out);
  }
done:
  memory_free(&codes);
  memory_free(&value);
  memory_free(&sums);
  return status;
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
done:
  return status;
}

static void forest_free(void **model) {
  Forest *forest = *model;
  if (!forest) return;
  ensemble_clear(&forest->ensemble);
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
  return OK;
}

static const Option rows[] = {
    OPTION_INTEGER(ForestOptions, trees, "100", 1, 100000, "Number of trees."),
    OPTION_INTEGER(ForestOptions, max_depth, "null", 0, 1000000,
                   "Splits from the root to a leaf at most; null: no limit."),
    OPTION_INTEGER(
        ForestOptions, min_samples_leaf, "1", 1, 1000000000,
        "Rows of the sample that a leaf holds at least; a row drawn twice counts twice."),
    OPTION_INTEGER(ForestOptions, min_samples_split, "2", 2, 1000000000,
                   "Rows of the sample that a node needs to be split."),
    OPTION_REAL_OR_WORD(ForestOptions, max_features, "\"auto\"", 0, 1, feature_words,
                        "Features that a node looks at: a share, or all, sqrt, log2, third (of "
                        "their number); auto: all for regression, sqrt for classification."),
    OPTION_BOOLEAN(ForestOptions, bootstrap, "true",
                   "Grow each tree on recordings drawn with replacement; false: on all rows."),
    OPTION_INTEGER(ForestOptions, bins, "255", 2, BINS_MAX,
                   "Bins that a feature is cut into at most."),
    OPTION_BOOLEAN(ForestOptions, oob, "true",
                   "Score rows by the trees that did not see their recording (needs bootstrap)."),
    OPTION_INTEGER(ForestOptions, permutations, "0", 0, 1000,
                   "Repetitions of permutation importance on out-of-bag rows; 0: none. Each costs "
                   "as much as predicting all rows, for every feature."),
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
    .fit_all = forest_fit_all,
    .predict = forest_predict,
    .fields = forest_fields,
    .free = forest_free,
};
