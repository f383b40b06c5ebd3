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

int64_t word_fit(const char *word, int64_t n, int64_t most) {
  if (n <= most) return n;
  n = most > 0 ? most : 0;
  while (n > 0 && ((unsigned char)word[n] & 0xc0) == 0x80) n--;
  return n;
}

static int compare(const char *a, int64_t a_n, const char *b, int64_t b_n) {
  int64_t n = a_n < b_n ? a_n : b_n;
  int order = n > 0 ? memcmp(a, b, (size_t)n) : 0;
  return order != 0 ? order : (a_n > b_n) - (a_n < b_n);
}

/* The first word that is not before the given one; n when all are. */
static int32_t lower_bound(const Dictionary *dictionary, const char *bytes, int64_t n) {
  int32_t low = 0, high = dictionary->n;
  while (low < high) {
    int32_t middle = low + (high - low) / 2;
    int64_t length = 0;
    const char *word = dictionary_word(dictionary, middle, &length);
    if (compare(word, length, bytes, n) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

int32_t dictionary_find(const Dictionary *dictionary, const char *bytes, int64_t n) {
  int32_t code = lower_bound(dictionary, bytes, n);
  int64_t length = 0;
  if (code == dictionary->n) return MISSING_CODE;
  const char *word = dictionary_word(dictionary, code, &length);
  return compare(word, length, bytes, n) == 0 ? code : MISSING_CODE;
}

static Status check_count(int64_t n) {
  if (n < INT32_MAX) return OK;
  return status_fail(INVALID,
                     "a column has %lld or more distinct words; %d are allowed: read it "
                     "as text",
                     (long long)n, INT32_MAX - 1);
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

static inline uint64_t head_of(const char *bytes, int64_t length) {
  uint64_t head = 0;
  if (length >= 8) {
    memcpy(&head, bytes, 8);
    return __builtin_bswap64(head);
  }
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
  TRY(check_count(set->n + 1));
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

/* ---- merging ----
 *
 * The words are cut into ranges, one for each rank, at words that a sample finds; a rank merges its
 * range, and the ranges one after the other are the union in order. So the work per rank falls
 * with the number of ranks; merging everything everywhere took five seconds for three million
 * words on four ranks. Few words are merged everywhere all the same: that takes fewer messages,
 * each of which costs as much as a thousand words. What is done cannot be seen in the result. */

enum {
  SAMPLES = 32,  /* words of each rank; uneven ranges cost time only */
  FEW = 1 << 16, /* words of all ranks, once for each round in which their runs are merged */
  COPY = 32      /* bytes copied at once; words are mostly shorter */
};

/* Words one after the other: a run of each rank's, in order, behind those of the ranks before. */
typedef struct Words {
  char *bytes;
  int64_t *offset, n;
  int64_t *runs; /* size + 1 places where runs begin */
} Words;

static void words_clear(Words *words) {
  memory_free(&words->bytes);
  memory_free(&words->offset);
  memory_free(&words->runs);
}

static Status words_offsets(const int64_t *lengths, int64_t n, Words *words) {
  if (NEW(&words->offset, n + 1) != OK) return MEMORY;
  for (int64_t w = 0; w < n; w++) words->offset[w + 1] = words->offset[w] + lengths[w];
  words->n = n;
  return OK;
}

static Status lengths_of(const Dictionary *dictionary, int64_t **lengths) {
  if (NEW(lengths, dictionary->n) != OK) return MEMORY;
  for (int32_t w = 0; w < dictionary->n; w++)
    (*lengths)[w] = dictionary->offset[w + 1] - dictionary->offset[w];
  return OK;
}

static int64_t bytes_before(const Dictionary *dictionary, int64_t code) {
  return dictionary->n > 0 ? dictionary->offset[code] : 0;
}

/* A rank's words as one message: how many, their lengths, their bytes. */
static Status pack_words(const Dictionary *mine, char **out, size_t *bytes) {
  Status status = OK;
  int64_t n = mine->n, text = bytes_before(mine, n), head = (1 + n) * (int64_t)sizeof n;
  TRY(NEW_RAW(out, head + text));
  memcpy(*out, &n, sizeof n);
  int64_t *lengths = (int64_t *)(void *)*out + 1;
  for (int64_t w = 0; w < n; w++) lengths[w] = mine->offset[w + 1] - mine->offset[w];
  if (text > 0) memcpy(*out + head, mine->bytes, (size_t)text);
  *bytes = (size_t)(head + text);
done:
  return status;
}

/* Take the messages in out->bytes apart, in place: rank r's is at[r] .. at[r + 1] - 1. */
static Status unpack_words(const size_t *at, int size, Words *out) {
  Status status = OK;
  char *all = out->bytes;
  int64_t n = 0, used = 0, bytes = 0;
  for (int r = 0; r < size; r++) {
    int64_t here = 0;
    memcpy(&here, all + at[r], sizeof here);
    n += here;
    out->runs[r + 1] = n;
  }
  TRY(NEW_RAW(&out->offset, n + 1));
  for (int r = 0; r < size; r++) {
    int64_t here = out->runs[r + 1] - out->runs[r], begin = bytes;
    const char *lengths = all + at[r] + sizeof here;
    for (int64_t w = 0; w < here; w++) {
      int64_t length = 0;
      memcpy(&length, lengths + (size_t)w * sizeof length, sizeof length);
      out->offset[used++] = bytes;
      bytes += length;
    }
    memmove(all + begin, lengths + (size_t)here * sizeof here, (size_t)(bytes - begin));
  }
  out->offset[n] = bytes;
  out->n = n;
done:
  return status;
}

/* The words of all ranks in rank order, with repeats. The caller clears out. */
static Status gather_words_all(const Comm *comm, const Dictionary *mine, Words *out) {
  Status status = OK;
  char *message = NULL;
  size_t bytes = 0, *at = NULL;
  void *all = NULL;
  Status local = pack_words(mine, &message, &bytes);
  if (local == OK) local = NEW(&at, comm->size + 1);
  if (local == OK) local = NEW(&out->runs, comm->size + 1);
  AGREE(comm, local);
  TRY(comm_concatenate_all(comm, message, bytes, &all, at));
  out->bytes = all;
  AGREE(comm, unpack_words(at, comm->size, out));
done:
  memory_free(&message);
  memory_free(&at);
  return status;
}

/* Words bounds[r] .. bounds[r + 1] - 1 of mine to each rank r. The caller clears out. */
static Status send_ranges_all(const Comm *comm, const Dictionary *mine, const int64_t *bounds,
                              Words *out) {
  Status status = OK;
  int64_t *lengths = NULL, *counts = NULL, n = 0;
  void *all = NULL, *bytes = NULL;
  int size = comm->size;
  AGREE(comm, lengths_of(mine, &lengths));
  AGREE(comm, NEW(&counts, 2 * size));
  AGREE(comm, NEW(&out->runs, size + 1));
  for (int r = 0; r < size; r++) counts[r] = bounds[r + 1] - bounds[r];
  TRY(comm_exchange_all(comm, lengths, counts, sizeof *lengths, &all, counts + size));
  for (int r = 0; r < size; r++) {
    n += counts[size + r];
    out->runs[r + 1] = n;
    counts[r] = bytes_before(mine, bounds[r + 1]) - bytes_before(mine, bounds[r]);
  }
  AGREE(comm, words_offsets(all, n, out));
  TRY(comm_exchange_all(comm, mine->bytes, counts, 1, &bytes, counts + size));
  out->bytes = bytes;
done:
  memory_free(&lengths);
  memory_free(&counts);
  memory_free(&all);
  return status;
}

/* Up to SAMPLES words at even distances. */
static Status sample(const Dictionary *mine, Dictionary *out) {
  Status status = OK;
  int64_t n = mine->n < SAMPLES ? mine->n : SAMPLES, bytes = 0, length = 0;
  for (int64_t s = 0; s < n; s++) {
    dictionary_word(mine, (int32_t)(s * mine->n / n), &length);
    bytes += length;
  }
  TRY(NEW(&out->offset, n + 1));
  TRY(NEW(&out->bytes, bytes));
  for (int64_t s = 0; s < n; s++) {
    const char *word = dictionary_word(mine, (int32_t)(s * mine->n / n), &length);
    if (length > 0) memcpy(out->bytes + out->offset[s], word, (size_t)length);
    out->offset[s + 1] = out->offset[s] + length;
  }
  out->n = (int32_t)n;
done:
  return status;
}

/* Where each rank's range begins in mine; bounds: size + 1 items. */
static Status find_bounds_all(const Comm *comm, const Dictionary *mine, int64_t *bounds) {
  Status status = OK;
  Dictionary some = {0}, borders = {0};
  Words words = {0};
  AGREE(comm, sample(mine, &some));
  TRY(gather_words_all(comm, &some, &words));
  AGREE(comm, dictionary_build(words.bytes, words.offset, words.n, &borders, NULL));
  for (int r = 1; r < comm->size && borders.n > 0; r++) {
    int64_t length = 0;
    const char *word =
        dictionary_word(&borders, (int32_t)((int64_t)borders.n * r / comm->size), &length);
    bounds[r] = lower_bound(mine, word, length);
  }
  bounds[comm->size] = mine->n;
done:
  dictionary_clear(&some);
  dictionary_clear(&borders);
  words_clear(&words);
  return status;
}

/* A word while it is merged; head as in Word. */
typedef struct Entry {
  uint64_t head;
  int64_t word;
} Entry;

static int compare_entries(const Words *words, const Entry *a, const Entry *b) {
  if (a->head != b->head) return a->head < b->head ? -1 : 1;
  const int64_t *x = words->offset + a->word, *y = words->offset + b->word;
  return compare(words->bytes + x[0], x[1] - x[0], words->bytes + y[0], y[1] - y[0]);
}

/* Merge two runs of distinct words; of equal ones the first is kept. The number of entries made. */
static int64_t merge_two(const Words *words, const Entry *a, int64_t a_n, const Entry *b,
                         int64_t b_n, Entry *to) {
  int64_t i = 0, j = 0, n = 0;
  while (i < a_n && j < b_n) {
    int order = compare_entries(words, a + i, b + j);
    to[n++] = order <= 0 ? a[i] : b[j];
    i += order <= 0;
    j += order >= 0;
  }
  memcpy(to + n, a + i, (size_t)(a_n - i) * sizeof *to);
  n += a_n - i;
  memcpy(to + n, b + j, (size_t)(b_n - j) * sizeof *to);
  return n + b_n - j;
}

/* Merge neighbouring runs, of which runs[] tells where they begin, until one is left. *items and
 * *other change places. */
static void merge_runs(const Words *words, Entry **items, Entry **other, int64_t *runs, int n) {
  for (; n > 1; n = (n + 1) / 2) {
    int64_t used = 0;
    for (int r = 0; r < n; r += 2) {
      int64_t a = runs[r], b = runs[r + 1], end = r + 1 < n ? runs[r + 2] : b;
      int64_t made = merge_two(words, *items + a, b - a, *items + b, end - b, *other + used);
      runs[r / 2] = used;
      used += made;
    }
    runs[(n + 1) / 2] = used;
    Entry *swap = *items;
    *items = *other;
    *other = swap;
  }
}

/* The union of the runs of n_runs ranks, which are used up. */
static Status unite(Words *words, int n_runs, Dictionary *out) {
  Status status = OK;
  Entry *items = NULL, *other = NULL;
  TRY(NEW_RAW(&items, words->n));
  TRY(NEW_RAW(&other, words->n));
  for (int64_t w = 0; w < words->n; w++) {
    int64_t begin = words->offset[w], length = words->offset[w + 1] - begin;
    items[w] = (Entry){head_of(words->bytes + begin, length), w};
  }
  merge_runs(words, &items, &other, words->runs, n_runs);
  int64_t n = words->runs[1], bytes = 0;
  TRY(check_count(n));
  int64_t all = words->offset[words->n];
  TRY(NEW_RAW(&out->offset, n + 1));
  TRY(NEW_RAW(&out->bytes, all + COPY));
  for (int64_t i = 0; i < n; i++) {
    int64_t begin = words->offset[items[i].word], length = words->offset[items[i].word + 1] - begin;
    if (length <= COPY && begin + COPY <= all)
      memcpy(out->bytes + bytes, words->bytes + begin, COPY);
    else
      memcpy(out->bytes + bytes, words->bytes + begin, (size_t)length);
    out->offset[i] = bytes;
    bytes += length;
  }
  out->offset[n] = bytes;
  out->n = (int32_t)n;
done:
  memory_free(&items);
  memory_free(&other);
  if (status != OK) dictionary_clear(out);
  return status;
}

static Status unite_few_all(const Comm *comm, const Dictionary *mine, Dictionary *out) {
  Status status = OK;
  Words words = {0};
  TRY(gather_words_all(comm, mine, &words));
  AGREE(comm, unite(&words, comm->size, out));
done:
  words_clear(&words);
  if (status != OK) dictionary_clear(out);
  return status;
}

/* The union of all ranks' dictionaries, on all ranks. */
static Status unite_all(const Comm *comm, const Dictionary *mine, Dictionary *out) {
  Status status = OK;
  int64_t *bounds = NULL;
  Dictionary range = {0};
  Words words = {0}, all = {0};
  int64_t n = comm_sum_one_all(comm, mine->n), rounds = 0;
  while (comm->size > 1 << rounds) rounds++;
  if (n * rounds <= FEW) return unite_few_all(comm, mine, out);
  AGREE(comm, NEW(&bounds, comm->size + 1));
  TRY(find_bounds_all(comm, mine, bounds));
  TRY(send_ranges_all(comm, mine, bounds, &words));
  AGREE(comm, unite(&words, comm->size, &range));
  TRY(gather_words_all(comm, &range, &all));
  TRY(check_count(all.n)); /* the same on all ranks */
  *out = (Dictionary){.n = (int32_t)all.n, .offset = all.offset, .bytes = all.bytes};
  all.offset = NULL;
  all.bytes = NULL;
done:
  memory_free(&bounds);
  dictionary_clear(&range);
  words_clear(&words);
  words_clear(&all);
  return status;
}

static inline bool same_word(const char *a, int64_t a_n, const char *b, int64_t b_n) {
  if (a_n != b_n) return false;
  if (a_n >= 8 && head_of(a, 8) != head_of(b, 8)) return false;
  return a_n == 0 || memcmp(a, b, (size_t)a_n) == 0;
}

/* Both are sorted and out holds every word of mine: one walk over both. */
static void walk(const Dictionary *mine, const Dictionary *out, int32_t *remap) {
  int32_t code = 0;
  for (int32_t w = 0; w < mine->n; w++) {
    int64_t length = 0, other_length = 0;
    const char *word = dictionary_word(mine, w, &length);
    const char *other = dictionary_word(out, code, &other_length);
    while (!same_word(other, other_length, word, length))
      other = dictionary_word(out, ++code, &other_length);
    remap[w] = code;
  }
}

Status dictionary_merge_all(const Comm *comm, const Dictionary *mine, Dictionary *out,
                            int32_t *remap) {
  *out = (Dictionary){0};
  bool alone = comm->size == 1;
  Status status = alone ? dictionary_copy(mine, out) : unite_all(comm, mine, out);
  if (status == OK && !alone) walk(mine, out, remap);
  for (int32_t w = 0; alone && w < mine->n; w++) remap[w] = w;
  return status;
}
