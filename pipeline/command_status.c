/* segue status, segue hash: what is in a run folder. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "io/file.h"
#include "io/store.h"
#include "io/terminal.h"
#include "kernels/base/memory.h"
#include "launch.h"
#include "owner.h"
#include "run_folder.h"

enum { RUN_DIR, FOLDER_WORDS };

static const WordRow rows[] = {[RUN_DIR] = {.name = "RUN_DIR",
                                            .help = "a run's folder, such as runs/spotify",
                                            .required = true},
                               {0}};

static int fail(void) {
  if (words_speaker()) fprintf(stderr, "segue: error: %s\n", status_message());
  return EXIT_STAGE_FAILED;
}

static const char *or_else(const char *text, const char *instead) { return text ? text : instead; }

static void print_stage(const ManifestStage *stage) {
  char seconds[32], peak[32] = "-";
  if (stage->peak_bytes > 0)
    snprintf(peak, sizeof peak, "%.0f MiB", (double)stage->peak_bytes / (1 << 20));
  printf("  %-18s %-11s %-9s %10s %10s\n", stage->name, or_else(stage->kind, ""),
         or_else(stage->state, ""),
         stage->ranks > 0 ? terminal_seconds(stage->seconds, seconds) : "-", peak);
}

static Status print_status(const char *run_dir) {
  Status status = OK;
  RunFolder folder;
  Manifest manifest = {0};
  TRY(run_folder_init(&folder, run_dir, NULL));
  TRY(run_folder_manifest(&folder, &manifest));
  /* The file of an attempt that was killed says "running" for ever. */
  bool killed =
      manifest.state && strcmp(manifest.state, "running") == 0 && owner_is_gone(folder.path);
  printf("%s: %s, %s, begun %s\n", folder.path, or_else(manifest.name, "?"),
         killed ? "killed (run it again to go on)" : or_else(manifest.state, "?"),
         or_else(manifest.started, "?"));
  printf("  %-18s %-11s %-9s %10s %10s\n", "stage", "kind", "state", "time", "memory");
  for (int64_t i = 0; i < manifest.n_stages; i++) print_stage(&manifest.stages[i]);
done:
  manifest_clear(&manifest);
  return status;
}

int command_status(int n, char **words) {
  WordValue values[FOLDER_WORDS] = {0};
  int exit_status = EXIT_WRONG_USAGE;
  if (words_parse("status", "Shows what is done in a run folder, and what is left.", rows, n, words,
                  values, &exit_status)) {
    exit_status = EXIT_DONE;
    if (words_speaker() && print_status(values[RUN_DIR].items[0]) != OK) exit_status = fail();
  }
  words_clear(rows, values);
  return exit_status;
}

/* Hash of an artifact's content as it stands in the file now. */
static Status hash_file_all(const Comm *comm, const char *path, char digits[33]) {
  Status status = OK;
  StoreTexts texts = {0};
  Fields fields;
  Rows file_rows;
  Hash hash;
  fields_init(&fields, FIELDS_IN);
  TRY(store_read_all(comm, path, &texts, &fields, &file_rows));
  TRY(store_hash_all(comm, &fields, &file_rows, &hash));
  hash_text(&hash, digits);
done:
  store_texts_clear(&texts);
  fields_clear(&fields);
  return status;
}

static Status print_hash_all(const Comm *comm, const RunFolder *folder,
                             const ManifestStage *stage) {
  Status status = OK;
  char path[PATH_MAX], digits[33];
  if (!stage->file) return OK;
  TRY(hash_file_all(comm, run_folder_path(folder, stage->file, path), digits));
  if (comm->rank == 0) printf("%s  %s\n", digits, stage->name);
  if (stage->content && strcmp(stage->content, digits) != 0)
    status = status_fail(FORMAT,
                         "%s: its content is no longer what was written (manifest: %s); "
                         "make it anew with `segue run CONFIG --force %s`",
                         path, stage->content, stage->name);
done:
  return status;
}

int command_hash(int n, char **words) {
  WordValue values[FOLDER_WORDS] = {0};
  int exit_status = EXIT_WRONG_USAGE;
  if (!words_parse("hash",
                   "Reads every artifact of a run and prints the hash of its content: types,\n"
                   "shapes and values in row order; no times, no ranks.",
                   rows, n, words, values, &exit_status)) {
    words_clear(rows, values);
    return exit_status;
  }
  Status status = OK;
  Comm world;
  RunFolder folder;
  Manifest manifest = {0};
  if (launch_mpi(&world) != OK) return fail();
  AGREE(&world, run_folder_init(&folder, values[RUN_DIR].items[0], NULL));
  AGREE(&world, run_folder_manifest(&folder, &manifest));
  for (int64_t i = 0; i < manifest.n_stages; i++)
    TRY(print_hash_all(&world, &folder, &manifest.stages[i]));
done:
  manifest_clear(&manifest);
  words_clear(rows, values);
  fflush(stdout);
  exit_status = status == OK ? EXIT_DONE : world.rank == 0 ? fail() : EXIT_STAGE_FAILED;
  comm_barrier_all(&world);
  return exit_status;
}
