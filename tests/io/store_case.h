/* A made-up artifact for the tests of the store: every type, spread and size of field, each value
 * a function of (seed, field, global row), so that any rank can tell what is right. */
#ifndef SEGUE_TESTS_IO_STORE_CASE_H
#define SEGUE_TESTS_IO_STORE_CASE_H

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/file.h"
#include "io/store.h"
#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "tests/check.h"

enum { CASE_WIDE = 9000, CASE_LONG = 100000 };

typedef struct Case {
  Fields fields;
  Rows rows;
  double *real, *wide;
  float *ratio;
  int64_t *integer, *id;
  int32_t *codes, *genre_length;
  uint16_t *pairs, *name_length;
  uint8_t *flags, *name_bytes;
} Case;

static uint64_t case_value(uint64_t field, int64_t row) {
  return hash_mix(field * 1000003u + (uint64_t)row);
}

static int64_t case_length(uint64_t field, int64_t row) {
  return (int64_t)(case_value(field, row) % 7) * (row % 5 != 0);
}

static inline void case_clear(Case *c) {
  fields_clear(&c->fields);
  memory_free(&c->real);
  memory_free(&c->wide);
  memory_free(&c->ratio);
  memory_free(&c->integer);
  memory_free(&c->id);
  memory_free(&c->codes);
  memory_free(&c->genre_length);
  memory_free(&c->pairs);
  memory_free(&c->name_length);
  memory_free(&c->flags);
  memory_free(&c->name_bytes);
}

static inline Status case_fill_rows(Case *c) {
  Status status = OK;
  int64_t n = c->rows.n, genres = 0, bytes = 0;
  TRY(NEW(&c->real, n));
  TRY(NEW(&c->ratio, n));
  TRY(NEW(&c->id, n));
  TRY(NEW(&c->genre_length, n));
  TRY(NEW(&c->name_length, n));
  TRY(NEW(&c->pairs, 6 * n));
  TRY(NEW(&c->flags, n));
  for (int64_t i = 0; i < n; i++) {
    int64_t row = c->rows.begin + i;
    c->real[i] = row % 11 == 3 ? NAN : (double)(case_value(1, row) % 1000) / 1000;
    c->ratio[i] = (float)case_value(2, row);
    c->id[i] = row * 3;
    c->flags[i] = case_value(3, row) % 2;
    for (int64_t j = 0; j < 6; j++) c->pairs[6 * i + j] = (uint16_t)case_value(4, 6 * row + j);
    genres += c->genre_length[i] = (int32_t)case_length(5, row);
    bytes += c->name_length[i] = (uint16_t)case_length(6, row);
  }
  TRY(NEW(&c->codes, genres));
  TRY(NEW(&c->name_bytes, bytes));
  genres = bytes = 0;
  for (int64_t i = 0; i < n; i++) {
    int64_t row = c->rows.begin + i;
    for (int64_t j = 0; j < c->genre_length[i]; j++)
      c->codes[genres++] = (int32_t)case_value(7, 8 * row + j);
    for (int64_t j = 0; j < c->name_length[i]; j++)
      c->name_bytes[bytes++] = (uint8_t)('a' + case_value(8, 8 * row + j) % 3);
  }
done:
  return status;
}

/* Visit everything, out or in. */
static inline Status case_visit(Case *c, Fields *fields) {
  Status status = OK;
  int64_t n = c->rows.n, genres = -1, bytes = -1, count = 41, none = 0, zero_by_five[2] = {5, 0};
  int64_t wide[2] = {CASE_WIDE / 3, 3}, longer = CASE_LONG, pairs[3] = {n, 3, 2};
  double third = 1.0 / 3;
  bool flag = true;
  float *empty = NULL;
  uint8_t *nothing = NULL;
  char *text = "A text of the model: \xc3\xa9t\xc3\xa9";
  if (fields->mode == FIELDS_OUT) {
    genres = bytes = 0;
    for (int64_t i = 0; i < n; i++) genres += c->genre_length[i], bytes += c->name_length[i];
  }
  TRY(fields_integer(fields, "count", &count));
  CHECK_INTEGER(count, 41);
  fields_enter(fields, "model");
  TRY(fields_real(fields, "third", &third));
  CHECK_REAL(third, 1.0 / 3, 0);
  TRY(fields_flag(fields, "flag", &flag));
  CHECK(flag);
  TRY(fields_array(fields, "wide", FIELD_REAL, &c->wide, 2, wide));
  TRY(fields_array(fields, "empty", FIELD_FLOAT, &empty, 1, &none));
  TRY(fields_array(fields, "zero", FIELD_BYTE, &nothing, 2, zero_by_five));
  TRY(fields_array(fields, "integer", FIELD_INTEGER, &c->integer, 1, &longer));
  TRY(fields_text(fields, "text", &text));
  CHECK_TEXT(text, "A text of the model: \xc3\xa9t\xc3\xa9");
  fields_leave(fields);
  fields_enter(fields, "columns");
  TRY(fields_rows(fields, "real", FIELD_REAL, &c->real, 1, &n));
  TRY(fields_rows(fields, "ratio", FIELD_FLOAT, &c->ratio, 1, &n));
  TRY(fields_rows(fields, "id", FIELD_INTEGER, &c->id, 1, &n));
  TRY(fields_rows(fields, "pairs", FIELD_SHORT, &c->pairs, 3, pairs));
  TRY(fields_rows(fields, "flags", FIELD_BYTE, &c->flags, 1, &n));
  fields_enter(fields, "genres: all");
  TRY(fields_ragged(fields, "codes", FIELD_CODE, &c->codes, &genres));
  TRY(fields_rows(fields, "length", FIELD_CODE, &c->genre_length, 1, &n));
  fields_leave(fields);
  fields_enter(fields, "name");
  TRY(fields_rows(fields, "length", FIELD_SHORT, &c->name_length, 1, &n));
  TRY(fields_ragged(fields, "bytes", FIELD_BYTE, &c->name_bytes, &bytes));
  fields_leave(fields);
  fields_leave(fields);
  if (fields->mode == FIELDS_IN) {
    memory_free(&empty);
    memory_free(&nothing);
    memory_free(&text);
  }
done:
  fields->prefix[0] = 0;
  return status;
}

/* What every rank of comm has to write. Local. */
static inline Status case_init(Case *c, const Comm *comm, int64_t n_global, int64_t block) {
  Status status = OK;
  *c = (Case){.rows = rows_share(comm, n_global, block)};
  fields_init(&c->fields, FIELDS_OUT);
  TRY(NEW(&c->wide, CASE_WIDE));
  TRY(NEW(&c->integer, CASE_LONG));
  for (int64_t i = 0; i < CASE_WIDE; i++) c->wide[i] = (double)case_value(9, i);
  for (int64_t i = 0; i < CASE_LONG; i++) c->integer[i] = (int64_t)(case_value(10, i) % 300);
  TRY(case_fill_rows(c));
  TRY(case_visit(c, &c->fields));
done:
  return status;
}

static inline bool same_bytes(const void *a, const void *b, int64_t n) {
  return n == 0 || memcmp(a, b, (size_t)n) == 0;
}

/* Does `got` hold what it should? */
static inline void case_compare(const Case *got, const Comm *comm) {
  Case want;
  CHECK_OK(case_init(&want, comm, got->rows.n_global, got->rows.block));
  int64_t n = want.rows.n, genres = 0, bytes = 0;
  for (int64_t i = 0; i < n; i++) genres += want.genre_length[i], bytes += want.name_length[i];
  CHECK_INTEGER(got->rows.n, n);
  CHECK_INTEGER(got->rows.begin, want.rows.begin);
  CHECK(same_bytes(got->real, want.real, 8 * n));
  CHECK(same_bytes(got->ratio, want.ratio, 4 * n));
  CHECK(same_bytes(got->id, want.id, 8 * n));
  CHECK(same_bytes(got->pairs, want.pairs, 12 * n));
  CHECK(same_bytes(got->flags, want.flags, n));
  CHECK(same_bytes(got->genre_length, want.genre_length, 4 * n));
  CHECK(same_bytes(got->name_length, want.name_length, 2 * n));
  CHECK(same_bytes(got->codes, want.codes, 4 * genres));
  CHECK(same_bytes(got->name_bytes, want.name_bytes, bytes));
  CHECK(same_bytes(got->wide, want.wide, 8 * CASE_WIDE));
  CHECK(same_bytes(got->integer, want.integer, 8 * CASE_LONG));
  case_clear(&want);
}

static char case_long_text[150001];

static inline StoreTexts case_texts(void) {
  static StoreText items[3];
  for (size_t i = 0; i + 1 < sizeof case_long_text; i++)
    case_long_text[i] = (char)('0' + case_value(11, (int64_t)i) % 10);
  items[0] = (StoreText){"empty", ""};
  items[1] = (StoreText){"key", "caf\xc3\xa9 {\"a\": [1, 2]}"};
  items[2] = (StoreText){"summary", case_long_text};
  return (StoreTexts){.n = 3, .items = items};
}

/* Write the case of n_global rows. Collective. */
static inline Status case_write(const Comm *comm, const char *path, int64_t n_global,
                                int64_t block) {
  Case c;
  StoreTexts texts = case_texts();
  Status status = case_init(&c, comm, n_global, block);
  if (status == OK) status = store_write_all(comm, path, &texts, &c.fields, &c.rows);
  case_clear(&c);
  return status;
}

/* A folder of this test, the same on all ranks: $TMPDIR/NAME.PID of rank 0. Collective. */
static inline void case_folder(const Comm *comm, const char *name, char folder[256]) {
  const char *above = getenv("TMPDIR");
  snprintf(folder, 256, "%s/segue-%s.%d", above ? above : "/tmp", name, (int)getpid());
  comm_broadcast_all(comm, 0, folder, 256);
  if (comm->rank == 0) CHECK_OK(file_make_folder(folder));
  comm_barrier_all(comm);
}

static inline void case_remove(const Comm *comm, const char *folder) {
  comm_barrier_all(comm);
  if (comm->rank == 0) file_remove_tree(folder);
}

#endif
