/* An audit against what can be counted by hand: shares of twins by a double loop over rows, bins by
 * a loop over values, planted faults that have to be found, and honest jobs that have to be clear.
 * Runs on the ranks it is started on; what is told is checked on rank 0, which has it. */
#include "kernels/audit/audit.h"

#include "kernels/audit/determined.h"
#include "kernels/constant.h"
#include "kernels/dataset/division.h"
#include "kernels/linear/linear.h"
#include "kernels/tree/forest.h"
#include "tests/study/case.h"

enum { N = 360, BLOCK = 16 };
static const uint64_t SEED = 31;
static const double TEST = 0.25;

/* A row: id i / 2 % 150 stands about twice, a recording has one or two ids, equal audio joins some
 * others, an artist has many rows. */
static int64_t id_of(int64_t i) { return i * 7 % 150; }
static int64_t recording_of(int64_t i) { return id_of(i) / 2 * 2; }
static int64_t audio_of(int64_t i) { return i % 90 == 5 ? 5 : 1000 + id_of(i); }
static int64_t artist_of(int64_t i) { return recording_of(i) % 11; }

typedef struct Planted {
  bool classes, sorted, leak, dated;
} Planted;

static Column *words_of(const char *name, const Rows *rows, int64_t (*word)(int64_t)) {
  enum { WORDS = 200, LENGTH = 3 };
  static char bytes[WORDS * LENGTH];
  static int64_t offset[WORDS + 1];
  int32_t codes[WORDS];
  Column *column = NULL;
  CHECK_OK(column_new(&column, name, COLUMN_CATEGORY, rows->n, 0));
  for (int64_t w = 0; w < WORDS; w++) {
    for (int64_t digit = LENGTH - 1, rest = w; digit >= 0; digit--, rest /= 10)
      bytes[LENGTH * w + digit] = (char)('0' + rest % 10);
    offset[w + 1] = LENGTH * (w + 1);
  }
  CHECK_OK(dictionary_build(bytes, offset, WORDS, &column->dictionary, codes));
  for (int64_t i = 0; i < rows->n; i++) column->code[i] = codes[word(rows->begin + i)];
  return column;
}

/* A list whose first word is the artist. */
static Column *artists_of(const Rows *rows) {
  Column *category = words_of("artists", rows, artist_of), *list = NULL;
  CHECK_OK(column_new(&list, "artists", COLUMN_LIST, rows->n, 2 * rows->n));
  CHECK_OK(dictionary_copy(&category->dictionary, &list->dictionary));
  for (int64_t i = 0; i < rows->n; i++) {
    list->code[2 * i] = category->code[i];
    list->code[2 * i + 1] = 100 + (int32_t)((rows->begin + i) % 50);
    list->offset[i + 1] = 2 * (i + 1);
  }
  column_release(&category);
  return list;
}

static double target_of(const Planted *planted, int64_t i, double x) {
  Stream s = random_stream(SEED, "test/audit", 0);
  double own = random_uniform(&s, (uint64_t)recording_of(i), 0); /* what twins share */
  double y = 2 * x + 2 * own + (planted->sorted ? 6.0 * (double)i / N : 0);
  return planted->classes ? y > 2.9 : floor(8 * y);
}

static Table make_table(const Comm *comm, const Planted *planted) {
  Rows rows = rows_share(comm, N, BLOCK);
  Stream s = random_stream(SEED, "test/audit/x", 0);
  Table table;
  Column *x, *recording, *audio, *code, *wide, *y, *leak, *date;
  CHECK_OK(table_init(&table, &rows));
  CHECK_OK(column_new(&x, "x", COLUMN_REAL, rows.n, 0));
  CHECK_OK(column_new(&recording, "recording", COLUMN_INTEGER, rows.n, 0));
  CHECK_OK(column_new(&audio, "audio", COLUMN_REAL, rows.n, 0));
  CHECK_OK(column_new(&code, "code", COLUMN_INTEGER, rows.n, 0));
  CHECK_OK(column_new(&wide, "wide", COLUMN_REAL, rows.n, 0));
  CHECK_OK(column_new(&leak, "leak", COLUMN_REAL, rows.n, 0));
  CHECK_OK(column_new(&date, "date", COLUMN_DATE, rows.n, 0));
  CHECK_OK(column_new(&y, "y", planted->classes ? COLUMN_BOOLEAN : COLUMN_REAL, rows.n, 0));
  for (int64_t i = 0; i < rows.n; i++) {
    int64_t row = rows.begin + i;
    x->real[i] = random_uniform(&s, (uint64_t)row, 0);
    recording->integer[i] = recording_of(row);
    audio->real[i] = (double)audio_of(row);
    code->integer[i] = row % 7;
    wide->real[i] = 1e5 * random_uniform(&s, (uint64_t)row, 1);
    double target = target_of(planted, row, x->real[i]);
    leak->real[i] = planted->leak ? 100 - target : random_uniform(&s, (uint64_t)row, 2);
    date->date[i] =
        planted->dated ? 20000101 + (int32_t)(recording_of(row) % 20) * 10000 : MISSING_DATE;
    if (planted->classes)
      y->boolean[i] = (uint8_t)target;
    else
      y->real[i] = target;
  }
  Column *all[] = {words_of("id", &rows, id_of),
                   artists_of(&rows),
                   x,
                   recording,
                   audio,
                   code,
                   wide,
                   leak,
                   date,
                   y};
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) CHECK_OK(table_add(&table, all[k]));
  return table;
}

/* ---- running one ---- */

static char names[][12] = {"x", "code", "wide", "leak", "id", "audio"};
static char *features[] = {names[0], names[1], names[2], names[3], names[4]};

typedef struct Ran {
  Status status;
  Summary summary;
} Ran;

/* LINEAR: with a penalty and without standardising. FOREST: after a target encoding of id. */
typedef enum Learner { FOREST, LINEAR, CONSTANT } Learner;

static Ran run_audit(const Comm *comm, const Planted *planted, Learner learner, int64_t repeats) {
  Ran ran;
  char *audio[] = {names[5]};
  Table table = make_table(comm, planted);
  ForestOptions forest = case_forest(10);
  CaseRecipe recipe;
  void *options = NULL;
  case_recipe_init(&recipe, learner == FOREST ? names[4] : NULL, 1);
  CHECK_OK(memory_status(options = memory_get(1, linear_model.kind.options_size)));
  *(double *)case_option(&linear_model.kind, options, "l2") = 1;
  const Variant models[] = {[FOREST] = {&forest_model.kind, &forest},
                            [LINEAR] = {&linear_model.kind, options},
                            [CONSTANT] = {&constant_model.kind, NULL}};
  Spec spec = {.target = "y",
               .group = "recording",
               .features = {learner == FOREST ? 5 : 4, features},
               .steps = &recipe.steps,
               .model = &models[learner]};
  MeasureOptions measure = measure_options_default(SEED);
  measure.replicates = 50;
  AuditOptions audit = {.spec = &spec,
                        .id = "id",
                        .artist = "artists",
                        .audio = {1, audio},
                        .date = "date",
                        .by = "id",
                        .test = TEST,
                        .repeats = repeats,
                        .measure = &measure,
                        .seed = SEED};
  summary_init(&ran.summary, comm->rank == 0);
  ran.status = audit_all(comm, &table, &audit, NULL, &ran.summary);
  case_recipe_clear(&recipe);
  memory_free(&options);
  table_clear(&table);
  return ran;
}

static const SummaryTable *table_of(const Summary *summary, const char *name) {
  for (int64_t t = 0; t < summary->n_tables; t++)
    if (strcmp(summary->tables[t].name, name) == 0) return &summary->tables[t];
  CHECK(false);
  return NULL;
}

/* The verdict of a rule, by the beginning of its title. */
static const char *verdict(const Summary *summary, const char *rule) {
  const SummaryTable *rules = table_of(summary, "rules");
  for (int64_t i = 0; rules && i < rules->n_rows; i++)
    if (strncmp(rules->cells[3 * i].text, rule, strlen(rule)) == 0)
      return rules->cells[3 * i + 1].text;
  CHECK(false);
  return "";
}

static const char *finding(const Summary *summary, const char *rule) {
  const SummaryTable *rules = table_of(summary, "rules");
  for (int64_t i = 0; rules && i < rules->n_rows; i++)
    if (strncmp(rules->cells[3 * i].text, rule, strlen(rule)) == 0)
      return rules->cells[3 * i + 2].text;
  return "";
}

static bool noted(const Summary *summary, NoteLevel level, const char *text) {
  for (int64_t k = 0; k < summary->n_notes; k++)
    if (summary->notes[k].level == level && strstr(summary->notes[k].text, text)) return true;
  return false;
}

/* ---- shares of twins ---- */

/* Test rows with a twin in training, by looking at all pairs. */
static double share_by_hand(const uint8_t *role, int64_t (*key)(int64_t)) {
  int64_t test = 0, twins = 0;
  for (int64_t i = 0; i < N; i++) {
    bool found = false;
    if (role[i] != ROLE_VALIDATE) continue;
    for (int64_t k = 0; k < N; k++) found |= role[k] == ROLE_TRAIN && key(k) == key(i);
    test++;
    twins += found;
  }
  return (double)twins / (double)test;
}

static void check_shares(const Summary *summary, const Table *whole, const char *protocol,
                         const char *group) {
  Comm self = comm_self();
  static uint8_t role[N];
  DivisionCounts counts;
  Division division = {.group = group, .seed = SEED};
  CHECK_OK(division_split_all(&self, whole, &division, TEST, 0, role, &counts));
  CHECK_REAL(summary_find(summary, protocol, "same_id"), share_by_hand(role, id_of), 0);
  CHECK_REAL(summary_find(summary, protocol, "same_recording"), share_by_hand(role, recording_of),
             0);
  CHECK_REAL(summary_find(summary, protocol, "same_audio"), share_by_hand(role, audio_of), 0);
  CHECK_REAL(summary_find(summary, protocol, "same_artist"), share_by_hand(role, artist_of), 0);
}

static void test_twins(const Comm *comm) {
  const Planted planted = {.dated = true};
  Comm self = comm_self();
  Table whole = make_table(&self, &planted);
  Ran ran = run_audit(comm, &planted, FOREST, 1);
  CHECK_OK(ran.status);
  if (comm->rank == 0 && ran.status == OK) {
    check_shares(&ran.summary, &whole, "row", NULL);
    CHECK(summary_find(&ran.summary, "row", "same_id") > 0.3);
    CHECK_REAL(summary_find(&ran.summary, "id", "same_id"), 0, 0);
    CHECK(summary_find(&ran.summary, "id", "same_recording") > 0);
    CHECK_REAL(summary_find(&ran.summary, "recording", "same_recording"), 0, 0);
    CHECK_REAL(summary_find(&ran.summary, "artist", "same_artist"), 0, 0);
    CHECK_REAL(summary_find(&ran.summary, "temporal", "same_recording"), 0, 0);
    /* Twins share half of the target, which encodings of the id tell. */
    CHECK(summary_find(&ran.summary, "row", "r2") >
          summary_find(&ran.summary, "recording", "r2") + 0.1);
    CHECK_INTEGER(table_of(&ran.summary, "protocols")->n_rows, 5);
  }
  summary_clear(&ran.summary);
  table_clear(&whole);
}

/* ---- rules ---- */

static void test_honest(const Comm *comm) {
  Ran ran = run_audit(comm, &(Planted){.dated = true}, FOREST, 1);
  CHECK_OK(ran.status);
  if (comm->rank == 0 && ran.status == OK) {
    CHECK_TEXT(verdict(&ran.summary, "a feature determined"), "avoided");
    /* Equal audio joins recordings that their numbers keep apart. */
    CHECK_TEXT(verdict(&ran.summary, "twins"), "found");
    CHECK_TEXT(verdict(&ran.summary, "encoder"), "avoided");
    CHECK_TEXT(verdict(&ran.summary, "resampling"), "not applicable");
    CHECK_TEXT(verdict(&ran.summary, "test part used"), "avoided");
    CHECK_TEXT(verdict(&ran.summary, "model refitted"), "avoided");
    CHECK_TEXT(verdict(&ran.summary, "unscaled"), "clear");
    CHECK_TEXT(verdict(&ran.summary, "a nominal code"), "clear");
    CHECK_TEXT(verdict(&ran.summary, "a divisor"), "clear");
    CHECK_TEXT(verdict(&ran.summary, "a scorer"), "avoided");
    CHECK_TEXT(verdict(&ran.summary, "no better"), "clear");
    CHECK_TEXT(verdict(&ran.summary, "a class that dies"), "avoided");
    CHECK_TEXT(verdict(&ran.summary, "a metric on part"), "clear");
    CHECK_TEXT(verdict(&ran.summary, "folds of a sorted"), "clear");
    CHECK(strstr(finding(&ran.summary, "encoder"), "same bits") != NULL);
    CHECK(strstr(finding(&ran.summary, "a scorer"), "same bits") != NULL);
    CHECK(noted(&ran.summary, NOTE_WARNING, "Found twins across the split"));
    CHECK(!noted(&ran.summary, NOTE_WARNING, "scorer"));
  }
  summary_clear(&ran.summary);
}

static void test_planted(const Comm *comm) {
  Ran ran = run_audit(comm, &(Planted){.leak = true, .sorted = true}, LINEAR, 1);
  CHECK_OK(ran.status);
  if (comm->rank == 0 && ran.status == OK) {
    CHECK_TEXT(verdict(&ran.summary, "a feature determined"), "found");
    CHECK(strstr(finding(&ran.summary, "a feature determined"), "\"leak\" (") != NULL);
    CHECK_TEXT(verdict(&ran.summary, "unscaled"), "found");
    CHECK(strstr(finding(&ran.summary, "unscaled"), "\"wide\"") != NULL);
    CHECK_TEXT(verdict(&ran.summary, "a nominal code"), "found");
    CHECK(strstr(finding(&ran.summary, "a nominal code"), "\"code\" (7 values)") != NULL);
    CHECK_TEXT(verdict(&ran.summary, "encoder"), "clear"); /* no step learns */
    CHECK_TEXT(verdict(&ran.summary, "folds of a sorted"), "avoided");
    CHECK(!isnan(summary_find(&ran.summary, "file_order", "r2")));
    /* No row has a date: the protocol is left out, and said to be. */
    CHECK(isnan(summary_find(&ran.summary, "temporal", "r2")));
    CHECK(noted(&ran.summary, NOTE_INFO, "The protocol \"in time\" is left out"));
  }
  summary_clear(&ran.summary);
}

static void test_classes(const Comm *comm) {
  Ran ran = run_audit(comm, &(Planted){.classes = true, .dated = true}, FOREST, 3);
  CHECK_OK(ran.status);
  if (comm->rank == 0 && ran.status == OK) {
    CHECK_TEXT(verdict(&ran.summary, "resampling"), "avoided");
    CHECK(!isnan(summary_find(&ran.summary, "row", "auc")));
    CHECK(summary_find(&ran.summary, "row", "auc_sd") > 0); /* three draws */
    CHECK(isnan(summary_find(&ran.summary, "temporal", "auc_sd")));
    const SummaryTable *careless = table_of(&ran.summary, "careless");
    bool balanced = false;
    for (int64_t i = 0; careless && i < careless->n_rows; i++)
      balanced |= strstr(careless->cells[i * careless->n_columns].text, "balanced before") != NULL;
    CHECK(balanced);
  }
  summary_clear(&ran.summary);
}

/* Half of the rows of a balanced table are of either class, on both sides of a split. */
static void test_balance(const Comm *comm) {
  Ran ran = run_audit(comm, &(Planted){.classes = true}, CONSTANT, 1);
  CHECK_OK(ran.status);
  if (comm->rank == 0 && ran.status == OK) {
    const SummaryTable *careless = table_of(&ran.summary, "careless");
    double accuracy[2] = {NAN, NAN}; /* balanced before the split, in training alone */
    for (int64_t i = 0; careless && i < careless->n_rows; i++) {
      const Cell *row = &careless->cells[i * careless->n_columns];
      if (strstr(row[0].text, "classes balanced before")) accuracy[0] = row[4].real;
      if (strstr(row[0].text, "training rows balanced")) accuracy[1] = row[4].real;
    }
    CHECK_REAL(accuracy[0], 0.5, 0.2);
    CHECK(accuracy[1] > 0.75 || accuracy[1] < 0.25); /* test rows as they come */
    CHECK(summary_find(&ran.summary, "recording", "accuracy") > 0.75);
  }
  summary_clear(&ran.summary);
}

/* ---- bins ---- */

/* Three columns: values that tell the target, the same with every second row mistaken, noise. */
static void test_determined(const Comm *comm, int64_t classes) {
  enum { D = 3, VALUES = 6 };
  Rows rows = rows_share(comm, N, BLOCK);
  Matrix x = {0}, other = {0};
  double *y = NULL, told[D];
  Stream s = random_stream(SEED, "test/determined", 0);
  CHECK_OK(matrix_init(&x, &rows, D));
  CHECK_OK(matrix_init(&other, &rows, D));
  CHECK_OK(NEW(&y, rows.n));
  for (int64_t i = 0; i < rows.n; i++) {
    uint64_t row = (uint64_t)(rows.begin + i);
    int64_t value = random_integer(&s, row, 0, VALUES);
    double noise = random_uniform(&s, row, 1);
    y[i] = classes > 0 ? (double)(value % classes) : (double)(value * value % 5);
    matrix_column(&x, 0)[i] = matrix_column(&other, 0)[i] = value == 3 ? NAN : (double)value;
    matrix_column(&x, 1)[i] = (double)((value + (noise < 0.5)) % VALUES);
    matrix_column(&other, 1)[i] = (double)((value + (noise < 0.5)) % VALUES);
    matrix_column(&x, 2)[i] = matrix_column(&other, 2)[i] = random_uniform(&s, row, 2);
  }
  CHECK_OK(determined_all(comm, &(DeterminedRows){&x, y}, &(DeterminedRows){&other, y}, classes,
                          255, told));
  CHECK(told[0] > (classes > 0 ? 0.95 : 1 - 1e-12));
  CHECK(told[1] > 0.1 && told[1] < 0.9);
  CHECK(told[2] < 0.3); /* its few rows a bin remember a little of themselves */
  if (classes == 0) {   /* by hand: column 1 has six values, each a bin */
    double sum[VALUES + 1][3] = {{0}}, errors = 0, total = 0;
    for (int64_t i = 0; i < N; i++) {
      int64_t value = random_integer(&s, (uint64_t)i, 0, VALUES);
      int64_t b = (value + (random_uniform(&s, (uint64_t)i, 1) < 0.5)) % VALUES;
      double target = (double)(value * value % 5);
      for (int64_t into = b; into <= VALUES; into += VALUES - b) {
        sum[into][0]++;
        sum[into][1] += target;
        sum[into][2] += target * target;
      }
    }
    for (int b = 0; b < VALUES; b++) errors += sum[b][2] - sum[b][1] * sum[b][1] / sum[b][0];
    total = sum[VALUES][2] - sum[VALUES][1] * sum[VALUES][1] / sum[VALUES][0];
    CHECK_REAL(told[1], 1 - errors / total, 1e-12);
  }
  memory_free(&y);
  matrix_clear(&x);
  matrix_clear(&other);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm comm = comm_world();
  test_determined(&comm, 0);
  test_determined(&comm, 3);
  test_twins(&comm);
  test_honest(&comm);
  test_planted(&comm);
  test_classes(&comm);
  test_balance(&comm);
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("audit");
  if (failed) fprintf(stderr, "seed %llu\n", (unsigned long long)SEED);
  MPI_Finalize();
  return failed;
}
