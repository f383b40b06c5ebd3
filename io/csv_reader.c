/* Pass 2 over CSV text: whole records in batches; see csv_scan.h. */
#include <stdio.h>

#include "csv_block.h"
#include "csv_scan.h"
#include "kernels/base/memory.h"

enum { STRETCH = 32 * BLOCK /* bytes for which room is made at once */ };

Status csv_reader_init(CsvReader *reader, const CsvSource *source, CsvDialect dialect, CsvMark at,
                       int64_t end, int64_t buffer, int64_t line_limit) {
  *reader = (CsvReader){
      .source = source, .at = at.at, .dropped = at.at, .end = end, .line_limit = line_limit};
  reader->batch = (CsvBatch){.dialect = dialect, .line = at.lines};
  reader->capacity = smaller(buffer, end - at.at > BLOCK ? end - at.at : BLOCK);
  Status status = OK;
  if (!csv_source_in_place(source)) TRY(NEW_RAW(&reader->buffer, reader->capacity + CSV_PADDING));
  TRY(NEW_RAW(&reader->batch.scratch, reader->capacity + CSV_PADDING));
done:
  return status;
}

void csv_reader_clear(CsvReader *reader) {
  memory_free(&reader->buffer);
  memory_free(&reader->batch.scratch);
  memory_free(&reader->ends);
  memory_free(&reader->first);
  memory_free(&reader->count);
  memory_free(&reader->stray);
  memory_free(&reader->odd);
  *reader = (CsvReader){0};
}

/* The bytes that follow the last batch, and more: in place, or by moving what is there to the front
 * and reading on. */
static Status refill(CsvReader *reader) {
  Status status = OK;
  const CsvSource *source = reader->source;
  int64_t used = reader->batch.bytes_n, left = reader->filled - used;
  int64_t begin = reader->at - left, n = smaller(reader->capacity - left, reader->end - reader->at);
  reader->batch.line += reader->newlines;
  reader->batch.bytes_n = reader->newlines = 0;
  if (csv_source_in_place(source)) {
    TRY(csv_source_view(source, begin, left + n, NULL, &reader->bytes));
    drop_behind(source, &reader->dropped, begin);
  } else {
    if (used > 0 && left > 0) memmove(reader->buffer, reader->buffer + used, (size_t)left);
    reader->filled = left;
    if (n > 0) TRY(csv_source_read(source, reader->at, n, reader->buffer + left));
    memset(reader->buffer + left + n, 0, CSV_PADDING);
    reader->bytes = reader->buffer;
  }
  reader->at += n;
  reader->filled = left + n;
done:
  return status;
}

static Status widen(CsvReader *reader) {
  Status status = OK;
  int64_t wider = 2 * reader->capacity;
  memory_free(&reader->batch.scratch);
  if (reader->buffer)
    TRY(GROW(&reader->buffer, reader->capacity + CSV_PADDING, wider + CSV_PADDING));
  TRY(NEW_RAW(&reader->batch.scratch, wider + CSV_PADDING));
  reader->capacity = wider;
done:
  return status;
}

/* What has been found so far in a piece. */
typedef struct Found {
  CsvState state; /* in front of the block; unless it is inside quotes, one may have to ask
                     the byte before */
  int64_t ends, records, odd; /* how many are noted */
  int64_t hidden;             /* newlines inside quotes */
  uint64_t here;              /* of the block, found slowly: where fields end */
  uint64_t cut;               /* not zero: the block before may end inside a character */
} Found;

/* Room for what another n bytes can hold. */
static Status reserve_stretch(CsvReader *reader, const Found *found, int64_t n) {
  Status status = OK;
  int64_t ends = found->ends + n + BLOCK + AT_ONCE, rows = found->records + n + BLOCK + 2;
  TRY(RESERVE_RAW(&reader->ends, &reader->ends_capacity, found->ends, ends));
  TRY(RESERVE_RAW(&reader->odd, &reader->odd_capacity, found->odd, found->odd + n / BLOCK + 2));
  if (rows > reader->rows_capacity) {
    int64_t same = reader->rows_capacity;
    TRY(RESERVE_RAW(&reader->first, &same, found->records + 1, rows));
    TRY(RESERVE_RAW(&reader->count, &reader->rows_capacity, 0, rows));
  }
done:
  return status;
}

static Status add_strays(CsvReader *reader, uint64_t bits, int64_t at) {
  Status status = OK;
  for (; bits; bits &= bits - 1) {
    TRY(RESERVE(&reader->stray, &reader->stray_capacity, reader->batch.n_stray + 1));
    reader->stray[reader->batch.n_stray++] = (uint32_t)(at + __builtin_ctzll(bits));
  }
done:
  return status;
}

/* Where records begin, among the ends, has been noted in first[0 .. n]: turn it into the batch's
 * records, without blank lines, and find out what they span. `newlines`: of all bytes. */
static void enter_records(CsvReader *reader, int64_t n, int64_t newlines) {
  CsvBatch *batch = &reader->batch;
  const uint32_t *ends = reader->ends;
  uint32_t *first = reader->first, begun = first[0];
  for (int64_t k = 0; k < n; k++) {
    uint32_t next = first[k + 1], count = next - begun;
    if (count == 1) {
      uint32_t begin = ends[begun - 1] + 1, length = ends[begun] - begin;
      bool blank = length == 0 || (length == 1 && reader->bytes[begin] == '\r');
      if (blank) count = 0;
    }
    first[batch->n] = begun;
    reader->count[batch->n] = count;
    batch->n += count > 0;
    begun = next;
  }
  batch->bytes_n = n > 0 ? (int64_t)ends[begun - 1] + 1 : 0;
  for (int64_t i = batch->bytes_n; i < reader->filled; i++) newlines -= reader->bytes[i] == '\n';
  reader->newlines = n > 0 ? newlines : 0;
}

/* A block with quotes, or in quotes, or the piece's last one. */
static __attribute__((noinline)) Status find_slowly(CsvReader *reader, int64_t i, Masks m,
                                                    Found *found) {
  Status status = OK;
  const char *bytes = reader->bytes + i;
  const CsvDialect dialect = reader->batch.dialect;
  int n = (int)smaller(BLOCK, reader->filled - i);
  if (n < BLOCK) masks_cut(&m, n);
  if (found->state < CSV_QUOTED && i > 0) found->state = state_behind(bytes[-1], dialect);
  Ends out = scan_block(bytes, &m, n, dialect, &found->state);
  found->hidden += __builtin_popcountll(m.newline & ~out.ends);
  found->here = out.ends;
  if (out.stray) TRY(add_strays(reader, out.stray, i));
done:
  return status;
}

/* Find the fields and records that end in bytes[from .. from + n), for which there is room. Nearly
 * every block holds the end of one record or of none; which of both is hard to predict and not
 * asked. */
CSV_INLINE Status find_stretch(CsvReader *reader, int64_t from, int64_t n, Found *kept,
                               MasksOf *masks, Positions *positions) {
  Status status = OK;
  const CsvDialect dialect = reader->batch.dialect;
  const char *bytes = reader->bytes;
  uint32_t *ends = reader->ends + kept->ends, *first = reader->first + kept->records + 1;
  uint32_t *odd = reader->odd + kept->odd;
  uint32_t n_ends = (uint32_t)kept->ends;
  uint64_t cut = kept->cut;
  for (int64_t i = from; i < from + n; i += BLOCK) {
    __builtin_prefetch(bytes + i + AHEAD);
    Masks m = masks(bytes + i, dialect);
    uint64_t bits = m.delimiter | m.newline;
    if (m.quote || kept->state >= CSV_QUOTED || i + BLOCK > reader->filled) {
      TRY(find_slowly(reader, i, m, kept));
      bits = kept->here;
    }
    positions(bits, (uint32_t)i, ends);
    uint64_t records = bits & m.newline, more = records;
    for (uint32_t *to = first;; to++) {
      *to = n_ends + (uint32_t)__builtin_popcountll(bits & (more ^ (more - 1)));
      more &= more - 1;
      if (!more) break;
    }
    first += __builtin_popcountll(records);
    *odd = (uint32_t)i;
    odd += (m.odd | cut) != 0;
    cut = m.odd >> (BLOCK - 3);
    ends += __builtin_popcountll(bits);
    n_ends += (uint32_t)__builtin_popcountll(bits);
  }
done:
  kept->cut = cut;
  kept->ends = n_ends;
  kept->records = first - reader->first - 1;
  kept->odd = odd - reader->odd;
  return status;
}

CSV_INLINE Status find_records(CsvReader *reader, MasksOf *masks, Positions *positions) {
  Status status = OK;
  CsvBatch *batch = &reader->batch;
  Found found = {.state = CSV_AT_RECORD, .ends = 1};
  batch->n = batch->n_stray = 0;
  for (int64_t i = 0; i < reader->filled; i += STRETCH) {
    int64_t n = smaller(STRETCH, reader->filled - i);
    TRY(reserve_stretch(reader, &found, n));
    reader->first[0] = 1;
    reader->ends[0] = UINT32_MAX;
    TRY(find_stretch(reader, i, n, &found, masks, positions));
  }
  if (reader->filled > 0) enter_records(reader, found.records, found.records + found.hidden);
  batch->bytes = reader->bytes;
  batch->ends = reader->ends;
  batch->first = reader->first;
  batch->count = reader->count;
  batch->stray = reader->stray;
  batch->odd = reader->odd;
  batch->n_odd = found.odd;
done:
  return status;
}

static CSV_WIDE Status find_records_wide(CsvReader *reader) {
  return find_records(reader, masks_wide, positions_wide);
}

Status csv_reader_next(CsvReader *reader, bool *too_long) {
  Status status = OK;
  CsvBatch *batch = &reader->batch;
  *too_long = false;
  batch->n = 0;
  while (batch->n == 0 && (reader->at < reader->end || reader->filled > batch->bytes_n)) {
    TRY(refill(reader));
    TRY(csv_wide() ? find_records_wide(reader) : find_records(reader, masks_of, csv_positions));
    bool stuck = batch->bytes_n == 0 && reader->filled > 0;
    if (!stuck) continue;
    if (reader->filled > reader->line_limit) *too_long = true;
    if (*too_long || reader->at == reader->end) break;
    if (reader->filled == reader->capacity) TRY(widen(reader));
  }
done:
  return status;
}

/* Where the quote stands that is still open at the end; -1: none. */
static int64_t find_open_quote(const CsvReader *reader) {
  CsvState state = CSV_AT_RECORD;
  int64_t opened = -1;
  for (int64_t i = reader->batch.bytes_n; i < reader->filled; i++) {
    bool end, stray, at_begin = state == CSV_AT_RECORD || state == CSV_AT_FIELD;
    state = csv_step(reader->batch.dialect, state, reader->bytes[i], &end, &stray);
    if (at_begin && state == CSV_QUOTED) opened = i;
  }
  return state == CSV_QUOTED ? opened : -1;
}

Status csv_reader_failure(const CsvReader *reader, bool too_long) {
  const CsvBatch *batch = &reader->batch;
  const char *path = reader->source->path;
  int64_t opened = find_open_quote(reader);
  long long line = opened < 0 ? 0 : batch->line;
  for (int64_t i = 0; i < opened; i++) line += reader->bytes[i] == '\n';
  char quote[96] = "";
  if (too_long) {
    if (opened >= 0)
      snprintf(quote, sizeof quote, "; perhaps the quote opened on line %lld is never closed",
               line);
    return status_fail(FORMAT, "%s:%lld: the record that begins here is longer than %lld bytes%s",
                       path, (long long)batch->line, (long long)reader->line_limit, quote);
  }
  if (opened >= 0)
    return status_fail(FORMAT,
                       "%s:%lld: the quote opened here is never closed; close it, or double "
                       "it when it belongs to the text",
                       path, line);
  return OK;
}

int64_t csv_batch_line(const CsvBatch *batch, int64_t at) {
  int64_t line = batch->line;
  for (int64_t i = 0; i < at; i++) line += batch->bytes[i] == '\n';
  return line;
}

/* Take off the quotes around text and undouble those inside. */
CsvField csv_unquote(const CsvBatch *batch, const char *text, int64_t n) {
  const char quote = batch->dialect.quote;
  const char *from = text + 1, *stop = text + n - 1;
  if (!memchr(from, quote, (size_t)(stop - from))) return (CsvField){from, stop - from};
  char *to = batch->scratch;
  while (from < stop) {
    if (*from == quote) from++;
    *to++ = *from++;
  }
  return (CsvField){batch->scratch, to - batch->scratch};
}
