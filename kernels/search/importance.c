/* Main effects of a Gaussian process; see importance.h.
 *
 * Averages are over a design of points, the same for every value of a parameter. */
#include "importance.h"

#include <math.h>
#include <string.h>

#include "design.h"
#include "gp.h"
#include "kernels/base/memory.h"

enum { POINTS = 128, LEVELS = 12, FIT_STEPS = 60 };

typedef struct Effects {
  const Space *space;
  int64_t w;
  bool *category;
  Gp gp;
  double *points; /* POINTS x w, encoded */
  double *x, *scratch;
} Effects;

static double mean_at(Effects *e, const double *x) {
  gp_covariances(&e->gp, x, e->scratch, NULL);
  return gp_dot(e->scratch, e->gp.alpha, e->gp.n);
}

/* Sum and squares -> variance. */
static double variance_of(double sum, double square, double n) {
  double mean = sum / n, variance = square / n - mean * mean;
  return variance > 0 ? variance : 0;
}

/* Points of a group; the group's own effect: of all. */
static bool is_among(const Effects *e, int64_t j, const double *point) {
  return space_is_active(e->space, j, (int64_t)point[0]);
}

static double variance_among(Effects *e, int64_t j) {
  double sum = 0, square = 0, n = 0;
  for (int64_t i = 0; i < POINTS; i++) {
    const double *point = e->points + i * e->w;
    if (!is_among(e, j, point)) continue;
    double mean = mean_at(e, point);
    sum += mean;
    square += mean * mean;
    n++;
  }
  return n > 0 ? variance_of(sum, square, n) : 0;
}

/* The mean over the points whose dimension j is set to a value; of the group: over its points. */
static double effect(Effects *e, int64_t j, double value) {
  double sum = 0, n = 0;
  for (int64_t i = 0; i < POINTS; i++) {
    const double *point = e->points + i * e->w;
    if (!is_among(e, j, point) || (j == 0 && point[0] != value)) continue;
    memcpy(e->x, point, (size_t)e->w * sizeof *point);
    e->x[j] = value;
    sum += mean_at(e, e->x);
    n++;
  }
  return n > 0 ? sum / n : 0;
}

static double share_of(Effects *e, int64_t j) {
  int64_t categories = space_categories(e->space, j), levels = categories > 0 ? categories : LEVELS;
  double sum = 0, square = 0, all = variance_among(e, j);
  if (levels < 2) return 0;
  for (int64_t k = 0; k < levels; k++) {
    double value = categories > 0 ? (double)k : ((double)k + 0.5) / LEVELS;
    double mean = effect(e, j, value);
    sum += mean;
    square += mean * mean;
  }
  double share = variance_of(sum, square, (double)levels) / all;
  return all > 0 ? fmin(share, 1) : NAN;
}

static Status fit(Effects *e, const TrialList *trials) {
  Status status = OK;
  double *x = NULL, *y = NULL, *start = NULL, sum = 0, square = 0;
  int64_t n = 0;
  GpPrior prior = gp_prior(e->w);
  TRY(NEW(&x, trials->n * e->w));
  TRY(NEW(&y, trials->n));
  TRY(NEW(&start, gp_thetas(e->w)));
  for (int64_t t = 0; t < trials->n; t++) {
    if (trials->state[t] != TRIAL_KNOWN) continue;
    space_encode(e->space, trials->points + t * e->w, x + n * e->w);
    y[n++] = trials->scores[t];
    sum += trials->scores[t];
  }
  for (int64_t i = 0; i < n; i++) {
    y[i] -= sum / (double)n;
    square += y[i] * y[i];
  }
  double deviation = n > 0 ? sqrt(square / (double)n) : 0;
  for (int64_t i = 0; i < n; i++) y[i] = deviation > 0 ? y[i] / deviation : 0;
  for (int64_t i = 0; i < gp_thetas(e->w); i++)
    start[i] = i < e->w ? prior.length_mean : i == e->w ? 0 : prior.noise_mean;
  TRY(gp_init(&e->gp, n, e->w, e->category, x, y));
  TRY(NEW(&e->scratch, n));
  TRY(gp_fit(&e->gp, &prior, 1, start, FIT_STEPS));
done:
  memory_free(&x);
  memory_free(&y);
  memory_free(&start);
  return status;
}

Status importance_of(const Space *space, uint64_t seed, const TrialList *trials, double *share) {
  Status status = OK;
  Effects e = {.space = space, .w = space_width(space)};
  Stream stream = random_stream(seed, "search/importance", 0);
  TRY(NEW(&e.category, e.w));
  TRY(NEW(&e.points, POINTS * e.w));
  TRY(NEW(&e.x, e.w));
  for (int64_t j = 0; j < e.w; j++) e.category[j] = space_is_category(space, j);
  for (int64_t i = 0; i < POINTS; i++) {
    design_point(&stream, space, i, e.x);
    space_encode(space, e.x, e.points + i * e.w);
  }
  TRY(fit(&e, trials));
  for (int64_t j = 0; j < e.w; j++) share[j] = share_of(&e, j);
done:
  memory_free(&e.category);
  memory_free(&e.points);
  memory_free(&e.x);
  memory_free(&e.scratch);
  gp_clear(&e.gp);
  return status;
}
