/* Which features move the forest's predictions, over an addressed sample of its training rows.
 *
 * Binned rows stand on every node, so the sampled rows are dealt out one by one and ranks have
 * equal work wherever the rows came from. Sums are whole numbers. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forest_fit.h"
#include "kernels/base/memory.h"
#include "shap.h"

enum {
  ROUND = 64, /* rows that a rank explains between two looks at the time */
  BARS = 30,  /* features drawn in the report */
};

typedef struct Explainer {
  const ForestFit *fit;
  Shap *shap;
  int64_t rows;     /* in the sample */
  Stream chosen;    /* which rows */
  uint8_t *codes;   /* ROUND rows */
  int32_t *class;   /* ROUND: likeliest, with more than two classes */
  int64_t *classes; /* sums of a row by class */
  int64_t *values;  /* ROUND x (d + 1) */
  int64_t *sums;    /* d: magnitudes of what features add */
} Explainer;

static Status explainer_init(Explainer *x) {
  Status status = OK;
  const Forest *forest = x->fit->forest;
  int64_t d = forest->ensemble.bins.d;
  TRY(shap_new(forest, x->fit->cover, &x->shap));
  TRY(NEW(&x->codes, ROUND * bins_stride(d)));
  TRY(NEW(&x->class, ROUND));
  TRY(NEW(&x->classes, forest_width(forest)));
  TRY(NEW(&x->values, ROUND * (d + 1)));
  TRY(NEW(&x->sums, d));
done:
  return status;
}

static void explainer_clear(Explainer *x) {
  shap_free(&x->shap);
  memory_free(&x->codes);
  memory_free(&x->class);
  memory_free(&x->classes);
  memory_free(&x->values);
  memory_free(&x->sums);
}

/* The likeliest class of a row, ties to the lower. */
static int32_t likeliest(const Explainer *x, const uint8_t *codes) {
  const Forest *forest = x->fit->forest;
  int64_t width = forest_width(forest);
  int32_t best = 0;
  memset(x->classes, 0, (size_t)width * sizeof *x->classes);
  for (int64_t tree = 0; tree < forest->ensemble.n_trees; tree++) {
    int32_t value;
    ensemble_leaves(&forest->ensemble, tree, codes, NULL, 1, &value);
    forest_add(forest, tree, value, x->classes);
  }
  for (int32_t c = 1; c < width; c++) {
    if (x->classes[c] > x->classes[best]) best = c;
  }
  return best;
}

/* Explain this rank's rows of one round. */
static void explain_round(Explainer *x, int64_t round) {
  const Comm *comm = x->fit->comm;
  const GrowRows *rows = &x->fit->samples.rows;
  int64_t d = rows->bins->d, stride = bins_stride(d), n = 0;
  bool classes = forest_width(x->fit->forest) > 1;
  for (int64_t k = 0; k < ROUND; k++) {
    int64_t number = (round * ROUND + k) * comm->size + comm->rank;
    if (number >= x->rows) break;
    uint8_t *codes = x->codes + n * stride;
    int64_t row = random_permuted(&x->chosen, number, rows->n);
    memcpy(codes, rows->codes + row * stride, (size_t)stride);
    if (classes) x->class[n] = likeliest(x, codes);
    n++;
  }
  shap_explain(x->shap, x->codes, classes ? x->class : NULL, n, x->values);
  for (int64_t i = 0; i < n; i++) {
    for (int64_t j = 0; j < d; j++) x->sums[j] += llabs(x->values[i * (d + 1) + j]);
  }
}

/* Features by falling sums, ties in their order. */
static void order_features(const int64_t *sums, int64_t d, int32_t *order) {
  for (int32_t j = 0; j < d; j++) {
    int32_t at = j;
    for (; at > 0 && sums[order[at - 1]] < sums[j]; at--) order[at] = order[at - 1];
    order[at] = j;
  }
}

static Status write_table(const Explainer *x, const int32_t *order, char **names, double *mean,
                          Summary *summary) {
  Status status = OK;
  static const char *const columns[] = {"feature", "mean |SHAP|"};
  static const char *const titles[] = {"What features add to predictions (SHAP)",
                                       "What features add to the probability of the second class "
                                       "(SHAP)",
                                       "What features add to the probability of the likeliest "
                                       "class (SHAP)"};
  const ForestFit *fit = x->fit;
  bool wide = forest_width(fit->forest) > 1;
  const char *title = titles[wide ? 2 : fit->data->task == TASK_CLASSIFICATION];
  int64_t d = fit->samples.rows.bins->d, bars = d < BARS ? d : BARS, table = -1;
  TRY(summary_table(summary, "shap", title, 2, columns, &table));
  for (int64_t i = 0; i < d; i++) {
    Cell cells[] = {cell_text(names[i]), cell_real(mean[i])};
    mean[i] = (double)x->sums[order[i]] * shap_unit(fit->forest) / (double)x->rows;
    cells[1] = cell_real(mean[i]);
    TRY(summary_row(summary, table, cells));
  }
  char label[80], name[] = "shap";
  snprintf(label, sizeof label, "mean |SHAP| over %lld training rows", (long long)x->rows);
  Series series = {.name = name,
                   .title = (char *)(uintptr_t)title,
                   .y_label = label,
                   .kind = SERIES_BARS,
                   .n_x = bars,
                   .n_y = bars,
                   .y = mean,
                   .x_names = names};
  TRY(summary_series(summary, &series));
done:
  return status;
}

static Status report(const Explainer *x, Summary *summary) {
  Status status = OK;
  int64_t d = x->fit->samples.rows.bins->d;
  int32_t *order = NULL;
  char **names = NULL;
  double *mean = NULL;
  if (!summary->active) return OK;
  TRY(NEW(&order, d));
  TRY(NEW(&names, d));
  TRY(NEW(&mean, d));
  order_features(x->sums, d, order);
  for (int64_t i = 0; i < d; i++) {
    char number[40], **given = x->fit->data->x->names;
    snprintf(number, sizeof number, "feature %d", (int)order[i]);
    TRY(memory_text(&names[i], given && given[order[i]] ? given[order[i]] : number));
  }
  TRY(write_table(x, order, names, mean, summary));
done:
  for (int64_t i = 0; names && i < d; i++) memory_free(&names[i]);
  memory_free(&order);
  memory_free(&names);
  memory_free(&mean);
  return status;
}

Status forest_shap_all(const ForestFit *fit, Summary *summary) {
  Status status = OK;
  const Comm *comm = fit->comm;
  int64_t asked = fit->options->shap_rows, n = fit->samples.rows.n;
  Explainer x = {.fit = fit, .rows = asked < n ? asked : n};
  x.chosen = random_stream(fit->data->seed, "forest/shap", 0);
  AGREE(comm, explainer_init(&x));
  for (int64_t round = 0; round * ROUND * comm->size < x.rows; round++) {
    explain_round(&x, round);
    if (comm_any_all(comm, work_stopping(fit->sink))) {
      status = status_fail(STOPPED,
                           "stopped on request while explaining rows; the trees are "
                           "saved, run again to go on");
      goto done;
    }
  }
  comm_sum_all(comm, x.sums, fit->samples.rows.bins->d);
  AGREE(comm, report(&x, summary));
done:
  explainer_clear(&x);
  return status;
}
