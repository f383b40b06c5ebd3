/* Trials over ranks; see search.h.
 *
 * The ranks of a group take a unit together. Its rank 0 alone looks at the board: it waits there
 * for what the unit depends on, finds out which trial the unit is of, and tells the others.
 *
 * Rejected: waves of trials that all ranks begin and end together (a rank waits for the slowest fit
 * of every wave), and a rank that only proposes (a core lost). */
#include "search.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kernels/base/board.h"
#include "kernels/base/memory.h"
#include "kernels/search/design.h"
#include "progress.h"
#include "shared_fold.h"

/* A board's row of a fit: this, and the scores behind it. */
enum { FIT_POSSIBLE, FIT_SCORES };
/* Records and units of a trial are numbered from trial x this on: the proposal, then rung by rung
 * fold by fold. */
static const int64_t TRIAL_NUMBERS = INT64_C(1) << 14;

typedef struct Prototype { /* any spec of a group of the space */
  Spec spec;
  void *memory;
} Prototype;

typedef struct Study {
  const SearchInputs *in;
  const Comm *comm;
  WorkSink *sink; /* the run's */
  WorkSink whole; /* in front of it; first of its own struct's members that a cast goes back from */
  Plan plan;
  CrossValidation cv;
  Board *board;
  int64_t w, width; /* numbers of a point, of a row of the board */
  Prototype *prototypes;
  SharedFolds shared;
  int64_t *before; /* units + 1: cost */
  Progress progress;
  /* scratch */
  double *row, *points, *scores, *by_rung, *sum, *count, *memory;
  int64_t *alive, *order, *slot;
  uint8_t *state;
} Study;

/* ---- what is known ---- */

/* Wait for a unit's row. Local. */
static Status wait_for(Study *s, int64_t unit, const double **row) {
  struct timespec pause = {.tv_nsec = 100000};
  for (int turn = 0; !(*row = board_read(s->board, unit)); turn++) {
    if (board_given_up(s->board)) return status_fail(STOPPED, "stopped beside another rank");
    if (work_stopping(s->sink)) return status_fail(STOPPED, "stopped on request");
    nanosleep(&pause, NULL);
  }
  return OK;
}

static double mean_of(double sum, double count) { return count > 0 ? sum / count : NAN; }

/* One slot's fits in a rung onto its trial's sums. */
static Status add_slot(Study *s, int64_t bracket, int64_t rung, int64_t slot, int64_t own) {
  Status status = OK;
  const Rung *r = &s->plan.rung[rung];
  if (s->plan.rules.on == HALVING_ROUNDS) s->sum[own] = s->count[own] = 0;
  for (int64_t fold = r->begin; fold < r->end; fold++) {
    const double *row = NULL;
    TRY(wait_for(s, plan_fit(&s->plan, bracket, rung, slot, fold), &row));
    double value = row[FIT_SCORES + s->in->score];
    if (row[FIT_POSSIBLE] == 0 || isnan(value)) continue;
    s->sum[own] += s->in->higher_better ? -value : value;
    s->count[own]++;
  }
done:
  return status;
}

/* Go through the first `rungs` rungs of a bracket, `slots` slots of the first: s->by_rung, rungs x
 * size, gets the scores of its trials after each rung (lower is better; NaN: none, or not there),
 * and s->alive, those who would go to the next rung, ascending. Local. */
static Status follow(Study *s, int64_t bracket, int64_t rungs, int64_t slots) {
  Status status = OK;
  const Plan *plan = &s->plan;
  int64_t size = plan->size, n = slots;
  for (int64_t i = 0; i < size; i++) {
    s->alive[i] = i;
    s->sum[i] = s->count[i] = 0;
  }
  for (int64_t i = 0; i < plan->rungs * size; i++) s->by_rung[i] = NAN;
  for (int64_t r = 0; r < rungs; r++) {
    for (int64_t k = 0; k < n; k++) {
      int64_t own = s->alive[k];
      TRY(add_slot(s, bracket, r, k, own));
      s->slot[k] = own;
      s->by_rung[r * size + own] = s->scores[k] = mean_of(s->sum[own], s->count[own]);
    }
    if (r + 1 == plan->rungs || n < plan->rung[r].slots) break;
    plan_rank(n, s->scores, s->order);
    n = plan->rung[r + 1].slots;
    for (int64_t k = 0; k < n; k++) { /* ascending, so that a lower slot is a lower trial */
      int64_t own = s->slot[s->order[k]], at = k;
      for (; at > 0 && s->alive[at - 1] > own; at--) s->alive[at] = s->alive[at - 1];
      s->alive[at] = own;
    }
  }
done:
  return status;
}

/* ---- a proposal ---- */

/* Scores of trials that ended in an early rung are raised or lowered to what the last rung might
 * have given: by what it changed, on average, in those that came so far. */
static Status collect(Study *s, int64_t trial, double *scores) {
  Status status = OK;
  const Plan *plan = &s->plan;
  double change[PLAN_RUNGS_MOST] = {0}, count = 0;
  int64_t size = plan->size, last = plan->rungs - 1;
  for (int64_t pass = 0; pass < 2; pass++) {
    for (int64_t t = 0; t < trial; t += size) {
      int64_t slots, rungs = plan_known(plan, trial, t / size, &slots);
      for (int64_t i = 0; i < size && t + i < trial; i++) s->state[t + i] = TRIAL_PENDING;
      if (rungs == 0) continue;
      TRY(follow(s, t / size, rungs, slots));
      for (int64_t i = 0; i < slots; i++) {
        double final = s->by_rung[last * size + i];
        int64_t r = last;
        while (r > 0 && isnan(s->by_rung[r * size + i])) r--;
        double score = s->by_rung[r * size + i];
        if (pass == 0 && !isnan(final)) {
          for (int64_t k = 0; k < last; k++) change[k] += final - s->by_rung[k * size + i];
          count++;
        }
        s->state[t + i] = isnan(score) ? TRIAL_FAILED : TRIAL_KNOWN;
        scores[t + i] = r < last && count > 0 ? score + change[r] / count : score;
      }
    }
    if (last == 0) break;
  }
done:
  return status;
}

static Status propose(Study *s, int64_t trial) {
  Status status = OK;
  double *scores = NULL;
  TRY(NEW(&scores, trial));
  memset(s->memory, 0, (size_t)sampler_memory(s->in->sampler.space) * sizeof *s->memory);
  for (int64_t t = 0; t < trial; t++) {
    const double *row = NULL;
    TRY(wait_for(s, s->plan.proposal[t], &row));
    memcpy(s->points + t * s->w, row, (size_t)s->w * sizeof *row);
    if (t + 1 == trial)
      memcpy(s->memory, row + s->w,
             (size_t)sampler_memory(s->in->sampler.space) * sizeof *s->memory);
  }
  TRY(collect(s, trial, scores));
  TrialList before = {.n = trial, .points = s->points, .scores = scores, .state = s->state};
  memset(s->row, 0, (size_t)s->width * sizeof *s->row);
  TRY(sampler_propose(&s->in->sampler, &before, s->memory, s->row));
  memcpy(s->row + s->w, s->memory,
         (size_t)sampler_memory(s->in->sampler.space) * sizeof *s->memory);
done:
  memory_free(&scores);
  return status;
}

/* ---- a fit ---- */

/* Which trial a slot is; needs the rungs before. Local. */
static Status find_trial(Study *s, const PlanUnit *unit, int64_t *trial) {
  Status status = OK;
  *trial = unit->bracket * s->plan.size + unit->slot;
  if (unit->rung == 0) return OK;
  TRY(follow(s, unit->bracket, unit->rung, s->plan.rung[0].slots));
  *trial = unit->bracket * s->plan.size + s->alive[unit->slot];
done:
  return status;
}

static Status judge_all(Study *s, const PlanUnit *unit, const Spec *spec, int64_t group,
                        FoldScores *scores) {
  Status status = OK;
  const Comm *comm = &s->cv.group;
  const uint8_t *role = cross_validation_role(&s->cv, unit->fold);
  SharedFold *fold = NULL;
  TRY(shared_folds_take_all(comm, &s->shared, &s->cv.rows, role, unit->fold,
                            &s->prototypes[group].spec, s->cv.in.seed, &fold));
  status = shared_fold_judge_all(comm, fold, spec, s->cv.in.measure, s->cv.in.seed,
                                 progress_task(&s->progress), scores, NULL);
  shared_folds_leave_all(comm, &s->shared, fold);
done:
  return status;
}

/* point: w numbers, and the share of rounds. s->row: out. Collective over the group. */
static Status fit_all(Study *s, const PlanUnit *unit, double *point) {
  Status status = OK;
  FoldScores scores = {0};
  Spec spec;
  void *memory = NULL;
  RealList choice = {.n = s->w + (point[s->w] < 1), .items = point};
  AGREE(&s->cv.group, s->in->maker(s->in->options, &choice, &spec, &memory));
  const Kind *kind = spec.model->kind;
  bool possible = !kind->check || kind->check(spec.model->options) == OK;
  if (possible) TRY(judge_all(s, unit, &spec, (int64_t)point[0], &scores));
  memset(s->row, 0, (size_t)s->width * sizeof *s->row);
  s->row[FIT_POSSIBLE] = possible;
  for (int64_t k = 0; k < EVALUATE_SCORES; k++)
    s->row[FIT_SCORES + k] = possible ? scores.value[k] : NAN;
done:
  memory_free(&memory);
  return status;
}

/* ---- units ---- */

static int64_t number_of(const Study *s, const PlanUnit *unit, int64_t trial) {
  int64_t within =
      unit->kind == PLAN_PROPOSE ? 0 : 1 + unit->rung * s->plan.rules.folds + unit->fold;
  return trial * TRIAL_NUMBERS + within;
}

static Status row_fields(Study *s, Fields *fields) {
  Status status = OK;
  double *row = s->row;
  int64_t n = s->width;
  if (fields->mode == FIELDS_IN) row = NULL;
  TRY(fields_array(fields, "row", FIELD_REAL, &row, 1, &n));
  if (fields->mode == FIELDS_OUT) return OK;
  memcpy(s->row, row, (size_t)n * sizeof *row);
done:
  if (fields->mode == FIELDS_IN) memory_free(&row);
  return status;
}

/* Was it found in an earlier attempt? Local. */
static bool recall(Study *s, int64_t number) {
  Fields fields;
  if (!s->sink || !s->sink->find_record) return false;
  fields_init(&fields, FIELDS_IN);
  bool found = s->sink->find_record(s->sink, number, &fields);
  found = found && row_fields(s, &fields) == OK;
  fields_clear(&fields);
  return found;
}

/* A record that cannot be written costs the resume alone. */
static Status record(Study *s, int64_t number) {
  Fields fields;
  if (!s->sink || !s->sink->record) return OK;
  fields_init(&fields, FIELDS_OUT);
  Status status = row_fields(s, &fields);
  if (status == OK) s->sink->record(s->sink, number, &fields);
  fields_clear(&fields);
  return status;
}

/* What a group has to know of its unit. */
typedef struct Order {
  int64_t trial, number, found;
} Order;

/* Local, on the group's rank 0. point: out, w + 1 numbers. */
static Status prepare(Study *s, const PlanUnit *unit, Order *order, double *point) {
  Status status = OK;
  const double *row = NULL;
  order->trial = unit->trial;
  if (unit->kind == PLAN_FIT) {
    TRY(find_trial(s, unit, &order->trial));
    TRY(wait_for(s, s->plan.proposal[order->trial], &row));
    memcpy(point, row, (size_t)s->w * sizeof *row);
    point[s->w] = s->plan.rung[unit->rung].share;
  }
  order->number = number_of(s, unit, order->trial);
  order->found = recall(s, order->number);
  if (unit->kind == PLAN_PROPOSE && !order->found) TRY(propose(s, unit->trial));
done:
  return status;
}

static Status work_on_all(Study *s, int64_t number, double *point) {
  Status status = OK;
  const PlanUnit *unit = &s->plan.units[number];
  const Comm *group = &s->cv.group;
  Order order = {0};
  AGREE(group, group->rank == 0 ? prepare(s, unit, &order, point) : OK);
  comm_broadcast_all(group, 0, &order, sizeof order);
  comm_broadcast_all(group, 0, point, (size_t)(s->w + 1) * sizeof *point);
  progress_begin(&s->progress, order.number);
  if (unit->kind == PLAN_FIT && !order.found) {
    status = fit_all(s, unit, point);
    if (status != OK && status != STOPPED)
      status_prefix(status, "trial %lld, fold %lld of %lld: ", (long long)order.trial + 1,
                    (long long)unit->fold + 1, (long long)s->plan.rules.folds);
    TRY(status);
  }
  if (group->rank == 0) {
    board_write(s->board, number, s->row);
    if (!order.found) status = record(s, order.number);
  }
  status = status_agree_all(group, status);
done:
  return status;
}

static Status run_unit_all(void *context, int64_t number, Fields *result) {
  Study *s = context;
  double *point = NULL;
  (void)result; /* the board has it */
  Status status = status_agree_all(&s->cv.group, NEW(&point, s->w + 1));
  if (status == OK) status = work_on_all(s, number, point);
  if (status != OK && s->cv.group.rank == 0) board_give_up(s->board);
  memory_free(&point);
  return status;
}

static Status place_nothing(void *context, int64_t unit, Fields *result) {
  (void)context;
  (void)unit;
  (void)result;
  return OK;
}

/* ---- the whole ---- */

static Study *of_whole(WorkSink *whole) {
  return (Study *)(void *)((char *)whole - offsetof(Study, whole));
}

/* Units are in the journal: the run's sink has nothing to save. */
static bool whole_tick(WorkSink *base, int64_t unit, int64_t done, int64_t total,
                       const Fields *fields) {
  WorkSink *progress = progress_whole(&of_whole(base)->progress);
  (void)fields;
  return progress->tick(progress, unit, done, total, NULL);
}

static bool whole_stopping(WorkSink *base) { return work_stopping(of_whole(base)->sink); }

static Status allocate(Study *s) {
  Status status = OK;
  const SearchInputs *in = s->in;
  int64_t trials = in->trials, size = s->plan.size;
  int64_t most = trials > size ? trials : size;
  s->width = s->w + sampler_memory(in->sampler.space);
  if (s->width < FIT_SCORES + EVALUATE_SCORES) s->width = FIT_SCORES + EVALUATE_SCORES;
  TRY(NEW(&s->prototypes, in->sampler.space->groups));
  TRY(NEW(&s->before, s->plan.n + 1));
  TRY(NEW(&s->row, s->width));
  TRY(NEW(&s->points, trials * s->w));
  TRY(NEW(&s->scores, most));
  TRY(NEW(&s->by_rung, s->plan.rungs * size));
  TRY(NEW(&s->sum, size));
  TRY(NEW(&s->count, size));
  TRY(NEW(&s->memory, sampler_memory(in->sampler.space)));
  TRY(NEW(&s->alive, size));
  TRY(NEW(&s->order, size));
  TRY(NEW(&s->slot, size));
  TRY(NEW(&s->state, trials));
done:
  return status;
}

/* A spec of each group. */
static Status make_prototypes(Study *s) {
  Status status = OK;
  const SearchInputs *in = s->in;
  Stream stream = random_stream(in->sampler.seed, "search/prototypes", 0);
  for (int64_t g = 0; g < in->sampler.space->groups; g++) {
    RealList choice = {.n = s->w, .items = s->points}; /* scratch, not yet used */
    design_point(&stream, in->sampler.space, g, choice.items);
    TRY(in->maker(in->options, &choice, &s->prototypes[g].spec, &s->prototypes[g].memory));
  }
done:
  return status;
}

/* As many tasks as may be under way at once. */
static Status begin_folds_all(Study *s) {
  Status status = OK;
  const SearchInputs *in = s->in;
  int64_t groups = in->sampler.space->groups, folds = in->rules.folds;
  int64_t each = (in->rules.window + groups - 1) / groups, n = 0;
  FoldTask *tasks = NULL;
  AGREE(s->comm, NEW(&tasks, groups * each * folds));
  for (int64_t g = 0; g < groups; g++)
    for (int64_t k = 0; k < each * folds; k++)
      tasks[n++] = (FoldTask){.spec = &s->prototypes[g].spec, .fold = k % folds};
  TRY(cross_validation_init_all(s->comm, &in->folds, n, tasks, &s->cv));
done:
  memory_free(&tasks);
  return status;
}

static void cost_units(Study *s) {
  for (int64_t u = 0; u < s->plan.n; u++) {
    const PlanUnit *unit = &s->plan.units[u];
    int64_t rows = unit->kind == PLAN_FIT ? s->cv.n_rows[unit->fold] : 0;
    double share = unit->kind == PLAN_FIT ? s->plan.rung[unit->rung].share : 0;
    s->before[u + 1] = s->before[u] + (int64_t)((double)rows * share);
  }
}

/* ---- what came out ---- */

/* Means of all scores over the folds of a trial's last rung; slot of it there. Local. */
static Status tell_trial(Study *s, int64_t bracket, int64_t rung, int64_t slot,
                         SearchTrial *trial) {
  Status status = OK;
  const Rung *r = &s->plan.rung[rung];
  for (int64_t fold = r->begin; fold < r->end; fold++) {
    const double *row = NULL;
    TRY(wait_for(s, plan_fit(&s->plan, bracket, rung, slot, fold), &row));
    if (row[FIT_POSSIBLE] == 0) trial->rung = -1;
    if (row[FIT_POSSIBLE] != 0) trial->rung = rung;
    trial->folds++;
    for (int64_t k = 0; k < EVALUATE_SCORES; k++) {
      double value = row[FIT_SCORES + k];
      if (isnan(value)) continue;
      trial->mean[k] += value;
      trial->defined[k]++;
      if (k != s->in->score) continue;
      trial->deviation += value * value;
    }
  }
done:
  return status;
}

/* Where each trial of a bracket ended. The scores of all folds: those of earlier rungs count on
 * when rungs have ever more folds. */
static Status tell_bracket(Study *s, int64_t bracket, SearchTrial *trials) {
  Status status = OK;
  const Plan *plan = &s->plan;
  int64_t size = plan->size;
  for (int64_t r = 0; r < plan->rungs; r++) {
    TRY(follow(s, bracket, r, plan->rung[0].slots));
    for (int64_t slot = 0; slot < plan->rung[r].slots; slot++) {
      SearchTrial *trial = &trials[bracket * size + s->alive[slot]];
      if (plan->rules.on == HALVING_ROUNDS) *trial = (SearchTrial){.point = trial->point};
      TRY(tell_trial(s, bracket, r, slot, trial));
    }
  }
done:
  return status;
}

static void finish_trial(const Study *s, SearchTrial *trial) {
  int64_t own = s->in->score;
  for (int64_t k = 0; k < EVALUATE_SCORES; k++)
    trial->mean[k] = mean_of(trial->mean[k], (double)trial->defined[k]);
  double n = (double)trial->defined[own];
  trial->score = trial->mean[own];
  double square = trial->deviation / n - trial->score * trial->score;
  trial->deviation = n > 1 ? sqrt(fmax(square, 0) * n / (n - 1)) : NAN;
}

static Status tell(Study *s, SearchResult *out) {
  Status status = OK;
  const double *row = NULL;
  int64_t last = s->plan.rungs - 1;
  *out = (SearchResult){.n = s->in->trials,
                        .width = s->w,
                        .rungs = s->plan.rungs,
                        .best = -1,
                        .groups = s->cv.n_groups};
  TRY(NEW(&out->points, out->n * out->width));
  TRY(NEW(&out->trials, out->n));
  for (int64_t t = 0; t < out->n; t++) {
    out->trials[t].point = out->points + t * s->w;
    TRY(wait_for(s, s->plan.proposal[t], &row));
    memcpy(out->trials[t].point, row, (size_t)s->w * sizeof *row);
  }
  for (int64_t b = 0; b < out->n / s->plan.size; b++) TRY(tell_bracket(s, b, out->trials));
  for (int64_t t = 0; t < out->n; t++) {
    SearchTrial *trial = &out->trials[t];
    finish_trial(s, trial);
    if (trial->rung != last || isnan(trial->score)) continue;
    double best = out->best >= 0 ? out->trials[out->best].score : NAN;
    bool better = s->in->higher_better ? trial->score > best : trial->score < best;
    if (out->best < 0 || better) out->best = t;
  }
  if (out->best < 0)
    status = status_fail(INVALID,
                         "none of the %lld trials has a score: their options contradict "
                         "each other, or the score is not defined on the folds",
                         (long long)out->n);
done:
  return status;
}

void search_result_clear(SearchResult *result) {
  memory_free(&result->points);
  memory_free(&result->trials);
}

static void study_clear_all(Study *s) {
  board_free_all(&s->board);
  shared_folds_clear(&s->shared);
  cross_validation_clear_all(&s->cv);
  for (int64_t g = 0; s->prototypes && g < s->in->sampler.space->groups; g++)
    memory_free(&s->prototypes[g].memory);
  memory_free(&s->prototypes);
  memory_free(&s->before);
  memory_free(&s->row);
  memory_free(&s->points);
  memory_free(&s->scores);
  memory_free(&s->by_rung);
  memory_free(&s->sum);
  memory_free(&s->count);
  memory_free(&s->memory);
  memory_free(&s->alive);
  memory_free(&s->order);
  memory_free(&s->slot);
  memory_free(&s->state);
  plan_clear(&s->plan);
}

Status search_run_all(const Comm *comm, const SearchInputs *in, WorkSink *sink, SearchResult *out) {
  Status status = OK;
  Study s = {.in = in,
             .comm = comm,
             .sink = sink,
             .whole = {.tick = whole_tick, .stopping = whole_stopping},
             .cv = {.comm = *comm, .group = *comm},
             .shared = {.budget = SHARED_FOLDS_BYTES},
             .w = space_width(in->sampler.space)};
  Work work = {.run = run_unit_all, .place = place_nothing, .context = &s};
  *out = (SearchResult){0};
  AGREE(comm, plan_init(&in->rules, in->trials, &s.plan));
  AGREE(comm, allocate(&s));
  AGREE(comm, make_prototypes(&s));
  TRY(begin_folds_all(&s));
  TRY(board_new_all(comm, s.plan.n, s.width, &s.board));
  cost_units(&s);
  progress_init(&s.progress, sink, s.plan.n, s.before, s.cv.n_groups);
  work.units = s.plan.n;
  TRY(work_run_groups_all(comm, &s.cv.group, &work, sink ? &s.whole : NULL));
  AGREE(comm, tell(&s, out));
done:
  study_clear_all(&s);
  return status;
}
