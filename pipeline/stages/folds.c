/* folds: the role of every row in each fold of a cross-validation.
 *
 * Folds divide the training rows of a split (when there is one): its test part is never looked at.
 */
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/dataset/division.h"
#include "pipeline/stage.h"

static const char *const methods[] = {"auto", "k_fold", "stratified", "grouped", "temporal", NULL};
enum { AUTO, K_FOLD, STRATIFIED, GROUPED, TEMPORAL };
static const char *const windows[] = {"expanding", "rolling", NULL};

/* A table without a column of this name is divided as a whole; another name has to be there. */
static const char DEFAULT_SPLIT[] = "split";

typedef struct FoldsOptions {
  int method, window;
  int64_t folds, repeats, gap_days;
  char *group, *stratify, *date, *split;
} FoldsOptions;

static const Option rows[] = {
    OPTION_WORD(
        FoldsOptions, method, "\"auto\"", methods,
        "how rows are divided; auto: temporal when `date` is given, stratified when "
        "`stratify` is, grouped when `group` is, else k_fold. With `group`, rows of a group "
        "stay together in every method"),
    OPTION_INTEGER(FoldsOptions, folds, "5", 2, 1000, "number of folds"),
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
    OPTION_TEXT_OR_NULL(
        FoldsOptions, split, "\"split\"",
        "column of a split: only its \"train\" rows are divided; the default is ignored "
        "where the table has no such column; null: all rows"),
    {0}};

static int method_of(const FoldsOptions *o) {
  if (o->method != AUTO) return o->method;
  return o->date ? TEMPORAL : o->stratify ? STRATIFIED : o->group ? GROUPED : K_FOLD;
}

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
  if (method != TEMPORAL && (o->date || o->gap_days > 0))
    return status_fail(INVALID, "method: date and gap_days belong to temporal folds");
  return OK;
}

static Division division_of(const FoldsOptions *o, uint64_t seed, const uint8_t *where) {
  int method = method_of(o);
  return (Division){.group = o->group,
                    .stratify = method == STRATIFIED ? o->stratify : NULL,
                    .date = method == TEMPORAL ? o->date : NULL,
                    .gap_days = o->gap_days,
                    .window = (Window)o->window,
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
  /* A slip in the name would let the test part into the folds. */
  if (o->split && !split && strcmp(o->split, DEFAULT_SPLIT) != 0)
    TRY(status_prefix(schema_require(&inputs[0]->schema, o->split, &split), "split: "));
  if (split && split->type != COLUMN_CATEGORY)
    return status_fail(INVALID,
                       "split: column \"%s\" is a %s; a category with the part \"train\", as "
                       "`split` makes, is needed (null: divide all rows)",
                       o->split, column_type_words[split->type]);
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

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const FoldsOptions *o = options;
  const Table *table = &inputs[0]->table;
  uint8_t *where = NULL;
  DivisionCounts counts = {0};
  AGREE(context->comm, mark(table, o, &where));
  AGREE(context->comm, folds_init(&output->folds, &table->rows, o->folds * o->repeats));
  output->folds.repeats = o->repeats;
  folds_key_all(context->comm, table, output->folds.key);
  for (int64_t r = 0; r < o->repeats; r++) {
    Division division = division_of(o, context->seed + (uint64_t)r, where);
    TRY(division_folds_all(context->comm, table, &division, o->folds,
                           folds_role(&output->folds, r * o->folds), &counts));
  }
  TRY(report_all(context->comm, &output->folds, &counts, &output->summary));
done:
  memory_free(&where);
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
