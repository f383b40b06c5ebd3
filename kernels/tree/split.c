/* The best split of a node for sums (regression, two classes), and the choice of features.
 *
 * Nodes of many rows come with a full histogram. Otherwise four features at a time go into a small
 * histogram with a bitmap of the bins that are occupied, so that the cost follows the rows and not
 * the bins. Either way the occupied bins are listed with their running sums, and the gains of all
 * candidates are computed in one loop that the compiler turns into vector code: where every product
 * is below 2^53 doubles hold exactly what the 64-bit integers of grow_gain hold, and the bits of
 * the gain are the same. Rejected: sorted orders that are kept through partitions (as many moves as
 * a new histogram of few rows). */
#include "split.h"

#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"

enum {
  TOGETHER = 4, /* features in the small histogram */
  VECTOR = 4,   /* gains computed side by side */
};

void grow_shuffle_begin(GrowShuffle *shuffle, const Stream *nodes, uint64_t path) {
  shuffle->key = random_bits(nodes, path, 0);
  shuffle->step = 0;
}

/* Draw 0 of a path is the shuffle's. */
GrowThreshold grow_threshold(const Stream *nodes, uint64_t path, int32_t feature, int32_t low,
                             int32_t high) {
  uint64_t bits = random_bits(nodes, path, (uint32_t)feature + 2), span = (uint64_t)(high - low);
  int32_t above = (int32_t)(((unsigned __int128)bits * span) >> 64);
  return (GrowThreshold){low + above, (bits & 1) != 0};
}

/* One step of Fisher and Yates; a 64-bit product maps bits to 0 .. left - 1 with a bias < 2^-40. */
int32_t grow_shuffle_next(GrowShuffle *shuffle) {
  int64_t step = shuffle->step++, left = shuffle->d - step;
  uint64_t bits = hash_mix(shuffle->key + (uint64_t)(step + 1) * 0x9e3779b97f4a7c15u);
  int64_t pick = step + (int64_t)(((unsigned __int128)bits * (uint64_t)left) >> 64);
  int32_t feature = shuffle->order[pick];
  shuffle->order[pick] = shuffle->order[step];
  shuffle->order[step] = feature;
  shuffle->picked[step] = (int32_t)pick;
  return feature;
}

void grow_shuffle_undo(GrowShuffle *shuffle) {
  while (shuffle->step > 0) {
    int64_t step = --shuffle->step, pick = shuffle->picked[step];
    int32_t feature = shuffle->order[pick];
    shuffle->order[pick] = shuffle->order[step];
    shuffle->order[step] = feature;
  }
}

/* ---- candidates ---- */

static inline void offer(const Splitter *s, const Item *item, uint64_t left, int32_t feature,
                         int32_t bin, bool missing_left, Split *best) {
  int64_t weight_left = (int64_t)(left >> s->shift), sum_left = (int64_t)(left & s->low);
  int64_t weight_right = item->weight - weight_left, least = s->options.min_samples_leaf;
  if (weight_left < least || weight_right < least) return;
  double gain = grow_gain(sum_left, weight_left, item->sum, item->weight);
  if (gain <= best->gain) return;
  *best = (Split){gain, weight_left, sum_left, feature, bin, missing_left, false};
}

/* A number below 2^52 as a double, by its bits, which vector code can do and a cast cannot. */
static inline double small_real(uint64_t x) {
  union {
    uint64_t bits;
    double real;
  } u = {.bits = x | UINT64_C(0x4330000000000000)};
  return u.real - 0x1p52;
}

/* Gains of the first n candidates, rounded up to whole vectors (past the end: garbage), with the
 * bits of grow_gain. Only where sums x weights are below 2^52. */
static void compute_gains(const Splitter *s, const Item *item, int32_t n, Occupied *o) {
  double sum = (double)item->sum, weight = (double)item->weight;
  uint64_t low = s->low;
  int shift = s->shift;
  for (int32_t k = 0; k < n; k += VECTOR) {
    for (int32_t l = 0; l < VECTOR; l++) {
      double sum_left = small_real(o->left[k + l] & low);
      double weight_left = small_real(o->left[k + l] >> shift);
      double t = sum_left * weight - sum * weight_left;
      o->gain[k + l] = t * t / (weight_left * (weight - weight_left));
    }
  }
}

static int bit_length(int64_t x) { return x > 0 ? 64 - __builtin_clzll((uint64_t)x) : 0; }

/* Offer the drawn candidate of a feature with two or more occupied bins. */
static void offer_random(const Splitter *s, const Item *item, uint64_t missing, int32_t feature,
                         Split *best) {
  const Occupied *o = s->occupied;
  int32_t k = 0;
  GrowThreshold t = grow_threshold(s->nodes, item->path, feature, o->bin[0], o->bin[o->n - 1]);
  while (o->bin[k + 1] <= t.bin) k++;
  bool missing_left = missing && t.missing_left;
  uint64_t left = o->left[k] + (missing_left ? missing : 0);
  offer(s, item, left, feature, t.bin, missing_left, best);
}

/* Offer the candidates between the occupied bins of a feature. missing: packed sum, 0: none. */
static void offer_occupied(const Splitter *s, Item *item, uint64_t missing, int32_t feature,
                           Split *best) {
  Occupied *o = s->occupied;
  int32_t n = o->n - 1;
  if (bins_is_category(s->rows.bins, feature)) {
    split_offer_categories(s, item, missing, feature, best);
    return;
  }
  if (s->options.random && n > 0) {
    offer_random(s, item, missing, feature, best);
    return;
  }
  if (missing) {
    for (int32_t k = 0; k < n; k++) {
      int32_t bin = split_middle(o->bin[k], o->bin[k + 1]);
      offer(s, item, o->left[k], feature, bin, false, best);
      offer(s, item, o->left[k] + missing, feature, bin, true, best);
    }
    if (n < 0) {
      split_learn_same(item, feature);
      return;
    }
    offer(s, item, o->left[n], feature, bins_of(s->rows.bins, feature) - 1, false, best);
    return;
  }
  if (n < 1) {
    split_learn_same(item, feature);
    return;
  }
  if (s->rows.bits + 2 * bit_length(item->weight) > 52) {
    for (int32_t k = 0; k < n; k++) {
      offer(s, item, o->left[k], feature, split_middle(o->bin[k], o->bin[k + 1]), false, best);
    }
    return;
  }
  compute_gains(s, item, n, o);
  for (int32_t k = 0; k < n; k++) {
    if (o->gain[k] <= best->gain) continue;
    offer(s, item, o->left[k], feature, split_middle(o->bin[k], o->bin[k + 1]), false, best);
  }
}

void split_scan_histogram(const Splitter *s, Item *item, const uint64_t *histogram, int32_t feature,
                          Split *best) {
  Occupied *o = s->occupied;
  int32_t bins = bins_of(s->rows.bins, feature), n = 0;
  uint64_t left = 0;
  for (int32_t bin = 0; bin < bins; bin++) {
    left += histogram[bin];
    o->left[n] = left;
    o->bin[n] = bin;
    n += histogram[bin] != 0;
  }
  o->n = n;
  offer_occupied(s, item, histogram[BINS_MISSING], feature, best);
}

/* Candidates of the small histogram with its bitmap; leaves the histogram zero. */
static void scan_bitmap(const Splitter *s, Item *item, uint64_t *histogram, uint64_t map[4],
                        int32_t feature, Split *best) {
  Occupied *o = s->occupied;
  uint64_t left = 0, missing = histogram[BINS_MISSING];
  int32_t n = 0;
  histogram[BINS_MISSING] = 0;
  map[3] &= ~(UINT64_C(1) << 63);
  for (int32_t word = 0; word < 4; word++) {
    for (uint64_t bits = map[word]; bits; bits &= bits - 1) {
      int32_t bin = word * 64 + __builtin_ctzll(bits);
      left += histogram[bin];
      histogram[bin] = 0;
      o->left[n] = left;
      o->bin[n++] = bin;
    }
  }
  o->n = n;
  offer_occupied(s, item, missing, feature, best);
}

/* Sums of the node's rows for n features; n is a constant where it matters. */
static inline void fill_small(const Splitter *s, const Item *item, const int32_t *feature,
                              int64_t n, uint64_t map[TOGETHER][4]) {
  uint64_t *h = s->small;
  const uint64_t *end = record_at(s, item->end);
  for (const uint64_t *record = record_at(s, item->begin); record < end; record += s->words) {
    uint64_t payload = *record;
    const uint8_t *codes = (const uint8_t *)(record + 1);
    for (int64_t j = 0; j < n; j++) {
      unsigned code = codes[feature[j]];
      h[j * BINS_CODES + code] += payload;
      map[j][code / 64] |= UINT64_C(1) << (code % 64);
    }
  }
}

/* Candidates of at most TOGETHER features, from rows. */
static void try_together(const Splitter *s, Item *item, const int32_t *feature, int64_t n,
                         Split *best) {
  uint64_t map[TOGETHER][4] = {{0}};
  int32_t f[TOGETHER] = {0};
  for (int64_t j = 0; j < n; j++) f[j] = feature[j];
  if (n == TOGETHER) {
    fill_small(s, item, f, TOGETHER, map);
  } else {
    fill_small(s, item, f, n, map);
  }
  for (int64_t j = 0; j < n; j++) {
    scan_bitmap(s, item, s->small + j * BINS_CODES, map[j], f[j], best);
  }
}

/* Two rows: every feature in which they differ splits them equally well, so the first one does. */
static void try_two_rows(const Splitter *s, const Item *item, const int32_t *feature, int64_t n,
                         Split *best) {
  const uint8_t *first = codes_at(s, item->begin), *second = codes_at(s, item->begin + 1);
  for (int64_t j = 0; j < n; j++) {
    int32_t f = feature[j];
    if (first[f] == second[f]) continue;
    if (bins_is_category(s->rows.bins, f)) {
      split_two_categories(s, item, f, best);
      return;
    }
    bool swapped = first[f] > second[f];
    int32_t low = swapped ? second[f] : first[f], high = swapped ? first[f] : second[f];
    uint64_t left = *record_at(s, item->begin + swapped);
    int32_t bin = high == BINS_MISSING ? bins_of(s->rows.bins, f) - 1 : split_middle(low, high);
    if (s->classes) {
      /* Two rows of unlike class: each side is pure, and its purity is its weight. */
      *best = (Split){(double)item->weight, payload_count(left), 0, f, bin, false, false};
    } else {
      offer(s, item, left, f, bin, false, best);
    }
    return;
  }
}

/* Candidates of the given features, ascending. */
static void try_features(const Splitter *s, Item *item, const int32_t *feature, int64_t n,
                         int64_t squares, Split *best) {
  bool two = item->end - item->begin == 2;
  if (two && s->options.min_samples_leaf == 1 && !s->options.random) {
    try_two_rows(s, item, feature, n, best);
    return;
  }
  int64_t n_open = 0;
  for (int64_t j = 0; j < n; j++) {
    s->open[n_open] = feature[j];
    n_open += feature[j] >= 64 || !(item->same >> feature[j] & 1);
  }
  if (s->classes) {
    for (int64_t j = 0; j < n_open; j++) split_try_classes(s, item, s->open[j], squares, best);
  } else if (item->slot >= 0) {
    const uint64_t *histogram = s->pool + item->slot * s->d * BINS_CODES;
    for (int64_t j = 0; j < n_open; j++) {
      split_scan_histogram(s, item, histogram + s->open[j] * BINS_CODES, s->open[j], best);
    }
  } else {
    for (int64_t j = 0; j < n_open; j += TOGETHER) {
      int64_t here = n_open - j < TOGETHER ? n_open - j : TOGETHER;
      try_together(s, item, s->open + j, here, best);
    }
  }
}

void split_choose_features(Splitter *s, uint64_t path, const Stream *nodes) {
  if (s->options.features == s->d) return; /* chosen is 0 .. d - 1 for good */
  grow_shuffle_begin(&s->shuffle, nodes, path);
  for (int64_t j = 0; j < s->options.features; j++) {
    int32_t feature = grow_shuffle_next(&s->shuffle);
    int64_t at = j;
    for (; at > 0 && s->chosen[at - 1] > feature; at--) s->chosen[at] = s->chosen[at - 1];
    s->chosen[at] = feature;
  }
}

Split split_find(Splitter *s, Item *item, const Stream *nodes, double *decrease) {
  Split best = {.gain = -1, .feature = -1};
  int64_t squares = s->classes ? split_count_classes(s, item) : 0;
  s->nodes = nodes;
  split_choose_features(s, item->path, nodes);
  try_features(s, item, s->chosen, s->options.features, squares, &best);
  if (s->options.features < s->d) {
    while (best.feature < 0 && s->shuffle.step < s->d) {
      int32_t feature = grow_shuffle_next(&s->shuffle);
      try_features(s, item, &feature, 1, squares, &best);
    }
    grow_shuffle_undo(&s->shuffle);
  }
  double weight = (double)item->weight;
  *decrease = s->classes ? best.gain - (double)squares / weight : best.gain / weight;
  if (s->classes) split_forget_classes(s, item);
  return best;
}

Status splitter_init(Splitter *s, const GrowRows *rows, const GrowOptions *options) {
  Status status = OK;
  int64_t d = rows->bins->d;
  bool classes = rows->n_classes > 2;
  *s = (Splitter){.rows = *rows,
                  .options = *options,
                  .d = d,
                  .classes = classes,
                  .words = 1 + bins_stride(d) / 8,
                  .shift = 64 - bit_length(rows->weight_max)};
  s->low = (UINT64_C(1) << s->shift) - 1;
  s->shuffle.d = d;
  TRY(NEW(&s->small, TOGETHER * BINS_CODES));
  TRY(NEW(&s->occupied, 1));
  TRY(NEW(&s->set, NODE_SET_WORDS));
  TRY(NEW(&s->start, BINS_CODES));
  TRY(NEW(&s->sorted, classes ? rows->n + rows->n_classes : 0));
  TRY(NEW(&s->count, classes ? rows->n_classes : 0));
  TRY(NEW(&s->chosen, d));
  TRY(NEW(&s->open, d));
  TRY(NEW(&s->shuffle.order, d));
  TRY(NEW(&s->shuffle.picked, d));
  for (int32_t j = 0; j < d; j++) s->chosen[j] = s->shuffle.order[j] = j;
done:
  return status;
}

void splitter_clear(Splitter *s) {
  memory_free(&s->small);
  memory_free(&s->occupied);
  memory_free(&s->set);
  memory_free(&s->start);
  memory_free(&s->sorted);
  memory_free(&s->count);
  memory_free(&s->chosen);
  memory_free(&s->open);
  memory_free(&s->shuffle.order);
  memory_free(&s->shuffle.picked);
}
