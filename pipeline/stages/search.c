/* search: look for the model, and for the options of it, that do best on the folds.
 *
 * What is looked for stands where a `train` has values: {"low", "high", "log"} or {"choices"} in
 * the place of a number, a switch or a word. Every trial is judged on the folds as `train` judges
 * its model; the best is fitted on the training part of the split and measured on the test part,
 * which no trial has seen. The artifact holds the choice, so `predict` finds the same model. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "job.h"
#include "kernels/base/memory.h"
#include "kernels/base/names.h"
#include "kernels/study/search_report.h"

enum { GRID_MOST = 100000, TRIALS_STANDARD = 64 };

typedef struct SearchOptions {
  JobOptions job;
  SpaceList models;
  int method;
  int64_t trials, window, warm_up, grid_levels;
  char *score;
  int64_t bracket;
  double keep;
  int rungs;
  char *rounds;
} SearchOptions;

static const char *const method_words[] = {"grid", "random", "bayes", "tpe", NULL};
static const char *const rung_words[] = {"folds", "rounds", NULL};

static const Option rows[] = {
    JOB_WHAT,
    OPTION_SPACES(SearchOptions, models, NULL, model_kinds,
                  "the models to search among; options of one do not concern the others"),
    OPTION_WORD(SearchOptions, method, "\"bayes\"", method_words,
                "how trials are proposed: grid: all combinations; random; bayes: where a Gaussian "
                "process of the scores so far (Matern 5/2, a length scale for each option) expects "
                "most to gain, from the 193rd trial on as tpe does; tpe: where good trials are "
                "denser than others, for large studies"),
    OPTION_INTEGER(SearchOptions, trials, "null", 1, 100000,
                   "how many; null: 64, or the whole grid. A longer study keeps the trials of a "
                   "shorter one: raise it and run again"),
    OPTION_INTEGER(
        SearchOptions, window, "4", 1, 10000,
        "trial t is proposed from the results of trials up to t - window: so many trials "
        "may be under way at once, each on all folds, whatever the number of ranks"),
    OPTION_INTEGER(SearchOptions, warm_up, "8", 1, 100000,
                   "bayes, tpe: trials spread evenly over the space before anything is learned"),
    OPTION_INTEGER(SearchOptions, grid_levels, "5", 2, 1000,
                   "grid: values of each range, ends included; choices are all taken"),
    OPTION_TEXT(SearchOptions, score, "null",
                "what decides, its mean over the folds: rmse, mae, r2, accuracy, auc ...; null: "
                "rmse, average_precision (two classes) or accuracy"),
    OPTION_INTEGER(SearchOptions, bracket, "null", 2, 10000,
                   "successive halving: so many trials in a row compete, and only the best of them "
                   "are fitted in full; trials is a multiple of it; null: all are"),
    OPTION_REAL(SearchOptions, keep, "0.34", 0.01, 0.9,
                "halving: share of a bracket's trials that goes on to the next rung, one at least"),
    OPTION_WORD(SearchOptions, rungs, "\"folds\"", rung_words,
                "halving: what there is more of from rung to rung: folds (one, then 1 / keep times "
                "as many ...), or rounds, on all folds"),
    OPTION_TEXT(SearchOptions, rounds, "\"trees\"",
                "halving on rounds: the option of the models that counts them"),
    JOB_HOW,
    JOB_REFIT,
    {0}};

enum { INPUT, FOLDS };
static const Port ports[] = {
    [INPUT] = {"input", PORT_TABLE, true, "rows with a split column"},
    [FOLDS] = {"folds", PORT_FOLDS, true, "folds on which trials are judged, over the same rows"},
    {0}};

/* ---- the space ---- */

static int64_t count_open(const SearchOptions *o) {
  int64_t n = 0;
  for (int64_t g = 0; g < o->models.n; g++) n += o->models.items[g].n;
  return n;
}

/* Parameter j of the space: range j of all models, one after the other. */
static const SpaceRange *range_of(const SearchOptions *o, int64_t j, int64_t *group) {
  for (*group = 0; j >= o->models.items[*group].n; ++*group) j -= o->models.items[*group].n;
  return &o->models.items[*group].ranges[j];
}

/* Are choices numbers that rise or fall? */
static bool is_ordered(const SpaceRange *range) {
  bool rises = true, falls = true;
  if (range->row->type != OPTION_TYPE_REAL && range->row->type != OPTION_TYPE_INTEGER) return false;
  for (int64_t i = 0; i < range->n; i++) {
    bool word = range->row->words && range->values[i] < 0;
    if (isnan(range->values[i]) || word) return false;
    rises &= i == 0 || range->values[i] > range->values[i - 1];
    falls &= i == 0 || range->values[i] < range->values[i - 1];
  }
  return rises || falls;
}

static void fill_space(const SearchOptions *o, Parameter *items, Space *space) {
  *space = (Space){.groups = o->models.n, .n = count_open(o), .items = items};
  for (int64_t j = 0; j < space->n; j++) {
    int64_t group;
    const SpaceRange *range = range_of(o, j, &group);
    items[j] =
        (Parameter){.low = range->low, .high = range->high, .log = range->log, .group = group};
    if (range->values) {
      items[j].type = is_ordered(range) ? PARAMETER_ORDERED : PARAMETER_CHOICE;
      items[j].choices = range->n;
    } else {
      items[j].type = range->row->type == OPTION_TYPE_REAL ? PARAMETER_REAL : PARAMETER_INTEGER;
    }
  }
}

static const Option *rounds_row(const SearchOptions *o, const Kind *kind) {
  for (const Option *row = kind->options; row && row->name; row++)
    if (strcmp(row->name, o->rounds) == 0 && row->type == OPTION_TYPE_INTEGER) return row;
  return NULL;
}

/* A model with the options of a point; one block of memory. */
typedef struct Made {
  Variant model;
  max_align_t options[];
} Made;

/* The choice is a point, with the share of rounds behind it where that is not all. Lists and texts
 * stay those of the stage's options. */
static Status make(const void *options, const RealList *choice, Spec *spec, void **memory) {
  Status status = OK;
  const SearchOptions *o = options;
  int64_t open = count_open(o), at = 1;
  uint8_t *block = NULL;
  bool fits = choice->n == 1 + open || choice->n == 2 + open;
  if (!fits || !(choice->items[0] >= 0 && choice->items[0] < (double)o->models.n))
    return status_fail(FORMAT, "the point that was chosen is none of the config's space");
  const SpaceVariant *chosen = &o->models.items[(int64_t)choice->items[0]];
  const Kind *kind = chosen->base.kind;
  TRY(NEW(&block, (int64_t)(sizeof(Made) + kind->options_size)));
  *memory = block;
  Made *made = *memory;
  made->model = (Variant){.kind = kind, .options = kind->options_size > 0 ? made->options : NULL};
  if (kind->options_size > 0) memcpy(made->options, chosen->base.options, kind->options_size);
  for (const SpaceVariant *item = o->models.items; item < chosen; item++) at += item->n;
  for (int64_t k = 0; k < chosen->n; k++) {
    const SpaceRange *range = &chosen->ranges[k];
    double value = choice->items[at + k];
    if (range->values && !(value >= 0 && value < (double)range->n))
      return status_fail(FORMAT, "choice %g of \"%s\" is none of the config's", value,
                         range->row->name);
    option_set(range->row, made->options, range->values ? range->values[(int64_t)value] : value);
  }
  if (choice->n == 2 + open) {
    const Option *row = rounds_row(o, kind);
    double rounds = rint(option_get(row, made->options) * choice->items[1 + open]);
    option_set(row, made->options, rounds < row->low ? row->low : rounds);
  }
  *spec = job_spec(&o->job, &made->model);
done:
  return status;
}

/* ---- checks ---- */

static Status check_halving(const SearchOptions *o) {
  int64_t trials = o->trials == OPTION_NONE_INTEGER ? TRIALS_STANDARD : o->trials;
  if (o->bracket == OPTION_NONE_INTEGER) return OK;
  if (o->method == SAMPLER_GRID)
    return status_fail(INVALID, "bracket: a grid is fitted as a whole; leave bracket out");
  if (trials % o->bracket != 0)
    return status_fail(INVALID,
                       "trials: %lld are no multiple of the bracket of %lld; take %lld or %lld",
                       (long long)trials, (long long)o->bracket,
                       (long long)(trials < o->bracket ? o->bracket : trials - trials % o->bracket),
                       (long long)(trials - trials % o->bracket + o->bracket));
  for (int64_t g = 0; o->rungs == HALVING_ROUNDS && g < o->models.n; g++) {
    const Kind *kind = o->models.items[g].base.kind;
    if (!o->rounds || !rounds_row(o, kind))
      return status_fail(INVALID,
                         "rounds: a %s has no integer option \"%s\"; halve on folds, or name the "
                         "option that counts its rounds",
                         kind->name, o->rounds ? o->rounds : "");
  }
  return OK;
}

static Status check_grid(const SearchOptions *o, const Space *space) {
  double size = space_grid_size(space, o->grid_levels);
  if (o->method != SAMPLER_GRID) return OK;
  if (size > GRID_MOST)
    return status_fail(INVALID,
                       "models: the grid has %.0f points, more than %d; give fewer choices or "
                       "grid_levels, or take another method",
                       size, GRID_MOST);
  if (o->trials != OPTION_NONE_INTEGER && (double)o->trials < size)
    return status_fail(
        INVALID,
        "trials: the grid has %.0f points, all of which are tried; leave trials out, "
        "or take the method random for %lld of them",
        size, (long long)o->trials);
  return OK;
}

static Status check(const void *options) {
  Status status = OK;
  const SearchOptions *o = options;
  Parameter *items = NULL;
  Space space;
  TRY(NEW(&items, count_open(o)));
  fill_space(o, items, &space);
  TRY(check_grid(o, &space));
  TRY(check_halving(o));
done:
  memory_free(&items);
  return status;
}

/* All models have the job's recipe, and so the same raw columns. */
static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  const SearchOptions *o = options;
  const Schema *schema = &inputs[INPUT]->schema;
  Task task;
  TRY(job_plan(&o->job, schema, &task));
  TRY(job_plan_output(&o->job, output));
  if (o->score && evaluate_score_find(task, o->score) < 0) {
    const char *names[EVALUATE_SCORES];
    char hint[160];
    int64_t n = evaluate_score_count(task);
    for (int64_t k = 0; k < n; k++) names[k] = evaluate_score_kinds[task][k].name;
    return status_fail(INVALID, "score: \"%s\" is no score of a %s%s", o->score,
                       task == TASK_REGRESSION ? "regression" : "classification",
                       names_hint(o->score, names, n, hint));
  }
  for (int64_t g = 0; g < o->models.n; g++) {
    Spec spec = job_spec(&o->job, &o->models.items[g].base);
    status = job_plan_spec(&spec, task, schema, g == 0 ? &output->schema : NULL);
    TRY(status_prefix(status, g == 0 ? "" : "models/%lld: ", (long long)g));
  }
done:
  return status;
}

/* ---- the run ---- */

static void write_value(const void *context, int64_t j, double value, char *text) {
  int64_t group;
  const SpaceRange *range = range_of(context, j, &group);
  const Option *row = range->row;
  if (range->values) value = range->values[(int64_t)value];
  if (isnan(value))
    snprintf(text, 64, "null");
  else if (row->type == OPTION_TYPE_BOOLEAN)
    snprintf(text, 64, "%s", value != 0 ? "true" : "false");
  else if (row->type == OPTION_TYPE_WORD)
    snprintf(text, 64, "%s", row->words[(int)value]);
  else if (row->words && value < 0)
    snprintf(text, 64, "%s", row->words[(int)(-1 - value)]);
  else
    snprintf(text, 64, "%.6g", value);
}

typedef struct Searching {
  const SearchOptions *o;
  Parameter *items;
  Space space;
  const char **groups, **parameters;
  Task task;
  SearchInputs in;
  SearchResult result;
} Searching;

static void searching_clear(Searching *s) {
  search_result_clear(&s->result);
  memory_free(&s->items);
  memory_free(&s->groups);
  memory_free(&s->parameters);
}

/* A finite space is searched as a whole and no further. */
static int64_t count_trials(const Searching *s) {
  const SearchOptions *o = s->o;
  bool grid = o->method == SAMPLER_GRID;
  double size = grid ? space_grid_size(&s->space, o->grid_levels) : space_size(&s->space);
  double most = o->trials != OPTION_NONE_INTEGER ? (double)o->trials : TRIALS_STANDARD;
  int64_t n = (int64_t)(grid || size < most ? size : most);
  int64_t bracket = o->bracket == OPTION_NONE_INTEGER ? 1 : o->bracket;
  return n > bracket ? n - n % bracket : bracket;
}

static Status prepare(const Job *job, Searching *s) {
  Status status = OK;
  const SearchOptions *o = s->o;
  Problem problem = {0};
  Column *target = NULL;
  TRY(NEW(&s->items, count_open(o)));
  fill_space(o, s->items, &s->space);
  TRY(NEW(&s->groups, o->models.n));
  TRY(NEW(&s->parameters, s->space.n));
  for (int64_t g = 0; g < o->models.n; g++) s->groups[g] = o->models.items[g].base.kind->name;
  for (int64_t j = 0; j < s->space.n; j++) {
    int64_t group;
    s->parameters[j] = range_of(o, j, &group)->row->name;
  }
  TRY(table_require(job->table, o->job.target, &target));
  TRY(problem_of(target, &problem));
  s->task = problem.task;
  const char *score = o->score                          ? o->score
                      : problem.task == TASK_REGRESSION ? "rmse"
                      : problem.classes.n == 2          ? "average_precision"
                                                        : "accuracy";
  int64_t place = evaluate_score_find(problem.task, score);
  bool halves = o->bracket != OPTION_NONE_INTEGER;
  s->in.maker = make;
  s->in.options = o;
  s->in.sampler = (Sampler){.space = &s->space,
                            .method = (SamplerMethod)o->method,
                            .seed = job->context->seed,
                            .warm_up = o->warm_up,
                            .grid_levels = o->grid_levels};
  s->in.rules = (PlanRules){.window = o->window,
                            .folds = s->in.folds.folds->n_folds,
                            .bracket = halves ? o->bracket : 0,
                            .keep = o->keep,
                            .on = (HalvingOn)o->rungs};
  s->in.trials = count_trials(s);
  s->in.score = place;
  s->in.higher_better = evaluate_score_kinds[problem.task][place].higher_better;
done:
  problem_clear(&problem);
  return status;
}

static Status note_size(const Searching *s, Summary *summary) {
  int64_t asked = s->o->trials == OPTION_NONE_INTEGER ? TRIALS_STANDARD : s->o->trials;
  if (s->in.trials >= asked || s->o->method == SAMPLER_GRID) return OK;
  return summary_note(summary, NOTE_INFO,
                      "The space has %.0f points: %lld trials looked at as many as there are to "
                      "look at.",
                      space_size(&s->space), (long long)s->in.trials);
}

static Status search_all(const Job *job, const SearchOptions *o, const Folds *folds,
                         Artifact *output) {
  Status status = OK;
  const Comm *comm = job->context->comm;
  Searching s = {.o = o};
  TRY(job_folds_all(job, folds, &s.in.folds));
  AGREE(comm, prepare(job, &s));
  work_phase(job->context->sink, "trials, percent");
  TRY(search_run_all(comm, &s.in, job->context->sink, &s.result));
  SearchNames names = {
      .groups = s.groups, .parameters = s.parameters, .value = write_value, .context = o};
  AGREE(comm, search_report(&s.in, &s.result, &names, s.task, &output->summary));
  AGREE(comm, note_size(&s, &output->summary));
  RealList choice = {.n = s.result.width, .items = s.result.trials[s.result.best].point};
  AGREE(comm, bundle_choose(&output->bundle, &choice));
done:
  searching_clear(&s);
  return status;
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const SearchOptions *o = options;
  Job job = {0};
  TRY(job_init_all(context, &o->job, &inputs[INPUT]->table, &job));
  TRY(search_all(&job, o, &inputs[FOLDS]->folds, output));
  work_phase(context->sink, "final fit");
  TRY(job_finish_all(&job, output));
done:
  job_clear(&job);
  return status;
}

extern const StageKind search_stage;
const StageKind search_stage = {
    .kind = {.name = "search",
             .help = "Searches models and their options for the best on folds, and fits that.",
             .version = 1,
             .options_size = sizeof(SearchOptions),
             .options = rows,
             .check = check},
    .grows = "trials",
    .inputs = ports,
    .output = PORT_BUNDLE,
    .plan = plan,
    .run_all = run_all,
    .choose = make};
