/* Structural scanning of CSV text, 64 bytes at a time; see csv_scan.h.
 *
 * A block of 64 bytes becomes four bit masks (quotes, delimiters, newlines, carriage returns). A
 * prefix XOR of the quotes tells which bits lie inside quotes, provided every quote opens or closes
 * a field or is one of a doubled pair; that is verified with a few shifts, and a block that fails,
 * or that begins right behind a closing quote, goes byte by byte through the automaton. Both ways
 * give the same, which the tests check on random text. AVX-512 would halve the cost of the masks,
 * which is already below that of copying the bytes out of the page cache. */
#include "csv_scan.h"

#ifdef __AVX2__
#include <immintrin.h>
#endif

#include <stdio.h>

#include "kernels/base/memory.h"

enum {
  BLOCK = 64,
  AT_ONCE = 12, /* positions written at once */
  HELD = 16 << 20 /* bytes of a mapped file that stay in memory behind what is read */
};

typedef struct Masks {
  uint64_t quote, delimiter, newline, carriage;
} Masks;

#ifdef __AVX2__
static inline uint64_t equal(__m256i low, __m256i high, char c) {
  __m256i wanted = _mm256_set1_epi8(c);
  uint32_t a = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, wanted));
  uint32_t b = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, wanted));
  return (uint64_t)b << 32 | a;
}

static inline Masks masks_of(const char *bytes, CsvDialect dialect) {
  __m256i low = _mm256_loadu_si256((const __m256i *)(const void *)bytes);
  __m256i high = _mm256_loadu_si256((const __m256i *)(const void *)(bytes + 32));
  return (Masks){dialect.quote ? equal(low, high, dialect.quote) : 0,
                 equal(low, high, dialect.delimiter), equal(low, high, '\n'),
                 equal(low, high, '\r')};
}
#else
static inline Masks masks_of(const char *bytes, CsvDialect dialect) {
  Masks masks = {0};
  for (int i = 0; i < BLOCK; i++) {
    uint64_t bit = UINT64_C(1) << i;
    if (bytes[i] == dialect.delimiter) masks.delimiter |= bit;
    if (bytes[i] == '\n') masks.newline |= bit;
    if (bytes[i] == '\r') masks.carriage |= bit;
    if (dialect.quote && bytes[i] == dialect.quote) masks.quote |= bit;
  }
  return masks;
}
#endif

CsvState csv_step(CsvDialect dialect, CsvState state, char byte, bool *end, bool *stray) {
  bool quote = dialect.quote && byte == dialect.quote;
  bool separator = byte == dialect.delimiter || byte == '\n';
  CsvState next = byte == '\n' ? CSV_AT_RECORD : separator ? CSV_AT_FIELD : CSV_PLAIN;
  *end = separator && state != CSV_QUOTED;
  *stray = false;
  switch (state) {
    case CSV_AT_RECORD:
    case CSV_AT_FIELD: return quote ? CSV_QUOTED : next;
    case CSV_PLAIN: return next;
    case CSV_QUOTED: return quote ? CSV_CLOSED : CSV_QUOTED;
    case CSV_CLOSED:
      if (quote) return CSV_QUOTED;
      if (byte == '\r') return CSV_CLOSED_CR;
      *stray = !separator;
      return next;
    case CSV_CLOSED_CR: *stray = byte != '\n'; return next;
  }
  return next;
}

typedef struct Ends {
  uint64_t ends, stray;
} Ends;

static inline uint64_t prefix_xor(uint64_t x) {
  x ^= x << 1;
  x ^= x << 2;
  x ^= x << 4;
  x ^= x << 8;
  x ^= x << 16;
  x ^= x << 32;
  return x;
}

static Ends block_by_steps(const char *bytes, int n, CsvDialect dialect, CsvState *state) {
  Ends out = {0};
  for (int i = 0; i < n; i++) {
    bool end, stray;
    *state = csv_step(dialect, *state, bytes[i], &end, &stray);
    out.ends |= (uint64_t)end << i;
    out.stray |= (uint64_t)stray << i;
  }
  return out;
}

/* The block with quotes, by masks; false when a quote stands where the masks cannot judge it. */
static inline bool block_by_masks(const Masks *m, CsvState *state, Ends *out) {
  uint64_t inside = prefix_xor(m->quote) ^ (*state == CSV_QUOTED ? ~UINT64_C(0) : 0);
  uint64_t opens = m->quote & inside, closes = m->quote & ~inside;
  uint64_t ends = (m->delimiter | m->newline) & ~inside;
  uint64_t at_begin = *state == CSV_AT_RECORD || *state == CSV_AT_FIELD;
  uint64_t after = closes << 1, after_return = (after & m->carriage) << 1;
  if (opens & ~((ends | closes) << 1 | at_begin)) return false;
  if (after & ~(ends | opens | m->carriage)) return false;
  if (after_return & ~m->newline) return false;
  out->ends = ends;
  const uint64_t last = UINT64_C(1) << 63;
  *state = closes & last                ? CSV_CLOSED
           : inside & last              ? CSV_QUOTED
           : after & m->carriage & last ? CSV_CLOSED_CR
           : ends & m->newline & last   ? CSV_AT_RECORD
           : ends & last                ? CSV_AT_FIELD
                                        : CSV_PLAIN;
  return true;
}

/* Fields that end in a block of n bytes; only the last block of a piece has fewer than BLOCK. */
static inline Ends scan_block(const char *bytes, const Masks *m, int n, CsvDialect dialect,
                              CsvState *state) {
  Ends out = {0};
  if (*state >= CSV_CLOSED || n < BLOCK) return block_by_steps(bytes, n, dialect, state);
  if (m->quote == 0) {
    if (*state == CSV_QUOTED) return out;
    out.ends = m->delimiter | m->newline;
    *state = m->newline >> 63 ? CSV_AT_RECORD : m->delimiter >> 63 ? CSV_AT_FIELD : CSV_PLAIN;
    return out;
  }
  if (block_by_masks(m, state, &out)) return out;
  return block_by_steps(bytes, BLOCK, dialect, state);
}

/* ---- pass 1 ---- */

void csv_range_clear(CsvRange *range) {
  memory_free(&range->marks);
  *range = (CsvRange){0};
}

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

/* A range that was read up to `at` is let go in large pieces, the last of which stays: a second
 * pass over a range of that size finds it in place. */
static void drop_behind(const CsvSource *source, int64_t *dropped, int64_t at) {
  if (at - *dropped < HELD) return;
  csv_source_drop(source, *dropped, at);
  *dropped = at;
}

Status csv_line_begin(const CsvSource *source, int64_t from, int64_t to, char *buffer,
                      int64_t capacity, int64_t *begin) {
  Status status = OK;
  const char *bytes = NULL;
  *begin = -1;
  for (int64_t at = from - 1; at < to - 1 && *begin < 0;) {
    int64_t n = smaller(capacity, to - 1 - at);
    TRY(csv_source_view(source, at, n, buffer, &bytes));
    const char *newline = memchr(bytes, '\n', (size_t)n);
    if (newline) *begin = at + (newline - bytes) + 1;
    at += n;
  }
done:
  return status;
}

/* What is carried from block to block: a blank line is told by the two bytes before its end. */
typedef struct Walk {
  CsvState state;
  uint64_t record_ends, carriages; /* of the block before */
  int64_t records;
} Walk;

static Walk walk_from(CsvState entry) {
  return (Walk){.state = entry, .record_ends = entry == CSV_AT_RECORD ? UINT64_C(1) << 63 : 0};
}

/* Records that end in the block, without blank lines. */
static inline uint64_t walk_block(Walk *walk, const char *bytes, const Masks *m, int n,
                                  CsvDialect dialect) {
  Ends out = scan_block(bytes, m, n, dialect, &walk->state);
  uint64_t ends = out.ends & m->newline, before = walk->record_ends;
  uint64_t blank = ends << 1 | before >> 63;
  blank |= (ends << 2 | before >> 62) & (m->carriage << 1 | walk->carriages >> 63);
  walk->record_ends = ends;
  walk->carriages = m->carriage;
  ends &= ~blank;
  walk->records += __builtin_popcountll(ends);
  return ends;
}

/* Cut the masks of the last, incomplete block to its n bytes. */
static void masks_cut(Masks *m, int n) {
  uint64_t keep = n == BLOCK ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1;
  m->quote &= keep;
  m->delimiter &= keep;
  m->newline &= keep;
  m->carriage &= keep;
}

static uint64_t nth_bit(uint64_t bits, int64_t nth) {
  for (; nth > 0; nth--) bits &= bits - 1;
  return bits & -bits;
}

/* The mark behind the end that is the nth (from 0) of a block at `at`. */
static CsvMark mark_of(uint64_t ends, int64_t nth, const Masks *m, int64_t at, int64_t lines) {
  uint64_t bit = nth_bit(ends, nth);
  uint64_t upto = bit | (bit - 1);
  return (CsvMark){at + __builtin_ctzll(bit) + 1, lines + __builtin_popcountll(m->newline & upto)};
}

Status csv_range_scan(const CsvSource *source, CsvDialect dialect, CsvRange *range, CsvState *other,
                      char *buffer, int64_t capacity) {
  Status status = OK;
  Walk walk = walk_from(range->entry);
  CsvState rival = range->entry == CSV_QUOTED ? CSV_AT_RECORD : CSV_QUOTED;
  const char *bytes = NULL;
  int64_t dropped = range->begin;
  bool both = other != NULL;
  range->newlines = range->n_marks = 0;
  for (int64_t at = range->begin; at < range->end;) {
    int64_t n = smaller(capacity, range->end - at);
    TRY(csv_source_view(source, at, n, buffer, &bytes));
    for (int64_t i = 0; i < n; i += BLOCK) {
      int here = (int)smaller(BLOCK, n - i);
      Masks m = masks_of(bytes + i, dialect);
      if (here < BLOCK) masks_cut(&m, here);
      int64_t missing = CSV_MARKED - walk.records % CSV_MARKED;
      uint64_t ends = walk_block(&walk, bytes + i, &m, here, dialect);
      if (both) {
        scan_block(bytes + i, &m, here, dialect, &rival);
        both = rival != walk.state;
      }
      if (__builtin_popcountll(ends) >= missing) {
        TRY(RESERVE(&range->marks, &range->capacity, range->n_marks + 1));
        range->marks[range->n_marks++] = mark_of(ends, missing - 1, &m, at + i, range->newlines);
      }
      range->newlines += __builtin_popcountll(m.newline);
    }
    at += n;
    drop_behind(source, &dropped, at);
  }
  range->records = walk.records;
  range->exit = walk.state;
  if (other) *other = both ? rival : walk.state;
done:
  return status;
}

Status csv_range_find(const CsvSource *source, CsvDialect dialect, const CsvRange *range, int64_t j,
                      char *buffer, int64_t capacity, CsvMark *mark) {
  Status status = OK;
  int64_t before = (j + 1) / CSV_MARKED, missing = (j + 1) % CSV_MARKED;
  Walk walk = walk_from(before == 0 ? range->entry : CSV_AT_RECORD);
  const char *bytes = NULL;
  *mark = before == 0 ? (CsvMark){range->begin, 0} : range->marks[before - 1];
  for (int64_t at = mark->at, lines = mark->lines; missing > 0 && at < range->end;) {
    int64_t n = smaller(capacity, range->end - at);
    TRY(csv_source_view(source, at, n, buffer, &bytes));
    for (int64_t i = 0; i < n && missing > 0; i += BLOCK) {
      int here = (int)smaller(BLOCK, n - i);
      Masks m = masks_of(bytes + i, dialect);
      masks_cut(&m, here);
      uint64_t ends = walk_block(&walk, bytes + i, &m, here, dialect);
      int64_t found = __builtin_popcountll(ends);
      if (found >= missing) *mark = mark_of(ends, missing - 1, &m, at + i, lines);
      missing -= found;
      lines += __builtin_popcountll(m.newline);
    }
    at += n;
  }
done:
  return status;
}

/* ---- pass 2 ---- */

Status csv_reader_init(CsvReader *reader, const CsvSource *source, CsvDialect dialect, CsvMark at,
                       int64_t end, int64_t buffer, int64_t line_limit) {
  *reader = (CsvReader){
      .source = source, .at = at.at, .dropped = at.at, .end = end, .line_limit = line_limit};
  reader->batch = (CsvBatch){.dialect = dialect, .line = at.lines};
  reader->capacity = smaller(buffer, end - at.at > BLOCK ? end - at.at : BLOCK);
  Status status = OK;
  if (!csv_source_in_place(source))
    TRY(NEW_RAW(&reader->buffer, reader->capacity + CSV_PADDING));
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

static Status reserve_block(CsvReader *reader, int64_t n, int64_t n_ends) {
  Status status = OK;
  int64_t rows = n + BLOCK + 2;
  if (n_ends + BLOCK + AT_ONCE > reader->ends_capacity)
    TRY(RESERVE(&reader->ends, &reader->ends_capacity, n_ends + BLOCK + AT_ONCE));
  if (rows > reader->rows_capacity) {
    int64_t same = reader->rows_capacity;
    TRY(RESERVE(&reader->first, &same, rows));
    TRY(RESERVE(&reader->count, &reader->rows_capacity, rows));
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

static inline uint32_t lowest(uint64_t bits) {
#ifdef __BMI__
  return (uint32_t)_tzcnt_u64(bits); /* defined for 0, too */
#else
  return (uint32_t)__builtin_ctzll(bits | UINT64_C(1) << 63);
#endif
}

/* The positions of the bits: how many there are is hard to predict, that they are at most AT_ONCE
 * is not. Up to AT_ONCE - 1 numbers behind the last one are overwritten. */
static inline void write_bits(uint64_t bits, uint32_t base, uint32_t *to) {
  do {
    for (int j = 0; j < AT_ONCE; j++) {
      to[j] = base + lowest(bits);
      bits &= bits - 1;
    }
    to += AT_ONCE;
  } while (bits);
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

/* Find all fields and records that end in bytes[0 .. filled). Nearly every block holds the end of
 * one record or of none; which of both is hard to predict and not asked. */
static Status find_records(CsvReader *reader) {
  Status status = OK;
  CsvBatch *batch = &reader->batch;
  CsvState state = CSV_AT_RECORD;
  int64_t n_ends = 1, n = 0, newlines = 0;
  batch->n = batch->n_stray = 0;
  for (int64_t i = 0; i < reader->filled; i += BLOCK) {
    TRY(reserve_block(reader, n, n_ends));
    reader->first[0] = 1;
    reader->ends[0] = UINT32_MAX;
    Masks m = masks_of(reader->bytes + i, batch->dialect);
    int here = (int)smaller(BLOCK, reader->filled - i);
    if (here < BLOCK) masks_cut(&m, here);
    Ends out = scan_block(reader->bytes + i, &m, here, batch->dialect, &state);
    write_bits(out.ends, (uint32_t)i, reader->ends + n_ends);
    uint64_t bits = out.ends & m.newline;
    do {
      uint64_t upto = bits ^ (bits - 1);
      reader->first[n + 1] = (uint32_t)(n_ends + __builtin_popcountll(out.ends & upto));
      n += bits != 0;
      bits &= bits - 1;
    } while (bits);
    newlines += __builtin_popcountll(m.newline);
    n_ends += __builtin_popcountll(out.ends);
    if (out.stray) TRY(add_strays(reader, out.stray, i));
  }
  if (reader->filled > 0) enter_records(reader, n, newlines);
  batch->bytes = reader->bytes;
  batch->ends = reader->ends;
  batch->first = reader->first;
  batch->count = reader->count;
  batch->stray = reader->stray;
done:
  return status;
}

Status csv_reader_next(CsvReader *reader, bool *too_long) {
  Status status = OK;
  CsvBatch *batch = &reader->batch;
  *too_long = false;
  batch->n = 0;
  while (batch->n == 0 && (reader->at < reader->end || reader->filled > batch->bytes_n)) {
    TRY(refill(reader));
    TRY(find_records(reader));
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
