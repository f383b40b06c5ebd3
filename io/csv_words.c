/* Words get codes in order of appearance from a hash table of this rank; when all is read, the
 * distinct ones are sorted, merged over ranks, and the codes are renamed. dictionary_build would
 * hash them once more and sort by comparing; here they are known to differ, and a radix sort by the
 * first eight bytes leaves few to compare. */
#include "csv_words.h"

#include <string.h>

#include "kernels/base/memory.h"

__extension__ typedef unsigned __int128 Wide;

static inline uint64_t load(const char *p) {
  uint64_t x;
  memcpy(&x, p, sizeof x);
  return x;
}

/* The first and the last eight of a word's bytes; both all of them if there are no more. */
typedef struct Sides {
  uint64_t first, last;
} Sides;

static inline Sides sides_of(const char *p, int64_t n) {
  uint64_t keep = n >= 8 ? ~UINT64_C(0) : (UINT64_C(1) << 8 * n) - 1;
  return (Sides){load(p) & keep, load(p + (n >= 8 ? n - 8 : 0)) & keep};
}

/* Not for anything that lasts: it only spreads words over slots. Most words have at most 16 bytes,
 * for which there is no branch. */
static inline uint64_t hash_word(const char *p, int64_t n, Sides sides) {
  const uint64_t odd = 0x9e3779b97f4a7c15u;
  uint64_t middle = 0;
  for (int64_t i = 8; i + 8 < n; i += 8) middle = (middle ^ load(p + i)) * odd ^ middle >> 29;
  Wide product =
      (Wide)(sides.first ^ middle ^ odd) * ((sides.last + (uint64_t)n) ^ 0xd6e8feb86659fd93u);
  return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline bool equal(const char *p, const char *q, int64_t n, Sides sides) {
  Sides other = sides_of(q, n);
  if ((other.first ^ sides.first) | (other.last ^ sides.last)) return false;
  return n <= 16 || memcmp(p + 8, q + 8, (size_t)n - 16) == 0;
}

void csv_words_clear(CsvWords *words) {
  memory_free(&words->offset);
  memory_free(&words->bytes);
  memory_free(&words->slots);
  *words = (CsvWords){0};
}

/* Twice the slots, at most half of them taken. */
static Status words_widen(CsvWords *words) {
  Status status = OK;
  uint64_t *slots = NULL;
  int64_t n = words->n_slots ? 2 * words->n_slots : 256;
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

static Status words_append(CsvWords *words, const char *text, int64_t n) {
  Status status = OK;
  int64_t used = words->n > 0 ? words->offset[words->n] : 0;
  TRY(RESERVE(&words->offset, &words->capacity, words->n + 2));
  TRY(RESERVE(&words->bytes, &words->bytes_capacity, used + n + CSV_WORD_PADDING));
  if (n > 0) memcpy(words->bytes + used, text, (size_t)n);
  words->offset[++words->n] = used + n;
done:
  return status;
}

/* A word that is looked for, and where its slot would be. */
typedef struct Search {
  const char *text;
  int64_t n;
  Sides sides;
  uint64_t hash;
} Search;

static inline Search search_for(const char *text, int64_t n) {
  Sides sides = sides_of(text, n);
  return (Search){text, n, sides, hash_word(text, n, sides) >> 32};
}

/* There is room for one more word. */
static inline Status find_or_add(CsvWords *words, const Search *search, int32_t *code) {
  uint64_t hash = search->hash, slot;
  int64_t n = search->n, at = (int64_t)hash & (words->n_slots - 1);
  for (; (slot = words->slots[at]) != 0; at = (at + 1) & (words->n_slots - 1)) {
    if (slot >> 32 != hash) continue;
    int32_t found = (int32_t)(uint32_t)slot - 1;
    int64_t begin = words->offset[found], length = words->offset[found + 1] - begin;
    if (length != n || !equal(search->text, words->bytes + begin, n, search->sides)) continue;
    *code = found;
    return OK;
  }
  if (words->n == INT32_MAX - 1)
    return status_fail(FORMAT, "more than two billion distinct words in a column");
  *code = (int32_t)words->n;
  words->slots[at] = hash << 32 | (uint64_t)(words->n + 1);
  return words_append(words, search->text, n);
}

static Status reserve_slots(CsvWords *words, int64_t more) {
  Status status = OK;
  while (2 * (words->n + more) > words->n_slots) TRY(words_widen(words));
done:
  return status;
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
  int32_t likely[CSV_WORDS_AT_ONCE];
  TRY(reserve_slots(words, n));
  int64_t mask = words->n_slots - 1;
  for (int64_t i = 0; i < n; i++) {
    searches[i] = search_for(asked[i].text, asked[i].n);
    __builtin_prefetch(&words->slots[(int64_t)searches[i].hash & mask]);
  }
  for (int64_t i = 0; i < n; i++) {
    uint64_t slot = words->slots[(int64_t)searches[i].hash & mask];
    likely[i] = (int32_t)(uint32_t)slot - 1; /* -1: the slot is free */
    if (slot) __builtin_prefetch(&words->offset[likely[i]]);
  }
  for (int64_t i = 0; i < n; i++)
    if (likely[i] >= 0) __builtin_prefetch(words->bytes + words->offset[likely[i]]);
  for (int64_t i = 0; i < n; i++) TRY(find_or_add(words, &searches[i], &codes[i]));
done:
  return status;
}

/* ---- sorting ---- */

typedef struct Item {
  uint64_t head; /* the first eight bytes as a number in byte order, zeros behind a shorter word */
  int32_t code;
} Item;

enum { RADIX = 8, DIGITS = 1 << RADIX };

static uint64_t head_of(const char *bytes, int64_t n) {
  uint64_t head = 0;
  if (n >= 8) {
    memcpy(&head, bytes, 8);
    return __builtin_bswap64(head);
  }
  for (int64_t i = 0; i < n; i++) head |= (uint64_t)(unsigned char)bytes[i] << (56 - 8 * i);
  return head;
}

/* Sort by head, from the last byte to the first; `other` is room for n items. Eight passes, so that
 * the result is back in items. */
static void sort_heads(Item *items, Item *other, int64_t n) {
  for (int shift = 0; shift < 64; shift += RADIX) {
    int64_t place[DIGITS + 1] = {0};
    for (int64_t i = 0; i < n; i++) place[(items[i].head >> shift & (DIGITS - 1)) + 1]++;
    for (int digit = 0; digit < DIGITS; digit++) place[digit + 1] += place[digit];
    for (int64_t i = 0; i < n; i++)
      other[place[items[i].head >> shift & (DIGITS - 1)]++] = items[i];
    Item *swap = items;
    items = other;
    other = swap;
  }
}

static bool before(const CsvWords *words, int32_t a, int32_t b) {
  int64_t a_n = words->offset[a + 1] - words->offset[a];
  int64_t b_n = words->offset[b + 1] - words->offset[b];
  int order = memcmp(words->bytes + words->offset[a], words->bytes + words->offset[b],
                     (size_t)(a_n < b_n ? a_n : b_n));
  return order != 0 ? order < 0 : a_n < b_n;
}

/* Sort items of one head by the whole words: merging, since there may be many. */
static void sort_words(const CsvWords *words, Item *items, Item *other, int64_t n) {
  if (n < 2) return;
  int64_t half = n / 2, i = 0, j = half;
  sort_words(words, items, other, half);
  sort_words(words, items + half, other, n - half);
  memcpy(other, items, (size_t)half * sizeof *items);
  for (int64_t to = 0; i < half; to++) {
    bool right = j < n && before(words, items[j].code, other[i].code);
    items[to] = right ? items[j++] : other[i++];
  }
}

/* The words as a dictionary; rank_of[code] = code there. */
static Status words_sort(const CsvWords *words, Dictionary *out, int32_t *rank_of) {
  Status status = OK;
  Item *items = NULL;
  int64_t n = words->n;
  TRY(NEW(&items, 2 * n));
  TRY(NEW(&out->offset, n + 1));
  TRY(NEW(&out->bytes, n > 0 ? words->offset[n] : 0));
  for (int64_t i = 0; i < n; i++) {
    int64_t begin = words->offset[i];
    items[i] = (Item){head_of(words->bytes + begin, words->offset[i + 1] - begin), (int32_t)i};
  }
  sort_heads(items, items + n, n);
  for (int64_t i = 0, end; i < n; i = end) {
    for (end = i + 1; end < n && items[end].head == items[i].head;) end++;
    sort_words(words, items + i, items + n, end - i);
  }
  for (int64_t i = 0; i < n; i++) {
    int64_t begin = words->offset[items[i].code];
    int64_t length = words->offset[items[i].code + 1] - begin;
    memcpy(out->bytes + out->offset[i], words->bytes + begin, (size_t)length);
    out->offset[i + 1] = out->offset[i] + length;
    rank_of[items[i].code] = (int32_t)i;
  }
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
