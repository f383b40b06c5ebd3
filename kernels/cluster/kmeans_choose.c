/* How many clusters; see kmeans_choose.h. */
#include "kmeans_choose.h"

#include <math.h>
#include <string.h>

#include "kernels/base/memory.h"
#include "kernels/numeric/random.h"
#include "scores.h"
#include "silhouette.h"

const char *const choose_by_words[] = {"silhouette", "elbow", "stability", NULL};

enum { DRAWN = 8000 }; /* rows among which silhouettes are exact */

void kmeans_choice_clear(KmeansChoice *choice) {
  memory_free(&choice->inertia);
  memory_free(&choice->silhouette);
  memory_free(&choice->stability);
}

/* ---- some of the rows ---- */

typedef struct Some {
  Matrix x;
  int64_t *at; /* where they stand among this rank's rows */
} Some;

static void some_clear(Some *some) {
  matrix_clear(&some->x);
  memory_free(&some->at);
}

/* Rows whose random number lies in low .. high. */
static Status take_all(const Comm *comm, const Matrix *x, uint64_t seed, double low, double high,
                       Some *out) {
  Status status = OK;
  Stream stream = random_stream(seed, "kmeans/choose", 0);
  int64_t n = 0;
  AGREE(comm, NEW(&out->at, x->rows.n));
  for (int64_t i = 0; i < x->rows.n; i++) {
    double drawn = random_uniform(&stream, (uint64_t)(x->rows.begin + i), 0);
    if (drawn >= low && drawn < high) out->at[n++] = i;
  }
  Rows part = {comm_sum_one_all(comm, n), comm_exscan_all(comm, n), n, x->rows.block};
  AGREE(comm, matrix_init(&out->x, &part, x->d));
  for (int64_t j = 0; j < x->d; j++)
    for (int64_t i = 0; i < n; i++) matrix_column(&out->x, j)[i] = matrix_column(x, j)[out->at[i]];
done:
  return status;
}

/* ---- judging one k ---- */

/* Fits of a unit are asked to stop, and are nobody's units. */
typedef struct Listener {
  WorkSink sink;
  WorkSink *outer;
} Listener;

static bool hear(WorkSink *sink) { return work_stopping(((Listener *)sink)->outer); }

static bool hear_tick(WorkSink *sink, int64_t unit, int64_t done, int64_t total,
                      const Fields *fields) {
  (void)unit, (void)done, (void)total, (void)fields;
  return hear(sink);
}

typedef struct Choose {
  const Comm *comm;
  const Matrix *x;
  KmeansOptions options;
  Listener listener;
  KmeansChoice *out;
  Some drawn, half[2];
  int32_t *label[2];  /* of all this rank's rows */
  double *value;      /* of the drawn rows */
  double measures[3]; /* of the unit under way */
} Choose;

static Status judge_stability_all(Choose *c, double *out) {
  Status status = OK;
  Kmeans kmeans = {0};
  int64_t k = c->options.k, *table = NULL;
  Agreement agreement = {0};
  AGREE(c->comm, NEW(&table, k * k));
  for (int h = 0; h < 2; h++) {
    TRY(kmeans_fit_all(c->comm, &c->half[h].x, &c->options, &c->listener.sink, &kmeans, NULL));
    AGREE(c->comm, kmeans_assign(&kmeans, c->x, c->label[h], NULL));
    kmeans_clear(&kmeans);
  }
  for (int64_t i = 0; i < c->x->rows.n; i++) table[c->label[0][i] * k + c->label[1][i]]++;
  comm_sum_all(c->comm, table, k * k);
  AGREE(c->comm, agreement_of(table, k, k, &agreement));
  *out = agreement.adjusted_rand;
done:
  kmeans_clear(&kmeans);
  memory_free(&table);
  return status;
}

static Status judge_all(Choose *c, double *inertia, double *mean, double *stability) {
  Status status = OK;
  Kmeans kmeans = {0};
  Silhouette silhouette = {0};
  TRY(kmeans_fit_all(c->comm, c->x, &c->options, &c->listener.sink, &kmeans, c->label[0]));
  *inertia = kmeans.inertia;
  for (int64_t i = 0; i < c->drawn.x.rows.n; i++) c->label[1][i] = c->label[0][c->drawn.at[i]];
  TRY(silhouette_all(c->comm, &c->drawn.x, c->label[1], c->options.k, &c->listener.sink, c->value,
                     &silhouette));
  *mean = silhouette.mean;
  TRY(judge_stability_all(c, stability));
done:
  kmeans_clear(&kmeans);
  silhouette_clear(&silhouette);
  return status;
}

/* ---- the range ---- */

static int64_t greatest(const double *value, int64_t n) {
  int64_t best = 0;
  for (int64_t p = 1; p < n; p++)
    if (value[p] > value[best] || (isnan(value[best]) && !isnan(value[p]))) best = p;
  return best;
}

/* Farthest below the line from the first to the last inertia. */
static int64_t elbow_of(const double *inertia, int64_t n) {
  double most = -INFINITY;
  int64_t best = 0;
  for (int64_t p = 0; p < n; p++) {
    double share = n > 1 ? (double)p / (double)(n - 1) : 0;
    double below = inertia[0] + share * (inertia[n - 1] - inertia[0]) - inertia[p];
    if (below > most) most = below, best = p;
  }
  return best;
}

static Status begin_all(Choose *c, KmeansChoice *out) {
  Status status = OK;
  int64_t n = c->x->rows.n;
  double share = (double)DRAWN / (double)c->x->rows.n_global;
  Status local = NEW(&out->inertia, out->n);
  if (local == OK) local = NEW(&out->silhouette, out->n);
  if (local == OK) local = NEW(&out->stability, out->n);
  if (local == OK) local = NEW(&c->label[0], n);
  if (local == OK) local = NEW(&c->label[1], n);
  if (local == OK) local = NEW(&c->value, n);
  AGREE(c->comm, local);
  TRY(take_all(c->comm, c->x, c->options.seed, 0, share, &c->drawn));
  TRY(take_all(c->comm, c->x, c->options.seed + 1, 0, 0.5, &c->half[0]));
  TRY(take_all(c->comm, c->x, c->options.seed + 1, 0.5, 1, &c->half[1]));
done:
  return status;
}

static Status unit_fields(double measures[3], Fields *fields) {
  Status status = OK;
  TRY(fields_real(fields, "inertia", &measures[0]));
  TRY(fields_real(fields, "silhouette", &measures[1]));
  TRY(fields_real(fields, "stability", &measures[2]));
done:
  return status;
}

/* A number of clusters is a unit of work, of all ranks together. */
static Status run_unit(void *context, int64_t p, Fields *result) {
  Status status = OK;
  Choose *c = context;
  c->options.k = c->out->low + p;
  TRY(judge_all(c, &c->measures[0], &c->measures[1], &c->measures[2]));
  AGREE(c->comm, unit_fields(c->measures, result));
done:
  return status;
}

static Status place_unit(void *context, int64_t p, Fields *result) {
  Status status = OK;
  KmeansChoice *out = ((Choose *)context)->out;
  double measures[3] = {0};
  TRY(unit_fields(measures, result));
  out->inertia[p] = measures[0];
  out->silhouette[p] = measures[1];
  out->stability[p] = measures[2];
done:
  return status;
}

Status kmeans_choose_all(const Comm *comm, const Matrix *x, const KmeansOptions *options,
                         int64_t low, int64_t high, WorkSink *sink, KmeansChoice *out) {
  Status status = OK;
  Choose c = {.comm = comm,
              .x = x,
              .options = *options,
              .listener = {{.tick = hear_tick, .stopping = hear}, sink},
              .out = out};
  *out = (KmeansChoice){.low = low, .n = high - low + 1};
  if (high > x->rows.n_global / 4)
    TRY(status_fail(INVALID, "kmeans: %lld rows are too few to choose among up to %lld clusters",
                    (long long)x->rows.n_global, (long long)high));
  TRY(begin_all(&c, out));
  Work work = {.units = out->n, .run = run_unit, .place = place_unit, .context = &c};
  TRY(work_run_groups_all(comm, comm, &work, sink));
  out->best[CHOOSE_SILHOUETTE] = low + greatest(out->silhouette, out->n);
  out->best[CHOOSE_ELBOW] = low + elbow_of(out->inertia, out->n);
  out->best[CHOOSE_STABILITY] = low + greatest(out->stability, out->n);
done:
  some_clear(&c.drawn);
  some_clear(&c.half[0]);
  some_clear(&c.half[1]);
  memory_free(&c.label[0]);
  memory_free(&c.label[1]);
  memory_free(&c.value);
  return status;
}
