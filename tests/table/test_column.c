/* Columns of every type: values, missing values, taking rows, keys; schemas. */
#include <stdlib.h>

#include "kernels/base/memory.h"
#include "kernels/table/table.h"
#include "tests/check.h"

static Column *fresh(ColumnType type, int64_t n, int64_t items) {
  Column *column = NULL;
  CHECK_OK(column_new(&column, "c", type, n, items));
  return column;
}

/* Three rows of a list: "b","a","b"; missing; empty. */
static Column *lists(void) {
  static const int32_t codes[3] = {1, 0, 1};
  static const int64_t words[3] = {0, 1, 2}, offset[4] = {0, 3, 3, 3};
  Column *column = fresh(COLUMN_LIST, 3, 3);
  memcpy(column->code, codes, sizeof codes);
  memcpy(column->offset, offset, sizeof offset);
  CHECK_OK(NEW(&column->missing, 3));
  column->missing[1] = 1;
  CHECK_OK(dictionary_build("ab", words, 2, &column->dictionary, NULL));
  return column;
}

static Column *texts(void) {
  static const int64_t offset[4] = {0, 2, 2, 5};
  Column *column = fresh(COLUMN_TEXT, 3, 5);
  memcpy(column->bytes, "xyabc", 5);
  memcpy(column->offset, offset, sizeof offset);
  return column;
}

static void test_shared(void) {
  Column *column = fresh(COLUMN_REAL, 2, 0), *again = column_share(column);
  CHECK(again == column);
  column_release(&column);
  CHECK(column == NULL);
  CHECK_REAL(again->real[1], 0, 0);
  column_release(&again);
  column_release(&again); /* NULL is fine */
}

static void test_flat(void) {
  static const int64_t at[4] = {1, -1, 0, 1};
  for (int type = 0; type < COLUMN_TYPES; type++) {
    if (type == COLUMN_TEXT || type == COLUMN_LIST) continue;
    Column *column = fresh((ColumnType)type, 2, 0), *taken = NULL;
    for (int i = 0; i < 2; i++) {
      if (type == COLUMN_REAL) column->real[i] = i + 0.5;
      if (type == COLUMN_INTEGER) column->integer[i] = i - 7;
      if (type == COLUMN_BOOLEAN) column->boolean[i] = (uint8_t)i;
      if (type == COLUMN_CATEGORY) column->code[i] = i;
      if (type == COLUMN_DATE) column->date[i] = 20190000 + i * 601;
    }
    CHECK_OK(column_take(column, at, 4, &taken));
    CHECK_INTEGER(taken->n, 4);
    CHECK(column_missing(taken, 1) && !column_missing(taken, 0) && !column_missing(taken, 2));
    CHECK_REAL(column_real(taken, 1), NAN, 0);
    CHECK_REAL(column_real(taken, 0), column_real(column, 1), 0);
    CHECK_REAL(column_real(taken, 2), column_real(column, 0), 0);
    column_release(&taken);
    column_release(&column);
  }
}

static void test_ragged(void) {
  static const int64_t at[4] = {2, -1, 0, 0};
  int64_t length = 0;
  Column *column = texts(), *taken = NULL;
  CHECK_OK(column_take(column, at, 4, &taken));
  CHECK_INTEGER(taken->offset[4], 7);
  CHECK(memcmp(taken->bytes, "abcxyxy", 7) == 0);
  CHECK(column_missing(taken, 1) && !column_missing(taken, 0));
  CHECK(memcmp(column_text(taken, 2, &length), "xy", 2) == 0 && length == 2);
  column_release(&taken);
  CHECK_OK(column_take(column, at + 2, 2, &taken));
  CHECK(taken->missing == NULL);
  column_release(&taken);
  column_release(&column);
  column = lists();
  CHECK_OK(column_take(column, (const int64_t[]){1, 0, 2}, 3, &taken));
  CHECK(column_missing(taken, 0) && !column_missing(taken, 1) && !column_missing(taken, 2));
  CHECK_INTEGER(taken->offset[2] - taken->offset[1], 3);
  CHECK(taken->code[0] == 1 && taken->code[1] == 0 && taken->code[2] == 1);
  CHECK_INTEGER(taken->dictionary.n, 2);
  column_release(&taken);
  CHECK_OK(column_take(column, NULL, 0, &taken));
  CHECK_INTEGER(taken->offset[0], 0);
  column_release(&taken);
  column_release(&column);
}

/* Whether two values have one key. */
static bool same(const Column *a, int64_t i, const Column *b, int64_t j, bool as_set) {
  uint8_t *key[2] = {NULL, NULL};
  int64_t n[2] = {0, 0}, capacity[2] = {0, 0};
  CHECK_OK(column_key(a, i, as_set, &key[0], &n[0], &capacity[0]));
  CHECK_OK(column_key(b, j, as_set, &key[1], &n[1], &capacity[1]));
  bool equal = n[0] == n[1] && memcmp(key[0], key[1], (size_t)n[0]) == 0;
  memory_free(&key[0]);
  memory_free(&key[1]);
  return equal;
}

static void test_keys(void) {
  Column *real = fresh(COLUMN_REAL, 4, 0), *whole = fresh(COLUMN_INTEGER, 2, 0);
  real->real[0] = 5;
  real->real[1] = -0.0;
  real->real[3] = NAN;
  whole->integer[0] = 5;
  whole->integer[1] = MISSING_INTEGER;
  CHECK(same(real, 0, whole, 0, false));
  CHECK(same(real, 1, real, 2, false));
  CHECK(!same(real, 3, real, 2, false));
  CHECK(same(real, 3, whole, 1, false));
  real->real[0] = 5.5;
  CHECK(!same(real, 0, whole, 0, false));
  Column *text = texts(), *category = fresh(COLUMN_CATEGORY, 2, 0);
  CHECK_OK(dictionary_build("xyz", (const int64_t[]){0, 2, 3}, 2, &category->dictionary,
                            category->code));
  CHECK(same(text, 0, category, 0, false));
  CHECK(!same(text, 1, category, 1, false));
  Column *list = lists(), *set = NULL;
  CHECK_OK(column_take(list, (const int64_t[]){0}, 1, &set));
  set->code[0] = 0;
  set->code[1] = 1;
  set->offset[1] = 2;
  CHECK(same(list, 0, set, 0, true));
  CHECK(!same(list, 0, set, 0, false));
  CHECK(!same(list, 1, list, 2, true));
  Column *all[] = {real, whole, text, category, list, set};
  for (int i = 0; i < 6; i++) column_release(&all[i]);
}

static void test_schema(void) {
  Schema schema = {0}, copy = {0};
  const SchemaColumn *column = NULL;
  CHECK(schema_require(&schema, "a", &column) == INVALID);
  CHECK_MESSAGE("column \"a\" is not in the table");
  CHECK_OK(schema_add(&schema, "tempo", COLUMN_REAL));
  CHECK_OK(schema_add(&schema, "Duration (ms)", COLUMN_INTEGER));
  CHECK_OK(schema_add(&schema, "tempo", COLUMN_INTEGER));
  CHECK_INTEGER(schema.n, 2);
  CHECK_INTEGER(schema_find(&schema, "tempo")->type, COLUMN_INTEGER);
  CHECK(schema_require(&schema, "tempoo", &column) == INVALID);
  CHECK_TEXT(status_message(), "column \"tempoo\" is not in the table; did you mean \"tempo\"?");
  CHECK(schema_require(&schema, "zzz", &column) == INVALID);
  CHECK_MESSAGE("it has \"tempo\", \"Duration (ms)\"");
  CHECK_OK(schema_copy(&schema, &copy));
  CHECK_OK(schema_remove(&copy, "tempo"));
  CHECK(schema_remove(&copy, "tempo") == INVALID);
  CHECK_INTEGER(copy.n, 1);
  CHECK_TEXT(copy.columns[0].name, "Duration (ms)");
  CHECK_OK(schema_add(&copy, "mode", COLUMN_BOOLEAN));
  for (int i = 0; i < 200; i++) {
    char name[32];
    snprintf(name, sizeof name, "column-%d", i);
    CHECK_OK(schema_add(&schema, name, COLUMN_REAL));
  }
  CHECK(schema_require(&schema, "zzz", &column) == INVALID);
  CHECK_MESSAGE(", ...");
  schema_clear(&copy);
  schema_clear(&schema);
}

int main(void) {
  test_shared();
  test_flat();
  test_ragged();
  test_keys();
  test_schema();
  CHECK_INTEGER(memory_balance(), 0);
  return check_report("column");
}
