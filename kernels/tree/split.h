/* The best split of a node, from its rows or its histogram; the inner part of the grower (grow.h
 * holds the rules). All local. */
#ifndef SEGUE_TREE_SPLIT_H
#define SEGUE_TREE_SPLIT_H

#include "category_order.h"
#include "grow.h"
#include "node.h"

/* A node that waits to be looked at. */
typedef struct Item {
  int64_t begin, end;  /* records */
  int64_t weight, sum; /* sum of levels x weights; 0 with more than two classes */
  int64_t depth;
  uint64_t path;
  uint64_t same; /* bit j: all rows have one code of feature j < 64; passed on to children */
  int32_t node;  /* number in order of creation */
  int32_t slot;  /* histogram; -1: none */
} Item;

typedef struct Split {
  double gain; /* or purity; negative: none found */
  int64_t weight_left, sum_left;
  int32_t feature; /* -1: none */
  int32_t bin;
  bool missing_left;
  bool is_set; /* of a category: what goes left is Splitter.set, bin and missing_left are 0 */
} Split;

typedef struct ClassCount {
  int32_t left, total;
} ClassCount;

/* Occupied bins of a feature in a node, ascending. */
typedef struct Occupied {
  int32_t n;
  int32_t bin[BINS_CODES];
  uint64_t left[BINS_CODES]; /* packed sum up to and with the bin */
  double gain[BINS_CODES];
} Occupied;

typedef struct Splitter {
  GrowRows rows;
  GrowOptions options;
  int64_t d;
  bool classes;     /* more than two */
  int shift;        /* packed payload: weight << shift | weight x level */
  uint64_t low;     /* mask of the lower part */
  int64_t words;    /* of a record: payload, codes */
  uint64_t *record; /* (n + 1) x words */
  uint64_t *pool;   /* histograms: slots x d x BINS_CODES */
  uint64_t *small;  /* a few x BINS_CODES, zero between uses */
  Occupied *occupied;
  uint32_t *start;        /* BINS_CODES, zero between uses */
  uint32_t *sorted;       /* classes: n, class and weight of rows by code */
  ClassCount *count;      /* n_classes, zero between uses */
  int32_t *chosen, *open; /* d: features to look at, and those of them that are not `same` */
  GrowShuffle shuffle;
  const Stream *nodes; /* of the tree being grown */
  int64_t *set;        /* NODE_SET_WORDS: of the best split so far (see Split.is_set) */
} Splitter;

/* Take scratch memory; record and pool are the grower's. Fails with MEMORY. */
CHECKED Status splitter_init(Splitter *s, const GrowRows *rows, const GrowOptions *options);
void splitter_clear(Splitter *s);

/* The best split by the rules of grow.h; feature -1 when there is none. decrease: out, what it
 * takes away from weight x impurity. Learns item->same. */
Split split_find(Splitter *s, Item *item, const Stream *nodes, double *decrease);

/* Parts of it, for nodes whose rows are spread over ranks. Choose the features of the node into
 * s->chosen, ascending; where not all of them are, s->shuffle stands behind them and the caller
 * undoes it. */
void split_choose_features(Splitter *s, uint64_t path, const Stream *nodes);
/* Offer the candidates of a feature: from packed sums by code; from sums by code in two words,
 * BINS_CODES weights and then as many sums, where a packed word would not do; from weights of
 * classes by code, code x n_classes. The last one works on rows that it makes up (s->record has one
 * word each, s->sorted as many; at most split_made_up_rows) and sets squares. s->nodes is set. */
void split_scan_histogram(const Splitter *s, Item *item, const uint64_t *histogram, int32_t feature,
                          Split *best);
void split_scan_wide(const Splitter *s, Item *item, const int64_t *histogram, int32_t feature,
                     Split *best);
void split_scan_classes(const Splitter *s, const Item *item, const uint32_t *histogram,
                        int32_t feature, int64_t *squares, Split *best);
int64_t split_made_up_rows(int64_t n_classes, int64_t weight_max);

/* The part for more than two classes; see split_classes.c. squares: of the node's class weights. */
void split_try_classes(const Splitter *s, Item *item, int32_t feature, int64_t squares,
                       Split *best);
/* Add the node's rows to the totals of their classes; returns the sum of squares. */
int64_t split_count_classes(const Splitter *s, const Item *item);
void split_forget_classes(const Splitter *s, const Item *item);

/* Sums while rows move from right to left. */
typedef struct Moved {
  int64_t weight, squares_left, squares_right;
} Moved;

/* Move the sorted rows begin .. end - 1 and count them in their classes' left. */
static inline void split_move_rows(const Splitter *s, uint32_t begin, uint32_t end, Moved *moved) {
  Moved m = *moved;
  for (uint32_t i = begin; i < end; i++) {
    ClassCount *count = &s->count[s->sorted[i] & 0xffffu];
    int64_t weight = s->sorted[i] >> 16, left = count->left, right = count->total - left;
    m.squares_left += weight * (2 * left + weight);
    m.squares_right -= weight * (2 * right - weight);
    m.weight += weight;
    count->left = (int32_t)(left + weight);
  }
  *moved = m;
}

/* The part for categories; see split_categories.c. From n categories with sums; from s->occupied
 * and the missing rows' packed sum; from two rows whose codes differ; from s->sorted, where
 * start[code] is a code's end. */
void split_offer_listed(const Splitter *s, Item *item, Category *list, int64_t n, int32_t feature,
                        Split *best);
void split_offer_categories(const Splitter *s, Item *item, uint64_t missing, int32_t feature,
                            Split *best);
void split_two_categories(const Splitter *s, const Item *item, int32_t feature, Split *best);
void split_offer_class_categories(const Splitter *s, const Item *item, int32_t feature,
                                  const uint64_t map[4], int64_t squares, Split *best);

static inline uint64_t *record_at(const Splitter *s, int64_t i) { return s->record + i * s->words; }
static inline const uint8_t *codes_at(const Splitter *s, int64_t i) {
  return (const uint8_t *)(s->record + i * s->words + 1);
}
/* Payload with more than two classes. */
static inline uint32_t payload_class(uint64_t payload) { return (uint32_t)payload; }
static inline uint32_t payload_count(uint64_t payload) { return (uint32_t)(payload >> 32); }

static inline void split_learn_same(Item *item, int32_t feature) {
  if (feature < 64) item->same |= UINT64_C(1) << feature;
}
/* The bin in the middle of the gap between two occupied ones, rounded down. */
static inline int32_t split_middle(int32_t before, int32_t next) {
  return before + (next - before - 1) / 2;
}

#endif
