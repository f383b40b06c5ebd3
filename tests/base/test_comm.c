/* Reductions, concatenation, exchange and shared memory on any number of ranks. */
#include "kernels/base/comm.h"

#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "tests/check.h"

static void test_reductions(const Comm *comm) {
  int64_t n = comm->size, r = comm->rank;
  int64_t values[3] = {r, -r, 1};
  comm_sum_all(comm, values, 3);
  CHECK_INTEGER(values[0], n * (n - 1) / 2);
  CHECK_INTEGER(values[1], -n * (n - 1) / 2);
  CHECK_INTEGER(values[2], n);
  values[0] = -r;
  comm_min_all(comm, values, 1);
  CHECK_INTEGER(values[0], 1 - n);
  CHECK_INTEGER(comm_max_one_all(comm, r), n - 1);
  double real = -(double)r;
  comm_max_real_all(comm, &real, 1);
  CHECK_REAL(real, 0, 0);
  CHECK(comm_any_all(comm, r == n - 1));
  CHECK(!comm_any_all(comm, false));
  CHECK_INTEGER(comm_exscan_all(comm, r + 1), r * (r + 1) / 2);
  CHECK_INTEGER(comm_sum_one_all(comm, 2), 2 * n);
  comm_sum_all(comm, NULL, 0);
}

/* Rank r brings 100 r + position (+ 7 for the second array) at each; rank r keeps (r + 1) % 3 of
 * them. */
enum { SCATTER_STRIDE = 64 * 3 };
static int64_t scatter_offsets(int size, int64_t *offsets) {
  offsets[0] = 0;
  for (int r = 0; r < size; r++) offsets[r + 1] = offsets[r] + (r + 1) % 3;
  return offsets[size];
}

static void scatter_fill(const Comm *comm, int64_t n, int64_t *values) {
  for (int64_t i = 0; i < n; i++) values[i] = 100 * comm->rank + i;
  for (int64_t i = 0; i < n; i++) values[SCATTER_STRIDE + i] = 100 * comm->rank + i + 7;
}

static void check_part(const Comm *comm, const int64_t *values, const int64_t *offsets,
                       int64_t more) {
  int64_t size = comm->size;
  for (int64_t i = offsets[comm->rank]; i < offsets[comm->rank + 1]; i++) {
    CHECK_INTEGER(values[i], 50 * size * (size - 1) + size * (i + more));
  }
}

static void test_sum_scatter(const Comm *comm) {
  int64_t offsets[65], values[2][2 * SCATTER_STRIDE], n = scatter_offsets(comm->size, offsets);
  SumScatter sum[2];
  scatter_fill(comm, n, values[0]);
  CHECK_OK(comm_sum_scatter_all(comm, values[0], offsets));
  check_part(comm, values[0], offsets, 0);
  for (int k = 0; k < 2; k++) CHECK_OK(comm_sum_scatter_init_all(comm, 4, &sum[k]));
  for (int round = 0; round < 3; round++) {
    for (int k = 0; k < 2; k++) {
      scatter_fill(comm, n, values[k]);
      comm_sum_scatter_begin_all(&sum[k], values[k], offsets, k + 1, SCATTER_STRIDE);
    }
    for (int k = 0; k < 2; k++) {
      comm_sum_scatter_push(&sum[k]);
      comm_sum_scatter_end_all(&sum[k]);
      check_part(comm, values[k], offsets, 0);
      if (k > 0) check_part(comm, values[k] + SCATTER_STRIDE, offsets, 7);
    }
  }
  comm_sum_scatter_begin_all(&sum[0], values[0], offsets, 0, 0);
  comm_sum_scatter_end_all(&sum[0]);
  for (int k = 0; k < 2; k++) comm_sum_scatter_clear(&sum[k]);
}

static void test_broadcast(const Comm *comm) {
  int root = comm->size - 1;
  char text[8] = "";
  if (comm->rank == root) snprintf(text, sizeof text, "seven");
  comm_broadcast_all(comm, root, text, sizeof text);
  CHECK_TEXT(text, "seven");
  int ranks[64];
  comm_allgather_all(comm, &comm->rank, sizeof comm->rank, ranks);
  for (int r = 0; r < comm->size; r++) CHECK_INTEGER(ranks[r], r);
}

/* Rank r brings r times the byte 'a' + r. */
static void check_joined(const char *all, const size_t *offsets, int size) {
  CHECK_INTEGER((int64_t)offsets[0], 0);
  for (int r = 0; r < size; r++) {
    CHECK_INTEGER((int64_t)(offsets[r + 1] - offsets[r]), r);
    for (size_t i = offsets[r]; i < offsets[r + 1]; i++) CHECK_INTEGER(all[i], 'a' + r);
  }
}

static void test_joining(const Comm *comm) {
  char mine[64];
  size_t offsets[65];
  void *all = NULL;
  memset(mine, 'a' + comm->rank, sizeof mine);
  CHECK_OK(comm_concatenate_all(comm, mine, (size_t)comm->rank, &all, offsets));
  check_joined(all, offsets, comm->size);
  memory_free(&all);
  CHECK_OK(comm_concatenate_all(comm, NULL, 0, &all, NULL));
  CHECK(all != NULL);
  memory_free(&all);
  for (int root = 0; root < comm->size; root++) {
    CHECK_OK(comm_gather_all(comm, root, mine, (size_t)comm->rank, &all, offsets));
    CHECK((all != NULL) == (comm->rank == root));
    if (comm->rank == root) check_joined(all, offsets, comm->size);
    memory_free(&all);
  }
}

/* Rank r sends (r + to) % 3 items of two numbers {r, to}. */
static void test_exchange(const Comm *comm) {
  int64_t send[64 * 3 * 2], counts[64], received[64], n = 0;
  int64_t(*out)[2] = NULL;
  for (int to = 0; to < comm->size; to++) {
    counts[to] = (comm->rank + to) % 3;
    for (int64_t i = 0; i < counts[to]; i++) {
      send[n++] = comm->rank;
      send[n++] = to;
    }
  }
  CHECK_OK(comm_exchange_all(comm, send, counts, 2 * sizeof *send, (void **)&out, received));
  int64_t at = 0;
  for (int from = 0; from < comm->size; from++) {
    CHECK_INTEGER(received[from], (comm->rank + from) % 3);
    for (int64_t i = 0; i < received[from]; i++, at++) {
      CHECK_INTEGER(out[at][0], from);
      CHECK_INTEGER(out[at][1], comm->rank);
    }
  }
  memory_free(&out);
}

static void test_shared(const Comm *comm) {
  SharedMemory shared;
  CHECK_OK(comm_shared_new_all(comm, 1000 * sizeof(int), &shared));
  CHECK((uintptr_t)shared.data % 64 == 0);
  int *numbers = shared.data;
  for (int i = 0; shared.owner && i < 1000; i++) numbers[i] = 3 * i;
  comm_shared_publish_all(comm, &shared);
  int64_t wrong = 0;
  for (int i = 0; i < 1000; i++) wrong += numbers[i] != 3 * i;
  CHECK_INTEGER(wrong, 0);
  CHECK(comm_sum_one_all(comm, shared.owner) >= 1);
  CHECK_INTEGER((int)shared.window, shared.node.size > 1);
  comm_shared_clear_all(&shared);
  comm_shared_clear_all(&shared);
  CHECK_OK(comm_shared_new_all(comm, 0, &shared));
  comm_shared_clear_all(&shared);
}

static void test_split(const Comm *comm) {
  Comm half;
  comm_split_all(comm, comm->rank % 2, &half);
  CHECK_INTEGER(half.size, (comm->size + (comm->rank % 2 == 0)) / 2);
  CHECK_INTEGER(half.rank, comm->rank / 2);
  comm_clear_all(&half);
  comm_clear_all(&half);
  Comm self = comm_self();
  CHECK_INTEGER(comm_sum_one_all(&self, 5), 5);
}

/* Every allocation fails once on every rank: all fail alike and nothing is left behind. */
static void test_faults(const Comm *comm) {
  char mine[4] = "abc";
  void *out = NULL;
  int64_t counts[64] = {0}, received[64], numbers[64 * 3] = {0}, offsets[65];
  scatter_offsets(comm->size, offsets);
  for (int rank = 0; rank < comm->size; rank++) {
    for (int64_t nth = 1; nth <= 12; nth++) {
      int call = (int)(nth - 1) / 3;
      if (comm->rank == rank) fault_arm(FAULT_MEMORY, (nth - 1) % 3 + 1, false);
      Status status = OK;
      if (call == 0) status = comm_concatenate_all(comm, mine, 3, &out, NULL);
      if (call == 1) status = comm_exchange_all(comm, mine, counts, 1, &out, received);
      if (call == 2) status = comm_gather_all(comm, rank, mine, 3, &out, NULL);
      if (call == 3) status = comm_sum_scatter_all(comm, numbers, offsets);
      fault_arm(FAULT_MEMORY, 0, false);
      bool fails = nth != 9 && nth != 12; /* gathering and scattering allocate twice */
      if (call == 3 && comm->size == 1) fails = false;
      CHECK_INTEGER(status, fails ? MEMORY : OK);
      CHECK(!fails || out == NULL);
      memory_free(&out);
      CHECK_INTEGER(memory_balance(), 0);
    }
  }
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm comm = comm_world();
  test_reductions(&comm);
  test_sum_scatter(&comm);
  test_broadcast(&comm);
  test_joining(&comm);
  test_exchange(&comm);
  test_shared(&comm);
  test_split(&comm);
  test_faults(&comm);
  CHECK(comm_waited() >= 0);
  CHECK_INTEGER(memory_balance(), 0);
  MPI_Finalize();
  return check_report("base_comm");
}
