/* The choice of a sampler; see sampler.h. */
#include "sampler.h"

#include "design.h"
#include "kernels/base/memory.h"

bool sampler_seen(const Space *space, const TrialList *before, const double *point) {
  for (int64_t t = 0; t < before->n; t++)
    if (space_same(space, point, before->points + t * space_width(space))) return true;
  return false;
}

/* Uniform, without points that were there: a hundred attempts suffice unless few are left, and then
 * one may come twice. */
static Status propose_random(const Sampler *s, const TrialList *before, double *point) {
  Status status = OK;
  double *u = NULL;
  Stream stream = random_stream(s->seed, "search/random", (uint64_t)before->n);
  TRY(NEW(&u, space_width(s->space)));
  for (uint64_t attempt = 0; attempt < 100; attempt++) {
    for (int64_t j = 0; j < space_width(s->space); j++)
      u[j] = random_uniform(&stream, attempt, (uint32_t)j);
    space_at(s->space, u, point);
    if (!sampler_seen(s->space, before, point)) break;
  }
done:
  memory_free(&u);
  return status;
}

static Status propose_design(const Sampler *s, const TrialList *before, double *point) {
  Stream stream = random_stream(s->seed, "search/design", 0);
  design_point(&stream, s->space, before->n, point);
  return sampler_seen(s->space, before, point) ? propose_random(s, before, point) : OK;
}

Status sampler_propose(const Sampler *s, const TrialList *before, double *memory, double *point) {
  int64_t known = 0, t = before->n;
  for (int64_t i = 0; i < t; i++) known += before->state[i] == TRIAL_KNOWN;
  if (s->method == SAMPLER_GRID) {
    space_grid(s->space, s->grid_levels, t, point);
    return OK;
  }
  if (s->method == SAMPLER_RANDOM) return propose_random(s, before, point);
  if (t < s->warm_up || known == 0) return propose_design(s, before, point);
  if (s->method == SAMPLER_BAYES && t < SAMPLER_BAYES_MOST)
    return sampler_bayes(s, before, memory, point);
  return sampler_tpe(s, before, point);
}
