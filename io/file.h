/* Files: whole small files, atomic replacement, folders, content hashes. */
#ifndef SEGUE_IO_FILE_H
#define SEGUE_IO_FILE_H

#include <stdbool.h>

#include "kernels/base/comm.h"
#include "kernels/numeric/hash.h"

/* Read a whole file or pipe; *bytes is NUL-terminated behind its n bytes and freed with
 * memory_free. Local. Fails with IO naming path and the system's reason, MEMORY; *bytes is NULL
 * then. */
CHECKED Status file_read(const char *path, char **bytes, int64_t *n);

/* Replace a file by a temporary one, flushed and renamed: readers see the old or the new. A device
 * or pipe is written to in place. Local. Fails with IO; the old file is untouched then. */
CHECKED Status file_write(const char *path, const char *bytes, int64_t n);

/* Append bytes in one write. Local. Fails with IO. */
CHECKED Status file_append(const char *path, const char *bytes, int64_t n);

/* Make a folder and its parents. Local. Fails with IO: `runs/x: cannot make this folder: ...`. */
CHECKED Status file_make_folder(const char *path);
bool file_exists(const char *path);
/* Remove a file or a folder with all in it; what is not there is no failure. Local. */
void file_remove_tree(const char *path);
/* Flush a folder's entries, so that a rename lasts. Local. */
void file_sync_folder_of(const char *path);
/* Point the symbolic link at target (relative to the link's folder), atomically. Local. */
CHECKED Status file_link(const char *path, const char *target);

/* Hash of a file's contents, pieces of it read by different ranks; equal on any number of ranks.
 * Collective. Fails with IO (also for pipes, whose contents are gone once read), agreed. */
CHECKED Status file_hash_all(const Comm *comm, const char *path, Hash *out);

/* What tells whether a file has changed without reading it. */
typedef struct FileStamp {
  int64_t bytes;   /* -1: there is no such file */
  int64_t changed; /* ns since 1970 */
} FileStamp;
FileStamp file_stamp(const char *path);

#endif
