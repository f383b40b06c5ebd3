/* Exact cuts of keys; see cuts.h.
 *
 * Rows of one key (a group's random number, a date) stay together, so a cut stands between two
 * different keys: at the border nearest to the wanted number of rows. Where such cuts would leave a
 * part empty (one group outweighs a fold; most rows have one date), parts get equal numbers of
 * different keys instead. Strata are cut by themselves, but their remainders are dealt in one
 * sequence over all strata, so that many small strata do not add up to uneven parts. */
#include "cuts.h"

#include <math.h>
#include <string.h>

#include "groups.h"
#include "kernels/base/memory.h"
#include "quantile.h"

/* Rows of the first c parts among the first `rows` rows of all strata in order. */
static int64_t rows_before(const CutParts *parts, int64_t rows, int64_t c) {
  if (!isnan(parts->first)) return (int64_t)floor((double)rows * parts->first + 0.5);
  int64_t rest = rows % parts->n;
  return rows / parts->n * c + (rest < c ? rest : c);
}

/* Keys in order, stratum by stratum, and where to cut them. */
typedef struct Cutting {
  double *sorted;       /* this rank's keys */
  const double **parts; /* of each stratum */
  int64_t *begin;       /* n_strata + 1 places in sorted */
  int64_t *sizes;       /* of each stratum on this rank */
  int64_t *totals;      /* over all ranks */
  int64_t *position;    /* n_strata x cuts: rows of the stratum before the cut */
  int64_t *ends;        /* n_strata x cuts x 2: rows below the key there, and up to it */
} Cutting;

static void cutting_clear(Cutting *cutting) {
  memory_free(&cutting->sorted);
  memory_free(&cutting->parts);
  memory_free(&cutting->begin);
  memory_free(&cutting->sizes);
  memory_free(&cutting->totals);
  memory_free(&cutting->position);
  memory_free(&cutting->ends);
}

static Status sort_by_stratum(const CutKeys *keys, Cutting *cutting) {
  Status status = OK;
  int64_t *at = NULL, *begin = cutting->begin;
  TRY(NEW(&cutting->sorted, keys->n));
  TRY(NEW(&at, keys->n_strata + 1));
  for (int64_t i = 0; i < keys->n; i++)
    if (!isnan(keys->key[i])) begin[keys->stratum[i] + 1]++;
  for (int64_t s = 0; s < keys->n_strata; s++) begin[s + 1] += begin[s];
  memcpy(at, begin, (size_t)(keys->n_strata + 1) * sizeof *at);
  for (int64_t i = 0; i < keys->n; i++)
    if (!isnan(keys->key[i])) cutting->sorted[at[keys->stratum[i]]++] = keys->key[i];
  for (int64_t s = 0; s < keys->n_strata; s++) {
    int64_t valid = 0;
    cutting->parts[s] = cutting->sorted + begin[s];
    cutting->sizes[s] = cutting->totals[s] = begin[s + 1] - begin[s];
    TRY(quantile_sort(cutting->sorted + begin[s], cutting->sizes[s], &valid));
  }
done:
  memory_free(&at);
  return status;
}

static Status cutting_init(const CutKeys *keys, int64_t cuts, Cutting *cutting) {
  Status status = OK;
  TRY(NEW(&cutting->parts, keys->n_strata));
  TRY(NEW(&cutting->begin, keys->n_strata + 1));
  TRY(NEW(&cutting->sizes, keys->n_strata));
  TRY(NEW(&cutting->totals, keys->n_strata));
  TRY(NEW(&cutting->position, keys->n_strata * cuts));
  if (keys->ties) TRY(NEW(&cutting->ends, keys->n_strata * cuts * 2));
  TRY(sort_by_stratum(keys, cutting));
done:
  return status;
}

/* How many of n ascending values are below the limit. */
static int64_t count_below(const double *values, int64_t n, double limit) {
  int64_t low = 0, high = n;
  while (low < high) {
    int64_t middle = low + (high - low) / 2;
    if (values[middle] < limit)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Move every cut to the nearest place between two different keys; true when one moved. */
static bool move_to_borders_all(const Comm *comm, const CutKeys *keys, int64_t n_cuts,
                                const double *cuts, Cutting *cutting) {
  int64_t n = keys->n_strata * n_cuts;
  bool moved = false;
  for (int64_t c = 0; c < n; c++) {
    int64_t s = c / n_cuts;
    bool past = isnan(cuts[c]); /* behind the last row */
    const double *own = cutting->parts[s];
    cutting->ends[2 * c] = past ? 0 : count_below(own, cutting->sizes[s], cuts[c]);
    cutting->ends[2 * c + 1] =
        past ? 0 : count_below(own, cutting->sizes[s], nextafter(cuts[c], INFINITY));
  }
  comm_sum_all(comm, cutting->ends, 2 * n);
  for (int64_t c = 0; c < n; c++) {
    int64_t low = cutting->ends[2 * c], high = cutting->ends[2 * c + 1];
    int64_t wanted = cutting->position[c], nearest = wanted - low <= high - wanted ? low : high;
    if (isnan(cuts[c]) || low == wanted) continue;
    if (keys->n_strata == 1 && low == 0) nearest = high;
    if (keys->n_strata == 1 && high == cutting->totals[0]) nearest = low;
    moved |= nearest != low;
    cutting->position[c] = nearest;
  }
  return moved;
}

/* Has every part a row by these positions? rows: of all parts together. */
static bool parts_filled(const CutKeys *keys, const CutParts *parts, const Cutting *cutting,
                         int64_t *rows) {
  int64_t before = 0, n_cuts = parts->n - 1;
  bool filled = true;
  *rows = 0;
  for (int64_t s = 0; s < keys->n_strata; s++) *rows += cutting->totals[s];
  for (int64_t c = 0; c <= n_cuts; c++) {
    int64_t up_to = c < n_cuts ? 0 : *rows;
    for (int64_t s = 0; c < n_cuts && s < keys->n_strata; s++)
      up_to += cutting->position[s * n_cuts + c];
    filled = filled && up_to > before;
    before = up_to;
  }
  return filled;
}

/* The first key behind each cut: n_strata x (parts - 1), +inf behind the last.
 * filled  out: every part has a row; rows: out, that take part */
static Status cut_all(const Comm *comm, const CutKeys *keys, const CutParts *parts, double *cuts,
                      bool *filled, int64_t *rows) {
  Status status = OK;
  Cutting cutting = {0};
  int64_t n_cuts = parts->n - 1, before = 0;
  AGREE(comm, cutting_init(keys, n_cuts, &cutting));
  comm_sum_all(comm, cutting.totals, keys->n_strata);
  for (int64_t s = 0; s < keys->n_strata; before += cutting.totals[s++])
    for (int64_t c = 0; c < n_cuts; c++)
      cutting.position[s * n_cuts + c] =
          rows_before(parts, before + cutting.totals[s], c + 1) - rows_before(parts, before, c + 1);
  TRY(quantile_order_statistics_all(comm, cutting.parts, cutting.sizes, keys->n_strata, n_cuts,
                                    cutting.position, cuts));
  if (keys->ties && move_to_borders_all(comm, keys, n_cuts, cuts, &cutting))
    TRY(quantile_order_statistics_all(comm, cutting.parts, cutting.sizes, keys->n_strata, n_cuts,
                                      cutting.position, cuts));
  *filled = parts_filled(keys, parts, &cutting, rows);
  for (int64_t c = 0; c < keys->n_strata * n_cuts; c++)
    if (isnan(cuts[c])) cuts[c] = INFINITY;
done:
  cutting_clear(&cutting);
  return status;
}

/* One row for each different key: the others' keys become NaN. */
static Status keep_different_all(const Comm *comm, const CutKeys *keys, double *out) {
  Status status = OK;
  int64_t *bits = NULL, *first = NULL, n = 0;
  Status local = NEW(&bits, keys->n);
  if (local == OK) local = NEW(&first, keys->n);
  AGREE(comm, local);
  for (int64_t i = 0; i < keys->n; i++) {
    double key = keys->key[i] + 0.0; /* one form of zero */
    if (isnan(key)) continue;
    memcpy(&bits[n], &key, sizeof key);
    first[n++] = keys->begin + i;
  }
  TRY(groups_extremes_all(comm, bits, n, first, NULL));
  n = 0;
  for (int64_t i = 0; i < keys->n; i++) {
    bool takes_part = !isnan(keys->key[i]);
    out[i] = takes_part && first[n] == keys->begin + i ? keys->key[i] : NAN;
    n += takes_part;
  }
done:
  memory_free(&bits);
  memory_free(&first);
  return status;
}

Status cuts_find_all(const Comm *comm, const CutKeys *keys, const CutParts *parts, double *cuts,
                     bool *filled, int64_t *units) {
  Status status = OK;
  CutKeys different = *keys;
  different.key = NULL;
  different.ties = false;
  TRY(cut_all(comm, keys, parts, cuts, filled, units));
  if (*filled || !keys->ties) goto done;
  AGREE(comm, NEW(&different.key, keys->n));
  TRY(keep_different_all(comm, keys, different.key));
  TRY(cut_all(comm, &different, parts, cuts, filled, units));
done:
  memory_free(&different.key);
  return status;
}
