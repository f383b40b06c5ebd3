/* Metrics against scikit-learn: the fixture tests/oracle/metrics.csv, made by make_metrics.py.
 *
 * Tolerances: 1e-12 absolute for all values (sums in another order; values are of order 1 to 100);
 * 1e-13 for counts and shares of counts. Intervals: the fixture's bootstrap draws a fixed number
 * of groups 4,000 times, ours Poisson numbers 2,000 times, so ends differ by chance; 12 % of the
 * interval's width is allowed. */
#include "tests/measure/parts.h"

enum { MOST_ROWS = 512, MOST_CLASSES = 64, MOST_LINES = 512, REPLICATES = 2000 };

typedef struct Expected {
  char name[48];
  double value, high; /* high: of an interval, whose low end is value */
} Expected;

typedef struct ByLabel {
  int label;
  double n, rmse, mae, r2, recall;
} ByLabel;

typedef struct Case {
  char name[48], kind[48];
  int64_t n, n_classes, top_k, n_read;
  Expected expected[MOST_LINES], interval[16];
  ByLabel by[16];
  int64_t n_expected, n_intervals, n_by;
  double truth[MOST_ROWS], prediction[MOST_ROWS * MOST_CLASSES];
  int64_t group[MOST_ROWS], offset[MOST_ROWS + 1];
  int32_t label[MOST_ROWS * 8];
} Case;

/* The next cell of a line of commas. */
static char *next_cell(char **line) {
  char *cell = *line, *comma = strchr(cell, ',');
  if (comma) *comma = 0;
  *line = comma ? comma + 1 : cell + strlen(cell);
  return cell;
}

static double next_real(char **line) { return strtod(next_cell(line), NULL); }

static void read_row(Case *c, char *line) {
  int64_t i = c->n_read++, width = c->n_classes > 0 ? c->n_classes : 1;
  c->group[i] = strtoll(next_cell(&line), NULL, 10);
  c->truth[i] = next_real(&line);
  char *labels = next_cell(&line);
  c->offset[i + 1] = c->offset[i];
  while (*labels) {
    c->label[c->offset[i + 1]++] = (int32_t)strtol(labels, &labels, 10);
    if (*labels == ';') labels++;
  }
  for (int64_t j = 0; j < width; j++) c->prediction[i * width + j] = next_real(&line);
}

static void read_expected(Expected *expected, char *line, bool interval) {
  snprintf(expected->name, sizeof expected->name, "%s", next_cell(&line));
  expected->value = next_real(&line);
  if (interval) expected->high = next_real(&line);
}

static void read_line(Case *c, char *line) {
  char *what = next_cell(&line);
  if (strcmp(what, "row") == 0) read_row(c, line);
  if (strcmp(what, "expect") == 0) read_expected(&c->expected[c->n_expected++], line, false);
  if (strcmp(what, "interval") == 0) read_expected(&c->interval[c->n_intervals++], line, true);
  if (strcmp(what, "by") == 0) {
    ByLabel *by = &c->by[c->n_by++];
    by->label = (int)next_real(&line);
    by->n = next_real(&line);
    by->rmse = next_real(&line);
    by->mae = next_real(&line);
    by->r2 = next_real(&line);
    by->recall = next_real(&line);
  }
}

/* The next case of the file; false at its end. *line holds the case's first line. */
static bool read_case(FILE *file, char *line, int size, Case *c) {
  memset(c, 0, sizeof *c);
  if (strncmp(line, "case,", 5) != 0) return false;
  char *at = line + 5;
  snprintf(c->name, sizeof c->name, "%s", next_cell(&at));
  snprintf(c->kind, sizeof c->kind, "%s", next_cell(&at));
  c->n = (int64_t)next_real(&at);
  c->n_classes = (int64_t)next_real(&at);
  c->top_k = (int64_t)next_real(&at);
  line[0] = 0;
  while (fgets(line, size, file) && strncmp(line, "case,", 5) != 0) {
    line[strcspn(line, "\r\n")] = 0;
    read_line(c, line);
    line[0] = 0;
  }
  CHECK_INTEGER(c->n_read, c->n);
  return true;
}

static void check_interval(const Case *c, const char *name, double low, double high) {
  for (int64_t e = 0; e < c->n_intervals; e++) {
    const Expected *want = &c->interval[e];
    if (strcmp(want->name, name) != 0) continue;
    double tolerance = 0.12 * (want->high - want->value);
    CHECK_REAL(low, want->value, tolerance);
    CHECK_REAL(high, want->high, tolerance);
  }
}

/* Every metric in the summary that the fixture knows; how many those are. */
static int64_t check_metrics(const Case *c, const Summary *summary, double tolerance) {
  int64_t found = 0;
  char top[48];
  snprintf(top, sizeof top, "top_%d_accuracy", (int)c->top_k);
  for (int64_t m = 0; m < summary->n_metrics; m++) {
    const Metric *metric = &summary->metrics[m];
    const char *name = strcmp(metric->name, top) == 0 ? "top_k_accuracy" : metric->name;
    int64_t before = found;
    for (int64_t e = 0; e < c->n_expected; e++) {
      if (strcmp(c->expected[e].name, name) != 0) continue;
      CHECK_REAL(metric->value, c->expected[e].value, tolerance);
      found++;
    }
    if (found == before) fprintf(stderr, "%s: %s is not in the fixture\n", c->name, metric->name);
    check_interval(c, name, metric->low, metric->high);
  }
  return found;
}

static void check_labels(const Case *c, const Summary *summary) {
  for (int64_t b = 0; b < c->n_by; b++) {
    const ByLabel *by = &c->by[b];
    char label[16];
    snprintf(label, sizeof label, by->label < 0 ? "(missing)" : "c%03d", by->label);
    const char *columns[] = {"n", "rmse", "mae", "r2", "high_recall"};
    double want[] = {by->n, by->rmse, by->mae, by->r2, by->recall};
    for (int k = 0; k < 5; k++) {
      const Cell *cell = cell_find(summary, "error_by_genre", label, columns[k]);
      CHECK(cell != NULL);
      if (cell)
        CHECK_REAL(cell->type == CELL_INTEGER ? (double)cell->integer : cell->real, want[k], 1e-12);
    }
  }
}

static void run_regression(const Comm *comm, const Case *c, const MeasureOptions *options) {
  Share share = share_of(comm, c->n);
  Column *by = list_make(c->offset, c->label, share.begin, share.n, 9);
  RegressionRows rows = {.n = share.n,
                         .truth = c->truth + share.begin,
                         .prediction = c->prediction + share.begin,
                         .group = c->group + share.begin,
                         .by = by};
  Summary summary;
  summary_init(&summary, comm->rank == 0);
  CHECK_OK(measure_regression_all(comm, &rows, options, "test", &summary, NULL));
  if (comm->rank == 0) {
    CHECK_INTEGER(check_metrics(c, &summary, 1e-12), c->n_expected);
    CHECK_INTEGER(c->n_by, 10);
    check_labels(c, &summary);
  }
  summary_clear(&summary);
  column_release(&by);
}

/* Expectations named METRIC.class against the scores. */
static int64_t check_classes(const Case *c, const ClassificationScores *scores) {
  int64_t found = 0;
  for (int64_t e = 0; e < c->n_expected; e++) {
    const Expected *want = &c->expected[e];
    const char *dot = strchr(want->name, '.');
    if (!dot) continue;
    const ClassScore *score = &scores->classes[strtol(dot + 1, NULL, 10)];
    const char *names[] = {"n.", "precision.", "recall.", "f1.", "auc.", "average_precision."};
    double values[] = {(double)score->n, score->precision, score->recall,
                       score->f1,        score->auc,       score->average_precision};
    for (int k = 0; k < 6; k++) {
      if (strncmp(want->name, names[k], strlen(names[k])) != 0) continue;
      CHECK_REAL(values[k], want->value, 1e-13);
      found++;
    }
  }
  return found;
}

static void run_classification(const Comm *comm, const Case *c, const MeasureOptions *options) {
  Share share = share_of(comm, c->n);
  int32_t n_words = (int32_t)c->n_classes, *listed_class = NULL;
  Column *listed = list_make(c->offset, c->label, share.begin, share.n, n_words);
  Dictionary classes = {0};
  words_make(&classes, n_words);
  CHECK_OK(measure_listed_classes(&classes, &listed->dictionary, &listed_class));
  ClassificationRows rows = {.n = share.n,
                             .n_classes = c->n_classes,
                             .truth = c->truth + share.begin,
                             .probability = c->prediction + share.begin * c->n_classes,
                             .group = c->group + share.begin,
                             .listed = listed,
                             .listed_class = listed_class};
  Summary summary;
  ClassificationScores scores;
  summary_init(&summary, comm->rank == 0);
  CHECK_OK(measure_classification_all(comm, &rows, &classes, options, "test", &summary, &scores));
  int64_t of_classes = check_classes(c, &scores);
  CHECK(of_classes >= 4 * c->n_classes);
  /* precision_weighted and recall_weighted are no metrics of the summary. */
  if (comm->rank == 0)
    CHECK_INTEGER(check_metrics(c, &summary, 1e-12), c->n_expected - of_classes - 2);
  for (int64_t e = 0; e < c->n_expected; e++) {
    if (strcmp(c->expected[e].name, "precision_weighted") == 0)
      CHECK_REAL(scores.precision_weighted, c->expected[e].value, 1e-13);
    if (strcmp(c->expected[e].name, "recall_weighted") == 0)
      CHECK_REAL(scores.recall_weighted, c->expected[e].value, 1e-13);
  }
  classification_scores_clear(&scores);
  summary_clear(&summary);
  memory_free(&listed_class);
  dictionary_clear(&classes);
  column_release(&listed);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm comm = comm_world();
  const char *source = getenv("SEGUE_SOURCE");
  char path[1024], line[4096] = "";
  static Case c;
  int cases = 0;
  snprintf(path, sizeof path, "%s/tests/oracle/metrics.csv", source ? source : ".");
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  if (file && fgets(line, sizeof line, file)) {
    line[strcspn(line, "\r\n")] = 0;
    for (; read_case(file, line, sizeof line, &c); cases++) {
      MeasureOptions options = measure_options_default(5);
      options.replicates = REPLICATES;
      if (c.top_k > 0) options.top_k = c.top_k;
      if (strcmp(c.kind, "regression") == 0)
        run_regression(&comm, &c, &options);
      else
        run_classification(&comm, &c, &options);
    }
  }
  if (file) fclose(file);
  CHECK_INTEGER(cases, 5);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("measure/oracle");
  MPI_Finalize();
  return failed;
}
