/* Several specs on the same folds; see candidates.h. */
#include "candidates.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/base/names.h"
#include "kernels/measure/compare.h"

enum { NAME = 256 };

/* What is under way. */
typedef struct Judging {
  const Candidates *candidates;
  const FoldInputs *in;
  Problem problem;
  const ScoreKind *kinds; /* of the task */
  int64_t n_folds;
  FoldTask *tasks;     /* candidate by candidate, fold by fold */
  char (*names)[NAME]; /* of candidates, for messages and pictures */
  FoldResult *results; /* as tasks */
  Comparison *against; /* n: the best beside each; value NaN: not compared */
  bool compared;
} Judging;

static void judging_clear(Judging *judging) {
  int64_t n = judging->candidates->n * judging->n_folds;
  for (int64_t t = 0; judging->results && t < n; t++) fold_result_clear(&judging->results[t]);
  memory_free(&judging->results);
  memory_free(&judging->tasks);
  memory_free(&judging->names);
  memory_free(&judging->against);
  problem_clear(&judging->problem);
}

void standing_clear(Standing *standing) {
  memory_free(&standing->order);
  memory_free(&standing->mean);
  memory_free(&standing->sd);
}

static void name_candidate(const Candidates *c, int64_t k, char name[NAME]) {
  int used = 0;
  for (int64_t l = 0; l < c->n_labels && used < NAME; l++)
    used += snprintf(name + used, (size_t)(NAME - used), "%s%s", l > 0 ? ", " : "",
                     c->label[k * c->n_labels + l]);
}

/* ---- what decides ---- */

static Status find_score(const Judging *judging, int64_t *score) {
  const Problem *problem = &judging->problem;
  const char *name = judging->candidates->score, *names[EVALUATE_SCORES];
  char hint[160];
  int64_t n = evaluate_score_count(problem->task);
  if (!name)
    name = problem->task == TASK_REGRESSION ? "rmse"
           : problem->classes.n == 2        ? "average_precision"
                                            : "accuracy";
  *score = evaluate_score_find(problem->task, name);
  if (*score >= 0) return OK;
  for (int64_t k = 0; k < n; k++) names[k] = judging->kinds[k].name;
  return status_fail(INVALID, "score: \"%s\" is no score of a %s%s", name,
                     problem->task == TASK_REGRESSION ? "regression" : "classification",
                     names_hint(name, names, n, hint));
}

/* ---- order ---- */

static bool better(const Standing *standing, const ScoreKind *kind, int64_t a, int64_t b) {
  double x = standing->mean[a * EVALUATE_SCORES + standing->score];
  double y = standing->mean[b * EVALUATE_SCORES + standing->score];
  if (isnan(x) || isnan(y)) return isnan(y) && !isnan(x);
  return kind->higher_better ? x > y : x < y;
}

static void place_candidates(const Judging *judging, Standing *out) {
  const ScoreKind *kind = &judging->kinds[out->score];
  for (int64_t c = 0; c < out->n; c++) {
    const FoldResult *own = judging->results + c * judging->n_folds;
    for (int64_t k = 0; k < evaluate_score_count(judging->problem.task); k++)
      fold_results_mean(own, judging->n_folds, k, &out->mean[c * EVALUATE_SCORES + k],
                        &out->sd[c * EVALUATE_SCORES + k]);
    int64_t at = c;
    for (; at > 0 && better(out, kind, c, out->order[at - 1]); at--)
      out->order[at] = out->order[at - 1];
    out->order[at] = c;
  }
}

/* ---- the best beside each other one ---- */

/* The out-of-fold predictions of one candidate: rows that no fold has are NaN. Repeated folds:
 * those of the first repeat. */
static Status gather(const Judging *judging, int64_t candidate, double **out) {
  Status status = OK;
  const FoldResult *own = judging->results + candidate * judging->n_folds;
  int64_t n = judging->in->table->rows.n, width = own->width;
  TRY(NEW(out, n * width));
  for (int64_t i = 0; i < n * width; i++) (*out)[i] = NAN;
  for (int64_t f = 0; f < judging->n_folds / judging->in->folds->repeats; f++)
    for (int64_t i = 0; i < n * width; i++)
      if (!isnan(own[f].value[i])) (*out)[i] = own[f].value[i];
done:
  return status;
}

/* Rows with their truth and recording, as comparing wants them. */
typedef struct Truth {
  double *truth;
  int64_t *group;
  uint8_t *where;
  double *best, *other;
} Truth;

static void truth_clear(Truth *truth) {
  memory_free(&truth->truth);
  memory_free(&truth->group);
  memory_free(&truth->where);
  memory_free(&truth->best);
  memory_free(&truth->other);
}

static Status truth_init(const Judging *judging, int64_t best, Truth *out) {
  Status status = OK;
  const Table *table = judging->in->table;
  const Spec *spec = judging->candidates->specs[0];
  int64_t n = table->rows.n, width = judging->results[0].width;
  Column *target = NULL, *group = NULL;
  TRY(table_require(table, spec->target, &target));
  if (spec->group) TRY(table_require(table, spec->group, &group));
  TRY(NEW(&out->truth, n));
  TRY(NEW(&out->group, n));
  TRY(NEW(&out->where, n));
  TRY(gather(judging, best, &out->best));
  for (int64_t i = 0; i < n; i++) {
    out->where[i] = (uint8_t)!isnan(out->best[i * width]);
    if (!out->where[i]) continue;
    out->truth[i] = column_real(target, i);
    out->group[i] = study_group_number(group ? group->integer[i] : table->row_id[i]);
  }
done:
  return status;
}

/* Scores that have no paired comparison are compared by the task's usual one. */
static CompareScore compared_by(const Judging *judging, int64_t score) {
  for (int s = 0; compare_score_words[s]; s++)
    if (strcmp(compare_score_words[s], judging->kinds[score].name) == 0) return (CompareScore)s;
  return judging->problem.task == TASK_REGRESSION ? COMPARE_RMSE : COMPARE_LOG_LOSS;
}

static Status compare_all(const Comm *comm, Judging *judging, const Standing *standing) {
  Status status = OK;
  Truth truth = {0};
  int64_t best = standing->order[0];
  CompareScore score = compared_by(judging, standing->score);
  AGREE(comm, truth_init(judging, best, &truth));
  CompareRows rows = {.n = judging->in->table->rows.n,
                      .n_classes = judging->problem.classes.n,
                      .truth = truth.truth,
                      .prediction = {truth.best},
                      .group = truth.group,
                      .where = truth.where};
  for (int64_t c = 0; c < standing->n; c++) {
    if (c == best) continue;
    memory_free(&truth.other);
    AGREE(comm, gather(judging, c, &truth.other));
    rows.prediction[1] = truth.other;
    TRY(measure_compare_all(comm, &rows, score, judging->in->measure, "validation",
                            &judging->against[c]));
  }
done:
  truth_clear(&truth);
  return status;
}

/* ---- telling ---- */

static Status tell_board(const Judging *judging, const Standing *standing, Summary *summary) {
  Status status = OK;
  const Candidates *c = judging->candidates;
  int64_t scores = evaluate_score_count(judging->problem.task), handle = -1;
  int64_t width = 1 + c->n_labels + scores + 1 + 3 * judging->compared, n = 0;
  const char **columns = NULL, *by = judging->kinds[standing->score].name;
  Cell *cells = NULL;
  char sd[64], title[128];
  TRY(NEW(&columns, width));
  TRY(NEW(&cells, width));
  columns[n++] = "place";
  for (int64_t l = 0; l < c->n_labels; l++) columns[n++] = c->axes[l];
  /* What decides comes first. */
  for (int64_t k = 0; k < scores; k++)
    columns[n + (k == standing->score ? 0 : k + (k < standing->score))] = judging->kinds[k].name;
  n += scores;
  snprintf(sd, sizeof sd, "%s_sd", by);
  columns[n++] = sd;
  if (judging->compared) {
    columns[n++] = "behind_the_best";
    columns[n++] = "from";
    columns[n++] = "to";
  }
  snprintf(title, sizeof title, "Leaderboard by %s (means over folds)", by);
  TRY(summary_table(summary, "leaderboard", title, width, columns, &handle));
  for (int64_t place = 0; place < standing->n; place++) {
    int64_t own = standing->order[place], at = 0;
    cells[at++] = cell_integer(place + 1);
    for (int64_t l = 0; l < c->n_labels; l++)
      cells[at++] = cell_text(c->label[own * c->n_labels + l]);
    for (int64_t k = 0; k < scores; k++)
      cells[at + (k == standing->score ? 0 : k + (k < standing->score))] =
          cell_real(standing->mean[own * EVALUATE_SCORES + k]);
    at += scores;
    cells[at++] = cell_real(standing->sd[own * EVALUATE_SCORES + standing->score]);
    if (judging->compared) {
      const Score *behind = &judging->against[own].difference;
      cells[at++] = cell_real(behind->value);
      cells[at++] = cell_real(behind->low);
      cells[at++] = cell_real(behind->high);
    }
    TRY(summary_row(summary, handle, cells));
  }
done:
  memory_free(&columns);
  memory_free(&cells);
  return status;
}

static Status tell_bars(const Judging *judging, const Standing *standing, Summary *summary) {
  Status status = OK;
  char **names = NULL, title[128];
  double *values = NULL;
  const char *by = judging->kinds[standing->score].name;
  TRY(NEW(&names, standing->n));
  TRY(NEW(&values, standing->n));
  for (int64_t place = 0; place < standing->n; place++) {
    names[place] = judging->names[standing->order[place]];
    values[place] = standing->mean[standing->order[place] * EVALUATE_SCORES + standing->score];
  }
  snprintf(title, sizeof title, "Candidates by %s", by);
  Series series = {.name = "candidates",
                   .title = title,
                   .x_label = "candidate",
                   .y_label = (char *)(uintptr_t)by,
                   .kind = SERIES_BARS,
                   .n_x = standing->n,
                   .n_y = standing->n,
                   .x_names = names,
                   .y = values};
  TRY(summary_series(summary, &series));
done:
  memory_free(&names);
  memory_free(&values);
  return status;
}

/* How sure is the first place? */
static Status tell_note(const Judging *judging, const Standing *standing, Summary *summary) {
  const char *best = judging->names[standing->order[0]];
  const char *by = judging->kinds[standing->score].name;
  if (standing->n < 2) return OK;
  if (!judging->compared)
    return summary_note(summary, NOTE_INFO,
                        "Out-of-fold predictions of %lld candidates were too large to be kept, so "
                        "candidates are not compared with each other.",
                        (long long)standing->n);
  int64_t second = standing->order[1];
  const Score *lead = &judging->against[second].difference;
  bool sure = lead->low > 0 || lead->high < 0;
  return summary_note(
      summary, NOTE_INFO,
      "Best by %s: %s. %s %s by a paired bootstrap over recordings (difference %.4g, %.0f %% "
      "interval %.4g to %.4g).",
      by, best, sure ? "It is ahead of" : "It cannot be told from", judging->names[second],
      lead->value, 100 * judging->in->measure->confidence, lead->low, lead->high);
}

static Status tell(const Judging *judging, const Standing *standing, Summary *summary) {
  Status status = OK;
  TRY(tell_board(judging, standing, summary));
  TRY(tell_bars(judging, standing, summary));
  TRY(tell_note(judging, standing, summary));
done:
  return status;
}

/* ---- judging ---- */

static Status judging_init(Judging *judging, Standing *out) {
  Status status = OK;
  const Candidates *c = judging->candidates;
  Column *target = NULL;
  TRY(table_require(judging->in->table, c->specs[0]->target, &target));
  TRY(problem_of(target, &judging->problem));
  judging->kinds = evaluate_score_kinds[judging->problem.task];
  TRY(find_score(judging, &out->score));
  TRY(NEW(&judging->tasks, c->n * judging->n_folds));
  TRY(NEW(&judging->results, c->n * judging->n_folds));
  TRY(NEW(&judging->against, c->n));
  TRY(NEW(&judging->names, c->n));
  TRY(NEW(&out->order, c->n));
  TRY(NEW(&out->mean, c->n * EVALUATE_SCORES));
  TRY(NEW(&out->sd, c->n * EVALUATE_SCORES));
  out->n = c->n;
  for (int64_t k = 0; k < c->n; k++) {
    judging->against[k].difference = (Score){NAN, NAN, NAN};
    name_candidate(c, k, judging->names[k]);
    for (int64_t f = 0; f < judging->n_folds; f++)
      judging->tasks[k * judging->n_folds + f] =
          (FoldTask){.spec = c->specs[k], .fold = f, .name = judging->names[k]};
  }
  int64_t width = judging->problem.task == TASK_REGRESSION ? 1 : judging->problem.classes.n;
  double bytes =
      8.0 * (double)(c->n * judging->n_folds * width) * (double)judging->in->table->rows.n_global;
  judging->compared = c->n > 1 && bytes <= (double)CANDIDATES_BYTES && target->type != COLUMN_LIST;
done:
  return status;
}

Status candidates_judge_all(const Comm *comm, const FoldInputs *in, const Candidates *candidates,
                            WorkSink *sink, Standing *out, Summary *summary) {
  Status status = OK;
  FoldInputs own = *in;
  CrossValidation cv = {.comm = *comm, .group = *comm};
  Judging judging = {.candidates = candidates, .in = &own, .n_folds = in->folds->n_folds};
  *out = (Standing){0};
  AGREE(comm, judging_init(&judging, out));
  own.keep_predictions = judging.compared;
  int64_t n = candidates->n * judging.n_folds;
  TRY(cross_validation_init_all(comm, &own, n, judging.tasks, &cv));
  TRY(cross_validation_run_all(&cv, n, judging.tasks, sink, judging.results));
  place_candidates(&judging, out);
  if (judging.compared) TRY(compare_all(comm, &judging, out));
  AGREE(comm, tell(&judging, out, summary));
done:
  cross_validation_clear_all(&cv);
  judging_clear(&judging);
  return status;
}
