/* Stacks: as scikit-learn stacks on the same folds, also for rows of a held-out fold; no held-out
 * prediction hangs on a target of its fold; several levels; folds in time; bundles that nest and
 * come back from their fields; the same bits by rows and by folds on any number of ranks; stopping;
 * lack of memory. */
#include "kernels/study/stack.h"

#include "kernels/base/fault.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/logistic.h"
#include "kernels/study/out_of_fold.h"
#include "kernels/study/recalibrate.h"
#include "tests/study/case.h"

enum { MOST = 160, FOLDS = 4, FEATURES = 3, MEMBERS = 3 };

/* Every rank has all rows. */
typedef struct Given {
  int64_t n;
  double x[MOST][FEATURES], y[MOST], stack[MOST], held[MOST], classes[MOST];
  int fold[MOST], flag[MOST];
} Given;

static void read_given(Given *given) {
  char path[2048], line[1024];
  const char *source = getenv("SEGUE_SOURCE");
  snprintf(path, sizeof path, "%s/tests/oracle/stack.csv", source ? source : "../..");
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  while (file && fgets(line, sizeof line, file) && given->n < MOST) {
    int64_t i = given->n++;
    char *at = line;
    double value[9];
    for (int k = 0; k < 9; k++) {
      value[k] = strtod(at, &at);
      at++;
    }
    for (int j = 0; j < FEATURES; j++) given->x[i][j] = value[j];
    given->fold[i] = (int)value[3];
    given->y[i] = value[4];
    given->flag[i] = (int)value[5];
    given->stack[i] = value[6];
    given->held[i] = value[7];
    given->classes[i] = value[8];
  }
  if (file) fclose(file);
  CHECK_INTEGER(given->n, 120);
}

/* ---- what is stacked ---- */

static char names[FEATURES][3] = {"x0", "x1", "x2"}, *all[] = {names[0], names[1], names[2]};
static char *second[] = {names[1], names[2]}, *third[] = {names[0], names[2]};
static char *members[] = {"a", "b", "c"};

typedef struct Plan {
  LinearOptions linear;
  LogisticOptions logistic;
  Variant model;
  VariantList nothing;
  MemberOptions member[MEMBERS];
  StackOptions stack;
  Spec spec;
} Plan;

/* n members; the last is of level 2 where asked for. */
static void plan_init(Plan *plan, bool classes, int64_t n, bool two_levels) {
  *plan = (Plan){.linear = {.l2 = 0, .standardize = true},
                 .logistic = {.l2 = 0, .max_iterations = 100, .tolerance = 1e-14}};
  plan->model = classes ? (Variant){&logistic_model.kind, &plan->logistic}
                        : (Variant){&linear_model.kind, &plan->linear};
  const TextList features[MEMBERS] = {{1, all}, {2, second}, {2, third}};
  for (int64_t m = 0; m < n; m++)
    plan->member[m] = (MemberOptions){.model = plan->model, .features = features[m], .level = 1};
  if (two_levels) plan->member[n - 1].level = 2;
  plan->stack = (StackOptions){.members = {.n = n, .names = members, .items = plan->member},
                               .meta = plan->model,
                               .scale = SCALE_PROBABILITY};
  plan->spec = (Spec){.target = classes ? "flag" : "y",
                      .group = "group",
                      .features = {FEATURES, all},
                      .steps = &plan->nothing,
                      .model = &plan->stack.meta,
                      .stack = &plan->stack};
}

/* ---- where ---- */

typedef struct Place {
  Table table;
  Folds folds;
  uint8_t role[MOST];
  MeasureOptions measure;
  FoldInputs in;
} Place;

static double noise(int64_t i) {
  Stream stream = random_stream(9, "test/stack", 0);
  return random_uniform(&stream, (uint64_t)i, 0);
}

static void add_real(Table *table, const char *name, const double *all_rows, int64_t stride) {
  Column *column = NULL;
  CHECK_OK(column_new(&column, name, COLUMN_REAL, table->rows.n, 0));
  for (int64_t i = 0; i < table->rows.n; i++)
    column->real[i] = all_rows[(table->rows.begin + i) * stride];
  CHECK_OK(table_add(table, column));
}

/* spoilt: the fold whose targets are replaced by noise; -1: none. in_time: expanding windows. */
static void place_init(Place *place, const Comm *comm, const Given *given, int spoilt,
                       bool in_time) {
  Rows rows = rows_share(comm, given->n, 8);
  double y[MOST];
  Column *flag = NULL, *group = NULL;
  CHECK_OK(table_init(&place->table, &rows));
  CHECK_OK(folds_init(&place->folds, &rows, FOLDS));
  for (int64_t i = 0; i < given->n; i++)
    y[i] = given->fold[i] == spoilt ? 1000 * noise(i) : given->y[i];
  for (int j = 0; j < FEATURES; j++) add_real(&place->table, names[j], &given->x[0][j], FEATURES);
  add_real(&place->table, "y", y, 1);
  CHECK_OK(column_new(&flag, "flag", COLUMN_BOOLEAN, rows.n, 0));
  CHECK_OK(column_new(&group, "group", COLUMN_INTEGER, rows.n, 0));
  for (int64_t i = 0; i < rows.n; i++) {
    int64_t at = rows.begin + i;
    flag->boolean[i] = (uint8_t)(given->fold[at] == spoilt ? noise(at) < 0.5 : given->flag[at]);
    group->integer[i] = at;
    place->role[i] = given->fold[at] < 0 ? ROLE_VALIDATE : ROLE_TRAIN;
    for (int f = 0; f < FOLDS; f++) {
      bool later = in_time && given->fold[at] > f;
      folds_role(&place->folds, f)[i] = given->fold[at] < 0 || later ? ROLE_NONE
                                        : given->fold[at] == f       ? ROLE_VALIDATE
                                                                     : ROLE_TRAIN;
    }
  }
  CHECK_OK(table_add(&place->table, flag));
  CHECK_OK(table_add(&place->table, group));
  place->measure = measure_options_default(3);
  place->measure.replicates = 40;
  place->in = (FoldInputs){
      .table = &place->table, .folds = &place->folds, .measure = &place->measure, .seed = 5};
}

static void place_clear(Place *place) {
  table_clear(&place->table);
  folds_clear(&place->folds);
}

static Status stack_all(const Comm *comm, const Place *place, const Spec *spec, Spread spread,
                        WorkSink *sink, Bundle *bundle, HeldOut *held) {
  Summary unsaid;
  FoldInputs in = place->in;
  StackJob job = {.in = &in, .role = place->role, .guard = true, .final = true};
  in.spread = spread;
  summary_init(&unsaid, false);
  bundle_init(bundle, spec);
  return stack_fit_all(comm, &job, sink, bundle, held, &unsaid);
}

/* ---- as scikit-learn ---- */

static void test_oracle(const Comm *comm, const Given *given, bool classes) {
  static double value[2 * MOST];
  Place place;
  Plan plan;
  Bundle bundle;
  HeldOut held;
  plan_init(&plan, classes, classes ? 2 : 3, false);
  place_init(&place, comm, given, -1, false);
  CHECK_OK(stack_all(comm, &place, &plan.spec, SPREAD_AUTO, NULL, &bundle, &held));
  CHECK_OK(bundle_predict(&bundle, &place.table, value));
  CHECK_INTEGER(bundle.needed.n, 3);
  for (int64_t i = 0; i < place.table.rows.n; i++) {
    int64_t at = place.table.rows.begin + i;
    if (classes) {
      CHECK_REAL(value[2 * i + 1], given->classes[at], 1e-7);
      continue;
    }
    CHECK_REAL(value[i], given->stack[at], 1e-10);
    CHECK_REAL(held.stack[i], given->held[at], 1e-10);
    for (int m = 0; m < 3; m++) CHECK(isnan(held.member[m][i]) == (given->fold[at] < 0));
  }
  held_out_clear(&held);
  bundle_clear(&bundle);
  place_clear(&place);
}

/* ---- no leak ---- */

/* Noise in the place of a fold's targets changes nothing that is predicted for the fold when it is
 * held out, neither by members of any level nor by the stack; it changes what others get. */
static void test_no_leak(const Comm *comm, const Given *given, bool classes, bool two_levels) {
  Plan plan;
  Bundle bundle[2];
  HeldOut held[2];
  Place place[2];
  plan_init(&plan, classes, 3, two_levels);
  for (int fold = 0; fold < FOLDS; fold++) {
    int64_t changed = 0, width = classes ? 2 : 1;
    for (int k = 0; k < 2; k++) {
      place_init(&place[k], comm, given, k == 0 ? -1 : fold, false);
      CHECK_OK(stack_all(comm, &place[k], &plan.spec, SPREAD_AUTO, NULL, &bundle[k], &held[k]));
    }
    for (int64_t i = 0; i < place[0].table.rows.n; i++)
      for (int64_t m = 0; m <= 3; m++) {
        const double *before = m < 3 ? held[0].member[m] : held[0].stack;
        const double *after = m < 3 ? held[1].member[m] : held[1].stack;
        if (given->fold[place[0].table.rows.begin + i] == fold)
          CHECK_REAL(after[i * width], before[i * width], 0);
        else
          changed += after[i * width] != before[i * width];
      }
    CHECK(comm_sum_one_all(comm, changed) > given->n);
    for (int k = 0; k < 2; k++) {
      held_out_clear(&held[k]);
      bundle_clear(&bundle[k]);
      place_clear(&place[k]);
    }
  }
}

/* ---- bundles ---- */

static void test_bundle(const Comm *comm, const Given *given, bool classes) {
  static double value[2 * MOST], again[2 * MOST], copied[2 * MOST];
  Place place;
  Plan plan;
  Bundle bundle, read, copy;
  HeldOut held;
  Fields out, in;
  plan_init(&plan, classes, 3, true);
  plan.stack.passthrough = true;
  plan.stack.scale = SCALE_LOG_ODDS;
  place_init(&place, comm, given, -1, false);
  CHECK_OK(stack_all(comm, &place, &plan.spec, SPREAD_AUTO, NULL, &bundle, &held));
  bundle_init(&read, &plan.spec);
  bundle_init(&copy, &plan.spec);
  fields_init(&out, FIELDS_OUT);
  CHECK_OK(bundle_fields(&bundle, &out));
  CHECK_OK(fields_copy(&out, &in));
  CHECK_OK(bundle_fields(&read, &in));
  CHECK_OK(bundle_copy(&bundle, &copy));
  CHECK(fields_find(&out, "member_2/model/intercept") != NULL);
  CHECK(fields_find(&out, "meta/model/intercept") != NULL);
  CHECK_OK(bundle_predict(&bundle, &place.table, value));
  CHECK_OK(bundle_predict(&read, &place.table, again));
  CHECK_OK(bundle_predict(&copy, &place.table, copied));
  size_t bytes = (size_t)(place.table.rows.n * bundle_width(&bundle)) * sizeof(double);
  CHECK(memcmp(value, again, bytes) == 0 && memcmp(value, copied, bytes) == 0);
  table_remove(&place.table, "x1");
  CHECK_INTEGER(bundle_predict(&bundle, &place.table, value), INVALID);
  CHECK_MESSAGE("\"x1\" is not in the table");
  fields_clear(&out);
  fields_clear(&in);
  held_out_clear(&held);
  bundle_clear(&bundle);
  bundle_clear(&read);
  bundle_clear(&copy);
  place_clear(&place);
}

/* ---- the same bits ---- */

static void test_same_bits(const Comm *comm, const Given *given, bool in_time) {
  const Spread ways[] = {SPREAD_ROWS, SPREAD_FOLDS};
  Comm self = comm_self();
  Place whole, place;
  Plan plan;
  Bundle bundle, other;
  HeldOut held, alone;
  plan_init(&plan, true, 3, true);
  place_init(&whole, &self, given, -1, in_time);
  place_init(&place, comm, given, -1, in_time);
  CHECK_OK(stack_all(&self, &whole, &plan.spec, SPREAD_AUTO, NULL, &other, &alone));
  for (int way = 0; way < 2; way++) {
    static double value[2 * MOST], wanted[2 * MOST];
    CHECK_OK(stack_all(comm, &place, &plan.spec, ways[way], NULL, &bundle, &held));
    CHECK_OK(bundle_predict(&bundle, &whole.table, value));
    CHECK_OK(bundle_predict(&other, &whole.table, wanted));
    CHECK(memcmp(value, wanted, sizeof value) == 0);
    for (int64_t i = 0; i < 2 * place.table.rows.n; i++)
      CHECK_REAL(held.stack[i], alone.stack[2 * place.table.rows.begin + i], 0);
    held_out_clear(&held);
    bundle_clear(&bundle);
  }
  /* In time, members of level 1 begin with fold 1, those of level 2 with fold 2, the stack with 3.
   */
  for (int64_t i = 0; i < given->n; i++)
    CHECK(isnan(alone.stack[2 * i]) == (given->fold[i] < (in_time ? 3 : 0)));
  held_out_clear(&alone);
  bundle_clear(&other);
  place_clear(&place);
  place_clear(&whole);
}

/* ---- the guard, and what learns from a stack ---- */

static void test_guard(const Comm *comm, const Given *given) {
  Place place;
  Plan plan;
  Bundle bundle;
  HeldOut held;
  Summary summary;
  plan_init(&plan, false, 3, false);
  place_init(&place, comm, given, -1, false);
  CHECK_OK(stack_all(comm, &place, &plan.spec, SPREAD_AUTO, NULL, &bundle, &held));
  summary_init(&summary, true);
  CHECK_OK(stack_guard_all(comm, &place.in, &bundle, &held, COMPARE_RMSE, &summary));
  double sum = 0, n = 0;
  for (int64_t i = 0; i < given->n; i++) {
    if (given->fold[i] < 0) continue;
    sum += pow(given->held[i] - given->y[i], 2);
    n++;
  }
  double rmse = summary_find(&summary, "held_out", "rmse");
  double gap = summary_find(&summary, "held_out", "difference_to_best_member"), best = INFINITY;
  const SummaryTable *table = &summary.tables[0]; /* model, level, rmse ...; the stack first */
  for (int m = 1; m <= 3; m++) {
    CHECK_TEXT(table->cells[m * table->n_columns].text, members[m - 1]);
    best = fmin(best, table->cells[m * table->n_columns + 2].real);
  }
  CHECK_REAL(rmse, sqrt(sum / n), 1e-10);
  CHECK_REAL(gap, rmse - best, 1e-12);
  CHECK_INTEGER(summary.n_tables, 1);
  CHECK_INTEGER(summary.tables[0].n_rows, 4);
  bool warned = summary.notes[0].level == NOTE_WARNING;
  CHECK(gap < 0 || (warned && strstr(summary.notes[0].text, "use this member alone")));
  summary_clear(&summary);
  held_out_clear(&held);
  bundle_clear(&bundle);
  place_clear(&place);
}

/* What was kept on these folds is found on them, packed and unpacked too, and on no others. */
static void check_kept(const Comm *comm, const Place *place, const Bundle *bundle,
                       const HeldOut *held, const OutOfFold *known) {
  HeldValues kept, copy, none = {0};
  OutOfFold again;
  double *value = NULL;
  FoldInputs other = place->in;
  CHECK_OK(held_values_keep_all(comm, &place->in, place->role, held->stack, held->width, &kept));
  CHECK_OK(held_values_copy(&kept, &copy));
  held_values_clear(&kept);
  CHECK_OK(out_of_fold_all(comm, &place->in, place->role, bundle, &copy, NULL, &again));
  int64_t n = again.predicted.rows.table.rows.n;
  CHECK(again.found && !known->found);
  CHECK_INTEGER(n, known->predicted.rows.table.rows.n);
  for (int64_t i = 0; i < n; i++) {
    CHECK_REAL(again.predicted.value[2 * i], known->predicted.value[2 * i], 0);
    CHECK_INTEGER(again.fold[i], known->fold[i]);
  }
  out_of_fold_clear(&again);
  other.seed++;
  CHECK_OK(held_values_find_all(comm, &other, place->role, &copy, &value));
  CHECK(!value);
  uint8_t *role = folds_role(place->in.folds, 1);
  int64_t first = 0;
  while (first < place->table.rows.n && role[first] != ROLE_VALIDATE) first++;
  bool mine = first < place->table.rows.n;
  if (mine) role[first] = ROLE_NONE;
  CHECK_OK(held_values_find_all(comm, &place->in, place->role, &copy, &value));
  CHECK(!value);
  if (mine) role[first] = ROLE_VALIDATE;
  CHECK_OK(held_values_find_all(comm, &place->in, place->role, &none, &value));
  CHECK(!value);
  held_values_clear(&copy);
}

/* Out-of-fold predictions of a stack are its held-out ones; calibration across folds maps a fold's
 * rows by the others' alone. */
static void test_out_of_fold(const Comm *comm, const Given *given) {
  Place place;
  Plan plan;
  Bundle bundle;
  HeldOut held;
  OutOfFold known;
  double *mapped = NULL;
  Calibration like = {.method = CALIBRATION_PLATT};
  plan_init(&plan, true, 2, false);
  place_init(&place, comm, given, -1, false);
  CHECK_OK(stack_all(comm, &place, &plan.spec, SPREAD_AUTO, NULL, &bundle, &held));
  HeldValues none = {0};
  CHECK_OK(out_of_fold_all(comm, &place.in, place.role, &bundle, &none, NULL, &known));
  check_kept(comm, &place, &bundle, &held, &known);
  CHECK_OK(recalibrate_by_folds_all(comm, &known, &like, &mapped));
  CalibrationRows rows = calibration_rows(&known.predicted);
  int64_t k = 0;
  for (int64_t i = 0; i < place.table.rows.n; i++) {
    int fold = given->fold[place.table.rows.begin + i];
    if (fold < 0) continue;
    CHECK_REAL(known.predicted.value[2 * k], held.stack[2 * i], 0);
    CHECK_INTEGER(known.fold[k++], fold);
  }
  CHECK_INTEGER(k, rows.n);
  for (int f = 0; f < FOLDS; f++) {
    static uint8_t others[MOST];
    Calibration map = {.method = CALIBRATION_PLATT};
    for (int64_t i = 0; i < rows.n; i++) others[i] = known.fold[i] != f;
    rows.where = others;
    CHECK_OK(calibration_fit_all(comm, &rows, &map));
    for (int64_t i = 0; i < rows.n; i++) {
      double p[2] = {known.predicted.value[2 * i], known.predicted.value[2 * i + 1]};
      calibration_apply(&map, 1, 2, p);
      if (known.fold[i] == f) CHECK_REAL(mapped[2 * i + 1], p[1], 0);
    }
    calibration_clear(&map);
  }
  memory_free(&mapped);
  out_of_fold_clear(&known);
  held_out_clear(&held);
  bundle_clear(&bundle);
  place_clear(&place);
}

/* ---- what cannot be ---- */

static void test_refused(const Comm *comm, const Given *given) {
  Place place;
  Plan plan;
  Bundle bundle;
  HeldOut held;
  char *taken[] = {"x0", "b", "c"};
  plan_init(&plan, false, 3, false);
  place_init(&place, comm, given, -1, false);
  plan.stack.members.names = taken;
  CHECK_INTEGER(stack_all(comm, &place, &plan.spec, SPREAD_AUTO, NULL, &bundle, &held), INVALID);
  CHECK_MESSAGE("members/x0: its predictions would be called \"x0\", as a column of the input is");
  bundle_clear(&bundle);
  plan.stack.members.names = members;
  place.folds.n_folds = 1;
  CHECK_INTEGER(stack_all(comm, &place, &plan.spec, SPREAD_AUTO, NULL, &bundle, &held), INVALID);
  CHECK_MESSAGE("a stack needs 2 to 62 folds, but there are 1");
  bundle_clear(&bundle);
  held_out_clear(&held);
  place_clear(&place);
}

static void test_faults(const Comm *comm, const Given *given) {
  Place place;
  Plan plan;
  plan_init(&plan, true, 2, true);
  place_init(&place, comm, given, -1, false);
  int64_t balance = memory_balance();
  for (int rank = 0; rank < comm->size; rank++) {
    bool failed = true;
    for (int64_t nth = 1; failed && nth < 100000; nth += 1 + nth / 8) {
      Bundle bundle;
      HeldOut held;
      fault_arm(FAULT_MEMORY, comm->rank == rank ? nth : 0, false);
      Status status = stack_all(comm, &place, &plan.spec, SPREAD_FOLDS, NULL, &bundle, &held);
      failed = comm_any_all(comm, comm->rank == rank && fault_count(FAULT_MEMORY) >= nth);
      fault_arm(FAULT_MEMORY, 0, false);
      CHECK(status == (failed ? MEMORY : OK));
      held_out_clear(&held);
      bundle_clear(&bundle);
      CHECK_INTEGER(memory_balance(), balance);
    }
    CHECK(!failed);
  }
  place_clear(&place);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  static Given given;
  read_given(&given);
  test_oracle(&world, &given, false);
  test_oracle(&world, &given, true);
  for (int classes = 0; classes < 2; classes++)
    for (int levels = 0; levels < 2; levels++)
      test_no_leak(&world, &given, classes == 1, levels == 1);
  test_bundle(&world, &given, false);
  test_bundle(&world, &given, true);
  test_same_bits(&world, &given, false);
  test_same_bits(&world, &given, true);
  test_guard(&world, &given);
  test_out_of_fold(&world, &given);
  test_refused(&world, &given);
  test_faults(&world, &given);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("stack");
  MPI_Finalize();
  return failed;
}
