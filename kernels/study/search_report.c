/* What a search says; see search_report.h. */
#include "search_report.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"
#include "kernels/search/importance.h"

enum { PICTURES_MOST = 16, NAME = 96 };

typedef struct Telling {
  const SearchInputs *in;
  const SearchResult *result;
  const SearchNames *names;
  const Space *space;
  const ScoreKind *kinds;
  int64_t n_kinds;
  const char *score;
  Summary *summary;
  int64_t *order; /* trials, the best first; those that were dropped early behind */
} Telling;

static bool has_score(const SearchTrial *trial) { return !isnan(trial->score); }

static bool is_better(const Telling *t, const SearchTrial *a, const SearchTrial *b) {
  if (a->rung != b->rung) return a->rung > b->rung;
  if (!has_score(a) || !has_score(b)) return has_score(a) && !has_score(b);
  return t->in->higher_better ? a->score > b->score : a->score < b->score;
}

static void sort_trials(Telling *t) {
  for (int64_t i = 0; i < t->result->n; i++) {
    int64_t at = i;
    for (; at > 0; at--) {
      if (!is_better(t, &t->result->trials[i], &t->result->trials[t->order[at - 1]])) break;
      t->order[at] = t->order[at - 1];
    }
    t->order[at] = i;
  }
}

/* `learning_rate`, or `gbdt learning_rate` where there are several kinds. */
static void name_parameter(const Telling *t, int64_t j, char name[NAME]) {
  const char *group = t->names->groups[t->space->items[j].group];
  if (t->space->groups > 1)
    snprintf(name, NAME, "%s %s", group, t->names->parameters[j]);
  else
    snprintf(name, NAME, "%s", t->names->parameters[j]);
}

/* ---- tables ---- */

static Status begin_table(const Telling *t, int64_t *handle) {
  Status status = OK;
  int64_t n = 0, width = 6 + t->space->n + t->n_kinds;
  char *texts = NULL;
  const char **columns = NULL;
  TRY(NEW(&texts, NAME * t->space->n));
  TRY(NEW(&columns, width));
  columns[n++] = "place";
  columns[n++] = "trial";
  columns[n++] = "model";
  columns[n++] = t->score;
  columns[n++] = "deviation over folds";
  columns[n++] = "folds";
  for (int64_t j = 0; j < t->space->n; j++) {
    name_parameter(t, j, texts + j * NAME);
    columns[n++] = texts + j * NAME;
  }
  for (int64_t k = 0; k < t->n_kinds; k++)
    if (k != t->in->score) columns[n++] = t->kinds[k].name;
  TRY(summary_table(t->summary, "trials", "Trials, the best first", n, columns, handle));
done:
  memory_free(&texts);
  memory_free(&columns);
  return status;
}

static Status tell_trials(const Telling *t) {
  Status status = OK;
  int64_t handle = -1;
  Cell *cells = NULL;
  char *texts = NULL;
  TRY(NEW(&cells, 6 + t->space->n + t->n_kinds));
  TRY(NEW(&texts, 64 * t->space->n));
  TRY(begin_table(t, &handle));
  for (int64_t i = 0; i < t->result->n; i++) {
    const SearchTrial *trial = &t->result->trials[t->order[i]];
    int64_t n = 0;
    cells[n++] = cell_integer(i + 1);
    cells[n++] = cell_integer(t->order[i] + 1);
    cells[n++] = cell_text(t->names->groups[(int64_t)trial->point[0]]);
    cells[n++] = cell_real(trial->score);
    cells[n++] = cell_real(trial->deviation);
    cells[n++] = cell_integer(trial->rung < 0 ? 0 : trial->folds);
    for (int64_t j = 0; j < t->space->n; j++) {
      double value = trial->point[1 + j];
      bool active = space_is_active(t->space, 1 + j, (int64_t)trial->point[0]);
      bool number =
          t->space->items[j].type == PARAMETER_REAL || t->space->items[j].type == PARAMETER_INTEGER;
      if (active && !number) t->names->value(t->names->context, j, value, texts + 64 * j);
      cells[n++] = active && !number ? cell_text(texts + 64 * j) : cell_real(active ? value : NAN);
    }
    for (int64_t k = 0; k < t->n_kinds; k++)
      if (k != t->in->score) cells[n++] = cell_real(trial->mean[k]);
    TRY(summary_row(t->summary, handle, cells));
  }
done:
  memory_free(&cells);
  memory_free(&texts);
  return status;
}

static Status tell_best(const Telling *t) {
  Status status = OK;
  const SearchTrial *best = &t->result->trials[t->result->best];
  char text[1024], value[64];
  int used = snprintf(text, sizeof text, "%s", t->names->groups[(int64_t)best->point[0]]);
  for (int64_t j = 0; j < t->space->n; j++) {
    if (!space_is_active(t->space, 1 + j, (int64_t)best->point[0])) continue;
    t->names->value(t->names->context, j, best->point[1 + j], value);
    if (used < (int)sizeof text)
      used += snprintf(text + used, sizeof text - (size_t)used, ", %s %s", t->names->parameters[j],
                       value);
  }
  TRY(summary_note(t->summary, NOTE_INFO,
                   "The best of %lld trials is number %lld (%s %.6g over the folds): %s. The score "
                   "of the best of many is flattered; the test part is not.",
                   (long long)t->result->n, (long long)t->result->best + 1, t->score, best->score,
                   text));
  for (int64_t k = 0; k < t->n_kinds; k++)
    TRY(summary_metric(t->summary, "folds", t->kinds[k].name, best->mean[k],
                       t->kinds[k].higher_better, t->kinds[k].headline));
done:
  return status;
}

/* Options that contradict each other, ranks that had nothing to do. */
static Status tell_notes(const Telling *t) {
  Status status = OK;
  int64_t none = 0, most = t->in->rules.window * t->in->rules.folds;
  for (int64_t i = 0; i < t->result->n; i++) none += t->result->trials[i].rung < 0;
  if (none > 0)
    TRY(summary_note(t->summary, NOTE_WARNING,
                     "%lld of %lld trials had options that contradict each other, and count as the "
                     "worst.",
                     (long long)none, (long long)t->result->n));
  if (t->result->groups > most)
    TRY(summary_note(
        t->summary, NOTE_WARNING,
        "%d groups of ranks for %lld fits that may be under way at once (window %lld x "
        "%lld folds): some had nothing to do. A larger window keeps them busy, and "
        "proposes trials from less.",
        t->result->groups, (long long)most, (long long)t->in->rules.window,
        (long long)t->in->rules.folds));
done:
  return status;
}

/* ---- pictures ---- */

static Status draw_best_so_far(const Telling *t) {
  Status status = OK;
  double *x = NULL, *y = NULL;
  int64_t n = 0;
  double best = NAN;
  TRY(NEW(&x, t->result->n));
  TRY(NEW(&y, t->result->n));
  for (int64_t i = 0; i < t->result->n; i++) {
    const SearchTrial *trial = &t->result->trials[i];
    bool final = trial->rung == t->result->rungs - 1 && has_score(trial);
    bool better = t->in->higher_better ? trial->score > best : trial->score < best;
    if (final && (isnan(best) || better)) best = trial->score;
    if (isnan(best)) continue;
    x[n] = (double)(i + 1);
    y[n++] = best;
  }
  Series series = {.name = "best_so_far",
                   .title = "The best score so far",
                   .x_label = "trial",
                   .y_label = (char *)(uintptr_t)t->score,
                   .kind = SERIES_LINE,
                   .n_x = n,
                   .n_y = n,
                   .x = x,
                   .y = y};
  TRY(summary_series(t->summary, &series));
done:
  memory_free(&x);
  memory_free(&y);
  return status;
}

/* Against the score: points, or for choices bars of the best score with each. */
static Status draw_numbers(const Telling *t, int64_t j, const char *name, double *x, double *y) {
  const Parameter *p = &t->space->items[j];
  char series_name[NAME + 16], title[NAME + 32], label[NAME + 8];
  int64_t n = 0;
  for (int64_t i = 0; i < t->result->n; i++) {
    const SearchTrial *trial = &t->result->trials[i];
    if (!space_is_active(t->space, 1 + j, (int64_t)trial->point[0]) || !has_score(trial)) continue;
    double value = trial->point[1 + j];
    x[n] = p->log ? elementary_log(value) / 2.302585092994046 : value;
    y[n++] = trial->score;
  }
  snprintf(series_name, sizeof series_name, "score_by_%s", name);
  snprintf(title, sizeof title, "Score by %s", name);
  snprintf(label, sizeof label, p->log ? "log10 %s" : "%s", name);
  Series series = {.name = series_name,
                   .title = title,
                   .x_label = label,
                   .y_label = (char *)(uintptr_t)t->score,
                   .kind = SERIES_SCATTER,
                   .n_x = n,
                   .n_y = n,
                   .x = x,
                   .y = y};
  return summary_series(t->summary, &series);
}

static Status draw_choices(const Telling *t, int64_t j, const char *name) {
  Status status = OK;
  int64_t n = t->space->items[j].choices, drawn = 0;
  char series_name[NAME + 16], title[NAME + 48], *texts = NULL, **names = NULL;
  double *best = NULL;
  TRY(NEW(&texts, 64 * n));
  TRY(NEW(&names, n));
  TRY(NEW(&best, n));
  for (int64_t k = 0; k < n; k++) {
    double own = NAN;
    for (int64_t i = 0; i < t->result->n; i++) {
      const SearchTrial *trial = &t->result->trials[i];
      bool active = space_is_active(t->space, 1 + j, (int64_t)trial->point[0]);
      if (!active || !has_score(trial) || trial->point[1 + j] != (double)k) continue;
      bool better = t->in->higher_better ? trial->score > own : trial->score < own;
      if (isnan(own) || better) own = trial->score;
    }
    if (isnan(own)) continue;
    names[drawn] = texts + 64 * drawn;
    t->names->value(t->names->context, j, (double)k, names[drawn]);
    best[drawn++] = own;
  }
  snprintf(series_name, sizeof series_name, "score_by_%s", name);
  snprintf(title, sizeof title, "The best score with each %s", name);
  Series series = {.name = series_name,
                   .title = title,
                   .x_label = (char *)(uintptr_t)name,
                   .y_label = (char *)(uintptr_t)t->score,
                   .kind = SERIES_BARS,
                   .n_x = drawn,
                   .n_y = drawn,
                   .y = best,
                   .x_names = names};
  if (drawn > 0) TRY(summary_series(t->summary, &series));
done:
  memory_free(&texts);
  memory_free(&names);
  memory_free(&best);
  return status;
}

static Status draw_parameters(const Telling *t) {
  Status status = OK;
  double *x = NULL, *y = NULL;
  TRY(NEW(&x, t->result->n));
  TRY(NEW(&y, t->result->n));
  for (int64_t j = 0; j < t->space->n && j < PICTURES_MOST; j++) {
    char name[NAME];
    bool number =
        t->space->items[j].type == PARAMETER_REAL || t->space->items[j].type == PARAMETER_INTEGER;
    name_parameter(t, j, name);
    TRY(number ? draw_numbers(t, j, name, x, y) : draw_choices(t, j, name));
  }
done:
  memory_free(&x);
  memory_free(&y);
  return status;
}

/* Shares of the trials that were fitted for as much as any. */
static Status find_shares(const Telling *t, double *share) {
  Status status = OK;
  const SearchResult *r = t->result;
  double *scores = NULL;
  uint8_t *state = NULL;
  TRY(NEW(&scores, r->n));
  TRY(NEW(&state, r->n));
  for (int64_t i = 0; i < r->n; i++) {
    const SearchTrial *trial = &r->trials[i];
    bool counts = trial->rung == r->rungs - 1 && has_score(trial);
    state[i] = counts ? TRIAL_KNOWN : TRIAL_FAILED;
    scores[i] = counts ? t->in->higher_better ? -trial->score : trial->score : 0;
  }
  TrialList trials = {.n = r->n, .points = r->points, .scores = scores, .state = state};
  status = importance_of(t->space, t->in->sampler.seed, &trials, share);
done:
  memory_free(&scores);
  memory_free(&state);
  return status;
}

static Status draw_importance(const Telling *t) {
  Status status = OK;
  int64_t n = 0, w = space_width(t->space);
  double *share = NULL, *shown = NULL;
  char *texts = NULL, **names = NULL;
  TRY(NEW(&share, w));
  TRY(NEW(&shown, w));
  TRY(NEW(&texts, w * NAME));
  TRY(NEW(&names, w));
  TRY(find_shares(t, share));
  for (int64_t j = 0; j < w; j++) {
    if ((j == 0 && t->space->groups == 1) || isnan(share[j])) continue;
    int64_t at = n++;
    for (; at > 0 && shown[at - 1] < share[j]; at--) {
      shown[at] = shown[at - 1];
      names[at] = names[at - 1];
    }
    shown[at] = share[j];
    names[at] = texts + j * NAME;
    if (j == 0) snprintf(names[at], NAME, "model");
    if (j > 0) name_parameter(t, j - 1, names[at]);
  }
  Series series = {.name = "importance",
                   .title =
                       "What the score depends on: share of its variance over the space that "
                       "a parameter explains alone",
                   .x_label = "parameter",
                   .y_label = "share (main effect of a Gaussian process of the scores)",
                   .kind = SERIES_BARS,
                   .n_x = n,
                   .n_y = n,
                   .y = shown,
                   .x_names = names};
  if (n > 0) TRY(summary_series(t->summary, &series));
done:
  memory_free(&share);
  memory_free(&shown);
  memory_free(&texts);
  memory_free(&names);
  return status == NUMERIC ? OK : status; /* few trials may not tell; then nothing is shown */
}

Status search_report(const SearchInputs *in, const SearchResult *result, const SearchNames *names,
                     Task task, Summary *summary) {
  Status status = OK;
  Telling t = {.in = in,
               .result = result,
               .names = names,
               .space = in->sampler.space,
               .kinds = evaluate_score_kinds[task],
               .n_kinds = evaluate_score_count(task),
               .score = evaluate_score_kinds[task][in->score].name,
               .summary = summary};
  if (!summary->active) return OK;
  TRY(NEW(&t.order, result->n));
  sort_trials(&t);
  TRY(tell_best(&t));
  TRY(tell_notes(&t));
  TRY(draw_best_so_far(&t));
  TRY(draw_importance(&t));
  TRY(draw_parameters(&t));
  TRY(tell_trials(&t));
done:
  memory_free(&t.order);
  return status;
}
