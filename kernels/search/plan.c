/* Order and dependencies of a study's units; see plan.h.
 *
 * To keep ranks busy, a proposal stands as far ahead of its trial's fits as its dependencies allow
 * and half the window asks for, and the later rungs of a bracket come a trial into the next one. */
#include "plan.h"

#include <math.h>
#include <stdlib.h>

#include "kernels/base/memory.h"

/* ---- rungs ---- */

static void make_rungs(Plan *plan) {
  const PlanRules *rules = &plan->rules;
  int64_t all = rules->folds;
  plan->rungs = 1;
  plan->rung[0] = (Rung){.slots = plan->size, .end = all, .share = 1};
  if (plan->size == 1) return;
  bool folds = rules->on == HALVING_FOLDS;
  double left = (double)plan->size * rules->keep + 1e-9;
  if (folds) plan->rung[0].end = 1;
  while (plan->rungs < PLAN_RUNGS_MOST) {
    const Rung *last = &plan->rung[plan->rungs - 1];
    int64_t slots = left >= 1 ? (int64_t)left : 1;
    if (folds ? last->end == all : last->slots == 1 && plan->rungs > 1) break;
    Rung next = {.slots = slots, .end = all, .share = 1};
    if (folds) {
      double more = ceil((double)last->end / rules->keep - 1e-9);
      bool final = last->slots == 1 || plan->rungs + 1 == PLAN_RUNGS_MOST;
      next.begin = last->end;
      next.end = more < (double)all && !final ? (int64_t)more : all;
    }
    plan->rung[plan->rungs++] = next;
    left *= rules->keep;
    if (!folds && slots == 1) break;
  }
  for (int64_t r = plan->rungs - 2; !folds && r >= 0; r--)
    plan->rung[r].share = plan->rung[r + 1].share * rules->keep;
}

/* ---- units in order ---- */

typedef struct Placed {
  double key;
  int64_t number; /* breaks ties: as they were made */
  PlanUnit unit;
} Placed;

static int compare(const void *a, const void *b) {
  const Placed *p = a, *q = b;
  if (p->key != q->key) return p->key < q->key ? -1 : 1;
  return p->number < q->number ? -1 : 1;
}

static double proposal_key(const Plan *plan, int64_t trial) {
  double window = (double)plan->rules.window;
  double earliest = (double)trial - window + (plan->rules.window > 1 ? 1.3 : 0.3);
  double wanted = (double)trial - window / 2 - 0.5;
  return earliest > wanted ? earliest : wanted;
}

static int64_t count_units(const Plan *plan) {
  int64_t fits = 0;
  for (int64_t r = 0; r < plan->rungs; r++)
    fits += plan->rung[r].slots * (plan->rung[r].end - plan->rung[r].begin);
  return plan->trials + plan->trials / plan->size * fits;
}

static void add(Plan *plan, Placed *placed, double key, PlanUnit unit) {
  placed[plan->n] = (Placed){key, plan->n, unit};
  plan->n++;
}

static void add_rung(Plan *plan, Placed *placed, int64_t bracket, int64_t rung) {
  const Rung *own = &plan->rung[rung];
  int64_t last = (bracket + 1) * plan->size - 1;
  double after = (double)last + (plan->rules.window > 1 ? 1.2 : 0.2) + 0.001 * (double)rung;
  for (int64_t slot = 0; slot < own->slots; slot++) {
    double key = rung == 0 ? (double)(bracket * plan->size + slot) : after;
    for (int64_t fold = own->begin; fold < own->end; fold++) {
      PlanUnit unit = {
          .kind = PLAN_FIT, .bracket = bracket, .rung = rung, .slot = slot, .fold = fold};
      add(plan, placed, key, unit);
    }
  }
}

static void find_units(Plan *plan) {
  for (int64_t u = 0; u < plan->n; u++) {
    const PlanUnit *unit = &plan->units[u];
    if (unit->kind == PLAN_PROPOSE) {
      plan->proposal[unit->trial] = u;
    } else if (unit->rung == 0 && unit->fold == plan->rung[0].begin) {
      plan->first[unit->bracket * plan->size + unit->slot] = u;
    } else if (unit->rung > 0 && unit->slot == 0 && unit->fold == plan->rung[unit->rung].begin) {
      plan->later[unit->bracket * plan->rungs + unit->rung] = u;
    }
  }
}

Status plan_init(const PlanRules *rules, int64_t trials, Plan *plan) {
  Status status = OK;
  Placed *placed = NULL;
  *plan =
      (Plan){.rules = *rules, .trials = trials, .size = rules->bracket > 1 ? rules->bracket : 1};
  make_rungs(plan);
  int64_t n = count_units(plan);
  TRY(NEW(&placed, n));
  TRY(NEW(&plan->units, n));
  TRY(NEW(&plan->proposal, trials));
  TRY(NEW(&plan->first, trials));
  TRY(NEW(&plan->later, trials / plan->size * plan->rungs));
  for (int64_t t = 0; t < trials; t++)
    add(plan, placed, proposal_key(plan, t), (PlanUnit){.kind = PLAN_PROPOSE, .trial = t});
  for (int64_t b = 0; b < trials / plan->size; b++)
    for (int64_t r = 0; r < plan->rungs; r++) add_rung(plan, placed, b, r);
  qsort(placed, (size_t)plan->n, sizeof *placed, compare);
  for (int64_t u = 0; u < plan->n; u++) plan->units[u] = placed[u].unit;
  find_units(plan);
done:
  memory_free(&placed);
  return status;
}

void plan_clear(Plan *plan) {
  memory_free(&plan->units);
  memory_free(&plan->proposal);
  memory_free(&plan->first);
  memory_free(&plan->later);
}

/* Units of a rung stand in a row: those of rung 0 slot by slot, with proposals between slots; those
 * of later rungs as a whole. */
int64_t plan_fit(const Plan *plan, int64_t bracket, int64_t rung, int64_t slot, int64_t fold) {
  const Rung *own = &plan->rung[rung];
  if (rung == 0) return plan->first[bracket * plan->size + slot] + fold - own->begin;
  return plan->later[bracket * plan->rungs + rung] + slot * (own->end - own->begin) + fold -
         own->begin;
}

int64_t plan_known(const Plan *plan, int64_t trial, int64_t bracket, int64_t *slots) {
  int64_t newest = trial - plan->rules.window, begin = bracket * plan->size;
  *slots = 0;
  if (newest < begin) return 0;
  *slots = newest - begin + 1 < plan->size ? newest - begin + 1 : plan->size;
  return *slots == plan->size ? plan->rungs : 1;
}

void plan_rank(int64_t n, const double *scores, int64_t *order) {
  for (int64_t i = 0; i < n; i++) {
    int64_t at = i;
    for (; at > 0; at--) {
      double other = scores[order[at - 1]];
      if (!(scores[i] < other) && !(isnan(other) && !isnan(scores[i]))) break;
      order[at] = order[at - 1];
    }
    order[at] = i;
  }
}
