/* What the tests of measure share: made rows, shares of rows on ranks, columns of lists. */
#ifndef SEGUE_TESTS_MEASURE_PARTS_H
#define SEGUE_TESTS_MEASURE_PARTS_H

#include <mpi.h>
#include <stdlib.h>

#include "kernels/base/memory.h"
#include "kernels/measure/measure.h"
#include "kernels/numeric/random.h"
#include "tests/check.h"

/* This rank's part of n rows: uneven, and rank 1 of three or more has none. */
typedef struct Share {
  int64_t begin, n;
} Share;

static inline Share share_of(const Comm *comm, int64_t n) {
  int64_t border[2];
  for (int side = 0; side < 2; side++) {
    int64_t r = comm->rank + side;
    if (comm->size >= 3 && r == 2) r = 1;
    border[side] = r == comm->size ? n : n * r * r / (comm->size * comm->size);
  }
  return (Share){.begin = border[0], .n = border[1] - border[0]};
}

/* A dictionary of n words "a", "b" ... or "c000", "c001" ... */
static inline void words_make(Dictionary *out, int32_t n) {
  char bytes[8 * 4096];
  int64_t offset[4097] = {0};
  for (int32_t w = 0; w < n; w++) {
    int length = snprintf(bytes + offset[w], 8, "c%03d", w);
    offset[w + 1] = offset[w] + length;
  }
  CHECK_OK(dictionary_build(bytes, offset, n, out, NULL));
}

/* A list column of rows first .. first + n - 1; codes of row i at code[offset[i]]. */
static inline Column *list_make(const int64_t *offset, const int32_t *code, int64_t first,
                                int64_t n, int32_t n_words) {
  Column *column = NULL;
  int64_t begin = offset[first], end = offset[first + n];
  CHECK_OK(column_new(&column, "genre", COLUMN_LIST, n, end - begin));
  for (int64_t i = 0; i <= n; i++) column->offset[i] = offset[first + i] - begin;
  for (int64_t at = begin; at < end; at++) column->code[at - begin] = code[at];
  words_make(&column->dictionary, n_words);
  return column;
}

/* The cell of the row that begins with `label`, in a column by name; NULL: there is none. */
static inline const Cell *cell_find(const Summary *summary, const char *table, const char *label,
                                    const char *column) {
  for (int64_t t = 0; t < summary->n_tables; t++) {
    const SummaryTable *at = &summary->tables[t];
    if (strcmp(at->name, table) != 0) continue;
    for (int64_t r = 0; r < at->n_rows; r++)
      for (int64_t c = 0; c < at->n_columns; c++)
        if (strcmp(at->cells[r * at->n_columns].text, label) == 0 &&
            strcmp(at->columns[c], column) == 0)
          return &at->cells[r * at->n_columns + c];
  }
  return NULL;
}

static inline const Series *series_find(const Summary *summary, const char *name) {
  for (int64_t s = 0; s < summary->n_series; s++)
    if (strcmp(summary->series[s].name, name) == 0) return &summary->series[s];
  return NULL;
}

static inline bool same_score(const Score *a, const Score *b) {
  return memcmp(a, b, sizeof *a) == 0;
}

#endif
