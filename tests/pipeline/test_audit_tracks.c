/* The audit of the real tracks, from SEGUE_DATA, against shares that were counted independently of
 * Segue (a few lines of pandas, other random numbers), so they agree within the sampling error of a
 * test part of 17,000 to 23,000 rows: four standard errors are below 0.013.
 * Skipped (status 77) where the file is not there. */
#include "run_case.h"

#define AUDIO                                                                      \
  "\"duration_ms\", \"danceability\", \"energy\", \"loudness\", \"speechiness\", " \
  "\"acousticness\", \"instrumentalness\", \"liveness\", \"valence\", \"tempo\""

/* The model knows nothing: twins do not depend on it. Artists are a text, all of a track's. */
static const char AUDITS[] =
    "{\"name\": \"t\", \"seed\": 5, \"stages\": {\n"
    "\"tracks\": {\"kind\": \"read_csv\", \"path\": \"%s\", \"columns\": {\"track_id\": \"text\",\n"
    "  \"artists\": \"text\", \"track_name\": \"text\", \"popularity\": \"real\",\n"
    "  \"duration_ms\": \"real\", \"danceability\": \"real\", \"energy\": \"real\",\n"
    "  \"loudness\": \"real\", \"speechiness\": \"real\", \"acousticness\": \"real\",\n"
    "  \"instrumentalness\": \"real\", \"liveness\": \"real\", \"valence\": \"real\",\n"
    "  \"tempo\": \"real\", \"track_genre\": \"category\"}},\n"
    "\"all\": {\"kind\": \"audit\", \"input\": \"tracks\", \"group\": null, \"test\": 0.2,\n"
    "  \"target\": \"popularity\", \"id\": \"track_id\", \"by\": \"track_genre\",\n"
    "  \"features\": [\"energy\"], \"model\": {\"kind\": \"constant\"}},\n"
    "\"ids\": {\"kind\": \"clean\", \"input\": \"tracks\", \"require\": [\"artists\"],\n"
    "  \"recording\": [[\"track_id\"]], \"column\": \"same_id\"},\n"
    "\"names\": {\"kind\": \"clean\", \"input\": \"ids\", \"duplicates\": \"keep\",\n"
    "  \"recording\": [[\"artists\", \"track_name\"]]},\n"
    "\"distinct\": {\"kind\": \"audit\", \"input\": \"names\", \"test\": 0.2,\n"
    "  \"target\": \"popularity\", \"artist\": \"artists\", \"audio\": [" AUDIO
    "],\n"
    "  \"features\": [\"energy\"], \"model\": {\"kind\": \"constant\"}},\n"
    "\"report\": {\"kind\": \"report\"}}}";

/* A metric of report.json. */
static double metric(const char *json, const char *stage, const char *split, const char *name) {
  const char *at = strstr(json, "\"stages\"");
  const char *const words[] = {stage, "metrics", split, name};
  for (int k = 0; at && k < 4; k++) {
    char key[64];
    snprintf(key, sizeof key, "\"%s\":", words[k]);
    at = strstr(at, key);
    if (at) at += strlen(key);
  }
  return at ? strtod(at, NULL) : NAN;
}

int main(int argc, char **argv) {
  const double sampling = 0.013;
  MPI_Init(&argc, &argv);
  const char *data = getenv("SEGUE_DATA");
  char path[512], json[4096], *report = NULL;
  int64_t n = 0;
  snprintf(path, sizeof path, "%s/spotify_tracks_114k.csv", data ? data : "data");
  if (!file_exists(path)) {
    printf("skipped: %s is not there; SEGUE_DATA names the folder of the real tracks\n", path);
    MPI_Finalize();
    return 77;
  }
  case_begin();
  snprintf(json, sizeof json, AUDITS, path);
  CHECK_OK(case_run(json, NULL));
  CHECK_OK(file_read(case_path("run/report.json"), &report, &n));
  printf("twins of test rows: id %.4f, artists and name %.4f, audio %.4f, artists %.4f\n",
         metric(report, "all", "row", "same_id"),
         metric(report, "distinct", "row", "same_recording"),
         metric(report, "distinct", "row", "same_audio"),
         metric(report, "distinct", "row", "same_artist"));
  CHECK_REAL(metric(report, "all", "row", "same_id"), 0.316, sampling);
  CHECK_REAL(metric(report, "all", "id", "same_id"), 0, 0);
  CHECK_REAL(metric(report, "distinct", "row", "same_recording"), 0.128, sampling);
  CHECK_REAL(metric(report, "distinct", "row", "same_audio"), 0.090, sampling);
  CHECK_REAL(metric(report, "distinct", "row", "same_artist"), 0.746, sampling);
  CHECK_REAL(metric(report, "distinct", "recording", "same_recording"), 0, 0);
  CHECK_REAL(metric(report, "distinct", "artist", "same_artist"), 0, 0);
  CHECK(strstr(report, "\\\"songwriter\\\" 0 of 1000") != NULL);
  CHECK(strstr(report, "\\\"reggaeton\\\" 74 of 1000") != NULL);
  memory_free(&report);
  case_end();
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("audit_tracks");
  MPI_Finalize();
  return failed;
}
