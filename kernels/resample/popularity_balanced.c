/* popularity_balanced: rows of rare values of a number target count more, by standing more often.
 *
 * The target is cut into bins. With `balance` 1 each bin is to have the same number of rows, with 0
 * as many as it has, in between rows^(1 - balance), scaled to the rows that there were: rare bins
 * are repeated, at most `most` times, frequent ones thinned. */
#include <math.h>
#include <stdio.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"
#include "kernels/numeric/quantile.h"
#include "strata.h"

static const char *const methods[] = {"width", "quantile", NULL};
enum { WIDTH, QUANTILE };

typedef struct BalancedOptions {
  int64_t bins;
  int method;
  double balance;
  int64_t most;
} BalancedOptions;

static const Option rows[] = {
    OPTION_INTEGER(BalancedOptions, bins, "10", 2, 1000, "bins that the target is cut into"),
    OPTION_WORD(BalancedOptions, method, "\"width\"", methods,
                "width: bins as wide as each other between the least and the greatest training "
                "target; quantile: cut at quantiles, equal ones once (differs from nothing only "
                "where many rows share a value)"),
    OPTION_REAL(BalancedOptions, balance, "1", 0, 1,
                "1: bins get the same number of rows; 0: they keep theirs; in between: a bin of "
                "n rows gets a share that goes with n^(1 - balance)"),
    OPTION_INTEGER(BalancedOptions, most, "10", 1, 100000,
                   "how often a row may stand at most; bins whose rows would have to stand more "
                   "often stay smaller"),
    {0}};

typedef struct Edges {
  int64_t n;     /* bins */
  double *value; /* n + 1 ascending */
} Edges;

static void least_and_greatest_all(const Comm *comm, const TrainingData *data, double out[2]) {
  double both[2] = {-INFINITY, -INFINITY};
  for (int64_t i = 0; i < data->x->rows.n; i++) {
    both[0] = fmax(both[0], -data->target[i]);
    both[1] = fmax(both[1], data->target[i]);
  }
  comm_max_real_all(comm, both, 2);
  out[0] = -both[0];
  out[1] = both[1];
}

static Status find_edges_all(const Comm *comm, const TrainingData *data, const BalancedOptions *o,
                             Edges *out) {
  Status status = OK;
  double *q = NULL, ends[2];
  int64_t n = o->bins;
  AGREE(comm, training_check(data, TRAINING_WEIGHT_MOST));
  least_and_greatest_all(comm, data, ends);
  if (!(ends[0] < ends[1]))
    TRY(status_fail(INVALID, "all training targets are %g; there is nothing to balance", ends[0]));
  Status local = NEW(&q, n + 1);
  if (local == OK) local = NEW(&out->value, n + 1);
  AGREE(comm, local);
  for (int64_t b = 0; b <= n; b++) q[b] = (double)b / (double)n;
  if (o->method == QUANTILE)
    TRY(quantile_all(comm, data->target, NULL, data->x->rows.n, q, n + 1, out->value));
  else
    for (int64_t b = 0; b <= n; b++) out->value[b] = ends[0] * (1 - q[b]) + ends[1] * q[b];
  out->value[n] = ends[1];
  for (int64_t b = 1; b <= n; b++)
    if (out->value[b] > out->value[out->n]) out->value[++out->n] = out->value[b];
done:
  memory_free(&q);
  return status;
}

/* The bin of a value: the last whose lower edge is not above it. */
static Status find_bins(const TrainingData *data, const Edges *edges, int32_t **out) {
  Status status = OK;
  TRY(NEW_RAW(out, data->x->rows.n));
  for (int64_t i = 0; i < data->x->rows.n; i++) {
    int64_t low = 0, high = edges->n;
    while (high - low > 1) {
      int64_t middle = (low + high) / 2;
      if (data->target[i] >= edges->value[middle])
        low = middle;
      else
        high = middle;
    }
    (*out)[i] = (int32_t)low;
  }
done:
  return status;
}

static void find_sizes(const BalancedOptions *o, int64_t n_global, Strata *s) {
  double total = 0;
  for (int64_t b = 0; b < s->n; b++)
    if (s->before[b] > 0)
      total += elementary_exp((1 - o->balance) * elementary_log((double)s->before[b]));
  for (int64_t b = 0; b < s->n; b++) {
    if (s->before[b] == 0) continue;
    double share = elementary_exp((1 - o->balance) * elementary_log((double)s->before[b])) / total;
    int64_t wanted = (int64_t)rint(share * (double)n_global);
    if (wanted < 1) wanted = 1;
    s->after[b] = wanted < o->most * s->before[b] ? wanted : o->most * s->before[b];
  }
}

static const char *bin_name(const void *context, int64_t bin, char text[96]) {
  const Edges *edges = context;
  snprintf(text, 96, "%g to %g", edges->value[bin], edges->value[bin + 1]);
  return text;
}

static Status run_all(const Comm *comm, const TrainingData *data, const void *options,
                      Resampled *out, Summary *summary) {
  Status status = OK;
  const BalancedOptions *o = options;
  Edges edges = {0};
  Strata strata = {0};
  Draws draws = {0};
  int32_t *bins = NULL;
  TRY(find_edges_all(comm, data, o, &edges));
  Status local = find_bins(data, &edges, &bins);
  status = status_agree_all(comm, local);
  if (status != OK) memory_free(&bins);
  TRY(status);
  TRY(strata_init_all(comm, bins, data->x->rows.n, edges.n, &strata));
  AGREE(comm, draws_init(&draws, strata.rows));
  find_sizes(o, data->x->rows.n_global, &strata);
  strata_share(&strata, data->seed, "resample/share", &draws);
  TRY(draws_rows_all(comm, data, &draws, out));
  AGREE(comm, strata_tell(&strata, "target", bin_name, &edges, summary));
done:
  draws_clear(&draws);
  strata_clear(&strata);
  memory_free(&edges.value);
  return status;
}

extern const ResampleKind popularity_balanced_resample;
const ResampleKind popularity_balanced_resample = {
    .kind = {.name = "popularity_balanced",
             .help = "Repeats rows of rare target values and thins frequent ones.",
             .version = 1,
             .options_size = sizeof(BalancedOptions),
             .options = rows},
    .regression = true,
    .run_all = run_all};
