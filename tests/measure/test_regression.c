/* Regression metrics: values by hand, rows left out, what is not defined, bad values, and the same
 * bits over ranks as on one. */
#include "tests/measure/parts.h"

static const uint64_t seed = 31;

typedef struct Data {
  int64_t n;
  double *truth, *prediction;
  int64_t *group, *offset;
  int32_t *label;
  uint8_t *where;
} Data;

static void make_data(Data *data, int64_t n) {
  Stream stream = random_stream(seed, "data", 0);
  data->n = n;
  CHECK_OK(NEW(&data->truth, n));
  CHECK_OK(NEW(&data->prediction, n));
  CHECK_OK(NEW(&data->group, n));
  CHECK_OK(NEW(&data->offset, n + 1));
  CHECK_OK(NEW(&data->label, 3 * n));
  CHECK_OK(NEW(&data->where, n));
  for (int64_t i = 0; i < n; i++) {
    uint64_t row = (uint64_t)i;
    data->truth[i] = 100 * random_uniform(&stream, row, 0);
    data->prediction[i] = data->truth[i] + 20 * random_normal(&stream, row, 1) - 3;
    data->group[i] = random_integer(&stream, row, 2, n);
    int64_t labels = random_integer(&stream, row, 4, 4);
    data->offset[i + 1] = data->offset[i] + labels;
    for (int64_t k = 0; k < labels; k++)
      data->label[data->offset[i] + k] = (int32_t)random_integer(&stream, row, 8 + (uint32_t)k, 7);
    data->where[i] = i % 5 != 0;
  }
}

static void free_data(Data *data) {
  memory_free(&data->truth);
  memory_free(&data->prediction);
  memory_free(&data->group);
  memory_free(&data->offset);
  memory_free(&data->label);
  memory_free(&data->where);
}

static RegressionRows rows_from(const Data *data, Share share) {
  return (RegressionRows){.n = share.n,
                          .truth = data->truth + share.begin,
                          .prediction = data->prediction + share.begin,
                          .group = data->group + share.begin,
                          .where = data->where + share.begin};
}

static void check_same(const RegressionScores *a, const RegressionScores *b) {
  CHECK_INTEGER(a->n, b->n);
  CHECK_INTEGER(a->n_high_hit, b->n_high_hit);
  CHECK(same_score(&a->rmse, &b->rmse));
  CHECK(same_score(&a->mae, &b->mae));
  CHECK(same_score(&a->r2, &b->r2));
  CHECK(same_score(&a->bias, &b->bias));
  CHECK(same_score(&a->high_recall, &b->high_recall));
  CHECK(same_score(&a->high_precision, &b->high_precision));
}

static void check_same_summaries(const Summary *a, const Summary *b) {
  CHECK_INTEGER(a->n_tables, b->n_tables);
  CHECK_INTEGER(a->n_series, b->n_series);
  for (int64_t t = 0; t < a->n_tables && t < b->n_tables; t++) {
    const SummaryTable *x = &a->tables[t], *y = &b->tables[t];
    CHECK_INTEGER(x->n_rows, y->n_rows);
    for (int64_t c = 0; x->n_rows == y->n_rows && c < x->n_rows * x->n_columns; c++) {
      CHECK(memcmp(&x->cells[c].real, &y->cells[c].real, sizeof(double)) == 0);
      CHECK_INTEGER(x->cells[c].integer, y->cells[c].integer);
    }
  }
  for (int64_t s = 0; s < a->n_series && s < b->n_series; s++) {
    const Series *x = &a->series[s], *y = &b->series[s];
    CHECK_INTEGER(x->n_x, y->n_x);
    bool map = x->kind == SERIES_HEATMAP;
    size_t n = (size_t)(map ? x->n_x * x->n_y : x->n_y) * sizeof(double);
    CHECK(x->n_x == y->n_x && memcmp(map ? x->z : x->y, map ? y->z : y->y, n) == 0);
  }
}

/* All rows on this rank alone against the shares of all ranks. */
static void test_ranks(int64_t n) {
  Comm world = comm_world(), self = comm_self();
  Data data;
  Summary one, many;
  RegressionScores alone, together;
  MeasureOptions options = measure_options_default(seed);
  make_data(&data, n);
  Share all = {0, n}, share = share_of(&world, n);
  RegressionRows rows = rows_from(&data, all), mine = rows_from(&data, share);
  Column *by = list_make(data.offset, data.label, 0, n, 7);
  Column *by_mine = list_make(data.offset, data.label, share.begin, share.n, 7);
  rows.by = by;
  mine.by = by_mine;
  summary_init(&one, world.rank == 0);
  summary_init(&many, world.rank == 0);
  CHECK_OK(measure_regression_all(&self, &rows, &options, "test", &one, &alone));
  CHECK_OK(measure_regression_all(&world, &mine, &options, "test", &many, &together));
  check_same(&alone, &together);
  if (world.rank == 0) check_same_summaries(&one, &many);
  CHECK(n < 50 || (alone.rmse.low < alone.rmse.value && alone.rmse.value < alone.rmse.high));
  summary_clear(&one);
  summary_clear(&many);
  column_release(&by);
  column_release(&by_mine);
  free_data(&data);
}

static void test_by_hand(void) {
  Comm comm = comm_self();
  double truth[] = {80, 10, 90, 20, 1e300}, prediction[] = {75, 14, 60, 80, NAN};
  uint8_t where[] = {1, 1, 1, 1, 0};
  RegressionRows rows = {.n = 5, .truth = truth, .prediction = prediction, .where = where};
  MeasureOptions options = measure_options_default(1);
  RegressionScores scores;
  CHECK_OK(measure_regression_scores_all(&comm, &rows, &options, "test", &scores));
  CHECK_INTEGER(scores.n, 4);
  CHECK_REAL(scores.rmse.value, sqrt((25 + 16 + 900 + 3600) / 4.0), 1e-13);
  CHECK_REAL(scores.mae.value, (5 + 4 + 30 + 60) / 4.0, 1e-13);
  CHECK_REAL(scores.bias.value, (-5 + 4 - 30 + 60) / 4.0, 1e-13);
  CHECK_REAL(scores.r2.value, 1 - 4541.0 / 5000, 1e-13);
  CHECK_REAL(scores.high_recall.value, 0.5, 0);
  CHECK_REAL(scores.high_precision.value, 0.5, 0);
  CHECK(isnan(scores.rmse.low) && isnan(scores.high_recall.high)); /* no groups, no intervals */
}

static const char *first_note(const Summary *summary) {
  return summary->n_notes > 0 ? summary->notes[0].text : "";
}

static void test_not_defined(void) {
  Comm comm = comm_self();
  double truth[] = {0.1, 0.1, 0.1}, prediction[] = {0.2, 0.1, 0.3};
  int64_t group[] = {1, 2, 3};
  RegressionRows rows = {.n = 3, .truth = truth, .prediction = prediction, .group = group};
  MeasureOptions options = measure_options_default(1);
  Summary summary;
  summary_init(&summary, true);
  CHECK_OK(measure_regression_all(&comm, &rows, &options, "test", &summary, NULL));
  CHECK(isnan(summary_find(&summary, "test", "r2")));
  CHECK(isnan(summary_find(&summary, "test", "high_recall")));
  CHECK(strstr(first_note(&summary), "r2 is not defined") != NULL);
  CHECK_INTEGER(summary.n_metrics, 6);
  summary_clear(&summary);
  rows.n = 0;
  options.threshold = NAN;
  CHECK_OK(measure_regression_all(&comm, &rows, &options, "test", &summary, NULL));
  CHECK_INTEGER(summary.n_metrics, 0);
  CHECK(strstr(first_note(&summary), "no rows") != NULL);
  summary_clear(&summary);
  rows.n = 3;
  CHECK_OK(measure_regression_all(&comm, &rows, &options, "test", &summary, NULL));
  CHECK_INTEGER(summary.n_metrics, 4);
  summary_clear(&summary);
}

static void check_refused(RegressionRows *rows, const MeasureOptions *options, Status code,
                          const char *part) {
  Comm comm = comm_world();
  RegressionScores scores;
  Summary summary;
  summary_init(&summary, comm.rank == 0);
  CHECK_INTEGER(measure_regression_all(&comm, rows, options, "test", &summary, &scores), code);
  CHECK_MESSAGE(part);
  summary_clear(&summary);
}

/* The same message on all ranks, whoever has the row. */
static void test_refused(void) {
  Comm comm = comm_world();
  Data data;
  MeasureOptions options = measure_options_default(1), wrong = options;
  make_data(&data, 40);
  Share share = share_of(&comm, 40);
  RegressionRows rows = rows_from(&data, share);
  data.prediction[38] = INFINITY;
  check_refused(&rows, &options, NUMERIC, "test: row 38: the prediction is inf");
  data.prediction[38] = 1;
  data.truth[1] = NAN;
  check_refused(&rows, &options, NUMERIC, "test: row 1: the true value is nan");
  data.truth[1] = 1;
  wrong.confidence = 1;
  check_refused(&rows, &wrong, INVALID, "confidence: 1 is not between 0 and 1");
  wrong = options;
  wrong.replicates = -1;
  check_refused(&rows, &wrong, INVALID, "replicates: -1");
  Column *by = NULL;
  CHECK_OK(column_new(&by, "tempo", COLUMN_REAL, share.n, 0));
  rows.by = by;
  check_refused(&rows, &options, INVALID, "column \"tempo\" is of type real");
  column_release(&by);
  free_data(&data);
}

/* Values of a category; a constant truth in one of them; a constant prediction. */
static void test_category(void) {
  Comm comm = comm_self();
  double truth[] = {10, 10, 10, 50, 80, 90}, prediction[] = {11, 9, 10, 50, 70, 100};
  int32_t code[] = {1, 1, 1, 0, 0, MISSING_CODE};
  Column *by = NULL;
  CHECK_OK(column_new(&by, "decade", COLUMN_CATEGORY, 6, 0));
  memcpy(by->code, code, sizeof code);
  words_make(&by->dictionary, 3);
  RegressionRows rows = {.n = 6, .truth = truth, .prediction = prediction, .by = by};
  MeasureOptions options = measure_options_default(1);
  Summary summary;
  summary_init(&summary, true);
  CHECK_OK(measure_regression_all(&comm, &rows, &options, "test", &summary, NULL));
  const char table[] = "error_by_decade";
  CHECK_INTEGER(cell_find(&summary, table, "c001", "n")->integer, 3);
  CHECK(isnan(cell_find(&summary, table, "c001", "r2")->real));
  CHECK_REAL(cell_find(&summary, table, "c000", "r2")->real, 1 - 100.0 / 450, 1e-14);
  CHECK_REAL(cell_find(&summary, table, "c000", "high_recall")->real, 0, 0);
  CHECK_REAL(cell_find(&summary, table, "(missing)", "bias")->real, 10, 0);
  CHECK(cell_find(&summary, table, "c002", "n") == NULL);
  CHECK_TEXT(summary.tables[0].cells[0].text, "(missing)"); /* largest error first */
  const Series *map = series_find(&summary, "predicted_against_true");
  const Series *bars = series_find(&summary, "residuals");
  double rows_in_map = 0, rows_in_bars = 0;
  for (int64_t i = 0; map && i < map->n_x * map->n_y; i++) rows_in_map += map->z[i];
  for (int64_t i = 0; bars && i < bars->n_y; i++) rows_in_bars += bars->y[i];
  CHECK_REAL(rows_in_map, 6, 0);
  CHECK_REAL(rows_in_bars, 6, 0);
  CHECK(map && map->x[0] <= 9 && map->x[map->n_x] > 100);
  CHECK(series_find(&summary, table) != NULL);
  summary_clear(&summary);
  column_release(&by);
}

/* A wide interval of clustered rows: the same rows four times over must not narrow it. */
static void test_groups(void) {
  enum { N = 200, TIMES = 4 };
  Comm comm = comm_self();
  double truth[N * TIMES], prediction[N * TIMES];
  int64_t group[N * TIMES];
  Data data;
  RegressionScores once, often;
  make_data(&data, N);
  for (int64_t i = 0; i < N * TIMES; i++) {
    truth[i] = data.truth[i % N];
    prediction[i] = data.prediction[i % N];
    group[i] = i % N;
  }
  RegressionRows rows = {.n = N, .truth = truth, .prediction = prediction, .group = group};
  MeasureOptions options = measure_options_default(1);
  CHECK_OK(measure_regression_scores_all(&comm, &rows, &options, "test", &once));
  rows.n = N * TIMES;
  CHECK_OK(measure_regression_scores_all(&comm, &rows, &options, "test", &often));
  CHECK_REAL(often.rmse.low, once.rmse.low, 1e-8);
  CHECK_REAL(often.r2.high, once.r2.high, 1e-8);
  free_data(&data);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  fprintf(stderr, "seed %d\n", (int)seed);
  test_by_hand();
  test_not_defined();
  test_refused();
  test_category();
  test_groups();
  const int64_t lengths[] = {0, 1, 2, 7, 1000, 3000};
  for (int i = 0; i < 6; i++) test_ranks(lengths[i]);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("measure/regression");
  MPI_Finalize();
  return failed;
}
