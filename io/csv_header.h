/* The first line of a CSV file, and which of its fields are wanted. */
#ifndef SEGUE_IO_CSV_HEADER_H
#define SEGUE_IO_CSV_HEADER_H

#include "csv.h"
#include "csv_scan.h"
#include "csv_values.h"

typedef struct CsvHeader {
  int64_t n;     /* fields of a record */
  char **names;  /* n names; NULL when the file has no header */
  int64_t line;  /* the line that the header stands on */
  CsvMark begin; /* where the data begins, and on which line, from 1 */
} CsvHeader;
void csv_header_clear(CsvHeader *header);

/* Read the header, or count the fields of the first record when there is none. Collective: rank 0
 * reads. The caller clears it, also after a failure. Fails with IO, FORMAT (only blank lines,
 * UTF-16, a malformed header), MEMORY; agreed. */
CHECKED Status csv_header_read_all(const Comm *comm, const CsvSource *source, CsvDialect dialect,
                                   bool has_header, int64_t line_limit, CsvHeader *header);

CsvDialect csv_dialect(const CsvOptions *options);

/* Type and separator of a wanted column. separator: borrowed, NULL when it is no list. Local. Fails
 * with INVALID; the message begins with "columns: ". */
CHECKED Status csv_column_type(const char *name, const CsvColumn *column, ColumnType *type,
                               const char **separator);

/* The columns to make: those of options->columns, or all of the header with type COLUMN_TYPES for
 * "to be inferred". *targets is freed with memory_free; it borrows from options and header, and
 * from *made, the invented names (one NUL-terminated text after another; memory_free). Local. Fails
 * with FORMAT naming the column that the file lacks or has twice, INVALID, MEMORY. */
CHECKED Status csv_targets_new(const CsvOptions *options, const CsvHeader *header,
                               CsvTarget **targets, int64_t *n, char **made);

#endif
