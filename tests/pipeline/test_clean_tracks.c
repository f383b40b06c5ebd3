/* Cleaning the real tracks, from SEGUE_DATA: numbers that were counted independently of Segue, by
 * a few lines of Python with a plain union-find. Artists count as a set when they are read as a
 * list, so that "A;B" and "B;A" are the same; as a text they differ.
 * Skipped (status 77) where the file is not there. May be started on several ranks. */
#include <stdlib.h>
#include <unistd.h>

#include "clean_case.h"
#include "io/csv.h"

#define AUDIO                                                                      \
  "\"duration_ms\", \"danceability\", \"energy\", \"loudness\", \"speechiness\", " \
  "\"acousticness\", \"instrumentalness\", \"liveness\", \"valence\", \"tempo\""

static const char *const names[] = {
    "track_id", "artists", "track_name", "popularity",       "duration_ms", "danceability",
    "energy",   "key",     "loudness",   "speechiness",      "mode",        "acousticness",
    "tempo",    "valence", "liveness",   "instrumentalness", "track_genre", "time_signature"};
enum { COLUMNS = sizeof names / sizeof *names };

static const char *type_of(const char *name, const char *artists) {
  if (strcmp(name, "artists") == 0) return artists;
  if (strcmp(name, "track_genre") == 0) return "category";
  return strncmp(name, "track_", 6) == 0 ? "text" : "real";
}

static Status read_tracks_all(const Comm *comm, const char *path, const char *artists, Table *out) {
  CsvColumn columns[COLUMNS] = {{0}};
  for (int j = 0; j < COLUMNS; j++) columns[j].type = (char *)(uintptr_t)type_of(names[j], artists);
  const CsvOptions options = {.path = (char *)(uintptr_t)path,
                              .header = true,
                              .columns = {COLUMNS, (char **)(uintptr_t)names, columns}};
  return csv_read_all(comm, &options, ROWS_BLOCK_DEFAULT, out, NULL);
}

/* Clean, check how many recordings there are, hand over the artifact. */
static void clean_tracks(const Comm *comm, const Table *table, const char *json, int64_t recordings,
                         Artifact *out) {
  CHECK_OK(clean_run_all(comm, json, table, out));
  CHECK_INTEGER(out->table.rows.n_global, recordings);
  if (comm->rank == 0) CHECK_INTEGER(clean_decision(&out->summary, "recordings", ""), recordings);
}

#define BY_NAME "{\"recording\": [[\"artists\", \"track_name\"], [\"track_id\"]]}"
#define BY_AUDIO "{\"recording\": [[\"track_id\"], [" AUDIO "], [\"artists\", \"track_name\"]]}"
#define ALL                                                                                \
  "{\"impossible\": {\"tempo\": 0, \"time_signature\": 0}, \"require\": [\"track_name\"]," \
  " \"recording\": [[\"track_id\"], [\"artists\", \"track_name\"], [" AUDIO                \
  "]],"                                                                                    \
  " \"rules\": {\"track_genre\": \"set\", \"popularity\": \"mean\"}}"

static void test_texts(const Comm *comm, const char *path) {
  Table table = {0};
  Artifact out;
  CHECK_OK(read_tracks_all(comm, path, "text", &table));
  CHECK_INTEGER(table.rows.n_global, 114000);
  clean_tracks(comm, &table, BY_NAME, 81344, &out);
  clean_clear(&out);
  clean_tracks(comm, &table, BY_AUDIO, 80921, &out);
  clean_clear(&out);
  table_clear(&table);
}

static void test_lists(const Comm *comm, const char *path) {
  Table table = {0};
  Artifact out;
  CHECK_OK(read_tracks_all(comm, path, "list;", &table));
  clean_tracks(comm, &table, "{\"recording\": [[\"track_id\"]]}", 89741, &out);
  if (comm->rank == 0) {
    const char *what = "recordings whose rows differed";
    CHECK_INTEGER(clean_decision(&out.summary, what, "popularity"), 720);
    CHECK_INTEGER(clean_decision(&out.summary, what, "track_name"), -1);
  }
  clean_clear(&out);
  clean_tracks(comm, &table, BY_NAME, 81335, &out);
  clean_clear(&out);
  clean_tracks(comm, &table, BY_AUDIO, 80914, &out);
  clean_clear(&out);
  clean_tracks(comm, &table, ALL, 80934, &out);
  if (comm->rank == 0) {
    const char *what = "impossible values made missing";
    CHECK_INTEGER(clean_decision(&out.summary, what, "tempo"), 157);
    CHECK_INTEGER(clean_decision(&out.summary, what, "time_signature"), 163);
    what = "rows dropped, required value missing";
    CHECK_INTEGER(clean_decision(&out.summary, what, "track_name"), 1);
  }
  clean_clear(&out);
  table_clear(&table);
}

int main(int argc, char **argv) {
  char path[4096];
  const char *folder = getenv("SEGUE_DATA");
  MPI_Init(&argc, &argv);
  Comm comm = comm_world();
  snprintf(path, sizeof path, "%s/spotify_tracks_114k.csv", folder ? folder : "data");
  if (access(path, R_OK) != 0) {
    if (comm.rank == 0) printf("skipped: the real tracks are not there (%s)\n", path);
    MPI_Finalize();
    return 77;
  }
  test_texts(&comm, path);
  test_lists(&comm, path);
  CHECK_INTEGER(memory_balance(), 0);
  int result = check_report("clean_tracks");
  MPI_Finalize();
  return result;
}
