/* What evaluation says, against sums done by hand on one rank: the scores of a fold, any listed
 * word as a hit, the constant beside the model, parts without rows, groups of odd numbers. */
#include "kernels/constant.h"
#include "tests/study/case.h"

enum { MOST = 120 };

static const uint64_t SEED = 1414;
static char feature[] = "group"; /* the constant looks at nothing */

typedef struct Fitted {
  VariantList steps;
  Variant model;
  char *features[1];
  Spec spec;
  Bundle bundle;
  Schema measured;
  StudyRows training;
  Predicted predicted;
} Fitted;

/* Fit the constant to role 1 and predict role 2. */
static void fit(Fitted *f, const Comm *comm, const Table *table, const uint8_t *role,
                const char *target, const char *group) {
  Summary summary;
  Schema needed;
  *f = (Fitted){.features = {feature}};
  f->model = (Variant){.kind = &constant_model.kind};
  f->spec = (Spec){
      .target = target, .features = {1, f->features}, .steps = &f->steps, .model = &f->model};
  bundle_init(&f->bundle, &f->spec);
  summary_init(&summary, false);
  CHECK_OK(case_fit_all(comm, table, role, &f->spec, group, &f->bundle, &f->measured, &summary));
  CHECK_OK(schema_add(&f->measured, "genre", COLUMN_CATEGORY)); /* for errors by genre */
  needed = case_needed(&f->spec, table);
  StudyColumns columns = {.columns = &needed, .target = target, .group = group, .each_word = true};
  CHECK_OK(study_rows_all(comm, table, role, ROLE_TRAIN, &columns, &f->training));
  CHECK_OK(evaluate_predict_all(comm, table, role, ROLE_VALIDATE, &f->measured, group, &f->bundle,
                                &f->predicted));
  schema_clear(&needed);
  summary_clear(&summary);
}

static void fitted_clear(Fitted *f) {
  predicted_clear(&f->predicted);
  study_rows_clear(&f->training);
  bundle_clear(&f->bundle);
  schema_clear(&f->measured);
}

/* A number: the mean of the training rows against the test rows. */
static void test_regression(const Comm *comm, const Row *rows, const Table *table,
                            const uint8_t *all, const uint8_t *role) {
  Fitted f;
  FoldScores scores;
  Summary summary;
  MeasureOptions options = measure_options_default(1);
  double sum[3] = {0}, squares = 0, absolute = 0, spread = 0;
  int64_t n[3] = {0};
  for (int64_t i = 0; i < MOST; i++)
    if (!isnan(rows[i].number)) n[all[i]]++, sum[all[i]] += rows[i].number;
  double mean = sum[1] / (double)n[1], own = sum[2] / (double)n[2];
  for (int64_t i = 0; i < MOST; i++) {
    if (isnan(rows[i].number) || all[i] != ROLE_VALIDATE) continue;
    squares += pow(rows[i].number - mean, 2);
    spread += pow(rows[i].number - own, 2);
    absolute += fabs(rows[i].number - mean);
  }
  summary_init(&summary, comm->rank == 0);
  fit(&f, comm, table, role, "number", "group");
  CHECK_OK(evaluate_scores_all(comm, &f.predicted, &f.bundle, &options, &scores));
  CHECK_INTEGER(scores.n_validation, n[2]);
  CHECK_REAL(case_score(&scores, "rmse"), sqrt(squares / (double)n[2]), 1e-12);
  CHECK_REAL(case_score(&scores, "mae"), absolute / (double)n[2], 1e-12);
  CHECK_REAL(case_score(&scores, "r2"), 1 - squares / spread, 1e-12);
  CHECK_OK(
      evaluate_measure_all(comm, &f.predicted, &f.bundle, "genre", &options, "test", &summary));
  CHECK_OK(evaluate_baseline_all(comm, &f.training, &f.predicted, &f.bundle, &options, "constant",
                                 &summary));
  if (comm->rank == 0) {
    CHECK_REAL(summary_find(&summary, "test", "rmse"), case_score(&scores, "rmse"), 0);
    CHECK_REAL(summary_find(&summary, "constant", "rmse"), case_score(&scores, "rmse"), 0);
  }
  summary_clear(&summary);
  fitted_clear(&f);
}

/* A list: a row for each of its words in training and measuring; any of them is a hit. */
static void test_lists(const Comm *comm, const Row *rows, const Table *table, const uint8_t *all,
                       const uint8_t *role) {
  Fitted f;
  FoldScores scores;
  Summary summary;
  MeasureOptions options = measure_options_default(1);
  int64_t words[ROWS_WORDS] = {0}, best = 0, tested = 0, hits = 0, with = 0, any = 0;
  for (int64_t i = 0; i < MOST; i++)
    for (int t = 0; t < rows[i].tags && all[i] == ROLE_TRAIN; t++) words[rows[i].tag[t]]++;
  for (int64_t w = 1; w < ROWS_WORDS; w++)
    if (words[w] > words[best]) best = w;
  for (int64_t i = 0; i < MOST; i++) {
    bool hit = false;
    for (int t = 0; t < rows[i].tags && all[i] == ROLE_VALIDATE; t++, tested++) {
      hits += rows[i].tag[t] == best;
      hit |= rows[i].tag[t] == best;
    }
    with += rows[i].tags > 0 && all[i] == ROLE_VALIDATE;
    any += hit;
  }
  summary_init(&summary, comm->rank == 0);
  fit(&f, comm, table, role, "tags", NULL);
  CHECK_OK(evaluate_scores_all(comm, &f.predicted, &f.bundle, &options, &scores));
  CHECK_INTEGER(scores.n_validation, with);
  CHECK_REAL(case_score(&scores, "accuracy"), (double)hits / (double)tested, 1e-15);
  CHECK_OK(evaluate_measure_all(comm, &f.predicted, &f.bundle, NULL, &options, "test", &summary));
  if (comm->rank == 0)
    CHECK_REAL(summary_find(&summary, "test", "any_listed_accuracy"), (double)any / (double)with,
               1e-15);
  summary_clear(&summary);
  fitted_clear(&f);
}

/* No test row has a target: nothing is measured, and nothing fails. */
static void test_nothing(const Comm *comm, const Row *rows, const uint8_t *all) {
  static Row own[MOST];
  const char *targets[] = {"number", "tags", "flag"};
  memcpy(own, rows, sizeof own);
  for (int64_t i = 0; i < MOST; i++) {
    if (all[i] != ROLE_VALIDATE) continue;
    own[i].number = NAN;
    own[i].tags = i % 2 ? 0 : -1;
    own[i].flag = MISSING_BOOLEAN;
  }
  Table table = rows_table(comm, own, MOST, 4);
  for (int t = 0; t < 3; t++) {
    Fitted f;
    FoldScores scores;
    Summary summary;
    MeasureOptions options = measure_options_default(1);
    summary_init(&summary, comm->rank == 0);
    fit(&f, comm, &table, all + (table.rows.n > 0 ? table.rows.begin : 0), targets[t], "group");
    CHECK_OK(evaluate_scores_all(comm, &f.predicted, &f.bundle, &options, &scores));
    CHECK_INTEGER(scores.n_validation, 0);
    CHECK_OK(evaluate_measure_all(comm, &f.predicted, &f.bundle, NULL, &options, "test", &summary));
    CHECK_OK(evaluate_baseline_all(comm, &f.training, &f.predicted, &f.bundle, &options, "constant",
                                   &summary));
    summary_clear(&summary);
    fitted_clear(&f);
  }
  table_clear(&table);
}

/* Groups of any numbers give the same intervals on any number of ranks. */
static void test_intervals(const Comm *comm, const Row *rows, const uint8_t *all) {
  Comm self = comm_self();
  const Comm *comms[] = {comm, &self};
  Summary summary[2];
  for (int k = 0; k < 2; k++) {
    Fitted f;
    Table table = rows_table(comms[k], rows, MOST, 4);
    MeasureOptions options = measure_options_default(1);
    summary_init(&summary[k], comm->rank == 0);
    fit(&f, comms[k], &table, all + (table.rows.n > 0 ? table.rows.begin : 0), "flag", "group");
    /* probabilities that differ, so that there is an order to be measured */
    for (int64_t i = 0; i < f.predicted.rows.table.rows.n; i++) {
      f.predicted.value[2 * i + 1] = fabs(sin((double)f.predicted.rows.table.row_id[i]));
      f.predicted.value[2 * i] = 1 - f.predicted.value[2 * i + 1];
    }
    CHECK_OK(evaluate_measure_all(comms[k], &f.predicted, &f.bundle, NULL, &options, "test",
                                  &summary[k]));
    fitted_clear(&f);
    table_clear(&table);
  }
  CHECK_INTEGER(summary[0].n_metrics, summary[1].n_metrics);
  for (int64_t m = 0; m < summary[0].n_metrics; m++) {
    const Metric *a = &summary[0].metrics[m], *b = &summary[1].metrics[m];
    CHECK_TEXT(a->name, b->name);
    CHECK_REAL(a->value, b->value, 0);
    CHECK_REAL(a->low, b->low, 0);
    CHECK_REAL(a->high, b->high, 0);
    if (strcmp(a->name, "auc") == 0) CHECK(a->low < a->value && a->value < a->high);
  }
  summary_clear(&summary[0]);
  summary_clear(&summary[1]);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  static Row rows[MOST];
  static uint8_t role[MOST];
  rows_random(rows, MOST, SEED, 60, 7, 5);
  for (int64_t i = 0; i < MOST; i++) {
    rows[i].group -= 900; /* some below 0 */
    role[i] = (uint8_t)(i * 7 % 5 < 3 ? ROLE_TRAIN : i % 9 ? ROLE_VALIDATE : ROLE_NONE);
  }
  Table table = rows_table(&world, rows, MOST, 4);
  const uint8_t *mine = role + (table.rows.n > 0 ? table.rows.begin : 0);
  test_regression(&world, rows, &table, role, mine);
  test_lists(&world, rows, &table, role, mine);
  test_nothing(&world, rows, role);
  test_intervals(&world, rows, role);
  table_clear(&table);
  CHECK_INTEGER(memory_balance(), 0);
  if (check_failures > 0) fprintf(stderr, "seed %llu\n", (unsigned long long)SEED);
  int failed = check_report("evaluate");
  MPI_Finalize();
  return failed;
}
