/* The run: executes the graph on a communicator: cache, progress, stop, resume, manifest.
 *
 * Artifacts are immutable files stages/STAGE-KEY.h5, so an attempt never overwrites what the last
 * complete run left; stages/STAGE.h5 is a link to the current one, set when the run is complete.
 * What no longer belongs to the run is removed then. */
#ifndef SEGUE_PIPELINE_RUN_H
#define SEGUE_PIPELINE_RUN_H

#include "config.h"
#include "graph.h"

typedef struct RunOptions {
  const char *run_dir;      /* NULL: runs/NAME */
  const char *const *force; /* stages to make anew, with all that use them; units of a
                               forced attempt that was stopped are used all the same */
  int64_t n_force;
  bool quiet; /* nothing on stderr but failures */
} RunOptions;

/* Can this run begin: are the stages to be forced known, is the folder fit? Local; before
 * run_pipeline_all, to tell a wrong command line from a stage that fails. Fails with INVALID. */
CHECKED Status run_check(const Graph *graph, const RunOptions *options);

/* Run every stage whose artifact is not there already. Collective; options same on all ranks.
 * graph  planned (graph_plan); its keys are made here
 * The ranks have one arithmetic profile (launch_check_profile_all).
 * Fails with what a stage fails with, its message naming the stage; STOPPED when a stop was asked
 * for (running again goes on); IO. Agreed. */
CHECKED Status run_pipeline_all(const Comm *comm, Graph *graph, const RunOptions *options);

#endif
