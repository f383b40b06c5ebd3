/* Names as people say them, and what they mean; see report_parts.h.
 *
 * A name that is not listed is made readable by rule, so that a new metric needs nothing here. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "report_parts.h"

typedef struct Word {
  const char *name, *label, *meaning;
} Word;

static const Word words[] = {
    {"rmse", "RMSE",
     "Root mean squared error: the typical size of an error, in the unit of the target; large "
     "errors count more. Lower is better."},
    {"mae", "MAE",
     "Mean absolute error: the average size of an error, in the unit of the target. Lower is "
     "better."},
    {"r2", "R\xc2\xb2",
     "Share of the target's variance that the predictions explain: 1 is perfect, 0 no better than "
     "always saying the mean, below 0 worse than that."},
    {"bias", "Bias", "Mean of predicted minus true: above 0 the predictions are too high."},
    {"high_recall", "High recall",
     "Of the rows whose true value is above the threshold, the share that is predicted above it."},
    {"high_precision", "High precision",
     "Of the rows that are predicted above the threshold, the share whose true value is above it."},
    {"accuracy", "Accuracy", "Share of rows whose most probable class is the true one."},
    {"balanced_accuracy", "Balanced accuracy",
     "Mean of the recall of each class, so that rare classes count as much as frequent ones."},
    {"f1", "F1", "Harmonic mean of precision and recall."},
    {"f1_macro", "F1, macro", "F1 of each class, averaged with equal weight for each class."},
    {"f1_weighted", "F1, weighted", "F1 of each class, averaged by the number of its rows."},
    {"precision", "Precision", "Of the rows predicted to be of a class, the share that is."},
    {"precision_macro", "Precision, macro",
     "Precision of each class, averaged with equal weight for each class."},
    {"precision_weighted", "Precision, weighted",
     "Precision of each class, averaged by the number of its rows."},
    {"recall", "Recall", "Of the rows of a class, the share that is predicted to be."},
    {"recall_macro", "Recall, macro",
     "Recall of each class, averaged with equal weight for each class."},
    {"recall_weighted", "Recall, weighted",
     "Recall of each class, averaged by the number of its rows."},
    {"auc", "ROC AUC",
     "Probability that a row of the class gets a higher score than one that is not: 0.5 is chance, "
     "1 perfect. With several classes the mean over them."},
    {"average_precision", "Average precision",
     "Area under precision against recall; chance is the share of the class."},
    {"log_loss", "Log loss",
     "Mean of minus the logarithm of the probability given to the true class. Lower is better."},
    {"majority_share", "Majority share",
     "Share of the most frequent class: the accuracy of always naming it."},
    {"any_listed_accuracy", "Any-listed accuracy",
     "Share of rows whose most probable class is any of those listed for them."},
    {"silhouette", "Silhouette",
     "How much nearer a row is to its own cluster than to the next one, on average: 1 is well "
     "apart, "
     "0 on the border, below 0 in the wrong cluster."},
    {"davies_bouldin", "Davies-Bouldin",
     "How wide clusters are for the distance to the most similar one. Lower is better."},
    {"calinski_harabasz", "Calinski-Harabasz",
     "Variance between clusters over variance within, by degrees of freedom. Higher is better."},
    {"kl", "Divergence",
     "Kullback-Leibler divergence of the map's neighbourhoods from those of the features, in nats. "
     "Lower is better, but only maps of the same rows and perplexity can be compared."},
    {"neighbours_kept", "Neighbours kept",
     "Of each row's nearest rows, the share that is among its nearest on the map."},
    {"trustworthiness", "Trustworthiness",
     "Whether what is near on the map is near in the features: 1 when no stranger is among the "
     "nearest, less the further strangers stand."},
    {"continuity", "Continuity",
     "Whether what is near in the features is near on the map: 1 when no neighbour was lost."},
    {"n", "Rows", NULL},
    {"n_high", "High rows", NULL},
    {"n_predicted", "Predicted rows", NULL},
    {"oob", "Out of bag",
     "Each row predicted by the trees that did not see it, within the training rows."},
    {"folds", "Cross-validation",
     "Mean over folds: fitted on the others, measured on the one left out."},
    {"test", "Test", "Rows kept apart from everything that was learned."},
    {"train", "Training", "Rows that were learned from: says how well they are remembered."},
};
enum { WORDS = sizeof words / sizeof *words };

static const Word *find_word(const char *name) {
  for (const Word *word = words; word < words + WORDS; word++)
    if (strcmp(word->name, name) == 0) return word;
  return NULL;
}

/* k of top_K_accuracy; 0: another name. */
static int top_of(const char *name) {
  int k = 0, end = 0;
  bool fits = sscanf(name, "top_%9d_accuracy%n", &k, &end) == 1 && end > 0;
  return fits && name[end] == 0 ? k : 0;
}

const char *words_meaning(const char *name) {
  const Word *word = find_word(name);
  if (top_of(name) > 0) return "Share of rows whose true class is among the most probable ones.";
  return word ? word->meaning : NULL;
}

void words_write_label(Text *page, const char *name) {
  const Word *word = find_word(name);
  char plain[256];
  if (word) {
    text_add(page, word->label);
    return;
  }
  if (top_of(name) > 0) {
    text_format(page, "Top-%d accuracy", top_of(name));
    return;
  }
  snprintf(plain, sizeof plain, "%s", name);
  for (char *p = plain; *p; p++)
    if (*p == '_') *p = ' ';
  if (islower((unsigned char)plain[0])) plain[0] = (char)toupper((unsigned char)plain[0]);
  text_html(page, plain);
}

void words_write_term(Text *page, const char *name) {
  const char *meaning = words_meaning(name);
  if (!meaning) {
    words_write_label(page, name);
    return;
  }
  text_add(page, "<abbr title=\"");
  text_html(page, meaning);
  text_add(page, "\">");
  words_write_label(page, name);
  text_add(page, "</abbr>");
}

static const char CONSTANT[] = "_constant";

bool words_is_constant(const char *split) {
  size_t n = strlen(split), tail = sizeof CONSTANT - 1;
  return n > tail && strcmp(split + n - tail, CONSTANT) == 0;
}

bool words_is_constant_of(const char *split, const char *base) {
  size_t n = strlen(base);
  return strncmp(split, base, n) == 0 && strcmp(split + n, CONSTANT) == 0;
}

void words_write_split(Text *page, const char *split) {
  char base[128];
  if (!words_is_constant(split)) {
    words_write_term(page, split);
    return;
  }
  snprintf(base, sizeof base, "%.*s", (int)(strlen(split) + 1 - sizeof CONSTANT), split);
  text_add(page,
           "<abbr title=\"The same prediction for every row: what any model has to beat.\">"
           "Constant</abbr>");
  if (strcmp(base, "test") == 0) return;
  text_add(page, ", ");
  words_write_label(page, base);
}

/* ---- the glossary ---- */

static bool stage_uses(const Summary *summary, const char *name) {
  for (int64_t i = 0; i < summary->n_metrics; i++)
    if (strcmp(summary->metrics[i].name, name) == 0 || strcmp(summary->metrics[i].split, name) == 0)
      return true;
  for (int64_t t = 0; t < summary->n_tables; t++)
    for (int64_t j = 0; j < summary->tables[t].n_columns; j++)
      if (strcmp(summary->tables[t].columns[j], name) == 0) return true;
  return false;
}

static bool is_used(const ReportInput *input, const char *name) {
  for (int64_t i = 0; i < input->n_stages; i++)
    if (input->stages[i].summary && stage_uses(input->stages[i].summary, name)) return true;
  return false;
}

void words_write_glossary(Text *page, const ReportInput *input) {
  bool any = false;
  for (const Word *word = words; word < words + WORDS; word++) {
    if (!word->meaning || !is_used(input, word->name)) continue;
    if (!any)
      text_add(page,
               "<section id=\"terms\"><h2>Terms</h2><details class=\"box\"><summary>What the "
               "numbers mean</summary><dl>");
    any = true;
    text_format(page, "<dt>%s</dt><dd>", word->label);
    text_html(page, word->meaning);
    text_add(page, "</dd>\n");
  }
  if (any)
    text_add(page,
             "</dl><p>Intervals come from drawing the measured rows again and again, rows of one "
             "group together: an interval says where the number would lie on other rows like "
             "these.</p></details></section>\n");
}
