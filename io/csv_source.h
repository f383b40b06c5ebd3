/* The bytes of a CSV file, wherever they are: on disk, or inflated and shared by a node's ranks. */
#ifndef SEGUE_IO_CSV_SOURCE_H
#define SEGUE_IO_CSV_SOURCE_H

#include "kernels/base/work.h"
#include "mapping.h"

typedef struct CsvSource {
  const char *path; /* borrowed */
  int fd;           /* -1: none */
  WorkSink *sink;   /* asked for a stop at every piece; borrowed, may be NULL */
  bool inflated;    /* the text lies in shared.data */
  SharedMemory shared;
  Mapping mapping;    /* of the file; not open when it cannot be mapped or is inflated */
  int64_t changed;    /* when the file was last changed before it was opened; ns since 1970 */
  int64_t bytes;      /* of text */
  int64_t file_bytes; /* of the file, which may be packed */
  int64_t size; /* bytes, and one more when a newline is supplied for a last line without one */
} CsvSource;

/* Open path. Collective; the caller closes, also after a failure. path must outlive the source.
 * Fails with IO (missing, a folder, not a regular file, unreadable, different files on the nodes),
 * FORMAT (empty, damaged gzip), MEMORY; agreed. */
CHECKED Status csv_source_open_all(const Comm *comm, const char *path, CsvSource *source);
void csv_source_close_all(CsvSource *source);

enum { CSV_PADDING = 64 }; /* readable bytes behind those that were asked for */

/* Copy bytes at .. at + n - 1 (inside 0 .. size - 1) to buffer. Local. Fails with IO when the
 * system cannot read or the file has become shorter, STOPPED when a stop was asked for. */
CHECKED Status csv_source_read(const CsvSource *source, int64_t at, int64_t n, char *buffer);

/* Do bytes lie in memory already, so that csv_source_view needs no buffer? */
static inline bool csv_source_in_place(const CsvSource *source) {
  return source->mapping.bytes != NULL;
}
/* The same bytes, and CSV_PADDING behind them, in place or else in buffer (n + CSV_PADDING bytes,
 * not used when they are in place). *bytes is valid until the buffer is used again or the bytes are
 * dropped. Local. Fails as csv_source_read; what could not be read while *bytes was looked at reads
 * as zeros and is told by the next call, or by csv_source_check. */
CHECKED Status csv_source_view(const CsvSource *source, int64_t at, int64_t n, char *buffer,
                               const char **bytes);
/* Bytes from .. to - 1 are not wanted for a while: the process holds them no longer. Local. */
void csv_source_drop(const CsvSource *source, int64_t from, int64_t to);
/* Is the file still the one that was opened, by its size and time? Local. Fails with IO. */
CHECKED Status csv_source_check(const CsvSource *source);

#endif
