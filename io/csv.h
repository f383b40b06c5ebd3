/* CSV files into tables, read by all ranks at once.
 *
 * RFC 4180 with the freedoms found in the field: any one-byte delimiter and quote, LF or CRLF, a
 * byte order mark, blank lines (skipped), a last line without its newline, gzip. A quote is special
 * only at the start of a field, where it opens one that may hold delimiters, newlines and doubled
 * quotes; elsewhere it is an ordinary character. What follows a closing quote has to be a delimiter
 * or the end of the line. Text is UTF-8. The result, every message and every count are the same on
 * any number of ranks. */
#ifndef SEGUE_IO_CSV_H
#define SEGUE_IO_CSV_H

#include "kernels/base/options.h"
#include "kernels/base/work.h"
#include "kernels/table/table.h"

enum { CSV_EXAMPLES = 5, CSV_LINE_DEFAULT = 16 << 20, CSV_BUFFER_DEFAULT = 128 << 10 };

/* One wanted column. In a config a lone text is its type. */
typedef struct CsvColumn {
  char *type;      /* a word of column_type_words; "list;" is a list separated by ";" */
  char *from;      /* header name, or the position from 1 when there is no header; NULL: the name */
  bool optional;   /* a column that the file lacks is missing in every row */
  char *separator; /* between the items of a list, such as ";" or ", "; NULL: as in type */
} CsvColumn;

typedef enum CsvOnBadRow { CSV_FAIL, CSV_SKIP } CsvOnBadRow;
extern const char *const csv_on_bad_row_words[]; /* "fail", "skip", NULL */

typedef struct CsvOptions {
  char *path;
  char *delimiter;    /* one byte; NULL: "," */
  char *quote;        /* one byte; "": no quoting; NULL: "\"" */
  bool header;        /* the first line that is not blank names the columns */
  TextList missing;   /* words that mean "missing", beside the empty field */
  Map columns;        /* name -> CsvColumn; empty: all columns, types inferred from all rows */
  int on_bad_row;     /* CsvOnBadRow */
  int64_t line_limit; /* longest record in bytes, from 1; 0: CSV_LINE_DEFAULT */
  int64_t buffer; /* bytes read at a time, from 64; 0: CSV_BUFFER_DEFAULT; no effect on results */
  WorkSink *sink; /* is told of progress and asked for a stop; NULL: nobody; no option row */
} CsvOptions;

/* Why rows were left out. */
typedef enum CsvReason {
  CSV_GOOD,
  CSV_FEW,      /* too few fields */
  CSV_MANY,     /* too many fields */
  CSV_STRAY,    /* text after a closing quote */
  CSV_NUL,      /* a NUL byte */
  CSV_ENCODING, /* not UTF-8 */
  CSV_LONG,     /* longer than line_limit; never skipped */
  CSV_NO_REAL,  /* not a number */
  CSV_NO_INTEGER,
  CSV_NO_BOOLEAN,
  CSV_NO_DATE,
  CSV_RANGE, /* a number that its type cannot hold */
  CSV_REASONS
} CsvReason;
extern const char *const csv_reason_words[]; /* for people, indexed by CsvReason */

typedef struct CsvReportColumn {
  char *name;
  ColumnType type;
  int64_t missing; /* rows of the table where it is missing */
  bool absent;     /* optional, and not in the file */
} CsvReportColumn;

/* What there is to tell about a reading; the same on all ranks. */
typedef struct CsvReport {
  int64_t rows;    /* in the table */
  int64_t skipped; /* rows left out */
  int64_t skipped_by[CSV_REASONS];
  int64_t n_examples;
  char *examples[CSV_EXAMPLES]; /* the first of them: "FILE:LINE: what" */
  int64_t n_columns;
  CsvReportColumn *columns;
} CsvReport;
void csv_report_clear(CsvReport *report);

/* Check options: types, separators, delimiter and quote. Local. Fails with INVALID; the message
 * begins with the option's name and a colon. */
CHECKED Status csv_check(const CsvOptions *options);

/* The columns that csv_read_all will give. Local. When options->columns is empty the types depend
 * on every row, so that the file is read through (on this rank alone).
 * Fails with INVALID, and then with IO and FORMAT as csv_read_all. */
CHECKED Status csv_schema(const CsvOptions *options, Schema *out);

/* Read a file into a table of whole blocks; row ids are the numbers of the data rows in the file,
 * from 0, rows left out included.
 *
 * Collective; options same on all ranks, borrowed. Rank r reads about the r-th part of the bytes,
 * twice (once to find where rows begin, once to parse), in place where the file can be mapped, else
 * in pieces of options->buffer bytes. It never holds more of the file than 32 MB and its longest
 * line. gzip is inflated as a whole, once per node.
 *
 * block   rows in a block
 * out     the caller clears it, also after a failure
 * report  the caller clears it, also after a failure; may be NULL
 * Fails with IO (missing, a folder, unreadable, changed while it was read), FORMAT (the first
 * offending line of the whole file: `FILE:LINE: column "NAME": "VALUE" ...`; a quote that is never
 * closed and a record longer than line_limit are failures even when bad rows are skipped), INVALID
 * (options), STOPPED (asked for while reading), MEMORY; agreed. */
CHECKED Status csv_read_all(const Comm *comm, const CsvOptions *options, int64_t block, Table *out,
                            CsvReport *report);

#endif
