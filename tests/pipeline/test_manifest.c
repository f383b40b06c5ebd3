/* The manifest: what is written reads back; what is damaged is told or ignored. */
#include "run_case.h"

static void fill(Manifest *manifest) {
  CHECK_OK(manifest_init(manifest, 2));
  CHECK_OK(manifest_set(&manifest->name, "näme \"quoted\""));
  CHECK_OK(manifest_set(&manifest->version, "1.2.3"));
  CHECK_OK(manifest_set(&manifest->state, "running"));
  CHECK_OK(manifest_set(&manifest->started, "2026-01-31T12:34:56Z"));
  ManifestStage *stage = &manifest->stages[0];
  CHECK_OK(manifest_set(&stage->name, "forest"));
  CHECK_OK(manifest_set(&stage->kind, "train"));
  CHECK_OK(manifest_set(&stage->state, "done"));
  CHECK_OK(manifest_set(&stage->file, "stages/forest-0123456789abcdef.h5"));
  CHECK_OK(NEW(&stage->busy_seconds, 3));
  stage->ranks = 3;
  for (int r = 0; r < 3; r++) stage->busy_seconds[r] = 0.25 * (r + 1);
  stage->seconds = 1.0 / 3;
  stage->store_seconds = 0.25;
  stage->peak_bytes = INT64_C(1) << 40;
  CHECK_OK(manifest_set(&manifest->stages[1].name, "report"));
}

static void test_round_trip(void) {
  Manifest out, in;
  fill(&out);
  CHECK_OK(manifest_write(&out, case_path("manifest.json")));
  CHECK_OK(manifest_read(case_path("manifest.json"), &in));
  CHECK_TEXT(in.name, "näme \"quoted\"");
  CHECK_TEXT(in.version, "1.2.3");
  CHECK_TEXT(in.state, "running");
  CHECK_TEXT(in.started, "2026-01-31T12:34:56Z");
  CHECK(in.ended == NULL);
  CHECK_INTEGER(in.n_stages, 2);
  const ManifestStage *stage = manifest_find(&in, "forest");
  CHECK(stage == &in.stages[0]);
  CHECK(manifest_find(&in, "fores") == NULL);
  CHECK_TEXT(stage->file, "stages/forest-0123456789abcdef.h5");
  CHECK(stage->content == NULL && stage->key == NULL && stage->profile == NULL);
  CHECK_REAL(stage->seconds, 1.0 / 3, 0);
  CHECK_INTEGER(stage->ranks, 3);
  for (int r = 0; r < 3 && stage->ranks == 3; r++)
    CHECK_REAL(stage->busy_seconds[r], 0.25 * (r + 1), 0);
  CHECK_INTEGER(stage->peak_bytes, INT64_C(1) << 40);
  CHECK_INTEGER(in.stages[1].ranks, 0);
  manifest_clear(&in);
  manifest_clear(&out);
}

static void test_half_made(void) { /* names of some stages are not there yet */
  Manifest out, in;
  CHECK_OK(manifest_init(&out, 2));
  CHECK_OK(manifest_write(&out, case_path("half.json")));
  CHECK_OK(manifest_read(case_path("half.json"), &in));
  CHECK_INTEGER(in.n_stages, 0);
  CHECK(in.name == NULL);
  manifest_clear(&in);
  manifest_clear(&out);
}

static void test_damaged(void) {
  static const char *const texts[] = {"",     "{",        "[1, 2]",           "{\"stages\": 5}",
                                      "null", "not JSON", "{\"stages\": [1]}"};
  Manifest manifest;
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    case_write("damaged.json", texts[i]);
    CHECK_INTEGER(manifest_read(case_path("damaged.json"), &manifest), FORMAT);
    CHECK_MESSAGE("damaged.json");
    CHECK_INTEGER(manifest.n_stages, 0);
  }
  CHECK_INTEGER(manifest_read(case_path("nowhere.json"), &manifest), IO);
  /* Members of odd types count as absent. */
  case_write("odd.json",
             "{\"name\": 5, \"stages\": {\"a\": {\"seconds\": \"x\", \"peak_bytes\": "
             "1e300, \"busy_seconds\": {\"b\": \"c\"}}, \"d\": null}}");
  CHECK_OK(manifest_read(case_path("odd.json"), &manifest));
  CHECK_INTEGER(manifest.n_stages, 2);
  CHECK_INTEGER(manifest.stages[0].peak_bytes, 0);
  CHECK(manifest.name == NULL);
  manifest_clear(&manifest);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  case_begin();
  test_round_trip();
  test_half_made();
  test_damaged();
  case_end();
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("manifest");
  MPI_Finalize();
  return result;
}
