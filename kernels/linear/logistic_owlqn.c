/* OWL-QN, which is L-BFGS where there is no L1 penalty; see logistic_problem.h.
 *
 * Where l1 > 0 the loss has a kink at zero: directions come from the pseudo-gradient, and a step
 * stays in the orthant that it begins in. Where l1 = 0 and there are many classes, directions start
 * from their curvature (logistic_curvature.h), which is found anew after 8, 16, 32 ... steps: early
 * on it changes too fast to be worth while. All decisions are taken on rank 0 from agreed sums; the
 * other ranks follow the parameters that it sends.
 *
 * What the search is at is one array, which is saved as it is. */
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "logistic_curvature.h"

enum { HISTORY = 12, HALVINGS = 50, QUIET = 3, CURVATURE_FIRST = 8 };
static const double ENOUGH_DECREASE = 1e-4;

/* What the state begins with. QUIET_STEPS: in a row that brought next to nothing; CURVED: there is
 * a curvature, that at `anchor`. */
enum { STEPS, LOSS, KEPT, NEWEST, QUIET_STEPS, CURVED, RHO, HEAD = RHO + HISTORY };

typedef struct Search {
  LogisticProblem *problem;
  LogisticCurvature curvature;
  int64_t n;     /* parameters */
  double *state; /* HEAD, then b, gradient, anchor, step, change */
  int64_t n_state;
  double *b, *next;         /* now, and tried */
  double *gradient, *tried; /* of the smooth part, at both */
  double *anchor;           /* where the curvature was taken */
  double *steepest;         /* pseudo-gradient at b */
  double *direction;
  double *step, *change; /* HISTORY x n: differences of b and of the gradient */
  double *rho, alpha[HISTORY];
  int64_t kept, newest, quiet;
} Search;

static double dot(const double *a, const double *b, int64_t n) {
  double sum = 0;
  for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
  return sum;
}

/* The L1 weight of parameter i; 0 for intercepts. */
static double l1_of(const LogisticProblem *p, int64_t i) {
  int64_t c = i % (p->k + 1);
  return c == 0 ? 0 : p->options->l1 * p->unit[c - 1];
}

/* The gradient with the penalty, on the side that falls the most. */
static void find_steepest(Search *s) {
  for (int64_t i = 0; i < s->n; i++) {
    double g = s->gradient[i], l1 = l1_of(s->problem, i);
    if (s->b[i] != 0) {
      g += s->b[i] > 0 ? l1 : -l1;
    } else {
      g = g + l1 < 0 ? g + l1 : g - l1 > 0 ? g - l1 : 0;
    }
    s->steepest[i] = g;
  }
}

/* Two loops over the history (Nocedal 1980); what points uphill in a coordinate is left out. */
static void find_direction(Search *s) {
  for (int64_t i = 0; i < s->n; i++) s->direction[i] = -s->steepest[i];
  for (int64_t h = 0; h < s->kept; h++) {
    int64_t at = (s->newest - h + HISTORY) % HISTORY;
    s->alpha[at] = dot(s->step + at * s->n, s->direction, s->n) * s->rho[at];
    const double *change = s->change + at * s->n;
    for (int64_t i = 0; i < s->n; i++) s->direction[i] -= s->alpha[at] * change[i];
  }
  if (s->curvature.factor) {
    logistic_curvature_solve(&s->curvature, s->direction);
  } else if (s->kept > 0) {
    const double *change = s->change + s->newest * s->n;
    double scale = 1 / (s->rho[s->newest] * dot(change, change, s->n));
    for (int64_t i = 0; i < s->n; i++) s->direction[i] *= scale;
  }
  for (int64_t h = s->kept - 1; h >= 0; h--) {
    int64_t at = (s->newest - h + HISTORY) % HISTORY;
    double beta = dot(s->change + at * s->n, s->direction, s->n) * s->rho[at];
    const double *step = s->step + at * s->n;
    for (int64_t i = 0; i < s->n; i++) s->direction[i] += (s->alpha[at] - beta) * step[i];
  }
  if (s->problem->options->l1 == 0) return;
  for (int64_t i = 0; i < s->n; i++) {
    if (s->direction[i] * s->steepest[i] >= 0) s->direction[i] = 0;
  }
}

/* A share of the direction from b, kept in b's orthant. */
static void place_next(Search *s, double share) {
  for (int64_t i = 0; i < s->n; i++) {
    double to = s->b[i] + share * s->direction[i];
    double side = s->b[i] != 0 ? s->b[i] : -s->steepest[i];
    s->next[i] = l1_of(s->problem, i) > 0 && to * side <= 0 ? 0 : to;
  }
}

static void remember(Search *s) {
  int64_t at = (s->newest + 1) % HISTORY;
  double *step = s->step + at * s->n, *change = s->change + at * s->n;
  for (int64_t i = 0; i < s->n; i++) {
    step[i] = s->next[i] - s->b[i];
    change[i] = s->tried[i] - s->gradient[i];
  }
  double curvature = dot(step, change, s->n);
  if (!(curvature > 1e-12 * dot(change, change, s->n))) return;
  s->rho[at] = 1 / curvature;
  s->newest = at;
  s->kept = s->kept < HISTORY ? s->kept + 1 : HISTORY;
}

/* Loss with both penalties at next, its gradient into tried. Rank 0's next goes to all. */
static double try_all(Search *s) {
  comm_broadcast_all(s->problem->comm, 0, s->next, (size_t)s->n * sizeof *s->next);
  return logistic_loss_all(s->problem, s->next, s->tried) + logistic_l1(s->problem, s->next);
}

/* Backtrack until the loss falls enough (Armijo's rule on what the projected step promises).
 * Returns whether it did. */
static bool go_all(Search *s, double *loss) {
  const Comm *comm = s->problem->comm;
  bool scaled = s->kept > 0 || s->curvature.factor;
  double share = scaled ? 1 : 1 / fmax(1, sqrt(dot(s->steepest, s->steepest, s->n)));
  for (int h = 0; h < HALVINGS; h++, share /= 2) {
    if (comm->rank == 0) place_next(s, share);
    double there = try_all(s), promise = 0;
    for (int64_t i = 0; i < s->n; i++) promise += s->steepest[i] * (s->next[i] - s->b[i]);
    int64_t enough = comm->rank == 0 && there <= *loss + ENOUGH_DECREASE * promise && there < *loss;
    comm_broadcast_all(comm, 0, &enough, sizeof enough);
    if (!enough) continue;
    s->quiet = *loss - there <= s->problem->options->tolerance * there ? s->quiet + 1 : 0;
    *loss = there;
    remember(s);
    memcpy(s->b, s->next, (size_t)s->n * sizeof *s->b);
    memcpy(s->gradient, s->tried, (size_t)s->n * sizeof *s->gradient);
    return true;
  }
  return false;
}

static Status search_init(LogisticProblem *p, Search *s) {
  Status status = OK;
  int64_t n = logistic_parameters(p);
  *s = (Search){.problem = p, .n = n, .n_state = HEAD + (3 + 2 * HISTORY) * n};
  TRY(NEW(&s->state, s->n_state));
  s->rho = s->state + RHO;
  s->b = s->state + HEAD;
  s->gradient = s->b + n;
  s->anchor = s->gradient + n;
  s->step = s->anchor + n;
  s->change = s->step + HISTORY * n;
  TRY(NEW(&s->next, n));
  TRY(NEW(&s->tried, n));
  TRY(NEW(&s->steepest, n));
  TRY(NEW(&s->direction, n));
done:
  return status;
}

static void search_clear(Search *s) {
  memory_free(&s->state);
  memory_free(&s->next);
  memory_free(&s->tried);
  memory_free(&s->steepest);
  memory_free(&s->direction);
  logistic_curvature_clear(&s->curvature);
}

/* Begin, or go on where an earlier attempt was. */
static Status begin_all(Search *s, LogisticEnd *end) {
  LogisticProblem *p = s->problem;
  if (!logistic_resume_all(p, s->state, s->n_state)) {
    end->loss = logistic_loss_all(p, s->b, s->gradient) + logistic_l1(p, s->b);
    return OK;
  }
  end->iterations = (int64_t)s->state[STEPS];
  end->loss = s->state[LOSS];
  s->kept = (int64_t)s->state[KEPT];
  s->newest = (int64_t)s->state[NEWEST];
  s->quiet = (int64_t)s->state[QUIET_STEPS];
  return s->state[CURVED] > 0 ? logistic_curvature_all(p, s->anchor, &s->curvature) : OK;
}

static Status pause_all(Search *s, const LogisticEnd *end) {
  s->state[STEPS] = (double)end->iterations;
  s->state[LOSS] = end->loss;
  s->state[KEPT] = (double)s->kept;
  s->state[NEWEST] = (double)s->newest;
  s->state[QUIET_STEPS] = (double)s->quiet;
  return logistic_pause_all(s->problem, end->iterations, s->state, s->n_state);
}

/* The curvature anew where its time has come: after 8, 16, 32 ... steps. */
static Status curve_all(Search *s, int64_t steps) {
  bool due = steps >= CURVATURE_FIRST && (steps & (steps - 1)) == 0;
  if (!due || !logistic_curvature_pays(s->problem)) return OK;
  memcpy(s->anchor, s->b, (size_t)s->n * sizeof *s->b);
  s->state[CURVED] = 1;
  return logistic_curvature_all(s->problem, s->b, &s->curvature);
}

Status logistic_owlqn_all(LogisticProblem *p, double *b, LogisticEnd *end) {
  Status status = OK;
  Search s;
  AGREE(p->comm, search_init(p, &s));
  *end = (LogisticEnd){0};
  TRY(begin_all(&s, end));
  for (bool moving = true; moving;) {
    TRY(pause_all(&s, end));
    TRY(curve_all(&s, end->iterations));
    find_steepest(&s);
    find_direction(&s);
    bool fell = go_all(&s, &end->loss);
    if (!fell && s.kept > 0) { /* the history may be at fault: once more straight down */
      s.kept = 0;
      continue;
    }
    end->converged = !fell || s.quiet >= QUIET;
    moving = !end->converged && ++end->iterations < p->options->max_iterations;
  }
  memcpy(b, s.b, (size_t)s.n * sizeof *b);
done:
  search_clear(&s);
  return status;
}
