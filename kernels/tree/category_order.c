/* The order of categories; see category_order.h. A merge sort without memory of its own: trees are
 * grown without allocations. */
#include "category_order.h"

#include <string.h>

enum { CODES = 256, RUN = 8 };

static inline bool comes_before(const Category *a, const Category *b) {
  if (a->key != b->key) return a->key < b->key;
  __int128 x = (__int128)a->sum * b->weight, y = (__int128)b->sum * a->weight;
  return x != y ? x < y : a->code < b->code;
}

static void sort_run(Category *list, int64_t n) {
  for (int64_t i = 1; i < n; i++) {
    Category own = list[i];
    int64_t at = i;
    for (; at > 0 && comes_before(&own, &list[at - 1]); at--) list[at] = list[at - 1];
    list[at] = own;
  }
}

static void merge(const Category *from, int64_t middle, int64_t n, Category *out) {
  int64_t a = 0, b = middle;
  for (int64_t i = 0; i < n; i++) {
    bool second = a == middle || (b < n && comes_before(&from[b], &from[a]));
    out[i] = second ? from[b++] : from[a++];
  }
}

void category_order(Category *list, int64_t n) {
  Category scratch[CODES];
  for (int64_t at = 0; at < n; at += RUN) sort_run(list + at, n - at < RUN ? n - at : RUN);
  for (int64_t width = RUN; width < n; width *= 2) {
    for (int64_t at = 0; at < n; at += 2 * width) {
      int64_t left = n - at, here = left < 2 * width ? left : 2 * width;
      merge(list + at, here < width ? here : width, here, scratch + at);
    }
    memcpy(list, scratch, (size_t)n * sizeof *list);
  }
}

void category_set(const Category *list, int64_t all, int64_t first, int64_t step, int64_t n,
                  bool absent_left, int64_t set[NODE_SET_WORDS]) {
  int64_t occupied[NODE_SET_WORDS] = {0};
  for (int w = 0; w < NODE_SET_WORDS; w++) set[w] = 0;
  for (int64_t i = 0; i < n; i++) category_add(list[first + i * step].code, set);
  if (!absent_left) return;
  for (int64_t i = 0; i < all; i++) category_add(list[i].code, occupied);
  for (int w = 0; w < NODE_SET_WORDS; w++) set[w] |= ~occupied[w];
}
