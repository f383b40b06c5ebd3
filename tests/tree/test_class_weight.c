/* Weights of classes: what they give is what the same weights row by row would, for both models. */
#include "kernels/base/fault.h"
#include "kernels/class_weight.h"
#include "kernels/tree/forest.h"
#include "tests/tree/gbdt_case.h"

static const char BYTES[] = "hithotmiss";
static const int64_t OFFSET[] = {0, 3, 6, 10};

static Dictionary names_of(int64_t n_classes) {
  Dictionary names = {0};
  CHECK_OK(dictionary_build(BYTES, OFFSET, n_classes, &names, NULL));
  return names;
}

static ForestOptions forest_options(void) {
  return (ForestOptions){.trees = 3,
                         .max_depth = OPTION_NONE_INTEGER,
                         .min_samples_leaf = 2,
                         .min_samples_split = 2,
                         .max_leaf_nodes = OPTION_NONE_INTEGER,
                         .max_features = 1,
                         .bootstrap = true,
                         .bins = 255};
}

static Hash hash_of(const ModelKind *kind, void **model) {
  Fields fields;
  Hash hash = hash_zero();
  fields_init(&fields, FIELDS_OUT);
  CHECK_OK(kind->fields(model, &fields));
  for (int64_t f = 0; f < fields.n; f++) {
    const Field *field = &fields.items[f];
    hash = hash_bytes(field->data, (size_t)field_count(field) * field_item_size(field->type), hash);
  }
  fields_clear(&fields);
  return hash;
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
  *hash = status == OK ? hash_of(kind, &model) : hash_zero();
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

/* Memory that fails on one rank: one status, nothing lost. */
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
  for (int side = 0; side < 2; side++) {
    bool failed = true;
    for (int64_t nth = 1; failed && nth < 100; nth++) {
      double *weight = NULL;
      int64_t balance = memory_balance();
      ClassWeights given = {&map, 1};
      if (world.rank == world.size - 1) fault_arm(FAULT_MEMORY, nth, false);
      Status status = class_weights_all(&world, &data.training, &given, &weight);
      fault_arm(FAULT_MEMORY, 0, false);
      failed = comm_any_all(&world, status == MEMORY);
      CHECK(failed ? status == MEMORY : status == (side ? INVALID : OK));
      memory_free(&weight);
      CHECK_INTEGER(memory_balance(), balance);
    }
    CHECK(!failed);
    names[0] = wrong;
  }
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
