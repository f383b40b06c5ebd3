/* The plain grower; see boost_ref.h. One node after the other, each candidate from all its rows. */
#include "boost_ref.h"

#include <math.h>

#include "kernels/base/memory.h"

typedef struct RefNode {
  BoostNode node;
  BoostSplit split;
  double gain;
  int64_t depth, left; /* left child, the right one follows; -1: a leaf */
  bool open;
} RefNode;

typedef struct Ref {
  const BoostRows *rows;
  const BoostSample *sample;
  const BoostLayout *layout;
  const BoostRules *rules;
  RefNode *item;
  int64_t n_items;
  int64_t *where; /* sample->n: the node of a row */
} Ref;

static uint8_t code_of(const Ref *ref, int64_t i, int32_t feature) {
  return ref->rows->codes[ref->sample->row[i] * bins_stride(ref->rows->bins->d) + feature];
}

static bool goes_left(uint8_t code, int32_t bin, bool missing_left) {
  return code == BINS_MISSING ? missing_left : code <= bin;
}

/* Packed sums of what goes left; also whether values (not missing) are on either side. */
static void sum_left(const Ref *ref, int64_t at, int32_t feature, int32_t bin, bool missing_left,
                     uint64_t left[2], bool values[2]) {
  left[0] = left[1] = 0;
  values[0] = values[1] = false;
  for (int64_t i = 0; i < ref->sample->n; i++) {
    if (ref->where[i] != at) continue;
    uint8_t code = code_of(ref, i, feature);
    bool is_left = goes_left(code, bin, missing_left);
    if (code != BINS_MISSING) values[!is_left] = true;
    const uint64_t *word = ref->sample->packed + ref->sample->row[i] * ref->layout->words;
    for (int w = 0; is_left && w < ref->layout->words; w++) left[w] += word[w];
  }
}

/* Gain of both sides, -1 when not allowed. */
static double gain_of(const Ref *ref, const BoostRules *rules, const BoostNode *node,
                      int32_t feature, const uint64_t left[2]) {
  BoostSums all = boost_unpack(ref->layout, node->sum), l = boost_unpack(ref->layout, left);
  BoostSums r = {all.g - l.g, all.h - l.h, all.n - l.n};
  if ((double)l.h < rules->least_h || (double)r.h < rules->least_h ||
      (double)l.n < rules->least_n || (double)r.n < rules->least_n) {
    return -1;
  }
  if (rules->l1 == 0 && !rules->slope) {
    return boost_gain((double)l.g, (double)l.h + rules->l2, (double)r.g, (double)r.h + rules->l2);
  }
  double a = boost_value((double)l.g, (double)l.h, rules, node->low, node->high);
  double b = boost_value((double)r.g, (double)r.h, rules, node->low, node->high);
  int slope = rules->slope ? rules->slope[feature] : 0;
  if (slope * (b - a) < 0) return -1;
  return fmax(0, boost_score((double)l.g, (double)l.h, a, rules) +
                     boost_score((double)r.g, (double)r.h, b, rules));
}

/* Bins between the split's two sides that hold no row, and missing rows. */
static void settle(const Ref *ref, int64_t at, BoostSplit *split) {
  int32_t bins = bins_of(ref->rows->bins, split->feature), next = bins;
  bool missing = false;
  for (int64_t i = 0; i < ref->sample->n; i++) {
    if (ref->where[i] != at) continue;
    uint8_t code = code_of(ref, i, split->feature);
    if (code == BINS_MISSING) {
      missing = true;
    } else if (code > split->bin && code < next) {
      next = code;
    }
  }
  split->bin = next == bins ? bins - 1 : split->bin + (next - split->bin - 1) / 2;
  int64_t left = boost_unpack(ref->layout, split->left).h;
  int64_t all = boost_unpack(ref->layout, ref->item[at].node.sum).h;
  if (!missing) split->missing_left = left >= all - left;
}

/* ---- categories ---- */

static void put(int64_t *set, int32_t code) {
  set[code / 64] = (int64_t)((uint64_t)set[code / 64] | UINT64_C(1) << (code % 64));
}

/* Packed sums of the node's rows whose code is in the set. */
static BoostSums sum_set(const Ref *ref, int64_t at, int32_t feature, const int64_t *set,
                         uint64_t sum[2]) {
  sum[0] = sum[1] = 0;
  for (int64_t i = 0; i < ref->sample->n; i++) {
    if (ref->where[i] != at || !node_set_has(set, code_of(ref, i, feature))) continue;
    const uint64_t *word = ref->sample->packed + ref->sample->row[i] * ref->layout->words;
    for (int w = 0; w < ref->layout->words; w++) sum[w] += word[w];
  }
  return boost_unpack(ref->layout, sum);
}

static BoostSums sum_category(const Ref *ref, int64_t at, int32_t feature, int32_t code) {
  int64_t set[NODE_SET_WORDS] = {0};
  uint64_t sum[2];
  put(set, code);
  return sum_set(ref, at, feature, set, sum);
}

/* The codes that may go left, in order; returns their number. */
static int order_codes(const Ref *ref, int64_t at, int32_t feature, int32_t code[BINS_CODES]) {
  double key[BINS_CODES];
  int n = 0;
  for (int32_t c = 0; c < BINS_CODES; c++) {
    BoostSums own = sum_category(ref, at, feature, c);
    if (own.h == 0 || (double)own.n < ref->rules->categories.least_rows) continue;
    double own_key = (double)own.g / ((double)own.h + ref->rules->categories.smooth);
    int place = n++;
    for (; place > 0 && key[place - 1] > own_key; place--) {
      key[place] = key[place - 1];
      code[place] = code[place - 1];
    }
    key[place] = own_key;
    code[place] = c;
  }
  return n;
}

static void consider_set(const Ref *ref, const BoostRules *rules, int64_t at, BoostSplit split,
                         BoostSplit *best) {
  sum_set(ref, at, split.feature, split.set, split.left);
  split.gain = gain_of(ref, rules, &ref->item[at].node, split.feature, split.left);
  if (split.gain > best->gain) *best = split;
}

static void search_sets(const Ref *ref, int64_t at, int32_t feature, BoostSplit *best) {
  const BoostCategoryRules *own = &ref->rules->categories;
  int32_t code[BINS_CODES];
  int n = order_codes(ref, at, feature, code);
  BoostSums all = boost_unpack(ref->layout, ref->item[at].node.sum);
  for (int direction = 0; direction < 2; direction++) {
    BoostSplit split = {.feature = feature, .bin = BOOST_SET};
    BoostRules rules = *ref->rules;
    int64_t group = 0;
    rules.l2 += own->l2;
    for (int k = 0; k < (n + 1) / 2 && k < own->max_left; k++) {
      int32_t next = code[direction ? n - 1 - k : k];
      put(split.set, next);
      group += sum_category(ref, at, feature, next).n;
      int64_t left = sum_set(ref, at, feature, split.set, split.left).n;
      if ((double)group < own->group_rows || (double)(all.n - left) < own->group_rows) continue;
      if (gain_of(ref, &rules, &ref->item[at].node, feature, split.left) < 0) continue;
      consider_set(ref, &rules, at, split, best);
      group = 0;
    }
  }
}

static void search_category(const Ref *ref, int64_t at, int32_t feature, BoostSplit *best) {
  if (bins_of(ref->rows->bins, feature) > ref->rules->categories.max_apart) {
    search_sets(ref, at, feature, best);
    return;
  }
  for (int32_t c = 0; c < BINS_CODES; c++) {
    BoostSplit split = {.feature = feature, .bin = BOOST_SET};
    put(split.set, c);
    consider_set(ref, ref->rules, at, split, best);
  }
}

/* Codes without a row go to the side with more hessian. */
static void settle_set(const Ref *ref, int64_t at, BoostSplit *split) {
  int64_t left = boost_unpack(ref->layout, split->left).h;
  if (2 * left < boost_unpack(ref->layout, ref->item[at].node.sum).h) return;
  for (int32_t c = 0; c < BINS_CODES; c++) {
    if (sum_category(ref, at, split->feature, c).h == 0) put(split->set, c);
  }
}

static void search(Ref *ref, int64_t at) {
  RefNode *item = &ref->item[at];
  BoostSplit best = {.gain = -1};
  for (int64_t p = 0; p < ref->sample->n_features; p++) {
    int32_t feature = ref->sample->feature[p];
    if (!boost_may_split(ref->rules, &item->node, feature)) continue;
    if (bins_is_category(ref->rows->bins, feature)) {
      search_category(ref, at, feature, &best);
      continue;
    }
    for (int32_t bin = 0; bin < bins_of(ref->rows->bins, feature); bin++) {
      for (int side = 0; side < 2; side++) {
        BoostSplit split = {.feature = feature, .bin = bin, .missing_left = side};
        bool values[2];
        sum_left(ref, at, feature, bin, side, split.left, values);
        if (side && !(values[0] && values[1])) continue;
        split.gain = gain_of(ref, ref->rules, &item->node, feature, split.left);
        if (split.gain > best.gain) best = split;
      }
    }
  }
  if (best.gain >= 0 && best.bin == BOOST_SET) settle_set(ref, at, &best);
  if (best.gain >= 0 && best.bin != BOOST_SET) settle(ref, at, &best);
  item->split = best;
  item->gain = boost_net_gain(ref->layout, ref->rules, &item->node, &best);
  item->open = item->gain >= 0;
}

/* The node that is split next; -1: none. */
static int64_t next_node(const Ref *ref, const BoostLimits *limits) {
  int64_t best = -1;
  for (int64_t i = 0; i < ref->n_items; i++) {
    const RefNode *item = &ref->item[i], *first = best < 0 ? NULL : &ref->item[best];
    if (!item->open || item->depth >= limits->max_depth) continue;
    bool upper = first && limits->depth_wise && item->depth < first->depth;
    bool level = first && (!limits->depth_wise || item->depth == first->depth);
    if (!first || upper || (level && item->gain > first->gain)) best = i;
  }
  return best;
}

static void expand(Ref *ref, int64_t at) {
  RefNode *item = &ref->item[at], *child = &ref->item[ref->n_items];
  item->open = false;
  item->left = ref->n_items;
  ref->n_items += 2;
  for (int side = 0; side < 2; side++)
    child[side] = (RefNode){.depth = item->depth + 1, .left = -1};
  boost_children(ref->layout, ref->rules, &item->node, &item->split, &child[0].node,
                 &child[1].node);
  for (int64_t i = 0; i < ref->sample->n; i++) {
    if (ref->where[i] != at) continue;
    const BoostSplit *split = &item->split;
    uint8_t code = code_of(ref, i, split->feature);
    bool left = split->bin == BOOST_SET ? node_set_has(split->set, code)
                                        : goes_left(code, split->bin, split->missing_left != 0);
    ref->where[i] = item->left + !left;
  }
  for (int side = 0; side < 2; side++) search(ref, item->left + side);
}

static void write_node(const Ref *ref, int64_t at, int64_t *node, int64_t *n_nodes) {
  const RefNode *item = &ref->item[at];
  int64_t here = (*n_nodes)++;
  node[here] = node_leaf(0);
  if (item->left < 0) return;
  const BoostSplit *split = &item->split;
  bool is_set = split->bin == BOOST_SET;
  node[here] = is_set ? node_split_set(split->feature)
                      : node_split(split->feature, split->bin, split->missing_left != 0);
  for (int w = 0; is_set && w < NODE_SET_WORDS; w++) node[(*n_nodes)++] = split->set[w];
  write_node(ref, item->left, node, n_nodes);
  node[here] += *n_nodes - here;
  write_node(ref, item->left + 1, node, n_nodes);
}

Status boost_grow_ref(const BoostRows *rows, const BoostSample *sample, const BoostLayout *layout,
                      const BoostLimits *limits, const BoostRules *rules, int64_t *node,
                      int64_t *n_nodes) {
  Status status = OK;
  Ref ref = {.rows = rows, .sample = sample, .layout = layout, .rules = rules, .n_items = 1};
  TRY(NEW(&ref.item, 2 * limits->max_leaves + 1));
  TRY(NEW(&ref.where, sample->n));
  RefNode *root = &ref.item[0];
  *root = (RefNode){.node = boost_root(), .left = -1};
  for (int64_t i = 0; i < sample->n; i++) {
    for (int w = 0; w < layout->words; w++) {
      root->node.sum[w] += sample->packed[sample->row[i] * layout->words + w];
    }
  }
  search(&ref, 0);
  for (int64_t leaves = 1; leaves < limits->max_leaves; leaves++) {
    int64_t at = next_node(&ref, limits);
    if (at < 0) break;
    expand(&ref, at);
  }
  *n_nodes = 0;
  write_node(&ref, 0, node, n_nodes);
done:
  memory_free(&ref.item);
  memory_free(&ref.where);
  return status;
}
