/* A target that is noise stays at chance: 200 seeds of 227 rows, the size of the smallest public
 * file, with words that name a few rows each, through target encoding and through a stack; a
 * one-sided test of the mean area under the curve on test rows. (That no label of a fold is in an
 * encoding of its rows is in tests/prepare/test_target_encode.c.) */
#include "kernels/linear/logistic.h"
#include "kernels/study/stack.h"
#include "tests/study/case.h"

enum { N = 227, WHO = 60, SEEDS = 200, FOLDS = 3, BLOCK = 64 };

static const double Z_MOST = 2.33; /* exceeded by chance once in 100 */
static const double LEAK = 0.65;

/* Words of about four rows, a label by a coin, a quarter of the rows to test. */
static Table make_table(const Comm *comm, uint64_t seed, uint8_t **role, Folds *folds) {
  static Row rows[N];
  Stream s = random_stream(seed, "test/noise", 0);
  char words[WHO * 2];
  int64_t offset[WHO + 1] = {0};
  int32_t codes[WHO];
  Column *who = NULL;
  rows_random(rows, N, seed, 10, 5, 10);
  for (int64_t i = 0; i < N; i++) {
    rows[i].group = i;
    rows[i].number = random_normal(&s, (uint64_t)i, 0);
    rows[i].flag = random_uniform(&s, (uint64_t)i, 1) < 0.5;
  }
  Table table = rows_table(comm, rows, N, BLOCK);
  for (int w = 0; w < WHO; w++) {
    words[2 * w] = (char)('a' + w / 10);
    words[2 * w + 1] = (char)('0' + w % 10);
    offset[w + 1] = 2 * (w + 1);
  }
  CHECK_OK(column_new(&who, "who", COLUMN_CATEGORY, table.rows.n, 0));
  CHECK_OK(dictionary_build(words, offset, WHO, &who->dictionary, codes));
  CHECK_OK(NEW(role, table.rows.n));
  CHECK_OK(folds_init(folds, &table.rows, FOLDS));
  for (int64_t i = 0; i < table.rows.n; i++) {
    uint64_t row = (uint64_t)(table.rows.begin + i);
    who->code[i] = codes[random_integer(&s, row, 2, WHO)];
    (*role)[i] = random_uniform(&s, row, 3) < 0.25 ? ROLE_VALIDATE : ROLE_TRAIN;
    int64_t own = random_integer(&s, row, 4, FOLDS);
    for (int64_t f = 0; f < FOLDS; f++)
      folds_role(folds, f)[i] = (*role)[i] == ROLE_VALIDATE ? ROLE_NONE
                                : own == f                  ? ROLE_VALIDATE
                                                            : ROLE_TRAIN;
  }
  CHECK_OK(table_add(&table, who));
  return table;
}

/* What is fitted: an encoding and a logistic regression; or a stack of that and of a forest. */
typedef struct Plan {
  CaseRecipe recipe;
  LogisticOptions logistic;
  ForestOptions forest;
  Variant model;
  char word[2][8], *features[2];
  MemberOptions members[2];
  char *names[2];
  StackOptions stack;
  Spec spec;
} Plan;

static void plan_init(Plan *plan, bool stacked) {
  *plan =
      (Plan){.logistic = {.l2 = 1, .max_iterations = 50, .tolerance = 1e-6, .standardize = true},
             .forest = case_forest(5),
             .word = {"who", "number"}};
  plan->features[0] = plan->word[0];
  plan->features[1] = plan->word[1];
  case_recipe_init(&plan->recipe, plan->word[0], 2);
  plan->model = (Variant){.kind = &logistic_model.kind, .options = &plan->logistic};
  plan->members[0] = (MemberOptions){.model = plan->model, .level = 1};
  plan->members[1] =
      (MemberOptions){.model = {.kind = &forest_model.kind, .options = &plan->forest}, .level = 1};
  static char lines[] = "lines", trees[] = "trees";
  plan->names[0] = lines;
  plan->names[1] = trees;
  plan->stack = (StackOptions){.members = {.n = 2, .names = plan->names, .items = plan->members},
                               .meta = plan->model};
  plan->spec = (Spec){.target = "flag",
                      .group = "group",
                      .features = {2, plan->features},
                      .steps = &plan->recipe.steps,
                      .model = &plan->model,
                      .stack = stacked ? &plan->stack : NULL};
}

static double area_of(const Comm *comm, const Table *table, const uint8_t *role,
                      const SpecNeeds *needs, const Bundle *bundle) {
  MeasureOptions options = measure_options_default(1);
  FoldScores scores;
  Predicted predicted = {0};
  options.replicates = 0;
  CHECK_OK(evaluate_predict_all(comm, table, role, ROLE_VALIDATE, &needs->measured, "group", bundle,
                                &predicted));
  CHECK_OK(evaluate_scores_all(comm, &predicted, bundle, &options, &scores));
  predicted_clear(&predicted);
  return case_score(&scores, "auc");
}

/* The area on test rows. leaking: the test rows are trained on, too, which has to show. */
static double area(const Comm *comm, uint64_t seed, bool stacked, bool leaking) {
  uint8_t *role = NULL;
  Folds folds = {0};
  Plan plan;
  Bundle bundle;
  SpecNeeds needs;
  Summary unsaid;
  StudyRows training = {0};
  HeldOut held = {0};
  Table table = make_table(comm, seed, &role, &folds);
  MeasureOptions measure = measure_options_default(1);
  FoldInputs in = {.table = &table, .folds = &folds, .measure = &measure, .seed = seed};
  StackJob job = {.in = &in, .role = role, .final = true};
  summary_init(&unsaid, false);
  plan_init(&plan, stacked);
  if (leaking) plan.model = plan.members[1].model; /* which remembers rows */
  bundle_init(&bundle, &plan.spec);
  CHECK_OK(spec_needs(&plan.spec, &table, NULL, &needs));
  if (stacked)
    CHECK_OK(stack_fit_all(comm, &job, NULL, &bundle, &held, &unsaid));
  else
    CHECK_OK(study_fit_fold_all(comm, &table, leaking ? NULL : role, &needs, seed, NULL, &training,
                                &bundle, &unsaid));
  double out = area_of(comm, &table, role, &needs, &bundle);
  held_out_clear(&held);
  study_rows_clear(&training);
  spec_needs_clear(&needs);
  bundle_clear(&bundle);
  case_recipe_clear(&plan.recipe);
  folds_clear(&folds);
  memory_free(&role);
  table_clear(&table);
  return out;
}

/* Ranks take seeds in turn. Returns how many standard errors the mean lies above chance. */
static double above_chance(const Comm *comm, bool stacked, bool leaking, double *mean) {
  static double areas[SEEDS];
  const Comm self = comm_self();
  double squares = 0;
  for (int i = 0; i < SEEDS; i++)
    areas[i] = i % comm->size == comm->rank ? area(&self, 1000 + (uint64_t)i, stacked, leaking)
                                            : -INFINITY;
  comm_max_real_all(comm, areas, SEEDS);
  *mean = 0;
  for (int i = 0; i < SEEDS; i++) *mean += areas[i] / SEEDS;
  for (int i = 0; i < SEEDS; i++) squares += pow(areas[i] - *mean, 2);
  return (*mean - 0.5) / sqrt(squares / (SEEDS - 1) / SEEDS);
}

static void test_noise(const Comm *comm) {
  double mean[3];
  double encoded = above_chance(comm, false, false, &mean[0]);
  double stacked = above_chance(comm, true, false, &mean[1]);
  above_chance(comm, false, true, &mean[2]);
  CHECK(encoded < Z_MOST);
  CHECK(stacked < Z_MOST);
  CHECK(mean[2] > LEAK); /* the control */
  if (comm->rank == 0)
    printf(
        "seeds 1000 to %d: encoded %.4f (%.2f standard errors above chance), stacked %.4f "
        "(%.2f), leaking %.4f\n",
        1000 + SEEDS - 1, mean[0], encoded, mean[1], stacked, mean[2]);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  test_noise(&world);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("study/noise");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
