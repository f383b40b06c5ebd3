/* AUC and average precision against naive definitions, with ties, weights and ranks. */
#include "kernels/measure/ranking.h"

#include "tests/measure/parts.h"

static const uint64_t seed = 23;

typedef struct Data {
  int64_t n;
  double *score;
  int32_t *class;
  int64_t *group, *at;
} Data;

static void make_data(Data *data, int64_t n, int levels, double share) {
  Stream stream = random_stream(seed, "ranking", (uint64_t)levels);
  data->n = n;
  CHECK_OK(NEW(&data->score, n));
  CHECK_OK(NEW(&data->class, n));
  CHECK_OK(NEW(&data->group, n));
  CHECK_OK(NEW(&data->at, n));
  for (int64_t i = 0; i < n; i++) {
    data->class[i] = random_uniform(&stream, (uint64_t)i, 0) < share;
    double score = 0.6 * random_uniform(&stream, (uint64_t)i, 1) + 0.3 * data->class[i] - 0.2;
    data->score[i] = levels > 0 ? floor(score * levels) / levels : score;
    data->group[i] = random_integer(&stream, (uint64_t)i, 2, n / 2 + 1) * 17;
    data->at[i] = i;
  }
}

static void free_data(Data *data) {
  memory_free(&data->score);
  memory_free(&data->class);
  memory_free(&data->group);
  memory_free(&data->at);
}

/* By all pairs, and by all thresholds. weight NULL: all 1. */
static void naive(const Data *data, const double *weight, double *auc, double *average) {
  double wins = 0, p = 0, q = 0, sum = 0;
  for (int64_t i = 0; i < data->n; i++) *(data->class[i] ? &p : &q) += weight ? weight[i] : 1;
  for (int64_t i = 0; i < data->n; i++) {
    if (!data->class[i]) continue;
    double above = 0, hits = 0, mine = weight ? weight[i] : 1;
    for (int64_t j = 0; j < data->n; j++) {
      double other = weight ? weight[j] : 1;
      if (data->score[j] >= data->score[i]) above += other;
      if (data->score[j] >= data->score[i] && data->class[j]) hits += other;
      if (data->class[j]) continue;
      if (data->score[j] < data->score[i]) wins += mine * other;
      if (data->score[j] == data->score[i]) wins += mine * other / 2;
    }
    if (mine > 0) sum += mine * hits / above;
  }
  *auc = p > 0 && q > 0 ? wins / (p * q) : NAN;
  *average = p > 0 ? sum / p : NAN;
}

static RankingRows rows_of_share(const Data *data, Share share, const Weights *weights) {
  return (RankingRows){.n = share.n,
                       .score = data->score + share.begin,
                       .at = data->at,
                       .stride = 1,
                       .class = data->class + share.begin,
                       .positive = 1,
                       .group = data->group + share.begin,
                       .weights = weights};
}

static void check_points(const Comm *comm, const Data *data) {
  double auc, average, want_auc, want_average;
  Ranking ranking;
  RankingRows rows = rows_of_share(data, share_of(comm, data->n), NULL);
  CHECK_OK(ranking_init_all(comm, &rows, &ranking));
  ranking_measure_all(comm, &ranking, &auc, &average);
  naive(data, NULL, &want_auc, &want_average);
  CHECK_REAL(auc, want_auc, 1e-13);
  CHECK_REAL(average, want_average, 1e-13);
  ranking_clear(&ranking);
}

/* Each lane of a chunk against the naive definitions with the lane's weights. */
static void check_replicates(const Comm *comm, const Data *data, int64_t chunk) {
  Share share = share_of(comm, data->n);
  Stream stream = random_stream(seed, "weights", 0);
  Weights mine, all;
  Ranking ranking;
  RankingSums sums;
  double *weight = NULL;
  CHECK_OK(weights_init(&mine, data->group + share.begin, share.n));
  CHECK_OK(weights_init(&all, data->group, data->n));
  CHECK_OK(NEW(&weight, data->n));
  RankingRows rows = rows_of_share(data, share, &mine);
  CHECK_OK(ranking_init_all(comm, &rows, &ranking));
  weights_fill(&mine, &stream, chunk);
  weights_fill(&all, &stream, chunk);
  CHECK_OK(ranking_replicate_all(comm, &ranking, 1, &stream, chunk, &sums));
  comm_sum_all(comm, (int64_t *)&sums, RANKING_SUMS * LANES);
  for (int l = 0; l < LANES; l++) {
    double auc, average, want_auc, want_average;
    for (int64_t i = 0; i < data->n; i++) weight[i] = weights_row(&all, i)[l];
    naive(data, weight, &want_auc, &want_average);
    ranking_value(&ranking, &sums, l, &auc, &average);
    CHECK_REAL(auc, want_auc, 1e-13);
    CHECK_REAL(average, want_average, 1e-8);
  }
  ranking_clear(&ranking);
  weights_clear(&mine);
  weights_clear(&all);
  memory_free(&weight);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm comm = comm_world();
  fprintf(stderr, "seed %d\n", (int)seed);
  const int64_t lengths[] = {1, 2, 5, 60, 300};
  const int levels[] = {0, 1, 7, 40};
  for (int i = 0; i < 5; i++)
    for (int j = 0; j < 4; j++) {
      Data data;
      make_data(&data, lengths[i], levels[j], j == 2 ? 0.05 : 0.4);
      check_points(&comm, &data);
      check_replicates(&comm, &data, j);
      free_data(&data);
    }
  CHECK_INTEGER(memory_balance(), 0);
  int failed = check_report("measure/ranking");
  MPI_Finalize();
  return failed;
}
