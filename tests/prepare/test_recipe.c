/* What the recipe itself refuses: the target as a feature, features that no step has made numbers
 * of, a recipe without features, rows that lack a column. */
#include "steps.h"

static void refuse_plan(const char *inputs, const char *target, const char *message) {
  Steps steps;
  steps_init(&steps, inputs);
  CHECK_INTEGER(steps_plan(&steps, target, NULL), INVALID);
  CHECK_MESSAGE(message);
  steps_clear(&steps);
}

static void plans(void) {
  refuse_plan("x,y", "y", "features: \"y\" is the target; it cannot be a feature too");
  refuse_plan("x,genre", "y", "features: column \"genre\" is a category, not a number");
  refuse_plan("x,artists", "y", "features: column \"artists\" is a list, not a number");
  refuse_plan("x,release", "y", "date_part for dates");
  refuse_plan("x,genr", "y",
              "features: column \"genr\" is not in the table; did you mean \"genre\"?");
  Steps steps;
  Schema needed = {0};
  steps_init(&steps, "x,flag,x"); /* named twice: there once */
  CHECK_OK(steps_plan(&steps, "y", &needed));
  CHECK_INTEGER(needed.n, 2);
  schema_clear(&needed);
  steps_clear(&steps);
}

static void no_features(const Comm *comm) {
  Cell *cells = cells_random(5, 40, 0);
  Steps steps;
  Recipe recipe;
  Training t;
  Matrix x = {0};
  steps_init(&steps, "x");
  steps_add(&steps, &drop_step, "columns=x");
  training_init(&t, comm, cells, 40, 4, 0);
  recipe_init(&recipe, &steps.inputs, &steps.list);
  CHECK_INTEGER(recipe_fit_all(&recipe, &t.table, &t.fit, &x), INVALID);
  CHECK_MESSAGE("features: no column is left at the recipe's end");
  recipe_clear(&recipe);
  matrix_clear(&x);
  training_clear(&t);
  steps_clear(&steps);
  memory_free(&cells);
}

/* Columns that the steps read, not only features, have to be there when it is applied. */
static void absent_columns(const Comm *comm) {
  Cell *cells = cells_random(6, 40, 0);
  Steps steps;
  Recipe recipe;
  Training t;
  Matrix x = {0}, z = {0};
  steps_init(&steps, "x");
  steps_add(&steps, &ratio_step, "name=q; numerator=x; denominator=y");
  steps_add(&steps, &target_encode_step, "columns=genre");
  training_init(&t, comm, cells, 40, 4, 0);
  recipe_init(&recipe, &steps.inputs, &steps.list);
  CHECK_OK(recipe_fit_all(&recipe, &t.table, &t.fit, &x));
  CHECK_INTEGER(x.d, 3);
  const char *absent[] = {"genre", "y", "x"};
  for (int a = 0; a < 3; a++) {
    char message[64];
    table_remove(&t.table, absent[a]);
    snprintf(message, sizeof message, "column \"%s\" is not in the table", absent[a]);
    CHECK_INTEGER(recipe_apply(&recipe, &t.table, &z), INVALID);
    CHECK_MESSAGE(message);
    matrix_clear(&z);
  }
  recipe_clear(&recipe);
  matrix_clear(&x);
  training_clear(&t);
  steps_clear(&steps);
  memory_free(&cells);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  plans();
  no_features(&world);
  absent_columns(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("recipe");
  MPI_Finalize();
  return failed;
}
