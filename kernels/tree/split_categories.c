/* Splits of a feature that is a category; see grow.h for the rules.
 *
 * Rejected for more than two classes: the first principal direction of the class shares
 * (Coppersmith et al. 1999), which costs classes x categories for every node and feature and
 * rounds. */
#include <string.h>

#include "kernels/numeric/hash.h"
#include "split.h"

void grow_subset(const Stream *nodes, uint64_t path, int32_t feature,
                 const int64_t occupied[NODE_SET_WORDS], int64_t set[NODE_SET_WORDS]) {
  uint64_t key = random_bits(nodes, path, (uint32_t)feature + 2), any = 0, left_out = 0;
  for (int w = 0; w < NODE_SET_WORDS; w++) {
    uint64_t drawn = hash_mix(key + (uint64_t)(w + 1) * 0x9e3779b97f4a7c15u);
    set[w] = (int64_t)drawn & occupied[w];
    any |= (uint64_t)set[w];
    left_out |= (uint64_t)(occupied[w] & ~set[w]);
  }
  if (any && left_out) return;
  int w = 0;
  while (!occupied[w]) w++;
  int bit = __builtin_ctzll((uint64_t)occupied[w]); /* the lowest occupied code changes sides */
  set[w] = (int64_t)((uint64_t)set[w] ^ UINT64_C(1) << bit);
}

static bool is_allowed(const Splitter *s, const Item *item, int64_t weight_left) {
  int64_t least = s->options.min_samples_leaf;
  return weight_left >= least && item->weight - weight_left >= least;
}

static bool absent_left(const Item *item, int64_t weight_left) {
  return 2 * weight_left >= item->weight;
}

/* ---- sums ---- */

/* The best prefix of ordered categories. */
static void offer_prefixes(const Splitter *s, const Item *item, const Category *list, int64_t n,
                           int32_t feature, Split *best) {
  int64_t weight = 0, sum = 0, chosen = -1;
  for (int64_t k = 0; k + 1 < n; k++) {
    weight += list[k].weight;
    sum += list[k].sum;
    if (!is_allowed(s, item, weight)) continue;
    double gain = grow_gain(sum, weight, item->sum, item->weight);
    if (gain <= best->gain) continue;
    *best = (Split){gain, weight, sum, feature, 0, false, true};
    chosen = k + 1;
  }
  if (chosen < 0) return;
  category_set(list, n, 0, 1, chosen, absent_left(item, best->weight_left), s->set);
}

/* Categories that are in a drawn subset to the front; returns their number. */
static int64_t draw_subset(const Splitter *s, const Item *item, int32_t feature, Category *list,
                           int64_t n) {
  int64_t occupied[NODE_SET_WORDS] = {0}, set[NODE_SET_WORDS], front = 0;
  for (int64_t k = 0; k < n; k++) category_add(list[k].code, occupied);
  grow_subset(s->nodes, item->path, feature, occupied, set);
  for (int64_t k = 0; k < n; k++) {
    if (!node_set_has(set, (uint8_t)list[k].code)) continue;
    Category own = list[k];
    list[k] = list[front];
    list[front++] = own;
  }
  return front;
}

static void offer_subset(const Splitter *s, const Item *item, Category *list, int64_t n,
                         int32_t feature, Split *best) {
  int64_t weight = 0, sum = 0, left = draw_subset(s, item, feature, list, n);
  for (int64_t k = 0; k < left; k++) {
    weight += list[k].weight;
    sum += list[k].sum;
  }
  if (!is_allowed(s, item, weight)) return;
  double gain = grow_gain(sum, weight, item->sum, item->weight);
  if (gain <= best->gain) return;
  *best = (Split){gain, weight, sum, feature, 0, false, true};
  category_set(list, n, 0, 1, left, absent_left(item, weight), s->set);
}

void split_offer_listed(const Splitter *s, Item *item, Category *list, int64_t n, int32_t feature,
                        Split *best) {
  if (n < 2) {
    split_learn_same(item, feature);
  } else if (s->options.random) {
    offer_subset(s, item, list, n, feature, best);
  } else {
    category_order(list, n);
    offer_prefixes(s, item, list, n, feature, best);
  }
}

void split_offer_categories(const Splitter *s, Item *item, uint64_t missing, int32_t feature,
                            Split *best) {
  const Occupied *o = s->occupied;
  Category list[BINS_CODES];
  uint64_t before = 0;
  int64_t n = 0;
  for (; n < o->n; n++) {
    uint64_t own = o->left[n] - before;
    before = o->left[n];
    list[n] = category_of(o->bin[n], (int64_t)(own & s->low), (int64_t)(own >> s->shift));
  }
  if (missing) {
    list[n++] =
        category_of(BINS_MISSING, (int64_t)(missing & s->low), (int64_t)(missing >> s->shift));
  }
  split_offer_listed(s, item, list, n, feature, best);
}

void split_two_categories(const Splitter *s, const Item *item, int32_t feature, Split *best) {
  Category list[2];
  for (int k = 0; k < 2; k++) {
    uint64_t payload = *record_at(s, item->begin + k);
    int32_t code = codes_at(s, item->begin + k)[feature];
    list[k] = category_of(code, (int64_t)(payload & s->low), (int64_t)(payload >> s->shift));
    if (s->classes) {
      int64_t weight = payload_count(payload);
      uint64_t other = *record_at(s, item->begin + 1 - k);
      bool heavier = 2 * weight > item->weight;
      bool first = 2 * weight == item->weight && payload_class(payload) < payload_class(other);
      list[k] = category_of(code, heavier || first ? weight : 0, weight);
    }
  }
  category_order(list, 2);
  if (s->classes) {
    *best = (Split){(double)item->weight, list[0].weight, 0, feature, 0, false, true};
    category_set(list, 2, 0, 1, 1, absent_left(item, list[0].weight), s->set);
  } else {
    offer_prefixes(s, item, list, 2, feature, best);
  }
}

/* ---- more than two classes ---- */

/* The class that weighs most in the node; ties: the lower one. */
static uint32_t heaviest_class(const Splitter *s, const Item *item) {
  uint32_t best = payload_class(*record_at(s, item->begin));
  for (int64_t i = item->begin + 1; i < item->end; i++) {
    uint32_t class = payload_class(*record_at(s, i));
    int32_t own = s->count[class].total, most = s->count[best].total;
    if (own > most || (own == most && class < best)) best = class;
  }
  return best;
}

/* Occupied codes with the weight of a class; begin: out, where a code's rows stand in s->sorted. */
static int64_t list_categories(const Splitter *s, const uint64_t map[4], uint32_t class,
                               Category *list, uint32_t begin[BINS_CODES]) {
  int64_t n = 0;
  uint32_t at = 0;
  for (int32_t code = 0; code < BINS_CODES; code++) {
    if (!(map[code / 64] >> (code % 64) & 1)) continue;
    int64_t sum = 0, weight = 0;
    begin[code] = at;
    for (; at < s->start[code]; at++) {
      int64_t own = s->sorted[at] >> 16;
      weight += own;
      sum += (s->sorted[at] & 0xffffu) == class ? own : 0;
    }
    list[n++] = category_of(code, sum, weight);
  }
  return n;
}

void split_offer_class_categories(const Splitter *s, const Item *item, int32_t feature,
                                  const uint64_t map[4], int64_t squares, Split *best) {
  Category list[BINS_CODES];
  uint32_t begin[BINS_CODES];
  int64_t n = list_categories(s, map, heaviest_class(s, item), list, begin), chosen = 0;
  int64_t first = 1, last = n - 1; /* categories on the left */
  if (s->options.random) {
    first = last = draw_subset(s, item, feature, list, n);
  } else {
    category_order(list, n);
  }
  Moved moved = {.squares_right = squares};
  for (int64_t k = 1; k <= last; k++) {
    int32_t code = list[k - 1].code;
    split_move_rows(s, begin[code], s->start[code], &moved);
    if (k < first || !is_allowed(s, item, moved.weight)) continue;
    double purity = grow_purity(moved.squares_left, moved.weight, moved.squares_right,
                                item->weight - moved.weight);
    if (purity <= best->gain) continue;
    *best = (Split){purity, moved.weight, 0, feature, 0, false, true};
    chosen = k;
  }
  if (chosen > 0) {
    category_set(list, n, 0, 1, chosen, absent_left(item, best->weight_left), s->set);
  }
  for (int64_t i = 0; i < item->end - item->begin; i++) s->count[s->sorted[i] & 0xffffu].left = 0;
}
