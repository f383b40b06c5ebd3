/* AUC and average precision; see ranking.h.
 *
 * Method. Rows are brought into the order of descending score, each rank a range of scores, equal
 * scores on one rank. With "above" the positives at higher scores, and p, q the positives and
 * negatives at one score, twice the Mann-Whitney statistic is the sum of q (2 above + p): whole
 * numbers, so neither the cut into ranges nor ties leave a trace. A rank needs only the counts of
 * the ranks before it. Average precision is a sum of p x precision: added exactly
 * (numeric/exact.h), or for replicates with precision rounded to 2^-30.
 *
 * Replicates reuse the order: a chunk of LANES replicates is one sweep over the rows with a count
 * per lane. Rejected: sorting per replicate (200 sorts), and trapezia over thresholds in floating
 * point (order of addition). */
#include "ranking.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/fixed.h"
#include "kernels/numeric/exact.h"
#include "kernels/numeric/quantile.h"

static int64_t positive(const Item *item) { return (int64_t)(item->tag & 1); }

/* Rows to items. The tag holds the group's index where the weights of the rows as they are will
 * serve, else the group's id, which means the same on any rank. */
static Status make_items(const RankingRows *rows, bool stay, Item **items) {
  Status status = OK;
  TRY(NEW(items, rows->n));
  for (int64_t i = 0; i < rows->n; i++) {
    uint64_t group = 0;
    if (rows->weights) group = (uint64_t)(stay ? rows->weights->index[i] : rows->group[i]);
    uint64_t key = ~quantile_key(rows->score[rows->at[i] * rows->stride]);
    (*items)[i] = (Item){key, group << 1 | (rows->class[i] == rows->positive)};
  }
done:
  return status;
}

/* Groups of the rows that came here; tags then hold indices. */
static Status adopt_groups(Ranking *ranking) {
  Status status = OK;
  int64_t *ids = NULL;
  TRY(NEW(&ids, ranking->n));
  for (int64_t i = 0; i < ranking->n; i++) ids[i] = (int64_t)(ranking->items[i].tag >> 1);
  TRY(weights_init(&ranking->own, ids, ranking->n));
  for (int64_t i = 0; i < ranking->n; i++)
    ranking->items[i].tag = (uint64_t)ranking->own.index[i] << 1 | (ranking->items[i].tag & 1);
  ranking->weights = &ranking->own;
done:
  memory_free(&ids);
  return status;
}

Status ranking_init_all(const Comm *comm, const RankingRows *rows, Ranking *ranking) {
  Status status = OK;
  bool stay = comm->size == 1;
  *ranking = (Ranking){.n = rows->n, .weights = stay ? rows->weights : NULL};
  AGREE(comm, make_items(rows, stay, &ranking->items));
  TRY(order_share_all(comm, &ranking->items, &ranking->n));
  if (rows->weights && !stay) AGREE(comm, adopt_groups(ranking));
  int64_t counts[2] = {ranking->n, 0};
  for (int64_t i = 0; i < ranking->n; i++) counts[1] += positive(&ranking->items[i]);
  comm_sum_all(comm, counts, 2);
  ranking->n_global = counts[0];
  ranking->positives = counts[1];
  ranking->negatives = counts[0] - counts[1];
done:
  return status;
}

void ranking_clear(Ranking *ranking) {
  memory_free(&ranking->items);
  weights_clear(&ranking->own);
  *ranking = (Ranking){0};
}

/* End of the run of equal scores that begins at i. */
static int64_t run_end(const Ranking *ranking, int64_t i) {
  uint64_t key = ranking->items[i].key;
  do i++;
  while (i < ranking->n && ranking->items[i].key == key);
  return i;
}

void ranking_measure_all(const Comm *comm, const Ranking *ranking, double *auc,
                         double *average_precision) {
  int64_t mine = 0;
  for (int64_t i = 0; i < ranking->n; i++) mine += positive(&ranking->items[i]);
  int64_t above = comm_exscan_all(comm, mine), rows = comm_exscan_all(comm, ranking->n);
  int64_t wins = 0;
  Exact sum;
  exact_init(&sum);
  for (int64_t i = 0; i < ranking->n;) {
    int64_t end = run_end(ranking, i), positives = 0;
    for (int64_t at = i; at < end; at++) positives += positive(&ranking->items[at]);
    wins += (end - i - positives) * (2 * above + positives);
    above += positives;
    rows += end - i;
    if (positives > 0) exact_add_product(&sum, (double)above / (double)rows, (double)positives);
    i = end;
  }
  wins = comm_sum_one_all(comm, wins);
  exact_join_all(comm, &sum, 1);
  double p = (double)ranking->positives, q = (double)ranking->negatives;
  *auc = p > 0 && q > 0 ? (double)wins / (2 * p * q) : NAN;
  *average_precision = p > 0 ? exact_round(&sum) / p : NAN;
}

/* Precision is rounded to this; sums of it, weighted, stay whole numbers below 2^53. */
static double precision_scale(int64_t n_global) {
  int room = 49 - fixed_bits(n_global);
  return ldexp(1, room < 30 ? room : 30);
}

static void look_ahead(const Ranking *ranking, int64_t i) {
  if (i + AHEAD < ranking->n)
    weights_ahead(ranking->weights, (int64_t)(ranking->items[i + AHEAD].tag >> 1));
}

/* This rank's weighted counts: positives, then negatives. */
static void count_lanes(const Ranking *ranking, int64_t *counts) {
  uint32_t sum[2][LANES] = {{0}};
  for (int64_t i = 0; i < ranking->n; i++) {
    uint64_t tag = ranking->items[i].tag;
    look_ahead(ranking, i);
    const uint8_t *weight = ranking->weights->lane + (tag >> 1) * LANES;
    uint32_t *into = sum[!(tag & 1)];
    for (int l = 0; l < LANES; l++) into[l] += weight[l];
  }
  for (int l = 0; l < LANES; l++) {
    counts[l] = sum[0][l];
    counts[LANES + l] = sum[1][l];
  }
}

/* Counts per lane while rows go by: positives and rows at higher scores, then at this score. */
typedef struct Sweep {
  uint32_t above[LANES], rows[LANES];
  uint32_t positives[LANES], negatives[LANES];
  int64_t wins[LANES];
  double precision[LANES];
} Sweep;

/* The run of equal scores is over. */
static void finish_run(Sweep *sweep, bool any_positive, bool any_negative, double scale) {
  for (int l = 0; any_negative && l < LANES; l++) {
    uint32_t beaten = 2 * sweep->above[l] + sweep->positives[l];
    sweep->wins[l] += (int64_t)((uint64_t)sweep->negatives[l] * beaten);
    sweep->rows[l] += sweep->negatives[l];
    sweep->negatives[l] = 0;
  }
  if (!any_positive) return;
  for (int l = 0; l < LANES; l++) {
    sweep->above[l] += sweep->positives[l];
    sweep->rows[l] += sweep->positives[l];
    double rows = sweep->rows[l] > 0 ? (double)(int32_t)sweep->rows[l] : 1;
    double precision = (double)(int32_t)sweep->above[l] / rows;
    sweep->precision[l] += rint(precision * scale) * (double)(int32_t)sweep->positives[l];
    sweep->positives[l] = 0;
  }
}

static void sweep_rows(const Ranking *ranking, Sweep *sweep, double scale) {
  for (int64_t i = 0; i < ranking->n;) {
    int64_t end = run_end(ranking, i);
    bool any[2] = {false, false};
    for (; i < end; i++) {
      uint64_t tag = ranking->items[i].tag;
      look_ahead(ranking, i);
      const uint8_t *weight = ranking->weights->lane + (tag >> 1) * LANES;
      uint32_t *into = tag & 1 ? sweep->positives : sweep->negatives;
      for (int l = 0; l < LANES; l++) into[l] += weight[l];
      any[tag & 1] = true;
    }
    finish_run(sweep, any[1], any[0], scale);
  }
}

/* counts  of all ranks, `stride` apart: positives and negatives per lane. */
static void replicate_one(const Comm *comm, const Ranking *ranking, const int64_t *counts,
                          int64_t stride, RankingSums *sums) {
  Sweep sweep;
  memset(&sweep, 0, sizeof sweep);
  const int64_t *mine = counts + comm->rank * stride;
  for (int r = 0; r < comm->rank; r++) {
    const int64_t *of = counts + r * stride;
    for (int l = 0; l < LANES; l++) {
      sweep.above[l] += (uint32_t)of[l];
      sweep.rows[l] += (uint32_t)(of[l] + of[LANES + l]);
    }
  }
  sweep_rows(ranking, &sweep, precision_scale(ranking->n_global));
  for (int l = 0; l < LANES; l++) {
    sums->of[RANKING_POSITIVES][l] = mine[l];
    sums->of[RANKING_NEGATIVES][l] = mine[LANES + l];
    sums->of[RANKING_WINS][l] = sweep.wins[l];
    sums->of[RANKING_PRECISION][l] = (int64_t)sweep.precision[l];
  }
}

Status ranking_replicate_all(const Comm *comm, Ranking *rankings, int64_t n, const Stream *stream,
                             int64_t chunk, RankingSums *sums) {
  Status status = OK;
  int64_t *mine = NULL, *all = NULL;
  int64_t stride = n * 2 * LANES;
  Status local = NEW(&mine, stride);
  if (local == OK) local = NEW(&all, stride * comm->size);
  AGREE(comm, local);
  for (int64_t p = 0; p < n; p++) {
    if (rankings[p].weights == &rankings[p].own) weights_fill(&rankings[p].own, stream, chunk);
    count_lanes(&rankings[p], mine + p * 2 * LANES);
  }
  comm_allgather_all(comm, mine, (size_t)stride * sizeof *mine, all);
  for (int64_t p = 0; p < n; p++)
    replicate_one(comm, &rankings[p], all + p * 2 * LANES, stride, &sums[p]);
done:
  memory_free(&mine);
  memory_free(&all);
  return status;
}

void ranking_value(const Ranking *ranking, const RankingSums *sums, int lane, double *auc,
                   double *average_precision) {
  double p = (double)sums->of[RANKING_POSITIVES][lane];
  double q = (double)sums->of[RANKING_NEGATIVES][lane];
  double precision = (double)sums->of[RANKING_PRECISION][lane];
  *auc = p > 0 && q > 0 ? (double)sums->of[RANKING_WINS][lane] / (2 * p * q) : NAN;
  *average_precision = p > 0 ? precision / precision_scale(ranking->n_global) / p : NAN;
}
