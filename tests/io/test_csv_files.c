/* CSV files made by hand: types, inference, headers, gzip, and what is wrong with bad ones. */
#include <libdeflate.h>

#include "csv_case.h"
#include "io/csv_source.h"

static void test_types(void) {
  static const char text[] =
      "id,when,ok,x,genre,who,\"the \"\"name\"\"\",unused\n"
      "1,2020-02-29,True,1.5,rock,A;B,\"x, \"\"y\"\"\nz\",\n"
      "\n"
      "2.0,2019,false, -1e3 ,pop,B,plain,q\r\n"
      ",,,,,,,\n"
      "NA,NA,NA,NA,NA,NA,NA,NA\n"
      "-7,1999-12,1,1e-320,rock,C;;A;C,\"\",\n"
      "9007199254740993,0000,0,.5,\"po\"\"p\",\"D;\",\xe2\x82\xac,last";
  char *names[] = {(char *)"id",   (char *)"when",  (char *)"ok",
                   (char *)"x",    (char *)"genre", (char *)"artists",
                   (char *)"name", (char *)"none",  (char *)"nolist"};
  CsvColumn columns[] = {{.type = (char *)"integer"},
                         {.type = (char *)"date"},
                         {.type = (char *)"boolean"},
                         {.type = (char *)"real"},
                         {.type = (char *)"category"},
                         {.type = (char *)"list;", .from = (char *)"who"},
                         {.type = (char *)"text", .from = (char *)"the \"name\""},
                         {.type = (char *)"real", .optional = true},
                         {.type = (char *)"list", .separator = (char *)", ", .optional = true}};
  char *na[] = {(char *)"NA"};
  CsvOptions options = typed(9, names, columns);
  options.missing = (TextList){1, na};
  Table table;
  CsvReport report;
  CHECK_OK(read_text(text, sizeof text - 1, options, &table, &report));
  CHECK_INTEGER(table.rows.n_global, 6);
  CHECK_INTEGER(report.rows, 6);
  CHECK_INTEGER(report.columns[0].missing, 2);
  CHECK_INTEGER(report.columns[6].missing, 3);
  CHECK_INTEGER(report.columns[7].missing, 6);
  CHECK(report.columns[7].absent && report.columns[8].absent && !report.columns[0].absent);
  CHECK_INTEGER(table_find(&table, "genre")->dictionary.n, 3);
  CHECK_INTEGER(table_find(&table, "artists")->dictionary.n, 4);
  int64_t i = row_with(&table, 0), n = 0;
  if (i >= 0) {
    CHECK_INTEGER(table_find(&table, "id")->integer[i], 1);
    CHECK_INTEGER(table_find(&table, "when")->date[i], 20200229);
    CHECK_INTEGER(table_find(&table, "ok")->boolean[i], 1);
    const char *name = column_text(table_find(&table, "name"), i, &n);
    CHECK(n == 8 && memcmp(name, "x, \"y\"\nz", 8) == 0);
    const Column *artists = table_find(&table, "artists");
    CHECK_INTEGER(artists->offset[i + 1] - artists->offset[i], 2);
    CHECK_INTEGER(artists->code[artists->offset[i] + 1], 1);
  }
  if ((i = row_with(&table, 1)) >= 0) {
    CHECK_INTEGER(table_find(&table, "id")->integer[i], 2);
    CHECK_INTEGER(table_find(&table, "when")->date[i], 20190000);
    CHECK_REAL(table_find(&table, "x")->real[i], -1000, 0);
  }
  for (int64_t id = 2; id < 4; id++) {
    if ((i = row_with(&table, id)) < 0) continue;
    for (int64_t c = 0; c < 9; c++) CHECK(column_missing(table.columns[c], i));
  }
  if ((i = row_with(&table, 4)) >= 0) {
    const Column *artists = table_find(&table, "artists");
    CHECK_INTEGER(artists->offset[i + 1] - artists->offset[i], 3);
    CHECK_INTEGER(artists->code[artists->offset[i]], 2);
    CHECK_REAL(table_find(&table, "x")->real[i], 1e-320, 0);
    CHECK(column_missing(table_find(&table, "name"), i));
  }
  if ((i = row_with(&table, 5)) >= 0) {
    CHECK_INTEGER(table_find(&table, "id")->integer[i], 9007199254740993);
    CHECK_INTEGER(table_find(&table, "genre")->code[i], 0);
    CHECK_INTEGER(table_find(&table, "when")->date[i], 0);
  }
  csv_report_clear(&report);
  table_clear(&table);
}

static void test_inference(void) {
  static const char text[] =
      ",flag,bit,n,x,when,zip,kind,name,none\n"
      "0,True,0,1,1,2020,012,a,n0,\n"
      "1,false,1,-2,2.5,2020-01,345,b,n1,\n"
      "2,,0,3,1e5,2020-01-31,678,a,n2,\n"
      "3,TRUE,1,,2,1999,901,b,n3,\n"
      "4,False,1,4,,1999,234,b,n4,\n"
      "5,False,1,4,,1999,234,b,n5,\n"
      "6,False,1,4,,1999,234,b,n6,\n"
      "7,False,1,4,,1999,234,b,n7,\n"
      "8,False,1,4,,1999,234,b,n8,\n"
      "9,False,1,4,,1999,234,b,n9,\n";
  static const ColumnType want[] = {COLUMN_INTEGER, COLUMN_BOOLEAN, COLUMN_INTEGER, COLUMN_INTEGER,
                                    COLUMN_REAL,    COLUMN_DATE,    COLUMN_TEXT,    COLUMN_CATEGORY,
                                    COLUMN_TEXT,    COLUMN_REAL};
  Table table;
  CsvReport report;
  CHECK_OK(read_text(text, sizeof text - 1, (CsvOptions){.header = true}, &table, &report));
  CHECK_INTEGER(table.n_columns, 10);
  for (int c = 0; c < 10; c++) CHECK_INTEGER(table.columns[c]->type, want[c]);
  CHECK_TEXT(table.columns[0]->name, "column_1");
  CHECK_INTEGER(report.columns[9].missing, 10);
  csv_report_clear(&report);
  table_clear(&table);
  Schema schema;
  CsvOptions options = {.path = path, .header = true};
  CHECK_OK(csv_schema(&options, &schema));
  CHECK_INTEGER(schema.n, 10);
  CHECK_INTEGER(schema_find(&schema, "zip")->type, COLUMN_TEXT);
  schema_clear(&schema);
}

static void test_no_header(void) {
  static const char text[] = "1;'a;b'\n2;'c''d'\n";
  char *names[] = {(char *)"n", (char *)"t"};
  CsvColumn columns[] = {{.type = (char *)"integer", .from = (char *)"1"},
                         {.type = (char *)"text", .from = (char *)"2"}};
  CsvOptions options = typed(2, names, columns);
  options.header = false;
  options.delimiter = (char *)";";
  options.quote = (char *)"'";
  Table table;
  CHECK_OK(read_text(text, sizeof text - 1, options, &table, NULL));
  CHECK_INTEGER(table.rows.n_global, 2);
  int64_t i = row_with(&table, 1), n = 0;
  if (i >= 0) {
    const char *t = column_text(table.columns[1], i, &n);
    CHECK(n == 3 && memcmp(t, "c'd", 3) == 0);
  }
  table_clear(&table);
  columns[1].from = (char *)"3";
  CHECK_INTEGER(read_text(text, sizeof text - 1, options, &table, NULL), FORMAT);
  CHECK_MESSAGE("position 3, but the first line has 2 fields");
  columns[1].from = NULL;
  CHECK_INTEGER(read_text(text, sizeof text - 1, options, &table, NULL), INVALID);
  CHECK_MESSAGE("columns: \"t\": without a header");
  table_clear(&table);
}

/* Reading fails with this status and a message that holds these parts. */
static void expect_n(const char *text, size_t n, CsvOptions options, Status want, const char *part,
                     const char *other) {
  Table table;
  CHECK_INTEGER(read_text(text, n, options, &table, NULL), want);
  CHECK_MESSAGE(part);
  CHECK_MESSAGE(other);
  table_clear(&table);
}

static void expect(const char *text, CsvOptions options, const char *part, const char *other) {
  expect_n(text, strlen(text), options, FORMAT, part, other);
}

static void test_bad_files(void) {
  char *names[] = {(char *)"tempo", (char *)"n"};
  CsvColumn columns[] = {{.type = (char *)"real"}, {.type = (char *)"integer"}};
  CsvOptions two = typed(2, names, columns), one = typed(1, names, columns);
  expect("tempo,n\n1,2\n12o.5,x\n", two, ":3: column \"tempo\": \"12o.5\" is not a number",
         "on_bad_row \"skip\"");
  expect("n,tempo\n1,2\nx,12o.5\n", two, ":3: column \"n\": \"x\" is not an integer", "missing");
  expect("tempo,n\n1,2.5\n", two, ":2: column \"n\": \"2.5\" is not an integer", "real");
  expect("tempo,n\n1e400,2\n", two, ":2: column \"tempo\": \"1e400\" is out of range", "");
  expect("tempo,n\n1,99999999999999999999\n", two, ":2: column \"n\"", "out of range");
  expect("tempo,n\n1,2\n3\n4,x\n", two, ":3: 1 fields where the header has 2", "add what is");
  expect("tempo,n\n1,2\n3,4,5\n", two, ":3: 3 fields where the header has 2", "quote the field");
  expect("tempo,n\n1,2\n\"3\n4\"x,4\n", two, ":4: text after a closing quote", "double");
  expect("tempo,n\n1,2\n3,\"4\n5,6\n", two, ":3: the quote opened here is never closed", "");
  expect("tempo,n\n1,x\n3,\"4\n5,6\n", two, ":2: column \"n\": \"x\"", "");
  expect("tempo,\"n\n1,x\n", two, ":1: the quote opened here is never closed", "");
  expect("tempo,\"n\"x\n1,x\n", two, ":1: text after a closing quote in the header", "");
  expect("tempo,n\n1,2\n\xc3(,3\n", two, ":3: byte 0xc3 is not UTF-8", "UTF-8");
  expect("\xff\xfet\0e\0", two, ":1: is UTF-16", "UTF-8");
  expect("tempo,\xff\n", two, ":1: the header is not UTF-8", "");
  expect_n("tempo,n\n1,2\n\n\0,3\n", 17, two, FORMAT, ":4: a NUL byte", "damaged");
  expect("", two, "is empty", "");
  expect("\n\r\n\n", two, "is empty", "blank lines");
  expect("tempp,n\n1,2\n", one, ":1: the header has no column \"tempo\"", "did you mean \"tempp\"");
  expect("tempp,n\n1,2\n", one, "the header has \"tempp\", \"n\"", "");
  expect("tempo,n,tempo\n1,2,3\n", one, "stands in the header twice", "fields 1 and 3");
  two.line_limit = 100;
  static char line[300];
  memset(line, '1', sizeof line);
  memcpy(line, "tempo,n\n1,2\n3,", 14);
  expect_n(line, 299, two, FORMAT, ":3: the record that begins here is longer than 100 bytes", "");
  memcpy(line, "tempo,n\n1,2\n\"3", 14);
  expect_n(line, 299, two, FORMAT, ":3: the record", "quote opened on line 3 is never closed");
  two.on_bad_row = CSV_SKIP;
  memcpy(line, "tempo,n\n1,2\n3,", 14);
  line[200] = '\n';
  expect_n(line, 299, two, FORMAT, ":3: the record that begins here is longer", "line_limit");
}

static void test_good_files(void) {
  char *names[] = {(char *)"tempo"};
  CsvColumn columns[] = {{.type = (char *)"real"}};
  CsvOptions one = typed(1, names, columns);
  Table table;
  CHECK_OK(read_text("tempo,n", 7, one, &table, NULL));
  CHECK_INTEGER(table.rows.n_global, 0);
  table_clear(&table);
  CHECK_OK(read_text("n,n,tempo\n\n1,2,3", 16, one, &table, NULL));
  CHECK_INTEGER(table.rows.n_global, 1);
  table_clear(&table);
  one.quote = (char *)"";
  CHECK_OK(read_text("tempo,n\n1,\"\n2,\"\"\"\n", 18, one, &table, NULL));
  CHECK_INTEGER(table.rows.n_global, 2);
  table_clear(&table);
  one.quote = NULL;
  one.delimiter = (char *)"\t";
  CHECK_OK(read_text("tempo\tn\n1\t7\" single\n2\ta\"b\"\n", 27, one, &table, NULL));
  CHECK_INTEGER(table.rows.n_global, 2);
  table_clear(&table);
}

/* Blank lines of both kinds, without a quote far and wide. */
static void test_blank_lines(void) {
  static const char *const ends[] = {"\n", "\r\n", "\n\r\n", "\r\n\r\n", "\n\n", "\r\n\n\r\n\n"};
  static char text[4000];
  char *names[] = {(char *)"n"};
  CsvColumn columns[] = {{.type = (char *)"integer"}};
  CsvOptions one = typed(1, names, columns);
  for (int turn = 0; turn < 60; turn++) {
    int n = sprintf(text, "n\n");
    for (int i = 0; i < 200; i++)
      n += sprintf(text + n, "%d%s", i, ends[turn < 30 ? turn % 6 : below(6)]);
    take_turns();
    one.buffer = turn % 2 ? 0 : 64 + below(400);
    Table table;
    CHECK_OK(read_text(text, (size_t)n, one, &table, NULL));
    CHECK_INTEGER(table.rows.n_global, 200);
    for (int64_t i = 0; i < table.rows.n; i++)
      CHECK_INTEGER(table.columns[0]->integer[i], table.row_id[i]);
    table_clear(&table);
  }
}

/* One gzip member; returns its length. */
static size_t gzip_member(const char *text, size_t n, char *out, size_t room) {
  struct libdeflate_compressor *deflater = libdeflate_alloc_compressor(6);
  size_t made = libdeflate_gzip_compress(deflater, text, n, out, room);
  libdeflate_free_compressor(deflater);
  return made;
}

static void test_gzip(void) {
  static const char first[] = "tempo,n\n1,2\n", second[] = "3,4\n5,6";
  static char packed[1000], large[200000], large_packed[200000];
  char *names[] = {(char *)"tempo"};
  CsvColumn columns[] = {{.type = (char *)"real"}};
  CsvOptions one = typed(1, names, columns);
  size_t n = gzip_member(first, sizeof first - 1, packed, sizeof packed);
  n += gzip_member(second, sizeof second - 1, packed + n, sizeof packed - n);
  Table table;
  CHECK_OK(read_text(packed, n + 100, one, &table, NULL)); /* zero padding */
  CHECK_INTEGER(table.rows.n_global, 3);
  int64_t i = row_with(&table, 2);
  if (i >= 0) CHECK_REAL(table.columns[0]->real[i], 5, 0);
  table_clear(&table);
  expect_n(packed, n - 3, one, FORMAT, "damaged or cut off", "");
  packed[n] = 'x';
  expect_n(packed, n + 20, one, FORMAT, "damaged or cut off", "");
  packed[12] ^= 0x55;
  expect_n(packed, n, one, FORMAT, "damaged or cut off", "");
  /* A large member before a small one: the guess of the length is too low. */
  size_t length = (size_t)sprintf(large, "tempo\n");
  for (int64_t row = 0; row < 20000; row++)
    length += (size_t)sprintf(large + length, "%d\n", (int)row);
  n = gzip_member(large, length, large_packed, sizeof large_packed);
  n += gzip_member("x\n", 2, large_packed + n, sizeof large_packed - n);
  one.on_bad_row = CSV_SKIP;
  CsvReport report;
  CHECK_OK(read_text(large_packed, n, one, &table, &report));
  CHECK_INTEGER(table.rows.n_global, 20000);
  CHECK_INTEGER(report.skipped_by[CSV_NO_REAL], 1);
  for (int64_t row = 0; row < table.rows.n; row++)
    CHECK_REAL(table.columns[0]->real[row], (double)table.row_id[row], 0);
  csv_report_clear(&report);
  table_clear(&table);
  n = gzip_member("", 0, packed, sizeof packed);
  expect_n(packed, n, one, FORMAT, "is empty once inflated", "");
}

/* Many rows: growth of every array, words in a different order on every rank, all types at once. */
static void test_many(void) {
  enum { N = 30000 };
  static char text[N * 70];
  size_t n = (size_t)sprintf(text, "i,x,t,c,l\n");
  for (int i = 0; i < N; i++) {
    n += (size_t)sprintf(text + n, "%d,%d.%d,%.*s,category w%d,", i, i, i % 10, i % 20,
                         "abcdefghijklmnopqrst", (i * 7919) % 5000);
    const char *quote = i % 4 > 1 ? "\"" : "";
    n += (size_t)sprintf(text + n, "%s", quote);
    for (int j = 0; j < i % 4; j++)
      n += (size_t)sprintf(text + n, "%sv%d", j ? ", " : "", (i + j) % 3000);
    n += (size_t)sprintf(text + n, "%s\n", quote);
  }
  char *names[] = {(char *)"l", (char *)"c", (char *)"t", (char *)"x", (char *)"i"};
  CsvColumn columns[] = {{.type = (char *)"list, "},
                         {.type = (char *)"category"},
                         {.type = (char *)"text"},
                         {.type = (char *)"real"},
                         {.type = (char *)"integer"}};
  CsvOptions options = typed(5, names, columns);
  Table table;
  CHECK_OK(read_text(text, n, options, &table, NULL));
  CHECK_INTEGER(table.rows.n_global, N);
  CHECK_INTEGER(table.columns[0]->dictionary.n, 3000);
  CHECK_INTEGER(table.columns[1]->dictionary.n, 5000);
  for (int32_t w = 1; w < 5000; w++) {
    int64_t a_n = 0, b_n = 0;
    const char *a = dictionary_word(&table.columns[1]->dictionary, w - 1, &a_n);
    const char *b = dictionary_word(&table.columns[1]->dictionary, w, &b_n);
    int order = memcmp(a, b, (size_t)(a_n < b_n ? a_n : b_n));
    CHECK(order < 0 || (order == 0 && a_n < b_n));
  }
  for (int64_t row = 0; row < table.rows.n; row++) {
    int i = (int)table.row_id[row];
    char word[32];
    int64_t length = 0;
    CHECK_INTEGER(table.columns[4]->integer[row], i);
    snprintf(word, sizeof word, "%d.%d", i, i % 10);
    CHECK_REAL(table.columns[3]->real[row], strtod(word, NULL), 0);
    const char *got = column_text(table.columns[2], row, &length);
    CHECK(length == i % 20 && memcmp(got, "abcdefghijklmnopqrst", (size_t)length) == 0);
    snprintf(word, sizeof word, "category w%d", (i * 7919) % 5000);
    got = column_text(table.columns[1], row, &length);
    CHECK(length == (int64_t)strlen(word) && memcmp(got, word, (size_t)length) == 0);
    const Column *list = table.columns[0];
    CHECK_INTEGER(list->offset[row + 1] - list->offset[row], i % 4);
    for (int j = 0; j < i % 4; j++) {
      snprintf(word, sizeof word, "v%d", (i + j) % 3000);
      got = dictionary_word(&list->dictionary, list->code[list->offset[row] + j], &length);
      CHECK(length == (int64_t)strlen(word) && memcmp(got, word, (size_t)length) == 0);
    }
  }
  table_clear(&table);
}

static void test_options(void) {
  char *names[] = {(char *)"tempo"};
  CsvColumn columns[] = {{.type = (char *)"rael"}};
  CsvOptions options = typed(1, names, columns);
  CHECK_INTEGER(csv_check(&options), INVALID);
  CHECK_MESSAGE("path: ");
  options.path = path;
  CHECK_INTEGER(csv_check(&options), INVALID);
  CHECK_MESSAGE("columns: \"tempo\": \"rael\" is not a type; did you mean \"real\"?");
  columns[0].type = (char *)"list";
  CHECK_INTEGER(csv_check(&options), INVALID);
  CHECK_MESSAGE("without a separator");
  columns[0].type = (char *)"list, ";
  CHECK_OK(csv_check(&options));
  columns[0].separator = (char *)";";
  CHECK_INTEGER(csv_check(&options), INVALID);
  columns[0] = (CsvColumn){.type = (char *)"real", .separator = (char *)";"};
  CHECK_INTEGER(csv_check(&options), INVALID);
  columns[0].separator = NULL;
  options.delimiter = (char *)"::";
  CHECK_INTEGER(csv_check(&options), INVALID);
  CHECK_MESSAGE("delimiter: ");
  options.delimiter = (char *)"\"";
  CHECK_INTEGER(csv_check(&options), INVALID);
  CHECK_MESSAGE("quote: ");
}

static void test_missing_file(void) {
  Table table;
  CsvOptions options = {.path = (char *)"/nowhere/at/all.csv", .header = true};
  CHECK_INTEGER(csv_read_all(&world, &options, 4, &table, NULL), IO);
  CHECK_MESSAGE("/nowhere/at/all.csv: cannot be opened");
  options.path = (char *)"/tmp";
  CHECK_INTEGER(csv_read_all(&world, &options, 4, &table, NULL), IO);
  CHECK_MESSAGE("/tmp: is a folder");
  options.path = (char *)"/dev/null";
  CHECK_INTEGER(csv_read_all(&world, &options, 4, &table, NULL), IO);
  CHECK_MESSAGE("not a regular file");
}

/* A file that is cut while it is mapped reads as zeros, and then fails with a message. */
static void test_cut_file(void) {
  static char text[1 << 15];
  memset(text, '\n', sizeof text);
  write_file(text, sizeof text);
  const char *bytes = NULL;
  CsvSource source;
  mapping_allow(true);
  CHECK_OK(csv_source_open_all(&world, path, &source));
  CHECK(csv_source_in_place(&source));
  CHECK_OK(csv_source_check(&source));
  CHECK_OK(csv_source_view(&source, 0, sizeof text, NULL, &bytes));
  CHECK_INTEGER(bytes[0], '\n');
  CHECK_INTEGER(bytes[sizeof text], 0);
  comm_barrier_all(&world);
  if (world.rank == 0) CHECK_INTEGER(truncate(path, 1), 0);
  comm_barrier_all(&world);
  csv_source_drop(&source, 0, sizeof text - 1);
  CHECK_INTEGER(bytes[sizeof text / 2], 0);
  CHECK_INTEGER(csv_source_view(&source, 0, 1, NULL, &bytes), IO);
  CHECK_MESSAGE("became shorter while it was read; run again when it is complete");
  csv_source_close_all(&source);
  write_file("a\nb\n", 4);
  CHECK_OK(csv_source_open_all(&world, path, &source));
  write_file("a\nb\nc\n", 6);
  CHECK_INTEGER(csv_source_check(&source), IO);
  CHECK_MESSAGE("changed while it was read; run again when it is complete");
  csv_source_close_all(&source);
}

int main(int argc, char **argv) {
  csv_case_begin(&argc, &argv);
  test_options();
  test_missing_file();
  test_types();
  test_inference();
  test_no_header();
  test_good_files();
  test_blank_lines();
  test_bad_files();
  test_gzip();
  test_many();
  test_cut_file();
  return csv_case_end("csv files");
}
