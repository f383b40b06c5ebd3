/* Runs in this process, on one rank: what is reused, forced, resumed and made again, what a damaged
 * or foreign folder does, and that memory is given back. */
#include <fcntl.h>
#include <sys/stat.h>

#include "io/store.h"
#include "kernels/base/fault.h"
#include "pipeline/run_folder.h"
#include "pipeline/sink.h"
#include "run_case.h"

#define HEAD "{\"name\": \"x\", \"block\": 16, \"stages\": {"
#define TRACKS(name) "\"" name "\": {\"kind\": \"synthesize\", \"rows\": 300},"
#define SPLIT(input) "\"split\": {\"kind\": \"split\", \"input\": \"" input "\"},"
#define TRAIN(trees)                                                                    \
  "\"model\": {\"kind\": \"train\", \"input\": \"split\", \"target\": \"popularity\", " \
  "\"group\": null, \"features\": [\"energy\", \"tempo\"], \"model\": {\"kind\": "      \
  "\"forest\", \"trees\": " trees "}},"
#define TAIL "\"report\": {\"kind\": \"report\"}}}"

static const char base[] = HEAD TRACKS("tracks") SPLIT("tracks") TRAIN("4") TAIL;
static const char all_done[] = "tracks done, split done, model done, report done";
static const char all_reused[] = "tracks reused, split reused, model reused, report done";

/* Content hashes of all stages, as they stand in the manifest and in the files. */
static void contents(char text[4][33]) {
  Manifest manifest;
  CHECK_OK(case_manifest("manifest.json", &manifest));
  memset(text, 0, 4 * sizeof *text);
  for (int64_t i = 0; i < 4; i++) {
    const char *content = i < manifest.n_stages ? manifest.stages[i].content : NULL;
    snprintf(text[i], 33, "%s", content ? content : "none");
  }
  manifest_clear(&manifest);
}

/* Every artifact of the complete run can be read and holds what the manifest says. */
static void check_artifacts(void) {
  Comm self = comm_self();
  Manifest manifest;
  CHECK_OK(case_manifest("manifest.json", &manifest));
  for (int64_t i = 0; i < manifest.n_stages; i++) {
    const ManifestStage *stage = &manifest.stages[i];
    char path[1024], digits[33];
    StoreTexts texts = {0};
    Fields fields;
    Rows rows;
    Hash hash = hash_zero();
    if (!stage->file) continue;
    fields_init(&fields, FIELDS_IN);
    snprintf(path, sizeof path, "%s/run/%s", case_folder, stage->file);
    CHECK_OK(store_read_all(&self, path, &texts, &fields, &rows));
    CHECK_OK(store_hash_all(&self, &fields, &rows, &hash));
    hash_text(&hash, digits);
    CHECK_TEXT(stage->content, digits);
    CHECK_TEXT(store_text(&texts, "content"), digits);
    CHECK(stage->ranks == 1 && stage->seconds > 0);
    store_texts_clear(&texts);
    fields_clear(&fields);
  }
  manifest_clear(&manifest);
}

static void test_reuse(void) {
  char before[4][33], after[4][33];
  CHECK_OK(case_run(base, NULL));
  CHECK_TEXT(case_states(), all_done);
  check_artifacts();
  contents(before);
  CHECK_TEXT(before[3], "none"); /* a report is no artifact */
  CHECK_OK(case_run(base, NULL));
  CHECK_TEXT(case_states(), all_reused);
  check_artifacts(); /* times and contents are carried over */
  contents(after);
  CHECK(memcmp(before, after, sizeof before) == 0);
  CHECK(!file_exists(case_path("run/attempt.json")));
  CHECK(!file_exists(case_path("run/owner.json")));
  CHECK(!file_exists(case_path("run/units")));
  CHECK(file_exists(case_path("run/report.html")));
}

static void test_force(void) {
  CHECK_OK(case_run(base, "split"));
  CHECK_TEXT(case_states(), "tracks reused, split done, model done, report done");
  CHECK_INTEGER(case_run(base, "splitt"), INVALID);
  CHECK_MESSAGE("--force splitt");
  CHECK_MESSAGE("\"split\"");
}

/* One stage's options change: it and what uses it are made, the old file goes away. */
static void test_change(void) {
  char old[1024];
  snprintf(old, sizeof old, "%s", case_artifact("model"));
  CHECK_OK(case_run(HEAD TRACKS("tracks") SPLIT("tracks") TRAIN("5") TAIL, NULL));
  CHECK_TEXT(case_states(), "tracks reused, split reused, model done, report done");
  CHECK(!file_exists(old));
  CHECK_OK(case_run(base, NULL));
  CHECK_TEXT(case_states(), "tracks reused, split reused, model done, report done");
}

/* A stage is renamed: split's artifact links to columns in the file of the old name, which is none
 * of the run any more. */
static void test_rename(void) {
  CHECK_OK(case_run(HEAD TRACKS("songs") SPLIT("songs") TRAIN("4") TAIL, NULL));
  CHECK_TEXT(case_states(), "songs done, split done, model reused, report done");
  check_artifacts();
  CHECK(!file_exists(case_path("run/stages/tracks.h5")));
  CHECK_OK(case_run(base, NULL));
  check_artifacts();
}

/* A failing attempt of another config leaves the complete run and what is known of it. */
static void test_failing_between(void) {
  char before[4][33], after[4][33];
  contents(before);
  case_write("bad.csv", "x\n1\noops\n");
  char json[2048];
  snprintf(json, sizeof json,
           HEAD
           "\"rows\": {\"kind\": \"read_csv\", \"path\": \"%s\", \"columns\": {\"x\": "
           "\"real\"}}," TAIL,
           case_path("bad.csv"));
  CHECK_INTEGER(case_run(json, NULL), FORMAT);
  CHECK_MESSAGE("stage \"rows\"");
  CHECK(file_exists(case_path("run/attempt.json")));
  CHECK_TEXT(case_states(), "tracks reused, split done, model done, report done");
  CHECK_OK(case_run(base, NULL));
  CHECK_TEXT(case_states(), all_reused);
  check_artifacts();
  contents(after);
  CHECK(memcmp(before, after, sizeof before) == 0);
}

static void cut(const char *path) {
  struct stat info;
  CHECK(stat(path, &info) == 0);
  CHECK(truncate(path, info.st_size / 2) == 0);
}

/* Change a byte of the largest data of a file: near its middle. */
static void flip(const char *path) {
  char *bytes = NULL;
  int64_t n = 0;
  CHECK_OK(file_read(path, &bytes, &n));
  for (int64_t i = n / 2; i < n / 2 + 64 && i < n; i++) bytes[i] = (char)(bytes[i] ^ 0x55);
  CHECK_OK(file_write(path, bytes, n));
  memory_free(&bytes);
}

static void test_damage(void) {
  char before[4][33], after[4][33], path[1024];
  contents(before);
  /* Cut off, foreign, removed: made again, and nothing else, as the content is the same. */
  cut(case_artifact("split"));
  CHECK_OK(case_run(base, NULL));
  CHECK_TEXT(case_states(), "tracks reused, split done, model reused, report done");
  snprintf(path, sizeof path, "%s", case_artifact("tracks"));
  CHECK_OK(file_write(path, "not HDF5", 8));
  CHECK_OK(case_run(base, NULL));
  CHECK_TEXT(case_states(), "tracks done, split reused, model reused, report done");
  check_artifacts(); /* also split's links into the new file */
  unlink(case_artifact("model"));
  CHECK_OK(case_run(base, NULL));
  CHECK_TEXT(case_states(), "tracks reused, split reused, model done, report done");
  /* Damage inside the data shows when it is loaded: tracks' columns through split's links. */
  flip(case_artifact("tracks"));
  CHECK_OK(case_run(base, "model"));
  check_artifacts();
  contents(after);
  CHECK(memcmp(before, after, sizeof before) == 0);
  /* The manifests may be lost too: only times go with them. */
  unlink(case_path("run/manifest.json"));
  CHECK_OK(case_run(base, NULL));
  CHECK_TEXT(case_states(), all_reused);
  contents(after);
  CHECK(memcmp(before, after, sizeof before) == 0);
  case_write("run/manifest.json", "{ garbage");
  CHECK_OK(case_run(base, NULL));
  contents(after);
  CHECK(memcmp(before, after, sizeof before) == 0);
}

/* Files that people keep in the folder stay; leftovers of killed attempts go. */
static void test_other_files(void) {
  CHECK(mkdir(case_path("run/units"), 0777) == 0);
  CHECK(mkdir(case_path("run/units/model-0123456789abcdef"), 0777) == 0);
  case_write("run/units/model-0123456789abcdef/fit-000001.unit", "x");
  case_write("run/units/mine.txt", "x");
  case_write("run/stages/notes.txt", "x");
  const struct timespec long_ago[2] = {{.tv_sec = 1000}, {.tv_sec = 1000}};
  case_write("run/owner.json.new-4711", "x");
  CHECK(utimensat(AT_FDCWD, case_path("run/owner.json.new-4711"), long_ago, 0) == 0);
  case_write("run/owner.json.new-4712", "x"); /* of one that waits */
  case_write("run/stages/mine.h5", "x");
  case_write("run/stages/old-0123456789abcdef.h5", "x");
  case_write("run/stages/old-0123456789abcdef.h5.tmp", "x");
  CHECK_OK(file_link(case_path("run/stages/old.h5"), "old-0123456789abcdef.h5"));
  CHECK_OK(file_link(case_path("run/stages/theirs.h5"), "../config.json"));
  CHECK_OK(case_run(base, NULL));
  CHECK(file_exists(case_path("run/units/mine.txt")));
  CHECK(file_exists(case_path("run/stages/notes.txt")));
  CHECK(!file_exists(case_path("run/owner.json.new-4711")));
  CHECK(file_exists(case_path("run/owner.json.new-4712")));
  CHECK(file_exists(case_path("run/stages/mine.h5")));
  CHECK(file_exists(case_path("run/stages/theirs.h5")));
  CHECK(!file_exists(case_path("run/units/model-0123456789abcdef")));
  CHECK(!file_exists(case_path("run/stages/old-0123456789abcdef.h5")));
  CHECK(!file_exists(case_path("run/stages/old-0123456789abcdef.h5.tmp")));
  char target[64];
  CHECK(readlink(case_path("run/stages/old.h5"), target, sizeof target) < 0);
}

/* A folder with a config of somebody's own is not taken for a run. */
static void test_foreign_folder(void) {
  RunFolder folder;
  CHECK_OK(run_folder_init(&folder, case_folder, "x"));
  CHECK_INTEGER(run_folder_check(&folder), INVALID); /* holds config.json of the tests */
  CHECK_MESSAGE("config.json");
  CHECK_OK(run_folder_init(&folder, NULL, "x"));
  CHECK_TEXT(folder.path, "runs/x");
  CHECK_INTEGER(run_folder_init(&folder, "", "x"), INVALID);
  char *name = NULL;
  CHECK_OK(NEW(&name, 5001));
  memset(name, 'n', 5000);
  CHECK_INTEGER(run_folder_init(&folder, name, "x"), INVALID);
  memory_free(&name);
}

/* The file is one line that ends so. */
static void check_event(const char *path, const char *end) {
  char *text = NULL;
  int64_t n = 0;
  CHECK_OK(file_read(path, &text, &n));
  if (!text) return;
  size_t tail = strlen(end);
  CHECK((size_t)n > tail && strcmp(text + (size_t)n - tail, end) == 0);
  CHECK(strchr(text, '\n') == text + n - 1);
  memory_free(&text);
}

/* Units of an attempt that did not end are found again, but for damaged ones. */
static void test_units(void) {
  Terminal terminal = {0};
  RunSink sink;
  Fields out, in;
  double value = 0.1;
  snprintf(sink.folder, sizeof sink.folder, "%s", case_path("made/units"));
  char folder[PATH_MAX];
  snprintf(folder, sizeof folder, "%s", sink.folder);
  sink_init(&sink, &terminal, folder);
  fields_init(&out, FIELDS_OUT);
  CHECK_OK(fields_real(&out, "value", &value));
  sink.sink.phase(&sink.sink, "fold 1 of 2");
  WorkNumber told[] = {{"training_loss", 0.5}, {"validation_loss", NAN}};
  work_tell(&sink.sink, 3, told, 2); /* to nobody */
  sink_events(&sink, case_path("made"), "boosted");
  CHECK_OK(file_make_folder(case_path("made")));
  work_tell(&sink.sink, 4, told, 2);
  check_event(case_path("made/events.jsonl"),
              "\"event\":\"progress\",\"stage\":\"boosted\",\"phase\":\"fold-1-of-2\","
              "\"done\":4,\"training_loss\":0.5}\n");
  CHECK(!sink.sink.tick(&sink.sink, 7, 1, 10, &out));
  CHECK(file_exists(case_path("made/units/fold-1-of-2-000007.unit")));
  CHECK(sink.sink.find(&sink.sink, 7, &in));
  value = 0;
  CHECK_OK(fields_real(&in, "value", &value));
  CHECK_REAL(value, 0.1, 0);
  fields_clear(&in);
  CHECK(!sink.sink.find(&sink.sink, 8, &in));
  sink.sink.phase(&sink.sink, "fold 2 of 2"); /* numbers of another phase are other units */
  CHECK(!sink.sink.find(&sink.sink, 7, &in));
  sink.sink.phase(&sink.sink, "fold 1 of 2");
  cut(case_path("made/units/fold-1-of-2-000007.unit"));
  CHECK(!sink.sink.find(&sink.sink, 7, &in));
  /* A unit that cannot be saved is told, and costs nothing else. */
  fault_arm(FAULT_WRITE, 1, false);
  CHECK(!sink.sink.tick(&sink.sink, 9, 1, 10, &out));
  fault_arm(FAULT_WRITE, 0, false);
  CHECK_INTEGER(sink.failed, IO);
  CHECK(strstr(sink.message, "injected") != NULL);
  fields_clear(&out);
}

/* Many a write of a run fails once (the first is the test's own): an error, nothing lost, and the
 * next run goes on. */
static void test_write_faults(void) {
  char want[4][33], got[4][33];
  contents(want);
  int64_t failures = 0;
  for (int64_t nth = 2; nth < 40; nth += 3) {
    fault_arm(FAULT_WRITE, nth, false);
    Status status = case_run(base, "tracks");
    fault_arm(FAULT_WRITE, 0, false);
    if (status != OK) {
      failures++;
      CHECK_INTEGER(status, IO);
      CHECK(file_exists(case_path("run/manifest.json")));
    }
    CHECK(!file_exists(case_path("run/owner.json")));
    CHECK_OK(case_run(base, NULL));
    contents(got);
    CHECK(memcmp(want, got, sizeof want) == 0);
  }
  CHECK(failures > 5);
}

/* A column that no split made: which rows may be looked at is not known. */
static void test_folds_of_no_split(void) {
  char json[2048];
  case_write("parts.csv", "x,part\n1,a\n2,\n3,a\n4,\n5,b\n6,\n7,a\n8,\n");
  snprintf(json, sizeof json,
           "{\"name\": \"x\", \"stages\": {\"rows\": {\"kind\": \"read_csv\", \"path\": \"%s\", "
           "\"columns\": {\"x\": \"real\", \"part\": \"category\"}}, \"folds\": {\"kind\": "
           "\"folds\", \"input\": \"rows\", \"split\": \"part\", \"folds\": 2}}}",
           case_path("parts.csv"));
  CHECK_INTEGER(case_run(json, NULL), INVALID);
  CHECK_MESSAGE("column \"part\" has no part \"train\"");
}

static void test_long_names(void) {
  char json[2048], name[65];
  memset(name, 'n', 64);
  name[64] = 0;
  snprintf(json, sizeof json,
           "{\"name\": \"%s\", \"stages\": {\"%s\": {\"kind\": \"synthesize\", \"rows\": 20}}}",
           name, name);
  CHECK_OK(case_run(json, NULL));
  CHECK_OK(case_run(json, NULL));
  char want[128];
  snprintf(want, sizeof want, "%s reused", name);
  CHECK_TEXT(case_states(), want);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  case_begin();
  test_reuse();
  test_force();
  test_change();
  test_rename();
  test_force();
  test_failing_between();
  test_damage();
  test_other_files();
  test_foreign_folder();
  test_units();
  test_write_faults();
  test_folds_of_no_split();
  test_long_names();
  case_end();
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("run");
  MPI_Finalize();
  return result;
}
