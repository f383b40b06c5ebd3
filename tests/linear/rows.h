/* Rows for the tests of linear models: columns of numbers, spread over ranks. */
#ifndef SEGUE_TESTS_LINEAR_ROWS_H
#define SEGUE_TESTS_LINEAR_ROWS_H

#include <stdlib.h>

#include "kernels/base/memory.h"
#include "kernels/model.h"
#include "tests/check.h"

typedef struct Sample {
  Matrix x;
  double *target, *weight;
  char *names[8];
  TrainingData data;
} Sample;

/* cell: rows of `width` numbers, d features first; target and weight are columns (-1: none). */
static inline void sample_init(const Comm *comm, const double *cell, int64_t n, int64_t width,
                               int64_t d, int64_t target, int64_t weight, Sample *s) {
  static const char *const letters[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
  Rows rows = rows_share(comm, n, 18); /* no whole number of lanes, or of samples */
  *s = (Sample){0};
  CHECK_OK(matrix_init(&s->x, &rows, d));
  CHECK_OK(NEW(&s->target, rows.n));
  if (weight >= 0) CHECK_OK(NEW(&s->weight, rows.n));
  for (int64_t j = 0; j < d; j++) CHECK_OK(memory_text(&s->x.names[j], letters[j]));
  for (int64_t i = 0; i < rows.n; i++) {
    const double *row = cell + (rows.begin + i) * width;
    for (int64_t j = 0; j < d; j++) matrix_column(&s->x, j)[i] = row[j];
    s->target[i] = row[target];
    if (weight >= 0) s->weight[i] = row[weight];
  }
  s->data =
      (TrainingData){.task = TASK_REGRESSION, .x = &s->x, .target = s->target, .weight = s->weight};
}

static inline void sample_clear(Sample *s) {
  matrix_clear(&s->x);
  memory_free(&s->target);
  memory_free(&s->weight);
}

/* Numbers of a CSV file of tests/oracle whose first `skip` cells a row are texts; the header is
 * passed over. Returns rows. */
static inline int64_t read_cells(const char *name, int64_t width, int64_t n_max, double *cell,
                                 char (*what)[32]) {
  const char *source = getenv("SEGUE_SOURCE");
  char path[1024], line[1024];
  int64_t n = 0;
  snprintf(path, sizeof path, "%s/tests/oracle/%s", source ? source : ".", name);
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  if (!file) return 0;
  CHECK(fgets(line, sizeof line, file) != NULL);
  for (; n < n_max && fgets(line, sizeof line, file); n++) {
    char *at = line;
    if (what) {
      at = strchr(line, ',');
      snprintf(what[n], sizeof what[n], "%.*s", (int)(at - line), line);
      at++;
    }
    for (int64_t c = 0; c < width; c++, at += *at == ',') cell[n * width + c] = strtod(at, &at);
  }
  fclose(file);
  return n;
}

#endif
