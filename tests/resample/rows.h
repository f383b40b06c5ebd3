/* Rows for the tests of resampling: classes of given sizes as clouds of points, and recordings. */
#ifndef SEGUE_TESTS_RESAMPLE_ROWS_H
#define SEGUE_TESTS_RESAMPLE_ROWS_H

#include <stdlib.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/random.h"
#include "kernels/resample/interpolate.h"
#include "tests/check.h"

extern const ResampleKind random_over_resample, random_under_resample, smote_resample,
    smote_nc_resample, adasyn_resample, popularity_balanced_resample;

enum { COLUMNS = 3, BLOCK = 16, ID_BITS = 40 };

/* All rows on every rank, and this rank's share as training data. */
typedef struct Sample {
  int64_t n;
  double *value; /* n x COLUMNS */
  double *class;
  int64_t *recording;
  Matrix x;
  double *target, *weight;
  int64_t *group, *row_id;
  TrainingData data;
} Sample;

/* size: rows of each class; they lie mixed. twins: so many rows of a recording lie side by side,
 * and are equal. */
static inline void sample_init(const Comm *comm, uint64_t seed, int64_t n_classes,
                               const int64_t *size, int64_t twins, Sample *s) {
  static const char *const names[] = {"a", "b", "c"};
  Stream stream = random_stream(seed, "test/resample", 0);
  *s = (Sample){0};
  for (int64_t c = 0; c < n_classes; c++) s->n += size[c];
  CHECK_OK(NEW(&s->value, s->n * COLUMNS));
  CHECK_OK(NEW(&s->class, s->n));
  CHECK_OK(NEW(&s->recording, s->n));
  int64_t at = 0;
  for (int64_t c = 0; c < n_classes; c++) {
    for (int64_t k = 0; k < size[c]; k++, at++) {
      int64_t i = random_permuted(&stream, at, s->n), same = at - k % twins;
      s->class[i] = (double)c;
      s->recording[i] = same * 3 + 1;
      for (int j = 0; j < COLUMNS; j++)
        s->value[i * COLUMNS + j] =
            (j == 1 ? 40 : 1) * (random_normal(&stream, (uint64_t)same, (uint32_t)j) + (double)c);
    }
  }
  Rows rows = rows_share(comm, s->n, BLOCK);
  CHECK_OK(matrix_init(&s->x, &rows, COLUMNS));
  CHECK_OK(NEW(&s->target, rows.n));
  CHECK_OK(NEW(&s->weight, rows.n));
  CHECK_OK(NEW(&s->group, rows.n));
  CHECK_OK(NEW(&s->row_id, rows.n));
  for (int j = 0; j < COLUMNS; j++) CHECK_OK(memory_text(&s->x.names[j], names[j]));
  for (int64_t i = 0; i < rows.n; i++) {
    int64_t row = rows.begin + i;
    for (int j = 0; j < COLUMNS; j++) matrix_column(&s->x, j)[i] = s->value[row * COLUMNS + j];
    s->target[i] = s->class[row];
    s->weight[i] = 1 + (double)(row % 5);
    s->group[i] = s->recording[row];
    s->row_id[i] = 10 * row;
  }
  s->data = (TrainingData){.task = TASK_CLASSIFICATION,
                           .n_classes = n_classes,
                           .x = &s->x,
                           .target = s->target,
                           .weight = s->weight,
                           .group = twins > 1 ? s->group : NULL,
                           .row_id = s->row_id,
                           .seed = seed};
}

static inline void sample_clear(Sample *s) {
  memory_free(&s->value);
  memory_free(&s->class);
  memory_free(&s->recording);
  matrix_clear(&s->x);
  memory_free(&s->target);
  memory_free(&s->weight);
  memory_free(&s->group);
  memory_free(&s->row_id);
}

/* New rows on every rank. */
typedef struct NewRows {
  int64_t n;
  double *value; /* n x COLUMNS */
  double *target, *weight;
  int64_t *group, *row_id;
  uint8_t *synthetic;
} NewRows;

static inline void *all_of(const Comm *comm, const void *mine, size_t bytes) {
  void *all = NULL;
  CHECK_OK(comm_concatenate_all(comm, mine, bytes, &all, NULL));
  return all;
}

static inline void new_rows_init(const Comm *comm, const Resampled *rows, NewRows *out) {
  size_t n = (size_t)rows->x.rows.n;
  *out = (NewRows){.n = rows->x.rows.n_global};
  CHECK_OK(NEW(&out->value, out->n * COLUMNS));
  for (int j = 0; j < COLUMNS; j++) {
    double *column = all_of(comm, matrix_column(&rows->x, j), n * sizeof(double));
    for (int64_t i = 0; i < out->n; i++) out->value[i * COLUMNS + j] = column[i];
    memory_free(&column);
  }
  out->target = all_of(comm, rows->target, n * sizeof(double));
  out->row_id = all_of(comm, rows->row_id, n * sizeof(int64_t));
  out->synthetic = all_of(comm, rows->synthetic, n);
  if (rows->weight) out->weight = all_of(comm, rows->weight, n * sizeof(double));
  if (rows->group) out->group = all_of(comm, rows->group, n * sizeof(int64_t));
}

static inline void new_rows_clear(NewRows *rows) {
  memory_free(&rows->value);
  memory_free(&rows->target);
  memory_free(&rows->weight);
  memory_free(&rows->group);
  memory_free(&rows->row_id);
  memory_free(&rows->synthetic);
}

#endif
