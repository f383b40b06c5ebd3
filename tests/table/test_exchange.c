/* Tables that move: every row arrives whole, where it has to be, on any number of ranks; and
 * failing allocations end in one status everywhere, with nothing leaked. */
#include <stdlib.h>

#include "kernels/base/fault.h"
#include "sample.h"

static uint64_t seed;

static Table blocks(const Comm *comm, int64_t n_global, int64_t block) {
  Rows rows = rows_share(comm, n_global, block);
  int64_t *ids = NULL;
  CHECK_OK(NEW(&ids, rows.n));
  for (int64_t i = 0; i < rows.n; i++) ids[i] = rows.begin + i;
  Table table = sample_table(&rows, ids, seed, false);
  memory_free(&ids);
  return table;
}

/* The table holds the rows `ids`, whatever way they took. */
static void check_rows(const Table *table, const int64_t *ids, int64_t n) {
  Table want = sample_table(&(Rows){n, 0, n, 4}, ids, seed, false);
  CHECK_INTEGER(table->rows.n, n);
  CHECK(sample_same(table, &want));
  table_clear(&want);
}

static bool kept(int64_t id, int mode) {
  if (mode == 0) return true;
  if (mode == 1) return false;
  if (mode == 2) return id < 9; /* all on the lowest ranks */
  return sample_number(seed + 5, id, mode) % 3 == 0;
}

static void test_filter(const Comm *comm, int64_t n_global, int mode) {
  Table table = blocks(comm, n_global, 4), out;
  uint8_t *keep = NULL;
  int64_t *ids = NULL, n = 0;
  CHECK_OK(NEW(&keep, table.rows.n));
  CHECK_OK(NEW(&ids, n_global));
  for (int64_t i = 0; i < table.rows.n; i++) keep[i] = kept(table.row_id[i], mode);
  for (int64_t id = 0; id < n_global; id++)
    if (kept(id, mode)) ids[n++] = id;
  CHECK_OK(table_filter_all(comm, &table, keep, &out));
  Rows rows = rows_share(comm, n, 4);
  CHECK_INTEGER(out.rows.n_global, n);
  CHECK_INTEGER(out.rows.begin, rows.begin);
  CHECK_INTEGER(out.rows.block, 4);
  check_rows(&out, ids + rows.begin, rows.n);
  memory_free(&keep);
  memory_free(&ids);
  table_clear(&out);
  table_clear(&table);
}

static int home(int64_t id, int mode, int size) {
  if (mode == 0) return size - 1; /* the others get none */
  return (int)(sample_number(seed + 9, id, mode) % (uint64_t)size);
}

static void test_exchange(const Comm *comm, int64_t n_global, int mode) {
  Table table = blocks(comm, n_global, 4), out, back;
  int *to = NULL;
  int64_t *ids = NULL, n = 0;
  CHECK_OK(NEW(&to, table.rows.n));
  CHECK_OK(NEW(&ids, n_global));
  for (int64_t i = 0; i < table.rows.n; i++) to[i] = home(table.row_id[i], mode, comm->size);
  for (int64_t id = 0; id < n_global; id++)
    if (home(id, mode, comm->size) == comm->rank) ids[n++] = id;
  CHECK_OK(table_exchange_all(comm, &table, to, &out));
  CHECK_INTEGER(out.rows.n_global, n_global);
  CHECK_INTEGER(out.rows.begin, comm_exscan_all(comm, n));
  check_rows(&out, ids, n);

  /* Back to blocks of another size: the rows in the order in which ranks now hold them. */
  CHECK_OK(table_rebalance_all(comm, &out, 8, &back));
  Rows rows = rows_share(comm, n_global, 8);
  void *all = NULL;
  CHECK_OK(comm_concatenate_all(comm, ids, (size_t)n * sizeof *ids, &all, NULL));
  CHECK_INTEGER(back.rows.begin, rows.begin);
  CHECK_INTEGER(back.rows.block, 8);
  check_rows(&back, (const int64_t *)all + rows.begin, rows.n);
  memory_free(&all);
  memory_free(&to);
  memory_free(&ids);
  table_clear(&back);
  table_clear(&out);
  table_clear(&table);
}

static void test_replicate(const Comm *comm, int64_t n_global) {
  Table table = blocks(comm, n_global, 4), out;
  int64_t *ids = NULL;
  CHECK_OK(NEW(&ids, n_global));
  for (int64_t id = 0; id < n_global; id++) ids[id] = id;
  CHECK_OK(table_replicate_all(comm, &table, &out));
  CHECK_INTEGER(out.rows.begin, 0);
  CHECK_INTEGER(out.rows.n_global, n_global);
  check_rows(&out, ids, n_global);
  memory_free(&ids);
  table_clear(&out);
  table_clear(&table);
}

static void test_bad_rank(const Comm *comm) {
  Table table = blocks(comm, 4, 4), out; /* all rows on one rank */
  int to[4] = {0, 0, comm->size, 0};
  CHECK(table_exchange_all(comm, &table, to, &out) == INVALID);
  CHECK_MESSAGE("row 2 is to go to rank");
  table_clear(&out);
  table_clear(&table);
}

/* Where nothing moves columns are shared, and keep their origin; a moved copy has none. */
static void test_origin(const Comm *comm) {
  Table table = blocks(comm, 40, 4), out;
  uint8_t keep[40];
  memset(keep, 1, sizeof keep);
  for (int64_t i = 0; i < table.n_columns; i++)
    CHECK_OK(memory_text(&table.columns[i]->origin, "old.h5:columns/x"));
  CHECK_OK(table_filter_all(comm, &table, keep, &out));
  for (int64_t i = 0; i < out.n_columns; i++) CHECK(out.columns[i] == table.columns[i]);
  table_clear(&out);
  if (table.rows.n > 0 && table.rows.begin == 0) keep[1] = 0;
  CHECK_OK(table_filter_all(comm, &table, keep, &out));
  for (int64_t i = 0; i < out.n_columns; i++) CHECK(out.columns[i]->origin == NULL);
  table_clear(&out);
  table_clear(&table);
}

static Status move(const Comm *comm, const Table *table, int operation, Table *out) {
  uint8_t keep[64];
  int to[64];
  for (int64_t i = 0; i < table->rows.n; i++) {
    keep[i] = i % 3 > 0;
    to[i] = (int)(i % comm->size);
  }
  if (operation == 0) return table_filter_all(comm, table, keep, out);
  if (operation == 1) return table_exchange_all(comm, table, to, out);
  if (operation == 2) return table_rebalance_all(comm, table, 16, out);
  return table_replicate_all(comm, table, out);
}

/* The nth allocation fails on one rank, for every nth and rank. */
static void test_faults(const Comm *comm, int operation, int failing) {
  Table table = blocks(comm, 41, 4), out;
  int64_t before = memory_balance();
  for (int64_t nth = 1; nth < 1000; nth++) {
    fault_arm(FAULT_MEMORY, comm->rank == failing ? nth : 0, false);
    Status status = move(comm, &table, operation, &out);
    fault_arm(FAULT_MEMORY, 0, false);
    CHECK_INTEGER(comm_max_one_all(comm, (int64_t)status), status);
    if (status == OK) {
      table_clear(&out);
      CHECK_INTEGER(memory_balance(), before);
      break;
    }
    CHECK(status == MEMORY);
    CHECK_INTEGER(memory_balance(), before);
    CHECK(nth < 999);
  }
  table_clear(&table);
}

int main(int argc, char **argv) {
  static const int64_t sizes[] = {0, 1, 3, 17, 64, 500};
  MPI_Init(&argc, &argv);
  Comm comm = comm_world();
  seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 20261120;
  if (comm.rank == 0) printf("seed %llu\n", (unsigned long long)seed);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    for (int mode = 0; mode < 4; mode++) test_filter(&comm, sizes[i], mode);
    for (int mode = 0; mode < 3; mode++) test_exchange(&comm, sizes[i], mode);
    test_replicate(&comm, sizes[i]);
    seed++;
  }
  test_bad_rank(&comm);
  test_origin(&comm);
  for (int operation = 0; operation < 4; operation++) {
    test_faults(&comm, operation, 0);
    if (comm.size > 1) test_faults(&comm, operation, comm.size - 1);
  }
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("exchange");
  MPI_Finalize();
  return result;
}
