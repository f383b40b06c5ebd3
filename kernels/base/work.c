/* Units of work over ranks; see work.h.
 *
 * Units are taken from one counter on rank 0 by MPI_Fetch_and_op. Every rank packs what it made;
 * at the end the packs are exchanged and placed in the order of units. A stop or a failure lets
 * every rank finish the unit it is at. */
#include "work.h"

#include <string.h>

#include "fault.h"
#include "memory.h"

/* A shared counter that hands out 0, 1, 2, ... */
typedef struct Counter {
  MPI_Win win;
  int64_t *value;
  int64_t local;
} Counter;

static void counter_init_all(const Comm *comm, Counter *counter) {
  *counter = (Counter){.win = MPI_WIN_NULL};
  if (comm->size == 1) return;
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

static int64_t counter_next(Counter *counter) {
  if (counter->win == MPI_WIN_NULL) return counter->local++;
  int64_t one = 1, taken = 0;
  MPI_Fetch_and_op(&one, &taken, MPI_INT64_T, 0, 0, MPI_SUM, counter->win);
  MPI_Win_flush(0, counter->win);
  return taken;
}

static void counter_clear_all(Counter *counter) {
  if (counter->win == MPI_WIN_NULL) return;
  MPI_Win_unlock_all(counter->win);
  MPI_Win_free(&counter->win);
}

/* What one rank made: for each unit its number, the bytes of its pack, the pack. */
typedef struct Made {
  uint8_t *bytes;
  int64_t n, capacity;
  int64_t units;
} Made;

typedef struct MadeHead {
  int64_t unit, bytes;
} MadeHead;

static Status made_append(Made *made, int64_t unit, const Fields *fields) {
  Status status = OK;
  uint8_t *pack = NULL;
  MadeHead head = {.unit = unit};
  TRY(fields_pack(fields, &pack, &head.bytes));
  TRY(RESERVE(&made->bytes, &made->capacity, made->n + (int64_t)sizeof head + head.bytes));
  memcpy(made->bytes + made->n, &head, sizeof head);
  memcpy(made->bytes + made->n + sizeof head, pack, (size_t)head.bytes);
  made->n += (int64_t)sizeof head + head.bytes;
  made->units++;
done:
  memory_free(&pack);
  return status;
}

typedef struct Runner {
  const Work *work;
  WorkSink *sink;
  Fields *found;   /* per unit: the result of an earlier attempt, n = 0 and done false if none */
  uint8_t *done;   /* per unit: found has it */
  int64_t n_found;
  int64_t failed;  /* lowest failing unit of this rank, or work->units */
  bool stopped;
} Runner;

static Status run_one(Runner *runner, int64_t unit, Made *made) {
  const Work *work = runner->work;
  Fields result;
  fields_init(&result, FIELDS_OUT);
  Status status = work->run(work->context, unit, &result);
  if (status == OK) status = made_append(made, unit, &result);
  if (status == OK) {
    fault_hit(FAULT_KILL);
    int64_t done = runner->n_found + made->units;
    runner->stopped = work_tick(runner->sink, unit, done, work->units, &result);
  }
  fields_clear(&result);
  if (work->release) work->release(work->context, unit);
  return status;
}

static Status run_units(Runner *runner, Counter *counter, Made *made) {
  const Work *work = runner->work;
  while (!runner->stopped) {
    int64_t unit = counter_next(counter);
    if (unit >= work->units) return OK;
    if (runner->done[unit]) continue;
    Status status = run_one(runner, unit, made);
    if (status != OK) {
      runner->failed = unit;
      return status;
    }
  }
  return OK;
}

static Status find_units(Runner *runner) {
  if (!runner->sink || !runner->sink->find) return OK;
  for (int64_t unit = 0; unit < runner->work->units; unit++) {
    runner->done[unit] = runner->sink->find(runner->sink, unit, &runner->found[unit]);
    runner->n_found += runner->done[unit];
  }
  return OK;
}

/* Ranks may have found different units (a file system that lags): keep what all have. */
static Status agree_found_all(const Comm *comm, Runner *runner) {
  Status status = OK;
  int64_t n = runner->work->units, *all = NULL;
  AGREE(comm, NEW(&all, n));
  for (int64_t i = 0; i < n; i++) all[i] = runner->done[i];
  comm_min_all(comm, all, n);
  runner->n_found = 0;
  for (int64_t i = 0; i < n; i++) {
    if (runner->done[i] && !all[i]) fields_clear(&runner->found[i]);
    runner->done[i] = (uint8_t)all[i];
    runner->n_found += all[i];
  }
done:
  memory_free(&all);
  return status;
}

/* The status of the lowest failing unit, on all ranks. */
static Status agree_failure_all(const Comm *comm, const Runner *runner, Status local) {
  int64_t first = runner->failed;
  comm_min_all(comm, &first, 1);
  bool mine = local != OK && runner->failed == first;
  Status agreed = status_agree_all(comm, mine ? local : OK);
  if (agreed != OK) return agreed;
  return status_agree_all(comm, local);
}

/* Place every unit in order from the concatenated packs and what was found. */
static Status place_units(const Runner *runner, const uint8_t *packs, int64_t n) {
  Status status = OK;
  const Work *work = runner->work;
  const uint8_t **at = NULL;
  TRY(NEW(&at, work->units));
  MadeHead head;
  for (int64_t p = 0; p < n; p += (int64_t)sizeof head + head.bytes) {
    memcpy(&head, packs + p, sizeof head);
    at[head.unit] = packs + p;
  }
  for (int64_t unit = 0; unit < work->units; unit++) {
    if (runner->done[unit]) {
      TRY(work->place(work->context, unit, &runner->found[unit]));
      fields_clear(&runner->found[unit]);
      continue;
    }
    Fields result;
    memcpy(&head, at[unit], sizeof head);
    status = fields_unpack(at[unit] + sizeof head, head.bytes, &result);
    if (status == OK) status = work->place(work->context, unit, &result);
    fields_clear(&result);
    TRY(status);
  }
done:
  memory_free(&at);
  return status;
}

Status work_run_all(const Comm *comm, const Work *work, WorkSink *sink) {
  Status status = OK;
  Counter counter;
  Made made = {0};
  uint8_t *packs = NULL;
  Runner runner = {.work = work, .sink = sink, .failed = work->units};
  Status local = NEW(&runner.found, work->units);
  if (local == OK) local = NEW(&runner.done, work->units);
  AGREE(comm, local);
  AGREE(comm, find_units(&runner));
  TRY(agree_found_all(comm, &runner));
  counter_init_all(comm, &counter);
  local = run_units(&runner, &counter, &made);
  counter_clear_all(&counter);
  TRY(agree_failure_all(comm, &runner, local));
  int64_t finished = comm_sum_one_all(comm, made.units) + runner.n_found;
  if (finished < work->units) {
    status = status_fail(STOPPED, "stopped on request after %lld of %lld units; run again to go on",
                         (long long)finished, (long long)work->units);
    goto done;
  }
  size_t *offsets = NULL;
  AGREE(comm, NEW(&offsets, comm->size + 1));
  status = comm_concatenate_all(comm, made.bytes, (size_t)made.n, (void **)&packs, offsets);
  int64_t total = status == OK ? (int64_t)offsets[comm->size] : 0;
  memory_free(&offsets);
  TRY(status);
  memory_free(&made.bytes);
  AGREE(comm, place_units(&runner, packs, total));
done:
  for (int64_t i = 0; runner.found && i < work->units; i++) fields_clear(&runner.found[i]);
  memory_free(&runner.found);
  memory_free(&runner.done);
  memory_free(&made.bytes);
  memory_free(&packs);
  return status;
}

bool work_tick(WorkSink *sink, int64_t unit, int64_t done, int64_t total, const Fields *fields) {
  return sink && sink->tick && sink->tick(sink, unit, done, total, fields);
}

bool work_stopping(WorkSink *sink) { return sink && sink->stopping && sink->stopping(sink); }
