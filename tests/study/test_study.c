/* Taking rows of a role against a naive walk, and fits that cannot be: started under mpirun, rows
 * lie on several ranks, some of which have none. */
#include "kernels/constant.h"
#include "tests/allocations.h"
#include "tests/study/case.h"

enum { MOST = 150 };

static const uint64_t SEED = 515;

/* ---- what a target asks for ---- */

static void test_problems(void) {
  static Row rows[4];
  Comm self = comm_self();
  rows_random(rows, 4, SEED, 5, 5, 5);
  Table table = rows_table(&self, rows, 4, 4);
  const struct {
    const char *name;
    Task task;
    int classes;
  } cases[] = {{"number", TASK_REGRESSION, 0},
               {"group", TASK_REGRESSION, 0},
               {"flag", TASK_CLASSIFICATION, 2},
               {"genre", TASK_CLASSIFICATION, ROWS_WORDS},
               {"tags", TASK_CLASSIFICATION, ROWS_WORDS}};
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    Problem problem;
    CHECK_OK(problem_of(table_find(&table, cases[c].name), &problem));
    CHECK_INTEGER(problem.task, cases[c].task);
    CHECK_INTEGER(problem.classes.n, cases[c].classes);
    if (cases[c].classes == 2) CHECK_INTEGER(dictionary_find(&problem.classes, "true", 4), 1);
    problem_clear(&problem);
  }
  Problem problem;
  CHECK_INTEGER(problem_of(table_find(&table, "date"), &problem), INVALID);
  CHECK_MESSAGE("target: column \"date\" is a date");
  problem_clear(&problem);
  table_clear(&table);
}

/* ---- taking rows ---- */

/* What is to be taken, in order. */
typedef struct Want {
  int64_t n, dropped;
  int64_t row[MOST * ROWS_TAGS];
  double target[MOST * ROWS_TAGS];
} Want;

static void want_row(Want *want, int64_t row, double target) {
  want->row[want->n] = row;
  want->target[want->n++] = target;
}

static void naive(const Row *rows, int64_t n, const uint8_t *role, const char *target,
                  bool each_word, Want *want) {
  *want = (Want){0};
  for (int64_t i = 0; i < n; i++) {
    const Row *row = &rows[i];
    int64_t before = want->n;
    if (role && role[i] != ROLE_TRAIN) continue;
    if (strcmp(target, "genre") == 0 && row->genre >= 0) want_row(want, i, row->genre);
    if (strcmp(target, "number") == 0 && !isnan(row->number)) want_row(want, i, row->number);
    if (strcmp(target, "flag") == 0 && row->flag != MISSING_BOOLEAN) want_row(want, i, row->flag);
    for (int t = 0; strcmp(target, "tags") == 0 && t < row->tags && (t == 0 || each_word); t++)
      want_row(want, i, row->tag[t]);
    want->dropped += want->n == before;
  }
}

static void check_taken(const StudyRows *got, const Row *rows, const Want *want, bool grouped,
                        bool own, bool weighted) {
  const Column *number = table_find(&got->table, "number");
  CHECK_INTEGER(got->table.rows.n_global, want->n);
  CHECK_INTEGER(got->dropped, want->dropped);
  CHECK_INTEGER(got->table.n_columns, 2); /* number and tags alone: target and group are out */
  CHECK((got->group != NULL) == (grouped || own));
  CHECK((got->weight != NULL) == weighted);
  for (int64_t i = 0; i < got->table.rows.n; i++) {
    int64_t at = got->table.rows.begin + i, row = want->row[at];
    CHECK_INTEGER(got->table.row_id[i], 10 * row + 3);
    CHECK_REAL(got->target[i], want->target[at], 0);
    CHECK_REAL(number->real[i], rows[row].number, 0);
    if (grouped)
      CHECK_INTEGER(got->group[i], rows[row].group);
    else if (own)
      CHECK_INTEGER(got->group[i], 10 * row + 3);
    if (weighted) CHECK_REAL(got->weight[i], (double)rows[row].group, 0);
  }
}

static void test_rows(const Comm *comm) {
  static Row rows[MOST];
  static Want want;
  static uint8_t role[MOST];
  const char *targets[] = {"genre", "number", "flag", "tags"};
  const int64_t sizes[] = {1, 2, 9, MOST};
  Schema columns = {0};
  CHECK_OK(schema_add(&columns, "number", COLUMN_REAL));
  CHECK_OK(schema_add(&columns, "tags", COLUMN_LIST));
  for (int number = 0; number < 64; number++) {
    int64_t n = sizes[number / 16];
    const char *target = targets[number % 4];
    bool each_word = number & 4, grouped = number & 8, weighted = number % 3 == 0;
    rows_random(rows, n, SEED + (uint64_t)number, 40, 9, 5);
    Stream s = random_stream(SEED, "test/role", (uint64_t)number);
    for (int64_t i = 0; i < n; i++) {
      role[i] = (uint8_t)random_integer(&s, (uint64_t)i, 0, 3);
      rows[i].group = llabs(rows[i].group);
    }
    Table table = rows_table(comm, rows, n, 4);
    const uint8_t *mine = number % 5 ? role + (table.rows.n > 0 ? table.rows.begin : 0) : NULL;
    StudyRows got;
    naive(rows, n, mine ? role : NULL, target, each_word, &want);
    StudyColumns wanted = {.columns = &columns,
                           .target = target,
                           .group = grouped ? "group" : NULL,
                           .weight = weighted ? "group" : NULL,
                           .each_word = each_word};
    CHECK_OK(study_rows_all(comm, &table, mine, ROLE_TRAIN, &wanted, &got));
    check_taken(&got, rows, &want, grouped, strcmp(target, "tags") == 0 && each_word, weighted);
    study_rows_clear(&got);
    table_clear(&table);
  }
  schema_clear(&columns);
}

static Status take(const Comm *comm, const Table *table, const char *column, StudyColumns wanted,
                   StudyRows *out) {
  Schema columns = {0};
  CHECK_OK(schema_add(&columns, column, COLUMN_REAL));
  wanted.columns = &columns;
  wanted.each_word = true;
  Status status = study_rows_all(comm, table, NULL, ROLE_TRAIN, &wanted, out);
  schema_clear(&columns);
  return status;
}

static void refuse(const Comm *comm, const Table *table, const char *column, StudyColumns wanted,
                   const char *message) {
  StudyRows got;
  CHECK_INTEGER(take(comm, table, column, wanted, &got), INVALID);
  CHECK_MESSAGE(message);
  study_rows_clear(&got);
}

static void test_refused(const Comm *comm) {
  static Row rows[40];
  StudyRows got;
  rows_random(rows, 40, SEED, 40, 9, 5);
  rows[21].group = MISSING_INTEGER;
  rows[20].number = 1;
  rows[21].number = 1;
  rows[22].group = -8;
  Table table = rows_table(comm, rows, 40, 4);
  const struct {
    const char *column, *target, *group, *weight, *message;
  } cases[] = {
      {"numbr", "number", NULL, NULL, "did you mean \"number\""},
      {"number", "numbr", NULL, NULL, "did you mean \"number\""},
      {"number", "number", "genre", NULL, "group: column \"genre\" is a category"},
      {"number", "number", "group", NULL, "group: row 213 has no number"},
      {"number", "number", NULL, "numbr", "weight: column \"numbr\" is not in the table"},
      {"number", "number", NULL, "genre", "weight: column \"genre\" is a category; weights are"},
      {"number", "number", NULL, "group", "weight: row 213 has no weight (column \"group\")"}};
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    StudyColumns wanted = {
        .target = cases[c].target, .group = cases[c].group, .weight = cases[c].weight};
    refuse(comm, &table, cases[c].column, wanted, cases[c].message);
  }
  table_clear(&table);
  rows[21].number = NAN; /* who is not taken needs no group */
  table = rows_table(comm, rows, 40, 4);
  StudyColumns weighted = {.target = "number", .weight = "group"};
  refuse(comm, &table, "number", weighted, "weight: row 223 weighs -8 (column \"group\")");
  StudyColumns grouped = {.target = "number", .group = "group"};
  CHECK_OK(take(comm, &table, "number", grouped, &got));
  for (int64_t i = 0; i < got.table.rows.n; i++)
    CHECK(got.group[i] >= 0 && got.group[i] < INT64_C(1) << 62); /* as measuring wants them */
  study_rows_clear(&got);
  table_clear(&table);
}

/* ---- fits ---- */

static bool told_of_one_class; /* by the last fit, on rank 0 */

/* Fit and predict all rows; the status of the fit. */
static Status fit(const Comm *comm, const Row *rows, int64_t n, const char *target,
                  const ModelKind *model, double *value) {
  Bundle bundle;
  Schema measured = {0};
  Predicted predicted = {0};
  CaseRecipe recipe;
  Summary summary;
  ForestOptions options = case_forest(3);
  char *features[] = {(char *)(uintptr_t) "group", (char *)(uintptr_t) "tags"};
  bool encoded = strcmp(target, "number") == 0; /* of 26 classes it would be too many columns */
  case_recipe_init(&recipe, encoded ? features[1] : NULL, 2);
  Variant kind = {.kind = &model->kind, .options = model == &forest_model ? &options : NULL};
  Spec spec = {.target = target,
               .features = {encoded ? 2 : 1, features},
               .steps = &recipe.steps,
               .model = &kind};
  Table table = rows_table(comm, rows, n, 4);
  bundle_init(&bundle, &spec);
  summary_init(&summary, comm->rank == 0);
  Status status = case_fit_all(comm, &table, NULL, &spec, NULL, &bundle, &measured, &summary);
  if (status == OK) {
    CHECK_OK(
        evaluate_predict_all(comm, &table, NULL, ROLE_TRAIN, &measured, NULL, &bundle, &predicted));
    for (int64_t i = 0; i < predicted.rows.table.rows.n * predicted.width; i++) {
      CHECK(isfinite(predicted.value[i]));
      *value = predicted.value[i];
    }
  }
  told_of_one_class = false;
  for (int64_t i = 0; i < summary.n_notes; i++)
    told_of_one_class |= strstr(summary.notes[i].text, "of one class, \"") != NULL;
  predicted_clear(&predicted);
  bundle_clear(&bundle);
  summary_clear(&summary);
  schema_clear(&measured);
  table_clear(&table);
  case_recipe_clear(&recipe);
  return status;
}

static void test_odd_fits(const Comm *comm) {
  static Row rows[30];
  const ModelKind *models[] = {&forest_model, &constant_model};
  for (int m = 0; m < 2; m++) {
    double value = NAN;
    rows_random(rows, 30, SEED, 9, 4, 5);
    for (int64_t n = 1; n <= 2; n++) { /* one row, two rows */
      for (int64_t i = 0; i < n; i++) rows[i].number = 5;
      CHECK_OK(fit(comm, rows, n, "number", models[m], &value));
    }
    if (comm->rank == comm->size - 1 && comm->size == 1) CHECK_REAL(value, 5, 0);
    CHECK_OK(fit(comm, rows, 30, "genre", models[m], &value));
    CHECK(!told_of_one_class);
    for (int64_t i = 0; i < 30; i++) rows[i].genre = 7; /* one class of 26 */
    CHECK_OK(fit(comm, rows, 30, "genre", models[m], &value));
    CHECK(told_of_one_class == (comm->rank == 0));
    for (int64_t i = 0; i < 30; i++) rows[i].number = NAN;
    CHECK_INTEGER(fit(comm, rows, 30, "number", models[m], &value), INVALID);
    CHECK_MESSAGE("no training rows");
    rows[13].number = INFINITY;
    CHECK_INTEGER(fit(comm, rows, 30, "number", models[m], &value), NUMERIC);
    CHECK_MESSAGE("the target of row 133 is not finite");
  }
}

static Status take_rows(const Comm *comm, void *context) {
  StudyRows got = {0};
  Schema columns = {0};
  StudyColumns wanted = {
      .columns = &columns, .target = "tags", .weight = "group", .each_word = true};
  Status status = status_agree_all(comm, schema_add(&columns, "number", COLUMN_REAL));
  if (status == OK) status = study_rows_all(comm, context, NULL, ROLE_TRAIN, &wanted, &got);
  study_rows_clear(&got);
  schema_clear(&columns);
  return status;
}

static void test_faults(const Comm *comm) {
  static Row rows[20];
  rows_random(rows, 20, SEED, 9, 4, 5);
  Table table = rows_table(comm, rows, 20, 4);
  allocations_fail(comm, take_rows, &table);
  table_clear(&table);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  test_problems();
  test_rows(&world);
  test_refused(&world);
  test_odd_fits(&world);
  test_faults(&world);
  CHECK_INTEGER(memory_balance(), 0);
  if (check_failures > 0) fprintf(stderr, "seed %llu\n", (unsigned long long)SEED);
  int failed = check_report("study");
  MPI_Finalize();
  return failed;
}
