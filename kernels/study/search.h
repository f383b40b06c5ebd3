/* Search: trials of a space, each a spec that is judged on folds; the best of them.
 *
 * Units of work are proposals and fits of a fold (kernels/search/plan.h), handed out to groups of
 * ranks in the plan's order. What a unit finds goes onto a board, where those that depend on it
 * wait for it, and into the sink's journal. No rank waits for a whole round of trials. The trials,
 * and all that is said of them, are the same whatever the ranks, the order in which they end, and
 * how often the study was stopped; those of a longer study begin with those of a shorter one. */
#ifndef SEGUE_STUDY_SEARCH_H
#define SEGUE_STUDY_SEARCH_H

#include "cross_validate.h"
#include "kernels/search/plan.h"
#include "kernels/search/sampler.h"

/* Borrowed, must outlive the search; the same on all ranks. */
typedef struct SearchInputs {
  FoldInputs folds; /* predictions are not kept */
  /* Makes the spec of a point; its model may be one that its kind's check refuses. Specs differ in
   * the model alone. A choice of one number more than a point ends in the share of rounds. */
  SpecMaker *maker;
  const void *options;
  Sampler sampler;
  PlanRules rules; /* folds as folds->n_folds */
  int64_t trials;  /* a multiple of rules.bracket */
  int64_t score;   /* that decides: its place among the task's kinds */
  bool higher_better;
} SearchInputs;

typedef struct SearchTrial {
  double *point; /* borrowed from the result */
  int64_t rung;  /* the last one that it was fitted for; -1: its options contradict each other */
  int64_t folds; /* fitted in that */
  double score, deviation;      /* mean over the folds and standard deviation; NaN: none */
  double mean[EVALUATE_SCORES]; /* over the folds where it is defined */
  int64_t defined[EVALUATE_SCORES];
} SearchTrial;

typedef struct SearchResult {
  int64_t n, width; /* trials; numbers of a point */
  double *points;
  SearchTrial *trials;
  int64_t rungs;
  int64_t best; /* of the trials of the last rung; ties: the lower one */
  int groups;   /* that worked side by side */
} SearchResult;

/* Collective. out is replicated; the caller clears it, also after a failure. Units go to the phase
 * that the caller has begun.
 * Fails with INVALID (every trial is contradictory, a fit cannot be made: the message names the
 * trial and the fold), NUMERIC, MEMORY, STOPPED; agreed. */
CHECKED Status search_run_all(const Comm *comm, const SearchInputs *in, WorkSink *sink,
                              SearchResult *out);
void search_result_clear(SearchResult *result);

#endif
