/* Types of CSV columns that the config does not name. */
#ifndef SEGUE_IO_CSV_INFER_H
#define SEGUE_IO_CSV_INFER_H

#include "csv_rows.h"

enum { CSV_CATEGORY_WORDS = 1024, CSV_CATEGORY_SHARE = 5 /* rows per word, at least */ };

/* Set targets[].type where it is COLUMN_TYPES, from all good rows of the file: boolean when every
 * value is a true or false word (0 and 1 are integers); integer; real; date; category when there
 * are at most 1,024 distinct words and at least five rows to a word; else text. A digit string with
 * a leading zero is a label, not a number. A column without any value is real. reader    at the
 * beginning of this rank's records; used up n_global  rows of the file Collective. Fails with IO,
 * MEMORY; agreed. */
CHECKED Status csv_infer_all(const Comm *comm, const CsvRules *rules, CsvReader *reader,
                             int64_t n_global, CsvTarget *targets);

#endif
