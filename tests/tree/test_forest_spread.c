/* The forest whose trees are grown on the rows of all ranks: the model and the report of the other
 * way of spreading, bit for bit. Started under mpirun on any number of ranks; ranks alone grow
 * whole trees. */
#include "forest_case.h"
#include "kernels/base/fault.h"
#include "kernels/tree/samples.h"

static void compare(int64_t n, int64_t d, int64_t n_classes, bool grouped,
                    const ForestOptions *options) {
  Comm world = comm_world(), self = comm_self();
  ForestOptions by_rows = *options;
  Hash together[2], alone[2];
  by_rows.spread = FOREST_SPREAD_ROWS;
  fit_hash(&world, n, d, n_classes, grouped, &by_rows, together);
  fit_hash(&self, n, d, n_classes, grouped, options, alone);
  CHECK(hash_compare(&together[0], &alone[0]) == 0);
  if (world.rank == 0) CHECK(hash_compare(&together[1], &alone[1]) == 0);
}

static void layouts(void) {
  ForestOptions options = defaults();
  options.trees = 3;
  options.shap_rows = 40;
  options.permutations = 1;
  compare(3000, 5, 0, true, &options);
  compare(900, 5, 2, true, &options);
  compare(2500, 5, 4, false, &options);
  compare(1, 2, 0, true, &options); /* fewer rows than ranks */
  compare(3, 2, 3, false, &options);
  compare(60, 18, 40, false, &options);
  options = defaults();
  options.trees = 3;
  options.bootstrap = options.oob = false;
  options.max_features = 0.4;
  options.bins = 7;
  compare(2500, 4, 0, true, &options);
  options.extremely_randomised = true;
  compare(2500, 4, 3, true, &options);
  options = defaults();
  options.trees = 3;
  options.max_leaf_nodes = 20;
  options.min_impurity_decrease = 0.0001;
  compare(3000, 4, 0, true, &options);
  compare(3000, 4, 5, false, &options);
  weights = WEIGHTS_REAL;
  options = defaults();
  options.trees = 3;
  options.max_features = -3;
  compare(2500, 6, 0, true, &options);
  options.min_samples_leaf = 7;
  compare(2500, 6, 5, true, &options);
  weights = WEIGHTS_NONE;
}

/* Rows in the order of their target: every rank has classes of its own. */
static void sorted(int64_t n_classes) {
  enum { ROWS = 2600 };
  Comm world = comm_world();
  Hash hashes[2];
  for (int spread = 0; spread < 2; spread++) {
    Data data;
    Summary summary;
    void *model = NULL;
    ForestOptions options = defaults();
    options.trees = 2;
    options.spread = spread ? FOREST_SPREAD_ROWS : FOREST_SPREAD_TREES;
    data_make(&data, &world, ROWS, 4, n_classes, true);
    for (int64_t i = 0; i < data.x.rows.n; i++) {
      int64_t row = data.x.rows.begin + i;
      data.target[i] = n_classes ? (double)(row * n_classes / ROWS) : (double)(row / 5);
      matrix_column(&data.x, 2)[i] = (double)((row * 37) % 501);
    }
    summary_init(&summary, world.rank == 0);
    CHECK_OK(forest_model.fit_all(&world, &data.training, &options, NULL, &model, &summary));
    hashes[spread] = model_hash(&forest_model, &model);
    forest_model.free(&model);
    summary_clear(&summary);
    data_clear(&data);
  }
  CHECK(hash_compare(&hashes[0], &hashes[1]) == 0);
}

/* Stopped after any tree and begun again, either way goes on from what the other one saved. Rank 0
 * saves, all read. */
static void resumes(int64_t n_classes) {
  enum { TREES = 4 };
  Comm world = comm_world();
  Hash whole[2];
  ForestOptions options = defaults();
  options.trees = TREES;
  options.shap_rows = 10;
  fit_hash(&world, 500, 5, n_classes, true, &options, whole);
  for (int64_t stop = 1; stop < TREES; stop++) {
    Data data;
    Summary summary;
    void *model = NULL;
    Keeper keeper = {.sink = {.tick = keep, .find = fetch}, .stop_after = stop};
    data_make(&data, &world, 500, 5, n_classes, true);
    summary_init(&summary, world.rank == 0);
    options.spread = FOREST_SPREAD_ROWS;
    Status status =
        forest_model.fit_all(&world, &data.training, &options, &keeper.sink, &model, &summary);
    CHECK_INTEGER(status, STOPPED);
    CHECK_MESSAGE("units; run again to go on");
    forest_model.free(&model);
    keeper_share_all(&world, &keeper);
    keeper.stop_after = INT64_MAX;
    options.spread = stop % 2 ? FOREST_SPREAD_ROWS : FOREST_SPREAD_TREES;
    CHECK_OK(
        forest_model.fit_all(&world, &data.training, &options, &keeper.sink, &model, &summary));
    Hash resumed = model_hash(&forest_model, &model);
    CHECK(hash_compare(&resumed, &whole[0]) == 0);
    forest_model.free(&model);
    summary_clear(&summary);
    summary_init(&summary, world.rank == 0);
    if (options.spread == FOREST_SPREAD_TREES && world.size == 1) { /* and the other way round */
      options.spread = FOREST_SPREAD_ROWS;
      CHECK_OK(
          forest_model.fit_all(&world, &data.training, &options, &keeper.sink, &model, &summary));
      resumed = model_hash(&forest_model, &model);
      Hash report = summary_hash(&summary);
      CHECK(hash_compare(&resumed, &whole[0]) == 0);
      CHECK(hash_compare(&report, &whole[1]) == 0);
      forest_model.free(&model);
    }
    keeper_clear(&keeper);
    summary_clear(&summary);
    data_clear(&data);
  }
}

/* Every allocation of a fit fails once, on one rank after the other. */
static void faults(int64_t n_classes) {
  Comm world = comm_world();
  ForestOptions options = defaults();
  options.trees = 1;
  options.permutations = 1;
  options.shap_rows = 5;
  options.spread = FOREST_SPREAD_ROWS;
  Data data;
  data_make(&data, &world, 60, 2, n_classes, true);
  int64_t nth = 1;
  for (Status status = MEMORY; status != OK; nth++) {
    Summary summary;
    void *model = NULL;
    summary_init(&summary, world.rank == 0);
    bool mine = nth % world.size == world.rank;
    fault_arm(FAULT_MEMORY, mine ? (nth + world.size - 1) / world.size : 0, false);
    status = forest_model.fit_all(&world, &data.training, &options, NULL, &model, &summary);
    bool untouched = mine && fault_count(FAULT_MEMORY) < (nth + world.size - 1) / world.size;
    fault_arm(FAULT_MEMORY, 0, false);
    CHECK(status == MEMORY || status == OK);
    if (status == OK) CHECK(comm_any_all(&world, untouched));
    forest_model.free(&model);
    summary_clear(&summary);
  }
  CHECK(nth > 60);
  data_clear(&data);
}

/* The rule: by trees, but for trees too large for a rank and few trees of many rows. */
static void rule(void) {
  ForestOptions options = defaults();
  options.trees = 100;
  CHECK(!forest_by_rows(&options, 1000000, 18, 2));
  CHECK(forest_by_rows(&options, 100000000, 18, 2));
  CHECK(!forest_by_rows(&options, 100000000, 18, 1));
  CHECK(forest_by_rows(&options, 1000000, 18, 64));
  CHECK(!forest_by_rows(&options, 1000, 18, 64));
  options.spread = FOREST_SPREAD_ROWS;
  CHECK(forest_by_rows(&options, 1000, 18, 1));
  options.spread = FOREST_SPREAD_TREES;
  CHECK(!forest_by_rows(&options, 100000000, 18, 2));
}

/* Samples drawn by all ranks together are those of one rank, for recordings of any numbers. */
static void samples(void) {
  enum { ROWS = 700 };
  Comm world = comm_world();
  for (int kind = 0; kind < 3; kind++) {
    int64_t of_all[ROWS], value[ROWS], n = 0, distinct = 0;
    int32_t want[ROWS], got[ROWS];
    for (int64_t i = 0; i < ROWS; i++) { /* ascending; the second kind is far from even */
      of_all[i] = kind == 0 ? i : kind == 1 ? i * i * i * i * 1000003 - 1000000 : i / 2;
      if (i == 0 || of_all[i] != of_all[distinct - 1]) of_all[distinct++] = of_all[i];
    }
    for (int64_t i = 0; i < distinct; i++) { /* some on one rank, some on all, some in turns */
      bool here = kind == 0 ? i * world.size / distinct == world.rank
                            : i % 3 == 0 || i % world.size == world.rank;
      if (here) value[n++] = of_all[i];
    }
    SampleGroups groups;
    CHECK_OK(sample_groups_init_all(&world, value, n, &groups));
    CHECK_INTEGER(groups.n_global, distinct);
    for (int64_t i = 0; i < n; i++) CHECK_INTEGER(of_all[groups.number[i]], value[i]);
    for (uint64_t unit = 0; unit < 3; unit++) {
      Stream stream = random_stream(SEED, "test/samples", unit);
      uint8_t *bag = NULL;
      random_bootstrap(&stream, distinct, want);
      CHECK_OK(sample_groups_draw_all(&world, &groups, &stream, got));
      for (int64_t i = 0; i < n; i++) CHECK_INTEGER(got[i], want[groups.number[i]]);
      CHECK_OK(sample_groups_bag_all(&world, &groups, &bag));
      for (int64_t g = 0; bag && g < distinct; g++) {
        CHECK_INTEGER(bag[g / 8] >> (g % 8) & 1, want[g] > 0);
      }
      CHECK((bag != NULL) == (world.rank == 0));
      memory_free(&bag);
    }
    sample_groups_clear(&groups);
  }
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  rule();
  samples();
  layouts();
  sorted(0);
  sorted(3);
  resumes(0);
  resumes(4);
  faults(3);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("tree/forest_spread");
  failed = comm_any_all(&world, failed != 0);
  MPI_Finalize();
  return failed;
}
