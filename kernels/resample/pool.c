/* Pools and neighbours in them; see pool.h.
 *
 * kernels/neighbors finds the nearest rows by numbers alone, exactly. Two rules are laid on top of
 * it by asking for more than k. Rows of the same recording are passed over: asking for as many more
 * as a recording has rows leaves k others. And where categories count, rows are asked for, four
 * times as many each time, until the k-th best of them is nearer than any further one can be, since
 * categories only add to a distance. */
#include "pool.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/exact.h"
#include "kernels/numeric/hash.h"

/* ---- scales ---- */

/* Sums of whole blocks, each in lanes that do not wait for each other, joined exactly. */
static void column_sums(const Matrix *x, int64_t j, double centre, bool squares, Exact *out) {
  enum { LANES = 8 };
  const double *value = matrix_column(x, j);
  exact_init(out);
  for (int64_t b = 0; b < rows_blocks(&x->rows); b++) {
    const double *in = value + b * x->rows.block;
    int64_t n = rows_in_block(&x->rows, b), whole = n / LANES * LANES;
    double lane[LANES] = {0};
    for (int64_t i = 0; i < whole; i += LANES) {
      for (int l = 0; l < LANES; l++) {
        double v = in[i + l] - centre;
        lane[l] += squares ? v * v : v;
      }
    }
    for (int64_t i = whole; i < n; i++) {
      double v = in[i] - centre;
      lane[i - whole] += squares ? v * v : v;
    }
    double even = (lane[0] + lane[2]) + (lane[4] + lane[6]);
    exact_add(out, even + ((lane[1] + lane[3]) + (lane[5] + lane[7])));
  }
}

/* Standard deviations of the training rows' columns turned over; 1 for those without one. */
static Status find_units_all(const Comm *comm, const Matrix *x, const uint8_t *fixed,
                             double *unit) {
  Status status = OK;
  double *mean = NULL, n = (double)x->rows.n_global;
  Exact *sums = NULL;
  Status local = NEW(&sums, x->d);
  if (local == OK) local = NEW(&mean, x->d);
  AGREE(comm, local);
  for (int squares = 0; squares < 2; squares++) {
    for (int64_t j = 0; j < x->d; j++) {
      if (fixed && fixed[j])
        exact_init(&sums[j]);
      else
        column_sums(x, j, mean[j], squares, &sums[j]);
    }
    exact_join_all(comm, sums, x->d);
    for (int64_t j = 0; j < x->d; j++) {
      double share = exact_round(&sums[j]) / n;
      if (squares)
        unit[j] = share > 0 && isfinite(1 / sqrt(share)) ? 1 / sqrt(share) : 1;
      else
        mean[j] = share;
    }
  }
done:
  memory_free(&mean);
  memory_free(&sums);
  return status;
}

/* ---- the rows ---- */

static Status add_reals(const double *from, const int64_t *at, const char *name, Table *out) {
  Column *column = NULL;
  Status status = column_new_raw(&column, name, COLUMN_REAL, out->rows.n, 0);
  if (status != OK) return status;
  for (int64_t i = 0; i < out->rows.n; i++) column->real[i] = from[at[i]];
  return table_add(out, column);
}

static Status add_groups(const int64_t *from, const int64_t *at, Table *out) {
  Column *column = NULL;
  Status status = column_new_raw(&column, "group", COLUMN_INTEGER, out->rows.n, 0);
  if (status != OK) return status;
  for (int64_t i = 0; i < out->rows.n; i++) column->integer[i] = from[at[i]];
  return table_add(out, column);
}

static Status choose_rows(const Strata *strata, const uint8_t *take, Pool *out) {
  Status status = OK;
  TRY(NEW_RAW(&out->at, strata->rows));
  for (int64_t i = 0; i < strata->rows; i++)
    if (take[strata->of[i]]) out->at[out->n++] = i;
done:
  return status;
}

/* This rank's raw rows, with class and recording. */
static Status take_rows(const TrainingData *data, const Rows *rows, Pool *out) {
  Status status = OK;
  char name[32];
  TRY(table_init(&out->mine, rows));
  for (int64_t i = 0; i < rows->n; i++)
    out->mine.row_id[i] =
        data->row_id ? data->row_id[out->at[i]] : data->x->rows.begin + out->at[i];
  for (int64_t j = 0; j < out->d; j++) {
    snprintf(name, sizeof name, "%lld", (long long)j);
    TRY(add_reals(matrix_column(data->x, j), out->at, name, &out->mine));
  }
  TRY(add_reals(data->target, out->at, "class", &out->mine));
  if (data->group) TRY(add_groups(data->group, out->at, &out->mine));
done:
  return status;
}

static Status scale_rows(const TrainingData *data, const Rows *rows, Pool *out) {
  Status status = OK;
  int64_t numbers = 0, at = 0;
  for (int64_t j = 0; j < out->d; j++) numbers += !(out->fixed && out->fixed[j]);
  TRY(matrix_init(&out->scaled, rows, numbers));
  for (int64_t j = 0; j < out->d; j++) {
    if (out->fixed && out->fixed[j]) continue;
    const double *from = out->mine.columns[j]->real;
    double *to = matrix_column(&out->scaled, at);
    for (int64_t i = 0; i < out->n; i++) to[i] = from[i] * out->unit[j];
    if (data->x->names && data->x->names[j])
      TRY(memory_text(&out->scaled.names[at], data->x->names[j]));
    at++;
  }
done:
  return status;
}

static Status view_all(Pool *out) {
  Status status = OK;
  TRY(replica_view(&out->replica, 0, 1, &out->all));
  TRY(NEW(&out->column, out->d));
  for (int64_t j = 0; j < out->d; j++) out->column[j] = out->all.columns[j]->real;
  out->stratum = out->all.columns[out->d]->real;
  if (out->all.n_columns > out->d + 1) out->group = out->all.columns[out->d + 1]->integer;
done:
  return status;
}

static Status check_numbers(const TrainingData *data, const uint8_t *fixed) {
  Status status = OK;
  Matrix one = *data->x;
  one.d = 1;
  for (int64_t j = 0; j < data->x->d; j++) {
    if (fixed && fixed[j]) continue;
    one.data = matrix_column(data->x, j);
    one.names = data->x->names ? data->x->names + j : NULL;
    TRY(matrix_check_finite(&one, data->row_id, "distances"));
  }
done:
  return status;
}

Status pool_init_all(const Comm *comm, const TrainingData *data, const Strata *strata,
                     const uint8_t *take, const uint8_t *fixed, bool standardise, Pool *out) {
  Status status = OK;
  *out = (Pool){.d = data->x->d, .fixed = fixed, .replica = {.memory = {.win = MPI_WIN_NULL}}};
  AGREE(comm, check_numbers(data, fixed));
  AGREE(comm, NEW(&out->unit, out->d));
  for (int64_t j = 0; j < out->d; j++) out->unit[j] = 1;
  if (standardise) TRY(find_units_all(comm, data->x, fixed, out->unit));
  AGREE(comm, choose_rows(strata, take, out));
  Rows rows = {.n_global = comm_sum_one_all(comm, out->n),
               .begin = comm_exscan_all(comm, out->n),
               .n = out->n,
               .block = data->x->rows.block};
  out->n_global = rows.n_global;
  AGREE(comm, take_rows(data, &rows, out));
  AGREE(comm, scale_rows(data, &rows, out));
  TRY(replica_new_all(comm, &out->mine, &out->replica));
  AGREE(comm, view_all(out));
done:
  return status;
}

void pool_clear_all(Pool *pool) {
  table_clear(&pool->all);
  memory_free(&pool->column);
  replica_clear_all(&pool->replica);
  table_clear(&pool->mine);
  matrix_clear(&pool->scaled);
  memory_free(&pool->at);
  memory_free(&pool->unit);
}

/* ---- recordings ---- */

/* The most rows that a recording has among those of a stratum, -1: of all. A table of hashes with
 * open addresses. */
static Status most_rows(const Pool *pool, int64_t stratum, int64_t *most) {
  Status status = OK;
  int64_t *count = NULL, *number = NULL;
  uint64_t mask = 1;
  *most = 1;
  if (!pool->group) return OK;
  while (mask < 2 * (uint64_t)pool->n_global) mask = 2 * mask + 1;
  TRY(NEW(&count, (int64_t)mask + 1));
  TRY(NEW_RAW(&number, (int64_t)mask + 1));
  for (int64_t i = 0; i < pool->n_global; i++) {
    if (stratum >= 0 && pool->stratum[i] != (double)stratum) continue;
    uint64_t at = hash_mix((uint64_t)pool->group[i]) & mask;
    while (count[at] > 0 && number[at] != pool->group[i]) at = (at + 1) & mask;
    number[at] = pool->group[i];
    if (++count[at] > *most) *most = count[at];
  }
done:
  memory_free(&count);
  memory_free(&number);
  return status;
}

/* ---- searching ---- */

typedef struct Search {
  const Pool *pool;
  Neighbors index;
  const int64_t *asked;
  int64_t k, extra; /* extra: rows of the own recording that may come between */
  double differ;    /* what a category that differs adds to a squared distance */
  int64_t ask;      /* neighbours asked of the index */
  int32_t *row;     /* scratch of a batch */
  double *distance, *best;
  Nearest *out;
} Search;

static int by_value(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* The median, over number columns, of their standard deviations in the stratum, squared: what a
 * category that differs adds (Chawla et al. 2002, section 6.1). 0: there are no number columns, or
 * all are constant; then categories decide alone, each for 1. */
static Status find_differ(const Pool *pool, int64_t stratum, double *differ) {
  Status status = OK;
  double *spread = NULL;
  int64_t d = 0;
  TRY(NEW(&spread, pool->d));
  for (int64_t j = 0; j < pool->d; j++) {
    double n = 0, sum = 0, squares = 0;
    if (pool->fixed[j]) continue;
    for (int pass = 0; pass < 2; pass++) {
      for (int64_t i = 0; i < pool->n_global; i++) {
        if (stratum >= 0 && pool->stratum[i] != (double)stratum) continue;
        double v = pool->column[j][i] * pool->unit[j] - (pass > 0 ? sum / n : 0);
        if (pass == 0) n++, sum += v;
        if (pass == 1) squares += v * v;
      }
    }
    spread[d++] = n > 0 ? sqrt(squares / n) : 0;
  }
  qsort(spread, (size_t)d, sizeof *spread, by_value);
  double median = d == 0 ? 0 : (spread[(d - 1) / 2] + spread[d / 2]) / 2;
  *differ = median > 0 ? median * median : 1;
done:
  memory_free(&spread);
  return status;
}

static bool equal(double a, double b) { return a == b || (isnan(a) && isnan(b)); }

static double differences(const Pool *pool, int64_t a, int64_t b) {
  double n = 0;
  for (int64_t j = 0; j < pool->d; j++)
    if (pool->fixed[j]) n += !equal(pool->column[j][a], pool->column[j][b]);
  return n;
}

/* Is the list complete? Take the k best of what the index gave for the q-th row asked. */
static bool choose(const Search *s, int64_t q, const int32_t *row, const double *distance) {
  const Pool *pool = s->pool;
  int64_t own = pool->mine.rows.begin + s->asked[q], most = s->index.n - 1;
  int32_t *best = s->out->row + q * s->k, n = 0;
  for (int64_t c = 0; c < s->ask; c++) {
    if (pool->group && pool->group[row[c]] == pool->group[own]) continue;
    double all = (double)c;
    if (pool->fixed) {
      all = distance[c] * distance[c];
      if (n == s->k && all >= s->best[n - 1]) break; /* as will be all that follow */
      all += s->differ * differences(pool, own, row[c]);
    }
    if (n == s->k && all >= s->best[n - 1]) {
      if (!pool->fixed) break;
      continue;
    }
    int32_t place = n < s->k ? n++ : n - 1;
    for (; place > 0 && s->best[place - 1] > all; place--) {
      s->best[place] = s->best[place - 1];
      best[place] = best[place - 1];
    }
    s->best[place] = all;
    best[place] = row[c];
  }
  s->out->count[q] = n;
  if (s->ask == most || !pool->fixed) return true;
  double last = distance[s->ask - 1];
  return n == s->k && s->best[n - 1] < last * last;
}

/* Ask for rows q = left[0 .. n - 1] of those asked; those that need more stay in left. */
static Status ask_rows(Search *s, int64_t *left, int64_t *n_left) {
  enum { TOGETHER = 1 << 20 };
  Status status = OK;
  int64_t n = *n_left, step = TOGETHER / s->ask + 1, *at = NULL;
  int64_t room = step < n ? step : n;
  *n_left = 0;
  TRY(NEW_RAW(&at, room));
  TRY(NEW_RAW(&s->row, room * s->ask));
  if (s->pool->fixed) TRY(NEW_RAW(&s->distance, room * s->ask));
  for (int64_t begin = 0; begin < n; begin += step) {
    int64_t some = n - begin < step ? n - begin : step;
    for (int64_t q = 0; q < some; q++) at[q] = s->asked[left[begin + q]];
    NeighborsQuery query = {.x = &s->pool->scaled, .at = at, .n = some, .exclude_self = true};
    TRY(neighbors_nearest(&s->index, &query, s->ask, s->row, s->distance));
    for (int64_t q = 0; q < some; q++) {
      int64_t number = left[begin + q];
      const double *distance = s->distance ? s->distance + q * s->ask : NULL;
      if (!choose(s, number, s->row + q * s->ask, distance)) left[(*n_left)++] = number;
    }
  }
done:
  memory_free(&at);
  memory_free(&s->row);
  memory_free(&s->distance);
  return status;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static Status search(Search *s, int64_t n) {
  Status status = OK;
  int64_t *left = NULL, n_left = n, most = s->index.n - 1;
  TRY(NEW_RAW(&left, n));
  TRY(NEW(&s->best, s->k));
  for (int64_t q = 0; q < n; q++) left[q] = q;
  s->ask = least((s->pool->fixed ? 4 * s->k : s->k) + s->extra, most);
  for (; most > 0 && n_left > 0; s->ask = least(4 * s->ask, most)) TRY(ask_rows(s, left, &n_left));
done:
  memory_free(&left);
  memory_free(&s->best);
  return status;
}

/* What is found out before the search, of rows that are on every rank. */
static Status prepare(Search *s, int64_t stratum, int64_t n, uint8_t **where) {
  Status status = OK;
  const Pool *pool = s->pool;
  int64_t rows = 1;
  TRY(NEW(&s->out->row, n * s->k));
  TRY(NEW(&s->out->count, n));
  TRY(most_rows(pool, stratum, &rows));
  s->extra = rows - 1;
  if (pool->fixed) TRY(find_differ(pool, stratum, &s->differ));
  TRY(NEW_RAW(where, pool->n));
  for (int64_t i = 0; i < pool->n; i++)
    (*where)[i] = stratum < 0 || pool->mine.columns[pool->d]->real[i] == (double)stratum;
done:
  return status;
}

Status pool_nearest_all(const Comm *comm, const Pool *pool, int64_t stratum, const int64_t *asked,
                        int64_t n, int64_t k, Nearest *out) {
  Status status = OK;
  uint8_t *where = NULL;
  Search s = {.pool = pool, .asked = asked, .k = k, .out = out};
  *out = (Nearest){.n = n, .k = k};
  AGREE(comm, prepare(&s, stratum, n, &where));
  TRY(neighbors_new_all(comm, &pool->scaled, where, NEIGHBORS_EUCLIDEAN, &s.index));
  AGREE(comm, search(&s, n));
done:
  neighbors_clear_all(&s.index);
  memory_free(&where);
  return status;
}

void nearest_clear(Nearest *nearest) {
  memory_free(&nearest->row);
  memory_free(&nearest->count);
}
