/* Random numbers: published vectors of Philox, distributions, addresses, bias. */
#include "kernels/numeric/random.h"

#include <stdlib.h>

#include "kernels/base/memory.h"
#include "tests/check.h"

static void check_vector(uint32_t c0, uint32_t c1, uint32_t c2, uint32_t c3, uint32_t k0,
                         uint32_t k1, const uint32_t expected[4]) {
  uint32_t counter[4] = {c0, c1, c2, c3}, key[2] = {k0, k1};
  random_philox(counter, key);
  CHECK(memcmp(counter, expected, sizeof counter) == 0);
}

/* Known answers that Random123 publishes for philox4x32 with 10 rounds. */
static void test_vectors(void) {
  check_vector(0, 0, 0, 0, 0, 0, (uint32_t[]){0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  uint32_t ones = 0xffffffff;
  check_vector(ones, ones, ones, ones, ones, ones,
               (uint32_t[]){0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  check_vector(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0,
               (uint32_t[]){0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

static void test_addresses(void) {
  Stream a = random_stream(7, "forest/bootstrap", 0),
         again = random_stream(7, "forest/bootstrap", 0);
  Stream others[] = {random_stream(8, "forest/bootstrap", 0),
                     random_stream(7, "forest/features", 0),
                     random_stream(7, "forest/bootstrap", 1),
                     random_stream(7, "forest/bootstrap", UINT64_C(1) << 32)};
  CHECK(random_bits(&a, 5, 6) == random_bits(&again, 5, 6));
  for (size_t i = 0; i < 4; i++) CHECK(random_bits(&a, 5, 6) != random_bits(&others[i], 5, 6));
  CHECK(random_bits(&a, 5, 6) != random_bits(&a, 5, 7));
  CHECK(random_bits(&a, 5, 6) != random_bits(&a, 5, 8));
  CHECK(random_bits(&a, 5, 6) != random_bits(&a, 6, 6));
  CHECK(random_bits(&a, 5, 6) != random_bits(&a, 5 + (UINT64_C(1) << 32), 6));
}

static void test_uniform_and_normal(void) {
  Stream stream = random_stream(1, "test", 0);
  enum { N = 200000 };
  double sum = 0, square = 0, normal_sum = 0, normal_square = 0, normal_fourth = 0;
  int64_t beyond_two = 0, outside = 0, bits[64] = {0};
  for (uint64_t i = 0; i < N; i++) {
    double u = random_uniform(&stream, i, 0), z = random_normal(&stream, i, 1);
    uint64_t word = random_bits(&stream, i, 2);
    for (int b = 0; b < 64; b++) bits[b] += (int64_t)(word >> b & 1);
    outside += !(u >= 0 && u < 1);
    sum += u;
    square += u * u;
    normal_sum += z;
    normal_square += z * z;
    normal_fourth += z * z * z * z;
    beyond_two += fabs(z) > 2;
  }
  CHECK_INTEGER(outside, 0);
  CHECK_REAL(sum / N, 0.5, 0.003);
  CHECK_REAL(square / N, 1.0 / 3, 0.003);
  CHECK_REAL(normal_sum / N, 0, 0.01);
  CHECK_REAL(normal_square / N, 1, 0.015);
  CHECK_REAL(normal_fourth / N, 3, 0.12);
  CHECK_REAL((double)beyond_two / N, 0.0455, 0.002);
  for (int b = 0; b < 64; b++) CHECK_REAL((double)bits[b] / N, 0.5, 0.006);
}

/* The distribution function of a normal number gives back the uniform that it was made from. */
static void test_normal_inverse(void) {
  Stream stream = random_stream(2, "inverse", 0);
  double worst = 0, smallest = 1;
  for (uint64_t i = 0; i < 100000; i++) {
    double p = ((double)(random_bits(&stream, i, 0) >> 12) + 0.5) * 0x1p-52;
    double z = random_normal(&stream, i, 0);
    double tail = p < 0.5 ? p : 1 - p, back = 0.5 * erfc(fabs(z) * 0.70710678118654752440);
    worst = fmax(worst, fabs(back / tail - 1));
    smallest = fmin(smallest, tail);
    CHECK((z < 0) == (p < 0.5));
  }
  CHECK(smallest < 1e-4);
  CHECK_REAL(worst, 0, 2e-14);
}

static void test_integers(void) {
  Stream stream = random_stream(3, "integers", 0);
  int64_t counts[7] = {0};
  for (uint64_t i = 0; i < 70000; i++) {
    int64_t value = random_integer(&stream, i, 0, 7);
    CHECK(value >= 0 && value < 7);
    if (value >= 0 && value < 7) counts[value]++;
  }
  for (int v = 0; v < 7; v++) CHECK_REAL((double)counts[v], 10000, 500);
  CHECK_INTEGER(random_integer(&stream, 1, 0, 1), 0);
  /* A bound of 3/4 of 2^63 * 2 rejects often: thirds have to stay equal. */
  int64_t bound = INT64_C(3) << 61, thirds[3] = {0};
  for (uint64_t i = 0; i < 30000; i++)
    thirds[random_integer(&stream, i, 1, bound) / (INT64_C(1) << 61)]++;
  for (int t = 0; t < 3; t++) CHECK_REAL((double)thirds[t], 10000, 500);
}

static bool is_permutation(const int64_t *items, int64_t n) {
  int64_t sum = 0;
  char *seen = calloc((size_t)n + 1, 1);
  for (int64_t i = 0; i < n; i++)
    if (items[i] >= 0 && items[i] < n && !seen[items[i]]) sum += seen[items[i]] = 1;
  free(seen);
  return sum == n;
}

/* All 24 orders of four items come up equally often, stored or not. */
static void test_permutations(void) {
  int64_t items[600], stored[256] = {0}, walked[256] = {0};
  for (uint64_t trial = 0; trial < 24000; trial++) {
    Stream stream = random_stream(4, "permutation", trial);
    random_permutation(&stream, 9, 4, items);
    stored[items[0] * 64 + items[1] * 16 + items[2] * 4 + items[3]]++;
    for (int64_t i = 0; i < 4; i++) items[i] = random_permuted(&stream, i, 4);
    walked[items[0] * 64 + items[1] * 16 + items[2] * 4 + items[3]]++;
  }
  int orders = 0;
  for (int code = 0; code < 256; code++) {
    orders += stored[code] > 0;
    CHECK((stored[code] == 0) == (walked[code] == 0));
    if (stored[code] > 0) CHECK_REAL((double)stored[code], 1000, 160);
    if (walked[code] > 0) CHECK_REAL((double)walked[code], 1000, 160);
  }
  CHECK_INTEGER(orders, 24);
  Stream stream = random_stream(5, "permutation", 0);
  for (int64_t n = 1; n < 600; n += 7) {
    random_permutation(&stream, 0, n, items);
    CHECK(is_permutation(items, n));
    for (int64_t i = 0; i < n; i++) items[i] = random_permuted(&stream, i, n);
    CHECK(is_permutation(items, n));
  }
  int64_t far = random_permuted(&stream, INT64_C(1) << 40, INT64_C(1) << 41);
  CHECK(far >= 0 && far < INT64_C(1) << 41);
}

static void test_bootstrap(void) {
  enum { N = 1003 };
  int32_t counts[N], reference[N] = {0};
  Stream stream = random_stream(6, "bootstrap", 3);
  random_bootstrap(&stream, N, counts);
  int64_t sum = 0, left_out = 0;
  for (int64_t i = 0; i < N; i++)
    reference[random_integer(&stream, (uint64_t)i / 2, (uint32_t)i % 2, N)]++;
  for (int64_t i = 0; i < N; i++) {
    sum += counts[i];
    left_out += counts[i] == 0;
  }
  CHECK(memcmp(counts, reference, sizeof counts) == 0);
  CHECK_INTEGER(sum, N);
  CHECK_REAL((double)left_out / N, exp(-1), 0.05);
  random_bootstrap(&stream, 1, counts);
  CHECK_INTEGER(counts[0], 1);
  random_bootstrap(&stream, 0, counts);
}

static void check_subset(const int32_t *items, int64_t n, int64_t k) {
  bool ascending = true;
  for (int64_t i = 0; i < k; i++)
    ascending = ascending && items[i] >= (i > 0 ? items[i - 1] + 1 : 0) && items[i] < n;
  CHECK(ascending);
}

static void test_subsets(void) {
  Stream stream = random_stream(7, "subset", 0);
  int32_t items[3000];
  int64_t counts[64] = {0};
  int kinds = 0;
  for (uint64_t trial = 0; trial < 20000; trial++) {
    random_subset(&stream, trial, 6, 3, items);
    check_subset(items, 6, 3);
    counts[1 << items[0] | 1 << items[1] | 1 << items[2]]++;
  }
  for (int code = 0; code < 64; code++) {
    kinds += counts[code] > 0;
    if (counts[code] > 0) CHECK_REAL((double)counts[code], 1000, 160);
  }
  CHECK_INTEGER(kinds, 20);
  for (int64_t k = 0; k <= 3000; k += 250) {
    random_subset(&stream, 1, 3000, k, items);
    check_subset(items, 3000, k);
  }
  /* Many of many: every item is chosen equally often. */
  int64_t low = 0;
  for (uint64_t trial = 0; trial < 200; trial++) {
    random_subset(&stream, trial, 3000, 1500, items);
    for (int64_t i = 0; i < 1500; i++) low += items[i] < 1000;
  }
  CHECK_REAL((double)low / 200, 500, 6);
}

int main(void) {
  test_vectors();
  test_addresses();
  test_uniform_and_normal();
  test_normal_inverse();
  test_integers();
  test_permutations();
  test_bootstrap();
  test_subsets();
  CHECK_INTEGER(memory_balance(), 0);
  return check_report("numeric_random");
}
