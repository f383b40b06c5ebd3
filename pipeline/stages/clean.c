/* clean: what cannot be is made missing, rows that lack what they need are dropped, and the rows of
 * a recording are found and become one.
 *
 * In this order: impossible values, required columns, recordings, merging. Every decision is
 * counted in the summary. New rows at prediction are treated by serve: the same impossible values,
 * and the types that merging gives. */
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/dataset/merge.h"
#include "kernels/dataset/recordings.h"
#include "pipeline/stage.h"

static const char *const duplicates_words[] = {"merge", "keep", NULL};
enum { MERGE, KEEP };
static const char *const default_words[] = {"first", "most_frequent", NULL}; /* as MergeRule */

/* Which values of a column cannot be. */
typedef struct Impossible {
  RealList equal;
  double below, above;
  TextList dates;
  char *before, *after;
} Impossible;

typedef struct Rule {
  int rule;
} Rule;

typedef struct CleanOptions {
  Map impossible, rules;
  TextList require;
  TextLists recording;
  char *column;
  int duplicates, default_rule;
} CleanOptions;

static const Option impossible_rows[] = {
    OPTION_REALS(Impossible, equal, "[]", -INFINITY, INFINITY,
                 "numbers that mean \"not known\", such as 0"),
    OPTION_REAL(Impossible, below, "null", -INFINITY, INFINITY, "smaller numbers are impossible"),
    OPTION_REAL(Impossible, above, "null", -INFINITY, INFINITY, "greater numbers are impossible"),
    OPTION_TEXTS(Impossible, dates, "[]",
                 "dates that mean \"not known\", exactly as given in the file: 1970-01-01"),
    OPTION_TEXT(Impossible, before, "null", "earlier dates are impossible (YYYY-MM-DD)"),
    OPTION_TEXT(Impossible, after, "null", "later dates are impossible (YYYY-MM-DD)"),
    {0}};

static const Option rule_rows[] = {
    OPTION_WORD(Rule, rule, NULL, merge_rule_words,
                "first value; most_frequent value (of several the first); mean, min or max of "
                "numbers (min and max also of dates); set: all words of a category or list"),
    {0}};

static const Option rows[] = {
    OPTION_MAP(CleanOptions, impossible, "{}", impossible_rows, Impossible,
               "values that become missing: column -> number, list of numbers or limits"),
    OPTION_TEXTS(CleanOptions, require, "[]",
                 "columns without which a row is of no use: rows where one is missing are dropped"),
    OPTION_TEXT_LISTS(CleanOptions, recording, "[]",
                      "keys, each a list of columns: rows that are equal in all columns of any key "
                      "are one recording, also through other rows; lists count as sets, and a key "
                      "with a missing value says nothing"),
    OPTION_TEXT(CleanOptions, column, "\"recording\"",
                "name of the new column that numbers recordings, for grouped splits and folds"),
    OPTION_WORD(CleanOptions, duplicates, "\"merge\"", duplicates_words,
                "merge makes one row of a recording; keep leaves its rows as they are"),
    OPTION_MAP(CleanOptions, rules, "{}", rule_rows, Rule,
               "how rows of a recording are merged: column -> rule; missing values take no part"),
    OPTION_WORD(CleanOptions, default_rule, "\"first\"", default_words,
                "the rule of columns that `rules` does not name"),
    {0}};

static const Impossible *impossible_at(const CleanOptions *o, int64_t k) {
  return (const Impossible *)o->impossible.items + k;
}

static bool merges(const CleanOptions *o) { return o->recording.n > 0 && o->duplicates == MERGE; }

static MergeRule rule_of(const CleanOptions *o, const char *column) {
  for (int64_t k = 0; k < o->rules.n; k++)
    if (strcmp(o->rules.names[k], column) == 0)
      return (MergeRule)((const Rule *)o->rules.items)[k].rule;
  return (MergeRule)o->default_rule;
}

/* ---- checks before data is read ---- */

static bool has_numbers(const Impossible *item) {
  return item->equal.n > 0 || !isnan(item->below) || !isnan(item->above);
}

static bool has_dates(const Impossible *item) {
  return item->dates.n > 0 || item->before || item->after;
}

static Status check_date(const char *name, const char *what, const char *text) {
  int32_t date = 0;
  if (!text || date_parse(text, (int64_t)strlen(text), &date)) return OK;
  return status_fail(INVALID, "impossible: column \"%s\": %s: \"%s\" is no date; write YYYY-MM-DD",
                     name, what, text);
}

static Status check_impossible(const char *name, const Impossible *item) {
  Status status = OK;
  if (!has_numbers(item) && !has_dates(item))
    return status_fail(INVALID,
                       "impossible: column \"%s\": say which values, by equal, below, "
                       "above, dates, before or after",
                       name);
  if (item->below > item->above)
    return status_fail(INVALID, "impossible: column \"%s\": every number is below %g or above %g",
                       name, item->below, item->above);
  for (int64_t k = 0; k < item->dates.n; k++) TRY(check_date(name, "dates", item->dates.items[k]));
  TRY(check_date(name, "before", item->before));
  TRY(check_date(name, "after", item->after));
done:
  return status;
}

static Status check(const void *options) {
  Status status = OK;
  const CleanOptions *o = options;
  for (int64_t k = 0; k < o->impossible.n; k++)
    TRY(check_impossible(o->impossible.names[k], impossible_at(o, k)));
  for (int64_t k = 0; k < o->recording.n; k++)
    if (o->recording.items[k].n == 0)
      return status_fail(INVALID, "recording: key %lld has no columns; without keys write []",
                         (long long)k + 1);
  if (!o->column || !o->column[0])
    status = status_fail(INVALID, "column: the name cannot be empty");
done:
  return status;
}

static const Port ports[] = {{"input", PORT_TABLE, true, "the rows to clean"}, {0}};

static bool is_number(ColumnType type) {
  return type == COLUMN_REAL || type == COLUMN_INTEGER || type == COLUMN_BOOLEAN;
}

static Status plan_impossible(const CleanOptions *o, const Schema *schema) {
  Status status = OK;
  const SchemaColumn *column = NULL;
  for (int64_t k = 0; k < o->impossible.n; k++) {
    TRY(status_prefix(schema_require(schema, o->impossible.names[k], &column), "impossible: "));
    bool fits = (is_number(column->type) || !has_numbers(impossible_at(o, k))) &&
                (column->type == COLUMN_DATE || !has_dates(impossible_at(o, k)));
    if (!fits)
      return status_fail(INVALID,
                         "impossible: column \"%s\" is %s; equal, below and above are "
                         "for numbers, dates, before and after for dates",
                         column->name, column_type_phrase(column->type));
  }
done:
  return status;
}

static Status plan_recording(const CleanOptions *o, const Schema *schema) {
  Status status = OK;
  const SchemaColumn *column = NULL;
  for (int64_t k = 0; k < o->recording.n; k++)
    for (int64_t j = 0; j < o->recording.items[k].n; j++)
      TRY(status_prefix(schema_require(schema, o->recording.items[k].items[j], &column),
                        "recording: "));
  if (o->recording.n > 0 && schema_find(schema, o->column))
    status = status_fail(INVALID,
                         "column: the table has a column \"%s\" already; give the new one "
                         "another name",
                         o->column);
done:
  return status;
}

static Status plan_rules(const CleanOptions *o, const Schema *schema, Schema *out) {
  Status status = OK;
  const SchemaColumn *column = NULL;
  for (int64_t k = 0; k < o->rules.n; k++) {
    ColumnType type;
    TRY(status_prefix(schema_require(schema, o->rules.names[k], &column), "rules: "));
    TRY(status_prefix(merge_type(rule_of(o, column->name), column->name, column->type, &type),
                      "rules: "));
    if (!merges(o)) continue;
    TRY(schema_add(out, column->name, type));
    schema_bar(out, column->name, column->barred);
  }
done:
  return status;
}

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  const CleanOptions *o = options;
  const Schema *schema = &inputs[0]->schema;
  const SchemaColumn *column = NULL;
  for (int64_t k = 0; k < o->require.n; k++)
    TRY(status_prefix(schema_require(schema, o->require.items[k], &column), "require: "));
  TRY(plan_impossible(o, schema));
  TRY(plan_recording(o, schema));
  TRY(schema_copy(schema, &output->schema));
  TRY(plan_rules(o, schema, &output->schema));
  if (o->recording.n > 0) TRY(schema_add(&output->schema, o->column, COLUMN_INTEGER));
done:
  return status;
}

/* ---- impossible values ---- */

static bool impossible_number(const Impossible *item, double x) {
  for (int64_t k = 0; k < item->equal.n; k++)
    if (x == item->equal.items[k]) return true;
  return x < item->below || x > item->above; /* false when the limit is NaN */
}

/* A date of text that check has seen. */
static int32_t date_of(const char *text) {
  int32_t date = MISSING_DATE;
  return date_parse(text, (int64_t)strlen(text), &date) ? date : MISSING_DATE;
}

/* The first and the last possible day. */
typedef struct Days {
  int64_t first, last;
} Days;

static Days days_of(const Impossible *item) {
  return (Days){item->before ? date_days(date_of(item->before)) : INT64_MIN,
                item->after ? date_days(date_of(item->after)) : INT64_MAX};
}

static bool impossible_date(const Impossible *item, const Days *days, int32_t date) {
  for (int64_t k = 0; k < item->dates.n; k++)
    if (date == date_of(item->dates.items[k])) return true;
  return date_days(date) < days->first || date_days(date) > days->last;
}

/* at[i] = i, or -1 where the value is impossible; returns how many are. */
static int64_t find_impossible(const Column *column, const Impossible *item, int64_t *at) {
  int64_t found = 0;
  const Days days = days_of(item);
  for (int64_t i = 0; i < column->n; i++) {
    bool hit = false;
    if (column_missing(column, i))
      hit = false;
    else if (column->type == COLUMN_DATE)
      hit = impossible_date(item, &days, column->date[i]);
    else if (is_number(column->type))
      hit = impossible_number(item, column_real(column, i));
    at[i] = hit ? -1 : i;
    found += hit;
  }
  return found;
}

static Status replace(Table *table, const Column *column, const int64_t *at) {
  Column *blanked = NULL;
  Status status = column_take(column, at, column->n, &blanked);
  return status == OK ? table_add(table, blanked) : status;
}

/* counts: out, one for each item of the option, over all ranks. A column is a new one on all ranks
 * or on none, so that all know alike where it is stored. */
static Status blank_all(const Comm *comm, const CleanOptions *o, Table *table, int64_t *counts) {
  Status status = OK;
  int64_t *at = NULL;
  AGREE(comm, NEW(&at, table->rows.n));
  for (int64_t k = 0; k < o->impossible.n; k++) {
    Column *column = NULL;
    AGREE(comm, table_require(table, o->impossible.names[k], &column));
    counts[k] = comm_sum_one_all(comm, find_impossible(column, impossible_at(o, k), at));
    if (counts[k] > 0) AGREE(comm, replace(table, column, at));
  }
done:
  memory_free(&at);
  return status;
}

/* ---- rows ---- */

/* What there is to tell; the same on all ranks. */
typedef struct Decisions {
  int64_t rows_in, rows_kept; /* kept: not dropped; merging comes after */
  int64_t *impossible;        /* as the option */
  int64_t *dropped;           /* as `require`; by the first column that is missing */
  RecordingCounts recordings;
  int64_t *differing; /* per column of the merged table; NULL: nothing was merged */
} Decisions;

static void decisions_clear(Decisions *decisions) {
  memory_free(&decisions->impossible);
  memory_free(&decisions->dropped);
  memory_free(&decisions->differing);
}

static Status mark_complete(const CleanOptions *o, const Table *table, uint8_t *keep,
                            int64_t *dropped) {
  Status status = OK;
  memset(keep, 1, (size_t)table->rows.n);
  for (int64_t k = 0; k < o->require.n; k++) {
    Column *column = NULL;
    TRY(table_require(table, o->require.items[k], &column));
    for (int64_t i = 0; i < table->rows.n; i++) {
      if (!keep[i] || !column_missing(column, i)) continue;
      keep[i] = 0;
      dropped[k]++;
    }
  }
done:
  return status;
}

/* Impossible values and required columns. */
static Status sift_all(const Comm *comm, const CleanOptions *o, const Table *input, Table *out,
                       Decisions *d) {
  Status status = OK;
  Table table = {0};
  uint8_t *keep = NULL;
  AGREE(comm, table_share(input, &table));
  TRY(blank_all(comm, o, &table, d->impossible));
  Status local = NEW(&keep, table.rows.n);
  if (local == OK) local = mark_complete(o, &table, keep, d->dropped);
  AGREE(comm, local);
  comm_sum_all(comm, d->dropped, o->require.n);
  TRY(table_filter_all(comm, &table, keep, out));
  d->rows_in = input->rows.n_global;
  d->rows_kept = out->rows.n_global;
  if (d->rows_in > 0 && d->rows_kept == 0)
    status = status_fail(INVALID,
                         "require: each of the %lld rows lacks a required value, first of "
                         "all \"%s\" (%lld rows); is the column read rightly?",
                         (long long)d->rows_in, o->require.items[0], (long long)d->dropped[0]);
done:
  table_clear(&table);
  memory_free(&keep);
  return status;
}

/* first: out, as recordings_find_all gives it, to be freed by the caller. */
static Status number_recordings_all(const Comm *comm, const CleanOptions *o, Table *table,
                                    int64_t **first, Decisions *d) {
  Status status = OK;
  Column *number = NULL;
  AGREE(comm, NEW(first, table->rows.n));
  TRY(recordings_find_all(comm, table, &o->recording, *first, &d->recordings));
  AGREE(comm, column_new(&number, o->column, COLUMN_INTEGER, table->rows.n, 0));
  TRY(recordings_number_all(comm, table, *first, number->integer));
  Status local = table_add(table, number);
  number = NULL;
  AGREE(comm, local);
done:
  column_release(&number);
  return status;
}

static Status merge_recordings_all(const Comm *comm, const CleanOptions *o, const Table *table,
                                   const int64_t *first, Table *out, Decisions *d) {
  Status status = OK;
  MergeRule *rules = NULL;
  Status local = NEW(&rules, table->n_columns);
  if (local == OK) local = NEW(&d->differing, table->n_columns);
  AGREE(comm, local);
  for (int64_t j = 0; j < table->n_columns; j++) rules[j] = rule_of(o, table->columns[j]->name);
  TRY(merge_all(comm, table, first, rules, out, d->differing));
done:
  memory_free(&rules);
  return status;
}

/* ---- telling ---- */

static Status tell(Summary *summary, int64_t handle, const char *what, const char *column,
                   int64_t count) {
  Cell cells[] = {cell_text(what), cell_text(column), cell_integer(count)};
  return summary_row(summary, handle, cells);
}

static Status tell_recordings(const Decisions *d, const Table *out, Summary *summary,
                              int64_t handle) {
  Status status = OK;
  const RecordingCounts *r = &d->recordings;
  TRY(tell(summary, handle, "recordings", "", r->recordings));
  TRY(tell(summary, handle, "rows whose recording has other rows", "", r->together));
  TRY(tell(summary, handle, "rows of the largest recording", "", r->largest));
  if (r->keyless > 0)
    TRY(tell(summary, handle, "rows where no key is complete, each a recording", "", r->keyless));
  if (!d->differing) return OK;
  TRY(tell(summary, handle, "rows merged into another", "", d->rows_kept - r->recordings));
  for (int64_t j = 0; j < out->n_columns; j++)
    if (d->differing[j] > 0)
      TRY(tell(summary, handle, "recordings whose rows differed", out->columns[j]->name,
               d->differing[j]));
done:
  return status;
}

static Status tell_decisions(const CleanOptions *o, const Decisions *d, const Table *out,
                             Summary *summary) {
  Status status = OK;
  int64_t handle = -1;
  const char *const titles[] = {"what", "column", "count"};
  TRY(summary_table(summary, "decisions", "What cleaning did", 3, titles, &handle));
  TRY(tell(summary, handle, "rows before", "", d->rows_in));
  for (int64_t k = 0; k < o->impossible.n; k++)
    TRY(tell(summary, handle, "impossible values made missing", o->impossible.names[k],
             d->impossible[k]));
  for (int64_t k = 0; k < o->require.n; k++)
    TRY(tell(summary, handle, "rows dropped, required value missing", o->require.items[k],
             d->dropped[k]));
  if (o->recording.n > 0) TRY(tell_recordings(d, out, summary, handle));
  TRY(tell(summary, handle, "rows after", "", out->rows.n_global));
  TRY(summary_metric(summary, "rows", "rows_in", (double)d->rows_in, true, false));
  TRY(summary_metric(summary, "rows", "rows_out", (double)out->rows.n_global, true, false));
  if (o->recording.n > 0)
    TRY(summary_metric(summary, "rows", "recordings", (double)d->recordings.recordings, true,
                       false));
  if (d->rows_kept < d->rows_in / 2)
    TRY(summary_note(summary, NOTE_WARNING,
                     "%lld of %lld rows lack a required value and were "
                     "dropped.",
                     (long long)(d->rows_in - d->rows_kept), (long long)d->rows_in));
done:
  return status;
}

static Status tell_missing(const Table *table, const int64_t *missing, Summary *summary) {
  Status status = OK;
  int64_t handle = -1, n = table->rows.n_global;
  const char *const titles[] = {"column", "missing", "share"};
  TRY(summary_table(summary, "missing", "Missing values after cleaning", 3, titles, &handle));
  for (int64_t j = 0; j < table->n_columns; j++) {
    const char *name = table->columns[j]->name;
    double share = n > 0 ? (double)missing[j] / (double)n : (double)NAN;
    Cell cells[] = {cell_text(name), cell_integer(missing[j]), cell_real(share)};
    TRY(summary_row(summary, handle, cells));
    if (n > 0 && missing[j] == n)
      TRY(summary_note(summary, NOTE_WARNING, "Column \"%s\" is missing in every row.", name));
  }
done:
  return status;
}

/* most, items: the longest and the sum of all sets of each column. */
static Status tell_sets(const CleanOptions *o, const Table *table, const int64_t *items,
                        const int64_t *most, Summary *summary) {
  Status status = OK;
  int64_t handle = -1;
  bool begun = false;
  const char *const titles[] = {"column", "words per recording", "most"};
  for (int64_t j = 0; j < table->n_columns; j++) {
    const char *name = table->columns[j]->name;
    if (rule_of(o, name) != MERGE_SET || table->rows.n_global == 0) continue;
    if (!begun) TRY(summary_table(summary, "sets", "Sets of merged words", 3, titles, &handle));
    begun = true;
    Cell cells[] = {cell_text(name), cell_real((double)items[j] / (double)table->rows.n_global),
                    cell_integer(most[j])};
    TRY(summary_row(summary, handle, cells));
  }
done:
  return status;
}

static Status tell_table_all(const Comm *comm, const CleanOptions *o, const Table *table,
                             Summary *summary) {
  Status status = OK;
  int64_t *missing = NULL, *items = NULL, *most = NULL, d = table->n_columns;
  Status local = NEW(&missing, d);
  if (local == OK) local = NEW(&items, d);
  if (local == OK) local = NEW(&most, d);
  AGREE(comm, local);
  for (int64_t j = 0; j < d; j++) {
    const Column *column = table->columns[j];
    for (int64_t i = 0; i < column->n; i++) {
      int64_t length = column->offset ? column->offset[i + 1] - column->offset[i] : 0;
      missing[j] += column_missing(column, i);
      items[j] += length;
      if (length > most[j]) most[j] = length;
    }
  }
  comm_sum_all(comm, missing, d);
  comm_sum_all(comm, items, d);
  comm_max_all(comm, most, d);
  local = tell_missing(table, missing, summary);
  if (local == OK && merges(o)) local = tell_sets(o, table, items, most, summary);
  AGREE(comm, local);
done:
  memory_free(&missing);
  memory_free(&items);
  memory_free(&most);
  return status;
}

/* ---- the stage ---- */

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const CleanOptions *o = options;
  const Comm *comm = context->comm;
  Table sifted = {0};
  Decisions decisions = {0};
  int64_t *first = NULL;
  Status local = NEW(&decisions.impossible, o->impossible.n);
  if (local == OK) local = NEW(&decisions.dropped, o->require.n);
  AGREE(comm, local);
  TRY(sift_all(comm, o, &inputs[0]->table, &sifted, &decisions));
  if (o->recording.n > 0) TRY(number_recordings_all(comm, o, &sifted, &first, &decisions));
  if (merges(o)) {
    TRY(merge_recordings_all(comm, o, &sifted, first, &output->table, &decisions));
  } else {
    output->table = sifted;
    sifted = (Table){0};
  }
  AGREE(comm, tell_decisions(o, &decisions, &output->table, &output->summary));
  TRY(tell_table_all(comm, o, &output->table, &output->summary));
done:
  table_clear(&sifted);
  decisions_clear(&decisions);
  memory_free(&first);
  return status;
}

/* New rows: impossible values become missing, and columns have the types that merging gave. */
static Status serve(const void *options, Table *table) {
  Status status = OK;
  const CleanOptions *o = options;
  int64_t *at = NULL;
  TRY(NEW(&at, table->rows.n));
  for (int64_t k = 0; k < o->impossible.n; k++) {
    Column *column = table_find(table, o->impossible.names[k]);
    if (column && find_impossible(column, impossible_at(o, k), at) > 0)
      TRY(replace(table, column, at));
  }
  for (int64_t k = 0; k < o->rules.n && merges(o); k++) {
    Column *column = table_find(table, o->rules.names[k]), *alone = NULL;
    if (!column) continue;
    TRY(merge_alone(column, rule_of(o, o->rules.names[k]), &alone));
    TRY(table_add(table, alone));
  }
done:
  memory_free(&at);
  return status;
}

extern const StageKind clean_stage;
const StageKind clean_stage = {
    .kind = {.name = "clean",
             .help = "Removes impossible values, drops unusable rows, finds and merges recordings.",
             .version = 1,
             .options_size = sizeof(CleanOptions),
             .options = rows,
             .check = check},
    .inputs = ports,
    .output = PORT_TABLE,
    .plan = plan,
    .run_all = run_all,
    .serve = serve};
