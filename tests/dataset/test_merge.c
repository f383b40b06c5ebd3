/* Merging of recordings: each rule by hand on a few rows, then all rules on random rows against a
 * plain merge of all rows, on any number of ranks (also started by mpirun). */
#include <stdlib.h>

#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "kernels/dataset/merge.h"
#include "tests/table/sample.h"

/* ---- by hand: rows 0, 2, 3 and 5 are one recording, 1 and 4 another, 6 is alone ---- */

enum { N = 7, COLUMNS = 13 };
static const int64_t hand_first[N] = {0, 1, 0, 0, 1, 0, 6};

static Column *real_column(const char *name, const double *values) {
  Column *column = NULL;
  CHECK_OK(column_new(&column, name, COLUMN_REAL, N, 0));
  memcpy(column->real, values, N * sizeof *values);
  return column;
}

static Column *integer_column(const char *name, const int64_t *values) {
  Column *column = NULL;
  CHECK_OK(column_new(&column, name, COLUMN_INTEGER, N, 0));
  memcpy(column->integer, values, N * sizeof *values);
  return column;
}

/* Words are letters, one a row; '-' is missing. */
static Column *word_column(const char *name, const char *letters) {
  static const int64_t at[] = {0, 1, 2, 3, 4};
  Column *column = NULL;
  CHECK_OK(column_new(&column, name, COLUMN_CATEGORY, N, 0));
  CHECK_OK(dictionary_build("abcd", at, 4, &column->dictionary, NULL));
  for (int64_t i = 0; i < N; i++)
    column->code[i] = letters[i] == '-' ? MISSING_CODE : letters[i] - 'a';
  return column;
}

/* A text of letters per row; "-" is missing. */
static Column *list_column(const char *name, const char *const *letters) {
  static const int64_t at[] = {0, 1, 2, 3, 4};
  Column *column = NULL;
  CHECK_OK(column_new(&column, name, COLUMN_LIST, N, 64));
  CHECK_OK(dictionary_build("abcd", at, 4, &column->dictionary, NULL));
  CHECK_OK(NEW(&column->missing, N));
  for (int64_t i = 0; i < N; i++) {
    int64_t n = column->offset[i];
    column->missing[i] = letters[i][0] == '-';
    for (const char *c = letters[i]; *c && *c != '-'; c++) column->code[n++] = *c - 'a';
    column->offset[i + 1] = n;
  }
  return column;
}

static void list_text(const Column *column, int64_t i, char text[32]) {
  int64_t n = 0;
  for (int64_t k = column->offset[i]; k < column->offset[i + 1]; k++)
    text[n++] = (char)('a' + column->code[k]);
  text[n] = 0;
}

static Table by_hand(void) {
  static const double numbers[N] = {1, NAN, 4, 2, 7, 2, 0.5},
                      none[N] = {NAN, NAN, NAN, NAN, NAN, NAN, NAN};
  static const int64_t integers[N] = {5, 3, MISSING_INTEGER, 9, 3, -2, MISSING_INTEGER};
  static const char *const lists[N] = {"ca", "-", "", "bc", "", "-", "da"};
  Table table;
  CHECK_OK(table_init(&table, &(Rows){N, 0, N, 16}));
  for (int64_t i = 0; i < N; i++) table.row_id[i] = 100 + 2 * i;
  CHECK_OK(table_add(&table, real_column("first", numbers)));
  CHECK_OK(table_add(&table, real_column("mean", numbers)));
  CHECK_OK(table_add(&table, real_column("frequent", numbers)));
  CHECK_OK(table_add(&table, real_column("none", none)));
  CHECK_OK(table_add(&table, integer_column("low", integers)));
  CHECK_OK(table_add(&table, integer_column("high", integers)));
  CHECK_OK(table_add(&table, integer_column("average", integers)));
  CHECK_OK(table_add(&table, word_column("tie", "-dba-ab")));
  CHECK_OK(table_add(&table, word_column("word", "cdbbdc-")));
  CHECK_OK(table_add(&table, word_column("genre", "cdbbdc-")));
  CHECK_OK(table_add(&table, list_column("list", lists)));
  CHECK_OK(table_add(&table, list_column("set", lists)));
  CHECK_OK(table_add(&table, word_column("late", "-----c-")));
  return table;
}

static const MergeRule hand_rules[COLUMNS] = {
    MERGE_FIRST, MERGE_MEAN, MERGE_MOST_FREQUENT, MERGE_MEAN,  MERGE_MIN,
    MERGE_MAX,   MERGE_MEAN, MERGE_MOST_FREQUENT, MERGE_FIRST, MERGE_SET,
    MERGE_FIRST, MERGE_SET,  MERGE_FIRST};

static void test_by_hand(void) {
  Table table = by_hand(), out;
  Comm self = comm_self();
  int64_t differing[COLUMNS];
  char text[32];
  CHECK_OK(merge_all(&self, &table, hand_first, hand_rules, &out, differing));
  CHECK_INTEGER(out.rows.n_global, 3);
  static const int64_t ids[] = {100, 102, 112};
  static const double first[] = {1, 7, 0.5}, mean[] = {9.0 / 4, 7, 0.5}, frequent[] = {2, 7, 0.5};
  static const double average[] = {4, 3, NAN};
  static const int64_t low[] = {-2, 3, MISSING_INTEGER}, high[] = {9, 3, MISSING_INTEGER};
  static const int32_t tie[] = {0, 3, 1}, word[] = {2, 3, MISSING_CODE}, late[] = {2, -1, -1};
  static const char *const genre[] = {"bc", "d", ""}, *const list[] = {"ca", "", "da"};
  static const char *const set[] = {"abc", "", "ad"};
  for (int64_t g = 0; g < 3; g++) {
    CHECK_INTEGER(out.row_id[g], ids[g]);
    CHECK_REAL(out.columns[0]->real[g], first[g], 0);
    CHECK_REAL(out.columns[1]->real[g], mean[g], 0);
    CHECK_REAL(out.columns[2]->real[g], frequent[g], 0);
    CHECK(isnan(out.columns[3]->real[g]));
    CHECK_INTEGER(out.columns[4]->integer[g], low[g]);
    CHECK_INTEGER(out.columns[5]->integer[g], high[g]);
    CHECK_REAL(out.columns[6]->real[g], average[g], 0);
    CHECK_INTEGER(out.columns[7]->code[g], tie[g]);
    CHECK_INTEGER(out.columns[8]->code[g], word[g]);
    CHECK_INTEGER(out.columns[12]->code[g], late[g]);
    CHECK_INTEGER(column_missing(out.columns[9], g), g == 2);
    CHECK_INTEGER(column_missing(out.columns[11], g), false);
    list_text(out.columns[9], g, text);
    CHECK_TEXT(text, genre[g]);
    list_text(out.columns[10], g, text);
    CHECK_TEXT(text, list[g]);
    list_text(out.columns[11], g, text);
    CHECK_TEXT(text, set[g]);
  }
  CHECK_INTEGER(out.columns[9]->type, COLUMN_LIST);
  CHECK_INTEGER(out.columns[9]->dictionary.n, 4);
  static const int64_t differ[COLUMNS] = {1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 0};
  for (int j = 0; j < COLUMNS; j++) CHECK_INTEGER(differing[j], differ[j]);
  table_clear(&out);
  table_clear(&table);
}

static void test_types(void) {
  ColumnType type;
  CHECK_OK(merge_type(MERGE_MEAN, "x", COLUMN_BOOLEAN, &type));
  CHECK_INTEGER(type, COLUMN_REAL);
  CHECK_OK(merge_type(MERGE_SET, "x", COLUMN_CATEGORY, &type));
  CHECK_INTEGER(type, COLUMN_LIST);
  CHECK_OK(merge_type(MERGE_MIN, "x", COLUMN_DATE, &type));
  CHECK_INTEGER(type, COLUMN_DATE);
  CHECK(merge_type(MERGE_MEAN, "x", COLUMN_DATE, &type) == INVALID);
  CHECK_TEXT(status_message(), "column \"x\" is a date; the rule mean needs a number");
  CHECK(merge_type(MERGE_SET, "x", COLUMN_TEXT, &type) == INVALID);
  CHECK_MESSAGE("needs a category or a list");
  CHECK(merge_type(MERGE_MAX, "x", COLUMN_LIST, &type) == INVALID);
  CHECK_MESSAGE("needs a number or a date");
}

static void test_alone(void) {
  Table table = by_hand();
  Column *out = NULL;
  char text[32];
  CHECK_OK(merge_alone(table_find(&table, "word"), MERGE_FIRST, &out));
  CHECK(out == table_find(&table, "word"));
  column_release(&out);
  CHECK_OK(merge_alone(table_find(&table, "mean"), MERGE_MEAN, &out));
  CHECK(out == table_find(&table, "mean"));
  column_release(&out);
  CHECK_OK(merge_alone(table_find(&table, "low"), MERGE_MEAN, &out));
  CHECK_INTEGER(out->type, COLUMN_REAL);
  CHECK_REAL(out->real[3], 9, 0);
  CHECK(isnan(out->real[2]));
  column_release(&out);
  CHECK_OK(merge_alone(table_find(&table, "list"), MERGE_SET, &out));
  list_text(out, 0, text);
  CHECK_TEXT(text, "ac");
  CHECK(column_missing(out, 1) && !column_missing(out, 2));
  column_release(&out);
  CHECK_OK(merge_alone(table_find(&table, "word"), MERGE_SET, &out));
  list_text(out, 3, text);
  CHECK_TEXT(text, "b");
  CHECK(column_missing(out, 6));
  column_release(&out);
  table_clear(&table);
}

/* ---- random rows ---- */

static uint64_t seed;

/* The first row of the recording of a row, for several shapes; the same on all ranks. */
static int64_t first_of(int64_t row, int mode) {
  if (mode == 0) return row;
  if (mode == 1) return 0;
  int64_t at = row;
  while (sample_number(seed, at, 40) % 3 != 0 && at > 0)
    at = (int64_t)(sample_number(seed, at, 41) % (uint64_t)at);
  return at;
}

/* Rules that fit the columns of sample_table, which are in the order of ColumnType. */
static const MergeRule rule_sets[][COLUMN_TYPES] = {
    {MERGE_MEAN, MERGE_MIN, MERGE_MOST_FREQUENT, MERGE_SET, MERGE_FIRST, MERGE_SET, MERGE_MAX},
    {MERGE_MOST_FREQUENT, MERGE_MEAN, MERGE_MEAN, MERGE_MOST_FREQUENT, MERGE_MOST_FREQUENT,
     MERGE_MOST_FREQUENT, MERGE_MOST_FREQUENT},
    {MERGE_MAX, MERGE_MAX, MERGE_MIN, MERGE_FIRST, MERGE_FIRST, MERGE_FIRST, MERGE_FIRST}};

static Table sample_of(const Comm *comm, int64_t n) {
  Rows rows = rows_share(comm, n, 4);
  int64_t *ids = NULL;
  CHECK_OK(NEW(&ids, rows.n));
  for (int64_t i = 0; i < rows.n; i++) ids[i] = rows.begin + i;
  Table table = sample_table(&rows, ids, seed, false);
  memory_free(&ids);
  return table;
}

/* The winner of most rows by comparing all pairs, ties to the first. */
static int64_t naive_winner(const Column *column, const int64_t *rows, int64_t n) {
  int64_t best = 0, winner = -1;
  for (int64_t a = 0; a < n; a++) {
    Column *x = NULL, *y = NULL;
    int64_t equal = 0;
    if (column_missing(column, rows[a])) continue;
    CHECK_OK(column_take(column, &rows[a], 1, &x));
    for (int64_t b = 0; b < n; b++) {
      CHECK_OK(column_take(column, &rows[b], 1, &y));
      equal += !column_missing(column, rows[b]) && sample_same_column(x, y);
      column_release(&y);
    }
    column_release(&x);
    if (equal > best) winner = rows[a];
    if (equal > best) best = equal;
  }
  return winner;
}

/* The value that row g of `got` has to have, by scanning the rows of its recording in `all`. */
static void check_value(const Column *got, int64_t g, const Column *all, const int64_t *rows,
                        int64_t n, MergeRule rule) {
  int64_t chosen = -1, count = 0;
  double sum = 0;
  bool has[SAMPLE_WORDS] = {false};
  for (int64_t k = 0; k < n; k++) {
    int64_t i = rows[k];
    if (column_missing(all, i)) continue;
    count++;
    double x = all->type == COLUMN_LIST || all->type == COLUMN_TEXT ? 0 : column_real(all, i);
    sum += x;
    if (chosen < 0 || (rule == MERGE_MIN && x < column_real(all, chosen)) ||
        (rule == MERGE_MAX && x > column_real(all, chosen)))
      chosen = i;
    if (rule != MERGE_SET) continue;
    if (all->type == COLUMN_CATEGORY) has[all->code[i]] = true;
    if (all->type == COLUMN_LIST)
      for (int64_t c = all->offset[i]; c < all->offset[i + 1]; c++) has[all->code[c]] = true;
  }
  if (rule == MERGE_MEAN) {
    double want = count > 0 ? sum / (double)count : (double)NAN;
    CHECK_REAL(got->real[g], want, 1e-12 * fabs(want)); /* equal values are not added up */
    return;
  }
  if (rule == MERGE_SET) {
    int64_t at = got->offset[g];
    CHECK_INTEGER(column_missing(got, g), count == 0);
    for (int32_t word = 0; word < SAMPLE_WORDS; word++)
      if (has[word]) CHECK(at < got->offset[g + 1] && got->code[at++] == word);
    CHECK_INTEGER(at, got->offset[g + 1]);
    return;
  }
  if (rule == MERGE_MOST_FREQUENT) chosen = naive_winner(all, rows, n);
  Column *want = NULL, *have = NULL;
  CHECK_OK(column_take(all, &chosen, 1, &want));
  CHECK_OK(column_take(got, &g, 1, &have));
  CHECK(sample_same_column(want, have));
  column_release(&want);
  column_release(&have);
}

static void check_merged(const Comm *comm, const Table *out, const Table *all, int mode,
                         const MergeRule *rules) {
  int64_t n = all->rows.n, *rows = NULL, number = 0;
  CHECK_OK(NEW(&rows, n));
  for (int64_t first = 0; first < n; first++) {
    int64_t size = 0, g = number - out->rows.begin;
    if (first_of(first, mode) != first) continue;
    number++;
    if (g < 0 || g >= out->rows.n) continue;
    CHECK_INTEGER(out->row_id[g], first);
    for (int64_t i = first; i < n; i++)
      if (first_of(i, mode) == first) rows[size++] = i;
    for (int j = 0; j < COLUMN_TYPES; j++)
      check_value(out->columns[j], g, all->columns[j], rows, size, rules[j]);
  }
  Rows want = rows_share(comm, number, 4);
  CHECK_INTEGER(out->rows.n_global, number);
  CHECK_INTEGER(out->rows.begin, want.begin);
  CHECK_INTEGER(out->rows.n, want.n);
  memory_free(&rows);
}

static void test_random(const Comm *comm, int64_t n, int mode, const MergeRule *rules) {
  Comm self = comm_self();
  Table table = sample_of(comm, n), all = sample_of(&self, n), out;
  int64_t *first = NULL, differing[COLUMN_TYPES];
  CHECK_OK(NEW(&first, table.rows.n));
  for (int64_t i = 0; i < table.rows.n; i++) first[i] = first_of(table.rows.begin + i, mode);
  CHECK_OK(merge_all(comm, &table, first, rules, &out, differing));
  check_merged(comm, &out, &all, mode, rules);
  for (int j = 0; j < COLUMN_TYPES && mode == 0; j++) CHECK_INTEGER(differing[j], 0);
  memory_free(&first);
  table_clear(&table);
  table_clear(&all);
  table_clear(&out);
}

static void test_faults(const Comm *comm, int failing) {
  Table table = sample_of(comm, 41);
  int64_t first[41], differing[COLUMN_TYPES], nth = 1;
  for (int64_t i = 0; i < table.rows.n; i++) first[i] = first_of(table.rows.begin + i, 2);
  int64_t before = memory_balance();
  for (; nth < 2000; nth++) {
    Table out;
    fault_arm(FAULT_MEMORY, comm->rank == failing ? nth : 0, false);
    Status status = merge_all(comm, &table, first, rule_sets[0], &out, differing);
    fault_arm(FAULT_MEMORY, 0, false);
    CHECK_INTEGER(comm_max_one_all(comm, (int64_t)status), status);
    table_clear(&out);
    CHECK_INTEGER(memory_balance(), before);
    if (status == OK) break;
    CHECK(status == MEMORY);
  }
  CHECK(nth > 10 && nth < 2000);
  table_clear(&table);
}

int main(int argc, char **argv) {
  static const int64_t sizes[] = {0, 1, 3, 17, 120};
  MPI_Init(&argc, &argv);
  Comm comm = comm_world();
  seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 20261122;
  if (comm.rank == 0) printf("seed %llu\n", (unsigned long long)seed);
  test_by_hand();
  test_types();
  test_alone();
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int mode = 0; mode < 3; mode++)
      for (size_t r = 0; r < sizeof rule_sets / sizeof *rule_sets; r++, seed++)
        test_random(&comm, sizes[i], mode, rule_sets[r]);
  test_faults(&comm, 0);
  if (comm.size > 1) test_faults(&comm, comm.size - 1);
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("merge");
  MPI_Finalize();
  return result;
}
