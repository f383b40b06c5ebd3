/* Words of a category or list column while it is read. */
#ifndef SEGUE_IO_CSV_WORDS_H
#define SEGUE_IO_CSV_WORDS_H

#include "kernels/table/table.h"

/* Distinct words in order of first appearance, found by hash. */
typedef struct CsvWords {
  int64_t n, capacity;
  int64_t *offset; /* n + 1 */
  char *bytes;
  int64_t bytes_capacity;
  uint64_t *slots; /* open addressing; hash in the upper half, code + 1 in the lower; 0: free */
  int64_t n_slots;
} CsvWords;
void csv_words_clear(CsvWords *words);
enum { CSV_WORD_PADDING = 8 };
/* The code of a word, a new one when it is new. CSV_WORD_PADDING bytes must be readable at text,
 * whatever n is. Local. Fails with MEMORY. */
CHECKED Status csv_words_code(CsvWords *words, const char *text, int64_t n, int32_t *code);
/* The codes of n words, at most CSV_WORDS_AT_ONCE, as csv_words_code gives them one after the
 * other: while one waits for memory the others do, too. Local. Fails with MEMORY. */
enum { CSV_WORDS_AT_ONCE = 32 };
typedef struct CsvWord {
  const char *text;
  int64_t n;
} CsvWord;
CHECKED Status csv_words_codes(CsvWords *words, const CsvWord *asked, int64_t n, int32_t *codes);
/* The union over ranks as a dictionary, and the place there of each of mine (words->n codes; may be
 * NULL). Collective. Fails with MEMORY, agreed. */
CHECKED Status csv_words_merge_all(const Comm *comm, const CsvWords *words, Dictionary *out,
                                   int32_t *codes);

#endif
