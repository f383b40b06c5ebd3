/* A file is mapped where that is possible: copying it out of the page cache, once for either pass,
 * took as long as all the parsing of numbers. What a mapping could do to a process when somebody
 * cuts the file meanwhile is taken care of in mapping.c, and what is no longer wanted is dropped,
 * so that a process never holds more than a few pieces. Where mapping fails pread takes its place.
 */
#include "csv_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gzip.h"
#include "kernels/base/fault.h"
#include "kernels/base/memory.h"

enum {
  PIECE = 1 << 30,         /* Linux reads at most 2 GiB at once */
  BEHIND = 1 + CSV_PADDING /* a supplied newline, and padding */
};

static int64_t changed_at(const struct stat *about) {
  return about->st_mtim.tv_sec * INT64_C(1000000000) + about->st_mtim.tv_nsec;
}

static Status open_file(CsvSource *source) {
  struct stat about;
  if (fault_hit(FAULT_READ)) {
    errno = EIO;
  } else {
    source->fd = open(source->path, O_RDONLY | O_CLOEXEC);
  }
  if (source->fd < 0 || fstat(source->fd, &about) != 0)
    return status_fail(IO, "%s: cannot be opened: %s%s", source->path, strerror(errno),
                       errno == ENOENT ? "; check the path (relative ones begin where segue was "
                                         "started)"
                                       : "");
  if (S_ISDIR(about.st_mode))
    return status_fail(IO, "%s: is a folder; name the CSV file in it", source->path);
  if (!S_ISREG(about.st_mode))
    return status_fail(IO, "%s: is not a regular file; copy its contents to one", source->path);
  if (about.st_size == 0)
    return status_fail(FORMAT, "%s: is empty; a CSV file with rows is needed", source->path);
  source->bytes = source->size = source->file_bytes = about.st_size;
  source->changed = changed_at(&about);
  return OK;
}

static Status unreadable(const CsvSource *source, int error) {
  return status_fail(IO, "%s: cannot be read: %s", source->path, strerror(error));
}

static Status shorter(const CsvSource *source) {
  return status_fail(IO, "%s: became shorter while it was read; run again when it is complete",
                     source->path);
}

static Status read_file(const CsvSource *source, int64_t at, int64_t n, char *buffer) {
  for (int64_t done = 0; done < n;) {
    size_t piece = (size_t)(n - done < PIECE ? n - done : PIECE);
    ssize_t got = -1;
    if (fault_hit(FAULT_READ)) {
      errno = EIO;
    } else {
      got = pread(source->fd, buffer + done, piece, (off_t)(at + done));
    }
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return unreadable(source, errno);
    if (got == 0) return shorter(source);
    done += got;
  }
  return OK;
}

static Status stopping(const CsvSource *source) {
  if (!work_stopping(source->sink)) return OK;
  return status_fail(STOPPED, "stopped on request while reading %s; run again to go on",
                     source->path);
}

Status csv_source_read(const CsvSource *source, int64_t at, int64_t n, char *buffer) {
  Status status = stopping(source);
  int64_t there = at + n <= source->bytes ? n : source->bytes - at;
  if (status != OK) return status;
  if (n > there) buffer[n - 1] = '\n'; /* the supplied one */
  if (there <= 0) return OK;
  if (!source->inflated) return read_file(source, at, there, buffer);
  memcpy(buffer, (const char *)source->shared.data + at, (size_t)there);
  return OK;
}

Status csv_source_view(const CsvSource *source, int64_t at, int64_t n, char *buffer,
                       const char **bytes) {
  *bytes = buffer;
  if (!csv_source_in_place(source)) return csv_source_read(source, at, n, buffer);
  *bytes = source->mapping.bytes + at;
  if (source->mapping.broken) return csv_source_check(source);
  if (fault_hit(FAULT_READ)) return unreadable(source, EIO);
  return stopping(source);
}

void csv_source_drop(const CsvSource *source, int64_t from, int64_t to) {
  int64_t last = source->bytes - 1; /* the page it is on may hold the supplied newline */
  if (csv_source_in_place(source)) mapping_drop(&source->mapping, from, to < last ? to : last);
}

Status csv_source_check(const CsvSource *source) {
  struct stat about;
  if (fstat(source->fd, &about) != 0) return unreadable(source, errno);
  if (about.st_size < source->file_bytes) return shorter(source);
  if (about.st_size != source->file_bytes || changed_at(&about) != source->changed)
    return status_fail(IO, "%s: changed while it was read; run again when it is complete",
                       source->path);
  return source->mapping.broken ? unreadable(source, EIO) : OK;
}

static Status inflate_file(const CsvSource *source, char **text, int64_t *n) {
  Status status = OK;
  uint8_t *packed = NULL;
  TRY(NEW(&packed, source->bytes));
  TRY(read_file(source, 0, source->bytes, (char *)packed));
  TRY(gzip_inflate(source->path, packed, source->bytes, text, n));
  if (*n == 0) status = status_fail(FORMAT, "%s: is empty once inflated", source->path);
done:
  memory_free(&packed);
  return status;
}

/* Rank 0 inflates; one rank of each node receives the text into the memory that its node shares. */
static Status share_inflated_all(const Comm *comm, CsvSource *source) {
  Status status = OK;
  char *text = NULL;
  int64_t n = 0;
  Comm owners = {.mpi = MPI_COMM_NULL};
  AGREE(comm, comm->rank == 0 ? inflate_file(source, &text, &n) : OK);
  comm_broadcast_all(comm, 0, &n, sizeof n);
  TRY(comm_shared_new_all(comm, (size_t)n, &source->shared));
  if (source->shared.owner && text) memcpy(source->shared.data, text, (size_t)n);
  memory_free(&text);
  comm_split_all(comm, source->shared.owner ? 0 : 1, &owners); /* rank 0 owns its node's memory */
  if (source->shared.owner) comm_broadcast_all(&owners, 0, source->shared.data, (size_t)n);
  comm_shared_publish_all(comm, &source->shared);
  source->bytes = source->size = n;
  source->inflated = true;
done:
  if (owners.mpi != MPI_COMM_NULL) comm_clear_all(&owners);
  memory_free(&text);
  return status;
}

static void map_file(CsvSource *source, bool newline) {
  if (source->inflated || !mapping_open(&source->mapping, source->fd, source->bytes, BEHIND))
    return;
  if (newline) source->mapping.bytes[source->bytes] = '\n';
}

static Status read_last_byte(const CsvSource *source, char *last) {
  return csv_source_read(source, source->bytes - 1, 1, last);
}

Status csv_source_open_all(const Comm *comm, const char *path, CsvSource *source) {
  Status status = OK;
  uint8_t magic[2] = {0, 0};
  char last = 0;
  *source = (CsvSource){.path = path, .fd = -1, .shared = {.win = MPI_WIN_NULL}};
  AGREE(comm, open_file(source));
  int64_t range[2] = {source->bytes, -source->bytes};
  comm_min_all(comm, range, 2);
  if (range[0] != -range[1]) {
    status = status_fail(IO, "%s: is not the same file on all nodes (%lld and %lld bytes)", path,
                         (long long)range[0], (long long)-range[1]);
    goto done;
  }
  int64_t n = source->bytes < 2 ? source->bytes : 2;
  AGREE(comm, comm->rank == 0 ? read_file(source, 0, n, (char *)magic) : OK);
  comm_broadcast_all(comm, 0, magic, sizeof magic);
  if (gzip_detect(magic, n)) TRY(share_inflated_all(comm, source));
  AGREE(comm, comm->rank == 0 ? read_last_byte(source, &last) : OK);
  comm_broadcast_all(comm, 0, &last, sizeof last);
  if (last != '\n') source->size++;
  map_file(source, last != '\n');
done:
  return status;
}

void csv_source_close_all(CsvSource *source) {
  mapping_close(&source->mapping);
  if (source->fd >= 0) close(source->fd);
  if (source->shared.node.size > 0 || source->shared.data) comm_shared_clear_all(&source->shared);
  *source = (CsvSource){.fd = -1, .shared = {.win = MPI_WIN_NULL}};
}
