/* Boosted trees stopped and resumed, and fitted again after early stopping. */
#include "tests/tree/gbdt_case.h"

/* A unit that does not go on where the one before it ends is passed over. */
static void broken_units(void) {
  Comm self = comm_self();
  Case c = {.n = 300, .d = 4};
  GbdtOptions options = defaults();
  Hash whole[2], resumed[2] = {{{0}}};
  Keeper keeper = keeper_of(2);
  case_hash(&gbdt_model, &self, &c, &options, NULL, OK, whole);
  case_hash(&gbdt_model, &self, &c, &options, &keeper.sink, STOPPED, resumed);
  keeper.stop_after = 4;
  case_hash(&gbdt_model, &self, &c, &options, &keeper.sink, STOPPED, resumed);
  forget(&keeper, 0);
  keeper.stop_after = 3; /* unit 0 now ends after round 3, unit 1 begins after round 2 */
  case_hash(&gbdt_model, &self, &c, &options, &keeper.sink, STOPPED, resumed);
  CHECK(keeper.has[0] && keeper.has[1]);
  keeper.stop_after = INT64_MAX;
  case_hash(&gbdt_model, &self, &c, &options, &keeper.sink, OK, resumed);
  CHECK(hash_compare(&resumed[0], &whole[0]) == 0);
  keeper_clear(&keeper);
}

/* Stopped after any round and begun again, the model is the same, and what it says. */
static void resumes(Case c, GbdtOptions options) {
  Comm self = comm_self();
  options.row_share = 0.7;
  options.shap_rows = 20;
  Hash whole[2], resumed[2] = {{{0}}};
  Keeper counter = {.sink = {.tick = keep}, .stop_after = INT64_MAX};
  case_hash(&gbdt_model, &self, &c, &options, &counter.sink, OK, whole);
  keeper_clear(&counter);
  CHECK(counter.done > 5);
  for (int64_t first = 1; first + 2 < counter.done; first++) {
    Keeper keeper = keeper_of(first);
    case_hash(&gbdt_model, &self, &c, &options, &keeper.sink, STOPPED, resumed);
    keeper.stop_after = first + 2;
    case_hash(&gbdt_model, &self, &c, &options, &keeper.sink, STOPPED, resumed);
    keeper.stop_after = INT64_MAX;
    case_hash(&gbdt_model, &self, &c, &options, &keeper.sink, OK, resumed);
    CHECK(keeper.has[0] && keeper.has[1]);
    CHECK(hash_compare(&resumed[0], &whole[0]) == 0);
    CHECK(hash_compare(&resumed[1], &whole[1]) == 0);
    keeper_clear(&keeper);
  }
}

/* A refit is the fit of the best number of rounds to all rows. */
static void refits(Case c) {
  Comm world = comm_world();
  GbdtOptions options = defaults();
  Hash refitted[2], plain[2], cut[2];
  Data data;
  Summary summary;
  void *model = NULL;
  options.trees = 60;
  options.learning_rate = 0.8;
  options.early_stopping = 3;
  case_hash(&gbdt_model, &world, &c, &options, NULL, OK, cut);
  data_make(&data, &world, c.n, c.d, c.n_classes, c.order);
  summary_init(&summary, false);
  CHECK_OK(gbdt_model.fit_all(&world, &data.training, &options, NULL, &model, &summary));
  const Gbdt *gbdt = model;
  int64_t rounds = gbdt->ensemble.n_trees / gbdt->loss.outputs;
  CHECK(rounds > 0 && rounds < 60);
  options.refit = true;
  case_hash(&gbdt_model, &world, &c, &options, NULL, OK, refitted);
  options.refit = false;
  options.early_stopping = OPTION_NONE_INTEGER;
  options.trees = rounds;
  case_hash(&gbdt_model, &world, &c, &options, NULL, OK, plain);
  CHECK(hash_compare(&refitted[0], &plain[0]) == 0);
  CHECK(hash_compare(&refitted[0], &cut[0]) != 0);
  gbdt_model.free(&model);
  summary_clear(&summary);
  data_clear(&data);
}

static void all_resumes(void) {
  GbdtOptions options = defaults();
  resumes((Case){.n = 300, .d = 4}, options);
  options.early_stopping = 7;
  resumes((Case){.n = 300, .d = 4, .n_classes = 3}, options);
  options.early_stopping = 2;
  options.refit = true;
  resumes((Case){.n = 300, .d = 4}, options);
  resumes((Case){.n = 300, .d = 4, .n_classes = 3}, options);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  broken_units();
  all_resumes();
  refits((Case){.n = 600, .d = 5});
  refits((Case){.n = 600, .d = 5, .n_classes = 3});
  CHECK_INTEGER(memory_balance(), 0);
  if (check_failures > 0) fprintf(stderr, "seed %llu\n", (unsigned long long)SEED);
  int failed = check_report("gbdt_resume");
  MPI_Finalize();
  return failed;
}
