/* Tables on one rank: adding, replacing, finding, removing, sharing, taking. */
#include "kernels/base/fault.h"
#include "sample.h"

static const Rows rows = {100, 40, 12, 4};

static Table sample(void) {
  int64_t ids[12];
  for (int64_t i = 0; i < 12; i++) ids[i] = 40 + i;
  return sample_table(&rows, ids, 3, false);
}

static void test_columns(void) {
  Table table = {0};
  Column *column = NULL, *found = NULL;
  CHECK_OK(table_init(&table, &rows));
  CHECK_INTEGER(table.row_id[0], 40);
  CHECK_INTEGER(table.row_id[11], 51);
  CHECK(table_require(&table, "a", &found) == INVALID);
  for (int i = 0; i < 40; i++) {
    char name[16];
    snprintf(name, sizeof name, "c%d", i);
    CHECK_OK(column_new(&column, name, COLUMN_REAL, 12, 0));
    CHECK_OK(table_add(&table, column));
  }
  CHECK_OK(column_new(&column, "c3", COLUMN_INTEGER, 12, 0));
  CHECK_OK(table_add(&table, column));
  CHECK_INTEGER(table.n_columns, 40);
  CHECK(table.columns[3] == column && table_find(&table, "c3") == column);
  CHECK_OK(table_require(&table, "c3", &found));
  CHECK(found == column);
  table_remove(&table, "c3");
  table_remove(&table, "c3");
  CHECK_INTEGER(table.n_columns, 39);
  CHECK(table_find(&table, "c3") == NULL);
  CHECK_TEXT(table.columns[3]->name, "c4");
  CHECK_TEXT(table.columns[38]->name, "c39");
  CHECK_OK(column_new(&column, "new", COLUMN_TEXT, 12, 0));
  CHECK_OK(table_add(&table, column));
  CHECK_TEXT(table.columns[39]->name, "new");
  CHECK_OK(column_new(&column, "short", COLUMN_REAL, 11, 0));
  CHECK(table_add(&table, column) == INVALID); /* released there */
  CHECK_MESSAGE("column \"short\" has 11 rows, the table 12");
  table_clear(&table);
  table_clear(&table);
}

static void test_share(void) {
  Table table = sample(), shared, taken;
  Column *column = NULL;
  CHECK(table_require(&table, "categry", &column) == INVALID);
  CHECK_TEXT(status_message(),
             "column \"categry\" is not in the table; did you mean \"category\"?");
  CHECK_OK(memory_text(&table.columns[0]->origin, "a.h5:columns/real"));
  CHECK_OK(table_share(&table, &shared));
  CHECK(sample_same(&table, &shared));
  CHECK(shared.columns[0] == table.columns[0]);
  CHECK_INTEGER(shared.rows.begin, 40);
  table_remove(&shared, "date");
  CHECK(table_find(&table, "date") != NULL);
  CHECK_OK(table_take(&table, (const int64_t[]){11, -1, 0}, 3, &taken));
  CHECK(taken.row_id[0] == 51 && taken.row_id[1] == -1 && taken.row_id[2] == 40);
  CHECK_INTEGER(taken.rows.n_global, 3);
  CHECK_INTEGER(taken.rows.begin, 0);
  CHECK(taken.columns[0]->origin == NULL);
  for (int64_t i = 0; i < taken.n_columns; i++) CHECK(column_missing(taken.columns[i], 1));
  table_clear(&table);
  table_clear(&shared);
  table_clear(&taken);
}

/* The nth allocation fails, for every nth: nothing leaks. */
static void test_faults(void) {
  Table table = sample();
  int64_t before = memory_balance();
  bool done = false;
  for (int64_t nth = 1; !done && nth < 1000; nth++) {
    Table shared = {0}, taken = {0};
    Column *column = NULL;
    fault_arm(FAULT_MEMORY, nth, false);
    Status status = table_share(&table, &shared);
    if (status == OK) status = table_take(&table, (const int64_t[]){1, -1}, 2, &taken);
    if (status == OK && table_require(&table, "x", &column) == MEMORY) status = MEMORY;
    fault_arm(FAULT_MEMORY, 0, false);
    CHECK(status == OK || status == MEMORY);
    done = status == OK;
    table_clear(&shared);
    table_clear(&taken);
    CHECK_INTEGER(memory_balance(), before);
  }
  CHECK(done);
  table_clear(&table);
}

int main(void) {
  test_columns();
  test_share();
  test_faults();
  CHECK_INTEGER(memory_balance(), 0);
  return check_report("table");
}
