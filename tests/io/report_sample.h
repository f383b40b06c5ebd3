/* A made-up run for the tests of the report: summaries as the real stages write them, one of every
 * kind of series, and names that try to break out of JSON and HTML. No random numbers: the sample
 * is the same everywhere. */
#ifndef SEGUE_TESTS_IO_REPORT_SAMPLE_H
#define SEGUE_TESTS_IO_REPORT_SAMPLE_H

#include "io/report.h"
#include "kernels/base/memory.h"
#include "tests/check.h"

enum { SAMPLE_STAGES = 8 };

#define SAMPLE_HOSTILE "<script>alert('x')</script> \"quoted\" & \\ \xc3\xa9\xe2\x99\xab \xff\x01"

typedef struct Sample {
  Summary summaries[SAMPLE_STAGES];
  ReportStage stages[SAMPLE_STAGES];
  ReportInput input;
} Sample;

static char *sample_text(const char *text) { return (char *)(uintptr_t)text; }

static void sample_read(Summary *s) {
  int64_t table = -1;
  const char *const columns[] = {"column", "type", "missing", "share missing"};
  CHECK_OK(summary_metric(s, "rows", "read", 114000, true, false));
  CHECK_OK(summary_metric(s, "rows", "skipped", 0, false, false));
  CHECK_OK(summary_table(s, "columns", "Columns read", 4, columns, &table));
  const Cell cells[] = {cell_text("track_name"), cell_text("text"), cell_integer(1),
                        cell_real(1 / 114000.0)};
  CHECK_OK(summary_row(s, table, cells));
  CHECK_OK(summary_note(s, NOTE_WARNING, "3 rows were skipped; the first: %s", SAMPLE_HOSTILE));
}

static void sample_model(Summary *s, double rmse, double r2, double recall) {
  CHECK_OK(summary_metric_interval(s, "test", "rmse", rmse, rmse - 0.2, rmse + 0.2, false, true));
  CHECK_OK(summary_metric_interval(s, "test", "mae", 0.7 * rmse, 0.69 * rmse, 0.71 * rmse, false,
                                   false));
  CHECK_OK(summary_metric_interval(s, "test", "r2", r2, r2 - 0.012, r2 + 0.011, true, true));
  CHECK_OK(summary_metric(s, "test", "high_recall", recall, true, true));
  CHECK_OK(summary_metric_interval(s, "test_constant", "rmse", 20.61, 20.4, 20.8, false, true));
  CHECK_OK(summary_metric(s, "test_constant", "r2", -0.00004, true, true));
  CHECK_OK(summary_metric(s, "test_constant", "high_recall", NAN, true, true));
  CHECK_OK(summary_metric(s, "folds", "rmse", rmse + 0.3, false, true));
  CHECK_OK(summary_metric(s, "folds", "rmse_sd", 0.21, false, false));
  CHECK_OK(summary_metric(s, "folds", "r2", r2 - 0.01, true, true));
  CHECK_OK(summary_metric(s, "folds", "r2_sd", 0.006, false, false));
}

/* A cloud along the diagonal, counts over four powers of ten. */
static void sample_map(Summary *s) {
  enum { N = 40 };
  double edges[N + 1], z[N * N];
  for (int i = 0; i <= N; i++) edges[i] = 2.5 * i;
  for (int y = 0; y < N; y++)
    for (int x = 0; x < N; x++)
      z[y * N + x] = floor(4000 * exp(-0.03 * (x - y) * (x - y) - 0.08 * x));
  Series series = {.name = sample_text("predicted_against_true"),
                   .title = sample_text("Predicted against true (test)"),
                   .x_label = sample_text("true value"),
                   .y_label = sample_text("predicted value"),
                   .kind = SERIES_HEATMAP,
                   .n_x = N,
                   .n_y = N,
                   .x = edges,
                   .y = edges,
                   .z = z};
  CHECK_OK(summary_series(s, &series));
}

static void sample_residuals(Summary *s) {
  enum { N = 60 };
  double edges[N + 1], counts[N];
  for (int i = 0; i <= N; i++) edges[i] = 2 * i - 60;
  for (int i = 0; i < N; i++) counts[i] = floor(5200 * exp(-0.012 * (i - 29) * (i - 29)));
  Series series = {.name = sample_text("residuals"),
                   .title = sample_text("Residuals (test)"),
                   .x_label = sample_text("predicted - true"),
                   .y_label = sample_text("rows"),
                   .kind = SERIES_HISTOGRAM,
                   .n_x = N,
                   .n_y = N,
                   .x = edges,
                   .y = counts};
  CHECK_OK(summary_series(s, &series));
}

/* 114 genres, as bars and as a table. */
static void sample_genres(Summary *s) {
  enum { N = 114 };
  const char *const columns[] = {"track_genre", "n", "rmse", "mae", "r2", "high_recall"};
  char names[N][32], *pointers[N];
  double heights[N];
  int64_t table = -1;
  CHECK_OK(
      summary_table(s, "error_by_track_genre", "Error by track_genre (test)", 6, columns, &table));
  for (int i = 0; i < N; i++) {
    snprintf(names[i], sizeof names[i], "genre-%c%d", 'a' + i % 26, i);
    pointers[i] = i == 3 ? sample_text(SAMPLE_HOSTILE) : names[i];
    heights[i] = i == 7 ? NAN : 25 - 0.13 * i;
    const Cell cells[] = {cell_text(pointers[i]),     cell_integer(1000 - 7 * i),
                          cell_real(heights[i]),      cell_real(0.8 * heights[i]),
                          cell_real(0.4 - 0.006 * i), cell_real(i % 5 ? 0.01 * i : NAN)};
    CHECK_OK(summary_row(s, table, cells));
  }
  Series series = {.name = sample_text("error_by_track_genre"),
                   .title = sample_text("Error by track_genre (test)"),
                   .y_label = sample_text("RMSE"),
                   .kind = SERIES_BARS,
                   .n_x = N,
                   .n_y = N,
                   .y = heights,
                   .x_names = pointers};
  CHECK_OK(summary_series(s, &series));
}

static void sample_importance(Summary *s) {
  const char *const names[] = {"artists_target", "track_genre_target", "duration_ms", "tempo",
                               "acoustic_electronic_spectrum"};
  const char *const columns[] = {"feature", "impurity"};
  double shares[] = {0.41, 0.23, 0.06, 0.031, -0.002};
  int64_t table = -1;
  CHECK_OK(summary_table(s, "importance", "Importance of the features", 2, columns, &table));
  for (int i = 0; i < 5; i++) {
    const Cell cells[] = {cell_text(names[i]), cell_real(shares[i])};
    CHECK_OK(summary_row(s, table, cells));
  }
  Series series = {.name = sample_text("importance"),
                   .title = sample_text("Importance of the features"),
                   .y_label = sample_text("share of the impurity taken away"),
                   .kind = SERIES_BARS,
                   .n_x = 5,
                   .n_y = 5,
                   .y = shares,
                   .x_names = (char **)(uintptr_t)names};
  CHECK_OK(summary_series(s, &series));
}

static void sample_confusion(Summary *s, int64_t k) {
  enum { MOST = 30 };
  char names[MOST][32], *pointers[MOST];
  double z[MOST * MOST];
  for (int64_t i = 0; i < k; i++) {
    snprintf(names[i], sizeof names[i], "class %c%s", (char)('a' + i),
             i == 2 ? " <b>long</b>" : "");
    pointers[i] = names[i];
    for (int64_t j = 0; j < k; j++)
      z[i * k + j] = i == j ? 900.0 - 20.0 * (double)i : (double)((i * 7 + j * 13) % 60);
  }
  Series series = {.name = sample_text("confusion"),
                   .title = sample_text("Confusion matrix (test)"),
                   .x_label = sample_text("predicted class"),
                   .y_label = sample_text("true class"),
                   .kind = SERIES_HEATMAP,
                   .n_x = k,
                   .n_y = k,
                   .z = z,
                   .x_names = pointers,
                   .y_names = pointers};
  CHECK_OK(summary_series(s, &series));
}

static void sample_classes(Summary *s, int64_t k, double accuracy) {
  CHECK_OK(summary_metric_interval(s, "test", "accuracy", accuracy, accuracy - 0.004,
                                   accuracy + 0.005, true, true));
  CHECK_OK(summary_metric(s, "test", "auc", 0.93, true, true));
  CHECK_OK(summary_metric(s, "test", "log_loss", 2.8312, false, false));
  CHECK_OK(summary_metric(s, "test", "top_3_accuracy", accuracy + 0.1, true, false));
  CHECK_OK(summary_metric(s, "test_constant", "accuracy", 1.0 / (double)k, true, true));
  CHECK_OK(summary_metric(s, "test_constant", "auc", 0.5, true, true));
  sample_confusion(s, k);
}

static void sample_curves(Summary *s) {
  enum { N = 50, POINTS = 5000 };
  double x[N], y[N], *u = NULL, *v = NULL;
  for (int i = 0; i < N; i++) {
    x[i] = i;
    y[i] = i == 20 ? NAN : 3 * exp(-0.08 * i) + 0.4;
  }
  Series line = {.name = sample_text("loss"),
                 .title = sample_text("Loss by epoch"),
                 .x_label = sample_text("epoch"),
                 .y_label = sample_text("loss"),
                 .kind = SERIES_LINE,
                 .n_x = N,
                 .n_y = N,
                 .x = x,
                 .y = y};
  CHECK_OK(summary_series(s, &line));
  CHECK_OK(NEW(&u, POINTS));
  CHECK_OK(NEW(&v, POINTS));
  for (int i = 0; i < POINTS; i++) {
    u[i] = 200000 * sin(0.7 * i) * sin(0.01 * i);
    v[i] = 1e-4 * cos(0.9 * i) * sin(0.013 * i);
  }
  Series cloud = {.name = sample_text("map"),
                  .title = sample_text("A map of tracks"),
                  .x_label = sample_text("first component"),
                  .y_label = sample_text("second component"),
                  .kind = SERIES_SCATTER,
                  .n_x = POINTS,
                  .n_y = POINTS,
                  .x = u,
                  .y = v};
  CHECK_OK(summary_series(s, &cloud));
  memory_free(&u);
  memory_free(&v);
}

/* A dendrogram of five names in two families. */
static void sample_tree(Summary *s) {
  char *names[] = {sample_text("techno"), sample_text("house"), sample_text("<i>rock</i>"),
                   sample_text("a name that is longer than its place"), sample_text("jazz")};
  double heights[] = {1, 7.5, 2, 2, 0}, families[] = {0, 0, 1, 1, 1};
  Series tree = {.name = sample_text("tree"),
                 .title = sample_text("A tree of names"),
                 .y_label = sample_text("height"),
                 .kind = SERIES_TREE,
                 .n_x = 5,
                 .n_y = 5,
                 .x = families,
                 .y = heights,
                 .x_names = names};
  CHECK_OK(summary_series(s, &tree));
}

/* Series without values, of one value, of values that are none; a table without rows. */
static void sample_odd(Summary *s) {
  const char *const columns[] = {SAMPLE_HOSTILE, ""};
  int64_t table = -1;
  double one[] = {5}, none[] = {NAN, INFINITY, -INFINITY}, edges[] = {2, 2};
  for (SeriesKind kind = SERIES_LINE; kind <= SERIES_MAP; kind++) {
    double *x = kind == SERIES_HISTOGRAM ? edges : kind == SERIES_HEATMAP ? NULL : one;
    double *y = kind == SERIES_HEATMAP ? NULL : one;
    Series series = {.name = sample_text("odd"),
                     .title = sample_text(""),
                     .kind = kind,
                     .x_label = sample_text("x"),
                     .y_label = sample_text("y")};
    CHECK_OK(summary_series(s, &series));
    series = (Series){.name = sample_text("one"),
                      .title = sample_text(SAMPLE_HOSTILE),
                      .kind = kind,
                      .n_x = 1,
                      .n_y = 1,
                      .x = x,
                      .y = y,
                      .z = one};
    CHECK_OK(summary_series(s, &series));
    if (kind == SERIES_HISTOGRAM || kind == SERIES_HEATMAP) continue;
    series = (Series){.name = sample_text("none"),
                      .title = sample_text("none"),
                      .kind = kind,
                      .n_x = 3,
                      .n_y = 3,
                      .x = none,
                      .y = none};
    CHECK_OK(summary_series(s, &series));
  }
  CHECK_OK(summary_table(s, "empty", "", 2, columns, &table));
  CHECK_OK(summary_metric(s, "all", SAMPLE_HOSTILE, INFINITY, true, true));
  CHECK_OK(summary_metric(s, "all", "tiny", 1.5e-12, true, true));
  CHECK_OK(summary_metric(s, "all", "huge", -3.2e18, true, true));
}

static void sample_init(Sample *sample) {
  static const char *const names[SAMPLE_STAGES] = {"tracks", "clean", "forest", "boosting",
                                                   "genre",  "mood",  "curves", "odd <b>"};
  static const char *const kinds[SAMPLE_STAGES] = {"read_csv", "clean", "train", "train",
                                                   "train",    "train", "embed", "other"};
  *sample = (Sample){0};
  for (int i = 0; i < SAMPLE_STAGES; i++) {
    summary_init(&sample->summaries[i], true);
    sample->stages[i] = (ReportStage){.name = names[i],
                                      .kind = kinds[i],
                                      .summary = &sample->summaries[i],
                                      .seconds = 0.02 + 37.5 * i * i,
                                      .busy_seconds = 3.6 * 37.5 * i * i,
                                      .peak_bytes = 90000000 + 40000000 * (int64_t)i,
                                      .reused = i == 1};
  }
  sample_read(&sample->summaries[0]);
  sample_model(&sample->summaries[2], 16.12, 0.395, 0.031);
  sample_map(&sample->summaries[2]);
  sample_residuals(&sample->summaries[2]);
  sample_genres(&sample->summaries[2]);
  sample_importance(&sample->summaries[2]);
  sample_model(&sample->summaries[3], 15.87, 0.414, 0.052);
  sample_classes(&sample->summaries[4], 26, 0.412);
  sample_classes(&sample->summaries[5], 5, 0.731);
  sample_curves(&sample->summaries[6]);
  sample_tree(&sample->summaries[6]);
  sample_odd(&sample->summaries[7]);
  sample->input = (ReportInput){.run_name = "sample",
                                .title = "A sample <i>run</i>",
                                .config_json = "{\"name\": \"sample\", \"note\": \"</pre><b>\"}",
                                .version = "1.2.3",
                                .profile = "march x, BLAS y",
                                .ranks = 4,
                                .seed = 18446744073709551615u,
                                .n_stages = SAMPLE_STAGES,
                                .stages = sample->stages};
}

static void sample_clear(Sample *sample) {
  for (int i = 0; i < SAMPLE_STAGES; i++) summary_clear(&sample->summaries[i]);
}

#endif
