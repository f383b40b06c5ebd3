/* Keys of rows: what is equal, what is not, what is missing; across tables and types. */
#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "kernels/dataset/keys.h"
#include "tests/check.h"

enum { N = 6 };

static Column *column(const char *name, ColumnType type, int64_t items) {
  Column *out = NULL;
  CHECK_OK(column_new(&out, name, type, N, items));
  return out;
}

/* Rows 0 and 1 are equal but for the order of their list; 2 to 5 differ from 0 in one thing. */
static Table sample(bool other_dictionary) {
  static const char *const plain = "abc", *const wide = "aabbcc";
  static const int64_t plain_at[] = {0, 1, 2, 3}, wide_at[] = {0, 1, 2, 3, 4, 6};
  Table table;
  Rows rows = {N, 0, N, 4};
  CHECK_OK(table_init(&table, &rows));
  Column *number = column("number", COLUMN_REAL, 0), *word = column("word", COLUMN_CATEGORY, 0);
  Column *list = column("list", COLUMN_LIST, 2 * N);
  Dictionary *words = &list->dictionary;
  if (other_dictionary)
    CHECK_OK(dictionary_build(wide, wide_at, 5, words, NULL));
  else
    CHECK_OK(dictionary_build(plain, plain_at, 3, words, NULL));
  CHECK_OK(dictionary_copy(words, &word->dictionary));
  int32_t a = dictionary_find(words, "a", 1), b = dictionary_find(words, "b", 1);
  for (int64_t i = 0; i < N; i++) {
    number->real[i] = i == 2 ? 4.5 : 4;
    word->code[i] = i == 3 ? b : a;
    list->code[2 * i] = i == 1 ? b : a;
    list->code[2 * i + 1] = i == 1 || i == 4 ? a : b;
    list->offset[i + 1] = 2 * i + 2;
  }
  word->code[5] = MISSING_CODE;
  CHECK_OK(table_add(&table, number));
  CHECK_OK(table_add(&table, word));
  CHECK_OK(table_add(&table, list));
  return table;
}

static char *names[] = {"number", "word", "list"};
static const TextList key = {3, names};

static void test_values(void) {
  Table table = sample(false), other = sample(true);
  Hash hash[N], again[N];
  uint8_t missing[N];
  CHECK_OK(keys_of(&table, &key, hash, missing));
  CHECK(hash_compare(&hash[0], &hash[1]) == 0);
  for (int i = 2; i < N; i++)
    for (int j = 0; j < i; j++) CHECK(hash_compare(&hash[i], &hash[j]) != 0);
  for (int i = 0; i < N; i++) CHECK_INTEGER(missing[i], i == 5);
  Hash zero = hash_zero();
  CHECK(hash_compare(&hash[5], &zero) == 0);
  CHECK_OK(keys_of(&other, &key, again, missing));
  for (int i = 0; i < N; i++) CHECK(hash_compare(&hash[i], &again[i]) == 0);
  table_clear(&table);
  table_clear(&other);
}

/* A whole number is one key in every numeric type, and a category is its word. */
static void test_types(void) {
  Table table = sample(false), other;
  Rows rows = {N, 0, N, 4};
  Hash hash[N], again[N];
  uint8_t missing[N];
  CHECK_OK(table_init(&other, &rows));
  Column *number = column("number", COLUMN_INTEGER, 0), *word = column("word", COLUMN_TEXT, N);
  for (int64_t i = 0; i < N; i++) {
    number->integer[i] = 4;
    word->bytes[i] = i == 3 ? 'b' : 'a';
    word->offset[i + 1] = i + 1;
  }
  CHECK_OK(table_add(&other, number));
  CHECK_OK(table_add(&other, word));
  const TextList two = {2, names};
  CHECK_OK(keys_of(&table, &two, hash, missing));
  CHECK_OK(keys_of(&other, &two, again, missing));
  for (int i = 0; i < 5; i++) CHECK((hash_compare(&hash[i], &again[i]) == 0) == (i != 2));
  /* The order of columns counts. */
  char *swapped[] = {"word", "number"};
  CHECK_OK(keys_of(&table, &(TextList){2, swapped}, again, missing));
  CHECK(hash_compare(&hash[0], &again[0]) != 0);
  table_clear(&table);
  table_clear(&other);
}

/* ("ab", "c") is not ("a", "bc"). */
static void test_borders(void) {
  static const int64_t at[] = {0, 1, 2, 4, 6};
  Table table;
  Hash hash[2];
  uint8_t missing[2];
  CHECK_OK(table_init(&table, &(Rows){2, 0, 2, 4}));
  for (int j = 0; j < 2; j++) {
    Column *out = NULL;
    CHECK_OK(column_new(&out, j ? "right" : "left", COLUMN_CATEGORY, 2, 0));
    CHECK_OK(dictionary_build("acabbc", at, 4, &out->dictionary, NULL));
    out->code[0] = dictionary_find(&out->dictionary, j ? "c" : "ab", j ? 1 : 2);
    out->code[1] = dictionary_find(&out->dictionary, j ? "bc" : "a", j ? 2 : 1);
    CHECK(out->code[0] >= 0 && out->code[1] >= 0);
    CHECK_OK(table_add(&table, out));
  }
  char *both[] = {"left", "right"};
  CHECK_OK(keys_of(&table, &(TextList){2, both}, hash, missing));
  CHECK(hash_compare(&hash[0], &hash[1]) != 0);
  table_clear(&table);
}

static void test_failures(void) {
  Table table = sample(false);
  Hash hash[N];
  uint8_t missing[N];
  char *wrong[] = {"wurd"};
  CHECK(keys_of(&table, &(TextList){1, wrong}, hash, missing) == INVALID);
  CHECK_MESSAGE("did you mean \"word\"?");
  CHECK(keys_of(&table, &(TextList){0, NULL}, hash, missing) == INVALID);
  CHECK_MESSAGE("at least one column");
  int64_t before = memory_balance(), nth = 1;
  for (; nth < 100; nth++) {
    fault_arm(FAULT_MEMORY, nth, false);
    Status status = keys_of(&table, &key, hash, missing);
    fault_arm(FAULT_MEMORY, 0, false);
    CHECK_INTEGER(memory_balance(), before);
    if (status == OK) break;
    CHECK(status == MEMORY);
  }
  CHECK(nth > 1 && nth < 100);
  table_clear(&table);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  test_values();
  test_types();
  test_borders();
  test_failures();
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("keys");
  MPI_Finalize();
  return result;
}
