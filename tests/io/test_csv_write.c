/* CSV text: quoting, numbers that read back to the same bits, values of every column type. */
#include "io/csv_write.h"

#include <float.h>
#include <mpi.h>
#include <stdlib.h>

#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"
#include "tests/check.h"

static void check_text(CsvText *text, const char *want) {
  CHECK_INTEGER(text->status, OK);
  CHECK_INTEGER(text->n, strlen(want));
  CHECK(text->n == (int64_t)strlen(want) && memcmp(text->bytes, want, strlen(want)) == 0);
  csv_text_clear(text);
  CHECK(text->bytes == NULL && text->n == 0);
}

static void test_quotes(void) {
  CsvText text = {0};
  csv_text_add(&text, "plain", -1);
  csv_text_add(&text, "a,b", -1);
  csv_text_add(&text, "say \"x\"", -1);
  csv_text_add(&text, "two\nlines\r", -1);
  csv_text_add(&text, "cut here", 3);
  csv_text_add(&text, "", -1);
  csv_text_add(&text, " é;東 ", -1);
  csv_text_end(&text);
  csv_text_add(&text, NULL, 0);
  csv_text_add(&text, "", 0);
  csv_text_end(&text);
  check_text(&text, "plain,\"a,b\",\"say \"\"x\"\"\",\"two\nlines\r\",cut,, é;東 \n,\n");
}

/* A line of one empty field is no blank line: readers skip those. */
static void test_only_empty(void) {
  CsvText text = {0};
  csv_text_add(&text, "x", -1);
  csv_text_end(&text);
  csv_text_add(&text, "", -1);
  csv_text_end(&text);
  csv_text_real(&text, (double)NAN);
  csv_text_end(&text);
  csv_text_add(&text, "", -1);
  csv_text_add(&text, "y", -1);
  csv_text_end(&text);
  check_text(&text, "x\n\"\"\n\"\"\n,y\n");
}

static void test_numbers(void) {
  CsvText text = {0};
  const int64_t integers[] = {0, -1, INT64_MAX, INT64_MIN + 1};
  for (int i = 0; i < 4; i++) csv_text_integer(&text, integers[i]);
  csv_text_real(&text, 0.1);
  csv_text_real(&text, 0.1 + 0.2);
  csv_text_real(&text, -0.0);
  csv_text_real(&text, 1e300);
  csv_text_real(&text, (double)NAN);
  csv_text_real(&text, 17);
  csv_text_end(&text);
  check_text(&text,
             "0,-1,9223372036854775807,-9223372036854775807,0.1,0.30000000000000004,-0,"
             "1e+300,,17\n");
}

/* Any finite double reads back to the same bits. */
static void test_any_real(void) {
  const uint64_t seed = 20261120;
  for (uint64_t i = 0; i < 20000; i++) {
    CsvText text = {0};
    uint64_t bits = hash_mix(hash_mix(seed) + i), back_bits;
    double value, back;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value)) continue;
    csv_text_real(&text, value);
    csv_text_end(&text);
    back = text.n > 0 ? strtod(text.bytes, NULL) : 0;
    memcpy(&back_bits, &back, sizeof back);
    CHECK(bits == back_bits);
    csv_text_clear(&text);
  }
  printf("seed %llu\n", (unsigned long long)seed);
}

static Column *words(const char *name, ColumnType type, int64_t n) {
  static const char bytes[] = "bluesrock";
  const int64_t offset[] = {0, 5, 9};
  Column *column = NULL;
  CHECK_OK(column_new(&column, name, type, n, 3));
  CHECK_OK(dictionary_build(bytes, offset, 2, &column->dictionary, NULL));
  return column;
}

static void test_columns(void) {
  CsvText text = {0};
  Column *real = NULL, *integer = NULL, *boolean = NULL, *date = NULL, *written = NULL;
  Column *category = words("c", COLUMN_CATEGORY, 3), *list = words("l", COLUMN_LIST, 3);
  CHECK_OK(column_new(&real, "r", COLUMN_REAL, 3, 0));
  CHECK_OK(column_new(&integer, "i", COLUMN_INTEGER, 3, 0));
  CHECK_OK(column_new(&boolean, "b", COLUMN_BOOLEAN, 3, 0));
  CHECK_OK(column_new(&date, "d", COLUMN_DATE, 3, 0));
  CHECK_OK(column_new(&written, "t", COLUMN_TEXT, 3, 5));
  memcpy(real->real, (double[]){1.5, (double)NAN, -2}, 3 * sizeof(double));
  memcpy(integer->integer, (int64_t[]){7, MISSING_INTEGER, -7}, 3 * sizeof(int64_t));
  memcpy(boolean->boolean, (uint8_t[]){1, MISSING_BOOLEAN, 0}, 3);
  memcpy(date->date, (int32_t[]){20190600, MISSING_DATE, 20190000}, 3 * sizeof(int32_t));
  memcpy(category->code, (int32_t[]){1, MISSING_CODE, 0}, 3 * sizeof(int32_t));
  memcpy(list->code, (int32_t[]){1, 0, 0}, 3 * sizeof(int32_t));
  memcpy(list->offset, (int64_t[]){0, 2, 2, 3}, 4 * sizeof(int64_t));
  CHECK_OK(NEW(&list->missing, 3));
  list->missing[1] = 1;
  memcpy(written->bytes, "a\"b,c", 5);
  memcpy(written->offset, (int64_t[]){0, 3, 3, 5}, 4 * sizeof(int64_t));
  CHECK_OK(NEW(&written->missing, 3));
  written->missing[1] = 1;
  Column *all[] = {real, integer, boolean, date, category, list, written};
  for (int64_t i = 0; i < 3; i++) {
    for (int c = 0; c < 7; c++) csv_text_column(&text, all[c], i);
    csv_text_end(&text);
  }
  check_text(&text,
             "1.5,7,true,2019-06,rock,rock;blues,\"a\"\"b\"\n"
             ",,,,,,\n"
             "-2,-7,false,2019,blues,blues,\",c\"\n");
  for (int c = 0; c < 7; c++) column_release(&all[c]);
}

/* Without memory nothing is written any more, and the status tells. */
static void test_memory(void) {
  CsvText text = {0};
  fault_arm(FAULT_MEMORY, 1, false);
  csv_text_add(&text, "x", -1);
  fault_arm(FAULT_MEMORY, 0, false);
  CHECK_INTEGER(text.status, MEMORY);
  csv_text_add(&text, "y", -1);
  csv_text_end(&text);
  CHECK_INTEGER(text.status, MEMORY);
  CHECK_INTEGER(text.n, 0);
  csv_text_clear(&text);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  test_quotes();
  test_only_empty();
  test_numbers();
  test_any_real();
  test_columns();
  test_memory();
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("csv_write");
  MPI_Finalize();
  return result;
}
