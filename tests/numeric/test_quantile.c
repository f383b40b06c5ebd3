/* Sorting and order statistics against a plain sort, on any number of ranks. */
#include "kernels/numeric/quantile.h"

#include <stdlib.h>

#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/random.h"
#include "tests/check.h"

static Stream stream;

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  if (isnan(x) || isnan(y)) return isnan(x) - isnan(y);
  return (x > y) - (x < y);
}

/* Value i of a column of one of several kinds: smooth, few values, wild, constant, with zeros of
 * both signs and infinities; a tenth is NaN in some. */
static double value_of(int kind, int64_t i) {
  uint64_t row = (uint64_t)i << 8 | (uint64_t)kind;
  if (kind >= 6 && random_integer(&stream, row, 7, 10) == 0) return NAN;
  uint64_t bits = random_bits(&stream, row, 0);
  double wild;
  memcpy(&wild, &bits, sizeof wild);
  switch (kind % 6) {
    case 0: return random_normal(&stream, row, 0);
    case 1: return (double)random_integer(&stream, row, 0, 101);
    case 2: return isnan(wild) ? INFINITY : wild;
    case 3: return -3.25;
    case 4: return (double)(i % 3 - 1) * 0.0;
    default: return i % 5 == 0 ? -INFINITY : i % 7 == 0 ? INFINITY : (double)-i;
  }
}

static void test_keys(void) {
  const double values[] = {-INFINITY, -1e308, -1, -0x1p-1074, 0, 0x1p-1074, 1, 2, 1e308, INFINITY};
  for (int i = 0; i < 10; i++) {
    CHECK_REAL(quantile_value(quantile_key(values[i])), values[i], 0);
    CHECK(i == 0 || quantile_key(values[i - 1]) < quantile_key(values[i]));
  }
  CHECK(quantile_key(-0.0) == quantile_key(0.0));
}

static void check_sort(int kind, int64_t n) {
  double *values = NULL, *expected = NULL;
  CHECK_OK(NEW(&values, n));
  CHECK_OK(NEW(&expected, n));
  for (int64_t i = 0; i < n; i++) expected[i] = values[i] = value_of(kind, i);
  qsort(expected, (size_t)n, sizeof *expected, compare);
  int64_t valid = 0, counted = 0, wrong = 0;
  CHECK_OK(quantile_sort(values, n, &valid));
  for (int64_t i = 0; i < n; i++) {
    counted += !isnan(expected[i]);
    wrong += !(values[i] == expected[i] || (isnan(values[i]) && isnan(expected[i])));
    wrong += values[i] == 0 && signbit(values[i]);
  }
  CHECK_INTEGER(wrong, 0);
  CHECK_INTEGER(valid, counted);
  memory_free(&values);
  memory_free(&expected);
}

/* Columns of all kinds at once; rank r has the rows i with i * size / n == r of the unsorted
 * column, or everything on the last rank. */
static void check_order_statistics(const Comm *comm, int64_t n, int64_t n_wanted, bool skewed) {
  enum { D = 12 };
  double *mine[D] = {NULL}, *all[D] = {NULL}, *out = NULL;
  int64_t lengths[D], valid[D], *wanted = NULL;
  int64_t begin = skewed ? 0 : n * comm->rank / comm->size;
  int64_t end = skewed ? n : n * (comm->rank + 1) / comm->size;
  if (skewed && comm->rank != comm->size - 1) end = 0;
  CHECK_OK(NEW(&wanted, D * n_wanted));
  CHECK_OK(NEW(&out, D * n_wanted));
  for (int j = 0; j < D; j++) {
    CHECK_OK(NEW(&mine[j], end - begin));
    CHECK_OK(NEW(&all[j], n));
    for (int64_t i = 0; i < n; i++) {
      all[j][i] = value_of(j, i);
      if (i >= begin && i < end) mine[j][i - begin] = all[j][i];
    }
    CHECK_OK(quantile_sort(mine[j], end - begin, &lengths[j]));
    CHECK_OK(quantile_sort(all[j], n, &valid[j]));
    for (int64_t w = 0; w < n_wanted; w++)
      wanted[j * n_wanted + w] =
          random_integer(&stream, (uint64_t)(n * D + j), (uint32_t)w, n + 3) - 1;
  }
  CHECK_OK(quantile_order_statistics_all(comm, (const double *const *)mine, lengths, D, n_wanted,
                                         wanted, out));
  for (int j = 0; j < D; j++) {
    for (int64_t w = j * n_wanted; w < (j + 1) * n_wanted; w++) {
      bool there = wanted[w] >= 0 && wanted[w] < valid[j];
      CHECK_REAL(out[w], there ? all[j][wanted[w]] : NAN, 0);
    }
    memory_free(&mine[j]);
    memory_free(&all[j]);
  }
  memory_free(&wanted);
  memory_free(&out);
}

/* Two columns with the same ends, which lie at one address where they are empty: on all ranks but
 * the last. */
static void check_same_ends(const Comm *comm) {
  const double values[] = {1, 2, 3, 4, 9, 1, 6, 7, 8, 9};
  int64_t n = comm->rank == comm->size - 1 ? 5 : 0;
  const double *columns[] = {values, values + n};
  double out[2];
  CHECK_OK(quantile_order_statistics_all(comm, columns, (int64_t[]){n, n}, 2, 1, (int64_t[]){2, 2},
                                         out));
  CHECK_REAL(out[0], 3, 0);
  CHECK_REAL(out[1], 7, 0);
}

static void check_quantiles(const Comm *comm, const double *values, int n, const double *expected) {
  const double q[] = {0, 0.1, 0.25, 0.5, 0.9, 1};
  double out[6];
  int begin = n * comm->rank / comm->size, end = n * (comm->rank + 1) / comm->size;
  CHECK_OK(quantile_all(comm, values + begin, NULL, end - begin, q, 6, out));
  for (int i = 0; i < 6; i++) CHECK_REAL(out[i], expected[i], 1e-15);
}

static void test_quantiles(const Comm *comm) {
  const double five[] = {3, NAN, 1, 7, 2, NAN, 10};
  check_quantiles(comm, five, 7, (double[]){1, 1.4, 2, 3, 8.8, 10});
  check_quantiles(comm, (double[]){4}, 1, (double[]){4, 4, 4, 4, 4, 4});
  check_quantiles(comm, (double[]){NAN}, 1, (double[]){NAN, NAN, NAN, NAN, NAN, NAN});
  check_quantiles(comm, (double[]){INFINITY, INFINITY, 0}, 3,
                  (double[]){0, INFINITY, INFINITY, INFINITY, INFINITY, INFINITY});
  const uint8_t where[] = {1, 1, 0, 1, 1, 1, 0};
  double median = 0;
  int begin = 7 * comm->rank / comm->size, end = 7 * (comm->rank + 1) / comm->size;
  CHECK_OK(
      quantile_all(comm, five + begin, where + begin, end - begin, (double[]){0.5}, 1, &median));
  CHECK_REAL(median, 3, 0);
}

/* Lack of memory on one rank is told on all. */
static void test_faults(const Comm *comm) {
  const double values[] = {3, 2, 1};
  double median = 0;
  for (int rank = 0; rank < comm->size; rank++) {
    for (int64_t nth = 1; nth <= 7; nth++) {
      if (comm->rank == rank) fault_arm(FAULT_MEMORY, nth, false);
      CHECK_INTEGER(quantile_all(comm, values, NULL, 3, (double[]){0.5}, 1, &median), MEMORY);
      CHECK_MESSAGE("out of memory");
      fault_arm(FAULT_MEMORY, 0, false);
    }
  }
  CHECK_OK(quantile_all(comm, values, NULL, 3, (double[]){0.5}, 1, &median));
  CHECK_REAL(median, 2, 0);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm comm = comm_world();
  stream = random_stream(argc > 1 ? strtoull(argv[1], NULL, 10) : 1, "test/quantile", 0);
  test_keys();
  for (int kind = 0; kind < 12; kind++)
    for (int64_t n = 0; n < 3000; n = 2 * n + 1) check_sort(kind, n);
  check_same_ends(&comm);
  const int64_t lengths[] = {0, 1, 2, 10, 1000, 20000};
  for (int i = 0; i < 6; i++) {
    check_order_statistics(&comm, lengths[i], 5, false);
    check_order_statistics(&comm, lengths[i], 90, true);
  }
  test_quantiles(&comm);
  test_faults(&comm);
  CHECK_INTEGER(memory_balance(), 0);
  MPI_Finalize();
  return check_report("numeric_quantile");
}
