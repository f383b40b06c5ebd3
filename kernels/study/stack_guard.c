/* Is the stack better than its best member? See stack.h.
 *
 * All are judged on the same rows: those that every member and the stack predicted with their fold
 * held out. The best member is chosen on these rows too, which favours it: the stack has to win
 * against that. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "stack.h"

/* Predictions of the known rows, in the order of their rows. */
static Status take_values(const FoldInputs *in, const uint8_t *role, const char *target,
                          const double *value, int64_t width, double **out) {
  Status status = OK;
  int64_t *position = NULL, n = 0;
  TRY(NEW(&position, in->table->rows.n));
  TRY(study_positions(in->table, role, ROLE_VALIDATE, target, position, &n));
  TRY(NEW(out, n * width));
  for (int64_t k = 0; k < n; k++)
    memcpy(*out + k * width, value + (position[k] - in->table->rows.begin) * width,
           (size_t)width * sizeof *value);
done:
  memory_free(&position);
  return status;
}

/* Rows stay where they are: each rank takes its own, as if it were alone. Measures do not mind. */
static Status take_rows(const FoldInputs *in, const Bundle *bundle, const uint8_t *role,
                        const double *value, Predicted *out) {
  Status status = OK;
  Comm self = comm_self();
  Schema target = {0};
  Column *column = NULL;
  StudyColumns columns = {
      .columns = &target, .target = bundle->spec.target, .group = bundle->spec.group};
  out->width = bundle_width(bundle);
  TRY(table_require(in->table, bundle->spec.target, &column));
  TRY(schema_add(&target, column->name, column->type));
  TRY(study_rows_all(&self, in->table, role, ROLE_VALIDATE, &columns, &out->rows));
  TRY(take_values(in, role, bundle->spec.target, value, out->width, &out->value));
done:
  schema_clear(&target);
  return status;
}

static Status predicted_all(const Comm *comm, const FoldInputs *in, const Bundle *bundle,
                            const uint8_t *role, const double *value, Predicted *out) {
  Status status = OK;
  *out = (Predicted){0};
  AGREE(comm, take_rows(in, bundle, role, value, out));
  out->rows.table.rows.n_global = comm_sum_one_all(comm, out->rows.table.rows.n);
  out->rows.dropped = comm_sum_one_all(comm, out->rows.dropped);
done:
  return status;
}

/* Rows that all have a prediction for. */
static Status known_rows(const FoldInputs *in, int64_t width, int64_t n, double *const *values,
                         const double *last, uint8_t **role) {
  Status status = NEW(role, in->table->rows.n);
  for (int64_t i = 0; status == OK && i < in->table->rows.n; i++) {
    bool known = !last || !isnan(last[i * width]);
    for (int64_t m = 0; m < n; m++) known &= !isnan(values[m][i * width]);
    (*role)[i] = known ? ROLE_VALIDATE : ROLE_NONE;
  }
  return status;
}

Status held_out_predicted_all(const Comm *comm, const FoldInputs *in, const Bundle *bundle,
                              const double *value, Predicted *out) {
  Status status = OK;
  uint8_t *role = NULL;
  *out = (Predicted){0};
  AGREE(comm, known_rows(in, bundle_width(bundle), 0, NULL, value, &role));
  TRY(predicted_all(comm, in, bundle, role, value, out));
done:
  memory_free(&role);
  return status;
}

/* ---- scores ---- */

/* The stack and its members, measured; the stack comes last. */
typedef struct Contest {
  const FoldInputs *in;
  const Bundle *bundle;
  int64_t n; /* members */
  Predicted *predicted;
  FoldScores *scores;
} Contest;

static void contest_clear(Contest *contest) {
  for (int64_t m = 0; contest->predicted && m <= contest->n; m++)
    predicted_clear(&contest->predicted[m]);
  memory_free(&contest->predicted);
  memory_free(&contest->scores);
}

static Status contest_init_all(const Comm *comm, const FoldInputs *in, const Bundle *bundle,
                               const HeldOut *held, Contest *out) {
  Status status = OK;
  uint8_t *role = NULL;
  *out = (Contest){.in = in, .bundle = bundle, .n = held->n_members};
  AGREE(comm, NEW(&out->predicted, out->n + 1));
  AGREE(comm, NEW(&out->scores, out->n + 1));
  AGREE(comm, known_rows(in, held->width, out->n, held->member, held->stack, &role));
  for (int64_t m = 0; m <= out->n; m++) {
    const double *value = m < out->n ? held->member[m] : held->stack;
    TRY(predicted_all(comm, in, bundle, role, value, &out->predicted[m]));
    TRY(evaluate_scores_all(comm, &out->predicted[m], bundle, in->measure, &out->scores[m]));
  }
done:
  memory_free(&role);
  return status;
}

static const char *name_of(const Contest *contest, int64_t m) {
  return m < contest->n ? contest->bundle->spec.stack->members.names[m] : "stack";
}

/* The member with the best score, ties to the first; NaN is no score. */
static int64_t best_member(const Contest *contest, int64_t k, bool higher) {
  int64_t best = 0;
  for (int64_t m = 1; m < contest->n; m++) {
    double own = contest->scores[m].value[k], least = contest->scores[best].value[k];
    if (isnan(least) || (higher ? own > least : own < least)) best = m;
  }
  return best;
}

static Status tell_scores(const Contest *contest, Summary *summary) {
  Status status = OK;
  Task task = contest->bundle->task;
  const ScoreKind *kinds = evaluate_score_kinds[task];
  int64_t n = evaluate_score_count(task), handle = -1;
  const char *columns[EVALUATE_SCORES + 2] = {"model", "level"};
  Cell cells[EVALUATE_SCORES + 2];
  for (int64_t k = 0; k < n; k++) columns[k + 2] = kinds[k].name;
  TRY(summary_table(summary, "held_out", "The stack and its members on held-out folds", n + 2,
                    columns, &handle));
  for (int64_t at = 0; at <= contest->n; at++) {
    int64_t m = at == 0 ? contest->n : at - 1; /* the stack first */
    const StackOptions *stack = contest->bundle->spec.stack;
    const double *value = contest->scores[m].value;
    cells[0] = cell_text(at == 0 ? "(stack)" : name_of(contest, m));
    cells[1] = cell_integer(at == 0 ? nest_levels(stack) + 1 : nest_member(stack, m)->level);
    for (int64_t k = 0; k < n; k++) {
      cells[k + 2] = cell_real(value[k]);
      if (at == 0 && !isnan(value[k]))
        TRY(summary_metric(summary, "held_out", kinds[k].name, value[k], kinds[k].higher_better,
                           kinds[k].headline));
    }
    TRY(summary_row(summary, handle, cells));
  }
done:
  return status;
}

/* ---- the verdict ---- */

static Status tell_bars(const Contest *contest, int64_t k, Summary *summary) {
  Status status = OK;
  int64_t n = contest->n + 1;
  char title[160], label[64];
  char **names = NULL;
  double *y = NULL;
  const char *score = evaluate_score_kinds[contest->bundle->task][k].name;
  TRY(NEW(&names, n));
  TRY(NEW(&y, n));
  for (int64_t m = 0; m < n; m++) {
    int64_t at = m == 0 ? contest->n : m - 1; /* the stack first */
    names[m] = (char *)(uintptr_t)name_of(contest, at);
    y[m] = contest->scores[at].value[k];
  }
  snprintf(title, sizeof title, "%s on held-out folds", score);
  snprintf(label, sizeof label, "%s", score);
  char series_name[] = "held_out";
  Series bars = {.name = series_name,
                 .title = title,
                 .y_label = label,
                 .kind = SERIES_BARS,
                 .n_x = n,
                 .n_y = n,
                 .y = y,
                 .x_names = names};
  TRY(summary_series(summary, &bars));
done:
  memory_free(&names);
  memory_free(&y);
  return status;
}

static Status tell_verdict(const Contest *contest, CompareScore score, int64_t best,
                           const Comparison *found, Summary *summary) {
  Status status = OK;
  bool higher = compare_higher_better(score);
  const Score *gap = &found->difference;
  bool better = higher ? gap->value > 0 : gap->value < 0;
  bool sure = higher ? gap->low > 0 : gap->high < 0;
  char interval[160] = "";
  if (!isnan(gap->low))
    snprintf(interval, sizeof interval,
             ", %g %% interval %.4g to %.4g; better in %.1f %% of the replicates",
             100 * contest->in->measure->confidence, gap->low, gap->high, 100 * found->better);
  TRY(summary_metric_interval(summary, "held_out", "difference_to_best_member", gap->value,
                              gap->low, gap->high, higher, true));
  TRY(summary_metric(summary, "held_out", "better_than_best_member", found->better, true, false));
  status = summary_note(
      summary, better && sure ? NOTE_INFO : NOTE_WARNING,
      "On %lld rows of held-out folds the stack has %s %.4g, its best member \"%s\" %.4g "
      "(difference %.4g%s). %s",
      (long long)found->n, compare_score_words[score], found->value[0], name_of(contest, best),
      found->value[1], gap->value, interval,
      !better ? "The stack is not better: use this member alone."
      : sure  ? "The stack is better."
              : "That may be chance: the member alone is simpler.");
done:
  return status;
}

Status stack_guard_all(const Comm *comm, const FoldInputs *in, const Bundle *bundle,
                       const HeldOut *held, CompareScore score, Summary *summary) {
  Status status = OK;
  Contest contest = {0};
  Comparison found;
  int64_t k = evaluate_score_find(bundle->task, compare_score_words[score]);
  TRY(contest_init_all(comm, in, bundle, held, &contest));
  const Predicted *stack = &contest.predicted[contest.n];
  if (stack->rows.table.rows.n_global == 0) {
    AGREE(comm, summary_note(summary, NOTE_WARNING,
                             "No row is held out of both members and stack, so it is not known "
                             "whether the stack is better than its members: with its levels "
                             "that takes %lld folds, in time more.",
                             (long long)nest_levels(bundle->spec.stack) + 2));
    goto done;
  }
  int64_t best = best_member(&contest, k, compare_higher_better(score));
  TRY(evaluate_compare_all(comm, stack, contest.predicted[best].value, bundle, score, in->measure,
                           "held out", &found));
  AGREE(comm, tell_scores(&contest, summary));
  AGREE(comm, tell_bars(&contest, k, summary));
  AGREE(comm, tell_verdict(&contest, score, best, &found, summary));
done:
  contest_clear(&contest);
  return status;
}
