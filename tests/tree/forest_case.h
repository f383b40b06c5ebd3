/* Synthetic problems and fits for the tests of the forest. */
#ifndef SEGUE_TESTS_FOREST_CASE_H
#define SEGUE_TESTS_FOREST_CASE_H

#include <stdlib.h>

#include "kernels/base/memory.h"
#include "kernels/class_weight.h"
#include "kernels/tree/forest.h"
#include "model_hash.h"

static const uint64_t SEED = 99;

/* A synthetic problem, any rows of it on any rank. */
typedef struct Data {
  Matrix x;
  double *target, *weight;
  int64_t *group, *row_id;
  TrainingData training;
} Data;

/* Sample weights of the fits below. */
typedef enum Weights { WEIGHTS_NONE, WEIGHTS_REAL } Weights;
static Weights weights __attribute__((unused));

static inline void data_make(Data *data, const Comm *comm, int64_t n, int64_t d, int64_t n_classes,
                             bool grouped) {
  *data = (Data){0};
  Rows rows = rows_share(comm, n, 16);
  CHECK_OK(matrix_init(&data->x, &rows, d));
  CHECK_OK(NEW(&data->target, rows.n));
  CHECK_OK(NEW(&data->group, rows.n));
  CHECK_OK(NEW(&data->row_id, rows.n));
  CHECK_OK(NEW(&data->weight, rows.n));
  Stream s = random_stream(SEED, "test/data", (uint64_t)n);
  for (int64_t i = 0; i < rows.n; i++) {
    uint64_t row = (uint64_t)(rows.begin + i);
    double signal = 0;
    for (int64_t j = 0; j < d; j++) {
      double value = random_uniform(&s, row, (uint32_t)(2 * j));
      if (j % 3 == 1) value = floor(value * 5);
      if (j % 4 == 3 && random_uniform(&s, row, (uint32_t)(2 * j + 1)) < 0.2) value = NAN;
      matrix_column(&data->x, j)[i] = value;
      if (j < 3 && value == value) signal += value;
    }
    double noise = random_uniform(&s, row, 1000);
    data->target[i] =
        n_classes ? fmod(floor(signal * 2 + noise), (double)n_classes) : signal * 10 + noise;
    data->group[i] = (rows.begin + i) / 3 * 1000003;
    data->row_id[i] = 7 * (rows.begin + i);
    data->weight[i] = 0.1 + 3 * random_uniform(&s, row, 1001);
  }
  data->training = (TrainingData){.task = n_classes ? TASK_CLASSIFICATION : TASK_REGRESSION,
                                  .n_classes = n_classes,
                                  .x = &data->x,
                                  .target = data->target,
                                  .weight = weights == WEIGHTS_REAL ? data->weight : NULL,
                                  .group = grouped ? data->group : NULL,
                                  .row_id = data->row_id,
                                  .seed = SEED};
}

static inline void data_clear(Data *data) {
  matrix_clear(&data->x);
  memory_free(&data->target);
  memory_free(&data->group);
  memory_free(&data->row_id);
  memory_free(&data->weight);
}

static inline ForestOptions defaults(void) {
  return (ForestOptions){.trees = 6,
                         .max_depth = OPTION_NONE_INTEGER,
                         .min_samples_leaf = 1,
                         .min_samples_split = 2,
                         .max_features = -1,
                         .max_leaf_nodes = OPTION_NONE_INTEGER,
                         .bootstrap = true,
                         .bins = 255,
                         .oob = true};
}

/* Fit on comm; hash of the model, and of the summary on rank 0. */
static inline void fit_hash(const Comm *comm, int64_t n, int64_t d, int64_t n_classes, bool grouped,
                            const ForestOptions *options, Hash out[2]) {
  Data data;
  Summary summary;
  void *model = NULL;
  data_make(&data, comm, n, d, n_classes, grouped);
  summary_init(&summary, comm->rank == 0);
  CHECK_OK(forest_model.fit_all(comm, &data.training, options, NULL, &model, &summary));
  out[0] = model_hash(&forest_model, &model);
  out[1] = summary_hash(&summary);
  summary_clear(&summary);
  forest_model.free(&model);
  data_clear(&data);
}

static inline void compare_layouts(int64_t n, int64_t d, int64_t n_classes, bool grouped,
                                   const ForestOptions *options) {
  Comm world = comm_world(), self = comm_self();
  Hash together[2], alone[2];
  fit_hash(&world, n, d, n_classes, grouped, options, together);
  fit_hash(&self, n, d, n_classes, grouped, options, alone);
  CHECK(hash_compare(&together[0], &alone[0]) == 0);
  if (world.rank == 0) CHECK(hash_compare(&together[1], &alone[1]) == 0);
}

/* A sink that keeps units, as a run folder does. */
typedef struct Keeper {
  WorkSink sink;
  Fields kept[16];
  bool has[16];
  int64_t stop_after, ticks;
} Keeper;

static inline bool keep(WorkSink *sink, int64_t unit, int64_t done, int64_t total,
                        const Fields *fields) {
  Keeper *keeper = (Keeper *)sink;
  (void)done, (void)total;
  if (fields) {
    CHECK_OK(fields_copy(fields, &keeper->kept[unit]));
    keeper->has[unit] = true;
  }
  return ++keeper->ticks >= keeper->stop_after;
}

static inline bool fetch(WorkSink *sink, int64_t unit, Fields *out) {
  Keeper *keeper = (Keeper *)sink;
  if (!keeper->has[unit]) return false;
  CHECK_OK(fields_copy(&keeper->kept[unit], out));
  return true;
}

static inline void keeper_clear(Keeper *keeper) {
  for (int i = 0; i < 16; i++) {
    if (keeper->has[i]) fields_clear(&keeper->kept[i]);
    keeper->has[i] = false;
  }
}

/* Give all ranks what rank 0 has, as a run folder would. */
static inline void keeper_share_all(const Comm *comm, Keeper *keeper) {
  for (int64_t i = 0; i < 16; i++) {
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

#endif
