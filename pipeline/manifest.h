/* The manifest: what a run has made: stage -> key, file, content hash, seconds, memory.
 *
 * manifest.json describes the last complete run, attempt.json the one under way; the latter
 * becomes the former in one rename. Rank 0 alone holds it. */
#ifndef SEGUE_PIPELINE_MANIFEST_H
#define SEGUE_PIPELINE_MANIFEST_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/base/status.h"

typedef struct ManifestStage {
  char *name, *kind;
  char *state;                   /* "waiting", "running", "done", "reused", "stopped", "failed" */
  char *key;                     /* 32 hexadecimal digits */
  char *file;                    /* relative to the run folder; NULL: none yet */
  char *content;                 /* hash of the content */
  char *profile;                 /* arithmetic that made it */
  double seconds, store_seconds; /* the whole stage; of that, hashing and writing its artifact */
  int64_t ranks;
  double *busy_seconds; /* per rank of the attempt that made it */
  int64_t peak_bytes;   /* largest of the ranks */
} ManifestStage;

typedef struct Manifest {
  char *name, *version, *state, *started, *ended; /* state: "running", "complete", ... */
  int64_t n_stages;
  ManifestStage *stages;
} Manifest;

CHECKED Status manifest_init(Manifest *manifest, int64_t n_stages);
void manifest_clear(Manifest *manifest);
/* NULL when absent. */
const ManifestStage *manifest_find(const Manifest *manifest, const char *stage);
/* Replace a text. */
CHECKED Status manifest_set(char **member, const char *text);

/* Local. Fails with IO, FORMAT (not a manifest), MEMORY. */
CHECKED Status manifest_write(const Manifest *manifest, const char *path);
/* Texts that are not there are NULL, numbers 0; empty after a failure. */
CHECKED Status manifest_read(const char *path, Manifest *manifest);

#endif
