/* Classification metrics: values by hand, ties, classes without rows, bad values, and the same bits
 * over ranks as on one. */
#include "tests/measure/parts.h"

static const uint64_t seed = 41;

typedef struct Data {
  int64_t n, k;
  double *truth, *probability;
  int64_t *group;
} Data;

static void make_data(Data *data, int64_t n, int64_t k) {
  Stream stream = random_stream(seed, "data", (uint64_t)k);
  *data = (Data){.n = n, .k = k};
  CHECK_OK(NEW(&data->truth, n));
  CHECK_OK(NEW(&data->probability, n * k));
  CHECK_OK(NEW(&data->group, n));
  for (int64_t i = 0; i < n; i++) {
    uint64_t row = (uint64_t)i;
    int64_t truth = random_integer(&stream, row, 0, k > 4 ? k - 1 : k); /* the last has no row */
    double sum = 0, *p = data->probability + i * k;
    data->truth[i] = (double)truth;
    data->group[i] = random_integer(&stream, row, 2, n);
    for (int64_t c = 0; c < k; c++) {
      double u = random_uniform(&stream, row, 8 + (uint32_t)c);
      p[c] = floor(8 * u) + 1 + (c == truth ? 4 : 0);
      sum += p[c];
    }
    for (int64_t c = 0; c < k; c++) p[c] /= sum;
  }
}

static void free_data(Data *data) {
  memory_free(&data->truth);
  memory_free(&data->probability);
  memory_free(&data->group);
}

static ClassificationRows rows_from(const Data *data, Share share) {
  return (ClassificationRows){.n = share.n,
                              .n_classes = data->k,
                              .truth = data->truth + share.begin,
                              .probability = data->probability + share.begin * data->k,
                              .group = data->group + share.begin};
}

static void check_same(const ClassificationScores *a, const ClassificationScores *b) {
  const Score *x[] = {&a->accuracy,          &a->top_k_accuracy, &a->log_loss,
                      &a->balanced_accuracy, &a->f1_macro,       &a->auc,
                      &a->average_precision};
  const Score *y[] = {&b->accuracy,          &b->top_k_accuracy, &b->log_loss,
                      &b->balanced_accuracy, &b->f1_macro,       &b->auc,
                      &b->average_precision};
  for (int s = 0; s < 7; s++) CHECK(same_score(x[s], y[s]));
  CHECK_INTEGER(a->n, b->n);
  for (int64_t c = 0; c < a->n_classes; c++)
    CHECK(memcmp(&a->classes[c], &b->classes[c], sizeof *a->classes) == 0);
}

static void test_ranks(int64_t n, int64_t k) {
  Comm world = comm_world(), self = comm_self();
  Data data;
  ClassificationScores alone, together;
  MeasureOptions options = measure_options_default(seed);
  make_data(&data, n, k);
  ClassificationRows rows = rows_from(&data, (Share){0, n});
  ClassificationRows mine = rows_from(&data, share_of(&world, n));
  CHECK_OK(measure_classification_scores_all(&self, &rows, &options, "test", &alone));
  CHECK_OK(measure_classification_scores_all(&world, &mine, &options, "test", &together));
  check_same(&alone, &together);
  if (n >= 1000 && k >= 2 && k <= 6) {
    CHECK(alone.auc.low < alone.auc.value && alone.auc.value < alone.auc.high);
    CHECK(alone.f1_macro.low < alone.f1_macro.value && alone.f1_macro.value < alone.f1_macro.high);
    CHECK(alone.log_loss.low < alone.log_loss.value && alone.log_loss.value < alone.log_loss.high);
  }
  classification_scores_clear(&alone);
  classification_scores_clear(&together);
  free_data(&data);
}

static void test_by_hand(void) {
  enum { N = 5 };
  Comm comm = comm_self();
  double truth[] = {0, 1, 2, 2, 9};
  double probability[] = {.4,  .4, .2, /* tie: class 0, a hit */
                          .4,  .4, .2, /* tie: class 0, a miss; 1 is second */
                          .5,  .3, .2, /* 2 is third */
                          0,   0,  1,  /* a hit */
                          NAN, 0,  0};
  uint8_t where[] = {1, 1, 1, 1, 0};
  int64_t offset[] = {0, 0, 1, 2, 2, 2};
  int32_t code[] = {0, 1}, *listed_class = NULL;
  Dictionary classes = {0};
  Column *listed = list_make(offset, code, 0, N, 4); /* word 3 names no class */
  words_make(&classes, 3);
  CHECK_OK(measure_listed_classes(&classes, &listed->dictionary, &listed_class));
  CHECK_INTEGER(listed_class[3], -1);
  ClassificationRows rows = {.n = N,
                             .n_classes = 3,
                             .truth = truth,
                             .probability = probability,
                             .where = where,
                             .listed = listed,
                             .listed_class = listed_class};
  MeasureOptions options = measure_options_default(1);
  ClassificationScores scores;
  options.top_k = 2;
  CHECK_OK(measure_classification_scores_all(&comm, &rows, &options, "test", &scores));
  CHECK_REAL(scores.accuracy.value, 0.5, 0);
  CHECK_REAL(scores.top_k_accuracy.value, 0.75, 0);
  CHECK_REAL(scores.any_listed_accuracy.value, 0.75, 0);
  CHECK_REAL(scores.majority_share, 0.5, 0);
  CHECK_REAL(scores.balanced_accuracy.value, 0.5, 1e-15);
  double loss = -(log(.4) + log(.4) + log(.2)) - log(1 - 0x1p-52);
  CHECK_REAL(scores.log_loss.value, loss / 4, 1e-14);
  CHECK_REAL(scores.classes[0].precision, 1 / 3.0, 1e-15);
  CHECK_REAL(scores.classes[1].f1, 0, 0);
  CHECK_REAL(scores.classes[2].recall, 0.5, 0);
  classification_scores_clear(&scores);
  column_release(&listed);
  dictionary_clear(&classes);
  memory_free(&listed_class);
}

/* The summary of k classes: a matrix for few, pairs for many. */
static void test_summary(int64_t n, int64_t k) {
  Comm comm = comm_world();
  Data data;
  Dictionary classes = {0};
  Summary summary;
  MeasureOptions options = measure_options_default(1);
  make_data(&data, n, k);
  words_make(&classes, (int32_t)k);
  ClassificationRows rows = rows_from(&data, share_of(&comm, n));
  summary_init(&summary, comm.rank == 0);
  CHECK_OK(measure_classification_all(&comm, &rows, &classes, &options, "test", &summary, NULL));
  const Series *matrix = series_find(&summary, "confusion");
  if (comm.rank == 0) {
    CHECK((matrix != NULL) == (k <= 30));
    CHECK_INTEGER(summary.n_tables, k <= 30 ? 1 : 2);
    CHECK_INTEGER(summary.tables[0].n_rows, k);
    CHECK_INTEGER(summary.n_metrics, 10 + (k > 3) + 3 * (k == 2));
    CHECK(isnan(summary_find(&summary, "test", "any_listed_accuracy")));
    CHECK_TEXT(summary.metrics[0].name, k == 2 ? "average_precision" : "accuracy");
  }
  double sum = 0, hits = 0;
  for (int64_t i = 0; matrix && i < k * k; i++) sum += matrix->z[i];
  for (int64_t c = 0; matrix && c < k; c++) hits += matrix->z[c * k + c];
  if (matrix) CHECK_REAL(sum, (double)n, 0);
  if (matrix) CHECK_REAL(hits / sum, summary_find(&summary, "test", "accuracy"), 1e-15);
  if (comm.rank == 0 && k > 30) {
    const SummaryTable *pairs = &summary.tables[1];
    CHECK_TEXT(pairs->name, "most_confused");
    CHECK_INTEGER(pairs->n_rows, 25);
    for (int64_t r = 1; r < pairs->n_rows; r++)
      CHECK(pairs->cells[(r - 1) * 4 + 2].integer >= pairs->cells[r * 4 + 2].integer);
    for (int64_t r = 0; r < pairs->n_rows; r++)
      CHECK(strcmp(pairs->cells[r * 4].text, pairs->cells[r * 4 + 1].text) != 0);
  }
  summary_clear(&summary);
  dictionary_clear(&classes);
  free_data(&data);
}

static void test_one_class_only(void) {
  Comm comm = comm_self();
  double truth[] = {1, 1, 1}, probability[] = {.5, .5, .2, .8, .9, .1};
  int64_t group[] = {4, 5, 6};
  Dictionary classes = {0};
  Summary summary;
  ClassificationRows rows = {
      .n = 3, .n_classes = 2, .truth = truth, .probability = probability, .group = group};
  MeasureOptions options = measure_options_default(1);
  words_make(&classes, 2);
  summary_init(&summary, true);
  CHECK_OK(measure_classification_all(&comm, &rows, &classes, &options, "test", &summary, NULL));
  CHECK(isnan(summary_find(&summary, "test", "auc")));
  CHECK_REAL(summary_find(&summary, "test", "accuracy"), 1 / 3.0, 1e-15);
  CHECK_INTEGER(summary.n_notes, 2);
  summary_clear(&summary);
  rows.n = 0;
  CHECK_OK(measure_classification_all(&comm, &rows, &classes, &options, "test", &summary, NULL));
  CHECK_INTEGER(summary.n_metrics, 0);
  CHECK_INTEGER(summary.n_notes, 1);
  summary_clear(&summary);
  dictionary_clear(&classes);
}

static void check_refused(const ClassificationRows *rows, const MeasureOptions *options,
                          Status code, const char *part) {
  Comm comm = comm_world();
  ClassificationScores scores;
  CHECK_INTEGER(measure_classification_scores_all(&comm, rows, options, "test", &scores), code);
  CHECK_MESSAGE(part);
  classification_scores_clear(&scores);
}

static void test_refused(void) {
  Comm comm = comm_world();
  Data data;
  Dictionary classes = {0};
  Summary summary;
  MeasureOptions options = measure_options_default(1);
  make_data(&data, 30, 3);
  ClassificationRows rows = rows_from(&data, share_of(&comm, 30));
  data.probability[29 * 3 + 1] = NAN;
  check_refused(&rows, &options, NUMERIC, "test: row 29: a predicted probability is nan");
  data.probability[29 * 3 + 1] = 0;
  data.truth[2] = 3;
  check_refused(&rows, &options, NUMERIC, "test: row 2: the true class is 3");
  data.truth[2] = 1;
  options.top_k = 0;
  check_refused(&rows, &options, INVALID, "top_k: 0 is not at least 1");
  words_make(&classes, 2);
  summary_init(&summary, comm.rank == 0);
  options.top_k = 3;
  CHECK_INTEGER(measure_classification_all(&comm, &rows, &classes, &options, "t", &summary, NULL),
                INVALID);
  CHECK_MESSAGE("3 classes, but 2 names");
  summary_clear(&summary);
  dictionary_clear(&classes);
  free_data(&data);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  fprintf(stderr, "seed %d\n", (int)seed);
  test_by_hand();
  test_one_class_only();
  test_refused();
  test_summary(400, 2);
  test_summary(400, 5);
  test_summary(900, 40);
  const int64_t lengths[] = {0, 1, 3, 1200}, classes[] = {1, 2, 6, 300};
  for (int i = 0; i < 4; i++)
    for (int j = 0; j < 4; j++) test_ranks(lengths[i], classes[j]);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("measure/classification");
  MPI_Finalize();
  return failed;
}
