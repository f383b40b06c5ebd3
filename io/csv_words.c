/* Words get codes in order of appearance from a hash table of this rank; when all is read, the
 * distinct ones are sorted, merged over ranks, and the codes are renamed. dictionary_build would
 * hash them once more and sort by comparing; here they are known to differ, and a radix sort by the
 * first bytes leaves few to compare.
 *
 * A look-up costs two cache lines that are asked for ahead of time: a slot, and what is known of
 * the word. Lengths are hard to predict, so that nothing branches on them below seventeen bytes. */
#include "csv_words.h"

#include <assert.h>

#include "kernels/base/memory.h"

__extension__ typedef unsigned __int128 Wide;

static inline uint64_t load(const char *p) {
  uint64_t x;
  memcpy(&x, p, sizeof x);
  return x;
}

/* A word that is looked for, and what its slot would hold above the code. */
typedef struct Search {
  const char *text;
  int64_t n;
  uint64_t first, last, hash;
} Search;

/* The hash is not for anything that lasts: it only spreads words over slots. */
static inline Search search_for(const char *text, int64_t n) {
  const uint64_t odd = 0x9e3779b97f4a7c15u;
  assert(n > 0);
  uint64_t first = csv_word_first(text, n), last = csv_word_last(text, n), middle = 0;
  for (int64_t i = 8; i + 8 < n; i += 8) middle = (middle ^ load(text + i)) * odd ^ middle >> 29;
  Wide product = (Wide)(first ^ middle ^ odd) * ((last + (uint64_t)n) ^ 0xd6e8feb86659fd93u);
  uint64_t hash = (uint64_t)product ^ (uint64_t)(product >> 64);
  return (Search){text, n, first, last, hash >> 32};
}

void csv_words_clear(CsvWords *words) {
  memory_free(&words->known);
  memory_free(&words->bytes);
  memory_free(&words->slots);
  *words = (CsvWords){0};
}

/* Room for more words: at most three eighths of the slots are taken, so that a word mostly finds
 * its own at once. */
static Status reserve_slots(CsvWords *words, int64_t more) {
  Status status = OK;
  uint64_t *slots = NULL;
  int64_t n = words->n_slots ? words->n_slots : 256;
  while (8 * (words->n + more) > 3 * n) n *= 4;
  if (n == words->n_slots) return OK;
  TRY(NEW(&slots, n));
  for (int64_t i = 0; i < words->n_slots; i++) {
    if (words->slots[i] == 0) continue;
    int64_t at = (int64_t)(words->slots[i] >> 32) & (n - 1);
    while (slots[at]) at = (at + 1) & (n - 1);
    slots[at] = words->slots[i];
  }
  memory_free(&words->slots);
  words->slots = slots;
  words->n_slots = n;
done:
  return status;
}

static Status append(CsvWords *words, const Search *search) {
  Status status = OK;
  int64_t need = words->bytes_n + search->n + CSV_WORD_PADDING;
  TRY(RESERVE_RAW(&words->known, &words->capacity, words->n, words->n + 1));
  TRY(RESERVE_RAW(&words->bytes, &words->bytes_capacity, words->bytes_n, need));
  char *to = words->bytes + words->bytes_n;
  if (search->n <= CSV_WORD_PADDING)
    memcpy(to, search->text, CSV_WORD_PADDING); /* both sides are padded */
  else
    memcpy(to, search->text, (size_t)search->n);
  words->known[words->n++] = (CsvKnown){search->first, search->last, words->bytes_n, search->n};
  words->bytes_n += search->n;
done:
  return status;
}

/* There is a free slot. */
static inline Status find_or_add(CsvWords *words, const Search *search, int32_t *code) {
  uint64_t hash = search->hash, slot;
  int64_t at = (int64_t)hash & (words->n_slots - 1);
  for (; (slot = words->slots[at]) != 0; at = (at + 1) & (words->n_slots - 1)) {
    *code = (int32_t)(uint32_t)slot - 1;
    if (slot >> 32 == hash && csv_word_is(words, &words->known[*code], search->text, search->n,
                                          search->first, search->last))
      return OK;
  }
  if (words->n == INT32_MAX - 1)
    return status_fail(FORMAT, "more than two billion distinct words in a column");
  *code = (int32_t)words->n;
  words->slots[at] = hash << 32 | (uint64_t)(words->n + 1);
  return append(words, search);
}

Status csv_words_code(CsvWords *words, const char *text, int64_t n, int32_t *code) {
  Status status = OK;
  TRY(reserve_slots(words, 1));
  Search search = search_for(text, n);
  status = find_or_add(words, &search, code);
done:
  return status;
}

Status csv_words_codes(CsvWords *words, const CsvWord *asked, int64_t n, int32_t *codes) {
  Status status = OK;
  Search searches[CSV_WORDS_AT_ONCE];
  TRY(reserve_slots(words, n));
  int64_t mask = words->n_slots - 1;
  for (int64_t i = 0; i < n; i++) {
    searches[i] = search_for(asked[i].text, asked[i].n);
    __builtin_prefetch(&words->slots[(int64_t)searches[i].hash & mask]);
  }
  for (int64_t i = 0; i < n; i++) {
    uint64_t slot = words->slots[(int64_t)searches[i].hash & mask];
    __builtin_prefetch(&words->known[(uint32_t)slot - (slot != 0)]);
  }
  for (int64_t i = 0; i < n; i++) TRY(find_or_add(words, &searches[i], &codes[i]));
done:
  return status;
}

/* ---- sorting ---- */

typedef struct Item {
  uint64_t head; /* the first eight bytes as a number in byte order, zeros behind a shorter word */
  int32_t code;
} Item;

enum {
  RADIX = 12,
  DIGITS = 1 << RADIX,
  PASSES = 4, /* an even number; what they leave equal is compared */
  SORTED = 64 - RADIX * PASSES,
  MANY = 512, /* items; fewer are sorted by comparing */
  AHEAD = 8   /* items */
};

/* Sort by the upper bits of head, from the last digit to the first; `other` is room for n items and
 * PASSES * DIGITS places. */
static void sort_heads(Item *items, Item *other, int64_t n, int32_t (*place)[DIGITS]) {
  for (int64_t i = 0; i < n; i++)
    for (int pass = 0; pass < PASSES; pass++)
      place[pass][items[i].head >> (SORTED + RADIX * pass) & (DIGITS - 1)]++;
  for (int pass = 0; pass < PASSES; pass++) {
    int32_t sum = 0;
    for (int digit = 0; digit < DIGITS; digit++) {
      int32_t here = place[pass][digit];
      place[pass][digit] = sum;
      sum += here;
    }
    for (int64_t i = 0; i < n; i++) {
      uint64_t digit = items[i].head >> (SORTED + RADIX * pass) & (DIGITS - 1);
      other[place[pass][digit]++] = items[i];
    }
    Item *swap = items;
    items = other;
    other = swap;
  }
}

static bool before(const CsvWords *words, const Item *x, const Item *y) {
  if (x->head != y->head) return x->head < y->head;
  const CsvKnown *a = &words->known[x->code], *b = &words->known[y->code];
  int order =
      memcmp(words->bytes + a->begin, words->bytes + b->begin, (size_t)(a->n < b->n ? a->n : b->n));
  return order != 0 ? order < 0 : a->n < b->n;
}

/* Sort by the whole words: merging, since there may be many. */
static void sort_words(const CsvWords *words, Item *items, Item *other, int64_t n) {
  if (n < 2) return;
  int64_t half = n / 2, i = 0, j = half;
  sort_words(words, items, other, half);
  sort_words(words, items + half, other, n - half);
  memcpy(other, items, (size_t)half * sizeof *items);
  for (int64_t to = 0; i < half; to++) {
    bool right = j < n && before(words, &items[j], &other[i]);
    items[to] = right ? items[j++] : other[i++];
  }
}

/* Sort n items; `other` is room for as many. */
static Status sort_items(const CsvWords *words, Item *items, Item *other, int64_t n) {
  Status status = OK;
  int32_t(*place)[DIGITS] = NULL;
  if (n < MANY) {
    sort_words(words, items, other, n);
    return OK;
  }
  TRY(NEW(&place, PASSES));
  sort_heads(items, other, n, place);
  for (int64_t i = 0, end; i < n; i = end) {
    for (end = i + 1; end < n && items[end].head >> SORTED == items[i].head >> SORTED;) end++;
    sort_words(words, items + i, other, end - i);
  }
done:
  memory_free(&place);
  return status;
}

/* The words as a dictionary; rank_of[code] = code there. */
static Status words_sort(const CsvWords *words, Dictionary *out, int32_t *rank_of) {
  Status status = OK;
  Item *items = NULL;
  int64_t n = words->n, used = 0;
  TRY(NEW_RAW(&items, 2 * n));
  TRY(NEW_RAW(&out->offset, n + 1));
  TRY(NEW_RAW(&out->bytes, words->bytes_n + CSV_WORD_PADDING));
  for (int64_t i = 0; i < n; i++)
    items[i] = (Item){__builtin_bswap64(words->known[i].first), (int32_t)i};
  TRY(sort_items(words, items, items + n, n));
  for (int64_t i = 0; i < n; i++) {
    if (i + 2 * AHEAD < n) __builtin_prefetch(&words->known[items[i + 2 * AHEAD].code]);
    if (i + AHEAD < n) __builtin_prefetch(words->bytes + words->known[items[i + AHEAD].code].begin);
    const CsvKnown *word = &words->known[items[i].code];
    const char *from = words->bytes + word->begin;
    memcpy(out->bytes + used, from, CSV_WORD_PADDING);
    if (word->n > CSV_WORD_PADDING) memcpy(out->bytes + used, from, (size_t)word->n);
    out->offset[i] = used;
    used += word->n;
    rank_of[items[i].code] = (int32_t)i;
  }
  out->offset[n] = used;
  out->n = (int32_t)n;
done:
  memory_free(&items);
  return status;
}

Status csv_words_merge_all(const Comm *comm, const CsvWords *words, Dictionary *out,
                           int32_t *codes) {
  Status status = OK;
  Dictionary mine = {0};
  int32_t *place = NULL, *remap = NULL;
  *out = (Dictionary){0};
  Status local = NEW(&place, words->n);
  if (local == OK) local = NEW(&remap, words->n);
  if (local == OK) local = words_sort(words, &mine, place);
  AGREE(comm, local);
  TRY(dictionary_merge_all(comm, &mine, out, remap));
  for (int64_t i = 0; codes && i < words->n; i++) codes[i] = remap[place[i]];
done:
  dictionary_clear(&mine);
  memory_free(&place);
  memory_free(&remap);
  return status;
}
