/* The audit for people: protocols with their twins and scores, careless ways, rules. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "parts.h"

static const char *const titles[] = {
    [BY_ROW] = "by row",
    [BY_ID] = "by id",
    [BY_RECORDING] = "by recording",
    [BY_ARTIST] = "by artist",
    [IN_TIME] = "in time",
    [IN_FILE_ORDER] = "in file order",
    [AS_THE_JOB] = "the job's own",
};

static const char *const way_titles[] = {
    [TARGET_AS_FEATURE] = "frequency of the target as a feature",
    [ENCODED_BY_ROW] = "recipe fitted on all rows, split by row",
    [ENCODED_AT_HOME] = "recipe fitted on all rows, honest split",
    [REFITTED] = "model fitted on the test rows too",
    [BALANCED_BEFORE] = "classes balanced before the split",
    [BALANCED_TRAINING] = "training rows balanced, test rows as they come",
    [RESAMPLED_BEFORE] = "the job's resampling before the split",
    [COLUMNS_REVERSED] = "columns handed over in another order",
};

static const char *const rule_titles[] = {
    [RULE_DETERMINED] = "a feature determined by the target",
    [RULE_TWINS] = "twins across the split",
    [RULE_RECIPE] = "encoder, scaler or imputer fitted on test rows",
    [RULE_RESAMPLING] = "resampling before the split",
    [RULE_TUNING] = "test part used for tuning or early stopping",
    [RULE_REFIT] = "model refitted on test rows",
    [RULE_SCALE] = "unscaled columns where scales matter",
    [RULE_CODE] = "a nominal code used as a number",
    [RULE_DIVISOR] = "a divisor near zero",
    [RULE_SCORER] = "a scorer with other columns than training",
    [RULE_CONSTANT] = "no better than the constant",
    [RULE_DEDUPLICATION] = "a class that dies by dropping duplicates",
    [RULE_PART] = "a metric on part of the test rows",
    [RULE_ORDER] = "folds of a sorted file",
};

static const char *const verdicts[] = {"not applicable", "clear", "avoided", "found"};

static const ScoreKind *score_kinds(const Audit *audit) {
  return evaluate_score_kinds[audit->needs.problem.task];
}

static int64_t score_count(const Audit *audit) {
  return evaluate_score_count(audit->needs.problem.task);
}

/* Protocols that were run, in order; out: PROTOCOLS places. */
static int64_t list(const Audit *audit, ProtocolKind *out) {
  int64_t n = 0;
  for (int kind = 0; kind < PROTOCOLS; kind++)
    if (audit->protocols[kind].repeats > 0) out[n++] = (ProtocolKind)kind;
  return n;
}

/* ---- tables ---- */

static Status tell_protocols(const Audit *audit, int64_t n, const ProtocolKind *kinds) {
  static const char *const shares[] = {"share with same id", "share with same recording",
                                       "share with same audio", "share with same artist"};
  Status status = OK;
  const char *columns[3 + RELATIONS] = {"test rows divided", "training rows", "test rows"};
  Cell cells[3 + RELATIONS];
  int64_t handle = -1, d = 3;
  for (int r = 0; r < RELATIONS; r++)
    if (audit->known[r]) columns[d++] = shares[r];
  TRY(summary_table(audit->summary, "protocols", "Test rows with a twin in training", d, columns,
                    &handle));
  for (int64_t k = 0; k < n; k++) {
    const Protocol *protocol = &audit->protocols[kinds[k]];
    d = 3;
    cells[0] = cell_text(titles[kinds[k]]);
    cells[1] = cell_integer(protocol->n_training);
    cells[2] = cell_integer(protocol->n_test);
    for (int r = 0; r < RELATIONS; r++)
      if (audit->known[r]) cells[d++] = cell_real(protocol->share[r]);
    TRY(summary_row(audit->summary, handle, cells));
  }
done:
  return status;
}

static Status tell_scores(const Audit *audit, int64_t n, const ProtocolKind *kinds) {
  Status status = OK;
  const char *columns[EVALUATE_SCORES + 3] = {"divided"};
  char deviation[64];
  Cell cells[EVALUATE_SCORES + 3];
  int64_t handle = -1, scores = score_count(audit), d = 1, numbers[PRIMARY];
  bool repeated = audit->options->repeats > 1;
  primary_scores(audit, numbers);
  snprintf(deviation, sizeof deviation, "%s sd", score_kinds(audit)[numbers[0]].name);
  for (int64_t k = 0; k < scores; k++) columns[d++] = score_kinds(audit)[k].name;
  if (repeated) columns[d++] = "draws", columns[d++] = deviation;
  TRY(summary_table(audit->summary, "scores", "The same model under each", d, columns, &handle));
  for (int64_t k = 0; k < n; k++) {
    const Protocol *protocol = &audit->protocols[kinds[k]];
    cells[0] = cell_text(titles[kinds[k]]);
    for (int64_t s = 0; s < scores; s++) cells[s + 1] = cell_real(protocol->mean.value[s]);
    cells[scores + 1] = cell_integer(protocol->repeats);
    cells[scores + 2] = cell_real(protocol->sd[numbers[0]]);
    TRY(summary_row(audit->summary, handle, cells));
  }
done:
  return status;
}

static Status tell_ways(const Audit *audit) {
  Status status = OK;
  const char *columns[2 + 2 * PRIMARY] = {"careless way", "beside"};
  char names[2 * PRIMARY][64];
  Cell cells[2 + 2 * PRIMARY];
  int64_t handle = -1, numbers[PRIMARY], d = 2;
  primary_scores(audit, numbers);
  for (int k = 0; k < PRIMARY; k++) {
    const char *name = score_label(score_kinds(audit)[numbers[k]].name);
    snprintf(names[2 * k], sizeof names[0], "%s, careless", name);
    snprintf(names[2 * k + 1], sizeof names[0], "%s, honest", name);
    columns[d++] = names[2 * k];
    columns[d++] = names[2 * k + 1];
  }
  TRY(summary_table(audit->summary, "careless", "What careless ways would report", d, columns,
                    &handle));
  for (int way = 0; way < WAYS; way++) {
    const WayScores *own = &audit->ways[way];
    if (!own->made) continue;
    cells[0] = cell_text(way_titles[way]);
    cells[1] = cell_text(own->honest_name);
    for (int k = 0; k < PRIMARY; k++) {
      cells[2 + 2 * k] = cell_real(own->careless.value[numbers[k]]);
      cells[3 + 2 * k] = cell_real(own->honest.value[numbers[k]]);
    }
    TRY(summary_row(audit->summary, handle, cells));
  }
done:
  return status;
}

static Status tell_rule(const Audit *audit, int rule, int64_t handle) {
  Status status = OK;
  const Finding *finding = &audit->findings[rule];
  Cell cells[] = {cell_text(rule_titles[rule]), cell_text(verdicts[finding->verdict]),
                  cell_text(finding->text)};
  TRY(summary_row(audit->summary, handle, cells));
  if (finding->verdict == FOUND)
    TRY(summary_note(audit->summary, NOTE_WARNING, "Found %s. %s", rule_titles[rule],
                     finding->text));
done:
  return status;
}

/* What was found first. */
static Status tell_rules(const Audit *audit) {
  Status status = OK;
  int64_t handle = -1;
  const char *const columns[] = {"rule", "verdict", "what was found"};
  TRY(summary_table(audit->summary, "rules", "Rules", 3, columns, &handle));
  for (int verdict = FOUND; verdict >= NOT_APPLICABLE; verdict--)
    for (int rule = 0; rule < RULES; rule++)
      if ((int)audit->findings[rule].verdict == verdict) TRY(tell_rule(audit, rule, handle));
done:
  return status;
}

/* ---- pictures ---- */

static Status draw_scores(const Audit *audit, int64_t n, const ProtocolKind *kinds) {
  double values[PROTOCOLS];
  char *names[PROTOCOLS];
  int64_t numbers[PRIMARY];
  primary_scores(audit, numbers);
  /* An error has an end below; an R2 of rows unlike those trained on may be -10. */
  int64_t drawn = numbers[audit->needs.problem.task == TASK_REGRESSION];
  char label[64];
  snprintf(label, sizeof label, "%s%s", score_label(score_kinds(audit)[drawn].name),
           score_kinds(audit)[drawn].higher_better ? "" : " (lower is better)");
  for (int64_t k = 0; k < n; k++) {
    values[k] = audit->protocols[kinds[k]].mean.value[drawn];
    names[k] = (char *)(uintptr_t)titles[kinds[k]];
  }
  Series series = {.name = "protocol_scores",
                   .title = "The same model, divided in each way",
                   .y_label = label,
                   .kind = SERIES_BARS,
                   .n_x = n,
                   .n_y = n,
                   .y = values,
                   .x_names = names};
  return summary_series(audit->summary, &series);
}

static Status draw_twins(const Audit *audit, int64_t n, const ProtocolKind *kinds) {
  static const char *const labels[] = {"same id", "same recording", "same audio", "same artist"};
  double shares[PROTOCOLS * RELATIONS];
  char *rows[PROTOCOLS], *columns[RELATIONS];
  int64_t d = 0, at = 0;
  for (int r = 0; r < RELATIONS; r++)
    if (audit->known[r]) columns[d++] = (char *)(uintptr_t)labels[r];
  if (d == 0) return OK;
  for (int64_t k = 0; k < n; k++) {
    rows[k] = (char *)(uintptr_t)titles[kinds[k]];
    for (int r = 0; r < RELATIONS; r++)
      if (audit->known[r]) shares[at++] = audit->protocols[kinds[k]].share[r];
  }
  Series series = {.name = "twins",
                   .title = "Share of test rows with a twin in training",
                   .x_label = "twin",
                   .y_label = "divided",
                   .kind = SERIES_HEATMAP,
                   .n_x = d,
                   .n_y = n,
                   .z = shares,
                   .x_names = columns,
                   .y_names = rows};
  return summary_series(audit->summary, &series);
}

/* ---- metrics and notes ---- */

static Status tell_numbers(const Audit *audit, const char *split, const double *values) {
  Status status = OK;
  for (int64_t k = 0; k < score_count(audit); k++) {
    const ScoreKind *kind = &score_kinds(audit)[k];
    if (isnan(values[k])) continue;
    TRY(summary_metric(audit->summary, split, kind->name, values[k], kind->higher_better, false));
  }
done:
  return status;
}

static Status tell_metrics(const Audit *audit, int64_t n, const ProtocolKind *kinds) {
  Status status = OK;
  int64_t numbers[PRIMARY];
  primary_scores(audit, numbers);
  for (int64_t k = 0; k < n; k++) {
    const Protocol *protocol = &audit->protocols[kinds[k]];
    const char *split = protocol_words[kinds[k]];
    TRY(tell_numbers(audit, split, protocol->mean.value));
    if (protocol->repeats > 1) {
      char name[64];
      snprintf(name, sizeof name, "%s_sd", score_kinds(audit)[numbers[0]].name);
      TRY(summary_metric(audit->summary, split, name, protocol->sd[numbers[0]], false, false));
    }
    for (int r = 0; r < RELATIONS; r++)
      if (audit->known[r])
        TRY(summary_metric(audit->summary, split, relation_words[r], protocol->share[r], false,
                           false));
  }
done:
  return status;
}

static Status tell_notes(const Audit *audit) {
  Status status = OK;
  const Protocol *home = &audit->protocols[audit->home], *row = &audit->protocols[BY_ROW];
  char scores[160];
  if (audit->home != BY_ROW)
    TRY(summary_note(audit->summary, NOTE_INFO,
                     "Divided by row, this model would be reported at %s.",
                     scores_text(audit, &row->mean, &home->mean, scores)));
  for (int kind = 0; kind < PROTOCOLS; kind++)
    if (audit->protocols[kind].why[0])
      TRY(summary_note(audit->summary, NOTE_INFO, "The protocol \"%s\" is left out: %s",
                       titles[kind], audit->protocols[kind].why));
done:
  return status;
}

Status tell(const Audit *audit) {
  Status status = OK;
  ProtocolKind kinds[PROTOCOLS];
  int64_t n = list(audit, kinds);
  TRY(tell_metrics(audit, n, kinds));
  TRY(draw_scores(audit, n, kinds));
  TRY(draw_twins(audit, n, kinds));
  TRY(tell_protocols(audit, n, kinds));
  TRY(tell_scores(audit, n, kinds));
  TRY(tell_ways(audit));
  TRY(tell_rules(audit));
  TRY(tell_notes(audit));
done:
  return status;
}
