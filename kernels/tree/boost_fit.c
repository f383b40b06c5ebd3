/* The rounds of boosting; see boost_fit.h.
 *
 * With refit there are two phases: rounds on what is not held back until early stopping ends them,
 * and then as many rounds as were best, from nothing, on all rows. Saving and resuming is in
 * boost_units.c.
 *
 * The training loss is measured CURVE_POINTS times, the validation loss after every round. */
#include "boost_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "boost_grow.h"
#include "boost_quantile.h"
#include "boost_classes.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/fixed.h"
#include "kernels/numeric/quantile.h"
#include "kernels/numeric/random.h"
#include "node.h"

enum { CURVE_POINTS = 60 };
/* Gradients below count as this large when the scale is chosen. */
static const double SCALE_LEAST = 0x1p-100;

/* ---- memory ---- */

static void fit_clear(Fit *fit) {
  boost_grower_free_all(&fit->grower);
  boost_table_clear_all(&fit->table);
  if (fit->growing == &fit->alone) {
    boost_classes_clear_all(fit);
  } else {
    memory_free(&fit->level);
    memory_free(&fit->log_sum);
  }
  memory_free(&fit->g);
  memory_free(&fit->h);
  memory_free(&fit->value);
  memory_free(&fit->count);
  memory_free(&fit->reached);
  memory_free(&fit->begin);
  memory_free(&fit->key);
  memory_free(&fit->share);
  memory_free(&fit->packed);
  memory_free(&fit->row);
  memory_free(&fit->feature);
  memory_free(&fit->rest);
  memory_free(&fit->leaf_value);
}

static Status fit_allocate(Fit *fit) {
  Status status = OK;
  const BoostTable *t = &fit->table;
  int64_t d = fit->model->ensemble.bins.d, outputs = fit->model->loss.outputs;
  bool shared = fit->growing == &fit->alone;
  if (!shared) TRY(NEW(&fit->level, outputs * t->n));
  TRY(NEW(&fit->g, t->n_train));
  TRY(NEW(&fit->h, t->n_train));
  if (!shared) TRY(NEW(&fit->log_sum, outputs > 1 ? t->n_train : 0));
  TRY(NEW(&fit->packed, t->n_train * fit->layout.words));
  TRY(NEW(&fit->row, t->n_train));
  TRY(NEW(&fit->feature, d));
  TRY(NEW(&fit->rest, t->n));
  TRY(NEW(&fit->leaf_value, t->n));
  TRY(NEW(&fit->history->gain, d));
done:
  return status;
}

/* What leaves need. */
static Status leaves_allocate(Fit *fit) {
  Status status = OK;
  int64_t leaves = boost_grower_leaves(fit->grower), n = fit->table.n_train;
  bool renews = boost_loss_renews(&fit->model->loss);
  TRY(NEW(&fit->value, leaves));
  TRY(NEW(&fit->count, leaves));
  TRY(NEW(&fit->reached, leaves));
  TRY(NEW(&fit->begin, renews ? leaves + 1 : 0));
  TRY(NEW(&fit->key, renews ? n : 0));
  TRY(NEW(&fit->share, renews ? n : 0));
done:
  return status;
}

void boost_history_clear(BoostHistory *history) {
  memory_free(&history->train);
  memory_free(&history->valid);
  memory_free(&history->gain);
  memory_free(&history->cover);
}

Status boost_make_room(Fit *fit, int64_t rounds, int64_t trees, int64_t nodes) {
  Status status = OK;
  Ensemble *e = &fit->model->ensemble;
  BoostHistory *history = fit->history;
  int64_t used = e->node_offset ? e->node_offset[e->n_trees] : 0;
  int64_t both = fit->rounds_capacity;
  TRY(RESERVE(&e->node_offset, &fit->offset_capacity, e->n_trees + trees + 1));
  TRY(RESERVE(&e->node, &fit->node_capacity, used + nodes));
  if (fit->options->shap_rows > 0) {
    TRY(RESERVE(&history->cover, &fit->cover_capacity, used + nodes));
  }
  if (fit->phase > 0) return OK;
  TRY(RESERVE(&history->train, &both, history->rounds + rounds));
  TRY(RESERVE(&history->valid, &fit->rounds_capacity, history->rounds + rounds));
done:
  return status;
}

/* ---- one tree ---- */

static void fill_rules(const Fit *fit, double g_unit, double h_unit, BoostRules *rules) {
  const GbdtOptions *o = fit->options;
  double gain_unit = g_unit * g_unit / h_unit;
  *rules = (BoostRules){
      .l1 = o->l1 / g_unit,
      .l2 = o->l2 / h_unit,
      .least_h = fmax(1, ceil(o->min_child_weight / h_unit)),
      .least_n = (double)o->min_samples_leaf,
      .least_gain = o->min_split_gain > 0 ? o->min_split_gain / gain_unit : 0,
      .value_unit = g_unit / h_unit,
      .gain_unit = gain_unit,
      .slope = fit->constraints->slope,
      .group = fit->constraints->group,
      .categories = {.bins = &fit->model->ensemble.bins,
                     .smooth = o->cat_smooth / h_unit,
                     .least_rows = o->cat_smooth,
                     .l2 = o->cat_l2 / h_unit,
                     .group_rows = (double)o->min_data_per_group,
                     .max_left = o->max_cat_threshold,
                     .max_apart = o->max_cat_to_onehot},
  };
}

static int64_t whole(double x) {
  return (int64_t)(elementary_bits(x + 0x1.8p52) - elementary_bits(0x1.8p52));
}

/* Gradients to packed whole numbers; nearest, ties to even. */
static void pack_rows(const Fit *fit, double g_scale, double h_scale) {
  const BoostLayout layout = fit->layout;
  const double *g = fit->g, *h = fit->h, *weight = fit->table.weight;
  uint64_t *packed = fit->packed;
  int64_t n = fit->table.n_train;
  if (weight) {
    for (int64_t i = 0; i < n; i++) {
      double own = elementary_round(elementary_round(h[i] * h_scale) * weight[i]);
      int64_t g_whole = whole(elementary_round(g[i] * g_scale) * weight[i]);
      boost_pack(&layout, g_whole, own > 1 ? (int64_t)own : 1, 1, packed + i * layout.words);
    }
  } else if (layout.words == 1 && layout.h_bits == 0) {
    for (int64_t i = 0; i < n; i++) {
      packed[i] = ((uint64_t)whole(g[i] * g_scale) << layout.shift) + 1;
    }
  } else if (layout.words == 1) {
    for (int64_t i = 0; i < n; i++) {
      double own = h[i] * h_scale;
      own = own > 1 ? own : 1;
      packed[i] = ((uint64_t)whole(g[i] * g_scale) << layout.shift) + (uint64_t)whole(own);
    }
  } else {
    for (int64_t i = 0; i < n; i++) {
      double own = layout.h_bits > 0 ? h[i] * h_scale : 1;
      boost_pack(&layout, whole(g[i] * g_scale), whole(own > 1 ? own : 1), 1, packed + 2 * i);
    }
  }
}

void boost_prepare_tree_all(Fit *fit, int64_t k, BoostRules *rules) {
  const BoostLoss *loss = &fit->model->loss;
  int64_t n = fit->table.n_train;
  bool constant = boost_loss_constant(loss) && fit->layout.h_bits == 0;
  boost_loss_gradients(loss, fit->table.target, fit->level, fit->table.n, fit->log_sum, n, k,
                       fit->g, constant ? NULL : fit->h);
  double most[2] = {1, 0.25}; /* of log losses */
  if (loss->objective == BOOST_SQUARED || loss->objective == BOOST_POISSON) {
    most[0] = most[1] = SCALE_LEAST;
    for (int64_t i = 0; i < n; i++) {
      double size = fabs(fit->g[i]);
      most[0] = size > most[0] ? size : most[0];
    }
    for (int64_t i = 0; !constant && i < n; i++)
      most[1] = fit->h[i] > most[1] ? fit->h[i] : most[1];
    comm_max_real_all(fit->growing, most, 2);
  }
  double g_scale = fixed_scale(most[0], fit->layout.g_bits);
  double h_scale = constant ? 1 : fixed_scale(most[1], fit->layout.h_bits);
  pack_rows(fit, g_scale, h_scale);
  fill_rules(fit, 1 / g_scale, 1 / h_scale, rules);
}

void boost_step_leaves(const BoostTree *tree, const BoostRules *rules, double *value) {
  for (int64_t l = 0; l < tree->n_leaves; l++) {
    const BoostLeaf *leaf = &tree->leaf[l];
    double g = (double)leaf->sum.g, h = (double)leaf->sum.h;
    value[l] = rules->value_unit * boost_value(g, h, rules, leaf->low, leaf->high);
  }
}

/* Values of leaves: quantiles of what their rows have left to explain. Collective. */
static Status renew_leaves_all(Fit *fit, const BoostTree *tree) {
  const BoostLoss *loss = &fit->model->loss;
  const BoostTable *t = &fit->table;
  int64_t at = 0;
  for (int64_t l = 0; l < tree->n_leaves; l++) {
    fit->begin[l] = at;
    for (int64_t i = tree->leaf[l].begin; i < tree->leaf[l].end; i++, at++) {
      int32_t row = tree->row[i];
      fit->key[at] = quantile_key(t->target[row] - (loss->base[0] + loss->unit * fit->level[row]));
      fit->share[at] = t->weight ? boost_loss_weight(t->weight[row], fit->most_weight) : 1;
    }
  }
  fit->begin[tree->n_leaves] = at;
  BoostItems items = {tree->n_leaves, fit->begin, fit->key, fit->share};
  return boost_quantiles_all(fit->comm, &items, loss->alpha, fit->value);
}

/* Whole numbers of units from fit->value onto the rows of leaves. Rows of a leaf ascend; all leaves
 * together go through the rows by parts that fit into the cache. */
static void raise_rows(Fit *fit, const BoostTree *tree, double *level) {
  enum { PART = 1 << 15 };
  for (int64_t l = 0; l < tree->n_leaves; l++) fit->reached[l] = tree->leaf[l].begin;
  for (int64_t end = PART; end < fit->table.n_train + PART; end += PART) {
    for (int64_t l = 0; l < tree->n_leaves; l++) {
      const int64_t stop = tree->leaf[l].end;
      const double units = fit->value[l];
      int64_t i = fit->reached[l];
      for (; i < stop && tree->row[i] < end; i++) level[tree->row[i]] += units;
      fit->reached[l] = i;
    }
  }
}

void boost_apply_tree(Fit *fit, const BoostTree *tree, double *level) {
  const double step = fit->options->learning_rate / fit->model->loss.unit;
  for (int64_t l = 0; l < tree->n_leaves; l++) {
    fit->value[l] = fmin(fmax(rint(fit->value[l] * step), -INT32_MAX), INT32_MAX);
    tree->node[tree->leaf[l].node] = node_leaf((int32_t)fit->value[l]);
  }
  raise_rows(fit, tree, level);
  if (fit->n_rest == 0) return;
  int64_t offset[2] = {0, tree->n_nodes};
  Ensemble one = {
      .n_trees = 1, .bins = fit->model->ensemble.bins, .node_offset = offset, .node = tree->node};
  ensemble_leaves(&one, 0, fit->table.codes, fit->rest, fit->n_rest, fit->leaf_value);
  for (int64_t i = 0; i < fit->n_rest; i++) level[fit->rest[i]] += fit->leaf_value[i];
}

/* Covers of a subtree from those of its leaves. */
static int32_t sum_cover(const int64_t *node, int32_t *cover, int64_t at) {
  if (!node_is_leaf(node[at])) {
    cover[at] = sum_cover(node, cover, at + node_words(node[at]));
    cover[at] += sum_cover(node, cover, at + node_low(node[at]));
  }
  return cover[at];
}

void boost_count_rows_all(Fit *fit, const BoostTree *tree, int32_t *cover) {
  int shift = 0;
  while (fit->table.n_train_global >> shift >= 1 << 30) shift++;
  for (int64_t l = 0; l < tree->n_leaves; l++) {
    fit->count[l] = tree->leaf[l].end - tree->leaf[l].begin;
  }
  comm_sum_all(fit->growing, fit->count, tree->n_leaves);
  memset(cover, 0, (size_t)tree->n_nodes * sizeof *cover);
  for (int64_t l = 0; l < tree->n_leaves; l++) {
    int64_t count = fit->count[l] >> shift;
    cover[tree->leaf[l].node] = count > 0 ? (int32_t)count : 1;
  }
  sum_cover(tree->node, cover, 0);
}

void boost_append_tree(Fit *fit, const int64_t *node, int64_t n_nodes, const double *gain) {
  Ensemble *e = &fit->model->ensemble;
  memcpy(e->node + e->node_offset[e->n_trees], node, (size_t)n_nodes * sizeof *node);
  e->node_offset[e->n_trees + 1] = e->node_offset[e->n_trees] + n_nodes;
  e->n_trees++;
  for (int64_t j = 0; j < e->bins.d; j++) fit->history->gain[j] += gain[j];
}

void boost_walk_rows(Fit *fit, int64_t t) {
  double *level = fit->level + t % fit->model->loss.outputs * fit->table.n;
  ensemble_leaves(&fit->model->ensemble, t, fit->table.codes, NULL, fit->table.n, fit->leaf_value);
  for (int64_t i = 0; i < fit->table.n; i++) level[i] += fit->leaf_value[i];
}

/* ---- one round ---- */

/* Rows and features of a round, addressed by (seed, round, row). */
static void draw_sample(Fit *fit, int64_t round) {
  const GbdtOptions *o = fit->options;
  const BoostTable *t = &fit->table;
  int64_t d = fit->model->ensemble.bins.d, n = 0, rest = 0;
  Stream rows = random_stream(fit->data->seed, "gbdt/rows", (uint64_t)round);
  for (int64_t i = 0; i < t->n_train; i++) {
    bool in = o->row_share >= 1 || random_uniform(&rows, (uint64_t)t->row_id[i], 0) < o->row_share;
    fit->row[n] = fit->rest[rest] = (int32_t)i;
    n += in;
    rest += !in;
  }
  for (int64_t i = t->n_train; i < t->n; i++) fit->rest[rest++] = (int32_t)i;
  int64_t k = (int64_t)floor(o->feature_share * (double)d);
  if (k < 1) k = 1;
  Stream features = random_stream(fit->data->seed, "gbdt/features", (uint64_t)round);
  random_subset(&features, 0, d, k, fit->feature);
  fit->sample = (BoostSample){
      .n = n, .row = fit->row, .packed = fit->packed, .n_features = k, .feature = fit->feature};
  fit->n_rest = rest;
}

static double mean_loss_all(const Fit *fit, int64_t begin, int64_t end) {
  const BoostTable *t = &fit->table;
  if (t->is_whole) { /* every rank has all rows, and takes a part */
    int64_t n = end - begin, from = begin;
    begin = from + n * fit->comm->rank / fit->comm->size;
    end = from + n * (fit->comm->rank + 1) / fit->comm->size;
  }
  BoostTargets rows = {.n = end - begin,
                       .target = t->target + begin,
                       .weight = t->weight ? t->weight + begin : NULL};
  return boost_loss_mean_all(fit->comm, &fit->model->loss, &rows, fit->level + begin, t->n);
}

static void measure_round_all(Fit *fit, int64_t round) {
  int64_t every = (fit->options->trees + CURVE_POINTS - 1) / CURVE_POINTS;
  bool measured = (round + 1) % every == 0 || round == 0 || round + 1 == fit->options->trees;
  double train = measured ? mean_loss_all(fit, 0, fit->table.n_train) : NAN;
  bool held_back = fit->table.n_global > fit->table.n_train_global;
  double valid = held_back ? mean_loss_all(fit, fit->table.n_train, fit->table.n) : NAN;
  fit->history->train[round] = train;
  fit->history->valid[round] = valid;
  WorkNumber told[] = {{"training_loss", train}, {"validation_loss", valid}};
  bool known = measured || held_back;
  if (known && fit->comm->rank == 0) work_tell(fit->sink, round + 1, told, 2);
}

/* A tree for each output, by all ranks together. Collective. */
static Status grow_outputs_all(Fit *fit) {
  Status status = OK;
  const Ensemble *e = &fit->model->ensemble;
  int64_t outputs = fit->model->loss.outputs;
  BoostTree tree;
  BoostRules rules;
  for (int64_t k = 0; k < outputs; k++) {
    boost_prepare_tree_all(fit, k, &rules);
    boost_grow_all(fit->grower, &fit->sample, &rules, &tree);
    if (boost_loss_renews(&fit->model->loss)) {
      TRY(renew_leaves_all(fit, &tree));
    } else {
      boost_step_leaves(&tree, &rules, fit->value);
    }
    boost_apply_tree(fit, &tree, fit->level + k * fit->table.n);
    AGREE(fit->comm, boost_make_room(fit, 1, outputs, tree.n_nodes));
    if (fit->history->cover) {
      boost_count_rows_all(fit, &tree, fit->history->cover + e->node_offset[e->n_trees]);
    }
    for (int64_t j = 0; j < e->bins.d; j++) tree.gain[j] *= rules.gain_unit;
    boost_append_tree(fit, tree.node, tree.n_nodes, tree.gain);
  }
done:
  return status;
}

static Status run_round_all(Fit *fit, int64_t round) {
  Status status = OK;
  draw_sample(fit, round);
  if (fit->table.is_whole) {
    boost_classes_log_sums_all(fit);
    TRY(boost_classes_grow_all(fit));
  } else {
    if (fit->model->loss.outputs > 1) {
      boost_loss_log_sums(&fit->model->loss, fit->level, fit->table.n, fit->table.n_train,
                          fit->log_sum);
    }
    TRY(grow_outputs_all(fit));
  }
  fit->rounds = round + 1;
  if (fit->phase == 0) {
    measure_round_all(fit, round);
    fit->history->rounds = round + 1;
  }
done:
  return status;
}

/* ---- all rounds ---- */

/* Find the best of the rounds made (ties: the earlier); has it been too long ago? */
static bool is_over(Fit *fit) {
  BoostHistory *history = fit->history;
  bool stopping = fit->options->early_stopping != OPTION_NONE_INTEGER;
  if (!stopping) history->best = history->rounds;
  for (; stopping && fit->judged < history->rounds; fit->judged++) {
    if (fit->judged > 0 && !(history->valid[fit->judged] < fit->least)) continue;
    fit->least = history->valid[fit->judged];
    history->best = fit->judged + 1;
  }
  return stopping && history->rounds - history->best >= fit->options->early_stopping;
}

/* Tables and buffers of a phase that holds a share of the rows back. */
static Status begin_all(Fit *fit, double held_back) {
  Status status = OK;
  const GbdtOptions *o = fit->options;
  Gbdt *model = fit->model;
  const BoostTable *t = &fit->table;
  TRY(boost_table_all(fit->comm, fit->data, &model->ensemble.bins, held_back, &fit->table));
  BoostTargets targets = {.n = t->n_train, .target = t->target, .weight = t->weight};
  TRY(boost_loss_begin_all(fit->comm, &targets, &model->loss));
  bool weighted = comm_any_all(fit->comm, t->weight != NULL);
  bool counted = o->min_samples_leaf > 1 || bins_any_category(&model->ensemble.bins);
  TRY(boost_layout(t->rows, boost_loss_constant(&model->loss) && !weighted, counted, &fit->layout));
  for (int64_t i = 0; weighted && i < t->n_train; i++) {
    fit->most_weight = fmax(fit->most_weight, t->weight[i]);
  }
  comm_max_real_all(fit->comm, &fit->most_weight, 1);
  fit->growing = fit->comm;
  if (boost_by_trees(fit->comm, o, &model->loss, t->n_global)) {
    fit->growing = &fit->alone;
    TRY(boost_table_join_all(fit->comm, model->ensemble.bins.d, &fit->table));
    TRY(boost_classes_begin_all(fit));
  }
  AGREE(fit->comm, fit_allocate(fit));
  BoostRows rows = {.n = t->n_train, .bins = &model->ensemble.bins, .codes = t->codes};
  int64_t depth = o->max_depth == OPTION_NONE_INTEGER ? INT64_MAX : o->max_depth;
  BoostLimits limits = {
      .max_leaves = o->max_leaves == OPTION_NONE_INTEGER ? INT64_MAX : o->max_leaves,
      .max_depth = depth,
      .depth_wise = o->growth == 1,
      .histogram_bytes = BOOST_HISTOGRAM_BYTES};
  AGREE(fit->comm, boost_grower_new_all(fit->growing, &rows, &fit->layout, &limits, &fit->grower));
  AGREE(fit->comm, leaves_allocate(fit));
  AGREE(fit->comm, boost_make_room(fit, 0, 0, 0));
  TRY(boost_resume_all(fit));
done:
  return status;
}

/* Fit again, on all rows, for the best number of rounds. */
static Status refit_all(Fit *fit) {
  Status status = OK;
  boost_end_phase(fit);
  fit_clear(fit);
  boost_loss_clear(&fit->model->loss);
  memory_free(&fit->history->gain);
  fit->model->ensemble.n_trees = 0;
  fit->phase = 1;
  fit->rounds = fit->saved_rounds = 0;
  fit->most_weight = 0;
  TRY(begin_all(fit, 0));
  while (fit->rounds < fit->history->best) {
    TRY(run_round_all(fit, fit->rounds));
    TRY(boost_tick_all(fit));
  }
done:
  return status;
}

/* Cut the model back to its best round. */
static Status finish(Fit *fit) {
  Ensemble *e = &fit->model->ensemble;
  e->n_trees = fit->history->best * fit->model->loss.outputs;
  return NEW(&e->leaf_offset, e->n_trees + 1);
}

Status boost_fit_all(const Comm *comm, const TrainingData *data, const GbdtOptions *options,
                     const BoostConstraints *constraints, WorkSink *sink, Gbdt *model,
                     BoostHistory *history) {
  Status status = OK;
  bool stopping = options->early_stopping != OPTION_NONE_INTEGER;
  Fit fit = {.comm = comm,
             .growing = comm,
             .alone = comm_self(),
             .classes = {.levels = {.win = MPI_WIN_NULL}},
             .data = data,
             .options = options,
             .constraints = constraints,
             .sink = sink,
             .model = model,
             .history = history};
  *history = (BoostHistory){0};
  TRY(begin_all(&fit, stopping ? options->validation_share : 0));
  while (!is_over(&fit) && fit.rounds < options->trees) {
    TRY(run_round_all(&fit, fit.rounds));
    TRY(boost_tick_all(&fit));
  }
  if (stopping && options->refit) TRY(refit_all(&fit));
  if (options->permutations > 0) boost_end_phase(&fit); /* they take long, and may be stopped */
  AGREE(comm, finish(&fit));
done:
  fit_clear(&fit);
  return status;
}
