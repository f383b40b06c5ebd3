/* Categories that no step encodes: codes by word at the recipe's end, for models that take them. */
#include "kernels/prepare/categories.h"
#include "steps.h"

static void plans(void) {
  Steps steps;
  Schema needed = {0};
  steps_init(&steps, "genre,x");
  CHECK_OK(steps_plan_for(&steps, true, "y", &needed));
  CHECK_INTEGER(needed.n, 2);
  CHECK_INTEGER(steps_plan_for(&steps, false, "y", NULL), INVALID);
  CHECK_MESSAGE("features: column \"genre\" is a category, not a number");
  steps_clear(&steps);
  schema_clear(&needed);
  steps_init(&steps, "x,artists");
  CHECK_INTEGER(steps_plan_for(&steps, true, "y", NULL), INVALID);
  CHECK_MESSAGE("features: column \"artists\" is a list, not a number");
  steps_clear(&steps);
  steps_init(&steps, "title");
  CHECK_INTEGER(steps_plan_for(&steps, true, "y", NULL), INVALID);
  CHECK_MESSAGE("features: column \"title\" is a text, not a number");
  steps_clear(&steps);
}

/* The code of a word among the distinct words of all cells, their number where no cell has it. */
static double code_of(const Cell *cells, int64_t n, const char *word) {
  double below = 0, words = 0;
  bool found = false;
  if (!*word) return NAN;
  for (int64_t i = 0; i < n; i++) {
    found |= strcmp(cells[i].genre, word) == 0;
    bool first = *cells[i].genre && strcmp(cells[i].genre, word) < 0;
    bool new = *cells[i].genre != '\0';
    for (int64_t k = 0; new &&k < i; k++) new = strcmp(cells[k].genre, cells[i].genre) != 0;
    below += first && new;
    words += new;
  }
  return found ? below : words > 0 ? words : (double)NAN;
}

static void check_codes(const Matrix *z, const Cell *rows, const Cell *cells, int64_t n) {
  CHECK_INTEGER(z->d, 2);
  CHECK_TEXT(z->names[1], "genre");
  for (int64_t i = 0; i < z->rows.n; i++) {
    const Cell *row = &rows[z->rows.begin + i];
    CHECK_REAL(matrix_column(z, 0)[i], row->x, 0);
    CHECK_REAL(matrix_column(z, 1)[i], code_of(cells, n, row->genre), 0);
  }
}

/* Fitted, applied to a file with other words, saved and loaded. */
static void codes(const Comm *comm, bool all_missing) {
  enum { N = 70, OTHERS = 25 };
  Cell *cells = cells_random(41, N, 0), *others = cells_random(42, OTHERS, 0);
  snprintf(others[3].genre, sizeof others[3].genre, "a word before all");
  snprintf(others[4].genre, sizeof others[4].genre, "genre 1 and more");
  for (int64_t i = 0; all_missing && i < N; i++) cells[i].genre[0] = '\0';
  Steps steps;
  Recipe recipe, loaded;
  Training t;
  Matrix x = {0}, z = {0};
  Fields fields, copy;
  steps_init(&steps, "x,genre");
  training_init(&t, comm, cells, N, 8, 0);
  Table rows = cells_table(comm, others, OTHERS, 4);
  recipe_init(&recipe, &steps.inputs, &steps.list);
  recipe_init(&loaded, &steps.inputs, &steps.list);
  recipe.categorical = loaded.categorical = true;
  CHECK_OK(recipe_fit_all(&recipe, &t.table, &t.fit, &x));
  check_codes(&x, cells, cells, N);
  int32_t words = recipe.words[1].n;
  CHECK(all_missing ? words == 0 : words > 3);
  CHECK_INTEGER(matrix_categories(&x, 0), 0);
  CHECK_INTEGER(matrix_categories(&x, 1), words);
  CHECK_OK(recipe_apply(&recipe, &rows, &z));
  check_codes(&z, others, cells, N);
  matrix_clear(&z);
  fields_init(&fields, FIELDS_OUT);
  CHECK_OK(recipe_fields(&recipe, &fields));
  CHECK((fields_find(&fields, "words_1/count") == NULL) == all_missing);
  CHECK(fields_find(&fields, "words_0/count") == NULL);
  CHECK_OK(fields_copy(&fields, &copy));
  CHECK_OK(recipe_fields(&loaded, &copy));
  CHECK_OK(recipe_apply(&loaded, &rows, &z));
  check_codes(&z, others, cells, N);
  fields_clear(&fields);
  fields_clear(&copy);
  recipe_clear(&recipe);
  recipe_clear(&loaded);
  matrix_clear(&x);
  matrix_clear(&z);
  table_clear(&rows);
  training_clear(&t);
  steps_clear(&steps);
  memory_free(&cells);
  memory_free(&others);
}

/* Only words that training rows have are learned. */
static void training_words_only(void) {
  enum { N = 12 };
  Comm self = comm_self();
  Cell *cells = cells_random(43, N, 0);
  for (int i = 0; i < N; i++) snprintf(cells[i].genre, sizeof cells[i].genre, "%c", "wxyz"[i % 4]);
  Table all = cells_table(&self, cells, N, 4), half;
  const int64_t at[] = {0, 2, 4, 6};
  CHECK_OK(table_take(&all, at, 4, &half)); /* w and y; the dictionary has all four */
  Dictionary words = {0};
  Column *column = NULL;
  CHECK_OK(table_require(&half, "genre", &column));
  CHECK_INTEGER(column->dictionary.n, 4);
  CHECK_OK(categories_fit_all(&self, column, &words));
  CHECK_INTEGER(words.n, 2);
  double codes[N];
  CHECK_OK(table_require(&all, "genre", &column));
  CHECK_OK(categories_encode(column, &words, codes));
  const double want[] = {0, 2, 1, 2};
  for (int i = 0; i < N; i++) CHECK_REAL(codes[i], want[i % 4], 0);
  dictionary_clear(&words);
  table_clear(&all);
  table_clear(&half);
  memory_free(&cells);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world(), self = comm_self();
  plans();
  codes(&world, false);
  codes(&self, false);
  codes(&world, true);
  training_words_only();
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("prepare/categories");
  MPI_Finalize();
  return failed;
}
