/* The squared distance of two rows; see pair_distance.h. */
#include "pair_distance.h"

double pair_distance_squared(const double *a, int64_t step_a, const double *b, int64_t step_b,
                             int64_t d) {
  double sum[PAIR_LANES] = {0};
  for (int64_t j = 0; j < d; j++) {
    double difference = a[j * step_a] - b[j * step_b];
    sum[j % PAIR_LANES] += difference * difference;
  }
  return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}
