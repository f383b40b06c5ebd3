/* Weights of rows from a config: weight 2 is the row twice; what is no weight is refused. */
#include "run_case.h"

enum { ROWS = 60 };

/* Rows of few distinct values, so that cuts of bins do not depend on repetition. repeat: a row of
 * weight k stands k times instead. */
static void write_rows(bool repeat) {
  static char text[ROWS * 4 * 40];
  int used = snprintf(text, sizeof text, "x,z,y,w,genre,note\n");
  for (int i = 0; i < ROWS; i++) {
    int weight = 1 + i % 3;
    for (int copy = 0; copy < (repeat ? weight : 1); copy++)
      used += snprintf(text + used, sizeof text - (size_t)used, "%d,%d,%d,%d,%c,n\n", i * 7 % 11,
                       i * 5 % 6, i * i % 17, weight, 'a' + i * i % 17 % 4);
  }
  case_write("rows.csv", text);
}

static Status run(const char *weight, const char *model, const char *target) {
  static char json[4096];
  snprintf(json, sizeof json,
           "{\"name\": \"t\", \"seed\": 3, \"block\": 4, \"stages\": {\n"
           "\"rows\": {\"kind\": \"read_csv\", \"path\": \"%s\", \"columns\": {\"x\": \"real\",\n"
           "  \"z\": \"real\", \"y\": \"real\", \"w\": \"integer\", \"genre\": \"category\",\n"
           "  \"note\": \"text\"}},\n"
           "\"fit\": {\"kind\": \"train\", \"input\": \"rows\", \"split\": null, \"group\": null,\n"
           "  \"target\": \"%s\", \"weight\": %s, \"features\": [\"x\", \"z\"], \"model\": %s}}}",
           case_path("rows.csv"), target, weight, model);
  return case_run(json, NULL);
}

static void content_of_fit(char out[64]) {
  Manifest manifest = {0};
  CHECK_OK(case_manifest("manifest.json", &manifest));
  const ManifestStage *found = manifest_find(&manifest, "fit");
  CHECK(found && found->content);
  snprintf(out, 64, "%s", found && found->content ? found->content : "?");
  manifest_clear(&manifest);
}

static void test_repetition(void) {
  const char *models[] = {
      "{\"kind\": \"constant\"}",
      "{\"kind\": \"forest\", \"trees\": 3, \"bootstrap\": false, \"max_features\": 0.5}",
      "{\"kind\": \"gbdt\", \"trees\": 4, \"min_samples_leaf\": 1}"};
  const char *targets[] = {"y", "genre"};
  for (int k = 0; k < 6; k++) {
    bool exact = k < 4; /* boosting rounds gradients by the number of rows; see test_gbdt_weights */
    char repeated[64], weighted[64], plain[64];
    write_rows(true);
    CHECK_OK(run("null", models[k / 2], targets[k % 2]));
    content_of_fit(repeated);
    write_rows(false);
    CHECK_OK(run("\"w\"", models[k / 2], targets[k % 2]));
    content_of_fit(weighted);
    CHECK_OK(run("null", models[k / 2], targets[k % 2]));
    content_of_fit(plain);
    if (exact) CHECK_TEXT(weighted, repeated);
    CHECK(strcmp(plain, weighted) != 0);
  }
}

static void test_refused(void) {
  const struct {
    const char *weight, *message;
  } cases[] = {{"\"v\"", "weight: column \"v\" is not in the table"},
               {"\"note\"", "weight: column \"note\" is a text; weights are a real or integer"},
               {"\"x\"", "weight: row 0 weighs 0 (column \"x\"); weights are finite and above 0"}};
  write_rows(false);
  for (int k = 0; k < 3; k++) {
    CHECK_INTEGER(run(cases[k].weight, "{\"kind\": \"constant\"}", "y"), INVALID);
    CHECK_MESSAGE(cases[k].message);
  }
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  case_begin();
  test_repetition();
  test_refused();
  case_end();
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("weights");
  MPI_Finalize();
  return failed;
}
