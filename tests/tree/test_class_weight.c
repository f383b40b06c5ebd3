/* Weights of classes: what they give is what the same weights row by row would, for both models. */
#include "tests/tree/forest_case.h"
#include "tests/tree/gbdt_case.h"

static const char BYTES[] = "hithotmiss";
static const int64_t OFFSET[] = {0, 3, 6, 10};

static Dictionary names_of(int64_t n_classes) {
  Dictionary names = {0};
  CHECK_OK(dictionary_build(BYTES, OFFSET, n_classes, &names, NULL));
  return names;
}

static ForestOptions forest_options(void) {
  ForestOptions options = forest_defaults();
  options.trees = 3;
  options.min_samples_leaf = 2;
  options.max_features = 1;
  options.oob = false;
  return options;
}

/* Fit one of the models; the status of the fit. hash: zero after a failure. */
static Status fit(bool boosted, const Data *data, const Map *map, double positive, Hash *hash) {
  Comm world = comm_world();
  ForestOptions forest = forest_options();
  GbdtOptions gbdt = defaults();
  Summary summary;
  void *model = NULL;
  const ModelKind *kind = boosted ? &gbdt_model : &forest_model;
  forest.class_weight = gbdt.class_weight = *map;
  forest.positive_weight = gbdt.positive_weight = positive;
  const void *options = boosted ? (const void *)&gbdt : &forest;
  summary_init(&summary, world.rank == 0);
  Status status = kind->fit_all(&world, &data->training, options, NULL, &model, &summary);
  *hash = status == OK ? model_hash(kind, &model) : hash_zero();
  kind->free(&model);
  summary_clear(&summary);
  return status;
}

/* Weights of three kinds of giving them against the same by hand. */
static void by_hand(bool boosted, int64_t n_classes, bool weighted) {
  Comm world = comm_world();
  char hit[] = "hit", miss[] = "miss";
  char *names[] = {hit, miss};
  ClassWeight items[] = {{3}, {0.5}};
  double counts[3] = {0};
  int64_t total = 400;
  Data data;
  data_make(&data, &world, total, 4, n_classes, PLAIN);
  Dictionary classes = names_of(n_classes);
  double *own = data.weight, *given = NULL;
  CHECK_OK(NEW(&given, data.x.rows.n));
  int64_t whole[3] = {0};
  for (int64_t i = 0; i < data.x.rows.n; i++) {
    own[i] = weighted ? (double)(1 + data.row_id[i] % 3) : 1;
    whole[(int64_t)data.target[i]] += (int64_t)own[i];
  }
  comm_sum_all(&world, whole, 3);
  double sum = (double)(whole[0] + whole[1] + whole[2]);
  for (int c = 0; c < 3; c++) counts[c] = (double)whole[c];
  for (int way = 0; way < 3; way++) {
    Hash want, got, plain;
    Map map = {0};
    double positive = 1, by_class[3] = {1, 1, 1};
    if (way == 0) map.word = 1 + CLASS_WEIGHT_BALANCED;
    for (int64_t c = 0; way == 0 && c < n_classes; c++)
      by_class[c] = sum / ((double)n_classes * counts[c]);
    if (way == 1) {
      map = (Map){.n = n_classes == 3 ? 2 : 1, .names = names, .items = items};
      by_class[0] = 3;
      by_class[2] = 0.5;
    }
    if (way == 2 && n_classes != 2) break;
    if (way == 2) by_class[1] = positive = 2.5;
    data.training.classes = &classes;
    data.training.weight = weighted ? own : NULL;
    CHECK_OK(fit(boosted, &data, &map, positive, &got));
    CHECK_OK(fit(boosted, &data, &(Map){.word = 1}, 1, &plain));
    for (int64_t i = 0; i < data.x.rows.n; i++)
      given[i] = own[i] * by_class[(int64_t)data.target[i]];
    data.training.weight = given;
    CHECK_OK(fit(boosted, &data, &(Map){0}, 1, &want));
    CHECK(hash_compare(&got, &want) == 0);
    CHECK(hash_compare(&got, &plain) != 0);
  }
  memory_free(&given);
  dictionary_clear(&classes);
  data_clear(&data);
}

static void refused(bool boosted) {
  Comm world = comm_world();
  char near[] = "mis", far[] = "xyzzy", hit[] = "hit";
  char *names[] = {hit, near};
  ClassWeight items[] = {{3}, {2}};
  Map map = {.n = 2, .names = names, .items = items}, none = {0};
  Map balanced = {.word = 1 + CLASS_WEIGHT_BALANCED};
  Hash hash;
  Data data;
  Dictionary classes = names_of(3);
  data_make(&data, &world, 60, 3, 3, PLAIN);
  data.training.classes = &classes;
  CHECK_INTEGER(fit(boosted, &data, &map, 1, &hash), INVALID);
  CHECK_MESSAGE("class_weight: \"mis\" is no class of the target; did you mean \"miss\"?");
  names[1] = far;
  CHECK_INTEGER(fit(boosted, &data, &map, 1, &hash), INVALID);
  CHECK_MESSAGE("class_weight: \"xyzzy\" is no class of the target");
  CHECK_INTEGER(fit(boosted, &data, &none, 2, &hash), INVALID);
  CHECK_MESSAGE("positive_weight: this needs a target of two classes, this one has 3");
  data_clear(&data);
  data_make(&data, &world, 60, 3, 0, PLAIN);
  CHECK_INTEGER(fit(boosted, &data, &balanced, 1, &hash), INVALID);
  CHECK_MESSAGE("class_weight: this needs a target of classes");
  data_clear(&data);
  dictionary_clear(&classes);
  ClassWeights both = {&balanced, 2};
  CHECK_INTEGER(class_weights_check(&both), INVALID);
  CHECK_MESSAGE("positive_weight: class_weight says what classes weigh");
}

typedef struct Given {
  const Data *data;
  const Map *map;
} Given;

static Status weigh(const Comm *comm, void *context) {
  const Given *given = context;
  double *weight = NULL;
  ClassWeights weights = {given->map, 1};
  Status status = class_weights_all(comm, &given->data->training, &weights, &weight);
  memory_free(&weight);
  return status;
}

/* Memory that fails on one rank: one status, nothing lost; also where a name is refused, whose
 * message can do without the memory for a guess at what was meant. */
static void faults(void) {
  Comm world = comm_world();
  char hit[] = "hit", wrong[] = "hits";
  char *names[] = {hit};
  ClassWeight items[] = {{3}};
  Map map = {.n = 1, .names = names, .items = items};
  Data data;
  Dictionary classes = names_of(3);
  data_make(&data, &world, 60, 3, 3, PLAIN);
  data.training.classes = &classes;
  Given given = {&data, &map};
  int64_t refusals = 0;
  allocations_fail(&world, weigh, &given);
  names[0] = wrong;
  for (int64_t nth = 1; refusals == 0 && nth < 100; nth++) {
    if (world.rank == world.size - 1) fault_arm(FAULT_MEMORY, nth, false);
    Status status = weigh(&world, &given);
    fault_arm(FAULT_MEMORY, 0, false);
    CHECK(status == MEMORY || status == INVALID);
    CHECK_INTEGER(comm_sum_one_all(&world, status == INVALID) % world.size, 0);
    refusals += status == INVALID;
  }
  CHECK(refusals > 0);
  data_clear(&data);
  dictionary_clear(&classes);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  for (int boosted = 0; boosted < 2; boosted++) {
    for (int weighted = 0; weighted < 2; weighted++) {
      by_hand(boosted, 2, weighted);
      by_hand(boosted, 3, weighted);
    }
    refused(boosted);
  }
  faults();
  CHECK_INTEGER(memory_balance(), 0);
  if (check_failures > 0) fprintf(stderr, "seed %llu\n", (unsigned long long)SEED);
  int failed = check_report("class_weight");
  MPI_Finalize();
  return failed;
}
