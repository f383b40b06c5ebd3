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
  uint64_t record_ends; /* of the block before */
  bool carriage;        /* that block ends with a carriage return */
  int64_t records, newlines;
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
  blank |= (ends << 2 | before >> 62) & (m->carriage << 1 | walk->carriage);
  walk->record_ends = ends;
  walk->carriage = m->carriage >> 63;
  ends &= ~blank;
  walk->records += __builtin_popcountll(ends);
  walk->newlines += __builtin_popcountll(m->newline);
  return ends;
}

/* Most blocks hold no quote and lie in none; then every newline ends a record, and it takes two
 * ends at most two bytes apart to make a blank line. Go over such blocks while fewer than `most`
 * records end in them; the bytes gone over. */
CSV_INLINE int64_t walk_plain(Walk *walk, const char *bytes, int64_t n, CsvDialect dialect,
                              int64_t most, MasksOf *masks) {
  int64_t at = 0, found = 0;
  uint64_t before = walk->record_ends;
  if (walk->state >= CSV_QUOTED) return 0;
  for (; at + BLOCK <= n; at += BLOCK) {
    __builtin_prefetch(bytes + at + AHEAD);
    Masks m = masks(bytes + at, dialect);
    uint64_t near = m.newline << 1 | before >> 63 | m.newline << 2 | before >> 62;
    int64_t here = __builtin_popcountll(m.newline);
    if (m.quote | (m.newline & near) || found + here >= most) break;
    found += here;
    before = m.newline;
  }
  if (at == 0) return 0;
  walk->record_ends = before;
  walk->carriage = bytes[at - 1] == '\r';
  walk->state = state_behind(bytes[at - 1], dialect);
  walk->records += found;
  walk->newlines += found;
  return at;
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
  range->n_marks = 0;
  for (int64_t at = range->begin; at < range->end;) {
    int64_t n = smaller(capacity, range->end - at);
    TRY(csv_source_view(source, at, n, buffer, &bytes));
    for (int64_t i = 0; i < n; i += BLOCK) {
      int64_t missing = CSV_MARKED - walk.records % CSV_MARKED;
      if (!both || rival == CSV_QUOTED) /* which lasts where no quote is */
        i += walk_plain(&walk, bytes + i, n - i, dialect, missing, masks);
      if (i == n) break;
      int64_t lines = walk.newlines;
      missing = CSV_MARKED - walk.records % CSV_MARKED;
      int here = (int)smaller(BLOCK, n - i);
      Masks m = masks(bytes + i, dialect);
      if (here < BLOCK) masks_cut(&m, here);
      uint64_t ends = walk_block(&walk, bytes + i, &m, here, dialect);
      if (both) {
        scan_block(bytes + i, &m, here, dialect, &rival);
        both = rival != walk.state;
      }
      if (__builtin_popcountll(ends) >= missing) {
        TRY(RESERVE(&range->marks, &range->capacity, range->n_marks + 1));
        range->marks[range->n_marks++] = mark_of(ends, missing - 1, &m, at + i, lines);
      }
    }
    at += n;
    drop_behind(source, &dropped, at);
  }
  range->records = walk.records;
  range->newlines = walk.newlines;
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
  walk.newlines = mark->lines;
  for (int64_t at = mark->at; missing > 0 && at < range->end;) {
    int64_t n = smaller(capacity, range->end - at);
    TRY(csv_source_view(source, at, n, buffer, &bytes));
    for (int64_t i = 0; i < n && missing > 0; i += BLOCK) {
      int here = (int)smaller(BLOCK, n - i);
      Masks m = masks_of(bytes + i, dialect);
      masks_cut(&m, here);
      int64_t lines = walk.newlines;
      uint64_t ends = walk_block(&walk, bytes + i, &m, here, dialect);
      int64_t found = __builtin_popcountll(ends);
      if (found >= missing) *mark = mark_of(ends, missing - 1, &m, at + i, lines);
      missing -= found;
    }
    at += n;
  }
done:
  return status;
}
