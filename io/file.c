/* Files; see file.h. */
#define _GNU_SOURCE
#include "file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernels/base/fault.h"
#include "kernels/base/memory.h"

enum { HASH_PIECE = 4 << 20, PIPE_PIECE = 1 << 16, NO_LENGTH = -1 };

static Status failed(const char *path, const char *what) {
  return status_fail(IO, "%s: cannot %s: %s", path, what, strerror(errno));
}

static Status read_exactly(int fd, const char *path, char *bytes, int64_t n, int64_t offset) {
  if (fault_hit(FAULT_READ)) return status_fail(IO, "%s: cannot read this file: injected", path);
  for (int64_t at = 0; at < n;) {
    ssize_t got = pread(fd, bytes + at, (size_t)(n - at), offset + at);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failed(path, "read this file");
    if (got == 0) return status_fail(IO, "%s: the file became shorter while it was read", path);
    at += got;
  }
  return OK;
}

/* What is no regular file (a pipe, /dev/stdin) tells no length: read to the end. */
static Status read_to_end(int fd, const char *path, char **bytes, int64_t *n) {
  Status status = OK;
  int64_t capacity = 0;
  ssize_t got = 0;
  if (fault_hit(FAULT_READ)) return status_fail(IO, "%s: cannot read this file: injected", path);
  *n = 0;
  do {
    TRY(RESERVE(bytes, &capacity, *n + PIPE_PIECE + 1));
    got = read(fd, *bytes + *n, PIPE_PIECE);
    if (got < 0 && errno != EINTR) return failed(path, "read this file");
    if (got > 0) *n += got;
  } while (got != 0);
  (*bytes)[*n] = 0;
done:
  return status;
}

static Status open_for_reading(const char *path, int *fd, int64_t *n) {
  struct stat info;
  *fd = open(path, O_RDONLY | O_CLOEXEC);
  if (*fd < 0) return failed(path, "open this file");
  if (fstat(*fd, &info) != 0) return failed(path, "read this file");
  if (S_ISDIR(info.st_mode)) return status_fail(IO, "%s: is a folder; a file is needed", path);
  *n = S_ISREG(info.st_mode) ? info.st_size : NO_LENGTH;
  return OK;
}

Status file_read(const char *path, char **bytes, int64_t *n) {
  Status status = OK;
  int fd = -1;
  *bytes = NULL;
  TRY(open_for_reading(path, &fd, n));
  if (*n == NO_LENGTH) {
    TRY(read_to_end(fd, path, bytes, n));
  } else {
    TRY(NEW(bytes, *n + 1));
    TRY(read_exactly(fd, path, *bytes, *n, 0));
  }
done:
  if (fd >= 0) close(fd);
  if (status != OK) memory_free(bytes);
  return status;
}

static Status write_exactly(int fd, const char *path, const char *bytes, int64_t n) {
  if (fault_hit(FAULT_WRITE)) return status_fail(IO, "%s: cannot write this file: injected", path);
  for (int64_t at = 0; at < n;) {
    ssize_t put = write(fd, bytes + at, (size_t)(n - at));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return failed(path, "write this file");
    at += put;
  }
  return OK;
}

void file_sync_folder_of(const char *path) {
  char folder[PATH_MAX];
  const char *slash = strrchr(path, '/');
  int length = slash && slash > path ? (int)(slash - path) : 1; /* of "." or "/" */
  snprintf(folder, sizeof folder, "%.*s", length, slash ? path : ".");
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return;
  fsync(fd);
  close(fd);
}

/* PATH.tmp into text of PATH_MAX bytes. */
static Status temporary_name(const char *path, char *text) {
  int n = snprintf(text, PATH_MAX, "%s.tmp", path);
  if (n < PATH_MAX) return OK;
  return status_fail(IO, "%.80s...: this name is too long; at most %d bytes", path, PATH_MAX - 5);
}

/* Devices and pipes (/dev/stdout, /dev/null) are written to; a rename would replace them. */
static bool is_special(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

static Status write_special(const char *path, const char *bytes, int64_t n) {
  int fd = open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return failed(path, "write this file");
  Status status = write_exactly(fd, path, bytes, n);
  if (close(fd) != 0 && status == OK) status = failed(path, "write this file");
  return status;
}

Status file_write(const char *path, const char *bytes, int64_t n) {
  char temporary[PATH_MAX];
  if (is_special(path)) return write_special(path, bytes, n);
  Status status = temporary_name(path, temporary);
  if (status != OK) return status;
  int fd = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return failed(path, "write this file");
  status = write_exactly(fd, path, bytes, n);
  if (status == OK && fsync(fd) != 0) status = failed(path, "write this file");
  if (close(fd) != 0 && status == OK) status = failed(path, "write this file");
  if (status == OK && rename(temporary, path) != 0) status = failed(path, "replace this file");
  if (status == OK)
    file_sync_folder_of(path);
  else
    unlink(temporary);
  return status;
}

Status file_append(const char *path, const char *bytes, int64_t n) {
  int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return failed(path, "write this file");
  Status status = write_exactly(fd, path, bytes, n);
  if (close(fd) != 0 && status == OK) status = failed(path, "write this file");
  return status;
}

Status file_make_folder(const char *path) {
  char part[PATH_MAX];
  struct stat info;
  if (!path[0]) return status_fail(IO, "\"\": a folder needs a name");
  if (snprintf(part, sizeof part, "%s", path) >= (int)sizeof part)
    return status_fail(IO, "%.80s...: this name is too long", path);
  for (char *at = part + 1;; at++) {
    char end = *at;
    if (end != '/' && end != 0) continue;
    *at = 0;
    if (mkdir(part, 0777) != 0 && errno != EEXIST) return failed(part, "make this folder");
    *at = end;
    if (end == 0) break;
  }
  if (stat(path, &info) != 0) return failed(path, "use this folder");
  if (!S_ISDIR(info.st_mode))
    return status_fail(IO, "%s: is not a folder; remove it or name another", path);
  if (access(path, W_OK | X_OK) != 0) return failed(path, "write into this folder");
  return OK;
}

bool file_exists(const char *path) { return access(path, F_OK) == 0; }

FileStamp file_stamp(const char *path) {
  struct stat info;
  if (stat(path, &info) != 0) return (FileStamp){-1, 0};
  return (FileStamp){info.st_size,
                     info.st_mtim.tv_sec * INT64_C(1000000000) + info.st_mtim.tv_nsec};
}

void file_remove_tree(const char *path) {
  struct stat info;
  if (lstat(path, &info) != 0) return;
  if (!S_ISDIR(info.st_mode)) {
    unlink(path);
    return;
  }
  DIR *folder = opendir(path);
  for (struct dirent *entry; folder && (entry = readdir(folder));) {
    char inner[PATH_MAX];
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
    file_remove_tree(inner);
  }
  if (folder) closedir(folder);
  rmdir(path);
}

Status file_link(const char *path, const char *target) {
  char temporary[PATH_MAX];
  Status status = temporary_name(path, temporary);
  if (status != OK) return status;
  unlink(temporary);
  if (symlink(target, temporary) != 0) return failed(path, "make this link");
  if (rename(temporary, path) != 0) return failed(path, "make this link");
  return OK;
}

/* Hash this rank's pieces into their places of hashes, the others zero. */
static Status hash_pieces(const Comm *comm, int fd, const char *path, int64_t n, int64_t *hashes) {
  Status status = OK;
  char *piece = NULL;
  TRY(NEW(&piece, n < HASH_PIECE ? n : HASH_PIECE));
  int64_t pieces = (n + HASH_PIECE - 1) / HASH_PIECE;
  for (int64_t i = comm->rank; i < pieces; i += comm->size) {
    int64_t offset = i * HASH_PIECE, length = n - offset < HASH_PIECE ? n - offset : HASH_PIECE;
    TRY(read_exactly(fd, path, piece, length, offset));
    Hash hash = hash_bytes(piece, (size_t)length, hash_zero());
    memcpy(hashes + 2 * i, hash.word, sizeof hash.word);
  }
done:
  memory_free(&piece);
  return status;
}

Status file_hash_all(const Comm *comm, const char *path, Hash *out) {
  Status status = OK;
  int fd = -1;
  int64_t n = 0, *hashes = NULL;
  Status opened = open_for_reading(path, &fd, &n);
  if (opened == OK && n == NO_LENGTH)
    opened = status_fail(IO,
                         "%s: is a pipe or device, which cannot be read twice; write it to a "
                         "file first",
                         path);
  AGREE(comm, opened);
  comm_broadcast_all(comm, 0, &n, sizeof n);
  int64_t words = 2 * ((n + HASH_PIECE - 1) / HASH_PIECE);
  AGREE(comm, NEW(&hashes, words));
  AGREE(comm, hash_pieces(comm, fd, path, n, hashes));
  comm_sum_all(comm, hashes, words);
  *out = hash_bytes(hashes, (size_t)words * sizeof *hashes, (Hash){{(uint64_t)n, 0}});
done:
  if (fd >= 0) close(fd);
  memory_free(&hashes);
  return status;
}
