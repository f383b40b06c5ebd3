/* The rules: each with what was found, proved where that is cheap, and what a careless protocol
 * would have made of it. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "parts.h"

void audit_find(Audit *audit, Rule rule, Verdict verdict, const char *format, ...) {
  Finding *finding = &audit->findings[rule];
  va_list arguments;
  finding->verdict = verdict;
  va_start(arguments, format);
  vsnprintf(finding->text, TEXT, format, arguments);
  va_end(arguments);
}

/* ---- scores as text ---- */

void primary_scores(const Audit *audit, int64_t numbers[PRIMARY]) {
  static const char *const values[] = {"r2", "rmse", "mae"};
  static const char *const two[] = {"auc", "accuracy", "average_precision"};
  static const char *const many[] = {"accuracy", "top_k_accuracy", "f1_macro"};
  Task task = audit->needs.problem.task;
  const char *const *names = task == TASK_REGRESSION               ? values
                             : audit->needs.problem.classes.n == 2 ? two
                                                                   : many;
  for (int k = 0; k < PRIMARY; k++) numbers[k] = evaluate_score_find(task, names[k]);
}

const char *score_label(const char *name) {
  static const char *const labels[][2] = {{"r2", "R\xc2\xb2"},
                                          {"rmse", "RMSE"},
                                          {"mae", "MAE"},
                                          {"auc", "AUC"},
                                          {"top_k_accuracy", "top-k accuracy"},
                                          {"average_precision", "average precision"},
                                          {"f1_macro", "F1"}};
  for (size_t k = 0; k < sizeof labels / sizeof *labels; k++)
    if (strcmp(name, labels[k][0]) == 0) return labels[k][1];
  return name;
}

static void score_number(double value, char text[32]) {
  snprintf(text, 32, fabs(value) >= 10 ? "%.4g" : "%.3f", value);
}

const char *scores_text(const Audit *audit, const FoldScores *careless, const FoldScores *honest,
                        char text[160]) {
  enum { TOLD = 2 };
  int64_t numbers[PRIMARY];
  int used = 0;
  primary_scores(audit, numbers);
  text[0] = 0;
  for (int k = 0; k < TOLD; k++) {
    char a[32], b[32];
    if (numbers[k] < 0 || isnan(careless->value[numbers[k]])) continue;
    score_number(careless->value[numbers[k]], a);
    score_number(honest->value[numbers[k]], b);
    const char *name = evaluate_score_kinds[audit->needs.problem.task][numbers[k]].name;
    used += snprintf(text + used, 160 - (size_t)used, "%s%s %s instead of %s", used ? ", " : "",
                     score_label(name), a, b);
  }
  return text;
}

static void way_text(const Audit *audit, Way way, char text[160]) {
  scores_text(audit, &audit->ways[way].careless, &audit->ways[way].honest, text);
}

/* ---- twins ---- */

static void shares_text(const Protocol *protocol, char *text, size_t size) {
  static const char *const words[] = {"their id", "their recording", "equal audio", "their artist"};
  text[0] = 0;
  for (int r = 0; r < RELATIONS; r++) {
    size_t used = strlen(text);
    if (isnan(protocol->share[r])) continue;
    snprintf(text + used, size - used, "%s%.1f %% %s", used ? ", " : "", 100 * protocol->share[r],
             words[r]);
  }
}

/* Of one piece of music; an artist's other pieces are no twins. */
static double twins_of(const Protocol *protocol) {
  double most = 0;
  for (int r = SAME_ID; r <= SAME_AUDIO; r++)
    if (protocol->share[r] > most) most = protocol->share[r];
  return most;
}

static void twins_rule(Audit *audit) {
  const Protocol *home = &audit->protocols[audit->home], *row = &audit->protocols[BY_ROW];
  char own[200], careless[200], scores[160];
  shares_text(home, own, sizeof own);
  shares_text(row, careless, sizeof careless);
  scores_text(audit, &row->first, &home->first, scores);
  if (!own[0])
    audit_find(audit, RULE_TWINS, NOT_APPLICABLE,
               "Neither id, recording, audio nor artist is given to find twins by.");
  else if (twins_of(home) > 0)
    audit_find(audit, RULE_TWINS, FOUND,
               "Of the test rows of \"%s\" have in training: %s. Name the columns as a key of "
               "`recording` in clean, and divide with that as group.",
               protocol_words[audit->home], own);
  else if (twins_of(row) > 0)
    audit_find(audit, RULE_TWINS, AVOIDED,
               "Divided by row, test rows would have in training: %s; and the model would be "
               "reported at %s.",
               careless, scores);
  else
    audit_find(audit, RULE_TWINS, CLEAR, "No row has a twin.");
}

/* ---- the recipe does not see test rows ---- */

/* The table without anything of the test rows but their places. */
static Status without_test_rows(const Audit *audit, Table *out) {
  Status status = OK;
  const uint8_t *role = audit_role(audit, audit->home);
  const Schema *read = &audit->needs.measured;
  int64_t *at = NULL;
  TRY(table_share(&audit->table, out));
  TRY(NEW(&at, out->rows.n));
  for (int64_t i = 0; i < out->rows.n; i++) at[i] = role[i] == ROLE_VALIDATE ? -1 : i;
  for (int64_t j = 0; j < read->n; j++) {
    Column *column = NULL, *emptied = NULL;
    TRY(table_require(out, read->columns[j].name, &column));
    TRY(column_take(column, at, out->rows.n, &emptied));
    TRY(table_add(out, emptied));
  }
done:
  memory_free(&at);
  return status;
}

static bool equal_bits(const Matrix *a, const Matrix *b) {
  if (a->d != b->d || a->rows.n != b->rows.n) return false;
  for (int64_t j = 0; j < a->d; j++)
    if (a->rows.n > 0 &&
        memcmp(matrix_column(a, j), matrix_column(b, j), (size_t)a->rows.n * sizeof *a->data) != 0)
      return false;
  return true;
}

static Status refit_recipe_all(const Audit *audit, bool *same) {
  Status status = OK;
  Table table = {0};
  StudyRows training = {0};
  Matrix x = {0};
  Bundle bundle;
  const Spec *spec = &audit->bundle.spec;
  const SpecNeeds *needs = &audit->needs;
  StudyColumns columns = {.columns = &needs->needed,
                          .target = spec->target,
                          .group = spec->group,
                          .weight = spec->weight,
                          .each_word = true};
  bundle_init(&bundle, spec);
  AGREE(audit->comm, without_test_rows(audit, &table));
  TRY(study_rows_all(audit->comm, &table, audit_role(audit, audit->home), ROLE_TRAIN, &columns,
                     &training));
  TRY(study_recipe_all(audit->comm, &training, &needs->problem, &needs->needed,
                       audit->options->seed, &bundle, &x, NULL));
  *same = !comm_any_all(audit->comm, !equal_bits(&x, &audit->x_training));
done:
  bundle_clear(&bundle);
  table_clear(&table);
  study_rows_clear(&training);
  matrix_clear(&x);
  return status;
}

static Status recipe_rule_all(Audit *audit) {
  Status status = OK;
  bool same = true;
  char by_row[160], at_home[160];
  TRY(refit_recipe_all(audit, &same));
  way_text(audit, ENCODED_BY_ROW, by_row);
  way_text(audit, ENCODED_AT_HOME, at_home);
  if (!same)
    audit_find(audit, RULE_RECIPE, FOUND,
               "The recipe gives training rows other features when the test rows are taken away.");
  else if (audit->ways[ENCODED_BY_ROW].made)
    audit_find(audit, RULE_RECIPE, AVOIDED,
               "Fitted again with all of the test rows taken away, the recipe gives the same bits. "
               "Fitted on all rows and applied in-sample, by row it would be %s%s%s.",
               by_row, audit->ways[ENCODED_AT_HOME].made ? "; under the honest split " : "",
               audit->ways[ENCODED_AT_HOME].made ? at_home : "");
  else
    audit_find(audit, RULE_RECIPE, CLEAR, "No step of the recipe learns anything from rows.");
done:
  return status;
}

/* ---- resampling, tuning, refitting ---- */

/* A job that resamples is shown its own resampling, another what balancing would do. */
static void resampling_rule(Audit *audit) {
  const WayScores *before = &audit->ways[BALANCED_BEFORE];
  const WayScores *training = &audit->ways[BALANCED_TRAINING];
  char scores[160];
  if (audit->ways[RESAMPLED_BEFORE].made) {
    way_text(audit, RESAMPLED_BEFORE, scores);
    audit_find(audit, RULE_RESAMPLING, AVOIDED,
               "Training rows alone are resampled (%s). Resampled before a split by row, the model "
               "would be reported at %s on test rows as they come.",
               audit->options->spec->resample->kind->name, scores);
  } else if (audit_resamples(audit)) {
    audit_find(audit, RULE_RESAMPLING, CLEAR, "Training rows alone are resampled (%s).",
               audit->options->spec->resample->kind->name);
  } else if (before->made && training->made) {
    scores_text(audit, &before->careless, &training->careless, scores);
    audit_find(audit, RULE_RESAMPLING, AVOIDED,
               "Segue resamples training rows alone. With the larger class cut down before the "
               "split the model would be reported at %s, which is what the same balance gives on "
               "test rows as they come.",
               scores);
  } else {
    audit_find(audit, RULE_RESAMPLING, NOT_APPLICABLE,
               "Nothing is resampled, and the target has no two classes of unlike size.");
  }
}

static void tuning_rule(Audit *audit) {
  const double best_of_32 = 2.07; /* mean of the largest of 32 standard normal numbers */
  int64_t numbers[PRIMARY];
  primary_scores(audit, numbers);
  const char *name = evaluate_score_kinds[audit->needs.problem.task][numbers[0]].name;
  if (!(audit->home_error > 0))
    audit_find(audit, RULE_TUNING, CLEAR,
               "Searches and early stopping are handed parts of the training rows only.");
  else
    audit_find(audit, RULE_TUNING, AVOIDED,
               "Searches and early stopping are handed parts of the training rows only. The best "
               "of 32 equally good settings, chosen on the test part, would look better by about "
               "%.3f in %s (standard error %.4f).",
               best_of_32 * audit->home_error, score_label(name), audit->home_error);
}

static void refit_rule(Audit *audit) {
  char scores[160];
  way_text(audit, REFITTED, scores);
  if (audit->ways[REFITTED].made)
    audit_find(audit, RULE_REFIT, AVOIDED,
               "A bundle is measured by what it was fitted on, without the test rows; fitted on "
               "them too it would be %s.",
               scores);
  else
    audit_find(audit, RULE_REFIT, CLEAR, "A bundle is measured before any refit.");
}

/* ---- the scorer ---- */

/* The rows with their columns backwards, and one more. */
static Status backwards(const Table *table, Table *out) {
  Status status = OK;
  Column *extra = NULL;
  TRY(table_init(out, &table->rows));
  if (table->rows.n > 0)
    memcpy(out->row_id, table->row_id, (size_t)table->rows.n * sizeof *table->row_id);
  TRY(column_new(&extra, "\001extra", COLUMN_REAL, table->rows.n, 0));
  Status added = table_add(out, extra);
  TRY(added);
  for (int64_t j = table->n_columns - 1; j >= 0; j--)
    TRY(table_add(out, column_share(table->columns[j])));
done:
  return status;
}

static Status predict_backwards(const Audit *audit, bool *same) {
  Status status = OK;
  Table table = {0};
  double *value = NULL;
  const Predicted *predicted = &audit->predicted;
  int64_t n = predicted->rows.table.rows.n * predicted->width;
  TRY(backwards(&predicted->rows.table, &table));
  TRY(NEW(&value, n));
  TRY(bundle_predict(&audit->bundle, &table, value));
  *same = n == 0 || memcmp(value, predicted->value, (size_t)n * sizeof *value) == 0;
done:
  table_clear(&table);
  memory_free(&value);
  return status;
}

static Status scorer_rule_all(Audit *audit) {
  Status status = OK;
  bool same = true;
  char scores[160];
  AGREE(audit->comm, predict_backwards(audit, &same));
  same = !comm_any_all(audit->comm, !same);
  way_text(audit, COLUMNS_REVERSED, scores);
  if (!same)
    audit_find(audit, RULE_SCORER, FOUND,
               "The bundle predicts other values when the columns come in another order.");
  else if (audit->ways[COLUMNS_REVERSED].made)
    audit_find(audit, RULE_SCORER, AVOIDED,
               "Columns are found by name: backwards, and with one more, the test rows get the "
               "same bits. By position it would be %s.",
               scores);
  else
    audit_find(audit, RULE_SCORER, CLEAR,
               "Columns are found by name: backwards, and with one more, the test rows get the "
               "same bits.");
done:
  return status;
}

/* ---- the constant, and rows that are left out ---- */

static void constant_rule(Audit *audit) {
  Task task = audit->needs.problem.task;
  const FoldScores *scores = &audit->protocols[audit->home].first;
  double r2 = scores->value[evaluate_score_find(TASK_REGRESSION, "r2")];
  double accuracy = scores->value[evaluate_score_find(TASK_CLASSIFICATION, "accuracy")];
  if (task == TASK_REGRESSION)
    audit_find(audit, RULE_CONSTANT, r2 <= 0 ? FOUND : CLEAR,
               "The model explains %.3f of the variance of the test rows; their mean explains 0.",
               r2);
  else
    audit_find(audit, RULE_CONSTANT, accuracy < audit->constant ? FOUND : CLEAR,
               "Accuracy %.3f on test rows as they come; always naming the most frequent class "
               "reaches %.3f.",
               accuracy, audit->constant);
}

static void part_rule(Audit *audit) {
  long long dropped = audit->predicted.rows.dropped;
  long long n = audit->predicted.rows.table.rows.n_global;
  if (dropped > 0)
    audit_find(audit, RULE_PART, FOUND,
               "%lld of %lld test rows have no target, so that metrics tell of the other %lld.",
               dropped, n + dropped, n);
  else
    audit_find(audit, RULE_PART, CLEAR, "Every one of the %lld test rows is measured.", n);
}

/* ---- classes and duplicates ---- */

typedef struct Kept {
  int64_t *all, *first; /* by word: rows, and rows that are the first of their twins */
  int32_t n;
} Kept;

static void count_words(const Column *words, const Column *group, int64_t begin, Kept *kept) {
  for (int64_t i = 0; i < words->n; i++) {
    bool list = words->type == COLUMN_LIST, first = group->integer[i] == begin + i;
    if (column_missing(words, i)) continue;
    int64_t from = list ? words->offset[i] : i, to = list ? words->offset[i + 1] : i + 1;
    for (int64_t k = from; k < to; k++) {
      kept->all[words->code[k]]++;
      kept->first[words->code[k]] += first;
    }
  }
}

/* The word that keeps the least share of its rows and is not below `above`; -1: none is left. */
static int32_t next_worst(const Kept *kept, int32_t above) {
  int32_t worst = -1;
  for (int32_t w = 0; w < kept->n; w++) {
    if (kept->all[w] == 0 || w == above) continue;
    double share = (double)kept->first[w] / (double)kept->all[w];
    if (above >= 0) {
      double floor = (double)kept->first[above] / (double)kept->all[above];
      if (share < floor || (share == floor && w < above)) continue;
    }
    if (worst < 0 || share < (double)kept->first[worst] / (double)kept->all[worst]) worst = w;
  }
  return worst;
}

static void judge_kept(Audit *audit, const Dictionary *words, const Kept *kept) {
  enum { NAMED = 4 };
  char names[500] = "";
  bool starves = false;
  int32_t worst = -1;
  for (int k = 0; k < NAMED && (worst = next_worst(kept, worst)) >= 0; k++) {
    int64_t length = 0;
    const char *word = dictionary_word(words, worst, &length);
    size_t used = strlen(names);
    starves |= 2 * kept->first[worst] < kept->all[worst];
    snprintf(names + used, sizeof names - used, "%s\"%.*s\" %lld of %lld", used ? ", " : "",
             (int)word_fit(word, length, 60), word, (long long)kept->first[worst],
             (long long)kept->all[worst]);
  }
  audit_find(audit, RULE_DEDUPLICATION, starves ? AVOIDED : CLEAR, "%s: %s rows would be left.%s",
             starves ? "Dropping duplicates and keeping the first row starves classes"
                     : "Dropping duplicates would starve no class",
             names, starves ? " Merge their words into sets (clean, \"set\")." : "");
}

static Status deduplication_rule_all(Audit *audit) {
  Status status = OK;
  const AuditOptions *o = audit->options;
  const char *twins = relation_column(audit, audit->known[SAME_ID] ? SAME_ID : SAME_RECORDING);
  const Column *words = table_find(&audit->table, o->by ? o->by : o->spec->target);
  const Column *group = twins ? table_find(&audit->table, twins) : NULL;
  Kept kept = {0};
  if (!group || (words->type != COLUMN_CATEGORY && words->type != COLUMN_LIST)) {
    audit_find(audit, RULE_DEDUPLICATION, NOT_APPLICABLE,
               "Name classes (`by`) and twins (`id` or `group`) to see.");
    return OK;
  }
  kept.n = words->dictionary.n;
  Status local = NEW(&kept.all, kept.n);
  if (local == OK) local = NEW(&kept.first, kept.n);
  AGREE(audit->comm, local);
  count_words(words, group, audit->table.rows.begin, &kept);
  comm_sum_all(audit->comm, kept.all, kept.n);
  comm_sum_all(audit->comm, kept.first, kept.n);
  judge_kept(audit, &words->dictionary, &kept);
done:
  memory_free(&kept.all);
  memory_free(&kept.first);
  return status;
}

/* ---- sorted files ---- */

/* Does one part of the job's own split end where the other begins? Collective. */
static bool is_contiguous_all(const Audit *audit) {
  const Rows *rows = &audit->table.rows;
  int64_t low[4] = {INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX}; /* of places and of -places */
  if (audit->home != AS_THE_JOB) return false;
  const uint8_t *role = audit_role(audit, AS_THE_JOB);
  for (int64_t i = 0; i < rows->n; i++) {
    int64_t place = rows->begin + i, part = role[i] == ROLE_VALIDATE;
    if (role[i] == ROLE_NONE) continue;
    if (place < low[part]) low[part] = place;
    if (-place < low[2 + part]) low[2 + part] = -place;
  }
  comm_min_all(audit->comm, low, 4);
  return -low[2] < low[1] || -low[3] < low[0];
}

static void order_rule_all(Audit *audit) {
  const Protocol *file = &audit->protocols[IN_FILE_ORDER];
  bool contiguous = is_contiguous_all(audit);
  char scores[160];
  if (file->repeats == 0) {
    audit_find(audit, RULE_ORDER, CLEAR,
               "Where a row stands in the file tells nothing of its target (%.4f).", audit->tenths);
    return;
  }
  scores_text(audit, &file->first, &audit->protocols[audit->home].first, scores);
  audit_find(audit, RULE_ORDER, contiguous ? FOUND : AVOIDED,
             "The file is sorted: a row's tenth of it tells %.1f %% of the target. %s%s.",
             100 * audit->tenths,
             contiguous ? "The split cuts the file in two, so that the parts are unlike each "
                          "other; the file's end as test part gives "
                        : "Rows are drawn by number; with the file's end as test part it would be ",
             scores);
}

Status rules_all(Audit *audit) {
  Status status = OK;
  TRY(columns_all(audit));
  twins_rule(audit);
  TRY(recipe_rule_all(audit));
  resampling_rule(audit);
  tuning_rule(audit);
  refit_rule(audit);
  TRY(scorer_rule_all(audit));
  constant_rule(audit);
  part_rule(audit);
  TRY(deduplication_rule_all(audit));
  order_rule_all(audit);
done:
  return status;
}
