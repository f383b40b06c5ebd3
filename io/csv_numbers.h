/* Numbers that stand side by side in a record, eight fields at a time, with AVX-512.
 *
 * Where the processor lacks it, where a record's eight fields take more than 64 bytes, and for
 * texts of another form than [-] digits [. digits] [e-0 digit] in at most eight characters, nothing
 * is done: what is left is told by a bit a row, and csv_values goes on with it, so that values and
 * verdicts are those of real_parse and integer_parse. */
#ifndef SEGUE_IO_CSV_NUMBERS_H
#define SEGUE_IO_CSV_NUMBERS_H

#include "csv_scan.h"
#include "csv_values.h"

enum { CSV_LANES = 8 };

/* Fields field .. field + CSV_LANES - 1 of every record. */
typedef struct CsvWindow {
  int64_t field;
  uint8_t wanted, integers;       /* bits of lanes */
  CsvBuilder *builder[CSV_LANES]; /* of the wanted lanes; borrowed */
  uint8_t *left;                  /* of the present batch: per row, bits of lanes not yet made */
  uint32_t *odd;                  /* of the present batch: records to look at again */
  int64_t capacity;
} CsvWindow;

typedef struct CsvNumbers {
  CsvWindow *windows;
  int64_t n;
} CsvNumbers;
void csv_numbers_clear(CsvNumbers *numbers);

/* Share columns of numbers out to windows; a column that stands nearly alone gets none. builders
 * must outlive it. Local. Fails with MEMORY; clear it also after a failure.
 * fields  of every good record */
CHECKED Status csv_numbers_init(CsvNumbers *numbers, CsvBuilder *builders, int64_t n,
                                int64_t fields);

/* Make what can be made of the batch's records, and tell the builders what is left of their
 * columns. row, reason  as for csv_builder_add, which is to follow Local. Fails with MEMORY. */
CHECKED Status csv_numbers_add(CsvNumbers *numbers, const CsvBatch *batch, int64_t row,
                               const uint8_t *reason);

#endif
