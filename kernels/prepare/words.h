/* Words: rows as sets of words, and numbers that were learned for words.
 *
 * A code means nothing outside its column: another file has another dictionary. What a step learns
 * is therefore kept by word, in a dictionary of its own that holds the words of the training rows
 * and no others, and found again through a map made once for each column it is applied to. */
#ifndef SEGUE_PREPARE_WORDS_H
#define SEGUE_PREPARE_WORDS_H

#include "kernels/base/fields.h"
#include "kernels/table/table.h"

/* The words of each row, each once, in the row's order: a category is a set of one word; a missing
 * value is a set of none. */
typedef struct WordRows {
  int64_t n;                    /* rows */
  int64_t *offset;              /* n + 1 positions */
  int32_t *code;                /* offset[n] */
  const Dictionary *dictionary; /* of the column; borrowed */
} WordRows;

/* Read a category or list column; the column must outlive out. Local. Fails with MEMORY. */
CHECKED Status word_rows_init(WordRows *rows, const Column *column);
void word_rows_clear(WordRows *rows);
/* In how many rows of all ranks each word stands; out dictionary->n numbers, replicated.
 * Collective. */
void word_rows_count_all(const Comm *comm, const WordRows *rows, int64_t *out);

/* The words of `all` with count[code] > 0; place[code] tells where a word went, MISSING_CODE when
 * it was left out (place all->n items, may be NULL). Local. Fails with MEMORY. */
CHECKED Status dictionary_select(const Dictionary *all, const int64_t *count, Dictionary *out,
                                 int32_t *place);
/* For each code of `from` the code of the same word in `to`, MISSING_CODE when it has none; the
 * caller frees *map. Local. Fails with MEMORY. */
CHECKED Status dictionary_map(const Dictionary *from, const Dictionary *to, int32_t **map);
/* Visit a dictionary; IN allocates. Local. */
CHECKED Status dictionary_fields(Dictionary *dictionary, const char *name, Fields *fields);

/* k numbers for each word of the training rows. */
typedef struct WordTable {
  Dictionary words;
  int64_t k;
  double *values; /* words.n x k */
} WordTable;

/* A table of zeros for the words with count > 0; place as above. Local. Fails with MEMORY. */
CHECKED Status word_table_init(WordTable *table, const Dictionary *all, const int64_t *count,
                               int64_t k, int32_t *place);
void word_table_clear(WordTable *table);
/* Visit; IN allocates. Local. */
CHECKED Status word_table_fields(WordTable *table, const char *name, Fields *fields);

#endif
