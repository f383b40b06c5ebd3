/* folds: the role of every row in each fold of a cross-validation.
 *
 * Folds divide the training rows of a split (when there is one): its test part is never looked at.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/dataset/division.h"
#include "pipeline/stage.h"

static const char *const methods[] = {"auto", "k_fold", "stratified", "grouped", "temporal", NULL};
enum { AUTO, K_FOLD, STRATIFIED, GROUPED, TEMPORAL };

static const char *const windows[] = {"expanding", "rolling", NULL};
static const char *const periods[] = {"count", "decade", NULL};

/* A table without a column of this name is divided as a whole; another name has to be there. */
static const char DEFAULT_SPLIT[] = "split";

typedef struct FoldsOptions {
  int method, window, period;
  TextList cuts;
  int64_t folds, repeats, gap_days;
  char *group, *stratify, *date, *split;
} FoldsOptions;

static const Option rows[] = {
    OPTION_WORD(
        FoldsOptions, method, "\"auto\"", methods,
        "how rows are divided; auto: temporal when `date` is given, stratified when "
        "`stratify` is, grouped when `group` is, else k_fold. With `group`, rows of a group "
        "stay together in every method"),
    OPTION_INTEGER(FoldsOptions, folds, "5", 2, 1000,
                   "number of folds; with `cuts` there are as many as cuts"),
    OPTION_INTEGER(FoldsOptions, repeats, "1", 1, 1000,
                   "times the rows are divided anew (not temporal)"),
    OPTION_TEXT(FoldsOptions, group, "null", "integer column whose rows stay together"),
    OPTION_TEXT(FoldsOptions, stratify, "null",
                "column whose mix is the same in every fold (a number: by tenths)"),
    OPTION_TEXT(FoldsOptions, date, "null", "date or number column of temporal folds"),
    OPTION_INTEGER(FoldsOptions, gap_days, "0", 0, 36500,
                   "days before each validation part whose rows are not trained on"),
    OPTION_WORD(FoldsOptions, window, "\"expanding\"", windows,
                "temporal: train on all earlier rows, or on the part just before alone"),
    OPTION_WORD(FoldsOptions, period, "\"count\"", periods,
                "temporal: cut into parts of equal numbers of rows, or validate on each of the "
                "last decades (as many as `folds`)"),
    OPTION_TEXTS(FoldsOptions, cuts, "[]",
                 "temporal: the first date that each fold is validated on, ascending (YYYY-MM-DD, "
                 "YYYY-MM, YYYY; plain numbers for a column of numbers); the last fold goes up to "
                 "the newest row; empty: by `period`"),
    OPTION_TEXT_OR_NULL(
        FoldsOptions, split, "\"split\"",
        "column of a split: only its \"train\" rows are divided; the default is ignored "
        "where the table has no such column; null: all rows"),
    {0}};

static int method_of(const FoldsOptions *o) {
  if (o->method != AUTO) return o->method;
  return o->date ? TEMPORAL : o->stratify ? STRATIFIED : o->group ? GROUPED : K_FOLD;
}

/* A cut as the key of rows: days of a date (its first day), or the number. */
static bool parse_cut(const char *text, bool number, double *cut) {
  char first[24];
  char *end = NULL;
  int32_t date = 0;
  size_t length = strlen(text);
  if (number) {
    *cut = strtod(text, &end);
    return length > 0 && *end == '\0' && isfinite(*cut);
  }
  /* A partial date means its first day here, not its middle. */
  if (length > 10) return false;
  snprintf(first, sizeof first, "%s%s", text, length == 4 ? "-01-01" : length == 7 ? "-01" : "");
  if (!date_parse(first, (int64_t)strlen(first), &date)) return false;
  *cut = (double)date_days(date);
  return true;
}

static Status parse_cuts(const TextList *texts, bool number, double *cuts) {
  double last = -INFINITY;
  for (int64_t c = 0; c < texts->n; c++) {
    double cut;
    if (!parse_cut(texts->items[c], number, &cut))
      return status_fail(INVALID, "cuts/%lld: \"%s\" is no %s", (long long)c, texts->items[c],
                         number ? "number, as the column has" : "date; write YYYY-MM-DD");
    if (cut <= last)
      return status_fail(INVALID, "cuts/%lld: \"%s\" is not after the cut before it", (long long)c,
                         texts->items[c]);
    last = cut;
    if (cuts) cuts[c] = cut;
  }
  return OK;
}

static int64_t folds_of(const FoldsOptions *o) { return o->cuts.n > 0 ? o->cuts.n : o->folds; }

static Status check(const void *options) {
  const FoldsOptions *o = options;
  int method = method_of(o);
  if (method == GROUPED && !o->group)
    return status_fail(INVALID, "group: grouped folds need the column that numbers groups");
  if (method == STRATIFIED && !o->stratify)
    return status_fail(INVALID, "stratify: stratified folds need a column to keep the mix of");
  if (method == TEMPORAL && !o->date)
    return status_fail(INVALID, "date: temporal folds need a date column");
  if (method == TEMPORAL && o->repeats > 1)
    return status_fail(INVALID, "repeats: temporal folds have one order only; leave it at 1");
  if (method != TEMPORAL &&
      (o->date || o->gap_days > 0 || o->cuts.n > 0 || o->period != PERIOD_COUNT))
    return status_fail(INVALID, "method: date, gap_days, period and cuts belong to temporal folds");
  if (o->cuts.n > 0 && o->period != PERIOD_COUNT)
    return status_fail(INVALID, "cuts: either these dates or a period cut the folds, not both");
  return OK;
}

static Division division_of(const FoldsOptions *o, uint64_t seed, const uint8_t *where) {
  int method = method_of(o);
  return (Division){.group = o->group,
                    .stratify = method == STRATIFIED ? o->stratify : NULL,
                    .date = method == TEMPORAL ? o->date : NULL,
                    .gap_days = o->gap_days,
                    .window = (Window)o->window,
                    .period = (Period)o->period,
                    .where = where,
                    .seed = seed};
}

static const Port ports[] = {{"input", PORT_TABLE, true, "the rows to divide"}, {0}};

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  (void)output;
  const FoldsOptions *o = options;
  Division division = division_of(o, 0, NULL);
  const SchemaColumn *split = o->split ? schema_find(&inputs[0]->schema, o->split) : NULL;
  TRY(division_plan(&division, &inputs[0]->schema));
  const SchemaColumn *date = division.date ? schema_find(&inputs[0]->schema, division.date) : NULL;
  if (date) TRY(parse_cuts(&o->cuts, date->type != COLUMN_DATE, NULL));
  /* A slip in the name would let the test part into the folds. */
  if (o->split && !split && strcmp(o->split, DEFAULT_SPLIT) != 0)
    TRY(status_prefix(schema_require(&inputs[0]->schema, o->split, &split), "split: "));
  if (split && split->type != COLUMN_CATEGORY)
    return status_fail(INVALID,
                       "split: column \"%s\" is %s; a category with the part \"train\", as "
                       "`split` makes, is needed (null: divide all rows)",
                       o->split, column_type_phrase(split->type));
done:
  return status;
}

/* 1 for the rows that take part. */
static Status mark(const Table *table, const FoldsOptions *o, uint8_t **where) {
  const Column *split = o->split ? table_find(table, o->split) : NULL;
  int32_t train = split ? dictionary_find(&split->dictionary, "train", 5) : 0;
  if (train == MISSING_CODE)
    return status_fail(INVALID, "split: column \"%s\" has no part \"train\"", o->split);
  Status status = NEW(where, table->rows.n);
  if (status != OK) return status;
  for (int64_t i = 0; i < table->rows.n; i++) (*where)[i] = !split || split->code[i] == train;
  return OK;
}

static Status report_all(const Comm *comm, const Folds *folds, const DivisionCounts *counts,
                         Summary *summary) {
  Status status = OK, local = OK;
  int64_t handle = -1;
  const char *const columns[] = {"fold", "training rows", "validation rows", "in neither"};
  local = summary_table(summary, "folds", "Folds", 4, columns, &handle);
  for (int64_t f = 0; f < folds->n_folds; f++) {
    int64_t sizes[3] = {0, 0, 0};
    const uint8_t *role = folds_role(folds, f);
    for (int64_t i = 0; i < folds->rows.n; i++) sizes[role[i]]++;
    comm_sum_all(comm, sizes, 3);
    Cell cells[] = {cell_integer(f + 1), cell_integer(sizes[ROLE_TRAIN]),
                    cell_integer(sizes[ROLE_VALIDATE]), cell_integer(sizes[ROLE_NONE])};
    if (local == OK) local = summary_row(summary, handle, cells);
  }
  if (local == OK && counts->undated > 0)
    local = summary_note(summary, NOTE_WARNING, "%lld rows have no usable date and are in no fold.",
                         (long long)counts->undated);
  if (local == OK && counts->gap + counts->purged > 0)
    local = summary_note(summary, NOTE_INFO,
                         "Left out of training, summed over folds: %lld rows within the gap, %lld "
                         "of a recording that is in the validation part too.",
                         (long long)counts->gap, (long long)counts->purged);
  AGREE(comm, local);
done:
  return status;
}

/* NULL when there are none. */
static Status cuts_of(const Table *table, const FoldsOptions *o, double **cuts) {
  Status status = OK;
  if (o->cuts.n == 0) return OK;
  const Column *date = table_find(table, o->date); /* is there: planned */
  TRY(NEW(cuts, o->cuts.n));
  TRY(parse_cuts(&o->cuts, date->type != COLUMN_DATE, *cuts));
done:
  return status;
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const FoldsOptions *o = options;
  const Table *table = &inputs[0]->table;
  uint8_t *where = NULL;
  double *cuts = NULL;
  int64_t n = folds_of(o);
  DivisionCounts counts = {0};
  AGREE(context->comm, mark(table, o, &where));
  AGREE(context->comm, cuts_of(table, o, &cuts));
  AGREE(context->comm, folds_init(&output->folds, &table->rows, n * o->repeats));
  output->folds.repeats = o->repeats;
  folds_key_all(context->comm, table, output->folds.key);
  for (int64_t r = 0; r < o->repeats; r++) {
    Division division = division_of(o, context->seed + (uint64_t)r, where);
    division.cuts = cuts;
    TRY(division_folds_all(context->comm, table, &division, n, folds_role(&output->folds, r * n),
                           &counts));
  }
  TRY(report_all(context->comm, &output->folds, &counts, &output->summary));
done:
  memory_free(&where);
  memory_free(&cuts);
  return status;
}

extern const StageKind folds_stage;
const StageKind folds_stage = {
    .kind = {.name = "folds",
             .help = "Divides training rows into folds for cross-validation.",
             .version = 3,
             .options_size = sizeof(FoldsOptions),
             .options = rows,
             .check = check},
    .inputs = ports,
    .output = PORT_FOLDS,
    .plan = plan,
    .run_all = run_all};
