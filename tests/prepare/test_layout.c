/* The same bits on any number of ranks, saved and loaded, and with failing allocations. Started
 * under mpirun it compares the whole communicator with every rank alone. */
#include "tests/allocations.h"
#include "tests/prepare/steps.h"

/* Every step at least once. */
static void all_steps(Steps *steps) {
  steps_init(steps, "x,y,k,flag,genre,artists,release");
  steps_add(steps, &impute_step, "columns=genre; method=most_frequent; by=artists");
  steps_add(steps, &impute_step, "columns=x; method=mean; by=artists; indicator=true");
  steps_add(steps, &impute_step, "columns=k; method=median; by=genre");
  steps_add(steps, &impute_step, "columns=y,flag; method=most_frequent; by=genre");
  steps_add(steps, &log_step, "columns=y");
  steps_add(steps, &ratio_step, "name=q; numerator=x; denominator=k");
  steps_add(steps, &blend_step, "name=b; weights=x:0.4,y:0.3,k:-0.3; constant=0.3");
  steps_add(steps, &frequency_encode_step, "columns=artists,genre; keep=true");
  steps_add(steps, &target_encode_step, "columns=artists,genre; smoothing=3; keep=true; folds=4");
  steps_add(steps, &one_hot_step, "columns=artists,genre; max_categories=7");
  steps_add(steps, &date_part_step, "columns=release; parts=year,decade,month,day,weekday,days");
  steps_add(steps, &scale_step, "columns=x,b");
  steps_add(steps, &scale_step, "method=robust; columns=y,k");
  steps_add(steps, &scale_step, "method=min_max");
  steps_add(steps, &pca_step, "columns=y,k,b; components=2; keep=true");
  steps_add(steps, &kmeans_step, "columns=y,k,b; k=1; starts=2; gives=both");
  steps_add(steps, &drop_step, "columns=q");
}

/* All rows of a distributed matrix, column by column within a rank's share; the caller frees it. */
static double *gather(const Comm *comm, const Matrix *x, int64_t *n) {
  double *mine = NULL;
  void *all = NULL;
  CHECK_OK(NEW(&mine, x->rows.n * x->d));
  for (int64_t i = 0; i < x->rows.n; i++)
    for (int64_t j = 0; j < x->d; j++) {
      double value = matrix_column(x, j)[i];
      mine[i * x->d + j] = isnan(value) ? -1e300 : value; /* one form of NaN */
    }
  CHECK_OK(comm_concatenate_all(comm, mine, (size_t)(x->rows.n * x->d) * sizeof *mine, &all, NULL));
  memory_free(&mine);
  *n = x->rows.n_global * x->d;
  return all;
}

static void same(double *a, int64_t a_n, double *b, int64_t b_n) {
  CHECK_INTEGER(a_n, b_n);
  CHECK(a_n == b_n && memcmp(a, b, (size_t)a_n * sizeof *a) == 0);
  memory_free(&a);
  memory_free(&b);
}

/* Training features and those of other rows, by the recipe itself and by a copy that was saved
 * and loaded. */
static void run(const Comm *comm, const Cell *cells, int64_t n, int64_t block, int64_t n_classes,
                const Cell *others, int64_t n_others, double **out, int64_t *out_n,
                double **applied, int64_t *applied_n) {
  Steps steps;
  Recipe recipe, loaded;
  Training t;
  Matrix x = {0}, z = {0}, z_loaded = {0};
  Fields fields, copy;
  all_steps(&steps);
  CHECK_OK(steps_plan(&steps, "title", NULL));
  training_init(&t, comm, cells, n, block, n_classes);
  Table rows = cells_table(comm, others, n_others, block);
  recipe_init(&recipe, &steps.inputs, &steps.list);
  recipe_init(&loaded, &steps.inputs, &steps.list);
  CHECK_OK(recipe_fit_all(&recipe, &t.table, &t.fit, &x));
  CHECK_OK(recipe_apply(&recipe, &rows, &z));
  fields_init(&fields, FIELDS_OUT);
  CHECK_OK(recipe_fields(&recipe, &fields));
  CHECK_OK(fields_copy(&fields, &copy));
  CHECK_OK(recipe_fields(&loaded, &copy));
  CHECK_OK(recipe_apply(&loaded, &rows, &z_loaded));
  int64_t loaded_n = 0;
  double *by_loaded = gather(comm, &z_loaded, &loaded_n);
  *out = gather(comm, &x, out_n);
  *applied = gather(comm, &z, applied_n);
  CHECK(loaded_n == *applied_n &&
        memcmp(by_loaded, *applied, (size_t)loaded_n * sizeof(double)) == 0);
  memory_free(&by_loaded);
  fields_clear(&fields);
  fields_clear(&copy);
  recipe_clear(&recipe);
  recipe_clear(&loaded);
  matrix_clear(&x);
  matrix_clear(&z);
  matrix_clear(&z_loaded);
  table_clear(&rows);
  training_clear(&t);
  steps_clear(&steps);
}

static void layouts(int64_t n, int64_t block, int64_t n_classes) {
  Comm world = comm_world(), self = comm_self();
  Cell *cells = cells_random(11, n, n_classes), *others = cells_random(12, 50, n_classes);
  snprintf(others[0].genre, sizeof others[0].genre, "unseen");
  snprintf(others[1].artists, sizeof others[1].artists, "unseen;artist 0");
  cells[0].x = 1, cells[0].y = 1, cells[0].k = 1, cells[0].flag = 1;
  snprintf(cells[0].genre, sizeof cells[0].genre, "genre 1");
  double *a = NULL, *b = NULL, *c = NULL, *d = NULL;
  int64_t a_n = 0, b_n = 0, c_n = 0, d_n = 0;
  run(&world, cells, n, block, n_classes, others, 50, &a, &a_n, &b, &b_n);
  run(&self, cells, n, block, n_classes, others, 50, &c, &c_n, &d, &d_n);
  same(a, a_n, c, c_n);
  same(b, b_n, d, d_n);
  memory_free(&cells);
  memory_free(&others);
}

/* A row's features do not depend on the rows beside it. */
static void rowwise(void) {
  enum { N = 40 };
  Comm self = comm_self();
  Cell *cells = cells_random(21, 200, 3), *others = cells_random(22, N, 3);
  Steps steps;
  Recipe recipe;
  Training t;
  Matrix x = {0}, whole = {0}, single = {0};
  all_steps(&steps);
  training_init(&t, &self, cells, 200, 8, 3);
  recipe_init(&recipe, &steps.inputs, &steps.list);
  CHECK_OK(recipe_fit_all(&recipe, &t.table, &t.fit, &x));
  Table rows = cells_table(&self, others, N, 8);
  CHECK_OK(recipe_apply(&recipe, &rows, &whole));
  for (int64_t i = 0; i < N; i++) {
    Table row = cells_table(&self, others + i, 1, 8);
    CHECK_OK(recipe_apply(&recipe, &row, &single));
    for (int64_t j = 0; j < x.d; j++)
      CHECK_REAL(*matrix_column(&single, j), matrix_column(&whole, j)[i], 0);
    matrix_clear(&single);
    table_clear(&row);
  }
  table_clear(&rows);
  matrix_clear(&x);
  matrix_clear(&whole);
  recipe_clear(&recipe);
  training_clear(&t);
  steps_clear(&steps);
  memory_free(&cells);
  memory_free(&others);
}

typedef struct Fitting {
  const Steps *steps;
  const Training *training;
} Fitting;

static Status fit_once(const Comm *comm, void *context) {
  const Fitting *f = context;
  Recipe recipe;
  Matrix x = {0};
  (void)comm;
  recipe_init(&recipe, &f->steps->inputs, &f->steps->list);
  Status status = recipe_fit_all(&recipe, &f->training->table, &f->training->fit, &x);
  recipe_clear(&recipe);
  matrix_clear(&x);
  return status;
}

static void faults(int64_t n_classes) {
  Comm world = comm_world();
  Cell *cells = cells_random(31, 40, n_classes);
  Steps steps;
  Training t;
  all_steps(&steps);
  training_init(&t, &world, cells, 40, 8, n_classes);
  CHECK(allocations_fail(&world, fit_once, &(Fitting){&steps, &t}) > 200);
  training_clear(&t);
  steps_clear(&steps);
  memory_free(&cells);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  const int64_t sizes[] = {1, 3, 20, 300}, classes[] = {0, 2, 5};
  for (int s = 0; s < 4; s++)
    for (int c = 0; c < 3; c++) layouts(sizes[s], 4, classes[c]);
  layouts(3000, 64, 0);
  rowwise();
  faults(0);
  faults(4);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("prepare/layout");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
