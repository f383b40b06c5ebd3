/* A table becomes a list of arrays and comes back the same, whatever the order of the list. */
#include <stdlib.h>

#include "kernels/base/fault.h"
#include "sample.h"

static const Rows rows = {21, 0, 21, 4};

static Table sample(bool no_missing) {
  int64_t ids[21];
  for (int64_t i = 0; i < 21; i++) ids[i] = i * 3;
  return sample_table(&rows, ids, 7, no_missing);
}

static Status write_list(Table *table, Fields *out) {
  Status status = OK;
  Fields fields;
  fields_init(&fields, FIELDS_OUT);
  fields_init(out, FIELDS_IN);
  TRY(table_fields(table, &fields));
  TRY(fields_copy(&fields, out));
done:
  fields_clear(&fields);
  return status;
}

static Status read_list(Fields *fields, int64_t n, Table *table) {
  *table = (Table){.rows = rows};
  table->rows.n = n;
  return table_fields(table, fields);
}

static void reverse(Fields *fields) {
  for (int64_t i = 0; i < fields->n / 2; i++) {
    Field field = fields->items[i];
    fields->items[i] = fields->items[fields->n - 1 - i];
    fields->items[fields->n - 1 - i] = field;
  }
}

static void test_round(bool no_missing, bool turned) {
  Table table = sample(no_missing), back;
  Fields fields;
  CHECK_OK(write_list(&table, &fields));
  if (turned) reverse(&fields);
  CHECK_OK(read_list(&fields, 21, &back));
  CHECK(sample_same(&table, &back));
  for (int64_t i = 0; i < back.n_columns; i++) CHECK(back.columns[i]->origin == NULL);
  fields_clear(&fields);
  table_clear(&back);
  table_clear(&table);
}

/* All ranks need the same list, so it must not depend on a rank's values. */
static void test_same_list(void) {
  Table table[3];
  table[0] = sample(true);
  table[1] = sample(false);
  Fields fields[3];
  CHECK_OK(table_take(&table[0], NULL, 0, &table[2]));
  for (int i = 0; i < 3; i++) {
    fields_init(&fields[i], FIELDS_OUT);
    CHECK_OK(table_fields(&table[i], &fields[i]));
    CHECK_INTEGER(fields[i].n, fields[0].n);
    for (int64_t j = 0; j < fields[0].n; j++) {
      CHECK_TEXT(fields[i].items[j].name, fields[0].items[j].name);
      CHECK(fields[i].items[j].distributed == fields[0].items[j].distributed);
    }
  }
  const Field *bytes = fields_find(&fields[0], "columns/text/bytes");
  const Field *codes = fields_find(&fields[0], "columns/list/codes");
  CHECK(bytes && bytes->ragged && bytes->type == FIELD_BYTE);
  CHECK(codes && codes->ragged && codes->type == FIELD_CODE);
  CHECK(fields_find(&fields[0], "columns/real/value")->type == FIELD_REAL);
  CHECK(fields_find(&fields[0], "columns/date/value")->type == FIELD_CODE);
  CHECK(!fields_find(&fields[0], "columns/category/dictionary/offset")->distributed);
  for (int i = 0; i < 3; i++) {
    fields_clear(&fields[i]);
    table_clear(&table[i]);
  }
}

static void test_names(void) {
  static const char *const names[] = {
      "Duration (ms)", "a/b",  "100%",        "%2F",    "", ".", "..",
      "type",          "rows", "caf\xc3\xa9", "x/type", "%"};
  Table table, back;
  Fields fields;
  int64_t n = sizeof names / sizeof *names;
  CHECK_OK(table_init(&table, &rows));
  for (int64_t i = 0; i < n; i++) {
    Column *column = NULL;
    CHECK_OK(column_new(&column, names[i], COLUMN_INTEGER, 21, 0));
    column->integer[0] = i;
    CHECK_OK(table_add(&table, column));
  }
  CHECK_OK(write_list(&table, &fields));
  CHECK(fields_find(&fields, "columns/Duration (ms)/value") != NULL);
  CHECK(fields_find(&fields, "columns/a%2Fb/value") != NULL);
  CHECK(fields_find(&fields, "columns/100%25/value") != NULL);
  reverse(&fields);
  CHECK_OK(read_list(&fields, 21, &back));
  CHECK_INTEGER(back.n_columns, n);
  for (int64_t i = 0; i < n && i < back.n_columns; i++) {
    CHECK_TEXT(back.columns[i]->name, names[i]);
    CHECK_INTEGER(back.columns[i]->integer[0], i);
  }
  fields_clear(&fields);
  table_clear(&back);
  table_clear(&table);
}

static void test_origins(void) {
  Table table = sample(false), back, empty = {0};
  Fields fields, out;
  CHECK_OK(write_list(&table, &fields));
  for (int64_t i = 0; i < fields.n; i++) {
    char origin[256];
    snprintf(origin, sizeof origin, "old.h5:deep/%s", fields.items[i].name);
    CHECK_OK(memory_text(&fields.items[i].origin, origin));
  }
  CHECK_OK(read_list(&fields, 21, &back));
  CHECK_TEXT(table_find(&back, "real")->origin, "old.h5:deep/columns/real");
  CHECK_TEXT(table_find(&back, "list")->origin, "old.h5:deep/columns/list");
  table_remove(&back, "real");
  CHECK_OK(table_share(&back, &empty));
  fields_init(&out, FIELDS_OUT);
  fields_enter(&out, "here");
  CHECK_OK(table_fields(&empty, &out));
  CHECK_TEXT(fields_find(&out, "here/columns/list/codes")->origin,
             "old.h5:deep/columns/list/codes");
  CHECK_TEXT(fields_find(&out, "here/columns/list/dictionary/bytes")->origin,
             "old.h5:deep/columns/list/dictionary/bytes");
  CHECK(fields_find(&out, "here/columns/list/position")->origin == NULL);
  CHECK(fields_find(&out, "here/rows/id")->origin == NULL);
  CHECK_TEXT(out.prefix, "here/");
  fields_clear(&out);
  fields_clear(&fields);
  table_clear(&empty);
  table_clear(&back);
  table_clear(&table);
}

/* Change one value in a good list and read it. */
static void refuse(const char *path, int64_t item, int32_t value, const char *message) {
  Table table = sample(false), back;
  Fields fields;
  CHECK_OK(write_list(&table, &fields));
  const Field *field = fields_find(&fields, path);
  CHECK(field != NULL);
  if (field) memcpy((char *)(uintptr_t)field->data + item * 4, &value, sizeof value);
  CHECK(read_list(&fields, 21, &back) == FORMAT);
  CHECK_MESSAGE(message);
  fields_clear(&fields);
  table_clear(&back);
  table_clear(&table);
}

static void test_damaged(void) {
  refuse("columns/category/value", 3, SAMPLE_WORDS, "column \"category\": code 5 of item 3");
  refuse("columns/category/value", 3, -2, "column \"category\": code -2");
  refuse("columns/list/codes", 0, -1, "column \"list\": code -1");
  refuse("columns/text/length", 2, -1, "column \"text\": the length -1");
  refuse("columns/text/length", 2, 1000, "column \"text\": field \"columns/text/bytes\"");
  refuse("columns/real/type", 0, 77, "column \"real\": type 77");
  refuse("columns/list/dictionary/offset", 2, 1000, "column \"list\": its dictionary is damaged");
  Table table = sample(false), back;
  Fields fields;
  CHECK_OK(write_list(&table, &fields));
  CHECK(read_list(&fields, 20, &back) == FORMAT);
  CHECK_MESSAGE("rows/id");
  fields_clear(&fields);
  table_clear(&back);
  table_clear(&table);
}

static void test_long_name(void) {
  char name[600];
  memset(name, 'x', sizeof name);
  name[599] = 0;
  Table table = {0};
  Column *column = NULL;
  Fields fields;
  CHECK_OK(table_init(&table, &rows));
  CHECK_OK(column_new(&column, name, COLUMN_REAL, 21, 0));
  CHECK_OK(table_add(&table, column));
  fields_init(&fields, FIELDS_OUT);
  CHECK(table_fields(&table, &fields) == INVALID);
  CHECK_MESSAGE("of 599 bytes is too long");
  CHECK_TEXT(fields.prefix, "");
  fields_clear(&fields);
  table_clear(&table);
}

static void test_faults(void) {
  Table table = sample(false);
  int64_t before = memory_balance();
  bool done = false;
  for (int64_t nth = 1; !done && nth < 1000; nth++) {
    Fields fields;
    Table back = {0};
    fault_arm(FAULT_MEMORY, nth, false);
    Status status = write_list(&table, &fields);
    if (status == OK) status = read_list(&fields, 21, &back);
    fault_arm(FAULT_MEMORY, 0, false);
    CHECK(status == OK || status == MEMORY);
    done = status == OK;
    fields_clear(&fields);
    table_clear(&back);
    CHECK_INTEGER(memory_balance(), before);
  }
  CHECK(done);
  table_clear(&table);
}

int main(void) {
  for (int i = 0; i < 4; i++) test_round(i & 1, i & 2);
  test_same_list();
  test_names();
  test_origins();
  test_damaged();
  test_long_name();
  test_faults();
  CHECK_INTEGER(memory_balance(), 0);
  return check_report("table_fields");
}
