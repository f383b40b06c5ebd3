/* Structural scanning of CSV text, 64 bytes at a time; see csv_scan.h.
 *
 * A block of 64 bytes becomes four bit masks (quotes, delimiters, newlines, carriage returns). A
 * prefix XOR of the quotes tells which bits lie inside quotes, provided every quote opens or closes
 * a field or is one of a doubled pair; that is verified with a few shifts, and a block that fails,
 * or that begins right behind a closing quote, goes byte by byte through the automaton. Both ways
 * give the same, which the tests check on random text. With
 * AVX-512, where the machine has it, a mask is one comparison and the places of all its bits are
 * written at once. */
#include "csv_scan.h"

#include "csv_block.h"
#include "kernels/base/memory.h"

bool csv_wide_off;

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

void csv_range_clear(CsvRange *range) {
  memory_free(&range->marks);
  *range = (CsvRange){0};
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

CSV_INLINE Status range_scan(const CsvSource *source, CsvDialect dialect, CsvRange *range,
                             CsvState *other, char *buffer, int64_t capacity, MasksOf *masks) {
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
      __builtin_prefetch(bytes + i + AHEAD);
      Masks m = masks(bytes + i, dialect);
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

static CSV_WIDE Status range_scan_wide(const CsvSource *source, CsvDialect dialect, CsvRange *range,
                                       CsvState *other, char *buffer, int64_t capacity) {
  return range_scan(source, dialect, range, other, buffer, capacity, masks_wide);
}

Status csv_range_scan(const CsvSource *source, CsvDialect dialect, CsvRange *range, CsvState *other,
                      char *buffer, int64_t capacity) {
  if (csv_wide()) return range_scan_wide(source, dialect, range, other, buffer, capacity);
  return range_scan(source, dialect, range, other, buffer, capacity, masks_of);
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
