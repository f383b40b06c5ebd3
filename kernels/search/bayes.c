/* The Bayesian sampler: a Gaussian process of the scores so far, and the point with the greatest
 * expected improvement.
 *
 * That point is looked for among a design over the whole space and neighbours of the best trials;
 * from the best of them on, downhill along the numbers (minimise), and then by single steps of
 * integers and categories. Trials that failed count as the worst score. */
#include <math.h>
#include <string.h>

#include "acquisition.h"
#include "design.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"
#include "minimise.h"
#include "sampler.h"

enum {
  DESIGNED = 384, /* candidates over the space */
  NEAR_EACH = 24, /* and near each of the best trials */
  NEAR_BEST = 6,
  CLIMBS = 5, /* candidates that are improved */
  CLIMB_STEPS = 40,
  FIT_STEPS = 40,
  SWEEPS = 3,
};

typedef struct Bayes {
  const Sampler *sampler;
  const TrialList *before;
  const Space *space;
  int64_t w;      /* space_width: dimensions */
  int64_t n, m;   /* results, and trials without */
  bool *category; /* w */
  double *x, *y;  /* n results, standardised */
  double *pending;
  int64_t *order; /* n results, the best first */
  Gp gp;
  Acquisition acquisition;
  double *candidate, *value; /* encoded */
  int64_t n_candidates;
} Bayes;

static void bayes_clear(Bayes *b) {
  memory_free(&b->category);
  memory_free(&b->x);
  memory_free(&b->y);
  memory_free(&b->pending);
  memory_free(&b->order);
  memory_free(&b->candidate);
  memory_free(&b->value);
  gp_clear(&b->gp);
  acquisition_clear(&b->acquisition);
}

/* ---- the process ---- */

/* Mean 0 and deviation 1. Scores far above the middle half (a learning rate at which nothing is
 * learned) are drawn in: where it is bad does not have to be known to scale. */
static void standardise(Bayes *b) {
  double mean = 0, square = 0;
  double middle = b->y[b->order[b->n / 2]], low = b->y[b->order[b->n / 4]];
  double most = middle + 5 * (middle - low);
  for (int64_t i = 0; i < b->n; i++) {
    if (middle > low && b->y[i] > most) b->y[i] = most;
    mean += b->y[i];
  }
  mean /= (double)b->n;
  for (int64_t i = 0; i < b->n; i++) {
    b->y[i] -= mean;
    square += b->y[i] * b->y[i];
  }
  double deviation = sqrt(square / (double)b->n);
  for (int64_t i = 0; i < b->n; i++) b->y[i] = deviation > 0 ? b->y[i] / deviation : 0;
}

static Status collect(Bayes *b) {
  Status status = OK;
  const TrialList *before = b->before;
  double worst = -INFINITY;
  TRY(NEW(&b->category, b->w));
  TRY(NEW(&b->x, before->n * b->w));
  TRY(NEW(&b->y, before->n));
  TRY(NEW(&b->pending, before->n * b->w));
  TRY(NEW(&b->order, before->n));
  for (int64_t j = 0; j < b->w; j++) b->category[j] = space_is_category(b->space, j);
  for (int64_t t = 0; t < before->n; t++)
    if (before->state[t] == TRIAL_KNOWN) worst = fmax(worst, before->scores[t]);
  for (int64_t t = 0; t < before->n; t++) {
    const double *point = before->points + t * b->w;
    if (before->state[t] == TRIAL_PENDING) {
      space_encode(b->space, point, b->pending + b->m++ * b->w);
      continue;
    }
    double y = before->state[t] == TRIAL_KNOWN ? before->scores[t] : worst;
    space_encode(b->space, point, b->x + b->n * b->w);
    int64_t at = b->n;
    for (; at > 0 && b->y[b->order[at - 1]] > y; at--) b->order[at] = b->order[at - 1];
    b->order[at] = b->n;
    b->y[b->n++] = y;
  }
  standardise(b);
done:
  return status;
}

/* Starts: where the last trial ended, the middle of the prior, a place at random. */
static Status fit(Bayes *b, double *memory) {
  Status status = OK;
  int64_t t = gp_thetas(b->w), starts = 0;
  double *start = NULL;
  bool remembered = false;
  GpPrior prior = gp_prior(b->w);
  Stream stream = random_stream(b->sampler->seed, "search/fit", (uint64_t)b->before->n);
  TRY(NEW(&start, 3 * t));
  for (int64_t i = 0; i < t; i++) remembered |= memory[i] != 0;
  if (remembered) memcpy(start + t * starts++, memory, (size_t)t * sizeof *memory);
  for (int random = 0; random < 2; random++, starts++) {
    for (int64_t i = 0; i < t; i++) {
      double mean = i < b->w ? prior.length_mean : i == b->w ? 0 : prior.noise_mean;
      double off = random ? random_normal(&stream, 0, (uint32_t)i) : 0;
      start[starts * t + i] = mean + off;
    }
  }
  TRY(gp_init(&b->gp, b->n, b->w, b->category, b->x, b->y));
  TRY(gp_fit(&b->gp, &prior, starts, start, FIT_STEPS));
  memcpy(memory, b->gp.theta, (size_t)t * sizeof *memory);
done:
  memory_free(&start);
  return status;
}

/* ---- candidates ---- */

static void add_candidate(Bayes *b, const double *encoded) {
  memcpy(b->candidate + b->n_candidates * b->w, encoded, (size_t)b->w * sizeof *encoded);
  b->value[b->n_candidates++] = acquisition_value(&b->acquisition, encoded, NULL);
}

/* What can really be looked at: integers as integers. */
static void settle(const Bayes *b, double *encoded, double *point) {
  space_decode(b->space, encoded, point);
  space_encode(b->space, point, encoded);
}

/* A trial with some of its active dimensions moved, one at least. */
static void move(const Bayes *b, const double *from, const Stream *stream, uint64_t index,
                 double *to) {
  int64_t group = (int64_t)from[0], active = 0;
  for (int64_t j = 1; j < b->w; j++) active += space_is_active(b->space, j, group);
  int64_t sure = random_integer(stream, index, 0, active > 0 ? active : 1), at = 0;
  double size = elementary_exp(-1.2 - 3.4 * random_uniform(stream, index, 1)); /* 0.3 to 0.01 */
  memcpy(to, from, (size_t)b->w * sizeof *to);
  for (int64_t j = 1; j < b->w; j++) {
    if (!space_is_active(b->space, j, group)) continue;
    uint32_t draw = (uint32_t)(2 + 2 * j);
    bool moves = random_uniform(stream, index, draw) < 2.0 / (double)active;
    if (!moves && at++ != sure) continue;
    if (space_is_category(b->space, j)) {
      to[j] = (double)random_integer(stream, index, draw + 1, space_categories(b->space, j));
    } else {
      double x = from[j] + size * random_normal(stream, index, draw + 1);
      to[j] = x < 0 ? 0 : x > 1 ? 1 : x;
    }
  }
}

static Status make_candidates(Bayes *b) {
  Status status = OK;
  double *point = NULL, *encoded = NULL;
  uint64_t t = (uint64_t)b->before->n;
  Stream spread = random_stream(b->sampler->seed, "search/candidates", t);
  Stream near = random_stream(b->sampler->seed, "search/neighbours", t);
  int64_t all = DESIGNED + NEAR_BEST * NEAR_EACH + CLIMBS;
  TRY(NEW(&b->candidate, all * b->w));
  TRY(NEW(&b->value, all));
  TRY(NEW(&point, b->w));
  TRY(NEW(&encoded, b->w));
  for (int64_t i = 0; i < DESIGNED; i++) {
    design_point(&spread, b->space, i, point);
    space_encode(b->space, point, encoded);
    add_candidate(b, encoded);
  }
  for (int64_t i = 0; i < NEAR_BEST && i < b->n; i++) {
    for (int64_t k = 0; k < NEAR_EACH; k++) {
      move(b, b->x + b->order[i] * b->w, &near, (uint64_t)(i * NEAR_EACH + k), encoded);
      settle(b, encoded, point);
      add_candidate(b, encoded);
    }
  }
done:
  memory_free(&point);
  memory_free(&encoded);
  return status;
}

/* ---- improving them ---- */

static double downhill(void *context, const double *x, double *gradient) {
  Bayes *b = context;
  double value = -acquisition_value(&b->acquisition, x, gradient);
  for (int64_t j = 0; j < b->w; j++) gradient[j] = -gradient[j];
  return value;
}

/* Along the active numbers. x: in place. */
static Status climb(Bayes *b, double *bounds, double *x) {
  double value;
  for (int64_t j = 0; j < b->w; j++) {
    bool fixed = space_is_category(b->space, j) || !space_is_active(b->space, j, (int64_t)x[0]);
    bounds[j] = fixed ? x[j] : 0;
    bounds[b->w + j] = fixed ? x[j] : 1;
  }
  Minimise problem = {b->w, bounds, bounds + b->w, downhill, b, CLIMB_STEPS};
  return minimise(&problem, x, &value);
}

/* Take encoded when it is better and no trial has looked at it; false: it is not. */
static bool take(Bayes *b, double *encoded, double *point, double *best, double *best_value) {
  double value = acquisition_value(&b->acquisition, encoded, NULL);
  if (!(value > *best_value)) return false;
  space_decode(b->space, encoded, point);
  if (sampler_seen(b->space, b->before, point)) return false;
  memcpy(best, encoded, (size_t)b->w * sizeof *best);
  *best_value = value;
  return true;
}

/* Single steps of what has no slope: other categories, the next integers. x: in place. */
static void step(Bayes *b, double *scratch, double *point, double *x, double *value) {
  bool better = true;
  for (int sweep = 0; better && sweep < SWEEPS; sweep++) {
    better = false;
    for (int64_t j = 1; j < b->w; j++) {
      const Parameter *p = &b->space->items[j - 1];
      int64_t categories = space_categories(b->space, j);
      if (!space_is_active(b->space, j, (int64_t)x[0]) || p->type == PARAMETER_REAL) continue;
      for (int64_t k = 0; k < (categories > 0 ? categories : 2); k++) {
        memcpy(scratch, x, (size_t)b->w * sizeof *x);
        space_decode(b->space, scratch, point);
        point[j] = categories > 0 ? (double)k : point[j] + (k > 0 ? 1 : -1);
        double last = p->type == PARAMETER_INTEGER ? p->high : (double)p->choices - 1;
        if (point[j] < (p->type == PARAMETER_INTEGER ? p->low : 0) || point[j] > last) continue;
        space_encode(b->space, point, scratch);
        better |= take(b, scratch, point, x, value);
      }
    }
  }
}

static int64_t best_candidate(const Bayes *b) {
  int64_t best = 0;
  for (int64_t i = 1; i < b->n_candidates; i++)
    if (b->value[i] > b->value[best]) best = i;
  return best;
}

static Status search(Bayes *b, double *out) {
  Status status = OK;
  double *scratch = NULL, best_value = -INFINITY;
  TRY(NEW(&scratch, 6 * b->w));
  double *x = scratch, *bounds = x + b->w, *point = bounds + 2 * b->w, *best = point + b->w,
         *other = best + b->w;
  for (int64_t c = 0; c < CLIMBS; c++) {
    int64_t i = best_candidate(b);
    double value = -INFINITY;
    memcpy(x, b->candidate + i * b->w, (size_t)b->w * sizeof *x);
    take(b, x, point, best, &best_value);
    b->value[i] = -INFINITY;
    TRY(climb(b, bounds, x));
    settle(b, x, point);
    value = acquisition_value(&b->acquisition, x, NULL);
    step(b, other, point, x, &value);
    take(b, x, point, best, &best_value);
  }
  for (int64_t i = 0; best_value == -INFINITY && i < b->n_candidates; i++)
    take(b, b->candidate + i * b->w, point, best, &best_value);
  if (best_value == -INFINITY) /* every one was seen */
    memcpy(best, b->candidate, (size_t)b->w * sizeof *best);
  space_decode(b->space, best, out);
done:
  memory_free(&scratch);
  return status;
}

Status sampler_bayes(const Sampler *sampler, const TrialList *before, double *memory,
                     double *point) {
  Status status = OK;
  Bayes b = {.sampler = sampler,
             .before = before,
             .space = sampler->space,
             .w = space_width(sampler->space)};
  Stream stream = random_stream(sampler->seed, "search/fantasies", (uint64_t)before->n);
  TRY(collect(&b));
  TRY(fit(&b, memory));
  TRY(acquisition_init(&b.acquisition, &b.gp, b.m, b.pending, &stream));
  TRY(make_candidates(&b));
  TRY(search(&b, point));
done:
  bayes_clear(&b);
  return status;
}
