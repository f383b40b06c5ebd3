/* Division of rows by exact cuts of a key; see division.h. This file gives rows their keys and
 * strata, has them cut (cuts.h) and makes roles of what is between the cuts.
 *
 * Rejected: dealing shuffled rows in turn (needs a global sort and depends on ties), and drawing
 * each row's part on its own (parts of random size). */
#include "division.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/numeric/cuts.h"
#include "kernels/numeric/groups.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/quantile.h"
#include "kernels/numeric/random.h"

enum { NONE, TRAIN, VALIDATE }; /* as kernels/study/folds.h, which is above this folder */
enum { TENTHS = 10 };

static void keys_clear(CutKeys *keys) {
  memory_free(&keys->key);
  memory_free(&keys->stratum);
}

/* ---- checks ---- */

static Status plan_name(const char *option, const char *name, const Schema *schema,
                        const SchemaColumn **column) {
  *column = NULL;
  if (!name) return OK;
  return status_prefix(schema_require(schema, name, column), "%s: ", option);
}

Status division_plan(const Division *division, const Schema *schema) {
  Status status = OK;
  const SchemaColumn *group = NULL, *date = NULL, *stratum = NULL;
  TRY(plan_name("group", division->group, schema, &group));
  TRY(plan_name("date", division->date, schema, &date));
  TRY(plan_name("stratify", division->stratify, schema, &stratum));
  if (group && group->type != COLUMN_INTEGER)
    return status_fail(INVALID,
                       "group: column \"%s\" is %s; groups are numbered by an integer "
                       "column, such as `clean` makes",
                       group->name, column_type_phrase(group->type));
  if (date && date->type != COLUMN_DATE && date->type != COLUMN_REAL &&
      date->type != COLUMN_INTEGER)
    return status_fail(INVALID, "date: column \"%s\" is %s; a date or a number is needed",
                       date->name, column_type_phrase(date->type));
  if (stratum && (stratum->type == COLUMN_TEXT || stratum->type == COLUMN_DATE))
    return status_fail(INVALID,
                       "stratify: column \"%s\" is %s; a category, list, boolean or "
                       "number is needed",
                       stratum->name, column_type_phrase(stratum->type));
done:
  return status;
}

/* ---- strata ---- */

/* Words: a stratum each, missing ones behind. */
static void strata_of_words(const Column *column, CutKeys *keys) {
  bool list = column->type == COLUMN_LIST;
  for (int64_t i = 0; i < keys->n; i++) {
    bool empty = column_missing(column, i) || (list && column->offset[i] == column->offset[i + 1]);
    int64_t at = list ? column->offset[i] : i;
    keys->stratum[i] = empty ? column->dictionary.n : column->code[at];
  }
  keys->n_strata = column->dictionary.n + 1;
}

/* Numbers: ten strata between the tenths of the rows that take part, missing ones behind. */
static Status strata_of_numbers_all(const Comm *comm, const Column *column, CutKeys *keys) {
  Status status = OK;
  double *values = NULL, q[TENTHS - 1], cuts[TENTHS - 1];
  AGREE(comm, NEW(&values, keys->n));
  for (int64_t i = 0; i < keys->n; i++)
    values[i] = isnan(keys->key[i]) ? NAN : column_real(column, i);
  for (int c = 0; c < TENTHS - 1; c++) q[c] = (c + 1.0) / TENTHS;
  TRY(quantile_all(comm, values, NULL, keys->n, q, TENTHS - 1, cuts));
  for (int64_t i = 0; i < keys->n; i++) {
    if (isnan(values[i]))
      keys->stratum[i] = TENTHS;
    else
      for (int c = 0; c < TENTHS - 1; c++) keys->stratum[i] += values[i] > cuts[c];
  }
  keys->n_strata = TENTHS + 1;
done:
  memory_free(&values);
  return status;
}

/* Give a group the least stratum of its rows that take part. */
static Status join_strata_all(const Comm *comm, CutKeys *keys) {
  for (int64_t i = 0; i < keys->n; i++)
    if (isnan(keys->key[i])) keys->stratum[i] = INT64_MAX;
  Status status = groups_extremes_all(comm, keys->group, keys->n, keys->stratum, NULL);
  for (int64_t i = 0; i < keys->n; i++)
    if (isnan(keys->key[i])) keys->stratum[i] = 0;
  return status;
}

static Status strata_all(const Comm *comm, const Table *table, const Division *division,
                         CutKeys *keys) {
  Status status = OK;
  AGREE(comm, NEW(&keys->stratum, keys->n));
  keys->n_strata = 1;
  if (!division->stratify || division->date) goto done;         /* time is one stratum */
  const Column *column = table_find(table, division->stratify); /* is there: keys_all looked */
  if (column->type == COLUMN_CATEGORY || column->type == COLUMN_LIST) {
    strata_of_words(column, keys);
  } else if (column->type == COLUMN_BOOLEAN) {
    for (int64_t i = 0; i < keys->n; i++)
      keys->stratum[i] = column_missing(column, i) ? 2 : column->boolean[i] == 1;
    keys->n_strata = 3;
  } else {
    TRY(strata_of_numbers_all(comm, column, keys));
  }
  if (keys->group) TRY(join_strata_all(comm, keys));
done:
  return status;
}

/* ---- keys ---- */

static void random_keys(const Table *table, const Division *division, CutKeys *keys) {
  Stream stream = random_stream(division->seed, "division", 0);
  for (int64_t i = 0; i < keys->n; i++) {
    int64_t address = keys->group ? keys->group[i] : table->row_id[i];
    bool takes_part = !division->where || division->where[i];
    keys->key[i] = takes_part ? random_uniform(&stream, (uint64_t)address, 0) : NAN;
  }
}

static void date_keys(const Table *table, const Division *division, CutKeys *keys,
                      int64_t *undated) {
  const Column *column = table_find(table, division->date);
  for (int64_t i = 0; i < keys->n; i++) {
    bool takes_part = !division->where || division->where[i];
    double key = takes_part ? column_real(column, i) : NAN;
    keys->key[i] = isfinite(key) ? key : NAN;
    *undated += takes_part && !isfinite(key);
  }
}

/* The columns are there and of a type that can be used, and every row has a group. */
static Status check_columns(const Table *table, const Division *division) {
  Status status = OK;
  Schema schema = {0};
  TRY(schema_of(table, &schema));
  TRY(division_plan(division, &schema));
  const Column *group = division->group ? table_find(table, division->group) : NULL;
  for (int64_t i = 0; group && i < table->rows.n; i++) {
    if (group->integer[i] != MISSING_INTEGER || (division->where && !division->where[i])) continue;
    status = status_fail(INVALID,
                         "group: row %lld has no value in column \"%s\"; every row needs a "
                         "group, such as `clean` gives it",
                         (long long)table->row_id[i], division->group);
    goto done;
  }
done:
  schema_clear(&schema);
  return status;
}

static Status keys_all(const Comm *comm, const Table *table, const Division *division,
                       CutKeys *keys, DivisionCounts *counts) {
  Status status = OK;
  *keys = (CutKeys){.begin = table->rows.begin, .n = table->rows.n};
  *counts = (DivisionCounts){0};
  AGREE(comm, check_columns(table, division));
  if (division->group) keys->group = table_find(table, division->group)->integer;
  keys->ties = division->group || division->date;
  AGREE(comm, NEW(&keys->key, keys->n));
  if (division->date)
    date_keys(table, division, keys, &counts->undated);
  else
    random_keys(table, division, keys);
  counts->undated = comm_sum_one_all(comm, counts->undated);
  TRY(strata_all(comm, table, division, keys));
done:
  return status;
}

/* ---- roles in time ---- */

/* One division in time: validate on [from, to), train on [oldest, from - gap). */
typedef struct Border {
  double oldest, from, to, gap;
} Border;

static void roles_in_time(const CutKeys *keys, const Border *border, uint8_t *role, int64_t *gap) {
  for (int64_t i = 0; i < keys->n; i++) {
    double key = keys->key[i];
    role[i] = NONE;
    if (isnan(key) || key < border->oldest || key >= border->to) continue;
    if (key >= border->from)
      role[i] = VALIDATE;
    else if (key < border->from - border->gap)
      role[i] = TRAIN;
    else
      (*gap)++;
  }
}

/* Mark the training rows whose group has a row in the validation part: straddles, n bytes. */
static Status find_straddling_all(const Comm *comm, const int64_t *group, const uint8_t *role,
                                  int64_t n, uint8_t *straddles) {
  Status status = OK;
  int64_t *low = NULL, *high = NULL;
  Status local = NEW(&low, n);
  if (local == OK) local = NEW(&high, n);
  AGREE(comm, local);
  for (int64_t i = 0; i < n; i++) low[i] = high[i] = role[i];
  TRY(groups_extremes_all(comm, group, n, low, high));
  for (int64_t i = 0; i < n; i++) straddles[i] = role[i] == TRAIN && high[i] == VALIDATE;
done:
  memory_free(&low);
  memory_free(&high);
  return status;
}

/* Take training rows out whose group has a row in the validation part. */
static Status purge_all(const Comm *comm, const CutKeys *keys, uint8_t *role, int64_t *purged) {
  Status status = OK;
  uint8_t *straddles = NULL;
  if (!keys->group) return OK;
  AGREE(comm, NEW(&straddles, keys->n));
  TRY(find_straddling_all(comm, keys->group, role, keys->n, straddles));
  for (int64_t i = 0; i < keys->n; i++) {
    if (!straddles[i]) continue;
    role[i] = NONE;
    (*purged)++;
  }
done:
  memory_free(&straddles);
  return status;
}

Status division_straddling_all(const Comm *comm, const int64_t *group, const uint8_t *role,
                               int64_t n, int64_t *rows) {
  Status status = OK;
  uint8_t *straddles = NULL;
  *rows = 0;
  AGREE(comm, NEW(&straddles, n));
  TRY(find_straddling_all(comm, group, role, n, straddles));
  for (int64_t i = 0; i < n; i++) *rows += straddles[i];
  *rows = comm_sum_one_all(comm, *rows);
done:
  memory_free(&straddles);
  return status;
}

static Status part_in_time_all(const Comm *comm, const CutKeys *keys, const Border *border,
                               uint8_t *role, DivisionCounts *counts) {
  Status status = OK;
  int64_t local[2] = {0, 0};
  roles_in_time(keys, border, role, &local[0]);
  TRY(purge_all(comm, keys, role, &local[1]));
  comm_sum_all(comm, local, 2);
  counts->gap += local[0];
  counts->purged += local[1];
done:
  return status;
}

/* ---- parts that came out empty ---- */

static Status refuse_few(const Division *division, const char *option, int64_t parts,
                         int64_t units) {
  const char *what = division->date ? "different dates" : division->group ? "groups" : "rows";
  return status_fail(INVALID,
                     "%s: %lld parts cannot be made of %lld %s that take part; ask for "
                     "fewer parts or larger shares, or divide otherwise",
                     option, (long long)parts, (long long)units, what);
}

static Status refuse_empty_all(const Comm *comm, const CutKeys *keys, const uint8_t *role,
                               const char *what, const DivisionCounts *counts) {
  int64_t sizes[3] = {0, 0, 0};
  for (int64_t i = 0; i < keys->n; i++) sizes[role[i]]++;
  comm_sum_all(comm, sizes, 3);
  if (sizes[TRAIN] > 0 && sizes[VALIDATE] > 0) return OK;
  return status_fail(INVALID,
                     "%s has %lld training and %lld validation rows (so far %lld without a "
                     "usable date, %lld within the gap, %lld of a group that is validated on); "
                     "take another date, a smaller gap or fewer parts",
                     what, (long long)sizes[TRAIN], (long long)sizes[VALIDATE],
                     (long long)counts->undated, (long long)counts->gap, (long long)counts->purged);
}

/* ---- splits and folds ---- */

static Status split_keys_all(const Comm *comm, const Division *division, const CutKeys *keys,
                             double share, double *cuts) {
  Status status = OK;
  bool filled = true;
  int64_t units = 0;
  CutParts parts = {.n = 2, .first = division->date ? 1.0 - share : share};
  TRY(cuts_find_all(comm, keys, &parts, cuts, &filled, &units));
  if (!filled) status = refuse_few(division, "test", 2, units);
done:
  return status;
}

Status division_split_all(const Comm *comm, const Table *table, const Division *division,
                          double share, int64_t cut, uint8_t *role, DivisionCounts *counts) {
  Status status = OK;
  CutKeys keys = {0};
  double *cuts = NULL;
  TRY(keys_all(comm, table, division, &keys, counts));
  AGREE(comm, NEW(&cuts, keys.n_strata));
  if (!isnan(share)) TRY(split_keys_all(comm, division, &keys, share, cuts));
  if (division->date) {
    Border border = {.oldest = -INFINITY,
                     .from = isnan(share) ? (double)cut : cuts[0],
                     .to = INFINITY,
                     .gap = (double)division->gap_days};
    TRY(part_in_time_all(comm, &keys, &border, role, counts));
  } else {
    for (int64_t i = 0; i < keys.n; i++)
      role[i] = isnan(keys.key[i]) ? NONE : keys.key[i] < cuts[keys.stratum[i]] ? VALIDATE : TRAIN;
  }
  TRY(refuse_empty_all(comm, &keys, role, "the split", counts));
done:
  memory_free(&cuts);
  keys_clear(&keys);
  return status;
}

static void roles_at_random(const CutKeys *keys, const double *cuts, int64_t k, int64_t fold,
                            uint8_t *role) {
  for (int64_t i = 0; i < keys->n; i++) {
    const double *own = cuts + keys->stratum[i] * (k - 1);
    int64_t part = 0;
    role[i] = NONE;
    if (isnan(keys->key[i])) continue;
    while (part < k - 1 && keys->key[i] >= own[part]) part++;
    role[i] = part == fold ? VALIDATE : TRAIN;
  }
}

/* ---- cuts of folds in time ---- */

/* The first key of a decade, counted from the years 0 to 9. */
static double decade_begin(bool date, int64_t decade) {
  char text[16];
  int32_t first = 0;
  if (!date) return (double)(10 * decade);
  int length = snprintf(text, sizeof text, "%04lld-01-01", (long long)(10 * decade));
  return date_parse(text, length, &first) ? (double)date_days(first) : -INFINITY;
}

/* The beginnings of the last k decades up to that of the latest row. */
static void decades_all(const Comm *comm, const CutKeys *keys, bool date, int64_t k, double *cuts) {
  enum { DECADES = 1000 };
  int64_t latest = 0;
  for (int64_t i = 0; i < keys->n; i++) {
    if (isnan(keys->key[i])) continue;
    while (latest + 1 < DECADES && keys->key[i] >= decade_begin(date, latest + 1)) latest++;
  }
  latest = comm_max_one_all(comm, latest);
  for (int64_t f = 0; f < k; f++) {
    int64_t decade = latest - (k - 1 - f);
    cuts[f] = decade > 0 ? decade_begin(date, decade) : -INFINITY;
  }
}

/* The borders between parts: the given ones, decades, or equal numbers of rows. */
static Status find_cuts_all(const Comm *comm, const Table *table, const Division *division,
                            const CutKeys *keys, int64_t k, double *cuts) {
  Status status = OK;
  bool filled = false;
  int64_t units = 0;
  CutParts parts = {.n = division->date ? k + 1 : k, .first = NAN};
  if (division->date && division->cuts) {
    memcpy(cuts, division->cuts, (size_t)k * sizeof *cuts);
    return OK;
  }
  if (division->date && division->period == PERIOD_DECADE) {
    bool date = table_find(table, division->date)->type == COLUMN_DATE;
    decades_all(comm, keys, date, k, cuts);
    return OK;
  }
  TRY(cuts_find_all(comm, keys, &parts, cuts, &filled, &units));
  if (!filled) status = refuse_few(division, "folds", parts.n, units);
done:
  return status;
}

Status division_folds_all(const Comm *comm, const Table *table, const Division *division, int64_t k,
                          uint8_t *role, DivisionCounts *counts) {
  Status status = OK;
  CutKeys keys = {0};
  double *cuts = NULL;
  TRY(keys_all(comm, table, division, &keys, counts));
  AGREE(comm, NEW(&cuts, keys.n_strata * k));
  TRY(find_cuts_all(comm, table, division, &keys, k, cuts));
  for (int64_t f = 0; f < k; f++) {
    uint8_t *own = role + f * keys.n;
    char what[32];
    snprintf(what, sizeof what, "fold %lld", (long long)f + 1);
    if (division->date) {
      bool rolling = division->window == WINDOW_ROLLING && f > 0;
      Border border = {.oldest = rolling ? cuts[f - 1] : -INFINITY,
                       .from = cuts[f],
                       .to = f + 1 < k ? cuts[f + 1] : INFINITY,
                       .gap = (double)division->gap_days};
      TRY(part_in_time_all(comm, &keys, &border, own, counts));
    } else {
      roles_at_random(&keys, cuts, k, f, own);
    }
    TRY(refuse_empty_all(comm, &keys, own, what, counts));
  }
done:
  memory_free(&cuts);
  keys_clear(&keys);
  return status;
}
