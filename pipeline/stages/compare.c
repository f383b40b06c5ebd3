/* compare: models of several stages on the same rows that none was trained on; who is ahead, and
 * how sure is that?
 *
 * Every bundle predicts the test part anew; each is compared with the best one by a paired
 * bootstrap over recordings, so that what makes rows hard, which hits all alike, drops out. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "job.h"
#include "kernels/base/memory.h"
#include "kernels/base/names.h"
#include "kernels/measure/compare.h"

typedef struct CompareOptions {
  JobOptions job;
  char *score;
} CompareOptions;

static const Option rows[] = {
    JOB_TARGET,
    JOB_GROUP,
    JOB_SPLIT,
    OPTION_TEXT(CompareOptions, score, "null",
                "rmse or mae of numbers; log_loss, accuracy, f1, auc or average_precision of "
                "classes; null: rmse, average_precision (two classes) or accuracy"),
    JOB_INTERVALS,
    {0}};

enum { INPUT, MODELS };
static const Port ports[] = {[INPUT] = {"input", PORT_TABLE, true, "rows with a split column"},
                             [MODELS] = {"models", PORT_BUNDLE, PORT_MANY,
                                         "models of this target, fitted on the training part"},
                             {0}};

/* ---- planning ---- */

static Status find_score(const char *name, Task task, int64_t n_classes, CompareScore *score) {
  char hint[160];
  int64_t n = 0;
  while (compare_score_words[n]) n++;
  if (!name) {
    *score = task == TASK_REGRESSION ? COMPARE_RMSE
             : n_classes == 2        ? COMPARE_AVERAGE_PRECISION
                                     : COMPARE_ACCURACY;
    return OK;
  }
  for (int64_t s = 0; s < n; s++) {
    *score = (CompareScore)s;
    if (strcmp(compare_score_words[s], name) != 0) continue;
    if (compare_of_values(*score) == (task == TASK_REGRESSION)) return OK;
    return status_fail(INVALID, "score: %s is no score of a %s", name,
                       task == TASK_REGRESSION ? "regression" : "classification");
  }
  return status_fail(INVALID, "score: \"%s\" is no score that can be compared%s", name,
                     names_hint(name, compare_score_words, n, hint));
}

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  const CompareOptions *o = options;
  Task task;
  CompareScore score;
  (void)output;
  TRY(job_plan(&o->job, &inputs[INPUT]->schema, &task));
  if (!o->job.split)
    return status_fail(INVALID, "split: a part that no model was trained on is needed");
  TRY(find_score(o->score, task, 2, &score));
  if (!inputs[MODELS + 1]) return status_fail(INVALID, "models: name at least two");
  for (int64_t m = MODELS; inputs[m]; m++) {
    char option[32];
    snprintf(option, sizeof option, "models/%lld", (long long)(m - MODELS));
    TRY(job_check_unseen(option, inputs[m]->refitted));
    for (int64_t j = 0; j < inputs[m]->schema.n; j++) {
      const SchemaColumn *found = NULL;
      TRY(status_prefix(
          schema_require(&inputs[INPUT]->schema, inputs[m]->schema.columns[j].name, &found),
          "%s: ", option));
    }
  }
done:
  return status;
}

/* ---- the run ---- */

typedef struct Comparing {
  const Job *job;
  const CompareOptions *options;
  const Artifact *const *models; /* ended by NULL */
  const char *const *names;
  int64_t n, best;
  CompareScore score;
  Predicted *predicted;
  Comparison *against; /* n: the best beside each */
  double *value;       /* n */
} Comparing;

static void comparing_clear(Comparing *c) {
  for (int64_t m = 0; c->predicted && m < c->n; m++) predicted_clear(&c->predicted[m]);
  memory_free(&c->predicted);
  memory_free(&c->against);
  memory_free(&c->value);
}

static Status check_model(const Comparing *c, int64_t m) {
  const Bundle *own = &c->models[m]->bundle, *first = &c->models[0]->bundle;
  Status status = job_check_unseen(c->names[m], own->refit_rows > 0);
  if (status != OK) return status;
  if (strcmp(own->spec.target, c->options->job.target) != 0)
    return status_fail(INVALID, "models: %s predicts \"%s\", not \"%s\"", c->names[m],
                       own->spec.target, c->options->job.target);
  if (own->task != first->task || bundle_width(own) != bundle_width(first))
    return status_fail(INVALID,
                       "models: %s and %s predict different things; give both the same `above`",
                       c->names[0], c->names[m]);
  return OK;
}

/* What the rows of the test part need to have for a bundle, and for the truth. */
static Status measured_columns(const Comparing *c, int64_t m, Schema *out) {
  Status status = OK;
  Column *target = NULL;
  TRY(schema_copy(&c->models[m]->bundle.needed, out));
  TRY(table_require(c->job->table, c->options->job.target, &target));
  TRY(schema_add(out, target->name, target->type));
done:
  return status;
}

static Status predict_all(const Comm *comm, Comparing *c) {
  Status status = OK;
  Schema columns = {0};
  for (int64_t m = 0; m < c->n; m++) {
    AGREE(comm, check_model(c, m));
    schema_clear(&columns);
    AGREE(comm, measured_columns(c, m, &columns));
    TRY(evaluate_predict_all(comm, c->job->table, c->job->role, ROLE_VALIDATE, &columns,
                             c->options->job.group, &c->models[m]->bundle, &c->predicted[m]));
  }
done:
  schema_clear(&columns);
  return status;
}

static Status compare_two_all(const Comm *comm, const Comparing *c, int64_t a, int64_t b,
                              Comparison *out) {
  const Predicted *first = &c->predicted[a], *second = &c->predicted[b];
  const StudyRows *own = &first->rows;
  CompareRows pair = {.n = own->table.rows.n,
                      .n_classes = c->models[0]->bundle.task == TASK_REGRESSION ? 0 : first->width,
                      .truth = own->target,
                      .prediction = {first->value, second->value},
                      .group = own->group ? own->group : own->table.row_id,
                      .decision = {c->models[a]->bundle.decision, c->models[b]->bundle.decision}};
  return measure_compare_all(comm, &pair, c->score, &c->job->measure, "test", out);
}

/* The best one, ties to the earlier, beside each of the others. */
static Status judge_all(const Comm *comm, Comparing *c) {
  Status status = OK;
  bool higher = compare_higher_better(c->score);
  for (int64_t m = 1; m < c->n; m++) {
    Comparison one;
    TRY(compare_two_all(comm, c, c->best, m, &one));
    c->value[c->best] = one.value[0];
    c->value[m] = one.value[1];
    if (higher ? one.value[1] > one.value[0] : one.value[1] < one.value[0]) c->best = m;
  }
  for (int64_t m = 0; m < c->n; m++) {
    c->against[m].difference = (Score){NAN, NAN, NAN};
    c->against[m].better = NAN;
    if (m != c->best) TRY(compare_two_all(comm, c, c->best, m, &c->against[m]));
  }
done:
  return status;
}

static Status tell(const Comparing *c, Summary *summary) {
  Status status = OK;
  int64_t handle = -1;
  const char *by = compare_score_words[c->score];
  const char *const columns[] = {"model", by, "behind_the_best", "from", "to", "best_is_better"};
  char title[128];
  snprintf(title, sizeof title, "Models beside the best one, %s (test)", by);
  TRY(summary_table(summary, "comparison", title, 6, columns, &handle));
  for (int64_t m = 0; m < c->n; m++) {
    const Comparison *own = &c->against[m];
    const Cell cells[] = {cell_text(c->names[m]),           cell_real(c->value[m]),
                          cell_real(own->difference.value), cell_real(own->difference.low),
                          cell_real(own->difference.high),  cell_real(own->better)};
    TRY(summary_row(summary, handle, cells));
    TRY(summary_metric(summary, c->names[m], by, c->value[m], compare_higher_better(c->score),
                       false));
  }
  for (int64_t m = 0; m < c->n; m++) {
    const Score *lead = &c->against[m].difference;
    if (m == c->best || lead->low > 0 || lead->high < 0) continue;
    TRY(summary_note(summary, NOTE_INFO,
                     "%s cannot be told from the best, %s: the %.0f %% interval of the difference "
                     "in %s, %.4g to %.4g, holds 0.",
                     c->names[m], c->names[c->best], 100 * c->options->job.confidence, by,
                     lead->low, lead->high));
  }
done:
  return status;
}

static Status begin(Comparing *c) {
  Status status = OK;
  while (c->models[c->n]) c->n++;
  TRY(NEW(&c->predicted, c->n));
  TRY(NEW(&c->against, c->n));
  TRY(NEW(&c->value, c->n));
  const Bundle *first = &c->models[0]->bundle;
  TRY(find_score(c->options->score, first->task, bundle_width(first), &c->score));
done:
  return status;
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const Comm *comm = context->comm;
  const CompareOptions *o = options;
  Job job = {0};
  Comparing c = {
      .job = &job, .options = o, .models = inputs + MODELS, .names = context->input_names + MODELS};
  TRY(job_init_all(context, &o->job, &inputs[INPUT]->table, &job));
  AGREE(comm, begin(&c));
  TRY(predict_all(comm, &c));
  TRY(judge_all(comm, &c));
  AGREE(comm, tell(&c, &output->summary));
done:
  comparing_clear(&c);
  job_clear(&job);
  return status;
}

extern const StageKind compare_stage;
const StageKind compare_stage = {
    .kind = {.name = "compare",
             .help = "Compares models on the test part, pair by pair, with intervals.",
             .version = 1,
             .options_size = sizeof(CompareOptions),
             .options = rows},
    .inputs = ports,
    .output = PORT_NOTHING,
    .plan = plan,
    .run_all = run_all};
