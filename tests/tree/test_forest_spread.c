/* The forest whose trees are grown on the rows of all ranks: the model and the report of the other
 * way of spreading, bit for bit. Started under mpirun on any number of ranks; ranks alone grow
 * whole trees. */
#include "kernels/tree/samples.h"
#include "tests/tree/forest_case.h"

static void compare(Case c, const ForestOptions *options) {
  ForestOptions by_rows = *options;
  by_rows.spread = FOREST_SPREAD_ROWS;
  compare_layouts(&forest_model, &c, &by_rows, options);
}

static void layouts(void) {
  ForestOptions options = forest_defaults();
  options.trees = 3;
  options.shap_rows = 40;
  options.permutations = 1;
  compare((Case){.n = 3000, .d = 5}, &options);
  compare((Case){.n = 900, .d = 5, .n_classes = 2}, &options);
  compare((Case){.n = 2500, .d = 5, .n_classes = 4, .single = true}, &options);
  compare((Case){.n = 1, .d = 2}, &options); /* fewer rows than ranks */
  compare((Case){.n = 3, .d = 2, .n_classes = 3, .single = true}, &options);
  compare((Case){.n = 60, .d = 18, .n_classes = 40, .single = true}, &options);
  options = forest_defaults();
  options.trees = 3;
  options.bootstrap = options.oob = false;
  options.max_features = 0.4;
  options.bins = 7;
  compare((Case){.n = 2500, .d = 4}, &options);
  options.extremely_randomised = true;
  compare((Case){.n = 2500, .d = 4, .n_classes = 3}, &options);
  options = forest_defaults();
  options.trees = 3;
  options.max_leaf_nodes = 20;
  options.min_impurity_decrease = 0.0001;
  compare((Case){.n = 3000, .d = 4}, &options);
  compare((Case){.n = 3000, .d = 4, .n_classes = 5, .single = true}, &options);
  options = forest_defaults();
  options.trees = 3;
  options.max_features = -3;
  compare((Case){.n = 2500, .d = 6, .weighted = true}, &options);
  options.min_samples_leaf = 7;
  compare((Case){.n = 2500, .d = 6, .n_classes = 5, .weighted = true}, &options);
}

/* Rows in the order of their target: every rank has classes of its own. */
static void sorted(int64_t n_classes) {
  enum { ROWS = 2600 };
  Comm world = comm_world();
  Hash by_trees[2], by_rows[2];
  ForestOptions options = forest_defaults();
  Data data;
  data_make(&data, &world, ROWS, 4, n_classes, PLAIN);
  for (int64_t i = 0; i < data.x.rows.n; i++) {
    int64_t row = data.x.rows.begin + i;
    data.target[i] = n_classes ? (double)(row * n_classes / ROWS) : (double)(row / 5);
    matrix_column(&data.x, 2)[i] = (double)((row * 37) % 501);
  }
  options.trees = 2;
  options.spread = FOREST_SPREAD_TREES;
  fit_hash(&forest_model, &world, &data, &options, NULL, OK, by_trees);
  options.spread = FOREST_SPREAD_ROWS;
  fit_hash(&forest_model, &world, &data, &options, NULL, OK, by_rows);
  CHECK(hash_compare(&by_trees[0], &by_rows[0]) == 0);
  data_clear(&data);
}

/* Give all ranks what rank 0 has, as a run folder would. */
static void keeper_share_all(const Comm *comm, Keeper *keeper) {
  for (int64_t i = 0; i < UNITS; i++) {
    uint8_t *pack = NULL, *all = NULL;
    int64_t bytes = 0;
    size_t *offsets = NULL;
    CHECK_OK(NEW(&offsets, comm->size + 1));
    if (keeper->has[i] && comm->rank == 0) CHECK_OK(fields_pack(&keeper->kept[i], &pack, &bytes));
    CHECK_OK(comm_concatenate_all(comm, pack, (size_t)bytes, (void **)&all, offsets));
    if (offsets[1] > 0 && comm->rank > 0) {
      if (keeper->has[i]) fields_clear(&keeper->kept[i]);
      CHECK_OK(fields_unpack(all, (int64_t)offsets[1], &keeper->kept[i]));
      keeper->has[i] = true;
    }
    memory_free(&pack);
    memory_free(&all);
    memory_free(&offsets);
  }
}

/* Stopped after any tree and begun again, either way goes on from what the other one saved. Rank 0
 * saves, all read. */
static void resumes(int64_t n_classes) {
  enum { TREES = 4 };
  Comm world = comm_world();
  Hash whole[2], resumed[2] = {{{0}}};
  ForestOptions options = forest_defaults();
  Data data;
  options.trees = TREES;
  options.shap_rows = 10;
  data_make(&data, &world, 500, 5, n_classes, PLAIN);
  fit_hash(&forest_model, &world, &data, &options, NULL, OK, whole);
  for (int64_t stop = 1; stop < TREES; stop++) {
    Keeper keeper = keeper_of(stop);
    options.spread = FOREST_SPREAD_ROWS;
    fit_hash(&forest_model, &world, &data, &options, &keeper.sink, STOPPED, resumed);
    CHECK_MESSAGE("units; run again to go on");
    keeper_share_all(&world, &keeper);
    keeper.stop_after = INT64_MAX;
    options.spread = stop % 2 ? FOREST_SPREAD_ROWS : FOREST_SPREAD_TREES;
    fit_hash(&forest_model, &world, &data, &options, &keeper.sink, OK, resumed);
    CHECK(hash_compare(&resumed[0], &whole[0]) == 0);
    if (options.spread == FOREST_SPREAD_TREES && world.size == 1) { /* and the other way round */
      options.spread = FOREST_SPREAD_ROWS;
      fit_hash(&forest_model, &world, &data, &options, &keeper.sink, OK, resumed);
      CHECK(hash_compare(&resumed[0], &whole[0]) == 0);
      CHECK(hash_compare(&resumed[1], &whole[1]) == 0);
    }
    keeper_clear(&keeper);
  }
  data_clear(&data);
}

static void faults(int64_t n_classes) {
  ForestOptions options = forest_defaults();
  options.trees = 1;
  options.permutations = 1;
  options.shap_rows = 5;
  options.spread = FOREST_SPREAD_ROWS;
  fit_faults(&forest_model, n_classes, false, &options);
}

/* The rule: by trees, but for trees too large for a rank and few trees of many rows. */
static void rule(void) {
  ForestOptions options = forest_defaults();
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
