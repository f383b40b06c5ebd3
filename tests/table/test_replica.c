/* A replica's views hold the table's rows, whoever looks and however many nodes there are. */
#include "kernels/table/replica.h"

#include "tests/allocations.h"
#include "tests/dataset/rows.h"

enum { MOST = 130 };

static const uint64_t SEED = 77;

/* A text column that names the row. */
static Column *texts(const Rows *share) {
  Column *column = NULL;
  char text[32];
  int64_t used = 0;
  CHECK_OK(column_new(&column, "text", COLUMN_TEXT, share->n, share->n * 32));
  for (int64_t i = 0; i < share->n; i++) {
    int n = snprintf(text, sizeof text, "row %lld", (long long)(share->begin + i));
    memcpy(column->bytes + used, text, (size_t)n);
    column->offset[i + 1] = used += n;
  }
  return column;
}

static Table new_table(const Comm *comm, const Row *rows, int64_t n) {
  Table table = rows_table(comm, rows, n, 4);
  CHECK_OK(table_add(&table, texts(&table.rows)));
  /* A column whose flags only one rank holds. */
  Column *tags = table_find(&table, "tags");
  bool any = false;
  for (int64_t i = 0; i < table.rows.n; i++) any |= tags->missing[i] != 0;
  if (!any) memory_free(&tags->missing);
  return table;
}

static void check_row(const Table *view, int64_t i, const Row *row) {
  int64_t at = view->rows.begin + i, length = 0;
  char text[32];
  CHECK_INTEGER(view->row_id[i], 10 * at + 3);
  CHECK_INTEGER(table_find(view, "group")->integer[i], row->group);
  CHECK_INTEGER(table_find(view, "genre")->code[i], row->genre);
  CHECK_INTEGER(table_find(view, "flag")->boolean[i], row->flag);
  CHECK_INTEGER(table_find(view, "date")->date[i], row->date);
  CHECK_REAL(table_find(view, "number")->real[i], row->number, 0);
  const Column *tags = table_find(view, "tags");
  int64_t begin = tags->offset[i];
  CHECK(column_missing(tags, i) == (row->tags < 0));
  CHECK_INTEGER(tags->offset[i + 1] - begin, row->tags < 0 ? 0 : row->tags);
  for (int t = 0; t < row->tags; t++) CHECK_INTEGER(tags->code[begin + t], row->tag[t]);
  snprintf(text, sizeof text, "row %lld", (long long)at);
  const char *bytes = column_text(table_find(view, "text"), i, &length);
  CHECK(length == (int64_t)strlen(text) && memcmp(bytes, text, (size_t)length) == 0);
  CHECK_INTEGER(dictionary_find(&tags->dictionary, "c", 1), 2);
}

static void test_views(const Comm *comm, const Row *rows, int64_t n) {
  Table table = new_table(comm, rows, n);
  Replica replica;
  CHECK_OK(replica_new_all(comm, &table, &replica));
  for (int size = 1; size <= 5; size++)
    for (int rank = 0; rank < size; rank++) {
      Table view;
      CHECK_OK(replica_view(&replica, rank, size, &view));
      Rows want = rows_of(n, 4, rank, size);
      CHECK_INTEGER(view.rows.n, want.n);
      CHECK_INTEGER(view.rows.begin, want.begin);
      CHECK_INTEGER(view.rows.n_global, n);
      CHECK_INTEGER(table_find(&view, "tags")->offset[0], 0);
      for (int64_t i = 0; i < view.rows.n; i++) check_row(&view, i, &rows[view.rows.begin + i]);
      table_clear(&view);
    }
  replica_clear_all(&replica);
  table_clear(&table);
}

/* Copies taken from a view outlive the replica. */
static void test_copies(const Comm *comm, const Row *rows) {
  const int64_t at[] = {7, 3, 99};
  Table table = new_table(comm, rows, MOST), view, copy;
  Replica replica;
  CHECK_OK(replica_new_all(comm, &table, &replica));
  CHECK_OK(replica_view(&replica, 0, 1, &view));
  CHECK_OK(table_take(&view, at, 3, &copy));
  table_clear(&view);
  replica_clear_all(&replica);
  table_clear(&table);
  for (int i = 0; i < 3; i++)
    CHECK_REAL(table_find(&copy, "number")->real[i], rows[at[i]].number, 0);
  table_clear(&copy);
}

static Status view_once(const Comm *comm, void *context) {
  Replica replica;
  Table view = {0};
  Status status = replica_new_all(comm, context, &replica);
  if (status == OK) status = status_agree_all(comm, replica_view(&replica, 0, 1, &view));
  table_clear(&view);
  replica_clear_all(&replica);
  return status;
}

static void test_faults(const Comm *comm, const Row *rows) {
  Table table = new_table(comm, rows, 40);
  allocations_fail(comm, view_once, &table);
  table_clear(&table);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  static Row rows[MOST];
  const int64_t sizes[] = {0, 1, 5, 40, MOST};
  rows_random(rows, MOST, SEED, 20, 9, 5);
  for (int ranks = 0; ranks <= 2; ranks++) { /* one node, nodes of one rank, of two */
    comm_pretend_nodes(ranks);
    for (int s = 0; s < 5; s++) test_views(&world, rows, sizes[s]);
    test_copies(&world, rows);
    test_faults(&world, rows);
  }
  CHECK_INTEGER(memory_balance(), 0);
  if (check_failures > 0) fprintf(stderr, "seed %llu\n", (unsigned long long)SEED);
  int failed = check_report("replica");
  MPI_Finalize();
  return failed;
}
