/* Losses of boosting; see boost_loss.h.
 *
 * exp and log are our own (numeric/elementary.h), so that gradients, and with them every split,
 * have the same bits wherever they are computed. Means of losses are sums of whole numbers. */
#include "boost_loss.h"

#include <math.h>
#include <string.h>

#include "boost_quantile.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"
#include "kernels/numeric/exact.h"
#include "kernels/numeric/fixed.h"
#include "kernels/numeric/quantile.h"

enum {
  UNIT_BITS = 29,      /* of the range of a regression's raw values in 32 bits of a leaf */
  WEIGHT_BITS = 22,    /* of the largest weight where quantiles are taken */
  LINK_UNIT_BITS = 24, /* raw values of the other losses: units of 2^-24, leaves within +-128 */
};
static const double LOSS_MOST = 0x1p20, LOSS_SCALE = 0x1p40;
/* Smallest probability that a log is taken of. */
static const double TINY = 0x1p-100;

static double weight_of(const BoostTargets *rows, int64_t i) {
  return rows->weight ? rows->weight[i] : 1;
}

/* Sums of weights, and of weights times targets. Collective. */
static Status sums_all(const Comm *comm, const BoostTargets *rows, double *weight, double *target) {
  Status status = OK;
  Exact *sum = NULL;
  AGREE(comm, NEW(&sum, 2));
  for (int k = 0; k < 2; k++) exact_init(&sum[k]);
  for (int64_t i = 0; i < rows->n; i++) {
    exact_add(&sum[0], weight_of(rows, i));
    exact_add_product(&sum[1], weight_of(rows, i), rows->target[i]);
  }
  exact_join_all(comm, sum, 2);
  *weight = exact_round(&sum[0]);
  *target = exact_round(&sum[1]);
done:
  memory_free(&sum);
  return status;
}

/* Weights of classes into base[k], which become logs of their shares. A class without rows counts
 * as half a row, so that logs are finite. Collective. */
static Status class_bases_all(const Comm *comm, const BoostTargets *rows, BoostLoss *loss) {
  Status status = OK;
  int64_t classes = loss->objective == BOOST_LOGISTIC ? 2 : loss->outputs;
  Exact *sum = NULL;
  double *share = NULL, total = 0;
  Status local = NEW(&sum, classes);
  if (local == OK) local = NEW(&share, classes);
  AGREE(comm, local);
  for (int64_t k = 0; k < classes; k++) exact_init(&sum[k]);
  for (int64_t i = 0; i < rows->n; i++) {
    exact_add(&sum[(int64_t)rows->target[i]], weight_of(rows, i));
  }
  exact_join_all(comm, sum, classes);
  for (int64_t k = 0; k < classes; k++) {
    share[k] = fmax(exact_round(&sum[k]), 0.5);
    total += share[k];
  }
  for (int64_t k = 0; k < classes; k++) share[k] = elementary_log(share[k] / total);
  if (classes > loss->outputs) {
    loss->base[0] = share[1] - share[0];
  } else {
    memcpy(loss->base, share, (size_t)classes * sizeof *share);
  }
done:
  memory_free(&sum);
  memory_free(&share);
  return status;
}

int64_t boost_loss_weight(double weight, double most) {
  return (int64_t)fmax(1, rint(weight * fixed_scale(most, WEIGHT_BITS)));
}

/* The quantile of the targets. Collective. */
static Status quantile_base_all(const Comm *comm, const BoostTargets *rows, BoostLoss *loss) {
  Status status = OK;
  int64_t begin[2] = {0, rows->n};
  double most = 0;
  BoostItems items = {.groups = 1, .begin = begin};
  Status local = NEW(&items.key, rows->n);
  if (local == OK) local = NEW(&items.weight, rows->n);
  AGREE(comm, local);
  for (int64_t i = 0; i < rows->n; i++) most = fmax(most, weight_of(rows, i));
  comm_max_real_all(comm, &most, 1);
  for (int64_t i = 0; i < rows->n; i++) {
    items.key[i] = quantile_key(rows->target[i]);
    items.weight[i] = boost_loss_weight(weight_of(rows, i), most);
  }
  TRY(boost_quantiles_all(comm, &items, loss->alpha, loss->base));
done:
  memory_free(&items.key);
  memory_free(&items.weight);
  return status;
}

static Status regression_base_all(const Comm *comm, const BoostTargets *rows, BoostLoss *loss) {
  Status status = OK;
  double weight = 0, target = 0, ends[2] = {-INFINITY, -INFINITY}; /* -min, max */
  TRY(sums_all(comm, rows, &weight, &target));
  for (int64_t i = 0; i < rows->n; i++) {
    ends[0] = fmax(ends[0], -rows->target[i]);
    ends[1] = fmax(ends[1], rows->target[i]);
  }
  comm_max_real_all(comm, ends, 2);
  double mean = target / weight;
  if (loss->objective == BOOST_POISSON) {
    if (ends[0] > 0) {
      return status_fail(
          INVALID, "target: the least value is %g; poisson needs counts of at least 0", -ends[0]);
    }
    loss->base[0] = elementary_log(mean > 0 ? mean : TINY);
    return OK;
  }
  loss->base[0] = mean;
  if (boost_loss_renews(loss)) TRY(quantile_base_all(comm, rows, loss));
  loss->range = fmax(ends[0] + loss->base[0], ends[1] - loss->base[0]);
  if (!isfinite(loss->range)) {
    return status_fail(NUMERIC, "target: values from %g to %g are too far apart", -ends[0],
                       ends[1]);
  }
  if (!(loss->range > 0x1p-900)) loss->range = 1;
  loss->unit = 1 / fixed_scale(loss->range, UNIT_BITS);
done:
  return status;
}

Status boost_loss_begin_all(const Comm *comm, const BoostTargets *rows, BoostLoss *loss) {
  Status status = OK;
  AGREE(comm, NEW(&loss->base, loss->outputs));
  loss->unit = ldexp(1, -LINK_UNIT_BITS);
  loss->range = 1;
  if (loss->objective == BOOST_LOGISTIC || loss->objective == BOOST_SOFTMAX) {
    TRY(class_bases_all(comm, rows, loss));
  } else {
    TRY(regression_base_all(comm, rows, loss));
  }
done:
  return status;
}

void boost_loss_clear(BoostLoss *loss) { memory_free(&loss->base); }

void boost_loss_log_sums(const BoostLoss *loss, const double *level, int64_t stride, int64_t n,
                         double *log_sum) {
  enum { BLOCK = 256 };
  double most[BLOCK], sum[BLOCK];
  for (int64_t from = 0; from < n; from += BLOCK) {
    int64_t m = n - from < BLOCK ? n - from : BLOCK;
    for (int64_t i = 0; i < m; i++) most[i] = -INFINITY, sum[i] = 0;
    for (int64_t k = 0; k < loss->outputs; k++) {
      const double *own = level + k * stride + from, base = loss->base[k], unit = loss->unit;
      for (int64_t i = 0; i < m; i++) {
        double raw = base + unit * own[i];
        most[i] = raw > most[i] ? raw : most[i];
      }
    }
    for (int64_t k = 0; k < loss->outputs; k++) {
      const double *own = level + k * stride + from, base = loss->base[k], unit = loss->unit;
      for (int64_t i = 0; i < m; i++) sum[i] += elementary_exp(base + unit * own[i] - most[i]);
    }
    for (int64_t i = 0; i < m; i++) log_sum[from + i] = most[i] + elementary_log(sum[i]);
  }
}

void boost_loss_gradients(const BoostLoss *loss, const double *target, const double *level,
                          int64_t stride, const double *log_sum, int64_t n, int64_t k, double *g,
                          double *h) {
  const double base = loss->base[k], unit = loss->unit, class = (double)k;
  const double *own = level + k * stride;
  switch (loss->objective) {
    case BOOST_SQUARED:
      for (int64_t i = 0; i < n; i++) g[i] = base + unit * own[i] - target[i];
      for (int64_t i = 0; h && i < n; i++) h[i] = 1;
      break;
    case BOOST_LOGISTIC:
      for (int64_t i = 0; i < n; i++) {
        double p = 1 / (1 + elementary_exp(-(base + unit * own[i])));
        g[i] = p - target[i];
        h[i] = p * (1 - p);
      }
      break;
    case BOOST_SOFTMAX:
      for (int64_t i = 0; i < n; i++) {
        double p = elementary_exp(base + unit * own[i] - log_sum[i]);
        g[i] = p - (target[i] == class ? 1 : 0);
        h[i] = p * (1 - p);
      }
      break;
    case BOOST_ABSOLUTE:
    case BOOST_QUANTILE: {
      const double above = loss->objective == BOOST_ABSOLUTE ? 1 : 1 - loss->alpha;
      const double below = loss->objective == BOOST_ABSOLUTE ? 1 : loss->alpha;
      for (int64_t i = 0; i < n; i++) {
        double off = base + unit * own[i] - target[i];
        g[i] = off > 0 ? above : off < 0 ? -below : 0;
      }
      for (int64_t i = 0; h && i < n; i++) h[i] = 1;
      break;
    }
    case BOOST_POISSON:
      for (int64_t i = 0; i < n; i++) {
        double mean = elementary_exp(base + unit * own[i]);
        g[i] = mean - target[i];
        h[i] = mean;
      }
      break;
  }
}

/* Log of 1 + e^x without loss for large x. */
static double log_one_plus_exp(double x) {
  double size = fabs(x);
  return (x > 0 ? x : 0) + elementary_log(1 + elementary_exp(-size));
}

/* Loss of one row, at least 0, in units where typical ones are about 1. */
static double row_loss(const BoostLoss *loss, double y, const double *level, int64_t stride) {
  double raw = loss->base[0] + loss->unit * level[0];
  switch (loss->objective) {
    case BOOST_SQUARED: {
      double r = (raw - y) / loss->range;
      return r * r;
    }
    case BOOST_ABSOLUTE: return fabs(raw - y) / loss->range;
    case BOOST_QUANTILE:
      return (raw < y ? loss->alpha * (y - raw) : (1 - loss->alpha) * (raw - y)) / loss->range;
    case BOOST_LOGISTIC: return log_one_plus_exp(y > 0 ? -raw : raw);
    case BOOST_SOFTMAX: {
      double log_sum;
      int64_t k = (int64_t)y;
      boost_loss_log_sums(loss, level, stride, 1, &log_sum);
      return fmax(log_sum - (loss->base[k] + loss->unit * level[k * stride]), 0);
    }
    case BOOST_POISSON: {
      double mean = fmax(elementary_exp(raw), TINY);
      double ratio = y > 0 ? y * elementary_log(y / mean) : 0;
      return fmax(2 * (ratio - (y - mean)), 0);
    }
  }
  return 0;
}

double boost_loss_mean_all(const Comm *comm, const BoostLoss *loss, const BoostTargets *rows,
                           const double *level, int64_t stride) {
  Wide sums[2] = {{0}};
  for (int64_t i = 0; i < rows->n; i++) {
    double weight = weight_of(rows, i);
    double value = weight * row_loss(loss, rows->target[i], level + i, stride);
    wide_add(&sums[0], value < LOSS_MOST ? value : LOSS_MOST, LOSS_SCALE);
    wide_add(&sums[1], weight < LOSS_MOST ? weight : LOSS_MOST, LOSS_SCALE);
  }
  int64_t words[4] = {sums[0].high, sums[0].low, sums[1].high, sums[1].low};
  comm_sum_all(comm, words, 4);
  sums[0] = (Wide){words[0], words[1]};
  sums[1] = (Wide){words[2], words[3]};
  double mean = wide_value(&sums[0], LOSS_SCALE) / wide_value(&sums[1], LOSS_SCALE);
  return loss->objective == BOOST_SQUARED ? sqrt(mean) * loss->range : mean * loss->range;
}

const char *boost_loss_name(const BoostLoss *loss) {
  switch (loss->objective) {
    case BOOST_SQUARED: return "rmse";
    case BOOST_ABSOLUTE: return "mae";
    case BOOST_QUANTILE: return "quantile_loss";
    case BOOST_POISSON: return "poisson_deviance";
    default: return "log_loss";
  }
}

void boost_loss_finish(const BoostLoss *loss, const double *raw, double *out) {
  switch (loss->objective) {
    case BOOST_SQUARED:
    case BOOST_ABSOLUTE:
    case BOOST_QUANTILE: out[0] = raw[0]; break;
    case BOOST_POISSON: out[0] = elementary_exp(raw[0]); break;
    case BOOST_LOGISTIC:
      out[1] = 1 / (1 + elementary_exp(-raw[0]));
      out[0] = 1 - out[1];
      break;
    case BOOST_SOFTMAX: {
      double most = -INFINITY, sum = 0;
      for (int64_t k = 0; k < loss->outputs; k++) most = fmax(most, raw[k]);
      for (int64_t k = 0; k < loss->outputs; k++) sum += out[k] = elementary_exp(raw[k] - most);
      for (int64_t k = 0; k < loss->outputs; k++) out[k] /= sum;
      break;
    }
  }
}
