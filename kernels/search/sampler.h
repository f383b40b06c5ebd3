/* Samplers: which point a trial looks at, from what earlier trials found.
 *
 * A proposal is a function of the seed, the trial's number, the points of all earlier trials and
 * the results of those that may be known; never of who asks, when, or how many trials there will
 * be. */
#ifndef SEGUE_SEARCH_SAMPLER_H
#define SEGUE_SEARCH_SAMPLER_H

#include "space.h"

typedef enum SamplerMethod {
  SAMPLER_GRID,
  SAMPLER_RANDOM,
  SAMPLER_BAYES,
  SAMPLER_TPE
} SamplerMethod;

/* Trials from this one on are proposed by TPE where BAYES was asked for: a Gaussian process takes
 * time by the cube of the trials. */
enum { SAMPLER_BAYES_MOST = 192 };

typedef struct Sampler {
  const Space *space; /* borrowed */
  SamplerMethod method;
  uint64_t seed;
  int64_t warm_up;     /* trials of a design before BAYES and TPE learn */
  int64_t grid_levels; /* GRID: values of a range */
} Sampler;

typedef enum TrialState {
  TRIAL_PENDING, /* its result may not be known yet */
  TRIAL_KNOWN,
  TRIAL_FAILED, /* it has none */
} TrialState;

/* What is known of trials 0 .. n - 1. */
typedef struct TrialList {
  int64_t n;
  const double *points; /* n x space_width */
  const double *scores; /* n, lower is better; looked at where KNOWN alone */
  const uint8_t *state; /* n TrialState */
} TrialList;

/* How many numbers a sampler passes on from trial to trial. */
static inline int64_t sampler_memory(const Space *space) { return space_width(space) + 2; }

/* The point of trial before->n.
 * memory  in: what the sampler left at trial n - 1 (zeros where n is 0); out: what it leaves now;
 *         sampler_memory numbers
 * point   out, space_width numbers
 * Local. Fails with MEMORY. */
CHECKED Status sampler_propose(const Sampler *sampler, const TrialList *before, double *memory,
                               double *point);

/* Is the point among those of the list? Local. */
bool sampler_seen(const Space *space, const TrialList *before, const double *point);
/* The parts, each in a file of its own; same arguments. n_known >= 1 where they are called. */
CHECKED Status sampler_bayes(const Sampler *sampler, const TrialList *before, double *memory,
                             double *point);
CHECKED Status sampler_tpe(const Sampler *sampler, const TrialList *before, double *point);

#endif
