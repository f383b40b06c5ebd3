/* Splits for more than two classes; see grow.h for the rules.
 *
 * Rows of the node are ordered by code (a counting sort over occupied bins) and moved one by one
 * from right to left, which changes the sums of squared class weights by an integer each: the cost
 * follows the rows, not the number of classes. Rejected: histograms of bins x classes, which for a
 * hundred classes make a hundred times the memory traffic. */
#include "split.h"

/* Order the classes of the node's rows by code. Afterwards start[code] is where the bin ends; the
 * caller zeroes it. map: occupied bins. */
static void sort_by_code(const Splitter *s, const Item *item, int32_t feature, uint64_t map[4]) {
  uint32_t *start = s->start;
  for (int64_t i = item->begin; i < item->end; i++) {
    unsigned code = codes_at(s, i)[feature];
    start[code]++;
    map[code / 64] |= UINT64_C(1) << (code % 64);
  }
  uint32_t at = 0;
  for (int word = 0; word < 4; word++) {
    for (uint64_t bits = map[word]; bits; bits &= bits - 1) {
      int code = word * 64 + __builtin_ctzll(bits);
      uint32_t here = start[code];
      start[code] = at;
      at += here;
    }
  }
  for (int64_t i = item->begin; i < item->end; i++) {
    uint64_t payload = *record_at(s, i);
    unsigned code = codes_at(s, i)[feature];
    s->sorted[start[code]++] = payload_class(payload) | payload_count(payload) << 16;
  }
}

static void offer_moved(const Splitter *s, const Item *item, const Moved *moved, int32_t feature,
                        int32_t bin, bool missing_left, Split *best) {
  int64_t weight_right = item->weight - moved->weight;
  int64_t least = s->options.min_samples_leaf;
  if (moved->weight < least || weight_right < least) return;
  double purity =
      grow_purity(moved->squares_left, moved->weight, moved->squares_right, weight_right);
  if (purity < best->gain) return;
  /* One feature may be swept twice (missing right, missing left): ties to the lower bin first. */
  if (purity == best->gain && !(feature == best->feature && bin < best->bin)) return;
  *best = (Split){purity, moved->weight, 0, feature, bin, missing_left, false};
}

/* Where the last value bin ends in the sorted rows, and missing ones begin. */
static uint32_t last_value_end(const Splitter *s, const uint64_t map[4]) {
  for (int word = 3; word >= 0; word--) {
    uint64_t bits = word == 3 ? map[3] & ~(UINT64_C(1) << 63) : map[word];
    if (bits) return s->start[word * 64 + 63 - __builtin_clzll(bits)];
  }
  return 0;
}

/* One sweep over the sorted rows, missing ones left from the start or not at all. */
static void sweep_classes(const Splitter *s, const Item *item, int32_t feature,
                          const uint64_t map[4], int64_t squares, bool missing_left, Split *best) {
  Moved moved = {.squares_right = squares};
  uint32_t at = 0, n = (uint32_t)(item->end - item->begin);
  bool missing = map[3] >> 63;
  if (missing_left) split_move_rows(s, last_value_end(s, map), n, &moved);
  int32_t before = -1;
  for (int32_t word = 0; word < 4; word++) {
    for (uint64_t bits = map[word]; bits; bits &= bits - 1) {
      int32_t bin = word * 64 + __builtin_ctzll(bits);
      if (bin == BINS_MISSING) break;
      if (before >= 0) {
        offer_moved(s, item, &moved, feature, split_middle(before, bin), missing_left, best);
      }
      split_move_rows(s, at, s->start[bin], &moved);
      at = s->start[bin];
      before = bin;
    }
  }
  if (missing && !missing_left && before >= 0) {
    offer_moved(s, item, &moved, feature, bins_of(s->rows.bins, feature) - 1, false, best);
  }
  for (uint32_t i = 0; i < n; i++) s->count[s->sorted[i] & 0xffffu].left = 0;
}

/* The drawn candidate of a feature with two or more occupied value bins. */
static void try_threshold(const Splitter *s, const Item *item, int32_t feature,
                          const uint64_t map[4], int64_t squares, Split *best) {
  int32_t low = -1, high = -1;
  for (int32_t bin = 0; bin < BINS_MISSING; bin++) {
    if (!(map[bin / 64] >> (bin % 64) & 1)) continue;
    if (low < 0) low = bin;
    high = bin;
  }
  GrowThreshold t = grow_threshold(s->nodes, item->path, feature, low, high);
  int32_t last = t.bin; /* occupied */
  while (!(map[last / 64] >> (last % 64) & 1)) last--;
  Moved moved = {.squares_right = squares};
  uint32_t n = (uint32_t)(item->end - item->begin);
  bool missing_left = map[3] >> 63 && t.missing_left;
  if (missing_left) split_move_rows(s, s->start[high], n, &moved);
  split_move_rows(s, 0, s->start[last], &moved);
  offer_moved(s, item, &moved, feature, t.bin, missing_left, best);
  for (uint32_t i = 0; i < n; i++) s->count[s->sorted[i] & 0xffffu].left = 0;
}

/* Candidates of rows in order; the caller zeroes start. */
static void offer_sorted(const Splitter *s, Item *item, int32_t feature, const uint64_t map[4],
                         int64_t squares, Split *best) {
  int occupied = 0;
  for (int word = 0; word < 4; word++) occupied += __builtin_popcountll(map[word]);
  int values = occupied - (int)(map[3] >> 63);
  if (occupied == 1) {
    split_learn_same(item, feature);
  } else if (bins_is_category(s->rows.bins, feature)) {
    split_offer_class_categories(s, item, feature, map, squares, best);
  } else if (s->options.random && values > 1) {
    try_threshold(s, item, feature, map, squares, best);
  } else {
    sweep_classes(s, item, feature, map, squares, false, best);
    if (map[3] >> 63) sweep_classes(s, item, feature, map, squares, true, best);
  }
}

static void forget_start(const Splitter *s, const uint64_t map[4]) {
  for (int word = 0; word < 4; word++) {
    for (uint64_t bits = map[word]; bits; bits &= bits - 1) {
      s->start[word * 64 + __builtin_ctzll(bits)] = 0;
    }
  }
}

void split_try_classes(const Splitter *s, Item *item, int32_t feature, int64_t squares,
                       Split *best) {
  uint64_t map[4] = {0};
  sort_by_code(s, item, feature, map);
  offer_sorted(s, item, feature, map, squares, best);
  forget_start(s, map);
}

int64_t split_made_up_rows(int64_t n_classes, int64_t weight_max) {
  return BINS_CODES * n_classes + weight_max / UINT16_MAX + 1;
}

/* A class's weight in a bin becomes rows of that class, as heavy as rows can be. Candidates depend
 * on sums only, so these do as well as the rows that were counted. */
void split_scan_classes(const Splitter *s, const Item *item, const uint32_t *histogram,
                        int32_t feature, int64_t *squares, Split *best) {
  uint64_t map[4] = {0};
  int64_t n_classes = s->rows.n_classes;
  uint32_t n = 0;
  for (int64_t code = 0; code < BINS_CODES; code++) {
    const uint32_t *weight = histogram + code * n_classes;
    uint32_t begin = n;
    for (int64_t c = 0; c < n_classes; c++) {
      for (uint32_t left = weight[c], own; left > 0; left -= own) {
        own = left < UINT16_MAX ? left : UINT16_MAX;
        s->sorted[n] = (uint32_t)c | own << 16;
        s->record[n++] = (uint64_t)own << 32 | (uint64_t)c;
      }
      s->count[c].total += (int32_t)weight[c];
    }
    if (n > begin) {
      map[code / 64] |= UINT64_C(1) << (code % 64);
      s->start[code] = n;
    }
  }
  *squares = 0;
  for (int64_t c = 0; c < n_classes; c++) {
    *squares += (int64_t)s->count[c].total * s->count[c].total;
  }
  Item made_up = *item;
  made_up.begin = 0;
  made_up.end = n;
  offer_sorted(s, &made_up, feature, map, *squares, best);
  forget_start(s, map);
  for (int64_t c = 0; c < n_classes; c++) s->count[c].total = 0;
}

/* Add the node's rows to the totals of their classes; returns the sum of squares. */
int64_t split_count_classes(const Splitter *s, const Item *item) {
  int64_t squares = 0;
  for (int64_t i = item->begin; i < item->end; i++) {
    uint64_t payload = *record_at(s, i);
    int64_t weight = payload_count(payload);
    ClassCount *count = &s->count[payload_class(payload)];
    squares += weight * (2 * (int64_t)count->total + weight);
    count->total += (int32_t)weight;
  }
  return squares;
}

void split_forget_classes(const Splitter *s, const Item *item) {
  for (int64_t i = item->begin; i < item->end; i++) {
    s->count[payload_class(*record_at(s, i))].total = 0;
  }
}
