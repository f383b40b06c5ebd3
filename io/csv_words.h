/* Words of a category or list column while it is read. */
#ifndef SEGUE_IO_CSV_WORDS_H
#define SEGUE_IO_CSV_WORDS_H

#include <string.h>

#include "kernels/table/table.h"

/* A word that is there: its first and its last eight bytes (both all of them, zeros behind, if
 * there are no more), which decide nearly every comparison, and its place in bytes. */
typedef struct CsvKnown {
  uint64_t first, last;
  int64_t begin, n;
} CsvKnown;

/* Distinct words in order of first appearance, found by hash. */
typedef struct CsvWords {
  int64_t n, capacity;
  CsvKnown *known;
  char *bytes;
  int64_t bytes_n, bytes_capacity;
  uint64_t *slots; /* open addressing; hash in the upper half, code + 1 in the lower; 0: free */
  int64_t n_slots;
} CsvWords;
void csv_words_clear(CsvWords *words);
enum { CSV_WORD_PADDING = 32 };
/* The code of a word, a new one when it is new. CSV_WORD_PADDING bytes must be readable at text,
 * whatever n, from 1, is. Local. Fails with MEMORY. */
CHECKED Status csv_words_code(CsvWords *words, const char *text, int64_t n, int32_t *code);
/* The codes of n words, at most CSV_WORDS_AT_ONCE, as csv_words_code gives them one after the
 * other: while one waits for memory the others do, too. Local. Fails with MEMORY. */
enum { CSV_WORDS_AT_ONCE = 32 };
typedef struct CsvWord {
  const char *text;
  int64_t n;
} CsvWord;
CHECKED Status csv_words_codes(CsvWords *words, const CsvWord *asked, int64_t n, int32_t *codes);
/* The sides of a word, without a branch on its length. */
static inline uint64_t csv_word_first(const char *text, int64_t n) {
  int64_t fewer = (8 - n) & ~((8 - n) >> 63);
  uint64_t bytes;
  memcpy(&bytes, text, sizeof bytes);
  return bytes & ~UINT64_C(0) >> 8 * fewer;
}
static inline uint64_t csv_word_last(const char *text, int64_t n) {
  return csv_word_first(text + ((n - 8) & ~((n - 8) >> 63)), n);
}
/* Is it that word? Padded as for csv_words_code. */
static inline bool csv_word_is(const CsvWords *words, const CsvKnown *known, const char *text,
                               int64_t n, uint64_t first, uint64_t last) {
  if ((known->first ^ first) | (known->last ^ last) | (uint64_t)(known->n ^ n)) return false;
  return n <= 16 || memcmp(words->bytes + known->begin + 8, text + 8, (size_t)n - 16) == 0;
}
/* The union over ranks as a dictionary, and the place there of each of mine (words->n codes; may be
 * NULL). Collective. Fails with MEMORY, agreed. */
CHECKED Status csv_words_merge_all(const Comm *comm, const CsvWords *words, Dictionary *out,
                                   int32_t *codes);

#endif
