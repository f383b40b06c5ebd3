/* What tests of boosted trees share: synthetic problems, options, hashes of what was learned. */
#ifndef SEGUE_TESTS_TREE_GBDT_CASE_H
#define SEGUE_TESTS_TREE_GBDT_CASE_H

#include "kernels/base/memory.h"
#include "kernels/numeric/random.h"
#include "kernels/tree/gbdt.h"
#include "model_hash.h"

static const uint64_t SEED = 77;

/* A synthetic problem, any rows of it on any rank. */
typedef struct Data {
  Matrix x;
  double *target, *weight;
  int64_t *group, *row_id;
  TrainingData training;
} Data;

enum { PLAIN, SORTED }; /* rows as they come; by target, so that a rank has few values of it */

static inline void data_make(Data *data, const Comm *comm, int64_t n, int64_t d, int64_t n_classes,
                             int order) {
  *data = (Data){0};
  Rows rows = rows_share(comm, n, 16);
  CHECK_OK(matrix_init(&data->x, &rows, d));
  CHECK_OK(NEW(&data->target, rows.n));
  CHECK_OK(NEW(&data->weight, rows.n));
  CHECK_OK(NEW(&data->group, rows.n));
  CHECK_OK(NEW(&data->row_id, rows.n));
  Stream s = random_stream(SEED, "test/data", (uint64_t)n);
  for (int64_t i = 0; i < rows.n; i++) {
    uint64_t row = (uint64_t)(rows.begin + i);
    double signal = 0, wanted = (double)row / (double)n;
    for (int64_t j = 0; j < d; j++) {
      double value = random_uniform(&s, row, (uint32_t)(2 * j));
      if (order == SORTED && j == 0) value = wanted;
      if (j % 3 == 1) value = floor(value * 5);
      if (j % 4 == 3 && random_uniform(&s, row, (uint32_t)(2 * j + 1)) < 0.2) value = NAN;
      matrix_column(&data->x, j)[i] = value;
      if (j < 3 && value == value) signal += value;
    }
    double noise = random_uniform(&s, row, 1000);
    data->target[i] =
        n_classes ? fmod(floor(signal * 2 + noise), (double)n_classes) : signal * 10 + noise;
    if (order == SORTED) {
      data->target[i] = n_classes ? floor(wanted * (double)n_classes) : floor(wanted * 50) + noise;
    }
    data->weight[i] = 1 + 2 * random_uniform(&s, row, 1001);
    data->group[i] = (rows.begin + i) / 3 * 1000003;
    data->row_id[i] = 7 * (rows.begin + i);
  }
  data->training = (TrainingData){.task = n_classes ? TASK_CLASSIFICATION : TASK_REGRESSION,
                                  .n_classes = n_classes,
                                  .x = &data->x,
                                  .target = data->target,
                                  .group = data->group,
                                  .row_id = data->row_id,
                                  .seed = SEED};
}

static inline void data_clear(Data *data) {
  matrix_clear(&data->x);
  memory_free(&data->target);
  memory_free(&data->weight);
  memory_free(&data->group);
  memory_free(&data->row_id);
}

static inline GbdtOptions defaults(void) {
  return (GbdtOptions){.trees = 8,
                       .learning_rate = 0.3,
                       .max_leaves = 15,
                       .max_depth = OPTION_NONE_INTEGER,
                       .l2 = 1,
                       .min_child_weight = 0.001,
                       .min_samples_leaf = 2,
                       .row_share = 1,
                       .feature_share = 1,
                       .bins = 255,
                       .early_stopping = OPTION_NONE_INTEGER,
                       .validation_share = 0.2};
}

typedef struct Case {
  int64_t n, d, n_classes;
  int order;
  bool weighted;
} Case;

/* Fit on comm; hash of the model, and of the summary on rank 0. */
static inline void fit_hash(const Comm *comm, const Case *c, const GbdtOptions *options,
                            WorkSink *sink, Status want, Hash out[2]) {
  Data data;
  Summary summary;
  void *model = NULL;
  data_make(&data, comm, c->n, c->d, c->n_classes, c->order);
  if (c->weighted) data.training.weight = data.weight;
  summary_init(&summary, comm->rank == 0);
  Status status = gbdt_model.fit_all(comm, &data.training, options, sink, &model, &summary);
  CHECK_INTEGER(status, want);
  if (status == OK) {
    out[0] = model_hash(&gbdt_model, &model);
    out[1] = summary_hash(&summary);
  } else if (want == OK) {
    fprintf(stderr, "%s\n", status_message());
  }
  summary_clear(&summary);
  gbdt_model.free(&model);
  data_clear(&data);
}

#endif
