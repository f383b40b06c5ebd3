/* Reliability of probabilities; see reliability.h. */
#include "reliability.h"

#include <math.h>

#include "kernels/numeric/exact.h"

/* Of one row: the probability that is judged, whether it came true, the squared error. */
static double judge(const CalibrationRows *rows, int64_t i, bool *true_so, double *square) {
  int64_t k = rows->n_classes, truth = (int64_t)rows->truth[i], best = 0;
  const double *p = rows->probability + i * k;
  if (k == 2) {
    *true_so = truth == 1;
    *square = (p[1] - *true_so) * (p[1] - *true_so);
    return p[1];
  }
  *square = 0;
  for (int64_t c = 0; c < k; c++) {
    *square += (p[c] - (c == truth)) * (p[c] - (c == truth));
    if (p[c] > p[best]) best = c;
  }
  *true_so = best == truth;
  return p[best];
}

/* A value at a border belongs to the bin below. */
static int64_t bin_of(double p, int64_t bins) {
  int64_t bin = 0;
  while (bin < bins - 1 && p > (double)(bin + 1) * (1 / (double)bins)) bin++;
  return bin;
}

void reliability_all(const Comm *comm, const CalibrationRows *rows, int64_t bins,
                     Reliability *out) {
  Exact sums[RELIABILITY_MOST_BINS + 1]; /* of probabilities by bin; last: of squared errors */
  int64_t counts[2 * RELIABILITY_MOST_BINS] = {0}; /* rows, those that came true */
  *out = (Reliability){.bins = bins, .brier = NAN, .calibration_error = NAN};
  for (int64_t b = 0; b <= bins; b++) exact_init(&sums[b]);
  for (int64_t i = 0; i < rows->n; i++) {
    bool true_so;
    double square;
    if (rows->where && !rows->where[i]) continue;
    double p = judge(rows, i, &true_so, &square);
    int64_t b = bin_of(p, bins);
    exact_add(&sums[b], p);
    exact_add(&sums[bins], square);
    counts[b]++;
    counts[bins + b] += true_so;
  }
  exact_join_all(comm, sums, bins + 1);
  comm_sum_all(comm, counts, 2 * bins);
  for (int64_t b = 0; b < bins; b++) out->n += counts[b];
  double error = 0, n = (double)out->n;
  for (int64_t b = 0; b < bins; b++) {
    double of = (double)counts[b];
    out->rows[b] = counts[b];
    out->predicted[b] = of > 0 ? exact_round(&sums[b]) / of : NAN;
    out->observed[b] = of > 0 ? (double)counts[bins + b] / of : NAN;
    if (of > 0) error += of * fabs(out->predicted[b] - out->observed[b]);
  }
  if (out->n == 0) return;
  out->calibration_error = error / n;
  out->brier = exact_round(&sums[bins]) / n;
}
