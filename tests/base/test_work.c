/* Units of work: every unit placed once and in order on every rank, whatever ranks there are;
 * failures, stops, units found from an earlier attempt, and rank 0 busy while others go on. */
#include "kernels/base/work.h"

#include <stdlib.h>
#include <unistd.h>

#include "kernels/base/fault.h"
#include "kernels/base/memory.h"
#include "tests/check.h"

typedef struct Squares {
  const Comm *comm, *group;
  int64_t *made; /* length unit % 5 + bytes */
  int64_t next;  /* the unit that has to be placed next */
  int64_t ran, wrong;
  int64_t fail_from; /* units from here on fail; -1: none */
  int64_t extra;     /* numbers added to every unit */
  int64_t sleep_ms;  /* rank 0's first unit takes so long, units of others 1 ms */
} Squares;

static Status run(void *context, int64_t unit, Fields *result) {
  Squares *squares = context;
  Status status = OK;
  if (squares->fail_from >= 0 && unit >= squares->fail_from)
    return status_fail(NUMERIC, "unit %d failed", (int)unit);
  if (squares->sleep_ms > 0)
    usleep(squares->comm->rank == 0 ? (useconds_t)squares->sleep_ms * 1000 : 1000);
  squares->ran++;
  int64_t n = unit % 5 + squares->extra;
  TRY(NEW(&squares->made, n));
  for (int64_t i = 0; i < n; i++) squares->made[i] = unit * unit + i;
  TRY(fields_array(result, "squares", FIELD_INTEGER, &squares->made, 1, &n));
  TRY(fields_integer(result, "unit", &unit));
done:
  return status;
}

static void release(void *context, int64_t unit) {
  (void)unit;
  memory_free(&((Squares *)context)->made);
}

static Status place(void *context, int64_t unit, Fields *result) {
  Squares *squares = context;
  Status status = OK;
  int64_t *got = NULL, n = -1, number = -1;
  TRY(fields_array(result, "squares", FIELD_INTEGER, &got, 1, &n));
  TRY(fields_integer(result, "unit", &number));
  squares->wrong += number != unit || unit != squares->next || n != unit % 5 + squares->extra;
  for (int64_t i = 0; i < n; i++) squares->wrong += got[i] != unit * unit + i;
  squares->next = unit + 1;
done:
  memory_free(&got);
  return status;
}

typedef struct Sink {
  WorkSink base;
  int64_t stop_after; /* ticks of this rank; -1: never */
  int64_t ticks, last_done, backwards, found;
  int64_t find_below, find_step; /* finds the multiples of step below this unit */
  bool refuse;                   /* a stop was asked for already */
  double last_tick;
} Sink;

static bool tick(WorkSink *base, int64_t unit, int64_t done, int64_t total, const Fields *fields) {
  Sink *sink = (Sink *)base;
  (void)unit;
  sink->ticks++;
  sink->backwards += done < sink->last_done || done > total || !fields_find(fields, "unit");
  sink->last_done = done;
  sink->last_tick = MPI_Wtime();
  return sink->ticks == sink->stop_after;
}

static bool stopping(WorkSink *base) { return ((Sink *)base)->refuse; }

static bool find(WorkSink *base, int64_t unit, Fields *out) {
  Sink *sink = (Sink *)base;
  if (unit >= sink->find_below || unit % sink->find_step != 0) return false;
  Squares squares = {.fail_from = -1};
  Fields fields;
  fields_init(&fields, FIELDS_OUT);
  CHECK_OK(run(&squares, unit, &fields));
  CHECK_OK(fields_copy(&fields, out));
  fields_clear(&fields);
  memory_free(&squares.made);
  sink->found++;
  return true;
}

static Sink new_sink(void) {
  return (Sink){
      .base = {.tick = tick, .stopping = stopping, .find = find}, .stop_after = -1, .find_step = 1};
}

/* A unit of a group: its members add up their ranks' parts. */
static Status run_together(void *context, int64_t unit, Fields *result) {
  Squares *squares = context;
  Status status = run(context, unit, result);
  int64_t members = comm_sum_one_all(squares->group, status == OK);
  squares->wrong += status == OK && members != squares->group->size;
  if (squares->group->rank > 0) fields_clear(result); /* rank 0's counts */
  return status_agree_all(squares->group, status);
}

static Status run_squares(const Comm *comm, Squares *squares, int64_t units, Sink *sink) {
  Work work = {.units = units, .run = run, .release = release, .place = place, .context = squares};
  return work_run_all(comm, &work, sink ? &sink->base : NULL);
}

static void test_all_units(const Comm *comm) {
  const int64_t counts[] = {0, 1, 2, 3, 7, 100};
  for (int i = 0; i < 6; i++) {
    Squares squares = {.comm = comm, .fail_from = -1};
    Sink sink = new_sink();
    CHECK_OK(run_squares(comm, &squares, counts[i], i % 2 ? &sink : NULL));
    CHECK_INTEGER(squares.next, counts[i]);
    CHECK_INTEGER(squares.wrong, 0);
    CHECK_INTEGER(comm_sum_one_all(comm, squares.ran), counts[i]);
    CHECK_INTEGER(sink.backwards, 0);
    CHECK_INTEGER(memory_balance(), 0);
  }
  /* Units of 24 MB are exchanged in several batches. */
  Squares large = {.comm = comm, .fail_from = -1, .extra = 3000000};
  CHECK_OK(run_squares(comm, &large, 7, NULL));
  CHECK_INTEGER(large.next, 7);
  CHECK_INTEGER(large.wrong, 0);
}

static void test_failure(const Comm *comm) {
  Squares squares = {.comm = comm, .fail_from = 5};
  CHECK_INTEGER(run_squares(comm, &squares, 1000, NULL), NUMERIC);
  CHECK_TEXT(status_message(), "unit 5 failed");
  CHECK_INTEGER(squares.next, 0);
  CHECK_INTEGER(comm_sum_one_all(comm, squares.ran), 5);
  CHECK_INTEGER(memory_balance(), 0);
}

static void test_memory(const Comm *comm) {
  for (int rank = 0; rank < comm->size; rank++) {
    Status status = MEMORY;
    int64_t nth = 1;
    for (; status != OK && nth < 1000; nth += 1 + nth / 8) {
      Squares squares = {.comm = comm, .fail_from = -1};
      if (comm->rank == rank) fault_arm(FAULT_MEMORY, nth, false);
      status = run_squares(comm, &squares, 9, NULL);
      fault_arm(FAULT_MEMORY, 0, false);
      CHECK(status == OK || status == MEMORY);
      CHECK_INTEGER(status_agree_all(comm, status), status);
      CHECK_INTEGER(memory_balance(), 0);
    }
    CHECK(status == OK && nth > 10);
  }
}

/* One rank is asked to stop; the next attempt finds what was done. */
static void test_stop(const Comm *comm) {
  Squares squares = {.comm = comm, .fail_from = -1, .sleep_ms = 1};
  Sink sink = new_sink();
  if (comm->rank == comm->size - 1) sink.stop_after = 2;
  CHECK_INTEGER(run_squares(comm, &squares, 10000, &sink), STOPPED);
  CHECK_MESSAGE("of 10000 units; run again to go on");
  CHECK_INTEGER(squares.next, 0);
  CHECK(comm_sum_one_all(comm, squares.ran) < 5000);
  sink = new_sink();
  sink.refuse = true;
  squares.ran = 0;
  CHECK_INTEGER(run_squares(comm, &squares, 10, &sink), STOPPED);
  CHECK_INTEGER(squares.ran, 0);
}

static void test_found(const Comm *comm) {
  Squares squares = {.comm = comm, .fail_from = -1};
  Sink sink = new_sink();
  sink.find_below = 20;
  sink.find_step = 3;
  CHECK_OK(run_squares(comm, &squares, 30, &sink));
  CHECK_INTEGER(squares.next, 30);
  CHECK_INTEGER(squares.wrong, 0);
  CHECK_INTEGER(sink.found, 7);
  CHECK_INTEGER(comm_sum_one_all(comm, squares.ran), 23);
  CHECK_INTEGER(sink.backwards, 0);
  /* Rank 0 sees fewer: only what all have counts. */
  squares = (Squares){.comm = comm, .fail_from = -1};
  sink = new_sink();
  sink.find_below = comm->rank == 0 ? 4 : 30;
  CHECK_OK(run_squares(comm, &squares, 30, &sink));
  CHECK_INTEGER(squares.next, 30);
  CHECK_INTEGER(squares.wrong, 0);
  CHECK_INTEGER(comm_sum_one_all(comm, squares.ran), 26);
  /* All are found: a stop has nothing left to stop. */
  squares = (Squares){.comm = comm, .fail_from = -1};
  sink = new_sink();
  sink.find_below = 30;
  sink.refuse = true;
  CHECK_OK(run_squares(comm, &squares, 30, &sink));
  CHECK_INTEGER(squares.next, 30);
  CHECK_INTEGER(squares.ran, 0);
}

/* Units of groups of every number: placed on all ranks, a failure and a stop are those of all. */
static void test_groups(const Comm *comm) {
  for (int groups = 1; groups <= comm->size; groups++) {
    Comm group;
    comm_split_all(comm, comm->rank * groups / comm->size, &group);
    Squares squares = {.comm = comm, .group = &group, .fail_from = -1};
    Work work = {
        .units = 40, .run = run_together, .release = release, .place = place, .context = &squares};
    Sink sink = new_sink();
    sink.find_below = 20;
    sink.find_step = 3;
    CHECK_OK(work_run_groups_all(comm, &group, &work, &sink.base));
    CHECK_INTEGER(squares.next, 40);
    CHECK_INTEGER(squares.wrong, 0);
    CHECK_INTEGER(comm_sum_one_all(comm, group.rank == 0 ? squares.ran : 0), 33);
    CHECK_INTEGER(comm_sum_one_all(comm, sink.ticks), 33);
    squares = (Squares){.comm = comm, .group = &group, .fail_from = 11};
    CHECK_INTEGER(work_run_groups_all(comm, &group, &work, NULL), NUMERIC);
    CHECK_TEXT(status_message(), "unit 11 failed");
    squares = (Squares){.comm = comm, .group = &group, .fail_from = -1};
    sink = new_sink();
    sink.refuse = comm->rank == comm->size - 1; /* on one rank of one group */
    work.units = 100000;
    CHECK_INTEGER(work_run_groups_all(comm, &group, &work, &sink.base), STOPPED);
    CHECK_INTEGER(squares.next, 0);
    comm_clear_all(&group);
    CHECK_INTEGER(memory_balance(), 0);
  }
}

/* Rank 0 holds the counter and sleeps a second in its unit: the others take all the rest. */
static void test_busy_rank_0(const Comm *comm) {
  if (comm->size == 1) return;
  Squares squares = {.comm = comm, .fail_from = -1, .sleep_ms = 1000};
  Sink sink = new_sink();
  comm_barrier_all(comm);
  double start = MPI_Wtime();
  CHECK_OK(run_squares(comm, &squares, 60, &sink));
  if (comm->rank > 0 && sink.ticks > 0) CHECK(sink.last_tick - start < 0.8);
  if (comm->rank == 0) CHECK(squares.ran <= 1);
  CHECK_INTEGER(squares.wrong, 0);
}

int main(int argc, char **argv) {
  MPI_Init(&argc, &argv);
  Comm comm = comm_world();
  test_all_units(&comm);
  test_failure(&comm);
  test_memory(&comm);
  test_stop(&comm);
  test_found(&comm);
  test_groups(&comm);
  test_busy_rank_0(&comm);
  CHECK_INTEGER(memory_balance(), 0);
  MPI_Finalize();
  return check_report("base_work");
}
