/* Division of rows by exact cuts of a key; see division.h.
 *
 * Rejected: dealing shuffled rows in turn (needs a global sort and depends on ties), and drawing
 * each row's part on its own (parts of random size). */
#include "division.h"

#include <math.h>
#include <string.h>

#include "groups.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/quantile.h"
#include "kernels/numeric/random.h"

enum { NONE, TRAIN, VALIDATE }; /* as kernels/study/folds.h, which is above this folder */
enum { NUMBER_STRATA = 10 };

typedef struct Keys {
  int64_t n;        /* rows on this rank */
  double *key;      /* NaN: takes no part */
  int64_t *stratum; /* 0 .. n_strata - 1 */
  int64_t n_strata;
  int64_t *group;   /* borrowed from the column; NULL: none */
} Keys;

static void keys_clear(Keys *keys) {
  memory_free(&keys->key);
  memory_free(&keys->stratum);
}

/* ---- strata ---- */

static Status strata_of_numbers_all(const Comm *comm, const Column *column, const Keys *keys,
                                    int64_t *stratum) {
  Status status = OK;
  double *values = NULL, q[NUMBER_STRATA - 1], cuts[NUMBER_STRATA - 1];
  AGREE(comm, NEW(&values, keys->n));
  for (int64_t i = 0; i < keys->n; i++)
    values[i] = isnan(keys->key[i]) ? NAN : column_real(column, i);
  for (int c = 0; c < NUMBER_STRATA - 1; c++) q[c] = (c + 1.0) / NUMBER_STRATA;
  TRY(quantile_all(comm, values, NULL, keys->n, q, NUMBER_STRATA - 1, cuts));
  for (int64_t i = 0; i < keys->n; i++)
    for (int c = 0; c < NUMBER_STRATA - 1; c++) stratum[i] += values[i] > cuts[c];
done:
  memory_free(&values);
  return status;
}

static Status strata_all(const Comm *comm, const Table *table, const Division *division,
                         Keys *keys) {
  Status status = OK;
  Column *column = NULL;
  AGREE(comm, NEW(&keys->stratum, keys->n));
  keys->n_strata = 1;
  if (!division->stratify || division->date) goto done; /* time is one stratum */
  AGREE(comm, table_require(table, division->stratify, &column));
  bool words = column->type == COLUMN_CATEGORY || column->type == COLUMN_LIST;
  if (words) {
    for (int64_t i = 0; i < keys->n; i++) {
      bool empty = column_missing(column, i) ||
                   (column->type == COLUMN_LIST && column->offset[i] == column->offset[i + 1]);
      int64_t at = column->type == COLUMN_LIST ? column->offset[i] : i;
      keys->stratum[i] = empty ? column->dictionary.n : column->code[at];
    }
    keys->n_strata = column->dictionary.n + 1;
  } else if (column->type == COLUMN_BOOLEAN) {
    for (int64_t i = 0; i < keys->n; i++) keys->stratum[i] = column->boolean[i] == 1;
    keys->n_strata = 2;
  } else {
    TRY(strata_of_numbers_all(comm, column, keys, keys->stratum));
    keys->n_strata = NUMBER_STRATA;
  }
  if (keys->group) TRY(groups_extremes_all(comm, keys->group, keys->n, keys->stratum, NULL));
done:
  return status;
}

/* ---- keys ---- */

static void random_keys(const Table *table, const Division *division, Keys *keys) {
  Stream stream = random_stream(division->seed, "division", 0);
  for (int64_t i = 0; i < keys->n; i++) {
    int64_t address = keys->group ? keys->group[i] : table->row_id[i];
    bool takes_part = !division->where || division->where[i];
    keys->key[i] = takes_part ? random_uniform(&stream, (uint64_t)address, 0) : NAN;
  }
}

static Status date_keys(const Table *table, const Division *division, Keys *keys,
                        int64_t *undated) {
  Status status = OK;
  Column *column = NULL;
  TRY(table_require(table, division->date, &column));
  for (int64_t i = 0; i < keys->n; i++) {
    bool takes_part = !division->where || division->where[i];
    keys->key[i] = takes_part ? column_real(column, i) : NAN;
    *undated += takes_part && isnan(keys->key[i]);
  }
done:
  return status;
}

static Status keys_all(const Comm *comm, const Table *table, const Division *division, Keys *keys,
                       DivisionCounts *counts) {
  Status status = OK;
  Column *group = NULL;
  *keys = (Keys){.n = table->rows.n};
  *counts = (DivisionCounts){0};
  AGREE(comm, division->group ? table_require(table, division->group, &group) : OK);
  if (group) keys->group = group->integer;
  AGREE(comm, NEW(&keys->key, keys->n));
  if (division->date) AGREE(comm, date_keys(table, division, keys, &counts->undated));
  else random_keys(table, division, keys);
  counts->undated = comm_sum_one_all(comm, counts->undated);
  TRY(strata_all(comm, table, division, keys));
done:
  return status;
}

/* ---- cuts ---- */

/* Sorted keys of each stratum, one after the other; begin has n_strata + 1 places. */
static Status sort_by_stratum(const Keys *keys, double **sorted, int64_t *begin) {
  Status status = OK;
  int64_t *at = NULL;
  TRY(NEW(sorted, keys->n));
  TRY(NEW(&at, keys->n_strata + 1));
  for (int64_t i = 0; i < keys->n; i++)
    if (!isnan(keys->key[i])) begin[keys->stratum[i] + 1]++;
  for (int64_t s = 0; s < keys->n_strata; s++) begin[s + 1] += begin[s];
  memcpy(at, begin, (size_t)(keys->n_strata + 1) * sizeof *at);
  for (int64_t i = 0; i < keys->n; i++)
    if (!isnan(keys->key[i])) (*sorted)[at[keys->stratum[i]]++] = keys->key[i];
  for (int64_t s = 0; s < keys->n_strata; s++) {
    int64_t valid = 0;
    TRY(quantile_sort(*sorted + begin[s], begin[s + 1] - begin[s], &valid));
  }
done:
  memory_free(&at);
  return status;
}

/* For each stratum and each of n_cuts shares: the first key behind that share of its rows;
 * cuts n_strata x n_cuts, +inf where the share reaches the end. */
static Status cuts_all(const Comm *comm, const Keys *keys, const double *shares, int64_t n_cuts,
                       double *cuts) {
  Status status = OK;
  double *sorted = NULL;
  const double **parts = NULL;
  int64_t *begin = NULL, *sizes = NULL, *totals = NULL, *wanted = NULL, s_n = keys->n_strata;
  Status local = NEW(&begin, s_n + 1);
  if (local == OK) local = NEW(&sizes, s_n);
  if (local == OK) local = NEW(&totals, s_n);
  if (local == OK) local = NEW(&wanted, s_n * n_cuts);
  if (local == OK) local = NEW(&parts, s_n);
  if (local == OK) local = sort_by_stratum(keys, &sorted, begin);
  AGREE(comm, local);
  for (int64_t s = 0; s < s_n; s++) {
    parts[s] = sorted + begin[s];
    sizes[s] = totals[s] = begin[s + 1] - begin[s];
  }
  comm_sum_all(comm, totals, s_n);
  for (int64_t s = 0; s < s_n; s++)
    for (int64_t c = 0; c < n_cuts; c++)
      wanted[s * n_cuts + c] = (int64_t)floor((double)totals[s] * shares[c] + 0.5);
  TRY(quantile_order_statistics_all(comm, parts, sizes, s_n, n_cuts, wanted, cuts));
  for (int64_t c = 0; c < s_n * n_cuts; c++)
    if (isnan(cuts[c])) cuts[c] = INFINITY;
done:
  memory_free(&sorted);
  memory_free(&parts);
  memory_free(&begin);
  memory_free(&sizes);
  memory_free(&totals);
  memory_free(&wanted);
  return status;
}

/* ---- roles in time ---- */

/* One division in time: validate on [from, to), train on [oldest, from - gap). */
typedef struct Border {
  double oldest, from, to, gap;
} Border;

static void roles_in_time(const Keys *keys, const Border *border, uint8_t *role, int64_t *gap) {
  for (int64_t i = 0; i < keys->n; i++) {
    double key = keys->key[i];
    role[i] = NONE;
    if (isnan(key) || key < border->oldest || key >= border->to) continue;
    if (key >= border->from) role[i] = VALIDATE;
    else if (key < border->from - border->gap) role[i] = TRAIN;
    else (*gap)++;
  }
}

/* Take training rows out whose group has a row in the validation part. */
static Status purge_all(const Comm *comm, const Keys *keys, uint8_t *role, int64_t *purged) {
  Status status = OK;
  int64_t *low = NULL, *high = NULL;
  if (!keys->group) return OK;
  Status local = NEW(&low, keys->n);
  if (local == OK) local = NEW(&high, keys->n);
  AGREE(comm, local);
  for (int64_t i = 0; i < keys->n; i++) low[i] = high[i] = role[i];
  TRY(groups_extremes_all(comm, keys->group, keys->n, low, high));
  for (int64_t i = 0; i < keys->n; i++) {
    if (role[i] != TRAIN || high[i] != VALIDATE) continue;
    role[i] = NONE;
    (*purged)++;
  }
done:
  memory_free(&low);
  memory_free(&high);
  return status;
}

static Status part_in_time_all(const Comm *comm, const Keys *keys, const Border *border,
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

static Status refuse_empty_all(const Comm *comm, const Keys *keys, const uint8_t *role,
                               const char *what, int64_t number) {
  int64_t sizes[3] = {0, 0, 0};
  for (int64_t i = 0; i < keys->n; i++) sizes[role[i]]++;
  comm_sum_all(comm, sizes, 3);
  if (sizes[TRAIN] > 0 && sizes[VALIDATE] > 0) return OK;
  return status_fail(INVALID, "%s %lld has %lld training and %lld validation rows; there are too few "
                     "rows or groups for this division", what, (long long)number,
                     (long long)sizes[TRAIN], (long long)sizes[VALIDATE]);
}

Status division_split_all(const Comm *comm, const Table *table, const Division *division,
                          double share, int64_t cut, uint8_t *role, DivisionCounts *counts) {
  Status status = OK;
  Keys keys = {0};
  double *cuts = NULL;
  TRY(keys_all(comm, table, division, &keys, counts));
  AGREE(comm, NEW(&cuts, keys.n_strata));
  double shares[] = {division->date ? 1.0 - share : share};
  if (!isnan(share)) TRY(cuts_all(comm, &keys, shares, 1, cuts));
  if (division->date) {
    Border border = {.oldest = -INFINITY, .from = isnan(share) ? (double)cut : cuts[0],
                     .to = INFINITY, .gap = (double)division->gap_days};
    TRY(part_in_time_all(comm, &keys, &border, role, counts));
  } else {
    for (int64_t i = 0; i < keys.n; i++)
      role[i] = isnan(keys.key[i]) ? NONE : keys.key[i] < cuts[keys.stratum[i]] ? VALIDATE : TRAIN;
  }
  TRY(refuse_empty_all(comm, &keys, role, "split", 1));
done:
  memory_free(&cuts);
  keys_clear(&keys);
  return status;
}

static void roles_at_random(const Keys *keys, const double *cuts, int64_t k, int64_t fold,
                            uint8_t *role) {
  for (int64_t i = 0; i < keys->n; i++) {
    const double *own = cuts + keys->stratum[i] * (k - 1);
    int64_t part = 0;
    while (part < k - 1 && keys->key[i] >= own[part]) part++;
    role[i] = isnan(keys->key[i]) ? NONE : part == fold ? VALIDATE : TRAIN;
  }
}

Status division_folds_all(const Comm *comm, const Table *table, const Division *division, int64_t k,
                          uint8_t *role, DivisionCounts *counts) {
  Status status = OK;
  Keys keys = {0};
  double *cuts = NULL, *shares = NULL;
  int64_t parts = division->date ? k + 1 : k;
  TRY(keys_all(comm, table, division, &keys, counts));
  Status local = NEW(&cuts, keys.n_strata * (parts - 1));
  if (local == OK) local = NEW(&shares, parts - 1);
  AGREE(comm, local);
  for (int64_t c = 1; c < parts; c++) shares[c - 1] = (double)c / (double)parts;
  TRY(cuts_all(comm, &keys, shares, parts - 1, cuts));
  for (int64_t f = 0; f < k; f++) {
    uint8_t *own = role + f * keys.n;
    if (division->date) {
      bool rolling = division->window == WINDOW_ROLLING && f > 0;
      Border border = {.oldest = rolling ? cuts[f - 1] : -INFINITY, .from = cuts[f],
                       .to = f + 1 < k ? cuts[f + 1] : INFINITY,
                       .gap = (double)division->gap_days};
      TRY(part_in_time_all(comm, &keys, &border, own, counts));
    } else {
      roles_at_random(&keys, cuts, k, f, own);
    }
    TRY(refuse_empty_all(comm, &keys, own, "fold", f + 1));
  }
done:
  memory_free(&cuts);
  memory_free(&shares);
  keys_clear(&keys);
  return status;
}

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
    return status_fail(INVALID, "group: column \"%s\" is a %s; groups are numbered by an integer "
                       "column, such as `clean` makes", group->name,
                       column_type_words[group->type]);
  if (date && date->type != COLUMN_DATE && date->type != COLUMN_REAL &&
      date->type != COLUMN_INTEGER)
    return status_fail(INVALID, "date: column \"%s\" is a %s; a date or a number is needed",
                       date->name, column_type_words[date->type]);
  if (stratum && (stratum->type == COLUMN_TEXT || stratum->type == COLUMN_DATE))
    return status_fail(INVALID, "stratify: column \"%s\" is a %s; a category, list, boolean or "
                       "number is needed", stratum->name, column_type_words[stratum->type]);
done:
  return status;
}
