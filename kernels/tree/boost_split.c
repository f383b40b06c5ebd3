/* The best split of a feature; see boost_split.h.
 *
 * Sums up to each bin are made in order; then gains of all cuts side by side without branches, in
 * loops that compilers turn into vector code; then the largest is looked for. With an l1 penalty or
 * bounds (monotone constraints) gains come from the values of the two leaves, one at a time.
 *
 * Rejected: leaving out empty bins before computing gains. It needs a branch a bin, and only the
 * smallest nodes would win. */
#include "boost_split.h"

#include <math.h>
#include <string.h>

#include "kernels/numeric/fixed.h"

enum { LANES = 8 };

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

/* Sums of the bins up to each, as doubles; scratch is a search's own, on the stack. */
typedef struct Prefix {
  double g[BINS_CODES], h[BINS_CODES], n[BINS_CODES], gain[BINS_CODES];
  uint64_t word[BINS_CODES][2];
} Prefix;

/* A whole number of magnitude below 2^51, given with 2^51 added, as a double: vector code, which
 * the plain conversion is not with AVX2. */
static inline double real_of(uint64_t moved) {
  return elementary_from_bits(moved + (UINT64_C(0x4330) << 48)) - (0x1p52 + 0x1p51);
}
static const uint64_t MOVE = UINT64_C(1) << 51;

static void prefix_narrow(const uint64_t *histogram, int32_t bins, int shift, Prefix *p) {
  uint64_t sums[BINS_CODES], sum = 0;
  const uint64_t mask = (UINT64_C(1) << shift) - 1, half = UINT64_C(1) << 63;
  for (int32_t b = 0; b < bins; b++) sums[b] = sum += histogram[b];
  int32_t whole = (bins + LANES - 1) / LANES * LANES;
  for (int32_t b = bins; b < whole; b++) sums[b] = sum;
  const uint64_t down = MOVE - (half >> shift);
  for (int32_t b = 0; b < whole; b++) {
    p->g[b] = real_of(((sums[b] + half) >> shift) + down);
    p->h[b] = real_of((sums[b] & mask) + MOVE);
  }
}

static void prefix_wide(const uint64_t *histogram, int32_t bins, int shift, Prefix *p) {
  uint64_t sums[2] = {0};
  const uint64_t mask = (UINT64_C(1) << shift) - 1;
  int32_t whole = (bins + LANES - 1) / LANES * LANES;
  for (int32_t b = 0; b < whole; b++) {
    sums[0] += b < bins ? histogram[2 * b] : 0;
    sums[1] += b < bins ? histogram[2 * b + 1] : 0;
    p->g[b] = real_of(sums[0] + MOVE);
    p->h[b] = real_of((sums[1] >> shift) + MOVE);
    p->n[b] = real_of((sums[1] & mask) + MOVE);
  }
}

/* One direction of missing values: sums of the node and of what goes left with every cut. */
typedef struct Side {
  double g, h, n;                         /* of the node */
  double g_missing, h_missing, n_missing; /* left of every cut; 0 when missing goes right */
  double least_value_h;                   /* value bins left of a cut hold at least so much */
} Side;

/* Gains of all cuts; -1 where a cut is not allowed. n is h when the layout is narrow. */
static void fill_gains(const BoostRules *rules, const Side *side, const double *g, const double *h,
                       const double *n, int32_t whole, double *gain) {
  const double l2 = rules->l2, least_h = rules->least_h, least_n = rules->least_n;
  const Side s = *side;
  for (int32_t b = 0; b < whole; b++) {
    double g_left = g[b] + s.g_missing, h_left = h[b] + s.h_missing, n_left = n[b] + s.n_missing;
    double g_right = s.g - g_left, h_right = s.h - h_left, n_right = s.n - n_left;
    double value = boost_gain(g_left, h_left + l2, g_right, h_right + l2);
    int allowed = (h_left >= least_h) & (h_right >= least_h) & (n_left >= least_n) &
                  (n_right >= least_n) & (h[b] >= s.least_value_h);
    gain[b] = allowed ? value : -1;
  }
}

/* The same with l1, bounds and a slope. */
static void fill_gains_bound(const BoostRules *rules, const BoostNode *node, const Side *s,
                             const double *g, const double *h, const double *n, int32_t bins,
                             int slope, double *gain) {
  for (int32_t b = 0; b < bins; b++) {
    double g_left = g[b] + s->g_missing, h_left = h[b] + s->h_missing;
    double g_right = s->g - g_left, h_right = s->h - h_left, n_left = n[b] + s->n_missing;
    gain[b] = -1;
    if (h_left < rules->least_h || h_right < rules->least_h || n_left < rules->least_n ||
        s->n - n_left < rules->least_n || h[b] < s->least_value_h) {
      continue;
    }
    double left = boost_value(g_left, h_left, rules, node->low, node->high);
    double right = boost_value(g_right, h_right, rules, node->low, node->high);
    if ((slope > 0 && left > right) || (slope < 0 && left < right)) continue;
    double value =
        boost_score(g_left, h_left, left, rules) + boost_score(g_right, h_right, right, rules);
    gain[b] = value > 0 ? value : 0;
  }
}

/* The first of the largest. */
static int32_t largest(const double *gain, int32_t n) {
  double lane[LANES];
  for (int l = 0; l < LANES; l++) lane[l] = -1;
  int32_t b = 0;
  for (; b + LANES <= n; b += LANES) {
    for (int l = 0; l < LANES; l++) lane[l] = gain[b + l] > lane[l] ? gain[b + l] : lane[l];
  }
  double most = -1;
  for (int l = 0; l < LANES; l++) most = lane[l] > most ? lane[l] : most;
  for (; b < n; b++) most = gain[b] > most ? gain[b] : most;
  for (b = 0; b < n && gain[b] != most;) b++;
  return b < n ? b : n - 1;
}

/* Gains of one direction; the best cut. */
static int32_t search_side(const BoostLayout *layout, const BoostRules *rules,
                           const BoostNode *node, const Side *side, int32_t bins, int slope,
                           Prefix *p) {
  const double *n = layout->words == 1 ? p->h : p->n;
  if (rules->l1 > 0 || rules->slope) {
    fill_gains_bound(rules, node, side, p->g, p->h, n, bins, slope, p->gain);
  } else {
    fill_gains(rules, side, p->g, p->h, n, (bins + LANES - 1) / LANES * LANES, p->gain);
  }
  return largest(p->gain, bins);
}

static void sum_left(const BoostLayout *layout, const uint64_t *histogram, int32_t bin,
                     bool missing_left, uint64_t left[2]) {
  const int words = layout->words;
  left[0] = left[1] = 0;
  for (int w = 0; w < words; w++) {
    for (int32_t b = 0; b <= bin; b++) left[w] += histogram[b * words + w];
    if (missing_left) left[w] += histogram[BINS_MISSING * words + w];
  }
}

void boost_split_feature(const BoostLayout *layout, const BoostRules *rules, const BoostNode *node,
                         const uint64_t *histogram, int32_t bins, int32_t feature,
                         BoostSplit *best) {
  Prefix p;
  int slope = rules->slope ? rules->slope[feature] : 0;
  if (layout->words == 1) {
    prefix_narrow(histogram, bins, layout->shift, &p);
  } else {
    prefix_wide(histogram, bins, layout->shift, &p);
  }
  BoostSums sum = boost_unpack(layout, node->sum);
  BoostSums missing = boost_unpack(layout, histogram + BINS_MISSING * layout->words);
  Side side = {.g = (double)sum.g, .h = (double)sum.h, .n = (double)sum.n};
  int32_t bin = search_side(layout, rules, node, &side, bins, slope, &p);
  double gain = p.gain[bin];
  bool missing_left = false;
  if (missing.h > 0) {
    side.g_missing = (double)missing.g;
    side.h_missing = (double)missing.h;
    side.n_missing = (double)missing.n;
    side.least_value_h = 1;
    int32_t other = search_side(layout, rules, node, &side, bins, slope, &p);
    if (p.gain[other] > gain || (p.gain[other] == gain && other < bin)) {
      gain = p.gain[other];
      bin = other;
      missing_left = true;
    }
  }
  if (gain < 0) return;
  BoostSplit split = {.gain = gain, .feature = feature, .bin = bin, .missing_left = missing_left};
  if (!boost_split_better(&split, best)) return;
  sum_left(layout, histogram, bin, missing_left, split.left);
  *best = split;
}

static bool is_empty(const BoostLayout *layout, const uint64_t *histogram, int32_t bin) {
  return boost_unpack(layout, histogram + bin * layout->words).h == 0;
}

void boost_split_settle(const BoostLayout *layout, const BoostNode *node, const uint64_t *histogram,
                        int32_t bins, BoostSplit *split) {
  int32_t next = split->bin + 1;
  while (next < bins && is_empty(layout, histogram, next)) next++;
  split->bin = next == bins ? bins - 1 : split->bin + (next - split->bin - 1) / 2;
  if (!is_empty(layout, histogram, BINS_MISSING)) return;
  int64_t left = boost_unpack(layout, split->left).h;
  split->missing_left = 2 * left >= boost_unpack(layout, node->sum).h;
}
