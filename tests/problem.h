/* Synthetic problems to learn from, any rows of them on any rank, and what a fit left as hashes.
 *
 * Rows have row ids 7 apart; recordings are runs of three rows with numbers far apart. The first
 * three features carry the target; every third feature (from the second) has few values, every
 * fourth lacks a fifth of them. */
#ifndef SEGUE_TESTS_PROBLEM_H
#define SEGUE_TESTS_PROBLEM_H

#include "kernels/base/memory.h"
#include "kernels/model.h"
#include "kernels/numeric/hash.h"
#include "kernels/numeric/random.h"
#include "tests/check.h"

static const uint64_t SEED = 77;

typedef struct Data {
  Matrix x;
  double *target, *weight;
  int64_t *group, *row_id;
  TrainingData training;
} Data;

enum { PLAIN, SORTED }; /* rows as they come; by target, so that a rank has few values of it */

/* training has the recordings and no weights: training.group = NULL and training.weight = weight
 * (1 to 3) are for the caller to set. n_classes 0: the target is a number. */
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

static inline Hash model_hash(const ModelKind *kind, void **model) {
  Fields fields;
  Hash hash = hash_zero();
  fields_init(&fields, FIELDS_OUT);
  CHECK_OK(kind->fields(model, &fields));
  for (int64_t f = 0; f < fields.n; f++) {
    const Field *field = &fields.items[f];
    size_t bytes = (size_t)field_count(field) * field_item_size(field->type);
    hash = hash_bytes(field->data, bytes, hash);
  }
  fields_clear(&fields);
  return hash;
}

static inline Hash summary_hash(const Summary *summary) {
  Hash hash = hash_zero();
  for (int64_t m = 0; m < summary->n_metrics; m++) {
    hash = hash_bytes(&summary->metrics[m].value, sizeof(double), hash);
  }
  for (int64_t s = 0; s < summary->n_series; s++) {
    hash = hash_bytes(summary->series[s].y, (size_t)summary->series[s].n_y * sizeof(double), hash);
  }
  for (int64_t t = 0; t < summary->n_tables; t++) {
    const SummaryTable *table = &summary->tables[t];
    for (int64_t c = 0; c < table->n_rows * table->n_columns; c++) {
      const Cell *cell = &table->cells[c];
      if (cell->type == CELL_REAL) hash = hash_bytes(&cell->real, sizeof(double), hash);
      if (cell->type == CELL_INTEGER) hash = hash_bytes(&cell->integer, sizeof(int64_t), hash);
      if (cell->text) hash = hash_bytes(cell->text, strlen(cell->text), hash);
    }
  }
  return hash;
}

/* A problem by its shape. */
typedef struct Case {
  int64_t n, d, n_classes;
  int order;
  bool weighted, single; /* with weights; every row a recording of its own */
} Case;

static inline void case_make(Data *data, const Comm *comm, const Case *c) {
  data_make(data, comm, c->n, c->d, c->n_classes, c->order);
  if (c->weighted) data->training.weight = data->weight;
  if (c->single) data->training.group = NULL;
}

/* Fit, and compare the status with the wanted one; hash of the model, and of the summary on rank
 * 0, where it is OK. sink may be NULL. */
static inline void fit_hash(const ModelKind *kind, const Comm *comm, const Data *data,
                            const void *options, WorkSink *sink, Status want, Hash out[2]) {
  Summary summary;
  void *model = NULL;
  summary_init(&summary, comm->rank == 0);
  Status status = kind->fit_all(comm, &data->training, options, sink, &model, &summary);
  CHECK_INTEGER(status, want);
  if (status == OK) {
    out[0] = model_hash(kind, &model);
    out[1] = summary_hash(&summary);
  } else if (want == OK) {
    fprintf(stderr, "%s\n", status_message());
  }
  summary_clear(&summary);
  kind->free(&model);
}

static inline void case_hash(const ModelKind *kind, const Comm *comm, const Case *c,
                             const void *options, WorkSink *sink, Status want, Hash out[2]) {
  Data data;
  case_make(&data, comm, c);
  fit_hash(kind, comm, &data, options, sink, want, out);
  data_clear(&data);
}

/* A fit by all ranks has to give what each rank gives alone, with options of its own. */
static inline void compare_layouts(const ModelKind *kind, const Case *c, const void *of_all,
                                   const void *of_one) {
  Comm world = comm_world(), self = comm_self();
  Hash together[2] = {{{0}}}, alone[2] = {{{0}}};
  case_hash(kind, &world, c, of_all, NULL, OK, together);
  case_hash(kind, &self, c, of_one, NULL, OK, alone);
  CHECK(hash_compare(&together[0], &alone[0]) == 0);
  if (world.rank == 0) CHECK(hash_compare(&together[1], &alone[1]) == 0);
}

static inline void expect_failure(const ModelKind *kind, const Comm *comm, const Data *data,
                                  const void *options, Status want, const char *part) {
  Hash none[2];
  fit_hash(kind, comm, data, options, NULL, want, none);
  CHECK_MESSAGE(part);
}

#endif
