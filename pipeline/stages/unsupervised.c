/* What stages that learn without a target have in common; see unsupervised.h. */
#include "unsupervised.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/exact.h"
#include "kernels/numeric/groups.h"

/* Columns whose standard deviations are further apart than this: the largest decides alone. */
#define UNSCALED_RATIO 100.0

/* ---- planning ---- */

static Status plan_recipe(const UnsupervisedOptions *o, const Schema *schema) {
  Status status = OK;
  Schema open = {0}; /* what no model may learn from may well be looked at once more */
  for (int64_t i = 0; i < o->recipe.n; i++) {
    const StepKind *kind = (const StepKind *)o->recipe.items[i].kind;
    if (kind->needs_target)
      return status_fail(INVALID, "recipe/%lld: %s learns from a target, and here is none",
                         (long long)i, kind->kind.name);
  }
  TRY(schema_copy(schema, &open));
  for (int64_t j = 0; j < open.n; j++) open.columns[j].barred = NULL;
  TRY(recipe_plan(&o->features, &o->recipe, &open, false, NULL, NULL));
done:
  schema_clear(&open);
  return status;
}

Status unsupervised_plan(const UnsupervisedOptions *o, const Schema *schema, Schema *out) {
  Status status = OK;
  const SchemaColumn *group = NULL;
  if (o->features.n == 0) return status_fail(INVALID, "features: name at least one column");
  TRY(plan_recipe(o, schema));
  if (o->group) TRY(status_prefix(schema_require(schema, o->group, &group), "group: "));
  if (group && group->type != COLUMN_INTEGER)
    return status_fail(INVALID, "group: column \"%s\" is %s; it has to be an integer", o->group,
                       column_type_phrase(group->type));
  TRY(schema_copy(schema, out));
done:
  return status;
}

Status unsupervised_plan_column(Schema *out, const char *option, const char *name, ColumnType type,
                                const char *reason) {
  Status status = OK;
  if (schema_find(out, name))
    return status_fail(INVALID, "%s: the table has a column \"%s\" already; name another", option,
                       name);
  TRY(schema_add(out, name, type));
  schema_bar(out, name, reason);
done:
  return status;
}

/* ---- distinct recordings ---- */

/* least: the first row of each row's recording. A row without a number is its own. */
static Status first_rows_all(const Comm *comm, const Table *table, const Column *group,
                             int64_t *least) {
  Status status = OK;
  int64_t *number = NULL;
  AGREE(comm, NEW(&number, table->rows.n));
  for (int64_t i = 0; i < table->rows.n; i++) {
    least[i] = table->rows.begin + i;
    number[i] = column_missing(group, i) ? INT64_MIN + 1 + least[i] : group->integer[i];
  }
  TRY(groups_extremes_all(comm, number, table->rows.n, least, NULL));
done:
  memory_free(&number);
  return status;
}

/* Replace the table's row number of each first row, and of the rows of its recording, by its number
 * among first rows. */
static Status number_all(const Comm *comm, const Table *table, const uint8_t *keep,
                         const int64_t *least, int64_t *position) {
  Status status = OK;
  int64_t mine = 0;
  for (int64_t i = 0; i < table->rows.n; i++) mine += keep[i];
  int64_t next = comm_exscan_all(comm, mine);
  for (int64_t i = 0; i < table->rows.n; i++) position[i] = keep[i] ? next++ : INT64_MAX;
  TRY(groups_extremes_all(comm, least, table->rows.n, position, NULL));
done:
  return status;
}

static Status find_distinct_all(const char *group_name, Unsupervised *u) {
  Status status = OK;
  const Comm *comm = u->comm;
  const Table *table = u->table;
  Column *group = NULL;
  int64_t *least = NULL;
  uint8_t *keep = NULL;
  bool repeats = false;
  if (group_name) AGREE(comm, table_require(table, group_name, &group));
  AGREE(comm, NEW(&least, table->rows.n));
  if (group) TRY(first_rows_all(comm, table, group, least));
  for (int64_t i = 0; group && i < table->rows.n; i++) repeats |= least[i] != table->rows.begin + i;
  u->repeats = comm_any_all(comm, repeats);
  if (!u->repeats) {
    AGREE(comm, table_share(table, &u->distinct));
    goto done;
  }
  Status local = NEW(&keep, table->rows.n);
  if (local == OK) local = NEW(&u->position, table->rows.n);
  AGREE(comm, local);
  for (int64_t i = 0; i < table->rows.n; i++) keep[i] = least[i] == table->rows.begin + i;
  TRY(number_all(comm, table, keep, least, u->position));
  TRY(table_filter_all(comm, table, keep, &u->distinct));
done:
  memory_free(&least);
  memory_free(&keep);
  return status;
}

/* ---- features ---- */

static Status warn_unscaled_all(const Comm *comm, const Matrix *x, Summary *summary) {
  Status status = OK;
  int64_t low = -1, high = -1;
  double least = INFINITY, most = 0;
  for (int64_t j = 0; j < x->d; j++) {
    int64_t count = 0;
    double mean = 0, variance = 0;
    exact_moments_all(comm, matrix_column(x, j), NULL, x->rows.n, &count, &mean, &variance);
    /* a constant's mean may be off by a rounding */
    if (!(sqrt(variance) > 1e-12 * fabs(mean))) continue;
    if (variance < least) least = variance, low = j;
    if (variance > most) most = variance, high = j;
  }
  double ratio = low >= 0 ? sqrt(most / least) : 1;
  if (ratio > UNSCALED_RATIO)
    AGREE(comm, summary_note(summary, NOTE_WARNING,
                             "The features are not on one scale: the standard deviation of \"%s\" "
                             "is %.0f times that of \"%s\", so distances tell of little but the "
                             "former. Add a scale step to the recipe.",
                             x->names[high], ratio, x->names[low]));
done:
  return status;
}

Status unsupervised_init_all(const StageContext *context, const UnsupervisedOptions *o,
                             const Table *table, const char *who, Summary *summary,
                             Unsupervised *out) {
  Status status = OK;
  const Comm *comm = context->comm;
  *out = (Unsupervised){.comm = comm, .table = table};
  recipe_init(&out->recipe, &o->features, &o->recipe);
  TRY(find_distinct_all(o->group, out));
  if (out->distinct.rows.n_global == 0) TRY(status_fail(INVALID, "%s: the input has no rows", who));
  StepFit fit = {.comm = comm, .seed = context->seed, .summary = summary};
  TRY(recipe_fit_all(&out->recipe, &out->distinct, &fit, &out->x));
  AGREE(comm, matrix_check_finite(&out->x, out->distinct.row_id, who));
  TRY(warn_unscaled_all(comm, &out->x, summary));
  if (out->repeats)
    AGREE(comm,
          summary_note(summary, NOTE_INFO,
                       "Learned from %lld distinct recordings; the table has %lld rows.",
                       (long long)out->distinct.rows.n_global, (long long)table->rows.n_global));
done:
  return status;
}

void unsupervised_clear(Unsupervised *u) {
  table_clear(&u->distinct);
  memory_free(&u->position);
  recipe_clear(&u->recipe);
  matrix_clear(&u->x);
}

/* ---- columns ---- */

/* Values of item bytes for each of the table's rows, from those of distinct rows. */
static Status spread_all(const Unsupervised *u, const void *value, size_t item, void *out) {
  Status status = OK;
  void *all = NULL;
  if (!u->repeats) {
    if (u->table->rows.n > 0) memcpy(out, value, (size_t)u->table->rows.n * item);
    return OK;
  }
  TRY(comm_concatenate_all(u->comm, value, (size_t)u->distinct.rows.n * item, &all, NULL));
  for (int64_t i = 0; i < u->table->rows.n; i++)
    memcpy((char *)out + (size_t)i * item, (char *)all + (size_t)u->position[i] * item, item);
done:
  memory_free(&all);
  return status;
}

static Status add(Table *out, Column **column) {
  Column *given = *column;
  *column = NULL;
  return table_add(out, given);
}

Status unsupervised_add_reals_all(const Unsupervised *u, const double *value, const char *name,
                                  Table *out) {
  Status status = OK;
  Column *column = NULL;
  AGREE(u->comm, column_new(&column, name, COLUMN_REAL, u->table->rows.n, 0));
  TRY(spread_all(u, value, sizeof *value, column->real));
  AGREE(u->comm, add(out, &column));
done:
  column_release(&column);
  return status;
}

void unsupervised_label_word(int64_t label, int64_t k, char word[24]) {
  int digits = snprintf(word, 24, "%lld", (long long)(k > 0 ? k - 1 : 0));
  snprintf(word, 24, "%0*lld", digits, (long long)label);
}

static Status label_words(int64_t k, Dictionary *out) {
  Status status = OK;
  char *bytes = NULL;
  int64_t *offset = NULL;
  TRY(NEW(&bytes, 24 * k + 24));
  TRY(NEW(&offset, k + 1));
  for (int64_t c = 0; c < k; c++) {
    unsupervised_label_word(c, k, bytes + offset[c]);
    offset[c + 1] = offset[c] + (int64_t)strlen(bytes + offset[c]);
  }
  TRY(dictionary_build(bytes, offset, k, out, NULL));
done:
  memory_free(&bytes);
  memory_free(&offset);
  return status;
}

Status unsupervised_add_labels_all(const Unsupervised *u, const int32_t *label, int64_t k,
                                   const char *name, Table *out) {
  Status status = OK;
  Column *column = NULL;
  Status local = column_new(&column, name, COLUMN_CATEGORY, u->table->rows.n, 0);
  if (local == OK) local = label_words(k, &column->dictionary);
  AGREE(u->comm, local);
  TRY(spread_all(u, label, sizeof *label, column->code));
  AGREE(u->comm, add(out, &column));
done:
  column_release(&column);
  return status;
}
