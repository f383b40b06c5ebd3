/* The forest: fits, predicts, saves and loads; the same bits on any number of ranks. Started under
 * mpirun it compares the whole communicator with every rank alone. */
#include "kernels/tree/samples.h"
#include "tests/tree/forest_case.h"

static void compare(Case c, const ForestOptions *options) {
  compare_layouts(&forest_model, &c, options, options);
}

static void layouts(void) {
  ForestOptions options = forest_defaults();
  options.shap_rows = 100;
  compare((Case){.n = 900, .d = 5}, &options);
  compare((Case){.n = 900, .d = 5, .single = true}, &options);
  compare((Case){.n = 900, .d = 5, .n_classes = 2}, &options);
  compare((Case){.n = 300, .d = 5, .n_classes = 4}, &options);
  options.shap_rows = 0;
  options.permutations = 2;
  options.max_depth = 6;
  compare((Case){.n = 700, .d = 9, .n_classes = 5}, &options);
  compare((Case){.n = 1, .d = 2}, &options);
  compare((Case){.n = 3, .d = 2, .n_classes = 3, .single = true}, &options);
  compare((Case){.n = 40, .d = 18, .n_classes = 40, .single = true}, &options);
  options = forest_defaults();
  options.bootstrap = options.oob = false;
  options.max_features = 0.4;
  options.bins = 7;
  compare((Case){.n = 600, .d = 4}, &options);
  options = forest_defaults();
  compare((Case){.n = 600, .d = 4, .weighted = true}, &options);
  compare((Case){.n = 600, .d = 4, .n_classes = 5, .weighted = true}, &options);
  options.class_weight.word = 1 + CLASS_WEIGHT_BALANCED;
  options.extremely_randomised = true;
  compare((Case){.n = 600, .d = 4, .n_classes = 2}, &options);
  options.max_leaf_nodes = 9;
  options.min_impurity_decrease = 0.001;
  compare((Case){.n = 600, .d = 4, .n_classes = 5, .single = true}, &options);
}

/* A model of rows of which every third stands `times` times, or weighs so much. */
static Hash hash_of_repeated(int64_t n_classes, int64_t times, double each, bool repeat,
                             const ForestOptions *options) {
  enum { ROWS = 200 };
  Comm self = comm_self();
  Data data, copies;
  Hash hash[2];
  int64_t n = repeat ? ROWS + (ROWS + 2) / 3 * (times - 1) : ROWS, at = 0;
  data_make(&data, &self, ROWS, 4, n_classes, PLAIN);
  data_make(&copies, &self, n, 4, n_classes, PLAIN);
  copies.training.group = NULL;
  for (int64_t i = 0; i < ROWS; i++) {
    for (int64_t k = 0; k < (repeat && i % 3 == 0 ? times : 1); k++, at++) {
      for (int64_t j = 0; j < 4; j++) {
        matrix_column(&copies.x, j)[at] = matrix_column(&data.x, j)[i];
      }
      copies.target[at] = data.target[i];
      copies.weight[at] = !repeat && i % 3 == 0 ? (double)times * each : each;
    }
  }
  CHECK_INTEGER(at, n);
  if (!repeat || each != 1) copies.training.weight = copies.weight;
  fit_hash(&forest_model, &self, &copies, options, NULL, OK, hash);
  data_clear(&data);
  data_clear(&copies);
  return hash[0];
}

/* Weight 2 is the row twice, when no sample is drawn; a common factor of all weights is nothing. */
static void weight_is_repetition(void) {
  static const int64_t classes[] = {0, 2, 5};
  for (int k = 0; k < 3; k++) {
    for (int64_t times = 2; times < 4; times++) {
      ForestOptions options = forest_defaults();
      options.trees = 2;
      options.bootstrap = options.oob = false;
      options.min_samples_leaf = k == 0 ? 1 : 3;
      options.min_samples_split = 7;
      options.max_features = 0.5;
      Hash repeated = hash_of_repeated(classes[k], times, 1, true, &options);
      Hash weighted = hash_of_repeated(classes[k], times, 1, false, &options);
      CHECK(hash_compare(&repeated, &weighted) == 0);
      options.min_samples_leaf = 1;
      options.min_samples_split = 2;
      repeated = hash_of_repeated(classes[k], times, 1, true, &options);
      Hash other = hash_of_repeated(classes[k], times + 1, 1, false, &options);
      CHECK(hash_compare(&repeated, &other) != 0);
      if (classes[k] == 0) continue; /* halves take bits from the levels of the target */
      weighted = hash_of_repeated(classes[k], times, 0.5, false, &options);
      CHECK(hash_compare(&repeated, &weighted) == 0);
    }
  }
}

/* Balanced class weights are the weights that one would give by hand. */
static void balanced_classes(void) {
  Comm world = comm_world();
  ForestOptions options = forest_defaults();
  Hash hashes[3][2];
  for (int kind = 0; kind < 3; kind++) {
    Data data;
    int64_t count[4] = {0};
    data_make(&data, &world, 500, 4, 4, PLAIN);
    for (int64_t i = 0; i < data.x.rows.n; i++) { /* class 3 is left without rows */
      int64_t class = (int64_t)data.target[i];
      data.target[i] = (double)(class == 3 ? 0 : class);
      count[(int64_t)data.target[i]]++;
    }
    comm_sum_all(&world, count, 4);
    for (int64_t i = 0; i < data.x.rows.n; i++) {
      data.weight[i] = 500 / (3.0 * (double)count[(int64_t)data.target[i]]);
    }
    options.class_weight.word = 1 + (kind == 0 ? CLASS_WEIGHT_BALANCED : CLASS_WEIGHT_NONE);
    if (kind == 1) data.training.weight = data.weight;
    fit_hash(&forest_model, &world, &data, &options, NULL, OK, hashes[kind]);
    data_clear(&data);
  }
  CHECK(hash_compare(&hashes[0][0], &hashes[1][0]) == 0);
  CHECK(hash_compare(&hashes[0][0], &hashes[2][0]) != 0);
}

/* Rows that travel by broadcast give the same samples. */
static void broadcast_samples(void) {
  Comm world = comm_world();
  Data data;
  Bins bins;
  Samples direct, sent;
  data_make(&data, &world, 500, 5, 0, PLAIN);
  CHECK_OK(bins_fit_all(&world, &data.x, 255, &bins));
  data.training.weight = data.weight;
  CHECK_OK(samples_init_all(&world, &data.training, &bins, true, &direct));
  CHECK_OK(samples_init_all(&world, &data.training, &bins, false, &sent));
  CHECK(memcmp(direct.rows.codes, sent.rows.codes, 500 * 8) == 0);
  CHECK(memcmp(direct.rows.target, sent.rows.target, 500 * sizeof(uint32_t)) == 0);
  CHECK(memcmp(direct.group, sent.group, 500 * sizeof(int32_t)) == 0);
  CHECK(memcmp(direct.weight, sent.weight, 500 * sizeof(int32_t)) == 0);
  for (int64_t i = 0; i < data.x.rows.n; i++) {
    double exact = data.weight[i] * sent.weight_scale;
    CHECK_REAL(sent.weight[data.x.rows.begin + i], exact, 0.5);
  }
  CHECK_INTEGER(direct.n_groups, 167);
  CHECK_INTEGER(sent.n_groups, 167);
  for (int i = 0; i < 500; i++) CHECK_INTEGER(sent.group[i], i / 3);
  samples_clear_all(&direct);
  samples_clear_all(&sent);
  bins_clear(&bins);
  data_clear(&data);
}

/* Without bootstrap a full tree knows its training rows by heart; single rows, batches and a loaded
 * model agree. */
static void predictions(int64_t n_classes) {
  Comm self = comm_self();
  ForestOptions options = forest_defaults();
  options.bootstrap = options.oob = false;
  Data data;
  Summary summary;
  void *model = NULL;
  int64_t n = 300, d = 4, outputs = n_classes ? n_classes : 1;
  double *all = NULL;
  CHECK_OK(NEW(&all, n * outputs));
  data_make(&data, &self, n, d, n_classes, PLAIN);
  summary_init(&summary, true);
  CHECK_OK(forest_model.fit_all(&self, &data.training, &options, NULL, &model, &summary));
  CHECK_OK(forest_model.predict(model, &data.x, all));
  check_predictions(&forest_model, &model, &data.x, outputs, all);
  for (int64_t i = 0; i < n; i++) {
    if (n_classes) {
      CHECK_REAL(all[i * outputs + (int64_t)data.target[i]], 1, 0);
    } else {
      CHECK_REAL(all[i], data.target[i], 2e-6); /* half of 2^-24 of the range */
    }
  }
  forest_model.free(&model);
  summary_clear(&summary);
  data_clear(&data);
  memory_free(&all);
}

/* What the summary says is sensible: scores beat the baseline, shares sum to 1, and features that
 * carry the signal lead. */
static void scores(int64_t n_classes, bool randomised, const char *metric, double low,
                   double high) {
  Comm world = comm_world();
  ForestOptions options = forest_defaults();
  options.extremely_randomised = randomised;
  options.trees = 30;
  options.permutations = 1;
  options.shap_rows = 150;
  Data data;
  Summary summary;
  void *model = NULL;
  data_make(&data, &world, 800, 6, n_classes, PLAIN);
  summary_init(&summary, world.rank == 0);
  CHECK_OK(forest_model.fit_all(&world, &data.training, &options, NULL, &model, &summary));
  if (world.rank == 0) {
    double score = summary_find(&summary, "oob", metric);
    CHECK(score > low && score < high);
    const SummaryTable *table = &summary.tables[0];
    CHECK_INTEGER(table->n_rows, 6);
    CHECK_INTEGER(table->n_columns, 3);
    double sum = 0;
    for (int64_t i = 0; i < 6; i++) {
      sum += table->cells[i * 3 + 1].real;
      if (i > 0) CHECK(table->cells[i * 3 + 1].real <= table->cells[i * 3 - 2].real);
    }
    CHECK_REAL(sum, 1, 1e-9);
    if (!n_classes) CHECK_TEXT(table->cells[0].text, "feature 1"); /* the widest range */
    CHECK(table->cells[2].real > 0.1);
    table = &summary.tables[1];
    CHECK_TEXT(table->name, "shap");
    CHECK_INTEGER(table->n_rows, 6);
    for (int64_t i = 1; i < 6; i++) {
      CHECK(table->cells[i * 2 + 1].real <= table->cells[i * 2 - 1].real);
    }
    if (!n_classes) CHECK_TEXT(table->cells[0].text, "feature 1");
    /* Feature 1 adds 10 times a number of 0 to 4 less 2 to the target: 12 on average. */
    if (!n_classes) CHECK_REAL(table->cells[1].real, 12, 3);
    CHECK_INTEGER(summary.series[1].n_x, 6);
  }
  summary_clear(&summary);
  forest_model.free(&model);
  data_clear(&data);
}

/* Stopped after two trees and begun again, the forest is the same. */
static void resumes(void) {
  Comm self = comm_self();
  Data data;
  Keeper keeper = keeper_of(2);
  ForestOptions options = forest_defaults();
  Hash whole[2], resumed[2] = {{{0}}};
  data_make(&data, &self, 400, 5, 4, PLAIN);
  fit_hash(&forest_model, &self, &data, &options, NULL, OK, whole);
  fit_hash(&forest_model, &self, &data, &options, &keeper.sink, STOPPED, resumed);
  keeper.stop_after = INT64_MAX;
  fit_hash(&forest_model, &self, &data, &options, &keeper.sink, OK, resumed);
  CHECK_INTEGER(keeper.ticks, options.trees);
  CHECK(hash_compare(&resumed[0], &whole[0]) == 0);
  keeper_clear(&keeper);
  data_clear(&data);
}

static void bad_input(void) {
  Comm world = comm_world();
  ForestOptions options = forest_defaults();
  Data data;
  data_make(&data, &world, 50, 2, 0, PLAIN);
  if (data.x.rows.begin == 0 && data.x.rows.n > 0) data.target[1] = NAN;
  expect_failure(&forest_model, &world, &data, &options, NUMERIC, "row 7 is nan");
  data_clear(&data);
  data_make(&data, &world, 50, 2, 3, PLAIN);
  if (data.x.rows.begin == 0 && data.x.rows.n > 0) data.target[0] = 3;
  expect_failure(&forest_model, &world, &data, &options, INVALID,
                 "row 0 has class 3, classes are 0 to 2");
  data_clear(&data);
  data_make(&data, &world, 50, 2, 3, PLAIN);
  data.training.weight = data.weight;
  if (data.x.rows.begin == 0 && data.x.rows.n > 0) data.weight[2] = 0;
  expect_failure(&forest_model, &world, &data, &options, NUMERIC,
                 "weight: row 14 weighs 0; above 0");
  data_clear(&data);
  data_make(&data, &world, 50, 0, 0, PLAIN);
  expect_failure(&forest_model, &world, &data, &options, INVALID, "no feature");
  data_clear(&data);
  data_make(&data, &world, 0, 2, 0, PLAIN);
  expect_failure(&forest_model, &world, &data, &options, INVALID, "no row");
  data_clear(&data);
}

static void faults(int64_t n_classes, bool weighted) {
  ForestOptions options = forest_defaults();
  options.trees = 2;
  options.permutations = 1;
  options.shap_rows = 10;
  if (n_classes) options.class_weight.word = 1 + CLASS_WEIGHT_BALANCED;
  fit_faults(&forest_model, n_classes, weighted, &options);
}

/* Nodes of a forest of one tree on everything. */
static int64_t nodes_of(int64_t n_classes, double times, double min_decrease, int64_t max_leaves) {
  Comm self = comm_self();
  Data data;
  Summary summary;
  void *model = NULL;
  ForestOptions options = forest_defaults();
  options.trees = 1;
  options.bootstrap = options.oob = false;
  options.min_impurity_decrease = min_decrease;
  options.max_leaf_nodes = max_leaves;
  data_make(&data, &self, 300, 4, n_classes, PLAIN);
  data.training.group = NULL;
  for (int64_t i = 0; i < 300; i++) {
    double low = matrix_column(&data.x, 0)[i] < 0.25;
    data.target[i] = n_classes ? low : low * times;
    for (int64_t j = 1; j < 4; j++) matrix_column(&data.x, j)[i] = 0;
  }
  data.target[5] = n_classes ? 1 - data.target[5] : times - data.target[5];
  summary_init(&summary, true);
  CHECK_OK(forest_model.fit_all(&self, &data.training, &options, NULL, &model, &summary));
  const Forest *forest = model;
  int64_t nodes = forest->ensemble.node_offset[1];
  forest_model.free(&model);
  summary_clear(&summary);
  data_clear(&data);
  return nodes;
}

/* A quarter of the rows has another target, and one row is odd. The first split takes all but that
 * row's impurity away: variance 3/16 or Gini 3/8, less a little; the odd row's splits about 1/300
 * in variance. The least decrease is in units of the target squared, or Gini's. */
static void least_decreases(void) {
  int64_t none = OPTION_NONE_INTEGER;
  for (double times = 1; times < 1000; times *= 30) {
    double squared = times * times;
    CHECK(nodes_of(0, times, 0, none) > 3);
    CHECK_INTEGER(nodes_of(0, times, 0.01 * squared, none), 3);
    CHECK_INTEGER(nodes_of(0, times, 0.15 * squared, none), 3);
    CHECK_INTEGER(nodes_of(0, times, 0.22 * squared, none), 1);
    CHECK_INTEGER(nodes_of(0, times, 0, 2), 3);
  }
  for (int64_t n_classes = 2; n_classes < 4; n_classes++) {
    CHECK(nodes_of(n_classes, 1, 0, none) > 3);
    CHECK_INTEGER(nodes_of(n_classes, 1, 0.3, none), 3);
    CHECK_INTEGER(nodes_of(n_classes, 1, 0.44, none), 1);
    CHECK_INTEGER(nodes_of(n_classes, 1, 0, 2), 3);
  }
}

static void feature_counts(void) {
  CHECK_INTEGER(forest_features(-1, TASK_REGRESSION, 16), 16);
  CHECK_INTEGER(forest_features(-1, TASK_CLASSIFICATION, 17), 4);
  CHECK_INTEGER(forest_features(-2, TASK_CLASSIFICATION, 17), 17);
  CHECK_INTEGER(forest_features(-3, TASK_REGRESSION, 8), 2);
  CHECK_INTEGER(forest_features(-4, TASK_REGRESSION, 17), 4);
  CHECK_INTEGER(forest_features(-5, TASK_REGRESSION, 2), 1);
  CHECK_INTEGER(forest_features(0.5, TASK_REGRESSION, 5), 2);
  CHECK_INTEGER(forest_features(1, TASK_REGRESSION, 5), 5);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  layouts();
  broadcast_samples();
  weight_is_repetition();
  balanced_classes();
  least_decreases();
  predictions(0);
  predictions(2);
  predictions(5);
  scores(0, false, "r2", 0.8, 0.999);
  scores(4, false, "accuracy", 0.45, 0.95);
  scores(0, true, "r2", 0.75, 0.999);
  scores(4, true, "accuracy", 0.4, 0.95);
  resumes();
  bad_input();
  ForestOptions options = forest_defaults();
  odd_data(&forest_model, &options, 1);
  faults(0, false);
  faults(3, false);
  faults(2, true);
  feature_counts();
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("tree/forest");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
