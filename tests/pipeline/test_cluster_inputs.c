/* Stages that cluster, given what they cannot use: each says what is wrong, which option it is and
 * what to do, or does what its help says. */
#include "io/store.h"
#include "pipeline/artifact.h"
#include "run_case.h"

enum { ROWS = 1200 };

/* x and z vary, same is constant, few has two values, hole misses one. */
static void write_rows(void) {
  static char text[ROWS * 40];
  int used = snprintf(text, sizeof text, "x,z,same,few,hole\n");
  for (int i = 0; i < ROWS; i++)
    used += snprintf(text + used, sizeof text - (size_t)used, "%d,%d,7,%d,%.*s\n", i * 37 % 1009,
                     i * i % 997, i % 2, i != 9, "5");
  case_write("rows.csv", text);
}

static Status run(const char *kind, const char *features, const char *more) {
  static char json[2048];
  snprintf(
      json, sizeof json,
      "{\"name\": \"t\", \"seed\": 3, \"block\": 64, \"stages\": {\n"
      "\"rows\": {\"kind\": \"read_csv\", \"path\": \"%s\",\n"
      "  \"columns\": {\"x\": \"real\", \"z\": \"real\", \"same\": \"real\",\n"
      "  \"few\": \"real\", \"hole\": \"real\"}},\n"
      "\"found\": {\"kind\": \"%s\", \"input\": \"rows\", \"group\": null, \"column\": \"label\",\n"
      "  \"features\": [%s]%s}}}",
      case_path("rows.csv"), kind, features, more);
  return case_run(json, "found");
}

/* The summary of the last run; the caller clears both. */
static void take(Artifact *artifact, StoreTexts *texts) {
  Comm self = comm_self();
  *artifact = (Artifact){.type = PORT_TABLE};
  *texts = (StoreTexts){0};
  summary_init(&artifact->summary, true);
  CHECK_OK(artifact_read_all(&self, case_path("run/stages/found.h5"), artifact, texts));
}

static void check_note(const char *part) {
  Artifact artifact;
  StoreTexts texts;
  bool found = false;
  take(&artifact, &texts);
  for (int64_t i = 0; i < artifact.summary.n_notes; i++)
    found |= strstr(artifact.summary.notes[i].text, part) != NULL;
  CHECK(found);
  if (!found) fprintf(stderr, "  no note says \"%s\"\n", part);
  artifact_clear(&artifact);
  store_texts_clear(&texts);
}

static double metric(const char *name) {
  Artifact artifact;
  StoreTexts texts;
  take(&artifact, &texts);
  double value = summary_find(&artifact.summary, "all", name);
  artifact_clear(&artifact);
  store_texts_clear(&texts);
  return value;
}

static void test_missing(void) {
  static const char *const kinds[] = {"kmeans", "ward", "dbscan"};
  char message[128];
  for (int k = 0; k < 3; k++) {
    CHECK_INTEGER(run(kinds[k], "\"x\", \"hole\"", ""), NUMERIC);
    snprintf(message, sizeof message, "%s: \"hole\" is missing in row 9", kinds[k]);
    CHECK_MESSAGE(message);
  }
}

static void test_too_many(void) {
  CHECK_INTEGER(run("kmeans", "\"x\"", ", \"k\": 1201"), INVALID);
  CHECK_MESSAGE("k is 1201, and there are 1200 rows; k can be at most as many");
  CHECK_INTEGER(run("ward", "\"x\"", ", \"k\": 1201"), INVALID);
  CHECK_MESSAGE("k: there are 1200 rows, and no more clusters");
  CHECK_INTEGER(run("kmeans", "\"x\"", ", \"k\": 2, \"k_to\": 301"), INVALID);
  CHECK_MESSAGE("1200 rows are too few to choose among up to 301 clusters");
  CHECK_INTEGER(run("kmeans", "\"x\"", ", \"k\": 5, \"k_to\": 4"), INVALID);
  CHECK_MESSAGE("k_to: it lies below k");
  CHECK_INTEGER(run("ward", "\"x\"", ", \"k\": 5, \"height\": 4"), INVALID);
  CHECK_MESSAGE("k: give either a number of clusters (k) or a height");
  CHECK_INTEGER(run("dbscan", "\"x\"", ", \"min_samples\": 1201"), INVALID);
  CHECK_MESSAGE("min_samples is 1201 and there are 1200 rows");
  CHECK_INTEGER(run("ward", "\"x\"", ", \"linkage\": \"single\""), INVALID);
  CHECK_MESSAGE("\"complete\"");
}

/* Six hundred equal rows twice; a constant column beside them does nothing. */
static void test_equal_rows(void) {
  CHECK_OK(run("kmeans", "\"few\", \"same\"", ", \"k\": 5"));
  check_note("3 of 5 clusters are empty: there are only 2 distinct rows");
  CHECK_REAL(metric("inertia"), 0, 0);
  CHECK_OK(run("ward", "\"few\", \"same\"", ", \"k\": 2"));
  check_note("1198 rows are equal to one before them");
  CHECK_OK(run("ward", "\"few\"", ", \"linkage\": \"complete\", \"height\": 0"));
  CHECK_REAL(metric("clusters"), 2, 0);
  CHECK_REAL(metric("last_merge"), 2, 1e-12); /* 0 and 1, scaled to deviation 1 */
  CHECK_OK(run("dbscan", "\"few\", \"same\"", ""));
  CHECK_REAL(metric("noise"), 0, 0);
}

static void test_constant(void) {
  CHECK_OK(run("kmeans", "\"same\"", ", \"k\": 2"));
  check_note("1 of 2 clusters are empty: there are only 1 distinct rows");
  CHECK_OK(run("ward", "\"same\"", ""));
  CHECK_REAL(metric("last_merge"), 0, 0);
  CHECK_OK(run("dbscan", "\"same\"", ""));
  CHECK_REAL(metric("clusters"), 1, 0);
}

static void test_eps(void) {
  CHECK_OK(run("dbscan", "\"x\", \"z\"", ", \"eps\": 0, \"min_samples\": 2"));
  check_note("No row is a core, so all are noise: raise eps (0 now) or lower min_samples");
  CHECK_OK(run("dbscan", "\"few\"", ", \"eps\": 0"));
  CHECK_REAL(metric("clusters"), 2, 0);
  CHECK_OK(run("dbscan", "\"x\", \"z\"", ", \"eps\": 1e150"));
  CHECK_REAL(metric("clusters"), 1, 0);
  check_note("One cluster holds 100.0 % of the rows");
  CHECK_INTEGER(run("dbscan", "\"x\"", ", \"eps\": -1"), INVALID);
  CHECK_MESSAGE("eps");
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  case_begin();
  write_rows();
  test_missing();
  test_too_many();
  test_equal_rows();
  test_constant();
  test_eps();
  case_end();
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("cluster_inputs");
  MPI_Finalize();
  return failed;
}
