/* What boosted trees say about themselves; see gbdt_report.h.
 *
 * Rows of the SHAP sample are explained by the ranks that have them: which rows they are is
 * addressed by (seed, number), so ranks have about equal work. */
#include "gbdt_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "gbdt_permute.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/random.h"
#include "node.h"

enum { BARS = 30 }; /* features drawn in the report */

/* ---- importance ---- */

/* Features by falling gain, ties in their order. */
static void order_features(const double *gain, int64_t d, int32_t *order) {
  for (int32_t j = 0; j < d; j++) {
    int32_t at = j;
    for (; at > 0 && gain[order[at - 1]] < gain[j]; at--) order[at] = order[at - 1];
    order[at] = j;
  }
}

static void count_splits(const Ensemble *e, int64_t *splits) {
  for (int64_t i = 0; i < e->node_offset[e->n_trees]; i += node_words(e->node[i])) {
    if (!node_is_leaf(e->node[i])) splits[node_feature(e->node[i])]++;
  }
}

/* What there is to say of features. rise: NULL: not asked for */
typedef struct Importance {
  const double *gain, *rise;
  const int64_t *splits;
  const int32_t *order;
  char **names;
  double *shares;
} Importance;

static Status write_importance(const Importance *all, int64_t d, Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"feature", "gain", "splits", "permutation"};
  int64_t table = -1;
  TRY(summary_table(summary, "importance", "Importance of the features", all->rise ? 4 : 3, columns,
                    &table));
  for (int64_t i = 0; i < d; i++) {
    int32_t j = all->order[i];
    Cell cells[] = {cell_text(all->names[i]), cell_real(all->shares[i]),
                    cell_integer(all->splits[j]), cell_real(all->rise ? all->rise[j] : NAN)};
    TRY(summary_row(summary, table, cells));
  }
  char title[] = "Importance of the features", label[] = "share of the loss taken away";
  char name[] = "importance";
  int64_t bars = d < BARS ? d : BARS;
  Series series = {.name = name,
                   .title = title,
                   .y_label = label,
                   .kind = SERIES_BARS,
                   .n_x = bars,
                   .n_y = bars,
                   .y = all->shares,
                   .x_names = all->names};
  TRY(summary_series(summary, &series));
done:
  return status;
}

static Status report_importance(const Gbdt *model, const BoostHistory *history, const double *rise,
                                char **given, Summary *summary) {
  Status status = OK;
  int64_t d = model->ensemble.bins.d, *splits = NULL;
  int32_t *order = NULL;
  char **names = NULL;
  double *shares = NULL, total = 0;
  TRY(NEW(&order, d));
  TRY(NEW(&names, d));
  TRY(NEW(&shares, d));
  TRY(NEW(&splits, d));
  order_features(history->gain, d, order);
  count_splits(&model->ensemble, splits);
  for (int64_t j = 0; j < d; j++) total += history->gain[j];
  for (int64_t i = 0; i < d; i++) {
    char number[40];
    snprintf(number, sizeof number, "feature %d", (int)order[i]);
    TRY(memory_text(&names[i], given && given[order[i]] ? given[order[i]] : number));
    shares[i] = total > 0 ? history->gain[order[i]] / total : 0;
  }
  Importance all = {history->gain, rise, splits, order, names, shares};
  TRY(write_importance(&all, d, summary));
done:
  for (int64_t i = 0; names && i < d; i++) memory_free(&names[i]);
  memory_free(&order);
  memory_free(&names);
  memory_free(&shares);
  memory_free(&splits);
  return status;
}

/* ---- curves ---- */

static Status report_curve(const BoostHistory *history, const double *loss, const char *name,
                           const char *title, const char *label, Summary *summary) {
  Status status = OK;
  double *x = NULL, *y = NULL;
  int64_t n = 0;
  TRY(NEW(&x, history->rounds));
  TRY(NEW(&y, history->rounds));
  for (int64_t r = 0; r < history->rounds; r++) {
    if (isnan(loss[r])) continue;
    x[n] = (double)(r + 1);
    y[n++] = loss[r];
  }
  char x_label[] = "rounds";
  Series line = {.name = (char *)(uintptr_t)name,
                 .title = (char *)(uintptr_t)title,
                 .x_label = x_label,
                 .y_label = (char *)(uintptr_t)label,
                 .kind = SERIES_LINE,
                 .n_x = n,
                 .n_y = n,
                 .x = x,
                 .y = y};
  if (n > 0) TRY(summary_series(summary, &line));
done:
  memory_free(&x);
  memory_free(&y);
  return status;
}

static Status report_rounds(const Gbdt *model, const GbdtOptions *options,
                            const BoostHistory *history, Summary *summary) {
  Status status = OK;
  const Ensemble *e = &model->ensemble;
  const char *loss = boost_loss_name(&model->loss);
  int64_t nodes = 0;
  for (int64_t i = 0; i < e->node_offset[e->n_trees]; i += node_words(e->node[i])) nodes++;
  TRY(summary_note(summary, NOTE_INFO, "%lld trees in %lld rounds, %lld leaves each on average",
                   (long long)e->n_trees, (long long)history->best,
                   (long long)((nodes / e->n_trees + 1) / 2)));
  if (!isnan(history->valid[0])) {
    TRY(summary_metric(summary, "validation", loss, history->valid[history->best - 1], false,
                       false));
    TRY(summary_note(summary, NOTE_INFO,
                     options->refit
                         ? "Stopped after %lld rounds; round %lld was the best on the rows held "
                           "back, and the model was fitted again for so many rounds on all rows"
                         : "Stopped after %lld rounds; round %lld was the best on the rows held "
                           "back, which the model was not fitted to",
                     (long long)history->rounds, (long long)history->best));
  }
  TRY(report_curve(history, history->train, "training_loss", "Training loss", loss, summary));
  TRY(report_curve(history, history->valid, "validation_loss", "Validation loss", loss, summary));
done:
  return status;
}

/* ---- SHAP ---- */

ShapTrees gbdt_shap_trees(const Gbdt *model, const int32_t *cover) {
  return (ShapTrees){.ensemble = &model->ensemble,
                     .cover = cover,
                     .outputs = model->loss.outputs,
                     .base = model->loss.base,
                     .unit = model->loss.unit};
}

/* Codes of this rank's rows of the sample. */
static Status sample_rows(const TrainingData *data, const Gbdt *model, ShapRows *rows,
                          uint8_t **codes) {
  Status status = OK;
  const Rows *own = &data->x->rows;
  int64_t stride = bins_stride(data->x->d), capacity = 0;
  Stream chosen = random_stream(data->seed, "gbdt/shap", 0);
  for (int64_t number = 0; number < rows->n_global; number++) {
    int64_t row = random_permuted(&chosen, number, own->n_global) - own->begin;
    if (row < 0 || row >= own->n) continue;
    TRY(RESERVE(codes, &capacity, (rows->n + 1) * stride));
    bins_encode(&model->ensemble.bins, data->x, row, 1, *codes + rows->n++ * stride);
  }
  rows->codes = *codes;
done:
  return status;
}

static const char *shap_title(const Gbdt *model) {
  switch (model->loss.objective) {
    case BOOST_LOGISTIC: return "What features add to the log-odds of the second class (SHAP)";
    case BOOST_SOFTMAX: return "What features add to the score of the likeliest class (SHAP)";
    case BOOST_POISSON: return "What features add to the logarithm of predictions (SHAP)";
    default: return "What features add to predictions (SHAP)";
  }
}

static Status report_shap_all(const Comm *comm, const TrainingData *data,
                              const GbdtOptions *options, const Gbdt *model,
                              const BoostHistory *history, WorkSink *sink, Summary *summary) {
  Status status = OK;
  int64_t asked = options->shap_rows, n = data->x->rows.n_global;
  ShapTrees trees = gbdt_shap_trees(model, history->cover);
  ShapRows rows = {
      .n_global = asked < n ? asked : n, .title = shap_title(model), .names = data->x->names};
  uint8_t *codes = NULL;
  AGREE(comm, sample_rows(data, model, &rows, &codes));
  TRY(shap_report_all(comm, &trees, &rows, sink, summary));
done:
  memory_free(&codes);
  return status;
}

Status gbdt_report_all(const Comm *comm, const TrainingData *data, const GbdtOptions *options,
                       const Gbdt *model, const BoostHistory *history, WorkSink *sink,
                       Summary *summary) {
  Status status = OK;
  double *rise = NULL;
  if (model->ensemble.n_trees == 0) return OK;
  AGREE(comm, summary->active ? report_rounds(model, options, history, summary) : OK);
  AGREE(comm, NEW(&rise, data->x->d));
  if (options->permutations > 0) TRY(gbdt_permute_all(comm, data, options, model, sink, rise));
  AGREE(comm, summary->active
                  ? report_importance(model, history, options->permutations > 0 ? rise : NULL,
                                      data->x->names, summary)
                  : OK);
  if (options->shap_rows > 0) {
    TRY(report_shap_all(comm, data, options, model, history, sink, summary));
  }
done:
  memory_free(&rise);
  return status;
}
