/* Rows for the tests of clusters: lumps of numbers, the same on any number of ranks. */
#ifndef SEGUE_TESTS_CLUSTER_POINTS_H
#define SEGUE_TESTS_CLUSTER_POINTS_H

#include <stdlib.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"
#include "kernels/numeric/matrix.h"
#include "kernels/numeric/random.h"
#include "tests/allocations.h"

/* n rows of d columns around `lumps` centres; repeat: every row stands that many times in a row. */
static inline void lumps_init(const Comm *comm, uint64_t seed, int64_t n, int64_t d, int64_t lumps,
                              int64_t repeat, Matrix *x) {
  static const char *const letters[] = {"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"};
  Rows rows = rows_share(comm, n, 16);
  Stream place = random_stream(seed, "test/place", 0), noise = random_stream(seed, "test/noise", 0);
  CHECK_OK(matrix_init(x, &rows, d));
  for (int64_t j = 0; j < d; j++) {
    CHECK_OK(memory_text(&x->names[j], letters[j % 12]));
    for (int64_t i = 0; i < rows.n; i++) {
      int64_t row = (rows.begin + i) / repeat, lump = row % lumps;
      matrix_column(x, j)[i] = 4 * random_normal(&place, (uint64_t)lump, (uint32_t)j) +
                               random_normal(&noise, (uint64_t)row, (uint32_t)j);
    }
  }
}

#endif
