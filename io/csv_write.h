/* CSV text, built field by field in memory: RFC 4180, LF, numbers that read back to the same bits.
 */
#ifndef SEGUE_IO_CSV_WRITE_H
#define SEGUE_IO_CSV_WRITE_H

#include "kernels/table/table.h"

typedef struct CsvText {
  char *bytes;
  int64_t n, capacity;
  bool open;       /* the line has a field already */
  bool only_empty; /* that is all it has, and it is empty */
  Status status;   /* the first failure (MEMORY); later calls do nothing */
} CsvText;

/* All local. n < 0: up to the NUL. Fields are quoted when they have to be; so is an empty one that
 * is all of its line, since readers skip blank lines. */
void csv_text_add(CsvText *text, const char *bytes, int64_t n);
void csv_text_integer(CsvText *text, int64_t value);
void csv_text_real(CsvText *text, double value); /* shortest that reads back; NaN: empty */
/* A value of a column: lists joined by ';', dates as they were given, missing: empty. */
void csv_text_column(CsvText *text, const Column *column, int64_t i);
void csv_text_end(CsvText *text); /* of the line */
void csv_text_clear(CsvText *text);

#endif
