/* The run folder; see run_folder.h. */
#define _GNU_SOURCE
#include "run_folder.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "events.h"
#include "io/file.h"
#include "kernels/base/memory.h"

enum { OLD_SECONDS = 3600 };

Status run_folder_init(RunFolder *folder, const char *given, const char *run_name) {
  int room = (int)sizeof folder->path;
  int n = given ? snprintf(folder->path, sizeof folder->path, "%s", given)
                : snprintf(folder->path, sizeof folder->path, "runs/%s", run_name);
  if (n == 0)
    return status_fail(INVALID,
                       "the run folder has an empty name; leave --run-dir out "
                       "for runs/NAME");
  if (n >= room)
    return status_fail(INVALID,
                       "%.80s...: the name of a run folder has at most %d "
                       "bytes",
                       folder->path, room - 1);
  return OK;
}

Status run_folder_check(const RunFolder *folder) {
  char path[PATH_MAX];
  if (file_exists(run_folder_path(folder, "events.jsonl", path)) ||
      file_exists(run_folder_path(folder, "manifest.json", path)) ||
      !file_exists(run_folder_path(folder, "config.json", path)))
    return OK;
  return status_fail(INVALID,
                     "%s: this file is not of a run, and a run would overwrite it; name "
                     "another --run-dir",
                     path);
}

const char *run_folder_path(const RunFolder *folder, const char *name, char *text) {
  snprintf(text, PATH_MAX, "%s/%.500s", folder->path, name);
  return text;
}

static void keyed(const char *format, const char *stage, const Hash *key, char *text) {
  char digits[33];
  hash_text(key, digits);
  digits[KEY_DIGITS] = 0;
  int n = snprintf(text, 512, format, stage);
  if (n > 0 && n < 480) snprintf(text + n, 512 - (size_t)n, "-%s", digits);
}

void run_folder_artifact(const char *stage, const Hash *key, char *text) {
  keyed("stages/%.200s", stage, key, text);
  strncat(text, ".h5", 4);
}

void run_folder_units(const char *stage, const Hash *key, char *text) {
  keyed("units/%.200s", stage, key, text);
}

void run_folder_study(const char *stage, const Hash *key, char *text) {
  keyed("studies/%.200s", stage, key, text);
}

Status run_folder_manifest(const RunFolder *folder, Manifest *manifest) {
  char path[PATH_MAX];
  if (file_exists(run_folder_path(folder, "attempt.json", path)))
    return manifest_read(path, manifest);
  if (file_exists(run_folder_path(folder, "manifest.json", path)))
    return manifest_read(path, manifest);
  *manifest = (Manifest){0};
  return status_fail(IO,
                     "%s: no run is here (no manifest.json); `segue run CONFIG` makes one, in "
                     "runs/NAME unless --run-dir says otherwise",
                     folder->path);
}

/* Is stages/ENTRY a current artifact or its link? */
static bool belongs(const Manifest *manifest, const char *entry) {
  for (int64_t i = 0; i < manifest->n_stages; i++) {
    const ManifestStage *stage = &manifest->stages[i];
    char link[512];
    if (!stage->file) continue;
    snprintf(link, sizeof link, "%.500s.h5", stage->name);
    if (strcmp(entry, link) == 0 || strcmp(entry, stage->file + strlen("stages/")) == 0)
      return true;
  }
  return false;
}

/* Is this a name that run_folder_artifact or run_folder_units gives: "...-KEY" and the ending? */
static bool is_keyed(const char *name, const char *ending) {
  size_t n = strlen(name), tail = strlen(ending);
  if (n < tail + KEY_DIGITS + 2 || strcmp(name + n - tail, ending) != 0) return false;
  const char *key = name + n - tail - KEY_DIGITS;
  return key[-1] == '-' && strspn(key, "0123456789abcdef") >= KEY_DIGITS;
}

/* Did a run make this file of stages/: an artifact, its temporary file, or a link to one? People
 * keep files of their own in odd places. */
static bool is_ours(const char *path, const char *name) {
  char target[512];
  ssize_t n = readlink(path, target, sizeof target - 1);
  if (n < 0) return is_keyed(name, ".h5") || is_keyed(name, ".h5.tmp");
  target[n] = 0;
  return is_keyed(target, ".h5") && !strchr(target, '/');
}

static void remove_strangers(const RunFolder *folder, const Manifest *manifest) {
  char path[PATH_MAX], name[512];
  DIR *stages = opendir(run_folder_path(folder, "stages", path));
  for (struct dirent *entry; stages && (entry = readdir(stages));) {
    if (entry->d_name[0] == '.' || belongs(manifest, entry->d_name)) continue;
    snprintf(name, sizeof name, "stages/%.480s", entry->d_name);
    run_folder_path(folder, name, path);
    if (is_ours(path, entry->d_name)) unlink(path);
  }
  if (stages) closedir(stages);
}

static void remove_units(const RunFolder *folder) {
  char path[PATH_MAX], name[512];
  DIR *units = opendir(run_folder_path(folder, "units", path));
  for (struct dirent *entry; units && (entry = readdir(units));) {
    if (!is_keyed(entry->d_name, "")) continue;
    snprintf(name, sizeof name, "units/%.480s", entry->d_name);
    file_remove_tree(run_folder_path(folder, name, path));
  }
  if (units) closedir(units);
  rmdir(run_folder_path(folder, "units", path)); /* unless something else is there */
}

/* Owner files of attempts that were killed while they took the folder; young ones may be of
 * attempts that wait for this one. */
static void remove_owner_files(const RunFolder *folder) {
  static const char begin[] = "owner.json.";
  char path[PATH_MAX];
  struct stat info;
  DIR *files = opendir(folder->path);
  for (struct dirent *entry; files && (entry = readdir(files));) {
    if (strncmp(entry->d_name, begin, strlen(begin)) != 0) continue;
    run_folder_path(folder, entry->d_name, path);
    if (stat(path, &info) == 0 && info.st_mtime < time(NULL) - OLD_SECONDS) unlink(path);
  }
  if (files) closedir(files);
}

static Status link_artifacts(const RunFolder *folder, const Manifest *manifest) {
  Status status = OK;
  for (int64_t i = 0; i < manifest->n_stages; i++) {
    const ManifestStage *stage = &manifest->stages[i];
    char path[PATH_MAX], name[512];
    if (!stage->file) continue;
    snprintf(name, sizeof name, "stages/%.200s.h5", stage->name);
    TRY(file_link(run_folder_path(folder, name, path), stage->file + strlen("stages/")));
  }
done:
  return status;
}

Status run_folder_complete(const RunFolder *folder, const Config *config, Manifest *manifest) {
  Status status = OK;
  char path[PATH_MAX], attempt[PATH_MAX], now[32];
  event_time(now);
  TRY(manifest_set(&manifest->state, "complete"));
  TRY(manifest_set(&manifest->ended, now));
  TRY(file_write(run_folder_path(folder, "config.json", path), config->json,
                 (int64_t)strlen(config->json)));
  TRY(manifest_write(manifest, run_folder_path(folder, "attempt.json", attempt)));
  run_folder_path(folder, "manifest.json", path);
  if (rename(attempt, path) != 0) {
    status = status_fail(IO, "%s: cannot replace this file", path);
    goto done;
  }
  TRY(link_artifacts(folder, manifest));
  remove_strangers(folder, manifest);
  remove_units(folder);
  remove_owner_files(folder);
  file_sync_folder_of(path);
done:
  return status;
}
