/* Rows for the tests of neighbours, of several kinds. */
#ifndef SEGUE_TESTS_NEIGHBORS_POINTS_H
#define SEGUE_TESTS_NEIGHBORS_POINTS_H

#include "kernels/base/memory.h"
#include "kernels/numeric/random.h"
#include "kernels/numeric/matrix.h"
#include "tests/check.h"

typedef enum PointKind {
  POINTS_NORMAL,    /* d independent columns */
  POINTS_CLUSTERED, /* a few tight groups, far apart */
  POINTS_LATTICE,   /* few values a column: ties and identical rows by the thousand */
  POINTS_EQUAL,     /* all rows the same */
  POINTS_OFFSET,    /* small differences far from zero: single precision tells nothing */
  POINTS_SPREAD,    /* columns of quite unlike sizes */
  POINT_KINDS
} PointKind;

static inline double point_value(PointKind kind, uint64_t seed, int64_t row, int64_t j) {
  Stream stream = random_stream(seed, "test/points", (uint64_t)j);
  double z = random_normal(&stream, (uint64_t)row, 0);
  switch (kind) {
    case POINTS_CLUSTERED: {
      Stream centre = random_stream(seed, "test/centre", (uint64_t)j);
      return 100 * random_normal(&centre, (uint64_t)(row * 7 % 5), 0) + 0.01 * z;
    }
    case POINTS_LATTICE: return (double)(random_bits(&stream, (uint64_t)row, 2) % 3);
    case POINTS_EQUAL: return 4.25;
    case POINTS_OFFSET: return 1e6 + (row % 2 ? 1 : -1) * 1e3 + 1e-6 * z;
    case POINTS_SPREAD: return z * (j % 3 == 0 ? 1e5 : j % 3 == 1 ? 1 : 1e-7);
    default: return z;
  }
}

/* This rank's share of n rows. */
static inline void points_init(const Comm *comm, PointKind kind, uint64_t seed, int64_t n,
                               int64_t d, Matrix *out) {
  Rows rows = rows_share(comm, n, 16);
  CHECK_OK(matrix_init(out, &rows, d));
  for (int64_t j = 0; j < d; j++)
    for (int64_t i = 0; i < rows.n; i++)
      matrix_column(out, j)[i] = point_value(kind, seed, rows.begin + i, j);
}

#endif
