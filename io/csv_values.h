/* Typed columns out of batches of CSV records. */
#ifndef SEGUE_IO_CSV_VALUES_H
#define SEGUE_IO_CSV_VALUES_H

#include "csv.h"
#include "csv_scan.h"
#include "csv_words.h"

/* A column to make. */
typedef struct CsvTarget {
  const char *name; /* borrowed */
  ColumnType type;
  const char *separator; /* LIST; borrowed */
  int64_t separator_n;
  int64_t field; /* from 0; -1: the file has no such column */
  bool last;     /* it is the last field of a record */
} CsvTarget;

typedef struct CsvBuilder {
  CsvTarget target;
  const TextList *missing_words;
  Column *column;
  int64_t items_n, items_capacity; /* bytes of TEXT, codes of LIST */
  CsvWords words;                  /* CATEGORY, LIST */
  int64_t missing;                 /* rows so far */
  bool numbers_count;              /* no missing word is itself a number, such as -1 */
  const uint8_t *left; /* of the present batch, set by csv_numbers: records whose number is still to
                          be made, those with the bit `lane`; NULL: all */
  uint8_t lane;
  bool any_left; /* false: none has it */
} CsvBuilder;

/* A column of `rows` rows. missing_words must outlive it. Local; clear it also after a failure.
 * Fails with MEMORY. */
CHECKED Status csv_builder_init(CsvBuilder *builder, const CsvTarget *target,
                                const TextList *missing_words, int64_t rows);
void csv_builder_clear(CsvBuilder *builder);

/* Enter the batch's records as rows row .. row + batch->n - 1.
 * reason  batch->n CsvReason: records that are not CSV_GOOD become missing; a value that its type
 *         cannot hold sets it. TEXT, CATEGORY and LIST set none, and are to come last.
 * Local. Fails with MEMORY. */
CHECKED Status csv_builder_add(CsvBuilder *builder, const CsvBatch *batch, int64_t row,
                               uint8_t *reason);

/* Make codes global. Collective. Fails with MEMORY, agreed. */
CHECKED Status csv_builder_finish_all(const Comm *comm, CsvBuilder *builder);

/* One value, for messages and inference; blanks around it are allowed. Local. */
bool csv_is_missing(const TextList *missing_words, CsvField field);
CsvReason csv_parse_real(CsvField field, double *value);
CsvReason csv_parse_integer(CsvField field, int64_t *value); /* 3.0 is one */
CsvReason csv_parse_boolean(CsvField field,
                            uint8_t *value); /* true, false in three spellings, 0, 1 */
CsvReason csv_parse_date(CsvField field, int32_t *value);

#endif
