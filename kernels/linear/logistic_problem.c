/* The loss of logistic regression; see logistic_problem.h. */
#include "logistic_problem.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"

static const double SAVE_SECONDS = 30;

static Status allocate(LogisticProblem *p) {
  Status status = OK;
  int64_t block = p->data->x->rows.block;
  TRY(NEW(&p->active, p->system->d));
  TRY(NEW(&p->unit, p->system->d));
  TRY(NEW(&p->x, (p->system->d + 1) * block));
  TRY(NEW(&p->z, p->outputs * block));
  TRY(NEW(&p->most, block));
  TRY(NEW(&p->total, block));
  TRY(NEW(&p->own, block));
  TRY(NEW(&p->partial, p->outputs * (p->system->d + 1)));
  TRY(NEW(&p->sum, 1 + p->outputs * (p->system->d + 1)));
done:
  return status;
}

/* Without a penalty features that others tell are left out, else only constant ones. */
static Status choose_features(LogisticProblem *p) {
  const LinearSystem *s = p->system;
  bool free = p->options->l2 == 0 && p->options->l1 == 0;
  if (free) return linear_system_independent(s, p->active, &p->k);
  for (int64_t j = 0; j < s->d; j++) {
    if (s->norm[j] > 0) p->active[p->k++] = j;
  }
  return OK;
}

Status logistic_problem_all(const Comm *comm, const Design *design, const LogisticOptions *options,
                            const LinearSystem *system, WorkSink *sink, LogisticProblem *out) {
  Status status = OK;
  *out = (LogisticProblem){.comm = comm,
                           .design = design,
                           .data = design->data,
                           .options = options,
                           .system = system,
                           .sink = sink,
                           .outputs = design->data->n_classes > 2 ? design->data->n_classes : 1};
  Status local = allocate(out);
  if (local == OK && comm->rank == 0) local = choose_features(out);
  AGREE(comm, local);
  comm_broadcast_all(comm, 0, &out->k, sizeof out->k);
  comm_broadcast_all(comm, 0, out->active, (size_t)system->d * sizeof *out->active);
  for (int64_t c = 0; c < out->k; c++) {
    int64_t j = out->active[c];
    out->unit[c] =
        options->standardize ? system->norm[j] / sqrt(system->weight) : 1 / system->scale[j];
  }
done:
  return status;
}

void logistic_problem_clear(LogisticProblem *p) {
  memory_free(&p->active);
  memory_free(&p->unit);
  memory_free(&p->x);
  memory_free(&p->z);
  memory_free(&p->most);
  memory_free(&p->total);
  memory_free(&p->own);
  memory_free(&p->partial);
  memory_free(&p->sum);
}

/* Rows past the end of the last block are zero, so that all products have one shape. */
static void scale_block(LogisticProblem *p, int64_t b) {
  const Rows *rows = &p->data->x->rows;
  int64_t block = rows->block, n = rows_in_block(rows, b);
  memset(p->x, 0, (size_t)((p->k + 1) * block) * sizeof *p->x);
  for (int64_t i = 0; i < n; i++) p->x[i] = 1;
  for (int64_t c = 0; c < p->k; c++)
    design_column(p->design, b, p->active[c], NULL, p->x + (c + 1) * block);
}

void logistic_raw(LogisticProblem *p, int64_t b, const double *parameters) {
  int block = (int)p->data->x->rows.block, width = (int)p->k + 1;
  scale_block(p, b);
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, block, (int)p->outputs, width, 1, p->x,
              block, parameters, width, 0, p->z, block);
}

/* Log loss of one row of two classes at raw value z; *derivative by z. */
static inline double loss_of_two(double z, bool one, double *derivative) {
  double e = elementary_exp(z < 0 ? z : -z); /* at most 1 */
  double p = z < 0 ? e / (1 + e) : 1 / (1 + e);
  double wrong = one ? -z : z; /* log(1 + exp(wrong)) */
  *derivative = p - (one ? 1 : 0);
  return (wrong > 0 ? wrong : 0) + elementary_log(1 + e);
}

/* Two classes: losses of a block's rows into the sum; raw values become derivatives. */
static void differentiate_two(LogisticProblem *p, const double *target, const double *weight,
                              int64_t n) {
  for (int64_t i = 0; i < n; i++) {
    double own = weight ? weight[i] : 1, derivative;
    double loss = loss_of_two(p->z[i], target[i] == 1, &derivative);
    exact_add(&p->sum[0], own * loss);
    p->z[i] = own * derivative;
  }
}

/* Classes are the outer loops, so that rows go side by side in vectors; a row's sums go over its
 * classes in order. */
static inline __attribute__((always_inline)) void softmax_body(double *restrict values,
                                                               int64_t block, int64_t outputs,
                                                               int64_t n, double *restrict most,
                                                               double *restrict total) {
  memcpy(most, values, (size_t)n * sizeof *most);
  for (int64_t c = 1; c < outputs; c++) {
    const double *z = values + c * block;
    for (int64_t i = 0; i < n; i++) most[i] = z[i] > most[i] ? z[i] : most[i];
  }
  memset(total, 0, (size_t)n * sizeof *total);
  for (int64_t c = 0; c < outputs; c++) {
    double *restrict z = values + c * block;
    for (int64_t i = 0; i < n; i++) {
      z[i] = elementary_exp(z[i] - most[i]);
      total[i] += z[i];
    }
  }
}

static void softmax_plain(double *z, int64_t block, int64_t outputs, int64_t n, double *most,
                          double *total) {
  softmax_body(z, block, outputs, n, most, total);
}

/* The same operations on wider vectors, with the same bits. */
#ifdef __x86_64__
__attribute__((target("avx512f,avx512dq,prefer-vector-width=512"))) static void softmax_wide(
    double *z, int64_t block, int64_t outputs, int64_t n, double *most, double *total) {
  softmax_body(z, block, outputs, n, most, total);
}
#endif

void logistic_softmax(LogisticProblem *p, int64_t n) {
  int64_t block = p->data->x->rows.block;
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) {
    softmax_wide(p->z, block, p->outputs, n, p->most, p->total);
    return;
  }
#endif
  softmax_plain(p->z, block, p->outputs, n, p->most, p->total);
}

/* As for two classes, with softmax. */
static void differentiate_many(LogisticProblem *p, const double *target, const double *weight,
                               int64_t n) {
  int64_t block = p->data->x->rows.block;
  for (int64_t i = 0; i < n; i++) p->own[i] = p->z[(int64_t)target[i] * block + i];
  logistic_softmax(p, n);
  for (int64_t i = 0; i < n; i++) {
    double total = p->total[i], own = weight ? weight[i] : 1;
    exact_add(&p->sum[0], own * (elementary_log(total) + p->most[i] - p->own[i]));
    p->total[i] = own / total;
  }
  for (int64_t c = 0; c < p->outputs; c++) {
    double *z = p->z + c * block;
    for (int64_t i = 0; i < n; i++) z[i] *= p->total[i];
  }
  for (int64_t i = 0; i < n; i++) p->z[(int64_t)target[i] * block + i] -= weight ? weight[i] : 1;
}

static void differentiate(LogisticProblem *p, int64_t b) {
  const TrainingData *data = p->data;
  int64_t block = data->x->rows.block, first = b * block, n = rows_in_block(&data->x->rows, b);
  const double *weight = data->weight ? data->weight + first : NULL;
  if (p->outputs == 1) {
    differentiate_two(p, data->target + first, weight, n);
  } else {
    differentiate_many(p, data->target + first, weight, n);
  }
  for (int64_t c = 0; c < p->outputs; c++) {
    for (int64_t i = n; i < block; i++) p->z[c * block + i] = 0;
  }
}

static void add_gradient(LogisticProblem *p) {
  int block = (int)p->data->x->rows.block, width = (int)p->k + 1;
  cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, width, (int)p->outputs, block, 1, p->x,
              block, p->z, block, 0, p->partial, width);
  for (int64_t i = 0; i < logistic_parameters(p); i++) exact_add(&p->sum[1 + i], p->partial[i]);
}

double logistic_loss_all(LogisticProblem *p, const double *b, double *gradient) {
  int64_t sums = 1 + (gradient ? logistic_parameters(p) : 0);
  for (int64_t i = 0; i < sums; i++) exact_init(&p->sum[i]);
  for (int64_t block = 0; block < rows_blocks(&p->data->x->rows); block++) {
    logistic_raw(p, block, b);
    differentiate(p, block);
    if (gradient) add_gradient(p);
  }
  exact_join_all(p->comm, p->sum, sums);
  double loss = exact_round(&p->sum[0]);
  for (int64_t i = 0; gradient && i < logistic_parameters(p); i++) {
    gradient[i] = exact_round(&p->sum[1 + i]);
  }
  for (int64_t o = 0; o < p->outputs; o++) {
    for (int64_t c = 0; c < p->k; c++) {
      int64_t i = o * (p->k + 1) + 1 + c;
      double own = b[i] * p->unit[c];
      loss += p->options->l2 / 2 * (own * own);
      if (gradient) gradient[i] += p->options->l2 * own * p->unit[c];
    }
  }
  return loss;
}

/* ---- states ---- */

static bool save(LogisticProblem *p, int64_t steps, double *state, int64_t n) {
  Fields fields;
  fields_init(&fields, FIELDS_OUT);
  bool made = p->comm->rank == 0 && fields_array(&fields, "state", FIELD_REAL, &state, 1, &n) == OK;
  bool stop =
      work_tick(p->sink, p->units++, steps, p->options->max_iterations, made ? &fields : NULL);
  fields_clear(&fields);
  p->save_time = MPI_Wtime();
  return stop;
}

Status logistic_pause_all(LogisticProblem *p, int64_t steps, double *state, int64_t n) {
  if (!p->sink) return OK;
  bool late = p->comm->rank == 0 && MPI_Wtime() - p->save_time > SAVE_SECONDS;
  bool stop = false;
  if (!comm_any_all(p->comm, late || work_stopping(p->sink))) {
    stop = work_tick(p->sink, p->units, steps, p->options->max_iterations, NULL);
    if (!comm_any_all(p->comm, stop)) return OK;
  }
  stop = save(p, steps, state, n) || stop || work_stopping(p->sink);
  if (!comm_any_all(p->comm, stop)) return OK;
  return status_fail(STOPPED,
                     "stopped on request after %lld steps of a logistic regression; run again to "
                     "go on",
                     (long long)steps);
}

bool logistic_resume_all(LogisticProblem *p, double *state, int64_t n) {
  bool any = false;
  p->save_time = MPI_Wtime();
  while (p->sink && p->sink->find) {
    Fields fields;
    double *read = NULL;
    int64_t length = n;
    fields_init(&fields, FIELDS_IN);
    bool found = p->sink->find(p->sink, p->units, &fields) &&
                 fields_array(&fields, "state", FIELD_REAL, &read, 1, &length) == OK;
    bool lacking = comm_any_all(p->comm, !found);
    if (!lacking) memcpy(state, read, (size_t)n * sizeof *state);
    memory_free(&read);
    fields_clear(&fields);
    if (lacking) break;
    any = true;
    p->units++;
  }
  return any;
}

double logistic_l1(const LogisticProblem *p, const double *b) {
  double sum = 0;
  for (int64_t o = 0; o < p->outputs; o++) {
    for (int64_t c = 0; c < p->k; c++) sum += fabs(b[o * (p->k + 1) + 1 + c]) * p->unit[c];
  }
  return p->options->l1 * sum;
}
