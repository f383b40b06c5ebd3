/* The least squares problem of a linear model; see system.h. */
#include "system.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "gram.h"
#include "tall.h"

/* A constant column is one whose length is rounding noise beside its numbers. */
static const double CONSTANT = 1e-13;
/* Below this share of its length what is left of a column after those before it is rounding. */
static const double ALIAS = 1e-10;

/* From this reciprocal condition number on the products of columns are enough: at least ten of
 * sixteen digits are left, and what remains of the target is known to as many. */
static const double GRAM_LEAST = 1e-5;

/* The roots of the rows' weights, and the target. */
static void write_rows(void *context, int64_t b, double *root, double *target) {
  const Design *x = context;
  const TrainingData *data = x->data;
  int64_t first = b * data->x->rows.block, n = rows_in_block(&data->x->rows, b);
  for (int64_t i = 0; i < n; i++) root[i] = data->weight ? sqrt(data->weight[first + i]) : 1;
  design_column(x, b, x->d, root, target);
}

/* The block [1 X y], rows times the root of their weight. */
static void write_block(const void *context, int64_t b, int64_t stride, double *out) {
  const Design *x = context;
  write_rows((void *)(uintptr_t)context, b, out, out + (x->d + 1) * stride);
  for (int64_t j = 0; j < x->d; j++) design_column(x, b, j, out, out + (j + 1) * stride);
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

/* R by products of columns, where those are good enough. */
static Status factor_gram_all(const Comm *comm, const Design *x, double *r, bool *ok) {
  Status status = OK;
  int64_t width = x->d + 2, *active = NULL;
  double *gram = NULL;
  Status local = NEW(&gram, width * width);
  if (local == OK) local = NEW(&active, x->d);
  AGREE(comm, local);
  for (int64_t j = 0; j < x->d; j++) active[j] = j;
  GramTask task = {.design = x,
                   .active = active,
                   .k = x->d,
                   .rows = write_rows,
                   .context = (void *)(uintptr_t)x,
                   .square = true};
  TRY(gram_all(comm, &task, gram));
  AGREE(comm, comm->rank == 0 ? gram_factor(gram, width, GRAM_LEAST, true, r, ok) : OK);
  comm_broadcast_all(comm, 0, ok, sizeof *ok);
  if (*ok) comm_broadcast_all(comm, 0, r, (size_t)(width * width) * sizeof *r);
done:
  memory_free(&gram);
  memory_free(&active);
  return status;
}

Status linear_system_all(const Comm *comm, const Design *x, LinearSystem *out) {
  Status status = OK;
  int64_t width = x->d + 2;
  double *r = NULL;
  bool ok = false;
  *out = (LinearSystem){.d = x->d, .n = x->data->x->rows.n_global};
  Status local = allocate(out);
  if (local == OK) local = NEW(&r, width * width);
  AGREE(comm, local);
  memcpy(out->centre, x->centre, (size_t)(x->d + 1) * sizeof *out->centre);
  memcpy(out->scale, x->scale, (size_t)(x->d + 1) * sizeof *out->scale);
  TRY(factor_gram_all(comm, x, r, &ok));
  if (!ok) TRY(tall_factor_all(comm, &x->data->x->rows, width, write_block, x, r));
  out->reflected = !ok;
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
