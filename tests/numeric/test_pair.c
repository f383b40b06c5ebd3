/* Distances of pairs: one formula, whichever way rows lie. */
#include "kernels/numeric/pair_vector.h"
#include "kernels/numeric/random.h"
#include "tests/check.h"

enum { COLUMNS = 19 };

typedef void Squared(const double *rows, int64_t step, const double *point, int64_t d,
                     PairReals *out);

PAIR_WIDE static void squared_wide(const double *rows, int64_t step, const double *point, int64_t d,
                                   PairReals *out) {
  pair_vector_squared(rows, step, point, d, out);
}

static void squared_plain(const double *rows, int64_t step, const double *point, int64_t d,
                          PairReals *out) {
  pair_vector_squared(rows, step, point, d, out);
}

/* The same bits for every number of columns, in vectors of either step, and padded. */
static void test_bits(Squared *squared, int64_t step) {
  static double rows[COLUMNS * 64] __attribute__((aligned(64)));
  double point[COLUMNS + 1] = {0}, one[COLUMNS + 1] = {0};
  Stream stream = random_stream(3, "test/pair", 0);
  for (int64_t i = 0; i < COLUMNS * 64; i++) rows[i] = random_normal(&stream, (uint64_t)i, 0);
  for (int64_t j = 0; j < COLUMNS; j++) point[j] = random_normal(&stream, 1 << 20, (uint32_t)j);
  for (int64_t d = 0; d <= COLUMNS; d++) {
    PairReals all;
    squared(rows, step, point, d, &all);
    for (int64_t r = 0; r < PAIR_ROWS; r++) {
      CHECK_REAL(all[r], pair_distance_squared(rows + r, step, point, 1, d), 0);
      memset(one, 0, sizeof one);
      for (int64_t j = 0; j < d; j++) one[j] = rows[j * step + r];
      for (int64_t j = d; j < COLUMNS; j++) point[j] = 0;
      CHECK_REAL(pair_distance_padded(one, point, pair_padded(d)), all[r], 0);
      for (int64_t j = 0; j < COLUMNS; j++) point[j] = random_normal(&stream, 1 << 20, (uint32_t)j);
    }
  }
}

int main(void) {
  test_bits(squared_plain, PAIR_ROWS);
  test_bits(squared_plain, 64);
  if (pair_has_wide()) test_bits(squared_wide, PAIR_ROWS);
  if (pair_has_wide()) test_bits(squared_wide, 64);
  return check_report("numeric/pair");
}
