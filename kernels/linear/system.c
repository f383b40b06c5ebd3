/* The least squares problem of a linear model; see system.h. */
#include "system.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/exact.h"
#include "tall.h"

/* A constant column is one whose length is rounding noise beside its numbers. */
static const double CONSTANT = 1e-13;
/* Below this share of its length what is left of a column after those before it is rounding. */
static const double ALIAS = 1e-10;

static Status check_column(const TrainingData *data, const double *column, const char *what,
                           const char *who) {
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

static Status check_data(const TrainingData *data, const char *who) {
  Status status = OK;
  char what[300];
  for (int64_t j = 0; j < data->x->d; j++) {
    const char *name = data->x->names && data->x->names[j] ? data->x->names[j] : NULL;
    if (name) snprintf(what, sizeof what, "feature \"%.250s\"", name);
    if (!name) snprintf(what, sizeof what, "feature %lld", (long long)j);
    TRY(check_column(data, matrix_column(data->x, j), what, who));
  }
  TRY(check_column(data, data->target, "the target", who));
done:
  return status;
}

/* The block [1 X y], rows times the root of their weight. */
typedef struct Source {
  const TrainingData *data;
  const LinearSystem *system;
} Source;

static void write_block(const void *context, int64_t b, int64_t stride, double *out) {
  const Source *source = context;
  const TrainingData *data = source->data;
  const LinearSystem *s = source->system;
  int64_t first = b * data->x->rows.block, n = rows_in_block(&data->x->rows, b);
  for (int64_t i = 0; i < n; i++) out[i] = data->weight ? sqrt(data->weight[first + i]) : 1;
  for (int64_t j = 0; j <= s->d; j++) {
    const double *column = (j < s->d ? matrix_column(data->x, j) : data->target) + first;
    double *to = out + (j + 1) * stride, centre = s->centre[j], scale = s->scale[j];
    for (int64_t i = 0; i < n; i++) to[i] = out[i] * ((column[i] - centre) / scale);
  }
}

static Status allocate(LinearSystem *s) {
  Status status = OK;
  TRY(NEW(&s->centre, s->d + 1));
  TRY(NEW(&s->scale, s->d + 1));
  TRY(NEW(&s->factor, (s->d + 1) * (s->d + 1)));
  TRY(NEW(&s->offset, s->d + 1));
  TRY(NEW(&s->norm, s->d + 1));
done:
  return status;
}

/* Means and deviations as centres and scales: where they lie exactly does not matter. Collective.
 */
static void centre_all(const Comm *comm, const TrainingData *data, LinearSystem *s) {
  for (int64_t j = 0; j <= s->d; j++) {
    const double *column = j < s->d ? matrix_column(data->x, j) : data->target;
    int64_t count = 0;
    double variance = 0;
    exact_moments_all(comm, column, NULL, data->x->rows.n, &count, &s->centre[j], &variance);
    s->scale[j] = variance > 0 ? sqrt(variance) : 1;
  }
}

/* Take R of [1 X y] apart. */
static void take_factor(const double *r, LinearSystem *s) {
  int64_t width = s->d + 2;
  s->weight = r[0] * r[0];
  for (int64_t j = 0; j <= s->d; j++) {
    const double *column = r + (j + 1) * width;
    double square = 0;
    s->offset[j] = column[0] / r[0];
    for (int64_t i = 0; i <= j; i++) {
      s->factor[j * (s->d + 1) + i] = column[i + 1];
      square += column[i + 1] * column[i + 1];
    }
    double size = sqrt(square + column[0] * column[0]);
    s->norm[j] = sqrt(square) > CONSTANT * size ? sqrt(square) : 0;
  }
}

Status linear_system_all(const Comm *comm, const TrainingData *data, const char *who,
                         LinearSystem *out) {
  Status status = OK;
  int64_t d = data->x->d, width = d + 2;
  double *r = NULL;
  *out = (LinearSystem){.d = d, .n = data->x->rows.n_global};
  if (d < 1) return status_fail(INVALID, "%s: there is no feature; name columns in features", who);
  if (out->n < 1) return status_fail(INVALID, "%s: there is no row to learn from", who);
  AGREE(comm, check_data(data, who));
  Status local = allocate(out);
  if (local == OK) local = NEW(&r, width * width);
  AGREE(comm, local);
  centre_all(comm, data, out);
  Source source = {data, out};
  TRY(tall_factor_all(comm, &data->x->rows, width, write_block, &source, r));
  take_factor(r, out);
done:
  memory_free(&r);
  return status;
}

void linear_system_clear(LinearSystem *system) {
  memory_free(&system->centre);
  memory_free(&system->scale);
  memory_free(&system->factor);
  memory_free(&system->offset);
  memory_free(&system->norm);
}

/* The factor's columns of active features, reduced anew. */
static void reduce_active(const LinearSystem *s, const int64_t *active, int64_t k, double *a,
                          double *scratch) {
  int64_t height = s->d + 1;
  for (int64_t c = 0; c < k; c++) {
    memcpy(a + c * height, s->factor + active[c] * height, (size_t)height * sizeof *a);
  }
  tall_reduce(a, height, k, scratch);
}

Status linear_system_independent(const LinearSystem *s, int64_t *active, int64_t *k) {
  Status status = OK;
  int64_t height = s->d + 1, n = 0;
  double *a = NULL, *scratch = NULL;
  TRY(NEW(&a, height * s->d));
  TRY(NEW(&scratch, tall_scratch(s->d)));
  for (int64_t j = 0; j < s->d; j++) {
    if (s->norm[j] > 0) active[n++] = j;
  }
  for (bool found = true; found && n > 0;) {
    found = false;
    reduce_active(s, active, n, a, scratch);
    for (int64_t c = 0; c < n && !found; c++) {
      if (a[c * height + c] > ALIAS * s->norm[active[c]]) continue;
      memmove(active + c, active + c + 1, (size_t)(n - c - 1) * sizeof *active);
      n--;
      found = true;
    }
  }
  *k = n;
done:
  memory_free(&a);
  memory_free(&scratch);
  return status;
}

Status linear_system_report_rest(const LinearSystem *s, const int64_t *active, int64_t k,
                                 char **names, Summary *summary) {
  Status status = OK;
  int64_t at = 0;
  for (int64_t j = 0; j < s->d; j++) {
    if (at < k && active[at] == j) {
      at++;
      continue;
    }
    const char *why = s->norm[j] > 0 ? "a linear combination of the features before it"
                                     : "constant on the training rows";
    TRY(summary_note(summary, NOTE_WARNING, "feature \"%s\" is %s; it is left out",
                     names ? names[j] : "?", why));
  }
done:
  return status;
}

void linear_system_unscale(const LinearSystem *s, const double *scaled, double *coefficients,
                           double *intercept) {
  double level = s->offset[s->d];
  for (int64_t j = 0; j < s->d; j++) level -= scaled[j] * s->offset[j];
  level = s->centre[s->d] + s->scale[s->d] * level;
  for (int64_t j = 0; j < s->d; j++) {
    coefficients[j] = scaled[j] * (s->scale[s->d] / s->scale[j]);
    level -= coefficients[j] * s->centre[j];
  }
  *intercept = level;
}

double linear_system_deviation(const LinearSystem *s, int64_t j) {
  return s->scale[j] * s->norm[j] / sqrt(s->weight);
}
