/* The best split of a feature; see boost_split.h.
 *
 * Sums up to each bin are made in order. Rows and hessians never fall, so that the cuts with enough
 * of them on both sides are a range, found by binary search; gains are compared LANES at a time,
 * every lane with a best of its own, which begins with that of the features before. With an l1
 * penalty or bounds (monotone constraints) gains come from the values of the two leaves, one at a
 * time.
 *
 * Rejected: leaving out empty bins before computing gains. It needs a branch a bin, and only the
 * smallest nodes would win. */
#include "boost_split.h"

#include <math.h>
#include <string.h>

#if defined(__AVX__)
#include <immintrin.h>
#endif

#include "kernels/numeric/fixed.h"

enum { LANES = 4 };

Status boost_layout(int64_t rows, bool constant, bool counted, BoostLayout *out) {
  int bits = fixed_bits(rows), g_most = BOOST_SUM_BITS - bits;
  if (g_most > BOOST_G_BITS_MAX) g_most = BOOST_G_BITS_MAX;
  *out = (BoostLayout){.words = 1};
  if (constant) {
    out->shift = bits;
    out->g_bits = 63 - 2 * bits < g_most ? 63 - 2 * bits : g_most;
    if (out->g_bits >= BOOST_G_BITS_NARROW) return OK;
  } else {
    int left = 63 - 2 * bits; /* for a row's g and h together */
    out->h_bits = left * 3 / 7;
    out->g_bits = left - out->h_bits < g_most ? left - out->h_bits : g_most;
    out->shift = out->h_bits + bits;
    if (!counted && out->h_bits >= BOOST_H_BITS_NARROW && out->g_bits >= BOOST_G_BITS_NARROW) {
      return OK;
    }
  }
  int h_most = 64 - 2 * bits < BOOST_SUM_BITS - bits ? 64 - 2 * bits : BOOST_SUM_BITS - bits;
  *out = (BoostLayout){.words = 2, .shift = bits, .g_bits = g_most};
  out->h_bits = constant ? 0 : h_most < BOOST_H_BITS_MAX ? h_most : BOOST_H_BITS_MAX;
  if (bits > 28) {
    return status_fail(INVALID, "gbdt: %lld rows are too many; train on at most 268 million",
                       (long long)rows);
  }
  return OK;
}

/* Packed sums up to each bin, one array a word; a few more, so that lanes begin anywhere, repeat
 * the last. */
typedef struct Prefix {
  uint64_t word[2][BINS_CODES + LANES];
} Prefix;

/* Four at a time, so that an addition does not wait for the one before. */
static void add_up(const uint64_t *histogram, int words, int word, int32_t bins, uint64_t *out) {
  const uint64_t *h = histogram + word;
  uint64_t sum = 0;
  int32_t b = 0;
  for (; b + LANES <= bins; b += LANES, h += LANES * words) {
    uint64_t two = h[0] + h[words], three = two + h[2 * words], four = three + h[3 * words];
    out[b] = sum + h[0];
    out[b + 1] = sum + two;
    out[b + 2] = sum + three;
    out[b + 3] = sum += four;
  }
  for (; b < bins; b++, h += words) out[b] = sum += h[0];
  for (int l = 0; l < LANES; l++) out[b + l] = sum;
}

typedef double Reals __attribute__((vector_size(LANES * sizeof(double))));
typedef uint64_t Words __attribute__((vector_size(LANES * sizeof(double))));

static inline Reals all_reals(double x) { return (Reals){x, x, x, x}; }
static inline Words load_words(const uint64_t *from) {
  Words x;
  memcpy(&x, from, sizeof x);
  return x;
}
static inline Words choose(Words where, Words a, Words b) { return (where & a) | (~where & b); }

static const uint64_t MOVE = UINT64_C(1) << 51, HALF = UINT64_C(1) << 63;

/* Whole numbers of magnitude below 2^51, given with 2^51 added, as doubles. (The plain conversion
 * of 64-bit integers is no vector code with AVX2.) */
static inline Reals reals_of(Words moved) {
  return (Reals)(moved + (UINT64_C(0x4330) << 48)) - (0x1p52 + 0x1p51);
}

/* Sums of a few bins. n is h where words are narrow. */
static inline void unpack(const Prefix *p, int32_t b, int shift, bool wide, Reals *g, Reals *h,
                          Reals *n) {
  const uint64_t mask = (UINT64_C(1) << shift) - 1;
  Words first = load_words(&p->word[0][b]);
  if (wide) {
    Words second = load_words(&p->word[1][b]);
    *g = reals_of(first + MOVE);
    *h = reals_of((second >> shift) + MOVE);
    *n = reals_of((second & mask) + MOVE);
  } else {
    *g = reals_of(((first + HALF) >> shift) + (MOVE - (HALF >> shift))); /* keeps the sign */
    *h = *n = reals_of((first & mask) + MOVE);
  }
}

/* One direction of missing values. */
typedef struct Side {
  double g_missing, h_missing, n_missing; /* left of every cut; 0 when missing goes right */
  double least_value_h;                   /* value bins left of a cut hold at least so much */
} Side;

/* The best cut of one direction: the largest gain, ties to the lower bin. */
typedef struct Cut {
  double gain;
  int32_t bin;
} Cut;

/* Cuts with enough on both sides: their bins from first to end - 1. */
typedef struct Range {
  int32_t first, end;
} Range;

/* How many sums, which never fall, are below `least`. Without a branch to guess. */
static inline int32_t count_below(const uint64_t *word, int shift, uint64_t mask, int32_t bins,
                                  int64_t least) {
  int32_t at = 0;
  for (int32_t n = bins, half = n / 2; n > 1; n -= half, half = n / 2) {
    at += (int64_t)(word[at + half - 1] >> shift & mask) < least ? half : 0;
  }
  return at + ((int64_t)(word[at] >> shift & mask) < least);
}

static inline void narrow_range(const uint64_t *word, int shift, uint64_t mask, int32_t bins,
                                double least_left, double most_left, Range *range) {
  int32_t first = count_below(word, shift, mask, bins, (int64_t)least_left);
  int32_t end = count_below(word, shift, mask, bins, (int64_t)most_left + 1);
  range->first = first > range->first ? first : range->first;
  range->end = end < range->end ? end : range->end;
}

static Range allowed_range(const BoostLayout *layout, const BoostRules *rules, const double sum[3],
                           const Side *side, const Prefix *p, int32_t bins) {
  const uint64_t mask = (UINT64_C(1) << layout->shift) - 1;
  const bool wide = layout->words > 1;
  const double least_h = wide ? rules->least_h : fmax(rules->least_h, rules->least_n);
  Range range = {0, bins};
  if (2 * least_h > sum[1] || (wide && 2 * rules->least_n > sum[2])) return (Range){0, 0};
  narrow_range(p->word[wide], wide ? layout->shift : 0, wide ? UINT64_MAX : mask, bins,
               fmax(least_h - side->h_missing, side->least_value_h),
               sum[1] - least_h - side->h_missing, &range);
  if (wide) {
    narrow_range(p->word[1], 0, mask, bins, rules->least_n - side->n_missing,
                 sum[2] - rules->least_n - side->n_missing, &range);
  }
  return range;
}

static inline bool any(Words where) {
#if defined(__AVX__)
  return _mm256_movemask_pd((__m256d)where) != 0;
#else
  return (where[0] | where[1] | where[2] | where[3]) != 0;
#endif
}

/* The best cut of one direction that gains more than `known`. A quotient is made only where it
 * can be more than the best of its lane: numerators are compared with that times the denominator,
 * a little less so that rounding hides none. */
static inline __attribute__((always_inline)) Cut search(int shift, double l2, const double sum[3],
                                                        const Side *side, const Prefix *p,
                                                        Range range, bool wide, double known) {
  const double nearly = 1 - 0x1p-50;
  Reals best = all_reals(known), least = best * nearly;
  Words best_bin = {0}, found = {0}, bin = {0, 1, 2, 3};
  const Words end = (Words){0} + (uint64_t)range.end;
  bin += (uint64_t)range.first;
  for (int32_t b = range.first; b < range.end; b += LANES, bin += LANES) {
    Reals g, h, n;
    unpack(p, b, shift, wide, &g, &h, &n);
    Reals g_left = g + side->g_missing, h_left = h + side->h_missing;
    Reals g_right = sum[0] - g_left, h_right = sum[1] - h_left;
    Reals h_more = h_left + l2, h_other = h_right + l2;
    Reals above = g_left * g_left * h_other + g_right * g_right * h_more, below = h_more * h_other;
    if (!any((Words)(above > least * below))) continue;
    Reals gain = above / below;
    Words better = (Words)(gain > best) & (Words)(bin < end);
    best = (Reals)choose(better, (Words)gain, (Words)best);
    best_bin = choose(better, bin, best_bin);
    found |= better;
    least = best * nearly;
  }
  Cut cut = {-1, 0};
  for (int l = 0; l < LANES; l++) {
    int32_t at = (int32_t)best_bin[l];
    if (!found[l] || best[l] < cut.gain || (best[l] == cut.gain && at >= cut.bin)) continue;
    cut = (Cut){best[l], at};
  }
  return cut;
}

/* The same with an l1 penalty, bounds or a slope, one cut after the other. */
static Cut search_bound(const BoostLayout *layout, const BoostRules *rules, const BoostNode *node,
                        const double sum[3], const Side *side, const Prefix *p, int32_t bins,
                        int slope) {
  Cut best = {-1, 0};
  for (int32_t b = 0; b < bins; b++) {
    const uint64_t word[2] = {p->word[0][b], layout->words > 1 ? p->word[1][b] : 0};
    BoostSums own = boost_unpack(layout, word);
    double g_left = (double)own.g + side->g_missing, h_left = (double)own.h + side->h_missing;
    double g_right = sum[0] - g_left, h_right = sum[1] - h_left;
    double n_left = (double)own.n + side->n_missing;
    if (h_left < rules->least_h || h_right < rules->least_h || n_left < rules->least_n ||
        sum[2] - n_left < rules->least_n || (double)own.h < side->least_value_h) {
      continue;
    }
    double left = boost_value(g_left, h_left, rules, node->low, node->high);
    double right = boost_value(g_right, h_right, rules, node->low, node->high);
    if ((slope > 0 && left > right) || (slope < 0 && left < right)) continue;
    double gain =
        boost_score(g_left, h_left, left, rules) + boost_score(g_right, h_right, right, rules);
    gain = gain > 0 ? gain : 0;
    if (gain > best.gain) best = (Cut){gain, b};
  }
  return best;
}

/* known: a gain that does not have to be found again. */
static Cut search_side(const BoostLayout *layout, const BoostRules *rules, const BoostNode *node,
                       const Side *side, int32_t bins, int slope, const Prefix *p, double known) {
  BoostSums whole = boost_unpack(layout, node->sum);
  const double sum[3] = {(double)whole.g, (double)whole.h, (double)whole.n};
  if (rules->l1 > 0 || rules->slope) {
    return search_bound(layout, rules, node, sum, side, p, bins, slope);
  }
  Range range = allowed_range(layout, rules, sum, side, p, bins);
  return layout->words == 1 ? search(layout->shift, rules->l2, sum, side, p, range, false, known)
                            : search(layout->shift, rules->l2, sum, side, p, range, true, known);
}

void boost_split_feature(const BoostLayout *layout, const BoostRules *rules, const BoostNode *node,
                         const uint64_t *histogram, int32_t bins, int32_t feature,
                         BoostSplit *best) {
  Prefix p;
  const int words = layout->words;
  const uint64_t *missing = histogram + BINS_MISSING * words;
  BoostSums absent = boost_unpack(layout, missing);
  bool has_missing = absent.h > 0;
  if ((bins == 1 && !has_missing) || !boost_may_split(rules, node, feature)) return;
  if (rules->categories.bins && bins_is_category(rules->categories.bins, feature)) {
    boost_split_categories(layout, rules, node, histogram, bins, feature, best);
    return;
  }
  for (int w = 0; w < words; w++) add_up(histogram, words, w, bins, p.word[w]);
  const Side side[2] = {{0},
                        {(double)absent.g, (double)absent.h, (double)absent.n, .least_value_h = 1}};
  Cut cut[2] = {{-1, 0}, {-1, 0}};
  for (int k = 0; k < (has_missing ? 2 : 1); k++) {
    cut[k] = search_side(layout, rules, node, &side[k], bins,
                         rules->slope ? rules->slope[feature] : 0, &p, best->gain);
  }
  bool left = cut[1].gain > cut[0].gain || (cut[1].gain == cut[0].gain && cut[1].bin < cut[0].bin);
  const Cut *own = &cut[left];
  BoostSplit split = {.gain = own->gain, .feature = feature, .bin = own->bin, .missing_left = left};
  if (own->gain < 0 || !boost_split_better(&split, best)) return;
  for (int w = 0; w < words; w++) split.left[w] = p.word[w][own->bin] + (left ? missing[w] : 0);
  *best = split;
}

static bool is_empty(const BoostLayout *layout, const uint64_t *histogram, int32_t bin) {
  return boost_unpack(layout, histogram + bin * layout->words).h == 0;
}

void boost_split_settle(const BoostLayout *layout, const BoostNode *node, const uint64_t *histogram,
                        int32_t bins, BoostSplit *split) {
  if (split->bin == BOOST_SET) return; /* the set is whole */
  int32_t next = split->bin + 1;
  while (next < bins && is_empty(layout, histogram, next)) next++;
  split->bin = next == bins ? bins - 1 : split->bin + (next - split->bin - 1) / 2;
  if (!is_empty(layout, histogram, BINS_MISSING)) return;
  int64_t left = boost_unpack(layout, split->left).h;
  split->missing_left = 2 * left >= boost_unpack(layout, node->sum).h;
}
