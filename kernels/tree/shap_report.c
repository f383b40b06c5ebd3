/* Means of magnitudes of SHAP values; see shap_report.h. */
#include "shap_report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"

enum {
  ROUND = 64, /* rows that a rank explains between two looks at the time */
  BARS = 30,  /* features drawn in the report */
};

typedef struct Explainer {
  const ShapTrees *trees;
  const ShapRows *rows;
  Shap *shap;
  int32_t *class;  /* ROUND: the greatest output */
  int32_t *leaf;   /* ROUND */
  int64_t *output; /* ROUND x outputs: sums */
  int64_t *values; /* ROUND x (d + 1) */
  int64_t *sums;   /* d: magnitudes of what features add */
} Explainer;

static Status explainer_init(Explainer *x) {
  Status status = OK;
  int64_t d = x->trees->ensemble->bins.d;
  TRY(shap_new(x->trees, &x->shap));
  TRY(NEW(&x->class, ROUND));
  TRY(NEW(&x->leaf, ROUND));
  TRY(NEW(&x->output, ROUND * x->trees->outputs));
  TRY(NEW(&x->values, ROUND * (d + 1)));
  TRY(NEW(&x->sums, d));
done:
  return status;
}

static void explainer_clear(Explainer *x) {
  shap_free(&x->shap);
  memory_free(&x->class);
  memory_free(&x->leaf);
  memory_free(&x->output);
  memory_free(&x->values);
  memory_free(&x->sums);
}

static double output_of(const ShapTrees *trees, const int64_t *sums, int64_t k) {
  return (trees->base ? trees->base[k] : 0) + trees->unit * (double)sums[k];
}

/* The greatest output of n rows. */
static void find_greatest(const Explainer *x, const uint8_t *codes, int64_t n) {
  const ShapTrees *trees = x->trees;
  int64_t outputs = trees->outputs;
  memset(x->output, 0, (size_t)(n * outputs) * sizeof *x->output);
  for (int64_t tree = 0; tree < trees->ensemble->n_trees; tree++) {
    ensemble_leaves(trees->ensemble, tree, codes, NULL, n, x->leaf);
    for (int64_t i = 0; i < n; i++) {
      int64_t *sums = x->output + i * outputs;
      if (trees->shares) {
        ensemble_add_shares(trees->ensemble, tree, x->leaf[i], sums);
      } else {
        sums[tree % outputs] += x->leaf[i];
      }
    }
  }
  for (int64_t i = 0; i < n; i++) {
    const int64_t *sums = x->output + i * outputs;
    x->class[i] = 0;
    for (int32_t c = 1; c < outputs; c++) {
      if (output_of(trees, sums, c) > output_of(trees, sums, x->class[i])) x->class[i] = c;
    }
  }
}

static void explain_round(Explainer *x, int64_t round) {
  int64_t d = x->trees->ensemble->bins.d, first = round * ROUND;
  int64_t n = x->rows->n - first < ROUND ? x->rows->n - first : ROUND;
  bool several = x->trees->outputs > 1;
  if (n <= 0) return;
  const uint8_t *codes = x->rows->codes + first * bins_stride(d);
  if (several) find_greatest(x, codes, n);
  shap_explain(x->shap, codes, several ? x->class : NULL, n, x->values);
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
  int64_t d = x->trees->ensemble->bins.d, bars = d < BARS ? d : BARS, table = -1;
  TRY(summary_table(summary, "shap", x->rows->title, 2, columns, &table));
  for (int64_t i = 0; i < d; i++) {
    Cell cells[] = {cell_text(names[i]), cell_real(mean[i])};
    mean[i] = (double)x->sums[order[i]] * x->trees->unit / (double)x->rows->n_global;
    cells[1] = cell_real(mean[i]);
    TRY(summary_row(summary, table, cells));
  }
  char label[80], name[] = "shap";
  snprintf(label, sizeof label, "mean |SHAP| over %lld training rows",
           (long long)x->rows->n_global);
  Series series = {.name = name,
                   .title = (char *)(uintptr_t)x->rows->title,
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
  int64_t d = x->trees->ensemble->bins.d;
  int32_t *order = NULL;
  char **names = NULL, **given = x->rows->names;
  double *mean = NULL;
  if (!summary->active) return OK;
  TRY(NEW(&order, d));
  TRY(NEW(&names, d));
  TRY(NEW(&mean, d));
  order_features(x->sums, d, order);
  for (int64_t i = 0; i < d; i++) {
    char number[40];
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

Status shap_report_all(const Comm *comm, const ShapTrees *trees, const ShapRows *rows,
                       WorkSink *sink, Summary *summary) {
  Status status = OK;
  Explainer x = {.trees = trees, .rows = rows};
  int64_t rounds = (rows->n + ROUND - 1) / ROUND;
  AGREE(comm, explainer_init(&x));
  comm_max_all(comm, &rounds, 1);
  for (int64_t round = 0; round < rounds; round++) {
    explain_round(&x, round);
    if (comm_any_all(comm, work_stopping(sink))) {
      status = status_fail(STOPPED, "stopped on request while explaining rows; run again to go on");
      goto done;
    }
  }
  comm_sum_all(comm, x.sums, trees->ensemble->bins.d);
  AGREE(comm, report(&x, summary));
done:
  explainer_clear(&x);
  return status;
}
