/* The stage clean: messages of its plan, what it does to rows, what it tells, how it serves. */
#include "clean_case.h"

enum { N = 8 };

static Column *words(const char *name, const char *letters) {
  static const int64_t at[] = {0, 1, 2, 3, 4};
  Column *column = NULL;
  CHECK_OK(column_new(&column, name, COLUMN_CATEGORY, N, 0));
  CHECK_OK(dictionary_build("abcd", at, 4, &column->dictionary, NULL));
  for (int64_t i = 0; i < N; i++)
    column->code[i] = letters[i] == '-' ? MISSING_CODE : letters[i] - 'a';
  return column;
}

/* Rows 0 and 2 share an id, 2 and 5 a song; 7 has the song of none; 3 has no song. */
static Table sample(void) {
  static const double tempo[N] = {120, 0, 0, 90, 250, 121, NAN, 60};
  static const int64_t popularity[N] = {10, 20, 30, 40, 50, 60, 70, 80};
  static const int32_t release[N] = {19700101, 20010203, 18990000, 20100000,
                                     0,        20200101, 20250101, MISSING_DATE};
  Table table;
  Column *column = NULL;
  CHECK_OK(table_init(&table, &(Rows){N, 0, N, 16}));
  CHECK_OK(table_add(&table, words("id", "abac-dcb")));
  CHECK_OK(table_add(&table, words("song", "adb-abcc")));
  CHECK_OK(table_add(&table, words("genre", "abcdabcd")));
  CHECK_OK(column_new(&column, "tempo", COLUMN_REAL, N, 0));
  memcpy(column->real, tempo, sizeof tempo);
  CHECK_OK(table_add(&table, column));
  CHECK_OK(column_new(&column, "popularity", COLUMN_INTEGER, N, 0));
  memcpy(column->integer, popularity, sizeof popularity);
  CHECK_OK(table_add(&table, column));
  CHECK_OK(column_new(&column, "release", COLUMN_DATE, N, 0));
  memcpy(column->date, release, sizeof release);
  CHECK_OK(table_add(&table, column));
  return table;
}

static void check_fails(const char *json, const char *message) {
  Table table = sample();
  Schema schema = {0}, out = {0};
  CHECK_OK(schema_of(&table, &schema));
  CHECK(clean_plan(json, &schema, &out) == INVALID);
  CHECK_MESSAGE(message);
  schema_clear(&schema);
  schema_clear(&out);
  table_clear(&table);
}

static void test_messages(void) {
  check_fails("{\"require\": [\"tenpo\"]}",
              "require: column \"tenpo\" is not in the table; did you mean \"tempo\"?");
  check_fails("{\"impossible\": {\"tempi\": 0}}",
              "impossible: column \"tempi\" is not in the table; did you mean \"tempo\"?");
  check_fails("{\"impossible\": {\"tempo\": {}}}", "column \"tempo\": say which values");
  check_fails("{\"impossible\": {\"tempo\": {\"below\": 5, \"above\": 3}}}",
              "every number is below 5 or above 3");
  check_fails("{\"impossible\": {\"genre\": 0}}",
              "column \"genre\" is a category; equal, below and above are for numbers");
  check_fails("{\"impossible\": {\"tempo\": {\"before\": \"2000\"}}}",
              "column \"tempo\" is a real");
  check_fails("{\"impossible\": {\"release\": {\"below\": 2000}}}", "column \"release\" is a date");
  check_fails("{\"impossible\": {\"release\": {\"before\": \"01.02.2000\"}}}",
              "before: \"01.02.2000\" is no date; write YYYY-MM-DD");
  check_fails("{\"recording\": [[\"id\"], [\"sonk\"]]}",
              "recording: column \"sonk\" is not in the table; did you mean \"song\"?");
  check_fails("{\"recording\": [[\"id\"], []]}", "recording: key 2 has no columns");
  check_fails("{\"recording\": [[\"id\"]], \"column\": \"song\"}",
              "column: the table has a column \"song\" already");
  check_fails("{\"rules\": {\"tempo\": \"set\"}}",
              "rules: column \"tempo\" is a real; the rule set needs a category or a list");
  check_fails("{\"rules\": {\"genres\": \"set\"}}", "did you mean \"genre\"?");
  check_fails("{\"rules\": {\"genre\": \"sett\"}}", "set");
}

static void test_impossible(void) {
  Table table = sample();
  Artifact out;
  Comm self = comm_self();
  CHECK_OK(clean_run_all(&self,
                         "{\"impossible\": {\"tempo\": {\"equal\": 0, \"above\": 200},"
                         " \"popularity\": [10, 80], \"release\": {\"before\": \"1900-01-01\","
                         " \"dates\": \"1970-01-01\", \"after\": \"2024-12-31\"}}}",
                         &table, &out));
  static const bool tempo[N] = {0, 1, 1, 0, 1, 0, 1, 0}, date[N] = {1, 0, 1, 0, 1, 0, 1, 1};
  for (int64_t i = 0; i < N; i++) {
    CHECK_INTEGER(column_missing(table_find(&out.table, "tempo"), i), tempo[i]);
    CHECK_INTEGER(column_missing(table_find(&out.table, "popularity"), i), i == 0 || i == 7);
    CHECK_INTEGER(column_missing(table_find(&out.table, "release"), i), date[i]);
    CHECK_INTEGER(out.table.row_id[i], i);
  }
  const char *what = "impossible values made missing";
  CHECK_INTEGER(clean_decision(&out.summary, what, "tempo"), 3);
  CHECK_INTEGER(clean_decision(&out.summary, what, "popularity"), 2);
  CHECK_INTEGER(clean_decision(&out.summary, what, "release"), 4);
  CHECK(table_find(&table, "genre") == table_find(&out.table, "genre"));
  CHECK(!column_missing(table_find(&table, "tempo"), 1)); /* the input stays as it is */
  clean_clear(&out);
  table_clear(&table);
}

static void test_require(void) {
  Table table = sample();
  Artifact out;
  Comm self = comm_self();
  CHECK_OK(clean_run_all(
      &self, "{\"impossible\": {\"tempo\": 0}, \"require\": [\"song\", \"tempo\"]}", &table, &out));
  static const int64_t ids[] = {0, 4, 5, 7};
  CHECK_INTEGER(out.table.rows.n_global, 4);
  for (int64_t i = 0; i < 4; i++) CHECK_INTEGER(out.table.row_id[i], ids[i]);
  const char *what = "rows dropped, required value missing";
  CHECK_INTEGER(clean_decision(&out.summary, what, "song"), 1);
  CHECK_INTEGER(clean_decision(&out.summary, what, "tempo"), 3);
  CHECK_INTEGER(clean_decision(&out.summary, "rows before", ""), 8);
  CHECK_INTEGER(clean_decision(&out.summary, "rows after", ""), 4);
  CHECK_REAL(summary_find(&out.summary, "rows", "rows_in"), 8, 0);
  CHECK_REAL(summary_find(&out.summary, "rows", "rows_out"), 4, 0);
  CHECK(isnan(summary_find(&out.summary, "rows", "recordings")));
  clean_clear(&out);
  CHECK(clean_run_all(&self,
                      "{\"impossible\": {\"tempo\": {\"above\": -1}}, \"require\": [\"tempo\"]}",
                      &table, &out) == INVALID);
  CHECK_MESSAGE("require: each of the 8 rows lacks a required value, first of all \"tempo\"");
  clean_clear(&out);
  table_clear(&table);
}

#define RECORDING "\"recording\": [[\"id\"], [\"song\"]], "

static void test_keep(void) {
  /* ids: 0 2 | 1 7 | 3 6 | 5; songs: 0 4 | 2 5 | 6 7 */
  static const int64_t want[N] = {0, 1, 0, 1, 0, 0, 1, 1};
  Table table = sample();
  Artifact out;
  Comm self = comm_self();
  for (int64_t i = 0; i < N; i++) table.row_id[i] = 10 * i + 5;
  CHECK_OK(clean_run_all(&self,
                         "{" RECORDING "\"duplicates\": \"keep\", \"column\": \"group\","
                         " \"rules\": {\"genre\": \"set\"}}",
                         &table, &out));
  CHECK_INTEGER(out.table.rows.n_global, N);
  for (int64_t i = 0; i < N; i++)
    CHECK_INTEGER(table_find(&out.table, "group")->integer[i], 10 * want[i] + 5);
  CHECK_INTEGER(clean_decision(&out.summary, "recordings", ""), 2);
  CHECK_INTEGER(clean_decision(&out.summary, "rows of the largest recording", ""), 4);
  CHECK_INTEGER(clean_decision(&out.summary, "rows merged into another", ""), -1);
  clean_clear(&out);
  table_clear(&table);
}

static void test_merge(void) {
  Table table = sample();
  Artifact out;
  Comm self = comm_self();
  CHECK_OK(clean_run_all(&self,
                         "{" RECORDING "\"impossible\": {\"tempo\": 0}, \"rules\": {"
                         "\"genre\": \"set\", \"popularity\": \"mean\", \"tempo\": \"max\","
                         " \"release\": \"min\"}}",
                         &table, &out));
  const Column *genre = table_find(&out.table, "genre");
  CHECK_INTEGER(out.table.rows.n_global, 2);
  CHECK_INTEGER(table_find(&out.table, "recording")->integer[1], 1);
  CHECK_REAL(table_find(&out.table, "popularity")->real[0], (10 + 30 + 50 + 60) / 4.0, 0);
  CHECK_REAL(table_find(&out.table, "tempo")->real[0], 250, 0);
  CHECK_REAL(table_find(&out.table, "tempo")->real[1], 90, 0);
  CHECK_INTEGER(table_find(&out.table, "release")->date[1], 20010203);
  CHECK_INTEGER(genre->offset[1], 3); /* a, b, c */
  CHECK_INTEGER(genre->offset[2], 6); /* b, c, d */
  CHECK_INTEGER(clean_decision(&out.summary, "rows merged into another", ""), 6);
  CHECK_INTEGER(clean_decision(&out.summary, "recordings whose rows differed", "popularity"), 2);
  CHECK_REAL(summary_find(&out.summary, "rows", "recordings"), 2, 0);
  clean_clear(&out);
  table_clear(&table);
}

/* New rows: columns may be absent, and those that are there get the types of training. */
static void test_serve(void) {
  Table table = sample();
  void *options = NULL;
  CHECK_OK(clean_parse("{" RECORDING "\"impossible\": {\"tempo\": 0, \"loudness\": 7},"
                       " \"require\": [\"tempo\"], \"rules\": {\"genre\": \"set\","
                       " \"popularity\": \"mean\", \"energy\": \"mean\"}}",
                       &options));
  CHECK_OK(clean_stage.serve(options, &table));
  CHECK_INTEGER(table.rows.n, N);
  CHECK(column_missing(table_find(&table, "tempo"), 1));
  CHECK_REAL(table_find(&table, "tempo")->real[0], 120, 0);
  CHECK_INTEGER(table_find(&table, "genre")->type, COLUMN_LIST);
  CHECK_INTEGER(table_find(&table, "popularity")->type, COLUMN_REAL);
  CHECK(table_find(&table, "recording") == NULL);
  options_free(&clean_stage.kind, &options);
  table_clear(&table);
}

static void test_all_missing(void) {
  Table table = sample();
  Artifact out;
  Comm self = comm_self();
  CHECK_OK(clean_run_all(&self, "{\"impossible\": {\"tempo\": {\"above\": -1}}}", &table, &out));
  CHECK_INTEGER(out.summary.n_notes, 1);
  CHECK_INTEGER(out.summary.notes[0].level, NOTE_WARNING);
  CHECK_TEXT(out.summary.notes[0].text, "Column \"tempo\" is missing in every row.");
  clean_clear(&out);
  table_clear(&table);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  test_messages();
  test_impossible();
  test_require();
  test_keep();
  test_merge();
  test_serve();
  test_all_missing();
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("clean");
  MPI_Finalize();
  return result;
}
