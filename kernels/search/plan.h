/* The plan of a study: its units of work in the order in which they are handed out, and what each
 * has to wait for.
 *
 * Trial t is proposed from what is known of trials 0 .. t - window, and fitted fold by fold. With
 * successive halving (Jamieson and Talwalkar 2016) trials form brackets of fixed size, in which
 * they compete: all are fitted with the first rung's resources, the best of them with the next
 * rung's, and so on. Places are given by rank within the bracket alone, ties to the lower trial, so
 * nothing depends on who finishes first, nor on how many brackets there will be. Of a bracket whose
 * last trial is later than t - window, trial t knows the first rung alone.
 *
 * Units of a plan are in an order in which each waits only for units before it. */
#ifndef SEGUE_SEARCH_PLAN_H
#define SEGUE_SEARCH_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "kernels/base/status.h"

typedef enum HalvingOn {
  HALVING_FOLDS, /* rungs have ever more folds; what was fitted before counts on */
  HALVING_ROUNDS /* rungs have ever more rounds of boosting, on all folds each */
} HalvingOn;

enum { PLAN_RUNGS_MOST = 8 };

typedef struct Rung {
  int64_t slots;      /* trials of a bracket that come here */
  int64_t begin, end; /* folds that are fitted */
  double share;       /* of the rounds */
} Rung;

typedef struct PlanRules {
  int64_t window; /* at least 1 */
  int64_t folds;
  int64_t bracket; /* trials; 0 or 1: no halving */
  double keep;     /* share of trials that goes on to the next rung, 0 < keep < 1 */
  HalvingOn on;
} PlanRules;

typedef enum PlanKind { PLAN_PROPOSE, PLAN_FIT } PlanKind;

typedef struct PlanUnit {
  PlanKind kind;
  int64_t trial;                     /* PROPOSE */
  int64_t bracket, rung, slot, fold; /* FIT */
} PlanUnit;

typedef struct Plan {
  PlanRules rules;
  int64_t trials, size; /* size: trials of a bracket, at least 1 */
  int64_t rungs;
  Rung rung[PLAN_RUNGS_MOST];
  int64_t n;
  PlanUnit *units;
  int64_t *proposal; /* trial -> unit */
  int64_t
      *first; /* trial -> unit of its first fit: slot trial % size, rung 0, fold rung[0].begin */
  int64_t *later; /* bracket x rungs -> unit of slot 0's first fold there; rung >= 1 */
} Plan;

/* Local. trials is a multiple of the bracket. Fails with MEMORY. */
CHECKED Status plan_init(const PlanRules *rules, int64_t trials, Plan *plan);
void plan_clear(Plan *plan);

/* The unit that fits a fold of a rung. Local. */
int64_t plan_fit(const Plan *plan, int64_t bracket, int64_t rung, int64_t slot, int64_t fold);
/* The rungs that trial t may know of bracket b: 0 .. rungs; of the first rung, only slots
 * 0 .. *slots - 1. Local. */
int64_t plan_known(const Plan *plan, int64_t trial, int64_t bracket, int64_t *slots);

/* Who goes on: order, n numbers, those of the lowest scores first, NaN last, ties to the lower
 * number. Local. */
void plan_rank(int64_t n, const double *scores, int64_t *order);

#endif
