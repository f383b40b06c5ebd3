/* Stacks fitted over sets of folds; see stack.h.
 *
 * Sets are bit masks. Fits of level 1 read raw columns only, so all sets and members are one list
 * of tasks, a derived fold for each distinct set of training rows. Above, the columns of
 * predictions differ from set to set, so sets follow one another, the level's members side by side.
 *
 * Rejected: predictions of all sets as columns of one table (k times the memory), and features of
 * the meta model from members that have seen the held-out fold (it flatters the stack by just what
 * is to be measured). */
#include "stack.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"

/* What the models of one level predict. */
typedef struct Level {
  int64_t n_sets;
  uint64_t *set;         /* n_sets */
  int64_t n_members;     /* of this level; 1 of meta's */
  int64_t *member;       /* n_members numbers in the bundle; meta: -1 */
  const FoldResult **of; /* n_sets x n_members; NULL: nothing was fitted */
  int64_t n_results;
  FoldResult *results; /* owned; sets may share them */
} Level;

typedef struct Stack {
  const Comm *comm;
  const StackJob *job;
  FoldInputs in;
  WorkSink *sink;
  Bundle *bundle;
  Summary *summary;
  int64_t k;    /* folds */
  int8_t *fold; /* rows.n: the fold that validates a row, -1: none */
  int64_t n_levels;
  Level *levels; /* n_levels + 1: members' from level 1 on, then meta's */
} Stack;

static uint64_t bit(int64_t fold) { return UINT64_C(1) << fold; }

void held_out_clear(HeldOut *held) {
  for (int64_t m = 0; held->member && m < held->n_members; m++) memory_free(&held->member[m]);
  memory_free(&held->member);
  memory_free(&held->stack);
}

static void stack_clear(Stack *stack) {
  for (int64_t l = 0; stack->levels && l <= stack->n_levels; l++) {
    Level *level = &stack->levels[l];
    for (int64_t r = 0; level->results && r < level->n_results; r++)
      fold_result_clear(&level->results[r]);
    memory_free(&level->results);
    memory_free(&level->of);
    memory_free(&level->set);
    memory_free(&level->member);
  }
  memory_free(&stack->levels);
  memory_free(&stack->fold);
}

/* ---- sets of folds ---- */

/* All sets of `size` of the folds from `first` on, each with `set` besides. */
static void add_sets(int64_t k, int64_t first, int64_t size, uint64_t set, Level *level) {
  if (size == 0) {
    if (level->set) level->set[level->n_sets] = set;
    level->n_sets++;
    return;
  }
  for (int64_t f = first; f < k; f++) add_sets(k, f + 1, size - 1, set | bit(f), level);
}

/* Sets of 1 to `most` folds, small ones first: counted, then listed. */
static Status list_sets(int64_t k, int64_t most, Level *level) {
  Status status = OK;
  for (int64_t size = 1; size <= most; size++) add_sets(k, 0, size, 0, level);
  TRY(NEW(&level->set, level->n_sets));
  level->n_sets = 0;
  for (int64_t size = 1; size <= most; size++) add_sets(k, 0, size, 0, level);
done:
  return status;
}

static int64_t set_find(const Level *level, uint64_t set) {
  for (int64_t s = 0; s < level->n_sets; s++)
    if (level->set[s] == set) return s;
  return -1;
}

/* What a row is to models for a set. */
static Role role_in(const Stack *stack, uint64_t set, int64_t i) {
  int64_t own = stack->fold[i];
  if (set == 0) return stack->job->role[i] == ROLE_TRAIN ? ROLE_TRAIN : ROLE_NONE;
  for (int64_t f = 0; f < stack->k; f++)
    if (set & bit(f) && f != own && folds_role(stack->in.folds, f)[i] != ROLE_TRAIN)
      return ROLE_NONE;
  return own >= 0 && set & bit(own) ? ROLE_VALIDATE : ROLE_TRAIN;
}

/* ---- beginning ---- */

static void number_folds(Stack *stack) {
  for (int64_t i = 0; i < stack->in.table->rows.n; i++) {
    stack->fold[i] = -1;
    for (int64_t f = stack->k - 1; f >= 0; f--)
      if (folds_role(stack->in.folds, f)[i] == ROLE_VALIDATE) stack->fold[i] = (int8_t)f;
  }
}

static Status begin_level(Stack *stack, int64_t l) {
  Status status = OK;
  Level *level = &stack->levels[l];
  const StackOptions *options = stack->bundle->spec.stack;
  bool meta = l == stack->n_levels;
  TRY(list_sets(stack->k, stack->n_levels - l + stack->job->guard, level));
  TRY(NEW(&level->member, meta ? 1 : options->members.n));
  if (meta) level->member[level->n_members++] = -1;
  for (int64_t m = 0; !meta && m < options->members.n; m++)
    if (nest_member(options, m)->level == l + 1) level->member[level->n_members++] = m;
  TRY(NEW(&level->of, level->n_sets * level->n_members));
done:
  return status;
}

static Status begin_bundle(const Stack *stack) {
  Status status = OK;
  Bundle *bundle = stack->bundle;
  SpecNeeds needs = {0};
  TRY(spec_needs(&bundle->spec, stack->in.table, NULL, &needs));
  bundle->task = needs.problem.task;
  TRY(dictionary_copy(&needs.problem.classes, &bundle->classes));
  TRY(schema_copy(&needs.needed, &bundle->needed));
  TRY(nest_begin(bundle));
done:
  spec_needs_clear(&needs);
  return status;
}

static Status begin(Stack *stack) {
  Status status = OK;
  const Folds *folds = stack->in.folds;
  stack->k = folds->n_folds / folds->repeats;
  if (stack->k < 2 || stack->k > STACK_MOST_FOLDS)
    return status_fail(INVALID, "folds: a stack needs 2 to %d folds, but there are %lld",
                       STACK_MOST_FOLDS, (long long)stack->k);
  TRY(begin_bundle(stack));
  stack->n_levels = nest_levels(stack->bundle->spec.stack);
  TRY(NEW(&stack->fold, stack->in.table->rows.n));
  number_folds(stack);
  TRY(NEW(&stack->levels, stack->n_levels + 1));
  for (int64_t l = 0; l <= stack->n_levels; l++) TRY(begin_level(stack, l));
done:
  return status;
}

/* ---- level 1: all sets and members at once ---- */

/* Of a set: which rows it trains on, as a hash, and how many it trains on and predicts. */
enum { KEY, TRAINED = FOLDS_KEY, PREDICTED, FACTS };

static Status facts_of_sets_all(const Stack *stack, const Level *level, int64_t **facts) {
  Status status = OK;
  const Rows *rows = &stack->in.table->rows;
  AGREE(stack->comm, NEW(facts, level->n_sets * FACTS));
  for (int64_t i = 0; i < rows->n; i++) {
    int64_t place = rows->begin + i;
    Hash hash = hash_bytes(&place, sizeof place, hash_zero());
    for (int64_t s = 0; s < level->n_sets; s++) {
      int64_t *of = *facts + s * FACTS;
      Role role = role_in(stack, level->set[s], i);
      of[PREDICTED] += role == ROLE_VALIDATE;
      if (role != ROLE_TRAIN) continue;
      of[TRAINED]++;
      for (int k = 0; k < FOLDS_KEY; k++) of[KEY + k] += (int64_t)(hash.word[k] >> 32);
    }
  }
  comm_sum_all(stack->comm, *facts, level->n_sets * FACTS);
done:
  return status;
}

/* The first set with the same training rows; -1: nothing is to be fitted. */
static int64_t twin_of(const int64_t *facts, int64_t s) {
  const int64_t *own = facts + s * FACTS;
  if (own[TRAINED] == 0 || own[PREDICTED] == 0) return -1;
  for (int64_t t = 0; t < s; t++) {
    const int64_t *other = facts + t * FACTS;
    if (other[PREDICTED] > 0 && memcmp(own, other, (TRAINED + 1) * sizeof *own) == 0) return t;
  }
  return s;
}

/* A derived fold for each distinct set of training rows; fit: n_sets numbers of those, -1: none. */
static Status derive_folds(const Stack *stack, const Level *level, const int64_t *facts,
                           int64_t *fit, Folds *out) {
  Status status = OK;
  const Rows *rows = &stack->in.table->rows;
  int64_t n = 0;
  for (int64_t s = 0; s < level->n_sets; s++) {
    int64_t twin = twin_of(facts, s);
    fit[s] = twin < 0 ? -1 : twin == s ? n++ : fit[twin];
  }
  TRY(folds_init(out, rows, n));
  for (int64_t s = 0; s < level->n_sets; s++) {
    uint8_t *role = fit[s] >= 0 ? folds_role(out, fit[s]) : NULL;
    for (int64_t i = 0; role && i < rows->n; i++) {
      Role own = role_in(stack, level->set[s], i);
      if (own != ROLE_NONE) role[i] = (uint8_t)own;
    }
  }
done:
  return status;
}

static FoldTask task_of(const Stack *stack, int64_t member, int64_t fold) {
  const Bundle *bundle = stack->bundle;
  if (member < 0) return (FoldTask){.spec = &bundle->meta->spec, .fold = fold, .name = "meta"};
  return (FoldTask){.spec = &bundle->members[member].spec,
                    .fold = fold,
                    .name = bundle->spec.stack->members.names[member]};
}

static Status list_tasks(const Stack *stack, Level *level, int64_t n_fits, const int64_t *fit,
                         FoldTask **tasks) {
  Status status = OK;
  int64_t n = level->n_members * n_fits;
  TRY(NEW(tasks, n));
  TRY(NEW(&level->results, n));
  level->n_results = n;
  for (int64_t m = 0; m < level->n_members; m++) {
    for (int64_t f = 0; f < n_fits; f++)
      (*tasks)[m * n_fits + f] = task_of(stack, level->member[m], f);
    for (int64_t s = 0; s < level->n_sets; s++)
      if (fit[s] >= 0) level->of[s * level->n_members + m] = &level->results[m * n_fits + fit[s]];
  }
done:
  return status;
}

static Status run_tasks_all(const Stack *stack, const FoldInputs *in, int64_t n,
                            const FoldTask *tasks, FoldResult *results) {
  Status status = OK;
  CrossValidation cv;
  FoldInputs kept = *in;
  kept.keep_predictions = kept.packed = true;
  status = cross_validation_init_all(stack->comm, &kept, n, tasks, &cv);
  if (status == OK) status = cross_validation_run_all(&cv, n, tasks, stack->sink, results);
  cross_validation_clear_all(&cv);
  return status;
}

static Status note_fits(const Stack *stack, const Level *level, int64_t fits) {
  int64_t left_out = 0;
  for (int64_t s = 0; s < level->n_sets; s++) left_out += !level->of[s * level->n_members];
  if (left_out == 0)
    return summary_note(stack->summary, NOTE_INFO,
                        "Members were fitted on %lld sets of the %lld folds' training rows.",
                        (long long)fits, (long long)stack->k);
  return summary_note(stack->summary, NOTE_INFO,
                      "Members were fitted on %lld sets of the %lld folds' training rows; %lld "
                      "further sets have no rows to train on or to predict, as with folds in time.",
                      (long long)fits, (long long)stack->k, (long long)left_out);
}

static Status run_first_level_all(Stack *stack) {
  Status status = OK;
  Level *level = &stack->levels[0];
  int64_t *facts = NULL, *fit = NULL;
  Folds derived = {0};
  FoldTask *tasks = NULL;
  FoldInputs in = stack->in;
  TRY(facts_of_sets_all(stack, level, &facts));
  AGREE(stack->comm, NEW(&fit, level->n_sets));
  AGREE(stack->comm, derive_folds(stack, level, facts, fit, &derived));
  AGREE(stack->comm, list_tasks(stack, level, derived.n_folds, fit, &tasks));
  AGREE(stack->comm, note_fits(stack, level, derived.n_folds));
  in.folds = &derived;
  work_phase(stack->sink, "members on folds, percent");
  TRY(run_tasks_all(stack, &in, level->n_results, tasks, level->results));
done:
  memory_free(&facts);
  memory_free(&fit);
  memory_free(&tasks);
  folds_clear(&derived);
  return status;
}

/* ---- levels above: set by set ---- */

/* Write what models for the set `from` predict for rows that need it: those of which set + g(i) is
 * `from`. */
static void fill(const Stack *stack, const FoldResult *result, uint64_t set, uint64_t from,
                 double *value) {
  int64_t width = result->width;
  for (int64_t k = 0; k < result->n; k++) {
    int64_t i = result->row[k], own = stack->fold[i];
    if (own < 0 || (set | bit(own)) != from) continue;
    memcpy(value + i * width, result->value + k * width, (size_t)width * sizeof *value);
  }
}

/* P(set + g(i), i) by a member of a level: rows.n x width. */
static Status predictions_for(const Stack *stack, const Level *level, int64_t m, uint64_t set,
                              double **value) {
  int64_t size = stack->in.table->rows.n * bundle_width(stack->bundle);
  Status status = NEW(value, size);
  if (status != OK) return status;
  for (int64_t j = 0; j < size; j++) (*value)[j] = NAN;
  for (int64_t f = 0; f < stack->k; f++) {
    uint64_t from = set | bit(f);
    int64_t s = set_find(level, from);
    const FoldResult *result = s >= 0 ? level->of[s * level->n_members + m] : NULL;
    if (result) fill(stack, result, set, from, *value);
  }
  return OK;
}

/* The frame that models above `level` see for a set, and the roles of its rows in folds' one fold:
 * rows without all predictions take no part. */
static Status make_frame(const Stack *stack, const Level *level, uint64_t set, Table *frame,
                         Folds *folds) {
  Status status = OK;
  int64_t n = stack->in.table->rows.n, width = bundle_width(stack->bundle);
  double *value = NULL;
  TRY(nest_frame(stack->in.table, frame));
  TRY(folds_init(folds, &stack->in.table->rows, 1));
  uint8_t *role = folds_role(folds, 0);
  for (int64_t i = 0; i < n; i++)
    role[i] = (uint8_t)(stack->fold[i] < 0 ? ROLE_NONE : role_in(stack, set, i));
  for (int64_t m = 0; m < level->n_members; m++) {
    TRY(predictions_for(stack, level, m, set, &value));
    for (int64_t i = 0; i < n; i++)
      if (isnan(value[i * width])) role[i] = ROLE_NONE;
    TRY(nest_add(stack->bundle, level->member[m], value, frame));
    memory_free(&value);
  }
done:
  memory_free(&value);
  return status;
}

/* The models of level l for one set. */
static Status run_set_all(Stack *stack, int64_t l, int64_t s) {
  Status status = OK;
  Level *level = &stack->levels[l];
  Table frame = {0};
  Folds folds = {0};
  FoldTask *tasks = NULL;
  int64_t counts[3] = {0};
  FoldResult *results = level->results + s * level->n_members;
  AGREE(stack->comm, make_frame(stack, &stack->levels[l - 1], level->set[s], &frame, &folds));
  for (int64_t i = 0; i < frame.rows.n; i++) counts[folds_role(&folds, 0)[i]]++;
  comm_sum_all(stack->comm, counts, 3);
  if (counts[ROLE_TRAIN] == 0 || counts[ROLE_VALIDATE] == 0) goto done;
  AGREE(stack->comm, NEW(&tasks, level->n_members));
  for (int64_t m = 0; m < level->n_members; m++) tasks[m] = task_of(stack, level->member[m], 0);
  FoldInputs in = stack->in;
  in.table = &frame;
  in.folds = &folds;
  TRY(run_tasks_all(stack, &in, level->n_members, tasks, results));
  for (int64_t m = 0; m < level->n_members; m++) level->of[s * level->n_members + m] = &results[m];
done:
  memory_free(&tasks);
  table_clear(&frame);
  folds_clear(&folds);
  return status;
}

static Status run_upper_level_all(Stack *stack, int64_t l) {
  Status status = OK;
  Level *level = &stack->levels[l];
  char what[80];
  level->n_results = level->n_sets * level->n_members;
  AGREE(stack->comm, NEW(&level->results, level->n_results));
  for (int64_t s = 0; s < level->n_sets; s++) {
    snprintf(what, sizeof what, "%s on folds, %lld of %lld, percent",
             l == stack->n_levels ? "stack" : "upper members", (long long)s + 1,
             (long long)level->n_sets);
    work_phase(stack->sink, what);
    TRY(run_set_all(stack, l, s));
  }
done:
  return status;
}

/* ---- what serves ---- */

static Status fit_part_all(const Stack *stack, const Table *table, const uint8_t *role,
                           const char *name, Bundle *part, Summary *summary) {
  Status status = OK;
  SpecNeeds needs = {0};
  StudyRows training = {0};
  char what[160];
  snprintf(what, sizeof what, "final fit of %s", name);
  work_phase(stack->sink, what);
  AGREE(stack->comm, spec_needs(&part->spec, table, NULL, &needs));
  status = study_fit_fold_all(stack->comm, table, role, &needs, stack->in.seed, stack->sink,
                              &training, part, summary);
  if (status != OK && status != STOPPED) status_prefix(status, "%s: ", name);
done:
  study_rows_clear(&training);
  spec_needs_clear(&needs);
  return status;
}

/* The models of level l (0: of raw columns) on all training rows; meta alone speaks. */
static Status fit_level_all(Stack *stack, int64_t l) {
  Status status = OK;
  Level *level = &stack->levels[l];
  const Map *members = &stack->bundle->spec.stack->members;
  Table frame = {0};
  Folds folds = {0};
  Summary unsaid;
  summary_init(&unsaid, false);
  if (l > 0) AGREE(stack->comm, make_frame(stack, &stack->levels[l - 1], 0, &frame, &folds));
  for (int64_t m = 0; m < level->n_members; m++) {
    int64_t member = level->member[m];
    Bundle *part = member < 0 ? stack->bundle->meta : &stack->bundle->members[member];
    TRY(fit_part_all(
        stack, l > 0 ? &frame : stack->in.table, l > 0 ? folds_role(&folds, 0) : stack->job->role,
        member < 0 ? "meta" : members->names[member], part, member < 0 ? stack->summary : &unsaid));
  }
done:
  table_clear(&frame);
  folds_clear(&folds);
  return status;
}

/* ---- held out ---- */

static Status hold_out(const Stack *stack, HeldOut *out) {
  Status status = OK;
  const Level *meta = &stack->levels[stack->n_levels];
  out->width = bundle_width(stack->bundle);
  TRY(NEW(&out->member, stack->bundle->n_members));
  out->n_members = stack->bundle->n_members;
  for (int64_t l = 0; l < stack->n_levels; l++) {
    const Level *level = &stack->levels[l];
    for (int64_t m = 0; m < level->n_members; m++)
      TRY(predictions_for(stack, level, m, 0, &out->member[level->member[m]]));
  }
  if (stack->job->guard) TRY(predictions_for(stack, meta, 0, 0, &out->stack));
done:
  return status;
}

Status stack_fit_all(const Comm *comm, const StackJob *job, WorkSink *sink, Bundle *bundle,
                     HeldOut *held, Summary *summary) {
  Status status = OK;
  Stack stack = {
      .comm = comm, .job = job, .in = *job->in, .sink = sink, .bundle = bundle, .summary = summary};
  *held = (HeldOut){0};
  AGREE(comm, begin(&stack));
  TRY(run_first_level_all(&stack));
  for (int64_t l = 1; l <= stack.n_levels; l++) TRY(run_upper_level_all(&stack, l));
  AGREE(comm, hold_out(&stack, held));
  for (int64_t l = 0; job->final && l <= stack.n_levels; l++) TRY(fit_level_all(&stack, l));
done:
  stack_clear(&stack);
  return status;
}

Status stack_predict_all(const Comm *comm, const Table *table, const uint8_t *role, Role wanted,
                         const Schema *columns, const Bundle *bundle, Predicted *out,
                         double **members) {
  Status status = OK;
  const Spec *spec = &bundle->spec;
  *out = (Predicted){.width = bundle_width(bundle)};
  StudyColumns taken = {.columns = columns, .target = spec->target, .group = spec->group};
  TRY(study_rows_all(comm, table, role, wanted, &taken, &out->rows));
  int64_t size = out->rows.table.rows.n * out->width;
  Status local = NEW(&out->value, size);
  for (int64_t m = 0; m < bundle->n_members; m++)
    if (local == OK) local = NEW(&members[m], size);
  if (local == OK) local = nest_predict(bundle, &out->rows.table, members, out->value);
  AGREE(comm, local);
done:
  return status;
}
