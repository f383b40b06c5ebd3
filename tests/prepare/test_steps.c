/* Each step on a few rows whose results are plain to see, and what a plan refuses. */
#include "tests/prepare/steps.h"

/* Fit one step on cells alone and give the features; then apply it to others. */
typedef struct Fitted {
  Steps steps;
  Recipe recipe;
  Training training;
  Matrix x, z;
} Fitted;

static Status fit_one(Fitted *f, const char *inputs, const StepKind *kind, const char *options,
                      const Cell *cells, int64_t n, const Cell *others, int64_t n_others,
                      int64_t n_classes) {
  static Comm self;
  Status status = OK;
  self = comm_self();
  *f = (Fitted){0};
  steps_init(&f->steps, inputs);
  steps_add(&f->steps, kind, options);
  training_init(&f->training, &self, cells, n, 4, n_classes);
  recipe_init(&f->recipe, &f->steps.inputs, &f->steps.list);
  TRY(recipe_fit_all(&f->recipe, &f->training.table, &f->training.fit, &f->x));
  if (n_others > 0) {
    Table rows = cells_table(&self, others, n_others, 4);
    CHECK_OK(recipe_apply(&f->recipe, &rows, &f->z));
    table_clear(&rows);
  }
done:
  return status;
}

static void fitted_clear(Fitted *f) {
  recipe_clear(&f->recipe);
  training_clear(&f->training);
  steps_clear(&f->steps);
  matrix_clear(&f->x);
  matrix_clear(&f->z);
}

static void check_values(const double *got, const double *want, int64_t n) {
  for (int64_t i = 0; got && i < n; i++) CHECK_REAL(got[i], want[i], 1e-15);
}

/* ---- plans ---- */

static void refuse(const char *inputs, const StepKind *kind, const char *options,
                   const char *message) {
  Steps steps;
  steps_init(&steps, inputs);
  steps_add(&steps, kind, options);
  CHECK_INTEGER(steps_plan(&steps, "flag", NULL), INVALID);
  CHECK_MESSAGE("recipe/0/");
  CHECK_MESSAGE(message);
  steps_clear(&steps);
}

static void plans(void) {
  refuse("x", &target_encode_step, "columns=title",
         "columns: column \"title\" is a text; target_encode takes categories and lists");
  refuse("x", &frequency_encode_step, "columns=k",
         "column \"k\" is an integer; frequency_encode takes categories and lists");
  refuse("x", &one_hot_step, "columns=x", "one_hot takes categories and lists");
  refuse("x", &impute_step, "columns=genre", "impute takes numbers and booleans");
  refuse("x", &impute_step, "columns=artists; method=most_frequent",
         "column \"artists\" is a list; impute takes numbers, booleans and categories");
  refuse("x", &impute_step, "columns=x; by=y", "by: column \"y\" is a real");
  refuse("x", &log_step, "columns=release", "column \"release\" is a date; log takes numbers");
  refuse("x", &date_part_step, "columns=x", "date_part takes dates");
  refuse("x", &scale_step, "columns=genre", "scale takes numbers");
  refuse("x", &ratio_step, "name=q; numerator=genre; denominator=x", "numerator: column \"genre\"");
  refuse("x", &ratio_step, "name=x; numerator=y; denominator=x", "name: there is a feature \"x\"");
  refuse("x", &blend_step, "name=q; weights=x:1,genre:2",
         "weights: column \"genre\" is a category");
  refuse("x", &impute_step, "columns=genr; method=most_frequent", "did you mean \"genre\"?");
  refuse("x", &target_encode_step, "columns=artist", "did you mean \"artists\"?");
  refuse("x", &drop_step, "columns=y", "column \"y\" is no feature");
  refuse("x,genre", &drop_step, "columns=genres", "did you mean \"genre\"?");
  refuse("x", &log_step, "columns=", "columns: name at least one column");
  refuse("x", &blend_step, "name=q; weights=flag:1", "column \"flag\" is not in the table");
  Variant step = step_make(&date_part_step, "columns=release; parts=year,mont");
  CHECK_INTEGER(date_part_step.kind.check(step.options), INVALID);
  CHECK_MESSAGE("parts: \"mont\" is none of");
  CHECK_MESSAGE("did you mean \"month\"?");
  variant_clear(&step);
}

/* What an earlier step made can be named, and hints know it; needed lists the raw columns. */
static void planned_chain(void) {
  Steps steps;
  Schema needed = {0};
  steps_init(&steps, "x,genre");
  steps_add(&steps, &ratio_step, "name=energy_ratio; numerator=x; denominator=y");
  steps_add(&steps, &target_encode_step, "columns=genre,artists");
  steps_add(&steps, &scale_step, "columns=energy_ratio,genre_target");
  CHECK_OK(steps_plan(&steps, "flag", &needed));
  CHECK_INTEGER(needed.n, 4);
  CHECK(schema_find(&needed, "y") && schema_find(&needed, "artists"));
  schema_clear(&needed);
  steps_add(&steps, &log_step, "columns=energy_rati");
  CHECK_INTEGER(steps_plan(&steps, "flag", NULL), INVALID);
  CHECK_MESSAGE("recipe/3/columns: column \"energy_rati\"");
  CHECK_MESSAGE("did you mean \"energy_ratio\"?");
  steps_clear(&steps);
}

/* ---- numbers ---- */

static void derived(void) {
  Cell cells[] = {{.x = 0.8, .y = 0.5},
                  {.x = 0.6, .y = 0.02},
                  {.x = 0.6, .y = 0},
                  {.x = NAN, .y = 0.5},
                  {.x = -1, .y = 2}};
  Fitted f;
  CHECK_OK(
      fit_one(&f, "x", &ratio_step, "name=q; numerator=x; denominator=y", cells, 5, cells, 5, 0));
  double ratios[] = {0.8 / 0.5, 0.6 / 0.05, NAN, NAN, -0.5};
  check_values(feature(&f.x, "q"), ratios, 5);
  check_values(feature(&f.z, "q"), ratios, 5);
  fitted_clear(&f);
  CHECK_OK(fit_one(&f, "x", &blend_step, "name=q; weights=x:0.4,y:-0.3; constant=0.3", cells, 5,
                   NULL, 0, 0));
  double blends[] = {0.3 + 0.32 - 0.15, 0.3 + 0.24 - 0.006, 0.54, NAN, -0.7};
  check_values(feature(&f.x, "q"), blends, 5);
  fitted_clear(&f);
  CHECK_OK(fit_one(&f, "x,y", &log_step, "columns=x", cells, 5, NULL, 0, 0));
  double logs[] = {log(1.8), log(1.6), log(1.6), NAN, NAN};
  check_values(feature(&f.x, "x"), logs, 5);
  CHECK_INTEGER(f.x.d, 2);
  fitted_clear(&f);
  CHECK_OK(fit_one(&f, "x,y", &drop_step, "columns=x", cells, 5, NULL, 0, 0));
  CHECK(f.x.d == 1 && strcmp(f.x.names[0], "y") == 0);
  fitted_clear(&f);
}

static void dates(void) {
  Cell cells[] = {{.release = 20240229},
                  {.release = 19990700},
                  {.release = 20000000},
                  {.release = MISSING_DATE},
                  {.release = 19691229}};
  Fitted f;
  CHECK_OK(fit_one(&f, "x,release", &date_part_step,
                   "columns=release; parts=year,decade,month,day,weekday,days", cells, 5, NULL, 0,
                   0));
  CHECK_INTEGER(f.x.d, 7);
  check_values(feature(&f.x, "release_year"), (double[]){2024, 1999, 2000, NAN, 1969}, 5);
  check_values(feature(&f.x, "release_decade"), (double[]){2020, 1990, 2000, NAN, 1960}, 5);
  check_values(feature(&f.x, "release_month"), (double[]){2, 7, NAN, NAN, 12}, 5);
  check_values(feature(&f.x, "release_day"), (double[]){29, NAN, NAN, NAN, 29}, 5);
  check_values(feature(&f.x, "release_weekday"), (double[]){3, NAN, NAN, NAN, 0}, 5);
  check_values(feature(&f.x, "release_days"),
               (double[]){(double)date_days(20240229), (double)date_days(19990715),
                          (double)date_days(20000701), NAN, -3},
               5);
  fitted_clear(&f);
}

static void scales(void) {
  Cell cells[] = {{.x = 1, .y = 0.1}, {.x = 3, .y = 0.1}, {.x = NAN, .y = 0.1},
                  {.x = 5, .y = 0.1}, {.x = 7, .y = 0.1}, {.x = NAN, .y = 0.1}};
  Cell other = {.x = 9, .y = 3};
  const char *methods[] = {"method=standard", "method=min_max", "method=robust"};
  double first[] = {-3 / sqrt(5), 0, -1}, at_nine[] = {sqrt(5), 8 / 6.0, 5.0 / 3};
  for (int m = 0; m < 3; m++) {
    Fitted f;
    CHECK_OK(fit_one(&f, "x,y", &scale_step, methods[m], cells, 6, &other, 1, 0));
    CHECK_REAL(feature(&f.x, "x")[0], first[m], 1e-15);
    CHECK_REAL(feature(&f.x, "x")[2], (double)NAN, 0);
    CHECK_REAL(feature(&f.z, "x")[0], at_nine[m], 1e-15);
    CHECK_REAL(feature(&f.x, "y")[5], 0, 0); /* constant */
    CHECK_REAL(feature(&f.z, "y")[0], 0, 0);
    fitted_clear(&f);
  }
}

/* ---- impute ---- */

static void imputes(void) {
  Cell cells[] = {
      {.x = 1, .genre = "a", .artists = "p"},  {.x = 3, .genre = "a", .artists = "p;q"},
      {.x = 8, .genre = "a", .artists = "q"},  {.x = NAN, .genre = "a", .artists = "p;q"},
      {.x = 40, .genre = "b", .artists = "q"}, {.x = NAN, .genre = "c", .artists = "r"},
      {.x = NAN, .genre = "", .artists = "-"}, {.x = 8, .genre = "b", .artists = ""}};
  Cell others[] = {{.x = NAN, .genre = "zz", .artists = "p"},
                   {.x = NAN, .genre = "b", .artists = "zz;p"},
                   {.x = NAN, .genre = "c", .artists = "q;q;p"}};
  Fitted f;
  CHECK_OK(fit_one(&f, "x", &impute_step, "columns=x; by=genre; method=mean; indicator=true", cells,
                   8, others, 3, 0));
  check_values(feature(&f.x, "x"), (double[]){1, 3, 8, 4, 40, 12, 12, 8}, 8);
  check_values(feature(&f.x, "x_missing"), (double[]){0, 0, 0, 1, 0, 1, 1, 0}, 8);
  check_values(feature(&f.z, "x"), (double[]){12, 24, 12}, 3);
  fitted_clear(&f);
  CHECK_OK(fit_one(&f, "x", &impute_step, "columns=x; by=artists; method=median", cells, 8, others,
                   3, 0));
  /* p: 2, q: 8, r: none; whole: 8 */
  check_values(feature(&f.x, "x"), (double[]){1, 3, 8, 5, 40, 8, 8, 8}, 8);
  check_values(feature(&f.z, "x"), (double[]){2, 5, 5}, 3);
  fitted_clear(&f);
  CHECK_OK(fit_one(&f, "x", &impute_step, "columns=x; method=most_frequent; by=artists", cells, 8,
                   others, 3, 0));
  /* p: 1 and 3 once each; q: 3, 8, 40; whole: 8 */
  check_values(feature(&f.x, "x"), (double[]){1, 3, 8, 1, 40, 8, 8, 8}, 8);
  check_values(feature(&f.z, "x"), (double[]){1, 8, 3}, 3);
  fitted_clear(&f);
  for (int i = 0; i < 8; i++) cells[i].x = NAN;
  CHECK_INTEGER(fit_one(&f, "x,y", &impute_step, "columns=x", cells, 8, NULL, 0, 0), NUMERIC);
  CHECK_MESSAGE("recipe/0 (impute): column \"x\": no training row has a value");
  fitted_clear(&f);
}

/* A category is filled with a word, also in a file whose dictionary lacks it. */
static void impute_category(void) {
  Cell cells[] = {{.genre = "b", .artists = "p"},
                  {.genre = "b", .artists = "p"},
                  {.genre = "c", .artists = "q"},
                  {.genre = "", .artists = "q"},
                  {.genre = "", .artists = "-"}};
  Cell others[] = {{.genre = "", .artists = "q"},
                   {.genre = "a", .artists = "q"},
                   {.genre = "", .artists = "new"}};
  Comm self = comm_self();
  Steps steps;
  Recipe recipe;
  Training t;
  Matrix x = {0}, z = {0};
  steps_init(&steps, "genre");
  steps_add(&steps, &impute_step, "columns=genre; method=most_frequent; by=artists");
  steps_add(&steps, &one_hot_step, "columns=genre");
  training_init(&t, &self, cells, 5, 4, 0);
  recipe_init(&recipe, &steps.inputs, &steps.list);
  CHECK_OK(recipe_fit_all(&recipe, &t.table, &t.fit, &x));
  check_values(feature(&x, "genre=b"), (double[]){1, 1, 0, 0, 1}, 5);
  check_values(feature(&x, "genre=c"), (double[]){0, 0, 1, 1, 0}, 5);
  Table rows = cells_table(&self, others, 3, 4);
  CHECK_OK(recipe_apply(&recipe, &rows, &z));
  check_values(feature(&z, "genre=b"), (double[]){0, 0, 1}, 3);
  check_values(feature(&z, "genre=c"), (double[]){1, 0, 0}, 3);
  table_clear(&rows);
  matrix_clear(&x);
  matrix_clear(&z);
  recipe_clear(&recipe);
  training_clear(&t);
  steps_clear(&steps);
}

/* ---- words ---- */

static void encodings(void) {
  Cell cells[] = {{.artists = "p;q;p"}, {.artists = "p"}, {.artists = "-"}, {.artists = "r;q"}};
  Cell others[] = {{.artists = "q;zz"}, {.artists = "zz"}, {.artists = ""}, {.artists = "a;r;p"}};
  Fitted f;
  CHECK_OK(
      fit_one(&f, "x,artists", &frequency_encode_step, "columns=artists", cells, 4, others, 4, 0));
  CHECK_INTEGER(f.x.d, 2);
  check_values(feature(&f.x, "artists_frequency"), (double[]){0.5, 0.5, 0, 0.375}, 4);
  check_values(feature(&f.z, "artists_frequency"), (double[]){0.25, 0, 0, 0.25}, 4);
  fitted_clear(&f);
  CHECK_OK(fit_one(&f, "artists", &one_hot_step, "columns=artists; max_categories=2", cells, 4,
                   others, 4, 0));
  CHECK_INTEGER(f.x.d, 2);
  check_values(feature(&f.x, "artists=p"), (double[]){1, 1, 0, 0}, 4);
  check_values(feature(&f.x, "artists=q"), (double[]){1, 0, 0, 1}, 4);
  check_values(feature(&f.z, "artists=p"), (double[]){0, 0, 0, 1}, 4);
  check_values(feature(&f.z, "artists=q"), (double[]){1, 0, 0, 0}, 4);
  fitted_clear(&f);
}

/* Maps by walking and by searching agree; dictionaries survive being saved. */
static void maps(void) {
  Dictionary big = {0}, small = {0};
  int64_t offset[201] = {0};
  char bytes[1000];
  for (int i = 0; i < 200; i++) {
    snprintf(bytes + offset[i], 16, "%03d", i);
    offset[i + 1] = offset[i] + 3;
  }
  int32_t *map = NULL;
  CHECK_OK(dictionary_build(bytes, offset, 200, &big, NULL));
  CHECK_OK(dictionary_build("0050999199", (int64_t[]){0, 3, 4, 7, 10}, 4, &small, NULL));
  CHECK_OK(dictionary_map(&small, &big, &map)); /* 005 099 199, and a lone 0 */
  for (int w = 0; w < small.n; w++) {
    int64_t n = 0;
    const char *word = dictionary_word(&small, w, &n);
    CHECK_INTEGER(map[w], dictionary_find(&big, word, n));
  }
  memory_free(&map);
  CHECK_OK(dictionary_map(&big, &small, &map));
  for (int w = 0; w < big.n; w++) {
    int64_t n = 0;
    const char *word = dictionary_word(&big, w, &n);
    CHECK_INTEGER(map[w], dictionary_find(&small, word, n));
  }
  memory_free(&map);
  dictionary_clear(&big);
  dictionary_clear(&small);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  plans();
  planned_chain();
  derived();
  dates();
  scales();
  imputes();
  impute_category();
  encodings();
  maps();
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("prepare/steps");
  MPI_Finalize();
  return failed;
}
