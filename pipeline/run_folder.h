/* The run folder: names of its files, and what happens to them when a run is complete. */
#ifndef SEGUE_PIPELINE_RUN_FOLDER_H
#define SEGUE_PIPELINE_RUN_FOLDER_H

#include <limits.h>

#include "config.h"
#include "kernels/numeric/hash.h"
#include "manifest.h"

enum { KEY_DIGITS = 16 }; /* of a key in file names */

typedef struct RunFolder {
  char path[PATH_MAX - 512]; /* room for names below it */
} RunFolder;

/* Local. given NULL: runs/NAME. Fails with INVALID when it is empty or too long. */
CHECKED Status run_folder_init(RunFolder *folder, const char *given, const char *run_name);
/* May a run be made there? Local. Fails with INVALID for a folder with a config.json that no run
 * has written: it would be overwritten. */
CHECKED Status run_folder_check(const RunFolder *folder);
/* A path below the folder. Local; text has PATH_MAX bytes. */
const char *run_folder_path(const RunFolder *folder, const char *name, char *text);
/* "stages/NAME-KEY.h5" and "units/NAME-KEY". Local; text has 512 bytes. */
void run_folder_artifact(const char *stage, const Hash *key, char *text);
void run_folder_units(const char *stage, const Hash *key, char *text);
/* "studies/NAME-KEY", the journal of a study. */
void run_folder_study(const char *stage, const Hash *key, char *text);

/* The manifest of the attempt under way or, without one, of the last complete run. Local.
 * Fails with IO when there is neither (INVALID wording for people), FORMAT. */
CHECKED Status run_folder_manifest(const RunFolder *folder, Manifest *manifest);

/* The run is complete: write config.json and manifest.json, point stages/STAGE.h5 at the current
 * artifacts, remove attempt.json, units and artifacts that belong to no stage; files of other names
 * are not touched. Local; rank 0. */
CHECKED Status run_folder_complete(const RunFolder *folder, const Config *config,
                                   Manifest *manifest);

#endif
