/* Rows between neighbours; see interpolate.h. Chawla, Bowyer, Hall, Kegelmeyer 2002, "SMOTE:
 * synthetic minority over-sampling technique". */
#include "interpolate.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/base/names.h"
#include "kernels/numeric/random.h"

static Status refuse_categories(const Matrix *x) {
  for (int64_t j = 0; j < x->d; j++)
    if (matrix_categories(x, j) > 0)
      return status_fail(INVALID,
                         "column \"%s\" is a category, between two of which lies nothing: use "
                         "smote_nc, or encode it in the recipe (one_hot, target_encode)",
                         x->names && x->names[j] ? x->names[j] : "");
  return OK;
}

static Status flag_column(const Matrix *x, const char *name, uint8_t *fixed) {
  char hint[160];
  for (int64_t j = 0; j < x->d; j++) {
    if (!x->names || !x->names[j] || strcmp(x->names[j], name) != 0) continue;
    fixed[j] = 1;
    return OK;
  }
  return status_fail(INVALID, "columns: no column \"%s\" is left at the recipe's end%s", name,
                     names_hint(name, (const char *const *)x->names, x->names ? x->d : 0, hint));
}

/* Categories, and room for what becomes of them. */
static Status flag_columns(const Matrix *x, const TextList *columns, Interpolation *out) {
  Status status = OK;
  TRY(NEW(&out->fixed, x->d));
  TRY(NEW(&out->value, x->d));
  for (int64_t j = 0; j < x->d; j++) out->fixed[j] = matrix_categories(x, j) > 0;
  for (int64_t c = 0; c < columns->n; c++) TRY(flag_column(x, columns->items[c], out->fixed));
  for (int64_t j = 0; j < x->d; j++) {
    if (!out->fixed[j]) continue;
    TRY(NEW_RAW(&out->value[j], x->rows.n));
    memcpy(out->value[j], matrix_column(x, j), (size_t)x->rows.n * sizeof(double));
  }
done:
  return status;
}

static Status begin(const TextList *columns, bool every, Interpolation *out) {
  Status status = OK;
  const Matrix *x = out->data->x;
  Strata *strata = &out->strata;
  TRY(draws_init(&out->draws, strata->rows));
  if (columns)
    TRY(flag_columns(x, columns, out));
  else
    TRY(refuse_categories(x));
  TRY(NEW(&out->take, strata->n));
  TRY(NEW(&out->asked, strata->rows));
  strata_raise(strata, out->options->ratio);
  for (int64_t c = 0; c < strata->n; c++)
    out->take[c] = every || strata->after[c] > strata->before[c];
done:
  return status;
}

Status interpolation_init_all(const Comm *comm, const TrainingData *data,
                              const InterpolateOptions *options, bool every,
                              const TextList *columns, Interpolation *out) {
  Status status = OK;
  *out = (Interpolation){.comm = comm,
                         .data = data,
                         .options = options,
                         .pool = {.replica = {.memory = {.win = MPI_WIN_NULL}}}};
  TRY(strata_of_classes_all(comm, data, &out->strata));
  AGREE(comm, begin(columns, every, out));
  TRY(pool_init_all(comm, data, &out->strata, out->take, out->fixed, options->standardise,
                    &out->pool));
done:
  return status;
}

void interpolation_clear_all(Interpolation *ip) {
  pool_clear_all(&ip->pool);
  draws_clear(&ip->draws);
  for (int64_t j = 0; ip->value && j < ip->data->x->d; j++) memory_free(&ip->value[j]);
  memory_free(&ip->value);
  memory_free(&ip->fixed);
  memory_free(&ip->take);
  memory_free(&ip->asked);
  strata_clear(&ip->strata);
}

int64_t interpolation_ask(Interpolation *ip, int64_t stratum, int32_t copies) {
  int64_t n = 0;
  for (int64_t a = 0; a < ip->pool.n; a++) {
    int64_t i = ip->pool.at[a];
    if (ip->strata.of[i] == stratum && ip->draws.copies[i] > copies) ip->asked[n++] = a;
  }
  return n;
}

/* ---- making ---- */

/* The most frequent value of column j among a row's neighbours, of equally frequent ones that of
 * the nearest. */
static double frequent(const Pool *pool, int64_t j, const int32_t *row, int32_t n) {
  const double *value = pool->column[j];
  double best = NAN;
  int32_t most = 0;
  for (int32_t a = 0; a < n; a++) {
    int32_t count = 0;
    for (int32_t b = 0; b < n; b++)
      count += value[row[a]] == value[row[b]] || (isnan(value[row[a]]) && isnan(value[row[b]]));
    if (count <= most) continue;
    most = count;
    best = value[row[a]];
  }
  return best;
}

/* The rows that come of one: between it and any of its n neighbours. */
static void draw_row(Interpolation *ip, const Stream *stream, int64_t i, const int32_t *row,
                     int32_t n) {
  const Draws *draws = &ip->draws;
  const TrainingData *data = ip->data;
  int64_t id = data->row_id ? data->row_id[i] : data->x->rows.begin + i;
  Draw *made = draws->made + draws->begin[i];
  for (int32_t c = 0; c + 1 < draws->copies[i]; c++) {
    uint32_t draw = 2 * (uint32_t)c;
    made[c] = (Draw){.other = row[random_integer(stream, (uint64_t)id, draw, n)],
                     .gap = random_uniform(stream, (uint64_t)id, draw + 1)};
  }
  for (int64_t j = 0; ip->fixed && j < data->x->d; j++)
    if (ip->fixed[j]) ip->value[j][i] = frequent(&ip->pool, j, row, n);
}

static Status make_class_all(Interpolation *ip, int64_t class) {
  Status status = OK;
  Nearest nearest = {0};
  int64_t told[2] = {0, ip->options->neighbours}; /* rows made, fewest neighbours */
  Stream stream = random_stream(ip->data->seed, "resample/between", (uint64_t) class);
  int64_t n = interpolation_ask(ip, class, 1);
  TRY(pool_nearest_all(ip->comm, &ip->pool, class, ip->asked, n, ip->options->neighbours,
                       &nearest));
  for (int64_t q = 0; q < n; q++) {
    int64_t i = ip->pool.at[ip->asked[q]];
    if (nearest.count[q] < told[1]) told[1] = nearest.count[q];
    if (nearest.count[q] == 0) continue; /* nobody to go to: repeated */
    draw_row(ip, &stream, i, nearest.row + q * nearest.k, nearest.count[q]);
    told[0] += ip->draws.copies[i] - 1;
  }
  ip->strata.made[class] = comm_sum_one_all(ip->comm, told[0]);
  comm_min_all(ip->comm, &told[1], 1);
  ip->strata.fewest[class] = told[1];
done:
  nearest_clear(&nearest);
  return status;
}

/* Say which classes had too few rows for the neighbours that were asked for. */
static Status note_few(const Interpolation *ip, Summary *summary) {
  char text[96];
  int64_t few = 0, first = -1;
  const Strata *strata = &ip->strata;
  for (int64_t c = 0; c < strata->n; c++) {
    if (strata->fewest[c] < 0 || strata->fewest[c] >= ip->options->neighbours) continue;
    if (few++ == 0) first = c;
  }
  if (few == 0) return OK;
  return summary_note(summary, NOTE_WARNING,
                      "Resampling: %lld %s with fewer rows of other recordings than %lld "
                      "neighbours and one (\"%s\"%s); their rows went to fewer neighbours, or were "
                      "repeated where there was none.",
                      (long long)few, few == 1 ? "class stands" : "classes stand",
                      (long long)ip->options->neighbours, class_name(ip->data, first, text),
                      few == 1 ? "" : " ...");
}

Status interpolation_finish_all(Interpolation *ip, Resampled *out, Summary *summary) {
  Status status = OK;
  Draws *draws = &ip->draws;
  draws_count(draws);
  AGREE(ip->comm, draws_make(draws));
  draws->others = ip->pool.column;
  draws->fixed = ip->fixed;
  draws->value = ip->value;
  for (int64_t c = 0; c < ip->strata.n; c++)
    if (ip->strata.after[c] > ip->strata.before[c]) TRY(make_class_all(ip, c));
  TRY(draws_rows_all(ip->comm, ip->data, draws, out));
  AGREE(ip->comm, strata_tell_classes(&ip->strata, ip->data, summary));
  AGREE(ip->comm, note_few(ip, summary));
done:
  return status;
}
