/* Splits from sums in two words, for nodes so heavy that weight and sum of levels do not share one;
 * see split.h. Plain, since such nodes have millions of rows for each of these 256 steps. */
#include "split.h"

typedef struct Sums {
  int64_t weight, sum;
} Sums;

static void offer_wide(const Splitter *s, const Item *item, Sums left, int32_t feature, int32_t bin,
                       bool missing_left, Split *best) {
  int64_t weight_right = item->weight - left.weight, least = s->options.min_samples_leaf;
  if (left.weight < least || weight_right < least) return;
  double gain = grow_gain(left.sum, left.weight, item->sum, item->weight);
  if (gain <= best->gain) return;
  *best = (Split){gain, left.weight, left.sum, feature, bin, missing_left, false};
}

/* Occupied value bins, ascending, and their running sums. */
static int32_t list_bins(const Splitter *s, const int64_t *histogram, int32_t feature, int32_t *bin,
                         Sums *left) {
  int32_t bins = bins_of(s->rows.bins, feature), n = 0;
  Sums run = {0};
  for (int32_t b = 0; b < bins; b++) {
    if (histogram[b] == 0) continue;
    run.weight += histogram[b];
    run.sum += histogram[BINS_CODES + b];
    bin[n] = b;
    left[n++] = run;
  }
  return n;
}

static Sums plus(Sums a, Sums b) { return (Sums){a.weight + b.weight, a.sum + b.sum}; }

static void scan_categories(const Splitter *s, Item *item, const int64_t *histogram,
                            int32_t feature, Split *best) {
  Category list[BINS_CODES];
  int32_t bins = bins_of(s->rows.bins, feature);
  int64_t n = 0;
  for (int32_t code = 0; code < BINS_CODES; code++) {
    if ((code >= bins && code != BINS_MISSING) || histogram[code] == 0) continue;
    list[n++] = category_of(code, histogram[BINS_CODES + code], histogram[code]);
  }
  split_offer_listed(s, item, list, n, feature, best);
}

void split_scan_wide(const Splitter *s, Item *item, const int64_t *histogram, int32_t feature,
                     Split *best) {
  int32_t bin[BINS_CODES];
  Sums left[BINS_CODES];
  if (bins_is_category(s->rows.bins, feature)) {
    scan_categories(s, item, histogram, feature, best);
    return;
  }
  int32_t n = list_bins(s, histogram, feature, bin, left) - 1;
  Sums missing = {histogram[BINS_MISSING], histogram[BINS_CODES + BINS_MISSING]};
  if (s->options.random && n > 0) {
    GrowThreshold t = grow_threshold(s->nodes, item->path, feature, bin[0], bin[n]);
    int32_t k = 0;
    while (bin[k + 1] <= t.bin) k++;
    bool missing_left = missing.weight > 0 && t.missing_left;
    Sums own = missing_left ? plus(left[k], missing) : left[k];
    offer_wide(s, item, own, feature, t.bin, missing_left, best);
    return;
  }
  for (int32_t k = 0; k < n; k++) {
    int32_t middle = split_middle(bin[k], bin[k + 1]);
    offer_wide(s, item, left[k], feature, middle, false, best);
    if (missing.weight > 0) {
      offer_wide(s, item, plus(left[k], missing), feature, middle, true, best);
    }
  }
  if (missing.weight > 0 && n >= 0) {
    offer_wide(s, item, left[n], feature, bins_of(s->rows.bins, feature) - 1, false, best);
  }
}
