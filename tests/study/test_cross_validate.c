/* Specs on folds: the same bits by rows, by folds and by groups of ranks as on one rank alone;
 * stopped and taken up in another way; folds that cannot be fitted; lack of memory anywhere. */
#include "kernels/study/cross_validate.h"

#include "kernels/base/fault.h"
#include "kernels/constant.h"
#include "kernels/study/shared_fold.h"
#include "tests/study/case.h"

enum { N = 150, FOLDS = 5, SPECS = 4, TASKS = SPECS * FOLDS, MOST_UNITS = 400 };

static const uint64_t SEED = 4711;
static char encoded[] = "tags", group[] = "group";

/* Four specs: a regression and three classifications, one of them by the constant. */
typedef struct Specs {
  CaseRecipe encode, nothing;
  ForestOptions options;
  Variant forest, constant;
  char *features[2];
  Spec spec[SPECS];
} Specs;

static void specs_init(Specs *s) {
  case_recipe_init(&s->encode, encoded, 3);
  case_recipe_init(&s->nothing, NULL, 3);
  s->options = case_forest(3);
  s->forest = (Variant){.kind = &forest_model.kind, .options = &s->options};
  s->constant = (Variant){.kind = &constant_model.kind};
  s->features[0] = group;
  s->features[1] = encoded;
  Spec spec = {.group = "group",
               .features = {2, s->features},
               .steps = &s->encode.steps,
               .model = &s->forest};
  for (int k = 0; k < SPECS; k++) s->spec[k] = spec;
  s->spec[0].target = "number";
  s->spec[1].target = "flag";
  s->spec[2].target = "tags";
  s->spec[2].features.n = 1;
  s->spec[2].steps = &s->nothing.steps;
  s->spec[3].target = "genre";
  s->spec[3].features.n = 1;
  s->spec[3].steps = &s->nothing.steps;
  s->spec[3].model = &s->constant;
}

static void specs_clear(Specs *s) {
  case_recipe_clear(&s->encode);
  case_recipe_clear(&s->nothing);
}

/* Expanding windows in time; the first training part is six rows, so that classes are absent. */
static void roles_in_time(const Table *table, Folds *folds) {
  const int64_t cuts[FOLDS + 1] = {6, 30, 31, 80, 120, N};
  CHECK_OK(folds_init(folds, &table->rows, FOLDS));
  for (int64_t f = 0; f < FOLDS; f++)
    for (int64_t i = 0; i < table->rows.n; i++) {
      int64_t at = table->rows.begin + i;
      folds_role(folds, f)[i] = at < cuts[f]       ? ROLE_TRAIN
                                : at < cuts[f + 1] ? ROLE_VALIDATE
                                                   : ROLE_NONE;
    }
}

static FoldInputs inputs(const Table *table, const Folds *folds, const MeasureOptions *measure,
                         Spread spread) {
  return (FoldInputs){.table = table,
                      .folds = folds,
                      .measure = measure,
                      .seed = 5,
                      .spread = spread,
                      .keep_predictions = true};
}

static Status run(const Comm *comm, const FoldInputs *in, int64_t n, const FoldTask *tasks,
                  WorkSink *sink, FoldResult *results, int *groups) {
  CrossValidation cv;
  Status status = cross_validation_init_all(comm, in, n, tasks, &cv);
  if (status == OK) status = cross_validation_run_all(&cv, n, tasks, sink, results);
  *groups = cv.n_groups;
  cross_validation_clear_all(&cv);
  return status;
}

static void clear_results(FoldResult *results, int64_t n) {
  for (int64_t t = 0; t < n; t++) fold_result_clear(&results[t]);
}

/* The same bits; predictions of this rank's rows against those of all rows. */
static void check_same(const FoldResult *got, const FoldResult *want, const Rows *rows) {
  for (int k = 0; k < EVALUATE_SCORES; k++)
    CHECK_REAL(got->scores.value[k], want->scores.value[k], 0);
  CHECK_INTEGER(got->scores.task, want->scores.task);
  CHECK_INTEGER(got->scores.n_training, want->scores.n_training);
  CHECK_INTEGER(got->scores.n_validation, want->scores.n_validation);
  CHECK_INTEGER(got->width, want->width);
  for (int64_t i = 0; got->value && i < rows->n * got->width; i++)
    CHECK_REAL(got->value[i], want->value[rows->begin * got->width + i], 0);
}

/* What one rank finds alone, of tables that it holds as a whole. */
typedef struct Alone {
  Table table;
  Folds folds;
  FoldResult results[TASKS];
} Alone;

static void list_tasks(const Specs *specs, FoldTask *tasks) {
  for (int k = 0; k < SPECS; k++)
    for (int f = 0; f < FOLDS; f++)
      tasks[k * FOLDS + f] = (FoldTask){.spec = &specs->spec[k], .fold = f};
}

static void alone_init(Alone *alone, const Row *rows, const FoldTask *tasks,
                       const MeasureOptions *measure) {
  Comm self = comm_self();
  int groups = 0;
  alone->table = rows_table(&self, rows, N, 8);
  roles_in_time(&alone->table, &alone->folds);
  FoldInputs in = inputs(&alone->table, &alone->folds, measure, SPREAD_AUTO);
  CHECK_OK(run(&self, &in, TASKS, tasks, NULL, alone->results, &groups));
  CHECK_INTEGER(groups, 1);
}

static void alone_clear(Alone *alone) {
  clear_results(alone->results, TASKS);
  folds_clear(&alone->folds);
  table_clear(&alone->table);
}

/* Out-of-fold predictions are in the validation rows whose target is known, and nowhere else. */
static void test_alone(const Alone *alone) {
  for (int t = 0; t < TASKS; t++) {
    const FoldResult *result = &alone->results[t];
    int64_t predicted = 0;
    for (int64_t i = 0; i < N; i++) {
      bool there = !isnan(result->value[i * result->width]);
      predicted += there;
      if (there) CHECK_INTEGER(folds_role(&alone->folds, t % FOLDS)[i], ROLE_VALIDATE);
    }
    CHECK_INTEGER(predicted, result->scores.n_validation);
    CHECK(t % FOLDS == 1 || predicted > 10);
  }
  CHECK(case_score(&alone->results[3].scores, "rmse") > 0);
}

static void test_same_bits(const Comm *comm, const Alone *alone, const FoldTask *tasks,
                           const Table *table, const MeasureOptions *measure) {
  const Spread ways[] = {SPREAD_ROWS, SPREAD_FOLDS, SPREAD_AUTO};
  const int64_t counts[] = {TASKS, FOLDS, 2, 1};
  Folds folds;
  roles_in_time(table, &folds);
  for (int nodes = 0; nodes < 2; nodes++)
    for (int way = 0; way < 3; way++)
      for (int c = 0; c < 4; c++) {
        static FoldResult results[TASKS];
        int groups = 0;
        memset(results, 0, sizeof results);
        comm_pretend_nodes(nodes);
        FoldInputs in = inputs(table, &folds, measure, ways[way]);
        CHECK_OK(run(comm, &in, counts[c], tasks, NULL, results, &groups));
        if (ways[way] == SPREAD_ROWS) CHECK_INTEGER(groups, 1);
        if (ways[way] == SPREAD_FOLDS)
          CHECK_INTEGER(groups, counts[c] < comm->size ? counts[c] : comm->size);
        for (int64_t t = 0; t < counts[c]; t++)
          check_same(&results[t], &alone->results[t], &table->rows);
        clear_results(results, counts[c]);
      }
  comm_pretend_nodes(0);
  folds_clear(&folds);
}

/* Specs of one recipe and unlike models, together and so on shared folds and bins, give what each
 * gives alone. */
static void test_shared(const Comm *comm, const Specs *specs, const Table *table,
                        const MeasureOptions *measure) {
  enum { MODELS = 4 };
  static FoldResult together[MODELS * FOLDS], alone[FOLDS];
  static const Spread ways[] = {SPREAD_ROWS, SPREAD_FOLDS};
  ForestOptions options[MODELS];
  Variant model[MODELS];
  Spec spec[MODELS];
  FoldTask tasks[MODELS * FOLDS];
  Folds folds;
  int groups = 0;
  roles_in_time(table, &folds);
  for (int k = 0; k < MODELS; k++) {
    options[k] = case_forest(2 + k % 3);
    options[k].bins = k < 3 ? 255 : 7; /* other bins of the same features */
    model[k] = (Variant){.kind = &forest_model.kind, .options = &options[k]};
    spec[k] = specs->spec[1];
    spec[k].model = &model[k];
    for (int f = 0; f < FOLDS; f++) tasks[k * FOLDS + f] = (FoldTask){.spec = &spec[k], .fold = f};
  }
  CHECK(shared_fold_fits(&spec[0], &spec[3]) && !shared_fold_fits(&spec[0], &specs->spec[0]));
  for (int way = 0; way < 2; way++) {
    FoldInputs in = inputs(table, &folds, measure, ways[way]);
    memset(together, 0, sizeof together);
    CHECK_OK(run(comm, &in, MODELS * FOLDS, tasks, NULL, together, &groups));
    for (int k = 0; k < MODELS; k++) {
      memset(alone, 0, sizeof alone);
      CHECK_OK(run(comm, &in, FOLDS, tasks + k * FOLDS, NULL, alone, &groups));
      for (int f = 0; f < FOLDS; f++) {
        FoldResult *got = &together[k * FOLDS + f];
        for (int64_t s = 0; s < EVALUATE_SCORES; s++)
          CHECK_REAL(got->scores.value[s], alone[f].scores.value[s], 0);
        CHECK_INTEGER(got->scores.n_training, alone[f].scores.n_training);
        for (int64_t i = 0; i < table->rows.n * got->width; i++)
          CHECK_REAL(got->value[i], alone[f].value[i], 0);
      }
      clear_results(alone, FOLDS);
    }
    clear_results(together, MODELS * FOLDS);
  }
  folds_clear(&folds);
}

/* Beyond the budget nothing stays, and within it all does, once. */
static void test_budget(const Comm *comm, const Specs *specs, const Table *table) {
  Folds folds;
  SharedFold *fold = NULL;
  roles_in_time(table, &folds);
  for (int64_t budget = 0; budget < INT64_C(1) << 40; budget += (INT64_C(1) << 40) - 1) {
    SharedFolds set = {.budget = budget};
    for (int k = 0; k < 6; k++) {
      CHECK_OK(shared_folds_take_all(comm, &set, table, folds_role(&folds, k % 3), k % 3,
                                     &specs->spec[0], 5, &fold));
      CHECK_INTEGER(fold->x.d, 2);
      shared_folds_leave_all(comm, &set, fold);
      CHECK_INTEGER(set.n, budget == 0 ? 0 : k < 3 ? k + 1 : 3);
      CHECK((set.bytes > 0) == (budget > 0));
    }
    shared_folds_clear(&set);
  }
  folds_clear(&folds);
}

/* ---- stopping and going on ---- */

/* Keeps units; every rank's own first, all ranks' after share_all. */
typedef struct Keeper {
  WorkSink sink;
  int64_t n, unit[MOST_UNITS], bytes[MOST_UNITS];
  uint8_t *pack[MOST_UNITS];
  int64_t stop_after, ticks, last, backwards, tasks_made;
} Keeper;

static bool keep(WorkSink *base, int64_t unit, int64_t done, int64_t total, const Fields *fields) {
  Keeper *keeper = (Keeper *)(void *)base;
  keeper->backwards += done < keeper->last || done > total || total != 100;
  keeper->last = done;
  keeper->tasks_made += unit < TASKS;
  if (fields && keeper->n < MOST_UNITS) {
    keeper->unit[keeper->n] = unit;
    CHECK_OK(fields_pack(fields, &keeper->pack[keeper->n], &keeper->bytes[keeper->n]));
    keeper->n++;
  }
  keeper->ticks++;
  return keeper->stop_after > 0 && keeper->ticks >= keeper->stop_after;
}

static bool find(WorkSink *base, int64_t unit, Fields *out) {
  Keeper *keeper = (Keeper *)(void *)base;
  for (int64_t k = 0; k < keeper->n; k++) {
    if (keeper->unit[k] != unit) continue;
    CHECK_OK(fields_unpack(keeper->pack[k], keeper->bytes[k], out));
    return true;
  }
  return false;
}

static Keeper new_keeper(int64_t stop_after) {
  return (Keeper){.sink = {.tick = keep, .find = find}, .stop_after = stop_after};
}

static void keeper_clear(Keeper *keeper) {
  for (int64_t k = 0; k < keeper->n; k++) memory_free(&keeper->pack[k]);
  keeper->n = 0;
}

/* Every rank gets all units, as it would from a common folder. */
static void share_all(const Comm *comm, const Keeper *from, Keeper *to) {
  for (int r = 0; r < comm->size; r++) {
    int64_t n = from->n;
    comm_broadcast_all(comm, r, &n, sizeof n);
    for (int64_t k = 0; k < n; k++) {
      int64_t at = to->n++, facts[2] = {0};
      if (comm->rank == r) facts[0] = from->unit[k], facts[1] = from->bytes[k];
      comm_broadcast_all(comm, r, facts, sizeof facts);
      to->unit[at] = facts[0];
      to->bytes[at] = facts[1];
      CHECK_OK(NEW(&to->pack[at], facts[1]));
      if (comm->rank == r) memcpy(to->pack[at], from->pack[k], (size_t)facts[1]);
      comm_broadcast_all(comm, r, to->pack[at], (size_t)facts[1]);
    }
  }
}

static void test_stop(const Comm *comm, const Alone *alone, const FoldTask *tasks,
                      const Table *table, const MeasureOptions *measure) {
  const Spread ways[] = {SPREAD_ROWS, SPREAD_FOLDS};
  Folds folds;
  roles_in_time(table, &folds);
  for (int first = 0; first < 2; first++)
    for (int64_t stop_after = 1; stop_after < 30; stop_after += 4) {
      static FoldResult results[TASKS];
      static Keeper begun, taken_up;
      int groups = 0;
      begun = new_keeper(comm->rank == comm->size - 1 ? stop_after : 0);
      taken_up = new_keeper(0);
      memset(results, 0, sizeof results);
      FoldInputs in = inputs(table, &folds, measure, ways[first]);
      Status status = run(comm, &in, TASKS, tasks, &begun.sink, results, &groups);
      status = status_agree_all(comm, status);
      CHECK(status == STOPPED || status == OK);
      if (status == STOPPED) CHECK_MESSAGE("run again to go on");
      clear_results(results, TASKS);
      memset(results, 0, sizeof results);
      share_all(comm, &begun, &taken_up);
      in.spread = ways[1 - first];
      CHECK_OK(run(comm, &in, TASKS, tasks, &taken_up.sink, results, &groups));
      for (int t = 0; t < TASKS; t++) check_same(&results[t], &alone->results[t], &table->rows);
      int64_t before = comm_sum_one_all(comm, begun.tasks_made);
      CHECK_INTEGER(before + comm_sum_one_all(comm, taken_up.tasks_made), TASKS);
      CHECK_INTEGER(begun.backwards + taken_up.backwards, 0);
      if (comm->size == 1 && stop_after > 4) CHECK(before > 0 && status == STOPPED);
      clear_results(results, TASKS);
      keeper_clear(&begun);
      keeper_clear(&taken_up);
    }
  folds_clear(&folds);
}

/* ---- what cannot be ---- */

static void test_failures(const Comm *comm, const Specs *specs, const Table *table,
                          const MeasureOptions *measure) {
  const Spread ways[] = {SPREAD_ROWS, SPREAD_FOLDS};
  FoldTask tasks[FOLDS];
  Folds folds;
  roles_in_time(table, &folds);
  for (int64_t i = 0; i < table->rows.n; i++) /* nothing to learn from in fold 3 */
    if (folds_role(&folds, 2)[i] == ROLE_TRAIN) folds_role(&folds, 2)[i] = ROLE_NONE;
  for (int f = 0; f < FOLDS; f++) tasks[f] = (FoldTask){.spec = &specs->spec[0], .fold = f};
  Spec misspelt = specs->spec[0];
  misspelt.group = "grop";
  FoldTask wrong = {.spec = &misspelt, .fold = 0};
  for (int way = 0; way < 2; way++) {
    static FoldResult results[FOLDS];
    int groups = 0;
    memset(results, 0, sizeof results);
    FoldInputs in = inputs(table, &folds, measure, ways[way]);
    CHECK_INTEGER(run(comm, &in, FOLDS, tasks, NULL, results, &groups), INVALID);
    CHECK_MESSAGE("fold 3 of 5: no training rows");
    CHECK_INTEGER(run(comm, &in, 1, &wrong, NULL, results, &groups), INVALID);
    CHECK_MESSAGE("group: column \"grop\" is not in the table; did you mean \"group\"");
    clear_results(results, FOLDS);
  }
  folds_clear(&folds);
}

/* Folds of other rows, or with test rows in them, are refused. */
static void test_other_rows(const Comm *comm, const Table *table) {
  static uint8_t split[N];
  Folds folds;
  roles_in_time(table, &folds);
  memset(split, ROLE_TRAIN, sizeof split);
  folds_key_all(comm, table, folds.key);
  CHECK_OK(folds_check_all(comm, &folds, table, NULL, split));
  for (int64_t i = 0; i < table->rows.n; i++) /* two rows have changed places */
    if (table->rows.begin + i == 17 || table->rows.begin + i == 90)
      table->row_id[i] = 10 * (17 + 90 - (table->rows.begin + i)) + 3;
  CHECK_INTEGER(folds_check_all(comm, &folds, table, NULL, split), INVALID);
  CHECK_MESSAGE("folds: they divide 150 other rows than the input's");
  for (int64_t i = 0; i < table->rows.n; i++) table->row_id[i] = 10 * (table->rows.begin + i) + 3;
  CHECK_OK(folds_check_all(comm, &folds, table, NULL, split));
  if (table->rows.n > 0 && table->rows.begin == 0) split[2] = ROLE_VALIDATE;
  CHECK_INTEGER(folds_check_all(comm, &folds, table, NULL, split), INVALID);
  CHECK_MESSAGE("folds: 1 rows of the test part are in folds");
  folds.rows.n_global++;
  CHECK_INTEGER(folds_check_all(comm, &folds, table, NULL, split), INVALID);
  CHECK_MESSAGE("folds: they divide 151 rows, but the input has 150");
  folds_clear(&folds);
}

static void test_faults(const Comm *comm, const FoldTask *tasks, const Table *table,
                        const MeasureOptions *measure) {
  const Spread ways[] = {SPREAD_ROWS, SPREAD_FOLDS};
  Folds folds;
  roles_in_time(table, &folds);
  int64_t balance = memory_balance();
  for (int way = 0; way < 2; way++)
    for (int64_t n = 2; n <= 3; n++)
      for (int rank = 0; rank < comm->size; rank++) {
        bool failed = true;
        for (int64_t nth = 1; failed && nth < 100000; nth += 1 + nth / 20) {
          static FoldResult results[3];
          int groups = 0;
          memset(results, 0, sizeof results);
          FoldInputs in = inputs(table, &folds, measure, ways[way]);
          if (comm->rank == rank) fault_arm(FAULT_MEMORY, nth, false);
          Status status = run(comm, &in, n, tasks, NULL, results, &groups);
          failed = comm_any_all(comm, fault_count(FAULT_MEMORY) >= nth && comm->rank == rank);
          fault_arm(FAULT_MEMORY, 0, false);
          CHECK(status == (failed ? MEMORY : OK));
          clear_results(results, 3);
          CHECK_INTEGER(memory_balance(), balance);
        }
        CHECK(!failed);
      }
  folds_clear(&folds);
}

/* ---- the rule ---- */

static void test_groups(void) {
  const int64_t equal[5] = {10, 10, 10, 10, 10}, growing[5] = {50, 40, 30, 20, 10};
  const struct {
    Spread spread;
    int size;
    int64_t n;
    const int64_t *costs;
    int64_t bytes;
    int groups;
  } cases[] = {
      {SPREAD_AUTO, 1, 5, equal, 0, 1},
      {SPREAD_AUTO, 2, 5, growing, 0, 2},
      {SPREAD_AUTO, 2, 5, growing, (INT64_C(1) << 28) + 1, 1},
      {SPREAD_FOLDS, 2, 5, growing, (INT64_C(1) << 28) + 1, 2},
      {SPREAD_ROWS, 5, 5, equal, 0, 1},
      {SPREAD_AUTO, 5, 5, equal, 0, 5},
      {SPREAD_FOLDS, 12, 5, equal, 0, 5},
      {SPREAD_AUTO, 12, 5, equal, 0, 5},
      {SPREAD_AUTO, 7, 1, equal, 0, 1},
      {SPREAD_FOLDS, 7, 1, equal, 0, 1},
      {SPREAD_AUTO, 7, 2, equal, 0, 2},
      /* Four at a time leave three ranks idle in a second round; two pairs take three. */
      {SPREAD_AUTO, 4, 5, equal, 0, 2},
  };
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    int groups = 0;
    CHECK_OK(spread_groups(cases[c].spread, cases[c].size, cases[c].n, cases[c].costs,
                           cases[c].bytes, &groups));
    CHECK_INTEGER(groups, cases[c].groups);
  }
  for (int size = 1; size < 9; size++)
    for (int groups = 1; groups <= size; groups++)
      for (int rank = 0, last = 0; rank < size; last = spread_group(rank, groups, size), rank++)
        CHECK(spread_group(rank, groups, size) - last <= 1);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  static Row rows[N];
  static Alone alone;
  static FoldTask tasks[TASKS];
  static Specs specs;
  MeasureOptions measure = measure_options_default(1);
  rows_random(rows, N, SEED, 40, 6, 5);
  for (int i = 0; i < N; i++) rows[i].group = llabs(rows[i].group);
  measure.threshold = 20;
  specs_init(&specs);
  list_tasks(&specs, tasks);
  alone_init(&alone, rows, tasks, &measure);
  Table table = rows_table(&world, rows, N, 8);
  test_groups();
  test_alone(&alone);
  test_shared(&world, &specs, &table, &measure);
  test_budget(&world, &specs, &table);
  test_same_bits(&world, &alone, tasks, &table, &measure);
  test_stop(&world, &alone, tasks, &table, &measure);
  test_other_rows(&world, &table);
  test_failures(&world, &specs, &table, &measure);
  test_faults(&world, tasks, &table, &measure);
  table_clear(&table);
  alone_clear(&alone);
  specs_clear(&specs);
  CHECK_INTEGER(memory_balance(), 0);
  if (check_failures > 0) fprintf(stderr, "seed %llu\n", (unsigned long long)SEED);
  int failed = check_report("cross_validate");
  MPI_Finalize();
  return failed;
}
