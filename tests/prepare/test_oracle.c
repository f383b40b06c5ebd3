/* Steps against pandas and scikit-learn: the fixture tests/oracle/prepare.csv, which
 * tests/oracle/make_prepare.py made.
 *
 * Tolerance: 1e-12 of the value, or absolute below 1: the fixture has 13 decimals. */
#include "kernels/prepare/target_sums.h"
#include "tests/prepare/steps.h"

enum { MOST_ROWS = 200, LINE = 8192, SMOOTHING_HALVES = 15 };

typedef struct Fixture {
  Cell cells[MOST_ROWS];
  int32_t fold[MOST_ROWS];
  double class_of[MOST_ROWS];
  int64_t n, n_train;
} Fixture;

enum { BINARY = 2, CLASSES = 4 };

/* The steps of the fixture's cases. */
typedef struct Case {
  const char *name, *inputs;
  const StepKind *kind;
  const char *options;
  int64_t task; /* number of classes */
} Case;

static const Case cases[] = {
    {"impute_mean", "x,k", &impute_step, "columns=x,k; method=mean", 0},
    {"impute_median", "x,k", &impute_step, "columns=x,k; method=median", 0},
    {"impute_most_frequent", "x,k", &impute_step, "columns=x,k; method=most_frequent", 0},
    {"impute_mean_by_genre", "x,k", &impute_step, "columns=x,k; method=mean; by=genre", 0},
    {"impute_median_by_genre", "x,k", &impute_step, "columns=x,k; method=median; by=genre", 0},
    {"impute_median_by_artists", "x", &impute_step, "columns=x; by=artists; indicator=true", 0},
    {"scale_standard", "x,y,k", &scale_step, "", 0},
    {"scale_min_max", "x,y,k", &scale_step, "method=min_max; columns=x,y,k", 0},
    {"scale_robust", "x,y,k", &scale_step, "method=robust", 0},
    {"log", "y", &log_step, "columns=y", 0},
    {"ratio", "x", &ratio_step, "name=q; numerator=x; denominator=y", 0},
    {"blend", "x", &blend_step, "name=q; weights=x:0.4,k:0.3,y:-0.3; constant=0.3", 0},
    {"date_part", "release", &date_part_step,
     "columns=release; parts=year,decade,month,day,weekday,days", 0},
    {"one_hot", "genre,artists", &one_hot_step, "columns=genre,artists", 0},
    {"frequency", "genre,artists", &frequency_encode_step, "columns=genre,artists", 0},
    {"target", "genre,artists", &target_encode_step, "columns=genre,artists; smoothing=7.5", 0},
    {"target_binary", "artists", &target_encode_step, "columns=artists; smoothing=7.5", BINARY},
    {"target_classes", "genre", &target_encode_step, "columns=genre; smoothing=7.5", CLASSES},
};
enum { CASES = sizeof cases / sizeof *cases };

/* ---- reading ---- */

static char *cut(char **line) {
  char *begin = *line, *end = begin + strcspn(begin, ",\n");
  *line = *end ? end + 1 : end;
  *end = 0;
  return begin;
}

static double real_of(const char *text) { return *text ? strtod(text, NULL) : (double)NAN; }

static void read_row(Fixture *f, char *line) {
  int64_t i = f->n++;
  Cell *cell = &f->cells[i];
  CHECK(f->n <= MOST_ROWS);
  f->n_train += strcmp(cut(&line), "train") == 0;
  f->fold[i] = (int32_t)strtol(cut(&line), NULL, 10);
  cell->x = real_of(cut(&line));
  cell->y = real_of(cut(&line));
  double k = real_of(cut(&line));
  cell->k = isnan(k) ? MISSING_INTEGER : (int64_t)k;
  snprintf(cell->genre, sizeof cell->genre, "%s", cut(&line));
  snprintf(cell->artists, sizeof cell->artists, "%s", cut(&line));
  for (char *c = cell->artists; *c; c++)
    if (*c == '|') *c = ';';
  if (!cell->artists[0]) snprintf(cell->artists, sizeof cell->artists, "-");
  char *date = cut(&line);
  cell->release = *date ? (int32_t)strtol(date, NULL, 10) : MISSING_DATE;
  cell->group = i;
  cell->target = real_of(cut(&line));
  f->class_of[i] = real_of(cut(&line));
}

/* ---- one case at a time ---- */

typedef struct Run {
  const Case *c;
  Matrix x, z; /* training rows, other rows */
} Run;

/* The cells with the target of the case: the value, class 1 or not, the class. */
static Cell *cells_of(const Fixture *f, int64_t task) {
  Cell *cells = NULL;
  CHECK_OK(NEW(&cells, f->n));
  for (int64_t i = 0; i < f->n; i++) {
    cells[i] = f->cells[i];
    if (task == BINARY) cells[i].target = f->class_of[i] == 1;
    if (task == CLASSES) cells[i].target = f->class_of[i];
  }
  return cells;
}

static void run_clear(Run *run) {
  matrix_clear(&run->x);
  matrix_clear(&run->z);
}

static void run_case(Run *run, const Fixture *f, const char *name) {
  Comm self = comm_self();
  Steps steps;
  Recipe recipe;
  Training t;
  run_clear(run);
  *run = (Run){0};
  for (int c = 0; c < CASES; c++)
    if (strcmp(cases[c].name, name) == 0) run->c = &cases[c];
  CHECK(run->c != NULL);
  if (!run->c) return;
  Cell *cells = cells_of(f, run->c->task);
  training_init(&t, &self, cells, f->n_train, 16, run->c->task);
  Table others = cells_table(&self, cells + f->n_train, f->n - f->n_train, 16);
  steps_init(&steps, run->c->inputs);
  steps_add(&steps, run->c->kind, run->c->options);
  recipe_init(&recipe, &steps.inputs, &steps.list);
  CHECK_OK(steps_plan(&steps, "title", NULL));
  CHECK_OK(recipe_fit_all(&recipe, &t.table, &t.fit, &run->x));
  CHECK_OK(recipe_apply(&recipe, &others, &run->z));
  recipe_clear(&recipe);
  steps_clear(&steps);
  table_clear(&others);
  training_clear(&t);
  memory_free(&cells);
}

static void compare(double got, double want) { CHECK_REAL(got, want, 1e-12 * fmax(1, fabs(want))); }

/* Training rows too, but for targets: those are out of fold and stand in lines of their own. */
static void check_feature(const Run *run, const Fixture *f, char *line) {
  const char *name = cut(&line);
  const double *x = feature(&run->x, name), *z = feature(&run->z, name);
  bool targets = run->c->kind == &target_encode_step;
  for (int64_t i = targets ? f->n_train : 0; x && z && i < f->n; i++)
    compare(i < f->n_train ? x[i] : z[i - f->n_train], real_of(cut(&line)));
  CHECK(*line == 0);
}

static void check_folds(const Run *run, const Fixture *f, char *line) {
  Comm self = comm_self();
  Cell *cells = cells_of(f, run->c->task);
  Training t;
  WordRows words;
  TargetSums sums;
  CHECK_TEXT(run->c->name, cut(&line));
  training_init(&t, &self, cells, f->n_train, 16, run->c->task);
  CHECK_OK(word_rows_init(&words, table_find(&t.table, "artists")));
  CHECK_OK(target_sums_init_all(&sums, &self, &words, t.target, run->c->task, f->fold, 4));
  for (int64_t i = 0; i < f->n_train; i++) {
    double prior = 0, sum = 0;
    int64_t n = words.offset[i + 1] - words.offset[i];
    target_prior(&sums, f->fold[i], &prior);
    for (int64_t at = words.offset[i]; at < words.offset[i + 1]; at++)
      target_add_word(&sums, words.code[at], f->fold[i], SMOOTHING_HALVES / 2.0, &prior, &sum);
    compare(n > 0 ? sum / (double)n : 0, real_of(cut(&line)));
  }
  CHECK(*line == 0);
  target_sums_clear(&sums);
  word_rows_clear(&words);
  training_clear(&t);
  memory_free(&cells);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  static Fixture fixture;
  char path[1024], line[LINE];
  int seen = 0;
  Run run = {0};
  const char *source = getenv("SEGUE_SOURCE");
  snprintf(path, sizeof path, "%s/tests/oracle/prepare.csv", source ? source : ".");
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  while (file && fgets(line, sizeof line, file)) {
    char *at = line;
    const char *tag = cut(&at);
    if (strcmp(tag, "row") == 0)
      read_row(&fixture, at);
    else if (strcmp(tag, "case") == 0)
      run_case(&run, &fixture, cut(&at)), seen++;
    else if (!run.c)
      CHECK(false);
    else if (strcmp(tag, "value") == 0)
      check_feature(&run, &fixture, at);
    else
      check_folds(&run, &fixture, at);
  }
  if (file) fclose(file);
  CHECK_INTEGER(seen, CASES);
  run_clear(&run);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("prepare/oracle");
  MPI_Finalize();
  return failed;
}
