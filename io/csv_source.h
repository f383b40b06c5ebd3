/* The bytes of a CSV file, wherever they are: on disk, or inflated and shared by a node's ranks. */
#ifndef SEGUE_IO_CSV_SOURCE_H
#define SEGUE_IO_CSV_SOURCE_H

#include "kernels/base/comm.h"

typedef struct CsvSource {
  const char *path; /* borrowed */
  int fd;           /* -1: none */
  bool inflated;    /* the text lies in shared.data */
  SharedMemory shared;
  int64_t bytes; /* of text */
  int64_t size;  /* bytes, and one more when a newline is supplied for a last line without one */
} CsvSource;

/* Open path. Collective; the caller closes, also after a failure. path must outlive the source.
 * Fails with IO (missing, a folder, not a regular file, unreadable, different files on the nodes),
 * FORMAT (empty, damaged gzip), MEMORY; agreed. */
CHECKED Status csv_source_open_all(const Comm *comm, const char *path, CsvSource *source);
void csv_source_close_all(CsvSource *source);

/* Copy bytes at .. at + n - 1 (inside 0 .. size - 1) to buffer. Local. Fails with IO when the
 * system cannot read or the file has become shorter. */
CHECKED Status csv_source_read(const CsvSource *source, int64_t at, int64_t n, char *buffer);

#endif
