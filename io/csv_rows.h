/* Is a CSV record well-formed, and how to say that it is not. */
#ifndef SEGUE_IO_CSV_ROWS_H
#define SEGUE_IO_CSV_ROWS_H

#include "csv.h"
#include "csv_scan.h"
#include "csv_values.h"

/* What records are held against. */
typedef struct CsvRules {
  const CsvOptions *options;
  int64_t fields;     /* of every record */
  int64_t line_limit; /* bytes */
  int64_t n_targets;
  const CsvTarget *targets; /* to find out which value was bad */
} CsvRules;

/* Set reason (batch->n CsvReason) from the records' structure and characters. Local. */
void csv_rows_check(const CsvRules *rules, const CsvBatch *batch, uint8_t *reason);

enum { CSV_MESSAGE = 512 };
/* `FILE:LINE: ...` for record k, whose reason is not CSV_GOOD. Local. */
void csv_rows_message(const CsvRules *rules, const CsvBatch *batch, int64_t k, CsvReason reason,
                      char text[CSV_MESSAGE]);

#endif
