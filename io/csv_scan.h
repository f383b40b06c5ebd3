/* The structure of CSV text: where records and fields end.
 *
 * Whether a byte lies inside quotes depends on all before it, and a quote is special only where a
 * field begins, so that counting quotes alone would be misled by `7" single`. The grammar is a
 * small automaton; a range of bytes that begins behind a newline can be entered in two of its
 * states only (at the start of a record, or inside quotes), so a range is a function of two values,
 * and the state in which each rank enters its range is the composition of those before it. */
#ifndef SEGUE_IO_CSV_SCAN_H
#define SEGUE_IO_CSV_SCAN_H

#include <stdbool.h>
#include <string.h>

#include "csv_source.h"

typedef struct CsvDialect {
  char delimiter;
  char quote; /* 0: none */
} CsvDialect;

typedef enum CsvState {
  CSV_AT_RECORD, /* a record begins here */
  CSV_AT_FIELD,  /* a field begins here */
  CSV_PLAIN,     /* in an unquoted field */
  CSV_QUOTED,    /* inside quotes */
  CSV_CLOSED,    /* behind a quote inside quotes: a doubled one, or the field's end */
  CSV_CLOSED_CR  /* behind that and a carriage return */
} CsvState;

/* The automaton. *end: the byte ends a field (and a record when it is a newline).
 * *stray: the byte stands behind a closing quote and must not; the field goes on unquoted. */
CsvState csv_step(CsvDialect dialect, CsvState state, char byte, bool *end, bool *stray);

/* ---- pass 1: how many records end in a range, and where ---- */

/* A place behind the end of a record, and how many newlines stand before it. */
typedef struct CsvMark {
  int64_t at;
  int64_t lines;
} CsvMark;

typedef struct CsvRange {
  int64_t begin, end; /* bytes of the source; begin is 0 or stands behind a newline */
  CsvState entry;     /* in: CSV_AT_RECORD or CSV_QUOTED */
  CsvState exit;
  int64_t records;  /* that end in the range, blank lines not counted */
  int64_t newlines; /* all of them */
  int64_t n_marks, capacity;
  CsvMark *marks; /* behind every CSV_MARKED-th record's end; lines count from begin */
} CsvRange;
enum { CSV_MARKED = 64 };
void csv_range_clear(CsvRange *range);

/* The first byte behind a newline in [from, to), or behind byte from - 1 if that is one; -1: none.
 * buffer: `capacity` bytes. Local. Fails with IO. */
CHECKED Status csv_line_begin(const CsvSource *source, int64_t from, int64_t to, char *buffer,
                              int64_t capacity, int64_t *begin);

/* Scan a range: fills exit, records, newlines and marks.
 * other   out: the exit state if the range were entered in the other state; NULL: not wanted
 * buffer  `capacity` bytes, a multiple of 64
 * Local. Fails with IO, MEMORY. */
CHECKED Status csv_range_scan(const CsvSource *source, CsvDialect dialect, CsvRange *range,
                              CsvState *other, char *buffer, int64_t capacity);

/* The place behind the end of the range's record j (0 .. records - 1). Local. Fails with IO. */
CHECKED Status csv_range_find(const CsvSource *source, CsvDialect dialect, const CsvRange *range,
                              int64_t j, char *buffer, int64_t capacity, CsvMark *mark);

/* ---- pass 2: records in batches ---- */

/* Whole records in memory. Field f of record k is bytes[ends[first[k] + f - 1] + 1 ..
 * ends[first[k] + f] - 1], still in its quotes; behind bytes stand CSV_PADDING readable ones. */
typedef struct CsvBatch {
  CsvDialect dialect;
  const char *bytes;
  int64_t bytes_n;      /* up to the end of the last record */
  const uint32_t *ends; /* ends[0] is UINT32_MAX, so that ends[0] + 1 is 0 */
  const uint32_t *first;
  const uint32_t *count; /* fields of record k */
  int64_t n;
  int64_t n_stray;
  const uint32_t *stray; /* bytes behind closing quotes, ascending */
  int64_t n_odd;
  const uint32_t *odd; /* blocks that may not be UTF-8, as utf8_blocks_good wants them */
  int64_t line;        /* physical line of bytes[0], from 1 */
  char *scratch;       /* room for a field without its quotes */
} CsvBatch;

typedef struct CsvReader {
  const CsvSource *source;
  int64_t at, end; /* bytes not yet read */
  int64_t dropped; /* those before it are not held */
  int64_t line_limit;
  const char *bytes; /* in buffer, or in place */
  char *buffer;
  int64_t capacity, filled; /* of bytes, without padding */
  uint32_t *ends, *first, *count, *stray, *odd;
  int64_t ends_capacity, rows_capacity, stray_capacity, odd_capacity;
  int64_t newlines; /* in the present batch */
  CsvBatch batch;
} CsvReader;

/* Read records from byte `at`, which begins one and is on line `line`, to byte `end`. Local. The
 * source must outlive it. Fails with MEMORY. Clear it also after a failure. */
CHECKED Status csv_reader_init(CsvReader *reader, const CsvSource *source, CsvDialect dialect,
                               CsvMark at, int64_t end, int64_t buffer, int64_t line_limit);
void csv_reader_clear(CsvReader *reader);
/* The next batch in reader->batch; n is 0 at the end. *too_long: the record that begins on line
 * batch.line (behind the blank lines skipped) exceeds line_limit; there is no batch then.
 * Local. Fails with IO, MEMORY. */
CHECKED Status csv_reader_next(CsvReader *reader, bool *too_long);
/* Why there is no batch although bytes are left: FORMAT with a message naming the line of a record
 * that is too long or of a quote that is never closed; OK when nothing is left. Local. */
CHECKED Status csv_reader_failure(const CsvReader *reader, bool too_long);

/* The line on which bytes[at] stands. Local. */
int64_t csv_batch_line(const CsvBatch *batch, int64_t at);
static inline int64_t csv_batch_begin(const CsvBatch *batch, int64_t k, int64_t f) {
  return (uint32_t)(batch->ends[batch->first[k] + (uint32_t)f - 1] + 1);
}

typedef struct CsvField {
  const char *text; /* valid until the next field is asked for; not terminated */
  int64_t n;
} CsvField;
CsvField csv_unquote(const CsvBatch *batch, const char *text, int64_t n);

/* Field f of a good record, without quotes. last: it is the last one. Local. */
static inline CsvField csv_batch_field(const CsvBatch *batch, int64_t k, int64_t f, bool last) {
  const uint32_t *end = batch->ends + batch->first[k] + f;
  const char *text = batch->bytes + (uint32_t)(end[-1] + 1), *stop = batch->bytes + *end;
  bool carriage_return = last && stop > text && stop[-1] == '\r';
  int64_t n = stop - text - carriage_return;
  if (n > 0 && *text == batch->dialect.quote) return csv_unquote(batch, text, n);
  return (CsvField){text, n};
}

#endif
