/* outliers: fences by three methods, values drawn in, rows removed: what follows is what it would
 * be if they had never been there. */
#include "tests/prepare/steps.h"

extern const StepKind outliers_step;

enum { N = 90, BLOCK = 4 };

typedef struct Fitted {
  Steps steps;
  Recipe recipe;
  Training training;
  RowsLeft left;
  Matrix x;
} Fitted;

static Status fit(const Comm *comm, const Cell *cells, int64_t n, const char *inputs,
                  const char *options, const char *then, bool may_remove, Fitted *f) {
  *f = (Fitted){0};
  steps_init(&f->steps, inputs);
  steps_add(&f->steps, &outliers_step, options);
  if (then) steps_add(&f->steps, &target_encode_step, then);
  training_init(&f->training, comm, cells, n, BLOCK, 0);
  if (may_remove) f->training.fit.left = &f->left;
  recipe_init(&f->recipe, &f->steps.inputs, &f->steps.list);
  return recipe_fit_all(&f->recipe, &f->training.table, &f->training.fit, &f->x);
}

static void fitted_clear(Fitted *f) {
  recipe_clear(&f->recipe);
  rows_left_clear(&f->left);
  training_clear(&f->training);
  steps_clear(&f->steps);
  matrix_clear(&f->x);
}

/* ---- fences ---- */

/* 1 to 9 and 100, with quartiles 3.25 and 7.75; then a missing value. */
static void check_capped(const char *options, double low, double high) {
  const Comm self = comm_self();
  Cell cells[11] = {{0}}, others[3] = {{0}};
  Fitted f;
  Matrix z = {0};
  for (int i = 0; i < 11; i++) cells[i].x = i < 9 ? i + 1 : i == 9 ? 100 : (double)NAN;
  CHECK_OK(fit(&self, cells, 11, "x", options, NULL, true, &f));
  const double *x = feature(&f.x, "x");
  for (int i = 0; i < 10; i++) CHECK_REAL(x[i], fmin(fmax(cells[i].x, low), high), 1e-12);
  CHECK(isnan(x[10]));
  CHECK_INTEGER(f.left.removed, 0);
  others[0].x = -1e6, others[1].x = 1e6, others[2].x = NAN;
  Table rows = cells_table(&self, others, 3, BLOCK);
  CHECK_OK(recipe_apply(&f.recipe, &rows, &z));
  CHECK_REAL(matrix_column(&z, 0)[0], fmax(-1e6, low), 1e-12);
  CHECK_REAL(matrix_column(&z, 0)[1], fmin(1e6, high), 1e-12);
  CHECK(isnan(matrix_column(&z, 0)[2]));
  table_clear(&rows);
  matrix_clear(&z);
  fitted_clear(&f);
}

static void test_fences(void) {
  double mean = 14.5, sd = sqrt((1 + 4 + 9 + 16 + 25 + 36 + 49 + 64 + 81 + 1e4) / 10 - mean * mean);
  check_capped("action=cap", -3.5, 14.5);
  check_capped("action=cap; factor=0", 3.25, 7.75);
  check_capped("action=cap; method=quantiles; low=0.25; high=0.75", 3.25, 7.75);
  check_capped("action=cap; method=z_score; z=2", mean - 2 * sd, mean + 2 * sd);
  check_capped("action=keep", -1e9, 1e9);
}

/* Half of the rows share a value: there is no range to measure by, so nothing is out. */
static void test_no_range(void) {
  const Comm self = comm_self();
  Cell cells[8] = {{0}};
  Fitted f;
  cells[7].x = 5;
  CHECK_OK(fit(&self, cells, 8, "x", "action=remove", NULL, true, &f));
  CHECK_INTEGER(f.left.removed, 0);
  CHECK_INTEGER(f.x.rows.n, 8);
  fitted_clear(&f);
}

/* ---- removing ---- */

/* Is it out by the fences of x that learn is to find? The test knows them from a fit that caps. */
static bool is_out(const Cell *cell, double low, double high) {
  return cell->x < low || cell->x > high;
}

static void fences_of(const Cell *cells, double *low, double *high) {
  const Comm self = comm_self();
  Fitted f;
  Cell ends[2] = {{.x = -1e9}, {.x = 1e9}};
  Matrix z = {0};
  CHECK_OK(fit(&self, cells, N, "x", "action=cap; method=quantiles; low=0.1; high=0.85", NULL, true,
               &f));
  Table rows = cells_table(&self, ends, 2, BLOCK);
  CHECK_OK(recipe_apply(&f.recipe, &rows, &z));
  *low = matrix_column(&z, 0)[0];
  *high = matrix_column(&z, 0)[1];
  table_clear(&rows);
  matrix_clear(&z);
  fitted_clear(&f);
}

/* Features and what goes with rows are those of a fit that never saw what was removed. */
static void test_removal(const Comm *comm) {
  Cell *cells = cells_random(21, N, 0), *rest = NULL;
  double low, high;
  int64_t n = 0, row[N];
  Fitted f, without;
  fences_of(cells, &low, &high);
  CHECK_OK(NEW(&rest, N));
  for (int64_t i = 0; i < N; i++) {
    if (is_out(&cells[i], low, high)) continue;
    row[n] = i;
    rest[n++] = cells[i];
  }
  CHECK(n < N - 10 && n > N / 2);
  CHECK_OK(fit(comm, cells, N, "x,y,genre",
               "action=remove; method=quantiles; low=0.1; high=0.85; columns=x", "columns=genre",
               true, &f));
  CHECK_OK(
      fit(comm, rest, n, "x,y,genre", "action=keep; columns=x", "columns=genre", true, &without));
  CHECK_INTEGER(f.left.removed, N - n);
  CHECK_INTEGER(f.x.rows.n_global, n);
  CHECK_INTEGER(f.x.rows.begin, without.x.rows.begin);
  CHECK_INTEGER(f.x.rows.n, without.x.rows.n);
  for (int64_t j = 0; j < f.x.d; j++)
    for (int64_t i = 0; i < f.x.rows.n; i++)
      CHECK_REAL(matrix_column(&f.x, j)[i], matrix_column(&without.x, j)[i], 0);
  for (int64_t i = 0; i < f.x.rows.n; i++) {
    int64_t at = f.x.rows.begin + i;
    CHECK_REAL(f.left.target[i], rest[at].target, 0);
    CHECK_INTEGER(f.left.group[i], rest[at].group);
    CHECK_INTEGER(f.left.table.row_id[i], row[at]);
  }
  CHECK(f.left.weight == NULL);
  /* Rows to predict stay. */
  Matrix z = {0};
  CHECK_OK(recipe_apply(&f.recipe, &f.training.table, &z));
  CHECK_INTEGER(z.rows.n, f.training.table.rows.n);
  for (int64_t i = 0; i < z.rows.n; i++)
    CHECK_REAL(matrix_column(&z, 0)[i], cells[z.rows.begin + i].x, 0);
  matrix_clear(&z);
  fitted_clear(&f);
  fitted_clear(&without);
  memory_free(&cells);
  memory_free(&rest);
}

/* Two steps that remove, the second by fences of what the first left; and nothing left at all. */
static void test_twice(const Comm *comm) {
  Cell *cells = cells_random(22, N, 0);
  Fitted f;
  steps_init(&f.steps, "x,y");
  f = (Fitted){.steps = f.steps};
  f.steps.list.items = f.steps.items;
  steps_add(&f.steps, &outliers_step,
            "action=remove; method=quantiles; low=0.2; high=0.8; columns=x");
  steps_add(&f.steps, &outliers_step,
            "action=remove; method=quantiles; low=0.2; high=0.8; columns=x");
  training_init(&f.training, comm, cells, N, BLOCK, 0);
  f.training.fit.left = &f.left;
  recipe_init(&f.recipe, &f.steps.inputs, &f.steps.list);
  CHECK_OK(recipe_fit_all(&f.recipe, &f.training.table, &f.training.fit, &f.x));
  CHECK_INTEGER(f.left.removed + f.x.rows.n_global, N);
  for (int64_t i = 1; i < f.x.rows.n; i++)
    CHECK(f.left.table.row_id[i] > f.left.table.row_id[i - 1]);
  for (int64_t i = 0; i < f.x.rows.n; i++)
    CHECK_REAL(matrix_column(&f.x, 0)[i], cells[f.left.table.row_id[i]].x, 0);
  fitted_clear(&f);
  for (int64_t i = 0; i < N; i++) cells[i].x = i % 2 ? 1 : -1; /* all beyond one deviation */
  CHECK_INTEGER(fit(comm, cells, N, "x", "action=remove; method=z_score; z=0.5", NULL, true, &f),
                INVALID);
  CHECK_MESSAGE("recipe/0 (outliers): removes all 90 training rows");
  fitted_clear(&f);
  CHECK_INTEGER(fit(comm, cells, N, "x", "action=remove", NULL, false, &f), INVALID);
  CHECK_MESSAGE("every row has to stay here");
  fitted_clear(&f);
  memory_free(&cells);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  test_fences();
  test_no_range();
  test_removal(&world);
  test_twice(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("outliers");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
