/* Units of work over ranks; see work.h.
 *
 * Units are taken from one counter by MPI_Fetch_and_op: in order, so that the lowest failing unit
 * is the same whoever runs what. Every rank packs what it made and keeps the packs; at the end they
 * are exchanged in batches of bounded size, large ones one by one, and placed in the order of
 * units, so that beside the placed results no rank holds more than its own share and one batch. A
 * stop or a failure on any rank exhausts the counter, and every rank finishes the unit it is at.
 *
 * On one node the counter lies in shared memory and nobody waits for rank 0. Between nodes whose
 * network has no remote atomics, Open MPI answers for rank 0 only while rank 0 is inside MPI; so
 * every rank looks in there between units and where a long unit asks work_stopping. Rejected: a
 * rank that only hands out units (a core lost), a fixed deal of units (trees and trials take unlike
 * times). */
#include "work.h"

#include <string.h>

#include "fault.h"
#include "memory.h"

/* Bytes exchanged at a time. A unit of LARGE_BYTES goes alone, straight from its maker's pack:
 * memory that is touched for the first time costs more than the exchange. */
static const int64_t BATCH_BYTES = INT64_C(1) << 24, LARGE_BYTES = INT64_C(1) << 20;

static int open_counters;

/* Let MPI answer what other ranks ask of this one. */
static void answer_others(void) {
  int flag = 0;
  if (open_counters > 0)
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_SELF, &flag, MPI_STATUS_IGNORE);
}

/* A shared counter that hands out 0, 1, 2, ... */
typedef struct Counter {
  MPI_Win win;
  int64_t *value;
  int64_t local;
} Counter;

static void counter_init_all(const Comm *comm, Counter *counter) {
  *counter = (Counter){.win = MPI_WIN_NULL};
  if (comm->size == 1) return;
  open_counters++;
  MPI_Aint bytes = comm->rank == 0 ? (MPI_Aint)sizeof(int64_t) : 0;
  MPI_Win_allocate(bytes, sizeof(int64_t), MPI_INFO_NULL, comm->mpi, &counter->value,
                   &counter->win);
  MPI_Win_lock_all(MPI_MODE_NOCHECK, counter->win);
  if (comm->rank == 0) {
    int64_t zero = 0;
    MPI_Accumulate(&zero, 1, MPI_INT64_T, 0, 0, 1, MPI_INT64_T, MPI_REPLACE, counter->win);
    MPI_Win_flush(0, counter->win);
  }
  comm_barrier_all(comm);
}

static int64_t counter_add(Counter *counter, int64_t count) {
  int64_t taken = counter->local;
  counter->local += count;
  if (counter->win == MPI_WIN_NULL) return taken;
  answer_others();
  MPI_Fetch_and_op(&count, &taken, MPI_INT64_T, 0, 0, MPI_SUM, counter->win);
  MPI_Win_flush(0, counter->win);
  return taken;
}

static void counter_clear_all(const Comm *comm, Counter *counter) {
  if (counter->win == MPI_WIN_NULL) return;
  comm_barrier_all(comm); /* the wait for the slowest rank counts as waiting */
  MPI_Win_unlock_all(counter->win);
  MPI_Win_free(&counter->win);
  open_counters--;
}

/* Arrays have one item per unit. */
typedef struct Runner {
  const Comm *comm, *group;
  const Work *work;
  WorkSink *sink;
  Fields *found; /* results of an earlier attempt, where done */
  uint8_t *done; /* the unit was found, on all ranks */
  int64_t n_found;
  uint8_t **packs; /* what this rank made */
  int64_t *facts;  /* bytes of the packs, then the ranks that made them; summed over ranks */
  int64_t n_made;
  int64_t scanned, found_passed; /* found units below scanned */
  int64_t failed;                /* lowest failing unit of this rank, or work->units */
  bool stopped;
} Runner;

static Status runner_init(Runner *runner, const Comm *comm, const Comm *group, const Work *work,
                          WorkSink *sink) {
  Status status = OK;
  *runner =
      (Runner){.comm = comm, .group = group, .work = work, .sink = sink, .failed = work->units};
  TRY(NEW(&runner->found, work->units));
  TRY(NEW(&runner->done, work->units));
  TRY(NEW(&runner->packs, work->units));
  TRY(NEW(&runner->facts, 2 * work->units));
done:
  return status;
}

static void runner_clear(Runner *runner) {
  for (int64_t i = 0; i < runner->work->units; i++) {
    if (runner->found) fields_clear(&runner->found[i]);
    if (runner->packs) memory_free(&runner->packs[i]);
  }
  memory_free(&runner->found);
  memory_free(&runner->done);
  memory_free(&runner->packs);
  memory_free(&runner->facts);
}

static void find_units(Runner *runner) {
  if (!runner->sink || !runner->sink->find) return;
  for (int64_t unit = 0; unit < runner->work->units; unit++)
    runner->done[unit] = runner->sink->find(runner->sink, unit, &runner->found[unit]);
}

/* Ranks may have found different units (a file system that lags): keep what all have. */
static void agree_found_all(Runner *runner) {
  int64_t n = runner->work->units, *all = runner->facts;
  for (int64_t i = 0; i < n; i++) all[i] = runner->done[i];
  comm_min_all(runner->comm, all, n);
  for (int64_t i = 0; i < n; i++) {
    runner->done[i] = (uint8_t)all[i];
    runner->n_found += all[i];
    if (!all[i]) fields_clear(&runner->found[i]);
    all[i] = 0;
  }
}

/* How many units are finished for certain: those that were found, this rank's own, and all that
 * were handed out before but for one on each other rank. */
static int64_t count_done(Runner *runner, int64_t unit) {
  for (; runner->scanned <= unit; runner->scanned++)
    runner->found_passed += runner->done[runner->scanned];
  int64_t own = runner->n_found + runner->n_made;
  int64_t handed_out = unit + 1 - (runner->comm->size - 1);
  int64_t others = handed_out + runner->n_found - runner->found_passed;
  return own > others ? own : others;
}

/* The group's rank 0 keeps the result. */
static Status keep_result(Runner *runner, int64_t unit, const Fields *result) {
  const Work *work = runner->work;
  Status status = fields_pack(result, &runner->packs[unit], &runner->facts[unit]);
  if (status != OK) return status;
  runner->facts[work->units + unit] = runner->comm->rank;
  runner->n_made++;
  fault_hit(FAULT_KILL);
  int64_t done = count_done(runner, unit);
  runner->stopped = work_tick(runner->sink, unit, done, work->units, result);
  return OK;
}

static Status run_one_all(Runner *runner, int64_t unit) {
  const Work *work = runner->work;
  Fields result;
  fields_init(&result, FIELDS_OUT);
  Status status = work->run(work->context, unit, &result);
  if (status == OK) {
    Status local = runner->group->rank == 0 ? keep_result(runner, unit, &result) : OK;
    status = status_agree_all(runner->group, local);
  }
  fields_clear(&result);
  if (work->release) work->release(work->context, unit);
  return status;
}

/* The next unit of this rank's group, or work->units when there is none or a stop was asked for.
 */
static int64_t next_unit_all(Runner *runner, Counter *counter) {
  int64_t unit = runner->work->units;
  bool stop = runner->stopped || work_stopping(runner->sink);
  if (comm_any_all(runner->group, stop)) return unit;
  if (runner->group->rank == 0) unit = counter_add(counter, 1);
  comm_broadcast_all(runner->group, 0, &unit, sizeof unit);
  return unit;
}

static Status run_units_all(Runner *runner, Counter *counter) {
  Status status = OK;
  while (status == OK) {
    int64_t unit = next_unit_all(runner, counter);
    if (unit >= runner->work->units) break;
    if (runner->done[unit]) continue;
    status = run_one_all(runner, unit);
    if (status != OK) runner->failed = unit;
  }
  counter_add(counter, runner->work->units); /* nobody takes another one */
  return status;
}

/* The status of the lowest failing unit, on all ranks. */
static Status agree_failure_all(const Runner *runner, Status local) {
  int64_t first = runner->failed;
  comm_min_all(runner->comm, &first, 1);
  return status_agree_all(runner->comm, runner->failed == first ? local : OK);
}

static Status place_pack(const Runner *runner, int64_t unit, const uint8_t *bytes) {
  const Work *work = runner->work;
  Fields result;
  Status status = fields_unpack(bytes, runner->facts[unit], &result);
  if (status == OK) status = work->place(work->context, unit, &result);
  fields_clear(&result);
  return status;
}

/* Place units begin .. end - 1. packs: those of each rank in order, from at[rank] on; NULL: all are
 * this rank's own. */
static Status place_units(Runner *runner, int64_t begin, int64_t end, const uint8_t *packs,
                          size_t *at) {
  Status status = OK;
  const Work *work = runner->work;
  for (int64_t unit = begin; unit < end; unit++) {
    int64_t rank = runner->facts[work->units + unit];
    if (runner->done[unit]) {
      TRY(work->place(work->context, unit, &runner->found[unit]));
      fields_clear(&runner->found[unit]);
    } else if (packs) {
      TRY(place_pack(runner, unit, packs + at[rank]));
      at[rank] += (size_t)runner->facts[unit];
    } else {
      TRY(place_pack(runner, unit, runner->packs[unit]));
      memory_free(&runner->packs[unit]);
    }
  }
done:
  return status;
}

/* This rank's packs of units begin .. end - 1, one after the other; they are freed. */
static Status join_packs(Runner *runner, int64_t begin, int64_t end, uint8_t **out, size_t *bytes) {
  Status status = OK;
  int64_t total = 0, used = 0;
  for (int64_t i = begin; i < end; i++) total += runner->packs[i] ? runner->facts[i] : 0;
  TRY(NEW_RAW(out, total));
  for (int64_t i = begin; i < end; i++) {
    if (!runner->packs[i]) continue;
    memcpy(*out + used, runner->packs[i], (size_t)runner->facts[i]);
    used += runner->facts[i];
    memory_free(&runner->packs[i]);
  }
  *bytes = (size_t)total;
done:
  return status;
}

static Status place_batch_all(Runner *runner, int64_t begin, int64_t end) {
  Status status = OK;
  uint8_t *mine = NULL, *packs = NULL;
  size_t bytes = 0, *offsets = NULL;
  const Comm *comm = runner->comm;
  if (comm->size > 1) {
    Status local = NEW(&offsets, comm->size + 1);
    if (local == OK) local = join_packs(runner, begin, end, &mine, &bytes);
    AGREE(comm, local);
    TRY(comm_concatenate_all(comm, mine, bytes, (void **)&packs, offsets));
    memory_free(&mine);
  }
  AGREE(comm, place_units(runner, begin, end, packs, offsets));
done:
  memory_free(&mine);
  memory_free(&packs);
  memory_free(&offsets);
  return status;
}

/* A large unit. buffer: room for one, kept between calls. */
static Status place_large_all(Runner *runner, int64_t unit, uint8_t **buffer, int64_t *capacity) {
  Status status = OK;
  const Comm *comm = runner->comm;
  int64_t bytes = runner->facts[unit];
  if (!runner->packs[unit] && bytes > *capacity) {
    memory_free(buffer);
    *capacity = bytes + bytes / 4;
    status = NEW_RAW(buffer, *capacity);
  }
  AGREE(comm, status);
  uint8_t *pack = runner->packs[unit] ? runner->packs[unit] : *buffer;
  comm_broadcast_all(comm, (int)runner->facts[runner->work->units + unit], pack, (size_t)bytes);
  AGREE(comm, place_pack(runner, unit, pack));
  memory_free(&runner->packs[unit]);
done:
  return status;
}

static Status place_all(Runner *runner) {
  Status status = OK;
  uint8_t *buffer = NULL;
  int64_t units = runner->work->units, *facts = runner->facts, capacity = 0;
  comm_sum_all(runner->comm, facts, 2 * units);
  for (int64_t begin = 0, end = 0; begin < units; begin = end) {
    int64_t bytes = facts[end++];
    if (bytes >= LARGE_BYTES) {
      TRY(place_large_all(runner, begin, &buffer, &capacity));
      continue;
    }
    while (end < units && facts[end] < LARGE_BYTES && bytes + facts[end] <= BATCH_BYTES) {
      bytes += facts[end++];
    }
    TRY(place_batch_all(runner, begin, end));
  }
done:
  memory_free(&buffer);
  return status;
}

Status work_run_groups_all(const Comm *comm, const Comm *group, const Work *work, WorkSink *sink) {
  Status status = OK;
  Counter counter;
  Runner runner;
  AGREE(comm, runner_init(&runner, comm, group, work, sink));
  find_units(&runner);
  agree_found_all(&runner);
  counter_init_all(comm, &counter);
  Status local = run_units_all(&runner, &counter);
  counter_clear_all(comm, &counter);
  if (work->finish) work->finish(work->context);
  TRY(agree_failure_all(&runner, local));
  int64_t finished = comm_sum_one_all(comm, runner.n_made) + runner.n_found;
  if (finished < work->units) {
    status = status_fail(STOPPED, "stopped on request after %lld of %lld units; run again to go on",
                         (long long)finished, (long long)work->units);
    goto done;
  }
  TRY(place_all(&runner));
done:
  runner_clear(&runner);
  return status;
}

Status work_run_all(const Comm *comm, const Work *work, WorkSink *sink) {
  Comm self = comm_self();
  return work_run_groups_all(comm, &self, work, sink);
}

bool work_tick(WorkSink *sink, int64_t unit, int64_t done, int64_t total, const Fields *fields) {
  return sink && sink->tick && sink->tick(sink, unit, done, total, fields);
}

bool work_stopping(WorkSink *sink) {
  answer_others();
  return sink && sink->stopping && sink->stopping(sink);
}

void work_tell(WorkSink *sink, int64_t done, const WorkNumber *numbers, int64_t n) {
  if (sink && sink->tell) sink->tell(sink, done, numbers, n);
}

void work_phase(WorkSink *sink, const char *name) {
  if (sink && sink->phase) sink->phase(sink, name);
}
