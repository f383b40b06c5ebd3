/* What tests of dividing and joining share: rows as plain structs that every rank has, and tables
 * of this rank's share of them. */
#ifndef SEGUE_TESTS_DATASET_ROWS_H
#define SEGUE_TESTS_DATASET_ROWS_H

#include "kernels/base/memory.h"
#include "kernels/numeric/random.h"
#include "kernels/table/table.h"
#include "tests/check.h"

/* Words are letters: a code is the letter's number, -1: missing. */
enum { ROWS_WORDS = 26, ROWS_TAGS = 3 };

typedef struct Row {
  int64_t group;
  int genre;          /* category; -1: missing */
  int tags;           /* length of the list; -1: missing */
  int tag[ROWS_TAGS]; /* its words */
  double number;      /* NaN: missing */
  uint8_t flag;       /* MISSING_BOOLEAN: missing */
  int32_t date;       /* MISSING_DATE: missing */
} Row;

static inline Dictionary rows_letters(void) {
  char bytes[ROWS_WORDS];
  int64_t offset[ROWS_WORDS + 1];
  Dictionary letters = {0};
  for (int w = 0; w <= ROWS_WORDS; w++) {
    offset[w] = w;
    if (w < ROWS_WORDS) bytes[w] = (char)('a' + w);
  }
  CHECK_OK(dictionary_build(bytes, offset, ROWS_WORDS, &letters, NULL));
  return letters;
}

static inline Column *rows_tags(const Row *rows, int64_t n) {
  Column *column = NULL;
  int64_t items = 0;
  for (int64_t i = 0; i < n; i++) items += rows[i].tags > 0 ? rows[i].tags : 0;
  CHECK_OK(column_new(&column, "tags", COLUMN_LIST, n, items));
  CHECK_OK(NEW(&column->missing, n));
  for (int64_t i = 0, at = 0; i < n; i++) {
    for (int t = 0; t < rows[i].tags; t++) column->code[at++] = rows[i].tag[t];
    column->offset[i + 1] = at;
    column->missing[i] = rows[i].tags < 0;
  }
  column->dictionary = rows_letters();
  return column;
}

/* A table of this rank's share of n rows. id: original row number = 10 x the row's + 3. */
static inline Table rows_table(const Comm *comm, const Row *all, int64_t n, int64_t block) {
  Rows share = rows_share(comm, n, block);
  const Row *rows = all + (share.n > 0 ? share.begin : 0);
  Table table;
  Column *group, *genre, *number, *flag, *date;
  CHECK_OK(table_init(&table, &share));
  CHECK_OK(column_new(&group, "group", COLUMN_INTEGER, share.n, 0));
  CHECK_OK(column_new(&genre, "genre", COLUMN_CATEGORY, share.n, 0));
  CHECK_OK(column_new(&number, "number", COLUMN_REAL, share.n, 0));
  CHECK_OK(column_new(&flag, "flag", COLUMN_BOOLEAN, share.n, 0));
  CHECK_OK(column_new(&date, "date", COLUMN_DATE, share.n, 0));
  genre->dictionary = rows_letters();
  for (int64_t i = 0; i < share.n; i++) {
    table.row_id[i] = 10 * (share.begin + i) + 3;
    group->integer[i] = rows[i].group;
    genre->code[i] = rows[i].genre;
    number->real[i] = rows[i].number;
    flag->boolean[i] = rows[i].flag;
    date->date[i] = rows[i].date;
  }
  CHECK_OK(table_add(&table, group));
  CHECK_OK(table_add(&table, genre));
  CHECK_OK(table_add(&table, rows_tags(rows, share.n)));
  CHECK_OK(table_add(&table, number));
  CHECK_OK(table_add(&table, flag));
  CHECK_OK(table_add(&table, date));
  return table;
}

/* Rows with everything that is unkind: missing values, groups of many sizes, tied dates. */
static inline void rows_random(Row *rows, int64_t n, uint64_t seed, int64_t groups, int genres,
                               int years) {
  Stream s = random_stream(seed, "test/rows", 0);
  for (int64_t i = 0; i < n; i++) {
    uint64_t at = (uint64_t)i;
    double u = random_uniform(&s, at, 1);
    Row *row = &rows[i];
    row->group = 1000 - 7 * (int64_t)(u * u * (double)groups); /* a few large, many small */
    row->genre = (int)random_integer(&s, at, 2, genres + 1) - 1;
    row->tags = (int)random_integer(&s, at, 3, ROWS_TAGS + 2) - 1;
    for (int t = 0; t < ROWS_TAGS; t++)
      row->tag[t] = (int)random_integer(&s, at, 4 + (uint32_t)t, genres);
    row->number = random_integer(&s, at, 8, 9) == 0 ? NAN : floor(30 * random_uniform(&s, at, 9));
    row->flag = random_integer(&s, at, 10, 9) == 0 ? MISSING_BOOLEAN
                                                   : (uint8_t)random_integer(&s, at, 11, 2);
    int32_t year = 2000 + (int32_t)random_integer(&s, at, 12, years);
    int32_t month = (int32_t)random_integer(&s, at, 13, 13); /* 0: not given */
    row->date = random_integer(&s, at, 14, 9) == 0 ? MISSING_DATE : year * 10000 + month * 100;
  }
}

#endif
