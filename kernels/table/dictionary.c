/* Dictionaries: distinct words in byte order, the same on every rank.
 *
 * A column of millions of rows has few distinct words, so building hashes first and sorts only
 * what is distinct; sorting all rows took several times as long. Byte order (memcmp, the shorter
 * first) needs no locale and is what makes a code mean the same wherever it is computed. */
#include "table.h"

#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"

void dictionary_clear(Dictionary *dictionary) {
  memory_free(&dictionary->offset);
  memory_free(&dictionary->bytes);
  *dictionary = (Dictionary){0};
}

Status dictionary_copy(const Dictionary *from, Dictionary *out) {
  Status status = OK;
  *out = (Dictionary){0};
  if (from->n == 0) return OK;
  int64_t bytes = from->offset[from->n];
  TRY(NEW(&out->offset, from->n + 1));
  TRY(NEW(&out->bytes, bytes));
  memcpy(out->offset, from->offset, (size_t)(from->n + 1) * sizeof *out->offset);
  memcpy(out->bytes, from->bytes, (size_t)bytes);
  out->n = from->n;
done:
  if (status != OK) dictionary_clear(out);
  return status;
}

const char *dictionary_word(const Dictionary *dictionary, int32_t code, int64_t *length) {
  int64_t begin = dictionary->offset[code];
  *length = dictionary->offset[code + 1] - begin;
  return dictionary->bytes + begin;
}

static int compare(const char *a, int64_t a_n, const char *b, int64_t b_n) {
  int64_t n = a_n < b_n ? a_n : b_n;
  int order = n > 0 ? memcmp(a, b, (size_t)n) : 0;
  return order != 0 ? order : (a_n > b_n) - (a_n < b_n);
}

int32_t dictionary_find(const Dictionary *dictionary, const char *bytes, int64_t n) {
  int32_t low = 0, high = dictionary->n;
  while (low < high) {
    int32_t middle = low + (high - low) / 2;
    int64_t length = 0;
    const char *word = dictionary_word(dictionary, middle, &length);
    int order = compare(word, length, bytes, n);
    if (order == 0) return middle;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return MISSING_CODE;
}

/* ---- building ---- */

/* A distinct word; head is its first eight bytes as a number in byte order, which decides most
 * comparisons without a look at the bytes. */
typedef struct Word {
  const char *bytes;
  int64_t length;
  uint64_t head;
  int32_t found; /* how many distinct words were found before it */
} Word;

/* Open addressing; a slot holds found + 1, or 0. */
typedef struct WordSet {
  Word *words;
  int64_t n, capacity;
  uint64_t *hashes; /* of words */
  int64_t hash_capacity;
  int32_t *slots;
  uint64_t mask;
} WordSet;

static void set_clear(WordSet *set) {
  memory_free(&set->words);
  memory_free(&set->hashes);
  memory_free(&set->slots);
}

static Status set_widen(WordSet *set) {
  int32_t *slots = NULL;
  uint64_t size = set->slots ? (set->mask + 1) * 4 : 1024;
  if (NEW(&slots, (int64_t)size) != OK) return MEMORY;
  memory_free(&set->slots);
  set->slots = slots;
  set->mask = size - 1;
  for (int64_t w = 0; w < set->n; w++) {
    uint64_t at = set->hashes[w] & set->mask;
    while (slots[at]) at = (at + 1) & set->mask;
    slots[at] = (int32_t)w + 1;
  }
  return OK;
}

static uint64_t head_of(const char *bytes, int64_t length) {
  uint64_t head = 0;
  for (int64_t i = 0; i < 8; i++) head = head << 8 | (i < length ? (uint8_t)bytes[i] : 0);
  return head;
}

/* Number of the word in order of finding. */
static Status set_put(WordSet *set, const char *bytes, int64_t length, int32_t *found) {
  Status status = OK;
  if (2 * (uint64_t)set->n >= set->mask) TRY(set_widen(set));
  uint64_t hash = hash_bytes(bytes, (size_t)length, hash_zero()).word[0];
  uint64_t at = hash & set->mask;
  for (; set->slots[at]; at = (at + 1) & set->mask) {
    int32_t w = set->slots[at] - 1;
    const Word *word = &set->words[w];
    *found = w;
    if (set->hashes[w] == hash && compare(word->bytes, word->length, bytes, length) == 0) return OK;
  }
  if (set->n >= INT32_MAX - 1)
    return status_fail(INVALID, "a column has more than %d distinct words; read it as text",
                       INT32_MAX - 1);
  TRY(RESERVE(&set->words, &set->capacity, set->n + 1));
  TRY(RESERVE(&set->hashes, &set->hash_capacity, set->n + 1));
  *found = (int32_t)set->n;
  set->words[set->n] = (Word){bytes, length, head_of(bytes, length), *found};
  set->hashes[set->n] = hash;
  set->slots[at] = (int32_t)++set->n;
done:
  return status;
}

static int compare_words(const void *a, const void *b) {
  const Word *x = a, *y = b;
  if (x->head != y->head) return x->head < y->head ? -1 : 1;
  return compare(x->bytes, x->length, y->bytes, y->length);
}

/* The sorted words of the set; rank_of[found] = code. */
static Status set_sort(WordSet *set, Dictionary *out, int32_t *rank_of) {
  Status status = OK;
  int64_t bytes = 0;
  if (set->n > 0) qsort(set->words, (size_t)set->n, sizeof *set->words, compare_words);
  for (int64_t w = 0; w < set->n; w++) bytes += set->words[w].length;
  TRY(NEW(&out->offset, set->n + 1));
  TRY(NEW(&out->bytes, bytes));
  for (int64_t w = 0; w < set->n; w++) {
    const Word *word = &set->words[w];
    if (word->length > 0) memcpy(out->bytes + out->offset[w], word->bytes, (size_t)word->length);
    out->offset[w + 1] = out->offset[w] + word->length;
    rank_of[word->found] = (int32_t)w;
  }
  out->n = (int32_t)set->n;
done:
  return status;
}

Status dictionary_build(const char *bytes, const int64_t *offset, int64_t n, Dictionary *out,
                        int32_t *codes) {
  Status status = OK;
  WordSet set = {0};
  int32_t *rank_of = NULL;
  *out = (Dictionary){0};
  for (int64_t i = 0; i < n; i++) {
    int32_t found = 0;
    TRY(set_put(&set, bytes + offset[i], offset[i + 1] - offset[i], &found));
    if (codes) codes[i] = found;
  }
  TRY(NEW(&rank_of, set.n));
  TRY(set_sort(&set, out, rank_of));
  for (int64_t i = 0; codes && i < n; i++) codes[i] = rank_of[codes[i]];
done:
  memory_free(&rank_of);
  set_clear(&set);
  if (status != OK) dictionary_clear(out);
  return status;
}

/* ---- merging ---- */

/* The words of all ranks one after the other, in rank order, with repeats. */
static Status gather_words_all(const Comm *comm, const Dictionary *mine, char **bytes,
                               int64_t **offset, int64_t *n) {
  Status status = OK;
  int64_t *lengths = NULL, *all_lengths = NULL, *positions = NULL;
  size_t *at = NULL;
  void *all = NULL;
  AGREE(comm, NEW(&lengths, mine->n));
  AGREE(comm, NEW(&at, comm->size + 1));
  for (int32_t w = 0; w < mine->n; w++) lengths[w] = mine->offset[w + 1] - mine->offset[w];
  TRY(comm_concatenate_all(comm, lengths, (size_t)mine->n * sizeof *lengths, &all, at));
  all_lengths = all;
  *n = (int64_t)(at[comm->size] / sizeof *lengths);
  AGREE(comm, NEW(&positions, *n + 1));
  for (int64_t w = 0; w < *n; w++) positions[w + 1] = positions[w] + all_lengths[w];
  size_t mine_bytes = mine->n > 0 ? (size_t)mine->offset[mine->n] : 0;
  TRY(comm_concatenate_all(comm, mine->bytes, mine_bytes, &all, NULL));
  *bytes = all;
  *offset = positions;
  positions = NULL;
done:
  memory_free(&lengths);
  memory_free(&all_lengths);
  memory_free(&positions);
  memory_free(&at);
  return status;
}

/* Both are sorted and out holds every word of mine: one walk over both. */
static void walk(const Dictionary *mine, const Dictionary *out, int32_t *remap) {
  int32_t code = 0;
  for (int32_t w = 0; w < mine->n; w++) {
    int64_t length = 0, other_length = 0;
    const char *word = dictionary_word(mine, w, &length);
    const char *other = dictionary_word(out, code, &other_length);
    while (compare(other, other_length, word, length) != 0)
      other = dictionary_word(out, ++code, &other_length);
    remap[w] = code;
  }
}

Status dictionary_merge_all(const Comm *comm, const Dictionary *mine, Dictionary *out,
                            int32_t *remap) {
  Status status = OK;
  char *bytes = NULL;
  int64_t *offset = NULL, n = 0;
  *out = (Dictionary){0};
  TRY(gather_words_all(comm, mine, &bytes, &offset, &n));
  AGREE(comm, dictionary_build(bytes, offset, n, out, NULL));
  walk(mine, out, remap);
done:
  memory_free(&bytes);
  memory_free(&offset);
  if (status != OK) dictionary_clear(out);
  return status;
}
