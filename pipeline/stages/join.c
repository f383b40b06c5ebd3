/* join: columns of a second table, by a key; as the release dates of tracks. */
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/dataset/join.h"
#include "pipeline/stage.h"

static const char *const how_words[] = {"left", "inner", NULL};
enum { LEFT_JOIN, INNER_JOIN };
static const char *const duplicates_words[] = {"fail", "first", "last", NULL}; /* JoinDuplicates */

typedef struct JoinOptions {
  TextList on, right_on, columns;
  int how, duplicates;
} JoinOptions;

static const Option rows[] = {
    OPTION_TEXTS(JoinOptions, on, NULL, "key columns of the left table"),
    OPTION_TEXTS(JoinOptions, right_on, "[]",
                 "key columns of the right table, pairwise with `on` (default: the same names)"),
    OPTION_TEXTS(JoinOptions, columns, "[]",
                 "columns to take from the right table (default: all but its key)"),
    OPTION_WORD(JoinOptions, how, "\"left\"", how_words,
                "left keeps rows without a match, their new values missing; inner leaves them out"),
    OPTION_WORD(JoinOptions, duplicates, "\"fail\"", duplicates_words,
                "several right rows of one key: an error, or the first or last of them is taken"),
    {0}};

enum { LEFT, RIGHT };
static const Port ports[] = {[LEFT] = {"left", PORT_TABLE, true, "rows to add columns to"},
                             [RIGHT] = {"right", PORT_TABLE, true, "rows to take columns from"},
                             {0}};

static Status check(const void *options) {
  const JoinOptions *o = options;
  if (o->on.n == 0) return status_fail(INVALID, "on: at least one key column is needed");
  if (o->right_on.n > 0 && o->right_on.n != o->on.n)
    return status_fail(INVALID, "right_on: %lld columns, but `on` has %lld; they go pairwise",
                       (long long)o->right_on.n, (long long)o->on.n);
  return OK;
}

static const TextList *right_key(const JoinOptions *o) {
  return o->right_on.n > 0 ? &o->right_on : &o->on;
}

static bool among(const TextList *list, const char *name) {
  for (int64_t i = 0; i < list->n; i++)
    if (strcmp(list->items[i], name) == 0) return true;
  return false;
}

/* Types whose values are compared by what they say: words, or numbers. */
static bool comparable(ColumnType a, ColumnType b) {
  bool words[] = {a == COLUMN_TEXT || a == COLUMN_CATEGORY,
                  b == COLUMN_TEXT || b == COLUMN_CATEGORY};
  bool numbers[] = {a == COLUMN_REAL || a == COLUMN_INTEGER,
                    b == COLUMN_REAL || b == COLUMN_INTEGER};
  return a == b || (words[0] && words[1]) || (numbers[0] && numbers[1]);
}

static Status plan_keys(const JoinOptions *o, const Schema *left, const Schema *right) {
  Status status = OK;
  const SchemaColumn *a = NULL, *b = NULL;
  for (int64_t i = 0; i < o->on.n; i++) {
    TRY(status_prefix(schema_require(left, o->on.items[i], &a), "on: left table: "));
    TRY(status_prefix(schema_require(right, right_key(o)->items[i], &b),
                      "%s: right table: ", o->right_on.n > 0 ? "right_on" : "on"));
    if (comparable(a->type, b->type)) continue;
    status = status_fail(INVALID,
                         "on: column \"%s\" is %s on the left and %s on the right; read "
                         "both with one type",
                         a->name, column_type_phrase(a->type), column_type_phrase(b->type));
    goto done;
  }
done:
  return status;
}

static Status plan(const void *options, const Planned *const *inputs, Planned *output) {
  Status status = OK;
  const JoinOptions *o = options;
  const Schema *left = &inputs[LEFT]->schema, *right = &inputs[RIGHT]->schema;
  const SchemaColumn *column = NULL;
  TRY(plan_keys(o, left, right));
  TRY(schema_copy(left, &output->schema));
  for (int64_t i = 0; i < o->columns.n; i++)
    TRY(status_prefix(schema_require(right, o->columns.items[i], &column), "columns: "));
  for (int64_t j = 0; j < right->n; j++) {
    const char *name = right->columns[j].name;
    if (o->columns.n > 0 ? !among(&o->columns, name) : among(right_key(o), name)) continue;
    if (schema_find(left, name)) {
      status = status_fail(INVALID,
                           "columns: both tables have a column \"%s\"; name the columns to "
                           "take, without it",
                           name);
      goto done;
    }
    TRY(schema_add(&output->schema, name, right->columns[j].type));
    schema_bar(&output->schema, name, right->columns[j].barred);
  }
done:
  return status;
}

/* The columns to take, by name; borrowed. */
static Status taken_columns(const JoinOptions *o, const Table *right, TextList *out) {
  Status status = NEW(&out->items, right->n_columns);
  for (int64_t j = 0; status == OK && j < right->n_columns; j++) {
    char *name = right->columns[j]->name;
    if (o->columns.n > 0 ? among(&o->columns, name) : !among(right_key(o), name))
      out->items[out->n++] = name;
  }
  return status;
}

static Status tell(const JoinCounts *counts, int64_t n, Summary *summary) {
  Status status = OK;
  int64_t handle = -1;
  const char *const columns[] = {"what", "rows", "share of left rows"};
  const char *const names[] = {"left rows with a match", "left rows without a match",
                               "right rows not taken: another has their key",
                               "right keys that no left row has"};
  int64_t values[] = {counts->matched, counts->unmatched, counts->duplicates, counts->unused};
  TRY(summary_table(summary, "matches", "Matches", 3, columns, &handle));
  for (int k = 0; k < 4; k++) {
    double share = n > 0 && k < 2 ? (double)values[k] / (double)n : NAN;
    Cell cells[] = {cell_text(names[k]), cell_integer(values[k]), cell_real(share)};
    TRY(summary_row(summary, handle, cells));
  }
  TRY(summary_metric(summary, "rows", "matched", (double)counts->matched, true, false));
  TRY(summary_metric(summary, "rows", "unmatched", (double)counts->unmatched, false, false));
  if (n > 0 && counts->matched == 0)
    TRY(summary_note(summary, NOTE_WARNING, "No left row has a match: are the keys the same?"));
done:
  return status;
}

static Status run_all(const StageContext *context, const void *options,
                      const Artifact *const *inputs, Artifact *output) {
  Status status = OK;
  const JoinOptions *o = options;
  const Table *left = &inputs[LEFT]->table, *right = &inputs[RIGHT]->table;
  JoinPlan matching = {.left_on = o->on,
                       .right_on = *right_key(o),
                       .inner = o->how == INNER_JOIN,
                       .duplicates = (JoinDuplicates)o->duplicates};
  JoinCounts counts;
  AGREE(context->comm, taken_columns(o, right, &matching.columns));
  TRY(join_all(context->comm, left, right, &matching, &output->table, &counts));
  AGREE(context->comm, tell(&counts, left->rows.n_global, &output->summary));
done:
  memory_free(&matching.columns.items);
  return status;
}

extern const StageKind join_stage;
const StageKind join_stage = {.kind = {.name = "join",
                                       .help = "Adds columns of a second table by a key.",
                                       .version = 1,
                                       .options_size = sizeof(JoinOptions),
                                       .options = rows,
                                       .check = check},
                              .inputs = ports,
                              .output = PORT_TABLE,
                              .plan = plan,
                              .run_all = run_all};
