/* Extremes and sizes of groups against a double loop, on the ranks it is started on. */
#include <stdlib.h>

#include "kernels/base/fault.h"
#include "kernels/numeric/groups.h"
#include "kernels/numeric/rows.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/random.h"
#include "tests/check.h"

enum { MOST = 300 };

/* Rows of a random problem: row i of all. */
typedef struct Problem {
  int64_t n, group[MOST], low[MOST], high[MOST];
} Problem;

static void make(Problem *p, uint64_t seed, int64_t n, int64_t groups) {
  Stream s = random_stream(seed, "test/groups", (uint64_t)groups);
  p->n = n;
  for (int64_t i = 0; i < n; i++) {
    int64_t g = random_integer(&s, (uint64_t)i, 0, groups);
    const int64_t odd[] = {0, INT64_MIN, INT64_MAX, -1};
    p->group[i] = g < 4 ? odd[g] : g * 4096; /* what shares low bits */
    p->low[i] = random_integer(&s, (uint64_t)i, 1, 1000) - 500;
    p->high[i] = random_integer(&s, (uint64_t)i, 2, 1000) - 500;
  }
}

static void compare(const Comm *comm, const Problem *p) {
  Rows rows = rows_share(comm, p->n, 4);
  int64_t *low = NULL, *high = NULL, *only = NULL, *size = NULL;
  int64_t begin = rows.n > 0 ? rows.begin : 0;
  CHECK_OK(NEW(&low, rows.n));
  CHECK_OK(NEW(&high, rows.n));
  CHECK_OK(NEW(&only, rows.n));
  CHECK_OK(NEW(&size, rows.n));
  for (int64_t i = 0; i < rows.n; i++) {
    low[i] = only[i] = p->low[begin + i];
    high[i] = p->high[begin + i];
  }
  CHECK_OK(groups_extremes_all(comm, p->group + begin, rows.n, low, high));
  CHECK_OK(groups_extremes_all(comm, p->group + begin, rows.n, only, NULL));
  CHECK_OK(groups_sizes_all(comm, p->group + begin, rows.n, size));
  for (int64_t i = 0; i < rows.n; i++) {
    int64_t least = INT64_MAX, most = INT64_MIN, rows_of_group = 0;
    for (int64_t k = 0; k < p->n; k++) {
      if (p->group[k] != p->group[begin + i]) continue;
      rows_of_group++;
      least = p->low[k] < least ? p->low[k] : least;
      most = p->high[k] > most ? p->high[k] : most;
    }
    CHECK_INTEGER(low[i], least);
    CHECK_INTEGER(high[i], most);
    CHECK_INTEGER(only[i], least);
    CHECK_INTEGER(size[i], rows_of_group);
  }
  memory_free(&low);
  memory_free(&high);
  memory_free(&only);
  memory_free(&size);
}

/* An allocation that fails on one rank is everybody's failure, and leaves nothing behind. */
static void test_faults(const Comm *comm) {
  int64_t group[8] = {1, 2, 3, 1, 2, 3, 1, 2}, low[8] = {0};
  int64_t balance = memory_balance();
  for (int rank = 0; rank < comm->size; rank++) {
    bool failed = true;
    for (int64_t nth = 1; failed && nth < 100; nth++) {
      if (comm->rank == rank) fault_arm(FAULT_MEMORY, nth, false);
      Status status = groups_extremes_all(comm, group, 8, low, NULL);
      fault_arm(FAULT_MEMORY, 0, false);
      failed = comm_any_all(comm, status != OK);
      CHECK(status == (failed ? MEMORY : OK));
      CHECK_INTEGER(memory_balance(), balance);
    }
    CHECK(!failed);
  }
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  static Problem problem;
  const uint64_t seed = 20240611;
  const int64_t sizes[] = {0, 1, 2, 5, 40, MOST}, groups[] = {1, 2, 10, 200};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
    for (size_t g = 0; g < sizeof groups / sizeof *groups; g++) {
      make(&problem, seed + s, sizes[s], groups[g]);
      compare(&world, &problem);
    }
  test_faults(&world);
  CHECK_INTEGER(memory_balance(), 0);
  if (check_failures > 0) fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
  int failed = check_report("groups");
  MPI_Finalize();
  return failed;
}
