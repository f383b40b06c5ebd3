/* Units of work: trees, folds, trials, epochs; run over ranks, reported, saved, stopped, resumed.
 *
 * A kernel describes its units; work_run_all hands them out, calls the sink after each, places
 * results by unit number and never by who made them or when. The pipeline provides the sink:
 * progress on the terminal, finished units on disk, the request to stop. Kernels work without a
 * sink (NULL) too. */
#ifndef SEGUE_BASE_WORK_H
#define SEGUE_BASE_WORK_H

#include "comm.h"
#include "fields.h"

/* A number that changes as work goes on, such as a loss; NaN: not known now. */
typedef struct WorkNumber {
  const char *name;
  double value;
} WorkNumber;

typedef struct WorkSink WorkSink;
struct WorkSink {
  /* A unit is done on this rank. Local; may save and print. Returns true when a stop was asked for.
   * unit    number of the unit; done, total: units finished as far as this rank knows
   * fields  the unit's result for saving, borrowed; NULL: nothing to save */
  bool (*tick)(WorkSink *sink, int64_t unit, int64_t done, int64_t total, const Fields *fields);
  /* A new numbering of units begins ("fold 3", "final fit"): keeps their files and progress apart.
   * Local; same on all ranks. */
  void (*phase)(WorkSink *sink, const char *name);
  /* What numbers are after `done` units. Local, called on rank 0 of a fit alone; may be NULL, as it
   * is for tasks side by side. For watching: a failure is nobody's. */
  void (*tell)(WorkSink *sink, int64_t done, const WorkNumber *numbers, int64_t n);
  /* Was a stop asked for on this rank? Local, cheap: for long loops between units. */
  bool (*stopping)(WorkSink *sink);
  /* Read a finished unit of an earlier attempt: fills out (an IN list the caller clears) and
   * returns true, or returns false when there is none. Local, the same on all ranks. */
  bool (*find)(WorkSink *sink, int64_t unit, Fields *out);
  /* Append what a study found to its journal, which outlives the stage: a later run of the same
   * study, though it be longer, finds it again. Local; may be NULL, as find_record may.
   * number  of the record; written once */
  void (*record)(WorkSink *sink, int64_t number, const Fields *fields);
  /* Read a record of an earlier attempt or run, as find does. */
  bool (*find_record)(WorkSink *sink, int64_t number, Fields *out);
};

typedef struct Work {
  int64_t units;
  /* Make one unit. Local (communicates with nobody outside the unit's group). result is an empty
   * OUT list: what is added to it must stay alive until release. */
  Status (*run)(void *context, int64_t unit, Fields *result);
  /* Free what run made for the unit. Local; may be NULL. */
  void (*release)(void *context, int64_t unit);
  /* No unit will be run any more: free what only run needs, before results are exchanged. Local;
   * may be NULL. */
  void (*finish)(void *context);
  /* Take the result of a unit (its own, another rank's, or an earlier attempt's), an IN list.
   * Called on every rank once for each unit, in the order of units. Local. */
  Status (*place)(void *context, int64_t unit, Fields *result);
  void *context; /* borrowed */
} Work;

/* Run all units over the ranks of comm.
 *
 * Collective; work->units same on all ranks. Units are taken dynamically (an atomic counter), so
 * unlike units balance themselves; results do not depend on who ran what.
 * Fails with the first failing unit's status (lowest unit number), agreed; STOPPED when a stop was
 * asked for: finished units are saved then; MEMORY. */
CHECKED Status work_run_all(const Comm *comm, const Work *work, WorkSink *sink);

/* The same with units that a group of ranks makes together: work->run is then collective over
 * group, its status agreed there, and the result counts on the group's rank 0.
 *
 * Collective over comm. group: this rank's; every rank of comm is in one (comm_split_all), and all
 * of a group have the same work and sink. comm itself is one group of all. */
CHECKED Status work_run_groups_all(const Comm *comm, const Comm *group, const Work *work,
                                   WorkSink *sink);

/* Local shorthands that accept a NULL sink. */
bool work_tick(WorkSink *sink, int64_t unit, int64_t done, int64_t total, const Fields *fields);
/* Units of more than a second ask now and then (also without a sink): between nodes that is when
 * this rank's MPI hands units to others. */
bool work_stopping(WorkSink *sink);
void work_phase(WorkSink *sink, const char *name);
void work_tell(WorkSink *sink, int64_t done, const WorkNumber *numbers, int64_t n);

#endif
