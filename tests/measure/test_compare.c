/* Paired comparisons: values as the measures give them, replicates as a plain sum over rows gives
 * them, signs, ties, the same bits on any share of rows, lack of memory. */
#include "kernels/measure/compare.h"

#include "kernels/base/fault.h"
#include "kernels/measure/bootstrap.h"
#include "tests/measure/parts.h"

enum { N = 240, CLASSES = 3, REPLICATES = 70 };

static const uint64_t SEED = 20;

typedef struct Data {
  double truth[N], value[2][N];          /* the first has the smaller errors */
  double label[2][N];                    /* of two and of three classes */
  double probability[2][2][N * CLASSES]; /* [classes - 2][which] */
  int64_t group[N];
} Data;

static double uniform(const Stream *stream, int64_t i, uint32_t draw) {
  return random_uniform(stream, (uint64_t)i, draw);
}

static void make_probability(const Stream *stream, int64_t i, int64_t k, double label, double skill,
                             uint32_t draw, double *out) {
  double sum = 0;
  for (int64_t c = 0; c < k; c++) {
    out[c] = floor(8 * uniform(stream, i, draw + (uint32_t)c)) / 8 + 0.1 + skill * (c == label);
    sum += out[c];
  }
  for (int64_t c = 0; c < k; c++) out[c] /= sum;
}

static void make(Data *data) {
  Stream stream = random_stream(SEED, "compare", 0);
  for (int64_t i = 0; i < N; i++) {
    double hard = 8 * (uniform(&stream, i, 0) - 0.5); /* hits both */
    data->group[i] = i / 3;
    data->truth[i] = 50 * uniform(&stream, i, 1);
    data->value[0][i] = data->truth[i] + hard;
    data->value[1][i] = data->truth[i] + hard + 3 * (uniform(&stream, i, 2) - 0.3);
    for (int64_t k = 2; k <= CLASSES; k++) {
      double label = floor((double)k * uniform(&stream, i, 2 + (uint32_t)k));
      data->label[k - 2][i] = label;
      make_probability(&stream, i, k, label, 1.2, 10 + 10 * (uint32_t)k,
                       data->probability[k - 2][0] + i * k);
      make_probability(&stream, i, k, label, 0.2, 50 + 10 * (uint32_t)k,
                       data->probability[k - 2][1] + i * k);
    }
  }
}

static MeasureOptions options_of(void) {
  MeasureOptions options = measure_options_default(5);
  options.replicates = REPLICATES;
  return options;
}

/* Rows of a share; k 0: values. */
static CompareRows rows_of_data(const Data *data, int64_t k, Share share) {
  int64_t at = share.begin;
  if (k == 0)
    return (CompareRows){.n = share.n,
                         .truth = data->truth + at,
                         .prediction = {data->value[0] + at, data->value[1] + at},
                         .group = data->group + at};
  return (CompareRows){
      .n = share.n,
      .n_classes = k,
      .truth = data->label[k - 2] + at,
      .prediction = {data->probability[k - 2][0] + at * k, data->probability[k - 2][1] + at * k},
      .group = data->group + at};
}

/* ---- as plain sums give it ---- */

static double plain_class(const double *p, int64_t k) {
  int64_t best = 0;
  for (int64_t c = 1; c < k; c++)
    if (p[c] > p[best]) best = c;
  return (double)best;
}

static double plain_ranking(CompareScore score, const double *label, const double *p, int64_t k,
                            int64_t class, const double *weight) {
  double wins = 0, pairs = 0, precision = 0, positives = 0;
  for (int64_t i = 0; i < N; i++) {
    double above = 0, hits = 0;
    if (label[i] != (double)class) continue;
    positives += weight[i];
    for (int64_t j = 0; j < N; j++) {
      double a = p[i * k + class], b = p[j * k + class];
      if (b >= a) above += weight[j];
      if (b >= a && label[j] == (double)class) hits += weight[j];
      if (label[j] == (double)class) continue;
      pairs += weight[i] * weight[j];
      wins += weight[i] * weight[j] * (a > b ? 1 : a == b ? 0.5 : 0);
    }
    if (above > 0) precision += weight[i] * hits / above;
  }
  return score == COMPARE_AUC ? wins / pairs : precision / positives;
}

static double plain_f1(const double *label, const double *p, int64_t k, int64_t class,
                       const double *weight) {
  double hit = 0, whole = 0;
  for (int64_t i = 0; i < N; i++) {
    bool predicted = plain_class(p + i * k, k) == (double)class, truly = label[i] == (double)class;
    hit += weight[i] * (predicted && truly);
    whole += weight[i] * (predicted + truly);
  }
  return whole > 0 ? 2 * hit / whole : 0;
}

static double plain(CompareScore score, const Data *data, int64_t k, int p, const double *weight) {
  double sum = 0, n = 0;
  const double *probability = k > 0 ? data->probability[k - 2][p] : NULL;
  const double *label = k > 0 ? data->label[k - 2] : NULL;
  if (score >= COMPARE_F1) {
    for (int64_t c = k == 2; c < k; c++)
      sum += score == COMPARE_F1 ? plain_f1(label, probability, k, c, weight)
                                 : plain_ranking(score, label, probability, k, c, weight);
    return sum / (double)(k == 2 ? 1 : k);
  }
  for (int64_t i = 0; i < N; i++) {
    double error = data->value[p][i] - data->truth[i], v = 0;
    if (score == COMPARE_RMSE) v = error * error;
    if (score == COMPARE_MAE) v = fabs(error);
    if (score == COMPARE_LOG_LOSS) v = -log(probability[i * k + (int64_t)label[i]]);
    if (score == COMPARE_ACCURACY) v = plain_class(probability + i * k, k) == label[i];
    sum += weight[i] * v;
    n += weight[i];
  }
  return score == COMPARE_RMSE ? sqrt(sum / n) : sum / n;
}

/* The interval and the share by one sum over rows a replicate. */
static void plain_comparison(CompareScore score, const Data *data, int64_t k, Comparison *out) {
  static double weight[N], difference[REPLICATES];
  MeasureOptions options = options_of();
  Weights weights;
  Stream stream = random_stream(options.seed, "measure/bootstrap", 0);
  CHECK_OK(weights_init(&weights, data->group, N));
  out->better = 0;
  for (int64_t r = 0; r < REPLICATES; r++) {
    if (r % LANES == 0) weights_fill(&weights, &stream, r / LANES);
    for (int64_t i = 0; i < N; i++) weight[i] = weights_row(&weights, i)[r % LANES];
    difference[r] = plain(score, data, k, 0, weight) - plain(score, data, k, 1, weight);
    double gain = compare_higher_better(score) ? difference[r] : -difference[r];
    out->better += (gain > 1e-12 ? 1 : gain > -1e-12 ? 0.5 : 0) / REPLICATES;
  }
  for (int64_t i = 0; i < N; i++) weight[i] = 1;
  for (int p = 0; p < 2; p++) out->value[p] = plain(score, data, k, p, weight);
  bootstrap_interval(difference, REPLICATES, options.confidence, &out->difference);
  weights_clear(&weights);
}

static void test_score(const Comm *comm, const Data *data, CompareScore score, int64_t k) {
  Comparison got, alone, want, other;
  MeasureOptions options = options_of();
  Comm self = comm_self();
  CompareRows mine = rows_of_data(data, k, share_of(comm, N));
  CompareRows all = rows_of_data(data, k, (Share){0, N});
  CHECK_OK(measure_compare_all(comm, &mine, score, &options, "held out", &got));
  CHECK_OK(measure_compare_all(&self, &all, score, &options, "held out", &alone));
  CHECK(memcmp(&got, &alone, sizeof got) == 0);
  plain_comparison(score, data, k, &want);
  CHECK_INTEGER(got.n, N);
  for (int p = 0; p < 2; p++) CHECK_REAL(got.value[p], want.value[p], 1e-12);
  CHECK_REAL(got.difference.value, got.value[0] - got.value[1], 0);
  CHECK_REAL(got.difference.low, want.difference.low, 1e-7);
  CHECK_REAL(got.difference.high, want.difference.high, 1e-7);
  CHECK_REAL(got.better, want.better, 1e-9);
  CHECK(got.better > 0.9);
  const double *swapped = mine.prediction[0];
  mine.prediction[0] = mine.prediction[1];
  mine.prediction[1] = swapped;
  CHECK_OK(measure_compare_all(comm, &mine, score, &options, "held out", &other));
  CHECK_REAL(other.difference.low, -got.difference.high, 1e-15);
  CHECK_REAL(other.better, 1 - got.better, 1e-12);
  mine.prediction[1] = mine.prediction[0];
  CHECK_OK(measure_compare_all(comm, &mine, score, &options, "held out", &other));
  CHECK_REAL(other.difference.low, 0, 0);
  CHECK_REAL(other.difference.high, 0, 0);
  CHECK_REAL(other.better, 0.5, 0);
}

/* Pairing is what makes the difference of two RMSEs certain: their own intervals overlap widely. */
static void test_pairing(const Comm *comm, const Data *data) {
  Comparison got;
  RegressionScores one;
  MeasureOptions options = options_of();
  CompareRows rows = rows_of_data(data, 0, share_of(comm, N));
  RegressionRows alone = {
      .n = rows.n, .truth = rows.truth, .prediction = rows.prediction[1], .group = rows.group};
  CHECK_OK(measure_compare_all(comm, &rows, COMPARE_RMSE, &options, "held out", &got));
  CHECK_OK(measure_regression_scores_all(comm, &alone, &options, "held out", &one));
  CHECK_REAL(got.value[1], one.rmse.value, 0);
  CHECK(got.difference.high < 0);
  CHECK(got.difference.high - got.difference.low < 0.9 * (one.rmse.high - one.rmse.low));
}

static void test_decision(const Comm *comm, const Data *data) {
  Comparison got;
  MeasureOptions options = options_of();
  CompareRows rows = rows_of_data(data, 2, share_of(comm, N));
  rows.prediction[1] = rows.prediction[0];
  rows.decision[0] = (Decision){true, 0};
  rows.decision[1] = (Decision){true, 1.5};
  CHECK_OK(measure_compare_all(comm, &rows, COMPARE_ACCURACY, &options, "held out", &got));
  CHECK_REAL(got.value[0] + got.value[1], 1, 1e-15); /* all of one class, all of the other */
  CHECK_OK(measure_compare_all(comm, &rows, COMPARE_F1, &options, "held out", &got));
  CHECK_REAL(got.value[1], 0, 0);
  CHECK_OK(measure_compare_all(comm, &rows, COMPARE_AUC, &options, "held out", &got));
  CHECK_REAL(got.difference.value, 0, 0);
}

static void test_unusual(const Comm *comm, const Data *data) {
  Comparison got;
  MeasureOptions options = options_of();
  CompareRows rows = rows_of_data(data, 0, share_of(comm, N));
  CHECK_INTEGER(measure_compare_all(comm, &rows, COMPARE_AUC, &options, "test", &got), INVALID);
  CHECK_MESSAGE("score: auc cannot be had of predicted values; rmse and mae can");
  rows = rows_of_data(data, 2, share_of(comm, N));
  CHECK_INTEGER(measure_compare_all(comm, &rows, COMPARE_MAE, &options, "test", &got), INVALID);
  CHECK_MESSAGE("score: mae cannot be had of predicted classes");
  rows.n = 0;
  CHECK_OK(measure_compare_all(comm, &rows, COMPARE_AUC, &options, "test", &got));
  CHECK_INTEGER(got.n, 0);
  CHECK(isnan(got.difference.value) && isnan(got.better));
  rows = rows_of_data(data, 2, share_of(comm, N));
  rows.group = NULL;
  CHECK_OK(measure_compare_all(comm, &rows, COMPARE_AUC, &options, "test", &got));
  CHECK(got.difference.value > 0 && isnan(got.difference.low) && isnan(got.better));
}

static void test_faults(const Comm *comm, const Data *data, CompareScore score, int64_t k) {
  int64_t balance = memory_balance();
  MeasureOptions options = options_of();
  CompareRows rows = rows_of_data(data, k, share_of(comm, N));
  for (int rank = 0; rank < comm->size; rank++) {
    bool more = true;
    for (int64_t nth = 1; more && nth < 2000; nth++) {
      Comparison got;
      fault_arm(FAULT_MEMORY, comm->rank == rank ? nth : 0, false);
      Status status = measure_compare_all(comm, &rows, score, &options, "test", &got);
      fault_arm(FAULT_MEMORY, 0, false);
      CHECK(status == OK || status == MEMORY);
      CHECK_INTEGER(comm_max_one_all(comm, status), status);
      CHECK_INTEGER(memory_balance(), balance);
      more = status != OK;
    }
    CHECK(!more);
  }
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm world = comm_world();
  static Data data;
  make(&data);
  for (int score = 0; score < COMPARE_SCORES; score++)
    for (int64_t k = compare_of_values((CompareScore)score) ? 0 : 2;
         k <= (compare_of_values((CompareScore)score) ? 0 : CLASSES); k++) {
      test_score(&world, &data, (CompareScore)score, k);
      test_faults(&world, &data, (CompareScore)score, k);
    }
  test_pairing(&world, &data);
  test_decision(&world, &data);
  test_unusual(&world, &data);
  if (check_failures > 0) fprintf(stderr, "seed %llu\n", (unsigned long long)SEED);
  int failed = check_report("compare");
  MPI_Finalize();
  return failed;
}
