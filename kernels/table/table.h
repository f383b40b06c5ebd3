/* The table: typed columns of this rank's rows, missing values, original row ids.
 *
 * Rows are spread over ranks in blocks (numeric/rows.h). Dictionaries are replicated and in byte
 * order, so a code means the same on every rank and on any number of ranks. A filter renumbers
 * rows and rebalances them; row_id keeps the number a row had in its file, and random numbers are
 * addressed by it. Columns are shared by reference: a stage that adds a column copies nothing.
 * A column is written only by who made it, before a table holds it: what take, filter, exchange,
 * rebalance and replicate give may be the very columns of their input where no row moves. */
#ifndef SEGUE_TABLE_TABLE_H
#define SEGUE_TABLE_TABLE_H

#include "kernels/base/fields.h"
#include "kernels/numeric/rows.h"

typedef enum ColumnType {
  COLUMN_REAL,     /* real[i]; missing: NaN */
  COLUMN_INTEGER,  /* integer[i]; missing: MISSING_INTEGER */
  COLUMN_BOOLEAN,  /* boolean[i] 0 or 1; missing: MISSING_BOOLEAN */
  COLUMN_CATEGORY, /* code[i] into dictionary; missing: MISSING_CODE */
  COLUMN_TEXT,     /* bytes[offset[i] .. offset[i + 1]); missing: missing[i] */
  COLUMN_LIST,     /* code[offset[i] .. offset[i + 1]) into dictionary, in the file's order, or
                      ascending when it is a set; missing: missing[i] (an empty list is not) */
  COLUMN_DATE,     /* date[i] = year * 10000 + month * 100 + day; month or day 0: not given;
                      missing: MISSING_DATE */
  COLUMN_TYPES
} ColumnType;

#define MISSING_INTEGER INT64_MIN
#define MISSING_BOOLEAN ((uint8_t)255)
#define MISSING_CODE ((int32_t)-1)
#define MISSING_DATE INT32_MIN

extern const char *const column_type_words[]; /* "real", "integer", "boolean", "category", "text",
                                                  "list", "date", NULL: indexed by ColumnType */
/* The word with its article, for messages: "an integer". */
const char *column_type_phrase(ColumnType type);

/* Distinct UTF-8 words in byte order. */
typedef struct Dictionary {
  int32_t n;
  int64_t *offset; /* n + 1 */
  char *bytes;     /* offset[n] bytes, no terminators */
} Dictionary;

typedef struct Column {
  int references; /* managed by column_share and column_release */
  ColumnType type;
  char *name;
  int64_t n; /* rows on this rank */
  union {
    double *real;
    int64_t *integer;
    uint8_t *boolean;
    int32_t *date;
    int32_t *code; /* CATEGORY: n; LIST: offset[n] */
  };
  int64_t *offset;       /* TEXT, LIST: n + 1 positions, offset[0] = 0 */
  char *bytes;           /* TEXT: offset[n] */
  uint8_t *missing;      /* TEXT, LIST: n flags, NULL when none is missing */
  Dictionary dictionary; /* CATEGORY, LIST; replicated */
  bool borrowed;         /* values, items and flags belong to someone who outlives the column */
  char *origin; /* where an artifact holds this column already: "FILE:PATH"; NULL: nowhere yet */
} Column;

typedef struct Table {
  Rows rows;
  int64_t *row_id; /* rows.n original row numbers */
  int64_t n_columns, capacity;
  Column **columns;
} Table;

/* The planned shape of a table, known before data is read. */
typedef struct SchemaColumn {
  char *name;
  ColumnType type;
  /* Why it can be no feature of a model, such as "it holds labels of ..."; a text that lives for
   * ever; NULL: it can. */
  const char *barred;
} SchemaColumn;

typedef struct Schema {
  int64_t n, capacity;
  SchemaColumn *columns;
} Schema;

/* ---- columns; all local ---- */

/* A new column with storage for n rows (TEXT: bytes_n bytes, LIST: bytes_n codes), zeroed, one
 * reference. Fails with MEMORY. */
CHECKED Status column_new(Column **out, const char *name, ColumnType type, int64_t n,
                          int64_t bytes_n);
/* The same for who writes every row: nothing is zeroed but offset[0]. */
CHECKED Status column_new_raw(Column **out, const char *name, ColumnType type, int64_t n,
                              int64_t bytes_n);
/* Bytes of one item: a value, a code, a byte of text. */
size_t column_item_size(ColumnType type);
Column *column_share(Column *column);
void column_release(Column **column);
bool column_missing(const Column *column, int64_t i);
/* Value as a double: integers, booleans, codes; dates as days since 1970-01-01 (a date that lacks
 * month or day counts as its middle: 1 July, the 15th); NaN when missing. Not TEXT or LIST. */
double column_real(const Column *column, int64_t i);
/* Bytes of a TEXT or CATEGORY value; not terminated. */
const char *column_text(const Column *column, int64_t i, int64_t *length);
/* A new column holding rows at[0 .. n - 1] of this one; at -1 gives a missing value. */
CHECKED Status column_take(const Column *column, const int64_t *at, int64_t n, Column **out);
/* A canonical byte form of a value for hashing and comparing, appended to *buffer (RESERVE'd);
 * missing values give a form that equals no value. Lists count as sets when as_set. Words stand
 * for codes, so a category equals a text; a whole number is the same in every numeric type. */
CHECKED Status column_key(const Column *column, int64_t i, bool as_set, uint8_t **buffer,
                          int64_t *n, int64_t *capacity);

/* ---- dictionaries ---- */

void dictionary_clear(Dictionary *dictionary);
CHECKED Status dictionary_copy(const Dictionary *from, Dictionary *out);
/* Bytes of a word; not terminated. Local. */
const char *dictionary_word(const Dictionary *dictionary, int32_t code, int64_t *length);
/* How many of a word's n bytes to show: whole letters of UTF-8, `most` bytes at most. Local. */
int64_t word_fit(const char *word, int64_t n, int64_t most);
/* Code of a word, MISSING_CODE when absent. Binary search. Local. */
int32_t dictionary_find(const Dictionary *dictionary, const char *bytes, int64_t n);
/* From n words in any order with repeats: the sorted dictionary, and the code of each word.
 * offset n + 1 positions into bytes; codes n items, may be NULL. Local. Fails with MEMORY. */
CHECKED Status dictionary_build(const char *bytes, const int64_t *offset, int64_t n,
                                Dictionary *out, int32_t *codes);
/* Union over ranks of each rank's own dictionary; remap[old code] = new code, mine->n items.
 * Collective. Fails with MEMORY, agreed. */
CHECKED Status dictionary_merge_all(const Comm *comm, const Dictionary *mine, Dictionary *out,
                                    int32_t *remap);

/* ---- dates; local ---- */

/* Parse YYYY, YYYY-MM or YYYY-MM-DD; false when it is none or impossible (month 13, 30 February).
 * Year 0 is taken as it stands: cleaning decides what is usable. */
bool date_parse(const char *bytes, int64_t n, int32_t *date);
/* Days since 1970-01-01 of the date, missing parts as their middle. */
int64_t date_days(int32_t date);
/* Text form with the parts that are given, NUL-terminated. */
void date_text(int32_t date, char text[16]);

/* ---- tables ---- */

/* Local. An empty table of this rank's rows; row_id filled with global numbers. */
CHECKED Status table_init(Table *table, const Rows *rows);
void table_clear(Table *table);
/* Append a column (takes over the reference, also on failure); its n must be rows.n. A column of
 * the same name is replaced. Local. Fails with MEMORY. */
CHECKED Status table_add(Table *table, Column *column);
/* NULL when absent. Local. */
Column *table_find(const Table *table, const char *name);
/* Like find, but fails with INVALID naming the nearest column. Local. */
CHECKED Status table_require(const Table *table, const char *name, Column **out);
void table_remove(Table *table, const char *name);
/* A table with the same rows and shared columns. Local. */
CHECKED Status table_share(const Table *table, Table *out);

/* Rows at[0 .. n - 1] of this rank's table, in that order, on this rank alone: out->rows describes
 * n rows of a one-rank world. Local. */
CHECKED Status table_take(const Table *table, const int64_t *at, int64_t n, Table *out);
/* Keep rows with keep[i] != 0, renumber them and rebalance to blocks; order stays. Collective. */
CHECKED Status table_filter_all(const Comm *comm, const Table *table, const uint8_t *keep,
                                Table *out);
/* Send row i to rank to[i]; received rows stand in order of (sending rank, their order there), in
 * out, whose rows are NOT in blocks (rows.n = what arrived, begin by exscan). Collective. */
CHECKED Status table_exchange_all(const Comm *comm, const Table *table, const int *to, Table *out);
/* Spread rows that are in global order but not in blocks (as after an exchange) back to whole
 * blocks of `block` rows. Collective. */
CHECKED Status table_rebalance_all(const Comm *comm, const Table *table, int64_t block, Table *out);
/* All rows on every rank, in global order. Collective. */
CHECKED Status table_replicate_all(const Comm *comm, const Table *table, Table *out);

/* The list of a table's arrays; OUT and IN (then table->rows has to be set). Local.
 *   rows/id                        row numbers
 *   columns/NAME/type, position    scalars: ColumnType; place among the columns
 *   columns/NAME/value             flat types: real, integer, byte (boolean), code (category, date)
 *   columns/NAME/length, missing   text, list: items per row (code), flags (byte, always there)
 *   columns/NAME/bytes or codes    text, list: the items of all rows, ragged
 *   columns/NAME/dictionary/offset, bytes   category, list: n + 1 positions, the words
 * '/' and '%' in a NAME are written %2F and %25. A column's origin goes to, and comes from, the
 * origin of its arrays. Fails with FORMAT when what is read is no table, INVALID when a name is
 * longer than a path may be, MEMORY; the caller clears table also after a failure. */
CHECKED Status table_fields(Table *table, Fields *fields);

/* The table was stored in FILE, its fields below PREFIX: columns without an origin get one, so that
 * later artifacts can link to them. Local. Fails with MEMORY. */
CHECKED Status table_stored(Table *table, const char *file, const char *prefix);

/* ---- schemas; local ---- */

void schema_clear(Schema *schema);
CHECKED Status schema_add(Schema *schema, const char *name, ColumnType type); /* or replace */
const SchemaColumn *schema_find(const Schema *schema, const char *name);
/* Fails with INVALID: `column "tempoo" is not in the table; did you mean "tempo"?` */
CHECKED Status schema_require(const Schema *schema, const char *name, const SchemaColumn **out);
CHECKED Status schema_copy(const Schema *schema, Schema *out);
/* Say why the column `name`, which has to be there, can be no feature. reason lives for ever. */
void schema_bar(Schema *schema, const char *name, const char *reason);
CHECKED Status schema_remove(Schema *schema, const char *name);
CHECKED Status schema_of(const Table *table, Schema *out);

#endif
