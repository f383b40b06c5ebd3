/* Weights: their distribution, their address; sums and intervals; sorting over ranks. */
#include "kernels/measure/bootstrap.h"

#include "kernels/numeric/fixed.h"
#include "kernels/measure/order.h"
#include "tests/measure/parts.h"

static const uint64_t seed = 11;

/* Frequencies of weights over many groups and lanes against Poisson(1), within 5 sigma. */
static void test_distribution(void) {
  enum { GROUPS = 20000, CHUNKS = 4 };
  double poisson[WEIGHT_MAX + 1], term = exp(-1);
  int64_t counts[256] = {0}, *ids = NULL, sum = 0, pairs = 0;
  for (int k = 0; k <= WEIGHT_MAX; k++, term /= k) poisson[k] = term;
  CHECK_OK(NEW(&ids, GROUPS));
  for (int64_t g = 0; g < GROUPS; g++) ids[g] = g * 3;
  Weights weights;
  CHECK_OK(weights_init(&weights, ids, GROUPS));
  Stream stream = random_stream(seed, "test", 0);
  for (int64_t c = 0; c < CHUNKS; c++) {
    weights_fill(&weights, &stream, c);
    for (int64_t i = 0; i < GROUPS * LANES; i++) counts[weights.lane[i]]++;
    for (int64_t i = 0; i < GROUPS * LANES; i++) sum += weights.lane[i];
    for (int64_t i = 0; i < GROUPS * LANES; i += 2) /* neighbours are independent */
      pairs += (weights.lane[i] - 1) * (weights.lane[i + 1] - 1);
  }
  double n = (double)GROUPS * LANES * CHUNKS;
  for (int k = 0; k <= WEIGHT_MAX; k++)
    CHECK_REAL((double)counts[k] / n, poisson[k], 5 * sqrt(poisson[k] / n) + 2.0 / 65536);
  CHECK_INTEGER(counts[WEIGHT_MAX + 1], 0);
  CHECK_REAL((double)sum / n, 1, 5 / sqrt(n));
  CHECK_REAL((double)pairs / (n / 2), 0, 5 / sqrt(n / 2));
  weights_clear(&weights);
  memory_free(&ids);
}

/* A group's weights are a function of its id: not of the other groups nor of the rows' order. */
static void test_address(void) {
  const int64_t many[] = {900, 5, 77, 5, 3, 900, 1LL << 60}, one[] = {77};
  Weights a, b;
  Stream stream = random_stream(seed, "test", 0), other = random_stream(seed + 1, "test", 0);
  CHECK_OK(weights_init(&a, many, 7));
  CHECK_OK(weights_init(&b, one, 1));
  CHECK_INTEGER(a.n_groups, 5);
  CHECK(a.index[1] == a.index[3] && a.index[0] == a.index[5] && a.index[0] != a.index[1]);
  weights_fill(&a, &stream, 2);
  weights_fill(&b, &stream, 2);
  CHECK(memcmp(weights_row(&a, 2), weights_row(&b, 0), LANES) == 0);
  CHECK(memcmp(weights_row(&a, 2), weights_row(&a, 1), LANES) != 0);
  weights_fill(&b, &other, 2);
  CHECK(memcmp(weights_row(&a, 2), weights_row(&b, 0), LANES) != 0);
  weights_fill(&b, &stream, 3);
  CHECK(memcmp(weights_row(&a, 2), weights_row(&b, 0), LANES) != 0);
  weights_clear(&a);
  weights_clear(&b);
}

/* Sums against the naive loop, at the largest values that the scale lets through. */
static void test_sums(void) {
  enum { N = 3000, M = 3 };
  int64_t ids[N], got[M][LANES] = {{0}}, *sums[M];
  static double values[N * M];
  double scale = bootstrap_scale(99.5, N);
  CHECK(99.5 * scale < 0x1p40 && 99.5 * scale * 2 >= 0x1p40);
  for (int64_t i = 0; i < N; i++) {
    ids[i] = i / 2;
    values[i * M] = rint(99.5 * scale);
    values[i * M + 1] = rint((double)(i % 199 - 99) * scale);
    values[i * M + 2] = i % 3 == 0;
  }
  for (int j = 0; j < M; j++) sums[j] = got[j];
  Weights weights;
  CHECK_OK(weights_init(&weights, ids, N));
  Stream stream = random_stream(seed, "test", 0);
  weights_fill(&weights, &stream, 0);
  bootstrap_sum(&weights, values, M, sums);
  for (int j = 0; j < M; j++)
    for (int l = 0; l < LANES; l++) {
      int64_t want = 0;
      for (int64_t i = 0; i < N; i++)
        want += weights_row(&weights, i)[l] * (int64_t)values[i * M + j];
      CHECK_INTEGER(got[j][l], want);
    }
  weights_clear(&weights);
}

static void test_interval(void) {
  double values[] = {5, NAN, 1, 3, 2, 4}, mostly[] = {NAN, NAN, 1}, none[1];
  Score score = {0};
  bootstrap_interval(values, 6, 0.5, &score);
  CHECK_REAL(score.low, 2, 1e-12);
  CHECK_REAL(score.high, 4, 1e-12);
  bootstrap_interval(mostly, 3, 0.5, &score);
  CHECK(isnan(score.low) && isnan(score.high));
  bootstrap_interval(none, 0, 0.5, &score);
  CHECK(isnan(score.low));
}

static void test_fixed(void) {
  CHECK_INTEGER(fixed_bits(0), 0);
  CHECK_INTEGER(fixed_bits(1), 1);
  CHECK_INTEGER(fixed_bits(1024), 11);
  CHECK_REAL(fixed_scale(0, 40), 1, 0);
  CHECK_REAL(fixed_scale(1, 40), 0x1p39, 0);
  CHECK(isfinite(fixed_scale(1e-310, 60)));
  Wide sum = {0};
  double scale = fixed_scale(8, WIDE_BITS), want = 0;
  for (int i = 0; i < 1000; i++) {
    double value = i % 2 ? -7.25 : 0.125 * i / 16;
    wide_add(&sum, value, scale);
    want += value;
  }
  CHECK_REAL(wide_value(&sum, scale), want, 0);
}

static int compare_items(const void *a, const void *b) {
  uint64_t x = ((const Item *)a)->key, y = ((const Item *)b)->key;
  return (x > y) - (x < y);
}

static void test_sort(int64_t n, uint64_t mask) {
  Item *items = NULL;
  uint64_t tags = 0;
  Stream stream = random_stream(seed, "sort", 0);
  CHECK_OK(NEW(&items, n));
  for (int64_t i = 0; i < n; i++)
    items[i] = (Item){random_bits(&stream, (uint64_t)i, 0) & mask, (uint64_t)i};
  CHECK_OK(order_sort(items, n));
  int64_t wrong = 0;
  for (int64_t i = 0; i < n; i++) {
    tags += items[i].tag;
    wrong += items[i].key != (random_bits(&stream, items[i].tag, 0) & mask);
    if (i == 0) continue;
    wrong += compare_items(&items[i - 1], &items[i]) > 0;
    wrong += items[i - 1].key == items[i].key && items[i - 1].tag >= items[i].tag; /* stable */
  }
  CHECK_INTEGER(wrong, 0);
  CHECK_INTEGER(tags, n * (n - 1) / 2);
  memory_free(&items);
}

/* Sorting over ranks keeps all items, equal keys on one rank, ranges in the order of ranks. */
static void test_share(int64_t n, uint64_t mask) {
  Comm comm = comm_world();
  Share share = share_of(&comm, n);
  Item *items = NULL;
  Stream stream = random_stream(seed, "share", 0);
  CHECK_OK(NEW(&items, share.n));
  for (int64_t i = 0; i < share.n; i++) {
    uint64_t row = (uint64_t)(share.begin + i);
    items[i] = (Item){random_bits(&stream, row, 0) & mask, row};
  }
  int64_t kept = share.n;
  CHECK_OK(order_share_all(&comm, &items, &kept));
  int64_t tags = 0, wrong = 0;
  for (int64_t i = 0; i < kept; i++) {
    tags += (int64_t)items[i].tag;
    wrong += items[i].key != (random_bits(&stream, items[i].tag, 0) & mask);
    wrong += i > 0 && items[i - 1].key > items[i].key;
  }
  CHECK_INTEGER(wrong, 0);
  CHECK_INTEGER(comm_sum_one_all(&comm, kept), n);
  CHECK_INTEGER(comm_sum_one_all(&comm, tags), n * (n - 1) / 2);
  uint64_t ends[2] = {kept > 0 ? items[0].key : 0, kept > 0 ? items[kept - 1].key : 0};
  uint64_t all[2 * 64], last = 0;
  int64_t counts[64];
  comm_allgather_all(&comm, ends, sizeof ends, all);
  comm_allgather_all(&comm, &kept, sizeof kept, counts);
  for (int r = 0, any = 0; r < comm.size; r++) {
    if (counts[r] == 0) continue;
    CHECK(!any || all[2 * r] > last);
    last = all[2 * r + 1];
    any = 1;
  }
  memory_free(&items);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  fprintf(stderr, "seed %d\n", (int)seed);
  test_distribution();
  test_address();
  test_sums();
  test_interval();
  test_fixed();
  const int64_t lengths[] = {0, 1, 2, 48, 49, 1000, 5000};
  for (int i = 0; i < 7; i++) {
    test_sort(lengths[i], UINT64_MAX);
    test_sort(lengths[i], 0xff00);
    test_share(lengths[i], UINT64_MAX);
    test_share(lengths[i], 3);
    test_share(lengths[i], 0);
  }
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("measure/bootstrap");
  MPI_Finalize();
  return failed;
}
