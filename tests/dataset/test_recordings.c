/* Recordings against a plain union-find, on any number of ranks (also started by mpirun): random
 * links, long chains in random order, a star, one key for all, rows without keys.
 * `test_dataset_recordings SEED N` times N rows instead. */
#include <stdlib.h>

#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "kernels/dataset/recordings.h"
#include "kernels/numeric/hash.h"
#include "tests/check.h"

enum { KEYS = 3 };
typedef enum Shape { RANDOM, SPARSE, CHAIN, STAR, ALONE, ONE, SHAPES } Shape;

static uint64_t seed;

static uint64_t draw(int64_t row, int what) {
  return hash_mix(hash_mix(seed + (uint64_t)what * 0x9e3779b97f4a7c15u) ^ (uint64_t)row);
}

/* A permutation of 0 .. n - 1, same on all ranks. */
static int64_t *shuffled(int64_t n) {
  int64_t *at = NULL;
  CHECK_OK(NEW(&at, n));
  for (int64_t i = 0; i < n; i++) {
    int64_t j = (int64_t)(draw(i, 77) % (uint64_t)(i + 1));
    at[i] = at[j];
    at[j] = i;
  }
  return at;
}

/* The value of key k in the row at place i of the shuffled order; MISSING_INTEGER: none. */
static int64_t value_of(Shape shape, int64_t n, int64_t i, int k) {
  uint64_t x = draw(i, k);
  switch (shape) {
    case RANDOM: return x % 5 == 0 ? MISSING_INTEGER : (int64_t)((x >> 8) % (uint64_t)(n + 1));
    case SPARSE: return x % 3 == 0 ? MISSING_INTEGER : (int64_t)((x >> 8) % (uint64_t)(4 * n + 1));
    case CHAIN: return k == 0 ? i / 2 : k == 1 ? (i + 1) / 2 : MISSING_INTEGER;
    case STAR: return k == 0 ? i % (n / 2 + 1) : k == 1 ? (i < n / 2 ? 7 : i) : MISSING_INTEGER;
    case ALONE: return MISSING_INTEGER;
    default: return k == 2 ? 1 : i;
  }
}

static int64_t root_of(int64_t *parent, int64_t i) {
  while (parent[i] != i) i = parent[i] = parent[parent[i]];
  return i;
}

/* The lowest row of every row's component, by union-find over all pairs that share a value. */
static int64_t *plain(Shape shape, int64_t n, const int64_t *place) {
  int64_t *parent = NULL, *seen = NULL, limit = 4 * n + 8;
  CHECK_OK(NEW(&parent, n));
  CHECK_OK(NEW(&seen, limit));
  for (int64_t i = 0; i < n; i++) parent[i] = i;
  for (int k = 0; k < KEYS; k++) {
    for (int64_t v = 0; v < limit; v++) seen[v] = -1;
    for (int64_t i = 0; i < n; i++) {
      int64_t v = value_of(shape, n, place[i], k);
      if (v == MISSING_INTEGER) continue;
      if (seen[v] < 0) seen[v] = i;
      int64_t a = root_of(parent, i), b = root_of(parent, seen[v]);
      parent[a > b ? a : b] = a > b ? b : a;
    }
  }
  for (int64_t i = 0; i < n; i++) parent[i] = root_of(parent, i);
  memory_free(&seen);
  return parent;
}

/* Keys of two columns each: the value, and one that all rows share. */
static Table table_of(const Comm *comm, Shape shape, int64_t n, const int64_t *place) {
  static const char *const names[] = {"k0", "k1", "k2"};
  Table table;
  Rows rows = rows_share(comm, n, 4);
  Column *column = NULL;
  CHECK_OK(table_init(&table, &rows));
  for (int k = 0; k < KEYS; k++) {
    CHECK_OK(column_new(&column, names[k], COLUMN_INTEGER, rows.n, 0));
    for (int64_t i = 0; i < rows.n; i++)
      column->integer[i] = value_of(shape, n, place[rows.begin + i], k);
    CHECK_OK(table_add(&table, column));
  }
  CHECK_OK(column_new(&column, "same", COLUMN_REAL, rows.n, 0));
  CHECK_OK(table_add(&table, column));
  for (int64_t i = 0; i < rows.n; i++) table.row_id[i] = 3 * table.row_id[i] + 1;
  return table;
}

static char *parts[KEYS][2] = {{"k0", "same"}, {"same", "k1"}, {"k2", "same"}};
static TextList lists[KEYS] = {{2, parts[0]}, {2, parts[1]}, {2, parts[2]}};
static const TextLists keys = {KEYS, lists};

static void check_counts(const int64_t *want, Shape shape, int64_t n, const int64_t *place,
                         const RecordingCounts *counts) {
  int64_t *size = NULL, recordings = 0, together = 0, largest = 0, keyless = 0;
  CHECK_OK(NEW(&size, n));
  for (int64_t i = 0; i < n; i++) {
    size[want[i]]++;
    bool keyed = false;
    for (int k = 0; k < KEYS; k++)
      keyed = keyed || value_of(shape, n, place[i], k) != MISSING_INTEGER;
    keyless += !keyed;
  }
  for (int64_t i = 0; i < n; i++) {
    recordings += size[i] > 0;
    if (size[i] > 1) together += size[i];
    if (size[i] > largest) largest = size[i];
  }
  CHECK_INTEGER(counts->recordings, recordings);
  CHECK_INTEGER(counts->together, together);
  CHECK_INTEGER(counts->largest, largest);
  CHECK_INTEGER(counts->keyless, keyless);
  memory_free(&size);
}

static void test_shape(const Comm *comm, Shape shape, int64_t n) {
  int64_t *place = shuffled(n), *want = plain(shape, n, place), *first = NULL;
  Table table = table_of(comm, shape, n, place);
  RecordingCounts counts;
  CHECK_OK(NEW(&first, table.rows.n));
  CHECK_OK(recordings_find_all(comm, &table, &keys, first, &counts));
  int64_t wrong = 0;
  for (int64_t i = 0; i < table.rows.n; i++) wrong += first[i] != want[table.rows.begin + i];
  CHECK_INTEGER(wrong, 0);
  check_counts(want, shape, n, place, &counts);
  CHECK_OK(recordings_number_all(comm, &table, first, first));
  for (int64_t i = 0; i < table.rows.n; i++)
    wrong += first[i] != 3 * want[table.rows.begin + i] + 1;
  CHECK_INTEGER(wrong, 0);
  memory_free(&first);
  memory_free(&place);
  memory_free(&want);
  table_clear(&table);
}

static void test_no_keys(const Comm *comm) {
  int64_t *place = shuffled(20), first[20];
  Table table = table_of(comm, ONE, 20, place);
  RecordingCounts counts;
  CHECK_OK(recordings_find_all(comm, &table, &(TextLists){0, NULL}, first, &counts));
  CHECK_INTEGER(counts.recordings, 20);
  CHECK_INTEGER(counts.keyless, 20);
  for (int64_t i = 0; i < table.rows.n; i++) CHECK_INTEGER(first[i], table.rows.begin + i);
  char *wrong[] = {"k7"};
  TextList list = {1, wrong};
  CHECK(recordings_find_all(comm, &table, &(TextLists){1, &list}, first, &counts) == INVALID);
  CHECK_MESSAGE("column \"k7\" is not in the table");
  memory_free(&place);
  table_clear(&table);
}

/* The nth allocation fails on one rank, for every nth. */
static void test_faults(const Comm *comm, int failing) {
  int64_t *place = shuffled(23), first[23], nth = 1;
  Table table = table_of(comm, RANDOM, 23, place);
  int64_t before = memory_balance();
  RecordingCounts counts;
  for (; nth < 2000; nth++) {
    fault_arm(FAULT_MEMORY, comm->rank == failing ? nth : 0, false);
    Status status = recordings_find_all(comm, &table, &keys, first, &counts);
    fault_arm(FAULT_MEMORY, 0, false);
    CHECK_INTEGER(comm_max_one_all(comm, (int64_t)status), status);
    CHECK_INTEGER(memory_balance(), before);
    if (status == OK) break;
    CHECK(status == MEMORY);
  }
  CHECK(nth > 10 && nth < 2000);
  memory_free(&place);
  table_clear(&table);
}

static void measure(const Comm *comm, int64_t n) {
  int64_t *place = shuffled(n), *first = NULL;
  Table table = table_of(comm, SPARSE, n, place);
  RecordingCounts counts;
  CHECK_OK(NEW(&first, table.rows.n));
  comm_barrier_all(comm);
  double start = MPI_Wtime();
  CHECK_OK(recordings_find_all(comm, &table, &keys, first, &counts));
  if (comm->rank == 0)
    printf("%lld rows: %.1f ms, %lld recordings, peak %lld MB\n", (long long)n,
           (MPI_Wtime() - start) * 1e3, (long long)counts.recordings,
           (long long)(memory_peak() >> 20));
  memory_free(&first);
  memory_free(&place);
  table_clear(&table);
}

int main(int argc, char **argv) {
  static const int64_t sizes[] = {0, 1, 2, 3, 9, 40, 300, 3000};
  MPI_Init(&argc, &argv);
  Comm comm = comm_world();
  seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 20261121;
  if (comm.rank == 0) printf("seed %llu\n", (unsigned long long)seed);
  if (argc > 2) {
    measure(&comm, strtoll(argv[2], NULL, 10));
    MPI_Finalize();
    return 0;
  }
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int shape = 0; shape < SHAPES; shape++, seed++) test_shape(&comm, (Shape)shape, sizes[i]);
  test_no_keys(&comm);
  test_faults(&comm, 0);
  if (comm.size > 1) test_faults(&comm, comm.size - 1);
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("recordings");
  MPI_Finalize();
  return result;
}
