/* Rows that a linear model learns from; see design.h.
 *
 * Columns are read twice, once for sums and zeros, once for squares or cells. Sums go over a block
 * in lanes, so that the additions do not wait for each other, and blocks are joined exactly. */
#include "design.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/exact.h"

enum {
  LANES = 8,
  SPARSE = 16, /* a column is sparse when not more than one row in so many has a cell */
};

static const double *source(const TrainingData *data, int64_t j) {
  return j < data->x->d ? matrix_column(data->x, j) : data->target;
}

/* ---- first pass: finite, sums, zeros ---- */

static Status check_column(const TrainingData *data, int64_t j, const char *who) {
  const double *column = source(data, j);
  const char *name =
      j < data->x->d && data->x->names && data->x->names[j] ? data->x->names[j] : NULL;
  char what[300];
  if (name) snprintf(what, sizeof what, "feature \"%.250s\"", name);
  if (!name) snprintf(what, sizeof what, "feature %lld", (long long)j);
  if (j == data->x->d) snprintf(what, sizeof what, "the target");
  for (int64_t i = 0; i < data->x->rows.n; i++) {
    if (isfinite(column[i])) continue;
    long long row = data->row_id ? data->row_id[i] : data->x->rows.begin + i;
    return status_fail(NUMERIC,
                       "%s: %s is %s in row %lld; a linear model needs numbers everywhere (add an "
                       "impute step to the recipe)",
                       who, what, isnan(column[i]) ? "missing" : "infinite", row);
  }
  return OK;
}

static double join_lanes(const double *lane) {
  return ((lane[0] + lane[1]) + (lane[2] + lane[3])) + ((lane[4] + lane[5]) + (lane[6] + lane[7]));
}

/* The sum of n values; how many are not 0 is added to *cells, and *wrong becomes NaN where one is
 * not finite. */
static double sum_block(const double *value, int64_t n, int64_t *cells, double *wrong) {
  double sum[LANES] = {0}, none[LANES] = {0};
  int64_t count[LANES] = {0}, whole = n / LANES * LANES;
  for (int64_t i = 0; i < whole; i += LANES) {
    for (int l = 0; l < LANES; l++) {
      double v = value[i + l];
      sum[l] += v;
      none[l] += v * 0;
      count[l] += v != 0;
    }
  }
  for (int64_t i = whole; i < n; i++) {
    sum[i - whole] += value[i];
    none[i - whole] += value[i] * 0;
    count[i - whole] += value[i] != 0;
  }
  for (int l = 0; l < LANES; l++) *cells += count[l];
  *wrong += join_lanes(none);
  return join_lanes(sum);
}

static Status sum_columns(const TrainingData *data, const char *who, Exact *sums, int64_t *cells) {
  Status status = OK;
  const Rows *rows = &data->x->rows;
  for (int64_t j = 0; j <= data->x->d; j++) {
    const double *column = source(data, j);
    double wrong = 0;
    exact_init(&sums[j]);
    for (int64_t b = 0; b < rows_blocks(rows); b++) {
      exact_add(&sums[j],
                sum_block(column + b * rows->block, rows_in_block(rows, b), &cells[j], &wrong));
    }
    if (wrong != 0 || isnan(wrong)) TRY(check_column(data, j, who));
  }
done:
  return status;
}

/* ---- second pass: squares, cells ---- */

static double square_block(const double *value, const double *weight, double centre, int64_t n) {
  double sum[LANES] = {0};
  int64_t whole = n / LANES * LANES;
  for (int64_t i = 0; i < whole; i += LANES) {
    for (int l = 0; l < LANES; l++) {
      double v = value[i + l] - centre;
      sum[l] += weight ? weight[i + l] * (v * v) : v * v;
    }
  }
  for (int64_t i = whole; i < n; i++) {
    double v = value[i] - centre;
    sum[i - whole] += weight ? weight[i] * (v * v) : v * v;
  }
  return join_lanes(sum);
}

/* Cells column by column, before they are put in the order of rows. */
typedef struct Cells {
  int64_t n;
  int32_t *row, *feature;
  double *value;
} Cells;

static void take_cells(const double *column, int64_t n, int64_t j, Cells *out) {
  for (int64_t i = 0; i < n; i++) {
    if (i + LANES <= n) { /* most of a sparse column is passed over so many at a time */
      double any = 0;
      for (int l = 0; l < LANES; l++) any += fabs(column[i + l]);
      if (any == 0) {
        i += LANES - 1;
        continue;
      }
    }
    if (column[i] == 0) continue;
    out->row[out->n] = (int32_t)i;
    out->feature[out->n] = (int32_t)j;
    out->value[out->n++] = column[i];
  }
}

static double square_cells(const TrainingData *data, const Cells *cells, int64_t from) {
  double sum = 0;
  for (int64_t c = from; c < cells->n; c++) {
    double v = cells->value[c];
    sum += (data->weight ? data->weight[cells->row[c]] : 1) * (v * v);
  }
  return sum;
}

/* A column's cells are added block by block, as those of others are. */
static void square_columns(const Design *x, Exact *squares, Cells *cells) {
  const TrainingData *data = x->data;
  const Rows *rows = &data->x->rows;
  for (int64_t j = 0; j <= x->d; j++) {
    const double *column = source(data, j);
    exact_init(&squares[j]);
    for (int64_t b = 0; b < rows_blocks(rows); b++) {
      int64_t first = b * rows->block, n = rows_in_block(rows, b), from = cells->n;
      const double *weight = data->weight ? data->weight + first : NULL;
      if (j < x->d && x->sparse[j]) {
        take_cells(column + first, n, j, cells);
        for (int64_t c = from; c < cells->n; c++) cells->row[c] += (int32_t)first;
        exact_add(&squares[j], square_cells(data, cells, from));
      } else {
        exact_add(&squares[j], square_block(column + first, weight, x->centre[j], n));
      }
    }
  }
}

/* Cells from the order of columns to that of rows. */
static void order_cells(Design *x, const Cells *cells) {
  int64_t n = x->data->x->rows.n;
  for (int64_t c = 0; c < cells->n; c++) x->begin[cells->row[c] + 1]++;
  for (int64_t i = 0; i < n; i++) x->begin[i + 1] += x->begin[i];
  for (int64_t c = 0; c < cells->n; c++) {
    int64_t at = x->begin[cells->row[c]]++;
    x->feature[at] = cells->feature[c];
    x->value[at] = cells->value[c] / x->scale[cells->feature[c]];
  }
  for (int64_t i = n; i > 0; i--) x->begin[i] = x->begin[i - 1];
  x->begin[0] = 0;
}

/* ---- both ---- */

typedef struct Buffers {
  Exact *sums;    /* d + 1, and one */
  int64_t *count; /* d + 1 */
  Cells cells;
} Buffers;

static void buffers_clear(Buffers *buffers) {
  memory_free(&buffers->sums);
  memory_free(&buffers->count);
  memory_free(&buffers->cells.row);
  memory_free(&buffers->cells.feature);
  memory_free(&buffers->cells.value);
}

static Status begin(Design *x, const char *who, Buffers *buffers) {
  Status status = OK;
  TRY(NEW(&x->centre, x->d + 1));
  TRY(NEW(&x->scale, x->d + 1));
  TRY(NEW(&x->sparse, x->d));
  TRY(NEW(&x->begin, x->data->x->rows.n + 1));
  TRY(NEW(&buffers->sums, x->d + 2));
  TRY(NEW(&buffers->count, x->d + 1));
  TRY(sum_columns(x->data, who, buffers->sums, buffers->count));
done:
  return status;
}

/* Room for the cells of this rank. */
static Status cells_room(Design *x, const int64_t *count, Cells *out) {
  Status status = OK;
  int64_t n = 0;
  for (int64_t j = 0; j < x->d; j++) n += x->sparse[j] ? count[j] : 0;
  TRY(NEW_RAW(&out->row, n));
  TRY(NEW_RAW(&out->feature, n));
  TRY(NEW_RAW(&out->value, n));
  TRY(NEW_RAW(&x->feature, n));
  TRY(NEW_RAW(&x->value, n));
done:
  return status;
}

/* centre, and which columns are sparse; count: this rank's cells. Collective. */
static Status centre_all(const Comm *comm, Design *x, Buffers *buffers) {
  Status status = OK;
  int64_t n = x->data->x->rows.n_global, *all = NULL;
  AGREE(comm, NEW(&all, x->d + 1));
  memcpy(all, buffers->count, (size_t)(x->d + 1) * sizeof *all);
  comm_sum_all(comm, all, x->d + 1);
  exact_join_all(comm, buffers->sums, x->d + 1);
  for (int64_t j = 0; j <= x->d; j++) {
    bool sparse = j < x->d && all[j] <= n / SPARSE;
    x->centre[j] = sparse ? 0 : exact_round(&buffers->sums[j]) / (double)n;
    if (!sparse) continue;
    x->sparse[j] = 1;
    x->n_sparse++;
  }
done:
  memory_free(&all);
  return status;
}

static void add_weights(const Design *x, Exact *sum) {
  const TrainingData *data = x->data;
  exact_init(sum);
  if (!data->weight) exact_add(sum, (double)data->x->rows.n);
  for (int64_t i = 0; data->weight && i < data->x->rows.n; i++) exact_add(sum, data->weight[i]);
}

static void find_scales(Design *x, const Exact *sums) {
  x->weight = exact_round(&sums[x->d + 1]);
  for (int64_t j = 0; j <= x->d; j++) {
    double deviation = sqrt(exact_round(&sums[j]) / x->weight);
    int exponent = 0;
    if (j < x->d && x->sparse[j] && isfinite(deviation)) {
      frexp(deviation, &exponent); /* products with a power of two keep all digits */
      deviation = deviation > 0 ? ldexp(1, exponent) : 0;
    }
    x->scale[j] = deviation > 0 ? deviation : 1;
  }
}

Status design_init_all(const Comm *comm, const TrainingData *data, const char *who, Design *out) {
  Status status = OK;
  Buffers buffers = {0};
  *out = (Design){.data = data, .d = data->x->d};
  if (out->d < 1)
    return status_fail(INVALID, "%s: there is no feature; name columns in features", who);
  if (data->x->rows.n_global < 1)
    return status_fail(INVALID, "%s: there is no row to learn from", who);
  AGREE(comm, begin(out, who, &buffers));
  TRY(centre_all(comm, out, &buffers));
  AGREE(comm, cells_room(out, buffers.count, &buffers.cells));
  square_columns(out, buffers.sums, &buffers.cells);
  add_weights(out, &buffers.sums[out->d + 1]);
  exact_join_all(comm, buffers.sums, out->d + 2);
  find_scales(out, buffers.sums);
  order_cells(out, &buffers.cells);
done:
  buffers_clear(&buffers);
  return status;
}

void design_clear(Design *x) {
  memory_free(&x->centre);
  memory_free(&x->scale);
  memory_free(&x->sparse);
  memory_free(&x->begin);
  memory_free(&x->feature);
  memory_free(&x->value);
}

void design_column(const Design *x, int64_t block, int64_t j, const double *root, double *out) {
  const Rows *rows = &x->data->x->rows;
  const double *column = source(x->data, j) + block * rows->block;
  double centre = x->centre[j], scale = x->scale[j];
  int64_t n = rows_in_block(rows, block);
  for (int64_t i = 0; !root && i < n; i++) out[i] = (column[i] - centre) / scale;
  for (int64_t i = 0; root && i < n; i++) out[i] = root[i] * ((column[i] - centre) / scale);
}
