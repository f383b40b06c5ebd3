/* The tree-structured Parzen estimator (Bergstra et al. 2011), in many dimensions at once (Falkner,
 * Klein and Hutter 2018): a density of the good trials and one of all others, and of some points
 * drawn from the first the one at which it is greatest over the second.
 *
 * A density is a mixture of a kernel at each trial and of one that is flat over the space, of equal
 * weight. A kernel is the product of a truncated normal for each number and of a category that
 * mostly stays; it lives in the group of its trial. Trials under way, and those that failed, are
 * among the others. */
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"
#include "kernels/numeric/random.h"
#include "sampler.h"

enum { DRAWN = 64, GOOD_MOST = 25 };
static const double GOOD_SHARE = 0.1, STAYS = 0.8, WIDTH = 0.2, WIDTH_LEAST = 0.02;

typedef struct Density {
  int64_t n;
  const double **at; /* encoded trials */
  double width;      /* of the normals */
} Density;

typedef struct Tpe {
  const Space *space;
  int64_t w;
  double *encoded;
  int64_t *order;
  Density good, others;
} Tpe;

static double normal_share(double x) { return 0.5 * erfc(-x * 0.7071067811865476); }

/* The logarithm of a kernel's density at x, which is in its group. */
static double log_kernel(const Tpe *tpe, const Density *density, const double *at,
                         const double *x) {
  double sum = 0;
  for (int64_t j = 1; j < tpe->w; j++) {
    int64_t k = space_categories(tpe->space, j);
    if (!space_is_active(tpe->space, j, (int64_t)x[0])) continue;
    if (k > 0) {
      sum += elementary_log((x[j] == at[j] ? STAYS : 0) + (1 - STAYS) / (double)k);
    } else {
      double s = density->width, off = (x[j] - at[j]) / s;
      double inside = normal_share((1 - at[j]) / s) - normal_share(-at[j] / s);
      sum += -0.5 * off * off - elementary_log(s * inside * 2.5066282746310002);
    }
  }
  return sum;
}

static double log_flat(const Tpe *tpe, const double *x) {
  double sum = -elementary_log((double)tpe->space->groups);
  for (int64_t j = 1; j < tpe->w; j++) {
    int64_t k = space_categories(tpe->space, j);
    if (k > 0 && space_is_active(tpe->space, j, (int64_t)x[0])) sum -= elementary_log((double)k);
  }
  return sum;
}

static double log_density(const Tpe *tpe, const Density *density, const double *x) {
  double most = log_flat(tpe, x), sum = 1;
  for (int64_t i = 0; i < density->n; i++) {
    if (density->at[i][0] != x[0]) continue;
    double one = log_kernel(tpe, density, density->at[i], x);
    if (one > most) {
      sum = sum * elementary_exp(most - one) + 1;
      most = one;
    } else {
      sum += elementary_exp(one - most);
    }
  }
  return most + elementary_log(sum / (double)(density->n + 1));
}

/* A normal within 0 .. 1, by attempts. */
static double draw_number(const Stream *stream, uint64_t index, uint32_t draw, double at,
                          double width) {
  for (uint32_t attempt = 0; attempt < 50; attempt++) {
    double x = at + width * random_normal(stream, index, draw + attempt);
    if (x >= 0 && x <= 1) return x;
  }
  return at;
}

static void draw_point(const Tpe *tpe, const Stream *stream, uint64_t index, double *x) {
  const Density *good = &tpe->good;
  int64_t kernel = random_integer(stream, index, 0, good->n + 1);
  const double *at = kernel < good->n ? good->at[kernel] : NULL;
  x[0] = at ? at[0] : (double)random_integer(stream, index, 1, tpe->space->groups);
  for (int64_t j = 1; j < tpe->w; j++) {
    int64_t k = space_categories(tpe->space, j);
    uint32_t draw = (uint32_t)(64 * j);
    if (!space_is_active(tpe->space, j, (int64_t)x[0])) {
      x[j] = k > 0 ? -1 : 0.5;
    } else if (k > 0) {
      bool stays = at && random_uniform(stream, index, draw) < STAYS;
      x[j] = stays ? at[j] : (double)random_integer(stream, index, draw + 1, k);
    } else {
      x[j] = at ? draw_number(stream, index, draw, at[j], good->width)
                : random_uniform(stream, index, draw);
    }
  }
}

static double width_of(int64_t n, int64_t w) {
  double width = WIDTH * elementary_exp(-elementary_log((double)(n > 0 ? n : 1)) / (double)(w + 3));
  return width > WIDTH_LEAST ? width : WIDTH_LEAST;
}

/* The known trials by score (ties: the earlier), then the rest. */
static Status divide(Tpe *tpe, const TrialList *before) {
  Status status = OK;
  int64_t known = 0, n = before->n;
  TRY(NEW(&tpe->encoded, n * tpe->w));
  TRY(NEW(&tpe->order, n));
  TRY(NEW(&tpe->good.at, n));
  TRY(NEW(&tpe->others.at, n));
  for (int64_t t = 0; t < n; t++) {
    space_encode(tpe->space, before->points + t * tpe->w, tpe->encoded + t * tpe->w);
    if (before->state[t] != TRIAL_KNOWN) {
      tpe->others.at[tpe->others.n++] = tpe->encoded + t * tpe->w;
      continue;
    }
    int64_t at = known++;
    for (; at > 0 && before->scores[tpe->order[at - 1]] > before->scores[t]; at--)
      tpe->order[at] = tpe->order[at - 1];
    tpe->order[at] = t;
  }
  double most = ceil(GOOD_SHARE * (double)known);
  for (int64_t i = 0; i < known; i++) {
    Density *density = i < GOOD_MOST && (double)i < most ? &tpe->good : &tpe->others;
    density->at[density->n++] = tpe->encoded + tpe->order[i] * tpe->w;
  }
  tpe->good.width = width_of(tpe->good.n, tpe->w);
  tpe->others.width = width_of(tpe->others.n, tpe->w);
done:
  return status;
}

Status sampler_tpe(const Sampler *sampler, const TrialList *before, double *point) {
  Status status = OK;
  Tpe tpe = {.space = sampler->space, .w = space_width(sampler->space)};
  double *x = NULL, *other = NULL, best = -INFINITY;
  Stream stream = random_stream(sampler->seed, "search/tpe", (uint64_t)before->n);
  TRY(NEW(&x, tpe.w));
  TRY(NEW(&other, tpe.w));
  TRY(divide(&tpe, before));
  for (uint64_t i = 0; i < DRAWN || (best == -INFINITY && i < 4 * DRAWN); i++) {
    draw_point(&tpe, &stream, i, x);
    space_decode(sampler->space, x, other);
    if (i < 3 * DRAWN && sampler_seen(sampler->space, before, other)) continue;
    space_encode(sampler->space, other, x);
    double value = log_density(&tpe, &tpe.good, x) - log_density(&tpe, &tpe.others, x);
    if (!(value > best)) continue;
    best = value;
    memcpy(point, other, (size_t)tpe.w * sizeof *point);
  }
done:
  memory_free(&tpe.encoded);
  memory_free(&tpe.order);
  memory_free(&tpe.good.at);
  memory_free(&tpe.others.at);
  memory_free(&x);
  memory_free(&other);
  return status;
}
