/* The parts of CSV reading by themselves: characters, ranges of records, numbers side by side. */
#include "csv_case.h"
#include "io/csv_scan.h"
#include "io/csv_utf8.h"
#include "io/csv_values.h"

/* The first bad byte, found character by character. */
static int64_t naive_bad(const unsigned char *p, int64_t from, int64_t n) {
  for (int64_t i = from, length; i < n; i += length) {
    uint32_t code = p[i] < 0x80   ? p[i]
                    : p[i] < 0xe0 ? p[i] & 31
                    : p[i] < 0xf0 ? p[i] & 15
                                  : p[i] & 7;
    length = p[i] < 0x80 ? 1 : p[i] < 0xe0 ? 2 : p[i] < 0xf0 ? 3 : 4;
    if (p[i] == 0 || (p[i] >= 0x80 && p[i] < 0xc0) || p[i] > 0xf7 || i + length > n) return i;
    for (int64_t j = 1; j < length; j++) {
      if ((p[i + j] & 0xc0) != 0x80) return i;
      code = code << 6 | (p[i + j] & 63);
    }
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) return i;
  }
  return n;
}

/* utf8_blocks_good gives the same verdict, told of the blocks that it asks for. */
static void check_blocks(const char *text, int64_t n, bool good) {
  uint32_t odd[64];
  int64_t n_odd = 0;
  bool cut = false;
  for (int64_t i = 0; i < n; i += 64) {
    bool here = cut;
    cut = false;
    for (int64_t j = i; j < n && j < i + 64; j++) {
      bool outside = text[j] == 0 || (text[j] & 0x80);
      here = here || outside;
      cut = cut || (outside && j >= i + 61);
    }
    odd[n_odd] = (uint32_t)i;
    n_odd += here;
  }
  CHECK_INTEGER(utf8_blocks_good(text, n, odd, n_odd), good);
}

/* Good and bad characters in any order, cut off anywhere. */
static void test_utf8_random(void) {
  static const char *const piece[] = {"a",
                                      "plain text of some length",
                                      "\xc3\xa9",
                                      "\xe2\x82\xac",
                                      "\xf0\x9f\x8e\xb5",
                                      "\xed\x9f\xbf",
                                      "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
                                      "\xef\xbf\xbd"};
  char text[2000];
  for (int i = 0; i < 20000; i++) {
    int n = 0, pieces = below(60);
    for (int j = 0; j < pieces; j++) n += sprintf(text + n, "%s", piece[below(i % 3 ? 8 : 2)]);
    if (n > 0 && i % 2) text[below(n)] = (char)below(256);
    if (n > 0 && i % 5 == 0) n -= below(n);
    int64_t bad = naive_bad((const unsigned char *)text, 0, n);
    CHECK_INTEGER(utf8_find_bad(text, 0, n), bad);
    if (n > 0 && text[n - 1] > 0) check_blocks(text, n, bad == n);
    if (bad < n)
      CHECK_INTEGER(utf8_find_bad(text, bad + 1, n),
                    naive_bad((const unsigned char *)text, bad + 1, n));
  }
}

static void test_utf8(void) {
  static const char *const good[] = {"\x7f",         "\xc2\x80",         "\xdf\xbf",
                                     "\xe0\xa0\x80", "\xed\x9f\xbf",     "\xee\x80\x80",
                                     "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"};
  static const char *const bad[] = {"\x80",
                                    "\xc0\x80",
                                    "\xc1\xbf",
                                    "\xc2",
                                    "\xe0\x9f\xbf",
                                    "\xe0\xa0",
                                    "\xed\xa0\x80",
                                    "\xf0\x8f\xbf\xbf",
                                    "\xf4\x90\x80\x80",
                                    "\xf5\x80\x80\x80",
                                    "\xff",
                                    "\xc2\x41"};
  char text[128];
  for (int at = 0; at < 70; at += 7) {
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
      memset(text, 'a', sizeof text);
      memcpy(text + at, good[i], strlen(good[i]));
      CHECK_INTEGER(utf8_find_bad(text, 0, 100), 100);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
      memset(text, 'a', sizeof text);
      memcpy(text + at, bad[i], strlen(bad[i]));
      CHECK_INTEGER(utf8_find_bad(text, 0, 100), at);
    }
  }
  memset(text, 'a', sizeof text);
  text[77] = 0;
  CHECK_INTEGER(utf8_find_bad(text, 3, 100), 77);
}

/* Any cut of a text into ranges counts the same records: the function composed over ranges. */
static void test_ranges(void) {
  static char text[TEXT + 400], buffer[256];
  for (int i = 0; i < 300; i++) {
    csv_wide_off = i % 3 == 0;
    int n = make_text(text, i % 2);
    if (text[n - 1] != '\n') text[n++] = '\n';
    CsvSource source = {.fd = -1, .inflated = true, .bytes = n, .size = n};
    source.shared.data = text;
    CsvDialect dialect = {',', '"'};
    CsvRange whole = {.begin = 0, .end = n, .entry = CSV_AT_RECORD};
    CHECK_OK(csv_range_scan(&source, dialect, &whole, NULL, buffer, 128));
    int64_t records = 0, begin = 0;
    CsvState at = CSV_AT_RECORD;
    while (begin < n) {
      int64_t end = -1, from = begin + 1 + below(200);
      if (from < n) CHECK_OK(csv_line_begin(&source, from, n, buffer, 64, &end));
      CsvRange part = {.begin = begin, .end = end < 0 ? n : end, .entry = CSV_AT_RECORD};
      CsvState other;
      CHECK_OK(csv_range_scan(&source, dialect, &part, &other, buffer, 64));
      CsvState composed = at == CSV_QUOTED ? other : part.exit;
      part.entry = at;
      CHECK_OK(csv_range_scan(&source, dialect, &part, NULL, buffer, 64));
      CHECK_INTEGER(part.exit, composed);
      for (int64_t j = 0; j < part.records; j += 1 + below(20)) {
        CsvMark mark, same;
        CHECK_OK(csv_range_find(&source, dialect, &part, j, buffer, 64, &mark));
        CHECK_OK(csv_range_find(&source, dialect, &whole, records + j, buffer, 192, &same));
        CHECK_INTEGER(mark.at, same.at);
      }
      records += part.records;
      at = part.exit;
      begin = part.end;
      csv_range_clear(&part);
    }
    CHECK_INTEGER(records, whole.records);
    CHECK_INTEGER(at, whole.exit);
    csv_range_clear(&whole);
  }
}

/* ---- numbers side by side ---- */

enum { NUMBERS = 13 };

/* A field that may be a number, or nearly. */
static int make_number(char *text) {
  static const char *const odd[] = {
      "",         "-",     ".",        "-.",       "5.",       ".5",       "-.5",       "-0",
      "-0.0",     "1e5",   "1.01e-06", "1.2.3",    "1-2",      "12345678", "123456789", "0.1234567",
      "-1234567", "+5",    " 7",       "7 ",       "99999999", "0.000001", "--1",       "1.",
      "3.0",      "1,5",   "0x1",      ".1234567", "-1.23456", "/",        ":",         "-0e-03",
      "e-05",     ".e-05", "-e-05",    "1.e-05",   ".5e-05",   "0e-00",    "1e-0x",     "1e-05 "};
  if (below(6) == 0) {
    const char *word = odd[below(sizeof odd / sizeof *odd)];
    return sprintf(text, strchr(word, ',') ? "\"%s\"" : "%s", word);
  }
  int places = below(8), value = below(below(2) ? 1000 : 100000000);
  if (below(3) == 0) return sprintf(text, "%d", value % 1000);
  if (below(4) == 0) /* mostly of eight characters at most, some not */
    return sprintf(text, "%s%.*fe-%02d", below(6) ? "" : "-", below(4), value % 1000 / 100.0,
                   below(below(3) ? 10 : 20));
  return sprintf(text, "%s%.*f", below(4) ? "" : "-", places, value / 1000.0);
}

/* Is row r bad, and if it is not, does column c hold its value? */
static bool as_naive(const Column *column, int64_t i, CsvField field, bool *bad) {
  double real = 0;
  int64_t integer = 0;
  bool missing = csv_is_missing(&(TextList){0}, field);
  if (column->type == COLUMN_INTEGER) {
    *bad |= !missing && csv_parse_integer(field, &integer) != CSV_GOOD;
    return i < 0 || column->integer[i] == (missing ? MISSING_INTEGER : integer);
  }
  *bad |= !missing && csv_parse_real(field, &real) != CSV_GOOD;
  return i < 0 ||
         (missing ? column_missing(column, i) : memcmp(&column->real[i], &real, sizeof real) == 0);
}

/* Windows of eight fields give what one number at a time gives. */
static void test_numbers(void) {
  enum { MOST = 40 };
  static char field[MOST][NUMBERS][32], names[NUMBERS][8], text[MOST * NUMBERS * 32];
  char *name[NUMBERS];
  CsvColumn columns[NUMBERS];
  for (int turn = 0; turn < 300; turn++) {
    int rows = 1 + below(MOST), n = 0;
    take_turns();
    for (int c = 0; c < NUMBERS; c++) {
      bool other = below(6) == 0;
      name[c] = names[c];
      n += sprintf(text + n, "%s%s", c ? "," : "", (sprintf(names[c], "c%d", c), names[c]));
      columns[c] = (CsvColumn){.type = (char *)(other ? "text" : below(3) ? "real" : "integer")};
    }
    for (int r = 0; r < rows; r++)
      for (int c = 0; c < NUMBERS; c++) {
        int length = make_number(field[r][c]);
        n += sprintf(text + n, "%s%s", c ? "," : turn % 4 ? "\n" : "\r\n", field[r][c]);
        if (field[r][c][0] != '"') continue;
        field[r][c][length - 1] = 0;
        memmove(field[r][c], field[r][c] + 1, (size_t)length);
      }
    CsvOptions options = typed(NUMBERS, name, columns);
    options.on_bad_row = CSV_SKIP;
    options.buffer = turn % 2 ? 0 : 64 + below(400);
    Table table;
    CsvReport report;
    CHECK_OK(read_text(text, (size_t)n, options, &table, &report));
    int64_t skipped = 0;
    for (int r = 0; r < rows; r++) {
      bool bad = false;
      int64_t i = row_with(&table, r);
      for (int c = 0; c < NUMBERS; c++) {
        CsvField f = {field[r][c], (int64_t)strlen(field[r][c])};
        if (table.columns[c]->type != COLUMN_TEXT) CHECK(as_naive(table.columns[c], i, f, &bad));
      }
      CHECK(!bad || i < 0);
      skipped += bad;
    }
    CHECK_INTEGER(report.skipped, skipped);
    csv_report_clear(&report);
    table_clear(&table);
  }
}

int main(int argc, char **argv) {
  csv_case_begin(&argc, &argv);
  test_utf8();
  test_utf8_random();
  test_ranges();
  test_numbers();
  return csv_case_end("csv parts");
}
