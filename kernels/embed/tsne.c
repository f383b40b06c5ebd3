/* t-SNE; see tsne.h.
 *
 * Inside, rows stand in the order of the neighbours' tree, so that what a row is drawn to lies near
 * it in memory; places go back to the rows' own order in the end.
 *
 * Steps as Jacobs (1988) has them: a gain for every coordinate grows while moves go down the
 * gradient and shrinks where they went too far, to 5 GAIN_LEAST at least, which gets further in 750
 * steps than the floor of GAIN_LEAST of the first implementations; a step longer than STEP_MOST is
 * cut. Every rank moves its own points; all places are then
 * gathered on every rank, which takes less time than the sums. */
#include "tsne.h"

#include <math.h>
#include <string.h>

#include "attraction.h"
#include "kernels/base/memory.h"
#include "kernels/numeric/elementary.h"
#include "kernels/numeric/exact.h"
#include "kernels/numeric/fixed.h"
#include "kernels/numeric/random.h"
#include "pca.h"
#include "repulsion.h"

enum { TELL_EVERY = 50 };

static const double START = 1e-4, JITTER = 1e-6, STEP_MOST = 5, GAIN_LEAST = 0.01;
static const double MOMENTUM_EARLY = 0.5, MOMENTUM = 0.8, RATE_LEAST = 200, SAVE_SECONDS = 2;

/* ---- order ---- */

/* This rank's share of the rows in the order of a tree. */
typedef struct Ordered {
  Matrix x;
  int32_t *row; /* by position: global row number; replicated */
} Ordered;

static Status take_in_order(const Comm *comm, const Neighbors *index, const Matrix *x,
                            Ordered *out) {
  Status status = OK;
  Rows rows = rows_share(comm, index->n, x->rows.block);
  int64_t position = 0;
  TRY(matrix_init(&out->x, &rows, index->d));
  TRY(NEW_RAW(&out->row, index->n));
  for (int64_t l = 0; l < neighbors_leaves(index); l++) {
    const int32_t *row = NULL;
    const double *point = NULL;
    int64_t n = neighbors_leaf(index, l, &row, &point);
    for (int64_t i = 0; i < n; i++, position++) {
      int64_t own = position - rows.begin;
      out->row[position] = row[i];
      for (int64_t j = 0; j < index->d && own >= 0 && own < rows.n; j++)
        matrix_column(&out->x, j)[own] = point[i * index->width + j];
    }
  }
done:
  return status;
}

static Status order_all(const Comm *comm, const Matrix *x, Ordered *out) {
  Status status = OK;
  Neighbors index = {0};
  TRY(neighbors_new_all(comm, x, NULL, NEIGHBORS_EUCLIDEAN, &index));
  AGREE(comm, take_in_order(comm, &index, x, out));
done:
  neighbors_clear_all(&index);
  return status;
}

static void ordered_clear(Ordered *ordered) {
  matrix_clear(&ordered->x);
  memory_free(&ordered->row);
}

/* ---- the map while it moves ---- */

enum {
  MOVE_X,
  MOVE_Y,
  GAIN_X,
  GAIN_Y,
  OWN_STATE,
  PUSH_X = OWN_STATE,
  PUSH_Y,
  PULL_X,
  PULL_Y,
  SHARE,
  OWN_ARRAYS
};

typedef struct Map {
  const Comm *comm;
  const TsneOptions *options;
  WorkSink *sink;
  Rows rows; /* in the tree's order */
  Ordered ordered;
  double rate;
  int64_t iteration;       /* done */
  double *x, *y;           /* all places */
  float *place;            /* the same in single precision, x and y in turn */
  double *own[OWN_ARRAYS]; /* of this rank's points */
  double *packed;          /* 2 x rows.n: scratch */
  double z;                /* sum of q over all pairs, at the last step's beginning */
  Affinity affinity;
  Repulsion repulsion;
  int64_t units; /* saved so far */
  double save_time;
  Tsne *out;
} Map;

static Status map_allocate(Map *m) {
  Status status = OK;
  int64_t told = m->options->iterations / TELL_EVERY + 2;
  TRY(NEW(&m->x, m->rows.n_global));
  TRY(NEW(&m->y, m->rows.n_global));
  TRY(NEW(&m->place, 2 * m->rows.n_global));
  TRY(NEW(&m->packed, 2 * m->rows.n));
  for (int k = 0; k < OWN_ARRAYS; k++) TRY(NEW(&m->own[k], m->rows.n));
  for (int64_t i = 0; i < m->rows.n; i++) m->own[GAIN_X][i] = m->own[GAIN_Y][i] = 1;
  TRY(NEW(&m->out->told, told));
  TRY(NEW(&m->out->divergence, told));
  TRY(NEW(&m->out->x, m->rows.n));
  TRY(NEW(&m->out->y, m->rows.n));
done:
  return status;
}

static void map_clear_all(Map *m) {
  memory_free(&m->x);
  memory_free(&m->y);
  memory_free(&m->place);
  memory_free(&m->packed);
  for (int k = 0; k < OWN_ARRAYS; k++) memory_free(&m->own[k]);
  affinity_clear(&m->affinity);
  ordered_clear(&m->ordered);
  repulsion_clear_all(&m->repulsion);
}

/* All ranks get the places of this rank's points, which stand in x and y already. */
static Status share_places_all(Map *m) {
  Status status = OK;
  double *all = NULL;
  const Rows *rows = &m->rows;
  for (int64_t i = 0; i < rows->n; i++) {
    m->packed[2 * i] = m->x[rows->begin + i];
    m->packed[2 * i + 1] = m->y[rows->begin + i];
  }
  TRY(comm_concatenate_all(m->comm, m->packed, (size_t)(2 * rows->n) * sizeof *m->packed,
                           (void **)&all, NULL));
  for (int64_t i = 0; i < rows->n_global; i++) {
    m->x[i] = all[2 * i];
    m->y[i] = all[2 * i + 1];
    m->place[2 * i] = (float)m->x[i];
    m->place[2 * i + 1] = (float)m->y[i];
  }
done:
  memory_free(&all);
  return status;
}

/* ---- the beginning ---- */

/* Components of this rank's rows, the first with a deviation of START, and noise. */
static Status begin_at_components_all(Map *m) {
  Status status = OK;
  const Matrix *x = &m->ordered.x;
  Pca pca = {0};
  const int64_t n = m->rows.n, begin = m->rows.begin;
  double *place[2] = {m->x + begin, m->y + begin};
  Stream stream = random_stream(m->options->seed, "tsne/start", 0);
  TRY(pca_fit_all(m->comm, x, x->d < 2 ? 1 : 2, 1, &pca));
  pca_transform(&pca, x, place);
  double deviation = sqrt(pca.variance[0]), scale = deviation > 0 ? START / deviation : 0;
  for (int64_t i = 0; i < n; i++) {
    uint64_t row = (uint64_t)m->ordered.row[begin + i];
    for (int c = 0; c < 2; c++) {
      double noise = JITTER * random_normal(&stream, row, (uint32_t)c);
      place[c][i] = place[c][i] * scale + noise;
    }
  }
  TRY(share_places_all(m));
done:
  pca_clear(&pca);
  return status;
}

/* ---- saved states ---- */

/* The state of all points as a unit: places, moves, gains, and what was told. */
static Status state_fields(Map *m, double **arrays, Fields *fields) {
  static const char *const names[] = {"x", "y", "move_x", "move_y", "gain_x", "gain_y"};
  Status status = OK;
  TRY(fields_integer(fields, "iteration", &m->iteration));
  for (int k = 0; k < 2 + OWN_STATE; k++) {
    int64_t n = m->rows.n_global;
    TRY(fields_array(fields, names[k], FIELD_REAL, &arrays[k], 1, &n));
  }
  int64_t told = fields->mode == FIELDS_OUT ? m->out->n_told : -1;
  TRY(fields_array(fields, "told", FIELD_REAL, &arrays[2 + OWN_STATE], 1, &told));
  TRY(fields_array(fields, "divergence", FIELD_REAL, &arrays[3 + OWN_STATE], 1, &told));
  m->out->n_told = told;
done:
  return status;
}

/* Rank 0 saves all; stop: out, whether a stop was asked for here. */
static Status save_all(Map *m, bool *stop) {
  Status status = OK;
  Fields fields;
  double *arrays[4 + OWN_STATE] = {m->x, m->y};
  fields_init(&fields, FIELDS_OUT);
  for (int k = 0; k < OWN_STATE; k++)
    TRY(comm_gather_all(m->comm, 0, m->own[k], (size_t)m->rows.n * sizeof(double),
                        (void **)&arrays[2 + k], NULL));
  arrays[2 + OWN_STATE] = m->out->told;
  arrays[3 + OWN_STATE] = m->out->divergence;
  bool made = m->comm->rank == 0 && state_fields(m, arrays, &fields) == OK;
  *stop =
      work_tick(m->sink, m->units++, m->iteration, m->options->iterations, made ? &fields : NULL);
  m->save_time = MPI_Wtime();
done:
  fields_clear(&fields);
  for (int k = 0; k < OWN_STATE; k++) memory_free(&arrays[2 + k]);
  return status;
}

/* Take over a saved state, if it is one of this map. */
static void take_state(Map *m, Fields *fields) {
  double *arrays[4 + OWN_STATE] = {0};
  const Rows *rows = &m->rows;
  int64_t iteration = m->iteration, n_told = m->out->n_told;
  bool good = state_fields(m, arrays, fields) == OK && m->iteration <= m->options->iterations &&
              m->out->n_told <= m->options->iterations / TELL_EVERY + 1;
  for (int64_t i = 0; good && i < rows->n_global; i++) {
    m->x[i] = arrays[0][i];
    m->y[i] = arrays[1][i];
    m->place[2 * i] = (float)m->x[i];
    m->place[2 * i + 1] = (float)m->y[i];
  }
  for (int k = 0; good && k < OWN_STATE && rows->n > 0; k++)
    memcpy(m->own[k], arrays[2 + k] + rows->begin, (size_t)rows->n * sizeof(double));
  for (int64_t t = 0; good && t < m->out->n_told; t++) {
    m->out->told[t] = arrays[2 + OWN_STATE][t];
    m->out->divergence[t] = arrays[3 + OWN_STATE][t];
  }
  if (!good) m->iteration = iteration, m->out->n_told = n_told;
  for (int k = 0; k < 4 + OWN_STATE; k++) memory_free(&arrays[k]);
}

/* Go on from the last state that all ranks find. */
static void resume_all(Map *m) {
  while (m->sink && m->sink->find) {
    Fields fields;
    fields_init(&fields, FIELDS_IN);
    bool found = m->sink->find(m->sink, m->units, &fields);
    bool lacking = comm_any_all(m->comm, !found);
    if (found && !lacking) take_state(m, &fields);
    fields_clear(&fields);
    if (lacking) return;
    m->units++;
  }
}

/* ---- steps ---- */

/* Sum of own[SHARE] over all ranks: Z. */
static void sum_shares_all(Map *m) {
  Wide sum = {0, 0};
  const double scale = fixed_scale((double)m->rows.n_global, WIDE_BITS);
  for (int64_t i = 0; i < m->rows.n; i++) wide_add(&sum, m->own[SHARE][i], scale);
  int64_t parts[2] = {sum.high, sum.low};
  comm_sum_all(m->comm, parts, 2);
  sum = (Wide){parts[0], parts[1]};
  m->z = wide_value(&sum, scale);
}

/* A move goes against the gradient, so equal signs say that it went too far. */
static double next_gain(double gain, double gradient, double move) {
  return gradient * move > 0 ? gain * 0.8 + GAIN_LEAST : gain + 0.2;
}

/* Returns whether all of this rank's points have finite places. */
static bool move_points(Map *m) {
  const bool early = m->iteration < m->options->early_iterations;
  const double momentum = early ? MOMENTUM_EARLY : MOMENTUM;
  const double exaggeration = early ? m->options->early_exaggeration : 1;
  const double pull = exaggeration / (2 * (double)m->rows.n_global), push = 1 / m->z;
  double *const *own = m->own, *x = m->x + m->rows.begin, *y = m->y + m->rows.begin;
  bool finite = true;
  for (int64_t i = 0; i < m->rows.n; i++) {
    double gx = -pull * own[PULL_X][i] - push * own[PUSH_X][i];
    double gy = -pull * own[PULL_Y][i] - push * own[PUSH_Y][i];
    own[GAIN_X][i] = next_gain(own[GAIN_X][i], gx, own[MOVE_X][i]);
    own[GAIN_Y][i] = next_gain(own[GAIN_Y][i], gy, own[MOVE_Y][i]);
    double dx = momentum * own[MOVE_X][i] - m->rate * own[GAIN_X][i] * gx;
    double dy = momentum * own[MOVE_Y][i] - m->rate * own[GAIN_Y][i] * gy;
    double length = sqrt(dx * dx + dy * dy), cut = length > STEP_MOST ? STEP_MOST / length : 1;
    own[MOVE_X][i] = dx * cut;
    own[MOVE_Y][i] = dy * cut;
    x[i] += own[MOVE_X][i];
    y[i] += own[MOVE_Y][i];
    finite &= fabs(x[i]) < 1e9 && fabs(y[i]) < 1e9;
  }
  return finite;
}

/* The divergence at the places as they are; Z is that of the last push there. */
static double divergence_all(Map *m) {
  double *apart = m->own[PULL_X];
  const double total = m->affinity.total;
  attraction_apart(&m->affinity, m->x, m->y, m->rows.begin, apart);
  double sum = m->affinity.entropy + exact_sum_all(m->comm, apart, m->rows.n);
  /* p = w / total: sum p log(p / q Z). */
  return total > 0 ? sum / total + elementary_log(m->z / total) : 0;
}

static Status push_all(Map *m) {
  Status status = OK;
  TRY(repulsion_push_all(&m->repulsion, m->x, m->y, m->rows.begin, m->rows.n, m->own[PUSH_X],
                         m->own[PUSH_Y], m->own[SHARE]));
  sum_shares_all(m);
done:
  return status;
}

static Status tell_all(Map *m) {
  Status status = OK;
  TRY(push_all(m));
  double divergence = divergence_all(m);
  m->out->told[m->out->n_told] = (double)m->iteration;
  m->out->divergence[m->out->n_told++] = divergence;
  WorkNumber number = {"kl", divergence};
  if (m->comm->rank == 0) work_tell(m->sink, m->iteration, &number, 1);
done:
  return status;
}

static Status step_all(Map *m) {
  Status status = OK;
  TRY(push_all(m));
  attraction_pull(&m->affinity, m->place, m->rows.begin, m->own[PULL_X], m->own[PULL_Y]);
  bool finite = move_points(m);
  m->iteration++;
  TRY(share_places_all(m));
  if (comm_any_all(m->comm, !finite))
    TRY(status_fail(NUMERIC, "the map ran away in iteration %lld: lower the learning rate (%g now)",
                    (long long)m->iteration, m->rate));
done:
  return status;
}

/* After a step: say so, save now and then, stop when asked. */
static Status pause_all(Map *m) {
  Status status = OK;
  if (!m->sink) return OK;
  int64_t flags[2] = {work_stopping(m->sink), MPI_Wtime() - m->save_time > SAVE_SECONDS};
  if (m->comm->rank > 0) flags[1] = 0;
  bool stop = false, last = m->iteration == m->options->iterations;
  comm_max_all(m->comm, flags, 2);
  if (!flags[0] && !flags[1])
    stop = work_tick(m->sink, m->units, m->iteration, m->options->iterations, NULL);
  flags[0] = comm_any_all(m->comm, stop || flags[0]);
  if (!flags[0] && !flags[1]) return OK;
  TRY(save_all(m, &stop));
  if (comm_any_all(m->comm, stop || flags[0]) && !last)
    TRY(status_fail(STOPPED, "stopped on request after %lld of %lld iterations; run again to go on",
                    (long long)m->iteration, (long long)m->options->iterations));
done:
  return status;
}

/* Places around their mean, in the rows' own order. */
static void finish_all(Map *m, const Rows *rows) {
  const int64_t begin = m->rows.begin, n = m->rows.n_global;
  double mean_x = exact_sum_all(m->comm, m->x + begin, m->rows.n) / (double)n;
  double mean_y = exact_sum_all(m->comm, m->y + begin, m->rows.n) / (double)n;
  for (int64_t position = 0; position < n; position++) {
    int64_t own = m->ordered.row[position] - rows->begin;
    if (own < 0 || own >= rows->n) continue;
    m->out->x[own] = m->x[position] - mean_x;
    m->out->y[own] = m->y[position] - mean_y;
  }
}

static Status check(const Matrix *x, const TsneOptions *o) {
  if (!(o->perplexity >= 1))
    return status_fail(INVALID, "perplexity is %g; 1 or more is needed", o->perplexity);
  if (x->rows.n_global < 1) return status_fail(INVALID, "a map of no rows");
  return OK;
}

static Status affinity_all(const Comm *comm, const Matrix *x, double wanted, WorkSink *sink,
                           Affinity *out, double *taken) {
  Status status = OK;
  Neighbors index = {0};
  double most = (double)(x->rows.n_global - 1) / 3;
  *taken = wanted < most ? wanted : most > 1 ? most : 1;
  TRY(neighbors_new_all(comm, x, NULL, NEIGHBORS_EUCLIDEAN, &index));
  index.sink = sink;
  TRY(affinity_init_all(comm, &index, x, *taken, out));
done:
  neighbors_clear_all(&index);
  return status;
}

Status tsne_all(const Comm *comm, const Matrix *x, const TsneOptions *o, WorkSink *sink,
                Tsne *out) {
  Status status = OK;
  Map m = {.comm = comm, .options = o, .sink = sink, .rows = x->rows, .out = out};
  m.repulsion.memory.win = MPI_WIN_NULL;
  *out = (Tsne){0};
  TRY(check(x, o));
  m.rate = (double)x->rows.n_global / 12;
  m.rate = !isnan(o->learning_rate) ? o->learning_rate : m.rate > RATE_LEAST ? m.rate : RATE_LEAST;
  AGREE(comm, map_allocate(&m));
  if (x->rows.n_global == 1) goto done;
  TRY(order_all(comm, x, &m.ordered));
  work_phase(sink, "neighbours");
  TRY(affinity_all(comm, &m.ordered.x, o->perplexity, sink, &m.affinity, &out->perplexity));
  work_phase(sink, "map");
  TRY(repulsion_init_all(comm, x->rows.n_global, x->rows.n_global <= REPULSION_PAIRS,
                         &m.repulsion));
  TRY(begin_at_components_all(&m));
  m.save_time = MPI_Wtime();
  resume_all(&m);
  while (m.iteration < o->iterations) {
    TRY(step_all(&m));
    if (m.iteration % TELL_EVERY == 0 || m.iteration == o->iterations) TRY(tell_all(&m));
    TRY(pause_all(&m));
  }
  finish_all(&m, &x->rows);
done:
  map_clear_all(&m);
  return status;
}

void tsne_clear(Tsne *tsne) {
  memory_free(&tsne->x);
  memory_free(&tsne->y);
  memory_free(&tsne->told);
  memory_free(&tsne->divergence);
  *tsne = (Tsne){0};
}

Status tsne_divergence_all(const Comm *comm, const Matrix *rows, double perplexity, const double *x,
                           const double *y, double *divergence) {
  Status status = OK;
  Tsne none = {0};
  TsneOptions options = {.perplexity = perplexity};
  Map m = {.comm = comm, .options = &options, .rows = rows->rows, .out = &none};
  m.repulsion.memory.win = MPI_WIN_NULL;
  AGREE(comm, map_allocate(&m));
  TRY(affinity_all(comm, rows, perplexity, NULL, &m.affinity, &none.perplexity));
  TRY(repulsion_init_all(comm, rows->rows.n_global, true, &m.repulsion));
  for (int64_t i = 0; i < rows->rows.n; i++) {
    m.x[rows->rows.begin + i] = x[i];
    m.y[rows->rows.begin + i] = y[i];
  }
  TRY(share_places_all(&m));
  TRY(push_all(&m));
  *divergence = divergence_all(&m);
done:
  map_clear_all(&m);
  tsne_clear(&none);
  return status;
}

Status tsne_place(const Neighbors *index, const double *x, const double *y,
                  const NeighborsQuery *query, double perplexity, double *out_x, double *out_y) {
  Status status = OK;
  int64_t k = affinity_neighbors(perplexity, index->n);
  int32_t *row = NULL;
  double *distance = NULL, *weight = NULL;
  k = k < 1 ? 1 : k;
  TRY(NEW(&row, query->n * k));
  TRY(NEW(&distance, query->n * k));
  TRY(NEW(&weight, k));
  TRY(neighbors_nearest(index, query, k, row, distance));
  for (int64_t i = 0; i < query->n; i++) {
    double *squared = distance + i * k;
    for (int64_t j = 0; j < k; j++) squared[j] *= squared[j];
    affinity_calibrate(squared, k, perplexity, weight);
    out_x[i] = out_y[i] = 0;
    for (int64_t j = 0; j < k; j++) {
      out_x[i] += weight[j] * x[row[i * k + j]];
      out_y[i] += weight[j] * y[row[i * k + j]];
    }
  }
done:
  memory_free(&row);
  memory_free(&distance);
  memory_free(&weight);
  return status;
}
