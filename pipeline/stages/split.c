/* split: a training and a test part, as one more column of the table.
 *
 * The part is a category column ("train", "test"; missing: in neither), so rows are not copied and
 * later stages can use all of them. */
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/dataset/division.h"
#include "pipeline/stage.h"

static const char *const methods[] = {"auto", "row", "stratified", "grouped", "temporal", NULL};
enum { AUTO, ROW, STRATIFIED, GROUPED, TEMPORAL };

typedef struct SplitOptions {
  int method;
  double test;
  char *group, *stratify, *date, *cut, *column;
  int64_t gap_days;
} SplitOptions;

static const Option rows[] = {
    OPTION_WORD(
        SplitOptions, method, "\"auto\"", methods,
        "how rows are divided; auto: temporal when `date` is given, stratified when "
        "`stratify` is, grouped when `group` is, else by row. With `group`, rows of a group "
        "stay together in every method"),
    OPTION_REAL(SplitOptions, test, "null", 0.001, 0.999,
                "share of rows in the test part (default 0.25 unless `cut` is given)"),
    OPTION_TEXT(SplitOptions, group, "null",
                "integer column whose rows stay together, such as the "
                "`recording` that clean makes"),
    OPTION_TEXT(SplitOptions, stratify, "null",
                "column whose mix is the same in both parts (a number: by tenths)"),
    OPTION_TEXT(SplitOptions, date, "null", "date or number column: the test part is the newest"),
    OPTION_TEXT(SplitOptions, cut, "null",
                "first date of the test part (YYYY-MM-DD), instead of `test`"),
    OPTION_INTEGER(SplitOptions, gap_days, "0", 0, 36500,
                   "days before the cut whose rows are in neither part"),
    OPTION_TEXT(SplitOptions, column, "\"split\"", "name of the new column"),
    {0}};

static int method_of(const SplitOptions *o) {
  if (o->method != AUTO) return o->method;
  return o->date ? TEMPORAL : o->stratify ? STRATIFIED : o->group ? GROUPED : ROW;
}

static Status check(const void *options) {
  const SplitOptions *o = options;
  int32_t date = 0;
  int method = method_of(o);
  if (method == GROUPED && !o->group)
    return status_fail(INVALID, "group: a grouped split needs the column that numbers groups");
  if (method == STRATIFIED && !o->stratify)
    return status_fail(INVALID, "stratify: a stratified split needs a column to keep the mix of");
  if (method == TEMPORAL && !o->date)
    return status_fail(INVALID, "date: a temporal split needs a date column");
  if (method != TEMPORAL && (o->date || o->cut || o->gap_days > 0))
    return status_fail(INVALID, "method: date, cut and gap_days belong to a temporal split");
  if (o->cut && !isnan(o->test))
    return status_fail(INVALID, "cut: give either a share (test) or a date (cut)");
  if (o->cut && !date_parse(o->cut, (int64_t)strlen(o->cut), &date))
    return status_fail(INVALID, "cut: \"%s\" is no date; write YYYY-MM-DD", o->cut);
  return OK;
}

static Division division_of(const SplitOptions *o, uint64_t seed) {
  int method = method_of(o);
  return (Division){.group = o->group,
                    .stratify = method == STRATIFIED ? o->stratify : NULL,
                    .date = method == TEMPORAL ? o->date : NULL,
                    .gap_days = o->gap_days,
                    .seed = seed};
}

static const Port ports[] = {{"input", PORT_TABLE, true, "the rows to divide"}, {0}};

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  const SplitOptions *o = options;
  Division division = division_of(o, 0);
  TRY(division_plan(&division, &inputs[0]->schema));
  if (schema_find(&inputs[0]->schema, o->column))
    return status_fail(INVALID, "column: the input has a column \"%s\" already; name another",
                       o->column);
  TRY(schema_copy(&inputs[0]->schema, &output->schema));
  TRY(schema_add(&output->schema, o->column, COLUMN_CATEGORY));
done:
  return status;
}

static Status part_column(const char *name, const uint8_t *role, int64_t n, Column **out) {
  Status status = OK;
  const int64_t offset[] = {0, 5, 9};
  Column *column = NULL;
  TRY(column_new(&column, name, COLUMN_CATEGORY, n, 0));
  TRY(dictionary_build("traintest", offset, 2, &column->dictionary, NULL));
  int32_t code[] = {[ROLE_NONE] = MISSING_CODE,
                    [ROLE_TRAIN] = dictionary_find(&column->dictionary, "train", 5),
                    [ROLE_VALIDATE] = dictionary_find(&column->dictionary, "test", 4)};
  for (int64_t i = 0; i < n; i++) column->code[i] = code[role[i]];
  *out = column;
  column = NULL;
done:
  column_release(&column);
  return status;
}

static Status report_all(const Comm *comm, const Table *table, const uint8_t *role,
                         const DivisionCounts *counts, Summary *summary) {
  Status status = OK;
  int64_t sizes[3] = {0, 0, 0}, handle = -1;
  for (int64_t i = 0; i < table->rows.n; i++) sizes[role[i]]++;
  comm_sum_all(comm, sizes, 3);
  const char *const columns[] = {"part", "rows", "share"};
  const char *const names[] = {
      [ROLE_NONE] = "in neither", [ROLE_TRAIN] = "train", [ROLE_VALIDATE] = "test"};
  Status local = summary_table(summary, "parts", "Training and test part", 3, columns, &handle);
  const int order[] = {ROLE_TRAIN, ROLE_VALIDATE, ROLE_NONE};
  for (int k = 0; k < 3 && local == OK; k++) {
    int64_t size = sizes[order[k]];
    if (order[k] == ROLE_NONE && size == 0) continue;
    Cell cells[] = {cell_text(names[order[k]]), cell_integer(size),
                    cell_real((double)size / (double)table->rows.n_global)};
    local = summary_row(summary, handle, cells);
  }
  if (local == OK && counts->undated + counts->gap + counts->purged > 0)
    local =
        summary_note(summary, NOTE_INFO,
                     "In neither part: %lld rows without a usable date, %lld within the gap, "
                     "%lld of a recording that is in the test part too.",
                     (long long)counts->undated, (long long)counts->gap, (long long)counts->purged);
  AGREE(comm, local);
done:
  return status;
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const SplitOptions *o = options;
  const Table *table = &inputs[0]->table;
  uint8_t *role = NULL;
  int32_t cut = 0;
  Column *part = NULL;
  DivisionCounts counts;
  Division division = division_of(o, context->seed);
  AGREE(context->comm, NEW(&role, table->rows.n));
  if (o->cut && !date_parse(o->cut, (int64_t)strlen(o->cut), &cut)) cut = 0; /* checked before */
  double share = o->cut ? NAN : isnan(o->test) ? 0.25 : o->test;
  TRY(division_split_all(context->comm, table, &division, share, o->cut ? date_days(cut) : 0, role,
                         &counts));
  AGREE(context->comm, part_column(o->column, role, table->rows.n, &part));
  Status local = table_share(table, &output->table);
  if (local == OK) {
    local = table_add(&output->table, part);
    part = NULL;
  }
  AGREE(context->comm, local);
  TRY(report_all(context->comm, table, role, &counts, &output->summary));
done:
  memory_free(&role);
  column_release(&part);
  return status;
}

extern const StageKind split_stage;
const StageKind split_stage = {.kind = {.name = "split",
                                        .help = "Divides rows into a training and a test part.",
                                        .version = 2,
                                        .options_size = sizeof(SplitOptions),
                                        .options = rows,
                                        .check = check},
                               .inputs = ports,
                               .output = PORT_TABLE,
                               .plan = plan,
                               .run_all = run_all};
