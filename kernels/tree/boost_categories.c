/* The best split of a feature that is a category; see boost_split.h for the rules. */
#include "boost_split.h"
#include "category_order.h"

/* Categories of a node: first those that may go left, in their order. */
typedef struct Node {
  const BoostLayout *layout;
  const BoostRules *rules;
  const BoostNode *node;
  const uint64_t *histogram;
  BoostSums all;
  int64_t n, n_used;
  Category list[BINS_CODES];
} Node;

/* A set that goes left: `n` categories of the list from `first` on. */
typedef struct Choice {
  double gain;
  int64_t first, step, n;
  uint64_t left[2];
} Choice;

static const uint64_t *sums_of(const Node *node, int64_t at) {
  return node->histogram + node->list[at].code * node->layout->words;
}

static void add_category(Node *node, int32_t code) {
  const BoostCategoryRules *own = &node->rules->categories;
  BoostSums sums = boost_unpack(node->layout, node->histogram + code * node->layout->words);
  if (sums.h == 0) return;
  Category category = {.key = (double)sums.g / ((double)sums.h + own->smooth), .code = code};
  int64_t at = node->n++;
  if ((double)sums.n >= own->least_rows) { /* in front of those that stay on the right */
    node->list[at] = node->list[node->n_used];
    at = node->n_used++;
  }
  node->list[at] = category;
}

/* Offer `left` as one side; group: rows that the other side holds at least. */
static bool offer(const Node *node, const BoostRules *rules, const uint64_t left[2], double group,
                  double *gain) {
  BoostSums l = boost_unpack(node->layout, left), all = node->all;
  BoostSums r = {all.g - l.g, all.h - l.h, all.n - l.n};
  double least_right = group > rules->least_n ? group : rules->least_n;
  if ((double)l.h < rules->least_h || (double)r.h < rules->least_h ||
      (double)l.n < rules->least_n || (double)r.n < least_right) {
    return false;
  }
  *gain = boost_sides(rules, node->node, l, r);
  return true;
}

/* One category against the rest. */
static void search_apart(const Node *node, Choice *best) {
  const int words = node->layout->words;
  for (int64_t i = 0; i < node->n; i++) {
    double gain = -1;
    Choice own = {.first = i, .step = 1, .n = 1};
    for (int w = 0; w < words; w++) own.left[w] = sums_of(node, i)[w];
    if (!offer(node, node->rules, own.left, 0, &gain)) continue;
    bool tie = gain == best->gain && node->list[i].code < node->list[best->first].code;
    if (gain < best->gain || (gain == best->gain && !tie)) continue;
    own.gain = gain;
    *best = own;
  }
}

/* From one end of the order inwards. */
static void search_prefixes(const Node *node, int64_t first, int64_t step, Choice *best) {
  const BoostCategoryRules *categories = &node->rules->categories;
  BoostRules rules = *node->rules;
  Choice own = {.first = first, .step = step};
  int64_t most = (node->n_used + 1) / 2, group = 0;
  if (most > categories->max_left) most = categories->max_left;
  rules.l2 += categories->l2;
  while (own.n < most) {
    const uint64_t *sums = sums_of(node, first + step * own.n++);
    for (int w = 0; w < node->layout->words; w++) own.left[w] += sums[w];
    group += boost_unpack(node->layout, sums).n;
    if ((double)group < categories->group_rows) continue;
    if (!offer(node, &rules, own.left, categories->group_rows, &own.gain)) continue;
    group = 0;
    if (own.gain > best->gain) *best = own;
  }
}

void boost_split_categories(const BoostLayout *layout, const BoostRules *rules,
                            const BoostNode *given, const uint64_t *histogram, int32_t bins,
                            int32_t feature, BoostSplit *best) {
  Node node = {.layout = layout,
               .rules = rules,
               .node = given,
               .histogram = histogram,
               .all = boost_unpack(layout, given->sum)};
  Choice choice = {.gain = -1};
  for (int32_t code = 0; code < bins; code++) add_category(&node, code);
  add_category(&node, BINS_MISSING);
  if (bins <= rules->categories.max_apart) {
    search_apart(&node, &choice);
  } else {
    category_order(node.list, node.n_used);
    search_prefixes(&node, 0, 1, &choice);
    search_prefixes(&node, node.n_used - 1, -1, &choice);
  }
  BoostSplit split = {.gain = choice.gain, .feature = feature, .bin = BOOST_SET};
  if (choice.gain < 0 || !boost_split_better(&split, best)) return;
  for (int w = 0; w < layout->words; w++) split.left[w] = choice.left[w];
  bool absent_left = 2 * boost_unpack(layout, split.left).h >= node.all.h;
  category_set(node.list, node.n, choice.first, choice.step, choice.n, absent_left, split.set);
  *best = split;
}
