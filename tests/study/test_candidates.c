/* Candidates: order by any score with ties to the lower number, the same on any number of ranks;
 * a better one is found to be better; what is wrong with a candidate is told with its name. */
#include "kernels/study/candidates.h"

#include "kernels/constant.h"
#include "tests/study/case.h"

enum { N = 300, FOLDS = 3, SPECS = 4 };

static const uint64_t SEED = 271828;
static char number[] = "number", group[] = "group";

/* Forests that know the answer (0 and 1 are alike), one that knows nothing, and the constant. */
typedef struct Specs {
  CaseRecipe nothing;
  ForestOptions options;
  Variant forest, constant;
  char *good[1], *poor[1];
  Spec spec[SPECS];
  const Spec *specs[SPECS];
} Specs;

static void specs_init(Specs *s) {
  case_recipe_init(&s->nothing, NULL, 3);
  s->options = case_forest(4);
  s->forest = (Variant){.kind = &forest_model.kind, .options = &s->options};
  s->constant = (Variant){.kind = &constant_model.kind};
  s->good[0] = number;
  s->poor[0] = group;
  for (int k = 0; k < SPECS; k++) {
    s->spec[k] = (Spec){.target = "answer",
                        .features = {1, k == 2 ? s->poor : s->good},
                        .steps = &s->nothing.steps,
                        .model = k == 3 ? &s->constant : &s->forest};
    s->specs[k] = &s->spec[k];
  }
}

static Table make_table(const Comm *comm, const Row *rows) {
  Table table = rows_table(comm, rows, N, 8);
  Column *answer = NULL, *source = table_find(&table, "number");
  CHECK_OK(column_new(&answer, "answer", COLUMN_BOOLEAN, table.rows.n, 0));
  for (int64_t i = 0; i < table.rows.n; i++)
    answer->boolean[i] = column_missing(source, i) ? MISSING_BOOLEAN : source->real[i] > 0;
  CHECK_OK(table_add(&table, answer));
  return table;
}

static void make_folds(const Table *table, Folds *folds) {
  CHECK_OK(folds_init(folds, &table->rows, FOLDS));
  for (int64_t f = 0; f < FOLDS; f++)
    for (int64_t i = 0; i < table->rows.n; i++)
      folds_role(folds, f)[i] = (table->rows.begin + i) % FOLDS == f ? ROLE_VALIDATE : ROLE_TRAIN;
}

static Candidates make_candidates(const Specs *s, const char *score) {
  static const char *const axes[] = {"features", "model"};
  static const char *const labels[] = {"good", "forest", "good", "forest",
                                       "poor", "forest", "good", "constant"};
  return (Candidates){
      .n = SPECS, .specs = s->specs, .n_labels = 2, .axes = axes, .label = labels, .score = score};
}

static void test_order(const Comm *comm, const Table *table, const Folds *folds, const Specs *s) {
  static const char *const scores[] = {NULL, "accuracy", "log_loss", "auc"};
  MeasureOptions measure = measure_options_default(SEED);
  FoldInputs in = {.table = table, .folds = folds, .measure = &measure, .seed = 5};
  for (int k = 0; k < 4; k++) {
    Candidates candidates = make_candidates(s, scores[k]);
    Standing standing;
    Summary summary;
    summary_init(&summary, comm->rank == 0);
    CHECK_OK(candidates_judge_all(comm, &in, &candidates, NULL, &standing, &summary));
    CHECK_INTEGER(standing.order[0], 0);
    CHECK_INTEGER(standing.order[1], 1);
    CHECK_INTEGER(standing.order[2] + standing.order[3], 5);
    CHECK(standing.mean[standing.score] == standing.mean[EVALUATE_SCORES + standing.score]);
    if (comm->rank == 0) {
      const SummaryTable *board = &summary.tables[0];
      int64_t behind = board->n_columns - 3;
      CHECK_INTEGER(board->n_rows, SPECS);
      CHECK(strcmp(board->cells[board->n_columns + 1].text, "good") == 0);
      /* Equal predictions differ by nothing; the poor ones are behind for certain. */
      CHECK_REAL(board->cells[board->n_columns + behind].real, 0, 0);
      for (int64_t row = 2; row < SPECS; row++) {
        const Cell *cells = board->cells + row * board->n_columns + behind;
        double sign = k == 2 ? -1 : 1; /* a larger log loss is behind */
        CHECK(sign * cells[0].real > 0);
        CHECK(sign * cells[1].real > 0 && sign * cells[2].real > 0);
      }
    }
    summary_clear(&summary);
    standing_clear(&standing);
  }
}

static void test_refusals(const Comm *comm, const Table *table, const Folds *folds, Specs *s) {
  MeasureOptions measure = measure_options_default(SEED);
  FoldInputs in = {.table = table, .folds = folds, .measure = &measure, .seed = 5};
  Candidates candidates = make_candidates(s, "acuracy");
  Standing standing;
  Summary summary;
  summary_init(&summary, comm->rank == 0);
  CHECK_INTEGER(candidates_judge_all(comm, &in, &candidates, NULL, &standing, &summary), INVALID);
  CHECK_MESSAGE("score: \"acuracy\" is no score of a classification; did you mean \"accuracy\"?");
  standing_clear(&standing);
  candidates.score = NULL;
  s->spec[2].features.items = s->good;
  s->spec[2].target = "number"; /* a target that is a feature too */
  CHECK_INTEGER(candidates_judge_all(comm, &in, &candidates, NULL, &standing, &summary), INVALID);
  standing_clear(&standing);
  s->spec[2].target = "answer";
  s->spec[2].features.items = s->poor;
  summary_clear(&summary);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  static Row rows[N];
  Specs specs;
  Folds folds;
  rows_random(rows, N, SEED, 1000000, 3, 20);
  for (int64_t i = 0; i < N; i++) rows[i].number = (double)(i % 17) - 8;
  Table table = make_table(&world, rows);
  make_folds(&table, &folds);
  specs_init(&specs);
  test_order(&world, &table, &folds, &specs);
  test_refusals(&world, &table, &folds, &specs);
  folds_clear(&folds);
  table_clear(&table);
  case_recipe_clear(&specs.nothing);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("candidates");
  MPI_Finalize();
  return failed;
}
