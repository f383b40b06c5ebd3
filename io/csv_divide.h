/* Pass 1: which bytes of a CSV file hold which rows. */
#ifndef SEGUE_IO_CSV_DIVIDE_H
#define SEGUE_IO_CSV_DIVIDE_H

#include "csv_scan.h"
#include "kernels/numeric/rows.h"

/* This rank's whole blocks of rows. */
typedef struct CsvShare {
  Rows rows;
  CsvMark begin; /* the first byte of its first row, and that byte's line */
  int64_t end;   /* the byte behind its last row; on the last rank the end of the source */
} CsvShare;

/* Count rows from `data` on and share them out. Collective.
 * buffer  bytes to read at a time
 * Two gatherings of a few numbers a rank, one sum of two numbers a rank. Fails with IO, MEMORY;
 * agreed. */
CHECKED Status csv_divide_all(const Comm *comm, const CsvSource *source, CsvDialect dialect,
                              CsvMark data, int64_t block, int64_t buffer, CsvShare *share);

#endif
