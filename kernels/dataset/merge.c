/* Merging the rows of recordings; see merge.h.
 *
 * Most rules choose one of the rows, so they only make a list of rows for column_take; mean and set
 * make new values. Rows of a recording come together at the rank of its first row and stand in
 * global order there, so that "first" and the order of a sum do not depend on ranks, and results
 * stand in global order at once. */
#include "merge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/hash.h"

const char *const merge_rule_words[] = {"first", "most_frequent", "mean", "min",
                                        "max",   "set",           NULL};

/* Rows of this rank's recordings: row[offset[g] .. offset[g + 1]), ascending. */
typedef struct Groups {
  int64_t n;
  int64_t *offset, *row;
} Groups;

static void groups_clear(Groups *groups) {
  memory_free(&groups->offset);
  memory_free(&groups->row);
}

/* first: n numbers from begin to begin + span - 1. */
static Status groups_init(const int64_t *first, int64_t n, int64_t begin, int64_t span,
                          Groups *groups) {
  Status status = OK;
  int64_t *at = NULL;
  TRY(NEW(&at, span + 1));
  TRY(NEW(&groups->offset, span + 1));
  TRY(NEW(&groups->row, n));
  for (int64_t i = 0; i < n; i++) at[first[i] - begin + 1]++;
  for (int64_t s = 0; s < span; s++) {
    if (at[s + 1] > 0) groups->offset[++groups->n] = at[s] + at[s + 1];
    at[s + 1] += at[s];
  }
  for (int64_t i = 0; i < n; i++) groups->row[at[first[i] - begin]++] = i;
done:
  memory_free(&at);
  return status;
}

static bool is_number(ColumnType type) {
  return type == COLUMN_REAL || type == COLUMN_INTEGER || type == COLUMN_BOOLEAN;
}

static bool has_words(ColumnType type) { return type == COLUMN_CATEGORY || type == COLUMN_LIST; }

Status merge_type(MergeRule rule, const char *name, ColumnType type, ColumnType *out) {
  const char *needs = NULL;
  *out = rule == MERGE_MEAN ? COLUMN_REAL : rule == MERGE_SET ? COLUMN_LIST : type;
  if (rule == MERGE_MEAN && !is_number(type)) needs = "a number";
  if ((rule == MERGE_MIN || rule == MERGE_MAX) && !is_number(type) && type != COLUMN_DATE)
    needs = "a number or a date";
  if (rule == MERGE_SET && !has_words(type)) needs = "a category or a list";
  if (!needs) return OK;
  return status_fail(INVALID, "column \"%s\" is %s; the rule %s needs %s", name,
                     column_type_phrase(type), merge_rule_words[rule], needs);
}

/* ---- rules that choose a row ---- */

static bool same_items(const Column *column, int64_t a, int64_t b) {
  int64_t n = column->offset[a + 1] - column->offset[a];
  if (n != column->offset[b + 1] - column->offset[b]) return false;
  size_t item = column_item_size(column->type);
  const char *items = column->type == COLUMN_TEXT ? column->bytes : (const char *)column->code;
  return memcmp(items + (size_t)column->offset[a] * item, items + (size_t)column->offset[b] * item,
                (size_t)n * item) == 0;
}

/* Neither is missing. */
static bool same_value(const Column *column, int64_t a, int64_t b) {
  switch (column->type) {
    case COLUMN_REAL: return column->real[a] == column->real[b];
    case COLUMN_INTEGER: return column->integer[a] == column->integer[b];
    case COLUMN_BOOLEAN: return column->boolean[a] == column->boolean[b];
    case COLUMN_DATE: return column->date[a] == column->date[b];
    case COLUMN_CATEGORY: return column->code[a] == column->code[b];
    default: return same_items(column, a, b);
  }
}

static bool below(const Column *column, int64_t a, int64_t b) {
  if (column->type == COLUMN_INTEGER) return column->integer[a] < column->integer[b];
  return column_real(column, a) < column_real(column, b);
}

/* A row of the recording that is at hand, by its value. */
typedef struct Vote {
  Hash value;
  int64_t row;
} Vote;

/* What looking at one column needs again for every recording. */
typedef struct Scratch {
  Vote *votes;
  int64_t votes_capacity;
  uint8_t *key;
  int64_t key_capacity;
  int64_t *present; /* rows of the recording that have a value */
  int64_t n, present_capacity;
  bool differ; /* in more than one value */
} Scratch;

static void scratch_clear(Scratch *scratch) {
  memory_free(&scratch->votes);
  memory_free(&scratch->key);
  memory_free(&scratch->present);
}

static int by_value(const void *a, const void *b) {
  const Vote *x = a, *y = b;
  int order = hash_compare(&x->value, &y->value);
  return order ? order : (x->row > y->row) - (x->row < y->row);
}

/* The longest run of equal values; of equally long ones the run that begins first in the table. */
static Status elect(const Column *column, Scratch *s, int64_t *row) {
  Status status = OK;
  int64_t longest = 0;
  TRY(RESERVE(&s->votes, &s->votes_capacity, s->n));
  for (int64_t k = 0; k < s->n; k++) {
    int64_t length = 0;
    TRY(column_key(column, s->present[k], false, &s->key, &length, &s->key_capacity));
    s->votes[k] = (Vote){hash_bytes(s->key, (size_t)length, hash_zero()), s->present[k]};
  }
  qsort(s->votes, (size_t)s->n, sizeof *s->votes, by_value);
  for (int64_t k = 0, end; k < s->n; k = end) {
    for (end = k + 1; end < s->n; end++)
      if (hash_compare(&s->votes[k].value, &s->votes[end].value) != 0) break;
    if (end - k > longest || (end - k == longest && s->votes[k].row < *row)) *row = s->votes[k].row;
    if (end - k > longest) longest = end - k;
  }
done:
  return status;
}

/* The rows of recording g that have a value, and whether values differ. */
static Status gather(const Column *column, const Groups *groups, int64_t g, Scratch *s) {
  int64_t begin = groups->offset[g], end = groups->offset[g + 1];
  if (RESERVE(&s->present, &s->present_capacity, end - begin) != OK) return MEMORY;
  s->n = 0;
  s->differ = false;
  for (int64_t k = begin; k < end; k++) {
    if (column_missing(column, groups->row[k])) continue;
    s->present[s->n++] = groups->row[k];
    s->differ = s->differ || !same_value(column, s->present[0], groups->row[k]);
  }
  return OK;
}

static Status choose(const Column *column, MergeRule rule, Scratch *s, int64_t *row) {
  *row = s->n > 0 ? s->present[0] : -1;
  if (!s->differ || rule == MERGE_FIRST) return OK;
  if (rule == MERGE_MOST_FREQUENT) return elect(column, s, row);
  for (int64_t k = 1; k < s->n; k++)
    if (rule == MERGE_MIN ? below(column, s->present[k], *row) : below(column, *row, s->present[k]))
      *row = s->present[k];
  return OK;
}

/* ---- rules that make values ---- */

static double mean(const Column *column, const Scratch *s) {
  double sum = 0;
  if (s->n == 0) return (double)NAN;
  for (int64_t k = 0; k < s->n; k++) sum += column_real(column, s->present[k]);
  return s->differ ? sum / (double)s->n : column_real(column, s->present[0]);
}

static int by_code(const void *a, const void *b) {
  int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
  return (x > y) - (x < y);
}

typedef struct Codes {
  int32_t *items;
  int64_t n, capacity;
} Codes;

/* Append the words of the rows at hand, each once, ascending. */
static Status append_set(const Column *column, const Scratch *s, Codes *codes) {
  int64_t begin = codes->n, kept = begin;
  for (int64_t k = 0; k < s->n; k++) {
    int64_t i = s->present[k], at = column->offset ? column->offset[i] : i;
    int64_t n = column->offset ? column->offset[i + 1] - at : 1;
    if (RESERVE(&codes->items, &codes->capacity, codes->n + n) != OK) return MEMORY;
    if (n > 0) memcpy(codes->items + codes->n, column->code + at, (size_t)n * sizeof(int32_t));
    codes->n += n;
  }
  if (codes->n - begin > 1)
    qsort(codes->items + begin, (size_t)(codes->n - begin), sizeof(int32_t), by_code);
  for (int64_t k = begin; k < codes->n; k++)
    if (k == begin || codes->items[k] != codes->items[kept - 1])
      codes->items[kept++] = codes->items[k];
  codes->n = kept;
  return OK;
}

/* ---- one column ---- */

static Status merge_values(const Column *column, const Groups *groups, MergeRule rule, Column **out,
                           int64_t *differing) {
  Status status = OK;
  Scratch scratch = {0};
  int64_t *chosen = NULL;
  if (rule == MERGE_MEAN)
    TRY(column_new(out, column->name, COLUMN_REAL, groups->n, 0));
  else
    TRY(NEW(&chosen, groups->n));
  for (int64_t g = 0; g < groups->n; g++) {
    TRY(gather(column, groups, g, &scratch));
    *differing += scratch.differ;
    if (rule == MERGE_MEAN)
      (*out)->real[g] = mean(column, &scratch);
    else
      TRY(choose(column, rule, &scratch, &chosen[g]));
  }
  if (rule != MERGE_MEAN) TRY(column_take(column, chosen, groups->n, out));
done:
  scratch_clear(&scratch);
  memory_free(&chosen);
  if (status != OK) column_release(out);
  return status;
}

static Status merge_sets(const Column *column, const Groups *groups, Column **out,
                         int64_t *differing) {
  Status status = OK;
  Scratch scratch = {0};
  Codes codes = {0};
  Column *list = NULL;
  TRY(column_new(&list, column->name, COLUMN_LIST, groups->n, 0));
  TRY(dictionary_copy(&column->dictionary, &list->dictionary));
  for (int64_t g = 0; g < groups->n; g++) {
    TRY(gather(column, groups, g, &scratch));
    TRY(append_set(column, &scratch, &codes));
    *differing += scratch.differ;
    list->offset[g + 1] = codes.n;
    if (scratch.n > 0) continue;
    if (!list->missing) TRY(NEW(&list->missing, groups->n));
    list->missing[g] = 1;
  }
  TRY(GROW(&codes.items, codes.capacity, codes.n)); /* no more than is used, and never NULL */
  memory_free(&list->code);
  list->code = codes.items;
  codes.items = NULL;
done:
  scratch_clear(&scratch);
  memory_free(&codes.items);
  if (status != OK) column_release(&list);
  *out = list;
  return status;
}

static Status merge_column(const Column *column, const Groups *groups, MergeRule rule, Column **out,
                           int64_t *differing) {
  ColumnType type;
  *out = NULL;
  Status status = merge_type(rule, column->name, column->type, &type);
  if (status != OK) return status;
  if (rule == MERGE_SET) return merge_sets(column, groups, out, differing);
  return merge_values(column, groups, rule, out, differing);
}

Status merge_alone(Column *column, MergeRule rule, Column **out) {
  Status status = OK;
  Groups groups = {.n = column->n};
  int64_t differing = 0;
  *out = NULL;
  if ((rule != MERGE_MEAN || column->type == COLUMN_REAL) && rule != MERGE_SET) {
    *out = column_share(column);
    return OK;
  }
  TRY(NEW(&groups.offset, column->n + 1));
  TRY(NEW(&groups.row, column->n));
  for (int64_t i = 0; i < column->n; i++) groups.offset[i + 1] = (groups.row[i] = i) + 1;
  TRY(merge_column(column, &groups, rule, out, &differing));
done:
  groups_clear(&groups);
  return status;
}

/* ---- all rows ---- */

/* The rows of this rank's recordings, and where each belongs. Rows and numbers go the same way, so
 * they arrive in the same order. */
static Status gather_rows_all(const Comm *comm, const Table *table, const int64_t *first,
                              Table *gathered, Groups *groups) {
  Status status = OK;
  const Rows *rows = &table->rows;
  int *to = NULL;
  int64_t *send = NULL, *arrived = NULL, *counts = NULL, *at = NULL;
  Status local = NEW(&to, rows->n);
  if (local == OK) local = NEW(&send, rows->n);
  if (local == OK) local = NEW(&counts, 2 * comm->size);
  if (local == OK) local = NEW(&at, comm->size + 1);
  AGREE(comm, local);
  for (int64_t i = 0; i < rows->n; i++)
    counts[to[i] = rows_owner(first[i], rows->n_global, rows->block, comm->size)]++;
  for (int r = 0; r < comm->size; r++) at[r + 1] = at[r] + counts[r];
  for (int64_t i = 0; i < rows->n; i++) send[at[to[i]]++] = first[i];
  TRY(comm_exchange_all(comm, send, counts, sizeof *send, (void **)&arrived, counts + comm->size));
  TRY(table_exchange_all(comm, table, to, gathered));
  AGREE(comm, groups_init(arrived, gathered->rows.n, rows->begin, rows->n, groups));
done:
  memory_free(&to);
  memory_free(&send);
  memory_free(&arrived);
  memory_free(&counts);
  memory_free(&at);
  return status;
}

static Status merge_rows(const Table *gathered, const Groups *groups, const MergeRule *rules,
                         const Rows *rows, Table *out, int64_t *differing) {
  Status status = OK;
  TRY(table_init(out, rows));
  for (int64_t g = 0; g < groups->n; g++)
    out->row_id[g] = gathered->row_id[groups->row[groups->offset[g]]];
  for (int64_t j = 0; j < gathered->n_columns; j++) {
    Column *column = NULL;
    TRY(merge_column(gathered->columns[j], groups, rules[j], &column, &differing[j]));
    TRY(table_add(out, column));
  }
done:
  return status;
}

Status merge_all(const Comm *comm, const Table *table, const int64_t *first, const MergeRule *rules,
                 Table *out, int64_t *differing) {
  Status status = OK;
  Table gathered = {0}, merged = {0};
  Groups groups = {0};
  *out = (Table){0};
  for (int64_t j = 0; j < table->n_columns; j++) differing[j] = 0;
  TRY(gather_rows_all(comm, table, first, &gathered, &groups));
  Rows rows = {.n_global = comm_sum_one_all(comm, groups.n),
               .begin = comm_exscan_all(comm, groups.n),
               .n = groups.n,
               .block = table->rows.block};
  AGREE(comm, merge_rows(&gathered, &groups, rules, &rows, &merged, differing));
  table_clear(&gathered);
  TRY(table_rebalance_all(comm, &merged, rows.block, out));
  comm_sum_all(comm, differing, table->n_columns);
done:
  groups_clear(&groups);
  table_clear(&gathered);
  table_clear(&merged);
  return status;
}
