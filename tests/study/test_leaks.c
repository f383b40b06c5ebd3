/* It cannot leak. The target is a pure function of the recording's number, the features name the
 * recording, and every recording has twins: whatever lets a twin to the other side makes a score
 * that is far better than the constant's. Controls that do leak (rows divided, encoded and sampled
 * without the recording) show that the measurement would see it. */
#include "kernels/dataset/division.h"
#include "kernels/numeric/exact.h"
#include "tests/study/case.h"

enum { RECORDINGS = 240, TWINS = 4, N = RECORDINGS * TWINS, TREES = 12, FOLDS = 4 };

static const uint64_t SEED = 2718;

/* The best R2 that no knowledge may reach (it is below 0 but for chance), and the least of a leak.
 */
static const double NOTHING = 0.03, LEAK = 0.3;

typedef enum Target { BY_RECORDING, BY_ROW, CLASS_BY_RECORDING } Target;

/* Recordings with twins dealt over the table; "who" names the recording, "number" is as unique.
 * A recording's twins differ in genre and date, as re-releases do. */
static Table make_table(const Comm *comm, Target target) {
  static Row rows[N];
  Stream s = random_stream(SEED, "test/leaks", 0);
  rows_random(rows, N, SEED, 5, 6, 30);
  for (int64_t i = 0; i < N; i++) {
    int64_t recording = i % RECORDINGS;
    rows[i].group = recording * 7 + 1;
    rows[i].number = random_uniform(&s, (uint64_t)recording, 0);
    if (rows[i].date == MISSING_DATE && i % 3) rows[i].date = 20100101;
  }
  Table table = rows_table(comm, rows, N, 16);
  Column *who = NULL, *y = NULL;
  char words[RECORDINGS * 3];
  int64_t offset[RECORDINGS + 1] = {0};
  int32_t codes[RECORDINGS];
  for (int r = 0; r < RECORDINGS; r++) {
    for (int digit = 2, rest = r; digit >= 0; digit--, rest /= 10)
      words[3 * r + digit] = (char)('0' + rest % 10);
    offset[r + 1] = 3 * (r + 1);
  }
  bool class = target == CLASS_BY_RECORDING;
  CHECK_OK(column_new(&who, "who", COLUMN_CATEGORY, table.rows.n, 0));
  CHECK_OK(column_new(&y, "y", class ? COLUMN_BOOLEAN : COLUMN_REAL, table.rows.n, 0));
  CHECK_OK(dictionary_build(words, offset, RECORDINGS, &who->dictionary, codes));
  for (int64_t i = 0; i < table.rows.n; i++) {
    int64_t row = table.rows.begin + i, recording = row % RECORDINGS;
    double u = random_uniform(&s, (uint64_t)(target == BY_ROW ? row : recording), 1);
    who->code[i] = codes[recording];
    if (class)
      y->boolean[i] = u < 0.5;
    else
      y->real[i] = u;
  }
  CHECK_OK(table_add(&table, who));
  CHECK_OK(table_add(&table, y));
  return table;
}

/* How much better than the constant: R2, or accuracy over the share of the larger class. */
typedef struct Scores {
  double oob, test;
} Scores;

static double score_of(const Comm *comm, const Predicted *predicted, const Bundle *bundle) {
  MeasureOptions options = measure_options_default(1);
  FoldScores scores;
  options.replicates = 0;
  CHECK_OK(evaluate_scores_all(comm, predicted, bundle, &options, &scores));
  return case_score(&scores, scores.task == TASK_REGRESSION ? "r2" : "accuracy");
}

/* Fit a forest on the training rows of a role and score it out of bag and on the others. */
static Scores score_role(const Comm *comm, const Table *table, const uint8_t *role,
                         const char *group) {
  Scores out = {NAN, NAN};
  ForestOptions options = case_forest(TREES);
  Variant model = {.kind = &forest_model.kind, .options = &options};
  char names[][8] = {"number", "who"}, *features[] = {names[0], names[1]};
  CaseRecipe recipe;
  Bundle bundle;
  Schema measured = {0};
  Summary summary;
  Predicted predicted = {0};
  case_recipe_init(&recipe, names[1], 0.5);
  Spec spec = {.target = "y", .features = {2, features}, .steps = &recipe.steps, .model = &model};
  bundle_init(&bundle, &spec);
  summary_init(&summary, comm->rank == 0);
  CHECK_OK(case_fit_all(comm, table, role, &spec, group, &bundle, &measured, &summary));
  CHECK_OK(evaluate_predict_all(comm, table, role, ROLE_VALIDATE, &measured, group, &bundle,
                                &predicted));
  bool class = table_find(table, "y")->type == COLUMN_BOOLEAN;
  out.oob = summary_find(&summary, "oob", class ? "accuracy" : "r2");
  comm_broadcast_all(comm, 0, &out.oob, sizeof out.oob);
  out.test = score_of(comm, &predicted, &bundle);
  predicted_clear(&predicted);
  bundle_clear(&bundle);
  summary_clear(&summary);
  schema_clear(&measured);
  case_recipe_clear(&recipe);
  return out;
}

static void check_scores(const char *what, Scores scores, double most) {
  int before = check_failures;
  CHECK(scores.oob <= most);
  CHECK(scores.test <= most);
  if (check_failures > before)
    fprintf(stderr, "%s: out of bag %g, test %g, at most %g; seed %llu\n", what, scores.oob,
            scores.test, most, (unsigned long long)SEED);
}

/* ---- every method of dividing ---- */

typedef struct Method {
  const char *name, *stratify, *date;
  int64_t gap_days;
  Window window;
} Method;

static const Method methods[] = {{"grouped", NULL, NULL, 0, WINDOW_EXPANDING},
                                 {"stratified by word", "genre", NULL, 0, WINDOW_EXPANDING},
                                 {"stratified by number", "number", NULL, 0, WINDOW_EXPANDING},
                                 {"temporal", NULL, "date", 0, WINDOW_EXPANDING},
                                 {"temporal, gap", NULL, "date", 200, WINDOW_EXPANDING},
                                 {"temporal, rolling", NULL, "date", 30, WINDOW_ROLLING},
                                 {NULL, NULL, NULL, 0, WINDOW_EXPANDING}};

static Division division_of(const Method *method, const char *group) {
  return (Division){.group = group,
                    .stratify = method->stratify,
                    .date = method->date,
                    .gap_days = method->gap_days,
                    .window = method->window,
                    .seed = SEED};
}

static void split(const Comm *comm, const Table *table, const Method *method, const char *group,
                  uint8_t *role) {
  Division division = division_of(method, group);
  DivisionCounts counts;
  CHECK_OK(division_split_all(comm, table, &division, 0.3, 0, role, &counts));
}

static void test_splits(const Comm *comm) {
  Table table = make_table(comm, BY_RECORDING);
  uint8_t *role = NULL;
  CHECK_OK(NEW(&role, table.rows.n));
  for (const Method *method = methods; method->name; method++) {
    split(comm, &table, method, "group", role);
    check_scores(method->name, score_role(comm, &table, role, "group"), NOTHING);
  }
  memory_free(&role);
  table_clear(&table);
}

/* Folds over the training rows of a split, as the pipeline makes them. */
static void test_folds(const Comm *comm) {
  Table table = make_table(comm, BY_RECORDING);
  int64_t n = table.rows.n;
  uint8_t *role = NULL, *folds = NULL, *where = NULL;
  DivisionCounts counts;
  CHECK_OK(NEW(&role, n));
  CHECK_OK(NEW(&where, n));
  CHECK_OK(NEW(&folds, n * FOLDS));
  split(comm, &table, methods, "group", role);
  for (int64_t i = 0; i < n; i++) where[i] = role[i] == ROLE_TRAIN;
  for (const Method *method = methods; method->name; method++) {
    Division division = division_of(method, "group");
    division.where = where;
    CHECK_OK(division_folds_all(comm, &table, &division, FOLDS, folds, &counts));
    double mean = 0;
    for (int64_t f = 0; f < FOLDS; f++) {
      for (int64_t i = 0; i < n; i++) CHECK(where[i] || folds[f * n + i] == ROLE_NONE);
      Scores scores = score_role(comm, &table, folds + f * n, "group");
      mean += scores.test / FOLDS;
      CHECK(scores.oob <= 2 * NOTHING); /* some folds have few recordings */
    }
    check_scores(method->name, (Scores){mean, mean}, NOTHING);
  }
  memory_free(&role);
  memory_free(&where);
  memory_free(&folds);
  table_clear(&table);
}

/* What would leak is seen: rows divided, and rows sampled and encoded, without the recording. */
static void test_controls(const Comm *comm) {
  Table table = make_table(comm, BY_RECORDING);
  uint8_t *role = NULL;
  int64_t straddling = 0;
  CHECK_OK(NEW(&role, table.rows.n));
  split(comm, &table, methods, NULL, role);
  Scores scores = score_role(comm, &table, role, "group");
  CHECK(scores.test > LEAK);
  CHECK_OK(division_straddling_all(comm, table_find(&table, "group")->integer, role, table.rows.n,
                                   &straddling));
  CHECK(straddling > 0);
  split(comm, &table, methods, "group", role);
  scores = score_role(comm, &table, role, NULL);
  CHECK(scores.oob > LEAK);
  CHECK(scores.test <= NOTHING);
  memory_free(&role);
  table_clear(&table);
}

/* Targets that have nothing to do with anything; and classes. */
static void test_noise(const Comm *comm) {
  for (int kind = 0; kind < 2; kind++) {
    Table table = make_table(comm, kind == 0 ? BY_ROW : CLASS_BY_RECORDING);
    uint8_t *role = NULL;
    CHECK_OK(NEW(&role, table.rows.n));
    for (const Method *method = methods; method->name; method++) {
      split(comm, &table, method, "group", role);
      /* an accuracy of half, and three standard deviations of 60 test recordings */
      check_scores(method->name, score_role(comm, &table, role, "group"), kind == 0 ? 0 : 0.68);
    }
    if (kind == 1) {
      split(comm, &table, methods, NULL, role);
      Scores leaking = score_role(comm, &table, role, NULL); /* the control */
      CHECK(leaking.test > 0.8 && leaking.oob > 0.8);
    }
    memory_free(&role);
    table_clear(&table);
  }
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  test_splits(&world);
  test_folds(&world);
  test_controls(&world);
  test_noise(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("leaks");
  MPI_Finalize();
  return failed;
}
