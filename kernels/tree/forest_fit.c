/* Fitting the random forest; see forest.h.
 *
 * Cut bins, replicate binned rows, let base/work hand out trees (or leave rows where they are, see
 * forest_rows.c), join them into a few arrays; what the forest then says about itself is in
 * forest_report.c. A tree's result carries its sample of recordings as a bitmap, so that nobody has
 * to draw it again to know who is out of bag.
 *
 * Rejected: predicting out-of-bag rows inside the unit that grows the tree. The result would be as
 * large as the data, for every tree; after the trees are placed each rank predicts its own rows. */
#include "forest_fit.h"

#include <math.h>
#include <string.h>

#include "binned.h"
#include "kernels/class_weight.h"
#include "kernels/base/memory.h"

/* ---- a tree as a unit of work ---- */

Stream forest_sample_stream(uint64_t seed, int64_t tree, int64_t attempt) {
  return random_stream(seed, "forest/bootstrap", (uint64_t)tree | (uint64_t)attempt << 40);
}

Stream forest_node_stream(uint64_t seed, int64_t tree) {
  return random_stream(seed, "forest/features", (uint64_t)tree);
}

void forest_fill_bag(const int32_t *counts, int64_t n_groups, int64_t bag_bytes, uint8_t *bag) {
  if (bag_bytes == 0) return;
  memset(bag, 0, (size_t)bag_bytes);
  for (int64_t g = 0; g < n_groups; g++) bag[g / 8] |= (uint8_t)((counts[g] > 0) << (g % 8));
}

Status forest_sample_failed(int64_t tree, int64_t total, int64_t rows) {
  return status_fail(NUMERIC,
                     "tree %lld: a sample of recordings holds %lld of %lld rows; one "
                     "recording dominates (set bootstrap to false)",
                     (long long)tree, (long long)total, (long long)rows);
}

/* Draw the sample of a tree: weights of rows, and the bitmap of recordings. */
static Status draw_sample(ForestFit *fit, int64_t tree) {
  int64_t n = fit->samples.rows.n, n_groups = fit->samples.n_groups, total = 0;
  if (!fit->options->bootstrap) {
    for (int64_t i = 0; i < n; i++)
      fit->weight[i] = fit->samples.weight ? fit->samples.weight[i] : 1;
    return OK;
  }
  for (int64_t attempt = 0; attempt < FOREST_SAMPLE_ATTEMPTS; attempt++) {
    Stream stream = forest_sample_stream(fit->data->seed, tree, attempt);
    random_bootstrap(&stream, n_groups, fit->counts);
    total = 0;
    int32_t most = 0;
    for (int64_t i = 0; i < n; i++) {
      int32_t count = fit->counts[fit->samples.group[i]];
      if (fit->samples.weight) count *= fit->samples.weight[i];
      fit->weight[i] = count;
      total += count;
      most = count > most ? count : most;
    }
    if (total > fit->samples.rows.weight_max || most > UINT16_MAX) continue;
    forest_fill_bag(fit->counts, n_groups, fit->bag_bytes, fit->bag);
    return OK;
  }
  return forest_sample_failed(tree, total, n);
}

Status forest_tree_fields(const ForestFit *fit, GrownTree *tree, uint8_t *bag, int64_t bag_bytes,
                          Fields *result) {
  Status status = OK;
  int64_t d = fit->samples.rows.bins->d;
  TRY(fields_array(result, "node", FIELD_INTEGER, &tree->node, 1, &tree->n_nodes));
  TRY(fields_array(result, "leaf_class", FIELD_SHORT, &tree->leaf_class, 1, &tree->n_leaf));
  TRY(fields_array(result, "leaf_share", FIELD_CODE, &tree->leaf_share, 1, &tree->n_leaf));
  TRY(fields_array(result, "importance", FIELD_INTEGER, &tree->importance, 1, &d));
  if (fit->options->shap_rows > 0) {
    TRY(fields_array(result, "cover", FIELD_CODE, &tree->cover, 1, &tree->n_nodes));
  }
  TRY(fields_array(result, "in_bag", FIELD_BYTE, &bag, 1, &bag_bytes));
done:
  return status;
}

static Status run_tree(void *context, int64_t unit, Fields *result) {
  Status status = OK;
  ForestFit *fit = context;
  GrownTree tree;
  TRY(draw_sample(fit, unit));
  Stream nodes = forest_node_stream(fit->data->seed, unit);
  grow_tree(fit->grower, fit->weight, &nodes, &tree);
  TRY(forest_tree_fields(fit, &tree, fit->bag, fit->bag_bytes, result));
done:
  return status;
}

/* A share is at most 2^44 and trees at most 100,000: divided first, the sum cannot overflow. */
void forest_add_importance(ForestFit *fit, const int64_t *importance) {
  for (int64_t j = 0; j < fit->samples.rows.bins->d; j++) {
    fit->importance[j] += importance[j] / fit->options->trees;
  }
}

Status forest_place_tree(ForestFit *fit, int64_t unit, Fields *result) {
  Status status = OK;
  PlacedTree *tree = &fit->trees[unit];
  int64_t d = fit->samples.rows.bins->d, *importance = NULL;
  tree->n_nodes = tree->n_leaf = -1;
  TRY(fields_array(result, "node", FIELD_INTEGER, &tree->node, 1, &tree->n_nodes));
  TRY(fields_array(result, "leaf_class", FIELD_SHORT, &tree->leaf_class, 1, &tree->n_leaf));
  TRY(fields_array(result, "leaf_share", FIELD_CODE, &tree->leaf_share, 1, &tree->n_leaf));
  TRY(fields_array(result, "importance", FIELD_INTEGER, &importance, 1, &d));
  if (fit->options->shap_rows > 0) {
    TRY(fields_array(result, "cover", FIELD_CODE, &tree->cover, 1, &tree->n_nodes));
  }
  forest_add_importance(fit, importance);
done:
  memory_free(&importance);
  return status;
}

static Status place_tree(void *context, int64_t unit, Fields *result) {
  Status status = OK;
  ForestFit *fit = context;
  uint8_t *bag = NULL;
  TRY(forest_place_tree(fit, unit, result));
  TRY(forest_join_trees(fit));
  TRY(fields_array(result, "in_bag", FIELD_BYTE, &bag, 1, &fit->bag_bytes));
  if (fit->bag_bytes > 0) {
    memcpy(fit->in_bag + unit * fit->bag_bytes, bag, (size_t)fit->bag_bytes);
  }
done:
  memory_free(&bag);
  return status;
}

/* Rows as the grower counts them, in units of weight; the least number is no limit. */
static int64_t scaled_rows(int64_t rows, int64_t least, double scale) {
  int64_t scaled = (int64_t)ceil((double)rows * scale);
  return rows <= least || scaled < least ? least : scaled;
}

/* The least decrease in squared levels; with two classes levels are 0 and 1, whose variance is half
 * of Gini's impurity. */
static double scaled_decrease(const ForestFit *fit) {
  double given = fit->options->min_impurity_decrease, unit = fit->samples.unit;
  if (fit->data->task == TASK_REGRESSION) return given / (unit * unit);
  return fit->samples.rows.n_classes > 0 ? given : given / 2;
}

static Status fit_allocate(ForestFit *fit) {
  Status status = OK;
  const ForestOptions *o = fit->options;
  const Samples *s = &fit->samples;
  TRY(NEW(&fit->counts, o->bootstrap ? s->n_groups : 0));
  TRY(NEW(&fit->weight, s->rows.n));
  TRY(NEW(&fit->bag, fit->bag_bytes));
  TRY(NEW(&fit->trees, o->trees));
  TRY(NEW(&fit->forest->ensemble.node_offset, o->trees + 1));
  TRY(NEW(&fit->forest->ensemble.leaf_offset, o->trees + 1));
  TRY(NEW(&fit->in_bag, o->trees * fit->bag_bytes));
  TRY(NEW(&fit->importance, s->rows.bins->d));
done:
  return status;
}

/* Collective. */
static Status fit_new_all(ForestFit *fit) {
  Status status = OK;
  const ForestOptions *o = fit->options;
  const Samples *s = &fit->samples;
  int64_t d = s->rows.bins->d;
  double scale = s->weight_scale;
  GrowOptions grow = {
      .max_depth = o->max_depth == OPTION_NONE_INTEGER ? INT64_MAX : o->max_depth,
      .min_samples_leaf = scaled_rows(o->min_samples_leaf, 1, scale),
      .min_samples_split = scaled_rows(o->min_samples_split, 2, scale),
      .max_leaves = o->max_leaf_nodes == OPTION_NONE_INTEGER ? 0 : o->max_leaf_nodes,
      .min_decrease = scaled_decrease(fit),
      .random = o->extremely_randomised,
      .features = forest_features(o->max_features, fit->data->task, d)};
  if (o->bootstrap && (o->oob || o->permutations > 0 || o->interval > 0)) {
    int64_t n_global = fit->by_rows ? s->groups.n_global : s->n_groups;
    fit->bag_bytes = s->n_groups > 0 ? (s->n_groups + 7) / 8 : 1; /* not 0 on a rank without rows */
    fit->bag_bytes_global = (n_global + 7) / 8;
  }
  AGREE(fit->comm, fit_allocate(fit));
  if (fit->by_rows) {
    RowsLimits limits = {0};
    TRY(grow_rows_new_all(fit->comm, &s->rows, &grow, &limits, &fit->rows_grower));
  } else {
    AGREE(fit->comm, grow_new(&s->rows, &grow, &fit->grower));
  }
done:
  return status;
}

/* What only growing needs; frees the larger part of the memory before trees are exchanged. */
static void fit_free_grower(void *context) {
  ForestFit *fit = context;
  grow_free(&fit->grower);
  grow_rows_free_all(&fit->rows_grower);
  memory_free(&fit->counts);
  memory_free(&fit->weight);
  memory_free(&fit->bag);
}

/* ---- the fit ---- */

static Status check_data(const TrainingData *data, const ForestOptions *options) {
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
  if (data->task == TASK_CLASSIFICATION && options->interval > 0) {
    return status_fail(INVALID, "interval: this needs a number as target; leave it out");
  }
  return OK;
}

static Status grow_all(ForestFit *fit) {
  Status status = OK;
  Work work = {.units = fit->options->trees,
               .run = run_tree,
               .finish = fit_free_grower,
               .place = place_tree,
               .context = fit};
  TRY(fit_new_all(fit));
  if (fit->by_rows) {
    TRY(forest_grow_rows_all(fit));
  } else {
    TRY(work_run_all(fit->comm, &work, fit->sink));
  }
  fit_free_grower(fit);
  AGREE(fit->comm, forest_join_trees(fit));
done:
  return status;
}

Status forest_fit_all(const Comm *comm, const TrainingData *data, const void *options,
                      WorkSink *sink, void **model, Summary *summary) {
  Status status = OK;
  ForestFit fit = {.comm = comm,
                   .data = data,
                   .options = options,
                   .sink = sink,
                   .samples = {.shared = {.win = MPI_WIN_NULL}}};
  TrainingData weighted = *data;
  double *weight = NULL;
  *model = NULL;
  TRY(check_data(data, options));
  status = NEW(&fit.forest, 1);
  *model = fit.forest;
  AGREE(comm, status);
  Forest *forest = fit.forest;
  TRY(binned_fit_all(comm, data, fit.options->bins, &forest->ensemble.bins));
  ClassWeights classes = {&fit.options->class_weight, fit.options->positive_weight};
  TRY(class_weights_all(comm, data, &classes, &weight));
  if (weight) weighted.weight = weight;
  fit.by_rows = forest_by_rows(options, data->x->rows.n_global, data->x->d, comm->size);
  if (fit.by_rows) {
    TRY(samples_init_own_all(comm, &weighted, &forest->ensemble.bins, &fit.samples));
  } else {
    TRY(samples_init_all(comm, &weighted, &forest->ensemble.bins, true, &fit.samples));
  }
  forest->task = data->task;
  forest->n_classes = data->task == TASK_CLASSIFICATION ? data->n_classes : 0;
  forest->base = fit.samples.base;
  forest->unit = fit.samples.unit;
  forest->bits = fit.samples.rows.bits;
  TRY(grow_all(&fit));
  TRY(forest_report_all(&fit, summary));
  if (fit.options->shap_rows > 0) TRY(forest_shap_all(&fit, summary));
done:
  fit_free_grower(&fit);
  forest_free_trees(&fit);
  memory_free(&fit.in_bag);
  memory_free(&fit.importance);
  memory_free(&fit.cover);
  memory_free(&weight);
  samples_clear_all(&fit.samples);
  return status;
}
