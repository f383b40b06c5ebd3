/* CSV against a parser that goes character by character, on random text; stops and faults.
 *
 * Runs on one rank under CTest; started with mpirun it reads every file with 1 .. size ranks, each
 * with buffers of 64 bytes and more, so that every kind of border falls everywhere. */
#include "csv_case.h"
#include "kernels/base/fault.h"

/* ---- the naive parser ---- */

enum { FIELDS = 400, ROWS = 400 };

typedef struct Naive {
  int n; /* records, header included */
  int fields[ROWS];
  int line[ROWS];       /* where it begins */
  int stray_line[ROWS]; /* 0: none */
  char *field[ROWS][FIELDS];
  int field_n[ROWS][FIELDS];
  int open_line; /* of a quote that is never closed; 0: none */
  char store[2 * TEXT];
  int used;
} Naive;

static void naive_add(Naive *naive, int begin) {
  int r = naive->n;
  naive->field[r][naive->fields[r]] = naive->store + begin;
  naive->field_n[r][naive->fields[r]++] = naive->used - begin;
}

static void naive_parse(Naive *naive, const char *text, int n) {
  memset(naive, 0, sizeof *naive);
  int i = 0, line = 1;
  while (i < n) {
    if (text[i] == '\n') {
      i++;
      line++;
      continue;
    }
    if (text[i] == '\r' && (i + 1 == n || text[i + 1] == '\n')) {
      i += 2;
      line++;
      continue;
    }
    int r = naive->n;
    naive->line[r] = line;
    naive->fields[r] = naive->stray_line[r] = 0;
    bool ended = false;
    while (!ended) {
      int begin = naive->used;
      bool plain = true;
      if (i < n && text[i] == '"') {
        int opened = line;
        bool closed = false;
        i++;
        while (i < n && !closed) {
          if (text[i] == '"' && i + 1 < n && text[i + 1] == '"') {
            naive->store[naive->used++] = '"';
            i += 2;
          } else if (text[i] == '"') {
            closed = true;
            i++;
          } else {
            line += text[i] == '\n';
            naive->store[naive->used++] = text[i++];
          }
        }
        if (!closed) {
          naive->open_line = opened;
          return;
        }
        plain = !(i == n || text[i] == ',' || text[i] == '\n' ||
                  (text[i] == '\r' && (i + 1 == n || text[i + 1] == '\n')));
        if (plain && naive->stray_line[r] == 0) naive->stray_line[r] = line;
        if (!plain && i < n && text[i] == '\r') i++;
      }
      while (plain && i < n && text[i] != ',' && text[i] != '\n')
        naive->store[naive->used++] = text[i++];
      ended = i >= n || text[i] == '\n';
      if (plain && ended && naive->used > begin && naive->store[naive->used - 1] == '\r')
        naive->used--;
      naive_add(naive, begin);
      line += i < n && text[i] == '\n';
      i++;
    }
    naive->n++;
  }
}

static bool naive_bad(const Naive *naive, int r) {
  return naive->fields[r] != naive->fields[0] || naive->stray_line[r] != 0;
}

/* ---- comparing ---- */

static CsvColumn text_columns[3] = {
    {.type = (char *)"text"}, {.type = (char *)"category"}, {.type = (char *)"text"}};
static char *text_names[3] = {(char *)"a", (char *)"b", (char *)"c"};

static CsvOptions text_options(int on_bad_row, int64_t buffer) {
  take_turns();
  return (CsvOptions){.path = path,
                      .header = true,
                      .columns = {3, text_names, text_columns},
                      .on_bad_row = on_bad_row,
                      .buffer = buffer};
}

static bool same_value(const Column *column, int64_t i, const Naive *naive, int r, int f) {
  if (naive->field_n[r][f] == 0) return column_missing(column, i);
  int64_t n = 0;
  const char *text = column_text(column, i, &n);
  return !column_missing(column, i) && n == naive->field_n[r][f] &&
         memcmp(text, naive->field[r][f], (size_t)n) == 0;
}

static void compare_rows(const Table *table, const Naive *naive) {
  for (int64_t i = 0; i < table->rows.n; i++) {
    int r = (int)table->row_id[i] + 1;
    CHECK(!naive_bad(naive, r));
    for (int f = 0; f < 3; f++) CHECK(same_value(table->columns[f], i, naive, r, f));
  }
}

static void check_line(int want) {
  char place[96];
  snprintf(place, sizeof place, "%s:%d: ", path, want);
  CHECK_MESSAGE(place);
}

static void check_skip(const Comm *comm, const Naive *naive, int64_t buffer) {
  Table table;
  CsvReport report;
  CsvOptions options = text_options(CSV_SKIP, buffer);
  Status status = csv_read_all(comm, &options, 4, &table, &report);
  if (naive->open_line) {
    CHECK_INTEGER(status, FORMAT);
    check_line(naive->open_line);
  } else {
    CHECK_OK(status);
    int bad = 0;
    for (int r = 1; r < naive->n; r++) bad += naive_bad(naive, r);
    CHECK_INTEGER(report.skipped, bad);
    CHECK_INTEGER(report.n_examples, bad < CSV_EXAMPLES ? bad : CSV_EXAMPLES);
    CHECK_INTEGER(table.rows.n_global, naive->n - 1 - bad);
    if (status == OK) compare_rows(&table, naive);
  }
  csv_report_clear(&report);
  table_clear(&table);
}

static void check_fail(const Comm *comm, const Naive *naive, int64_t buffer) {
  Table table;
  CsvOptions options = text_options(CSV_FAIL, buffer);
  Status status = csv_read_all(comm, &options, 4, &table, NULL);
  int line = naive->open_line;
  for (int r = naive->n - 1; r > 0; r--)
    if (naive_bad(naive, r)) line = naive->stray_line[r] ? naive->stray_line[r] : naive->line[r];
  if (line) {
    CHECK_INTEGER(status, FORMAT);
    check_line(line);
  } else {
    CHECK_OK(status);
    CHECK_INTEGER(table.rows.n_global, naive->n - 1);
    if (status == OK) compare_rows(&table, naive);
  }
  table_clear(&table);
}

static void test_random(int cases) {
  static char text[TEXT + 400];
  static Naive naive;
  for (int i = 0; i < cases; i++) {
    uint64_t seed = state;
    int before = check_failures;
    int n = make_text(text, i % 2), mark = memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    naive_parse(&naive, text + mark, n - mark);
    write_file(text, (size_t)n);
    int size = 1 + i % world.size;
    int64_t buffer = below(2) ? 64 : 64 + below(500);
    Group group = group_of(size);
    if (group.member) {
      check_skip(&group.comm, &naive, buffer);
      check_fail(&group.comm, &naive, buffer);
    }
    comm_clear_all(&group.comm);
    if (check_failures > before) {
      fprintf(stderr, "case %d of seed %llu on %d ranks\n", i, (unsigned long long)seed, size);
      if (world.rank == 0) {
        char copy[96];
        snprintf(copy, sizeof copy, "%s.failed", path);
        rename(path, copy);
      }
      return;
    }
    comm_barrier_all(&world);
  }
}

/* ---- ends on the way ---- */

static int pieces;
static bool stop_at_third(WorkSink *sink) { return (void)sink, ++pieces >= 3; }

static void test_stop(void) {
  static char text[1200];
  for (size_t i = 0; i < sizeof text; i++) text[i] = "a,b,c\n"[i % 6];
  write_file(text, sizeof text);
  WorkSink sink = {.stopping = stop_at_third};
  for (int turn = 0; turn < 3; turn++) {
    Table table;
    CsvOptions options = text_options(CSV_FAIL, 64);
    options.sink = &sink;
    pieces = 0;
    CHECK_INTEGER(csv_read_all(&world, &options, 4, &table, NULL), STOPPED);
    CHECK_MESSAGE("stopped on request while reading");
    table_clear(&table);
  }
}

/* Every read and every allocation made to fail, on each rank in turn. */
static void test_faults(void) {
  static const char text[] = "a,b,c\nx,y,z\n\"1\n2\",y,w\nbad\nu,v,w\n,q,\n";
  write_file(text, sizeof text - 1);
  CsvOptions options = text_options(CSV_SKIP, 64);
  for (int kind = FAULT_MEMORY; kind <= FAULT_READ; kind++) {
    for (int rank = 0; rank < world.size; rank++) {
      bool failed = true;
      for (int64_t nth = 1; failed && nth < 500; nth++) {
        Table table;
        CsvReport report;
        int64_t balance = memory_balance();
        if (rank == world.rank) fault_arm((FaultKind)kind, nth, false);
        Status status = csv_read_all(&world, &options, 4, &table, &report);
        fault_arm((FaultKind)kind, 0, false);
        failed = status != OK;
        CHECK(status == OK || status == (kind == FAULT_READ ? IO : MEMORY));
        if (kind == FAULT_READ && failed) CHECK_MESSAGE("Input/output error");
        table_clear(&table);
        csv_report_clear(&report);
        CHECK_INTEGER(memory_balance(), balance);
      }
      CHECK(!failed);
    }
  }
}

int main(int argc, char **argv) {
  csv_case_begin(&argc, &argv);
  const char *cases = getenv("CASES");
  test_stop();
  test_faults();
  test_random(cases ? atoi(cases) : 600);
  return csv_case_end("csv");
}
