/* The audit as a stage: it is kept and used again, and what it cannot do it says by the option. */
#include "run_case.h"

enum { ROWS = 80 };

static void write_rows(bool one_class) {
  static char text[ROWS * 64];
  int used = snprintf(text, sizeof text, "id,who,x,n,y,hit,when,never\n");
  for (int i = 0; i < ROWS; i++)
    used += snprintf(text + used, sizeof text - (size_t)used, "t%d,w%d,%d.5,%d,%d,%s,20%02d-01,\n",
                     i / 2, i % 9, i * 37 % 61, i % 5, i * 53 % 47,
                     one_class || i % 3 ? "true" : "false", i % 20);
  case_write("rows.csv", text);
}

/* An audit of a model with more options; the status and message are the caller's to check. */
static Status run_model(const char *model, const char *more) {
  static char json[4096];
  snprintf(json, sizeof json,
           "{\"name\": \"t\", \"seed\": 3, \"block\": 4, \"stages\": {\n"
           "\"rows\": {\"kind\": \"read_csv\", \"path\": \"%s\", \"columns\": {\"id\": \"text\",\n"
           "  \"who\": \"category\", \"x\": \"real\", \"n\": \"integer\", \"y\": \"real\",\n"
           "  \"hit\": \"boolean\", \"when\": \"date\", \"never\": \"date\"}},\n"
           "\"clean\": {\"kind\": \"clean\", \"input\": \"rows\", \"duplicates\": \"keep\",\n"
           "  \"recording\": [[\"id\"]]},\n"
           "\"split\": {\"kind\": \"split\", \"input\": \"clean\", \"method\": \"row\"},\n"
           "\"audit\": {\"kind\": \"audit\", \"input\": \"split\", \"features\": [\"x\", \"n\"],\n"
           "  \"model\": {\"kind\": \"%s\"}%s},\n"
           "\"report\": {\"kind\": \"report\"}}}",
           case_path("rows.csv"), model, more);
  return case_run(json, NULL);
}

static Status run(const char *more) { return run_model("linear", more); }

/* report.json of the last run holds this. */
static bool told(const char *part) {
  char *text = NULL;
  int64_t n = 0;
  CHECK_OK(file_read(case_path("run/report.json"), &text, &n));
  bool found = text && strstr(text, part);
  memory_free(&text);
  return found;
}

static void test_refusals(void) {
  static const struct {
    const char *more, *message;
  } cases[] = {
      {", \"target\": \"z\"", "target: column \"z\""},
      {", \"target\": \"y\", \"id\": \"ids\"", "id: column \"ids\" is not in the table"},
      {", \"target\": \"y\", \"artist\": \"x\"", "artist: column \"x\" is a real"},
      {", \"target\": \"y\", \"audio\": [\"x\", \"who\"]", "audio: column \"who\" is a category"},
      {", \"target\": \"y\", \"audio\": [\"xx\"]", "audio: column \"xx\""},
      {", \"target\": \"y\", \"date\": \"who\"", "date: column \"who\" is a category"},
      {", \"target\": \"y\", \"group\": \"who\"", "group: column \"who\" is a category"},
      {", \"target\": \"y\", \"by\": \"x\"", "by: column \"x\" is a real"},
      {", \"target\": \"y\", \"repeats\": 0", "repeats"},
      {", \"target\": \"hit\"", "model: a linear cannot do a classification"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    CHECK_INTEGER(run(cases[k].more), INVALID);
    CHECK_MESSAGE(cases[k].message);
  }
}

/* What `segue hash` tells of the audit. */
static void audit_content(char digits[33]) {
  Manifest manifest = {0};
  CHECK_OK(case_manifest("manifest.json", &manifest));
  const ManifestStage *audit = manifest_find(&manifest, "audit");
  CHECK(audit && audit->content);
  snprintf(digits, 33, "%s", audit && audit->content ? audit->content : "");
  manifest_clear(&manifest);
}

/* The hash covers what was found: other findings, another hash. */
static void test_content(void) {
  char linear[33], constant[33], again[33];
  const char *job = ", \"target\": \"y\", \"id\": \"id\"";
  CHECK_OK(run(job));
  audit_content(linear);
  CHECK_OK(run_model("constant", job));
  audit_content(constant);
  CHECK_OK(run(job));
  audit_content(again);
  CHECK(strspn(linear, "0") < 32 && strcmp(linear, constant) != 0);
  CHECK_TEXT(again, linear);
}

static void test_runs(void) {
  const char *job = ", \"target\": \"y\", \"id\": \"id\", \"artist\": \"who\", \"date\": \"never\"";
  CHECK_OK(run(job));
  CHECK(told("The protocol \\\"in time\\\" is left out"));
  CHECK(told("different dates")); /* and why */
  CHECK_OK(run(job));
  CHECK(strstr(case_states(), "audit reused") != NULL);
  CHECK(told("a feature determined by the target")); /* also of a stage that was used again */
}

/* The job's own split is audited as it stands: one by row has twins on both sides. */
static void test_own_split(void) {
  CHECK_OK(run(", \"target\": \"y\", \"split\": \"split\", \"id\": \"id\""));
  CHECK(told("Found twins across the split"));
  CHECK_INTEGER(run(", \"target\": \"y\", \"split\": \"who\""), INVALID);
  CHECK_MESSAGE("has no part \"train\"");
}

/* Copies of rare rows on both sides of a split: what the audit shows of a job that resamples. */
static void test_resampling(void) {
  CHECK_OK(run_model("logistic",
                     ", \"target\": \"hit\", \"resample\": {\"kind\": \"smote\", "
                     "\"standardise\": false}"));
  CHECK(told("the job's resampling before the split"));
  CHECK(told("Training rows alone are resampled (smote)"));
  CHECK(!told("classes balanced before"));
  CHECK_INTEGER(run(", \"target\": \"y\", \"resample\": {\"kind\": \"smote\"}"), INVALID);
  CHECK_MESSAGE("resample: smote is for a classification");
}

static void test_one_class(void) {
  write_rows(true);
  CHECK_INTEGER(run_model("logistic", ", \"target\": \"hit\""), INVALID);
  CHECK_MESSAGE("all training rows are of one class");
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  case_begin();
  write_rows(false);
  test_refusals();
  test_runs();
  test_content();
  test_own_split();
  test_resampling();
  test_one_class();
  case_end();
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("audit");
  MPI_Finalize();
  return failed;
}
