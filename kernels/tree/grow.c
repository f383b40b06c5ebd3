/* Grow one tree on binned rows; see grow.h for the rules.
 *
 * A row of the sample is a record of 64-bit words: a payload (weight and weight x level packed, or
 * weight and class) and the row's codes. Records are moved when a node is split, so every pass over
 * a node reads memory in one sweep, without indices or prefetching. Order does not matter, since
 * all sums are integers; partitioning is in place.
 *
 * Regression, nodes of many rows: one histogram of packed sums for all features, the smaller
 * child's is built, the larger one's is the difference. Nodes of few rows: four features at a time
 * in a small histogram with a bitmap of the bins that are occupied, so that the cost follows the
 * rows and not the bins. Classes: rows are ordered by code (a counting sort over occupied bins) and
 * moved one by one from right to left, which changes the sums of squares by an integer each: the
 * cost does not depend on the number of classes. Rejected: histograms of bins x classes (a hundred
 * classes make a hundred times the memory traffic) and sorted orders that are kept through
 * partitions (as many moves as a new sort of few rows).
 *
 * Of two children the larger waits on a stack while the smaller is grown, so at most log2(n) wait,
 * with one histogram each. Nodes are numbered as they are made and put into preorder at the end. */
#include "grow.h"

#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"
#include "node.h"

enum {
  HISTOGRAM_ROWS = 256, /* nodes of at least so many rows keep a full histogram */
  TOGETHER = 4,         /* features in a small histogram */
  STACK = 72,           /* more than log2 of any number of rows, twice */
  FEW_CLASSES = 32,     /* so many classes of a leaf are sorted by insertion */
};

/* A node that waits to be looked at. */
typedef struct Item {
  int64_t begin, end;  /* records */
  int64_t weight, sum; /* sum of levels x weights; 0 with classes */
  int64_t depth;
  uint64_t path;
  int32_t node; /* number in order of creation */
  int32_t slot; /* histogram; -1: none */
} Item;

typedef struct Split {
  double gain; /* or purity; negative: none found */
  int64_t weight_left, sum_left;
  int32_t feature; /* -1: none */
  int32_t bin;
  bool missing_left;
} Split;

typedef struct ClassCount {
  int32_t left, total;
} ClassCount;

struct Grower {
  GrowRows rows;
  GrowOptions options;
  int64_t d, words; /* words of a record */
  int shift;        /* packed payload: weight << shift | weight x level */
  uint64_t low;     /* mask of the lower part */
  uint64_t *record; /* (n + 1) x words */
  bool full;        /* full histograms pay */
  uint64_t *pool;   /* slots x d x BINS_CODES */
  int32_t slots, n_free, *free;
  uint64_t *small;   /* TOGETHER x BINS_CODES, zero between uses */
  uint32_t *start;   /* BINS_CODES, zero between uses */
  uint32_t *sorted;  /* n: class and weight of rows by code */
  ClassCount *count; /* n_classes, zero between uses */
  int32_t *chosen;   /* d */
  GrowShuffle shuffle;
  double root_impurity; /* times weight */
  int64_t n_nodes;
  int64_t *made; /* per node in order of creation: word without distance */
  int32_t *left; /* its left child, 0: leaf; the right one follows */
  int32_t *size, *place;
  int64_t n_leaf; /* leaf table in order of creation */
  uint16_t *leaf_class;
  int32_t *leaf_share;
  GrownTree tree;
};

uint64_t grow_child_path(uint64_t path, bool right) {
  return hash_mix(path + (right ? 0xd1b54a32d192ed03u : 0x9e3779b97f4a7c15u));
}

void grow_shuffle_begin(GrowShuffle *shuffle, const Stream *nodes, uint64_t path) {
  shuffle->key = random_bits(nodes, path, 0);
  shuffle->step = 0;
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

static inline uint64_t *record_at(const Grower *g, int64_t i) { return g->record + i * g->words; }
static inline const uint8_t *codes_at(const Grower *g, int64_t i) {
  return (const uint8_t *)(g->record + i * g->words + 1);
}
static inline uint32_t payload_class(uint64_t payload) { return (uint32_t)payload; }
static inline uint32_t payload_count(uint64_t payload) { return (uint32_t)(payload >> 32); }

/* ---- candidates ---- */

static inline void offer(const Grower *g, const Item *item, int64_t weight_left, int64_t sum_left,
                         int32_t feature, int32_t bin, bool missing_left, Split *best) {
  int64_t weight_right = item->weight - weight_left;
  if (weight_left < g->options.min_samples_leaf || weight_right < g->options.min_samples_leaf) {
    return;
  }
  double gain = grow_gain(sum_left, weight_left, item->sum, item->weight);
  if (gain <= best->gain) return;
  *best = (Split){gain, weight_left, sum_left, feature, bin, missing_left};
}

static inline void offer_packed(const Grower *g, const Item *item, uint64_t left, int32_t feature,
                                int32_t bin, bool missing_left, Split *best) {
  offer(g, item, (int64_t)(left >> g->shift), (int64_t)(left & g->low), feature, bin, missing_left,
        best);
}

/* The candidates between bins `before` and `next`; left: what is up to before. */
static inline void offer_both(const Grower *g, const Item *item, uint64_t left, uint64_t missing,
                              int32_t feature, int32_t before, int32_t next, Split *best) {
  int32_t bin = before + (next - before - 1) / 2;
  offer_packed(g, item, left, feature, bin, false, best);
  if (missing) offer_packed(g, item, left + missing, feature, bin, true, best);
}

/* Candidates of a full histogram. */
static void scan_histogram(const Grower *g, const Item *item, const uint64_t *histogram,
                           int32_t feature, Split *best) {
  int32_t bins = bins_of(g->rows.bins, feature), before = -1;
  uint64_t left = 0, missing = histogram[BINS_MISSING];
  for (int32_t bin = 0; bin < bins; bin++) {
    uint64_t here = histogram[bin];
    if (here == 0) continue;
    if (before >= 0) offer_both(g, item, left, missing, feature, before, bin, best);
    left += here;
    before = bin;
  }
  if (missing && before >= 0) offer_packed(g, item, left, feature, bins - 1, false, best);
}

/* Candidates of a small histogram with its bitmap; leaves both zero. */
static void scan_occupied(const Grower *g, const Item *item, uint64_t *histogram, uint64_t map[4],
                          int32_t feature, Split *best) {
  int32_t before = -1;
  uint64_t left = 0, missing = histogram[BINS_MISSING];
  histogram[BINS_MISSING] = 0;
  map[3] &= ~(UINT64_C(1) << 63);
  for (int32_t word = 0; word < 4; word++) {
    uint64_t bits = map[word];
    map[word] = 0;
    for (; bits; bits &= bits - 1) {
      int32_t bin = word * 64 + __builtin_ctzll(bits);
      if (before >= 0) offer_both(g, item, left, missing, feature, before, bin, best);
      left += histogram[bin];
      histogram[bin] = 0;
      before = bin;
    }
  }
  if (missing && before >= 0) {
    offer_packed(g, item, left, feature, bins_of(g->rows.bins, feature) - 1, false, best);
  }
}

/* Regression on `n` features, at most TOGETHER. */
static void try_together(const Grower *g, const Item *item, const int32_t *feature, int64_t n,
                         Split *best) {
  uint64_t map[TOGETHER][4] = {{0}};
  int32_t f[TOGETHER];
  for (int64_t j = 0; j < TOGETHER; j++) f[j] = feature[j < n ? j : 0];
  uint64_t *h = g->small;
  if (n == TOGETHER) {
    for (int64_t i = item->begin; i < item->end; i++) {
      uint64_t payload = *record_at(g, i);
      const uint8_t *codes = codes_at(g, i);
      for (int64_t j = 0; j < TOGETHER; j++) {
        unsigned code = codes[f[j]];
        h[j * BINS_CODES + code] += payload;
        map[j][code / 64] |= UINT64_C(1) << (code % 64);
      }
    }
  } else {
    for (int64_t i = item->begin; i < item->end; i++) {
      uint64_t payload = *record_at(g, i);
      for (int64_t j = 0; j < n; j++) {
        unsigned code = codes_at(g, i)[f[j]];
        h[j * BINS_CODES + code] += payload;
        map[j][code / 64] |= UINT64_C(1) << (code % 64);
      }
    }
  }
  for (int64_t j = 0; j < n; j++) {
    scan_occupied(g, item, h + j * BINS_CODES, map[j], f[j], best);
  }
}

/* Order the classes of the node's rows by code. Afterwards start[code] is where the bin ends; the
 * caller zeroes it. map: occupied bins. */
static void sort_by_code(const Grower *g, const Item *item, int32_t feature, uint64_t map[4]) {
  uint32_t *start = g->start;
  for (int64_t i = item->begin; i < item->end; i++) {
    unsigned code = codes_at(g, i)[feature];
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
    uint64_t payload = *record_at(g, i);
    unsigned code = codes_at(g, i)[feature];
    g->sorted[start[code]++] = payload_class(payload) | payload_count(payload) << 16;
  }
}

/* Sums while rows move from right to left. */
typedef struct Moved {
  int64_t weight, squares_left, squares_right;
} Moved;

static inline void move_rows(const Grower *g, uint32_t begin, uint32_t end, Moved *moved) {
  Moved m = *moved;
  for (uint32_t i = begin; i < end; i++) {
    ClassCount *count = &g->count[g->sorted[i] & 0xffffu];
    int64_t weight = g->sorted[i] >> 16, left = count->left, right = count->total - left;
    m.squares_left += weight * (2 * left + weight);
    m.squares_right -= weight * (2 * right - weight);
    m.weight += weight;
    count->left = (int32_t)(left + weight);
  }
  *moved = m;
}

static void offer_moved(const Grower *g, const Item *item, const Moved *moved, int32_t feature,
                        int32_t bin, bool missing_left, Split *best) {
  int64_t weight_right = item->weight - moved->weight;
  int64_t least = g->options.min_samples_leaf;
  if (moved->weight < least || weight_right < least) return;
  double purity =
      grow_purity(moved->squares_left, moved->weight, moved->squares_right, weight_right);
  if (purity < best->gain) return;
  /* One feature may be swept twice (missing right, missing left): ties to the lower bin first. */
  if (purity == best->gain && !(feature == best->feature && bin < best->bin)) return;
  *best = (Split){purity, moved->weight, 0, feature, bin, missing_left};
}

/* Where the last value bin ends in the sorted rows, and missing ones begin. */
static uint32_t last_value_end(const Grower *g, const uint64_t map[4]) {
  for (int word = 3; word >= 0; word--) {
    uint64_t bits = word == 3 ? map[3] & ~(UINT64_C(1) << 63) : map[word];
    if (bits) return g->start[word * 64 + 63 - __builtin_clzll(bits)];
  }
  return 0;
}

/* One sweep over the sorted rows, missing ones left from the start or not at all. */
static void sweep_classes(const Grower *g, const Item *item, int32_t feature, const uint64_t map[4],
                          int64_t squares, bool missing_left, Split *best) {
  Moved moved = {.squares_right = squares};
  uint32_t at = 0, n = (uint32_t)(item->end - item->begin);
  bool missing = map[3] >> 63;
  if (missing_left) move_rows(g, last_value_end(g, map), n, &moved);
  int32_t before = -1;
  for (int32_t word = 0; word < 4; word++) {
    for (uint64_t bits = map[word]; bits; bits &= bits - 1) {
      int32_t bin = word * 64 + __builtin_ctzll(bits);
      if (bin == BINS_MISSING) break;
      if (before >= 0) {
        offer_moved(g, item, &moved, feature, before + (bin - before - 1) / 2, missing_left, best);
      }
      move_rows(g, at, g->start[bin], &moved);
      at = g->start[bin];
      before = bin;
    }
  }
  if (missing && !missing_left && before >= 0) {
    offer_moved(g, item, &moved, feature, bins_of(g->rows.bins, feature) - 1, false, best);
  }
  for (uint32_t i = 0; i < n; i++) g->count[g->sorted[i] & 0xffffu].left = 0;
}

static void try_classes(const Grower *g, const Item *item, int32_t feature, int64_t squares,
                        Split *best) {
  uint64_t map[4] = {0};
  sort_by_code(g, item, feature, map);
  int occupied = 0;
  for (int word = 0; word < 4; word++) occupied += __builtin_popcountll(map[word]);
  if (occupied > 1) {
    sweep_classes(g, item, feature, map, squares, false, best);
    if (map[3] >> 63) sweep_classes(g, item, feature, map, squares, true, best);
  }
  for (int word = 0; word < 4; word++) {
    for (uint64_t bits = map[word]; bits; bits &= bits - 1) {
      g->start[word * 64 + __builtin_ctzll(bits)] = 0;
    }
  }
}

/* Add the node's rows to the totals of their classes; returns the sum of squares. */
static int64_t count_classes(const Grower *g, const Item *item) {
  int64_t squares = 0;
  for (int64_t i = item->begin; i < item->end; i++) {
    uint64_t payload = *record_at(g, i);
    int64_t weight = payload_count(payload);
    ClassCount *count = &g->count[payload_class(payload)];
    squares += weight * (2 * (int64_t)count->total + weight);
    count->total += (int32_t)weight;
  }
  return squares;
}

static void forget_classes(const Grower *g, const Item *item) {
  for (int64_t i = item->begin; i < item->end; i++) {
    g->count[payload_class(*record_at(g, i))].total = 0;
  }
}

/* Candidates of the given features, ascending. */
static void try_features(const Grower *g, const Item *item, const int32_t *feature, int64_t n,
                         int64_t squares, Split *best) {
  if (g->rows.n_classes > 2) {
    for (int64_t j = 0; j < n; j++) try_classes(g, item, feature[j], squares, best);
  } else if (item->slot >= 0) {
    const uint64_t *histogram = g->pool + item->slot * g->d * BINS_CODES;
    for (int64_t j = 0; j < n; j++) {
      scan_histogram(g, item, histogram + feature[j] * BINS_CODES, feature[j], best);
    }
  } else {
    for (int64_t j = 0; j < n; j += TOGETHER) {
      try_together(g, item, feature + j, n - j < TOGETHER ? n - j : TOGETHER, best);
    }
  }
}

/* Two rows: every feature in which they differ splits them equally well, so the first one does. */
static void try_two_rows(const Grower *g, const Item *item, const int32_t *feature, int64_t n,
                         Split *best) {
  const uint8_t *first = codes_at(g, item->begin), *second = codes_at(g, item->begin + 1);
  for (int64_t j = 0; j < n; j++) {
    int32_t f = feature[j];
    if (first[f] == second[f]) continue;
    bool swapped = first[f] > second[f];
    int32_t low = swapped ? second[f] : first[f], high = swapped ? first[f] : second[f];
    uint64_t left = *record_at(g, item->begin + swapped);
    int32_t bin = high == BINS_MISSING ? bins_of(g->rows.bins, f) - 1 : low + (high - low - 1) / 2;
    if (g->rows.n_classes > 2) {
      /* Two rows of unlike class: each side is pure, and its purity is its weight. */
      *best = (Split){(double)item->weight, payload_count(left), 0, f, bin, false};
    } else {
      offer_packed(g, item, left, f, bin, false, best);
    }
    return;
  }
}

static void try_any(const Grower *g, const Item *item, const int32_t *feature, int64_t n,
                    int64_t squares, Split *best) {
  bool two = item->end - item->begin == 2 && g->options.min_samples_leaf == 1;
  if (two) {
    try_two_rows(g, item, feature, n, best);
  } else {
    try_features(g, item, feature, n, squares, best);
  }
}

/* Choose k features into g->chosen, ascending. */
static void choose_features(Grower *g, const Item *item, const Stream *nodes) {
  if (g->options.features == g->d) return; /* chosen is 0 .. d - 1 for good */
  grow_shuffle_begin(&g->shuffle, nodes, item->path);
  for (int64_t j = 0; j < g->options.features; j++) {
    int32_t feature = grow_shuffle_next(&g->shuffle);
    int64_t at = j;
    for (; at > 0 && g->chosen[at - 1] > feature; at--) g->chosen[at] = g->chosen[at - 1];
    g->chosen[at] = feature;
  }
}

static Split find_split(Grower *g, const Item *item, const Stream *nodes, double *decrease) {
  Split best = {.gain = -1, .feature = -1};
  bool classes = g->rows.n_classes > 2;
  int64_t squares = classes ? count_classes(g, item) : 0;
  choose_features(g, item, nodes);
  try_any(g, item, g->chosen, g->options.features, squares, &best);
  if (g->options.features < g->d) {
    while (best.feature < 0 && g->shuffle.step < g->d) {
      int32_t feature = grow_shuffle_next(&g->shuffle);
      try_any(g, item, &feature, 1, squares, &best);
    }
    grow_shuffle_undo(&g->shuffle);
  }
  double weight = (double)item->weight;
  *decrease = classes ? best.gain - (double)squares / weight : best.gain / weight;
  if (classes) forget_classes(g, item);
  return best;
}

/* ---- histograms ---- */

static void build_histogram(const Grower *g, int64_t begin, int64_t end, uint64_t *histogram) {
  int64_t d = g->d;
  memset(histogram, 0, (size_t)(d * BINS_CODES) * sizeof *histogram);
  for (int64_t i = begin; i < end; i++) {
    uint64_t payload = *record_at(g, i);
    const uint8_t *codes = codes_at(g, i);
    uint64_t *h = histogram;
    for (int64_t j = 0; j < d; j++, h += BINS_CODES) h[codes[j]] += payload;
  }
}

static void subtract_histogram(const Grower *g, uint64_t *restrict from,
                               const uint64_t *restrict part) {
  for (int64_t i = 0; i < g->d * BINS_CODES; i++) from[i] -= part[i];
}

/* Give children their histograms, or none; the parent's slot is used up. */
static void share_histogram(Grower *g, const Item *parent, Item *small, Item *large) {
  small->slot = large->slot = -1;
  if (parent->slot < 0) return;
  int64_t n = large->end - large->begin;
  if (n < HISTOGRAM_ROWS || large->depth >= g->options.max_depth) {
    g->free[g->n_free++] = parent->slot;
    return;
  }
  int32_t slot = g->free[--g->n_free];
  uint64_t *part = g->pool + slot * g->d * BINS_CODES;
  build_histogram(g, small->begin, small->end, part);
  subtract_histogram(g, g->pool + parent->slot * g->d * BINS_CODES, part);
  large->slot = parent->slot;
  if (small->end - small->begin >= HISTOGRAM_ROWS) {
    small->slot = slot;
  } else {
    g->free[g->n_free++] = slot;
  }
}

/* ---- rows ---- */

/* Move records that go left to the front; returns where the others begin. Every step swaps, so
 * there is no branch to mispredict. */
static inline int64_t partition_words(uint64_t *record, int64_t words, int64_t begin, int64_t end,
                                      int64_t node) {
  int64_t feature = node_feature(node);
  uint64_t *front = record + begin * words;
  int64_t middle = begin;
  for (int64_t i = begin; i < end; i++) {
    uint64_t *here = record + i * words;
    bool left = node_goes_left(node, ((const uint8_t *)(here + 1))[feature]);
    for (int64_t w = 0; w < words; w++) {
      uint64_t moved = here[w];
      here[w] = front[w];
      front[w] = moved;
    }
    front += left ? words : 0;
    middle += left;
  }
  return middle;
}

static int64_t partition(const Grower *g, const Item *item, int64_t node) {
  switch (g->words) {
    case 2: return partition_words(g->record, 2, item->begin, item->end, node);
    case 3: return partition_words(g->record, 3, item->begin, item->end, node);
    case 4: return partition_words(g->record, 4, item->begin, item->end, node);
    default: return partition_words(g->record, g->words, item->begin, item->end, node);
  }
}

/* Collect the sample into records; returns the root. */
static Item load_rows(Grower *g, const int32_t *weight) {
  int64_t stride = (g->words - 1) * 8, n = 0;
  Item root = {.path = GROW_ROOT_PATH, .slot = -1};
  __int128 squares = 0;
  for (int64_t i = 0; i < g->rows.n; i++) {
    uint64_t *record = record_at(g, n);
    uint64_t w = (uint64_t)weight[i], target = g->rows.target[i];
    memcpy(record + 1, g->rows.codes + i * stride, (size_t)stride);
    record[0] = g->rows.n_classes > 2 ? w << 32 | target : w << g->shift | w * target;
    n += w > 0;
    root.weight += (int64_t)w;
    root.sum += (int64_t)(w * target);
    squares += (__int128)(w * target) * target;
  }
  root.end = n;
  double total = (double)root.weight;
  if (g->rows.n_classes > 2) {
    root.sum = 0;
    g->root_impurity = total - (double)count_classes(g, &root) / total;
    forget_classes(g, &root);
  } else {
    __int128 spread = squares * root.weight - (__int128)root.sum * root.sum;
    g->root_impurity = (double)spread / total;
  }
  return root;
}

/* Have all rows of the node one target? */
static bool is_pure(const Grower *g, const Item *item) {
  uint64_t first = *record_at(g, item->begin);
  for (int64_t i = item->begin + 1; i < item->end; i++) {
    uint64_t other = *record_at(g, i);
    if (g->rows.n_classes > 2) {
      if (payload_class(first) != payload_class(other)) return false;
    } else if ((first & g->low) * (other >> g->shift) != (other & g->low) * (first >> g->shift)) {
      return false; /* sums over weights differ */
    }
  }
  return true;
}

/* ---- leaves ---- */

static void append_share(Grower *g, int64_t class, int64_t share) {
  g->leaf_class[g->n_leaf] = (uint16_t) class;
  g->leaf_share[g->n_leaf++] = (int32_t)share;
}

/* Classes of the node, ascending, into g->sorted; counts are in g->count. Returns their number. */
static int64_t list_classes(const Grower *g, const Item *item) {
  uint32_t *list = g->sorted;
  int64_t n = 0;
  for (int64_t i = item->begin; i < item->end; i++) {
    uint32_t class = payload_class(*record_at(g, i));
    if (g->count[class].left) continue;
    g->count[class].left = 1;
    list[n++] = class;
  }
  for (int64_t i = 0; i < n; i++) g->count[list[i]].left = 0;
  if (n > FEW_CLASSES) {
    n = 0;
    for (uint32_t class = 0; class < g->rows.n_classes; class ++) {
      if (g->count[class].total) list[n++] = class;
    }
    return n;
  }
  for (int64_t i = 1; i < n; i++) {
    uint32_t class = list[i];
    int64_t at = i;
    for (; at > 0 && list[at - 1] > class; at--) list[at] = list[at - 1];
    list[at] = class;
  }
  return n;
}

static int32_t class_leaf(Grower *g, const Item *item) {
  int64_t position = g->n_leaf;
  count_classes(g, item);
  int64_t n = list_classes(g, item);
  int32_t value = -1 - (int32_t)g->sorted[0];
  if (n > 1) {
    value = (int32_t)position;
    append_share(g, n, 0);
    for (int64_t j = 0; j < n; j++) {
      int64_t count = g->count[g->sorted[j]].total;
      append_share(g, g->sorted[j], ((count << GROW_SHARE_BITS) + item->weight / 2) / item->weight);
    }
  }
  forget_classes(g, item);
  return value;
}

static void make_leaf(Grower *g, const Item *item) {
  int32_t value = 0;
  if (g->rows.n_classes > 2) {
    value = class_leaf(g, item);
  } else {
    int64_t sum = item->sum << (GROW_SHARE_BITS - g->rows.bits);
    value = (int32_t)((sum + item->weight / 2) / item->weight);
  }
  g->made[item->node] = node_leaf(value);
  g->left[item->node] = 0;
  if (item->slot >= 0) g->free[g->n_free++] = item->slot;
}

/* ---- growth ---- */

static bool must_be_leaf(const Grower *g, const Item *item) {
  const GrowOptions *o = &g->options;
  return item->depth >= o->max_depth || item->weight < o->min_samples_split ||
         item->weight < 2 * o->min_samples_leaf || item->end - item->begin < 2 || is_pure(g, item);
}

/* Which side rows go that miss the feature, when none did here: the heavier one. */
static bool missing_side(const Grower *g, const Item *item, const Split *split) {
  if (split->missing_left) return true;
  if (split->bin == bins_of(g->rows.bins, split->feature) - 1) return false;
  for (int64_t i = item->begin; i < item->end; i++) {
    if (codes_at(g, i)[split->feature] == BINS_MISSING) return false;
  }
  return 2 * split->weight_left >= item->weight;
}

/* Split or close one node; children go onto the stack, the smaller one on top. */
static int grow_node(Grower *g, const Item *item, const Stream *nodes, Item *stack, int top) {
  Split split = {.feature = -1};
  double decrease = 0;
  if (!must_be_leaf(g, item)) split = find_split(g, item, nodes, &decrease);
  if (split.feature < 0) {
    make_leaf(g, item);
    return top;
  }
  int64_t node = node_split(split.feature, split.bin, missing_side(g, item, &split));
  int64_t middle = partition(g, item, node);
  g->made[item->node] = node;
  g->left[item->node] = (int32_t)g->n_nodes;
  double share = g->root_impurity > 0 && decrease > 0 ? decrease / g->root_impurity : 0;
  g->tree.importance[split.feature] +=
      (int64_t)(share * (double)(INT64_C(1) << GROW_IMPORTANCE_BITS) + 0.5);
  Item left = {.begin = item->begin,
               .end = middle,
               .weight = split.weight_left,
               .sum = split.sum_left,
               .depth = item->depth + 1,
               .path = grow_child_path(item->path, false),
               .node = (int32_t)g->n_nodes};
  Item right = {.begin = middle,
                .end = item->end,
                .weight = item->weight - split.weight_left,
                .sum = item->sum - split.sum_left,
                .depth = item->depth + 1,
                .path = grow_child_path(item->path, true),
                .node = (int32_t)g->n_nodes + 1};
  g->n_nodes += 2;
  bool left_small = left.end - left.begin <= right.end - right.begin;
  Item *small = left_small ? &left : &right, *large = left_small ? &right : &left;
  share_histogram(g, item, small, large);
  stack[top++] = *large;
  stack[top++] = *small;
  return top;
}

/* Put the leaf table into the order of the nodes. */
static void write_leaves(Grower *g) {
  GrownTree *tree = &g->tree;
  tree->n_leaf = 0;
  for (int64_t i = 0; i < tree->n_nodes; i++) {
    if (!node_is_leaf(tree->node[i]) || node_low(tree->node[i]) < 0) continue;
    int32_t from = node_low(tree->node[i]);
    int64_t n = 1 + g->leaf_class[from];
    tree->node[i] = node_leaf((int32_t)tree->n_leaf);
    for (int64_t j = 0; j < n; j++, tree->n_leaf++) {
      tree->leaf_class[tree->n_leaf] = g->leaf_class[from + j];
      tree->leaf_share[tree->n_leaf] = g->leaf_share[from + j];
    }
  }
}

/* Nodes in order of creation -> preorder with distances. */
static void write_nodes(Grower *g) {
  int64_t n = g->n_nodes;
  for (int64_t i = n - 1; i >= 0; i--) {
    int32_t left = g->left[i];
    g->size[i] = left ? 1 + g->size[left] + g->size[left + 1] : 1;
  }
  g->place[0] = 0;
  for (int64_t i = 0; i < n; i++) {
    int32_t left = g->left[i], place = g->place[i];
    int64_t distance = 0;
    if (left) {
      distance = 1 + g->size[left];
      g->place[left] = place + 1;
      g->place[left + 1] = place + (int32_t)distance;
    }
    g->tree.node[place] = g->made[i] | distance;
  }
  g->tree.n_nodes = n;
  if (g->rows.n_classes > 2) write_leaves(g);
}

void grow_tree(Grower *g, const int32_t *weight, const Stream *nodes, GrownTree *out) {
  Item stack[STACK];
  g->n_leaf = g->tree.n_leaf = 0;
  memset(g->tree.importance, 0, (size_t)g->d * sizeof *g->tree.importance);
  g->n_free = g->slots;
  for (int32_t slot = 0; slot < g->slots; slot++) g->free[slot] = slot;
  Item root = load_rows(g, weight);
  if (g->full && root.end >= HISTOGRAM_ROWS && g->options.max_depth > 0) {
    root.slot = g->free[--g->n_free];
    build_histogram(g, 0, root.end, g->pool + root.slot * g->d * BINS_CODES);
  }
  g->n_nodes = 1;
  int top = 0;
  stack[top++] = root;
  while (top > 0) {
    Item item = stack[--top];
    top = grow_node(g, &item, nodes, stack, top);
  }
  write_nodes(g);
  *out = g->tree;
}

static int bit_length(int64_t x) { return x > 0 ? 64 - __builtin_clzll((uint64_t)x) : 0; }

/* Most nodes that a tree can have: two a row less one, and no more than its depth allows. */
static int64_t nodes_max(const GrowRows *rows, const GrowOptions *options) {
  int64_t by_rows = 2 * rows->n - 1;
  if (options->max_depth >= 40) return by_rows;
  int64_t by_depth = (INT64_C(2) << options->max_depth) - 1;
  return by_rows < by_depth ? by_rows : by_depth;
}

Status grow_new(const GrowRows *rows, const GrowOptions *options, Grower **out) {
  Status status = OK;
  Grower *g = NULL;
  TRY(NEW(out, 1));
  g = *out;
  int64_t d = rows->bins->d, n_max = nodes_max(rows, options);
  bool classes = rows->n_classes > 2;
  *g = (Grower){.rows = *rows, .options = *options, .d = d, .words = 1 + bins_stride(d) / 8};
  g->shift = 64 - bit_length(rows->weight_max);
  g->low = (UINT64_C(1) << g->shift) - 1;
  g->full = !classes && 2 * options->features > d;
  g->slots = g->full ? bit_length(rows->n / HISTOGRAM_ROWS) + 2 : 0;
  g->shuffle.d = d;
  TRY(NEW(&g->record, (rows->n + 1) * g->words));
  TRY(NEW(&g->pool, g->slots * d * BINS_CODES));
  TRY(NEW(&g->free, g->slots));
  TRY(NEW(&g->small, TOGETHER * BINS_CODES));
  TRY(NEW(&g->start, BINS_CODES));
  TRY(NEW(&g->sorted, classes ? rows->n + rows->n_classes : 0));
  TRY(NEW(&g->count, classes ? rows->n_classes : 0));
  TRY(NEW(&g->chosen, d));
  TRY(NEW(&g->shuffle.order, d));
  TRY(NEW(&g->shuffle.picked, d));
  TRY(NEW(&g->made, n_max));
  TRY(NEW(&g->left, n_max));
  TRY(NEW(&g->size, n_max));
  TRY(NEW(&g->place, n_max));
  TRY(NEW(&g->leaf_class, classes ? 2 * rows->n : 0));
  TRY(NEW(&g->leaf_share, classes ? 2 * rows->n : 0));
  TRY(NEW(&g->tree.node, n_max));
  TRY(NEW(&g->tree.leaf_class, classes ? 2 * rows->n : 0));
  TRY(NEW(&g->tree.leaf_share, classes ? 2 * rows->n : 0));
  TRY(NEW(&g->tree.importance, d));
  for (int32_t j = 0; j < d; j++) g->chosen[j] = g->shuffle.order[j] = j;
done:
  return status;
}

void grow_free(Grower **grower) {
  Grower *g = *grower;
  if (!g) return;
  memory_free(&g->record);
  memory_free(&g->pool);
  memory_free(&g->free);
  memory_free(&g->small);
  memory_free(&g->start);
  memory_free(&g->sorted);
  memory_free(&g->count);
  memory_free(&g->chosen);
  memory_free(&g->shuffle.order);
  memory_free(&g->shuffle.picked);
  memory_free(&g->made);
  memory_free(&g->left);
  memory_free(&g->size);
  memory_free(&g->place);
  memory_free(&g->leaf_class);
  memory_free(&g->leaf_share);
  memory_free(&g->tree.node);
  memory_free(&g->tree.leaf_class);
  memory_free(&g->tree.leaf_share);
  memory_free(&g->tree.importance);
  memory_free(grower);
}
