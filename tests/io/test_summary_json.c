/* Summaries: what is written reads back the same, and damage is told. */
#include "io/summary_json.h"

#include <cJSON.h>
#include <float.h>
#include <mpi.h>

#include "kernels/base/memory.h"
#include "tests/check.h"

static const char unicode[] = "Sigur Rós – Ágætis byrjun \"\\/\b\f\n\r\t\x01\x7f 東京 🎵 </script>";

static void fill(Summary *s) {
  const char *const columns[] = {"name", "", "share"};
  int64_t handle = -1, empty = -1;
  summary_init(s, true);
  CHECK_OK(summary_metric(s, "test", "rmse", 0.1 + 0.2, false, true));
  CHECK_OK(summary_metric(s, "test", "r2", (double)NAN, true, false));
  CHECK_OK(summary_metric_interval(s, unicode, "tiny", 5e-324, -DBL_MAX, 1.0 / 3, true, true));
  CHECK_OK(summary_metric(s, "train", "rmse", -0.0, false, false));
  CHECK_OK(summary_table(s, "t", unicode, 3, columns, &handle));
  const Cell rows[][3] = {
      {cell_text(unicode), cell_integer(INT64_C(1) << 53), cell_real((double)NAN)},
      {cell_text(""), cell_integer(-7), cell_real(1e300)},
      {cell_text("1.5"), cell_integer(0), cell_real(-0.1)}};
  for (int i = 0; i < 3; i++) CHECK_OK(summary_row(s, handle, rows[i]));
  CHECK_OK(summary_table(s, "empty", "", 3, columns, &empty));
  double x[] = {0, 0.1, 1e-300, 7}, y[] = {1, (double)NAN, 3, 4}, z[] = {1, 2, 3, 4, 5, 6};
  char *names[] = {(char *)(uintptr_t)unicode, (char *)(uintptr_t) "", (char *)(uintptr_t) "c"};
  const Series series[] = {{.name = "line",
                            .title = "L",
                            .x_label = "x (s)",
                            .y_label = "",
                            .kind = SERIES_LINE,
                            .n_x = 4,
                            .n_y = 4,
                            .x = x,
                            .y = y},
                           {.name = "none",
                            .title = "",
                            .x_label = "",
                            .y_label = "",
                            .kind = SERIES_SCATTER,
                            .x = x,
                            .y = y},
                           {.name = "map",
                            .title = "",
                            .x_label = "",
                            .y_label = "",
                            .kind = SERIES_MAP,
                            .n_x = 4,
                            .n_y = 2,
                            .x = x,
                            .y = y,
                            .z = z,
                            .y_names = names},
                           {.name = "hist",
                            .title = "H",
                            .x_label = "",
                            .y_label = "n",
                            .kind = SERIES_HISTOGRAM,
                            .n_x = 3,
                            .n_y = 3,
                            .x = x,
                            .y = y},
                           {.name = "bars",
                            .title = "B",
                            .x_label = "",
                            .y_label = "n",
                            .kind = SERIES_BARS,
                            .n_x = 3,
                            .n_y = 3,
                            .y = y,
                            .x_names = names},
                           {.name = "heat",
                            .title = "M",
                            .x_label = "",
                            .y_label = "",
                            .kind = SERIES_HEATMAP,
                            .n_x = 3,
                            .n_y = 2,
                            .z = z,
                            .x_names = names,
                            .y_names = names},
                           {.name = "edges",
                            .title = "E",
                            .x_label = "",
                            .y_label = "",
                            .kind = SERIES_HEATMAP,
                            .n_x = 3,
                            .n_y = 2,
                            .x = x,
                            .y = y,
                            .z = z}};
  for (size_t i = 0; i < sizeof series / sizeof *series; i++)
    CHECK_OK(summary_series(s, &series[i]));
  CHECK_OK(summary_note(s, NOTE_INFO, "%s", unicode));
  CHECK_OK(summary_note(s, NOTE_WARNING, "100 %% of %d", 5));
}

static void same_reals(const double *a, const double *b, int64_t n) {
  CHECK((a == NULL) == (b == NULL));
  for (int64_t i = 0; a && b && i < n; i++) {
    CHECK_REAL(a[i], b[i], 0);
    CHECK(!signbit(a[i]) == !signbit(b[i]) || isnan(a[i]));
  }
}

static void same_texts(char *const *a, char *const *b, int64_t n) {
  CHECK((a == NULL) == (b == NULL));
  for (int64_t i = 0; a && b && i < n; i++) CHECK_TEXT(a[i], b[i]);
}

static void same_tables(const SummaryTable *a, const SummaryTable *b) {
  CHECK_TEXT(a->name, b->name);
  CHECK_TEXT(a->title, b->title);
  CHECK_INTEGER(a->n_columns, b->n_columns);
  CHECK_INTEGER(a->n_rows, b->n_rows);
  same_texts(a->columns, b->columns, b->n_columns);
  for (int64_t i = 0; i < b->n_rows * b->n_columns && a->n_rows == b->n_rows; i++) {
    const Cell *p = &a->cells[i], *q = &b->cells[i];
    CHECK_INTEGER(p->type, q->type);
    if (q->type == CELL_TEXT) CHECK_TEXT(p->text, q->text);
    if (q->type == CELL_INTEGER) CHECK_INTEGER(p->integer, q->integer);
    if (q->type == CELL_REAL) same_reals(&p->real, &q->real, 1);
  }
}

static void same_series(const Series *a, const Series *b) {
  SeriesLengths lengths = series_lengths(b);
  CHECK_TEXT(a->name, b->name);
  CHECK_TEXT(a->title, b->title);
  CHECK_TEXT(a->x_label, b->x_label);
  CHECK_TEXT(a->y_label, b->y_label);
  CHECK_INTEGER(a->kind, b->kind);
  CHECK_INTEGER(a->n_x, b->n_x);
  CHECK_INTEGER(a->n_y, b->n_y);
  same_reals(a->x, b->x, lengths.x);
  same_reals(a->y, b->y, lengths.y);
  same_reals(a->z, b->z, lengths.z);
  same_texts(a->x_names, b->x_names, b->n_x);
  same_texts(a->y_names, b->y_names, b->n_y);
}

static void test_round_trip(void) {
  Summary out, in;
  char *json = NULL, *again = NULL;
  fill(&out);
  CHECK_OK(summary_to_json(&out, &json));
  summary_init(&in, true);
  CHECK_OK(summary_from_json(json, &in));
  CHECK_INTEGER(in.n_metrics, out.n_metrics);
  for (int64_t i = 0; i < out.n_metrics && in.n_metrics == out.n_metrics; i++) {
    const Metric *a = &in.metrics[i], *b = &out.metrics[i];
    CHECK_TEXT(a->split, b->split);
    CHECK_TEXT(a->name, b->name);
    same_reals((double[]){a->value, a->low, a->high}, (double[]){b->value, b->low, b->high}, 3);
    CHECK(a->higher_better == b->higher_better && a->headline == b->headline);
  }
  CHECK_INTEGER(in.n_tables, out.n_tables);
  for (int64_t i = 0; i < out.n_tables; i++) same_tables(&in.tables[i], &out.tables[i]);
  CHECK_INTEGER(in.n_series, out.n_series);
  for (int64_t i = 0; i < out.n_series; i++) same_series(&in.series[i], &out.series[i]);
  CHECK_INTEGER(in.n_notes, 2);
  CHECK_TEXT(in.notes[0].text, unicode);
  CHECK_INTEGER(in.notes[1].level, NOTE_WARNING);
  CHECK_TEXT(in.notes[1].text, "100 % of 5");
  CHECK_OK(summary_to_json(&in, &again));
  CHECK_TEXT(again, json);
  memory_free(&json);
  memory_free(&again);
  summary_clear(&in);
  summary_clear(&out);
}

/* For people and scripts: metrics by split and name. */
static void test_metrics(void) {
  Summary out;
  char *json = NULL;
  fill(&out);
  CHECK_OK(summary_metric(&out, "test", "rmse", 99, false, false)); /* the first one counts */
  CHECK_OK(summary_to_json(&out, &json));
  cJSON *root = cJSON_Parse(json);
  const cJSON *test = cJSON_GetObjectItem(cJSON_GetObjectItem(root, "metrics"), "test");
  CHECK_INTEGER(cJSON_GetArraySize(test), 2);
  CHECK_REAL(cJSON_GetNumberValue(cJSON_GetObjectItem(test, "rmse")), 0.1 + 0.2, 0);
  CHECK(cJSON_IsNull(cJSON_GetObjectItem(test, "r2")));
  cJSON_Delete(root);
  memory_free(&json);
  summary_clear(&out);
}

static void test_empty(void) {
  Summary out, in;
  char *json = NULL;
  summary_init(&out, true);
  summary_init(&in, true);
  CHECK_OK(summary_to_json(&out, &json));
  CHECK_OK(summary_from_json(json, &in));
  CHECK_INTEGER(in.n_metrics + in.n_tables + in.n_series + in.n_notes, 0);
  memory_free(&json);
  CHECK_OK(summary_from_json("{}", &in));
  summary_clear(&in);
  summary_init(&in, false); /* other ranks than 0 do not even look */
  CHECK_OK(summary_from_json("not JSON", &in));
  summary_clear(&in);
  summary_clear(&out);
}

static void test_damaged(void) {
  static const char *const texts[] = {
      "",
      "{",
      "[]",
      "5",
      "{\"tables\": [{\"name\": \"t\", \"columns\": [\"a\", \"b\"], \"types\": [\"text\"]}]}",
      "{\"tables\": [{\"name\": \"t\", \"columns\": [\"a\"], \"types\": [\"text\"], "
      "\"rows\": [[\"x\", \"y\"]]}]}",
      "{\"tables\": [{\"name\": \"t\", \"columns\": [\"a\"], \"types\": [\"text\"], \"rows\": "
      "[[]]}]}",
      "{\"tables\": [{}]}",
      "{\"series\": [{\"kind\": \"pie\", \"n_x\": 1, \"n_y\": 1}]}",
      "{\"series\": [{\"kind\": \"line\", \"n_x\": -1, \"n_y\": 1}]}",
      "{\"series\": [{\"kind\": \"line\", \"n_x\": 1e30, \"n_y\": 1}]}",
      "{\"series\": [{\"kind\": \"line\", \"n_x\": 3, \"n_y\": 3, \"x\": [1, 2]}]}",
      "{\"series\": [{\"kind\": \"bars\", \"n_x\": 3, \"n_y\": 3, \"x_names\": [\"a\"]}]}"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    Summary in;
    summary_init(&in, true);
    CHECK_INTEGER(summary_from_json(texts[i], &in), FORMAT);
    CHECK(status_message()[0] != 0);
    summary_clear(&in);
  }
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  test_round_trip();
  test_metrics();
  test_empty();
  test_damaged();
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("summary_json");
  MPI_Finalize();
  return result;
}
