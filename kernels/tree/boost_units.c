/* Saving and resuming the rounds of boosting; see boost_state.h. */
#include "boost_classes.h"

#include <string.h>

#include "kernels/base/memory.h"

static const double SAVE_SECONDS = 2;

/* The rounds since the last unit, OUT; or the next unit, IN. */
typedef struct Unit {
  int64_t rounds, *offset, *node;
  double *train, *valid, *gain;
  int32_t *cover;
} Unit;

static Status unit_fields(const Fit *fit, Fields *fields, Unit *u) {
  Status status = OK;
  bool out = fields->mode == FIELDS_OUT;
  int64_t trees = out ? u->rounds * fit->model->loss.outputs : -1;
  int64_t nodes = out ? u->offset[trees] - u->offset[0] : -1, n_offset = out ? trees + 1 : -1;
  int64_t d = fit->model->ensemble.bins.d;
  TRY(fields_integer(fields, "rounds", &u->rounds));
  TRY(fields_array(fields, "node_offset", FIELD_INTEGER, &u->offset, 1, &n_offset));
  TRY(fields_array(fields, "node", FIELD_INTEGER, &u->node, 1, &nodes));
  int64_t losses = fit->phase == 0 ? u->rounds : 0;
  int64_t covers = fit->options->shap_rows > 0 ? nodes : 0;
  TRY(fields_array(fields, "train", FIELD_REAL, &u->train, 1, &losses));
  TRY(fields_array(fields, "valid", FIELD_REAL, &u->valid, 1, &losses));
  TRY(fields_array(fields, "gain", FIELD_REAL, &u->gain, 1, &d));
  TRY(fields_array(fields, "cover", FIELD_CODE, &u->cover, 1, &covers));
  if (!out && (u->rounds < 1 || n_offset != u->rounds * fit->model->loss.outputs + 1 ||
               u->offset[n_offset - 1] - u->offset[0] != nodes)) {
    return status_fail(FORMAT, "gbdt: a saved unit holds %lld rounds, %lld trees and %lld nodes",
                       (long long)u->rounds, (long long)n_offset - 1, (long long)nodes);
  }
done:
  return status;
}

/* Rounds made and to be made in all phases, as far as is known. */
static int64_t rounds_done(const Fit *fit) {
  return fit->rounds + (fit->phase > 0 ? fit->history->rounds : 0);
}
static int64_t rounds_total(const Fit *fit) {
  return fit->phase > 0 ? fit->history->rounds + fit->history->best : fit->options->trees;
}

/* Rank 0 saves; all say that a unit is done. Returns true when a stop was asked for here. */
static bool save_unit(Fit *fit) {
  BoostHistory *history = fit->history;
  Ensemble *e = &fit->model->ensemble;
  int64_t first = fit->saved_rounds;
  Unit u = {.rounds = fit->rounds - first,
            .offset = e->node_offset + first * fit->model->loss.outputs,
            .gain = history->gain,
            .train = history->train + (fit->phase == 0 ? first : 0),
            .valid = history->valid + (fit->phase == 0 ? first : 0)};
  Fields fields;
  u.node = e->node + u.offset[0];
  if (history->cover) u.cover = history->cover + u.offset[0];
  fields_init(&fields, FIELDS_OUT);
  bool made = fit->comm->rank == 0 && fields_integer(&fields, "phase", &fit->phase) == OK &&
              fields_integer(&fields, "first", &first) == OK && unit_fields(fit, &fields, &u) == OK;
  bool stop =
      work_tick(fit->sink, fit->units, rounds_done(fit), rounds_total(fit), made ? &fields : NULL);
  fields_clear(&fields);
  fit->units++;
  fit->saved_rounds = fit->rounds;
  fit->save_time = MPI_Wtime();
  return stop;
}

/* Is there anything left to do after the rounds made? */
static bool is_more(const Fit *fit) {
  if (fit->phase > 0) return fit->rounds < fit->history->best;
  return fit->options->refit || fit->rounds < fit->options->trees;
}

Status boost_tick_all(Fit *fit) {
  Status status = OK;
  if (!fit->sink) return OK;
  int64_t flags[2] = {work_stopping(fit->sink), MPI_Wtime() - fit->save_time > SAVE_SECONDS};
  if (fit->comm->rank > 0) flags[1] = 0;
  comm_max_all(fit->comm, flags, 2);
  if (!flags[0] && !flags[1]) {
    flags[0] = work_tick(fit->sink, fit->units, rounds_done(fit), rounds_total(fit), NULL);
    flags[0] = comm_any_all(fit->comm, flags[0] != 0);
  }
  if (flags[0] || flags[1]) {
    bool stop = save_unit(fit) || flags[0];
    if (comm_any_all(fit->comm, stop) && is_more(fit)) {
      return status_fail(STOPPED,
                         "stopped on request after %lld of %lld rounds; run again to go on",
                         (long long)rounds_done(fit), (long long)rounds_total(fit));
    }
  }
  return status;
}

void boost_end_phase(Fit *fit) {
  if (fit->sink && fit->rounds > fit->saved_rounds) save_unit(fit);
}

/* Put a saved unit's rounds behind those that are there. */
static Status place_unit(Fit *fit, Fields *fields) {
  Status status = OK;
  Ensemble *e = &fit->model->ensemble;
  BoostHistory *history = fit->history;
  Unit u = {.rounds = -1};
  TRY(unit_fields(fit, fields, &u));
  int64_t trees = u.rounds * fit->model->loss.outputs, nodes = u.offset[trees] - u.offset[0];
  TRY(boost_make_room(fit, u.rounds, trees, nodes));
  int64_t at = e->node_offset[e->n_trees];
  memcpy(e->node + at, u.node, (size_t)nodes * sizeof *u.node);
  if (history->cover) memcpy(history->cover + at, u.cover, (size_t)nodes * sizeof *u.cover);
  for (int64_t t = 1; t <= trees; t++) {
    e->node_offset[e->n_trees + t] = at + u.offset[t] - u.offset[0];
  }
  e->n_trees += trees;
  memcpy(history->gain, u.gain, (size_t)e->bins.d * sizeof *u.gain);
  if (fit->phase == 0) {
    memcpy(history->train + fit->rounds, u.train, (size_t)u.rounds * sizeof *u.train);
    memcpy(history->valid + fit->rounds, u.valid, (size_t)u.rounds * sizeof *u.valid);
    history->rounds += u.rounds;
  }
  fit->rounds += u.rounds;
done:
  memory_free(&u.offset);
  memory_free(&u.node);
  memory_free(&u.train);
  memory_free(&u.valid);
  memory_free(&u.gain);
  memory_free(&u.cover);
  return status;
}

/* Does a unit go on where those before it end? One that a broken attempt left behind may not. */
static bool follows(const Fit *fit, Fields *fields) {
  int64_t phase = -1, first = -1;
  return fields_integer(fields, "phase", &phase) == OK && phase == fit->phase &&
         fields_integer(fields, "first", &first) == OK && first == fit->rounds;
}

Status boost_resume_all(Fit *fit) {
  Status status = OK;
  fit->save_time = MPI_Wtime();
  if (!fit->sink || !fit->sink->find) return OK;
  for (bool more = true; more;) {
    Fields fields;
    fields_init(&fields, FIELDS_IN);
    bool found = fit->sink->find(fit->sink, fit->units, &fields) && follows(fit, &fields);
    more = !comm_any_all(fit->comm, !found);
    Status local = more ? place_unit(fit, &fields) : OK;
    fields_clear(&fields);
    AGREE(fit->comm, local);
    fit->units += more;
  }
  fit->saved_rounds = fit->rounds;
  if (fit->table.is_whole) {
    boost_classes_resume_all(fit);
  } else {
    for (int64_t t = 0; t < fit->model->ensemble.n_trees; t++) boost_walk_rows(fit, t);
  }
done:
  return status;
}
