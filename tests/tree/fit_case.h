/* What both models of trees have to stand: units kept and taken up again, odd rows, allocations
 * that fail, and predictions that are the same in every way of asking. */
#ifndef SEGUE_TESTS_TREE_FIT_CASE_H
#define SEGUE_TESTS_TREE_FIT_CASE_H

#include "tests/allocations.h"
#include "tests/problem.h"

/* A sink that keeps units, as a run folder does, and stops when so much is done. */
enum { UNITS = 64 };
typedef struct Keeper {
  WorkSink sink;
  Fields kept[UNITS];
  bool has[UNITS];
  int64_t stop_after, done, ticks;
} Keeper;

static inline bool keep(WorkSink *sink, int64_t unit, int64_t done, int64_t total,
                        const Fields *fields) {
  Keeper *keeper = (Keeper *)sink;
  (void)total;
  if (fields) {
    CHECK(!keeper->has[unit]);
    CHECK_OK(fields_copy(fields, &keeper->kept[unit]));
    keeper->has[unit] = true;
  }
  keeper->ticks++;
  keeper->done = done;
  return done >= keeper->stop_after;
}

static inline bool fetch(WorkSink *sink, int64_t unit, Fields *out) {
  Keeper *keeper = (Keeper *)sink;
  if (!keeper->has[unit]) return false;
  CHECK_OK(fields_copy(&keeper->kept[unit], out));
  return true;
}

static inline Keeper keeper_of(int64_t stop_after) {
  return (Keeper){.sink = {.tick = keep, .find = fetch}, .stop_after = stop_after};
}

static inline void forget(Keeper *keeper, int unit) {
  if (keeper->has[unit]) fields_clear(&keeper->kept[unit]);
  keeper->has[unit] = false;
}

static inline void keeper_clear(Keeper *keeper) {
  for (int i = 0; i < UNITS; i++) forget(keeper, i);
}

/* Constant and all-missing features, one class, one value: trees of a leaf, or of what is left.
 * share: what the only class there is has to be predicted with at least. */
static inline void odd_data(const ModelKind *kind, const void *options, double share) {
  Comm world = comm_world();
  Summary summary;
  void *model = NULL;
  for (int odd = 0; odd < 4; odd++) {
    Data data;
    data_make(&data, &world, 64, 3, odd == 2 ? 3 : odd == 3 ? 1 : 0, PLAIN);
    for (int64_t i = 0; i < data.x.rows.n; i++) {
      matrix_column(&data.x, 0)[i] = 5;
      matrix_column(&data.x, 1)[i] = NAN;
      if (odd == 0) matrix_column(&data.x, 2)[i] = i % 2 ? INFINITY : -INFINITY;
      if (odd > 0) data.target[i] = odd == 2 ? 1 : odd == 3 ? 0 : 42;
    }
    summary_init(&summary, world.rank == 0);
    CHECK_OK(kind->fit_all(&world, &data.training, options, NULL, &model, &summary));
    double *out = NULL;
    CHECK_OK(NEW(&out, 3 * data.x.rows.n));
    CHECK_OK(kind->predict(model, &data.x, out));
    if (odd == 1 && data.x.rows.n > 0) CHECK_REAL(out[0], 42, 0);
    if (odd == 2 && data.x.rows.n > 0) CHECK(out[1] >= share && out[1] <= 1);
    if (odd == 3 && data.x.rows.n > 0) CHECK_REAL(out[0], 1, 0);
    memory_free(&out);
    kind->free(&model);
    summary_clear(&summary);
    data_clear(&data);
  }
}

/* Single rows and a saved and loaded model say what the model says of the batch, all: x's rows x
 * outputs. */
static inline void check_predictions(const ModelKind *kind, void **model, const Matrix *x,
                                     int64_t outputs, const double *all) {
  void *loaded = NULL;
  double *one = NULL, *again = NULL;
  Fields out, in;
  int64_t cells = x->rows.n * outputs;
  CHECK_OK(NEW(&again, cells));
  CHECK_OK(NEW(&one, outputs));
  fields_init(&out, FIELDS_OUT);
  CHECK_OK(kind->fields(model, &out));
  CHECK_OK(fields_copy(&out, &in));
  CHECK_OK(kind->fields(&loaded, &in));
  CHECK_OK(kind->predict(loaded, x, again));
  CHECK(memcmp(all, again, (size_t)cells * sizeof *all) == 0);
  for (int64_t i = 0; i < x->rows.n; i++) {
    Matrix row = *x;
    row.rows.n = 1;
    row.data = x->data + i;
    CHECK_OK(kind->predict(*model, &row, one));
    CHECK(memcmp(one, all + i * outputs, (size_t)outputs * sizeof *one) == 0);
  }
  fields_clear(&out);
  fields_clear(&in);
  kind->free(&loaded);
  memory_free(&again);
  memory_free(&one);
}

typedef struct FailingFit {
  const ModelKind *kind;
  const Data *data;
  const void *options;
} FailingFit;

static inline Status fit_once(const Comm *comm, void *context) {
  const FailingFit *fit = context;
  Summary summary;
  void *model = NULL;
  summary_init(&summary, comm->rank == 0);
  Status status =
      fit->kind->fit_all(comm, &fit->data->training, fit->options, NULL, &model, &summary);
  fit->kind->free(&model);
  summary_clear(&summary);
  return status;
}

/* Every allocation of a fit to 60 rows fails once, on one rank after the other. */
static inline void fit_faults(const ModelKind *kind, int64_t n_classes, bool weighted,
                              const void *options) {
  Comm world = comm_world();
  Data data;
  case_make(&data, &world, &(Case){60, 2, n_classes, PLAIN, weighted, false});
  CHECK(allocations_fail(&world, fit_once, &(FailingFit){kind, &data, options}) > 60);
  data_clear(&data);
}

#endif
